// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC's registers, by MMIO offset (xAPIC) and by MSR (x2APIC). SDM
 * Vol. 3, chapter "Advanced Programmable Interrupt Controller": tables "Local
 * APIC Register Address Map" and "Local APIC Register Address Map Supported
 * by x2APIC".
 *
 * An MSR's register is at offset (index - 0x800) * 16. The differences:
 * x2APIC has a 64-bit ICR and SELF IPI, lacks DFR and the second half of
 * ICR, derives LDR, and raises #GP for reserved bits and registers where
 * xAPIC ignores them or notes an error in ESR.
 */
#include <linux/nospec.h>

#include "holm.h"
#include "lapic_regs.h"
#include "x86.h"

#define CPUID_1_ECX_TSC_DEADLINE	24

/* Read-only bits of LVT entries. */
#define LVT_STATUS		APIC_SEND_PENDING
#define LVT_REMOTE_IRR		APIC_LVT_REMOTE_IRR

/* An access to no register reads as an unclaimed bus does. */
#define UNCLAIMED		0xffffffffU

static bool in_xapic_mode(const struct holm_lapic_state *lapic)
{
	return (lapic->base & HOLM_APIC_BASE_MODE) == HOLM_APIC_BASE_EN;
}

/* Which entry of the LVT; @offset is in its range, also while the CPU speculates. */
static enum holm_lvt lvt_of(u32 offset)
{
	return array_index_nospec((offset - APIC_LVTT) >> 4, HOLM_LVT_COUNT);
}

/* ---- what may be written -------------------------------------------------- */

/**
 * holm_lvt_writable() - bits of an LVT entry that software sets
 * @vcpu: the vCPU: TSC-deadline mode exists where its CPUID says so
 * @lvt: which entry
 */
u32 holm_lvt_writable(struct holm_vcpu *vcpu, enum holm_lvt lvt)
{
	u32 bits = APIC_VECTOR_MASK | APIC_LVT_MASKED;

	switch (lvt) {
	case HOLM_LVT_TIMER:
		bits |= APIC_LVT_TIMER_PERIODIC;
		if (holm_cpuid_has(vcpu, 1, 0, 2, CPUID_1_ECX_TSC_DEADLINE))
			bits |= APIC_LVT_TIMER_TSCDEADLINE;
		return bits;
	case HOLM_LVT_THERMAL:
	case HOLM_LVT_PERF:
		return bits | APIC_MODE_MASK;
	case HOLM_LVT_LINT0:
	case HOLM_LVT_LINT1:
		return bits | APIC_MODE_MASK | APIC_INPUT_POLARITY | APIC_LVT_LEVEL_TRIGGER;
	default:
		return bits;
	}
}

/**
 * holm_lvt_readonly() - bits of an LVT entry that software reads only
 * @lvt: which entry
 */
u32 holm_lvt_readonly(enum holm_lvt lvt)
{
	if (lvt == HOLM_LVT_LINT0 || lvt == HOLM_LVT_LINT1)
		return LVT_STATUS | LVT_REMOTE_IRR;
	return LVT_STATUS;
}

/* ---- reads ---------------------------------------------------------------- */

static u32 bitmap_reg(const unsigned long *map, u32 offset)
{
	unsigned int n = (offset & 0x7f) >> 4;	/* 32 bits each 16 bytes */

	return READ_ONCE(map[n / 2]) >> (n & 1) * 32;
}

/**
 * holm_lapic_reg() - value of a register
 * @lapic: the LAPIC
 * @offset: a multiple of 16 below 0x400
 * @value: result
 *
 * Return: false when this mode has no register there that can be read.
 */
