// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How vCPUs start: INIT and start-up IPIs, and the state block that says what
 * a vCPU waits for. SDM Vol. 3, "Multiple-Processor (MP) Initialization".
 */
#define _GNU_SOURCE
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "run.h"
#include "smp.h"
#include "steps.h"

#define NAP_US		20000
#define NAP_YIELDS	50

/* The guest lets time pass, in which nothing must happen. */
static void nap(struct guest *v, unsigned int n)
{
	unsigned int i;

	(void)n;
	v->nevents = 0;
	if (!hv.bochs)
		usleep(NAP_US);
	else
		for (i = 0; i < NAP_YIELDS; i++)
			sched_yield();
}

static void setup(struct smp *s)
{
	unsigned int i;

	s->vcpu[0]->call = nap;
	for (i = 0; i < s->n; i++) {
		*smp_cpu(s, i, CPU_ARG) = G_ap_start >> 12;
		*smp_cpu(s, i, CPU_ARG + 8) = G_ap_start_2 >> 12;
	}
}

static unsigned int starts(struct smp *s)
{
	return guest_read(s->g, AP_STARTS, 2);
}

static unsigned int starts_2(struct smp *s)
{
	return guest_read(s->g, AP_STARTS_2, 2);
}

/* As after INIT: paging and protection off, the caches' bits as RESET left them. */
static void check_found(struct smp *s, uint32_t cr0)
{
	const struct holm_cpuid_entry *id = hv_cpuid(1, 0);

	CHECK_EQ(s->g, guest_read(s->g, AP_CR0, 4), cr0);
	CHECK_EQ(s->g, guest_read(s->g, AP_EDX, 4), id ? id->eax : 0);
}

static void check_all(struct smp *s)
{
	CHECK_EQ(s->g, starts(s), s->n - 1);
	CHECK_EQ(s->g, starts_2(s), 0);
	CHECK_EQ(s->g, guest_read(s->g, AP_CS, 2), G_ap_start >> 12 << 8);
	check_found(s, 0x60000010);
}

static void check_each(struct smp *s)
{
	CHECK_EQ(s->g, starts(s), s->n / 2);
	CHECK_EQ(s->g, starts_2(s), (s->n - 1) / 2);
	check_found(s, 0x60000010);
}

static void check_ignored(struct smp *s)
{
	CHECK_EQ(s->g, starts(s), 0);
	CHECK_EQ(s->g, starts_2(s), 0);
}

static void check_stops(struct smp *s)
{
	unsigned int i;

	CHECK_EQ(s->g, starts(s), s->n - 1);
	for (i = 1; i < s->n; i++)
		CHECK_EQ(s->g, smp_count(s, i, VEC_SMP), 0);
}

static void check_again(struct smp *s)
{
	CHECK_EQ(s->g, starts(s), *smp_cpu(s, 0, CPU_ARG + 16) * (s->n - 1));
	CHECK_EQ(s->g, starts_2(s), s->n - 1);
	check_found(s, 0x10);
}

#define IDS		.ids = { 0, 1, 2, 3 }, .bochs = true
#define AGAIN(what, activity)						\
	{ .name = "init_again_" what, .n = 3, IDS, .by_sipi = true,	\
	  .program = G_init_again, .others = G_init_again_ap,		\
	  .arg = { 1, 0, 20, activity }, .arg_bochs = { 1, 0, 4, activity }, \
	  .setup = setup, .check = check_again }

static const struct smp_row rows[] = {
	{ .name = "start_all", .n = 4, IDS, .by_sipi = true, .program = G_start_all,
	  .others = G_start_ap, .setup = setup, .check = check_all },
	{ .name = "start_each", .n = 4, IDS, .by_sipi = true, .program = G_start_each,
	  .others = G_start_ap, .setup = setup, .check = check_each },
	{ .name = "start_each_x2apic", .n = 4, IDS, .x2apic = true, .by_sipi = true,
	  .program = G_start_each, .others = G_start_ap, .setup = setup, .check = check_each },
	{ .name = "start_nothing_else", .n = 3, IDS, .by_sipi = true,
	  .program = G_start_nothing_else, .others = G_start_ap, .setup = setup,
	  .check = check_all },
	{ .name = "start_ignored", .n = 3, IDS, .program = G_start_ignored, .others = G_count_ap,
	  .arg = { 1, 0, 10 }, .arg_bochs = { 1, 0, 2 }, .setup = setup,
	  .check = check_ignored },
	{ .name = "init_stops", .n = 2, IDS, .program = G_init_stops, .others = G_count_ap,
	  .setup = setup, .check = check_stops },
	AGAIN("on", 0),
	AGAIN("off", 1),
	AGAIN("halted", 2),
	AGAIN("halted_off", 3),
	{ .name = "init_bsp", .n = 2, IDS, .program = G_init_bsp, .others = G_init_bsp_sender,
	  .end = { HOLM_EXIT_INIT } },
};

