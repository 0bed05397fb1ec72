// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC: reset, modes, and the way of an interrupt from its arrival
 * (IRR) over its delivery (ISR) to its EOI. SDM Vol. 3, chapter "Advanced
 * Programmable Interrupt Controller"; section names below are of that chapter.
 */
#include <linux/slab.h>

#include "holm.h"
#include "lapic_regs.h"
#include "x86.h"

#define LAPIC_SVR_RESET		0xffU
#define LAPIC_DFR_FLAT		0xffffffffU

/* CPUID.1:ECX */
#define CPUID_1_ECX_X2APIC	21

/* ---- priorities ----------------------------------------------------------- */

/**
 * holm_lapic_ppr() - the processor priority register
 * @tpr: task priority
 * @isr_top: highest vector in service, or -1
 *
 * Return: TPR where its class is at least that of @isr_top, otherwise the
 * class of @isr_top with subclass 0.
 */
u8 holm_lapic_ppr(u8 tpr, int isr_top)
{
	u8 isr_class = isr_top < 0 ? 0 : isr_top & 0xf0;

	return (tpr & 0xf0) >= isr_class ? tpr : isr_class;
}

/**
 * holm_lapic_update_ppr() - recompute the cached priorities
 * @lapic: the LAPIC; its TPR or ISR changed
 */
void holm_lapic_update_ppr(struct holm_lapic_state *lapic)
{
	unsigned long top = find_last_bit(lapic->isr, HOLM_LAPIC_VECTORS);

	lapic->isr_top = top < HOLM_LAPIC_VECTORS ? top : -1;
	WRITE_ONCE(lapic->ppr, holm_lapic_ppr(lapic->tpr, lapic->isr_top));
}

u64 holm_lapic_get_cr8(struct holm_vcpu *vcpu)
{
	return vcpu->lapic->tpr >> 4;
}

void holm_lapic_set_cr8(struct holm_vcpu *vcpu, u64 cr8)
{
	struct holm_lapic_state *lapic = vcpu->lapic;

	lapic->tpr = (cr8 & 0xf) << 4;
	WRITE_ONCE(lapic->ppr, holm_lapic_ppr(lapic->tpr, lapic->isr_top));
}

void holm_lapic_changed(struct holm_lapic_state *lapic)
{
	/* Whoever sees the count sees the change. */
	smp_mb__before_atomic();
	atomic_inc(&lapic->vcpu->vm->lapic_changes);
}

/* ---- arrival -------------------------------------------------------------- */

/*
 * The CPU has to be told that the EOI exits before it sees the request: it must
 * not find it where it takes requests from by itself, now or, as senders may be
 * slow, later.
 */
static void accept_level(struct holm_lapic_state *lapic, u8 vector)
{
	if (test_and_set_bit(vector, lapic->level_irr))
		return;
	WRITE_ONCE(lapic->level_waits, true);
	smp_wmb();	/* whoever sees the hint folds the bit in */
	WRITE_ONCE(lapic->irr_hint, true);
	holm_vcpu_request(lapic->vcpu, HOLM_REQ_EVENT);
}

static __always_inline void accept_request(struct holm_lapic_state *lapic, u8 vector, bool level)
{
	/* A level request goes by the vCPU's thread, which tells its trigger mode. */
	if (unlikely(READ_ONCE(lapic->ring)) && !level && holm_lapic_ring(lapic, vector))
		return;
	/* Whoever set the bit before has told the vCPU, or is about to. */
	if (test_and_set_bit(vector, lapic->irr))
		return;
	WRITE_ONCE(lapic->irr_hint, true);
	if (!READ_ONCE(lapic->posting) || !holm_lapic_post(lapic))
		holm_vcpu_request(lapic->vcpu, HOLM_REQ_EVENT);
}

