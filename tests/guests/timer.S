/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The LAPIC timer and the time-stamp counter. Nothing is compared with the
 * time of day: only order, counts, and "not before" by the guest's own TSC.
 */
#include "calls.h"
#include "guest.inc"

#define TIMER_VECTOR	0x61
#define COUNT		SCRATCH_ADDR		/* of the handler */
#define STAMP		(SCRATCH_ADDR + 8)	/* TSC in the handler */
#define RESULTS		(SCRATCH_ADDR + 0x100)

	.section .guest, "awx"
	.code64

/* Registers: EBX is changed. */
.macro lapic_write reg, value:vararg
	mov	$LAPIC_BASE + \reg, %ebx
	movl	$\value, (%rbx)
.endm

.macro lapic_read reg
	mov	$LAPIC_BASE + \reg, %ebx
	movl	(%rbx), %eax
.endm

/* RAX: the TSC. RDX is changed. */
.macro tsc
	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
.endm

.macro wrmsr64
	mov	%rax, %rdx
	shr	$32, %rdx
	wrmsr
.endm

.macro rdmsr64
	rdmsr
	shl	$32, %rdx
	or	%rdx, %rax
.endm

/* RAX ticks pass; RDX and R8 are changed. */
spin:
	mov	%rax, %r8
	tsc
	add	%rax, %r8
1:	tsc
	cmp	%r8, %rax
	jb	1b
	ret

/* Counts, notes when, EOI. */
timer_handler:
	push	%rax
	push	%rdx
	push	%rbx
	tsc
	mov	%rax, STAMP
	incq	COUNT
	lapic_write LAPIC_EOI, 0
	pop	%rbx
	pop	%rdx
	pop	%rax
	iretq

/* R15: TSC ticks of the tests' unit of time. R14: the same as a timer count. */

/* ---- one-shot ---------------------------------------------------------------------- */

guest64 oneshot
	lapic_write LAPIC_TDCR, 0xb		/* by 1 */
	lapic_write LAPIC_LVTT, TIMER_VECTOR
	tsc
	mov	%rax, %rdi
	mov	$LAPIC_BASE + LAPIC_TMICT, %ebx
	mov	%r14d, (%rbx)
	sti
	hlt
	cli
	mov	STAMP, %rax
	sub	%rdi, %rax
	mov	%rax, RESULTS
	lapic_read LAPIC_TMCCT
	report
	lapic_read LAPIC_TMICT
	mov	%eax, RESULTS + 8
	/* It does not start again. */
	sti
	lea	(%r15, %r15), %rax
	call	spin
	cli
	mov	COUNT, %rax
	report
	done

/* While the guest runs, without HLT. */
guest64 oneshot_spin
	lapic_write LAPIC_TDCR, 0xb
	lapic_write LAPIC_LVTT, TIMER_VECTOR
	sti
	mov	$LAPIC_BASE + LAPIC_TMICT, %ebx
	mov	%r14d, (%rbx)
1:	cmpl	$0, COUNT
	je	1b
	report_val 1
	done

/* 0 stops it. */
guest64 oneshot_stop
	lapic_write LAPIC_TDCR, 0xb
	lapic_write LAPIC_LVTT, TIMER_VECTOR
	mov	$LAPIC_BASE + LAPIC_TMICT, %ebx
	movl	$-1, (%rbx)
	lapic_read LAPIC_TMCCT
	test	%eax, %eax
	setne	%al
	movzx	%al, %eax
	report
	mov	$LAPIC_BASE + LAPIC_TMICT, %ebx
	lea	(, %r14, 8), %eax
	mov	%eax, (%rbx)
	movl	$0, (%rbx)
	lapic_read LAPIC_TMCCT
	report
	sti
	lea	(%r15, %r15, 8), %rax
	call	spin
	mov	COUNT, %rax
	report
	done

/* Masked it counts down to 0, and unmasking brings nothing back. */
guest64 oneshot_masked
	lapic_write LAPIC_TDCR, 0xb
	lapic_write LAPIC_LVTT, LVT_MASKED | TIMER_VECTOR
	mov	$LAPIC_BASE + LAPIC_TMICT, %ebx
	mov	%r14d, (%rbx)
	sti
