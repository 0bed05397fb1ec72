// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exits: the basic exit reasons (SDM Vol. 3, appendix "VMX Basic Exit
 * Reasons") and their qualifications ("Information for VM Exits").
 */
#define pr_fmt(fmt) "holm: vmx: " fmt

#include <linux/bitfield.h>
#include <linux/nospec.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <asm/cpufeature.h>
#include <asm/processor-flags.h>

#include "../enter.h"
#include "../exits.h"
#include "../trace.h"
#include "../x86/x86.h"
#include "vmx.h"

#define VECTOR_DB	1
#define VECTOR_DF	8
#define VECTOR_GP	13
#define VECTOR_AC	17
#define VECTOR_MC	18

static enum holm_next exit_enter(struct holm_vcpu *vcpu)
{
	return HOLM_NEXT_ENTER;
}

/* The host has taken its interrupt, NMI or machine check. */
static enum holm_next exit_host(struct holm_vcpu *vcpu)
{
	WRITE_ONCE(vcpu->stats.host_exits, vcpu->stats.host_exits + 1);
	return HOLM_NEXT_ENTER;
}

static enum holm_next exit_unexpected(struct holm_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u64 data[] = {
		vmx->exit_reason,
		vmcs_read_natural(VMCS_EXIT_QUALIFICATION),
		vmcs_read32(VMCS_EXIT_INTR_INFO),
		vmcs_read32(VMCS_IDT_VECTORING_INFO),
		vmcs_read64(VMCS_GUEST_PHYSICAL_ADDRESS),
		vmcs_read_natural(VMCS_GUEST_RIP),
	};

	vmx_dump(vcpu);
	return holm_exit_internal(vcpu, HOLM_INTERNAL_UNEXPECTED_EXIT, ARRAY_SIZE(data), data);
}

/* ---- exceptions and NMIs -------------------------------------------------- */

/*
 * An IRET that faulted had unblocked NMIs already; it will run again (SDM
 * Vol. 3, "Resuming Guest Software after Handling an Exception").
 */
static void block_nmi_again(void)
{
	if (!(vmcs_read32(VMCS_IDT_VECTORING_INFO) & INTR_VALID))
		vmcs_write32(VMCS_GUEST_INTERRUPTIBILITY,
			     vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY) | GUEST_BLOCKED_NMI);
}

/* #DB: the qualification has the bits for DR6. */
static enum holm_next exit_debug(struct holm_vcpu *vcpu, u32 info)
{
	u64 dr6 = vmcs_read_natural(VMCS_EXIT_QUALIFICATION);

	holm_raise_db(vcpu, dr6);
	if (FIELD_GET(INTR_TYPE, info) == HOLM_EVENT_PRIV_SOFT_EXCEPTION &&
	    vcpu->exception.vector == VECTOR_DB) {
		/* INT1: a trap, so the instruction is to be passed. */
		vcpu->exception.type = HOLM_EVENT_PRIV_SOFT_EXCEPTION;
		vcpu->exception.insn_len = vmcs_read32(VMCS_EXIT_INSN_LEN);
	}
	return HOLM_NEXT_ENTER;
}

/*
 * #AC without alignment checking is the host's split-lock detection, of which
 * the guest knows nothing.
 */
static enum holm_next exit_alignment(struct holm_vcpu *vcpu)
{
	u32 error = vmcs_read32(VMCS_EXIT_INTR_ERROR);

	if (boot_cpu_has(X86_FEATURE_SPLIT_LOCK_DETECT)) {
		holm_state_get(vcpu, HOLM_ST_RIP | HOLM_ST_CR);
		if (!(vcpu->sregs.cr0 & X86_CR0_AM) || !(vcpu->regs.rflags & X86_EFLAGS_AC) ||
		    holm_cpl(vcpu) != 3) {
			pr_warn_ratelimited("the guest of process %d uses split locks, which slow all CPUs down\n",
					    current->pid);
			vmx_allow_split_lock(to_vmx(vcpu));
			return HOLM_NEXT_ENTER;
		}
	}
	holm_raise_exception_err(vcpu, VECTOR_AC, error);
	return HOLM_NEXT_ENTER;
}

