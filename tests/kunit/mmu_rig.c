// SPDX-License-Identifier: GPL-2.0-only
/* Guest memory under test: see mmu_rig.h. */
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/uaccess.h>

#include "../../kmod/mmu/walker.h"
#include "mmu_rig.h"

int rig_init(struct kunit *test)
{
	test->priv = kunit_kzalloc(test, sizeof(struct rig), GFP_KERNEL);
	return test->priv ? 0 : -ENOMEM;
}

/* Run @body with a VM; the address space is borrowed for just as long. */
void rig_run(struct kunit *test, void (*body)(struct kunit *test, struct holm_env *env))
{
	struct rig *t = test->priv;
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

int rig_fault(struct holm_env *env, u64 gpa, u32 access)
{
	struct holm_fault arg = { .gpa = gpa, .access = access };
	int err;

	/* As the exit handler does. */
	err = holm_mmu_fault_atomic(env->vcpu, &arg);
	return err == -EAGAIN ? holm_mmu_fault(env->vcpu, &arg) : err;
}

int rig_set(struct holm_env *env, u32 id, u32 flags, u64 gpa, u64 size, u64 uaddr)
{
	struct holm_slot arg = { id, flags, gpa, size, uaddr };

	return holm_slot_set(env->vm, &arg);
}

/* The page at @gpa: rights (0: none), and where it is. */
u32 rig_lookup(struct holm_env *env, u64 gpa, u64 *pa, int *level)
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

u32 rig_rights(struct holm_env *env, u64 gpa)
{
	int level;
	u64 pa;

	return rig_lookup(env, gpa, &pa, &level);
}

int rig_level(struct holm_env *env, u64 gpa)
{
	int level;
	u64 pa;

	return rig_lookup(env, gpa, &pa, &level) ? level : 0;
}

/* What the launcher's own page tables have at @addr, or 0. */
u64 rig_host_pa(unsigned long addr)
{
	struct page *page;
	u64 pa;

	if (get_user_pages_unlocked(addr, 1, &page, FOLL_NOFAULT) != 1)
		return 0;
	pa = PFN_PHYS(page_to_pfn(page));
	put_page(page);
	return pa;
}

u64 rig_guest_pa(struct holm_env *env, u64 gpa)
{
	int level;
	u64 pa;

	rig_lookup(env, gpa, &pa, &level);
	return pa;
}

bool rig_host_dirty(unsigned long addr)
{
	struct page *page;
	bool dirty;

	if (!get_user_page_fast_only(addr, 0, &page))
		return false;
	dirty = PageDirty(page);
	put_page(page);
	return dirty;
}

void rig_range(struct mmu_notifier_range *range, unsigned long start, unsigned long end)
{
	*range = (struct mmu_notifier_range) {
		.mm = current->mm, .start = start, .end = end,
		.flags = MMU_NOTIFIER_RANGE_BLOCKABLE, .event = MMU_NOTIFY_CLEAR,
	};
}

int rig_touch(unsigned long addr)
{
	return put_user(0x5a, (u8 __user *)addr);
}
