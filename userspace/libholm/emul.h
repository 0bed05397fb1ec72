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
 *	wide.c		MUL, DIV, CMPXCHG8B, CMPXCHG16B
 *	stack.c		PUSH, POP and their kin, CALL, RET, JMP
 *	sse.c		moves of x87, SSE and AVX registers
 *	system.c	control registers, descriptor-table registers
 *	desc.c		segment registers, with the checks of descriptors
 *	task.c		holm_emulate_task_switch()
 *
 * Nothing reaches the run page until the whole instruction succeeded, except
 * for the iterations of a REP string instruction.
 */
#ifndef LIBHOLM_EMUL_H
#define LIBHOLM_EMUL_H

#include <Zydis/Zydis.h>

#include "libholm/libholm.h"

#define EMUL_MAX_INSN	15

/* How often a locked instruction loses against other vCPUs before the guest
 * is entered again, so that interrupts and the launcher's own stop are seen.
 */
#define EMUL_MAX_RETRIES	64

#define RFLAGS_CF	(1ULL << 0)
#define RFLAGS_PF	(1ULL << 2)
#define RFLAGS_AF	(1ULL << 4)
#define RFLAGS_ZF	(1ULL << 6)
#define RFLAGS_SF	(1ULL << 7)
#define RFLAGS_DF	(1ULL << 10)
#define RFLAGS_OF	(1ULL << 11)
#define RFLAGS_TF	(1ULL << 8)
#define RFLAGS_IF	(1ULL << 9)
#define RFLAGS_IOPL_SHIFT 12
#define RFLAGS_IOPL	(3ULL << RFLAGS_IOPL_SHIFT)
#define RFLAGS_NT	(1ULL << 14)
#define RFLAGS_RF	(1ULL << 16)
#define RFLAGS_VM	(1ULL << 17)
#define RFLAGS_AC	(1ULL << 18)
#define RFLAGS_ID	(1ULL << 21)
#define RFLAGS_STATUS	(RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

#define CR0_PE		(1ULL << 0)
#define CR0_MP		(1ULL << 1)
#define CR0_EM		(1ULL << 2)
#define CR0_TS		(1ULL << 3)
#define CR0_WP		(1ULL << 16)
#define CR0_AM		(1ULL << 18)
#define CR0_PG		(1ULL << 31)
#define CR4_PSE		(1ULL << 4)
#define CR4_PAE		(1ULL << 5)
#define CR4_OSFXSR	(1ULL << 9)
#define CR4_UMIP	(1ULL << 11)
#define CR4_LA57	(1ULL << 12)
#define CR4_PCIDE	(1ULL << 17)
#define CR4_OSXSAVE	(1ULL << 18)
#define CR4_SMEP	(1ULL << 20)
#define CR4_SMAP	(1ULL << 21)
#define EFER_LME	(1ULL << 8)
#define EFER_LMA	(1ULL << 10)
#define EFER_NXE	(1ULL << 11)

#define VEC_DE	0
#define VEC_DB	1
#define VEC_UD	6
#define VEC_NM	7
#define VEC_TS	10
#define VEC_NP	11
#define VEC_SS	12
#define VEC_GP	13
#define VEC_PF	14
#define VEC_AC	17

/* What the steps of an emulation return. */
enum emul_step {
	EMUL_OK = 0,
	EMUL_FAULT = 1,		/* e->exception is set */
	EMUL_UNKNOWN = 2,	/* not an instruction that is emulated */
	EMUL_AGAIN = 3,		/* REP: stop here, RIP stays */
	EMUL_RETRY = 4,		/* nothing was done: enter, the same exit comes back */
	EMUL_ERROR = 5,		/* e->state_err is set */
};

/**
 * struct emul_state_ops - the state blocks of a vCPU
 * @get: read a block; *@size in: room, out: bytes of the block
 * @set: write a block
 *
 * Both return 0 or a negative errno. A pointer, so that tests need no driver.
 */
struct emul_state_ops {
	int (*get)(const struct holm_vcpu_handle *vcpu, uint32_t type, void *data,
		   uint32_t *size);
	int (*set)(const struct holm_vcpu_handle *vcpu, uint32_t type, const void *data,
		   uint32_t size);
};

extern const struct emul_state_ops emul_driver_state;

/**
 * struct emul - one emulation
 * @vcpu, @ops, @opaque: as given to holm_emulate()
 * @state: state blocks
 * @regs: a copy of the registers, written back on success
 * @sregs: the system registers, as the exit gave them
 * @exception: with EMUL_FAULT
 * @insn, @op: decoded instruction
 * @bytes, @nbytes: its bytes
 * @cpl: current privilege level
 * @bits: 16, 32 or 64: mode of the code segment
 * @next_rip: where to continue
 * @retries: of locked instructions, so far
 * @state_err: with EMUL_ERROR: a state ioctl failed: negative errno
 */
struct emul {
	const struct holm_vcpu_handle *vcpu;
	const struct holm_emul_ops *ops;
	void *opaque;
	const struct emul_state_ops *state;
	struct holm_regs regs;
	struct holm_sregs sregs;
	struct holm_event exception;
	ZydisDecodedInstruction insn;
	ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
	uint8_t bytes[EMUL_MAX_INSN];
	unsigned int nbytes;
	unsigned int cpl;
	unsigned int bits;
	uint64_t next_rip;
	unsigned int retries;
	int state_err;
};

