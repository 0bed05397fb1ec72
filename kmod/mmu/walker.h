/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The page-table walker: what the rest of mmu/ does to second-level tables.
 *
 * Everything here works on a struct holm_mmu under mmu->lock, for every root
 * where not said otherwise. The lock is never released with changes that a
 * vCPU may not have noticed: whatever takes a translation or a right away
 * ends in holm_vm_flush_tlb() before mmu->lock is dropped, also where a long
 * operation drops it half-way. So whoever finds an entry without a right,
 * under mmu->lock, knows that no TLB still grants it.
 *
 * Tables that leave the tree go on a list of the caller ("detached") and are
 * freed by holm_pt_free(), after that flush and outside of the lock.
 */
#ifndef HOLM_MMU_WALKER_H
#define HOLM_MMU_WALKER_H

#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/types.h>

#include "mmu.h"

#define HOLM_PT_ENTRIES		512

static inline unsigned int holm_pt_shift(int level)
{
	return 12 + 9 * (level - 1);
}

/* Bytes that an entry at @level maps. */
static inline u64 holm_pt_size(int level)
{
	return 1ULL << holm_pt_shift(level);
}

static inline unsigned int holm_pt_index(u64 gpa, int level)
{
	return (gpa >> holm_pt_shift(level)) % HOLM_PT_ENTRIES;
}

/* First guest-physical address that the tables of @format cannot translate. */
static inline u64 holm_pt_limit(const struct holm_mmu_format *format)
{
	return holm_pt_size(format->levels + 1);
}

/* Flags of holm_pt_zap() and holm_pt_protect(). */
#define HOLM_PT_YIELD	(1U << 0)	/* may drop mmu->lock and sleep on the way */
#define HOLM_PT_TABLES	(1U << 1)	/* zap: only tables of 4K entries, so that huge
					 * pages may come back; huge leaves stay
					 */

/* Have at least @need pages. May sleep. Return: 0 or -ENOMEM. */
int holm_pt_cache_fill(struct holm_pt_cache *cache, unsigned int need);
void holm_pt_cache_drain(struct holm_pt_cache *cache);

/* Root tables: 0 or -ENOMEM; may sleep. Freeing: no CPU uses them any more. */
int holm_pt_roots_alloc(struct holm_mmu *mmu);
void holm_pt_roots_free(struct holm_mmu *mmu);

/**
 * struct holm_pt_leaf - a translation to be installed
 * @gpa: guest-physical address
 * @pa: host-physical address; congruent to @gpa modulo the page's size
 * @level: size of the page
 * @access: HOLM_ACCESS_*
 * @dirty: the entry starts with its dirty mark
 * @keep_tables: where there is a table at @level, make the translation below
 *	it instead of replacing the table
 */
struct holm_pt_leaf {
	u64 gpa;
	u64 pa;
	int level;
	u32 access;
	bool dirty;
	bool keep_tables;
};

/**
 * holm_pt_map() - install a translation
 * @mmu: mmu->lock held
 * @root: root table
 * @leaf: the translation
 * @cache: pages for missing tables
 * @detached: gets the table that a huge leaf replaces
 *
 * A larger leaf in the way is split; a table at @leaf->level is replaced
 * ("collapse") unless @leaf->keep_tables. With format->nx_huge, a huge leaf is
 * made without HOLM_ACCESS_FETCH. A leaf for the same page keeps the rights it had; one for another
 * page is replaced and flushed.
 *
 * Return: 0, or the number of pages that @cache lacked, and then nothing but
 * empty tables was added.
 */
unsigned int holm_pt_map(struct holm_mmu *mmu, unsigned int root, const struct holm_pt_leaf *leaf,
			 struct holm_pt_cache *cache, struct list_head *detached);

/**
 * holm_pt_split() - break up a huge leaf
 * @mmu: mmu->lock held
 * @root: root table
 * @gpa: guest-physical address
 * @level: pages at @gpa are to be no larger than this
 * @cache: pages for tables
 *
 * The translation and its rights stay, so nothing is flushed.
 *
 * Return: 0, or the number of pages that @cache lacked.
 */
unsigned int holm_pt_split(struct holm_mmu *mmu, unsigned int root, u64 gpa, int level,
			   struct holm_pt_cache *cache);

/**
 * holm_pt_zap() - remove translations
 * @mmu: mmu->lock held
 * @start: first guest-physical address
 * @end: first address behind the range
 * @flags: HOLM_PT_*
 * @detached: gets tables that are wholly inside the range
 *
 * A leaf that is only partly inside goes as a whole. Flushes.
 *
 * Return: whether anything was there.
 */
bool holm_pt_zap(struct holm_mmu *mmu, u64 start, u64 end, u32 flags, struct list_head *detached);

/**
 * holm_pt_protect() - make sure that the next write is noticed
 * @mmu: mmu->lock held
 * @start: first guest-physical address
 * @end: first address behind the range
 * @pml: clear dirty marks of 4K leaves instead of their write access
 * @flags: HOLM_PT_YIELD
 *
 * Flushes, unless nothing changed.
 *
 * Return: whether anything changed.
 */
bool holm_pt_protect(struct holm_mmu *mmu, u64 start, u64 end, bool pml, u32 flags);

/* holm_pt_protect() for many ranges and one flush, which is left to the caller. */
bool holm_pt_protect_noflush(struct holm_mmu *mmu, u64 start, u64 end, bool pml);

/**
 * holm_pt_age() - has the guest used the range?
 * @mmu: mmu->lock held
 * @start: first guest-physical address
 * @end: first address behind the range
 * @clear: forget it. Without accessed bits the translation is removed and
 *	flushed, so that the next use shows as a fault; with them the caller
 *	decides about a flush.
 *
 * Return: whether there was a use since the last call with @clear.
 */
bool holm_pt_age(struct holm_mmu *mmu, u64 start, u64 end, bool clear);

/**
 * holm_pt_lookup() - the entry that translates an address
 * @mmu: mmu->lock held
 * @root: root table
 * @gpa: guest-physical address
 * @level: set to the level of the entry
 *
 * Return: the leaf, or the entry (not present) where the walk ends.
 */
u64 holm_pt_lookup(struct holm_mmu *mmu, unsigned int root, u64 gpa, int *level);

/**
 * holm_pt_count() - how many pages a range has translations for, by their size
 * @mmu: mmu->lock held
 * @root: root table
 * @start: first guest-physical address
 * @end: first address behind the range
 * @leaves: by level, up to HOLM_PG_1G: those found are added
 *
 * Looks at some of it: call again, from where it ended, with the lock dropped in
 * between. What has no table is passed over at once. A leaf counts where it begins,
 * so that none counts twice however the range is cut, and whatever becomes larger
 * meanwhile.
 *
 * Return: the address behind what was looked at; @end: that was all.
 */
u64 holm_pt_count(struct holm_mmu *mmu, unsigned int root, u64 start, u64 end, u64 *leaves);

/**
 * holm_pt_free() - free detached tables and all below them
 * @mmu: mmu->lock not held; the tables were flushed
 * @detached: list, empty afterwards
 * @yield: may sleep
 */
void holm_pt_free(struct holm_mmu *mmu, struct list_head *detached, bool yield);

#endif /* HOLM_MMU_WALKER_H */
