// SPDX-License-Identifier: GPL-2.0-only
/*
 * The MMU notifier: no second-level translation outlives the launcher's own
 * page-table entry that it was made from.
 *
 * Locking: callbacks come with mmap_lock or reverse-map locks held, those for
 * aging also under page-table spinlocks; they take the slots' SRCU and
 * mmu->lock, nothing else.
 *
 * An invalidation is announced (invalidate_in_progress, the range) before
 * translations are removed, in the same critical section of mmu->lock; its end
 * moves invalidate_seq on. A fault reads invalidate_seq, then gets its page,
 * and under mmu->lock maps it only when neither touches it
 * (holm_invalidated()). Ranges of concurrent invalidations are merged: a fault
 * beside them may try again in vain, never map a page too many.
 *
 * The table of slots is read under mmu->lock after the announcement: a
 * translation that is there by then was made from a table at least that old,
 * and slots.c keeps a slot in the table while it has translations.
 */
#include <linux/mm.h>
#include <linux/mmu_notifier.h>

#include "../holm.h"
#include "notifier.h"
#include "slots.h"
#include "walker.h"

#ifndef CONFIG_MMU_NOTIFIER
#error "holm needs a kernel with CONFIG_MMU_NOTIFIER (KVM, RDMA and others select it)"
#endif

/* The guest-physical addresses of [start, end) in @slot, or false. */
static bool slot_intersect(const struct holm_memslot *slot, unsigned long start, unsigned long end,
			   u64 *gpa_start, u64 *gpa_end)
{
	unsigned long lo = max(start & PAGE_MASK, slot->uaddr);
	/* Whole pages; the launcher's addresses end far below a wrap of this. */
	unsigned long hi = min(PAGE_ALIGN(end), slot->uaddr + (unsigned long)slot->size);

	if (lo >= hi)
		return false;
	*gpa_start = slot->gpa + (lo - slot->uaddr);
	*gpa_end = slot->gpa + (hi - slot->uaddr);
	return true;
}

static int notifier_start(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	struct holm_mmu *mmu = container_of(mn, struct holm_mmu, notifier);
	bool yield = mmu_notifier_range_blockable(range);
	const struct holm_memslots *slots;
	LIST_HEAD(detached);
	u64 start, end;
	unsigned int i;
	int idx;

	idx = srcu_read_lock(&mmu->srcu);
	spin_lock(&mmu->lock);
	if (!mmu->invalidate_in_progress++) {
		mmu->invalidate_start = range->start;
		mmu->invalidate_end = range->end;
	} else {
		mmu->invalidate_start = min(mmu->invalidate_start, range->start);
		mmu->invalidate_end = max(mmu->invalidate_end, range->end);
	}

	slots = holm_slots(mmu);
	for (i = 0; i < slots->nr; i++) {
		if (slot_intersect(slots->sorted[i], range->start, range->end, &start, &end))
			holm_pt_zap(mmu, start, end, yield ? HOLM_PT_YIELD : 0, &detached);
	}
	spin_unlock(&mmu->lock);
	srcu_read_unlock(&mmu->srcu, idx);

	holm_pt_free(mmu, &detached, yield);
	return 0;
}

static void notifier_end(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	struct holm_mmu *mmu = container_of(mn, struct holm_mmu, notifier);

	spin_lock(&mmu->lock);
	/* Who reads the new number, in holm_invalidate_seq(), sees the new page tables. */
	smp_store_release(&mmu->invalidate_seq, mmu->invalidate_seq + 1);
	WARN_ON_ONCE(!mmu->invalidate_in_progress);
	mmu->invalidate_in_progress--;
	spin_unlock(&mmu->lock);
}

static bool notifier_age(struct holm_mmu *mmu, unsigned long start, unsigned long end, bool clear,
			 bool flush)
{
	const struct holm_memslots *slots;
	bool young = false;
	u64 lo, hi;
	unsigned int i;
	int idx;

	idx = srcu_read_lock(&mmu->srcu);
	spin_lock(&mmu->lock);
	slots = holm_slots(mmu);
	for (i = 0; i < slots->nr; i++) {
		if (slot_intersect(slots->sorted[i], start, end, &lo, &hi))
			young |= holm_pt_age(mmu, lo, hi, clear);
	}
	if (young && flush)
		holm_vm_flush_tlb(container_of(mmu, struct holm_vm, mmu));
	spin_unlock(&mmu->lock);
	srcu_read_unlock(&mmu->srcu, idx);
	return young;
}

static int notifier_clear_flush_young(struct mmu_notifier *mn, struct mm_struct *mm,
				      unsigned long start, unsigned long end)
{
	return notifier_age(container_of(mn, struct holm_mmu, notifier), start, end, true, true);
}

/* A TLB may go on using the entry without a mark: the page looks older. */
static int notifier_clear_young(struct mmu_notifier *mn, struct mm_struct *mm,
				unsigned long start, unsigned long end)
{
	return notifier_age(container_of(mn, struct holm_mmu, notifier), start, end, true, false);
}

static int notifier_test_young(struct mmu_notifier *mn, struct mm_struct *mm,
			       unsigned long address)
{
	return notifier_age(container_of(mn, struct holm_mmu, notifier), address,
			    address + PAGE_SIZE, false, false);
}

/*
 * The launcher's memory ends, before the VM's descriptors do when a process
 * exits. No thread runs the vCPUs any more, and holm_mmu_fault() needs one of
 * this mm.
 */
static void notifier_release(struct mmu_notifier *mn, struct mm_struct *mm)
{
	struct holm_mmu *mmu = container_of(mn, struct holm_mmu, notifier);
	LIST_HEAD(detached);

	spin_lock(&mmu->lock);
	holm_pt_zap(mmu, 0, holm_pt_limit(mmu->format), HOLM_PT_YIELD, &detached);
	spin_unlock(&mmu->lock);
	holm_pt_free(mmu, &detached, true);
}

const struct mmu_notifier_ops holm_notifier_ops = {
	.release = notifier_release,
	.clear_flush_young = notifier_clear_flush_young,
	.clear_young = notifier_clear_young,
	.test_young = notifier_test_young,
	.invalidate_range_start = notifier_start,
	.invalidate_range_end = notifier_end,
};
