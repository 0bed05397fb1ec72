// SPDX-License-Identifier: GPL-2.0-or-later
/* holm_guest_translate(): all paging modes, rights, reserved bits, A/D bits. */
#include "emul_rig.h"

enum paging { NONE, P32, PAE, P64 };

#define P	0x1ULL
#define W	0x2ULL
#define U	0x4ULL
#define A	0x20ULL
#define D	0x40ULL
#define PS	0x80ULL
#define PAT2M	0x1000ULL
#define NX	(1ULL << 63)
#define PWU	(P | W | U)

#define WRITE	HOLM_TRANSLATE_WRITE
#define FETCH	HOLM_TRANSLATE_FETCH
#define USER	HOLM_TRANSLATE_USER

#define WP	CR0_WP
#define OK	(-1)

/* Indexes that are not 0 at any level. */
#define GVA32	0x00c03025ULL
#define GVA_PAE	0x80c03025ULL
#define GVA64	(1ULL << 39 | 3ULL << 30 | 6ULL << 21 | 0x3025)

static uint64_t table_of(unsigned int level)
{
	return 0x1000 * level;
}

static const struct row {
	const char *name;
	enum paging paging;
	uint64_t cr0, cr4, efer, rflags;
	uint64_t entry[4];		/* level 1 first; tables link themselves */
	unsigned int leaf;
	uint64_t page;			/* added to the leaf */
	uint32_t flags;
	int error;			/* or OK */
	uint64_t gpa;
} rows[] = {
	/* No paging. */
	{ "no paging", NONE, 0, 0, 0, 0, { 0 }, 1, 0, WRITE, OK, GVA32 },

	/* 32-bit paging. */
	{ "32: page", P32, 0, 0, 0, 0, { PWU, PWU }, 1, 0x7000, 0, OK, 0x7025 },
	{ "32: write", P32, WP, 0, 0, 0, { PWU, PWU }, 1, 0x7000, WRITE, OK, 0x7025 },
	{ "32: PTE not present", P32, 0, 0, 0, 0, { 0, PWU }, 1, 0x7000, WRITE, 2 },
	{ "32: PDE not present", P32, 0, 0, 0, 0, { PWU, W }, 1, 0x7000, USER, 4 },
	{ "32: read-only, WP", P32, WP, 0, 0, 0, { P, PWU }, 1, 0x7000, WRITE, 3 },
	{ "32: read-only, no WP", P32, 0, 0, 0, 0, { P, P }, 1, 0x7000, WRITE, OK, 0x7025 },
	{ "32: read-only PDE, user", P32, 0, 0, 0, 0, { PWU, P | U }, 1, 0x7000, WRITE | USER, 7 },
	{ "32: supervisor page", P32, 0, 0, 0, 0, { P | W, PWU }, 1, 0x7000, USER, 5 },
	{ "32: supervisor PDE", P32, 0, 0, 0, 0, { PWU, P | W }, 1, 0x7000, USER, 5 },
	{ "32: PS without PSE", P32, 0, 0, 0, 0, { PWU, PWU | PS }, 1, 0x7000, 0, OK, 0x7025 },
	{ "32: 4 MByte", P32, 0, CR4_PSE, 0, 0, { 0, PWU | PS }, 2, 0x400000, 0, OK, 0x403025 },
	{ "32: PSE-36", P32, 0, CR4_PSE, 0, 0, { 0, PWU | PS }, 2, 0x402000, 0, OK, 0x100403025 },
	{ "32: 4 MByte, bit 21", P32, 0, CR4_PSE, 0, 0, { 0, PWU | PS }, 2, 0x600000, 0, 9 },
	{ "32: fetch has no I bit", P32, 0, 0, 0, 0, { 0, PWU }, 1, 0, FETCH | USER, 4 },
	{ "32: fetch has it with SMEP", P32, 0, CR4_SMEP, 0, 0, { 0, PWU }, 1, 0, FETCH, 0x10 },
	{ "32: SMEP", P32, 0, CR4_SMEP, 0, 0, { PWU, PWU }, 1, 0x7000, FETCH, 0x11 },
	{ "32: SMEP, one supervisor level", P32, 0, CR4_SMEP, 0, 0, { PWU, P | W }, 1, 0x7000,
	  FETCH, OK, 0x7025 },
	{ "32: SMEP, user code", P32, 0, CR4_SMEP, 0, 0, { PWU, PWU }, 1, 0x7000, FETCH | USER, OK,
	  0x7025 },
	{ "32: SMAP", P32, 0, CR4_SMAP, 0, 0, { PWU, PWU }, 1, 0x7000, 0, 1 },
	{ "32: SMAP write", P32, 0, CR4_SMAP, 0, 0, { PWU, PWU }, 1, 0x7000, WRITE, 3 },
	{ "32: SMAP, AC", P32, 0, CR4_SMAP, 0, RFLAGS_AC, { PWU, PWU }, 1, 0x7000, 0, OK, 0x7025 },
	{ "32: SMAP, user", P32, 0, CR4_SMAP, 0, 0, { PWU, PWU }, 1, 0x7000, USER, OK, 0x7025 },
	{ "32: SMAP does not stop fetches", P32, 0, CR4_SMAP, 0, 0, { PWU, PWU }, 1, 0x7000, FETCH,
	  OK, 0x7025 },

	/* PAE. */
	{ "PAE: page", PAE, 0, 0, 0, 0, { PWU, PWU, P }, 1, 0x7000, WRITE, OK, 0x7025 },
	{ "PAE: PDPTE has no rights", PAE, WP, 0, 0, 0, { PWU, PWU, P }, 1, 0x7000, WRITE | USER,
	  OK, 0x7025 },
	{ "PAE: PDPTE not present", PAE, 0, 0, 0, 0, { PWU, PWU, 0 }, 1, 0x7000, 0, 0 },
	{ "PAE: PDPTE bit 1", PAE, 0, 0, 0, 0, { PWU, PWU, P | W }, 1, 0x7000, 0, 9 },
	{ "PAE: PDPTE bit 5", PAE, 0, 0, 0, 0, { PWU, PWU, P | A }, 1, 0x7000, 0, 9 },
	{ "PAE: PDPTE bit 7", PAE, 0, 0, 0, 0, { PWU, PWU, P | PS }, 1, 0x7000, 0, 9 },
	{ "PAE: PDPTE bit 63", PAE, 0, 0, EFER_NXE, 0, { PWU, PWU, P | NX }, 1, 0x7000, 0, 9 },
	{ "PAE: PDPTE beyond the CPU", PAE, 0, 0, 0, 0, { PWU, PWU, P | 1ULL << 41 }, 1, 0x7000, 0,
	  9 },
	{ "PAE: page above 4 GBytes", PAE, 0, 0, 0, 0, { PWU, PWU, P }, 1, 0x9000007000, 0, OK,
	  0x9000007025 },
	{ "PAE: PTE bit 52", PAE, 0, 0, 0, 0, { PWU | 1ULL << 52, PWU, P }, 1, 0x7000, 0, 9 },
	{ "PAE: PTE bit 62", PAE, 0, 0, 0, 0, { PWU | 1ULL << 62, PWU, P }, 1, 0x7000, WRITE, 0xb },
	{ "PAE: 2 MByte", PAE, 0, 0, 0, 0, { 0, PWU | PS, P }, 2, 0x600000, 0, OK, 0x603025 },
	{ "PAE: 2 MByte, PAT", PAE, 0, 0, 0, 0, { 0, PWU | PS | PAT2M, P }, 2, 0x600000, 0, OK,
	  0x603025 },
	{ "PAE: 2 MByte, bit 13", PAE, 0, 0, 0, 0, { 0, PWU | PS, P }, 2, 0x602000, 0, 9 },
	{ "PAE: NX without NXE", PAE, 0, 0, 0, 0, { PWU | NX, PWU, P }, 1, 0x7000, 0, 9 },
	{ "PAE: NX, read", PAE, 0, 0, EFER_NXE, 0, { PWU | NX, PWU, P }, 1, 0x7000, 0, OK, 0x7025 },
	{ "PAE: NX, fetch", PAE, 0, 0, EFER_NXE, 0, { PWU, PWU | NX, P }, 1, 0x7000, FETCH | USER,
	  0x15 },

	/* 4-level paging. */
	{ "64: page", P64, WP, 0, 0, 0, { PWU, PWU, PWU, PWU }, 1, 0x7000, WRITE | USER, OK,
	  0x7025 },
	{ "64: PML4E not present", P64, 0, 0, 0, 0, { PWU, PWU, PWU, 0 }, 1, 0x7000, 0, 0 },
	{ "64: PDPTE not present", P64, 0, 0, 0, 0, { PWU, PWU, 0, PWU }, 1, 0x7000, WRITE, 2 },
	{ "64: PML4E supervisor", P64, 0, 0, 0, 0, { PWU, PWU, PWU, P | W }, 1, 0x7000, USER, 5 },
	{ "64: PDPTE read-only", P64, WP, 0, 0, 0, { PWU, PWU, P | U, PWU }, 1, 0x7000, WRITE, 3 },
	{ "64: PML4E with PS", P64, 0, 0, 0, 0, { PWU, PWU, PWU, PWU | PS }, 1, 0x7000, 0, 9 },
	{ "64: NX without NXE", P64, 0, 0, 0, 0, { PWU, PWU, PWU | NX, PWU }, 1, 0x7000, USER,
	  0xd },
	{ "64: NX at the top", P64, 0, 0, EFER_NXE, 0, { PWU, PWU, PWU, PWU | NX }, 1, 0x7000,
	  FETCH, 0x11 },
	{ "64: bits 52..62 are free", P64, 0, 0, 0, 0,
	  { PWU | 0x7ffULL << 52, PWU, PWU, PWU | 0x7ffULL << 52 }, 1, 0x7000, 0, OK, 0x7025 },
	{ "64: address beyond the CPU", P64, 0, 0, 0, 0, { PWU, PWU, PWU, PWU }, 1, 1ULL << 40, 0,
	  9 },
	{ "64: table beyond the CPU", P64, 0, 0, 0, 0, { PWU, PWU | 1ULL << 45, PWU, PWU }, 1,
	  0x7000, 0, 9 },
	{ "64: 2 MByte", P64, 0, 0, 0, 0, { 0, PWU | PS, PWU, PWU }, 2, 0x8000000, WRITE, OK,
	  0x8003025 },
	{ "64: 2 MByte, bit 20", P64, 0, 0, 0, 0, { 0, PWU | PS, PWU, PWU }, 2, 0x100000, 0, 9 },
	{ "64: 1 GByte", P64, 0, 0, 0, 0, { 0, 0, PWU | PS, PWU }, 3, 0x4000000000, 0, OK,
	  0x4000c03025 },
	{ "64: 1 GByte, bit 29", P64, 0, 0, 0, 0, { 0, 0, PWU | PS, PWU }, 3, 0x20000000, WRITE,
	  0xb },
	{ "64: SMAP and write to read-only", P64, WP, CR4_SMAP, 0, RFLAGS_AC,
	  { P | U, PWU, PWU, PWU }, 1, 0x7000, WRITE, 3 },
	{ "64: SMEP", P64, 0, CR4_SMEP, 0, 0, { PWU, PWU, PWU, PWU }, 1, 0x7000, FETCH, 0x11 },
	{ "64: table outside of RAM", P64, 0, 0, 0, 0, { PWU, PWU, PWU, PWU | 0x80000000 }, 1,
	  0x7000, 0, 9 },
};

