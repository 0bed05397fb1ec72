/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A backend without hardware. A test gives each vCPU a script; every entry
 * runs the next step of it: what the guest does to its registers, and the exit
 * that follows.
 */
#ifndef HOLM_FAKE_FAKE_H
#define HOLM_FAKE_FAKE_H

#include "../holm.h"

struct holm_fake_vcpu;

/**
 * struct holm_fake_step - one stay in the guest
 * @guest: what the guest does to its state, or NULL; IRQs off
 * @exit: the exit, answered through kmod/exits.h; NULL: the exit needs nothing
 *	(a host interrupt). IRQs on, preemption off
 * @insn_len: length of the instruction that exits
 * @reason: of the exit, for statistics and the tracepoint
 */
struct holm_fake_step {
	void (*guest)(struct holm_vcpu *vcpu, struct holm_fake_vcpu *fake);
	enum holm_next (*exit)(struct holm_vcpu *vcpu);
	u8 insn_len;
	enum holm_exit_reason reason;
};

#define HOLM_FAKE_LOG	32
#define HOLM_FAKE_PLE_GAP	100
#define HOLM_FAKE_PLE_WINDOW	1000

/**
 * struct holm_fake_vcpu - what the hardware would hold
 * @regs: only rip, rflags and RSP, as VMX and SVM
 * @sregs: without CR8
 * @dregs: debug registers
 * @shadow: interrupt shadow
 * @nmi_masked: NMIs are blocked
 * @script: steps to come
 * @nr_steps: in @script
 * @pos: next step
 * @injected: events that were delivered, in order
 * @nr_injected: how many, counting those that no longer fit
 * @event: delivered at the next entry
 * @windows: windows that are open
 * @entries: stays in the guest
 * @flushes: TLB flushes
 * @model_changes: calls of model_changed
 * @loads: vcpu_load calls without their vcpu_put: 0 or 1
 * @msrs: MSRs that hardware would hold
 */
struct holm_fake_vcpu {
	struct holm_regs regs;
	struct holm_sregs sregs;
	struct holm_debugregs dregs;
	u8 shadow;
	bool nmi_masked;
	const struct holm_fake_step *script;
	unsigned int nr_steps;
	unsigned int pos;
	struct holm_event injected[HOLM_FAKE_LOG];
	unsigned int nr_injected;
	struct holm_event event;
	u32 windows;
	unsigned int entries;
	unsigned int flushes;
	unsigned int model_changes;
	int loads;
	struct holm_fake_msr {
		u32 index;
		u64 value;
	} msrs[16];
};

static inline struct holm_fake_vcpu *holm_fake(struct holm_vcpu *vcpu)
{
	return vcpu->backend_data;
}

/* Make cpu_set(true) fail as if somebody else owned the CPU. */
extern bool holm_fake_owned;

/* CPUs on which the fake is enabled now. */
extern atomic_t holm_fake_cpus;

#endif /* HOLM_FAKE_FAKE_H */
