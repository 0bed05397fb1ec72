// SPDX-License-Identifier: GPL-2.0-only
/* CPUID: the policy against made-up hosts, the launcher's tables, the answers. */
#include <linux/slab.h>

#include "../../kmod/backend.h"
#include "../../kmod/x86/pv.h"
#include "../../kmod/x86/x86.h"
#include "suites.h"
#include "x86_host.h"

static const struct holm_cpuid_host *const hosts[] = {
	&holm_test_intel, &holm_test_amd, &holm_test_old,
};

struct cpuid_table {
	struct holm_cpuid_entry e[HOLM_MAX_CPUID_ENTRIES];
	unsigned int n;
};

static struct cpuid_table *supported(struct kunit *test, const struct holm_cpuid_host *host)
{
	struct cpuid_table *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->n = holm_cpuid_policy_apply(host, t->e, ARRAY_SIZE(t->e));
	KUNIT_ASSERT_LE(test, t->n, (unsigned int)ARRAY_SIZE(t->e));
	return t;
}

static struct holm_cpuid_entry *entry(struct cpuid_table *t, u32 function, u32 index)
{
	return (struct holm_cpuid_entry *)holm_cpuid_lookup(t->e, t->n, function, index);
}

static u32 reg_of(struct cpuid_table *t, u32 function, u32 index, int reg)
{
	struct holm_cpuid_entry *e = entry(t, function, index);

	return e ? holm_cpuid_reg(e, reg) : 0;
}

/* ---- the policy tables ----------------------------------------------------- */

static void test_policy_sorted(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < holm_cpuid_policy_count; i++) {
		const struct holm_cpuid_policy *p = &holm_cpuid_policy[i], *q = p - 1;

		KUNIT_EXPECT_TRUE_MSG(test, p->reason && *p->reason, "row %u", i);
		KUNIT_EXPECT_LE_MSG(test, p->reg, HOLM_EDX, "row %u", i);
		if (!i)
			continue;
		KUNIT_EXPECT_TRUE_MSG(test, p->function > q->function ||
				      (p->function == q->function && (p->index > q->index ||
				       (p->index == q->index && p->reg > q->reg))),
				      "row %u: leaf %08x.%x", i, p->function, p->index);
	}
}

/* What is hidden with a reason is not shown by another row, nor named twice. */
static void test_hidden_not_shown(struct kunit *test)
{
	unsigned int i, j;

	for (i = 0; i < holm_cpuid_hidden_count; i++) {
		const struct holm_cpuid_hidden *h = &holm_cpuid_hidden[i];

		KUNIT_EXPECT_TRUE_MSG(test, h->reason && *h->reason, "row %u", i);
		KUNIT_EXPECT_NE_MSG(test, h->bits, 0, "row %u", i);
		for (j = 0; j < holm_cpuid_policy_count; j++) {
			const struct holm_cpuid_policy *p = &holm_cpuid_policy[j];

			if (p->function != h->function || p->index != h->index || p->reg != h->reg)
				continue;
			KUNIT_EXPECT_EQ_MSG(test, h->bits & (p->show | p->force | p->free), 0,
					    "%08x.%x reg %u: %s", h->function, h->index, h->reg,
					    h->reason);
		}
		for (j = 0; j < i; j++) {
			const struct holm_cpuid_hidden *o = &holm_cpuid_hidden[j];

			if (o->function == h->function && o->index == h->index && o->reg == h->reg)
				KUNIT_EXPECT_EQ_MSG(test, h->bits & o->bits, 0, "%s", h->reason);
		}
	}
}

/* No host, whatever it has, makes a hidden bit appear. */
static void test_hidden_on_hosts(struct kunit *test)
{
	unsigned int i, h;

	for (h = 0; h < ARRAY_SIZE(hosts); h++) {
		struct cpuid_table *t = supported(test, hosts[h]);

		for (i = 0; i < holm_cpuid_hidden_count; i++) {
			const struct holm_cpuid_hidden *row = &holm_cpuid_hidden[i];

			KUNIT_EXPECT_EQ_MSG(test,
					    reg_of(t, row->function, row->index, row->reg) &
					    row->bits, 0, "host %u: %s", h, row->reason);
		}
	}
}

