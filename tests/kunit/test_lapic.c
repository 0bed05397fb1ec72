// SPDX-License-Identifier: GPL-2.0-only
/* The local APIC: priorities, register files, modes, timer, state block. */
#include <linux/delay.h>
#include <linux/ktime.h>
#include <asm/msr.h>
#include <asm/tsc.h>

#include "../../kmod/x86/lapic_regs.h"
#include "helpers.h"

#define MSR(offset)	(APIC_BASE_MSR + ((offset) >> 4))

static int lapic_init(struct kunit *test)
{
	struct holm_vm *vm = holm_test_vm(test, 2);

	test->priv = vm;
	return vm ? 0 : -ENOMEM;
}

static void lapic_exit(struct kunit *test)
{
	holm_test_vm_end(test->priv);
}

static struct holm_vcpu *cpu(struct kunit *test, int i)
{
	return ((struct holm_vm *)test->priv)->vcpus[i];
}

static u32 mmio(struct kunit *test, struct holm_vcpu *vcpu, u32 offset)
{
	u32 value = 0;

	KUNIT_EXPECT_EQ(test, holm_lapic_mmio_read(vcpu, offset, &value), 0);
	return value;
}

static int mmio_set(struct kunit *test, struct holm_vcpu *vcpu, u32 offset, u32 value)
{
	int eoi;

	KUNIT_EXPECT_EQ(test, holm_lapic_mmio_write(vcpu, offset, value, &eoi), 0);
	return eoi;
}

static int msr_set(struct holm_vcpu *vcpu, u32 offset, u64 value)
{
	int eoi;

	return holm_lapic_msr_write(vcpu, MSR(offset), value, &eoi);
}

static void sw_enable(struct kunit *test, struct holm_vcpu *vcpu)
{
	mmio_set(test, vcpu, APIC_SPIV, APIC_SPIV_APIC_ENABLED | 0xff);
}

static void to_x2apic(struct kunit *test, struct holm_vcpu *vcpu)
{
	u64 base = holm_lapic_get_base(vcpu) | HOLM_APIC_BASE_EXTD;

	KUNIT_ASSERT_EQ(test, holm_lapic_set_base(vcpu, base, false), 0);
}

/* ---- priorities ------------------------------------------------------------ */

static void test_ppr(struct kunit *test)
{
	static const struct {
		u8 tpr;
		int isr_top;
		u8 ppr;
	} rows[] = {
		{ 0x00, -1, 0x00 },
		{ 0x05, -1, 0x05 },
		{ 0x40, -1, 0x40 },
		{ 0x00, 0x31, 0x30 },
		{ 0x30, 0x31, 0x30 },
		{ 0x35, 0x31, 0x35 },
		{ 0x2f, 0x31, 0x30 },
		{ 0x41, 0x3f, 0x41 },
		{ 0xff, 0xff, 0xff },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		KUNIT_EXPECT_EQ_MSG(test, holm_lapic_ppr(rows[i].tpr, rows[i].isr_top), rows[i].ppr,
				    "tpr %#x isr %d", rows[i].tpr, rows[i].isr_top);
}

/* A vector is delivered when its class is above that of PPR. */
static void test_tpr_classes(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test, 0);
	int vector, class;

	sw_enable(test, vcpu);
	for (vector = HOLM_LAPIC_FIRST_VECTOR; vector < 256; vector += 7) {
		KUNIT_ASSERT_TRUE(test, holm_lapic_accept(vcpu, 0, vector, false));
		for (class = 0; class < 16; class++) {
			holm_lapic_set_cr8(vcpu, class);
			KUNIT_EXPECT_EQ_MSG(test, holm_lapic_pending(vcpu),
					    vector >> 4 > class ? vector : -1,
					    "vector %#x cr8 %d", vector, class);
			KUNIT_EXPECT_EQ(test, holm_lapic_get_cr8(vcpu), (u64)class);
			KUNIT_EXPECT_EQ(test, mmio(test, vcpu, APIC_TASKPRI), (u32)class << 4);
		}
		holm_lapic_set_cr8(vcpu, 0);
		holm_lapic_ack(vcpu, vector);
		mmio_set(test, vcpu, APIC_EOI, 0);
		KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), -1);
	}
}

static void test_nesting(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test, 0);

	sw_enable(test, vcpu);
	holm_lapic_accept(vcpu, 0, 0x41, false);
	KUNIT_EXPECT_EQ(test, mmio(test, vcpu, APIC_IRR + 0x20), BIT(1));
	holm_lapic_ack(vcpu, 0x41);
	KUNIT_EXPECT_EQ(test, mmio(test, vcpu, APIC_IRR + 0x20), 0U);
	KUNIT_EXPECT_EQ(test, mmio(test, vcpu, APIC_ISR + 0x20), BIT(1));
	KUNIT_EXPECT_EQ(test, mmio(test, vcpu, APIC_PROCPRI), 0x40U);

	/* The same class waits, a lower one too, a higher one does not. */
	holm_lapic_accept(vcpu, 0, 0x4f, false);
	holm_lapic_accept(vcpu, 0, 0x31, false);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), -1);
	holm_lapic_accept(vcpu, 0, 0x50, false);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), 0x50);
	holm_lapic_ack(vcpu, 0x50);
	KUNIT_EXPECT_EQ(test, mmio(test, vcpu, APIC_PROCPRI), 0x50U);

	/* EOIs end the highest first: 0x50, then 0x41, and then 0x4f goes. */
	mmio_set(test, vcpu, APIC_EOI, 0);
	KUNIT_EXPECT_EQ(test, mmio(test, vcpu, APIC_PROCPRI), 0x40U);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), -1);
	mmio_set(test, vcpu, APIC_EOI, 0);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), 0x4f);
	holm_lapic_ack(vcpu, 0x4f);
	mmio_set(test, vcpu, APIC_EOI, 0);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), 0x31);
	holm_lapic_ack(vcpu, 0x31);
	mmio_set(test, vcpu, APIC_EOI, 0);

	/* With nothing in service an EOI does nothing. */
	KUNIT_EXPECT_EQ(test, mmio_set(test, vcpu, APIC_EOI, 0), -1);
	KUNIT_EXPECT_EQ(test, mmio(test, vcpu, APIC_PROCPRI), 0U);
}

