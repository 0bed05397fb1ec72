// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whole sets of segment and control registers from the launcher: refused
 * unless a VM entry would take them (SDM Vol. 3, "Checking and Loading Guest
 * State"; APM Vol. 2, "Canonicalization and Consistency Checks").
 *
 * Accessed and busy bits of descriptors are set instead of refused: a CPU
 * always has them set in its hidden part, but not every one reports them.
 */
#define pr_fmt(fmt) "holm: " fmt

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/printk.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "../holm.h"
#include "cr.h"
#include "insn.h"
#include "x86.h"

#define SEG_BITS	(HOLM_SEG_TYPE | HOLM_SEG_S | HOLM_SEG_DPL | HOLM_SEG_P | HOLM_SEG_AVL | \
			 HOLM_SEG_L | HOLM_SEG_DB | HOLM_SEG_G | HOLM_SEG_UNUSABLE)

#define TYPE_ACCESSED	BIT(0)
#define TYPE_WRITE	BIT(1)		/* of data; of code: readable */
#define TYPE_READ	BIT(1)
#define TYPE_CODE	BIT(3)
#define TYPE_LDT	2
#define TYPE_TSS16_BUSY	3
#define TYPE_TSS32_BUSY	11
#define TYPE_BUSY	BIT(1)

#define SELECTOR_TI	BIT(2)

/* Virtual-8086 mode: present, DPL 3, accessed writable data. */
#define ATTRIB_V86	(HOLM_SEG_P | HOLM_SEG_DPL | HOLM_SEG_S | TYPE_WRITE | TYPE_ACCESSED)

static bool usable(const struct holm_segment *s)
{
	return !(s->attrib & HOLM_SEG_UNUSABLE);
}

static u32 type(const struct holm_segment *s)
{
	return s->attrib & HOLM_SEG_TYPE;
}

static u32 dpl(const struct holm_segment *s)
{
	return s->attrib & HOLM_SEG_DPL;
}

static bool is_code_or_data(const struct holm_segment *s)
{
	return s->attrib & HOLM_SEG_S && s->attrib & HOLM_SEG_P;
}

static bool is_system(const struct holm_segment *s)
{
	return !(s->attrib & HOLM_SEG_S) && s->attrib & HOLM_SEG_P;
}

/* The granularity bit and the limit, which is in bytes, fit together. */
static bool limit_valid(const struct holm_segment *s)
{
	if ((s->limit & 0xfff) != 0xfff && s->attrib & HOLM_SEG_G)
		return false;
	if (s->limit & 0xfff00000 && !(s->attrib & HOLM_SEG_G))
		return false;
	return true;
}

static bool cs_valid(const struct holm_sregs *sregs, const struct holm_segment *cs)
{
	const struct holm_segment *ss = &sregs->seg[HOLM_SEG_SS];

	if (!usable(cs) || !is_code_or_data(cs) || cs->base >> 32)
		return false;
	if (sregs->efer & EFER_LMA && cs->attrib & HOLM_SEG_L && cs->attrib & HOLM_SEG_DB)
		return false;
	switch (type(cs)) {
	case TYPE_WRITE | TYPE_ACCESSED:	/* left from real mode */
		return !dpl(cs);
	case TYPE_CODE | TYPE_ACCESSED:
	case TYPE_CODE | TYPE_ACCESSED | TYPE_READ:
		return dpl(cs) == dpl(ss);
	default:				/* conforming */
		return type(cs) & TYPE_CODE && dpl(cs) <= dpl(ss);
	}
}

static bool ss_valid(const struct holm_sregs *sregs, const struct holm_segment *ss)
{
	/* The DPL is the CPL, which real mode does not have. */
	if (!(sregs->cr0 & X86_CR0_PE) && dpl(ss))
		return false;
	if (!usable(ss))
		return true;
	/* Read-write data, expand-up or expand-down. */
	return is_code_or_data(ss) && !(ss->base >> 32) &&
	       (type(ss) & (TYPE_CODE | TYPE_WRITE)) == TYPE_WRITE;
}

