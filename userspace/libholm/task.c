// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Hardware task switches: SDM vol. 3, chapter 8 "Task Management". No CPU does
 * them for a guest.
 *
 * The CPU checked the privileges of the instruction or gate before the exit
 * (SDM vol. 3, 26.4.2 "Treatment of Task Switches"; APM vol. 2, 15.14.1); the
 * TSS descriptor is checked again here, because memory may have changed.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "emul.h"

#define SEL_RPL		0x3
#define SEL_TI		0x4

#define TYPE_MASK	0xf
#define TYPE_TSS16	1
#define TYPE_TSS32	9
#define TYPE_BUSY	2
#define RAW_BUSY	(1ULL << 41)

#define TSS32_MIN_LIMIT	0x67
#define TSS16_MIN_LIMIT	0x2b
#define TSS_TRAP	0x1

#define RFLAGS_FIXED	(1ULL << 1)
#define DR6_BT		(1ULL << 15)
#define DR7_LOCAL	0x155ULL	/* L0..L3, LE */

/* SDM vol. 3, figures 8-2 and 8-10. Upper halves of selectors are reserved. */
struct tss32 {
	uint32_t link, esp0, ss0, esp1, ss1, esp2, ss2, cr3;
	uint32_t eip, eflags, gpr[8];
	uint32_t seg[6];		/* ES CS SS DS FS GS, as HOLM_SEG_* */
	uint32_t ldt;
	uint16_t trap, iopb;
};

struct tss16 {
	uint16_t link, sp0, ss0, sp1, ss1, sp2, ss2;
	uint16_t ip, flags, gpr[8];
	uint16_t seg[4];
	uint16_t ldt;
};

_Static_assert(sizeof(struct tss32) == TSS32_MIN_LIMIT + 1, "32-bit TSS");
_Static_assert(sizeof(struct tss16) == TSS16_MIN_LIMIT + 1, "16-bit TSS");

/* What both formats hold. */
struct task {
	uint32_t cr3, eip, eflags, gpr[8];
	uint16_t seg[6], ldt;
	bool is32, trap;
};

/**
 * struct tss - a TSS of the switch
 * @seg: as TR has it
 * @raw: descriptor
 * @desc: linear address of the descriptor
 */
struct tss {
	struct holm_segment seg;
	uint64_t raw, desc;
};

static bool is_32bit(const struct holm_segment *tr)
{
	return tr->attrib & 0x8;
}

static enum emul_step raise_sel(struct emul *e, uint8_t vector, uint16_t selector, bool ext)
{
	return emul_raise_err(e, vector, (selector & ~SEL_RPL) | ext);
}

/* ---- the new TSS's descriptor ---------------------------------------------- */

/* SDM vol. 3, table 8-1, the rows of the TSS. */
static enum emul_step check_tss(struct emul *e, uint16_t selector, uint8_t source, bool ext,
				struct tss *t)
{
	bool iret = source == HOLM_TASK_SWITCH_IRET;
	uint8_t bad = iret ? VEC_TS : VEC_GP;
	enum emul_step step;
	unsigned int type;

	if (selector & SEL_TI || !(selector & ~SEL_RPL))
		return raise_sel(e, bad, selector, ext);
	step = emul_read_descriptor(e, selector, bad, ext, &t->raw, &t->desc);
	if (step)
		return step;
	t->seg = emul_descriptor_segment(selector & ~SEL_RPL, t->raw);
	type = t->seg.attrib & TYPE_MASK;
	if (t->seg.attrib & HOLM_SEG_S ||
	    ((type & ~TYPE_BUSY) != TYPE_TSS16 && (type & ~TYPE_BUSY) != TYPE_TSS32))
		return raise_sel(e, bad, selector, ext);
	if (!!(type & TYPE_BUSY) != iret)
		return raise_sel(e, bad, selector, ext);
	if (!(t->seg.attrib & HOLM_SEG_P))
		return raise_sel(e, VEC_NP, selector, ext);
	if (t->seg.limit < (is_32bit(&t->seg) ? TSS32_MIN_LIMIT : TSS16_MIN_LIMIT))
		return raise_sel(e, VEC_TS, selector, ext);
	return EMUL_OK;
}

