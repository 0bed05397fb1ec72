// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * CPUID against the table that the guest was given, MSRs, and instructions
 * that answer with a fault. SDM Vol. 2, "CPUID", "RDMSR".
 */
#include <stdio.h>
#include <string.h>

#include "guest.h"

#define KVM_ENOSYS	1000
#define BIT_OSXSAVE	BIT(27)

/* ---- CPUID ------------------------------------------------------------------ */

/*
 * What no table can say: OSXSAVE and the initial APIC ID of leaf 1, OSPKE of
 * leaf 7, the size of the XSAVE area of leaf 0xd.
 */
static uint32_t dynamic_bits(const struct holm_cpuid_entry *e, int reg)
{
	if (e->function == 1 && reg == 2)
		return BIT_OSXSAVE;
	if (e->function == 1 && reg == 1)
		return 0xff000000;
	if (e->function == 7 && reg == 2)
		return BIT(4);
	if (e->function == 0xd && reg == 1)
		return ~0U;
	if ((e->function == 0xb || e->function == 0x1f) && reg == 3)
		return ~0U;
	return 0;
}

static void compare_leaf(struct guest *g, const struct holm_cpuid_entry *e)
{
	const uint32_t *want = &e->eax;
	unsigned int reg;

	for (reg = 0; reg < 4; reg++) {
		uint32_t ignore = dynamic_bits(e, reg);
		uint32_t got = guest_read(g, SCRATCH_ADDR + 8 + 4 * reg, 4);

		if ((got ^ want[reg]) & ~ignore)
			guest_fail(g, "leaf 0x%x.%u register %u: 0x%x, expected 0x%x",
				   e->function, e->index, reg, got, want[reg]);
	}
}

static void next_leaf(struct guest *g, unsigned int n)
{
	unsigned int i = (uintptr_t)g->priv;

	(void)n;
	compare_leaf(g, &hv.cpuid[i]);
	g->nevents = 0;
	if (++i == hv.cpuid_nent) {
		g->end = HOLM_EXIT_IO;
		g->stopped = true;
		return;
	}
	g->priv = (void *)(uintptr_t)i;
	guest_write(g, SCRATCH_ADDR, hv.cpuid[i].function, 4);
	guest_write(g, SCRATCH_ADDR + 4, hv.cpuid[i].index, 4);
}

static void cpuid_table(struct guest *g)
{
	g->call = next_leaf;
	g->priv = NULL;
	guest_write(g, SCRATCH_ADDR, hv.cpuid[0].function, 4);
	guest_write(g, SCRATCH_ADDR + 4, hv.cpuid[0].index, 4);
	guest_start(g, G_cpuid_leaf);
	guest_run(g);
	CHECK_EQ(g, (uintptr_t)g->priv + 1, hv.cpuid_nent);
}

/* The flags of /proc/cpuinfo, a space around each; "" where there are none. */
static const char *kernel_flags(void)
{
	static char line[4096];
	FILE *f = fopen("/proc/cpuinfo", "r");
	char *end;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "flags", 5))
			break;
	if (f)
		fclose(f);
	end = strchr(line, '\n');
	if (!end || strncmp(line, "flags", 5))
		return "";
	*end = ' ';
	return line;
}

/*
 * Guests get nothing that the host's kernel has taken away: with Bochs it is
 * told to do without XSAVEC, and finds that fast strings are off.
 */