static void test_level_eoi(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test, 0);

	sw_enable(test, vcpu);
	holm_lapic_accept(vcpu, 0, 0x61, true);
	KUNIT_EXPECT_EQ(test, mmio(test, vcpu, APIC_TMR + 0x30), BIT(1));
	holm_lapic_ack(vcpu, 0x61);
	KUNIT_EXPECT_EQ(test, mmio_set(test, vcpu, APIC_EOI, 0), 0x61);

	/* The same vector, edge: TMR follows, and nobody hears of the EOI. */
	holm_lapic_accept(vcpu, 0, 0x61, false);
	KUNIT_EXPECT_EQ(test, mmio(test, vcpu, APIC_TMR + 0x30), 0U);
	holm_lapic_ack(vcpu, 0x61);
	KUNIT_EXPECT_EQ(test, mmio_set(test, vcpu, APIC_EOI, 0), -1);
}

/* The hint is set by each arrival and cleared by a scan that finds nothing. */
static void test_irr_hint(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test, 0);

	sw_enable(test, vcpu);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), -1);
	KUNIT_EXPECT_FALSE(test, vcpu->lapic->irr_hint);
	holm_lapic_accept(vcpu, 0, 0x21, false);
	holm_lapic_accept(vcpu, 0, 0xf1, false);
	KUNIT_EXPECT_TRUE(test, vcpu->lapic->irr_hint);
	KUNIT_EXPECT_TRUE(test, test_bit(HOLM_REQ_EVENT, &vcpu->requests));
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), 0xf1);
	holm_lapic_ack(vcpu, 0xf1);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), -1);
	KUNIT_EXPECT_TRUE(test, vcpu->lapic->irr_hint);
	mmio_set(test, vcpu, APIC_EOI, 0);
	holm_lapic_ack(vcpu, holm_lapic_pending(vcpu));
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), -1);
	KUNIT_EXPECT_FALSE(test, vcpu->lapic->irr_hint);
}

/* ---- reset, enable, modes -------------------------------------------------- */

static void test_reset(struct kunit *test)
{
	static const struct {
		u32 offset;
		u32 bsp, ap;
	} rows[] = {
		{ APIC_ID, 0, 1 << 24 },
		{ APIC_LVR, HOLM_LAPIC_VERSION, HOLM_LAPIC_VERSION },
		{ APIC_TASKPRI, 0, 0 },
		{ APIC_PROCPRI, 0, 0 },
		{ APIC_LDR, 0, 0 },
		{ APIC_DFR, ~0U, ~0U },
		{ APIC_SPIV, 0xff, 0xff },
		{ APIC_ESR, 0, 0 },
		{ APIC_ICR, 0, 0 },
		{ APIC_ICR2, 0, 0 },
		{ APIC_LVTT, APIC_LVT_MASKED, APIC_LVT_MASKED },
		{ APIC_LVTTHMR, APIC_LVT_MASKED, APIC_LVT_MASKED },
		{ APIC_LVTPC, APIC_LVT_MASKED, APIC_LVT_MASKED },
		{ APIC_LVT0, APIC_DM_EXTINT, APIC_LVT_MASKED },
		{ APIC_LVT1, APIC_DM_NMI, APIC_LVT_MASKED },
		{ APIC_LVTERR, APIC_LVT_MASKED, APIC_LVT_MASKED },
		{ APIC_TMICT, 0, 0 },
		{ APIC_TMCCT, 0, 0 },
		{ APIC_TDCR, 0, 0 },
	};
	int i, init;

	for (init = 0; init < 2; init++) {
		for (i = 0; i < 2; i++) {
			sw_enable(test, cpu(test, i));
			holm_lapic_accept(cpu(test, i), 0, 0x77, true);
			mmio_set(test, cpu(test, i), APIC_TASKPRI, 0x33);
			mmio_set(test, cpu(test, i), APIC_LDR, 0xff000000);
			mmio_set(test, cpu(test, i), APIC_TMICT, 0xffffffff);
			holm_lapic_reset(cpu(test, i), init);
			KUNIT_EXPECT_EQ(test, holm_lapic_pending(cpu(test, i)), -1);
		}
		for (i = 0; i < ARRAY_SIZE(rows); i++) {
			KUNIT_EXPECT_EQ_MSG(test, mmio(test, cpu(test, 0), rows[i].offset),
					    rows[i].bsp, "BSP %#x", rows[i].offset);
			KUNIT_EXPECT_EQ_MSG(test, mmio(test, cpu(test, 1), rows[i].offset),
					    rows[i].ap, "AP %#x", rows[i].offset);
		}
	}
	KUNIT_EXPECT_EQ(test, holm_lapic_get_base(cpu(test, 0)), 0xfee00900ULL);
	KUNIT_EXPECT_EQ(test, holm_lapic_get_base(cpu(test, 1)), 0xfee00800ULL);
}

/* INIT leaves the mode as it is; RESET goes back to xAPIC mode. */
static void test_init_keeps_mode(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test, 1);
	u64 value;

	to_x2apic(test, vcpu);
	holm_lapic_reset(vcpu, true);
	KUNIT_EXPECT_EQ(test, holm_lapic_get_base(vcpu), 0xfee00c00ULL);
	KUNIT_EXPECT_EQ(test, holm_lapic_msr_read(vcpu, MSR(APIC_LDR), &value), 0);
	KUNIT_EXPECT_EQ(test, value, 2ULL);
	holm_lapic_reset(vcpu, false);
	KUNIT_EXPECT_EQ(test, holm_lapic_get_base(vcpu), 0xfee00800ULL);
}

