// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The paravirtual interface (Documentation/virt/kvm/x86 of the kernel): each MSR
 * and hypercall with its feature and without.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "guest.h"
#include "pv.h"

#define LEAF_FEATURES	0x40000001
#define PAGE_ADDR	(SCRATCH_ADDR + 0x1000)

/* Bits of 4000_0001H EAX. */
#define PV_CLOCK	0
#define PV_CLOCK2	3
#define PV_ASYNC	4
#define PV_STEAL	5
#define PV_EOI		6
#define PV_UNHALT	7
#define PV_IPI		11
#define PV_POLL		12
#define PV_YIELD	13
#define PV_ASYNC_INT	14
#define PV_ALWAYS	31	/* with any feature */

#define HC_POLL_IRQ	1
#define HC_MMU_OP	2
#define HC_KICK		5
#define HC_CLOCK_PAIRING 9
#define HC_IPI		10
#define HC_YIELD	11

#define KVM_EPERM	1
#define KVM_EINVAL	22
#define KVM_ENOSYS	1000

/* The vCPU, which has not run, gets the features that @keep leaves. */
static void set_features(struct guest *g, uint32_t keep)
{
	struct holm_cpuid_entry table[HOLM_MAX_CPUID_ENTRIES];
	unsigned int i;
	int err;

	memcpy(table, hv.cpuid, hv.cpuid_nent * sizeof(*table));
	for (i = 0; i < hv.cpuid_nent; i++)
		if (table[i].function == LEAF_FEATURES)
			table[i].eax &= keep;
	err = holm_vcpu_set_cpuid(&g->vcpu, table, hv.cpuid_nent);
	CHECK_EQ(g, err, 0);
}

static uint32_t offered(void)
{
	const struct holm_cpuid_entry *e = hv_cpuid(LEAF_FEATURES, 0);

	return e ? e->eax : 0;
}

static bool has(uint32_t features, unsigned int bit)
{
	return bit == PV_ALWAYS ? features : features & BIT(bit);
}

/* ---- MSRs ------------------------------------------------------------------- */

static const struct {
	uint32_t index;
	unsigned int feature;
	uint64_t value;
	bool refused;	/* even with the feature */
} msrs[] = {
	{ 0x11, PV_CLOCK, PAGE_ADDR + 0x100 },
	{ 0x12, PV_CLOCK, PAGE_ADDR + 1 },
	{ 0x4b564d00, PV_CLOCK2, PAGE_ADDR + 0x100 },
	{ 0x4b564d01, PV_CLOCK2, PAGE_ADDR + 1 },
	{ 0x4b564d02, PV_ASYNC, PAGE_ADDR + 0x400 },
	{ 0x4b564d02, PV_ASYNC, PAGE_ADDR + 0x410, true },
	{ 0x4b564d02, PV_ASYNC, PAGE_ADDR + 0x420, true },
	{ 0x4b564d02, PV_ASYNC, PAGE_ADDR + 0x404, true },
	{ 0x4b564d02, PV_ASYNC, PAGE_ADDR + 0x403 },
	{ 0x4b564d06, PV_ASYNC_INT, 0x61 },
	{ 0x4b564d06, PV_ASYNC_INT, 0x161, true },
	{ 0x4b564d07, PV_ASYNC_INT, 0 },
	{ 0x4b564d03, PV_STEAL, PAGE_ADDR + 0x201 },
	{ 0x4b564d03, PV_STEAL, PAGE_ADDR + 0x203, true },
	{ 0x4b564d04, PV_EOI, PAGE_ADDR + 0x305 },
	{ 0x4b564d04, PV_EOI, PAGE_ADDR + 0x306, true },
	{ 0x4b564d05, PV_POLL, 0 },
	{ 0x4b564d05, PV_POLL, 2, true },
	{ 0x4b564d00, PV_CLOCK2, 0 },
	{ 0x4b564d01, PV_CLOCK2, 0 },
	{ 0x4b564d03, PV_STEAL, 0 },
	{ 0x4b564d04, PV_EOI, 0 },
	{ 0x4b564d02, PV_ASYNC, 0 },
	{ 0x4b564d06, PV_ASYNC_INT, 0 },
};

static uint32_t features;
static unsigned int row;

static void put_msr(struct guest *g)
{
	guest_write(g, SCRATCH_ADDR, msrs[row].index, 8);
	guest_write(g, SCRATCH_ADDR + 8, msrs[row].value, 8);
	guest_write(g, SCRATCH_ADDR + 16, 0, 8);
}

