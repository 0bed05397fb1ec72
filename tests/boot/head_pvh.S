/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Xen's docs/misc/pvh.pandoc. */
#define XEN_ELFNOTE_PHYS32_ENTRY	18

	.section .note.pvh, "a", @note
	.long	4, 4, XEN_ELFNOTE_PHYS32_ENTRY
	.asciz	"Xen"
	.long	_start

	.section .note.GNU-stack, "", @progbits
