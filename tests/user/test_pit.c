// SPDX-License-Identifier: GPL-2.0-or-later
/* 8254: each mode against a model that counts, the rate over hours, ports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "devices/pit.h"
#include "fake_clock.h"
#include "irq.h"

struct rig {
	struct fake_machine f;
	struct fake_line line;
	struct irq_line irq;
	struct pit *pit;
};

static int setup(void **state)
{
	static struct rig r;
	struct pit_config pc = { 0 };

	memset(&r, 0, sizeof(r));
	fake_machine_init(&r.f);
	r.irq = (struct irq_line){ .set = fake_line_set, .opaque = &r.line };
	pc.bus = r.f.bus;
	pc.loop = r.f.loop;
	pc.irq = &r.irq;
	r.pit = pit_create(&pc, NULL);
	assert_non_null(r.pit);
	*state = &r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	pit_destroy(r->pit);
	fake_machine_deinit(&r->f);
	return 0;
}

static uint64_t tick_ns(uint64_t tick)
{
	return (uint64_t)(((unsigned __int128)tick * NSEC_PER_SEC + PIT_HZ - 1) /
			  PIT_HZ);
}

/* Start of the next tick; later ticks are relative to it. */
static uint64_t align(struct rig *r)
{
	uint64_t tick = (uint64_t)((unsigned __int128)r->f.mono * PIT_HZ /
				   NSEC_PER_SEC) + 1;

	fake_goto(&r->f, tick_ns(tick));
	return tick;
}

static void program(struct rig *r, unsigned int ch, unsigned int mode,
		    uint16_t count)
{
	out8(&r->f, 0x43, (uint8_t)(ch << 6 | 0x30 | mode << 1));
	out8(&r->f, (uint16_t)(0x40 + ch), (uint8_t)count);
	out8(&r->f, (uint16_t)(0x40 + ch), (uint8_t)(count >> 8));
}

static uint16_t latch(struct rig *r, unsigned int ch)
{
	uint16_t port = (uint16_t)(0x40 + ch), low;

	out8(&r->f, 0x43, (uint8_t)(ch << 6));
	low = in8(&r->f, port);
	return (uint16_t)(low | in8(&r->f, port) << 8);
}

static bool out2(struct rig *r)
{
	return in8(&r->f, 0x61) & 0x20;
}

static void gate2(struct rig *r, bool on)
{
	out8(&r->f, 0x61, on);
}

/*
 * The data sheet's description, one CLK pulse at a time: @ce is the counting
 * element, @pending a count to be loaded by the next pulse.
 */
struct model {
	unsigned int mode;
	uint32_t n;
	int64_t ce;
	bool pending, started, out, low_half;
};

static void model_init(struct model *m, unsigned int mode, uint32_t n)
{
	*m = (struct model){ mode, n, 0, true, false, mode != 0, false };
}

static void model_load(struct model *m)
{
	m->pending = false;
	m->started = true;
	m->ce = m->n;
	if (m->mode == 3)
		m->ce = m->n & ~1u;
	if (m->mode == 1)
		m->out = false;
	if (m->mode == 3)
		m->low_half = false;
}

static void model_clk(struct model *m)
{
	if (m->pending) {
		model_load(m);
		return;
	}
	switch (m->mode) {
	case 0:
	case 1:
		if (--m->ce == 0)
			m->out = true;
		break;
	case 2:
		m->ce--;
		m->out = true;
		if (m->ce == 1)
			m->out = false;
		else if (m->ce == 0)
			m->ce = m->n;
		break;
	case 3:
		/*
		 * By two. An odd count is loaded less one; while OUT is high it
		 * reloads one pulse after 0, else with 2.
		 */
		if (m->n & 1 ? (m->low_half ? m->ce == 2 : m->ce == 0) : m->ce == 2) {
			m->low_half = !m->low_half;
			m->out = !m->low_half;
			m->ce = m->n & ~1u;
		} else {
			m->ce -= 2;
		}
		break;
	default:
		m->out = true;
		if (--m->ce == 0)
			m->out = false;
		break;
	}
	if (m->ce < 0)
		m->ce += 65536;
}

