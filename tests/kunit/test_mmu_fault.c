// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults, the notifier, huge pages, dirty logging and access to guest memory,
 * one at a time.
 */
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched/mm.h>
#include <linux/uaccess.h>

#include "../../kmod/mmu/notifier.h"
#include "../../kmod/mmu/slots.h"
#include "../../kmod/mmu/walker.h"
#include "mmu_rig.h"
#include "suites.h"

/* ---- faults ------------------------------------------------------------- */

RIG_CASE(fault_write_first)
{
	KUNIT_EXPECT_EQ(test, rig_rights(env, 0x3000), 0U);
	KUNIT_EXPECT_EQ(test, rig_fault(env, 0x3123, W), 0);
	KUNIT_EXPECT_EQ(test, rig_rights(env, 0x3000), (u32)(R | W | X));
	KUNIT_EXPECT_NE(test, rig_guest_pa(env, 0x3000), 0ULL);
	KUNIT_EXPECT_EQ(test, rig_guest_pa(env, 0x3000), rig_host_pa(env->ram + 0x3000));
	KUNIT_EXPECT_TRUE(test, rig_host_dirty(env->ram + 0x3000));
	KUNIT_EXPECT_EQ(test, rig_rights(env, 0x2000), 0U);
	KUNIT_EXPECT_EQ(test, rig_rights(env, 0x4000), 0U);
	/* Once more: another vCPU was faster. */
	KUNIT_EXPECT_EQ(test, rig_fault(env, 0x3fff, W), 0);
	KUNIT_EXPECT_EQ(test, env->vm->mmu.nr_leaves[HOLM_PG_4K], 1UL);
}

/* The zero page must not be written: reading maps it without, a write copies. */
RIG_CASE(fault_read_first)
{
	u64 zero;

	KUNIT_EXPECT_EQ(test, rig_fault(env, 0x3000, R), 0);
	KUNIT_EXPECT_EQ(test, rig_rights(env, 0x3000), (u32)(R | X));
	zero = rig_guest_pa(env, 0x3000);
	KUNIT_EXPECT_EQ(test, zero, rig_host_pa(env->ram + 0x3000));
	KUNIT_EXPECT_EQ(test, rig_fault(env, 0x3000, W), 0);
	KUNIT_EXPECT_EQ(test, rig_rights(env, 0x3000), (u32)(R | W | X));
	KUNIT_EXPECT_NE(test, rig_guest_pa(env, 0x3000), zero);
	KUNIT_EXPECT_EQ(test, rig_guest_pa(env, 0x3000), rig_host_pa(env->ram + 0x3000));

	/* The launcher's write does the same, by way of the notifier. */
	KUNIT_EXPECT_EQ(test, rig_fault(env, 0x5000, X), 0);
	KUNIT_EXPECT_EQ(test, rig_guest_pa(env, 0x5000), zero);
	KUNIT_EXPECT_EQ(test, rig_touch(env->ram + 0x5000), 0);
	KUNIT_EXPECT_NE(test, rig_guest_pa(env, 0x5000), zero);

	/* What the launcher has written may be written. */
	KUNIT_EXPECT_EQ(test, rig_touch(env->ram + 0x7000), 0);
	KUNIT_EXPECT_EQ(test, rig_fault(env, 0x7000, R), 0);
	KUNIT_EXPECT_EQ(test, rig_rights(env, 0x7000), (u32)(R | W | X));
}

RIG_CASE(fault_mmio)
{
	KUNIT_EXPECT_EQ(test, rig_fault(env, ENV_RAM, R), 1);
	KUNIT_EXPECT_EQ(test, rig_fault(env, ENV_RAM - 1, R), 0);
	KUNIT_EXPECT_EQ(test, rig_fault(env, 0xfee00000, W), 1);
	KUNIT_EXPECT_EQ(test, rig_fault(env, U64_MAX, R), 1);
	KUNIT_EXPECT_EQ(test, rig_fault(env, 1ULL << 63, X), 1);

	KUNIT_EXPECT_EQ(test, rig_touch(env->ram), 0);
	KUNIT_EXPECT_EQ(test, rig_set(env, 0, RO, 0, ENV_RAM, env->ram), 0);
	KUNIT_EXPECT_EQ(test, rig_fault(env, 0, W), 1);
	KUNIT_EXPECT_EQ(test, rig_rights(env, 0), 0U);
	KUNIT_EXPECT_EQ(test, rig_fault(env, 0, R), 0);
	KUNIT_EXPECT_EQ(test, rig_rights(env, 0), (u32)(R | X));
	KUNIT_EXPECT_EQ(test, rig_fault(env, 0, W), 1);
}

