// SPDX-License-Identifier: LGPL-2.1-or-later
/* Instruction fetch and decoding: see emul.h. */
#include <stdio.h>
#include <string.h>

#include "emul.h"

void emul_init_mode(struct emul *e)
{
	const struct holm_segment *cs = &e->sregs.seg[HOLM_SEG_CS];

	if (!(e->sregs.cr0 & CR0_PE)) {
		/* The D bit stays what it was until CS is loaded (9.9.2). */
		e->bits = cs->attrib & HOLM_SEG_DB ? 32 : 16;
		e->cpl = 0;
	} else if (e->regs.rflags & RFLAGS_VM) {
		e->bits = 16;
		e->cpl = 3;
	} else {
		e->bits = e->sregs.efer & EFER_LMA && cs->attrib & HOLM_SEG_L ? 64 :
			  cs->attrib & HOLM_SEG_DB ? 32 : 16;
		e->cpl = (e->sregs.seg[HOLM_SEG_SS].attrib & HOLM_SEG_DPL) >> HOLM_SEG_DPL_SHIFT;
	}
}

/* Bytes from RIP on, as many as can be fetched; the fault that stopped it. */
static enum emul_step fetch(struct emul *e)
{
	uint32_t flags = HOLM_TRANSLATE_FETCH | (e->cpl == 3 ? HOLM_TRANSLATE_USER : 0);
	uint64_t linear = e->regs.rip;
	uint32_t error_code = 0;
	uint64_t gpa = 0;

	if (e->bits != 64)
		linear = (uint32_t)(linear + e->sregs.seg[HOLM_SEG_CS].base);
	e->nbytes = 0;
	while (e->nbytes < EMUL_MAX_INSN) {
		uint64_t addr = linear + e->nbytes;
		unsigned int len = 0x1000 - (addr & 0xfff);

		if (len > EMUL_MAX_INSN - e->nbytes)
			len = EMUL_MAX_INSN - e->nbytes;
		if (e->bits != 64)
			addr = (uint32_t)addr;
		else if (!emul_canonical(addr))
			return emul_raise_err(e, VEC_GP, 0);
		if (holm_guest_translate(&e->sregs, e->regs.rflags, addr, flags, true, e->ops,
					 e->opaque, &gpa, &error_code))
			return emul_raise_pf(e, addr, error_code);
		if (!e->ops->read_phys(e->opaque, gpa, e->bytes + e->nbytes, len))
			return EMUL_UNKNOWN;	/* code in device memory */
		e->nbytes += len;
	}
	return EMUL_OK;
}

static ZyanStatus decode(struct emul *e)
{
	ZydisMachineMode mode = ZYDIS_MACHINE_MODE_LEGACY_32;
	ZydisStackWidth width = e->sregs.seg[HOLM_SEG_SS].attrib & HOLM_SEG_DB ?
				ZYDIS_STACK_WIDTH_32 : ZYDIS_STACK_WIDTH_16;
	ZydisDecoder decoder;

	if (e->bits == 64) {
		mode = ZYDIS_MACHINE_MODE_LONG_64;
		width = ZYDIS_STACK_WIDTH_64;
	} else if (e->bits == 16) {
		mode = emul_real_mode(e) ? ZYDIS_MACHINE_MODE_REAL_16 :
		       ZYDIS_MACHINE_MODE_LEGACY_16;
	}
	ZydisDecoderInit(&decoder, mode, width);
	return ZydisDecoderDecodeFull(&decoder, e->bytes, e->nbytes, &e->insn, e->op);
}

/* The whole instruction is within the limit of CS; where the next one is. */
static enum emul_step decoded(struct emul *e)
{
	uint64_t next = e->regs.rip + e->insn.length;

	e->next_rip = e->bits == 64 ? next : (uint32_t)next;
	if (e->bits != 64 && next - 1 > e->sregs.seg[HOLM_SEG_CS].limit)
		return emul_raise_err(e, VEC_GP, 0);
	return EMUL_OK;
}

enum emul_step emul_decode(struct emul *e)
{
	const struct holm_run *run = e->vcpu->run;
	enum emul_step step;
	ZyanStatus status;

	if (run->exit_reason == HOLM_EXIT_MMIO && run->mmio.insn_len) {
		e->nbytes = run->mmio.insn_len;
		if (e->nbytes > EMUL_MAX_INSN)
			e->nbytes = EMUL_MAX_INSN;
		memcpy(e->bytes, run->mmio.insn, e->nbytes);
		if (ZYAN_SUCCESS(decode(e)))
			return decoded(e);
		/* The CPU's bytes end at a page: fetch what is missing. */
	}

	step = fetch(e);
	if (e->nbytes) {
		status = decode(e);
		if (ZYAN_SUCCESS(status))
			return decoded(e);
		/* More than 15 bytes is #GP, not #UD (SDM vol. 3, 6.15, table 6-7). */
		if (status == ZYDIS_STATUS_INSTRUCTION_TOO_LONG ||
		    (status == ZYDIS_STATUS_NO_MORE_DATA && e->nbytes == EMUL_MAX_INSN))
			return emul_raise_err(e, VEC_GP, 0);
		if (status != ZYDIS_STATUS_NO_MORE_DATA)
			return emul_raise(e, VEC_UD);
	}
	return step;
}

void holm_emul_disassemble(const struct holm_vcpu_handle *vcpu, const struct holm_emul_ops *ops,
			   void *opaque, char *buf, size_t len)
{
	struct emul e = {
		.vcpu = vcpu, .ops = ops, .opaque = opaque,
		.regs = vcpu->run->regs, .sregs = vcpu->run->sregs,
	};
	ZydisFormatter formatter;

	emul_init_mode(&e);
	if (emul_decode(&e)) {
		snprintf(buf, len, "(bytes not readable)");
		return;
	}
	ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_INTEL);
	if (!ZYAN_SUCCESS(ZydisFormatterFormatInstruction(&formatter, &e.insn, e.op,
							  e.insn.operand_count_visible, buf, len,
							  e.regs.rip, NULL)))
		snprintf(buf, len, "(cannot be formatted)");
}
