/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Micro-guests: a few instructions in a given CPU mode, and the events they
 * must cause. A test file has rows of them (struct guest_row, guest_rows())
 * and, where a row cannot say it, functions (guest_test()) that drive a guest
 * step by step.
 */
#ifndef GUEST_H
#define GUEST_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libholm/libholm.h>

#include "layout.h"
#include "guest_symbols.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define BIT(n)		(1ULL << (n))

#define CR0_PE		BIT(0)
#define CR0_MP		BIT(1)
#define CR0_EM		BIT(2)
#define CR0_TS		BIT(3)
#define CR0_ET		BIT(4)
#define CR0_NE		BIT(5)
#define CR0_WP		BIT(16)
#define CR0_AM		BIT(18)
#define CR0_NW		BIT(29)
#define CR0_CD		BIT(30)
#define CR0_PG		BIT(31)
#define CR4_DE		BIT(3)
#define CR4_PSE		BIT(4)
#define CR4_PAE		BIT(5)
#define CR4_MCE		BIT(6)
#define CR4_PGE		BIT(7)
#define CR4_OSFXSR	BIT(9)
#define CR4_OSXMMEXCPT	BIT(10)
#define CR4_OSXSAVE	BIT(18)
#define EFER_SCE	BIT(0)
#define EFER_LME	BIT(8)
#define EFER_LMA	BIT(10)
#define EFER_NXE	BIT(11)
#define RFLAGS_FIXED	BIT(1)
#define RFLAGS_TF	BIT(8)
#define RFLAGS_IF	BIT(9)
#define RFLAGS_IOPL3	(3ULL << 12)
#define RFLAGS_RF	BIT(16)
#define RFLAGS_VM	BIT(17)
#define RFLAGS_AC	BIT(18)

/* ---- what is tested ------------------------------------------------------- */

/* The device, and what all guests are shown. */
extern struct hypervisor {
	int dev;
	struct holm_caps caps;
	struct holm_cpuid_entry *cpuid;
	unsigned int cpuid_nent;
	bool intel, amd;	/* backend */
	bool tcg, bochs;	/* the host is emulated by QEMU without KVM, by Bochs */
	unsigned int rounds;	/* this many times what rows of several vCPUs do */
	unsigned int patience;	/* this many times as long until they time out */
} hv;

/* A bit that guests are shown; reg: 0 EAX, 1 EBX, 2 ECX, 3 EDX. */
bool hv_has(uint32_t function, uint32_t index, int reg, int bit);
const struct holm_cpuid_entry *hv_cpuid(uint32_t function, uint32_t index);

/*
 * For struct guest_row.skip: what an emulated host's CPU does not do. Where a
 * process can ask the host itself it does, and no guest is involved.
 */
const char *no_simd_exceptions(void);
const char *no_alignment_checks(void);
const char *no_int1(void);
const char *no_gate_error_codes(void);
const char *no_canonical_stack_fault(void);
const char *no_lock_check(void);
const char *no_flags_of_split_lock(void);
const char *no_segment_checks(void);
const char *no_canonical_checks(void);
const char *no_register_checks(void);
const char *no_task_switch_exits(void);
/* Fill in hv.tcg, hv.bochs. */
void emulator_detect(void);

/* ---- events --------------------------------------------------------------- */

enum event_kind {
	EV_END = 0,	/* of a list */
	EV_VALUE,	/* reported: a the value */
	EV_EXCEPTION,	/* vector, a error code, b CR2 or DR6, rip */
	EV_IRQ,		/* vector */
	EV_OUT,		/* a port, b value, size */
	EV_IN,		/* a port, size */
	EV_MMIO_WRITE,	/* a offset, b value, size */
	EV_MMIO_READ,	/* a offset, size */
	EV_EOI,		/* vector: HOLM_EXIT_EOI, or an EOI by MMIO */
	EV_CALL,	/* a: number */
	EV_TASK,	/* HOLM_EXIT_TASK_SWITCH: a selector, b source, vector */
};

struct event {
	enum event_kind kind;
	uint8_t vector;
	uint8_t size;
	bool any_rip;		/* logged: RIP is at a "fault" instruction */
	uint8_t shadow;		/* length of the instruction in STI's shadow in front of it */
	uint64_t a, b;
	uint64_t rip;
};

#define V(value)	{ .kind = EV_VALUE, .a = (value) }
/* A fault of a "fault" instruction: no error code, error code, #PF, #DB. */
#define X(vec)		{ .kind = EV_EXCEPTION, .vector = (vec), .any_rip = true }
#define XE(vec, err)	{ .kind = EV_EXCEPTION, .vector = (vec), .a = (err), .any_rip = true }
#define PF(err, cr2)	{ .kind = EV_EXCEPTION, .vector = 14, .a = (err), .b = (cr2), \
			  .any_rip = true }
