// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty bitmaps.
 *
 * Locking: bits are set by anybody who knows the slot (SRCU, or
 * mmu->slots_lock) with atomic operations. holm_dirty_log_get() holds
 * mmu->slots_lock, and takes bits and write access away under one hold of
 * mmu->lock; a fault gives them together under it (fault.c). So a page is
 * writable through a mapping only while its bit is set, and a write after the
 * call shows in the next one. (With PML: is marked dirty only while its bit is
 * set or its address is in a vCPU's log.)
 */
#include <linux/atomic.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "../holm.h"
#include "slots.h"
#include "walker.h"

/* Words handled between two tests for a reason to drop the lock. */
#define DIRTY_BREAK_INTERVAL	64

static_assert(BITS_PER_LONG == 64, "a word of the log is a word of the bitmap");

void holm_dirty_mark(struct holm_vm *vm, u64 gpa)
{
	struct holm_mmu *mmu = &vm->mmu;
	const struct holm_memslot *slot;
	int idx;

	idx = srcu_read_lock(&mmu->srcu);
	slot = holm_slot_find(holm_slots(mmu), gpa);
	if (slot)
		holm_slot_mark_dirty(slot, gpa);
	srcu_read_unlock(&mmu->srcu, idx);
}

static int dirty_check(const struct holm_memslot *slot, const struct holm_dirty_log *arg)
{
	u64 pages = holm_slot_pages(slot);

	if (!slot->dirty)
		return -ENOENT;
	if (!arg->num_pages || arg->first_page % 64)
		return -EINVAL;
	if (arg->first_page >= pages || arg->num_pages > pages - arg->first_page)
		return -EINVAL;
	if (arg->num_pages % 64 && arg->first_page + arg->num_pages != pages)
		return -EINVAL;
	return 0;
}

/* Move @n words of the bitmap from word @first to @log; the pages are protected. */
static void dirty_collect(struct holm_mmu *mmu, const struct holm_memslot *slot, u64 first,
			  u64 *log, u64 n)
{
	struct holm_vm *vm = container_of(mmu, struct holm_vm, mmu);
	bool flush = false;
	u64 i;

	spin_lock(&mmu->lock);
	for (i = 0; i < n; i++) {
		unsigned long *word = &slot->dirty[first + i];
		u64 base = slot->gpa + ((first + i) * 64 << PAGE_SHIFT);

		log[i] = READ_ONCE(*word) ? xchg(word, 0UL) : 0;
		if (log[i])
			flush |= holm_pt_protect_noflush(mmu,
				base + ((u64)__ffs64(log[i]) << PAGE_SHIFT),
				base + ((u64)fls64(log[i]) << PAGE_SHIFT), mmu->format->pml);

		if (i % DIRTY_BREAK_INTERVAL == DIRTY_BREAK_INTERVAL - 1 &&
		    (need_resched() || spin_needbreak(&mmu->lock))) {
			if (flush)
				holm_vm_flush_tlb(vm);
			flush = false;
			cond_resched_lock(&mmu->lock);
		}
	}
	if (flush)
		holm_vm_flush_tlb(vm);
	spin_unlock(&mmu->lock);
}

int holm_dirty_log_get(struct holm_vm *vm, const struct holm_dirty_log *arg)
{
	struct holm_mmu *mmu = &vm->mmu;
	const struct holm_memslot *slot;
	u64 *log, first, i, n;
	int err;

	if (arg->slot >= HOLM_MAX_SLOTS || arg->flags)
		return -EINVAL;

	mutex_lock(&mmu->slots_lock);
	slot = holm_slots_locked(mmu)->by_id[array_index_nospec(arg->slot, HOLM_MAX_SLOTS)];
	err = slot ? dirty_check(slot, arg) : -ENOENT;
	if (err)
		goto out_unlock;

	/* All of it at once: one flush, and what cannot be delivered goes back. */
	first = arg->first_page / 64;
	n = DIV_ROUND_UP(arg->num_pages, 64);
	log = kvmalloc_array(n, sizeof(*log), GFP_KERNEL_ACCOUNT);
	if (!log) {
		err = -ENOMEM;
		goto out_unlock;
	}

	/* Out of the guest, where the log of writes is emptied into the bitmap. */
	if (mmu->format->pml)
		holm_vm_flush_tlb(vm);
	dirty_collect(mmu, slot, first, log, n);

	if (copy_to_user((void __user *)(unsigned long)arg->bitmap, log, n * sizeof(*log))) {
		for (i = 0; i < n; i++) {
			if (log[i])
				atomic64_or(log[i], (atomic64_t *)&slot->dirty[first + i]);
		}
		err = -EFAULT;
	}
	kvfree(log);
out_unlock:
	mutex_unlock(&mmu->slots_lock);
	return err;
}
