// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page-table walker: random sequences against a model that knows each 4K
 * page by itself, and single operations at the edges.
 */
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/vmalloc.h>

#include "suites.h"
#include "test_mmu.h"

#define R	HOLM_ACCESS_READ
#define W	HOLM_ACCESS_WRITE
#define X	HOLM_ACCESS_FETCH

#define SIZE_2M	(2ULL << 20)
#define SIZE_1G	(1ULL << 30)
#define SIZE_512G (512ULL << 30)
#define LIMIT_48 (1ULL << 48)

static const struct walker_param {
	const char *name;
	struct holm_mmu_format *format;
	u8 levels;
	bool has_ad;
} walker_params[] = {
	{ "EPT", &holm_format_ept, 4, true },
	{ "EPT without accessed and dirty bits", &holm_format_ept, 4, false },
	{ "NPT", &holm_format_npt, 4, true },
	{ "NPT, 5 levels", &holm_format_npt, 5, true },
};

static void walker_param_name(const struct walker_param *param, char *name)
{
	strscpy(name, param->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(walker, walker_params, walker_param_name);

/**
 * struct walker_test - one test
 * @bare: the memory under test
 * @saved: the format as it was
 * @format: the format
 * @model: what each page of the window is
 * @rnd: random numbers
 */
struct walker_test {
	struct bare_vm *bare;
	struct holm_mmu_format saved;
	struct holm_mmu_format *format;
	u64 *model;
	struct rnd_state rnd;
};

static int walker_init(struct kunit *test)
{
	const struct walker_param *param = test->param_value;
	struct walker_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	if (!t)
		return -ENOMEM;
	t->format = param->format;
	t->saved = *param->format;
	t->format->levels = param->levels;
	t->format->has_ad = param->has_ad;
	t->format->max_leaf = HOLM_PG_1G;
	t->format->pml = false;
	t->format->nx_huge = false;
	t->bare = bare_vm_create(test, t->format, 48);
	test->priv = t;
	return 0;
}

static void walker_exit(struct kunit *test)
{
	struct walker_test *t = test->priv;

	if (!t)
		return;
	vfree(t->model);
	bare_vm_free(t->bare);
	*t->format = t->saved;
}

/* ---- the model ---------------------------------------------------------- */

/*
 * A window around the border between two level-4 entries, with one whole 1G
 * page in it. An element is 0, or the page's address with level and access in
 * the low bits.
 */
#define WIN_START	(SIZE_512G - SIZE_1G)
#define WIN_SIZE	(SIZE_1G + 32 * SIZE_2M)
#define WIN_PAGES	(WIN_SIZE >> PAGE_SHIFT)

#define MODEL_ACCESS	0x7ULL		/* HOLM_ACCESS_* */
#define MODEL_LEVEL(m)	(((m) >> 4) & 7)

static u64 model_make(u64 pa, int level, u32 access)
{
	return pa | level << 4 | access;
}

static u64 *model_at(struct walker_test *t, u64 gpa)
{
	return &t->model[(gpa - WIN_START) >> PAGE_SHIFT];
}

/* The address that the leaf around @gpa maps at its start, from its page's. */
static u64 model_leaf_pa(u64 m, u64 gpa)
{
	return (m & PAGE_MASK) - (gpa & (holm_pt_size(MODEL_LEVEL(m)) - 1) & PAGE_MASK);
}

static void model_fill(struct walker_test *t, u64 start, int level, int as_level, u64 pa, u32 access)
{
	u64 off;

	for (off = 0; off < holm_pt_size(level); off += PAGE_SIZE)
		*model_at(t, start + off) = model_make(pa + off, as_level, access);
}

/* Break up leaves larger than @level around @gpa. */
static void model_split(struct walker_test *t, u64 gpa, int level)
{
	u64 m;

	while ((m = *model_at(t, gpa)) && MODEL_LEVEL(m) > level) {
		u64 start = gpa & ~(holm_pt_size(MODEL_LEVEL(m)) - 1);

		model_fill(t, start, MODEL_LEVEL(m), MODEL_LEVEL(m) - 1, model_leaf_pa(m, gpa),
			   m & MODEL_ACCESS);
		/* The siblings stay at the level between. */
	}
}

static void model_map(struct walker_test *t, u64 gpa, int level, u64 pa, u32 access)
{
	u64 m;

	model_split(t, gpa, level);
	m = *model_at(t, gpa);
	if (m && MODEL_LEVEL(m) == level && model_leaf_pa(m, gpa) == pa)
		access |= m & MODEL_ACCESS;
	model_fill(t, gpa & ~(holm_pt_size(level) - 1), level, level, pa, access | R);
}

/* Call fn for each leaf that touches [start, end). */
static void model_for_leaves(struct walker_test *t, u64 start, u64 end,
			     void (*fn)(struct walker_test *t, u64 leaf, int level))
{
	u64 gpa = start;

	while (gpa < end) {
		u64 m = *model_at(t, gpa);
		int level = m ? MODEL_LEVEL(m) : HOLM_PG_4K;

		gpa &= ~(holm_pt_size(level) - 1);
		if (m)
			fn(t, gpa, level);
		gpa += holm_pt_size(level);
	}
}

static void model_clear_leaf(struct walker_test *t, u64 leaf, int level)
{
	memset(model_at(t, leaf), 0, (holm_pt_size(level) >> PAGE_SHIFT) * sizeof(u64));
}

static void model_protect_leaf(struct walker_test *t, u64 leaf, int level)
{
	u64 off;

	for (off = 0; off < holm_pt_size(level); off += PAGE_SIZE)
		*model_at(t, leaf + off) &= ~(u64)W;
}

static void model_zap_tables(struct walker_test *t, u64 start, u64 end)
{
	u64 gpa;

	for (gpa = ALIGN(start, SIZE_2M); gpa + SIZE_2M <= end; gpa += SIZE_2M) {
		u64 m, off;

		for (off = 0; off < SIZE_2M; off += PAGE_SIZE) {
			m = *model_at(t, gpa + off);
			if (m && MODEL_LEVEL(m) == HOLM_PG_4K)
				*model_at(t, gpa + off) = 0;
		}
	}
}

/* ---- comparing ---------------------------------------------------------- */

/* One page: false, with a message, when tables and model differ. */
static bool walker_same(struct kunit *test, u64 gpa, u64 entry, int level)
{
	struct walker_test *t = test->priv;
	const struct holm_mmu_format *fmt = t->format;
	u64 m = *model_at(t, gpa), pa = 0;
	u32 access = 0;

	if (fmt->present(entry)) {
		pa = fmt->pa(entry) + (gpa & (holm_pt_size(level) - 1));
		access = fmt->access(entry);
	} else {
		level = 0;
	}
	if (m == (level ? model_make(pa, level, access) : 0))
		return true;
	KUNIT_FAIL(test, "gpa %#llx: expected pa %#llx level %llu access %llx, found pa %#llx level %d access %x",
		   gpa, m & PAGE_MASK, MODEL_LEVEL(m), m & MODEL_ACCESS, pa, level, access);
	return false;
}

static bool walker_check_page(struct kunit *test, u64 gpa)
{
	struct walker_test *t = test->priv;
	u64 entry;
	int level;

	if (gpa < WIN_START || gpa >= WIN_START + WIN_SIZE)
		return true;
	entry = bare_lookup(t->bare, gpa, &level);
	return walker_same(test, gpa & PAGE_MASK, entry, level);
}

/* All of the window, the counts, and nothing outside. */
static bool walker_check_all(struct kunit *test)
{
	struct walker_test *t = test->priv;
	struct holm_mmu *mmu = &t->bare->vm.mmu;
	unsigned long leaves[HOLM_PG_1G + 1] = {};
	u64 gpa = WIN_START, span_end = 0, entry = 0;
	int level = 0;

	for (; gpa < WIN_START + WIN_SIZE; gpa += PAGE_SIZE) {
		u64 m = *model_at(t, gpa);

		if (gpa >= span_end) {
			entry = bare_lookup(t->bare, gpa, &level);
			span_end = (gpa | (holm_pt_size(level) - 1)) + 1;
			cond_resched();
		}
		if (!walker_same(test, gpa, entry, level))
			return false;
		if (m && !(gpa & (holm_pt_size(MODEL_LEVEL(m)) - 1)))
			leaves[MODEL_LEVEL(m)]++;
	}
	for (level = HOLM_PG_4K; level <= HOLM_PG_1G; level++)
		KUNIT_EXPECT_EQ_MSG(test, mmu->nr_leaves[level], leaves[level], "level %d", level);

	entry = bare_lookup(t->bare, WIN_START - PAGE_SIZE, &level);
	KUNIT_EXPECT_FALSE(test, t->format->present(entry));
	entry = bare_lookup(t->bare, WIN_START + WIN_SIZE, &level);
	KUNIT_EXPECT_FALSE(test, t->format->present(entry));
	return true;
}

/* ---- random sequences --------------------------------------------------- */

static u32 walker_rnd(struct walker_test *t, u32 below)
{
	return prandom_u32_state(&t->rnd) % below;
}

/* A page of the window; half of the time in a corner where much happens. */
static u64 walker_rnd_gpa(struct walker_test *t)
{
	u32 border = (SIZE_512G - WIN_START) >> PAGE_SHIFT;
	u32 page = walker_rnd(t, 2) ? border - 1024 + walker_rnd(t, 2048) :
				      walker_rnd(t, WIN_PAGES);

	return WIN_START + ((u64)page << PAGE_SHIFT);
}

/* A range of the window: pages, 2M, or anything. */
static void walker_rnd_range(struct walker_test *t, u64 *start, u64 *end)
{
	u64 size;

	*start = walker_rnd_gpa(t);
	switch (walker_rnd(t, 8)) {
	case 0:
		size = (u64)(1 + walker_rnd(t, WIN_PAGES)) << PAGE_SHIFT;
		break;
	case 1:
	case 2:
		*start &= ~(SIZE_2M - 1);
		size = (1 + walker_rnd(t, 4)) * SIZE_2M;
		break;
	default:
		size = (u64)(1 + walker_rnd(t, 600)) << PAGE_SHIFT;
	}
	*end = min(*start + size, WIN_START + WIN_SIZE);
}

static bool walker_step_map(struct kunit *test)
{
	static const u64 deltas[] = { 0, SIZE_1G * 3, SIZE_1G * 64 };
	struct walker_test *t = test->priv;
	struct holm_pt_leaf leaf = {
		.gpa = walker_rnd_gpa(t),
		.access = R | walker_rnd(t, 8),
		.dirty = walker_rnd(t, 2),
	};
	u32 kind = walker_rnd(t, 32);
	u64 size;

	leaf.level = kind == 0 ? HOLM_PG_1G : kind < 10 ? HOLM_PG_2M : HOLM_PG_4K;
	if (leaf.level == HOLM_PG_1G)
		leaf.gpa = WIN_START + walker_rnd(t, SIZE_1G >> PAGE_SHIFT) * PAGE_SIZE;
	size = holm_pt_size(leaf.level);
	leaf.pa = leaf.gpa + deltas[walker_rnd(t, ARRAY_SIZE(deltas))];
	if (leaf.level == HOLM_PG_4K && !walker_rnd(t, 4))
		leaf.pa += walker_rnd(t, 64) << PAGE_SHIFT;

	if (bare_map(t->bare, &leaf)) {
		KUNIT_FAIL(test, "no memory for a table");
		return false;
	}
	model_map(t, leaf.gpa, leaf.level, leaf.pa & ~(size - 1), leaf.access);
	return walker_check_page(test, leaf.gpa) &&
	       walker_check_page(test, (leaf.gpa & ~(size - 1)) - PAGE_SIZE) &&
	       walker_check_page(test, (leaf.gpa & ~(size - 1)) + size - PAGE_SIZE) &&
	       walker_check_page(test, (leaf.gpa & ~(size - 1)) + size);
}

static bool walker_step_split(struct kunit *test)
{
	struct walker_test *t = test->priv;
	int level = HOLM_PG_4K + walker_rnd(t, 2);
	u64 gpa = walker_rnd_gpa(t);

	if (bare_split(t->bare, gpa, level)) {
		KUNIT_FAIL(test, "no memory for a table");
		return false;
	}
	model_split(t, gpa, level);
	return walker_check_page(test, gpa);
}

static bool walker_step_range(struct kunit *test)
{
	struct walker_test *t = test->priv;
	u32 yield = walker_rnd(t, 2) ? HOLM_PT_YIELD : 0;
	u64 start, end;

	walker_rnd_range(t, &start, &end);
	switch (walker_rnd(t, 4)) {
	case 0:
	case 1:
		bare_protect(t->bare, start, end, false, yield);
		model_for_leaves(t, start, end, model_protect_leaf);
		break;
	case 2:
		bare_zap(t->bare, start, end, yield);
		model_for_leaves(t, start, end, model_clear_leaf);
		break;
	case 3:
		bare_zap(t->bare, start, end, yield | HOLM_PT_TABLES);
		model_zap_tables(t, start, end);
		break;
	}
	return walker_check_page(test, start - PAGE_SIZE) && walker_check_page(test, start) &&
	       walker_check_page(test, end - PAGE_SIZE) && walker_check_page(test, end);
}

static void walker_random(struct kunit *test)
{
	struct walker_test *t = test->priv;
	struct holm_mmu *mmu = &t->bare->vm.mmu;
	u64 seed;

	t->model = vzalloc(WIN_PAGES * sizeof(u64));
	KUNIT_ASSERT_NOT_NULL(test, t->model);

	for (seed = 1; seed <= 3; seed++) {
		unsigned int i;

		prandom_seed_state(&t->rnd, seed);
		for (i = 1; i <= 600; i++) {
			u32 what = walker_rnd(t, 8);
			bool ok = what < 5 ? walker_step_map(test) :
				  what < 6 ? walker_step_split(test) : walker_step_range(test);

			if (ok && i % 150 == 0)
				ok = walker_check_all(test);
			if (!ok) {
				kunit_err(test, "seed %llu, step %u", seed, i);
				return;
			}
			cond_resched();
		}
		bare_zap(t->bare, 0, U64_MAX, HOLM_PT_YIELD);
		memset(t->model, 0, WIN_PAGES * sizeof(u64));
		if (!walker_check_all(test))
			return;
		/* Nothing but the roots is left. */
		KUNIT_EXPECT_EQ(test, mmu->nr_tables, (unsigned long)HOLM_MMU_ROOTS);
	}
}

/* ---- edges -------------------------------------------------------------- */

static const struct edge_row {
	const char *name;
	u64 gpa;
	int level;
} edge_rows[] = {
	{ "first page", 0, HOLM_PG_4K },
	{ "first 2M", 0, HOLM_PG_2M },
	{ "first 1G", 0, HOLM_PG_1G },
	{ "last 4K before 2M", SIZE_2M - PAGE_SIZE, HOLM_PG_4K },
	{ "first 4K behind 2M", SIZE_2M, HOLM_PG_4K },
	{ "last 4K before 1G", SIZE_1G - PAGE_SIZE, HOLM_PG_4K },
	{ "last 2M before 1G", SIZE_1G - SIZE_2M, HOLM_PG_2M },
	{ "first 2M behind 1G", SIZE_1G, HOLM_PG_2M },
	{ "last 4K before 512G", SIZE_512G - PAGE_SIZE, HOLM_PG_4K },
	{ "last 1G before 512G", SIZE_512G - SIZE_1G, HOLM_PG_1G },
	{ "first 1G behind 512G", SIZE_512G, HOLM_PG_1G },
	{ "last 4K of 48 bits", LIMIT_48 - PAGE_SIZE, HOLM_PG_4K },
	{ "last 2M of 48 bits", LIMIT_48 - SIZE_2M, HOLM_PG_2M },
	{ "last 1G of 48 bits", LIMIT_48 - SIZE_1G, HOLM_PG_1G },
};

static void walker_edges(struct kunit *test)
{
	struct walker_test *t = test->priv;
	const struct holm_mmu_format *fmt = t->format;
	struct holm_mmu *mmu = &t->bare->vm.mmu;
	unsigned int i;
	int level;

	for (i = 0; i < ARRAY_SIZE(edge_rows); i++) {
		const struct edge_row *row = &edge_rows[i];
		u64 size = holm_pt_size(row->level), last = row->gpa + size - PAGE_SIZE, entry;
		struct holm_pt_leaf leaf = {
			.gpa = last, .pa = 7 * SIZE_1G + (last & (SIZE_1G - 1)),
			.level = row->level, .access = R | W | X,
		};

		KUNIT_ASSERT_EQ_MSG(test, bare_map(t->bare, &leaf), 0, "%s", row->name);
		entry = bare_lookup(t->bare, row->gpa, &level);
		KUNIT_EXPECT_EQ_MSG(test, level, row->level, "%s", row->name);
		KUNIT_EXPECT_EQ_MSG(test, fmt->pa(entry),
				    7 * SIZE_1G + (row->gpa & (SIZE_1G - 1)), "%s", row->name);
		KUNIT_EXPECT_EQ_MSG(test, bare_lookup(t->bare, last, &level), entry,
				    "%s", row->name);
		if (row->gpa)
			KUNIT_EXPECT_FALSE_MSG(test, fmt->present(bare_lookup(t->bare,
					       row->gpa - PAGE_SIZE, &level)), "%s", row->name);
		if (row->gpa + size < LIMIT_48)
			KUNIT_EXPECT_FALSE_MSG(test, fmt->present(bare_lookup(t->bare,
					       row->gpa + size, &level)), "%s", row->name);
		KUNIT_EXPECT_EQ_MSG(test, mmu->nr_leaves[row->level], 1UL, "%s", row->name);

		/* Beside it, nothing is zapped; of it, one page is enough. */
		bare_zap(t->bare, row->gpa + size, U64_MAX, 0);
		bare_zap(t->bare, 0, row->gpa, 0);
		KUNIT_EXPECT_EQ_MSG(test, bare_lookup(t->bare, row->gpa, &level), entry,
				    "%s", row->name);
		bare_vm_flushed(t->bare);
		bare_zap(t->bare, last, last + PAGE_SIZE, 0);
		KUNIT_EXPECT_TRUE_MSG(test, bare_vm_flushed(t->bare), "%s", row->name);
		KUNIT_EXPECT_FALSE_MSG(test, fmt->present(bare_lookup(t->bare, row->gpa, &level)),
				       "%s", row->name);
		KUNIT_EXPECT_EQ_MSG(test, mmu->nr_leaves[row->level], 0UL, "%s", row->name);
		bare_zap(t->bare, 0, U64_MAX, 0);
		KUNIT_EXPECT_EQ_MSG(test, mmu->nr_tables, (unsigned long)HOLM_MMU_ROOTS,
				    "%s", row->name);
	}

	/* Behind the last address there is nothing to find. */
	KUNIT_EXPECT_EQ(test, bare_lookup(t->bare, holm_pt_limit(fmt), &level), 0ULL);
	KUNIT_EXPECT_EQ(test, bare_lookup(t->bare, U64_MAX - PAGE_SIZE, &level), 0ULL);
}

/* A shortage of pages is told exactly, and nothing is mapped before it ends. */
static void walker_shortage(struct kunit *test)
{
	struct walker_test *t = test->priv;
	struct holm_mmu *mmu = &t->bare->vm.mmu;
	struct holm_pt_leaf leaf = { .gpa = SIZE_1G, .pa = SIZE_1G, .access = R };
	unsigned int need;
	LIST_HEAD(detached);
	int level;

	for (leaf.level = HOLM_PG_1G; leaf.level >= HOLM_PG_4K; leaf.level--) {
		unsigned int tables = t->format->levels - leaf.level;

		spin_lock(&mmu->lock);
		need = holm_pt_map(mmu, HOLM_MMU_ROOT_GUEST, &leaf, &t->bare->cache, &detached);
		spin_unlock(&mmu->lock);
		KUNIT_EXPECT_EQ(test, need, tables);
		KUNIT_EXPECT_EQ(test, bare_lookup(t->bare, leaf.gpa, &level), 0ULL);

		KUNIT_ASSERT_EQ(test, holm_pt_cache_fill(&t->bare->cache, need), 0);
		spin_lock(&mmu->lock);
		need = holm_pt_map(mmu, HOLM_MMU_ROOT_GUEST, &leaf, &t->bare->cache, &detached);
		spin_unlock(&mmu->lock);
		KUNIT_EXPECT_EQ(test, need, 0U);
		KUNIT_EXPECT_EQ(test, t->bare->cache.nr, 0U);
		KUNIT_EXPECT_TRUE(test, t->format->present(bare_lookup(t->bare, leaf.gpa, &level)));
		KUNIT_EXPECT_EQ(test, level, leaf.level);
		KUNIT_EXPECT_EQ(test, mmu->nr_tables, (unsigned long)HOLM_MMU_ROOTS + tables);
		bare_zap(t->bare, 0, U64_MAX, 0);
	}
	KUNIT_EXPECT_TRUE(test, list_empty(&detached));
}

/* ---- rights, collapse, marks -------------------------------------------- */

static void walker_rights(struct kunit *test)
{
	struct walker_test *t = test->priv;
	const struct holm_mmu_format *fmt = t->format;
	struct holm_pt_leaf leaf = { .gpa = 0x5000, .pa = 0x5000, .level = HOLM_PG_4K };
	u32 access;
	int level;

	for (access = 0; access < 8; access++) {
		leaf.access = R | access;
		KUNIT_ASSERT_EQ(test, bare_map(t->bare, &leaf), 0);
		KUNIT_EXPECT_EQ(test, fmt->access(bare_lookup(t->bare, 0x5000, &level)), R | access);
		bare_zap(t->bare, 0x5000, 0x6000, 0);
	}

	/* Rights add up without a flush, and go with one. */
	leaf.access = R;
	KUNIT_ASSERT_EQ(test, bare_map(t->bare, &leaf), 0);
	bare_vm_flushed(t->bare);
	leaf.access = R | W;
	KUNIT_ASSERT_EQ(test, bare_map(t->bare, &leaf), 0);
	leaf.access = R | X;
	KUNIT_ASSERT_EQ(test, bare_map(t->bare, &leaf), 0);
	KUNIT_EXPECT_EQ(test, fmt->access(bare_lookup(t->bare, 0x5000, &level)), (u32)(R | W | X));
	KUNIT_EXPECT_FALSE(test, bare_vm_flushed(t->bare));

	KUNIT_EXPECT_TRUE(test, bare_protect(t->bare, 0, SIZE_2M, false, 0));
	KUNIT_EXPECT_FALSE(test, bare_protect(t->bare, 0, SIZE_2M, false, 0));
	KUNIT_EXPECT_TRUE(test, bare_vm_flushed(t->bare));
	KUNIT_EXPECT_EQ(test, fmt->access(bare_lookup(t->bare, 0x5000, &level)), (u32)(R | X));

	/* Another page in its place: flushed, and rights start anew. */
	leaf.pa = 0x9000;
	leaf.access = R;
	KUNIT_ASSERT_EQ(test, bare_map(t->bare, &leaf), 0);
	KUNIT_EXPECT_TRUE(test, bare_vm_flushed(t->bare));
	KUNIT_EXPECT_EQ(test, fmt->pa(bare_lookup(t->bare, 0x5000, &level)), 0x9000ULL);
	KUNIT_EXPECT_EQ(test, fmt->access(bare_lookup(t->bare, 0x5000, &level)), (u32)R);
}

static void walker_collapse(struct kunit *test)
{
	struct walker_test *t = test->priv;
	const struct holm_mmu_format *fmt = t->format;
	struct holm_mmu *mmu = &t->bare->vm.mmu;
	struct holm_pt_leaf small = { .level = HOLM_PG_4K, .access = R | W };
	struct holm_pt_leaf huge = { .gpa = SIZE_1G, .pa = SIZE_1G, .access = R | X };
	unsigned int i;
	int level;

	for (huge.level = HOLM_PG_2M; huge.level <= HOLM_PG_1G; huge.level++) {
		for (i = 0; i < 5; i++) {
			small.gpa = SIZE_1G + i * 3 * (huge.level == HOLM_PG_2M ? PAGE_SIZE : SIZE_2M);
			small.pa = small.gpa;
			KUNIT_ASSERT_EQ(test, bare_map(t->bare, &small), 0);
		}
		KUNIT_EXPECT_EQ(test, mmu->nr_leaves[HOLM_PG_4K], 5UL);

		/* With keep_tables the leaf is made below the table. */
		huge.keep_tables = true;
		KUNIT_ASSERT_EQ(test, bare_map(t->bare, &huge), 0);
		KUNIT_EXPECT_EQ(test, mmu->nr_leaves[huge.level], 0UL);
		KUNIT_EXPECT_EQ(test, fmt->access(bare_lookup(t->bare, SIZE_1G, &level)),
				(u32)(R | W | X));
		KUNIT_EXPECT_EQ(test, level, (int)HOLM_PG_4K);

		/* Without, it takes the table's place. */
		bare_vm_flushed(t->bare);
		huge.keep_tables = false;
		KUNIT_ASSERT_EQ(test, bare_map(t->bare, &huge), 0);
		KUNIT_EXPECT_TRUE(test, bare_vm_flushed(t->bare));
		KUNIT_EXPECT_EQ(test, fmt->access(bare_lookup(t->bare, SIZE_1G, &level)),
				(u32)(R | X));
		KUNIT_EXPECT_EQ(test, level, huge.level);
		KUNIT_EXPECT_EQ(test, mmu->nr_leaves[HOLM_PG_4K], 0UL);
		KUNIT_EXPECT_EQ(test, mmu->nr_leaves[huge.level], 1UL);
		KUNIT_EXPECT_EQ(test, mmu->nr_tables,
				(unsigned long)HOLM_MMU_ROOTS + fmt->levels - huge.level);
		bare_zap(t->bare, 0, U64_MAX, 0);
	}
}

/* Huge pages without execute, and what executing makes of them. */
static void walker_nx_huge(struct kunit *test)
{
	struct walker_test *t = test->priv;
	const struct holm_mmu_format *fmt = t->format;
	struct holm_pt_leaf huge = { .gpa = SIZE_2M, .pa = SIZE_2M, .level = HOLM_PG_2M,
				     .access = R | W | X, .keep_tables = true };
	struct holm_pt_leaf small = { .gpa = SIZE_2M + 0x3000, .pa = SIZE_2M + 0x3000,
				      .level = HOLM_PG_4K, .access = R | W | X,
				      .keep_tables = true };
	int level;

	t->format->nx_huge = true;
	KUNIT_ASSERT_EQ(test, bare_map(t->bare, &huge), 0);
	KUNIT_EXPECT_EQ(test, fmt->access(bare_lookup(t->bare, SIZE_2M, &level)), (u32)(R | W));
	KUNIT_EXPECT_EQ(test, level, (int)HOLM_PG_2M);

	KUNIT_ASSERT_EQ(test, bare_map(t->bare, &small), 0);
	KUNIT_EXPECT_EQ(test, fmt->access(bare_lookup(t->bare, small.gpa, &level)),
			(u32)(R | W | X));
	KUNIT_EXPECT_EQ(test, level, (int)HOLM_PG_4K);
	KUNIT_EXPECT_EQ(test, fmt->access(bare_lookup(t->bare, SIZE_2M, &level)), (u32)(R | W));
	KUNIT_EXPECT_EQ(test, level, (int)HOLM_PG_4K);
	KUNIT_EXPECT_EQ(test, t->bare->vm.mmu.nr_leaves[HOLM_PG_4K], 512UL);

	/* A data fault does not undo it. */
	KUNIT_ASSERT_EQ(test, bare_map(t->bare, &huge), 0);
	KUNIT_EXPECT_EQ(test, t->bare->vm.mmu.nr_leaves[HOLM_PG_2M], 0UL);
}

static void walker_age(struct kunit *test)
{
	struct walker_test *t = test->priv;
	const struct holm_mmu_format *fmt = t->format;
	struct holm_mmu *mmu = &t->bare->vm.mmu;
	struct holm_pt_leaf small = { .gpa = 0x7000, .pa = 0x7000, .level = HOLM_PG_4K,
				      .access = R | W };
	struct holm_pt_leaf huge = { .gpa = SIZE_1G, .pa = SIZE_1G, .level = HOLM_PG_2M,
				     .access = R | W };
	u64 entry;
	int level;

	KUNIT_ASSERT_EQ(test, bare_map(t->bare, &small), 0);
	KUNIT_ASSERT_EQ(test, bare_map(t->bare, &huge), 0);

	KUNIT_EXPECT_FALSE(test, bare_age(t->bare, 0x8000, 0x9000, true));
	KUNIT_EXPECT_TRUE(test, bare_age(t->bare, 0x7000, 0x8000, false));
	KUNIT_EXPECT_TRUE(test, bare_age(t->bare, 0x7000, 0x8000, true));
	KUNIT_EXPECT_FALSE(test, bare_age(t->bare, 0x7000, 0x8000, false));
	/* One page of a huge leaf stands for all of it. */
	KUNIT_EXPECT_TRUE(test, bare_age(t->bare, SIZE_1G + 0x5000, SIZE_1G + 0x6000, true));
	KUNIT_EXPECT_FALSE(test, bare_age(t->bare, SIZE_1G, SIZE_1G + SIZE_2M, true));

	entry = bare_lookup(t->bare, 0x7000, &level);
	if (fmt->has_ad) {
		KUNIT_EXPECT_EQ(test, fmt->access(entry), (u32)(R | W));
		KUNIT_EXPECT_EQ(test, mmu->nr_leaves[HOLM_PG_4K], 1UL);
	} else {
		/* Only a fault can tell of the next use. */
		KUNIT_EXPECT_FALSE(test, fmt->present(entry));
		KUNIT_EXPECT_EQ(test, mmu->nr_leaves[HOLM_PG_4K], 0UL);
		KUNIT_EXPECT_TRUE(test, bare_vm_flushed(t->bare));
	}
}

/* A split keeps what a leaf gives, with its marks. */
static void walker_split_marks(struct kunit *test)
{
	struct walker_test *t = test->priv;
	const struct holm_mmu_format *fmt = t->format;
	struct holm_mmu *mmu = &t->bare->vm.mmu;
	struct holm_pt_leaf huge = { .gpa = SIZE_1G, .pa = 5 * SIZE_1G, .level = HOLM_PG_1G,
				     .access = R | W };
	unsigned int marks;
	u64 entry, gpa = SIZE_1G + 300 * SIZE_2M + 77 * PAGE_SIZE;
	int level;

	for (marks = 0; marks < 4; marks++) {
		bool dirty = marks & 1, accessed = marks & 2;

		huge.dirty = dirty;
		KUNIT_ASSERT_EQ(test, bare_map(t->bare, &huge), 0);
		if (!accessed && fmt->has_ad)
			bare_age(t->bare, SIZE_1G, SIZE_1G + 1, true);
		bare_vm_flushed(t->bare);
		KUNIT_ASSERT_EQ(test, bare_split(t->bare, gpa, HOLM_PG_4K), 0);
		KUNIT_EXPECT_FALSE(test, bare_vm_flushed(t->bare));

		entry = bare_lookup(t->bare, gpa, &level);
		KUNIT_EXPECT_EQ(test, level, (int)HOLM_PG_4K);
		KUNIT_EXPECT_EQ(test, fmt->pa(entry), gpa + 4 * SIZE_1G);
		KUNIT_EXPECT_EQ(test, fmt->access(entry), (u32)(R | W));
		if (fmt->has_ad) {
			KUNIT_EXPECT_EQ(test, fmt->dirty(entry), dirty);
			KUNIT_EXPECT_EQ(test, fmt->accessed(entry), accessed);
		}
		entry = bare_lookup(t->bare, SIZE_1G, &level);
		KUNIT_EXPECT_EQ(test, level, (int)HOLM_PG_2M);
		KUNIT_EXPECT_EQ(test, mmu->nr_leaves[HOLM_PG_2M], 511UL);
		KUNIT_EXPECT_EQ(test, mmu->nr_leaves[HOLM_PG_4K], 512UL);
		bare_zap(t->bare, 0, U64_MAX, 0);
	}
}

/* PML: 4K pages lose their mark and stay writable, huge ones are protected. */
static void walker_pml(struct kunit *test)
{
	struct walker_test *t = test->priv;
	const struct holm_mmu_format *fmt = t->format;
	struct holm_pt_leaf small = { .gpa = 0x7000, .pa = 0x7000, .level = HOLM_PG_4K,
				      .access = R | W, .dirty = true };
	struct holm_pt_leaf huge = { .gpa = SIZE_1G, .pa = SIZE_1G, .level = HOLM_PG_2M,
				     .access = R | W, .dirty = true };
	int level;

	if (!fmt->has_ad)
		kunit_skip(test, "needs dirty bits");
	KUNIT_ASSERT_EQ(test, bare_map(t->bare, &small), 0);
	KUNIT_ASSERT_EQ(test, bare_map(t->bare, &huge), 0);

	KUNIT_EXPECT_TRUE(test, bare_protect(t->bare, 0, 2 * SIZE_1G, true, 0));
	KUNIT_EXPECT_FALSE(test, bare_protect(t->bare, 0, 2 * SIZE_1G, true, 0));
	KUNIT_EXPECT_EQ(test, fmt->access(bare_lookup(t->bare, 0x7000, &level)), (u32)(R | W));
	KUNIT_EXPECT_FALSE(test, fmt->dirty(bare_lookup(t->bare, 0x7000, &level)));
	KUNIT_EXPECT_EQ(test, fmt->access(bare_lookup(t->bare, SIZE_1G, &level)), (u32)R);
}

/* Tables are freed without the lock: what is in the tree meanwhile is not theirs. */
static void walker_free(struct kunit *test)
{
	struct walker_test *t = test->priv;
	struct holm_mmu *mmu = &t->bare->vm.mmu;
	struct holm_pt_leaf leaf = { .gpa = 0x7000, .pa = 0x7000, .level = HOLM_PG_4K,
				     .access = R };
	const u64 *last;
	LIST_HEAD(detached);

	KUNIT_ASSERT_EQ(test, bare_map(t->bare, &leaf), 0);
	spin_lock(&mmu->lock);
	holm_pt_zap(mmu, 0, U64_MAX, 0, &detached);
	last = mmu->roots[HOLM_MMU_ROOT_GUEST].last;
	spin_unlock(&mmu->lock);
	KUNIT_EXPECT_NULL(test, last);
	leaf.gpa = SIZE_1G;
	KUNIT_ASSERT_EQ(test, bare_map(t->bare, &leaf), 0);
	last = mmu->roots[HOLM_MMU_ROOT_GUEST].last;
	KUNIT_EXPECT_NOT_NULL(test, last);
	holm_pt_free(mmu, &detached, true);
	KUNIT_EXPECT_PTR_EQ(test, (const u64 *)mmu->roots[HOLM_MMU_ROOT_GUEST].last, last);
}

static struct kunit_case walker_cases[] = {
	KUNIT_CASE_PARAM(walker_edges, walker_gen_params),
	KUNIT_CASE_PARAM(walker_shortage, walker_gen_params),
	KUNIT_CASE_PARAM(walker_rights, walker_gen_params),
	KUNIT_CASE_PARAM(walker_collapse, walker_gen_params),
	KUNIT_CASE_PARAM(walker_nx_huge, walker_gen_params),
	KUNIT_CASE_PARAM(walker_age, walker_gen_params),
	KUNIT_CASE_PARAM(walker_split_marks, walker_gen_params),
	KUNIT_CASE_PARAM(walker_pml, walker_gen_params),
	KUNIT_CASE_PARAM(walker_free, walker_gen_params),
	KUNIT_CASE_PARAM(walker_random, walker_gen_params),
	{}
};

struct kunit_suite holm_walker_suite = {
	.name = "holm-mmu-walker",
	.init = walker_init,
	.exit = walker_exit,
	.test_cases = walker_cases,
};