static void test_software_disable(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test, 0);
	u32 offset;

	/* Off: no interrupt is accepted, NMI and INIT are. */
	KUNIT_EXPECT_FALSE(test, holm_lapic_accept(vcpu, 0, 0x40, false));
	KUNIT_EXPECT_TRUE(test, holm_lapic_accept(vcpu, HOLM_LAPIC_DM_NMI, 0, false));
	KUNIT_EXPECT_TRUE(test, holm_lapic_accept(vcpu, HOLM_LAPIC_DM_INIT, 0, false));

	/* What was pending before stays deliverable. */
	sw_enable(test, vcpu);
	KUNIT_EXPECT_TRUE(test, holm_lapic_accept(vcpu, 0, 0x40, false));
	for (offset = APIC_LVTT; offset <= APIC_LVTERR; offset += 16)
		mmio_set(test, vcpu, offset, 0x50);
	mmio_set(test, vcpu, APIC_SPIV, 0xff);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), 0x40);

	/* All LVT entries are masked and stay so. */
	for (offset = APIC_LVTT; offset <= APIC_LVTERR; offset += 16) {
		KUNIT_EXPECT_EQ(test, mmio(test, vcpu, offset), APIC_LVT_MASKED | 0x50U);
		mmio_set(test, vcpu, offset, 0x60);
		KUNIT_EXPECT_EQ(test, mmio(test, vcpu, offset), APIC_LVT_MASKED | 0x60U);
	}
}

static void test_base_transitions(struct kunit *test)
{
	/* Modes as bits EN, EXTD of IA32_APIC_BASE. */
	enum { OFF = 0, BAD = 0x400, X1 = 0x800, X2 = 0xc00 };
	static const struct {
		u32 from, to;
		bool ok;
	} rows[] = {
		{ OFF, OFF, true }, { OFF, X1, true }, { OFF, X2, false }, { OFF, BAD, false },
		{ X1, OFF, true }, { X1, X1, true }, { X1, X2, true }, { X1, BAD, false },
		{ X2, OFF, true }, { X2, X1, false }, { X2, X2, true }, { X2, BAD, false },
	};
	struct holm_vcpu *vcpu = cpu(test, 0);
	u64 base = HOLM_APIC_DEFAULT_BASE | HOLM_APIC_BASE_BSP;
	int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		KUNIT_ASSERT_EQ(test, holm_lapic_set_base(vcpu, base | rows[i].from, true), 0);
		KUNIT_EXPECT_EQ_MSG(test, holm_lapic_set_base(vcpu, base | rows[i].to, false),
				    rows[i].ok ? 0 : 1, "%#x -> %#x", rows[i].from, rows[i].to);
		KUNIT_EXPECT_EQ(test, holm_lapic_get_base(vcpu),
				base | (rows[i].ok ? rows[i].to : rows[i].from));
	}
}

static void test_base_reserved(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test, 0);
	u64 base = holm_lapic_get_base(vcpu);
	int bit;

	vcpu->phys_mask_reserved = GENMASK_ULL(63, 40);
	for (bit = 0; bit < 64; bit++) {
		bool ok = bit == 8 || (bit >= 10 && bit < 40);

		KUNIT_EXPECT_EQ_MSG(test, holm_lapic_set_base(vcpu, base | BIT_ULL(bit), true),
				    ok ? 0 : 1, "bit %d", bit);
	}

	/* Without x2APIC in CPUID bit 10 is reserved as well. */
	vcpu->cpuid_nent = 0;
	KUNIT_EXPECT_EQ(test, holm_lapic_set_base(vcpu, base | HOLM_APIC_BASE_EXTD, true), 1);
}

static void test_globally_disabled(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test, 1);

	sw_enable(test, vcpu);
	holm_lapic_accept(vcpu, 0, 0x40, false);
	KUNIT_EXPECT_FALSE(test, holm_lapic_accepts_extint(vcpu));
	KUNIT_ASSERT_EQ(test, holm_lapic_set_base(vcpu, HOLM_APIC_DEFAULT_BASE, false), 0);
	KUNIT_EXPECT_TRUE(test, holm_lapic_accepts_extint(vcpu));
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), -1);
	KUNIT_EXPECT_FALSE(test, holm_lapic_accept(vcpu, HOLM_LAPIC_DM_NMI, 0, false));
	KUNIT_EXPECT_FALSE(test, holm_lapic_accept(vcpu, HOLM_LAPIC_DM_INIT, 0, false));
	/* Nobody answers at its address. */
	mmio_set(test, vcpu, APIC_TASKPRI, 0x40);
	KUNIT_EXPECT_EQ(test, mmio(test, vcpu, APIC_TASKPRI), ~0U);
	/* Its state was lost. */
	KUNIT_ASSERT_EQ(test, holm_lapic_set_base(vcpu, HOLM_APIC_DEFAULT_BASE | HOLM_APIC_BASE_EN,
						  false), 0);
	KUNIT_EXPECT_EQ(test, mmio(test, vcpu, APIC_SPIV), 0xffU);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), -1);
}

/* ---- registers ------------------------------------------------------------- */

static void test_esr(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test, 0);

	sw_enable(test, vcpu);
	mmio_set(test, vcpu, APIC_LVTERR, 0xf3);
	/* Received, sent with an illegal vector; no register at 0x90. */
	KUNIT_EXPECT_FALSE(test, holm_lapic_accept(vcpu, 0, 15, false));
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), 0xf3);
	mmio_set(test, vcpu, APIC_ICR, 0x40000 | 5);
	KUNIT_EXPECT_EQ(test, mmio(test, vcpu, 0x90), 0U);
	/* Invisible until ESR is written; then they start anew. */
	KUNIT_EXPECT_EQ(test, mmio(test, vcpu, APIC_ESR), 0U);
	mmio_set(test, vcpu, APIC_ESR, 0);
	KUNIT_EXPECT_EQ(test, mmio(test, vcpu, APIC_ESR),
			(u32)(APIC_ESR_RECVILL | APIC_ESR_SENDILL | APIC_ESR_ILLREGA));
	mmio_set(test, vcpu, APIC_ESR, 0);
	KUNIT_EXPECT_EQ(test, mmio(test, vcpu, APIC_ESR), 0U);

	/* An illegal vector in LVT error itself ends. */
	mmio_set(test, vcpu, APIC_LVTERR, 0x02);
	mmio_set(test, vcpu, 0x20, 0);		/* the ID: read-only, no error */
	KUNIT_EXPECT_EQ(test, vcpu->lapic->esr_pending, 0UL);
	mmio_set(test, vcpu, 0x10, 0);
	mmio_set(test, vcpu, APIC_ESR, 0);
	KUNIT_EXPECT_EQ(test, mmio(test, vcpu, APIC_ESR),
			(u32)(APIC_ESR_RECVILL | APIC_ESR_ILLREGA));
}

