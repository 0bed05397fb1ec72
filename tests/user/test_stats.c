// SPDX-License-Identifier: GPL-2.0-or-later
/* Statistics: what two looks say, in which order, and as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json.h"
#include "stats.h"
#include "stats_json.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define NS		1000000000ULL
#define EXITS		0
#define HALTS		(HOLM_A_VCPU_HALTS - HOLM_A_VCPU_EXITS)

/* A look of which the arrays are the caller's. */
static struct stats_sample sample(uint64_t time_ns, struct holm_vm_info *vms, size_t n_vms,
				  struct holm_vcpu_info *vcpus, size_t n_vcpus)
{
	struct stats_sample s = {
		.time_ns = time_ns, .vms = vms, .n_vms = n_vms, .vcpus = vcpus,
		.n_vcpus = n_vcpus,
	};

	stats_order(&s);
	return s;
}

/* In hundredths, of what is never on the edge between two. */
static int hundredths(double value)
{
	return (int)(value * 100 + 0.5);
}

static void test_rates(void **state)
{
	struct holm_vm_info vms[] = {
		{ .id = 1, .vcpus = 2, .has_stats = true, .stats = true, .resident = 4096,
		  .exits = 99, .name = "a" },
		{ .id = 2, .vcpus = 1, .name = "new" },
	};
	/* In an order that is not that of their numbers. */
	struct holm_vcpu_info then[] = {
		{ .vm = 1, .index = 1, .counter = { [EXITS] = 50, [HALTS] = 5 }, .has_times = true,
		  .guest_ns = NS, .has_reasons = true, .by_reason = { [HOLM_EXIT_REASON_IO] = 7 } },
		{ .vm = 1, .index = 0, .counter = { [EXITS] = 1000 }, .has_times = true,
		  .has_reasons = true },
	};
	struct holm_vcpu_info now[] = {
		{ .vm = 1, .index = 0, .counter = { [EXITS] = 3000 }, .has_times = true,
		  .guest_ns = 2 * NS, .kernel_ns = NS / 2, .user_ns = NS / 4, .halted_ns = NS / 8,
		  .has_reasons = true, .by_reason = { [HOLM_EXIT_REASON_HLT] = 20 } },
		{ .vm = 1, .index = 1, .counter = { [EXITS] = 70, [HALTS] = 9 }, .has_times = true,
		  .guest_ns = 2 * NS, .has_reasons = true,
		  .by_reason = { [HOLM_EXIT_REASON_IO] = 27 } },
		{ .vm = 2, .index = 0, .counter = { [EXITS] = 5000 } },
	};
	struct stats_sample before = sample(10 * NS, vms, 1, then, ARRAY_SIZE(then));
	struct stats_sample after = sample(12 * NS, vms, 2, now, ARRAY_SIZE(now));
	struct stats_row rows[2];

	(void)state;
	stats_rows(&before, &after, rows);
	assert_int_equal(rows[0].vm, 1);
	assert_string_equal(rows[0].name, "a");
	assert_int_equal(rows[0].exits, 99);
	assert_int_equal(rows[0].resident, 4096);
	assert_true(rows[0].has_rates);
	assert_int_equal(hundredths(rows[0].exits_rate), 101000);
	assert_int_equal(hundredths(rows[0].halts_rate), 200);
	/* 3 s in the guest, of two vCPUs for 2 s. */
	assert_true(rows[0].has_shares);
	assert_int_equal(hundredths(rows[0].guest), 75);
	assert_int_equal(hundredths(rows[0].kernel), 13);
	assert_int_equal(hundredths(rows[0].user), 6);
	assert_int_equal(hundredths(rows[0].halted), 3);
	assert_true(rows[0].has_reasons);
	assert_int_equal(hundredths(rows[0].reason_rate[HOLM_EXIT_REASON_IO]), 1000);
	assert_int_equal(hundredths(rows[0].reason_rate[HOLM_EXIT_REASON_HLT]), 1000);
	/* Of one that was not there before nothing is known. */
	assert_int_equal(rows[1].vm, 2);
	assert_false(rows[1].has_rates);
	assert_false(rows[1].has_shares);
	assert_false(rows[1].has_reasons);
}

