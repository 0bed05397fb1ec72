// SPDX-License-Identifier: GPL-2.0-or-later
/* Guest RAM: sizes, layout, checked access, the e820 map. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "gmem.h"
#include "size.h"

#define MIB	(1ULL << 20)
#define GIB	(1ULL << 30)

static void test_sizes(void **state)
{
	static const struct {
		uint64_t size;
		const char *error;
	} rows[] = {
		{ 0, "less than" }, { 512, "try 512M" }, { MIB - 4096, "less than" },
		{ MIB, NULL }, { MIB + 1, "multiple of the page size" }, { MIB + 4096, NULL },
		{ GMEM_MAX_SIZE, NULL }, { GMEM_MAX_SIZE + 4096, "more than" },
		{ UINT64_MAX, "more than" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err err = { "" };
		int ret = gmem_check_size(rows[i].size, &err);

		if (!rows[i].error ? ret : (!ret || !strstr(err.msg, rows[i].error)))
			fail_msg("size %llu: returned %d, \"%s\"",
				 (unsigned long long)rows[i].size, ret, err.msg);
	}
}

static void test_layout(void **state)
{
	static const struct {
		uint64_t size, low, high;
	} rows[] = {
		{ MIB, MIB, 0 },
		{ GMEM_HOLE_START - 4096, GMEM_HOLE_START - 4096, 0 },
		{ GMEM_HOLE_START, GMEM_HOLE_START, 0 },
		{ GMEM_HOLE_START + 4096, GMEM_HOLE_START, 4096 },
		{ 1024 * GIB, GMEM_HOLE_START, 1021 * GIB },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gmem g;
		struct err err;
		struct stat st;

		if (gmem_init(&g, rows[i].size, &err))
			fail_msg("row %zu: %s", i, err.msg);
		assert_int_equal(g.nr_regions, rows[i].high ? 2 : 1);
		assert_int_equal(g.regions[0].gpa, 0);
		assert_int_equal(g.regions[0].size, rows[i].low);
		assert_int_equal(gmem_low_end(&g), rows[i].low);
		if (rows[i].high) {
			assert_int_equal(g.regions[1].gpa, GMEM_HOLE_END);
			assert_int_equal(g.regions[1].size, rows[i].high);
			assert_int_equal(g.regions[1].offset, rows[i].low);
			assert_ptr_equal(g.regions[1].hva, g.regions[0].hva + rows[i].low);
		}
		assert_int_equal(fcntl(g.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
		/* Sparse: nothing is allocated before it is touched. */
		assert_int_equal(fstat(g.fd, &st), 0);
		assert_int_equal(st.st_size, rows[i].size);
		assert_int_equal(st.st_blocks, 0);
		gmem_deinit(&g);
		assert_int_equal(g.fd, -1);
		gmem_deinit(&g);
	}
}

static void test_init_fails(void **state)
{
	struct gmem g;
	struct err err;

	(void)state;
	assert_int_equal(gmem_init(&g, 1, &err), -1);
	assert_int_equal(g.fd, -1);
	assert_null(gmem_ptr(&g, 0, 1));
	gmem_deinit(&g);
}

