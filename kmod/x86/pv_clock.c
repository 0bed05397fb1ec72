// SPDX-License-Identifier: GPL-2.0-only
/*
 * kvmclock (Documentation/virt/kvm/x86/msr.rst of the kernel, MSR_KVM_SYSTEM_
 * TIME_NEW and MSR_KVM_WALL_CLOCK_NEW): nanoseconds since the VM was created, as
 * each vCPU computes them from its TSC and a page of memory.
 *
 * Where the host's TSCs are one counter of constant rate, the clock of the VM is
 * that counter since one reading ("the snapshot"): all pages say the same, no
 * page ever has to be written again, and PVCLOCK_TSC_STABLE_BIT tells guests
 * that a later reading on another vCPU is not an earlier time. That also needs
 * vCPUs whose TSCs have one offset. Elsewhere the clock is CLOCK_BOOTTIME, and a
 * page is a reading of it on the CPU that the vCPU is about to run on, which is
 * taken again when it moves.
 *
 * Which of the two it is may change: a TSC turns out to be unstable, or the kernel
 * has measured its rate again. A vCPU that runs without exits for us would never
 * look; so the kernel, which looks at each tick, tells us, and all pages of all VMs
 * are written again.
 */
#include <linux/clocksource.h>
#include <linux/irq_work.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/math64.h>
#include <linux/mutex.h>
#include <linux/pvclock_gtod.h>
#include <linux/timekeeper_internal.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>
#include <asm/msr.h>
#include <asm/pvclock-abi.h>
#include <asm/tsc.h>

#include "../holm.h"
#include "insn.h"
#include "pv.h"

unsigned int holm_pv_epoch;

/* ---- arithmetic ----------------------------------------------------------- */

void holm_pv_scale(u32 khz, u32 *mul, s8 *shift)
{
	/* A tick is num / den ns; make it a fraction from 1/2 to below 1. */
	u64 num = NSEC_PER_MSEC, den = khz;

	*shift = 0;
	while (num >= den) {
		den <<= 1;
		(*shift)++;
	}
	while (num << 1 < den) {
		num <<= 1;
		(*shift)--;
	}
	/* Neither has more than 32 bits. */
	*mul = div64_u64(num << 32, den);
}

u64 holm_pv_ticks_to_ns(u64 ticks, u32 mul, s8 shift)
{
	ticks = shift < 0 ? ticks >> -shift : ticks << shift;
	return mul_u64_u32_shr(ticks, mul, 32);
}

static u64 ticks_to_ns(u64 ticks, u32 khz)
{
	s8 shift;
	u32 mul;

	holm_pv_scale(khz, &mul, &shift);
	return holm_pv_ticks_to_ns(ticks, mul, shift);
}

/* ---- the VM's clock ------------------------------------------------------- */

/*
 * The kernel keeps time by the TSC only where it is one counter of constant
 * rate. Its clocksource is the TSC when a reading of it lies between two of
 * ours.
 */
static bool tsc_stable(void)
{
	struct system_time_snapshot snap;
	u64 before, after;

	if (!holm_tsc_trusted())
		return false;
	before = rdtsc_ordered();
	ktime_get_snapshot(&snap);
	after = rdtsc_ordered();
	return snap.cycles >= before && snap.cycles <= after;
}

/*
 * A reading. In a stable clock @tsc, @ns are the snapshot, otherwise now, and @tsc is
 * that of @cpu.
 */
struct reading {
	u64 tsc;
	u64 ns;
	u32 khz;
	int cpu;
	bool stable;
	unsigned int epoch;
};

/* CPUs' counters may be a few ticks apart. */
static u64 ticks_since(u64 tsc)
{
	u64 now = rdtsc_ordered();

	return now > tsc ? now - tsc : 0;
}

static u64 now_ns(const struct holm_pv_vm *clock)
{
	if (clock->stable)
		return clock->ns + ticks_to_ns(ticks_since(clock->tsc), clock->khz);
	return clock->ns + ktime_get_boottime_ns() - clock->boot_ns;
}

