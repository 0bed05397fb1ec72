// SPDX-License-Identifier: GPL-2.0-only
/*
 * The CPUID policy applied: to the host's leaves, which gives the supported
 * table, and to the table that a launcher wants a vCPU to have.
 */
#include <linux/bitfield.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "cpuid.h"
#include "pv.h"

/* 01H:EBX, 04H:EAX, 0BH, 80000008H:EAX */
#define EBX1_LOGICAL_CPUS	GENMASK(23, 16)
#define EBX1_APIC_ID		GENMASK(31, 24)
#define EAX4_TYPE		GENMASK(4, 0)
#define EAX4_SHARING		(GENMASK(25, 14) | GENMASK(31, 26))
#define ECXB_LEVEL		GENMASK(7, 0)
#define ECXB_TYPE		GENMASK(15, 8)
#define TYPE_SMT		1
#define TYPE_CORE		2
#define EAX8_PHYS		GENMASK(7, 0)
#define EAX8_LINEAR		GENMASK(15, 8)
#define ECX_EXT_TOPOEXT		BIT(22)

#define LINEAR_BITS		48	/* 5-level paging is hidden */
#define PHYS_BITS_MIN		32

/* Flags of a leaf. */
#define LEAF_INDEXED	BIT(0)	/* ECX selects */
#define LEAF_OWN	BIT(1)	/* the driver's, whatever the host has */
#define LEAF_UNTIL_NULL	BIT(2)	/* ends at a sub-leaf of type 0 */
#define LEAF_XSAVE	BIT(3)	/* sub-leaf n >= 2 is XCR0's component n */
#define LEAF_COUNTED	BIT(4)	/* sub-leaf 0 EAX is the highest */
#define LEAF_TOPOEXT	BIT(5)	/* only with 80000001H:ECX.TOPOEXT */

struct leaf {
	u32 function;
	u32 first;
	u32 last;
	u32 flags;
	void (*fixup)(const struct holm_cpuid_host *host, struct holm_cpuid_entry *e);
};

static void fixup_features(const struct holm_cpuid_host *host, struct holm_cpuid_entry *e)
{
	e->ebx &= ~(EBX1_LOGICAL_CPUS | EBX1_APIC_ID);
	e->ebx |= FIELD_PREP(EBX1_LOGICAL_CPUS, 1);
}

static void fixup_cache(const struct holm_cpuid_host *host, struct holm_cpuid_entry *e)
{
	e->eax &= ~EAX4_SHARING;
}

static void fixup_topology(const struct holm_cpuid_host *host, struct holm_cpuid_entry *e)
{
	e->eax = 0;		/* no ID bits below the package */
	e->ebx = 1;		/* one logical processor */
	e->ecx = FIELD_PREP(ECXB_LEVEL, e->index) |
		 FIELD_PREP(ECXB_TYPE, e->index ? TYPE_CORE : TYPE_SMT);
	e->edx = 0;		/* the APIC ID, from the vCPU */
}

static void fixup_hypervisor(const struct holm_cpuid_host *host, struct holm_cpuid_entry *e)
{
	static const char signature[12] = "KVMKVMKVM\0\0";

	e->eax = CPUID_LEAF_TIMING;
	memcpy(&e->ebx, signature, 4);
	memcpy(&e->ecx, signature + 4, 4);
	memcpy(&e->edx, signature + 8, 4);
}

/* The leaf that hypervisors agreed upon: TSC and APIC timer, kHz. */
static void fixup_timing(const struct holm_cpuid_host *host, struct holm_cpuid_entry *e)
{
	e->eax = host->tsc_khz;
	e->ebx = HOLM_PV_APIC_KHZ;
}

static void fixup_sizes(const struct holm_cpuid_host *host, struct holm_cpuid_entry *e)
{
	u32 phys = min_t(u32, FIELD_GET(EAX8_PHYS, e->eax), host->phys_bits);

	e->eax = FIELD_PREP(EAX8_PHYS, phys) | FIELD_PREP(EAX8_LINEAR, LINEAR_BITS);
}

static void fixup_zero(const struct holm_cpuid_host *host, struct holm_cpuid_entry *e)
{
	e->eax = 0;
	e->ebx = 0;
	e->ecx = 0;
	e->edx = 0;
}

