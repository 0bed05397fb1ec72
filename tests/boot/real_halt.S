/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Halts for good. */
#include "real.inc"

_start:
	mov	$text, %si
	put_string
1:	cli
	hlt
	jmp	1b
text:
	.asciz	"halted\n"

	.section .note.GNU-stack, "", @progbits
