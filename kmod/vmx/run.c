// SPDX-License-Identifier: GPL-2.0-only
/*
 * Entering the guest and what has to be done at once when it left.
 */
#define pr_fmt(fmt) "holm: vmx: " fmt

#include <linux/bitfield.h>
#include <linux/stddef.h>
#include <asm/cpufeature.h>

#include "../trace.h"
#include "../x86/lapic_regs.h"
#include "vmx.h"

static_assert(offsetof(struct vmx_frame, host_rsp) == VMX_FRAME_HOST_RSP);
static_assert(offsetof(struct vmx_frame, guest_spec_ctrl) == VMX_FRAME_GUEST_SPEC_CTRL);
static_assert(offsetof(struct vmx_frame, host_spec_ctrl) == VMX_FRAME_HOST_SPEC_CTRL);
static_assert(offsetof(struct vmx_frame, flags) == VMX_FRAME_FLAGS);
/* entry.S takes struct holm_regs.gpr by the numbers of the registers. */
static_assert(sizeof_field(struct holm_regs, gpr) == 16 * 8);
static_assert(HOLM_RAX == 0 && HOLM_RCX == 1 && HOLM_RDX == 2 && HOLM_RBX == 3 &&
	      HOLM_RSP == 4 && HOLM_RBP == 5 && HOLM_RSI == 6 && HOLM_RDI == 7);

#define VECTOR_MC		18

#define DR7_ENABLED		0xffUL		/* L0..G3 */

/* The handlers live behind these vectors of the IDT; both are interrupt gates. */
static __always_inline void host_nmi(void)
{
	asm volatile("int $2" : : : "memory");
}

static __always_inline void host_machine_check(void)
{
	asm volatile("int $18" : : : "memory");
}

/*
 * Between the exit and the host's NMI handler no NMI arrives (SDM Vol. 3,
 * "Updating Non-Register State"), and nothing may run an IRET.
 */
static noinstr u32 enter(struct vmx_vcpu *vmx)
{
	struct holm_vcpu *vcpu = vmx->vcpu;
	unsigned long reason, info;
	u32 fail;

	fail = holm_vmx_enter(&vmx->frame, vcpu->regs.gpr);
	vcpu->sregs.cr2 = vmx_read_cr2();
	if (unlikely(fail))
		return fail;
	reason = vmcs_read_noinstr(VMCS_EXIT_REASON);
	vmx->exit_reason = reason;
	/* A VMLAUNCH that fails while it loads the guest leaves the VMCS clear. */
	if (likely(!(reason & EXIT_REASON_ENTRY_FAILED)))
		vmx->frame.flags |= VMX_ENTER_LAUNCHED;
	if (likely((reason & EXIT_REASON_BASIC) != EXIT_EXCEPTION_NMI)) {
		if (unlikely((reason & EXIT_REASON_BASIC) == EXIT_MCE_DURING_ENTRY))
			host_machine_check();
		return 0;
	}
	info = vmcs_read_noinstr(VMCS_EXIT_INTR_INFO);
	if ((info & (INTR_VALID | INTR_TYPE)) == (INTR_VALID | HOLM_EVENT_NMI << 8))
		host_nmi();
	else if ((info & (INTR_VALID | INTR_TYPE | INTR_VECTOR)) ==
		 (INTR_VALID | HOLM_EVENT_EXCEPTION << 8 | VECTOR_MC))
		host_machine_check();
	return 0;
}

/* ---- debug registers ------------------------------------------------------ */

/*
 * A guest's DR0..DR3 are in the CPU only while it runs and has a breakpoint
 * enabled; VM entry loads DR7 from the VMCS, and VM exit makes it 0x400.
 */
