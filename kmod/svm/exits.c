// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exit codes (AMD64 APM Vol. 2, appendix C) decoded into the calls of
 * kmod/exits.h. Preemption is off, IRQs are on.
 */
#include "../exits.h"
#include "../trace.h"
#include "../x86/x86.h"
#include "svm.h"

#define DR6_BS	BIT_ULL(14)
#define DR6_B	0xfULL

/* ---- instructions --------------------------------------------------------- */

/* Call @finish with what svm_next_rip() found, if @err says that it did. */
static __always_inline enum holm_next finish_insn(struct holm_vcpu *vcpu, int err,
						  enum holm_next (*finish)(struct holm_vcpu *vcpu))
{
	if (likely(!err))
		return finish(vcpu);
	return err == -EAGAIN ? svm_insn_wait(vcpu) : holm_exit_emulate(vcpu);
}

#define OP2(a, b)	((a) | (b) << 8), 2
#define OP3(a, b, c)	((a) | (b) << 8 | (c) << 16), 3

static enum holm_next exit_cpuid(struct holm_vcpu *vcpu)
{
	return finish_insn(vcpu, svm_next_rip(vcpu, OP2(0x0f, 0xa2)), holm_exit_cpuid);
}

static enum holm_next exit_hlt(struct holm_vcpu *vcpu)
{
	return finish_insn(vcpu, svm_next_rip(vcpu, 0xf4, 1), holm_exit_hlt);
}

/*
 * INVD, WBINVD, and WBNOINVD, which is WBINVD with a REP prefix: none does
 * anything here. QEMU 7.2 reports INVD as WBINVD: the opcode says which it is.
 */
static enum holm_next exit_cache(struct holm_vcpu *vcpu)
{
	int err;

	err = svm_next_rip(vcpu, OP2(0x0f, 0x09));
	if (err == -EILSEQ)
		err = svm_next_rip(vcpu, OP2(0x0f, 0x08));
	return finish_insn(vcpu, err, holm_exit_nop);
}

static enum holm_next exit_pause(struct holm_vcpu *vcpu)
{
	/* The REP prefix that makes it a PAUSE is skipped. */
	return finish_insn(vcpu, svm_next_rip(vcpu, 0x90, 1), holm_exit_pause);
}

static enum holm_next exit_vmmcall(struct holm_vcpu *vcpu)
{
	return finish_insn(vcpu, svm_next_rip(vcpu, OP3(0x0f, 0x01, 0xd9)), holm_exit_hypercall);
}

static enum holm_next exit_xsetbv(struct holm_vcpu *vcpu)
{
	return finish_insn(vcpu, svm_next_rip(vcpu, OP3(0x0f, 0x01, 0xd1)), holm_exit_xsetbv);
}

static enum holm_next exit_msr(struct holm_vcpu *vcpu)
{
	if (to_svm(vcpu)->vmcb->exit_info1)
		return finish_insn(vcpu, svm_next_rip(vcpu, OP2(0x0f, 0x30)), holm_exit_wrmsr);
	return finish_insn(vcpu, svm_next_rip(vcpu, OP2(0x0f, 0x32)), holm_exit_rdmsr);
}

/* No counter exists: #GP whatever ECX names. */
static enum holm_next exit_rdpmc(struct holm_vcpu *vcpu)
{
	holm_raise_exception_err(vcpu, VEC_GP, 0);
	return HOLM_NEXT_ENTER;
}

static enum holm_next exit_ioio(struct holm_vcpu *vcpu)
{
	const struct svm_vmcb *v = to_svm(vcpu)->vmcb;
	u32 info = v->exit_info1;
	u8 flags = 0;

	if (info & SVM_IO_INFO_IN)
		flags |= HOLM_IO_IN;
	if (info & SVM_IO_INFO_STRING)
		flags |= HOLM_IO_STRING;
	if (info & SVM_IO_INFO_REP)
		flags |= HOLM_IO_REP;
	vcpu->next_rip = v->exit_info2;
	return holm_exit_io(vcpu, info >> SVM_IO_INFO_PORT_SHIFT,
			    info >> SVM_IO_INFO_SIZE_SHIFT & 7, flags);
}

/* ---- control registers ---------------------------------------------------- */

/*
 * What decode assists would have told, from the instruction: APM Vol. 3, MOV
 * CRn, CLTS, LMSW. ModRM.mod of MOV CR is ignored: always a register.
 */
