// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The instructions that access device memory: how each begins, and what the
 * device must see of it.
 */
#include <string.h>

#include "mmio.h"

/* ---- preparations ------------------------------------------------------- */

static void fs_is_base(struct guest *g, uint64_t base)
{
	seg_base(g, HOLM_SEG_FS, base);
}

static void gs_is_base(struct guest *g, uint64_t base)
{
	seg_base(g, HOLM_SEG_GS, base);
	g->regs.gpr[HOLM_RSI] = 0x400;
}

static void es_is_base(struct guest *g, uint64_t base)
{
	seg_base(g, HOLM_SEG_ES, base);
	g->regs.gpr[HOLM_RDI] = 0x55550800;
}

static void ds_is_base(struct guest *g, uint64_t base)
{
	seg_base(g, HOLM_SEG_DS, base);
	g->regs.gpr[HOLM_RBX] = 0x12340000;
}

static void count_upper(struct guest *g, uint64_t base)
{
	g->regs.gpr[HOLM_RCX] = 0xabcd0003;
	es_is_base(g, base);
}

static void high_rbx(struct guest *g, uint64_t base)
{
	(void)base;
	g->regs.gpr[HOLM_RBX] |= 0xffffffff00000000;
}

static void high_rbx_below(struct guest *g, uint64_t base)
{
	g->regs.gpr[HOLM_RBX] = (base - 0x1000) | 0xffffffff00000000;
}

static void r8_is_base(struct guest *g, uint64_t base)
{
	g->regs.gpr[8] = base;
}

static void r13_is_base(struct guest *g, uint64_t base)
{
	g->regs.gpr[13] = base;
}

/* Pages of the linear addresses at the window. */
static void window(struct guest *g, uint64_t base)
{
	(void)base;
	guest_write(g, PD_ADDR + 8 * (WINDOW_DEVICE >> 21), MMIO_ADDR | 0x87, 8);
	guest_write(g, PD_ADDR + 8 * (WINDOW_RAM >> 21), 0x87, 8);
}

static void small_rdx(struct guest *g, uint64_t base)
{
	(void)base;
	g->regs.gpr[HOLM_RDX] = 0x10;
}

static void rax_equal(struct guest *g, uint64_t base)
{
	(void)base;
	g->regs.gpr[HOLM_RAX] = M4(0x40);
}

static void pair_equal(struct guest *g, uint64_t base)
{
	(void)base;
	g->regs.gpr[HOLM_RAX] = M8(0x840);
	g->regs.gpr[HOLM_RDX] = M8(0x848);
}

static void bit_85(struct guest *g, uint64_t base)
{
	(void)base;
	g->regs.gpr[HOLM_RDX] = 0x85;
}

static void bit_minus_1(struct guest *g, uint64_t base)
{
	(void)base;
	g->regs.gpr[HOLM_RDX] = 0xffffffff;
}

static void on_stack(struct guest *g, uint64_t base)
{
	(void)base;
	guest_write(g, STACK_TOP, 0x0f1e2d3c4b5a6978, 8);
}

static void rbp_stack(struct guest *g, uint64_t base)
{
	g->regs.gpr[HOLM_RBP] = base + 0xc00;
}

static void put(struct guest *g, uint64_t base, uint64_t offset, uint64_t value,
		unsigned int size)
{
	if (base == MMIO_ADDR)
		memcpy(g->device + offset, &value, size);
	else
		guest_write(g, base + offset, value, size);
}

static void target_40(struct guest *g, uint64_t base)
{
	put(g, base, 0x40, G_mmio_branch_target, 8);
}

static void target_800(struct guest *g, uint64_t base)
{
	put(g, base, 0x800, G_mmio_branch_target, 8);
}

/* Flags that POPF may load; TF stays clear. */
static void flags_800(struct guest *g, uint64_t base)
{
	put(g, base, 0x800, 0x8d7 | FLAG_DF, 8);
}

static void al_is_801(struct guest *g, uint64_t base)
{
	(void)base;
	g->regs.gpr[HOLM_RAX] = M1(0x801);
}

static void equal_start(struct guest *g, uint64_t base)
{
	(void)base;
	guest_write(g, OTHER_ADDR + 0x800, M2(0x400), 2);
}

static void port_far(struct guest *g, uint64_t base)
{
	(void)base;
	g->regs.gpr[HOLM_RDX] = PORT_FAR;
}

static void no_count(struct guest *g, uint64_t base)
{
	(void)base;
	g->regs.gpr[HOLM_RCX] = 0;
}

static void long_count(struct guest *g, uint64_t base)
{
	(void)base;
	g->regs.gpr[HOLM_RCX] = 0x1800;
}

static void count_addr32(struct guest *g, uint64_t base)
{
	(void)base;
	g->regs.gpr[HOLM_RCX] = 0x100000002;
}

static void rdi_at_page_end(struct guest *g, uint64_t base)
{
	g->regs.gpr[HOLM_RDI] = base + 0xffa;
}

static void osxsave(struct guest *g, uint64_t base)
{
	(void)base;
	g->sregs.cr4 |= CR4_OSXSAVE;
}

static void task_switched(struct guest *g, uint64_t base)
{
	(void)base;
	g->sregs.cr0 |= CR0_TS;
}

/* ---- pages, exceptions -------------------------------------------------- */

static uint64_t pte(struct guest *g, uint64_t gva)
{
	return guest_read(g, PT_ADDR + (gva >> 12) * 8, 8);
}

/* PAGE_A is the operand's first page. */
static void page_a(struct guest *g, uint64_t base)
{
	map(g, PAGE_A, base, PTE_P | PTE_W | PTE_U);
	g->regs.gpr[HOLM_RBX] = PAGE_A;
}

