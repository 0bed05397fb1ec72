// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults, the notifier, dirty logging and access to guest memory, on real user
 * memory: what is mapped is compared with the launcher's own page tables.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/pfn.h>
#include <linux/prandom.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/uaccess.h>

#include "../../kmod/mmu/notifier.h"
#include "../../kmod/mmu/slots.h"
#include "../../kmod/mmu/walker.h"
#include "env.h"

#define R	HOLM_ACCESS_READ
#define W	HOLM_ACCESS_WRITE
#define X	HOLM_ACCESS_FETCH
#define RO	HOLM_SLOT_READONLY
#define LOG	HOLM_SLOT_LOG_DIRTY
#define SIZE_2M	(2UL << 20)
#define SIZE_1G	(1UL << 30)

/**
 * struct fault_test - one test
 * @env: the VM, with slot 0 at 0
 * @saved: the format as it was
 */
struct fault_test {
	struct holm_env env;
	struct holm_mmu_format saved;
};

static int fault_init(struct kunit *test)
{
	test->priv = kunit_kzalloc(test, sizeof(struct fault_test), GFP_KERNEL);
	return test->priv ? 0 : -ENOMEM;
}

/* Run @body with a VM; the address space is borrowed for just as long. */
static void fault_run(struct kunit *test, void (*body)(struct kunit *test, struct holm_env *env))
{
	struct fault_test *t = test->priv;
	int err;

	t->saved = holm_format_npt;
	holm_format_npt.max_leaf = HOLM_PG_1G;
	holm_env_enter(test, &t->env);
	err = holm_env_create(&t->env);
	KUNIT_EXPECT_EQ(test, err, 0);
	if (!err)
		body(test, &t->env);
	holm_env_leave(&t->env);
	holm_format_npt = t->saved;
}

