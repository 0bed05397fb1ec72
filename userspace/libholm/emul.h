/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside of the instruction emulator.
 *
 *	emul.c		holm_emulate(): dispatch by mnemonic
 *	decode.c	instruction fetch, Zydis
 *	walk.c		the guest's page tables
 *	mem.c		segmentation, translation, RAM or device
 *	operand.c	operands as integers
 *	alu.c		results and flags, computed by the host's own instructions
 *	string.c	MOVS, STOS, LODS, CMPS, SCAS, INS, OUTS
 *
 * Nothing reaches the run page until the whole instruction succeeded, except
 * for the iterations of a REP string instruction.
 */
#ifndef LIBHOLM_EMUL_H
#define LIBHOLM_EMUL_H

#include <Zydis/Zydis.h>

#include "libholm/libholm.h"

#define EMUL_MAX_INSN	15

#define RFLAGS_CF	(1ULL << 0)
#define RFLAGS_PF	(1ULL << 2)
#define RFLAGS_AF	(1ULL << 4)
#define RFLAGS_ZF	(1ULL << 6)
#define RFLAGS_SF	(1ULL << 7)
#define RFLAGS_DF	(1ULL << 10)
#define RFLAGS_OF	(1ULL << 11)
#define RFLAGS_VM	(1ULL << 17)
#define RFLAGS_AC	(1ULL << 18)
#define RFLAGS_STATUS	(RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

#define CR0_PE		(1ULL << 0)
#define CR0_TS		(1ULL << 3)
#define CR0_WP		(1ULL << 16)
#define CR0_PG		(1ULL << 31)
#define CR4_PSE		(1ULL << 4)
#define CR4_PAE		(1ULL << 5)
#define CR4_SMEP	(1ULL << 20)
#define CR4_SMAP	(1ULL << 21)
#define EFER_LMA	(1ULL << 10)
#define EFER_NXE	(1ULL << 11)

#define VEC_DE	0
#define VEC_UD	6
#define VEC_SS	12
#define VEC_GP	13
#define VEC_PF	14

/* What the steps of an emulation return. */
enum emul_step {
	EMUL_OK = 0,
	EMUL_FAULT = 1,		/* e->exception is set */
	EMUL_UNKNOWN = 2,	/* not an instruction that is emulated */
	EMUL_AGAIN = 3,		/* REP: stop here, RIP stays */
};

/**
 * struct emul - one emulation
 * @vcpu, @ops, @opaque: as given to holm_emulate()
 * @regs: a copy of the registers, written back on success
 * @sregs: the system registers, as the exit gave them
 * @exception: with EMUL_FAULT
 * @insn, @op: decoded instruction
 * @bytes, @nbytes: its bytes
 * @cpl: current privilege level
 * @bits: 16, 32 or 64: mode of the code segment
 * @sregs_changed: sregs were changed and go back
 * @state_err: a state ioctl failed: negative errno
 */
struct emul {
	const struct holm_vcpu_handle *vcpu;
	const struct holm_emul_ops *ops;
	void *opaque;
	struct holm_regs regs;
	struct holm_sregs sregs;
	struct holm_event exception;
	ZydisDecodedInstruction insn;
	ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
	uint8_t bytes[EMUL_MAX_INSN];
	unsigned int nbytes;
	unsigned int cpl;
	unsigned int bits;
	bool sregs_changed;
	int state_err;
};

static inline uint64_t size_mask(unsigned int size)
{
	return size >= 8 ? ~0ULL : (1ULL << 8 * size) - 1;
}

/* ---- exceptions ------------------------------------------------------------ */

enum emul_step emul_raise(struct emul *e, uint8_t vector);
enum emul_step emul_raise_err(struct emul *e, uint8_t vector, uint32_t error_code);
enum emul_step emul_raise_pf(struct emul *e, uint64_t cr2, uint32_t error_code);

/* ---- decode.c -------------------------------------------------------------- */

