// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC with a virtual-APIC page: what goes in, what comes out, and
 * that nothing is lost. What the CPU does to the page is done by hand.
 */
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/kthread.h>

#include "../../kmod/x86/lapic_regs.h"
#include "helpers.h"
#include "suites.h"

#define MSR(offset)	(APIC_BASE_MSR + ((offset) >> 4))

struct rig {
	struct holm_vm *vm;
	struct holm_vcpu *vcpu;
	struct holm_lapic_state *lapic;
	u32 *page;
};

static int virt_init(struct kunit *test)
{
	struct rig *rig = kunit_kzalloc(test, sizeof(*rig), GFP_KERNEL);
	u64 base;

	if (!rig)
		return -ENOMEM;
	rig->page = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	rig->vm = holm_test_vm(test, 1);
	if (!rig->page || !rig->vm)
		return -ENOMEM;
	rig->vcpu = rig->vm->vcpus[0];
	rig->lapic = rig->vcpu->lapic;
	test->priv = rig;
	holm_apic_enable(test, rig->vcpu);
	base = holm_lapic_get_base(rig->vcpu) | HOLM_APIC_BASE_EXTD;
	KUNIT_ASSERT_EQ(test, holm_lapic_set_base(rig->vcpu, base, false), 0);
	return 0;
}

static void virt_exit(struct kunit *test)
{
	struct rig *rig = test->priv;

	if (rig)
		holm_test_vm_end(rig->vm);
}

/* ---- the CPU ----------------------------------------------------------------- */

static u32 *page_map(struct rig *rig, u32 base, u8 vector)
{
	return rig->page + (base + 16 * (vector / 32)) / 4;
}

static bool page_has(struct rig *rig, u32 base, u8 vector)
{
	return *page_map(rig, base, vector) & BIT(vector % 32);
}

/* "Virtual-Interrupt Delivery" */
static void deliver(struct rig *rig, u8 vector)
{
	*page_map(rig, APIC_IRR, vector) &= ~BIT(vector % 32);
	*page_map(rig, APIC_ISR, vector) |= BIT(vector % 32);
}

static int accept(struct rig *rig, u8 vector, bool level)
{
	return holm_lapic_accept(rig->vcpu, HOLM_LAPIC_DM_FIXED, vector, level);
}

static bool waits(struct rig *rig, u8 vector)
{
	return test_bit(vector, rig->lapic->irr);
}

/* In the order in which a level request moves. */
static bool waits_somewhere(struct rig *rig, u8 vector)
{
	return test_bit(vector, rig->lapic->level_irr) || waits(rig, vector);
}

static u64 msr(struct kunit *test, struct rig *rig, u32 offset)
{
	u64 value = 0;

	KUNIT_EXPECT_EQ(test, holm_lapic_msr_read(rig->vcpu, MSR(offset), &value), 0);
	return value;
}

static void msr_set(struct kunit *test, struct rig *rig, u32 offset, u64 value)
{
	int eoi;

	KUNIT_EXPECT_EQ(test, holm_lapic_msr_write(rig->vcpu, MSR(offset), value, &eoi), 0);
}

/* ---- in and out -------------------------------------------------------------- */

/* Each register that a guest reads without an exit is what RDMSR would say. */
static void check_copies(struct kunit *test, struct rig *rig)
{
	static const u16 regs[] = {
		APIC_ID, APIC_LVR, APIC_LDR, APIC_SPIV, APIC_ESR, APIC_LVTT, APIC_LVTTHMR,
		APIC_LVTPC, APIC_LVT0, APIC_LVT1, APIC_LVTERR, APIC_TMICT, APIC_TDCR,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(regs); i++)
		KUNIT_EXPECT_EQ_MSG(test, (u64)rig->page[regs[i] / 4], msr(test, rig, regs[i]),
				    "offset %#x", regs[i]);
	KUNIT_EXPECT_EQ(test, *(u64 *)(rig->page + APIC_ICR / 4), msr(test, rig, APIC_ICR));
	KUNIT_EXPECT_PTR_EQ(test, rig->lapic->page, (void *)rig->page);
}

