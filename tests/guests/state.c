// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * State blocks: a guest goes on in another VM wherever it is, and does not
 * notice. The same guest that stays where it is tells what must come out.
 */
#include <stdlib.h>
#include <string.h>

#include "migrate.h"
#include "steps.h"

#define PULSE_US	2000
#define MIX_ROUNDS	(hv.intel ? 200000 : 300000)
#define MIX_MOVES	(hv.intel ? 5 : 25)
/* The slow bed moves a guest at fewer of its exits. */
#define EVERY		(hv.intel ? 3 : 1)

/* ---- twins ------------------------------------------------------------------------ */

struct twin {
	const char *name;
	enum guest_mode mode;
	uint64_t entry;
	void (*setup)(struct guest *g);
	void (*call)(struct guest *g, unsigned int n);
	bool x2apic, watchpoint, step;
};

static void irqs(struct guest *g, unsigned int n)
{
	if (n == CALL_EVENT) {
		send_irq(g, n);
		return;
	}
	guest_inject(g, HOLM_INJECT_INTERRUPT, VEC_LOW);
	guest_inject(g, HOLM_INJECT_INTERRUPT, VEC_HIGH);
}

static void nested(struct guest *g)
{
	lapic_on(g);
	gate64(g, VEC_LOW, G_eoi_low);
	gate64(g, VEC_IRQ, G_nested_handler);
	gate64(g, VEC_HIGH, G_eoi_high);
}

static void nmi_nested(struct guest *g)
{
	gate64(g, 2, G_nmi_nested_handler);
}

static const struct twin twins[] = {
	{ "state/move_widths_real16", REAL16, G_widths16 },
	{ "state/move_widths_vm86", VM86, G_widths16 },
	{ "state/move_strings_real16", REAL16, G_strings16 },
	{ "state/move_strings_paged32", PAGED32, G_strings32 },
	{ "state/move_strings_long64", LONG64, G_strings64 },
	{ "state/move_faults_real16", REAL16, G_ex16 },
	{ "state/move_faults_bigreal16", BIGREAL16, G_ex16 },
	{ "state/move_faults_vm86", VM86, G_ex16 },
	{ "state/move_faults_prot16", PROT16, G_ex16 },
	{ "state/move_faults_prot32", PROT32, G_ex32 },
	{ "state/move_faults_paged32", PAGED32, G_ex32 },
	{ "state/move_faults_pae32", PAE32, G_ex32 },
	{ "state/move_faults_compat32", COMPAT32, G_ex32 },
	{ "state/move_faults_user32", USER32, G_ex32 },
	{ "state/move_faults_usercompat32", USERCOMPAT32, G_ex32 },
	{ "state/move_faults_long64", LONG64, G_ex64 },
	{ "state/move_faults_user64", USER64, G_ex64 },
	{ "state/move_nmi_handler", LONG64, G_nmi_nested, nmi_nested, send_nmi },
	{ "state/move_nested", LONG64, G_nested, nested, irqs },
	{ "state/move_irr", LONG64, G_off64, lapic_on, send_irq },
	{ "state/move_irr_real16", REAL16, G_off16, lapic_on, send_irq },
	{ "state/move_extint", LONG64, G_off64, lapic_on, send_extint },
	{ "state/move_cr8", LONG64, G_cr8, lapic_on, send_irq },
	{ "state/move_x2apic", LONG64, G_self_ipi_x2apic, lapic_on, NULL, true },
	{ "state/move_step", LONG64, G_step_insns, step_handler, .step = true },
	{ "state/move_step_user", USER64, G_step_user, dr6_clear, .step = true },
	{ "state/move_watch", LONG64, G_watch_write, dr6_clear, NULL, false, true },
	{ "state/move_breakpoint", LONG64, G_exec_nop, bp_handler },
	{ "state/move_dr", LONG64, G_dr_values },
	{ "state/move_msrs", LONG64, G_msrs },
};

