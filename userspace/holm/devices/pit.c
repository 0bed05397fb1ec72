// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * 8254 programmable interval timer and the PC's speaker port, after the Intel
 * 8254 data sheet (231164).
 *
 * Nothing counts here: a channel remembers at which tick of the 1.193182 MHz
 * clock its count was loaded, and counts and outputs follow from the present
 * tick. Ticks are computed from the monotonic clock at once, never added up,
 * so that no error grows.
 */
#include <stdlib.h>
#include <string.h>

#include "../bus.h"
#include "../evloop.h"
#include "../irq.h"
#include "pit.h"

#define PIT_PORT	0x40
#define SPEAKER_PORT	0x61
#define CHANNELS	3
#define REG_CONTROL	3

#define RW_LATCH	0
#define RW_LSB		1
#define RW_MSB		2
#define RW_BOTH		3

#define READBACK	3	/* SC field of the control word */
#define RB_NO_COUNT	0x20
#define RB_NO_STATUS	0x10

#define SPEAKER_GATE	0x01
#define SPEAKER_KEEP	0x0f
#define SPEAKER_REFRESH	0x10
#define SPEAKER_OUT	0x20

/* Channel 1 toggles memory refresh each 18 ticks (15 us) on a PC. */
#define REFRESH_TICKS	18

/*
 * A guest may ask for an interrupt each tick. Above this rate of channel 0
 * interrupts are merged, and the host's I/O thread stays usable.
 */
#define MIN_PERIOD_NS	50000

#define NEVER		INT64_MAX

/* All that a snapshot needs of one channel. Ticks are of the machine clock. */
struct pit_channel {
	uint8_t mode;		/* 0..5 */
	uint8_t rw;
	bool bcd;
	bool gate;
	bool loaded;		/* counting element holds a count */
	bool triggered;		/* modes 1 and 5: a gate edge has started it */
	bool frozen;		/* gate (or a half-written count) holds counting */
	bool null_count;	/* count register not yet in counting element */
	uint32_t count;		/* count register as a number, 1..65536 */
	uint32_t n;		/* what the counting element was loaded with */
	uint32_t next_n;	/* modes 2 and 3: count from @switch_at on, or 0 */
	int64_t origin;		/* tick of loading */
	int64_t switch_at;
	int64_t frozen_at;	/* elapsed ticks while frozen */

	bool write_msb;		/* RW_BOTH: the MSB is due */
	uint8_t write_lsb;
	bool read_msb;
	uint8_t latched;	/* bytes of @latch still to be read */
	uint16_t latch;
	bool status_latched;
	uint8_t status;
};

struct pit {
	struct pit_config cfg;
	struct evtimer timer;
	struct pit_channel ch[CHANNELS];
	uint8_t speaker;
	int64_t irq_seen;	/* channel 0 edges up to this tick are done */
};

static int64_t ns_to_tick(uint64_t ns)
{
	return (int64_t)((unsigned __int128)ns * PIT_HZ / NSEC_PER_SEC);
}

/* First ns that belongs to @tick. */
static uint64_t tick_to_ns(int64_t tick)
{
	unsigned __int128 n = (unsigned __int128)(tick < 0 ? 0 : tick);

	return (uint64_t)((n * NSEC_PER_SEC + PIT_HZ - 1) / PIT_HZ);
}

static int64_t now_tick(const struct pit *p)
{
	return ns_to_tick(evloop_now(p->cfg.loop));
}

/* Counting modulo: 2^16 or 10^4 (data sheet, table 3). */
static uint32_t modulo(const struct pit_channel *c)
{
	return c->bcd ? 10000 : 65536;
}

static uint32_t decode_count(const struct pit_channel *c, uint16_t raw)
{
	uint32_t n = raw;

	if (c->bcd)
		n = (raw & 15) + (raw >> 4 & 15) * 10 + (raw >> 8 & 15) * 100 +
		    (raw >> 12 & 15) * 1000;
	return n ? n : modulo(c);
}

static uint16_t encode_count(const struct pit_channel *c, uint32_t n)
{
	n %= modulo(c);
	if (c->bcd)
		n = n % 10 | (n / 10 % 10) << 4 | (n / 100 % 10) << 8 |
		    (n / 1000) << 12;
	return (uint16_t)n;
}

static bool is_periodic(const struct pit_channel *c)
{
	return c->mode == 2 || c->mode == 3;
}

static bool is_gate_triggered(const struct pit_channel *c)
{
	return c->mode == 1 || c->mode == 5;
}

/* Mode 3: ticks of the high half, longer by one for odd counts. */
static uint32_t high_ticks(uint32_t n)
{
	return (n + 1) / 2;
}

