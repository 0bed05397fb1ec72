// SPDX-License-Identifier: GPL-2.0-only
/* Control and debug registers, EFER, XCR0, and whole register sets. */
#include "../../kmod/x86/cr.h"
#include "../../kmod/x86/insn.h"
#include "../../kmod/x86/x86.h"
#include "suites.h"
#include "x86_host.h"

#define PE	X86_CR0_PE
#define ET	X86_CR0_ET
#define WP	X86_CR0_WP
#define NW	X86_CR0_NW
#define CD	X86_CR0_CD
#define PG	X86_CR0_PG

#define SCE	BIT_ULL(0)
#define LME	BIT_ULL(8)
#define LMA	BIT_ULL(10)
#define NXE	BIT_ULL(11)

#define TLB	BIT(HOLM_REQ_TLB_FLUSH)

static int cr_init(struct kunit *test)
{
	test->priv = holm_test_vcpu(test, &holm_test_intel);
	return test->priv ? 0 : -ENOMEM;
}

static void cr_exit(struct kunit *test)
{
	holm_test_vcpu_end(test->priv);
}

/* The state a row starts from: SS.DPL gives the CPL, CS.L 64-bit mode. */
struct cr_state {
	u64 cr0, cr3, cr4, efer;
	bool l;
};

static void start(struct holm_vcpu *vcpu, const struct cr_state *s)
{
	vcpu->sregs.cr0 = s->cr0;
	vcpu->sregs.cr3 = s->cr3;
	vcpu->sregs.cr4 = s->cr4;
	vcpu->sregs.efer = s->efer;
	vcpu->sregs.seg[HOLM_SEG_CS].attrib &= ~HOLM_SEG_L;
	if (s->l)
		vcpu->sregs.seg[HOLM_SEG_CS].attrib |= HOLM_SEG_L;
	vcpu->requests = 0;
	vcpu->st_valid = HOLM_ST_ALL;
	vcpu->st_dirty = 0;
}

static void test_cr0(struct kunit *test)
{
	static const struct {
		const char *name;
		struct cr_state s;
		u64 value;
		int err;
		u64 cr0, efer;
		unsigned long flush;
	} rows[] = {
		{ "protected mode", { ET }, PE, 0, PE | ET },
		{ "ET stays", { PE | ET }, 0, 0, ET },
		{ "reserved bits are ignored", { ET }, PE | BIT(6) | BIT(28), 0, PE | ET },
		{ "high half", { ET }, PE | BIT_ULL(32), 1 },
		{ "NW without CD", { ET }, NW, 1 },
		{ "CD", { ET }, CD, 0, CD | ET },
		{ "NW and CD", { ET }, NW | CD, 0, NW | CD | ET },
		{ "PG without PE", { ET }, PG, 1 },
		{ "32-bit paging", { PE | ET }, PG | PE, 0, PG | PE | ET, 0, TLB },
		{ "long mode", { PE | ET, 0, X86_CR4_PAE, LME }, PG | PE, 0, PG | PE | ET,
		  LME | LMA, TLB },
		{ "long mode without PAE", { PE | ET, 0, 0, LME }, PG | PE, 1 },
		{ "long mode from CS.L", { PE | ET, 0, X86_CR4_PAE, LME, true }, PG | PE, 1 },
		{ "WP in long mode", { PG | PE | ET, 0, X86_CR4_PAE, LME | LMA, true },
		  PG | PE | WP, 0, PG | PE | WP | ET, LME | LMA },
		{ "no paging in 64-bit mode", { PG | PE | ET, 0, X86_CR4_PAE, LME | LMA, true },
		  PE, 1 },
		{ "no paging from compatibility mode",
		  { PG | PE | ET, 0, X86_CR4_PAE, LME | LMA }, PE, 0, PE | ET, LME, TLB },
		{ "no paging with PCIDE",
		  { PG | PE | ET, 0, X86_CR4_PAE | X86_CR4_PCIDE, LME | LMA }, PE, 1 },
		{ "no paging from 32-bit", { PG | PE | ET }, PE, 0, PE | ET, 0, TLB },
	};
	struct holm_vcpu *vcpu = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		start(vcpu, &rows[i].s);
		KUNIT_EXPECT_EQ_MSG(test, holm_set_cr0(vcpu, rows[i].value), rows[i].err, "%s",
				    rows[i].name);
		KUNIT_EXPECT_EQ_MSG(test, vcpu->sregs.cr0,
				    rows[i].err ? rows[i].s.cr0 : rows[i].cr0, "%s", rows[i].name);
		KUNIT_EXPECT_EQ_MSG(test, vcpu->sregs.efer,
				    rows[i].err ? rows[i].s.efer : rows[i].efer, "%s",
				    rows[i].name);
		KUNIT_EXPECT_EQ_MSG(test, vcpu->requests, rows[i].flush, "%s", rows[i].name);
		KUNIT_EXPECT_EQ_MSG(test, vcpu->st_dirty, rows[i].err ? 0 : HOLM_ST_CR, "%s",
				    rows[i].name);
	}
}

