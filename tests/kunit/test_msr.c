// SPDX-License-Identifier: GPL-2.0-only
/* The MSR table: its order, what is allowed and what is refused, the TSC. */
#include <asm/msr-index.h>

#include "../../kmod/backend.h"
#include "../../kmod/x86/insn.h"
#include "../../kmod/x86/msr.h"
#include "suites.h"
#include "x86_host.h"

static int msr_init(struct kunit *test)
{
	test->priv = holm_test_vcpu(test, &holm_test_intel);
	return test->priv ? 0 : -ENOMEM;
}

static void msr_exit(struct kunit *test)
{
	holm_test_vcpu_end(test->priv);
}

static int rd(struct holm_vcpu *vcpu, u32 index, bool host, u64 *value)
{
	int err = holm_vcpu_load(vcpu);

	if (err)
		return err;
	err = holm_msr_read(vcpu, index, value, host);
	holm_vcpu_put(vcpu);
	return err;
}

static int wr(struct holm_vcpu *vcpu, u32 index, bool host, u64 value)
{
	int err, eoi = 0;

	err = holm_vcpu_load(vcpu);
	if (err)
		return err;
	err = holm_msr_write(vcpu, index, value, host, &eoi);
	holm_vcpu_put(vcpu);
	return err;
}

/* ---- the table ------------------------------------------------------------- */

static void test_sorted(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < holm_msr_table_count; i++) {
		const struct holm_msr_row *row = &holm_msr_table[i];

		KUNIT_EXPECT_TRUE_MSG(test, row->name && row->reason && *row->reason, "row %u", i);
		KUNIT_EXPECT_TRUE_MSG(test, row->read || row->write, "%s", row->name);
		KUNIT_EXPECT_LE_MSG(test, row->first, row->last, "%s", row->name);
		if (i)
			KUNIT_EXPECT_GT_MSG(test, row->first, row[-1].last, "%s", row->name);
		KUNIT_EXPECT_PTR_EQ(test, holm_msr_find(row->first), row);
		KUNIT_EXPECT_PTR_EQ(test, holm_msr_find(row->last), row);
	}
	KUNIT_EXPECT_NULL(test, holm_msr_find(~0U));
	KUNIT_EXPECT_NULL(test, holm_msr_find(0x1b1));
}

/* What needs no exit is also answered when it exits. */
static void test_passthrough(struct kunit *test)
{
	struct holm_vcpu *vcpu = test->priv;
	unsigned int i;
	u64 value;

	for (i = 0; i < holm_msr_passthrough_count; i++) {
		const struct holm_msr_passthrough *p = &holm_msr_passthrough[i];

		KUNIT_EXPECT_TRUE(test, p->read || p->write);
		if (p->write)
			KUNIT_EXPECT_EQ_MSG(test, wr(vcpu, p->index, false, p->read ? 0x7654 : 0),
					    0, "%x", p->index);
		if (!p->read)
			continue;
		KUNIT_EXPECT_EQ_MSG(test, rd(vcpu, p->index, false, &value), 0, "%x", p->index);
		KUNIT_EXPECT_EQ_MSG(test, value, 0x7654ULL, "%x", p->index);
	}
}

/* ---- reads ----------------------------------------------------------------- */

#define INTEL	BIT(0)
#define AMD	BIT(1)
#define BOTH	(INTEL | AMD)
#define WRITE_ONLY(who)	((who) << 2)	/* theirs: it is there, but #GP */