static void test_modes_against_model(void **state)
{
	static const uint32_t counts[] = { 2, 3, 4, 5, 9, 10, 255, 256, 300, 65536 };
	struct rig *r = *state;
	unsigned int mode, i, t, limit;
	struct model m;

	for (mode = 0; mode < 6; mode++) {
		for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
			uint64_t start;

			gate2(r, mode != 1 && mode != 5);
			start = align(r);
			model_init(&m, mode, counts[i]);
			program(r, 2, mode, (uint16_t)counts[i]);
			if (mode == 1 || mode == 5)
				gate2(r, true);
			assert_int_equal(out2(r), mode != 0);
			limit = counts[i] > 1000 ? 3 : 800;
			for (t = 1; t <= limit; t++) {
				fake_goto(&r->f, tick_ns(start + t));
				model_clk(&m);
				if (out2(r) != m.out ||
				    latch(r, 2) != (uint16_t)m.ce)
					fail_msg("mode %u, count %u, tick %u: out %d count %u, expected %d %u",
						 mode, counts[i], t, out2(r),
						 latch(r, 2), m.out,
						 (unsigned int)m.ce);
			}
		}
	}
}

/* Around the end of a count of 65536, without stepping there. */
static void test_full_count(void **state)
{
	struct rig *r = *state;
	uint64_t start = align(r);

	gate2(r, true);
	program(r, 2, 0, 0);
	fake_goto(&r->f, tick_ns(start + 65536));
	assert_int_equal(latch(r, 2), 1);
	assert_false(out2(r));
	fake_goto(&r->f, tick_ns(start + 65537));
	assert_int_equal(latch(r, 2), 0);
	assert_true(out2(r));
	fake_goto(&r->f, tick_ns(start + 65538));
	assert_int_equal(latch(r, 2), 0xffff);
	assert_true(out2(r));
}

static void test_bcd(void **state)
{
	static const struct {
		uint16_t written;
		unsigned int ticks;
		uint16_t read;
	} rows[] = {
		{ 0x1234, 1, 0x1234 }, { 0x1234, 35, 0x1200 },
		{ 0x1234, 36, 0x1199 }, { 0x1234, 1235, 0x0000 },
		{ 0x1234, 1236, 0x9999 }, { 0x0000, 1, 0x0000 },
		{ 0x0000, 2, 0x9999 }, { 0x0000, 10001, 0x0000 },
		/* Not BCD: taken digit by digit, and never out of range. */
		{ 0xffff, 1, 0x6665 },
	};
	struct rig *r = *state;
	size_t i;

	gate2(r, true);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t start = align(r);

		out8(&r->f, 0x43, 0xb1);
		out8(&r->f, 0x42, (uint8_t)rows[i].written);
		out8(&r->f, 0x42, rows[i].written >> 8);
		fake_goto(&r->f, tick_ns(start + rows[i].ticks));
		if (latch(r, 2) != rows[i].read)
			fail_msg("%04x after %u: %04x", rows[i].written,
				 rows[i].ticks, latch(r, 2));
	}
	/* Mode 3 counts by two in BCD as well. */
	{
		uint64_t start = align(r);

		out8(&r->f, 0x43, 0xb7);
		out8(&r->f, 0x42, 0x00);
		out8(&r->f, 0x42, 0x01);
		fake_goto(&r->f, tick_ns(start + 11));
		assert_int_equal(latch(r, 2), 0x80);
	}
}

static void test_read_formats(void **state)
{
	struct rig *r = *state;
	uint64_t start = align(r);

	gate2(r, true);
	/* LSB only, MSB only: the other half of the count is 0. */
	out8(&r->f, 0x43, 0x90);
	out8(&r->f, 0x42, 0x50);
	fake_goto(&r->f, tick_ns(start + 1));
	assert_int_equal(in8(&r->f, 0x42), 0x50);
	assert_int_equal(in8(&r->f, 0x42), 0x50);
	out8(&r->f, 0x43, 0xa0);
	out8(&r->f, 0x42, 0x12);
	fake_goto(&r->f, tick_ns(start + 2));
	assert_int_equal(in8(&r->f, 0x42), 0x12);
	fake_goto(&r->f, tick_ns(start + 3));
	assert_int_equal(in8(&r->f, 0x42), 0x11);
	/* Both, unlatched: a live byte each. */
	program(r, 2, 0, 0x0200);
	fake_goto(&r->f, tick_ns(start + 4));
	assert_int_equal(in8(&r->f, 0x42), 0x00);
	fake_goto(&r->f, tick_ns(start + 5));
	assert_int_equal(in8(&r->f, 0x42), 0x01);
	/* A latch holds both bytes, and a second one changes nothing. */
	out8(&r->f, 0x43, 0x80);
	fake_goto(&r->f, tick_ns(start + 50));
	out8(&r->f, 0x43, 0x80);
	assert_int_equal(in8(&r->f, 0x42), 0xff);
	assert_int_equal(in8(&r->f, 0x42), 0x01);
	assert_int_equal(in8(&r->f, 0x42), 0x200 - 46 - 0x100);
	/* The control register does not read. */
	assert_int_equal(in8(&r->f, 0x43), 0xff);
}

