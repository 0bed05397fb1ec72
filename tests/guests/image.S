/* SPDX-License-Identifier: GPL-2.0-or-later */
	.section .rodata
	.globl	image, image_end
image:
	.incbin	"guest.bin"
image_end:
	.section .note.GNU-stack, "", @progbits
