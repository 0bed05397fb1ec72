// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Exceptions: vectors, error codes, return addresses. SDM Vol. 3, chapter
 * "Interrupt and Exception Handling".
 */
#include <string.h>

#include "guest.h"

#define PTE_P	BIT(0)
#define PTE_W	BIT(1)
#define PTE_A	BIT(5)
#define PTE_D	BIT(6)

#define PFE_P	1	/* page-fault error code */
#define PFE_W	2
#define PFE_U	4
#define PFE_R	8
#define PFE_I	16

#define GATE_ERROR(vector)	((vector) * 8 + 2)	/* IDT */

#define DPL1_CODE32	0x00cfbb000000ffffULL
#define SEL_RING1_CODE	0x98

/* ---- setups ----------------------------------------------------------------- */

static void user_gate(struct guest *g)
{
	guest_idt(g, 0x21, G_vectors64 + 16 * 0x21, SEL_CODE64, 14, 3, 0);
}

/* Gates that CPL 3 may use. */
static void dpl3_gates(struct guest *g)
{
	if (g->mode == USER32 || g->mode == VM86)
		guest_idt(g, 0x21, G_vectors32 + 16 * 0x21, SEL_CODE32, 14, 3, 0);
	else if (g->mode == USER64 || g->mode == USERCOMPAT32)
		user_gate(g);
}

static void clear_gates(struct guest *g)
{
	guest_write(g, IDT_ADDR + 16 * 0x40, 0, 8);
	/* Present bit only. */
	guest_write(g, IDT_ADDR + 16 * 6 + 5, guest_read(g, IDT_ADDR + 16 * 6 + 5, 1) & ~0x80, 1);
}

static void short_idt(struct guest *g)
{
	g->sregs.idt.limit = 16 * 0x40 - 1;
}

static void set_ts(struct guest *g)
{
	g->sregs.cr0 |= CR0_TS;
}

static void set_em(struct guest *g)
{
	g->sregs.cr0 = (g->sregs.cr0 | CR0_EM) & ~CR0_MP;
}

static void no_osfxsr(struct guest *g)
{
	g->sregs.cr4 &= ~(CR4_OSFXSR | CR4_OSXMMEXCPT);
}

static void no_osxmmexcpt(struct guest *g)
{
	g->sregs.cr4 &= ~CR4_OSXMMEXCPT;
}

static void segments32(struct guest *g)
{
	guest_idt(g, 0x41, G_vectors32, 0x400, 14, 0, 0);
}

static void invalid_tss(struct guest *g)
{
	guest_write(g, GDT_ADDR + SEL_RING1_CODE, DPL1_CODE32, 8);
	/* A 32-bit call gate, DPL 3, no parameters. */
	guest_write(g, GDT_ADDR + SEL_CALL_GATE,
		    (G_invalid_tss & 0xffff) | (uint64_t)SEL_RING1_CODE << 16 | 0xecULL << 40 |
		    (G_invalid_tss >> 16) << 48, 8);
	guest_write(g, TSS_ADDR + 12, STACK_RSP0, 4);	/* ESP1 */
	guest_write(g, TSS_ADDR + 16, 0x400, 4);	/* SS1 */
}

static void alignment(struct guest *g)
{
	g->sregs.cr0 |= CR0_AM;
}

static void second_unmapped(struct guest *g)
{
	guest_pte(g, SCRATCH_ADDR + 0x1000, 0, PTE_P);
}

static void reserved_pte(struct guest *g)
{
	/* Bit 51 is beyond the physical addresses of all but the largest CPUs. */
	uint64_t at = PT_ADDR + (SCRATCH_ADDR + 0x2000) / 0x1000 * 8;

	guest_write(g, at, guest_read(g, at, 8) | BIT(51), 8);
}

static const char *no_reserved_bits(void)
{
	if (hv.tcg)
		return "QEMU's emulation clears P in the error code of a reserved bit";
	return hv.caps.phys_bits >= 52 ? "physical addresses have 52 bits" : NULL;
}

/* EXT in the error code of a fault while an exception is delivered. */
static const char *no_ext_bit(void)
{
	return hv.amd ? "the APM does not say that an exception's delivery sets EXT" : NULL;
}

/* The first access to the gate leaves the guest, which then has #GP injected. */
static const char *no_injected_df(void)
{
	return hv.tcg ? "QEMU's emulation makes no #DF of a fault that an injected event meets" :
	       NULL;
}

