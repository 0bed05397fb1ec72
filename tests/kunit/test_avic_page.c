// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC in xAPIC mode with a virtual-APIC page in which others set
 * requests, as AVIC has it. What the CPU does to the page is done by hand.
 */
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/kthread.h>
#include <linux/slab.h>
#include <asm/processor-flags.h>

#include "../../kmod/x86/lapic_regs.h"
#include "helpers.h"
#include "suites.h"

/* ---- the LAPIC ---------------------------------------------------------------- */

struct rig {
	struct holm_vm *vm;
	struct holm_vcpu *vcpu;		/* APIC ID 1 */
	struct holm_lapic_state *lapic;
	u32 *page;
};

static int rung_cpu;
static bool ring_answer;

static bool ring(int cpu)
{
	rung_cpu = cpu;
	return ring_answer;
}

static int avic_init(struct kunit *test)
{
	struct rig *rig = kunit_kzalloc(test, sizeof(*rig), GFP_KERNEL);

	if (!rig)
		return -ENOMEM;
	rig->page = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	rig->vm = holm_test_vm(test, 3);
	if (!rig->page || !rig->vm)
		return -ENOMEM;
	rig->vcpu = rig->vm->vcpus[1];
	rig->lapic = rig->vcpu->lapic;
	rig->lapic->shared = rig->page;
	test->priv = rig;
	holm_apic_enable(test, rig->vcpu);
	rung_cpu = -1;
	ring_answer = true;
	return 0;
}

static void avic_end(struct kunit *test)
{
	struct rig *rig = test->priv;

	if (rig)
		holm_test_vm_end(rig->vm);
}

static void start(struct rig *rig)
{
	holm_lapic_virt_start(rig->lapic, rig->page);
	WRITE_ONCE(rig->lapic->ring, ring);
	holm_lapic_virt_merge(rig->lapic);
	holm_lapic_virt_tmr(rig->lapic);
	rig->vcpu->requests = 0;
}

static u32 *page_map(struct rig *rig, u32 base, u8 vector)
{
	return rig->page + (base + 16 * (vector / 32)) / 4;
}

static bool page_has(struct rig *rig, u32 base, u8 vector)
{
	return READ_ONCE(*page_map(rig, base, vector)) & BIT(vector % 32);
}

/* Another CPU that sends by the tables. */
static void cpu_sends(struct rig *rig, u8 vector)
{
	atomic_or(BIT(vector % 32), (atomic_t *)page_map(rig, APIC_IRR, vector));
}

/* This CPU delivers it. */
static void deliver(struct rig *rig, u8 vector)
{
	atomic_andnot(BIT(vector % 32), (atomic_t *)page_map(rig, APIC_IRR, vector));
	*page_map(rig, APIC_ISR, vector) |= BIT(vector % 32);
}

static bool accept(struct rig *rig, u8 vector, bool level)
{
	return holm_lapic_accept(rig->vcpu, HOLM_LAPIC_DM_FIXED, vector, level);
}

static bool take_request(struct holm_vcpu *vcpu)
{
	return test_and_clear_bit(HOLM_REQ_EVENT, &vcpu->requests);
}

static u32 reg(struct rig *rig, u32 offset)
{
	return rig->page[offset / 4];
}

/* The guest's write is in the page, and the CPU exits behind it. */
static int trap(struct rig *rig, u32 offset, u32 value)
{
	rig->page[offset / 4] = value;
	return holm_lapic_virt_written(rig->vcpu, offset);
}

