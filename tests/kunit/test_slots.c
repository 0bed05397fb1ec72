// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of slots: what HOLM_SET_SLOT takes and refuses, and that a change
 * takes away exactly the translations it must. The launcher's addresses are
 * plausible but not mapped: nothing here touches them.
 */
#include <linux/prandom.h>

#include "suites.h"
#include "test_mmu.h"

#define U	0x7f0000000000ULL	/* a launcher address, 1G-aligned */
#define MIB	(1ULL << 20)
#define GIB	(1ULL << 30)
#define PHYS_BITS 40
#define GPA_END	(1ULL << PHYS_BITS)
#define RO	HOLM_SLOT_READONLY
#define LOG	HOLM_SLOT_LOG_DIRTY

static int slots_init(struct kunit *test)
{
	test->priv = bare_vm_create(test, &holm_format_npt, PHYS_BITS);
	return 0;
}

static void slots_exit(struct kunit *test)
{
	if (test->priv)
		bare_vm_free(test->priv);
}

static int set(struct bare_vm *bare, u32 id, u32 flags, u64 gpa, u64 size, u64 uaddr)
{
	struct holm_slot arg = { id, flags, gpa, size, uaddr };

	return holm_slot_set(&bare->vm, &arg);
}

/* The number of the slot at @gpa, or -1. */
static int slot_at(struct bare_vm *bare, u64 gpa)
{
	struct holm_mmu *mmu = &bare->vm.mmu;
	const struct holm_memslot *slot;
	int idx, id;

	idx = srcu_read_lock(&mmu->srcu);
	slot = holm_slot_find(holm_slots(mmu), gpa);
	id = slot ? slot->id : -1;
	srcu_read_unlock(&mmu->srcu, idx);
	return id;
}

static bool slot_dirty(struct bare_vm *bare, u32 id, u64 page)
{
	const struct holm_memslot *slot;
	bool dirty;

	mutex_lock(&bare->vm.mmu.slots_lock);
	slot = holm_slots_locked(&bare->vm.mmu)->by_id[id];
	dirty = slot && slot->dirty && test_bit(page, slot->dirty);
	mutex_unlock(&bare->vm.mmu.slots_lock);
	return dirty;
}

/* Each row by itself, beside a slot 7 at [16M, 32M). */
static const struct check_row {
	const char *name;
	u32 id, flags;
	u64 gpa, size, uaddr;
	int err;
} check_rows[] = {
	{ "one page", 0, 0, 0, PAGE_SIZE, U, 0 },
	{ "all flags", 0, RO | LOG, 0, PAGE_SIZE, U, 0 },
	{ "highest number", HOLM_MAX_SLOTS - 1, 0, 0, PAGE_SIZE, U, 0 },
	{ "number too high", HOLM_MAX_SLOTS, 0, 0, PAGE_SIZE, U, -EINVAL },
	{ "number far too high", U32_MAX, 0, 0, PAGE_SIZE, U, -EINVAL },
	{ "unknown flag", 0, 4, 0, PAGE_SIZE, U, -EINVAL },
	{ "all unknown flags", 0, ~(RO | LOG), 0, PAGE_SIZE, U, -EINVAL },
	{ "unknown flag on removal", 7, 4, 0, 0, 0, -EINVAL },
	{ "gpa not aligned", 0, 0, 0x800, PAGE_SIZE, U, -EINVAL },
	{ "size not aligned", 0, 0, 0, PAGE_SIZE + 1, U, -EINVAL },
	{ "size below a page", 0, 0, 0, 1, U, -EINVAL },
	{ "uaddr not aligned", 0, 0, 0, PAGE_SIZE, U + 8, -EINVAL },
	{ "1 TiB", 0, 0, 32 * MIB, GPA_END - 32 * MIB, U - 16 * GPA_END, 0 },
	{ "last page", 0, 0, GPA_END - PAGE_SIZE, PAGE_SIZE, U, 0 },
	{ "gpa behind the end", 0, 0, GPA_END, PAGE_SIZE, U, -EINVAL },
	{ "end behind the end", 0, 0, GPA_END - PAGE_SIZE, 2 * PAGE_SIZE, U, -EINVAL },
	{ "gpa wraps", 0, 0, -PAGE_SIZE, 2 * PAGE_SIZE, U, -EINVAL },
	{ "gpa wraps to 0", 0, 0, -PAGE_SIZE, PAGE_SIZE, U, -EINVAL },
	{ "size wraps", 0, 0, 64 * MIB, -PAGE_SIZE, U, -EINVAL },
	{ "size is all", 0, 0, 0, -PAGE_SIZE, 0, -EINVAL },
	{ "too many pages", 0, 0, 0, (HOLM_SLOT_MAX_PAGES + 1) << PAGE_SHIFT, 0, -EINVAL },
	{ "uaddr wraps", 0, 0, 0, 2 * PAGE_SIZE, -PAGE_SIZE, -EINVAL },
	{ "uaddr of the kernel", 0, 0, 0, PAGE_SIZE, 0xffff888000000000ULL, -EINVAL },
	{ "uaddr not canonical", 0, 0, 0, PAGE_SIZE, 0x8000000000000000ULL, -EINVAL },
	{ "uaddr tagged", 0, 0, 0, PAGE_SIZE, U | 1ULL << 60, -EINVAL },
	{ "equal", 0, 0, 16 * MIB, 16 * MIB, U, -EEXIST },
	{ "inside", 0, 0, 20 * MIB, PAGE_SIZE, U, -EEXIST },
	{ "around", 0, 0, 8 * MIB, 64 * MIB, U, -EEXIST },
	{ "over the start", 0, 0, 15 * MIB, MIB + PAGE_SIZE, U, -EEXIST },
	{ "over the end", 0, 0, 32 * MIB - PAGE_SIZE, MIB, U, -EEXIST },
	{ "up to the start", 0, 0, 15 * MIB, MIB, U, 0 },
	{ "from the end", 0, 0, 32 * MIB, MIB, U, 0 },
	{ "the same memory twice", 0, 0, 64 * MIB, 16 * MIB, U + GIB, 0 },
	{ "remove nothing", 0, 0, 0, 0, 0, -ENOENT },
	{ "remove", 7, 0, 0, 0, 0, 0 },
	{ "no change", 7, 0, 16 * MIB, 16 * MIB, U + GIB, 0 },
	{ "change size", 7, 0, 16 * MIB, 8 * MIB, U + GIB, -EINVAL },
	{ "change uaddr", 7, 0, 16 * MIB, 16 * MIB, U, -EINVAL },
	{ "change flags", 7, RO | LOG, 16 * MIB, 16 * MIB, U + GIB, 0 },
	{ "move", 7, 0, 64 * MIB, 16 * MIB, U + GIB, 0 },
	{ "move onto itself", 7, 0, 24 * MIB, 16 * MIB, U + GIB, 0 },
};

