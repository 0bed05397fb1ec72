// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Interrupts, NMIs and exceptions from outside: by each call that the ABI has
 * for them, delivered when the guest can take them and not before. SDM Vol. 3,
 * chapters "Interrupt and Exception Handling", "Advanced Programmable
 * Interrupt Controller".
 */
#include <errno.h>

#include "steps.h"

#define DF_VECTOR	8
#define MSI_NMI		0x400		/* delivery modes */
#define MSI_EXTINT	0x700

/* ---- events ------------------------------------------------------------------- */

static void nmi_and_irq(struct guest *g, unsigned int n)
{
	send_irq(g, n);
	send_nmi(g, n);
}

static void three_nmis(struct guest *g, unsigned int n)
{
	send_nmi(g, n);
	if (n == CALL_EVENT)
		return;
	send_nmi(g, n);
	send_nmi(g, n);
}

static void nmi_then_cold(struct guest *g, unsigned int n)
{
	send_nmi(g, n);
	if (n == CALL_SECOND)
		make_cold(g);
}

static void msi_nmi(struct guest *g, unsigned int n)
{
	(void)n;
	signal_msi(g, MSI_NMI);
}

static void msi_extint(struct guest *g, unsigned int n)
{
	(void)n;
	g->extint = VEC_EXTINT;
	signal_msi(g, MSI_EXTINT);
}

static void all_irqs(struct guest *g, unsigned int n)
{
	(void)n;
	guest_inject(g, HOLM_INJECT_INTERRUPT, VEC_LOW);
	guest_inject(g, HOLM_INJECT_INTERRUPT, VEC_HIGH);
	guest_inject(g, HOLM_INJECT_INTERRUPT, VEC_IRQ);
}

static void nested(struct guest *g, unsigned int n)
{
	if (n == CALL_EVENT) {
		send_irq(g, n);
		return;
	}
	guest_inject(g, HOLM_INJECT_INTERRUPT, VEC_LOW);
	guest_inject(g, HOLM_INJECT_INTERRUPT, VEC_HIGH);
}

static void set_interrupted(struct guest *g, uint8_t type, uint8_t vector, uint8_t insn_len)
{
	struct holm_events events;

	guest_get(g, HOLM_STATE_EVENTS, &events, sizeof(events));
	events.interrupted.type = type;
	events.interrupted.vector = vector;
	events.interrupted.insn_len = insn_len;
	guest_set(g, HOLM_STATE_EVENTS, &events, sizeof(events));
}

static void block_irq(struct guest *g, unsigned int n)
{
	(void)n;
	set_interrupted(g, HOLM_EVENT_INTERRUPT, VEC_IRQ, 0);
}

static void block_nmi(struct guest *g, unsigned int n)
{
	(void)n;
	set_interrupted(g, HOLM_EVENT_NMI, 2, 0);
}

static void block_nmi_pending(struct guest *g, unsigned int n)
{
	struct holm_events events;

	(void)n;
	guest_get(g, HOLM_STATE_EVENTS, &events, sizeof(events));
	events.flags |= HOLM_EVENTS_NMI_PENDING;
	guest_set(g, HOLM_STATE_EVENTS, &events, sizeof(events));
}

static void block_extint(struct guest *g, unsigned int n)
{
	struct holm_events events;

	(void)n;
	g->extint = VEC_EXTINT;
	guest_get(g, HOLM_STATE_EVENTS, &events, sizeof(events));
	events.flags |= HOLM_EVENTS_EXTINT;
	guest_set(g, HOLM_STATE_EVENTS, &events, sizeof(events));
}

/* The IRR bit of the LAPIC block. */
static void block_irr(struct guest *g, unsigned int n)
{
	struct holm_lapic lapic;

	(void)n;
	guest_get(g, HOLM_STATE_LAPIC, &lapic, sizeof(lapic));
	lapic.regs[(LAPIC_IRR >> 4) + VEC_IRQ / 32] |= BIT(VEC_IRQ % 32);
	guest_set(g, HOLM_STATE_LAPIC, &lapic, sizeof(lapic));
}