static void test_cr4(struct kunit *test)
{
	const u64 lm = LME | LMA, pae = X86_CR4_PAE;
	const struct {
		const char *name;
		struct cr_state s;
		u64 value;
		int err;
		unsigned long flush;
	} rows[] = {
		{ "nothing", { ET }, 0, 0, 0 },
		{ "PAE", { ET }, pae, 0, TLB },
		{ "PSE", { PG | PE | ET }, X86_CR4_PSE, 0, TLB },
		{ "PGE", { PG | PE | ET }, X86_CR4_PGE, 0, TLB },
		{ "OSFXSR", { PG | PE | ET }, X86_CR4_OSFXSR, 0, 0 },
		{ "OSXSAVE", { ET }, X86_CR4_OSXSAVE, 0, 0 },
		{ "SMEP, SMAP, UMIP", { ET }, X86_CR4_SMEP | X86_CR4_SMAP | X86_CR4_UMIP, 0, TLB },
		{ "bit 13", { ET }, BIT(13), 1 },
		{ "LA57", { ET }, BIT(12), 1 },
		{ "SMXE", { ET }, BIT(14), 1 },
		{ "PKE", { ET }, BIT(22), 1 },
		{ "CET", { ET }, BIT(23), 1 },
		{ "high half", { ET }, BIT_ULL(32), 1 },
		{ "long mode needs PAE", { PG | PE | ET, 0, pae, lm }, 0, 1 },
		{ "PCIDE outside long mode", { ET, 0, pae }, pae | X86_CR4_PCIDE, 1 },
		{ "PCIDE with a PCID", { PG | PE | ET, 0x1001, pae, lm }, pae | X86_CR4_PCIDE, 1 },
		{ "PCIDE", { PG | PE | ET, 0x1000, pae, lm }, pae | X86_CR4_PCIDE, 0, TLB },
		{ "PCIDE stays", { PG | PE | ET, 0x1001, pae | X86_CR4_PCIDE, lm },
		  pae | X86_CR4_PCIDE | X86_CR4_TSD, 0, 0 },
	};
	struct holm_vcpu *vcpu = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		start(vcpu, &rows[i].s);
		KUNIT_EXPECT_EQ_MSG(test, holm_set_cr4(vcpu, rows[i].value), rows[i].err, "%s",
				    rows[i].name);
		KUNIT_EXPECT_EQ_MSG(test, vcpu->sregs.cr4,
				    rows[i].err ? rows[i].s.cr4 : rows[i].value, "%s",
				    rows[i].name);
		KUNIT_EXPECT_EQ_MSG(test, vcpu->requests, rows[i].flush, "%s", rows[i].name);
	}
}

static void test_cr3(struct kunit *test)
{
	static const struct {
		const char *name;
		struct cr_state s;
		u64 value;
		int err;
		u64 cr3;
		unsigned long flush;
	} rows[] = {
		{ "low bits are kept", { PG | PE | ET }, 0x12345fff, 0, 0x12345fff, TLB },
		{ "above MAXPHYADDR", { PG | PE | ET, 0, X86_CR4_PAE, LME | LMA, true },
		  BIT_ULL(46), 1 },
		{ "highest address", { PG | PE | ET, 0, X86_CR4_PAE, LME | LMA, true },
		  BIT_ULL(45), 0, BIT_ULL(45), TLB },
		{ "no-flush without PCIDE", { PG | PE | ET, 0, X86_CR4_PAE, LME | LMA, true },
		  BIT_ULL(63) | 0x1000, 1 },
		{ "no-flush", { PG | PE | ET, 0, X86_CR4_PAE | X86_CR4_PCIDE, LME | LMA, true },
		  BIT_ULL(63) | 0x1007, 0, 0x1007, 0 },
		{ "PCID", { PG | PE | ET, 0, X86_CR4_PAE | X86_CR4_PCIDE, LME | LMA, true },
		  0x1007, 0, 0x1007, TLB },
	};
	struct holm_vcpu *vcpu = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		start(vcpu, &rows[i].s);
		KUNIT_EXPECT_EQ_MSG(test, holm_set_cr3(vcpu, rows[i].value), rows[i].err, "%s",
				    rows[i].name);
		KUNIT_EXPECT_EQ_MSG(test, vcpu->sregs.cr3, rows[i].cr3, "%s", rows[i].name);
		KUNIT_EXPECT_EQ_MSG(test, vcpu->requests, rows[i].flush, "%s", rows[i].name);
	}
}