static void test_readback(void **state)
{
	struct rig *r = *state;
	uint64_t start = align(r);

	gate2(r, true);
	program(r, 2, 2, 1000);
	/* Status: OUT high, null count as it is not loaded yet, mode 2. */
	out8(&r->f, 0x43, 0xe8);
	assert_int_equal(in8(&r->f, 0x42), 0xf4);
	fake_goto(&r->f, tick_ns(start + 11));
	/* Both: status first, then the count of the moment. */
	out8(&r->f, 0x43, 0xc8);
	fake_goto(&r->f, tick_ns(start + 500));
	assert_int_equal(in8(&r->f, 0x42), 0xb4);
	assert_int_equal(in8(&r->f, 0x42), 990 & 0xff);
	assert_int_equal(in8(&r->f, 0x42), 990 >> 8);
	/* A new count is null until the period is over. */
	out8(&r->f, 0x42, 0x10);
	out8(&r->f, 0x42, 0x00);
	out8(&r->f, 0x43, 0xe8);
	assert_int_equal(in8(&r->f, 0x42), 0xf4);
	fake_goto(&r->f, tick_ns(start + 1001));
	out8(&r->f, 0x43, 0xe8);
	assert_int_equal(in8(&r->f, 0x42), 0xb4);
	assert_int_equal(latch(r, 2), 16);
	/* Several at once; channels not selected are left alone. */
	program(r, 0, 3, 100);
	program(r, 1, 3, 0x1234);
	out8(&r->f, 0x43, 0xea);
	assert_int_equal(in8(&r->f, 0x40), 0xf6);
	assert_int_equal(in8(&r->f, 0x41), 0x34);
	assert_int_equal(in8(&r->f, 0x42), 0xb4);
	/* Mode 0 with OUT low. */
	out8(&r->f, 0x43, 0xb0);
	out8(&r->f, 0x43, 0xe8);
	assert_int_equal(in8(&r->f, 0x42), 0x70);
}

/* Modes 6 and 7 are 2 and 3. */
static void test_mode_aliases(void **state)
{
	struct rig *r = *state;

	program(r, 2, 6, 100);
	out8(&r->f, 0x43, 0xe8);
	assert_int_equal(in8(&r->f, 0x42) & 0x0e, 2 << 1);
	program(r, 2, 7, 100);
	out8(&r->f, 0x43, 0xe8);
	assert_int_equal(in8(&r->f, 0x42) & 0x0e, 3 << 1);
}

