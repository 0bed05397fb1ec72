/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The MMU notifier, as the rest of mmu/ sees it.
 */
#ifndef HOLM_MMU_NOTIFIER_H
#define HOLM_MMU_NOTIFIER_H

#include <linux/types.h>

#include "mmu.h"

extern const struct mmu_notifier_ops holm_notifier_ops;

/**
 * holm_invalidate_seq() - what to give to holm_invalidated() later
 * @mmu: the memory
 *
 * To be called before the launcher's page tables are looked at.
 */
static inline unsigned long holm_invalidate_seq(struct holm_mmu *mmu)
{
	/* Pairs with the end of an invalidation: its number, its page tables. */
	return smp_load_acquire(&mmu->invalidate_seq);
}

/**
 * holm_invalidated() - may what was found at an address have changed?
 * @mmu: mmu->lock held
 * @seq: of holm_invalidate_seq(), before the page tables were looked at
 * @start: launcher address
 * @end: address behind the range
 */
static inline bool holm_invalidated(struct holm_mmu *mmu, unsigned long seq,
				    unsigned long start, unsigned long end)
{
	lockdep_assert_held(&mmu->lock);
	if (mmu->invalidate_in_progress && start < mmu->invalidate_end &&
	    mmu->invalidate_start < end)
		return true;
	return seq != mmu->invalidate_seq;
}

#endif /* HOLM_MMU_NOTIFIER_H */
