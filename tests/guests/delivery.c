// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An event whose delivery a second-level fault interrupts is delivered again,
 * once, with the same error code and the right return address. SDM Vol. 3,
 * "Information for VM Exits That Occur During Event Delivery"; APM Vol. 2,
 * "EXITINTINFO Field".
 */
#include "steps.h"

#define GP_ERROR	0x28

/* ---- what the guests ask for -------------------------------------------------- */

static void call(struct guest *g, unsigned int n)
{
	make_cold(g);
	switch (n) {
	case CALL_COLD_IRQ:
		guest_inject(g, HOLM_INJECT_INTERRUPT, VEC_IRQ);
		break;
	case CALL_COLD_NMI:
		guest_inject(g, HOLM_INJECT_NMI, 0);
		break;
	case CALL_COLD_EXTINT:
		g->extint = VEC_EXTINT;
		guest_inject(g, HOLM_INJECT_EXTINT_RAISE, 0);
		break;
	case CALL_COLD_GP:
		raise_exception(g, 13, g->sregs.cr0 & CR0_PE ? HOLM_EVENT_HAS_ERROR_CODE : 0,
				g->sregs.cr0 & CR0_PE ? GP_ERROR : 0, 0);
		break;
	}
}

/* The software interrupt's gate is for CPL 3 as well. */
static void setup(struct guest *g)
{
	lapic_on(g);
	switch (g->mode) {
	case PROT32:
	case PAGED32:
	case PAE32:
	case USER32:
	case VM86:
		guest_idt(g, VEC_SOFT, G_vectors32 + 16 * VEC_SOFT, SEL_CODE32, 14, 3, 0);
		break;
	case REAL16:
		break;
	default:
		guest_idt(g, VEC_SOFT, G_vectors64 + 16 * VEC_SOFT, SEL_CODE64, 14, 3, 0);
		break;
	}
}

static void ist(struct guest *g)
{
	lapic_on(g);
	guest_idt(g, VEC_SOFT, G_vectors64 + 16 * VEC_SOFT, SEL_CODE64, 14, 0, 1);
	guest_idt(g, 2, G_vectors64 + 16 * 2, SEL_CODE64, 14, 0, 1);
}

/* #GP's gate is not present; #DF's is. */
static void no_gp_gate(struct guest *g)
{
	guest_write(g, IDT_ADDR + 16 * 13 + 5, 0x0e, 1);
}

static const char *no_injected_df(void)
{
	return hv.tcg ? "QEMU makes no double fault of an exception that VMRUN injects" : NULL;
}

/* ---- rows ----------------------------------------------------------------------- */

#define COLD_EVENTS(code, gp, ...)						\
	.events = {								\
		CALL(CALL_COLD), IRQ_AT(VEC_SOFT, G_##code##_int),		\
		CALL(CALL_COLD), X_AT(3, G_##code##_bp),			\
		CALL(CALL_COLD), X(6),						\
		CALL(CALL_COLD_NMI), X_AT(2, G_##code##_nmi),			\
		CALL(CALL_COLD_GP), XE_AT(13, gp, G_##code##_gp),		\
		CALL(CALL_COLD_IRQ), IRQ_AT(VEC_IRQ, G_##code##_irq),		\
		CALL(CALL_COLD_EXTINT), IRQ_AT(VEC_EXTINT, G_##code##_extint),	\
		__VA_ARGS__, V(9) }

#define COLD16(name, mode, gp)							\
	{ name, mode, G_cold16, .setup = setup, .call = call,			\
	  COLD_EVENTS(cold16, gp, CALL(CALL_COLD), X_AT(4, G_cold16_of),	\
		      CALL(CALL_COLD), X(0)) }
#define COLD32(name, mode, segment, ...)					\
	{ name, mode, G_cold32, .setup = setup, .call = call,			\
	  COLD_EVENTS(cold32, GP_ERROR, CALL(CALL_COLD), X_AT(4, G_cold32_of),	\
		      CALL(CALL_COLD), XE(segment, SEL_NOT_PRESENT),		\
		      CALL(CALL_COLD), ##__VA_ARGS__) }
#define COLD64(name, mode, user)						\
	{ name, mode, G_cold64, .setup = setup, .call = call,			\
	  COLD_EVENTS(cold64, GP_ERROR, CALL(CALL_COLD), PF(user, UNMAPPED_ADDR),	\
		      CALL(CALL_COLD), XE(13, 0), CALL(CALL_COLD), X(0)) }

static const struct guest_row rows[] = {
	COLD16("cold_real16", REAL16, 0),
	COLD16("cold_vm86", VM86, GP_ERROR),
	COLD32("cold_prot32", PROT32, 11),	/* no paging, no page fault */
	COLD32("cold_paged32", PAGED32, 11, PF(0, UNMAPPED_ADDR)),
	COLD32("cold_pae32", PAE32, 11, PF(0, UNMAPPED_ADDR)),
	COLD32("cold_compat32", COMPAT32, 11, PF(0, UNMAPPED_ADDR)),
	/* CPL 3 may not use the selector at all. */
	COLD32("cold_user32", USER32, 13, PF(4, UNMAPPED_ADDR)),
	COLD32("cold_usercompat32", USERCOMPAT32, 13, PF(4, UNMAPPED_ADDR)),
	COLD64("cold_long64", LONG64, 0),
	COLD64("cold_user64", USER64, 4),
	{ "cold_int1_long64", LONG64, G_cold_int1, .setup = setup, .call = call, .skip = no_int1,
	  EVENTS(CALL(CALL_COLD), DB_AT(0, G_cold_int1_at), V(9)) },
	{ "cold_int1_user64", USER64, G_cold_int1, .setup = setup, .call = call, .skip = no_int1,
	  EVENTS(CALL(CALL_COLD), DB_AT(0, G_cold_int1_at), V(9)) },
	{ GUEST(cold_stack, LONG64), .setup = setup, .call = call,
	  EVENTS(CALL(CALL_COLD), IRQ_AT(VEC_SOFT, G_cold_stack_int),
		 CALL(CALL_COLD_NMI), X_AT(2, G_cold_stack_nmi),
		 CALL(CALL_COLD_IRQ), IRQ_AT(VEC_IRQ, G_cold_stack_irq), V(9)) },
	{ GUEST(cold_ist, LONG64), .setup = ist, .call = call,
	  EVENTS(CALL(CALL_COLD), IRQ_AT(VEC_SOFT, G_cold_ist_int),
		 CALL(CALL_COLD_NMI), X_AT(2, G_cold_ist_nmi), V(9)) },
	{ GUEST(cold_df, LONG64), .setup = no_gp_gate, .call = call, .skip = no_injected_df,
	  EVENTS(CALL(CALL_COLD), XE_AT(8, 0, G_cold_df_at)) },
};

void test_delivery(void)
{
	guest_rows("events", rows, ARRAY_SIZE(rows));
}
