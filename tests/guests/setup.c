// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Descriptor tables, page tables and registers of each mode. SDM Vol. 3,
 * chapters "Protected-Mode Memory Management", "Paging", "Task Management".
 */
#include <string.h>

#include "guest.h"
#include "image.h"

#define PTE_P		BIT(0)
#define PTE_W		BIT(1)
#define PTE_U		BIT(2)
#define PTE_PS		BIT(7)
#define PTE_NX		BIT(63)
#define PTE_ALL		(PTE_P | PTE_W | PTE_U)

/* struct holm_segment.attrib and descriptor bits 40..55 */
#define AR_DATA		0x0093
#define AR_CODE		0x009b
#define AR_DPL3		0x0060
#define AR_G		0x8000
#define AR_DB		0x4000
#define AR_L		0x2000
#define AR_TSS32_BUSY	0x008b
#define AR_TSS32	0x0089
#define AR_LDT		0x0082
#define AR_V86		0x00f3
#define AR_P		0x0080

#define IO_BITMAP	0x68		/* in the TSS */
#define TSS_LIMIT	(IO_BITMAP + 0x2000)
#define TASK_LIMIT	0x67

const char *const guest_mode_name[GUEST_MODES] = {
	[REAL16] = "real16",
	[BIGREAL16] = "bigreal16",
	[VM86] = "vm86",
	[PROT16] = "prot16",
	[PROT32] = "prot32",
	[PAGED32] = "paged32",
	[PAE32] = "pae32",
	[COMPAT32] = "compat32",
	[LONG64] = "long64",
	[USER32] = "user32",
	[USERCOMPAT32] = "usercompat32",
	[USER64] = "user64",
};

static bool is_long(enum guest_mode mode)
{
	return mode == COMPAT32 || mode == LONG64 || mode == USERCOMPAT32 || mode == USER64;
}

/* ---- page tables ---------------------------------------------------------- */

static uint64_t special_bits(uint64_t gva, uint64_t pte)
{
	switch (gva) {
	case UNMAPPED_ADDR:
		return pte & ~PTE_P;
	case RDONLY_ADDR:
		return pte & ~PTE_W;
	case SUPER_ADDR:
		return pte & ~PTE_U;
	case NOEXEC_ADDR:
		return pte | PTE_NX;
	default:
		return pte;
	}
}

static void page_tables_64(struct guest *g, bool long_mode)
{
	uint64_t i;

	if (long_mode) {
		guest_write(g, PML4_ADDR, PDPT_ADDR | PTE_ALL, 8);
		for (i = 0; i < 4; i++)
			guest_write(g, PDPT_ADDR + 8 * i, (PD_ADDR + 0x1000 * i) | PTE_ALL, 8);
	} else {
		/* Other bits of a PAE PDPTE are reserved. */
		for (i = 0; i < 4; i++)
			guest_write(g, PAE_PDPT_ADDR + 8 * i, (PD_ADDR + 0x1000 * i) | PTE_P, 8);
	}
	for (i = 0; i < 4 * 512; i++)
		guest_write(g, PD_ADDR + 8 * i, i << 21 | PTE_ALL | PTE_PS, 8);
	guest_write(g, PD_ADDR, PT_ADDR | PTE_ALL, 8);
	for (i = 0; i < 512; i++)
		guest_write(g, PT_ADDR + 8 * i, special_bits(i << 12, i << 12 | PTE_ALL), 8);
}

static void page_tables_32(struct guest *g)
{
	uint64_t i;

	for (i = 0; i < 1024; i++)
		guest_write(g, PD32_ADDR + 4 * i, i << 22 | PTE_ALL | PTE_PS, 4);
	guest_write(g, PD32_ADDR, PT32_ADDR | PTE_ALL, 4);
	for (i = 0; i < 1024; i++)
		guest_write(g, PT32_ADDR + 4 * i, special_bits(i << 12, i << 12 | PTE_ALL), 4);
}