/* The type byte of a TSS descriptor in memory, with or without the busy bit. */
static enum emul_step set_busy(struct emul *e, const struct tss *t, bool busy)
{
	uint8_t access = (busy ? t->raw | RAW_BUSY : t->raw & ~RAW_BUSY) >> 40;

	return emul_system_write(e, t->desc + 5, &access, 1);
}

/* ---- the TSSs themselves --------------------------------------------------- */

static unsigned int tss_size(const struct holm_segment *tr)
{
	return is_32bit(tr) ? sizeof(struct tss32) : sizeof(struct tss16);
}

/* Selectors of the outgoing task; EIP, EFLAGS and registers are in the arguments. */
static enum emul_step save_task(struct emul *e, uint64_t eip, uint64_t eflags)
{
	const struct holm_segment *tr = &e->sregs.seg[HOLM_SEG_TR];
	struct tss32 t32;
	struct tss16 t16;
	unsigned int i;

	if (is_32bit(tr)) {
		memset(&t32, 0, sizeof(t32));
		t32.eip = eip;
		t32.eflags = eflags;
		for (i = 0; i < 8; i++)
			t32.gpr[i] = e->regs.gpr[i];
		for (i = 0; i < 6; i++)
			t32.seg[i] = e->sregs.seg[i].selector;
		/* From EIP to GS: the rest is never written (8.2.1). */
		return emul_system_write(e, tr->base + offsetof(struct tss32, eip), &t32.eip,
					 offsetof(struct tss32, ldt) -
					 offsetof(struct tss32, eip));
	}
	memset(&t16, 0, sizeof(t16));
	t16.ip = eip;
	t16.flags = eflags;
	for (i = 0; i < 8; i++)
		t16.gpr[i] = e->regs.gpr[i];
	for (i = 0; i < 4; i++)
		t16.seg[i] = e->sregs.seg[i].selector;
	return emul_system_write(e, tr->base + offsetof(struct tss16, ip), &t16.ip,
				 offsetof(struct tss16, ldt) - offsetof(struct tss16, ip));
}

static void from_tss32(const struct tss32 *t, struct task *task)
{
	unsigned int i;

	task->is32 = true;
	task->cr3 = t->cr3;
	task->eip = t->eip;
	task->eflags = t->eflags;
	memcpy(task->gpr, t->gpr, sizeof(task->gpr));
	for (i = 0; i < 6; i++)
		task->seg[i] = t->seg[i];
	task->ldt = t->ldt;
	task->trap = t->trap & TSS_TRAP;
}

/* FS and GS have no place in it: they become null (8.6). */
static void from_tss16(const struct tss16 *t, struct task *task)
{
	unsigned int i;

	task->eip = t->ip;
	task->eflags = t->flags;
	for (i = 0; i < 8; i++)
		task->gpr[i] = t->gpr[i];
	for (i = 0; i < 4; i++)
		task->seg[i] = t->seg[i];
	task->ldt = t->ldt;
}

static enum emul_step read_task(struct emul *e, const struct holm_segment *tr, struct task *task)
{
	enum emul_step step;
	struct tss32 t32;
	struct tss16 t16;

	memset(task, 0, sizeof(*task));
	if (is_32bit(tr)) {
		step = emul_system_read(e, tr->base, &t32, sizeof(t32));
		if (!step)
			from_tss32(&t32, task);
	} else {
		step = emul_system_read(e, tr->base, &t16, sizeof(t16));
		if (!step)
			from_tss16(&t16, task);
	}
	return step;
}

/* ---- the outgoing half ----------------------------------------------------- */

/* Everything that may still fault in the old task, before anything changes. */
static enum emul_step check_access(struct emul *e, const struct tss *old, const struct tss *new)
{
	const struct holm_segment *tr = &e->sregs.seg[HOLM_SEG_TR];
	enum emul_step step;

