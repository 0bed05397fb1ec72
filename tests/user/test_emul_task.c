// SPDX-License-Identifier: GPL-2.0-or-later
/* holm_emulate_task_switch(): SDM vol. 3, chapter 8. */
#include "emul_rig.h"

#define GDT		DATA
#define OLD_TSS		(DATA + 0x1000)
#define NEW_TSS		(DATA + 0x2000)
#define LDT		(DATA + 0x3000)

#define SEL_CODE	0x08
#define SEL_DATA	0x10
#define SEL_OLD		0x18
#define SEL_NEW		0x20
#define SEL_LDT		0x28
#define SEL_CODE3	0x33
#define SEL_DATA3	0x3b
#define SEL_ABSENT	0x40
#define SEL_RODATA	0x48
#define GDT_LIMIT	0x4f

/* Offsets in a 32-bit TSS. */
#define T_CR3		0x1c
#define T_EIP		0x20
#define T_EFLAGS	0x24
#define T_GPR(n)	(0x28 + 4 * (n))
#define T_SEG(n)	(0x48 + 4 * (n))
#define T_LDT		0x60
#define T_TRAP		0x64

/* And in a 16-bit one. */
#define S_IP		0x0e
#define S_FLAGS		0x10
#define S_GPR(n)	(0x12 + 2 * (n))
#define S_SEG(n)	(0x22 + 2 * (n))
#define S_LDT		0x2a

#define NEW_EIP		0x11000
#define NEW_ESP		(DATA + 0x8000)

static uint32_t get32(const struct rig *r, uint64_t gpa)
{
	return rig_get64(r, gpa);
}

static uint16_t get16(const struct rig *r, uint64_t gpa)
{
	return rig_get64(r, gpa);
}

static void put16(struct rig *r, uint64_t gpa, uint16_t value)
{
	memcpy(r->ram + gpa, &value, sizeof(value));
}

static uint64_t system_desc(uint64_t base, uint32_t limit, uint8_t type)
{
	return (base & 0xffffff) << 16 | (base >> 24) << 56 | (limit & 0xffff) |
	       (uint64_t)(0x80 | type) << 40;
}

static uint8_t type_of(const struct rig *r, uint16_t selector)
{
	return r->ram[GDT + selector + 5] & 0x1f;
}

/* A ring-0 task that CALLs, at CODE, a 32-bit task of ring 0. */
static void init(struct rig *r, uint8_t source)
{
	struct holm_sregs *s = &r->run.sregs;
	unsigned int i;

	rig_init32(r);
	s->gdt.base = GDT;
	s->gdt.limit = GDT_LIMIT;
	rig_put64(r, GDT + SEL_CODE, 0x00cf9a000000ffff);
	rig_put64(r, GDT + SEL_DATA, 0x00cf92000000ffff);
	rig_put64(r, GDT + SEL_OLD, system_desc(OLD_TSS, 0x67, 0xb));
	rig_put64(r, GDT + SEL_NEW,
		  system_desc(NEW_TSS, 0x67, source == HOLM_TASK_SWITCH_IRET ? 0xb : 9));
	rig_put64(r, GDT + SEL_LDT, system_desc(LDT, 0xff, 2));
	rig_put64(r, GDT + (SEL_CODE3 & ~7), 0x00cffa000000ffff);
	rig_put64(r, GDT + (SEL_DATA3 & ~7), 0x00cff2000000ffff);
	rig_put64(r, GDT + SEL_ABSENT, 0x00cf12000000ffff);
	rig_put64(r, GDT + SEL_RODATA, 0x00cf90000000ffff);
	rig_put64(r, LDT + 8, 0x00cf92000000ffff);

	s->seg[HOLM_SEG_TR] = rig_segment(SEL_OLD, 0x8b, 0x67);
	s->seg[HOLM_SEG_TR].base = OLD_TSS;
	for (i = 0; i < 8; i++)
		r->run.regs.gpr[i] = 0x1000 + i;
	r->run.regs.rflags = 0x202 | RFLAGS_NT;
	memcpy(r->ram + CODE, (const uint8_t[]) { 0x9a, 0, 0, 0, 0, SEL_NEW, 0 }, 7);

	rig_put32(r, NEW_TSS + T_EIP, NEW_EIP);
	rig_put32(r, NEW_TSS + T_EFLAGS, 0x46);
	for (i = 0; i < 8; i++)
		rig_put32(r, NEW_TSS + T_GPR(i), 0x2000 + i);
	rig_put32(r, NEW_TSS + T_GPR(HOLM_RSP), NEW_ESP);
	for (i = 0; i < 6; i++)
		rig_put32(r, NEW_TSS + T_SEG(i), i == HOLM_SEG_CS ? SEL_CODE : SEL_DATA);
	r->run.exit_reason = HOLM_EXIT_TASK_SWITCH;
	r->run.task_switch.selector = SEL_NEW;
	r->run.task_switch.source = source;
	r->debugregs.dr7 = 0x7ff;
}

