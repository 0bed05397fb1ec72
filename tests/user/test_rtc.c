// SPDX-License-Identifier: GPL-2.0-or-later
/* MC146818: calendar, formats, setting, UIP, the three interrupts, CMOS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "devices/rtc.h"
#include "devices/rtc_time.h"
#include "fake_clock.h"
#include "irq.h"

struct rig {
	struct fake_machine f;
	struct fake_line line;
	struct irq_line irq;
	struct rtc *rtc;
};

/* 2023-11-14 22:13:20 UTC is what the fake clock starts with: a Tuesday. */
#define EPOCH	1700000000LL

static void make(struct rig *r, uint64_t below, uint64_t above)
{
	struct rtc_config rc = { 0 };

	rc.bus = r->f.bus;
	rc.loop = r->f.loop;
	rc.irq = &r->irq;
	rc.mem_below_4g = below;
	rc.mem_above_4g = above;
	r->rtc = rtc_create(&rc, NULL);
	assert_non_null(r->rtc);
}

static int setup(void **state)
{
	static struct rig r;

	memset(&r, 0, sizeof(r));
	fake_machine_init(&r.f);
	r.irq = (struct irq_line){ .set = fake_line_set, .opaque = &r.line };
	make(&r, 512 << 20, 0);
	*state = &r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	rtc_destroy(r->rtc);
	fake_machine_deinit(&r->f);
	return 0;
}

static uint8_t rd(struct rig *r, uint8_t reg)
{
	out8(&r->f, 0x70, reg);
	return in8(&r->f, 0x71);
}

static void wr(struct rig *r, uint8_t reg, uint8_t value)
{
	out8(&r->f, 0x70, reg);
	out8(&r->f, 0x71, value);
}

static void test_calendar(void **state)
{
	struct rtc_fields f;
	int64_t t;
	int i;

	(void)state;
	/* Against the C library, each day of 500 years at another time of day. */
	for (i = 0, t = -12219292800LL; i < 182700; i++, t += 86400 + (i % 7 - 3) * 3607) {
		time_t ct = t;
		struct tm tm;

		gmtime_r(&ct, &tm);
		rtc_fields_from_seconds(&f, t);
		if (f.year != (unsigned int)tm.tm_year + 1900 ||
		    f.month != (unsigned int)tm.tm_mon + 1 ||
		    f.day != (unsigned int)tm.tm_mday ||
		    f.hour != (unsigned int)tm.tm_hour ||
		    f.minute != (unsigned int)tm.tm_min ||
		    f.second != (unsigned int)tm.tm_sec ||
		    f.weekday != (unsigned int)tm.tm_wday + 1)
			fail_msg("%lld", (long long)t);
		assert_true(rtc_fields_to_seconds(&f) == t);
	}
	/* Nonsense comes out as something legal. */
	f = (struct rtc_fields){ 2024, 99, 99, 99, 99, 99, 99 };
	t = rtc_fields_to_seconds(&f);
	rtc_fields_from_seconds(&f, t);
	assert_int_equal(f.year, 2024);
	assert_int_equal(f.month, 12);
	assert_int_equal(f.day, 31);
	assert_int_equal(f.hour, 23);
	f = (struct rtc_fields){ 2023, 2, 30, 1, 0, 0, 0 };
	rtc_fields_from_seconds(&f, rtc_fields_to_seconds(&f));
	assert_int_equal(f.month, 3);
	assert_int_equal(f.day, 2);
	f = (struct rtc_fields){ 0 };
	rtc_fields_from_seconds(&f, rtc_fields_to_seconds(&f));
	assert_int_equal(f.month, 1);
	assert_int_equal(f.day, 1);
}