static enum holm_next exit_exception_nmi(struct holm_vcpu *vcpu)
{
	u32 info = vmcs_read32(VMCS_EXIT_INTR_INFO);
	u8 vector = FIELD_GET(INTR_VECTOR, info);

	/* vmx_run() passed it to the host. */
	if (FIELD_GET(INTR_TYPE, info) == HOLM_EVENT_NMI)
		return exit_host(vcpu);

	if (info & INTR_NMI_UNBLOCKED && vector != VECTOR_DF)
		block_nmi_again();
	switch (vector) {
	case VECTOR_MC:
		return exit_host(vcpu);
	case VECTOR_DB:
		return exit_debug(vcpu, info);
	case VECTOR_AC:
		return exit_alignment(vcpu);
	default:
		return exit_unexpected(vcpu);
	}
}

/* The core opens a window again when it needs one. */
static enum holm_next exit_window(struct holm_vcpu *vcpu)
{
	vmx_primary_clear(to_vmx(vcpu), PRI_INTR_WINDOW | PRI_NMI_WINDOW);
	vcpu->windows = 0;
	return HOLM_NEXT_ENTER;
}

/* INIT reached this CPU of the host; whoever sent it sees it ignored. */
static enum holm_next exit_init(struct holm_vcpu *vcpu)
{
	pr_warn_ratelimited("INIT on CPU %d while in a guest was ignored\n", vcpu->cpu);
	return HOLM_NEXT_ENTER;
}

/* ---- instructions --------------------------------------------------------- */

static enum holm_next exit_gp(struct holm_vcpu *vcpu)
{
	holm_raise_exception_err(vcpu, VECTOR_GP, 0);
	return HOLM_NEXT_ENTER;
}

static enum holm_next exit_vmcall(struct holm_vcpu *vcpu)
{
	vmx_get_mode(vcpu);
	vcpu->st_valid |= HOLM_ST_MODE;
	return holm_exit_hypercall(vcpu);
}

/* "Exit Qualification for Control-Register Accesses" */
#define CR_NUMBER	GENMASK(3, 0)
#define CR_TYPE		GENMASK(5, 4)
#define CR_TYPE_MOV_TO	0
#define CR_TYPE_MOV_FROM 1
#define CR_TYPE_CLTS	2
#define CR_GPR		GENMASK(11, 8)
#define CR_LMSW_SOURCE	GENMASK(31, 16)

static enum holm_next exit_cr(struct holm_vcpu *vcpu)
{
	u32 qual = vmcs_read_natural(VMCS_EXIT_QUALIFICATION);
	int cr = FIELD_GET(CR_NUMBER, qual), gpr = FIELD_GET(CR_GPR, qual);

	switch (FIELD_GET(CR_TYPE, qual)) {
	case CR_TYPE_MOV_TO:
		return holm_exit_cr(vcpu, cr, gpr, true);
	case CR_TYPE_MOV_FROM:
		return holm_exit_cr(vcpu, cr, gpr, false);
	case CR_TYPE_CLTS:
		return holm_exit_clts(vcpu);
	default:
		return holm_exit_lmsw(vcpu, FIELD_GET(CR_LMSW_SOURCE, qual));
	}
}

/* "Exit Qualification for MOV DR" */
#define DR_NUMBER	GENMASK(2, 0)
#define DR_FROM		BIT(4)
#define DR_GPR		GENMASK(11, 8)

static enum holm_next exit_dr(struct holm_vcpu *vcpu)
{
	u32 qual = vmcs_read_natural(VMCS_EXIT_QUALIFICATION);

	return holm_exit_dr(vcpu, FIELD_GET(DR_NUMBER, qual), FIELD_GET(DR_GPR, qual),
			    !(qual & DR_FROM));
}

/* "Exit Qualification for I/O Instructions" */
#define IO_SIZE		GENMASK(2, 0)	/* minus 1 */
#define IO_IN		BIT(3)
#define IO_STRING	BIT(4)
#define IO_REP		BIT(5)
#define IO_PORT		GENMASK(31, 16)

