// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Running a guest: its exits become events, the devices it talks to are here.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include "guest.h"
#include "run.h"

#define CASE_SECONDS	30
#define MAX_EXITS	200000

#define LAPIC_ADDR	0xfee00000
#define LAPIC_SIZE	0x1000
#define LAPIC_EOI	0xb0

#define CS_L(g)		((g)->run->sregs.seg[HOLM_SEG_CS].attrib & HOLM_SEG_L)

typedef unsigned long long ull;

/* ---- time-outs ------------------------------------------------------------ */

static volatile sig_atomic_t ticks;
static unsigned int limit = CASE_SECONDS;

static void on_alarm(int sig)
{
	(void)sig;
	ticks++;
}

void watchdog_init(void)
{
	struct sigaction action = { .sa_handler = on_alarm };

	sigaction(SIGALRM, &action, NULL);
}

void watchdog_start(void)
{
	static const struct itimerval every = { { 1, 0 }, { 1, 0 } };

	ticks = 0;
	limit = CASE_SECONDS;
	setitimer(ITIMER_REAL, &every, NULL);
}

void watchdog_stop(void)
{
	static const struct itimerval off;

	setitimer(ITIMER_REAL, &off, NULL);
}

void watchdog_limit(unsigned int seconds)
{
	limit = seconds;
}

bool watchdog_expired(void)
{
	return (unsigned int)ticks > limit;
}

/* ---- messages ------------------------------------------------------------- */

void guest_dump(struct guest *g)
{
	static const char names[][4] = {
		"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
		"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
	};
	const struct holm_run *run = g->run;
	const struct holm_sregs *s = &run->sregs;
	char text[512];
	unsigned int i, n = 0;

	for (i = 0; i < 16; i++) {
		n += snprintf(text + n, sizeof(text) - n, "%s=%llx ", names[i],
			      (ull)run->regs.gpr[i]);
		if (i == 7) {
			guest_fail(g, "  %s", text);
			n = 0;
		}
	}
	guest_fail(g, "  %s", text);
	guest_fail(g, "  rip=%llx rflags=%llx cs=%x:%llx/%x ss=%x/%x cr0=%llx cr2=%llx cr3=%llx cr4=%llx efer=%llx",
		   (ull)run->regs.rip, (ull)run->regs.rflags, s->seg[HOLM_SEG_CS].selector,
		   (ull)s->seg[HOLM_SEG_CS].base, s->seg[HOLM_SEG_CS].attrib,
		   s->seg[HOLM_SEG_SS].selector, s->seg[HOLM_SEG_SS].attrib, (ull)s->cr0,
		   (ull)s->cr2, (ull)s->cr3, (ull)s->cr4, (ull)s->efer);
}

static void describe(char *buf, size_t size, const struct event *e)
{
	switch (e->kind) {
	case EV_END:
		snprintf(buf, size, "the end");
		break;
	case EV_VALUE:
		snprintf(buf, size, "value 0x%llx", (ull)e->a);
		break;
	case EV_EXCEPTION:
		snprintf(buf, size, "exception %u error 0x%llx %s 0x%llx at 0x%llx%s", e->vector,
			 (ull)e->a, e->vector == 1 ? "dr6" : "cr2", (ull)e->b, (ull)e->rip,
			 e->any_rip ? " (fault)" : "");
		break;
	case EV_IRQ:
		snprintf(buf, size, "interrupt %u at 0x%llx", e->vector, (ull)e->rip);
		break;
	case EV_OUT:
		snprintf(buf, size, "out port 0x%llx size %u value 0x%llx", (ull)e->a, e->size,
			 (ull)e->b);
		break;
	case EV_IN:
		snprintf(buf, size, "in port 0x%llx size %u", (ull)e->a, e->size);
		break;
	case EV_MMIO_WRITE:
		snprintf(buf, size, "mmio write 0x%llx size %u value 0x%llx", (ull)e->a, e->size,
			 (ull)e->b);
		break;
	case EV_MMIO_READ:
		snprintf(buf, size, "mmio read 0x%llx size %u", (ull)e->a, e->size);
		break;
	case EV_EOI:
		snprintf(buf, size, "eoi %u", e->vector);
		break;
	case EV_CALL:
		snprintf(buf, size, "call %llu", (ull)e->a);
		break;
	case EV_TASK:
		snprintf(buf, size, "task switch to 0x%llx source %llu", (ull)e->a, (ull)e->b);
		break;
	}
}

