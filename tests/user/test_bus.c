// SPDX-License-Identifier: GPL-2.0-or-later
/* The bus: registration, lookup, splitting, unclaimed bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "bus.h"

struct access {
	uint64_t offset;
	unsigned int size;
	uint64_t value;
	bool write;
};

/* A device that records its accesses and reads as its offsets. */
struct probe {
	struct access log[16];
	unsigned int nr;
};

static void record(struct probe *p, struct access a)
{
	assert_true(p->nr < 16);
	p->log[p->nr++] = a;
}

static uint64_t probe_read(void *opaque, uint64_t offset, unsigned int size)
{
	uint64_t value = 0;
	unsigned int i;

	record(opaque, (struct access){ offset, size, 0, false });
	for (i = 0; i < size; i++)
		value |= (0x10 + offset + i) << (8 * i);
	/* Bits above the size must not reach the guest. */
	return size < 8 ? value | ~0ULL << (8 * size) : value;
}

static void probe_write(void *opaque, uint64_t offset, unsigned int size,
			uint64_t value)
{
	record(opaque, (struct access){ offset, size, value, true });
}

static const struct bus_ops probe_ops = { probe_read, probe_write };

static int claim(struct bus *bus, enum bus_space space, uint64_t base,
		 uint64_t len, unsigned int max, void *opaque, struct err *e)
{
	return bus_register(bus, &(struct bus_range){
		space, base, len, max, &probe_ops, opaque, "probe",
	}, e);
}

