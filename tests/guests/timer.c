// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The LAPIC timer in its three modes, and the time-stamp counter. SDM Vol. 3,
 * "APIC Timer", "Time-Stamp Counter Adjustment". The timer counts nanoseconds.
 */
#include "steps.h"

#define TIMER_VECTOR	0x61
#define COUNT_ADDR	SCRATCH_ADDR
#define RESULTS_ADDR	(SCRATCH_ADDR + 0x100)
#define DIVISORS	8

/*
 * The tests' unit of time: long for a host that is emulated by a busy one,
 * unless its time is that of its instructions.
 */
#define UNIT_NS		(hv.bochs ? 4000000U : 20000000U)

static uint64_t unit_ticks(void)
{
	return (uint64_t)hv.caps.tsc_khz * UNIT_NS / 1000000;
}

static uint64_t result(struct guest *g, unsigned int n)
{
	return guest_read(g, RESULTS_ADDR + 8 * n, 8);
}

/*
 * The clock of the timer and the TSC may be calibrated against each other
 * badly, more so in an emulator.
 */
static uint64_t at_least(uint64_t ticks)
{
	return ticks - ticks / 4;
}

static void setup(struct guest *g)
{
	lapic_on(g);
	gate64(g, TIMER_VECTOR, G_timer_handler);
	g->regs.gpr[15] = unit_ticks();
	g->regs.gpr[14] = UNIT_NS;
}

/* With the framework's handler, which ends no interrupt. */
static void setup_plain(struct guest *g)
{
	lapic_on(g);
	g->regs.gpr[15] = unit_ticks();
	g->regs.gpr[14] = UNIT_NS;
}

static const char *no_deadline(void)
{
	return hv_has(1, 0, 2, 24) ? NULL : "CPUID has no TSC-deadline timer";
}

static const char *no_deadline_or_adjust(void)
{
	if (!hv_has(7, 0, 1, 1))
		return "CPUID has no TSC_ADJUST";
	return no_deadline();
}

static const char *no_adjust(void)
{
	return hv_has(7, 0, 1, 1) ? NULL : "CPUID has no TSC_ADJUST";
}

static const char *no_x2apic(void)
{
	return hv_has(1, 0, 2, 21) ? NULL : "CPUID has no x2APIC";
}

static const char *no_rdtscp(void)
{
	return hv_has(0x80000001, 0, 3, 27) ? NULL : "CPUID has no RDTSCP";
}

static const char *no_rdpid(void)
{
	return hv_has(7, 0, 2, 22) ? NULL : "CPUID has no RDPID";
}

/* ---- checks -------------------------------------------------------------------- */

static void check_oneshot(struct guest *g)
{
	CHECK(g, result(g, 0) >= at_least(unit_ticks()), "%llu ticks, expected %llu",
	      (unsigned long long)result(g, 0), (unsigned long long)unit_ticks());
	CHECK_EQ(g, result(g, 1), UNIT_NS);
}

static void check_periodic(struct guest *g)
{
	uint64_t expected = 5 * unit_ticks();

	CHECK(g, result(g, 0) >= at_least(expected), "%llu ticks for 5 periods, expected %llu",
	      (unsigned long long)result(g, 0), (unsigned long long)expected);
}

/* The count lies between what passed inside and outside of the measurement. */
static void check_divisors(struct guest *g)
{
	static const unsigned int divisors[DIVISORS] = { 2, 4, 8, 16, 32, 64, 128, 1 };
	unsigned int i;

	for (i = 0; i < DIVISORS; i++) {
		uint64_t outer = result(g, 3 * i), inner = result(g, 3 * i + 1);
		uint64_t ns = result(g, 3 * i + 2) * divisors[i];
		uint64_t ticks = ns * hv.caps.tsc_khz / 1000000;
		/* The count is rounded up: one clock of the divided counter. */
		uint64_t clock = (uint64_t)divisors[i] * hv.caps.tsc_khz / 1000000 + 1;

		CHECK(g, ticks + ticks / 4 + clock >= inner && at_least(ticks) <= outer + clock,
		      "divided by %u: %llu ticks, expected %llu to %llu", divisors[i],
		      (unsigned long long)ticks, (unsigned long long)inner,
		      (unsigned long long)outer);
	}
}