/*
 * QEMU's VMRUN does not load the interrupt shadow: where the host happens to
 * interrupt the guest right behind STI, the next instruction is not executed first.
 */
static bool rip_matches(const struct event *want, uint64_t rip)
{
	return !want->rip || rip == want->rip || (hv.tcg && rip == want->rip - want->shadow);
}

/* @want as a row has it, @got as it was logged. */
static bool event_matches(const struct event *want, const struct event *got)
{
	if (want->kind != got->kind || want->vector != got->vector || want->a != got->a ||
	    want->size != got->size)
		return false;
	if (want->kind == EV_EXCEPTION && want->any_rip && !got->any_rip)
		return false;
	if (!rip_matches(want, got->rip))
		return false;
	/* CR2 and DR6 are compared where they mean something. */
	if (want->kind == EV_EXCEPTION && want->vector != 14 && want->vector != 1)
		return true;
	return want->b == got->b;
}

void guest_expect(struct guest *g, const struct event *events, uint32_t end)
{
	char want[128], got[128];
	unsigned int i;

	for (i = 0; !g->failed; i++) {
		struct event none = { .kind = EV_END };
		const struct event *found = i < g->nevents ? &g->events[i] : &none;

		if (events[i].kind == EV_END && i == g->nevents)
			break;
		if (events[i].kind != EV_END && event_matches(&events[i], found))
			continue;
		describe(want, sizeof(want), &events[i]);
		describe(got, sizeof(got), found);
		guest_fail(g, "event %u: %s, expected %s", i, got, want);
	}
	if (!g->failed && g->end != end)
		guest_fail(g, "ended by exit %u, expected %u", g->end, end);
	if (!g->failed)
		return;
	for (i = 0; i < g->nevents && i < 24; i++) {
		describe(got, sizeof(got), &g->events[i]);
		guest_fail(g, "  %u: %s", i, got);
	}
	guest_dump(g);
}

static struct event *log_event(struct guest *g, enum event_kind kind)
{
	static struct event spare;
	struct event *e = &spare;

	if (g->nevents < MAX_EVENTS)
		e = &g->events[g->nevents++];
	else
		guest_fail(g, "more than %u events", MAX_EVENTS);
	*e = (struct event) { .kind = kind };
	return e;
}

/* ---- memory and devices --------------------------------------------------- */

static bool in_ram(uint64_t gpa, size_t len)
{
	return gpa < RAM_SIZE && len <= RAM_SIZE - gpa;
}

static bool read_phys(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	struct guest *g = opaque;

	if (!in_ram(gpa, len))
		return false;
	memcpy(buf, g->ram + gpa, len);
	return true;
}

static bool in_writable_ram(const struct guest *g, uint64_t gpa, size_t len)
{
	return in_ram(gpa, len) && gpa + len <= g->readonly_from;
}

static bool write_phys(void *opaque, uint64_t gpa, const void *buf, size_t len)
{
	struct guest *g = opaque;

	if (!in_writable_ram(g, gpa, len))
		return false;
	memcpy(g->ram + gpa, buf, len);
	return true;
}

static bool compare_exchange(void *opaque, uint64_t gpa, unsigned int size, void *expected,
			     const void *desired)
{
	struct guest *g = opaque;
	void *p = g->ram + gpa;

	if (!in_writable_ram(g, gpa, size))
		return false;
	if (memcmp(p, expected, size)) {
		memcpy(expected, p, size);
		return false;
	}
	memcpy(p, desired, size);
	return true;
}

static uint64_t lapic_read(struct guest *g, uint32_t offset)
{
	uint32_t value = 0;
	int ret = holm_vcpu_lapic_access(&g->vcpu, offset, false, &value);

	if (ret < -1)
		guest_fail(g, "LAPIC read 0x%x: %s", offset, strerror(-1 - ret));
	return value;
}

