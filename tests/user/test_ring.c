// SPDX-License-Identifier: GPL-2.0-or-later
/* What a console is made of: the ring of output that is kept, and escape keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ring.h"
#include "term.h"

/* ---- the ring ------------------------------------------------------------------ */

static uint8_t pattern(uint64_t at)
{
	return (uint8_t)(at * 7 + at / 251);
}

static void write_pattern(struct ring *r, size_t len)
{
	static uint8_t buf[3 * RING_SIZE];

	assert_true(len <= sizeof(buf));
	for (size_t i = 0; i < len; i++)
		buf[i] = pattern(r->end + i);
	ring_write(r, buf, len);
}

static void test_ring(void **state)
{
	static const size_t lengths[] = {
		1, 0, 100, RING_SIZE - 101, 1, RING_SIZE, RING_SIZE + 1, 3 * RING_SIZE, 17,
		RING_SIZE / 2, RING_SIZE / 2, 5,
	};
	struct ring *r = calloc(1, sizeof(*r));
	uint64_t pos, start, late = 0;
	const uint8_t *data;
	size_t n;

	(void)state;
	assert_non_null(r);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		write_pattern(r, lengths[i]);
		start = ring_start(r);
		assert_int_equal(start, r->end > RING_SIZE ? r->end - RING_SIZE : 0);
		/* One that reads on, and one from the start. */
		for (pos = start; (n = ring_peek(r, &pos, &data)); pos += n)
			for (size_t k = 0; k < n; k++)
				assert_int_equal(data[k], pattern(pos + k));
		assert_int_equal(pos, r->end);
		if (i % 2)
			continue;
		for (; (n = ring_peek(r, &late, &data)); late += n)
			assert_int_equal(data[0], pattern(late));
		assert_int_equal(late, r->end);
	}
	free(r);
}

/* ---- escape keys ----------------------------------------------------------------- */

static char pressed[16];

static void on_key(void *opaque, int key)
{
	size_t n = strlen(pressed);

	(void)opaque;
	pressed[n] = (char)key;
	pressed[n + 1] = '\0';
}

static void test_keys(void **state)
{
	static const struct {
		const char *typed, *input, *keys;
	} rows[] = {
		{ "abc", "abc", "" },
		{ "a\1db", "ab", "d" },
		{ "\1\1", "\1", "" },
		{ "\1\1\1X\1h", "\1", "xh" },
		{ "\1", "", "" },		/* goes on in the next row */
		{ "dd", "d", "d" },
	};
	struct term_keys keys = { .key = on_key };
	uint8_t buf[16];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = strlen(rows[i].typed);

		memcpy(buf, rows[i].typed, len);
		pressed[0] = '\0';
		len = term_filter(&keys, buf, len);
		assert_int_equal(len, strlen(rows[i].input));
		assert_memory_equal(buf, rows[i].input, len);
		assert_string_equal(pressed, rows[i].keys);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ring),
		cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