/* What bitmaps of one VM may cost. */
static void slots_log_limit(struct kunit *test)
{
	struct bare_vm *bare = test->priv;

	bare->vm.mmu.log_max_pages = 3 * MIB >> PAGE_SHIFT;
	KUNIT_EXPECT_EQ(test, set(bare, 0, LOG, 0, 3 * MIB + PAGE_SIZE, U), -E2BIG);
	KUNIT_EXPECT_EQ(test, set(bare, 0, LOG, 0, 2 * MIB, U), 0);
	KUNIT_EXPECT_EQ(test, set(bare, 1, LOG, 16 * MIB, 2 * MIB, U), -E2BIG);
	KUNIT_EXPECT_EQ(test, slot_at(bare, 16 * MIB), -1);
	KUNIT_EXPECT_EQ(test, set(bare, 1, 0, 16 * MIB, 2 * MIB, U), 0);
	KUNIT_EXPECT_EQ(test, set(bare, 1, LOG, 16 * MIB, 2 * MIB, U), -E2BIG);
	KUNIT_EXPECT_EQ(test, slot_at(bare, 16 * MIB), 1);
	KUNIT_EXPECT_EQ(test, set(bare, 2, LOG, 32 * MIB, MIB, U), 0);
	/* A slot that logs may move, and what stops logging makes room. */
	KUNIT_EXPECT_EQ(test, set(bare, 0, LOG, 64 * MIB, 2 * MIB, U), 0);
	KUNIT_EXPECT_EQ(test, set(bare, 0, 0, 64 * MIB, 2 * MIB, U), 0);
	KUNIT_EXPECT_EQ(test, set(bare, 1, LOG, 16 * MIB, 2 * MIB, U), 0);
	KUNIT_EXPECT_EQ(test, set(bare, 1, 0, 0, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, set(bare, 3, LOG, 16 * MIB, 2 * MIB, U), 0);
}

static void slots_checks(struct kunit *test)
{
	struct bare_vm *bare = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(check_rows); i++) {
		const struct check_row *row = &check_rows[i];

		KUNIT_ASSERT_EQ(test, set(bare, 7, 0, 16 * MIB, 16 * MIB, U + GIB), 0);
		KUNIT_EXPECT_EQ_MSG(test, set(bare, row->id, row->flags, row->gpa, row->size,
					      row->uaddr), row->err, "%s", row->name);
		if (!row->err && row->size) {
			KUNIT_EXPECT_EQ_MSG(test, slot_at(bare, row->gpa), (int)row->id,
					    "%s", row->name);
			KUNIT_EXPECT_EQ_MSG(test, slot_at(bare, row->gpa + row->size - 1),
					    (int)row->id, "%s", row->name);
		}
		if (row->err)	/* and then nothing has changed */
			KUNIT_EXPECT_EQ_MSG(test, slot_at(bare, 16 * MIB), 7, "%s", row->name);
		if (row->id < HOLM_MAX_SLOTS)
			set(bare, row->id, 0, 0, 0, 0);
		set(bare, 7, 0, 0, 0, 0);
		KUNIT_EXPECT_EQ_MSG(test, slot_at(bare, row->gpa), -1, "%s", row->name);
	}
}

