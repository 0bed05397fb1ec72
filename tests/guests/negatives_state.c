// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * CPUID tables and state blocks that a vCPU cannot have: refused, and nothing
 * has changed.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>

#include "negatives.h"

/* ---- CPUID tables ------------------------------------------------------- */

static struct holm_cpuid_entry table[HOLM_MAX_CPUID_ENTRIES + 1];
static uint32_t table_nent;

static void load_table(int dev)
{
	struct holm_cpuid arg = {
		.nent = HOLM_MAX_CPUID_ENTRIES,
		.entries = (uintptr_t)table,
	};

	memset(table, 0, sizeof(table));
	table_nent = call(dev, HOLM_GET_SUPPORTED_CPUID, &arg) ? 0 : arg.nent;
}

static struct holm_cpuid_entry *find_leaf(uint32_t function)
{
	uint32_t i;

	for (i = 0; i < table_nent; i++)
		if (table[i].function == function)
			return &table[i];
	return &table[0];
}

static long set_table(int vcpu, uint32_t nent)
{
	struct holm_cpuid arg = { .nent = nent, .entries = (uintptr_t)table };

	return call(vcpu, HOLM_SET_CPUID, &arg);
}

enum { EAX, EBX, ECX, EDX };

static const struct {
	const char *what;
	uint32_t function;
	int reg;
	uint32_t set;
} shown[] = {
	{ "VMX", 1, ECX, 1U << 5 },
	{ "MONITOR", 1, ECX, 1U << 3 },
	{ "debug store", 1, EDX, 1U << 21 },
	{ "SGX", 7, EBX, 1U << 2 },
	{ "protection keys", 7, ECX, 1U << 3 },
	{ "5-level paging", 7, ECX, 1U << 16 },
	{ "SVM", 0x80000001, ECX, 1U << 2 },
	{ "57 linear bits", 0x80000008, EAX, 0x3900 },
	{ "63 physical bits", 0x80000008, EAX, 0x3f },
	{ "guest-physical bits", 0x80000008, EAX, 0x30 << 16 },
	{ "paravirtual features", 0x40000001, EAX, 1 << 16 },
};

static uint32_t *entry_reg(struct holm_cpuid_entry *e, int reg)
{
	switch (reg) {
	case EAX:
		return &e->eax;
	case EBX:
		return &e->ebx;
	case ECX:
		return &e->ecx;
	default:
		return &e->edx;
	}
}

static void test_shown(int dev, int vcpu)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(shown); i++) {
		struct holm_cpuid_entry *e;

		load_table(dev);
		e = find_leaf(shown[i].function);
		if (e->function != shown[i].function) {
			e = &table[table_nent++];
			*e = (struct holm_cpuid_entry) { .function = shown[i].function };
		}
		*entry_reg(e, shown[i].reg) |= shown[i].set;
		expect(set_table(vcpu, table_nent), -EINVAL, "SET_CPUID: shows %s", shown[i].what);
	}
}

static void test_malformed(int dev, int vcpu)
{
	load_table(dev);
	table[table_nent] = table[0];
	expect(set_table(vcpu, table_nent + 1), -EINVAL, "SET_CPUID: a leaf twice");
	table[table_nent] = *find_leaf(7);
	expect(set_table(vcpu, table_nent + 1), -EINVAL, "SET_CPUID: a sub-leaf twice");
	table[0].reserved = 1;
	expect(set_table(vcpu, table_nent), -EINVAL, "SET_CPUID: reserved of an entry");
	load_table(dev);
	table[0].flags |= 2;
	expect(set_table(vcpu, table_nent), -EINVAL, "SET_CPUID: an unknown flag of an entry");
	load_table(dev);
	table[0].index = 1;
	expect(set_table(vcpu, table_nent), -EINVAL, "SET_CPUID: an index without its flag");
	load_table(dev);
	find_leaf(7)->flags = 0;
	expect(set_table(vcpu, table_nent), -EINVAL, "SET_CPUID: leaf 7 without its index");
	load_table(dev);
	find_leaf(1)->flags = HOLM_CPUID_INDEX;
	expect(set_table(vcpu, table_nent), -EINVAL, "SET_CPUID: leaf 1 with an index");
	memset(table, 0, sizeof(table));
	expect(set_table(vcpu, HOLM_MAX_CPUID_ENTRIES), -EINVAL, "SET_CPUID: 256 times the same");
}

static void test_needed(int dev)
{
	struct holm_cpuid arg = { .nent = 1, .entries = (uintptr_t)table };

	load_table(dev);
	expect(call(dev, HOLM_GET_SUPPORTED_CPUID, &arg), -E2BIG,
	       "GET_SUPPORTED_CPUID: an array that is too small");
	expect(arg.nent, table_nent, "GET_SUPPORTED_CPUID: nent is what is needed");
	arg.nent = table_nent - 1;
	expect(call(dev, HOLM_GET_SUPPORTED_CPUID, &arg), -E2BIG,
	       "GET_SUPPORTED_CPUID: one entry too few");
	arg.nent = table_nent;
	expect(call(dev, HOLM_GET_SUPPORTED_CPUID, &arg), 0, "GET_SUPPORTED_CPUID: just enough");
}

