// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest state between the VMCS and struct holm_vcpu; MSRs; events.
 */
#define pr_fmt(fmt) "holm: vmx: " fmt

#include <linux/build_bug.h>
#include <asm/cpufeature.h>
#include <asm/processor-flags.h>

#include "vmx.h"

/* struct holm_sregs.seg and the VMCS number segments alike. */
static_assert(HOLM_SEG_ES == 0 && HOLM_SEG_CS == 1 && HOLM_SEG_SS == 2 && HOLM_SEG_DS == 3 &&
	      HOLM_SEG_FS == 4 && HOLM_SEG_GS == 5 && HOLM_SEG_LDTR == 6 && HOLM_SEG_TR == 7);
static_assert(VMCS_GUEST_SELECTOR(HOLM_SEG_TR) == 0x080e);
static_assert(VMCS_GUEST_LIMIT(HOLM_SEG_TR) == 0x480e);
static_assert(VMCS_GUEST_AR(HOLM_SEG_TR) == 0x4822);
static_assert(VMCS_GUEST_BASE(HOLM_SEG_TR) == 0x6814);

/* struct holm_segment.attrib is the VMCS format; its reserved bits are zero. */
#define AR_VALID	(HOLM_SEG_TYPE | HOLM_SEG_S | HOLM_SEG_DPL | HOLM_SEG_P | HOLM_SEG_AVL | \
			 HOLM_SEG_L | HOLM_SEG_DB | HOLM_SEG_G | HOLM_SEG_UNUSABLE)
static_assert(AR_VALID == 0x1f0ff);

/* struct holm_event.type is the interruption type of the VMCS. */
static_assert(HOLM_EVENT_INTERRUPT == 0 && HOLM_EVENT_NMI == 2 && HOLM_EVENT_EXCEPTION == 3 &&
	      HOLM_EVENT_SOFT_INTERRUPT == 4 && HOLM_EVENT_PRIV_SOFT_EXCEPTION == 5 &&
	      HOLM_EVENT_SOFT_EXCEPTION == 6);

static_assert(HOLM_EVENTS_SHADOW_STI >> 2 == GUEST_BLOCKED_STI);
static_assert(HOLM_EVENTS_SHADOW_MOVSS >> 2 == GUEST_BLOCKED_MOVSS);

#define EFER_SCE_BIT	BIT_ULL(0)
#define EFER_LMA_BIT	BIT_ULL(10)

/* ---- VMCS -> vCPU --------------------------------------------------------- */

static void seg_get(struct holm_vcpu *vcpu)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(vcpu->sregs.seg); i++) {
		struct holm_segment *seg = &vcpu->sregs.seg[i];

		seg->selector = vmcs_read16(VMCS_GUEST_SELECTOR(i));
		seg->base = vmcs_read_natural(VMCS_GUEST_BASE(i));
		seg->limit = vmcs_read32(VMCS_GUEST_LIMIT(i));
		seg->attrib = vmcs_read32(VMCS_GUEST_AR(i)) & AR_VALID;
	}
}

static void dt_get(struct holm_vcpu *vcpu)
{
	struct holm_sregs *sregs = &vcpu->sregs;

	sregs->gdt.base = vmcs_read_natural(VMCS_GUEST_GDTR_BASE);
	sregs->gdt.limit = vmcs_read32(VMCS_GUEST_GDTR_LIMIT);
	sregs->idt.base = vmcs_read_natural(VMCS_GUEST_IDTR_BASE);
	sregs->idt.limit = vmcs_read32(VMCS_GUEST_IDTR_LIMIT);
}

static bool pae_paging(const struct holm_sregs *sregs)
{
	return sregs->cr0 & X86_CR0_PG && sregs->cr4 & X86_CR4_PAE &&
	       !(sregs->efer & EFER_LMA_BIT);
}

