// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * String instructions. With REP an emulation does a bounded number of
 * iterations, so that the guest takes interrupts in between; RIP stays at the
 * instruction until RCX is used up or the condition ends it. With RFLAGS.TF an
 * iteration is a step.
 */
#include "emul.h"

#define MAX_ITERATIONS	4096
#define TSS_IOPB	0x66

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

/*
 * The last of F2 and F3 counts. Where no condition is tested F2 repeats like F3
 * does, although the manuals only define F3 there.
 */
static uint8_t rep_prefix(const struct emul *e)
{
	uint8_t rep = 0;
	unsigned int i;

	for (i = 0; i < e->insn.raw.prefix_count; i++)
		if (e->insn.raw.prefixes[i].value == 0xf2 || e->insn.raw.prefixes[i].value == 0xf3)
			rep = e->insn.raw.prefixes[i].value;
	return rep;
}

static uint64_t index_read(const struct emul *e, int gpr)
{
	return e->regs.gpr[gpr] & size_mask(e->insn.address_width / 8);
}

/* Index and count registers have the address size. */
static void index_write(struct emul *e, int gpr, uint64_t value)
{
	emul_gpr_write(e, gpr, e->insn.address_width / 8, value);
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

static enum emul_step source_linear(struct emul *e, unsigned int size, uint64_t *linear)
{
	return emul_linear(e, source_segment(e), index_read(e, HOLM_RSI), size, false, linear);
}

static enum emul_step read_source(struct emul *e, unsigned int size, uint64_t *value)
{
	enum emul_step step;
	uint64_t linear;

	step = source_linear(e, size, &linear);
	if (step)
		return step;
	*value = 0;
	return emul_read(e, linear, value, size);
}

static enum emul_step dest_linear(struct emul *e, unsigned int size, bool write, uint64_t *linear)
{
	return emul_linear(e, HOLM_SEG_ES, index_read(e, HOLM_RDI), size, write, linear);
}

/* The other operand of MOVS and CMPS, before the source is read. */
static enum emul_step check_both(struct emul *e, unsigned int size, bool write)
{
	enum emul_step step;
	uint64_t linear;

	step = source_linear(e, size, &linear);
	if (!step)
		step = emul_check(e, linear, size, false);
	if (!step)
		step = dest_linear(e, size, write, &linear);
	if (!step)
		step = emul_check(e, linear, size, write);
	return step;
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

/*
 * May this code access the port: IOPL, then the bitmap of the TSS (SDM vol. 1,
 * 19.5.2). The CPU has checked that; but memory, and with it the instruction,
 * may have changed since.
 */
static enum emul_step check_io(struct emul *e, uint16_t port, unsigned int size)
{
	const struct holm_segment *tr = &e->sregs.seg[HOLM_SEG_TR];
	unsigned int iopl = e->regs.rflags >> RFLAGS_IOPL_SHIFT & 3, offset;
	uint16_t base, bits = 0;
	enum emul_step step;

	if (!(e->sregs.cr0 & CR0_PE) || (!(e->regs.rflags & RFLAGS_VM) && e->cpl <= iopl))
		return EMUL_OK;
	/* A 16-bit TSS has no bitmap; its offset is at 66H of the others. */
	if (!(tr->attrib & 0x8) || tr->limit < TSS_IOPB + 1)
		return emul_raise_err(e, VEC_GP, 0);
	step = emul_system_read(e, tr->base + TSS_IOPB, &base, sizeof(base));
	if (step)
		return step;
	/* Two bytes are read always: a port's bits may reach into the next. */
	offset = base + port / 8U;
	if (offset + 1 > tr->limit)
		return emul_raise_err(e, VEC_GP, 0);
	step = emul_system_read(e, tr->base + offset, &bits, sizeof(bits));
	if (step)
		return step;
	if (bits >> (port & 7) & ((1U << size) - 1))
		return emul_raise_err(e, VEC_GP, 0);
	return EMUL_OK;
}

static enum emul_step do_ins(struct emul *e, unsigned int size)
{
	uint64_t linear, value;
	enum emul_step step;

	/* The destination is checked before the device is read. */
	step = dest_linear(e, size, true, &linear);
	if (!step)
		step = emul_check(e, linear, size, true);
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
		step = check_both(e, size, true);
		if (!step)
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
			emul_gpr_write(e, HOLM_RAX, size, a);
		break;
	case STR_CMPS:
		step = check_both(e, size, false);
		if (!step)
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
	bool compares, want_zf;
	enum string_kind kind;
	uint8_t rep;
	enum emul_step step;
	unsigned int size, n;

	if (!classify(e->insn.mnemonic, &kind, &size) || is_sse(e))
		return EMUL_UNKNOWN;
	compares = kind == STR_CMPS || kind == STR_SCAS;
	rep = rep_prefix(e);
	want_zf = rep == 0xf3;
	if (kind == STR_INS || kind == STR_OUTS) {
		step = check_io(e, e->regs.gpr[HOLM_RDX], size);
		if (step)
			return step;
	}
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
		/* Each iteration traps (SDM vol. 3, 18.3.1.4), the last one behind it. */
		if (e->regs.rflags & RFLAGS_TF && index_read(e, HOLM_RCX)) {
			e->next_rip = e->regs.rip;
			break;
		}
	}
	return EMUL_OK;
}
