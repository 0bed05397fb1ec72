// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What goes into the guest: the run page's input, and states that pass the
 * checks, which an entry must then take. The CPU's refusal is an exit of its
 * own (HOLM_EXIT_FAIL_ENTRY); that an exit cannot be answered never follows
 * from a launcher's values.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include "negatives.h"

/* A guest that does not leave by itself is left to the timer. */
static unsigned int tick_us(void)
{
	return quick ? 2000 : 20000;
}

static void ticks(bool on)
{
	struct itimerval tick = {};

	if (on) {
		tick.it_interval.tv_usec = tick_us();
		tick.it_value.tv_usec = tick_us();
	}
	setitimer(ITIMER_REAL, &tick, NULL);
}

/* ---- the run page ------------------------------------------------------- */

static void test_in_flags(struct rig *r)
{
	static struct snapshot before;
	uint32_t accepted = 0;
	int bit;

	start_state(r, guest_sane);
	snapshot_take(r->vcpu, &before);
	for (bit = 5; bit < 32; bit++) {
		r->run->in_flags = 1U << bit;
		if (call(r->vcpu, HOLM_RUN, NULL) != -EINVAL || r->run->in_flags != 1U << bit)
			accepted |= 1U << bit;
	}
	if (!result(!accepted, "RUN: each unknown in_flags: EINVAL"))
		explain("not refused: 0x%x", accepted);
	r->run->in_flags = HOLM_RUN_REGS | 1U << 31;
	memset(&r->run->regs, 0xff, sizeof(r->run->regs));
	expect(call(r->vcpu, HOLM_RUN, NULL), -EINVAL, "RUN: a known and an unknown in_flag");
	r->run->in_flags = HOLM_RUN_COMPLETE;
	expect(call(r->vcpu, HOLM_RUN, NULL), -EINVAL, "RUN: COMPLETE when nothing waits");
	r->run->in_flags = HOLM_RUN_REGS | HOLM_RUN_COMPLETE;
	expect(call(r->vcpu, HOLM_RUN, NULL), -EINVAL, "RUN: REGS and COMPLETE when nothing waits");
	r->run->in_flags = HOLM_RUN_INTR_VECTOR;
	r->run->intr_vector = 0x20;
	expect(call(r->vcpu, HOLM_RUN, NULL), -EINVAL, "RUN: INTR_VECTOR when nobody asked");
	memset(&r->run->sregs, 0xff, sizeof(r->run->sregs));
	r->run->in_flags = HOLM_RUN_REGS | HOLM_RUN_SREGS;
	expect(call(r->vcpu, HOLM_RUN, NULL), -EINVAL, "RUN: SREGS of all ones");
	expect(r->run->in_flags, HOLM_RUN_REGS | HOLM_RUN_SREGS,
	       "RUN: what was refused is still asked for");
	result(snapshot_same(r->vcpu, &before), "RUN: what was refused has changed nothing");
	r->run->in_flags = 0;
	result(!run_sane(r), "RUN: the guest runs as if nothing had been asked");

	/* After its exit the launcher completes once. */
	expect(r->run->exit_reason, HOLM_EXIT_IO, "RUN: a port exit waits for its completion");
	r->run->in_flags = HOLM_RUN_COMPLETE;
	r->run->immediate_exit = 1;
	expect(call(r->vcpu, HOLM_RUN, NULL), -EINTR, "RUN: completes, and leaves at once");
	expect(r->run->exit_reason, HOLM_EXIT_INTR, "RUN: says that it was interrupted");
	r->run->in_flags = HOLM_RUN_COMPLETE;
	expect(call(r->vcpu, HOLM_RUN, NULL), -EINVAL, "RUN: COMPLETE twice");
	r->run->in_flags = 0;
	r->run->immediate_exit = 0;
}