/* Memory that the launcher does not have, or that is no memory. */
RIG_CASE(fault_no_memory)
{
	unsigned long hole, fixed;

	hole = vm_mmap(NULL, 0, SIZE_2M, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, 0);
	KUNIT_EXPECT_EQ(test, rig_set(env, 1, 0, SIZE_1G, SIZE_2M, hole), 0);
	KUNIT_EXPECT_EQ(test, rig_fault(env, SIZE_1G, R), 0);
	/* Read-only for the launcher is an error, not MMIO. */
	KUNIT_EXPECT_EQ(test, rig_fault(env, SIZE_1G, W), -EFAULT);
	vm_munmap(hole, SIZE_2M);
	KUNIT_EXPECT_EQ(test, rig_rights(env, SIZE_1G), 0U);
	KUNIT_EXPECT_EQ(test, rig_fault(env, SIZE_1G, R), -EFAULT);
	KUNIT_EXPECT_EQ(test, rig_fault(env, SIZE_1G, W), -EFAULT);

	fixed = vm_mmap(NULL, hole, SIZE_2M, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0);
	KUNIT_EXPECT_EQ(test, fixed, hole);
	KUNIT_EXPECT_EQ(test, rig_fault(env, SIZE_1G, R), -EFAULT);
	vm_munmap(hole, SIZE_2M);
	KUNIT_EXPECT_EQ(test, env->vm->mmu.nr_leaves[HOLM_PG_4K], 0UL);
}

/* A thread of another address space has no business here. */
RIG_CASE(fault_other_mm)
{
	struct mm_struct *mm = current->mm;
	u32 word = 0;
	int err[4];

	kthread_unuse_mm(mm);
	err[0] = rig_fault(env, 0, R);
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
RIG_CASE(fault_munmap)
{
	static const u32 pages[] = { 4, 5, 6, 3, 0, 518, 700, 1023 };
	struct holm_mmu *mmu = &env->vm->mmu;
	unsigned long addr;
	unsigned int i;

	/* The same memory twice in guest-physical memory. */
	KUNIT_EXPECT_EQ(test, rig_set(env, 1, 0, SIZE_1G, ENV_RAM, env->ram), 0);
	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		u64 gpa = (u64)pages[i] << PAGE_SHIFT;

		KUNIT_EXPECT_EQ(test, rig_fault(env, gpa, W), 0);
		KUNIT_EXPECT_EQ(test, rig_fault(env, SIZE_1G + gpa, R), 0);
		KUNIT_EXPECT_EQ(test, rig_guest_pa(env, gpa), rig_guest_pa(env, SIZE_1G + gpa));
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
		KUNIT_EXPECT_EQ_MSG(test, rig_rights(env, gpa), want, "gpa %#llx", gpa);
		KUNIT_EXPECT_EQ_MSG(test, rig_rights(env, SIZE_1G + gpa), want, "gpa %#llx", gpa);
	}
	KUNIT_EXPECT_EQ(test, rig_fault(env, 4 * PAGE_SIZE, R), -EFAULT);
	KUNIT_EXPECT_EQ(test, mmu->invalidate_in_progress, 0UL);

	/* New memory in the same place is another page. */
	addr = vm_mmap(NULL, env->ram, ENV_RAM, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0);
	KUNIT_EXPECT_EQ(test, addr, env->ram);
	KUNIT_EXPECT_EQ(test, mmu->nr_leaves[HOLM_PG_4K], 0UL);
	KUNIT_EXPECT_EQ(test, rig_fault(env, 4 * PAGE_SIZE, W), 0);
	KUNIT_EXPECT_EQ(test, rig_guest_pa(env, 4 * PAGE_SIZE), rig_host_pa(env->ram + 4 * PAGE_SIZE));
}