static void test_mmio_offsets(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test, 0);
	u32 value;
	int eoi;

	KUNIT_EXPECT_EQ(test, holm_lapic_mmio_read(vcpu, 0x21, &value), -EINVAL);
	KUNIT_EXPECT_EQ(test, holm_lapic_mmio_read(vcpu, 0x400, &value), -EINVAL);
	KUNIT_EXPECT_EQ(test, holm_lapic_mmio_read(vcpu, 0xfffffff0, &value), -EINVAL);
	KUNIT_EXPECT_EQ(test, holm_lapic_mmio_write(vcpu, 0x84, 0, &eoi), -EINVAL);
	KUNIT_EXPECT_EQ(test, holm_lapic_mmio_write(vcpu, 0x400, 0, &eoi), -EINVAL);
}

/* Each x2APIC MSR: readable, writable, the bits that may be set. */
static void test_x2apic_access(struct kunit *test)
{
	static const struct {
		u32 offset;
		bool read, write;
		u64 mask;
	} rows[] = {
		{ APIC_ID, true, false },
		{ APIC_LVR, true, false },
		{ APIC_TASKPRI, true, true, 0xff },
		{ APIC_PROCPRI, true, false },
		{ APIC_EOI, false, true, 0 },
		{ APIC_LDR, true, false },
		{ APIC_SPIV, true, true, 0x3ff },
		{ APIC_ISR, true, false }, { APIC_ISR + 0x70, true, false },
		{ APIC_TMR, true, false }, { APIC_TMR + 0x70, true, false },
		{ APIC_IRR, true, false }, { APIC_IRR + 0x70, true, false },
		{ APIC_ESR, true, true, 0 },
		{ APIC_ICR, true, true, 0xffffffff000cdfffULL },
		{ APIC_LVTT, true, true, 0x710ff },
		{ APIC_LVTTHMR, true, true, 0x117ff },
		{ APIC_LVTPC, true, true, 0x117ff },
		{ APIC_LVT0, true, true, 0x1f7ff },
		{ APIC_LVT1, true, true, 0x1f7ff },
		{ APIC_LVTERR, true, true, 0x110ff },
		{ APIC_TMICT, true, true, 0xffffffff },
		{ APIC_TMCCT, true, false },
		{ APIC_TDCR, true, true, 0xb },
		{ APIC_SELF_IPI, false, true, 0xff },
	};
	struct holm_vcpu *vcpu = cpu(test, 0);
	u32 offset;
	u64 value;
	int i, bit;

	KUNIT_EXPECT_EQ(test, holm_lapic_msr_read(vcpu, MSR(APIC_ID), &value), 1);
	KUNIT_EXPECT_EQ(test, msr_set(vcpu, APIC_EOI, 0), 1);
	to_x2apic(test, vcpu);

	for (offset = 0, i = 0; offset < 0x1000; offset += 16) {
		bool listed = i < ARRAY_SIZE(rows) && rows[i].offset == offset;
		/* Bit maps are listed by their first and last register. */
		bool inside = offset > APIC_ISR && offset < APIC_IRR + 0x70;
		bool readable = listed ? rows[i].read : inside;
		bool writable = listed && rows[i].write;

		KUNIT_EXPECT_EQ_MSG(test, holm_lapic_msr_read(vcpu, MSR(offset), &value),
				    readable ? 0 : 1, "read %#x", offset);
		for (bit = 0; bit < 64; bit++) {
			bool ok = writable && rows[i].mask & BIT_ULL(bit);

			KUNIT_EXPECT_EQ_MSG(test, msr_set(vcpu, offset, BIT_ULL(bit)), ok ? 0 : 1,
					    "write %#x bit %d", offset, bit);
		}
		KUNIT_EXPECT_EQ_MSG(test, msr_set(vcpu, offset, 0), writable ? 0 : 1,
				    "write %#x", offset);
		i += listed;
	}
	KUNIT_EXPECT_EQ(test, i, (int)ARRAY_SIZE(rows));

	/* Timer mode 3; TSC-deadline where CPUID does not have it. */
	KUNIT_EXPECT_EQ(test, msr_set(vcpu, APIC_LVTT, 0x60030), 1);
	vcpu->cpuid_nent = 0;
	KUNIT_EXPECT_EQ(test, msr_set(vcpu, APIC_LVTT, 0x40030), 1);
}

static void test_x2apic_ids(struct kunit *test)
{
	static const struct {
		u32 id, ldr;
	} rows[] = {
		{ 0, 0x00001 }, { 1, 0x00002 }, { 15, 0x08000 }, { 16, 0x10001 },
		{ 37, 0x20020 }, { 254, 0xf4000 },
	};
	struct holm_vcpu *vcpu = cpu(test, 0);
	u64 value;
	int i;

	to_x2apic(test, vcpu);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		KUNIT_EXPECT_EQ(test, holm_x2apic_ldr(rows[i].id), rows[i].ldr);
		vcpu->apic_id = rows[i].id;
		holm_lapic_reset(vcpu, true);
		KUNIT_EXPECT_EQ(test, holm_lapic_msr_read(vcpu, MSR(APIC_ID), &value), 0);
		KUNIT_EXPECT_EQ(test, value, (u64)rows[i].id);
		KUNIT_EXPECT_EQ(test, holm_lapic_msr_read(vcpu, MSR(APIC_LDR), &value), 0);
		KUNIT_EXPECT_EQ(test, value, (u64)rows[i].ldr);
	}
}