static void test_intr_vector(struct rig *r)
{
	static const int32_t bad[] = { 256, 0x1000, INT_MAX, -2, INT_MIN };
	struct holm_inject inject = { .kind = HOLM_INJECT_EXTINT_RAISE };
	struct holm_regs regs;
	size_t i;

	start_state(r, guest_spin);
	state_get(r->vcpu, HOLM_STATE_REGS, &regs, sizeof(regs));
	regs.rflags |= 0x200;	/* IF */
	state_set(r->vcpu, HOLM_STATE_REGS, &regs, sizeof(regs));
	expect(call(r->vcpu, HOLM_INJECT, &inject), 0, "RUN: the PIC's line rises");
	expect(call(r->vcpu, HOLM_RUN, NULL), 0, "RUN: the guest leaves for it");
	expect(r->run->exit_reason, HOLM_EXIT_INTR_ACK, "RUN: asks for the vector");
	inject.kind = HOLM_INJECT_EXTINT_LOWER;
	call(r->vcpu, HOLM_INJECT, &inject);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		r->run->intr_vector = bad[i];
		r->run->in_flags = HOLM_RUN_INTR_VECTOR;
		expect(call(r->vcpu, HOLM_RUN, NULL), -EINVAL, "RUN: vector %d", bad[i]);
	}
	r->run->intr_vector = -1;
	r->run->immediate_exit = 1;
	expect(call(r->vcpu, HOLM_RUN, NULL), -EINTR, "RUN: no vector after all");
	r->run->in_flags = HOLM_RUN_INTR_VECTOR;
	r->run->intr_vector = 0x20;
	expect(call(r->vcpu, HOLM_RUN, NULL), -EINVAL, "RUN: a second answer");
	r->run->in_flags = 0;
	r->run->immediate_exit = 0;
}

/* ---- states that pass the checks ---------------------------------------- */

enum mode { MODE_REAL, MODE_PROT, MODE_LONG, MODES };

static const char *const mode_names[MODES] = { "real", "protected", "long" };

static void mode_sregs(struct rig *r, enum mode mode, struct holm_sregs *sregs)
{
	if (mode == MODE_REAL) {
		state_get(r->vcpu, HOLM_STATE_SREGS, sregs, sizeof(*sregs));
		return;
	}
	long_mode_sregs(r, sregs);
	if (mode == MODE_LONG)
		return;
	sregs->seg[HOLM_SEG_CS].attrib = 0xc09b;
	sregs->cr0 = 0x31;
	sregs->cr4 = 0;
	sregs->efer = 0;
}

/* Memory where every byte of code leaves: OUT 0xe6, AL. */
static void fill_out(struct rig *r)
{
	memset(r->mem, 0xe6, MEM_SIZE);
	memcpy(r->mem + CODE_ADDR, guest_code, guest_code_end - guest_code);
}

static void restore_tables(struct rig *r)
{
	uint64_t *tables = (uint64_t *)(r->mem + TABLES_ADDR);

	memset(tables, 0, 3 * PAGE);
	tables[0] = (TABLES_ADDR + PAGE) | 3;
	tables[512] = (TABLES_ADDR + 2 * PAGE) | 3;
	tables[1024] = 0x83;
}

/* How an entry may end. */
enum outcome { LEFT, REFUSED_BY_CPU, UNANSWERED, FAILED };

static enum outcome enter(struct rig *r, long *ret)
{
	*ret = call(r->vcpu, HOLM_RUN, NULL);
	if (*ret == -EINTR)
		return LEFT;
	if (*ret)
		return FAILED;
	switch (r->run->exit_reason) {
	case HOLM_EXIT_FAIL_ENTRY:
		return REFUSED_BY_CPU;
	case HOLM_EXIT_INTERNAL_ERROR:
		/* An event can be undeliverable by the guest's own tables. */
		return r->run->internal.subcode == HOLM_INTERNAL_DELIVERY ? LEFT : UNANSWERED;
	default:
		return LEFT;
	}
}

static void explain_exit(const struct rig *r, enum outcome outcome, long ret)
{
	const struct holm_run *run = r->run;

	if (outcome == FAILED)
		explain("HOLM_RUN: %s", error_name(ret));
	else if (outcome == REFUSED_BY_CPU)
		explain("refused: reason 0x%llx detail 0x%llx",
			(unsigned long long)run->fail_entry.reason,
			(unsigned long long)run->fail_entry.detail);
	else
		explain("exit %u: subcode %u data 0x%llx 0x%llx 0x%llx", run->exit_reason,
			run->internal.subcode, (unsigned long long)run->internal.data[0],
			(unsigned long long)run->internal.data[1],
			(unsigned long long)run->internal.data[2]);
}

