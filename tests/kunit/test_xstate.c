// SPDX-License-Identifier: GPL-2.0-only
/* Vector and x87 state: switched around a run, and as a state block. */
#include <asm/fpu/api.h>

#include "../../kmod/x86/state.h"
#include "../../kmod/x86/x86.h"
#include "../../kmod/x86/xstate.h"
#include "suites.h"
#include "x86_host.h"

#define BUF_SIZE	16384

struct xstate_ctx {
	struct holm_vcpu *vcpu;
	struct holm_xstate *block;
};

static int xstate_init(struct kunit *test)
{
	struct xstate_ctx *ctx = kunit_kzalloc(test, sizeof(*ctx), GFP_KERNEL);

	if (!ctx)
		return -ENOMEM;
	test->priv = ctx;
	ctx->block = kunit_kzalloc(test, BUF_SIZE, GFP_KERNEL);
	if (!ctx->block)
		return -ENOMEM;
	ctx->vcpu = holm_test_vcpu(test, &holm_test_intel);
	if (!ctx->vcpu)
		return -ENOMEM;
	ctx->vcpu->xcr0_supported = holm_cpuid_xcr0();
	return 0;
}

static void xstate_exit(struct kunit *test)
{
	struct xstate_ctx *ctx = test->priv;

	if (ctx)
		holm_test_vcpu_end(ctx->vcpu);
}

static void set_mxcsr(u32 value)
{
	asm volatile("ldmxcsr %0" : : "m" (value));
}

static u32 get_mxcsr(void)
{
	u32 value;

	asm volatile("stmxcsr %0" : "=m" (value));
	return value;
}

/* The guest's registers are there between load and save, and come back. */
static void test_switch(struct kunit *test)
{
	struct xstate_ctx *ctx = test->priv;
	struct holm_vcpu *vcpu = ctx->vcpu;
	struct holm_xstate *x = ctx->block;
	u64 xmm0 = 0, next = 0x0123456789abcdef;
	u32 mxcsr, size = BUF_SIZE;
	u16 fcw;

	KUNIT_ASSERT_EQ(test, holm_state_block_get(vcpu, HOLM_STATE_XSTATE, x, &size), 0);
	KUNIT_EXPECT_EQ(test, *(u16 *)&x->area[0], 0x40);
	KUNIT_EXPECT_EQ(test, *(u32 *)&x->area[24], 0x1f80);
	*(u64 *)&x->area[160] = 0xfedcba9876543210;
	*(u32 *)&x->area[24] = 0x1fa0;
	*(u64 *)&x->area[512] = 3;
	KUNIT_ASSERT_EQ(test, holm_state_block_set(vcpu, HOLM_STATE_XSTATE, x, size), 0);

	kernel_fpu_begin();
	holm_xstate_load(vcpu);
	asm volatile("movq %%xmm0, %0" : "=r" (xmm0));
	asm volatile("fnstcw %0" : "=m" (fcw));
	mxcsr = get_mxcsr();
	asm volatile("movq %0, %%xmm0" : : "r" (next));
	set_mxcsr(0x1f00);
	holm_xstate_save(vcpu);
	set_mxcsr(0x1f80);
	kernel_fpu_end();

	KUNIT_EXPECT_EQ(test, xmm0, 0xfedcba9876543210ULL);
	KUNIT_EXPECT_EQ(test, fcw, 0x40);
	KUNIT_EXPECT_EQ(test, mxcsr, 0x1fa0);
	size = BUF_SIZE;
	KUNIT_ASSERT_EQ(test, holm_state_block_get(vcpu, HOLM_STATE_XSTATE, x, &size), 0);
	KUNIT_EXPECT_EQ(test, *(u64 *)&x->area[160], next);
	KUNIT_EXPECT_EQ(test, *(u32 *)&x->area[24], 0x1f00);
	KUNIT_EXPECT_EQ(test, *(u64 *)&x->area[512] & 2, 2ULL);

	/* Back to the initial state: MXCSR is not left as it was. */
	kernel_fpu_begin();
	holm_xstate_load(vcpu);
	asm volatile("xorps %xmm0, %xmm0");
	set_mxcsr(0x1f80);
	holm_xstate_save(vcpu);
	kernel_fpu_end();
	size = BUF_SIZE;
	KUNIT_ASSERT_EQ(test, holm_state_block_get(vcpu, HOLM_STATE_XSTATE, x, &size), 0);
	KUNIT_EXPECT_EQ(test, *(u64 *)&x->area[160], 0ULL);
	KUNIT_EXPECT_EQ(test, *(u32 *)&x->area[24], 0x1f80);
}

