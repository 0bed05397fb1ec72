// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's TSC: see tsc.h.
 *
 * Where the host's TSCs are one counter of constant rate, a guest's TSC is that
 * with a constant offset, and two vCPUs are in step when their offsets are equal.
 * That counter may begin anew when the machine sleeps: what it lost then is added
 * to each offset when its vCPU is loaded the next time.
 *
 * Elsewhere an offset means something on one CPU only. When a vCPU comes to
 * another one its TSC goes on from where it was, or from where it would be if it
 * had counted by CLOCK_MONOTONIC since it was set: whichever is later. So it never
 * goes back, and does not lag for long.
 */
#define pr_fmt(fmt) "holm: " fmt

#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/overflow.h>
#include <linux/printk.h>
#include <linux/timekeeping.h>
#include <asm/tsc.h>

#include "../backend.h"
#include "../holm.h"
#include "insn.h"
#include "tsc.h"

#define TOLERANCE_PPM	250

struct holm_tsc_scaling holm_tsc_scaling;
bool holm_tsc_distrust;
u64 holm_tsc_backward;

/* Of the last suspend. */
static u64 suspend_tsc;

/* ---- arithmetic ----------------------------------------------------------- */

int holm_tsc_ratio(u32 khz, u32 host_khz, const struct holm_tsc_scaling *scaling, u64 *ratio)
{
	if (!scaling->frac_bits || !khz || khz / host_khz >= BIT_ULL(scaling->int_bits))
		return -ERANGE;
	/* Below 2^(int_bits + frac_bits), which is 2^64 at most. */
	*ratio = mul_u64_u32_div(BIT_ULL(scaling->frac_bits), khz, host_khz);
	return *ratio ? 0 : -ERANGE;
}

bool holm_tsc_near(u32 khz, u32 host_khz)
{
	u64 apart = khz > host_khz ? khz - host_khz : host_khz - khz;

	return apart * 1000000 < (u64)host_khz * TOLERANCE_PPM;
}

u64 holm_tsc_scale(u64 tsc, u64 ratio)
{
	return ratio ? mul_u64_u64_shr(tsc, ratio, holm_tsc_scaling.frac_bits) : tsc;
}

u64 holm_tsc_guest(const struct holm_vcpu *vcpu, u64 host)
{
	return holm_tsc_scale(host, vcpu->tsc.ratio) + vcpu->tsc_offset;
}

u32 holm_tsc_khz(const struct holm_vcpu *vcpu)
{
	return vcpu->tsc.khz ?: tsc_khz;
}

/* The frequency as it is kept: with its ratio, or both 0: the host's. */
static int find_ratio(u32 *khz, u64 *ratio)
{
	*ratio = 0;
	if (*khz == tsc_khz || !*khz) {
		*khz = 0;
		return 0;
	}
	if (*khz < HOLM_TSC_MIN_KHZ || *khz > HOLM_TSC_MAX_KHZ)
		return -EINVAL;
	if (!holm_tsc_ratio(*khz, tsc_khz, &holm_tsc_scaling, ratio))
		return 0;
	if (!holm_tsc_near(*khz, tsc_khz))
		return -EINVAL;
	*khz = 0;
	return 0;
}

int holm_tsc_check_khz(u32 khz)
{
	u64 ratio;

	return khz ? find_ratio(&khz, &ratio) : -EINVAL;
}

u64 holm_tsc_ns_to_ticks(s64 ns, u32 khz)
{
	u64 ms, ticks;
	u32 rest;

	if (ns <= 0)
		return 0;
	/* In two steps: a quotient of more than 64 bits is a fault of the host. */
	ms = div_u64_rem(ns, NSEC_PER_MSEC, &rest);
	if (check_mul_overflow(ms, (u64)khz, &ticks))
		return U64_MAX;
	/* Below 2^32. */
	rest = div_u64((u64)rest * khz, NSEC_PER_MSEC);
	return check_add_overflow(ticks, (u64)rest, &ticks) ? U64_MAX : ticks;
}

/*
 * Of a TSC that was @base at @base_ns and goes by CLOCK_MONOTONIC. Another CPU may
 * have read that clock just before this one, and found it later.
 */
static u64 nominal(u64 base, u64 base_ns, u32 khz)
{
	return base + holm_tsc_ns_to_ticks(ktime_get_ns() - base_ns, khz);
}