static void check_late(struct guest *g)
{
	CHECK(g, (int64_t)result(g, 1) >= 0, "it came %lld ticks early",
	      -(long long)result(g, 1));
}

static void check_deadline(struct guest *g)
{
	CHECK_EQ(g, result(g, 0), 0);
	check_late(g);
}

static void check_tsc_write(struct guest *g)
{
	CHECK(g, result(g, 0) >= BIT(50) && result(g, 0) < BIT(51), "TSC 0x%llx",
	      (unsigned long long)result(g, 0));
	/* Time that passed between reading the TSC and writing it is not in it. */
	CHECK(g, result(g, 1) <= BIT(50) && result(g, 1) > BIT(50) - BIT(40), "0x%llx",
	      (unsigned long long)result(g, 1));
	CHECK(g, result(g, 2) < result(g, 3), "TSC 0x%llx, 0x%llx before",
	      (unsigned long long)result(g, 2), (unsigned long long)result(g, 3));
}

/* ---- rows ------------------------------------------------------------------------- */

static const struct guest_row rows[] = {
	{ GUEST(oneshot, LONG64), .setup = setup, .check = check_oneshot,
	  EVENTS(V(0), V(1)) },
	{ GUEST(oneshot_spin, LONG64), .setup = setup, EVENTS(V(1)) },
	{ GUEST(oneshot_stop, LONG64), .setup = setup, EVENTS(V(1), V(0), V(0)) },
	{ GUEST(oneshot_masked, LONG64), .setup = setup, EVENTS(V(0), V(0), V(0)) },
	{ GUEST(oneshot_x2apic, LONG64), .setup = setup_plain, .skip = no_x2apic,
	  EVENTS(IRQ_AT(TIMER_VECTOR, G_oneshot_x2apic_at), V(0)) },
	{ GUEST(count_falls, LONG64), .setup = setup, EVENTS(V(1)) },
	{ GUEST(divisors, LONG64), .setup = setup, .check = check_divisors },
	{ GUEST(periodic, LONG64), .setup = setup, .check = check_periodic, EVENTS(V(1)) },
	{ GUEST(periodic_to_oneshot, LONG64), .setup = setup, EVENTS(V(1), V(0), V(0)) },

	{ GUEST(deadline, LONG64), .setup = setup, .skip = no_deadline, .check = check_deadline,
	  EVENTS(V(0), V(1)) },
	{ GUEST(deadline_spin, LONG64), .setup = setup, .skip = no_deadline, .check = check_late,
	  EVENTS(V(1)) },
	{ GUEST(deadline_past, LONG64), .setup = setup_plain, .skip = no_deadline,
	  EVENTS(IRQ_AT(TIMER_VECTOR, G_deadline_past_at), V(0)) },
	{ GUEST(deadline_stop, LONG64), .setup = setup, .skip = no_deadline,
	  EVENTS(V(0), V(0), V(0), V(0), V(0), V(0), V(0)) },
	{ GUEST(deadline_from_oneshot, LONG64), .setup = setup, .skip = no_deadline,
	  EVENTS(V(0), V(0), V(0)) },
	{ GUEST(deadline_adjust, LONG64), .setup = setup_plain, .skip = no_deadline_or_adjust,
	  EVENTS(IRQ_AT(TIMER_VECTOR, G_deadline_adjust_at), V(0)) },
	{ GUEST(deadline_masked, LONG64), .setup = setup, .skip = no_deadline, EVENTS(V(0)) },

	{ GUEST(tsc_monotonic, LONG64),
	  EVENTS(CALL(1), CALL(1), CALL(1), CALL(1), CALL(1), CALL(1), CALL(1), CALL(1),
		 CALL(1), CALL(1), CALL(1), CALL(1), CALL(1), CALL(1), CALL(1), CALL(1), V(9)) },
	{ GUEST(tsc_write, LONG64), .skip = no_adjust, .check = check_tsc_write, EVENTS(V(0)) },
	{ GUEST(tsc_aux, LONG64), .skip = no_rdtscp,
	  EVENTS(V(0x12345678), CALL(CALL_EVENT), V(0x12345678), V(0x12345678), XE(13, 0)) },
	{ GUEST(rdpid, LONG64), .skip = no_rdpid, EVENTS(V(0x12345678)) },
};

void test_timer(void)
{
	guest_rows("timer", rows, ARRAY_SIZE(rows));
}
