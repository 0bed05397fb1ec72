// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Inter-processor interrupts of every kind: each arrives where it must, once.
 */
#include <string.h>

#include "smp.h"
#include "steps.h"

#define DFR_CLUSTER	0x0fffffff

/* An entry of SMP_TABLE. */
struct ipi {
	uint32_t icr;
	uint32_t dest;
	uint32_t vector;
	uint32_t mask;
	uint32_t rounds;
	uint32_t reserved[3];
};

_Static_assert(sizeof(struct ipi) == IPI_SIZE, "IPI_SIZE");

#define MAX_IPIS	20

/**
 * struct ipi_table - what one sends
 * @ldr: logical destination registers, 0 for x2APIC
 * @cluster: xAPIC cluster model
 * @cr8: task priorities
 * @ipis: ends with one of no icr, dest and mask
 */
struct ipi_table {
	uint8_t ldr[SMP_MAX];
	bool cluster;
	uint8_t cr8[SMP_MAX];
	struct ipi ipis[MAX_IPIS];
};

/* Vectors are given when the table is copied: each entry has its own. */
#define TO(how, where, who)	{ .icr = ICR_ASSERT | (how), .dest = (where), .mask = (who) }
#define NMI_TO(how, where, who)	{ .icr = ICR_ASSERT | ICR_NMI | (how), .dest = (where), \
				  .mask = (who), .vector = 2 }
/* To one of them. */
#define ONE_OF(how, where)	{ .icr = ICR_ASSERT | ICR_LOWEST | (how), .dest = (where) }

static const struct ipi_table flat = {
	.ldr = { 1, 2, 4, 8 },
	.ipis = {
		TO(0, 1, 0x2),
		TO(0, 3, 0x8),
		TO(0, 0, 0x1),
		TO(0, 0xff, 0xf),
		TO(ICR_LOGICAL, 0x02, 0x2),
		TO(ICR_LOGICAL, 0x0e, 0xe),
		TO(ICR_LOGICAL, 0x89, 0x9),	/* a bit that is nobody's */
		TO(ICR_LOGICAL, 0xff, 0xf),
		TO(ICR_SELF, 2, 0x1),		/* a shorthand needs no destination */
		TO(ICR_ALL, 2, 0xf),
		TO(ICR_OTHERS, 2, 0xe),
		NMI_TO(0, 2, 0x4),
		NMI_TO(ICR_LOGICAL, 0x0a, 0xa),
		NMI_TO(ICR_OTHERS, 0, 0xe),
		ONE_OF(ICR_LOGICAL, 0x0e),
		ONE_OF(ICR_LOGICAL, 0xff),
		ONE_OF(ICR_ALL, 0),
	},
};

static const struct ipi_table cluster = {
	.ldr = { 0x11, 0x12, 0x21, 0x24 },
	.cluster = true,
	.ipis = {
		TO(ICR_LOGICAL, 0x11, 0x1),
		TO(ICR_LOGICAL, 0x13, 0x3),
		TO(ICR_LOGICAL, 0x12, 0x2),
		TO(ICR_LOGICAL, 0x2f, 0xc),
		TO(ICR_LOGICAL, 0x24, 0x8),
		TO(ICR_LOGICAL, 0xff, 0xf),
		TO(ICR_OTHERS, 0, 0xe),
		TO(0, 2, 0x4),
		NMI_TO(ICR_LOGICAL, 0x25, 0xc),
		ONE_OF(ICR_LOGICAL, 0x25),
	},
};

/* APIC IDs 0, 1, 16, 18. */
static const struct ipi_table x2apic = {
	.ipis = {
		TO(0, 1, 0x2),
		TO(0, 0x10, 0x4),
		TO(0, 0x12, 0x8),
		TO(0, 0, 0x1),
		TO(0, 0xffffffff, 0xf),
		TO(ICR_LOGICAL, 0x00000002, 0x2),
		TO(ICR_LOGICAL, 0x00000003, 0x3),
		TO(ICR_LOGICAL, 0x00010005, 0xc),
		TO(ICR_LOGICAL, 0x0001fffe, 0x8),
		TO(ICR_LOGICAL, 0xffffffff, 0xf),
		TO(ICR_SELF, 0, 0x1),
		TO(ICR_ALL, 0, 0xf),
		TO(ICR_OTHERS, 0, 0xe),
		NMI_TO(0, 0x12, 0x8),
		NMI_TO(ICR_OTHERS, 0, 0xe),
		ONE_OF(ICR_LOGICAL, 0x00010005),
		ONE_OF(ICR_LOGICAL, 0xffffffff),
	},
};