static int switch_task(struct rig *r)
{
	return emul_task_switch(&r->h, &rig_ops, r, &rig_state);
}

static void assert_switched(const struct rig *r, int ret)
{
	if (ret != HOLM_EMUL_DONE)
		print_error("returned %d, vector %u, error code %x\n", ret,
			    r->run.exception.vector, r->run.exception.error_code);
	assert_int_equal(ret, HOLM_EMUL_DONE);
	assert_int_equal(r->run.in_flags, HOLM_RUN_REGS);
	assert_int_equal(r->run.regs.rip, NEW_EIP);
	assert_int_equal(r->set_sregs.seg[HOLM_SEG_TR].selector, SEL_NEW);
	assert_int_equal(r->set_sregs.seg[HOLM_SEG_TR].base, NEW_TSS);
	assert_true(r->set_sregs.cr0 & CR0_TS);
	assert_int_equal(r->debugregs.dr7, 0x7ff & ~0x155);
}

static void test_call(void **state)
{
	static struct rig r;
	unsigned int i;

	(void)state;
	init(&r, HOLM_TASK_SWITCH_CALL);
	assert_switched(&r, switch_task(&r));
	/* The old task continues behind the CALL. */
	assert_int_equal(get32(&r, OLD_TSS + T_EIP), CODE + 7);
	assert_int_equal(get32(&r, OLD_TSS + T_EFLAGS), 0x202 | RFLAGS_NT);
	for (i = 0; i < 8; i++)
		assert_int_equal(get32(&r, OLD_TSS + T_GPR(i)), 0x1000 + i);
	assert_int_equal(get32(&r, OLD_TSS + T_SEG(HOLM_SEG_CS)), 0x08);
	assert_int_equal(get32(&r, OLD_TSS + T_SEG(HOLM_SEG_GS)), 0x10);
	/* Linked, nested, both busy. */
	assert_int_equal(get16(&r, NEW_TSS), SEL_OLD);
	assert_int_equal(r.run.regs.rflags, 0x46 | RFLAGS_NT);
	assert_int_equal(type_of(&r, SEL_OLD), 0xb);
	assert_int_equal(type_of(&r, SEL_NEW), 0xb);
	assert_int_equal(r.set_sregs.seg[HOLM_SEG_TR].attrib & HOLM_SEG_TYPE, 0xb);
	for (i = 0; i < 8; i++)
		if (i != HOLM_RSP)
			assert_int_equal(r.run.regs.gpr[i], 0x2000 + i);
	for (i = HOLM_SEG_ES; i <= HOLM_SEG_GS; i++) {
		assert_int_equal(r.set_sregs.seg[i].limit, 0xffffffff);
		assert_int_equal(r.set_sregs.seg[i].attrib, i == HOLM_SEG_CS ? 0xc09b : 0xc093);
	}
	assert_true(r.set_sregs.seg[HOLM_SEG_LDTR].attrib & HOLM_SEG_UNUSABLE);
	/* What is static in a TSS has not been written. */
	assert_int_equal(get32(&r, OLD_TSS + T_CR3), 0);
	assert_int_equal(get32(&r, OLD_TSS + T_LDT), 0);
}