static void lapic_write(struct guest *g, uint32_t offset, uint32_t value)
{
	int ret = holm_vcpu_lapic_access(&g->vcpu, offset, true, &value);

	if (ret < -1)
		guest_fail(g, "LAPIC write 0x%x: %s", offset, strerror(-1 - ret));
	if (ret >= 0)
		log_event(g, EV_EOI)->vector = ret;
}

static uint64_t mmio_read(void *opaque, uint64_t gpa, unsigned int size)
{
	struct guest *g = opaque;
	uint64_t offset = gpa - MMIO_ADDR, value = 0;
	struct event *e;

	if (gpa - LAPIC_ADDR < LAPIC_SIZE)
		return lapic_read(g, gpa - LAPIC_ADDR);
	if (offset > MMIO_SIZE - size) {
		guest_fail(g, "read of %u bytes at 0x%llx, where nothing is", size, (ull)gpa);
		return ~0ULL;
	}
	memcpy(&value, g->device + offset, size);
	if (!g->quiet_mmio) {
		e = log_event(g, EV_MMIO_READ);
		e->a = offset;
		e->size = size;
	}
	return value;
}

static void mmio_write(void *opaque, uint64_t gpa, unsigned int size, uint64_t value)
{
	struct guest *g = opaque;
	uint64_t offset = gpa - MMIO_ADDR;
	struct event *e;

	if (gpa - LAPIC_ADDR < LAPIC_SIZE) {
		lapic_write(g, gpa - LAPIC_ADDR, value);
		return;
	}
	if (g->ioeventfds && holm_ioeventfds_write(g->ioeventfds, false, gpa, size, value))
		return;
	if (offset > MMIO_SIZE - size && !(gpa < RAM_SIZE)) {
		guest_fail(g, "write of %u bytes at 0x%llx, where nothing is", size, (ull)gpa);
		return;
	}
	if (gpa >= MMIO_ADDR)
		memcpy(g->device + offset, &value, size);
	if (g->quiet_mmio)
		return;
	/* Writes to read-only slots appear with their own address. */
	e = log_event(g, EV_MMIO_WRITE);
	e->a = gpa >= MMIO_ADDR ? offset : gpa;
	e->b = size == 8 ? value : value & (BIT(8 * size) - 1);
	e->size = size;
}

/* Each read differs. */
static uint64_t port_read(void *opaque, uint16_t port, unsigned int size)
{
	struct guest *g = opaque;
	struct event *e = log_event(g, EV_IN);
	uint32_t value = 0xa5c3e187 + 0x01010101 * g->reads++;

	e->a = port;
	e->size = size;
	return size == 4 ? value : value & (BIT(8 * size) - 1);
}

static void port_write(void *opaque, uint16_t port, unsigned int size, uint64_t value)
{
	struct guest *g = opaque;
	struct event *e = log_event(g, EV_OUT);

	e->a = port;
	e->size = size;
	e->b = value & (BIT(8 * size) - 1);
}

static const struct holm_emul_ops emul_ops = {
	.read_phys = read_phys,
	.write_phys = write_phys,
	.mmio_read = mmio_read,
	.mmio_write = mmio_write,
	.pio_read = port_read,
	.pio_write = port_write,
	.compare_exchange = compare_exchange,
};

static void emulate(struct guest *g)
{
	int ret = holm_emulate(&g->vcpu, &emul_ops, g);
	char text[96];

	if (ret == HOLM_EMUL_DONE || ret == HOLM_EMUL_EXCEPTION)
		return;
	if (ret < 0) {
		guest_fail(g, "holm_emulate: %s", strerror(-ret));
		return;
	}
	if (g->exit && g->exit(g))
		return;
	holm_emul_disassemble(&g->vcpu, &emul_ops, g, text, sizeof(text));
	guest_fail(g, "not emulated: %s", text);
	guest_dump(g);
}

/* ---- the vectors' frames -------------------------------------------------- */

/*
 * In the image: pairs of the address of an instruction that faults and of
 * where the guest goes on.
 */
static uint64_t find_fixup(struct guest *g, uint64_t rip)
{
	uint64_t at, fault;

	for (at = G_fixups_start; at < G_fixups_end; at += 16) {
		fault = guest_read(g, at, 8);
		if (fault && fault == rip)
			return guest_read(g, at + 8, 8);
	}
	return 0;
}

