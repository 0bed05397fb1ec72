// SPDX-License-Identifier: GPL-2.0-or-later
/* CPU features: what users write, and what is left of a CPUID table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cpu_features.h"

#define SUB(f, i)	.function = (f), .index = (i), .flags = HOLM_CPUID_INDEX

/* A CPU that has everything, and AVX-512 state. */
static const struct holm_cpuid_entry all[] = {
	{ .function = 0, .eax = 0xd },
	{ .function = 1, .ecx = ~0U, .edx = ~0U },
	{ SUB(7, 0), .ebx = ~0U, .ecx = ~0U, .edx = ~0U },
	{ SUB(7, 1), .eax = ~0U, .edx = ~0U },
	{ SUB(0xd, 0), .eax = 0xe7, .ebx = 2696, .ecx = 2696 },
	{ SUB(0xd, 1), .eax = 0xf },
	{ SUB(0xd, 2), .eax = 256, .ebx = 576 },
	{ SUB(0xd, 5), .eax = 64, .ebx = 1088 },
	{ SUB(0xd, 6), .eax = 512, .ebx = 1152 },
	{ SUB(0xd, 7), .eax = 1024, .ebx = 1664 },
	{ .function = 0x40000000, .eax = 0x40000010, .ebx = 0x4b4d564b, .ecx = 0x564b4d56,
	  .edx = 0x4d },
	{ .function = 0x40000001, .eax = ~0U },
	{ .function = 0x40000010, .eax = 2000000, .ebx = 1000000 },
	{ .function = 0x80000001, .ecx = ~0U, .edx = ~0U },
	{ .function = 0x80000007, .edx = 0x100 },
	{ .function = 0x80000008, .ebx = ~0U },
};

#define NENT	(sizeof(all) / sizeof(all[0]))

struct cpu {
	struct holm_cpuid_entry e[NENT];
	unsigned int n;
};

static struct cpu full_cpu(void)
{
	struct cpu cpu = { .n = NENT };

	memcpy(cpu.e, all, sizeof(all));
	return cpu;
}

static const struct holm_cpuid_entry *leaf(const struct cpu *cpu, uint32_t function, uint32_t index)
{
	for (unsigned int i = 0; i < cpu->n; i++)
		if (cpu->e[i].function == function && cpu->e[i].index == index)
			return &cpu->e[i];
	return NULL;
}

static void apply(struct cpu *cpu, const char *text)
{
	struct err err = { "" };

	*cpu = full_cpu();
	if (cpu_features_apply(text, cpu->e, &cpu->n, &err))
		fail_msg("%s: %s", text, err.msg);
}

static void test_errors(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{ "", "\"\": expected FEATURE=on, FEATURE=off or model=MODEL" },
		{ "avx", "\"avx\": expected FEATURE=on" },
		{ "avx=off,", "\"\": expected FEATURE=on" },
		{ "avx3=off", "\"avx3\": there is no CPU feature of this name" },
		{ "AVX=off", "\"AVX\": there is no CPU feature" },
		{ "avx=no", "\"avx=no\": expected on or off" },
		{ "avx=", "\"avx=\": expected on or off" },
		{ "avx=off,avx=off", "avx= is given twice" },
		{ "model=x", "\"x\": expected the model host" },
		{ "model=", "expected the model host" },
		{ "model=host,model=host", "model= is given twice" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cpu cpu = full_cpu();
		struct err err = { "" };

		if (!cpu_features_check(rows[i].text, &err) || !strstr(err.msg, rows[i].error))
			fail_msg("%s: %s", rows[i].text, err.msg);
		assert_int_equal(cpu_features_apply(rows[i].text, cpu.e, &cpu.n, &err), -1);
		assert_memory_equal(cpu.e, all, sizeof(all));
	}
}

