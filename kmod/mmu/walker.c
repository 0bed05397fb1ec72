// SPDX-License-Identifier: GPL-2.0-only
/*
 * The second-level page-table walker.
 *
 * Locking: software changes entries only under mmu->lock; walker.h has the
 * rule about flushes. The CPU walks the tables at any time and sets accessed
 * and dirty bits with locked operations, so a present entry is replaced by
 * xchg() or cmpxchg() and never by read, change and write.
 *
 * Nothing depends on a dirty bit that is lost when an entry is replaced: a
 * page is set dirty when it is mapped writable (fault.c), and with PML a write
 * through an entry without the bit is logged again.
 */
#include <linux/atomic.h>
#include <linux/bug.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/sched.h>

#include "../holm.h"
#include "walker.h"

/* Entries looked at between two tests for a reason to drop the lock. */
#define PT_BREAK_INTERVAL	512

/* Entries that are counted under one hold of the lock: two tables, some microseconds. */
#define PT_COUNT_ENTRIES	(2 * HOLM_PT_ENTRIES)

static struct page *pt_page(const struct holm_mmu_format *fmt, u64 entry)
{
	return pfn_to_page(fmt->pa(entry) >> PAGE_SHIFT);
}

static u64 *pt_table(const struct holm_mmu_format *fmt, u64 entry)
{
	return page_address(pt_page(fmt, entry));
}

static void pt_flush(struct holm_mmu *mmu)
{
	lockdep_assert_held(&mmu->lock);
	holm_vm_flush_tlb(container_of(mmu, struct holm_vm, mmu));
}

/* ---- pages for tables --------------------------------------------------- */

int holm_pt_cache_fill(struct holm_pt_cache *cache, unsigned int need)
{
	if (WARN_ON_ONCE(need > ARRAY_SIZE(cache->pages)))
		return -ENOMEM;

	while (cache->nr < need) {
		struct page *page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);

		if (!page)
			return -ENOMEM;
		cache->pages[cache->nr++] = page;
	}
	return 0;
}

void holm_pt_cache_drain(struct holm_pt_cache *cache)
{
	while (cache->nr)
		__free_page(cache->pages[--cache->nr]);
}

int holm_pt_roots_alloc(struct holm_mmu *mmu)
{
	unsigned int i;

	for (i = 0; i < HOLM_MMU_ROOTS; i++) {
		struct page *page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);

		if (!page) {
			holm_pt_roots_free(mmu);
			return -ENOMEM;
		}
		mmu->roots[i].table = page_address(page);
		mmu->roots[i].pa = PFN_PHYS(page_to_pfn(page));
		mmu->nr_tables++;
	}
	return 0;
}

void holm_pt_roots_free(struct holm_mmu *mmu)
{
	LIST_HEAD(detached);
	unsigned int i;

	for (i = 0; i < HOLM_MMU_ROOTS; i++) {
		struct page *page;

		if (!mmu->roots[i].table)
			continue;
		page = virt_to_page(mmu->roots[i].table);
		set_page_private(page, mmu->format->levels);
		list_add(&page->lru, &detached);
		mmu->roots[i].table = NULL;
		mmu->roots[i].last = NULL;
		mmu->roots[i].pa = 0;
	}
	holm_pt_free(mmu, &detached, true);
}

/* ---- the iterator ------------------------------------------------------- */

/*
 * Visits every entry on the way through [gpa, end), tables before what they
 * refer to. @gpa is the first address not yet done: at first the start of the
 * range, later the base of the entry.
 */
struct pt_iter {
	struct holm_mmu *mmu;
	const struct holm_mmu_format *fmt;
	u64 gpa;
	u64 end;
	u64 *ep;			/* the entry, and */
	u64 entry;			/* what was read from it */
	int level;
	unsigned int root;
	unsigned int visited;
	u64 *tables[HOLM_PT_MAX_LEVELS + 1];	/* by level of their entries */
};

