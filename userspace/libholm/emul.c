// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * holm_emulate(), and the integer instructions with memory operands. Each is a
 * row of the table: its mnemonic, the function that does it, an argument.
 */
#include <errno.h>
#include <sys/ioctl.h>

#include "emul.h"

/* ---- helpers --------------------------------------------------------------- */

static bool is_mem(const ZydisDecodedOperand *op)
{
	return op->type == ZYDIS_OPERAND_TYPE_MEMORY;
}

/* Read and write a destination: checks that it can be written before anything else. */
static enum emul_step rmw_read(struct emul *e, uint64_t *value)
{
	const ZydisDecodedOperand *op = &e->op[0];
	enum emul_step step;
	uint64_t linear;

	if (is_mem(op)) {
		if (op_size(op) > sizeof(*value))
			return EMUL_UNKNOWN;
		step = emul_operand_linear(e, op, 0, op_size(op), true, &linear);
		if (!step)
			step = emul_check(e, linear, op_size(op), true);
		if (step)
			return step;
	}
	return emul_operand_read(e, op, value);
}

/*
 * Write what a read-modify-write computed. With LOCK on RAM the whole
 * instruction is tried again when another vCPU changed the operand meanwhile.
 */
static enum emul_step rmw_write(struct emul *e, uint64_t before, uint64_t after, bool *again)
{
	const ZydisDecodedOperand *op = &e->op[0];
	enum emul_step step;
	bool swapped = true;
	uint64_t linear;

	*again = false;
	if (!is_mem(op) || !(e->insn.attributes & ZYDIS_ATTRIB_HAS_LOCK ||
			     e->insn.mnemonic == ZYDIS_MNEMONIC_XCHG))
		return emul_operand_write(e, op, after);
	step = emul_operand_linear(e, op, 0, op_size(op), true, &linear);
	if (!step)
		step = emul_cmpxchg(e, linear, op_size(op), &before, &after, &swapped);
	*again = !swapped;
	return step;
}

/* ---- moves ----------------------------------------------------------------- */

static enum emul_step do_mov(struct emul *e, unsigned int arg)
{
	uint64_t value;
	enum emul_step step = emul_operand_read(e, &e->op[1], &value);
	int seg = e->op[0].type == ZYDIS_OPERAND_TYPE_REGISTER ?
		  emul_segment(e->op[0].reg.value) : -1;

	(void)arg;
	if (step)
		return step;
	if (seg < 0)
		return emul_operand_write(e, &e->op[0], value);
	if (seg == HOLM_SEG_CS)
		return emul_raise(e, VEC_UD);
	step = emul_load_segment(e, seg, value, LOAD_MOV, false);
	return step ? step : emul_set_sregs(e, &e->sregs);
}

static enum emul_step do_movsx(struct emul *e, unsigned int arg)
{
	unsigned int shift = 64 - e->op[1].size;
	uint64_t value;
	enum emul_step step = emul_operand_read(e, &e->op[1], &value);

	(void)arg;
	if (step)
		return step;
	return emul_operand_write(e, &e->op[0], (uint64_t)((int64_t)(value << shift) >> shift));
}

static enum emul_step do_movbe(struct emul *e, unsigned int arg)
{
	uint64_t value;
	enum emul_step step = emul_operand_read(e, &e->op[1], &value);

	(void)arg;
	if (step)
		return step;
	return emul_operand_write(e, &e->op[0],
				  __builtin_bswap64(value) >> (64 - e->op[0].size));
}

/* AL = [RBX + AL]: the operand is implied, the decoder says [RBX] of it. */
static enum emul_step do_xlat(struct emul *e, unsigned int arg)
{
	ZydisDecodedOperand *op = &e->op[0];
	enum emul_step step;
	uint64_t value;

	(void)arg;
	if (!is_mem(op))
		return EMUL_UNKNOWN;
	op->mem.index = ZYDIS_REGISTER_AL;
	op->mem.scale = 1;
	step = emul_operand_read(e, op, &value);
	if (!step)
		emul_gpr_write(e, HOLM_RAX, 1, value);
	return step;
}

static enum emul_step do_xchg(struct emul *e, unsigned int arg)
{
	ZydisDecodedOperand swap;
	enum emul_step step;
	uint64_t a, b;
	bool again;