static void page_a_super(struct guest *g, uint64_t base)
{
	page_a(g, base);
	map(g, PAGE_A, base, PTE_P | PTE_W);
}

static void page_a_readonly(struct guest *g, uint64_t base)
{
	page_a(g, base);
	map(g, PAGE_A, base, PTE_P | PTE_U);
}

/* PAGE_A, and nothing behind it. */
static void page_a_alone(struct guest *g, uint64_t base)
{
	page_a(g, base);
	map(g, PAGE_B, 0, 0);
}

/* PAGE_A, PAGE_B are the device's pages in the other order. */
static void pages_swapped(struct guest *g, uint64_t base)
{
	page_a(g, base + 0x1000);
	map(g, PAGE_B, base, PTE_P | PTE_W | PTE_U);
}

/* RAM, then the device. */
static void ram_then_device(struct guest *g, uint64_t base)
{
	page_a(g, OTHER_ADDR);
	map(g, PAGE_B, base, PTE_P | PTE_W | PTE_U);
}

static void device_then_ram(struct guest *g, uint64_t base)
{
	page_a(g, base);
	map(g, PAGE_B, OTHER_ADDR, PTE_P | PTE_W | PTE_U);
}

static void read_accessed(struct guest *g)
{
	CHECK_EQ(g, pte(g, PAGE_A) & (PTE_A | PTE_D), PTE_A);
}

static void write_dirty(struct guest *g)
{
	CHECK_EQ(g, pte(g, PAGE_A) & (PTE_A | PTE_D), PTE_A | PTE_D);
}

static void rdi_unmapped(struct guest *g, uint64_t base)
{
	(void)base;
	g->regs.gpr[HOLM_RDI] = UNMAPPED_ADDR + 8;
}

static void rdi_readonly(struct guest *g, uint64_t base)
{
	(void)base;
	g->regs.gpr[HOLM_RDI] = RDONLY_ADDR + 8;
}

static void rdi_super(struct guest *g, uint64_t base)
{
	(void)base;
	g->regs.gpr[HOLM_RDI] = SUPER_ADDR + 8;
}

static void rdi_not_canonical(struct guest *g, uint64_t base)
{
	(void)base;
	g->regs.gpr[HOLM_RDI] = BIT(63);
}

/* Two bytes before a page that is not there. */
static void rdi_before_hole(struct guest *g, uint64_t base)
{
	(void)base;
	map(g, PAGE_B, 0, 0);
	g->regs.gpr[HOLM_RDI] = PAGE_B - 2;
	g->regs.gpr[HOLM_RCX] = 5;
}

static void rsi_before_hole(struct guest *g, uint64_t base)
{
	(void)base;
	map(g, PAGE_B, 0, 0);
	guest_write(g, PAGE_B - 2, 0, 2);
	g->regs.gpr[HOLM_RSI] = PAGE_B - 2;
}

/* The exception's own stack is the IST's: this one is not there. */
static void rsp_unmapped(struct guest *g, uint64_t base)
{
	(void)base;
	g->regs.gpr[HOLM_RSP] = UNMAPPED_ADDR + 0x800;
	guest_idt(g, 14, G_vectors64 + 16 * 14, SEL_CODE64, 14, 0, 1);
}

static void rsp_not_canonical(struct guest *g, uint64_t base)
{
	(void)base;
	g->regs.gpr[HOLM_RSP] = BIT(63);
	guest_idt(g, 12, G_vectors64 + 16 * 12, SEL_CODE64, 14, 0, 1);
}

static void small_es(struct guest *g, uint64_t base)
{
	(void)base;
	g->sregs.seg[HOLM_SEG_ES].limit = 0xfff;
	g->sregs.seg[HOLM_SEG_ES].attrib &= ~HOLM_SEG_G;
	g->regs.gpr[HOLM_RDI] = 0x1000;
}

/* The instruction is on two pages that are apart in physical memory. */
static void on_two_pages(struct guest *g, uint64_t base)
{
	const uint64_t first = 0x1a0000, second = 0x1a3000;
	const unsigned int before = 3;

	(void)base;
	memcpy(g->ram + first + 0x1000 - before, g->ram + G_mmio_st_imm32, before);
	memcpy(g->ram + second, g->ram + G_mmio_st_imm32 + before, 16);
	map(g, first + 0x1000, second, PTE_P | PTE_W | PTE_U);
	g->regs.rip = first + 0x1000 - before;
}

static const char *no_movbe(void)
{
	return hv_has(1, 0, 2, 22) ? NULL : "the CPU has no MOVBE";
}

static const char *no_popcnt(void)
{
	return hv_has(1, 0, 2, 23) ? NULL : "the CPU has no POPCNT";
}

static const char *no_cx16(void)
{
	return hv_has(1, 0, 2, 13) ? NULL : "the CPU has no CMPXCHG16B";
}

static const char *no_avx(void)
{
	return hv_has(1, 0, 2, 28) ? NULL : "the CPU has no AVX";
}

static const char *no_avx512(void)
{
	return (hv.caps.xcr0 & XCR0_AVX512) == XCR0_AVX512 ? NULL : "the CPU has no AVX-512";
}

/* ---- the rows ----------------------------------------------------------- */