/*
 * Host-owned bits are as they were given to the VMCS: changing them exits.
 * CR2 is no VMCS field, vmx_run() keeps sregs.cr2.
 */
static void cr_get(struct holm_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	struct holm_sregs *sregs = &vcpu->sregs;
	int i;

	sregs->cr0 = (vmx->cr0 & vmx->cr0_mask) |
		     (vmcs_read_natural(VMCS_GUEST_CR0) & ~vmx->cr0_mask);
	sregs->cr4 = (vmx->cr4 & vmx->cr4_mask) |
		     (vmcs_read_natural(VMCS_GUEST_CR4) & ~vmx->cr4_mask);
	sregs->cr3 = vmcs_read_natural(VMCS_GUEST_CR3);
	sregs->efer = vmcs_read64(VMCS_GUEST_EFER);
	if (pae_paging(sregs)) {
		/* A MOV to CR3 loaded them without an exit. */
		for (i = 0; i < ARRAY_SIZE(vcpu->pdptes); i++)
			vcpu->pdptes[i] = vmcs_read64(VMCS_GUEST_PDPTE(i));
	}
}

/* Debug registers are not in the VMCS but for DR7; each access exits. */
void vmx_state_get(struct holm_vcpu *vcpu, u32 parts)
{
	if (parts & HOLM_ST_RIP)
		vmx_get_rip(to_vmx(vcpu));
	if (parts & HOLM_ST_SEG)
		seg_get(vcpu);
	if (parts & HOLM_ST_MODE)
		vmx_get_mode(vcpu);
	if (parts & HOLM_ST_DT)
		dt_get(vcpu);
	if (parts & HOLM_ST_CR)
		cr_get(vcpu);
	if (parts & HOLM_ST_SHADOW)
		vmx_get_shadow(vcpu);
}

/* ---- vCPU -> VMCS --------------------------------------------------------- */

/* Most exits move RIP and leave the others as they were read. */
static void rip_set(struct holm_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u64 rflags = vcpu->regs.rflags, rsp = vcpu->regs.gpr[HOLM_RSP];

	vmcs_write_natural(VMCS_GUEST_RIP, vcpu->regs.rip);
	if (!vmx->rip_known || rflags != vmx->rflags)
		vmcs_write_natural(VMCS_GUEST_RFLAGS, rflags);
	if (!vmx->rip_known || rsp != vmx->rsp)
		vmcs_write_natural(VMCS_GUEST_RSP, rsp);
	vmx->rflags = rflags;
	vmx->rsp = rsp;
	vmx->rip_known = true;
	vmx->tf = rflags & X86_EFLAGS_TF;
}

static void seg_set(struct holm_vcpu *vcpu)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(vcpu->sregs.seg); i++) {
		const struct holm_segment *seg = &vcpu->sregs.seg[i];

		vmcs_write16(VMCS_GUEST_SELECTOR(i), seg->selector);
		vmcs_write_natural(VMCS_GUEST_BASE(i), seg->base);
		vmcs_write32(VMCS_GUEST_LIMIT(i), seg->limit);
		vmcs_write32(VMCS_GUEST_AR(i), seg->attrib & AR_VALID);
	}
}

static void dt_set(struct holm_vcpu *vcpu)
{
	const struct holm_sregs *sregs = &vcpu->sregs;

	vmcs_write_natural(VMCS_GUEST_GDTR_BASE, sregs->gdt.base);
	vmcs_write32(VMCS_GUEST_GDTR_LIMIT, sregs->gdt.limit);
	vmcs_write_natural(VMCS_GUEST_IDTR_BASE, sregs->idt.base);
	vmcs_write32(VMCS_GUEST_IDTR_LIMIT, sregs->idt.limit);
}

/*
 * The CPU runs with what VMX needs (CR0.NE, CR4.VMXE) and what the host wants
 * (caching on, machine checks reported instead of a shutdown); the guest reads
 * its own values from the shadows. (SDM Vol. 3, "Restrictions on VMX
 * Operation", "Guest/Host Masks and Read Shadows for CR0 and CR4")
 */
