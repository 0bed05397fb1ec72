// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Stack instructions and near branches, for a stack or an operand in device
 * memory (SDM vol. 2: PUSH, POP, CALL, RET, JMP, LEAVE).
 */
#include "emul.h"

/* The stack pointer's size: SDM vol. 1, 6.2.3. */
static unsigned int stack_size(const struct emul *e)
{
	if (e->bits == 64)
		return 8;
	return e->sregs.seg[HOLM_SEG_SS].attrib & HOLM_SEG_DB ? 4 : 2;
}

/* What one PUSH or POP moves; in 64-bit mode never 4 bytes. */
static unsigned int item_size(const struct emul *e)
{
	if (e->bits == 64)
		return e->insn.operand_width == 16 ? 2 : 8;
	return e->insn.operand_width == 16 ? 2 : 4;
}

/* Near branches in 64-bit mode have 64-bit operands whatever the prefix says. */
static unsigned int branch_size(const struct emul *e)
{
	return e->bits == 64 ? 8 : item_size(e);
}

/* RSP itself, of which only the stack pointer's size is changed. */
static void sp_write(struct emul *e, uint64_t value)
{
	uint64_t mask = size_mask(stack_size(e));

	e->regs.gpr[HOLM_RSP] = (e->regs.gpr[HOLM_RSP] & ~mask) | (value & mask);
}

/* Where @size more bytes go, checked. */
static enum emul_step push_linear(struct emul *e, unsigned int size, uint64_t *sp,
				  uint64_t *linear)
{
	enum emul_step step;

	*sp = (e->regs.gpr[HOLM_RSP] - size) & size_mask(stack_size(e));
	step = emul_linear(e, HOLM_SEG_SS, *sp, size, true, linear);
	return step ? step : emul_check(e, *linear, size, true);
}

static enum emul_step push(struct emul *e, unsigned int size, uint64_t value)
{
	uint64_t sp, linear;
	enum emul_step step = push_linear(e, size, &sp, &linear);

	if (!step)
		step = emul_write(e, linear, &value, size);
	if (!step)
		sp_write(e, sp);
	return step;
}

static enum emul_step pop(struct emul *e, unsigned int size, uint64_t *value)
{
	uint64_t sp = e->regs.gpr[HOLM_RSP] & size_mask(stack_size(e)), linear;
	enum emul_step step = emul_linear(e, HOLM_SEG_SS, sp, size, false, &linear);

	*value = 0;
	if (!step)
		step = emul_read(e, linear, value, size);
	if (!step)
		sp_write(e, sp + size);
	return step;
}

static enum emul_step do_push(struct emul *e, unsigned int arg)
{
	unsigned int size = item_size(e);
	uint64_t value, sp, linear;
	enum emul_step step;

	(void)arg;
	step = push_linear(e, size, &sp, &linear);
	if (!step)
		step = emul_operand_read(e, &e->op[0], &value);
	return step ? step : push(e, size, value);
}

static enum emul_step do_pop(struct emul *e, unsigned int arg)
{
	const ZydisDecodedOperand *op = &e->op[0];
	enum emul_step step;
	uint64_t value;
	int seg;

	(void)arg;
	/* An address relative to RSP is computed after the pop (SDM vol. 2, POP). */
	step = pop(e, item_size(e), &value);
	if (step)
		return step;
	seg = op->type == ZYDIS_OPERAND_TYPE_REGISTER ? emul_segment(op->reg.value) : -1;
	if (seg < 0)
		return emul_operand_write(e, op, value);
	step = emul_load_segment(e, seg, value, LOAD_MOV, false);
	return step ? step : emul_set_sregs(e, &e->sregs);
}

static enum emul_step do_leave(struct emul *e, unsigned int arg)
{
	enum emul_step step;
	uint64_t value;

	(void)arg;
	sp_write(e, e->regs.gpr[HOLM_RBP]);
	step = pop(e, item_size(e), &value);
	if (!step)
		emul_gpr_write(e, HOLM_RBP, item_size(e), value);
	return step;
}

/* ---- near branches --------------------------------------------------------- */

static enum emul_step branch_to(struct emul *e, uint64_t target)
{
	target &= size_mask(branch_size(e));
	if (e->bits == 64 ? !emul_canonical(target) : target > e->sregs.seg[HOLM_SEG_CS].limit)
		return emul_raise_err(e, VEC_GP, 0);
	e->next_rip = target;
	return EMUL_OK;
}

/* A far pointer, or a gate: not done here. */
static bool is_far(const struct emul *e)
{
	return e->insn.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR;
}

static enum emul_step branch_target(struct emul *e, uint64_t *target)
{
	const ZydisDecodedOperand *op = &e->op[0];

	if (op->type == ZYDIS_OPERAND_TYPE_IMMEDIATE && op->imm.is_relative) {
		*target = e->next_rip + op->imm.value.u;
		return EMUL_OK;
	}
	return emul_operand_read(e, op, target);
}

static enum emul_step do_jmp(struct emul *e, unsigned int arg)
{
	enum emul_step step;
	uint64_t target;

	(void)arg;
	if (is_far(e))
		return EMUL_UNKNOWN;
	step = branch_target(e, &target);
	return step ? step : branch_to(e, target);
}

static enum emul_step do_call(struct emul *e, unsigned int arg)
{
	uint64_t target, sp, linear, next = e->next_rip;
	enum emul_step step;

	(void)arg;
	if (is_far(e))
		return EMUL_UNKNOWN;
	step = push_linear(e, branch_size(e), &sp, &linear);
	if (!step)
		step = branch_target(e, &target);
	if (!step)
		step = branch_to(e, target);
	return step ? step : push(e, branch_size(e), next);
}

static enum emul_step do_ret(struct emul *e, unsigned int arg)
{
	enum emul_step step;
	uint64_t target;

	(void)arg;
	if (is_far(e))
		return EMUL_UNKNOWN;
	step = pop(e, branch_size(e), &target);
	if (!step)
		step = branch_to(e, target);
	if (!step && e->insn.operand_count_visible == 1)
		sp_write(e, e->regs.gpr[HOLM_RSP] + e->op[0].imm.value.u);
	return step;
}

#define M(name)	ZYDIS_MNEMONIC_##name

static const struct emul_row rows[] = {
	{ M(PUSH), do_push, 0 },
	{ M(POP), do_pop, 0 },
	{ M(LEAVE), do_leave, 0 },
	{ M(JMP), do_jmp, 0 },
	{ M(CALL), do_call, 0 },
	{ M(RET), do_ret, 0 },
};

enum emul_step emul_stack(struct emul *e)
{
	return emul_dispatch(e, rows, sizeof(rows) / sizeof(rows[0]));
}
