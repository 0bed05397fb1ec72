// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Loads of segment registers, with the checks of descriptors: SDM vol. 3, 5.7
 * "Privilege Level Checking When Accessing Data Segments", 5.8.1, and 8.3 for
 * task switches.
 */
#include "emul.h"

#define SEL_RPL		0x3
#define SEL_TI		0x4
#define SEL_INDEX	0xfff8

#define TYPE_ACCESSED	0x1
#define TYPE_RW		0x2	/* data: writable; code: readable */
#define TYPE_CONFORMING	0x4
#define TYPE_CODE	0x8
#define TYPE_LDT	0x2

/* Virtual-8086 mode: present, DPL 3, writable accessed data. */
#define ATTRIB_V86	(HOLM_SEG_P | HOLM_SEG_DPL | HOLM_SEG_S | TYPE_RW | TYPE_ACCESSED)

#define RAW_ACCESSED	(1ULL << 40)
#define DESCRIPTOR_SIZE	8

static enum emul_step raise_selector(struct emul *e, uint8_t vector, uint16_t selector, bool ext)
{
	return emul_raise_err(e, vector, (selector & ~SEL_RPL) | ext);
}

static unsigned int dpl_of(const struct holm_segment *s)
{
	return (s->attrib & HOLM_SEG_DPL) >> HOLM_SEG_DPL_SHIFT;
}

struct holm_segment emul_descriptor_segment(uint16_t selector, uint64_t raw)
{
	struct holm_segment s = {
		.selector = selector,
		.base = (raw >> 16 & 0xffffff) | (raw >> 56 & 0xff) << 24,
		.limit = (raw & 0xffff) | (raw >> 48 & 0xf) << 16,
		/* Bits 40..47 and 52..55. */
		.attrib = (raw >> 40 & 0xff) | (raw >> 52 & 0xf) << 12,
	};

	if (s.attrib & HOLM_SEG_G)
		s.limit = s.limit << 12 | 0xfff;
	if (!(s.attrib & HOLM_SEG_P))
		s.attrib |= HOLM_SEG_UNUSABLE;
	return s;
}

enum emul_step emul_read_descriptor(struct emul *e, uint16_t selector, uint8_t vector, bool ext,
				    uint64_t *raw, uint64_t *linear)
{
	const struct holm_segment *ldt = &e->sregs.seg[HOLM_SEG_LDTR];
	uint64_t base = e->sregs.gdt.base;
	uint32_t limit = e->sregs.gdt.limit;

	if (selector & SEL_TI) {
		if (ldt->attrib & HOLM_SEG_UNUSABLE)
			return raise_selector(e, vector, selector, ext);
		base = ldt->base;
		limit = ldt->limit;
	}
	if ((selector & SEL_INDEX) + DESCRIPTOR_SIZE - 1U > limit)
		return raise_selector(e, vector, selector, ext);
	*linear = base + (selector & SEL_INDEX);
	return emul_system_read(e, *linear, raw, DESCRIPTOR_SIZE);
}

/* The accessed bit, which the CPU sets in memory. */
static enum emul_step set_accessed(struct emul *e, uint64_t linear, uint64_t raw)
{
	uint8_t access = (raw | RAW_ACCESSED) >> 40;

	if (raw & RAW_ACCESSED)
		return EMUL_OK;
	return emul_system_write(e, linear + 5, &access, 1);
}

void emul_load_real_segment(struct emul *e, int seg, uint16_t selector)
{
	struct holm_segment *s = &e->sregs.seg[seg];

	s->selector = selector;
	s->base = (uint32_t)selector << 4;
	/* Real-address mode keeps limit and rights (SDM vol. 3, 20.1.1). */
	if (e->regs.rflags & RFLAGS_VM) {
		s->limit = 0xffff;
		s->attrib = ATTRIB_V86;
	}
}

/* A null selector: fine in the data segment registers, in SS only for 64-bit code. */
static enum emul_step load_null(struct emul *e, int seg, uint16_t selector, enum emul_load how,
				bool ext)
{
	uint8_t bad = how == LOAD_TASK ? VEC_TS : VEC_GP;

	if (seg == HOLM_SEG_CS)
		return raise_selector(e, bad, selector, ext);
	if (seg == HOLM_SEG_SS &&
	    (e->bits != 64 || e->cpl == 3 || (selector & SEL_RPL) != e->cpl))
		return raise_selector(e, bad, selector, ext);
	e->sregs.seg[seg] = (struct holm_segment) {
		.selector = selector,
		.attrib = HOLM_SEG_UNUSABLE |
			  (seg == HOLM_SEG_SS ? e->cpl << HOLM_SEG_DPL_SHIFT : 0),
	};
	return EMUL_OK;
}

