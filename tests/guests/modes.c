// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Modes: guests that begin in each of them, that go from one to another, and
 * what control registers take and refuse.
 */
#include <stdio.h>

#include "guest.h"

#define CR0_REAL	(CR0_ET | CR0_NE | CR0_MP)
#define CR0_PROT	(CR0_REAL | CR0_PE)
#define CR0_LONG	(CR0_PROT | CR0_PG | CR0_WP)
#define CR4_BASE	(CR4_OSFXSR | CR4_OSXMMEXCPT)

#define IN16(name, mode, cs) \
	{ name, mode, G_in_code16, EVENTS(V(cs), V(0), V(0x1234), X(6)) }
#define IN32(name, mode, cs) \
	{ name, mode, G_in_code32, EVENTS(V(cs), V(0), V(0x12345678), X(6)) }
#define IN64(name, mode, cs) \
	{ name, mode, G_in_code64, \
	  EVENTS(V(cs), V(0xffffffff), V(0x123456789abcdef0), X(6)) }

/* Tables of long mode, for guests that begin in real mode. */
static void long_tables(struct guest *g)
{
	g->mode = LONG64;
	guest_tables(g);
	g->mode = REAL16;
	/* Real mode will find its own at 0. */
	g->sregs.idt = (struct holm_dtable) { .base = 0, .limit = 0x3ff };
}

static void vm86_iopl0(struct guest *g)
{
	g->regs.rflags &= ~RFLAGS_IOPL3;
}

/* IOPL 3 does not open a gate: INT n in virtual-8086 mode needs DPL 3. */
static void vm86_gate(struct guest *g)
{
	guest_idt(g, 0x21, G_vectors32 + 16 * 0x21, SEL_CODE32, 14, 3, 0);
}

static void task_gates(struct guest *g)
{
	guest_idt(g, 0x40, 0, SEL_TASK, 5, 0, 0);
	guest_idt(g, 6, 0, SEL_TASK, 5, 0, 0);
}

/*
 * Its MOV to CR0 is decoded from the guest's memory where the CPU does not tell
 * the instruction: by a walk from a PDPTE that is not valid any more.
 */
static const char *no_valid_pdptes(void)
{
	return hv.tcg ? "QEMU's emulation sets a reserved bit, A, in PDPTEs of PAE paging" : NULL;
}

/* IRET goes back to a task that is busy. */
static void busy_task(struct guest *g)
{
	uint64_t at = GDT_ADDR + SEL_TASK + 5;

	guest_write(g, at, guest_read(g, at, 1) | 2, 1);
}

static void sysenter_segments(struct guest *g)
{
	/* CS is SEL_CODE64 here and flat 32-bit, SS is the next. */
	guest_write(g, GDT_ADDR + SEL_CODE64, guest_read(g, GDT_ADDR + SEL_CODE32, 8), 8);
}


