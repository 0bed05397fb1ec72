// SPDX-License-Identifier: GPL-2.0-only
/*
 * Walks of the guest's own page tables (SDM Vol. 3, chapter "Paging"). They
 * set no accessed or dirty bits.
 */
#include <linux/kernel.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/sched.h>
#include <linux/uaccess.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "../holm.h"
#include "cpuid.h"
#include "insn.h"
#include "walk.h"
#include "x86.h"

/* Page-fault error code ("Page-Fault Exceptions"). */
#define ERR_PRESENT	BIT(0)
#define ERR_WRITE	BIT(1)
#define ERR_USER	BIT(2)
#define ERR_RESERVED	BIT(3)
#define ERR_FETCH	BIT(4)

/* Paging-structure entries of all modes. */
#define PTE_P		BIT_ULL(0)
#define PTE_W		BIT_ULL(1)
#define PTE_U		BIT_ULL(2)
#define PTE_PS		BIT_ULL(7)
#define PTE_NX		BIT_ULL(63)
#define PTE_ADDR	GENMASK_ULL(51, 12)

/* PAE's PDPTE has no rights: P, PWT, PCD and an address. */
#define PDPTE_RESERVED	(GENMASK_ULL(2, 1) | GENMASK_ULL(8, 5))
/* Without long mode bits 52 to 62 are reserved too. */
#define PAE_RESERVED	GENMASK_ULL(62, 52)

/* A 4-MByte page of 32-bit paging: bits 13..20 are bits 32..39 of its address. */
#define PDE32_HIGH	GENMASK_ULL(20, 13)
#define PDE32_HIGH_SHIFT 19
#define PDE32_RESERVED	BIT_ULL(21)

/* One level of a paging mode, from the root down. */
struct level {
	u8 shift;		/* of the index in the linear address */
	u8 index_bits;
	bool pdpte;		/* PAE's root: no rights, other reserved bits */
};

struct mode {
	u8 entry_size;
	u8 nlevels;
	u64 root;		/* table's address in CR3 */
	struct level level[4];
};

static const struct mode mode_32bit = {
	.entry_size = 4, .nlevels = 2, .root = GENMASK_ULL(31, 12),
	.level = { { 22, 10 }, { 12, 10 } },
};

static const struct mode mode_pae = {
	.entry_size = 8, .nlevels = 3, .root = GENMASK_ULL(31, 5),
	.level = { { 30, 2, true }, { 21, 9 }, { 12, 9 } },
};

static const struct mode mode_4level = {
	.entry_size = 8, .nlevels = 4, .root = PTE_ADDR,
	.level = { { 39, 9 }, { 30, 9 }, { 21, 9 }, { 12, 9 } },
};

static const struct mode *paging_mode(const struct holm_walk_ctx *ctx)
{
	if (ctx->efer & EFER_LMA)
		return &mode_4level;
	return ctx->cr4 & X86_CR4_PAE ? &mode_pae : &mode_32bit;
}

static bool has_nx(const struct holm_walk_ctx *ctx)
{
	return ctx->cr4 & X86_CR4_PAE && ctx->efer & EFER_NX;
}

/* Does the entry map a page at a level that is not the last? */
static bool is_large(const struct holm_walk_ctx *ctx, const struct mode *mode, int i, u64 entry)
{
	if (!(entry & PTE_PS))
		return false;
	if (mode == &mode_32bit)
		return ctx->cr4 & X86_CR4_PSE;
	if (mode->level[i].shift == 21)
		return true;
	return mode == &mode_4level && mode->level[i].shift == 30 && ctx->page_1g;
}

static u64 reserved_bits(const struct holm_walk_ctx *ctx, const struct mode *mode, int i,
			 bool large)
{
	u64 reserved = PTE_ADDR & ctx->phys_reserved;

	if (mode == &mode_32bit)
		return large ? PDE32_RESERVED |
			       (ctx->phys_reserved >> PDE32_HIGH_SHIFT & PDE32_HIGH) : 0;
	if (mode->level[i].pdpte)
		return reserved | PDPTE_RESERVED | PAE_RESERVED | PTE_NX;
	if (!has_nx(ctx))
		reserved |= PTE_NX;
	if (mode == &mode_pae)
		reserved |= PAE_RESERVED;
	if (large)	/* the address is aligned; bit 12 is PAT */
		reserved |= GENMASK_ULL(mode->level[i].shift - 1, 13);
	else if (i + 1 < mode->nlevels && mode->level[i].shift != 21)
		reserved |= PTE_PS;	/* not a level of pages: must be 0 */
	return reserved;
}

static u64 leaf_address(const struct mode *mode, int i, u64 entry, bool large)
{
	u64 address = entry & PTE_ADDR & ~(BIT_ULL(mode->level[i].shift) - 1);

	if (mode == &mode_32bit && large)
		address |= (entry & PDE32_HIGH) << PDE32_HIGH_SHIFT;
	return address;
}

/*
 * "Determination of Access Rights": @rights are the U, W and NX bits that all
 * levels agree on.
 */
