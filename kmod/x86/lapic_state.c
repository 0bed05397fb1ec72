// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC's state block: all that a guest can observe of it, out and
 * in again. A set checks the whole block before anything changes.
 */
#include "holm.h"
#include "lapic_regs.h"
#include "x86.h"

#define NREGS	ARRAY_SIZE(((struct holm_lapic *)NULL)->regs)
#define REG(offset)	((offset) >> 4)

/* ---- get ------------------------------------------------------------------ */

/**
 * holm_lapic_get() - HOLM_STATE_LAPIC
 * @vcpu: the vCPU, vcpu->lock held
 * @block: filled in
 *
 * The timer stands still while its registers and IRR are read, so that its
 * interrupt is in one of them, and not in both.
 */
void holm_lapic_get(struct holm_vcpu *vcpu, struct holm_lapic *block)
{
	struct holm_lapic_state *lapic = vcpu->lapic;
	bool queued = holm_timer_freeze(lapic);
	unsigned int i;

	holm_lapic_virt_stop(lapic);
	memset(block, 0, sizeof(*block));
	block->apic_base = lapic->base;
	block->tsc_deadline = lapic->timer.deadline;
	block->timer_remaining = holm_timer_left(lapic);
	block->pending = READ_ONCE(lapic->messages);
	if (block->pending & HOLM_LAPIC_PENDING_SIPI)
		block->sipi_vector = READ_ONCE(lapic->sipi_vector);
	block->esr_pending = READ_ONCE(lapic->esr_pending);
	for (i = 0; i < NREGS; i++)
		if (!holm_lapic_reg(lapic, i << 4, &block->regs[i]))
			block->regs[i] = 0;
	/* Both modes have these in a form of their own. */
	block->regs[REG(APIC_DFR)] = lapic->dfr;
	block->regs[REG(APIC_ICR2)] = lapic->icr >> 32;
	holm_timer_thaw(lapic, queued);
}

/* ---- set ------------------------------------------------------------------ */

static u64 map_word(const u32 *regs, unsigned int n)
{
	/* Two registers of 32 bits are one word of the bit map. */
	return regs[2 * n] | (u64)regs[2 * n + 1] << 32;
}

/* Bits that register @offset may hold; ~0 for those checked otherwise or derived. */
static u32 legal_bits(struct holm_vcpu *vcpu, u32 offset, bool x2apic)
{
	enum holm_lvt lvt;

	switch (offset) {
	case APIC_TASKPRI:
		return 0xff;
	case APIC_SPIV:
		return HOLM_LAPIC_SVR_WRITABLE;
	case APIC_LDR:
		return x2apic ? ~0U : APIC_LDR_MASK;
	case APIC_ISR:
	case APIC_TMR:
	case APIC_IRR:
		return ~(u32)GENMASK(HOLM_LAPIC_FIRST_VECTOR - 1, 0);
	case APIC_ESR:
		return HOLM_LAPIC_ESR_BITS;
	case APIC_ICR:
		return HOLM_LAPIC_ICR_WRITABLE & ~APIC_ICR_BUSY;
	case APIC_ICR2:
		return x2apic ? ~0U : 0xff000000;
	case APIC_LVTT ... APIC_LVTERR:
		lvt = (offset - APIC_LVTT) >> 4;
		return holm_lvt_writable(vcpu, lvt);
	case APIC_TDCR:
		return HOLM_LAPIC_TDCR_WRITABLE;
	case APIC_ID:
	case APIC_LVR:
	case APIC_PROCPRI:
	case APIC_DFR:
	case APIC_TMICT:
	case APIC_TMCCT:
	case APIC_ISR + 0x10 ... APIC_ISR + 0x70:
	case APIC_TMR + 0x10 ... APIC_TMR + 0x70:
	case APIC_IRR + 0x10 ... APIC_IRR + 0x70:
		return ~0U;
	default:
		return 0;	/* no register there */
	}
}

static bool regs_ok(struct holm_vcpu *vcpu, const struct holm_lapic *block)
{
	bool x2apic = holm_lapic_is_x2apic(block->apic_base);
	const u32 *regs = block->regs;
	unsigned int i;

	for (i = 0; i < NREGS; i++)
		if (regs[i] & ~legal_bits(vcpu, i << 4, x2apic))
			return false;

	if (regs[REG(APIC_ID)] != (x2apic ? vcpu->apic_id : vcpu->apic_id << 24) ||
	    regs[REG(APIC_LVR)] != HOLM_LAPIC_VERSION)
		return false;
	if (x2apic && regs[REG(APIC_LDR)] != holm_x2apic_ldr(vcpu->apic_id))
		return false;
	if ((regs[REG(APIC_DFR)] & 0x0fffffff) != 0x0fffffff)
		return false;
	if ((regs[REG(APIC_LVTT)] & HOLM_LVT_TIMER_MODE) == HOLM_LVT_TIMER_MODE)
		return false;
	return true;
}

