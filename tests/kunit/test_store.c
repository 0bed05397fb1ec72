// SPDX-License-Identifier: GPL-2.0-only
/* The decoder of plain stores: encodings, addresses, and what it must not take. */
#include "../../kmod/x86/store.h"
#include "suites.h"

#define R(n)	(0x8877665544332200ULL + (n) * 0x1011ULL)
/* Not casts: sparse warns where one cuts a constant. */
#define LOW8(x)		((x) & 0xff)
#define LOW16(x)	((x) & 0xffff)
#define LOW32(x)	((x) & 0xffffffff)
#define RIP	0x0000123400005670ULL
#define FS_BASE	0x0000700000000000ULL
#define GS_BASE	0xffff880000000000ULL
#define DS_BASE	0x00400000ULL
#define SS_BASE	0x00300000ULL
#define ES_BASE	0x00100000ULL
#define CS_BASE	0x00200000ULL

static const struct holm_segment segments[6] = {
	[HOLM_SEG_ES] = { .base = ES_BASE },
	[HOLM_SEG_CS] = { .base = CS_BASE },
	[HOLM_SEG_SS] = { .base = SS_BASE },
	[HOLM_SEG_DS] = { .base = DS_BASE },
	[HOLM_SEG_FS] = { .base = FS_BASE },
	[HOLM_SEG_GS] = { .base = GS_BASE },
};

struct row {
	const char *what;
	unsigned int bits;
	u8 insn[HOLM_INSN_MAX];
	u8 len;
	u8 size;
	u64 linear;
	u64 value;
};