static void test_ptr(void **state)
{
	const uint64_t top = GMEM_HOLE_END + 2 * MIB;
	const struct {
		uint64_t gpa, len;
		int ok;
	} rows[] = {
		{ 0, 0, 1 }, { 0, 1, 1 }, { 0, GMEM_HOLE_START, 1 },
		{ 0, GMEM_HOLE_START + 1, 0 }, { 1, GMEM_HOLE_START, 0 },
		{ GMEM_HOLE_START - 1, 1, 1 }, { GMEM_HOLE_START - 1, 2, 0 },
		{ GMEM_HOLE_START, 0, 0 }, { GMEM_HOLE_START, 1, 0 },
		{ GMEM_HOLE_END - 1, 1, 0 }, { GMEM_HOLE_END - 1, 2, 0 },
		{ GMEM_HOLE_END, 2 * MIB, 1 }, { GMEM_HOLE_END, 2 * MIB + 1, 0 },
		{ top - 1, 1, 1 }, { top - 1, 2, 0 }, { top, 0, 0 }, { top, 1, 0 },
		{ 0, UINT64_MAX, 0 }, { 8, UINT64_MAX, 0 }, { 8, UINT64_MAX - 7, 0 },
		{ UINT64_MAX, 1, 0 }, { UINT64_MAX, UINT64_MAX, 0 },
		{ GMEM_HOLE_END, UINT64_MAX - GMEM_HOLE_END + 1, 0 },
	};
	struct gmem g;
	struct err err;

	(void)state;
	assert_int_equal(gmem_init(&g, GMEM_HOLE_START + 2 * MIB, &err), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const uint8_t *p = gmem_ptr(&g, rows[i].gpa, rows[i].len);

		if (!!p != rows[i].ok)
			fail_msg("row %zu: 0x%llx + 0x%llx gives %p", i,
				 (unsigned long long)rows[i].gpa,
				 (unsigned long long)rows[i].len, (const void *)p);
		if (p && rows[i].gpa < GMEM_HOLE_START)
			assert_ptr_equal(p, (uint8_t *)g.map + rows[i].gpa);
		else if (p)
			assert_ptr_equal(p, (uint8_t *)g.map + GMEM_HOLE_START +
					 (rows[i].gpa - GMEM_HOLE_END));
	}
	gmem_deinit(&g);
}

static void test_copy(void **state)
{
	char buf[8] = "";
	struct gmem g;
	struct err err;

	(void)state;
	assert_int_equal(gmem_init(&g, GMEM_HOLE_START + MIB, &err), 0);
	assert_true(gmem_write(&g, GMEM_HOLE_START - 4, "abcd", 4));
	assert_true(gmem_read(&g, GMEM_HOLE_START - 4, buf, 4));
	assert_string_equal(buf, "abcd");
	/* Half in the hole: all or nothing. */
	assert_false(gmem_write(&g, GMEM_HOLE_START - 2, "wxyz", 4));
	assert_false(gmem_zero(&g, GMEM_HOLE_START - 2, 4));
	assert_false(gmem_read(&g, GMEM_HOLE_START - 2, buf, 4));
	assert_string_equal(buf, "abcd");
	assert_false(gmem_write(&g, GMEM_HOLE_END + MIB - 1, "yz", 2));
	assert_false(gmem_write(&g, UINT64_MAX, "yz", 2));
	assert_true(gmem_write(&g, UINT64_MAX, "", 0));
	assert_true(gmem_zero(&g, GMEM_HOLE_START - 3, 2));
	assert_true(gmem_read(&g, GMEM_HOLE_START - 4, buf, 4));
	assert_memory_equal(buf, "a\0\0d", 4);
	gmem_deinit(&g);
}

/* Regions that touch are one range for copies, and two for pointers. */
static void test_copy_across(void **state)
{
	struct gmem g, two;
	char buf[8] = "";
	struct err err;

	(void)state;
	assert_int_equal(gmem_init(&g, 2 * MIB, &err), 0);
	two = g;
	two.nr_regions = 2;
	two.regions[0].size = MIB;
	two.regions[1] = (struct gmem_region){
		.gpa = MIB, .size = MIB, .hva = g.regions[0].hva + MIB, .offset = MIB,
	};
	assert_null(gmem_ptr(&two, MIB - 2, 4));
	assert_true(gmem_write(&two, MIB - 2, "abcd", 4));
	assert_memory_equal((uint8_t *)g.map + MIB - 2, "abcd", 4);
	assert_true(gmem_read(&two, MIB - 2, buf, 4));
	assert_string_equal(buf, "abcd");
	assert_true(gmem_zero(&two, MIB - 1, 2));
	assert_memory_equal((uint8_t *)g.map + MIB - 2, "a\0\0d", 4);
	assert_false(gmem_write(&two, 2 * MIB - 1, "ab", 2));
	gmem_deinit(&g);
}