static bool access_allowed(const struct holm_walk_ctx *ctx, u64 rights, u32 flags)
{
	bool user_page = rights & PTE_U;
	bool fetch = flags & HOLM_TRANSLATE_FETCH, write = flags & HOLM_TRANSLATE_WRITE;

	if (fetch && rights & PTE_NX)
		return false;
	if (flags & HOLM_TRANSLATE_USER)
		return user_page && (!write || rights & PTE_W);
	if (user_page && fetch && ctx->cr4 & X86_CR4_SMEP)
		return false;
	if (user_page && !fetch && ctx->cr4 & X86_CR4_SMAP && !(ctx->rflags & X86_EFLAGS_AC))
		return false;
	return !write || rights & PTE_W || !(ctx->cr0 & X86_CR0_WP);
}

static u32 error_bits(const struct holm_walk_ctx *ctx, u32 flags)
{
	u32 error = 0;

	if (flags & HOLM_TRANSLATE_WRITE)
		error |= ERR_WRITE;
	if (flags & HOLM_TRANSLATE_USER)
		error |= ERR_USER;
	if (flags & HOLM_TRANSLATE_FETCH && (has_nx(ctx) || ctx->cr4 & X86_CR4_SMEP))
		error |= ERR_FETCH;
	return error;
}

static int refuse(const struct holm_walk_ctx *ctx, u32 flags, u32 error, u32 *error_code)
{
	*error_code = error_bits(ctx, flags) | error;
	return 1;
}

int holm_walk_tables(const struct holm_walk_ctx *ctx, u64 gva, u32 flags, u64 *gpa,
		     u32 *error_code)
{
	const struct mode *mode = paging_mode(ctx);
	u64 rights = PTE_W | PTE_U, table, entry;
	int i, err;

	*error_code = 0;
	if (!(ctx->efer & EFER_LMA))
		gva = (u32)gva;
	if (!(ctx->cr0 & X86_CR0_PG)) {
		*gpa = gva;
		return 0;
	}
	/* A CPU raises #GP or #SS before it walks; there is nothing to find. */
	if (!holm_is_canonical(gva))
		return refuse(ctx, flags, 0, error_code);

	table = ctx->cr3 & mode->root;
	for (i = 0; i < mode->nlevels; i++) {
		const struct level *level = &mode->level[i];
		u64 index = gva >> level->shift & (BIT_ULL(level->index_bits) - 1);
		bool large;

		entry = 0;
		err = ctx->read(ctx, table + index * mode->entry_size, &entry, mode->entry_size);
		if (err)
			return err;
		if (!(entry & PTE_P))
			return refuse(ctx, flags, 0, error_code);
		large = !level->pdpte && i + 1 < mode->nlevels && is_large(ctx, mode, i, entry);
		if (entry & reserved_bits(ctx, mode, i, large))
			return refuse(ctx, flags, ERR_PRESENT | ERR_RESERVED, error_code);
		if (!level->pdpte) {
			rights &= entry | ~(PTE_W | PTE_U);
			rights |= entry & PTE_NX;
		}
		if (large || i + 1 == mode->nlevels)
			break;
		table = entry & PTE_ADDR;
	}

	if (mode == &mode_32bit || !has_nx(ctx))
		rights &= ~PTE_NX;
	if (!access_allowed(ctx, rights, flags))
		return refuse(ctx, flags, ERR_PRESENT, error_code);
	*gpa = leaf_address(mode, i, entry, i + 1 < mode->nlevels) |
	       (gva & (BIT_ULL(mode->level[i].shift) - 1));
	return 0;
}

/* ---- of a vCPU ------------------------------------------------------------ */

static int read_sleep(const struct holm_walk_ctx *ctx, u64 gpa, void *buf, size_t len)
{
	return holm_guest_read(ctx->data, gpa, buf, len);
}

static int read_atomic(const struct holm_walk_ctx *ctx, u64 gpa, void *buf, size_t len)
{
	return holm_guest_read_atomic(ctx->data, gpa, buf, len);
}

/**
 * holm_walk() - the guest's own page tables: linear to guest-physical
 * @vcpu: the vCPU, its lock held
 * @gva: linear address
 * @flags: HOLM_TRANSLATE_*
 * @atomic: must not sleep: reads with holm_guest_read_atomic()
 * @gpa: result
 * @error_code: #PF error code when it is refused
 *
 * PAE's top level is read from memory like the others: a guest reloads CR3
 * when it changes it.
 *
 * Return: 0, 1 (page fault), or -EFAULT (a table is not in memory, or, atomic,
 * not resident).
 */
int holm_walk(struct holm_vcpu *vcpu, u64 gva, u32 flags, bool atomic, u64 *gpa, u32 *error_code)
{
	struct holm_walk_ctx ctx = {
		.read = atomic ? read_atomic : read_sleep,
		.data = vcpu->vm,
	};

	holm_state_get(vcpu, HOLM_ST_CR | HOLM_ST_RIP);
	ctx.cr0 = vcpu->sregs.cr0;
	ctx.cr3 = vcpu->sregs.cr3;
	ctx.cr4 = vcpu->sregs.cr4;
	ctx.efer = vcpu->sregs.efer;
	ctx.rflags = vcpu->regs.rflags;
	ctx.phys_reserved = vcpu->phys_mask_reserved;
	ctx.page_1g = vcpu->page_1g;
	return holm_walk_tables(&ctx, gva, flags, gpa, error_code);
}

