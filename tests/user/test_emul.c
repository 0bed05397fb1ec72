// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The emulator: what a device sees of each instruction, faults, repetition,
 * locked instructions, the stack, system instructions.
 */
#include "emul_rig.h"

#define RAX_VALUE	0x1122334455667788ULL

/* Registers of the tables: RDI at the device, RSI in RAM. */
static void set_registers(struct rig *r)
{
	struct holm_regs *regs = &r->run.regs;
	unsigned int i;

	for (i = 0; i < DEV_SIZE; i++)
		r->dev[i] = i;
	for (i = 0; i < 0x400; i++)
		r->ram[DATA + i] = 0x80 + i;
	regs->gpr[HOLM_RAX] = RAX_VALUE;
	regs->gpr[HOLM_RCX] = 2;
	regs->gpr[HOLM_RDX] = 0x3f8;
	regs->gpr[HOLM_RBX] = 4;
	regs->gpr[HOLM_RSP] = DATA + 0x800;
	regs->gpr[HOLM_RBP] = 0;
	regs->gpr[HOLM_RSI] = DATA;
	regs->gpr[HOLM_RDI] = DEV + 0x10;
	if (!(r->run.sregs.cr0 & CR0_PE)) {
		r->run.sregs.seg[HOLM_SEG_ES].base = DEV;
		regs->gpr[HOLM_RDI] = 0xabcd0010;
		regs->gpr[HOLM_RSI] = 0x8000;
		regs->gpr[HOLM_RSP] = 0x9000;
	}
}

#define R(off, size, value)	{ 'r', DEV + (off), size, value }
#define WR(off, size, value)	{ 'w', DEV + (off), size, value }
#define IN(port, size, value)	{ 'i', port, size, value }
#define OUT(port, size, value)	{ 'o', port, size, value }