void test_cpuid_args(void)
{
	static struct snapshot before;
	struct holm_cpuid arg = { .entries = (uintptr_t)table };
	struct rig r;

	if (!result(!rig_open(&r) && !snapshot_take(r.vcpu, &before), "cpuid: a vCPU"))
		return;
	test_needed(r.dev);
	test_shown(r.dev, r.vcpu);
	test_malformed(r.dev, r.vcpu);
	expect(call(r.vcpu, HOLM_GET_CPUID, &arg), -E2BIG, "GET_CPUID: no room");
	expect(arg.nent, before.cpuid_nent, "GET_CPUID: nent is what is needed");
	result(snapshot_same(r.vcpu, &before), "cpuid: nothing has changed");
	load_table(r.dev);
	expect(set_table(r.vcpu, 1), 0, "SET_CPUID: a table of one leaf");
	load_table(r.dev);
	expect(set_table(r.vcpu, table_nent), 0, "SET_CPUID: another table before the first run");
	result(!start(&r, guest_sane) && !run_sane(&r), "cpuid: the guest runs");
	load_table(r.dev);
	expect(set_table(r.vcpu, table_nent), -EBUSY, "SET_CPUID: after the first run");
	expect(set_table(r.vcpu, HOLM_MAX_CPUID_ENTRIES + 1), -E2BIG,
	       "SET_CPUID: too many entries after the first run");
	rig_close(&r);
}

/* ---- state blocks ------------------------------------------------------- */

enum base { REAL, LONG };

/* A block of the vCPU's own state with one field changed. */
struct state_row {
	const char *what;
	uint32_t type;
	enum base base;
	size_t offset, size;
	uint64_t value;
};

#define S(what, TYPE, base, type, field, v)					\
	{ what, HOLM_STATE_##TYPE, base, offsetof(struct type, field),		\
	  sizeof(((struct type *)0)->field), v }
#define SREG(what, base, field, v)	S(what, SREGS, base, holm_sregs, field, v)
#define SEG(what, base, n, field, v)	S(what, SREGS, base, holm_sregs, seg[HOLM_SEG_##n].field, v)
#define EVENT(what, field, v)		S(what, EVENTS, REAL, holm_events, field, v)
#define LAPIC(what, field, v)		S(what, LAPIC, REAL, holm_lapic, field, v)
#define APIC(what, offset, v)		LAPIC(what, regs[(offset) / 16], v)
#define AREA(what, at, v)		\
	{ what, HOLM_STATE_XSTATE, REAL, sizeof(struct holm_xstate) + (at), 8, v }

