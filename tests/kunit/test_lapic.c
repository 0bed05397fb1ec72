// SPDX-License-Identifier: GPL-2.0-only
/* The local APIC: priorities, arrival, register files, modes, state block. */
#include <linux/completion.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>

#include "../../kmod/x86/lapic_regs.h"
#include "helpers.h"
#include "suites.h"

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

static int msr_set(struct holm_vcpu *vcpu, u32 offset, u64 value)
{
	int eoi;

	return holm_lapic_msr_write(vcpu, MSR(offset), value, &eoi);
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

	holm_apic_enable(test, vcpu);
	for (vector = HOLM_LAPIC_FIRST_VECTOR; vector < 256; vector += 7) {
		KUNIT_ASSERT_TRUE(test, holm_lapic_accept(vcpu, 0, vector, false));
		for (class = 0; class < 16; class++) {
			holm_lapic_set_cr8(vcpu, class);
			KUNIT_EXPECT_EQ_MSG(test, holm_lapic_pending(vcpu),
					    vector >> 4 > class ? vector : -1,
					    "vector %#x cr8 %d", vector, class);
			KUNIT_EXPECT_EQ(test, holm_lapic_get_cr8(vcpu), (u64)class);
			KUNIT_EXPECT_EQ(test, holm_apic_read(test, vcpu, APIC_TASKPRI),
					(u32)class << 4);
		}
		holm_lapic_set_cr8(vcpu, 0);
		holm_lapic_ack(vcpu, vector);
		holm_apic_write(test, vcpu, APIC_EOI, 0);
		KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), -1);
	}
}

static void test_nesting(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test, 0);

	holm_apic_enable(test, vcpu);
	holm_lapic_accept(vcpu, 0, 0x41, false);
	KUNIT_EXPECT_EQ(test, holm_apic_read(test, vcpu, APIC_IRR + 0x20), BIT(1));
	holm_lapic_ack(vcpu, 0x41);
	KUNIT_EXPECT_EQ(test, holm_apic_read(test, vcpu, APIC_IRR + 0x20), 0U);
	KUNIT_EXPECT_EQ(test, holm_apic_read(test, vcpu, APIC_ISR + 0x20), BIT(1));
	KUNIT_EXPECT_EQ(test, holm_apic_read(test, vcpu, APIC_PROCPRI), 0x40U);

	/* The same class waits, a lower one too, a higher one does not. */
	holm_lapic_accept(vcpu, 0, 0x4f, false);
	holm_lapic_accept(vcpu, 0, 0x31, false);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), -1);
	holm_lapic_accept(vcpu, 0, 0x50, false);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), 0x50);
	holm_lapic_ack(vcpu, 0x50);
	KUNIT_EXPECT_EQ(test, holm_apic_read(test, vcpu, APIC_PROCPRI), 0x50U);

	/* EOIs end the highest first: 0x50, then 0x41, and then 0x4f goes. */
	holm_apic_write(test, vcpu, APIC_EOI, 0);
	KUNIT_EXPECT_EQ(test, holm_apic_read(test, vcpu, APIC_PROCPRI), 0x40U);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), -1);
	holm_apic_write(test, vcpu, APIC_EOI, 0);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), 0x4f);
	holm_lapic_ack(vcpu, 0x4f);
	holm_apic_write(test, vcpu, APIC_EOI, 0);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), 0x31);
	holm_lapic_ack(vcpu, 0x31);
	holm_apic_write(test, vcpu, APIC_EOI, 0);

	/* With nothing in service an EOI does nothing. */
	KUNIT_EXPECT_EQ(test, holm_apic_write(test, vcpu, APIC_EOI, 0), -1);
	KUNIT_EXPECT_EQ(test, holm_apic_read(test, vcpu, APIC_PROCPRI), 0U);
}