/* The guest reads from the page what it would by an exit. */
static void avic_copies(struct kunit *test)
{
	static const u16 offsets[] = {
		APIC_ID, APIC_LVR, APIC_LDR, APIC_DFR, APIC_SPIV, APIC_ESR, APIC_ICR, APIC_ICR2,
		APIC_LVTT, APIC_LVTERR, APIC_TMICT, APIC_TDCR,
	};
	struct rig *rig = test->priv;
	struct holm_vcpu *vcpu = rig->vcpu;
	unsigned int i;

	holm_apic_write(test, vcpu, APIC_LDR, 0x02000000);
	holm_apic_write(test, vcpu, APIC_DFR, 0x0fffffff);
	holm_apic_write(test, vcpu, APIC_ICR2, 0x7f000000);
	holm_apic_write(test, vcpu, APIC_LVTT, 0x10033);
	holm_apic_write(test, vcpu, APIC_TDCR, 0x3);
	holm_apic_write(test, vcpu, APIC_TASKPRI, 0x25);
	start(rig);
	KUNIT_EXPECT_EQ(test, reg(rig, APIC_ID), 0x01000000U);
	KUNIT_EXPECT_EQ(test, reg(rig, APIC_TASKPRI), 0x25U);
	for (i = 0; i < ARRAY_SIZE(offsets); i++)
		KUNIT_EXPECT_EQ_MSG(test, holm_apic_read(test, vcpu, offsets[i]),
				    reg(rig, offsets[i]), "register %#x", offsets[i]);
	KUNIT_EXPECT_EQ(test, reg(rig, APIC_ICR2), 0x7f000000U);
	KUNIT_EXPECT_EQ(test, reg(rig, APIC_DFR), 0x0fffffffU);
}

static void avic_traps(struct kunit *test)
{
	static const struct {
		const char *name;
		u32 offset, written, value;
	} rows[] = {
		{ "APIC ID",		APIC_ID,	0x05000000, 0x01000000 },
		{ "RRD",		APIC_RRR,	~0U,	0 },
		{ "LDR",		APIC_LDR,	~0U,	0xff000000 },
		{ "DFR",		APIC_DFR,	0,	0x0fffffff },
		{ "SVR",		APIC_SPIV,	~0U,	0x3ff },
		{ "ESR",		APIC_ESR,	0xff,	APIC_ESR_ILLREGA },
		{ "LVT timer",		APIC_LVTT,	0x10033, 0x10033 },
		{ "LVT thermal",	APIC_LVTTHMR,	~0U,	0x107ff },
		{ "LVT error",		APIC_LVTERR,	~0U,	0x100ff },
		{ "initial count",	APIC_TMICT,	0x12345, 0x12345 },
		{ "divide",		APIC_TDCR,	~0U,	0xb },
	};
	struct rig *rig = test->priv;
	int changes;
	unsigned int i;

	start(rig);
	changes = atomic_read(&rig->vm->lapic_changes);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		KUNIT_EXPECT_EQ_MSG(test, trap(rig, rows[i].offset, rows[i].written), -1,
				    "%s", rows[i].name);
		KUNIT_EXPECT_EQ_MSG(test, reg(rig, rows[i].offset), rows[i].value,
				    "%s", rows[i].name);
	}
	KUNIT_EXPECT_NOT_NULL(test, rig->lapic->page);
	KUNIT_EXPECT_EQ(test, rig->lapic->ldr, 0xff000000U);
	KUNIT_EXPECT_EQ(test, rig->lapic->dfr, 0x0fffffffU);
	/* The tables are to be made again: LDR, DFR, SVR. */
	KUNIT_EXPECT_EQ(test, atomic_read(&rig->vm->lapic_changes), changes + 3);
}

/* An IPI that the CPU leaves to software, by what the guest wrote into the page. */
static void avic_icr(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct holm_vcpu *other = rig->vm->vcpus[2];

	holm_apic_enable(test, other);
	start(rig);
	rig->page[APIC_ICR2 / 4] = 0x02ffffff;
	KUNIT_EXPECT_EQ(test, trap(rig, APIC_ICR, APIC_ICR_BUSY | APIC_DM_NMI), -1);
	KUNIT_EXPECT_EQ(test, atomic_read(&other->nmi_pending), 1);
	KUNIT_EXPECT_EQ(test, reg(rig, APIC_ICR), (u32)APIC_DM_NMI);

	/* Sent without an exit: only the page knows. */
	rig->page[APIC_ICR2 / 4] = 0x00000000;
	rig->page[APIC_ICR / 4] = APIC_ICR_BUSY | 0x55;
	KUNIT_EXPECT_EQ(test, holm_apic_read(test, rig->vcpu, APIC_ICR), 0x55U);
	KUNIT_EXPECT_EQ(test, holm_apic_read(test, rig->vcpu, APIC_ICR2), 0U);

	/* Another register's trap leaves them alone. */
	start(rig);
	rig->page[APIC_ICR2 / 4] = 0x02000000;
	trap(rig, APIC_LVTT, 0x10033);
	KUNIT_EXPECT_EQ(test, reg(rig, APIC_ICR2), 0x02000000U);

	/* A vector that is none: an error, and nothing is sent. */
	KUNIT_EXPECT_EQ(test, trap(rig, APIC_ICR, 0x0f), -1);
	trap(rig, APIC_ESR, 0);
	KUNIT_EXPECT_EQ(test, reg(rig, APIC_ESR), (u32)APIC_ESR_SENDILL);
}

