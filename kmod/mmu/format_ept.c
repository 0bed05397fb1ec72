// SPDX-License-Identifier: GPL-2.0-only
/*
 * Entries of extended page tables: SDM Vol. 3, "The Extended Page Table
 * Mechanism (EPT)", "EPT Translation Mechanism" and its tables of formats.
 *
 * Memory is write-back and the guest's PAT is ignored (IPAT): all that a slot
 * maps is ordinary RAM of the host, and a guest that could choose another type
 * could make it incoherent with the host's own cached mapping.
 */
#include <linux/bits.h>
#include <linux/build_bug.h>

#include "../holm.h"
#include "walker.h"

#define EPT_READ		BIT_ULL(0)
#define EPT_WRITE		BIT_ULL(1)
#define EPT_EXEC		BIT_ULL(2)	/* "supervisor" only with mode-based control */
#define EPT_RWX			(EPT_READ | EPT_WRITE | EPT_EXEC)
#define EPT_MEMTYPE_WB		(6ULL << 3)	/* leaf, bits 5:3 */
#define EPT_IPAT		BIT_ULL(6)	/* leaf: ignore PAT */
#define EPT_PAGE		BIT_ULL(7)	/* leaf at 2M and 1G */
#define EPT_ACCESSED		BIT_ULL(8)	/* with EPTP bit 6 */
#define EPT_DIRTY		BIT_ULL(9)	/* leaf, with EPTP bit 6 */
#define EPT_ADDR		GENMASK_ULL(51, 12)

static_assert((EPT_ADDR & (EPT_RWX | EPT_MEMTYPE_WB | EPT_IPAT | EPT_PAGE | EPT_ACCESSED |
			   EPT_DIRTY)) == 0);

/* An entry is not present when bits 2:0 are all clear. */
static bool ept_present(u64 entry)
{
	return entry & EPT_RWX;
}

static bool ept_leaf(u64 entry, int level)
{
	return level == HOLM_PG_4K || (entry & EPT_PAGE);
}

/* Write or execute without read is a misconfiguration: readable always. */
static u64 ept_make_leaf(u64 pa, int level, u32 access, bool dirty)
{
	u64 entry = (pa & EPT_ADDR) | EPT_READ | EPT_MEMTYPE_WB | EPT_IPAT;

	if (access & HOLM_ACCESS_WRITE)
		entry |= EPT_WRITE;
	if (access & HOLM_ACCESS_FETCH)
		entry |= EPT_EXEC;
	if (level > HOLM_PG_4K)
		entry |= EPT_PAGE;
	if (holm_format_ept.has_ad) {
		entry |= EPT_ACCESSED;
		if (dirty)
			entry |= EPT_DIRTY;
	}
	return entry;
}

static u64 ept_make_table(u64 pa)
{
	return (pa & EPT_ADDR) | EPT_RWX;
}

static u64 ept_pa(u64 entry)
{
	return entry & EPT_ADDR;
}

static u32 ept_access(u64 entry)
{
	u32 access = 0;

	if (entry & EPT_READ)
		access |= HOLM_ACCESS_READ;
	if (entry & EPT_WRITE)
		access |= HOLM_ACCESS_WRITE;
	if (entry & EPT_EXEC)
		access |= HOLM_ACCESS_FETCH;
	return access;
}

static bool ept_accessed(u64 entry)
{
	return !holm_format_ept.has_ad || (entry & EPT_ACCESSED);
}

static bool ept_dirty(u64 entry)
{
	return !holm_format_ept.has_ad || (entry & EPT_DIRTY);
}

static u64 ept_clear_accessed(u64 entry)
{
	return entry & ~EPT_ACCESSED;
}

static u64 ept_clear_dirty(u64 entry)
{
	return entry & ~EPT_DIRTY;
}

static u64 ept_write_protect(u64 entry)
{
	return entry & ~EPT_WRITE;
}

struct holm_mmu_format holm_format_ept = {
	.name = "EPT",
	.levels = 4,
	.max_leaf = HOLM_PG_4K,
	.present = ept_present,
	.leaf = ept_leaf,
	.make_leaf = ept_make_leaf,
	.make_table = ept_make_table,
	.pa = ept_pa,
	.access = ept_access,
	.accessed = ept_accessed,
	.dirty = ept_dirty,
	.clear_accessed = ept_clear_accessed,
	.clear_dirty = ept_clear_dirty,
	.write_protect = ept_write_protect,
};