static void test_level_eoi(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test, 0);

	holm_apic_enable(test, vcpu);
	holm_lapic_accept(vcpu, 0, 0x61, true);
	KUNIT_EXPECT_EQ(test, holm_apic_read(test, vcpu, APIC_TMR + 0x30), BIT(1));
	holm_lapic_ack(vcpu, 0x61);
	KUNIT_EXPECT_EQ(test, holm_apic_write(test, vcpu, APIC_EOI, 0), 0x61);

	/* The same vector, edge: TMR follows, and nobody hears of the EOI. */
	holm_lapic_accept(vcpu, 0, 0x61, false);
	KUNIT_EXPECT_EQ(test, holm_apic_read(test, vcpu, APIC_TMR + 0x30), 0U);
	holm_lapic_ack(vcpu, 0x61);
	KUNIT_EXPECT_EQ(test, holm_apic_write(test, vcpu, APIC_EOI, 0), -1);
}

/* The hint is set by each arrival and cleared by a scan that finds nothing. */
static void test_irr_hint(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test, 0);

	holm_apic_enable(test, vcpu);
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
	holm_apic_write(test, vcpu, APIC_EOI, 0);
	holm_lapic_ack(vcpu, holm_lapic_pending(vcpu));
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), -1);
	KUNIT_EXPECT_FALSE(test, vcpu->lapic->irr_hint);
}

/*
 * Each sender waits until its interrupt was taken before it sends the next: a
 * request that gets lost between the bit and the hint stops it.
 */
#define SENDERS	2
#define ROUNDS	200

struct sender {
	struct holm_vcpu *vcpu;
	struct task_struct *task;
	u8 vector;
	unsigned int taken;
	unsigned int sent;
	bool stop;
	struct completion done;
};

static int sender_fn(void *data)
{
	struct sender *s = data;

	while (s->sent < ROUNDS && !READ_ONCE(s->stop)) {
		holm_lapic_accept(s->vcpu, 0, s->vector, false);
		WRITE_ONCE(s->sent, s->sent + 1);
		while (READ_ONCE(s->taken) != s->sent && !READ_ONCE(s->stop))
			cond_resched();
	}
	complete(&s->done);
	return 0;
}

static bool all_taken(struct sender *s)
{
	int i;

	for (i = 0; i < SENDERS; i++)
		if (s[i].taken != ROUNDS)
			return false;
	return true;
}