static __always_inline enum holm_next exit_io(struct holm_vcpu *vcpu)
{
	u32 qual = vmcs_read_natural(VMCS_EXIT_QUALIFICATION);
	u8 flags = 0;

	if (qual & IO_IN)
		flags |= HOLM_IO_IN;
	if (qual & IO_STRING)
		flags |= HOLM_IO_STRING;
	if (qual & IO_REP)
		flags |= HOLM_IO_REP;
	return holm_exit_io(vcpu, FIELD_GET(IO_PORT, qual), FIELD_GET(IO_SIZE, qual) + 1, flags);
}

/* "Exit Qualification for Task Switches"; sources are numbered as ours are. */
#define TASK_SELECTOR	GENMASK(15, 0)
#define TASK_SOURCE	GENMASK(31, 30)

static enum holm_next exit_task_switch(struct holm_vcpu *vcpu)
{
	u32 qual = vmcs_read_natural(VMCS_EXIT_QUALIFICATION);
	u32 info = vmcs_read32(VMCS_IDT_VECTORING_INFO);
	u8 source = FIELD_GET(TASK_SOURCE, qual);
	bool has_error = false;
	u32 error = 0;

	if (source == HOLM_TASK_SWITCH_GATE && info & INTR_VALID) {
		/* The switch is the delivery of this event. */
		vcpu->exception.type = HOLM_EVENT_NONE;
		vcpu->interrupted.type = HOLM_EVENT_NONE;
		has_error = info & INTR_HAS_ERROR;
		if (has_error)
			error = vmcs_read32(VMCS_IDT_VECTORING_ERROR);
		switch (FIELD_GET(INTR_TYPE, info)) {
		case HOLM_EVENT_NMI:
			holm_state_get(vcpu, HOLM_ST_SHADOW);
			vcpu->nmi_masked = true;
			holm_state_dirty(vcpu, HOLM_ST_SHADOW);
			fallthrough;
		case HOLM_EVENT_INTERRUPT:
		case HOLM_EVENT_EXCEPTION:
			/* The old task continues at the instruction itself. */
			vcpu->next_rip = vcpu->regs.rip;
			break;
		}
	}
	return holm_exit_task_switch(vcpu, FIELD_GET(TASK_SELECTOR, qual), source,
				     has_error, error);
}

/* ---- EPT ------------------------------------------------------------------ */

/* "Exit Qualification for EPT Violations" */
#define EPT_QUAL_READ		BIT(0)
#define EPT_QUAL_WRITE		BIT(1)
#define EPT_QUAL_FETCH		BIT(2)
#define EPT_QUAL_LINEAR_VALID	BIT(7)
#define EPT_QUAL_TRANSLATED	BIT(8)	/* the access itself, not a page walk for it */
#define EPT_QUAL_NMI_UNBLOCKED	BIT(12)	/* of an exit for a full log, too */

static enum holm_next exit_ept_violation(struct holm_vcpu *vcpu)
{
	u32 qual = vmcs_read_natural(VMCS_EXIT_QUALIFICATION);
	struct holm_fault *fault = &vcpu->fault;

	if (qual & EPT_QUAL_NMI_UNBLOCKED)
		block_nmi_again();

	fault->gpa = vmcs_read64(VMCS_GUEST_PHYSICAL_ADDRESS);
	fault->gva = 0;
	fault->insn_len = 0;
	/* A locked access reads and writes. */
	if (qual & EPT_QUAL_WRITE)
		fault->access = HOLM_ACCESS_WRITE;
	else if (qual & EPT_QUAL_FETCH)
		fault->access = HOLM_ACCESS_FETCH;
	else
		fault->access = HOLM_ACCESS_READ;
	if (qual & EPT_QUAL_LINEAR_VALID && qual & EPT_QUAL_TRANSLATED) {
		fault->gva = vmcs_read_natural(VMCS_GUEST_LINEAR_ADDRESS);
		fault->access |= HOLM_ACCESS_GVA;
	}
	return holm_exit_fault(vcpu);
}

