// SPDX-License-Identifier: GPL-2.0-only
/*
 * The LAPIC timer: one-shot, periodic and TSC-deadline (SDM Vol. 3, "APIC
 * Timer"), on an hrtimer that fires in hard interrupt context on the CPU that
 * the vCPU runs on, so that its interrupt is the exit as well.
 *
 * The timer's input clock is 1 GHz, whatever the host's is: a count of 1 with
 * divide by 1 is one nanosecond.
 */
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <asm/msr.h>
#include <asm/tsc.h>

#include "holm.h"
#include "lapic_regs.h"

/*
 * A guest's shortest period. A periodic timer costs the host an interrupt
 * each time without the guest doing anything for it; one-shot and deadline
 * timers are only as fast as the guest arms them.
 */
#define TIMER_MIN_PERIOD_NS	200000ULL

/* Deadlines further away than 2^40 ms (34 years) are taken as that. */
#define TIMER_MAX_MS		BIT_ULL(40)

#define TIMER_HR_MODE		HRTIMER_MODE_ABS_PINNED_HARD

/* ---- arithmetic ----------------------------------------------------------- */

/**
 * holm_timer_divide() - "Divide Configuration Register"
 * @tdcr: the register: bits 0, 1 and 3 count
 *
 * Return: 1, 2, 4, ... 128.
 */
u32 holm_timer_divide(u32 tdcr)
{
	u32 code = (tdcr & 3) | (tdcr & 8) >> 1;

	return 1U << ((code + 1) & 7);
}

/**
 * holm_timer_period() - how long a count lasts
 * @tmict: initial count
 * @divide: 1..128
 * @periodic: it repeats, and is therefore not shorter than 200 us
 *
 * Return: nanoseconds.
 */
u64 holm_timer_period(u32 tmict, u32 divide, bool periodic)
{
	u64 period = (u64)tmict * divide;

	if (periodic && period < TIMER_MIN_PERIOD_NS)
		period = TIMER_MIN_PERIOD_NS;
	return period;
}

/**
 * holm_timer_next() - first end of a period after @now
 * @target: an end of a period
 * @period: its length, not 0
 * @now: the time
 *
 * Periods that were missed are skipped; the later ones stay where they would
 * have been, so that the rate does not drift.
 */
u64 holm_timer_next(u64 target, u64 period, u64 now)
{
	if (target > now)
		return target;
	return target + (div64_u64(now - target, period) + 1) * period;
}

/**
 * holm_timer_remaining() - until the count ends
 * @target: when it ends, or ended
 * @period: length of a period
 * @now: the time
 * @periodic: it starts again at its end
 */
u64 holm_timer_remaining(u64 target, u64 period, u64 now, bool periodic)
{
	if (target > now)
		return target - now;
	return periodic ? holm_timer_next(target, period, now) - now : 0;
}

/**
 * holm_timer_count() - the current count register
 * @remaining: nanoseconds until the count ends
 * @divide: 1..128
 * @tmict: initial count, which it never exceeds
 */
u32 holm_timer_count(u64 remaining, u32 divide, u32 tmict)
{
	return min_t(u64, DIV_ROUND_UP_ULL(remaining, divide), tmict);
}

/**
 * holm_tsc_to_ns() - TSC ticks to nanoseconds, rounded up
 * @ticks: any number; a result above 2^40 ms is that
 * @khz: the counter's frequency, kHz
 */
u64 holm_tsc_to_ns(u64 ticks, u32 khz)
{
	u64 ms;
	u32 rest;

	if (!khz)
		return 0;
	ms = div_u64_rem(ticks, khz, &rest);
	if (ms >= TIMER_MAX_MS)
		return TIMER_MAX_MS * NSEC_PER_MSEC;
	return ms * NSEC_PER_MSEC + DIV_ROUND_UP_ULL((u64)rest * NSEC_PER_MSEC, khz);
}

/* ---- the hrtimer ---------------------------------------------------------- */

static bool is_deadline(u32 lvt)
{
	return lvt & APIC_LVT_TIMER_TSCDEADLINE;
}

static bool is_periodic(u32 lvt)
{
	return lvt & APIC_LVT_TIMER_PERIODIC;
}

/*
 * What is left until the deadline by this CPU's TSC, ticks; 0 when that says nothing:
 * the timer was armed by another CPU's, which is not the same.
 */
static s64 deadline_left(const struct holm_lapic_timer *timer)
{
	if (timer->cpu != smp_processor_id() && !holm_tsc_trusted())
		return 0;
	/* As it was when the timer was armed: nobody changes it meanwhile. */
	return timer->due - (holm_tsc_scale(rdtsc(), timer->tsc_ratio) + timer->tsc_offset);
}

static enum hrtimer_restart fire_deadline(struct holm_lapic_state *lapic)
{
	struct holm_lapic_timer *timer = &lapic->timer;
	s64 left = deadline_left(timer);