static bool accept_vector(struct holm_lapic_state *lapic, u8 vector, bool level)
{
	/*
	 * "Local APIC State After It Has Been Software Disabled": answers
	 * INIT, NMI and SIPI only; what is in IRR stays.
	 */
	if (!holm_lapic_sw_enabled(lapic))
		return false;
	if (vector < HOLM_LAPIC_FIRST_VECTOR) {
		holm_lapic_error(lapic, APIC_ESR_RECVILL);
		return false;
	}
	/* The trigger mode is there before the request can be seen. */
	if (level)
		set_bit(vector, lapic->tmr);
	else if (test_bit(vector, lapic->tmr))
		clear_bit(vector, lapic->tmr);
	/* Others rely on whoever set a bit first: it must not be kept from the rest. */
	preempt_disable();
	if (level && lapic->irr != lapic->own_irr)
		accept_level(lapic, vector);
	else
		accept_request(lapic, vector, level);
	preempt_enable();
	return true;
}

bool holm_lapic_accept(struct holm_vcpu *vcpu, u32 delivery_mode, u8 vector, bool level)
{
	struct holm_lapic_state *lapic = vcpu->lapic;

	if (!holm_lapic_enabled(lapic))
		return false;

	switch (delivery_mode) {
	case HOLM_LAPIC_DM_FIXED:
	case HOLM_LAPIC_DM_LOWEST:
		return accept_vector(lapic, vector, level);
	case HOLM_LAPIC_DM_NMI:
		/* One may be in service while another one waits. */
		atomic_add_unless(&vcpu->nmi_pending, 1, 2);
		holm_vcpu_request(vcpu, HOLM_REQ_EVENT);
		return true;
	case HOLM_LAPIC_DM_INIT:
		/* An earlier start-up IPI is lost with the state it was for. */
		clear_bit(HOLM_LAPIC_MSG_SIPI, &lapic->messages);
		set_bit(HOLM_LAPIC_MSG_INIT, &lapic->messages);
		holm_vcpu_request(vcpu, HOLM_REQ_INIT);
		return true;
	case HOLM_LAPIC_DM_SIPI:
		WRITE_ONCE(lapic->sipi_vector, vector);
		/* Pairs with the barrier in holm_smp_events(). */
		smp_mb__before_atomic();
		set_bit(HOLM_LAPIC_MSG_SIPI, &lapic->messages);
		holm_vcpu_request(vcpu, HOLM_REQ_INIT);
		return true;
	case HOLM_LAPIC_DM_EXTINT:
		set_bit(HOLM_LAPIC_MSG_EXTINT, &lapic->messages);
		holm_vcpu_request(vcpu, HOLM_REQ_EVENT);
		return true;
	default:
		return false;
	}
}

void holm_lapic_error(struct holm_lapic_state *lapic, u32 bit)
{
	/* Signalled once until ESR is written: an illegal vector in LVT error
	 * itself does not come round again.
	 */
	if (!test_and_set_bit(__ffs(bit), &lapic->esr_pending))
		holm_lapic_lvt_deliver(lapic, HOLM_LVT_ERROR);
}

void holm_lapic_lvt_deliver(struct holm_lapic_state *lapic, enum holm_lvt lvt)
{
	u32 value = READ_ONCE(lapic->lvt[lvt]), mode;

	if (value & APIC_LVT_MASKED)
		return;
	/* Timer and error have no delivery mode: the bits are zero, fixed. */
	mode = GET_APIC_DELIVERY_MODE(value);
	if (mode == HOLM_LAPIC_DM_FIXED || mode == HOLM_LAPIC_DM_NMI || mode == HOLM_LAPIC_DM_INIT)
		holm_lapic_accept(lapic->vcpu, mode, value & APIC_VECTOR_MASK, false);
}

/* ---- delivery and EOI ----------------------------------------------------- */

/* What waits elsewhere joins lapic->irr. */
static void fold(struct holm_lapic_state *lapic)
{
	if (unlikely(READ_ONCE(lapic->level_waits)))
		holm_lapic_fold_level(lapic);
	if (unlikely(lapic->shared))
		holm_lapic_fold_shared(lapic);
}