static void pt_iter_load(struct pt_iter *it)
{
	it->ep = &it->tables[it->level][holm_pt_index(it->gpa, it->level)];
	it->entry = READ_ONCE(*it->ep);
}

static void pt_iter_top(struct pt_iter *it)
{
	it->visited = 0;
	it->level = it->fmt->levels;
	it->tables[it->level] = it->mmu->roots[it->root].table;
	if (it->gpa < it->end)
		pt_iter_load(it);
}

static void pt_iter_begin(struct pt_iter *it, struct holm_mmu *mmu, unsigned int root,
			  u64 start, u64 end)
{
	lockdep_assert_held(&mmu->lock);
	it->mmu = mmu;
	it->fmt = mmu->format;
	it->root = root;
	it->ep = NULL;
	it->entry = 0;
	it->gpa = start;
	it->end = min(end, holm_pt_limit(it->fmt));
	pt_iter_top(it);
}

static bool pt_iter_present(const struct pt_iter *it)
{
	return it->fmt->present(it->entry);
}

static bool pt_iter_leaf(const struct pt_iter *it)
{
	return it->fmt->leaf(it->entry, it->level);
}

/* The entry's whole span is in [start, end). */
static bool pt_iter_covered(const struct pt_iter *it, u64 start)
{
	u64 base = it->gpa & ~(holm_pt_size(it->level) - 1);

	return base >= start && it->end - base >= holm_pt_size(it->level);
}

/* The span of *@it is done: go to the entry behind it. */
static void pt_iter_skip(struct pt_iter *it)
{
	it->visited++;
	it->gpa = (it->gpa | (holm_pt_size(it->level) - 1)) + 1;
	if (it->gpa >= it->end)
		return;
	while (it->level < it->fmt->levels && !holm_pt_index(it->gpa, it->level))
		it->level++;
	pt_iter_load(it);
}

static void pt_iter_next(struct pt_iter *it)
{
	if (!pt_iter_present(it) || pt_iter_leaf(it)) {
		pt_iter_skip(it);
		return;
	}
	it->visited++;
	it->level--;
	it->tables[it->level] = pt_table(it->fmt, it->entry);
	pt_iter_load(it);
}

/*
 * Let others have the lock or the CPU now and then, with nothing left to
 * flush. The tables may be others afterwards: start again from the root.
 */
static void pt_iter_break(struct pt_iter *it, bool *flush)
{
	if (it->visited < PT_BREAK_INTERVAL)
		return;
	it->visited = 0;
	if (!need_resched() && !spin_needbreak(&it->mmu->lock))
		return;
	if (*flush) {
		pt_flush(it->mmu);
		*flush = false;
	}
	cond_resched_lock(&it->mmu->lock);
	pt_iter_top(it);
}

/* Replace the entry by fn(entry), whatever the CPU does to it meanwhile. */
static void pt_iter_change(struct pt_iter *it, u64 (*fn)(u64 entry))
{
	u64 new;

	do {
		new = fn(it->entry);
	} while (!try_cmpxchg64(it->ep, &it->entry, new));
	it->entry = new;
}

static void pt_iter_clear(struct pt_iter *it)
{
	xchg(it->ep, 0ULL);
	it->entry = 0;
}

/* The table that the entry refers to, which no tree has any more, is to be freed. */
static void pt_add_detached(const struct holm_mmu_format *fmt, u64 entry, int level,
			    struct list_head *detached)
{
	struct page *page = pt_page(fmt, entry);

	set_page_private(page, level - 1);
	list_add(&page->lru, detached);
}

/* Take the table that the entry refers to off the tree. */
static void pt_detach(struct holm_mmu *mmu, u64 entry, int level, struct list_head *detached)
{
	unsigned int i;

	lockdep_assert_held(&mmu->lock);
	/* It, or a table below it, may be the one. */
	for (i = 0; i < HOLM_MMU_ROOTS; i++)
		mmu->roots[i].last = NULL;
	pt_add_detached(mmu->format, entry, level, detached);
}

