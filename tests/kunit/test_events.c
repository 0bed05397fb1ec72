// SPDX-License-Identifier: GPL-2.0-only
/* Events: double faults, payloads, priorities, windows, skipping. */
#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include "../../kmod/backend.h"
#include "../../kmod/x86/lapic_regs.h"
#include "helpers.h"
#include "suites.h"

#define STI	HOLM_EVENTS_SHADOW_STI
#define MOVSS	HOLM_EVENTS_SHADOW_MOVSS

static int events_init(struct kunit *test)
{
	struct holm_vm *vm = holm_test_vm(test, 1);

	test->priv = vm;
	if (!vm)
		return -ENOMEM;
	vm->vcpus[0]->lapic->svr |= APIC_SPIV_APIC_ENABLED;
	vm->vcpus[0]->sregs.cr0 = X86_CR0_PE;
	return 0;
}

static void events_exit(struct kunit *test)
{
	holm_test_vm_end(test->priv);
}

static struct holm_vcpu *cpu(struct kunit *test)
{
	return ((struct holm_vm *)test->priv)->vcpus[0];
}

/* What the next entry delivers; .type is HOLM_EVENT_NONE for nothing. */
static struct holm_event enter(struct kunit *test, int reason)
{
	struct holm_vcpu *vcpu = cpu(test);
	struct holm_fake_vcpu *fake = holm_fake(vcpu);
	struct holm_event event;

	KUNIT_EXPECT_EQ(test, holm_inject_events(vcpu), reason);
	event = fake->event;
	fake->event.type = HOLM_EVENT_NONE;
	return event;
}

static void expect_event(struct kunit *test, u8 type, u8 vector)
{
	struct holm_event event = enter(test, 0);

	KUNIT_EXPECT_EQ(test, event.type, type);
	KUNIT_EXPECT_EQ(test, event.vector, vector);
}

static void expect_nothing(struct kunit *test)
{
	struct holm_event event = enter(test, 0);

	KUNIT_EXPECT_EQ(test, event.type, (u8)HOLM_EVENT_NONE);
}

static void interrupt_ok(struct kunit *test, u8 vector)
{
	KUNIT_ASSERT_TRUE(test, holm_lapic_accept(cpu(test), 0, vector, false));
}

/* ---- exceptions ------------------------------------------------------------ */

/* SDM Vol. 3, "Conditions for Generating a Double Fault", each pair of vectors. */
static void test_double_fault_matrix(struct kunit *test)
{
	/* B benign, C contributory, P page fault, D double fault: by vector. */
	static const char class[] = "CBBBBBBBDBCCCCPBBBBBPCBBBBBBBBBB";
	int first, second;

	KUNIT_ASSERT_EQ(test, sizeof(class) - 1, (size_t)32);
	for (first = 0; first < 32; first++) {
		for (second = 0; second < 32; second++) {
			char a = class[first], b = class[second];
			enum holm_double want = HOLM_DOUBLE_SERIAL;

			if ((a == 'C' && b == 'C') || (a == 'P' && (b == 'C' || b == 'P')))
				want = HOLM_DOUBLE_FAULT;
			if (a == 'D' && (b == 'C' || b == 'P'))
				want = HOLM_DOUBLE_SHUTDOWN;
			KUNIT_EXPECT_EQ_MSG(test, (int)holm_double_fault(first, second), (int)want,
					    "%d then %d", first, second);
		}
	}
}

static void test_triple_fault(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test);
	struct holm_event event;

	/* #PF, another #PF: #DF with error code 0, and CR2 of the second. */
	holm_raise_pf(vcpu, 0x1000, 2);
	holm_raise_pf(vcpu, 0x2000, 0);
	KUNIT_EXPECT_EQ(test, vcpu->sregs.cr2, 0x2000ULL);
	event = vcpu->exception;
	KUNIT_EXPECT_EQ(test, event.vector, (u8)X86_TRAP_DF);
	KUNIT_EXPECT_EQ(test, event.flags, (u8)HOLM_EVENT_HAS_ERROR_CODE);
	KUNIT_EXPECT_EQ(test, event.error_code, 0U);
	KUNIT_EXPECT_FALSE(test, vcpu->shutdown);

	/* Benign ones do not shut down, contributory ones do. */
	holm_raise_exception_err(vcpu, X86_TRAP_GP, 8);
	KUNIT_EXPECT_TRUE(test, vcpu->shutdown);
	enter(test, HOLM_EXIT_SHUTDOWN);
	holm_raise_exception(vcpu, X86_TRAP_UD);
	enter(test, HOLM_EXIT_SHUTDOWN);
	KUNIT_EXPECT_TRUE(test, holm_has_wake_event(vcpu));
}

