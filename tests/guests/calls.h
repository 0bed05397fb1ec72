/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What guests of events.S, delivery.S and timer.S ask their tests for by
 * "host": shared by C and assembly. What CALL_EVENT is, the row says.
 */
#ifndef GUEST_CALLS_H
#define GUEST_CALLS_H

#define CALL_EVENT	1
#define CALL_SECOND	2		/* in the handler of the first */
#define CALL_COLD	3		/* all of memory is to be faulted in again */
#define CALL_COLD_IRQ	4		/* the same, and an interrupt ... */
#define CALL_COLD_NMI	5
#define CALL_COLD_EXTINT 6
#define CALL_COLD_GP	7		/* ... or an exception by the run page */

/* Vectors. */
#define VEC_LOW		0x31
#define VEC_EXTINT	0x35
#define VEC_IRQ		0x41
#define VEC_MSI		0x42
#define VEC_SOFT	0x45
#define VEC_HIGH	0x51

#define LAPIC_BASE	0xfee00000
#define LAPIC_ID	0x20
#define LAPIC_TPR	0x80
#define LAPIC_PPR	0xa0
#define LAPIC_EOI	0xb0
#define LAPIC_LDR	0xd0
#define LAPIC_DFR	0xe0
#define LAPIC_SVR	0xf0
#define LAPIC_ISR	0x100
#define LAPIC_IRR	0x200
#define LAPIC_ICR	0x300
#define LAPIC_ICR2	0x310
#define LAPIC_LVTT	0x320
#define LAPIC_LINT0	0x350
#define LAPIC_TMICT	0x380
#define LAPIC_TMCCT	0x390
#define LAPIC_TDCR	0x3e0

#define LVT_MASKED	0x10000
#define LVT_PERIODIC	0x20000
#define LVT_DEADLINE	0x40000

#define MSR_TSC		0x10
#define MSR_APIC_BASE	0x1b
#define MSR_TSC_ADJUST	0x3b
#define MSR_DEBUGCTL	0x1d9
#define MSR_TSC_DEADLINE 0x6e0
#define MSR_X2APIC_TPR	0x808
#define MSR_X2APIC_EOI	0x80b
#define MSR_X2APIC_SELF	0x83f
#define MSR_TSC_AUX	0xc0000103

#endif