1:	lapic_read LAPIC_TMCCT
	test	%eax, %eax
	jnz	1b
	report
	lapic_write LAPIC_LVTT, TIMER_VECTOR
	nop
	lapic_read LAPIC_IRR + 0x30
	report
	mov	COUNT, %rax
	report
	done

/* The count falls and never rises. */
guest64 count_falls
	lapic_write LAPIC_TDCR, 0xa		/* by 128 */
	lapic_write LAPIC_LVTT, LVT_MASKED | TIMER_VECTOR
	lapic_write LAPIC_TMICT, 0x70000000
	mov	$0x70000000, %ecx
	mov	$20, %esi
1:	lapic_read LAPIC_TMCCT
	cmp	%ecx, %eax
	ja	2f
	mov	%eax, %ecx
	mov	%r15, %rax
	shr	$4, %rax
	call	spin
	dec	%esi
	jnz	1b
	cmp	$0x70000000, %ecx
	jae	2f
	report_val 1
	done
2:	report
	done

/*
 * What passes at each divisor, in the timer's clock and in TSC ticks: outer
 * bounds, inner bounds, count.
 */
guest64 divisors
	lapic_write LAPIC_LVTT, LVT_MASKED | TIMER_VECTOR
	mov	$RESULTS, %edi
	xor	%esi, %esi
1:	mov	%esi, %eax
	mov	%esi, %ecx
	and	$3, %eax
	and	$4, %ecx
	lea	(%rax, %rcx, 2), %eax		/* bits 0, 1 and 3 */
	mov	$LAPIC_BASE + LAPIC_TDCR, %ebx
	mov	%eax, (%rbx)
	tsc
	mov	%rax, %r9
	mov	$LAPIC_BASE + LAPIC_TMICT, %ebx
	movl	$0xffffffff, (%rbx)
	tsc
	mov	%rax, %r10
	mov	%r15, %rax
	call	spin
	tsc
	mov	%rax, %r11
	lapic_read LAPIC_TMCCT
	not	%eax				/* 0xffffffff - count */
	mov	%rax, 16(%rdi)
	tsc
	sub	%r9, %rax
	mov	%rax, (%rdi)
	sub	%r10, %r11
	mov	%r11, 8(%rdi)
	add	$24, %edi
	inc	%esi
	cmp	$8, %esi
	jb	1b
	done

/* ---- periodic ----------------------------------------------------------------------- */

guest64 periodic
	lapic_write LAPIC_TDCR, 0xb
	lapic_write LAPIC_LVTT, LVT_PERIODIC | TIMER_VECTOR
	tsc
	mov	%rax, %rdi
	mov	$LAPIC_BASE + LAPIC_TMICT, %ebx
	mov	%r14d, (%rbx)
1:	sti
	hlt
	cli
	cmpl	$5, COUNT
	jb	1b
	mov	STAMP, %rax
	sub	%rdi, %rax
	mov	%rax, RESULTS
	/* Stopped; one may wait. */
	mov	$LAPIC_BASE + LAPIC_TMICT, %ebx
	movl	$0, (%rbx)
	sti
	nop
	nop
	mov	COUNT, %rsi
	lea	(%r15, %r15), %rax
	call	spin
	cmp	COUNT, %rsi
	sete	%al
	movzx	%al, %eax
	report
	done

/* To one-shot while it runs: it ends once more. */
guest64 periodic_to_oneshot
	lapic_write LAPIC_TDCR, 0xb
	lapic_write LAPIC_LVTT, LVT_PERIODIC | TIMER_VECTOR
	mov	$LAPIC_BASE + LAPIC_TMICT, %ebx
	mov	%r14d, (%rbx)
