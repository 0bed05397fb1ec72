// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two formats of second-level entries, bit by bit: expected values are put
 * together from SDM Vol. 3, "Formats of EPT Paging-Structure Entries", and APM
 * Vol. 2, "Page Translation Tables".
 */
#include "suites.h"
#include "test_mmu.h"

#define R	HOLM_ACCESS_READ
#define W	HOLM_ACCESS_WRITE
#define X	HOLM_ACCESS_FETCH

/* What a backend sets, put back after each test. */
struct format_state {
	struct holm_mmu_format ept, npt;
};

static int formats_init(struct kunit *test)
{
	struct format_state *state = kunit_kzalloc(test, sizeof(*state), GFP_KERNEL);

	if (!state)
		return -ENOMEM;
	state->ept = holm_format_ept;
	state->npt = holm_format_npt;
	test->priv = state;
	return 0;
}

static void formats_exit(struct kunit *test)
{
	struct format_state *state = test->priv;

	if (!state)
		return;
	holm_format_ept = state->ept;
	holm_format_npt = state->npt;
}

static const struct leaf_row {
	const char *name;
	struct holm_mmu_format *format;
	bool has_ad;
	u64 pa;
	int level;
	u32 access;
	bool dirty;
	u64 entry;
} leaf_rows[] = {
	{ "EPT 4K RWX", &holm_format_ept, true, 0x12345000, 1, R | W | X, false, 0x12345177 },
	{ "EPT 4K RWX dirty", &holm_format_ept, true, 0x12345000, 1, R | W | X, true, 0x12345377 },
	{ "EPT 4K RX", &holm_format_ept, true, 0x12345000, 1, R | X, false, 0x12345175 },
	{ "EPT 4K RW", &holm_format_ept, true, 0x12345000, 1, R | W, false, 0x12345173 },
	{ "EPT 4K R", &holm_format_ept, true, 0x12345000, 1, R, false, 0x12345171 },
	{ "EPT never W alone", &holm_format_ept, true, 0, 1, W, false, 0x173 },
	{ "EPT never X alone", &holm_format_ept, true, 0, 1, X, false, 0x175 },
	{ "EPT 2M", &holm_format_ept, true, 0x40200000, 2, R | W | X, false, 0x402001f7 },
	{ "EPT 1G", &holm_format_ept, true, 0x40000000, 3, R | W | X, true, 0x400003f7 },
	{ "EPT 4K without A/D", &holm_format_ept, false, 0x1000, 1, R | W | X, true, 0x1077 },
	{ "EPT 2M without A/D", &holm_format_ept, false, 0x200000, 2, R | X, true, 0x2000f5 },
	{ "EPT highest page", &holm_format_ept, true, 0xffffffffff000, 1, R, false,
	  0xffffffffff171 },
	{ "NPT 4K RWX", &holm_format_npt, true, 0x12345000, 1, R | W | X, false, 0x12345027 },
	{ "NPT 4K RWX dirty", &holm_format_npt, true, 0x12345000, 1, R | W | X, true, 0x12345067 },
	{ "NPT 4K RX", &holm_format_npt, true, 0x12345000, 1, R | X, false, 0x12345025 },
	{ "NPT 4K RW", &holm_format_npt, true, 0x12345000, 1, R | W, false, 0x8000000012345027 },
	{ "NPT 4K R", &holm_format_npt, true, 0x12345000, 1, R, false, 0x8000000012345025 },
	{ "NPT 2M", &holm_format_npt, true, 0x40200000, 2, R | W | X, false, 0x402000a7 },
	{ "NPT 1G", &holm_format_npt, true, 0x40000000, 3, R | W | X, true, 0x400000e7 },
	{ "NPT highest page", &holm_format_npt, true, 0xffffffffff000, 1, R | X, false,
	  0xffffffffff025 },
};