static void next_msr(struct guest *g, unsigned int n)
{
	unsigned int faults = 0, want, e;

	(void)n;
	for (e = 0; e < g->nevents; e++)
		faults += g->events[e].kind == EV_EXCEPTION && g->events[e].vector == 13;
	want = !has(features, msrs[row].feature) ? 2 : msrs[row].refused;
	if (faults != want)
		guest_fail(g, "features 0x%x, MSR 0x%x value 0x%llx: %u faults, expected %u", features,
			   msrs[row].index, (unsigned long long)msrs[row].value, faults, want);
	if (!want)
		CHECK_EQ(g, guest_read(g, SCRATCH_ADDR + 16, 8), msrs[row].value);
	g->nevents = 0;
	if (++row == ARRAY_SIZE(msrs)) {
		g->end = HOLM_EXIT_IO;
		g->stopped = true;
		return;
	}
	put_msr(g);
}

static void run_msrs(struct guest *g)
{
	set_features(g, features);
	row = 0;
	g->call = next_msr;
	put_msr(g);
	guest_start(g, G_msr_access);
	guest_run(g);
	CHECK_EQ(g, row, ARRAY_SIZE(msrs));
}

/* ---- hypercalls ------------------------------------------------------------- */

static const struct {
	uint64_t nr;
	unsigned int feature;
	uint64_t args[4];
	int64_t result;		/* with the feature */
} calls[] = {
	{ HC_POLL_IRQ, PV_ALWAYS },
	{ HC_KICK, PV_UNHALT, { 0, 0 } },
	{ HC_KICK, PV_UNHALT, { 0, 200 } },
	{ HC_IPI, PV_IPI, { 1, 0, 7, 0x55 } },		/* nobody */
	{ HC_IPI, PV_IPI, { 1, 0, -1ULL, 0x55 } },
	{ HC_IPI, PV_IPI, { 1, 0, 0, 0x10055 }, 0 },
	{ HC_IPI, PV_IPI, { 1, 0, 0, 0x80055 }, -KVM_EINVAL },
	{ HC_IPI, PV_IPI, { 1, 0, 0, 0x500 }, -KVM_EINVAL },
	{ HC_YIELD, PV_YIELD, { 0 } },
	{ HC_YIELD, PV_YIELD, { 77 } },
	{ HC_MMU_OP, PV_ALWAYS, { 0 }, -KVM_ENOSYS },
	{ HC_CLOCK_PAIRING, PV_ALWAYS, { 0 }, -KVM_ENOSYS },
	{ 0, PV_ALWAYS, { 0 }, -KVM_ENOSYS },
	{ -1ULL, PV_ALWAYS, { 0 }, -KVM_ENOSYS },
};

static void put_call(struct guest *g)
{
	unsigned int i;

	guest_write(g, SCRATCH_ADDR, calls[row].nr, 8);
	for (i = 0; i < 4; i++)
		guest_write(g, SCRATCH_ADDR + 8 + 8 * i, calls[row].args[i], 8);
	guest_write(g, SCRATCH_ADDR + 40, 0x5a5a, 8);
	guest_write(g, SCRATCH_ADDR + 48, hv.intel, 4);
}

static void next_call(struct guest *g, unsigned int n)
{
	int64_t got = guest_read(g, SCRATCH_ADDR + 40, 8);
	int64_t want = has(features, calls[row].feature) ? calls[row].result : -KVM_ENOSYS;

	(void)n;
	if (got != want)
		guest_fail(g, "features 0x%x, hypercall %lld: %lld, expected %lld", features,
			   (long long)calls[row].nr, (long long)got, (long long)want);
	g->nevents = 0;
	if (++row == ARRAY_SIZE(calls)) {
		g->end = HOLM_EXIT_IO;
		g->stopped = true;
		return;
	}
	put_call(g);
}

static void run_calls(struct guest *g)
{
	set_features(g, features);
	row = 0;
	g->call = next_call;
	put_call(g);
	guest_start(g, G_pv_call);
	guest_run(g);
	CHECK_EQ(g, row, ARRAY_SIZE(calls));
}

static void put_user_call(struct guest *g)
{
	guest_write(g, SCRATCH_ADDR, HC_POLL_IRQ, 8);
	guest_write(g, SCRATCH_ADDR + 48, hv.intel, 4);
}

/* ---- time ------------------------------------------------------------------- */

struct time_page {
	uint32_t version, pad0;
	uint64_t tsc, ns;
	uint32_t mul;
	int8_t shift;
	uint8_t flags, pad[2];
};

static uint64_t time_at(const struct time_page *page, uint64_t tsc)
{
	uint64_t ticks = tsc - page->tsc;

	ticks = page->shift < 0 ? ticks >> -page->shift : ticks << page->shift;
	return page->ns + (uint64_t)((unsigned __int128)ticks * page->mul >> 32);
}