static void test_cr8(struct kunit *test)
{
	struct holm_vcpu *vcpu = test->priv;

	KUNIT_EXPECT_EQ(test, holm_set_cr8(vcpu, 15), 0);
	KUNIT_EXPECT_EQ(test, holm_lapic_get_cr8(vcpu), 15ULL);
	KUNIT_EXPECT_EQ(test, holm_set_cr8(vcpu, 16), 1);
	KUNIT_EXPECT_EQ(test, holm_lapic_get_cr8(vcpu), 15ULL);
}

/* PDPTEs are read where PAE paging is, or becomes, active: nowhere else. */
static void test_needs_pdptes(struct kunit *test)
{
	const u64 pae = X86_CR4_PAE;
	const struct {
		const char *name;
		struct cr_state s;
		int cr;
		u64 value;
		bool needs;
	} rows[] = {
		{ "CR3, no paging", { PE, 0, pae }, 3, 0x1000, false },
		{ "CR3, 32-bit", { PG | PE }, 3, 0x1000, false },
		{ "CR3, PAE", { PG | PE, 0, pae }, 3, 0x1000, true },
		{ "CR3, long", { PG | PE, 0, pae, LME | LMA }, 3, 0x1000, false },
		{ "CR0 switches PAE paging on", { PE, 0, pae }, 0, PG | PE, true },
		{ "CR0 switches 32-bit paging on", { PE }, 0, PG | PE, false },
		{ "CR0 switches long mode on", { PE, 0, pae, LME }, 0, PG | PE, false },
		{ "CR0.TS", { PG | PE, 0, pae }, 0, PG | PE | X86_CR0_TS, false },
		{ "CR0.CD", { PG | PE, 0, pae }, 0, PG | PE | CD, true },
		{ "CR0 switches paging off", { PG | PE, 0, pae }, 0, PE, false },
		{ "CR4.PAE", { PG | PE }, 4, pae, true },
		{ "CR4.PAE, no paging", { PE }, 4, pae, false },
		{ "CR4.PGE", { PG | PE, 0, pae }, 4, pae | X86_CR4_PGE, true },
		{ "CR4.TSD", { PG | PE, 0, pae }, 4, pae | X86_CR4_TSD, false },
		{ "CR4.PGE, long", { PG | PE, 0, pae, LME | LMA }, 4, pae | X86_CR4_PGE, false },
		{ "CR4 without PAE", { PG | PE, 0, pae }, 4, 0, false },
		{ "CR8", { PG | PE, 0, pae }, 8, 3, false },
	};
	struct holm_vcpu *vcpu = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		start(vcpu, &rows[i].s);
		KUNIT_EXPECT_EQ_MSG(test, holm_cr_needs_pdptes(vcpu, rows[i].cr, rows[i].value),
				    rows[i].needs, "%s", rows[i].name);
	}
}

static void test_efer(struct kunit *test)
{
	static const struct {
		const char *name;
		struct cr_state s;
		u64 value;
		int err;
		u64 efer;
	} rows[] = {
		{ "LME, NXE, SCE", { ET }, LME | NXE | SCE, 0, LME | NXE | SCE },
		{ "LMA is not taken", { ET }, LMA, 0, 0 },
		{ "LMA stays", { PG | PE, 0, X86_CR4_PAE, LME | LMA }, LME | NXE, 0,
		  LME | LMA | NXE },
		{ "LME off while paging", { PG | PE, 0, X86_CR4_PAE, LME | LMA }, 0, 1 },
		{ "LME on while paging", { PG | PE }, LME, 1 },
		{ "bit 12", { ET }, BIT(12), 1 },
		{ "bit 13", { ET }, BIT(13), 1 },
		{ "bit 21", { ET }, BIT(21), 1 },
	};
	struct holm_vcpu *vcpu = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		start(vcpu, &rows[i].s);
		KUNIT_EXPECT_EQ_MSG(test, holm_set_efer(vcpu, rows[i].value), rows[i].err,
				     "%s", rows[i].name);
		KUNIT_EXPECT_EQ_MSG(test, vcpu->sregs.efer,
				    rows[i].err ? rows[i].s.efer : rows[i].efer, "%s",
				    rows[i].name);
	}
}

