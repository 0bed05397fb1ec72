// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * MC146818A real-time clock with CMOS memory, after the Motorola data sheet
 * (1984), with the PC's century byte and memory size fields.
 *
 * Nothing runs each second: time follows from the clock when the guest looks,
 * and so do the event flags. A timer is armed only while an enabled interrupt
 * has yet to happen.
 */
#include <stdlib.h>
#include <string.h>

#include "../bus.h"
#include "../evloop.h"
#include "../irq.h"
#include "rtc.h"
#include "rtc_time.h"

#define RTC_PORT	0x70
#define CMOS_SIZE	128

enum {
	REG_SECONDS = 0x00,
	REG_SECONDS_ALARM = 0x01,
	REG_MINUTES = 0x02,
	REG_MINUTES_ALARM = 0x03,
	REG_HOURS = 0x04,
	REG_HOURS_ALARM = 0x05,
	REG_WEEKDAY = 0x06,
	REG_DAY = 0x07,
	REG_MONTH = 0x08,
	REG_YEAR = 0x09,
	REG_A = 0x0a,
	REG_B = 0x0b,
	REG_C = 0x0c,
	REG_D = 0x0d,
	REG_CENTURY = RTC_CENTURY_REG,
};

#define A_UIP		0x80
#define A_RATE		0x0f
#define A_DIVIDER	0x70
#define A_DIVIDER_RESET	0x60	/* both bits set: divider chain held in reset */
#define A_DEFAULT	0x26	/* 32.768 kHz, 1024 Hz */

#define B_SET		0x80
#define B_PIE		0x40
#define B_AIE		0x20
#define B_UIE		0x10
#define B_SQWE		0x08
#define B_BINARY	0x04
#define B_24H		0x02

#define C_IRQF		0x80
#define C_PF		0x40
#define C_AF		0x20
#define C_UF		0x10

#define D_VALID		0x80

#define HOUR_PM		0x80
#define ALARM_DONT_CARE	0xc0

#define OSC_HZ		32768ULL
/* UIP comes up this long before the update (data sheet, table 6). */
#define UIP_NS		244141ULL

/* All that a snapshot needs. */
struct rtc_state {
	uint8_t index;			/* port 0x70, with the NMI mask */
	uint8_t cmos[CMOS_SIZE];	/* time bytes are valid while SET only */
	uint8_t flags;			/* PF, AF, UF */
	/* now + phase, in whole seconds, plus seconds, is the time. */
	int64_t seconds;
	uint64_t phase;			/* 0..NSEC_PER_SEC - 1 */
	unsigned int weekday_offset;	/* the guest's weekday less the true one */
	bool halted;			/* divider in reset: the time stands */
	int64_t halted_at;		/* seconds while it stands */
	uint64_t seen;			/* events up to this ns are in flags */
};

struct rtc {
	struct rtc_config cfg;
	struct evtimer timer;
	struct rtc_state s;
};

static uint64_t now_ns(const struct rtc *r)
{
	return evloop_now(r->cfg.loop);
}

static int64_t time_at(const struct rtc *r, uint64_t ns)
{
	if (r->s.halted)
		return r->s.halted_at;
	return r->s.seconds + (int64_t)((ns + r->s.phase) / NSEC_PER_SEC);
}

static void set_time_at(struct rtc *r, uint64_t ns, int64_t seconds)
{
	if (r->s.halted)
		r->s.halted_at = seconds;
	else
		r->s.seconds = seconds -
			       (int64_t)((ns + r->s.phase) / NSEC_PER_SEC);
}

/* ns at which the clock shows @seconds first. */
static uint64_t ns_of(const struct rtc *r, int64_t seconds)
{
	uint64_t s = (uint64_t)(seconds - r->s.seconds);

	return s * NSEC_PER_SEC - r->s.phase;
}

static bool updating(const struct rtc *r)
{
	return !r->s.halted && !(r->s.cmos[REG_B] & B_SET);
}

/* Oscillator ticks between periodic events, 0 for none (table 5). */
static uint64_t periodic_ticks(const struct rtc *r)
{
	unsigned int rate = r->s.cmos[REG_A] & A_RATE;

	if (!rate || r->s.halted)
		return 0;
	return rate < 3 ? 1ULL << (rate + 6) : 1ULL << (rate - 1);
}

/* Periodic events of @period ticks up to @ns, counted from the divider chain. */
static uint64_t periodic_count(const struct rtc *r, uint64_t ns,
			       uint64_t period)
{
	unsigned __int128 t = (unsigned __int128)ns + r->s.phase;

	return (uint64_t)(t * OSC_HZ / NSEC_PER_SEC) / period;
}