/* ---- what was just fetched ------------------------------------------------- */

enum { WINDOW_TABLES, WINDOW_CODE };

/* 4-level paging from the root at @table, by entries that are all in @w. */
static int walk_window(const struct holm_window *w, u64 table, u64 rip, u64 *gpa)
{
	u64 first = w->gpa, size = w->size, entry, at;
	unsigned long uaddr = w->uaddr;
	int shift = 39, err = -EAGAIN;

	if (!user_access_begin((void __user *)uaddr, size))
		return -EAGAIN;
	for (;; shift -= 9) {
		at = table + (rip >> shift & 511) * sizeof(entry) - first;
		if (unlikely(at >= size))
			goto out;
		at = array_index_nospec(at, size);
		unsafe_get_user(entry, (u64 __user *)(uaddr + at), out);
		if (unlikely(!(entry & PTE_P)))
			goto out;
		if (shift == 12 || (entry & PTE_PS && shift <= 30))
			break;
		table = entry & PTE_ADDR;
	}
	*gpa = (entry & PTE_ADDR & ~(BIT_ULL(shift) - 1)) | (rip & (BIT_ULL(shift) - 1));
	err = 0;
out:
	user_access_end();
	return err;
}

static int read_window(const struct holm_window *w, u64 gpa, u32 *bytes)
{
	u32 __user *from = (u32 __user *)(w->uaddr + array_index_nospec(gpa - w->gpa, w->size));

	if (!user_access_begin(from, sizeof(*from)))
		return -EAGAIN;
	unsafe_get_user(*bytes, from, fault);
	user_access_end();
	return 0;
fault:
	user_access_end();
	return -EAGAIN;
}

/**
 * holm_fetch_exited() - the first bytes of the instruction that exited
 * @vcpu: the vCPU, its lock held; in 64-bit mode
 * @cr3: its CR3
 * @rip: its RIP
 * @bytes: result: 4 bytes, of which the last may be beyond the instruction
 *
 * The CPU has just fetched them, so rights and reserved bits, which it has
 * checked, are not looked at. Should the guest change its memory behind the
 * CPU's back, it finds what a CPU would that fetches again. Does not sleep.
 *
 * Return: 0, or -EAGAIN when this way does not lead there: page tables in
 * several slots, memory that is not resident, the end of a page.
 * holm_fetch_insn() is the way for everything.
 */
int holm_fetch_exited(struct holm_vcpu *vcpu, u64 cr3, u64 rip, u32 *bytes)
{
	struct holm_window *tables = &vcpu->window[WINDOW_TABLES];
	struct holm_window *code = &vcpu->window[WINDOW_CODE];
	struct holm_mmu *mmu = &vcpu->vm->mmu;
	int err;
	u64 gpa;

	cr3 &= PTE_ADDR;
	if (unlikely(offset_in_page(rip) > PAGE_SIZE - sizeof(*bytes) ||
		     current->mm != vcpu->vm->mm || !holm_window_has(mmu, tables, cr3)))
		return -EAGAIN;
	pagefault_disable();
	err = walk_window(tables, cr3, rip, &gpa);
	if (likely(!err))
		err = holm_window_has(mmu, code, gpa) ? read_window(code, gpa, bytes) : -EAGAIN;
	pagefault_enable();
	return err;
}

/**
 * holm_fetch_insn() - instruction bytes at RIP
 * @vcpu: the vCPU, its lock held
 * @buf: for the bytes
 * @len: as many as it takes
 * @atomic: as for holm_walk()
 *
 * Return: how many bytes there are, up to @len; fewer where the next page
 * cannot be fetched from.
 */
int holm_fetch_insn(struct holm_vcpu *vcpu, u8 *buf, int len, bool atomic)
{
	u32 flags = HOLM_TRANSLATE_FETCH, error_code;
	u64 linear, gpa;
	bool is_64bit;
	int done = 0;

	holm_state_get(vcpu, HOLM_ST_RIP | HOLM_ST_SEG | HOLM_ST_CR);
	is_64bit = holm_is_64bit(vcpu);
	if (holm_cpl(vcpu) == 3)
		flags |= HOLM_TRANSLATE_USER;
	linear = vcpu->regs.rip;
	if (!is_64bit)
		linear += vcpu->sregs.seg[HOLM_SEG_CS].base;

	while (done < len) {
		u64 address = linear + done;
		int n, err;

		if (!is_64bit)
			address = (u32)address;
		n = min_t(int, len - done, PAGE_SIZE - offset_in_page(address));
		if (holm_walk(vcpu, address, flags, atomic, &gpa, &error_code))
			break;
		if (atomic)
			err = holm_guest_read_atomic(vcpu->vm, gpa, buf + done, n);
		else
			err = holm_guest_read(vcpu->vm, gpa, buf + done, n);
		if (err)
			break;
		done += n;
	}
	return done;
}