static void test_reads(struct kunit *test)
{
	static const struct {
		u32 index;
		u8 who;			/* others: #GP */
		u64 value;
	} rows[] = {
		{ MSR_IA32_PLATFORM_ID, INTEL, 0 },
		{ 0x2a, INTEL, 0 },
		{ MSR_IA32_FEAT_CTL, INTEL, 1 },
		{ MSR_IA32_TSC_ADJUST, BOTH, 0 },
		{ MSR_PLATFORM_INFO, INTEL, 0 },
		{ MSR_MTRRcap, BOTH, 0x508 },
		{ MSR_MTRRdefType, BOTH, 0x806 },
		{ 0x200, BOTH, 0 },
		{ 0x20f, BOTH, 0 },
		{ 0x210, 0, 0 },
		{ MSR_MTRRfix64K_00000, BOTH, 0 },
		{ 0x251, 0, 0 },
		{ MSR_MTRRfix4K_F8000, BOTH, 0 },
		{ MSR_IA32_CR_PAT, BOTH, 0x0007040600070406 },
		{ MSR_MISC_FEATURES_ENABLES, INTEL, 0 },
		{ MSR_IA32_MCG_CAP, BOTH, 1 },
		{ MSR_IA32_MCG_STATUS, BOTH, 0 },
		{ 0x17b, 0, 0 },		/* MCG_CTL */
		{ 0x400, BOTH, 0 },
		{ 0x403, BOTH, 0 },
		{ 0x404, 0, 0 },
		{ MSR_IA32_MISC_ENABLE, INTEL, 0x1801 },
		{ MSR_IA32_DEBUGCTLMSR, BOTH, 0 },
		{ MSR_EFER, BOTH, 0 },
		{ MSR_TSC_AUX, BOTH, 0 },
		{ 0x48, BOTH, 0 },		/* SPEC_CTRL */
		{ 0x49, WRITE_ONLY(BOTH), 0 },	/* PRED_CMD */
		{ 0x79, WRITE_ONLY(INTEL), 0 },	/* BIOS_UPDT_TRIG */
		{ 0xe7, 0, 0 },			/* MPERF */
		{ 0x186, 0, 0 },		/* PERFEVTSEL0 */
		{ 0x38d, 0, 0 },		/* FIXED_CTR_CTRL */
		{ 0x480, 0, 0 },		/* VMX_BASIC */
		{ 0xda0, 0, 0 },		/* XSS */
		{ 0x570, 0, 0 },		/* RTIT_CTL */
		{ 0x606, 0, 0 },		/* RAPL_POWER_UNIT */
		{ 0x6a0, 0, 0 },		/* U_CET */
		{ 0x40000000, 0, 0 },
		{ 0xc0010000, 0, 0 },		/* PERF_CTL0 */
		{ MSR_K7_HWCR, AMD, BIT_ULL(24) },
		{ 0xc0010010, AMD, 0 },
		{ MSR_AMD64_NB_CFG, AMD, 0 },
		{ 0xc0010055, AMD, 0 },
		{ 0xc0010112, AMD, 0 },
		{ 0xc0010114, AMD, 0x18 },
		{ 0xc0010117, 0, 0 },		/* VM_HSAVE_PA */
		{ 0xc0010130, 0, 0 },		/* SEV_ES_GHCB */
		{ MSR_AMD64_OSVW_ID_LENGTH, AMD, 4 },
		{ MSR_AMD64_OSVW_STATUS, AMD, 0 },
		{ 0xc0011021, AMD, 0 },
		{ MSR_AMD64_DC_CFG, AMD, 0 },
		{ MSR_AMD64_BU_CFG2, AMD, 0 },
		{ 0xffffffff, 0, 0 },
	};
	static const struct holm_cpuid_host *const hosts[] = { &holm_test_intel, &holm_test_amd };
	struct holm_vcpu *vcpu = test->priv;
	unsigned int i, h;
	u64 value;

	for (h = 0; h < ARRAY_SIZE(hosts); h++) {
		holm_test_show(test, vcpu, hosts[h]);
		for (i = 0; i < ARRAY_SIZE(rows); i++) {
			bool there = rows[i].who & BIT(h);
			int err = there ? 0 : rows[i].who & WRITE_ONLY(BIT(h)) ? 1 : -ENOENT;

			value = 0x5555;
			KUNIT_EXPECT_EQ_MSG(test, rd(vcpu, rows[i].index, false, &value), err,
					    "host %u MSR %x", h, rows[i].index);
			KUNIT_EXPECT_EQ_MSG(test, value, there ? rows[i].value : 0,
					    "host %u MSR %x", h, rows[i].index);
		}
	}
}

/* ---- writes ---------------------------------------------------------------- */