static const struct row rows[] = {
	/* Registers and widths. */
	{ "mov %al, (%rbx)", 64, { 0x88, 0x03 }, 2, 1, R(3), LOW8(R(0)) },
	{ "mov %ax, (%rbx)", 64, { 0x66, 0x89, 0x03 }, 3, 2, R(3), LOW16(R(0)) },
	{ "mov %eax, (%rbx)", 64, { 0x89, 0x03 }, 2, 4, R(3), LOW32(R(0)) },
	{ "mov %rax, (%rbx)", 64, { 0x48, 0x89, 0x03 }, 3, 8, R(3), R(0) },
	{ "mov %rax, (%rbx), 66 too", 64, { 0x66, 0x48, 0x89, 0x03 }, 4, 8, R(3), R(0) },
	{ "mov %r9, (%rbx)", 64, { 0x4c, 0x89, 0x0b }, 3, 8, R(3), R(9) },
	{ "mov %r15d, (%r14)", 64, { 0x45, 0x89, 0x3e }, 3, 4, R(14), LOW32(R(15)) },
	{ "mov %r10w, (%rsi)", 64, { 0x66, 0x44, 0x89, 0x16 }, 4, 2, R(6), LOW16(R(10)) },
	{ "mov %ah, (%rbx)", 64, { 0x88, 0x23 }, 2, 1, R(3), LOW8(R(0) >> 8) },
	{ "mov %ch, (%rbx)", 64, { 0x88, 0x2b }, 2, 1, R(3), LOW8(R(1) >> 8) },
	{ "mov %dh, (%rbx)", 64, { 0x88, 0x33 }, 2, 1, R(3), LOW8(R(2) >> 8) },
	{ "mov %bh, (%rbx)", 64, { 0x88, 0x3b }, 2, 1, R(3), LOW8(R(3) >> 8) },
	{ "mov %spl, (%rbx)", 64, { 0x40, 0x88, 0x23 }, 3, 1, R(3), LOW8(R(4)) },
	{ "mov %dil, (%rbx)", 64, { 0x40, 0x88, 0x3b }, 3, 1, R(3), LOW8(R(7)) },
	{ "mov %r8b, (%rbx)", 64, { 0x44, 0x88, 0x03 }, 3, 1, R(3), LOW8(R(8)) },
	{ "mov %dh, (%bx), 32 bits", 32, { 0x88, 0x33 }, 2, 1, LOW32(R(3) + DS_BASE),
	  LOW8(R(2) >> 8) },

	/* Immediates. */
	{ "movb $0x80, (%rbx)", 64, { 0xc6, 0x03, 0x80 }, 3, 1, R(3), 0x80 },
	{ "movw $0x8001, (%rbx)", 64, { 0x66, 0xc7, 0x03, 0x01, 0x80 }, 5, 2, R(3), 0x8001 },
	{ "movl $0x80000001, (%rbx)", 64, { 0xc7, 0x03, 1, 0, 0, 0x80 }, 6, 4, R(3), 0x80000001 },
	{ "movq $-0x7fffffff, (%rbx)", 64, { 0x48, 0xc7, 0x03, 1, 0, 0, 0x80 }, 7, 8, R(3),
	  0xffffffff80000001 },
	{ "movq $0x7f, (%rbx)", 64, { 0x48, 0xc7, 0x03, 0x7f, 0, 0, 0 }, 7, 8, R(3), 0x7f },
	{ "movl $1, (%rbx), REX.R", 64, { 0x44, 0xc7, 0x03, 1, 0, 0, 0 }, 7, 4, R(3), 1 },
	{ "movw $0x1234, 0x10(%ebx)", 32, { 0x66, 0xc7, 0x43, 0x10, 0x34, 0x12 }, 6, 2,
	  LOW32(R(3) + 0x10 + DS_BASE), 0x1234 },
	{ "movw $0x1234, (%bx)", 16, { 0xc7, 0x07, 0x34, 0x12 }, 4, 2, LOW16(R(3)) + DS_BASE, 0x1234 },
	{ "movl $0x12345678, (%bx)", 16, { 0x66, 0xc7, 0x07, 0x78, 0x56, 0x34, 0x12 }, 7, 4,
	  LOW16(R(3)) + DS_BASE, 0x12345678 },

	/* 64-bit addresses. */
	{ "mov %eax, 0x7f(%rbx)", 64, { 0x89, 0x43, 0x7f }, 3, 4, R(3) + 0x7f, LOW32(R(0)) },
	{ "mov %eax, -0x80(%rbx)", 64, { 0x89, 0x43, 0x80 }, 3, 4, R(3) - 0x80, LOW32(R(0)) },
	{ "mov %eax, 0x1000(%rbx)", 64, { 0x89, 0x83, 0, 0x10, 0, 0 }, 6, 4, R(3) + 0x1000,
	  LOW32(R(0)) },
	{ "mov %eax, -0x1000(%rbx)", 64, { 0x89, 0x83, 0, 0xf0, 0xff, 0xff }, 6, 4, R(3) - 0x1000,
	  LOW32(R(0)) },
	{ "mov %eax, (%rsp)", 64, { 0x89, 0x04, 0x24 }, 3, 4, R(4), LOW32(R(0)) },
	{ "mov %eax, (%r12)", 64, { 0x41, 0x89, 0x04, 0x24 }, 4, 4, R(12), LOW32(R(0)) },
	{ "mov %eax, 0(%rbp)", 64, { 0x89, 0x45, 0 }, 3, 4, R(5), LOW32(R(0)) },
	{ "mov %eax, 0(%r13)", 64, { 0x41, 0x89, 0x45, 0 }, 4, 4, R(13), LOW32(R(0)) },
	{ "mov %eax, (%rbx,%rcx,8)", 64, { 0x89, 0x04, 0xcb }, 3, 4, R(3) + R(1) * 8, LOW32(R(0)) },
	{ "mov %eax, (%rbx,%r12,2)", 64, { 0x42, 0x89, 0x04, 0x63 }, 4, 4, R(3) + R(12) * 2,
	  LOW32(R(0)) },
	{ "mov %eax, (%r8,%r9,4)", 64, { 0x43, 0x89, 0x04, 0x88 }, 4, 4, R(8) + R(9) * 4,
	  LOW32(R(0)) },
	{ "mov %eax, 4(%rbx,%rsi)", 64, { 0x89, 0x44, 0x33, 4 }, 4, 4, R(3) + R(6) + 4, LOW32(R(0)) },
	{ "mov %eax, 0x11(,%rcx,4)", 64, { 0x89, 0x04, 0x8d, 0x11, 0, 0, 0 }, 7, 4,
	  R(1) * 4 + 0x11, LOW32(R(0)) },
	{ "mov %eax, 0x11(,%rcx,4), REX.B", 64, { 0x41, 0x89, 0x04, 0x8d, 0x11, 0, 0, 0 }, 8, 4,
	  R(1) * 4 + 0x11, LOW32(R(0)) },
	{ "mov %eax, 0x1234", 64, { 0x89, 0x04, 0x25, 0x34, 0x12, 0, 0 }, 7, 4, 0x1234, LOW32(R(0)) },
	{ "mov %eax, -0x1000", 64, { 0x89, 0x04, 0x25, 0, 0xf0, 0xff, 0xff }, 7, 4, -0x1000ULL,
	  LOW32(R(0)) },
	{ "mov %eax, 0x100(%rip)", 64, { 0x89, 0x05, 0, 1, 0, 0 }, 6, 4, RIP + 6 + 0x100,
	  LOW32(R(0)) },
	{ "mov %eax, -0x100(%rip), REX.B", 64, { 0x41, 0x89, 0x05, 0, 0xff, 0xff, 0xff }, 7, 4,
	  RIP + 7 - 0x100, LOW32(R(0)) },
	{ "movl $5, 0x100(%rip)", 64, { 0xc7, 0x05, 0, 1, 0, 0, 5, 0, 0, 0 }, 10, 4,
	  RIP + 10 + 0x100, 5 },
	{ "movb $5, 0x100(%rip)", 64, { 0xc6, 0x05, 0, 1, 0, 0, 5 }, 7, 1, RIP + 7 + 0x100, 5 },
	{ "mov %eax, 0x100(%eip)", 64, { 0x67, 0x89, 0x05, 0, 1, 0, 0 }, 7, 4,
	  LOW32(RIP + 7 + 0x100), LOW32(R(0)) },
	{ "mov %eax, (%ebx)", 64, { 0x67, 0x89, 0x03 }, 3, 4, LOW32(R(3)), LOW32(R(0)) },
	{ "mov %eax, -1(%ebx,%ecx,8)", 64, { 0x67, 0x89, 0x44, 0xcb, 0xff }, 5, 4,
	  LOW32(R(3) + R(1) * 8 - 1), LOW32(R(0)) },

	/* Segments. */
	{ "mov %eax, %fs:(%rbx)", 64, { 0x64, 0x89, 0x03 }, 3, 4, R(3) + FS_BASE, LOW32(R(0)) },
	{ "mov %eax, %gs:(%rbx)", 64, { 0x65, 0x89, 0x03 }, 3, 4, R(3) + GS_BASE, LOW32(R(0)) },
	{ "mov %eax, %gs:(%ebx)", 64, { 0x65, 0x67, 0x89, 0x03 }, 4, 4, LOW32(R(3)) + GS_BASE,
	  LOW32(R(0)) },
	{ "the last of FS and GS", 64, { 0x64, 0x65, 0x89, 0x03 }, 4, 4, R(3) + GS_BASE,
	  LOW32(R(0)) },
	{ "DS, ES, CS, SS are nothing", 64, { 0x3e, 0x26, 0x2e, 0x36, 0x89, 0x03 }, 6, 4, R(3),
	  LOW32(R(0)) },
	{ "and leave FS alone", 64, { 0x64, 0x3e, 0x89, 0x03 }, 4, 4, R(3) + FS_BASE, LOW32(R(0)) },
	{ "mov %eax, (%ebp), 32 bits: SS", 32, { 0x89, 0x45, 0 }, 3, 4, LOW32(R(5) + SS_BASE),
	  LOW32(R(0)) },
	{ "mov %eax, (%esp), 32 bits: SS", 32, { 0x89, 0x04, 0x24 }, 3, 4, LOW32(R(4) + SS_BASE),
	  LOW32(R(0)) },
	{ "mov %eax, (%ebx,%ebp), 32 bits: DS", 32, { 0x89, 0x04, 0x2b }, 3, 4,
	  LOW32(R(3) + R(5) + DS_BASE), LOW32(R(0)) },
	{ "mov %eax, %ds:(%ebp)", 32, { 0x3e, 0x89, 0x45, 0 }, 4, 4, LOW32(R(5) + DS_BASE),
	  LOW32(R(0)) },
	{ "mov %eax, %cs:(%ebx)", 32, { 0x2e, 0x89, 0x03 }, 3, 4, LOW32(R(3) + CS_BASE),
	  LOW32(R(0)) },
	{ "mov %eax, %es:(%ebx)", 32, { 0x26, 0x89, 0x03 }, 3, 4, LOW32(R(3) + ES_BASE),
	  LOW32(R(0)) },

	/* 32-bit code. */
	{ "mov %eax, 0x12345678, 32 bits", 32, { 0x89, 0x05, 0x78, 0x56, 0x34, 0x12 }, 6, 4,
	  0x12345678 + DS_BASE, LOW32(R(0)) },
	{ "mov %eax, 4(,%ecx,2)", 32, { 0x89, 0x04, 0x4d, 4, 0, 0, 0 }, 7, 4,
	  LOW32(R(1) * 2 + 4 + DS_BASE), LOW32(R(0)) },
	{ "mov %eax, (%bx,%si), 32 bits", 32, { 0x67, 0x89, 0x00 }, 3, 4,
	  LOW16(R(3) + R(6)) + DS_BASE, LOW32(R(0)) },

	/* 16-bit code: each form. */
	{ "mov %ax, (%bx,%si)", 16, { 0x89, 0x00 }, 2, 2, LOW16(R(3) + R(6)) + DS_BASE, LOW16(R(0)) },
	{ "mov %cx, (%bx,%di)", 16, { 0x89, 0x09 }, 2, 2, LOW16(R(3) + R(7)) + DS_BASE, LOW16(R(1)) },
	{ "mov %ax, (%bp,%si)", 16, { 0x89, 0x02 }, 2, 2, LOW16(R(5) + R(6)) + SS_BASE, LOW16(R(0)) },
	{ "mov %ax, (%bp,%di)", 16, { 0x89, 0x03 }, 2, 2, LOW16(R(5) + R(7)) + SS_BASE, LOW16(R(0)) },
	{ "mov %ax, (%si)", 16, { 0x89, 0x04 }, 2, 2, LOW16(R(6)) + DS_BASE, LOW16(R(0)) },
	{ "mov %ax, (%di)", 16, { 0x89, 0x05 }, 2, 2, LOW16(R(7)) + DS_BASE, LOW16(R(0)) },
	{ "mov %ax, 0x1234", 16, { 0x89, 0x06, 0x34, 0x12 }, 4, 2, 0x1234 + DS_BASE, LOW16(R(0)) },
	{ "mov %ax, 0xfff0", 16, { 0x89, 0x06, 0xf0, 0xff }, 4, 2, 0xfff0 + DS_BASE, LOW16(R(0)) },
	{ "mov %ax, (%bx)", 16, { 0x89, 0x07 }, 2, 2, LOW16(R(3)) + DS_BASE, LOW16(R(0)) },
	{ "mov %ax, 2(%bp)", 16, { 0x89, 0x46, 2 }, 3, 2, LOW16(R(5) + 2) + SS_BASE, LOW16(R(0)) },
	{ "mov %ax, -2(%si)", 16, { 0x89, 0x44, 0xfe }, 3, 2, LOW16(R(6) - 2) + DS_BASE, LOW16(R(0)) },
	{ "mov %ax, 0x8000(%bx,%di)", 16, { 0x89, 0x81, 0, 0x80 }, 4, 2,
	  LOW16(R(3) + R(7) + 0x8000) + DS_BASE, LOW16(R(0)) },
	{ "mov %eax, (%bx)", 16, { 0x66, 0x89, 0x07 }, 3, 4, LOW16(R(3)) + DS_BASE, LOW32(R(0)) },
	{ "mov %ax, (%ebx), 16 bits", 16, { 0x67, 0x89, 0x03 }, 3, 2, LOW32(R(3) + DS_BASE),
	  LOW16(R(0)) },
	{ "all of REX", 64, { 0x4f, 0x89, 0x3c, 0x3f }, 4, 8, R(15) + R(15),
	  R(15) },
	{ "longer than an instruction can be", 64, { 0x2e, 0x2e, 0x2e, 0x65, 0x48, 0xc7, 0x84, 0x8b, 4, 3, 2, 1,
					 0xfe, 0xff, 0xff }, 0, 0, 0, 0 },
	{ "a long one", 64, { 0x2e, 0x2e, 0x65, 0xc7, 0x84, 0x8b, 4, 3, 2, 1,
				 0xfe, 0xff, 0xff, 0x7f }, 14, 4,
	  R(3) + R(1) * 4 + 0x01020304 + GS_BASE, 0x7ffffffe },
};

