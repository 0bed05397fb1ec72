// SPDX-License-Identifier: GPL-2.0-only
/*
 * HOLM_RUN: the run page in, the loop around the guest, the run page out.
 *
 *	holm_run()		may sleep: signals, halts, memory faults
 *	  run_atomic()		preemption off, guest xstate and MSRs loaded
 *	    backend->run()	IRQs off: in the guest, once or several times
 */
#define pr_fmt(fmt) "holm: " fmt

#include <linux/sched/signal.h>
#include <asm/fpu/api.h>

#include "backend.h"
#include "enter.h"
#include "holm.h"
#include "stats.h"
#include "trace.h"
#include "x86/x86.h"

#define RUN_FLAGS (HOLM_RUN_REGS | HOLM_RUN_SREGS | HOLM_RUN_COMPLETE | \
		   HOLM_RUN_EXCEPTION | HOLM_RUN_INTR_VECTOR)

/* CF PF AF ZF SF TF IF DF OF IOPL NT RF VM AC VIF VIP ID */
#define RFLAGS_VALID	0x3f7fd5ULL
#define RFLAGS_FIXED	0x2ULL

/* ---- run page in ---------------------------------------------------------- */

/* What the run page asks for, read once. */
struct run_input {
	u32 flags;
	s32 intr_vector;
	struct holm_event exception;
};

static int run_check(const struct holm_vcpu *vcpu, const struct run_input *in)
{
	if (in->flags & ~RUN_FLAGS)
		return -EINVAL;
	if (in->flags & HOLM_RUN_COMPLETE && !vcpu->completable)
		return -EINVAL;
	if (in->flags & HOLM_RUN_EXCEPTION &&
	    (in->exception.type != HOLM_EVENT_EXCEPTION || !holm_exception_valid(&in->exception)))
		return -EINVAL;
	if (in->flags & HOLM_RUN_INTR_VECTOR &&
	    (!vcpu->intr_ack || in->intr_vector < -1 || in->intr_vector > 255))
		return -EINVAL;
	return 0;
}

static int take_sregs(struct holm_vcpu *vcpu)
{
	struct holm_sregs sregs = vcpu->run->sregs;

	barrier();	/* one read: check and use the same values */
	return holm_sregs_apply(vcpu, &sregs);
}

static void take_regs(struct holm_vcpu *vcpu)
{
	memcpy(&vcpu->regs, &vcpu->run->regs, sizeof(vcpu->regs));
	barrier();
	vcpu->regs.rflags = (vcpu->regs.rflags & RFLAGS_VALID) | RFLAGS_FIXED;
	holm_state_dirty(vcpu, HOLM_ST_RIP);
}

static void take_exception(struct holm_vcpu *vcpu, const struct holm_event *e)
{
	if (e->vector == 14)
		holm_raise_pf(vcpu, e->payload, e->error_code);
	else if (e->vector == 1)
		holm_raise_db(vcpu, e->payload);
	else if (e->flags & HOLM_EVENT_HAS_ERROR_CODE)
		holm_raise_exception_err(vcpu, e->vector, e->error_code);
	else
		holm_raise_exception(vcpu, e->vector);
}

static void take_intr_vector(struct holm_vcpu *vcpu, s32 vector)
{
	if (vector < 0)
		return;		/* the PIC changed its mind */
	/* Acknowledged: from here on it is delivered before all else. */
	vcpu->interrupted = (struct holm_event) {
		.type = HOLM_EVENT_INTERRUPT,
		.vector = vector,
	};
}

/* All of what the run page asks for, or -EINVAL with nothing changed. */
static int run_take(struct holm_vcpu *vcpu)
{
	struct holm_run *run = vcpu->run;
	struct run_input in = { .flags = READ_ONCE(run->in_flags) };
	int err;

	if (!in.flags)
		return 0;
	if (in.flags & HOLM_RUN_INTR_VECTOR)
		in.intr_vector = READ_ONCE(run->intr_vector);
	if (in.flags & HOLM_RUN_EXCEPTION)
		in.exception = run->exception;
	barrier();	/* one read: check and use the same values */
	err = run_check(vcpu, &in);
	if (err)
		return err;

	if (in.flags & HOLM_RUN_SREGS) {	/* the last that can fail */
		err = take_sregs(vcpu);
		if (err)
			return err;
	}
	if (in.flags & HOLM_RUN_REGS)
		take_regs(vcpu);
	if (in.flags & HOLM_RUN_COMPLETE) {
		vcpu->next_rip = READ_ONCE(run->next_rip);
		holm_skip_insn(vcpu);
		if (unlikely(vcpu->exit_breakpoints))
			holm_raise_db(vcpu, vcpu->exit_breakpoints);
	}
	if (in.flags & HOLM_RUN_EXCEPTION)
		take_exception(vcpu, &in.exception);
	if (in.flags & HOLM_RUN_INTR_VECTOR)
		take_intr_vector(vcpu, in.intr_vector);
	WRITE_ONCE(run->in_flags, 0);
	return 0;
}