/* XCR0 is the guest's in between, and the host's afterwards. */
static void test_xcr0(struct kunit *test)
{
	struct xstate_ctx *ctx = test->priv;
	struct holm_vcpu *vcpu = ctx->vcpu;
	u64 host, guest, changed, after;

	if (!holm_cpuid_xcr0())
		kunit_skip(test, "this CPU has no XSAVE");
	vcpu->xcr0 = 1;
	host = holm_xgetbv(0);
	kernel_fpu_begin();
	holm_xstate_load(vcpu);
	guest = holm_xgetbv(0);
	holm_set_xcr(vcpu, 0, 3);
	changed = holm_xgetbv(0);
	holm_xstate_save(vcpu);
	after = holm_xgetbv(0);
	kernel_fpu_end();
	KUNIT_EXPECT_EQ(test, guest, 1ULL);
	KUNIT_EXPECT_EQ(test, changed, 3ULL);
	KUNIT_EXPECT_EQ(test, after, host);

	/* Outside, only the variable changes. */
	KUNIT_EXPECT_EQ(test, holm_set_xcr(vcpu, 0, 1), 0);
	KUNIT_EXPECT_EQ(test, holm_xgetbv(0), host);
}

/* A block may end after the last component that it names. */
static void test_short(struct kunit *test)
{
	struct xstate_ctx *ctx = test->priv;
	struct holm_xstate *x = ctx->block;
	u32 size = BUF_SIZE, min = sizeof(*x) + 576;

	KUNIT_ASSERT_EQ(test, holm_state_block_get(ctx->vcpu, HOLM_STATE_XSTATE, x, &size), 0);
	KUNIT_EXPECT_EQ(test, holm_state_block_set(ctx->vcpu, HOLM_STATE_XSTATE, x, min), 0);
	KUNIT_EXPECT_EQ(test, holm_state_block_set(ctx->vcpu, HOLM_STATE_XSTATE, x, min - 1),
			-EINVAL);
	if (!(holm_cpuid_xcr0() & 4))
		return;
	x->area[512] |= 4;
	KUNIT_EXPECT_EQ(test, holm_state_block_set(ctx->vcpu, HOLM_STATE_XSTATE, x, size), 0);
	KUNIT_EXPECT_EQ(test, holm_state_block_set(ctx->vcpu, HOLM_STATE_XSTATE, x, min), -EINVAL);
}

/* Components that XSTATE_BV does not name read as their initial state. */
static void test_initial(struct kunit *test)
{
	struct xstate_ctx *ctx = test->priv;
	struct holm_vcpu *vcpu = ctx->vcpu;
	struct holm_xstate *x = ctx->block;
	u32 size = BUF_SIZE;

	memset(vcpu->xstate->area, 0xee, 24);
	memset(vcpu->xstate->area + 32, 0xee, 480);
	memset(vcpu->xstate->area + 512, 0, 64);
	KUNIT_ASSERT_EQ(test, holm_state_block_get(vcpu, HOLM_STATE_XSTATE, x, &size), 0);
	KUNIT_EXPECT_EQ(test, *(u16 *)&x->area[0], 0x37f);
	KUNIT_EXPECT_NULL(test, memchr_inv(&x->area[2], 0, 22));
	KUNIT_EXPECT_NULL(test, memchr_inv(&x->area[32], 0, 480));
}

static struct kunit_case xstate_cases[] = {
	KUNIT_CASE(test_switch),
	KUNIT_CASE(test_xcr0),
	KUNIT_CASE(test_short),
	KUNIT_CASE(test_initial),
	{}
};

struct kunit_suite holm_xstate_suite = {
	.name = "holm-xstate",
	.init = xstate_init,
	.exit = xstate_exit,
	.test_cases = xstate_cases,
};
