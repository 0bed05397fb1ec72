// SPDX-License-Identifier: GPL-2.0-only
/* State blocks: get, set, get again; what is refused; RESET, INIT. */
#include <asm/msr-index.h>
#include <asm/tsc.h>

#include "../../kmod/x86/cr.h"
#include "../../kmod/x86/state.h"
#include "../../kmod/x86/x86.h"
#include "../../kmod/x86/xstate.h"
#include "env.h"
#include "suites.h"
#include "x86_host.h"

#define BUF_SIZE	16384

struct state_ctx {
	struct holm_vcpu *vcpu;
	u8 *a, *b;
};

static int state_init(struct kunit *test)
{
	struct state_ctx *ctx = kunit_kzalloc(test, sizeof(*ctx), GFP_KERNEL);

	if (!ctx)
		return -ENOMEM;
	test->priv = ctx;
	ctx->a = kunit_kzalloc(test, BUF_SIZE, GFP_KERNEL);
	ctx->b = kunit_kzalloc(test, BUF_SIZE, GFP_KERNEL);
	if (!ctx->a || !ctx->b)
		return -ENOMEM;
	ctx->vcpu = holm_test_vcpu(test, &holm_test_intel);
	if (!ctx->vcpu)
		return -ENOMEM;
	ctx->vcpu->xcr0_supported = holm_cpuid_xcr0();
	return 0;
}

static void state_exit(struct kunit *test)
{
	struct state_ctx *ctx = test->priv;

	if (ctx)
		holm_test_vcpu_end(ctx->vcpu);
}

/* ---- RESET and INIT -------------------------------------------------------- */

static void test_reset(struct kunit *test)
{
	struct state_ctx *ctx = test->priv;
	struct holm_vcpu *vcpu = ctx->vcpu;
	const struct holm_segment *cs = &vcpu->sregs.seg[HOLM_SEG_CS];

	KUNIT_EXPECT_EQ(test, vcpu->regs.rip, 0xfff0ULL);
	KUNIT_EXPECT_EQ(test, vcpu->regs.rflags, 2ULL);
	KUNIT_EXPECT_EQ(test, vcpu->regs.gpr[HOLM_RDX], 0x806f8ULL);
	KUNIT_EXPECT_EQ(test, vcpu->regs.gpr[HOLM_RSP], 0ULL);
	KUNIT_EXPECT_EQ(test, cs->base, 0xffff0000ULL);
	KUNIT_EXPECT_EQ(test, cs->selector, 0xf000);
	KUNIT_EXPECT_EQ(test, cs->attrib, 0x9b);
	KUNIT_EXPECT_EQ(test, vcpu->sregs.seg[HOLM_SEG_TR].attrib, 0x8b);
	KUNIT_EXPECT_EQ(test, vcpu->sregs.seg[HOLM_SEG_LDTR].attrib, 0x82);
	KUNIT_EXPECT_EQ(test, vcpu->sregs.cr0, 0x60000010ULL);
	KUNIT_EXPECT_EQ(test, vcpu->sregs.gdt.limit, 0xffff);
	KUNIT_EXPECT_EQ(test, vcpu->dregs.dr6, 0xffff0ff0ULL);
	KUNIT_EXPECT_EQ(test, vcpu->dregs.dr7, 0x400ULL);
	KUNIT_EXPECT_EQ(test, vcpu->xcr0, 1ULL);
	KUNIT_EXPECT_EQ(test, vcpu->st_dirty, HOLM_ST_ALL);
	KUNIT_EXPECT_EQ(test, vcpu->mp_state, HOLM_MP_RUNNABLE);
	KUNIT_EXPECT_EQ(test, vcpu->exception.type, HOLM_EVENT_NONE);
}

