/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest memory: slots, second-level page tables, dirty logging, and access to
 * guest memory from the driver.
 *
 *	mmu.c		the life of a struct holm_mmu
 *	slots.c		which guest-physical ranges are which launcher memory
 *	fault.c		a missing or forbidden translation -> a mapping
 *	walker.c	the page-table walker: map, zap, split, write-protect, age
 *	format_ept.c, format_npt.c	what an entry looks like
 *	dirty.c		dirty bitmaps
 *	count.c		what slots there are and what the guest has of them
 *	notifier.c	the MMU notifier keeps the tables in step with the mm
 *	access.c	copies from and to guest memory
 */
#ifndef HOLM_MMU_H
#define HOLM_MMU_H

#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/types.h>

struct holm_dirty_log;
struct holm_slot;
struct holm_vcpu;
struct holm_vm;

#define HOLM_MMU_ROOTS	1	/* views of guest memory */
#define HOLM_MMU_ROOT_GUEST 0	/* the guest's own */

enum holm_page_level {		/* the size of what an entry maps */
	HOLM_PG_4K = 1,
	HOLM_PG_2M = 2,
	HOLM_PG_1G = 3,
	HOLM_PG_512G = 4,	/* never a leaf */
	HOLM_PG_256T = 5,	/* never a leaf; 5-level tables only */
};

/* Access rights and kinds of access: HOLM_ACCESS_READ, _WRITE, _FETCH (uapi). */

/**
 * struct holm_mmu_format - one vendor's second-level page-table entry
 * @name: for messages
 * @levels: levels of the table: 4, or 5 where nested paging follows a host
 *	that has CR4.LA57 set (APM Vol. 2, "Nested Paging": nCR3 is walked in
 *	the host's paging mode)
 * @max_leaf: the largest page the CPU maps
 * @present: entry refers to something
 * @leaf: entry at this level maps a page (only for present entries)
 * @make_leaf: entry that maps @pa with HOLM_ACCESS_* rights; write-back
 *	memory; with @dirty already marked dirty where there are such bits
 * @make_table: entry that refers to a table at @pa, all rights
 * @pa: address in an entry
 * @access: HOLM_ACCESS_* rights that an entry gives
 * @accessed: the CPU has used the entry since @clear_accessed (always true
 *	where the CPU has no accessed bits)
 * @dirty: the CPU wrote through the entry; as @accessed
 * @clear_accessed: the entry without its accessed mark
 * @clear_dirty: the entry without its dirty mark
 * @write_protect: the entry without write access
 * @has_ad: accessed and dirty bits exist
 * @pml: writes through entries without dirty mark are logged by the CPU and
 *	reach holm_dirty_mark(): dirty logging clears dirty marks of 4K pages
 *	instead of taking write access away; needs @has_ad
 * @nx_huge: 2M and 1G pages are mapped without HOLM_ACCESS_FETCH and broken up
 *	where the guest executes: for CPUs with the erratum "machine check
 *	error on instruction TLB multi-hit" (X86_BUG_ITLB_MULTIHIT), on which a
 *	guest that changes page sizes could otherwise stop the host
 *
 * All functions are pure. @levels, @max_leaf, @has_ad, @pml and @nx_huge are
 * set at backend setup, before the first VM.
 */
struct holm_mmu_format {
	const char *name;
	u8 levels;
	u8 max_leaf;
	bool has_ad;
	bool pml;
	bool nx_huge;
	bool (*present)(u64 entry);
	bool (*leaf)(u64 entry, int level);
	u64 (*make_leaf)(u64 pa, int level, u32 access, bool dirty);
	u64 (*make_table)(u64 pa);
	u64 (*pa)(u64 entry);
	u32 (*access)(u64 entry);
	bool (*accessed)(u64 entry);
	bool (*dirty)(u64 entry);
	u64 (*clear_accessed)(u64 entry);
	u64 (*clear_dirty)(u64 entry);
	u64 (*write_protect)(u64 entry);
};

