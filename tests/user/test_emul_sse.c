// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Moves of MMX, XMM and YMM registers to and from a device. Each row is run
 * natively, too, on a buffer: registers and memory must be the same.
 */
#include <cpuid.h>
#include <sys/mman.h>

#include "emul_rig.h"

#define AREA_XMM	160
#define AREA_ST		32
#define AREA_BV		512
#define AREA_YMM	576
#define OFFSET		64	/* of the operand in the device and in the buffer */
#define BUFFER		256

#define NEED_AVX	1

struct form {
	const char *text;
	const uint8_t *code;
	uint64_t len, need, accesses;
};

extern const struct form sse_begin[], sse_end[];

/* The operand is at (%rdi), registers are 1, 2 and 11; device accesses follow. */
#define FORM(text, need, accesses)					\
	".pushsection .data.sse_forms,\"aw\"\n"				\
	".quad 771f, 772f, 773f - 772f, " #need ", " #accesses "\n"	\
	".popsection\n"							\
	".pushsection .rodata.sse_text,\"a\"\n"				\
	"771: .asciz \"" text "\"\n"					\
	"772: " text "\n"						\
	"773:\n"							\
	".popsection\n"

#define S(text, n)	FORM(text, 0, n)
#define V(text, n)	FORM(text, 1, n)
#define BOTH_WAYS(op)							\
	S(op " (%rdi), %xmm1", 2) S(op " %xmm11, (%rdi)", 2)		\
	V("v" op " (%rdi), %xmm1", 2) V("v" op " %xmm11, (%rdi)", 2)	\
	V("v" op " (%rdi), %ymm1", 4) V("v" op " %ymm11, (%rdi)", 4)
#define STORES(op)							\
	S(op " %xmm2, (%rdi)", 2) V("v" op " %xmm2, (%rdi)", 2)		\
	V("v" op " %ymm2, (%rdi)", 4)
#define HALF(op)							\
	S(op " (%rdi), %xmm1", 1) S(op " %xmm2, (%rdi)", 1)		\
	V("v" op " (%rdi), %xmm2, %xmm1", 1) V("v" op " %xmm2, (%rdi)", 1)
#define SCALAR(op)							\
	S(op " (%rdi), %xmm1", 1) S(op " %xmm2, (%rdi)", 1)		\
	V("v" op " (%rdi), %xmm1", 1) V("v" op " %xmm2, (%rdi)", 1)

asm(".pushsection .data.sse_forms,\"aw\"\n"
    ".balign 8\n"
    ".globl sse_begin\nsse_begin:\n"
    ".popsection\n"
    BOTH_WAYS("movaps") BOTH_WAYS("movapd") BOTH_WAYS("movdqa")
    BOTH_WAYS("movups") BOTH_WAYS("movupd") BOTH_WAYS("movdqu")
    STORES("movntps") STORES("movntpd") STORES("movntdq")
    S("movntdqa (%rdi), %xmm1", 2) S("lddqu (%rdi), %xmm11", 2)
    V("vlddqu (%rdi), %ymm1", 4)
    HALF("movlps") HALF("movlpd") HALF("movhps") HALF("movhpd")
    SCALAR("movss") SCALAR("movsd") SCALAR("movd") SCALAR("movq")
    S("movddup (%rdi), %xmm1", 1)
    ".pushsection .data.sse_forms,\"aw\"\n"
    ".globl sse_end\nsse_end:\n"
    ".popsection\n");

/* Registers 1, 2 and 11 of the CPU. */
struct vectors {
	uint8_t reg[3][32];
};

static const unsigned int numbers[3] = { 1, 2, 11 };

static bool have_avx(void)
{
	return __builtin_cpu_supports("avx");
}

/* The red zone below RSP is stepped over. */
static void native_sse(struct vectors *v, const void *code, void *operand)
{
	asm volatile("movdqu 0(%[v]), %%xmm1\n\tmovdqu 32(%[v]), %%xmm2\n\t"
		     "movdqu 64(%[v]), %%xmm11\n\t"
		     "lea -128(%%rsp), %%rsp\n\tcall *%[code]\n\tlea 128(%%rsp), %%rsp\n\t"
		     "movdqu %%xmm1, 0(%[v])\n\tmovdqu %%xmm2, 32(%[v])\n\t"
		     "movdqu %%xmm11, 64(%[v])"
		     : : [v] "r" (v), [code] "r" (code), "D" (operand)
		     : "xmm1", "xmm2", "xmm11", "memory", "cc");
}