#define F(n, dev, ...)							\
	{ .name = #n, .mode = LONG64, .entry = G_mmio_##n, .device = (dev), EVENTS(__VA_ARGS__) }
/* With further fields; E is EVENTS without them. */
#define FX(n, dev, ...)							\
	{ .name = #n, .mode = LONG64, .entry = G_mmio_##n, .device = (dev), __VA_ARGS__ }
/* Another row with the code of @n. */
#define FN(as, n, m, dev, ...)						\
	{ .name = as, .mode = m, .entry = G_mmio_##n, .device = (dev), __VA_ARGS__ }
#define E(...)	EVENTS(__VA_ARGS__)
#define RD(o, s)	MMR(o, s)
#define RMW(o, s, v)	MMR(o, s), MMW(o, s, (v) & MASK(s))

#define LOGIC	FLAG_AF
#define SHIFTS	(FLAG_AF | FLAG_OF)
#define BITS	(FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF)
#define SCANS	(FLAG_CF | FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF)
#define MULS	(FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF)
#define ALL	(FLAG_CF | FLAG_OF | FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF)

/* CF is set at the beginning. */
#define DO_ADD(a, b)	((a) + (b))
#define DO_ADC(a, b)	((a) + (b) + 1)
#define DO_SUB(a, b)	((a) - (b))
#define DO_SBB(a, b)	((a) - (b) - 1)
#define DO_OR(a, b)	((a) | (b))
#define DO_AND(a, b)	((a) & (b))
#define DO_XOR(a, b)	((a) ^ (b))

#define ALU(op, f, flags)							\
	FX(op##_m8_r8, B, .undefined = flags, E(RMW(0x40, 1, f(M1(0x40), RAX)))),	\
	FX(op##_m32_r32, B, .undefined = flags, E(RMW(0x40, 4, f(M4(0x40), RAX)))),	\
	FX(op##_r64_m64, B, .undefined = flags, E(RD(0x40, 8))),			\
	FX(op##_m16_i16, B, .undefined = flags, E(RMW(0x40, 2, f(M2(0x40), 0x1234)))),	\
	FX(op##_m64_i8, B, .undefined = flags, E(RMW(0x40, 8, f(M8(0x40), -3ULL))))

#define UNARY(op, f)								\
	F(op##_m8, B, RMW(0x40, 1, f(M1(0x40)))),				\
	F(op##_m32, B, RMW(0x40, 4, f(M4(0x40)))),				\
	F(op##_m64_lock, B, RMW(0x40, 8, f(M8(0x40))))
#define DO_INC(a)	((a) + 1)
#define DO_DEC(a)	((a) - 1)
#define DO_NOT(a)	(~(a))
#define DO_NEG(a)	(-(a))

/* 32 bits by CL = 3, and 16 bits by one. */
#define SHIFT(op, by3, by1)							\
	FX(op##_cl, B, .undefined = SHIFTS, E(RMW(0x40, 4, by3))),		\
	FX(op##_1, B, .undefined = FLAG_AF, E(RMW(0x40, 2, by1)))
#define L4	M4(0x40)
#define L2	M2(0x40)
#define SIGN4	((int32_t)(uint32_t)L4)
#define SIGN2	((int16_t)(uint16_t)L2)

#define VECTOR(n, ...)	FX(n, B, .vector = true, E(__VA_ARGS__))
#define AVX(n, ...)								\
	FX(n, B, .vector = true, .skip = no_avx, .prepare = osxsave, E(__VA_ARGS__))

/* What the other parts of ZMM registers hold: see mmio.c. */
#define Z8(n, i)	(ZMM_BYTES(ZMM_BYTE(n, i)))
#define H8(n, i)	(ZMM_BYTES(HI16_BYTE(n, i)))
#define ZMM_BYTES(first) ((first) * 0x0101010101010101ULL + 0x0706050403020100ULL)
#define RD_OF(i)	RD(0x40 + 8 * (i), 8)
#define ST_OF(i)	MMW(0x40 + 8 * (i), 8, H8(18, 8 * (i)))
#define LINE(f)		f(0), f(1), f(2), f(3), f(4), f(5), f(6), f(7)
#define AVX512(n, ...)							\
	FX(n, B, .vector = true, .skip = no_avx512, .prepare = osxsave, E(__VA_ARGS__))

/* 32-bit code that does the same in all modes. */
#define MODE32(m, suffix)							\
	FN("st8" suffix, st8_32, m, B, E(MMW(0x40, 1, 0x88))),			\
	FN("st16" suffix, st16_32, m, B, E(MMW(0x40, 2, 0x7788))),		\
	FN("st32" suffix, st32_32, m, B, E(MMW(0x40, 4, 0x55667788))),		\
	FN("ld8" suffix, ld8_32, m, B, E(RD(0x40, 1))),				\
	FN("ld16" suffix, ld16_32, m, B, E(RD(0x40, 2))),			\
	FN("ld32" suffix, ld32_32, m, B, E(RD(0x40, 4))),			\
	FN("add" suffix, add_32, m, B, E(RMW(0x40, 4, L4 + RAX))),		\
	FN("push" suffix, push_32, m, B, E(RD(0x40, 4))),			\
	FN("movs" suffix, movs_32, m, D, E(MMW(0x800, 4, O4(0x400)),		\
		MMW(0x804, 4, O4(0x404)), MMW(0x808, 4, O4(0x408))))

#define MODE16(m, suffix)							\
	FN("st8" suffix, st8_16, m, B, E(MMW(0x40, 1, 0x88))),			\
	FN("st16" suffix, st16_16, m, B, E(MMW(0x40, 2, 0x7788))),		\
	FN("st32" suffix, st32_16, m, B, E(MMW(0x40, 4, 0x55667788))),		\
	FN("ld8" suffix, ld8_16, m, B, E(RD(0x40, 1))),				\
	FN("ld16" suffix, ld16_16, m, B, E(RD(0x40, 2))),			\
	FN("ld32" suffix, ld32_16, m, B, E(RD(0x40, 4))),			\
	FN("bx_si" suffix, bx_si_16, m, B, E(RD(0x400, 4))),			\
	FN("bx_di" suffix, bx_di_16, m, B, E(MMW(0x810, 2, 0x7788))),		\
	FN("moffs" suffix, moffs_16, m, B, E(RD(0x44, 2))),			\
	FN("fs" suffix, fs_16, m, B, E(RD(0x44, 4))),				\
	FN("addr32" suffix, addr32_16, m, B, E(RD(0x40, 4))),			\
	FX16_OR(m, suffix),							\
	FN("movs" suffix, movs_16, m, B, E(RD(0x400, 2), RD(0x402, 2), RD(0x404, 2))), \
	FN("lods" suffix, lods_16, m, B, E(RD(0x400, 1)))
#define FX16_OR(m, suffix)							\
	FN("or" suffix, or_16, m, B, .undefined = LOGIC, E(RMW(0x40, 2, L2 | 0x1234)))

const struct form mmio_forms[] = {
	F(st8, B, MMW(0x40, 1, 0x88)),
	F(st8_high, B, MMW(0x41, 1, 0x77)),
	F(st8_rex, B, MMW(0x40, 1, 0x09)),
	F(st16, B, MMW(0x40, 2, 0x7788)),
	F(st32, B, MMW(0x40, 4, 0x55667788)),
	F(st64, B, MMW(0x40, 8, RAX)),
	F(st_imm8, B, MMW(0x40, 1, 0x5a)),
	F(st_imm16, B, MMW(0x40, 2, 0x8001)),
	F(st_imm32, B, MMW(0x40, 4, 0xfffffffe)),
	F(st_imm64, B, MMW(0x40, 8, -5ULL)),
	F(ld8, B, RD(0x40, 1)),
	F(ld8_high, B, RD(0x41, 1)),
	F(ld8_rex, B, RD(0x40, 1)),
	F(ld16, B, RD(0x40, 2)),
	F(ld32, B, RD(0x40, 4)),
	F(ld64, B, RD(0x40, 8)),
	F(movzx_8_16, B, RD(0x40, 1)),
	F(movzx_8_32, B, RD(0x40, 1)),
	F(movzx_8_64, B, RD(0x40, 1)),
	F(movzx_16_32, B, RD(0x40, 2)),
	F(movsx_8_16, B, RD(0x40, 1)),
	F(movsx_8_64, B, RD(0x40, 1)),
	F(movsx_16_32, B, RD(0x40, 2)),
	F(movsxd, B, RD(0x40, 4)),
	F(movnti32, B, MMW(0x40, 4, 0x55667788)),
	F(movnti64, B, MMW(0x40, 8, RDX)),
	FX(movbe_ld16, B, .skip = no_movbe, E(RD(0x40, 2))),
	FX(movbe_ld32, B, .skip = no_movbe, E(RD(0x40, 4))),
	FX(movbe_st64, B, .skip = no_movbe, E(MMW(0x40, 8, 0x8877665544332211))),
	F(mov_sreg, B, MMW(0x40, 2, SEL_DATA)),
	F(cmovc, B, RD(0x40, 4)),
	F(cmovnc, B, RD(0x40, 4)),
	F(setc, B, MMW(0x40, 1, 1)),
	F(setnc, B, MMW(0x40, 1, 0)),
	F(sgdt, B, MMW(0x40, 8, (uint64_t)GDT_ADDR << 16 | (GDT_SIZE - 1)), MMW(0x48, 2, 0)),

	F(plain, B, RD(0, 4)),
	F(disp32, B, RD(0x540, 4)),
	F(disp_negative, D, RD(0x7f0, 4)),
	F(rbp_base, BP, RD(0xc40, 4)),
	F(rsp_base, SP, RD(0x840, 4)),
	F(sib1, B, RD(0x43, 1), RD(0x44, 2), RD(0x46, 1)),
	F(sib2, B, MMW(6, 2, 0x7788), MMW(8, 2, 0x5566)),
	F(sib4, B, RD(0x44c, 4)),
	F(sib8, B, MMW(0x20, 8, RAX)),
	FX(r8_base, BIT(8), .prepare = r8_is_base, E(RD(0x40, 4))),
	FX(r13_base, BIT(13), .prepare = r13_is_base, E(MMW(0, 4, 0x55667788))),
	FX(addr32, B, .prepare = high_rbx, E(RD(0x40, 4))),
	FX(addr32_store, B, .prepare = high_rbx_below, E(MMW(0x40, 4, 0x55667788))),
	FX(fs_base, 0, .prepare = fs_is_base, E(RD(0x43, 1), RD(0x44, 2), RD(0x46, 1))),
	FX(gs_base, 0, .prepare = gs_is_base, E(MMW(0x40, 4, 0x55667788))),
	F(ds_override, B, MMW(0x40, 4, 0x55667788)),
	F(all_prefixes, B, MMW(0x40, 2, 0x7788)),
	FX(rip_relative, 0, .twin = G_mmio_rip_relative_ram, .prepare = window, E(RD(0x40, 4))),
	FX(rip_immediate, 0, .twin = G_mmio_rip_immediate_ram, .prepare = window,
	   E(MMW(0x40, 4, 0x12345678))),
	FX(moffs_ld8, 0, .twin = G_mmio_moffs_ld8_ram, E(RD(0x40, 1))),
	FX(moffs_ld64, 0, .twin = G_mmio_moffs_ld64_ram, E(RD(0x40, 8))),
	FX(moffs_st16, 0, .twin = G_mmio_moffs_st16_ram, E(MMW(0x40, 2, 0x7788))),
	FX(moffs_st32, 0, .twin = G_mmio_moffs_st32_ram, E(MMW(0x40, 4, 0x55667788))),
	FX(moffs_addr32, 0, .twin = G_mmio_moffs_addr32_ram, E(RD(0x40, 4))),

	ALU(add, DO_ADD, 0),
	ALU(adc, DO_ADC, 0),
	ALU(sub, DO_SUB, 0),
	ALU(sbb, DO_SBB, 0),
	ALU(or, DO_OR, LOGIC),
	ALU(and, DO_AND, LOGIC),
	ALU(xor, DO_XOR, LOGIC),
	F(cmp_m8_r8, B, RD(0x40, 1)),
	F(cmp_m32_r32, B, RD(0x40, 4)),
	F(cmp_r64_m64, B, RD(0x40, 8)),
	F(cmp_m16_i16, B, RD(0x40, 2)),
	F(cmp_m64_i8, B, RD(0x40, 8)),
	FX(test_m8_i8, B, .undefined = LOGIC, E(RD(0x40, 1))),
	FX(test_m32_r32, B, .undefined = LOGIC, E(RD(0x40, 4))),
	FX(test_m64_i32, B, .undefined = LOGIC, E(RD(0x40, 8))),
	UNARY(inc, DO_INC),
	UNARY(dec, DO_DEC),
	UNARY(not, DO_NOT),
	UNARY(neg, DO_NEG),
	SHIFT(rol, L4 << 3 | L4 >> 29, L2 << 1 | L2 >> 15),
	SHIFT(ror, L4 >> 3 | L4 << 29, L2 >> 1 | L2 << 15),
	SHIFT(rcl, L4 << 3 | 1 << 2 | L4 >> 30, L2 << 1 | 1),
	SHIFT(rcr, L4 >> 3 | 1 << 29 | L4 << 30, L2 >> 1 | 1 << 15),
	SHIFT(shl, L4 << 3, L2 << 1),
	SHIFT(shr, L4 >> 3, L2 >> 1),
	SHIFT(sar, (uint64_t)(SIGN4 >> 3), (uint64_t)(SIGN2 >> 1)),
	FX(shld, B, .undefined = SHIFTS, E(RMW(0x40, 4, L4 << 5 | (RAX & 0xffffffff) >> 27))),
	FX(shrd, B, .undefined = SHIFTS, E(RMW(0x40, 8, M8(0x40) >> 3 | RAX << 61))),
	FX(imul, B, .undefined = MULS, E(RD(0x40, 4))),
	FX(imul3, B, .undefined = MULS, E(RD(0x40, 8))),
	FX(mul, B, .undefined = MULS, E(RD(0x40, 4))),
	FX(div, B, .undefined = ALL, .prepare = small_rdx, E(RD(0x40, 4))),
	FX(bsf, B, .undefined = SCANS, E(RD(0x40, 4))),
	FX(popcnt, B, .skip = no_popcnt, E(RD(0x40, 4))),
	F(lock_add, B, RMW(0x40, 4, L4 + 1)),
	FX(lock_or8, B, .undefined = LOGIC, E(RMW(0x40, 1, M1(0x40) | 0x10))),
	FX(lock_bad, B, .skip = no_lock_check, E(X(6))),
	F(xchg8, B, RMW(0x40, 1, 0x88)),
	F(xchg32, B, RMW(0x40, 4, 0x55667788)),
	F(xchg64, B, RMW(0x40, 8, RDX)),
	F(xadd16, B, RMW(0x40, 2, L2 + 0x7788)),
	F(xadd32_lock, B, RMW(0x40, 4, L4 + 0x55667788)),
	F(cmpxchg32, B, RMW(0x40, 4, L4)),
	FN("cmpxchg32_equal", cmpxchg32, LONG64, B, .prepare = rax_equal,
	   E(RMW(0x40, 4, RDX))),
	F(cmpxchg32_lock, B, RMW(0x40, 4, L4)),
	FN("cmpxchg32_lock_equal", cmpxchg32_lock, LONG64, B, .prepare = rax_equal,
	   E(RMW(0x40, 4, RDX))),
	F(cmpxchg8b, B, RMW(0x40, 8, M8(0x40))),
	FX(cmpxchg16b, D, .skip = no_cx16, E(RD(0x840, 8), RD(0x848, 8),
	   MMW(0x840, 8, M8(0x840)), MMW(0x848, 8, M8(0x848)))),
	FN("cmpxchg16b_equal", cmpxchg16b, LONG64, D, .prepare = pair_equal, .skip = no_cx16,
	   E(RD(0x840, 8), RD(0x848, 8), MMW(0x840, 8, OTHER_ADDR), MMW(0x848, 8, RCX))),
	FX(bt_reg, B, .undefined = BITS, E(RD(0x40, 4))),
	FX(bt_far, B, .undefined = BITS, .prepare = bit_85, E(RD(0x50, 8))),
	FX(bts_imm, B, .undefined = BITS, E(RMW(0x40, 4, L4 | 0x80))),
	FX(btr_lock, B, .undefined = BITS, E(RMW(0x40, 4, L4 & ~0x40ULL))),
	FX(btc_negative, B, .undefined = BITS, .prepare = bit_minus_1,
	   E(RMW(0x3c, 4, M4(0x3c) ^ 0x80000000))),

	F(push_mem, B, RD(0x40, 8)),
	FX(pop_mem, B, .prepare = on_stack, E(MMW(0x40, 8, 0x0f1e2d3c4b5a6978))),
	F(pop_rsp, SP, RD(0x800, 8), MMW(0x848, 8, M8(0x800))),
	F(push_reg, SP, MMW(0x7f8, 8, RAX)),
	F(push16, SP, MMW(0x7fe, 2, 0x7788)),
	F(push_imm, SP, MMW(0x7f8, 8, -7ULL)),
	F(pop_reg, SP, RD(0x800, 8)),
	F(pop16, SP, RD(0x800, 2)),
	F(push_fs, SP, MMW(0x7f8, 8, SEL_DATA)),
	F(pushf, SP, MMW(0x7f8, 8, RFLAGS_FIXED | FLAG_CF)),
	FX(popf, SP, .prepare = flags_800, E(RD(0x800, 8))),
	FX(leave, 0, .moved = SP, .prepare = rbp_stack, E(RD(0xc00, 8))),
	F(call_stack, SP, MMW(0x7f8, 8, G_mmio_call_stack + 5)),
	FX(call_mem, B, .prepare = target_40, E(RD(0x40, 8))),
	FX(jmp_mem, B, .prepare = target_40, E(RD(0x40, 8))),
	FX(ret, SP, .prepare = target_800, E(RD(0x800, 8))),
	F(xlat, B, RD(0x88, 1)),

	F(movsb, D, MMW(0x800, 1, O1(0x400))),
	F(movsq, S, RD(0x400, 8)),
	F(rep_movsb, D, MMW(0x800, 1, O1(0x400)), MMW(0x801, 1, O1(0x401)),
	  MMW(0x802, 1, O1(0x402))),
	FN("rep_movsb_both", rep_movsb, LONG64, S | D,
	   E(RD(0x400, 1), MMW(0x800, 1, M1(0x400)), RD(0x401, 1), MMW(0x801, 1, M1(0x401)),
	     RD(0x402, 1), MMW(0x802, 1, M1(0x402)))),
	FN("rep_movsb_none", rep_movsb, LONG64, S | D, .prepare = no_count),
	FN("rep_movsb_long", rep_movsb, LONG64, D, .prepare = long_count, .quiet = true),
	FX(rep_movsw, D, .rflags = FLAG_DF, E(MMW(0x800, 2, O2(0x400)), MMW(0x7fe, 2, O2(0x3fe)),
	   MMW(0x7fc, 2, O2(0x3fc)))),
	FN("rep_movsl_cross", rep_movsl, LONG64, D, .prepare = rdi_at_page_end,
	   E(MMW(0xffa, 2, O2(0x400)), MMW(0xffc, 2, O2(0x402)), MMW(0xffe, 2, O2(0x404)),
	     MMW(0x1000, 2, O2(0x406)), MMW(0x1002, 2, O2(0x408)), MMW(0x1004, 2, O2(0x40a)))),
	F(rep_movsq, S, RD(0x400, 8), RD(0x408, 8), RD(0x410, 8)),
	FX(rep_movs_addr32, D, .prepare = count_addr32, E(MMW(0x800, 4, O4(0x400)),
	   MMW(0x804, 4, O4(0x404)))),
	FX(movs_gs, 0, .prepare = gs_is_base, E(RD(0x400, 4))),
	F(stosb, D, MMW(0x800, 1, 0x88)),
	F(rep_stosw, D, MMW(0x800, 2, 0x7788), MMW(0x802, 2, 0x7788), MMW(0x804, 2, 0x7788)),
	FX(rep_stosl, D, .rflags = FLAG_DF, E(MMW(0x800, 4, 0x55667788),
	   MMW(0x7fc, 4, 0x55667788), MMW(0x7f8, 4, 0x55667788))),
	F(rep_stosq, D, MMW(0x800, 8, RAX), MMW(0x808, 8, RAX), MMW(0x810, 8, RAX)),
	F(lodsb, S, RD(0x400, 1)),
	F(lodsl, S, RD(0x400, 4)),
	F(rep_lodsw, S, RD(0x400, 2), RD(0x402, 2), RD(0x404, 2)),
	F(scasl, D, RD(0x800, 4)),
	FX(repne_scasb, D, .prepare = al_is_801, E(RD(0x800, 1), RD(0x801, 1))),
	F(cmpsl, D, RD(0x800, 4)),
	FX(repe_cmpsb, S, .prepare = equal_start, E(RD(0x400, 1), RD(0x401, 1), RD(0x402, 1))),
	FX(outsb, S, .prepare = port_far, E(RD(0x400, 1), OUT(PORT_FAR, 1, M1(0x400)))),
	FX(rep_insb, D, .prepare = port_far, E(IN(PORT_FAR, 1), MMW(0x800, 1, 0x87),
	   IN(PORT_FAR, 1), MMW(0x801, 1, 0x88), IN(PORT_FAR, 1), MMW(0x802, 1, 0x89))),

	VECTOR(movd_ld, RD(0x40, 4)),
	VECTOR(movd_st, MMW(0x40, 4, X4(2, 0))),
	VECTOR(movq_ld, RD(0x40, 8)),
	VECTOR(movq_st, MMW(0x40, 8, X8(2, 0))),
	VECTOR(movq_mmx_ld, RD(0x40, 8)),
	VECTOR(movq_mmx_st, MMW(0x40, 8, MM8(2))),
	VECTOR(movntq, MMW(0x40, 8, MM8(3))),
	VECTOR(movdqa_ld, RD(0x40, 8), RD(0x48, 8)),
	VECTOR(movdqa_st, MMW(0x40, 8, X8(2, 0)), MMW(0x48, 8, X8(2, 8))),
	VECTOR(movdqa_odd, XE(13, 0)),
	VECTOR(movdqu_ld, RD(0x41, 1), RD(0x42, 2), RD(0x44, 4), RD(0x48, 8), RD(0x50, 1)),
	VECTOR(movdqu_st, MMW(0x40, 8, X8(15, 0)), MMW(0x48, 8, X8(15, 8))),
	VECTOR(movaps_ld, RD(0x40, 8), RD(0x48, 8)),
	VECTOR(movaps_st, MMW(0x40, 8, X8(2, 0)), MMW(0x48, 8, X8(2, 8))),
	VECTOR(movups_ld, RD(0x40, 8), RD(0x48, 8)),
	VECTOR(movupd_st, MMW(0x40, 8, X8(2, 0)), MMW(0x48, 8, X8(2, 8))),
	VECTOR(movntdq, MMW(0x40, 8, X8(2, 0)), MMW(0x48, 8, X8(2, 8))),
	VECTOR(movss_ld, RD(0x40, 4)),
	VECTOR(movsd_st, MMW(0x40, 8, X8(2, 0))),
	VECTOR(movlps_ld, RD(0x40, 8)),
	VECTOR(movhpd_st, MMW(0x40, 8, X8(2, 8))),
	VECTOR(movdqu_cross, RD(0xff8, 8), RD(0x1000, 8)),
	FN("movdqu_ts", movdqu_ld, LONG64, B, .prepare = task_switched, .vector = true, E(X(7))),
	AVX(vmovdqu_ld, RD(0x40, 8), RD(0x48, 8), RD(0x50, 8), RD(0x58, 8)),
	AVX(vmovdqa_st, MMW(0x40, 8, X8(2, 0)), MMW(0x48, 8, X8(2, 8)),
	    MMW(0x50, 8, ~X8(2, 0)), MMW(0x58, 8, ~X8(2, 8))),
	AVX(vmovdqu_xmm, RD(0x40, 8), RD(0x48, 8)),
	AVX(vmovd, RD(0x40, 4)),
	AVX512(evex_ld, LINE(RD_OF)),
	AVX512(evex_st, MMW(0x40, 8, X8(2, 0)), MMW(0x48, 8, X8(2, 8)),
	       MMW(0x50, 8, ~X8(2, 0)), MMW(0x58, 8, ~X8(2, 8)), MMW(0x60, 8, Z8(2, 0)),
	       MMW(0x68, 8, Z8(2, 8)), MMW(0x70, 8, Z8(2, 16)), MMW(0x78, 8, Z8(2, 24))),
	AVX512(evex_ld_high, LINE(RD_OF)),
	AVX512(evex_st_high, LINE(ST_OF)),
	AVX512(evex_ld_ymm, RD_OF(0), RD_OF(1), RD_OF(2), RD_OF(3)),
	AVX512(evex_ld_xmm, RD_OF(0), RD_OF(1)),
	FX(evex_masked, B, .vector = true, .skip = no_avx512, .prepare = osxsave,
	   .unknown = true),
	FN("vmovd_not_enabled", vmovd, LONG64, B, .vector = true, .skip = no_avx, E(X(6))),

	F(cross_ld32, B, RD(0xffd, 1), RD(0xffe, 2), RD(0x1000, 1)),
	F(cross_st64, B, MMW(0xffc, 4, 0x55667788), MMW(0x1000, 4, 0x11223344)),
	F(cross_add16, B, RD(0xfff, 1), RD(0x1000, 1),
	  MMW(0xfff, 1, (M2(0xfff) + 1) & 0xff), MMW(0x1000, 1, (M2(0xfff) + 1) >> 8 & 0xff)),
	FX(cross_xchg, B, .skip = no_flags_of_split_lock, E(RD(0xffe, 2), RD(0x1000, 2),
	   MMW(0xffe, 2, 0x7788), MMW(0x1000, 2, 0x5566))),
	F(unaligned_ld64, B, RD(0x43, 1), RD(0x44, 4), RD(0x48, 2), RD(0x4a, 1)),
	F(unaligned_st32, B, MMW(0x41, 1, 0x88), MMW(0x42, 2, 0x6677), MMW(0x44, 1, 0x55)),
	FN("cross_swapped", cross_ld32, LONG64, B, .prepare = pages_swapped,
	   E(RD(0x1ffd, 1), RD(0x1ffe, 2), RD(0, 1))),
	FN("cross_from_ram", cross_ld32, LONG64, B, .prepare = ram_then_device, E(RD(0, 1))),
	FN("cross_into_ram", cross_ld32, LONG64, B, .prepare = device_then_ram,
	   E(RD(0xffd, 1), RD(0xffe, 2))),
	FN("cross_st_from_ram", cross_st64, LONG64, B, .prepare = ram_then_device,
	   E(MMW(0, 4, 0x11223344))),
	FN("cross_st_into_ram", cross_st64, LONG64, B, .prepare = device_then_ram,
	   E(MMW(0xffc, 4, 0x55667788))),
	FN("cross_into_hole", cross_ld32, LONG64, B, .prepare = page_a_alone, E(PF(0, PAGE_B))),
	FN("cross_st_into_hole", cross_st64, LONG64, B, .prepare = page_a_alone,
	   E(PF(2, PAGE_B))),
	FN("code_on_two_pages", st_imm32, LONG64, B, .prepare = on_two_pages,
	   E(MMW(0x40, 4, 0xfffffffe))),

	FN("load_sets_accessed", ld32, LONG64, B, .prepare = page_a, .check = read_accessed,
	   E(RD(0x40, 4))),
	FN("store_sets_dirty", st32, LONG64, B, .prepare = page_a, .check = write_dirty,
	   E(MMW(0x40, 4, 0x55667788))),
	FN("user_load", ld32, USER64, B, E(RD(0x40, 4))),
	FN("user_store", st64, USER64, B, E(MMW(0x40, 8, RAX))),
	FN("user_rep_movs", rep_movsl, USER64, S, E(RD(0x400, 4), RD(0x404, 4), RD(0x408, 4))),
	FN("user_load_super", ld32, USER64, B, .prepare = page_a_super, E(PF(5, PAGE_A + 0x40))),
	FN("user_store_super", st32, USER64, B, .prepare = page_a_super, E(PF(7, PAGE_A + 0x40))),
	FN("user_store_readonly", st32, USER64, B, .prepare = page_a_readonly,
	   E(PF(7, PAGE_A + 0x40))),
	FN("store_readonly", st32, LONG64, B, .prepare = page_a_readonly,
	   E(PF(3, PAGE_A + 0x40))),
	FN("movs_to_hole", movsb, LONG64, S, .prepare = rdi_unmapped, E(PF(2, UNMAPPED_ADDR + 8))),
	FN("movs_to_readonly", movsb, LONG64, S, .prepare = rdi_readonly,
	   E(PF(3, RDONLY_ADDR + 8))),
	FN("user_movs_to_hole", movsb, USER64, S, .prepare = rdi_unmapped,
	   E(PF(6, UNMAPPED_ADDR + 8))),
	FN("user_movs_to_readonly", movsb, USER64, S, .prepare = rdi_readonly,
	   E(PF(7, RDONLY_ADDR + 8))),
	FN("user_movs_to_super", movsb, USER64, S, .prepare = rdi_super, E(PF(7, SUPER_ADDR + 8))),
	FN("movs_not_canonical", movsb, LONG64, S, .prepare = rdi_not_canonical, E(XE(13, 0))),
	FN("rep_movs_into_hole", rep_movsb, LONG64, S, .prepare = rdi_before_hole,
	   E(RD(0x400, 1), RD(0x401, 1), PF(2, PAGE_B))),
	FN("rep_movs_from_hole", rep_movsb, LONG64, D, .prepare = rsi_before_hole,
	   E(MMW(0x800, 1, 0), MMW(0x801, 1, 0), PF(0, PAGE_B))),
	FN("push_to_hole", push_mem, LONG64, B, .prepare = rsp_unmapped,
	   E(PF(2, UNMAPPED_ADDR + 0x7f8))),
	FN("push_not_canonical", push_mem, LONG64, B, .prepare = rsp_not_canonical,
	   .skip = no_canonical_stack_fault, E(XE(12, 0))),
	FN("single_step", step, LONG64, D,
	   E(MMW(0xff0, 1, 0), MMW(0x800, 4, RDX & 0xffffffff),
	     DB_AT(BIT(14), G_mmio_step_insn + 2))),
	FN("single_step_rep", step_rep, LONG64, D,
	   E(MMW(0xff0, 1, 0),
	     MMW(0x800, 1, O1(0x400)), DB_AT(BIT(14), G_mmio_step_rep_insn),
	     MMW(0x801, 1, O1(0x401)), DB_AT(BIT(14), G_mmio_step_rep_insn),
	     MMW(0x802, 1, O1(0x402)), DB_AT(BIT(14), G_mmio_step_rep_insn + 2))),

	FX(unknown_fxsave, B, .unknown = true),
	FX(unknown_aesenc, B, .unknown = true),
	FX(fetch, B, .unknown = true),
	FN("user_unknown", unknown_fxsave, USER64, B, .unknown = true, E(X(6))),

	MODE32(PAGED32, "_paged32"),
	MODE32(PROT32, "_prot32"),
	MODE32(PAE32, "_pae32"),
	MODE32(COMPAT32, "_compat32"),
	FN("absolute_32", absolute_32, PAGED32, 0, .twin = G_mmio_absolute_ram_32,
	   E(MMW(0x40, 4, 0x12345678))),
	FN("moffs_32", moffs_32, PAGED32, 0, .twin = G_mmio_moffs_ram_32, E(RD(0x44, 4))),
	FN("scaled_32", scaled_32, PAGED32, 0, .twin = G_mmio_scaled_ram_32, E(RD(0x58, 4))),
	FN("inc_32", inc_32, PAGED32, B, E(RMW(0x40, 2, L2 + 1))),
	FN("push_reg_32", push_reg_32, PAGED32, SP, E(MMW(0x7fc, 4, 0x55667788))),
	FN("push16_32", push16_32, PAGED32, SP, E(MMW(0x7fe, 2, 0x7788))),
	FN("pop_32", pop_32, PAGED32, B, .prepare = on_stack, E(MMW(0x40, 4, 0x4b5a6978))),
	FN("pusha_32", pusha_32, PROT32, SP, .own_address = true,
	   E(MMW(0x7fc, 4, 0x55667788), MMW(0x7f8, 4, RCX), MMW(0x7f4, 4, RDX & 0xffffffff),
	     MMW(0x7f0, 4, OTHER_ADDR), MMW(0x7ec, 4, MMIO_ADDR + 0x800), MMW(0x7e8, 4, 0x05050505),
	     MMW(0x7e4, 4, OTHER_ADDR + 0x400), MMW(0x7e0, 4, OTHER_ADDR + 0x800))),
	FN("popa_32", popa_32, PROT32, SP,
	   E(RD(0x800, 4), RD(0x804, 4), RD(0x808, 4), RD(0x80c, 4), RD(0x810, 4), RD(0x814, 4),
	     RD(0x818, 4), RD(0x81c, 4))),
	FN("pushf_32", pushf_32, PAGED32, SP, E(MMW(0x7fc, 4, RFLAGS_FIXED | FLAG_CF))),
	FN("stos16_32", stos16_32, PAGED32, 0, .prepare = count_upper,
	   E(MMW(0x800, 2, 0x7788), MMW(0x802, 2, 0x7788), MMW(0x804, 2, 0x7788))),
	FN("addr16_32", addr16_32, COMPAT32, 0, .prepare = ds_is_base, E(RD(0x40, 4))),
	FN("es_32", es_32, PAGED32, 0, .prepare = es_is_base,
	   E(MMW(0x43, 1, 0x88), MMW(0x44, 2, 0x6677), MMW(0x46, 1, 0x55))),
	FN("movdqa_32", movdqa_32, PAGED32, B, .vector = true, E(RD(0x40, 8), RD(0x48, 8))),
	FN("cmpxchg8b_32", cmpxchg8b_32, PAGED32, B, E(RMW(0x40, 8, M8(0x40)))),
	FN("limit_32", limit_32, PROT32, S, .prepare = small_es, .skip = no_segment_checks,
	   E(XE(13, 0))),

	MODE16(BIGREAL16, "_real16"),
	MODE16(PROT16, "_prot16"),
	MODE16(VM86, "_vm86"),
};

const unsigned int mmio_nforms = ARRAY_SIZE(mmio_forms);