/* Moves onto another slot are refused. */
static void slots_move_overlap(struct kunit *test)
{
	struct bare_vm *bare = test->priv;

	KUNIT_ASSERT_EQ(test, set(bare, 0, 0, 0, MIB, U), 0);
	KUNIT_ASSERT_EQ(test, set(bare, 1, 0, 4 * MIB, MIB, U + MIB), 0);
	KUNIT_EXPECT_EQ(test, set(bare, 0, 0, 4 * MIB - PAGE_SIZE, MIB, U), -EEXIST);
	KUNIT_EXPECT_EQ(test, set(bare, 0, 0, 3 * MIB, MIB, U), 0);
	KUNIT_EXPECT_EQ(test, slot_at(bare, 0), -1);
	KUNIT_EXPECT_EQ(test, slot_at(bare, 4 * MIB - 1), 0);
	KUNIT_EXPECT_EQ(test, slot_at(bare, 4 * MIB), 1);
	KUNIT_EXPECT_EQ(test, set(bare, 0, 0, 5 * MIB, MIB, U), 0);
	KUNIT_EXPECT_EQ(test, slot_at(bare, 3 * MIB), -1);
	KUNIT_EXPECT_EQ(test, slot_at(bare, 5 * MIB), 0);
}

/* Every number at once, in an order of no order, with holes between. */
static void slots_many(struct kunit *test)
{
	struct bare_vm *bare = test->priv;
	struct rnd_state rnd;
	u32 i, id;

	prandom_seed_state(&rnd, 42);
	/* 389 is prime to the number of slots: each is visited once. */
	for (i = 0; i < HOLM_MAX_SLOTS; i++) {
		id = i * 389 % HOLM_MAX_SLOTS;
		KUNIT_ASSERT_EQ(test, set(bare, id, 0, id * 2 * MIB, MIB, U + id * MIB), 0);
	}
	for (i = 0; i < HOLM_MAX_SLOTS; i++) {
		u64 gpa = i * 2 * MIB;

		KUNIT_EXPECT_EQ(test, slot_at(bare, gpa), (int)i);
		KUNIT_EXPECT_EQ(test, slot_at(bare, gpa + MIB - 1), (int)i);
		KUNIT_EXPECT_EQ(test, slot_at(bare, gpa + MIB), -1);
		KUNIT_EXPECT_EQ(test, slot_at(bare, gpa + 2 * MIB - 1), -1);
	}
	/* Take half of them away again. */
	for (i = 0; i < HOLM_MAX_SLOTS; i += 2)
		KUNIT_ASSERT_EQ(test, set(bare, i, 0, 0, 0, 0), 0);
	for (i = 0; i < 2000; i++) {
		u64 gpa = prandom_u32_state(&rnd) % (HOLM_MAX_SLOTS * 2 * MIB);

		id = gpa / (2 * MIB);
		KUNIT_EXPECT_EQ_MSG(test, slot_at(bare, gpa),
				    (id & 1) && gpa % (2 * MIB) < MIB ? (int)id : -1, "gpa %#llx", gpa);
	}
}

/* ---- what changes do to translations ------------------------------------ */