static void test_reset_init(struct kunit *test)
{
	struct state_ctx *ctx = test->priv;
	struct holm_vcpu *vcpu = ctx->vcpu;

	vcpu->sregs.cr0 = X86_CR0_PG | X86_CR0_PE | X86_CR0_ET;
	vcpu->sregs.cr4 = X86_CR4_PAE;
	vcpu->sregs.efer = BIT(8) | BIT(10);
	vcpu->regs.rip = 0x1234;
	vcpu->dregs.dr7 = 0x401;
	vcpu->shutdown = true;
	vcpu->msr.pat = 0x0606060606060606;
	vcpu->msr.tsc_aux = 7;
	vcpu->xcr0 = 3;
	vcpu->tsc_offset = 12345;
	vcpu->xstate->area[200] = 0xaa;
	atomic_set(&vcpu->nmi_pending, 2);

	holm_state_reset(vcpu, true);
	KUNIT_EXPECT_EQ(test, vcpu->sregs.cr0, (u64)X86_CR0_ET);
	KUNIT_EXPECT_EQ(test, vcpu->sregs.cr4, 0ULL);
	KUNIT_EXPECT_EQ(test, vcpu->sregs.efer, 0ULL);
	KUNIT_EXPECT_EQ(test, vcpu->regs.rip, 0xfff0ULL);
	KUNIT_EXPECT_EQ(test, vcpu->dregs.dr7, 0x400ULL);
	KUNIT_EXPECT_FALSE(test, vcpu->shutdown);
	KUNIT_EXPECT_EQ(test, atomic_read(&vcpu->nmi_pending), 0);
	/* INIT keeps these. */
	KUNIT_EXPECT_EQ(test, vcpu->msr.pat, 0x0606060606060606ULL);
	KUNIT_EXPECT_EQ(test, vcpu->msr.tsc_aux, 7ULL);
	KUNIT_EXPECT_EQ(test, vcpu->xcr0, 3ULL);
	KUNIT_EXPECT_EQ(test, vcpu->tsc_offset, 12345ULL);
	KUNIT_EXPECT_EQ(test, vcpu->xstate->area[200], 0xaa);

	vcpu->sregs.cr0 = X86_CR0_CD | X86_CR0_ET | X86_CR0_PE;
	holm_state_reset(vcpu, true);
	KUNIT_EXPECT_EQ(test, vcpu->sregs.cr0, (u64)(X86_CR0_CD | X86_CR0_ET));

	holm_state_reset(vcpu, false);
	KUNIT_EXPECT_EQ(test, vcpu->msr.pat, 0x0007040600070406ULL);
	KUNIT_EXPECT_EQ(test, vcpu->msr.tsc_aux, 0ULL);
	KUNIT_EXPECT_EQ(test, vcpu->xcr0, 1ULL);
	KUNIT_EXPECT_EQ(test, vcpu->xstate->area[200], 0);
}

/* ---- get, set, get --------------------------------------------------------- */

static void scramble(struct holm_vcpu *vcpu)
{
	int i;

	for (i = 0; i < 16; i++)
		vcpu->regs.gpr[i] = 0x1111111111111111ULL * i;
	vcpu->regs.rip = 0xffffffff81000000;
	vcpu->regs.rflags = 0x246;
	vcpu->sregs.cr2 = 0xdeadbeef;
	vcpu->sregs.seg[HOLM_SEG_FS].base = 0xffff888000000000;
	vcpu->sregs.gdt = (struct holm_dtable){ .base = 0xfffffe0000001000, .limit = 0x7f };
	vcpu->dregs = (struct holm_debugregs){ .dr = { 1, 2, 3, 4 }, .dr6 = 0xffff0ff1,
					       .dr7 = 0x455 };
	vcpu->exception = (struct holm_event){ .type = HOLM_EVENT_EXCEPTION, .vector = 14,
					       .flags = 3, .error_code = 2, .payload = 0x1000 };
	vcpu->interrupted = (struct holm_event){ .type = HOLM_EVENT_SOFT_INTERRUPT,
						 .vector = 0x80, .insn_len = 2 };
	vcpu->intr_shadow = HOLM_EVENTS_SHADOW_STI;
	vcpu->nmi_masked = true;
	vcpu->extint = true;
	atomic_set(&vcpu->nmi_pending, 1);
	vcpu->mp_state = HOLM_MP_HALTED;
	vcpu->msr.tsc_adjust = 42;
	vcpu->tsc_offset = 0x123456789;
	vcpu->xstate->area[160] = 0x5a;
	vcpu->xstate->area[512] = 3;
	vcpu->xcr0 = vcpu->xcr0_supported & 3 ?: 1;
}

static const u32 fixed_types[] = {
	HOLM_STATE_REGS, HOLM_STATE_SREGS, HOLM_STATE_DEBUGREGS, HOLM_STATE_XSTATE,
	HOLM_STATE_EVENTS, HOLM_STATE_LAPIC, HOLM_STATE_MP, HOLM_STATE_TSC,
};

static u32 type_size(u32 type)
{
	static const u32 sizes[] = {
		[HOLM_STATE_REGS] = sizeof(struct holm_regs),
		[HOLM_STATE_SREGS] = sizeof(struct holm_sregs),
		[HOLM_STATE_DEBUGREGS] = sizeof(struct holm_debugregs),
		[HOLM_STATE_EVENTS] = sizeof(struct holm_events),
		[HOLM_STATE_LAPIC] = sizeof(struct holm_lapic),
		[HOLM_STATE_MP] = sizeof(struct holm_mp_state),
		[HOLM_STATE_TSC] = sizeof(struct holm_tsc),
	};

	return type == HOLM_STATE_XSTATE ? holm_xstate_block_size() : sizes[type];
}