/* The mode of the code segment, from the system registers. */
void emul_init_mode(struct emul *e);

/* Fetch (using the bytes of the exit when it has them) and decode. */
enum emul_step emul_decode(struct emul *e);

/* ---- mem.c ----------------------------------------------------------------- */

/**
 * emul_linear() - effective address to linear address, with the checks of
 *	segmentation (SDM vol. 3, 5.3 and 5.4)
 * @seg: HOLM_SEG_*
 * @ea: effective address, truncated to the address size
 * @size: bytes accessed
 * @write: kind of access
 */
enum emul_step emul_linear(struct emul *e, int seg, uint64_t ea, unsigned int size, bool write,
			   uint64_t *linear);

/* An access of up to 64 bytes at a linear address; RAM or device, bytes or all. */
enum emul_step emul_read(struct emul *e, uint64_t linear, void *buf, unsigned int size);
enum emul_step emul_write(struct emul *e, uint64_t linear, const void *buf, unsigned int size);

/* Both, on memory an instruction reads and writes: checks the write first. */
enum emul_step emul_check_write(struct emul *e, uint64_t linear, unsigned int size);

/**
 * emul_cmpxchg() - atomically replace @size bytes, as a locked instruction
 * @expected: what was read; updated when it changed meanwhile
 * @desired: what to write
 * @swapped: whether it was replaced. On device memory: a plain write
 */
enum emul_step emul_cmpxchg(struct emul *e, uint64_t linear, unsigned int size,
			    void *expected, const void *desired, bool *swapped);

/* ---- operand.c ------------------------------------------------------------- */

/* Number (0..15) of a general register, and whether it is AH, CH, DH or BH. */
int emul_gpr_number(ZydisRegister reg, bool *high);
bool emul_is_gpr(ZydisRegister reg);
uint64_t emul_reg_read(const struct emul *e, ZydisRegister reg);
void emul_reg_write(struct emul *e, ZydisRegister reg, uint64_t value);

/* HOLM_SEG_* of a segment register, or -1. */
int emul_segment(ZydisRegister reg);

/* Linear address of a memory operand (@offset is added to the displacement). */
enum emul_step emul_operand_linear(struct emul *e, const ZydisDecodedOperand *op, int64_t offset,
				   unsigned int size, bool write, uint64_t *linear);

/* An operand of up to 8 bytes: register, memory or immediate. */
enum emul_step emul_operand_read(struct emul *e, const ZydisDecodedOperand *op, uint64_t *value);
enum emul_step emul_operand_write(struct emul *e, const ZydisDecodedOperand *op, uint64_t value);

static inline unsigned int op_size(const ZydisDecodedOperand *op)
{
	return op->size / 8;
}

/* ---- alu.c ----------------------------------------------------------------- */

enum alu_op {
	ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_TEST,
	ALU_INC, ALU_DEC, ALU_NEG,
	ALU_ROL, ALU_ROR, ALU_RCL, ALU_RCR, ALU_SHL, ALU_SHR, ALU_SAR,
	ALU_BSF, ALU_BSR, ALU_TZCNT, ALU_LZCNT, ALU_POPCNT, ALU_IMUL,
};

/* @a op @b of @size bytes; @rflags in and out (status flags). */
uint64_t alu_do(enum alu_op op, unsigned int size, uint64_t a, uint64_t b, uint64_t *rflags);

/* SHLD, SHRD. */
uint64_t alu_double_shift(bool left, unsigned int size, uint64_t a, uint64_t b, unsigned int count,
			  uint64_t *rflags);

/* Condition @cc (0..15, as in the opcode) of @rflags. */
bool alu_condition(unsigned int cc, uint64_t rflags);

/* ---- string.c -------------------------------------------------------------- */

/* EMUL_UNKNOWN when the mnemonic is no string instruction. */
enum emul_step emul_string(struct emul *e);

#endif /* LIBHOLM_EMUL_H */