static void virt_copies(struct kunit *test)
{
	struct rig *rig = test->priv;

	msr_set(test, rig, APIC_LVT0, 0x10045);
	holm_lapic_virt_start(rig->lapic, rig->page);
	check_copies(test, rig);

	msr_set(test, rig, APIC_LVT1, 0x46);
	msr_set(test, rig, APIC_LVTT, APIC_LVT_TIMER_PERIODIC | 0x47);
	msr_set(test, rig, APIC_TDCR, 0xb);
	msr_set(test, rig, APIC_TMICT, ~0U);
	msr_set(test, rig, APIC_ICR, 0x7700000000ULL | 0x45);
	check_copies(test, rig);
	/* To TSC-deadline mode: the count is gone. Software disable: all are masked. */
	msr_set(test, rig, APIC_LVTT, APIC_LVT_TIMER_TSCDEADLINE | 0x47);
	check_copies(test, rig);
	KUNIT_EXPECT_EQ(test, rig->page[APIC_TMICT / 4], 0U);
	msr_set(test, rig, APIC_SPIV, 0xff);
	check_copies(test, rig);
	KUNIT_EXPECT_TRUE(test, rig->page[APIC_LVT1 / 4] & APIC_LVT_MASKED);
}

/* State out of a page that is in use, and what the page had goes on without it. */
static void virt_state(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct holm_lapic *before, *after;

	before = kunit_kzalloc(test, sizeof(*before), GFP_KERNEL);
	after = kunit_kzalloc(test, sizeof(*after), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, before);
	KUNIT_ASSERT_NOT_NULL(test, after);

	rig->lapic->tpr = 0x25;
	accept(rig, 0x61, true);
	holm_lapic_virt_start(rig->lapic, rig->page);
	KUNIT_EXPECT_EQ(test, holm_lapic_virt_merge(rig->lapic), 0x61);
	deliver(rig, 0x61);
	accept(rig, 0x72, false);
	KUNIT_EXPECT_EQ(test, holm_lapic_virt_merge(rig->lapic), 0x72);
	accept(rig, 0xff, false);	/* arrived, not taken over */

	holm_lapic_get(rig->vcpu, before);
	KUNIT_EXPECT_NULL(test, rig->lapic->page);
	KUNIT_EXPECT_EQ(test, before->regs[(APIC_ISR + 0x30) / 16], BIT(1));
	KUNIT_EXPECT_EQ(test, before->regs[(APIC_TMR + 0x30) / 16], BIT(1));
	KUNIT_EXPECT_EQ(test, before->regs[(APIC_IRR + 0x30) / 16], BIT(0x12));
	KUNIT_EXPECT_EQ(test, before->regs[(APIC_IRR + 0x70) / 16], BIT(31));
	KUNIT_EXPECT_EQ(test, before->regs[APIC_TASKPRI / 16], 0x25U);
	KUNIT_EXPECT_EQ(test, before->regs[APIC_PROCPRI / 16], 0x60U);

	/* A set puts it all in, and the next start into the page. */
	holm_lapic_reset(rig->vcpu, false);
	holm_lapic_virt_start(rig->lapic, rig->page);
	KUNIT_ASSERT_EQ(test, holm_lapic_set(rig->vcpu, before), 0);
	KUNIT_EXPECT_NULL(test, rig->lapic->page);
	holm_lapic_virt_start(rig->lapic, rig->page);
	KUNIT_EXPECT_EQ(test, rig->page[APIC_TASKPRI / 4], 0x25U);
	KUNIT_EXPECT_TRUE(test, page_has(rig, APIC_ISR, 0x61));
	KUNIT_EXPECT_EQ(test, holm_lapic_virt_isr_top(rig->lapic), 0x61);
	KUNIT_EXPECT_EQ(test, holm_lapic_virt_merge(rig->lapic), 0xff);
	KUNIT_EXPECT_TRUE(test, page_has(rig, APIC_IRR, 0x72));
	holm_lapic_get(rig->vcpu, after);
	KUNIT_EXPECT_EQ(test, memcmp(before, after, sizeof(*before)), 0);
}

