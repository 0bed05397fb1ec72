// SPDX-License-Identifier: GPL-2.0-only
/* Routing of MSIs and IPIs: destination sets, arbitration, INIT and SIPI. */
#include "../../kmod/x86/lapic_regs.h"
#include "../../kmod/x86/x86.h"
#include "helpers.h"
#include "suites.h"

#define NR_VCPUS	20

#define MSI_ADDR(dest, bits)	(0xfee00000ULL | (u32)(dest) << 12 | (bits))
#define RH	8
#define DM	4

#define LEVEL_ASSERT	0xc000

static int msi_init(struct kunit *test)
{
	struct holm_vm *vm = holm_test_vm(test, NR_VCPUS);
	int i;

	test->priv = vm;
	if (!vm)
		return -ENOMEM;
	for (i = 0; i < NR_VCPUS; i++)
		vm->vcpus[i]->lapic->svr |= APIC_SPIV_APIC_ENABLED;
	return 0;
}

static void msi_exit(struct kunit *test)
{
	holm_test_vm_end(test->priv);
}

static void x2apic_mode(struct kunit *test, struct holm_vcpu *vcpu)
{
	KUNIT_ASSERT_EQ(test, holm_lapic_set_base(vcpu, holm_lapic_get_base(vcpu) |
						  HOLM_APIC_BASE_EXTD, false), 0);
}

/* Bit i: vCPU i has @vector pending; takes all of it away. */
static u32 take(struct holm_vm *vm, u8 vector)
{
	u32 set = 0;
	int i;

	for (i = 0; i < NR_VCPUS; i++)
		if (test_and_clear_bit(vector, vm->vcpus[i]->lapic->irr))
			set |= BIT(i);
	return set;
}

/* ---- who is a destination -------------------------------------------------- */