static const struct twin *twin;

/* Behind STI QEMU may have lost the interrupt shadow of one of the two: see IRQ_STI(). */
static bool same_place(const struct event *a, const struct event *b)
{
	return a->rip == b->rip ||
	       (hv.tcg && a->kind == EV_IRQ && (a->rip == b->rip + 1 || a->rip + 1 == b->rip));
}

static bool same_event(const struct event *a, const struct event *b)
{
	return a->kind == b->kind && a->vector == b->vector && a->size == b->size &&
	       a->a == b->a && a->b == b->b && same_place(a, b);
}

/* @g is the one that moved. */
static void compare(struct guest *g, struct guest *stayed)
{
	unsigned int i;

	if (stayed->failed) {
		guest_fail(g, "the guest that stays:\n%s", stayed->why);
		return;
	}
	for (i = 0; i < g->nevents && i < stayed->nevents; i++) {
		if (same_event(&g->events[i], &stayed->events[i]))
			continue;
		guest_fail(g, "event %u of %u is another one", i, stayed->nevents);
		guest_expect(g, stayed->events, stayed->end);
		return;
	}
	CHECK_EQ(g, g->nevents, stayed->nevents);
	CHECK(g, g->nevents, "nothing happened");
	CHECK_EQ(g, g->end, stayed->end);
	CHECK(g, !memcmp(&g->run->regs, &stayed->run->regs, sizeof(g->run->regs)),
	      "other registers");
	CHECK(g, !memcmp(&g->run->sregs, &stayed->run->sregs, sizeof(g->run->sregs)),
	      "other control registers or segments");
	CHECK(g, !memcmp(g->ram + SCRATCH_ADDR, stayed->ram + SCRATCH_ADDR, SCRATCH_SIZE),
	      "another memory");
}

static void prepare(struct guest *g)
{
	g->call = twin->call;
	if (twin->setup)
		twin->setup(g);
	guest_start(g, twin->entry);
}

static void run_twins(struct guest *g)
{
	struct guest *stays = guest_new();
	unsigned int exits = 0;

	if (!stays) {
		guest_fail(g, "no second guest");
		return;
	}
	guest_mode(stays, twin->mode);
	prepare(stays);
	guest_run(stays);

	prepare(g);
	while (guest_step(g)) {
		if (++exits % EVERY)
			continue;
		settle(g);
		migrate(g);
	}
	if (!g->failed)
		compare(g, stays);
	guest_free(stays);
}

/* ---- wherever a signal hits ----------------------------------------------------------- */

static unsigned int moves;

static void move_interrupted(struct guest *g)
{
	if (moves == MIX_MOVES)
		return;
	moves++;
	migrate(g);
}

static void start_mix(struct guest *g)
{
	bool avx = hv_has(1, 0, 2, 28) && hv.caps.xcr0 & 4;

	g->regs.gpr[HOLM_RBX] = MIX_ROUNDS;
	g->regs.gpr[12] = avx;
	g->regs.rflags |= spin_flags();
	guest_start(g, G_mix);
}

static void mix(struct guest *g)
{
	struct guest *stays = guest_new();

	if (!stays) {
		guest_fail(g, "no second guest");
		return;
	}
	guest_mode(stays, LONG64);
	start_mix(stays);
	guest_run(stays);

	moves = 0;
	g->interrupted = move_interrupted;
	start_mix(g);
	pulse_start(g, PULSE_US);
	guest_run(g);
	pulse_stop();
	if (!g->failed)
		compare(g, stays);
	CHECK(g, moves, "the guest was never moved");
	guest_free(stays);
}

/* ---- at awkward places ------------------------------------------------------------------- */

struct shadow {
	const char *name;
	uint64_t entry, at;
	bool nmi;
};