	if (tr->limit < (is_32bit(tr) ? TSS32_MIN_LIMIT : TSS16_MIN_LIMIT))
		return raise_sel(e, VEC_TS, tr->selector, false);
	step = emul_system_check(e, tr->base, tss_size(tr), true);
	if (!step)
		step = emul_system_check(e, new->seg.base, tss_size(&new->seg), true);
	if (!step)
		step = emul_system_check(e, old->desc + 5, 1, true);
	if (!step)
		step = emul_system_check(e, new->desc + 5, 1, true);
	return step;
}

static bool loads_cr3(const struct emul *e, const struct task *task)
{
	return task->is32 && e->sregs.cr0 & CR0_PG;
}

/* Does the driver take the new CR3? Asked while #GP can still be raised. */
static enum emul_step check_cr3(struct emul *e, const struct task *task)
{
	struct holm_sregs old = e->sregs, s = e->sregs;
	enum emul_step step;

	if (!loads_cr3(e, task) || task->cr3 == old.cr3)
		return EMUL_OK;
	s.cr3 = task->cr3;
	step = emul_set_sregs(e, &s);
	return step ? step : emul_set_sregs(e, &old);
}

static enum emul_step leave_task(struct emul *e, uint8_t source, const struct tss *old,
				 const struct tss *new, uint64_t eip)
{
	bool nests = source == HOLM_TASK_SWITCH_CALL || source == HOLM_TASK_SWITCH_GATE;
	uint64_t eflags = e->regs.rflags;
	uint16_t link = e->sregs.seg[HOLM_SEG_TR].selector;
	enum emul_step step = EMUL_OK;

	if (source == HOLM_TASK_SWITCH_IRET)
		eflags &= ~RFLAGS_NT;
	if (!nests)
		step = set_busy(e, old, false);
	if (!step)
		step = save_task(e, eip, eflags);
	if (!step && nests)
		step = emul_system_write(e, new->seg.base, &link, sizeof(link));
	if (!step && source != HOLM_TASK_SWITCH_IRET)
		step = set_busy(e, new, true);
	return step;
}

/* ---- the incoming half ----------------------------------------------------- */

/* Segments of the new task before their descriptors are loaded: selectors only. */
static void set_selectors(struct emul *e, const struct task *task)
{
	unsigned int dpl = e->cpl << HOLM_SEG_DPL_SHIFT, i;

	for (i = 0; i < 6; i++)
		e->sregs.seg[i] = (struct holm_segment) {
			.selector = task->seg[i],
			.attrib = HOLM_SEG_UNUSABLE | (i == HOLM_SEG_SS ? dpl : 0),
		};
	/* A CPU always has a CS: one that only serves to deliver the fault. */
	e->sregs.seg[HOLM_SEG_CS].limit = 0xffffffff;
	e->sregs.seg[HOLM_SEG_CS].attrib = HOLM_SEG_P | HOLM_SEG_S | HOLM_SEG_DB | HOLM_SEG_G |
					   dpl | 0xb;
	e->sregs.seg[HOLM_SEG_LDTR] = (struct holm_segment) {
		.selector = task->ldt,
		.attrib = HOLM_SEG_UNUSABLE,
	};
}

static void enter_registers(struct emul *e, const struct task *task, bool nests,
			    const struct tss *new)
{
	unsigned int i;

	for (i = 0; i < 8; i++)
		e->regs.gpr[i] = task->gpr[i];
	e->regs.rip = task->eip;
	e->regs.rflags = task->eflags | RFLAGS_FIXED;
	if (nests)
		e->regs.rflags |= RFLAGS_NT;
	if (loads_cr3(e, task))
		e->sregs.cr3 = task->cr3;
	e->sregs.cr0 |= CR0_TS;
	e->sregs.seg[HOLM_SEG_TR] = new->seg;
	e->sregs.seg[HOLM_SEG_TR].attrib |= TYPE_BUSY;
	e->bits = 32;
	e->cpl = e->regs.rflags & RFLAGS_VM ? 3 : task->seg[HOLM_SEG_CS] & SEL_RPL;
	set_selectors(e, task);
}