struct write_row {
	u32 index;
	u64 value;
	int err;
	u64 then;		/* what it reads as */
};

static void check_writes(struct kunit *test, const struct write_row *rows, unsigned int n,
			 bool host)
{
	struct holm_vcpu *vcpu = test->priv;
	unsigned int i;
	u64 before, after;

	for (i = 0; i < n; i++) {
		int readable = !rd(vcpu, rows[i].index, host, &before);

		if (host) {
			holm_test_load(test, vcpu);
			KUNIT_EXPECT_EQ_MSG(test, holm_msr_check(vcpu, rows[i].index,
								 rows[i].value),
					    rows[i].err, "check of %x = %llx", rows[i].index,
					    rows[i].value);
			holm_vcpu_put(vcpu);
			if (readable && rows[i].index != 0x10) {
				rd(vcpu, rows[i].index, host, &after);
				KUNIT_EXPECT_EQ_MSG(test, after, before, "check of %x changes it",
						    rows[i].index);
			}
		}
		KUNIT_EXPECT_EQ_MSG(test, wr(vcpu, rows[i].index, host, rows[i].value),
				    rows[i].err, "%x = %llx", rows[i].index, rows[i].value);
		if (!readable || rows[i].index == 0x10)
			continue;
		rd(vcpu, rows[i].index, host, &after);
		KUNIT_EXPECT_EQ_MSG(test, after, rows[i].err ? before : rows[i].then,
				    "after %x = %llx", rows[i].index, rows[i].value);
	}
}

static void test_writes(struct kunit *test)
{
	static const struct write_row rows[] = {
		{ MSR_IA32_PLATFORM_ID, 0, 1 },
		{ MSR_IA32_FEAT_CTL, 5, 1 },
		{ 0x79, 0x1234, 0 },
		{ MSR_MTRRcap, 0x508, 1 },
		{ MSR_PLATFORM_INFO, 0, 0, 0 },
		{ MSR_PLATFORM_INFO, 1, 1 },
		{ MSR_MISC_FEATURES_ENABLES, 1, 1 },
		{ MSR_IA32_ARCH_CAPABILITIES, 0, 1 },
		{ MSR_IA32_MCG_CAP, 0, 1 },
		{ MSR_IA32_MCG_STATUS, 4, 0, 4 },
		{ MSR_IA32_MCG_STATUS, 8, 1 },
		{ 0x400, ~0ULL, 0, ~0ULL },
		{ 0x401, 0, 0, 0 },
		{ 0x401, 1, 1 },
		{ MSR_IA32_MISC_ENABLE, 0x1800, 0, 0x1800 },
		{ MSR_IA32_MISC_ENABLE, 0x41801, 1 },	/* MWAIT */
		{ MSR_IA32_DEBUGCTLMSR, 1, 0, 0 },
		{ MSR_IA32_DEBUGCTLMSR, 0x40, 1 },
		/* Memory types. */
		{ MSR_IA32_CR_PAT, 0x0706050401000706, 0, 0x0706050401000706 },
		{ MSR_IA32_CR_PAT, 0x0706050402000706, 1 },
		{ MSR_IA32_CR_PAT, 0x0806050401000706, 1 },
		{ MSR_MTRRdefType, 0xc00, 0, 0xc00 },
		{ MSR_MTRRdefType, 0x802, 1 },
		{ MSR_MTRRdefType, 0x1806, 1 },
		{ MSR_MTRRdefType, 0x807, 1 },		/* UC- is for the PAT */
		{ 0x200, 0x80000006, 0, 0x80000006 },
		{ 0x200, 0x80000003, 1 },
		{ 0x200, 0x80000106, 1 },
		{ 0x200, BIT_ULL(46), 1 },		/* above MAXPHYADDR */
		{ 0x201, 0x3fff80000800, 0, 0x3fff80000800 },
		{ 0x201, 0x3fff80000400, 1 },
		{ MSR_MTRRfix64K_00000, 0x0606060606060606, 0, 0x0606060606060606 },
		{ MSR_MTRRfix4K_C8000, 0x0606060606060602, 1 },
		/* Addresses. */
		{ MSR_LSTAR, 0xffffffff81000000, 0, 0xffffffff81000000 },
		{ MSR_LSTAR, 0x0000800000000000, 1 },
		{ MSR_CSTAR, 0xff00000000000000, 1 },
		{ MSR_IA32_SYSENTER_EIP, 0x0000800000000000, 1 },
		{ MSR_IA32_SYSENTER_ESP, 0xffff800000000000, 0, 0xffff800000000000 },
		{ MSR_FS_BASE, 0x7fffffffffff, 0, 0x7fffffffffff },
		{ MSR_FS_BASE, 0x800000000000, 1 },
		{ MSR_GS_BASE, 0xffff888000000000, 0, 0xffff888000000000 },
		{ MSR_KERNEL_GS_BASE, 0x1000000000000, 1 },
		{ MSR_STAR, 0x23001000000000, 0, 0x23001000000000 },
		{ MSR_TSC_AUX, 0xffffffff, 0, 0xffffffff },
		{ MSR_TSC_AUX, 0x100000000, 1 },
		/* Speculation: what the table announces; PSFD is AMD's. */
		{ 0x48, 7, 0, 7 },
		{ 0x48, 0x80, 1 },
		{ 0x48, 0x400, 1 },
		{ 0x48, 0, 0, 0 },
		{ 0x49, 0, 0 },
		{ 0x49, 2, 1 },
		{ 0x49, 0x80, 1 },
		/* EFER: LMA is the CPU's. */
		{ MSR_EFER, 0x901, 0, 0x901 },
		{ MSR_EFER, 0xd01, 0, 0x901 },
		{ MSR_EFER, 0x1000, 1 },		/* SVME */
		{ MSR_EFER, 0x4000, 1 },		/* FFXSR: not shown */
		/* Not there. */
		{ 0x17b, 0, -ENOENT },
		{ 0x1b1, 0, -ENOENT },
		{ MSR_K7_HWCR, 0, -ENOENT },
		{ 0xda0, 0, -ENOENT },
	};

	check_writes(test, rows, ARRAY_SIZE(rows), false);
}

