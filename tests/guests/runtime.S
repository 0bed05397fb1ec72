/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The vectors of all micro-guests, one table for each size of frame. Each puts
 * its number on the stack, above the error code (0 where there is none), and
 * lets the host look at the frame; the host may change it before the IRET.
 */
#include "guest.inc"

/* Vectors that push an error code: SDM Vol. 3, table "Protected-Mode Exceptions and Interrupts". */
#define HAS_ERROR(n)	((n) == 8 || ((n) >= 10 && (n) <= 14) || (n) == 17 || (n) == 21)

/* Real mode, virtual-8086 mode without IDT redirection: no error codes. */
	.section .text16, "awx"
	.code16
	.balign	16
vectors16:
	.set	n, 0
	.rept	256
	.balign	8
	pushw	$n
	jmp	common16
	.set	n, n + 1
	.endr
common16:
	out	%al, $PORT_EXCEPTION
	add	$2, %sp
	iretw

	.section .guest, "awx"
	.code32
	.balign	16
vectors32:
	.set	n, 0
	.rept	256
	.balign	16
	.if	!HAS_ERROR(n)
	pushl	$0
	.endif
	pushl	$n
	jmp	common32
	.set	n, n + 1
	.endr
common32:
	out	%al, $PORT_EXCEPTION
	add	$8, %esp
	iretl

	.code64
	.balign	16
vectors64:
	.set	n, 0
	.rept	256
	.balign	16
	.if	!HAS_ERROR(n)
	pushq	$0
	.endif
	pushq	$n
	jmp	common64
	.set	n, n + 1
	.endr
common64:
	out	%al, $PORT_EXCEPTION
	add	$16, %rsp
	iretq