static void debug_load(struct vmx_vcpu *vmx, unsigned long host_dr7)
{
	const struct holm_debugregs *guest = &vmx->vcpu->dregs;

	if (host_dr7 & DR7_ENABLED) {
		vmx->host_dr[0] = vmx_read_dr0();
		vmx->host_dr[1] = vmx_read_dr1();
		vmx->host_dr[2] = vmx_read_dr2();
		vmx->host_dr[3] = vmx_read_dr3();
		vmx_write_dr7(host_dr7 & ~DR7_ENABLED);
	}
	vmx_write_dr0(guest->dr[0]);
	vmx_write_dr1(guest->dr[1]);
	vmx_write_dr2(guest->dr[2]);
	vmx_write_dr3(guest->dr[3]);
}

static void debug_restore(struct vmx_vcpu *vmx, unsigned long host_dr7)
{
	if (vmx->vcpu->dregs.dr7 & DR7_ENABLED) {
		vmx_write_dr0(vmx->host_dr[0]);
		vmx_write_dr1(vmx->host_dr[1]);
		vmx_write_dr2(vmx->host_dr[2]);
		vmx_write_dr3(vmx->host_dr[3]);
	}
	vmx_write_dr7(host_dr7);
}

/* ---- performance counters ------------------------------------------------- */

/*
 * The host's counters stand still in the guest: what is to be counted there is
 * known to perf only, and it tells no module but KVM's. PEBS writes to a linear
 * address of the host's, and stopping its counter does not end at once what it
 * has begun: it is switched off first.
 *
 * While no counter is enabled there is nothing to stop.
 */
static __always_inline u64 perf_enabled(void)
{
	return vmx_caps.perf ? vmx_rdmsr(MSR_CORE_PERF_GLOBAL_CTRL) : 0;
}

/* @ctrl: perf_enabled(); also called when the VMCS has another value */
static void perf_stop(struct vmx_vcpu *vmx, u64 ctrl)
{
	vmx->host_pebs = vmx_caps.pebs && ctrl ? vmx_rdmsr(MSR_IA32_PEBS_ENABLE) : 0;
	if (vmx->host_pebs)
		vmx_wrmsr(MSR_IA32_PEBS_ENABLE, 0);
	if (!vmx_caps.perf_vmcs) {
		vmx_wrmsr(MSR_CORE_PERF_GLOBAL_CTRL, 0);
	} else if (ctrl != vmx->host_perf) {
		vmcs_write64(VMCS_HOST_PERF_GLOBAL_CTRL, ctrl);
		vmx->host_perf = ctrl;
	}
}

static void perf_start(struct vmx_vcpu *vmx, u64 ctrl)
{
	if (!vmx_caps.perf_vmcs)
		vmx_wrmsr(MSR_CORE_PERF_GLOBAL_CTRL, ctrl);
	if (vmx->host_pebs)
		vmx_wrmsr(MSR_IA32_PEBS_ENABLE, vmx->host_pebs);
}

/* ---- what of the host's is watched or counted ------------------------------ */

/* Both are rare: @dr7, @debugctl, @perf as they were before the entry. */
static noinline void watching_stop(struct vmx_vcpu *vmx, unsigned long dr7, u64 perf)
{
	if (vmx->vcpu->dregs.dr7 & DR7_ENABLED)
		debug_load(vmx, dr7);
	if (perf | vmx->host_perf)
		perf_stop(vmx, perf);
}

static noinline void watching_restart(struct vmx_vcpu *vmx, unsigned long dr7, u64 debugctl,
				      u64 perf)
{
	if (dr7 & DR7_ENABLED)
		debug_restore(vmx, dr7);
	if (debugctl)
		vmx_wrmsr(MSR_IA32_DEBUGCTLMSR, debugctl);
	if (perf)
		perf_start(vmx, perf);
}

/* ---- before entry --------------------------------------------------------- */

static noinline void flush(struct vmx_vcpu *vmx)
{
	/* Combined translations of all VPIDs and PCIDs go with the EPT's. */
	if (vmx->flush_ept) {
		vmx_invept(vmx_caps.invept_type,
			   vmx_caps.invept_type == INVEPT_SINGLE ? vmx->eptp : 0);
	} else if (vmx->vpid) {
		vmx_invvpid(vmx_caps.invvpid_type,
			    vmx_caps.invvpid_type == INVVPID_SINGLE ? vmx->vpid : 0);
	}
	vmx->flush_ept = false;
	vmx->flush_vpid = false;
}