static void test_next_alarm(void **state)
{
	static const struct {
		int64_t after;
		uint32_t h, m, s;
		int64_t expect;
	} rows[] = {
		{ 0, RTC_ALARM_ANY, RTC_ALARM_ANY, RTC_ALARM_ANY, 1 },
		{ 0, 0, 0, 0, 86400 },
		{ 86399, 0, 0, 0, 86400 },
		{ 86398, 23, 59, 59, 86399 },
		{ 86399, 23, 59, 59, 86400 + 86399 },
		{ 100, RTC_ALARM_ANY, RTC_ALARM_ANY, 30, 150 },
		{ 3599, RTC_ALARM_ANY, 0, 0, 3600 },
		{ 3600, RTC_ALARM_ANY, 0, 0, 7200 },
		{ 3600, 5, RTC_ALARM_ANY, RTC_ALARM_ANY, 5 * 3600 },
		{ 5 * 3600, 5, RTC_ALARM_ANY, RTC_ALARM_ANY, 5 * 3600 + 1 },
		{ 6 * 3600, 5, RTC_ALARM_ANY, RTC_ALARM_ANY, 86400 + 5 * 3600 },
		{ -86401, 0, 0, 0, -86400 },
		{ -10, 12, 0, 0, 43200 },
		{ 0, 24, 0, 0, INT64_MAX },
		{ 0, 0, 60, 0, INT64_MAX },
		{ 0, 0, 0, 99, INT64_MAX },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rtc_next_alarm(rows[i].after, rows[i].h, rows[i].m,
				   rows[i].s) != rows[i].expect)
			fail_msg("row %zu", i);
}

static void test_time_formats(void **state)
{
	static const struct {
		uint8_t b;
		unsigned int later;
		uint8_t regs[8];	/* s m h weekday day month year century */
	} rows[] = {
		{ 0x02, 0, { 0x20, 0x13, 0x22, 3, 0x14, 0x11, 0x23, 0x20 } },
		{ 0x06, 0, { 20, 13, 22, 3, 14, 11, 23, 20 } },
		{ 0x00, 0, { 0x20, 0x13, 0x90, 3, 0x14, 0x11, 0x23, 0x20 } },
		{ 0x04, 0, { 20, 13, 0x8a, 3, 14, 11, 23, 20 } },
		/* 00:13:20 and 12:13:20: the odd ones of a 12-hour clock */
		{ 0x00, 2 * 3600, { 0x20, 0x13, 0x12, 4, 0x15, 0x11, 0x23, 0x20 } },
		{ 0x00, 14 * 3600, { 0x20, 0x13, 0x92, 4, 0x15, 0x11, 0x23, 0x20 } },
		{ 0x04, 2 * 3600, { 20, 13, 12, 4, 15, 11, 23, 20 } },
	};
	static const uint8_t regs[8] = { 0, 2, 4, 6, 7, 8, 9, 0x32 };
	struct rig *r = *state;
	size_t i, j;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		rtc_destroy(r->rtc);
		make(r, 512 << 20, 0);
		r->f.real = EPOCH * NSEC_PER_SEC;
		rtc_destroy(r->rtc);
		make(r, 512 << 20, 0);
		fake_advance(&r->f, rows[i].later * NSEC_PER_SEC);
		wr(r, 0x0b, rows[i].b);
		for (j = 0; j < 8; j++)
			if (rd(r, regs[j]) != rows[i].regs[j])
				fail_msg("row %zu register 0x%02x: 0x%02x", i,
					 regs[j], rd(r, regs[j]));
	}
}

/* The way operating systems set the time: SET, write, clear SET. */
static void test_set_time(void **state)
{
	static const uint8_t regs[8] = { 0, 2, 4, 6, 7, 8, 9, 0x32 };
	static const uint8_t values[8] = {
		0x58, 0x59, 0x23, 7, 0x28, 0x02, 0x24, 0x20
	};
	struct rig *r = *state;
	size_t i;

	wr(r, 0x0b, 0x82);
	for (i = 0; i < 8; i++)
		wr(r, regs[i], values[i]);
	/* Stands while SET. */
	fake_advance(&r->f, 10 * NSEC_PER_SEC);
	for (i = 0; i < 8; i++)
		assert_int_equal(rd(r, regs[i]), values[i]);
	wr(r, 0x0b, 0x02);
	for (i = 0; i < 8; i++)
		assert_int_equal(rd(r, regs[i]), values[i]);
	/* A leap day, and the weekday the guest wrote goes on, right or not. */
	fake_advance(&r->f, 2 * NSEC_PER_SEC);
	assert_int_equal(rd(r, 0), 0x00);
	assert_int_equal(rd(r, 4), 0x00);
	assert_int_equal(rd(r, 7), 0x29);
	assert_int_equal(rd(r, 8), 0x02);
	assert_int_equal(rd(r, 6), 1);
	/* The century rolls. */
	wr(r, 0x0b, 0x82);
	wr(r, 7, 0x31);
	wr(r, 8, 0x12);
	wr(r, 9, 0x99);
	wr(r, 4, 0x23);
	wr(r, 2, 0x59);
	wr(r, 0, 0x59);
	wr(r, 0x0b, 0x02);
	fake_advance(&r->f, NSEC_PER_SEC);
	assert_int_equal(rd(r, 9), 0x00);
	assert_int_equal(rd(r, 0x32), 0x21);
	/* Writing SET again keeps what has been written. */
	wr(r, 0x0b, 0x82);
	wr(r, 2, 0x17);
	wr(r, 0x0b, 0x82);
	assert_int_equal(rd(r, 2), 0x17);
	wr(r, 0x0b, 0x02);
	assert_int_equal(rd(r, 2), 0x17);
	/* 12-hour clock: both twelves and an hour of each half. */
	for (i = 0; i < 4; i++) {
		static const uint8_t written[] = { 0x12, 0x07, 0x92, 0x87 };
		static const uint8_t hour[] = { 0x00, 0x07, 0x12, 0x19 };

		wr(r, 0x0b, 0x80);
		wr(r, 4, written[i]);
		wr(r, 0x0b, 0x00);
		assert_int_equal(rd(r, 4), written[i]);
		wr(r, 0x0b, 0x02);
		assert_int_equal(rd(r, 4), hour[i]);
	}
	/* Without SET a register changes at once. */
	wr(r, 2, 0x30);
	assert_int_equal(rd(r, 2), 0x30);
	fake_advance(&r->f, 60 * NSEC_PER_SEC);
	assert_int_equal(rd(r, 2), 0x31);
}

