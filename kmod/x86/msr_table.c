// SPDX-License-Identifier: GPL-2.0-only
/*
 * The MSR policy table and its handlers. The values are those that stock
 * kernels read at boot without a complaint (SDM Vol. 4; APM Vol. 2, appendix
 * A; AMD's Processor Programming References).
 */
#include <linux/kernel.h>
#include <asm/msr-index.h>

#include "../backend.h"
#include "../holm.h"
#include "cpuid.h"
#include "insn.h"
#include "msr.h"

/* MSRs that msr-index.h has no name for in every supported kernel. */
#define MSR_P5_MC_ADDR		0x00000000
#define MSR_P5_MC_TYPE		0x00000001
#define MSR_TSC_VALUE		0x00000010
#define MSR_EBL_CR		0x0000002a
#define MSR_MC0_FIRST		0x00000400
#define MSR_X2APIC_FIRST	0x00000800
#define MSR_X2APIC_LAST		0x000008ff
#define MSR_AMD_SYSCFG		0xc0010010
#define MSR_AMD_INT_PENDING	0xc0010055
#define MSR_AMD_MMCONF_BASE	0xc0010058
#define MSR_AMD_TSEG_ADDR	0xc0010112
#define MSR_AMD_TSEG_MASK	0xc0010113
#define MSR_AMD_VM_CR		0xc0010114
#define MSR_AMD_IC_CFG		0xc0011021
#define MSR_AMD_DE_CFG		0xc0011029

/* IA32_MCG_CAP: one bank, no extended state, no MCG_CTL. */
#define MCG_CAP			1ULL
#define MCG_STATUS_BITS		0x7ULL	/* RIPV, EIPV, MCIP */
#define MC0_CTL			0

/* IA32_FEATURE_CONTROL: locked, everything off. */
#define FEATURE_CONTROL		1ULL

/* IA32_DEBUGCTL: last branch records are not kept, single-step on branches is. */
#define DEBUGCTL_LBR		BIT_ULL(0)
#define DEBUGCTL_BTF		BIT_ULL(1)

/*
 * IA32_ARCH_CAPABILITIES: immunities and behaviour of instructions; not the
 * bits that announce further MSRs.
 */
#define ARCH_CAPS_SHOWN							\
	(BIT_ULL(0) /* RDCL_NO */ | BIT_ULL(2) /* RSBA */ |		\
	 BIT_ULL(3) /* SKIP_L1DFL_VMENTRY */ | BIT_ULL(4) /* SSB_NO */ |	\
	 BIT_ULL(5) /* MDS_NO */ | BIT_ULL(6) /* IF_PSCHANGE_MC_NO */ |	\
	 BIT_ULL(8) /* TAA_NO */ | BIT_ULL(13) /* SBDR_SSDP_NO */ |	\
	 BIT_ULL(14) /* FBSDP_NO */ | BIT_ULL(15) /* PSDP_NO */ |	\
	 BIT_ULL(17) /* FB_CLEAR */ | BIT_ULL(19) /* RRSBA */ |		\
	 BIT_ULL(20) /* BHI_NO */ | BIT_ULL(24) /* PBRSB_NO */ |	\
	 BIT_ULL(26) /* GDS_NO */ | BIT_ULL(27) /* RFDS_NO */ |		\
	 BIT_ULL(28) /* RFDS_CLEAR */ | BIT_ULL(62) /* ITS_NO */)

#define ARCH_CAPS_IBRS_ALL	BIT_ULL(1)	/* goes with IA32_SPEC_CTRL */

#define PRED_CMD_IBPB_BIT	BIT_ULL(0)

/* HWCR (APM Vol. 2, "HWCR"): flush-filter and cache disables do nothing here. */
#define HWCR_SLOWFENCE		BIT_ULL(3)
#define HWCR_FFDIS		BIT_ULL(6)
#define HWCR_IGNNE_EM		BIT_ULL(8)
#define HWCR_MCSTATUS_WREN	BIT_ULL(18)
#define HWCR_IGNORED		(HWCR_SLOWFENCE | HWCR_FFDIS | HWCR_IGNNE_EM)
#define HWCR_KEPT		(HWCR_MCSTATUS_WREN | HOLM_HWCR_TSC_FREQ_SEL)