static const struct row {
	const char *name;
	unsigned int bits;
	uint8_t code[12];
	uint8_t len;
	struct access access[4];
} rows[] = {
	{ "mov [rdi], al", 64, { 0x88, 0x07 }, 2, { WR(0x10, 1, 0x88) } },
	{ "mov [rdi], ax", 64, { 0x66, 0x89, 0x07 }, 3, { WR(0x10, 2, 0x7788) } },
	{ "mov [rdi], eax", 64, { 0x89, 0x07 }, 2, { WR(0x10, 4, 0x55667788) } },
	{ "mov [rdi], rax", 64, { 0x48, 0x89, 0x07 }, 3, { WR(0x10, 8, RAX_VALUE) } },
	{ "mov al, [rdi]", 64, { 0x8a, 0x07 }, 2, { R(0x10, 1, 0x10) } },
	{ "mov eax, [rdi+4]", 64, { 0x8b, 0x47, 0x04 }, 3, { R(0x14, 4, 0x17161514) } },
	{ "mov rax, [rdi]", 64, { 0x48, 0x8b, 0x07 }, 3, { R(0x10, 8, 0x1716151413121110) } },
	{ "mov eax, [rdi+rcx*8-16]", 64, { 0x8b, 0x44, 0xcf, 0xf0 }, 4,
	  { R(0x10, 4, 0x13121110) } },
	{ "mov dword [rdi], -1", 64, { 0xc7, 0x07, 0xff, 0xff, 0xff, 0xff }, 6,
	  { WR(0x10, 4, 0xffffffff) } },
	{ "mov qword [rdi], -1", 64, { 0x48, 0xc7, 0x07, 0xff, 0xff, 0xff, 0xff }, 7,
	  { WR(0x10, 8, ~0ULL) } },
	{ "mov al, moffs", 64, { 0xa0, 0x20, 0x00, 0x00, 0x10, 0, 0, 0, 0 }, 9,
	  { R(0x20, 1, 0x20) } },
	{ "mov moffs, eax", 64, { 0xa3, 0x20, 0x00, 0x00, 0x10, 0, 0, 0, 0 }, 9,
	  { WR(0x20, 4, 0x55667788) } },
	{ "mov eax, [edi]", 64, { 0x67, 0x8b, 0x07 }, 3, { R(0x10, 4, 0x13121110) } },
	{ "mov eax, [rip+x]", 64, { 0x8b, 0x05, 0x0a, 0x00, 0xff, 0x0f }, 6,
	  { R(0x10, 4, 0x13121110) } },
	{ "mov [rdi], ds", 64, { 0x8c, 0x1f }, 2, { WR(0x10, 2, 0x10) } },
	{ "unaligned", 64, { 0x8b, 0x47, 0x01 }, 3,
	  { R(0x11, 1, 0x11), R(0x12, 2, 0x1312), R(0x14, 1, 0x14) } },
	{ "movzx eax, byte [rdi]", 64, { 0x0f, 0xb6, 0x07 }, 3, { R(0x10, 1, 0x10) } },
	{ "movzx eax, word [rdi]", 64, { 0x0f, 0xb7, 0x07 }, 3, { R(0x10, 2, 0x1110) } },
	{ "movsx rax, byte [rdi]", 64, { 0x48, 0x0f, 0xbe, 0x07 }, 4, { R(0x10, 1, 0x10) } },
	{ "movnti [rdi], eax", 64, { 0x0f, 0xc3, 0x07 }, 3, { WR(0x10, 4, 0x55667788) } },
	{ "or dword [rdi], 1", 64, { 0x83, 0x0f, 0x01 }, 3,
	  { R(0x10, 4, 0x13121110), WR(0x10, 4, 0x13121111) } },
	{ "and [rdi], eax", 64, { 0x21, 0x07 }, 2,
	  { R(0x10, 4, 0x13121110), WR(0x10, 4, 0x11021100) } },
	{ "add al, [rdi]", 64, { 0x02, 0x07 }, 2, { R(0x10, 1, 0x10) } },
	{ "cmp dword [rdi], 5", 64, { 0x83, 0x3f, 0x05 }, 3, { R(0x10, 4, 0x13121110) } },
	{ "test byte [rdi], 1", 64, { 0xf6, 0x07, 0x01 }, 3, { R(0x10, 1, 0x10) } },
	{ "not dword [rdi]", 64, { 0xf7, 0x17 }, 2,
	  { R(0x10, 4, 0x13121110), WR(0x10, 4, 0xecedeeef) } },
	{ "inc byte [rdi]", 64, { 0xfe, 0x07 }, 2, { R(0x10, 1, 0x10), WR(0x10, 1, 0x11) } },
	{ "shl word [rdi], 1", 64, { 0x66, 0xd1, 0x27 }, 3,
	  { R(0x10, 2, 0x1110), WR(0x10, 2, 0x2220) } },
	{ "xchg [rdi], eax", 64, { 0x87, 0x07 }, 2,
	  { R(0x10, 4, 0x13121110), WR(0x10, 4, 0x55667788) } },
	{ "lock add [rdi], eax", 64, { 0xf0, 0x01, 0x07 }, 3,
	  { R(0x10, 4, 0x13121110), WR(0x10, 4, 0x68788898) } },
	{ "lock cmpxchg, not equal", 64, { 0xf0, 0x0f, 0xb1, 0x0f }, 4,
	  { R(0x10, 4, 0x13121110), WR(0x10, 4, 0x13121110) } },
	{ "lock cmpxchg8b, not equal", 64, { 0xf0, 0x0f, 0xc7, 0x0f }, 4,
	  { R(0x10, 8, 0x1716151413121110), WR(0x10, 8, 0x1716151413121110) } },
	{ "cmpxchg16b, not equal", 64, { 0x48, 0x0f, 0xc7, 0x0f }, 4,
	  { R(0x10, 8, 0x1716151413121110), R(0x18, 8, 0x1f1e1d1c1b1a1918),
	    WR(0x10, 8, 0x1716151413121110), WR(0x18, 8, 0x1f1e1d1c1b1a1918) } },
	{ "xadd [rdi], ecx", 64, { 0x0f, 0xc1, 0x0f }, 3,
	  { R(0x10, 4, 0x13121110), WR(0x10, 4, 0x13121112) } },
	{ "bts [rdi], ecx", 64, { 0x0f, 0xab, 0x0f }, 3,
	  { R(0x10, 4, 0x13121110), WR(0x10, 4, 0x13121114) } },
	{ "bt dword [rdi], 3", 64, { 0x0f, 0xba, 0x27, 0x03 }, 4, { R(0x10, 4, 0x13121110) } },
	{ "setz [rdi]", 64, { 0x0f, 0x94, 0x07 }, 3, { WR(0x10, 1, 0) } },
	{ "cmovz eax, [rdi]: reads always", 64, { 0x0f, 0x44, 0x07 }, 3,
	  { R(0x10, 4, 0x13121110) } },
	{ "mul dword [rdi]", 64, { 0xf7, 0x27 }, 2, { R(0x10, 4, 0x13121110) } },
	{ "stosd", 64, { 0xab }, 1, { WR(0x10, 4, 0x55667788) } },
	{ "rep stosb", 64, { 0xf3, 0xaa }, 2, { WR(0x10, 1, 0x88), WR(0x11, 1, 0x88) } },
	{ "rep movsd to it", 64, { 0xf3, 0xa5 }, 2,
	  { WR(0x10, 4, 0x83828180), WR(0x14, 4, 0x87868584) } },
	{ "scasb", 64, { 0xae }, 1, { R(0x10, 1, 0x10) } },
	{ "insb", 64, { 0x6c }, 1, { IN(0x3f8, 1, 0), WR(0x10, 1, 0xa1) } },
	{ "rep outsw", 64, { 0xf3, 0x66, 0x6f }, 3,
	  { OUT(0x3f8, 2, 0x8180), OUT(0x3f8, 2, 0x8382) } },
	{ "push qword [rdi]", 64, { 0xff, 0x37 }, 2, { R(0x10, 8, 0x1716151413121110) } },
	{ "pop qword [rdi]", 64, { 0x8f, 0x07 }, 2, { WR(0x10, 8, 0) } },
	{ "clflush [rdi]", 64, { 0x0f, 0xae, 0x3f }, 3, { { 0 } } },

	{ "mov eax, [edi]", 32, { 0x8b, 0x07 }, 2, { R(0x10, 4, 0x13121110) } },
	{ "mov [edi], ax", 32, { 0x66, 0x89, 0x07 }, 3, { WR(0x10, 2, 0x7788) } },
	{ "mov eax, moffs32", 32, { 0xa1, 0x18, 0x00, 0x00, 0x10 }, 5, { R(0x18, 4, 0x1b1a1918) } },
	{ "push dword [edi]", 32, { 0xff, 0x37 }, 2, { R(0x10, 4, 0x13121110) } },
	{ "lgdt [edi]", 32, { 0x0f, 0x01, 0x17 }, 3,
	  { R(0x10, 4, 0x13121110), R(0x14, 2, 0x1514) } },
	{ "smsw [edi]", 32, { 0x0f, 0x01, 0x27 }, 3, { WR(0x10, 2, 1) } },

	{ "mov al, es:[di]", 16, { 0x26, 0x8a, 0x05 }, 3, { R(0x10, 1, 0x10) } },
	{ "mov es:[di], ax", 16, { 0x26, 0x89, 0x05 }, 3, { WR(0x10, 2, 0x7788) } },
	{ "mov es:[bx+di], ax", 16, { 0x26, 0x89, 0x01 }, 3, { WR(0x14, 2, 0x7788) } },
	{ "mov eax, es:[di]", 16, { 0x26, 0x66, 0x8b, 0x05 }, 4, { R(0x10, 4, 0x13121110) } },
	{ "stosw", 16, { 0xab }, 1, { WR(0x10, 2, 0x7788) } },
};