/* The clock is @ns now. */
static void set_now(struct holm_pv_vm *clock, u64 ns)
{
	clock->ns = ns;
	clock->tsc = rdtsc_ordered();
	clock->boot_ns = ktime_get_boottime_ns();
	clock->epoch = READ_ONCE(holm_pv_epoch);
	clock->khz = READ_ONCE(tsc_khz);
	clock->stable = tsc_stable();
}

/*
 * True when the clock is another one from here on: then the vCPUs' pages are of the
 * one before. After the machine slept, the TSC may have gone on or begun anew; and
 * one that turns out to be unstable may be behind that of another CPU, by which the
 * guest has read the time. CLOCK_BOOTTIME knows: the later time is right.
 */
static bool rebase(struct holm_pv_vm *clock)
{
	bool slept = clock->epoch != READ_ONCE(holm_pv_epoch), stable = tsc_stable();
	u64 ns;

	/* IRQs are off: nothing comes between the readings. */
	lockdep_assert_held(&clock->lock);
	if (likely(clock->stable == stable && !slept && clock->khz == READ_ONCE(tsc_khz)))
		return false;
	ns = now_ns(clock);
	if (slept || !stable)
		ns = max(ns, clock->ns + ktime_get_boottime_ns() - clock->boot_ns);
	set_now(clock, ns);
	return true;
}

static void write_all_clocks(struct holm_vm *vm, bool stopped)
{
	/* Pairs with the release in holm_vcpu_create(): these vCPUs are complete. */
	unsigned int i, n = smp_load_acquire(&vm->nr_vcpus);

	for (i = 0; i < n; i++) {
		struct holm_vcpu *vcpu = vm->vcpus[i];

		if (!(READ_ONCE(vcpu->pv.system_time) & KVM_MSR_ENABLED))
			continue;
		if (stopped)
			set_bit(HOLM_PV_STOPPED, &vcpu->pv.work);
		holm_pv_request(vcpu, HOLM_PV_CLOCK);
	}
}

void holm_pv_clock_stopped(struct holm_vm *vm)
{
	write_all_clocks(vm, true);
}

static struct reading clock_read(struct holm_vm *vm)
{
	struct holm_pv_vm *clock = &vm->pv;
	struct reading r;
	bool changed;

	spin_lock_irq(&clock->lock);
	changed = rebase(clock);
	r.stable = clock->stable;
	r.epoch = clock->epoch;
	r.khz = clock->khz;
	r.cpu = smp_processor_id();
	if (r.stable) {
		r.tsc = clock->tsc;
		r.ns = clock->ns;
	} else {
		r.ns = now_ns(clock);
		r.tsc = rdtsc_ordered();
	}
	spin_unlock_irq(&clock->lock);
	if (unlikely(changed))
		write_all_clocks(vm, false);
	return r;
}

/* The clock and the wall clock at one moment. */
static u64 clock_and_wall(struct holm_vm *vm, u64 *wall, bool *stable)
{
	struct holm_pv_vm *clock = &vm->pv;
	bool changed;
	u64 ns;

	spin_lock_irq(&clock->lock);
	changed = rebase(clock);
	ns = now_ns(clock);
	*wall = ktime_get_real_ns();
	*stable = clock->stable;
	spin_unlock_irq(&clock->lock);
	if (unlikely(changed))
		write_all_clocks(vm, false);
	return ns;
}

void holm_pv_tsc_changed(struct holm_vcpu *vcpu)
{
	/* Of all: whether their TSCs are in step has changed, perhaps. */
	write_all_clocks(vcpu->vm, false);
}

/**
 * holm_pv_clock_get() - HOLM_GET_CLOCK
 * @vm: the VM
 * @arg: filled whole
 */
void holm_pv_clock_get(struct holm_vm *vm, struct holm_clock *arg)
{
	bool stable;

	*arg = (struct holm_clock) {};
	arg->ns = clock_and_wall(vm, &arg->realtime_ns, &stable);
	if (stable)
		arg->flags |= HOLM_CLOCK_TSC_STABLE;
}

/**
 * holm_pv_clock_set() - HOLM_SET_CLOCK
 * @vm: the VM
 * @arg: a copy of the launcher's argument, unchecked
 *
 * Return: 0 or -EINVAL.
 */