static void cr_set(struct holm_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	const struct holm_sregs *sregs = &vcpu->sregs;
	u32 entry = vmx->entry & ~ENTRY_IA32E;
	u64 hw_cr0, hw_cr4;
	int i;

	hw_cr0 = sregs->cr0 & ~(u64)(X86_CR0_CD | X86_CR0_NW);
	hw_cr0 = ((hw_cr0 | X86_CR0_ET) & vmx_caps.cr0_fixed1) | vmx_caps.cr0_fixed0;
	hw_cr4 = sregs->cr4 | X86_CR4_MCE | vmx_caps.cr4_fixed0;

	vmx->cr0 = sregs->cr0;
	vmx->cr4 = sregs->cr4;
	vmcs_write_natural(VMCS_GUEST_CR0, hw_cr0);
	vmcs_write_natural(VMCS_CR0_SHADOW, sregs->cr0);
	vmcs_write_natural(VMCS_GUEST_CR4, hw_cr4);
	vmcs_write_natural(VMCS_CR4_SHADOW, sregs->cr4);
	vmcs_write_natural(VMCS_GUEST_CR3, sregs->cr3);
	vmcs_write64(VMCS_GUEST_EFER, sregs->efer);
	vmx->syscall = sregs->efer & EFER_SCE_BIT;
	if (vmx->syscall && vmx->prepared)
		vmx_load_switched(vmx);
	if (pae_paging(sregs)) {
		for (i = 0; i < ARRAY_SIZE(vcpu->pdptes); i++)
			vmcs_write64(VMCS_GUEST_PDPTE(i), vcpu->pdptes[i]);
	}

	if (sregs->efer & EFER_LMA_BIT)
		entry |= ENTRY_IA32E;
	if (entry != vmx->entry) {
		vmx->entry = entry;
		vmcs_write32(VMCS_ENTRY_CONTROLS, entry);
	}
	/* As the instruction that was emulated would have done. */
	vmx->flush_vpid = true;
}

/*
 * With an interrupt shadow, a pending single-step trap must be there just when
 * RFLAGS.TF is set and DEBUGCTL.BTF is not (SDM Vol. 3, "Checks on Guest
 * Non-Register State"). Without one, the trap that the CPU had pending was
 * raised for the instruction that was emulated.
 */
static void pending_debug_fix(struct holm_vcpu *vcpu, u32 state)
{
	unsigned long pending = vmcs_read_natural(VMCS_GUEST_PENDING_DEBUG);
	unsigned long fixed = pending & ~PENDING_DEBUG_BS;
	u64 rflags = vmcs_read_natural(VMCS_GUEST_RFLAGS);

	if (state & (GUEST_BLOCKED_STI | GUEST_BLOCKED_MOVSS) && rflags & X86_EFLAGS_TF &&
	    !(vmcs_read64(VMCS_GUEST_DEBUGCTL) & DEBUGCTLMSR_BTF))
		fixed |= PENDING_DEBUG_BS;
	if (fixed != pending)
		vmcs_write_natural(VMCS_GUEST_PENDING_DEBUG, fixed);
}

static void shadow_set(struct holm_vcpu *vcpu)
{
	u32 state = vcpu->intr_shadow >> 2 & (GUEST_BLOCKED_STI | GUEST_BLOCKED_MOVSS);

	/* Only one of them may be set, and STI's only with interrupts on. */
	if (state & GUEST_BLOCKED_MOVSS ||
	    !(vmcs_read_natural(VMCS_GUEST_RFLAGS) & X86_EFLAGS_IF))
		state &= ~GUEST_BLOCKED_STI;
	if (vcpu->nmi_masked)
		state |= GUEST_BLOCKED_NMI;
	vmcs_write32(VMCS_GUEST_INTERRUPTIBILITY, state);
}