static void init_bits(struct rig *r, unsigned int bits)
{
	if (bits == 64)
		rig_init64(r, 0);
	else if (bits == 32)
		rig_init32(r);
	else
		rig_init16(r);
	set_registers(r);
}

static bool same_accesses(const struct rig *r, const struct row *row)
{
	unsigned int i, n = 0;

	while (n < 4 && row->access[n].kind)
		n++;
	if (r->naccesses != n)
		return false;
	for (i = 0; i < n; i++)
		if (r->log[i].kind != row->access[i].kind ||
		    r->log[i].addr != row->access[i].addr ||
		    r->log[i].size != row->access[i].size ||
		    r->log[i].value != row->access[i].value)
			return false;
	return true;
}

static void test_accesses(void **state)
{
	static struct rig r;
	unsigned int i, k, failed = 0;
	int ret;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		uint64_t rip;

		init_bits(&r, row->bits);
		rip = r.run.regs.rip;
		ret = rig_emulate(&r, row->code, row->len);
		if (ret == HOLM_EMUL_DONE && same_accesses(&r, row) &&
		    r.run.next_rip == rip + row->len)
			continue;
		failed++;
		print_error("'%s' (%u bits): returned %d, vector %u, next RIP +%llu\n", row->name,
			    row->bits, ret, r.run.exception.vector,
			    (unsigned long long)(r.run.next_rip - rip));
		for (k = 0; k < r.naccesses && k < MAX_ACCESSES; k++)
			print_error("  %c %llx size %u value %llx\n", r.log[k].kind,
				    (unsigned long long)r.log[k].addr, r.log[k].size,
				    (unsigned long long)r.log[k].value);
	}
	assert_int_equal(failed, 0);
}

/* ---- faults ---------------------------------------------------------------- */

/* A 4-level page of its own for the second half of what RDI points to. */
static void split_pages(struct rig *r, uint64_t second_flags)
{
	uint64_t pd = 0x4000, pt = 0x5000;
	unsigned int i;

	for (i = 0; i < 64; i++)
		rig_put64(r, pt + 8 * i, (i << 12) | 7);
	rig_put64(r, pd, pt | 7);
	rig_put64(r, pd + 8 * (DEV >> 21), DEV | 0x87);
	rig_put64(r, PT_BASE + 0x1000, pd | 7);
	rig_put64(r, pt + 8 * ((DATA >> 12) + 1), (DATA + 0x1000) | second_flags);
}

static void test_page_faults(void **state)
{
	static struct rig r;
	int ret;

	(void)state;
	/* The fault's address is in the second page, no byte is written to the first. */
	rig_init64(&r, 3);
	set_registers(&r);
	split_pages(&r, 0x5);		/* read-only */
	r.run.regs.gpr[HOLM_RDI] = DATA + 0xffe;
	r.run.regs.rflags |= RFLAGS_CF;
	ret = RIG_EMULATE(&r, 0x89, 0x07);
	rig_assert_fault(&r, ret, VEC_PF, true, 7);
	assert_true(r.run.exception.flags & HOLM_EVENT_HAS_PAYLOAD);
	assert_int_equal(r.run.exception.payload, DATA + 0x1000);
	assert_int_equal(r.ram[DATA + 0xffe], 0);
	assert_int_equal(r.run.regs.rip, CODE);

	/* A read of it is fine. */
	ret = RIG_EMULATE(&r, 0x8b, 0x07);
	rig_assert_done(&r, ret, 2);

	/* Read-modify-write: the write fault comes before the device is read. */
	split_pages(&r, 0x4);
	r.run.regs.gpr[HOLM_RDI] = DATA + 0xffc;
	ret = RIG_EMULATE(&r, 0x48, 0x01, 0x07);
	rig_assert_fault(&r, ret, VEC_PF, true, 6);
	/* MOVS from the device to memory that faults does not read the device. */
	r.run.regs.gpr[HOLM_RDI] = DATA + 0x1000;
	r.run.regs.gpr[HOLM_RSI] = DEV;
	ret = RIG_EMULATE(&r, 0xa4);
	rig_assert_fault(&r, ret, VEC_PF, true, 6);
	assert_int_equal(r.naccesses, 0);
	/* Nor does INS read the port; privileges come first. */
	r.run.regs.rflags |= RFLAGS_IOPL;
	ret = RIG_EMULATE(&r, 0x6c);
	rig_assert_fault(&r, ret, VEC_PF, true, 6);
	assert_int_equal(r.naccesses, 0);
}

