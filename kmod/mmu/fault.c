// SPDX-License-Identifier: GPL-2.0-only
/*
 * A second-level fault: from a missing or forbidden translation to a mapping.
 *
 * Locking: the slot table is looked at in an SRCU section, which is left while
 * the page is got (that may take as long as a userfaultfd handler likes) and
 * entered again to map it, if the table is still the same. The notifier's
 * sequence number (notifier.c) does the same for the launcher's page tables:
 * it is read before them and tested under mmu->lock. Most faults need not wait
 * for anything: holm_mmu_fault_atomic() answers them where they are found, in
 * one SRCU section.
 *
 * The page is held only until it is mapped; from then on the notifier tells
 * when it goes. What is mapped writable is set dirty in the same critical
 * section, because the host does not look at dirty bits of second-level tables:
 * before it cleans the page it write-protects it, which the notifier hears, and
 * the next write is a fault again.
 *
 * Every page may be executed. The one exception is struct
 * holm_mmu_format.nx_huge: on a CPU that has the erratum, a backend sets it, and
 * huge pages are broken up where they are executed.
 */
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/pgtable.h>
#include <linux/sched/signal.h>
#include <linux/swap.h>

#include "../holm.h"
#include "notifier.h"
#include "slots.h"
#include "walker.h"

/* The largest page at @gpa that does not leave the slot. */
static int slot_max_level(const struct holm_memslot *slot, u64 gpa, int max)
{
	int level;

	for (level = max; level > HOLM_PG_4K; level--) {
		u64 size = holm_pt_size(level), base = gpa & ~(size - 1);

		if (base >= slot->gpa && holm_slot_end(slot) - base >= size &&
		    !((slot->gpa ^ slot->uaddr) & (size - 1)))
			break;
	}
	return level;
}

/* Find the slot, in an SRCU section: 0, or 1 when this is an MMIO exit. */
static int fault_find_slot(struct holm_mmu *mmu, struct holm_fault_ctx *ctx)
{
	const struct holm_mmu_format *fmt = mmu->format;
	const struct holm_memslots *slots = holm_slots(mmu);
	const struct holm_memslot *slot = holm_slot_find_near(slots, ctx->gpa, &ctx->last);
	bool readonly;

	if (!slot || slot->dying)
		return 1;
	readonly = slot->flags & HOLM_SLOT_READONLY;
	if (readonly && ctx->write)
		return 1;

	ctx->slot = slot;
	ctx->generation = slots->generation;
	ctx->uaddr = holm_slot_uaddr(slot, ctx->gpa);
	ctx->logging = slot->dirty;
	/* The first write to a logged page must be seen: by a fault, or by PML. */
	ctx->may_write = ctx->write || (!readonly && (!ctx->logging || fmt->pml));
	/*
	 * Dirty logging wants 4K pages where they are written. PML logs 4K pages
	 * too, but says nothing about those that are not marked.
	 */
	if ((ctx->logging && ctx->may_write) || (fmt->nx_huge && ctx->fetch))
		ctx->max_level = HOLM_PG_4K;
	else
		ctx->max_level = fmt->max_leaf;
	return 0;
}

static int fault_slot(struct holm_mmu *mmu, struct holm_fault_ctx *ctx)
{
	int idx, ret;

	idx = srcu_read_lock(&mmu->srcu);
	ret = fault_find_slot(mmu, ctx);
	srcu_read_unlock(&mmu->srcu, idx);
	return ret;
}

/*
 * Get the page, with a reference, if the launcher has it. A read fault maps
 * writable where the launcher's own entry is writable already.
 */
static bool fault_get_page_fast(const struct holm_fault_ctx *ctx, struct page **page,
				bool *writable)
{
	*writable = true;
	if (ctx->may_write && get_user_page_fast_only(ctx->uaddr, FOLL_WRITE, page))
		return true;
	*writable = ctx->write;
	return !ctx->write && get_user_page_fast_only(ctx->uaddr, FOLL_HONOR_NUMA_FAULT, page);
}

/*
 * Get the page, with a reference. A read fault breaks no copy-on-write. With
 * @wait false, -EINPROGRESS when it is not there and has been asked for at most.
 */
