/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Xen's docs/misc/pvh.pandoc. */
#define XEN_ELFNOTE_PHYS32_ENTRY	18

	.section .note.pvh, "a", @note
	.long	4, 4, XEN_ELFNOTE_PHYS32_ENTRY
	.asciz	"Xen"
	.long	_start

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