#define DE_CFG_LFENCE_SERIALIZE	BIT_ULL(1)
#define VM_CR_LOCK		BIT_ULL(3)
#define VM_CR_DISABLE		BIT_ULL(4)
/* Entries the OSVW status has: errata 298, 400, 383, 415 need nothing here. */
#define OSVW_LENGTH		4

/* ---- generic handlers ----------------------------------------------------- */

static int read_const(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	a->value = a->row->arg;
	return 0;
}

/* A control that does nothing here. */
static int write_ignore(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	return 0;
}

/* What it reads as may be written. */
static int write_same(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	return a->value != a->row->arg;
}

static u64 *row_field(struct holm_vcpu *vcpu, const struct holm_msr_row *row)
{
	return (u64 *)((char *)vcpu + row->field);
}

static int read_field(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	a->value = *row_field(vcpu, a->row);
	return 0;
}

static int write_field(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	if (a->value & ~a->row->arg)
		return 1;
	if (!a->check)
		*row_field(vcpu, a->row) = a->value;
	return 0;
}

/* An MSR that hardware holds for the guest. */
static int read_backend(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	return holm_backend->msr_get(vcpu, a->index, &a->value) ? 1 : 0;
}

static int write_backend(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	if (a->value & ~a->row->arg)
		return 1;
	if (a->check)
		return 0;
	return holm_backend->msr_set(vcpu, a->index, a->value) ? 1 : 0;
}

/* The same for an address: not canonical is #GP. */
static int write_backend_addr(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	return holm_is_canonical(a->value) ? write_backend(vcpu, a) : 1;
}

/* ---- time ----------------------------------------------------------------- */

static int read_tsc(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	a->value = holm_tsc_guest(vcpu, holm_rdtsc());
	return 0;
}

/*
 * A write moves the TSC and, by the same amount, IA32_TSC_ADJUST (SDM Vol. 3,
 * "IA32_TSC_ADJUST Register"). The launcher sets them apart.
 */
static int write_tsc(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	u64 offset = vcpu->tsc_offset;

	if (a->check)
		return 0;
	holm_tsc_write(vcpu, a->value);
	if (!a->host)
		vcpu->msr.tsc_adjust += vcpu->tsc_offset - offset;
	return 0;
}

static int write_tsc_adjust(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	u64 delta = a->value - vcpu->msr.tsc_adjust;

	if (a->check)
		return 0;
	vcpu->msr.tsc_adjust = a->value;
	if (!a->host)
		holm_tsc_set_offset(vcpu, vcpu->tsc_offset + delta);
	return 0;
}

/* The launcher finds it in HOLM_STATE_LAPIC, with the timer it belongs to. */
static int read_deadline(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	a->value = holm_lapic_get_deadline(vcpu);
	return 0;
}

static int write_deadline(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	if (a->host)
		return 1;
	holm_lapic_set_deadline(vcpu, a->value);
	return 0;
}

static int write_tsc_aux(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	if (a->value >> 32)
		return 1;
	if (a->check)
		return 0;
	vcpu->msr.tsc_aux = a->value;
	holm_backend->msr_set(vcpu, a->index, a->value);
	return 0;
}

/* ---- APIC ----------------------------------------------------------------- */

static int read_apic_base(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	a->value = holm_lapic_get_base(vcpu);
	return 0;
}

/* The launcher sets it with HOLM_STATE_LAPIC, where it belongs to the registers. */
static int write_apic_base(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	return a->host ? 1 : holm_lapic_set_base(vcpu, a->value, false);
}

static int read_x2apic(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	return a->host ? 1 : holm_lapic_msr_read(vcpu, a->index, &a->value);
}

static int write_x2apic(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	return a->host ? 1 : holm_lapic_msr_write(vcpu, a->index, a->value, &a->eoi_vector);
}

/* ---- registers that travel in parts --------------------------------------- */

static int read_efer(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	holm_state_get(vcpu, HOLM_ST_CR);
	a->value = vcpu->sregs.efer;
	return 0;
}

static int write_efer(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	if (a->check)
		return !holm_efer_valid(vcpu, a->value);
	return holm_set_efer(vcpu, a->value);
}

static struct holm_segment *base_segment(struct holm_vcpu *vcpu, u32 index)
{
	return &vcpu->sregs.seg[index == MSR_FS_BASE ? HOLM_SEG_FS : HOLM_SEG_GS];
}

static int read_base(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	holm_state_get(vcpu, HOLM_ST_SEG);
	a->value = base_segment(vcpu, a->index)->base;
	return 0;
}

