// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * System instructions that a driver without the CPU's decode assists leaves to
 * the launcher: control registers, GDTR and IDTR, selectors (SDM vol. 2).
 *
 * The privilege checks are the CPU's again: the instruction in memory may not
 * be the one that caused the exit.
 */
#include <errno.h>
#include <string.h>

#include "emul.h"

#define CR0_NW		(1ULL << 29)
#define CR0_CD		(1ULL << 30)
#define LMSW_BITS	0xfULL
#define CR0_ET		(1ULL << 4)
/* PE MP EM TS ET NE WP AM NW CD PG */
#define CR0_DEFINED	0xe005003fULL
#define CR3_NO_FLUSH	(1ULL << 63)

enum emul_step emul_set_sregs(struct emul *e, const struct holm_sregs *sregs)
{
	int err = e->state->set(e->vcpu, HOLM_STATE_SREGS, sregs, sizeof(*sregs));

	if (err == -EINVAL)
		return emul_raise_err(e, VEC_GP, 0);
	if (err) {
		e->state_err = err;
		return EMUL_ERROR;
	}
	e->sregs = *sregs;
	return EMUL_OK;
}

/* Virtual-8086 mode has CPL 3. */
static enum emul_step need_cpl0(struct emul *e)
{
	return e->cpl ? emul_raise_err(e, VEC_GP, 0) : EMUL_OK;
}

static enum emul_step need_no_umip(struct emul *e)
{
	return e->cpl && e->sregs.cr4 & CR4_UMIP ? emul_raise_err(e, VEC_GP, 0) : EMUL_OK;
}

/* ---- control registers ----------------------------------------------------- */

static int cr_number(const ZydisDecodedOperand *op)
{
	if (op->type != ZYDIS_OPERAND_TYPE_REGISTER ||
	    ZydisRegisterGetClass(op->reg.value) != ZYDIS_REGCLASS_CONTROL)
		return -1;
	return op->reg.value - ZYDIS_REGISTER_CR0;
}

/* Paging on or off moves EFER.LMA: SDM vol. 3, 9.8.5. */
static enum emul_step set_cr0(struct emul *e, uint64_t value)
{
	struct holm_sregs s = e->sregs;
	bool on = value & CR0_PG && !(s.cr0 & CR0_PG);
	bool off = !(value & CR0_PG) && s.cr0 & CR0_PG;

	if (value >> 32 || (value & CR0_PG && !(value & CR0_PE)) ||
	    (value & CR0_NW && !(value & CR0_CD)))
		return emul_raise_err(e, VEC_GP, 0);
	if (off && (e->bits == 64 || s.cr4 & CR4_PCIDE))
		return emul_raise_err(e, VEC_GP, 0);
	if (on && s.efer & EFER_LME) {
		if (!(s.cr4 & CR4_PAE) || s.seg[HOLM_SEG_CS].attrib & HOLM_SEG_L)
			return emul_raise_err(e, VEC_GP, 0);
		s.efer |= EFER_LMA;
	}
	if (off)
		s.efer &= ~EFER_LMA;
	s.cr0 = (value & CR0_DEFINED) | CR0_ET;
	return emul_set_sregs(e, &s);
}

static enum emul_step write_cr(struct emul *e, int cr, uint64_t value)
{
	struct holm_sregs s = e->sregs;

	switch (cr) {
	case 0:
		return set_cr0(e, value);
	case 2:
		s.cr2 = value;
		break;
	case 3:
		if (s.cr4 & CR4_PCIDE)
			value &= ~CR3_NO_FLUSH;
		s.cr3 = value;
		break;
	case 4:
		if (s.efer & EFER_LMA && (!(value & CR4_PAE) ||
					  (s.cr4 ^ value) & CR4_LA57))
			return emul_raise_err(e, VEC_GP, 0);
		/* PCIDE is switched on with PCID 0 only. */
		if (value & CR4_PCIDE && !(s.cr4 & CR4_PCIDE) && s.cr3 & 0xfff)
			return emul_raise_err(e, VEC_GP, 0);
		s.cr4 = value;
		break;
	case 8:
		s.cr8 = value;
		break;
	default:
		return emul_raise(e, VEC_UD);
	}
	return emul_set_sregs(e, &s);
}

static enum emul_step read_cr(struct emul *e, int cr, ZydisRegister to)
{
	const struct holm_sregs *s = &e->sregs;
	uint64_t value;

	switch (cr) {
	case 0:
		value = s->cr0;
		break;
	case 2:
		value = s->cr2;
		break;
	case 3:
		value = s->cr3;
		break;
	case 4:
		value = s->cr4;
		break;
	case 8:
		value = s->cr8;
		break;
	default:
		return emul_raise(e, VEC_UD);
	}
	emul_reg_write(e, to, value);
	return EMUL_OK;
}

static enum emul_step do_mov_cr(struct emul *e, unsigned int arg)
{
	int to = cr_number(&e->op[0]), from = cr_number(&e->op[1]);
	enum emul_step step;

	(void)arg;
	if (to < 0 && from < 0)
		return EMUL_UNKNOWN;	/* another MOV */
	step = need_cpl0(e);
	if (step)
		return step;
	if (to < 0)
		return read_cr(e, from, e->op[0].reg.value);
	return write_cr(e, to, emul_reg_read(e, e->op[1].reg.value));
}