static enum holm_next exit_cr_decode(struct holm_vcpu *vcpu, int cr)
{
	struct svm_insn insn;
	const u8 *op;
	int err, len, gpr;

	err = svm_insn_fetch(vcpu, &insn);
	if (err)
		return svm_insn_wait(vcpu);
	op = insn.bytes + insn.op;
	len = insn.len - insn.op;
	if (len < 2)
		return svm_insn_wait(vcpu);
	if (op[0] != 0x0f)
		return holm_exit_emulate(vcpu);
	if (op[1] == 0x06) {
		vcpu->next_rip = vcpu->regs.rip + insn.op + 2;
		return holm_exit_clts(vcpu);
	}
	if (len < 3)
		return svm_insn_wait(vcpu);

	vcpu->next_rip = vcpu->regs.rip + insn.op + 3;
	gpr = (op[2] & 7) | (insn.rex & 1) << 3;
	if (op[1] == 0x20 || op[1] == 0x22)
		return holm_exit_cr(vcpu, cr, gpr, op[1] == 0x22);
	if (op[1] == 0x01 && (op[2] & 0xf8) == 0xf0) {	/* LMSW, register form */
		if (gpr == HOLM_RSP)
			holm_state_get(vcpu, HOLM_ST_RIP);
		return holm_exit_lmsw(vcpu, vcpu->regs.gpr[gpr]);
	}
	return holm_exit_emulate(vcpu);
}

static enum holm_next exit_cr(struct holm_vcpu *vcpu)
{
	const struct svm_vmcb *v = to_svm(vcpu)->vmcb;
	bool write = v->exit_code >= SVM_EXIT_WRITE_CR0;
	int cr = v->exit_code & 0xf;

	if (v->exit_code == SVM_EXIT_CR0_SEL_WRITE)
		cr = 0;
	if (!svm_caps.decode_assists || !svm_caps.nrips || !v->next_rip ||
	    !(v->exit_info1 & SVM_CR_INFO_MOV))
		return exit_cr_decode(vcpu, cr);
	vcpu->next_rip = v->next_rip;
	return holm_exit_cr(vcpu, cr, v->exit_info1 & SVM_CR_INFO_GPR, write);
}

/* First use of a debug register: the guest does it again with its own. */
static enum holm_next exit_dr(struct holm_vcpu *vcpu)
{
	svm_dr_live(to_svm(vcpu), true);
	return HOLM_NEXT_ENTER;
}

/* ---- exceptions ----------------------------------------------------------- */

/* DR6 holds what the handler is to see already (APM 15.12.2). */
static enum holm_next exit_db(struct holm_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct svm_vmcb *v = svm->vmcb;

	if (svm->step_db) {
		/* Our step, unless a breakpoint was hit as well. */
		v->dr6 &= ~DR6_BS | (svm->step_dr6 & DR6_BS);
		svm_unclean(svm, SVM_CLEAN_DR);
		if (!(v->dr6 & ~svm->step_dr6 & DR6_B))
			return HOLM_NEXT_ENTER;
	}
	holm_raise_exception(vcpu, VEC_DB);
	return HOLM_NEXT_ENTER;
}

static enum holm_next exit_ac(struct holm_vcpu *vcpu)
{
	holm_raise_exception_err(vcpu, VEC_AC, to_svm(vcpu)->vmcb->exit_info1);
	return HOLM_NEXT_ENTER;
}

/* ---- events --------------------------------------------------------------- */

/* The host has taken its interrupt, NMI or machine check, or will now. */
static enum holm_next exit_host(struct holm_vcpu *vcpu)
{
	WRITE_ONCE(vcpu->stats.host_exits, vcpu->stats.host_exits + 1);
	return HOLM_NEXT_ENTER;
}

/* The guest can take an interrupt: the core looks for it before it enters. */
static enum holm_next exit_vintr(struct holm_vcpu *vcpu)
{
	svm_open_window(vcpu, to_svm(vcpu)->nmi_window ? HOLM_WINDOW_NMI : 0);
	vcpu->windows &= ~HOLM_WINDOW_IRQ;
	return HOLM_NEXT_ENTER;
}

/* NMIs are unmasked when this IRET has retired: svm_nmi_window_exit(). */
static enum holm_next exit_iret(struct holm_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	svm_intercept(svm, 0, SVM_INTERCEPT_IRET, false);
	svm->iret_pending = true;
	svm->iret_rip = svm->vmcb->rip;
	return HOLM_NEXT_ENTER;
}