/* ---- debug registers ------------------------------------------------------- */

static void set_cpl(struct holm_vcpu *vcpu, int cpl)
{
	vcpu->sregs.seg[HOLM_SEG_SS].attrib &= ~HOLM_SEG_DPL;
	vcpu->sregs.seg[HOLM_SEG_SS].attrib |= cpl << HOLM_SEG_DPL_SHIFT;
}

static void test_dr(struct kunit *test)
{
	static const struct {
		const char *name;
		int dr, cpl;
		u64 cr4, dr7;
		u64 value;
		int err;
		u64 reads;
	} rows[] = {
		{ "DR0", 0, 0, 0, 0x400, 0xffff800000000000, 0, 0xffff800000000000 },
		{ "DR3", 3, 0, 0, 0x400, 0x1234, 0, 0x1234 },
		{ "DR6", 6, 0, 0, 0x400, 0, 0, 0xffff0ff0 },
		{ "DR6, all", 6, 0, 0, 0x400, 0xffffffff, 0, 0xffffefff },
		{ "DR6, high half", 6, 0, 0, 0x400, BIT_ULL(32), 1 },
		{ "DR7", 7, 0, 0, 0x400, 0, 0, 0x400 },
		{ "DR7, all but GD", 7, 0, 0, 0x400, 0xffffdfff, 0, 0xffff07ff },
		{ "DR7, high half", 7, 0, 0, 0x400, BIT_ULL(32), 1 },
		{ "DR4 is DR6", 4, 0, 0, 0x400, 1, 0, 0xffff0ff1 },
		{ "DR5 is DR7", 5, 0, 0, 0x400, 1, 0, 0x401 },
		{ "DR4 with DE", 4, 0, X86_CR4_DE, 0x400, 1, 2 },
		{ "DR5 with DE", 5, 3, X86_CR4_DE, 0x400, 1, 2 },
		{ "DR6 with DE", 6, 0, X86_CR4_DE, 0x400, 1, 0, 0xffff0ff1 },
		{ "user", 0, 3, 0, 0x400, 1, 1 },
		{ "GD", 1, 0, 0, 0x2400, 1, 3 },
		{ "GD, user", 1, 3, 0, 0x2400, 1, 1 },
		{ "DR8", 8, 0, 0, 0x400, 1, 2 },
	};
	struct holm_vcpu *vcpu = test->priv;
	unsigned int i;
	u64 value;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		start(vcpu, &(struct cr_state){ .cr0 = PE | ET, .cr4 = rows[i].cr4 });
		set_cpl(vcpu, rows[i].cpl);
		vcpu->dregs = (struct holm_debugregs){ .dr6 = 0xffff0ff0, .dr7 = rows[i].dr7 };
		vcpu->exception.type = HOLM_EVENT_NONE;
		KUNIT_EXPECT_EQ_MSG(test, holm_set_dr(vcpu, rows[i].dr, rows[i].value),
				    rows[i].err, "%s", rows[i].name);
		if (rows[i].err == 3) {
			KUNIT_EXPECT_EQ_MSG(test, vcpu->exception.type, HOLM_EVENT_EXCEPTION, "%s",
					    rows[i].name);
			KUNIT_EXPECT_EQ_MSG(test, vcpu->exception.vector, 1, "%s", rows[i].name);
			KUNIT_EXPECT_EQ_MSG(test, vcpu->exception.payload, HOLM_DR6_BD, "%s",
					    rows[i].name);
		} else {
			KUNIT_EXPECT_EQ_MSG(test, vcpu->exception.type, HOLM_EVENT_NONE, "%s",
					    rows[i].name);
		}
		if (rows[i].err)
			continue;
		KUNIT_EXPECT_EQ_MSG(test, holm_get_dr(vcpu, rows[i].dr, &value), 0, "%s",
				    rows[i].name);
		KUNIT_EXPECT_EQ_MSG(test, value, rows[i].reads, "%s", rows[i].name);
	}
}