/* Host CR3 and CR4 change with the task's mm, its PCID and its settings. */
static __always_inline void host_cr_update(struct vmx_vcpu *vmx)
{
	unsigned long cr3 = vmx_read_cr3(), cr4 = vmx_read_cr4();

	if (unlikely(cr3 != vmx->host_cr3)) {
		vmcs_write_natural(VMCS_HOST_CR3, cr3);
		vmx->host_cr3 = cr3;
	}
	if (unlikely(cr4 != vmx->host_cr4)) {
		vmcs_write_natural(VMCS_HOST_CR4, cr4);
		vmx->host_cr4 = cr4;
	}
}

/*
 * Of most entries nothing of the APIC but its TPR: it is in the same mode as at
 * the last, nothing is requested, and no request is held back. Who posts sets
 * another hint.
 */
static __always_inline void apic_enter(struct vmx_vcpu *vmx)
{
	const struct holm_lapic_state *lapic = vmx->vcpu->lapic;

	if (unlikely(!vmx->apic_page))
		return;
	if (likely(lapic->base == vmx->apic_base && !vmx->tpr_threshold && !vmx->posted &&
		   !READ_ONCE(lapic->irr_hint) && (lapic->page || !vmx->virt_apic)))
		vmx->apic_page[APIC_TASKPRI / 4] = lapic->tpr;
	else
		vmx_apic_enter(vmx);
}

/* ---- after exit ----------------------------------------------------------- */

static __always_inline void apic_exit(struct vmx_vcpu *vmx)
{
	const struct holm_lapic_state *lapic = vmx->vcpu->lapic;
	const u32 *page = vmx->apic_page;

	if (page && ((page[APIC_TASKPRI / 4] & 0xff) != lapic->tpr ||
		     (vmx->virt_apic && page[APIC_PROCPRI / 4] != lapic->ppr)))
		vmx_apic_exit(vmx);
}

/* The guest's NMI counts as not delivered, so it must not be masked by itself. */
static void unblock_nmi(void)
{
	u32 state = vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY);

	if (state & GUEST_BLOCKED_NMI)
		vmcs_write32(VMCS_GUEST_INTERRUPTIBILITY, state & ~GUEST_BLOCKED_NMI);
}

/*
 * The exit interrupted the delivery of an event: it is to be delivered again
 * (SDM Vol. 3, "Information for VM Exits That Occur During Event Delivery").
 */
static noinline void take_vectoring(struct holm_vcpu *vcpu, u32 info)
{
	struct holm_event event = {
		.type = FIELD_GET(INTR_TYPE, info),
		.vector = FIELD_GET(INTR_VECTOR, info),
	};

	switch (event.type) {
	case HOLM_EVENT_NMI:
		unblock_nmi();
		break;
	case HOLM_EVENT_EXCEPTION:
		if (info & INTR_HAS_ERROR) {
			event.flags = HOLM_EVENT_HAS_ERROR_CODE;
			event.error_code = vmcs_read32(VMCS_IDT_VECTORING_ERROR);
		}
		vcpu->exception = event;
		return;
	case HOLM_EVENT_SOFT_INTERRUPT:
	case HOLM_EVENT_PRIV_SOFT_EXCEPTION:
	case HOLM_EVENT_SOFT_EXCEPTION:
		event.insn_len = vmcs_read32(VMCS_EXIT_INSN_LEN);
		break;
	}
	vcpu->interrupted = event;
}

/*
 * Pages written since the last exit. With IRQs off, before anybody sees that
 * the vCPU left the guest: holm_dirty_log_get() counts on it.
 */