static enum emul_step do_clts(struct emul *e, unsigned int arg)
{
	enum emul_step step = need_cpl0(e);

	(void)arg;
	return step ? step : set_cr0(e, e->sregs.cr0 & ~CR0_TS);
}

static enum emul_step do_lmsw(struct emul *e, unsigned int arg)
{
	enum emul_step step = need_cpl0(e);
	uint64_t value;

	(void)arg;
	if (!step)
		step = emul_operand_read(e, &e->op[0], &value);
	if (step)
		return step;
	/* PE can be set, not cleared. */
	value = (value & LMSW_BITS) | (e->sregs.cr0 & CR0_PE);
	return set_cr0(e, (e->sregs.cr0 & ~LMSW_BITS) | value);
}

static enum emul_step do_smsw(struct emul *e, unsigned int arg)
{
	enum emul_step step = need_no_umip(e);

	(void)arg;
	return step ? step : emul_operand_write(e, &e->op[0], e->sregs.cr0);
}

/* ---- descriptor tables ----------------------------------------------------- */

/* The operand: 16 bits of limit, then a base. */
static enum emul_step table_operand(struct emul *e, bool write, uint64_t *linear,
				    unsigned int *size)
{
	const ZydisDecodedOperand *op = &e->op[0];

	if (op->type != ZYDIS_OPERAND_TYPE_MEMORY)
		return EMUL_UNKNOWN;
	*size = e->bits == 64 ? 10 : 6;
	return emul_operand_linear(e, op, 0, *size, write, linear);
}

static enum emul_step do_load_table(struct emul *e, unsigned int idt)
{
	struct holm_sregs s = e->sregs;
	struct holm_dtable *t = idt ? &s.idt : &s.gdt;
	enum emul_step step = need_cpl0(e);
	unsigned int size;
	uint8_t raw[10];
	uint64_t linear;

	if (!step)
		step = table_operand(e, false, &linear, &size);
	if (!step)
		step = emul_read(e, linear, raw, size);
	if (step)
		return step;
	memcpy(&t->limit, raw, 2);
	t->base = 0;
	memcpy(&t->base, raw + 2, size - 2);
	/* With a 16-bit operand only 24 bits of the base count. */
	if (e->bits != 64 && e->insn.operand_width == 16)
		t->base &= 0xffffff;
	if (!emul_canonical(t->base))
		return emul_raise_err(e, VEC_GP, 0);
	return emul_set_sregs(e, &s);
}

static enum emul_step do_store_table(struct emul *e, unsigned int idt)
{
	const struct holm_dtable *t = idt ? &e->sregs.idt : &e->sregs.gdt;
	enum emul_step step = need_no_umip(e);
	unsigned int size;
	uint8_t raw[10];
	uint64_t linear;

	if (!step)
		step = table_operand(e, true, &linear, &size);
	if (step)
		return step;
	memcpy(raw, &t->limit, 2);
	memcpy(raw + 2, &t->base, size - 2);
	return emul_write(e, linear, raw, size);
}

/* SLDT and STR. */
static enum emul_step do_store_selector(struct emul *e, unsigned int seg)
{
	enum emul_step step = need_no_umip(e);

	if (emul_real_mode(e))
		return emul_raise(e, VEC_UD);
	return step ? step : emul_operand_write(e, &e->op[0], e->sregs.seg[seg].selector);
}

static enum emul_step do_lldt(struct emul *e, unsigned int arg)
{
	enum emul_step step = need_cpl0(e);
	uint64_t value;

	(void)arg;
	if (emul_real_mode(e))
		return emul_raise(e, VEC_UD);
	if (!step)
		step = emul_operand_read(e, &e->op[0], &value);
	if (!step)
		step = emul_load_ldtr(e, value, LOAD_MOV, false);
	return step ? step : emul_set_sregs(e, &e->sregs);
}

/* The driver flushes whatever it caches when system registers are set. */
static enum emul_step do_invlpg(struct emul *e, unsigned int arg)
{
	enum emul_step step = need_cpl0(e);

	(void)arg;
	return step ? step : emul_set_sregs(e, &e->sregs);
}

#define M(name)	ZYDIS_MNEMONIC_##name

static const struct emul_row rows[] = {
	{ M(MOV), do_mov_cr, 0 },
	{ M(CLTS), do_clts, 0 },
	{ M(LMSW), do_lmsw, 0 },
	{ M(SMSW), do_smsw, 0 },
	{ M(LGDT), do_load_table, false },
	{ M(LIDT), do_load_table, true },
	{ M(SGDT), do_store_table, false },
	{ M(SIDT), do_store_table, true },
	{ M(SLDT), do_store_selector, HOLM_SEG_LDTR },
	{ M(STR), do_store_selector, HOLM_SEG_TR },
	{ M(LLDT), do_lldt, 0 },
	{ M(INVLPG), do_invlpg, 0 },
};

enum emul_step emul_system(struct emul *e)
{
	return emul_dispatch(e, rows, sizeof(rows) / sizeof(rows[0]));
}