static void test_io_breakpoints(struct kunit *test)
{
	/* DR0 one port at 0x80, DR1 two at 0x90, DR2 four at 0xa0, DR3 not I/O. */
	const u64 control = 0x2ULL << 16 | 0x6ULL << 20 | 0xeULL << 24 | 0x1ULL << 28;
	static const struct {
		u64 enabled, cr4;
		u16 port;
		u8 size, hit;
	} rows[] = {
		{ 0xff, X86_CR4_DE, 0x80, 1, 1 },
		{ 0xff, X86_CR4_DE, 0x81, 1, 0 },
		{ 0xff, X86_CR4_DE, 0x7f, 1, 0 },
		{ 0xff, X86_CR4_DE, 0x7f, 2, 1 },
		{ 0xff, X86_CR4_DE, 0x7d, 4, 1 },
		{ 0xff, X86_CR4_DE, 0x91, 1, 2 },
		{ 0xff, X86_CR4_DE, 0x92, 1, 0 },
		{ 0xff, X86_CR4_DE, 0xa3, 4, 4 },
		{ 0xff, X86_CR4_DE, 0xb0, 1, 0 },
		{ 0xff, X86_CR4_DE, 0xffff, 4, 0 },
		{ 0x02, X86_CR4_DE, 0x80, 1, 1 },
		{ 0x01, X86_CR4_DE, 0x80, 1, 1 },
		{ 0xfc, X86_CR4_DE, 0x80, 1, 0 },
		{ 0x00, X86_CR4_DE, 0x80, 1, 0 },
		{ 0xff, 0, 0x80, 1, 0 },
	};
	struct holm_vcpu *vcpu = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		start(vcpu, &(struct cr_state){ .cr0 = PE | ET, .cr4 = rows[i].cr4 });
		vcpu->dregs = (struct holm_debugregs){
			/* Bits of an address below the length are ignored. */
			.dr = { 0x80, 0x91, 0xa2, 0xb0 },
			.dr7 = 0x400 | control | rows[i].enabled,
		};
		KUNIT_EXPECT_EQ_MSG(test, holm_io_breakpoints(vcpu, rows[i].port, rows[i].size),
				    rows[i].hit, "row %u", i);
	}
}

static void test_xcr(struct kunit *test)
{
	struct holm_vcpu *vcpu = test->priv;

	vcpu->xcr0 = 1;
	KUNIT_EXPECT_EQ(test, holm_set_xcr(vcpu, 0, 7), 0);
	KUNIT_EXPECT_EQ(test, vcpu->xcr0, 7ULL);
	KUNIT_EXPECT_EQ(test, holm_set_xcr(vcpu, 1, 7), 1);
	KUNIT_EXPECT_EQ(test, holm_set_xcr(vcpu, 0, 5), 1);
	KUNIT_EXPECT_EQ(test, holm_set_xcr(vcpu, 0, 0x207), 1);
	KUNIT_EXPECT_EQ(test, vcpu->xcr0, 7ULL);
	KUNIT_EXPECT_EQ(test, holm_set_xcr(vcpu, 0, 0xe7), 0);
	vcpu->xcr0_supported = 3;
	KUNIT_EXPECT_EQ(test, holm_set_xcr(vcpu, 0, 7), 1);
}

static void test_modes(struct kunit *test)
{
	struct holm_vcpu *vcpu = test->priv;

	start(vcpu, &(struct cr_state){ .cr0 = PE | PG, .efer = LME | LMA, .l = true });
	KUNIT_EXPECT_TRUE(test, holm_is_64bit(vcpu));
	start(vcpu, &(struct cr_state){ .cr0 = PE | PG, .efer = LME | LMA });
	KUNIT_EXPECT_FALSE(test, holm_is_64bit(vcpu));
	start(vcpu, &(struct cr_state){ .cr0 = PE | PG, .l = true });
	KUNIT_EXPECT_FALSE(test, holm_is_64bit(vcpu));
	set_cpl(vcpu, 3);
	KUNIT_EXPECT_EQ(test, holm_cpl(vcpu), 3);
	set_cpl(vcpu, 0);
	KUNIT_EXPECT_EQ(test, holm_cpl(vcpu), 0);
}