/* The third has the lowest priority. */
static const struct ipi_table lowest = {
	.ldr = { 1, 2, 4, 8 },
	.cr8 = { 3, 2, 1, 2 },
	.ipis = {
		{ .icr = ICR_ASSERT | ICR_LOWEST | ICR_LOGICAL, .dest = 0x0f, .mask = 0x4 },
		{ .icr = ICR_ASSERT | ICR_LOWEST | ICR_LOGICAL, .dest = 0x0b, .mask = 0x2 | 0x8 },
	},
};

static bool is_end(const struct ipi *ipi)
{
	return !ipi->icr;
}

static void setup_table(struct smp *s)
{
	const struct ipi_table *t = s->row->data;
	unsigned int i;

	for (i = 0; i < s->n && !s->row->x2apic; i++) {
		lapic_put(s->vcpu[i], LAPIC_LDR, (uint32_t)t->ldr[i] << 24);
		if (t->cluster)
			lapic_put(s->vcpu[i], LAPIC_DFR, DFR_CLUSTER);
		s->vcpu[i]->run->sregs.cr8 = t->cr8[i];
	}
	for (i = 0; !is_end(&t->ipis[i]); i++) {
		struct ipi ipi = t->ipis[i];

		ipi.rounds = *smp_cpu(s, 0, CPU_ARG);
		if (ipi.vector != 2) {
			ipi.vector = VEC_SMP + i;
			ipi.icr |= ipi.vector;
		}
		memcpy(s->g->ram + SMP_TABLE + i * IPI_SIZE, &ipi, sizeof(ipi));
	}
}

/* Each got what was for it and nothing else. */
static void check_table(struct smp *s)
{
	uint64_t rounds = *smp_cpu(s, 0, CPU_ARG), sum, nmis[SMP_MAX] = { 0 };
	const struct ipi_table *t = s->row->data;
	unsigned int i, k;

	for (k = 0; !is_end(&t->ipis[k]); k++) {
		const struct ipi *ipi = &t->ipis[k];
		unsigned int vector = VEC_SMP + k;

		for (i = 0, sum = 0; i < s->n; i++) {
			uint64_t want = ipi->mask & BIT(i) ? rounds : 0;

			sum += smp_count(s, i, vector);
			if (ipi->vector == 2)
				nmis[i] += want;
			else if (ipi->mask && smp_count(s, i, vector) != want)
				guest_fail(s->g, "entry %u: vCPU %u got %llu, expected %llu", k, i,
					   (unsigned long long)smp_count(s, i, vector),
					   (unsigned long long)want);
		}
		if (!ipi->mask && sum != rounds)
			guest_fail(s->g, "entry %u: %llu arrived, expected %llu", k,
				   (unsigned long long)sum, (unsigned long long)rounds);
	}
	for (i = 0; i < s->n; i++)
		CHECK_EQ(s->g, smp_count(s, i, 2), nmis[i]);
}

/* Of two that are equal it is the same one each time. */
static void check_lowest(struct smp *s)
{
	uint64_t rounds = *smp_cpu(s, 0, CPU_ARG);

	CHECK_EQ(s->g, smp_count(s, 2, VEC_SMP), rounds);
	CHECK_EQ(s->g, smp_count(s, 1, VEC_SMP + 1) + smp_count(s, 3, VEC_SMP + 1), rounds);
	CHECK_EQ(s->g, smp_count(s, 0, VEC_SMP + 1) + smp_count(s, 2, VEC_SMP + 1), 0);
}

static void setup_lowest(struct smp *s)
{
	setup_table(s);
	/* Any of them, so that the sum of all counts. */
	guest_write(s->g, SMP_TABLE + IPI_SIZE + IPI_MASK, 0, 4);
}

static void check_ring(struct smp *s)
{
	uint64_t rounds = *smp_cpu(s, 0, CPU_ARG);
	unsigned int i;

	for (i = 0; i < s->n; i++)
		CHECK_EQ(s->g, smp_count(s, i, VEC_SMP), rounds);
	CHECK_EQ(s->g, *smp_word(s, SHARED_COUNT), rounds * s->n);
}