static void test_writes_amd(struct kunit *test)
{
	static const struct write_row rows[] = {
		{ MSR_K7_HWCR, 0x1000148, 0, 0x1000000 },	/* FFDIS, IGNNE, slow fence */
		{ MSR_K7_HWCR, 0x1040000, 0, 0x1040000 },
		{ MSR_K7_HWCR, 0x1000010, 1 },
		{ 0xc0010010, 0x740000, 0, 0 },
		{ MSR_AMD64_NB_CFG, BIT_ULL(46), 0, 0 },
		{ MSR_AMD64_PATCH_LOADER, 0x12345000, 0 },
		{ 0xc0010114, 0x18, 0, 0x18 },
		{ 0xc0010114, 0, 1 },
		{ MSR_AMD64_OSVW_STATUS, 0, 1 },
		{ 0xc0011021, 0x1e, 0, 0 },
		{ 0x49, 0, 0 },
		{ 0x49, 2, 1 },
		{ 0x48, 0x87, 0, 0x87 },
		{ MSR_IA32_FEAT_CTL, 1, -ENOENT },
		{ MSR_EFER, 0x4901, 0, 0x4901 },
	};

	holm_test_show(test, test->priv, &holm_test_amd);
	check_writes(test, rows, ARRAY_SIZE(rows), false);
}