	/* CLOCK_MONOTONIC is slewed, the TSC is not: not yet. */
	if (left > 0) {
		hrtimer_set_expires(&timer->hr,
				    ktime_add_ns(ktime_get(), holm_tsc_to_ns(left, timer->tsc_khz)));
		return HRTIMER_RESTART;
	}
	WRITE_ONCE(timer->deadline, 0);
	holm_lapic_lvt_deliver(lapic, HOLM_LVT_TIMER);
	return HRTIMER_NORESTART;
}

static enum hrtimer_restart timer_fn(struct hrtimer *hr)
{
	struct holm_lapic_state *lapic = container_of(hr, struct holm_lapic_state, timer.hr);
	struct holm_lapic_timer *timer = &lapic->timer;
	u32 lvt = READ_ONCE(lapic->lvt[HOLM_LVT_TIMER]);

	if (is_deadline(lvt))
		return fire_deadline(lapic);

	holm_lapic_lvt_deliver(lapic, HOLM_LVT_TIMER);
	if (!is_periodic(lvt)) {
		WRITE_ONCE(timer->running, false);
		return HRTIMER_NORESTART;
	}
	WRITE_ONCE(timer->target, holm_timer_next(timer->target, timer->period, ktime_get_ns()));
	/* While it is masked nobody needs the interrupt: unmasking queues it again. */
	if (lvt & APIC_LVT_MASKED)
		return HRTIMER_NORESTART;
	hrtimer_set_expires(hr, ns_to_ktime(timer->target));
	return HRTIMER_RESTART;
}

static void queue(struct holm_lapic_timer *timer)
{
	hrtimer_start(&timer->hr, ns_to_ktime(timer->target), TIMER_HR_MODE);
}

void holm_timer_create(struct holm_lapic_state *lapic)
{
	hrtimer_setup(&lapic->timer.hr, timer_fn, CLOCK_MONOTONIC, TIMER_HR_MODE);
}

void holm_timer_stop(struct holm_lapic_state *lapic)
{
	struct holm_lapic_timer *timer = &lapic->timer;

	hrtimer_cancel(&timer->hr);
	timer->running = false;
	timer->deadline = 0;
}

/**
 * holm_lapic_timer_migrate() - the timer follows the vCPU's thread
 * @vcpu: the vCPU, its lock held; on the CPU that it is going to run on
 */
void holm_lapic_timer_migrate(struct holm_vcpu *vcpu)
{
	struct hrtimer *hr = &vcpu->lapic->timer.hr;

	if (hrtimer_active(hr) && hrtimer_cancel(hr))
		hrtimer_start_expires(hr, TIMER_HR_MODE);
}

bool holm_timer_freeze(struct holm_lapic_state *lapic)
{
	return hrtimer_cancel(&lapic->timer.hr);
}

void holm_timer_thaw(struct holm_lapic_state *lapic, bool was_queued)
{
	if (was_queued)
		hrtimer_start_expires(&lapic->timer.hr, TIMER_HR_MODE);
}

/* ---- one-shot and periodic ------------------------------------------------ */

/* Begin a count that ends in @left ns; the hrtimer is not queued. */
static void start_count(struct holm_lapic_state *lapic, u64 left)
{
	struct holm_lapic_timer *timer = &lapic->timer;
	bool periodic = is_periodic(lapic->lvt[HOLM_LVT_TIMER]);

	timer->period = holm_timer_period(lapic->tmict, holm_timer_divide(lapic->tdcr), periodic);
	timer->target = ktime_get_ns() + left;
	timer->running = true;
	queue(timer);
}

/* Write of the initial count: starts the timer anew, or stops it with 0. */
void holm_timer_set_count(struct holm_lapic_state *lapic, u32 tmict)
{
	u32 lvt = lapic->lvt[HOLM_LVT_TIMER];

	/* "TSC-Deadline Mode": writes of the initial count are ignored. */
	if (is_deadline(lvt))
		return;
	holm_timer_stop(lapic);
	lapic->tmict = tmict;
	if (tmict)
		start_count(lapic, holm_timer_period(tmict, holm_timer_divide(lapic->tdcr),
						     is_periodic(lvt)));
}

u64 holm_timer_left(struct holm_lapic_state *lapic)
{
	struct holm_lapic_timer *timer = &lapic->timer;
	u64 left;

	if (!READ_ONCE(timer->running))
		return 0;
	left = holm_timer_remaining(READ_ONCE(timer->target), timer->period, ktime_get_ns(),
				    is_periodic(lapic->lvt[HOLM_LVT_TIMER]));
	return left ?: 1;	/* about to fire */
}

u32 holm_timer_current_count(struct holm_lapic_state *lapic)
{
	if (is_deadline(lapic->lvt[HOLM_LVT_TIMER]))
		return 0;
	return holm_timer_count(holm_timer_left(lapic), holm_timer_divide(lapic->tdcr),
				lapic->tmict);
}

/* Write of the divide configuration: the count goes on from where it is. */
void holm_timer_set_divide(struct holm_lapic_state *lapic, u32 tdcr)
{
	struct holm_lapic_timer *timer = &lapic->timer;
	u32 count;

	hrtimer_cancel(&timer->hr);
	count = holm_timer_current_count(lapic);
	lapic->tdcr = tdcr;
	if (is_deadline(lapic->lvt[HOLM_LVT_TIMER]))
		holm_lapic_tsc_changed(lapic->vcpu);
	else if (timer->running)
		start_count(lapic, holm_timer_period(count, holm_timer_divide(tdcr), false));
}