static const struct state_row state_rows[] = {
	S("RIP is not canonical", REGS, REAL, holm_regs, rip, 0x800000000000),
	S("RFLAGS bit 3", REGS, REAL, holm_regs, rflags, 0xa),
	S("RFLAGS bit 15", REGS, REAL, holm_regs, rflags, 0x8002),
	S("RFLAGS bit 22", REGS, REAL, holm_regs, rflags, 0x400002),
	S("RFLAGS bit 63", REGS, REAL, holm_regs, rflags, 1ULL << 63),

	SREG("PG without PE", REAL, cr0, 0x80000010),
	SREG("PG without PE in long mode", LONG, cr0, 0x80000010),
	SREG("NW without CD", REAL, cr0, 0x20000010),
	SREG("CR0 bit 6", REAL, cr0, 0x60000050),
	SREG("CR0 bit 32", REAL, cr0, 1ULL << 32 | 0x10),
	SREG("CR0 bit 63", LONG, cr0, 1ULL << 63 | 0x80000031),
	SREG("CR3 above MAXPHYADDR", REAL, cr3, 1ULL << 52),
	SREG("CR3 bit 63", LONG, cr3, 1ULL << 63 | TABLES_ADDR),
	SREG("long mode without PAE", LONG, cr4, 0),
	SREG("PCIDE without long mode", REAL, cr4, 1 << 17),
	SREG("CR4.VMXE", LONG, cr4, 0x2020),
	SREG("CR4.SMXE", LONG, cr4, 0x4020),
	SREG("CR4.LA57", LONG, cr4, 0x1020),
	SREG("CR4.PKE", LONG, cr4, 0x400020),
	SREG("CR4 bit 15", LONG, cr4, 0x8020),
	SREG("CR4 bit 32", LONG, cr4, 1ULL << 32 | 0x20),
	SREG("CR4 bit 63", LONG, cr4, 1ULL << 63 | 0x20),
	SREG("CR8 of 16", LONG, cr8, 16),
	SREG("CR8 bit 63", REAL, cr8, 1ULL << 63),
	SREG("EFER.SVME", LONG, efer, 0x1500),
	SREG("EFER bit 1", LONG, efer, 0x502),
	SREG("EFER bit 9", LONG, efer, 0x700),
	SREG("EFER bit 63", LONG, efer, 1ULL << 63 | 0x500),
	SREG("LMA without LME", LONG, efer, 0x400),
	SREG("LME with PG, without LMA", LONG, efer, 0x100),
	SREG("LMA without PG", REAL, efer, 0x500),
	SREG("the GDT's base", LONG, gdt.base, 0x800000000000),
	SREG("the IDT's base", LONG, idt.base, 0x7fff800000000000),
	SREG("reserved of the GDT", REAL, gdt.reserved[0], 1),
	SREG("reserved of the IDT", REAL, idt.reserved[2], 1),

	SEG("CS with L and D", LONG, CS, attrib, 0xe09b),
	SEG("CS unusable", LONG, CS, attrib, 0x1a09b),
	SEG("CS not present", LONG, CS, attrib, 0xa01b),
	SEG("CS is a system segment", LONG, CS, attrib, 0xa08b),
	SEG("CS is not writable data", LONG, CS, attrib, 0xa091),
	SEG("CS has another level than SS", LONG, CS, attrib, 0xa0fb),
	SEG("CS has a 64-bit base", LONG, CS, base, 1ULL << 32),
	SEG("CS has bit 8", LONG, CS, attrib, 0xa19b),
	SEG("CS has bit 31", LONG, CS, attrib, 0x8000a09b),
	SEG("CS has a limit that G excludes", LONG, CS, limit, 0x1234),
	SEG("CS has a limit that needs G", REAL, CS, limit, 0x100000),
	SEG("SS is code", LONG, SS, attrib, 0xc09b),
	SEG("SS is read-only", LONG, SS, attrib, 0xc091),
	SEG("SS has a 64-bit base", LONG, SS, base, 1ULL << 40),
	SEG("SS of level 3 in real mode", REAL, SS, attrib, 0xf3),
	SEG("CS of level 3 in real mode", REAL, CS, attrib, 0xfb),
	SEG("DS is execute-only", LONG, DS, attrib, 0xc099),
	SEG("DS has a 64-bit base", LONG, DS, base, 1ULL << 32),
	SEG("ES is a system segment", LONG, ES, attrib, 0xc083),
	SEG("reserved of ES", REAL, ES, reserved[0], 1),
	SEG("FS has a base that is not canonical", LONG, FS, base, 0x800000000000),
	SEG("GS has a base that is not canonical", LONG, GS, base, 1ULL << 63),
	SEG("TR unusable", LONG, TR, attrib, 0x1008b),
	SEG("TR not present", LONG, TR, attrib, 0xb),
	SEG("TR of 16 bits in long mode", LONG, TR, attrib, 0x83),
	SEG("TR is an LDT", LONG, TR, attrib, 0x82),
	SEG("TR is in the LDT", LONG, TR, selector, 0x14),
	SEG("TR has a base that is not canonical", LONG, TR, base, 0xffff000000000000),
	SEG("LDTR is a TSS", LONG, LDTR, attrib, 0x8b),
	SEG("LDTR is in the LDT", LONG, LDTR, selector, 4),
	SEG("LDTR has a base that is not canonical", LONG, LDTR, base, 1ULL << 47),

	S("DR6 bit 12", DEBUGREGS, REAL, holm_debugregs, dr6, 0xffff1ff0),
	S("DR6 bit 32", DEBUGREGS, REAL, holm_debugregs, dr6, 0x1ffff0ff0),
	S("DR6 bit 63", DEBUGREGS, REAL, holm_debugregs, dr6, 1ULL << 63 | 0xffff0ff0),
	S("DR7 bit 12", DEBUGREGS, REAL, holm_debugregs, dr7, 0x1400),
	S("DR7 bit 32", DEBUGREGS, REAL, holm_debugregs, dr7, 1ULL << 32 | 0x400),
	S("DR7 bit 63", DEBUGREGS, REAL, holm_debugregs, dr7, 1ULL << 63 | 0x400),

	S("XCR0 of 0", XSTATE, REAL, holm_xstate, xcr0, 0),
	S("XCR0 without x87", XSTATE, REAL, holm_xstate, xcr0, 2),
	S("XCR0 with AVX, without SSE", XSTATE, REAL, holm_xstate, xcr0, 5),
	S("XCR0 with half of AVX-512", XSTATE, REAL, holm_xstate, xcr0, 0x27),
	S("XCR0 with PKRU", XSTATE, REAL, holm_xstate, xcr0, 0x203),
	S("XCR0 bit 63", XSTATE, REAL, holm_xstate, xcr0, 1ULL << 63 | 3),
	S("reserved of xstate", XSTATE, REAL, holm_xstate, reserved, 1),
	AREA("MXCSR bit 16", 24, 0x11f80),
	AREA("MXCSR bit 31", 24, 0x80001f80),
	AREA("XSTATE_BV with PKRU", 512, 0x201),
	AREA("XSTATE_BV with supervisor state", 512, 0x101),
	AREA("XSTATE_BV bit 63", 512, 1ULL << 63 | 1),
	AREA("XCOMP_BV: compacted", 520, 1ULL << 63),
	AREA("XCOMP_BV: compacted, x87", 520, 1ULL << 63 | 1),
	AREA("XCOMP_BV bit 0", 520, 1),
	AREA("the header's third word", 528, 1),
	AREA("the header's last word", 568, 1ULL << 63),

	EVENT("exception of type 1", exception.type, 1),
	EVENT("exception of type 7", exception.type, 7),
	EVENT("exception that is an interrupt", exception.type, HOLM_EVENT_INTERRUPT),
	EVENT("exception that is an NMI", exception.type, HOLM_EVENT_NMI),
	EVENT("exception that is INT n", exception.type, HOLM_EVENT_SOFT_INTERRUPT),
	EVENT("no exception, with a vector", exception.vector, 14),
	EVENT("no exception, with flags", exception.flags, HOLM_EVENT_HAS_ERROR_CODE),
	EVENT("no exception, with an error code", exception.error_code, 1),
	EVENT("no exception, with a payload", exception.payload, 1),
	EVENT("no exception, with a length", exception.insn_len, 2),
	EVENT("interrupted type 1", interrupted.type, 1),
	EVENT("interrupted type 3", interrupted.type, HOLM_EVENT_EXCEPTION),
	EVENT("interrupted NMI of vector 0", interrupted.type, HOLM_EVENT_NMI),
	EVENT("interrupted INT n without a length", interrupted.type, HOLM_EVENT_SOFT_INTERRUPT),
	EVENT("interrupted INT3 of vector 0", interrupted.type, HOLM_EVENT_SOFT_EXCEPTION),
	EVENT("interrupted INT1 of vector 0", interrupted.type, HOLM_EVENT_PRIV_SOFT_EXCEPTION),
	EVENT("both shadows", flags, HOLM_EVENTS_SHADOW_STI | HOLM_EVENTS_SHADOW_MOVSS),
	EVENT("a second NMI without a first", flags, HOLM_EVENTS_NMI_PENDING_2),
	EVENT("events flag 8", flags, 1U << 8),
	EVENT("events flag 31", flags, 1U << 31),
	EVENT("reserved of events", reserved, 1),

	LAPIC("APIC base with bit 0", apic_base, 0xfee00901),
	LAPIC("APIC base with bit 9", apic_base, 0xfee00b00),
	LAPIC("APIC base in x2APIC mode, not enabled", apic_base, 0xfee00500),
	LAPIC("APIC base above MAXPHYADDR", apic_base, 1ULL << 52 | 0xfee00900),
	LAPIC("APIC base with bit 63", apic_base, 1ULL << 63 | 0xfee00900),
	LAPIC("a TSC deadline in one-shot mode", tsc_deadline, 1000),
	LAPIC("a timer that runs without a count", timer_remaining, 1000),
	LAPIC("an unknown message", pending, 8),
	LAPIC("a message bit 31", pending, 1U << 31),
	LAPIC("a start-up vector without its message", sipi_vector, 0x10),
	LAPIC("a pending error that does not exist", esr_pending, 0x10),
	LAPIC("reserved of the LAPIC", reserved, 1),
	APIC("another APIC ID", 0x20, 1 << 24),
	APIC("an APIC ID with low bits", 0x20, 1),
	APIC("another version", 0x30, 0x50015),
	APIC("TPR bit 8", 0x80, 0x100),
	APIC("LDR bit 0", 0xd0, 1),
	APIC("DFR bit 0 clear", 0xe0, 0xfffffffe),
	APIC("SVR bit 12", 0xf0, 0x10ff),
	APIC("vector 15 in service", 0x100, 1 << 15),
	APIC("vector 0 requested", 0x200, 1),
	APIC("vector 3 level-triggered", 0x180, 1 << 3),
	APIC("ESR bit 8", 0x280, 0x100),
	APIC("ICR bit 12, delivery status", 0x300, 0x1000),
	APIC("ICR bit 31", 0x300, 1U << 31),
	APIC("ICR high, bit 0", 0x310, 1),
	APIC("LVT timer of mode 3", 0x320, 0x70000),
	APIC("LVT timer bit 31", 0x320, 0x80010000),
	APIC("LVT thermal bit 17", 0x330, 0x30000),
	APIC("LVT LINT0 bit 17", 0x350, 0x30000),
	APIC("LVT error with a delivery mode", 0x370, 0x10400),
	APIC("divide configuration bit 2", 0x3e0, 4),
	APIC("a register at 0", 0x0, 1),
	APIC("a register at 0x40", 0x40, 1),
	APIC("a register at 0x2f0", 0x2f0, 0x10000),
	APIC("a register at 0x3f0", 0x3f0, 1),

	S("MP state 3", MP, REAL, holm_mp_state, state, 3),
	S("MP state -1", MP, REAL, holm_mp_state, state, 0xffffffff),
	S("reserved of MP", MP, REAL, holm_mp_state, reserved, 1),
	S("a TSC of 0 kHz", TSC, REAL, holm_tsc, khz, 0),
	S("a TSC of 1 kHz", TSC, REAL, holm_tsc, khz, 1),
	S("reserved of the TSC", TSC, REAL, holm_tsc, reserved, 1),
};