bool holm_lapic_reg(struct holm_lapic_state *lapic, u32 offset, u32 *value)
{
	bool x2apic = holm_lapic_is_x2apic(lapic->base);

	switch (offset) {
	case APIC_ID:
		*value = x2apic ? lapic->vcpu->apic_id : lapic->vcpu->apic_id << 24;
		return true;
	case APIC_LVR:
		*value = HOLM_LAPIC_VERSION;
		return true;
	case APIC_TASKPRI:
		*value = lapic->tpr;
		return true;
	case APIC_PROCPRI:
		*value = lapic->ppr;
		return true;
	case APIC_EOI:
		*value = 0;
		return !x2apic;
	case APIC_LDR:
		*value = lapic->ldr;
		return true;
	case APIC_DFR:
		*value = lapic->dfr;
		return !x2apic;
	case APIC_SPIV:
		*value = lapic->svr;
		return true;
	case APIC_ISR ... APIC_ISR + 0x70:
		*value = bitmap_reg(lapic->isr, offset);
		return true;
	case APIC_TMR ... APIC_TMR + 0x70:
		*value = bitmap_reg(lapic->tmr, offset);
		return true;
	case APIC_IRR ... APIC_IRR + 0x70:
		*value = bitmap_reg(lapic->irr, offset);
		return true;
	case APIC_ESR:
		*value = lapic->esr;
		return true;
	case APIC_ICR:
		*value = lapic->icr;
		return true;
	case APIC_ICR2:
		*value = lapic->icr >> 32;
		return !x2apic;
	case APIC_LVTT ... APIC_LVTERR:
		*value = lapic->lvt[lvt_of(offset)];
		return true;
	case APIC_TMICT:
		*value = lapic->tmict;
		return true;
	case APIC_TMCCT:
		*value = holm_timer_current_count(lapic);
		return true;
	case APIC_TDCR:
		*value = lapic->tdcr;
		return true;
	default:
		return false;
	}
}

/* ---- writes --------------------------------------------------------------- */

static void write_lvt(struct holm_lapic_state *lapic, enum holm_lvt lvt, u32 value)
{
	u32 old = lapic->lvt[lvt];

	value &= holm_lvt_writable(lapic->vcpu, lvt);
	/* While the APIC is software disabled the mask bits cannot be cleared. */
	if (!holm_lapic_sw_enabled(lapic))
		value |= APIC_LVT_MASKED;
	if (lvt != HOLM_LVT_TIMER) {
		WRITE_ONCE(lapic->lvt[lvt], value);
		return;
	}
	/* Mode 3 is reserved: the mode stays. */
	if ((value & HOLM_LVT_TIMER_MODE) == HOLM_LVT_TIMER_MODE)
		value = (value & ~HOLM_LVT_TIMER_MODE) | (old & HOLM_LVT_TIMER_MODE);
	holm_timer_set_lvt(lapic, value);
}

static void write_svr(struct holm_lapic_state *lapic, u32 value)
{
	int i;

	if (value & APIC_SPIV_APIC_ENABLED && !holm_lapic_sw_enabled(lapic))
		holm_lapic_virt_drop(lapic);
	WRITE_ONCE(lapic->svr, value & HOLM_LAPIC_SVR_WRITABLE);
	holm_lapic_changed(lapic);
	if (value & APIC_SPIV_APIC_ENABLED)
		return;
	for (i = 0; i < HOLM_LVT_COUNT; i++)
		write_lvt(lapic, i, lapic->lvt[i] | APIC_LVT_MASKED);
}

/* "Interrupt Command Register"; lapic->icr is written. */
static void send_ipi(struct holm_lapic_state *lapic)
{
	bool x2apic = holm_lapic_is_x2apic(lapic->base);
	u32 mode = GET_APIC_DELIVERY_MODE(lapic->icr);
	u64 dest = x2apic ? lapic->icr >> 32 : lapic->icr >> 56;

	if ((mode == HOLM_LAPIC_DM_FIXED || mode == HOLM_LAPIC_DM_LOWEST) &&
	    (lapic->icr & APIC_VECTOR_MASK) < HOLM_LAPIC_FIRST_VECTOR) {
		holm_lapic_error(lapic, APIC_ESR_SENDILL);
		return;
	}
	holm_ipi_deliver(lapic->vcpu, dest << 32 | (u32)lapic->icr, x2apic);
}

static void self_ipi(struct holm_lapic_state *lapic, u8 vector)
{
	if (vector < HOLM_LAPIC_FIRST_VECTOR)
		holm_lapic_error(lapic, APIC_ESR_SENDILL);
	else
		holm_lapic_accept(lapic->vcpu, HOLM_LAPIC_DM_FIXED, vector, false);
}