int holm_pv_clock_set(struct holm_vm *vm, const struct holm_clock *arg)
{
	struct holm_pv_vm *clock = &vm->pv;
	u64 ns = arg->ns, wall;

	if (arg->flags & ~(HOLM_CLOCK_STOPPED | HOLM_CLOCK_REALTIME) || arg->reserved ||
	    ns > S64_MAX || arg->realtime_ns > S64_MAX ||
	    (!(arg->flags & HOLM_CLOCK_REALTIME) && arg->realtime_ns))
		return -EINVAL;

	spin_lock_irq(&clock->lock);
	if (arg->flags & HOLM_CLOCK_REALTIME) {
		wall = ktime_get_real_ns();
		/* A wall clock that was set back does not turn back this one. */
		if (wall > arg->realtime_ns)
			ns += wall - arg->realtime_ns;
	}
	set_now(clock, ns);
	spin_unlock_irq(&clock->lock);
	write_all_clocks(vm, arg->flags & HOLM_CLOCK_STOPPED);
	return 0;
}

/* ---- the host's clock ----------------------------------------------------- */

static DEFINE_MUTEX(vms_lock);
static LIST_HEAD(all_vms);		/* holm_pv_vm.link, under vms_lock */

/* As it was at the last tick; only the kernel's timekeeping touches it, in turn. */
static struct {
	bool tsc;
	u32 khz;
} host_clock;

static void host_clock_work_fn(struct work_struct *work)
{
	struct holm_vm *vm;

	mutex_lock(&vms_lock);
	list_for_each_entry(vm, &all_vms, pv.link)
		write_all_clocks(vm, false);
	mutex_unlock(&vms_lock);
}

static DECLARE_WORK(host_clock_work, host_clock_work_fn);

static void host_clock_irq_fn(struct irq_work *work)
{
	schedule_work(&host_clock_work);
}

static DEFINE_IRQ_WORK(host_clock_irq, host_clock_irq_fn);

/*
 * The kernel's clock has advanced: at each tick, and when its clocksource is another.
 * It is locked: nothing may be read from it here, nor anybody woken.
 */
static int host_clock_notify(struct notifier_block *nb, unsigned long was_set, void *data)
{
	const struct timekeeper *tk = data;
	bool tsc = holm_tsc_trusted() &&
		   tk->tkr_mono.clock->vdso_clock_mode == VDSO_CLOCKMODE_TSC;
	u32 khz = READ_ONCE(tsc_khz);

	if (likely(tsc == host_clock.tsc && khz == host_clock.khz))
		return NOTIFY_DONE;
	host_clock.tsc = tsc;
	host_clock.khz = khz;
	irq_work_queue(&host_clock_irq);
	return NOTIFY_DONE;
}

static struct notifier_block host_clock_nb = {
	.notifier_call = host_clock_notify,
};

void holm_pv_clock_setup(void)
{
	pvclock_gtod_register_notifier(&host_clock_nb);
}

void holm_pv_clock_teardown(void)
{
	pvclock_gtod_unregister_notifier(&host_clock_nb);
	irq_work_sync(&host_clock_irq);
	cancel_work_sync(&host_clock_work);
}

void holm_pv_clock_init(struct holm_pv_vm *clock)
{
	spin_lock_init(&clock->lock);
	spin_lock_irq(&clock->lock);
	set_now(clock, 0);
	spin_unlock_irq(&clock->lock);
	mutex_lock(&vms_lock);
	list_add(&clock->link, &all_vms);
	mutex_unlock(&vms_lock);
}

void holm_pv_clock_end(struct holm_pv_vm *clock)
{
	mutex_lock(&vms_lock);
	list_del(&clock->link);
	mutex_unlock(&vms_lock);
}

/* ---- guest memory --------------------------------------------------------- */

static bool offsets_match(struct holm_vcpu *vcpu)
{
	struct holm_vm *vm = vcpu->vm;
	/* Pairs with the release in holm_vcpu_create(): these vCPUs are complete. */
	unsigned int i, n = smp_load_acquire(&vm->nr_vcpus);

	/* Whoever changes one asks for all pages to be written again. */
	for (i = 0; i < n; i++)
		if (holm_tsc_offset(vm->vcpus[i]) != holm_tsc_offset(vcpu) ||
		    READ_ONCE(vm->vcpus[i]->tsc.ratio) != vcpu->tsc.ratio)
			return false;
	return true;
}