/* Registers are not checked against the mode: the CPU may refuse them. */
static const struct {
	const char *what;
	uint64_t rip, rflags;
} regs_rows[] = {
	{ "RIP of 5 GiB", 0x140000000, 2 },
	{ "RIP not canonical", 0x800000000000, 2 },
	{ "RIP of all ones", -1ULL, 2 },
	{ "RFLAGS.VM", CODE_ADDR, 0x20002 },
	{ "RFLAGS of all ones", CODE_ADDR, -1ULL },
	{ "RFLAGS of 0", CODE_ADDR, 0 },
	{ "RFLAGS.TF", CODE_ADDR, 0x102 },
	{ "RFLAGS.RF and NT", CODE_ADDR, 0x14002 },
};

static void test_regs(struct rig *r)
{
	enum mode mode;
	size_t i;

	for (mode = 0; mode < MODES; mode++) {
		for (i = 0; i < ARRAY_SIZE(regs_rows); i++) {
			enum outcome outcome;
			long ret;

			start_state(r, guest_sane);
			restore_tables(r);
			mode_sregs(r, mode, &r->run->sregs);
			memset(&r->run->regs, 0, sizeof(r->run->regs));
			r->run->regs.rip = regs_rows[i].rip;
			r->run->regs.rflags = regs_rows[i].rflags;
			r->run->in_flags = HOLM_RUN_REGS | HOLM_RUN_SREGS;
			outcome = enter(r, &ret);
			if (!result(outcome == LEFT || outcome == REFUSED_BY_CPU,
				    "entry: %s mode, %s", mode_names[mode], regs_rows[i].what))
				explain_exit(r, outcome, ret);
		}
	}
}

/* Events that pass the check are delivered, or wait. */
static void test_event(struct rig *r, enum mode mode, const struct holm_events *events,
		       uint64_t rflags, const char *what, unsigned int vector)
{
	struct holm_regs regs = { .rip = CODE_ADDR, .rflags = rflags };
	struct holm_sregs sregs;
	enum outcome outcome;
	long ret;

	start_state(r, guest_sane);
	restore_tables(r);
	regs.gpr[HOLM_RSP] = 0x6000;
	mode_sregs(r, mode, &sregs);
	ret = state_set(r->vcpu, HOLM_STATE_SREGS, &sregs, sizeof(sregs));
	if (!ret)
		ret = state_set(r->vcpu, HOLM_STATE_REGS, &regs, sizeof(regs));
	if (!ret)
		ret = state_set(r->vcpu, HOLM_STATE_EVENTS, events, sizeof(*events));
	outcome = ret ? FAILED : enter(r, &ret);
	if (!result(outcome == LEFT, "entry: %s mode, %s %u", mode_names[mode], what, vector))
		explain_exit(r, outcome, ret);
}

#define NONE	((struct holm_event) { .type = HOLM_EVENT_NONE })

static bool has_error_code(unsigned int vector)
{
	return 1U << vector & (1U << 8 | 0x1fU << 10 | 1U << 17 | 1U << 21);
}

static void test_exceptions(struct rig *r, enum mode mode)
{
	unsigned int vector;

	for (vector = 0; vector < 22; vector++) {
		struct holm_events events = {
			.exception = { .type = HOLM_EVENT_EXCEPTION, .vector = vector },
			.interrupted = NONE,
		};

		/* NMI is none; 9, 15, 20 and up are no exceptions of every CPU. */
		if (vector == 2 || vector == 9 || vector == 15 || vector >= 20)
			continue;
		test_event(r, mode, &events, 2, "exception without error code", vector);
		if (!has_error_code(vector))
			continue;
		events.exception.flags = HOLM_EVENT_HAS_ERROR_CODE;
		events.exception.error_code = 0xffff;
		test_event(r, mode, &events, 2, "exception with error code", vector);
	}
}

