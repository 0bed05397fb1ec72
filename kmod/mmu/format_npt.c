// SPDX-License-Identifier: GPL-2.0-only
/*
 * Entries of nested page tables: APM Vol. 2, "Nested Paging": ordinary
 * long-mode entries ("Page Translation Tables and Entries").
 *
 * A nested walk is always a user access, so every entry has U/S set. With
 * PAT, PCD and PWT clear the host's PAT entry 0 applies, which Linux programs
 * as write-back; "Combining Memory Types, MTRRs" then lets the guest's own
 * type decide.
 */
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/mem_encrypt.h>

#include "../holm.h"
#include "walker.h"

#define NPT_PRESENT		BIT_ULL(0)
#define NPT_WRITE		BIT_ULL(1)
#define NPT_USER		BIT_ULL(2)
#define NPT_ACCESSED		BIT_ULL(5)
#define NPT_DIRTY		BIT_ULL(6)
#define NPT_PAGE		BIT_ULL(7)	/* leaf at 2M and 1G */
#define NPT_NX			BIT_ULL(63)
#define NPT_ADDR		GENMASK_ULL(51, 12)

static_assert((NPT_ADDR & (NPT_PRESENT | NPT_WRITE | NPT_USER | NPT_ACCESSED | NPT_DIRTY |
			   NPT_PAGE | NPT_NX)) == 0);

static bool npt_present(u64 entry)
{
	return entry & NPT_PRESENT;
}

static bool npt_leaf(u64 entry, int level)
{
	return level == HOLM_PG_4K || (entry & NPT_PAGE);
}

/*
 * Where the host encrypts its memory (SME), so does the guest's: a clear
 * mapping would show the launcher and the guest different bytes.
 */
static u64 npt_make_leaf(u64 pa, int level, u32 access, bool dirty)
{
	u64 entry = __sme_set(pa & NPT_ADDR) | NPT_PRESENT | NPT_USER | NPT_ACCESSED;

	if (access & HOLM_ACCESS_WRITE)
		entry |= NPT_WRITE;
	if (!(access & HOLM_ACCESS_FETCH))
		entry |= NPT_NX;
	if (level > HOLM_PG_4K)
		entry |= NPT_PAGE;
	if (dirty)
		entry |= NPT_DIRTY;
	return entry;
}

static u64 npt_make_table(u64 pa)
{
	return __sme_set(pa & NPT_ADDR) | NPT_PRESENT | NPT_WRITE | NPT_USER;
}

static u64 npt_pa(u64 entry)
{
	return __sme_clr(entry & NPT_ADDR);
}

static u32 npt_access(u64 entry)
{
	u32 access = 0;

	if (entry & NPT_PRESENT)
		access |= HOLM_ACCESS_READ;
	if (entry & NPT_WRITE)
		access |= HOLM_ACCESS_WRITE;
	if (!(entry & NPT_NX))
		access |= HOLM_ACCESS_FETCH;
	return access;
}

static bool npt_accessed(u64 entry)
{
	return entry & NPT_ACCESSED;
}

static bool npt_dirty(u64 entry)
{
	return entry & NPT_DIRTY;
}

static u64 npt_clear_accessed(u64 entry)
{
	return entry & ~NPT_ACCESSED;
}

static u64 npt_clear_dirty(u64 entry)
{
	return entry & ~NPT_DIRTY;
}

static u64 npt_write_protect(u64 entry)
{
	return entry & ~NPT_WRITE;
}

/* Accessed and dirty bits are part of long mode: @has_ad needs no check. */
struct holm_mmu_format holm_format_npt = {
	.name = "NPT",
	.levels = 4,
	.max_leaf = HOLM_PG_4K,
	.has_ad = true,
	.present = npt_present,
	.leaf = npt_leaf,
	.make_leaf = npt_make_leaf,
	.make_table = npt_make_table,
	.pa = npt_pa,
	.access = npt_access,
	.accessed = npt_accessed,
	.dirty = npt_dirty,
	.clear_accessed = npt_clear_accessed,
	.clear_dirty = npt_clear_dirty,
	.write_protect = npt_write_protect,
};