static void avic_eoi(struct kunit *test)
{
	struct rig *rig = test->priv;

	start(rig);
	accept(rig, 0x61, true);
	KUNIT_EXPECT_TRUE(test, take_request(rig->vcpu));
	KUNIT_EXPECT_FALSE(test, page_has(rig, APIC_IRR, 0x61));
	holm_lapic_virt_merge(rig->lapic);
	holm_lapic_virt_tmr(rig->lapic);
	KUNIT_EXPECT_TRUE(test, page_has(rig, APIC_IRR, 0x61));
	KUNIT_EXPECT_TRUE(test, page_has(rig, APIC_TMR, 0x61));
	cpu_sends(rig, 0x41);
	deliver(rig, 0x41);
	deliver(rig, 0x61);

	/* In service still, or not any more: no other one goes. */
	holm_lapic_virt_eoi(rig->lapic, 0x61);
	KUNIT_EXPECT_FALSE(test, page_has(rig, APIC_ISR, 0x61));
	KUNIT_EXPECT_TRUE(test, page_has(rig, APIC_ISR, 0x41));
	KUNIT_EXPECT_EQ(test, reg(rig, APIC_PROCPRI), 0x40U);
	holm_lapic_virt_eoi(rig->lapic, 0x61);
	KUNIT_EXPECT_TRUE(test, page_has(rig, APIC_ISR, 0x41));
	KUNIT_EXPECT_EQ(test, holm_lapic_virt_isr_top(rig->lapic), 0x41);

	/* An edge of the same vector: the next EOI does not exit. */
	accept(rig, 0x61, false);
	holm_lapic_virt_merge(rig->lapic);
	holm_lapic_virt_tmr(rig->lapic);
	KUNIT_EXPECT_FALSE(test, page_has(rig, APIC_TMR, 0x61));
}

/* All of it is state, whoever put it into the page. */
static void avic_state(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct holm_lapic *before = kunit_kzalloc(test, sizeof(*before), GFP_KERNEL);
	struct holm_lapic *after = kunit_kzalloc(test, sizeof(*after), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, before);
	KUNIT_ASSERT_NOT_NULL(test, after);
	start(rig);
	accept(rig, 0x71, false);
	cpu_sends(rig, 0x51);
	deliver(rig, 0x51);
	cpu_sends(rig, 0x52);
	cpu_sends(rig, 0x0e);			/* there is no such vector */
	rig->page[APIC_ICR2 / 4] = ~0U;
	rig->page[APIC_ICR / 4] = ~0U;
	holm_lapic_get(rig->vcpu, before);
	KUNIT_EXPECT_NULL(test, rig->lapic->page);
	KUNIT_EXPECT_NULL(test, rig->lapic->ring);
	KUNIT_EXPECT_EQ(test, before->regs[(APIC_IRR + 0x20) / 16], BIT(0x12));
	KUNIT_EXPECT_EQ(test, before->regs[(APIC_IRR + 0x30) / 16], BIT(0x11));
	KUNIT_EXPECT_EQ(test, before->regs[(APIC_ISR + 0x20) / 16], BIT(0x11));
	KUNIT_EXPECT_EQ(test, before->regs[APIC_IRR / 16], 0U);

	/* One more while the page is not in use. */
	cpu_sends(rig, 0x72);
	holm_lapic_get(rig->vcpu, before);
	KUNIT_EXPECT_EQ(test, before->regs[(APIC_IRR + 0x30) / 16], BIT(0x11) | BIT(0x12));

	/* What is set is all there is. */
	cpu_sends(rig, 0x73);
	KUNIT_EXPECT_EQ(test, holm_lapic_set(rig->vcpu, before), 0);
	start(rig);
	holm_lapic_get(rig->vcpu, after);
	KUNIT_EXPECT_EQ(test, memcmp(before, after, sizeof(*before)), 0);
}