1:	sti
	hlt
	cli
	cmpl	$2, COUNT
	jb	1b
	lapic_write LAPIC_LVTT, TIMER_VECTOR
	sti
	nop
	nop
	mov	COUNT, %rsi			/* one may have waited */
	lea	(%r15, %r15), %rax
	call	spin
	mov	COUNT, %rax
	sub	%rsi, %rax
	cmp	$1, %eax
	setbe	%al
	movzx	%al, %eax
	report
	mov	COUNT, %rsi
	lea	(%r15, %r15), %rax
	call	spin
	mov	COUNT, %rax
	sub	%rsi, %rax
	report
	lapic_read LAPIC_TMCCT
	report
	done

/* ---- TSC-deadline --------------------------------------------------------------------- */

.macro deadline_mode
	lapic_write LAPIC_LVTT, LVT_DEADLINE | TIMER_VECTOR
	mov	$MSR_TSC_DEADLINE, %ecx
.endm

guest64 deadline
	deadline_mode
	tsc
	add	%r15, %rax
	mov	%rax, %rdi
	wrmsr64
	rdmsr64
	test	%rax, %rax
	jnz	1f
	tsc
	cmp	%rdi, %rax			/* it may be past */
	jb	1f
	mov	%rdi, %rax
1:	sub	%rdi, %rax
	mov	%rax, RESULTS			/* it reads as it was written */
	sti
	hlt
	cli
	mov	STAMP, %rax
	sub	%rdi, %rax
	mov	%rax, RESULTS + 8		/* how late */
	rdmsr64
	reportq
	mov	COUNT, %rax
	report
	done

/* Without HLT. */
guest64 deadline_spin
	deadline_mode
	sti
	tsc
	add	%r15, %rax
	mov	%rax, %rdi
	wrmsr64
1:	cmpl	$0, COUNT
	je	1b
	mov	STAMP, %rax
	sub	%rdi, %rax
	mov	%rax, RESULTS + 8
	report_val 1
	done

/* In the past: at once. */
guest64 deadline_past
	deadline_mode
	sti
	tsc
	dec	%rax
	wrmsr64
deadline_past_at:
	nop
	rdmsr64
	reportq
	done

/* 0 disarms, and so does a change of the mode. */
guest64 deadline_stop
	deadline_mode
	tsc
	lea	(%rax, %r15, 8), %rax
	wrmsr64
	xor	%eax, %eax
	wrmsr64
	sti
	lea	(%r15, %r15, 8), %rax
	call	spin
	mov	COUNT, %rax
	report
	tsc
	lea	(%rax, %r15, 8), %rax
	wrmsr64
	lapic_write LAPIC_LVTT, TIMER_VECTOR
	lea	(%r15, %r15, 8), %rax
	call	spin
	mov	COUNT, %rax
	report
	mov	$MSR_TSC_DEADLINE, %ecx
	rdmsr64
	reportq
	/* In one-shot mode the MSR cannot be written, */
	tsc
	wrmsr64
	rdmsr64
	reportq
	/* and in deadline mode the initial count cannot. */
	deadline_mode
	mov	$LAPIC_BASE + LAPIC_TMICT, %ebx
	mov	%r14d, (%rbx)
	lapic_read LAPIC_TMICT
	report
	lapic_read LAPIC_TMCCT
	report
	lea	(%r15, %r15), %rax
	call	spin
	mov	COUNT, %rax
	report
	done

/* A running count ends with the change to TSC-deadline mode. */
guest64 deadline_from_oneshot
	lapic_write LAPIC_TDCR, 0xb
	lapic_write LAPIC_LVTT, TIMER_VECTOR
	mov	$LAPIC_BASE + LAPIC_TMICT, %ebx
	movl	$-1, (%rbx)
	lapic_write LAPIC_LVTT, LVT_DEADLINE | TIMER_VECTOR
	lapic_read LAPIC_TMCCT
	report
	lapic_write LAPIC_LVTT, TIMER_VECTOR
	lapic_read LAPIC_TMCCT
	report
	lapic_read LAPIC_TMICT
	report
	done

/* The TSC jumps past the deadline. */
guest64 deadline_adjust
	deadline_mode
	sti
	tsc
	mov	$1 << 40, %rdi
	add	%rdi, %rax
	wrmsr64
	mov	$MSR_TSC_ADJUST, %ecx
	rdmsr64
	add	%rdi, %rax
	add	%rdi, %rax
	wrmsr64
