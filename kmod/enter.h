/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What may keep a vCPU from entering the guest: for the run loop (run.c), for
 * event delivery (x86/events.c), and for a backend that answers an exit with IRQs
 * off and enters again at once.
 */
#ifndef HOLM_ENTER_H
#define HOLM_ENTER_H

#include <linux/kvm_para.h>
#include <linux/sched.h>
#include <linux/thread_info.h>

#include "holm.h"
#include "x86/lapic_regs.h"

/* Something that only the way back to userspace, or schedule(), takes care of. */
#define HOLM_LEAVE_FLAGS (_TIF_SIGPENDING | _TIF_NOTIFY_SIGNAL | _TIF_NOTIFY_RESUME)

static __always_inline bool holm_must_leave(const struct holm_vcpu *vcpu, unsigned long flags)
{
	return read_thread_flags() & (HOLM_LEAVE_FLAGS | flags) ||
	       READ_ONCE(vcpu->run->immediate_exit);
}

/* No event is to be delivered or waits for a window. */
static __always_inline bool holm_nothing_waits(struct holm_vcpu *vcpu)
{
	return vcpu->exception.type == HOLM_EVENT_NONE &&
	       vcpu->interrupted.type == HOLM_EVENT_NONE &&
	       !atomic_read(&vcpu->nmi_pending) && !READ_ONCE(vcpu->extint) &&
	       !READ_ONCE(vcpu->lapic->irr_hint) && !READ_ONCE(vcpu->lapic->messages) &&
	       !vcpu->shutdown;
}

/**
 * holm_enter_again() - may the guest be entered without the run loop
 * @vcpu: the vCPU, an exit of which was answered without IRQs going on, and with
 *	no PV EOI offered; its mode is HOLM_IN_GUEST still, so that whoever has a
 *	request for it sends this CPU an interrupt, and that ends the next entry
 */
static __always_inline bool holm_enter_again(struct holm_vcpu *vcpu)
{
	return likely(!READ_ONCE(vcpu->requests) && holm_nothing_waits(vcpu) &&
		      !vcpu->windows &&
		      !holm_must_leave(vcpu, _TIF_NEED_RESCHED) && !holm_softirq_waits());
}

/*
 * Exits in a row that are answered with IRQs off. A CPU would not need a limit, but
 * emulated ones may not see an interrupt while neither host nor guest has RFLAGS.IF.
 */
#define HOLM_SHORT_EXITS	64

/* With so few vCPUs something may be done for each of them while IRQs are off. */
#define HOLM_SHORT_VCPUS	8

/* ICR: a destination shorthand, or logical destinations. */
#define HOLM_ICR_SEVERAL	(APIC_DEST_ALLBUT | APIC_DEST_LOGICAL)
#define HOLM_X2APIC_MSR(offset)	(APIC_BASE_MSR + ((offset) >> 4))

/**
 * holm_wrmsr_is_short() - a WRMSR that IRQs may be off for
 * @vcpu: the vCPU, which exited by it
 *
 * Of the MSRs that guests write often, those for which nothing is done for each
 * vCPU of a large VM.
 */
static __always_inline bool holm_wrmsr_is_short(const struct holm_vcpu *vcpu)
{
	switch ((u32)vcpu->regs.gpr[HOLM_RCX]) {
	case MSR_IA32_TSC_DEADLINE:
	case HOLM_X2APIC_MSR(APIC_TMICT):
		return true;
	case HOLM_X2APIC_MSR(APIC_ICR):
		if (!(vcpu->regs.gpr[HOLM_RAX] & HOLM_ICR_SEVERAL) &&
		    (u32)vcpu->regs.gpr[HOLM_RDX] != ~0U)
			return true;
		fallthrough;
	case MSR_IA32_TSC_ADJUST:	/* tells those that use kvmclock */
		return READ_ONCE(vcpu->vm->nr_vcpus) <= HOLM_SHORT_VCPUS;
	default:
		return false;
	}
}

/* The same for a hypercall. */
static __always_inline bool holm_hypercall_is_short(const struct holm_vcpu *vcpu)
{
	return (u32)vcpu->regs.gpr[HOLM_RAX] != KVM_HC_SEND_IPI ||
	       READ_ONCE(vcpu->vm->nr_vcpus) <= HOLM_SHORT_VCPUS;
}

#endif /* HOLM_ENTER_H */
