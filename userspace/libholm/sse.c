// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Moves between memory and MMX, XMM, YMM or ZMM registers, through the vCPU's
 * xstate block: an XSAVE area in the standard format (SDM vol. 1, 13.4).
 */
#include <cpuid.h>
#include <errno.h>
#include <string.h>

#include "emul.h"

#define AREA_FSW	2
#define AREA_FTW	4
#define AREA_ST		32	/* 16 bytes each */
#define AREA_XMM	160
#define AREA_XSTATE_BV	512
#define AREA_YMM	576	/* upper halves, the standard format's offset */
#define AREA_MIN	576

#define XCR0_X87	(1ULL << 0)
#define XCR0_SSE	(1ULL << 1)
#define XCR0_AVX	(1ULL << 2)
#define XCR0_AVX512	(7ULL << 5)
#define COMPONENT_ZMM_HI256 6	/* bits 256 up of ZMM0..15 */
#define COMPONENT_HI16_ZMM 7	/* ZMM16..31 */
#define CPUID_XSTATE	0xd

#define VECTOR_MAX	64	/* bytes of a register */

#define FSW_TOP		0x3800

/* Larger than any area of a CPU that a guest is shown: the driver's is 2.7 kB. */
#define BLOCK_MAX	8192

enum move {
	MOVE_PLAIN,	/* all of the operand; what it does not fill is cleared */
	MOVE_ALIGNED,	/* the same, #GP when the address is not aligned */
	MOVE_LOW,	/* the low 8 of 16 bytes, the others stay */
	MOVE_HIGH,	/* the high 8 of 16 bytes */
	MOVE_DUP64,	/* the low 8 bytes twice: MOVDDUP */
};

struct xstate_buf {
	struct holm_xstate head;
	uint8_t area[BLOCK_MAX];
	uint32_t size;		/* of the block */
};

static bool is_vex(const struct emul *e)
{
	return e->insn.encoding == ZYDIS_INSTRUCTION_ENCODING_VEX;
}

static bool is_evex(const struct emul *e)
{
	return e->insn.encoding == ZYDIS_INSTRUCTION_ENCODING_EVEX;
}

static enum emul_step state_error(struct emul *e, int err)
{
	e->state_err = err;
	return EMUL_ERROR;
}

static enum emul_step load_area(struct emul *e, struct xstate_buf *x)
{
	int err;

	memset(x, 0, sizeof(*x));
	x->size = sizeof(x->head) + sizeof(x->area);
	err = e->state->get(e->vcpu, HOLM_STATE_XSTATE, x, &x->size);
	if (err)
		return state_error(e, err);
	if (x->size < sizeof(x->head) + AREA_MIN || x->size > sizeof(x->head) + sizeof(x->area))
		return state_error(e, -EPROTO);
	return EMUL_OK;
}

static enum emul_step store_area(struct emul *e, const struct xstate_buf *x)
{
	int err = e->state->set(e->vcpu, HOLM_STATE_XSTATE, x, x->size);

	return err ? state_error(e, err) : EMUL_OK;
}

/* What the CPU checks before the operand: SDM vol. 2, 2.4 and 2.6, "Exceptions". */
static enum emul_step check_enabled(struct emul *e, const struct xstate_buf *x, bool mmx)
{
	uint64_t avx = XCR0_SSE | XCR0_AVX | (is_evex(e) ? XCR0_AVX512 : 0);

	if (is_vex(e) || is_evex(e)) {
		if (emul_real_mode(e) || !(e->sregs.cr4 & CR4_OSXSAVE) ||
		    (x->head.xcr0 & avx) != avx || x->size < sizeof(x->head) + AREA_YMM + 256)
			return emul_raise(e, VEC_UD);
	} else if (e->sregs.cr0 & CR0_EM || (!mmx && !(e->sregs.cr4 & CR4_OSFXSR))) {
		return emul_raise(e, VEC_UD);
	}
	if (e->sregs.cr0 & CR0_TS)
		return emul_raise(e, VEC_NM);
	return EMUL_OK;
}

/* ---- registers ------------------------------------------------------------- */

static bool is_mmx(ZydisRegister reg)
{
	return ZydisRegisterGetClass(reg) == ZYDIS_REGCLASS_MMX;
}

