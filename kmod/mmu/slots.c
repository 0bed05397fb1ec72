// SPDX-License-Identifier: GPL-2.0-only
/*
 * Slots: which guest-physical ranges are which launcher memory.
 *
 * Locking: mmu->slots_lock serializes changes. The table and the slots in it
 * are never changed but replaced, and readers are in SRCU sections, which are
 * short: none of them waits for a page.
 *
 * A slot gives translations (fault.c) as long as a reader may see it, and the
 * notifier takes them away by the table it finds. So a slot that goes, or moves
 * in guest-physical memory, first stays in the table as "dying"; when no
 * reader knows it alive any more its translations are removed; only then it
 * leaves the table. In between the notifier still finds it.
 *
 * All memory is allocated before the first table is published: from then on
 * a change cannot fail.
 */
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include <linux/uaccess.h>

#include "../holm.h"
#include "slots.h"
#include "walker.h"

int holm_slot_index(const struct holm_memslots *slots, u64 gpa)
{
	unsigned int lo = 0, hi = slots->nr;

	/* The last slot that does not begin behind gpa. */
	while (lo < hi) {
		unsigned int mid = lo + (hi - lo) / 2;

		if (slots->sorted[mid]->gpa <= gpa)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && holm_slot_has(slots->sorted[lo - 1], gpa) ? (int)lo - 1 : -1;
}

/* ---- tables ------------------------------------------------------------- */

static struct holm_memslots *table_alloc(unsigned int nr)
{
	struct holm_memslots *table;

	return kvzalloc(struct_size(table, sorted, nr), GFP_KERNEL_ACCOUNT);
}

/* A copy of @old with @remove (may be NULL) replaced by @insert (may be NULL). */
static struct holm_memslots *table_copy(const struct holm_memslots *old,
					const struct holm_memslot *remove,
					struct holm_memslot *insert)
{
	struct holm_memslots *new = table_alloc(old->nr + 1);
	unsigned int i;

	if (!new)
		return NULL;
	memcpy(new->by_id, old->by_id, sizeof(new->by_id));
	if (remove)
		new->by_id[remove->id] = NULL;
	if (insert)
		new->by_id[insert->id] = insert;

	for (i = 0; i < old->nr; i++) {
		struct holm_memslot *slot = old->sorted[i];

		if (slot == remove)
			continue;
		if (insert && insert->gpa < slot->gpa) {
			new->sorted[new->nr++] = insert;
			insert = NULL;
		}
		new->sorted[new->nr++] = slot;
	}
	if (insert)
		new->sorted[new->nr++] = insert;
	return new;
}

/* Make @new the table; afterwards nobody reads @old or what only it had. */
static void table_publish(struct holm_mmu *mmu, struct holm_memslots *new)
{
	struct holm_memslots *old = holm_slots_locked(mmu);

	new->generation = old->generation + 1;
	rcu_assign_pointer(mmu->slots, new);
	/* Who sees it finds nothing older: pairs with holm_window_move(). */
	smp_store_release(&mmu->slots_seq, mmu->slots_seq + 1);
	synchronize_srcu_expedited(&mmu->srcu);
	kvfree(old);
}

static bool table_overlaps(const struct holm_memslots *table, const struct holm_memslot *except,
			   u64 gpa, u64 size)
{
	unsigned int i;

	for (i = 0; i < table->nr; i++) {
		const struct holm_memslot *slot = table->sorted[i];

		if (slot != except && gpa < holm_slot_end(slot) && slot->gpa < gpa + size)
			return true;
	}
	return false;
}

int holm_slots_alloc(struct holm_mmu *mmu)
{
	struct holm_memslots *table = table_alloc(0);

	if (!table)
		return -ENOMEM;
	RCU_INIT_POINTER(mmu->slots, table);
	mmu->slots_seq = 1;
	mmu->log_max_pages = HOLM_LOG_MAX_PAGES;
	return 0;
}

void holm_slots_free(struct holm_mmu *mmu)
{
	struct holm_memslots *table = rcu_dereference_protected(mmu->slots, 1);
	unsigned int i;

	if (!table)
		return;
	for (i = 0; i < table->nr; i++) {
		kvfree(table->sorted[i]->dirty);
		kfree(table->sorted[i]);
	}
	kvfree(table);
	RCU_INIT_POINTER(mmu->slots, NULL);
}

u64 holm_slots_size(struct holm_mmu *mmu)
{
	const struct holm_memslots *table;
	unsigned int i;
	u64 size = 0;
	int idx;

	idx = srcu_read_lock(&mmu->srcu);
	table = srcu_dereference(mmu->slots, &mmu->srcu);
	for (i = 0; i < table->nr; i++)
		if (!table->sorted[i]->dying)
			size += table->sorted[i]->size;
	srcu_read_unlock(&mmu->srcu, idx);
	return size;
}

/* ---- slots -------------------------------------------------------------- */

/* What can be said about the argument without the table. */
static int slot_check(const struct holm_mmu *mmu, const struct holm_slot *arg)
{
	u64 limit = min(1ULL << mmu->phys_bits, holm_pt_limit(mmu->format));

	if (arg->slot >= HOLM_MAX_SLOTS ||
	    (arg->flags & ~(HOLM_SLOT_READONLY | HOLM_SLOT_LOG_DIRTY)))
		return -EINVAL;
	if (!arg->size)
		return 0;
	if (!PAGE_ALIGNED(arg->gpa | arg->size | arg->uaddr) ||
	    arg->size >> PAGE_SHIFT > HOLM_SLOT_MAX_PAGES)
		return -EINVAL;
	if (arg->gpa >= limit || arg->size > limit - arg->gpa)
		return -EINVAL;
	/* Without address tags, and all of it the user's. */
	if (arg->uaddr >= TASK_SIZE_MAX || arg->size > TASK_SIZE_MAX - arg->uaddr ||
	    !access_ok((void __user *)(unsigned long)arg->uaddr, arg->size))
		return -EINVAL;
	return 0;
}

/* 0, -E2BIG or -ENOMEM. */
static int slot_bitmap_alloc(struct holm_mmu *mmu, u64 size, unsigned long **bitmap)
{
	const struct holm_memslots *table = holm_slots_locked(mmu);
	u64 pages = size >> PAGE_SHIFT;
	unsigned int i;

	for (i = 0; i < table->nr; i++)
		if (table->sorted[i]->dirty)
			pages += holm_slot_pages(table->sorted[i]);
	if (pages > mmu->log_max_pages)
		return -E2BIG;
	/* Whole 64-bit words: the log is read in them. */
	*bitmap = kvcalloc(BITS_TO_U64(size >> PAGE_SHIFT), sizeof(u64), GFP_KERNEL_ACCOUNT);
	return *bitmap ? 0 : -ENOMEM;
}

static struct holm_memslot *slot_copy(const struct holm_memslot *slot)
{
	return kmemdup(slot, sizeof(*slot), GFP_KERNEL_ACCOUNT);
}

static void slot_zap(struct holm_mmu *mmu, const struct holm_memslot *slot, u32 flags)
{
	LIST_HEAD(detached);

	spin_lock(&mmu->lock);
	holm_pt_zap(mmu, slot->gpa, holm_slot_end(slot), flags | HOLM_PT_YIELD, &detached);
	spin_unlock(&mmu->lock);
	holm_pt_free(mmu, &detached, true);
}

static int slot_create(struct holm_mmu *mmu, const struct holm_slot *arg)
{
	struct holm_memslots *old = holm_slots_locked(mmu), *table;
	struct holm_memslot *slot;
	int err;

	if (table_overlaps(old, NULL, arg->gpa, arg->size))
		return -EEXIST;

	slot = kzalloc(sizeof(*slot), GFP_KERNEL_ACCOUNT);
	if (!slot)
		return -ENOMEM;
	slot->id = arg->slot;
	slot->flags = arg->flags;
	slot->gpa = arg->gpa;
	slot->size = arg->size;
	slot->uaddr = arg->uaddr;
	if (arg->flags & HOLM_SLOT_LOG_DIRTY) {
		err = slot_bitmap_alloc(mmu, arg->size, &slot->dirty);
		if (err)
			goto err_slot;
	}
	err = -ENOMEM;
	table = table_copy(old, NULL, slot);
	if (!table)
		goto err_bitmap;

	table_publish(mmu, table);
	return 0;

err_bitmap:
	kvfree(slot->dirty);
err_slot:
	kfree(slot);
	return err;
}

/*
 * Take @old out of the table by way of a dying copy, and put @new (NULL: none)
 * in. The dirty bitmap is left to the caller.
 */
static int slot_replace(struct holm_mmu *mmu, struct holm_memslot *old, struct holm_memslot *new)
{
	struct holm_memslots *first, *second;
	struct holm_memslot *dying;

	dying = slot_copy(old);
	if (!dying)
		return -ENOMEM;
	dying->dying = true;
	first = table_copy(holm_slots_locked(mmu), old, dying);
	if (!first)
		goto err_dying;
	second = table_copy(first, dying, new);
	if (!second)
		goto err_first;

	table_publish(mmu, first);
	slot_zap(mmu, dying, 0);
	table_publish(mmu, second);
	kfree(dying);
	kfree(old);
	return 0;

err_first:
	kvfree(first);
err_dying:
	kfree(dying);
	return -ENOMEM;
}

static int slot_remove(struct holm_mmu *mmu, struct holm_memslot *old)
{
	unsigned long *dirty = old->dirty;
	int err = slot_replace(mmu, old, NULL);

	if (!err)
		kvfree(dirty);
	return err;
}

/* @old was replaced in its place by @new: take away what @new does not give. */
static void slot_flags_changed(struct holm_mmu *mmu, const struct holm_memslot *new,
			       u32 old_flags)
{
	u32 on = new->flags & ~old_flags, off = old_flags & ~new->flags;

	if (on) {
		/* PML needs the write access that a read-only slot takes. */
		bool pml = mmu->format->pml && !(on & HOLM_SLOT_READONLY);

		spin_lock(&mmu->lock);
		holm_pt_protect(mmu, new->gpa, holm_slot_end(new), pml, HOLM_PT_YIELD);
		spin_unlock(&mmu->lock);
	}
	/* What logging broke up may become huge again. */
	if (off & HOLM_SLOT_LOG_DIRTY)
		slot_zap(mmu, new, HOLM_PT_TABLES);
}

static int slot_modify(struct holm_mmu *mmu, struct holm_memslot *old, const struct holm_slot *arg)
{
	struct holm_memslots *table = holm_slots_locked(mmu);
	u32 old_flags = old->flags, changed = old_flags ^ arg->flags;
	unsigned long *old_dirty = old->dirty;
	struct holm_memslot *new;
	int err;

	if (arg->uaddr != old->uaddr || arg->size != old->size)
		return -EINVAL;
	if (!changed && arg->gpa == old->gpa)
		return 0;
	if (table_overlaps(table, old, arg->gpa, arg->size))
		return -EEXIST;

	new = slot_copy(old);
	if (!new)
		return -ENOMEM;
	new->gpa = arg->gpa;
	new->flags = arg->flags;
	if (changed & HOLM_SLOT_LOG_DIRTY) {
		new->dirty = NULL;
		if (arg->flags & HOLM_SLOT_LOG_DIRTY) {
			err = slot_bitmap_alloc(mmu, arg->size, &new->dirty);
			if (err)
				goto err_new;
		}
	}

	err = -ENOMEM;
	if (arg->gpa != old->gpa) {
		err = slot_replace(mmu, old, new);
		if (err)
			goto err_bitmap;
	} else {
		table = table_copy(table, old, new);
		if (!table)
			goto err_bitmap;
		table_publish(mmu, table);
		kfree(old);
		slot_flags_changed(mmu, new, old_flags);
	}
	if (old_dirty != new->dirty)
		kvfree(old_dirty);
	return 0;

err_bitmap:
	if (new->dirty != old_dirty)
		kvfree(new->dirty);
err_new:
	kfree(new);
	return err;
}

int holm_slot_set(struct holm_vm *vm, const struct holm_slot *arg)
{
	struct holm_mmu *mmu = &vm->mmu;
	struct holm_memslot *old;
	int err;

	err = slot_check(mmu, arg);
	if (err)
		return err;

	mutex_lock(&mmu->slots_lock);
	old = holm_slots_locked(mmu)->by_id[array_index_nospec(arg->slot, HOLM_MAX_SLOTS)];
	if (!arg->size)
		err = old ? slot_remove(mmu, old) : -ENOENT;
	else if (old)
		err = slot_modify(mmu, old, arg);
	else
		err = slot_create(mmu, arg);
	mutex_unlock(&mmu->slots_lock);
	return err;
}