static void test_concurrent_senders(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test, 0);
	struct sender *senders = kunit_kcalloc(test, SENDERS, sizeof(*senders), GFP_KERNEL);
	unsigned long end = jiffies + 20 * HZ;	/* without any progress */
	int i, vector;

	KUNIT_ASSERT_NOT_NULL(test, senders);
	holm_apic_enable(test, vcpu);
	for (i = 0; i < SENDERS; i++) {
		senders[i].vcpu = vcpu;
		senders[i].vector = 0x30 + 0x40 * i;
		init_completion(&senders[i].done);
		senders[i].task = kthread_run(sender_fn, &senders[i], "holm-sender");
		if (IS_ERR(senders[i].task))
			complete(&senders[i].done);
	}
	while (!all_taken(senders) && time_before(jiffies, end)) {
		vector = holm_lapic_pending(vcpu);
		if (vector < 0) {
			cond_resched();
			continue;
		}
		holm_lapic_ack(vcpu, vector);
		KUNIT_EXPECT_EQ(test, holm_lapic_eoi(vcpu->lapic), -1);
		i = (vector - 0x30) / 0x40;
		WRITE_ONCE(senders[i].taken, senders[i].taken + 1);
		end = jiffies + 20 * HZ;
	}
	for (i = 0; i < SENDERS; i++) {
		WRITE_ONCE(senders[i].stop, true);
		wait_for_completion(&senders[i].done);
		KUNIT_EXPECT_EQ_MSG(test, senders[i].taken, (unsigned int)ROUNDS, "sender %d", i);
	}
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
			holm_apic_enable(test, cpu(test, i));
			holm_lapic_accept(cpu(test, i), 0, 0x77, true);
			holm_apic_write(test, cpu(test, i), APIC_TASKPRI, 0x33);
			holm_apic_write(test, cpu(test, i), APIC_LDR, 0xff000000);
			holm_apic_write(test, cpu(test, i), APIC_TMICT, 0xffffffff);
			holm_lapic_reset(cpu(test, i), init);
			KUNIT_EXPECT_EQ(test, holm_lapic_pending(cpu(test, i)), -1);
		}
		for (i = 0; i < ARRAY_SIZE(rows); i++) {
			u32 offset = rows[i].offset;

			KUNIT_EXPECT_EQ_MSG(test, holm_apic_read(test, cpu(test, 0), offset),
					    rows[i].bsp, "BSP %#x", offset);
			KUNIT_EXPECT_EQ_MSG(test, holm_apic_read(test, cpu(test, 1), offset),
					    rows[i].ap, "AP %#x", offset);
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
	holm_apic_enable(test, vcpu);
	KUNIT_EXPECT_TRUE(test, holm_lapic_accept(vcpu, 0, 0x40, false));
	for (offset = APIC_LVTT; offset <= APIC_LVTERR; offset += 16)
		holm_apic_write(test, vcpu, offset, 0x50);
	holm_apic_write(test, vcpu, APIC_SPIV, 0xff);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), 0x40);

	/* All LVT entries are masked and stay so. */
	for (offset = APIC_LVTT; offset <= APIC_LVTERR; offset += 16) {
		KUNIT_EXPECT_EQ(test, holm_apic_read(test, vcpu, offset), APIC_LVT_MASKED | 0x50U);
		holm_apic_write(test, vcpu, offset, 0x60);
		KUNIT_EXPECT_EQ(test, holm_apic_read(test, vcpu, offset), APIC_LVT_MASKED | 0x60U);
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

	holm_apic_enable(test, vcpu);
	holm_lapic_accept(vcpu, 0, 0x40, false);
	KUNIT_EXPECT_FALSE(test, holm_lapic_accepts_extint(vcpu));
	KUNIT_ASSERT_EQ(test, holm_lapic_set_base(vcpu, HOLM_APIC_DEFAULT_BASE, false), 0);
	KUNIT_EXPECT_TRUE(test, holm_lapic_accepts_extint(vcpu));
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), -1);
	KUNIT_EXPECT_FALSE(test, holm_lapic_accept(vcpu, HOLM_LAPIC_DM_NMI, 0, false));
	KUNIT_EXPECT_FALSE(test, holm_lapic_accept(vcpu, HOLM_LAPIC_DM_INIT, 0, false));
	/* Nobody answers at its address. */
	holm_apic_write(test, vcpu, APIC_TASKPRI, 0x40);
	KUNIT_EXPECT_EQ(test, holm_apic_read(test, vcpu, APIC_TASKPRI), ~0U);
	/* Its state was lost. */
	KUNIT_ASSERT_EQ(test, holm_lapic_set_base(vcpu, HOLM_APIC_DEFAULT_BASE | HOLM_APIC_BASE_EN,
						  false), 0);
	KUNIT_EXPECT_EQ(test, holm_apic_read(test, vcpu, APIC_SPIV), 0xffU);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), -1);
}

/* ---- registers ------------------------------------------------------------- */

