// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The LAPIC in x2APIC mode: registers, priorities and EOIs that a CPU with APIC
 * virtualization answers for without an exit, and the driver without one.
 */
#include <string.h>

#include "steps.h"

#define MSI_LEVEL	0xc000		/* level, asserted */
#define VEC_BIT(vec)	V(BIT((vec) % 32))

static const char *no_x2apic(void)
{
	return hv_has(1, 0, 2, 21) ? NULL : "CPUID has no x2APIC";
}

static void level_then_edge(struct guest *g, unsigned int n)
{
	signal_msi(g, VEC_MSI | (n == CALL_EVENT ? MSI_LEVEL : 0));
}

static void send_low(struct guest *g, unsigned int n)
{
	(void)n;
	guest_inject(g, HOLM_INJECT_INTERRUPT, VEC_LOW);
}

static void move_lapic(struct guest *g, unsigned int n);

/* One comes while software delivers, and goes on to be in service when the CPU does. */
static void level_and_move(struct guest *g, unsigned int n)
{
	if (n == CALL_EVENT)
		signal_msi(g, VEC_MSI | MSI_LEVEL);
	move_lapic(g, n);
}

/* Out, spoilt, and in again; what is derived (PPR) comes out as it was. */
static void move_lapic(struct guest *g, unsigned int n)
{
	struct holm_lapic lapic, spoilt, again;

	(void)n;
	guest_get(g, HOLM_STATE_LAPIC, &lapic, sizeof(lapic));
	spoilt = lapic;
	spoilt.regs[LAPIC_TPR >> 4] = 0xff;
	spoilt.regs[(LAPIC_IRR >> 4) + 4] = ~0U;
	spoilt.regs[(LAPIC_ISR >> 4) + 4] = ~0U;
	guest_set(g, HOLM_STATE_LAPIC, &spoilt, sizeof(spoilt));
	guest_set(g, HOLM_STATE_LAPIC, &lapic, sizeof(lapic));
	guest_get(g, HOLM_STATE_LAPIC, &again, sizeof(again));
	CHECK(g, !memcmp(&lapic, &again, sizeof(lapic)), "the state is another after a set");
}

static const struct guest_row rows[] = {
	{ GUEST(x2apic_regs, LONG64), .setup = lapic_on, .skip = no_x2apic,
	  EVENTS(V(0), V(0x50014), V(0), V(0), V(1), V(0), V(LVT_MASKED), V(0), V(0), V(0),
		 V(0x57), V(0x57), V(5), V(0x70), V(LVT_MASKED | LVT_PERIODIC | 0x61), V(0xb),
		 V(0x4000 | VEC_IRQ), V(0x7e)) },
	{ GUEST(x2apic_faults, LONG64), .setup = lapic_on, .skip = no_x2apic,
	  EVENTS(XE(13, 0), XE(13, 0), XE(13, 0), XE(13, 0), XE(13, 0), XE(13, 0), XE(13, 0),
		 XE(13, 0), XE(13, 0), XE(13, 0), XE(13, 0), XE(13, 0), XE(13, 0), V(9)) },
	{ GUEST(x2apic_level, LONG64), .setup = lapic_on, .skip = no_x2apic,
	  .call = level_then_edge,
	  EVENTS(CALL(CALL_EVENT), IRQ(VEC_MSI), VEC_BIT(VEC_MSI), EOI(VEC_MSI), V(1),
		 CALL(CALL_SECOND), IRQ(VEC_MSI), V(0), V(9)) },
	{ GUEST(x2apic_level_moved, LONG64), .setup = lapic_on, .skip = no_x2apic,
	  .call = level_and_move,
	  EVENTS(CALL(CALL_EVENT), IRQ(VEC_MSI), CALL(CALL_SECOND), EOI(VEC_MSI), V(9)) },
	{ GUEST(x2apic_nested, LONG64), .setup = lapic_on, .skip = no_x2apic, .call = send_low,
	  EVENTS(IRQ(VEC_IRQ), CALL(CALL_EVENT), V(VEC_IRQ & 0xf0), VEC_BIT(VEC_IRQ),
		 VEC_BIT(VEC_MSI), VEC_BIT(VEC_LOW), IRQ(VEC_HIGH), V(VEC_HIGH & 0xf0),
		 V(VEC_IRQ & 0xf0), IRQ_AT(VEC_MSI, G_x2apic_nested_msi),
		 IRQ_AT(VEC_LOW, G_x2apic_nested_low), V(0), V(9)) },
	{ GUEST(x2apic_self_bad, LONG64), .setup = lapic_on, .skip = no_x2apic,
	  EVENTS(V(0x20)) },
	{ GUEST(x2apic_off_on, LONG64), .setup = lapic_on, .skip = no_x2apic,
	  EVENTS(IRQ_STI(VEC_IRQ, G_x2apic_off_on_irq), V(0), V(0), V(0xff),
		 IRQ_STI(VEC_IRQ, G_x2apic_off_on_again)) },
	{ GUEST(x2apic_moved, LONG64), .setup = lapic_on, .skip = no_x2apic, .call = move_lapic,
	  EVENTS(CALL(CALL_EVENT), CALL(CALL_EVENT), IRQ_STI(VEC_IRQ, G_x2apic_moved_irq),
		 CALL(CALL_EVENT), CALL(CALL_EVENT), V(VEC_IRQ & 0xf0),
		 IRQ_STI(VEC_HIGH, G_x2apic_moved_high), CALL(CALL_EVENT), CALL(CALL_EVENT),
		 V(VEC_IRQ & 0xf0), V(0x20)) },
};

void test_x2apic(void)
{
	guest_rows("x2apic", rows, ARRAY_SIZE(rows));
}