static noinline void take_pml(struct vmx_vcpu *vmx, u16 index)
{
	unsigned int i;

	for (i = index < PML_ENTRIES ? index + 1 : 0; i < PML_ENTRIES; i++)
		holm_dirty_mark(vmx->vcpu->vm, vmx->pml[i] & PAGE_MASK);
	vmcs_write16(VMCS_GUEST_PML_INDEX, PML_ENTRIES - 1);
}

/* ---- the run -------------------------------------------------------------- */

static void run_failed(struct vmx_vcpu *vmx)
{
	vmx->insn_error = vmx->fail == VMX_ENTER_FAIL_VALID ? vmcs_read32(VMCS_INSN_ERROR) : 0;
	vmx->exit_reason = EXIT_REASON_ENTRY_FAILED;
	/* The event was not delivered and is none of a next entry's. */
	vmcs_write32(VMCS_ENTRY_INTR_INFO, 0);
}

/* What was changed of the guest's state, into the VMCS. */
static __always_inline void give_state(struct vmx_vcpu *vmx)
{
	struct holm_vcpu *vcpu = vmx->vcpu;

	if (!vcpu->st_dirty)
		return;
	if (likely(vcpu->st_dirty == HOLM_ST_RIP && vmx_rip_only(vmx)))
		vmcs_write_natural(VMCS_GUEST_RIP, vcpu->regs.rip);
	else
		vmx_state_set(vcpu, vcpu->st_dirty);
	vcpu->st_dirty = 0;
}

/* What the exit left in the VMCS and elsewhere for the core. */
static __always_inline void take_exit(struct vmx_vcpu *vmx)
{
	struct holm_vcpu *vcpu = vmx->vcpu;
	u32 info;

	apic_exit(vmx);
	if ((vmx->exit_reason & EXIT_REASON_BASIC) <= EXIT_EXT_INTR)
		vmx->flush_l1d = true;	/* a handler of the host ran (NMI), or will */
	if (vmx->pml) {
		/* The next entry to be filled; below 0 (as 16 bits) when all are. */
		u16 index = vmcs_read16(VMCS_GUEST_PML_INDEX);

		if (unlikely(index != PML_ENTRIES - 1))
			take_pml(vmx, index);
	}
	if (vmx->answered)
		return;		/* an instruction's: no delivery, no interrupt */
	info = vmcs_read32(VMCS_IDT_VECTORING_INFO);
	if (unlikely(info & INTR_VALID))
		take_vectoring(vcpu, info);
	if (vmx_caps.posted && (vmx->exit_reason & EXIT_REASON_BASIC) == EXIT_EXT_INTR) {
		info = vmcs_read32(VMCS_EXIT_INTR_INFO);
		if (!WARN_ON_ONCE(!(info & INTR_VALID)))
			vmx_host_intr(FIELD_GET(INTR_VECTOR, info));
	}
}

/**
 * vmx_run() - holm_backend.run
 * @vcpu: loaded, IRQs off
 *
 * Exits by an instruction that are answered in no time do not leave the inner
 * loop: while IRQs stay off nobody changes what was looked up for the host's
 * sake, the handlers do not touch what apic_enter() gave to the CPU, and such an
 * exit interrupts no delivery. What a mitigation wants at each entry and exit is
 * in the loop.
 */