/* The divider's reset makes the next update come in half a second. */
static void test_divider_reset(void **state)
{
	struct rig *r = *state;

	fake_advance(&r->f, 123456789);
	wr(r, 0x0b, 0x82);
	wr(r, 0x0a, 0x70);
	wr(r, 0, 0x10);
	wr(r, 0x0b, 0x02);
	fake_advance(&r->f, 5 * NSEC_PER_SEC);
	assert_int_equal(rd(r, 0), 0x10);
	wr(r, 0x0a, 0x26);
	fake_advance(&r->f, NSEC_PER_SEC / 2 - 1);
	assert_int_equal(rd(r, 0), 0x10);
	fake_advance(&r->f, 1);
	assert_int_equal(rd(r, 0), 0x11);
	fake_advance(&r->f, NSEC_PER_SEC - 1);
	assert_int_equal(rd(r, 0), 0x11);
	fake_advance(&r->f, 1);
	assert_int_equal(rd(r, 0), 0x12);
}

/* Created in the middle of a second: the clock is the host's to the ns. */
static void test_starts_on_host_time(void **state)
{
	struct rig *r = *state;

	rtc_destroy(r->rtc);
	fake_advance(&r->f, 300000001);
	make(r, 512 << 20, 0);
	assert_int_equal(rd(r, 0), 0x20);
	fake_advance(&r->f, 699999998);
	assert_int_equal(rd(r, 0), 0x20);
	fake_advance(&r->f, 1);
	assert_int_equal(rd(r, 0), 0x21);
}

/* ns to the next second boundary of the guest's clock. */
static uint64_t to_update(struct rig *r)
{
	return NSEC_PER_SEC - r->f.real % NSEC_PER_SEC;
}

static void test_uip(void **state)
{
	struct rig *r = *state;
	uint8_t s;

	fake_advance(&r->f, to_update(r));
	s = rd(r, 0);
	assert_int_equal(rd(r, 0x0a), 0x26);
	fake_advance(&r->f, NSEC_PER_SEC - 300000);
	assert_int_equal(rd(r, 0x0a), 0x26);
	fake_advance(&r->f, 100000);
	assert_int_equal(rd(r, 0x0a), 0xa6);
	assert_int_equal(rd(r, 0), s);
	fake_advance(&r->f, 200000);
	assert_int_equal(rd(r, 0x0a), 0x26);
	assert_int_not_equal(rd(r, 0), s);
	/* Never while SET. */
	wr(r, 0x0b, 0x82);
	fake_advance(&r->f, NSEC_PER_SEC - 100000);
	assert_int_equal(rd(r, 0x0a), 0x26);
}

