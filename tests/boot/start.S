/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the loader's registers into C; the image's header is in head_*.S. */
	.text
	.globl	_start
_start:
	cld
	mov	$stack_end, %esp
	push	%ebx
	push	%eax
	call	boot

	.bss
	.balign	16
	.skip	8192
stack_end:

	.section .note.GNU-stack, "", @progbits