static uint64_t gva_of(enum paging p)
{
	return p == P64 ? GVA64 : p == PAE ? GVA_PAE : GVA32;
}

static unsigned int levels_of(enum paging p)
{
	return p == P64 ? 4 : p == PAE ? 3 : 2;
}

static uint64_t entry_address(enum paging p, unsigned int level)
{
	uint64_t gva = gva_of(p);

	if (p == P32)
		return table_of(level) + 4 * (gva >> (12 + 10 * (level - 1)) & 0x3ff);
	return table_of(level) + 8 * (gva >> (12 + 9 * (level - 1)) & 0x1ff);
}

static uint64_t get_entry(const struct rig *r, enum paging p, unsigned int level)
{
	uint64_t entry = rig_get64(r, entry_address(p, level));

	return p == P32 ? (uint32_t)entry : entry;
}

static void build(struct rig *r, const struct row *row)
{
	struct holm_sregs *s = &r->run.sregs;
	unsigned int level;
	uint64_t entry;

	rig_init(r);
	s->cr0 = CR0_PE | row->cr0 | (row->paging == NONE ? 0 : CR0_PG);
	s->cr4 = row->cr4 | (row->paging >= PAE ? CR4_PAE : 0);
	s->efer = row->efer | (row->paging == P64 ? EFER_LME | EFER_LMA : 0);
	s->cr3 = table_of(levels_of(row->paging));
	for (level = levels_of(row->paging); row->paging != NONE && level; level--) {
		entry = row->entry[level - 1];
		entry |= level == row->leaf ? row->page : level > 1 ? table_of(level - 1) : 0;
		if (row->paging == P32)
			rig_put32(r, entry_address(row->paging, level), entry);
		else
			rig_put64(r, entry_address(row->paging, level), entry);
	}
}