/* The same with a given return address. */
#define X_AT(vec, at)	{ .kind = EV_EXCEPTION, .vector = (vec), .rip = (at) }
#define XE_AT(vec, err, at) { .kind = EV_EXCEPTION, .vector = (vec), .a = (err), .rip = (at) }
#define PF_AT(err, cr2, at) { .kind = EV_EXCEPTION, .vector = 14, .a = (err), .b = (cr2), \
			  .rip = (at) }
#define DB_AT(dr6, at)	{ .kind = EV_EXCEPTION, .vector = 1, .b = (dr6), .rip = (at) }
#define IRQ(vec)	{ .kind = EV_IRQ, .vector = (vec) }
#define IRQ_AT(vec, at)	{ .kind = EV_IRQ, .vector = (vec), .rip = (at) }
/* As soon as STI allows it: behind the instruction in its shadow, or the NOP there. */
#define IRQ_SHADOW(vec, at, len) { .kind = EV_IRQ, .vector = (vec), .rip = (at), \
			  .shadow = (len) }
#define IRQ_STI(vec, at) IRQ_SHADOW(vec, at, 1)
#define OUT(port, sz, v) { .kind = EV_OUT, .a = (port), .size = (sz), .b = (v) }
#define IN(port, sz)	{ .kind = EV_IN, .a = (port), .size = (sz) }
#define MMW(off, sz, v)	{ .kind = EV_MMIO_WRITE, .a = (off), .size = (sz), .b = (v) }
#define MMR(off, sz)	{ .kind = EV_MMIO_READ, .a = (off), .size = (sz) }
#define EOI(vec)	{ .kind = EV_EOI, .vector = (vec) }
#define CALL(n)		{ .kind = EV_CALL, .a = (n) }
#define TASK(sel, src)	{ .kind = EV_TASK, .a = (sel), .b = (src) }

/* ---- a guest -------------------------------------------------------------- */

enum guest_mode {
	REAL16,
	BIGREAL16,	/* real mode with 4 GiB data segments */
	VM86,
	PROT16,
	PROT32,		/* no paging */
	PAGED32,	/* 32-bit paging */
	PAE32,
	COMPAT32,
	LONG64,
	USER32,		/* CPL 3, 32-bit paging */
	USERCOMPAT32,
	USER64,
	GUEST_MODES,
};

extern const char *const guest_mode_name[GUEST_MODES];

#define MAX_EVENTS	512
#define WHY_SIZE	4096

/**
 * struct guest - one VM with one vCPU and the run of a case
 * @vm, @vcpu, @run: from libholm; @run is vcpu.run
 * @ram: RAM_SIZE bytes at guest-physical 0
 * @mode: set by guest_mode()
 * @regs, @sregs: what guest_start() enters with
 * @call: the guest asked for function @n of the test
 * @interrupted: HOLM_RUN failed with EINTR by no time-out of the framework
 * @exit: an exit no one else answers: true when it did
 * @first: an exit that the test answers before all others: true when it did
 * @extint: vector of the PIC, for HOLM_EXIT_INTR_ACK
 * @device: memory of the test device
 * @reads: port reads so far
 * @quiet_mmio: do not log accesses to the device
 * @ioeventfds: asked before a write to the device is logged, or NULL
 * @readonly_from: RAM from here on is in a slot that guests cannot write
 * @events, @nevents: log
 * @end: exit that ended the guest; HOLM_EXIT_IO: it is done
 * @stopped: the test ends the run
 * @failed, @why: diagnosis
 * @priv: the test's own
 */
struct guest {
	int vm;
	struct holm_vcpu_handle vcpu;
	struct holm_run *run;
	uint8_t *ram;
	enum guest_mode mode;
	struct holm_regs regs;
	struct holm_sregs sregs;

	void (*call)(struct guest *g, unsigned int n);
	void (*interrupted)(struct guest *g);
	bool (*exit)(struct guest *g);
	bool (*first)(struct guest *g);
	int extint;
	uint8_t device[MMIO_SIZE];
	unsigned int reads;
	bool quiet_mmio;
	struct holm_ioeventfds *ioeventfds;
	uint64_t readonly_from;
	bool dr6_clear;		/* clear DR6 after each #DB, as handlers do */

	struct event events[MAX_EVENTS];
	unsigned int nevents;
	uint32_t end;
	bool stopped;
	bool failed;
	char why[WHY_SIZE];
	size_t why_len;
	void *priv;
};

/* A VM with @ram and a vCPU with all of CPUID, or NULL with a message printed. */
struct guest *guest_new(void);
/* Without the vCPU or the RAM slot. */
struct guest *guest_new_bare(void);
int guest_add_vcpu(struct guest *g);
void guest_free(struct guest *g);

