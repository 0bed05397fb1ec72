/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Slots, as the rest of mmu/ sees them.
 */
#ifndef HOLM_MMU_SLOTS_H
#define HOLM_MMU_SLOTS_H

#include <linux/bitops.h>
#include <linux/mm.h>
#include <linux/srcu.h>
#include <linux/types.h>

#include "../../uapi/linux/holm.h"
#include "mmu.h"

/*
 * Pages of one slot at most: a page's number fits 31 bits, and a dirty bitmap
 * 256 MiB.
 */
#define HOLM_SLOT_MAX_PAGES	((1ULL << 31) - 1)

/*
 * Pages of all slots of a VM that log, at most: 4 TiB, with bitmaps of 128 MiB.
 * A bitmap costs what the slot is large, whether there is memory behind it or
 * not; where no memory cgroup bounds that, this does.
 */
#define HOLM_LOG_MAX_PAGES	(1ULL << 30)

/**
 * struct holm_memslot - a slot; never changes once it is in a table, but for
 *	the bits in @dirty
 * @id: its number
 * @flags: HOLM_SLOT_*
 * @gpa: first guest-physical address
 * @size: bytes
 * @uaddr: address in the launcher's memory
 * @dying: on its way out: gives no new translation, but those that it gave
 *	are still taken away by the notifier
 * @dirty: a bit for each page with HOLM_SLOT_LOG_DIRTY, otherwise NULL
 */
struct holm_memslot {
	u32 id;
	u32 flags;
	u64 gpa;
	u64 size;
	unsigned long uaddr;
	bool dying;
	unsigned long *dirty;
};

/**
 * struct holm_memslots - the table of slots; replaced whole, SRCU-protected
 * @generation: another one in each table
 * @nr: slots in @sorted
 * @by_id: slot of each number, or NULL
 * @sorted: by gpa
 */
struct holm_memslots {
	u64 generation;
	unsigned int nr;
	struct holm_memslot *by_id[HOLM_MAX_SLOTS];
	struct holm_memslot *sorted[];
};

static inline u64 holm_slot_end(const struct holm_memslot *slot)
{
	return slot->gpa + slot->size;
}

static inline u64 holm_slot_pages(const struct holm_memslot *slot)
{
	return slot->size >> PAGE_SHIFT;
}

/* The launcher's address of @gpa, which is in the slot. */
static inline unsigned long holm_slot_uaddr(const struct holm_memslot *slot, u64 gpa)
{
	return slot->uaddr + (gpa - slot->gpa);
}

/* The page at @gpa, which is in the slot, was written. */
static inline void holm_slot_mark_dirty(const struct holm_memslot *slot, u64 gpa)
{
	u64 page = (gpa - slot->gpa) >> PAGE_SHIFT;

	if (slot->dirty && !test_bit(page, slot->dirty))
		set_bit(page, slot->dirty);
}

/* The current table, inside srcu_read_lock(&mmu->srcu). */
static inline const struct holm_memslots *holm_slots(struct holm_mmu *mmu)
{
	return srcu_dereference(mmu->slots, &mmu->srcu);
}

/* The current table, for those who hold mmu->slots_lock. */
static inline struct holm_memslots *holm_slots_locked(struct holm_mmu *mmu)
{
	return rcu_dereference_protected(mmu->slots, lockdep_is_held(&mmu->slots_lock));
}

static inline bool holm_slot_has(const struct holm_memslot *slot, u64 gpa)
{
	return gpa - slot->gpa < slot->size;
}

/* Where in @slots->sorted the slot at @gpa is, which may be dying; or -1. */
int holm_slot_index(const struct holm_memslots *slots, u64 gpa);

/**
 * holm_slot_find() - the slot at a guest-physical address
 * @slots: table
 * @gpa: address
 *
 * Return: the slot, which may be dying, or NULL.
 */
static inline struct holm_memslot *holm_slot_find(const struct holm_memslots *slots, u64 gpa)
{
	int index = holm_slot_index(slots, gpa);

	return index < 0 ? NULL : slots->sorted[index];
}

/* The same; @last is where the caller found one before, in any table. */
static inline struct holm_memslot *holm_slot_find_near(const struct holm_memslots *slots, u64 gpa,
						       unsigned int *last)
{
	int index;

	if (likely(*last < slots->nr && holm_slot_has(slots->sorted[*last], gpa)))
		return slots->sorted[*last];
	index = holm_slot_index(slots, gpa);
	if (index < 0)
		return NULL;
	*last = index;
	return slots->sorted[index];
}

/* An empty table, or the end of all slots: nobody uses them any more. */
int holm_slots_alloc(struct holm_mmu *mmu);
void holm_slots_free(struct holm_mmu *mmu);

#endif /* HOLM_MMU_SLOTS_H */