static void soft_int(struct guest *g, unsigned int n)
{
	(void)n;
	set_interrupted(g, HOLM_EVENT_SOFT_INTERRUPT, VEC_SOFT, 2);
}

static void soft_bp(struct guest *g, unsigned int n)
{
	(void)n;
	set_interrupted(g, HOLM_EVENT_SOFT_EXCEPTION, 3, 1);
}

static void soft_int1(struct guest *g, unsigned int n)
{
	(void)n;
	set_interrupted(g, HOLM_EVENT_PRIV_SOFT_EXCEPTION, 1, 1);
}

/* ---- exceptions ------------------------------------------------------------------ */

static void raise_gp(struct guest *g, unsigned int n)
{
	(void)n;
	raise_exception(g, 13, HOLM_EVENT_HAS_ERROR_CODE, 0x18, 0);
}

static void raise_ud(struct guest *g, unsigned int n)
{
	(void)n;
	raise_exception(g, 6, 0, 0, 0);
}

static void raise_pf(struct guest *g, unsigned int n)
{
	(void)n;
	raise_exception(g, 14, HOLM_EVENT_HAS_ERROR_CODE | HOLM_EVENT_HAS_PAYLOAD, 6, 0x123456);
}

static void raise_db(struct guest *g, unsigned int n)
{
	(void)n;
	raise_exception(g, 1, HOLM_EVENT_HAS_PAYLOAD, 0, 0x4001);
}

static void raise_ac(struct guest *g, unsigned int n)
{
	(void)n;
	raise_exception(g, 17, HOLM_EVENT_HAS_ERROR_CODE, 0, 0);
}

/* The NMI comes in the exception's handler, before its first instruction. */
static void raise_all(struct guest *g, unsigned int n)
{
	nmi_and_irq(g, n);
	raise_ud(g, n);
}

static void set_exception(struct guest *g, uint8_t vector, uint8_t flags, uint32_t error,
			  uint64_t payload)
{
	struct holm_events events;

	guest_get(g, HOLM_STATE_EVENTS, &events, sizeof(events));
	events.exception = (struct holm_event) {
		.type = HOLM_EVENT_EXCEPTION,
		.vector = vector,
		.flags = flags,
		.error_code = error,
		.payload = payload,
	};
	guest_set(g, HOLM_STATE_EVENTS, &events, sizeof(events));
}

static void block_gp(struct guest *g, unsigned int n)
{
	(void)n;
	set_exception(g, 13, HOLM_EVENT_HAS_ERROR_CODE, 0x20, 0);
}

static void block_pf(struct guest *g, unsigned int n)
{
	(void)n;
	set_exception(g, 14, HOLM_EVENT_HAS_ERROR_CODE | HOLM_EVENT_HAS_PAYLOAD, 2, 0x654321);
}

/* #GP while #PF waits. */
static void pf_then_gp(struct guest *g, unsigned int n)
{
	block_pf(g, n);
	raise_gp(g, n);
}

static void df_then_pf(struct guest *g, unsigned int n)
{
	set_exception(g, DF_VECTOR, HOLM_EVENT_HAS_ERROR_CODE, 0, 0);
	raise_pf(g, n);
}

static void gp_then_gp(struct guest *g, unsigned int n)
{
	block_gp(g, n);
	raise_gp(g, n);
}

/* ---- setups and checks -------------------------------------------------------------- */

static void eoi_handlers(struct guest *g)
{
	lapic_on(g);
	gate64(g, VEC_LOW, G_eoi_low);
	gate64(g, VEC_IRQ, G_eoi_irq);
	gate64(g, VEC_HIGH, G_eoi_high);
}

static void nested_handlers(struct guest *g)
{
	eoi_handlers(g);
	gate64(g, VEC_IRQ, G_nested_handler);
}

static void nmi_nested(struct guest *g)
{
	gate64(g, 2, G_nmi_nested_handler);
}

static void nmi_int3(struct guest *g)
{
	gate64(g, 2, G_nmi_int3_handler);
}

static void nmi_iret_cold(struct guest *g)
{
	gate64(g, 2, G_nmi_iret_cold_handler);
}