/* Requests in the page, by what the LAPIC accepts. */
static void avic_shared(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct holm_lapic_state *lapic = rig->lapic;

	/* Seen with the hint, which the sender's exit sets. */
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(rig->vcpu), -1);
	cpu_sends(rig, 0x41);
	holm_lapic_tell(lapic);
	KUNIT_EXPECT_TRUE(test, take_request(rig->vcpu));
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(rig->vcpu), 0x41);
	KUNIT_EXPECT_FALSE(test, page_has(rig, APIC_IRR, 0x41));

	/* A start takes over what is in lapic->irr, and keeps what is in the page. */
	cpu_sends(rig, 0x51);
	start(rig);
	KUNIT_EXPECT_TRUE(test, page_has(rig, APIC_IRR, 0x41));
	KUNIT_EXPECT_TRUE(test, page_has(rig, APIC_IRR, 0x51));
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(rig->vcpu), 0x51);
	holm_lapic_virt_stop(lapic);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(rig->vcpu), 0x51);
	KUNIT_EXPECT_FALSE(test, page_has(rig, APIC_IRR, 0x51));

	/* Software disabled: what was there stays, and no more comes. */
	holm_apic_write(test, rig->vcpu, APIC_SPIV, 0xff);
	cpu_sends(rig, 0x61);
	holm_lapic_tell(lapic);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(rig->vcpu), 0x51);
	KUNIT_EXPECT_FALSE(test, page_has(rig, APIC_IRR, 0x61));
	/* Nor what was sent before it was enabled. */
	cpu_sends(rig, 0x62);
	holm_apic_enable(test, rig->vcpu);
	cpu_sends(rig, 0x42);
	holm_lapic_tell(lapic);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(rig->vcpu), 0x51);
	KUNIT_EXPECT_TRUE(test, test_bit(0x42, lapic->irr));

	/* INIT leaves none, wherever they are. */
	cpu_sends(rig, 0x63);
	holm_lapic_reset(rig->vcpu, true);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(rig->vcpu), -1);
	holm_apic_enable(test, rig->vcpu);
	holm_lapic_tell(lapic);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(rig->vcpu), -1);
}

/* x2APIC mode, a disabled APIC: the page is not in use, and its requests are kept. */
static void avic_stops(struct kunit *test)
{
	struct rig *rig = test->priv;
	u64 base = holm_lapic_get_base(rig->vcpu);

	start(rig);
	cpu_sends(rig, 0x51);
	KUNIT_EXPECT_EQ(test, holm_lapic_set_base(rig->vcpu, base | HOLM_APIC_BASE_EXTD, false), 0);
	KUNIT_EXPECT_NULL(test, rig->lapic->page);
	KUNIT_EXPECT_NULL(test, rig->lapic->ring);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(rig->vcpu), 0x51);
	/* By a broadcast of one that is in xAPIC mode. */
	cpu_sends(rig, 0x52);
	holm_lapic_tell(rig->lapic);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(rig->vcpu), 0x52);

	KUNIT_EXPECT_EQ(test, holm_lapic_set_base(rig->vcpu, base & ~HOLM_APIC_BASE_EN, true), 0);
	cpu_sends(rig, 0x53);
	holm_lapic_tell(rig->lapic);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(rig->vcpu), -1);

	/* Registers that are in the page, read by software. */
	KUNIT_EXPECT_EQ(test, holm_lapic_set_base(rig->vcpu, base, true), 0);
	holm_apic_enable(test, rig->vcpu);
	start(rig);
	cpu_sends(rig, 0x54);
	KUNIT_EXPECT_EQ(test, holm_apic_read(test, rig->vcpu, APIC_IRR + 0x20), (u32)BIT(0x14));
	KUNIT_EXPECT_NULL(test, rig->lapic->page);
}