/* After a set into a vCPU that was reset, the same block is read. */
static void test_round_trip(struct kunit *test)
{
	struct state_ctx *ctx = test->priv;
	struct holm_vcpu *vcpu = ctx->vcpu;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fixed_types); i++) {
		u32 type = fixed_types[i], size = BUF_SIZE;

		scramble(vcpu);
		memset(ctx->a, 0xcc, BUF_SIZE);
		memset(ctx->b, 0xcc, BUF_SIZE);
		KUNIT_ASSERT_EQ_MSG(test, holm_state_block_get(vcpu, type, ctx->a, &size), 0,
				    "type %u", type);
		KUNIT_EXPECT_EQ_MSG(test, size, type_size(type), "type %u", type);
		holm_state_reset(vcpu, false);
		vcpu->extint = false;
		vcpu->xcr0_supported = holm_cpuid_xcr0();
		KUNIT_EXPECT_EQ_MSG(test, holm_state_block_set(vcpu, type, ctx->a, size), 0,
				    "type %u", type);
		size = BUF_SIZE;
		KUNIT_EXPECT_EQ_MSG(test, holm_state_block_get(vcpu, type, ctx->b, &size), 0,
				    "type %u", type);
		KUNIT_EXPECT_EQ_MSG(test, memcmp(ctx->a, ctx->b, BUF_SIZE), 0, "type %u", type);
	}
}

/* A value that a reset vCPU does not have arrives. */
static void test_arrives(struct kunit *test)
{
	struct state_ctx *ctx = test->priv;
	struct holm_vcpu *vcpu = ctx->vcpu;
	struct holm_events *events = (void *)ctx->a;
	struct holm_xstate *x = (void *)ctx->b;
	u32 size;

	scramble(vcpu);
	size = BUF_SIZE;
	KUNIT_ASSERT_EQ(test, holm_state_block_get(vcpu, HOLM_STATE_EVENTS, ctx->a, &size), 0);
	size = BUF_SIZE;
	KUNIT_ASSERT_EQ(test, holm_state_block_get(vcpu, HOLM_STATE_XSTATE, ctx->b, &size), 0);
	KUNIT_EXPECT_EQ(test, events->flags,
			HOLM_EVENTS_NMI_PENDING | HOLM_EVENTS_NMI_MASKED |
			HOLM_EVENTS_SHADOW_STI | HOLM_EVENTS_EXTINT);
	KUNIT_EXPECT_EQ(test, events->exception.vector, 14);
	KUNIT_EXPECT_EQ(test, x->area[160], 0x5a);

	holm_state_reset(vcpu, false);
	vcpu->xcr0_supported = holm_cpuid_xcr0();
	KUNIT_EXPECT_EQ(test, holm_state_block_set(vcpu, HOLM_STATE_EVENTS, events,
						   sizeof(*events)), 0);
	KUNIT_EXPECT_EQ(test, vcpu->exception.error_code, 2);
	KUNIT_EXPECT_EQ(test, vcpu->interrupted.vector, 0x80);
	KUNIT_EXPECT_TRUE(test, vcpu->nmi_masked);
	KUNIT_EXPECT_TRUE(test, vcpu->extint);
	KUNIT_EXPECT_EQ(test, atomic_read(&vcpu->nmi_pending), 1);
	KUNIT_EXPECT_TRUE(test, test_bit(HOLM_REQ_EVENT, &vcpu->requests));
	KUNIT_EXPECT_EQ(test, holm_state_block_set(vcpu, HOLM_STATE_XSTATE, x, size), 0);
	KUNIT_EXPECT_EQ(test, vcpu->xstate->area[160], 0x5a);
}

/* Neither an NMI nor the one latched behind it gets lost on the way. */
static void test_nmis(struct kunit *test)
{
	static const u32 flags[] = {
		0, HOLM_EVENTS_NMI_PENDING, HOLM_EVENTS_NMI_PENDING | HOLM_EVENTS_NMI_PENDING_2,
	};
	struct state_ctx *ctx = test->priv;
	struct holm_events *events = (void *)ctx->a;
	unsigned int i;
	u32 size;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		atomic_set(&ctx->vcpu->nmi_pending, i);
		size = BUF_SIZE;
		KUNIT_EXPECT_EQ(test, holm_state_block_get(ctx->vcpu, HOLM_STATE_EVENTS, events,
							   &size), 0);
		KUNIT_EXPECT_EQ(test, events->flags, flags[i]);
		holm_state_reset(ctx->vcpu, false);
		KUNIT_EXPECT_EQ(test, holm_state_block_set(ctx->vcpu, HOLM_STATE_EVENTS, events,
							   size), 0);
		KUNIT_EXPECT_EQ(test, atomic_read(&ctx->vcpu->nmi_pending), i);
	}
	events->flags = HOLM_EVENTS_NMI_PENDING_2;
	KUNIT_EXPECT_EQ(test, holm_state_block_set(ctx->vcpu, HOLM_STATE_EVENTS, events, size),
			-EINVAL);
}