/* The decoder does not take these; 0 bits: in any mode. */
static const struct row others[] = {
	{ "to a register", 64, { 0x89, 0xc3 } },
	{ "an immediate to a register", 64, { 0xc7, 0xc3, 1, 0, 0, 0 } },
	{ "XBEGIN", 64, { 0xc7, 0xf8, 0, 0, 0, 0 } },
	{ "C7 /1", 64, { 0xc7, 0x0b, 0, 0, 0, 0 } },
	{ "C6 /7", 64, { 0xc6, 0x3b, 0 } },
	{ "LOCK", 0, { 0xf0, 0x89, 0x03 } },
	{ "XRELEASE", 0, { 0xf3, 0x89, 0x03 } },
	{ "XACQUIRE", 0, { 0xf2, 0xc7, 0x03, 1, 0, 0, 0 } },
	{ "a load", 0, { 0x8b, 0x03 } },
	{ "a byte's load", 0, { 0x8a, 0x03 } },
	{ "ADD", 0, { 0x01, 0x03 } },
	{ "XCHG", 0, { 0x87, 0x03 } },
	{ "MOV to an offset", 0, { 0xa3, 0, 0, 0, 0, 0, 0, 0, 0 } },
	{ "MOVS", 0, { 0xa5 } },
	{ "STOS", 0, { 0xab } },
	{ "MOVNTI", 0, { 0x0f, 0xc3, 0x03 } },
	{ "MOV of a segment", 0, { 0x8c, 0x03 } },
	{ "CMPXCHG", 0, { 0x0f, 0xb1, 0x0b } },
	{ "MOVDQA", 0, { 0x66, 0x0f, 0x7f, 0x03 } },
	{ "INC, which REX is", 32, { 0x48, 0x89, 0x03 } },
	{ "DEC, which REX is", 16, { 0x4f, 0x89, 0x03 } },
	{ "REX before a prefix", 64, { 0x48, 0x66, 0x89, 0x03 } },
	{ "two REX", 64, { 0x48, 0x48, 0x89, 0x03 } },
	{ "VEX", 64, { 0xc5, 0xf8, 0x29, 0x03 } },
	{ "prefixes only", 0, { 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
				0x66, 0x66, 0x66, 0x66 } },
};

