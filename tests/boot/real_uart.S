/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes to COM1 by interrupt: IRQ 4, one character for each "transmitter
 * holding register empty". Interrupts that come of nothing are errors.
 */
#include "real.inc"

_start:
	vector	0x0c, irq4
	init_pics 0xef, 0xff
	mov	$text, %si
	mov	$COM1 + 4, %dx		/* MCR: OUT2 lets the interrupt through */
	mov	$0x08, %al
	out	%al, %dx
	mov	$COM1 + 1, %dx		/* IER: THRE */
	mov	$0x02, %al
	out	%al, %dx
1:	cli
	cmpb	$0, sent_all
	jne	2f
	sti
	hlt
	jmp	1b
2:	sti
	exit	8

irq4:
	push	%ax
	push	%dx
	mov	$COM1 + 2, %dx		/* IIR */
	in	%dx, %al
	and	$0x0f, %al
	cmp	$0x02, %al
	je	1f
	exit	1
1:	lodsb
	test	%al, %al
	jnz	2f
	incb	sent_all
	mov	$COM1 + 1, %dx
	out	%al, %dx
	jmp	3f
2:	mov	$COM1, %dx
	out	%al, %dx
3:	mov	$EOI, %al
	out	%al, $PIC1
	pop	%dx
	pop	%ax
	iret

sent_all:
	.byte	0
text:
	.asciz	"each of these characters took an interrupt\n"

	.section .note.GNU-stack, "", @progbits