/* ---- who is told how ----------------------------------------------------------- */

static void avic_ring(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct holm_vcpu *vcpu = rig->vcpu;
	int here;

	start(rig);
	/* Out of the guest: not by the page. */
	accept(rig, 0x41, false);
	KUNIT_EXPECT_TRUE(test, take_request(vcpu));
	KUNIT_EXPECT_TRUE(test, test_bit(0x41, rig->lapic->irr));
	KUNIT_EXPECT_FALSE(test, page_has(rig, APIC_IRR, 0x41));
	KUNIT_EXPECT_EQ(test, rung_cpu, -1);
	holm_lapic_virt_merge(rig->lapic);

	preempt_disable();
	here = smp_processor_id();
	vcpu->cpu = cpumask_any_but(cpu_online_mask, here);
	if (vcpu->cpu < nr_cpu_ids) {
		/* In the guest on another CPU: the page, the bell, and no request. */
		vcpu->mode = HOLM_IN_GUEST;
		accept(rig, 0x51, false);
		KUNIT_EXPECT_EQ(test, rung_cpu, vcpu->cpu);
		KUNIT_EXPECT_TRUE(test, page_has(rig, APIC_IRR, 0x51));
		KUNIT_EXPECT_FALSE(test, take_request(vcpu));
		KUNIT_EXPECT_FALSE(test, rig->lapic->irr_hint);
		KUNIT_EXPECT_EQ(test, vcpu->mode, (int)HOLM_IN_GUEST);
		/* Once for what is not taken yet. */
		rung_cpu = -1;
		accept(rig, 0x51, false);
		KUNIT_EXPECT_EQ(test, rung_cpu, -1);
		KUNIT_EXPECT_FALSE(test, take_request(vcpu));
		/* A level's trigger mode has to be in the page first. */
		accept(rig, 0x61, true);
		KUNIT_EXPECT_EQ(test, rung_cpu, -1);
		KUNIT_EXPECT_TRUE(test, take_request(vcpu));
		KUNIT_EXPECT_FALSE(test, page_has(rig, APIC_IRR, 0x61));
		/* A CPU that has no bell. */
		vcpu->mode = HOLM_IN_GUEST;
		ring_answer = false;
		accept(rig, 0x52, false);
		KUNIT_EXPECT_TRUE(test, page_has(rig, APIC_IRR, 0x52));
		KUNIT_EXPECT_TRUE(test, take_request(vcpu));
		KUNIT_EXPECT_EQ(test, vcpu->mode, (int)HOLM_EXITING_GUEST);
		ring_answer = true;
	}
	/* An interrupt's handler on the vCPU's own CPU: before the next entry. */
	rung_cpu = -1;
	vcpu->cpu = here;
	vcpu->mode = HOLM_IN_GUEST;
	accept(rig, 0x53, false);
	KUNIT_EXPECT_TRUE(test, take_request(vcpu));
	KUNIT_EXPECT_EQ(test, rung_cpu, -1);

	/* Not in use: a sender that has set its bit has the vCPU look. */
	vcpu->mode = HOLM_IN_GUEST;
	holm_lapic_virt_stop(rig->lapic);
	cpu_sends(rig, 0x54);
	vcpu->cpu = cpumask_any_but(cpu_online_mask, here);
	holm_lapic_tell(rig->lapic);
	KUNIT_EXPECT_EQ(test, rung_cpu, -1);
	KUNIT_EXPECT_TRUE(test, take_request(vcpu));
	KUNIT_EXPECT_TRUE(test, rig->lapic->irr_hint);
	vcpu->mode = HOLM_OUTSIDE_GUEST;
	vcpu->cpu = -1;
	preempt_enable();
	KUNIT_EXPECT_TRUE(test, test_and_clear_bit(0x61, rig->lapic->irr));
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(vcpu), 0x54);
}