__attribute__((target("avx")))
static void native_avx(struct vectors *v, const void *code, void *operand)
{
	asm volatile("vmovdqu 0(%[v]), %%ymm1\n\tvmovdqu 32(%[v]), %%ymm2\n\t"
		     "vmovdqu 64(%[v]), %%ymm11\n\t"
		     "lea -128(%%rsp), %%rsp\n\tcall *%[code]\n\tlea 128(%%rsp), %%rsp\n\t"
		     "vmovdqu %%ymm1, 0(%[v])\n\tvmovdqu %%ymm2, 32(%[v])\n\t"
		     "vmovdqu %%ymm11, 64(%[v])\n\tvzeroupper"
		     : : [v] "r" (v), [code] "r" (code), "D" (operand)
		     : "xmm1", "xmm2", "xmm11", "memory", "cc");
}

static void put_vectors(struct rig *r, const struct vectors *v)
{
	unsigned int i;

	for (i = 0; i < 3; i++) {
		memcpy(r->xstate.area + AREA_XMM + 16 * numbers[i], v->reg[i], 16);
		memcpy(r->xstate.area + AREA_YMM + 16 * numbers[i], v->reg[i] + 16, 16);
	}
}

static void get_vectors(const struct rig *r, struct vectors *v)
{
	unsigned int i;

	for (i = 0; i < 3; i++) {
		memcpy(v->reg[i], r->xstate.area + AREA_XMM + 16 * numbers[i], 16);
		memcpy(v->reg[i] + 16, r->xstate.area + AREA_YMM + 16 * numbers[i], 16);
	}
}

static void one_form(const struct form *f, uint8_t *jit, uint64_t *seed)
{
	static uint8_t buffer[BUFFER] __attribute__((aligned(64)));
	static struct rig r;
	struct vectors before, native, found;
	unsigned int i;
	int ret;

	for (i = 0; i < BUFFER; i++)
		buffer[i] = rig_random(seed);
	for (i = 0; i < sizeof(before); i++)
		((uint8_t *)&before)[i] = rig_random(seed);
	rig_init64(&r, 0);
	memcpy(r.dev, buffer, BUFFER);
	put_vectors(&r, &before);
	native = before;
	memcpy(jit, f->code, f->len);
	jit[f->len] = 0xc3;
	if (have_avx())
		native_avx(&native, jit, buffer + OFFSET);
	else
		native_sse(&native, jit, buffer + OFFSET);

	r.run.regs.gpr[HOLM_RDI] = DEV + OFFSET;
	ret = rig_emulate(&r, f->code, f->len);
	get_vectors(&r, &found);
	if (!have_avx())	/* upper halves were not loaded */
		for (i = 0; i < 3; i++)
			memcpy(native.reg[i] + 16, found.reg[i] + 16, 16);
	if (ret == HOLM_EMUL_DONE && !memcmp(&native, &found, sizeof(native)) &&
	    !memcmp(r.dev, buffer, BUFFER) && r.naccesses == f->accesses)
		return;
	print_error("'%s': returned %d, vector %u, %u accesses, registers %s, memory %s\n", f->text,
		    ret, r.run.exception.vector, r.naccesses,
		    memcmp(&native, &found, sizeof(native)) ? "differ" : "are the same",
		    memcmp(r.dev, buffer, BUFFER) ? "differs" : "is the same");
	fail();
}

static void test_forms(void **state)
{
	uint8_t *jit = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const struct form *f;
	uint64_t seed = 99;
	unsigned int i;

	(void)state;
	assert_ptr_not_equal(jit, MAP_FAILED);
	assert_true(sse_end - sse_begin >= 70);
	for (f = sse_begin; f < sse_end; f++)
		for (i = 0; i < 20 && (f->need != NEED_AVX || have_avx()); i++)
			one_form(f, jit, &seed);
	munmap(jit, 4096);
}

static uint64_t xstate_bv(const struct rig *r)
{
	uint64_t bv;

	memcpy(&bv, r->xstate.area + AREA_BV, sizeof(bv));
	return bv;
}