static void test_match(struct kunit *test)
{
	enum { FLAT = 0xffffffff, CLUSTER = 0x0fffffff };
	static const struct {
		const char *name;
		struct holm_lapic_view view;
		u32 dest;
		bool logical, x2apic;
		bool match;
	} rows[] = {
		{ "physical", { 3, 0, FLAT, true, false }, 3, false, false, true },
		{ "physical, another", { 3, 0, FLAT, true, false }, 4, false, false, false },
		{ "physical broadcast", { 3, 0, FLAT, true, false }, 0xff, false, false, true },
		{ "disabled", { 3, 0, FLAT, false, false }, 3, false, false, false },
		{ "disabled, broadcast", { 3, 0, FLAT, false, false }, 0xff, false, false, false },
		{ "8 bits count", { 3, 0, FLAT, true, false }, 0x103, false, false, true },
		{ "x2APIC physical", { 3, 8, FLAT, true, true }, 3, false, true, true },
		{ "x2APIC: 32 bits count", { 3, 8, FLAT, true, true }, 0x103, false, true, false },
		{ "x2APIC broadcast", { 3, 8, FLAT, true, true }, ~0U, false, true, true },
		{ "x2APIC: 0xff is an ID", { 3, 8, FLAT, true, true }, 0xff, false, true, false },
		{ "8-bit broadcast to x2APIC", { 3, 8, FLAT, true, true }, 0xff, false, false,
		  true },
		{ "x2APIC broadcast to xAPIC", { 3, 0, FLAT, true, false }, ~0U, false, true,
		  true },
		{ "8-bit ID of x2APIC", { 3, 8, FLAT, true, true }, 3, false, false, true },

		{ "flat", { 1, 0x04000000, FLAT, true, false }, 0x04, true, false, true },
		{ "flat, several", { 1, 0x04000000, FLAT, true, false }, 0x0c, true, false, true },
		{ "flat, others", { 1, 0x04000000, FLAT, true, false }, 0xfb, true, false, false },
		{ "flat, none", { 1, 0x04000000, FLAT, true, false }, 0, true, false, false },
		{ "flat broadcast", { 1, 0, FLAT, true, false }, 0xff, true, false, true },
		{ "cluster", { 1, 0x32000000, CLUSTER, true, false }, 0x32, true, false, true },
		{ "cluster, several", { 1, 0x32000000, CLUSTER, true, false }, 0x3f, true, false,
		  true },
		{ "cluster, another", { 1, 0x32000000, CLUSTER, true, false }, 0x42, true, false,
		  false },
		{ "cluster, others", { 1, 0x32000000, CLUSTER, true, false }, 0x3d, true, false,
		  false },
		{ "cluster broadcast", { 1, 0x32000000, CLUSTER, true, false }, 0xff, true, false,
		  true },
		{ "reserved model", { 1, 0xff000000, 0x3fffffff, true, false }, 0x01, true, false,
		  false },
		{ "x2APIC destination, flat", { 1, 0x04000000, FLAT, true, false }, 0x10004, true,
		  true, false },

		{ "x2APIC logical", { 0x25, 0x20020, FLAT, true, true }, 0x20020, true, true,
		  true },
		{ "x2APIC logical, several", { 0x25, 0x20020, FLAT, true, true }, 0x2ffff, true,
		  true, true },
		{ "x2APIC logical, others", { 0x25, 0x20020, FLAT, true, true }, 0x2ffdf, true,
		  true, false },
		{ "x2APIC logical, another", { 0x25, 0x20020, FLAT, true, true }, 0x10020, true,
		  true, false },
		{ "x2APIC logical broadcast", { 0x25, 0x20020, FLAT, true, true }, ~0U, true,
		  true, true },
		{ "8-bit logical to x2APIC", { 2, 0x00004, FLAT, true, true }, 0x04, true, false,
		  true },
		{ "8-bit logical, cluster 1", { 18, 0x10004, FLAT, true, true }, 0x04, true, false,
		  false },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		KUNIT_EXPECT_EQ_MSG(test, holm_lapic_view_match(&rows[i].view, rows[i].dest,
								rows[i].logical, rows[i].x2apic),
				    rows[i].match, "%s", rows[i].name);
}

/* ---- MSIs ------------------------------------------------------------------ */

static void test_msi_physical(struct kunit *test)
{
	struct holm_vm *vm = test->priv;
	struct holm_msi msi = { .data = 0x41 };
	int i;

	for (i = 0; i < NR_VCPUS; i++) {
		msi.address = MSI_ADDR(i, 0);
		KUNIT_EXPECT_EQ(test, holm_msi_deliver(vm, &msi), 1);
		KUNIT_EXPECT_EQ(test, take(vm, 0x41), BIT(i));
		KUNIT_EXPECT_TRUE(test, test_bit(HOLM_REQ_EVENT, &vm->vcpus[i]->requests));
	}
	msi.address = MSI_ADDR(NR_VCPUS, 0);
	KUNIT_EXPECT_EQ(test, holm_msi_deliver(vm, &msi), 0);
	msi.address = MSI_ADDR(0xfe, 0);
	KUNIT_EXPECT_EQ(test, holm_msi_deliver(vm, &msi), 0);
	msi.address = MSI_ADDR(0xff, 0);
	KUNIT_EXPECT_EQ(test, holm_msi_deliver(vm, &msi), NR_VCPUS);
	KUNIT_EXPECT_EQ(test, take(vm, 0x41), GENMASK(NR_VCPUS - 1, 0));

	/* One that is software disabled does not accept it. */
	vm->vcpus[3]->lapic->svr = 0xff;
	KUNIT_EXPECT_EQ(test, holm_msi_deliver(vm, &msi), NR_VCPUS - 1);
	KUNIT_EXPECT_EQ(test, take(vm, 0x41), GENMASK(NR_VCPUS - 1, 0) & ~BIT(3));
}

static void test_msi_logical(struct kunit *test)
{
	struct holm_vm *vm = test->priv;
	struct holm_msi msi = { .data = 0x42 };
	int i;

	for (i = 0; i < 8; i++)
		vm->vcpus[i]->lapic->ldr = 0x01000000U << i;
	msi.address = MSI_ADDR(0x5a, DM);
	KUNIT_EXPECT_EQ(test, holm_msi_deliver(vm, &msi), 4);
	KUNIT_EXPECT_EQ(test, take(vm, 0x42), 0x5aU);

	/* Clusters of 4: the first 16 in clusters 0..3. */
	for (i = 0; i < NR_VCPUS; i++) {
		vm->vcpus[i]->lapic->dfr = 0x0fffffff;
		vm->vcpus[i]->lapic->ldr = i / 4 << 28 | BIT(24 + i % 4);
	}
	msi.address = MSI_ADDR(0x2b, DM);
	KUNIT_EXPECT_EQ(test, holm_msi_deliver(vm, &msi), 3);
	KUNIT_EXPECT_EQ(test, take(vm, 0x42), 0xb00U);
}

static void test_msi_refused(struct kunit *test)
{
	static const struct {
		u64 address;
		u32 data;
		int result;
	} rows[] = {
		{ 0x1fee00000ULL, 0x41, -EINVAL },
		{ 0xfed00000ULL, 0x41, -EINVAL },
		{ 0, 0x41, -EINVAL },
		{ MSI_ADDR(0, 0), 0x241, -EINVAL },	/* SMI */
		{ MSI_ADDR(0, 0), 0x341, -EINVAL },	/* reserved */
		{ MSI_ADDR(0, 0), 0x641, -EINVAL },	/* start-up: not by MSI */
		{ MSI_ADDR(0, 0), 0x8041, 0 },		/* level, deasserted */
		{ MSI_ADDR(0, 0), 0x0f, 0 },		/* illegal vector */
	};
	struct holm_vm *vm = test->priv;
	int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct holm_msi msi = { .address = rows[i].address, .data = rows[i].data };

		KUNIT_EXPECT_EQ_MSG(test, holm_msi_deliver(vm, &msi), rows[i].result, "row %d", i);
		KUNIT_EXPECT_EQ(test, take(vm, rows[i].data), 0U);
	}
	/* The last row is an error of the receiver. */
	KUNIT_EXPECT_EQ(test, vm->vcpus[0]->lapic->esr_pending, (unsigned long)APIC_ESR_RECVILL);
}

