// SPDX-License-Identifier: GPL-2.0-or-later
/* CPUs of vCPU threads: what users write, and restricting a thread. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "affinity.h"

#define SET_SIZE	CPU_ALLOC_SIZE(AFFINITY_MAX_CPUS)

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		unsigned int vcpu;
		int ret;
		const char *cpus;	/* below 10, as digits */
	} rows[] = {
		{ "0", 0, 1, "0" },
		{ "0", 3, 1, "0" },
		{ "0,2-3", 1, 1, "023" },
		{ "3-3,1", 1, 1, "13" },
		{ "1,1,0-2", 0, 1, "012" },
		{ "0=0:1=2-3", 0, 1, "0" },
		{ "0=0:1=2-3", 1, 1, "23" },
		{ "0=0:1=2-3", 2, 0, "" },
		{ "3=0,4-5", 3, 1, "045" },
		{ "3=0,4-5", 0, 0, "" },
	};
	cpu_set_t *set = CPU_ALLOC(AFFINITY_MAX_CPUS);

	(void)state;
	assert_non_null(set);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err err = { "" };
		int ret = affinity_parse(rows[i].text, 4, rows[i].vcpu, set, &err);

		if (ret != rows[i].ret)
			fail_msg("%s: %d %s", rows[i].text, ret, err.msg);
		assert_int_equal(CPU_COUNT_S(SET_SIZE, set), strlen(rows[i].cpus));
		for (const char *c = rows[i].cpus; *c; c++)
			assert_true(CPU_ISSET_S(*c - '0', SET_SIZE, set));
		assert_true(affinity_parse(rows[i].text, 4, rows[i].vcpu, NULL, &err) >= 0);
	}
	assert_int_equal(affinity_parse("0-8191", 1, 0, set, NULL), 1);
	assert_int_equal(CPU_COUNT_S(SET_SIZE, set), 8192);
	CPU_FREE(set);
}

static void test_errors(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{ "", "\"\": expected a decimal" },
		{ "a", "\"a\": expected a decimal" },
		{ "0,", "\"\": expected a decimal" },
		{ "-1", "\"\": expected a decimal" },
		{ "1-", "\"\": expected a decimal" },
		{ "1-2-3", "\"2-3\": expected a decimal" },
		{ "3-2", "CPUs 3-2: the first is higher" },
		{ "8192", "CPU 8192: the highest is 8191" },
		{ "0:1", "\"0:1\": expected a decimal" },
		{ "0=", "\"\": expected a decimal" },
		{ "=0", "\"\": expected a decimal" },
		{ "4=0", "vCPU 4: the highest is 3" },
		{ "0=0:0=1", "vCPU 0 is named twice" },
		{ "0=0:", "\"\": expected VCPU=CPUS" },
		{ "0=0:1", "\"1\": expected VCPU=CPUS" },
		{ "0=0=1", "\"0=1\": expected a decimal" },
		{ "1=0:2=x", "\"x\": expected a decimal" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err err = { "" };
		int ret = affinity_parse(rows[i].text, 4, 1, NULL, &err);

		if (ret != -1 || !strstr(err.msg, rows[i].error))
			fail_msg("\"%s\": %d \"%s\"", rows[i].text, ret, err.msg);
	}
}

static void test_apply(void **state)
{
	cpu_set_t *before = CPU_ALLOC(AFFINITY_MAX_CPUS), *now = CPU_ALLOC(AFFINITY_MAX_CPUS);
	unsigned int cpu = 0;
	struct err err = { "" };
	char text[64];

	(void)state;
	assert_non_null(before);
	assert_non_null(now);
	assert_true(sched_getaffinity(0, SET_SIZE, before) >= 0);
	while (!CPU_ISSET_S(cpu, SET_SIZE, before))
		cpu++;

	snprintf(text, sizeof(text), "1=%u", cpu);
	assert_int_equal(affinity_apply(text, 2, 0, &err), 0);
	CPU_ZERO_S(SET_SIZE, now);
	assert_true(sched_getaffinity(0, SET_SIZE, now) >= 0);
	assert_true(CPU_EQUAL_S(SET_SIZE, before, now));

	assert_int_equal(affinity_apply(text, 2, 1, &err), 0);
	CPU_ZERO_S(SET_SIZE, now);
	assert_true(sched_getaffinity(0, SET_SIZE, now) >= 0);
	assert_int_equal(CPU_COUNT_S(SET_SIZE, now), 1);
	assert_true(CPU_ISSET_S(cpu, SET_SIZE, now));

	assert_int_equal(affinity_apply("8191", 2, 0, &err), -1);
	assert_non_null(strstr(err.msg, "cannot restrict vCPU 0 to CPUs \"8191\""));
	snprintf(text, sizeof(text), "%u,8191", cpu);
	assert_int_equal(affinity_apply(text, 2, 0, &err), -1);
	assert_non_null(strstr(err.msg, "offline or not allowed"));

	assert_int_equal(sched_setaffinity(0, SET_SIZE, before), 0);
	CPU_FREE(before);
	CPU_FREE(now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_apply),
	};

	return cmocka_run_group_tests_name("affinity", tests, NULL, NULL);
}