static void test_update_interrupt(void **state)
{
	struct rig *r = *state;
	unsigned int i;

	fake_advance(&r->f, to_update(r));
	rd(r, 0x0c);
	wr(r, 0x0b, 0x12);
	for (i = 1; i <= 5; i++) {
		fake_advance(&r->f, NSEC_PER_SEC - 1);
		assert_int_equal(r->line.rises, i - 1);
		fake_advance(&r->f, 1);
		assert_int_equal(r->line.rises, i);
		assert_true(r->line.level);
		assert_int_equal(rd(r, 0x0c) & 0xb0, 0x90);
		assert_false(r->line.level);
		assert_int_equal(rd(r, 0x0c), 0x00);
	}
	/* Not read: stays asserted, one edge. */
	fake_advance(&r->f, 10 * NSEC_PER_SEC);
	assert_int_equal(r->line.rises, 6);
	/* SET clears the enable. */
	wr(r, 0x0b, 0x92);
	assert_false(r->line.level);
	assert_int_equal(rd(r, 0x0b), 0x82);
	/* Flags show without any enable too. */
	wr(r, 0x0b, 0x02);
	rd(r, 0x0c);
	fake_advance(&r->f, NSEC_PER_SEC);
	assert_int_equal(rd(r, 0x0c) & 0x90, 0x10);
	assert_int_equal(evloop_next_deadline(r->f.loop), UINT64_MAX);
}

static void test_alarm(void **state)
{
	static const struct {
		uint8_t h, m, s;
		unsigned int seconds;	/* from 22:13:20 */
	} rows[] = {
		{ 0x22, 0x13, 0x25, 5 },
		{ 0x22, 0x14, 0x00, 40 },
		{ 0xff, 0xff, 0x10, 50 },
		{ 0xc0, 0x20, 0x00, 400 },
		{ 0x22, 0x13, 0x20, 86400 },
		{ 0x00, 0x00, 0x00, 6400 },
		{ 0xff, 0xff, 0xff, 1 },
	};
	struct rig *r = *state;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		r->f.real = EPOCH * NSEC_PER_SEC;
		rtc_destroy(r->rtc);
		make(r, 512 << 20, 0);
		wr(r, 5, rows[i].h);
		wr(r, 3, rows[i].m);
		wr(r, 1, rows[i].s);
		rd(r, 0x0c);
		r->line.rises = 0;
		wr(r, 0x0b, 0x22);
		fake_advance(&r->f, rows[i].seconds * NSEC_PER_SEC - 1);
		if (r->line.rises)
			fail_msg("row %zu: too early", i);
		fake_advance(&r->f, 1);
		if (r->line.rises != 1)
			fail_msg("row %zu: too late", i);
		assert_int_equal(rd(r, 0x0c) & 0xa0, 0xa0);
	}
	/* One that no clock shows. */
	wr(r, 5, 0x25);
	fake_advance(&r->f, 3 * 86400 * NSEC_PER_SEC);
	assert_int_equal(r->line.rises, 1);
	/* The alarm reads back as written, also in 12-hour format. */
	wr(r, 0x0b, 0x20);
	wr(r, 5, 0x91);
	assert_int_equal(rd(r, 5), 0x91);
	/* And means the afternoon: 23:00:00 from 22:13:20, by a 12-hour clock. */
	r->f.real = EPOCH * NSEC_PER_SEC;
	rtc_destroy(r->rtc);
	make(r, 512 << 20, 0);
	wr(r, 5, 0x91);
	rd(r, 0x0c);
	r->line.rises = 0;
	wr(r, 0x0b, 0x20);
	fake_advance(&r->f, 2800 * NSEC_PER_SEC - 1);
	assert_int_equal(r->line.rises, 0);
	fake_advance(&r->f, 1);
	assert_int_equal(r->line.rises, 1);
}

static void test_periodic(void **state)
{
	static const struct {
		uint8_t rate;
		unsigned int hz;
	} rows[] = {
		{ 1, 256 }, { 2, 128 }, { 3, 8192 }, { 6, 1024 }, { 10, 64 },
		{ 15, 2 }, { 0, 0 },
	};
	struct rig *r = *state;
	uint64_t end;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		wr(r, 0x0b, 0x02);
		wr(r, 0x0a, 0x20 | rows[i].rate);
		fake_advance(&r->f, to_update(r));
		rd(r, 0x0c);
		wr(r, 0x0b, 0x42);
		r->line.rises = 0;
		/* Served at once, for a minute. */
		end = r->f.mono + 60 * NSEC_PER_SEC;
		while (evloop_next_deadline(r->f.loop) <= end) {
			fake_goto(&r->f, evloop_next_deadline(r->f.loop));
			assert_true(r->line.level);
			assert_int_equal(rd(r, 0x0c) & 0xc0, 0xc0);
			assert_false(r->line.level);
		}
		fake_goto(&r->f, end);
		if (r->line.rises != rows[i].hz * 60)
			fail_msg("rate %u: %u interrupts", rows[i].rate,
				 r->line.rises);
	}
}

