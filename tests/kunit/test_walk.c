// SPDX-License-Identifier: GPL-2.0-only
/* Walks of guest page tables in a made-up guest memory, in every paging mode. */
#include <kunit/test.h>
#include <linux/string.h>

#include "../../kmod/holm.h"
#include "../../kmod/x86/walk.h"
#include "suites.h"

#define MEM_SIZE	0x8000

#define P	1ULL
#define W	2ULL
#define U	4ULL
#define PS	0x80ULL
#define NX	BIT_ULL(63)

#define CR0_PE	BIT(0)
#define CR0_WP	BIT(16)
#define CR0_PG	BIT(31)
#define CR4_PSE	BIT(4)
#define CR4_PAE	BIT(5)
#define CR4_SMEP BIT(20)
#define CR4_SMAP BIT(21)
#define EFER_LONG (BIT(8) | BIT(10))
#define EFER_NXE BIT(11)
#define FL_AC	BIT(18)

#define RD	0
#define WR	HOLM_TRANSLATE_WRITE
#define FE	HOLM_TRANSLATE_FETCH
#define US	HOLM_TRANSLATE_USER

enum { M32, PAE, LONG };

struct walk_mem {
	u8 bytes[MEM_SIZE];
	unsigned int reads;
};

static int read_mem(const struct holm_walk_ctx *ctx, u64 gpa, void *buf, size_t len)
{
	struct walk_mem *mem = ctx->data;

	mem->reads++;
	if (gpa > MEM_SIZE - len)
		return -EFAULT;
	memcpy(buf, mem->bytes + gpa, len);
	return 0;
}

static void put(struct walk_mem *mem, int mode, u64 table, unsigned int index, u64 entry)
{
	unsigned int size = mode == M32 ? 4 : 8;

	memcpy(mem->bytes + table + index * size, &entry, size);
}

/*
 * One path to the page: its root is at 0x1000, the further tables at 0x2000,
 * 0x3000 and 0x4000. Linear 0x40201000 + offset in all modes: index 1 in the
 * directories, or 0x101 and 0x201 with 32-bit paging.
 */
#define GVA	0x40201000ULL

static void map(struct walk_mem *mem, int mode, const u64 e[4])
{
	static const struct { u32 table; u16 index; } path[3][4] = {
		[M32] = { { 0x1000, 0x100 }, { 0x2000, 0x201 } },
		[PAE] = { { 0x1000, 1 }, { 0x2000, 1 }, { 0x3000, 1 } },
		[LONG] = { { 0x1000, 0 }, { 0x2000, 1 }, { 0x3000, 1 }, { 0x4000, 1 } },
	};
	static const int levels[3] = { 2, 3, 4 };
	int i;

	memset(mem, 0, sizeof(*mem));
	for (i = 0; i < levels[mode]; i++)
		put(mem, mode, path[mode][i].table, path[mode][i].index, e[i]);
}

#define T2	0x2000
#define T3	0x3000
#define T4	0x4000
#define ALLOW	(P | W | U)

#define OK(g)		.gpa = (g)
#define FAULT(e)	.ret = 1, .error = (e)