static void test_msrs(struct kunit *test)
{
	static const struct holm_msr set[] = {
		{ MSR_LSTAR, 0, 0xffffffff81000000 },
		{ MSR_IA32_CR_PAT, 0, 0x0606060606060606 },
		{ MSR_TSC_AUX, 0, 3 },
		{ MSR_KERNEL_GS_BASE, 0, 0xffff888000000000 },
		{ 0x200, 0, 0x80000006 },
	};
	struct state_ctx *ctx = test->priv;
	struct holm_msr *msrs = (void *)ctx->a;
	u32 size = sizeof(set), i;

	KUNIT_EXPECT_EQ(test, holm_state_block_set(ctx->vcpu, HOLM_STATE_MSRS, set, size), 0);
	for (i = 0; i < ARRAY_SIZE(set); i++)
		msrs[i] = (struct holm_msr){ .index = set[i].index };
	KUNIT_EXPECT_EQ(test, holm_state_block_get(ctx->vcpu, HOLM_STATE_MSRS, msrs, &size), 0);
	KUNIT_EXPECT_EQ(test, size, sizeof(set));
	KUNIT_EXPECT_EQ(test, memcmp(msrs, set, sizeof(set)), 0);

	/* The last is refused: none takes effect. */
	memcpy(msrs, set, sizeof(set));
	msrs[0].value = 0xffffffff82000000;
	msrs[4].value = 0x80000002;
	KUNIT_EXPECT_EQ(test, holm_state_block_set(ctx->vcpu, HOLM_STATE_MSRS, msrs, size),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, holm_state_block_get(ctx->vcpu, HOLM_STATE_MSRS, msrs, &size), 0);
	KUNIT_EXPECT_EQ(test, memcmp(msrs, set, sizeof(set)), 0);

	size = sizeof(set[0]) - 1;
	KUNIT_EXPECT_EQ(test, holm_state_block_set(ctx->vcpu, HOLM_STATE_MSRS, set, size),
			-EINVAL);
	size = sizeof(set[0]);
	msrs[0] = (struct holm_msr){ .index = MSR_LSTAR, .reserved = 1 };
	KUNIT_EXPECT_EQ(test, holm_state_block_get(ctx->vcpu, HOLM_STATE_MSRS, msrs, &size),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, holm_state_block_set(ctx->vcpu, HOLM_STATE_MSRS, msrs, size),
			-EINVAL);
	msrs[0] = (struct holm_msr){ .index = 0x1b1 };
	KUNIT_EXPECT_EQ(test, holm_state_block_get(ctx->vcpu, HOLM_STATE_MSRS, msrs, &size),
			-EINVAL);
}

/* ---- what is refused ------------------------------------------------------- */

static void test_sizes(struct kunit *test)
{
	struct state_ctx *ctx = test->priv;
	unsigned int i;
	u32 size;

	for (i = 0; i < ARRAY_SIZE(fixed_types); i++) {
		u32 type = fixed_types[i], need = type_size(type);

		size = need - 1;
		KUNIT_EXPECT_EQ_MSG(test, holm_state_block_get(ctx->vcpu, type, ctx->a, &size),
				    -E2BIG, "type %u", type);
		KUNIT_EXPECT_EQ_MSG(test, size, need, "type %u", type);
		size = need;
		KUNIT_EXPECT_EQ_MSG(test, holm_state_block_get(ctx->vcpu, type, ctx->a, &size), 0,
				    "type %u", type);
		KUNIT_EXPECT_EQ_MSG(test, holm_state_block_set(ctx->vcpu, type, ctx->a, need + 1),
				    -EINVAL, "type %u", type);
		if (type != HOLM_STATE_XSTATE)
			KUNIT_EXPECT_EQ_MSG(test, holm_state_block_set(ctx->vcpu, type, ctx->a,
								       need - 1),
					    -EINVAL, "type %u", type);
	}
	size = BUF_SIZE;
	KUNIT_EXPECT_EQ(test, holm_state_block_get(ctx->vcpu, 0, ctx->a, &size), -EINVAL);
	KUNIT_EXPECT_EQ(test, holm_state_block_get(ctx->vcpu, 10, ctx->a, &size), -EINVAL);
	KUNIT_EXPECT_EQ(test, holm_state_block_get(ctx->vcpu, ~0U, ctx->a, &size), -EINVAL);
	KUNIT_EXPECT_EQ(test, holm_state_block_set(ctx->vcpu, 10, ctx->a, 8), -EINVAL);
}