static void test_interrupted(struct rig *r, enum mode mode)
{
	static const uint32_t shadows[] = {
		0, HOLM_EVENTS_SHADOW_STI, HOLM_EVENTS_SHADOW_MOVSS, HOLM_EVENTS_NMI_MASKED,
		HOLM_EVENTS_NMI_PENDING, HOLM_EVENTS_NMI_PENDING | HOLM_EVENTS_NMI_MASKED,
		HOLM_EVENTS_EXTINT | HOLM_EVENTS_SHADOW_STI,
		HOLM_EVENTS_NMI_PENDING | HOLM_EVENTS_SHADOW_MOVSS,
	};
	static const struct holm_event list[] = {
		{ .type = HOLM_EVENT_NONE },
		{ .type = HOLM_EVENT_INTERRUPT, .vector = 0x40 },
		{ .type = HOLM_EVENT_INTERRUPT, .vector = 0 },
		{ .type = HOLM_EVENT_INTERRUPT, .vector = 255 },
		{ .type = HOLM_EVENT_NMI, .vector = 2 },
		{ .type = HOLM_EVENT_SOFT_INTERRUPT, .vector = 0x80, .insn_len = 2 },
		{ .type = HOLM_EVENT_SOFT_INTERRUPT, .vector = 0, .insn_len = 15 },
		{ .type = HOLM_EVENT_SOFT_EXCEPTION, .vector = 3, .insn_len = 1 },
		{ .type = HOLM_EVENT_PRIV_SOFT_EXCEPTION, .vector = 1, .insn_len = 1 },
	};
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(shadows); i++) {
		for (j = 0; j < ARRAY_SIZE(list); j++) {
			struct holm_events events = {
				.exception = NONE,
				.interrupted = list[j],
				.flags = shadows[i],
			};
			char what[64];

			snprintf(what, sizeof(what), "flags 0x%x with type %u of vector",
				 shadows[i], list[j].type);
			test_event(r, mode, &events, 0x2, what, list[j].vector);
			if (quick)
				continue;
			strcat(what, " and IF,");
			test_event(r, mode, &events, 0x202, what, list[j].vector);
			/* An exception on top. */
			events.exception = (struct holm_event) {
				.type = HOLM_EVENT_EXCEPTION, .vector = 6,
			};
			strcat(what, " #UD,");
			test_event(r, mode, &events, 0x102, what, list[j].vector);
		}
	}
}

/* ---- random system registers -------------------------------------------- */

static const uint64_t interesting[] = {
	0, 1, 2, 3, 7, 8, 0xb, 0xf, 0x10, 0x20, 0x28, 0x82, 0x8b, 0x93, 0x9b, 0xf3, 0xfb, 0x93,
	0x1000, TABLES_ADDR, 0xffff, 0x10000, 0xfffff, 0x100000, 0xa09b, 0xc093, 0xc09b, 0xe09b,
	0x7fffffff, 0x80000000, 0x80000011, 0xffffffff, 0x100000000, 0x7fffffffffff,
	0x800000000000, 0xffff800000000000, 1ULL << 52, 1ULL << 63, -1ULL, 0x500, 0x100, 0x400,
};

static void mutate(struct holm_sregs *sregs, uint64_t *random)
{
	unsigned int n = 1 + random_below(random, 4);

	while (n--) {
		uint64_t v = interesting[random_below(random, ARRAY_SIZE(interesting))];
		struct holm_segment *seg = &sregs->seg[random_below(random, 8)];

		switch (random_below(random, 13)) {
		case 0:
			sregs->cr0 ^= 1ULL << random_below(random, 32);
			break;
		case 1:
			sregs->cr4 ^= 1ULL << random_below(random, 24);
			break;
		case 2:
			sregs->efer ^= 1ULL << random_below(random, 16);
			break;
		case 3:
			sregs->cr3 = v;
			break;
		case 4:
			sregs->cr8 = v & 0x1f;
			break;
		case 5:
			seg->base = v;
			break;
		case 6:
			seg->limit = v;
			break;
		case 7:
		case 8:
			seg->attrib ^= 1U << random_below(random, 17);
			break;
		case 9:
			seg->attrib = v;
			break;
		case 10:
			seg->selector = v;
			break;
		case 11:
			sregs->gdt.base = v;
			sregs->idt.base = interesting[random_below(random, ARRAY_SIZE(interesting))];
			break;
		default:
			sregs->gdt.limit = v;
			sregs->idt.limit = random_next(random);
			break;
		}
	}
}