/* ---- the host's TSC ------------------------------------------------------- */

int holm_tsc_setup(u32 host_khz)
{
	if (host_khz)
		return 0;
	pr_err("the kernel does not know the frequency of this machine's TSC, which all guests' clocks are made of: see 'dmesg | grep -i tsc', and the kernel's parameters clocksource= and tsc=\n");
	return -ENODEV;
}

bool holm_tsc_trusted(void)
{
	return !check_tsc_unstable() && !READ_ONCE(holm_tsc_distrust);
}

void holm_tsc_suspend(void)
{
	suspend_tsc = holm_rdtsc();
}

void holm_tsc_resume(void)
{
	u64 now = holm_rdtsc();

	/*
	 * The CPU rounds when it scales: as much more as is a whole tick of the slowest
	 * guest, so that none finds its TSC one tick back. Here, and not where an offset
	 * is made up: there it would depend on how many sleeps at a time a vCPU was told.
	 */
	if (now < suspend_tsc)
		WRITE_ONCE(holm_tsc_backward, holm_tsc_backward + suspend_tsc - now +
			   2 * DIV_ROUND_UP(tsc_khz, HOLM_TSC_MIN_KHZ));
}

/*
 * What is missing in an offset. Sleeps add up: the same comes out, however many of
 * them there were at a time.
 */
static u64 lost(u64 backward, u64 ratio)
{
	return holm_tsc_scale(READ_ONCE(holm_tsc_backward), ratio) -
	       holm_tsc_scale(backward, ratio);
}

u64 holm_tsc_offset(const struct holm_vcpu *vcpu)
{
	return READ_ONCE(vcpu->tsc_offset) +
	       lost(READ_ONCE(vcpu->tsc.backward), READ_ONCE(vcpu->tsc.ratio));
}

/* ---- what vCPUs agree on -------------------------------------------------- */

void holm_tsc_vm_init(struct holm_vm_tsc *tsc)
{
	raw_spin_lock_init(&tsc->lock);
	tsc->backward = READ_ONCE(holm_tsc_backward);
}

/* The VM's own after the machine slept. */
static void vm_follow(struct holm_vm_tsc *tsc)
{
	lockdep_assert_held(&tsc->lock);
	tsc->offset += lost(tsc->backward, tsc->ratio);
	tsc->backward = READ_ONCE(holm_tsc_backward);
}

/* The vCPU has what the VM has. On this CPU, that is @offset. */
static void join(struct holm_vcpu *vcpu, u64 offset)
{
	const struct holm_vm_tsc *tsc = &vcpu->vm->tsc;

	vcpu->tsc.generation = tsc->generation;
	vcpu->tsc.base = tsc->base;
	vcpu->tsc.base_ns = tsc->base_ns;
	WRITE_ONCE(vcpu->tsc.backward, tsc->backward);
	WRITE_ONCE(vcpu->tsc_offset, offset);
}

/* It has something new, and others may join. */
static void lead(struct holm_vcpu *vcpu, u64 offset)
{
	struct holm_vm_tsc *tsc = &vcpu->vm->tsc;

	tsc->generation++;
	tsc->offset = offset;
	tsc->ratio = vcpu->tsc.ratio;
	tsc->base = holm_tsc_scale(holm_rdtsc(), tsc->ratio) + offset;
	tsc->base_ns = ktime_get_ns();
	join(vcpu, offset);
}

static void changed(struct holm_vcpu *vcpu)
{
	holm_backend->tsc_changed(vcpu);
	holm_lapic_tsc_changed(vcpu);
	holm_pv_tsc_changed(vcpu);
}

void holm_tsc_set_offset(struct holm_vcpu *vcpu, u64 offset)
{
	struct holm_vm_tsc *tsc = &vcpu->vm->tsc;

	raw_spin_lock(&tsc->lock);
	vm_follow(tsc);
	if (tsc->generation && offset == tsc->offset && vcpu->tsc.ratio == tsc->ratio)
		join(vcpu, offset);
	else
		lead(vcpu, offset);
	raw_spin_unlock(&tsc->lock);
	changed(vcpu);
}

void holm_tsc_set(struct holm_vcpu *vcpu, u64 offset, u32 khz)
{
	u64 ratio;

	if (find_ratio(&khz, &ratio))
		return;
	vcpu->tsc.khz = khz;
	WRITE_ONCE(vcpu->tsc.ratio, ratio);
	holm_tsc_set_offset(vcpu, offset);
}