static void test_payload_on_delivery(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test);
	struct holm_event event;

	vcpu->sregs.cr2 = 1;
	holm_raise_pf(vcpu, 0xdeadb000, 6);
	KUNIT_EXPECT_EQ(test, vcpu->sregs.cr2, 1ULL);
	vcpu->st_dirty = 0;
	event = enter(test, 0);
	KUNIT_EXPECT_EQ(test, event.vector, (u8)X86_TRAP_PF);
	KUNIT_EXPECT_EQ(test, event.error_code, 6U);
	KUNIT_EXPECT_EQ(test, event.flags, (u8)HOLM_EVENT_HAS_ERROR_CODE);
	KUNIT_EXPECT_EQ(test, vcpu->sregs.cr2, 0xdeadb000ULL);
	KUNIT_EXPECT_TRUE(test, vcpu->st_dirty & HOLM_ST_CR);

	/* B0..B3 are replaced, BS is added, GD ends; reserved bits stay. */
	vcpu->dregs.dr6 = 0xffff0ff0 | 3 | BIT(13);
	vcpu->dregs.dr7 = 0x400 | BIT(13);
	holm_raise_db(vcpu, BIT(2));
	holm_raise_db(vcpu, BIT(14) | BIT(12));
	KUNIT_EXPECT_EQ(test, vcpu->dregs.dr6, 0xffff0ff0ULL | 3 | BIT(13));
	expect_event(test, HOLM_EVENT_EXCEPTION, X86_TRAP_DB);
	KUNIT_EXPECT_EQ(test, vcpu->dregs.dr6, 0xffff0ff0ULL | BIT(2) | BIT(13) | BIT(14));
	KUNIT_EXPECT_EQ(test, vcpu->dregs.dr7, 0x400ULL);
	KUNIT_EXPECT_TRUE(test, vcpu->st_dirty & HOLM_ST_DR);
	expect_nothing(test);
}

static void test_real_mode_error_code(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test);
	struct holm_event event;

	vcpu->sregs.cr0 = 0;
	holm_raise_exception_err(vcpu, X86_TRAP_GP, 0);
	event = enter(test, 0);
	KUNIT_EXPECT_EQ(test, event.vector, (u8)X86_TRAP_GP);
	KUNIT_EXPECT_EQ(test, event.flags, (u8)0);
}

static void test_resume_flag(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test);
	int vector;

	for (vector = 0; vector < 32; vector++) {
		/* #DB, #BP and #OF are traps, #DF and #MC aborts. */
		const u32 others = BIT(1) | BIT(3) | BIT(4) | BIT(8) | BIT(18);
		bool fault = !(BIT(vector) & others);

		if (vector == X86_TRAP_NMI)
			continue;
		vcpu->regs.rflags = 2;
		holm_raise_exception(vcpu, vector);
		expect_event(test, HOLM_EVENT_EXCEPTION, vector);
		KUNIT_EXPECT_EQ_MSG(test, !!(vcpu->regs.rflags & X86_EFLAGS_RF), fault,
				    "vector %d", vector);
	}
}

/* A software event is executed again after the exception; an interrupt waits. */
static void test_exception_over_interrupted(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test);

	vcpu->regs.rflags = 2 | X86_EFLAGS_IF;
	vcpu->interrupted = (struct holm_event) {
		.type = HOLM_EVENT_SOFT_INTERRUPT, .vector = 0x80, .insn_len = 2,
	};
	holm_raise_pf(vcpu, 0, 0);
	expect_event(test, HOLM_EVENT_EXCEPTION, X86_TRAP_PF);
	expect_nothing(test);

	vcpu->interrupted = (struct holm_event) { .type = HOLM_EVENT_INTERRUPT, .vector = 0x31 };
	holm_raise_pf(vcpu, 0, 0);
	expect_event(test, HOLM_EVENT_EXCEPTION, X86_TRAP_PF);
	KUNIT_EXPECT_EQ(test, vcpu->windows, (u32)HOLM_WINDOW_IRQ);
	/* In the handler of the fault, IF is clear. */
	vcpu->regs.rflags = 2;
	expect_nothing(test);
	KUNIT_EXPECT_EQ(test, vcpu->windows, (u32)HOLM_WINDOW_IRQ);
	vcpu->regs.rflags = 2 | X86_EFLAGS_IF;
	expect_event(test, HOLM_EVENT_INTERRUPT, 0x31);
	KUNIT_EXPECT_EQ(test, vcpu->windows, 0U);
}

