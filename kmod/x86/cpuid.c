// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUID of a vCPU: its table, what the model derives from it, and the answer
 * to the instruction.
 */
#define pr_fmt(fmt) "holm: " fmt

#include <linux/bitfield.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <asm/cpufeature.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/processor.h>
#include <asm/tsc.h>

#include "../backend.h"
#include "../holm.h"
#include "cpuid.h"
#include "msr.h"
#include "x86.h"
#include "xstate.h"

#define ECX1_OSXSAVE		BIT(27)
#define EDX1_APIC		BIT(9)
#define EDX_EXT_PAGE1GB	26	/* bit number */
#define EBX1_APIC_ID		GENMASK(31, 24)
#define EAX8_PHYS		GENMASK(7, 0)
#define EAXD1_XSAVEC		BIT(1)
#define APIC_BASE_ENABLE	BIT_ULL(11)	/* IA32_APIC_BASE.EN */

/* Second-level tables of four levels translate 48 bits. */
#define MAX_PHYS_BITS		48
/* SDM Vol. 3, "Enumeration of Paging Features by CPUID": without 80000008H. */
#define DEFAULT_PHYS_BITS	36

/* Written once at load. */
static struct holm_cpuid_entry supported[HOLM_MAX_CPUID_ENTRIES] __read_mostly;
static unsigned int nsupported __read_mostly;
static u64 supported_xcr0 __read_mostly;

/* Features of IA32_SPEC_CTRL, and of AMD's. */
#define EDX7_SPEC_CTRL		(BIT(26) | BIT(27) | BIT(31))
#define EBX8_SPEC_CTRL		(GENMASK(19, 14) | BIT(24) | BIT(28))

/* Registers that the kernel keeps a copy of, all CPUs' features in one. */
static const struct {
	u32 function;
	u32 index;
	u8 reg;
	u8 word;
} kernel_words[] = {
	{ CPUID_LEAF_FEATURES, 0, HOLM_ECX, CPUID_1_ECX },
	{ CPUID_LEAF_FEATURES, 0, HOLM_EDX, CPUID_1_EDX },
	{ CPUID_LEAF_EXTFEATURES, 0, HOLM_EBX, CPUID_7_0_EBX },
	{ CPUID_LEAF_EXTFEATURES, 0, HOLM_ECX, CPUID_7_ECX },
	{ CPUID_LEAF_EXTFEATURES, 0, HOLM_EDX, CPUID_7_EDX },
	{ CPUID_LEAF_EXTFEATURES, 1, HOLM_EAX, CPUID_7_1_EAX },
	{ CPUID_LEAF_XSAVE, 1, HOLM_EAX, CPUID_D_1_EAX },
	{ CPUID_LEAF_EXT_FEATURES, 0, HOLM_ECX, CPUID_8000_0001_ECX },
	{ CPUID_LEAF_EXT_FEATURES, 0, HOLM_EDX, CPUID_8000_0001_EDX },
	{ CPUID_LEAF_EXT_SIZES, 0, HOLM_EBX, CPUID_8000_0008_EBX },
};

/*
 * What the kernel took away is not the guest's either: it did so for an
 * erratum, for bad microcode, since another CPU does not have it, or because
 * its administrator said so. Without SPEC_CTRL the backends leave the MSR
 * alone.
 */
static void read_host(const struct holm_cpuid_host *host, u32 function, u32 index, u32 regs[4])
{
	unsigned int i;

	holm_cpuid_raw(function, index, regs);
	for (i = 0; i < ARRAY_SIZE(kernel_words); i++)
		if (kernel_words[i].function == function && kernel_words[i].index == index)
			regs[kernel_words[i].reg] &=
				boot_cpu_data.x86_capability[kernel_words[i].word];
	if (boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL))
		return;
	if (function == CPUID_LEAF_EXTFEATURES && index == 0)
		regs[HOLM_EDX] &= ~EDX7_SPEC_CTRL;
	else if (function == CPUID_LEAF_EXT_SIZES)
		regs[HOLM_EBX] &= ~EBX8_SPEC_CTRL;
}

/**
 * holm_cpuid_setup() - compute at load what guests may be shown
 *
 * Return: 0, or -E2BIG when the policy has outgrown the interface.
 */