static void test_sorted_and_sane(struct kunit *test)
{
	unsigned int i, h;

	for (h = 0; h < ARRAY_SIZE(hosts); h++) {
		struct cpuid_table *t = supported(test, hosts[h]);
		u32 basic = t->e[0].eax, ext = 0;

		for (i = 0; i < t->n; i++) {
			const struct holm_cpuid_entry *e = &t->e[i];

			KUNIT_EXPECT_EQ(test, e->reserved, 0);
			if (!(e->flags & HOLM_CPUID_INDEX))
				KUNIT_EXPECT_EQ_MSG(test, e->index, 0, "leaf %08x", e->function);
			if (i)
				KUNIT_EXPECT_TRUE_MSG(test, e->function > e[-1].function ||
						      (e->function == e[-1].function &&
						       e->index > e[-1].index),
						      "leaf %08x.%x", e->function, e->index);
			if (e->function < 0x40000000)
				KUNIT_EXPECT_LE(test, e->function, basic);
			if (e->function >= 0x80000000)
				ext = e->function;
		}
		KUNIT_EXPECT_EQ(test, reg_of(t, 0x80000000, 0, HOLM_EAX), ext);
	}
}

/* ---- values ---------------------------------------------------------------- */

static void test_values(struct kunit *test)
{
	enum { INTEL, AMD, OLD };
	static const struct {
		const char *name;
		u8 host;
		u32 function, index;
		u8 reg;
		u32 mask, value;
	} rows[] = {
		{ "x2APIC, deadline, hypervisor", INTEL, 1, 0, HOLM_ECX, 0x81200000, 0x81200000 },
		{ "forced without host", OLD, 1, 0, HOLM_ECX, 0x81200000, 0x81200000 },
		{ "OSXSAVE is dynamic", INTEL, 1, 0, HOLM_ECX, BIT(27), 0 },
		{ "MTRR, PAT, MCA, MCE, APIC", OLD, 1, 0, HOLM_EDX, 0x15280, 0x15280 },
		{ "one logical processor", INTEL, 1, 0, HOLM_EBX, 0xffff0000, 0x00010000 },
		{ "no HTT", INTEL, 1, 0, HOLM_EDX, BIT(28), 0 },
		{ "PCID", INTEL, 1, 0, HOLM_ECX, BIT(17), BIT(17) },
		{ "AVX, FMA, F16C, XSAVE", INTEL, 1, 0, HOLM_ECX, 0x34001000, 0x34001000 },
		{ "no AVX without XSAVE", OLD, 1, 0, HOLM_ECX, 0x34001000, 0 },
		{ "cache: one thread", INTEL, 4, 0, HOLM_EAX, ~0U, 0x00000121 },
		{ "cache, second", INTEL, 4, 1, HOLM_EAX, ~0U, 0x00000143 },
		{ "ARAT only", INTEL, 6, 0, HOLM_EAX, ~0U, 4 },
		{ "no thermal ECX", INTEL, 6, 0, HOLM_ECX, ~0U, 0 },
		{ "sub-leaves of 7", INTEL, 7, 0, HOLM_EAX, ~0U, 2 },
		{ "sub-leaves of 7, one", AMD, 7, 0, HOLM_EAX, ~0U, 0 },
		{ "TSC_ADJUST", INTEL, 7, 0, HOLM_EBX, BIT(1), BIT(1) },
		{ "UMIP, RDPID", INTEL, 7, 0, HOLM_ECX, BIT(2) | BIT(22), BIT(2) | BIT(22) },
		{ "AVX-512", INTEL, 7, 0, HOLM_EBX, 0xd0230000, 0xd0230000 },
		{ "no counters", INTEL, 0xa, 0, HOLM_EAX, ~0U, 0 },
		{ "topology: SMT", INTEL, 0xb, 0, HOLM_ECX, ~0U, 0x100 },
		{ "topology: core", INTEL, 0xb, 1, HOLM_ECX, ~0U, 0x201 },
		{ "topology: no shift", INTEL, 0xb, 1, HOLM_EAX, ~0U, 0 },
		{ "XCR0", INTEL, 0xd, 0, HOLM_EAX, ~0U, 0xe7 },
		{ "XSAVE size without PKRU", INTEL, 0xd, 0, HOLM_ECX, ~0U, 2688 },
		{ "XSAVEOPT, XSAVEC, XGETBV1", INTEL, 0xd, 1, HOLM_EAX, ~0U, 7 },
		{ "no XSS", INTEL, 0xd, 1, HOLM_ECX, ~0U, 0 },
		{ "AVX offset", INTEL, 0xd, 2, HOLM_EBX, ~0U, 576 },
		{ "no PKRU", INTEL, 0xd, 9, HOLM_EAX, ~0U, 0 },
		{ "no crystal", INTEL, 0x15, 0, HOLM_ECX, ~0U, 0 },
		{ "base frequency", INTEL, 0x16, 0, HOLM_EAX, ~0U, 0xa28 },
		{ "signature", INTEL, 0x40000000, 0, HOLM_EBX, ~0U, 0x4b4d564b },
		{ "signature", INTEL, 0x40000000, 0, HOLM_ECX, ~0U, 0x564b4d56 },
		{ "signature", INTEL, 0x40000000, 0, HOLM_EDX, ~0U, 0x4d },
		{ "paravirtual leaves", INTEL, 0x40000000, 0, HOLM_EAX, ~0U, 0x40000010 },
		{ "paravirtual features", INTEL, 0x40000001, 0, HOLM_EAX, ~0U, HOLM_PV_FEATURES },
		{ "no hint", INTEL, 0x40000001, 0, HOLM_EDX, ~0U, 0 },
		{ "APIC timer", OLD, 0x40000010, 0, HOLM_EBX, ~0U, 1000000 },
		{ "long mode, RDTSCP, NX, SYSCALL", INTEL, 0x80000001, 0, HOLM_EDX, ~0U,
		  0x2c100800 },
		{ "invariant TSC only", INTEL, 0x80000007, 0, HOLM_EDX, ~0U, BIT(8) },
		{ "no RAS", INTEL, 0x80000007, 0, HOLM_EBX, ~0U, 0 },
		{ "46 physical, 48 linear", INTEL, 0x80000008, 0, HOLM_EAX, ~0U, 0x302e },
		{ "48 of 52 physical", AMD, 0x80000008, 0, HOLM_EAX, ~0U, 0x3030 },
		{ "36 physical", OLD, 0x80000008, 0, HOLM_EAX, ~0U, 0x3024 },
		{ "one core", AMD, 0x80000008, 0, HOLM_ECX, ~0U, 0 },
		{ "IBPB, SPEC_CTRL", AMD, 0x80000008, 0, HOLM_EBX, 0x1300f000, 0x1100d000 },
		{ "SVM hidden", AMD, 0x80000001, 0, HOLM_ECX, BIT(2), 0 },
		{ "no leaf of SVM", AMD, 0x8000000a, 0, HOLM_EAX, ~0U, 0 },
		{ "no memory encryption", AMD, 0x8000001f, 0, HOLM_EAX, ~0U, 0 },
		{ "TOPOEXT", AMD, 0x80000001, 0, HOLM_ECX, BIT(22), BIT(22) },
		{ "cache: one thread", AMD, 0x8000001d, 0, HOLM_EAX, ~0U, 0x121 },
		{ "topology: one thread", AMD, 0x8000001e, 0, HOLM_EBX, ~0U, 0 },
		{ "LFENCE serializes", AMD, 0x80000021, 0, HOLM_EAX, BIT(2) | BIT(8), BIT(2) },
	};
	struct cpuid_table *t[ARRAY_SIZE(hosts)];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(hosts); i++)
		t[i] = supported(test, hosts[i]);
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		KUNIT_EXPECT_EQ_MSG(test, reg_of(t[rows[i].host], rows[i].function, rows[i].index,
						 rows[i].reg) & rows[i].mask,
				    rows[i].value, "%s (%08x.%x)", rows[i].name,
				    rows[i].function, rows[i].index);
	KUNIT_EXPECT_NULL(test, entry(t[OLD], 0xd, 0));
	KUNIT_EXPECT_NULL(test, entry(t[OLD], 7, 0));
}