static void test_self_ipi(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test, 0);
	u64 value;
	int eoi;

	sw_enable(test, vcpu);
	to_x2apic(test, vcpu);
	KUNIT_EXPECT_EQ(test, msr_set(vcpu, APIC_SELF_IPI, 0x81), 0);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), 0x81);
	holm_lapic_ack(vcpu, 0x81);
	KUNIT_EXPECT_EQ(test, holm_lapic_msr_write(vcpu, MSR(APIC_EOI), 0, &eoi), 0);
	KUNIT_EXPECT_EQ(test, eoi, -1);
	KUNIT_EXPECT_EQ(test, msr_set(vcpu, APIC_SELF_IPI, 0x0f), 0);
	KUNIT_EXPECT_EQ(test, msr_set(vcpu, APIC_ESR, 0), 0);
	KUNIT_EXPECT_EQ(test, holm_lapic_msr_read(vcpu, MSR(APIC_ESR), &value), 0);
	KUNIT_EXPECT_EQ(test, value, (u64)APIC_ESR_SENDILL);
}

static void test_lint0(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test, 0);

	KUNIT_EXPECT_TRUE(test, holm_lapic_accepts_extint(vcpu));
	sw_enable(test, vcpu);
	mmio_set(test, vcpu, APIC_LVT0, APIC_DM_EXTINT | APIC_LVT_MASKED);
	KUNIT_EXPECT_FALSE(test, holm_lapic_accepts_extint(vcpu));

	/* Fixed mode: a rising edge is an interrupt, a level is not. */
	mmio_set(test, vcpu, APIC_LVT0, 0x39);
	KUNIT_EXPECT_FALSE(test, holm_lapic_accepts_extint(vcpu));
	holm_lapic_lint0(vcpu, true);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), 0x39);
	holm_lapic_ack(vcpu, 0x39);
	mmio_set(test, vcpu, APIC_EOI, 0);
	holm_lapic_lint0(vcpu, true);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), -1);
	holm_lapic_lint0(vcpu, false);
	holm_lapic_lint0(vcpu, true);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), 0x39);
}

/* ---- timer arithmetic ------------------------------------------------------ */

static void test_divide(struct kunit *test)
{
	static const u32 divide[16] = {
		2, 4, 8, 16, 2, 4, 8, 16, 32, 64, 128, 1, 32, 64, 128, 1,
	};
	int i;

	for (i = 0; i < 16; i++)
		KUNIT_EXPECT_EQ_MSG(test, holm_timer_divide(i), divide[i], "TDCR %d", i);
}

static void test_period(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, holm_timer_period(1, 1, false), 1ULL);
	KUNIT_EXPECT_EQ(test, holm_timer_period(1, 1, true), 200000ULL);
	KUNIT_EXPECT_EQ(test, holm_timer_period(200001, 1, true), 200001ULL);
	KUNIT_EXPECT_EQ(test, holm_timer_period(~0U, 128, true), 0xffffffffULL * 128);
}

static void test_periods(struct kunit *test)
{
	static const struct {
		u64 target, period, now, next;
	} rows[] = {
		{ 1000, 300, 999, 1000 },
		{ 1000, 300, 1000, 1300 },
		{ 1000, 300, 1299, 1300 },
		{ 1000, 300, 1300, 1600 },
		{ 1000, 300, 10000, 10300 },
		{ 1000, 300, 10299, 10300 },
		{ 1000, 1, 5000, 5001 },
		{ 1000, 549755813760, 1001, 549755814760 },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		u64 next = holm_timer_next(rows[i].target, rows[i].period, rows[i].now);

		KUNIT_EXPECT_EQ_MSG(test, next, rows[i].next, "row %d", i);
		KUNIT_EXPECT_EQ_MSG(test, holm_timer_remaining(rows[i].target, rows[i].period,
							       rows[i].now, true),
				    next - rows[i].now, "row %d", i);
	}
	KUNIT_EXPECT_EQ(test, holm_timer_remaining(1000, 300, 400, false), 600ULL);
	KUNIT_EXPECT_EQ(test, holm_timer_remaining(1000, 300, 1000, false), 0ULL);
	KUNIT_EXPECT_EQ(test, holm_timer_remaining(1000, 300, 2000, false), 0ULL);
}

static void test_count(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, holm_timer_count(0, 16, 100), 0U);
	KUNIT_EXPECT_EQ(test, holm_timer_count(1, 16, 100), 1U);
	KUNIT_EXPECT_EQ(test, holm_timer_count(16, 16, 100), 1U);
	KUNIT_EXPECT_EQ(test, holm_timer_count(17, 16, 100), 2U);
	KUNIT_EXPECT_EQ(test, holm_timer_count(200000, 1, 100), 100U);	/* clamped period */
	KUNIT_EXPECT_EQ(test, holm_timer_count(0xffffffffULL * 128, 128, ~0U), ~0U);
}

static void test_tsc_to_ns(struct kunit *test)
{
	static const struct {
		u64 ticks;
		u32 khz;
		u64 ns;
	} rows[] = {
		{ 0, 3000000, 0 },
		{ 3, 3000000, 1 },
		{ 4, 3000000, 2 },		/* rounded up */
		{ 3000000, 3000000, 1000000 },
		{ 2400000001ULL, 2400000, 1000000001 },
		{ 1ULL << 60, 4000000, 1ULL << 58 },
		/* 34 years is the most: no result overflows an s64. */
		{ ~0ULL, 1, 1099511627776ULL * 1000000 },
		{ ~0ULL, 3000000, 1099511627776ULL * 1000000 },
		{ 5, 0, 0 },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		u64 ns = holm_tsc_to_ns(rows[i].ticks, rows[i].khz);

		KUNIT_EXPECT_EQ_MSG(test, ns, rows[i].ns, "row %d", i);
	}
}

/* ---- timer ----------------------------------------------------------------- */