/* Bit in XSTATE_BV: the component is no longer in its initial configuration. */
static void set_in_use(struct xstate_buf *x, uint64_t component)
{
	uint64_t bv;

	memcpy(&bv, x->area + AREA_XSTATE_BV, sizeof(bv));
	bv |= component;
	memcpy(x->area + AREA_XSTATE_BV, &bv, sizeof(bv));
}

/* A write of an MMX register makes all of them valid (SDM vol. 1, 9.5.1). */
static void mmx_touched(struct xstate_buf *x)
{
	uint16_t fsw;

	memcpy(&fsw, x->area + AREA_FSW, sizeof(fsw));
	fsw &= ~FSW_TOP;
	memcpy(x->area + AREA_FSW, &fsw, sizeof(fsw));
	x->area[AREA_FTW] = 0xff;
	set_in_use(x, XCR0_X87);
}

/*
 * @size bytes of each of 16 registers, of component @n; NULL when the area has
 * no such component. Offsets are the host's.
 */
static uint8_t *component(const struct xstate_buf *x, unsigned int n, unsigned int size)
{
	uint32_t eax, offset, ecx, edx;

	__cpuid_count(CPUID_XSTATE, n, eax, offset, ecx, edx);
	if (eax < 16 * size || offset < AREA_MIN ||
	    sizeof(x->head) + offset + 16 * size > x->size)
		return NULL;
	return (uint8_t *)(uintptr_t)x->area + offset;
}

/* Bits 256 up of a ZMM register, which every VEX instruction clears. */
static void clear_zmm_high(struct xstate_buf *x, unsigned int n)
{
	uint8_t *high;
	uint64_t bv;

	memcpy(&bv, x->area + AREA_XSTATE_BV, sizeof(bv));
	if (!(bv & 1ULL << COMPONENT_ZMM_HI256))
		return;
	high = component(x, COMPONENT_ZMM_HI256, 32);
	if (high)
		memset(high + 32 * n, 0, 32);
}

/* All of a register; only the low bytes exist of MMX, XMM and YMM. */
static bool vector_read(const struct xstate_buf *x, ZydisRegister reg, uint8_t value[VECTOR_MAX])
{
	unsigned int n = ZydisRegisterGetId(reg);
	ZydisRegisterClass class = ZydisRegisterGetClass(reg);
	const uint8_t *high;

	memset(value, 0, VECTOR_MAX);
	if (class == ZYDIS_REGCLASS_MMX) {
		memcpy(value, x->area + AREA_ST + 16 * (n & 7), 8);
		return true;
	}
	if (n > 31 || (class != ZYDIS_REGCLASS_XMM && class != ZYDIS_REGCLASS_YMM &&
		       class != ZYDIS_REGCLASS_ZMM))
		return false;
	if (n > 15) {
		high = component(x, COMPONENT_HI16_ZMM, VECTOR_MAX);
		if (high)
			memcpy(value, high + VECTOR_MAX * (n - 16), VECTOR_MAX);
		return high;
	}
	memcpy(value, x->area + AREA_XMM + 16 * n, 16);
	if (class == ZYDIS_REGCLASS_XMM)
		return true;
	memcpy(value + 16, x->area + AREA_YMM + 16 * n, 16);
	if (class == ZYDIS_REGCLASS_YMM)
		return true;
	high = component(x, COMPONENT_ZMM_HI256, 32);
	if (high)
		memcpy(value + 32, high + 32 * n, 32);
	return high;
}

/* An EVEX instruction writes all of the register, with zeros above its operand. */
static bool write_zmm(struct xstate_buf *x, unsigned int n, const uint8_t value[VECTOR_MAX])
{
	uint8_t *high;

	if (n > 15) {
		high = component(x, COMPONENT_HI16_ZMM, VECTOR_MAX);
		if (!high)
			return false;
		memcpy(high + VECTOR_MAX * (n - 16), value, VECTOR_MAX);
		set_in_use(x, 1ULL << COMPONENT_HI16_ZMM);
		return true;
	}
	high = component(x, COMPONENT_ZMM_HI256, 32);
	if (!high)
		return false;
	memcpy(x->area + AREA_XMM + 16 * n, value, 16);
	memcpy(x->area + AREA_YMM + 16 * n, value + 16, 16);
	memcpy(high + 32 * n, value + 32, 32);
	set_in_use(x, XCR0_SSE | XCR0_AVX | 1ULL << COMPONENT_ZMM_HI256);
	return true;
}

