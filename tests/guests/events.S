/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupts and NMIs: when they are delivered, and where to.
 */
#include "calls.h"
#include "guest.inc"

/* A LAPIC register; both use EBX, which a 64-bit guest has as an address too. */
.macro lapic_write reg, value:vararg
	mov	$LAPIC_BASE + \reg, %ebx
	.if	bits == 64
	movl	$\value, (%rbx)
	.else
	movl	$\value, (%ebx)
	.endif
.endm

.macro lapic_read reg
	mov	$LAPIC_BASE + \reg, %ebx
	.if	bits == 64
	movl	(%rbx), %eax
	.else
	movl	(%ebx), %eax
	.endif
.endm

	.set	bits, 64

/* Handlers for 64-bit guests that tell their vector and end the interrupt. */
	.section .guest, "awx"
	.code64
.macro eoi_handler name, vector
\name:
	push	%rax
	push	%rbx
	report_val \vector
	lapic_write LAPIC_EOI, 0
	pop	%rbx
	pop	%rax
	iretq
.endm
	eoi_handler eoi_low, VEC_LOW
	eoi_handler eoi_irq, VEC_IRQ
	eoi_handler eoi_high, VEC_HIGH

/* ---- with interrupts on -------------------------------------------------------- */

.macro now_code name
	sti
	nop
	host	CALL_EVENT
\name\()_at:
	report_val 9
	done
.endm

guest16 now16
	now_code now16
guest32 now32
	now_code now32
guest64 now64
	now_code now64

/* ---- the interrupt window ------------------------------------------------------ */

/* The event comes while interrupts are off. */
.macro off_code name
	host	CALL_EVENT
\name\()_call:
	nop
	report_val 1
	cli
	nop
	sti
	nop			/* the shadow of STI */
\name\()_at:
	nop
	report_val 9
	done
.endm

guest16 off16
	off_code off16
guest32 off32
	off_code off32
guest64 off64
	off_code off64

/* CLI in the shadow; a second STI has no shadow of its own. */
guest64 sti_cli
	host	CALL_EVENT
	sti
	cli
	nop
	nop
	report_val 1
	sti
	sti
sti_cli_at:
	nop
	nop
	report_val 9
	done

/* POPF and IRET have no shadow. */
guest64 window_popf
	host	CALL_EVENT
	pushfq
	orl	$0x200, (%rsp)
	popfq
window_popf_at:
	nop
	nop
	report_val 9
	done

guest64 window_iret
	host	CALL_EVENT
	mov	%rsp, %rax
	pushq	$SEL_DATA
	push	%rax
	pushq	$0x202
	pushq	$SEL_CODE64
	pushq	$window_iret_at
	iretq
window_iret_at:
	nop
	nop
	report_val 9
	done

/*
 * The event comes when the instruction in the shadow has exited, and that is
 * executed again.
 */
.macro shadow_end name
	movl	(%ebx), %eax
\name\()_at:
	nop
	nop
	report_val 9
	done
.endm

guest32 shadow_sti
	mov	$MMIO_ADDR, %ebx
	sti
	shadow_end shadow_sti

guest32 shadow_movss
	mov	$MMIO_ADDR, %ebx
	mov	$SEL_DATA, %ecx
	sti
	nop
	mov	%cx, %ss
	shadow_end shadow_movss

guest32 shadow_popss
	mov	$MMIO_ADDR, %ebx
	pushl	$SEL_DATA
	sti
	nop
	pop	%ss
	shadow_end shadow_popss

/* An instruction in the shadow that exits and is done: the shadow is over. */
guest32 shadow_done
	sti
	nop
	mov	$SEL_DATA, %ecx
	mov	$CALL_EVENT, %al
	mov	%cx, %ss
	out	%al, $PORT_CALL
shadow_done_at:
	nop
	report_val 1
	mov	%cx, %ss
	cpuid
	nop
	report_val 9
	done

/* ---- NMIs ------------------------------------------------------------------------ */

/*
 * The handler of the first asks for more. What follows tells how many came,
 * and where they returned to.
 */
guest64 nmi_nested
	xor	%esi, %esi
	host	CALL_EVENT
nmi_nested_at:
	report_val 9
	done
nmi_nested_handler:
	inc	%esi
	cmp	$1, %esi
	jne	1f
	host	CALL_SECOND
	xor	%eax, %eax
	cpuid
	nop
	report_val 1
	iretq