/* A register that both modes have; @value has no reserved bit set in x2APIC mode. */
static bool write_common(struct holm_lapic_state *lapic, u32 offset, u32 value, int *eoi_vector)
{
	switch (offset) {
	case APIC_TASKPRI:
		lapic->tpr = value & 0xff;
		WRITE_ONCE(lapic->ppr, holm_lapic_ppr(lapic->tpr, lapic->isr_top));
		return true;
	case APIC_EOI:
		*eoi_vector = holm_lapic_eoi(lapic);
		return true;
	case APIC_SPIV:
		write_svr(lapic, value);
		return true;
	case APIC_ESR:
		/* "Error Handling": a write makes visible what came since the last. */
		lapic->esr = xchg(&lapic->esr_pending, 0);
		return true;
	case APIC_LVTT ... APIC_LVTERR:
		write_lvt(lapic, lvt_of(offset), value);
		return true;
	case APIC_TMICT:
		holm_timer_set_count(lapic, value);
		return true;
	case APIC_TDCR:
		holm_timer_set_divide(lapic, value & HOLM_LAPIC_TDCR_WRITABLE);
		return true;
	default:
		return false;
	}
}

/* Is the value of a register in a virtual-APIC page that is in use, and not here? */
static bool page_has(u32 offset)
{
	switch (offset) {
	case APIC_PROCPRI:
	case APIC_ISR ... APIC_ISR + 0x70:
	case APIC_IRR ... APIC_IRR + 0x70:
	case APIC_ICR:		/* in xAPIC mode: see holm_lapic_virt_icr() */
	case APIC_ICR2:
		return true;
	default:
		return false;
	}
}

/* ---- xAPIC ---------------------------------------------------------------- */

/**
 * holm_lapic_mmio_read() - read an xAPIC register
 * @vcpu: the vCPU, vcpu->lock held
 * @offset: in the APIC page
 * @value: result; all ones where the APIC does not answer by MMIO because it
 *	is disabled or in x2APIC mode
 *
 * A register that does not exist reads as 0 and is noted in ESR.
 *
 * Return: 0, or -EINVAL when @offset is not a multiple of 16 below 0x400.
 */
int holm_lapic_mmio_read(struct holm_vcpu *vcpu, u32 offset, u32 *value)
{
	struct holm_lapic_state *lapic = vcpu->lapic;

	if (offset & 15 || offset >= 0x400)
		return -EINVAL;
	if (!in_xapic_mode(lapic)) {
		*value = UNCLAIMED;
		return 0;
	}
	if (unlikely(lapic->page) && page_has(offset))
		holm_lapic_virt_stop(lapic);
	if (!holm_lapic_reg(lapic, offset, value)) {
		*value = 0;
		holm_lapic_error(lapic, APIC_ESR_ILLREGA);
	}
	return 0;
}

static bool is_readonly(u32 offset)
{
	switch (offset) {
	case APIC_ID:		/* writable on some CPUs: here it never changes */
	case APIC_LVR:
	case APIC_PROCPRI:
	case APIC_ISR ... APIC_IRR + 0x70:
	case APIC_TMCCT:
		return true;
	default:
		return false;
	}
}

/**
 * holm_lapic_mmio_write() - write an xAPIC register
 * @vcpu: the vCPU, vcpu->lock held
 * @offset: in the APIC page
 * @value: what is written; without effect where the APIC does not answer
 * @eoi_vector: the vector of a level interrupt whose EOI this is, otherwise -1
 *
 * Return: as holm_lapic_mmio_read().
 */
int holm_lapic_mmio_write(struct holm_vcpu *vcpu, u32 offset, u32 value, int *eoi_vector)
{
	struct holm_lapic_state *lapic = vcpu->lapic;

	*eoi_vector = -1;
	if (offset & 15 || offset >= 0x400)
		return -EINVAL;
	if (!in_xapic_mode(lapic))
		return 0;
	if (unlikely(lapic->page))
		holm_lapic_virt_icr(lapic);

	switch (offset) {
	case APIC_LDR:
		WRITE_ONCE(lapic->ldr, value & APIC_LDR_MASK);
		holm_lapic_changed(lapic);
		break;
	case APIC_DFR:
		/* "Logical Destination Mode": only the model in 31:28 counts. */
		WRITE_ONCE(lapic->dfr, value | 0x0fffffff);
		holm_lapic_changed(lapic);
		break;
	case APIC_ICR:
		lapic->icr = (lapic->icr & GENMASK_ULL(63, 32)) | (value & HOLM_LAPIC_ICR_WRITABLE &
								    ~APIC_ICR_BUSY);
		send_ipi(lapic);
		break;
	case APIC_ICR2:
		lapic->icr = (u32)lapic->icr | (u64)(value & 0xff000000) << 32;
		break;
	default:
		if (!write_common(lapic, offset, value, eoi_vector) && !is_readonly(offset))
			holm_lapic_error(lapic, APIC_ESR_ILLREGA);
		break;
	}
	if (unlikely(lapic->page))
		holm_lapic_virt_copy(lapic, offset);
	return 0;
}