/* vmx_run() emptied the log. */
static enum holm_next exit_pml_full(struct holm_vcpu *vcpu)
{
	if (vmcs_read_natural(VMCS_EXIT_QUALIFICATION) & EPT_QUAL_NMI_UNBLOCKED)
		block_nmi_again();
	return HOLM_NEXT_ENTER;
}

/* ---- the table ------------------------------------------------------------ */

/**
 * struct exit_handler - who answers an exit
 * @fn: the handler
 * @insn: an instruction caused it: its length is known
 */
struct exit_handler {
	enum holm_next (*fn)(struct holm_vcpu *vcpu);
	bool insn;
};

#define INSN(handler)	{ .fn = (handler), .insn = true }
#define EVENT(handler)	{ .fn = (handler) }

static const struct exit_handler exit_handlers[] = {
	[EXIT_EXCEPTION_NMI]	= EVENT(exit_exception_nmi),
	[EXIT_EXT_INTR]		= EVENT(exit_host),	/* taken when IRQs went on */
	[EXIT_TRIPLE_FAULT]	= EVENT(holm_exit_shutdown),
	[EXIT_INIT]		= EVENT(exit_init),
	[EXIT_INTR_WINDOW]	= EVENT(exit_window),
	[EXIT_NMI_WINDOW]	= EVENT(exit_window),
	[EXIT_TASK_SWITCH]	= INSN(exit_task_switch),
	[EXIT_CPUID]		= INSN(holm_exit_cpuid),
	[EXIT_GETSEC]		= INSN(holm_exit_ud),
	[EXIT_HLT]		= INSN(holm_exit_hlt),
	[EXIT_INVD]		= INSN(holm_exit_nop),
	[EXIT_RDPMC]		= INSN(exit_gp),	/* no counter is shown */
	[EXIT_VMCALL]		= INSN(exit_vmcall),
	[EXIT_VMCLEAR]		= INSN(holm_exit_ud),
	[EXIT_VMLAUNCH]		= INSN(holm_exit_ud),
	[EXIT_VMPTRLD]		= INSN(holm_exit_ud),
	[EXIT_VMPTRST]		= INSN(holm_exit_ud),
	[EXIT_VMREAD]		= INSN(holm_exit_ud),
	[EXIT_VMRESUME]		= INSN(holm_exit_ud),
	[EXIT_VMWRITE]		= INSN(holm_exit_ud),
	[EXIT_VMXOFF]		= INSN(holm_exit_ud),
	[EXIT_VMXON]		= INSN(holm_exit_ud),
	[EXIT_CR]		= INSN(exit_cr),
	[EXIT_DR]		= INSN(exit_dr),
	[EXIT_IO]		= INSN(exit_io),
	[EXIT_RDMSR]		= INSN(holm_exit_rdmsr),
	[EXIT_WRMSR]		= INSN(holm_exit_wrmsr),
	[EXIT_MWAIT]		= INSN(holm_exit_ud),
	[EXIT_MONITOR]		= INSN(holm_exit_ud),
	[EXIT_PAUSE]		= INSN(holm_exit_pause),
	[EXIT_TPR_THRESHOLD]	= EVENT(exit_enter),	/* the core looks again */
	[EXIT_VIRTUALIZED_EOI]	= EVENT(vmx_exit_eoi),
	[EXIT_EPT_VIOLATION]	= EVENT(exit_ept_violation),
	[EXIT_EPT_MISCONFIG]	= EVENT(exit_unexpected),
	[EXIT_INVEPT]		= INSN(holm_exit_ud),
	[EXIT_PREEMPTION_TIMER]	= EVENT(exit_enter),
	[EXIT_INVVPID]		= INSN(holm_exit_ud),
	[EXIT_WBINVD]		= INSN(holm_exit_nop),
	[EXIT_XSETBV]		= INSN(holm_exit_xsetbv),
	[EXIT_APIC_WRITE]	= EVENT(vmx_exit_apic_write),
	[EXIT_INVPCID]		= INSN(holm_exit_ud),
	[EXIT_VMFUNC]		= INSN(holm_exit_ud),
	[EXIT_ENCLS]		= INSN(holm_exit_ud),
	[EXIT_PML_FULL]		= EVENT(exit_pml_full),
	[EXIT_UMWAIT]		= INSN(holm_exit_ud),
	[EXIT_TPAUSE]		= INSN(holm_exit_ud),
};