int holm_cpuid_setup(void)
{
	struct holm_cpuid_host host = {
		.read = read_host,
		.phys_bits = min_t(u32, boot_cpu_data.x86_phys_bits, MAX_PHYS_BITS),
		.tsc_khz = tsc_khz,
	};
	u32 regs[4];

	holm_cpuid_raw(CPUID_LEAF_FEATURES, 0, regs);
	if (regs[HOLM_ECX] & ECX1_OSXSAVE)
		host.xcr0 = holm_xgetbv(0);

	supported_xcr0 = holm_cpuid_policy_xcr0(&host);
	nsupported = holm_cpuid_policy_apply(&host, supported, ARRAY_SIZE(supported));
	if (nsupported > ARRAY_SIZE(supported)) {
		pr_err("CPUID: %u entries, the interface takes %zu\n", nsupported,
		       ARRAY_SIZE(supported));
		nsupported = 0;
		return -E2BIG;
	}
	return 0;
}

/* XCR0 bits a guest may have at most; 0 without XSAVE. */
u64 holm_cpuid_xcr0(void)
{
	return supported_xcr0;
}

/**
 * holm_cpuid_supported() - HOLM_GET_SUPPORTED_CPUID
 * @entries: array to fill
 * @max: entries it has
 *
 * Return: entries there are in all.
 */
unsigned int holm_cpuid_supported(struct holm_cpuid_entry *entries, unsigned int max)
{
	unsigned int i, n = min(max, nsupported);

	memcpy(entries, supported, n * sizeof(*entries));
	/* The kernel goes on measuring for a while after its boot. */
	for (i = 0; i < n; i++)
		if (entries[i].function == CPUID_LEAF_TIMING)
			entries[i].eax = tsc_khz;
	return nsupported;
}

/* ---- the model ------------------------------------------------------------ */

/* A bit of CR4 or EFER that exists with a feature (SDM Vol. 3, "Control Registers"). */
struct feature_bit {
	u64 mask;
	u32 function;
	u8 reg;
	u8 bit;
};

static const struct feature_bit cr4_features[] = {
	{ X86_CR4_VME | X86_CR4_PVI, 1, HOLM_EDX, 1 },
	{ X86_CR4_DE, 1, HOLM_EDX, 2 },
	{ X86_CR4_PSE, 1, HOLM_EDX, 3 },
	{ X86_CR4_TSD, 1, HOLM_EDX, 4 },
	{ X86_CR4_PAE, 1, HOLM_EDX, 6 },
	{ X86_CR4_MCE, 1, HOLM_EDX, 7 },
	{ X86_CR4_PGE, 1, HOLM_EDX, 13 },
	{ X86_CR4_OSFXSR, 1, HOLM_EDX, 24 },
	{ X86_CR4_OSXMMEXCPT, 1, HOLM_EDX, 25 },
	{ X86_CR4_PCIDE, 1, HOLM_ECX, 17 },
	{ X86_CR4_OSXSAVE, 1, HOLM_ECX, 26 },
	{ X86_CR4_FSGSBASE, 7, HOLM_EBX, 0 },
	{ X86_CR4_SMEP, 7, HOLM_EBX, 7 },
	{ X86_CR4_SMAP, 7, HOLM_EBX, 20 },
	{ X86_CR4_UMIP, 7, HOLM_ECX, 2 },
};

static const struct feature_bit efer_features[] = {
	{ EFER_SCE, CPUID_LEAF_EXT_FEATURES, HOLM_EDX, 11 },
	{ EFER_NX, CPUID_LEAF_EXT_FEATURES, HOLM_EDX, 20 },
	{ EFER_FFXSR, CPUID_LEAF_EXT_FEATURES, HOLM_EDX, 25 },
	{ EFER_LME | EFER_LMA, CPUID_LEAF_EXT_FEATURES, HOLM_EDX, 29 },
};

static u64 features_mask(struct holm_vcpu *vcpu, const struct feature_bit *f, unsigned int n)
{
	u64 mask = 0;
	unsigned int i;

	for (i = 0; i < n; i++)
		if (holm_cpuid_has(vcpu, f[i].function, 0, f[i].reg, f[i].bit))
			mask |= f[i].mask;
	return mask;
}

#define LEAF_EXTENDED		BIT(31)

static_assert(HOLM_MAX_CPUID_ENTRIES < HOLM_LEAF_VARIES);

/* Leaves that dynamic_bits() may know: by number, and all that are far off. */
static bool is_dynamic(u32 function)
{
	static const u32 leaves[2] = {
		BIT(CPUID_LEAF_FEATURES) | BIT(CPUID_LEAF_TOPOLOGY) | BIT(CPUID_LEAF_XSAVE) |
		BIT(CPUID_LEAF_TOPOLOGY_V2),
		BIT(CPUID_LEAF_EXT_FEATURES & 31) | BIT(CPUID_LEAF_EXT_TOPOLOGY & 31),
	};

	return (function & ~LEAF_EXTENDED) >= 32 || leaves[function >> 31] & BIT(function & 31);
}

