/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The handler of devices whose threads are the launcher's: one request for each
 * interrupt.
 */
#include "smp.inc"
#include "smp_irqfd.h"

	.section .guest, "awx"
	.code64

/* RBX: the vector. */
irqfd_serve:
	mov	%rbx, %rdx
	sub	$VEC_SMP, %rdx
	cmp	$PINS, %rdx
	jae	3f
	imul	$PIN_SIZE, %edx, %edx
	add	$SMP_TABLE, %edx
1:	mov	PIN_SERVED(%rdx), %rax
	cmp	PIN_POSTED(%rdx), %rax
	jae	2f
	lea	1(%rax), %rcx
	lock cmpxchg %rcx, PIN_SERVED(%rdx)
	jne	1b
	ret
2:	lock incq PIN_SPURIOUS(%rdx)
3:	ret