static void map_unmapped(struct guest *g, unsigned int n)
{
	(void)n;
	guest_write(g, UNMAPPED_ADDR, 0x1234, 4);
	guest_pte(g, UNMAPPED_ADDR, PTE_P, 0);
}

static void unmap_scratch(struct guest *g, unsigned int n)
{
	guest_pte(g, SCRATCH_ADDR, n == 2 ? PTE_P : 0, n == 1 ? PTE_P : 0);
}

static void wp_off(struct guest *g)
{
	g->sregs.cr0 &= ~CR0_WP;
}

static void check_ad(struct guest *g, unsigned int n)
{
	static const uint64_t expected[] = { 0, PTE_A, PTE_A | PTE_D };
	uint64_t pte;

	if (g->mode == PAGED32)
		pte = guest_read(g, PT32_ADDR + SCRATCH_ADDR / 0x1000 * 4, 4);
	else
		pte = guest_read(g, PT_ADDR + SCRATCH_ADDR / 0x1000 * 8, 8);
	CHECK_EQ(g, pte & (PTE_A | PTE_D), expected[n - 1]);
}

static void gp_gate_absent(struct guest *g)
{
	guest_write(g, IDT_ADDR + 16 * 13 + 5, 0x0e, 1);
}

static void df_ist(struct guest *g)
{
	guest_idt(g, 8, G_vectors64 + 16 * 8, SEL_CODE64, 14, 0, 1);
}

static void ud_ist(struct guest *g)
{
	guest_idt(g, 6, G_vectors64 + 16 * 6, SEL_CODE64, 14, 0, 1);
}

/* ---- checks ----------------------------------------------------------------- */

/* The frame, its number and the error code below it are on the IST's stack. */
static void check_ist(struct guest *g)
{
	CHECK_EQ(g, g->run->regs.gpr[HOLM_RSP], STACK_IST1 - 7 * 8);
	CHECK_EQ(g, guest_read(g, STACK_IST1 - 5 * 8, 8), G_ist);	/* RIP */
	CHECK_EQ(g, guest_read(g, STACK_IST1 - 4 * 8, 8), SEL_CODE64);
	CHECK_EQ(g, guest_read(g, STACK_IST1 - 2 * 8, 8), STACK_TOP);
	CHECK_EQ(g, guest_read(g, STACK_IST1 - 1 * 8, 8), SEL_DATA);
}

static void check_shutdown(struct guest *g)
{
	const struct holm_run *run = g->run;

	CHECK(g, run->out_flags & HOLM_OUT_REGS && run->out_flags & HOLM_OUT_SREGS,
	      "out_flags 0x%x", run->out_flags);
	CHECK(g, holm_vcpu_run(&g->vcpu) == -5, "a vCPU that is shut down runs again");
}

static void check_triple64(struct guest *g)
{
	check_shutdown(g);
	CHECK_EQ(g, g->run->regs.gpr[14], 0x5555);
	CHECK_EQ(g, g->run->regs.rip, G_triple64_at);
	CHECK_EQ(g, g->run->sregs.idt.limit, 0);
}

static void check_triple32(struct guest *g)
{
	check_shutdown(g);
	CHECK_EQ(g, g->run->regs.rip, G_triple32_at);
}

static void check_triple16(struct guest *g)
{
	check_shutdown(g);
	CHECK_EQ(g, g->run->regs.rip, G_triple16_at);
}

static void in_kernel_frame(struct guest *g)
{
	CHECK_EQ(g, g->run->sregs.cr2, UNMAPPED_ADDR + 0xff8);
}

/* ---- rows ------------------------------------------------------------------- */

#define EX16(name, mode)						\
	{ name, mode, G_ex16, .setup = dpl3_gates,			\
	  EVENTS(X(0), X(0), X_AT(3, G_ex16_bp), X_AT(4, G_ex16_of), X(5), X(6), X(6), X(16), \
		 IRQ_AT(0x21, G_ex16_int)) }
#define EX32(name, mode)						\
	{ name, mode, G_ex32, .setup = dpl3_gates,			\
	  EVENTS(X(0), X(0), X_AT(3, G_ex32_bp), X_AT(4, G_ex32_of), X(5), X(6), X(6), X(16), \
		 IRQ_AT(0x21, G_ex32_int)) }
#define EX64(name, mode)						\
	{ name, mode, G_ex64, .setup = dpl3_gates,			\
	  EVENTS(X(0), X(0), X_AT(3, G_ex64_bp), X(6), X(6), X(6), X(6), X(6), X(6), X(6), X(16), \
		 XE(13, 0), IRQ_AT(0x21, G_ex64_int)) }

