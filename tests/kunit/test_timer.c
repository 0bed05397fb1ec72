// SPDX-License-Identifier: GPL-2.0-only
/* The LAPIC timer: its arithmetic, then against the clock. */
#include <linux/delay.h>
#include <linux/ktime.h>
#include <asm/msr.h>
#include <asm/tsc.h>

#include "../../kmod/x86/lapic_regs.h"
#include "helpers.h"
#include "suites.h"

static int timer_init(struct kunit *test)
{
	struct holm_vm *vm = holm_test_vm(test, 1);

	test->priv = vm;
	return vm ? 0 : -ENOMEM;
}

static void timer_exit(struct kunit *test)
{
	holm_test_vm_end(test->priv);
}

static struct holm_vcpu *cpu(struct kunit *test, int i)
{
	return ((struct holm_vm *)test->priv)->vcpus[i];
}

/* ---- arithmetic ------------------------------------------------------ */

static void test_divide(struct kunit *test)
{
	static const u32 divide[16] = {
		2, 4, 8, 16, 2, 4, 8, 16, 32, 64, 128, 1, 32, 64, 128, 1,
	};
	int i;

	for (i = 0; i < 16; i++)
		KUNIT_EXPECT_EQ_MSG(test, holm_timer_divide(i), divide[i], "TDCR %d", i);
}

static void test_period(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, holm_timer_period(1, 1, false), 1ULL);
	KUNIT_EXPECT_EQ(test, holm_timer_period(1, 1, true), 200000ULL);
	KUNIT_EXPECT_EQ(test, holm_timer_period(200001, 1, true), 200001ULL);
	KUNIT_EXPECT_EQ(test, holm_timer_period(~0U, 128, true), 0xffffffffULL * 128);
}

static void test_periods(struct kunit *test)
{
	static const struct {
		u64 target, period, now, next;
	} rows[] = {
		{ 1000, 300, 999, 1000 },
		{ 1000, 300, 1000, 1300 },
		{ 1000, 300, 1299, 1300 },
		{ 1000, 300, 1300, 1600 },
		{ 1000, 300, 10000, 10300 },
		{ 1000, 300, 10299, 10300 },
		{ 1000, 1, 5000, 5001 },
		{ 1000, 549755813760, 1001, 549755814760 },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		u64 next = holm_timer_next(rows[i].target, rows[i].period, rows[i].now);

		KUNIT_EXPECT_EQ_MSG(test, next, rows[i].next, "row %d", i);
		KUNIT_EXPECT_EQ_MSG(test, holm_timer_remaining(rows[i].target, rows[i].period,
							       rows[i].now, true),
				    next - rows[i].now, "row %d", i);
	}
	KUNIT_EXPECT_EQ(test, holm_timer_remaining(1000, 300, 400, false), 600ULL);
	KUNIT_EXPECT_EQ(test, holm_timer_remaining(1000, 300, 1000, false), 0ULL);
	KUNIT_EXPECT_EQ(test, holm_timer_remaining(1000, 300, 2000, false), 0ULL);
}

static void test_count(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, holm_timer_count(0, 16, 100), 0U);
	KUNIT_EXPECT_EQ(test, holm_timer_count(1, 16, 100), 1U);
	KUNIT_EXPECT_EQ(test, holm_timer_count(16, 16, 100), 1U);
	KUNIT_EXPECT_EQ(test, holm_timer_count(17, 16, 100), 2U);
	KUNIT_EXPECT_EQ(test, holm_timer_count(200000, 1, 100), 100U);	/* clamped period */
	KUNIT_EXPECT_EQ(test, holm_timer_count(0xffffffffULL * 128, 128, ~0U), ~0U);
}