static const struct shadow shadows[] = {
	{ "state/move_sti_irq", G_shadow_sti, G_shadow_sti_at, false },
	{ "state/move_sti_nmi", G_shadow_sti, G_shadow_sti_at, true },
	{ "state/move_movss_irq", G_shadow_movss, G_shadow_movss_at, false },
	{ "state/move_movss_nmi", G_shadow_movss, G_shadow_movss_at, true },
};

static const struct shadow *shadow;

/* The exit is not answered: the instruction is executed in the new VM. */
static void move_shadow(struct guest *g)
{
	lapic_on(g);
	guest_start(g, shadow->entry);
	if (!run_to(g, HOLM_EXIT_MMIO))
		return;
	migrate(g);
	if (g->failed)
		return;
	shadow_run(g, shadow->at, shadow->nmi);
}

/* Halted, it waits in the new VM; an interrupt there wakes it. */
static unsigned int halt_step;

static void move_halted(struct guest *g)
{
	if (halt_step >= 4 || (!halt_step && mp_state(g) != HOLM_MP_HALTED))
		return;
	CHECK_EQ(g, mp_state(g), HOLM_MP_HALTED);
	CHECK_EQ(g, g->nevents, 0);
	halt_step++;
	if (halt_step == 4)
		send_irq(g, CALL_EVENT);
	else
		migrate(g);
}

static void halted(struct guest *g)
{
	lapic_on(g);
	halt_step = 0;
	g->interrupted = move_halted;
	guest_start(g, G_halt);
	pulse_start(g, PULSE_US);
	guest_run(g);
	pulse_stop();
	EXPECT(g, HOLM_EXIT_IO, IRQ_AT(VEC_IRQ, G_halt_at), V(9));
}

/* Up to the report before the label, which is answered. */
static bool start_pending(struct guest *g)
{
	guest_start(g, G_raised);
	if (!run_to(g, HOLM_EXIT_IO))
		return false;
	guest_complete(g, g->run->next_rip);
	settle(g);
	return !g->failed;
}

/* CR2 and DR6 change with the delivery, in the new VM. */
static void pending_pf(struct guest *g)
{
	struct holm_events events;
	struct holm_sregs sregs;

	if (!start_pending(g))
		return;
	guest_get(g, HOLM_STATE_EVENTS, &events, sizeof(events));
	events.exception = (struct holm_event) {
		.type = HOLM_EVENT_EXCEPTION,
		.vector = 14,
		.flags = HOLM_EVENT_HAS_ERROR_CODE | HOLM_EVENT_HAS_PAYLOAD,
		.error_code = 4,
		.payload = 0x55000,
	};
	guest_set(g, HOLM_STATE_EVENTS, &events, sizeof(events));
	migrate(g);
	guest_get(g, HOLM_STATE_SREGS, &sregs, sizeof(sregs));
	CHECK_EQ(g, sregs.cr2, 0);
	guest_run(g);
	EXPECT(g, HOLM_EXIT_IO, PF_AT(4, 0x55000, G_raised_at), V(9));
}

static void pending_db(struct guest *g)
{
	struct holm_debugregs dregs;

	if (!start_pending(g))
		return;
	raise_exception(g, 1, HOLM_EVENT_HAS_PAYLOAD, 0, 0x4000);
	settle(g);
	migrate(g);
	guest_get(g, HOLM_STATE_DEBUGREGS, &dregs, sizeof(dregs));
	CHECK_EQ(g, dregs.dr6, 0xffff0ff0);
	guest_run(g);
	EXPECT(g, HOLM_EXIT_IO, DB_AT(0x4000, G_raised_at), V(9));
}