/* Counters that began anew, vCPUs that came, statistics that are off, no time at all. */
static void test_odd_rates(void **state)
{
	struct holm_vm_info vms[] = {
		{ .id = 1, .vcpus = 1, .has_stats = true, .stats = true },
		{ .id = 2, .vcpus = 1, .has_stats = true, .stats = false },
		{ .id = 3, .vcpus = 0 },
	};
	struct holm_vcpu_info then[] = {
		{ .vm = 1, .counter = { [EXITS] = 1000 }, .has_times = true, .guest_ns = NS },
		{ .vm = 2, .has_times = true },
	};
	struct holm_vcpu_info now[] = {
		{ .vm = 1, .counter = { [EXITS] = 10 }, .has_times = true, .guest_ns = 9 * NS },
		{ .vm = 1, .index = 1, .counter = { [EXITS] = 5 } },
		{ .vm = 2, .has_times = true, .guest_ns = NS, .has_reasons = true,
		  .by_reason = { 5 } },
	};
	struct stats_sample before = sample(NS, vms, 3, then, ARRAY_SIZE(then));
	struct stats_sample after = sample(2 * NS, vms, 3, now, ARRAY_SIZE(now));
	struct stats_sample none = { 0 };
	struct stats_row rows[3];

	(void)state;
	stats_rows(&before, &after, rows);
	assert_int_equal(hundredths(rows[0].exits_rate), 1500);
	/* More than there was: not looked at in one moment. */
	assert_int_equal(hundredths(rows[0].guest), 100);
	assert_false(rows[1].has_shares);
	assert_false(rows[1].has_reasons);
	assert_true(rows[2].has_rates);
	assert_int_equal(hundredths(rows[2].guest), 0);

	before.time_ns = after.time_ns;
	stats_rows(&before, &after, rows);
	assert_false(rows[0].has_rates);
	before.time_ns = after.time_ns + 1;
	stats_rows(&before, &after, rows);
	assert_false(rows[0].has_rates);
	stats_rows(&none, &after, rows);
	assert_false(rows[0].has_rates);
	stats_rows(&before, &none, rows);
	stats_clear(&none);
}

static void test_sort(void **state)
{
	const struct stats_row unsorted[] = {
		{ .vm = 4, .name = "m", .exits_rate = 5, .guest = 0.5, .halted = 0, .halts_rate = 1,
		  .resident = 10 },
		{ .vm = 3, .name = "z", .exits_rate = 5, .guest = 0.9, .halted = 0.1,
		  .halts_rate = 3, .resident = 20 },
		{ .vm = 9, .name = "a", .exits_rate = 7, .guest = 0.1, .halted = 0.9,
		  .halts_rate = 2, .resident = 15 },
	};
	const struct {
		const char *key;
		uint32_t vms[3];
	} tests[] = {
		{ "exits", { 9, 3, 4 } }, { "guest", { 3, 4, 9 } }, { "halted", { 9, 3, 4 } },
		{ "halts", { 3, 9, 4 } }, { "resident", { 3, 9, 4 } }, { "name", { 9, 4, 3 } },
	};

	(void)state;
	assert_int_equal(ARRAY_SIZE(tests), STATS_KEYS);
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
		int key = stats_key_parse(tests[i].key);
		struct stats_row rows[3];

		assert_true(key >= 0);
		assert_string_equal(stats_key_name((enum stats_key)key), tests[i].key);
		memcpy(rows, unsorted, sizeof(rows));
		stats_sort(rows, 3, (enum stats_key)key);
		for (size_t r = 0; r < 3; r++)
			assert_int_equal(rows[r].vm, tests[i].vms[r]);
	}
	assert_int_equal(stats_key_parse("exit"), -1);
	assert_int_equal(stats_key_parse(""), -1);
	stats_sort(NULL, 0, STATS_BY_NAME);
}