static uint64_t periodic_ns(const struct rtc *r, uint64_t count, uint64_t period)
{
	unsigned __int128 t = (unsigned __int128)count * period * NSEC_PER_SEC;

	return (uint64_t)((t + OSC_HZ - 1) / OSC_HZ) - r->s.phase;
}

/* Encoding of the registers: BCD or binary, 12 or 24 hours */

static uint8_t encode(const struct rtc *r, unsigned int value)
{
	if (r->s.cmos[REG_B] & B_BINARY)
		return (uint8_t)value;
	return (uint8_t)(value / 10 << 4 | value % 10);
}

static unsigned int decode(const struct rtc *r, uint8_t value)
{
	if (r->s.cmos[REG_B] & B_BINARY)
		return value;
	return (value >> 4) * 10U + (value & 15U);
}

static uint8_t encode_hour(const struct rtc *r, unsigned int hour)
{
	if (r->s.cmos[REG_B] & B_24H)
		return encode(r, hour);
	return encode(r, (hour + 11) % 12 + 1) | (hour >= 12 ? HOUR_PM : 0);
}

static unsigned int decode_hour(const struct rtc *r, uint8_t value)
{
	if (r->s.cmos[REG_B] & B_24H)
		return decode(r, value);
	return decode(r, value & (uint8_t)~HOUR_PM) % 12 +
	       (value & HOUR_PM ? 12 : 0);
}

/* Write the time of @ns into the time bytes. */
static void fill_time(struct rtc *r, uint64_t ns)
{
	uint8_t *cmos = r->s.cmos;
	struct rtc_fields f;

	rtc_fields_from_seconds(&f, time_at(r, ns));
	cmos[REG_SECONDS] = encode(r, f.second);
	cmos[REG_MINUTES] = encode(r, f.minute);
	cmos[REG_HOURS] = encode_hour(r, f.hour);
	cmos[REG_WEEKDAY] = encode(r, (f.weekday - 1 + r->s.weekday_offset) % 7 + 1);
	cmos[REG_DAY] = encode(r, f.day);
	cmos[REG_MONTH] = encode(r, f.month);
	cmos[REG_YEAR] = encode(r, f.year % 100);
	cmos[REG_CENTURY] = encode(r, f.year / 100);
}

/* Let the clock go on from the time bytes. */
static void take_time(struct rtc *r, uint64_t ns)
{
	const uint8_t *cmos = r->s.cmos;
	struct rtc_fields f = {
		.second = decode(r, cmos[REG_SECONDS]),
		.minute = decode(r, cmos[REG_MINUTES]),
		.hour = decode_hour(r, cmos[REG_HOURS]),
		.day = decode(r, cmos[REG_DAY]),
		.month = decode(r, cmos[REG_MONTH]),
		.year = decode(r, cmos[REG_YEAR]) % 100 +
			decode(r, cmos[REG_CENTURY]) % 100 * 100,
	};
	int64_t seconds = rtc_fields_to_seconds(&f);
	unsigned int weekday = decode(r, cmos[REG_WEEKDAY]);

	set_time_at(r, ns, seconds);
	rtc_fields_from_seconds(&f, seconds);
	r->s.weekday_offset = (weekday % 7 + 14 - f.weekday) % 7;
}

/* Events */

static uint32_t alarm_field(const struct rtc *r, unsigned int reg)
{
	uint8_t value = r->s.cmos[reg];

	if (value >= ALARM_DONT_CARE)
		return RTC_ALARM_ANY;
	if (reg == REG_HOURS_ALARM)
		return decode_hour(r, value);
	return decode(r, value);
}

static int64_t next_alarm(const struct rtc *r, int64_t after)
{
	return rtc_next_alarm(after, alarm_field(r, REG_HOURS_ALARM),
			      alarm_field(r, REG_MINUTES_ALARM),
			      alarm_field(r, REG_SECONDS_ALARM));
}

/* Bring the flags up to @ns. */
static void sync_flags(struct rtc *r, uint64_t ns)
{
	uint64_t period = periodic_ticks(r);
	int64_t before, after;

	if (period && periodic_count(r, ns, period) !=
		      periodic_count(r, r->s.seen, period))
		r->s.flags |= C_PF;
	if (updating(r)) {
		before = time_at(r, r->s.seen);
		after = time_at(r, ns);
		if (after > before) {
			r->s.flags |= C_UF;
			if (next_alarm(r, before) <= after)
				r->s.flags |= C_AF;
		}
	}
	r->s.seen = ns;
}