/* The vCPU's own block of @type. */
static uint8_t *block_of(struct snapshot *s, uint32_t type, uint32_t *size)
{
	switch (type) {
	case HOLM_STATE_REGS:
		*size = sizeof(s->regs);
		return (uint8_t *)&s->regs;
	case HOLM_STATE_SREGS:
		*size = sizeof(s->sregs);
		return (uint8_t *)&s->sregs;
	case HOLM_STATE_DEBUGREGS:
		*size = sizeof(s->dregs);
		return (uint8_t *)&s->dregs;
	case HOLM_STATE_MSRS:
		*size = sizeof(s->msrs);
		return (uint8_t *)s->msrs;
	case HOLM_STATE_XSTATE:
		*size = s->xstate_size;
		return s->xstate;
	case HOLM_STATE_EVENTS:
		*size = sizeof(s->events);
		return (uint8_t *)&s->events;
	case HOLM_STATE_LAPIC:
		*size = sizeof(s->lapic);
		return (uint8_t *)&s->lapic;
	case HOLM_STATE_MP:
		*size = sizeof(s->mp);
		return (uint8_t *)&s->mp;
	default:
		*size = sizeof(s->tsc);
		return (uint8_t *)&s->tsc;
	}
}

static struct snapshot before, changed;

/* Set @data, which must be refused: the errno, the block at fault, all else as before. */
static void refused(struct rig *r, uint32_t type, const void *data, uint32_t size, long want,
		    const char *what)
{
	struct holm_state_block block = {
		.type = type,
		.size = size,
		.data = (uintptr_t)data,
	};
	struct holm_state arg = { .nblocks = 1, .blocks = (uintptr_t)&block, .done = 99 };
	long got = call(r->vcpu, HOLM_SET_STATE, &arg);
	bool same = snapshot_same(r->vcpu, &before);

	if (result(got == want && !arg.done && same, "SET_STATE: %s: %s", what, error_name(want)))
		return;
	explain("got %s, done %u", error_name(got), arg.done);
	/* One failure is not to become many. */
	start_state(r, guest_sane);
	snapshot_take(r->vcpu, &before);
}

