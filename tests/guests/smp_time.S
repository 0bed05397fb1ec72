/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time on several vCPUs: one order of the TSC for all, timers that fire once.
 */
#include "smp.inc"

#define MSR_X2APIC_LVTT	0x832

	.section .guest, "awx"
	.code64

/*
 * SHARED_LAST: the highest that anyone has read. Who has seen it reads no less.
 * CPU_ARG: rounds.
 */
guest64 tsc_order
	barrier
	mov	%gs:CPU_ARG, %r12
1:	mov	SHARED_LAST, %r8
	tsc_ordered
	cmp	%r8, %rax
	wrong_unless ae
	mov	%rax, %r9
	mov	%r8, %rax
2:	cmp	%r9, %rax
	jae	3f
	lock cmpxchg %r9, SHARED_LAST
	jnz	2b
3:	mov	%r12d, %eax
	and	$63, %eax
	jnz	4f
	relax
4:	dec	%r12
	jnz	1b
	barrier
	done

/* The same where a lock says who is before whom. */
guest64 tsc_order_locked
	barrier
	mov	%gs:CPU_ARG, %r12
1:	mov	$1, %eax
	xchg	%eax, SHARED_LOCK
	test	%eax, %eax
	jz	2f
	relax
	jmp	1b
2:	tsc_ordered
	cmp	SHARED_LAST, %rax
	wrong_unless ae
	mov	%rax, SHARED_LAST
	movl	$0, SHARED_LOCK
	relax
	dec	%r12
	jnz	1b
	barrier
	done

/*
 * Arm the deadline timer, wait until it has fired, again. Interrupts go on and
 * off meanwhile. CPU_ARG: rounds; CPU_ARG + 8: the mask of a delay in ticks;
 * CPU_ARG + 16: wait by HLT; CPU_RESULT: how often it was armed.
 */
guest64 timer_exact
	mov	$MSR_X2APIC_LVTT, %ecx
	mov	$LVT_DEADLINE | VEC_SMP_TIMER, %eax
	xor	%edx, %edx
	wrmsr
	mov	%gs:CPU_INDEX, %r13d
	imul	$0x10001, %r13d, %r13d
	barrier
1:	mov	%gs:CPU_VECTORS + 8 * VEC_SMP_TIMER, %rax
	cmp	%gs:CPU_RESULT, %rax
	wrong_unless e
	cmp	%gs:CPU_ARG, %rax
	jae	9f
	incq	%gs:CPU_RESULT
	imul	$1103515245, %r13d, %r13d
	add	$12345, %r13d
	mov	%r13d, %r14d
	shr	$8, %r14d
	and	%gs:CPU_ARG + 8, %r14
	tsc_ordered
	add	%r14, %rax
	mov	%rax, %rdx
	shr	$32, %rdx
	mov	$MSR_TSC_DEADLINE, %ecx
	wrmsr
2:	mov	%gs:CPU_RESULT, %rax
	cmp	%rax, %gs:CPU_VECTORS + 8 * VEC_SMP_TIMER
	jae	1b
	cmpq	$0, %gs:CPU_ARG + 16
	jne	3f
	sti
	push	%rax
	pushfq
	cli
	nop
	popfq
	pop	%rax
	nop
	cli
	relax
	jmp	2b
3:	sti
	hlt
	cli
	jmp	2b
9:	barrier
	done