/* ---- map and split ------------------------------------------------------ */

/* Put a table that translates as the leaf @entry at *@ep does in its place. */
static void pt_split(struct holm_mmu *mmu, u64 *ep, u64 entry, int level, struct page *page)
{
	const struct holm_mmu_format *fmt = mmu->format;
	u64 *table = page_address(page);
	u64 parent = fmt->make_table(PFN_PHYS(page_to_pfn(page)));

	do {
		u64 pa = fmt->pa(entry);
		unsigned int i;

		for (i = 0; i < HOLM_PT_ENTRIES; i++) {
			u64 child = fmt->make_leaf(pa, level - 1, fmt->access(entry),
						   fmt->dirty(entry));

			if (!fmt->accessed(entry))
				child = fmt->clear_accessed(child);
			table[i] = child;
			pa += holm_pt_size(level - 1);
		}
		/* Orders the stores above before the entry becomes visible. */
	} while (!try_cmpxchg64(ep, &entry, parent));

	mmu->nr_tables++;
	mmu->nr_leaves[level]--;
	mmu->nr_leaves[level - 1] += HOLM_PT_ENTRIES;
}

/*
 * Find the entry for @gpa at @level, making tables and splitting leaves on the
 * way; with !@grow, stop where there is no table. *@need is the number of pages
 * that @cache lacked, and then there is no entry.
 */
static u64 *pt_descend(struct holm_mmu *mmu, unsigned int root, u64 gpa, int level, bool grow,
		       struct holm_pt_cache *cache, unsigned int *need)
{
	const struct holm_mmu_format *fmt = mmu->format;
	u64 *table = mmu->roots[root].table;
	u64 last_gpa = gpa & ~(holm_pt_size(HOLM_PG_2M) - 1);
	int l;

	lockdep_assert_held(&mmu->lock);
	*need = 0;
	if (level == HOLM_PG_4K && mmu->roots[root].last && mmu->roots[root].last_gpa == last_gpa)
		return &mmu->roots[root].last[holm_pt_index(gpa, level)];
	for (l = fmt->levels; l > level; l--) {
		u64 *ep = &table[holm_pt_index(gpa, l)];
		u64 entry = READ_ONCE(*ep);

		if (!fmt->present(entry)) {
			struct page *page;

			if (!grow)
				return NULL;
			if (!cache->nr) {
				*need = l - level;
				return NULL;
			}
			page = cache->pages[--cache->nr];
			/* The page's zeroes before the entry: x86 keeps stores in order. */
			smp_store_release(ep, fmt->make_table(PFN_PHYS(page_to_pfn(page))));
			mmu->nr_tables++;
		} else if (fmt->leaf(entry, l)) {
			if (!cache->nr) {
				*need = l - level;
				return NULL;
			}
			pt_split(mmu, ep, entry, l, cache->pages[--cache->nr]);
		}
		table = pt_table(fmt, READ_ONCE(*ep));
	}
	if (level == HOLM_PG_4K) {
		mmu->roots[root].last = table;
		mmu->roots[root].last_gpa = last_gpa;
	}
	return &table[holm_pt_index(gpa, level)];
}

unsigned int holm_pt_map(struct holm_mmu *mmu, unsigned int root, const struct holm_pt_leaf *leaf,
			 struct holm_pt_cache *cache, struct list_head *detached)
{
	const struct holm_mmu_format *fmt = mmu->format;
	int level = leaf->level;
	u32 access = leaf->access;
	bool dirty = leaf->dirty;
	u64 old, new, base;
	unsigned int need;
	u64 *ep;

	ep = pt_descend(mmu, root, leaf->gpa, level, true, cache, &need);
	if (!ep)
		return need;
	old = READ_ONCE(*ep);