/* Let a count written during a period take over once the period is past. */
static void channel_sync(struct pit_channel *c, int64_t tick)
{
	if (c->next_n && tick >= c->switch_at) {
		/*
		 * A mode 3 switch may come in mid-period: it is the low half
		 * that starts there.
		 */
		bool low = c->mode == 3 &&
			   (c->switch_at - c->origin) % c->n == high_ticks(c->n) &&
			   c->n > 1;

		c->origin = c->switch_at;
		if (low)
			c->origin -= high_ticks(c->next_n);
		c->n = c->next_n;
		c->next_n = 0;
	}
	if (c->null_count && c->loaded && !c->next_n && tick >= c->origin &&
	    (!is_gate_triggered(c) || c->triggered))
		c->null_count = false;
}

static int64_t elapsed(const struct pit_channel *c, int64_t tick)
{
	return c->frozen ? c->frozen_at : tick - c->origin;
}

/* Level of OUT. The channel is synced to @tick. */
static bool channel_out(const struct pit_channel *c, int64_t tick)
{
	int64_t e = elapsed(c, tick);

	switch (c->mode) {
	case 0:
		return c->loaded && e >= c->n;
	case 1:
		return !c->triggered || e < 0 || e >= c->n;
	case 2:
		return !c->loaded || c->frozen || e < 0 || e % c->n != c->n - 1;
	case 3:
		return !c->loaded || c->frozen || e < 0 ||
		       e % c->n < high_ticks(c->n);
	case 4:
		return !c->loaded || e != c->n;
	default:
		return !c->triggered || e != c->n;
	}
}

/* First tick after @tick at which OUT rises, if nothing is written till then. */
static int64_t next_rise(const struct pit_channel *ch, int64_t tick)
{
	struct pit_channel c = *ch;
	int64_t at;

	if (!c.loaded || c.frozen || (is_gate_triggered(&c) && !c.triggered))
		return NEVER;
	switch (c.mode) {
	case 0:
	case 1:
		at = c.origin + c.n;
		return at > tick ? at : NEVER;
	case 4:
	case 5:
		at = c.origin + c.n + 1;
		return at > tick ? at : NEVER;
	}
	channel_sync(&c, tick);
	at = c.origin + c.n;
	if (tick >= at)
		at += (tick - at) / c.n * c.n + c.n;
	if (c.next_n && at > c.switch_at) {
		/* The switch comes first; a falling one starts a low half. */
		tick = c.switch_at;
		channel_sync(&c, tick);
		at = c.origin + c.n;
	}
	return at;
}

static uint16_t channel_count(const struct pit_channel *c, int64_t tick)
{
	int64_t e = elapsed(c, tick);
	uint32_t m = modulo(c), p;

	if (!c->loaded || e < 0 || (is_gate_triggered(c) && !c->triggered))
		return encode_count(c, c->n ? c->n : c->count);
	switch (c->mode) {
	case 2:
		return encode_count(c, c->n - (uint32_t)(e % c->n));
	case 3:
		/* Counts down by two, twice a period, from an even number. */
		p = (uint32_t)(e % c->n);
		if (p >= high_ticks(c->n))
			p -= high_ticks(c->n);
		p *= 2;
		return encode_count(c, (c->n & ~1U) + m - p % m);
	default:
		/* Counts on after 0, from the top. */
		return encode_count(c, c->n % m + m - (uint32_t)(e % m));
	}
}

/* A complete count was written at @tick: it loads at the next clock. */
static void load_count(struct pit_channel *c, int64_t tick)
{
	c->null_count = true;
	switch (c->mode) {
	case 1:
	case 5:
		/* Waits for a trigger; a running cycle goes on. */
		c->loaded = true;
		return;
	case 2:
	case 3:
		if (c->loaded && !c->frozen && tick >= c->origin) {
			int64_t e = tick - c->origin, phase = e % c->n;

			c->next_n = c->count;
			c->switch_at = c->origin + (e - phase) + c->n;
			if (c->mode == 3 && phase < high_ticks(c->n) && c->n > 1)
				c->switch_at -= c->n - high_ticks(c->n);
			return;
		}
		break;
	default:
		/* A new count restarts modes 0 and 4 (and ends a half-write). */
		c->frozen = !c->gate;
		break;
	}
	c->frozen_at = 0;
	c->n = c->count;
	c->next_n = 0;
	c->origin = tick + 1;
	c->loaded = true;
}

