/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 32-bit code, linked before, in an ELF64 image; the note for PVH only. */
	.section .image, "awx"
	.incbin	IMAGE

#ifdef PVH
	.section .note.pvh, "a", @note
	.long	4, 4, 18
	.asciz	"Xen"
	.long	_start
#endif
	.section .note.GNU-stack, "", @progbits