1:	mov	(%rsp), %rax
	reportq
	mov	%esi, %eax
	report
	iretq

/* Any IRET unmasks NMIs, also that of an exception in the handler. */
guest64 nmi_int3
	xor	%esi, %esi
	host	CALL_EVENT
	report_val 9
	done
nmi_int3_handler:
	inc	%esi
	cmp	$1, %esi
	jne	1f
	host	CALL_SECOND
	int3
nmi_int3_at:
	report_val 2
	iretq
1:	mov	(%rsp), %rax
	reportq
	iretq

/* The IRET is interrupted by a second-level fault, and executed again. */
guest64 nmi_iret_cold
	xor	%esi, %esi
	host	CALL_EVENT
nmi_iret_cold_at:
	report_val 9
	done
nmi_iret_cold_handler:
	inc	%esi
	cmp	$1, %esi
	jne	1f
	host	CALL_SECOND
	iretq
1:	mov	(%rsp), %rax
	reportq
	iretq

/* ---- priorities ------------------------------------------------------------------ */

/* Three vectors wait: the highest first. */
guest64 order
	host	CALL_EVENT
	sti
	nop
	nop
	nop
	report_val 9
	done

/* A handler that lets higher ones in; the lower one waits for its EOI. */
guest64 nested
	sti
	host	CALL_EVENT
	nop
	report_val 9
	done
nested_handler:
	report_val 1
	lapic_read LAPIC_PPR
	report
	host	CALL_SECOND
	sti
	nop
	nop
	cli
	report_val 2
	lapic_read LAPIC_ISR + 0x20
	report
	lapic_read LAPIC_IRR + 0x10
	report
	lapic_write LAPIC_EOI, 0
	report_val 3
	iretq

/* CR8 holds an interrupt of its own class back. */
guest64 cr8
	sti
	mov	$4, %eax
	mov	%rax, %cr8
	host	CALL_EVENT
	nop
	report_val 1
	mov	%cr8, %rax
	reportq
	lapic_read LAPIC_TPR
	report
	lapic_read LAPIC_PPR
	report
	mov	$3, %eax
	mov	%rax, %cr8
cr8_at:
	nop
	report_val 9
	done

/* The same, raised and lowered without anything waiting. */
guest64 cr8_quiet
	mov	$15, %eax
	mov	%rax, %cr8
	mov	%cr8, %rax
	reportq
	lapic_read LAPIC_TPR
	report
	mov	$1, %eax
	mov	%rax, %cr8
	host	CALL_EVENT
	lapic_read LAPIC_TPR
	report
	mov	$16, %eax
	fault	mov %rax, %cr8
	mov	%cr8, %rax
	reportq
	sti
	nop
cr8_quiet_at:
	nop
	done

guest64 tpr
	sti
	lapic_write LAPIC_TPR, 0x5a
	host	CALL_EVENT
	nop
	report_val 1
	mov	%cr8, %rax
	reportq
	lapic_write LAPIC_TPR, 0x3f
tpr_at:
	nop
	report_val 9
	done

/* By the register in 32-bit code, which has no CR8. */
	.set	bits, 32
guest32 tpr32
	sti
	lapic_write LAPIC_TPR, 0x50
	host	CALL_EVENT
	nop
	report_val 1
	lapic_write LAPIC_TPR, 0
tpr32_at:
	nop
	report_val 9
	done
	.set	bits, 64

/* An interrupt to itself. */
guest64 self_ipi
	sti
	nop
	lapic_write LAPIC_ICR, 0x44000 | VEC_IRQ
self_ipi_at:
	nop
	report_val 9
	done

/* The same in x2APIC mode, while interrupts are off; EOI by MSR. */
guest64 self_ipi_x2apic
	warm_up
	mov	$MSR_APIC_BASE, %ecx
	rdmsr
	or	$0xc00, %eax
	wrmsr
	mov	$MSR_X2APIC_SELF, %ecx
	xor	%edx, %edx
	mov	$VEC_IRQ, %eax
	wrmsr
	report_val 1
	sti
	nop
self_ipi_x2apic_at:
	nop
	cli
	mov	$0x822, %ecx		/* IRR 64..95 */
	rdmsr
	report
	mov	$0x812, %ecx		/* ISR 64..95 */
	rdmsr
	report
	mov	$MSR_X2APIC_EOI, %ecx
	xor	%eax, %eax
	wrmsr
	mov	$0x812, %ecx
	rdmsr
	report
	done

