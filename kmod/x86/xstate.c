// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest x87, SSE, AVX and AVX-512 state in an XSAVE area of our own, in
 * standard format and the host's component order (SDM Vol. 1, "Managing State
 * Using the XSAVE Feature Set"). On a CPU without XSAVE, FXSAVE does, and the
 * header is kept by hand.
 *
 * XRSTOR cannot fault: what a launcher sets is checked first, everything else
 * was written by XSAVE.
 */
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <asm/fpu/api.h>

#include "../holm.h"
#include "cpuid.h"
#include "insn.h"
#include "xstate.h"

#define ECX1_OSXSAVE	BIT(27)
#define EAXD1_XSAVEOPT	BIT(0)

/* The legacy region: SDM Vol. 1, "Legacy Region of an XSAVE Area". */
#define AREA_FCW	0
#define AREA_FTW	4		/* abridged: a bit for each register that is not empty */
#define AREA_MXCSR	24
#define AREA_MXCSR_MASK	28
#define AREA_X87_END	24
#define AREA_ST		32
#define AREA_XMM	160
#define AREA_XMM_END	416
#define AREA_XSTATE_BV	512
#define AREA_HEADER_END	576

#define FCW_INIT	0x037f		/* FNINIT, XRSTOR's initial configuration */
#define FCW_RESET	0x0040		/* "Processor State After Reset": FTW is 5555H */
#define FTW_RESET	0xff
#define MXCSR_RESET	0x1f80
#define MXCSR_MASK_DEFAULT 0xffbf	/* where FXSAVE reports 0 */

#define COMPONENTS	8		/* x87, SSE, AVX, two unused, three of AVX-512 */

/* Written once at load. */
static struct {
	u64 host_xcr0;			/* 0: no XSAVE */
	u64 mask;			/* components of guests */
	u32 size;			/* of an area */
	u32 mxcsr_mask;
	bool xsaveopt;
	struct {
		u32 offset;
		u32 size;
	} component[COMPONENTS];
} xs __read_mostly;

/* ---- instructions --------------------------------------------------------- */

static void xstate_store(u8 *area)
{
	u32 lo = xs.mask, hi = xs.mask >> 32;

	if (!xs.host_xcr0)
		asm volatile("fxsave64 (%0)" : : "r" (area) : "memory");
	else if (xs.xsaveopt)
		/* MXCSR is in no component's initial state: do not let it be left out. */
		asm volatile("xsaveopt64 (%0)\n\t"
			     "stmxcsr %c3(%0)"
			     : : "r" (area), "a" (lo), "d" (hi), "i" (AREA_MXCSR) : "memory");
	else
		asm volatile("xsave64 (%0)" : : "r" (area), "a" (lo), "d" (hi) : "memory");
}

static void xstate_restore(const u8 *area)
{
	u32 lo = xs.mask, hi = xs.mask >> 32;

	if (!xs.host_xcr0)
		asm volatile("fxrstor64 (%0)" : : "r" (area) : "memory");
	else
		asm volatile("xrstor64 (%0)" : : "r" (area), "a" (lo), "d" (hi) : "memory");
}

/* ---- load of the module --------------------------------------------------- */

static u32 read_mxcsr_mask(u8 *area)
{
	u32 mask;

	kernel_fpu_begin();
	asm volatile("fxsave64 (%0)" : : "r" (area) : "memory");
	kernel_fpu_end();
	memcpy(&mask, area + AREA_MXCSR_MASK, sizeof(mask));
	return mask ?: MXCSR_MASK_DEFAULT;
}

/**
 * holm_xstate_setup() - sizes and offsets of the components at load
 *
 * May sleep. Return: 0 or -ENOMEM.
 */