/* What ends the use of the page: each is asked for by the guest or the launcher. */
static void virt_stops(struct kunit *test)
{
	struct rig *rig = test->priv;
	u64 base = holm_lapic_get_base(rig->vcpu);

	holm_lapic_virt_start(rig->lapic, rig->page);
	KUNIT_EXPECT_EQ(test, msr(test, rig, APIC_TASKPRI), 0ULL);
	KUNIT_EXPECT_NOT_NULL(test, rig->lapic->page);
	KUNIT_EXPECT_EQ(test, msr(test, rig, APIC_IRR), 0ULL);
	KUNIT_EXPECT_NULL(test, rig->lapic->page);

	holm_lapic_virt_start(rig->lapic, rig->page);
	accept(rig, 0x51, false);
	holm_lapic_virt_merge(rig->lapic);
	KUNIT_EXPECT_EQ(test, holm_lapic_set_base(rig->vcpu, base, false), 0);
	KUNIT_EXPECT_NOT_NULL(test, rig->lapic->page);	/* the same mode */
	KUNIT_EXPECT_EQ(test, holm_lapic_set_base(rig->vcpu, 0, false), 0);
	KUNIT_EXPECT_NULL(test, rig->lapic->page);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(rig->vcpu), -1);

	KUNIT_EXPECT_EQ(test, holm_lapic_set_base(rig->vcpu, base, true), 0);
	holm_lapic_virt_start(rig->lapic, rig->page);
	*page_map(rig, APIC_IRR, 0x52) |= BIT(0x52 % 32);
	*page_map(rig, APIC_ISR, 0x53) |= BIT(0x53 % 32);
	holm_lapic_reset(rig->vcpu, true);		/* INIT */
	KUNIT_EXPECT_NULL(test, rig->lapic->page);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(rig->vcpu), -1);
	KUNIT_EXPECT_EQ(test, rig->lapic->isr_top, (s16)-1);
	KUNIT_EXPECT_EQ(test, holm_lapic_get_base(rig->vcpu), base);
}

/* ---- priorities -------------------------------------------------------------- */

static void virt_pending(struct kunit *test)
{
	static const struct {
		const char *name;
		int irr, arrived, isr;
		u8 tpr;
		int pending;
	} rows[] = {
		{ "nothing",			-1,	-1,	-1,	0,	-1 },
		{ "in the page",		0x41,	-1,	-1,	0,	0x41 },
		{ "arrived",			-1,	0x41,	-1,	0,	0x41 },
		{ "the arrived is higher",	0x41,	0x51,	-1,	0,	0x51 },
		{ "the page's is higher",	0x61,	0x51,	-1,	0,	0x61 },
		{ "held back by TPR",		0x41,	-1,	-1,	0x40,	-1 },
		{ "above TPR",			0x51,	0x41,	-1,	0x4f,	0x51 },
		{ "in service",			0x41,	-1,	0x42,	0,	-1 },
		{ "above what is in service",	0x41,	0x50,	0x42,	0,	0x50 },
		{ "the lowest",			0x10,	-1,	-1,	0,	0x10 },
		{ "the highest",		-1,	0xff,	0xef,	0xef,	0xff },
	};
	struct rig *rig = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		holm_lapic_virt_start(rig->lapic, rig->page);
		holm_lapic_virt_merge(rig->lapic);
		memset(rig->page, 0, PAGE_SIZE);
		if (rows[i].irr >= 0)
			*page_map(rig, APIC_IRR, rows[i].irr) = BIT(rows[i].irr % 32);
		if (rows[i].isr >= 0)
			*page_map(rig, APIC_ISR, rows[i].isr) = BIT(rows[i].isr % 32);
		if (rows[i].arrived >= 0)
			accept(rig, rows[i].arrived, false);
		rig->lapic->tpr = rows[i].tpr;
		KUNIT_EXPECT_EQ_MSG(test, holm_lapic_pending(rig->vcpu), rows[i].pending,
				    "%s", rows[i].name);
		KUNIT_EXPECT_EQ_MSG(test, holm_lapic_has_interrupt(rig->vcpu),
				    rows[i].pending >= 0, "%s", rows[i].name);
		memset(rig->page, 0, PAGE_SIZE);
		holm_lapic_virt_merge(rig->lapic);
		memset(rig->page, 0, PAGE_SIZE);
		holm_lapic_virt_stop(rig->lapic);
	}
}