/*
 * Bochs refuses a CS whose RPL is not its DPL. No CPU does (SDM Vol. 3, "Checks
 * on Guest Segment Registers"), and in real mode there are such.
 */
static void tame_cs(struct holm_segment *cs)
{
	cs->selector = (cs->selector & ~3) |
		       (cs->attrib & HOLM_SEG_DPL) >> HOLM_SEG_DPL_SHIFT;
}

/* Segments that are those of virtual-8086 mode want RFLAGS.VM. */
static bool is_v86(const struct holm_sregs *sregs)
{
	return sregs->seg[HOLM_SEG_CS].attrib == 0xf3;
}

static void explain_sregs(const struct holm_sregs *s)
{
	int i;

	explain("cr0 %llx cr3 %llx cr4 %llx efer %llx gdt %llx idt %llx",
		(unsigned long long)s->cr0, (unsigned long long)s->cr3,
		(unsigned long long)s->cr4, (unsigned long long)s->efer,
		(unsigned long long)s->gdt.base, (unsigned long long)s->idt.base);
	for (i = 0; i < 8; i++)
		explain("segment %d: %04x base %llx limit %x attrib %x", i, s->seg[i].selector,
			(unsigned long long)s->seg[i].base, s->seg[i].limit, s->seg[i].attrib);
}

static void test_random_sregs(struct rig *r)
{
	unsigned int n = quick ? 400 : 1500, i, accepted = 0, refused = 0, shown = 0;
	unsigned int changed = 0, wrong = 0;
	uint64_t random = seed;

	for (i = 0; i < n; i++) {
		struct holm_sregs old, sregs, now;
		struct holm_regs regs = { .rip = CODE_ADDR, .rflags = 2 };
		enum outcome outcome;
		long ret;

		start_state(r, guest_sane);
		if (!(i % 64))
			fill_out(r);	/* what the guests have written over */
		restore_tables(r);
		state_get(r->vcpu, HOLM_STATE_SREGS, &old, sizeof(old));
		mode_sregs(r, random_below(&random, MODES), &sregs);
		mutate(&sregs, &random);
		tame_cs(&sregs.seg[HOLM_SEG_CS]);
		ret = state_set(r->vcpu, HOLM_STATE_SREGS, &sregs, sizeof(sregs));
		if (ret) {
			refused++;
			state_get(r->vcpu, HOLM_STATE_SREGS, &now, sizeof(now));
			changed += ret != -EINVAL || memcmp(&old, &now, sizeof(old));
			continue;
		}
		accepted++;
		if (is_v86(&sregs))
			continue;
		state_set(r->vcpu, HOLM_STATE_REGS, &regs, sizeof(regs));
		outcome = enter(r, &ret);
		if (outcome == LEFT)
			continue;
		wrong++;
		if (shown++ < 3) {
			explain("number %u:", i);
			explain_exit(r, outcome, ret);
			explain_sregs(&sregs);
		}
	}
	result(!wrong, "entry: the CPU takes all random system registers that pass the checks");
	result(!changed, "entry: random system registers that are refused change nothing");
	result(accepted > n / 20 && refused > n / 20,
	       "entry: of random system registers some pass and some do not");
	explain("%u passed, %u refused", accepted, refused);
}

void test_entries(void)
{
	enum mode mode;
	struct rig r;

	if (!result(!rig_open(&r), "entry: a vCPU"))
		return;
	test_in_flags(&r);
	test_intr_vector(&r);
	ticks(true);
	test_regs(&r);
	for (mode = 0; mode < MODES; mode++) {
		test_exceptions(&r, mode);
		test_interrupted(&r, mode);
	}
	if (tcg)
		skip("QEMU loses its host in states that no CPU cares about",
		     "entry: random system registers");
	else
		test_random_sregs(&r);
	ticks(false);
	rig_close(&r);
}