static void test_writes_host(struct kunit *test)
{
	static const struct write_row rows[] = {
		{ 0x10, 123456, 0 },
		{ MSR_IA32_UCODE_REV, 0x2b00000000, 0, 0x2b00000000 },
		{ MSR_IA32_TSC_ADJUST, 77, 0, 77 },
		{ MSR_IA32_APICBASE, 0xfee00900, 1 },	/* HOLM_STATE_LAPIC */
		{ MSR_IA32_TSC_DEADLINE, 0, 1 },
		{ 0x808, 0, 1 },
		{ MSR_IA32_FEAT_CTL, 5, 1 },
		{ MSR_IA32_CR_PAT, 0x0606060606060606, 0, 0x0606060606060606 },
		{ MSR_IA32_CR_PAT, 0x0306060606060606, 1 },
		{ MSR_LSTAR, 0xffffffff82000000, 0, 0xffffffff82000000 },
		{ MSR_LSTAR, 0x0000900000000000, 1 },
		{ MSR_EFER, 0x100, 0, 0x100 },
		{ MSR_EFER, 0x1000, 1 },
		{ MSR_IA32_DEBUGCTLMSR, 0x40, 1 },
		{ MSR_TSC_AUX, 3, 0, 3 },
		{ MSR_IA32_MISC_ENABLE, 0x1800, 0, 0x1800 },
		{ 0x202, 0x7, 1 },
		{ 0x400, 1, 0, 1 },
		{ MSR_GS_BASE, 0x1234, 0, 0x1234 },
		{ 0x48, 5, 0, 5 },
		{ 0x48, BIT_ULL(3), 1 },
		{ MSR_K7_HWCR, 0, -ENOENT },			/* another vendor's */
	};

	check_writes(test, rows, ARRAY_SIZE(rows), true);
}

/* A guest reads the microcode revision; its write of 0 changes nothing. */
static void test_microcode(struct kunit *test)
{
	struct holm_vcpu *vcpu = test->priv;
	u64 value;

	KUNIT_EXPECT_EQ(test, wr(vcpu, MSR_IA32_UCODE_REV, true, 0x1234ULL << 32), 0);
	KUNIT_EXPECT_EQ(test, wr(vcpu, MSR_IA32_UCODE_REV, false, 0), 0);
	KUNIT_EXPECT_EQ(test, rd(vcpu, MSR_IA32_UCODE_REV, false, &value), 0);
	KUNIT_EXPECT_EQ(test, value, 0x1234ULL << 32);
}

static void hide(struct holm_vcpu *vcpu, u32 function, u8 reg, u32 bits)
{
	/* The table is the test's own. */
	struct holm_cpuid_entry *e = (void *)holm_cpuid_find(vcpu, function, 0);

	*(&e->eax + reg) &= ~bits;
	holm_cpuid_model(vcpu);
}

/* MSRs that come with a feature go with it, for the guest. */
static void test_gates(struct kunit *test)
{
	static const struct {
		u32 function;
		u8 reg;
		u32 bits;
		u32 index;
	} rows[] = {
		{ 1, HOLM_ECX, BIT(24), MSR_IA32_TSC_DEADLINE },
		{ 1, HOLM_EDX, BIT(11), MSR_IA32_SYSENTER_CS },
		{ 7, HOLM_EBX, BIT(1), MSR_IA32_TSC_ADJUST },
		{ 7, HOLM_EDX, BIT(29), MSR_IA32_ARCH_CAPABILITIES },
		{ 7, HOLM_EDX, BIT(26) | BIT(27) | BIT(31), 0x48 },
		{ 0x80000001, HOLM_EDX, BIT(29), MSR_LSTAR },
		{ 0x80000001, HOLM_EDX, BIT(29), MSR_FS_BASE },
		{ 0x80000001, HOLM_EDX, BIT(29) | BIT(11), MSR_EFER },
	};
	struct holm_vcpu *vcpu = test->priv;
	unsigned int i;
	u64 value;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		holm_test_show(test, vcpu, &holm_test_intel);
		KUNIT_EXPECT_EQ_MSG(test, rd(vcpu, rows[i].index, false, &value), 0, "%x",
				    rows[i].index);
		hide(vcpu, rows[i].function, rows[i].reg, rows[i].bits);
		KUNIT_EXPECT_EQ_MSG(test, rd(vcpu, rows[i].index, false, &value), -ENOENT, "%x",
				    rows[i].index);
	}

	/* TSC_AUX is there with either of two instructions. */
	holm_test_show(test, vcpu, &holm_test_intel);
	hide(vcpu, 0x80000001, HOLM_EDX, BIT(27));
	KUNIT_EXPECT_EQ(test, rd(vcpu, MSR_TSC_AUX, false, &value), 0);
	hide(vcpu, 7, HOLM_ECX, BIT(22));
	KUNIT_EXPECT_EQ(test, rd(vcpu, MSR_TSC_AUX, false, &value), -ENOENT);
}