/* What is not in the cache comes from the backend, but not SEG and CR whole. */
static void test_modes_fetch(struct kunit *test)
{
	struct holm_vcpu *vcpu = test->priv;
	struct holm_fake_vcpu *fake = holm_fake(vcpu);
	struct holm_segment *seg = fake->sregs.seg;

	start(vcpu, &(struct cr_state){ .cr0 = PE | PG });
	set_cpl(vcpu, 0);
	memset(&fake->sregs, 0, sizeof(fake->sregs));
	fake->sregs.efer = LME | LMA;
	seg[HOLM_SEG_CS].attrib = HOLM_SEG_L;
	seg[HOLM_SEG_SS].attrib = HOLM_SEG_DPL;

	holm_test_load(test, vcpu);
	vcpu->st_valid = 0;
	KUNIT_EXPECT_EQ(test, holm_cpl(vcpu), 3);
	KUNIT_EXPECT_TRUE(test, holm_is_64bit(vcpu));
	KUNIT_EXPECT_EQ(test, vcpu->st_valid, HOLM_ST_MODE);

	/* Once changed, what the backend said before is of no use. */
	holm_state_get(vcpu, HOLM_ST_SEG);
	vcpu->sregs.seg[HOLM_SEG_CS].attrib &= ~HOLM_SEG_L;
	vcpu->sregs.seg[HOLM_SEG_SS].attrib &= ~HOLM_SEG_DPL;
	holm_state_dirty(vcpu, HOLM_ST_SEG);
	KUNIT_EXPECT_EQ(test, vcpu->st_valid, HOLM_ST_SEG);
	KUNIT_EXPECT_EQ(test, holm_cpl(vcpu), 0);
	KUNIT_EXPECT_FALSE(test, holm_is_64bit(vcpu));

	vcpu->st_valid = 0;
	vcpu->st_dirty = 0;
	KUNIT_EXPECT_TRUE(test, holm_is_64bit(vcpu));
	holm_state_get(vcpu, HOLM_ST_CR);
	vcpu->sregs.efer &= ~LMA;
	holm_state_dirty(vcpu, HOLM_ST_CR);
	KUNIT_EXPECT_FALSE(test, holm_is_64bit(vcpu));
	KUNIT_EXPECT_EQ(test, holm_cpl(vcpu), 3);
	holm_vcpu_put(vcpu);
}

/* ---- whole sets ------------------------------------------------------------ */

#define DATA64	{ .limit = ~0U, .attrib = 0xc093 }
#define V86(s)	{ .base = (s) << 4, .limit = 0xffff, .attrib = 0xf3, .selector = (s) }

static const struct holm_sregs real_mode = {
	.seg = {
		[HOLM_SEG_ES ... HOLM_SEG_GS] = { .limit = 0xffff, .attrib = 0x93 },
		[HOLM_SEG_LDTR] = { .attrib = HOLM_SEG_UNUSABLE },
		[HOLM_SEG_TR] = { .limit = 0xffff, .attrib = 0x8b },
	},
	.cr0 = ET,
};

static const struct holm_sregs long_mode = {
	.seg = {
		DATA64,
		{ .limit = ~0U, .attrib = 0xa09b, .selector = 8 },
		DATA64, DATA64, DATA64, DATA64,
		{ .attrib = HOLM_SEG_UNUSABLE },
		{ .limit = 0x67, .attrib = 0x8b, .selector = 0x40 },
	},
	.cr0 = PG | PE | ET | WP,
	.cr3 = 0x1000,
	.cr4 = X86_CR4_PAE,
	.efer = LME | LMA,
};

static const struct holm_sregs v86_mode = {
	.seg = {
		V86(0x10), V86(0x20), V86(0x30), V86(0x40), V86(0x50), V86(0x60),
		{ .attrib = HOLM_SEG_UNUSABLE },
		{ .limit = 0x67, .attrib = 0x8b, .selector = 0x40 },
	},
	.cr0 = PE | ET,
};

/* A value of a field is replaced; @seg selects it, or the control registers. */
struct sregs_row {
	const char *name;
	const struct holm_sregs *base;
	unsigned int offset;
	u8 size;
	u64 value;
	int err;
};

#define CTL(n, b, f, v, e) { n, &(b), offsetof(struct holm_sregs, f), \
			     sizeof(((struct holm_sregs *)0)->f), v, e }
#define SEG(n, b, s, f, v, e) CTL(n, b, seg[HOLM_SEG_##s].f, v, e)