int holm_lapic_irr_top(struct holm_lapic_state *lapic)
{
	unsigned long top;

	if (!READ_ONCE(lapic->irr_hint))
		return -1;
	smp_rmb();	/* with accept_level() and holm_lapic_tell() */
	fold(lapic);
	top = find_last_bit(lapic->irr, HOLM_LAPIC_VECTORS);
	if (top < HOLM_LAPIC_VECTORS)
		return top;

	/*
	 * Nothing there: clear the hint, then look again. A sender sets the
	 * bit first and the hint second, so that one that comes in between
	 * is seen by this scan or sets the hint after it was cleared.
	 */
	WRITE_ONCE(lapic->irr_hint, false);
	smp_mb();
	fold(lapic);
	top = find_last_bit(lapic->irr, HOLM_LAPIC_VECTORS);
	if (top == HOLM_LAPIC_VECTORS)
		return -1;
	WRITE_ONCE(lapic->irr_hint, true);
	return top;
}

/* The page knows what is in service; TPR was read at the exit. */
static int virt_pending(const struct holm_lapic_state *lapic, int arrived)
{
	int vector = holm_lapic_virt_irr_top(lapic, arrived);
	u8 ppr;

	if (vector < 0)
		return -1;
	ppr = holm_lapic_ppr(lapic->tpr, holm_lapic_virt_isr_top(lapic));
	return (vector & 0xf0) > (ppr & 0xf0) ? vector : -1;
}

int holm_lapic_pending(struct holm_vcpu *vcpu)
{
	struct holm_lapic_state *lapic = vcpu->lapic;
	int vector = holm_lapic_irr_top(lapic);

	if (unlikely(lapic->page))
		return virt_pending(lapic, vector);
	if (vector < 0 || !holm_lapic_enabled(lapic))
		return -1;
	return (vector & 0xf0) > (lapic->ppr & 0xf0) ? vector : -1;
}

void holm_lapic_ack(struct holm_vcpu *vcpu, int vector)
{
	struct holm_lapic_state *lapic = vcpu->lapic;

	clear_bit(vector, lapic->irr);
	__set_bit(vector, lapic->isr);
	/* It was above PPR, thus above all that is in service. */
	lapic->isr_top = vector;
	WRITE_ONCE(lapic->ppr, holm_lapic_ppr(lapic->tpr, vector));
}

/* Out of service: the highest vector. Return: it, or -1. */
static int end_top(struct holm_lapic_state *lapic)
{
	int vector = lapic->isr_top;

	if (vector >= 0) {
		__clear_bit(vector, lapic->isr);
		holm_lapic_update_ppr(lapic);
	}
	return vector;
}

/**
 * holm_lapic_eoi() - end of interrupt ("Signaling Interrupt Servicing Completion")
 * @lapic: the LAPIC, vcpu->lock held
 *
 * Return: the vector when it was level-triggered, so that the EOI goes on to
 * the IOAPIC; otherwise, or with nothing in service, -1.
 */
int holm_lapic_eoi(struct holm_lapic_state *lapic)
{
	int vector;

	holm_lapic_virt_stop(lapic);
	if (unlikely(holm_pv_eoi_known(lapic->vcpu)))
		end_top(lapic);		/* of an edge */
	vector = end_top(lapic);
	return vector >= 0 && test_bit(vector, lapic->tmr) ? vector : -1;
}

/* ---- ExtINT and what ends HLT --------------------------------------------- */

bool holm_lapic_accepts_extint(struct holm_vcpu *vcpu)
{
	struct holm_lapic_state *lapic = vcpu->lapic;
	u32 lint0 = READ_ONCE(lapic->lvt[HOLM_LVT_LINT0]);

	if (!holm_lapic_enabled(lapic))
		return true;
	return !(lint0 & APIC_LVT_MASKED) && GET_APIC_DELIVERY_MODE(lint0) == HOLM_LAPIC_DM_EXTINT;
}

void holm_lapic_lint0(struct holm_vcpu *vcpu, bool raised)
{
	bool was = xchg(&vcpu->extint, raised);

	if (!raised || was)
		return;
	holm_lapic_lvt_deliver(vcpu->lapic, HOLM_LVT_LINT0);
	holm_vcpu_request(vcpu, HOLM_REQ_EVENT);
}

