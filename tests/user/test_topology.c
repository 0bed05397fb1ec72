// SPDX-License-Identifier: GPL-2.0-or-later
/* Sockets, cores, threads: what users write, APIC IDs, what CPUID tells of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "topology.h"

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		unsigned int sockets, cores, threads;
	} rows[] = {
		{ "1", 1, 1, 1 },
		{ "4", 1, 4, 1 },
		{ "255", 1, 255, 1 },
		{ "8,sockets=2", 2, 4, 1 },
		{ "8,threads=2", 1, 4, 2 },
		{ "8,cores=2", 4, 2, 1 },
		{ "8,cores=1", 8, 1, 1 },
		{ "8,cores=2,sockets=2", 2, 2, 2 },
		{ "8,threads=2,cores=2,sockets=2", 2, 2, 2 },
		{ "6,sockets=2,threads=1", 2, 3, 1 },
		{ "6,cores=3,threads=2", 1, 3, 2 },
		{ "0x10,sockets=0x4", 4, 4, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cpu_topology t;
		struct err err = { "" };

		if (topology_parse(rows[i].text, &t, &err))
			fail_msg("%s: %s", rows[i].text, err.msg);
		if (t.sockets != rows[i].sockets || t.cores != rows[i].cores ||
		    t.threads != rows[i].threads)
			fail_msg("%s: %u, %u, %u", rows[i].text, t.sockets, t.cores, t.threads);
	}
}

static void test_errors(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{ "", "\"\": expected a decimal" },
		{ "0", "expected 1 to 255 CPUs" },
		{ "256", "expected 1 to 255 CPUs" },
		{ "-1", "expected a decimal" },
		{ "4,", "\"\": expected sockets=" },
		{ "4,,cores=2", "\"\": expected sockets=" },
		{ "4,2", "\"2\": expected sockets=" },
		{ "4,dies=2", "\"dies=2\": expected sockets=" },
		{ "4,core=2", "\"core=2\": expected sockets=" },
		{ "4,cores=", "\"cores=\": expected a decimal" },
		{ "4,cores=0", "\"cores=0\": expected at least 1" },
		{ "4,cores=256", "\"cores=256\"" },
		{ "4,cores=2,cores=2", "cores= is given twice" },
		{ "4,cores= 2", "\"cores= 2\": expected a decimal" },
		{ "4,cores=3", "1 sockets of 3 cores of 1 threads are 3 CPUs, not 4" },
		{ "4,sockets=2,cores=2,threads=2", "are 8 CPUs, not 4" },
		{ "4,sockets=255,cores=255,threads=255", "not 4" },
		/* Three cores take two bits: the last socket is 63, ID 252 + 2. */
		{ "192,cores=3", NULL },
		{ "195,cores=3", "need APIC IDs up to 258; 254 is the highest" },
		{ "255,cores=5", "need APIC IDs up to" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cpu_topology t = { 7, 8, 9 };
		struct err err = { "" };
		int ret = topology_parse(rows[i].text, &t, &err);

		if (!rows[i].error) {
			assert_int_equal(ret, 0);
			continue;
		}
		if (!ret || !strstr(err.msg, rows[i].error))
			fail_msg("%s: %s", rows[i].text, ret ? err.msg : "no error");
		assert_int_equal(t.sockets * 100 + t.cores * 10 + t.threads, 789);
	}
}

/* ---- CPUID, read as the manuals say ---------------------------------------- */

#define VENDOR_INTEL	{ .function = 0, .ebx = 0x756e6547, .ecx = 0x6c65746e, .edx = 0x49656e69 }
#define VENDOR_AMD	{ .function = 0, .ebx = 0x68747541, .ecx = 0x444d4163, .edx = 0x69746e65 }
#define LEAF(f)		{ .function = (f) }
#define SUBLEAF(f, i, a) { .function = (f), .index = (i), .flags = HOLM_CPUID_INDEX, .eax = (a) }

static const struct holm_cpuid_entry intel[] = {
	VENDOR_INTEL,
	{ .function = 1, .ebx = 0xff010800, .edx = 0x178bfbff },
	SUBLEAF(4, 0, 0x121), SUBLEAF(4, 1, 0x122), SUBLEAF(4, 2, 0x143), SUBLEAF(4, 3, 0x163),
	SUBLEAF(4, 4, 0),
	SUBLEAF(0xb, 0, 0), SUBLEAF(0xb, 1, 0), SUBLEAF(0x1f, 0, 0), SUBLEAF(0x1f, 1, 0),
	LEAF(0x80000001), LEAF(0x80000008),
};

static const struct holm_cpuid_entry amd[] = {
	VENDOR_AMD,
	{ .function = 1, .ebx = 0x00ff0800, .edx = 0x078bfbff },
	SUBLEAF(0xb, 0, 0), SUBLEAF(0xb, 1, 0),
	{ .function = 0x80000001, .ecx = 0x00400001 }, LEAF(0x80000008),
	SUBLEAF(0x8000001d, 0, 0x121), SUBLEAF(0x8000001d, 1, 0x122),
	SUBLEAF(0x8000001d, 2, 0x143), SUBLEAF(0x8000001d, 3, 0x163),
	LEAF(0x8000001e),
};

static const struct holm_cpuid_entry *leaf(const struct holm_cpuid_entry *e, unsigned int n,
					   uint32_t function, uint32_t index)
{
	while (n--)
		if (e[n].function == function && e[n].index == index)
			return &e[n];
	fail_msg("no leaf %x.%x", function, index);
	return NULL;
}