/* Every vector arrives in its place. */
static void virt_merge(struct kunit *test)
{
	struct rig *rig = test->priv;
	int vector;

	holm_lapic_virt_start(rig->lapic, rig->page);
	KUNIT_EXPECT_EQ(test, holm_lapic_virt_merge(rig->lapic), -1);
	for (vector = HOLM_LAPIC_FIRST_VECTOR; vector < HOLM_LAPIC_VECTORS; vector++) {
		accept(rig, vector, vector & 1);
		KUNIT_EXPECT_TRUE(test, rig->lapic->irr_hint);
		KUNIT_EXPECT_EQ(test, holm_lapic_virt_merge(rig->lapic), vector);
		KUNIT_EXPECT_FALSE(test, rig->lapic->irr_hint);
		KUNIT_EXPECT_TRUE(test, page_has(rig, APIC_IRR, vector));
		KUNIT_EXPECT_EQ(test, test_bit(vector, rig->lapic->tmr), vector & 1);
		KUNIT_EXPECT_EQ(test, holm_lapic_virt_irr_top(rig->lapic, -1), vector);
	}
	KUNIT_EXPECT_TRUE(test, bitmap_empty(rig->lapic->irr, HOLM_LAPIC_VECTORS));
}

/* A vector that is none, written to SELF IPI: an error as without the page. */
static void virt_self_ipi(struct kunit *test)
{
	struct rig *rig = test->priv;

	holm_lapic_virt_start(rig->lapic, rig->page);
	rig->page[APIC_SELF_IPI / 4] = 0x0f;
	holm_lapic_virt_written(rig->vcpu, APIC_SELF_IPI);
	msr_set(test, rig, APIC_ESR, 0);
	KUNIT_EXPECT_EQ(test, msr(test, rig, APIC_ESR), (u64)APIC_ESR_SENDILL);
	KUNIT_EXPECT_EQ(test, rig->page[APIC_ESR / 4], (u32)APIC_ESR_SENDILL);
	/* Nothing else comes of an exit for a register that none is due for. */
	rig->page[APIC_SPIV / 4] = 0;
	holm_lapic_virt_written(rig->vcpu, APIC_SPIV);
	KUNIT_EXPECT_TRUE(test, rig->lapic->svr & APIC_SPIV_APIC_ENABLED);
}

/* ---- posted ------------------------------------------------------------------ */

/* "Format of Posted-Interrupt Descriptor": requests, and what follows them. */
struct descriptor {
	DECLARE_BITMAP(requests, HOLM_LAPIC_VECTORS);
	unsigned long control;
};

/* The requests are elsewhere, as with a backend that posts. */
static struct descriptor *use_descriptor(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct descriptor *desc = kunit_kzalloc(test, sizeof(*desc), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, desc);
	rig->lapic->irr = desc->requests;
	return desc;
}

static bool take_request(struct rig *rig)
{
	return test_and_clear_bit(HOLM_REQ_EVENT, &rig->vcpu->requests);
}