/* After sync_flags(): drive the line and wait for the next enabled event. */
static void update_irq(struct rtc *r)
{
	uint8_t due = r->s.cmos[REG_B] & ~r->s.flags;
	uint64_t at = UINT64_MAX, t, period = periodic_ticks(r);
	int64_t alarm, now;

	/* Enables of register B and flags of register C share bit numbers. */
	if (r->s.flags & r->s.cmos[REG_B]) {
		irq_line_set(r->cfg.irq, true);
		evtimer_cancel(&r->timer);
		return;
	}
	irq_line_set(r->cfg.irq, false);

	if ((due & B_PIE) && period)
		at = periodic_ns(r, periodic_count(r, r->s.seen, period) + 1,
				 period);
	if ((due & (B_UIE | B_AIE)) && updating(r)) {
		now = time_at(r, r->s.seen);
		alarm = now + 1;
		if (!(due & B_UIE))
			alarm = next_alarm(r, now);
		if (alarm != INT64_MAX) {
			t = ns_of(r, alarm);
			if (t < at)
				at = t;
		}
	}
	if (at != UINT64_MAX)
		evtimer_arm(&r->timer, at);
	else
		evtimer_cancel(&r->timer);
}

static void timer_expired(void *opaque, uint64_t now)
{
	struct rtc *r = opaque;

	(void)now;
	sync_flags(r, now_ns(r));
	update_irq(r);
}

/* Registers */

static uint8_t read_c(struct rtc *r)
{
	uint8_t value = r->s.flags;

	if (value & r->s.cmos[REG_B] & (C_PF | C_AF | C_UF))
		value |= C_IRQF;
	r->s.flags = 0;
	return value;
}

static uint8_t read_a(const struct rtc *r, uint64_t ns)
{
	uint8_t value = r->s.cmos[REG_A];

	if (updating(r) &&
	    (ns + r->s.phase) % NSEC_PER_SEC >= NSEC_PER_SEC - UIP_NS)
		value |= A_UIP;
	return value;
}

static void write_a(struct rtc *r, uint8_t value, uint64_t ns)
{
	bool halt = (value & A_DIVIDER_RESET) == A_DIVIDER_RESET;
	int64_t seconds = time_at(r, ns);

	r->s.cmos[REG_A] = value & (A_DIVIDER | A_RATE);
	if (halt == r->s.halted)
		return;
	r->s.halted = halt;
	/* The first update comes half a second after the release. */
	if (!halt)
		r->s.phase = (NSEC_PER_SEC + NSEC_PER_SEC / 2 -
			      ns % NSEC_PER_SEC) % NSEC_PER_SEC;
	set_time_at(r, ns, seconds);
}

static void write_b(struct rtc *r, uint8_t value, uint64_t ns)
{
	uint8_t old = r->s.cmos[REG_B];

	if (!(old & B_SET) && (value & B_SET))
		fill_time(r, ns);
	/* SET clears UIE (data sheet, register B). */
	if (value & B_SET)
		value &= (uint8_t)~B_UIE;
	/*
	 * The time bytes were written in the format that holds now: a new one
	 * does not convert them.
	 */
	r->s.cmos[REG_B] = value;
	if ((old & B_SET) && !(value & B_SET))
		take_time(r, ns);
}

static bool is_time(unsigned int reg)
{
	return reg == REG_SECONDS || reg == REG_MINUTES || reg == REG_HOURS ||
	       (reg >= REG_WEEKDAY && reg <= REG_YEAR) || reg == REG_CENTURY;
}

static uint8_t read_reg(struct rtc *r, unsigned int reg, uint64_t ns)
{
	if (reg == REG_A)
		return read_a(r, ns);
	if (reg == REG_C)
		return read_c(r);
	if (is_time(reg) && !(r->s.cmos[REG_B] & B_SET))
		fill_time(r, ns);
	return r->s.cmos[reg];
}

static void write_reg(struct rtc *r, unsigned int reg, uint8_t value,
		      uint64_t ns)
{
	if (reg == REG_A) {
		write_a(r, value, ns);
	} else if (reg == REG_B) {
		write_b(r, value, ns);
	} else if (reg == REG_C || reg == REG_D) {
		return;
	} else if (is_time(reg) && !(r->s.cmos[REG_B] & B_SET)) {
		fill_time(r, ns);
		r->s.cmos[reg] = value;
		take_time(r, ns);
	} else {
		r->s.cmos[reg] = value;
	}
}

