// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Random bytes, registers, segments and memory: the emulator neither crashes
 * nor hangs, and what it hands back is something the driver takes.
 * HOLM_FUZZ_ROUNDS and HOLM_FUZZ_SEED ask for more.
 */
#include <stdlib.h>

#include "emul_rig.h"

#define ROUNDS		120000
#define TASK_ROUNDS	20000

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static uint64_t seed(void)
{
	uint64_t value = setting("HOLM_FUZZ_SEED", 1);

	return value ? value : 1;
}

/* Mostly addresses that mean something. */
static uint64_t address(uint64_t *s)
{
	uint64_t n = rig_random(s);

	switch (n & 7) {
	case 0: return n;
	case 1: return (uint32_t)n;
	case 2: return n >> 8 & 0xffff;
	case 3: return DEV + DEV_SIZE - (n >> 8 & 15);
	case 4: return DATA + (n >> 8 & 0xfff);
	default: return DEV + (n >> 8 & 0xfff);
	}
}

static void random_mode(struct rig *r, uint64_t *s)
{
	uint64_t n = rig_random(s);
	unsigned int i;

	switch (n & 3) {
	case 0:
		rig_init16(r);
		break;
	case 1:
		rig_init32(r);
		if (n & 0x100)
			r->run.sregs.seg[HOLM_SEG_CS].attrib &= ~HOLM_SEG_DB;
		if (n & 0x200)
			r->run.sregs.seg[HOLM_SEG_SS].attrib &= ~HOLM_SEG_DB;
		break;
	default:
		rig_init64(r, n >> 8 & 1 ? 3 : 0);
		break;
	}
	for (i = 0; i < 16; i++)
		r->run.regs.gpr[i] = address(s);
	r->run.regs.rflags = 2 | (rig_random(s) & 0x257fd5);
	r->run.sregs.cr4 |= rig_random(s) & (CR4_UMIP | CR4_SMEP);
	r->run.sregs.gdt.base = DATA;
	r->run.sregs.gdt.limit = rig_random(s);
	if (n & 0x1000)
		r->run.sregs.seg[n >> 16 & 7].attrib = rig_random(s) & 0x1f0ff;
	if (n & 0x2000)
		r->run.sregs.seg[n >> 16 & 7].base = address(s);
	if (n & 0x4000)
		r->run.sregs.seg[n >> 16 & 7].limit = rig_random(s) >> (n >> 58);
	r->lose = n & 0x8000 ? 1000000 : 0;
	r->readonly_from = n & 0x10000 ? DATA : ~0ULL;
	r->run.exit_reason = n & 0x20000 ? HOLM_EXIT_EMULATE : HOLM_EXIT_MMIO;
	for (i = 0; i < 4096; i += 8)
		rig_put64(r, DATA + i, rig_random(s));
}

/* Prefixes and opcodes that have memory operands more often than chance has it. */
static unsigned int random_code(uint8_t code[16], uint64_t *s)
{
	static const uint8_t prefixes[] = {
		0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x48, 0x41, 0x26, 0x64, 0x0f, 0xc5, 0xc4,
	};
	unsigned int n = rig_random(s) % 4, i;
	uint64_t bits;

	for (i = 0; i < n; i++)
		code[i] = prefixes[rig_random(s) % sizeof(prefixes)];
	bits = rig_random(s);
	memcpy(code + n, &bits, 8);
	bits = rig_random(s);
	memcpy(code + n + 8, &bits, 16 - n - 8);
	return 16;
}

static void check(const struct rig *r, int ret)
{
	switch (ret) {
	case HOLM_EMUL_DONE:
		assert_false(r->run.in_flags & (HOLM_RUN_SREGS | HOLM_RUN_EXCEPTION));
		break;
	case HOLM_EMUL_EXCEPTION:
		assert_int_equal(r->run.in_flags, HOLM_RUN_REGS | HOLM_RUN_EXCEPTION);
		assert_int_equal(r->run.exception.type, HOLM_EVENT_EXCEPTION);
		assert_true(r->run.exception.vector < 32 && r->run.exception.vector != 2);
		assert_int_equal(r->run.exception.insn_len, 0);
		break;
	default:
		assert_int_equal(ret, HOLM_EMUL_UNHANDLED);
		/* What CPL 3 runs never ends the guest. */
		assert_int_not_equal((r->run.sregs.seg[HOLM_SEG_SS].attrib & HOLM_SEG_DPL) ==
				     HOLM_SEG_DPL && r->run.sregs.cr0 & CR0_PE &&
				     !(r->run.regs.rflags & RFLAGS_VM), true);
		break;
	}
}

static void test_instructions(void **state)
{
	uint64_t rounds = setting("HOLM_FUZZ_ROUNDS", ROUNDS), s = seed(), i, done = 0;
	static struct rig r;
	uint8_t code[16];
	char text[128];
	int ret;

	(void)state;
	for (i = 0; i < rounds; i++) {
		/* A new guest now and then: the RAM is large. */
		if (i % 16 == 0)
			random_mode(&r, &s);
		else
			r.run.regs.gpr[rig_random(&s) & 15] = address(&s);
		r.run.regs.rip = r.run.sregs.cr0 & CR0_PE ? CODE : 0;
		random_code(code, &s);
		if (r.run.sregs.seg[HOLM_SEG_CS].base > RAM_SIZE)
			r.run.sregs.seg[HOLM_SEG_CS].base = 0;
		ret = rig_emulate(&r, code, 15);
		check(&r, ret);
		done += ret == HOLM_EMUL_DONE;
		if (i % 64 == 0) {
			holm_emul_disassemble(&r.h, &rig_ops, &r, text, sizeof(text));
			assert_true(strlen(text) < sizeof(text));
		}
	}
	/* It is the emulator that is tested, not only the decoder. */
	assert_true(done > rounds / 50);
}

static void test_task_switches(void **state)
{
	uint64_t rounds = setting("HOLM_FUZZ_ROUNDS", TASK_ROUNDS), s = seed(), i;
	static struct rig r;
	int ret;

	(void)state;
	for (i = 0; i < rounds; i++) {
		if (i % 16 == 0)
			random_mode(&r, &s);
		r.run.sregs.gdt.base = DATA;
		r.run.exit_reason = HOLM_EXIT_TASK_SWITCH;
		r.run.out_flags = rig_random(&s) & 1 ? HOLM_OUT_NEXT_RIP : 0;
		r.run.next_rip = r.run.regs.rip;
		r.run.task_switch.selector = rig_random(&s) & 0x1fb;
		r.run.task_switch.source = rig_random(&s) & 3;
		r.run.task_switch.has_error_code = rig_random(&s) & 1;
		/* An available or busy TSS more often than chance has it. */
		rig_put64(&r, DATA + (r.run.task_switch.selector & ~7U),
			  (rig_random(&s) & 0x02ULL << 40) | 0x0000890000000fffULL |
			  (DATA + 0x400) << 16 | (rig_random(&s) & 0x0fff));
		r.run.in_flags = 0;
		ret = emul_task_switch(&r.h, &rig_ops, &r, &rig_state);
		assert_in_range(ret, HOLM_EMUL_DONE, HOLM_EMUL_UNHANDLED);
		r.run.regs.rip = CODE;
		if (r.nset_sregs && rig_random(&s) & 1)
			r.run.sregs = r.set_sregs;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_instructions),
		cmocka_unit_test(test_task_switches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
