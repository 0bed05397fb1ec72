// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU that waits: it polls for a while before it sleeps, because waking a
 * thread takes longer than many a guest's wait. How long follows what the
 * guest's waits have been (Documentation/virt/kvm/halt-polling.rst in the
 * kernel's sources describes the same for KVM).
 */
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/sched/stat.h>

#include "holm.h"

/* The first window, and the shortest but none. */
#define HALT_WINDOW_MIN_NS	10000U

static unsigned int halt_poll_ns = 200000;
module_param(halt_poll_ns, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns, "Most nanoseconds that a halted vCPU of a new VM polls before it sleeps, 0: none (default 200000)");

u32 holm_halt_poll_default(void)
{
	return min_t(u32, READ_ONCE(halt_poll_ns), HOLM_HALT_POLL_NS_MAX);
}

u32 holm_halt_window(u32 window, u32 max, u64 halted)
{
	if (window > max)
		return max;
	if (halted <= window)
		return window;			/* polling caught it */
	if (halted > max) {
		window /= 2;			/* no polling could have */
		return window < HALT_WINDOW_MIN_NS ? 0 : window;
	}
	if (!window)
		window = HALT_WINDOW_MIN_NS;
	else
		window = window > max / 2 ? max : window * 2;
	return min(window, max);
}

/* The CPU has nothing better to do. */
static bool may_poll(u64 now, u64 end)
{
	return now < end && !need_resched() && single_task_running();
}

/* Return: true when what it waits for came. */
static bool poll(struct holm_vcpu *vcpu, u64 start, bool (*done)(struct holm_vcpu *vcpu))
{
	u64 end = start + vcpu->halt_window;

	while (may_poll(ktime_get_ns(), end)) {
		if (done(vcpu))
			return true;
		cpu_relax();
	}
	return false;
}

static void sleep(struct holm_vcpu *vcpu, bool (*done)(struct holm_vcpu *vcpu))
{
	swait_event_interruptible_exclusive(vcpu->wait, done(vcpu));
}

/* HLT only: a start-up IPI comes once, and after a long time. */
static void poll_or_sleep(struct holm_vcpu *vcpu, u32 max, bool (*done)(struct holm_vcpu *vcpu))
{
	u64 start = ktime_get_ns();

	vcpu->halt_window = min(vcpu->halt_window, max);
	if (vcpu->halt_window) {
		if (poll(vcpu, start, done)) {
			WRITE_ONCE(vcpu->stats.halt_poll_success,
				   vcpu->stats.halt_poll_success + 1);
			return;
		}
		WRITE_ONCE(vcpu->stats.halt_poll_fail, vcpu->stats.halt_poll_fail + 1);
	}
	sleep(vcpu, done);
	vcpu->halt_window = holm_halt_window(vcpu->halt_window, max, ktime_get_ns() - start);
}

void holm_vcpu_block(struct holm_vcpu *vcpu, bool (*done)(struct holm_vcpu *vcpu))
{
	u32 max = READ_ONCE(vcpu->vm->halt_poll_ns);

	WRITE_ONCE(vcpu->stats.halts, vcpu->stats.halts + 1);
	/* What @done looks at must not have to be fetched while it sleeps. */
	holm_state_get(vcpu, HOLM_ST_RIP | HOLM_ST_SHADOW);
	if (max && vcpu->mp_state == HOLM_MP_HALTED && vcpu->pv.poll_control & HOLM_PV_POLL)
		poll_or_sleep(vcpu, max, done);
	else
		sleep(vcpu, done);
}