void guest_pte(struct guest *g, uint64_t gva, uint64_t set, uint64_t clear)
{
	uint64_t at64 = PT_ADDR + (gva >> 12) * 8, at32 = PT32_ADDR + (gva >> 12) * 4;

	guest_write(g, at64, (guest_read(g, at64, 8) & ~clear) | set, 8);
	guest_write(g, at32, (guest_read(g, at32, 4) & ~clear) | set, 4);
}

/* ---- descriptors ---------------------------------------------------------- */

static void gdt_entry(struct guest *g, unsigned int selector, uint64_t base, uint32_t limit,
		      uint32_t attrib, bool wide)
{
	uint64_t at = GDT_ADDR + (selector & ~7U), d;

	if (attrib & AR_G)
		limit >>= 12;
	d = (limit & 0xffff) | (base & 0xffffff) << 16 | (uint64_t)(attrib & 0xf0ff) << 40 |
	    (uint64_t)(limit >> 16 & 0xf) << 48 | (base >> 24 & 0xff) << 56;
	guest_write(g, at, d, 8);
	if (wide)
		guest_write(g, at + 8, base >> 32, 8);
}

static uint64_t gate(uint64_t handler, uint16_t selector, unsigned int type, unsigned int dpl,
		     unsigned int ist)
{
	return (handler & 0xffff) | (uint64_t)selector << 16 | (uint64_t)ist << 32 |
	       (uint64_t)(AR_P | dpl << 5 | type) << 40 | (handler >> 16 & 0xffff) << 48;
}

void guest_idt(struct guest *g, unsigned int vector, uint64_t handler, uint16_t selector,
	       unsigned int type, unsigned int dpl, unsigned int ist)
{
	if (is_long(g->mode)) {
		guest_write(g, IDT_ADDR + 16 * vector, gate(handler, selector, type, dpl, ist), 8);
		guest_write(g, IDT_ADDR + 16 * vector + 8, handler >> 32, 8);
	} else {
		guest_write(g, IDT_ADDR + 8 * vector, gate(handler, selector, type, dpl, 0), 8);
	}
}

static void gdt(struct guest *g, bool long_mode)
{
	gdt_entry(g, SEL_CODE64, 0, ~0U, AR_CODE | AR_G | AR_L, false);
	gdt_entry(g, SEL_DATA, 0, ~0U, AR_DATA | AR_G | AR_DB, false);
	gdt_entry(g, SEL_CODE32, 0, ~0U, AR_CODE | AR_G | AR_DB, false);
	gdt_entry(g, SEL_CODE16, 0, 0xffff, AR_CODE, false);
	gdt_entry(g, SEL_DATA16, 0, 0xffff, AR_DATA, false);
	gdt_entry(g, SEL_USER_CODE64, 0, ~0U, AR_CODE | AR_DPL3 | AR_G | AR_L, false);
	gdt_entry(g, SEL_USER_DATA, 0, ~0U, AR_DATA | AR_DPL3 | AR_G | AR_DB, false);
	gdt_entry(g, SEL_USER_CODE32, 0, ~0U, AR_CODE | AR_DPL3 | AR_G | AR_DB, false);
	gdt_entry(g, SEL_TASK, TASK_ADDR, TASK_LIMIT, AR_TSS32, false);
	gdt_entry(g, SEL_NOT_PRESENT, 0, ~0U, (AR_DATA | AR_G | AR_DB) & ~AR_P, false);
	gdt_entry(g, SEL_RDONLY, 0, ~0U, 0x91 | AR_G | AR_DB, false);
	gdt_entry(g, SEL_SMALL, 0, 0xfff, AR_DATA | AR_DB, false);
	guest_write(g, GDT_ADDR + SEL_TASK_GATE, gate(0, SEL_TASK, 5, 0, 0), 8);
	gdt_entry(g, SEL_LDT, LDT_ADDR, 0xfff, AR_LDT, long_mode);
	gdt_entry(g, SEL_TSS, TSS_ADDR, TSS_LIMIT, AR_TSS32_BUSY, long_mode);
}