/* ---- run page out --------------------------------------------------------- */

/* Exits that need a decoder, or end the guest. */
#define SREGS_EXITS	(BIT(HOLM_EXIT_MMIO) | BIT(HOLM_EXIT_EMULATE) | \
			 BIT(HOLM_EXIT_TASK_SWITCH) | BIT(HOLM_EXIT_SHUTDOWN) | \
			 BIT(HOLM_EXIT_MEMORY_FAULT) | BIT(HOLM_EXIT_FAIL_ENTRY) | \
			 BIT(HOLM_EXIT_INTERNAL_ERROR))

static __always_inline bool exit_wants_sregs(const struct holm_vcpu *vcpu)
{
	return BIT(vcpu->exit_reason) & SREGS_EXITS ||
	       (vcpu->exit_reason == HOLM_EXIT_IO && vcpu->exit_string_io) ||
	       READ_ONCE(vcpu->run->want) & HOLM_WANT_SREGS;
}

static u32 give_parts(const struct holm_vcpu *vcpu)
{
	u32 parts = HOLM_ST_RIP;

	if (exit_wants_sregs(vcpu))
		parts |= HOLM_ST_SEG | HOLM_ST_DT | HOLM_ST_CR;
	return parts;
}

/* Exits that end a guest, or come close to it; of SREGS_EXITS. */
#define FAULT_EXITS	(BIT(HOLM_EXIT_SHUTDOWN) | BIT(HOLM_EXIT_FAIL_ENTRY) | \
			 BIT(HOLM_EXIT_INTERNAL_ERROR) | BIT(HOLM_EXIT_MEMORY_FAULT))

static void run_fault(struct holm_vcpu *vcpu)
{
	enum holm_vm_event event;

	switch (vcpu->exit_reason) {
	case HOLM_EXIT_SHUTDOWN:
		event = HOLM_VM_EVENT_SHUTDOWN;
		break;
	case HOLM_EXIT_FAIL_ENTRY:
		event = HOLM_VM_EVENT_ENTRY_FAILED;
		break;
	case HOLM_EXIT_INTERNAL_ERROR:
		event = HOLM_VM_EVENT_INTERNAL_ERROR;
		break;
	default:
		event = HOLM_VM_EVENT_MEMORY_FAULT;
	}
	holm_vm_announce(&vcpu->vm->node, event, vcpu, vcpu->exit_detail);
	if (event != HOLM_VM_EVENT_MEMORY_FAULT)
		holm_vm_announce(&vcpu->vm->node, HOLM_VM_EVENT_CRASHED, vcpu, event);
}

static void run_give(struct holm_vcpu *vcpu)
{
	struct holm_run *run = vcpu->run;
	u32 parts = give_parts(vcpu), out = HOLM_OUT_REGS;

	holm_state_get(vcpu, parts);
	run->regs = vcpu->regs;
	if (parts & HOLM_ST_SEG) {
		vcpu->sregs.cr8 = holm_lapic_get_cr8(vcpu);
		run->sregs = vcpu->sregs;
		out |= HOLM_OUT_SREGS;
		/* Here, where a plain exit does not come by. */
		if (unlikely(BIT(vcpu->exit_reason) & FAULT_EXITS))
			run_fault(vcpu);
	}
	if (vcpu->completable && vcpu->next_rip) {
		run->next_rip = vcpu->next_rip;
		out |= HOLM_OUT_NEXT_RIP;
	}
	run->out_flags = out;
	run->exit_reason = vcpu->exit_reason;
}

/* ---- paravirtualization ---------------------------------------------------- */

/* It is paused; or anything for holm_pv_update(), or for it to look at. */
static bool something_due(const struct holm_vcpu *vcpu)
{
	return READ_ONCE(vcpu->requests) & (BIT(HOLM_REQ_PV) | BIT(HOLM_REQ_PAUSE)) ||
	       vcpu->pv.system_time & KVM_MSR_ENABLED || vcpu->pv.async.retry;
}

/* On the CPU that it is going to run on: is it the one that its time is from? */
static void pv_loaded(struct holm_vcpu *vcpu)
{
	if (vcpu->pv.system_time & KVM_MSR_ENABLED &&
	    unlikely(vcpu->pv.clock_cpu >= 0 && vcpu->pv.clock_cpu != vcpu->cpu))
		set_bit(HOLM_REQ_PV, &vcpu->requests);
}

/* To the launcher, who may look at the LAPIC. */
static void pv_leave(struct holm_vcpu *vcpu)
{
	if (unlikely(vcpu->pv.eoi_offered))
		holm_pv_eoi_end(vcpu);
}