	(void)arg;
	if (is_mem(&e->op[1])) {	/* memory first */
		swap = e->op[0];
		e->op[0] = e->op[1];
		e->op[1] = swap;
	}
	do {
		step = rmw_read(e, &a);
		if (!step)
			step = emul_operand_read(e, &e->op[1], &b);
		if (!step)
			step = rmw_write(e, a, b, &again);
		if (step)
			return step;
	} while (again);
	return emul_operand_write(e, &e->op[1], a);
}

static enum emul_step do_cmov(struct emul *e, unsigned int cc)
{
	uint64_t value;
	enum emul_step step = emul_operand_read(e, &e->op[1], &value);

	if (step)
		return step;
	/* A 32-bit destination is cleared above even when it is not moved to. */
	if (!alu_condition(cc, e->regs.rflags))
		value = emul_reg_read(e, e->op[0].reg.value);
	return emul_operand_write(e, &e->op[0], value);
}

static enum emul_step do_set(struct emul *e, unsigned int cc)
{
	return emul_operand_write(e, &e->op[0], alu_condition(cc, e->regs.rflags));
}

/* ---- arithmetic ------------------------------------------------------------ */

static enum emul_step do_alu(struct emul *e, unsigned int op)
{
	unsigned int size = op_size(&e->op[0]);
	uint64_t a, b = 0, result, rflags;
	enum emul_step step;
	bool again;

	do {
		rflags = e->regs.rflags;
		step = rmw_read(e, &a);
		if (!step && e->insn.operand_count_visible > 1)
			step = emul_operand_read(e, &e->op[1], &b);
		if (step)
			return step;
		result = alu_do(op, size, a, b, &rflags);
		step = rmw_write(e, a, result, &again);
		if (step)
			return step;
	} while (again);
	e->regs.rflags = rflags;
	return EMUL_OK;
}

/* CMP and TEST: flags only. */
static enum emul_step do_compare(struct emul *e, unsigned int op)
{
	uint64_t a, b, rflags = e->regs.rflags;
	enum emul_step step = emul_operand_read(e, &e->op[0], &a);

	if (!step)
		step = emul_operand_read(e, &e->op[1], &b);
	if (step)
		return step;
	alu_do(op, op_size(&e->op[0]), a, b, &rflags);
	e->regs.rflags = rflags;
	return EMUL_OK;
}

static enum emul_step do_not(struct emul *e, unsigned int arg)
{
	enum emul_step step;
	uint64_t a;
	bool again;

	(void)arg;
	do {
		step = rmw_read(e, &a);
		if (!step)
			step = rmw_write(e, a, ~a & size_mask(op_size(&e->op[0])), &again);
		if (step)
			return step;
	} while (again);
	return EMUL_OK;
}

/* Shifts and rotates: the count is CL, an immediate, or the implied 1. */
static enum emul_step do_shift(struct emul *e, unsigned int op)
{
	uint64_t a, count, result, rflags = e->regs.rflags;
	enum emul_step step;
	bool again;

	step = emul_operand_read(e, &e->op[1], &count);
	if (!step)
		step = rmw_read(e, &a);
	if (step)
		return step;
	result = alu_do(op, op_size(&e->op[0]), a, count, &rflags);
	step = rmw_write(e, a, result, &again);
	if (!step)
		e->regs.rflags = rflags;
	return step;
}

static enum emul_step do_double_shift(struct emul *e, unsigned int left)
{
	uint64_t a, b, count, result, rflags = e->regs.rflags;
	enum emul_step step;
	bool again;

	step = emul_operand_read(e, &e->op[1], &b);
	if (!step)
		step = emul_operand_read(e, &e->op[2], &count);
	if (!step)
		step = rmw_read(e, &a);
	if (step)
		return step;
	result = alu_double_shift(left, op_size(&e->op[0]), a, b, count, &rflags);
	step = rmw_write(e, a, result, &again);
	if (!step)
		e->regs.rflags = rflags;
	return step;
}

/* Destination register, source memory: BSF, BSR, TZCNT, LZCNT, POPCNT. */
static enum emul_step do_scan(struct emul *e, unsigned int op)
{
	uint64_t b, rflags = e->regs.rflags;
	enum emul_step step = emul_operand_read(e, &e->op[1], &b);
	uint64_t a;

	if (step)
		return step;
	a = emul_reg_read(e, e->op[0].reg.value);
	a = alu_do(op, op_size(&e->op[0]), a, b, &rflags);
	e->regs.rflags = rflags;
	/* BSF and BSR of zero leave the destination alone. */
	if ((op == ALU_BSF || op == ALU_BSR) && !b)
		return EMUL_OK;
	return emul_operand_write(e, &e->op[0], a);
}