/* A field of a block that was just read is replaced. */
static void test_refused(struct kunit *test)
{
#define F(n, t, s, f, v, e) { n, HOLM_STATE_##t, offsetof(struct s, f), \
			      sizeof(((struct s *)0)->f), v, e }
	static const struct {
		const char *name;
		u32 type;
		u32 offset, size;
		u64 value;
		int err;
	} rows[] = {
		F("RFLAGS", REGS, holm_regs, rflags, 0x3f7fd7, 0),
		F("RFLAGS, fixed bit is completed", REGS, holm_regs, rflags, 0, 0),
		F("RFLAGS bit 3", REGS, holm_regs, rflags, 0xa, -EINVAL),
		F("RFLAGS bit 22", REGS, holm_regs, rflags, BIT(22) | 2, -EINVAL),
		F("RFLAGS high half", REGS, holm_regs, rflags, BIT_ULL(32) | 2, -EINVAL),
		F("RIP not canonical", REGS, holm_regs, rip, 0x800000000000, -EINVAL),
		F("CR0", SREGS, holm_sregs, cr0, X86_CR0_PG | X86_CR0_ET, -EINVAL),
		F("segment reserved", SREGS, holm_sregs, seg[3].reserved[2], 1, -EINVAL),
		F("DR6 bit 12", DEBUGREGS, holm_debugregs, dr6, BIT(12), -EINVAL),
		F("DR6 high half", DEBUGREGS, holm_debugregs, dr6, BIT_ULL(32), -EINVAL),
		F("DR7 bit 11", DEBUGREGS, holm_debugregs, dr7, BIT(11), -EINVAL),
		F("DR7 high half", DEBUGREGS, holm_debugregs, dr7, BIT_ULL(63), -EINVAL),
		F("DR7 GD", DEBUGREGS, holm_debugregs, dr7, BIT(13), 0),
		F("XCR0 without x87", XSTATE, holm_xstate, xcr0, 2, -EINVAL),
		F("XCR0 PKRU", XSTATE, holm_xstate, xcr0, 0x203, -EINVAL),
		F("xstate reserved", XSTATE, holm_xstate, reserved, 1, -EINVAL),
		F("MXCSR reserved bits", XSTATE, holm_xstate, area[27], 1, -EINVAL),
		F("XSTATE_BV PKRU", XSTATE, holm_xstate, area[513], 2, -EINVAL),
		F("XCOMP_BV", XSTATE, holm_xstate, area[527], 0x80, -EINVAL),
		F("header", XSTATE, holm_xstate, area[575], 1, -EINVAL),
		F("both shadows", EVENTS, holm_events, flags, 0xc, -EINVAL),
		F("unknown flag", EVENTS, holm_events, flags, BIT(8), -EINVAL),
		F("shutdown", EVENTS, holm_events, flags, HOLM_EVENTS_SHUTDOWN, 0),
		F("events reserved", EVENTS, holm_events, reserved, 1, -EINVAL),
		F("unknown event type", EVENTS, holm_events, exception.type, 1, -EINVAL),
		F("interrupt as exception", EVENTS, holm_events, exception.type, 0, -EINVAL),
		F("no event with a vector", EVENTS, holm_events, exception.vector, 3, -EINVAL),
		F("exception as interrupted", EVENTS, holm_events, interrupted.type, 3, -EINVAL),
		F("NMI of vector 0", EVENTS, holm_events, interrupted.type, 2, -EINVAL),
		F("software interrupt without length", EVENTS, holm_events, interrupted.type, 4,
		  -EINVAL),
		F("MP state", MP, holm_mp_state, state, 2, 0),
		F("unknown MP state", MP, holm_mp_state, state, 3, -EINVAL),
		F("MP reserved", MP, holm_mp_state, reserved, 1, -EINVAL),
		F("TSC frequency", TSC, holm_tsc, khz, 0, -EINVAL),
		F("TSC reserved", TSC, holm_tsc, reserved, 1, -EINVAL),
		F("LAPIC reserved", LAPIC, holm_lapic, reserved, 1, -EINVAL),
	};
#undef F
	struct state_ctx *ctx = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		u32 size = BUF_SIZE;

		holm_state_reset(ctx->vcpu, false);
		ctx->vcpu->xcr0_supported = holm_cpuid_xcr0();
		KUNIT_ASSERT_EQ(test, holm_state_block_get(ctx->vcpu, rows[i].type, ctx->a, &size),
				0);
		memcpy(ctx->a + rows[i].offset, &rows[i].value, rows[i].size);
		KUNIT_EXPECT_EQ_MSG(test, holm_state_block_set(ctx->vcpu, rows[i].type, ctx->a,
							       size),
				    rows[i].err, "%s", rows[i].name);
		if (!rows[i].err)
			continue;
		/* Nothing changed. */
		memcpy(ctx->b, ctx->a, size);
		KUNIT_EXPECT_EQ(test, holm_state_block_get(ctx->vcpu, rows[i].type, ctx->a, &size),
				0);
		KUNIT_EXPECT_NE_MSG(test, memcmp(ctx->a, ctx->b, size), 0, "%s", rows[i].name);
	}
}