static void enter_base(struct rig *r, enum base base)
{
	struct holm_sregs sregs;

	start_state(r, guest_sane);
	if (base == LONG) {
		long_mode_sregs(r, &sregs);
		expect(state_set(r->vcpu, HOLM_STATE_SREGS, &sregs, sizeof(sregs)), 0,
		       "SET_STATE: long mode");
	}
	result(!snapshot_take(r->vcpu, &before), "states: the vCPU's state in %s mode",
	       base == LONG ? "long" : "real");
}

static void test_rows(struct rig *r, enum base base)
{
	uint32_t size;
	uint8_t *block;
	size_t i;

	enter_base(r, base);
	for (i = 0; i < ARRAY_SIZE(state_rows); i++) {
		const struct state_row *row = &state_rows[i];

		if (row->base != base)
			continue;
		changed = before;
		block = block_of(&changed, row->type, &size);
		memcpy(block + row->offset, &row->value, row->size);
		refused(r, row->type, block, size, -EINVAL, row->what);
	}
}

/* ---- sizes and types ---------------------------------------------------- */

static const char *const type_names[] = {
	NULL, "REGS", "SREGS", "DEBUGREGS", "MSRS", "XSTATE", "EVENTS", "LAPIC", "MP", "TSC",
};

static void test_set_sizes(struct rig *r, uint32_t type, const uint8_t *block, uint32_t size)
{
	char what[64];

	snprintf(what, sizeof(what), "%s of no byte", type_names[type]);
	if (type != HOLM_STATE_MSRS)
		refused(r, type, block, 0, -EINVAL, what);
	snprintf(what, sizeof(what), "%s of 1 byte", type_names[type]);
	refused(r, type, block, 1, -EINVAL, what);
	snprintf(what, sizeof(what), "%s without its last byte", type_names[type]);
	/* An xstate block may end behind its last component. */
	refused(r, type, block, type == HOLM_STATE_XSTATE ? 16 + 575 : size - 1, -EINVAL, what);
	snprintf(what, sizeof(what), "%s with a byte more", type_names[type]);
	refused(r, type, block, size + 1, -EINVAL, what);
	snprintf(what, sizeof(what), "%s of 4 GiB", type_names[type]);
	refused(r, type, block, 0xffffffff, type == HOLM_STATE_MSRS ? -E2BIG : -EINVAL, what);
}