/* XSTATE_BV says what is in use, or the driver would forget it. */
static void test_xstate_bv(void **state)
{
	static struct rig r;

	(void)state;
	rig_init64(&r, 0);
	r.run.regs.gpr[HOLM_RDI] = DEV;
	rig_assert_done(&r, RIG_EMULATE(&r, 0x0f, 0x11, 0x0f), 3);	/* a store */
	assert_int_equal(xstate_bv(&r), 0);
	rig_assert_done(&r, RIG_EMULATE(&r, 0x0f, 0x10, 0x0f), 3);
	assert_int_equal(xstate_bv(&r), 2);
	rig_assert_done(&r, RIG_EMULATE(&r, 0xc5, 0xf8, 0x10, 0x0f), 4);
	assert_int_equal(xstate_bv(&r), 6);
}

static void test_mmx(void **state)
{
	static struct rig r;
	unsigned int i;

	(void)state;
	rig_init64(&r, 0);
	for (i = 0; i < 16; i++)
		r.dev[i] = 0x30 + i;
	r.xstate.area[3] = 0x38;	/* TOP is 7 */
	r.run.regs.gpr[HOLM_RDI] = DEV;
	rig_assert_done(&r, RIG_EMULATE(&r, 0x0f, 0x6f, 0x1f), 3);	/* movq mm3, [rdi] */
	assert_memory_equal(r.xstate.area + AREA_ST + 48, r.dev, 8);
	assert_int_equal(r.xstate.area[AREA_ST + 48 + 8], 0xff);
	assert_int_equal(r.xstate.area[AREA_ST + 48 + 9], 0xff);
	assert_int_equal(r.xstate.area[4], 0xff);
	assert_int_equal(r.xstate.area[3], 0);
	assert_int_equal(xstate_bv(&r), 1);
	r.run.regs.gpr[HOLM_RDI] = DEV + 8;
	rig_assert_done(&r, RIG_EMULATE(&r, 0x0f, 0x7e, 0x1f), 3);	/* movd [rdi], mm3 */
	assert_memory_equal(r.dev + 8, r.dev, 4);
	assert_int_equal(r.dev[12], 0x3c);
	rig_assert_done(&r, RIG_EMULATE(&r, 0x0f, 0xe7, 0x1f), 3);	/* movntq */
	assert_memory_equal(r.dev + 8, r.dev, 8);
}

/* The upper part of a ZMM register goes with every VEX write. */
static void test_zmm_cleared(void **state)
{
	uint32_t eax = 0, offset = 0, ecx, edx;
	static struct rig r;
	uint64_t bv = 0x42;
	unsigned int i;

	(void)state;
	if (__get_cpuid_max(0, NULL) >= 0xd)
		__cpuid_count(0xd, 6, eax, offset, ecx, edx);
	if (eax < 512 || offset < AREA_YMM || offset + 512 > sizeof(r.xstate.area))
		skip();		/* no AVX-512 */
	rig_init64(&r, 0);
	memcpy(r.xstate.area + AREA_BV, &bv, sizeof(bv));
	memset(r.xstate.area + offset, 0xee, 512);
	r.run.regs.gpr[HOLM_RDI] = DEV;
	rig_assert_done(&r, RIG_EMULATE(&r, 0xc5, 0xf8, 0x10, 0x0f), 4);
	for (i = 0; i < 96; i++)
		assert_int_equal(r.xstate.area[offset + i], i / 32 == 1 ? 0 : 0xee);
}