/*
 * The version is odd while the rest changes: a guest that reads the page from
 * another vCPU, as vDSOs do, begins again. It may be a page that was used
 * before: the version goes on from what is there.
 */
static int write_page(struct holm_vm *vm, u64 gpa, struct pvclock_vcpu_time_info *info)
{
	void __user *page = holm_guest_uaddr(vm, gpa, sizeof(*info), true);
	const size_t rest = offsetof(struct pvclock_vcpu_time_info, pad0);
	u8 flags;

	if (!page || get_user(info->version, (u32 __user *)page) ||
	    get_user(flags, (u8 __user *)page +
			    offsetof(struct pvclock_vcpu_time_info, flags)))
		return -EFAULT;
	/* The guest takes the mark away when it has seen it. */
	info->flags |= flags & PVCLOCK_GUEST_STOPPED;
	info->version |= 1;
	if (put_user(info->version, (u32 __user *)page))
		return -EFAULT;
	smp_wmb();	/* odd before it changes */
	if (copy_to_user(page + rest, (u8 *)info + rest, sizeof(*info) - rest))
		return -EFAULT;
	smp_wmb();	/* even after it changed */
	if (put_user(info->version + 1, (u32 __user *)page))
		return -EFAULT;
	holm_guest_dirty(vm, gpa, sizeof(*info));
	return 0;
}

void holm_pv_write_clock(struct holm_vcpu *vcpu, bool stopped)
{
	struct pvclock_vcpu_time_info info = {};
	struct holm_pv *pv = &vcpu->pv;
	struct reading r;

	if (!(pv->system_time & KVM_MSR_ENABLED))
		return;
	r = clock_read(vcpu->vm);
	/* When the vCPU goes on elsewhere, it is read again. */
	pv->clock_cpu = r.stable ? -1 : r.cpu;
	pv->clock_ns = ktime_get_boottime_ns();
	/* Whoever asked for the page, and for whatever reason. */
	stopped |= pv->clock_epoch != r.epoch;
	pv->clock_epoch = r.epoch;

	info.tsc_timestamp = holm_tsc_guest(vcpu, r.tsc);
	info.system_time = r.ns;
	/* The clock's, not what tsc_khz may be by now: all pages say the same. */
	holm_pv_scale(vcpu->tsc.khz ?: r.khz, &info.tsc_to_system_mul, &info.tsc_shift);
	if (r.stable && holm_pv_has(pv, KVM_FEATURE_CLOCKSOURCE_STABLE_BIT) &&
	    offsets_match(vcpu))
		info.flags |= PVCLOCK_TSC_STABLE_BIT;
	if (stopped)
		info.flags |= PVCLOCK_GUEST_STOPPED;
	write_page(vcpu->vm, pv->system_time & ~1ULL, &info);
}

/* The time of day at which the clock was 0, at the MSR's address. */
void holm_pv_write_wall(struct holm_vm *vm)
{
	u64 gpa = READ_ONCE(vm->pv.wall_clock), ns, wall;
	struct pvclock_wall_clock info = {};
	const size_t rest = offsetof(struct pvclock_wall_clock, sec);
	void __user *page = holm_guest_uaddr(vm, gpa, sizeof(info), true);
	bool stable;
	u32 nsec;

	if (!gpa || !page || get_user(info.version, (u32 __user *)page))
		return;
	ns = clock_and_wall(vm, &wall, &stable);
	info.sec = div_u64_rem(wall > ns ? wall - ns : 0, NSEC_PER_SEC, &nsec);
	info.nsec = nsec;
	info.version |= 1;
	if (put_user(info.version, (u32 __user *)page))
		return;
	smp_wmb();	/* odd before it changes */
	if (copy_to_user(page + rest, (u8 *)&info + rest, sizeof(info) - rest))
		return;
	smp_wmb();	/* even after it changed */
	if (put_user(info.version + 1, (u32 __user *)page))
		return;
	holm_guest_dirty(vm, gpa, sizeof(info));
}