static void write_count(struct pit_channel *c, uint8_t value, int64_t tick)
{
	uint16_t raw;

	switch (c->rw) {
	case RW_LSB:
		raw = value;
		break;
	case RW_MSB:
		raw = (uint16_t)(value << 8);
		break;
	default:
		if (!c->write_msb) {
			c->write_lsb = value;
			c->write_msb = true;
			/* Mode 0: the first byte stops counting, OUT is low. */
			if (c->mode == 0) {
				c->loaded = false;
				c->null_count = true;
			}
			return;
		}
		c->write_msb = false;
		raw = (uint16_t)(value << 8 | c->write_lsb);
		break;
	}
	c->count = decode_count(c, raw);
	load_count(c, tick);
}

static void latch_count(struct pit_channel *c, int64_t tick)
{
	if (c->latched)
		return;
	c->latch = channel_count(c, tick);
	c->latched = c->rw == RW_BOTH ? 2 : 1;
}

static void latch_status(struct pit_channel *c, int64_t tick)
{
	if (c->status_latched)
		return;
	c->status = (uint8_t)(channel_out(c, tick) << 7 | c->null_count << 6 |
			      c->rw << 4 | c->mode << 1 | c->bcd);
	c->status_latched = true;
}

static uint8_t read_count(struct pit_channel *c, int64_t tick)
{
	uint16_t value;

	if (c->status_latched) {
		c->status_latched = false;
		return c->status;
	}
	value = c->latched ? c->latch : channel_count(c, tick);
	if (c->latched)
		c->latched--;
	if (c->rw == RW_LSB)
		return (uint8_t)value;
	if (c->rw == RW_MSB)
		return value >> 8;
	c->read_msb = !c->read_msb;
	return c->read_msb ? (uint8_t)value : value >> 8;
}

static void set_mode(struct pit_channel *c, uint8_t control)
{
	bool gate = c->gate;
	uint32_t n = c->n;

	memset(c, 0, sizeof(*c));
	c->gate = gate;
	c->n = n;	/* reads give the old count until a new one is loaded */
	c->rw = control >> 4 & 3;
	c->mode = control >> 1 & 7;
	if (c->mode > 5)
		c->mode -= 4;	/* 6 and 7 are 2 and 3: a don't-care bit */
	c->bcd = control & 1;
	c->null_count = true;
	c->frozen = !gate && !is_gate_triggered(c);
}

static void set_gate(struct pit_channel *c, bool gate, int64_t tick)
{
	if (c->gate == gate)
		return;
	c->gate = gate;
	switch (c->mode) {
	case 0:
	case 4:
		if (!gate) {
			c->frozen_at = tick - c->origin;
			c->frozen = true;
		} else {
			c->origin = tick - c->frozen_at;
			c->frozen = false;
		}
		break;
	case 1:
	case 5:
		if (gate && c->loaded) {
			c->n = c->count;
			c->origin = tick + 1;
			c->triggered = true;
		}
		break;
	default:
		c->frozen = !gate;
		c->frozen_at = tick > c->origin ? tick - c->origin : 0;
		if (gate && c->loaded) {
			c->n = c->count;
			c->next_n = 0;
			c->origin = tick + 1;
		}
		break;
	}
}

/* Channel 0's interrupt */

static void arm_timer(struct pit *p)
{
	const struct pit_channel *c = &p->ch[0];
	int64_t rise = next_rise(c, p->irq_seen);
	uint64_t at, now;

	if (rise == NEVER) {
		evtimer_cancel(&p->timer);
		return;
	}
	at = tick_to_ns(rise);
	now = evloop_now(p->cfg.loop);
	if (is_periodic(c) && at < now + MIN_PERIOD_NS && c->n < 64) {
		/* Too fast to follow: the edge of the grid that is far enough. */
		rise = next_rise(c, ns_to_tick(now + MIN_PERIOD_NS));
		at = tick_to_ns(rise);
	}
	evtimer_arm(&p->timer, at);
}

/*
 * Deliver the edges up to @tick. Several of them (the host was late) make one
 * interrupt; the next one stays on the grid that the guest programmed.
 */
static void deliver_edges(struct pit *p, int64_t tick)
{
	struct pit_channel *c = &p->ch[0];

	if (next_rise(c, p->irq_seen) <= tick) {
		irq_line_set(p->cfg.irq, false);
		irq_line_set(p->cfg.irq, true);
	}
	p->irq_seen = tick;
	channel_sync(c, tick);
}

static void timer_expired(void *opaque, uint64_t now_ns)
{
	struct pit *p = opaque;

	(void)now_ns;
	deliver_edges(p, now_tick(p));
	arm_timer(p);
}

/*
 * After a write to channel 0. In mode 2 the line stays high between edges: it
 * would be low for one tick only, too short to be worth a wake-up.
 */
static void channel0_changed(struct pit *p, int64_t tick)
{
	irq_line_set(p->cfg.irq, channel_out(&p->ch[0], tick));
	arm_timer(p);
}