static void test_msi_modes(struct kunit *test)
{
	struct holm_vm *vm = test->priv;
	struct holm_vcpu *vcpu = vm->vcpus[2];
	struct holm_msi msi = { .address = MSI_ADDR(2, 0) };
	int i;

	msi.data = LEVEL_ASSERT | 0x55;
	KUNIT_EXPECT_EQ(test, holm_msi_deliver(vm, &msi), 1);
	KUNIT_EXPECT_TRUE(test, test_bit(0x55, vcpu->lapic->tmr));

	msi.data = 0x400;
	for (i = 1; i < 4; i++) {
		KUNIT_EXPECT_EQ(test, holm_msi_deliver(vm, &msi), 1);
		KUNIT_EXPECT_EQ(test, atomic_read(&vcpu->nmi_pending), min(i, 2));
	}
	msi.data = 0x500;
	KUNIT_EXPECT_EQ(test, holm_msi_deliver(vm, &msi), 1);
	KUNIT_EXPECT_TRUE(test, test_bit(HOLM_LAPIC_MSG_INIT, &vcpu->lapic->messages));
	KUNIT_EXPECT_TRUE(test, test_bit(HOLM_REQ_INIT, &vcpu->requests));
	msi.data = 0x700;
	KUNIT_EXPECT_EQ(test, holm_msi_deliver(vm, &msi), 1);
	KUNIT_EXPECT_TRUE(test, holm_lapic_extint_pending(vcpu));
	holm_lapic_extint_ack(vcpu);
	KUNIT_EXPECT_FALSE(test, holm_lapic_extint_pending(vcpu));
}

static void test_lowest(struct kunit *test)
{
	struct holm_vm *vm = test->priv;
	struct holm_msi msi = { .address = MSI_ADDR(0x0f, DM | RH) };
	u32 seen = 0;
	int i;

	for (i = 0; i < 8; i++)
		vm->vcpus[i]->lapic->ldr = 0x01000000U << i;

	/* Equals: one of them, each vector always the same one, all of them used. */
	for (i = 0x30; i < 0x60; i++) {
		u32 first, second;

		msi.data = i;		/* the redirection hint */
		KUNIT_EXPECT_EQ(test, holm_msi_deliver(vm, &msi), 1);
		first = take(vm, i);
		msi.data = 0x100 | i;	/* the delivery mode */
		KUNIT_EXPECT_EQ(test, holm_msi_deliver(vm, &msi), 1);
		second = take(vm, i);
		KUNIT_EXPECT_EQ(test, first, second);
		KUNIT_EXPECT_EQ(test, hweight32(first), 1U);
		seen |= first;
	}
	KUNIT_EXPECT_EQ(test, seen, 0x0fU);

	/* The lowest PPR wins; a LAPIC that is off takes no part. */
	for (i = 0; i < 4; i++)
		holm_lapic_set_cr8(vm->vcpus[i], 8 - i);
	msi.data = 0x131;
	KUNIT_EXPECT_EQ(test, holm_msi_deliver(vm, &msi), 1);
	KUNIT_EXPECT_EQ(test, take(vm, 0x31), BIT(3));
	vm->vcpus[3]->lapic->svr = 0xff;
	KUNIT_EXPECT_EQ(test, holm_msi_deliver(vm, &msi), 1);
	KUNIT_EXPECT_EQ(test, take(vm, 0x31), BIT(2));
	for (i = 0; i < 4; i++)
		vm->vcpus[i]->lapic->svr = 0xff;
	KUNIT_EXPECT_EQ(test, holm_msi_deliver(vm, &msi), 0);
}

/* ---- IPIs ------------------------------------------------------------------ */

