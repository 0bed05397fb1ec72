// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Events that a row cannot say: behind an instruction that is executed again
 * in an interrupt shadow, from a PIC that changes its mind, while the guest is
 * halted.
 */
#include <errno.h>

#include "steps.h"

#define MSI_INIT	0x500		/* delivery mode */
#define PULSE_US	5000

/* ---- interrupt shadows --------------------------------------------------------------------- */

struct shadow {
	const char *name;
	uint64_t entry, at;
	uint32_t flags;		/* HOLM_EVENTS_SHADOW_* */
	bool nmi;
};

static const struct shadow shadows[] = {
	{ "events/shadow_sti_irq", G_shadow_sti, G_shadow_sti_at, HOLM_EVENTS_SHADOW_STI, false },
	{ "events/shadow_sti_nmi", G_shadow_sti, G_shadow_sti_at, HOLM_EVENTS_SHADOW_STI, true },
	{ "events/shadow_movss_irq", G_shadow_movss, G_shadow_movss_at, HOLM_EVENTS_SHADOW_MOVSS,
	  false },
	{ "events/shadow_movss_nmi", G_shadow_movss, G_shadow_movss_at, HOLM_EVENTS_SHADOW_MOVSS,
	  true },
	{ "events/shadow_popss_irq", G_shadow_popss, G_shadow_popss_at, HOLM_EVENTS_SHADOW_MOVSS,
	  false },
	{ "events/shadow_popss_nmi", G_shadow_popss, G_shadow_popss_at, HOLM_EVENTS_SHADOW_MOVSS,
	  true },
};

static const struct shadow *shadow;

/*
 * The instruction in the shadow exits for want of memory there. Then there is
 * memory, and it is executed in the CPU, with the event waiting behind it.
 */
static void run_shadow(struct guest *g)
{
	struct holm_events events;

	lapic_on(g);
	guest_start(g, shadow->entry);
	if (!run_to(g, HOLM_EXIT_MMIO))
		return;
	guest_get(g, HOLM_STATE_EVENTS, &events, sizeof(events));
	/* SVM does not tell the two apart. */
	CHECK_EQ(g, events.flags, hv.intel ? shadow->flags : HOLM_EVENTS_SHADOW_STI);
	shadow_run(g, shadow->at, shadow->nmi);
}

static void test_shadows(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(shadows); i++) {
		shadow = &shadows[i];
		if (hv.tcg)
			guest_skip(shadow->name, NO_SHADOW);
		else
			guest_test_mode(shadow->name, PAGED32, run_shadow);
	}
}

/* ---- the PIC ---------------------------------------------------------------------------------- */

/* The PIC has no vector after all: nothing is delivered. */
static void extint_spurious(struct guest *g)
{
	guest_start(g, G_now64);
	if (!run_to(g, HOLM_EXIT_IO))
		return;
	guest_complete(g, g->run->next_rip);
	guest_inject(g, HOLM_INJECT_EXTINT_RAISE, 0);
	if (!run_to(g, HOLM_EXIT_INTR_ACK))
		return;
	CHECK_EQ(g, g->run->regs.rip, G_now64_at);
	guest_inject(g, HOLM_INJECT_EXTINT_LOWER, 0);
	g->run->intr_vector = -1;
	g->run->in_flags = HOLM_RUN_INTR_VECTOR;
	guest_run(g);
	EXPECT(g, HOLM_EXIT_IO, V(9));
}

/* The line falls before the guest can take the interrupt. */
static void extint_lowered(struct guest *g)
{
	guest_start(g, G_off64);
	if (!run_to(g, HOLM_EXIT_IO))
		return;
	guest_complete(g, g->run->next_rip);
	guest_inject(g, HOLM_INJECT_EXTINT_RAISE, 0);
	if (!run_to(g, HOLM_EXIT_IO))	/* report of 1 */
		return;
	guest_complete(g, g->run->next_rip);
	guest_inject(g, HOLM_INJECT_EXTINT_LOWER, 0);
	guest_run(g);
	EXPECT(g, HOLM_EXIT_IO, V(9));
}

