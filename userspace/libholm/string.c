// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * String instructions. With REP an emulation does a bounded number of
 * iterations, so that the guest takes interrupts in between; RIP stays at the
 * instruction until RCX is used up or the condition ends it.
 */
#include "emul.h"

#define MAX_ITERATIONS	4096

enum string_kind { STR_MOVS, STR_STOS, STR_LODS, STR_CMPS, STR_SCAS, STR_INS, STR_OUTS };

static bool classify(ZydisMnemonic m, enum string_kind *kind, unsigned int *size)
{
	static const struct {
		ZydisMnemonic mnemonic;
		enum string_kind kind;
		unsigned int size;
	} rows[] = {
		{ ZYDIS_MNEMONIC_MOVSB, STR_MOVS, 1 }, { ZYDIS_MNEMONIC_MOVSW, STR_MOVS, 2 },
		{ ZYDIS_MNEMONIC_MOVSD, STR_MOVS, 4 }, { ZYDIS_MNEMONIC_MOVSQ, STR_MOVS, 8 },
		{ ZYDIS_MNEMONIC_STOSB, STR_STOS, 1 }, { ZYDIS_MNEMONIC_STOSW, STR_STOS, 2 },
		{ ZYDIS_MNEMONIC_STOSD, STR_STOS, 4 }, { ZYDIS_MNEMONIC_STOSQ, STR_STOS, 8 },
		{ ZYDIS_MNEMONIC_LODSB, STR_LODS, 1 }, { ZYDIS_MNEMONIC_LODSW, STR_LODS, 2 },
		{ ZYDIS_MNEMONIC_LODSD, STR_LODS, 4 }, { ZYDIS_MNEMONIC_LODSQ, STR_LODS, 8 },
		{ ZYDIS_MNEMONIC_CMPSB, STR_CMPS, 1 }, { ZYDIS_MNEMONIC_CMPSW, STR_CMPS, 2 },
		{ ZYDIS_MNEMONIC_CMPSD, STR_CMPS, 4 }, { ZYDIS_MNEMONIC_CMPSQ, STR_CMPS, 8 },
		{ ZYDIS_MNEMONIC_SCASB, STR_SCAS, 1 }, { ZYDIS_MNEMONIC_SCASW, STR_SCAS, 2 },
		{ ZYDIS_MNEMONIC_SCASD, STR_SCAS, 4 }, { ZYDIS_MNEMONIC_SCASQ, STR_SCAS, 8 },
		{ ZYDIS_MNEMONIC_INSB, STR_INS, 1 }, { ZYDIS_MNEMONIC_INSW, STR_INS, 2 },
		{ ZYDIS_MNEMONIC_INSD, STR_INS, 4 },
		{ ZYDIS_MNEMONIC_OUTSB, STR_OUTS, 1 }, { ZYDIS_MNEMONIC_OUTSW, STR_OUTS, 2 },
		{ ZYDIS_MNEMONIC_OUTSD, STR_OUTS, 4 },
	};
	unsigned int i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].mnemonic == m) {
			*kind = rows[i].kind;
			*size = rows[i].size;
			return true;
		}
	}
	return false;
}

/* MOVSD and CMPSD are also names of SSE2 instructions. */
static bool is_sse(const struct emul *e)
{
	return e->insn.meta.isa_set != ZYDIS_ISA_SET_I86 &&
	       e->insn.meta.isa_set != ZYDIS_ISA_SET_I186 &&
	       e->insn.meta.isa_set != ZYDIS_ISA_SET_I386 &&
	       e->insn.meta.isa_set != ZYDIS_ISA_SET_LONGMODE;
}

static uint64_t index_read(const struct emul *e, int gpr)
{
	return e->regs.gpr[gpr] & size_mask(e->insn.address_width / 8);
}

/* Index and count registers have the address size. */
static void index_write(struct emul *e, int gpr, uint64_t value)
{
	unsigned int size = e->insn.address_width / 8;

	if (size >= 4)
		e->regs.gpr[gpr] = value & size_mask(size);
	else
		e->regs.gpr[gpr] = (e->regs.gpr[gpr] & ~size_mask(size)) |
				   (value & size_mask(size));
}

static void advance(struct emul *e, int gpr, unsigned int size)
{
	int64_t step = e->regs.rflags & RFLAGS_DF ? -(int64_t)size : (int64_t)size;

	index_write(e, gpr, index_read(e, gpr) + step);
}

/* The source segment can be overridden, the destination is ES. */
static int source_segment(const struct emul *e)
{
	unsigned int i;

	for (i = 0; i < e->insn.operand_count; i++) {
		const ZydisDecodedOperand *op = &e->op[i];

		if (op->type == ZYDIS_OPERAND_TYPE_MEMORY &&
		    (op->mem.base == ZYDIS_REGISTER_RSI || op->mem.base == ZYDIS_REGISTER_ESI ||
		     op->mem.base == ZYDIS_REGISTER_SI))
			return emul_segment(op->mem.segment);
	}
	return HOLM_SEG_DS;
}