/* A vector that the PIC gave, not yet delivered. */
static void acknowledged(struct guest *g)
{
	lapic_on(g);
	guest_start(g, G_off64);
	if (!run_to(g, HOLM_EXIT_IO))
		return;
	guest_complete(g, g->run->next_rip);
	guest_inject(g, HOLM_INJECT_EXTINT_RAISE, 0);
	if (!run_to(g, HOLM_EXIT_IO))		/* the report of 1 */
		return;
	guest_complete(g, g->run->next_rip);
	if (!run_to(g, HOLM_EXIT_INTR_ACK))
		return;
	guest_inject(g, HOLM_INJECT_EXTINT_LOWER, 0);
	g->run->intr_vector = VEC_EXTINT;
	g->run->in_flags = HOLM_RUN_INTR_VECTOR;
	settle(g);
	migrate(g);
	guest_run(g);
	EXPECT(g, HOLM_EXIT_IO, IRQ_STI(VEC_EXTINT, G_off64_at), V(9));
}

static void shut_down(struct guest *g)
{
	if (!start_pending(g))
		return;
	g->run->sregs.idt.limit = 0;
	g->run->in_flags = HOLM_RUN_SREGS;
	raise_exception(g, 6, 0, 0, 0);
	if (!run_to(g, HOLM_EXIT_SHUTDOWN))
		return;
	migrate(g);
	CHECK(g, holm_vcpu_run(&g->vcpu) == -5, "a vCPU that is shut down runs again");
}

/* ---- timers ---------------------------------------------------------------------------------- */

#define TIMER_NS	(hv.bochs ? 10000000U : 50000000U)

static void move_now(struct guest *g, unsigned int n)
{
	(void)n;
	settle(g);
	migrate(g);
}

static void start_timer(struct guest *g)
{
	lapic_on(g);
	g->call = move_now;
	g->regs.gpr[14] = TIMER_NS;
	g->regs.gpr[15] = (uint64_t)hv.caps.tsc_khz * TIMER_NS / 1000000;
}

static void timer_moves(struct guest *g)
{
	start_timer(g);
	guest_start(g, G_timer_moves);
	guest_run(g);
	EXPECT(g, HOLM_EXIT_IO, CALL(CALL_EVENT), IRQ_AT(0x61, G_timer_moves_at), V(9));
}

static void deadline_moves(struct guest *g)
{
	start_timer(g);
	guest_start(g, G_deadline_moves);
	guest_run(g);
	EXPECT(g, HOLM_EXIT_IO, CALL(CALL_EVENT), IRQ_AT(0x61, G_deadline_moves_at), V(9));
}

void test_state(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(twins); i++) {
		twin = &twins[i];
		if (twin->x2apic && !hv_has(1, 0, 2, 21))
			guest_skip(twin->name, "CPUID has no x2APIC");
		else if (twin->watchpoint && hv.tcg)
			guest_skip(twin->name, "QEMU crashes when VMRUN changes DR7");
		else if (twin->step && hv.bochs)
			guest_skip(twin->name, "Bochs traps once more where an EPT violation ends a step");
		else if (twin->mode == PAE32 && hv.tcg)
			guest_skip(twin->name, "QEMU sets the accessed bit of PDPTEs, a reserved one");
		else
			guest_test_mode(twin->name, twin->mode, run_twins);
	}
	guest_test_mode("state/move_anywhere", LONG64, mix);
	for (i = 0; i < ARRAY_SIZE(shadows); i++) {
		shadow = &shadows[i];
		if (hv.tcg)
			guest_skip(shadow->name, NO_SHADOW);
		else
			guest_test_mode(shadow->name, PAGED32, move_shadow);
	}
	guest_test_mode("state/move_halted", LONG64, halted);
	guest_test_mode("state/move_pending_pf", LONG64, pending_pf);
	guest_test_mode("state/move_pending_db", LONG64, pending_db);
	guest_test_mode("state/move_acknowledged", LONG64, acknowledged);
	guest_test_mode("state/move_shutdown", LONG64, shut_down);
	guest_test_mode("state/move_timer", LONG64, timer_moves);
	if (hv_has(1, 0, 2, 24))
		guest_test_mode("state/move_deadline", LONG64, deadline_moves);
	else
		guest_skip("state/move_deadline", "CPUID has no TSC-deadline timer");
	test_state_blocks();
}