static bool data_valid(const struct holm_sregs *sregs, const struct holm_segment *s)
{
	if (!usable(s))
		return true;
	return is_code_or_data(s) && !(s->base >> 32) &&
	       (!(type(s) & TYPE_CODE) || type(s) & TYPE_READ);
}

/* FS and GS: 64-bit bases, which count even when the segment is unusable. */
static bool fsgs_valid(const struct holm_sregs *sregs, const struct holm_segment *s)
{
	if (!holm_is_canonical(s->base))
		return false;
	if (!usable(s))
		return true;
	return is_code_or_data(s) && (!(type(s) & TYPE_CODE) || type(s) & TYPE_READ);
}

static bool ldtr_valid(const struct holm_sregs *sregs, const struct holm_segment *s)
{
	if (!usable(s))
		return true;
	return is_system(s) && type(s) == TYPE_LDT && !(s->selector & SELECTOR_TI) &&
	       holm_is_canonical(s->base);
}

static bool tr_valid(const struct holm_sregs *sregs, const struct holm_segment *s)
{
	if (!usable(s) || !is_system(s) || s->selector & SELECTOR_TI ||
	    !holm_is_canonical(s->base))
		return false;
	return type(s) == TYPE_TSS32_BUSY ||
	       (type(s) == TYPE_TSS16_BUSY && !(sregs->efer & EFER_LMA));
}

static bool (*const seg_valid[])(const struct holm_sregs *, const struct holm_segment *) = {
	[HOLM_SEG_ES] = data_valid,
	[HOLM_SEG_CS] = cs_valid,
	[HOLM_SEG_SS] = ss_valid,
	[HOLM_SEG_DS] = data_valid,
	[HOLM_SEG_FS] = fsgs_valid,
	[HOLM_SEG_GS] = fsgs_valid,
	[HOLM_SEG_LDTR] = ldtr_valid,
	[HOLM_SEG_TR] = tr_valid,
};

/*
 * RFLAGS.VM is in another block, which may be set before or after: segments
 * that are exactly those of virtual-8086 mode are taken as such.
 */
static bool is_v86(const struct holm_sregs *sregs)
{
	int i;

	for (i = HOLM_SEG_ES; i <= HOLM_SEG_GS; i++) {
		const struct holm_segment *s = &sregs->seg[i];

		if (s->attrib != ATTRIB_V86 || s->limit != 0xffff ||
		    s->base != (u64)s->selector << 4)
			return false;
	}
	return sregs->cr0 & X86_CR0_PE && !(sregs->efer & EFER_LMA);
}

/* The segment that is wrong, or NULL. */
static const char *segments_error(const struct holm_sregs *sregs)
{
	static const char *const names[] = { "ES", "CS", "SS", "DS", "FS", "GS", "LDTR", "TR" };
	bool v86 = is_v86(sregs);
	int i;

	for (i = 0; i < ARRAY_SIZE(seg_valid); i++) {
		const struct holm_segment *s = &sregs->seg[i];

		if (s->attrib & ~SEG_BITS || (usable(s) && !limit_valid(s)))
			return names[i];
		if (v86 && i <= HOLM_SEG_GS)
			continue;
		if (!seg_valid[i](sregs, s))
			return names[i];
	}
	return NULL;
}

/* What is wrong with the control registers, or NULL. */
static const char *control_error(const struct holm_vcpu *vcpu, const struct holm_sregs *sregs)
{
	u64 lma_expected = sregs->cr0 & X86_CR0_PG && sregs->efer & EFER_LME ? EFER_LMA : 0;

	if (sregs->cr0 & ~(u64)HOLM_CR0_BITS || !holm_cr0_valid(sregs->cr0))
		return "CR0 has reserved bits, NW without CD, or PG without PE";
	if (sregs->cr4 & vcpu->cr4_reserved)
		return "CR4 has bits that the CPUID table does not show";
	if (sregs->efer & vcpu->efer_reserved)
		return "EFER has bits that the CPUID table does not show";
	if (sregs->cr3 & vcpu->phys_mask_reserved)
		return "CR3 is above the physical-address width";
	if (sregs->cr8 > HOLM_CR8_MAX)
		return "CR8 is above 15";
	if ((sregs->efer & EFER_LMA) != lma_expected)
		return "EFER.LMA is not LME with CR0.PG";
	if (sregs->efer & EFER_LMA && !(sregs->cr4 & X86_CR4_PAE))
		return "long mode without CR4.PAE";
	if (sregs->cr4 & X86_CR4_PCIDE && !(sregs->efer & EFER_LMA))
		return "CR4.PCIDE without long mode";
	return NULL;
}

