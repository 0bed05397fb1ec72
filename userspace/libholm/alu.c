// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Integer results and flags: the host's CPU computes them, with the guest's
 * flags loaded before and read back after. What the manuals leave undefined is
 * thus what this CPU does.
 */
#include "emul.h"

/* Runs @insn with @f in RFLAGS. The red zone below RSP is stepped over. */
#define WITH_FLAGS(insn) \
	"lea -128(%%rsp), %%rsp\n\tpush %[f]\n\tpopfq\n\t" insn \
	"\n\tpushfq\n\tpop %[f]\n\tlea 128(%%rsp), %%rsp"

#define BINARY(insn, type, a, b, f)						\
	do {									\
		type x = (a);							\
										\
		asm volatile(WITH_FLAGS(insn " %[b], %[a]")			\
			     : [a] "+r" (x), [f] "+r" (f)			\
			     : [b] "r" ((type)(b)) : "cc", "memory");		\
		(a) = x;							\
	} while (0)

#define UNARY(insn, type, a, f)							\
	do {									\
		type x = (a);							\
										\
		asm volatile(WITH_FLAGS(insn " %[a]")				\
			     : [a] "+r" (x), [f] "+r" (f) : : "cc", "memory");	\
		(a) = x;							\
	} while (0)

#define SHIFT(insn, type, a, count, f)						\
	do {									\
		type x = (a);							\
										\
		asm volatile(WITH_FLAGS(insn " %%cl, %[a]")			\
			     : [a] "+r" (x), [f] "+r" (f)			\
			     : "c" ((uint8_t)(count)) : "cc", "memory");	\
		(a) = x;							\
	} while (0)

/* One operation in the four operand sizes; the suffix is the type's. */
#define BY_SIZE(M, ...)						\
	do {							\
		switch (size) {					\
		case 1: \
			M(uint8_t, __VA_ARGS__); \
			break; \
		case 2: \
			M(uint16_t, __VA_ARGS__); \
			break; \
		case 4: \
			M(uint32_t, __VA_ARGS__); \
			break; \
		default: \
			M(uint64_t, __VA_ARGS__); \
			break; \
		}						\
	} while (0)

#define DO_BINARY(type, insn)	BINARY(insn, type, a, b, f)
#define DO_UNARY(type, insn)	UNARY(insn, type, a, f)
#define DO_SHIFT(type, insn)	SHIFT(insn, type, a, b, f)

/* Bit scans and IMUL have no 8-bit form. */
#define BY_WIDE_SIZE(insn)					\
	do {							\
		switch (size) {					\
		case 2: \
			BINARY(insn, uint16_t, a, b, f); \
			break; \
		case 4: \
			BINARY(insn, uint32_t, a, b, f); \
			break; \
		default: \
			BINARY(insn, uint64_t, a, b, f); \
			break; \
		}						\
	} while (0)

static uint64_t merge_flags(uint64_t before, uint64_t after)
{
	return (before & ~RFLAGS_STATUS) | (after & RFLAGS_STATUS);
}

uint64_t alu_do(enum alu_op op, unsigned int size, uint64_t a, uint64_t b, uint64_t *rflags)
{
	uint64_t f = *rflags & RFLAGS_STATUS, keep = a;

	switch (op) {
	case ALU_ADD:
		BY_SIZE(DO_BINARY, "add");
		break;
	case ALU_OR:
		BY_SIZE(DO_BINARY, "or");
		break;
	case ALU_ADC:
		BY_SIZE(DO_BINARY, "adc");
		break;
	case ALU_SBB:
		BY_SIZE(DO_BINARY, "sbb");
		break;
	case ALU_AND:
		BY_SIZE(DO_BINARY, "and");
		break;
	case ALU_SUB:
		BY_SIZE(DO_BINARY, "sub");
		break;
	case ALU_XOR:
		BY_SIZE(DO_BINARY, "xor");
		break;
	case ALU_TEST:
		BY_SIZE(DO_BINARY, "test");
		a = keep;
		break;
	case ALU_INC:
		BY_SIZE(DO_UNARY, "inc");
		break;
	case ALU_DEC:
		BY_SIZE(DO_UNARY, "dec");
		break;
	case ALU_NEG:
		BY_SIZE(DO_UNARY, "neg");
		break;
	case ALU_ROL:
		BY_SIZE(DO_SHIFT, "rol");
		break;
	case ALU_ROR:
		BY_SIZE(DO_SHIFT, "ror");
		break;
	case ALU_RCL:
		BY_SIZE(DO_SHIFT, "rcl");
		break;
	case ALU_RCR:
		BY_SIZE(DO_SHIFT, "rcr");
		break;
	case ALU_SHL:
		BY_SIZE(DO_SHIFT, "shl");
		break;
	case ALU_SHR:
		BY_SIZE(DO_SHIFT, "shr");
		break;
	case ALU_SAR:
		BY_SIZE(DO_SHIFT, "sar");
		break;
	case ALU_BSF:
		BY_WIDE_SIZE("bsf");
		break;
	case ALU_BSR:
		BY_WIDE_SIZE("bsr");
		break;
	case ALU_TZCNT:
		BY_WIDE_SIZE("tzcnt");
		break;
	case ALU_LZCNT:
		BY_WIDE_SIZE("lzcnt");
		break;
	case ALU_POPCNT:
		BY_WIDE_SIZE("popcnt");
		break;
	case ALU_IMUL:
		BY_WIDE_SIZE("imul");
		break;
	}
	*rflags = merge_flags(*rflags, f);
	return a & size_mask(size);
}

#define DOUBLE_SHIFT(insn, type)						\
	do {									\
		type x = a;							\
										\
		asm volatile(WITH_FLAGS(insn " %%cl, %[b], %[a]")		\
			     : [a] "+r" (x), [f] "+r" (f)			\
			     : [b] "r" ((type)b), "c" ((uint8_t)count)		\
			     : "cc", "memory");					\
		a = x;								\
	} while (0)

uint64_t alu_double_shift(bool left, unsigned int size, uint64_t a, uint64_t b, unsigned int count,
			  uint64_t *rflags)
{
	uint64_t f = *rflags & RFLAGS_STATUS;

	switch (size) {
	case 2:
		if (left)
			DOUBLE_SHIFT("shld", uint16_t);
		else
			DOUBLE_SHIFT("shrd", uint16_t);
		break;
	case 4:
		if (left)
			DOUBLE_SHIFT("shld", uint32_t);
		else
			DOUBLE_SHIFT("shrd", uint32_t);
		break;
	default:
		if (left)
			DOUBLE_SHIFT("shld", uint64_t);
		else
			DOUBLE_SHIFT("shrd", uint64_t);
		break;
	}
	*rflags = merge_flags(*rflags, f);
	return a & size_mask(size);
}

bool alu_condition(unsigned int cc, uint64_t rflags)
{
	bool cf = rflags & RFLAGS_CF, zf = rflags & RFLAGS_ZF, sf = rflags & RFLAGS_SF;
	bool of = rflags & RFLAGS_OF, pf = rflags & RFLAGS_PF, result;

	switch (cc >> 1) {
	case 0:
		result = of;
		break;
	case 1:
		result = cf;
		break;
	case 2:
		result = zf;
		break;
	case 3:
		result = cf || zf;
		break;
	case 4:
		result = sf;
		break;
	case 5:
		result = pf;
		break;
	case 6:
		result = sf != of;
		break;
	default:
		result = zf || sf != of;
		break;
	}
	return cc & 1 ? !result : result;
}