/* ---- priorities and windows ------------------------------------------------ */

static void test_order(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test);
	struct holm_fake_vcpu *fake = holm_fake(vcpu);

	vcpu->regs.rflags = 2 | X86_EFLAGS_IF;
	interrupt_ok(test, 0x41);
	holm_lapic_accept(vcpu, HOLM_LAPIC_DM_NMI, 0, false);
	vcpu->interrupted = (struct holm_event) { .type = HOLM_EVENT_INTERRUPT, .vector = 0x31 };
	holm_raise_exception(vcpu, X86_TRAP_UD);

	/* One at each entry, and a window for what waits. */
	expect_event(test, HOLM_EVENT_EXCEPTION, X86_TRAP_UD);
	KUNIT_EXPECT_EQ(test, fake->windows, (u32)(HOLM_WINDOW_IRQ | HOLM_WINDOW_NMI));
	expect_event(test, HOLM_EVENT_INTERRUPT, 0x31);
	KUNIT_EXPECT_EQ(test, fake->windows, (u32)(HOLM_WINDOW_IRQ | HOLM_WINDOW_NMI));
	expect_event(test, HOLM_EVENT_NMI, 2);
	KUNIT_EXPECT_EQ(test, fake->windows, (u32)HOLM_WINDOW_IRQ);
	expect_event(test, HOLM_EVENT_INTERRUPT, 0x41);
	KUNIT_EXPECT_EQ(test, fake->windows, 0U);
	expect_nothing(test);
	KUNIT_EXPECT_EQ(test, fake->windows, 0U);
}

static void test_interrupt_window(struct kunit *test)
{
	static const struct {
		u64 rflags;
		u8 shadow;
		bool taken;
	} rows[] = {
		{ 2, 0, false },
		{ 2 | X86_EFLAGS_IF, STI, false },
		{ 2 | X86_EFLAGS_IF, MOVSS, false },
		{ 2, STI, false },
		{ 2 | X86_EFLAGS_IF, 0, true },
	};
	struct holm_vcpu *vcpu = cpu(test);
	int i;

	interrupt_ok(test, 0x41);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct holm_event event;

		vcpu->regs.rflags = rows[i].rflags;
		vcpu->intr_shadow = rows[i].shadow;
		event = enter(test, 0);
		KUNIT_EXPECT_EQ_MSG(test, event.type == HOLM_EVENT_INTERRUPT, rows[i].taken,
				    "row %d", i);
		KUNIT_EXPECT_EQ_MSG(test, holm_fake(vcpu)->windows,
				    rows[i].taken ? 0U : (u32)HOLM_WINDOW_IRQ, "row %d", i);
	}
	KUNIT_EXPECT_EQ(test, vcpu->stats.irq_injected, 1ULL);
}

/* A higher class waits for IF in the handler of the lower one. */
static void test_next_interrupt(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test);

	vcpu->regs.rflags = 2 | X86_EFLAGS_IF;
	interrupt_ok(test, 0x41);
	expect_event(test, HOLM_EVENT_INTERRUPT, 0x41);
	vcpu->regs.rflags = 2;
	interrupt_ok(test, 0x42);
	expect_nothing(test);
	KUNIT_EXPECT_EQ(test, vcpu->windows, 0U);	/* its class is in service: EOI exits */
	interrupt_ok(test, 0x51);
	expect_nothing(test);
	KUNIT_EXPECT_EQ(test, vcpu->windows, (u32)HOLM_WINDOW_IRQ);
	vcpu->regs.rflags = 2 | X86_EFLAGS_IF;
	expect_event(test, HOLM_EVENT_INTERRUPT, 0x51);
	KUNIT_EXPECT_EQ(test, vcpu->windows, 0U);
}

