// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Time on several vCPUs, while their threads go from CPU to CPU of the host.
 */
#define _GNU_SOURCE
#include <sched.h>

#include "smp.h"

/* Each thread to the next of the CPUs that this one may use, one after the other. */
static void migrate_threads(struct smp *s)
{
	cpu_set_t all, set;
	unsigned int turn, cpu = 0;

	sched_getaffinity(0, sizeof(all), &all);
	for (turn = 0; smp_goes_on(s); turn++) {
		do
			cpu = (cpu + 1) % CPU_SETSIZE;
		while (!CPU_ISSET(cpu, &all));
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		pthread_setaffinity_np(s->thread[turn % s->n], sizeof(set), &set);
		smp_nap(500);
	}
}

static void check_timer(struct smp *s)
{
	unsigned int i;

	for (i = 0; i < s->n; i++)
		CHECK_EQ(s->g, smp_count(s, i, VEC_SMP_TIMER), *smp_cpu(s, i, CPU_ARG));
}

static const char *no_deadline(void)
{
	return hv.caps.features & HOLM_CAP_TSC_DEADLINE ? NULL : "no TSC-deadline timer";
}

static void check_tsc(struct smp *s)
{
	CHECK(s->g, *smp_word(s, SHARED_LAST), "nobody read the TSC");
}

#define IDS	.ids = { 0, 1, 2, 3 }

static const struct smp_row rows[] = {
	{ .name = "tsc_order", .n = 4, IDS, .program = G_tsc_order, .arg = { 10000 },
	  .arg_bochs = { 300 }, .check = check_tsc },
	{ .name = "tsc_order_locked", .n = 4, IDS, .program = G_tsc_order_locked,
	  .arg = { 10000 }, .arg_bochs = { 100 }, .check = check_tsc },
	{ .name = "tsc_order_migrate", .n = 3, IDS, .program = G_tsc_order, .arg = { 40000 },
	  .arg_bochs = { 100 }, .host = migrate_threads, .check = check_tsc },
	{ .name = "timer_spin", .n = 4, IDS, .x2apic = true, .program = G_timer_exact,
	  .arg = { 500, 0x3ffff, 0 }, .arg_bochs = { 5, 0xfff, 0 }, .skip = no_deadline,
	  .check = check_timer },
	{ .name = "timer_halt", .n = 4, IDS, .x2apic = true, .program = G_timer_exact,
	  .arg = { 500, 0x3ffff, 1 }, .arg_bochs = { 5, 0xfff, 1 }, .skip = no_deadline,
	  .check = check_timer },
	{ .name = "timer_migrate", .n = 3, IDS, .x2apic = true, .program = G_timer_exact,
	  .arg = { 500, 0x3ffff, 0 }, .arg_bochs = { 5, 0xfff, 0 }, .skip = no_deadline,
	  .host = migrate_threads, .check = check_timer },
};

void test_smp_time(void)
{
	smp_rows(rows, ARRAY_SIZE(rows));
}