static bool timer_ok(const struct holm_lapic *block)
{
	u32 lvt = block->regs[REG(APIC_LVTT)], tmict = block->regs[REG(APIC_TMICT)];
	u32 divide = holm_timer_divide(block->regs[REG(APIC_TDCR)]);

	if (lvt & APIC_LVT_TIMER_TSCDEADLINE)
		return !tmict && !block->timer_remaining;
	if (block->tsc_deadline)
		return false;
	/* A clamped period may outlast a change to one-shot. */
	return !block->timer_remaining ||
	       (tmict && block->timer_remaining <= holm_timer_period(tmict, divide, true));
}

static bool messages_ok(const struct holm_lapic *block)
{
	if (block->pending & ~(u32)HOLM_LAPIC_MSG_ALL || block->reserved ||
	    block->esr_pending & ~HOLM_LAPIC_ESR_BITS)
		return false;
	return block->pending & HOLM_LAPIC_PENDING_SIPI || !block->sipi_vector;
}

static void set_maps(struct holm_lapic_state *lapic, const struct holm_lapic *block)
{
	unsigned int n;

	for (n = 0; n < BITS_TO_LONGS(HOLM_LAPIC_VECTORS); n++) {
		WRITE_ONCE(lapic->isr[n], map_word(&block->regs[REG(APIC_ISR)], n));
		WRITE_ONCE(lapic->tmr[n], map_word(&block->regs[REG(APIC_TMR)], n));
		WRITE_ONCE(lapic->irr[n], map_word(&block->regs[REG(APIC_IRR)], n));
	}
	bitmap_zero(lapic->level_irr, HOLM_LAPIC_VECTORS);
	/* Bits before the hint, as a sender does. */
	smp_store_release(&lapic->irr_hint, true);
	holm_lapic_update_ppr(lapic);
}

/**
 * holm_lapic_set() - HOLM_STATE_LAPIC
 * @vcpu: the vCPU, vcpu->lock held; its CPUID table is set (x2APIC and
 *	TSC-deadline mode are legal only where it shows them), and its TSC offset
 *	too, or holm_lapic_tsc_changed() follows
 * @block: a copy of the launcher's
 *
 * PPR and the current count are derived from the rest.
 *
 * Return: 0, or -EINVAL and nothing has changed.
 */
int holm_lapic_set(struct holm_vcpu *vcpu, const struct holm_lapic *block)
{
	struct holm_lapic_state *lapic = vcpu->lapic;
	const u32 *regs = block->regs;
	int i;

	if (!holm_lapic_base_ok(vcpu, block->apic_base) || !regs_ok(vcpu, block) ||
	    !timer_ok(block) || !messages_ok(block))
		return -EINVAL;

	holm_timer_stop(lapic);
	holm_lapic_virt_stop(lapic);
	holm_lapic_virt_drop(lapic);
	WRITE_ONCE(lapic->base, block->apic_base);
	lapic->tpr = regs[REG(APIC_TASKPRI)];
	WRITE_ONCE(lapic->svr, regs[REG(APIC_SPIV)]);
	WRITE_ONCE(lapic->ldr, regs[REG(APIC_LDR)]);
	WRITE_ONCE(lapic->dfr, regs[REG(APIC_DFR)]);
	lapic->esr = regs[REG(APIC_ESR)];
	WRITE_ONCE(lapic->esr_pending, block->esr_pending);
	lapic->icr = regs[REG(APIC_ICR)] | (u64)regs[REG(APIC_ICR2)] << 32;
	for (i = 0; i < HOLM_LVT_COUNT; i++)
		WRITE_ONCE(lapic->lvt[i], regs[REG(APIC_LVTT) + i]);
	lapic->tmict = regs[REG(APIC_TMICT)];
	lapic->tdcr = regs[REG(APIC_TDCR)];
	set_maps(lapic, block);
	holm_lapic_changed(lapic);

	WRITE_ONCE(lapic->sipi_vector, block->sipi_vector);
	smp_wmb();	/* the vector is there before its message */
	WRITE_ONCE(lapic->messages, block->pending);
	if (block->pending & (HOLM_LAPIC_PENDING_INIT | HOLM_LAPIC_PENDING_SIPI))
		set_bit(HOLM_REQ_INIT, &vcpu->requests);

	holm_timer_restore(lapic, block->timer_remaining, block->tsc_deadline);
	return 0;
}