static void test_nmi(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test);
	u8 shadows[] = { STI, MOVSS };
	int i;

	/* IF does not matter, shadows do. */
	vcpu->regs.rflags = 2;
	holm_lapic_accept(vcpu, HOLM_LAPIC_DM_NMI, 0, false);
	for (i = 0; i < ARRAY_SIZE(shadows); i++) {
		vcpu->intr_shadow = shadows[i];
		expect_nothing(test);
		KUNIT_EXPECT_EQ(test, vcpu->windows, (u32)HOLM_WINDOW_NMI);
	}
	vcpu->intr_shadow = 0;
	expect_event(test, HOLM_EVENT_NMI, 2);
	KUNIT_EXPECT_EQ(test, vcpu->windows, 0U);

	/* In service: of any number one is latched until IRET. */
	vcpu->nmi_masked = true;
	for (i = 0; i < 3; i++)
		holm_lapic_accept(vcpu, HOLM_LAPIC_DM_NMI, 0, false);
	KUNIT_EXPECT_FALSE(test, holm_has_wake_event(vcpu));
	expect_nothing(test);
	KUNIT_EXPECT_EQ(test, vcpu->windows, (u32)HOLM_WINDOW_NMI);
	vcpu->nmi_masked = false;
	KUNIT_EXPECT_TRUE(test, holm_has_wake_event(vcpu));
	expect_event(test, HOLM_EVENT_NMI, 2);
	expect_nothing(test);
	KUNIT_EXPECT_EQ(test, vcpu->stats.nmi_injected, 2ULL);

	/* Two before the first is in service: both, the window shows when. */
	for (i = 0; i < 3; i++)
		holm_lapic_accept(vcpu, HOLM_LAPIC_DM_NMI, 0, false);
	expect_event(test, HOLM_EVENT_NMI, 2);
	KUNIT_EXPECT_EQ(test, vcpu->windows, (u32)HOLM_WINDOW_NMI);
	vcpu->nmi_masked = true;
	expect_nothing(test);
	vcpu->nmi_masked = false;
	expect_event(test, HOLM_EVENT_NMI, 2);
	expect_nothing(test);
}

static void test_extint(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test);
	struct holm_event event;

	/* LINT0 is ExtINT on the bootstrap processor; the PIC goes first. */
	interrupt_ok(test, 0x91);
	holm_lapic_lint0(vcpu, true);
	vcpu->regs.rflags = 2;
	expect_nothing(test);
	KUNIT_EXPECT_EQ(test, vcpu->windows, (u32)HOLM_WINDOW_IRQ);
	vcpu->regs.rflags = 2 | X86_EFLAGS_IF;
	event = enter(test, HOLM_EXIT_INTR_ACK);
	KUNIT_EXPECT_EQ(test, event.type, (u8)HOLM_EVENT_NONE);

	/* The launcher answers; the line is low again. */
	vcpu->interrupted = (struct holm_event) { .type = HOLM_EVENT_INTERRUPT, .vector = 8 };
	holm_lapic_lint0(vcpu, false);
	expect_event(test, HOLM_EVENT_INTERRUPT, 8);
	expect_event(test, HOLM_EVENT_INTERRUPT, 0x91);

	/* Masked LINT0: the line does not reach the CPU. */
	vcpu->lapic->lvt[HOLM_LVT_LINT0] |= APIC_LVT_MASKED;
	holm_lapic_lint0(vcpu, true);
	KUNIT_EXPECT_FALSE(test, holm_has_wake_event(vcpu));
	expect_nothing(test);

	/* An ExtINT message does, once. */
	holm_lapic_accept(vcpu, HOLM_LAPIC_DM_EXTINT, 0, false);
	KUNIT_EXPECT_TRUE(test, holm_has_wake_event(vcpu));
	enter(test, HOLM_EXIT_INTR_ACK);
	expect_nothing(test);
}

static void test_wake(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test);

	vcpu->mp_state = HOLM_MP_HALTED;
	vcpu->regs.rflags = 2;
	KUNIT_EXPECT_FALSE(test, holm_has_wake_event(vcpu));
	interrupt_ok(test, 0x41);
	KUNIT_EXPECT_FALSE(test, holm_has_wake_event(vcpu));
	vcpu->regs.rflags = 2 | X86_EFLAGS_IF;
	KUNIT_EXPECT_TRUE(test, holm_has_wake_event(vcpu));
	holm_lapic_set_cr8(vcpu, 4);
	KUNIT_EXPECT_FALSE(test, holm_has_wake_event(vcpu));
	holm_raise_exception(vcpu, X86_TRAP_DB);
	KUNIT_EXPECT_TRUE(test, holm_has_wake_event(vcpu));
}