#define FAULT_CASE(name)							\
static void name##_body(struct kunit *test, struct holm_env *env);		\
static void name(struct kunit *test)						\
{										\
	fault_run(test, name##_body);						\
}										\
static void name##_body(struct kunit *test, struct holm_env *env)

static int fault(struct holm_env *env, u64 gpa, u32 access)
{
	struct holm_fault arg = { .gpa = gpa, .access = access };

	return holm_mmu_fault(env->vcpu, &arg);
}

static int set(struct holm_env *env, u32 id, u32 flags, u64 gpa, u64 size, u64 uaddr)
{
	struct holm_slot arg = { id, flags, gpa, size, uaddr };

	return holm_slot_set(env->vm, &arg);
}

/* The page at @gpa: rights (0: none), and where it is. */
static u32 lookup(struct holm_env *env, u64 gpa, u64 *pa, int *level)
{
	struct holm_mmu *mmu = &env->vm->mmu;
	u64 entry;

	spin_lock(&mmu->lock);
	entry = holm_pt_lookup(mmu, HOLM_MMU_ROOT_GUEST, gpa, level);
	spin_unlock(&mmu->lock);
	*pa = 0;
	if (!mmu->format->present(entry))
		return 0;
	*pa = mmu->format->pa(entry) + (gpa & (holm_pt_size(*level) - 1) & PAGE_MASK);
	return mmu->format->access(entry);
}

static u32 rights(struct holm_env *env, u64 gpa)
{
	int level;
	u64 pa;

	return lookup(env, gpa, &pa, &level);
}

static int level_of(struct holm_env *env, u64 gpa)
{
	int level;
	u64 pa;

	return lookup(env, gpa, &pa, &level) ? level : 0;
}

/* What the launcher's own page tables have at @addr, or 0. */
static u64 host_pa(unsigned long addr)
{
	struct page *page;
	u64 pa;

	if (get_user_pages_unlocked(addr, 1, &page, FOLL_NOFAULT) != 1)
		return 0;
	pa = PFN_PHYS(page_to_pfn(page));
	put_page(page);
	return pa;
}

static u64 guest_pa(struct holm_env *env, u64 gpa)
{
	int level;
	u64 pa;

	lookup(env, gpa, &pa, &level);
	return pa;
}

static bool host_dirty(unsigned long addr)
{
	struct page *page;
	bool dirty;

	if (!get_user_page_fast_only(addr, 0, &page))
		return false;
	dirty = PageDirty(page);
	put_page(page);
	return dirty;
}

static void range_init(struct mmu_notifier_range *range, unsigned long start, unsigned long end)
{
	*range = (struct mmu_notifier_range) {
		.mm = current->mm, .start = start, .end = end,
		.flags = MMU_NOTIFIER_RANGE_BLOCKABLE, .event = MMU_NOTIFY_CLEAR,
	};
}

static int touch(unsigned long addr)
{
	return put_user(0x5a, (u8 __user *)addr);
}

/* ---- faults ------------------------------------------------------------- */

FAULT_CASE(fault_write_first)
{
	KUNIT_EXPECT_EQ(test, rights(env, 0x3000), 0U);
	KUNIT_EXPECT_EQ(test, fault(env, 0x3123, W), 0);
	KUNIT_EXPECT_EQ(test, rights(env, 0x3000), (u32)(R | W | X));
	KUNIT_EXPECT_NE(test, guest_pa(env, 0x3000), 0ULL);
	KUNIT_EXPECT_EQ(test, guest_pa(env, 0x3000), host_pa(env->ram + 0x3000));
	KUNIT_EXPECT_TRUE(test, host_dirty(env->ram + 0x3000));
	KUNIT_EXPECT_EQ(test, rights(env, 0x2000), 0U);
	KUNIT_EXPECT_EQ(test, rights(env, 0x4000), 0U);
	/* Once more: another vCPU was faster. */
	KUNIT_EXPECT_EQ(test, fault(env, 0x3fff, W), 0);
	KUNIT_EXPECT_EQ(test, env->vm->mmu.nr_leaves[HOLM_PG_4K], 1UL);
}

/* The zero page must not be written: reading maps it without, a write copies. */
FAULT_CASE(fault_read_first)
{
	u64 zero;

	KUNIT_EXPECT_EQ(test, fault(env, 0x3000, R), 0);
	KUNIT_EXPECT_EQ(test, rights(env, 0x3000), (u32)(R | X));
	zero = guest_pa(env, 0x3000);
	KUNIT_EXPECT_EQ(test, zero, host_pa(env->ram + 0x3000));
	KUNIT_EXPECT_EQ(test, fault(env, 0x3000, W), 0);
	KUNIT_EXPECT_EQ(test, rights(env, 0x3000), (u32)(R | W | X));
	KUNIT_EXPECT_NE(test, guest_pa(env, 0x3000), zero);
	KUNIT_EXPECT_EQ(test, guest_pa(env, 0x3000), host_pa(env->ram + 0x3000));

	/* The launcher's write does the same, by way of the notifier. */
	KUNIT_EXPECT_EQ(test, fault(env, 0x5000, X), 0);
	KUNIT_EXPECT_EQ(test, guest_pa(env, 0x5000), zero);
	KUNIT_EXPECT_EQ(test, touch(env->ram + 0x5000), 0);
	KUNIT_EXPECT_NE(test, guest_pa(env, 0x5000), zero);

	/* What the launcher has written may be written. */
	KUNIT_EXPECT_EQ(test, touch(env->ram + 0x7000), 0);
	KUNIT_EXPECT_EQ(test, fault(env, 0x7000, R), 0);
	KUNIT_EXPECT_EQ(test, rights(env, 0x7000), (u32)(R | W | X));
}

FAULT_CASE(fault_mmio)
{
	KUNIT_EXPECT_EQ(test, fault(env, ENV_RAM, R), 1);
	KUNIT_EXPECT_EQ(test, fault(env, ENV_RAM - 1, R), 0);
	KUNIT_EXPECT_EQ(test, fault(env, 0xfee00000, W), 1);
	KUNIT_EXPECT_EQ(test, fault(env, U64_MAX, R), 1);
	KUNIT_EXPECT_EQ(test, fault(env, 1ULL << 63, X), 1);

	KUNIT_EXPECT_EQ(test, touch(env->ram), 0);
	KUNIT_EXPECT_EQ(test, set(env, 0, RO, 0, ENV_RAM, env->ram), 0);
	KUNIT_EXPECT_EQ(test, fault(env, 0, W), 1);
	KUNIT_EXPECT_EQ(test, rights(env, 0), 0U);
	KUNIT_EXPECT_EQ(test, fault(env, 0, R), 0);
	KUNIT_EXPECT_EQ(test, rights(env, 0), (u32)(R | X));
	KUNIT_EXPECT_EQ(test, fault(env, 0, W), 1);
}

/* Memory that the launcher does not have, or that is no memory. */
FAULT_CASE(fault_no_memory)
{
	unsigned long hole, fixed;

	hole = vm_mmap(NULL, 0, SIZE_2M, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, 0);
	KUNIT_EXPECT_EQ(test, set(env, 1, 0, SIZE_1G, SIZE_2M, hole), 0);
	KUNIT_EXPECT_EQ(test, fault(env, SIZE_1G, R), 0);
	/* Read-only for the launcher is an error, not MMIO. */
	KUNIT_EXPECT_EQ(test, fault(env, SIZE_1G, W), -EFAULT);
	vm_munmap(hole, SIZE_2M);
	KUNIT_EXPECT_EQ(test, rights(env, SIZE_1G), 0U);
	KUNIT_EXPECT_EQ(test, fault(env, SIZE_1G, R), -EFAULT);
	KUNIT_EXPECT_EQ(test, fault(env, SIZE_1G, W), -EFAULT);

	fixed = vm_mmap(NULL, hole, SIZE_2M, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0);
	KUNIT_EXPECT_EQ(test, fixed, hole);
	KUNIT_EXPECT_EQ(test, fault(env, SIZE_1G, R), -EFAULT);
	vm_munmap(hole, SIZE_2M);
	KUNIT_EXPECT_EQ(test, env->vm->mmu.nr_leaves[HOLM_PG_4K], 0UL);
}

/* A thread of another address space has no business here. */
FAULT_CASE(fault_other_mm)
{
	struct mm_struct *mm = current->mm;
	u32 word = 0;
	int err[4];

	kthread_unuse_mm(mm);
	err[0] = fault(env, 0, R);
	err[1] = holm_guest_read(env->vm, 0, &word, sizeof(word));
	err[2] = holm_guest_write(env->vm, 0, &word, sizeof(word));
	err[3] = holm_guest_read_atomic(env->vm, 0, &word, sizeof(word));
	kthread_use_mm(mm);
	KUNIT_EXPECT_EQ(test, err[0], -EFAULT);
	KUNIT_EXPECT_EQ(test, err[1], -EFAULT);
	KUNIT_EXPECT_EQ(test, err[2], -EFAULT);
	KUNIT_EXPECT_EQ(test, err[3], -EFAULT);
}

/* ---- the notifier ------------------------------------------------------- */

/*
 * Around a hole the kernel announces up to 2M more than it unmaps (it asks for
 * huge pages there to be split): pages farther off than that must stay.
 */
FAULT_CASE(fault_munmap)
{
	static const u32 pages[] = { 4, 5, 6, 3, 0, 518, 700, 1023 };
	struct holm_mmu *mmu = &env->vm->mmu;
	unsigned long addr;
	unsigned int i;

	/* The same memory twice in guest-physical memory. */
	KUNIT_EXPECT_EQ(test, set(env, 1, 0, SIZE_1G, ENV_RAM, env->ram), 0);
	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		u64 gpa = (u64)pages[i] << PAGE_SHIFT;

		KUNIT_EXPECT_EQ(test, fault(env, gpa, W), 0);
		KUNIT_EXPECT_EQ(test, fault(env, SIZE_1G + gpa, R), 0);
		KUNIT_EXPECT_EQ(test, guest_pa(env, gpa), guest_pa(env, SIZE_1G + gpa));
	}
	KUNIT_EXPECT_EQ(test, mmu->nr_leaves[HOLM_PG_4K], 2UL * ARRAY_SIZE(pages));

	vm_munmap(env->ram + 4 * PAGE_SIZE, 2 * PAGE_SIZE);
	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		u64 gpa = (u64)pages[i] << PAGE_SHIFT;
		u32 want = R | W | X;

		if (pages[i] == 4 || pages[i] == 5)
			want = 0;
		else if (pages[i] < 518)
			continue;
		KUNIT_EXPECT_EQ_MSG(test, rights(env, gpa), want, "gpa %#llx", gpa);
		KUNIT_EXPECT_EQ_MSG(test, rights(env, SIZE_1G + gpa), want, "gpa %#llx", gpa);
	}
	KUNIT_EXPECT_EQ(test, fault(env, 4 * PAGE_SIZE, R), -EFAULT);
	KUNIT_EXPECT_EQ(test, mmu->invalidate_in_progress, 0UL);

	/* New memory in the same place is another page. */
	addr = vm_mmap(NULL, env->ram, ENV_RAM, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0);
	KUNIT_EXPECT_EQ(test, addr, env->ram);
	KUNIT_EXPECT_EQ(test, mmu->nr_leaves[HOLM_PG_4K], 0UL);
	KUNIT_EXPECT_EQ(test, fault(env, 4 * PAGE_SIZE, W), 0);
	KUNIT_EXPECT_EQ(test, guest_pa(env, 4 * PAGE_SIZE), host_pa(env->ram + 4 * PAGE_SIZE));
}

