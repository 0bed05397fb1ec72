/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The local APIC (SDM Vol. 3, chapter "Advanced Programmable Interrupt
 * Controller"), with its timer (timer.c). IRR is changed by any CPU with
 * atomic bit operations; all else by the vCPU's own thread, or under
 * vcpu->lock while it does not run.
 */
#ifndef HOLM_X86_LAPIC_H
#define HOLM_X86_LAPIC_H

#include <linux/types.h>

struct holm_lapic;
struct holm_lapic_state;
struct holm_msi;
struct holm_vcpu;
struct holm_vm;

/* Where the guest-physical xAPIC page is at reset. */
#define HOLM_APIC_DEFAULT_BASE	0xfee00000ULL

int holm_lapic_create(struct holm_vcpu *vcpu);
void holm_lapic_destroy(struct holm_vcpu *vcpu);

/* State after RESET (@init false) or INIT (keeps IA32_APIC_BASE and the ID). */
void holm_lapic_reset(struct holm_vcpu *vcpu, bool init);

/* State block; set checks it whole: -EINVAL. vcpu->lock. */
void holm_lapic_get(struct holm_vcpu *vcpu, struct holm_lapic *block);
int holm_lapic_set(struct holm_vcpu *vcpu, const struct holm_lapic *block);

/**
 * holm_lapic_accept() - an interrupt message arrived at this LAPIC
 * @vcpu: destination
 * @delivery_mode: 0 fixed, 1 lowest priority, 4 NMI, 5 INIT, 6 SIPI, 7 ExtINT
 * @vector: 16..255 for fixed
 * @level: trigger mode level: its EOI is reported
 *
 * Any context. Return: true when accepted.
 */
bool holm_lapic_accept(struct holm_vcpu *vcpu, u32 delivery_mode, u8 vector, bool level);

/**
 * holm_lapic_match() - is this LAPIC a destination
 * @vcpu: candidate
 * @dest: destination field: 8 bits, or 32 with @x2apic_dest
 * @logical: logical destination mode
 * @x2apic_dest: @dest is an x2APIC ID (IPI by an x2APIC sender)
 */
bool holm_lapic_match(struct holm_vcpu *vcpu, u32 dest, bool logical, bool x2apic_dest);

/* Highest vector that may be delivered now (above PPR), or -1. */
int holm_lapic_pending(struct holm_vcpu *vcpu);

/* The CPU takes @vector: IRR -> ISR. */
void holm_lapic_ack(struct holm_vcpu *vcpu, int vector);

/* LVT0 in ExtINT mode and not masked, or the APIC is disabled: the PIC's INTR
 * line reaches this CPU.
 */
bool holm_lapic_accepts_extint(struct holm_vcpu *vcpu);

/* CR8: the task-priority class, 0..15. */
u64 holm_lapic_get_cr8(struct holm_vcpu *vcpu);
void holm_lapic_set_cr8(struct holm_vcpu *vcpu, u64 cr8);

/* x2APIC MSRs 0x800..0x8ff: 0, or 1 for #GP. A level EOI sets @eoi_vector, else -1. */
int holm_lapic_msr_read(struct holm_vcpu *vcpu, u32 index, u64 *value);
int holm_lapic_msr_write(struct holm_vcpu *vcpu, u32 index, u64 value, int *eoi_vector);

/* xAPIC registers by offset; -EINVAL for offsets that are none. */
int holm_lapic_mmio_read(struct holm_vcpu *vcpu, u32 offset, u32 *value);
int holm_lapic_mmio_write(struct holm_vcpu *vcpu, u32 offset, u32 value, int *eoi_vector);

/* IA32_APIC_BASE and IA32_TSC_DEADLINE; write: 0, or 1 for #GP. */
u64 holm_lapic_get_base(struct holm_vcpu *vcpu);
int holm_lapic_set_base(struct holm_vcpu *vcpu, u64 value, bool host_initiated);
u64 holm_lapic_get_deadline(struct holm_vcpu *vcpu);
void holm_lapic_set_deadline(struct holm_vcpu *vcpu, u64 value);
/* The guest's TSC jumped: rearm a deadline timer. */
void holm_lapic_tsc_changed(struct holm_vcpu *vcpu);

/* The timer's hrtimer follows the vCPU's thread to this CPU. Preemption on. */
void holm_lapic_timer_migrate(struct holm_vcpu *vcpu);

/* NMI, ExtINT, INIT, or a deliverable vector is there: ends HLT when allowed. */
bool holm_lapic_has_interrupt(struct holm_vcpu *vcpu);

/**
 * holm_lapic_lint0() - the PIC's INTR line (LINT0) changes
 * @vcpu: the vCPU whose LINT0 pin the line reaches
 * @raised: the line is high
 *
 * Sets vcpu->extint; a rising edge also delivers what LVT LINT0 says when it
 * is not in ExtINT mode. Any context.
 */
void holm_lapic_lint0(struct holm_vcpu *vcpu, bool raised);

/* An ExtINT message arrived that was not answered yet; the second form takes it. */
bool holm_lapic_extint_pending(struct holm_vcpu *vcpu);
void holm_lapic_extint_ack(struct holm_vcpu *vcpu);

/* ---- smp.c -------------------------------------------------------------- */

/**
 * holm_smp_events() - act on INIT and start-up IPIs (HOLM_REQ_INIT)
 * @vcpu: the vCPU, its lock held, not loaded; may sleep
 *
 * INIT resets an application processor, which then waits for a start-up IPI;
 * that lets it begin in real mode at the vector's page (SDM Vol. 3, "MP
 * Initialization Protocol").
 *
 * Return: 0, or HOLM_EXIT_INIT when INIT reached the bootstrap processor.
 */
int holm_smp_events(struct holm_vcpu *vcpu);

/* ---- kmod/msi.c --------------------------------------------------------- */

/**
 * holm_msi_deliver() - route a message to the LAPICs it names
 * @vm: the VM
 * @msi: address and data (flags zero)
 *
 * Any context. Return: vCPUs that accepted, or -EINVAL when the address is
 * no interrupt message.
 */
int holm_msi_deliver(struct holm_vm *vm, const struct holm_msi *msi);

/**
 * holm_msi_deliver_to() - the same, telling who accepted
 * @vm: the VM
 * @msi: address and data
 * @accepted: HOLM_MAX_VCPUS bits by vcpu->index; those of vCPUs that accepted
 *	are set. Or NULL.
 */
int holm_msi_deliver_to(struct holm_vm *vm, const struct holm_msi *msi, unsigned long *accepted);

/* Is it an interrupt message of a delivery mode that exists here: 0 or -EINVAL. */
int holm_msi_check(const struct holm_msi *msi);

/* Its EOI is reported: fixed or lowest priority, level, asserted. */
bool holm_msi_is_level(const struct holm_msi *msi);
u8 holm_msi_vector(const struct holm_msi *msi);

/* An IPI by ICR: @icr as in x2APIC format; @source is excluded or included by
 * the shorthand. Any context.
 */
void holm_ipi_deliver(struct holm_vcpu *source, u64 icr, bool x2apic);

/**
 * holm_ipi_tell() - the CPU itself has put an IPI into the shared pages of all its
 *	destinations, some of which may not run
 * @source: the sender
 * @icr: as for holm_ipi_deliver() in xAPIC mode
 *
 * Any context.
 */
void holm_ipi_tell(struct holm_vcpu *source, u64 icr);

#endif /* HOLM_X86_LAPIC_H */