/* IMUL r, r/m and IMUL r, r/m, imm. */
static enum emul_step do_imul(struct emul *e, unsigned int arg)
{
	bool three = e->insn.operand_count_visible == 3;
	uint64_t a, b, rflags = e->regs.rflags;
	enum emul_step step;

	(void)arg;
	if (e->insn.operand_count_visible < 2)
		return EMUL_UNKNOWN;
	step = emul_operand_read(e, &e->op[three ? 1 : 0], &a);
	if (!step)
		step = emul_operand_read(e, &e->op[three ? 2 : 1], &b);
	if (step)
		return step;
	a = alu_do(ALU_IMUL, op_size(&e->op[0]), a, b, &rflags);
	e->regs.rflags = rflags;
	return emul_operand_write(e, &e->op[0], a);
}

enum bit_op { BIT_TEST, BIT_SET, BIT_RESET, BIT_COMPLEMENT };

/* BT, BTS, BTR, BTC: a register offset reaches beyond the operand. */
static enum emul_step do_bit(struct emul *e, unsigned int op)
{
	unsigned int size = op_size(&e->op[0]), bits = 8 * size;
	uint64_t linear, offset, value = 0, result, mask;
	int64_t signed_offset, word = 0;
	bool swapped = true, locked = e->insn.attributes & ZYDIS_ATTRIB_HAS_LOCK;
	uint64_t before;
	enum emul_step step;

	if (!is_mem(&e->op[0]))
		return EMUL_UNKNOWN;
	step = emul_operand_read(e, &e->op[1], &offset);
	if (step)
		return step;
	if (e->op[1].type == ZYDIS_OPERAND_TYPE_REGISTER) {
		signed_offset = (int64_t)(offset << (64 - bits)) >> (64 - bits);
		word = (signed_offset >> (size == 8 ? 6 : size == 4 ? 5 : 4)) * (int64_t)size;
	}
	mask = 1ULL << (offset & (bits - 1));
	step = emul_operand_linear(e, &e->op[0], word, size, op != BIT_TEST, &linear);
	if (!step && op != BIT_TEST)
		step = emul_check(e, linear, size, true);
	if (step)
		return step;
	do {
		step = emul_read(e, linear, &value, size);
		if (step)
			return step;
		result = op == BIT_SET ? value | mask : op == BIT_RESET ? value & ~mask :
			 op == BIT_COMPLEMENT ? value ^ mask : value;
		before = value;
		if (op == BIT_TEST)
			break;
		if (locked)
			step = emul_cmpxchg(e, linear, size, &value, &result, &swapped);
		else
			step = emul_write(e, linear, &result, size);
		if (step)
			return step;
	} while (!swapped);
	e->regs.rflags = (e->regs.rflags & ~RFLAGS_CF) | (before & mask ? RFLAGS_CF : 0);
	return EMUL_OK;
}

/* ---- locked exchanges ------------------------------------------------------ */

static enum emul_step do_xadd(struct emul *e, unsigned int arg)
{
	uint64_t a, b, sum, rflags;
	enum emul_step step;
	bool again;

	(void)arg;
	do {
		rflags = e->regs.rflags;
		step = rmw_read(e, &a);
		if (!step)
			step = emul_operand_read(e, &e->op[1], &b);
		if (step)
			return step;
		sum = alu_do(ALU_ADD, op_size(&e->op[0]), a, b, &rflags);
		step = rmw_write(e, a, sum, &again);
		if (step)
			return step;
	} while (again);
	e->regs.rflags = rflags;
	return emul_operand_write(e, &e->op[1], a);
}

static enum emul_step do_cmpxchg(struct emul *e, unsigned int arg)
{
	unsigned int size = op_size(&e->op[0]);
	uint64_t a, b, rax, rflags;
	enum emul_step step;
	bool again;

	(void)arg;
	do {
		rflags = e->regs.rflags;
		step = rmw_read(e, &a);
		if (!step)
			step = emul_operand_read(e, &e->op[1], &b);
		if (step)
			return step;
		rax = e->regs.gpr[HOLM_RAX] & size_mask(size);
		alu_do(ALU_SUB, size, rax, a, &rflags);
		/* The destination is written in any case (SDM vol. 2, CMPXCHG). */
		step = rmw_write(e, a, rax == a ? b : a, &again);
		if (step)
			return step;
	} while (again);
	e->regs.rflags = rflags;
	if (rax != a) {
		if (size >= 4)
			e->regs.gpr[HOLM_RAX] = a;
		else
			e->regs.gpr[HOLM_RAX] = (e->regs.gpr[HOLM_RAX] & ~size_mask(size)) | a;
	}
	return EMUL_OK;
}