/* A fault whose page was got before an invalidation does not map it after. */
RIG_CASE(fault_seq)
{
	struct holm_mmu *mmu = &env->vm->mmu;
	struct mmu_notifier_range range;
	const struct mmu_notifier_ops *ops = mmu->notifier.ops;
	unsigned long seq = mmu->invalidate_seq;

	rig_range(&range, env->ram, env->ram + PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, rig_fault(env, 0, W), 0);
	KUNIT_EXPECT_EQ(test, rig_fault(env, PAGE_SIZE, W), 0);
	KUNIT_EXPECT_EQ(test, ops->invalidate_range_start(&mmu->notifier, &range), 0);
	KUNIT_EXPECT_EQ(test, mmu->invalidate_in_progress, 1UL);
	KUNIT_EXPECT_EQ(test, rig_rights(env, 0), 0U);
	KUNIT_EXPECT_EQ(test, rig_rights(env, PAGE_SIZE), (u32)(R | W | X));
	/* Beside the range faults go on; in it one would wait for the end. */
	KUNIT_EXPECT_EQ(test, rig_fault(env, 2 * PAGE_SIZE, W), 0);
	ops->invalidate_range_end(&mmu->notifier, &range);
	KUNIT_EXPECT_EQ(test, mmu->invalidate_in_progress, 0UL);
	KUNIT_EXPECT_NE(test, mmu->invalidate_seq, seq);
	KUNIT_EXPECT_EQ(test, rig_fault(env, 0, W), 0);

	/* Not blockable, and ends that are no page's. */
	range.flags = 0;
	range.start += 1;
	KUNIT_EXPECT_EQ(test, ops->invalidate_range_start(&mmu->notifier, &range), 0);
	ops->invalidate_range_end(&mmu->notifier, &range);
	KUNIT_EXPECT_EQ(test, rig_rights(env, 0), 0U);
	KUNIT_EXPECT_EQ(test, rig_rights(env, PAGE_SIZE), (u32)(R | W | X));
}