static void test_tsc_to_ns(struct kunit *test)
{
	static const struct {
		u64 ticks;
		u32 khz;
		u64 ns;
	} rows[] = {
		{ 0, 3000000, 0 },
		{ 3, 3000000, 1 },
		{ 4, 3000000, 2 },		/* rounded up */
		{ 3000000, 3000000, 1000000 },
		{ 2400000001ULL, 2400000, 1000000001 },
		{ 1ULL << 60, 4000000, 1ULL << 58 },
		/* 34 years is the most: no result overflows an s64. */
		{ ~0ULL, 1, 1099511627776ULL * 1000000 },
		{ ~0ULL, 3000000, 1099511627776ULL * 1000000 },
		{ 5, 0, 0 },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		u64 ns = holm_tsc_to_ns(rows[i].ticks, rows[i].khz);

		KUNIT_EXPECT_EQ_MSG(test, ns, rows[i].ns, "row %d", i);
	}
}

/* ---- timer ----------------------------------------------------------------- */

static bool wait_pending(struct holm_vcpu *vcpu, int vector, int ms)
{
	while (ms-- > 0 && holm_lapic_pending(vcpu) != vector)
		usleep_range(1000, 1100);
	return holm_lapic_pending(vcpu) == vector;
}

static void test_one_shot(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test, 0);
	u32 a, b;

	holm_apic_enable(test, vcpu);
	holm_apic_write(test, vcpu, APIC_LVTT, 0x91);
	holm_apic_write(test, vcpu, APIC_TDCR, APIC_TDR_DIV_1);

	/* Four seconds, read twice: it counts down. */
	holm_apic_write(test, vcpu, APIC_TMICT, 4000000000U);
	a = holm_apic_read(test, vcpu, APIC_TMCCT);
	usleep_range(100, 200);
	b = holm_apic_read(test, vcpu, APIC_TMCCT);
	KUNIT_EXPECT_LE(test, a, 4000000000U);
	KUNIT_EXPECT_LT(test, b, a);
	KUNIT_EXPECT_GT(test, b, 0U);

	holm_apic_write(test, vcpu, APIC_TMICT, 1000000);
	KUNIT_EXPECT_TRUE(test, wait_pending(vcpu, 0x91, 1000));
	KUNIT_EXPECT_EQ(test, holm_apic_read(test, vcpu, APIC_TMCCT), 0U);
	KUNIT_EXPECT_EQ(test, holm_apic_read(test, vcpu, APIC_TMICT), 1000000U);
	KUNIT_EXPECT_FALSE(test, hrtimer_active(&vcpu->lapic->timer.hr));

	/* 0 stops. */
	holm_apic_write(test, vcpu, APIC_TMICT, 1000000000);
	holm_apic_write(test, vcpu, APIC_TMICT, 0);
	KUNIT_EXPECT_FALSE(test, hrtimer_active(&vcpu->lapic->timer.hr));
	KUNIT_EXPECT_EQ(test, holm_apic_read(test, vcpu, APIC_TMCCT), 0U);
}

