// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSRs as guest and launcher access them: the engine of the policy table. What
 * is not in the table is #GP.
 */
#define pr_fmt(fmt) "holm: " fmt

#include <linux/kernel.h>
#include <linux/printk.h>
#include <asm/msr-index.h>

#include "../backend.h"
#include "../holm.h"
#include "cpuid.h"
#include "insn.h"
#include "msr.h"

/*
 * MSRs that belong to the guest alone while it runs, and whose values the CPU
 * checks itself: a guest may access them without an exit. TSC_AUX, PAT,
 * SPEC_CTRL and EFER are not here because the core keeps their values. A
 * barrier by PRED_CMD costs nobody but the guest, also one it was not shown.
 */
const struct holm_msr_passthrough holm_msr_passthrough[] = {
	{ MSR_IA32_SYSENTER_CS, true, true },
	{ MSR_IA32_SYSENTER_ESP, true, true },
	{ MSR_IA32_SYSENTER_EIP, true, true },
	{ MSR_STAR, true, true },
	{ MSR_LSTAR, true, true },
	{ MSR_CSTAR, true, true },
	{ MSR_SYSCALL_MASK, true, true },
	{ MSR_FS_BASE, true, true },
	{ MSR_GS_BASE, true, true },
	{ MSR_KERNEL_GS_BASE, true, true },
	{ HOLM_MSR_IA32_PRED_CMD, false, true },
};

const unsigned int holm_msr_passthrough_count = ARRAY_SIZE(holm_msr_passthrough);

const struct holm_msr_row *holm_msr_find(u32 index)
{
	unsigned int low = 0, high = holm_msr_table_count;

	while (low < high) {
		unsigned int mid = low + (high - low) / 2;
		const struct holm_msr_row *row = &holm_msr_table[mid];

		if (index < row->first)
			high = mid;
		else if (index > row->last)
			low = mid + 1;
		else
			return row;
	}
	return NULL;
}

/* Features by which MSRs exist. */
static const struct {
	u32 function;
	u8 reg;
	u8 bit;
} gate_features[] = {
	[HOLM_MSR_SYSCALL]	= { CPUID_LEAF_EXT_FEATURES, HOLM_EDX, 11 },
	[HOLM_MSR_LM]		= { CPUID_LEAF_EXT_FEATURES, HOLM_EDX, 29 },
	[HOLM_MSR_SEP]		= { CPUID_LEAF_FEATURES, HOLM_EDX, 11 },
	[HOLM_MSR_TSC_AUX]	= { CPUID_LEAF_EXT_FEATURES, HOLM_EDX, 27 },
	[HOLM_MSR_ARCH_CAPS]	= { CPUID_LEAF_EXTFEATURES, HOLM_EDX, 29 },
	[HOLM_MSR_IBPB]		= { CPUID_LEAF_EXT_SIZES, HOLM_EBX, 12 },
	[HOLM_MSR_X2APIC]	= { CPUID_LEAF_FEATURES, HOLM_ECX, 21 },
	[HOLM_MSR_TSC_DEADLINE]	= { CPUID_LEAF_FEATURES, HOLM_ECX, 24 },
	[HOLM_MSR_TSC_ADJUST]	= { CPUID_LEAF_EXTFEATURES, HOLM_EBX, 1 },
};

u64 holm_spec_ctrl_bits(struct holm_vcpu *vcpu)
{
	static const struct {
		u64 bit;
		u32 function;
		u8 reg;
		u8 feature;
	} bits[] = {
		{ HOLM_SPEC_CTRL_IBRS, CPUID_LEAF_EXTFEATURES, HOLM_EDX, 26 },
		{ HOLM_SPEC_CTRL_IBRS, CPUID_LEAF_EXT_SIZES, HOLM_EBX, 14 },
		{ HOLM_SPEC_CTRL_STIBP, CPUID_LEAF_EXTFEATURES, HOLM_EDX, 27 },
		{ HOLM_SPEC_CTRL_STIBP, CPUID_LEAF_EXT_SIZES, HOLM_EBX, 15 },
		{ HOLM_SPEC_CTRL_SSBD, CPUID_LEAF_EXTFEATURES, HOLM_EDX, 31 },
		{ HOLM_SPEC_CTRL_SSBD, CPUID_LEAF_EXT_SIZES, HOLM_EBX, 24 },
		{ HOLM_SPEC_CTRL_PSFD, CPUID_LEAF_EXT_SIZES, HOLM_EBX, 28 },
	};
	unsigned int i;
	u64 mask = 0;

	for (i = 0; i < ARRAY_SIZE(bits); i++)
		if (holm_cpuid_has(vcpu, bits[i].function, 0, bits[i].reg, bits[i].feature))
			mask |= bits[i].bit;
	return mask;
}

#define ECX7_RDPID	22
#define EDX7_SPEC_CTRL	26	/* IBRS and IBPB */

static bool gate_open(struct holm_vcpu *vcpu, u8 gate, bool host)
{
	if (gate >= HOLM_MSR_PV)
		return host || holm_pv_has(&vcpu->pv, gate - HOLM_MSR_PV);
	switch (gate) {
	case HOLM_MSR_ANY:
		return true;
	case HOLM_MSR_INTEL:
		return !holm_cpuid_is_amd(vcpu);
	case HOLM_MSR_AMD:
		return holm_cpuid_is_amd(vcpu);
	case HOLM_MSR_SPEC_CTRL:
		return host || holm_spec_ctrl_bits(vcpu);
	case HOLM_MSR_IBPB:
		if (holm_cpuid_has(vcpu, CPUID_LEAF_EXTFEATURES, 0, HOLM_EDX, EDX7_SPEC_CTRL))
			return true;
		break;
	case HOLM_MSR_TSC_AUX:
		if (holm_cpuid_has(vcpu, CPUID_LEAF_EXTFEATURES, 0, HOLM_ECX, ECX7_RDPID))
			return true;
		break;
	case HOLM_MSR_SYSCALL:
		/* EFER and STAR also exist where only long mode is shown. */
		if (gate_open(vcpu, HOLM_MSR_LM, host))
			return true;
		break;
	}
	return host || holm_cpuid_has(vcpu, gate_features[gate].function, 0,
				      gate_features[gate].reg, gate_features[gate].bit);
}