int holm_xstate_setup(void)
{
	struct holm_cpuid_host host = {};
	unsigned int i;
	u32 regs[4];
	u8 *area;

	area = (u8 *)get_zeroed_page(GFP_KERNEL);
	if (!area)
		return -ENOMEM;
	xs.mxcsr_mask = read_mxcsr_mask(area);
	free_page((unsigned long)area);

	holm_cpuid_raw(CPUID_LEAF_FEATURES, 0, regs);
	if (regs[HOLM_ECX] & ECX1_OSXSAVE)
		host.xcr0 = holm_xgetbv(0);
	xs.size = AREA_HEADER_END;
	xs.mask = holm_cpuid_policy_xcr0(&host);
	if (!xs.mask) {
		xs.host_xcr0 = 0;
		xs.mask = XCR0_X87 | XCR0_SSE;
		return 0;
	}
	xs.host_xcr0 = host.xcr0;

	for (i = 2; i < COMPONENTS; i++) {
		if (!(xs.mask & BIT_ULL(i)))
			continue;
		holm_cpuid_raw(CPUID_LEAF_XSAVE, i, regs);
		xs.component[i].size = regs[HOLM_EAX];
		xs.component[i].offset = regs[HOLM_EBX];
		xs.size = max(xs.size, regs[HOLM_EBX] + regs[HOLM_EAX]);
	}
	holm_cpuid_raw(CPUID_LEAF_XSAVE, 1, regs);
	xs.xsaveopt = regs[HOLM_EAX] & EAXD1_XSAVEOPT;
	return 0;
}

/* Bytes of struct holm_xstate with its area. */
u32 holm_xstate_block_size(void)
{
	return sizeof(struct holm_xstate) + xs.size;
}

/* ---- life ----------------------------------------------------------------- */

/**
 * holm_xstate_create() - memory for a vCPU's state
 * @vcpu: the vCPU; holm_xstate_reset() comes next
 *
 * May sleep. Return: 0 or -ENOMEM.
 */
int holm_xstate_create(struct holm_vcpu *vcpu)
{
	struct holm_xstate_buf *buf;

	buf = kzalloc(sizeof(*buf), GFP_KERNEL_ACCOUNT);
	if (!buf)
		return -ENOMEM;
	/* Whole pages: the area is 64-byte aligned. */
	buf->area = alloc_pages_exact(xs.size, GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!buf->area) {
		kfree(buf);
		return -ENOMEM;
	}
	vcpu->xstate = buf;
	return 0;
}

void holm_xstate_destroy(struct holm_vcpu *vcpu)
{
	struct holm_xstate_buf *buf = vcpu->xstate;

	if (!buf)
		return;
	vcpu->xstate = NULL;
	free_pages_exact(buf->area, xs.size);
	kfree(buf);
}

static u64 area_xstate_bv(const u8 *area)
{
	u64 bv;

	memcpy(&bv, area + AREA_XSTATE_BV, sizeof(bv));
	return bv;
}

static void area_put16(u8 *area, u32 offset, u16 value)
{
	memcpy(area + offset, &value, sizeof(value));
}

static void area_put32(u8 *area, u32 offset, u32 value)
{
	memcpy(area + offset, &value, sizeof(value));
}

static void area_put64(u8 *area, u32 offset, u64 value)
{
	memcpy(area + offset, &value, sizeof(value));
}

/**
 * holm_xstate_reset() - x87, SSE and extended state after RESET
 * @vcpu: the vCPU, not loaded
 * @init: after INIT, which changes none of it nor XCR0
 */
void holm_xstate_reset(struct holm_vcpu *vcpu, bool init)
{
	u8 *area = vcpu->xstate->area;

	if (init)
		return;
	vcpu->xcr0 = XCR0_X87;
	memset(area, 0, xs.size);
	area_put16(area, AREA_FCW, FCW_RESET);
	area[AREA_FTW] = FTW_RESET;
	area_put32(area, AREA_MXCSR, MXCSR_RESET);
	area_put32(area, AREA_MXCSR_MASK, xs.mxcsr_mask);
	area_put64(area, AREA_XSTATE_BV, XCR0_X87);
}

/* ---- running -------------------------------------------------------------- */

void holm_xstate_xcr0_changed(struct holm_vcpu *vcpu)
{
	if (vcpu->xstate->loaded && xs.host_xcr0)
		holm_xsetbv(0, vcpu->xcr0);
}

/*
 * While it is loaded, XCR0 is what the CPU holds: emulated hosts exist whose
 * nested virtualization lets XSETBV through without an exit.
 */
u64 holm_xstate_xcr0(struct holm_vcpu *vcpu)
{
	if (vcpu->xstate->loaded && xs.host_xcr0)
		vcpu->xcr0 = holm_xgetbv(0);
	return vcpu->xcr0;
}

/**
 * holm_xstate_load() - the guest's state into the CPU
 * @vcpu: the vCPU; between kernel_fpu_begin() and kernel_fpu_end()
 *
 * All components are loaded under the host's XCR0, also those that the guest
 * has switched off and may switch on again.
 */