static const struct sregs_row sregs_rows[] = {
	CTL("long mode", long_mode, cr2, ~0ULL, 0),
	CTL("CR0, unknown bit", long_mode, cr0, PG | PE | ET | BIT(6), -EINVAL),
	CTL("CR0, high half", long_mode, cr0, PG | PE | ET | BIT_ULL(40), -EINVAL),
	CTL("CR0, ET is completed", long_mode, cr0, PG | PE, 0),
	CTL("PG without PE", long_mode, cr0, PG | ET, -EINVAL),
	CTL("NW without CD", long_mode, cr0, PG | PE | ET | NW, -EINVAL),
	CTL("LMA without PG", long_mode, cr0, PE | ET, -EINVAL),
	CTL("long mode without PAE", long_mode, cr4, 0, -EINVAL),
	CTL("CR4, bit 13", long_mode, cr4, X86_CR4_PAE | BIT(13), -EINVAL),
	CTL("PCIDE", long_mode, cr4, X86_CR4_PAE | X86_CR4_PCIDE, 0),
	CTL("PCIDE without long mode", v86_mode, cr4, X86_CR4_PAE | X86_CR4_PCIDE, -EINVAL),
	CTL("CR3 above MAXPHYADDR", long_mode, cr3, BIT_ULL(46), -EINVAL),
	CTL("CR8", long_mode, cr8, 15, 0),
	CTL("CR8 too large", long_mode, cr8, 16, -EINVAL),
	CTL("LME without LMA", long_mode, efer, LME, -EINVAL),
	CTL("LMA without LME", long_mode, efer, LMA, -EINVAL),
	CTL("EFER, bit 12", long_mode, efer, LME | LMA | BIT(12), -EINVAL),
	CTL("GDT base", long_mode, gdt.base, 0xffff800000000000, 0),
	CTL("GDT base not canonical", long_mode, gdt.base, 0x800000000000, -EINVAL),
	CTL("IDT base not canonical", long_mode, idt.base, 0x1800000000000, -EINVAL),
	CTL("GDT reserved", long_mode, gdt.reserved[1], 1, -EINVAL),
	CTL("IDT reserved", long_mode, idt.reserved[2], 1, -EINVAL),
	SEG("reserved of a segment", long_mode, FS, reserved[0], 1, -EINVAL),
	SEG("unknown attribute", long_mode, DS, attrib, 0xc093 | BIT(8), -EINVAL),
	SEG("unknown attribute", long_mode, DS, attrib, 0xc093 | BIT(17), -EINVAL),

	SEG("CS unusable", long_mode, CS, attrib, 0x1a09b, -EINVAL),
	SEG("CS not present", long_mode, CS, attrib, 0xa01b, -EINVAL),
	SEG("CS is a system segment", long_mode, CS, attrib, 0xa08b, -EINVAL),
	SEG("CS with L and D", long_mode, CS, attrib, 0xe09b, -EINVAL),
	SEG("CS read-only data", long_mode, CS, attrib, 0xa091, -EINVAL),
	SEG("CS expand-down data", long_mode, CS, attrib, 0xa097, -EINVAL),
	SEG("CS not accessed", long_mode, CS, attrib, 0xa09a, 0),
	SEG("CS DPL is not the CPL", long_mode, CS, attrib, 0xa0fb, -EINVAL),
	SEG("CS conforming", long_mode, CS, attrib, 0xa09f, 0),
	SEG("CS conforming, DPL above CPL", long_mode, CS, attrib, 0xa0ff, -EINVAL),
	SEG("CS base above 4G", long_mode, CS, base, BIT_ULL(32), -EINVAL),
	SEG("CS limit needs G", long_mode, CS, attrib, 0x209b, -EINVAL),
	SEG("CS limit excludes G", long_mode, CS, limit, 0x1234, -EINVAL),

	SEG("SS unusable", long_mode, SS, attrib, HOLM_SEG_UNUSABLE, 0),
	SEG("SS read-only", long_mode, SS, attrib, 0xc091, -EINVAL),
	SEG("SS code", long_mode, SS, attrib, 0xc09b, -EINVAL),
	SEG("SS base above 4G", long_mode, SS, base, BIT_ULL(35), -EINVAL),

	SEG("DS not present becomes unusable", long_mode, DS, attrib, 0, 0),
	SEG("DS code, execute-only", long_mode, DS, attrib, 0xc099, -EINVAL),
	SEG("DS code, readable", long_mode, DS, attrib, 0xc09b, 0),
	SEG("DS not accessed", long_mode, DS, attrib, 0xc092, 0),
	SEG("DS base above 4G", long_mode, DS, base, BIT_ULL(32), -EINVAL),
	SEG("FS base above 4G", long_mode, FS, base, 0x7fff00000000, 0),
	SEG("FS base not canonical", long_mode, FS, base, 0x800000000000, -EINVAL),
	SEG("GS system segment", long_mode, GS, attrib, 0xc083, -EINVAL),

	SEG("TR unusable", long_mode, TR, attrib, HOLM_SEG_UNUSABLE, -EINVAL),
	SEG("TR available", long_mode, TR, attrib, 0x89, 0),
	SEG("TR 16-bit in long mode", long_mode, TR, attrib, 0x83, -EINVAL),
	SEG("TR 16-bit", v86_mode, TR, attrib, 0x83, 0),
	SEG("TR is an LDT", long_mode, TR, attrib, 0x82, -EINVAL),
	SEG("TR in the LDT", long_mode, TR, selector, 0x44, -EINVAL),
	SEG("TR base not canonical", long_mode, TR, base, BIT_ULL(50), -EINVAL),
	SEG("LDTR", long_mode, LDTR, attrib, 0x82, 0),
	SEG("LDTR is a TSS", long_mode, LDTR, attrib, 0x8b, -EINVAL),

	CTL("real mode", real_mode, cr2, 0, 0),
	SEG("SS of level 3 in real mode", real_mode, SS, attrib, 0xf3, -EINVAL),
	SEG("SS of level 3 in real mode, unusable", real_mode, SS, attrib,
	    HOLM_SEG_UNUSABLE | HOLM_SEG_DPL, -EINVAL),
	SEG("CS of level 3 in real mode", real_mode, CS, attrib, 0xfb, -EINVAL),

	CTL("virtual-8086 mode", v86_mode, cr2, 0, 0),
	SEG("virtual-8086 base", v86_mode, CS, base, 0x210, -EINVAL),
	SEG("virtual-8086 limit", v86_mode, CS, limit, 0xfff, -EINVAL),
	CTL("virtual-8086 without PE", v86_mode, cr0, ET, -EINVAL),
};

