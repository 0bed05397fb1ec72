/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asynchronous page faults: a guest that touches page after page, going on with
 * the next one whenever it is told that one is not present, and that waits until
 * all of them are ready.
 */
#include "calls.h"
#include "guest.inc"
#include "pv_async.h"

/* A #PF: one of those, or the guest is wrong. */
guest64 async_fault
	push	%rax
	push	%rcx
	cmpl	$1, ASYNC_FLAGS
	jne	1f
	movl	$0, ASYNC_FLAGS
	mov	%cr2, %rax
	mov	ASYNC_TOLD, %rcx
	mov	%eax, ASYNC_TOKENS(,%rcx,4)
	incq	ASYNC_TOLD
	cmpq	$0, 16(%rsp)		/* the error code */
	je	2f
1:	incq	ASYNC_WRONG
2:	addq	$2, 24(%rsp)		/* touch_page's instructions have two bytes */
	pop	%rcx
	pop	%rax
	add	$8, %rsp
	iretq

/* "Page ready". */
guest64 async_ready
	push	%rax
	push	%rcx
	push	%rdx
	mov	ASYNC_TOKEN, %eax
	mov	ASYNC_TOLD, %rcx
	cmp	$-1, %eax
	je	3f
	test	%eax, %eax
	jz	2f
1:	dec	%rcx
	js	2f
	cmp	%eax, ASYNC_TOKENS(,%rcx,4)
	jne	1b
	movl	$0, ASYNC_TOKENS(,%rcx,4)
	incq	ASYNC_READY
	jmp	5f
2:	incq	ASYNC_WRONG
	jmp	5f
3:	incq	ASYNC_VOID
	mov	%rcx, ASYNC_READY
4:	dec	%rcx
	js	5f
	movl	$0, ASYNC_TOKENS(,%rcx,4)
	jmp	4b
5:	movl	$0, ASYNC_TOKEN
	mov	$MSR_ASYNC_PF_ACK, %ecx
	mov	$1, %eax
	xor	%edx, %edx
	wrmsr
	mov	$MSR_X2APIC_EOI, %ecx
	xor	%eax, %eax
	wrmsr
	pop	%rdx
	pop	%rcx
	pop	%rax
	iretq

/* The page at RDI; its first four bytes into EAX. */
	.macro	touch_page
	xor	%eax, %eax
	test	%ebx, %ebx
	jnz	771f
	mov	(%rdi), %eax
	jmp	772f
771:	incl	(%rdi)
772:	add	$0x1000, %rdi
	.endm

	.macro	touch_pages
	mov	%rsi, %r8
	push	%rdi
781:	touch_page
	dec	%r8
	jnz	781b
	pop	%rdi
	.endm

/* What all of them have, when nothing is told any more. */
	.macro	sum_pages
	mov	%rsi, %r8
	xor	%ebx, %ebx
	xor	%r9d, %r9d
791:	touch_page
	add	%rax, %r9
	dec	%r8
	jnz	791b
	mov	%r9, %rax
	.endm

guest64 async_pages
	mov	%rdx, %r10
	mov	$MSR_ASYNC_PF_INT, %ecx
	mov	$VEC_ASYNC, %eax
	xor	%edx, %edx
	wrmsr
	mov	$MSR_ASYNC_PF_EN, %ecx
	mov	%r10d, %eax
	wrmsr
	test	%r11d, %r11d		/* interrupts stay off */
	jnz	1f
	sti
1:	touch_pages
	host	1
2:	cli
	mov	ASYNC_READY, %rax
	cmp	ASYNC_TOLD, %rax
	jae	3f
	sti
	hlt
	jmp	2b
3:	sum_pages
	reportq
	done

/* By CPL 3, with interrupts on; MSRs are set. */
guest64 async_user
	touch_pages
	host	1
1:	out	%al, $PORT_YIELD
	mov	ASYNC_READY, %rax
	cmp	ASYNC_TOLD, %rax
	jb	1b
	sum_pages
	reportq
	done