/* ---- the loop ------------------------------------------------------------- */

/* INIT or a start-up IPI arrived; may sleep. */
static int slow_smp(struct holm_vcpu *vcpu)
{
	int reason = holm_smp_events(vcpu);

	if (!reason)
		return HOLM_NEXT_ENTER;
	vcpu->exit_reason = reason;
	return HOLM_NEXT_USER;
}

static int slow_model(struct holm_vcpu *vcpu)
{
	holm_backend->model_changed(vcpu);
	return HOLM_NEXT_ENTER;
}

/* IRQs off, about to enter. */
static enum holm_next run_requests(struct holm_vcpu *vcpu)
{
	if (likely(!READ_ONCE(vcpu->requests)))
		return HOLM_NEXT_ENTER;

	holm_stats_follow(vcpu);
	if (test_and_clear_bit(HOLM_REQ_TLB_FLUSH, &vcpu->requests)) {
		WRITE_ONCE(vcpu->stats.tlb_flushes, vcpu->stats.tlb_flushes + 1);
		holm_backend->flush_tlb(vcpu);
	}
	clear_bit(HOLM_REQ_EVENT, &vcpu->requests);
	if (test_and_clear_bit(HOLM_REQ_INIT, &vcpu->requests)) {
		vcpu->slow = slow_smp;
		return HOLM_NEXT_SLOW;
	}
	if (test_and_clear_bit(HOLM_REQ_MODEL, &vcpu->requests)) {
		vcpu->slow = slow_model;
		return HOLM_NEXT_SLOW;
	}
	if (unlikely(READ_ONCE(vcpu->requests) & (BIT(HOLM_REQ_PV) | BIT(HOLM_REQ_PAUSE)))) {
		vcpu->slow = NULL;	/* the way to the next entry does it */
		return HOLM_NEXT_SLOW;
	}
	return HOLM_NEXT_ENTER;
}

static noinline void run_counted(struct holm_vcpu *vcpu)
{
	holm_stats_entry(vcpu);
	holm_backend->run(vcpu);
	holm_stats_exit(vcpu, holm_backend->exit_reason(vcpu));
}

/* IRQs off: enter the guest. HOLM_NEXT_ENTER: there is an exit to handle. */
static enum holm_next run_once(struct holm_vcpu *vcpu)
{
	enum holm_next next;
	int reason;

	/* Pairs with holm_vcpu_request() and holm_vm_flush_tlb(). */
	smp_store_mb(vcpu->mode, HOLM_IN_GUEST);

	/* Virtualization goes off under a loaded vCPU when the machine goes down. */
	if (unlikely(holm_must_leave(vcpu, _TIF_NEED_RESCHED) || holm_softirq_waits() ||
		     !__this_cpu_read(holm_cpu_on))) {
		vcpu->slow = NULL;
		return HOLM_NEXT_SLOW;
	}
	next = run_requests(vcpu);
	if (unlikely(next != HOLM_NEXT_ENTER))
		return next;

	/* Most entries have nothing to deliver: no call for that. */
	if (unlikely(!holm_nothing_waits(vcpu) || vcpu->windows)) {
		reason = holm_inject_events(vcpu);
		if (unlikely(reason)) {
			vcpu->exit_reason = reason;
			vcpu->intr_ack = reason == HOLM_EXIT_INTR_ACK;
			return HOLM_NEXT_USER;
		}
	}

	trace_holm_entry(vcpu);
	WRITE_ONCE(vcpu->stats.exits, vcpu->stats.exits + 1);
	/*
	 * A timer tick that ends the guest's time slice is the guest's time.
	 * Others read the flags, nobody else writes them.
	 */
	data_race(current->flags |= PF_VCPU);
	if (unlikely(vcpu->counted))
		run_counted(vcpu);
	else
		holm_backend->run(vcpu);
	return HOLM_NEXT_ENTER;
}

/* An enum holm_next, or -errno of holm_vcpu_load(). */
static int run_atomic(struct holm_vcpu *vcpu)
{
	enum holm_next next;
	int err;

	err = holm_vcpu_load(vcpu);
	if (err)
		return err;
	pv_loaded(vcpu);
	kernel_fpu_begin();
	holm_xstate_load(vcpu);
	do {
		local_irq_disable();
		next = run_once(vcpu);
		/* Orders the guest's accesses before, for holm_vm_flush_tlb(). */
		smp_store_release(&vcpu->mode, HOLM_OUTSIDE_GUEST);
		local_irq_enable();
		data_race(current->flags &= ~PF_VCPU);
		if (unlikely(vcpu->pv.eoi_offered))
			holm_pv_eoi_exit(vcpu);
		if (likely(next == HOLM_NEXT_ENTER))
			next = holm_backend->handle_exit(vcpu);
	} while (next == HOLM_NEXT_ENTER);
	holm_xstate_save(vcpu);
	kernel_fpu_end();
	if (next == HOLM_NEXT_USER)
		holm_state_get(vcpu, give_parts(vcpu));
	/* It may be taken from the CPU as soon as preemption is on. */
	else if (next == HOLM_NEXT_SLOW && !vcpu->slow && need_resched())
		holm_pv_preempted(vcpu);
	holm_vcpu_put(vcpu);
	return next;
}