static bool reserved_zero(const struct holm_sregs *sregs)
{
	u16 any = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(sregs->seg); i++)
		any |= sregs->seg[i].reserved[0] | sregs->seg[i].reserved[1] |
		       sregs->seg[i].reserved[2];
	for (i = 0; i < ARRAY_SIZE(sregs->gdt.reserved); i++)
		any |= sregs->gdt.reserved[i] | sregs->idt.reserved[i];
	return !any;
}

/* Hidden descriptor bits that a CPU has set although it may not say so. */
static void complete_descriptors(struct holm_sregs *sregs)
{
	int i;

	sregs->cr0 |= X86_CR0_ET;
	for (i = HOLM_SEG_ES; i <= HOLM_SEG_GS; i++) {
		struct holm_segment *s = &sregs->seg[i];

		if (i != HOLM_SEG_CS && !(s->attrib & HOLM_SEG_P))
			s->attrib |= HOLM_SEG_UNUSABLE;
		if (usable(s) && s->attrib & HOLM_SEG_S)
			s->attrib |= TYPE_ACCESSED;
	}
	if (!(sregs->seg[HOLM_SEG_LDTR].attrib & HOLM_SEG_P))
		sregs->seg[HOLM_SEG_LDTR].attrib |= HOLM_SEG_UNUSABLE;
	if (is_system(&sregs->seg[HOLM_SEG_TR]))
		sregs->seg[HOLM_SEG_TR].attrib |= TYPE_BUSY;
}

/**
 * holm_sregs_check() - would a VM entry take these registers
 * @vcpu: the vCPU, for what its CPUID table lets it have
 * @sregs: the launcher's, copied
 *
 * Return: 0 or -EINVAL.
 */
int holm_sregs_check(struct holm_vcpu *vcpu, const struct holm_sregs *sregs)
{
	struct holm_sregs s = *sregs;
	const char *why;

	complete_descriptors(&s);
	why = control_error(vcpu, &s);
	if (!reserved_zero(&s))
		why = "reserved fields are not zero";
	else if (!holm_is_canonical(s.gdt.base) || !holm_is_canonical(s.idt.base))
		why = "the base of GDT or IDT is not canonical";
	else if (!why)
		why = segments_error(&s);
	if (why)
		pr_debug_ratelimited("vCPU %u: registers are refused: %s\n", vcpu->apic_id, why);
	return why ? -EINVAL : 0;
}

/**
 * holm_sregs_apply() - check, and make them the vCPU's
 * @vcpu: the vCPU, its lock held, not loaded
 * @sregs: the launcher's, copied
 *
 * May sleep. Return: 0, or -EINVAL with nothing changed.
 */
int holm_sregs_apply(struct holm_vcpu *vcpu, const struct holm_sregs *sregs)
{
	struct holm_sregs s = *sregs;

	complete_descriptors(&s);
	if (holm_sregs_check(vcpu, &s))
		return -EINVAL;
	if (s.cr0 & X86_CR0_PG && s.cr4 & X86_CR4_PAE && !(s.efer & EFER_LMA) &&
	    holm_load_pdptes(vcpu, s.cr3))
		return -EINVAL;

	vcpu->sregs = s;
	holm_state_dirty(vcpu, HOLM_ST_SEG | HOLM_ST_DT | HOLM_ST_CR);
	set_bit(HOLM_REQ_TLB_FLUSH, &vcpu->requests);
	holm_lapic_set_cr8(vcpu, s.cr8);
	return 0;
}
