/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pattern in much memory. Each of OVER_WORDS words of a page is the product of
 * its address, exclusive-or a salt, with an odd constant: no two words under one
 * salt are the same.
 */
#include "guest.inc"
#include "overcommit.h"

/*
 * RSI pages from RDI on must have the pattern of salt RDX, zeros if it is 0,
 * and get that of RCX, none if it is 0. OVER_ERRORS and what the first was.
 */
guest64 over_round
	mov	$OVER_FACTOR, %r10
	mov	$OVER_WORDS, %ebp
1:	xor	%r8d, %r8d
	test	%rdx, %rdx
	jz	2f
	mov	%rdi, %r8
	xor	%rdx, %r8
	imul	%r10, %r8
2:	mov	(%rdi), %rax
	cmp	%r8, %rax
	je	3f
	lock incq OVER_ERRORS
	cmpq	$0, OVER_AT
	jne	3f
	mov	%rdi, OVER_AT
	mov	%rax, OVER_FOUND
	mov	%r8, OVER_WANTED
3:	test	%rcx, %rcx
	jz	4f
	mov	%rdi, %rax
	xor	%rcx, %rax
	imul	%r10, %rax
	mov	%rax, (%rdi)
4:	add	$OVER_STRIDE, %rdi
	dec	%ebp
	jnz	1b
	mov	$OVER_WORDS, %ebp
	add	%r9, %rdi
	dec	%rsi
	jnz	1b
	done