/*
 * The source follows from the event that was being delivered and from
 * EXITINFO2. An external event has no instruction: it returns to RIP. That of
 * the others is the launcher's to find where the CPU does not tell.
 */
static enum holm_next exit_task_switch(struct holm_vcpu *vcpu)
{
	const struct svm_vmcb *v = to_svm(vcpu)->vmcb;
	u32 type = v->exit_int_info & SVM_EVENT_TYPE;
	u8 vector = v->exit_int_info & SVM_EVENT_VECTOR;
	bool insn = true;
	u8 source;

	if (v->exit_info2 & SVM_TS_INFO_IRET) {
		source = HOLM_TASK_SWITCH_IRET;
	} else if (v->exit_info2 & SVM_TS_INFO_JMP) {
		source = HOLM_TASK_SWITCH_JMP;
	} else if (v->exit_int_info & SVM_EVENT_VALID) {
		source = HOLM_TASK_SWITCH_GATE;
		insn = type == SVM_EVENT_TYPE_SOFT ||
		       (type == SVM_EVENT_TYPE_EXCEPTION && (vector == VEC_BP || vector == VEC_OF));
		/* The task switch is the delivery. */
		vcpu->interrupted.type = HOLM_EVENT_NONE;
		vcpu->exception.type = HOLM_EVENT_NONE;
	} else {
		source = HOLM_TASK_SWITCH_CALL;
	}
	if (!insn)
		vcpu->next_rip = v->rip;
	else if (svm_caps.nrips)
		vcpu->next_rip = v->next_rip;
	return holm_exit_task_switch(vcpu, v->exit_info1, source,
				     v->exit_info2 & SVM_TS_INFO_HAS_ERROR,
				     (u32)v->exit_info2);
}

/* ---- faults --------------------------------------------------------------- */

static enum holm_next exit_unexpected(struct holm_vcpu *vcpu)
{
	const struct svm_vmcb *v = to_svm(vcpu)->vmcb;
	u64 data[] = { v->exit_code, v->exit_info1, v->exit_info2, v->exit_int_info };

	return holm_exit_internal(vcpu, HOLM_INTERNAL_UNEXPECTED_EXIT, ARRAY_SIZE(data), data);
}

/*
 * APM 15.25.6. An access of the CPU's own to the guest's page tables counts as
 * a write. Reserved bits are never set in our tables.
 */
static enum holm_next exit_npf(struct holm_vcpu *vcpu)
{
	const struct svm_vmcb *v = to_svm(vcpu)->vmcb;
	struct holm_fault *fault = &vcpu->fault;
	u64 error = v->exit_info1;

	if (unlikely(error & SVM_NPF_RESERVED))
		return exit_unexpected(vcpu);
	if (svm_avic_enabled() && svm_avic_exit_npf(vcpu, v->exit_info2))
		return HOLM_NEXT_ENTER;
	fault->gpa = v->exit_info2;
	fault->gva = 0;
	fault->insn_len = 0;
	if (error & SVM_NPF_FETCH) {
		fault->access = HOLM_ACCESS_FETCH;
	} else {
		fault->access = error & SVM_NPF_WRITE ? HOLM_ACCESS_WRITE : HOLM_ACCESS_READ;
		if (svm_caps.decode_assists) {
			fault->insn_len = min_t(u8, v->insn_len & 0xf, sizeof(fault->insn));
			memcpy(fault->insn, v->insn, sizeof(fault->insn));
		}
	}
	return holm_exit_fault(vcpu);
}

static enum holm_next exit_shutdown(struct holm_vcpu *vcpu)
{
	return holm_exit_shutdown(vcpu);
}