/* What some emulated hosts lack. */
#define XM_INT1(name, mode, bits)					\
	{ "xm_" name, mode, G_xm##bits, .skip = no_simd_exceptions, EVENTS(X(19)) }, \
	{ "int1_" name, mode, G_int1_##bits, .skip = no_int1,		\
	  EVENTS(DB_AT(0, G_int1_##bits##_next)) }

/* A guest of page faults in several modes, with U set in the error code or not. */
#define PF2(guest, ...)							\
	{ #guest "_paged32", PAGED32, G_##guest, EVENTS(__VA_ARGS__) },	\
	{ #guest "_pae32", PAE32, G_##guest, EVENTS(__VA_ARGS__) },	\
	{ #guest "_compat32", COMPAT32, G_##guest, EVENTS(__VA_ARGS__) }
#define PF2U(guest, ...)						\
	{ #guest "_user32", USER32, G_##guest, EVENTS(__VA_ARGS__) },	\
	{ #guest "_usercompat32", USERCOMPAT32, G_##guest, EVENTS(__VA_ARGS__) }

static const struct guest_row rows[] = {
	EX16("real16", REAL16),
	EX16("prot16", PROT16),
	EX16("vm86", VM86),
	EX32("prot32", PROT32),
	EX32("paged32", PAGED32),
	EX32("pae32", PAE32),
	EX32("compat32", COMPAT32),
	EX32("user32", USER32),
	EX32("usercompat32", USERCOMPAT32),
	EX64("long64", LONG64),
	EX64("user64", USER64),
	XM_INT1("real16", REAL16, 16),
	XM_INT1("prot16", PROT16, 16),
	XM_INT1("vm86", VM86, 16),
	XM_INT1("prot32", PROT32, 32),
	XM_INT1("paged32", PAGED32, 32),
	XM_INT1("pae32", PAE32, 32),
	XM_INT1("compat32", COMPAT32, 32),
	XM_INT1("user32", USER32, 32),
	XM_INT1("usercompat32", USERCOMPAT32, 32),
	XM_INT1("long64", LONG64, 64),
	XM_INT1("user64", USER64, 64),
	{ "stack_not_canonical_long64", LONG64, G_stack_not_canonical,
	  .skip = no_canonical_stack_fault, EVENTS(XE(12, 0)) },
	{ "stack_not_canonical_user64", USER64, G_stack_not_canonical,
	  .skip = no_canonical_stack_fault, EVENTS(XE(12, 0)) },
	{ GUEST(user_gate, USER64), .setup = user_gate, .skip = no_gate_error_codes,
	  EVENTS(XE(13, GATE_ERROR(0x20)), IRQ(0x21), X_AT(3, G_user_gate_bp)) },
	{ GUEST(gate_not_present, LONG64), .setup = clear_gates, .skip = no_gate_error_codes,
	  EVENTS(XE(13, GATE_ERROR(0x40)), XE(11, GATE_ERROR(6))) },
	{ GUEST(exception_not_present, LONG64), .setup = clear_gates, .skip = no_ext_bit,
	  EVENTS(XE(11, GATE_ERROR(6) | 1)) },
	{ GUEST(gate_beyond_limit, LONG64), .setup = short_idt, .skip = no_gate_error_codes,
	  EVENTS(XE(13, GATE_ERROR(0x40)), X(6)) },
	{ GUEST(ist, LONG64), .setup = ud_ist, .check = check_ist,
	  EVENTS(X_AT(6, G_ist)) },

	{ GUEST(fpu_ts, LONG64), .setup = set_ts, EVENTS(X(7), X(7), X(7)) },
	{ GUEST(fpu_em, LONG64), .setup = set_em, EVENTS(X(7), X(6)) },
	{ GUEST(sse_off, LONG64), .setup = no_osfxsr, EVENTS(X(6)) },
	{ GUEST(xm_off, LONG64), .setup = no_osxmmexcpt, .skip = no_simd_exceptions,
	  EVENTS(X(6)) },

	{ GUEST(segments32, PROT32), .setup = segments32,
	  EVENTS(XE(11, SEL_NOT_PRESENT), XE(12, SEL_NOT_PRESENT), XE(13, SEL_RDONLY),
		 XE(13, 0x400), XE(13, 0x404), XE(13, SEL_TSS), XE(13, 0),
		 XE(13, SEL_NOT_PRESENT), XE(13, 0x400)) },
	{ GUEST(segment_accesses32, PROT32), .skip = no_segment_checks,
	  EVENTS(XE(13, 0), XE(13, 0), XE(13, 0), XE(12, 0), XE(13, 0)) },
	{ GUEST(invalid_tss, USER32), .setup = invalid_tss, EVENTS(XE(10, 0x400)) },
	{ "alignment_user32", USER32, G_alignment32, .setup = alignment,
	  .skip = no_alignment_checks,
	  EVENTS(XE(17, 0), XE(17, 0)) },
	{ "alignment_usercompat32", USERCOMPAT32, G_alignment32, .setup = alignment,
	  .skip = no_alignment_checks,
	  EVENTS(XE(17, 0), XE(17, 0)) },
	{ "alignment_supervisor", PAGED32, G_alignment32, .setup = alignment },
	{ "alignment_off", USER32, G_alignment32 },

	PF2(pf_read, PF(0, UNMAPPED_ADDR + 0x123)),
	PF2U(pf_read, PF(PFE_U, UNMAPPED_ADDR + 0x123)),
	PF2(pf_write, PF(PFE_W, UNMAPPED_ADDR + 0x800)),
	PF2U(pf_write, PF(PFE_U | PFE_W, UNMAPPED_ADDR + 0x800)),
	PF2(pf_rdonly, PF(PFE_P | PFE_W, RDONLY_ADDR), PF(PFE_P | PFE_W, RDONLY_ADDR + 8)),
	PF2U(pf_rdonly, PF(PFE_P | PFE_W | PFE_U, RDONLY_ADDR),
	     PF(PFE_P | PFE_W | PFE_U, RDONLY_ADDR + 8)),
	{ "pf_cross", PAGED32, G_pf_cross, .setup = second_unmapped,
	  EVENTS(PF(0, UNMAPPED_ADDR), PF(0, SCRATCH_ADDR + 0x1000)) },
	{ "pf_cross_user", USERCOMPAT32, G_pf_cross, .setup = second_unmapped,
	  EVENTS(PF(PFE_U, UNMAPPED_ADDR), PF(PFE_U, SCRATCH_ADDR + 0x1000)) },
	{ "pf_fetch_paged32", PAGED32, G_pf_fetch, EVENTS(PF_AT(0, UNMAPPED_ADDR, UNMAPPED_ADDR)) },
	/* With NXE the I bit tells a fetch. */
	{ "pf_fetch_pae32", PAE32, G_pf_fetch,
	  EVENTS(PF_AT(PFE_I, UNMAPPED_ADDR, UNMAPPED_ADDR)) },
	{ "pf_fetch_usercompat32", USERCOMPAT32, G_pf_fetch,
	  EVENTS(PF_AT(PFE_I | PFE_U, UNMAPPED_ADDR, UNMAPPED_ADDR)) },
	{ "pf_noexec_pae32", PAE32, G_pf_noexec,
	  EVENTS(PF_AT(PFE_I | PFE_P, NOEXEC_ADDR, NOEXEC_ADDR)) },
	{ "pf_noexec_usercompat32", USERCOMPAT32, G_pf_noexec,
	  EVENTS(PF_AT(PFE_I | PFE_P | PFE_U, NOEXEC_ADDR, NOEXEC_ADDR)) },
	{ "pf_reserved_pae32", PAE32, G_pf_reserved, .setup = reserved_pte, .skip = no_reserved_bits,
	  EVENTS(PF(PFE_P | PFE_R, SCRATCH_ADDR + 0x2000),
		 PF(PFE_P | PFE_R | PFE_W, SCRATCH_ADDR + 0x2004)) },
	{ "pf_reserved_usercompat32", USERCOMPAT32, G_pf_reserved, .setup = reserved_pte,
	  .skip = no_reserved_bits,
	  EVENTS(PF(PFE_P | PFE_R | PFE_U, SCRATCH_ADDR + 0x2000),
		 PF(PFE_P | PFE_R | PFE_W | PFE_U, SCRATCH_ADDR + 0x2004)) },
	{ "pf_super_user32", USER32, G_pf_super,
	  EVENTS(PF(PFE_P | PFE_U, SUPER_ADDR), PF(PFE_P | PFE_U | PFE_W, SUPER_ADDR),
		 PF_AT(PFE_P | PFE_U, SUPER_ADDR, SUPER_ADDR)) },
	{ "pf_super_usercompat32", USERCOMPAT32, G_pf_super,
	  EVENTS(PF(PFE_P | PFE_U, SUPER_ADDR), PF(PFE_P | PFE_U | PFE_W, SUPER_ADDR),
		 PF_AT(PFE_P | PFE_U | PFE_I, SUPER_ADDR, SUPER_ADDR)) },
	{ "pf_push", USER32, G_pf_push,
	  EVENTS(PF(PFE_W | PFE_U, UNMAPPED_ADDR + 0xffc)) },
	{ "pf_then_mapped_paged32", PAGED32, G_pf_then_mapped, .call = map_unmapped,
	  EVENTS(PF(0, UNMAPPED_ADDR), CALL(1), V(0x1234)) },
	{ "pf_then_mapped_compat32", COMPAT32, G_pf_then_mapped, .call = map_unmapped,
	  EVENTS(PF(0, UNMAPPED_ADDR), CALL(1), V(0x1234)) },
	{ "pf_invlpg_paged32", PAGED32, G_pf_invlpg, .call = unmap_scratch,
	  EVENTS(CALL(1), PF(0, SCRATCH_ADDR), CALL(2), CALL(1), PF(0, SCRATCH_ADDR)) },
	{ "pf_invlpg_pae32", PAE32, G_pf_invlpg, .call = unmap_scratch,
	  EVENTS(CALL(1), PF(0, SCRATCH_ADDR), CALL(2), CALL(1), PF(0, SCRATCH_ADDR)) },
	{ "pf_invlpg_compat32", COMPAT32, G_pf_invlpg, .call = unmap_scratch,
	  EVENTS(CALL(1), PF(0, SCRATCH_ADDR), CALL(2), CALL(1), PF(0, SCRATCH_ADDR)) },
	{ "wp_off_paged32", PAGED32, G_wp_off, .setup = wp_off, EVENTS(V(0x5678)) },
	{ "wp_off_compat32", COMPAT32, G_wp_off, .setup = wp_off, EVENTS(V(0x5678)) },
	{ "accessed_dirty_paged32", PAGED32, G_accessed_dirty, .call = check_ad,
	  EVENTS(CALL(1), CALL(2), CALL(3)) },
	{ "accessed_dirty_pae32", PAE32, G_accessed_dirty, .call = check_ad,
	  EVENTS(CALL(1), CALL(2), CALL(3)) },
	{ "accessed_dirty_compat32", COMPAT32, G_accessed_dirty, .call = check_ad,
	  EVENTS(CALL(1), CALL(2), CALL(3)) },
	{ GUEST(pf_64, LONG64),
	  EVENTS(PF(0, UNMAPPED_ADDR), PF(0, 0x123456789000), PF(PFE_W, 0x123456789008),
		 PF(0, 0xffff800000000000), PF_AT(PFE_P | PFE_I, NOEXEC_ADDR, NOEXEC_ADDR),
		 PF_AT(PFE_I, 0x123456789000, 0x123456789000)) },

	{ GUEST(df_gate, LONG64), .setup = gp_gate_absent, .skip = no_injected_df,
	  EVENTS(XE_AT(8, 0, G_df_gate_at)) },
	{ GUEST(df_gate_read, LONG64), .setup = gp_gate_absent, .skip = no_injected_df,
	  EVENTS(XE_AT(8, 0, G_df_gate_read_at)) },
	{ GUEST(df_stack, LONG64), .setup = df_ist, .check = in_kernel_frame,
	  EVENTS(XE_AT(8, 0, G_df_stack_at)) },
	{ GUEST(df_stack32, PAGED32), .end = HOLM_EXIT_SHUTDOWN, .check = check_shutdown },
	{ "triple_real16", REAL16, G_triple16, HOLM_EXIT_SHUTDOWN, .check = check_triple16 },
	{ "triple_prot16", PROT16, G_triple16, HOLM_EXIT_SHUTDOWN, .check = check_triple16 },
	{ "triple_prot32", PROT32, G_triple32, HOLM_EXIT_SHUTDOWN, .check = check_triple32 },
	{ "triple_pae32", PAE32, G_triple32, HOLM_EXIT_SHUTDOWN, .check = check_triple32 },
	{ "triple_long64", LONG64, G_triple64, HOLM_EXIT_SHUTDOWN, .check = check_triple64 },
};

void test_exceptions(void)
{
	guest_rows("exceptions", rows, ARRAY_SIZE(rows));
}