/*
 * The two formats are not const because setup() fills in what this CPU can
 * do before the first VM.
 */
extern struct holm_mmu_format holm_format_ept;
extern struct holm_mmu_format holm_format_npt;

/**
 * struct holm_fault - a second-level fault, filled by the backend
 * @gpa: guest-physical address
 * @gva: linear address when HOLM_ACCESS_GVA is in @access
 * @access: HOLM_ACCESS_READ or _WRITE or _FETCH, and _GVA
 * @insn_len: bytes in @insn (decode assists), or 0
 * @insn: instruction bytes at RIP
 */
struct holm_fault {
	u64 gpa;
	u64 gva;
	u32 access;
	u8 insn_len;
	u8 insn[15];
};

struct holm_memslot;	/* mmu/slots.h */
struct holm_memslots;

#define HOLM_PT_MAX_LEVELS	5

/**
 * struct holm_pt_cache - zeroed pages for tables, got before mmu->lock is taken
 * @nr: pages in @pages
 * @pages: order-0 pages, charged to the caller's memory cgroup
 */
struct holm_pt_cache {
	unsigned int nr;
	struct page *pages[HOLM_PT_MAX_LEVELS];
};

/**
 * struct holm_fault_ctx - a fault being answered: of mmu/fault.c alone, and in
 *	struct holm_vcpu so that holm_mmu_fault() goes on from what
 *	holm_mmu_fault_atomic() found
 * @gpa: address of the page
 * @uaddr: the launcher's address of it
 * @write: the guest writes
 * @fetch: the guest executes
 * @may_write: a read may map writable too
 * @logging: the slot has a dirty bitmap
 * @max_level: largest page that the slot's flags allow
 * @level: of the launcher's mapping, or 0: not looked at yet
 * @slot: NULL: not looked for yet; valid as long as @generation is the table's
 * @last: where in the table the slot of an earlier fault was
 * @generation: of the slot table
 * @seq: of the notifier
 * @cache: pages for tables; empty between faults
 */
struct holm_fault_ctx {
	u64 gpa;
	unsigned long uaddr;
	bool write;
	bool fetch;
	bool may_write;
	bool logging;
	int max_level;
	int level;
	const struct holm_memslot *slot;
	unsigned int last;
	u64 generation;
	unsigned long seq;
	struct holm_pt_cache cache;
};

/**
 * struct holm_window - where a slot is, remembered by one vCPU
 * @seq: struct holm_mmu.slots_seq when it was looked up; 0: never
 * @gpa: first guest-physical address of the slot
 * @size: of it, whole pages
 * @uaddr: the launcher's address
 */
struct holm_window {
	unsigned long seq;
	u64 gpa;
	u64 size;
	unsigned long uaddr;
};

/**
 * struct holm_mmu - a VM's memory
 * @format: [I] how an entry looks
 * @phys_bits: [I] width of a guest-physical address
 * @lock: [m] page tables, their counts, invalidate_*; taken with IRQs on; the
 *	innermost lock: aging takes it under the host's page-table locks, so
 *	nothing that may fault or sleep happens under it
 * @slots_lock: changes of the slot table; outside of @lock
 * @slots: the current table, SRCU-protected; replaced whole
 * @srcu: readers of @slots
 * @slots_seq: another value, not 0, with each table: written after @slots,
 *	under @slots_lock, and read without a lock before it
 * @roots: [m] root tables; root 0 is the guest's. @last is the table of 4K
 *	entries that was used last, NULL when there may be none: it is for the
 *	2 MiB at @last_gpa
 * @notifier: on the launcher's mm
 * @invalidate_seq, @invalidate_in_progress, @invalidate_start,
 * @invalidate_end: [m] a fault that got its page before an invalidation must
 *	not map it after
 * @nr_tables: [m] page-table pages
 * @nr_leaves: [m] leaves by level
 */