static void test_reasons(void **state)
{
	struct holm_vm_info vms[] = { { .id = 1 }, { .id = 2 } };
	struct holm_stats_info then[] = {
		{ .vm = 1, .vcpu = 0, .reason = HOLM_EXIT_REASON_IO, .count = 10 },
	};
	struct holm_stats_info now[] = {
		{ .vm = 2, .vcpu = 0, .reason = HOLM_EXIT_REASON_IO, .count = 1000 },
		{ .vm = 1, .vcpu = 1, .reason = HOLM_EXIT_REASON_IO, .count = 5, .time_ns = 50,
		  .histogram = { [3] = 5 } },
		{ .vm = 1, .vcpu = 0, .reason = HOLM_EXIT_REASON_HLT, .count = 100,
		  .time_ns = 1000, .histogram = { [39] = 100 } },
		{ .vm = 1, .vcpu = 0, .reason = HOLM_EXIT_REASON_IO, .count = 30, .time_ns = 70,
		  .histogram = { [2] = 10, [3] = 20 } },
		/* Of a newer module. */
		{ .vm = 1, .vcpu = 0, .reason = 77, .count = 1 },
	};
	struct stats_sample before = { .time_ns = NS, .vms = vms, .n_vms = 2, .stats = then,
				       .n_stats = 1 };
	struct stats_sample after = { .time_ns = 3 * NS, .vms = vms, .n_vms = 2, .stats = now,
				      .n_stats = ARRAY_SIZE(now) };
	struct stats_reason reasons[HOLM_EXIT_REASONS];
	struct stats_sample none = { 0 };

	(void)state;
	stats_order(&after);
	assert_int_equal(stats_reasons(&before, &after, 1, reasons), 3);
	assert_int_equal(reasons[0].reason, HOLM_EXIT_REASON_HLT);
	assert_int_equal(reasons[0].count, 100);
	assert_int_equal(reasons[1].reason, HOLM_EXIT_REASON_IO);
	assert_int_equal(reasons[1].count, 35);
	assert_int_equal(reasons[1].time_ns, 120);
	assert_int_equal(reasons[1].histogram[2], 10);
	assert_int_equal(reasons[1].histogram[3], 25);
	/* 20 of the first vCPU, 5 of the one that has none before, in 2 s. */
	assert_true(reasons[1].has_rate);
	assert_int_equal(hundredths(reasons[1].rate), 1250);
	assert_string_equal(holm_exit_reason_name(reasons[2].reason), "?");
	assert_int_equal(stats_reasons(&before, &after, 3, reasons), 0);
	assert_int_equal(stats_reasons(&none, &after, 1, reasons), 3);
	assert_false(reasons[0].has_rate);
}