static void test_segment_faults(void **state)
{
	static struct rig r;

	(void)state;
	/* 64-bit: not canonical. */
	rig_init64(&r, 0);
	r.run.regs.gpr[HOLM_RDI] = 0x800000000000;
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x8b, 0x07), VEC_GP, true, 0);
	r.run.regs.gpr[HOLM_RDI] = 0x7ffffffffffd;
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x8b, 0x07), VEC_GP, true, 0);
	r.run.regs.gpr[HOLM_RBP] = 1ULL << 63;
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x8b, 0x45, 0x00), VEC_SS, true, 0);

	/* 32-bit: limit, rights, expand-down, null. */
	rig_init32(&r);
	r.run.sregs.seg[HOLM_SEG_DS].limit = 0xfff;
	r.run.regs.gpr[HOLM_RDI] = 0xffc;
	rig_assert_done(&r, RIG_EMULATE(&r, 0x8b, 0x07), 2);
	r.run.regs.gpr[HOLM_RDI] = 0xffd;
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x8b, 0x07), VEC_GP, true, 0);
	r.run.regs.gpr[HOLM_RDI] = 0xffffffff;
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x8b, 0x07), VEC_GP, true, 0);
	r.run.sregs.seg[HOLM_SEG_DS].attrib = 0xc097;
	r.run.regs.gpr[HOLM_RDI] = 0xfff;
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x8b, 0x07), VEC_GP, true, 0);
	r.run.regs.gpr[HOLM_RDI] = 0x1000;
	rig_assert_done(&r, RIG_EMULATE(&r, 0x8b, 0x07), 2);
	r.run.sregs.seg[HOLM_SEG_DS] = rig_segment(0x10, 0xc091, 0xffffffff);
	rig_assert_done(&r, RIG_EMULATE(&r, 0x8b, 0x07), 2);
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x89, 0x07), VEC_GP, true, 0);
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x2e, 0x89, 0x07), VEC_GP, true, 0);
	rig_assert_done(&r, RIG_EMULATE(&r, 0x2e, 0x8b, 0x07), 3);
	r.run.sregs.seg[HOLM_SEG_CS].attrib = 0xc099;	/* execute only */
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x2e, 0x8b, 0x07), VEC_GP, true, 0);
	r.run.sregs.seg[HOLM_SEG_DS].attrib = HOLM_SEG_UNUSABLE;
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x8b, 0x07), VEC_GP, true, 0);
	r.run.sregs.seg[HOLM_SEG_CS].limit = CODE;
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x89, 0x07), VEC_GP, true, 0);

	/* 16-bit: a word at FFFFH. */
	rig_init16(&r);
	r.run.regs.gpr[HOLM_RDI] = 0xffff;
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x8b, 0x05), VEC_GP, true, 0);
	rig_assert_done(&r, RIG_EMULATE(&r, 0x8a, 0x05), 2);
}

static void test_other_faults(void **state)
{
	static struct rig r;
	uint8_t code[15];

	(void)state;
	rig_init64(&r, 0);
	set_registers(&r);
	/* LOCK on what cannot be locked; an undefined opcode; too long. */
	rig_assert_fault(&r, RIG_EMULATE(&r, 0xf0, 0x8b, 0x07), VEC_UD, false, 0);
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x0f, 0x0b), VEC_UD, false, 0);
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x0f, 0x04), VEC_UD, false, 0);
	memset(code, 0x66, sizeof(code));
	rig_assert_fault(&r, rig_emulate(&r, code, 15), VEC_GP, true, 0);
	/* Division by zero, and overflow. */
	memset(r.dev, 0, 32);
	rig_assert_fault(&r, RIG_EMULATE(&r, 0xf7, 0x37), VEC_DE, false, 0);
	rig_assert_fault(&r, RIG_EMULATE(&r, 0xf7, 0x3f), VEC_DE, false, 0);
	r.dev[0x10] = 1;
	rig_assert_fault(&r, RIG_EMULATE(&r, 0xf7, 0x37), VEC_DE, false, 0);
	r.run.regs.gpr[HOLM_RDX] = 0x8000000000000000;
	r.run.regs.gpr[HOLM_RAX] = 0;
	memset(r.dev + 0x10, 0xff, 8);
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x48, 0xf7, 0x3f), VEC_DE, false, 0);
	/* CMPXCHG16B is aligned. */
	r.run.regs.gpr[HOLM_RDI] = DEV + 8;
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x48, 0x0f, 0xc7, 0x0f), VEC_GP, true, 0);
	/* Alignment checks are of CPL 3. */
	r.run.regs.gpr[HOLM_RDI] = DEV + 1;
	r.run.sregs.cr0 |= CR0_AM;
	r.run.regs.rflags |= RFLAGS_AC;
	rig_assert_done(&r, RIG_EMULATE(&r, 0x8b, 0x07), 2);
	r.run.sregs.seg[HOLM_SEG_SS].attrib |= HOLM_SEG_DPL;
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x8b, 0x07), VEC_AC, true, 0);
	/* Not emulated: the kernel's ends the guest, a process' does not. */
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x0f, 0xae, 0x07), VEC_UD, false, 0);
	r.run.sregs.seg[HOLM_SEG_SS].attrib &= ~HOLM_SEG_DPL;
	assert_int_equal(RIG_EMULATE(&r, 0x0f, 0xae, 0x07), HOLM_EMUL_UNHANDLED);
}

/* ---- REP ------------------------------------------------------------------- */

static void test_rep_fault(void **state)
{
	static struct rig r;
	int ret;

	(void)state;
	rig_init64(&r, 0);
	set_registers(&r);
	split_pages(&r, 0);
	r.run.regs.gpr[HOLM_RDI] = DATA + 0xff8;
	r.run.regs.gpr[HOLM_RSI] = DEV;
	r.run.regs.gpr[HOLM_RCX] = 5;
	ret = RIG_EMULATE(&r, 0xf3, 0xa5);
	rig_assert_fault(&r, ret, VEC_PF, true, 2);
	/* Two were done, and stay done; the third has not read the device. */
	assert_int_equal(r.run.regs.gpr[HOLM_RCX], 3);
	assert_int_equal(r.run.regs.gpr[HOLM_RDI], DATA + 0x1000);
	assert_int_equal(r.run.regs.gpr[HOLM_RSI], DEV + 8);
	assert_int_equal(r.run.regs.rip, CODE);
	assert_int_equal(r.naccesses, 2);
	/* Mapped, it goes on. */
	rig_put64(&r, 0x5000 + 8 * ((DATA >> 12) + 1), (DATA + 0x1000) | 7);
	ret = RIG_EMULATE(&r, 0xf3, 0xa5);
	rig_assert_done(&r, ret, 2);
	assert_memory_equal(r.ram + DATA + 0xff8, r.dev, 20);
}