/* Who is told how, by where the vCPU is. */
static void virt_post(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct holm_lapic_state *lapic = rig->lapic;
	struct descriptor *desc = use_descriptor(test);
	int here;

	holm_lapic_virt_start(lapic, rig->page);
	holm_lapic_virt_merge(lapic);
	lapic->posting = &desc->control;
	take_request(rig);

	/* Out of the guest: a request, each time. */
	accept(rig, 0x41, false);
	KUNIT_EXPECT_TRUE(test, take_request(rig));
	KUNIT_EXPECT_EQ(test, desc->control, BIT(HOLM_LAPIC_POST_ON));
	accept(rig, 0x42, false);
	KUNIT_EXPECT_TRUE(test, take_request(rig));
	KUNIT_EXPECT_TRUE(test, waits(rig, 0x41));

	/* The entry takes all over, and the mark is gone. */
	KUNIT_EXPECT_EQ(test, holm_lapic_virt_merge(lapic), 0x42);
	KUNIT_EXPECT_EQ(test, desc->control, 0UL);
	KUNIT_EXPECT_FALSE(test, waits(rig, 0x41));

	/* In the guest on another CPU: the mark, a notification, and no request. */
	preempt_disable();
	here = smp_processor_id();
	rig->vcpu->cpu = cpumask_any_but(cpu_online_mask, here);
	if (rig->vcpu->cpu < nr_cpu_ids) {
		rig->vcpu->mode = HOLM_IN_GUEST;
		accept(rig, 0x51, false);
		KUNIT_EXPECT_FALSE(test, take_request(rig));
		KUNIT_EXPECT_EQ(test, desc->control, BIT(HOLM_LAPIC_POST_ON));
		accept(rig, 0x52, false);
		KUNIT_EXPECT_FALSE(test, take_request(rig));
		KUNIT_EXPECT_EQ(test, rig->vcpu->mode, (int)HOLM_IN_GUEST);
	}
	/* An interrupt's handler on the vCPU's own CPU: before the next entry. */
	rig->vcpu->cpu = here;
	rig->vcpu->mode = HOLM_IN_GUEST;
	accept(rig, 0x53, false);
	KUNIT_EXPECT_TRUE(test, take_request(rig));

	/* A level request is not where the CPU would take it by itself. */
	rig->vcpu->mode = HOLM_IN_GUEST;
	accept(rig, 0x61, true);
	KUNIT_EXPECT_TRUE(test, take_request(rig));
	KUNIT_EXPECT_FALSE(test, waits(rig, 0x61));
	KUNIT_EXPECT_TRUE(test, test_bit(0x61, lapic->tmr));
	rig->vcpu->mode = HOLM_OUTSIDE_GUEST;
	rig->vcpu->cpu = -1;
	preempt_enable();

	KUNIT_EXPECT_EQ(test, holm_lapic_pending(rig->vcpu), 0x61);
	KUNIT_EXPECT_EQ(test, holm_lapic_virt_merge(lapic), 0x61);
	KUNIT_EXPECT_TRUE(test, page_has(rig, APIC_IRR, 0x61));
	KUNIT_EXPECT_TRUE(test, page_has(rig, APIC_IRR, 0x53));
	KUNIT_EXPECT_EQ(test, desc->control, 0UL);
}

/* A sender that was slow left its mark after the mode had changed. */
static void virt_post_stale(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct holm_lapic_state *lapic = rig->lapic;
	struct descriptor *desc = use_descriptor(test);
	unsigned int other;

	holm_lapic_virt_start(lapic, rig->page);
	holm_lapic_virt_merge(lapic);
	WRITE_ONCE(lapic->posting, &desc->control);
	take_request(rig);
	holm_lapic_virt_stop(lapic);
	KUNIT_EXPECT_NULL(test, lapic->posting);
	__set_bit(HOLM_LAPIC_POST_ON, &desc->control);

	preempt_disable();
	other = cpumask_any_but(cpu_online_mask, smp_processor_id());
	rig->vcpu->cpu = other < nr_cpu_ids ? other : smp_processor_id();
	rig->vcpu->mode = HOLM_IN_GUEST;
	accept(rig, 0x41, false);
	KUNIT_EXPECT_TRUE(test, take_request(rig));
	KUNIT_EXPECT_FALSE(test, holm_lapic_post(lapic));
	rig->vcpu->mode = HOLM_OUTSIDE_GUEST;
	rig->vcpu->cpu = -1;
	preempt_enable();
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(rig->vcpu), 0x41);

	/* What waited for the entry that clears the mark is taken over by it. */
	holm_lapic_virt_start(lapic, rig->page);
	WRITE_ONCE(lapic->posting, &desc->control);
	KUNIT_EXPECT_EQ(test, holm_lapic_virt_merge(lapic), 0x41);
	KUNIT_EXPECT_EQ(test, desc->control, 0UL);
}

