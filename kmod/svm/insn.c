// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the instruction that exited ends. CPUs with NRIPS say it; for the
 * others the few opcodes that exit are found behind their prefixes. Every
 * other instruction is the launcher's to decode.
 */
#include <asm/msr-index.h>

#include "../exits.h"
#include "../x86/x86.h"
#include "svm.h"

#define INSN_PARTS	(HOLM_ST_RIP | HOLM_ST_SEG | HOLM_ST_CR)

/* APM Vol. 3, 1.2.1 "Summary of Legacy Prefixes" */
static bool insn_is_prefix(u8 byte)
{
	switch (byte) {
	case 0x26: case 0x2e: case 0x36: case 0x3e:	/* ES CS SS DS */
	case 0x64: case 0x65:				/* FS GS */
	case 0x66: case 0x67:				/* operand, address size */
	case 0xf0: case 0xf2: case 0xf3:		/* LOCK REPNE REP */
		return true;
	default:
		return false;
	}
}

int svm_insn_fetch(struct holm_vcpu *vcpu, struct svm_insn *insn)
{
	int n;

	holm_state_get(vcpu, INSN_PARTS);
	n = holm_fetch_insn(vcpu, insn->bytes, sizeof(insn->bytes), true);
	if (n <= 0)
		return -EAGAIN;
	insn->len = n;
	insn->op = 0;
	insn->rex = 0;
	while (insn->op < n && insn_is_prefix(insn->bytes[insn->op]))
		insn->op++;
	if (insn->op < n && (insn->bytes[insn->op] & 0xf0) == 0x40 && holm_is_64bit(vcpu))
		insn->rex = insn->bytes[insn->op++];
	return insn->op < n ? 0 : -EAGAIN;
}

/* The opcode may be behind prefixes, anywhere in any mode. */
static noinline int svm_next_rip_decode(struct holm_vcpu *vcpu, u32 opcode, int len)
{
	struct svm_insn insn;
	int err;

	err = svm_insn_fetch(vcpu, &insn);
	if (err)
		return err;
	if (insn.len - insn.op < len)
		return -EAGAIN;
	if (memcmp(insn.bytes + insn.op, &opcode, len))
		return -EILSEQ;
	vcpu->next_rip = vcpu->regs.rip + insn.op + len;
	return 0;
}

int svm_next_rip(struct holm_vcpu *vcpu, u32 opcode, int len)
{
	const struct svm_vmcb *v = to_svm(vcpu)->vmcb;
	u32 bytes;

	if (svm_caps.nrips && v->next_rip) {
		vcpu->next_rip = v->next_rip;
		return 0;
	}
	/* Mostly it is 64-bit code without a prefix. */
	if (likely(v->efer & EFER_LMA && v->cs.attrib & SVM_SEG_L) &&
	    likely(!holm_fetch_exited(vcpu, v->cr3, v->rip, &bytes)) &&
	    likely(!((bytes ^ opcode) & GENMASK(8 * len - 1, 0)))) {
		vcpu->next_rip = v->rip + len;
		return 0;
	}
	return svm_next_rip_decode(vcpu, opcode, len);
}

static int slow_insn_wait(struct holm_vcpu *vcpu)
{
	u8 bytes[15];

	holm_state_get(vcpu, INSN_PARTS);
	if (holm_fetch_insn(vcpu, bytes, sizeof(bytes), false) > 0)
		return HOLM_NEXT_ENTER;
	return holm_exit_emulate(vcpu);
}

enum holm_next svm_insn_wait(struct holm_vcpu *vcpu)
{
	vcpu->slow = slow_insn_wait;
	return HOLM_NEXT_SLOW;
}