static void test_events(struct kunit *test)
{
	static const struct {
		const char *name;
		struct holm_event exception, interrupted;
		int err;
	} rows[] = {
#define NONE { .type = HOLM_EVENT_NONE }
#define EXC(...) { .type = HOLM_EVENT_EXCEPTION, __VA_ARGS__ }
		{ "none", NONE, NONE, 0 },
		{ "#UD", EXC(.vector = 6), NONE, 0 },
		{ "#GP", EXC(.vector = 13, .flags = 1), NONE, 0 },
		{ "#GP in real mode", EXC(.vector = 13), NONE, 0 },
		{ "#UD with an error code", EXC(.vector = 6, .flags = 1), NONE, -EINVAL },
		{ "an error code that is not flagged", EXC(.vector = 13, .error_code = 1), NONE,
		  -EINVAL },
		{ "a large error code", EXC(.vector = 13, .flags = 1, .error_code = 0x10000), NONE,
		  -EINVAL },
		{ "#DB", EXC(.vector = 1, .flags = 2, .payload = 1), NONE, 0 },
		{ "#UD with a payload", EXC(.vector = 6, .flags = 2), NONE, -EINVAL },
		{ "a payload that is not flagged", EXC(.vector = 14, .payload = 1), NONE,
		  -EINVAL },
		{ "unknown flag", EXC(.vector = 6, .flags = 4), NONE, -EINVAL },
		{ "vector 32", EXC(.vector = 32), NONE, -EINVAL },
		{ "NMI as an exception", EXC(.vector = 2), NONE, -EINVAL },
		{ "INT1 that became an exception",
		  { .type = 5, .vector = 1, .insn_len = 1, .flags = 2 }, NONE, 0 },
		{ "INT1 without a length", { .type = 5, .vector = 1 }, NONE, -EINVAL },
		{ "exception with a length", EXC(.vector = 6, .insn_len = 1), NONE, -EINVAL },
		{ "interrupt", NONE, { .type = 0, .vector = 0x30 }, 0 },
		{ "interrupt with a length", NONE, { .type = 0, .vector = 0x30, .insn_len = 1 },
		  -EINVAL },
		{ "interrupt with an error code", NONE,
		  { .type = 0, .vector = 0x30, .flags = 1 }, -EINVAL },
		{ "NMI", NONE, { .type = 2, .vector = 2 }, 0 },
		{ "INT3", NONE, { .type = 6, .vector = 3, .insn_len = 1 }, 0 },
		{ "INT3 of another vector", NONE, { .type = 6, .vector = 5, .insn_len = 1 },
		  -EINVAL },
		{ "INT1", NONE, { .type = 5, .vector = 1, .insn_len = 1 }, 0 },
		{ "INT 80H", NONE, { .type = 4, .vector = 0x80, .insn_len = 2 }, 0 },
		{ "a long instruction", NONE, { .type = 4, .vector = 0x80, .insn_len = 16 },
		  -EINVAL },
		{ "type 1", NONE, { .type = 1 }, -EINVAL },
#undef NONE
#undef EXC
	};
	struct state_ctx *ctx = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct holm_events e = { .exception = rows[i].exception,
					 .interrupted = rows[i].interrupted };

		KUNIT_EXPECT_EQ_MSG(test, holm_state_block_set(ctx->vcpu, HOLM_STATE_EVENTS, &e,
							       sizeof(e)),
				    rows[i].err, "%s", rows[i].name);
	}
}

/* ---- the ioctls ------------------------------------------------------------ */

static long state_ioctl(struct holm_env *env, bool set, struct holm_state *state,
			struct holm_state_block *blocks, unsigned int n)
{
	unsigned long at = env->scratch + 256;
	long ret;

	state->blocks = at;
	if (copy_to_user((void __user *)at, blocks, n * sizeof(*blocks)))
		return -EFAULT;
	ret = holm_env_ioctl(env, env->vcpu_file, set ? HOLM_SET_STATE : HOLM_GET_STATE, state,
			     sizeof(*state));
	if (copy_from_user(blocks, (void __user *)at, n * sizeof(*blocks)))
		return -EFAULT;
	return ret;
}