	while (leaf->keep_tables && fmt->present(old) && !fmt->leaf(old, level)) {
		ep = &pt_table(fmt, old)[holm_pt_index(leaf->gpa, level - 1)];
		old = READ_ONCE(*ep);
		level--;
	}
	if (fmt->nx_huge && level > HOLM_PG_4K)
		access &= ~HOLM_ACCESS_FETCH;
	base = leaf->pa & ~(holm_pt_size(level) - 1);

	if (!fmt->present(old)) {
		WRITE_ONCE(*ep, fmt->make_leaf(base, level, access, dirty));
		mmu->nr_leaves[level]++;
		return 0;
	}

	if (!fmt->leaf(old, level)) {
		xchg(ep, fmt->make_leaf(base, level, access, dirty));
		mmu->nr_leaves[level]++;
		pt_detach(mmu, old, level, detached);
		pt_flush(mmu);
		return 0;
	}

	if (fmt->pa(old) != base) {
		xchg(ep, fmt->make_leaf(base, level, access, dirty));
		pt_flush(mmu);
		return 0;
	}

	/* Rights are only added: a TLB that knows fewer faults and looks again. */
	do {
		new = fmt->make_leaf(base, level, access | fmt->access(old),
				     dirty || (fmt->has_ad && fmt->dirty(old)));
	} while (!try_cmpxchg64(ep, &old, new));
	return 0;
}

unsigned int holm_pt_split(struct holm_mmu *mmu, unsigned int root, u64 gpa, int level,
			   struct holm_pt_cache *cache)
{
	unsigned int need;

	pt_descend(mmu, root, gpa, level, false, cache, &need);
	return need;
}

u64 holm_pt_lookup(struct holm_mmu *mmu, unsigned int root, u64 gpa, int *level)
{
	struct pt_iter it;

	pt_iter_begin(&it, mmu, root, gpa, gpa + 1);
	while (pt_iter_present(&it) && !pt_iter_leaf(&it))
		pt_iter_next(&it);
	*level = it.level;
	return it.entry;
}

/* ---- count -------------------------------------------------------------- */

u64 holm_pt_count(struct holm_mmu *mmu, unsigned int root, u64 start, u64 end, u64 *leaves)
{
	struct pt_iter it;

	for (pt_iter_begin(&it, mmu, root, start, end);
	     it.gpa < it.end && it.visited < PT_COUNT_ENTRIES; pt_iter_next(&it)) {
		if (!pt_iter_present(&it) || !pt_iter_leaf(&it))
			continue;
		/* At the start of its span, or what is left of it since @start. */
		if ((it.gpa & ~(holm_pt_size(it.level) - 1)) >= start)
			leaves[it.level]++;
	}
	return it.gpa < it.end ? it.gpa : end;
}

/* ---- zap, protect, age -------------------------------------------------- */

bool holm_pt_zap(struct holm_mmu *mmu, u64 start, u64 end, u32 flags, struct list_head *detached)
{
	bool flush = false, any = false;
	unsigned int root;
	struct pt_iter it;

	for (root = 0; root < HOLM_MMU_ROOTS; root++) {
		for (pt_iter_begin(&it, mmu, root, start, end); it.gpa < it.end;
		     pt_iter_next(&it)) {
			if (flags & HOLM_PT_YIELD)
				pt_iter_break(&it, &flush);
			if (!pt_iter_present(&it))
				continue;
			if (pt_iter_leaf(&it)) {
				if (flags & HOLM_PT_TABLES)
					continue;
				pt_iter_clear(&it);
				mmu->nr_leaves[it.level]--;
			} else {
				if (!pt_iter_covered(&it, start))
					continue;
				if ((flags & HOLM_PT_TABLES) && it.level != HOLM_PG_2M)
					continue;
				pt_detach(mmu, it.entry, it.level, detached);
				pt_iter_clear(&it);
			}
			flush = true;
			any = true;
		}
	}
	if (flush)
		pt_flush(mmu);
	return any;
}