static void test_periodic(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test, 0);
	struct holm_lapic_timer *timer = &vcpu->lapic->timer;
	u64 first;
	int i;

	holm_apic_enable(test, vcpu);
	holm_apic_write(test, vcpu, APIC_LVTT, APIC_LVT_TIMER_PERIODIC | 0x91);
	holm_apic_write(test, vcpu, APIC_TDCR, APIC_TDR_DIV_16);
	holm_apic_write(test, vcpu, APIC_TMICT, 2000000 / 16);		/* 2 ms */
	first = timer->target;
	for (i = 0; i < 3; i++) {
		KUNIT_ASSERT_TRUE(test, wait_pending(vcpu, 0x91, 1000));
		holm_lapic_ack(vcpu, 0x91);
		holm_apic_write(test, vcpu, APIC_EOI, 0);
	}
	/* Ends stay on the grid of the first one. */
	KUNIT_EXPECT_EQ(test, (READ_ONCE(timer->target) - first) % 2000000, 0ULL);

	/* Masked it goes on counting without the host's help. */
	holm_apic_write(test, vcpu, APIC_LVTT, APIC_LVT_TIMER_PERIODIC | APIC_LVT_MASKED | 0x91);
	for (i = 0; i < 1000 && hrtimer_active(&timer->hr); i++)
		usleep_range(1000, 1100);
	KUNIT_EXPECT_FALSE(test, hrtimer_active(&timer->hr));
	usleep_range(4000, 5000);
	KUNIT_EXPECT_GT(test, holm_apic_read(test, vcpu, APIC_TMCCT), 0U);
	if (holm_lapic_pending(vcpu) >= 0)
		holm_lapic_ack(vcpu, 0x91);
	holm_apic_write(test, vcpu, APIC_EOI, 0);
	holm_apic_write(test, vcpu, APIC_LVTT, APIC_LVT_TIMER_PERIODIC | 0x91);
	KUNIT_EXPECT_TRUE(test, wait_pending(vcpu, 0x91, 1000));
	KUNIT_EXPECT_EQ(test, (READ_ONCE(timer->target) - first) % 2000000, 0ULL);
	holm_apic_write(test, vcpu, APIC_TMICT, 0);
	KUNIT_EXPECT_FALSE(test, hrtimer_active(&timer->hr));
}

static void test_deadline(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test, 0);
	u64 now;

	holm_apic_enable(test, vcpu);
	vcpu->tsc_offset = 1ULL << 40;

	/* Ignored in the other modes. */
	holm_lapic_set_deadline(vcpu, 1);
	KUNIT_EXPECT_EQ(test, holm_lapic_get_deadline(vcpu), 0ULL);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), -1);

	holm_apic_write(test, vcpu, APIC_LVTT, APIC_LVT_TIMER_TSCDEADLINE | 0xa1);
	holm_apic_write(test, vcpu, APIC_TMICT, 1000000);
	KUNIT_EXPECT_EQ(test, holm_apic_read(test, vcpu, APIC_TMICT), 0U);
	KUNIT_EXPECT_FALSE(test, hrtimer_active(&vcpu->lapic->timer.hr));

	/* Past: at once. */
	holm_lapic_set_deadline(vcpu, 1);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), 0xa1);
	KUNIT_EXPECT_EQ(test, holm_lapic_get_deadline(vcpu), 0ULL);
	holm_lapic_ack(vcpu, 0xa1);
	holm_apic_write(test, vcpu, APIC_EOI, 0);

	/* Too far ahead to be over; then 5 ms. */
	now = rdtsc() + vcpu->tsc_offset;
	holm_lapic_set_deadline(vcpu, now + 1000000ULL * tsc_khz);
	KUNIT_EXPECT_EQ(test, holm_lapic_get_deadline(vcpu), now + 1000000ULL * tsc_khz);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), -1);
	now = rdtsc() + vcpu->tsc_offset;
	holm_lapic_set_deadline(vcpu, now + 5ULL * tsc_khz);
	KUNIT_EXPECT_TRUE(test, wait_pending(vcpu, 0xa1, 1000));
	KUNIT_EXPECT_GE(test, rdtsc() + vcpu->tsc_offset, now + 5ULL * tsc_khz);
	KUNIT_EXPECT_EQ(test, holm_lapic_get_deadline(vcpu), 0ULL);
	holm_lapic_ack(vcpu, 0xa1);
	holm_apic_write(test, vcpu, APIC_EOI, 0);

	/* The furthest one; the guest's TSC jumps over it; disarmed with 0. */
	holm_lapic_set_deadline(vcpu, ~0ULL);
	KUNIT_EXPECT_TRUE(test, hrtimer_active(&vcpu->lapic->timer.hr));
	holm_lapic_set_deadline(vcpu, 0);
	KUNIT_EXPECT_FALSE(test, hrtimer_active(&vcpu->lapic->timer.hr));
	holm_lapic_set_deadline(vcpu, now + (1ULL << 50));
	vcpu->tsc_offset += 1ULL << 51;
	holm_lapic_tsc_changed(vcpu);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), 0xa1);

	/* Another mode disarms. */
	holm_lapic_set_deadline(vcpu, ~0ULL);
	holm_apic_write(test, vcpu, APIC_LVTT, 0xa1);
	KUNIT_EXPECT_FALSE(test, hrtimer_active(&vcpu->lapic->timer.hr));
	holm_apic_write(test, vcpu, APIC_LVTT, APIC_LVT_TIMER_TSCDEADLINE | 0xa1);
	KUNIT_EXPECT_EQ(test, holm_lapic_get_deadline(vcpu), 0ULL);
}