static const struct walk_row {
	const char *name;
	u8 mode;
	u64 cr0, cr4, efer, rflags;	/* beyond what the mode needs */
	u64 e[4];
	u64 gva;
	u32 flags;
	int ret;
	u64 gpa;
	u32 error;
} rows[] = {
	/* 32-bit paging. */
	{ "32: page", M32, .e = { T2 | ALLOW, 0x5000 | ALLOW }, .gva = GVA + 0x123, OK(0x5123) },
	{ "32: above 4G", M32, .e = { T2 | ALLOW, 0x5000 | ALLOW },
	  .gva = GVA + 0x123 + BIT_ULL(32), OK(0x5123) },
	{ "32: no directory entry", M32, .e = { T2 | W | U, 0x5000 | ALLOW }, .gva = GVA,
	  FAULT(0) },
	{ "32: no entry", M32, .e = { T2 | ALLOW, 0x5000 | W | U }, .gva = GVA,
	  .flags = WR | US, FAULT(6) },
	{ "32: fetch has no error bit", M32, .e = { T2 | ALLOW, 0 }, .gva = GVA, .flags = FE,
	  FAULT(0) },
	{ "32: fetch with SMEP has", M32, .cr4 = CR4_SMEP, .e = { T2 | ALLOW, 0 }, .gva = GVA,
	  .flags = FE, FAULT(0x10) },
	{ "32: no 4M page without PSE", M32, .e = { T2 | ALLOW | PS, 0x5000 | ALLOW }, .gva = GVA,
	  OK(0x5000) },
	{ "32: 4M page", M32, .cr4 = CR4_PSE, .e = { 0x00c00000 | ALLOW | PS }, .gva = GVA + 5,
	  OK(0x00e01005) },
	{ "32: 4M page above 4G", M32, .cr4 = CR4_PSE,
	  .e = { 0x00c00000 | 0x1e000 | ALLOW | PS }, .gva = GVA, OK(0xf00e01000) },
	{ "32: 4M page, bit 21", M32, .cr4 = CR4_PSE, .e = { 0x00e00000 | ALLOW | PS },
	  .gva = GVA, FAULT(9) },
	{ "32: 4M page above MAXPHYADDR", M32, .cr4 = CR4_PSE,
	  .e = { 0x00c00000 | BIT(20) | ALLOW | PS }, .gva = GVA, FAULT(9) },
	{ "32: NX means nothing", M32, .efer = EFER_NXE, .e = { T2 | ALLOW, 0x5000 | ALLOW },
	  .gva = GVA, .flags = FE, OK(0x5000) },
	{ "32: table not in memory", M32, .e = { 0x100000 | ALLOW }, .gva = GVA, .ret = -EFAULT },

	/* PAE paging. */
	{ "PAE: page", PAE, .e = { T2 | P, T3 | ALLOW, 0x5000 | ALLOW }, .gva = GVA + 0xfff,
	  OK(0x5fff) },
	{ "PAE: page above 4G", PAE, .e = { T2 | P, T3 | ALLOW, 0xf00005000 | ALLOW }, .gva = GVA,
	  OK(0xf00005000) },
	{ "PAE: PDPTE with rights", PAE, .e = { T2 | P | W, T3 | ALLOW, 0x5000 | ALLOW },
	  .gva = GVA, FAULT(9) },
	{ "PAE: PDPTE, bit 5", PAE, .e = { T2 | P | 0x20, T3 | ALLOW, 0x5000 | ALLOW },
	  .gva = GVA, FAULT(9) },
	{ "PAE: PDPTE gives all rights", PAE, .cr0 = CR0_WP,
	  .e = { T2 | P, T3 | ALLOW, 0x5000 | ALLOW }, .gva = GVA, .flags = WR | US, OK(0x5000) },
	{ "PAE: 2M page", PAE, .e = { T2 | P, 0x600000 | ALLOW | PS }, .gva = GVA + 7,
	  OK(0x601007) },
	{ "PAE: 2M page, bit 13", PAE, .e = { T2 | P, 0x600000 | BIT(13) | ALLOW | PS },
	  .gva = GVA, FAULT(9) },
	{ "PAE: 2M page, PAT", PAE, .e = { T2 | P, 0x600000 | BIT(12) | ALLOW | PS }, .gva = GVA,
	  OK(0x601000) },
	{ "PAE: bit 52", PAE, .e = { T2 | P, T3 | ALLOW, 0x5000 | ALLOW | BIT_ULL(52) },
	  .gva = GVA, FAULT(9) },
	{ "PAE: NX without NXE", PAE, .e = { T2 | P, T3 | ALLOW, 0x5000 | ALLOW | NX },
	  .gva = GVA, FAULT(9) },
	{ "PAE: NX read", PAE, .efer = EFER_NXE, .e = { T2 | P, T3 | ALLOW, 0x5000 | ALLOW | NX },
	  .gva = GVA, OK(0x5000) },
	{ "PAE: NX fetch", PAE, .efer = EFER_NXE,
	  .e = { T2 | P, T3 | ALLOW | NX, 0x5000 | ALLOW }, .gva = GVA, .flags = FE | US,
	  FAULT(0x15) },

	/* 4-level paging. */
	{ "long: page", LONG, .e = { T2 | ALLOW, T3 | ALLOW, T4 | ALLOW, 0x5000 | ALLOW },
	  .gva = GVA + 8, OK(0x5008) },
	{ "long: not canonical", LONG, .e = { T2 | ALLOW, T3 | ALLOW, T4 | ALLOW, 0x5000 | ALLOW },
	  .gva = GVA + BIT_ULL(47), FAULT(0) },
	{ "long: ignored bits", LONG,
	  .e = { T2 | ALLOW | BIT_ULL(52), T3 | ALLOW | BIT_ULL(62), T4 | ALLOW, 0x5000 | ALLOW },
	  .gva = GVA, OK(0x5000) },
	{ "long: root entry with PS", LONG,
	  .e = { T2 | ALLOW | PS, T3 | ALLOW, T4 | ALLOW, 0x5000 | ALLOW }, .gva = GVA, FAULT(9) },
	{ "long: 1G page", LONG, .e = { T2 | ALLOW, 0x80000000 | ALLOW | PS }, .gva = GVA + 1,
	  OK(0x80201001) },
	{ "long: 1G page, bit 29", LONG, .e = { T2 | ALLOW, 0xa0000000 | ALLOW | PS }, .gva = GVA,
	  FAULT(9) },
	{ "long: 2M page", LONG, .e = { T2 | ALLOW, T3 | ALLOW, 0x600000 | ALLOW | PS },
	  .gva = GVA + 2, OK(0x601002) },
	{ "long: 4K page with PAT", LONG,
	  .e = { T2 | ALLOW, T3 | ALLOW, T4 | ALLOW, 0x5000 | ALLOW | PS }, .gva = GVA,
	  OK(0x5000) },
	{ "long: above MAXPHYADDR", LONG,
	  .e = { T2 | ALLOW, T3 | ALLOW, T4 | ALLOW | BIT_ULL(46), 0x5000 | ALLOW }, .gva = GVA,
	  .flags = WR, FAULT(0xb) },
	{ "long: table not in memory", LONG, .e = { T2 | ALLOW, 0x900000 | ALLOW }, .gva = GVA,
	  .ret = -EFAULT },

	/* Rights: each level must agree. */
	{ "supervisor page, user read", LONG,
	  .e = { T2 | ALLOW, T3 | P | W, T4 | ALLOW, 0x5000 | ALLOW }, .gva = GVA, .flags = US,
	  FAULT(5) },
	{ "supervisor page, supervisor", LONG,
	  .e = { T2 | ALLOW, T3 | P | W, T4 | ALLOW, 0x5000 | ALLOW }, .gva = GVA, .flags = WR,
	  OK(0x5000) },
	{ "read-only, user write", LONG,
	  .e = { T2 | ALLOW, T3 | ALLOW, T4 | P | U, 0x5000 | ALLOW }, .gva = GVA,
	  .flags = WR | US, FAULT(7) },
	{ "read-only, supervisor write", LONG,
	  .e = { T2 | ALLOW, T3 | ALLOW, T4 | P | U, 0x5000 | ALLOW }, .gva = GVA, .flags = WR,
	  OK(0x5000) },
	{ "read-only, supervisor write, WP", LONG, .cr0 = CR0_WP,
	  .e = { T2 | ALLOW, T3 | ALLOW, T4 | P | U, 0x5000 | ALLOW }, .gva = GVA, .flags = WR,
	  FAULT(3) },
	{ "SMEP", LONG, .cr4 = CR4_SMEP,
	  .e = { T2 | ALLOW, T3 | ALLOW, T4 | ALLOW, 0x5000 | ALLOW }, .gva = GVA, .flags = FE,
	  FAULT(0x11) },
	{ "SMEP, user fetch", LONG, .cr4 = CR4_SMEP,
	  .e = { T2 | ALLOW, T3 | ALLOW, T4 | ALLOW, 0x5000 | ALLOW }, .gva = GVA,
	  .flags = FE | US, OK(0x5000) },
	{ "SMEP, supervisor page", LONG, .cr4 = CR4_SMEP,
	  .e = { T2 | ALLOW, T3 | ALLOW, T4 | P, 0x5000 | ALLOW }, .gva = GVA, .flags = FE,
	  OK(0x5000) },
	{ "SMAP", LONG, .cr4 = CR4_SMAP,
	  .e = { T2 | ALLOW, T3 | ALLOW, T4 | ALLOW, 0x5000 | ALLOW }, .gva = GVA, FAULT(1) },
	{ "SMAP with AC", LONG, .cr4 = CR4_SMAP, .rflags = FL_AC,
	  .e = { T2 | ALLOW, T3 | ALLOW, T4 | ALLOW, 0x5000 | ALLOW }, .gva = GVA, .flags = WR,
	  OK(0x5000) },
	{ "SMAP, user access", LONG, .cr4 = CR4_SMAP,
	  .e = { T2 | ALLOW, T3 | ALLOW, T4 | ALLOW, 0x5000 | ALLOW }, .gva = GVA, .flags = US,
	  OK(0x5000) },
	{ "SMAP is not for fetches", LONG, .cr4 = CR4_SMAP,
	  .e = { T2 | ALLOW, T3 | ALLOW, T4 | ALLOW, 0x5000 | ALLOW }, .gva = GVA, .flags = FE,
	  OK(0x5000) },
	{ "NX, supervisor fetch", LONG, .efer = EFER_NXE,
	  .e = { T2 | ALLOW | NX, T3 | ALLOW, T4 | ALLOW, 0x5000 | ALLOW }, .gva = GVA,
	  .flags = FE, FAULT(0x11) },
};