/* A fault whose page was got before an invalidation does not map it after. */
FAULT_CASE(fault_seq)
{
	struct holm_mmu *mmu = &env->vm->mmu;
	struct mmu_notifier_range range;
	const struct mmu_notifier_ops *ops = mmu->notifier.ops;
	unsigned long seq = mmu->invalidate_seq;

	range_init(&range, env->ram, env->ram + PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, fault(env, 0, W), 0);
	KUNIT_EXPECT_EQ(test, fault(env, PAGE_SIZE, W), 0);
	KUNIT_EXPECT_EQ(test, ops->invalidate_range_start(&mmu->notifier, &range), 0);
	KUNIT_EXPECT_EQ(test, mmu->invalidate_in_progress, 1UL);
	KUNIT_EXPECT_EQ(test, rights(env, 0), 0U);
	KUNIT_EXPECT_EQ(test, rights(env, PAGE_SIZE), (u32)(R | W | X));
	/* Beside the range faults go on; in it one would wait for the end. */
	KUNIT_EXPECT_EQ(test, fault(env, 2 * PAGE_SIZE, W), 0);
	ops->invalidate_range_end(&mmu->notifier, &range);
	KUNIT_EXPECT_EQ(test, mmu->invalidate_in_progress, 0UL);
	KUNIT_EXPECT_NE(test, mmu->invalidate_seq, seq);
	KUNIT_EXPECT_EQ(test, fault(env, 0, W), 0);

	/* Not blockable, and ends that are no page's. */
	range.flags = 0;
	range.start += 1;
	KUNIT_EXPECT_EQ(test, ops->invalidate_range_start(&mmu->notifier, &range), 0);
	ops->invalidate_range_end(&mmu->notifier, &range);
	KUNIT_EXPECT_EQ(test, rights(env, 0), 0U);
	KUNIT_EXPECT_EQ(test, rights(env, PAGE_SIZE), (u32)(R | W | X));
}