static void test_get_sizes(struct rig *r, uint32_t type, uint32_t size)
{
	static uint8_t buffer[2 * XSTATE_MAX];
	struct holm_state_block b = { .type = type, .data = (uintptr_t)buffer };
	struct holm_state arg = { .nblocks = 1, .blocks = (uintptr_t)&b };

	b.size = size - 1;
	expect(call(r->vcpu, HOLM_GET_STATE, &arg), -E2BIG, "GET_STATE: %s: a byte too few",
	       type_names[type]);
	expect(b.size, size, "GET_STATE: %s: the size that is needed", type_names[type]);
	b.size = 0;
	expect(call(r->vcpu, HOLM_GET_STATE, &arg), -E2BIG, "GET_STATE: %s: no byte",
	       type_names[type]);
	memset(buffer, 0xa5, sizeof(buffer));
	b.size = sizeof(buffer);
	expect(call(r->vcpu, HOLM_GET_STATE, &arg), 0, "GET_STATE: %s: more than it has",
	       type_names[type]);
	result(b.size == size && buffer[size] == 0xa5,
	       "GET_STATE: %s: says what it has, and writes no more", type_names[type]);
}

static void test_sizes(struct rig *r)
{
	static const uint32_t unknown[] = { 0, 10, 31, 32, 64, 0x7fffffff, 0xffffffff };
	uint32_t type, size;
	uint8_t *block;
	size_t i;

	for (type = HOLM_STATE_REGS; type <= HOLM_STATE_TSC; type++) {
		changed = before;
		block = block_of(&changed, type, &size);
		test_set_sizes(r, type, block, size);
		if (type != HOLM_STATE_MSRS)
			test_get_sizes(r, type, size);
	}
	for (i = 0; i < ARRAY_SIZE(unknown); i++) {
		char what[32];

		snprintf(what, sizeof(what), "type 0x%x", unknown[i]);
		refused(r, unknown[i], &changed, 16, -EINVAL, what);
		expect(state_get(r->vcpu, unknown[i], &changed, 16), -EINVAL, "GET_STATE: %s", what);
	}
}

/* Blocks before the offending one have been set, those behind have not. */
static void test_list(struct rig *r)
{
	struct holm_mp_state good = { .state = HOLM_MP_HALTED }, bad = { .state = 7 };
	struct holm_debugregs dregs = before.dregs;
	struct holm_state_block blocks[] = {
		{ HOLM_STATE_MP, sizeof(good), (uintptr_t)&good },
		{ HOLM_STATE_MP, sizeof(bad), (uintptr_t)&bad },
		{ HOLM_STATE_DEBUGREGS, sizeof(dregs), (uintptr_t)&dregs },
	};
	struct holm_state arg = { .nblocks = ARRAY_SIZE(blocks), .blocks = (uintptr_t)blocks };
	struct holm_mp_state mp = {};

	dregs.dr[0] = 0x1234;
	expect(call(r->vcpu, HOLM_SET_STATE, &arg), -EINVAL, "SET_STATE: the second of three is bad");
	expect(arg.done, 1, "SET_STATE: done is its index");
	state_get(r->vcpu, HOLM_STATE_MP, &mp, sizeof(mp));
	expect(mp.state, HOLM_MP_HALTED, "SET_STATE: the first has been set");
	good.state = HOLM_MP_RUNNABLE;
	state_set(r->vcpu, HOLM_STATE_MP, &good, sizeof(good));
	result(snapshot_same(r->vcpu, &before), "SET_STATE: the third has not");
}

/* ---- MSRs --------------------------------------------------------------- */

static const struct {
	const char *what;
	struct holm_msr msr;
} msr_rows[] = {
	{ "an MSR that nobody has", { .index = 0x12345 } },
	{ "MSR 0xffffffff", { .index = 0xffffffff } },
	{ "IA32_APIC_BASE", { .index = 0x1b, .value = 0xfee00900 } },
	{ "IA32_TSC_DEADLINE", { .index = 0x6e0 } },
	{ "an x2APIC register", { .index = 0x808 } },
	{ "IA32_MTRRCAP, which is read-only", { .index = 0xfe, .value = 0x508 } },
	{ "EFER bit 1", { .index = 0xc0000080, .value = 2 } },
	{ "EFER.SVME", { .index = 0xc0000080, .value = 0x1000 } },
	{ "an LSTAR that is not canonical", { .index = 0xc0000082, .value = 1ULL << 47 } },
	{ "a SYSENTER_EIP that is not canonical", { .index = 0x176, .value = 1ULL << 63 } },
	{ "a KERNEL_GS_BASE that is not canonical", { .index = 0xc0000102, .value = 1ULL << 62 } },
	{ "an FS_BASE that is not canonical", { .index = 0xc0000100, .value = 1ULL << 48 } },
	{ "a PAT of type 2", { .index = 0x277, .value = 0x0007040600070402 } },
	{ "a PAT with bit 7", { .index = 0x277, .value = 0x0007040600070486 } },
	{ "an MTRR of type 2", { .index = 0x2ff, .value = 0xc02 } },
	{ "a fixed MTRR of type 3", { .index = 0x250, .value = 3 } },
	{ "DEBUGCTL bit 6", { .index = 0x1d9, .value = 0x40 } },
	{ "a TSC_AUX of 33 bits", { .index = 0xc0000103, .value = 1ULL << 32 } },
	{ "MCG_STATUS bit 3", { .index = 0x17a, .value = 8 } },
	{ "MC0_STATUS", { .index = 0x401, .value = 1 } },
	{ "an MSR with reserved", { .index = 0x174, .reserved = 1 } },
};

