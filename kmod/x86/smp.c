// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a processor does on INIT and start-up IPIs (SDM Vol. 3, "Multiple-
 * Processor (MP) Initialization").
 */
#include "holm.h"
#include "lapic_regs.h"
#include "x86.h"

/* "Start-up" begins in real mode at VV000H: CS is VV00H, IP is 0. */
static void start_at(struct holm_vcpu *vcpu, u8 vector)
{
	struct holm_segment *cs = &vcpu->sregs.seg[HOLM_SEG_CS];

	holm_state_get(vcpu, HOLM_ST_SEG | HOLM_ST_RIP);
	cs->selector = vector << 8;
	cs->base = (u64)vector << 12;
	vcpu->regs.rip = 0;
	holm_state_dirty(vcpu, HOLM_ST_SEG | HOLM_ST_RIP);
	vcpu->mp_state = HOLM_MP_RUNNABLE;
}

int holm_smp_events(struct holm_vcpu *vcpu)
{
	struct holm_lapic_state *lapic = vcpu->lapic;

	if (test_and_clear_bit(HOLM_LAPIC_MSG_INIT, &lapic->messages)) {
		if (lapic->base & HOLM_APIC_BASE_BSP)
			return HOLM_EXIT_INIT;
		holm_state_reset(vcpu, true);
		vcpu->mp_state = HOLM_MP_WAIT_FOR_SIPI;
	}
	/* A full barrier when it was set: the vector is read after its message. */
	if (test_and_clear_bit(HOLM_LAPIC_MSG_SIPI, &lapic->messages) &&
	    vcpu->mp_state == HOLM_MP_WAIT_FOR_SIPI)
		start_at(vcpu, READ_ONCE(lapic->sipi_vector));
	return 0;
}