static enum holm_next entry_failed(struct holm_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	vmx_dump(vcpu);
	if (vmx->fail) {
		pr_err_ratelimited("VM entry failed on CPU %d: %s, VM-instruction error %u\n",
				   vcpu->cpu,
				   vmx->fail == VMX_ENTER_FAULTED ? "not in VMX operation" :
				   vmx->fail == VMX_ENTER_FAIL_INVALID ? "no current VMCS" :
				   "invalid control or host state", vmx->insn_error);
		return holm_exit_fail_entry(vcpu, vmx->insn_error, vmx->fail);
	}
	if ((vmx->exit_reason & EXIT_REASON_BASIC) == EXIT_MCE_DURING_ENTRY)
		return HOLM_NEXT_ENTER;	/* the host's handler let us go on */
	return holm_exit_fail_entry(vcpu, vmx->exit_reason,
				    vmcs_read_natural(VMCS_EXIT_QUALIFICATION));
}

/* By basic exit reason; of those left out, an instruction. */
static const u8 exit_reasons[] = {
	[EXIT_EXCEPTION_NMI]	= HOLM_EXIT_REASON_EXCEPTION,
	[EXIT_EXT_INTR]		= HOLM_EXIT_REASON_EXTERNAL_INTERRUPT,
	[EXIT_TRIPLE_FAULT]	= HOLM_EXIT_REASON_SHUTDOWN,
	[EXIT_INIT]		= HOLM_EXIT_REASON_INIT,
	[EXIT_INTR_WINDOW]	= HOLM_EXIT_REASON_WINDOW,
	[EXIT_NMI_WINDOW]	= HOLM_EXIT_REASON_WINDOW,
	[EXIT_TASK_SWITCH]	= HOLM_EXIT_REASON_TASK_SWITCH,
	[EXIT_CPUID]		= HOLM_EXIT_REASON_CPUID,
	[EXIT_HLT]		= HOLM_EXIT_REASON_HLT,
	[EXIT_VMCALL]		= HOLM_EXIT_REASON_HYPERCALL,
	[EXIT_CR]		= HOLM_EXIT_REASON_CR,
	[EXIT_DR]		= HOLM_EXIT_REASON_DR,
	[EXIT_IO]		= HOLM_EXIT_REASON_IO,
	[EXIT_RDMSR]		= HOLM_EXIT_REASON_RDMSR,
	[EXIT_WRMSR]		= HOLM_EXIT_REASON_WRMSR,
	[EXIT_PAUSE]		= HOLM_EXIT_REASON_PAUSE,
	[EXIT_TPR_THRESHOLD]	= HOLM_EXIT_REASON_APIC,
	[EXIT_VIRTUALIZED_EOI]	= HOLM_EXIT_REASON_APIC,
	[EXIT_EPT_VIOLATION]	= HOLM_EXIT_REASON_PAGE_FAULT,
	[EXIT_EPT_MISCONFIG]	= HOLM_EXIT_REASON_PAGE_FAULT,
	[EXIT_PREEMPTION_TIMER]	= HOLM_EXIT_REASON_WINDOW,
	[EXIT_XSETBV]		= HOLM_EXIT_REASON_CR,
	[EXIT_APIC_WRITE]	= HOLM_EXIT_REASON_APIC,
	[EXIT_PML_FULL]		= HOLM_EXIT_REASON_PAGE_FAULT,
};

/* holm_backend.exit_reason */
enum holm_exit_reason vmx_exit_reason(struct holm_vcpu *vcpu)
{
	u32 reason = to_vmx(vcpu)->exit_reason;