static void test_state_dependencies(struct kunit *test)
{
	static const struct {
		const char *name;
		u64 host, xcr0;
		bool avx, avx512;
	} rows[] = {
		{ "all", 0x2e7, 0xe7, true, true },
		{ "AVX", 0x7, 0x7, true, false },
		{ "part of AVX-512", 0x67, 0x7, true, false },
		{ "AVX-512 without AVX", 0xe3, 0x3, false, false },
		{ "SSE", 0x3, 0x3, false, false },
		{ "x87 alone", 0x1, 0, false, false },
		{ "nothing", 0, 0, false, false },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct holm_cpuid_host host = holm_test_intel;
		struct cpuid_table *t;

		host.xcr0 = rows[i].host;
		t = supported(test, &host);
		KUNIT_EXPECT_EQ_MSG(test, holm_cpuid_policy_xcr0(&host), rows[i].xcr0, "%s",
				    rows[i].name);
		KUNIT_EXPECT_EQ_MSG(test, reg_of(t, 0xd, 0, HOLM_EAX), (u32)rows[i].xcr0, "%s",
				    rows[i].name);
		KUNIT_EXPECT_EQ_MSG(test, !!(reg_of(t, 1, 0, HOLM_ECX) & BIT(28)), rows[i].avx,
				    "%s", rows[i].name);
		KUNIT_EXPECT_EQ_MSG(test, !!(reg_of(t, 7, 0, HOLM_EBX) & BIT(5)), rows[i].avx,
				    "%s", rows[i].name);
		KUNIT_EXPECT_EQ_MSG(test, !!(reg_of(t, 7, 0, HOLM_EBX) & BIT(16)), rows[i].avx512,
				    "%s", rows[i].name);
	}
}

