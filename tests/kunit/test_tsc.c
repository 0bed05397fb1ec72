// SPDX-License-Identifier: GPL-2.0-only
/* The guest's TSC: ratios, writes that agree, sleeps and CPUs that do not. */
#include <linux/delay.h>
#include <linux/ktime.h>
#include <asm/msr.h>
#include <asm/tsc.h>

#include "../../kmod/x86/msr.h"
#include "../../kmod/x86/insn.h"
#include "helpers.h"
#include "suites.h"

static struct holm_vcpu *cpu(struct kunit *test, unsigned int i)
{
	struct holm_vm *vm = test->priv;

	return vm->vcpus[i];
}

static int suite_init(struct kunit *test)
{
	int err = holm_hw_get();

	if (err)
		return err;
	test->priv = holm_test_vm(test, 3);
	if (test->priv)
		return 0;
	holm_hw_put();
	return -ENOMEM;
}

static void suite_exit(struct kunit *test)
{
	WRITE_ONCE(holm_tsc_distrust, false);
	holm_test_vm_end(test->priv);
	holm_hw_put();
}

/* As after creation, in step; on this CPU. */
static void reset_all(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < 3; i++) {
		holm_test_load(test, cpu(test, i));
		holm_tsc_reset(cpu(test, i));
		holm_vcpu_put(cpu(test, i));
	}
}

static u64 now(struct holm_vcpu *vcpu)
{
	return holm_tsc_guest(vcpu, holm_rdtsc());
}

/* ---- arithmetic ------------------------------------------------------------- */

static void test_ratio(struct kunit *test)
{
	static const struct holm_tsc_scaling wide = { 48, 16 }, narrow = { 32, 8 }, none = {};
	static const struct {
		u32 khz, host;
		const struct holm_tsc_scaling *scaling;
		int err;
		u64 ratio;
	} rows[] = {
		{ 2000000, 2000000, &wide, 0, 1ULL << 48 },
		{ 1000000, 2000000, &wide, 0, 1ULL << 47 },
		{ 3000000, 2000000, &wide, 0, 3ULL << 47 },
		{ 1, 3, &wide, 0, (1ULL << 48) / 3 },
		{ ~0U, 1U << 16, &wide, 0, 0xffffffffULL << 32 },
		{ ~0U, 0xffff, &wide, -ERANGE },
		{ 1, ~0U, &wide, 0, 0x10000 },
		{ 2000000, 2000000, &narrow, 0, 1ULL << 32 },
		{ 2500000, 2000000, &narrow, 0, 5ULL << 30 },
		{ 255999, 1000, &narrow, 0, (255999ULL << 32) / 1000 },
		{ 256000, 1000, &narrow, -ERANGE },
		{ ~0U, 1, &narrow, -ERANGE },
		{ 1, ~0U, &narrow, 0, 1 },
		{ 0, 1000, &wide, -ERANGE },
		{ 1000, 1000, &none, -ERANGE },
	};
	unsigned int i;
	u64 ratio;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		ratio = rows[i].ratio;
		KUNIT_EXPECT_EQ_MSG(test, holm_tsc_ratio(rows[i].khz, rows[i].host,
							 rows[i].scaling, &ratio),
				    rows[i].err, "row %u", i);
		KUNIT_EXPECT_EQ_MSG(test, ratio, rows[i].ratio, "row %u", i);
	}
}

static void test_scale(struct kunit *test)
{
	const struct holm_tsc_scaling saved = holm_tsc_scaling;

	holm_tsc_scaling.frac_bits = 48;
	KUNIT_EXPECT_EQ(test, holm_tsc_scale(12345, 0), 12345ULL);
	KUNIT_EXPECT_EQ(test, holm_tsc_scale(~0ULL, 1ULL << 48), ~0ULL);
	KUNIT_EXPECT_EQ(test, holm_tsc_scale(1ULL << 63, 1ULL << 47), 1ULL << 62);
	KUNIT_EXPECT_EQ(test, holm_tsc_scale(3, 1ULL << 47), 1ULL);
	KUNIT_EXPECT_EQ(test, holm_tsc_scale(1000, 5ULL << 46), 1250ULL);
	/* The product has 128 bits, of which 64 above the fraction remain. */
	KUNIT_EXPECT_EQ(test, holm_tsc_scale(1ULL << 63, 2ULL << 48), 0ULL);
	holm_tsc_scaling.frac_bits = 32;
	KUNIT_EXPECT_EQ(test, holm_tsc_scale(1ULL << 40, 3ULL << 31), 3ULL << 39);
	holm_tsc_scaling = saved;
}