void holm_xstate_load(struct holm_vcpu *vcpu)
{
	struct holm_xstate_buf *buf = vcpu->xstate;

	xstate_restore(buf->area);
	if (vcpu->xcr0 != xs.host_xcr0 && xs.host_xcr0)
		holm_xsetbv(0, vcpu->xcr0);
	buf->loaded = true;
}

/* The guest's state out of the CPU, and the host's XCR0 back. */
void holm_xstate_save(struct holm_vcpu *vcpu)
{
	struct holm_xstate_buf *buf = vcpu->xstate;

	if (holm_xstate_xcr0(vcpu) != xs.host_xcr0 && xs.host_xcr0)
		holm_xsetbv(0, xs.host_xcr0);
	buf->loaded = false;
	xstate_store(buf->area);
	if (!xs.host_xcr0)
		area_put64(buf->area, AREA_XSTATE_BV, xs.mask);
}

/* ---- the state block ------------------------------------------------------ */

/*
 * Components that XSTATE_BV does not name are in their initial configuration,
 * whatever their bytes are: say what that is.
 */
static void area_complete(u8 *area, u64 bv)
{
	unsigned int i;

	if (!(bv & XCR0_X87)) {
		memset(area, 0, AREA_X87_END);
		area_put16(area, AREA_FCW, FCW_INIT);
		memset(area + AREA_ST, 0, AREA_XMM - AREA_ST);
	}
	if (!(bv & XCR0_SSE))
		memset(area + AREA_XMM, 0, AREA_XMM_END - AREA_XMM);
	memset(area + AREA_XMM_END, 0, AREA_XSTATE_BV - AREA_XMM_END);
	for (i = 2; i < COMPONENTS; i++)
		if (xs.mask & BIT_ULL(i) && !(bv & BIT_ULL(i)))
			memset(area + xs.component[i].offset, 0, xs.component[i].size);
}

/**
 * holm_xstate_get() - HOLM_STATE_XSTATE
 * @vcpu: the vCPU, not loaded
 * @block: to fill
 * @size: of it, at least holm_xstate_block_size()
 *
 * Return: 0 or -E2BIG.
 */
int holm_xstate_get(struct holm_vcpu *vcpu, struct holm_xstate *block, u32 size)
{
	u64 bv = area_xstate_bv(vcpu->xstate->area) & xs.mask;

	if (size < holm_xstate_block_size())
		return -E2BIG;
	block->xcr0 = vcpu->xcr0;
	block->reserved = 0;
	memcpy(block->area, vcpu->xstate->area, xs.size);
	area_complete(block->area, bv);
	return 0;
}

static bool area_valid(const u8 *area, u32 area_size)
{
	u64 bv = area_xstate_bv(area);
	unsigned int i;
	u32 mxcsr;

	if (bv & ~xs.mask)
		return false;
	/* XCOMP_BV and the rest of the header. */
	if (memchr_inv(area + AREA_XSTATE_BV + 8, 0, AREA_HEADER_END - AREA_XSTATE_BV - 8))
		return false;
	memcpy(&mxcsr, area + AREA_MXCSR, sizeof(mxcsr));
	if (mxcsr & ~xs.mxcsr_mask)
		return false;
	for (i = 2; i < COMPONENTS; i++)
		if (bv & BIT_ULL(i) &&
		    xs.component[i].offset + xs.component[i].size > area_size)
			return false;
	return true;
}

/**
 * holm_xstate_set() - HOLM_STATE_XSTATE
 * @vcpu: the vCPU, not loaded
 * @block: the launcher's, copied
 * @size: of it; the area may end after the last component that XSTATE_BV names
 *
 * Return: 0, or -EINVAL with nothing changed.
 */
int holm_xstate_set(struct holm_vcpu *vcpu, const struct holm_xstate *block, u32 size)
{
	u8 *area = vcpu->xstate->area;
	u32 area_size;

	if (size < sizeof(*block) + AREA_HEADER_END || size > holm_xstate_block_size())
		return -EINVAL;
	area_size = size - sizeof(*block);
	if (block->reserved || !holm_xcr0_valid(block->xcr0, vcpu->xcr0_supported) ||
	    !area_valid(block->area, area_size))
		return -EINVAL;

	vcpu->xcr0 = block->xcr0;
	memcpy(area, block->area, area_size);
	memset(area + area_size, 0, xs.size - area_size);
	area_put32(area, AREA_MXCSR_MASK, xs.mxcsr_mask);
	area_complete(area, area_xstate_bv(area));
	return 0;
}