static void test_rep_bounds(void **state)
{
	static struct rig r;
	unsigned int n = 0;
	int ret;

	(void)state;
	rig_init64(&r, 0);
	set_registers(&r);
	r.run.regs.gpr[HOLM_RCX] = 10000;
	r.run.regs.gpr[HOLM_RDI] = DEV;
	do {
		ret = RIG_EMULATE(&r, 0xf3, 0xaa);
		assert_int_equal(ret, HOLM_EMUL_DONE);
		n++;
	} while (!(r.run.in_flags & HOLM_RUN_COMPLETE) && n < 100);
	assert_in_range(n, 2, 10);
	assert_int_equal(r.run.regs.gpr[HOLM_RCX], 0);
	assert_int_equal(r.run.regs.gpr[HOLM_RDI], DEV + 10000);

	/* None at all. */
	ret = RIG_EMULATE(&r, 0xf3, 0xaa);
	rig_assert_done(&r, ret, 2);
	assert_int_equal(r.naccesses, 0);

	/* 16-bit registers wrap and keep their upper halves. */
	rig_init16(&r);
	set_registers(&r);
	r.run.regs.gpr[HOLM_RDI] = 0xabcdffff;
	r.run.regs.gpr[HOLM_RCX] = 0x10002;
	ret = RIG_EMULATE(&r, 0xf3, 0xaa);
	rig_assert_done(&r, ret, 2);
	assert_int_equal(r.run.regs.gpr[HOLM_RDI], 0xabcd0001);
	assert_int_equal(r.run.regs.gpr[HOLM_RCX], 0x10000);
}

/* Each iteration is a step; what is left is done by the next ones. */
static void test_rep_step(void **state)
{
	static struct rig r;
	unsigned int left;

	(void)state;
	rig_init64(&r, 0);
	set_registers(&r);
	r.run.regs.rflags |= RFLAGS_TF;
	r.run.regs.gpr[HOLM_RCX] = 3;
	for (left = 2; left; left--) {
		rig_assert_done(&r, RIG_EMULATE(&r, 0xf3, 0xaa), 0);
		assert_int_equal(r.run.regs.gpr[HOLM_RCX], left);
		assert_int_equal(r.naccesses, 1);
	}
	rig_assert_done(&r, RIG_EMULATE(&r, 0xf3, 0xaa), 2);
	assert_int_equal(r.run.regs.gpr[HOLM_RCX], 0);
	assert_int_equal(r.run.regs.gpr[HOLM_RDI], DEV + 0x13);
}

/* IOPL, then the bitmap of the TSS. */
static void test_io_permission(void **state)
{
	static struct rig r;
	struct holm_segment *tr = &r.run.sregs.seg[HOLM_SEG_TR];

	(void)state;
	rig_init64(&r, 3);
	set_registers(&r);
	tr->base = DATA + 0x1000;
	tr->limit = 0x67 + 0x90;
	r.run.regs.gpr[HOLM_RDI] = DEV;
	memset(r.ram + DATA + 0x1000, 0xff, 0x1000);
	r.ram[DATA + 0x1066] = 0x68;
	r.ram[DATA + 0x1067] = 0;
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x6e), VEC_GP, true, 0);
	assert_int_equal(r.naccesses, 0);
	r.ram[DATA + 0x1068 + 0x3f8 / 8] = 0xfe;	/* port 3F8H */
	rig_assert_done(&r, RIG_EMULATE(&r, 0x6e), 1);
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x66, 0x6f), VEC_GP, true, 0);
	tr->limit = 0x68 + 0x3f8 / 8;		/* the second byte is outside */
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x6e), VEC_GP, true, 0);
	r.run.regs.rflags |= RFLAGS_IOPL;
	rig_assert_done(&r, RIG_EMULATE(&r, 0x6e), 1);
}

/* ---- LOCK ------------------------------------------------------------------ */

static void test_locked(void **state)
{
	static struct rig r;
	uint32_t value;
	int ret;

	(void)state;
	rig_init64(&r, 0);
	set_registers(&r);
	r.run.regs.gpr[HOLM_RDI] = DATA;
	/* A store sets the accessed and dirty bits, so that only the operand races. */
	rig_assert_done(&r, RIG_EMULATE(&r, 0x89, 0x07), 2);
	rig_put32(&r, DATA, 0x10);
	/* Another vCPU toggles bit 6 three times meanwhile. */
	r.lose = 3;
	ret = RIG_EMULATE(&r, 0xf0, 0x83, 0x07, 0x01);
	rig_assert_done(&r, ret, 4);
	memcpy(&value, r.ram + DATA, 4);
	assert_int_equal(value, 0x51);
	/* It never stops: the guest is entered again, nothing has happened. */
	r.lose = 1U << 30;
	r.run.regs.rflags = 2;
	ret = RIG_EMULATE(&r, 0xf0, 0x83, 0x07, 0x01);
	assert_int_equal(ret, HOLM_EMUL_DONE);
	assert_int_equal(r.run.in_flags, 0);
	assert_true(r.lose > (1U << 30) - 1000);
	assert_int_equal(r.run.regs.rflags, 2);
	ret = RIG_EMULATE(&r, 0xf0, 0x0f, 0xba, 0x2f, 0x04);
	assert_int_equal(r.run.in_flags, 0);
	assert_int_equal(r.run.regs.rflags, 2);
	/* Read-only memory is a device for writes. */
	r.lose = 0;
	r.readonly_from = DATA;
	ret = RIG_EMULATE(&r, 0xf0, 0x83, 0x07, 0x01);
	rig_assert_done(&r, ret, 4);
	assert_int_equal(r.naccesses, 1);
	assert_int_equal(r.log[0].kind, 'w');
	assert_int_equal(r.log[0].addr, DATA);
}