static void test_msrs(struct rig *r)
{
	static struct holm_msr many[513];
	struct holm_msr list[3] = {
		{ .index = 0x174, .value = 0x10 },	/* SYSENTER_CS: good */
		{},
		{ .index = 0x175, .value = 0x1000 },
	};
	struct holm_state_block block = { HOLM_STATE_MSRS, sizeof(list), (uintptr_t)list };
	struct holm_state arg = { .nblocks = 1, .blocks = (uintptr_t)&block };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(msr_rows); i++) {
		/* In the middle: all or none are set. */
		list[1] = msr_rows[i].msr;
		refused(r, HOLM_STATE_MSRS, list, sizeof(list), -EINVAL, msr_rows[i].what);
	}
	list[1] = (struct holm_msr) { .index = 0x12345 };
	arg.done = 9;
	expect(call(r->vcpu, HOLM_GET_STATE, &arg), -EINVAL, "GET_STATE: an MSR that nobody has");
	expect(arg.done, 0, "GET_STATE: done is the block it is in");
	list[1] = (struct holm_msr) { .index = 0x808 };
	expect(call(r->vcpu, HOLM_GET_STATE, &arg), -EINVAL, "GET_STATE: an x2APIC register");
	list[1] = (struct holm_msr) { .index = 0x176, .reserved = 1 };
	expect(call(r->vcpu, HOLM_GET_STATE, &arg), -EINVAL, "GET_STATE: an MSR with reserved");
	block.size = sizeof(list) - 1;
	expect(call(r->vcpu, HOLM_GET_STATE, &arg), -EINVAL, "GET_STATE: a part of an MSR");

	for (i = 0; i < ARRAY_SIZE(many); i++)
		many[i].index = 0x174;
	refused(r, HOLM_STATE_MSRS, many, sizeof(many), -E2BIG, "513 MSRs");
	block = (struct holm_state_block) { HOLM_STATE_MSRS, sizeof(many), (uintptr_t)many };
	expect(call(r->vcpu, HOLM_GET_STATE, &arg), -E2BIG, "GET_STATE: 513 MSRs");
	expect(state_set(r->vcpu, HOLM_STATE_MSRS, many, 512 * sizeof(many[0])), 0,
	       "SET_STATE: 512 MSRs");
	expect(state_set(r->vcpu, HOLM_STATE_MSRS, many, 0), 0, "SET_STATE: no MSR");
	expect(state_get(r->vcpu, HOLM_STATE_MSRS, many, 0), 0, "GET_STATE: no MSR");
}

/* Long mode by the back door: EFER is in the list of MSRs, too. */
static void test_efer(struct rig *r)
{
	struct holm_msr efer = { .index = 0xc0000080, .value = 0x100 };
	struct holm_sregs sregs;

	start_state(r, guest_sane);
	long_mode_sregs(r, &sregs);
	sregs.cr4 = 0x10;	/* PSE: 32-bit paging */
	sregs.efer = 0;
	sregs.seg[HOLM_SEG_CS].attrib = 0xc09b;
	expect(state_set(r->vcpu, HOLM_STATE_SREGS, &sregs, sizeof(sregs)), 0,
	       "SET_STATE: 32-bit paging");
	snapshot_take(r->vcpu, &before);
	refused(r, HOLM_STATE_MSRS, &efer, sizeof(efer), -EINVAL,
		"EFER.LME as an MSR, with paging, without PAE");

	enter_base(r, LONG);
	sregs = before.sregs;
	if (before.cpuid_nent) {
		sregs.cr4 |= 1 << 17;	/* PCIDE, where there is PCID */
		if (!state_set(r->vcpu, HOLM_STATE_SREGS, &sregs, sizeof(sregs))) {
			snapshot_take(r->vcpu, &before);
			efer.value = 0;
			refused(r, HOLM_STATE_MSRS, &efer, sizeof(efer), -EINVAL,
				"EFER without LME as an MSR, with PCIDE");
		}
	}
}

/* The block of XSTATE with components that are not in XCR0, or are cut off. */
static void test_xstate(struct rig *r)
{
	static uint8_t block[XSTATE_MAX];
	uint64_t bv = 7;
	struct holm_caps caps = { .size = sizeof(caps) };

	call(r->dev, HOLM_GET_CAPS, &caps);
	if (!(caps.xcr0 & 4)) {
		skip("no AVX here", "SET_STATE: xstate that ends before AVX");
		return;
	}
	memcpy(block, before.xstate, before.xstate_size);
	memcpy(block + sizeof(struct holm_xstate) + 512, &bv, sizeof(bv));
	refused(r, HOLM_STATE_XSTATE, block, sizeof(struct holm_xstate) + 576, -EINVAL,
		"xstate that ends before AVX");
}