static uint64_t rtc_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct rtc *r = opaque;
	uint64_t ns = now_ns(r);
	uint8_t value;

	(void)size;
	/* The index port is write-only on a PC. */
	if (!offset)
		return UINT64_MAX;
	sync_flags(r, ns);
	value = read_reg(r, r->s.index % CMOS_SIZE, ns);
	update_irq(r);
	return value;
}

static void rtc_write(void *opaque, uint64_t offset, unsigned int size,
		      uint64_t value)
{
	struct rtc *r = opaque;
	uint64_t ns = now_ns(r);

	(void)size;
	if (!offset) {
		r->s.index = (uint8_t)value;
		return;
	}
	sync_flags(r, ns);
	write_reg(r, r->s.index % CMOS_SIZE, (uint8_t)value, ns);
	update_irq(r);
}

static const struct bus_ops rtc_ops = {
	.read = rtc_read,
	.write = rtc_write,
};

bool rtc_nmi_masked(const struct rtc *r)
{
	return r->s.index & 0x80;
}

static void put16(struct rtc *r, unsigned int reg, uint64_t value)
{
	if (value > 0xffff)
		value = 0xffff;
	r->s.cmos[reg] = (uint8_t)value;
	r->s.cmos[reg + 1] = (uint8_t)(value >> 8);
}

/* What firmware leaves in CMOS about the machine. */
static void fill_cmos(struct rtc *r)
{
	uint64_t below = r->cfg.mem_below_4g, above = r->cfg.mem_above_4g;
	uint64_t kib, chunks = above >> 16;
	unsigned int i, sum = 0;

	kib = below > 1 << 20 ? (below - (1 << 20)) >> 10 : 0;
	r->s.cmos[0x14] = 0x06;		/* equipment: FPU, no floppy, no display */
	put16(r, 0x15, below < 640 << 10 ? below >> 10 : 640);
	put16(r, 0x17, kib);		/* above 1 MiB, in KiB, up to 64 MiB */
	put16(r, 0x30, kib);
	put16(r, 0x34, below > 16 << 20 ? (below - (16 << 20)) >> 16 : 0);
	if (chunks > 0xffffff)
		chunks = 0xffffff;
	for (i = 0; i < 3; i++)		/* above 4 GiB, in 64 KiB */
		r->s.cmos[0x5b + i] = (uint8_t)(chunks >> (8 * i));
	for (i = 0x10; i <= 0x2d; i++)
		sum += r->s.cmos[i];
	r->s.cmos[0x2e] = (uint8_t)(sum >> 8);
	r->s.cmos[0x2f] = (uint8_t)sum;
}

void rtc_reset(struct rtc *r)
{
	sync_flags(r, now_ns(r));
	r->s.index = 0;
	r->s.cmos[REG_B] &= (uint8_t)~(B_PIE | B_AIE | B_UIE | B_SQWE);
	r->s.flags = 0;
	update_irq(r);
}

struct rtc *rtc_create(const struct rtc_config *cfg, struct err *e)
{
	struct rtc *r = calloc(1, sizeof(*r));
	struct bus_range range = {
		.space = BUS_PIO,
		.base = RTC_PORT,
		.len = 2,
		.max_access = 1,
		.ops = &rtc_ops,
		.opaque = r,
		.name = "RTC",
	};
	uint64_t ns, real;

	if (!r) {
		err_set(e, "RTC: out of memory");
		return NULL;
	}
	r->cfg = *cfg;
	evtimer_init(&r->timer, cfg->loop, timer_expired, r);
	ns = now_ns(r);
	real = evloop_real(cfg->loop);
	r->s.cmos[REG_A] = A_DEFAULT;
	r->s.cmos[REG_B] = B_24H;
	r->s.cmos[REG_D] = D_VALID;
	r->s.seen = ns;
	r->s.phase = (NSEC_PER_SEC + real % NSEC_PER_SEC - ns % NSEC_PER_SEC) %
		     NSEC_PER_SEC;
	set_time_at(r, ns, (int64_t)(real / NSEC_PER_SEC));
	fill_cmos(r);
	if (bus_register(cfg->bus, &range, e) < 0) {
		free(r);
		return NULL;
	}
	return r;
}

void rtc_destroy(struct rtc *r)
{
	if (!r)
		return;
	evtimer_cancel(&r->timer);
	bus_unregister(r->cfg.bus, BUS_PIO, RTC_PORT);
	irq_line_set(r->cfg.irq, false);
	free(r);
}