/* SDM Vol. 3, "Hierarchical Mapping of CPUID Extended Topology Leaf". */
static void check_levels(const struct cpu_topology *t, const struct holm_cpuid_entry *e,
			 unsigned int n, uint32_t function, unsigned int index, uint32_t id)
{
	const struct holm_cpuid_entry *smt = leaf(e, n, function, 0);
	const struct holm_cpuid_entry *core = leaf(e, n, function, 1);

	assert_int_equal(smt->ecx, 0x100);
	assert_int_equal(core->ecx, 0x201);
	assert_int_equal(smt->ebx, t->threads);
	assert_int_equal(core->ebx, t->cores * t->threads);
	assert_int_equal(id & ((1U << smt->eax) - 1), index % t->threads);
	assert_int_equal((id & ((1U << core->eax) - 1)) >> smt->eax,
			 index / t->threads % t->cores);
	assert_int_equal(id >> core->eax, index / t->threads / t->cores);
}

/* SDM Vol. 2, "CPUID", leaf 04H: IDs that differ above share nothing. */
static void check_cache(const struct holm_cpuid_entry *e, uint32_t id, uint32_t other, bool shared)
{
	uint32_t ids = (e->eax >> 14 & 0xfff) + 1;

	assert_int_equal(ids & (ids - 1), 0);
	assert_int_equal(id / ids == other / ids, shared);
}

static void check_cpus(const struct cpu_topology *t, const struct holm_cpuid_entry *from,
		       unsigned int n, bool is_amd)
{
	unsigned int cpus = topology_cpus(t), in_socket = t->cores * t->threads, i, j;
	struct holm_cpuid_entry e[16];
	uint32_t last = 0;

	for (i = 0; i < cpus; i++) {
		uint32_t id = topology_apic_id(t, i);
		const struct holm_cpuid_entry *l;

		memcpy(e, from, n * sizeof(*e));
		topology_cpuid(t, i, e, n);
		assert_true(!i || id > last);
		last = id;
		check_levels(t, e, n, 0xb, i, id);

		l = leaf(e, n, 1, 0);
		assert_int_equal(!!(l->edx & 1U << 28), in_socket > 1);
		assert_int_equal(l->ebx & 0xff00ffff, from[1].ebx & 0xff00ffff);
		if (is_amd) {
			assert_int_equal(l->ebx >> 16 & 0xff, in_socket);
			l = leaf(e, n, 0x80000008, 0);
			assert_int_equal((l->ecx & 0xff) + 1, in_socket);
			assert_int_equal(id >> (l->ecx >> 12 & 15), i / in_socket);
			l = leaf(e, n, 0x8000001e, 0);
			assert_int_equal((l->ebx >> 8 & 0xff) + 1, t->threads);
			assert_int_equal(l->ebx & 0xff, i / t->threads % t->cores);
			assert_int_equal(l->ecx, i / in_socket);
			l = leaf(e, n, 0x80000001, 0);
			assert_int_equal(l->ecx, 0x00400001 | (t->cores > 1 ? 2 : 0));
		} else {
			check_levels(t, e, n, 0x1f, i, id);
			assert_true((l->ebx >> 16 & 0xff) >= (in_socket > 128 ? 128 : in_socket));
			assert_int_equal(leaf(e, n, 4, 4)->eax, 0);
			assert_int_equal(leaf(e, n, 0x80000001, 0)->ecx, 0);
			assert_int_equal(leaf(e, n, 0x80000008, 0)->ecx, 0);
		}
		for (j = 0; j < cpus; j++) {
			uint32_t other = topology_apic_id(t, j);
			uint32_t function = is_amd ? 0x8000001d : 4;

			check_cache(leaf(e, n, function, 0), id, other,
				    i / t->threads == j / t->threads);
			check_cache(leaf(e, n, function, 2), id, other,
				    i / t->threads == j / t->threads);
			check_cache(leaf(e, n, function, 3), id, other,
				    i / in_socket == j / in_socket);
		}
	}
}

static void test_cpuid(void **state)
{
	static const struct cpu_topology rows[] = {
		{ 1, 1, 1 }, { 1, 2, 1 }, { 1, 4, 1 }, { 2, 1, 1 }, { 1, 1, 2 }, { 2, 2, 2 },
		{ 2, 3, 1 }, { 3, 3, 2 }, { 1, 6, 2 }, { 4, 5, 3 }, { 16, 1, 1 }, { 1, 64, 1 },
		{ 1, 128, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		check_cpus(&rows[i], intel, sizeof(intel) / sizeof(intel[0]), false);
		check_cpus(&rows[i], amd, sizeof(amd) / sizeof(amd[0]), true);
	}
}

/* Fields that are too narrow hold their highest value. */
static void test_saturation(void **state)
{
	struct holm_cpuid_entry e[sizeof(intel) / sizeof(intel[0])];
	struct cpu_topology t = { 1, 255, 1 };

	(void)state;
	memcpy(e, intel, sizeof(e));
	topology_cpuid(&t, 0, e, sizeof(e) / sizeof(e[0]));
	assert_int_equal(leaf(e, sizeof(e) / sizeof(e[0]), 1, 0)->ebx >> 16 & 0xff, 255);
	assert_int_equal(leaf(e, sizeof(e) / sizeof(e[0]), 4, 0)->eax >> 26, 63);
	assert_int_equal(leaf(e, sizeof(e) / sizeof(e[0]), 0xb, 1)->ebx, 255);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_cpuid),
		cmocka_unit_test(test_saturation),
	};

	return cmocka_run_group_tests_name("topology", tests, NULL, NULL);
}