static enum emul_step read_source(struct emul *e, unsigned int size, uint64_t *value)
{
	enum emul_step step;
	uint64_t linear;

	step = emul_linear(e, source_segment(e), index_read(e, HOLM_RSI), size, false, &linear);
	if (step)
		return step;
	*value = 0;
	return emul_read(e, linear, value, size);
}

static enum emul_step dest_linear(struct emul *e, unsigned int size, bool write, uint64_t *linear)
{
	return emul_linear(e, HOLM_SEG_ES, index_read(e, HOLM_RDI), size, write, linear);
}

static enum emul_step read_dest(struct emul *e, unsigned int size, uint64_t *value)
{
	enum emul_step step;
	uint64_t linear;

	step = dest_linear(e, size, false, &linear);
	if (step)
		return step;
	*value = 0;
	return emul_read(e, linear, value, size);
}

static enum emul_step write_dest(struct emul *e, unsigned int size, uint64_t value)
{
	enum emul_step step;
	uint64_t linear;

	step = dest_linear(e, size, true, &linear);
	if (step)
		return step;
	return emul_write(e, linear, &value, size);
}

static void write_rax(struct emul *e, unsigned int size, uint64_t value)
{
	__u64 *rax = &e->regs.gpr[HOLM_RAX];

	if (size >= 4)
		*rax = value & size_mask(size);
	else
		*rax = (*rax & ~size_mask(size)) | (value & size_mask(size));
}

static enum emul_step do_ins(struct emul *e, unsigned int size)
{
	uint64_t linear, value;
	enum emul_step step;

	/* The destination is checked before the device is read. */
	step = dest_linear(e, size, true, &linear);
	if (!step)
		step = emul_check_write(e, linear, size);
	if (step)
		return step;
	value = e->ops->pio_read(e->opaque, e->regs.gpr[HOLM_RDX], size);
	return emul_write(e, linear, &value, size);
}

static enum emul_step one(struct emul *e, enum string_kind kind, unsigned int size)
{
	uint64_t a, b, rflags = e->regs.rflags;
	enum emul_step step;

	switch (kind) {
	case STR_MOVS:
		step = read_source(e, size, &a);
		if (!step)
			step = write_dest(e, size, a);
		break;
	case STR_STOS:
		step = write_dest(e, size, e->regs.gpr[HOLM_RAX]);
		break;
	case STR_LODS:
		step = read_source(e, size, &a);
		if (!step)
			write_rax(e, size, a);
		break;
	case STR_CMPS:
		step = read_source(e, size, &a);
		if (!step)
			step = read_dest(e, size, &b);
		if (!step)
			alu_do(ALU_SUB, size, a, b, &rflags);
		break;
	case STR_SCAS:
		step = read_dest(e, size, &b);
		if (!step)
			alu_do(ALU_SUB, size, e->regs.gpr[HOLM_RAX], b, &rflags);
		break;
	case STR_INS:
		step = do_ins(e, size);
		break;
	default:
		step = read_source(e, size, &a);
		if (!step)
			e->ops->pio_write(e->opaque, e->regs.gpr[HOLM_RDX], size, a);
		break;
	}
	if (step)
		return step;

	e->regs.rflags = rflags;
	if (kind != STR_STOS && kind != STR_SCAS && kind != STR_INS)
		advance(e, HOLM_RSI, size);
	if (kind != STR_LODS && kind != STR_OUTS)
		advance(e, HOLM_RDI, size);
	return EMUL_OK;
}

enum emul_step emul_string(struct emul *e)
{
	bool rep, compares, want_zf = false;
	enum string_kind kind;
	enum emul_step step;
	unsigned int size, n;

	if (!classify(e->insn.mnemonic, &kind, &size) || is_sse(e))
		return EMUL_UNKNOWN;
	compares = kind == STR_CMPS || kind == STR_SCAS;
	rep = e->insn.attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE |
				    ZYDIS_ATTRIB_HAS_REPNE);
	if (compares)
		want_zf = e->insn.attributes & ZYDIS_ATTRIB_HAS_REPE;
	if (!rep)
		return one(e, kind, size);

	for (n = 0; index_read(e, HOLM_RCX); n++) {
		if (n == MAX_ITERATIONS)
			return EMUL_AGAIN;
		step = one(e, kind, size);
		if (step) {
			/* What was done stays done; the fault is the next iteration's. */
			e->vcpu->run->regs = e->regs;
			return step;
		}
		index_write(e, HOLM_RCX, index_read(e, HOLM_RCX) - 1);
		if (compares && !!(e->regs.rflags & RFLAGS_ZF) != want_zf)
			break;
	}
	return EMUL_OK;
}