/* A row of a file's table: mnemonic, what does it, an argument for that. */
typedef enum emul_step (*emul_fn)(struct emul *e, unsigned int arg);

struct emul_row {
	ZydisMnemonic mnemonic;
	emul_fn fn;
	unsigned int arg;
};

/* EMUL_UNKNOWN when no row has the mnemonic. */
enum emul_step emul_dispatch(struct emul *e, const struct emul_row *rows, unsigned int nrows);

/* holm_emulate() and holm_emulate_task_switch() on other state blocks. */
int emul_instruction(const struct holm_vcpu_handle *vcpu, const struct holm_emul_ops *ops,
		     void *opaque, const struct emul_state_ops *state);
int emul_task_switch(const struct holm_vcpu_handle *vcpu, const struct holm_emul_ops *ops,
		     void *opaque, const struct emul_state_ops *state);

/* Real-address and virtual-8086 mode: segments without descriptors. */
static inline bool emul_real_mode(const struct emul *e)
{
	return !(e->sregs.cr0 & CR0_PE) || e->regs.rflags & RFLAGS_VM;
}

static inline bool emul_canonical(uint64_t addr)
{
	return (uint64_t)((int64_t)(addr << 16) >> 16) == addr;
}

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

/*
 * Would an access fault? Asked for all operands before a device is read: an
 * instruction that faults must not have taken a byte out of a FIFO.
 */
enum emul_step emul_check(struct emul *e, uint64_t linear, unsigned int size, bool write);

/**
 * emul_cmpxchg() - atomically replace @size bytes, as a locked instruction
 * @expected: what was read; updated when it changed meanwhile
 * @desired: what to write
 * @swapped: whether it was replaced. On device memory: a plain write
 *
 * Return: EMUL_RETRY when it was not replaced too often.
 */
enum emul_step emul_cmpxchg(struct emul *e, uint64_t linear, unsigned int size,
			    void *expected, const void *desired, bool *swapped);

/* The CPU's own accesses, as CPL 0, to descriptor tables and TSSs. */
enum emul_step emul_system_read(struct emul *e, uint64_t linear, void *buf, unsigned int size);
enum emul_step emul_system_write(struct emul *e, uint64_t linear, const void *buf,
				 unsigned int size);
/* Whether such an access of at most a page's size would fault. */
enum emul_step emul_system_check(struct emul *e, uint64_t linear, unsigned int size, bool write);

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

/* ---- groups of instructions ------------------------------------------------ */

/* Each one: EMUL_UNKNOWN when the instruction is not of its group. */
enum emul_step emul_string(struct emul *e);	/* string.c */
enum emul_step emul_wide(struct emul *e);	/* wide.c */
enum emul_step emul_stack(struct emul *e);	/* stack.c */
enum emul_step emul_sse(struct emul *e);	/* sse.c */
enum emul_step emul_system(struct emul *e);	/* system.c */

/* Set RAX, RDX, ... as a register of @size bytes. */
void emul_gpr_write(struct emul *e, int gpr, unsigned int size, uint64_t value);

/* ---- desc.c ---------------------------------------------------------------- */

/* What a descriptor load is for: it decides the checks and the vector. */
enum emul_load {
	LOAD_MOV,	/* MOV, POP: #GP, #NP, #SS */
	LOAD_TASK,	/* a task switch: #TS in place of #GP */
};

/**
 * emul_load_segment() - load a segment register (SDM vol. 3, 5.7; vol. 2, MOV)
 * @seg: HOLM_SEG_*; CS only with LOAD_TASK
 * @selector: new selector
 * @how: by which rules
 * @ext: bit 0 of error codes: an event from outside
 *
 * Changes e->sregs only on success, and the accessed bit in memory.
 */
enum emul_step emul_load_segment(struct emul *e, int seg, uint16_t selector, enum emul_load how,
				 bool ext);

/* LDTR, in protected mode. */
enum emul_step emul_load_ldtr(struct emul *e, uint16_t selector, enum emul_load how, bool ext);

/* Segment register of real-address and virtual-8086 mode. */
void emul_load_real_segment(struct emul *e, int seg, uint16_t selector);

/**
 * emul_read_descriptor() - 8 bytes of GDT or LDT
 * @selector: whose
 * @vector: raised with the selector when it is outside of the table
 * @ext: bit 0 of the error code
 * @raw: result
 * @linear: its address
 */
enum emul_step emul_read_descriptor(struct emul *e, uint16_t selector, uint8_t vector, bool ext,
				    uint64_t *raw, uint64_t *linear);

/* Hidden part of a segment register from its descriptor. */
struct holm_segment emul_descriptor_segment(uint16_t selector, uint64_t raw);

/* ---- system.c -------------------------------------------------------------- */

/* The system registers to the driver: #GP(0) for what it refuses. */
enum emul_step emul_set_sregs(struct emul *e, const struct holm_sregs *sregs);

#endif /* LIBHOLM_EMUL_H */