static const struct guest_row rows[] = {
	IN16("real16", REAL16, 0),
	IN16("bigreal16", BIGREAL16, 0),
	IN16("vm86", VM86, 0),
	IN16("prot16", PROT16, SEL_CODE16),
	IN32("prot32", PROT32, SEL_CODE32),
	IN32("paged32", PAGED32, SEL_CODE32),
	IN32("pae32", PAE32, SEL_CODE32),
	IN32("compat32", COMPAT32, SEL_CODE32),
	IN64("long64", LONG64, SEL_CODE64),
	IN32("user32", USER32, SEL_USER_CODE32),
	IN32("usercompat32", USERCOMPAT32, SEL_USER_CODE32),
	IN64("user64", USER64, SEL_USER_CODE64),

	{ GUEST(real_prot16_real, REAL16),
	  EVENTS(V(SEL_CODE16), X(6), V(CR0_REAL), X(6), IRQ(0x21)) },
	{ GUEST(real_prot32_real, REAL16),
	  EVENTS(V(CR0_PROT), X(6), V(CR0_REAL), X(6), IRQ(0x21)) },
	{ GUEST(real_paged32_real, REAL16),
	  EVENTS(V(CR0_PROT | CR0_PG), PF(0, UNMAPPED_ADDR), V(0), V(CR0_REAL), X(6),
		 IRQ(0x21)) },
	{ GUEST(real_pae_real, REAL16), .skip = no_valid_pdptes,
	  EVENTS(V(CR0_PROT | CR0_PG), PF(0, UNMAPPED_ADDR), V(CR0_REAL), X(6), IRQ(0x21)) },
	{ GUEST(real_long_real, REAL16), .setup = long_tables,
	  EVENTS(V(EFER_LME | EFER_NXE), V(EFER_LME | EFER_NXE | EFER_LMA), X(6),
		 V(0x1122334455667788), PF(0, UNMAPPED_ADDR), V(SEL_CODE32),
		 V(EFER_LME | EFER_NXE), V(CR0_REAL), X(6), IRQ(0x21)) },
	{ GUEST(real_long_direct, REAL16), .setup = long_tables,
	  EVENTS(V(EFER_LME | EFER_NXE | EFER_LMA), X(6)) },
	{ GUEST(prot_vm86_prot, PROT32), .setup = vm86_gate,
	  EVENTS(V(0x40), X(6), IRQ(0x21), V(0x3000)) },
	{ GUEST(vm86_iopl0, VM86), .setup = vm86_iopl0,
	  EVENTS(XE(13, 0), XE(13, 0), XE(13, 0), XE(13, 0), XE(13, 0), XE(13, 0), XE(13, 0),
		 XE(13, 0)) },
	{ GUEST(big_real, BIGREAL16), EVENTS(V(0x12345678), V(0x12345678)) },
	{ GUEST(real_limit, REAL16), .skip = no_segment_checks, EVENTS(X(13), X(13), X(12)) },

	{ GUEST(cr0_long, LONG64),
	  EVENTS(XE(13, 0), XE(13, 0), XE(13, 0), V(CR0_LONG | CR0_AM),
		 V(CR0_LONG | CR0_CD | CR0_NW), V(CR0_LONG | CR0_CD | CR0_NW),
		 V(CR0_LONG | CR0_TS), V(CR0_LONG)) },
	{ GUEST(cr0_upper, LONG64), .skip = no_register_checks, EVENTS(XE(13, 0)) },
	{ GUEST(cr0_prot, PROT32),
	  EVENTS(XE(13, 0), XE(13, 0), V(CR0_PROT), V(CR0_PROT | CR0_EM | CR0_TS),
		 V(CR0_PROT & ~CR0_MP), V((CR0_PROT) | CR0_TS), V(CR0_PROT & 0xffff),
		 V(CR0_PROT & 0xffff)) },
	{ GUEST(lmsw_real, REAL16), EVENTS(V(CR0_PROT), X(6)) },
	{ GUEST(cr3_reserved, LONG64), .skip = no_register_checks,
	  EVENTS(XE(13, 0), XE(13, 0)) },
	{ GUEST(cr3_long, LONG64), EVENTS(V(PML4_ADDR | 0x18)) },
	{ GUEST(cr4_long, LONG64),
	  EVENTS(XE(13, 0), XE(13, 0), XE(13, 0), XE(13, 0), XE(13, 0), XE(13, 0),
		 V(CR4_BASE | CR4_PAE | 0xcc)) },
	{ GUEST(cr4_prot, PROT32), EVENTS(XE(13, 0), V(CR4_BASE | 0x58)) },
	{ GUEST(cr8_reserved, LONG64), .skip = no_register_checks,
	  EVENTS(XE(13, 0), XE(13, 0)) },
	{ GUEST(cr8_long, LONG64), EVENTS(V(5), V(15), V(15), V(0)) },
	{ GUEST(efer_long, LONG64),
	  EVENTS(V(EFER_LME | EFER_LMA | EFER_NXE), XE(13, 0), XE(13, 0), XE(13, 0), XE(13, 0),
		 V(EFER_LME | EFER_LMA | EFER_NXE | EFER_SCE),
		 V(EFER_LME | EFER_LMA | EFER_NXE)) },
	{ GUEST(cr_undefined, LONG64), EVENTS(X(6), X(6), X(6), X(6)) },
	{ GUEST(cr_user64, USER64),
	  EVENTS(XE(13, 0), XE(13, 0), XE(13, 0), XE(13, 0), XE(13, 0), XE(13, 0), XE(13, 0),
		 XE(13, 0), XE(13, 0), XE(13, 0), XE(13, 0), XE(13, 0), XE(13, 0), XE(13, 0),
		 XE(13, 0), V(CR0_LONG)) },
	{ GUEST(far_transfers, LONG64),
	  EVENTS(V(STACK_TOP), XE(13, SEL_DATA), XE(13, 0x400), V(SEL_CODE64)) },
	{ GUEST(tables_long, LONG64),
	  EVENTS(V(GDT_SIZE - 1), V(GDT_ADDR), V(0xfff), V(IDT_ADDR), V(SEL_TSS), V(SEL_LDT),
		 XE(13, SEL_TSS), XE(13, SEL_DATA), V(0x123456789abc)) },
	{ GUEST(ltr_null, LONG64), .skip = no_register_checks, EVENTS(XE(13, 0)) },
	{ GUEST(tables_not_canonical, LONG64), .skip = no_canonical_checks,
	  EVENTS(XE(13, 0), XE(13, 0)) },
	{ GUEST(gs_bases, LONG64),
	  EVENTS(V(0x1111), V(0x2222), V(0x3333), V(SCRATCH_ADDR + 0x100), V(0x2222),
		 V(SCRATCH_ADDR + 0x200), V(0)) },
	{ GUEST(bases_not_canonical, LONG64), .skip = no_canonical_checks,
	  EVENTS(XE(13, 0), XE(13, 0), XE(13, 0), XE(13, 0)) },
	{ GUEST(syscall_sysret, LONG64),
	  EVENTS(V(SEL_USER_CODE64), V(SEL_USER_CODE64 - 8), V(SEL_CODE64), V(0), V(0x3202),
		 V(0)) },
	{ GUEST(syscall_off, LONG64), EVENTS(X(6), X(6)) },
	{ GUEST(sysenter_sysexit, PROT32), .setup = sysenter_segments,
	  EVENTS(V(SEL_CODE64), V(SEL_CODE64 + 8), V(STACK_RSP0)) },

	{ GUEST(task_jmp, PROT32), .skip = no_task_switch_exits, .end = HOLM_EXIT_TASK_SWITCH,
	  EVENTS(TASK(SEL_TASK, HOLM_TASK_SWITCH_JMP)) },
	{ GUEST(task_call, PROT32), .skip = no_task_switch_exits, .end = HOLM_EXIT_TASK_SWITCH,
	  EVENTS(TASK(SEL_TASK, HOLM_TASK_SWITCH_CALL)) },
	{ GUEST(task_jmp_gate, PROT32), .skip = no_task_switch_exits, .end = HOLM_EXIT_TASK_SWITCH,
	  EVENTS(TASK(SEL_TASK, HOLM_TASK_SWITCH_JMP)) },
	{ GUEST(task_int, PROT32), .skip = no_task_switch_exits, .end = HOLM_EXIT_TASK_SWITCH,
	  .setup = task_gates,
	  EVENTS(TASK(SEL_TASK, HOLM_TASK_SWITCH_GATE)) },
	{ GUEST(task_fault, PROT32), .skip = no_task_switch_exits, .end = HOLM_EXIT_TASK_SWITCH,
	  .setup = task_gates,
	  EVENTS(TASK(SEL_TASK, HOLM_TASK_SWITCH_GATE)) },
	{ GUEST(task_iret, PROT32), .skip = no_task_switch_exits, .end = HOLM_EXIT_TASK_SWITCH,
	  .setup = busy_task,
	  EVENTS(TASK(SEL_TASK, HOLM_TASK_SWITCH_IRET)) },
};

void test_modes(void)
{
	guest_rows("modes", rows, ARRAY_SIZE(rows));
}