bool holm_lapic_extint_pending(struct holm_vcpu *vcpu)
{
	return test_bit(HOLM_LAPIC_MSG_EXTINT, &vcpu->lapic->messages);
}

void holm_lapic_extint_ack(struct holm_vcpu *vcpu)
{
	clear_bit(HOLM_LAPIC_MSG_EXTINT, &vcpu->lapic->messages);
}

bool holm_lapic_has_interrupt(struct holm_vcpu *vcpu)
{
	return atomic_read(&vcpu->nmi_pending) || READ_ONCE(vcpu->lapic->messages) ||
	       (READ_ONCE(vcpu->extint) && holm_lapic_accepts_extint(vcpu)) ||
	       holm_lapic_pending(vcpu) >= 0;
}

/* ---- IA32_APIC_BASE ------------------------------------------------------- */

/**
 * holm_lapic_base_ok() - is this a value that IA32_APIC_BASE can have
 * @vcpu: the vCPU: its address width and whether it has x2APIC
 * @value: the value
 */
bool holm_lapic_base_ok(struct holm_vcpu *vcpu, u64 value)
{
	if (value & (HOLM_APIC_BASE_RESERVED | vcpu->phys_mask_reserved))
		return false;
	if (!(value & HOLM_APIC_BASE_EXTD))
		return true;
	return value & HOLM_APIC_BASE_EN && holm_cpuid_has(vcpu, 1, 0, 2, CPUID_1_ECX_X2APIC);
}

/**
 * holm_lapic_base_step_ok() - "x2APIC State Transitions"
 * @old: IA32_APIC_BASE
 * @value: what is written; a legal value by itself
 *
 * Return: false for disabled -> x2APIC and x2APIC -> xAPIC.
 */
bool holm_lapic_base_step_ok(u64 old, u64 value)
{
	old &= HOLM_APIC_BASE_MODE;
	value &= HOLM_APIC_BASE_MODE;
	if (value == HOLM_APIC_BASE_MODE)
		return old != 0;
	if (value == HOLM_APIC_BASE_EN)
		return old != HOLM_APIC_BASE_MODE;
	return true;
}

/* "Local APIC State After Power-Up or Reset"; the base is the caller's. */
static void reset_regs(struct holm_lapic_state *lapic)
{
	int i;

	holm_timer_stop(lapic);
	holm_lapic_virt_stop(lapic);
	holm_lapic_virt_drop(lapic);
	for (i = 0; i < HOLM_LVT_COUNT; i++)
		WRITE_ONCE(lapic->lvt[i], APIC_LVT_MASKED);
	WRITE_ONCE(lapic->svr, LAPIC_SVR_RESET);
	WRITE_ONCE(lapic->ldr, holm_lapic_is_x2apic(lapic->base) ?
		   holm_x2apic_ldr(lapic->vcpu->apic_id) : 0);
	WRITE_ONCE(lapic->dfr, LAPIC_DFR_FLAT);
	lapic->tpr = 0;
	lapic->esr = 0;
	lapic->icr = 0;
	lapic->tmict = 0;
	lapic->tdcr = 0;
	WRITE_ONCE(lapic->esr_pending, 0);
	bitmap_zero(lapic->isr, HOLM_LAPIC_VECTORS);
	bitmap_zero(lapic->tmr, HOLM_LAPIC_VECTORS);
	bitmap_zero(lapic->irr, HOLM_LAPIC_VECTORS);
	bitmap_zero(lapic->level_irr, HOLM_LAPIC_VECTORS);
	/* A request that arrives now is found by the next scan. */
	WRITE_ONCE(lapic->irr_hint, true);
	holm_lapic_update_ppr(lapic);
	holm_lapic_changed(lapic);
}

u64 holm_lapic_get_base(struct holm_vcpu *vcpu)
{
	return vcpu->lapic->base;
}

/**
 * holm_lapic_set_base() - write IA32_APIC_BASE
 * @vcpu: the vCPU, vcpu->lock held
 * @value: the value
 * @host_initiated: by the launcher: any legal value from any other
 *
 * Return: 0, or 1 for #GP.
 */