static bool vector_write(const struct emul *e, struct xstate_buf *x, ZydisRegister reg,
			 const uint8_t value[VECTOR_MAX])
{
	unsigned int n = ZydisRegisterGetId(reg);

	if (is_mmx(reg)) {
		memcpy(x->area + AREA_ST + 16 * (n & 7), value, 8);
		memset(x->area + AREA_ST + 16 * (n & 7) + 8, 0xff, 2);
		mmx_touched(x);
		return true;
	}
	if (is_evex(e))
		return n <= 31 && write_zmm(x, n, value);
	if (n > 15 || (ZydisRegisterGetClass(reg) != ZYDIS_REGCLASS_XMM &&
		       ZydisRegisterGetClass(reg) != ZYDIS_REGCLASS_YMM))
		return false;
	memcpy(x->area + AREA_XMM + 16 * n, value, 16);
	set_in_use(x, XCR0_SSE);
	if (is_vex(e)) {
		memcpy(x->area + AREA_YMM + 16 * n, value + 16, 16);
		set_in_use(x, XCR0_AVX);
		clear_zmm_high(x, n);
	}
	return true;
}

/* ---- moves ----------------------------------------------------------------- */

static enum emul_step operand_address(struct emul *e, const ZydisDecodedOperand *op, bool aligned,
				      bool write, uint64_t *linear)
{
	unsigned int size = op_size(op);
	enum emul_step step = emul_operand_linear(e, op, 0, size, write, linear);

	if (!step && aligned && *linear & (size - 1))
		step = emul_raise_err(e, VEC_GP, 0);
	return step;
}

static enum emul_step load(struct emul *e, struct xstate_buf *x, enum move how)
{
	const ZydisDecodedOperand *op = &e->op[e->insn.operand_count_visible - 1];
	uint8_t value[VECTOR_MAX], from[VECTOR_MAX] = { 0 };
	unsigned int size = op_size(op);
	enum emul_step step;
	uint64_t linear;

	if (!size || size > sizeof(from) || (how >= MOVE_LOW && size != 8))
		return EMUL_UNKNOWN;
	step = operand_address(e, op, how == MOVE_ALIGNED, false, &linear);
	if (!step)
		step = emul_read(e, linear, from, size);
	if (step)
		return step;
	/* With three operands the other half comes from the second one. */
	if (!vector_read(x, e->op[e->insn.operand_count_visible - 2].reg.value, value))
		return EMUL_UNKNOWN;
	switch (how) {
	case MOVE_LOW:
		memcpy(value, from, 8);
		break;
	case MOVE_HIGH:
		memcpy(value + 8, from, 8);
		break;
	case MOVE_DUP64:
		memcpy(value, from, 8);
		memcpy(value + 8, from, 8);
		break;
	default:
		memcpy(value, from, sizeof(value));
		break;
	}
	if (how >= MOVE_LOW)
		memset(value + 16, 0, sizeof(value) - 16);
	if (!vector_write(e, x, e->op[0].reg.value, value))
		return EMUL_UNKNOWN;
	return store_area(e, x);
}

static enum emul_step store(struct emul *e, struct xstate_buf *x, enum move how)
{
	const ZydisDecodedOperand *op = &e->op[0];
	unsigned int size = op_size(op);
	enum emul_step step;
	uint8_t value[VECTOR_MAX];
	uint64_t linear;

	if (!size || size > sizeof(value) || how == MOVE_DUP64 ||
	    e->op[1].type != ZYDIS_OPERAND_TYPE_REGISTER ||
	    !vector_read(x, e->op[1].reg.value, value))
		return EMUL_UNKNOWN;
	step = operand_address(e, op, how == MOVE_ALIGNED, true, &linear);
	if (!step)
		step = emul_write(e, linear, value + (how == MOVE_HIGH ? 8 : 0), size);
	/* Reading an MMX register makes them all valid, too. */
	if (!step && is_mmx(e->op[1].reg.value)) {
		mmx_touched(x);
		step = store_area(e, x);
	}
	return step;
}

/*
 * An EVEX instruction as if it was VEX's: without a mask, which stands as the
 * second operand. Partial moves and such of masked elements are not done.
 */