/* ---- the stack, branches --------------------------------------------------- */

static void test_stack(void **state)
{
	static struct rig r;
	struct holm_regs *regs = &r.run.regs;

	(void)state;
	/* The stack in the device. */
	rig_init64(&r, 0);
	set_registers(&r);
	regs->gpr[HOLM_RSP] = DEV + 0x20;
	rig_assert_done(&r, RIG_EMULATE(&r, 0x50), 1);
	assert_int_equal(regs->gpr[HOLM_RSP], DEV + 0x18);
	assert_int_equal(r.log[0].addr, DEV + 0x18);
	assert_int_equal(r.log[0].value, RAX_VALUE);
	rig_assert_done(&r, RIG_EMULATE(&r, 0x59), 1);
	assert_int_equal(regs->gpr[HOLM_RCX], RAX_VALUE);
	assert_int_equal(regs->gpr[HOLM_RSP], DEV + 0x20);
	rig_assert_done(&r, RIG_EMULATE(&r, 0x6a, 0xfe), 2);
	assert_int_equal(r.log[0].value, -2);
	rig_assert_done(&r, RIG_EMULATE(&r, 0x66, 0x58), 2);
	assert_int_equal(regs->gpr[HOLM_RAX], 0x112233445566fffe);
	/* PUSH RSP pushes what it was; POP [RSP] uses what it becomes. */
	regs->gpr[HOLM_RSP] = DEV + 0x40;
	rig_assert_done(&r, RIG_EMULATE(&r, 0x54), 1);
	assert_int_equal(r.log[0].value, DEV + 0x40);
	rig_assert_done(&r, RIG_EMULATE(&r, 0x8f, 0x04, 0x24), 3);
	assert_int_equal(r.log[1].kind, 'w');
	assert_int_equal(r.log[1].addr, DEV + 0x40);
	/* CALL [RDI], RET, LEAVE. */
	memset(r.dev + 0x10, 0, 8);
	r.dev[0x11] = 0x77;
	assert_int_equal(RIG_EMULATE(&r, 0xff, 0x17), HOLM_EMUL_DONE);
	assert_int_equal(r.run.next_rip, 0x7700);
	assert_int_equal(regs->gpr[HOLM_RSP], DEV + 0x38);
	assert_int_equal(r.log[1].value, CODE + 2);
	assert_int_equal(RIG_EMULATE(&r, 0xc2, 0x10, 0x00), HOLM_EMUL_DONE);
	assert_int_equal(r.run.next_rip, CODE + 2);
	assert_int_equal(regs->gpr[HOLM_RSP], DEV + 0x50);
	assert_int_equal(RIG_EMULATE(&r, 0xff, 0x27), HOLM_EMUL_DONE);
	assert_int_equal(r.run.next_rip, 0x7700);
	r.dev[0x17] = 1;
	rig_assert_fault(&r, RIG_EMULATE(&r, 0xff, 0x27), VEC_GP, true, 0);
	rig_assert_fault(&r, RIG_EMULATE(&r, 0xff, 0x17), VEC_GP, true, 0);
	assert_int_equal(regs->gpr[HOLM_RSP], DEV + 0x50);

	/* A 16-bit stack wraps within 64 KBytes and keeps the rest of ESP. */
	rig_init32(&r);
	set_registers(&r);
	r.run.sregs.seg[HOLM_SEG_SS].attrib &= ~HOLM_SEG_DB;
	r.run.sregs.seg[HOLM_SEG_SS].base = DEV;
	regs->gpr[HOLM_RSP] = 0x12340100;
	rig_assert_done(&r, RIG_EMULATE(&r, 0x50), 1);
	assert_int_equal(regs->gpr[HOLM_RSP], 0x123400fc);
	assert_int_equal(r.log[0].addr, DEV + 0xfc);
	regs->gpr[HOLM_RSP] = 0x12340000;
	rig_assert_done(&r, RIG_EMULATE(&r, 0x50), 1);
	assert_int_equal(regs->gpr[HOLM_RSP], 0x1234fffc);
	r.run.sregs.seg[HOLM_SEG_SS].limit = 0xfff;
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x50), VEC_SS, true, 0);
}