static void test_jmp(void **state)
{
	static struct rig r;

	(void)state;
	init(&r, HOLM_TASK_SWITCH_JMP);
	r.ram[CODE] = 0xea;
	assert_switched(&r, switch_task(&r));
	assert_int_equal(type_of(&r, SEL_OLD), 9);
	assert_int_equal(type_of(&r, SEL_NEW), 0xb);
	assert_int_equal(get16(&r, NEW_TSS), 0);
	assert_int_equal(r.run.regs.rflags, 0x46);
	assert_int_equal(get32(&r, OLD_TSS + T_EIP), CODE + 7);
}

static void test_iret(void **state)
{
	static struct rig r;

	(void)state;
	init(&r, HOLM_TASK_SWITCH_IRET);
	r.ram[CODE] = 0xcf;
	r.events.flags = HOLM_EVENTS_NMI_MASKED;
	rig_put32(&r, NEW_TSS + T_EFLAGS, 0x46 | RFLAGS_NT);
	assert_switched(&r, switch_task(&r));
	assert_int_equal(type_of(&r, SEL_OLD), 9);
	assert_int_equal(type_of(&r, SEL_NEW), 0xb);
	assert_int_equal(get32(&r, OLD_TSS + T_EFLAGS), 0x202);
	assert_int_equal(get32(&r, OLD_TSS + T_EIP), CODE + 1);
	assert_int_equal(r.run.regs.rflags, 0x46 | RFLAGS_NT);
	assert_int_equal(r.events.flags, 0);
}

/* An exception through a task gate: returns to the instruction, pushes its error code. */
static void test_gate(void **state)
{
	static struct rig r;

	(void)state;
	init(&r, HOLM_TASK_SWITCH_GATE);
	r.run.out_flags = HOLM_OUT_NEXT_RIP;
	r.run.next_rip = CODE;
	r.run.task_switch.has_error_code = 1;
	r.run.task_switch.error_code = 0xbeef;
	assert_switched(&r, switch_task(&r));
	assert_int_equal(get32(&r, OLD_TSS + T_EIP), CODE);
	assert_int_equal(r.run.regs.gpr[HOLM_RSP], NEW_ESP - 4);
	assert_int_equal(get32(&r, NEW_ESP - 4), 0xbeef);
	assert_int_equal(get16(&r, NEW_TSS), SEL_OLD);
	assert_true(r.run.regs.rflags & RFLAGS_NT);
}