/* VMRUN refused the state: tell what it was given (APM 15.5.1). */
static enum holm_next exit_invalid(struct holm_vcpu *vcpu)
{
	const struct svm_vmcb *v = to_svm(vcpu)->vmcb;

#define DUMP(field) trace_holm_dump(vcpu, #field, v->field)
	DUMP(intercept[0]);
	DUMP(intercept[1]);
	DUMP(intercept[2]);
	DUMP(exceptions);
	DUMP(iopm_pa);
	DUMP(msrpm_pa);
	DUMP(asid);
	DUMP(tlb_control);
	DUMP(int_ctl);
	DUMP(int_state);
	DUMP(event_inj);
	DUMP(nested_ctl);
	DUMP(nested_cr3);
	DUMP(avic_bar);
	DUMP(avic_page);
	DUMP(avic_logical);
	DUMP(avic_physical);
	DUMP(efer);
	DUMP(cr0);
	DUMP(cr3);
	DUMP(cr4);
	DUMP(dr6);
	DUMP(dr7);
	DUMP(rflags);
	DUMP(rip);
	DUMP(cpl);
	DUMP(cs.selector);
	DUMP(cs.attrib);
	DUMP(cs.limit);
	DUMP(cs.base);
	DUMP(ss.attrib);
	DUMP(tr.attrib);
	DUMP(g_pat);
#undef DUMP
	to_svm(vcpu)->clean = 0;
	/*
	 * Nobody says that TLB_CONTROL was obeyed, and it may have been the
	 * flush that makes this CPU's ASIDs free for other guests: again.
	 */
	to_svm(vcpu)->asid_generation = 0;
	this_cpu_write(svm_cpus.next_asid, svm_caps.nr_asids);
	return holm_exit_fail_entry(vcpu, v->exit_code, v->event_inj);
}

/* ---- dispatch ------------------------------------------------------------- */

static enum holm_next (*const svm_exits[])(struct holm_vcpu *vcpu) = {
	[SVM_EXIT_READ_CR0]				= exit_cr,
	[SVM_EXIT_READ_CR4]				= exit_cr,
	[SVM_EXIT_WRITE_CR0]				= exit_cr,
	[SVM_EXIT_WRITE_CR4]				= exit_cr,
	[SVM_EXIT_WRITE_CR8]				= exit_cr,
	[SVM_EXIT_READ_DR0 ... SVM_EXIT_READ_DR7]	= exit_dr,
	[SVM_EXIT_WRITE_DR0 ... SVM_EXIT_WRITE_DR7]	= exit_dr,
	[SVM_EXIT_EXCP(VEC_DB)]				= exit_db,
	[SVM_EXIT_EXCP(VEC_AC)]				= exit_ac,
	[SVM_EXIT_EXCP(VEC_MC)]				= exit_host,
	[SVM_EXIT_INTR]					= exit_host,
	[SVM_EXIT_NMI]					= exit_host,
	[SVM_EXIT_INIT]					= exit_host,
	[SVM_EXIT_VINTR]				= exit_vintr,
	[SVM_EXIT_CR0_SEL_WRITE]			= exit_cr,
	[SVM_EXIT_RDPMC]				= exit_rdpmc,
	[SVM_EXIT_CPUID]				= exit_cpuid,
	[SVM_EXIT_IRET]					= exit_iret,
	[SVM_EXIT_INVD]					= exit_cache,
	[SVM_EXIT_PAUSE]				= exit_pause,
	[SVM_EXIT_HLT]					= exit_hlt,
	[SVM_EXIT_INVLPGA]				= holm_exit_ud,
	[SVM_EXIT_IOIO]					= exit_ioio,
	[SVM_EXIT_MSR]					= exit_msr,
	[SVM_EXIT_TASK_SWITCH]				= exit_task_switch,
	[SVM_EXIT_SHUTDOWN]				= exit_shutdown,
	[SVM_EXIT_VMRUN]				= holm_exit_ud,
	[SVM_EXIT_VMMCALL]				= exit_vmmcall,
	[SVM_EXIT_VMLOAD]				= holm_exit_ud,
	[SVM_EXIT_VMSAVE]				= holm_exit_ud,
	[SVM_EXIT_STGI]					= holm_exit_ud,
	[SVM_EXIT_CLGI]					= holm_exit_ud,
	[SVM_EXIT_SKINIT]				= holm_exit_ud,
	[SVM_EXIT_RDTSCP]				= holm_exit_ud,
	[SVM_EXIT_WBINVD]				= exit_cache,
	[SVM_EXIT_MONITOR]				= holm_exit_ud,
	[SVM_EXIT_MWAIT]				= holm_exit_ud,
	[SVM_EXIT_XSETBV]				= exit_xsetbv,
	[SVM_EXIT_RDPRU]				= holm_exit_ud,
	[SVM_EXIT_INVPCID]				= holm_exit_ud,
};

