// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory-type MSRs. Guest memory is write-back for the host whatever they say
 * (second-level paging decides with the guest's PAT); a guest finds in them
 * what it wrote, checked as a CPU checks it.
 */
#include <linux/kernel.h>
#include <linux/nospec.h>
#include <asm/msr-index.h>

#include "../backend.h"
#include "../holm.h"
#include "msr.h"

/* Memory types: SDM Vol. 3, "Memory Types That Can Be Encoded in MTRRs". */
#define TYPE_UC		0
#define TYPE_WC		1
#define TYPE_WT		4
#define TYPE_WP		5
#define TYPE_WB		6
#define TYPE_UC_MINUS	7	/* in the PAT only */

#define MTRR_TYPES	(BIT(TYPE_UC) | BIT(TYPE_WC) | BIT(TYPE_WT) | BIT(TYPE_WP) | BIT(TYPE_WB))
#define PAT_TYPES	(MTRR_TYPES | BIT(TYPE_UC_MINUS))

#define DEF_TYPE	0xffULL
#define DEF_FE		BIT_ULL(10)	/* fixed ranges enabled */
#define DEF_E		BIT_ULL(11)	/* MTRRs enabled */

#define PHYSBASE_TYPE	0xffULL
#define PHYSBASE_RSVD	0xf00ULL
#define PHYSMASK_RSVD	0x7ffULL

#define MTRR_PHYSBASE0	0x200

static bool type_valid(u64 type, u32 types)
{
	return type <= TYPE_UC_MINUS && types & BIT(type);
}

/* Eight types in a register, one in each byte. */
static bool types_valid(u64 value, u32 types)
{
	int i;

	for (i = 0; i < 8; i++)
		if (!type_valid(value >> (8 * i) & 0xff, types))
			return false;
	return true;
}

int holm_msr_write_pat(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	if (!types_valid(a->value, PAT_TYPES))
		return 1;
	if (a->check)
		return 0;
	vcpu->msr.pat = a->value;
	holm_backend->msr_set(vcpu, MSR_IA32_CR_PAT, a->value);
	return 0;
}

static u64 *var_reg(struct holm_vcpu *vcpu, u32 index)
{
	index = array_index_nospec(index - MTRR_PHYSBASE0, ARRAY_SIZE(vcpu->msr.mtrr_var));
	return &vcpu->msr.mtrr_var[index];
}

int holm_msr_read_mtrr_var(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	a->value = *var_reg(vcpu, a->index);
	return 0;
}

int holm_msr_write_mtrr_var(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	bool mask = a->index & 1;

	if (a->value & (vcpu->phys_mask_reserved | (mask ? PHYSMASK_RSVD : PHYSBASE_RSVD)))
		return 1;
	if (!mask && !type_valid(a->value & PHYSBASE_TYPE, MTRR_TYPES))
		return 1;
	if (!a->check)
		*var_reg(vcpu, a->index) = a->value;
	return 0;
}

static const u32 fixed_msrs[] = {
	MSR_MTRRfix64K_00000, MSR_MTRRfix16K_80000, MSR_MTRRfix16K_A0000,
	MSR_MTRRfix4K_C0000, MSR_MTRRfix4K_C8000, MSR_MTRRfix4K_D0000, MSR_MTRRfix4K_D8000,
	MSR_MTRRfix4K_E0000, MSR_MTRRfix4K_E8000, MSR_MTRRfix4K_F0000, MSR_MTRRfix4K_F8000,
};

static u64 *fixed_reg(struct holm_vcpu *vcpu, u32 index)
{
	unsigned int i;

	static_assert(ARRAY_SIZE(fixed_msrs) == ARRAY_SIZE(vcpu->msr.mtrr_fixed));
	for (i = 0; i < ARRAY_SIZE(fixed_msrs); i++)
		if (fixed_msrs[i] == index)
			return &vcpu->msr.mtrr_fixed[i];
	return NULL;
}

int holm_msr_read_mtrr_fixed(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	u64 *reg = fixed_reg(vcpu, a->index);

	if (!reg)
		return 1;
	a->value = *reg;
	return 0;
}

int holm_msr_write_mtrr_fixed(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	u64 *reg = fixed_reg(vcpu, a->index);

	if (!reg || !types_valid(a->value, MTRR_TYPES))
		return 1;
	if (!a->check)
		*reg = a->value;
	return 0;
}

int holm_msr_write_mtrr_def(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	if (a->value & ~(DEF_TYPE | DEF_FE | DEF_E) ||
	    !type_valid(a->value & DEF_TYPE, MTRR_TYPES))
		return 1;
	if (!a->check)
		vcpu->msr.mtrr_def_type = a->value;
	return 0;
}

/*
 * A CPU comes out of reset with MTRRs disabled and firmware sets them up. A
 * guest that is booted without firmware must find memory write-back, or it
 * would take all of it for uncacheable.
 */
void holm_mtrr_reset(struct holm_vcpu *vcpu)
{
	memset(vcpu->msr.mtrr_fixed, 0, sizeof(vcpu->msr.mtrr_fixed));
	memset(vcpu->msr.mtrr_var, 0, sizeof(vcpu->msr.mtrr_var));
	vcpu->msr.mtrr_def_type = DEF_E | TYPE_WB;
}
