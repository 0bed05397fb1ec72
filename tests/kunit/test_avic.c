// SPDX-License-Identifier: GPL-2.0-only
/*
 * AVIC without a CPU that has it: what is written for it, and read from it.
 * test_avic_page.c has the local APIC whose page it uses.
 */
#include <linux/slab.h>

#include "../../kmod/mmu/walker.h"
#include "../../kmod/svm/avic.h"
#include "../../kmod/x86/lapic_regs.h"
#include "helpers.h"
#include "suites.h"

/* ---- tables ------------------------------------------------------------------ */

static void avic_physical(struct kunit *test)
{
	static const struct {
		const char *name;
		u64 page;
		int host_id;
		u64 entry;
	} rows[] = {
		{ "not running",	0x123456789000ULL, -1, 0x8000123456789000ULL },
		{ "running on 0",	0x123456789000ULL, 0, 0xc000123456789000ULL },
		{ "running on 255",	0x1000ULL, 255, 0xc0000000000010ffULL },
		{ "the highest page",	0xffffffffff000ULL, 0x42, 0xc00ffffffffff042ULL },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		KUNIT_EXPECT_EQ_MSG(test, svm_avic_physical(rows[i].page, rows[i].host_id),
				    rows[i].entry, "%s", rows[i].name);
}

static void avic_logical_index(struct kunit *test)
{
	static const struct {
		const char *name;
		int model;
		u8 ldr;
		int bit;
		int index;
	} rows[] = {
		{ "flat, the first",		0xf, 0x01, 0, 0 },
		{ "flat, the last",		0xf, 0x80, 7, 7 },
		{ "flat, another bit",		0xf, 0x80, 6, -1 },
		{ "flat, one of several",	0xf, 0x81, 7, 7 },
		{ "flat, none",			0xf, 0x00, 0, -1 },
		{ "cluster 0, the first",	0, 0x01, 0, 0 },
		{ "cluster 0, the last",	0, 0x08, 3, 3 },
		{ "cluster 1, the third",	0, 0x14, 2, 6 },
		{ "cluster 14, the last",	0, 0xe8, 3, 59 },
		{ "cluster 15",			0, 0xf1, 0, -1 },
		{ "cluster, its number",	0, 0x10, 4, -1 },
		{ "a reserved model",		7, 0x01, 0, -1 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		KUNIT_EXPECT_EQ_MSG(test, svm_avic_logical_index(rows[i].model, rows[i].ldr,
								 rows[i].bit),
				    rows[i].index, "%s", rows[i].name);
}

#define FLAT	0xffffffffU
#define CLUSTER	0x0fffffffU

#define LAPIC(id, ldr_, dfr_)	{ .apic_id = (id), .ldr = (u32)(ldr_) << 24, .dfr = (dfr_), \
				  .enabled = true }
#define OFF(id, ldr_, dfr_)	{ .apic_id = (id), .ldr = (u32)(ldr_) << 24, .dfr = (dfr_) }
#define X2(id)			{ .apic_id = (id), .ldr = 1U << (id), .dfr = FLAT, \
				  .enabled = true, .x2apic = true }

struct logical_row {
	const char *name;
	bool refused;
	unsigned int n;
	struct holm_lapic_view views[4];
};

static const struct logical_row logical_rows[] = {
	{ "flat", false, 3, { LAPIC(0, 0x01, FLAT), LAPIC(1, 0x02, FLAT), LAPIC(9, 0x80, FLAT) } },
	{ "cluster", false, 4, { LAPIC(0, 0x01, CLUSTER), LAPIC(4, 0x11, CLUSTER),
				 LAPIC(5, 0x12, CLUSTER), LAPIC(200, 0xe8, CLUSTER) } },
	{ "one without a logical ID", false, 2, { LAPIC(0, 0x01, FLAT), LAPIC(1, 0, FLAT) } },
	{ "one with two", false, 2, { LAPIC(0, 0x05, FLAT), LAPIC(1, 0x02, FLAT) } },
	{ "in the broadcast's cluster", false, 2, { LAPIC(0, 0xf1, CLUSTER),
						    LAPIC(1, 0x21, CLUSTER) } },
	{ "another model, but disabled", false, 2, { LAPIC(0, 0x01, FLAT), OFF(1, 0x02, CLUSTER) } },
	{ "the same ID, but disabled", false, 2, { LAPIC(0, 0x01, FLAT), OFF(1, 0x01, FLAT) } },
	{ "the same ID", true, 2, { LAPIC(0, 0x01, FLAT), LAPIC(1, 0x01, FLAT) } },
	{ "two models", true, 2, { LAPIC(0, 0x01, FLAT), LAPIC(1, 0x12, CLUSTER) } },
	{ "a reserved model", true, 1, { LAPIC(0, 0x01, 0x7fffffff) } },
	{ "one in x2APIC mode", true, 2, { LAPIC(0, 0x01, FLAT), X2(1) } },
	{ "none", false, 0, { } },
};

/*
 * "IPI Delivery", steps 3 and 4, for a logical destination that is no broadcast.
 * False: an entry is not valid, and the CPU exits.
 */
static bool cpu_finds(const struct svm_avic_logical *table, u32 dfr, u8 dest,
		      unsigned long *found)
{
	bool flat = dfr >> 28 == 0xf;
	unsigned int bit;

	bitmap_zero(found, 256);
	for (bit = 0; bit < (flat ? 8 : 4); bit++) {
		u32 entry;

		if (!(dest & BIT(bit)))
			continue;
		entry = table->entry[flat ? bit : (dest >> 4) * 4 + bit];
		if (!(entry & AVIC_LOGICAL_VALID))
			return false;
		__set_bit(entry & AVIC_LOGICAL_ID, found);
	}
	return true;
}

static void make_logical(struct svm_avic_logical *table, const struct logical_row *row)
{
	unsigned int i;

	svm_avic_logical_begin(table);
	for (i = 0; i < row->n; i++)
		svm_avic_logical_add(table, &row->views[i]);
	svm_avic_logical_end(table);
}

/* Whatever the CPU finds are the very LAPICs that software would. */
static void avic_logical(struct kunit *test)
{
	struct svm_avic_logical *table = kunit_kzalloc(test, sizeof(*table), GFP_KERNEL);
	DECLARE_BITMAP(found, 256);
	DECLARE_BITMAP(want, 256);
	unsigned int r, i, dest, used;

	KUNIT_ASSERT_NOT_NULL(test, table);
	for (r = 0; r < ARRAY_SIZE(logical_rows); r++) {
		const struct logical_row *row = &logical_rows[r];
		u32 dfr = row->n ? row->views[0].dfr : FLAT;

		make_logical(table, row);
		KUNIT_EXPECT_EQ_MSG(test, table->refused, row->refused, "%s", row->name);
		for (i = 0, used = 0; i < ARRAY_SIZE(table->entry); i++)
			used += !!table->entry[i];
		if (row->refused)
			KUNIT_EXPECT_EQ_MSG(test, used, 0U, "%s", row->name);
		else if (row->n)
			KUNIT_EXPECT_NE_MSG(test, used, 0U, "%s", row->name);
		for (dest = 1; dest < 0xf0; dest++) {
			if (!cpu_finds(table, dfr, dest, found))
				continue;
			bitmap_zero(want, 256);
			for (i = 0; i < row->n; i++)
				if (holm_lapic_view_match(&row->views[i], dest, true, false))
					__set_bit(row->views[i].apic_id, want);
			KUNIT_EXPECT_TRUE_MSG(test, bitmap_equal(found, want, 256),
					      "%s: destination %#x", row->name, dest);
		}
	}
	make_logical(table, &logical_rows[0]);
	KUNIT_EXPECT_EQ(test, table->entry[0], 0x80000000U);
	KUNIT_EXPECT_EQ(test, table->entry[1], 0x80000001U);
	KUNIT_EXPECT_EQ(test, table->entry[7], 0x80000009U);
	make_logical(table, &logical_rows[1]);
	KUNIT_EXPECT_EQ(test, table->entry[5], 0x80000005U);
	KUNIT_EXPECT_EQ(test, table->entry[59], 0x800000c8U);
}

/* ---- exits ------------------------------------------------------------------- */

static void avic_exit_ipi(struct kunit *test)
{
	static const struct {
		u64 info1, info2;
		u32 reason, index;
	} rows[] = {
		{ 0x0300000000004041ULL, 0x0000000100000003ULL, AVIC_IPI_NOT_RUNNING, 3 },
		{ 0xff000000000c4500ULL, 0x0000000000000000ULL, AVIC_IPI_TYPE, 0 },
		{ 0x0100000000000830ULL, 0x0000000200000fffULL, AVIC_IPI_TARGET, 0xfff },
		{ 0x0000000000000030ULL, 0x00000003fffff001ULL, AVIC_IPI_PAGE, 1 },
		{ 0x000000000000000fULL, 0x0000000400000000ULL, AVIC_IPI_VECTOR, 0 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct svm_avic_ipi ipi = svm_avic_ipi(rows[i].info1, rows[i].info2);

		KUNIT_EXPECT_EQ_MSG(test, ipi.icr, rows[i].info1, "row %u", i);
		KUNIT_EXPECT_EQ_MSG(test, ipi.reason, rows[i].reason, "row %u", i);
		KUNIT_EXPECT_EQ_MSG(test, (u32)ipi.index, rows[i].index, "row %u", i);
	}
}

/* "Guest vAPIC Register Access Behavior": where an exit for a write is a trap. */
static const u16 trap_offsets[] = {
	0x020, 0x0b0, 0x0c0, 0x0d0, 0x0e0, 0x0f0, 0x280, 0x300, 0x320, 0x330, 0x340, 0x350,
	0x360, 0x370, 0x380, 0x3e0,
};

static bool traps(u16 offset)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(trap_offsets); i++)
		if (trap_offsets[i] == offset)
			return true;
	return false;
}