/* The timer has come to a CPU whose TSC is years behind. */
static void test_deadline_moved(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test, 0);
	struct holm_lapic_timer *timer = &vcpu->lapic->timer;
	u64 now;

	holm_apic_enable(test, vcpu);
	holm_apic_write(test, vcpu, APIC_LVTT, APIC_LVT_TIMER_TSCDEADLINE | 0xa1);
	WRITE_ONCE(holm_tsc_distrust, true);

	preempt_disable();
	holm_lapic_set_deadline(vcpu, rdtsc() + vcpu->tsc_offset + 50ULL * tsc_khz);
	WRITE_ONCE(timer->due, timer->due + (1ULL << 55));
	WRITE_ONCE(timer->cpu, nr_cpu_ids);
	preempt_enable();
	KUNIT_EXPECT_TRUE(test, wait_pending(vcpu, 0xa1, 1000));
	holm_lapic_ack(vcpu, 0xa1);
	holm_apic_write(test, vcpu, APIC_EOI, 0);

	/* On its own CPU it is as exact as ever. */
	preempt_disable();
	now = rdtsc() + vcpu->tsc_offset;
	holm_lapic_set_deadline(vcpu, now + 20ULL * tsc_khz);
	WRITE_ONCE(timer->due, timer->due + 20ULL * tsc_khz);
	preempt_enable();
	KUNIT_EXPECT_TRUE(test, wait_pending(vcpu, 0xa1, 1000));
	KUNIT_EXPECT_GE(test, rdtsc() + vcpu->tsc_offset, now + 40ULL * tsc_khz);
	WRITE_ONCE(holm_tsc_distrust, false);
}

static void test_divide_change(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test, 0);
	u32 before, after;

	holm_apic_write(test, vcpu, APIC_TDCR, APIC_TDR_DIV_1);
	holm_apic_write(test, vcpu, APIC_TMICT, 4000000000U);
	before = holm_apic_read(test, vcpu, APIC_TMCCT);
	holm_apic_write(test, vcpu, APIC_TDCR, APIC_TDR_DIV_128);
	after = holm_apic_read(test, vcpu, APIC_TMCCT);
	/* The count goes on: 128 times slower, from where it was. */
	KUNIT_EXPECT_LE(test, after, before);
	KUNIT_EXPECT_GT(test, after, before - 3000000000U);
	KUNIT_EXPECT_GT(test, vcpu->lapic->timer.target, ktime_get_ns() + 100000000000ULL);
	holm_apic_write(test, vcpu, APIC_TMICT, 0);
}

static struct kunit_case timer_cases[] = {
	KUNIT_CASE(test_divide),
	KUNIT_CASE(test_period),
	KUNIT_CASE(test_periods),
	KUNIT_CASE(test_count),
	KUNIT_CASE(test_tsc_to_ns),
	KUNIT_CASE(test_one_shot),
	KUNIT_CASE(test_periodic),
	KUNIT_CASE(test_deadline),
	KUNIT_CASE(test_deadline_moved),
	KUNIT_CASE(test_divide_change),
	{}
};

struct kunit_suite holm_timer_suite = {
	.name = "holm-timer",
	.init = timer_init,
	.exit = timer_exit,
	.test_cases = timer_cases,
};