static void test_e820(void **state)
{
	static const uint64_t sizes[] = {
		MIB, MIB + 4096, 512 * MIB, GMEM_HOLE_START, GMEM_HOLE_START + 4096, 64 * GIB,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct e820_range map[GMEM_MAX_E820];
		uint64_t total = 0, end = 0;
		struct gmem g;
		struct err err;
		unsigned int n;

		assert_int_equal(gmem_init(&g, sizes[i], &err), 0);
		n = gmem_e820(&g, map);
		assert_in_range(n, 2, GMEM_MAX_E820);
		for (unsigned int j = 0; j < n; j++) {
			assert_true(map[j].addr >= end);
			assert_true(map[j].size);
			end = map[j].addr + map[j].size;
			total += map[j].size;
			if (map[j].type == E820_TYPE_RAM)
				assert_non_null(gmem_ptr(&g, map[j].addr, map[j].size));
		}
		assert_int_equal(total, sizes[i]);
		assert_int_equal(map[1].addr, 0x9fc00);
		assert_int_equal(map[1].size, 0x60400);
		assert_int_equal(map[1].type, E820_TYPE_RESERVED);
		gmem_deinit(&g);
	}
}

static void test_size_strings(void **state)
{
	static const struct {
		const char *str;
		int ok;
		uint64_t val;
	} rows[] = {
		{ "0", 1, 0 }, { "1", 1, 1 }, { "512M", 1, 512 * MIB }, { "1g", 1, GIB },
		{ "1GiB", 1, GIB }, { "3kB", 1, 3072 }, { "0x10", 1, 16 }, { "0xfK", 1, 15360 },
		{ "1T", 1, 1024 * GIB }, { "18446744073709551615", 1, UINT64_MAX },
		{ "0xffffffffffffffff", 1, UINT64_MAX }, { "16777215T", 1, 16777215ULL << 40 },
		{ "", 0, 0 }, { "M", 0, 0 }, { "-1", 0, 0 }, { "+1", 0, 0 }, { " 1", 0, 0 },
		{ "1 ", 0, 0 }, { "1.5G", 0, 0 }, { "1MM", 0, 0 }, { "1P", 0, 0 },
		{ "010", 0, 0 }, { "0x", 0, 0 }, { "0xg", 0, 0 }, { "1Gi", 0, 0 }, { "1iB", 0, 0 },
		{ "18446744073709551616", 0, 0 }, { "16777216T", 0, 0 }, { "1Mx", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t val = 42, back;
		const char *msg = size_parse(rows[i].str, &val);
		char str[SIZE_STR_MAX];

		if ((msg == NULL) != rows[i].ok || val != (rows[i].ok ? rows[i].val : 42))
			fail_msg("\"%s\": %s, %llu", rows[i].str, msg ? msg : "accepted",
				 (unsigned long long)val);
		size_format(val, str);
		assert_null(size_parse(str, &back));
		assert_int_equal(back, val);
	}
	{
		uint64_t val = 7;

		assert_null(number_parse("255", 255, &val));
		assert_int_equal(val, 255);
		assert_non_null(number_parse("256", 255, &val));
		assert_non_null(number_parse("1K", 4096, &val));
		assert_int_equal(val, 255);
	}
}

static void test_err(void **state)
{
	static char big[2 * ERR_MSG_MAX];
	struct err err;

	(void)state;
	assert_int_equal(err_set(&err, "a %d", 1), -1);
	err_prefix(&err, "b");
	assert_string_equal(err.msg, "b: a 1");
	memset(big, 'x', sizeof(big) - 1);
	err_set(&err, "%s", big);
	assert_int_equal(strlen(err.msg), ERR_MSG_MAX - 1);
	err_prefix(&err, "front");
	assert_int_equal(strlen(err.msg), ERR_MSG_MAX - 1);
	assert_memory_equal(err.msg, "front: xx", 9);
	err_prefix(&err, "%s", big);
	assert_int_equal(strlen(err.msg), ERR_MSG_MAX - 1);
	assert_int_equal(err_set(NULL, "dropped"), -1);
	assert_int_equal(err_prefix(NULL, "dropped"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_init_fails),
		cmocka_unit_test(test_ptr),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_copy_across),
		cmocka_unit_test(test_e820),
		cmocka_unit_test(test_size_strings),
		cmocka_unit_test(test_err),
	};

	return cmocka_run_group_tests_name("gmem", tests, NULL, NULL);
}