static void test_cr3_ldt_cpl3(void **state)
{
	static struct rig r;
	unsigned int i;

	(void)state;
	init(&r, HOLM_TASK_SWITCH_CALL);
	/* Paging with an identity-mapped 4-MByte page, in both tasks. */
	rig_put32(&r, PT_BASE, 0x87);
	rig_put32(&r, PT_BASE + 0x1000, 0x87);
	r.run.sregs.cr0 |= CR0_PG;
	r.run.sregs.cr4 = CR4_PSE;
	r.run.sregs.cr3 = PT_BASE;
	rig_put32(&r, NEW_TSS + T_CR3, PT_BASE + 0x1000);
	put16(&r, NEW_TSS + T_LDT, SEL_LDT);
	for (i = 0; i < 6; i++)
		rig_put32(&r, NEW_TSS + T_SEG(i), i == HOLM_SEG_CS ? SEL_CODE3 : SEL_DATA3);
	put16(&r, NEW_TSS + T_SEG(HOLM_SEG_FS), 0);
	rig_put64(&r, LDT + 8, 0x00cff2000000ffff);
	put16(&r, NEW_TSS + T_SEG(HOLM_SEG_GS), 0x0f);
	assert_switched(&r, switch_task(&r));
	assert_int_equal(r.set_sregs.cr3, PT_BASE + 0x1000);
	assert_int_equal(r.set_sregs.seg[HOLM_SEG_LDTR].base, LDT);
	assert_int_equal(r.set_sregs.seg[HOLM_SEG_LDTR].attrib, 0x82);
	assert_int_equal(r.set_sregs.seg[HOLM_SEG_CS].attrib, 0xc0fb);
	assert_int_equal(r.set_sregs.seg[HOLM_SEG_SS].attrib, 0xc0f3);
	assert_int_equal(r.set_sregs.seg[HOLM_SEG_FS].attrib, HOLM_SEG_UNUSABLE);
	assert_int_equal(r.set_sregs.seg[HOLM_SEG_GS].selector, 0x0f);

	/* A CR3 that the driver refuses: nothing has happened. */
	init(&r, HOLM_TASK_SWITCH_CALL);
	r.run.sregs.cr0 |= CR0_PG;
	r.run.sregs.cr4 = CR4_PSE;
	r.run.sregs.cr3 = PT_BASE;
	rig_put32(&r, PT_BASE, 0x87);
	rig_put32(&r, NEW_TSS + T_CR3, 0x5000);
	r.bad_cr3 = 0x5000;
	rig_assert_fault(&r, switch_task(&r), VEC_GP, true, 0);
	assert_int_equal(r.run.regs.rip, CODE);
	assert_int_equal(get32(&r, OLD_TSS + T_EIP), 0);
}

static void test_v86(void **state)
{
	static struct rig r;
	unsigned int i;

	(void)state;
	init(&r, HOLM_TASK_SWITCH_JMP);
	rig_put32(&r, NEW_TSS + T_EFLAGS, 0x2 | RFLAGS_VM);
	rig_put32(&r, NEW_TSS + T_EIP, NEW_EIP & 0xffff);
	for (i = 0; i < 6; i++)
		rig_put32(&r, NEW_TSS + T_SEG(i), 0x1230 + i);
	assert_int_equal(switch_task(&r), HOLM_EMUL_DONE);
	for (i = 0; i < 6; i++) {
		assert_int_equal(r.set_sregs.seg[i].base, (0x1230 + i) << 4);
		assert_int_equal(r.set_sregs.seg[i].attrib, 0xf3);
		assert_int_equal(r.set_sregs.seg[i].limit, 0xffff);
	}
}

static void test_16bit(void **state)
{
	static struct rig r;
	unsigned int i;

	(void)state;
	init(&r, HOLM_TASK_SWITCH_CALL);
	memset(r.ram + OLD_TSS, 0, 0x2000);
	rig_put64(&r, GDT + SEL_OLD, system_desc(OLD_TSS, 0x2b, 3));
	rig_put64(&r, GDT + SEL_NEW, system_desc(NEW_TSS, 0x2b, 1));
	r.run.sregs.seg[HOLM_SEG_TR].attrib = 0x83;
	r.run.sregs.seg[HOLM_SEG_TR].limit = 0x2b;
	put16(&r, NEW_TSS + S_IP, NEW_EIP & 0xffff);
	put16(&r, NEW_TSS + S_FLAGS, 0x46);
	for (i = 0; i < 8; i++)
		put16(&r, NEW_TSS + S_GPR(i), 0x3000 + i);
	for (i = 0; i < 4; i++)
		put16(&r, NEW_TSS + S_SEG(i), i == HOLM_SEG_CS ? SEL_CODE : SEL_DATA);
	r.ram[OLD_TSS + S_LDT] = 0x5a;
	assert_int_equal(switch_task(&r), HOLM_EMUL_DONE);
	assert_int_equal(r.run.regs.rip, NEW_EIP & 0xffff);
	assert_int_equal(r.run.regs.gpr[HOLM_RDI], 0x3007);
	assert_int_equal(get16(&r, OLD_TSS + S_IP), (CODE + 7) & 0xffff);
	assert_int_equal(get16(&r, OLD_TSS + S_GPR(7)), 0x1007);
	assert_int_equal(get16(&r, OLD_TSS + S_SEG(HOLM_SEG_DS)), 0x10);
	assert_int_equal(r.ram[OLD_TSS + S_LDT], 0x5a);
	assert_int_equal(get16(&r, NEW_TSS), SEL_OLD);
	assert_int_equal(type_of(&r, SEL_NEW), 3);
	assert_true(r.set_sregs.seg[HOLM_SEG_FS].attrib & HOLM_SEG_UNUSABLE);
}