int holm_lapic_set_base(struct holm_vcpu *vcpu, u64 value, bool host_initiated)
{
	struct holm_lapic_state *lapic = vcpu->lapic;
	u64 old = lapic->base;

	if (!holm_lapic_base_ok(vcpu, value))
		return 1;
	if (!host_initiated && !holm_lapic_base_step_ok(old, value))
		return 1;

	if (!((old ^ value) & HOLM_APIC_BASE_MODE)) {
		WRITE_ONCE(lapic->base, value);
		return 0;
	}
	holm_lapic_virt_stop(lapic);
	WRITE_ONCE(lapic->base, value);
	if (!(value & HOLM_APIC_BASE_EN)) {
		/* "Enabling or Disabling the Local APIC": its state is lost. */
		reset_regs(lapic);
		return 0;
	}
	/* ICR's destination does not survive the change of its format. */
	lapic->icr = (u32)lapic->icr;
	WRITE_ONCE(lapic->ldr, holm_lapic_is_x2apic(value) ? holm_x2apic_ldr(vcpu->apic_id) : 0);
	holm_lapic_changed(lapic);
	return 0;
}

/* ---- life ----------------------------------------------------------------- */

/**
 * holm_lapic_reset() - state after RESET or INIT
 * @vcpu: the vCPU, vcpu->lock held or not yet published
 * @init: INIT: IA32_APIC_BASE, and with it the mode, stays
 *
 * No firmware runs before the guest, so that the bootstrap processor (APIC ID
 * 0) comes up in virtual wire mode as firmware leaves it (MultiProcessor
 * Specification, "Virtual Wire Mode"): LINT0 is ExtINT and LINT1 is NMI, both
 * not masked, instead of masked as the SDM says. SVR is left as reset:
 * software disabled.
 */
void holm_lapic_reset(struct holm_vcpu *vcpu, bool init)
{
	struct holm_lapic_state *lapic = vcpu->lapic;

	if (!init)
		WRITE_ONCE(lapic->base, HOLM_APIC_DEFAULT_BASE | HOLM_APIC_BASE_EN |
			   (vcpu->apic_id ? 0 : HOLM_APIC_BASE_BSP));
	reset_regs(lapic);
	if (!vcpu->apic_id) {
		WRITE_ONCE(lapic->lvt[HOLM_LVT_LINT0], APIC_DM_EXTINT);
		WRITE_ONCE(lapic->lvt[HOLM_LVT_LINT1], APIC_DM_NMI);
	}
	if (init) {
		clear_bit(HOLM_LAPIC_MSG_EXTINT, &lapic->messages);
	} else {
		WRITE_ONCE(lapic->messages, 0);
		lapic->sipi_vector = 0;
	}
	/* The backend starts anew: what it has open is not known. */
	vcpu->windows = ~0U;
}

/**
 * holm_lapic_create() - give a vCPU its LAPIC, in its state after RESET
 * @vcpu: the vCPU, not yet published
 *
 * Return: 0 or -ENOMEM.
 */
int holm_lapic_create(struct holm_vcpu *vcpu)
{
	struct holm_lapic_state *lapic;

	lapic = kzalloc(sizeof(*lapic), GFP_KERNEL_ACCOUNT);
	if (!lapic)
		return -ENOMEM;
	lapic->vcpu = vcpu;
	lapic->irr = lapic->own_irr;
	vcpu->lapic = lapic;
	holm_timer_create(lapic);
	holm_lapic_reset(vcpu, false);
	return 0;
}

/**
 * holm_lapic_destroy() - undo holm_lapic_create(); waits for the timer's callback
 * @vcpu: the vCPU; nothing is routed to it any more
 */
void holm_lapic_destroy(struct holm_vcpu *vcpu)
{
	if (!vcpu->lapic)
		return;
	holm_timer_stop(vcpu->lapic);
	kfree(vcpu->lapic);
	vcpu->lapic = NULL;
}