static void test_percentile(void **state)
{
	const struct {
		uint64_t histogram[HOLM_HISTOGRAM_LEN];
		unsigned int percent;
		uint64_t ns;
	} rows[] = {
		{ { 0 }, 50, 0 },
		{ { [10] = 100 }, 50, 1536 },		/* the middle of 1024 to 2048 */
		{ { [10] = 100 }, 100, 2048 },
		{ { [0] = 4 }, 50, 1 },			/* of 0 to 2 */
		{ { [0] = 4 }, 100, 2 },
		{ { [3] = 99, [20] = 1 }, 50, 12 },
		{ { [3] = 99, [20] = 1 }, 99, 16 },
		{ { [3] = 98, [20] = 2 }, 99, 1572864 },
		{ { [3] = 1, [39] = 99 }, 99, 1ULL << 39 },
		{ { [39] = 1 }, 50, 1ULL << 39 },
		{ { [38] = UINT64_MAX, [39] = UINT64_MAX }, 99, 1ULL << 39 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(stats_percentile(rows[i].histogram, rows[i].percent), rows[i].ns);
	assert_int_equal(stats_mean(100, 8), 12);
	assert_int_equal(stats_mean(100, 0), 0);
}

static void test_numbers(void **state)
{
	const struct {
		double rate;
		const char *text;
	} rates[] = {
		{ 0, "0" }, { 0.4, "0" }, { 12.6, "13" }, { 999.4, "999" }, { 999.6, "1.0k" },
		{ 1234, "1.2k" }, { 999940, "999.9k" }, { 999951, "1.0M" }, { 2.5e9, "2.5G" },
		{ 1e13, "10000.0G" },
	};
	const struct {
		uint64_t ns;
		const char *text;
	} times[] = {
		{ 0, "0ns" }, { 999, "999ns" }, { 1000, "1.0us" }, { 999949, "999.9us" },
		{ 999951, "1.0ms" }, { 1500000000, "1.5s" }, { 549755813888ULL, "549.8s" },
	};
	char buf[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rates); i++)
		assert_string_equal(stats_rate_text(rates[i].rate, buf, sizeof(buf)),
				    rates[i].text);
	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		assert_string_equal(stats_time_text(times[i].ns, buf, sizeof(buf)), times[i].text);
}

static void test_lines(void **state)
{
	struct stats_row row = {
		.name = "web", .state = HOLM_VM_STATE_PAUSED, .vcpus = 2, .resident = 1536 * 1024,
		.has_rates = true, .exits_rate = 1234, .halts_rate = 7, .has_shares = true,
		.guest = 0.754, .halted = 0.031, .has_reasons = true,
		.reason_rate = { [HOLM_EXIT_REASON_IO] = 900, [HOLM_EXIT_REASON_HLT] = 7,
				 [HOLM_EXIT_REASON_CPUID] = 8, [HOLM_EXIT_REASON_CR] = 1,
				 [HOLM_EXIT_REASON_DR] = 2 },
	};
	const struct stats_reason reason = {
		.reason = HOLM_EXIT_REASON_IO, .count = 4, .time_ns = 6144, .has_rate = true,
		.rate = 2, .histogram = { [10] = 4 },
	};
	char line[STATS_LINE];

	(void)state;
	stats_row_line(&row, line);
	assert_string_equal(line, "    1.2k  75.4%   3.1%        7     1.5M     2  paused    web              io 900, cpuid 8, hlt 7, dr 2");
	stats_header_line(line);
	assert_string_equal(line, " EXITS/S  GUEST HALTED  HALTS/S RESIDENT VCPUS  STATE     NAME             REASONS (/S)");
	stats_reason_line(&reason, line);
	assert_string_equal(line, "io                            4        2     6.1us     1.5us     1.5us     2.0us");

	/* What nothing is known of, and the longest there can be. */
	row.has_rates = row.has_shares = row.has_reasons = false;
	row.name[0] = '\0';
	stats_row_line(&row, line);
	assert_string_equal(line, "       -      -      -        -     1.5M     2  paused    -                -");
	memset(row.name, 'x', HOLM_NAME_MAX);
	row.has_rates = row.has_shares = row.has_reasons = true;
	row.exits_rate = row.halts_rate = 1e19;
	row.resident = UINT64_MAX;
	row.vcpus = UINT32_MAX;
	for (size_t i = 0; i < HOLM_EXIT_REASONS; i++)
		row.reason_rate[i] = 1e19;
	stats_row_line(&row, line);
	assert_in_range(strlen(line), 100, STATS_LINE - 1);
}

static void test_histogram(void **state)
{
	char lines[HOLM_HISTOGRAM_LEN][STATS_LINE];
	uint64_t histogram[HOLM_HISTOGRAM_LEN] = { [10] = 100, [12] = 50, [13] = 1 };

	(void)state;
	assert_int_equal(stats_histogram_lines(histogram, 58, lines), 4);
	assert_string_equal(lines[0], "  1.0us-2.0us            100 |####################");
	assert_string_equal(lines[1], "  2.0us-4.1us              0 |");
	assert_string_equal(lines[2], "  4.1us-8.2us             50 |##########");
	assert_string_equal(lines[3], "  8.2us-16.4us             1 |#");

	memset(histogram, 0, sizeof(histogram));
	assert_int_equal(stats_histogram_lines(histogram, 80, lines), 0);

	/* The first and the last bucket, and widths that are none. */
	histogram[0] = 1;
	histogram[39] = UINT64_MAX;
	assert_int_equal(stats_histogram_lines(histogram, 0, lines), HOLM_HISTOGRAM_LEN);
	assert_string_equal(lines[0], "    0ns-2ns                1 |#");
	assert_string_equal(lines[39], " 549.8s-longer  18446744073709551615 |##########");
	assert_int_equal(stats_histogram_lines(histogram, 100000, lines), HOLM_HISTOGRAM_LEN);
	for (size_t i = 0; i < HOLM_HISTOGRAM_LEN; i++)
		assert_in_range(strlen(lines[i]), 1, STATS_LINE - 1);
}

static double get_double(struct json_object *o, const char *key)
{
	struct json_object *member;

	assert_true(json_object_object_get_ex(o, key, &member));
	return json_object_get_double(member);
}

static void test_json(void **state)
{
	struct holm_vm_info vm = { .id = 1, .vcpus = 1, .has_stats = true, .stats = true,
				   .name = "web", .state = HOLM_VM_STATE_RUNNING, .exits = 500 };
	struct holm_vcpu_info then = { .vm = 1, .has_times = true };
	struct holm_vcpu_info now = { .vm = 1, .counter = { [EXITS] = 300 }, .has_times = true,
				      .guest_ns = NS };
	struct holm_stats_info stats = { .vm = 1, .reason = HOLM_EXIT_REASON_IO, .count = 4,
					 .time_ns = 6144, .histogram = { [10] = 4 } };
	struct stats_sample before = sample(NS, &vm, 1, &then, 1);
	struct stats_sample after = sample(3 * NS, &vm, 1, &now, 1);
	struct stats_sample none = { 0 };
	struct json_object *root, *vms, *o, *reasons, *member;
	struct stats_row row;

	(void)state;
	after.stats = &stats;
	after.n_stats = 1;
	stats_rows(&before, &after, &row);
	root = stats_json(&before, &after, &row);
	assert_non_null(root);
	assert_true((uint64_t)get_double(root, "time_ns") == 3 * NS);
	assert_true((uint64_t)get_double(root, "interval_ns") == 2 * NS);
	assert_true(json_object_object_get_ex(root, "vms", &vms));
	assert_int_equal(json_object_array_length(vms), 1);
	o = json_object_array_get_idx(vms, 0);
	assert_int_equal(hundredths(get_double(o, "exits_per_second")), 15000);
	assert_int_equal(hundredths(get_double(o, "guest_share")), 50);
	assert_int_equal((int)get_double(o, "exits"), 500);
	assert_true(json_object_object_get_ex(o, "state", &member));
	assert_string_equal(json_object_get_string(member), "running");
	assert_true(json_object_object_get_ex(o, "reasons", &reasons));
	o = json_object_array_get_idx(reasons, 0);
	assert_true(json_object_object_get_ex(o, "reason", &member));
	assert_string_equal(json_object_get_string(member), "io");
	assert_int_equal((int)get_double(o, "p50_ns"), 1536);
	assert_int_equal((int)get_double(o, "mean_ns"), 1536);
	assert_true(json_object_object_get_ex(o, "histogram", &member));
	assert_int_equal(json_object_array_length(member), HOLM_HISTOGRAM_LEN);
	json_object_put(root);

	/* Without a look before there are no rates, and no keys for them. */
	stats_rows(&none, &after, &row);
	root = stats_json(&none, &after, &row);
	assert_non_null(root);
	assert_true(json_object_object_get_ex(root, "vms", &vms));
	o = json_object_array_get_idx(vms, 0);
	assert_false(json_object_object_get_ex(o, "exits_per_second", &member));
	assert_false(json_object_object_get_ex(o, "guest_share", &member));
	json_object_put(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_odd_rates),
		cmocka_unit_test(test_sort),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_percentile),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_histogram),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