static void test_near(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, holm_tsc_near(2000000, 2000000));
	KUNIT_EXPECT_TRUE(test, holm_tsc_near(2000499, 2000000));
	KUNIT_EXPECT_FALSE(test, holm_tsc_near(2000500, 2000000));
	KUNIT_EXPECT_TRUE(test, holm_tsc_near(1999501, 2000000));
	KUNIT_EXPECT_FALSE(test, holm_tsc_near(1999500, 2000000));
	KUNIT_EXPECT_FALSE(test, holm_tsc_near(0, 2000000));
	KUNIT_EXPECT_FALSE(test, holm_tsc_near(~0U, 2000000));
}

static void test_check_khz(struct kunit *test)
{
	const struct holm_tsc_scaling saved = holm_tsc_scaling;

	KUNIT_EXPECT_EQ(test, holm_tsc_check_khz(tsc_khz), 0);
	KUNIT_EXPECT_EQ(test, holm_tsc_check_khz(tsc_khz / 2), 0);
	KUNIT_EXPECT_EQ(test, holm_tsc_check_khz(0), -EINVAL);
	holm_tsc_scaling = (struct holm_tsc_scaling) { .frac_bits = 48, .int_bits = 16 };
	KUNIT_EXPECT_EQ(test, holm_tsc_check_khz(HOLM_TSC_MIN_KHZ), 0);
	KUNIT_EXPECT_EQ(test, holm_tsc_check_khz(HOLM_TSC_MIN_KHZ - 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, holm_tsc_check_khz(HOLM_TSC_MAX_KHZ), 0);
	KUNIT_EXPECT_EQ(test, holm_tsc_check_khz(HOLM_TSC_MAX_KHZ + 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, holm_tsc_check_khz(~0U), -EINVAL);
	holm_tsc_scaling = (struct holm_tsc_scaling) {};
	KUNIT_EXPECT_EQ(test, holm_tsc_check_khz(tsc_khz), 0);
	KUNIT_EXPECT_EQ(test, holm_tsc_check_khz(tsc_khz + tsc_khz / 5000), 0);
	KUNIT_EXPECT_EQ(test, holm_tsc_check_khz(tsc_khz / 2), -EINVAL);
	holm_tsc_scaling = saved;
}

static void test_ns_to_ticks(struct kunit *test)
{
	static const struct {
		s64 ns;
		u32 khz;
		u64 ticks;
	} rows[] = {
		{ 0, 3000000, 0 },
		{ -1, 3000000, 0 },
		{ S64_MIN, ~0U, 0 },
		{ 1, 999999, 0 },
		{ 1, 1000000, 1 },
		{ 999999, 1000, 999 },
		{ 1000000, 2494137, 2494137 },
		{ 1500000000, 2000001, 3000001500 },
		{ S64_MAX, 1000000, S64_MAX },
		{ S64_MAX, 2000000, U64_MAX - 1 },
		/* More than 64 bits. */
		{ S64_MAX, 2000001, U64_MAX },
		{ S64_MAX, ~0U, U64_MAX },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		KUNIT_EXPECT_EQ_MSG(test, holm_tsc_ns_to_ticks(rows[i].ns, rows[i].khz),
				    rows[i].ticks, "row %u", i);
}

/* A TSC that nobody has measured. */
static void test_setup(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, holm_tsc_setup(0), -ENODEV);
	KUNIT_EXPECT_EQ(test, holm_tsc_setup(tsc_khz), 0);
}

/* ---- another frequency ------------------------------------------------------ */

static void test_frequency(struct kunit *test)
{
	struct holm_vcpu *first = cpu(test, 0), *second = cpu(test, 1);
	struct holm_vm *vm = test->priv;
	u32 khz = tsc_khz / 4 * 3;
	u64 value, before, after, ticks;
	int eoi;

	vm->tsc.khz = khz;
	reset_all(test);
	KUNIT_EXPECT_EQ(test, holm_tsc_khz(first), khz);
	KUNIT_EXPECT_EQ(test, holm_tsc_khz(second), khz);
	KUNIT_EXPECT_EQ(test, first->tsc.ratio, second->tsc.ratio);
	KUNIT_EXPECT_EQ(test, first->tsc_offset, second->tsc_offset);
	/* It began at 0. */
	KUNIT_EXPECT_LT(test, now(first), (u64)khz * MSEC_PER_SEC * 60);

	/* RDMSR and WRMSR are of the guest's. */
	holm_test_load(test, first);
	KUNIT_EXPECT_EQ(test, holm_msr_write(first, 0x10, 1ULL << 40, false, &eoi), 0);
	before = holm_rdtsc();
	KUNIT_EXPECT_EQ(test, holm_msr_read(first, 0x10, &value, false), 0);
	after = holm_rdtsc();
	KUNIT_EXPECT_GE(test, value, 1ULL << 40);
	KUNIT_EXPECT_GE(test, value, holm_tsc_guest(first, before));
	KUNIT_EXPECT_LE(test, value, holm_tsc_guest(first, after));
	/* That part of the host's ticks, by the CPU's fraction rounded down. */
	ticks = mul_u64_u32_div(1ULL << 40, khz, tsc_khz);
	before = holm_tsc_guest(first, 1ULL << 50);
	after = holm_tsc_guest(first, (1ULL << 50) + (1ULL << 40));
	KUNIT_EXPECT_LE(test, after - before, ticks + 1);
	KUNIT_EXPECT_GE(test, after - before,
			ticks - (1ULL << (40 - holm_tsc_scaling.frac_bits)) - 2);

	/* The host's again, by its own number. */
	holm_tsc_set(first, 5, tsc_khz);
	KUNIT_EXPECT_EQ(test, first->tsc.ratio, 0ULL);
	KUNIT_EXPECT_EQ(test, holm_tsc_guest(first, 7), 12ULL);
	holm_vcpu_put(first);
}

/* ---- writes ----------------------------------------------------------------- */

static void write(struct kunit *test, unsigned int i, u64 value)
{
	holm_test_load(test, cpu(test, i));
	holm_tsc_write(cpu(test, i), value);
	holm_vcpu_put(cpu(test, i));
}

static void test_writes_agree(struct kunit *test)
{
	struct holm_vcpu *a = cpu(test, 0), *b = cpu(test, 1), *c = cpu(test, 2);
	u64 second = (u64)tsc_khz * MSEC_PER_SEC, offset, at;

	reset_all(test);
	KUNIT_EXPECT_EQ(test, a->tsc_offset, b->tsc_offset);

	/* One after the other, the same value: one offset. */
	write(test, 0, 1ULL << 45);
	KUNIT_EXPECT_NE(test, a->tsc_offset, b->tsc_offset);
	KUNIT_EXPECT_GE(test, now(a), 1ULL << 45);
	KUNIT_EXPECT_LT(test, now(a), (1ULL << 45) + 10 * second);
	usleep_range(2000, 3000);
	write(test, 1, 1ULL << 45);
	KUNIT_EXPECT_EQ(test, a->tsc_offset, b->tsc_offset);
	KUNIT_EXPECT_EQ(test, a->tsc.generation, b->tsc.generation);
	/* Or what the first one's TSC has become, roughly. */
	write(test, 2, now(a) + second / 2);
	KUNIT_EXPECT_EQ(test, a->tsc_offset, c->tsc_offset);

	/* Who did so before, sets it: to exactly that. */
	offset = a->tsc_offset;
	at = now(a) + second / 4;
	write(test, 1, at);
	KUNIT_EXPECT_NE(test, b->tsc_offset, offset);
	KUNIT_EXPECT_EQ(test, a->tsc_offset, offset);
	KUNIT_EXPECT_GE(test, now(b), at);

	/* Too far away. */
	write(test, 0, now(b) + 3 * second);
	KUNIT_EXPECT_NE(test, a->tsc_offset, b->tsc_offset);
	write(test, 2, now(a) - 3 * second);
	KUNIT_EXPECT_NE(test, a->tsc_offset, c->tsc_offset);
	KUNIT_EXPECT_NE(test, b->tsc_offset, c->tsc_offset);

	/* Equal offsets, as by IA32_TSC_ADJUST or a state block. */
	holm_test_load(test, a);
	holm_tsc_set_offset(a, 12345);
	holm_vcpu_put(a);
	holm_test_load(test, b);
	holm_tsc_set_offset(b, 12345);
	holm_vcpu_put(b);
	KUNIT_EXPECT_EQ(test, a->tsc.generation, b->tsc.generation);
	KUNIT_EXPECT_NE(test, a->tsc.generation, c->tsc.generation);
}

/* ---- the machine slept -------------------------------------------------------- */

static void test_sleep(struct kunit *test)
{
	struct holm_vcpu *a = cpu(test, 0), *b = cpu(test, 1);
	u64 saved = holm_tsc_backward, offset;

	reset_all(test);
	offset = a->tsc_offset;
	/* A TSC that went on. */
	holm_tsc_suspend();
	holm_tsc_resume();
	KUNIT_EXPECT_EQ(test, holm_tsc_backward, saved);
	/* One that began anew: as much as it lost comes on top. */
	WRITE_ONCE(holm_tsc_backward, saved + 1000000);
	KUNIT_EXPECT_GE(test, holm_tsc_offset(a), offset + 1000000);
	KUNIT_EXPECT_LE(test, holm_tsc_offset(a), offset + 1000001);
	KUNIT_EXPECT_EQ(test, a->tsc_offset, offset);
	holm_test_load(test, a);
	KUNIT_EXPECT_EQ(test, a->tsc_offset, holm_tsc_offset(a));
	KUNIT_EXPECT_GE(test, a->tsc_offset, offset + 1000000);
	holm_vcpu_put(a);
	/* In step, also before the other one was loaded. */
	KUNIT_EXPECT_EQ(test, holm_tsc_offset(b), a->tsc_offset);
	offset = a->tsc_offset;
	holm_test_load(test, b);
	KUNIT_EXPECT_EQ(test, b->tsc_offset, offset);
	holm_vcpu_put(b);
	holm_test_load(test, a);
	KUNIT_EXPECT_EQ(test, a->tsc_offset, offset);
	holm_vcpu_put(a);
	/* A guest that sets its CPUs afterwards finds them together as well. */
	write(test, 0, 1ULL << 40);
	WRITE_ONCE(holm_tsc_backward, saved + 3000000);
	write(test, 1, 1ULL << 40);
	KUNIT_EXPECT_EQ(test, holm_tsc_offset(a), b->tsc_offset);
}

/* Several sleeps: one vCPU is loaded between them, one after all of them. */
static void test_sleeps(struct kunit *test)
{
	struct holm_vcpu *a = cpu(test, 0), *b = cpu(test, 1);
	struct holm_vm *vm = test->priv;
	static const u32 quarters[] = { 4, 3, 1, 5 };
	unsigned int i, n;
	u64 before;

	for (i = 0; i < ARRAY_SIZE(quarters); i++) {
		vm->tsc.khz = tsc_khz / 4 * quarters[i];
		reset_all(test);
		before = holm_tsc_offset(a);
		for (n = 1; n <= 5; n++) {
			WRITE_ONCE(holm_tsc_backward, holm_tsc_backward + 1001);
			holm_test_load(test, a);
			holm_vcpu_put(a);
		}
		KUNIT_EXPECT_EQ_MSG(test, holm_tsc_offset(b), a->tsc_offset, "row %u", i);
		holm_test_load(test, b);
		holm_vcpu_put(b);
		KUNIT_EXPECT_EQ_MSG(test, b->tsc_offset, a->tsc_offset, "row %u", i);
		KUNIT_EXPECT_GT(test, a->tsc_offset, before);
	}
}

/* ---- CPUs whose TSCs do not agree ------------------------------------------- */

/*
 * The vCPU leaves a CPU whose TSC is @ahead of this one's, and comes here. What it
 * read there last, and what it reads here first.
 */
static void come_from(struct kunit *test, struct holm_vcpu *vcpu, s64 ahead, u64 *last, u64 *first)
{
	holm_test_load(test, vcpu);
	holm_vcpu_put(vcpu);
	vcpu->tsc_offset -= ahead;
	vcpu->tsc.last_host += ahead;
	*last = holm_tsc_guest(vcpu, vcpu->tsc.last_host);
	WRITE_ONCE(vcpu->cpu, nr_cpu_ids);
	holm_test_load(test, vcpu);
	*first = now(vcpu);
	holm_vcpu_put(vcpu);
}

static void test_unsynchronized(struct kunit *test)
{
	struct holm_vcpu *a = cpu(test, 0), *b = cpu(test, 1);
	u64 second = (u64)tsc_khz * MSEC_PER_SEC, last, first, nominal;
	static const s64 ahead[] = { 0, 1, -1, 1000000, -1000000, 1LL << 40, -(1LL << 30) };
	unsigned int i;

	WRITE_ONCE(holm_tsc_distrust, true);
	reset_all(test);
	write(test, 0, 1ULL << 42);
	for (i = 0; i < ARRAY_SIZE(ahead); i++) {
		come_from(test, a, ahead[i], &last, &first);
		KUNIT_EXPECT_GE_MSG(test, first, last, "row %u", i);
		nominal = (1ULL << 42) + mul_u64_u32_div(ktime_get_ns() - a->tsc.base_ns, tsc_khz,
							 NSEC_PER_MSEC);
		KUNIT_EXPECT_LT_MSG(test, first, nominal + second / 2, "row %u", i);
	}
	/* One that stood still catches up. */
	holm_test_load(test, a);
	a->tsc_offset -= second;
	holm_vcpu_put(a);
	come_from(test, a, 0, &last, &first);
	KUNIT_EXPECT_GE(test, first - last, second / 2);

	/* This CPU's CLOCK_MONOTONIC is a little behind that of the one that set it. */
	holm_test_load(test, a);
	a->tsc.base_ns = ktime_get_ns() + NSEC_PER_SEC;
	nominal = a->tsc.base;
	holm_vcpu_put(a);
	come_from(test, a, 0, &last, &first);
	KUNIT_EXPECT_GE(test, first, last);
	KUNIT_EXPECT_LT(test, first, last + 60 * second);
	KUNIT_EXPECT_EQ(test, a->tsc.base, nominal);

	/* A write that agrees does so in time, whatever the CPUs. */
	write(test, 1, 1ULL << 42);
	KUNIT_EXPECT_EQ(test, a->tsc.generation, b->tsc.generation);
	KUNIT_EXPECT_EQ(test, a->tsc.base, b->tsc.base);
	KUNIT_EXPECT_LT(test, now(b) - (1ULL << 42), 30 * second);
}

static void test_notices(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test, 0);
	u64 last, first;

	if (!holm_tsc_trusted())
		return;
	reset_all(test);
	come_from(test, vcpu, 0, &last, &first);
	KUNIT_EXPECT_TRUE(test, holm_tsc_trusted());
	/* That CPU was far ahead. */
	come_from(test, vcpu, 1LL << 40, &last, &first);
	KUNIT_EXPECT_FALSE(test, holm_tsc_trusted());
	KUNIT_EXPECT_GE(test, first, last);
}

static struct kunit_case tsc_cases[] = {
	KUNIT_CASE(test_ratio),
	KUNIT_CASE(test_scale),
	KUNIT_CASE(test_near),
	KUNIT_CASE(test_check_khz),
	KUNIT_CASE(test_ns_to_ticks),
	KUNIT_CASE(test_setup),
	KUNIT_CASE(test_frequency),
	KUNIT_CASE(test_writes_agree),
	KUNIT_CASE(test_sleep),
	KUNIT_CASE(test_sleeps),
	KUNIT_CASE(test_unsynchronized),
	KUNIT_CASE(test_notices),
	{}
};

struct kunit_suite holm_tsc_suite = {
	.name = "holm-tsc",
	.init = suite_init,
	.exit = suite_exit,
	.test_cases = tsc_cases,
};