static void test_gate(void **state)
{
	struct rig *r = *state;
	uint64_t start;

	/* Mode 0: low holds the count. */
	gate2(r, true);
	start = align(r);
	program(r, 2, 0, 100);
	fake_goto(&r->f, tick_ns(start + 11));
	gate2(r, false);
	fake_goto(&r->f, tick_ns(start + 500));
	assert_int_equal(latch(r, 2), 90);
	assert_false(out2(r));
	gate2(r, true);
	fake_goto(&r->f, tick_ns(start + 589));
	assert_false(out2(r));
	fake_goto(&r->f, tick_ns(start + 590));
	assert_true(out2(r));
	/* Written with the gate low: loaded, not counting. */
	gate2(r, false);
	program(r, 2, 0, 50);
	fake_goto(&r->f, tick_ns(start + 700));
	assert_int_equal(latch(r, 2), 50);
	assert_false(out2(r));

	/* Mode 1: each rising edge starts the whole time again. */
	start = align(r);
	program(r, 2, 1, 100);
	fake_goto(&r->f, tick_ns(start + 300));
	assert_true(out2(r));
	gate2(r, true);
	fake_goto(&r->f, tick_ns(start + 350));
	assert_false(out2(r));
	gate2(r, false);
	assert_false(out2(r));
	gate2(r, true);
	fake_goto(&r->f, tick_ns(start + 450));
	assert_false(out2(r));
	fake_goto(&r->f, tick_ns(start + 451));
	assert_true(out2(r));

	/* Mode 2: low stops with OUT high, rising loads anew. */
	start = align(r);
	program(r, 2, 2, 100);
	fake_goto(&r->f, tick_ns(start + 100));
	assert_false(out2(r));
	gate2(r, false);
	assert_true(out2(r));
	fake_goto(&r->f, tick_ns(start + 200));
	assert_true(out2(r));
	gate2(r, true);
	fake_goto(&r->f, tick_ns(start + 201));
	assert_int_equal(latch(r, 2), 100);
	fake_goto(&r->f, tick_ns(start + 300));
	assert_false(out2(r));
	/* So does a count that was waiting, and it waits no more. */
	start = align(r);
	program(r, 2, 2, 100);
	fake_goto(&r->f, tick_ns(start + 10));
	out8(&r->f, 0x42, 70);
	out8(&r->f, 0x42, 0);
	fake_goto(&r->f, tick_ns(start + 20));
	gate2(r, false);
	gate2(r, true);
	fake_goto(&r->f, tick_ns(start + 21));
	assert_int_equal(latch(r, 2), 70);
	fake_goto(&r->f, tick_ns(start + 105));
	assert_int_equal(latch(r, 2), 56);
	/* Programmed with the gate low: stands until it rises. */
	gate2(r, false);
	start = align(r);
	program(r, 2, 2, 100);
	fake_goto(&r->f, tick_ns(start + 99 + 50));
	assert_true(out2(r));
	assert_int_equal(latch(r, 2), 100);
	gate2(r, true);
	fake_goto(&r->f, tick_ns(start + 99 + 50 + 11));
	assert_int_equal(latch(r, 2), 90);

	/* Mode 3, in the low half: the gate puts OUT high. */
	start = align(r);
	program(r, 2, 3, 100);
	fake_goto(&r->f, tick_ns(start + 80));
	assert_false(out2(r));
	gate2(r, false);
	assert_true(out2(r));
}

/* A new count in modes 2 and 3 waits: mode 2 a period, mode 3 half a one. */
static void test_new_count(void **state)
{
	struct rig *r = *state;
	uint64_t start;

	gate2(r, true);
	start = align(r);
	program(r, 2, 2, 100);
	fake_goto(&r->f, tick_ns(start + 31));
	out8(&r->f, 0x42, 50);
	out8(&r->f, 0x42, 0);
	assert_int_equal(latch(r, 2), 70);
	fake_goto(&r->f, tick_ns(start + 100));
	assert_int_equal(latch(r, 2), 1);
	fake_goto(&r->f, tick_ns(start + 101));
	assert_int_equal(latch(r, 2), 50);
	fake_goto(&r->f, tick_ns(start + 150));
	assert_false(out2(r));

	/* Mode 3, written in the high half: the low half has the new length. */
	start = align(r);
	program(r, 2, 3, 100);
	fake_goto(&r->f, tick_ns(start + 11));
	out8(&r->f, 0x42, 20);
	out8(&r->f, 0x42, 0);
	fake_goto(&r->f, tick_ns(start + 50));
	assert_true(out2(r));
	fake_goto(&r->f, tick_ns(start + 51));
	assert_false(out2(r));
	fake_goto(&r->f, tick_ns(start + 60));
	assert_false(out2(r));
	fake_goto(&r->f, tick_ns(start + 61));
	assert_true(out2(r));
	/* In the low half: from the next high half on. */
	start = align(r);
	program(r, 2, 3, 100);
	fake_goto(&r->f, tick_ns(start + 61));
	out8(&r->f, 0x42, 20);
	out8(&r->f, 0x42, 0);
	fake_goto(&r->f, tick_ns(start + 100));
	assert_false(out2(r));
	fake_goto(&r->f, tick_ns(start + 101));
	assert_true(out2(r));
	fake_goto(&r->f, tick_ns(start + 111));
	assert_false(out2(r));

	/* Mode 0: the first byte of two stops it with OUT low. */
	start = align(r);
	program(r, 2, 0, 10);
	fake_goto(&r->f, tick_ns(start + 20));
	assert_true(out2(r));
	out8(&r->f, 0x42, 5);
	assert_false(out2(r));
	fake_goto(&r->f, tick_ns(start + 200));
	assert_false(out2(r));
	out8(&r->f, 0x42, 0);
	fake_goto(&r->f, tick_ns(start + 205));
	assert_false(out2(r));
	fake_goto(&r->f, tick_ns(start + 206));
	assert_true(out2(r));
}