/* Type and privilege: false for #GP, or #TS in a task switch. */
static bool load_allowed(const struct emul *e, int seg, const struct holm_segment *s)
{
	unsigned int rpl = s->selector & SEL_RPL, dpl = dpl_of(s);
	bool code = s->attrib & TYPE_CODE, conforming = code && s->attrib & TYPE_CONFORMING;

	if (!(s->attrib & HOLM_SEG_S))
		return false;
	switch (seg) {
	case HOLM_SEG_CS:
		return code && (conforming ? dpl <= rpl : dpl == rpl);
	case HOLM_SEG_SS:
		return !code && s->attrib & TYPE_RW && rpl == e->cpl && dpl == e->cpl;
	default:
		if (code && !(s->attrib & TYPE_RW))
			return false;
		return conforming || (dpl >= rpl && dpl >= e->cpl);
	}
}

enum emul_step emul_load_segment(struct emul *e, int seg, uint16_t selector, enum emul_load how,
				 bool ext)
{
	uint8_t bad = how == LOAD_TASK ? VEC_TS : VEC_GP;
	struct holm_segment s;
	uint64_t raw, linear;
	enum emul_step step;

	if (emul_real_mode(e)) {
		emul_load_real_segment(e, seg, selector);
		return EMUL_OK;
	}
	if (!(selector & ~SEL_RPL))
		return load_null(e, seg, selector, how, ext);
	step = emul_read_descriptor(e, selector, bad, ext, &raw, &linear);
	if (step)
		return step;
	s = emul_descriptor_segment(selector, raw);
	if (!load_allowed(e, seg, &s))
		return raise_selector(e, bad, selector, ext);
	if (!(s.attrib & HOLM_SEG_P))
		return raise_selector(e, seg == HOLM_SEG_SS ? VEC_SS : VEC_NP, selector, ext);
	step = set_accessed(e, linear, raw);
	if (step)
		return step;
	s.attrib |= TYPE_ACCESSED;
	e->sregs.seg[seg] = s;
	return EMUL_OK;
}

enum emul_step emul_load_ldtr(struct emul *e, uint16_t selector, enum emul_load how, bool ext)
{
	uint8_t bad = how == LOAD_TASK ? VEC_TS : VEC_GP;
	uint64_t raw, linear, high = 0;
	struct holm_segment s;
	enum emul_step step;

	if (!(selector & ~SEL_RPL)) {
		e->sregs.seg[HOLM_SEG_LDTR] = (struct holm_segment) {
			.selector = selector,
			.attrib = HOLM_SEG_UNUSABLE,
		};
		return EMUL_OK;
	}
	if (selector & SEL_TI)
		return raise_selector(e, bad, selector, ext);
	step = emul_read_descriptor(e, selector, bad, ext, &raw, &linear);
	if (step)
		return step;
	s = emul_descriptor_segment(selector, raw);
	if (s.attrib & HOLM_SEG_S || (s.attrib & HOLM_SEG_TYPE) != TYPE_LDT)
		return raise_selector(e, bad, selector, ext);
	if (!(s.attrib & HOLM_SEG_P))
		return raise_selector(e, how == LOAD_TASK ? VEC_TS : VEC_NP, selector, ext);
	if (e->sregs.efer & EFER_LMA) {		/* 16 bytes: SDM vol. 3, 8.2.3 */
		if ((selector & SEL_INDEX) + 2U * DESCRIPTOR_SIZE - 1 > e->sregs.gdt.limit)
			return raise_selector(e, bad, selector, ext);
		step = emul_system_read(e, linear + DESCRIPTOR_SIZE, &high, DESCRIPTOR_SIZE);
		if (step)
			return step;
		s.base |= high << 32;
		if (!emul_canonical(s.base))
			return raise_selector(e, bad, selector, ext);
	}
	e->sregs.seg[HOLM_SEG_LDTR] = s;
	return EMUL_OK;
}