void vmx_state_set(struct holm_vcpu *vcpu, u32 parts)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	bool tf = vmx->tf;

	if (parts & HOLM_ST_RIP)
		rip_set(vcpu);
	if (parts & HOLM_ST_SEG)
		seg_set(vcpu);
	if (parts & HOLM_ST_DT)
		dt_set(vcpu);
	if (parts & HOLM_ST_CR)
		cr_set(vcpu);
	if (parts & HOLM_ST_DR)
		vmcs_write_natural(VMCS_GUEST_DR7, vcpu->dregs.dr7);
	if (parts & HOLM_ST_SHADOW)
		shadow_set(vcpu);
	if (parts & (HOLM_ST_RIP | HOLM_ST_SHADOW) && unlikely(tf || vmx->tf))
		pending_debug_fix(vcpu, vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY));
}

/* ---- MSRs ----------------------------------------------------------------- */

static int switched_index(u32 index)
{
	unsigned int i;

	for (i = 0; i < vmx_switched_count(); i++) {
		if (vmx_switched_msr[i] == index)
			return i;
	}
	return -1;
}

int vmx_msr_get(struct holm_vcpu *vcpu, u32 index, u64 *value)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	int i;

	switch (index) {
	case MSR_IA32_SYSENTER_CS:
		*value = vmcs_read32(VMCS_GUEST_SYSENTER_CS);
		return 0;
	case MSR_IA32_SYSENTER_ESP:
		*value = vmcs_read_natural(VMCS_GUEST_SYSENTER_ESP);
		return 0;
	case MSR_IA32_SYSENTER_EIP:
		*value = vmcs_read_natural(VMCS_GUEST_SYSENTER_EIP);
		return 0;
	case MSR_IA32_CR_PAT:
		*value = vmcs_read64(VMCS_GUEST_PAT);
		return 0;
	case MSR_IA32_DEBUGCTLMSR:
		*value = vmcs_read64(VMCS_GUEST_DEBUGCTL);
		return 0;
	case MSR_KERNEL_GS_BASE:
		/* SWAPGS changes it without an exit. */
		if (vmx->prepared)
			vmx->kernel_gs_base = vmx_rdmsr(MSR_KERNEL_GS_BASE);
		*value = vmx->kernel_gs_base;
		return 0;
	default:
		i = switched_index(index);
		if (i < 0)
			return -ENOENT;
		*value = vmx->guest_switched[i];
		return 0;
	}
}

int vmx_msr_set(struct holm_vcpu *vcpu, u32 index, u64 value)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	int i;

	switch (index) {
	case MSR_IA32_SYSENTER_CS:
		vmcs_write32(VMCS_GUEST_SYSENTER_CS, value);
		return 0;
	case MSR_IA32_SYSENTER_ESP:
		vmcs_write_natural(VMCS_GUEST_SYSENTER_ESP, value);
		return 0;
	case MSR_IA32_SYSENTER_EIP:
		vmcs_write_natural(VMCS_GUEST_SYSENTER_EIP, value);
		return 0;
	case MSR_IA32_CR_PAT:
		vmcs_write64(VMCS_GUEST_PAT, value);
		return 0;
	case MSR_IA32_DEBUGCTLMSR:
		vmcs_write64(VMCS_GUEST_DEBUGCTL, value);
		return 0;
	case MSR_KERNEL_GS_BASE:
		vmx->kernel_gs_base = value;
		if (vmx->prepared)
			vmx_wrmsr_guest(MSR_KERNEL_GS_BASE, value);
		return 0;
	case MSR_IA32_SPEC_CTRL:
		/* The core keeps the value; it is loaded around each entry. */
		vmx->frame.guest_spec_ctrl = value;
		if (vmx_caps.spec_ctrl &&
		    (vmx_caps.kernel_ibrs || value != vmx->frame.host_spec_ctrl))
			vmx->frame.flags |= VMX_ENTER_SPEC_CTRL;
		return 0;
	default:
		i = switched_index(index);
		if (i < 0)
			return -ENOENT;
		vmx->guest_switched[i] = value;
		if (vmx->prepared && (vmx->syscall || i == VMX_SW_TSC_AUX)) {
			vmx_wrmsr_guest(index, value);
			vmx->switched |= BIT(i);
		}
		return 0;
	}
}