static void store_ctx(struct holm_store_ctx *ctx, u64 *gprs, unsigned int bits)
{
	unsigned int i;

	for (i = 0; i < 16; i++)
		gprs[i] = R(i);
	*ctx = (struct holm_store_ctx) {
		.bits = bits,
		.rip = RIP,
		.gpr = gprs,
		.seg = segments,
	};
}

/* Each whole, and cut at every byte: then it is no store. */
static void test_stores(struct kunit *test)
{
	struct holm_store_ctx ctx;
	u64 gprs[16];
	unsigned int i, n;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		struct holm_store store = {};

		store_ctx(&ctx, gprs, row->bits);
		if (!row->len) {
			KUNIT_EXPECT_EQ_MSG(test, holm_decode_store(&ctx, row->insn,
								    sizeof(row->insn), &store),
					    -EINVAL, "%s", row->what);
			continue;
		}
		KUNIT_EXPECT_EQ_MSG(test, holm_decode_store(&ctx, row->insn, sizeof(row->insn),
							    &store), 0, "%s", row->what);
		KUNIT_EXPECT_EQ_MSG(test, store.len, row->len, "%s", row->what);
		KUNIT_EXPECT_EQ_MSG(test, store.size, row->size, "%s", row->what);
		KUNIT_EXPECT_EQ_MSG(test, store.linear, row->linear, "%s", row->what);
		KUNIT_EXPECT_EQ_MSG(test, store.value, row->value, "%s", row->what);

		KUNIT_EXPECT_EQ_MSG(test, holm_decode_store(&ctx, row->insn, row->len, &store), 0,
				    "%s, and no byte behind it", row->what);
		for (n = 0; n < row->len; n++)
			KUNIT_EXPECT_EQ_MSG(test, holm_decode_store(&ctx, row->insn, n, &store),
					    -EINVAL, "%s, cut at %u", row->what, n);
	}
}