static bool wait_pending(struct holm_vcpu *vcpu, int vector, int ms)
{
	while (ms-- > 0 && holm_lapic_pending(vcpu) != vector)
		usleep_range(1000, 1100);
	return holm_lapic_pending(vcpu) == vector;
}

static void test_one_shot(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test, 0);
	u32 a, b;

	sw_enable(test, vcpu);
	mmio_set(test, vcpu, APIC_LVTT, 0x91);
	mmio_set(test, vcpu, APIC_TDCR, APIC_TDR_DIV_1);

	/* A second, read twice: it counts down. */
	mmio_set(test, vcpu, APIC_TMICT, 1000000000);
	a = mmio(test, vcpu, APIC_TMCCT);
	usleep_range(100, 200);
	b = mmio(test, vcpu, APIC_TMCCT);
	KUNIT_EXPECT_LE(test, a, 1000000000U);
	KUNIT_EXPECT_LT(test, b, a);
	KUNIT_EXPECT_GT(test, b, 0U);

	mmio_set(test, vcpu, APIC_TMICT, 1000000);
	KUNIT_EXPECT_TRUE(test, wait_pending(vcpu, 0x91, 1000));
	KUNIT_EXPECT_EQ(test, mmio(test, vcpu, APIC_TMCCT), 0U);
	KUNIT_EXPECT_EQ(test, mmio(test, vcpu, APIC_TMICT), 1000000U);
	KUNIT_EXPECT_FALSE(test, hrtimer_active(&vcpu->lapic->timer.hr));

	/* 0 stops. */
	mmio_set(test, vcpu, APIC_TMICT, 1000000000);
	mmio_set(test, vcpu, APIC_TMICT, 0);
	KUNIT_EXPECT_FALSE(test, hrtimer_active(&vcpu->lapic->timer.hr));
	KUNIT_EXPECT_EQ(test, mmio(test, vcpu, APIC_TMCCT), 0U);
}

static void test_periodic(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test, 0);
	struct holm_lapic_timer *timer = &vcpu->lapic->timer;
	u64 first;
	int i;

	sw_enable(test, vcpu);
	mmio_set(test, vcpu, APIC_LVTT, APIC_LVT_TIMER_PERIODIC | 0x91);
	mmio_set(test, vcpu, APIC_TDCR, APIC_TDR_DIV_16);
	mmio_set(test, vcpu, APIC_TMICT, 2000000 / 16);		/* 2 ms */
	first = timer->target;
	for (i = 0; i < 3; i++) {
		KUNIT_ASSERT_TRUE(test, wait_pending(vcpu, 0x91, 1000));
		holm_lapic_ack(vcpu, 0x91);
		mmio_set(test, vcpu, APIC_EOI, 0);
	}
	/* Ends stay on the grid of the first one. */
	KUNIT_EXPECT_EQ(test, (READ_ONCE(timer->target) - first) % 2000000, 0ULL);

	/* Masked it goes on counting without the host's help. */
	mmio_set(test, vcpu, APIC_LVTT, APIC_LVT_TIMER_PERIODIC | APIC_LVT_MASKED | 0x91);
	usleep_range(10000, 12000);
	KUNIT_EXPECT_FALSE(test, hrtimer_active(&timer->hr));
	KUNIT_EXPECT_GT(test, mmio(test, vcpu, APIC_TMCCT), 0U);
	if (holm_lapic_pending(vcpu) >= 0)
		holm_lapic_ack(vcpu, 0x91);
	mmio_set(test, vcpu, APIC_EOI, 0);
	mmio_set(test, vcpu, APIC_LVTT, APIC_LVT_TIMER_PERIODIC | 0x91);
	KUNIT_EXPECT_TRUE(test, wait_pending(vcpu, 0x91, 1000));
	KUNIT_EXPECT_EQ(test, (READ_ONCE(timer->target) - first) % 2000000, 0ULL);
	mmio_set(test, vcpu, APIC_TMICT, 0);
	KUNIT_EXPECT_FALSE(test, hrtimer_active(&timer->hr));
}

static void test_deadline(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test, 0);
	u64 now;

	sw_enable(test, vcpu);
	vcpu->tsc_offset = 1ULL << 40;

	/* Ignored in the other modes. */
	holm_lapic_set_deadline(vcpu, 1);
	KUNIT_EXPECT_EQ(test, holm_lapic_get_deadline(vcpu), 0ULL);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), -1);

	mmio_set(test, vcpu, APIC_LVTT, APIC_LVT_TIMER_TSCDEADLINE | 0xa1);
	mmio_set(test, vcpu, APIC_TMICT, 1000000);
	KUNIT_EXPECT_EQ(test, mmio(test, vcpu, APIC_TMICT), 0U);
	KUNIT_EXPECT_FALSE(test, hrtimer_active(&vcpu->lapic->timer.hr));

	/* Past: at once. */
	holm_lapic_set_deadline(vcpu, 1);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), 0xa1);
	KUNIT_EXPECT_EQ(test, holm_lapic_get_deadline(vcpu), 0ULL);
	holm_lapic_ack(vcpu, 0xa1);
	mmio_set(test, vcpu, APIC_EOI, 0);

	/* 5 ms ahead. */
	now = rdtsc() + vcpu->tsc_offset;
	holm_lapic_set_deadline(vcpu, now + 5ULL * tsc_khz);
	KUNIT_EXPECT_EQ(test, holm_lapic_get_deadline(vcpu), now + 5ULL * tsc_khz);
	KUNIT_EXPECT_TRUE(test, wait_pending(vcpu, 0xa1, 1000));
	KUNIT_EXPECT_GE(test, rdtsc() + vcpu->tsc_offset, now + 5ULL * tsc_khz);
	KUNIT_EXPECT_EQ(test, holm_lapic_get_deadline(vcpu), 0ULL);
	holm_lapic_ack(vcpu, 0xa1);
	mmio_set(test, vcpu, APIC_EOI, 0);

	/* The furthest one; the guest's TSC jumps over it; disarmed with 0. */
	holm_lapic_set_deadline(vcpu, ~0ULL);
	KUNIT_EXPECT_TRUE(test, hrtimer_active(&vcpu->lapic->timer.hr));
	holm_lapic_set_deadline(vcpu, 0);
	KUNIT_EXPECT_FALSE(test, hrtimer_active(&vcpu->lapic->timer.hr));
	holm_lapic_set_deadline(vcpu, now + (1ULL << 50));
	vcpu->tsc_offset += 1ULL << 51;
	holm_lapic_tsc_changed(vcpu);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), 0xa1);

	/* Another mode disarms. */
	holm_lapic_set_deadline(vcpu, ~0ULL);
	mmio_set(test, vcpu, APIC_LVTT, 0xa1);
	KUNIT_EXPECT_FALSE(test, hrtimer_active(&vcpu->lapic->timer.hr));
	mmio_set(test, vcpu, APIC_LVTT, APIC_LVT_TIMER_TSCDEADLINE | 0xa1);
	KUNIT_EXPECT_EQ(test, holm_lapic_get_deadline(vcpu), 0ULL);
}