/* An IPI that found somebody not running wakes whom it is for, and nobody else. */
static void avic_tell(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct holm_vcpu *source = rig->vm->vcpus[0], *vcpu = rig->vcpu,
			 *other = rig->vm->vcpus[2];

	holm_apic_enable(test, source);
	start(rig);
	vcpu->mp_state = HOLM_MP_HALTED;
	vcpu->regs.rflags = X86_EFLAGS_IF;
	KUNIT_EXPECT_FALSE(test, holm_has_wake_event(vcpu));

	/* To ID 1 */
	cpu_sends(rig, 0x41);
	holm_ipi_tell(source, 1ULL << 32 | 0x41);
	KUNIT_EXPECT_TRUE(test, take_request(vcpu));
	KUNIT_EXPECT_TRUE(test, holm_has_wake_event(vcpu));
	KUNIT_EXPECT_FALSE(test, take_request(source));
	KUNIT_EXPECT_FALSE(test, take_request(other));

	/* The vCPU looks at the page also before it is told, on its way to sleep. */
	deliver(rig, 0x41);
	holm_lapic_virt_eoi(rig->lapic, 0x41);
	KUNIT_EXPECT_FALSE(test, holm_has_wake_event(vcpu));
	cpu_sends(rig, 0x42);
	KUNIT_EXPECT_TRUE(test, holm_has_wake_event(vcpu));
	/* What its task priority holds back does not wake it. */
	rig->lapic->tpr = 0x40;
	KUNIT_EXPECT_FALSE(test, holm_has_wake_event(vcpu));
	rig->lapic->tpr = 0;

	/* All but the source; the other LAPIC is disabled. */
	holm_ipi_tell(source, 0xc0042);
	KUNIT_EXPECT_TRUE(test, take_request(vcpu));
	KUNIT_EXPECT_FALSE(test, take_request(source));
	holm_apic_enable(test, other);
	holm_apic_write(test, other, APIC_LDR, 0x04000000);
	holm_ipi_tell(source, 0xff00000042ULL);		/* broadcast */
	KUNIT_EXPECT_TRUE(test, take_request(vcpu));
	KUNIT_EXPECT_TRUE(test, take_request(source));
	KUNIT_EXPECT_TRUE(test, take_request(other));
	holm_ipi_tell(source, 0x0400000842ULL);		/* logical */
	KUNIT_EXPECT_FALSE(test, take_request(vcpu));
	KUNIT_EXPECT_TRUE(test, take_request(other));
}

/* ---- a sender ------------------------------------------------------------------ */

#define SENDS	4000
#define VECTOR	0x41

/* Sends again when its interrupt was taken. */
struct sender {
	struct rig *rig;
	bool running;		/* IsRunning of the physical APIC ID table */
	bool stop;
	unsigned int sent;	/* written before it is sent */
	unsigned int seen;	/* times that it was taken */
	struct completion done;
};

/* "IPI Delivery", steps 5 and 6, and the exit that follows. */
static void cpu_sends_ipi(struct sender *sender)
{
	cpu_sends(sender->rig, VECTOR);
	smp_mb__after_atomic();		/* with guest() and sleep_until_told() */
	if (!READ_ONCE(sender->running))
		holm_lapic_tell(sender->rig->lapic);
}

static int send(void *arg)
{
	struct sender *sender = arg;
	unsigned int i;

	for (i = 0; i < SENDS && !READ_ONCE(sender->stop); i++) {
		WRITE_ONCE(sender->sent, sender->sent + 1);
		if (i & 1)
			cpu_sends_ipi(sender);
		else
			accept(sender->rig, VECTOR, i % 6 == 0);
		while (READ_ONCE(sender->seen) != sender->sent && !READ_ONCE(sender->stop))
			cond_resched();
	}
	complete(&sender->done);
	return 0;
}