static void test_others(struct kunit *test)
{
	static const unsigned int modes[] = { 16, 32, 64 };
	struct holm_store_ctx ctx;
	struct holm_store store;
	unsigned int i, m;
	u64 gprs[16];

	for (i = 0; i < ARRAY_SIZE(others); i++) {
		const struct row *row = &others[i];

		for (m = 0; m < ARRAY_SIZE(modes); m++) {
			if (row->bits && row->bits != modes[m])
				continue;
			store_ctx(&ctx, gprs, modes[m]);
			KUNIT_EXPECT_EQ_MSG(test, holm_decode_store(&ctx, row->insn,
								    sizeof(row->insn), &store),
					    -EINVAL, "%s, %u bits", row->what, modes[m]);
		}
	}
}

/* Every pair of bytes, whatever follows: ends, and claims no more than there is. */
static void test_any(struct kunit *test)
{
	static const unsigned int modes[] = { 16, 32, 64 };
	u8 insn[HOLM_INSN_MAX];
	struct holm_store_ctx ctx;
	unsigned int a, n, m, bad = 0;
	struct holm_store store;
	u64 gprs[16];

	for (m = 0; m < ARRAY_SIZE(modes); m++) {
		store_ctx(&ctx, gprs, modes[m]);
		for (a = 0; a < 0x10000; a++) {
			n = a % (HOLM_INSN_MAX + 1);
			memset(insn, a * 7, sizeof(insn));
			insn[0] = a >> 8;
			insn[1] = a;
			if (holm_decode_store(&ctx, insn, n, &store))
				continue;
			bad += store.len > n || !store.size || store.size > 8 ||
			       !is_power_of_2(store.size);
		}
	}
	KUNIT_EXPECT_EQ(test, bad, 0U);
}

static struct kunit_case store_cases[] = {
	KUNIT_CASE(test_stores),
	KUNIT_CASE(test_others),
	KUNIT_CASE(test_any),
	{}
};

struct kunit_suite holm_store_suite = {
	.name = "holm-store",
	.test_cases = store_cases,
};