/* Nothing waits, nothing is masked. */
static void quiet(struct guest *g)
{
	struct holm_events events;

	guest_get(g, HOLM_STATE_EVENTS, &events, sizeof(events));
	CHECK_EQ(g, events.flags, 0);
	CHECK_EQ(g, events.exception.type, HOLM_EVENT_NONE);
	CHECK_EQ(g, events.interrupted.type, HOLM_EVENT_NONE);
}

static void check_cr2(struct guest *g)
{
	CHECK_EQ(g, g->run->sregs.cr2, 0x654321);
}

static void check_shutdown(struct guest *g)
{
	struct holm_events events;

	guest_get(g, HOLM_STATE_EVENTS, &events, sizeof(events));
	CHECK_EQ(g, events.flags, HOLM_EVENTS_SHUTDOWN);
	CHECK(g, holm_vcpu_run(&g->vcpu) == -EIO, "a vCPU that is shut down runs again");
	/* Given other events it is alive again. */
	events.flags = 0;
	guest_set(g, HOLM_STATE_EVENTS, &events, sizeof(events));
	g->nevents = 0;
	guest_start(g, G_raised_at);
	guest_run(g);
	EXPECT(g, HOLM_EXIT_IO, V(9));
}

static const char *no_x2apic(void)
{
	return hv_has(1, 0, 2, 21) ? NULL : "CPUID has no x2APIC";
}

static const char *no_shadow(void)
{
	return hv.tcg ? NO_SHADOW : NULL;
}

/* ---- rows ------------------------------------------------------------------------------ */

/* One guest in several modes; the labels have the same suffix. */
#define NOW(name, mode, bits, event, ...)					\
	{ "now_" #name, mode, G_now##bits, .setup = lapic_on, .call = event,	\
	  .check = quiet, EVENTS(CALL(CALL_EVENT), __VA_ARGS__, V(9)) }
#define OFF(name, mode, bits, event, ...)					\
	{ "off_" #name, mode, G_off##bits, .setup = lapic_on, .call = event,	\
	  .check = quiet, EVENTS(CALL(CALL_EVENT), __VA_ARGS__, V(9)) }