/* ---- events that fit no entry ------------------------------------------- */

#define EXC(...)	{ .type = HOLM_EVENT_EXCEPTION, __VA_ARGS__ }
#define NONE		{ .type = HOLM_EVENT_NONE }
#define ERR		HOLM_EVENT_HAS_ERROR_CODE
#define PAY		HOLM_EVENT_HAS_PAYLOAD

static const struct {
	const char *what;
	struct holm_event exception, interrupted;
} event_rows[] = {
	{ "#UD with an error code", EXC(.vector = 6, .flags = ERR), NONE },
	{ "#DE with an error code", EXC(.vector = 0, .flags = ERR, .error_code = 1), NONE },
	{ "#GP with an error code of 17 bits", EXC(.vector = 13, .flags = ERR, .error_code = 0x10000),
	  NONE },
	{ "#GP with an error code, not flagged", EXC(.vector = 13, .error_code = 1), NONE },
	{ "#UD with a payload", EXC(.vector = 6, .flags = PAY), NONE },
	{ "#PF with a payload, not flagged", EXC(.vector = 14, .flags = ERR, .payload = 1), NONE },
	{ "exception flag 2", EXC(.vector = 6, .flags = 4), NONE },
	{ "exception flag 7", EXC(.vector = 6, .flags = 0x80), NONE },
	{ "vector 32 as an exception", EXC(.vector = 32), NONE },
	{ "vector 255 as an exception", EXC(.vector = 255), NONE },
	{ "NMI as an exception", EXC(.vector = 2), NONE },
	{ "an exception with a length", EXC(.vector = 6, .insn_len = 1), NONE },
	{ "INT1 of 16 bytes",
	  { .type = HOLM_EVENT_PRIV_SOFT_EXCEPTION, .vector = 1, .insn_len = 16 }, NONE },
	{ "INT1 of vector 2",
	  { .type = HOLM_EVENT_PRIV_SOFT_EXCEPTION, .vector = 2, .insn_len = 1 }, NONE },
	{ "INT3 as an exception",
	  { .type = HOLM_EVENT_SOFT_EXCEPTION, .vector = 3, .insn_len = 1 }, NONE },
	{ "INT n of 16 bytes", NONE,
	  { .type = HOLM_EVENT_SOFT_INTERRUPT, .vector = 0x80, .insn_len = 16 } },
	{ "INT3 of vector 5", NONE,
	  { .type = HOLM_EVENT_SOFT_EXCEPTION, .vector = 5, .insn_len = 1 } },
	{ "an interrupt with a length", NONE,
	  { .type = HOLM_EVENT_INTERRUPT, .vector = 0x40, .insn_len = 2 } },
	{ "an interrupt with an error code", NONE,
	  { .type = HOLM_EVENT_INTERRUPT, .vector = 0x40, .flags = ERR } },
	{ "an interrupted NMI with a payload", NONE,
	  { .type = HOLM_EVENT_NMI, .vector = 2, .flags = PAY, .payload = 1 } },
	{ "an interrupted NMI of vector 3", NONE, { .type = HOLM_EVENT_NMI, .vector = 3 } },
};

static void test_events(struct rig *r)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(event_rows); i++) {
		struct holm_events events = {
			.exception = event_rows[i].exception,
			.interrupted = event_rows[i].interrupted,
		};

		refused(r, HOLM_STATE_EVENTS, &events, sizeof(events), -EINVAL, event_rows[i].what);
	}
}

/* The same by way of the run page: "an exception that the CPU cannot have". */
static void test_run_exceptions(struct rig *r)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(event_rows); i++) {
		if (event_rows[i].exception.type == HOLM_EVENT_NONE)
			continue;
		r->run->exception = event_rows[i].exception;
		r->run->in_flags = HOLM_RUN_EXCEPTION;
		expect(call(r->vcpu, HOLM_RUN, NULL), -EINVAL, "RUN: %s", event_rows[i].what);
	}
	r->run->exception = (struct holm_event) NONE;
	expect(call(r->vcpu, HOLM_RUN, NULL), -EINVAL, "RUN: an exception that is none");
	expect(r->run->in_flags, HOLM_RUN_EXCEPTION, "RUN: what was refused is still asked for");
	r->run->in_flags = 0;
	result(snapshot_same(r->vcpu, &before), "RUN: no refused exception has changed anything");
}

void test_states(void)
{
	struct rig r;

	if (!result(!rig_open(&r), "states: a vCPU"))
		return;
	test_rows(&r, LONG);
	test_rows(&r, REAL);
	test_sizes(&r);
	test_list(&r);
	test_xstate(&r);
	test_events(&r);
	test_run_exceptions(&r);
	test_msrs(&r);
	test_efer(&r);
	start_state(&r, guest_sane);
	result(!run_sane(&r), "states: after all of it the guest runs");
	rig_close(&r);
}