static int walk(struct rig *r, const struct row *row, bool set_ad, uint64_t *gpa, uint32_t *code)
{
	return holm_guest_translate(&r->run.sregs, row->rflags, gva_of(row->paging), row->flags,
				    set_ad, &rig_ops, r, gpa, code);
}

static bool as_expected(const struct row *row, int ret, uint64_t gpa, uint32_t code)
{
	if (row->error == OK)
		return !ret && gpa == row->gpa;
	return ret == 1 && code == (uint32_t)row->error;
}

static void test_rows(void **state)
{
	static struct rig r, before;
	unsigned int i, failed = 0;
	uint32_t code;
	uint64_t gpa;
	int ret;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		build(&r, &rows[i]);
		before = r;
		gpa = code = 0;
		ret = walk(&r, &rows[i], false, &gpa, &code);
		if (!as_expected(&rows[i], ret, gpa, code)) {
			print_error("'%s': returned %d, gpa %llx, error code %x\n", rows[i].name,
				    ret, (unsigned long long)gpa, code);
			failed++;
		}
		assert_memory_equal(r.ram, before.ram, RAM_SIZE);
	}
	assert_int_equal(failed, 0);
}

/* Accessed in every entry that was used, dirty in the leaf of a write. */
static void test_accessed_dirty(void **state)
{
	static struct rig r;
	unsigned int i, level;
	uint32_t code;
	uint64_t gpa;
	int ret;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];

		if (row->paging == NONE)
			continue;
		build(&r, row);
		gpa = code = 0;
		ret = walk(&r, row, true, &gpa, &code);
		assert_true(as_expected(row, ret, gpa, code));
		for (level = row->leaf; level <= levels_of(row->paging); level++) {
			uint64_t expected = row->entry[level - 1];

			if (row->error == OK && !(row->paging == PAE && level == 3)) {
				expected |= A;
				if (level == row->leaf && row->flags & WRITE)
					expected |= D;
			}
			if ((get_entry(&r, row->paging, level) & (A | D)) != (expected & (A | D))) {
				print_error("'%s': level %u is %llx\n", row->name, level,
					    (unsigned long long)get_entry(&r, row->paging, level));
				fail();
			}
		}
	}
}