static void test_xcr0_valid(struct kunit *test)
{
	static const struct {
		u64 xcr0, supported;
		bool valid;
	} rows[] = {
		{ 0x1, 0xe7, true }, { 0x3, 0xe7, true }, { 0x7, 0xe7, true },
		{ 0xe7, 0xe7, true }, { 0x1, 0, true },
		{ 0x0, 0xe7, false }, { 0x2, 0xe7, false }, { 0x5, 0xe7, false },
		{ 0x27, 0xe7, false }, { 0xa7, 0xe7, false }, { 0xe3, 0xe7, false },
		{ 0x207, 0xe7, false }, { 0x7, 0x3, false }, { 0x3, 0, false },
		{ BIT_ULL(63) | 3, 0xe7, false },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		KUNIT_EXPECT_EQ_MSG(test, holm_xcr0_valid(rows[i].xcr0, rows[i].supported),
				    rows[i].valid, "%llx of %llx", rows[i].xcr0,
				    rows[i].supported);
}

static void test_xsave_sizes(struct kunit *test)
{
	static const struct holm_cpuid_entry table[] = {
		{ .function = 0xd, .index = 2, .flags = 1, .eax = 24, .ebx = 576 },
		{ .function = 0xd, .index = 5, .flags = 1, .eax = 40, .ebx = 1088, .ecx = 2 },
		{ .function = 0xd, .index = 6, .flags = 1, .eax = 8, .ebx = 1024 },
	};
	static const struct {
		u64 xcr0;
		u32 standard, compacted;
	} rows[] = {
		{ 0x0, 576, 576 },
		{ 0x3, 576, 576 },
		{ 0x7, 600, 600 },
		{ 0x23, 1128, 616 },		/* 576 is aligned */
		{ 0x27, 1128, 680 },		/* 600 is not: 640 */
		{ 0x67, 1128, 688 },
		{ 0x43, 1032, 584 },
		{ 0x83, 576, 576 },		/* a component that no leaf describes */
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		KUNIT_EXPECT_EQ_MSG(test, holm_cpuid_xsave_size(table, ARRAY_SIZE(table),
								rows[i].xcr0),
				    rows[i].standard, "%llx", rows[i].xcr0);
		KUNIT_EXPECT_EQ_MSG(test, holm_cpuid_xsavec_size(table, ARRAY_SIZE(table),
								 rows[i].xcr0),
				    rows[i].compacted, "%llx", rows[i].xcr0);
	}
}

/* ---- the launcher's table -------------------------------------------------- */

static int check(struct cpuid_table *s, struct cpuid_table *t)
{
	unsigned int bad;
	const char *why;

	holm_cpuid_sort(t->e, t->n);
	return holm_cpuid_check(s->e, s->n, t->e, t->n, &why, &bad);
}

static void test_check_supported(struct kunit *test)
{
	unsigned int h;

	for (h = 0; h < ARRAY_SIZE(hosts); h++) {
		struct cpuid_table *s = supported(test, hosts[h]);
		struct cpuid_table *t = supported(test, hosts[h]);

		KUNIT_EXPECT_EQ_MSG(test, check(s, t), 0, "host %u", h);
		t->n = 0;
		KUNIT_EXPECT_EQ(test, check(s, t), 0);
	}
}

static void test_check_rows(struct kunit *test)
{
	static const struct {
		const char *name;
		u32 function, index;
		u8 reg;
		u32 clear, set;
		int err;
	} rows[] = {
		{ "VMX", 1, 0, HOLM_ECX, 0, BIT(5), -EINVAL },
		{ "MONITOR", 1, 0, HOLM_ECX, 0, BIT(3), -EINVAL },
		{ "OSXSAVE is ignored", 1, 0, HOLM_ECX, 0, BIT(27), 0 },
		{ "fewer features", 1, 0, HOLM_ECX, ~0U, 0, 0 },
		{ "HTT", 1, 0, HOLM_EDX, 0, BIT(28), 0 },
		{ "debug store", 1, 0, HOLM_EDX, 0, BIT(21), -EINVAL },
		{ "family", 1, 0, HOLM_EAX, ~0U, 0x600, 0 },
		{ "processors", 1, 0, HOLM_EBX, 0, 0xff0000, 0 },
		{ "sharing", 4, 0, HOLM_EAX, 0, 0xfc00c000, 0 },
		{ "MWAIT hints", 6, 0, HOLM_EAX, 0, BIT(0), -EINVAL },
		{ "ECX of 6", 6, 0, HOLM_ECX, 0, 1, -EINVAL },
		{ "RTM", 7, 0, HOLM_EBX, 0, BIT(11), -EINVAL },
		{ "5-level paging", 7, 0, HOLM_ECX, 0, BIT(16), -EINVAL },
		{ "L1D flush", 7, 0, HOLM_EDX, 0, BIT(28), -EINVAL },
		{ "topology", 0xb, 1, HOLM_EAX, 0, 3, 0 },
		{ "PKRU", 0xd, 0, HOLM_EAX, 0, BIT(9), -EINVAL },
		{ "AVX without SSE", 0xd, 0, HOLM_EAX, BIT(1), 0, -EINVAL },
		{ "half of AVX-512", 0xd, 0, HOLM_EAX, BIT(7), 0, -EINVAL },
		{ "no AVX-512", 0xd, 0, HOLM_EAX, 0xe0, 0, 0 },
		{ "XCR0 high", 0xd, 0, HOLM_EDX, 0, 1, -EINVAL },
		{ "XSAVES", 0xd, 1, HOLM_EAX, 0, BIT(3), -EINVAL },
		{ "another offset", 0xd, 2, HOLM_EBX, ~0U, 600, -EINVAL },
		{ "no offset", 0xd, 2, HOLM_EBX, ~0U, 0, 0 },
		{ "no paravirtual clock", 0x40000001, 0, HOLM_EAX, 0x01000009, 0, 0 },
		{ "page encryption", 0x40000001, 0, HOLM_EAX, 0, BIT(16), -EINVAL },
		{ "a hint", 0x40000001, 0, HOLM_EDX, 0, 1, -EINVAL },
		{ "another TSC frequency", 0x40000010, 0, HOLM_EAX, 0, 12345, 0 },
		{ "another signature", 0x40000000, 0, HOLM_EBX, ~0U, 0x20202020, 0 },
		{ "fewer address bits", 0x80000008, 0, HOLM_EAX, 0xff, 40, 0 },
		{ "more address bits", 0x80000008, 0, HOLM_EAX, 0xff, 47, -EINVAL },
		{ "hardly any address bits", 0x80000008, 0, HOLM_EAX, 0xff, 31, -EINVAL },
		{ "57 linear bits", 0x80000008, 0, HOLM_EAX, 0xff00, 57 << 8, -EINVAL },
		{ "guest address bits", 0x80000008, 0, HOLM_EAX, 0, BIT(16), -EINVAL },
		{ "cores", 0x80000008, 0, HOLM_ECX, 0, 7, 0 },
	};
	struct cpuid_table *s = supported(test, &holm_test_intel);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct cpuid_table *t = supported(test, &holm_test_intel);
		struct holm_cpuid_entry *e = entry(t, rows[i].function, rows[i].index);
		u32 *reg;

		KUNIT_ASSERT_NOT_NULL_MSG(test, e, "%s", rows[i].name);
		reg = &e->eax + rows[i].reg;
		*reg = (*reg & ~rows[i].clear) | rows[i].set;
		KUNIT_EXPECT_EQ_MSG(test, check(s, t), rows[i].err, "%s", rows[i].name);
		kunit_kfree(test, t);
	}
}