static void test_trap_flag(void **state)
{
	static struct rig r;
	int ret;

	(void)state;
	init(&r, HOLM_TASK_SWITCH_JMP);
	r.ram[NEW_TSS + T_TRAP] = 1;
	ret = switch_task(&r);
	rig_assert_fault(&r, ret, VEC_DB, false, 0);
	assert_int_equal(r.run.exception.payload, 1 << 15);
	assert_int_equal(r.run.regs.rip, NEW_EIP);
}

/* ---- faults ---------------------------------------------------------------- */

static const struct fault_row {
	const char *name;
	uint8_t source;
	uint16_t selector;
	uint64_t at;		/* two bytes in memory ... */
	uint16_t value;		/* ... that make the fault */
	uint8_t vector;
	uint32_t error;
	bool in_new;		/* raised in the new task */
} fault_rows[] = {
	{ "selector in the LDT", HOLM_TASK_SWITCH_CALL, SEL_NEW | 4, 0, 0, VEC_GP, SEL_NEW | 4,
	  false },
	{ "selector beyond the GDT", HOLM_TASK_SWITCH_JMP, 0x50, 0, 0, VEC_GP, 0x50, false },
	{ "IRET to it", HOLM_TASK_SWITCH_IRET, 0x50, 0, 0, VEC_TS, 0x50, false },
	{ "null selector", HOLM_TASK_SWITCH_CALL, 0, 0, 0, VEC_GP, 0, false },
	{ "no TSS", HOLM_TASK_SWITCH_CALL, SEL_DATA, 0, 0, VEC_GP, SEL_DATA, false },
	{ "busy", HOLM_TASK_SWITCH_CALL, SEL_OLD, 0, 0, VEC_GP, SEL_OLD, false },
	{ "IRET to one that is not busy", HOLM_TASK_SWITCH_IRET, SEL_NEW, GDT + SEL_NEW + 4, 0x8902,
	  VEC_TS, SEL_NEW, false },
	{ "not present", HOLM_TASK_SWITCH_CALL, SEL_NEW, GDT + SEL_NEW + 4, 0x0902, VEC_NP, SEL_NEW,
	  false },
	{ "limit", HOLM_TASK_SWITCH_CALL, SEL_NEW, GDT + SEL_NEW, 0x66, VEC_TS, SEL_NEW, false },

	{ "LDT is none", HOLM_TASK_SWITCH_CALL, SEL_NEW, NEW_TSS + T_LDT, SEL_DATA, VEC_TS,
	  SEL_DATA, true },
	{ "null CS", HOLM_TASK_SWITCH_CALL, SEL_NEW, NEW_TSS + T_SEG(HOLM_SEG_CS), 0, VEC_TS, 0,
	  true },
	{ "CS is data", HOLM_TASK_SWITCH_CALL, SEL_NEW, NEW_TSS + T_SEG(HOLM_SEG_CS), SEL_DATA,
	  VEC_TS, SEL_DATA, true },
	{ "RPL of CS is not its DPL", HOLM_TASK_SWITCH_CALL, SEL_NEW, NEW_TSS + T_SEG(HOLM_SEG_CS),
	  SEL_CODE | 3, VEC_TS, SEL_CODE, true },
	{ "null SS", HOLM_TASK_SWITCH_JMP, SEL_NEW, NEW_TSS + T_SEG(HOLM_SEG_SS), 0, VEC_TS, 0,
	  true },
	{ "SS read-only", HOLM_TASK_SWITCH_CALL, SEL_NEW, NEW_TSS + T_SEG(HOLM_SEG_SS), SEL_RODATA,
	  VEC_TS, SEL_RODATA, true },
	{ "SS of another ring", HOLM_TASK_SWITCH_CALL, SEL_NEW, NEW_TSS + T_SEG(HOLM_SEG_SS),
	  SEL_DATA3, VEC_TS, SEL_DATA3 & ~3, true },
	{ "SS not present", HOLM_TASK_SWITCH_CALL, SEL_NEW, NEW_TSS + T_SEG(HOLM_SEG_SS),
	  SEL_ABSENT, VEC_SS, SEL_ABSENT, true },
	{ "DS not present", HOLM_TASK_SWITCH_CALL, SEL_NEW, NEW_TSS + T_SEG(HOLM_SEG_DS),
	  SEL_ABSENT, VEC_NP, SEL_ABSENT, true },
	{ "GS beyond the GDT", HOLM_TASK_SWITCH_CALL, SEL_NEW, NEW_TSS + T_SEG(HOLM_SEG_GS), 0x58,
	  VEC_TS, 0x58, true },
	{ "ES is a TSS", HOLM_TASK_SWITCH_CALL, SEL_NEW, NEW_TSS + T_SEG(HOLM_SEG_ES), SEL_OLD,
	  VEC_TS, SEL_OLD, true },
};