/* The time that a guest computes is the VM's. */
static void clock_time(struct guest *g)
{
	struct holm_clock before, after;
	struct time_page page;
	uint64_t ns;

	guest_write(g, SCRATCH_ADDR, PAGE_ADDR + 1, 8);
	guest_start(g, G_pv_clock);
	CHECK_EQ(g, holm_vm_get_clock(g->vm, &before), 0);
	guest_run(g);
	CHECK_EQ(g, holm_vm_get_clock(g->vm, &after), 0);
	CHECK_EQ(g, g->nevents, 1);
	memcpy(&page, g->ram + PAGE_ADDR, sizeof(page));
	CHECK(g, page.version && !(page.version & 1), "version %u", page.version);
	ns = time_at(&page, g->events[0].a);
	/* A TSC that is not the host's clock is read on its own. */
	if (before.flags & HOLM_CLOCK_TSC_STABLE)
		CHECK(g, before.ns <= ns && ns <= after.ns, "%llu is not from %llu to %llu",
		      (unsigned long long)ns, (unsigned long long)before.ns,
		      (unsigned long long)after.ns);
	CHECK_EQ(g, page.flags & 1, before.flags & HOLM_CLOCK_TSC_STABLE);
	CHECK(g, after.realtime_ns >= before.realtime_ns, "the wall clock goes on");
}

/* The same with a TSC that the CPU slows down. */
static void clock_scaled(struct guest *g)
{
	struct holm_tsc tsc;

	guest_get(g, HOLM_STATE_TSC, &tsc, sizeof(tsc));
	CHECK_EQ(g, tsc.khz, hv.caps.tsc_khz);
	tsc.khz = hv.caps.tsc_khz / 4 * 3;
	guest_set(g, HOLM_STATE_TSC, &tsc, sizeof(tsc));
	clock_time(g);
	guest_get(g, HOLM_STATE_TSC, &tsc, sizeof(tsc));
	CHECK_EQ(g, tsc.khz, hv.caps.tsc_khz / 4 * 3);
}

/* Without that, only what is the host's. */
static void clock_khz(struct guest *g)
{
	struct holm_tsc tsc;

	guest_get(g, HOLM_STATE_TSC, &tsc, sizeof(tsc));
	tsc.khz += tsc.khz / 10000;
	guest_set(g, HOLM_STATE_TSC, &tsc, sizeof(tsc));
	guest_get(g, HOLM_STATE_TSC, &tsc, sizeof(tsc));
	CHECK_EQ(g, tsc.khz, hv.caps.tsc_khz);
	tsc.khz /= 2;
	CHECK_EQ(g, -holm_vcpu_set_state(&g->vcpu, HOLM_STATE_TSC, &tsc, sizeof(tsc)), EINVAL);
	CHECK_EQ(g, -holm_vm_set_param(g->vm, HOLM_PARAM_TSC_KHZ, hv.caps.tsc_khz), EBUSY);
	CHECK_EQ(g, -holm_vm_set_param(g->vm, HOLM_PARAM_TSC_KHZ, hv.caps.tsc_khz / 2), EINVAL);
}

static const struct guest_row rows[] = {
	{ .name = "call_user", .mode = USER64, .entry = G_pv_call_user, .setup = put_user_call,
	  EVENTS(V((uint64_t)-KVM_EPERM)) },
};

void test_pv(void)
{
	static const uint8_t bits[] = { PV_CLOCK, PV_CLOCK2, PV_STEAL, PV_EOI, PV_UNHALT, PV_IPI,
					PV_POLL, PV_YIELD, PV_ASYNC, PV_ASYNC_INT };
	unsigned int i;

	features = offered();
	guest_test_mode("pv/msrs", LONG64, run_msrs);
	guest_test_mode("pv/calls", LONG64, run_calls);
	features = 0;
	guest_test_mode("pv/msrs_without_features", LONG64, run_msrs);
	guest_test_mode("pv/calls_without_features", LONG64, run_calls);
	for (i = 0; i < ARRAY_SIZE(bits); i++) {
		char name[64];

		features = offered() & ~BIT(bits[i]);
		snprintf(name, sizeof(name), "pv/msrs_without_bit_%u", bits[i]);
		guest_test_mode(name, LONG64, run_msrs);
		snprintf(name, sizeof(name), "pv/calls_without_bit_%u", bits[i]);
		guest_test_mode(name, LONG64, run_calls);
	}
	guest_test_mode("pv/clock", LONG64, clock_time);
	if (hv.caps.features & HOLM_CAP_TSC_SCALING)
		guest_test_mode("pv/clock_scaled", LONG64, clock_scaled);
	else
		guest_test_mode("pv/clock_khz", LONG64, clock_khz);
	guest_rows("pv", rows, ARRAY_SIZE(rows));
	test_pv_async();
}