/* PUSHA and POPA, PUSHF and POPF with the stack in the device; XLAT. */
static void test_stack_sets(void **state)
{
	static struct rig r;
	struct holm_regs *regs = &r.run.regs;
	struct holm_regs before;
	unsigned int i;

	(void)state;
	rig_init32(&r);
	set_registers(&r);
	for (i = 0; i < 8; i++)
		regs->gpr[i] = 0x11110000 + i;
	regs->gpr[HOLM_RSP] = DEV + 0x40;
	before = *regs;
	rig_assert_done(&r, RIG_EMULATE(&r, 0x60), 1);
	assert_int_equal(regs->gpr[HOLM_RSP], DEV + 0x20);
	assert_int_equal(r.naccesses, 8);
	for (i = 0; i < 8; i++) {
		assert_int_equal(r.log[i].addr, DEV + 0x3c - 4 * i);
		assert_int_equal(r.log[i].size, 4);
		assert_int_equal(r.log[i].value, before.gpr[i]);
		if (i != HOLM_RSP)
			regs->gpr[i] = ~0U;
	}
	rig_assert_done(&r, RIG_EMULATE(&r, 0x61), 1);
	assert_memory_equal(regs->gpr, before.gpr, sizeof(before.gpr));
	/* 16 bits; across the end of the segment nothing is written. */
	rig_assert_done(&r, RIG_EMULATE(&r, 0x66, 0x60), 2);
	assert_int_equal(regs->gpr[HOLM_RSP], DEV + 0x30);
	rig_assert_done(&r, RIG_EMULATE(&r, 0x66, 0x61), 2);
	assert_memory_equal(regs->gpr, before.gpr, sizeof(before.gpr));
	r.run.sregs.seg[HOLM_SEG_SS].limit = DEV + 0x3b;
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x60), VEC_SS, true, 0);
	assert_int_equal(r.naccesses, 0);

	rig_init64(&r, 0);
	set_registers(&r);
	regs->gpr[HOLM_RSP] = DEV + 0x40;
	regs->rflags = 2 | RFLAGS_CF | RFLAGS_RF | RFLAGS_AC;
	rig_assert_done(&r, RIG_EMULATE(&r, 0x9c), 1);
	assert_int_equal(r.log[0].value, 2 | RFLAGS_CF | RFLAGS_AC);
	assert_int_equal(r.log[0].size, 8);
	memset(r.dev + 0x38, 0xff, 8);
	r.dev[0x39] &= ~1;			/* TF */
	rig_assert_done(&r, RIG_EMULATE(&r, 0x9d), 1);
	assert_int_equal(regs->rflags, 2 | RFLAGS_STATUS | RFLAGS_IF | RFLAGS_DF | RFLAGS_IOPL |
			 RFLAGS_NT | RFLAGS_AC | RFLAGS_ID);
	/* 16 bits leave the others; a new TF is not emulated. */
	regs->gpr[HOLM_RSP] = DEV + 0x60;
	memset(r.dev + 0x60, 0, 2);
	rig_assert_done(&r, RIG_EMULATE(&r, 0x66, 0x9d), 2);
	assert_int_equal(regs->rflags, 2 | RFLAGS_AC | RFLAGS_ID);
	r.dev[0x63] = 1;
	assert_int_equal(RIG_EMULATE(&r, 0x66, 0x9d), HOLM_EMUL_UNHANDLED);
	assert_int_equal(regs->gpr[HOLM_RSP], DEV + 0x62);

	/* At CPL 3 IOPL stays, and IF too when IOPL is less. */
	rig_init64(&r, 3);
	set_registers(&r);
	regs->gpr[HOLM_RSP] = DEV + 0x40;
	regs->rflags = 2 | RFLAGS_IF;
	memset(r.dev + 0x40, 0, 8);
	r.dev[0x41] = 0x30;
	rig_assert_done(&r, RIG_EMULATE(&r, 0x9d), 1);
	assert_int_equal(regs->rflags, 2 | RFLAGS_IF);
	regs->gpr[HOLM_RSP] = DEV + 0x40;
	regs->rflags = 2 | RFLAGS_IF | RFLAGS_IOPL;
	rig_assert_done(&r, RIG_EMULATE(&r, 0x9d), 1);
	assert_int_equal(regs->rflags, 2 | RFLAGS_IOPL);
	/* Virtual-8086 mode with a lower IOPL. */
	rig_init16(&r);
	r.run.sregs.cr0 |= CR0_PE;
	regs->rflags = 2 | RFLAGS_VM;
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x9c), VEC_GP, true, 0);
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x9d), VEC_GP, true, 0);

	rig_init64(&r, 0);
	set_registers(&r);
	regs->gpr[HOLM_RBX] = DEV;
	rig_assert_done(&r, RIG_EMULATE(&r, 0xd7), 1);
	assert_int_equal(r.log[0].addr, DEV + 0x88);
	assert_int_equal(regs->gpr[HOLM_RAX], RAX_VALUE);
	regs->gpr[HOLM_RBX] = 0xff00000000000000 | DEV;
	rig_assert_done(&r, RIG_EMULATE(&r, 0x67, 0xd7), 2);
	assert_int_equal(r.log[0].addr, DEV + 0x88);
}

/* ---- system instructions --------------------------------------------------- */