static void index_leaves(struct holm_vcpu *vcpu)
{
	unsigned int i = vcpu->cpuid_nent;

	memset(vcpu->cpuid_leaf, 0, sizeof(vcpu->cpuid_leaf));
	while (i--) {
		const struct holm_cpuid_entry *e = &vcpu->cpuid[i];
		u16 *slot = holm_cpuid_slot(vcpu, e->function);

		if (!slot)
			continue;
		*slot = i + 1;
		if (is_dynamic(e->function) || e->flags & HOLM_CPUID_INDEX)
			*slot |= HOLM_LEAF_VARIES;
	}
}

void holm_cpuid_model(struct holm_vcpu *vcpu)
{
	const struct holm_cpuid_entry *e;
	u32 phys = DEFAULT_PHYS_BITS;

	index_leaves(vcpu);

	/* PCE has no feature bit: RDPMC exists without architectural counters. */
	vcpu->cr4_reserved = ~(X86_CR4_PCE |
			       features_mask(vcpu, cr4_features, ARRAY_SIZE(cr4_features)));
	vcpu->efer_reserved = ~features_mask(vcpu, efer_features, ARRAY_SIZE(efer_features));

	e = holm_cpuid_find(vcpu, CPUID_LEAF_EXT_SIZES, 0);
	if (e)
		phys = FIELD_GET(EAX8_PHYS, e->eax);
	vcpu->phys_mask_reserved = ~GENMASK_ULL(phys - 1, 0);
	vcpu->page_1g = holm_cpuid_has(vcpu, CPUID_LEAF_EXT_FEATURES, 0, HOLM_EDX,
				       EDX_EXT_PAGE1GB);

	vcpu->xcr0_supported = 0;
	e = holm_cpuid_find(vcpu, CPUID_LEAF_XSAVE, 0);
	if (e && !(vcpu->cr4_reserved & X86_CR4_OSXSAVE))
		vcpu->xcr0_supported = (e->eax | (u64)e->edx << 32) & supported_xcr0;

	holm_pv_model(vcpu);
	holm_msr_model(vcpu);
}

/**
 * holm_cpuid_set() - HOLM_SET_CPUID
 * @vcpu: the vCPU, its lock held, never run
 * @entries: the table, kvmalloc()ed; the vCPU owns it on success
 * @nent: its entries
 *
 * May sleep. Return: 0, or -EINVAL when the table shows more than
 * holm_cpuid_supported(), repeats an entry or is malformed.
 */
int holm_cpuid_set(struct holm_vcpu *vcpu, struct holm_cpuid_entry *entries, unsigned int nent)
{
	unsigned int bad = 0;
	const char *why;

	holm_cpuid_sort(entries, nent);
	if (holm_cpuid_check(supported, nsupported, entries, nent, &why, &bad)) {
		pr_debug_ratelimited("CPUID leaf %08x.%x is refused: %s\n",
				     entries[bad].function, entries[bad].index, why);
		return -EINVAL;
	}

	kvfree(vcpu->cpuid);
	vcpu->cpuid = entries;
	vcpu->cpuid_nent = nent;
	holm_cpuid_model(vcpu);
	holm_backend->model_changed(vcpu);
	return 0;
}

/* ---- queries -------------------------------------------------------------- */

const struct holm_cpuid_entry *holm_cpuid_find(struct holm_vcpu *vcpu, u32 function, u32 index)
{
	const struct holm_cpuid_entry *e, *end = vcpu->cpuid + vcpu->cpuid_nent;
	const u16 *slot = holm_cpuid_slot(vcpu, function);
	unsigned int number = slot ? *slot & ~HOLM_LEAF_VARIES : 0;

	/* Not one of those that have a place: far off, or not there at all. */
	if (unlikely(!number || number > vcpu->cpuid_nent))
		return holm_cpuid_lookup(vcpu->cpuid, vcpu->cpuid_nent, function, index);
	e = &vcpu->cpuid[number - 1];
	if (!(e->flags & HOLM_CPUID_INDEX))
		return e;
	for (; e < end && e->function == function; e++)
		if (e->index == index)
			return e;
	return NULL;
}

/**
 * holm_cpuid_has() - a feature bit of the guest's table
 * @vcpu: the vCPU
 * @function: leaf
 * @index: sub-leaf
 * @reg: 0..3 for EAX, EBX, ECX, EDX
 * @bit: 0..31
 */