deadline_adjust_at:
	nop
	mov	$MSR_TSC_DEADLINE, %ecx
	rdmsr64
	reportq
	done

/* Masked: the deadline passes without an interrupt. */
guest64 deadline_masked
	lapic_write LAPIC_LVTT, LVT_MASKED | LVT_DEADLINE | TIMER_VECTOR
	mov	$MSR_TSC_DEADLINE, %ecx
	sti
	tsc
	add	%r15, %rax
	wrmsr64
1:	rdmsr64
	test	%rax, %rax
	jnz	1b
	lapic_write LAPIC_LVTT, LVT_DEADLINE | TIMER_VECTOR
	nop
	mov	COUNT, %rax
	report
	done

/* ---- TSC -------------------------------------------------------------------------------- */

/* Never backwards: across instructions that exit, to the driver and further. */
guest64 tsc_monotonic
	mov	$16, %esi
	tsc
	mov	%rax, %rdi
1:	xor	%eax, %eax
	cpuid
	tsc
	cmp	%rdi, %rax
	jb	2f
	mov	%rax, %rdi
	host	CALL_EVENT
	mov	$MSR_TSC, %ecx
	rdmsr64
	cmp	%rdi, %rax
	jb	2f
	mov	%rax, %rdi
	tsc
	cmp	%rdi, %rax
	jb	2f
	mov	%rax, %rdi
	dec	%esi
	jnz	1b
	report_val 9
	done
2:	report_val 0xbad
	done

/* A write moves IA32_TSC_ADJUST by the same, the other way round as well. */
guest64 tsc_write
	mov	$MSR_TSC_ADJUST, %ecx
	rdmsr64
	mov	%rax, %rdi			/* adjust */
	mov	$MSR_TSC, %ecx
	tsc
	mov	%rax, %rsi			/* before */
	mov	$1 << 50, %rax
	wrmsr64
	tsc
	mov	%rax, RESULTS			/* from 2^50 on */
	mov	$MSR_TSC_ADJUST, %ecx
	rdmsr64
	sub	%rdi, %rax
	add	%rsi, %rax
	mov	%rax, RESULTS + 8		/* up to 2^50: what passed before the write */
	/* Back by the adjustment. */
	tsc
	mov	%rax, %rsi
	mov	%rdi, %rax
	wrmsr64
	tsc
	mov	%rax, RESULTS + 16
	mov	%rsi, RESULTS + 24
	rdmsr64
	sub	%rdi, %rax
	reportq
	done

guest64 tsc_aux
	mov	$MSR_TSC_AUX, %ecx
	mov	$0x12345678, %eax
	xor	%edx, %edx
	wrmsr
	rdtscp
	mov	%ecx, %eax
	report
	host	CALL_EVENT
	rdtscp
	mov	%ecx, %eax
	report
	mov	$MSR_TSC_AUX, %ecx
	rdmsr
	report
	mov	$1, %edx			/* 32 bits */
	fault	wrmsr
	done

guest64 rdpid
	mov	$MSR_TSC_AUX, %ecx
	mov	$0x12345678, %eax
	xor	%edx, %edx
	wrmsr
	.byte	0xf3, 0x0f, 0xc7, 0xf8		/* RDPID RAX */
	reportq
	done

/* ---- x2APIC --------------------------------------------------------------------------------- */

guest64 oneshot_x2apic
	warm_up
	mov	$MSR_APIC_BASE, %ecx
	rdmsr
	or	$0xc00, %eax
	wrmsr
	xor	%edx, %edx
	mov	$0x83e, %ecx			/* divide configuration */
	mov	$0xb, %eax
	wrmsr
	mov	$0x832, %ecx
	mov	$TIMER_VECTOR, %eax
	wrmsr
	mov	$0x838, %ecx
	mov	%r14, %rax
	wrmsr
	sti
	hlt
oneshot_x2apic_at:
	mov	$0x839, %ecx
	rdmsr
	report
	done