static void log_exception(struct guest *g, uint8_t vector, uint64_t error, uint64_t rip,
			  uint64_t fixup)
{
	struct event *e = log_event(g, vector < 32 ? EV_EXCEPTION : EV_IRQ);
	struct holm_debugregs dregs;

	e->vector = vector;
	e->a = error;
	e->rip = rip;
	e->any_rip = fixup;
	if (vector == 14)
		e->b = g->run->sregs.cr2;
	if (vector == 1) {
		guest_get(g, HOLM_STATE_DEBUGREGS, &dregs, sizeof(dregs));
		e->b = dregs.dr6 & 0xe00f;	/* BT BS BD B3..B0 */
		if (g->dr6_clear) {
			dregs.dr6 = 0xffff0ff0;
			guest_set(g, HOLM_STATE_DEBUGREGS, &dregs, sizeof(dregs));
		}
	}
}

/* Vectors after which the guest goes on at the return address. */
static bool is_trap(uint8_t vector)
{
	return vector >= 32 || (vector >= 1 && vector <= 4);
}

static void exception(struct guest *g)
{
	unsigned int size = CS_L(g) ? 8 : g->run->sregs.cr0 & CR0_PE ? 4 : 2;
	uint64_t sp = g->run->regs.gpr[HOLM_RSP], at, rip, cs, error = 0, fixup;
	uint8_t vector;

	if (!CS_L(g)) {
		if (!(g->run->sregs.seg[HOLM_SEG_SS].attrib & HOLM_SEG_DB))
			sp &= 0xffff;
		sp += g->run->sregs.seg[HOLM_SEG_SS].base;
	}
	/* All page tables map the stacks to themselves. */
	if (!in_ram(sp, 10 * size)) {
		guest_fail(g, "exception frame at 0x%llx is not in memory", (ull)sp);
		return;
	}
	at = sp;
	vector = guest_read(g, at, size);
	if (size > 2) {
		at += size;
		error = guest_read(g, at, size);
	}
	at += size;
	rip = guest_read(g, at, size);
	cs = guest_read(g, at + size, size) & 0xffff;
	/* Segment bases are 0 but for real and virtual-8086 mode. */
	if (size == 2 || (size == 4 && guest_read(g, at + 8, 4) & RFLAGS_VM))
		rip += cs << 4;

	/* The return address of these is the next instruction, which did not fault. */
	fixup = vector >= 32 || vector == 3 || vector == 4 ? 0 : find_fixup(g, rip);
	if (vector == 14 && rip == g->run->sregs.cr2) {
		/* A fetch: what was to be executed does not fault by itself. */
		log_exception(g, vector, error, rip, 0);
		guest_write(g, at, guest_read(g, G_fetch_resume, 8), size);
		return;
	}
	log_exception(g, vector, error, rip, fixup);
	if (fixup) {
		if (size == 2)
			fixup -= cs << 4;
		guest_write(g, at, fixup, size);
	} else if (!is_trap(vector)) {
		/* Ends the guest; the list of events tells whether it may. */
		g->end = HOLM_EXIT_IO;
		g->stopped = true;
	}
}

/* ---- exits ---------------------------------------------------------------- */

void guest_complete(struct guest *g, uint64_t next_rip)
{
	g->run->next_rip = next_rip;
	g->run->in_flags |= HOLM_RUN_REGS | HOLM_RUN_COMPLETE;
}

static void put_al(struct guest *g, unsigned int size, uint64_t value)
{
	__u64 *rax = &g->run->regs.gpr[HOLM_RAX];

	if (size == 4)
		*rax = (uint32_t)value;
	else
		*rax = (*rax & ~(BIT(8 * size) - 1)) | value;
}