static void avic_exit_access(struct kunit *test)
{
	struct svm_avic_access access;
	u32 offset;

	for (offset = 0; offset < PAGE_SIZE; offset += 16) {
		access = svm_avic_access(BIT_ULL(32) | offset, 0x61);
		KUNIT_EXPECT_EQ(test, (u32)access.offset, offset);
		KUNIT_EXPECT_TRUE(test, access.write);
		KUNIT_EXPECT_EQ_MSG(test, access.trap, traps(offset), "write of %#x", offset);
		KUNIT_EXPECT_EQ(test, (u32)access.vector, 0x61U);

		access = svm_avic_access(offset, 0);
		KUNIT_EXPECT_EQ(test, (u32)access.offset, offset);
		KUNIT_EXPECT_FALSE(test, access.write);
		KUNIT_EXPECT_FALSE_MSG(test, access.trap, "read of %#x", offset);
	}
	/* What is reserved does not count. */
	access = svm_avic_access(0xfffffffe000000bfULL | BIT_ULL(32), ~0xffULL | 0x30);
	KUNIT_EXPECT_EQ(test, (u32)access.offset, 0xb0U);
	KUNIT_EXPECT_EQ(test, (u32)access.vector, 0x30U);
}

/* ---- the APIC page in nested page tables -------------------------------------- */