/* Two huge pages and one table of small ones at 1G, all slot 3. */
static void slots_map(struct kunit *test, u32 flags)
{
	struct bare_vm *bare = test->priv;
	struct holm_pt_leaf leaf = { .level = HOLM_PG_2M, .access = 7, .dirty = true };
	unsigned int i;

	KUNIT_ASSERT_EQ(test, set(bare, 3, flags, GIB, 16 * MIB, U), 0);
	for (i = 0; i < 2; i++) {
		leaf.gpa = GIB + i * 2 * MIB;
		leaf.pa = leaf.gpa;
		KUNIT_ASSERT_EQ(test, bare_map(bare, &leaf), 0);
	}
	leaf.level = HOLM_PG_4K;
	for (i = 0; i < 8; i++) {
		leaf.gpa = GIB + 4 * MIB + i * PAGE_SIZE;
		leaf.pa = leaf.gpa;
		KUNIT_ASSERT_EQ(test, bare_map(bare, &leaf), 0);
	}
	/* Neighbours, which no change may touch. */
	for (i = 0; i < 2; i++) {
		leaf.gpa = i ? GIB + 16 * MIB : GIB - PAGE_SIZE;
		leaf.pa = leaf.gpa;
		KUNIT_ASSERT_EQ(test, bare_map(bare, &leaf), 0);
	}
	bare_vm_flushed(bare);
}

static u32 slots_access(struct bare_vm *bare, u64 gpa)
{
	int level;
	u64 entry = bare_lookup(bare, gpa, &level);

	return bare->vm.mmu.format->present(entry) ? bare->vm.mmu.format->access(entry) : 0;
}

static const struct effect_row {
	const char *name;
	u32 before, after;	/* flags */
	u64 gpa, size;		/* afterwards */
	u32 huge, small;	/* rights of the translations, 0: gone */
} effect_rows[] = {
	{ "remove", 0, 0, GIB, 0, 0, 0 },
	{ "move", 0, 0, 2 * GIB, 16 * MIB, 0, 0 },
	{ "move, logged", LOG, LOG, 2 * GIB, 16 * MIB, 0, 0 },
	{ "read-only on", 0, RO, GIB, 16 * MIB, 5, 5 },
	{ "read-only off", RO, 0, GIB, 16 * MIB, 7, 7 },
	{ "logging on", 0, LOG, GIB, 16 * MIB, 5, 5 },
	{ "logging off", LOG, 0, GIB, 16 * MIB, 7, 0 },
	{ "from read-only to logging", RO, LOG, GIB, 16 * MIB, 5, 5 },
	{ "from logging to read-only", LOG, RO, GIB, 16 * MIB, 5, 0 },
	{ "no change", LOG, LOG, GIB, 16 * MIB, 7, 7 },
};

static void slots_effects(struct kunit *test)
{
	struct bare_vm *bare = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(effect_rows); i++) {
		const struct effect_row *row = &effect_rows[i];
		bool less = row->huge != 7 || row->small != 7;

		slots_map(test, row->before);
		KUNIT_ASSERT_EQ_MSG(test, set(bare, 3, row->after, row->gpa, row->size, U), 0,
				    "%s", row->name);
		KUNIT_EXPECT_EQ_MSG(test, bare_vm_flushed(bare), less, "%s", row->name);
		KUNIT_EXPECT_EQ_MSG(test, slots_access(bare, GIB), row->huge, "%s", row->name);
		KUNIT_EXPECT_EQ_MSG(test, slots_access(bare, GIB + 2 * MIB), row->huge,
				    "%s", row->name);
		KUNIT_EXPECT_EQ_MSG(test, slots_access(bare, GIB + 4 * MIB), row->small,
				    "%s", row->name);
		KUNIT_EXPECT_EQ_MSG(test, slots_access(bare, GIB + 4 * MIB + 7 * PAGE_SIZE),
				    row->small, "%s", row->name);
		KUNIT_EXPECT_EQ_MSG(test, slots_access(bare, GIB - PAGE_SIZE), 7U, "%s", row->name);
		KUNIT_EXPECT_EQ_MSG(test, slots_access(bare, GIB + 16 * MIB), 7U, "%s", row->name);
		set(bare, 3, 0, 0, 0, 0);
		bare_zap(bare, 0, U64_MAX, 0);
	}
}

/* ---- dirty marks -------------------------------------------------------- */