FAULT_CASE(fault_young)
{
	struct holm_mmu *mmu = &env->vm->mmu;
	const struct mmu_notifier_ops *ops = mmu->notifier.ops;
	struct mmu_notifier *mn = &mmu->notifier;
	struct mm_struct *mm = current->mm;
	unsigned long at = env->ram + 0x6000;

	KUNIT_EXPECT_EQ(test, ops->test_young(mn, mm, at), 0);
	KUNIT_EXPECT_EQ(test, fault(env, 0x6000, W), 0);
	KUNIT_EXPECT_NE(test, ops->test_young(mn, mm, at), 0);
	KUNIT_EXPECT_EQ(test, ops->clear_young(mn, mm, at + PAGE_SIZE, at + 2 * PAGE_SIZE), 0);
	KUNIT_EXPECT_NE(test, ops->clear_young(mn, mm, at, at + PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, ops->test_young(mn, mm, at), 0);
	KUNIT_EXPECT_EQ(test, ops->clear_flush_young(mn, mm, at, at + PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, rights(env, 0x6000), (u32)(R | W | X));
}

/* ---- huge pages --------------------------------------------------------- */

/* 2M of a transparent huge page, 2M-aligned, or 0. */
static unsigned long huge_alloc(unsigned long *area)
{
	struct vm_area_struct *vma;
	unsigned long at;
	u64 pa;

	*area = vm_mmap(NULL, 0, 2 * SIZE_2M, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, 0);
	if (IS_ERR_VALUE(*area))
		return 0;
	at = ALIGN(*area, SIZE_2M);
	mmap_write_lock(current->mm);
	vma = find_vma(current->mm, at);
	if (vma)
		holm_vma_set_flags(vma, VM_HUGEPAGE);
	mmap_write_unlock(current->mm);

	/* Huge when one touch brings a page in at both ends, in one piece. */
	if (touch(at))
		return 0;
	pa = host_pa(at);
	if (!pa || pa & (SIZE_2M - 1) || host_pa(at + SIZE_2M - PAGE_SIZE) != pa + SIZE_2M - PAGE_SIZE)
		return 0;
	return at;
}

/* Slots over one huge page at 1G: what may be mapped by one entry. */
static const struct huge_row {
	const char *name;
	u64 gpa;		/* of the slot */
	unsigned long offset;	/* of the slot in the huge page */
	u64 size;
	u32 flags;
	u32 access;
	u32 level, rights;
} huge_rows[] = {
	{ "whole", SIZE_1G, 0, SIZE_2M, 0, W, HOLM_PG_2M, R | W | X },
	{ "whole, read", SIZE_1G, 0, SIZE_2M, 0, R, HOLM_PG_2M, R | W | X },
	{ "whole, read-only", SIZE_1G, 0, SIZE_2M, RO, R, HOLM_PG_2M, R | X },
	{ "logged, read", SIZE_1G, 0, SIZE_2M, LOG, R, HOLM_PG_2M, R | X },
	{ "logged, write", SIZE_1G, 0, SIZE_2M, LOG, W, HOLM_PG_4K, R | W | X },
	{ "not aligned", SIZE_1G, PAGE_SIZE, 2 * SIZE_2M, 0, W, HOLM_PG_4K, R | W | X },
	{ "too short", SIZE_1G, 0, SIZE_2M - PAGE_SIZE, 0, W, HOLM_PG_4K, R | W | X },
	{ "starts late", SIZE_1G + PAGE_SIZE, PAGE_SIZE, SIZE_2M - PAGE_SIZE, 0, W, HOLM_PG_4K,
	  R | W | X },
};

FAULT_CASE(fault_huge)
{
	unsigned long area, at = huge_alloc(&area);
	unsigned int i;

	if (!at) {
		vm_munmap(area, 2 * SIZE_2M);
		kunit_mark_skipped(test, "the kernel gave no transparent huge page");
		return;
	}
	for (i = 0; i < ARRAY_SIZE(huge_rows); i++) {
		const struct huge_row *row = &huge_rows[i];
		u64 gpa = row->gpa + 5 * PAGE_SIZE;

		KUNIT_EXPECT_EQ_MSG(test, set(env, 1, row->flags, row->gpa, row->size,
					      at + row->offset), 0, "%s", row->name);
		KUNIT_EXPECT_EQ_MSG(test, fault(env, gpa, row->access), 0, "%s", row->name);
		KUNIT_EXPECT_EQ_MSG(test, level_of(env, gpa), (int)row->level, "%s", row->name);
		KUNIT_EXPECT_EQ_MSG(test, rights(env, gpa), row->rights, "%s", row->name);
		KUNIT_EXPECT_EQ_MSG(test, guest_pa(env, gpa),
				    host_pa(at + row->offset + 5 * PAGE_SIZE), "%s", row->name);
		KUNIT_EXPECT_EQ_MSG(test, set(env, 1, 0, 0, 0, 0), 0, "%s", row->name);
		KUNIT_EXPECT_EQ_MSG(test, rights(env, gpa), 0U, "%s", row->name);
	}

	/* Smaller tables in the way are replaced. */
	holm_format_npt.max_leaf = HOLM_PG_4K;
	KUNIT_EXPECT_EQ(test, set(env, 1, 0, SIZE_1G, SIZE_2M, at), 0);
	KUNIT_EXPECT_EQ(test, fault(env, SIZE_1G, W), 0);
	KUNIT_EXPECT_EQ(test, level_of(env, SIZE_1G), (int)HOLM_PG_4K);
	holm_format_npt.max_leaf = HOLM_PG_2M;
	KUNIT_EXPECT_EQ(test, fault(env, SIZE_1G + 0x9000, W), 0);
	KUNIT_EXPECT_EQ(test, level_of(env, SIZE_1G), (int)HOLM_PG_2M);
	KUNIT_EXPECT_EQ(test, env->vm->mmu.nr_leaves[HOLM_PG_4K], 0UL);

	/* Logging breaks the page up where it is written, and only there. */
	KUNIT_EXPECT_EQ(test, set(env, 1, LOG, SIZE_1G, SIZE_2M, at), 0);
	KUNIT_EXPECT_EQ(test, level_of(env, SIZE_1G), (int)HOLM_PG_2M);
	KUNIT_EXPECT_EQ(test, rights(env, SIZE_1G), (u32)(R | X));
	KUNIT_EXPECT_EQ(test, fault(env, SIZE_1G + 0x9000, W), 0);
	KUNIT_EXPECT_EQ(test, level_of(env, SIZE_1G), (int)HOLM_PG_4K);
	KUNIT_EXPECT_EQ(test, rights(env, SIZE_1G), (u32)(R | X));
	KUNIT_EXPECT_EQ(test, rights(env, SIZE_1G + 0x9000), (u32)(R | W | X));
	KUNIT_EXPECT_EQ(test, env->vm->mmu.nr_leaves[HOLM_PG_4K], 512UL);
	/* Afterwards it comes back. */
	KUNIT_EXPECT_EQ(test, set(env, 1, 0, SIZE_1G, SIZE_2M, at), 0);
	KUNIT_EXPECT_EQ(test, fault(env, SIZE_1G, W), 0);
	KUNIT_EXPECT_EQ(test, level_of(env, SIZE_1G), (int)HOLM_PG_2M);

	/* The host splits its own huge page: so must the guest's be. */
	vm_munmap(at + 8 * PAGE_SIZE, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, rights(env, SIZE_1G + 8 * PAGE_SIZE), 0U);
	KUNIT_EXPECT_EQ(test, fault(env, SIZE_1G + 8 * PAGE_SIZE, R), -EFAULT);
	KUNIT_EXPECT_EQ(test, fault(env, SIZE_1G + 9 * PAGE_SIZE, W), 0);
	KUNIT_EXPECT_EQ(test, level_of(env, SIZE_1G + 9 * PAGE_SIZE), (int)HOLM_PG_4K);
	KUNIT_EXPECT_EQ(test, guest_pa(env, SIZE_1G + 9 * PAGE_SIZE), host_pa(at + 9 * PAGE_SIZE));
	vm_munmap(area, 2 * SIZE_2M);
}

/* ---- dirty logging ------------------------------------------------------ */

#define LOG_WORDS	(ENV_RAM / PAGE_SIZE / 64)

static int log_get(struct holm_env *env, u64 first, u64 num, u64 *words)
{
	struct holm_dirty_log arg = {
		.slot = 0, .first_page = first, .num_pages = num, .bitmap = env->scratch,
	};
	int err = holm_dirty_log_get(env->vm, &arg);

	if (!err && copy_from_user(words, (void __user *)env->scratch, DIV_ROUND_UP(num, 64) * 8))
		err = -EFAULT;
	return err;
}

FAULT_CASE(fault_dirty_log)
{
	static const u32 pages[] = { 0, 1, 63, 64, 65, 130, 511, 512, 1023 };
	u64 *words = kunit_kcalloc(test, LOG_WORDS, sizeof(u64), GFP_KERNEL);
	u64 *want = kunit_kcalloc(test, LOG_WORDS, sizeof(u64), GFP_KERNEL);
	unsigned int i, round;

	KUNIT_EXPECT_NOT_NULL(test, words);
	KUNIT_EXPECT_NOT_NULL(test, want);
	if (!words || !want)
		return;

	/* Written before logging began: not told, but told from then on. */
	KUNIT_EXPECT_EQ(test, fault(env, 7 * PAGE_SIZE, W), 0);
	KUNIT_EXPECT_EQ(test, set(env, 0, LOG, 0, ENV_RAM, env->ram), 0);
	KUNIT_EXPECT_EQ(test, rights(env, 7 * PAGE_SIZE), (u32)(R | X));

	for (round = 0; round < 3; round++) {
		for (i = 0; i < ARRAY_SIZE(pages); i++) {
			u64 gpa = (u64)pages[i] << PAGE_SHIFT;

			KUNIT_EXPECT_EQ(test, fault(env, gpa + 8, W), 0);
			KUNIT_EXPECT_EQ(test, rights(env, gpa), (u32)(R | W | X));
			/* Reading marks nothing. */
			if (gpa + 2 * PAGE_SIZE < ENV_RAM)
				KUNIT_EXPECT_EQ(test, fault(env, gpa + 2 * PAGE_SIZE, R), 0);
			want[pages[i] / 64] |= 1ULL << pages[i] % 64;
		}
		memset(words, 0xff, LOG_WORDS * 8);
		KUNIT_EXPECT_EQ(test, log_get(env, 0, ENV_RAM / PAGE_SIZE, words), 0);
		for (i = 0; i < LOG_WORDS; i++)
			KUNIT_EXPECT_EQ_MSG(test, words[i], want[i], "round %u, word %u", round, i);
		for (i = 0; i < ARRAY_SIZE(pages); i++)
			KUNIT_EXPECT_EQ(test, rights(env, (u64)pages[i] << PAGE_SHIFT), (u32)(R | X));
		/* And they are told once. */
		KUNIT_EXPECT_EQ(test, log_get(env, 0, ENV_RAM / PAGE_SIZE, words), 0);
		for (i = 0; i < LOG_WORDS; i++)
			KUNIT_EXPECT_EQ_MSG(test, words[i], 0ULL, "round %u, word %u", round, i);
	}

	/* A window takes nothing from beside it. */
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, fault(env, (63 + 64 * i) * PAGE_SIZE, W), 0);
	KUNIT_EXPECT_EQ(test, log_get(env, 64, 128, words), 0);
	KUNIT_EXPECT_EQ(test, words[0], 1ULL << 63);
	KUNIT_EXPECT_EQ(test, words[1], 1ULL << 63);
	KUNIT_EXPECT_EQ(test, rights(env, 63 * PAGE_SIZE), (u32)(R | W | X));
	KUNIT_EXPECT_EQ(test, rights(env, 127 * PAGE_SIZE), (u32)(R | X));
	KUNIT_EXPECT_EQ(test, rights(env, 191 * PAGE_SIZE), (u32)(R | X));
	KUNIT_EXPECT_EQ(test, rights(env, 255 * PAGE_SIZE), (u32)(R | W | X));
	KUNIT_EXPECT_EQ(test, log_get(env, 0, 256, words), 0);
	KUNIT_EXPECT_EQ(test, words[0], 1ULL << 63);
	KUNIT_EXPECT_EQ(test, words[1], 0ULL);
	KUNIT_EXPECT_EQ(test, words[2], 0ULL);
	KUNIT_EXPECT_EQ(test, words[3], 1ULL << 63);
}

/* ---- access ------------------------------------------------------------- */

FAULT_CASE(fault_access)
{
	static const char text[] = "across the border of two slots";
	char back[sizeof(text)];
	u64 border = ENV_RAM, at = border - 11, words[1];
	unsigned long other;

	other = vm_mmap(NULL, 0, SIZE_2M, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, 0);
	KUNIT_EXPECT_EQ(test, set(env, 0, LOG, 0, ENV_RAM, env->ram), 0);

	/* A hole behind slot 0. */
	KUNIT_EXPECT_EQ(test, holm_guest_write(env->vm, at, text, sizeof(text)), -EFAULT);
	KUNIT_EXPECT_EQ(test, holm_guest_read(env->vm, at, back, sizeof(back)), -EFAULT);
	KUNIT_EXPECT_EQ(test, holm_guest_read(env->vm, border, back, 1), -EFAULT);
	KUNIT_EXPECT_EQ(test, holm_guest_read(env->vm, U64_MAX, back, 2), -EFAULT);
	KUNIT_EXPECT_EQ(test, holm_guest_read(env->vm, border, back, 0), 0);

	KUNIT_EXPECT_EQ(test, set(env, 1, 0, border, SIZE_2M, other), 0);
	KUNIT_EXPECT_EQ(test, holm_guest_write(env->vm, at, text, sizeof(text)), 0);
	memset(back, 0, sizeof(back));
	KUNIT_EXPECT_EQ(test, holm_guest_read(env->vm, at, back, sizeof(back)), 0);
	KUNIT_EXPECT_EQ(test, memcmp(back, text, sizeof(text)), 0);
	memset(back, 0, sizeof(back));
	KUNIT_EXPECT_EQ(test, holm_guest_read_atomic(env->vm, at, back, sizeof(back)), 0);
	KUNIT_EXPECT_EQ(test, memcmp(back, text, sizeof(text)), 0);
	/* Not resident: no waiting for it. */
	KUNIT_EXPECT_EQ(test, holm_guest_read_atomic(env->vm, border + 0x10000, back, 1), -EFAULT);
	KUNIT_EXPECT_EQ(test, holm_guest_read(env->vm, border + 0x10000, back, 1), 0);
	KUNIT_EXPECT_EQ(test, back[0], 0);

	/* The driver's writes are logged like the guest's. */
	KUNIT_EXPECT_EQ(test, log_get(env, ENV_RAM / PAGE_SIZE - 64, 64, words), 0);
	KUNIT_EXPECT_EQ(test, words[0], 1ULL << 63);
	KUNIT_EXPECT_EQ(test, holm_guest_write(env->vm, 0x1fff, text, 2), 0);
	KUNIT_EXPECT_EQ(test, log_get(env, 0, 64, words), 0);
	KUNIT_EXPECT_EQ(test, words[0], 6ULL);

	KUNIT_EXPECT_EQ(test, set(env, 1, RO, border, SIZE_2M, other), 0);
	KUNIT_EXPECT_EQ(test, holm_guest_write(env->vm, border, text, 1), -EFAULT);
	KUNIT_EXPECT_EQ(test, holm_guest_read(env->vm, border, back, 1), 0);
	vm_munmap(other, SIZE_2M);
	KUNIT_EXPECT_EQ(test, holm_guest_read(env->vm, border, back, 1), -EFAULT);
}

/* ---- one thing in the middle of another --------------------------------- */

/* Something done by another thread of the launcher. */
struct helper {
	struct holm_env *env;
	struct mm_struct *mm;
	int (*fn)(struct holm_env *env);
	int ret;
	struct completion done;
	struct task_struct *thread;
};

static int helper_thread(void *data)
{
	struct helper *helper = data;

	kthread_use_mm(helper->mm);
	helper->ret = helper->fn(helper->env);
	kthread_unuse_mm(helper->mm);
	/* Not in the module's text when the other side goes on. */
	kthread_complete_and_exit(&helper->done, 0);
}

static bool helper_start(struct helper *helper, struct holm_env *env,
			 int (*fn)(struct holm_env *env))
{
	helper->env = env;
	helper->mm = current->mm;
	helper->fn = fn;
	helper->ret = -EINPROGRESS;
	init_completion(&helper->done);
	helper->thread = kthread_create(helper_thread, helper, "holm-helper");
	if (IS_ERR(helper->thread))
		return false;
	get_task_struct(helper->thread);
	wake_up_process(helper->thread);
	return true;
}

static int helper_end(struct helper *helper)
{
	wait_for_completion(&helper->done);
	put_task_struct(helper->thread);
	return helper->ret;
}

/* Until the helper sleeps, or has ended; half a minute at most. */
static bool helper_blocked(struct helper *helper)
{
	unsigned int i;

	for (i = 0; i < 3000; i++) {
		if (completion_done(&helper->done))
			return false;
		if (READ_ONCE(helper->thread->__state) & TASK_UNINTERRUPTIBLE)
			return true;
		msleep(10);
	}
	return false;
}

static int do_fault(struct holm_env *env)
{
	return fault(env, 0x3000, W);
}

/*
 * Slot 1 is less than 2M, so that tables stay when its translations go: the
 * fault below needs none and does not start again for want of them.
 */
#define GONE_SIZE	(SIZE_2M / 2)

static int do_fault_gone(struct holm_env *env)
{
	return fault(env, SIZE_1G + 0x3000, W);
}

static int do_remove(struct holm_env *env)
{
	return set(env, 1, 0, 0, 0, 0);
}

static int do_move(struct holm_env *env)
{
	return set(env, 1, 0, 2 * SIZE_1G, GONE_SIZE, env->ram);
}

/* A slot may go, or move, while a fault waits for its page. */
FAULT_CASE(fault_slot_gone)
{
	static int (*const changes[])(struct holm_env *env) = { do_move, do_remove };
	struct mm_struct *mm = current->mm;
	struct helper faulter, changer;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(changes); i++) {
		bool blocked, changed = false;

		KUNIT_EXPECT_EQ(test, set(env, 1, 0, SIZE_1G, GONE_SIZE, env->ram), 0);
		KUNIT_EXPECT_EQ(test, fault(env, SIZE_1G, W), 0);
		/* Untouched memory: its page has to be waited for. */
		KUNIT_EXPECT_EQ(test, vm_mmap(NULL, env->ram, ENV_RAM, PROT_READ | PROT_WRITE,
					      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0),
				env->ram);
		mmap_write_lock(mm);
		if (!helper_start(&faulter, env, do_fault_gone)) {
			mmap_write_unlock(mm);
			KUNIT_FAIL(test, "no thread");
			return;
		}
		blocked = helper_blocked(&faulter);
		/* In a thread of its own: this one holds mmap_lock. */
		if (helper_start(&changer, env, changes[i]))
			changed = !helper_end(&changer);
		mmap_write_unlock(mm);

		KUNIT_EXPECT_TRUE(test, blocked);
		KUNIT_EXPECT_TRUE(test, changed);
		KUNIT_EXPECT_EQ(test, helper_end(&faulter), 1);
		KUNIT_EXPECT_EQ(test, rights(env, SIZE_1G + 0x3000), 0U);
		KUNIT_EXPECT_EQ(test, rights(env, 2 * SIZE_1G + 0x3000), 0U);
		/* Removed already, or here. */
		set(env, 1, 0, 0, 0, 0);
	}
}