#define APIC_GPA	0xfee00000ULL

static u64 *new_table(struct kunit *test)
{
	/* kmalloc() aligns what is of a page's size to it. */
	u64 *table = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, table);
	KUNIT_ASSERT_TRUE(test, PAGE_ALIGNED(table));
	return table;
}

/* What the CPU finds: the leaf's address, or 0. */
static u64 walk(const u64 *table, u64 gpa, u32 *access)
{
	const struct holm_mmu_format *fmt = &holm_format_npt;
	int level;

	for (level = 4; level >= 1; level--) {
		u64 entry = table[holm_pt_index(gpa, level)];

		if (!fmt->present(entry))
			return 0;
		if (fmt->leaf(entry, level)) {
			*access = fmt->access(entry);
			return fmt->pa(entry) + (gpa & (holm_pt_size(level) - 1) & PAGE_MASK);
		}
		table = __va(fmt->pa(entry));
	}
	return 0;
}

#define RWX (HOLM_ACCESS_READ | HOLM_ACCESS_WRITE | HOLM_ACCESS_FETCH)

static void avic_view(struct kunit *test)
{
	const struct holm_mmu_format *fmt = &holm_format_npt;
	struct svm_avic_view view;
	u64 *root = new_table(test), *real3 = new_table(test), *real2 = new_table(test),
	    *real1 = new_table(test), *low2 = new_table(test), *top;
	u32 access = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(view.table); i++)
		view.table[i] = new_table(test);
	top = view.table[3];
	svm_avic_view_init(&view, fmt, 0x777000);

	/* The page is there, and never more of it than data. */
	KUNIT_EXPECT_EQ(test, walk(top, APIC_GPA, &access), 0x777000ULL);
	KUNIT_EXPECT_EQ(test, access, (u32)(HOLM_ACCESS_READ | HOLM_ACCESS_WRITE));
	KUNIT_EXPECT_EQ(test, walk(top, APIC_GPA + PAGE_SIZE, &access), 0ULL);
	KUNIT_EXPECT_FALSE(test, svm_avic_view_fill(&view, fmt, root, 0x1000));
	KUNIT_EXPECT_FALSE(test, svm_avic_view_fill(&view, fmt, root, APIC_GPA));

	/* 2 MiB at 0x200000, 2 MiB at 0xfe600000, a page behind the APIC's, 512 GiB. */
	root[0] = fmt->make_table(__pa(real3));
	root[1] = fmt->make_table(__pa(low2));
	real3[0] = fmt->make_table(__pa(low2));
	low2[1] = fmt->make_leaf(0x40000000, HOLM_PG_2M, RWX, true);
	real3[3] = fmt->make_table(__pa(real2));
	real2[holm_pt_index(0xfe600000, 2)] =
		fmt->make_leaf(0x50000000, HOLM_PG_2M, HOLM_ACCESS_READ, true);
	real2[holm_pt_index(APIC_GPA, 2)] = fmt->make_table(__pa(real1));
	real1[0] = fmt->make_leaf(0x60000000, HOLM_PG_4K, RWX, true);
	real1[1] = fmt->make_leaf(0x60001000, HOLM_PG_4K, RWX, true);

	KUNIT_EXPECT_TRUE(test, svm_avic_view_fill(&view, fmt, root, 0x201000));
	KUNIT_EXPECT_EQ(test, walk(top, 0x201000, &access), 0x40001000ULL);
	KUNIT_EXPECT_FALSE(test, svm_avic_view_fill(&view, fmt, root, 0x201000));
	/* Beside it nothing is to be filled: the table is the VM's own. */
	low2[2] = fmt->make_leaf(0x42000000, HOLM_PG_2M, RWX, true);
	KUNIT_EXPECT_EQ(test, walk(top, 0x400000, &access), 0x42000000ULL);
	KUNIT_EXPECT_FALSE(test, svm_avic_view_fill(&view, fmt, root, 0x400000));

	KUNIT_EXPECT_TRUE(test, svm_avic_view_fill(&view, fmt, root, 0xfe600000));
	KUNIT_EXPECT_EQ(test, walk(top, 0xfe7ff000, &access), 0x501ff000ULL);
	KUNIT_EXPECT_EQ(test, access, (u32)(HOLM_ACCESS_READ | HOLM_ACCESS_FETCH) & fmt->access(
			real2[holm_pt_index(0xfe600000, 2)]));
	/* More rights than before are another entry. */
	real2[holm_pt_index(0xfe600000, 2)] = fmt->make_leaf(0x50000000, HOLM_PG_2M, RWX, true);
	KUNIT_EXPECT_TRUE(test, svm_avic_view_fill(&view, fmt, root, 0xfe600000));
	KUNIT_EXPECT_EQ(test, walk(top, 0xfe600000, &access), 0x50000000ULL);
	KUNIT_EXPECT_EQ(test, access, (u32)RWX);

	KUNIT_EXPECT_TRUE(test, svm_avic_view_fill(&view, fmt, root, APIC_GPA + PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, walk(top, APIC_GPA + PAGE_SIZE, &access), 0x60001000ULL);
	KUNIT_EXPECT_FALSE(test, svm_avic_view_fill(&view, fmt, root, APIC_GPA));
	KUNIT_EXPECT_EQ(test, walk(top, APIC_GPA, &access), 0x777000ULL);
	KUNIT_EXPECT_TRUE(test, svm_avic_view_fill(&view, fmt, root, 1ULL << 39));
	KUNIT_EXPECT_EQ(test, top[1], root[1]);

	/* The VM's table is as it was; the view forgets all but its page. */
	KUNIT_EXPECT_EQ(test, walk(root, APIC_GPA, &access), 0x60000000ULL);
	svm_avic_view_clear(&view);
	KUNIT_EXPECT_EQ(test, walk(top, 0x201000, &access), 0ULL);
	KUNIT_EXPECT_EQ(test, walk(top, 0xfe600000, &access), 0ULL);
	KUNIT_EXPECT_EQ(test, walk(top, APIC_GPA + PAGE_SIZE, &access), 0ULL);
	KUNIT_EXPECT_EQ(test, top[1], 0ULL);
	KUNIT_EXPECT_EQ(test, walk(top, APIC_GPA, &access), 0x777000ULL);

	/* One leaf for all around the page: what is beside it is a smaller one. */
	real3[3] = fmt->make_leaf(0x80000000ULL, HOLM_PG_1G, RWX, true);
	KUNIT_EXPECT_TRUE(test, svm_avic_view_fill(&view, fmt, root, 0xfe601000));
	KUNIT_EXPECT_EQ(test, walk(top, 0xfe601000, &access), 0x80000000ULL + 0x3e601000);
	KUNIT_EXPECT_TRUE(test, svm_avic_view_fill(&view, fmt, root, APIC_GPA + 0x5000));
	KUNIT_EXPECT_EQ(test, walk(top, APIC_GPA + 0x5000, &access), 0x80000000ULL + 0x3ee05000);
	KUNIT_EXPECT_EQ(test, access, (u32)RWX);
	KUNIT_EXPECT_EQ(test, walk(top, APIC_GPA, &access), 0x777000ULL);

	/* It went, and nobody has flushed yet. */
	real3[3] = 0;
	KUNIT_EXPECT_TRUE(test, svm_avic_view_fill(&view, fmt, root, 0xfe601000));
	KUNIT_EXPECT_EQ(test, walk(top, 0xfe601000, &access), 0ULL);
}

static struct kunit_case avic_cases[] = {
	KUNIT_CASE(avic_physical),
	KUNIT_CASE(avic_logical_index),
	KUNIT_CASE(avic_logical),
	KUNIT_CASE(avic_exit_ipi),
	KUNIT_CASE(avic_exit_access),
	KUNIT_CASE(avic_view),
	{}
};

struct kunit_suite holm_avic_suite = {
	.name = "holm-avic",
	.test_cases = avic_cases,
};
