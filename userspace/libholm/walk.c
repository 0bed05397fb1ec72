// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The guest's page tables, walked in userspace: 32-bit, PAE and 4-level paging
 * (SDM vol. 3, chapter 5).
 */
#include "emul.h"

#define PTE_P		(1ULL << 0)
#define PTE_W		(1ULL << 1)
#define PTE_U		(1ULL << 2)
#define PTE_A		(1ULL << 5)
#define PTE_D		(1ULL << 6)
#define PTE_PS		(1ULL << 7)
#define PTE_NX		(1ULL << 63)
#define PTE_ADDR	0x000ffffffffff000ULL
#define PAE_RSVD	0x7ff0000000000000ULL	/* bits 52..62 without long mode */
#define PDE32_RSVD	(1ULL << 21)		/* of a 4-MByte page */
#define PDE32_HIGH	0x00000000001fe000ULL	/* bits 32..39 of its address */
#define PDE32_HIGH_SHIFT 19
#define PDPTE_PAE_RSVD	0x00000000000001e6ULL	/* of a PAE PDPTE, low part */

/* Walks again when another vCPU changed an entry meanwhile, at most. */
#define MAX_WALKS	16

#define PF_P		(1U << 0)
#define PF_W		(1U << 1)
#define PF_U		(1U << 2)
#define PF_RSVD		(1U << 3)
#define PF_I		(1U << 4)

/**
 * struct walk - one walk
 * @levels: tables to go through
 * @entry_size: 4 or 8 bytes
 * @rsvd: address bits that the guest's CPU does not have
 * @page_1g: it has 1-GByte pages
 * @table: guest-physical address of the table
 * @user, @writable, @nx: rights so far
 */
struct walk {
	const struct holm_sregs *sregs;
	const struct holm_emul_ops *ops;
	void *opaque;
	unsigned int levels;
	unsigned int entry_size;
	uint64_t rsvd;
	bool page_1g;
	uint64_t table;
	bool user, writable, nx;
	bool nxe;
};

static bool read_entry(struct walk *w, uint64_t gpa, uint64_t *entry)
{
	*entry = 0;
	return w->ops->read_phys(w->opaque, gpa, entry, w->entry_size);
}

/*
 * Set accessed and dirty bits as the CPU does, atomically. False when the entry
 * is no longer what the walk saw. Tables in read-only memory keep theirs.
 */
static bool set_bits(struct walk *w, uint64_t gpa, uint64_t entry, uint64_t bits)
{
	uint64_t desired = entry | bits, found = entry;

	if ((entry & bits) == bits)
		return true;
	return w->ops->compare_exchange(w->opaque, gpa, w->entry_size, &found, &desired) ||
	       found == entry;
}

static uint32_t pf_code(const struct walk *w, uint32_t flags, uint32_t more)
{
	uint32_t code = more;

	if (flags & HOLM_TRANSLATE_WRITE)
		code |= PF_W;
	if (flags & HOLM_TRANSLATE_USER)
		code |= PF_U;
	if (flags & HOLM_TRANSLATE_FETCH && (w->nxe || w->sregs->cr4 & CR4_SMEP))
		code |= PF_I;
	return code;
}

/* Access rights of the whole walk: SDM vol. 3, 5.6.1. */
static bool allowed(const struct walk *w, uint64_t rflags, uint32_t flags)
{
	bool user_access = flags & HOLM_TRANSLATE_USER;

	if (user_access && !w->user)
		return false;
	if (flags & HOLM_TRANSLATE_FETCH)
		return !(w->nx && w->nxe) &&
		       (user_access || !w->user || !(w->sregs->cr4 & CR4_SMEP));
	if (!user_access && w->user && w->sregs->cr4 & CR4_SMAP && !(rflags & RFLAGS_AC))
		return false;
	if (flags & HOLM_TRANSLATE_WRITE)
		return w->writable || (!user_access && !(w->sregs->cr0 & CR0_WP));
	return true;
}

static bool reserved_set(const struct walk *w, uint64_t entry, unsigned int level, bool leaf)
{
	if (w->entry_size == 4) {
		if (!leaf || level == 1)
			return false;
		return entry & PDE32_RSVD ||
		       (entry & PDE32_HIGH) << PDE32_HIGH_SHIFT & w->rsvd;
	}
	if (entry & w->rsvd || (w->levels == 3 && entry & PAE_RSVD))
		return true;
	if (entry & PTE_NX && !w->nxe)
		return true;
	if (level == 4 && entry & PTE_PS)
		return true;
	if (level == 3 && leaf && !w->page_1g)
		return true;
	if (!leaf || level == 1)
		return false;
	/* Address bits below the page size, above the PAT bit. */
	return entry & (level == 3 ? 0x3fffe000ULL : 0x1fe000ULL);
}

/* Guest-physical address of a leaf's page, and the size of what it maps. */
static uint64_t leaf_address(const struct walk *w, uint64_t entry, unsigned int level,
			     uint64_t gva)
{
	if (w->entry_size == 4 && level == 2)	/* PSE-36 */
		return (entry & 0xffc00000ULL) | (entry & PDE32_HIGH) << PDE32_HIGH_SHIFT |
		       (gva & 0x3fffff);
	if (w->entry_size == 4)
		return (entry & 0xfffff000ULL) | (gva & 0xfff);
	switch (level) {
	case 3:
		return (entry & PTE_ADDR & ~0x3fffffffULL) | (gva & 0x3fffffff);
	case 2:
		return (entry & PTE_ADDR & ~0x1fffffULL) | (gva & 0x1fffff);
	default:
		return (entry & PTE_ADDR) | (gva & 0xfff);
	}
}