static void test_esr(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test, 0);

	holm_apic_enable(test, vcpu);
	holm_apic_write(test, vcpu, APIC_LVTERR, 0xf3);
	/* Received, sent with an illegal vector; no register at 0x90. */
	KUNIT_EXPECT_FALSE(test, holm_lapic_accept(vcpu, 0, 15, false));
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), 0xf3);
	holm_apic_write(test, vcpu, APIC_ICR, 0x40000 | 5);
	KUNIT_EXPECT_EQ(test, holm_apic_read(test, vcpu, 0x90), 0U);
	/* Invisible until ESR is written; then they start anew. */
	KUNIT_EXPECT_EQ(test, holm_apic_read(test, vcpu, APIC_ESR), 0U);
	holm_apic_write(test, vcpu, APIC_ESR, 0);
	KUNIT_EXPECT_EQ(test, holm_apic_read(test, vcpu, APIC_ESR),
			(u32)(APIC_ESR_RECVILL | APIC_ESR_SENDILL | APIC_ESR_ILLREGA));
	holm_apic_write(test, vcpu, APIC_ESR, 0);
	KUNIT_EXPECT_EQ(test, holm_apic_read(test, vcpu, APIC_ESR), 0U);

	/* An illegal vector in LVT error itself ends. */
	holm_apic_write(test, vcpu, APIC_LVTERR, 0x02);
	holm_apic_write(test, vcpu, 0x20, 0);		/* the ID: read-only, no error */
	KUNIT_EXPECT_EQ(test, vcpu->lapic->esr_pending, 0UL);
	holm_apic_write(test, vcpu, 0x10, 0);
	holm_apic_write(test, vcpu, APIC_ESR, 0);
	KUNIT_EXPECT_EQ(test, holm_apic_read(test, vcpu, APIC_ESR),
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

	holm_apic_enable(test, vcpu);
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
	holm_apic_enable(test, vcpu);
	holm_apic_write(test, vcpu, APIC_LVT0, APIC_DM_EXTINT | APIC_LVT_MASKED);
	KUNIT_EXPECT_FALSE(test, holm_lapic_accepts_extint(vcpu));

	/* Fixed mode: a rising edge is an interrupt, a level is not. */
	holm_apic_write(test, vcpu, APIC_LVT0, 0x39);
	KUNIT_EXPECT_FALSE(test, holm_lapic_accepts_extint(vcpu));
	holm_lapic_lint0(vcpu, true);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), 0x39);
	holm_lapic_ack(vcpu, 0x39);
	holm_apic_write(test, vcpu, APIC_EOI, 0);
	holm_lapic_lint0(vcpu, true);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), -1);
	holm_lapic_lint0(vcpu, false);
	holm_lapic_lint0(vcpu, true);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), 0x39);
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

	holm_apic_enable(test, vcpu);
	holm_apic_write(test, vcpu, APIC_TASKPRI, 0x21);
	holm_apic_write(test, vcpu, APIC_LDR, 0x12000000);
	holm_apic_write(test, vcpu, APIC_DFR, 0);
	for (vector = 16; vector < 256; vector += 11)
		holm_lapic_accept(vcpu, 0, vector, vector & 1);
	holm_lapic_ack(vcpu, holm_lapic_pending(vcpu));
	holm_apic_write(test, vcpu, APIC_LVT1, 0xf7ff);
	holm_apic_write(test, vcpu, APIC_ICR2, 0x55000000);
	holm_apic_write(test, vcpu, APIC_ICR, 0x44);
	holm_apic_read(test, vcpu, 0x90);
	holm_apic_write(test, vcpu, APIC_ESR, 0);
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
	KUNIT_EXPECT_EQ(test, holm_apic_write(test, vcpu, APIC_EOI, 0), 247);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), 236);

	holm_apic_write(test, vcpu, APIC_TDCR, APIC_TDR_DIV_64);
	holm_apic_write(test, vcpu, APIC_LVTT, APIC_LVT_TIMER_PERIODIC | 0x33);
	holm_apic_write(test, vcpu, APIC_TMICT, ~0U);
	round_trip(test, vcpu);
	KUNIT_EXPECT_TRUE(test, hrtimer_active(&vcpu->lapic->timer.hr));

	holm_apic_write(test, vcpu, APIC_LVTT, APIC_LVT_TIMER_TSCDEADLINE | 0x33);
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
	holm_apic_enable(test, vcpu);
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
	KUNIT_CASE(test_concurrent_senders),
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
	KUNIT_CASE(test_round_trip),
	KUNIT_CASE(test_set_refused),
	{}
};

struct kunit_suite holm_lapic_suite = {
	.name = "holm-lapic",
	.init = lapic_init,
	.exit = lapic_exit,
	.test_cases = lapic_cases,
};
