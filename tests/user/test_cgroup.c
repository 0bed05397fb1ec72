// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Control groups: what users write, and which files are written, in a directory
 * that looks like the mount point. The kernel's own are the emulated hosts' part.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cgroup.h"

static char root[] = "/tmp/test_cgroup.XXXXXX";

static const char *path(const char *name)
{
	static char buf[256];

	snprintf(buf, sizeof(buf), "%s/%s", root, name);
	return buf;
}

static void make_file(const char *name)
{
	FILE *f = fopen(path(name), "w");

	assert_non_null(f);
	fclose(f);
}

static void assert_text(const char *name, const char *want)
{
	char text[64] = "";
	FILE *f = fopen(path(name), "r");

	assert_non_null(f);
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	fclose(f);
	assert_string_equal(text, want);
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(root) || mkdir(path("vm"), 0755) || mkdir(path("bare"), 0755))
		return -1;
	make_file("vm/cgroup.procs");
	make_file("vm/cpu.weight");
	make_file("vm/cpu.max");
	make_file("bare/cgroup.procs");
	return 0;
}

static int tear_down(void **state)
{
	static const char *const names[] = {
		"vm/cgroup.procs", "vm/cpu.weight", "vm/cpu.max", "bare/cgroup.procs", "vm",
		"bare", "",
	};
	int err = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		err |= remove(path(names[i]));
	return err;
}

static void test_paths(void **state)
{
	static const char *const good[] = {
		"vm", "/vm", "machine.slice/vm-1.scope", "/sys/fs/cgroup/a/", "a//b", "a..b", "...",
	};
	static const char *const bad[] = {
		"", "/", "//", ".", "..", "a/..", "../a", "a/./b", "/sys/fs/cgroup/../x",
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(cgroup_check_path(good[i], &err), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(cgroup_check_path(bad[i], &err), -1);
}

static void test_cpu_max(void **state)
{
	static const struct {
		const char *text;
		uint64_t quota, period;
		const char *error;
	} rows[] = {
		{ "50000", 50000, 100000, NULL },
		{ "150000/50000", 150000, 50000, NULL },
		{ "1000/1000", 1000, 1000, NULL },
		{ "1000/1000000", 1000, 1000000, NULL },
		{ "999", 0, 0, "a quota has 1000 to 4294967295000" },
		{ "0", 0, 0, "a quota has 1000 to 4294967295000" },
		{ "99999999999999", 0, 0, "a quota has 1000 to 4294967295000" },
		{ "5000/999", 0, 0, "a period has 1000 to 1000000" },
		{ "5000/1000001", 0, 0, "a period has 1000 to 1000000" },
		{ "", 0, 0, "expected a decimal" },
		{ "max", 0, 0, "expected a decimal" },
		{ "5000/", 0, 0, "expected a decimal" },
		{ "/5000", 0, 0, "expected a decimal" },
		{ "5000 100000", 0, 0, "expected a decimal" },
		{ "1.5", 0, 0, "expected a decimal" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t quota = 1, period = 2;
		struct err err = { "" };
		int ret = cpu_max_parse(rows[i].text, &quota, &period, &err);

		if (rows[i].error) {
			if (ret != -1 || !strstr(err.msg, rows[i].error))
				fail_msg("%s: %d %s", rows[i].text, ret, err.msg);
			assert_int_equal(quota, 1);
			assert_int_equal(period, 2);
		} else {
			assert_int_equal(ret, 0);
			assert_int_equal(quota, rows[i].quota);
			assert_int_equal(period, rows[i].period);
		}
	}
}

static void test_enter(void **state)
{
	char vm[] = "vm", whole[256];
	struct cgroup_config cfg = {
		.path = vm, .cpu_weight = 50, .cpu_quota = 150000, .cpu_period = 100000,
	};
	struct err err = { "" };
	struct cgroup *cg;

	(void)state;
	cg = cgroup_enter(&cfg, root, &err);
	assert_non_null(cg);
	cgroup_leave(cg);
	assert_text("vm/cgroup.procs", "0");
	assert_text("vm/cpu.weight", "50");
	assert_text("vm/cpu.max", "150000 100000");
	/* It was there before. */
	assert_int_equal(access(path("vm"), F_OK), 0);

	snprintf(whole, sizeof(whole), "%s//bare", root);
	cfg = (struct cgroup_config){ .path = whole };
	cg = cgroup_enter(&cfg, root, &err);
	assert_non_null(cg);
	cgroup_leave(cg);
	assert_text("bare/cgroup.procs", "0");
	cgroup_leave(NULL);
}

static void test_failures(void **state)
{
	static const struct {
		char path[16];
		unsigned int weight, quota;
		const char *error;
	} rows[] = {
		{ "bare", 1, 0, "the CPU controller is not enabled" },
		{ "bare", 0, 1000, "the CPU controller is not enabled" },
		{ "none/vm", 0, 0, "the one above it does not exist" },
		/* A directory that the kernel does not fill with files. */
		{ "new", 0, 0, "/new is not a cgroup" },
		{ "new", 5, 0, "the CPU controller is not enabled" },
		{ "vm/cpu.max/x", 0, 0, "Not a directory" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char name[sizeof(rows[i].path)];
		struct cgroup_config cfg = {
			.path = strcpy(name, rows[i].path), .cpu_weight = rows[i].weight,
			.cpu_quota = rows[i].quota, .cpu_period = CPU_PERIOD_DEFAULT,
		};
		struct err err = { "" };
		struct cgroup *cg = cgroup_enter(&cfg, root, &err);

		if (cg || !strstr(err.msg, rows[i].error))
			fail_msg("%s: %s", rows[i].path, err.msg);
	}
	assert_int_equal(access(path("new"), F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_cpu_max),
		cmocka_unit_test(test_enter),
		cmocka_unit_test(test_failures),
	};

	return cmocka_run_group_tests_name("cgroup", tests, set_up, tear_down);
}
