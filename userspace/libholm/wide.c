// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Instructions on register pairs: MUL, IMUL, DIV and IDIV with one operand,
 * CMPXCHG8B and CMPXCHG16B. Flags that the manual leaves undefined stay.
 */
#include <string.h>

#include "emul.h"

typedef unsigned __int128 u128;
typedef __int128 s128;

/* The pair that a multiplication fills and a division takes: AX, or (E/R)DX:(E/R)AX. */
static u128 pair_read(const struct emul *e, unsigned int size)
{
	uint64_t rax = e->regs.gpr[HOLM_RAX], rdx = e->regs.gpr[HOLM_RDX];

	if (size == 1)
		return rax & 0xffff;
	return (u128)(rdx & size_mask(size)) << 8 * size | (rax & size_mask(size));
}

static void pair_write(struct emul *e, unsigned int size, uint64_t low, uint64_t high)
{
	if (size == 1) {
		emul_gpr_write(e, HOLM_RAX, 2, (low & 0xff) | (high & 0xff) << 8);
		return;
	}
	emul_gpr_write(e, HOLM_RAX, size, low);
	emul_gpr_write(e, HOLM_RDX, size, high);
}

static int64_t sign_extend(uint64_t value, unsigned int size)
{
	unsigned int shift = 64 - 8 * size;

	return (int64_t)(value << shift) >> shift;
}

static enum emul_step do_mul(struct emul *e, unsigned int is_signed)
{
	unsigned int size = op_size(&e->op[0]);
	uint64_t a, b, low, high;
	enum emul_step step;
	u128 product;
	bool wide;

	/* The forms with two and three operands are the integer table's. */
	if (e->insn.operand_count_visible != 1)
		return EMUL_UNKNOWN;
	step = emul_operand_read(e, &e->op[0], &b);
	if (step)
		return step;
	a = e->regs.gpr[HOLM_RAX] & size_mask(size);
	if (is_signed)
		product = (u128)((s128)sign_extend(a, size) * sign_extend(b, size));
	else
		product = (u128)a * b;
	low = (uint64_t)product & size_mask(size);
	high = (uint64_t)(product >> 8 * size) & size_mask(size);
	wide = is_signed ? high != ((uint64_t)(sign_extend(low, size) >> 63) & size_mask(size)) :
	       high != 0;
	pair_write(e, size, low, high);
	e->regs.rflags &= ~(RFLAGS_CF | RFLAGS_OF);
	if (wide)
		e->regs.rflags |= RFLAGS_CF | RFLAGS_OF;
	return EMUL_OK;
}

static enum emul_step do_div(struct emul *e, unsigned int arg)
{
	unsigned int size = op_size(&e->op[0]);
	u128 dividend, quotient;
	enum emul_step step;
	uint64_t divisor;

	(void)arg;
	step = emul_operand_read(e, &e->op[0], &divisor);
	if (step)
		return step;
	if (!divisor)
		return emul_raise(e, VEC_DE);
	dividend = pair_read(e, size);
	quotient = dividend / divisor;
	if (quotient > size_mask(size))
		return emul_raise(e, VEC_DE);
	pair_write(e, size, quotient, dividend % divisor);
	return EMUL_OK;
}

static enum emul_step do_idiv(struct emul *e, unsigned int arg)
{
	unsigned int size = op_size(&e->op[0]), shift = 128 - 16 * size;
	u128 magnitude, quotient, remainder;
	bool negative_dividend, negative;
	enum emul_step step;
	uint64_t divisor;
	s128 dividend;
	int64_t d;

	(void)arg;
	step = emul_operand_read(e, &e->op[0], &divisor);
	if (step)
		return step;
	d = sign_extend(divisor, size);
	if (!d)
		return emul_raise(e, VEC_DE);
	/* By magnitudes: the most negative dividend has no positive counterpart. */
	dividend = (s128)(pair_read(e, size) << shift) >> shift;
	negative_dividend = dividend < 0;
	negative = negative_dividend != (d < 0);
	magnitude = negative_dividend ? -(u128)dividend : (u128)dividend;
	divisor = d < 0 ? -(uint64_t)d : (uint64_t)d;
	quotient = magnitude / divisor;
	remainder = magnitude % divisor;
	if (quotient > (size_mask(size) >> 1) + negative)
		return emul_raise(e, VEC_DE);
	if (negative)
		quotient = -quotient;
	if (negative_dividend)
		remainder = -remainder;
	pair_write(e, size, quotient, remainder);
	return EMUL_OK;
}

/* ---- CMPXCHG8B, CMPXCHG16B ------------------------------------------------- */

static enum emul_step do_cmpxchg_pair(struct emul *e, unsigned int half)
{
	uint64_t *reg = (uint64_t *)e->regs.gpr, found[2];
	unsigned int size = 2 * half;
	uint8_t old[16], want[16], desired[16];
	enum emul_step step;
	uint64_t linear;
	bool swapped, equal;

	memcpy(want, &reg[HOLM_RAX], half);
	memcpy(want + half, &reg[HOLM_RDX], half);
	step = emul_operand_linear(e, &e->op[0], 0, size, true, &linear);
	if (!step && half == 8 && linear & 15)
		step = emul_raise_err(e, VEC_GP, 0);
	if (!step)
		step = emul_check(e, linear, size, true);
	if (step)
		return step;
	do {
		step = emul_read(e, linear, old, size);
		if (step)
			return step;
		equal = !memcmp(old, want, size);
		memcpy(desired, old, size);
		if (equal) {
			memcpy(desired, &reg[HOLM_RBX], half);
			memcpy(desired + half, &reg[HOLM_RCX], half);
		}
		/* What was found is written back when it is not equal. */
		swapped = true;
		if (e->insn.attributes & ZYDIS_ATTRIB_HAS_LOCK)
			step = emul_cmpxchg(e, linear, size, old, desired, &swapped);
		else
			step = emul_write(e, linear, desired, size);
		if (step)
			return step;
	} while (!swapped);

	if (equal) {
		e->regs.rflags |= RFLAGS_ZF;
		return EMUL_OK;
	}
	e->regs.rflags &= ~RFLAGS_ZF;
	memset(found, 0, sizeof(found));
	memcpy(&found[0], old, half);
	memcpy(&found[1], old + half, half);
	emul_gpr_write(e, HOLM_RAX, half, found[0]);
	emul_gpr_write(e, HOLM_RDX, half, found[1]);
	return EMUL_OK;
}

#define M(name)	ZYDIS_MNEMONIC_##name

static const struct emul_row rows[] = {
	{ M(MUL), do_mul, false },
	{ M(IMUL), do_mul, true },
	{ M(DIV), do_div, 0 },
	{ M(IDIV), do_idiv, 0 },
	{ M(CMPXCHG8B), do_cmpxchg_pair, 4 },
	{ M(CMPXCHG16B), do_cmpxchg_pair, 8 },
};

enum emul_step emul_wide(struct emul *e)
{
	return emul_dispatch(e, rows, sizeof(rows) / sizeof(rows[0]));
}
