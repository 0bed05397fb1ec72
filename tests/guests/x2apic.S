/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The LAPIC in x2APIC mode, where a CPU may deliver interrupts and answer for
 * registers itself. SDM Vol. 3, "Extended XAPIC (x2APIC)".
 */
#include "calls.h"
#include "guest.inc"

	.section .guest, "awx"
	.code64

/* Registers: EAX, ECX, EDX are changed by all of these. */
.macro x2apic_on
	warm_up
	mov	$MSR_APIC_BASE, %ecx
	rdmsr
	or	$0xc00, %eax
	wrmsr
.endm

.macro x2apic_write reg, value:vararg
	mov	$0x800 + (\reg >> 4), %ecx
	mov	$\value, %eax
	xor	%edx, %edx
	wrmsr
.endm

.macro x2apic_tell reg
	mov	$0x800 + (\reg >> 4), %ecx
	rdmsr
	report
.endm

.macro x2apic_no_read reg
	mov	$0x800 + (\reg >> 4), %ecx
	fault	rdmsr
.endm

.macro x2apic_no_write reg, value:vararg
	mov	$0x800 + (\reg >> 4), %ecx
	mov	$\value, %eax
	xor	%edx, %edx
	fault	wrmsr
.endm

/* What is read, first as it is, then as it was written. */
guest64 x2apic_regs
	x2apic_on
	x2apic_tell 0x20
	x2apic_tell 0x30
	x2apic_tell LAPIC_TPR
	x2apic_tell LAPIC_PPR
	x2apic_tell 0xd0
	x2apic_tell 0x280
	x2apic_tell LAPIC_LVTT
	x2apic_tell LAPIC_TMICT
	x2apic_tell LAPIC_TMCCT
	x2apic_tell LAPIC_TDCR
	x2apic_write LAPIC_TPR, 0x57
	x2apic_tell LAPIC_TPR
	x2apic_tell LAPIC_PPR
	mov	%cr8, %rax
	report
	mov	$7, %eax
	mov	%rax, %cr8
	x2apic_tell LAPIC_TPR
	x2apic_write LAPIC_LVTT, LVT_MASKED | LVT_PERIODIC | 0x61
	x2apic_tell LAPIC_LVTT
	x2apic_write LAPIC_TDCR, 0xb
	x2apic_tell LAPIC_TDCR
	mov	$0x830, %ecx			/* to nobody */
	mov	$0x7e, %edx
	mov	$0x4000 | VEC_IRQ, %eax
	wrmsr
	rdmsr
	report
	mov	%edx, %eax
	report
	done

/* Registers that there are not, that are not written, and reserved bits. */
guest64 x2apic_faults
	x2apic_on
	x2apic_no_read 0x10
	x2apic_no_read 0x90
	x2apic_no_read LAPIC_EOI
	x2apic_no_read 0xe0
	x2apic_no_read LAPIC_ICR2
	x2apic_no_read 0x3f0
	x2apic_no_read 0x400
	x2apic_no_write 0x20, 0
	x2apic_no_write LAPIC_PPR, 0
	x2apic_no_write LAPIC_IRR, 0
	x2apic_no_write LAPIC_TPR, 0x100
	x2apic_no_write LAPIC_EOI, 1
	x2apic_no_write 0x3f0, 0x100
	report_val 9
	done

/* A level interrupt's EOI is told; that of an edge with the same vector is not. */
guest64 x2apic_level
	x2apic_on
	sti
	host	CALL_EVENT
	nop
x2apic_level_at:
	x2apic_tell (0x180 + 0x20)		/* TMR 64..95 */
	x2apic_write LAPIC_EOI, 0
	report_val 1
	host	CALL_SECOND
	nop
x2apic_edge_at:
	x2apic_tell (0x180 + 0x20)
	x2apic_write LAPIC_EOI, 0
	report_val 9
	done

/* The EOI is told, too, when the launcher had the state while it was in service. */
guest64 x2apic_level_moved
	x2apic_on
	sti
	host	CALL_EVENT
	nop
	host	CALL_SECOND
	x2apic_write LAPIC_EOI, 0
	report_val 9
	done

/* Lower classes wait for the EOI, a higher one does not, in whatever way they come. */
guest64 x2apic_nested
	x2apic_on
	sti
	x2apic_write 0x3f0, VEC_IRQ
	nop
x2apic_nested_irq:
	x2apic_write 0x3f0, VEC_MSI		/* the same class */
	host	CALL_EVENT			/* a lower one */
	nop
	x2apic_tell LAPIC_PPR
	x2apic_tell (LAPIC_ISR + 0x20)
	x2apic_tell (LAPIC_IRR + 0x20)
	x2apic_tell (LAPIC_IRR + 0x10)
	x2apic_write 0x3f0, VEC_HIGH
	nop
x2apic_nested_high:
	x2apic_tell LAPIC_PPR
	x2apic_write LAPIC_EOI, 0
	x2apic_tell LAPIC_PPR
	x2apic_write LAPIC_EOI, 0
x2apic_nested_msi:
	x2apic_write LAPIC_EOI, 0
x2apic_nested_low:
	x2apic_write LAPIC_EOI, 0
	x2apic_tell LAPIC_PPR
	x2apic_write LAPIC_EOI, 0		/* of nothing */
	report_val 9
	done

/* An illegal vector is an error. */
guest64 x2apic_self_bad
	x2apic_on
	sti
	x2apic_write 0x3f0, 0x0f
	nop
	x2apic_write 0x280, 0
	x2apic_tell 0x280
	done

/* Requests and what is in service end with the APIC. */
guest64 x2apic_off_on
	x2apic_on
	x2apic_write 0x3f0, VEC_IRQ
	sti
	nop
x2apic_off_on_irq:
	cli
	x2apic_write 0x3f0, VEC_HIGH
	mov	$MSR_APIC_BASE, %ecx
	rdmsr
	and	$~0xc00, %eax
	wrmsr
	or	$0x800, %eax
	wrmsr
	or	$0x400, %eax
	wrmsr
	sti
	nop
	cli
	x2apic_tell (LAPIC_ISR + 0x20)
	x2apic_tell (LAPIC_IRR + 0x20)
	x2apic_tell 0xf0
	x2apic_write 0xf0, 0x1ff
	x2apic_write 0x3f0, VEC_IRQ
	sti
	nop
x2apic_off_on_again:
	nop
	done

/* The launcher takes the state and gives it back at every point of the way. */
guest64 x2apic_moved
	x2apic_on
	x2apic_write LAPIC_TPR, 0x10
	host	CALL_EVENT
	x2apic_write 0x3f0, VEC_IRQ
	host	CALL_EVENT
	sti
	nop
x2apic_moved_irq:
	cli
	host	CALL_EVENT
	x2apic_write 0x3f0, VEC_HIGH
	x2apic_write LAPIC_TPR, 0x20
	host	CALL_EVENT
	x2apic_tell LAPIC_PPR
	sti
	nop
x2apic_moved_high:
	host	CALL_EVENT
	x2apic_write LAPIC_EOI, 0
	host	CALL_EVENT
	x2apic_tell LAPIC_PPR
	x2apic_write LAPIC_EOI, 0
	x2apic_tell LAPIC_PPR
	done