static void test_registers(void **state)
{
	struct rig *r = *state;
	unsigned int reg;

	assert_int_equal(rd(r, 0x0a), 0x26);
	assert_int_equal(rd(r, 0x0b), 0x02);
	assert_int_equal(rd(r, 0x0d), 0x80);
	wr(r, 0x0d, 0);
	assert_int_equal(rd(r, 0x0d), 0x80);
	wr(r, 0x0c, 0xff);
	assert_int_equal(rd(r, 0x0c), 0);
	/* UIP is read-only. */
	wr(r, 0x0a, 0xa6);
	assert_int_equal(rd(r, 0x0a), 0x26);
	/* The index port's bit 7 masks NMI and is no part of the index. */
	out8(&r->f, 0x70, 0x8d);
	assert_true(rtc_nmi_masked(r->rtc));
	assert_int_equal(in8(&r->f, 0x71), 0x80);
	assert_int_equal(in8(&r->f, 0x70), 0xff);
	out8(&r->f, 0x70, 0x0d);
	assert_false(rtc_nmi_masked(r->rtc));
	/* All else is memory, the shutdown status among it. */
	for (reg = 0x0e; reg < 0x80; reg++) {
		if (reg == 0x32)
			continue;
		wr(r, (uint8_t)reg, (uint8_t)(reg ^ 0x5a));
	}
	for (reg = 0x0e; reg < 0x80; reg++)
		if (reg != 0x32)
			assert_int_equal(rd(r, (uint8_t)reg), reg ^ 0x5a);
	/* Reset: enables off, time and memory stay. */
	wr(r, 0x0b, 0x72);
	rtc_reset(r->rtc);
	assert_int_equal(rd(r, 0x0b), 0x02);
	assert_int_equal(rd(r, 0x0f), 0x0f ^ 0x5a);
	assert_int_equal(rd(r, 9), 0x23);
}

static uint32_t cmos(struct rig *r, uint8_t reg, unsigned int bytes)
{
	uint32_t value = 0;

	while (bytes--)
		value = value << 8 | rd(r, (uint8_t)(reg + bytes));
	return value;
}

static void test_memory_size(void **state)
{
	static const struct {
		uint64_t below, above;
		uint32_t base, ext, ext16, high;
	} rows[] = {
		{ 1 << 20, 0, 640, 0, 0, 0 },
		{ 16 << 20, 0, 640, 15360, 0, 0 },
		{ 24 << 20, 0, 640, 23552, 128, 0 },
		{ 512 << 20, 0, 640, 65535, 7936, 0 },
		{ 3ULL << 30, 1ULL << 30, 640, 65535, 48896, 16384 },
		{ 3ULL << 30, 1ULL << 40, 640, 65535, 48896, 0xffffff },
	};
	struct rig *r = *state;
	unsigned int sum, reg;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		rtc_destroy(r->rtc);
		make(r, rows[i].below, rows[i].above);
		if (cmos(r, 0x15, 2) != rows[i].base ||
		    cmos(r, 0x17, 2) != rows[i].ext ||
		    cmos(r, 0x30, 2) != rows[i].ext ||
		    cmos(r, 0x34, 2) != rows[i].ext16)
			fail_msg("row %zu", i);
		if (cmos(r, 0x5b, 3) != rows[i].high)
			fail_msg("row %zu: above 4 GiB", i);
		assert_int_equal(rd(r, 0x14), 0x06);
		for (sum = 0, reg = 0x10; reg <= 0x2d; reg++)
			sum += rd(r, (uint8_t)reg);
		assert_int_equal(rd(r, 0x2e), sum >> 8);
		assert_int_equal(rd(r, 0x2f), sum & 0xff);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_calendar),
		TEST(test_next_alarm),
		TEST(test_time_formats),
		TEST(test_set_time),
		TEST(test_divider_reset),
		TEST(test_starts_on_host_time),
		TEST(test_uip),
		TEST(test_update_interrupt),
		TEST(test_alarm),
		TEST(test_periodic),
		TEST(test_registers),
		TEST(test_memory_size),
	};

	return cmocka_run_group_tests_name("rtc", tests, NULL, NULL);
}