/* A line that stays up interrupts again as soon as the handler returned. */
static void extint_level(struct guest *g)
{
	unsigned int i;

	guest_start(g, G_now64);
	if (!run_to(g, HOLM_EXIT_IO))
		return;
	guest_complete(g, g->run->next_rip);
	guest_inject(g, HOLM_INJECT_EXTINT_RAISE, 0);
	for (i = 0; i < 3; i++) {
		if (!run_to(g, HOLM_EXIT_INTR_ACK))
			return;
		CHECK_EQ(g, g->run->regs.rip, G_now64_at);
		g->run->intr_vector = VEC_EXTINT;
		g->run->in_flags = HOLM_RUN_INTR_VECTOR;
		if (i == 2)
			guest_inject(g, HOLM_INJECT_EXTINT_LOWER, 0);
		if (!run_to(g, HOLM_EXIT_IO))
			return;
		CHECK_EQ(g, g->run->io.port, PORT_EXCEPTION);
		guest_complete(g, g->run->next_rip);
	}
	guest_run(g);
	EXPECT(g, HOLM_EXIT_IO, V(9));
}

/* A LAPIC that is software disabled, or disabled, accepts no interrupt. */
static void lapic_off(struct guest *g)
{
	struct holm_lapic lapic;

	CHECK_EQ(g, -holm_vcpu_inject(&g->vcpu, HOLM_INJECT_INTERRUPT, VEC_IRQ), EAGAIN);
	CHECK_EQ(g, holm_vm_signal_msi(g->vm, MSI_ADDRESS, VEC_MSI), 0);
	lapic_on(g);
	CHECK_EQ(g, holm_vm_signal_msi(g->vm, MSI_ADDRESS, VEC_MSI), 1);
	CHECK_EQ(g, -holm_vcpu_inject(&g->vcpu, HOLM_INJECT_INTERRUPT, 15), EINVAL);
	CHECK_EQ(g, -holm_vcpu_inject(&g->vcpu, HOLM_INJECT_INTERRUPT, 256), EINVAL);
	CHECK_EQ(g, -holm_vm_signal_msi(g->vm, MSI_ADDRESS, 0x600), EINVAL);
	CHECK_EQ(g, -holm_vm_signal_msi(g->vm, 0xfed00000, VEC_MSI), EINVAL);
	CHECK_EQ(g, holm_vm_signal_msi(g->vm, MSI_ADDRESS | 7 << 12, VEC_MSI), 0);

	guest_get(g, HOLM_STATE_LAPIC, &lapic, sizeof(lapic));
	CHECK(g, lapic.regs[(LAPIC_IRR >> 4) + VEC_MSI / 32], "the accepted one is not in IRR");
	lapic.apic_base &= ~BIT(11);
	guest_set(g, HOLM_STATE_LAPIC, &lapic, sizeof(lapic));
	CHECK_EQ(g, -holm_vcpu_inject(&g->vcpu, HOLM_INJECT_INTERRUPT, VEC_IRQ), EAGAIN);
	guest_start(g, G_now64);
	guest_run(g);
	EXPECT(g, HOLM_EXIT_IO, CALL(CALL_EVENT), V(9));
}

/* ---- HLT ---------------------------------------------------------------------------------------- */

/* What happens to a vCPU that is halted, in this order. */
enum halt_step { WAIT, SEND_IRQ, SEND_NMI, SEND_MSI, SEND_EXTINT, SEND_INIT, LEAVE, STEPS_END };

struct halt {
	const char *name;
	uint64_t entry, at;
	uint32_t end;
	enum halt_step steps[8];
	struct event events[8];
};