static __always_inline void stats_state(struct holm_vcpu *vcpu, enum holm_stats_state state)
{
	if (unlikely(vcpu->counted))
		holm_stats_state(vcpu, state);
}

static bool pause_done(struct holm_vcpu *vcpu)
{
	return !test_bit(HOLM_REQ_PAUSE, &vcpu->requests) || holm_must_leave(vcpu, 0);
}

static void run_paused(struct holm_vcpu *vcpu)
{
	stats_state(vcpu, HOLM_STATS_HALTED);
	swait_event_interruptible_exclusive(vcpu->wait, pause_done(vcpu));
	stats_state(vcpu, HOLM_STATS_KERNEL);
}

static bool block_done(struct holm_vcpu *vcpu)
{
	/* These are due before the next entry, not now: they would not let it sleep. */
	return READ_ONCE(vcpu->requests) & ~HOLM_REQS_AT_ENTRY ||
	       holm_has_wake_event(vcpu) || holm_must_leave(vcpu, 0);
}

/* HLT, or waiting for SIPI. */
static int run_block(struct holm_vcpu *vcpu)
{
	if (vcpu->mp_state == HOLM_MP_HALTED)
		holm_pv_preempted(vcpu);
	stats_state(vcpu, HOLM_STATS_HALTED);
	holm_vcpu_block(vcpu, block_done);
	stats_state(vcpu, HOLM_STATS_KERNEL);
	clear_bit(HOLM_REQ_EVENT, &vcpu->requests);
	if (vcpu->mp_state == HOLM_MP_HALTED &&
	    (holm_pv_unhalt(vcpu) || holm_has_wake_event(vcpu)))
		vcpu->mp_state = HOLM_MP_RUNNABLE;
	if (test_and_clear_bit(HOLM_REQ_INIT, &vcpu->requests))
		return slow_smp(vcpu);
	return HOLM_NEXT_ENTER;
}

/* The first HOLM_RUN of a vCPU. */
static void run_first(struct holm_vcpu *vcpu)
{
	struct holm_vm_node *node = &vcpu->vm->node;

	vcpu->state = HOLM_OBJ_RUN;
	if (!xchg(&node->started, true))
		holm_vm_announce(node, HOLM_VM_EVENT_STARTED, vcpu, 0);
}

int holm_run(struct holm_vcpu *vcpu)
{
	int next;

	if (!vcpu->cpuid)
		return -EINVAL;		/* not configured */
	if (vcpu->shutdown)
		return -EIO;		/* reset it first */
	next = run_take(vcpu);		/* an exception may shut it down */
	if (next)
		return next;

	if (unlikely(vcpu->state != HOLM_OBJ_RUN))
		run_first(vcpu);
	vcpu->intr_ack = false;
	holm_vcpu_set_thread(vcpu);
	if (vcpu->cpu != raw_smp_processor_id())
		holm_lapic_timer_migrate(vcpu);

	do {
		if (holm_must_leave(vcpu, 0)) {
			vcpu->exit_reason = HOLM_EXIT_INTR;
			vcpu->completable = false;
			pv_leave(vcpu);
			run_give(vcpu);
			stats_state(vcpu, HOLM_STATS_USER);
			return -EINTR;
		}
		if (something_due(vcpu)) {
			if (unlikely(test_bit(HOLM_REQ_PAUSE, &vcpu->requests))) {
				run_paused(vcpu);
				next = HOLM_NEXT_ENTER;
				continue;
			}
			holm_pv_update(vcpu);
		}
		if (vcpu->mp_state != HOLM_MP_RUNNABLE) {
			next = run_block(vcpu);
			cond_resched();
			continue;
		}
		if (vcpu->pv.steal_time & KVM_MSR_ENABLED)
			holm_pv_enter_steal(vcpu);
		vcpu->completable = false;
		next = run_atomic(vcpu);
		if (next == HOLM_NEXT_SLOW) {
			next = vcpu->slow ? vcpu->slow(vcpu) : HOLM_NEXT_ENTER;
			cond_resched();
		}
		if (next < 0)
			return next;
	} while (next != HOLM_NEXT_USER);

	WRITE_ONCE(vcpu->stats.exits_user, vcpu->stats.exits_user + 1);
	pv_leave(vcpu);
	run_give(vcpu);
	return 0;
}
