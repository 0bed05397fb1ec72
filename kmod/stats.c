// SPDX-License-Identifier: GPL-2.0-only
/* Statistics of exits: see stats.h. */
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "enter.h"
#include "holm.h"
#include "stats.h"

unsigned int holm_stats_bucket(u64 ns)
{
	return ns ? min_t(unsigned int, ilog2(ns), HOLM_HISTOGRAM_LEN - 1) : 0;
}

static void add(u64 *counter, u64 n)
{
	WRITE_ONCE(*counter, *counter + n);
}

/* The clock may be set back by some ns when the thread comes to another CPU. */
static u64 passed(u64 from, u64 to)
{
	return from && to > from ? to - from : 0;
}

static void go(struct holm_vcpu *vcpu, struct holm_exit_stats *s, enum holm_stats_state state,
	       u64 now)
{
	/* An exit went to the launcher, and took all the time since. */
	if (s->state == HOLM_STATS_KERNEL && s->told != vcpu->stats.exits_user)
		s->state = HOLM_STATS_USER;
	s->told = vcpu->stats.exits_user;
	add(&s->time[s->state], passed(s->since, now));
	s->state = state;
	s->since = now;
}

void holm_stats_follow(struct holm_vcpu *vcpu)
{
	bool counted = test_bit(HOLM_REQ_STATS, &vcpu->requests);
	struct holm_exit_stats *s;

	if (counted) {
		smp_rmb();	/* pairs with count() */
		s = vcpu->exit_stats;
		if (READ_ONCE(s->restart)) {	/* what it did until now nobody looked at */
			WRITE_ONCE(s->restart, false);
			s->since = 0;
			s->left = 0;
		}
	}
	vcpu->counted = counted;
	vcpu->short_exits = counted ? 1 : HOLM_SHORT_EXITS;
}

void holm_stats_state(struct holm_vcpu *vcpu, enum holm_stats_state state)
{
	go(vcpu, vcpu->exit_stats, state, ktime_get_mono_fast_ns());
}

void holm_stats_entry(struct holm_vcpu *vcpu)
{
	struct holm_exit_stats *s = vcpu->exit_stats;
	u64 now = ktime_get_mono_fast_ns(), took;
	struct holm_exit_counts *c;

	go(vcpu, s, HOLM_STATS_GUEST, now);
	if (!s->left)
		return;
	c = &s->by[s->reason];
	took = passed(s->left, now);
	s->left = 0;
	add(&c->time, took);
	add(&c->histogram[holm_stats_bucket(took)], 1);
}

void holm_stats_exit(struct holm_vcpu *vcpu, enum holm_exit_reason reason)
{
	struct holm_exit_stats *s = vcpu->exit_stats;

	s->left = ktime_get_mono_fast_ns();
	go(vcpu, s, HOLM_STATS_KERNEL, s->left);
	WRITE_ONCE(s->reason, reason);
	add(&s->by[reason].count, 1);
}

/* ---- on and off ------------------------------------------------------------------ */

/* Kept as long as the vCPU: what was counted may be asked for when it is off. */
static int stats_alloc(struct holm_vcpu *vcpu)
{
	struct holm_exit_stats *s;

	if (vcpu->exit_stats)
		return 0;
	s = kvzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);
	if (!s)
		return -ENOMEM;
	/* Pairs with the acquire of those who read them. */
	smp_store_release(&vcpu->exit_stats, s);
	return 0;
}

static void count(struct holm_vcpu *vcpu, bool on)
{
	if (on) {
		WRITE_ONCE(vcpu->exit_stats->restart, true);
		smp_mb__before_atomic();	/* pairs with holm_stats_follow() */
		holm_vcpu_request(vcpu, HOLM_REQ_STATS);
	} else {
		clear_bit(HOLM_REQ_STATS, &vcpu->requests);
		/* Some request, for it to look at them. */
		holm_vcpu_request(vcpu, HOLM_REQ_MODEL);
	}
}

int holm_stats_vcpu_create(struct holm_vcpu *vcpu)
{
	int err;

	if (!vcpu->vm->stats)
		return 0;
	err = stats_alloc(vcpu);
	if (!err)
		set_bit(HOLM_REQ_STATS, &vcpu->requests);
	return err;
}

int holm_stats_set(struct holm_vm *vm, bool on)
{
	unsigned int i;
	int err;

	lockdep_assert_held(&vm->lock);
	if (on == vm->stats)
		return 0;
	for (i = 0; on && i < vm->nr_vcpus; i++) {
		err = stats_alloc(vm->vcpus[i]);
		if (err)
			return err;
	}
	WRITE_ONCE(vm->stats, on);
	for (i = 0; i < vm->nr_vcpus; i++)
		count(vm->vcpus[i], on);
	return 0;
}

/* ---- what was counted ------------------------------------------------------------- */

void holm_stats_get(const struct holm_vcpu *vcpu, enum holm_exit_reason reason,
		    struct holm_exit_counts *counts)
{
	const struct holm_exit_stats *s = smp_load_acquire(&vcpu->exit_stats);
	const struct holm_exit_counts *c, *base;
	unsigned int i;

	lockdep_assert_held(&holm_vms_lock);
	memset(counts, 0, sizeof(*counts));
	if (!s)
		return;
	c = &s->by[reason];
	base = &s->base[reason];
	counts->count = READ_ONCE(c->count) - base->count;
	counts->time = READ_ONCE(c->time) - base->time;
	for (i = 0; i < ARRAY_SIZE(counts->histogram); i++)
		counts->histogram[i] = READ_ONCE(c->histogram[i]) - base->histogram[i];
}

void holm_stats_reset(struct holm_vcpu *vcpu, enum holm_exit_reason reason,
		      const struct holm_exit_counts *counts)
{
	struct holm_exit_stats *s = smp_load_acquire(&vcpu->exit_stats);
	struct holm_exit_counts *base;
	unsigned int i;

	lockdep_assert_held(&holm_vms_lock);
	if (!s)
		return;
	base = &s->base[reason];
	base->count += counts->count;
	base->time += counts->time;
	for (i = 0; i < ARRAY_SIZE(base->histogram); i++)
		base->histogram[i] += counts->histogram[i];
}