static const struct halt halts[] = {
	{ "events/halt_irq", G_halt, G_halt_at, HOLM_EXIT_IO,
	  { WAIT, SEND_IRQ, STEPS_END }, { IRQ_AT(VEC_IRQ, G_halt_at), V(9) } },
	{ "events/halt_msi", G_halt, G_halt_at, HOLM_EXIT_IO,
	  { SEND_MSI, STEPS_END }, { IRQ_AT(VEC_MSI, G_halt_at), V(9) } },
	{ "events/halt_nmi", G_halt, G_halt_at, HOLM_EXIT_IO,
	  { SEND_NMI, STEPS_END }, { X_AT(2, G_halt_at), V(9) } },
	{ "events/halt_extint", G_halt, G_halt_at, HOLM_EXIT_IO,
	  { SEND_EXTINT, STEPS_END }, { IRQ_AT(VEC_EXTINT, G_halt_at), V(9) } },
	{ "events/halt_init", G_halt, G_halt_at, HOLM_EXIT_INIT,
	  { SEND_INIT, STEPS_END }, { } },
	/* Signals and immediate_exit leave it halted. */
	{ "events/halt_signals", G_halt, G_halt_at, HOLM_EXIT_IO,
	  { WAIT, WAIT, LEAVE, WAIT, LEAVE, SEND_IRQ, STEPS_END },
	  { IRQ_AT(VEC_IRQ, G_halt_at), V(9) } },
	/* With interrupts off only the NMI ends it. */
	{ "events/halt_off", G_halt_off, G_halt_off_at, HOLM_EXIT_IO,
	  { SEND_IRQ, WAIT, WAIT, SEND_NMI, STEPS_END },
	  { X_AT(2, G_halt_off_at), V(1), IRQ_STI(VEC_IRQ, G_halt_off_irq), V(9) } },
	{ "events/halt_off_extint", G_halt_off, G_halt_off_at, HOLM_EXIT_IO,
	  { SEND_EXTINT, WAIT, WAIT, SEND_NMI, STEPS_END },
	  { X_AT(2, G_halt_off_at), V(1), IRQ_STI(VEC_EXTINT, G_halt_off_irq), V(9) } },
};

static const struct halt *halt;
static unsigned int halt_step;

/* A signal interrupted HOLM_RUN: the next step when the vCPU is halted by now. */
static void halted(struct guest *g)
{
	enum halt_step step = halt->steps[halt_step];

	g->run->immediate_exit = 0;
	if (step == STEPS_END || (!halt_step && mp_state(g) != HOLM_MP_HALTED))
		return;
	CHECK_EQ(g, mp_state(g), HOLM_MP_HALTED);
	CHECK_EQ(g, g->nevents, 0);
	CHECK_EQ(g, g->run->exit_reason, HOLM_EXIT_INTR);
	CHECK_EQ(g, g->run->regs.rip, halt->at);
	halt_step++;
	switch (step) {
	case SEND_IRQ:
		send_irq(g, CALL_EVENT);
		break;
	case SEND_NMI:
		send_nmi(g, CALL_EVENT);
		break;
	case SEND_MSI:
		send_msi(g, CALL_EVENT);
		break;
	case SEND_EXTINT:
		send_extint(g, CALL_EVENT);
		break;
	case SEND_INIT:
		signal_msi(g, MSI_INIT);
		break;
	case LEAVE:
		g->run->immediate_exit = 1;
		break;
	default:
		break;
	}
}

static void run_halt(struct guest *g)
{
	lapic_on(g);
	halt_step = 0;
	g->interrupted = halted;
	guest_start(g, halt->entry);
	pulse_start(g, PULSE_US);
	guest_run(g);
	pulse_stop();
	guest_expect(g, halt->events, halt->end);
	CHECK_EQ(g, halt->steps[halt_step], STEPS_END);
}

static void test_halts(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(halts); i++) {
		halt = &halts[i];
		guest_test_mode(halt->name, LONG64, run_halt);
	}
}

void test_event_steps(void)
{
	test_shadows();
	guest_test_mode("events/extint_spurious", LONG64, extint_spurious);
	guest_test_mode("events/extint_lowered", LONG64, extint_lowered);
	guest_test_mode("events/extint_level", LONG64, extint_level);
	guest_test_mode("events/lapic_off", LONG64, lapic_off);
	test_halts();
}
