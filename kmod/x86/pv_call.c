// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hypercalls (Documentation/virt/kvm/x86/hypercalls.rst of the kernel): RAX the
 * number, RBX, RCX, RDX, RSI the arguments, RAX the result.
 */
#include <linux/kvm_para.h>
#include <linux/nospec.h>

#include "../holm.h"
#include "lapic_regs.h"
#include "pv.h"
#include "x86.h"

/* "Interrupt Command Register": destination shorthand */
#define ICR_SHORTHAND	GENMASK(19, 18)

static struct holm_vcpu *by_id(struct holm_vm *vm, u64 id)
{
	if (id >= HOLM_MAX_VCPUS)
		return NULL;
	/* The guest chose it: no speculation beyond the table. */
	id = array_index_nospec(id, HOLM_MAX_VCPUS);
	/* Pairs with the release in holm_vcpu_create(). */
	return smp_load_acquire(&vm->by_apic_id[id]);
}

/* The vCPU waits in HLT for a lock, with interrupts off. */
static s64 kick_cpu(struct holm_vcpu *vcpu, u64 id)
{
	struct holm_vcpu *target = by_id(vcpu->vm, id);

	if (!target)
		return 0;
	WRITE_ONCE(target->pv.unhalted, true);
	holm_vcpu_request(target, HOLM_REQ_EVENT);
	return 0;
}

bool holm_pv_unhalt(struct holm_vcpu *vcpu)
{
	return READ_ONCE(vcpu->pv.unhalted) && xchg(&vcpu->pv.unhalted, false);
}

/* @icr: vector and delivery mode; the destinations are the bits from @first on. */
static s64 send_ipi(struct holm_vcpu *vcpu, u64 low, u64 high, u64 first, u64 icr, bool wide)
{
	unsigned int bits = wide ? 64 : 32, i, mode = GET_APIC_DELIVERY_MODE(icr);
	u64 maps[2] = { low, high };
	s64 count = 0;

	if (icr & (APIC_DEST_LOGICAL | ICR_SHORTHAND) || icr >> 32)
		return -KVM_EINVAL;
	if (mode != HOLM_LAPIC_DM_FIXED && mode != HOLM_LAPIC_DM_LOWEST &&
	    mode != HOLM_LAPIC_DM_NMI)
		return -KVM_EINVAL;
	for (i = 0; i < 2 * bits && first < HOLM_MAX_VCPUS; i++) {
		struct holm_vcpu *target;

		if (!(maps[i / bits] & BIT_ULL(i % bits)))
			continue;
		target = by_id(vcpu->vm, first + i);
		if (target && holm_lapic_accept(target, mode, icr & APIC_VECTOR_MASK, false))
			count++;
	}
	return count;
}

/* exit_args: 0 the APIC ID */
static int slow_yield(struct holm_vcpu *vcpu)
{
	struct holm_vcpu *target = by_id(vcpu->vm, vcpu->exit_args[0]);

	if (target && target != vcpu)
		holm_vcpu_yield_to(target);
	return HOLM_NEXT_ENTER;
}

s64 holm_pv_hypercall(struct holm_vcpu *vcpu, bool wide)
{
	const u64 *gpr = vcpu->regs.gpr, mask = wide ? ~0ULL : ~0U;
	const struct holm_pv *pv = &vcpu->pv;

	switch (gpr[HOLM_RAX] & mask) {
	case KVM_HC_VAPIC_POLL_IRQ:
		if (!pv->features)
			break;
		return 0;	/* the entry looks at the LAPIC anyway */
	case KVM_HC_KICK_CPU:
		if (!holm_pv_has(pv, KVM_FEATURE_PV_UNHALT))
			break;
		return kick_cpu(vcpu, gpr[HOLM_RCX] & mask);
	case KVM_HC_SEND_IPI:
		if (!holm_pv_has(pv, KVM_FEATURE_PV_SEND_IPI))
			break;
		return send_ipi(vcpu, gpr[HOLM_RBX] & mask, gpr[HOLM_RCX] & mask,
				gpr[HOLM_RDX] & mask, gpr[HOLM_RSI] & mask, wide);
	case KVM_HC_SCHED_YIELD:
		if (!holm_pv_has(pv, KVM_FEATURE_PV_SCHED_YIELD))
			break;
		vcpu->exit_args[0] = gpr[HOLM_RBX] & mask;
		vcpu->slow = slow_yield;
		return 0;
	}
	return -KVM_ENOSYS;
}