/* ---- the state block ---------------------------------------------------------------- */

static void expect_mp(struct guest *g, const struct holm_vcpu_handle *vcpu, uint32_t state)
{
	struct holm_mp_state mp = { .state = ~0U };
	int err = holm_vcpu_get_state(vcpu, HOLM_STATE_MP, &mp, sizeof(mp));

	CHECK(g, !err, "%s", strerror(-err));
	CHECK_EQ(g, mp.state, state);
}

static void put_mp(struct guest *g, const struct holm_vcpu_handle *vcpu, uint32_t state)
{
	const struct holm_mp_state mp = { .state = state };
	int err = holm_vcpu_set_state(vcpu, HOLM_STATE_MP, &mp, sizeof(mp));

	CHECK(g, !err, "%s", strerror(-err));
}

/* A message's start-up vector is no MSI; the LAPIC block brings one. */
static void put_pending(struct guest *g, const struct holm_vcpu_handle *vcpu, uint32_t pending,
			uint8_t vector)
{
	struct holm_lapic lapic;
	int err = holm_vcpu_get_state(vcpu, HOLM_STATE_LAPIC, &lapic, sizeof(lapic));

	CHECK(g, !err, "%s", strerror(-err));
	lapic.pending = pending;
	lapic.sipi_vector = vector;
	err = holm_vcpu_set_state(vcpu, HOLM_STATE_LAPIC, &lapic, sizeof(lapic));
	CHECK(g, !err, "%s", strerror(-err));
}

static void test_mp_state(struct guest *g)
{
	const uint32_t both = HOLM_LAPIC_PENDING_INIT | HOLM_LAPIC_PENDING_SIPI;
	struct holm_vcpu_handle ap;
	struct holm_lapic lapic;
	uint32_t state;
	int err;

	err = holm_vcpu_create(g->vm, 1, &ap);
	if (err) {
		guest_fail(g, "vCPU 1: %s", strerror(-err));
		return;
	}
	err = holm_vcpu_set_cpuid(&ap, hv.cpuid, hv.cpuid_nent);
	CHECK(g, !err, "%s", strerror(-err));
	expect_mp(g, &g->vcpu, HOLM_MP_RUNNABLE);
	expect_mp(g, &ap, HOLM_MP_WAIT_FOR_SIPI);
	for (state = HOLM_MP_RUNNABLE; state <= HOLM_MP_WAIT_FOR_SIPI; state++) {
		put_mp(g, &ap, state);
		expect_mp(g, &ap, state);
	}
	/* INIT and SIPI that wait go with the LAPIC, and take effect in their order. */
	put_mp(g, &ap, HOLM_MP_RUNNABLE);
	put_pending(g, &ap, both, 0x9a);
	err = holm_vcpu_get_state(&ap, HOLM_STATE_LAPIC, &lapic, sizeof(lapic));
	CHECK(g, !err, "%s", strerror(-err));
	CHECK_EQ(g, lapic.pending, both);
	CHECK_EQ(g, lapic.sipi_vector, 0x9a);
	/* Nothing is there: the fetch is the first exit. */
	guest_set_slot(g, 0, 0, 0, 0, NULL);
	err = holm_vcpu_run(&ap);
	CHECK(g, !err, "%s", strerror(-err));
	CHECK_EQ(g, ap.run->exit_reason, HOLM_EXIT_MMIO);
	CHECK_EQ(g, ap.run->mmio.gpa, 0x9a000);
	CHECK_EQ(g, ap.run->sregs.seg[HOLM_SEG_CS].selector, 0x9a00);
	expect_mp(g, &ap, HOLM_MP_RUNNABLE);
	err = holm_vcpu_get_state(&ap, HOLM_STATE_LAPIC, &lapic, sizeof(lapic));
	CHECK(g, !err, "%s", strerror(-err));
	CHECK_EQ(g, lapic.pending, 0);
	holm_vcpu_close(&ap);
}

void test_smp_start(void)
{
	smp_rows(rows, ARRAY_SIZE(rows));
	guest_test_mode("smp/mp_state", LONG64, test_mp_state);
}