void vmx_run(struct holm_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	unsigned int left = vcpu->short_exits;
	u64 debugctl, perf, watched;
	unsigned long host_dr7;

	if (unlikely(__this_cpu_read(vmx_cpu.current_vcpu) != vmx)) {
		/* Virtualization was turned off under us: reboot. */
		vmx->fail = VMX_ENTER_FAULTED;
		vmx->insn_error = 0;
		vmx->exit_reason = EXIT_REASON_ENTRY_FAILED;
		return;
	}
	give_state(vmx);
	if (unlikely(vmx->inject_nmi)) {
		/* Entry masks further NMIs itself and wants them unmasked. */
		unblock_nmi();
		vmx->inject_nmi = false;
	}
	if (unlikely(!vmx->prepared))
		vmx_prepare(vmx);
	apic_enter(vmx);
	if (unlikely(vmx->controls_dirty))
		vmx_controls_write(vmx);
	if (unlikely(vmx->flush_ept || vmx->flush_vpid))
		flush(vmx);
	host_cr_update(vmx);
	/* A VM exit clears both. Interrupts change them (perf), hence each time. */
	debugctl = vmx_rdmsr(MSR_IA32_DEBUGCTLMSR);
	host_dr7 = vmx_read_dr7();
	perf = perf_enabled();
	watched = debugctl | perf | vmx->host_perf |
		  ((host_dr7 | vcpu->dregs.dr7) & DR7_ENABLED);
	if (unlikely(watched))
		watching_stop(vmx, host_dr7, perf);

	for (;;) {
		if (unlikely(vmx_caps.l1d_flush))
			vmx_l1d_flush(vmx);
		if (vmx_read_cr2() != vcpu->sregs.cr2)
			vmx_write_cr2(vcpu->sregs.cr2);

		vmx->fail = enter(vmx);

		/* No debug register changes without an exit. */
		vcpu->st_valid = HOLM_ST_DR;
		vmx->rip_known = false;
		/*
		 * What is watched or traced is not kept waiting, and the core looks
		 * at an EOI that was offered before an exit is answered.
		 */
		if (unlikely(vmx->fail | watched || vcpu->pv.eoi_offered) ||
		    trace_holm_entry_enabled() || trace_holm_exit_enabled() || !--left ||
		    !vmx_answer_short(vmx))
			break;
		WRITE_ONCE(vcpu->stats.exits, vcpu->stats.exits + 1);
		give_state(vmx);
	}

	if (unlikely(watched))
		watching_restart(vmx, host_dr7, debugctl, perf);
	if (unlikely(vmx->fail)) {
		run_failed(vmx);
		return;
	}
	if (unlikely(vmx->exit_reason & EXIT_REASON_ENTRY_FAILED)) {
		vmcs_write32(VMCS_ENTRY_INTR_INFO, 0);
		return;
	}
	take_exit(vmx);
}

/* Loaded; takes effect at the next entry. */
void vmx_flush_tlb(struct holm_vcpu *vcpu)
{
	to_vmx(vcpu)->flush_ept = true;
}

/* ---- the dump of a failed entry ------------------------------------------- */

struct dump_field {
	const char *name;
	u32 field;
};

#define SEG(name, i)						\
	{ name ".selector",	VMCS_GUEST_SELECTOR(i) },	\
	{ name ".base",		VMCS_GUEST_BASE(i) },		\
	{ name ".limit",	VMCS_GUEST_LIMIT(i) },		\
	{ name ".attrib",	VMCS_GUEST_AR(i) }