/* Sorted by function and index. */
static const struct leaf leaves[] = {
	{ .function = CPUID_LEAF_VENDOR },
	{ .function = CPUID_LEAF_FEATURES, .fixup = fixup_features },
	{ .function = 0x00000002 },
	{ .function = CPUID_LEAF_CACHE, .last = 7, .flags = LEAF_INDEXED | LEAF_UNTIL_NULL,
	  .fixup = fixup_cache },
	{ .function = CPUID_LEAF_POWER },
	{ .function = CPUID_LEAF_EXTFEATURES, .last = 2, .flags = LEAF_INDEXED | LEAF_COUNTED },
	{ .function = CPUID_LEAF_TOPOLOGY, .last = 1, .flags = LEAF_INDEXED,
	  .fixup = fixup_topology },
	{ .function = CPUID_LEAF_XSAVE, .last = 2, .flags = LEAF_INDEXED | LEAF_XSAVE },
	{ .function = CPUID_LEAF_XSAVE, .first = 5, .last = 7,
	  .flags = LEAF_INDEXED | LEAF_XSAVE },
	{ .function = CPUID_LEAF_TSC },
	{ .function = CPUID_LEAF_FREQUENCY },
	{ .function = CPUID_LEAF_TOPOLOGY_V2, .last = 1, .flags = LEAF_INDEXED,
	  .fixup = fixup_topology },
	{ .function = CPUID_LEAF_HYPERVISOR, .flags = LEAF_OWN, .fixup = fixup_hypervisor },
	{ .function = CPUID_LEAF_PARAVIRT, .flags = LEAF_OWN },
	{ .function = CPUID_LEAF_TIMING, .flags = LEAF_OWN, .fixup = fixup_timing },
	{ .function = CPUID_LEAF_EXT },
	{ .function = CPUID_LEAF_EXT_FEATURES },
	{ .function = 0x80000002 },
	{ .function = 0x80000003 },
	{ .function = 0x80000004 },
	{ .function = 0x80000005 },
	{ .function = 0x80000006 },
	{ .function = CPUID_LEAF_EXT_POWER },
	{ .function = CPUID_LEAF_EXT_SIZES, .fixup = fixup_sizes },
	{ .function = 0x80000019 },
	{ .function = 0x8000001a },
	{ .function = CPUID_LEAF_EXT_CACHE, .last = 7,
	  .flags = LEAF_INDEXED | LEAF_UNTIL_NULL | LEAF_TOPOEXT, .fixup = fixup_cache },
	{ .function = CPUID_LEAF_EXT_TOPOLOGY, .flags = LEAF_TOPOEXT, .fixup = fixup_zero },
	{ .function = CPUID_LEAF_EXT_FEATURES2 },
};

static const struct leaf *find_leaf(u32 function)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(leaves); i++)
		if (leaves[i].function == function)
			return &leaves[i];
	return NULL;
}

static const struct holm_cpuid_policy *find_policy(u32 function, u32 index, int reg)
{
	const struct holm_cpuid_policy *p = holm_cpuid_policy;
	const struct holm_cpuid_policy *end = p + holm_cpuid_policy_count;

	for (; p < end; p++)
		if (p->function == function && p->reg == reg &&
		    (p->index == index || p->index == HOLM_CPUID_ANY))
			return p;
	return NULL;
}

u64 holm_cpuid_policy_xcr0(const struct holm_cpuid_host *host)
{
	u64 xcr0 = host->xcr0 & XCR0_POLICY;

	if ((xcr0 & (XCR0_X87 | XCR0_SSE)) != (XCR0_X87 | XCR0_SSE))
		return 0;
	if ((xcr0 & XCR0_AVX512) != XCR0_AVX512 || !(xcr0 & XCR0_AVX))
		xcr0 &= ~XCR0_AVX512;
	return xcr0;
}

/* SDM Vol. 1, "Enabling the XSAVE Feature Set and XSAVE-Enabled Features". */
bool holm_xcr0_valid(u64 xcr0, u64 supported)
{
	if (!(xcr0 & XCR0_X87) || xcr0 & ~(supported | XCR0_X87))
		return false;
	if (xcr0 & XCR0_AVX && !(xcr0 & XCR0_SSE))
		return false;
	if (xcr0 & XCR0_AVX512 && (~xcr0 & XCR0_AVX512 || !(xcr0 & XCR0_AVX)))
		return false;
	return true;
}

static u32 show_reg(const struct holm_cpuid_entry *e, int reg, u32 host_value, u64 xcr0)
{
	const struct holm_cpuid_policy *p = find_policy(e->function, e->index, reg);

	if (!p)
		return 0;
	return ((host_value & p->show) | p->force) &
	       holm_cpuid_state_mask(e->function, e->index, reg, xcr0);
}

static u32 class_max(const struct holm_cpuid_host *host, u32 function)
{
	u32 regs[4], base = function & 0xf0000000;

	host->read(host, base, 0, regs);
	return regs[HOLM_EAX] >= base ? regs[HOLM_EAX] : base;
}