static void test_faults(void **state)
{
	static struct rig r;
	unsigned int i;
	int ret;

	(void)state;
	for (i = 0; i < sizeof(fault_rows) / sizeof(fault_rows[0]); i++) {
		const struct fault_row *row = &fault_rows[i];

		init(&r, row->source);
		if (row->source == HOLM_TASK_SWITCH_IRET)
			r.ram[CODE] = 0xcf;
		r.run.task_switch.selector = row->selector;
		if (row->at)
			put16(&r, row->at, row->value);
		ret = switch_task(&r);
		if (ret != HOLM_EMUL_EXCEPTION || r.run.exception.vector != row->vector ||
		    r.run.exception.error_code != row->error ||
		    (r.run.regs.rip == NEW_EIP) != row->in_new ||
		    (r.nset_sregs != 0) != row->in_new) {
			print_error("'%s': returned %d, vector %u, error code %x, RIP %llx\n",
				    row->name, ret, r.run.exception.vector,
				    r.run.exception.error_code,
				    (unsigned long long)r.run.regs.rip);
			fail();
		}
		/* Nothing was saved of a task that is not left. */
		assert_int_equal(get32(&r, OLD_TSS + T_EIP) != 0, row->in_new);
	}

	/* Of an event from outside the error code says so. */
	init(&r, HOLM_TASK_SWITCH_GATE);
	r.run.out_flags = HOLM_OUT_NEXT_RIP;
	r.run.next_rip = CODE;
	put16(&r, NEW_TSS + T_SEG(HOLM_SEG_DS), SEL_ABSENT);
	rig_assert_fault(&r, switch_task(&r), VEC_NP, true, SEL_ABSENT | 1);
	/* Long mode and real mode have none. */
	init(&r, HOLM_TASK_SWITCH_CALL);
	r.run.sregs.efer = EFER_LMA | EFER_LME;
	assert_int_equal(switch_task(&r), HOLM_EMUL_UNHANDLED);
	r.run.sregs.efer = 0;
	r.run.sregs.cr0 = 0;
	assert_int_equal(switch_task(&r), HOLM_EMUL_UNHANDLED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_call),
		cmocka_unit_test(test_jmp),
		cmocka_unit_test(test_iret),
		cmocka_unit_test(test_gate),
		cmocka_unit_test(test_cr3_ldt_cpl3),
		cmocka_unit_test(test_v86),
		cmocka_unit_test(test_16bit),
		cmocka_unit_test(test_trap_flag),
		cmocka_unit_test(test_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