RIG_CASE(fault_young)
{
	struct holm_mmu *mmu = &env->vm->mmu;
	const struct mmu_notifier_ops *ops = mmu->notifier.ops;
	struct mmu_notifier *mn = &mmu->notifier;
	struct mm_struct *mm = current->mm;
	unsigned long at = env->ram + 0x6000;

	KUNIT_EXPECT_EQ(test, ops->test_young(mn, mm, at), 0);
	KUNIT_EXPECT_EQ(test, rig_fault(env, 0x6000, W), 0);
	KUNIT_EXPECT_NE(test, ops->test_young(mn, mm, at), 0);
	KUNIT_EXPECT_EQ(test, ops->clear_young(mn, mm, at + PAGE_SIZE, at + 2 * PAGE_SIZE), 0);
	KUNIT_EXPECT_NE(test, ops->clear_young(mn, mm, at, at + PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, ops->test_young(mn, mm, at), 0);
	KUNIT_EXPECT_EQ(test, ops->clear_flush_young(mn, mm, at, at + PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, rig_rights(env, 0x6000), (u32)(R | W | X));
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
		holm_vma_mod_flags(vma, VM_HUGEPAGE, 0);
	mmap_write_unlock(current->mm);

	/* Huge when one touch brings a page in at both ends, in one piece. */
	if (rig_touch(at))
		return 0;
	pa = rig_host_pa(at);
	if (!pa || pa & (SIZE_2M - 1) || rig_host_pa(at + SIZE_2M - PAGE_SIZE) != pa + SIZE_2M - PAGE_SIZE)
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

RIG_CASE(fault_huge)
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

		KUNIT_EXPECT_EQ_MSG(test, rig_set(env, 1, row->flags, row->gpa, row->size,
					      at + row->offset), 0, "%s", row->name);
		KUNIT_EXPECT_EQ_MSG(test, rig_fault(env, gpa, row->access), 0, "%s", row->name);
		KUNIT_EXPECT_EQ_MSG(test, rig_level(env, gpa), (int)row->level, "%s", row->name);
		KUNIT_EXPECT_EQ_MSG(test, rig_rights(env, gpa), row->rights, "%s", row->name);
		KUNIT_EXPECT_EQ_MSG(test, rig_guest_pa(env, gpa),
				    rig_host_pa(at + row->offset + 5 * PAGE_SIZE), "%s", row->name);
		KUNIT_EXPECT_EQ_MSG(test, rig_set(env, 1, 0, 0, 0, 0), 0, "%s", row->name);
		KUNIT_EXPECT_EQ_MSG(test, rig_rights(env, gpa), 0U, "%s", row->name);
	}

	/* Smaller tables in the way are replaced. */
	holm_format_npt.max_leaf = HOLM_PG_4K;
	KUNIT_EXPECT_EQ(test, rig_set(env, 1, 0, SIZE_1G, SIZE_2M, at), 0);
	KUNIT_EXPECT_EQ(test, rig_fault(env, SIZE_1G, W), 0);
	KUNIT_EXPECT_EQ(test, rig_level(env, SIZE_1G), (int)HOLM_PG_4K);
	holm_format_npt.max_leaf = HOLM_PG_2M;
	KUNIT_EXPECT_EQ(test, rig_fault(env, SIZE_1G + 0x9000, W), 0);
	KUNIT_EXPECT_EQ(test, rig_level(env, SIZE_1G), (int)HOLM_PG_2M);
	KUNIT_EXPECT_EQ(test, env->vm->mmu.nr_leaves[HOLM_PG_4K], 0UL);

	/* Logging breaks the page up where it is written, and only there. */
	KUNIT_EXPECT_EQ(test, rig_set(env, 1, LOG, SIZE_1G, SIZE_2M, at), 0);
	KUNIT_EXPECT_EQ(test, rig_level(env, SIZE_1G), (int)HOLM_PG_2M);
	KUNIT_EXPECT_EQ(test, rig_rights(env, SIZE_1G), (u32)(R | X));
	KUNIT_EXPECT_EQ(test, rig_fault(env, SIZE_1G + 0x9000, W), 0);
	KUNIT_EXPECT_EQ(test, rig_level(env, SIZE_1G), (int)HOLM_PG_4K);
	KUNIT_EXPECT_EQ(test, rig_rights(env, SIZE_1G), (u32)(R | X));
	KUNIT_EXPECT_EQ(test, rig_rights(env, SIZE_1G + 0x9000), (u32)(R | W | X));
	KUNIT_EXPECT_EQ(test, env->vm->mmu.nr_leaves[HOLM_PG_4K], 512UL);
	/* Afterwards it comes back. */
	KUNIT_EXPECT_EQ(test, rig_set(env, 1, 0, SIZE_1G, SIZE_2M, at), 0);
	KUNIT_EXPECT_EQ(test, rig_fault(env, SIZE_1G, W), 0);
	KUNIT_EXPECT_EQ(test, rig_level(env, SIZE_1G), (int)HOLM_PG_2M);

	/* The host splits its own huge page: so must the guest's be. */
	vm_munmap(at + 8 * PAGE_SIZE, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, rig_rights(env, SIZE_1G + 8 * PAGE_SIZE), 0U);
	KUNIT_EXPECT_EQ(test, rig_fault(env, SIZE_1G + 8 * PAGE_SIZE, R), -EFAULT);
	KUNIT_EXPECT_EQ(test, rig_fault(env, SIZE_1G + 9 * PAGE_SIZE, W), 0);
	KUNIT_EXPECT_EQ(test, rig_level(env, SIZE_1G + 9 * PAGE_SIZE), (int)HOLM_PG_4K);
	KUNIT_EXPECT_EQ(test, rig_guest_pa(env, SIZE_1G + 9 * PAGE_SIZE), rig_host_pa(at + 9 * PAGE_SIZE));
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

RIG_CASE(fault_dirty_log)
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
	KUNIT_EXPECT_EQ(test, rig_fault(env, 7 * PAGE_SIZE, W), 0);
	KUNIT_EXPECT_EQ(test, rig_set(env, 0, LOG, 0, ENV_RAM, env->ram), 0);
	KUNIT_EXPECT_EQ(test, rig_rights(env, 7 * PAGE_SIZE), (u32)(R | X));

	for (round = 0; round < 3; round++) {
		for (i = 0; i < ARRAY_SIZE(pages); i++) {
			u64 gpa = (u64)pages[i] << PAGE_SHIFT;

			KUNIT_EXPECT_EQ(test, rig_fault(env, gpa + 8, W), 0);
			KUNIT_EXPECT_EQ(test, rig_rights(env, gpa), (u32)(R | W | X));
			/* Reading marks nothing. */
			if (gpa + 2 * PAGE_SIZE < ENV_RAM)
				KUNIT_EXPECT_EQ(test, rig_fault(env, gpa + 2 * PAGE_SIZE, R), 0);
			want[pages[i] / 64] |= 1ULL << pages[i] % 64;
		}
		memset(words, 0xff, LOG_WORDS * 8);
		KUNIT_EXPECT_EQ(test, log_get(env, 0, ENV_RAM / PAGE_SIZE, words), 0);
		for (i = 0; i < LOG_WORDS; i++)
			KUNIT_EXPECT_EQ_MSG(test, words[i], want[i], "round %u, word %u", round, i);
		for (i = 0; i < ARRAY_SIZE(pages); i++)
			KUNIT_EXPECT_EQ(test, rig_rights(env, (u64)pages[i] << PAGE_SHIFT), (u32)(R | X));
		/* And they are told once. */
		KUNIT_EXPECT_EQ(test, log_get(env, 0, ENV_RAM / PAGE_SIZE, words), 0);
		for (i = 0; i < LOG_WORDS; i++)
			KUNIT_EXPECT_EQ_MSG(test, words[i], 0ULL, "round %u, word %u", round, i);
	}

	/* A window takes nothing from beside it. */
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, rig_fault(env, (63 + 64 * i) * PAGE_SIZE, W), 0);
	KUNIT_EXPECT_EQ(test, log_get(env, 64, 128, words), 0);
	KUNIT_EXPECT_EQ(test, words[0], 1ULL << 63);
	KUNIT_EXPECT_EQ(test, words[1], 1ULL << 63);
	KUNIT_EXPECT_EQ(test, rig_rights(env, 63 * PAGE_SIZE), (u32)(R | W | X));
	KUNIT_EXPECT_EQ(test, rig_rights(env, 127 * PAGE_SIZE), (u32)(R | X));
	KUNIT_EXPECT_EQ(test, rig_rights(env, 191 * PAGE_SIZE), (u32)(R | X));
	KUNIT_EXPECT_EQ(test, rig_rights(env, 255 * PAGE_SIZE), (u32)(R | W | X));
	KUNIT_EXPECT_EQ(test, log_get(env, 0, 256, words), 0);
	KUNIT_EXPECT_EQ(test, words[0], 1ULL << 63);
	KUNIT_EXPECT_EQ(test, words[1], 0ULL);
	KUNIT_EXPECT_EQ(test, words[2], 0ULL);
	KUNIT_EXPECT_EQ(test, words[3], 1ULL << 63);
}