static void test_arch_capabilities(struct kunit *test)
{
	struct holm_vcpu *vcpu = test->priv;
	u64 value;

	/* Whatever this machine has: no bit that announces another MSR. */
	KUNIT_EXPECT_EQ(test, rd(vcpu, MSR_IA32_ARCH_CAPABILITIES, false, &value), 0);
	KUNIT_EXPECT_EQ(test, value & (BIT_ULL(7) | BIT_ULL(9) | BIT_ULL(10) |
				       BIT_ULL(11) | BIT_ULL(18) | BIT_ULL(21) | BIT_ULL(25)),
			0ULL);
}

/* ---- time ------------------------------------------------------------------ */

static void test_tsc(struct kunit *test)
{
	struct holm_vcpu *vcpu = test->priv;
	u64 before, after, value, offset;

	/* The guest moves its TSC: TSC_ADJUST moves along. */
	KUNIT_ASSERT_EQ(test, wr(vcpu, 0x10, false, 1ULL << 40), 0);
	offset = vcpu->tsc_offset;
	before = holm_rdtsc();
	KUNIT_EXPECT_EQ(test, rd(vcpu, 0x10, false, &value), 0);
	after = holm_rdtsc();
	KUNIT_EXPECT_GE(test, value, 1ULL << 40);
	KUNIT_EXPECT_GE(test, value - offset, before);
	KUNIT_EXPECT_LE(test, value - offset, after);
	KUNIT_EXPECT_NE(test, vcpu->msr.tsc_adjust, 0ULL);

	/* Back to what it was: TSC_ADJUST moves the TSC by the difference. */
	value = vcpu->msr.tsc_adjust;
	KUNIT_EXPECT_EQ(test, wr(vcpu, MSR_IA32_TSC_ADJUST, false, 0), 0);
	KUNIT_EXPECT_EQ(test, vcpu->tsc_offset, offset - value);
	KUNIT_EXPECT_EQ(test, vcpu->msr.tsc_adjust, 0ULL);

	/* The launcher sets one without the other. */
	offset = vcpu->tsc_offset;
	KUNIT_EXPECT_EQ(test, wr(vcpu, MSR_IA32_TSC_ADJUST, true, 99), 0);
	KUNIT_EXPECT_EQ(test, vcpu->tsc_offset, offset);
	KUNIT_EXPECT_EQ(test, wr(vcpu, 0x10, true, 1ULL << 50), 0);
	KUNIT_EXPECT_NE(test, vcpu->tsc_offset, offset);
	KUNIT_EXPECT_EQ(test, vcpu->msr.tsc_adjust, 99ULL);
}

/* vCPUs that are created one after the other agree on the time. */
static void test_tsc_of_others(struct kunit *test)
{
	struct holm_vcpu *first = test->priv;
	struct holm_vcpu *second = kunit_kzalloc(test, sizeof(*second), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, second);
	memcpy(second, first, sizeof(*second));
	second->tsc_offset = 0;
	holm_test_load(test, second);
	holm_msr_reset(second);
	holm_vcpu_put(second);
	KUNIT_EXPECT_EQ(test, second->tsc_offset, first->tsc_offset);
}

static struct kunit_case msr_cases[] = {
	KUNIT_CASE(test_sorted),
	KUNIT_CASE(test_passthrough),
	KUNIT_CASE(test_reads),
	KUNIT_CASE(test_writes),
	KUNIT_CASE(test_writes_amd),
	KUNIT_CASE(test_writes_host),
	KUNIT_CASE(test_microcode),
	KUNIT_CASE(test_gates),
	KUNIT_CASE(test_arch_capabilities),
	KUNIT_CASE(test_tsc),
	KUNIT_CASE(test_tsc_of_others),
	{}
};

struct kunit_suite holm_msr_suite = {
	.name = "holm-msr",
	.init = msr_init,
	.exit = msr_exit,
	.test_cases = msr_cases,
};