static void test_one_off(void **state)
{
	struct cpu cpu;

	(void)state;
	apply(&cpu, "pcid=off");
	assert_int_equal(leaf(&cpu, 1, 0)->ecx, ~(1U << 17));
	apply(&cpu, "model=host,rdrand=on");
	assert_int_equal(cpu.n, NENT);
	assert_memory_equal(cpu.e, all, sizeof(all));
	/* AMD has 01H:EDX once more. */
	apply(&cpu, "apic=off");
	assert_int_equal(leaf(&cpu, 1, 0)->edx, ~(1U << 9));
	assert_int_equal(leaf(&cpu, 1, 0)->ecx, ~(1U << 21 | 1U << 24));
	assert_int_equal(leaf(&cpu, 0x80000001, 0)->edx, ~(1U << 9));
	assert_int_equal(leaf(&cpu, 0x80000001, 0)->ecx, ~(1U << 4));
	/* SEP is not one of the copies: there it is SYSCALL. */
	apply(&cpu, "sep=off");
	assert_int_equal(leaf(&cpu, 0x80000001, 0)->edx, ~0U);
}

static void test_needs(void **state)
{
	struct cpu cpu;

	(void)state;
	apply(&cpu, "avx512f=off");
	assert_int_equal(leaf(&cpu, 0xd, 0)->eax, 7);
	assert_null(leaf(&cpu, 0xd, 5));
	assert_null(leaf(&cpu, 0xd, 7));
	assert_non_null(leaf(&cpu, 0xd, 2));
	/* F DQ IFMA PF ER CD BW VL; AVX2 stays */
	assert_int_equal(leaf(&cpu, 7, 0)->ebx, ~0xdc230000U);
	assert_int_equal(leaf(&cpu, 7, 0)->ecx, ~0x5842U);
	assert_int_equal(leaf(&cpu, 7, 0)->edx, ~0x80010cU);
	assert_int_equal(leaf(&cpu, 7, 1)->eax, ~0x20U);

	apply(&cpu, "avx=off");
	assert_int_equal(leaf(&cpu, 0xd, 0)->eax, 3);
	assert_null(leaf(&cpu, 0xd, 2));
	assert_non_null(leaf(&cpu, 0xd, 1));
	assert_int_equal(leaf(&cpu, 1, 0)->ecx & (1U << 28 | 1U << 12 | 1U << 29), 0);
	assert_int_equal(leaf(&cpu, 7, 0)->ebx & (1U << 5 | 1U << 16), 0);
	assert_int_equal(leaf(&cpu, 0x80000001, 0)->ecx & (1U << 11 | 1U << 16), 0);

	/* Down to leaf 0DH, and up from SSE. */
	apply(&cpu, "xsave=off");
	assert_null(leaf(&cpu, 0xd, 0));
	assert_null(leaf(&cpu, 0xd, 1));
	assert_int_equal(cpu.n, NENT - 6);
	assert_int_equal(leaf(&cpu, 1, 0)->ecx & (1U << 26 | 1U << 28), 0);
	assert_int_equal(leaf(&cpu, 0x80000008, 0)->ebx, ~4U);
	apply(&cpu, "fxsr=off");
	assert_int_equal(leaf(&cpu, 1, 0)->edx & (7U << 24), 0);
	assert_int_equal(leaf(&cpu, 1, 0)->ecx & (1U | 1U << 9 | 3U << 19 | 1U << 25 | 1U << 28), 0);
}

static void test_paravirt(void **state)
{
	static const struct {
		const char *text;
		uint32_t gone;		/* bits of leaf 4000_0001H EAX */
	} rows[] = {
		{ "kvmclock-old=off", 0x1 },
		{ "kvmclock=off", 0x1000009 },
		{ "kvmclock-stable=off", 0x1000000 },
		{ "nop-io-delay=off", 0x2 },
		{ "steal-time=off", 0x220 },
		{ "pv-tlb-flush=off", 0x200 },
		{ "pv-eoi=off,pv-ipi=off", 0x840 },
		{ "pv-unhalt=off,pv-sched-yield=off,poll-control=off", 0x3080 },
		{ "async-pf-int=off", 0x4000 },
		{ "async-pf=off", 0x4010 },
		{ "msi-ext-dest-id=off", 0x8000 },
	};
	struct cpu cpu;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		apply(&cpu, rows[i].text);
		assert_int_equal(leaf(&cpu, 0x40000001, 0)->eax, ~rows[i].gone);
		assert_int_equal(cpu.n, NENT);
	}
	/* Nothing of it; other leaves stay. */
	apply(&cpu, "kvm=off");
	assert_null(leaf(&cpu, 0x40000000, 0));
	assert_null(leaf(&cpu, 0x40000001, 0));
	assert_null(leaf(&cpu, 0x40000010, 0));
	assert_int_equal(cpu.n, NENT - 3);
	assert_int_equal(leaf(&cpu, 1, 0)->ecx, ~0U);
	apply(&cpu, "hypervisor=off");
	assert_null(leaf(&cpu, 0x40000000, 0));
}