/* While an address is being invalidated nothing is mapped there. */
FAULT_CASE(fault_in_progress)
{
	struct holm_mmu *mmu = &env->vm->mmu;
	const struct mmu_notifier_ops *ops = mmu->notifier.ops;
	struct mmu_notifier_range range;
	struct helper faulter;
	bool early;
	u32 was;

	/* The page is there: only the announcement keeps it from being mapped. */
	KUNIT_EXPECT_EQ(test, touch(env->ram + 0x3000), 0);
	range_init(&range, env->ram + 0x3000, env->ram + 0x4000);
	ops->invalidate_range_start(&mmu->notifier, &range);
	if (!helper_start(&faulter, env, do_fault)) {
		ops->invalidate_range_end(&mmu->notifier, &range);
		KUNIT_FAIL(test, "no thread");
		return;
	}
	msleep(100);
	early = completion_done(&faulter.done);
	was = rights(env, 0x3000);
	ops->invalidate_range_end(&mmu->notifier, &range);
	KUNIT_EXPECT_FALSE(test, early);
	KUNIT_EXPECT_EQ(test, was, 0U);
	KUNIT_EXPECT_EQ(test, helper_end(&faulter), 0);
	KUNIT_EXPECT_EQ(test, rights(env, 0x3000), (u32)(R | W | X));
}