static void host_kernel(struct guest *g)
{
	static const struct {
		const char *flag;
		uint32_t function;
		uint8_t index;
		uint8_t reg;
		uint8_t bit;
	} known[] = {
		{ " sep ", 1, 0, 3, 11 }, { " sse2 ", 1, 0, 3, 26 },
		{ " fma ", 1, 0, 2, 12 }, { " pcid ", 1, 0, 2, 17 },
		{ " movbe ", 1, 0, 2, 22 }, { " aes ", 1, 0, 2, 25 },
		{ " xsave ", 1, 0, 2, 26 }, { " avx ", 1, 0, 2, 28 },
		{ " rdrand ", 1, 0, 2, 30 }, { " fsgsbase ", 7, 0, 1, 0 },
		{ " avx2 ", 7, 0, 1, 5 }, { " smep ", 7, 0, 1, 7 },
		{ " erms ", 7, 0, 1, 9 }, { " invpcid ", 7, 0, 1, 10 },
		{ " avx512f ", 7, 0, 1, 16 }, { " rdseed ", 7, 0, 1, 18 },
		{ " smap ", 7, 0, 1, 20 }, { " sha_ni ", 7, 0, 1, 29 },
		{ " umip ", 7, 0, 2, 2 }, { " rdpid ", 7, 0, 2, 22 },
		{ " fsrm ", 7, 0, 3, 4 }, { " md_clear ", 7, 0, 3, 10 },
		{ " xsaveopt ", 0xd, 1, 0, 0 }, { " xsavec ", 0xd, 1, 0, 1 },
		{ " xgetbv1 ", 0xd, 1, 0, 2 }, { " lahf_lm ", 0x80000001, 0, 2, 0 },
		{ " abm ", 0x80000001, 0, 2, 5 }, { " sse4a ", 0x80000001, 0, 2, 6 },
		{ " syscall ", 0x80000001, 0, 3, 11 }, { " nx ", 0x80000001, 0, 3, 20 },
		{ " pdpe1gb ", 0x80000001, 0, 3, 26 }, { " rdtscp ", 0x80000001, 0, 3, 27 },
		{ " clzero ", 0x80000008, 0, 1, 0 },
	};
	const char *flags = kernel_flags();
	unsigned int i;

	CHECK(g, strstr(flags, " lm "), "no flags in /proc/cpuinfo");
	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (hv_has(known[i].function, known[i].index, known[i].reg, known[i].bit) &&
		    !strstr(flags, known[i].flag))
			guest_fail(g, "guests are shown%sand the host does without", known[i].flag);
}