static void test_models(void **state)
{
	struct cpu cpu;

	(void)state;
	apply(&cpu, "model=x86-64");
	/* CX16, SSE3 and up, POPCNT, AES, XSAVE, AVX, RDRAND go; PCID, x2APIC, ... stay. */
	assert_int_equal(leaf(&cpu, 1, 0)->ecx & 0x76d83203, 0);
	assert_int_equal(leaf(&cpu, 1, 0)->ecx & 0x81220000, 0x81220000);
	assert_int_equal(leaf(&cpu, 1, 0)->edx, ~0U);
	assert_int_equal(leaf(&cpu, 7, 0)->ebx & 0x00100483, 0x00100483);
	assert_null(leaf(&cpu, 0xd, 0));

	apply(&cpu, "model=x86-64-v2");
	assert_int_equal(leaf(&cpu, 1, 0)->ecx & 0x00982201, 0x00982201);
	assert_int_equal(leaf(&cpu, 1, 0)->ecx & 0x76401002, 0);
	assert_int_equal(leaf(&cpu, 0x80000001, 0)->ecx & 0x21, 1);

	apply(&cpu, "model=x86-64-v3");
	assert_int_equal(leaf(&cpu, 1, 0)->ecx & 0x34401000, 0x34401000);
	assert_int_equal(leaf(&cpu, 7, 0)->ebx & 0x128, 0x128);
	assert_int_equal(leaf(&cpu, 7, 0)->ebx & 1U << 16, 0);
	assert_int_equal(leaf(&cpu, 0xd, 0)->eax, 7);
	assert_int_equal(leaf(&cpu, 1, 0)->ecx & (1U << 25 | 1U << 30), 0);

	apply(&cpu, "model=x86-64-v4");
	assert_int_equal(leaf(&cpu, 7, 0)->ebx & 0xd0030128, 0xd0030128);
	assert_int_equal(leaf(&cpu, 7, 0)->ebx & 1U << 21, 0);
	assert_int_equal(leaf(&cpu, 0xd, 0)->eax, 0xe7);

	/* More and less than the model. */
	apply(&cpu, "model=x86-64-v3,aes=on,bmi2=off");
	assert_int_equal(leaf(&cpu, 1, 0)->ecx & 1U << 25, 1U << 25);
	assert_int_equal(leaf(&cpu, 7, 0)->ebx & 0x108, 8);
}

static void test_host_lacks(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{ "avx2=on", "avx2=on: guests cannot have it on this host" },
		{ "model=x86-64-v3", "guests cannot have avx2, which the model has" },
		{ "model=x86-64-v4", "guests cannot have avx2" },
		{ "model=x86-64-v2", NULL },
		{ "model=x86-64-v3,avx2=off", NULL },
		{ "avx=off,fma=on", "fma=on: it needs a feature that is off" },
		{ "model=x86-64-v2,fma=on", "fma=on: it needs a feature that is off" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cpu cpu = full_cpu();
		struct err err = { "" };
		int ret;

		cpu.e[2].ebx &= ~(1U << 5);
		ret = cpu_features_apply(rows[i].text, cpu.e, &cpu.n, &err);
		if (!rows[i].error != !ret || (ret && !strstr(err.msg, rows[i].error)))
			fail_msg("%s: %d %s", rows[i].text, ret, err.msg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_one_off),
		cmocka_unit_test(test_needs),
		cmocka_unit_test(test_paravirt),
		cmocka_unit_test(test_models),
		cmocka_unit_test(test_host_lacks),
	};

	return cmocka_run_group_tests_name("cpu_features", tests, NULL, NULL);
}