static void ioctl_rows(struct kunit *test, struct holm_env *env)
{
	unsigned long data = env->scratch + 8192;
	struct holm_state_block b[3];
	struct holm_state s;
	bool set;

	for (set = false; ; set = true) {
		/* Two blocks. */
		b[0] = (struct holm_state_block){ HOLM_STATE_REGS, 144, data };
		b[1] = (struct holm_state_block){ HOLM_STATE_MP, 8, data + 512 };
		s = (struct holm_state){ .nblocks = 2 };
		KUNIT_EXPECT_EQ(test, state_ioctl(env, set, &s, b, 2), 0L);
		KUNIT_EXPECT_EQ(test, s.done, 2);

		/* The second is unknown: the first was moved. */
		b[1].type = 99;
		s = (struct holm_state){ .nblocks = 2 };
		KUNIT_EXPECT_EQ(test, state_ioctl(env, set, &s, b, 2), -(long)EINVAL);
		KUNIT_EXPECT_EQ(test, s.done, 1);

		/* Memory that is not there. */
		b[0] = (struct holm_state_block){ HOLM_STATE_REGS, 144, ~0xfffULL };
		s = (struct holm_state){ .nblocks = 1 };
		KUNIT_EXPECT_EQ(test, state_ioctl(env, set, &s, b, 1), -(long)EFAULT);
		KUNIT_EXPECT_EQ(test, s.done, 0);

		/* More MSRs than there may be. */
		b[0] = (struct holm_state_block){ HOLM_STATE_MSRS, 513 * 16, data };
		s = (struct holm_state){ .nblocks = 1 };
		KUNIT_EXPECT_EQ(test, state_ioctl(env, set, &s, b, 1), -(long)E2BIG);

		s = (struct holm_state){ .nblocks = HOLM_MAX_STATE_BLOCKS + 1 };
		KUNIT_EXPECT_EQ(test, state_ioctl(env, set, &s, b, 1), -(long)EINVAL);
		s = (struct holm_state){ .flags = 1 };
		KUNIT_EXPECT_EQ(test, state_ioctl(env, set, &s, b, 1), -(long)EINVAL);
		s = (struct holm_state){ .reserved = 1 };
		KUNIT_EXPECT_EQ(test, state_ioctl(env, set, &s, b, 1), -(long)EINVAL);
		s = (struct holm_state){};
		KUNIT_EXPECT_EQ(test, state_ioctl(env, set, &s, b, 1), 0L);
		if (set)
			break;
	}

	/* A buffer that is too small learns its size; a larger one is fine. */
	b[0] = (struct holm_state_block){ HOLM_STATE_SREGS, 100, data };
	s = (struct holm_state){ .nblocks = 1 };
	KUNIT_EXPECT_EQ(test, state_ioctl(env, false, &s, b, 1), -(long)E2BIG);
	KUNIT_EXPECT_EQ(test, b[0].size, (u32)sizeof(struct holm_sregs));
	b[0].size = 4096;
	s = (struct holm_state){ .nblocks = 1 };
	KUNIT_EXPECT_EQ(test, state_ioctl(env, false, &s, b, 1), 0L);
	KUNIT_EXPECT_EQ(test, b[0].size, (u32)sizeof(struct holm_sregs));
	b[0].size = 4096;
	s = (struct holm_state){ .nblocks = 1 };
	KUNIT_EXPECT_EQ(test, state_ioctl(env, true, &s, b, 1), -(long)EINVAL);
	b[0].size = 0;
	s = (struct holm_state){ .nblocks = 1 };
	KUNIT_EXPECT_EQ(test, state_ioctl(env, true, &s, b, 1), -(long)EINVAL);
}

static void test_ioctls(struct kunit *test)
{
	struct holm_env *env = kunit_kzalloc(test, sizeof(*env), GFP_KERNEL);
	int err;

	KUNIT_ASSERT_NOT_NULL(test, env);
	holm_env_enter(test, env);
	err = holm_env_create(env);
	KUNIT_EXPECT_EQ(test, err, 0);
	if (!err)
		ioctl_rows(test, env);
	holm_env_leave(env);
}

/*
 * PDPTEs of PAE paging come from guest memory: with CR3, with sregs, and not
 * when they have reserved bits or are not in memory.
 */