/* ---- x2APIC --------------------------------------------------------------- */

/**
 * holm_lapic_msr_read() - RDMSR of 0x800..0x8ff
 * @vcpu: the vCPU, vcpu->lock held
 * @index: MSR
 * @value: result
 *
 * Return: 0, or 1 for #GP: not in x2APIC mode, no register there, or one that
 * is only written.
 */
int holm_lapic_msr_read(struct holm_vcpu *vcpu, u32 index, u64 *value)
{
	struct holm_lapic_state *lapic = vcpu->lapic;
	u32 offset = (index - APIC_BASE_MSR) << 4, low;

	if (!holm_lapic_is_x2apic(lapic->base) || offset >= 0x400)
		return 1;
	if (offset == APIC_ICR) {
		*value = lapic->icr;
		return 0;
	}
	/* Those that a virtual-APIC page has are read there, without an exit. */
	if (unlikely(lapic->page) && page_has(offset))
		holm_lapic_virt_stop(lapic);
	if (!holm_lapic_reg(lapic, offset, &low))
		return 1;
	*value = low;
	return 0;
}

/* Bits that may be set in a write of a 32-bit register; read-only ones too. */
static bool x2apic_mask(struct holm_vcpu *vcpu, u32 offset, u32 *mask)
{
	enum holm_lvt lvt;

	switch (offset) {
	case APIC_TASKPRI:
	case APIC_SELF_IPI:
		*mask = 0xff;
		return true;
	case APIC_EOI:
	case APIC_ESR:
		*mask = 0;
		return true;
	case APIC_SPIV:
		*mask = HOLM_LAPIC_SVR_WRITABLE;
		return true;
	case APIC_LVTT ... APIC_LVTERR:
		lvt = lvt_of(offset);
		*mask = holm_lvt_writable(vcpu, lvt) | holm_lvt_readonly(lvt);
		return true;
	case APIC_TMICT:
		*mask = ~0U;
		return true;
	case APIC_TDCR:
		*mask = HOLM_LAPIC_TDCR_WRITABLE;
		return true;
	default:
		return false;
	}
}

static void x2apic_written(struct holm_lapic_state *lapic, u32 offset)
{
	if (unlikely(lapic->page))
		holm_lapic_virt_copy(lapic, offset);
}

static int x2apic_write_icr(struct holm_lapic_state *lapic, u64 value)
{
	/* The delivery status bit may be set and reads as 0. */
	if ((u32)value & ~HOLM_LAPIC_ICR_WRITABLE)
		return 1;
	lapic->icr = value & ~(u64)APIC_ICR_BUSY;
	x2apic_written(lapic, APIC_ICR);
	send_ipi(lapic);
	return 0;
}

/**
 * holm_lapic_msr_write() - WRMSR of 0x800..0x8ff
 * @vcpu: the vCPU, vcpu->lock held
 * @index: MSR
 * @value: what is written
 * @eoi_vector: the vector of a level interrupt whose EOI this is, otherwise -1
 *
 * Return: 0, or 1 for #GP: not in x2APIC mode, no register there, one that is
 * only read, or a reserved bit.
 */
int holm_lapic_msr_write(struct holm_vcpu *vcpu, u32 index, u64 value, int *eoi_vector)
{
	struct holm_lapic_state *lapic = vcpu->lapic;
	u32 offset = (index - APIC_BASE_MSR) << 4, mask;

	*eoi_vector = -1;
	if (!holm_lapic_is_x2apic(lapic->base) || offset >= 0x400)
		return 1;
	if (offset == APIC_ICR)
		return x2apic_write_icr(lapic, value);
	if (!x2apic_mask(vcpu, offset, &mask) || value & ~(u64)mask)
		return 1;
	if (offset == APIC_LVTT && (value & HOLM_LVT_TIMER_MODE) == HOLM_LVT_TIMER_MODE)
		return 1;

	if (offset == APIC_SELF_IPI) {
		self_ipi(lapic, value);
		return 0;
	}
	write_common(lapic, offset, value, eoi_vector);
	x2apic_written(lapic, offset);
	return 0;
}
