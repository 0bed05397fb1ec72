// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counting: the translations of a range by size, in pieces and whatever the range is
 * cut into, and what there is to say of slots.
 */
#include <linux/prandom.h>

#include "suites.h"
#include "test_mmu.h"

#define R	HOLM_ACCESS_READ
#define W	HOLM_ACCESS_WRITE
#define LOG	HOLM_SLOT_LOG_DIRTY

#define SIZE_2M	(2ULL << 20)
#define SIZE_1G	(1ULL << 30)
#define SIZE_512G (512ULL << 30)
#define LIMIT_48 (1ULL << 48)
#define U	0x7f0000000000ULL	/* a launcher address; nothing here touches it */

static const struct count_param {
	const char *name;
	struct holm_mmu_format *format;
	u8 levels;
} count_params[] = {
	{ "EPT", &holm_format_ept, 4 },
	{ "NPT", &holm_format_npt, 4 },
	{ "NPT, 5 levels", &holm_format_npt, 5 },
};

static void count_param_name(const struct count_param *param, char *name)
{
	strscpy(name, param->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(count, count_params, count_param_name);

struct count_test {
	struct bare_vm *bare;
	struct holm_mmu_format saved;
	struct holm_mmu_format *format;
};

static int count_init(struct kunit *test)
{
	const struct count_param *param = test->param_value ?: &count_params[1];
	struct count_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	if (!t)
		return -ENOMEM;
	t->format = param->format;
	t->saved = *param->format;
	t->format->levels = param->levels;
	t->format->max_leaf = HOLM_PG_1G;
	t->format->nx_huge = false;
	t->bare = bare_vm_create(test, t->format, 48);
	test->priv = t;
	return 0;
}

static void count_exit(struct kunit *test)
{
	struct count_test *t = test->priv;

	if (!t)
		return;
	bare_vm_free(t->bare);
	*t->format = t->saved;
}

/* One call. */
static u64 count_piece(struct count_test *t, u64 start, u64 end, u64 *leaves)
{
	struct holm_mmu *mmu = &t->bare->vm.mmu;

	spin_lock(&mmu->lock);
	start = holm_pt_count(mmu, HOLM_MMU_ROOT_GUEST, start, end, leaves);
	spin_unlock(&mmu->lock);
	return start;
}

/* All of a range. Return: how many calls that took. */
static unsigned int count_range(struct count_test *t, u64 start, u64 end, u64 *leaves)
{
	unsigned int calls = 0;

	while (start < end && calls < 100000) {
		start = count_piece(t, start, end, leaves);
		calls++;
	}
	return calls;
}

static int count_map(struct count_test *t, u64 gpa, int level)
{
	struct holm_pt_leaf leaf = { .gpa = gpa, .pa = gpa, .level = level, .access = R | W };

	return bare_map(t->bare, &leaf);
}

static void expect_leaves(struct kunit *test, u64 start, u64 end, u64 n4k, u64 n2m, u64 n1g)
{
	struct count_test *t = test->priv;
	u64 leaves[HOLM_PG_1G + 1] = {};

	count_range(t, start, end, leaves);
	KUNIT_EXPECT_EQ_MSG(test, leaves[HOLM_PG_4K], n4k, "4K in [%llx, %llx)", start, end);
	KUNIT_EXPECT_EQ_MSG(test, leaves[HOLM_PG_2M], n2m, "2M in [%llx, %llx)", start, end);
	KUNIT_EXPECT_EQ_MSG(test, leaves[HOLM_PG_1G], n1g, "1G in [%llx, %llx)", start, end);
	KUNIT_EXPECT_EQ(test, leaves[0], 0ULL);
}

/* ---- the tables ------------------------------------------------------------------ */

static void count_levels(struct kunit *test)
{
	struct count_test *t = test->priv;
	struct holm_mmu *mmu = &t->bare->vm.mmu;
	static const struct {
		u64 gpa;
		int level;
	} maps[] = {
		{ 0, HOLM_PG_4K },
		{ 0x7000, HOLM_PG_4K },
		{ SIZE_2M - PAGE_SIZE, HOLM_PG_4K },
		{ SIZE_2M, HOLM_PG_2M },
		{ 3 * SIZE_2M, HOLM_PG_2M },
		{ SIZE_1G - PAGE_SIZE, HOLM_PG_4K },
		{ SIZE_1G, HOLM_PG_1G },
		{ 5 * SIZE_1G + SIZE_2M, HOLM_PG_2M },
		{ SIZE_512G - SIZE_1G, HOLM_PG_1G },
		{ SIZE_512G, HOLM_PG_1G },
		{ SIZE_512G + SIZE_1G, HOLM_PG_4K },
		{ LIMIT_48 - SIZE_1G, HOLM_PG_2M },
		{ LIMIT_48 - PAGE_SIZE, HOLM_PG_4K },
	};
	unsigned int i;

	expect_leaves(test, 0, LIMIT_48, 0, 0, 0);
	for (i = 0; i < ARRAY_SIZE(maps); i++)
		KUNIT_ASSERT_EQ(test, count_map(t, maps[i].gpa, maps[i].level), 0);

	expect_leaves(test, 0, LIMIT_48, 6, 4, 3);
	KUNIT_EXPECT_EQ(test, mmu->nr_leaves[HOLM_PG_4K], 6UL);
	KUNIT_EXPECT_EQ(test, mmu->nr_leaves[HOLM_PG_2M], 4UL);
	KUNIT_EXPECT_EQ(test, mmu->nr_leaves[HOLM_PG_1G], 3UL);
	/* What no table can translate is not there. */
	expect_leaves(test, 0, U64_MAX, 6, 4, 3);
	expect_leaves(test, holm_pt_limit(t->format), U64_MAX, 0, 0, 0);
	/* Nothing, and ranges with nothing in them. */
	expect_leaves(test, 0, 0, 0, 0, 0);
	expect_leaves(test, PAGE_SIZE, 0x7000, 0, 0, 0);
	expect_leaves(test, 2 * SIZE_1G, 5 * SIZE_1G, 0, 0, 0);
	expect_leaves(test, 2 * SIZE_512G, LIMIT_48 - SIZE_1G, 0, 0, 0);
	/* Borders. */
	expect_leaves(test, 0, PAGE_SIZE, 1, 0, 0);
	expect_leaves(test, 0, 0x7000, 1, 0, 0);
	expect_leaves(test, 0, 0x8000, 2, 0, 0);
	expect_leaves(test, 0, SIZE_2M, 3, 0, 0);
	expect_leaves(test, SIZE_2M, SIZE_1G, 1, 2, 0);
	expect_leaves(test, SIZE_1G, 2 * SIZE_1G, 0, 0, 1);
	expect_leaves(test, SIZE_512G - SIZE_1G, SIZE_512G + 2 * SIZE_1G, 1, 0, 2);
	expect_leaves(test, LIMIT_48 - PAGE_SIZE, LIMIT_48, 1, 0, 0);

	/* A leaf that is split counts as what it was split into. */
	KUNIT_ASSERT_EQ(test, bare_split(t->bare, SIZE_1G + 0x3000, HOLM_PG_4K), 0);
	expect_leaves(test, SIZE_1G, 2 * SIZE_1G, 512, 511, 0);
	bare_zap(t->bare, SIZE_1G, SIZE_1G + 5 * PAGE_SIZE, 0);
	expect_leaves(test, SIZE_1G, 2 * SIZE_1G, 507, 511, 0);
	bare_zap(t->bare, 0, U64_MAX, 0);
	expect_leaves(test, 0, U64_MAX, 0, 0, 0);
}

/* Ranges that begin or end inside of a leaf: it counts where it begins. */
static void count_inside(struct kunit *test)
{
	struct count_test *t = test->priv;

	KUNIT_ASSERT_EQ(test, count_map(t, SIZE_2M, HOLM_PG_2M), 0);
	KUNIT_ASSERT_EQ(test, count_map(t, SIZE_1G, HOLM_PG_1G), 0);
	expect_leaves(test, SIZE_2M, SIZE_2M + 1, 0, 1, 0);
	expect_leaves(test, 0, SIZE_2M + PAGE_SIZE, 0, 1, 0);
	expect_leaves(test, SIZE_2M + PAGE_SIZE, 2 * SIZE_2M, 0, 0, 0);
	expect_leaves(test, SIZE_2M + PAGE_SIZE, SIZE_2M + 2 * PAGE_SIZE, 0, 0, 0);
	expect_leaves(test, SIZE_2M + 1, SIZE_1G + 1, 0, 0, 1);
	expect_leaves(test, SIZE_1G - PAGE_SIZE, SIZE_1G + PAGE_SIZE, 0, 0, 1);
	expect_leaves(test, SIZE_1G + SIZE_2M, 2 * SIZE_1G, 0, 0, 0);
	expect_leaves(test, SIZE_1G + SIZE_2M, 3 * SIZE_1G, 0, 0, 0);
	expect_leaves(test, 2 * SIZE_1G - PAGE_SIZE, 3 * SIZE_1G, 0, 0, 0);
}

/* One call does not go through much, and what has no tables is nothing. */
static void count_bounded(struct kunit *test)
{
	struct count_test *t = test->priv;
	u64 leaves[HOLM_PG_1G + 1] = {}, gpa;

	KUNIT_EXPECT_EQ(test, count_range(t, 0, LIMIT_48, leaves), 1U);
	KUNIT_ASSERT_EQ(test, count_map(t, LIMIT_48 - PAGE_SIZE, HOLM_PG_4K), 0);
	/* Three more tables, of which one entry each is used: not many calls. */
	KUNIT_EXPECT_LE(test, count_range(t, 0, LIMIT_48, leaves), 3U);
	KUNIT_EXPECT_EQ(test, leaves[HOLM_PG_4K], 1ULL);

	for (gpa = 0; gpa < 8 * SIZE_2M; gpa += PAGE_SIZE)
		KUNIT_ASSERT_EQ(test, count_map(t, gpa, HOLM_PG_4K), 0);
	leaves[HOLM_PG_4K] = 0;
	gpa = count_piece(t, 0, 8 * SIZE_2M, leaves);
	KUNIT_EXPECT_GT(test, gpa, 0ULL);
	KUNIT_EXPECT_LT(test, gpa, 4 * SIZE_2M);
	KUNIT_EXPECT_EQ(test, leaves[HOLM_PG_4K], gpa >> PAGE_SHIFT);
	KUNIT_EXPECT_GE(test, count_range(t, gpa, 8 * SIZE_2M, leaves), 3U);
	KUNIT_EXPECT_EQ(test, leaves[HOLM_PG_4K], 8ULL * 512);
}

/* Between two calls the pages become one: no address counts twice. */
static void count_collapse(struct kunit *test)
{
	struct count_test *t = test->priv;
	u64 leaves[HOLM_PG_1G + 1] = {}, gpa, at;

	for (gpa = SIZE_1G; gpa < SIZE_1G + 4 * SIZE_2M; gpa += PAGE_SIZE)
		KUNIT_ASSERT_EQ(test, count_map(t, gpa, HOLM_PG_4K), 0);
	at = count_piece(t, SIZE_1G, 2 * SIZE_1G, leaves);
	KUNIT_ASSERT_GT(test, at, SIZE_1G);
	KUNIT_ASSERT_LT(test, at, SIZE_1G + 4 * SIZE_2M);
	gpa = leaves[HOLM_PG_4K];
	KUNIT_ASSERT_EQ(test, count_map(t, SIZE_1G, HOLM_PG_1G), 0);
	KUNIT_EXPECT_EQ(test, count_range(t, at, 2 * SIZE_1G, leaves), 1U);
	KUNIT_EXPECT_EQ(test, leaves[HOLM_PG_4K], gpa);
	KUNIT_EXPECT_EQ(test, leaves[HOLM_PG_1G], 0ULL);

	/* And the other way round: what is broken up behind it counts. */
	memset(leaves, 0, sizeof(leaves));
	KUNIT_ASSERT_EQ(test, bare_split(t->bare, at, HOLM_PG_4K), 0);
	count_range(t, at, 2 * SIZE_1G, leaves);
	KUNIT_EXPECT_EQ(test, leaves[HOLM_PG_1G], 0ULL);
	KUNIT_EXPECT_GT(test, leaves[HOLM_PG_2M], 500ULL);
}

/* However a range is cut, its parts make the whole. */
static void count_cuts(struct kunit *test)
{
	struct count_test *t = test->priv;
	const struct holm_mmu *mmu = &t->bare->vm.mmu;
	const u64 base = SIZE_512G - 2 * SIZE_1G, size = 4 * SIZE_1G;
	struct rnd_state rnd;
	unsigned int i, round;

	prandom_seed_state(&rnd, 0x636f756e74);
	for (i = 0; i < 400; i++) {
		u64 gpa = base + (u64)prandom_u32_state(&rnd) % (size >> PAGE_SHIFT) * PAGE_SIZE;
		int level = prandom_u32_state(&rnd) % 40 ? 1 + prandom_u32_state(&rnd) % 2 : 3;

		gpa &= ~(holm_pt_size(level) - 1);
		KUNIT_ASSERT_EQ(test, count_map(t, gpa, level), 0);
	}
	for (round = 0; round < 50; round++) {
		u64 leaves[HOLM_PG_1G + 1] = {}, at = 0, to;

		while (at < 2 * SIZE_512G) {
			to = at + 1 + (u64)prandom_u32_state(&rnd) * (1 + round);
			if (at < base && to < base)
				to = base + prandom_u32_state(&rnd) % SIZE_2M;
			if (to > base + size)
				to = 2 * SIZE_512G;
			count_range(t, at, to, leaves);
			at = to;
		}
		for (i = HOLM_PG_4K; i <= HOLM_PG_1G; i++)
			KUNIT_ASSERT_EQ_MSG(test, leaves[i], (u64)mmu->nr_leaves[i],
					    "level %u, round %u", i, round);
	}
}

/* ---- slots ------------------------------------------------------------------------- */

static int set(struct bare_vm *bare, u32 id, u32 flags, u64 gpa, u64 size)
{
	struct holm_slot arg = { id, flags, gpa, size, U };

	return holm_slot_set(&bare->vm, &arg);
}

static void count_numbers(struct kunit *test)
{
	struct count_test *t = test->priv;
	struct holm_mmu *mmu = &t->bare->vm.mmu;
	struct holm_slot slot;

	KUNIT_EXPECT_FALSE(test, holm_slot_next(mmu, 0, &slot));
	KUNIT_EXPECT_FALSE(test, holm_slots_logged(mmu));
	KUNIT_ASSERT_EQ(test, set(t->bare, 3, 0, SIZE_1G, SIZE_2M), 0);
	KUNIT_ASSERT_EQ(test, set(t->bare, HOLM_MAX_SLOTS - 1, LOG, 0, SIZE_2M), 0);

	KUNIT_EXPECT_TRUE(test, holm_slots_logged(mmu));
	KUNIT_ASSERT_TRUE(test, holm_slot_next(mmu, 0, &slot));
	KUNIT_EXPECT_EQ(test, slot.slot, 3U);
	KUNIT_EXPECT_EQ(test, slot.gpa, SIZE_1G);
	KUNIT_EXPECT_EQ(test, slot.size, SIZE_2M);
	KUNIT_EXPECT_EQ(test, slot.flags, 0U);
	KUNIT_ASSERT_TRUE(test, holm_slot_next(mmu, 3, &slot));
	KUNIT_EXPECT_EQ(test, slot.slot, 3U);
	KUNIT_ASSERT_TRUE(test, holm_slot_next(mmu, 4, &slot));
	KUNIT_EXPECT_EQ(test, slot.slot, HOLM_MAX_SLOTS - 1U);
	KUNIT_EXPECT_EQ(test, slot.flags, (u32)LOG);
	KUNIT_EXPECT_TRUE(test, holm_slot_next(mmu, HOLM_MAX_SLOTS - 1, &slot));
	KUNIT_EXPECT_FALSE(test, holm_slot_next(mmu, HOLM_MAX_SLOTS, &slot));
	KUNIT_EXPECT_FALSE(test, holm_slot_next(mmu, U32_MAX, &slot));

	KUNIT_ASSERT_EQ(test, set(t->bare, 3, 0, 0, 0), 0);
	KUNIT_ASSERT_TRUE(test, holm_slot_next(mmu, 0, &slot));
	KUNIT_EXPECT_EQ(test, slot.slot, HOLM_MAX_SLOTS - 1U);
	KUNIT_ASSERT_EQ(test, set(t->bare, HOLM_MAX_SLOTS - 1, 0, 0, SIZE_2M), 0);
	KUNIT_EXPECT_FALSE(test, holm_slots_logged(mmu));
}

static void count_slot(struct kunit *test)
{
	struct count_test *t = test->priv;
	struct holm_mmu *mmu = &t->bare->vm.mmu;
	/* More than is counted at once, and a part of a word at its end. */
	const u64 size = 2 * SIZE_1G + 3 * PAGE_SIZE, gpa = SIZE_1G;
	static const u64 dirty[] = { 0, 63, 64, 262143, 262144, 524287, 524288, 524290 };
	struct holm_slot_count count;
	struct holm_slot slot, gone;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, set(t->bare, 1, LOG, gpa, size), 0);
	KUNIT_ASSERT_EQ(test, set(t->bare, 2, 0, gpa + size, SIZE_2M), 0);
	KUNIT_ASSERT_TRUE(test, holm_slot_next(mmu, 1, &slot));
	KUNIT_EXPECT_EQ(test, holm_slot_count(mmu, &slot, &count), 0);
	KUNIT_EXPECT_TRUE(test, count.logged);
	KUNIT_EXPECT_EQ(test, count.dirty, 0ULL);
	KUNIT_EXPECT_EQ(test, count.pages[HOLM_PG_4K], 0ULL);

	for (i = 0; i < ARRAY_SIZE(dirty); i++) {
		holm_dirty_mark(&t->bare->vm, gpa + dirty[i] * PAGE_SIZE);
		KUNIT_ASSERT_EQ(test, count_map(t, gpa + dirty[i] * PAGE_SIZE, HOLM_PG_4K), 0);
	}
	/* Beside it. */
	holm_dirty_mark(&t->bare->vm, gpa + size);
	KUNIT_ASSERT_EQ(test, count_map(t, gpa + size, HOLM_PG_4K), 0);
	KUNIT_ASSERT_EQ(test, count_map(t, gpa - PAGE_SIZE, HOLM_PG_4K), 0);
	KUNIT_ASSERT_EQ(test, count_map(t, gpa + 2 * SIZE_2M, HOLM_PG_2M), 0);
	KUNIT_EXPECT_EQ(test, holm_slot_count(mmu, &slot, &count), 0);
	KUNIT_EXPECT_EQ(test, count.dirty, (u64)ARRAY_SIZE(dirty));
	KUNIT_EXPECT_EQ(test, count.pages[HOLM_PG_4K], (u64)ARRAY_SIZE(dirty));
	KUNIT_EXPECT_EQ(test, count.pages[HOLM_PG_2M], 1ULL);
	KUNIT_EXPECT_EQ(test, count.pages[HOLM_PG_1G], 0ULL);

	gone = slot;
	KUNIT_ASSERT_TRUE(test, holm_slot_next(mmu, 2, &slot));
	KUNIT_EXPECT_EQ(test, holm_slot_count(mmu, &slot, &count), 0);
	KUNIT_EXPECT_FALSE(test, count.logged);
	KUNIT_EXPECT_EQ(test, count.dirty, 0ULL);
	KUNIT_EXPECT_EQ(test, count.pages[HOLM_PG_4K], 1ULL);

	/* It is removed while it is counted. */
	KUNIT_ASSERT_EQ(test, set(t->bare, 1, 0, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, holm_slot_count(mmu, &gone, &count), 0);
	KUNIT_EXPECT_FALSE(test, count.logged);
	KUNIT_EXPECT_EQ(test, count.dirty, 0ULL);
	KUNIT_EXPECT_EQ(test, count.pages[HOLM_PG_4K], 0ULL);
}

static struct kunit_case count_cases[] = {
	KUNIT_CASE_PARAM(count_levels, count_gen_params),
	KUNIT_CASE_PARAM(count_inside, count_gen_params),
	KUNIT_CASE_PARAM(count_bounded, count_gen_params),
	KUNIT_CASE_PARAM(count_collapse, count_gen_params),
	KUNIT_CASE_PARAM(count_cuts, count_gen_params),
	KUNIT_CASE(count_numbers),
	KUNIT_CASE(count_slot),
	{}
};

struct kunit_suite holm_count_suite = {
	.name = "holm-mmu-count",
	.init = count_init,
	.exit = count_exit,
	.test_cases = count_cases,
};