static void test_check_malformed(struct kunit *test)
{
	static const struct {
		const char *name;
		struct holm_cpuid_entry e[2];
		unsigned int n;
		int err;
	} rows[] = {
		{ "a leaf nobody knows, zero", { { .function = 3 } }, 1, 0 },
		{ "a leaf nobody knows", { { .function = 3, .edx = 1 } }, 1, -EINVAL },
		{ "another hypervisor's leaf", { { .function = 0x40000100, .eax = 1 } }, 1,
		  -EINVAL },
		{ "reserved", { { .function = 2, .reserved = 1 } }, 1, -EINVAL },
		{ "unknown flag", { { .function = 2, .flags = 2 } }, 1, -EINVAL },
		{ "index without the flag", { { .function = 2, .index = 1 } }, 1, -EINVAL },
		{ "leaf 7 for every index", { { .function = 7 } }, 1, -EINVAL },
		{ "leaf 1 by index", { { .function = 1, .flags = 1 } }, 1, -EINVAL },
		{ "sub-leaf 3 of 7", { { .function = 7, .index = 3, .flags = 1, .ebx = 1 } }, 1,
		  -EINVAL },
		{ "twice", { { .function = 2 }, { .function = 2 } }, 2, -EINVAL },
		{ "twice, one by index",
		  { { .function = 3 }, { .function = 3, .index = 4, .flags = 1 } }, 2, -EINVAL },
		{ "two indices", { { .function = 4, .flags = 1 },
				   { .function = 4, .index = 1, .flags = 1 } }, 2, 0 },
		{ "an index twice", { { .function = 4, .index = 1, .flags = 1 },
				      { .function = 4, .index = 1, .flags = 1 } }, 2, -EINVAL },
	};
	struct cpuid_table *s = supported(test, &holm_test_intel);
	struct cpuid_table *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, t);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		t->n = rows[i].n;
		memcpy(t->e, rows[i].e, sizeof(rows[i].e));
		KUNIT_EXPECT_EQ_MSG(test, check(s, t), rows[i].err, "%s", rows[i].name);
	}
}