/* ---- no-ops ---------------------------------------------------------------- */

/* Cache and prefetch hints on device memory. */
static enum emul_step do_nothing(struct emul *e, unsigned int arg)
{
	(void)e;
	(void)arg;
	return EMUL_OK;
}

static enum emul_step do_undefined(struct emul *e, unsigned int arg)
{
	(void)arg;
	return emul_raise(e, VEC_UD);
}

/* ---- the table ------------------------------------------------------------- */

#define M(name)	ZYDIS_MNEMONIC_##name

static const struct emul_row integer_rows[] = {
	{ M(MOV), do_mov, 0 },
	{ M(MOVNTI), do_mov, 0 },
	{ M(MOVZX), do_mov, 0 },
	{ M(MOVSX), do_movsx, 0 },
	{ M(MOVSXD), do_movsx, 0 },
	{ M(MOVBE), do_movbe, 0 },
	{ M(XCHG), do_xchg, 0 },
	{ M(XLAT), do_xlat, 0 },

	{ M(ADD), do_alu, ALU_ADD },
	{ M(OR), do_alu, ALU_OR },
	{ M(ADC), do_alu, ALU_ADC },
	{ M(SBB), do_alu, ALU_SBB },
	{ M(AND), do_alu, ALU_AND },
	{ M(SUB), do_alu, ALU_SUB },
	{ M(XOR), do_alu, ALU_XOR },
	{ M(INC), do_alu, ALU_INC },
	{ M(DEC), do_alu, ALU_DEC },
	{ M(NEG), do_alu, ALU_NEG },
	{ M(NOT), do_not, 0 },
	{ M(CMP), do_compare, ALU_SUB },
	{ M(TEST), do_compare, ALU_TEST },

	{ M(ROL), do_shift, ALU_ROL },
	{ M(ROR), do_shift, ALU_ROR },
	{ M(RCL), do_shift, ALU_RCL },
	{ M(RCR), do_shift, ALU_RCR },
	{ M(SHL), do_shift, ALU_SHL },
	{ M(SHR), do_shift, ALU_SHR },
	{ M(SAR), do_shift, ALU_SAR },
	{ M(SHLD), do_double_shift, true },
	{ M(SHRD), do_double_shift, false },

	{ M(BSF), do_scan, ALU_BSF },
	{ M(BSR), do_scan, ALU_BSR },
	{ M(TZCNT), do_scan, ALU_TZCNT },
	{ M(LZCNT), do_scan, ALU_LZCNT },
	{ M(POPCNT), do_scan, ALU_POPCNT },
	{ M(IMUL), do_imul, 0 },
	{ M(BT), do_bit, BIT_TEST },
	{ M(BTS), do_bit, BIT_SET },
	{ M(BTR), do_bit, BIT_RESET },
	{ M(BTC), do_bit, BIT_COMPLEMENT },

	{ M(XADD), do_xadd, 0 },
	{ M(CMPXCHG), do_cmpxchg, 0 },

	{ M(CMOVO), do_cmov, 0 }, { M(CMOVNO), do_cmov, 1 },
	{ M(CMOVB), do_cmov, 2 }, { M(CMOVNB), do_cmov, 3 },
	{ M(CMOVZ), do_cmov, 4 }, { M(CMOVNZ), do_cmov, 5 },
	{ M(CMOVBE), do_cmov, 6 }, { M(CMOVNBE), do_cmov, 7 },
	{ M(CMOVS), do_cmov, 8 }, { M(CMOVNS), do_cmov, 9 },
	{ M(CMOVP), do_cmov, 10 }, { M(CMOVNP), do_cmov, 11 },
	{ M(CMOVL), do_cmov, 12 }, { M(CMOVNL), do_cmov, 13 },
	{ M(CMOVLE), do_cmov, 14 }, { M(CMOVNLE), do_cmov, 15 },
	{ M(SETO), do_set, 0 }, { M(SETNO), do_set, 1 },
	{ M(SETB), do_set, 2 }, { M(SETNB), do_set, 3 },
	{ M(SETZ), do_set, 4 }, { M(SETNZ), do_set, 5 },
	{ M(SETBE), do_set, 6 }, { M(SETNBE), do_set, 7 },
	{ M(SETS), do_set, 8 }, { M(SETNS), do_set, 9 },
	{ M(SETP), do_set, 10 }, { M(SETNP), do_set, 11 },
	{ M(SETL), do_set, 12 }, { M(SETNL), do_set, 13 },
	{ M(SETLE), do_set, 14 }, { M(SETNLE), do_set, 15 },

	{ M(UD0), do_undefined, 0 },
	{ M(UD1), do_undefined, 0 },
	{ M(UD2), do_undefined, 0 },
	{ M(CLFLUSH), do_nothing, 0 },
	{ M(CLFLUSHOPT), do_nothing, 0 },
	{ M(CLWB), do_nothing, 0 },
	{ M(PREFETCHNTA), do_nothing, 0 },
	{ M(PREFETCHT0), do_nothing, 0 },
	{ M(PREFETCHT1), do_nothing, 0 },
	{ M(PREFETCHT2), do_nothing, 0 },
	{ M(PREFETCHW), do_nothing, 0 },
};

