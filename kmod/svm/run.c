// SPDX-License-Identifier: GPL-2.0-only
/*
 * Entering the guest, and what is done with IRQs off right after it left.
 */
#include <linux/percpu.h>
#include <asm/cpufeature.h>
#include <asm/processor.h>
#include <asm/debugreg.h>
#include <asm/msr-index.h>

#include "../x86/lapic_regs.h"
#include "entry.h"
#include "svm.h"

#define CR8_BIT		BIT(8)		/* of cr_write */
#define RFLAGS_TF	BIT_ULL(8)
#define RFLAGS_RF	BIT_ULL(16)

/* struct holm_regs.gpr[] as entry.S has it */
static_assert(GPR_RCX == HOLM_RCX * sizeof(u64));
static_assert(GPR_RDX == HOLM_RDX * sizeof(u64));
static_assert(GPR_RBX == HOLM_RBX * sizeof(u64));
static_assert(GPR_RBP == HOLM_RBP * sizeof(u64));
static_assert(GPR_RSI == HOLM_RSI * sizeof(u64));
static_assert(GPR_RDI == HOLM_RDI * sizeof(u64));
static_assert(GPR_R8 == 8 * sizeof(u64));
static_assert(GPR_R15 == 15 * sizeof(u64));

/* ---- translations --------------------------------------------------------- */

/**
 * svm_flush_tlb() - backend->flush_tlb
 * @vcpu: the vCPU
 */
void svm_flush_tlb(struct holm_vcpu *vcpu)
{
	to_svm(vcpu)->flush = true;
	if (svm_avic_enabled())
		svm_avic_flush(vcpu);
}

/*
 * ASIDs tag translations (APM 15.16). Each CPU hands them out in order; when
 * it has no more it flushes all and starts a new generation, and a vCPU whose
 * ASID is from an older one takes a new one. Without flush-by-ASID a flush is
 * a new ASID.
 */
static void svm_set_asid(struct svm_vcpu *svm, struct svm_cpu *pc)
{
	struct svm_vmcb *v = svm->vmcb;

	v->tlb_control = SVM_TLB_NOTHING;
	if (likely(svm->asid_generation == pc->asid_generation && !svm->flush))
		return;
	/* Perhaps SVM was off in between, and what the CPU had cached is gone. */
	if (svm->asid_generation != pc->asid_generation)
		svm->clean = 0;

	if (svm->asid_generation == pc->asid_generation && svm_caps.flush_asid) {
		v->tlb_control = SVM_TLB_FLUSH_GUEST;
	} else {
		if (pc->next_asid >= svm_caps.nr_asids) {
			pc->asid_generation++;
			pc->next_asid = 1;
			v->tlb_control = SVM_TLB_FLUSH_ALL;
		}
		v->asid = pc->next_asid++;
		svm->asid_generation = pc->asid_generation;
		svm_unclean(svm, SVM_CLEAN_ASID);
	}
	svm->flush = false;
}

/* ---- debug registers ------------------------------------------------------ */