/* ---- the instruction ------------------------------------------------------- */

static void test_query(struct kunit *test)
{
	enum { INTEL, AMD };
	static const struct {
		const char *name;
		u8 host;
		u32 function, index;
		u32 mask[4], value[4];
	} rows[] = {
		{ "APIC ID", INTEL, 1, 0, { 0, 0xff000000 }, { 0, 0x05000000 } },
		{ "APIC ID, any index", INTEL, 1, 9, { 0, 0xff000000 }, { 0, 0x05000000 } },
		{ "APIC is on", INTEL, 1, 0, { 0, 0, 0, BIT(9) }, { 0, 0, 0, BIT(9) } },
		{ "no OSXSAVE yet", INTEL, 1, 0, { 0, 0, BIT(27) }, { 0 } },
		{ "x2APIC ID", INTEL, 0xb, 0, { 0, 0, 0xffff, ~0U }, { 0, 0, 0x100, 5 } },
		{ "x2APIC ID, invalid level", INTEL, 0xb, 7, { ~0U, ~0U, ~0U, ~0U },
		  { 0, 0, 7, 5 } },
		{ "XSAVE by XCR0", INTEL, 0xd, 0, { 0, ~0U, ~0U }, { 0, 576, 2688 } },
		{ "XSAVEC by XCR0", INTEL, 0xd, 1, { 0, ~0U }, { 0, 576 } },
		{ "unknown sub-leaf", INTEL, 7, 9, { ~0U, ~0U, ~0U, ~0U }, { 0 } },
		{ "unknown leaf in range", INTEL, 9, 0, { ~0U, ~0U, ~0U, ~0U }, { 0 } },
		{ "above: highest basic", INTEL, 0x30, 0, { ~0U, ~0U, ~0U, ~0U },
		  { 0, 1, 0x100, 5 } },
		{ "above extended: highest basic", INTEL, 0x80000030, 1,
		  { ~0U, ~0U, ~0U, ~0U }, { 0, 1, 0x201, 5 } },
		{ "no class: highest basic", INTEL, 0xc0000000, 0, { 0, ~0U }, { 0, 1 } },
		{ "above: zero", AMD, 0x30, 0, { ~0U, ~0U, ~0U, ~0U }, { 0 } },
		{ "above extended: zero", AMD, 0x80000030, 0, { ~0U, ~0U, ~0U, ~0U }, { 0 } },
		{ "extended APIC ID", AMD, 0x8000001e, 0, { ~0U }, { 5 } },
	};
	static const struct holm_cpuid_host *const host[] = { &holm_test_intel, &holm_test_amd };
	struct holm_vcpu *vcpu = holm_test_vcpu(test, &holm_test_intel);
	unsigned int i, r;

	KUNIT_ASSERT_NOT_NULL(test, vcpu);
	vcpu->apic_id = 5;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		u32 regs[4] = { rows[i].function, ~0U, rows[i].index, ~0U };

		holm_test_show(test, vcpu, host[rows[i].host]);
		holm_cpuid_query(vcpu, &regs[0], &regs[1], &regs[2], &regs[3]);
		for (r = 0; r < 4; r++)
			KUNIT_EXPECT_EQ_MSG(test, regs[r] & rows[i].mask[r], rows[i].value[r],
					    "%s, register %u", rows[i].name, r);
	}
	holm_test_vcpu_end(vcpu);
}