static const struct row plain = {
	"plain", P64, WP, 0, 0, 0, { PWU, PWU, PWU, PWU }, 1, 0x7000, WRITE, OK, 0x7025,
};

/* Another vCPU changes an entry during the walk: it is walked again, but not for ever. */
static void test_race(void **state)
{
	static struct rig r;
	uint32_t code;
	uint64_t gpa;

	(void)state;
	build(&r, &plain);
	r.lose = 2;	/* toggles bit 6, which the upper levels ignore */
	assert_int_equal(walk(&r, &plain, true, &gpa, &code), 0);
	assert_int_equal(gpa, 0x7025);
	assert_int_equal(get_entry(&r, P64, 1) & (A | D), A | D);

	build(&r, &plain);
	r.lose = 1000000;
	assert_int_equal(walk(&r, &plain, true, &gpa, &code), 0);
	assert_int_equal(gpa, 0x7025);
	assert_true(r.lose > 1000000 - 100);
}

/* Tables in memory that cannot be written still map. */
static void test_readonly_tables(void **state)
{
	static struct rig r;
	uint32_t code;
	uint64_t gpa;

	(void)state;
	build(&r, &plain);
	r.readonly_from = 0;
	assert_int_equal(walk(&r, &plain, true, &gpa, &code), 0);
	assert_int_equal(gpa, 0x7025);
	assert_int_equal(get_entry(&r, P64, 1), 0x7000 | PWU);
}

static void test_no_1g(void **state)
{
	static const struct row row = {
		"1 GByte", P64, 0, 0, 0, 0, { 0, 0, PWU | PS, PWU }, 3, 0, 0, OK, 0,
	};
	static struct rig r;
	uint32_t code;
	uint64_t gpa;

	(void)state;
	build(&r, &row);
	r.page_1g = false;
	assert_int_equal(walk(&r, &row, false, &gpa, &code), 1);
	assert_int_equal(code, 9);
}

/* PSE-36 has as many address bits as the CPU. */
static void test_pse36_width(void **state)
{
	static const struct row row = {
		"PSE-36", P32, 0, CR4_PSE, 0, 0, { 0, PWU | PS }, 2, 0x420000, 0, 9,
	};
	static struct rig r;
	uint32_t code;
	uint64_t gpa;

	(void)state;
	build(&r, &row);
	r.phys_bits = 36;
	assert_int_equal(walk(&r, &row, false, &gpa, &code), 1);
	assert_int_equal(code, 9);
	r.phys_bits = 37;
	assert_int_equal(walk(&r, &row, false, &gpa, &code), 0);
	assert_int_equal(gpa, 0x1000403025);
}

/* Linear addresses of 32 bits wrap, whatever the caller added up. */
static void test_truncation(void **state)
{
	static const struct row row = {
		"32", P32, 0, 0, 0, 0, { PWU, PWU }, 1, 0x7000, 0, OK, 0x7025,
	};
	static struct rig r;
	uint32_t code;
	uint64_t gpa;

	(void)state;
	build(&r, &row);
	assert_int_equal(holm_guest_translate(&r.run.sregs, 0, GVA32 | 1ULL << 32, 0, false,
					      &rig_ops, &r, &gpa, &code), 0);
	assert_int_equal(gpa, 0x7025);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_accessed_dirty),
		cmocka_unit_test(test_race),
		cmocka_unit_test(test_readonly_tables),
		cmocka_unit_test(test_no_1g),
		cmocka_unit_test(test_pse36_width),
		cmocka_unit_test(test_truncation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