static bool drop_mask(struct emul *e, unsigned int how)
{
	if (e->insn.avx.mask.mode > ZYDIS_MASK_MODE_DISABLED ||
	    (how != MOVE_PLAIN && how != MOVE_ALIGNED))
		return false;
	if (e->insn.operand_count_visible == 3 &&
	    ZydisRegisterGetClass(e->op[1].reg.value) == ZYDIS_REGCLASS_MASK) {
		e->op[1] = e->op[2];
		e->insn.operand_count_visible = 2;
	}
	return e->insn.operand_count_visible == 2;
}

static enum emul_step do_move(struct emul *e, unsigned int how)
{
	unsigned int n;
	struct xstate_buf x;
	enum emul_step step;
	bool is_load, mmx;

	if (e->insn.encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY && !is_vex(e) &&
	    !(is_evex(e) && drop_mask(e, how)))
		return EMUL_UNKNOWN;
	n = e->insn.operand_count_visible;
	if (n < 2)
		return EMUL_UNKNOWN;
	/* Register to register has no memory. */
	is_load = e->op[n - 1].type == ZYDIS_OPERAND_TYPE_MEMORY;
	if (!is_load && e->op[0].type != ZYDIS_OPERAND_TYPE_MEMORY)
		return EMUL_UNKNOWN;
	if (e->op[is_load ? 0 : 1].type != ZYDIS_OPERAND_TYPE_REGISTER)
		return EMUL_UNKNOWN;
	mmx = is_mmx(e->op[is_load ? 0 : 1].reg.value);

	step = load_area(e, &x);
	if (!step)
		step = check_enabled(e, &x, mmx);
	if (step)
		return step;
	return is_load ? load(e, &x, how) : store(e, &x, how);
}

/* The legacy mnemonic and its VEX form. */
#define BOTH(name, how)							\
	{ ZYDIS_MNEMONIC_##name, do_move, how },			\
	{ ZYDIS_MNEMONIC_V##name, do_move, how }

static const struct emul_row rows[] = {
	BOTH(MOVD, MOVE_PLAIN),
	BOTH(MOVQ, MOVE_PLAIN),
	BOTH(MOVSS, MOVE_PLAIN),
	BOTH(MOVSD, MOVE_PLAIN),
	BOTH(MOVUPS, MOVE_PLAIN),
	BOTH(MOVUPD, MOVE_PLAIN),
	BOTH(MOVDQU, MOVE_PLAIN),
	BOTH(LDDQU, MOVE_PLAIN),
	BOTH(MOVAPS, MOVE_ALIGNED),
	BOTH(MOVAPD, MOVE_ALIGNED),
	BOTH(MOVDQA, MOVE_ALIGNED),
	BOTH(MOVNTDQ, MOVE_ALIGNED),
	BOTH(MOVNTDQA, MOVE_ALIGNED),
	BOTH(MOVNTPS, MOVE_ALIGNED),
	BOTH(MOVNTPD, MOVE_ALIGNED),
	BOTH(MOVLPS, MOVE_LOW),
	BOTH(MOVLPD, MOVE_LOW),
	BOTH(MOVHPS, MOVE_HIGH),
	BOTH(MOVHPD, MOVE_HIGH),
	{ ZYDIS_MNEMONIC_MOVDDUP, do_move, MOVE_DUP64 },
	{ ZYDIS_MNEMONIC_MOVNTQ, do_move, MOVE_PLAIN },
	{ ZYDIS_MNEMONIC_VMOVDQU8, do_move, MOVE_PLAIN },
	{ ZYDIS_MNEMONIC_VMOVDQU16, do_move, MOVE_PLAIN },
	{ ZYDIS_MNEMONIC_VMOVDQU32, do_move, MOVE_PLAIN },
	{ ZYDIS_MNEMONIC_VMOVDQU64, do_move, MOVE_PLAIN },
	{ ZYDIS_MNEMONIC_VMOVDQA32, do_move, MOVE_ALIGNED },
	{ ZYDIS_MNEMONIC_VMOVDQA64, do_move, MOVE_ALIGNED },
};

enum emul_step emul_sse(struct emul *e)
{
	return emul_dispatch(e, rows, sizeof(rows) / sizeof(rows[0]));
}