static void check_all_to_all(struct smp *s)
{
	uint64_t rounds = *smp_cpu(s, 0, CPU_ARG);
	unsigned int i, from;

	for (i = 0; i < s->n; i++)
		for (from = 0; from < s->n; from++)
			CHECK_EQ(s->g, smp_count(s, i, VEC_SMP + from), i == from ? 0 : rounds);
}

static void check_self(struct smp *s)
{
	unsigned int i;

	for (i = 0; i < s->n; i++)
		CHECK_EQ(s->g, smp_count(s, i, VEC_SMP), *smp_cpu(s, i, CPU_ARG));
}

#define IDS		.ids = { 0, 1, 2, 3 }
#define IDS_X2APIC	.ids = { 0, 1, 0x10, 0x12 }, .x2apic = true
#define TABLE(what, table, how)							\
	.name = "ipi_" what, .n = 4, .program = G_ipi_table, .others = G_ipi_##how, \
	.arg = { 8 }, .arg_bochs = { 2 }, .setup = setup_table, .check = check_table, \
	.data = &(table)

static const struct smp_row rows[] = {
	{ TABLE("flat_halt", flat, halt), IDS, .bochs = true },
	{ TABLE("flat_spin", flat, spin), IDS, .bochs = true },
	{ TABLE("flat_window", flat, window), IDS, .bochs = true },
	{ TABLE("flat_exits", flat, exits), IDS, .bochs = true },
	{ TABLE("cluster_halt", cluster, halt), IDS, .bochs = true },
	{ TABLE("cluster_spin", cluster, spin), IDS, .bochs = true },
	{ TABLE("x2apic_halt", x2apic, halt), IDS_X2APIC, .bochs = true },
	{ TABLE("x2apic_spin", x2apic, spin), IDS_X2APIC },
	{ TABLE("x2apic_window", x2apic, window), IDS_X2APIC },
	{ TABLE("x2apic_exits", x2apic, exits), IDS_X2APIC },
	{ .name = "ipi_lowest", .n = 4, IDS, .program = G_ipi_table, .others = G_ipi_spin,
	  .arg = { 10, 1 }, .arg_bochs = { 3, 1 }, .setup = setup_lowest, .check = check_lowest,
	  .data = &lowest },
	{ .name = "ipi_self", .n = 2, IDS, .x2apic = true, .program = G_ipi_self,
	  .arg = { 200 }, .arg_bochs = { 10 }, .check = check_self },
	{ .name = "ipi_closed", .n = 2, IDS, .x2apic = true, .program = G_ipi_closed,
	  .others = G_ipi_closed_receiver, .arg = { 50 }, .arg_bochs = { 3 } },
	{ .name = "ipi_ping_pong_halt", .n = 2, IDS, .x2apic = true, .program = G_ring_halt,
	  .others = G_ipi_halt, .hook = G_ring_hook, .arg = { 500 }, .arg_bochs = { 50 },
	  .check = check_ring },
	{ .name = "ipi_ping_pong_spin", .n = 2, IDS, .x2apic = true, .program = G_ring_spin,
	  .others = G_ipi_spin, .hook = G_ring_hook, .arg = { 500 }, .arg_bochs = { 30 },
	  .check = check_ring },
	{ .name = "ipi_ring_halt", .n = 4, IDS, .x2apic = true, .program = G_ring_halt,
	  .others = G_ipi_halt, .hook = G_ring_hook, .arg = { 150 }, .arg_bochs = { 20 },
	  .check = check_ring },
	{ .name = "ipi_ring_xapic", .n = 3, IDS, .program = G_ring_halt, .others = G_ipi_halt,
	  .hook = G_ring_hook, .arg = { 50 }, .arg_bochs = { 5 }, .check = check_ring },
	{ .name = "ipi_all_to_all", .n = 4, IDS, .x2apic = true, .program = G_ipi_all_to_all,
	  .arg = { 100 }, .arg_bochs = { 4 }, .check = check_all_to_all },
};

void test_smp_ipi(void)
{
	smp_rows(rows, ARRAY_SIZE(rows));
}