static void test_ipi_targets(struct kunit *test)
{
	enum { ALL = GENMASK(NR_VCPUS - 1, 0) };
	static const struct {
		const char *name;
		bool x2apic;	/* of sender and receivers */
		u64 icr;
		u32 targets;
	} rows[] = {
		{ "physical", false, 7ULL << 32 | 0x40, BIT(7) },
		{ "physical broadcast", false, 0xffULL << 32 | 0x40, ALL },
		{ "self", false, 7ULL << 32 | 0x40040, BIT(5) },
		{ "all", false, 0x80040, ALL },
		{ "all but self", false, 0xc0040, ALL & ~BIT(5) },
		{ "flat logical", false, 0x81ULL << 32 | 0x840, BIT(0) | BIT(7) },
		{ "x2APIC physical", true, 7ULL << 32 | 0x40, BIT(7) },
		{ "x2APIC ID 0xff", true, 0xffULL << 32 | 0x40, 0 },
		{ "x2APIC ID 0x107", true, 0x107ULL << 32 | 0x40, 0 },
		{ "x2APIC broadcast", true, 0xffffffffULL << 32 | 0x40, ALL },
		{ "x2APIC cluster 0", true, 0x00008021ULL << 32 | 0x840,
		  BIT(0) | BIT(5) | BIT(15) },
		{ "x2APIC cluster 1", true, 0x0001fff5ULL << 32 | 0x840, BIT(16) | BIT(18) },
		{ "x2APIC logical broadcast", true, 0xffffffffULL << 32 | 0x840, ALL },
		{ "x2APIC self", true, 0x40040, BIT(5) },
		{ "x2APIC all but self", true, 0xc0040, ALL & ~BIT(5) },
		{ "SMI", false, 7ULL << 32 | 0x240, 0 },
		{ "reserved 3", false, 7ULL << 32 | 0x340, 0 },
		{ "reserved 7", false, 7ULL << 32 | 0x740, 0 },
	};
	struct holm_vm *vm = test->priv;
	int i, n;

	for (n = 0; n < 8; n++)
		vm->vcpus[n]->lapic->ldr = 0x01000000U << n;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		for (n = 0; n < NR_VCPUS && rows[i].x2apic; n++)
			x2apic_mode(test, vm->vcpus[n]);
		holm_ipi_deliver(vm->vcpus[5], rows[i].icr, rows[i].x2apic);
		KUNIT_EXPECT_EQ_MSG(test, take(vm, 0x40), rows[i].targets, "%s", rows[i].name);
	}
}

/* Through the registers: what software writes reaches the right LAPIC. */
static void test_icr(struct kunit *test)
{
	struct holm_vm *vm = test->priv;
	struct holm_vcpu *vcpu = vm->vcpus[0];
	u32 low;
	u64 value;
	int eoi;

	KUNIT_EXPECT_EQ(test, holm_lapic_mmio_write(vcpu, APIC_ICR2, 9 << 24 | 0x123, &eoi), 0);
	KUNIT_EXPECT_EQ(test, take(vm, 0x40), 0U);
	KUNIT_EXPECT_EQ(test, holm_lapic_mmio_write(vcpu, APIC_ICR, APIC_ICR_BUSY | 0x40, &eoi), 0);
	KUNIT_EXPECT_EQ(test, take(vm, 0x40), BIT(9));
	KUNIT_EXPECT_EQ(test, holm_lapic_mmio_read(vcpu, APIC_ICR, &low), 0);
	KUNIT_EXPECT_EQ(test, low, 0x40U);
	KUNIT_EXPECT_EQ(test, holm_lapic_mmio_read(vcpu, APIC_ICR2, &low), 0);
	KUNIT_EXPECT_EQ(test, low, 9U << 24);

	x2apic_mode(test, vcpu);
	KUNIT_EXPECT_EQ(test, holm_lapic_msr_write(vcpu, 0x830, 11ULL << 32 | 0x40, &eoi), 0);
	KUNIT_EXPECT_EQ(test, take(vm, 0x40), BIT(11));
	KUNIT_EXPECT_EQ(test, holm_lapic_msr_read(vcpu, 0x830, &value), 0);
	KUNIT_EXPECT_EQ(test, value, 11ULL << 32 | 0x40);

	/* An illegal vector is the sender's error and goes nowhere. */
	KUNIT_EXPECT_EQ(test, holm_lapic_msr_write(vcpu, 0x830, 11ULL << 32 | 0x0f, &eoi), 0);
	KUNIT_EXPECT_EQ(test, take(vm, 0x0f), 0U);
	KUNIT_EXPECT_EQ(test, vcpu->lapic->esr_pending, (unsigned long)APIC_ESR_SENDILL);
	KUNIT_EXPECT_EQ(test, vm->vcpus[11]->lapic->esr_pending, 0UL);
}