/* EVEX: 64 bytes, the upper registers, no masks. */
static void test_evex(void **state)
{
	/* vmovdqu64 zmm17, [rdi]; the same into zmm1; vmovdqa32 [rdi+64], zmm17 */
	static const uint8_t load17[] = { 0x62, 0xe1, 0xfe, 0x48, 0x6f, 0x0f };
	static const uint8_t load1[] = { 0x62, 0xf1, 0xfe, 0x48, 0x6f, 0x0f };
	static const uint8_t store[] = { 0x62, 0xe1, 0x7d, 0x48, 0x7f, 0x4f, 0x01 };
	static const uint8_t masked[] = { 0x62, 0xf1, 0xfe, 0x49, 0x6f, 0x0f };
	uint32_t high = 0, upper = 0, eax = 0, size = 0, ecx, edx;
	static struct rig r;
	uint64_t bv;
	unsigned int i;

	(void)state;
	rig_init64(&r, 0);
	for (i = 0; i < DEV_SIZE; i++)
		r.dev[i] = i * 7 + 1;
	r.run.regs.gpr[HOLM_RDI] = DEV;
	/* Not switched on. */
	rig_assert_fault(&r, rig_emulate(&r, load1, sizeof(load1)), VEC_UD, false, 0);
	r.xstate.head.xcr0 = 0xe7;
	assert_int_equal(rig_emulate(&r, masked, sizeof(masked)), HOLM_EMUL_UNHANDLED);

	if (__get_cpuid_max(0, NULL) >= 0xd) {
		__cpuid_count(0xd, 6, eax, high, ecx, edx);
		__cpuid_count(0xd, 7, size, upper, ecx, edx);
	}
	if (eax < 512 || high < AREA_YMM || high + 512 > sizeof(r.xstate.area) ||
	    size < 1024 || upper < AREA_YMM || upper + 1024 > sizeof(r.xstate.area)) {
		/* There is no place for it. */
		assert_int_equal(rig_emulate(&r, load17, sizeof(load17)), HOLM_EMUL_UNHANDLED);
		return;
	}
	rig_assert_done(&r, rig_emulate(&r, load17, sizeof(load17)), sizeof(load17));
	assert_int_equal(r.naccesses, 8);
	assert_memory_equal(r.xstate.area + upper + 64, r.dev, 64);
	rig_assert_done(&r, rig_emulate(&r, load1, sizeof(load1)), sizeof(load1));
	assert_memory_equal(r.xstate.area + AREA_XMM + 16, r.dev, 16);
	assert_memory_equal(r.xstate.area + AREA_YMM + 16, r.dev + 16, 16);
	assert_memory_equal(r.xstate.area + high + 32, r.dev + 32, 32);
	memcpy(&bv, r.xstate.area + AREA_BV, sizeof(bv));
	assert_int_equal(bv, 0xc6);
	rig_assert_done(&r, rig_emulate(&r, store, sizeof(store)), sizeof(store));
	assert_memory_equal(r.dev + 64, r.dev, 64);
	r.run.regs.gpr[HOLM_RDI] = DEV + 32;
	rig_assert_fault(&r, rig_emulate(&r, store, sizeof(store)), VEC_GP, true, 0);
}

static void test_faults(void **state)
{
	static struct rig r;

	(void)state;
	rig_init64(&r, 0);
	r.run.regs.gpr[HOLM_RDI] = DEV + 8;
	/* movaps, movups; vmovaps of 32 bytes at 16. */
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x0f, 0x28, 0x0f), VEC_GP, true, 0);
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x0f, 0x29, 0x0f), VEC_GP, true, 0);
	rig_assert_done(&r, RIG_EMULATE(&r, 0x0f, 0x10, 0x0f), 3);
	r.run.regs.gpr[HOLM_RDI] = DEV + 16;
	rig_assert_done(&r, RIG_EMULATE(&r, 0xc5, 0xf8, 0x28, 0x0f), 4);
	rig_assert_fault(&r, RIG_EMULATE(&r, 0xc5, 0xfc, 0x28, 0x0f), VEC_GP, true, 0);
	/* Switched off, or to be loaded first. */
	r.run.sregs.cr0 |= CR0_TS;
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x0f, 0x10, 0x0f), VEC_NM, false, 0);
	r.run.sregs.cr0 = (r.run.sregs.cr0 & ~CR0_TS) | CR0_EM;
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x0f, 0x10, 0x0f), VEC_UD, false, 0);
	r.run.sregs.cr0 &= ~CR0_EM;
	r.run.sregs.cr4 &= ~CR4_OSFXSR;
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x0f, 0x10, 0x0f), VEC_UD, false, 0);
	r.xstate.head.xcr0 = 3;
	rig_assert_fault(&r, RIG_EMULATE(&r, 0xc5, 0xf8, 0x10, 0x0f), VEC_UD, false, 0);
	r.xstate.head.xcr0 = 7;
	r.run.sregs.cr4 &= ~CR4_OSXSAVE;
	rig_assert_fault(&r, RIG_EMULATE(&r, 0xc5, 0xf8, 0x10, 0x0f), VEC_UD, false, 0);
	/* Nor EVEX; a failing ioctl is told. */
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x62, 0xf1, 0x7c, 0x48, 0x10, 0x0f), VEC_UD, false, 0);
	r.xstate_err = -EIO;
	assert_int_equal(RIG_EMULATE(&r, 0x0f, 0x10, 0x0f), -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_xstate_bv),
		cmocka_unit_test(test_mmx),
		cmocka_unit_test(test_zmm_cleared),
		cmocka_unit_test(test_evex),
		cmocka_unit_test(test_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