static void test_register_refuses(void **state)
{
	static const struct {
		const char *name;
		enum bus_space space;
		uint64_t base, len;
		unsigned int max;
		int ret;
	} rows[] = {
		{ "empty", BUS_PIO, 0x10, 0, 1, -1 },
		{ "past the last port", BUS_PIO, 0xffff, 2, 1, -1 },
		{ "last port", BUS_PIO, 0xffff, 1, 1, 0 },
		{ "wrapping", BUS_MMIO, UINT64_MAX, 2, 1, -1 },
		{ "last address", BUS_MMIO, UINT64_MAX, 1, 1, 0 },
		{ "access size 3", BUS_PIO, 0x10, 4, 3, -1 },
		{ "access size 0", BUS_PIO, 0x10, 4, 0, -1 },
		{ "8-byte port", BUS_PIO, 0x10, 8, 8, -1 },
		{ "8-byte MMIO", BUS_MMIO, 0x10, 8, 8, 0 },
		{ "no such space", BUS_SPACES, 0x10, 8, 1, -1 },
		/* against 0x100-0x10f, which is there */
		{ "same", BUS_PIO, 0x100, 16, 1, -1 },
		{ "inside", BUS_PIO, 0x104, 4, 1, -1 },
		{ "around", BUS_PIO, 0xf0, 64, 1, -1 },
		{ "over its start", BUS_PIO, 0xff, 2, 1, -1 },
		{ "over its end", BUS_PIO, 0x10f, 2, 1, -1 },
		{ "just before", BUS_PIO, 0xf8, 8, 1, 0 },
		{ "just after", BUS_PIO, 0x110, 8, 1, 0 },
		{ "other space", BUS_MMIO, 0x100, 16, 1, 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bus *bus = bus_create(NULL);
		struct err e = { "" };
		struct probe p = { 0 };
		int ret;

		assert_int_equal(claim(bus, BUS_PIO, 0x100, 16, 1, &p, NULL), 0);
		ret = claim(bus, rows[i].space, rows[i].base, rows[i].len,
			    rows[i].max, &p, &e);
		if (ret != rows[i].ret)
			fail_msg("%s: %d", rows[i].name, ret);
		if (!ret != !e.msg[0])
			fail_msg("%s: message \"%s\"", rows[i].name, e.msg);
		bus_destroy(bus);
	}
}

static void test_access(void **state)
{
	static const struct {
		const char *name;
		enum bus_space space;
		uint64_t addr;
		unsigned int size;
		uint64_t value;		/* of a read */
		unsigned int calls;
		struct access call[8];
	} rows[] = {
		{ "byte", BUS_PIO, 0x101, 1, 0x11, 1, { { 1, 1 } } },
		{ "word at byte registers", BUS_PIO, 0x102, 2, 0x1312, 2,
		  { { 2, 1 }, { 3, 1 } } },
		{ "dword at byte registers", BUS_PIO, 0x100, 4, 0x13121110, 4,
		  { { 0, 1 }, { 1, 1 }, { 2, 1 }, { 3, 1 } } },
		{ "over the end", BUS_PIO, 0x10f, 2, 0xff1f, 1, { { 15, 1 } } },
		{ "over the start", BUS_PIO, 0xff, 2, 0x10ff, 1, { { 0, 1 } } },
		{ "unclaimed", BUS_PIO, 0x80, 4, 0xffffffff, 0, { { 0, 0 } } },
		{ "before all", BUS_PIO, 0, 1, 0xff, 0, { { 0, 0 } } },
		{ "after all", BUS_PIO, 0xfffe, 1, 0xff, 0, { { 0, 0 } } },
		{ "no wrap at the last port", BUS_PIO, 0xffff, 4, 0xffffff10, 1,
		  { { 0, 1 } } },
		{ "wide register", BUS_MMIO, 0x1004, 4, 0x17161514, 1,
		  { { 4, 4 } } },
		{ "wider than the register", BUS_MMIO, 0x1000, 8,
		  0x1716151413121110, 2, { { 0, 4 }, { 4, 4 } } },
		{ "narrower", BUS_MMIO, 0x1003, 1, 0x13, 1, { { 3, 1 } } },
		{ "unaligned stays whole", BUS_MMIO, 0x1002, 4, 0x15141312, 1,
		  { { 2, 4 } } },
		{ "over the end in powers of two", BUS_MMIO, 0x100d, 4,
		  0xff1f1e1d, 2, { { 13, 2 }, { 15, 1 } } },
		{ "into the neighbour", BUS_MMIO, 0x1ffe, 4, 0x11101f1e, 2,
		  { { 14, 2 }, { 0, 2 } } },
		{ "end of the space", BUS_MMIO, UINT64_MAX, 8,
		  0xffffffffffffff10, 1, { { 0, 1 } } },
	};
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bus *bus = bus_create(NULL);
		struct probe p = { 0 };
		uint64_t value, wrote = 0x8877665544332211ULL;
		unsigned int pos = 0;

		/* Not in order of address: the table is to sort them. */
		assert_int_equal(claim(bus, BUS_PIO, 0xffff, 1, 1, &p, NULL), 0);
		assert_int_equal(claim(bus, BUS_PIO, 0x100, 16, 1, &p, NULL), 0);
		assert_int_equal(claim(bus, BUS_PIO, 0x60, 1, 1, &p, NULL), 0);
		assert_int_equal(claim(bus, BUS_MMIO, 0x2000, 16, 8, &p, NULL), 0);
		assert_int_equal(claim(bus, BUS_MMIO, 0x1000, 16, 4, &p, NULL), 0);
		assert_int_equal(claim(bus, BUS_MMIO, 0x1ff0, 16, 4, &p, NULL), 0);
		assert_int_equal(claim(bus, BUS_MMIO, UINT64_MAX, 1, 1, &p, NULL), 0);

		value = bus_read(bus, rows[i].space, rows[i].addr, rows[i].size);
		if (value != rows[i].value)
			fail_msg("%s: read 0x%llx", rows[i].name,
				 (unsigned long long)value);
		bus_write(bus, rows[i].space, rows[i].addr, rows[i].size, wrote);
		if (p.nr != 2 * rows[i].calls)
			fail_msg("%s: %u calls", rows[i].name, p.nr);
		for (j = 0; j < rows[i].calls; j++) {
			const struct access *want = &rows[i].call[j];
			const struct access *r = &p.log[j];
			const struct access *w = &p.log[rows[i].calls + j];
			unsigned int k;

			if (r->write || r->offset != want->offset ||
			    r->size != want->size)
				fail_msg("%s: read call %zu is %llu/%u", rows[i].name,
					 j, (unsigned long long)r->offset, r->size);
			if (!w->write || w->offset != want->offset ||
			    w->size != want->size)
				fail_msg("%s: write call %zu is %llu/%u",
					 rows[i].name, j,
					 (unsigned long long)w->offset, w->size);
			/* The bytes written are those that read as claimed. */
			for (k = 0; k < w->size; k++, pos++) {
				while (pos < 8 && (value >> (8 * pos) & 0xff) == 0xff)
					pos++;
				if ((w->value >> (8 * k) & 0xff) != 0x11 * (pos + 1))
					fail_msg("%s: wrote 0x%llx", rows[i].name,
						 (unsigned long long)w->value);
			}
			if (w->size < 8 && w->value >> (8 * w->size))
				fail_msg("%s: high bits written", rows[i].name);
		}
		bus_destroy(bus);
	}
}

