/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one kind of instruction that the driver decodes: a plain store to memory.
 * See store.c for why.
 */
#ifndef HOLM_X86_STORE_H
#define HOLM_X86_STORE_H

#include <linux/types.h>

#include "../../uapi/linux/holm.h"

/**
 * struct holm_store_ctx - what the meaning of an instruction depends on
 * @bits: the code segment's: 16, 32 or 64
 * @rip: where the instruction is
 * @gpr: 16 registers in their order in instructions
 * @seg: segments, HOLM_SEG_ES..HOLM_SEG_GS
 */
struct holm_store_ctx {
	unsigned int bits;
	u64 rip;
	const u64 *gpr;
	const struct holm_segment *seg;
};

/**
 * struct holm_store - a plain store
 * @linear: linear address of its first byte
 * @value: what is stored, zero-extended
 * @size: bytes stored: 1, 2, 4 or 8
 * @len: bytes of the instruction
 */
struct holm_store {
	u64 linear;
	u64 value;
	u8 size;
	u8 len;
};

#define HOLM_INSN_MAX	15	/* bytes of an instruction */

/**
 * holm_decode_store() - decode MOV of a register or an immediate to memory
 * @ctx: registers and mode
 * @insn: bytes at RIP
 * @n: how many there are, HOLM_INSN_MAX at most
 * @store: result
 *
 * Opcodes 88, 89, C6 /0 and C7 /0, with operand-size, address-size and segment
 * prefixes and REX.
 *
 * Return: 0, or -EINVAL for every other instruction and one that goes on
 * behind @n bytes.
 */
int holm_decode_store(const struct holm_store_ctx *ctx, const u8 *insn, unsigned int n,
		      struct holm_store *store);

#endif /* HOLM_X86_STORE_H */