static void take(struct sender *sender)
{
	struct rig *rig = sender->rig;

	if (rig->lapic->page) {
		if (READ_ONCE(rig->lapic->irr_hint)) {
			holm_lapic_virt_merge(rig->lapic);
			holm_lapic_virt_tmr(rig->lapic);
		}
		if (!page_has(rig, APIC_IRR, VECTOR))
			return;
		atomic_andnot(BIT(VECTOR % 32), (atomic_t *)page_map(rig, APIC_IRR, VECTOR));
	} else {
		if (holm_lapic_irr_top(rig->lapic) != VECTOR)
			return;
		clear_bit(VECTOR, rig->lapic->irr);
	}
	WRITE_ONCE(sender->seen, sender->seen + 1);
}

/* In the guest for a while, with the page or without. */
static void guest(struct sender *sender, bool page)
{
	struct rig *rig = sender->rig;
	unsigned int i;

	preempt_disable();
	WRITE_ONCE(rig->vcpu->cpu, smp_processor_id());
	smp_store_mb(rig->vcpu->mode, HOLM_IN_GUEST);
	clear_bit(HOLM_REQ_EVENT, &rig->vcpu->requests);
	if (!page) {
		smp_store_mb(sender->running, false);	/* as before sleep */
		holm_lapic_virt_stop(rig->lapic);
	} else if (!rig->lapic->page) {
		holm_lapic_virt_start(rig->lapic, rig->page);
		WRITE_ONCE(rig->lapic->ring, ring);
	}
	take(sender);
	if (page) {
		WRITE_ONCE(sender->running, true);
		for (i = 0; i < 50; i++) {
			if (page_has(rig, APIC_IRR, VECTOR))
				take(sender);
			cpu_relax();
		}
	}
	smp_store_release(&rig->vcpu->mode, HOLM_OUTSIDE_GUEST);
	preempt_enable();
}

/* As backend->vcpu_put and HLT do it. False: nobody has said anything. */
static bool sleep_until_told(struct sender *sender)
{
	struct holm_vcpu *vcpu = sender->rig->vcpu;
	unsigned long end = jiffies + 5 * HZ;

	smp_store_mb(sender->running, false);	/* then look */
	if (!vcpu->lapic->page)
		WRITE_ONCE(vcpu->lapic->irr_hint, true);
	while (!READ_ONCE(vcpu->requests) && holm_lapic_pending(vcpu) < 0) {
		if (completion_done(&sender->done))
			return true;
		if (time_after(jiffies, end))
			return false;
		cond_resched();
	}
	return true;
}

/* Nothing is lost, and nothing comes twice, whatever the vCPU does meanwhile. */
static void avic_race(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct sender *sender = kunit_kzalloc(test, sizeof(*sender), GFP_KERNEL);
	struct task_struct *thread;
	unsigned int round;

	KUNIT_ASSERT_NOT_NULL(test, sender);
	sender->rig = rig;
	init_completion(&sender->done);
	thread = kthread_run(send, sender, "holm-send");
	KUNIT_ASSERT_FALSE(test, IS_ERR(thread));

	for (round = 0; !completion_done(&sender->done); round++) {
		guest(sender, round % 5 < 3);
		if (!sleep_until_told(sender)) {
			KUNIT_FAIL(test, "round %u: not told of the interrupt", round);
			break;
		}
	}
	WRITE_ONCE(sender->stop, true);
	wait_for_completion(&sender->done);
	KUNIT_EXPECT_EQ(test, sender->sent, (unsigned int)SENDS);
	KUNIT_EXPECT_EQ(test, sender->seen, sender->sent);
	rig->vcpu->cpu = -1;
}

static struct kunit_case avic_page_cases[] = {
	KUNIT_CASE(avic_copies),
	KUNIT_CASE(avic_traps),
	KUNIT_CASE(avic_icr),
	KUNIT_CASE(avic_eoi),
	KUNIT_CASE(avic_state),
	KUNIT_CASE(avic_shared),
	KUNIT_CASE(avic_stops),
	KUNIT_CASE(avic_ring),
	KUNIT_CASE(avic_tell),
	KUNIT_CASE(avic_race),
	{}
};

struct kunit_suite holm_avic_page_suite = {
	.name = "holm-avic-page",
	.init = avic_init,
	.exit = avic_end,
	.test_cases = avic_page_cases,
};