/* One-shot modes on channel 0, as clock event devices use them. */
static void test_irq_one_shot(void **state)
{
	static const struct {
		unsigned int mode, extra;
	} rows[] = { { 0, 1 }, { 4, 2 } };
	struct rig *r = *state;
	size_t i;

	for (i = 0; i < 2; i++) {
		unsigned int before;
		uint64_t start;

		pit_reset(r->pit);
		program(r, 0, rows[i].mode, 1000);
		fake_advance(&r->f, NSEC_PER_SEC);
		start = align(r);
		before = r->line.rises;
		out8(&r->f, 0x40, 1000 & 0xff);
		out8(&r->f, 0x40, 1000 >> 8);
		fake_goto(&r->f, tick_ns(start + 1000 + rows[i].extra) - 1);
		assert_int_equal(r->line.rises, before);
		fake_goto(&r->f, tick_ns(start + 1000 + rows[i].extra));
		assert_int_equal(r->line.rises, before + 1);
		fake_advance(&r->f, 10 * NSEC_PER_SEC);
		assert_int_equal(r->line.rises, before + 1);
	}
	/* A control word alone sets the line: mode 0 low, others high. */
	assert_true(r->line.level);
	out8(&r->f, 0x43, 0x30);
	assert_false(r->line.level);
	out8(&r->f, 0x43, 0x34);
	assert_true(r->line.level);
	out8(&r->f, 0x43, 0xb0);
	assert_true(r->line.level);
}

/* Ten hours at each rate: as many interrupts as the crystal would make. */
static void test_irq_rate_is_exact(void **state)
{
	static const uint32_t counts[] = { 65536, 11932, 1193, 1192 };
	static const unsigned int modes[] = { 2, 3 };
	struct rig *r = *state;
	size_t i, j;

	for (j = 0; j < 2; j++) {
		for (i = 0; i < 4; i++) {
			uint64_t start, ticks, seconds = i < 2 ? 36000 : 600;

			pit_reset(r->pit);
			start = align(r);
			program(r, 0, modes[j], (uint16_t)counts[i]);
			r->line.rises = 0;
			ticks = seconds * PIT_HZ;
			fake_goto(&r->f, tick_ns(start + 1 + ticks));
			if (r->line.rises != ticks / counts[i])
				fail_msg("mode %u count %u: %u interrupts, expected %llu",
					 modes[j], counts[i], r->line.rises,
					 (unsigned long long)(ticks / counts[i]));
		}
	}
}

/* A new count while channel 0 runs: no edge too many, none too few. */
static void test_irq_new_count(void **state)
{
	static const struct {
		const char *name;
		unsigned int mode, write_at;
		unsigned int edges[3];	/* with counts of 1000, then 400 */
	} rows[] = {
		{ "mode 2", 2, 301, { 1001, 1401, 1801 } },
		/* switches at 501, to a low half of 200 */
		{ "mode 3, high half", 3, 301, { 701, 1101, 1501 } },
		{ "mode 3, low half", 3, 601, { 1001, 1401, 1801 } },
	};
	struct rig *r = *state;
	size_t i, j;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t start;

		pit_reset(r->pit);
		start = align(r);
		program(r, 0, rows[i].mode, 1000);
		r->line.rises = 0;
		fake_goto(&r->f, tick_ns(start + rows[i].write_at));
		out8(&r->f, 0x40, 400 & 0xff);
		out8(&r->f, 0x40, 400 >> 8);
		for (j = 0; j < 3; j++) {
			fake_goto(&r->f, tick_ns(start + rows[i].edges[j]) - 1);
			if (r->line.rises != j)
				fail_msg("%s: edge %zu early", rows[i].name, j);
			fake_goto(&r->f, tick_ns(start + rows[i].edges[j]));
			if (r->line.rises != j + 1)
				fail_msg("%s: edge %zu late", rows[i].name, j);
		}
	}
}

/* The host was away: one interrupt for what was missed, then on the grid. */
static void test_irq_late(void **state)
{
	struct rig *r = *state;
	uint64_t start = align(r);

	program(r, 0, 2, 1000);
	r->line.rises = 0;
	fake_goto(&r->f, tick_ns(start + 1001));
	assert_int_equal(r->line.rises, 1);
	fake_sleep(&r->f, tick_ns(start + 5501) - r->f.mono);
	evloop_run_timers(r->f.loop);
	assert_int_equal(r->line.rises, 2);
	fake_goto(&r->f, tick_ns(start + 6001) - 1);
	assert_int_equal(r->line.rises, 2);
	fake_goto(&r->f, tick_ns(start + 6001));
	assert_int_equal(r->line.rises, 3);
	fake_goto(&r->f, tick_ns(start + 7001));
	assert_int_equal(r->line.rises, 4);

	/* Reprogrammed before the late timer ran: the tick is not lost. */
	fake_sleep(&r->f, tick_ns(start + 8002) - r->f.mono);
	program(r, 0, 2, 1000);
	assert_int_equal(r->line.rises, 5);
}