static bool invalidated(struct holm_mmu *mmu, unsigned long seq, unsigned long start,
			unsigned long end)
{
	bool ret;

	spin_lock(&mmu->lock);
	ret = holm_invalidated(mmu, seq, start, end);
	spin_unlock(&mmu->lock);
	return ret;
}

FAULT_CASE(fault_invalidated)
{
	struct holm_mmu *mmu = &env->vm->mmu;
	const struct mmu_notifier_ops *ops = mmu->notifier.ops;
	unsigned long at = env->ram + SIZE_2M, seq = holm_invalidate_seq(mmu);
	struct mmu_notifier_range one, two;

	range_init(&one, at, at + PAGE_SIZE);
	range_init(&two, at + 4 * PAGE_SIZE, at + 5 * PAGE_SIZE);
	KUNIT_EXPECT_FALSE(test, invalidated(mmu, seq, at, at + PAGE_SIZE));
	ops->invalidate_range_start(&mmu->notifier, &one);
	KUNIT_EXPECT_TRUE(test, invalidated(mmu, seq, at, at + PAGE_SIZE));
	KUNIT_EXPECT_TRUE(test, invalidated(mmu, seq, at - PAGE_SIZE, at + 1));
	KUNIT_EXPECT_FALSE(test, invalidated(mmu, seq, at - PAGE_SIZE, at));
	KUNIT_EXPECT_FALSE(test, invalidated(mmu, seq, at + PAGE_SIZE, at + 2 * PAGE_SIZE));
	/* Two at a time make one range, until both have ended. */
	ops->invalidate_range_start(&mmu->notifier, &two);
	KUNIT_EXPECT_TRUE(test, invalidated(mmu, seq, at + 2 * PAGE_SIZE, at + 3 * PAGE_SIZE));
	KUNIT_EXPECT_FALSE(test, invalidated(mmu, seq, at + 5 * PAGE_SIZE, at + 6 * PAGE_SIZE));
	ops->invalidate_range_end(&mmu->notifier, &one);
	/* What was looked up before an end is old, wherever it was. */
	KUNIT_EXPECT_TRUE(test, invalidated(mmu, seq, at + 5 * PAGE_SIZE, at + 6 * PAGE_SIZE));
	seq = holm_invalidate_seq(mmu);
	KUNIT_EXPECT_TRUE(test, invalidated(mmu, seq, at, at + PAGE_SIZE));
	KUNIT_EXPECT_FALSE(test, invalidated(mmu, seq, at + 5 * PAGE_SIZE, at + 6 * PAGE_SIZE));
	ops->invalidate_range_end(&mmu->notifier, &two);
	KUNIT_EXPECT_TRUE(test, invalidated(mmu, seq, at, at + PAGE_SIZE));
	KUNIT_EXPECT_FALSE(test, invalidated(mmu, holm_invalidate_seq(mmu), at, at + PAGE_SIZE));
}