static void tss(struct guest *g, bool long_mode)
{
	if (long_mode) {
		guest_write(g, TSS_ADDR + 0x04, STACK_RSP0, 8);
		guest_write(g, TSS_ADDR + 0x24, STACK_IST1, 8);
	} else {
		guest_write(g, TSS_ADDR + 0x04, STACK_RSP0, 4);
		guest_write(g, TSS_ADDR + 0x08, SEL_DATA, 4);
	}
	guest_write(g, TSS_ADDR + 0x66, IO_BITMAP, 2);
	/* The bitmap is zero: all ports; its last byte must be ones. */
	guest_write(g, TSS_ADDR + TSS_LIMIT, 0xff, 1);
}

static void interrupt_tables(struct guest *g, bool long_mode)
{
	unsigned int v;

	for (v = 0; v < 256; v++) {
		guest_write(g, 4 * v, G_vectors16 + 8 * v, 4);
		if (long_mode)
			guest_idt(g, v, G_vectors64 + 16 * v, SEL_CODE64, 14, v < 32 ? 3 : 0, 0);
		else
			guest_idt(g, v, G_vectors32 + 16 * v, SEL_CODE32, 14, v < 32 ? 3 : 0, 0);
	}
}

/* ---- registers ------------------------------------------------------------ */

static void set_seg(struct guest *g, int n, uint16_t selector, uint64_t base, uint32_t limit,
		    uint32_t attrib)
{
	g->sregs.seg[n] = (struct holm_segment) {
		.selector = selector,
		.base = base,
		.limit = limit,
		.attrib = attrib,
	};
}

static void set_data_segs(struct guest *g, uint16_t selector, uint64_t base, uint32_t limit,
			  uint32_t attrib)
{
	set_seg(g, HOLM_SEG_ES, selector, base, limit, attrib);
	set_seg(g, HOLM_SEG_SS, selector, base, limit, attrib);
	set_seg(g, HOLM_SEG_DS, selector, base, limit, attrib);
	set_seg(g, HOLM_SEG_FS, selector, base, limit, attrib);
	set_seg(g, HOLM_SEG_GS, selector, base, limit, attrib);
}

static void mode_segs(struct guest *g, enum guest_mode mode)
{
	const uint32_t flat = AR_DATA | AR_G | AR_DB;

	switch (mode) {
	case REAL16:
	case BIGREAL16:
		set_data_segs(g, 0, 0, 0xffff, AR_DATA);
		set_seg(g, HOLM_SEG_CS, 0, 0, 0xffff, AR_CODE);
		if (mode == BIGREAL16) {
			set_seg(g, HOLM_SEG_DS, 0, 0, ~0U, AR_DATA | AR_G);
			set_seg(g, HOLM_SEG_ES, 0, 0, ~0U, AR_DATA | AR_G);
		}
		break;
	case VM86:
		set_data_segs(g, 0, 0, 0xffff, AR_V86);
		set_seg(g, HOLM_SEG_CS, 0, 0, 0xffff, AR_V86);
		break;
	case PROT16:
		set_data_segs(g, SEL_DATA16, 0, 0xffff, AR_DATA);
		set_seg(g, HOLM_SEG_CS, SEL_CODE16, 0, 0xffff, AR_CODE);
		break;
	case PROT32:
	case PAGED32:
	case PAE32:
	case COMPAT32:
		set_data_segs(g, SEL_DATA, 0, ~0U, flat);
		set_seg(g, HOLM_SEG_CS, SEL_CODE32, 0, ~0U, AR_CODE | AR_G | AR_DB);
		break;
	case LONG64:
		set_data_segs(g, SEL_DATA, 0, ~0U, flat);
		set_seg(g, HOLM_SEG_CS, SEL_CODE64, 0, ~0U, AR_CODE | AR_G | AR_L);
		break;
	case USER32:
	case USERCOMPAT32:
		set_data_segs(g, SEL_USER_DATA, 0, ~0U, flat | AR_DPL3);
		set_seg(g, HOLM_SEG_CS, SEL_USER_CODE32, 0, ~0U,
			AR_CODE | AR_DPL3 | AR_G | AR_DB);
		break;
	case USER64:
		set_data_segs(g, SEL_USER_DATA, 0, ~0U, flat | AR_DPL3);
		set_seg(g, HOLM_SEG_CS, SEL_USER_CODE64, 0, ~0U, AR_CODE | AR_DPL3 | AR_G | AR_L);
		break;
	default:
		break;
	}
	set_seg(g, HOLM_SEG_TR, SEL_TSS, TSS_ADDR, TSS_LIMIT, AR_TSS32_BUSY);
	set_seg(g, HOLM_SEG_LDTR, 0, 0, 0, HOLM_SEG_UNUSABLE);
}