static void query(struct holm_vcpu *vcpu, u32 function, u32 index, u32 regs[4])
{
	regs[0] = function;
	regs[2] = index;
	holm_cpuid_query(vcpu, &regs[0], &regs[1], &regs[2], &regs[3]);
}

static void test_query_dynamic(struct kunit *test)
{
	struct holm_vcpu *vcpu = holm_test_vcpu(test, &holm_test_intel);
	u32 regs[4];

	KUNIT_ASSERT_NOT_NULL(test, vcpu);
	vcpu->sregs.cr4 |= BIT(18);
	query(vcpu, 1, 0, regs);
	KUNIT_EXPECT_TRUE(test, regs[HOLM_ECX] & BIT(27));

	vcpu->xcr0 = 7;
	query(vcpu, 0xd, 0, regs);
	KUNIT_EXPECT_EQ(test, regs[HOLM_EBX], 832);
	vcpu->xcr0 = 0xe7;
	query(vcpu, 0xd, 0, regs);
	KUNIT_EXPECT_EQ(test, regs[HOLM_EBX], 2688);
	/* 576 + 256 + 64, then 512 and 1024 on 64-byte boundaries. */
	query(vcpu, 0xd, 1, regs);
	KUNIT_EXPECT_EQ(test, regs[HOLM_EBX], 2432);

	KUNIT_EXPECT_EQ(test, holm_lapic_set_base(vcpu, HOLM_APIC_DEFAULT_BASE | BIT(8), false), 0);
	query(vcpu, 1, 0, regs);
	KUNIT_EXPECT_FALSE(test, regs[HOLM_EDX] & BIT(9));
	holm_test_vcpu_end(vcpu);
}

/* ---- the model ------------------------------------------------------------- */