static void test_divide_change(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test, 0);
	u32 before, after;

	mmio_set(test, vcpu, APIC_TDCR, APIC_TDR_DIV_1);
	mmio_set(test, vcpu, APIC_TMICT, 4000000000U);
	before = mmio(test, vcpu, APIC_TMCCT);
	mmio_set(test, vcpu, APIC_TDCR, APIC_TDR_DIV_128);
	after = mmio(test, vcpu, APIC_TMCCT);
	/* The count goes on: 128 times slower, from where it was. */
	KUNIT_EXPECT_LE(test, after, before);
	KUNIT_EXPECT_GT(test, after, before - 1000000000U);
	KUNIT_EXPECT_GT(test, vcpu->lapic->timer.target, ktime_get_ns() + 300000000000ULL);
	mmio_set(test, vcpu, APIC_TMICT, 0);
}

/* ---- state block ----------------------------------------------------------- */

/* Two blocks that may differ only in what counts down. */
static void expect_same(struct kunit *test, struct holm_lapic *a, struct holm_lapic *b)
{
	int i;

	KUNIT_EXPECT_EQ(test, a->apic_base, b->apic_base);
	KUNIT_EXPECT_EQ(test, a->tsc_deadline, b->tsc_deadline);
	KUNIT_EXPECT_EQ(test, !a->timer_remaining, !b->timer_remaining);
	KUNIT_EXPECT_EQ(test, a->pending, b->pending);
	KUNIT_EXPECT_EQ(test, a->sipi_vector, b->sipi_vector);
	KUNIT_EXPECT_EQ(test, a->esr_pending, b->esr_pending);
	for (i = 0; i < 64; i++)
		if (i != APIC_TMCCT >> 4)
			KUNIT_EXPECT_EQ_MSG(test, a->regs[i], b->regs[i], "register %#x", i << 4);
}

static void round_trip(struct kunit *test, struct holm_vcpu *vcpu)
{
	struct holm_lapic *block = kunit_kzalloc(test, 2 * sizeof(*block), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, block);
	holm_lapic_get(vcpu, &block[0]);
	holm_lapic_reset(vcpu, false);
	KUNIT_ASSERT_EQ(test, holm_lapic_set(vcpu, &block[0]), 0);
	holm_lapic_get(vcpu, &block[1]);
	expect_same(test, &block[0], &block[1]);
	KUNIT_EXPECT_LE(test, block[1].timer_remaining, block[0].timer_remaining);
}

static void fill(struct kunit *test, struct holm_vcpu *vcpu)
{
	int vector;

	sw_enable(test, vcpu);
	mmio_set(test, vcpu, APIC_TASKPRI, 0x21);
	mmio_set(test, vcpu, APIC_LDR, 0x12000000);
	mmio_set(test, vcpu, APIC_DFR, 0);
	for (vector = 16; vector < 256; vector += 11)
		holm_lapic_accept(vcpu, 0, vector, vector & 1);
	holm_lapic_ack(vcpu, holm_lapic_pending(vcpu));
	mmio_set(test, vcpu, APIC_LVT1, 0xf7ff);
	mmio_set(test, vcpu, APIC_ICR2, 0x55000000);
	mmio_set(test, vcpu, APIC_ICR, 0x44);
	mmio(test, vcpu, 0x90);
	mmio_set(test, vcpu, APIC_ESR, 0);
	holm_lapic_accept(vcpu, 0, 3, false);
	holm_lapic_accept(vcpu, HOLM_LAPIC_DM_INIT, 0, false);
	holm_lapic_accept(vcpu, HOLM_LAPIC_DM_SIPI, 0x9f, false);
	holm_lapic_accept(vcpu, HOLM_LAPIC_DM_EXTINT, 0, false);
}

static void test_round_trip(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test, 1);

	round_trip(test, vcpu);
	fill(test, vcpu);
	round_trip(test, vcpu);
	KUNIT_EXPECT_TRUE(test, test_bit(HOLM_REQ_INIT, &vcpu->requests));
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), -1);	/* the highest is in service */
	KUNIT_EXPECT_EQ(test, mmio_set(test, vcpu, APIC_EOI, 0), 247);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), 236);

	mmio_set(test, vcpu, APIC_TDCR, APIC_TDR_DIV_64);
	mmio_set(test, vcpu, APIC_LVTT, APIC_LVT_TIMER_PERIODIC | 0x33);
	mmio_set(test, vcpu, APIC_TMICT, ~0U);
	round_trip(test, vcpu);
	KUNIT_EXPECT_TRUE(test, hrtimer_active(&vcpu->lapic->timer.hr));

	mmio_set(test, vcpu, APIC_LVTT, APIC_LVT_TIMER_TSCDEADLINE | 0x33);
	holm_lapic_set_deadline(vcpu, ~0ULL >> 1);
	round_trip(test, vcpu);
	KUNIT_EXPECT_EQ(test, holm_lapic_get_deadline(vcpu), ~0ULL >> 1);

	to_x2apic(test, vcpu);
	KUNIT_EXPECT_EQ(test, msr_set(vcpu, APIC_ICR, 0x1234567800000044ULL), 0);
	round_trip(test, vcpu);
}