static int write_base(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	if (!holm_is_canonical(a->value))
		return 1;
	if (a->check)
		return 0;
	holm_state_get(vcpu, HOLM_ST_SEG);
	base_segment(vcpu, a->index)->base = a->value;
	holm_state_dirty(vcpu, HOLM_ST_SEG);
	return 0;
}

/* ---- microcode, machine check, debug control, speculation ----------------- */

/* A guest writes 0 and executes CPUID before it reads the revision. */
static int write_bios_sign_id(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	if (a->host && !a->check)
		vcpu->msr.bios_sign_id = a->value;
	return 0;
}

static int read_mc0(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	a->value = a->index - MSR_MC0_FIRST == MC0_CTL ? vcpu->msr.mc0_ctl : 0;
	return 0;
}

/* The bank never logs an error: its status, address and misc only take 0. */
static int write_mc0(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	if (a->index - MSR_MC0_FIRST != MC0_CTL)
		return a->value != 0;
	if (!a->check)
		vcpu->msr.mc0_ctl = a->value;
	return 0;
}

/* Where hardware does not switch it, it stays 0. */
static int read_debugctl(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	if (holm_backend->msr_get(vcpu, a->index, &a->value))
		a->value = 0;
	a->value &= DEBUGCTL_BTF;
	return 0;
}

static int write_debugctl(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	if (a->value & ~(DEBUGCTL_LBR | DEBUGCTL_BTF))
		return 1;
	if (!a->check)
		holm_backend->msr_set(vcpu, a->index, a->value & DEBUGCTL_BTF);
	return 0;
}

/*
 * The table shows no bit that this CPU lacks, so what passes here cannot fault
 * when the backend loads it.
 */
static int write_spec_ctrl(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	if (a->value & ~holm_spec_ctrl_bits(vcpu))
		return 1;
	if (a->check)
		return 0;
	vcpu->msr.spec_ctrl = a->value;
	holm_backend->msr_set(vcpu, a->index, a->value);
	return 0;
}

static int read_arch_caps(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	u64 caps;

	if (holm_rdmsr_safe(MSR_IA32_ARCH_CAPABILITIES, &caps))
		caps = 0;
	caps &= ARCH_CAPS_SHOWN | ARCH_CAPS_IBRS_ALL;
	if (!(holm_spec_ctrl_bits(vcpu) & HOLM_SPEC_CTRL_IBRS))
		caps &= ~ARCH_CAPS_IBRS_ALL;
	a->value = caps;
	return 0;
}

/*
 * The barrier is wanted on the CPU that runs the vCPU, and that is this one:
 * the vCPU is loaded.
 */
static int write_pred_cmd(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	if (a->value & ~PRED_CMD_IBPB_BIT)
		return 1;
	if (a->value && !a->check)
		holm_wrmsr_safe(HOLM_MSR_IA32_PRED_CMD, a->value);
	return 0;
}

/* ---- AMD ------------------------------------------------------------------ */

static int write_hwcr(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	if (a->value & ~(HWCR_IGNORED | HWCR_KEPT))
		return 1;
	if (!a->check)
		vcpu->msr.hwcr = a->value & HWCR_KEPT;
	return 0;
}

/* The host's own: whether LFENCE waits for all that precedes it. */
static int read_de_cfg(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	u64 value;

	if (holm_rdmsr_safe(MSR_AMD_DE_CFG, &value))
		value = 0;
	a->value = value & DE_CFG_LFENCE_SERIALIZE;
	return 0;
}

/* ---- the table ------------------------------------------------------------ */

#define FIELD(f)	offsetof(struct holm_vcpu, f)

#define RANGE(f, l, g, r, w, fl, ar, n, why)					\
	{ .first = (f), .last = (l), .gate = HOLM_MSR_##g, .read = (r),		\
	  .write = (w), .field = (fl), .arg = (ar), .name = (n), .reason = (why) }
#define ONE(i, g, r, w, ar, n, why)	RANGE(i, i, g, r, w, 0, ar, n, why)
#define KEPT(i, g, w, fl, ar, n, why)	RANGE(i, i, g, read_field, w, FIELD(fl), ar, n, why)