static void test_model(struct kunit *test)
{
	struct holm_vcpu *vcpu = holm_test_vcpu(test, &holm_test_intel);
	struct holm_cpuid_entry *table = vcpu ? vcpu->cpuid : NULL;
	unsigned int n = vcpu ? vcpu->cpuid_nent : 0;

	KUNIT_ASSERT_NOT_NULL(test, vcpu);
	/* VME..OSXMMEXCPT, UMIP, FSGSBASE, PCIDE, OSXSAVE, SMEP, SMAP. */
	KUNIT_EXPECT_EQ(test, ~vcpu->cr4_reserved, 0x370fffULL);
	KUNIT_EXPECT_EQ(test, ~vcpu->efer_reserved, 0xd01ULL);
	KUNIT_EXPECT_EQ(test, vcpu->phys_mask_reserved, GENMASK_ULL(63, 46));
	KUNIT_EXPECT_FALSE(test, holm_cpuid_is_amd(vcpu));
	KUNIT_EXPECT_TRUE(test, holm_cpuid_has(vcpu, 1, 0, 2, 21));
	KUNIT_EXPECT_FALSE(test, holm_cpuid_has(vcpu, 1, 0, 2, 5));

	holm_test_show(test, vcpu, &holm_test_amd);
	KUNIT_EXPECT_TRUE(test, holm_cpuid_is_amd(vcpu));
	KUNIT_EXPECT_EQ(test, ~vcpu->efer_reserved, 0x4d01ULL);
	KUNIT_EXPECT_EQ(test, vcpu->phys_mask_reserved, GENMASK_ULL(63, 48));

	/* Without a table only what needs no feature. */
	vcpu->cpuid = NULL;
	vcpu->cpuid_nent = 0;
	holm_cpuid_model(vcpu);
	KUNIT_EXPECT_EQ(test, ~vcpu->cr4_reserved, BIT_ULL(8));
	KUNIT_EXPECT_EQ(test, ~vcpu->efer_reserved, 0ULL);
	KUNIT_EXPECT_EQ(test, vcpu->xcr0_supported, 0ULL);
	KUNIT_EXPECT_EQ(test, vcpu->phys_mask_reserved, GENMASK_ULL(63, 36));

	vcpu->cpuid = table;
	vcpu->cpuid_nent = n;
	holm_test_vcpu_end(vcpu);
}

/* The machine that runs the test: its own table is taken, one more bit is not. */
static void test_set(struct kunit *test)
{
	struct holm_vcpu *vcpu = holm_test_vcpu(test, &holm_test_intel);
	struct holm_cpuid_entry *t;
	unsigned int i, n;

	KUNIT_ASSERT_NOT_NULL(test, vcpu);
	vcpu->cpuid = NULL;
	vcpu->cpuid_nent = 0;
	t = kvcalloc(HOLM_MAX_CPUID_ENTRIES, sizeof(*t), GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, t);
	n = holm_cpuid_supported(NULL, 0);
	KUNIT_EXPECT_GT(test, n, 0);
	KUNIT_EXPECT_EQ(test, holm_cpuid_supported(t, HOLM_MAX_CPUID_ENTRIES), n);

	for (i = 0; i < n; i++)
		if (t[i].function == 1)
			t[i].ecx |= BIT(3);
	KUNIT_EXPECT_EQ(test, holm_cpuid_set(vcpu, t, n), -EINVAL);
	KUNIT_EXPECT_NULL(test, vcpu->cpuid);

	holm_cpuid_supported(t, HOLM_MAX_CPUID_ENTRIES);
	KUNIT_EXPECT_EQ(test, holm_cpuid_set(vcpu, t, n), 0);
	KUNIT_EXPECT_PTR_EQ(test, vcpu->cpuid, t);
	KUNIT_EXPECT_EQ(test, vcpu->xcr0_supported, holm_cpuid_xcr0());
	for (i = 0; i < n; i++)
		KUNIT_EXPECT_PTR_EQ(test, holm_cpuid_find(vcpu, t[i].function, t[i].index),
				    (const struct holm_cpuid_entry *)&t[i]);
	kvfree(vcpu->cpuid);
	vcpu->cpuid = NULL;
	vcpu->cpuid_nent = 0;
	holm_test_vcpu_end(vcpu);
}

static struct kunit_case cpuid_cases[] = {
	KUNIT_CASE(test_policy_sorted),
	KUNIT_CASE(test_hidden_not_shown),
	KUNIT_CASE(test_hidden_on_hosts),
	KUNIT_CASE(test_sorted_and_sane),
	KUNIT_CASE(test_values),
	KUNIT_CASE(test_state_dependencies),
	KUNIT_CASE(test_xcr0_valid),
	KUNIT_CASE(test_xsave_sizes),
	KUNIT_CASE(test_check_supported),
	KUNIT_CASE(test_check_rows),
	KUNIT_CASE(test_check_malformed),
	KUNIT_CASE(test_query),
	KUNIT_CASE(test_query_dynamic),
	KUNIT_CASE(test_model),
	KUNIT_CASE(test_set),
	{}
};

struct kunit_suite holm_cpuid_suite = {
	.name = "holm-cpuid",
	.test_cases = cpuid_cases,
};