static void test_bad_size_reaches_nobody(void **state)
{
	struct bus *bus = bus_create(NULL);
	struct probe p = { 0 };

	(void)state;
	claim(bus, BUS_PIO, 0x100, 16, 1, &p, NULL);
	assert_true(bus_read(bus, BUS_PIO, 0x100, 3) == UINT64_MAX);
	bus_write(bus, BUS_PIO, 0x100, 16, 0);
	bus_write(bus, BUS_PIO, 0x100, 0, 0);
	assert_int_equal(p.nr, 0);
	bus_destroy(bus);
}

static void test_unregister(void **state)
{
	struct bus *bus = bus_create(NULL);
	struct probe p = { 0 };
	unsigned int i;

	(void)state;
	for (i = 0; i < 100; i++)
		assert_int_equal(claim(bus, BUS_PIO, 0x1000 - i * 8, 4, 1, &p,
				       NULL), 0);
	assert_int_equal(bus_unregister(bus, BUS_PIO, 0x1001), -1);
	assert_int_equal(bus_unregister(bus, BUS_MMIO, 0x1000), -1);
	assert_int_equal(bus_unregister(bus, BUS_PIO, 0x1000), 0);
	assert_int_equal(bus_unregister(bus, BUS_PIO, 0x1000), -1);
	assert_int_equal(bus_read(bus, BUS_PIO, 0x1000, 1), 0xff);
	assert_int_equal(bus_read(bus, BUS_PIO, 0xff8, 1), 0x10);
	assert_int_equal(claim(bus, BUS_PIO, 0x1000, 4, 1, &p, NULL), 0);
	assert_int_equal(bus_read(bus, BUS_PIO, 0x1001, 1), 0x11);
	bus_destroy(bus);
}

static uint64_t locked_read(void *opaque, uint64_t offset, unsigned int size)
{
	(void)offset;
	(void)size;
	/* EBUSY: the bus holds it. */
	return pthread_mutex_trylock(opaque) != 0;
}

static void test_handlers_run_locked(void **state)
{
	static const struct bus_ops ops = { locked_read, NULL };
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct bus *bus = bus_create(&lock);

	(void)state;
	bus_register(bus, &(struct bus_range){
		BUS_PIO, 0x10, 1, 1, &ops, &lock, "locked" }, NULL);
	assert_int_equal(bus_read(bus, BUS_PIO, 0x10, 1), 1);
	bus_write(bus, BUS_PIO, 0x10, 1, 0);
	assert_int_equal(pthread_mutex_trylock(&lock), 0);
	pthread_mutex_unlock(&lock);
	bus_destroy(bus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_register_refuses),
		cmocka_unit_test(test_access),
		cmocka_unit_test(test_bad_size_reaches_nobody),
		cmocka_unit_test(test_unregister),
		cmocka_unit_test(test_handlers_run_locked),
	};

	return cmocka_run_group_tests_name("bus", tests, NULL, NULL);
}
