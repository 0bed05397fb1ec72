// SPDX-License-Identifier: LGPL-2.1-or-later
/* Operands as integers: see emul.h. */
#include "emul.h"

bool emul_is_gpr(ZydisRegister reg)
{
	switch (ZydisRegisterGetClass(reg)) {
	case ZYDIS_REGCLASS_GPR8:
	case ZYDIS_REGCLASS_GPR16:
	case ZYDIS_REGCLASS_GPR32:
	case ZYDIS_REGCLASS_GPR64:
		return true;
	default:
		return false;
	}
}

int emul_gpr_number(ZydisRegister reg, bool *high)
{
	*high = reg >= ZYDIS_REGISTER_AH && reg <= ZYDIS_REGISTER_BH;
	if (*high)
		return reg - ZYDIS_REGISTER_AH;
	if (reg >= ZYDIS_REGISTER_AL && reg <= ZYDIS_REGISTER_BL)
		return reg - ZYDIS_REGISTER_AL;
	if (reg >= ZYDIS_REGISTER_SPL && reg <= ZYDIS_REGISTER_R15B)
		return reg - ZYDIS_REGISTER_SPL + 4;
	if (reg >= ZYDIS_REGISTER_AX && reg <= ZYDIS_REGISTER_R15W)
		return reg - ZYDIS_REGISTER_AX;
	if (reg >= ZYDIS_REGISTER_EAX && reg <= ZYDIS_REGISTER_R15D)
		return reg - ZYDIS_REGISTER_EAX;
	return reg - ZYDIS_REGISTER_RAX;
}

uint64_t emul_reg_read(const struct emul *e, ZydisRegister reg)
{
	bool high;
	uint64_t value = e->regs.gpr[emul_gpr_number(reg, &high)];

	if (high)
		return value >> 8 & 0xff;
	return value & size_mask(ZydisRegisterGetWidth(e->insn.machine_mode, reg) / 8);
}

/* 32-bit results clear the upper half, narrower ones leave it (SDM vol. 1, 3.4.1.1). */
void emul_gpr_write(struct emul *e, int gpr, unsigned int size, uint64_t value)
{
	__u64 *p = &e->regs.gpr[gpr];

	if (size >= 4)
		*p = value & size_mask(size);
	else
		*p = (*p & ~size_mask(size)) | (value & size_mask(size));
}

void emul_reg_write(struct emul *e, ZydisRegister reg, uint64_t value)
{
	bool high;
	int number = emul_gpr_number(reg, &high);
	__u64 *gpr = &e->regs.gpr[number];

	if (high)
		*gpr = (*gpr & ~0xff00ULL) | (value & 0xff) << 8;
	else
		emul_gpr_write(e, number, ZydisRegisterGetWidth(e->insn.machine_mode, reg) / 8,
			       value);
}

int emul_segment(ZydisRegister reg)
{
	switch (reg) {
	case ZYDIS_REGISTER_ES: return HOLM_SEG_ES;
	case ZYDIS_REGISTER_CS: return HOLM_SEG_CS;
	case ZYDIS_REGISTER_SS: return HOLM_SEG_SS;
	case ZYDIS_REGISTER_DS: return HOLM_SEG_DS;
	case ZYDIS_REGISTER_FS: return HOLM_SEG_FS;
	case ZYDIS_REGISTER_GS: return HOLM_SEG_GS;
	default: return -1;
	}
}

enum emul_step emul_operand_linear(struct emul *e, const ZydisDecodedOperand *op, int64_t offset,
				   unsigned int size, bool write, uint64_t *linear)
{
	int seg = emul_segment(op->mem.segment);
	uint64_t ea = offset;

	if (seg < 0)
		return EMUL_UNKNOWN;
	if (op->mem.disp.has_displacement)
		ea += op->mem.disp.value;
	/* An address that is computed but not accessed: LEA, multi-byte NOP. */
	if (op->mem.type != ZYDIS_MEMOP_TYPE_MEM)
		return EMUL_UNKNOWN;
	if (op->mem.base == ZYDIS_REGISTER_RIP || op->mem.base == ZYDIS_REGISTER_EIP)
		ea += e->regs.rip + e->insn.length;
	else if (emul_is_gpr(op->mem.base))
		ea += emul_reg_read(e, op->mem.base);
	if (emul_is_gpr(op->mem.index))
		ea += emul_reg_read(e, op->mem.index) * op->mem.scale;
	ea &= size_mask(e->insn.address_width / 8);
	return emul_linear(e, seg, ea, size, write, linear);
}

enum emul_step emul_operand_read(struct emul *e, const ZydisDecodedOperand *op, uint64_t *value)
{
	enum emul_step step;
	uint64_t linear;

	switch (op->type) {
	case ZYDIS_OPERAND_TYPE_REGISTER:
		if (emul_segment(op->reg.value) >= 0) {
			*value = e->sregs.seg[emul_segment(op->reg.value)].selector;
			return EMUL_OK;
		}
		if (!emul_is_gpr(op->reg.value))
			return EMUL_UNKNOWN;
		*value = emul_reg_read(e, op->reg.value);
		return EMUL_OK;
	case ZYDIS_OPERAND_TYPE_IMMEDIATE:
		*value = op->imm.value.u;
		return EMUL_OK;
	case ZYDIS_OPERAND_TYPE_MEMORY:
		if (op_size(op) > sizeof(*value))
			return EMUL_UNKNOWN;
		step = emul_operand_linear(e, op, 0, op_size(op), false, &linear);
		if (step)
			return step;
		*value = 0;
		return emul_read(e, linear, value, op_size(op));
	default:
		return EMUL_UNKNOWN;
	}
}

enum emul_step emul_operand_write(struct emul *e, const ZydisDecodedOperand *op, uint64_t value)
{
	enum emul_step step;
	uint64_t linear;

	switch (op->type) {
	case ZYDIS_OPERAND_TYPE_REGISTER:
		if (!emul_is_gpr(op->reg.value))
			return EMUL_UNKNOWN;
		emul_reg_write(e, op->reg.value, value);
		return EMUL_OK;
	case ZYDIS_OPERAND_TYPE_MEMORY:
		if (op_size(op) > sizeof(value))
			return EMUL_UNKNOWN;
		step = emul_operand_linear(e, op, 0, op_size(op), true, &linear);
		if (step)
			return step;
		return emul_write(e, linear, &value, op_size(op));
	default:
		return EMUL_UNKNOWN;
	}
}