/* Tables, segments and control registers of a mode. */
void guest_mode(struct guest *g, enum guest_mode mode);
/* Fill tables only, for guests that switch modes. */
void guest_tables(struct guest *g);
/* An IDT entry of the tables: type 14 interrupt, 15 trap gate, dpl, ist. */
void guest_idt(struct guest *g, unsigned int vector, uint64_t handler, uint16_t selector,
	       unsigned int type, unsigned int dpl, unsigned int ist);
/* Entry of the first 2 MiB of all page tables: set and clear bits. */
void guest_pte(struct guest *g, uint64_t gva, uint64_t set, uint64_t clear);
/* Put g->regs and g->sregs, at an entry, into the run page. */
void guest_start(struct guest *g, uint64_t entry);
/* Go on until the guest ends (g->end) or something is wrong (g->failed). */
void guest_run(struct guest *g);
/* One HOLM_RUN and what its exit asks for. Return: false at the end. */
bool guest_step(struct guest *g);

/* The last exit's instruction is done. */
void guest_complete(struct guest *g, uint64_t next_rip);

void guest_fail(struct guest *g, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void guest_dump(struct guest *g);

/* Compare the log with a list that ends with EV_END, which is zero. */
void guest_expect(struct guest *g, const struct event *events, uint32_t end);
#define EXPECT(g, end, ...) \
	guest_expect(g, (const struct event[MAX_EVENTS]) { __VA_ARGS__ }, end)

#define CHECK(g, condition, ...) do {					\
	if (!(condition))						\
		guest_fail(g, #condition ": " __VA_ARGS__);		\
} while (0)
#define CHECK_EQ(g, found, expected) do {				\
	unsigned long long __f = (found), __e = (expected);		\
	if (__f != __e)							\
		guest_fail(g, "%s: 0x%llx, expected 0x%llx", #found, __f, __e);	\
} while (0)

/* State blocks; a failure is the test's. */
void guest_get(struct guest *g, uint32_t type, void *data, uint32_t size);
void guest_set(struct guest *g, uint32_t type, const void *data, uint32_t size);
uint64_t guest_msr(struct guest *g, uint32_t index);
void guest_inject(struct guest *g, uint32_t kind, uint32_t vector);
void guest_set_slot(struct guest *g, uint32_t slot, uint32_t flags, uint64_t gpa,
		    uint64_t size, void *addr);

static inline uint64_t guest_read(const struct guest *g, uint64_t gpa, unsigned int size)
{
	uint64_t value = 0;

	__builtin_memcpy(&value, g->ram + gpa, size);
	return value;
}

static inline void guest_write(struct guest *g, uint64_t gpa, uint64_t value, unsigned int size)
{
	__builtin_memcpy(g->ram + gpa, &value, size);
}

/* ---- cases ---------------------------------------------------------------- */

/**
 * struct guest_row - a guest as data
 * @name: below the name of the table
 * @mode, @entry: where it begins
 * @end: exit that must end it; 0 for HOLM_EXIT_IO: "done"
 * @skip: reason why this CPU cannot have it, or NULL
 * @setup: changes after guest_mode()
 * @call: see struct guest
 * @check: more to be checked when the events were right
 * @events: what must happen, in this order
 */
struct guest_row {
	const char *name;
	enum guest_mode mode;
	uint64_t entry;
	uint32_t end;
	const char *(*skip)(void);
	void (*setup)(struct guest *g);
	void (*call)(struct guest *g, unsigned int n);
	void (*check)(struct guest *g);
	struct event events[40];
};

#define GUEST(n, m)	.name = #n, .mode = (m), .entry = G_##n
#define EVENTS(...)	.events = { __VA_ARGS__ }

void guest_rows(const char *table, const struct guest_row *rows, unsigned int count);

/* A test that is a function; it gets a guest and fails it. */
void guest_test(const char *name, void (*fn)(struct guest *g));
void guest_test_with(const char *name, void *priv, void (*fn)(struct guest *g));
void guest_test_mode(const char *name, enum guest_mode mode, void (*fn)(struct guest *g));
void guest_skip(const char *name, const char *reason);
/* Was the case chosen on the command line? */
bool guest_wanted(const char *name);
/* For cases that print their own result. */
void guest_result(const char *name, bool ok, const char *why);

/* The test files. */
void test_modes(void);
void test_exceptions(void);
void test_io(void);
void test_cpuid_msr(void);
void test_mmio(void);
void test_fpu(void);
void test_memory(void);
void test_events(void);
void test_debug(void);
void test_timer(void);
void test_x2apic(void);
void test_state(void);
void test_pv(void);
void test_eventfd(void);
void test_smp(void);

#endif
