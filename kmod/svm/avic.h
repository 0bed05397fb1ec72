/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What AVIC reads and tells: tables, exit information, and the nested page
 * table that it wants. AMD64 APM Vol. 2, 15.29 "Advanced Virtual Interrupt
 * Controller".
 *
 * All of it is arithmetic on memory (avic_tables.c), and tested without a CPU
 * that has AVIC.
 */
#ifndef HOLM_SVM_AVIC_H
#define HOLM_SVM_AVIC_H

#include <linux/bits.h>
#include <linux/types.h>

struct holm_lapic_view;
struct holm_mmu_format;

/* ---- physical APIC ID table, APM 15.29.5.2: one page, 8 bytes an ID ------- */

#define AVIC_PHYSICAL_HOST_ID	GENMASK_ULL(7, 0)	/* with RUNNING */
#define AVIC_PHYSICAL_PAGE	GENMASK_ULL(51, 12)
#define AVIC_PHYSICAL_RUNNING	BIT_ULL(62)
#define AVIC_PHYSICAL_VALID	BIT_ULL(63)

/* ID 255 is the broadcast. */
#define AVIC_PHYSICAL_MAX_ID	254

/*
 * The host's APIC IDs that an entry and the doorbell can name. Entries of later
 * CPUs have 12 bits for it, but the doorbell's eight are all that the manual has.
 */
#define AVIC_HOST_ID_MAX	255

/**
 * svm_avic_physical() - entry of a vCPU
 * @page: physical address of its backing page
 * @host_id: APIC ID of the CPU that it runs on, at most AVIC_HOST_ID_MAX, or -1:
 *	whoever sends to it exits
 */
u64 svm_avic_physical(u64 page, int host_id);

/* ---- logical APIC ID table, APM 15.29.5.3: one page, 4 bytes an ID --------- */

#define AVIC_LOGICAL_ID		GENMASK(7, 0)
#define AVIC_LOGICAL_VALID	BIT(31)

/* Flat: one for each of 8 bits. Cluster: 15 clusters of 4; 15 is the broadcast. */
#define AVIC_LOGICAL_FLAT	8
#define AVIC_LOGICAL_CLUSTER	60

/**
 * struct svm_avic_logical - a logical APIC ID table in the making
 * @entry: the table; what is beyond is never looked up
 * @model: DFR's bits 28..31 of all LAPICs in it, or -1: there is none yet
 * @refused: a table cannot say it
 */
struct svm_avic_logical {
	u32 entry[AVIC_LOGICAL_CLUSTER];
	int model;
	bool refused;
};

/**
 * svm_avic_logical_index() - where a logical ID is in the table
 * @model: DFR's bits 28..31: 0xf flat, 0 cluster
 * @ldr: logical ID, bits 24..31 of LDR
 * @bit: which of its bits: 0..7, or 0..3 in cluster mode
 *
 * Return: an index, or -1 when @ldr lacks the bit or it means no LAPIC.
 */
int svm_avic_logical_index(int model, u8 ldr, int bit);

void svm_avic_logical_begin(struct svm_avic_logical *table);

/**
 * svm_avic_logical_add() - a LAPIC of the VM
 * @table: begun
 * @view: the LAPIC; @view->enabled says that it accepts interrupts
 */
void svm_avic_logical_add(struct svm_avic_logical *table, const struct holm_lapic_view *view);

/**
 * svm_avic_logical_end() - no more LAPICs
 * @table: has only invalid entries afterwards if the CPU could not find each
 *	destination by it: then each logical destination exits
 */
void svm_avic_logical_end(struct svm_avic_logical *table);

/* ---- exits, APM 15.29.9 ---------------------------------------------------- */

/* Why an IPI was not delivered: ID of table "EXITINFO2" */
#define AVIC_IPI_TYPE		0	/* not fixed, or level */
#define AVIC_IPI_NOT_RUNNING	1	/* the request is in all pages, doorbells have rung */
#define AVIC_IPI_TARGET		2	/* an entry is not valid */
#define AVIC_IPI_PAGE		3	/* an entry's page is no memory */
#define AVIC_IPI_VECTOR		4	/* below 16 */

/**
 * struct svm_avic_ipi - AVIC_INCOMPLETE_IPI
 * @icr: what was written, in ICR and the upper half of ICR
 * @reason: AVIC_IPI_*
 * @index: of a table's entry
 */
struct svm_avic_ipi {
	u64 icr;
	u32 reason;
	u16 index;
};

struct svm_avic_ipi svm_avic_ipi(u64 exit_info1, u64 exit_info2);

/**
 * struct svm_avic_access - AVIC_NOACCEL
 * @offset: of the register
 * @write: it is a write
 * @trap: the write is in the backing page, and RIP behind its instruction;
 *	otherwise nothing was done yet
 * @vector: of an EOI: the interrupt that it ends
 */
struct svm_avic_access {
	u16 offset;
	bool write;
	bool trap;
	u8 vector;
};

struct svm_avic_access svm_avic_access(u64 exit_info1, u64 exit_info2);

/* Table "Guest vAPIC Register Access Behavior": exits for a write are traps. */
bool svm_avic_write_traps(u16 offset);

/* ---- the APIC page in nested page tables, APM 15.29.3 ---------------------- */

#define AVIC_VIEW_LEVELS	4

/**
 * struct svm_avic_view - a VM's nested page table with an APIC page in it
 * @table: by level of the entries, less one: those above the APIC page
 *
 * The CPU looks for the right to read and write the APIC page, wherever the
 * entry leads. It may not be in the VM's own table: a vCPU that does not use
 * AVIC has its accesses there exit. So the four tables above that page are
 * double. All else in the second set is copied from the first when it faults,
 * and forgotten as a whole before a vCPU enters for which a flush is requested.
 *
 * Leaves that are copied are aged by what the first set has: a page is a little
 * older than it looks. They are there only where there is memory beside the
 * APIC page in its 1 GiB.
 */
struct svm_avic_view {
	u64 *table[AVIC_VIEW_LEVELS];
};

/**
 * svm_avic_view_init() - the path to the APIC page, and nothing else
 * @view: zeroed tables
 * @format: of entries
 * @page: physical address of a page
 */
void svm_avic_view_init(struct svm_avic_view *view, const struct holm_mmu_format *format,
			u64 page);

/**
 * svm_avic_view_fill() - take an entry over
 * @view: the view
 * @format: of entries
 * @root: the VM's table, which does not change meanwhile
 * @gpa: where the guest faulted
 *
 * Return: whether it was another one; otherwise the fault is the VM's.
 */
bool svm_avic_view_fill(struct svm_avic_view *view, const struct holm_mmu_format *format,
			const u64 *root, u64 gpa);

/* Forget what was taken over. Any number of CPUs may use the view meanwhile. */
void svm_avic_view_clear(struct svm_avic_view *view);

#endif /* HOLM_SVM_AVIC_H */