static void test_set_refused(struct kunit *test)
{
	static const struct {
		const char *name;
		size_t offset;		/* of a 32-bit word in struct holm_lapic */
		u32 flip;
	} rows[] = {
#define REGS(o)	(offsetof(struct holm_lapic, regs) + ((o) >> 4) * 4)
		{ "base reserved bit", offsetof(struct holm_lapic, apic_base), 1 },
		{ "base high", offsetof(struct holm_lapic, apic_base) + 4, 1U << 31 },
		{ "x2APIC without enable", offsetof(struct holm_lapic, apic_base), 0xc00 },
		{ "deadline in one-shot mode", offsetof(struct holm_lapic, tsc_deadline), 1 },
		{ "remaining without a count", offsetof(struct holm_lapic, timer_remaining), 1 },
		{ "unknown message", offsetof(struct holm_lapic, pending), 8 },
		{ "SIPI vector without SIPI", offsetof(struct holm_lapic, sipi_vector), 1 },
		{ "unknown error", offsetof(struct holm_lapic, sipi_vector), 0x1000 },
		{ "reserved field", offsetof(struct holm_lapic, sipi_vector), 0x10000 },
		{ "no register 0x00", REGS(0x00), 1 },
		{ "foreign ID", REGS(APIC_ID), 1 << 24 },
		{ "version", REGS(APIC_LVR), 1 << 24 },
		{ "no register 0x40", REGS(0x40), 1 },
		{ "TPR", REGS(APIC_TASKPRI), 0x100 },
		{ "no register 0x90", REGS(0x90), 1 },
		{ "EOI", REGS(APIC_EOI), 1 },
		{ "LDR", REGS(APIC_LDR), 1 },
		{ "DFR", REGS(APIC_DFR), 1 },
		{ "SVR", REGS(APIC_SPIV), 0x1000 },
		{ "vector 15 in service", REGS(APIC_ISR), BIT(15) },
		{ "vector 15 level", REGS(APIC_TMR), BIT(15) },
		{ "vector 0 requested", REGS(APIC_IRR), BIT(0) },
		{ "ESR", REGS(APIC_ESR), BIT(4) },
		{ "no register 0x290", REGS(0x290), 1 },
		{ "LVT CMCI", REGS(APIC_LVTCMCI), 1 },
		{ "ICR status", REGS(APIC_ICR), APIC_ICR_BUSY },
		{ "ICR", REGS(APIC_ICR), BIT(13) },
		{ "ICR high", REGS(APIC_ICR2), 1 },
		{ "LVT timer mode 3", REGS(APIC_LVTT), 3 << 17 },
		{ "LVT timer", REGS(APIC_LVTT), 0x100 },
		{ "LVT thermal", REGS(APIC_LVTTHMR), 0x8000 },
		{ "LVT performance", REGS(APIC_LVTPC), 0x8000 },
		{ "LVT LINT0", REGS(APIC_LVT0), 1 << 17 },
		{ "LVT LINT1", REGS(APIC_LVT1), 0x4000 },
		{ "LVT error", REGS(APIC_LVTERR), 0x100 },
		{ "no register 0x3a0", REGS(0x3a0), 1 },
		{ "TDCR", REGS(APIC_TDCR), 4 },
		{ "self IPI", REGS(APIC_SELF_IPI), 1 },
#undef REGS
	};
	struct holm_vcpu *vcpu = cpu(test, 0);
	struct holm_lapic *block = kunit_kzalloc(test, 3 * sizeof(*block), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, block);
	sw_enable(test, vcpu);
	holm_lapic_get(vcpu, &block[0]);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		block[1] = block[0];
		*(u32 *)((void *)&block[1] + rows[i].offset) ^= rows[i].flip;
		KUNIT_EXPECT_EQ_MSG(test, holm_lapic_set(vcpu, &block[1]), -EINVAL, "%s",
				    rows[i].name);
		holm_lapic_get(vcpu, &block[2]);
		expect_same(test, &block[0], &block[2]);
	}
	KUNIT_EXPECT_EQ(test, holm_lapic_set(vcpu, &block[0]), 0);
}

static struct kunit_case lapic_cases[] = {
	KUNIT_CASE(test_ppr),
	KUNIT_CASE(test_tpr_classes),
	KUNIT_CASE(test_nesting),
	KUNIT_CASE(test_level_eoi),
	KUNIT_CASE(test_irr_hint),
	KUNIT_CASE(test_reset),
	KUNIT_CASE(test_init_keeps_mode),
	KUNIT_CASE(test_software_disable),
	KUNIT_CASE(test_base_transitions),
	KUNIT_CASE(test_base_reserved),
	KUNIT_CASE(test_globally_disabled),
	KUNIT_CASE(test_esr),
	KUNIT_CASE(test_mmio_offsets),
	KUNIT_CASE(test_x2apic_access),
	KUNIT_CASE(test_x2apic_ids),
	KUNIT_CASE(test_self_ipi),
	KUNIT_CASE(test_lint0),
	KUNIT_CASE(test_divide),
	KUNIT_CASE(test_period),
	KUNIT_CASE(test_periods),
	KUNIT_CASE(test_count),
	KUNIT_CASE(test_tsc_to_ns),
	KUNIT_CASE(test_one_shot),
	KUNIT_CASE(test_periodic),
	KUNIT_CASE(test_deadline),
	KUNIT_CASE(test_divide_change),
	KUNIT_CASE(test_round_trip),
	KUNIT_CASE(test_set_refused),
	{}
};

static struct kunit_suite lapic_suite = {
	.name = "holm-lapic",
	.init = lapic_init,
	.exit = lapic_exit,
	.test_cases = lapic_cases,
};
kunit_test_suite(lapic_suite);