/* SDM vol. 3, table 8-1, the rows after the state was loaded. */
static enum emul_step enter_segments(struct emul *e, const struct task *task, bool ext)
{
	static const int order[] = {
		HOLM_SEG_CS, HOLM_SEG_SS, HOLM_SEG_DS, HOLM_SEG_ES, HOLM_SEG_FS, HOLM_SEG_GS,
	};
	enum emul_step step;
	unsigned int i;

	/* The LDT first: the other selectors may refer to it. */
	step = emul_load_ldtr(e, task->ldt, LOAD_TASK, ext);
	/* Virtual-8086 segments cannot fail. */
	for (i = 0; !step && i < sizeof(order) / sizeof(order[0]); i++)
		step = emul_load_segment(e, order[i], task->seg[order[i]], LOAD_TASK, ext);
	if (step && e->regs.rflags & RFLAGS_VM)
		for (i = 0; i < sizeof(order) / sizeof(order[0]); i++)
			emul_load_real_segment(e, order[i], task->seg[order[i]]);
	if (!step && task->eip > e->sregs.seg[HOLM_SEG_CS].limit)
		step = emul_raise_err(e, VEC_GP, ext);
	return step;
}

/* The error code of the exception that the task gate handles (8.3, 6.14.3.2). */
static enum emul_step push_error_code(struct emul *e, bool is32, uint32_t error_code)
{
	const struct holm_segment *ss = &e->sregs.seg[HOLM_SEG_SS];
	unsigned int size = is32 ? 4 : 2;
	uint64_t mask = ss->attrib & HOLM_SEG_DB ? 0xffffffff : 0xffff;
	uint64_t sp = (e->regs.gpr[HOLM_RSP] - size) & mask, linear;
	enum emul_step step;

	step = emul_linear(e, HOLM_SEG_SS, sp, size, true, &linear);
	if (!step)
		step = emul_write(e, linear, &error_code, size);
	if (!step)
		e->regs.gpr[HOLM_RSP] = (e->regs.gpr[HOLM_RSP] & ~mask) | sp;
	return step;
}

/* ---- around it ------------------------------------------------------------- */

static enum emul_step state_result(struct emul *e, int err)
{
	if (!err)
		return EMUL_OK;
	e->state_err = err;
	return EMUL_ERROR;
}

/* Breakpoints of one task only: SDM vol. 3, 17.2.4. */
static enum emul_step clear_local_breakpoints(struct emul *e)
{
	struct holm_debugregs d;
	uint32_t size = sizeof(d);
	int err = e->state->get(e->vcpu, HOLM_STATE_DEBUGREGS, &d, &size);

	if (!err && d.dr7 & DR7_LOCAL) {
		d.dr7 &= ~DR7_LOCAL;
		err = e->state->set(e->vcpu, HOLM_STATE_DEBUGREGS, &d, sizeof(d));
	}
	return state_result(e, err);
}

/* IRET ends the blocking of NMIs, also when it switches tasks (6.7.1). */
static enum emul_step unmask_nmi(struct emul *e)
{
	struct holm_events ev;
	uint32_t size = sizeof(ev);
	int err = e->state->get(e->vcpu, HOLM_STATE_EVENTS, &ev, &size);

	if (!err && ev.flags & HOLM_EVENTS_NMI_MASKED) {
		ev.flags &= ~HOLM_EVENTS_NMI_MASKED;
		err = e->state->set(e->vcpu, HOLM_STATE_EVENTS, &ev, sizeof(ev));
	}
	return state_result(e, err);
}

/*
 * Where the old task continues. The driver knows it for events (then an
 * exception or an interrupt, whose error codes have EXT set, when it is RIP
 * itself); an instruction is decoded.
 */
static enum emul_step return_address(struct emul *e, uint64_t *eip, bool *ext)
{
	const struct holm_run *run = e->vcpu->run;
	enum emul_step step;

	*ext = false;
	if (run->out_flags & HOLM_OUT_NEXT_RIP) {
		*eip = run->next_rip;
		*ext = run->task_switch.source == HOLM_TASK_SWITCH_GATE && *eip == e->regs.rip;
		return EMUL_OK;
	}
	step = emul_decode(e);
	*eip = e->next_rip;
	return step;
}

