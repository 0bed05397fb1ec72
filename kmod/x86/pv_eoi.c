// SPDX-License-Identifier: GPL-2.0-only
/*
 * Paravirtual EOI (Documentation/virt/kvm/x86/msr.rst of the kernel,
 * MSR_KVM_PV_EOI_EN): a word of guest memory in which the guest finds a bit set
 * when the EOI of the interrupt it handles needs no exit. It clears the bit
 * instead, which the next exit finds.
 *
 * The bit is offered with the injection of an edge-triggered interrupt while no
 * other one is requested: one that waits has to be injected at the EOI. It is
 * taken back when one arrives, and whenever the launcher can see the LAPIC.
 */
#include <linux/uaccess.h>

#include "../holm.h"
#include "lapic_regs.h"
#include "msr.h"
#include "pv.h"

/* Of the offer that is made, or was made last. */
static u8 __user *eoi_word(struct holm_vcpu *vcpu)
{
	return holm_guest_uaddr(vcpu->vm, vcpu->pv.eoi_gpa, sizeof(u32), true);
}

static void word_written(struct holm_vcpu *vcpu)
{
	holm_guest_dirty(vcpu->vm, vcpu->pv.eoi_gpa, 1);
}

/* Any context; only memory that is resident. */
static bool word_read(struct holm_vcpu *vcpu, u8 *value)
{
	u8 __user *word = eoi_word(vcpu);
	bool ok;

	pagefault_disable();
	ok = word && !__get_user(*value, word);
	pagefault_enable();
	return ok;
}

static bool word_write(struct holm_vcpu *vcpu, u8 value)
{
	u8 __user *word = eoi_word(vcpu);
	bool ok;

	pagefault_disable();
	ok = word && !__put_user(value, word);
	pagefault_enable();
	if (ok)
		word_written(vcpu);
	return ok;
}

void holm_pv_eoi_offer(struct holm_vcpu *vcpu, int vector)
{
	struct holm_lapic_state *lapic = vcpu->lapic;

	/* A CPU that delivers by itself must see each EOI. */
	if (holm_lapic_virtualizes(lapic) || test_bit(vector, lapic->tmr) ||
	    holm_lapic_irr_top(lapic) >= 0)
		return;
	vcpu->pv.eoi_gpa = vcpu->pv.eoi & ~(u64)KVM_MSR_ENABLED;
	vcpu->pv.eoi_offered = word_write(vcpu, KVM_PV_EOI_ENABLED);
}

bool holm_pv_eoi_withdraw(struct holm_vcpu *vcpu)
{
	if (holm_lapic_irr_top(vcpu->lapic) < 0)
		return true;
	if (!word_write(vcpu, KVM_PV_EOI_DISABLED)) {
		/* The page has to be brought, or copied, first. */
		holm_pv_request_own(vcpu, HOLM_PV_EOI);
		return false;
	}
	vcpu->pv.eoi_offered = false;
	return true;
}

/* It was the highest in service that was offered, and nothing came above it since. */
static void settle(struct holm_vcpu *vcpu, u8 value)
{
	if (value & KVM_PV_EOI_ENABLED)
		return;
	vcpu->pv.eoi_offered = false;
	holm_lapic_eoi(vcpu->lapic);
}

void holm_pv_eoi_exit(struct holm_vcpu *vcpu)
{
	u8 value;

	if (likely(word_read(vcpu, &value))) {
		/* Known, if it was not before: the EOI below is the offer's, and no other. */
		vcpu->pv.eoi_unknown = false;
		settle(vcpu, value);
		return;
	}
	/* Nothing enters before it is known. */
	vcpu->pv.eoi_unknown = true;
	set_bit(HOLM_REQ_PV, &vcpu->requests);
}

/* The guest writes the EOI register: then it found the bit clear, and cleared it before. */
bool holm_pv_eoi_known(struct holm_vcpu *vcpu)
{
	if (likely(!vcpu->pv.eoi_unknown))
		return false;
	vcpu->pv.eoi_unknown = false;
	vcpu->pv.eoi_offered = false;
	return true;
}

void holm_pv_eoi_end(struct holm_vcpu *vcpu)
{
	u8 __user *word = eoi_word(vcpu);
	u8 value;

	vcpu->pv.eoi_unknown = false;
	/* Without its memory the guest cannot have answered. */
	if (word && !get_user(value, word)) {
		settle(vcpu, value);
		if (!vcpu->pv.eoi_offered)
			return;
		if (!put_user(KVM_PV_EOI_DISABLED, word))
			word_written(vcpu);
	}
	vcpu->pv.eoi_offered = false;
}

int holm_pv_write_eoi(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	/* Four bytes, aligned; bit 1 is reserved. */
	if (a->value & 2)
		return 1;
	if (a->check)
		return 0;
	/* An offer that is out ends where it was made, before the next instruction. */
	if (vcpu->pv.eoi_offered)
		holm_pv_request_own(vcpu, HOLM_PV_EOI);
	vcpu->pv.eoi = a->value;
	return 0;
}