bool holm_cpuid_has(struct holm_vcpu *vcpu, u32 function, u32 index, int reg, int bit)
{
	const struct holm_cpuid_entry *e = holm_cpuid_find(vcpu, function, index);

	return e && holm_cpuid_reg(e, reg) & BIT(bit);
}

/* "Auth" of AuthenticAMD, "Hygo" of HygonGenuine */
#define VENDOR_EBX_AMD		0x68747541
#define VENDOR_EBX_HYGON	0x6f677948

bool holm_cpuid_is_amd(struct holm_vcpu *vcpu)
{
	const struct holm_cpuid_entry *e = holm_cpuid_find(vcpu, CPUID_LEAF_VENDOR, 0);

	return e && (e->ebx == VENDOR_EBX_AMD || e->ebx == VENDOR_EBX_HYGON);
}

static void dynamic_bits(struct holm_vcpu *vcpu, struct holm_cpuid_entry *e)
{
	switch (e->function) {
	case CPUID_LEAF_FEATURES:
		e->ebx = (e->ebx & ~EBX1_APIC_ID) | FIELD_PREP(EBX1_APIC_ID, vcpu->apic_id & 0xff);
		holm_state_get(vcpu, HOLM_ST_CR);
		e->ecx &= ~ECX1_OSXSAVE;
		if (vcpu->sregs.cr4 & X86_CR4_OSXSAVE)
			e->ecx |= ECX1_OSXSAVE;
		fallthrough;
	case CPUID_LEAF_EXT_FEATURES:
		if (!(holm_lapic_get_base(vcpu) & APIC_BASE_ENABLE))
			e->edx &= ~EDX1_APIC;
		break;
	case CPUID_LEAF_TOPOLOGY:
	case CPUID_LEAF_TOPOLOGY_V2:
		e->edx = vcpu->apic_id;
		break;
	case CPUID_LEAF_XSAVE:
		if (e->index == 0) {
			e->ebx = holm_cpuid_xsave_size(vcpu->cpuid, vcpu->cpuid_nent,
						       holm_xstate_xcr0(vcpu));
			e->ecx = holm_cpuid_xsave_size(vcpu->cpuid, vcpu->cpuid_nent,
						       vcpu->xcr0_supported);
		} else if (e->index == 1) {
			e->ebx = 0;
			if (e->eax & EAXD1_XSAVEC)
				e->ebx = holm_cpuid_xsavec_size(vcpu->cpuid, vcpu->cpuid_nent,
								holm_xstate_xcr0(vcpu));
		}
		break;
	case CPUID_LEAF_EXT_TOPOLOGY:
		e->eax = vcpu->apic_id;
		break;
	}
}

/*
 * A leaf above the highest of its class reads as the highest basic leaf on
 * Intel (SDM Vol. 2, "CPUID": "Returning Processor Identification"), and as
 * zero on AMD (APM Vol. 3, "Standard and Extended Function Numbers").
 */
static u32 leaf_in_range(struct holm_vcpu *vcpu, u32 function)
{
	const struct holm_cpuid_entry *e, *basic;

	e = holm_cpuid_find(vcpu, function & 0xf0000000, 0);
	if (e && function <= e->eax)
		return function;
	if (holm_cpuid_is_amd(vcpu))
		return function;	/* no entry: zero */
	basic = holm_cpuid_find(vcpu, CPUID_LEAF_VENDOR, 0);
	return basic ? basic->eax : function;
}

/**
 * holm_cpuid_query() - the CPUID instruction as the guest sees it
 * @vcpu: the vCPU, its lock held; preemption may be off
 * @eax: in: leaf; out
 * @ebx: out
 * @ecx: in: sub-leaf; out
 * @edx: out
 */
void holm_cpuid_query(struct holm_vcpu *vcpu, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx)
{
	u32 function = *eax, index = *ecx;
	const struct holm_cpuid_entry *found;
	struct holm_cpuid_entry e;

	found = holm_cpuid_find(vcpu, function, index);
	if (!found) {
		function = leaf_in_range(vcpu, function);
		found = holm_cpuid_find(vcpu, function, index);
	}
	if (found) {
		e = *found;
		dynamic_bits(vcpu, &e);
		goto out;
	}
	e = (struct holm_cpuid_entry) {};
	if ((function == CPUID_LEAF_TOPOLOGY || function == CPUID_LEAF_TOPOLOGY_V2) &&
		   holm_cpuid_find(vcpu, function, 0)) {
		/* An invalid level repeats its number and the x2APIC ID. */
		e.ecx = index & 0xff;
		e.edx = vcpu->apic_id;
	}
out:
	*eax = e.eax;
	*ebx = e.ebx;
	*ecx = e.ecx;
	*edx = e.edx;
}