static void slots_dirty(struct kunit *test)
{
	struct bare_vm *bare = test->priv;

	KUNIT_ASSERT_EQ(test, set(bare, 3, LOG, GIB, 65 * PAGE_SIZE, U), 0);
	KUNIT_ASSERT_EQ(test, set(bare, 4, 0, 2 * GIB, MIB, U + GIB), 0);

	holm_dirty_mark(&bare->vm, GIB);
	holm_dirty_mark(&bare->vm, GIB + 64 * PAGE_SIZE + 123);
	holm_dirty_mark(&bare->vm, GIB + 65 * PAGE_SIZE);	/* no slot */
	holm_dirty_mark(&bare->vm, 2 * GIB);			/* not logged */
	holm_dirty_mark(&bare->vm, U64_MAX);
	KUNIT_EXPECT_TRUE(test, slot_dirty(bare, 3, 0));
	KUNIT_EXPECT_FALSE(test, slot_dirty(bare, 3, 1));
	KUNIT_EXPECT_FALSE(test, slot_dirty(bare, 3, 63));
	KUNIT_EXPECT_TRUE(test, slot_dirty(bare, 3, 64));
	KUNIT_EXPECT_FALSE(test, slot_dirty(bare, 3, 65));

	/* They move along with the slot, and end with the logging. */
	KUNIT_ASSERT_EQ(test, set(bare, 3, LOG, 4 * GIB, 65 * PAGE_SIZE, U), 0);
	KUNIT_EXPECT_TRUE(test, slot_dirty(bare, 3, 64));
	KUNIT_ASSERT_EQ(test, set(bare, 3, LOG | RO, 4 * GIB, 65 * PAGE_SIZE, U), 0);
	KUNIT_EXPECT_TRUE(test, slot_dirty(bare, 3, 64));
	KUNIT_ASSERT_EQ(test, set(bare, 3, 0, 4 * GIB, 65 * PAGE_SIZE, U), 0);
	KUNIT_ASSERT_EQ(test, set(bare, 3, LOG, 4 * GIB, 65 * PAGE_SIZE, U), 0);
	KUNIT_EXPECT_FALSE(test, slot_dirty(bare, 3, 0));
	KUNIT_EXPECT_FALSE(test, slot_dirty(bare, 3, 64));
}

/* Slot 3 has 130 pages and a log, slot 4 has none. */
static const struct log_row {
	const char *name;
	u32 slot, flags;
	u64 first, num;
	int err;
} log_rows[] = {
	{ "number too high", HOLM_MAX_SLOTS, 0, 0, 64, -EINVAL },
	{ "flags", 3, 1, 0, 64, -EINVAL },
	{ "no slot", 5, 0, 0, 64, -ENOENT },
	{ "not logged", 4, 0, 0, 64, -ENOENT },
	{ "no page", 3, 0, 0, 0, -EINVAL },
	{ "first page not a multiple", 3, 0, 1, 64, -EINVAL },
	{ "first page behind the end", 3, 0, 192, 64, -EINVAL },
	{ "window not a multiple", 3, 0, 0, 65, -EINVAL },
	{ "window behind the end", 3, 0, 128, 64, -EINVAL },
	{ "window wraps", 3, 0, 64, -64ULL, -EINVAL },
	{ "no user memory", 3, 0, 0, 64, -EFAULT },
	{ "no user memory, to the end", 3, 0, 128, 2, -EFAULT },
};

static void slots_log_checks(struct kunit *test)
{
	struct bare_vm *bare = test->priv;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, set(bare, 3, LOG, GIB, 130 * PAGE_SIZE, U), 0);
	KUNIT_ASSERT_EQ(test, set(bare, 4, 0, 2 * GIB, MIB, U + GIB), 0);
	holm_dirty_mark(&bare->vm, GIB + 5 * PAGE_SIZE);
	holm_dirty_mark(&bare->vm, GIB + 129 * PAGE_SIZE);

	for (i = 0; i < ARRAY_SIZE(log_rows); i++) {
		const struct log_row *row = &log_rows[i];
		struct holm_dirty_log arg = {
			.slot = row->slot, .flags = row->flags, .first_page = row->first,
			.num_pages = row->num, .bitmap = 0xffff800000000000ULL,
		};

		KUNIT_EXPECT_EQ_MSG(test, holm_dirty_log_get(&bare->vm, &arg), row->err,
				    "%s", row->name);
		/* What could not be told is not forgotten. */
		KUNIT_EXPECT_TRUE_MSG(test, slot_dirty(bare, 3, 5), "%s", row->name);
		KUNIT_EXPECT_TRUE_MSG(test, slot_dirty(bare, 3, 129), "%s", row->name);
	}
}

static struct kunit_case slots_cases[] = {
	KUNIT_CASE(slots_log_limit),
	KUNIT_CASE(slots_checks),
	KUNIT_CASE(slots_move_overlap),
	KUNIT_CASE(slots_many),
	KUNIT_CASE(slots_effects),
	KUNIT_CASE(slots_dirty),
	KUNIT_CASE(slots_log_checks),
	{}
};

struct kunit_suite holm_slots_suite = {
	.name = "holm-slots",
	.init = slots_init,
	.exit = slots_exit,
	.test_cases = slots_cases,
};