#define dr_read(n) ({							\
	unsigned long __v;						\
	asm volatile("mov %%db" #n ", %0" : "=r" (__v));		\
	__v;								\
})
#define dr_write(n, v) \
	asm volatile("mov %0, %%db" #n : : "r" ((unsigned long)(v)))

struct host_dr {
	unsigned long dr[4];
	unsigned long dr7;
};

static void svm_load_dr(const u64 *dr)
{
	dr_write(0, dr[0]);
	dr_write(1, dr[1]);
	dr_write(2, dr[2]);
	dr_write(3, dr[3]);
}

/*
 * VMRUN loads DR6 and DR7, and the exit disables the host's breakpoints (APM
 * 15.6); DR0..DR3 are left to us. They matter where the host has breakpoints,
 * or the guest has its debug registers.
 */
static void svm_dr_enter(struct svm_vcpu *svm, struct host_dr *host)
{
	host->dr7 = 0;
	if (unlikely(hw_breakpoint_active())) {
		host->dr[0] = dr_read(0);
		host->dr[1] = dr_read(1);
		host->dr[2] = dr_read(2);
		host->dr[3] = dr_read(3);
		host->dr7 = dr_read(7);
		dr_write(7, 0);		/* not at the guest's addresses */
	}
	if (unlikely(svm->dr_live))
		svm_load_dr(svm->dr);
}

static void svm_dr_exit(struct svm_vcpu *svm, const struct host_dr *host)
{
	if (unlikely(svm->dr_live)) {
		svm->dr[0] = dr_read(0);
		svm->dr[1] = dr_read(1);
		svm->dr[2] = dr_read(2);
		svm->dr[3] = dr_read(3);
		/* Without an enabled breakpoint the next use is noticed again. */
		if (!(svm->vmcb->dr7 & DR_GLOBAL_ENABLE_MASK) &&
		    !(svm->vmcb->dr7 & DR_LOCAL_ENABLE_MASK))
			svm_dr_live(svm, false);
	}
	/* The host's #DB handler takes what it finds in DR6 for its own. */
	if (unlikely(svm->vmcb->dr6 != DR6_RESERVED))
		dr_write(6, DR6_RESERVED);
	if (unlikely(host->dr7)) {
		dr_write(0, host->dr[0]);
		dr_write(1, host->dr[1]);
		dr_write(2, host->dr[2]);
		dr_write(3, host->dr[3]);
		dr_write(7, host->dr7);
	}
}

/* ---- NMI window ----------------------------------------------------------- */

/*
 * An NMI waits. SVM has no exit for "an NMI can be taken": while NMIs are
 * masked the IRET intercept says when the handler ends, but before the IRET
 * executes. It, or the one instruction of an interrupt shadow, is stepped over
 * with TF; behind an event that is delivered by this entry a pending interrupt
 * of the host ends the guest at once.
 */
static void svm_nmi_window_enter(struct svm_vcpu *svm)
{
	struct svm_vmcb *v = svm->vmcb;

	if (likely(!svm->nmi_window))
		return;
	if (svm->nmi_masked && !svm->iret_pending)
		return;
	if (v->event_inj & SVM_EVENT_VALID) {
		irq_work_queue(&svm->kick);
		return;
	}
	svm->step = true;
	svm->step_rip = v->rip;
	svm->step_rflags = v->rflags;
	svm->step_dr6 = v->dr6;
	v->rflags |= RFLAGS_TF | RFLAGS_RF;
}

static void svm_nmi_window_exit(struct svm_vcpu *svm)
{
	struct svm_vmcb *v = svm->vmcb;
	bool iret = svm->iret_pending;

	if (unlikely(iret && v->rip != svm->iret_rip)) {
		svm->iret_pending = false;
		svm->nmi_masked = false;
	}
	svm->step_db = false;
	if (likely(!svm->step))
		return;

	svm->step = false;
	if (v->rip == svm->step_rip) {		/* left before it retired */
		v->rflags &= ~(RFLAGS_TF | RFLAGS_RF);
		v->rflags |= svm->step_rflags & (RFLAGS_TF | RFLAGS_RF);
		return;
	}
	if (v->exit_code != SVM_EXIT_EXCP(VEC_DB) || svm->step_rflags & RFLAGS_TF)
		return;
	svm->step_db = true;
	if (!iret)				/* IRET has loaded the guest's own TF */
		v->rflags &= ~RFLAGS_TF;
}

/* ---- events whose delivery the exit interrupted --------------------------- */

static bool is_soft(const struct holm_event *event)
{
	return event->type == HOLM_EVENT_SOFT_INTERRUPT ||
	       event->type == HOLM_EVENT_SOFT_EXCEPTION ||
	       event->type == HOLM_EVENT_PRIV_SOFT_EXCEPTION;
}

/* An event that the guest met by itself (APM 15.7.2). */
static void svm_take_own(struct holm_vcpu *vcpu, const struct svm_vmcb *v)
{
	u32 info = v->exit_int_info;
	struct holm_event event = {
		.vector = info & SVM_EVENT_VECTOR,
	};

	switch (info & SVM_EVENT_TYPE) {
	case SVM_EVENT_TYPE_INTR:
		event.type = HOLM_EVENT_INTERRUPT;
		vcpu->interrupted = event;
		return;
	case SVM_EVENT_TYPE_NMI:
		event.type = HOLM_EVENT_NMI;
		vcpu->interrupted = event;
		return;
	case SVM_EVENT_TYPE_EXCEPTION:
		/* As a software interrupt: its instruction executes again. */
		if (event.vector == VEC_BP || event.vector == VEC_OF)
			return;
		event.type = HOLM_EVENT_EXCEPTION;
		if (info & SVM_EVENT_HAS_ERROR) {
			event.flags = HOLM_EVENT_HAS_ERROR_CODE;
			event.error_code = v->exit_int_error;
		}
		/* CR2 and DR6 were written before delivery began. */
		vcpu->exception = event;
		return;
	default:
		return;
	}
}

/*
 * A software event of the guest's own is dropped: RIP still is at its
 * instruction. What we injected goes back to the core as it was, a software
 * event with RIP where it was.
 */
static void svm_take_interrupted(struct holm_vcpu *vcpu)
{
	const u32 same = SVM_EVENT_TYPE | SVM_EVENT_VECTOR;
	struct svm_vcpu *svm = to_svm(vcpu);
	struct svm_vmcb *v = svm->vmcb;
	struct holm_event injected = svm->injected;
	bool ours;

	ours = injected.type != HOLM_EVENT_NONE &&
	       !((svm->event_inj ^ v->exit_int_info) & same) &&
	       (!is_soft(&injected) || v->rip == svm->soft_next);
	svm->injected.type = HOLM_EVENT_NONE;
	v->event_inj = 0;
	if (likely(!(v->exit_int_info & SVM_EVENT_VALID)))
		return;

	if (!ours) {
		svm_take_own(vcpu, v);
	} else if (injected.type == HOLM_EVENT_EXCEPTION) {
		vcpu->exception = injected;
	} else {
		if (is_soft(&injected))
			v->rip = svm->soft_rip;
		vcpu->interrupted = injected;
	}
}

/* ---- run ------------------------------------------------------------------ */

/*
 * CR8 is V_TPR while the guest runs (APM 15.21.1). Its writes exit only while
 * an interrupt is pending that a lower priority may let through.
 */
static void svm_tpr_enter(struct holm_vcpu *vcpu, struct svm_vcpu *svm)
{
	struct svm_vmcb *v = svm->vmcb;
	u32 ctl = (v->int_ctl & ~SVM_INT_TPR_MASK) | holm_lapic_get_cr8(vcpu);
	u16 write = v->cr_write & ~CR8_BIT;

	if (READ_ONCE(vcpu->lapic->irr_hint))
		write |= CR8_BIT;
	if (write != v->cr_write) {
		v->cr_write = write;
		svm_unclean(svm, SVM_CLEAN_INTERCEPTS);
	}
	if (ctl != v->int_ctl) {
		v->int_ctl = ctl;
		svm_unclean(svm, SVM_CLEAN_INT);
	}
}

static void svm_tpr_exit(struct holm_vcpu *vcpu, const struct svm_vcpu *svm)
{
	u64 cr8 = svm->vmcb->int_ctl & SVM_INT_TPR_MASK;

	if (unlikely(cr8 != holm_lapic_get_cr8(vcpu)))
		holm_lapic_set_cr8(vcpu, cr8);
}

/**
 * svm_run() - backend->run
 * @vcpu: the vCPU, loaded, IRQs off
 */
void svm_run(struct holm_vcpu *vcpu)
{
	struct svm_cpu *pc = this_cpu_ptr(&svm_cpus);
	struct svm_vcpu *svm = to_svm(vcpu);
	struct svm_vmcb *v = svm->vmcb;
	u32 flags = svm_caps.enter_flags;
	struct host_dr host;

	if (vcpu->st_dirty) {
		if (likely(vcpu->st_dirty == HOLM_ST_RIP))
			svm_set_rip(vcpu, v);
		else
			svm_state_set(vcpu, vcpu->st_dirty);
		vcpu->st_dirty = 0;
	}
	v->rax = vcpu->regs.gpr[HOLM_RAX];
	if (svm_avic_enabled())
		svm_avic_enter(vcpu);
	svm_tpr_enter(vcpu, svm);
	svm_set_asid(svm, pc);
	svm_nmi_window_enter(svm);
	svm_dr_enter(svm, &host);
	if (svm->spec_ctrl && !svm_caps.v_spec_ctrl)
		flags |= ENTER_SPEC_CTRL;
	v->clean = svm_caps.clean_bits ? svm->clean : 0;

	holm_svm_enter(vcpu->regs.gpr, svm->vmcb_pa, pc->host_pa, flags,
		       svm->spec_ctrl, svm->host_spec_ctrl);

	/*
	 * A machine check that the intercept took from the host is pending no
	 * more: hand it to the handler as the CPU would have (APM 15.12.15).
	 */
	if (unlikely(v->exit_code == SVM_EXIT_EXCP(VEC_MC)))
		asm volatile("int $18" : : : "memory");

	/* CR2 and the interrupt state have no intercept: they may have changed. */
	svm->clean = SVM_CLEAN_ALL & ~(SVM_CLEAN_CR2 | SVM_CLEAN_INT);
	svm_dr_exit(svm, &host);
	svm_tpr_exit(vcpu, svm);
	if (svm_avic_enabled())
		svm_avic_exit(vcpu);
	svm_nmi_window_exit(svm);
	svm_take_interrupted(vcpu);
	vcpu->regs.gpr[HOLM_RAX] = v->rax;
	vcpu->next_rip = 0;
	/* What nearly every exit asks for. */
	svm_get_rip(vcpu, v);
	svm_get_shadow(vcpu, svm);
	vcpu->st_valid = HOLM_ST_RIP | HOLM_ST_SHADOW;
}