static void mode_crs(struct guest *g, enum guest_mode mode)
{
	struct holm_sregs *s = &g->sregs;

	s->cr0 = CR0_ET | CR0_NE | CR0_MP;
	s->cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT;
	switch (mode) {
	case REAL16:
	case BIGREAL16:
		break;
	case VM86:
	case PROT16:
	case PROT32:
		s->cr0 |= CR0_PE;
		break;
	case PAGED32:
	case USER32:
		s->cr0 |= CR0_PE | CR0_PG | CR0_WP;
		s->cr4 |= CR4_PSE;
		s->cr3 = PD32_ADDR;
		break;
	case PAE32:
		s->cr0 |= CR0_PE | CR0_PG | CR0_WP;
		s->cr4 |= CR4_PAE;
		s->cr3 = PAE_PDPT_ADDR;
		s->efer = EFER_NXE;
		break;
	default:
		s->cr0 |= CR0_PE | CR0_PG | CR0_WP;
		s->cr4 |= CR4_PAE;
		s->cr3 = PML4_ADDR;
		s->efer = EFER_LME | EFER_LMA | EFER_NXE;
		break;
	}
}

void guest_tables(struct guest *g)
{
	bool long_mode = is_long(g->mode);

	memcpy(g->ram + IMAGE_START, image, image_end - image);
	gdt(g, long_mode);
	tss(g, long_mode);
	interrupt_tables(g, long_mode);
	page_tables_64(g, true);
	page_tables_64(g, false);
	page_tables_32(g);
}

void guest_mode(struct guest *g, enum guest_mode mode)
{
	g->mode = mode;
	guest_tables(g);
	guest_get(g, HOLM_STATE_SREGS, &g->sregs, sizeof(g->sregs));
	mode_segs(g, mode);
	mode_crs(g, mode);
	g->sregs.gdt = (struct holm_dtable) { .base = GDT_ADDR, .limit = GDT_SIZE - 1 };
	g->sregs.idt = (struct holm_dtable) { .base = IDT_ADDR, .limit = 0xfff };
	if (mode == REAL16 || mode == BIGREAL16)
		g->sregs.idt = (struct holm_dtable) { .base = 0, .limit = 0x3ff };
	else if (!is_long(mode))
		g->sregs.idt.limit = 0x7ff;

	memset(&g->regs, 0, sizeof(g->regs));
	g->regs.rflags = RFLAGS_FIXED;
	g->regs.gpr[HOLM_RSP] = STACK_TOP;
	switch (mode) {
	case VM86:
		g->regs.rflags |= RFLAGS_VM | RFLAGS_IOPL3;
		g->regs.gpr[HOLM_RSP] = STACK16;
		break;
	case REAL16:
	case BIGREAL16:
	case PROT16:
		g->regs.gpr[HOLM_RSP] = STACK16;
		break;
	case USER32:
	case USERCOMPAT32:
	case USER64:
		g->regs.rflags |= RFLAGS_IOPL3;
		g->regs.gpr[HOLM_RSP] = STACK_USER;
		break;
	default:
		break;
	}
}

void guest_start(struct guest *g, uint64_t entry)
{
	g->regs.rip = entry;
	g->run->regs = g->regs;
	g->run->sregs = g->sregs;
	g->run->in_flags = HOLM_RUN_REGS | HOLM_RUN_SREGS;
}