/* The backend is asked only when the set of windows changes. */
static void test_window_calls(struct kunit *test)
{
	struct holm_vcpu *vcpu = cpu(test);
	struct holm_fake_vcpu *fake = holm_fake(vcpu);

	expect_nothing(test);
	fake->windows = 0x55;		/* a call would overwrite it */
	expect_nothing(test);
	KUNIT_EXPECT_EQ(test, fake->windows, 0x55U);
	interrupt_ok(test, 0x41);
	expect_nothing(test);
	KUNIT_EXPECT_EQ(test, fake->windows, (u32)HOLM_WINDOW_IRQ);
	fake->windows = 0x55;
	expect_nothing(test);
	KUNIT_EXPECT_EQ(test, fake->windows, 0x55U);

	/* After a reset the backend's windows are not known. */
	holm_lapic_reset(vcpu, false);
	expect_nothing(test);
	KUNIT_EXPECT_EQ(test, fake->windows, 0U);
}

/* ---- skipping -------------------------------------------------------------- */

static void test_skip(struct kunit *test)
{
	enum { BITS64, BITS32 };
	static const struct {
		int mode;
		u64 rip, next, want;
	} rows[] = {
		{ BITS64, 0x1000, 0x1002, 0x1002 },
		{ BITS64, 0xfffffffe, 0x100000000ULL, 0x100000000ULL },
		{ BITS64, 0xffffffff81000000ULL, 0xffffffff81000003ULL, 0xffffffff81000003ULL },
		{ BITS32, 0x1000, 0x1002, 0x1002 },
		{ BITS32, 0xfffffffe, 0x100000000ULL, 0 },
		{ BITS32, 0xffffffff, 0x100000001ULL, 1 },
	};
	struct holm_vcpu *vcpu = cpu(test);
	int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		bool long_mode = rows[i].mode == BITS64;

		vcpu->sregs.efer = long_mode ? BIT(10) : 0;
		vcpu->sregs.seg[HOLM_SEG_CS].attrib = long_mode ? HOLM_SEG_L : HOLM_SEG_DB;
		vcpu->regs.rip = rows[i].rip;
		vcpu->regs.rflags = 2 | X86_EFLAGS_RF | X86_EFLAGS_IF;
		vcpu->intr_shadow = STI;
		vcpu->st_dirty = 0;
		vcpu->next_rip = rows[i].next;
		holm_skip_insn(vcpu);
		KUNIT_EXPECT_EQ_MSG(test, vcpu->regs.rip, rows[i].want, "row %d", i);
		KUNIT_EXPECT_EQ(test, vcpu->regs.rflags, 2ULL | X86_EFLAGS_IF);
		KUNIT_EXPECT_EQ(test, vcpu->intr_shadow, (u8)0);
		KUNIT_EXPECT_EQ(test, vcpu->st_dirty, (u32)(HOLM_ST_RIP | HOLM_ST_SHADOW));
		KUNIT_EXPECT_EQ(test, vcpu->exception.type, (u8)HOLM_EVENT_NONE);
	}

	/* The common case touches nothing else; TF traps after the instruction. */
	vcpu->regs.rflags = 2 | X86_EFLAGS_TF;
	vcpu->st_dirty = 0;
	holm_skip_insn(vcpu);
	KUNIT_EXPECT_EQ(test, vcpu->st_dirty, (u32)HOLM_ST_RIP);
	KUNIT_EXPECT_EQ(test, vcpu->exception.vector, (u8)X86_TRAP_DB);
	KUNIT_EXPECT_EQ(test, vcpu->exception.payload, (u64)BIT(14));
}

static struct kunit_case events_cases[] = {
	KUNIT_CASE(test_double_fault_matrix),
	KUNIT_CASE(test_triple_fault),
	KUNIT_CASE(test_payload_on_delivery),
	KUNIT_CASE(test_real_mode_error_code),
	KUNIT_CASE(test_resume_flag),
	KUNIT_CASE(test_exception_over_interrupted),
	KUNIT_CASE(test_order),
	KUNIT_CASE(test_interrupt_window),
	KUNIT_CASE(test_next_interrupt),
	KUNIT_CASE(test_nmi),
	KUNIT_CASE(test_extint),
	KUNIT_CASE(test_wake),
	KUNIT_CASE(test_window_calls),
	KUNIT_CASE(test_skip),
	{}
};

struct kunit_suite holm_events_suite = {
	.name = "holm-events",
	.init = events_init,
	.exit = events_exit,
	.test_cases = events_cases,
};
