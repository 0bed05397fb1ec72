/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Multiboot Specification 0.6.96, 3.1 and 3.2. */
#define MAGIC	0x1badb002
#define FLAGS	0x00010003	/* pages, memory map; the addresses, for the flat form */

	.section .head, "ax"
header:
	.long	MAGIC
	.long	FLAGS
	.long	-(MAGIC + FLAGS)
	.long	header
	.long	image_start
	.long	image_loaded
	.long	image_end
	.long	_start

	.section .note.GNU-stack, "", @progbits