struct holm_mmu {
	const struct holm_mmu_format *format;
	u8 phys_bits;
	spinlock_t lock;
	struct mutex slots_lock;
	struct holm_memslots __rcu *slots;
	u64 log_max_pages;
	struct srcu_struct srcu;
	unsigned long slots_seq;
	struct {
		u64 *table;
		u64 pa;
		u64 *last;
		u64 last_gpa;
	} roots[HOLM_MMU_ROOTS];
	struct mmu_notifier notifier;
	unsigned long invalidate_seq;
	unsigned long invalidate_in_progress;
	unsigned long invalidate_start;
	unsigned long invalidate_end;
	unsigned long nr_tables;
	unsigned long nr_leaves[HOLM_PG_1G + 1];
};

/**
 * holm_mmu_init() - an empty guest memory; registers the MMU notifier
 * @vm: the VM; vm->mm is current's
 *
 * Return: 0 or -ENOMEM, -EINTR.
 */
int holm_mmu_init(struct holm_vm *vm);

/* Undo; no vCPU runs. Frees all slots and tables. May sleep. */
void holm_mmu_destroy(struct holm_vm *vm);

/*
 * The physical address of root table @root, for EPTP or nCR3 (which adds the
 * host's memory encryption bit, __sme_set(), where that is on).
 */
u64 holm_mmu_root(struct holm_vm *vm, unsigned int root);

/* Bytes of guest-physical memory that slots name. Any context that may sleep. */
u64 holm_slots_size(struct holm_mmu *mmu);

/* A slot has HOLM_SLOT_LOG_DIRTY. Any context that may sleep. */
bool holm_slots_logged(struct holm_mmu *mmu);

/**
 * holm_slot_next() - the slot with the smallest number from @id on
 * @mmu: the memory; it does not go away
 * @id: number
 * @slot: filled in
 *
 * A slot is there until the call that removes it returns. May sleep. Return: false
 * when there is none.
 */
bool holm_slot_next(struct holm_mmu *mmu, u32 id, struct holm_slot *slot);

/**
 * struct holm_slot_count - what the guest has of a slot
 * @pages: translations by level
 * @dirty: pages of 4K in the log of writes
 * @logged: there is one
 */
struct holm_slot_count {
	u64 pages[HOLM_PG_1G + 1];
	u64 dirty;
	bool logged;
};

/**
 * holm_slot_count() - count it
 * @mmu: the memory; it does not go away
 * @slot: from holm_slot_next()
 * @count: result; not of one moment while the guest runs
 *
 * Takes as long as the slot has tables, and holds nothing for longer than a small
 * part of that. May sleep. Return: 0; or -EINTR: the caller is being killed.
 */
int holm_slot_count(struct holm_mmu *mmu, const struct holm_slot *slot,
		    struct holm_slot_count *count);

/**
 * holm_slot_set() - HOLM_SET_SLOT
 * @vm: the VM
 * @arg: a copy of the launcher's argument, unchecked
 *
 * When it returns, no vCPU uses a translation that the change forbids, and
 * with a new HOLM_SLOT_LOG_DIRTY every later write is logged.
 *
 * Context: process, may sleep. Return: 0 or -EINVAL, -EEXIST (overlap),
 * -ENOENT (removing nothing), -ENOMEM.
 */
int holm_slot_set(struct holm_vm *vm, const struct holm_slot *arg);

/* HOLM_GET_DIRTY_LOG; -EINVAL, -ENOENT, -EFAULT, -ENOMEM. May sleep. */
int holm_dirty_log_get(struct holm_vm *vm, const struct holm_dirty_log *arg);

/*
 * The page at @gpa was written by the driver or found in a PML buffer. Any
 * context but NMI.
 */
void holm_dirty_mark(struct holm_vm *vm, u64 gpa);

/**
 * holm_mmu_fault() - answer a second-level fault
 * @vcpu: the vCPU of this thread, not loaded (may sleep);
 *	holm_mmu_fault_atomic() was tried first
 * @fault: the fault
 *
 * Return: 0 when the guest may try again; 1 when no slot answers (or a write
 * hits a read-only slot): an MMIO exit; -EFAULT, -EHWPOISON, -ENOMEM when
 * the slot's memory cannot be had; -EINTR when a signal interrupted it.
 */