static void test_system(void **state)
{
	static struct rig r;

	(void)state;
	rig_init64(&r, 0);
	set_registers(&r);
	/* LGDT: 10 bytes; the base is canonical. */
	memset(r.dev + 0x18, 0, 2);
	rig_assert_done(&r, RIG_EMULATE(&r, 0x0f, 0x01, 0x17), 3);
	assert_int_equal(r.set_sregs.gdt.limit, 0x1110);
	assert_int_equal(r.set_sregs.gdt.base, 0x171615141312);
	r.dev[0x19] = 0x80;
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x0f, 0x01, 0x17), VEC_GP, true, 0);
	/* What the driver refuses is #GP(0). */
	r.dev[0x19] = 0;
	r.sregs_err = -EINVAL;
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x0f, 0x01, 0x1f), VEC_GP, true, 0);
	r.sregs_err = -EFAULT;
	assert_int_equal(RIG_EMULATE(&r, 0x0f, 0x01, 0x1f), -EFAULT);
	r.sregs_err = 0;
	/* MOV CR: reads, writes, CLTS, LMSW. */
	rig_assert_done(&r, RIG_EMULATE(&r, 0x0f, 0x20, 0xd8), 3);
	assert_int_equal(r.run.regs.gpr[HOLM_RAX], PT_BASE);
	r.run.sregs.cr0 |= CR0_TS;
	rig_assert_done(&r, RIG_EMULATE(&r, 0x0f, 0x06), 2);
	assert_false(r.set_sregs.cr0 & CR0_TS);
	r.run.regs.gpr[HOLM_RAX] = 0;		/* would switch off paging */
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x0f, 0x22, 0xc0), VEC_GP, true, 0);
	rig_assert_done(&r, RIG_EMULATE(&r, 0x0f, 0x01, 0xf0), 3);	/* LMSW leaves PE */
	assert_true(r.set_sregs.cr0 & CR0_PE);
	assert_true(r.set_sregs.cr0 & CR0_PG);
	/* CPL 3. */
	rig_init64(&r, 3);
	set_registers(&r);
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x0f, 0x22, 0xd8), VEC_GP, true, 0);
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x0f, 0x06), VEC_GP, true, 0);
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x0f, 0x01, 0x17), VEC_GP, true, 0);
	rig_assert_done(&r, RIG_EMULATE(&r, 0x0f, 0x01, 0x07), 3);
	r.run.sregs.cr4 |= CR4_UMIP;
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x0f, 0x01, 0x07), VEC_GP, true, 0);
	assert_int_equal(r.nset_sregs, 0);
	/* Long mode is entered and left by CR0.PG. */
	rig_init32(&r);
	r.run.sregs.cr4 = CR4_PAE;
	r.run.sregs.efer = EFER_LME;
	r.run.regs.gpr[HOLM_RAX] = CR0_PE | CR0_PG;
	rig_assert_done(&r, RIG_EMULATE(&r, 0x0f, 0x22, 0xc0), 3);
	assert_int_equal(r.set_sregs.efer, EFER_LME | EFER_LMA);
	r.run.sregs.cr4 = 0;
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x0f, 0x22, 0xc0), VEC_GP, true, 0);
}

static void test_segment_loads(void **state)
{
	static struct rig r;
	struct holm_segment *ds = &r.set_sregs.seg[HOLM_SEG_DS];

	(void)state;
	rig_init32(&r);
	set_registers(&r);
	r.run.sregs.gdt.base = DATA;
	r.run.sregs.gdt.limit = 0x2f;
	rig_put64(&r, DATA + 0x08, 0x12cf9234567800ffULL);	/* data, G, not accessed */
	rig_put64(&r, DATA + 0x10, 0x00cf1200000000ffULL);	/* not present */
	rig_put64(&r, DATA + 0x18, 0x00cf9800000000ffULL);	/* execute only */
	rig_put64(&r, DATA + 0x20, 0x00cff200000000ffULL);	/* DPL 3 */
	rig_put64(&r, DATA + 0x28, 0x0000890000000067ULL);	/* a TSS */
	r.dev[0x10] = 0x08;
	r.dev[0x11] = 0;
	rig_assert_done(&r, RIG_EMULATE(&r, 0x8e, 0x1f), 2);
	assert_int_equal(ds->selector, 8);
	assert_int_equal(ds->base, 0x12345678);
	assert_int_equal(ds->limit, 0xf00fffff);
	assert_int_equal(ds->attrib, 0xc093);
	assert_int_equal(r.ram[DATA + 0xd], 0x93);	/* the accessed bit */
	r.dev[0x10] = 0x10;
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x8e, 0x1f), VEC_NP, true, 0x10);
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x8e, 0x17), VEC_SS, true, 0x10);
	r.dev[0x10] = 0x18;
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x8e, 0x1f), VEC_GP, true, 0x18);
	r.dev[0x10] = 0x0b;	/* RPL 3 of DPL 0 */
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x8e, 0x1f), VEC_GP, true, 0x08);
	r.dev[0x10] = 0x20;
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x8e, 0x17), VEC_GP, true, 0x20);
	rig_assert_done(&r, RIG_EMULATE(&r, 0x8e, 0x1f), 2);
	r.dev[0x10] = 0x28;
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x8e, 0x1f), VEC_GP, true, 0x28);
	r.dev[0x10] = 0x30;
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x8e, 0x1f), VEC_GP, true, 0x30);
	r.dev[0x10] = 0x0c;	/* no LDT */
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x8e, 0x1f), VEC_GP, true, 0x0c);
	r.dev[0x10] = 0;
	rig_assert_done(&r, RIG_EMULATE(&r, 0x8e, 0x1f), 2);
	assert_true(ds->attrib & HOLM_SEG_UNUSABLE);
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x8e, 0x17), VEC_GP, true, 0);
	rig_assert_fault(&r, RIG_EMULATE(&r, 0x8e, 0x0f), VEC_UD, false, 0);

	/* Real-address mode has no descriptors. */
	rig_init16(&r);
	set_registers(&r);
	rig_assert_done(&r, RIG_EMULATE(&r, 0x26, 0x8e, 0x1d), 3);
	assert_int_equal(ds->selector, 0x1110);
	assert_int_equal(ds->base, 0x11100);
	assert_int_equal(ds->limit, 0xffff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accesses),
		cmocka_unit_test(test_page_faults),
		cmocka_unit_test(test_segment_faults),
		cmocka_unit_test(test_other_faults),
		cmocka_unit_test(test_rep_fault),
		cmocka_unit_test(test_rep_bounds),
		cmocka_unit_test(test_io_permission),
		cmocka_unit_test(test_locked),
		cmocka_unit_test(test_rep_step),
		cmocka_unit_test(test_stack),
		cmocka_unit_test(test_stack_sets),
		cmocka_unit_test(test_system),
		cmocka_unit_test(test_segment_loads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