/* Sorted by index; ranges do not overlap. */
const struct holm_msr_row holm_msr_table[] = {
	RANGE(MSR_P5_MC_ADDR, MSR_P5_MC_TYPE, INTEL, read_const, write_same, 0, 0,
	      "P5_MC_ADDR, P5_MC_TYPE", "old kernels look here for machine checks: none"),
	ONE(MSR_TSC_VALUE, ANY, read_tsc, write_tsc, 0,
	    "IA32_TIME_STAMP_COUNTER", "the host's with an offset"),
	RANGE(MSR_KVM_WALL_CLOCK, MSR_KVM_WALL_CLOCK, PV_CLOCK, holm_pv_read_wall_clock,
	      holm_pv_write_wall_clock, 0, 0, "MSR_KVM_WALL_CLOCK", "the old number"),
	KEPT(MSR_KVM_SYSTEM_TIME, PV_CLOCK, holm_pv_write_system_time, pv.system_time, 0,
	     "MSR_KVM_SYSTEM_TIME", "the old number"),
	ONE(MSR_IA32_PLATFORM_ID, INTEL, read_const, NULL, 0,
	    "IA32_PLATFORM_ID", "read by microcode drivers"),
	ONE(MSR_IA32_APICBASE, ANY, read_apic_base, write_apic_base, 0,
	    "IA32_APIC_BASE", "the driver's APIC"),
	ONE(MSR_EBL_CR, INTEL, read_const, write_same, 0,
	    "MSR_EBL_CR_POWERON", "read by BSD kernels on family 6"),
	ONE(MSR_IA32_FEAT_CTL, INTEL, read_const, NULL, FEATURE_CONTROL,
	    "IA32_FEATURE_CONTROL", "locked by firmware with everything off"),
	KEPT(MSR_IA32_TSC_ADJUST, TSC_ADJUST, write_tsc_adjust, msr.tsc_adjust, 0,
	     "IA32_TSC_ADJUST", "moves the TSC offset"),
	KEPT(HOLM_MSR_IA32_SPEC_CTRL, SPEC_CTRL, write_spec_ctrl, msr.spec_ctrl, 0,
	     "IA32_SPEC_CTRL", "switched with the vCPU"),
	ONE(HOLM_MSR_IA32_PRED_CMD, IBPB, NULL, write_pred_cmd, 0,
	    "IA32_PRED_CMD", "the barrier is done on the host's CPU"),
	ONE(MSR_IA32_UCODE_WRITE, INTEL, NULL, write_ignore, 0,
	    "IA32_BIOS_UPDT_TRIG", "a microcode update is ignored: microcode is the host's"),
	KEPT(MSR_IA32_UCODE_REV, ANY, write_bios_sign_id, msr.bios_sign_id, 0,
	     "IA32_BIOS_SIGN_ID", "the host's revision: guests decide about errata by it"),
	ONE(MSR_PLATFORM_INFO, INTEL, read_const, write_same, 0,
	    "MSR_PLATFORM_INFO", "no CPUID faulting, no ratio to set"),
	ONE(MSR_MTRRcap, ANY, read_const, NULL, HOLM_MTRRCAP,
	    "IA32_MTRRCAP", "8 variable and the fixed ranges"),
	ONE(MSR_IA32_ARCH_CAPABILITIES, ARCH_CAPS, read_arch_caps, NULL, 0,
	    "IA32_ARCH_CAPABILITIES", "the host's immunities"),
	ONE(MSR_MISC_FEATURES_ENABLES, INTEL, read_const, write_same, 0,
	    "MSR_MISC_FEATURES_ENABLES", "CPUID faulting and ring-3 MWAIT are off"),
	ONE(MSR_IA32_SYSENTER_CS, SEP, read_backend, write_backend, ~0ULL,
	    "IA32_SYSENTER_CS", "switched by hardware"),
	ONE(MSR_IA32_SYSENTER_ESP, SEP, read_backend, write_backend_addr, ~0ULL,
	    "IA32_SYSENTER_ESP", "switched by hardware"),
	ONE(MSR_IA32_SYSENTER_EIP, SEP, read_backend, write_backend_addr, ~0ULL,
	    "IA32_SYSENTER_EIP", "switched by hardware"),
	ONE(MSR_IA32_MCG_CAP, ANY, read_const, NULL, MCG_CAP,
	    "IA32_MCG_CAP", "one bank that never logs: the host handles machine checks"),
	KEPT(MSR_IA32_MCG_STATUS, ANY, write_field, msr.mcg_status, MCG_STATUS_BITS,
	     "IA32_MCG_STATUS", "kept for the guest"),
	KEPT(MSR_IA32_MISC_ENABLE, INTEL, write_field, msr.misc_enable, HOLM_MISC_ENABLE_RESET,
	     "IA32_MISC_ENABLE", "fast strings on, debug store unavailable, MWAIT off"),
	ONE(MSR_IA32_DEBUGCTLMSR, ANY, read_debugctl, write_debugctl, 0,
	    "IA32_DEBUGCTL", "single-step on branches; branch records are not kept"),
	RANGE(0x200, 0x200 + 2 * HOLM_MTRR_VAR_COUNT - 1, ANY, holm_msr_read_mtrr_var,
	      holm_msr_write_mtrr_var, 0, 0, "IA32_MTRR_PHYSBASEn, PHYSMASKn",
	      "kept for the guest: memory is write-back for the host"),
	RANGE(MSR_MTRRfix64K_00000, MSR_MTRRfix64K_00000, ANY, holm_msr_read_mtrr_fixed,
	      holm_msr_write_mtrr_fixed, 0, 0, "IA32_MTRR_FIX64K_00000", "kept for the guest"),
	RANGE(MSR_MTRRfix16K_80000, MSR_MTRRfix16K_A0000, ANY, holm_msr_read_mtrr_fixed,
	      holm_msr_write_mtrr_fixed, 0, 0, "IA32_MTRR_FIX16K_n", "kept for the guest"),
	RANGE(MSR_MTRRfix4K_C0000, MSR_MTRRfix4K_F8000, ANY, holm_msr_read_mtrr_fixed,
	      holm_msr_write_mtrr_fixed, 0, 0, "IA32_MTRR_FIX4K_n", "kept for the guest"),
	KEPT(MSR_IA32_CR_PAT, ANY, holm_msr_write_pat, msr.pat, 0,
	     "IA32_PAT", "in hardware while the guest runs"),
	KEPT(MSR_MTRRdefType, ANY, holm_msr_write_mtrr_def, msr.mtrr_def_type, 0,
	     "IA32_MTRR_DEF_TYPE", "kept for the guest"),
	RANGE(MSR_MC0_FIRST, MSR_MC0_FIRST + 3, ANY, read_mc0, write_mc0, 0, 0,
	      "IA32_MC0_CTL..MISC", "one bank that never logs"),
	ONE(MSR_IA32_TSC_DEADLINE, TSC_DEADLINE, read_deadline, write_deadline, 0,
	    "IA32_TSC_DEADLINE", "the driver's APIC timer"),
	RANGE(MSR_X2APIC_FIRST, MSR_X2APIC_LAST, X2APIC, read_x2apic, write_x2apic, 0, 0,
	      "x2APIC", "the driver's APIC; the launcher uses HOLM_STATE_LAPIC"),
	RANGE(MSR_KVM_WALL_CLOCK_NEW, MSR_KVM_WALL_CLOCK_NEW, PV_CLOCK2, holm_pv_read_wall_clock,
	      holm_pv_write_wall_clock, 0, 0, "MSR_KVM_WALL_CLOCK_NEW", "kvmclock"),
	KEPT(MSR_KVM_SYSTEM_TIME_NEW, PV_CLOCK2, holm_pv_write_system_time, pv.system_time, 0,
	     "MSR_KVM_SYSTEM_TIME_NEW", "kvmclock"),
	KEPT(MSR_KVM_ASYNC_PF_EN, PV_ASYNC, holm_pv_write_async_enable, pv.async.enable, 0,
	     "MSR_KVM_ASYNC_PF_EN", "page faults that the guest need not wait for"),
	KEPT(MSR_KVM_STEAL_TIME, PV_STEAL, holm_pv_write_steal_time, pv.steal_time, 0,
	     "MSR_KVM_STEAL_TIME", "what the vCPU's thread waits for a CPU"),
	KEPT(MSR_KVM_PV_EOI_EN, PV_EOI, holm_pv_write_eoi, pv.eoi, 0,
	     "MSR_KVM_PV_EOI_EN", "EOI without an exit"),
	KEPT(MSR_KVM_POLL_CONTROL, PV_POLL, write_field, pv.poll_control, HOLM_PV_POLL,
	     "MSR_KVM_POLL_CONTROL", "the guest polls itself before HLT"),
	KEPT(MSR_KVM_ASYNC_PF_INT, PV_ASYNC_INT, holm_pv_write_async_vector, pv.async.vector, 0,
	     "MSR_KVM_ASYNC_PF_INT", "the interrupt by which pages are told to be there"),
	ONE(MSR_KVM_ASYNC_PF_ACK, PV_ASYNC_INT, read_const, holm_pv_write_async_ack, 0,
	    "MSR_KVM_ASYNC_PF_ACK", "the guest takes the next one"),
	ONE(MSR_EFER, SYSCALL, read_efer, write_efer, 0,
	    "IA32_EFER", "checked as a CPU does"),
	ONE(MSR_STAR, SYSCALL, read_backend, write_backend, ~0ULL,
	    "IA32_STAR", "switched with the vCPU"),
	ONE(MSR_LSTAR, LM, read_backend, write_backend_addr, ~0ULL,
	    "IA32_LSTAR", "switched with the vCPU"),
	ONE(MSR_CSTAR, LM, read_backend, write_backend_addr, ~0ULL,
	    "IA32_CSTAR", "switched with the vCPU"),
	ONE(MSR_SYSCALL_MASK, LM, read_backend, write_backend, ~0ULL,
	    "IA32_FMASK", "switched with the vCPU"),
	RANGE(MSR_FS_BASE, MSR_GS_BASE, LM, read_base, write_base, 0, 0,
	      "IA32_FS_BASE, IA32_GS_BASE", "the segments' bases"),
	ONE(MSR_KERNEL_GS_BASE, LM, read_backend, write_backend_addr, ~0ULL,
	    "IA32_KERNEL_GS_BASE", "switched with the vCPU"),
	KEPT(MSR_TSC_AUX, TSC_AUX, write_tsc_aux, msr.tsc_aux, 0,
	     "IA32_TSC_AUX", "switched with the vCPU"),
	ONE(MSR_AMD_SYSCFG, AMD, read_const, write_ignore, 0,
	    "SYSCFG", "no memory encryption, no MTRR extensions"),
	KEPT(MSR_K7_HWCR, AMD, write_hwcr, msr.hwcr, 0,
	     "HWCR", "TscFreqSel is set, or kernels complain of the firmware"),
	ONE(MSR_AMD64_NB_CFG, AMD, read_const, write_ignore, 0,
	    "NB_CFG", "kernels switch on I/O access to PCI extended space; there is none"),
	ONE(MSR_AMD64_PATCH_LOADER, AMD, NULL, write_ignore, 0,
	    "PATCH_LOADER", "a microcode update is ignored: microcode is the host's"),
	ONE(MSR_AMD_INT_PENDING, AMD, read_const, write_same, 0,
	    "INT_PENDING_MSG", "C1E is off"),
	ONE(MSR_AMD_MMCONF_BASE, AMD, read_const, write_same, 0,
	    "MMIO_CONFIG_BASE", "PCI configuration space is not in the CPU"),
	RANGE(MSR_AMD_TSEG_ADDR, MSR_AMD_TSEG_MASK, AMD, read_const, write_same, 0, 0,
	      "SMM_ADDR, SMM_MASK", "no system-management memory"),
	ONE(MSR_AMD_VM_CR, AMD, read_const, write_same, VM_CR_LOCK | VM_CR_DISABLE,
	    "VM_CR", "virtualization is disabled and locked by firmware"),
	ONE(MSR_AMD64_OSVW_ID_LENGTH, AMD, read_const, NULL, OSVW_LENGTH,
	    "OSVW_ID_LENGTH", "errata with OS-visible workarounds"),
	ONE(MSR_AMD64_OSVW_STATUS, AMD, read_const, NULL, 0,
	    "OSVW_STATUS", "none needs a workaround in a guest"),
	RANGE(MSR_AMD_IC_CFG, MSR_AMD64_DC_CFG, AMD, read_const, write_ignore, 0, 0,
	      "IC_CFG, DC_CFG", "errata workarounds are the host's"),
	ONE(MSR_AMD_DE_CFG, AMD, read_de_cfg, write_ignore, 0,
	    "DE_CFG", "the host decides how LFENCE behaves"),
	ONE(MSR_AMD64_BU_CFG2, AMD, read_const, write_ignore, 0,
	    "BU_CFG2", "errata workarounds are the host's"),
};

const unsigned int holm_msr_table_count = ARRAY_SIZE(holm_msr_table);