static struct holm_walk_ctx ctx_of(const struct walk_row *row, struct walk_mem *mem)
{
	struct holm_walk_ctx ctx = {
		.cr0 = CR0_PE | CR0_PG | row->cr0,
		.cr3 = 0x1000,
		.cr4 = row->cr4 | (row->mode == M32 ? 0 : CR4_PAE),
		.efer = row->efer | (row->mode == LONG ? EFER_LONG : 0),
		.rflags = row->rflags,
		.phys_reserved = row->mode == M32 ? GENMASK_ULL(63, 36) : GENMASK_ULL(63, 46),
		.page_1g = true,
		.read = read_mem,
		.data = mem,
	};

	return ctx;
}

static void test_rows(struct kunit *test)
{
	struct walk_mem *mem = kunit_kzalloc(test, sizeof(*mem), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, mem);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct walk_row *row = &rows[i];
		struct holm_walk_ctx ctx = ctx_of(row, mem);
		u64 gpa = ~0ULL;
		u32 error = ~0U;

		map(mem, row->mode, row->e);
		KUNIT_EXPECT_EQ_MSG(test, holm_walk_tables(&ctx, row->gva, row->flags, &gpa,
							   &error),
				    row->ret, "%s", row->name);
		if (!row->ret)
			KUNIT_EXPECT_EQ_MSG(test, gpa, row->gpa, "%s", row->name);
		if (row->ret >= 0)
			KUNIT_EXPECT_EQ_MSG(test, error, row->error, "%s", row->name);
	}
}