/* ---- access ------------------------------------------------------------- */

RIG_CASE(fault_access)
{
	static const char text[] = "across the border of two slots";
	char back[sizeof(text)];
	u64 border = ENV_RAM, at = border - 11, words[1];
	unsigned long other;

	other = vm_mmap(NULL, 0, SIZE_2M, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, 0);
	KUNIT_EXPECT_EQ(test, rig_set(env, 0, LOG, 0, ENV_RAM, env->ram), 0);

	/* A hole behind slot 0. */
	KUNIT_EXPECT_EQ(test, holm_guest_write(env->vm, at, text, sizeof(text)), -EFAULT);
	KUNIT_EXPECT_EQ(test, holm_guest_read(env->vm, at, back, sizeof(back)), -EFAULT);
	KUNIT_EXPECT_EQ(test, holm_guest_read(env->vm, border, back, 1), -EFAULT);
	KUNIT_EXPECT_EQ(test, holm_guest_read(env->vm, U64_MAX, back, 2), -EFAULT);
	KUNIT_EXPECT_EQ(test, holm_guest_read(env->vm, border, back, 0), 0);

	KUNIT_EXPECT_EQ(test, rig_set(env, 1, 0, border, SIZE_2M, other), 0);
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

	KUNIT_EXPECT_EQ(test, rig_set(env, 1, RO, border, SIZE_2M, other), 0);
	KUNIT_EXPECT_EQ(test, holm_guest_write(env->vm, border, text, 1), -EFAULT);
	KUNIT_EXPECT_EQ(test, holm_guest_read(env->vm, border, back, 1), 0);
	vm_munmap(other, SIZE_2M);
	KUNIT_EXPECT_EQ(test, holm_guest_read(env->vm, border, back, 1), -EFAULT);
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
	{}
};

struct kunit_suite holm_fault_suite = {
	.name = "holm-mmu-fault",
	.init = rig_init,
	.test_cases = fault_cases,
};