/**
 * holm_timer_set_lvt() - write of LVT timer
 * @lapic: the LAPIC
 * @value: the register, checked
 *
 * A change to or from TSC-deadline mode disarms the timer; between one-shot
 * and periodic the count goes on.
 */
void holm_timer_set_lvt(struct holm_lapic_state *lapic, u32 value)
{
	struct holm_lapic_timer *timer = &lapic->timer;
	u32 old = lapic->lvt[HOLM_LVT_TIMER];

	if (is_deadline(old ^ value)) {
		holm_timer_stop(lapic);
		lapic->tmict = 0;
	}
	if (is_deadline(value) || !READ_ONCE(timer->running)) {
		WRITE_ONCE(lapic->lvt[HOLM_LVT_TIMER], value);
		return;
	}
	if (!((old ^ value) & (APIC_LVT_MASKED | APIC_LVT_TIMER_PERIODIC))) {
		WRITE_ONCE(lapic->lvt[HOLM_LVT_TIMER], value);
		return;
	}

	hrtimer_cancel(&timer->hr);
	WRITE_ONCE(lapic->lvt[HOLM_LVT_TIMER], value);
	/* Periods that ended while it was masked are gone. */
	if (is_periodic(old) && old & APIC_LVT_MASKED)
		timer->target = holm_timer_next(timer->target, timer->period, ktime_get_ns());
	timer->period = holm_timer_period(lapic->tmict, holm_timer_divide(lapic->tdcr),
					  is_periodic(value));
	/* The callback may have ended a one-shot count in the meantime. */
	if (timer->running)
		queue(timer);
}

/* ---- TSC-deadline --------------------------------------------------------- */

static void arm_deadline(struct holm_lapic_state *lapic)
{
	struct holm_lapic_timer *timer = &lapic->timer;
	struct holm_vcpu *vcpu = lapic->vcpu;
	u64 guest_tsc, delta;

	if (!timer->deadline)
		return;
	timer->cpu = get_cpu();
	guest_tsc = holm_tsc_guest(vcpu, rdtsc());
	put_cpu();
	if (timer->deadline <= guest_tsc) {
		timer->deadline = 0;
		holm_lapic_lvt_deliver(lapic, HOLM_LVT_TIMER);
		return;
	}
	/* Half of the counter's range is centuries: far enough. */
	delta = min_t(u64, timer->deadline - guest_tsc, S64_MAX);
	timer->due = guest_tsc + delta;
	timer->tsc_offset = vcpu->tsc_offset;
	timer->tsc_ratio = vcpu->tsc.ratio;
	timer->tsc_khz = holm_tsc_khz(vcpu);
	timer->target = ktime_get_ns() + holm_tsc_to_ns(delta, timer->tsc_khz);
	queue(timer);
}

u64 holm_lapic_get_deadline(struct holm_vcpu *vcpu)
{
	struct holm_lapic_state *lapic = vcpu->lapic;

	return is_deadline(lapic->lvt[HOLM_LVT_TIMER]) ? READ_ONCE(lapic->timer.deadline) : 0;
}

/**
 * holm_lapic_set_deadline() - write IA32_TSC_DEADLINE
 * @vcpu: the vCPU, vcpu->lock held
 * @value: guest TSC at which the interrupt is due; at once when it is past;
 *	0 disarms. Ignored in the other modes of the timer.
 */
void holm_lapic_set_deadline(struct holm_vcpu *vcpu, u64 value)
{
	struct holm_lapic_state *lapic = vcpu->lapic;

	if (!is_deadline(lapic->lvt[HOLM_LVT_TIMER]))
		return;
	hrtimer_cancel(&lapic->timer.hr);
	lapic->timer.deadline = value;
	arm_deadline(lapic);
}

void holm_lapic_tsc_changed(struct holm_vcpu *vcpu)
{
	struct holm_lapic_state *lapic = vcpu->lapic;

	/* Nobody but its own callback disarms it, and none arms it. */
	if (!is_deadline(lapic->lvt[HOLM_LVT_TIMER]) || !READ_ONCE(lapic->timer.deadline))
		return;
	hrtimer_cancel(&lapic->timer.hr);
	arm_deadline(lapic);
}

/**
 * holm_timer_restore() - start from a state block
 * @lapic: the LAPIC, its timer stopped, LVT, TMICT and TDCR set and checked
 * @left: nanoseconds until the count ends, 0: it does not run
 * @deadline: IA32_TSC_DEADLINE
 */
void holm_timer_restore(struct holm_lapic_state *lapic, u64 left, u64 deadline)
{
	if (is_deadline(lapic->lvt[HOLM_LVT_TIMER])) {
		lapic->timer.deadline = deadline;
		arm_deadline(lapic);
	} else if (left) {
		start_count(lapic, left);
	}
}