static unsigned int index_of(const struct walk *w, unsigned int level, uint64_t gva)
{
	if (w->entry_size == 4)
		return gva >> (12 + 10 * (level - 1)) & 0x3ff;
	return gva >> (12 + 9 * (level - 1)) & 0x1ff;
}

static void start(struct walk *w)
{
	const struct holm_sregs *s = w->sregs;
	unsigned int phys_bits = 52;

	w->page_1g = true;
	if (w->ops->paging)
		w->ops->paging(w->opaque, &phys_bits, &w->page_1g);
	w->rsvd = phys_bits < 52 ? PTE_ADDR & ~((1ULL << phys_bits) - 1) : 0;
	w->user = true;
	w->writable = true;
	w->nx = false;
	w->nxe = s->efer & EFER_NXE && s->cr4 & CR4_PAE;
	w->entry_size = s->cr4 & CR4_PAE ? 8 : 4;
	if (s->efer & EFER_LMA) {
		w->levels = 4;
		w->table = s->cr3 & PTE_ADDR;
	} else if (s->cr4 & CR4_PAE) {
		w->levels = 3;
		w->table = s->cr3 & 0xffffffe0ULL;
	} else {
		w->levels = 2;
		w->table = s->cr3 & 0xfffff000ULL;
	}
}

/**
 * struct trail - the entries that a walk went through
 * @at: their guest-physical addresses, by level - 1
 * @entry: what they were
 * @leaf: level of the entry that maps the page
 */
struct trail {
	uint64_t at[4], entry[4];
	unsigned int leaf;
};

/* From the root to the leaf. 0, or 1 with the error code of a #PF. */
static int descend(struct walk *w, uint64_t gva, uint32_t flags, struct trail *t,
		   uint32_t *error_code)
{
	bool pae_pdpte, leaf = false;
	unsigned int level;

	for (level = w->levels; !leaf; level--) {
		uint64_t *entry = &t->entry[level - 1];

		pae_pdpte = w->levels == 3 && level == 3;
		t->at[level - 1] = w->table + (uint64_t)index_of(w, level, gva) * w->entry_size;
		/* A table outside of RAM reads as all ones does on a bus: reserved bits. */
		if (!read_entry(w, t->at[level - 1], entry)) {
			*error_code = pf_code(w, flags, PF_P | PF_RSVD);
			return 1;
		}
		if (!(*entry & PTE_P)) {
			*error_code = pf_code(w, flags, 0);
			return 1;
		}
		leaf = level == 1 || (*entry & PTE_PS && !pae_pdpte && level < 4 &&
				      (w->entry_size == 8 || w->sregs->cr4 & CR4_PSE));
		if (pae_pdpte ? *entry & (PDPTE_PAE_RSVD | PAE_RSVD | PTE_NX | w->rsvd) :
				reserved_set(w, *entry, level, leaf)) {
			*error_code = pf_code(w, flags, PF_P | PF_RSVD);
			return 1;
		}
		if (!pae_pdpte) {
			w->user &= !!(*entry & PTE_U);
			w->writable &= !!(*entry & PTE_W);
			w->nx |= w->entry_size == 8 && *entry & PTE_NX;
		}
		t->leaf = level;
		w->table = w->entry_size == 4 ? *entry & 0xfffff000ULL : *entry & PTE_ADDR;
	}
	return 0;
}

/* False when an entry has changed since the walk. */
static bool set_accessed(struct walk *w, uint32_t flags, const struct trail *t)
{
	unsigned int i;

	for (i = w->levels; i >= t->leaf; i--) {
		uint64_t bits = PTE_A;

		if (w->levels == 3 && i == 3)	/* PAE PDPTEs have none */
			continue;
		if (i == t->leaf && flags & HOLM_TRANSLATE_WRITE)
			bits |= PTE_D;
		if (!set_bits(w, t->at[i - 1], t->entry[i - 1], bits))
			return false;
	}
	return true;
}

int holm_guest_translate(const struct holm_sregs *sregs, uint64_t rflags, uint64_t gva,
			 uint32_t flags, bool set_ad, const struct holm_emul_ops *ops,
			 void *opaque, uint64_t *gpa, uint32_t *error_code)
{
	struct walk w = { .sregs = sregs, .ops = ops, .opaque = opaque };
	unsigned int walks = 0;
	struct trail t;

	if (!(sregs->cr0 & CR0_PG)) {
		*gpa = gva;
		return 0;
	}
	if (!(sregs->efer & EFER_LMA))
		gva = (uint32_t)gva;
	/*
	 * A guest that keeps on changing its tables gets the last walk's result:
	 * a CPU may have cached that, too.
	 */
	do {
		start(&w);
		if (descend(&w, gva, flags, &t, error_code))
			return 1;
		if (!allowed(&w, rflags, flags)) {
			*error_code = pf_code(&w, flags, PF_P);
			return 1;
		}
	} while (set_ad && !set_accessed(&w, flags, &t) && ++walks < MAX_WALKS);
	*gpa = leaf_address(&w, t.entry[t.leaf - 1], t.leaf, gva);
	return 0;
}