static bool host_has(const struct holm_cpuid_host *host, const struct leaf *leaf, u32 index,
		     u64 xcr0)
{
	u32 regs[4];

	if (leaf->flags & LEAF_OWN)
		return true;
	if (leaf->function > class_max(host, leaf->function))
		return false;
	if (leaf->flags & LEAF_XSAVE)
		return xcr0 && (index < 2 || xcr0 & BIT_ULL(index));
	if (leaf->flags & LEAF_COUNTED && index) {
		host->read(host, leaf->function, 0, regs);
		return index <= regs[HOLM_EAX];
	}
	if (leaf->flags & LEAF_TOPOEXT) {
		host->read(host, CPUID_LEAF_EXT_FEATURES, 0, regs);
		return regs[HOLM_ECX] & ECX_EXT_TOPOEXT;
	}
	return true;
}

struct table {
	struct holm_cpuid_entry *out;
	unsigned int max;
	unsigned int n;
};

static void emit(struct table *table, const struct holm_cpuid_entry *e)
{
	if (table->n < table->max)
		table->out[table->n] = *e;
	table->n++;
}

static void emit_leaf(const struct holm_cpuid_host *host, const struct leaf *leaf, u64 xcr0,
		      struct table *table)
{
	struct holm_cpuid_entry e = {
		.function = leaf->function,
		.flags = leaf->flags & LEAF_INDEXED ? HOLM_CPUID_INDEX : 0,
	};
	u32 regs[4];

	for (e.index = leaf->first; e.index <= leaf->last; e.index++) {
		if (!host_has(host, leaf, e.index, xcr0))
			continue;
		host->read(host, leaf->function, e.index, regs);
		if (leaf->flags & LEAF_UNTIL_NULL && !(regs[HOLM_EAX] & EAX4_TYPE))
			return;
		e.eax = show_reg(&e, HOLM_EAX, regs[HOLM_EAX], xcr0);
		e.ebx = show_reg(&e, HOLM_EBX, regs[HOLM_EBX], xcr0);
		e.ecx = show_reg(&e, HOLM_ECX, regs[HOLM_ECX], xcr0);
		e.edx = show_reg(&e, HOLM_EDX, regs[HOLM_EDX], xcr0);
		if (leaf->fixup)
			leaf->fixup(host, &e);
		emit(table, &e);
	}
}

/* The highest leaf of a class and the highest sub-leaf are those shown. */
static void fixup_maxima(struct table *table)
{
	struct holm_cpuid_entry *basic = NULL, *ext = NULL, *features = NULL, *xsave = NULL;
	unsigned int i, n = min(table->n, table->max);

	for (i = 0; i < n; i++) {
		struct holm_cpuid_entry *e = &table->out[i];

		if (e->function == CPUID_LEAF_VENDOR)
			basic = e;
		else if (e->function == CPUID_LEAF_EXT)
			ext = e;
		if (e->function == CPUID_LEAF_EXTFEATURES) {
			if (!e->index)
				features = e;
			features->eax = e->index;
		}
		if (e->function == CPUID_LEAF_XSAVE && !e->index)
			xsave = e;
		if (basic && e->function < CPUID_LEAF_HYPERVISOR)
			basic->eax = e->function;
		if (ext && e->function >= CPUID_LEAF_EXT)
			ext->eax = e->function;
	}
	if (xsave) {
		xsave->ebx = holm_cpuid_xsave_size(table->out, n, xsave->eax);
		xsave->ecx = xsave->ebx;
	}
}

unsigned int holm_cpuid_policy_apply(const struct holm_cpuid_host *host,
				     struct holm_cpuid_entry *out, unsigned int max)
{
	struct table table = { .out = out, .max = max };
	u64 xcr0 = holm_cpuid_policy_xcr0(host);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(leaves); i++)
		emit_leaf(host, &leaves[i], xcr0, &table);
	fixup_maxima(&table);
	return table.n;
}

/* ---- tables --------------------------------------------------------------- */

static int cmp_entries(const void *a, const void *b)
{
	const struct holm_cpuid_entry *x = a, *y = b;

	if (x->function != y->function)
		return x->function < y->function ? -1 : 1;
	if (x->index != y->index)
		return x->index < y->index ? -1 : 1;
	return 0;
}

void holm_cpuid_sort(struct holm_cpuid_entry *entries, unsigned int nent)
{
	sort(entries, nent, sizeof(*entries), cmp_entries, NULL);
}

