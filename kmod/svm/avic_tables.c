// SPDX-License-Identifier: GPL-2.0-only
/*
 * AVIC's tables, exit information and nested page table: see avic.h.
 */
#include <linux/compiler.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <asm/page.h>

#include "../holm.h"
#include "../mmu/walker.h"
#include "../x86/lapic_regs.h"
#include "avic.h"

static_assert(HOLM_MAX_VCPUS - 1 <= AVIC_PHYSICAL_MAX_ID);
static_assert((AVIC_PHYSICAL_PAGE & (AVIC_PHYSICAL_HOST_ID | AVIC_PHYSICAL_RUNNING |
				     AVIC_PHYSICAL_VALID)) == 0);
static_assert(AVIC_HOST_ID_MAX == AVIC_PHYSICAL_HOST_ID);

/* ---- tables --------------------------------------------------------------- */

u64 svm_avic_physical(u64 page, int host_id)
{
	u64 entry = (page & AVIC_PHYSICAL_PAGE) | AVIC_PHYSICAL_VALID;

	if (host_id >= 0)
		entry |= AVIC_PHYSICAL_RUNNING | host_id;
	return entry;
}

#define MODEL_FLAT	0xf
#define MODEL_CLUSTER	0

int svm_avic_logical_index(int model, u8 ldr, int bit)
{
	if (!(ldr & BIT(bit)))
		return -1;
	if (model == MODEL_FLAT)
		return bit;
	if (model != MODEL_CLUSTER || bit > 3 || ldr >> 4 == 0xf)
		return -1;
	return (ldr >> 4) * 4 + bit;
}

void svm_avic_logical_begin(struct svm_avic_logical *table)
{
	memset(table->entry, 0, sizeof(table->entry));
	table->model = -1;
	table->refused = false;
}

/*
 * A sender's CPU looks at the sender's DFR only: all have to be of one model. A
 * logical ID leads to one LAPIC only. x2APIC IDs are not in the table.
 */
void svm_avic_logical_add(struct svm_avic_logical *table, const struct holm_lapic_view *view)
{
	int model = view->dfr >> 28, bit, index;

	if (!view->enabled)
		return;
	if (view->x2apic || (model != MODEL_FLAT && model != MODEL_CLUSTER) ||
	    (table->model >= 0 && model != table->model)) {
		table->refused = true;
		return;
	}
	table->model = model;
	for (bit = 0; bit < AVIC_LOGICAL_FLAT; bit++) {
		index = svm_avic_logical_index(model, view->ldr >> 24, bit);
		if (index < 0)
			continue;
		if (table->entry[index])
			table->refused = true;
		table->entry[index] = AVIC_LOGICAL_VALID | view->apic_id;
	}
}

void svm_avic_logical_end(struct svm_avic_logical *table)
{
	if (table->refused)
		memset(table->entry, 0, sizeof(table->entry));
}

/* ---- exits ---------------------------------------------------------------- */

#define IPI_REASON_SHIFT	32
#define IPI_INDEX		GENMASK(11, 0)

#define ACCESS_WRITE		BIT_ULL(32)
#define ACCESS_OFFSET		GENMASK(11, 4)
#define ACCESS_VECTOR		GENMASK(7, 0)

struct svm_avic_ipi svm_avic_ipi(u64 exit_info1, u64 exit_info2)
{
	return (struct svm_avic_ipi) {
		.icr = exit_info1,
		.reason = exit_info2 >> IPI_REASON_SHIFT,
		.index = exit_info2 & IPI_INDEX,
	};
}

bool svm_avic_write_traps(u16 offset)
{
	switch (offset) {
	case APIC_ID:
	case APIC_EOI:			/* of a level interrupt */
	case APIC_RRR:
	case APIC_LDR:
	case APIC_DFR:
	case APIC_SPIV:
	case APIC_ESR:
	case APIC_ICR:			/* what is more than an IPI, see AVIC_IPI_* */
	case APIC_LVTT:
	case APIC_LVTTHMR:
	case APIC_LVTPC:
	case APIC_LVT0:
	case APIC_LVT1:
	case APIC_LVTERR:
	case APIC_TMICT:
	case APIC_TDCR:
		return true;
	default:
		return false;
	}
}

struct svm_avic_access svm_avic_access(u64 exit_info1, u64 exit_info2)
{
	struct svm_avic_access access = {
		.offset = exit_info1 & ACCESS_OFFSET,
		.write = exit_info1 & ACCESS_WRITE,
		.vector = exit_info2 & ACCESS_VECTOR,
	};

	access.trap = access.write && svm_avic_write_traps(access.offset);
	return access;
}

/* ---- the view ------------------------------------------------------------- */

static unsigned int path_index(int level)
{
	return holm_pt_index(HOLM_APIC_DEFAULT_BASE, level);
}

void svm_avic_view_init(struct svm_avic_view *view, const struct holm_mmu_format *format,
			u64 page)
{
	int level;

	for (level = AVIC_VIEW_LEVELS; level > HOLM_PG_4K; level--)
		view->table[level - 1][path_index(level)] =
			format->make_table(__pa(view->table[level - 2]));
	/* Not to be executed: as without AVIC, that is the launcher's to answer. */
	view->table[0][path_index(HOLM_PG_4K)] =
		format->make_leaf(page, HOLM_PG_4K, HOLM_ACCESS_READ | HOLM_ACCESS_WRITE, true);
}

/* Entry @index of the table that @entry, at @level, leads to, or would lead to. */
static u64 below(const struct holm_mmu_format *format, u64 entry, int level, unsigned int index)
{
	const u64 *table;

	if (!format->present(entry))
		return 0;
	if (format->leaf(entry, level))
		return format->make_leaf(format->pa(entry) + index * holm_pt_size(level - 1),
					 level - 1, format->access(entry), true);
	table = __va(format->pa(entry));
	return READ_ONCE(table[index]);
}

/* Do they translate the same way? */
static bool same(const struct holm_mmu_format *format, u64 a, u64 b, int level)
{
	if (!format->present(a) || !format->present(b))
		return format->present(a) == format->present(b);
	return format->pa(a) == format->pa(b) && format->access(a) == format->access(b) &&
	       format->leaf(a, level) == format->leaf(b, level);
}

bool svm_avic_view_fill(struct svm_avic_view *view, const struct holm_mmu_format *format,
			const u64 *root, u64 gpa)
{
	u64 entry = READ_ONCE(root[holm_pt_index(gpa, AVIC_VIEW_LEVELS)]), *mine;
	int level;

	for (level = AVIC_VIEW_LEVELS; level >= HOLM_PG_4K; level--) {
		unsigned int index = holm_pt_index(gpa, level);

		if (index != path_index(level)) {
			mine = &view->table[level - 1][index];
			if (same(format, entry, READ_ONCE(*mine), level))
				return false;
			WRITE_ONCE(*mine, entry);
			return true;
		}
		if (level > HOLM_PG_4K)
			entry = below(format, entry, level, holm_pt_index(gpa, level - 1));
	}
	return false;		/* the APIC page: it is there */
}

void svm_avic_view_clear(struct svm_avic_view *view)
{
	unsigned int i;
	int level;

	for (level = AVIC_VIEW_LEVELS; level >= HOLM_PG_4K; level--)
		for (i = 0; i < HOLM_PT_ENTRIES; i++)
			if (i != path_index(level) && READ_ONCE(view->table[level - 1][i]))
				WRITE_ONCE(view->table[level - 1][i], 0);
}