static const struct guest_row rows[] = {
	NOW(irq, LONG64, 64, send_irq, IRQ_AT(VEC_IRQ, G_now64_at)),
	NOW(msi, LONG64, 64, send_msi, IRQ_AT(VEC_MSI, G_now64_at)),
	NOW(nmi, LONG64, 64, send_nmi, X_AT(2, G_now64_at)),
	NOW(msi_nmi, LONG64, 64, msi_nmi, X_AT(2, G_now64_at)),
	NOW(extint, LONG64, 64, send_extint, IRQ_AT(VEC_EXTINT, G_now64_at)),
	NOW(msi_extint, LONG64, 64, msi_extint, IRQ_AT(VEC_EXTINT, G_now64_at)),
	NOW(irq_real16, REAL16, 16, send_irq, IRQ_AT(VEC_IRQ, G_now16_at)),
	NOW(irq_vm86, VM86, 16, send_irq, IRQ_AT(VEC_IRQ, G_now16_at)),
	NOW(irq_paged32, PAGED32, 32, send_irq, IRQ_AT(VEC_IRQ, G_now32_at)),
	NOW(irq_compat32, COMPAT32, 32, send_irq, IRQ_AT(VEC_IRQ, G_now32_at)),
	NOW(irq_user32, USER32, 32, send_irq, IRQ_AT(VEC_IRQ, G_now32_at)),
	NOW(irq_user64, USER64, 64, send_irq, IRQ_AT(VEC_IRQ, G_now64_at)),
	NOW(nmi_real16, REAL16, 16, send_nmi, X_AT(2, G_now16_at)),
	NOW(nmi_vm86, VM86, 16, send_nmi, X_AT(2, G_now16_at)),
	NOW(nmi_user64, USER64, 64, send_nmi, X_AT(2, G_now64_at)),
	NOW(extint_real16, REAL16, 16, send_extint, IRQ_AT(VEC_EXTINT, G_now16_at)),
	/* The NMI goes first; the interrupt comes after its IRET, to the same place. */
	NOW(nmi_irq, LONG64, 64, nmi_and_irq, X_AT(2, G_now64_at), IRQ_AT(VEC_IRQ, G_now64_at)),
	NOW(block_irq, LONG64, 64, block_irq, IRQ_AT(VEC_IRQ, G_now64_at)),
	NOW(block_irr, LONG64, 64, block_irr, IRQ_AT(VEC_IRQ, G_now64_at)),
	NOW(block_nmi, LONG64, 64, block_nmi, X_AT(2, G_now64_at)),
	NOW(block_nmi_pending, LONG64, 64, block_nmi_pending, X_AT(2, G_now64_at)),
	NOW(block_extint, LONG64, 64, block_extint, IRQ_AT(VEC_EXTINT, G_now64_at)),

	OFF(irq, LONG64, 64, send_irq, V(1), IRQ_STI(VEC_IRQ, G_off64_at)),
	OFF(msi, LONG64, 64, send_msi, V(1), IRQ_STI(VEC_MSI, G_off64_at)),
	OFF(extint, LONG64, 64, send_extint, V(1), IRQ_STI(VEC_EXTINT, G_off64_at)),
	OFF(msi_extint, LONG64, 64, msi_extint, V(1), IRQ_STI(VEC_EXTINT, G_off64_at)),
	OFF(nmi, LONG64, 64, send_nmi, X_AT(2, G_off64_call), V(1)),
	OFF(nmi_irq, LONG64, 64, nmi_and_irq, X_AT(2, G_off64_call), V(1),
	    IRQ_STI(VEC_IRQ, G_off64_at)),
	OFF(block_irr, LONG64, 64, block_irr, V(1), IRQ_STI(VEC_IRQ, G_off64_at)),
	OFF(block_irq, LONG64, 64, block_irq, V(1), IRQ_STI(VEC_IRQ, G_off64_at)),
	OFF(irq_real16, REAL16, 16, send_irq, V(1), IRQ_STI(VEC_IRQ, G_off16_at)),
	OFF(irq_vm86, VM86, 16, send_irq, V(1), IRQ_STI(VEC_IRQ, G_off16_at)),
	OFF(irq_prot32, PROT32, 32, send_irq, V(1), IRQ_STI(VEC_IRQ, G_off32_at)),
	OFF(irq_pae32, PAE32, 32, send_irq, V(1), IRQ_STI(VEC_IRQ, G_off32_at)),
	OFF(irq_user32, USER32, 32, send_irq, V(1), IRQ_STI(VEC_IRQ, G_off32_at)),
	OFF(irq_user64, USER64, 64, send_irq, V(1), IRQ_STI(VEC_IRQ, G_off64_at)),
	OFF(extint_real16, REAL16, 16, send_extint, V(1), IRQ_STI(VEC_EXTINT, G_off16_at)),

	{ GUEST(sti_cli, LONG64), .setup = lapic_on, .call = send_irq, .skip = no_shadow,
	  EVENTS(CALL(CALL_EVENT), V(1), IRQ_AT(VEC_IRQ, G_sti_cli_at), V(9)) },
	{ GUEST(window_popf, LONG64), .setup = lapic_on, .call = send_irq,
	  EVENTS(CALL(CALL_EVENT), IRQ_AT(VEC_IRQ, G_window_popf_at), V(9)) },
	{ GUEST(window_iret, LONG64), .setup = lapic_on, .call = send_irq,
	  EVENTS(CALL(CALL_EVENT), IRQ_AT(VEC_IRQ, G_window_iret_at), V(9)) },
	{ "shadow_done_irq", PAGED32, G_shadow_done, .setup = lapic_on, .call = send_irq,
	  EVENTS(CALL(CALL_EVENT), IRQ_AT(VEC_IRQ, G_shadow_done_at), V(1), V(9)) },
	{ "shadow_done_nmi", PAGED32, G_shadow_done, .call = send_nmi,
	  EVENTS(CALL(CALL_EVENT), X_AT(2, G_shadow_done_at), V(1), V(9)) },

	{ GUEST(nmi_nested, LONG64), .setup = nmi_nested, .call = send_nmi, .check = quiet,
	  EVENTS(CALL(CALL_EVENT), CALL(CALL_SECOND), V(1), V(G_nmi_nested_at), V(2), V(9)) },
	{ "nmi_latched_once", LONG64, G_nmi_nested, .setup = nmi_nested, .call = three_nmis,
	  .check = quiet,
	  EVENTS(CALL(CALL_EVENT), CALL(CALL_SECOND), V(1), V(G_nmi_nested_at), V(2), V(9)) },
	{ GUEST(nmi_int3, LONG64), .setup = nmi_int3, .call = send_nmi, .check = quiet,
	  EVENTS(CALL(CALL_EVENT), CALL(CALL_SECOND), X_AT(3, G_nmi_int3_at), V(G_nmi_int3_at),
		 V(2), V(9)) },
	{ GUEST(nmi_iret_cold, LONG64), .setup = nmi_iret_cold, .call = nmi_then_cold,
	  .check = quiet,
	  EVENTS(CALL(CALL_EVENT), CALL(CALL_SECOND), V(G_nmi_iret_cold_at), V(9)) },

	{ GUEST(order, LONG64), .setup = eoi_handlers, .call = all_irqs,
	  EVENTS(CALL(CALL_EVENT), V(VEC_HIGH), V(VEC_IRQ), V(VEC_LOW), V(9)) },
	{ GUEST(nested, LONG64), .setup = nested_handlers, .call = nested,
	  EVENTS(CALL(CALL_EVENT), V(1), V(VEC_IRQ & 0xf0), CALL(CALL_SECOND), V(VEC_HIGH), V(2),
		 V(BIT(VEC_IRQ % 32)), V(BIT(VEC_LOW % 32)), V(3), V(VEC_LOW), V(9)) },
	{ GUEST(cr8, LONG64), .setup = lapic_on, .call = send_irq,
	  EVENTS(CALL(CALL_EVENT), V(1), V(4), V(0x40), V(0x40), IRQ_AT(VEC_IRQ, G_cr8_at),
		 V(9)) },
	{ GUEST(cr8_quiet, LONG64), .setup = lapic_on, .call = send_irq,
	  EVENTS(V(15), V(0xf0), CALL(CALL_EVENT), V(0x10), XE(13, 0), V(1),
		 IRQ_STI(VEC_IRQ, G_cr8_quiet_at)) },
	{ GUEST(tpr, LONG64), .setup = lapic_on, .call = send_irq,
	  EVENTS(CALL(CALL_EVENT), V(1), V(5), IRQ_AT(VEC_IRQ, G_tpr_at), V(9)) },
	{ GUEST(tpr32, PAGED32), .setup = lapic_on, .call = send_irq,
	  EVENTS(CALL(CALL_EVENT), V(1), IRQ_AT(VEC_IRQ, G_tpr32_at), V(9)) },
	/* TPR does not hold NMIs and the PIC back. */
	{ "tpr_nmi", LONG64, G_tpr, .setup = lapic_on, .call = send_nmi,
	  EVENTS(CALL(CALL_EVENT), { .kind = EV_EXCEPTION, .vector = 2 }, V(1), V(5), V(9)) },
	{ "tpr_extint", LONG64, G_tpr, .setup = lapic_on, .call = send_extint,
	  EVENTS(CALL(CALL_EVENT), IRQ(VEC_EXTINT), V(1), V(5), V(9)) },
	{ GUEST(self_ipi, LONG64), .setup = lapic_on,
	  EVENTS(IRQ_AT(VEC_IRQ, G_self_ipi_at), V(9)) },
	{ GUEST(self_ipi_x2apic, LONG64), .setup = lapic_on, .skip = no_x2apic,
	  EVENTS(V(1), IRQ_STI(VEC_IRQ, G_self_ipi_x2apic_at), V(0), V(BIT(VEC_IRQ % 32)), V(0)) },
	{ GUEST(tpr_x2apic, LONG64), .setup = lapic_on, .call = send_irq, .skip = no_x2apic,
	  EVENTS(CALL(CALL_EVENT), V(1), IRQ_AT(VEC_IRQ, G_tpr_x2apic_at)) },
	{ GUEST(lint0, LONG64), .setup = lapic_on, .call = send_extint,
	  EVENTS(CALL(CALL_EVENT), V(1), IRQ_AT(VEC_EXTINT, G_lint0_at), V(9)) },

	{ "raised_gp", LONG64, G_raised, .call = raise_gp,
	  EVENTS(CALL(CALL_EVENT), XE_AT(13, 0x18, G_raised_at), V(9)) },
	{ "raised_ud", LONG64, G_raised, .call = raise_ud,
	  EVENTS(CALL(CALL_EVENT), X_AT(6, G_raised_at), V(9)) },
	{ "raised_pf", LONG64, G_raised, .call = raise_pf,
	  EVENTS(CALL(CALL_EVENT), PF_AT(6, 0x123456, G_raised_at), V(9)) },
	{ "raised_db", LONG64, G_raised, .call = raise_db,
	  EVENTS(CALL(CALL_EVENT), DB_AT(0x4001, G_raised_at), V(9)) },
	{ "raised_ac_user", USER64, G_raised, .call = raise_ac,
	  EVENTS(CALL(CALL_EVENT), XE_AT(17, 0, G_raised_at), V(9)) },
	{ "raised_first", LONG64, G_raised, .setup = lapic_on, .call = raise_all,
	  EVENTS(CALL(CALL_EVENT), { .kind = EV_EXCEPTION, .vector = 2 },
		 X_AT(6, G_raised_at), V(9)) },
	{ "block_gp", LONG64, G_raised, .call = block_gp, .check = quiet,
	  EVENTS(CALL(CALL_EVENT), XE_AT(13, 0x20, G_raised_at), V(9)) },
	{ "block_pf", LONG64, G_raised, .call = block_pf, .check = quiet,
	  EVENTS(CALL(CALL_EVENT), PF_AT(2, 0x654321, G_raised_at), V(9)) },
	{ "double_pf_gp", LONG64, G_raised, .call = pf_then_gp, .check = check_cr2,
	  EVENTS(CALL(CALL_EVENT), XE_AT(DF_VECTOR, 0, G_raised_at), V(9)) },
	{ "double_gp_gp", LONG64, G_raised, .call = gp_then_gp,
	  EVENTS(CALL(CALL_EVENT), XE_AT(DF_VECTOR, 0, G_raised_at), V(9)) },
	{ "triple_df_pf", LONG64, G_raised, HOLM_EXIT_SHUTDOWN, .call = df_then_pf,
	  .check = check_shutdown, EVENTS(CALL(CALL_EVENT)) },
	{ GUEST(soft_int, LONG64), .call = soft_int, .check = quiet,
	  EVENTS(CALL(CALL_EVENT), IRQ_AT(VEC_SOFT, G_soft_int_at), V(9)) },
	{ GUEST(soft_bp, LONG64), .call = soft_bp, .check = quiet,
	  EVENTS(CALL(CALL_EVENT), X_AT(3, G_soft_bp_at), V(9)) },
	{ GUEST(soft_int1, LONG64), .call = soft_int1, .check = quiet,
	  EVENTS(CALL(CALL_EVENT), DB_AT(0, G_soft_int1_at), V(9)) },

	{ GUEST(halt_waiting, LONG64), .setup = lapic_on, .call = send_irq,
	  EVENTS(CALL(CALL_EVENT), IRQ_AT(VEC_IRQ, G_halt_waiting_at), V(9)) },
	{ "halt_waiting_extint", LONG64, G_halt_waiting, .setup = lapic_on, .call = send_extint,
	  EVENTS(CALL(CALL_EVENT), IRQ_AT(VEC_EXTINT, G_halt_waiting_at), V(9)) },
};

void test_events(void)
{
	guest_rows("events", rows, ARRAY_SIZE(rows));
	test_event_steps();
	test_event_loops();
	test_delivery();
}