const struct holm_cpuid_entry *holm_cpuid_lookup(const struct holm_cpuid_entry *entries,
						 unsigned int nent, u32 function, u32 index)
{
	unsigned int low = 0, high = nent;

	while (low < high) {
		unsigned int mid = low + (high - low) / 2;
		const struct holm_cpuid_entry *e = &entries[mid];

		if (e->function == function &&
		    (!(e->flags & HOLM_CPUID_INDEX) || e->index == index))
			return e;
		if (e->function < function || (e->function == function && e->index < index))
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

u32 holm_cpuid_xsave_size(const struct holm_cpuid_entry *entries, unsigned int nent, u64 xcr0)
{
	u32 size = XSAVE_MIN_SIZE;
	unsigned int i;

	for (i = 2; i < 64; i++) {
		const struct holm_cpuid_entry *e;

		if (!(xcr0 & BIT_ULL(i)))
			continue;
		e = holm_cpuid_lookup(entries, nent, CPUID_LEAF_XSAVE, i);
		if (e)
			size = max(size, e->ebx + e->eax);
	}
	return size;
}

u32 holm_cpuid_xsavec_size(const struct holm_cpuid_entry *entries, unsigned int nent, u64 xcr0)
{
	u32 size = XSAVE_MIN_SIZE;
	unsigned int i;

	for (i = 2; i < 64; i++) {
		const struct holm_cpuid_entry *e;

		if (!(xcr0 & BIT_ULL(i)))
			continue;
		e = holm_cpuid_lookup(entries, nent, CPUID_LEAF_XSAVE, i);
		if (!e)
			continue;
		if (e->ecx & CPUID_XSAVE_ECX_ALIGN)
			size = ALIGN(size, 64);
		size += e->eax;
	}
	return size;
}

/* ---- the check of a launcher's table -------------------------------------- */

static bool reg_allowed(const struct holm_cpuid_policy *p, u32 value, u32 supported)
{
	switch (p->kind) {
	case HOLM_CPUID_FREE:
		return true;
	case HOLM_CPUID_BITS:
		return !(value & ~(supported | p->free));
	case HOLM_CPUID_EXACT:
		return !value || value == supported;
	case HOLM_CPUID_SIZES:
		return !(value & ~(EAX8_PHYS | EAX8_LINEAR)) &&
		       FIELD_GET(EAX8_LINEAR, value) == LINEAR_BITS &&
		       FIELD_GET(EAX8_PHYS, value) >= PHYS_BITS_MIN &&
		       FIELD_GET(EAX8_PHYS, value) <= FIELD_GET(EAX8_PHYS, supported);
	default:
		return false;
	}
}

static const char *check_entry(const struct holm_cpuid_entry *supported, unsigned int nsupported,
			       const struct holm_cpuid_entry *e)
{
	const struct leaf *leaf = find_leaf(e->function);
	const struct holm_cpuid_entry *s;
	int reg;

	if (e->reserved || e->flags & ~HOLM_CPUID_INDEX)
		return "reserved fields or flags are not zero";
	if (!(e->flags & HOLM_CPUID_INDEX) && e->index)
		return "an index without HOLM_CPUID_INDEX";
	if (leaf && !(leaf->flags & LEAF_INDEXED) != !(e->flags & HOLM_CPUID_INDEX))
		return "HOLM_CPUID_INDEX does not match the leaf";

	s = holm_cpuid_lookup(supported, nsupported, e->function, e->index);
	for (reg = HOLM_EAX; reg <= HOLM_EDX; reg++) {
		const struct holm_cpuid_policy *p = find_policy(e->function, e->index, reg);
		u32 value = holm_cpuid_reg(e, reg);

		if (!p && value)
			return "a register that must be zero is not";
		if (p && !reg_allowed(p, value, s ? holm_cpuid_reg(s, reg) : 0))
			return "shows more than HOLM_GET_SUPPORTED_CPUID";
	}
	return NULL;
}

/* Neighbours of a sorted table that answer the same query. */
static bool same_query(const struct holm_cpuid_entry *a, const struct holm_cpuid_entry *b)
{
	return a->function == b->function &&
	       (a->index == b->index || !(a->flags & b->flags & HOLM_CPUID_INDEX));
}

static u64 table_xcr0(const struct holm_cpuid_entry *entries, unsigned int nent)
{
	const struct holm_cpuid_entry *e;

	e = holm_cpuid_lookup(entries, nent, CPUID_LEAF_XSAVE, 0);
	return e ? e->eax | (u64)e->edx << 32 : 0;
}

int holm_cpuid_check(const struct holm_cpuid_entry *supported, unsigned int nsupported,
		     const struct holm_cpuid_entry *entries, unsigned int nent,
		     const char **why, unsigned int *bad)
{
	unsigned int i;
	u64 xcr0;

	for (i = 0; i < nent; i++) {
		*bad = i;
		*why = check_entry(supported, nsupported, &entries[i]);
		if (*why)
			return -EINVAL;
		if (i && same_query(&entries[i - 1], &entries[i])) {
			*why = "a duplicate";
			return -EINVAL;
		}
	}
	*bad = 0;
	xcr0 = table_xcr0(entries, nent);
	if (xcr0 && !holm_xcr0_valid(xcr0, xcr0)) {
		*why = "leaf 0DH has no legal set of XCR0 bits";
		return -EINVAL;
	}
	return 0;
}
