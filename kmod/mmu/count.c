// SPDX-License-Identifier: GPL-2.0-only
/*
 * What slots there are, and what the guest has of them, for the control plane.
 *
 * Locking: who asks is no thread of the VM's, and may have the whole memory of a
 * large guest counted. So it is done in pieces: mmu->lock for some entries of the
 * tables, an SRCU section for a part of a bitmap, and nothing in between, where a
 * slot may change or go. Neither faults nor the log pay for it.
 */
#include <linux/bitops.h>
#include <linux/minmax.h>
#include <linux/nospec.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/string.h>

#include "../holm.h"
#include "slots.h"
#include "walker.h"

/* Words of a bitmap that are counted in one SRCU section: those of 1 GiB. */
#define COUNT_WORDS	4096

bool holm_slots_logged(struct holm_mmu *mmu)
{
	const struct holm_memslots *table;
	bool logged = false;
	unsigned int i;
	int idx;

	idx = srcu_read_lock(&mmu->srcu);
	table = holm_slots(mmu);
	for (i = 0; i < table->nr && !logged; i++)
		logged = table->sorted[i]->flags & HOLM_SLOT_LOG_DIRTY;
	srcu_read_unlock(&mmu->srcu, idx);
	return logged;
}

bool holm_slot_next(struct holm_mmu *mmu, u32 id, struct holm_slot *slot)
{
	const struct holm_memslot *found = NULL;
	const struct holm_memslots *table;
	int idx;

	idx = srcu_read_lock(&mmu->srcu);
	table = holm_slots(mmu);
	for (; id < HOLM_MAX_SLOTS && !found; id++)
		found = table->by_id[array_index_nospec(id, HOLM_MAX_SLOTS)];
	if (found)
		*slot = (struct holm_slot) {
			.slot = found->id,
			.flags = found->flags,
			.gpa = found->gpa,
			.size = found->size,
			.uaddr = found->uaddr,
		};
	srcu_read_unlock(&mmu->srcu, idx);
	return found;
}

/*
 * Count the part of a slot's bitmap that begins with word *@word, and move on behind
 * it. Return: whether the slot logs; *@more says whether there is another part.
 */
static bool count_dirty(struct holm_mmu *mmu, u32 id, u64 *word, u64 *dirty, bool *more)
{
	const struct holm_memslot *slot;
	bool logged;
	u64 end;
	int idx;

	idx = srcu_read_lock(&mmu->srcu);
	slot = holm_slots(mmu)->by_id[id];
	logged = slot && slot->dirty;
	*more = false;
	if (logged) {
		u64 words = BITS_TO_LONGS(holm_slot_pages(slot));

		/* Bits behind the last page are never set. */
		end = min(words, *word + COUNT_WORDS);
		for (; *word < end; ++*word)
			*dirty += hweight_long(READ_ONCE(slot->dirty[*word]));
		*more = end < words;
	}
	srcu_read_unlock(&mmu->srcu, idx);
	return logged;
}

int holm_slot_count(struct holm_mmu *mmu, const struct holm_slot *slot,
		    struct holm_slot_count *count)
{
	u64 gpa = slot->gpa, end = slot->gpa + slot->size, word = 0;
	bool more = true;

	memset(count, 0, sizeof(*count));
	while (gpa < end) {
		spin_lock(&mmu->lock);
		gpa = holm_pt_count(mmu, HOLM_MMU_ROOT_GUEST, gpa, end, count->pages);
		spin_unlock(&mmu->lock);
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	while (more) {
		count->logged = count_dirty(mmu, slot->slot, &word, &count->dirty, &more);
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}
