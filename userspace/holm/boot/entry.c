// SPDX-License-Identifier: GPL-2.0-or-later
/* The state in which the boot processor starts, for each mode. */
#include <string.h>

#include "loader.h"

#define RFLAGS_FIXED		0x2ULL

#define CR0_PE			(1ULL << 0)
#define CR0_ET			(1ULL << 4)
#define CR0_PG			(1ULL << 31)
#define CR4_PAE			(1ULL << 5)
#define EFER_LME		(1ULL << 8)
#define EFER_LMA		(1ULL << 10)

#define PTE_PRESENT		(1ULL << 0)
#define PTE_WRITE		(1ULL << 1)
#define PTE_PAGE_SIZE		(1ULL << 7)

/* Descriptor types, SDM vol. 3, tables 3-1 and 3-2. */
#define TYPE_LDT		0x2
#define TYPE_DATA_RW_ACCESSED	0x3
#define TYPE_TSS_BUSY		0xb
#define TYPE_CODE_RX_ACCESSED	0xb

/* Selectors of the Linux boot protocol, __BOOT_CS and __BOOT_DS. */
#define BOOT_CS			0x10
#define BOOT_DS			0x18

/* Flat 4 GiB segments, SDM vol. 3, 3.4.5. */
#define GDT_CODE32		0x00cf9b000000ffffULL
#define GDT_CODE64		0x00af9b000000ffffULL
#define GDT_DATA		0x00cf93000000ffffULL
#define GDT_ENTRIES		4

#define NR_PD			4	/* 1 GiB each */
#define PAGE_2M			0x200000ULL

static const struct boot_segment flat_code32 = {
	.limit = 0xffffffff, .selector = BOOT_CS, .type = TYPE_CODE_RX_ACCESSED,
	.s = 1, .present = 1, .db = 1, .g = 1,
};

static const struct boot_segment flat_code64 = {
	.limit = 0xffffffff, .selector = BOOT_CS, .type = TYPE_CODE_RX_ACCESSED,
	.s = 1, .present = 1, .l = 1, .g = 1,
};

static const struct boot_segment flat_data = {
	.limit = 0xffffffff, .selector = BOOT_DS, .type = TYPE_DATA_RW_ACCESSED,
	.s = 1, .present = 1, .db = 1, .g = 1,
};

/* As after INIT; a busy TSS is what VM entry asks for in every mode. */
static const struct boot_segment reset_tr = {
	.limit = 0xffff, .type = TYPE_TSS_BUSY, .present = 1,
};

static const struct boot_segment reset_ldt = {
	.limit = 0xffff, .type = TYPE_LDT, .present = 1,
};

static void boot_entry_data_segments(struct boot_entry *out, const struct boot_segment *seg)
{
	out->ds = *seg;
	out->es = *seg;
	out->fs = *seg;
	out->gs = *seg;
	out->ss = *seg;
	out->tr = reset_tr;
	out->ldt = reset_ldt;
}

void boot_entry_real16(struct boot_entry *out, uint16_t cs, uint16_t ip)
{
	struct boot_segment data = {
		.limit = 0xffff, .type = TYPE_DATA_RW_ACCESSED, .s = 1, .present = 1,
	};

	out->mode = BOOT_MODE_REAL16;
	out->rip = ip;
	out->rsp = ip;
	out->rflags = RFLAGS_FIXED;
	out->cr0 = CR0_ET;
	out->cs = data;
	out->cs.type = TYPE_CODE_RX_ACCESSED;
	out->cs.selector = cs;
	out->cs.base = (uint64_t)cs << 4;
	boot_entry_data_segments(out, &data);
	/* The interrupt vectors of real mode: 256 times four bytes at 0. */
	out->idt.limit = 0x3ff;
}

static int boot_put_gdt(struct boot_ctx *ctx, uint64_t code, struct err *err)
{
	const uint64_t gdt[GDT_ENTRIES] = {
		[BOOT_CS / 8] = code,
		[BOOT_DS / 8] = GDT_DATA,
	};
	uint64_t gpa;
	void *to;

	to = boot_alloc_info(ctx, sizeof(gdt), sizeof(gdt), "the GDT", &gpa, err);
	if (!to)
		return -1;
	memcpy(to, gdt, sizeof(gdt));
	ctx->out->gdt.base = gpa;
	ctx->out->gdt.limit = sizeof(gdt) - 1;
	return 0;
}

int boot_entry_prot32(struct boot_ctx *ctx, uint32_t rip, struct err *err)
{
	struct boot_entry *out = ctx->out;

	if (boot_put_gdt(ctx, GDT_CODE32, err))
		return -1;
	out->mode = BOOT_MODE_PROT32;
	out->rip = rip;
	out->rflags = RFLAGS_FIXED;
	out->cr0 = CR0_PE | CR0_ET;
	out->cs = flat_code32;
	boot_entry_data_segments(out, &flat_data);
	return 0;
}

static int boot_put_page_tables(struct boot_ctx *ctx, struct err *err)
{
	const uint64_t link = PTE_PRESENT | PTE_WRITE;
	uint64_t gpa, *pml4, *pdpt, *pd;

	/* PML4, PDPT, then one page directory for each GiB. */
	pml4 = boot_alloc_info(ctx, (2 + NR_PD) * GMEM_PAGE_SIZE, GMEM_PAGE_SIZE,
			       "the boot page tables", &gpa, err);
	if (!pml4)
		return -1;
	memset(pml4, 0, (2 + NR_PD) * GMEM_PAGE_SIZE);
	pdpt = pml4 + 512;
	pd = pdpt + 512;
	pml4[0] = (gpa + GMEM_PAGE_SIZE) | link;
	for (unsigned int i = 0; i < NR_PD; i++)
		pdpt[i] = (gpa + (2 + i) * GMEM_PAGE_SIZE) | link;
	for (unsigned int i = 0; i < NR_PD * 512; i++)
		pd[i] = (i * PAGE_2M) | PTE_PAGE_SIZE | link;
	ctx->out->cr3 = gpa;
	return 0;
}

int boot_entry_long64(struct boot_ctx *ctx, uint64_t rip, struct err *err)
{
	struct boot_entry *out = ctx->out;

	if (boot_put_gdt(ctx, GDT_CODE64, err) || boot_put_page_tables(ctx, err))
		return -1;
	out->mode = BOOT_MODE_LONG64;
	out->rip = rip;
	out->rflags = RFLAGS_FIXED;
	out->cr0 = CR0_PE | CR0_ET | CR0_PG;
	out->cr4 = CR4_PAE;
	out->efer = EFER_LME | EFER_LMA;
	out->cs = flat_code64;
	boot_entry_data_segments(out, &flat_data);
	return 0;
}