static void test_no_1g(struct kunit *test)
{
	static const struct walk_row row = { .mode = LONG };
	static const u64 e[4] = { T2 | ALLOW, 0x80000000 | ALLOW | PS };
	struct walk_mem *mem = kunit_kzalloc(test, sizeof(*mem), GFP_KERNEL);
	struct holm_walk_ctx ctx = ctx_of(&row, mem);
	u32 error;
	u64 gpa;

	KUNIT_ASSERT_NOT_NULL(test, mem);
	map(mem, LONG, e);
	ctx.page_1g = false;
	KUNIT_EXPECT_EQ(test, holm_walk_tables(&ctx, GVA, 0, &gpa, &error), 1);
	KUNIT_EXPECT_EQ(test, error, 9);
}

static void test_no_paging(struct kunit *test)
{
	struct walk_mem *mem = kunit_kzalloc(test, sizeof(*mem), GFP_KERNEL);
	struct holm_walk_ctx ctx = { .cr0 = CR0_PE, .read = read_mem, .data = mem };
	u32 error;
	u64 gpa;

	KUNIT_ASSERT_NOT_NULL(test, mem);
	KUNIT_EXPECT_EQ(test, holm_walk_tables(&ctx, 0x1fffffff0ULL, WR | US, &gpa, &error), 0);
	KUNIT_EXPECT_EQ(test, gpa, 0xfffffff0ULL);
	KUNIT_EXPECT_EQ(test, mem->reads, 0);
}

/* The whole linear address takes part, and CR3's other bits do not. */
static void test_indices(struct kunit *test)
{
	static const struct walk_row row = { .mode = LONG };
	struct walk_mem *mem = kunit_kzalloc(test, sizeof(*mem), GFP_KERNEL);
	struct holm_walk_ctx ctx = ctx_of(&row, mem);
	u32 error;
	u64 gpa;

	KUNIT_ASSERT_NOT_NULL(test, mem);
	ctx.cr3 = 0x1000 | 0xfff;
	put(mem, LONG, 0x1000, 511, T2 | ALLOW);
	put(mem, LONG, 0x2000, 510, T3 | ALLOW);
	put(mem, LONG, 0x3000, 509, T4 | ALLOW);
	put(mem, LONG, 0x4000, 508, 0x5000 | ALLOW);
	KUNIT_EXPECT_EQ(test, holm_walk_tables(&ctx, 0xffffffffbfbfcabcULL, 0, &gpa, &error), 0);
	KUNIT_EXPECT_EQ(test, gpa, 0x5abcULL);
	KUNIT_EXPECT_EQ(test, mem->reads, 4);
}

static struct kunit_case walk_cases[] = {
	KUNIT_CASE(test_rows),
	KUNIT_CASE(test_no_1g),
	KUNIT_CASE(test_no_paging),
	KUNIT_CASE(test_indices),
	{}
};

struct kunit_suite holm_walk_suite = {
	.name = "holm-walk",
	.test_cases = walk_cases,
};