static const struct dump_field dump_fields[] = {
	{ "rip",		VMCS_GUEST_RIP },
	{ "rsp",		VMCS_GUEST_RSP },
	{ "rflags",		VMCS_GUEST_RFLAGS },
	{ "cr0",		VMCS_GUEST_CR0 },
	{ "cr3",		VMCS_GUEST_CR3 },
	{ "cr4",		VMCS_GUEST_CR4 },
	{ "efer",		VMCS_GUEST_EFER },
	{ "dr7",		VMCS_GUEST_DR7 },
	{ "debugctl",		VMCS_GUEST_DEBUGCTL },
	{ "pat",		VMCS_GUEST_PAT },
	SEG("es", HOLM_SEG_ES),
	SEG("cs", HOLM_SEG_CS),
	SEG("ss", HOLM_SEG_SS),
	SEG("ds", HOLM_SEG_DS),
	SEG("fs", HOLM_SEG_FS),
	SEG("gs", HOLM_SEG_GS),
	SEG("ldtr", HOLM_SEG_LDTR),
	SEG("tr", HOLM_SEG_TR),
	{ "gdtr.base",		VMCS_GUEST_GDTR_BASE },
	{ "gdtr.limit",		VMCS_GUEST_GDTR_LIMIT },
	{ "idtr.base",		VMCS_GUEST_IDTR_BASE },
	{ "idtr.limit",		VMCS_GUEST_IDTR_LIMIT },
	{ "interruptibility",	VMCS_GUEST_INTERRUPTIBILITY },
	{ "activity",		VMCS_GUEST_ACTIVITY },
	{ "pending_debug",	VMCS_GUEST_PENDING_DEBUG },
	{ "link_pointer",	VMCS_LINK_POINTER },
	{ "sysenter_cs",	VMCS_GUEST_SYSENTER_CS },
	{ "sysenter_esp",	VMCS_GUEST_SYSENTER_ESP },
	{ "sysenter_eip",	VMCS_GUEST_SYSENTER_EIP },
	{ "pdpte0",		VMCS_GUEST_PDPTE(0) },
	{ "pdpte1",		VMCS_GUEST_PDPTE(1) },
	{ "pdpte2",		VMCS_GUEST_PDPTE(2) },
	{ "pdpte3",		VMCS_GUEST_PDPTE(3) },
	{ "pin_controls",	VMCS_PIN_CONTROLS },
	{ "primary_controls",	VMCS_PRIMARY_CONTROLS },
	{ "secondary_controls",	VMCS_SECONDARY_CONTROLS },
	{ "entry_controls",	VMCS_ENTRY_CONTROLS },
	{ "exit_controls",	VMCS_EXIT_CONTROLS },
	{ "tpr_threshold",	VMCS_TPR_THRESHOLD },
	{ "guest_intr_status",	VMCS_GUEST_INTR_STATUS },
	{ "entry_intr_info",	VMCS_ENTRY_INTR_INFO },
	{ "entry_error_code",	VMCS_ENTRY_ERROR_CODE },
	{ "entry_insn_len",	VMCS_ENTRY_INSN_LEN },
	{ "exception_bitmap",	VMCS_EXCEPTION_BITMAP },
	{ "cr0_mask",		VMCS_CR0_MASK },
	{ "cr0_shadow",		VMCS_CR0_SHADOW },
	{ "cr4_mask",		VMCS_CR4_MASK },
	{ "cr4_shadow",		VMCS_CR4_SHADOW },
	{ "eptp",		VMCS_EPTP },
	{ "msr_bitmap",		VMCS_MSR_BITMAP },
	{ "tsc_offset",		VMCS_TSC_OFFSET },
	{ "host.cr0",		VMCS_HOST_CR0 },
	{ "host.cr3",		VMCS_HOST_CR3 },
	{ "host.cr4",		VMCS_HOST_CR4 },
	{ "host.efer",		VMCS_HOST_EFER },
	{ "host.pat",		VMCS_HOST_PAT },
	{ "host.rsp",		VMCS_HOST_RSP },
	{ "host.rip",		VMCS_HOST_RIP },
	{ "host.tr.selector",	VMCS_HOST_TR_SELECTOR },
	{ "host.tr.base",	VMCS_HOST_TR_BASE },
	{ "host.gdtr.base",	VMCS_HOST_GDTR_BASE },
	{ "host.idtr.base",	VMCS_HOST_IDTR_BASE },
	{ "host.fs.base",	VMCS_HOST_FS_BASE },
	{ "host.gs.base",	VMCS_HOST_GS_BASE },
	{ "exit_reason",	VMCS_EXIT_REASON },
	{ "exit_qualification",	VMCS_EXIT_QUALIFICATION },
};

void vmx_dump(struct holm_vcpu *vcpu)
{
	unsigned long value;
	unsigned int i;

	if (!trace_holm_dump_enabled())
		return;
	for (i = 0; i < ARRAY_SIZE(dump_fields); i++) {
		if (vmcs_try_read(dump_fields[i].field, &value))
			trace_holm_dump(vcpu, dump_fields[i].name, value);
	}
}