	if (reason & EXIT_REASON_ENTRY_FAILED)
		return HOLM_EXIT_REASON_ENTRY_FAILED;
	if (reason == EXIT_EXCEPTION_NMI &&
	    FIELD_GET(INTR_TYPE, vmcs_read32(VMCS_EXIT_INTR_INFO)) == HOLM_EVENT_NMI)
		return HOLM_EXIT_REASON_NMI;
	if (reason < ARRAY_SIZE(exit_reasons) && exit_reasons[reason])
		return exit_reasons[reason];
	return reason < ARRAY_SIZE(exit_handlers) && exit_handlers[reason].fn ?
	       HOLM_EXIT_REASON_INSTRUCTION : HOLM_EXIT_REASON_OTHER;
}

static noinline void trace_exit(struct holm_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	trace_holm_exit(vcpu, vmx_exit_reason(vcpu), vmx->exit_reason,
			vmcs_read_natural(VMCS_GUEST_RIP),
			vmcs_read_natural(VMCS_EXIT_QUALIFICATION),
			vmcs_read32(VMCS_EXIT_INTR_INFO));
}

/* No handler has it, or the entry failed. */
static noinline enum holm_next exit_odd(struct holm_vcpu *vcpu)
{
	if (to_vmx(vcpu)->exit_reason & EXIT_REASON_ENTRY_FAILED)
		return entry_failed(vcpu);
	return exit_unexpected(vcpu);
}

/* Whoever passes over the instruction wants them all. */
static __always_inline void get_insn(struct vmx_vcpu *vmx)
{
	struct holm_vcpu *vcpu = vmx->vcpu;

	vmx_get_rip(vmx);
	vmx_get_shadow(vcpu);
	vcpu->st_valid |= HOLM_ST_RIP | HOLM_ST_SHADOW;
	vcpu->next_rip = vcpu->regs.rip + vmcs_read32(VMCS_EXIT_INSN_LEN);
}

/**
 * vmx_answer_short() - answer an exit that takes little time
 * @vmx: loaded, IRQs off
 *
 * Return: true when the guest may be entered again at once. Otherwise, if it was
 * answered, vmx_handle_exit() says how.
 */
bool vmx_answer_short(struct vmx_vcpu *vmx)
{
	struct holm_vcpu *vcpu = vmx->vcpu;
	enum holm_next next;

	switch (vmx->exit_reason) {
	case EXIT_CPUID:
		get_insn(vmx);
		next = holm_exit_cpuid(vcpu);
		break;
	case EXIT_VMCALL:
		if (!holm_hypercall_is_short(vcpu))
			return false;
		get_insn(vmx);
		next = exit_vmcall(vcpu);
		break;
	case EXIT_IO:
		get_insn(vmx);
		next = exit_io(vcpu);
		break;
	case EXIT_WRMSR:
		if (!holm_wrmsr_is_short(vcpu))
			return false;
		get_insn(vmx);
		next = holm_exit_wrmsr(vcpu);
		break;
	default:
		return false;
	}
	if (likely(next == HOLM_NEXT_ENTER) && holm_enter_again(vcpu))
		return true;
	vmx->answer = next;
	vmx->answered = true;
	return false;
}

/**
 * vmx_handle_exit() - holm_backend.handle_exit
 * @vcpu: loaded, IRQs on, preemption off
 */
enum holm_next vmx_handle_exit(struct holm_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u32 reason = vmx->exit_reason;
	const struct exit_handler *h;

	if (vmx->answered) {
		vmx->answered = false;
		return vmx->answer;
	}
	if (trace_holm_exit_enabled() && vmx->fail < VMX_ENTER_FAIL_INVALID)
		trace_exit(vcpu);
	/* Flags above the basic reason belong to features that are not used. */
	if (unlikely(reason >= ARRAY_SIZE(exit_handlers)))
		return exit_odd(vcpu);

	h = &exit_handlers[array_index_nospec(reason, ARRAY_SIZE(exit_handlers))];
	if (unlikely(!h->fn))
		return exit_odd(vcpu);
	vcpu->next_rip = 0;
	if (h->insn)
		get_insn(vmx);
	return h->fn(vcpu);
}