/* Ports */

static void write_control(struct pit *p, uint8_t value, int64_t tick)
{
	unsigned int i, select = value >> 6;

	if (select == READBACK) {
		for (i = 0; i < CHANNELS; i++) {
			if (!(value & (2 << i)))
				continue;
			if (!(value & RB_NO_COUNT))
				latch_count(&p->ch[i], tick);
			if (!(value & RB_NO_STATUS))
				latch_status(&p->ch[i], tick);
		}
		return;
	}
	if ((value >> 4 & 3) == RW_LATCH) {
		latch_count(&p->ch[select], tick);
		return;
	}
	set_mode(&p->ch[select], value);
	if (select == 0)
		channel0_changed(p, tick);
}

static int64_t sync_all(struct pit *p)
{
	int64_t tick = now_tick(p);
	unsigned int i;

	/* An edge that is due must not get lost by what is written now. */
	deliver_edges(p, tick);
	for (i = 1; i < CHANNELS; i++)
		channel_sync(&p->ch[i], tick);
	return tick;
}

static uint64_t pit_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct pit *p = opaque;
	int64_t tick = sync_all(p);

	(void)size;
	if (offset == REG_CONTROL)
		return UINT64_MAX;
	return read_count(&p->ch[offset], tick);
}

static void pit_write(void *opaque, uint64_t offset, unsigned int size,
		      uint64_t value)
{
	struct pit *p = opaque;
	int64_t tick = sync_all(p);

	(void)size;
	if (offset == REG_CONTROL) {
		write_control(p, (uint8_t)value, tick);
		return;
	}
	write_count(&p->ch[offset], (uint8_t)value, tick);
	if (offset == 0)
		channel0_changed(p, tick);
}

static uint64_t speaker_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct pit *p = opaque;
	int64_t tick = sync_all(p);
	uint8_t value = p->speaker;

	(void)offset;
	(void)size;
	if (tick / REFRESH_TICKS & 1)
		value |= SPEAKER_REFRESH;
	if (channel_out(&p->ch[2], tick))
		value |= SPEAKER_OUT;
	return value;
}

static void speaker_write(void *opaque, uint64_t offset, unsigned int size,
			  uint64_t value)
{
	struct pit *p = opaque;
	int64_t tick = sync_all(p);

	(void)offset;
	(void)size;
	p->speaker = (uint8_t)value & SPEAKER_KEEP;
	set_gate(&p->ch[2], value & SPEAKER_GATE, tick);
}

static const struct bus_ops pit_ops = {
	.read = pit_read,
	.write = pit_write,
};

static const struct bus_ops speaker_ops = {
	.read = speaker_read,
	.write = speaker_write,
};

void pit_reset(struct pit *p)
{
	unsigned int i;

	memset(p->ch, 0, sizeof(p->ch));
	for (i = 0; i < CHANNELS; i++) {
		p->ch[i].rw = RW_BOTH;
		p->ch[i].mode = 3;
		p->ch[i].count = 65536;
		p->ch[i].gate = i != 2;
		p->ch[i].frozen = i == 2;
	}
	p->speaker = 0;
	p->irq_seen = now_tick(p);
	evtimer_cancel(&p->timer);
	irq_line_set(p->cfg.irq, false);
}

struct pit *pit_create(const struct pit_config *cfg, struct err *e)
{
	struct pit *p = calloc(1, sizeof(*p));
	const struct bus_range counters = {
		BUS_PIO, PIT_PORT, 4, 1, &pit_ops, p, "PIT",
	};
	const struct bus_range speaker = {
		BUS_PIO, SPEAKER_PORT, 1, 1, &speaker_ops, p, "speaker port",
	};

	if (!p) {
		err_set(e, "PIT: out of memory");
		return NULL;
	}
	p->cfg = *cfg;
	evtimer_init(&p->timer, cfg->loop, timer_expired, p);
	pit_reset(p);
	if (bus_register(cfg->bus, &counters, e) < 0)
		goto fail;
	if (bus_register(cfg->bus, &speaker, e) < 0)
		goto fail_counters;
	return p;

fail_counters:
	bus_unregister(cfg->bus, BUS_PIO, PIT_PORT);
fail:
	free(p);
	return NULL;
}

void pit_destroy(struct pit *p)
{
	if (!p)
		return;
	evtimer_cancel(&p->timer);
	bus_unregister(p->cfg.bus, BUS_PIO, PIT_PORT);
	bus_unregister(p->cfg.bus, BUS_PIO, SPEAKER_PORT);
	irq_line_set(p->cfg.irq, false);
	free(p);
}