static void pt_protect_entry(struct pt_iter *it, bool pml, bool *changed)
{
	const struct holm_mmu_format *fmt = it->fmt;

	if (!pt_iter_present(it) || !pt_iter_leaf(it) ||
	    !(fmt->access(it->entry) & HOLM_ACCESS_WRITE))
		return;
	if (pml && it->level == HOLM_PG_4K) {
		if (!fmt->dirty(it->entry))
			return;
		pt_iter_change(it, fmt->clear_dirty);
	} else {
		pt_iter_change(it, fmt->write_protect);
	}
	*changed = true;
}

bool holm_pt_protect_noflush(struct holm_mmu *mmu, u64 start, u64 end, bool pml)
{
	bool changed = false;
	unsigned int root;
	struct pt_iter it;

	for (root = 0; root < HOLM_MMU_ROOTS; root++) {
		for (pt_iter_begin(&it, mmu, root, start, end); it.gpa < it.end;
		     pt_iter_next(&it))
			pt_protect_entry(&it, pml, &changed);
	}
	return changed;
}

bool holm_pt_protect(struct holm_mmu *mmu, u64 start, u64 end, bool pml, u32 flags)
{
	bool flush = false, any = false;
	unsigned int root;
	struct pt_iter it;

	for (root = 0; root < HOLM_MMU_ROOTS; root++) {
		for (pt_iter_begin(&it, mmu, root, start, end); it.gpa < it.end;
		     pt_iter_next(&it)) {
			if (flags & HOLM_PT_YIELD)
				pt_iter_break(&it, &flush);
			pt_protect_entry(&it, pml, &flush);
			any |= flush;
		}
	}
	if (flush)
		pt_flush(mmu);
	return any;
}

bool holm_pt_age(struct holm_mmu *mmu, u64 start, u64 end, bool clear)
{
	const struct holm_mmu_format *fmt = mmu->format;
	bool young = false, flush = false;
	unsigned int root;
	struct pt_iter it;

	for (root = 0; root < HOLM_MMU_ROOTS; root++) {
		for (pt_iter_begin(&it, mmu, root, start, end); it.gpa < it.end;
		     pt_iter_next(&it)) {
			if (!pt_iter_present(&it) || !pt_iter_leaf(&it) ||
			    !fmt->accessed(it.entry))
				continue;
			young = true;
			if (!clear)
				return true;
			if (fmt->has_ad) {
				pt_iter_change(&it, fmt->clear_accessed);
			} else {
				pt_iter_clear(&it);
				mmu->nr_leaves[it.level]--;
				flush = true;
			}
		}
	}
	if (flush)
		pt_flush(mmu);
	return young;
}

/* ---- freeing ------------------------------------------------------------ */

void holm_pt_free(struct holm_mmu *mmu, struct list_head *detached, bool yield)
{
	const struct holm_mmu_format *fmt = mmu->format;
	unsigned long tables = 0, leaves[HOLM_PG_1G + 1] = {};
	unsigned int i;

	if (list_empty(detached))
		return;

	/* Tables below one that is freed join the list: no recursion. */
	while (!list_empty(detached)) {
		struct page *page = list_first_entry(detached, struct page, lru);
		u64 *table = page_address(page);
		int level = page_private(page);

		list_del(&page->lru);
		for (i = 0; i < HOLM_PT_ENTRIES; i++) {
			u64 entry = table[i];

			if (!fmt->present(entry))
				continue;
			if (fmt->leaf(entry, level))
				leaves[level]++;
			else
				pt_add_detached(fmt, entry, level, detached);
		}
		set_page_private(page, 0);
		__free_page(page);
		tables++;
		if (yield)
			cond_resched();
	}

	spin_lock(&mmu->lock);
	mmu->nr_tables -= tables;
	for (i = HOLM_PG_4K; i <= HOLM_PG_1G; i++)
		mmu->nr_leaves[i] -= leaves[i];
	spin_unlock(&mmu->lock);
}