/* Features that a guest does not get. */
static void hidden_features(struct guest *g)
{
	static const struct {
		uint32_t function;
		int reg, bit;
		const char *name;
	} hidden[] = {
		{ 1, 2, 3, "MONITOR" }, { 1, 2, 5, "VMX" }, { 1, 2, 6, "SMX" },
		{ 0x80000001, 2, 2, "SVM" }, { 7, 2, 16, "LA57" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(hidden); i++)
		CHECK(g, !hv_has(hidden[i].function, 0, hidden[i].reg, hidden[i].bit), "%s",
		      hidden[i].name);
	CHECK(g, hv_has(1, 0, 2, 31), "the hypervisor bit");
}

/* ---- MSRs ------------------------------------------------------------------- */

#define REFUSED	1	/* WRMSR is #GP */
#define UNKNOWN	2	/* so is RDMSR */

struct msr_row {
	uint32_t index;
	uint64_t value;
	int result;
};

static const struct msr_row msrs[] = {
	{ 0x174, 0x1234, 0 },				/* SYSENTER_CS */
	{ 0x175, 0x12345678, 0 },			/* SYSENTER_ESP */
	{ 0x176, 0xffff800012345678, 0 },		/* SYSENTER_EIP */
	{ 0xc0000081, 0x0023001000000000, 0 },		/* STAR */
	{ 0xc0000082, 0xffffffff81000000, 0 },		/* LSTAR */
	{ 0xc0000084, 0x47700, 0 },			/* FMASK */
	{ 0xc0000100, 0x123456789abc, 0 },		/* FS_BASE */
	{ 0xc0000102, 0xffff888000000000, 0 },		/* KERNEL_GS_BASE */
	{ 0x277, 0x0007010600070106, 0 },		/* PAT */
	{ 0x277, 0x0207010600070106, REFUSED },		/* type 2 is none */
	{ 0x2ff, 0xc06, 0 },				/* MTRR_DEF_TYPE */
	{ 0x2ff, 0x3, REFUSED },			/* type 3 is none */
	{ 0x200, 0x80000006, 0 },			/* MTRR_PHYSBASE0 */
	{ 0x250, 0x0606060606060606, 0 },		/* MTRR_FIX64K */
	{ 0xfe, 0x508, REFUSED },			/* MTRRCAP, read-only */
	{ 0x179, 1, REFUSED },				/* MCG_CAP, read-only */
	{ 0x12345, 0, UNKNOWN },
	{ 0x480, 0, UNKNOWN },				/* IA32_VMX_BASIC */
	{ 0xc0010117, 0x1000, UNKNOWN },		/* VM_HSAVE_PA */
	{ 0x40000000, 0, UNKNOWN },
	{ 0xc0001fff, 0, UNKNOWN },
	{ 0xffffffff, 0, UNKNOWN },
};

static void put_msr(struct guest *g, unsigned int i)
{
	guest_write(g, SCRATCH_ADDR, msrs[i].index, 8);
	guest_write(g, SCRATCH_ADDR + 8, msrs[i].value, 8);
	guest_write(g, SCRATCH_ADDR + 16, 0, 8);
}

static void next_msr(struct guest *g, unsigned int n)
{
	unsigned int i = (uintptr_t)g->priv, faults = 0, e;
	uint64_t got = guest_read(g, SCRATCH_ADDR + 16, 8);

	(void)n;
	for (e = 0; e < g->nevents; e++) {
		if (g->events[e].kind != EV_EXCEPTION)
			continue;
		faults++;
		if (g->events[e].vector != 13 || g->events[e].a)
			guest_fail(g, "MSR 0x%x: exception %u", msrs[i].index,
				   g->events[e].vector);
	}
	if (faults != (unsigned int)msrs[i].result)
		guest_fail(g, "MSR 0x%x value 0x%llx: %u faults, expected %d", msrs[i].index,
			   (unsigned long long)msrs[i].value, faults, msrs[i].result);
	else if (!faults && got != msrs[i].value)
		guest_fail(g, "MSR 0x%x: 0x%llx, expected 0x%llx", msrs[i].index,
			   (unsigned long long)got, (unsigned long long)msrs[i].value);
	g->nevents = 0;
	if (++i == ARRAY_SIZE(msrs)) {
		g->end = HOLM_EXIT_IO;
		g->stopped = true;
		return;
	}
	g->priv = (void *)(uintptr_t)i;
	put_msr(g, i);
}

static void msr_table(struct guest *g)
{
	g->call = next_msr;
	g->priv = NULL;
	put_msr(g, 0);
	guest_start(g, G_msr_access);
	guest_run(g);
}

/* ---- rows ------------------------------------------------------------------- */

static const char *no_xsave(void)
{
	return hv_has(1, 0, 2, 26) ? NULL : "this CPU has no XSAVE";
}

static void own_hypercall(struct guest *g)
{
	guest_write(g, SCRATCH_ADDR, hv.intel, 4);
}

static const struct guest_row rows[] = {
	{ GUEST(cpuid_upper, LONG64), EVENTS(V(0), V(0), V(0)) },
	{ GUEST(cpuid_osxsave, LONG64), .skip = no_xsave, EVENTS(V(0), V(BIT_OSXSAVE)) },
	{ GUEST(hypercall, LONG64), .setup = own_hypercall,
	  EVENTS(V((uint64_t)-KVM_ENOSYS)) },
	{ GUEST(hidden_insns, LONG64),
	  EVENTS(XE(13, 0), X(6), X(6), X(6), X(6), X(6), X(6), X(6), X(6), X(6), X(6), X(6),
		 X(6), V(0x600d)) },
};

void test_cpuid_msr(void)
{
	guest_test_mode("cpuid_msr/table", LONG64, cpuid_table);
	guest_test_mode("cpuid_msr/host_kernel", LONG64, host_kernel);
	guest_test_mode("cpuid_msr/hidden_features", LONG64, hidden_features);
	guest_test_mode("cpuid_msr/msrs", LONG64, msr_table);
	guest_rows("cpuid_msr", rows, ARRAY_SIZE(rows));
}
