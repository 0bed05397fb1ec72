/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state a flat binary begins with. */
#include "real.inc"

_start:
	or	%ebx, %eax
	or	%ecx, %eax
	or	%edx, %eax
	or	%esi, %eax
	or	%edi, %eax
	or	%ebp, %eax
	jnz	bad
	cmp	$0x7c00, %sp
	jne	bad
	mov	%cs, %ax
	mov	%ss, %bx
	or	%bx, %ax
	mov	%ds, %bx
	or	%bx, %ax
	mov	%es, %bx
	or	%bx, %ax
	jnz	bad
	call	1f
1:	pop	%ax
	cmp	$1b, %ax
	jne	bad
	mov	$text, %si
	put_string
	exit	7
bad:
	exit	1
text:
	.asciz	"real mode at 0000:7c00\n"

	.section .note.GNU-stack, "", @progbits