static int fault_get_page(const struct holm_fault_ctx *ctx, struct page **page, bool *writable,
			  bool wait)
{
	unsigned int flags = FOLL_HWPOISON | FOLL_INTERRUPTIBLE | FOLL_HONOR_NUMA_FAULT;
	struct page *again;
	long got;

	*writable = ctx->write;
	if (ctx->write)
		flags |= FOLL_WRITE;
	if (!wait)
		flags |= FOLL_NOWAIT;
	got = get_user_pages_unlocked(ctx->uaddr, 1, page, flags);
	if (!wait && (got == 0 || got == -EAGAIN))
		return -EINPROGRESS;
	switch (got) {
	case 1:
		break;
	case -EHWPOISON:
	case -ENOMEM:
	case -EAGAIN:
		return got;
	case -EINTR:
	case -ERESTARTSYS:
		return -EINTR;
	default:
		return -EFAULT;
	}

	if (!ctx->write && ctx->may_write &&
	    get_user_page_fast_only(ctx->uaddr, FOLL_WRITE, &again)) {
		put_page(*page);
		*page = again;
		*writable = true;
	}
	return 0;
}

/*
 * The size of the launcher's own mapping; 0: it has none. IRQs off keep the
 * tables from being freed, as for get_user_pages_fast(). Whatever may make the
 * mapping smaller is announced to the notifier first, so the answer holds when
 * holm_invalidated() says so.
 */
static int host_level(struct mm_struct *mm, unsigned long addr)
{
	unsigned long flags;
	int level = 0;
	pgd_t pgd;
	p4d_t p4d;
	pud_t pud;
	pmd_t pmd;

	local_irq_save(flags);
	pgd = READ_ONCE(*pgd_offset(mm, addr));
	if (pgd_none(pgd))
		goto out;
	p4d = READ_ONCE(*p4d_offset(&pgd, addr));
	if (p4d_none(p4d) || !p4d_present(p4d))
		goto out;
	pud = READ_ONCE(*pud_offset(&p4d, addr));
	if (pud_none(pud) || !pud_present(pud))
		goto out;
	if (pud_leaf(pud)) {
		level = HOLM_PG_1G;
		goto out;
	}
	pmd = READ_ONCE(*pmd_offset(&pud, addr));
	if (pmd_none(pmd) || !pmd_present(pmd))
		goto out;
	if (pmd_leaf(pmd))
		level = HOLM_PG_2M;
	else if (pte_present(READ_ONCE(*pte_offset_kernel(&pmd, addr))))
		level = HOLM_PG_4K;
out:
	local_irq_restore(flags);
	return level;
}

static int host_level_of(const struct holm_fault_ctx *ctx)
{
	int level = ctx->level ?: host_level(current->mm, ctx->uaddr);

	/* Should it be gone again, holm_invalidated() will say so. */
	return max_t(int, level, HOLM_PG_4K);
}

/*
 * Map the page unless something changed, in an SRCU section: 0, -EAGAIN to
 * start again, or the number of pages that the cache lacked.
 */
static int fault_map(struct holm_mmu *mmu, struct holm_fault_ctx *ctx, struct page *page,
		     bool writable, struct list_head *detached)
{
	struct holm_pt_leaf leaf = {
		.gpa = ctx->gpa,
		.pa = PFN_PHYS(page_to_pfn(page)),
		.level = HOLM_PG_4K,
		.access = HOLM_ACCESS_READ | HOLM_ACCESS_FETCH | (writable ? HOLM_ACCESS_WRITE : 0),
		/* Without the mark, PML tells of the first write. */
		.dirty = writable && (ctx->write || !ctx->logging),
		.keep_tables = ctx->logging || mmu->format->nx_huge,
	};
	struct folio *folio = page_folio(page);
	unsigned long start, size;
	int ret = -EAGAIN;

	if (holm_slots(mmu)->generation != ctx->generation)
		return -EAGAIN;
	/* What devices map huge (DAX) may consist of single pages. */
	if (ctx->max_level > HOLM_PG_4K &&
	    (folio_test_large(folio) || is_zone_device_page(page)))
		leaf.level = slot_max_level(ctx->slot, ctx->gpa,
					    min(ctx->max_level, host_level_of(ctx)));
	size = holm_pt_size(leaf.level);
	start = ctx->uaddr & ~(size - 1);

	spin_lock(&mmu->lock);
	if (holm_invalidated(mmu, ctx->seq, start, start + size))
		goto out_lock;
	ret = holm_pt_map(mmu, HOLM_MMU_ROOT_GUEST, &leaf, &ctx->cache, detached);
	if (ret)
		goto out_lock;
	/* With the mapping, as seen from holm_dirty_log_get(). */
	if (ctx->write)
		holm_slot_mark_dirty(ctx->slot, ctx->gpa);
	/*
	 * Only the flag: a page that its file system must prepare for a write
	 * was prepared when its entry became writable.
	 */
	if (writable && !folio_test_reserved(folio) && !folio_test_dirty(folio))
		folio_set_dirty(folio);
out_lock:
	spin_unlock(&mmu->lock);
	return ret;
}