void vmx_tsc_changed(struct holm_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	vmcs_write64(VMCS_TSC_OFFSET, vcpu->tsc_offset);
	if (!(vmx_caps.secondary & SEC_TSC_SCALING))
		return;
	/* Not looked at while the control is clear. */
	if (vcpu->tsc.ratio)
		vmcs_write64(VMCS_TSC_MULTIPLIER, vcpu->tsc.ratio);
	if (!vcpu->tsc.ratio == !!(vmx->secondary & SEC_TSC_SCALING))
		vmx_controls_update(vmx);
}

/* ---- events --------------------------------------------------------------- */

/* Exceptions that push an error code: SDM Vol. 3, "VM-Entry Controls for Event Injection". */
#define ERROR_CODE_VECTORS	(BIT(8) | GENMASK(14, 10) | BIT(17))

/*
 * In real mode the CPU pushes no error code and VM entry insists that none is
 * delivered; otherwise it insists on one for the exceptions that have it.
 */
static bool event_has_error(struct holm_vcpu *vcpu, const struct holm_event *event)
{
	return event->type == HOLM_EVENT_EXCEPTION && event->vector < 32 &&
	       BIT(event->vector) & ERROR_CODE_VECTORS &&
	       vmcs_read_natural(VMCS_GUEST_CR0) & X86_CR0_PE;
}

void vmx_inject(struct holm_vcpu *vcpu, const struct holm_event *event)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u32 info = INTR_VALID | event->vector | (u32)event->type << 8;

	/* CR0.PE decides about the error code: it has to be the current one. */
	if (vcpu->st_dirty & HOLM_ST_CR) {
		vmx_state_set(vcpu, HOLM_ST_CR);
		vcpu->st_dirty &= ~HOLM_ST_CR;
	}

	switch (event->type) {
	case HOLM_EVENT_EXCEPTION:
		if (event_has_error(vcpu, event)) {
			/* Bits 31:16 must be zero: "Checks on VM-Entry Control Fields". */
			vmcs_write32(VMCS_ENTRY_ERROR_CODE, event->error_code & 0xffff);
			info |= INTR_HAS_ERROR;
		}
		break;
	case HOLM_EVENT_SOFT_INTERRUPT:
	case HOLM_EVENT_PRIV_SOFT_EXCEPTION:
	case HOLM_EVENT_SOFT_EXCEPTION:
		vmcs_write32(VMCS_ENTRY_INSN_LEN, event->insn_len);
		break;
	case HOLM_EVENT_NMI:
		vmx->inject_nmi = true;
		break;
	}
	vmcs_write32(VMCS_ENTRY_INTR_INFO, info);
}

void vmx_open_window(struct holm_vcpu *vcpu, u32 windows)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u32 bits = 0;

	if (windows & HOLM_WINDOW_IRQ)
		bits |= PRI_INTR_WINDOW;
	if (windows & HOLM_WINDOW_NMI) {
		/*
		 * The core holds an NMI back in the shadow of STI, which the
		 * NMI window need not wait for; interrupts are on there.
		 */
		if (vcpu->intr_shadow & HOLM_EVENTS_SHADOW_STI)
			bits |= PRI_INTR_WINDOW;
		else
			bits |= PRI_NMI_WINDOW;
	}
	vmx_primary_clear(vmx, (PRI_INTR_WINDOW | PRI_NMI_WINDOW) & ~bits);
	if (bits)
		vmx_primary_set(vmx, bits);
}