/* Up to the point where a fault is one of the old task. */
static enum emul_step switch_out(struct emul *e, struct task *task, struct tss *new, bool *ext)
{
	const struct holm_exit_task_switch *ts = &e->vcpu->run->task_switch;
	const struct holm_segment *tr = &e->sregs.seg[HOLM_SEG_TR];
	struct tss old = { .seg = *tr };
	enum emul_step step;
	uint64_t eip;

	step = return_address(e, &eip, ext);
	if (!step)
		step = check_tss(e, ts->selector, ts->source, *ext, new);
	if (!step)
		step = emul_read_descriptor(e, tr->selector, VEC_TS, *ext, &old.raw, &old.desc);
	if (!step)
		step = check_access(e, &old, new);
	if (!step)
		step = read_task(e, &new->seg, task);
	if (!step)
		step = check_cr3(e, task);
	if (!step)
		step = leave_task(e, ts->source, &old, new, eip);
	/* Again: an IRET may lead back to the task that was just saved. */
	return step ? step : read_task(e, &new->seg, task);
}

static enum emul_step switch_in(struct emul *e, const struct task *task, const struct tss *new,
				bool ext)
{
	const struct holm_exit_task_switch *ts = &e->vcpu->run->task_switch;
	enum emul_step step, committed;
	struct holm_event fault;

	enter_registers(e, task, ts->source == HOLM_TASK_SWITCH_CALL ||
			ts->source == HOLM_TASK_SWITCH_GATE, new);
	step = enter_segments(e, task, ext);
	if (!step && ts->has_error_code)
		step = push_error_code(e, task->is32, ts->error_code);
	if (!step && task->trap) {
		/* The debug-trap flag of the TSS: SDM vol. 3, 17.3.1.5. */
		step = emul_raise(e, VEC_DB);
		e->exception.flags = HOLM_EVENT_HAS_PAYLOAD;
		e->exception.payload = DR6_BT;
	}
	fault = e->exception;
	committed = emul_set_sregs(e, &e->sregs);
	if (committed == EMUL_FAULT) {
		/* Its parts were checked: CR3 by the driver, segments by the CPU's rules. */
		e->state_err = -EINVAL;
		return EMUL_ERROR;
	}
	e->exception = fault;
	if (!committed)
		committed = clear_local_breakpoints(e);
	if (!committed && ts->source == HOLM_TASK_SWITCH_IRET)
		committed = unmask_nmi(e);
	return committed ? committed : step;
}

int emul_task_switch(const struct holm_vcpu_handle *vcpu, const struct holm_emul_ops *ops,
		     void *opaque, const struct emul_state_ops *state)
{
	struct holm_run *run = vcpu->run;
	struct emul e = {
		.vcpu = vcpu,
		.ops = ops,
		.opaque = opaque,
		.state = state,
		.regs = run->regs,
		.sregs = run->sregs,
	};
	enum emul_step step;
	struct task task;
	struct tss new;
	bool ext;

	if (e.sregs.efer & EFER_LMA || !(e.sregs.cr0 & CR0_PE))
		return HOLM_EMUL_UNHANDLED;
	emul_init_mode(&e);
	step = switch_out(&e, &task, &new, &ext);
	if (!step)
		step = switch_in(&e, &task, &new, ext);

	switch (step) {
	case EMUL_OK:
		run->regs = e.regs;
		run->in_flags = HOLM_RUN_REGS;
		return HOLM_EMUL_DONE;
	case EMUL_FAULT:
		run->regs = e.regs;
		run->exception = e.exception;
		run->in_flags = HOLM_RUN_REGS | HOLM_RUN_EXCEPTION;
		return HOLM_EMUL_EXCEPTION;
	case EMUL_ERROR:
		return e.state_err;
	default:
		return HOLM_EMUL_UNHANDLED;
	}
}

int holm_emulate_task_switch(const struct holm_vcpu_handle *vcpu,
			     const struct holm_emul_ops *ops, void *opaque)
{
	return emul_task_switch(vcpu, ops, opaque, &emul_driver_state);
}