/* What the TSC of the last who led is now; @scaled: the host's, here. */
static u64 leader_now(const struct holm_vm_tsc *tsc, u64 scaled, u32 khz)
{
	if (holm_tsc_trusted())
		return scaled + tsc->offset;
	return nominal(tsc->base, tsc->base_ns, khz);
}

void holm_tsc_write(struct holm_vcpu *vcpu, u64 value)
{
	struct holm_vm_tsc *tsc = &vcpu->vm->tsc;
	u64 second = (u64)holm_tsc_khz(vcpu) * MSEC_PER_SEC, scaled, now;

	raw_spin_lock(&tsc->lock);
	vm_follow(tsc);
	scaled = holm_tsc_scale(holm_rdtsc(), vcpu->tsc.ratio);
	now = leader_now(tsc, scaled, holm_tsc_khz(vcpu));
	if (tsc->generation != vcpu->tsc.generation && tsc->ratio == vcpu->tsc.ratio &&
	    value - now + second <= 2 * second)
		join(vcpu, now - scaled);
	else
		lead(vcpu, value - scaled);
	raw_spin_unlock(&tsc->lock);
	changed(vcpu);
}

void holm_tsc_reset(struct holm_vcpu *vcpu)
{
	struct holm_vm_tsc *tsc = &vcpu->vm->tsc;
	struct holm_vcpu *first = NULL;
	u32 khz = READ_ONCE(tsc->khz);
	u64 offset;

	/* Pairs with the release in holm_vcpu_create(). */
	if (smp_load_acquire(&vcpu->vm->nr_vcpus))
		first = vcpu->vm->vcpus[0];
	if (first && first != vcpu) {
		khz = READ_ONCE(first->tsc.khz);
		offset = holm_tsc_offset(first);
		holm_tsc_set(vcpu, offset, khz);
		/* Here, another offset may be the same time. */
		vcpu->tsc.last_host = 0;
		if (!holm_tsc_trusted())
			holm_tsc_follow(vcpu, true);
		return;
	}
	/* The frequency was possible when it was set: the host's may have been refined. */
	holm_tsc_set(vcpu, vcpu->tsc_offset, khz);
	holm_tsc_set_offset(vcpu, -holm_tsc_scale(holm_rdtsc(), vcpu->tsc.ratio));
}

/* ---- a vCPU comes to a CPU ------------------------------------------------ */

static void notice_backward(const struct holm_vcpu *vcpu, u64 host)
{
	if (host >= vcpu->tsc.last_host || !holm_tsc_trusted())
		return;
	WRITE_ONCE(holm_tsc_distrust, true);
	pr_warn("the TSC of CPU %d is behind that of others: guests' TSCs and clocks follow the kernel's clock from now on\n",
		vcpu->cpu);
}

void holm_tsc_follow(struct holm_vcpu *vcpu, bool moved)
{
	struct holm_vcpu_tsc *t = &vcpu->tsc;
	u64 host, scaled, last, offset, slept;

	/* The TSC of one CPU goes on by itself, but for a sleep. */
	if (likely(!moved && t->backward == READ_ONCE(holm_tsc_backward)))
		return;
	host = holm_rdtsc();
	scaled = holm_tsc_scale(host, t->ratio);
	last = holm_tsc_guest(vcpu, t->last_host);
	slept = lost(t->backward, t->ratio);
	offset = vcpu->tsc_offset + slept;
	if (moved && !slept)
		notice_backward(vcpu, host);
	if (!holm_tsc_trusted()) {
		u64 due = nominal(t->base, t->base_ns, holm_tsc_khz(vcpu));

		offset = ((s64)(due - last) > 0 || !t->last_host ? due : last) - scaled;
	}
	WRITE_ONCE(t->backward, READ_ONCE(holm_tsc_backward));
	if (offset == vcpu->tsc_offset)
		return;
	WRITE_ONCE(vcpu->tsc_offset, offset);
	holm_backend->tsc_changed(vcpu);
	holm_lapic_tsc_changed(vcpu);
	/* Of the others only, whether they are in step; without trust, they never are. */
	if (holm_tsc_trusted())
		holm_pv_tsc_changed(vcpu);
	else
		holm_pv_request_own(vcpu, HOLM_PV_CLOCK);
}