/* The state has a level request wherever it is, also of a sender that was slow. */
static void virt_level_state(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct holm_lapic *block = kunit_kzalloc(test, sizeof(*block), GFP_KERNEL);
	struct descriptor *desc = use_descriptor(test);

	KUNIT_ASSERT_NOT_NULL(test, block);
	holm_lapic_virt_start(rig->lapic, rig->page);
	rig->lapic->posting = &desc->control;
	accept(rig, 0x61, true);
	holm_lapic_get(rig->vcpu, block);
	KUNIT_EXPECT_EQ(test, block->regs[(APIC_IRR + 0x30) / 16], BIT(1));
	KUNIT_EXPECT_NULL(test, rig->lapic->posting);

	set_bit(0x62, rig->lapic->level_irr);
	rig->lapic->level_waits = true;
	holm_lapic_get(rig->vcpu, block);
	KUNIT_EXPECT_EQ(test, block->regs[(APIC_IRR + 0x30) / 16], BIT(1) | BIT(2));

	/* INIT drops them all. */
	rig->lapic->posting = &desc->control;
	accept(rig, 0x63, true);
	holm_lapic_reset(rig->vcpu, true);
	KUNIT_EXPECT_EQ(test, holm_lapic_pending(rig->vcpu), -1);
}

/* ---- senders ----------------------------------------------------------------- */

#define SENDS	20000

struct sender {
	struct rig *rig;
	unsigned int sent[HOLM_LAPIC_VECTORS];
	struct completion done;
};

/* Each vector again as soon as it was taken over. */
static int send(void *arg)
{
	struct sender *sender = arg;
	unsigned int i;

	for (i = 0; i < SENDS; i++) {
		u8 vector = 32 + i * 7 % 200;

		while (waits_somewhere(sender->rig, vector))
			cond_resched();
		accept(sender->rig, vector, i % 3 == 0);
		sender->sent[vector]++;
	}
	complete(&sender->done);
	return 0;
}

/* The page comes and goes while somebody sends: each interrupt is seen once. */
static void virt_race(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct sender *sender = kunit_kzalloc(test, sizeof(*sender), GFP_KERNEL);
	unsigned int *seen = kunit_kcalloc(test, HOLM_LAPIC_VECTORS, sizeof(*seen), GFP_KERNEL);
	struct descriptor *desc = use_descriptor(test);
	struct task_struct *thread;
	unsigned int round = 0, v;
	bool over;

	KUNIT_ASSERT_NOT_NULL(test, sender);
	KUNIT_ASSERT_NOT_NULL(test, seen);
	sender->rig = rig;
	init_completion(&sender->done);
	thread = kthread_run(send, sender, "holm-send");
	KUNIT_ASSERT_FALSE(test, IS_ERR(thread));

	do {
		over = try_wait_for_completion(&sender->done);
		if (!rig->lapic->page) {
			holm_lapic_virt_start(rig->lapic, rig->page);
			if (round & 1)
				WRITE_ONCE(rig->lapic->posting, &desc->control);
		}
		holm_lapic_virt_merge(rig->lapic);
		for (v = 0; v < HOLM_LAPIC_VECTORS; v++) {
			if (!page_has(rig, APIC_IRR, v))
				continue;
			*page_map(rig, APIC_IRR, v) &= ~BIT(v % 32);
			seen[v]++;
		}
		if (!(++round % 3))
			holm_lapic_virt_stop(rig->lapic);
		cond_resched();
	} while (!over);

	for (v = 0; v < HOLM_LAPIC_VECTORS; v++)
		KUNIT_EXPECT_EQ_MSG(test, seen[v], sender->sent[v], "vector %u", v);
	KUNIT_EXPECT_TRUE(test, bitmap_empty(rig->lapic->irr, HOLM_LAPIC_VECTORS));
}

static struct kunit_case virt_cases[] = {
	KUNIT_CASE(virt_copies),
	KUNIT_CASE(virt_state),
	KUNIT_CASE(virt_stops),
	KUNIT_CASE(virt_pending),
	KUNIT_CASE(virt_merge),
	KUNIT_CASE(virt_self_ipi),
	KUNIT_CASE(virt_post),
	KUNIT_CASE(virt_post_stale),
	KUNIT_CASE(virt_level_state),
	KUNIT_CASE(virt_race),
	{}
};

struct kunit_suite holm_lapic_virt_suite = {
	.name = "holm-lapic-virt",
	.init = virt_init,
	.exit = virt_exit,
	.test_cases = virt_cases,
};