/* x2APIC's TPR lets an interrupt through. */
guest64 tpr_x2apic
	warm_up
	mov	$MSR_APIC_BASE, %ecx
	rdmsr
	or	$0xc00, %eax
	wrmsr
	mov	$MSR_X2APIC_TPR, %ecx
	xor	%edx, %edx
	mov	$0x60, %eax
	wrmsr
	sti
	host	CALL_EVENT
	nop
	report_val 1
	mov	$0x30, %eax
	wrmsr
tpr_x2apic_at:
	nop
	done

/* A PIC whose line the LAPIC does not let through, until it does. */
guest64 lint0
	sti
	lapic_write LAPIC_LINT0, LVT_MASKED | 0x700
	host	CALL_EVENT
	nop
	report_val 1
	lapic_write LAPIC_LINT0, 0x700
lint0_at:
	nop
	report_val 9
	done

/* ---- exceptions that the launcher raises ------------------------------------------- */

guest64 raised
	host	CALL_EVENT
raised_at:
	fault	nop
	report_val 9
	done

/* Software events whose instruction is at RIP: it is not executed a second time. */
guest64 soft_int
	host	CALL_EVENT
	int	$VEC_SOFT
soft_int_at:
	report_val 9
	done

guest64 soft_bp
	host	CALL_EVENT
	int3
soft_bp_at:
	report_val 9
	done

guest64 soft_int1
	host	CALL_EVENT
	.byte	0xf1
soft_int1_at:
	report_val 9
	done

/* ---- HLT --------------------------------------------------------------------------- */

guest64 halt
	sti
	hlt
halt_at:
	report_val 9
	done

/* What waits when STI; HLT is executed ends it. */
guest64 halt_waiting
	host	CALL_EVENT
	sti
	hlt
halt_waiting_at:
	report_val 9
	done

/* Interrupts do not end HLT while they are off. */
guest64 halt_off
	hlt
halt_off_at:
	report_val 1
	sti
	nop
halt_off_irq:
	nop
	report_val 9
	done

/* ---- loops --------------------------------------------------------------------------- */

/* Counts until the word behind the count is set. */
guest64 count_up
	mov	$SCRATCH_ADDR, %edi
	xor	%eax, %eax
	mov	$0x3f800000, %ecx
	movd	%ecx, %xmm5
1:	inc	%rax
	mov	%rax, (%rdi)
	movd	%xmm5, %edx
	cmp	%ecx, %edx
	jne	2f
	cmpl	$0, 8(%rdi)
	je	1b
	done
2:	report_val 0xbad
	done

/* The handlers count as well; an NMI's has no EOI. */
loop_handler:
	push	%rax
	push	%rbx
	lapic_write LAPIC_EOI, 0
	incq	SCRATCH_ADDR
	pop	%rbx
	pop	%rax
	iretq
loop_handler_x2apic:
	push	%rax
	push	%rcx
	push	%rdx
	mov	$MSR_X2APIC_EOI, %ecx
	xor	%eax, %eax
	xor	%edx, %edx
	wrmsr
	incq	SCRATCH_ADDR
	pop	%rdx
	pop	%rcx
	pop	%rax
	iretq
loop_handler_plain:
	incq	SCRATCH_ADDR
	iretq

guest64 loop_spin
	sti
1:	cmpl	$0, SCRATCH_ADDR + 8
	je	1b
	done

guest64 loop_halt
1:	cli
	cmpl	$0, SCRATCH_ADDR + 8
	jne	2f
	sti
	hlt
	jmp	1b
2:	done

/* Interrupts only while a window is open, for one instruction each time. */
guest64 loop_window
1:	sti
	nop
	cli
	xor	%eax, %eax
	cpuid
	cmpl	$0, SCRATCH_ADDR + 8
	je	1b
	done

guest64 loop_spin_x2apic
	warm_up
	mov	$MSR_APIC_BASE, %ecx
	rdmsr
	or	$0xc00, %eax
	wrmsr
	jmp	loop_spin

guest64 loop_halt_x2apic
	warm_up
	mov	$MSR_APIC_BASE, %ecx
	rdmsr
	or	$0xc00, %eax
	wrmsr
	jmp	loop_halt
