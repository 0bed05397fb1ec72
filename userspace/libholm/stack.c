// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Stack instructions and near branches, for a stack or an operand in device
 * memory (SDM vol. 2: PUSH, POP, PUSHA, POPA, PUSHF, POPF, CALL, RET, JMP,
 * LEAVE).
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

/* ---- all registers, flags -------------------------------------------------- */

#define NGPRS	8

/* Item @n below the top of the stack, or with a negative number above it. */
static enum emul_step item_linear(struct emul *e, int n, unsigned int size, bool write,
				  uint64_t *linear)
{
	uint64_t sp = e->regs.gpr[HOLM_RSP] - (int64_t)n * size;

	return emul_linear(e, HOLM_SEG_SS, sp & size_mask(stack_size(e)), size, write, linear);
}

/* RAX is pushed first, RDI last; RSP as it was before. */
static enum emul_step do_pusha(struct emul *e, unsigned int size)
{
	enum emul_step step = EMUL_OK;
	uint64_t linear[NGPRS];
	int i;

	for (i = 0; i < NGPRS && !step; i++) {
		step = item_linear(e, i + 1, size, true, &linear[i]);
		if (!step)
			step = emul_check(e, linear[i], size, true);
	}
	for (i = 0; i < NGPRS && !step; i++)
		step = emul_write(e, linear[i], &e->regs.gpr[i], size);
	if (!step)
		sp_write(e, e->regs.gpr[HOLM_RSP] - NGPRS * size);
	return step;
}

/* RSP is read and dropped. */
static enum emul_step do_popa(struct emul *e, unsigned int size)
{
	enum emul_step step = EMUL_OK;
	uint64_t linear[NGPRS], value;
	int i;

	for (i = 0; i < NGPRS && !step; i++) {
		step = item_linear(e, -i, size, false, &linear[i]);
		if (!step)
			step = emul_check(e, linear[i], size, false);
	}
	for (i = 0; i < NGPRS && !step; i++) {
		int gpr = NGPRS - 1 - i;

		value = 0;
		step = emul_read(e, linear[i], &value, size);
		if (!step && gpr != HOLM_RSP)
			emul_gpr_write(e, gpr, size, value);
	}
	if (!step)
		sp_write(e, e->regs.gpr[HOLM_RSP] + NGPRS * size);
	return step;
}

static unsigned int iopl(const struct emul *e)
{
	return e->regs.rflags >> RFLAGS_IOPL_SHIFT & 3;
}

/* Virtual-8086 mode has the flags' instructions at IOPL 3 only. */
static bool flags_refused(const struct emul *e)
{
	return e->sregs.cr0 & CR0_PE && e->regs.rflags & RFLAGS_VM && iopl(e) < 3;
}

static enum emul_step do_pushf(struct emul *e, unsigned int size)
{
	if (flags_refused(e))
		return emul_raise_err(e, VEC_GP, 0);
	return push(e, size, e->regs.rflags & ~(RFLAGS_RF | RFLAGS_VM));
}

static enum emul_step do_popf(struct emul *e, unsigned int size)
{
	uint64_t change = RFLAGS_STATUS | RFLAGS_TF | RFLAGS_DF | RFLAGS_NT | RFLAGS_AC |
			  RFLAGS_ID, value, old = e->regs.rflags;
	enum emul_step step;

	if (flags_refused(e))
		return emul_raise_err(e, VEC_GP, 0);
	if (!e->cpl)
		change |= RFLAGS_IOPL;
	if (e->cpl <= iopl(e))
		change |= RFLAGS_IF;
	step = pop(e, size, &value);
	if (step)
		return step;
	change &= size_mask(size);
	/* A trap that begins or ends here is the CPU's to count. */
	if ((old ^ value) & change & RFLAGS_TF)
		return EMUL_UNKNOWN;
	e->regs.rflags = ((old & ~change) | (value & change)) & ~RFLAGS_RF;
	return EMUL_OK;
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
	{ M(PUSHA), do_pusha, 2 },
	{ M(PUSHAD), do_pusha, 4 },
	{ M(POPA), do_popa, 2 },
	{ M(POPAD), do_popa, 4 },
	{ M(PUSHF), do_pushf, 2 },
	{ M(PUSHFD), do_pushf, 4 },
	{ M(PUSHFQ), do_pushf, 8 },
	{ M(POPF), do_popf, 2 },
	{ M(POPFD), do_popf, 4 },
	{ M(POPFQ), do_popf, 8 },
	{ M(LEAVE), do_leave, 0 },
	{ M(JMP), do_jmp, 0 },
	{ M(CALL), do_call, 0 },
	{ M(RET), do_ret, 0 },
};

enum emul_step emul_stack(struct emul *e)
{
	return emul_dispatch(e, rows, sizeof(rows) / sizeof(rows[0]));
}
