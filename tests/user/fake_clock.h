/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_USER_FAKE_CLOCK_H
#define TESTS_USER_FAKE_CLOCK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "bus.h"
#include "evloop.h"

/* An event loop whose time the test moves, and a bus to poke devices on. */
struct fake_machine {
	struct evclock clock;
	uint64_t mono;
	uint64_t real;
	struct evloop *loop;
	struct bus *bus;
};

static inline uint64_t fake_mono(void *opaque)
{
	return ((struct fake_machine *)opaque)->mono;
}

static inline uint64_t fake_real(void *opaque)
{
	return ((struct fake_machine *)opaque)->real;
}

static inline void fake_machine_init(struct fake_machine *f)
{
	f->mono = 1000000007ULL;
	f->real = 1700000000ULL * NSEC_PER_SEC;
	f->clock = (struct evclock){ fake_mono, fake_real, f };
	f->loop = evloop_create(&f->clock, NULL, NULL);
	f->bus = bus_create(NULL);
	assert_non_null(f->loop);
	assert_non_null(f->bus);
}

static inline void fake_machine_deinit(struct fake_machine *f)
{
	bus_destroy(f->bus);
	evloop_destroy(f->loop);
}

/* Move time to @ns, firing each timer at its deadline. */
static inline void fake_goto(struct fake_machine *f, uint64_t ns)
{
	while (evloop_next_deadline(f->loop) <= ns) {
		uint64_t at = evloop_next_deadline(f->loop);

		if (at > f->mono) {
			f->real += at - f->mono;
			f->mono = at;
		}
		evloop_run_timers(f->loop);
	}
	if (ns > f->mono) {
		f->real += ns - f->mono;
		f->mono = ns;
	}
}

static inline void fake_advance(struct fake_machine *f, uint64_t ns)
{
	fake_goto(f, f->mono + ns);
}

/* Move time without serving timers: the host was away. */
static inline void fake_sleep(struct fake_machine *f, uint64_t ns)
{
	f->mono += ns;
	f->real += ns;
}

static inline void out8(struct fake_machine *f, uint16_t port, uint8_t value)
{
	bus_write(f->bus, BUS_PIO, port, 1, value);
}

static inline uint8_t in8(struct fake_machine *f, uint16_t port)
{
	return (uint8_t)bus_read(f->bus, BUS_PIO, port, 1);
}

/* An interrupt line that counts its rising edges. */
struct fake_line {
	bool level;
	unsigned int rises;
};

static inline void fake_line_set(void *opaque, unsigned int n, bool level)
{
	struct fake_line *l = opaque;

	(void)n;
	if (level && !l->level)
		l->rises++;
	l->level = level;
}

#endif