static void pdpte_rows(struct kunit *test, struct holm_env *env)
{
	u64 good[4] = { 0x2001, 0, 0x3fe01, 0xfffffffffffffffe }, bad[4] = { 0x2003 };
	struct holm_vcpu *vcpu = env->vcpu;
	struct holm_sregs sregs;

	KUNIT_EXPECT_EQ(test, holm_guest_write(env->vm, 0x1020, good, sizeof(good)), 0);
	KUNIT_EXPECT_EQ(test, holm_guest_write(env->vm, 0x2020, bad, sizeof(bad)), 0);

	holm_state_get(vcpu, HOLM_ST_ALL);
	vcpu->sregs.cr0 = X86_CR0_PE | X86_CR0_ET;
	vcpu->sregs.cr4 = X86_CR4_PAE;
	vcpu->sregs.cr3 = 0x1020;
	KUNIT_EXPECT_EQ(test, holm_set_cr0(vcpu, X86_CR0_PG | X86_CR0_PE), 0);
	KUNIT_EXPECT_EQ(test, memcmp(vcpu->pdptes, good, sizeof(good)), 0);
	KUNIT_EXPECT_EQ(test, holm_set_cr3(vcpu, 0x2020), 1);
	KUNIT_EXPECT_EQ(test, holm_set_cr3(vcpu, 0xf0000000), 1);
	KUNIT_EXPECT_EQ(test, vcpu->sregs.cr3, 0x1020ULL);
	KUNIT_EXPECT_EQ(test, memcmp(vcpu->pdptes, good, sizeof(good)), 0);
	KUNIT_EXPECT_EQ(test, holm_set_cr3(vcpu, 0x103f), 0);

	sregs = vcpu->sregs;
	sregs.cr3 = 0x2020;
	KUNIT_EXPECT_EQ(test, holm_sregs_apply(vcpu, &sregs), -EINVAL);
	sregs.cr3 = 0x1020;
	memset(vcpu->pdptes, 0, sizeof(vcpu->pdptes));
	KUNIT_EXPECT_EQ(test, holm_sregs_apply(vcpu, &sregs), 0);
	KUNIT_EXPECT_EQ(test, memcmp(vcpu->pdptes, good, sizeof(good)), 0);
}

static void test_pdptes(struct kunit *test)
{
	struct holm_env *env = kunit_kzalloc(test, sizeof(*env), GFP_KERNEL);
	int err;

	KUNIT_ASSERT_NOT_NULL(test, env);
	holm_env_enter(test, env);
	err = holm_env_create(env);
	KUNIT_EXPECT_EQ(test, err, 0);
	if (!err)
		pdpte_rows(test, env);
	holm_env_leave(env);
}

/* Instruction bytes across a page border, up to memory's end, and with paging. */
static void fetch_rows(struct kunit *test, struct holm_env *env)
{
	struct holm_vcpu *vcpu = env->vcpu;
	u8 code[15], buf[15];
	int i;

	for (i = 0; i < 15; i++)
		code[i] = 0x90 + i;
	KUNIT_EXPECT_EQ(test, holm_guest_write(env->vm, 0x1ff8, code, 15), 0);
	KUNIT_EXPECT_EQ(test, holm_guest_write(env->vm, ENV_RAM - 4, code, 4), 0);
	holm_state_get(vcpu, HOLM_ST_ALL);
	vcpu->sregs.seg[HOLM_SEG_CS].base = 0x1000;
	vcpu->regs.rip = 0xff8;
	KUNIT_EXPECT_EQ(test, holm_fetch_insn(vcpu, buf, 15, false), 15);
	KUNIT_EXPECT_EQ(test, memcmp(buf, code, 15), 0);
	vcpu->sregs.seg[HOLM_SEG_CS].base = 0;
	vcpu->regs.rip = ENV_RAM - 4;
	KUNIT_EXPECT_EQ(test, holm_fetch_insn(vcpu, buf, 15, false), 4);
	KUNIT_EXPECT_EQ(test, memcmp(buf, code, 4), 0);
	vcpu->regs.rip = ENV_RAM;
	KUNIT_EXPECT_EQ(test, holm_fetch_insn(vcpu, buf, 15, false), 0);
}

static void test_fetch_insn(struct kunit *test)
{
	struct holm_env *env = kunit_kzalloc(test, sizeof(*env), GFP_KERNEL);
	int err;

	KUNIT_ASSERT_NOT_NULL(test, env);
	holm_env_enter(test, env);
	err = holm_env_create(env);
	KUNIT_EXPECT_EQ(test, err, 0);
	if (!err)
		fetch_rows(test, env);
	holm_env_leave(env);
}

static struct kunit_case state_cases[] = {
	KUNIT_CASE(test_reset),
	KUNIT_CASE(test_reset_init),
	KUNIT_CASE(test_round_trip),
	KUNIT_CASE(test_arrives),
	KUNIT_CASE(test_nmis),
	KUNIT_CASE(test_msrs),
	KUNIT_CASE(test_sizes),
	KUNIT_CASE(test_refused),
	KUNIT_CASE(test_events),
	KUNIT_CASE(test_ioctls),
	KUNIT_CASE(test_pdptes),
	KUNIT_CASE(test_fetch_insn),
	{}
};

struct kunit_suite holm_state_suite = {
	.name = "holm-state",
	.init = state_init,
	.exit = state_exit,
	.test_cases = state_cases,
};