/* A hostile count must not keep the I/O thread busy, nor stop the timer. */
static void test_irq_storm_is_bounded(void **state)
{
	static const unsigned int modes[] = { 2, 3 };
	struct rig *r = *state;
	uint16_t count;
	size_t j;

	for (j = 0; j < 2; j++) {
		for (count = 1; count < 100; count++) {
			pit_reset(r->pit);
			align(r);
			program(r, 0, modes[j], count);
			r->line.rises = 0;
			fake_advance(&r->f, NSEC_PER_SEC / 10);
			if (r->line.rises > 2100 || r->line.rises < 1000)
				fail_msg("mode %u count %u: %u interrupts in 0.1 s",
					 modes[j], count, r->line.rises);
		}
	}
}

static void test_speaker_port(void **state)
{
	struct rig *r = *state;
	unsigned int toggles = 0, i;
	uint64_t start = align(r);
	uint8_t last = in8(&r->f, 0x61), now;

	out8(&r->f, 0x61, 0xff);
	assert_int_equal(in8(&r->f, 0x61) & 0xcf, 0x0f);
	out8(&r->f, 0x61, 0x02);
	assert_int_equal(in8(&r->f, 0x61) & 0x0f, 0x02);
	/* Refresh toggles every 15 us. */
	for (i = 1; i <= 1800; i++) {
		fake_goto(&r->f, tick_ns(start + i));
		now = in8(&r->f, 0x61);
		toggles += ((now ^ last) & 0x10) != 0;
		last = now;
	}
	assert_int_equal(toggles, 100);
}

static void test_reset_is_quiet(void **state)
{
	struct rig *r = *state;

	out8(&r->f, 0x61, 0x03);
	program(r, 0, 2, 1000);
	pit_reset(r->pit);
	assert_int_equal(in8(&r->f, 0x61) & 0x0f, 0);
	/* The gate of channel 2 is low: a count stands. */
	program(r, 2, 0, 1000);
	fake_advance(&r->f, 10000);
	assert_int_equal(latch(r, 2), 1000);
	r->line.rises = 0;
	assert_false(r->line.level);
	fake_advance(&r->f, NSEC_PER_SEC);
	assert_int_equal(r->line.rises, 0);
	assert_int_equal(evloop_next_deadline(r->f.loop), UINT64_MAX);
}

static void test_ports_come_and_go(void **state)
{
	static const uint16_t ports[] = { 0x40, 0x41, 0x42, 0x61 };
	struct rig *r = *state;
	struct pit_config pc = { .bus = r->f.bus, .loop = r->f.loop };
	struct err e = { "" };
	size_t i;

	assert_null(pit_create(&pc, &e));
	assert_non_null(strstr(e.msg, "PIT"));
	program(r, 0, 2, 1000);
	assert_true(r->line.level);
	pit_destroy(r->pit);
	assert_false(r->line.level);
	assert_true(evloop_next_deadline(r->f.loop) == UINT64_MAX);
	for (i = 0; i < 4; i++)
		assert_int_equal(in8(&r->f, ports[i]), 0xff);
	bus_register(r->f.bus, &(struct bus_range){ BUS_PIO, 0x61, 1, 1,
		&(struct bus_ops){ 0 }, NULL, "other" }, NULL);
	assert_null(pit_create(&pc, NULL));
	bus_unregister(r->f.bus, BUS_PIO, 0x61);
	r->pit = pit_create(&pc, NULL);
	assert_non_null(r->pit);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_modes_against_model),
		TEST(test_full_count),
		TEST(test_bcd),
		TEST(test_read_formats),
		TEST(test_readback),
		TEST(test_mode_aliases),
		TEST(test_gate),
		TEST(test_new_count),
		TEST(test_irq_one_shot),
		TEST(test_irq_rate_is_exact),
		TEST(test_irq_new_count),
		TEST(test_irq_late),
		TEST(test_irq_storm_is_bounded),
		TEST(test_speaker_port),
		TEST(test_reset_is_quiet),
		TEST(test_ports_come_and_go),
	};

	return cmocka_run_group_tests_name("pit", tests, NULL, NULL);
}