static void formats_leaves(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(leaf_rows); i++) {
		const struct leaf_row *row = &leaf_rows[i];
		const struct holm_mmu_format *fmt = row->format;
		u64 entry;

		row->format->has_ad = row->has_ad;
		entry = fmt->make_leaf(row->pa, row->level, row->access, row->dirty);
		/* With memory encryption the host's C-bit is in the address. */
		KUNIT_EXPECT_EQ_MSG(test, __sme_clr(entry), row->entry, "%s", row->name);
		KUNIT_EXPECT_TRUE_MSG(test, fmt->present(entry), "%s", row->name);
		KUNIT_EXPECT_TRUE_MSG(test, fmt->leaf(entry, row->level), "%s", row->name);
		KUNIT_EXPECT_EQ_MSG(test, fmt->pa(entry), row->pa, "%s", row->name);
		KUNIT_EXPECT_EQ_MSG(test, fmt->access(entry), row->access | R, "%s", row->name);
		KUNIT_EXPECT_TRUE_MSG(test, fmt->accessed(entry), "%s", row->name);
		KUNIT_EXPECT_EQ_MSG(test, fmt->dirty(entry), row->dirty || !row->has_ad,
				    "%s", row->name);
	}
}

static const struct change_row {
	const char *name;
	struct holm_mmu_format *format;
	u64 (*const *change)(u64 entry);
	u64 before, after;
} change_rows[] = {
	{ "EPT clear accessed", &holm_format_ept, &holm_format_ept.clear_accessed, 0x1377, 0x1277 },
	{ "EPT clear dirty", &holm_format_ept, &holm_format_ept.clear_dirty, 0x1377, 0x1177 },
	{ "EPT write-protect", &holm_format_ept, &holm_format_ept.write_protect, 0x1377, 0x1375 },
	{ "NPT clear accessed", &holm_format_npt, &holm_format_npt.clear_accessed, 0x1067, 0x1047 },
	{ "NPT clear dirty", &holm_format_npt, &holm_format_npt.clear_dirty, 0x1067, 0x1027 },
	{ "NPT write-protect", &holm_format_npt, &holm_format_npt.write_protect, 0x1067, 0x1065 },
};

static void formats_changes(struct kunit *test)
{
	unsigned int i;

	holm_format_ept.has_ad = true;
	for (i = 0; i < ARRAY_SIZE(change_rows); i++) {
		const struct change_row *row = &change_rows[i];

		KUNIT_EXPECT_EQ_MSG(test, (*row->change)(row->before), row->after, "%s", row->name);
		/* A second time changes nothing. */
		KUNIT_EXPECT_EQ_MSG(test, (*row->change)(row->after), row->after, "%s", row->name);
	}
	KUNIT_EXPECT_FALSE(test, holm_format_ept.accessed(0x1277));
	KUNIT_EXPECT_FALSE(test, holm_format_ept.dirty(0x1177));
	KUNIT_EXPECT_FALSE(test, holm_format_npt.accessed(0x1047));
	KUNIT_EXPECT_FALSE(test, holm_format_npt.dirty(0x1027));
}

static void formats_tables(struct kunit *test)
{
	int level;

	KUNIT_EXPECT_EQ(test, holm_format_ept.make_table(0x5000), 0x5007ULL);
	KUNIT_EXPECT_EQ(test, __sme_clr(holm_format_npt.make_table(0x5000)), 0x5007ULL);
	for (level = HOLM_PG_2M; level <= HOLM_PG_256T; level++) {
		u64 ept = holm_format_ept.make_table(0x5000);
		u64 npt = holm_format_npt.make_table(0x5000);

		KUNIT_EXPECT_FALSE_MSG(test, holm_format_ept.leaf(ept, level), "level %d", level);
		KUNIT_EXPECT_FALSE_MSG(test, holm_format_npt.leaf(npt, level), "level %d", level);
		KUNIT_EXPECT_EQ(test, holm_format_ept.pa(ept), 0x5000ULL);
		KUNIT_EXPECT_EQ(test, holm_format_npt.pa(npt), 0x5000ULL);
	}
	KUNIT_EXPECT_FALSE(test, holm_format_ept.present(0));
	KUNIT_EXPECT_FALSE(test, holm_format_npt.present(0));
}

static struct kunit_case formats_cases[] = {
	KUNIT_CASE(formats_leaves),
	KUNIT_CASE(formats_changes),
	KUNIT_CASE(formats_tables),
	{}
};

struct kunit_suite holm_formats_suite = {
	.name = "holm-mmu-formats",
	.init = formats_init,
	.exit = formats_exit,
	.test_cases = formats_cases,
};