int holm_mmu_fault(struct holm_vcpu *vcpu, const struct holm_fault *fault);

/**
 * holm_mmu_fault_nowait() - the same, but for a page that has to be waited for
 * @vcpu: as for holm_mmu_fault()
 * @fault: the fault
 * @absent: with -EINPROGRESS, the launcher's address of the page
 *
 * What takes no longer than a fault of the launcher's own is done (memory that was
 * never touched). May sleep for that. Return: as holm_mmu_fault(); or -EINPROGRESS:
 * the page is elsewhere, on a swap device or with a userfaultfd's pager.
 */
int holm_mmu_fault_nowait(struct holm_vcpu *vcpu, const struct holm_fault *fault,
			  unsigned long *absent);

/**
 * holm_mmu_fault_atomic() - answer a second-level fault without waiting
 * @vcpu: the vCPU of this thread
 * @fault: the fault
 *
 * For pages that the launcher's page tables have, where no table is missing.
 *
 * Context: process, IRQs on; preemption may be off. Return: 0, 1 as for
 * holm_mmu_fault(); -EAGAIN: that has to be called.
 */
int holm_mmu_fault_atomic(struct holm_vcpu *vcpu, const struct holm_fault *fault);

/**
 * holm_guest_read(), holm_guest_write() - copy guest-physical memory
 * @vm: the VM; current->mm is vm->mm
 * @gpa: first address; the range may cross pages and slots
 * @buf: kernel memory
 * @len: bytes
 *
 * A write marks pages dirty. May sleep. Return: 0, or -EFAULT when a part is
 * not in a slot (or read-only, for a write) or not accessible; a write may
 * then have been done in part.
 */
int holm_guest_read(struct holm_vm *vm, u64 gpa, void *buf, size_t len);
int holm_guest_write(struct holm_vm *vm, u64 gpa, const void *buf, size_t len);

/* The same for contexts that must not sleep: -EFAULT also when not resident. */
int holm_guest_read_atomic(struct holm_vm *vm, u64 gpa, void *buf, size_t len);

/**
 * holm_guest_uaddr() - the launcher's address of guest memory, for accesses that
 *	have to be of a certain size or atomic
 * @vm: the VM
 * @gpa: first address
 * @len: bytes, all in one slot
 * @write: it is to be written: call holm_guest_dirty() behind the write
 *
 * Any context. The address may lose its memory at any time: it is accessed as
 * user memory. Return: NULL when a part is in no slot (or a read-only one, with
 * @write), or current->mm is not vm->mm.
 */
void __user *holm_guest_uaddr(struct holm_vm *vm, u64 gpa, size_t len, bool write);

/* The range was written: its pages are dirty. Any context but NMI. */
void holm_guest_dirty(struct holm_vm *vm, u64 gpa, size_t len);

bool holm_window_move(struct holm_mmu *mmu, struct holm_window *window, u64 gpa);

/**
 * holm_window_has() - a page of guest memory can be read through a window
 * @mmu: the VM's memory; current->mm is its launcher's
 * @window: the caller's own; moved to the slot at @gpa when it is elsewhere
 * @gpa: an address in the page
 *
 * A window is a slot as it was when this was called, as for holm_guest_read():
 * use it at once, and the launcher's memory only by what survives its absence.
 *
 * Context: any that may use SRCU. Return: false when no slot is there.
 */
static inline bool holm_window_has(struct holm_mmu *mmu, struct holm_window *window, u64 gpa)
{
	/* Pairs with table_publish(). */
	if (likely(window->seq == smp_load_acquire(&mmu->slots_seq) &&
		   gpa - window->gpa < window->size))
		return true;
	return holm_window_move(mmu, window, gpa);
}

#endif /* HOLM_MMU_H */