static void test_sregs(struct kunit *test)
{
	struct holm_vcpu *vcpu = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sregs_rows); i++) {
		const struct sregs_row *row = &sregs_rows[i];
		struct holm_sregs s = *row->base;

		memcpy((char *)&s + row->offset, &row->value, row->size);
		KUNIT_EXPECT_EQ_MSG(test, holm_sregs_check(vcpu, &s), row->err, "%s", row->name);
	}
}

static void test_sregs_reset(struct kunit *test)
{
	struct holm_vcpu *vcpu = test->priv;

	KUNIT_EXPECT_EQ(test, holm_sregs_check(vcpu, &vcpu->sregs), 0);
}

static void test_sregs_apply(struct kunit *test)
{
	struct holm_vcpu *vcpu = test->priv;
	struct holm_sregs s = long_mode, before = vcpu->sregs;

	/* Refused: nothing changes. */
	start(vcpu, &(struct cr_state){ .cr0 = before.cr0 });
	s.cr8 = 16;
	KUNIT_EXPECT_EQ(test, holm_sregs_apply(vcpu, &s), -EINVAL);
	KUNIT_EXPECT_EQ(test, memcmp(&vcpu->sregs, &before, sizeof(before)), 0);
	KUNIT_EXPECT_EQ(test, vcpu->st_dirty, 0);

	s.cr8 = 5;
	s.seg[HOLM_SEG_TR].attrib = 0x89;
	s.seg[HOLM_SEG_DS].attrib = 0xc092;
	s.seg[HOLM_SEG_ES].attrib = 0;
	KUNIT_EXPECT_EQ(test, holm_sregs_apply(vcpu, &s), 0);
	KUNIT_EXPECT_EQ(test, vcpu->st_dirty, HOLM_ST_SEG | HOLM_ST_DT | HOLM_ST_CR);
	KUNIT_EXPECT_EQ(test, vcpu->requests, TLB);
	KUNIT_EXPECT_EQ(test, holm_lapic_get_cr8(vcpu), 5ULL);
	KUNIT_EXPECT_EQ(test, vcpu->sregs.seg[HOLM_SEG_TR].attrib, 0x8b);
	KUNIT_EXPECT_EQ(test, vcpu->sregs.seg[HOLM_SEG_DS].attrib, 0xc093);
	KUNIT_EXPECT_EQ(test, vcpu->sregs.seg[HOLM_SEG_ES].attrib, HOLM_SEG_UNUSABLE);
	KUNIT_EXPECT_EQ(test, vcpu->sregs.cr3, 0x1000ULL);
}

static struct kunit_case cr_cases[] = {
	KUNIT_CASE(test_cr0),
	KUNIT_CASE(test_cr3),
	KUNIT_CASE(test_cr4),
	KUNIT_CASE(test_cr8),
	KUNIT_CASE(test_needs_pdptes),
	KUNIT_CASE(test_efer),
	KUNIT_CASE(test_dr),
	KUNIT_CASE(test_io_breakpoints),
	KUNIT_CASE(test_xcr),
	KUNIT_CASE(test_modes),
	KUNIT_CASE(test_modes_fetch),
	KUNIT_CASE(test_sregs),
	KUNIT_CASE(test_sregs_reset),
	KUNIT_CASE(test_sregs_apply),
	{}
};

struct kunit_suite holm_cr_suite = {
	.name = "holm-cr",
	.init = cr_init,
	.exit = cr_exit,
	.test_cases = cr_cases,
};