/* By exit code; of those left out, an instruction. */
static const u8 exit_reasons[] = {
	[SVM_EXIT_READ_CR0]				= HOLM_EXIT_REASON_CR,
	[SVM_EXIT_READ_CR4]				= HOLM_EXIT_REASON_CR,
	[SVM_EXIT_WRITE_CR0]				= HOLM_EXIT_REASON_CR,
	[SVM_EXIT_WRITE_CR4]				= HOLM_EXIT_REASON_CR,
	[SVM_EXIT_WRITE_CR8]				= HOLM_EXIT_REASON_CR,
	[SVM_EXIT_READ_DR0 ... SVM_EXIT_READ_DR7]	= HOLM_EXIT_REASON_DR,
	[SVM_EXIT_WRITE_DR0 ... SVM_EXIT_WRITE_DR7]	= HOLM_EXIT_REASON_DR,
	[SVM_EXIT_EXCP(0) ... SVM_EXIT_EXCP(31)]	= HOLM_EXIT_REASON_EXCEPTION,
	[SVM_EXIT_INTR]					= HOLM_EXIT_REASON_EXTERNAL_INTERRUPT,
	[SVM_EXIT_NMI]					= HOLM_EXIT_REASON_NMI,
	[SVM_EXIT_INIT]					= HOLM_EXIT_REASON_INIT,
	[SVM_EXIT_VINTR]				= HOLM_EXIT_REASON_WINDOW,
	[SVM_EXIT_CR0_SEL_WRITE]			= HOLM_EXIT_REASON_CR,
	[SVM_EXIT_CPUID]				= HOLM_EXIT_REASON_CPUID,
	[SVM_EXIT_IRET]					= HOLM_EXIT_REASON_WINDOW,
	[SVM_EXIT_PAUSE]				= HOLM_EXIT_REASON_PAUSE,
	[SVM_EXIT_HLT]					= HOLM_EXIT_REASON_HLT,
	[SVM_EXIT_IOIO]					= HOLM_EXIT_REASON_IO,
	[SVM_EXIT_TASK_SWITCH]				= HOLM_EXIT_REASON_TASK_SWITCH,
	[SVM_EXIT_SHUTDOWN]				= HOLM_EXIT_REASON_SHUTDOWN,
	[SVM_EXIT_VMMCALL]				= HOLM_EXIT_REASON_HYPERCALL,
	[SVM_EXIT_XSETBV]				= HOLM_EXIT_REASON_CR,
};

/* holm_backend.exit_reason */
enum holm_exit_reason svm_exit_reason(struct holm_vcpu *vcpu)
{
	const struct svm_vmcb *v = to_svm(vcpu)->vmcb;
	u32 code = v->exit_code;

	switch (code) {
	case SVM_EXIT_MSR:
		return v->exit_info1 ? HOLM_EXIT_REASON_WRMSR : HOLM_EXIT_REASON_RDMSR;
	case SVM_EXIT_NPF:
		return HOLM_EXIT_REASON_PAGE_FAULT;
	case SVM_EXIT_AVIC_IPI:
	case SVM_EXIT_AVIC_ACCESS:
		return HOLM_EXIT_REASON_APIC;
	case SVM_EXIT_INVALID:
	case SVM_EXIT_BUSY:
		return HOLM_EXIT_REASON_ENTRY_FAILED;
	}
	if (code < ARRAY_SIZE(exit_reasons) && exit_reasons[code])
		return exit_reasons[code];
	return code < ARRAY_SIZE(svm_exits) && svm_exits[code] ? HOLM_EXIT_REASON_INSTRUCTION :
								  HOLM_EXIT_REASON_OTHER;
}

/**
 * svm_handle_exit() - backend->handle_exit
 * @vcpu: the vCPU, loaded
 *
 * Return: what the run loop does next.
 */
enum holm_next svm_handle_exit(struct holm_vcpu *vcpu)
{
	const struct svm_vmcb *v = to_svm(vcpu)->vmcb;
	u32 code = v->exit_code;

	if (trace_holm_exit_enabled())
		trace_holm_exit(vcpu, svm_exit_reason(vcpu), code, v->rip, v->exit_info1,
				v->exit_info2);

	if (code == SVM_EXIT_NPF)
		return exit_npf(vcpu);
	if (code < ARRAY_SIZE(svm_exits) && svm_exits[code])
		return svm_exits[code](vcpu);
	if (code == SVM_EXIT_AVIC_IPI && svm_avic_enabled())
		return svm_avic_exit_ipi(vcpu);
	if (code == SVM_EXIT_AVIC_ACCESS && svm_avic_enabled())
		return svm_avic_exit_access(vcpu);
	if (code == SVM_EXIT_INVALID || code == SVM_EXIT_BUSY)
		return exit_invalid(vcpu);
	return exit_unexpected(vcpu);
}