enum emul_step emul_dispatch(struct emul *e, const struct emul_row *rows, unsigned int nrows)
{
	unsigned int i;

	for (i = 0; i < nrows; i++)
		if (rows[i].mnemonic == e->insn.mnemonic)
			return rows[i].fn(e, rows[i].arg);
	return EMUL_UNKNOWN;
}

static enum emul_step integer(struct emul *e)
{
	return emul_dispatch(e, integer_rows, sizeof(integer_rows) / sizeof(integer_rows[0]));
}

/* The groups before the integer instructions take what shares a mnemonic. */
static enum emul_step execute(struct emul *e)
{
	static enum emul_step (*const groups[])(struct emul *e) = {
		emul_string, emul_system, emul_wide, integer, emul_stack, emul_sse,
	};
	enum emul_step step = EMUL_UNKNOWN;
	unsigned int i;

	for (i = 0; i < sizeof(groups) / sizeof(groups[0]) && step == EMUL_UNKNOWN; i++)
		step = groups[i](e);
	return step;
}

/* ---- state blocks ---------------------------------------------------------- */

static int driver_get(const struct holm_vcpu_handle *vcpu, uint32_t type, void *data,
		      uint32_t *size)
{
	struct holm_state_block block = {
		.type = type,
		.size = *size,
		.data = (uintptr_t)data,
	};
	struct holm_state arg = { .nblocks = 1, .blocks = (uintptr_t)&block };

	if (ioctl(vcpu->fd, HOLM_GET_STATE, &arg) < 0)
		return -errno;
	*size = block.size;
	return 0;
}

const struct emul_state_ops emul_driver_state = {
	.get = driver_get,
	.set = holm_vcpu_set_state,
};

/* ---- entry points ---------------------------------------------------------- */

int emul_instruction(const struct holm_vcpu_handle *vcpu, const struct holm_emul_ops *ops,
		     void *opaque, const struct emul_state_ops *state)
{
	struct holm_run *run = vcpu->run;
	struct emul e = {
		.vcpu = vcpu,
		.ops = ops,
		.opaque = opaque,
		.state = state,
		.regs = run->regs,
		.sregs = run->sregs,
	};
	enum emul_step step;

	emul_init_mode(&e);
	step = emul_decode(&e);
	if (!step)
		step = execute(&e);
	/*
	 * A process in the guest can exchange an instruction after the exit. It
	 * ends itself by that, not the guest.
	 */
	if (step == EMUL_UNKNOWN && e.cpl == 3)
		step = emul_raise(&e, VEC_UD);

	switch (step) {
	case EMUL_OK:
		run->next_rip = e.next_rip;
		run->regs = e.regs;
		run->in_flags = HOLM_RUN_REGS | HOLM_RUN_COMPLETE;
		return HOLM_EMUL_DONE;
	case EMUL_AGAIN:
		run->regs = e.regs;
		run->in_flags = HOLM_RUN_REGS;
		return HOLM_EMUL_DONE;
	case EMUL_RETRY:
		run->in_flags = 0;
		return HOLM_EMUL_DONE;
	case EMUL_FAULT:
		/* regs holds what a REP instruction did before. */
		run->exception = e.exception;
		run->in_flags = HOLM_RUN_REGS | HOLM_RUN_EXCEPTION;
		return HOLM_EMUL_EXCEPTION;
	case EMUL_ERROR:
		return e.state_err;
	default:
		return HOLM_EMUL_UNHANDLED;
	}
}

int holm_emulate(const struct holm_vcpu_handle *vcpu, const struct holm_emul_ops *ops,
		 void *opaque)
{
	return emul_instruction(vcpu, ops, opaque, &emul_driver_state);
}