/* ---- INIT and SIPI --------------------------------------------------------- */

static void test_init_sipi(struct kunit *test)
{
	struct holm_vm *vm = test->priv;
	struct holm_vcpu *ap = vm->vcpus[1], *bsp = vm->vcpus[0];
	const u64 dest = 1ULL << 32;

	/* A start-up IPI without INIT is ignored. */
	ap->mp_state = HOLM_MP_RUNNABLE;
	holm_ipi_deliver(bsp, dest | 0x600 | 0x12, false);
	KUNIT_EXPECT_EQ(test, holm_smp_events(ap), 0);
	KUNIT_EXPECT_EQ(test, ap->mp_state, (u32)HOLM_MP_RUNNABLE);

	/* It does not end HLT either. */
	ap->mp_state = HOLM_MP_HALTED;
	holm_ipi_deliver(bsp, dest | 0x600 | 0x12, false);
	KUNIT_EXPECT_FALSE(test, holm_has_wake_event(ap));
	KUNIT_EXPECT_EQ(test, holm_smp_events(ap), 0);
	KUNIT_EXPECT_EQ(test, ap->mp_state, (u32)HOLM_MP_HALTED);

	/* INIT level de-assert does nothing. */
	holm_ipi_deliver(bsp, dest | 0x8500, false);
	KUNIT_EXPECT_EQ(test, ap->lapic->messages, 0UL);

	holm_ipi_deliver(bsp, dest | LEVEL_ASSERT | 0x500, false);
	KUNIT_EXPECT_TRUE(test, holm_has_wake_event(ap));
	KUNIT_EXPECT_EQ(test, holm_smp_events(ap), 0);
	KUNIT_EXPECT_EQ(test, ap->mp_state, (u32)HOLM_MP_WAIT_FOR_SIPI);

	/* Nothing but SIPI wakes it. */
	holm_ipi_deliver(bsp, dest | 0x400, false);
	KUNIT_EXPECT_FALSE(test, holm_has_wake_event(ap));
	holm_ipi_deliver(bsp, dest | 0x600 | 0x9a, false);
	KUNIT_EXPECT_TRUE(test, holm_has_wake_event(ap));
	KUNIT_EXPECT_EQ(test, holm_smp_events(ap), 0);
	KUNIT_EXPECT_EQ(test, ap->mp_state, (u32)HOLM_MP_RUNNABLE);
	KUNIT_EXPECT_EQ(test, ap->sregs.seg[HOLM_SEG_CS].selector, (u16)0x9a00);
	KUNIT_EXPECT_EQ(test, ap->sregs.seg[HOLM_SEG_CS].base, 0x9a000ULL);
	KUNIT_EXPECT_EQ(test, ap->regs.rip, 0ULL);

	/* INIT and SIPI before it looks: both, in this order. */
	holm_ipi_deliver(bsp, dest | 0x600 | 0x77, false);
	holm_ipi_deliver(bsp, dest | LEVEL_ASSERT | 0x500, false);
	holm_ipi_deliver(bsp, dest | 0x600 | 0x08, false);
	KUNIT_EXPECT_EQ(test, holm_smp_events(ap), 0);
	KUNIT_EXPECT_EQ(test, ap->mp_state, (u32)HOLM_MP_RUNNABLE);
	KUNIT_EXPECT_EQ(test, ap->sregs.seg[HOLM_SEG_CS].base, 0x8000ULL);

	/* The bootstrap processor's is the launcher's business. */
	holm_ipi_deliver(ap, LEVEL_ASSERT | 0x500, false);
	KUNIT_EXPECT_EQ(test, holm_smp_events(bsp), HOLM_EXIT_INIT);
	KUNIT_EXPECT_EQ(test, holm_smp_events(bsp), 0);
}

static struct kunit_case msi_cases[] = {
	KUNIT_CASE(test_match),
	KUNIT_CASE(test_msi_physical),
	KUNIT_CASE(test_msi_logical),
	KUNIT_CASE(test_msi_refused),
	KUNIT_CASE(test_msi_modes),
	KUNIT_CASE(test_lowest),
	KUNIT_CASE(test_ipi_targets),
	KUNIT_CASE(test_icr),
	KUNIT_CASE(test_init_sipi),
	{}
};

struct kunit_suite holm_msi_suite = {
	.name = "holm-msi",
	.init = msi_init,
	.exit = msi_exit,
	.test_cases = msi_cases,
};
