/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The timers of a PC: PIT channel 0 on IRQ 0, the RTC's periodic interrupt on
 * IRQ 8 behind the second PIC, and PIT channel 2 behind port 61h.
 */
#include "real.inc"

#define PIT		0x40
#define RTC		0x70

_start:
	vector	0x08, irq0
	vector	0x70, irq8
	init_pics 0xfa, 0xfe		/* IRQ 0 and the cascade; IRQ 8 */

	/* 8 ticks of 10 ms, mode 2 */
	mov	$0x34, %al
	out	%al, $PIT + 3
	mov	$11932 & 0xff, %al
	out	%al, $PIT
	mov	$11932 >> 8, %al
	out	%al, $PIT
1:	sti
	hlt
	cmpb	$8, ticks
	jb	1b
	mov	$pit_text, %si
	put_string

	/* One shot: exactly one more. */
	cli
	mov	$0x30, %al
	out	%al, $PIT + 3
	movb	$0, ticks
	mov	$1193 & 0xff, %al
	out	%al, $PIT
	mov	$1193 >> 8, %al
	out	%al, $PIT
1:	sti
	hlt
	cmpb	$1, ticks
	jb	1b

	/* RTC: register A rate 1024 Hz, register B PIE */
	cli
	mov	$0x0a, %al
	out	%al, $RTC
	mov	$0x26, %al
	out	%al, $RTC + 1
	mov	$0x0b, %al
	out	%al, $RTC
	mov	$0x42, %al
	out	%al, $RTC + 1
1:	sti
	hlt
	cmpb	$8, periods
	jb	1b
	cli
	mov	$0x0b, %al
	out	%al, $RTC
	mov	$0x02, %al
	out	%al, $RTC + 1
	cmpb	$1, ticks		/* the one shot stayed one */
	je	2f
	exit	1
2:	mov	$rtc_text, %si
	put_string

	/* Channel 2, mode 0: OUT is low until the count is done, and the gate. */
	mov	$0x00, %al
	out	%al, $0x61
	mov	$0xb0, %al
	out	%al, $PIT + 3
	mov	$0xff, %al
	out	%al, $PIT + 2
	mov	$0x10, %al
	out	%al, $PIT + 2
	in	$0x61, %al
	test	$0x20, %al
	jz	3f
	exit	2
3:	mov	$0x01, %al
	out	%al, $0x61
4:	in	$0x61, %al
	test	$0x20, %al
	jz	4b
	mov	$speaker_text, %si
	put_string
	exit	9

irq0:
	push	%ax
	incb	ticks
	mov	$EOI, %al
	out	%al, $PIC1
	pop	%ax
	iret

irq8:
	push	%ax
	mov	$0x0c, %al		/* reading register C lets the next come */
	out	%al, $RTC
	in	$RTC + 1, %al
	test	$0x40, %al
	jnz	1f
	exit	3
1:	incb	periods
	mov	$EOI, %al
	out	%al, $PIC2
	out	%al, $PIC1
	pop	%ax
	iret

ticks:
	.byte	0
periods:
	.byte	0
pit_text:
	.asciz	"pit channel 0: 8 ticks\n"
rtc_text:
	.asciz	"rtc: 8 periods\n"
speaker_text:
	.asciz	"pit channel 2: counted\n"

	.section .note.GNU-stack, "", @progbits