static void fault_begin(struct holm_fault_ctx *ctx, const struct holm_fault *fault)
{
	ctx->gpa = fault->gpa & PAGE_MASK;
	ctx->write = fault->access & HOLM_ACCESS_WRITE;
	ctx->fetch = fault->access & HOLM_ACCESS_FETCH;
	ctx->level = 0;
	ctx->slot = NULL;
}

int holm_mmu_fault_atomic(struct holm_vcpu *vcpu, const struct holm_fault *fault)
{
	struct holm_mmu *mmu = &vcpu->vm->mmu;
	struct holm_fault_ctx *ctx = &vcpu->fault_ctx;
	LIST_HEAD(detached);
	struct page *page;
	bool writable;
	int idx, ret;

	fault_begin(ctx, fault);
	if (current->mm != vcpu->vm->mm)
		return -EAGAIN;

	idx = srcu_read_lock(&mmu->srcu);
	ret = fault_find_slot(mmu, ctx);
	if (ret)
		goto out;
	ret = -EAGAIN;
	ctx->seq = holm_invalidate_seq(mmu);
	ctx->level = host_level(current->mm, ctx->uaddr);
	if (!ctx->level || !fault_get_page_fast(ctx, &page, &writable))
		goto out;
	if (!fault_map(mmu, ctx, page, writable, &detached)) {
		folio_mark_accessed(page_folio(page));
		ret = 0;
	}
	put_page(page);
out:
	srcu_read_unlock(&mmu->srcu, idx);
	if (unlikely(!list_empty(&detached)))
		holm_pt_free(mmu, &detached, false);
	return ret;
}

/* @absent: NULL, or see holm_mmu_fault_nowait() */
static int answer_fault(struct holm_vcpu *vcpu, const struct holm_fault *fault,
			unsigned long *absent)
{
	struct holm_mmu *mmu = &vcpu->vm->mmu;
	struct holm_fault_ctx *ctx = &vcpu->fault_ctx;
	bool first = true;
	int ret;

	lockdep_assert_preemption_enabled();
	if (current->mm != vcpu->vm->mm)
		return -EFAULT;

	for (;;) {
		LIST_HEAD(detached);
		bool writable, fast;
		struct page *page;
		int idx;

		ret = 0;
		/*
		 * The first time, holm_mmu_fault_atomic() has looked already.
		 * Whether the slot is still there, fault_map() finds out.
		 */
		if (!ctx->slot) {
			fault_begin(ctx, fault);
			ret = fault_slot(mmu, ctx);
			if (ret)
				break;
			ctx->seq = holm_invalidate_seq(mmu);
		}
		fast = !first && fault_get_page_fast(ctx, &page, &writable);
		if (!fast)	/* marks the page as accessed, too */
			ret = fault_get_page(ctx, &page, &writable, !absent);
		first = false;
		if (!ret) {
			idx = srcu_read_lock(&mmu->srcu);
			ret = fault_map(mmu, ctx, page, writable, &detached);
			srcu_read_unlock(&mmu->srcu, idx);
			if (unlikely(!list_empty(&detached)))
				holm_pt_free(mmu, &detached, true);
			if (!ret && fast)
				folio_mark_accessed(page_folio(page));
			put_page(page);
		}
		if (ret > 0)
			ret = holm_pt_cache_fill(&ctx->cache, ret) ?: -EAGAIN;
		if (ret != -EAGAIN)
			break;

		ctx->slot = NULL;
		if (signal_pending(current)) {
			ret = -EINTR;
			break;
		}
		cond_resched();
	}
	if (ret == -EINPROGRESS)
		*absent = ctx->uaddr;
	ctx->slot = NULL;
	if (unlikely(ctx->cache.nr))
		holm_pt_cache_drain(&ctx->cache);
	return ret;
}

int holm_mmu_fault(struct holm_vcpu *vcpu, const struct holm_fault *fault)
{
	return answer_fault(vcpu, fault, NULL);
}

int holm_mmu_fault_nowait(struct holm_vcpu *vcpu, const struct holm_fault *fault,
			  unsigned long *absent)
{
	return answer_fault(vcpu, fault, absent);
}