static void exit_io(struct guest *g)
{
	struct holm_run *run = g->run;
	struct holm_exit_io io = run->io;

	if (io.flags & HOLM_IO_STRING) {
		emulate(g);
		return;
	}
	if (!(run->out_flags & HOLM_OUT_NEXT_RIP)) {
		guest_fail(g, "port exit without next_rip");
		return;
	}
	if ((io.port & ~3) == PORT_DATA || (io.port & ~3) == PORT_FAR) {
		if (io.flags & HOLM_IO_IN)
			put_al(g, io.size, port_read(g, io.port, io.size));
		else
			port_write(g, io.port, io.size, io.data);
		guest_complete(g, run->next_rip);
		return;
	}
	guest_complete(g, run->next_rip);
	if (io.flags & HOLM_IO_IN || io.size != 1) {
		guest_fail(g, "access to port 0x%x, where nothing is", io.port);
		return;
	}
	switch (io.port) {
	case PORT_DONE:
		g->end = HOLM_EXIT_IO;
		g->stopped = true;
		break;
	case PORT_EXCEPTION:
		exception(g);
		break;
	case PORT_YIELD:
		sched_yield();
		break;
	case PORT_CALL:
		log_event(g, EV_CALL)->a = io.data;
		if (g->call)
			g->call(g, io.data);
		break;
	case PORT_REPORT:
		log_event(g, EV_VALUE)->a = (uint32_t)run->regs.gpr[HOLM_RAX];
		break;
	case PORT_REPORTQ:
		log_event(g, EV_VALUE)->a = run->regs.gpr[HOLM_RAX];
		break;
	default:
		guest_fail(g, "access to port 0x%x, where nothing is", io.port);
	}
}

static void exit_intr_ack(struct guest *g)
{
	if (g->extint < 0) {
		guest_fail(g, "the PIC is asked for a vector and has none");
		return;
	}
	g->run->intr_vector = g->extint;
	g->run->in_flags |= HOLM_RUN_INTR_VECTOR;
	guest_inject(g, HOLM_INJECT_EXTINT_LOWER, 0);
	g->extint = -1;
}

static void exit_end(struct guest *g)
{
	const struct holm_run *run = g->run;
	unsigned int i;

	g->end = run->exit_reason;
	g->stopped = true;
	switch (run->exit_reason) {
	case HOLM_EXIT_FAIL_ENTRY:
		guest_fail(g, "the CPU refused to enter: reason 0x%llx detail 0x%llx",
			   (ull)run->fail_entry.reason, (ull)run->fail_entry.detail);
		guest_dump(g);
		break;
	case HOLM_EXIT_INTERNAL_ERROR:
		guest_fail(g, "internal error %u", run->internal.subcode);
		for (i = 0; i < run->internal.ndata; i++)
			guest_fail(g, "  0x%llx", (ull)run->internal.data[i]);
		guest_dump(g);
		break;
	}
}

static void one_exit(struct guest *g)
{
	struct holm_run *run = g->run;
	struct event *e;

	if (g->first && g->first(g))
		return;
	switch (run->exit_reason) {
	case HOLM_EXIT_IO:
		exit_io(g);
		break;
	case HOLM_EXIT_MMIO:
	case HOLM_EXIT_EMULATE:
		emulate(g);
		break;
	case HOLM_EXIT_INTR_ACK:
		exit_intr_ack(g);
		break;
	case HOLM_EXIT_EOI:
		log_event(g, EV_EOI)->vector = run->eoi.vector;
		break;
	case HOLM_EXIT_TASK_SWITCH:
		e = log_event(g, EV_TASK);
		e->a = run->task_switch.selector;
		e->b = run->task_switch.source;
		if (!g->exit || !g->exit(g))
			exit_end(g);
		break;
	default:
		if (!g->exit || !g->exit(g))
			exit_end(g);
		break;
	}
}

bool guest_step(struct guest *g)
{
	int err = holm_vcpu_run(&g->vcpu);

	if (err == -EINTR) {
		if (watchdog_expired()) {
			guest_fail(g, "no end after %u seconds", limit);
			guest_dump(g);
		} else if (g->interrupted) {
			g->interrupted(g);
		}
	} else if (err) {
		guest_fail(g, "HOLM_RUN: %s", strerror(-err));
		guest_dump(g);
	} else {
		one_exit(g);
	}
	return !g->failed && !g->stopped;
}

void guest_run(struct guest *g)
{
	unsigned int exits;

	g->stopped = false;
	for (exits = 0; exits < MAX_EXITS; exits++)
		if (!guest_step(g))
			return;
	guest_fail(g, "still running after %u exits", MAX_EXITS);
	guest_dump(g);
}