void holm_msr_model(struct holm_vcpu *vcpu)
{
	unsigned int gate;

	static_assert(HOLM_MSR_PV + 32 <= 64);
	vcpu->msr_gates = 0;
	for (gate = 0; gate < HOLM_MSR_PV + 32; gate++)
		if (gate_open(vcpu, gate, false))
			vcpu->msr_gates |= BIT_ULL(gate);
}

/* Guests access few MSRs often: where those were found. */
static const struct holm_msr_row *find(struct holm_vcpu *vcpu, u32 index)
{
	u8 *cached = &vcpu->msr_rows[(index ^ index >> 4) % ARRAY_SIZE(vcpu->msr_rows)];
	const struct holm_msr_row *row = &holm_msr_table[*cached];

	if (likely(index >= row->first && index <= row->last))
		return row;
	row = holm_msr_find(index);
	if (row)
		*cached = row - holm_msr_table;
	return row;
}

static const struct holm_msr_row *find_open(struct holm_vcpu *vcpu, u32 index, bool host)
{
	const struct holm_msr_row *row = find(vcpu, index);

	if (!row || vcpu->msr_gates & BIT_ULL(row->gate))
		return row;
	return host && gate_open(vcpu, row->gate, true) ? row : NULL;
}

/**
 * holm_msr_read() - an MSR as the guest or the launcher reads it
 * @vcpu: the vCPU, loaded (preemption off)
 * @index: MSR
 * @value: result
 * @host: by the launcher (state block)
 *
 * Return: 0; for #GP -ENOENT when there is no such MSR, otherwise 1.
 */
int holm_msr_read(struct holm_vcpu *vcpu, u32 index, u64 *value, bool host)
{
	struct holm_msr_access a = {
		.row = find_open(vcpu, index, host), .index = index, .host = host,
	};

	*value = 0;
	if (!a.row || !a.row->read || a.row->read(vcpu, &a)) {
		if (!host && !a.row)
			pr_debug_ratelimited("vCPU %u reads unknown MSR %08x\n",
					     vcpu->apic_id, index);
		return a.row ? 1 : -ENOENT;
	}
	*value = a.value;
	return 0;
}

/**
 * holm_msr_write() - an MSR as the guest or the launcher writes it
 * @vcpu: the vCPU, loaded (preemption off)
 * @index: MSR
 * @value: value
 * @host: by the launcher (state block)
 * @eoi_vector: vector of a level interrupt whose x2APIC EOI this was, else -1
 *
 * Return: 0; for #GP -ENOENT when there is no such MSR, otherwise 1.
 */
int holm_msr_write(struct holm_vcpu *vcpu, u32 index, u64 value, bool host, int *eoi_vector)
{
	struct holm_msr_access a = {
		.row = find_open(vcpu, index, host), .index = index, .value = value,
		.host = host, .eoi_vector = -1,
	};
	int err = a.row ? 1 : -ENOENT;

	if (a.row && a.row->write)
		err = a.row->write(vcpu, &a);
	else if (!host && !a.row)
		pr_debug_ratelimited("vCPU %u writes %llx to unknown MSR %08x\n",
				     vcpu->apic_id, value, index);
	*eoi_vector = a.eoi_vector;
	return err;
}

int holm_msr_check(struct holm_vcpu *vcpu, u32 index, u64 value)
{
	struct holm_msr_access a = {
		.row = find_open(vcpu, index, true), .index = index, .value = value,
		.host = true, .check = true, .eoi_vector = -1,
	};

	if (!a.row)
		return -ENOENT;
	return a.row->write ? a.row->write(vcpu, &a) : 1;
}

/* ---- RESET ---------------------------------------------------------------- */

/* Hardware-held MSRs are zero after RESET (SDM Vol. 3, "Processor State After Reset"). */
static const u32 reset_to_zero[] = {
	MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP,
	MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SYSCALL_MASK, MSR_KERNEL_GS_BASE,
	MSR_IA32_DEBUGCTLMSR, MSR_TSC_AUX, HOLM_MSR_IA32_SPEC_CTRL,
};

void holm_msr_reset(struct holm_vcpu *vcpu)
{
	unsigned int i;
	u64 revision;

	if (holm_rdmsr_safe(MSR_IA32_UCODE_REV, &revision))
		revision = 0;

	vcpu->msr = (struct holm_guest_msrs) {
		.pat = HOLM_PAT_RESET,
		.misc_enable = HOLM_MISC_ENABLE_RESET,
		.bios_sign_id = revision,
		.hwcr = HOLM_HWCR_TSC_FREQ_SEL,
	};
	holm_mtrr_reset(vcpu);

	/* -ENOENT: the backend has no use for it. */
	for (i = 0; i < ARRAY_SIZE(reset_to_zero); i++)
		holm_backend->msr_set(vcpu, reset_to_zero[i], 0);
	holm_backend->msr_set(vcpu, MSR_IA32_CR_PAT, HOLM_PAT_RESET);

	holm_tsc_reset(vcpu);
}