/* ---- everything at once ------------------------------------------------- */

#define RACE_STEPS	4000

struct race {
	struct holm_env *env;
	struct mm_struct *mm;
	unsigned long area;	/* ENV_RAM bytes, slot 1 */
	u64 *words;
	unsigned int steps;
	int err;
};

/* The launcher's other thread: slots and memory change under the guest. */
static int race_thread(void *data)
{
	struct race *race = data;
	struct holm_env *env = race->env;
	struct rnd_state rnd;
	u64 gpa = SIZE_1G;
	u32 flags = 0;

	prandom_seed_state(&rnd, 7);
	kthread_use_mm(race->mm);
	while (!kthread_should_stop()) {
		struct holm_dirty_log log = {
			.slot = 1, .num_pages = ENV_RAM / PAGE_SIZE, .bitmap = env->scratch,
		};
		u64 offset = (prandom_u32_state(&rnd) % (ENV_RAM / PAGE_SIZE)) << PAGE_SHIFT;
		int err = 0;

		switch (prandom_u32_state(&rnd) % 7) {
		case 0:
			flags = prandom_u32_state(&rnd) % 4;
			err = set(env, 1, flags, gpa, ENV_RAM, race->area);
			break;
		case 1:
			gpa = gpa == SIZE_1G ? SIZE_1G + SIZE_2M : SIZE_1G;
			err = set(env, 1, flags, gpa, ENV_RAM, race->area);
			break;
		case 2:
			err = set(env, 1, 0, 0, 0, 0);
			if (!err)
				err = set(env, 1, flags, gpa, ENV_RAM, race->area);
			break;
		case 3:
			if (flags & LOG)
				err = holm_dirty_log_get(env->vm, &log);
			break;
		case 4:
		case 5:
			if (IS_ERR_VALUE(vm_mmap(NULL, race->area + offset,
						 min(ENV_RAM - offset, 9 * PAGE_SIZE),
						 PROT_READ | PROT_WRITE,
						 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0)))
				err = -ENOMEM;
			break;
		case 6:
			if (touch(race->area + offset))
				err = -EFAULT;
			break;
		}
		if (err && !race->err)
			race->err = err;
		race->steps++;
		cond_resched();
	}
	kthread_unuse_mm(race->mm);
	return 0;
}

