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
#define PDPTE_PAE_RSVD	0x00000000000001e6ULL	/* of a PAE PDPTE, low part */

#define PF_P		(1U << 0)
#define PF_W		(1U << 1)
#define PF_U		(1U << 2)
#define PF_RSVD		(1U << 3)
#define PF_I		(1U << 4)

/**
 * struct walk - one walk
 * @levels: tables to go through
 * @entry_size: 4 or 8 bytes
 * @table: guest-physical address of the table
 * @user, @writable, @nx: rights so far
 */
struct walk {
	const struct holm_sregs *sregs;
	const struct holm_emul_ops *ops;
	void *opaque;
	unsigned int levels;
	unsigned int entry_size;
	uint64_t table;
	bool user, writable, nx;
	bool nxe;
};

static bool read_entry(struct walk *w, uint64_t gpa, uint64_t *entry)
{
	*entry = 0;
	return w->ops->read_phys(w->opaque, gpa, entry, w->entry_size);
}

/* Set accessed and dirty bits as the CPU does: atomically, and again on a race. */
static bool set_bits(struct walk *w, uint64_t gpa, uint64_t entry, uint64_t bits)
{
	uint64_t desired = entry | bits, found = entry;

	if ((entry & bits) == bits)
		return true;
	return w->ops->compare_exchange(w->opaque, gpa, w->entry_size, &found, &desired);
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
	if (w->entry_size == 4)
		return false;
	if (entry & PTE_NX && !w->nxe)
		return true;
	if (level == 4 && entry & PTE_PS)
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
		return (entry & 0xffc00000ULL) | (entry & 0x1fe000ULL) << 19 | (gva & 0x3fffff);
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

int holm_guest_translate(const struct holm_sregs *sregs, uint64_t rflags, uint64_t gva,
			 uint32_t flags, bool set_ad, const struct holm_emul_ops *ops,
			 void *opaque, uint64_t *gpa, uint32_t *error_code)
{
	struct walk w = { .sregs = sregs, .ops = ops, .opaque = opaque };
	uint64_t at[4], entries[4] = { 0 };
	unsigned int level, leaf_level = 1, i;
	bool pae_pdpte, leaf = false;

	if (!(sregs->cr0 & CR0_PG)) {
		*gpa = gva;
		return 0;
	}
	start(&w);
	if (!(sregs->efer & EFER_LMA))
		gva = (uint32_t)gva;

	for (level = w.levels; level && !leaf; level--) {
		uint64_t *entry = &entries[level - 1];

		pae_pdpte = w.levels == 3 && level == 3;
		at[level - 1] = w.table + (uint64_t)index_of(&w, level, gva) * w.entry_size;
		/* A table outside of RAM reads as all ones does on a bus: reserved bits. */
		if (!read_entry(&w, at[level - 1], entry)) {
			*error_code = pf_code(&w, flags, PF_P | PF_RSVD);
			return 1;
		}
		if (!(*entry & PTE_P)) {
			*error_code = pf_code(&w, flags, 0);
			return 1;
		}
		leaf = level == 1 || (*entry & PTE_PS && !pae_pdpte && level < 4 &&
				      (w.entry_size == 8 || sregs->cr4 & CR4_PSE));
		if (pae_pdpte ? *entry & PDPTE_PAE_RSVD : reserved_set(&w, *entry, level, leaf)) {
			*error_code = pf_code(&w, flags, PF_P | PF_RSVD);
			return 1;
		}
		if (!pae_pdpte) {
			w.user &= !!(*entry & PTE_U);
			w.writable &= !!(*entry & PTE_W);
			w.nx |= w.entry_size == 8 && *entry & PTE_NX;
		}
		leaf_level = level;
		w.table = w.entry_size == 4 ? *entry & 0xfffff000ULL : *entry & PTE_ADDR;
	}

	if (!allowed(&w, rflags, flags)) {
		*error_code = pf_code(&w, flags, PF_P);
		return 1;
	}
	if (set_ad) {
		for (i = leaf_level; i <= w.levels; i++) {
			uint64_t bits = PTE_A;

			if (w.levels == 3 && i == 3)	/* PAE PDPTEs have none */
				continue;
			if (i == leaf_level && flags & HOLM_TRANSLATE_WRITE)
				bits |= PTE_D;
			/* Lost against the guest: the next walk sees what it did. */
			set_bits(&w, at[i - 1], entries[i - 1], bits);
		}
	}
	*gpa = leaf_address(&w, entries[leaf_level - 1], leaf_level, gva);
	return 0;
}
