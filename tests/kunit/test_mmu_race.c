// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory, slots and the notifier in the middle of a fault, and all at
 * once.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/prandom.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>

#include "../../kmod/mmu/notifier.h"
#include "../../kmod/mmu/slots.h"
#include "../../kmod/mmu/walker.h"
#include "mmu_rig.h"
#include "suites.h"

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
	return rig_fault(env, 0x3000, W);
}

/*
 * Slot 1 is less than 2M, so that tables stay when its translations go: the
 * fault below needs none and does not start again for want of them.
 */
#define GONE_SIZE	(SIZE_2M / 2)

static int do_fault_gone(struct holm_env *env)
{
	return rig_fault(env, SIZE_1G + 0x3000, W);
}

static int do_remove(struct holm_env *env)
{
	return rig_set(env, 1, 0, 0, 0, 0);
}

static int do_move(struct holm_env *env)
{
	return rig_set(env, 1, 0, 2 * SIZE_1G, GONE_SIZE, env->ram);
}

/* A slot may go, or move, while a fault waits for its page. */
RIG_CASE(race_slot_gone)
{
	static int (*const changes[])(struct holm_env *env) = { do_move, do_remove };
	struct mm_struct *mm = current->mm;
	struct helper faulter, changer;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(changes); i++) {
		bool blocked, changed = false;

		KUNIT_EXPECT_EQ(test, rig_set(env, 1, 0, SIZE_1G, GONE_SIZE, env->ram), 0);
		KUNIT_EXPECT_EQ(test, rig_fault(env, SIZE_1G, W), 0);
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
		KUNIT_EXPECT_EQ(test, rig_rights(env, SIZE_1G + 0x3000), 0U);
		KUNIT_EXPECT_EQ(test, rig_rights(env, 2 * SIZE_1G + 0x3000), 0U);
		/* Removed already, or here. */
		rig_set(env, 1, 0, 0, 0, 0);
	}
}

/* While an address is being invalidated nothing is mapped there. */
RIG_CASE(race_in_progress)
{
	struct holm_mmu *mmu = &env->vm->mmu;
	const struct mmu_notifier_ops *ops = mmu->notifier.ops;
	struct mmu_notifier_range range;
	struct helper faulter;
	bool early;
	u32 was;

	/* The page is there: only the announcement keeps it from being mapped. */
	KUNIT_EXPECT_EQ(test, rig_touch(env->ram + 0x3000), 0);
	rig_range(&range, env->ram + 0x3000, env->ram + 0x4000);
	ops->invalidate_range_start(&mmu->notifier, &range);
	if (!helper_start(&faulter, env, do_fault)) {
		ops->invalidate_range_end(&mmu->notifier, &range);
		KUNIT_FAIL(test, "no thread");
		return;
	}
	msleep(100);
	early = completion_done(&faulter.done);
	was = rig_rights(env, 0x3000);
	ops->invalidate_range_end(&mmu->notifier, &range);
	KUNIT_EXPECT_FALSE(test, early);
	KUNIT_EXPECT_EQ(test, was, 0U);
	KUNIT_EXPECT_EQ(test, helper_end(&faulter), 0);
	KUNIT_EXPECT_EQ(test, rig_rights(env, 0x3000), (u32)(R | W | X));
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

RIG_CASE(race_invalidated)
{
	struct holm_mmu *mmu = &env->vm->mmu;
	const struct mmu_notifier_ops *ops = mmu->notifier.ops;
	unsigned long at = env->ram + SIZE_2M, seq = holm_invalidate_seq(mmu);
	struct mmu_notifier_range one, two;

	rig_range(&one, at, at + PAGE_SIZE);
	rig_range(&two, at + 4 * PAGE_SIZE, at + 5 * PAGE_SIZE);
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
			err = rig_set(env, 1, flags, gpa, ENV_RAM, race->area);
			break;
		case 1:
			gpa = gpa == SIZE_1G ? SIZE_1G + SIZE_2M : SIZE_1G;
			err = rig_set(env, 1, flags, gpa, ENV_RAM, race->area);
			break;
		case 2:
			err = rig_set(env, 1, 0, 0, 0, 0);
			if (!err)
				err = rig_set(env, 1, flags, gpa, ENV_RAM, race->area);
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
			if (rig_touch(race->area + offset))
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

RIG_CASE(race_all)
{
	struct race race = { .env = env, .mm = current->mm };
	struct holm_mmu *mmu = &env->vm->mmu;
	unsigned int i, mapped = 0, bad = 0;
	struct task_struct *thread;
	struct rnd_state rnd;
	u64 gpa;

	race.area = vm_mmap(NULL, 0, ENV_RAM, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, 0);
	KUNIT_EXPECT_EQ(test, rig_set(env, 1, 0, SIZE_1G, ENV_RAM, race.area), 0);
	thread = kthread_run(race_thread, &race, "holm-race");
	KUNIT_EXPECT_FALSE(test, IS_ERR(thread));
	if (IS_ERR(thread))
		return;

	prandom_seed_state(&rnd, 8);
	for (i = 0; i < RACE_STEPS || race.steps < RACE_STEPS / 4; i++) {
		u32 r = prandom_u32_state(&rnd);
		int ret;

		gpa = SIZE_1G + (u64)(r % (ENV_RAM / PAGE_SIZE)) * PAGE_SIZE;
		ret = rig_fault(env, gpa, 1 << (r >> 16) % 3);
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
			KUNIT_EXPECT_EQ_MSG(test, rig_rights(env, gpa), 0U, "gpa %#llx", gpa);
		else if (rig_rights(env, gpa))
			KUNIT_EXPECT_EQ_MSG(test, rig_guest_pa(env, gpa),
					    rig_host_pa(holm_slot_uaddr(slot, gpa)), "gpa %#llx", gpa);
		mutex_unlock(&mmu->slots_lock);
	}
	KUNIT_EXPECT_EQ(test, rig_set(env, 1, 0, 0, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, mmu->nr_leaves[HOLM_PG_4K] + mmu->nr_leaves[HOLM_PG_2M], 0UL);
	KUNIT_EXPECT_EQ(test, mmu->invalidate_in_progress, 0UL);
	vm_munmap(race.area, ENV_RAM);
}

static struct kunit_case race_cases[] = {
	KUNIT_CASE(race_slot_gone),
	KUNIT_CASE(race_in_progress),
	KUNIT_CASE(race_invalidated),
	KUNIT_CASE(race_all),
	{}
};

struct kunit_suite holm_race_suite = {
	.name = "holm-mmu-race",
	.init = rig_init,
	.test_cases = race_cases,
};