FAULT_CASE(fault_race)
{
	struct race race = { .env = env, .mm = current->mm };
	struct holm_mmu *mmu = &env->vm->mmu;
	unsigned int i, mapped = 0, bad = 0;
	struct task_struct *thread;
	struct rnd_state rnd;
	u64 gpa;

	race.area = vm_mmap(NULL, 0, ENV_RAM, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, 0);
	KUNIT_EXPECT_EQ(test, set(env, 1, 0, SIZE_1G, ENV_RAM, race.area), 0);
	thread = kthread_run(race_thread, &race, "holm-race");
	KUNIT_EXPECT_FALSE(test, IS_ERR(thread));
	if (IS_ERR(thread))
		return;

	prandom_seed_state(&rnd, 8);
	for (i = 0; i < RACE_STEPS || race.steps < RACE_STEPS / 4; i++) {
		u32 r = prandom_u32_state(&rnd);
		int ret;

		gpa = SIZE_1G + (u64)(r % (ENV_RAM / PAGE_SIZE)) * PAGE_SIZE;
		ret = fault(env, gpa, 1 << (r >> 16) % 3);
		/* The range may be nobody's for a moment. */
		if (ret < 0 && ret != -EFAULT)
			bad++;
		mapped += !ret;
		cond_resched();
	}
	kthread_stop(thread);
	KUNIT_EXPECT_EQ(test, race.err, 0);
	KUNIT_EXPECT_EQ(test, bad, 0U);
	KUNIT_EXPECT_GT(test, mapped, RACE_STEPS / 10U);

	/* Nothing stale: what is mapped is what the launcher has there. */
	for (gpa = SIZE_1G; gpa < SIZE_1G + SIZE_2M + ENV_RAM; gpa += PAGE_SIZE) {
		const struct holm_memslot *slot;

		mutex_lock(&mmu->slots_lock);
		slot = holm_slot_find(holm_slots_locked(mmu), gpa);
		if (!slot)
			KUNIT_EXPECT_EQ_MSG(test, rights(env, gpa), 0U, "gpa %#llx", gpa);
		else if (rights(env, gpa))
			KUNIT_EXPECT_EQ_MSG(test, guest_pa(env, gpa),
					    host_pa(holm_slot_uaddr(slot, gpa)), "gpa %#llx", gpa);
		mutex_unlock(&mmu->slots_lock);
	}
	KUNIT_EXPECT_EQ(test, set(env, 1, 0, 0, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, mmu->nr_leaves[HOLM_PG_4K] + mmu->nr_leaves[HOLM_PG_2M], 0UL);
	KUNIT_EXPECT_EQ(test, mmu->invalidate_in_progress, 0UL);
	vm_munmap(race.area, ENV_RAM);
}

static struct kunit_case fault_cases[] = {
	KUNIT_CASE(fault_write_first),
	KUNIT_CASE(fault_read_first),
	KUNIT_CASE(fault_mmio),
	KUNIT_CASE(fault_no_memory),
	KUNIT_CASE(fault_other_mm),
	KUNIT_CASE(fault_munmap),
	KUNIT_CASE(fault_seq),
	KUNIT_CASE(fault_young),
	KUNIT_CASE(fault_huge),
	KUNIT_CASE(fault_dirty_log),
	KUNIT_CASE(fault_access),
	KUNIT_CASE(fault_slot_gone),
	KUNIT_CASE(fault_in_progress),
	KUNIT_CASE(fault_invalidated),
	KUNIT_CASE(fault_race),
	{}
};

static struct kunit_suite fault_suite = {
	.name = "holm-mmu-fault",
	.init = fault_init,
	.test_cases = fault_cases,
};

kunit_test_suite(fault_suite);
