// SPDX-License-Identifier: GPL-2.0-only
/* Paravirtualization: features, MSRs and their state; kvmclock. */
#include <linux/delay.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/suspend.h>
#include <linux/uaccess.h>
#include <asm/kvm_para.h>
#include <asm/msr.h>
#include <asm/pvclock-abi.h>
#include <asm/tsc.h>

#include "../../kmod/exits.h"
#include "../../kmod/x86/cpuid.h"
#include "../../kmod/x86/msr.h"
#include "../../kmod/x86/x86.h"
#include "env.h"
#include "pv_rig.h"
#include "suites.h"

#define PAGE_GPA	0x5000ULL	/* of the vCPU's time */
#define WALL_GPA	0x6010ULL

/* ---- arithmetic ------------------------------------------------------------ */

/* a / b of 1, in parts per billion. */
static u64 apart_ppb(u64 a, u64 b)
{
	u64 diff = a > b ? a - b : b - a;

	return b ? mul_u64_u64_div_u64(diff, NSEC_PER_SEC, b) : 0;
}

static void test_scale(struct kunit *test)
{
	static const u32 khz[] = {
		1, 1000, 32768, 100000, 499999, 500000, 500001, 999999, 1000000, 1000001,
		1999999, 2000000, 2000001, 2400000, 2494137, 3699999, 5000000, 7999999, 10000000,
	};
	static const u64 seconds[] = { 1, 60, 3600, 86400, 10ULL * 365 * 86400 };
	unsigned int i, s;

	for (i = 0; i < ARRAY_SIZE(khz); i++) {
		u32 mul;
		s8 shift;

		holm_pv_scale(khz[i], &mul, &shift);
		KUNIT_EXPECT_GE_MSG(test, mul, BIT(31), "%u kHz: all bits are used", khz[i]);
		KUNIT_EXPECT_EQ_MSG(test, holm_pv_ticks_to_ns(0, mul, shift), 0ULL, "%u kHz",
				    khz[i]);
		for (s = 0; s < ARRAY_SIZE(seconds); s++) {
			u64 ticks = seconds[s] * khz[i] * 1000;
			u64 ns = holm_pv_ticks_to_ns(ticks, mul, shift);

			KUNIT_EXPECT_LT_MSG(test, apart_ppb(ns, seconds[s] * NSEC_PER_SEC), 1000ULL,
					    "%u kHz, %llu s: %llu ns", khz[i], seconds[s], ns);
		}
	}
}

static void test_monotonic(struct kunit *test)
{
	static const u32 khz[] = { 1000, 999999, 1000000, 2494137, 5000000 };
	static const u64 from[] = { 0, 0xfffffff0, 0x123456789abcULL, BIT_ULL(52) - 50 };
	unsigned int i, f, t;

	for (i = 0; i < ARRAY_SIZE(khz); i++) {
		u32 mul;
		s8 shift;

		holm_pv_scale(khz[i], &mul, &shift);
		for (f = 0; f < ARRAY_SIZE(from); f++) {
			u64 last = holm_pv_ticks_to_ns(from[f], mul, shift);

			for (t = 1; t < 100; t++) {
				u64 ns = holm_pv_ticks_to_ns(from[f] + t, mul, shift);

				KUNIT_EXPECT_GE_MSG(test, ns, last, "%u kHz, tick %llu + %u", khz[i],
						    from[f], t);
				last = ns;
			}
		}
	}
}

/* ---- pages ------------------------------------------------------------------ */

static struct pvclock_vcpu_time_info page_of(struct holm_env *env, u64 gpa)
{
	struct pvclock_vcpu_time_info info = {};

	pv_peek(env, gpa, &info, sizeof(info));
	return info;
}

/* What a guest computes: the vCPU's TSC now, by the page. */
static u64 guest_time(const struct holm_vcpu *vcpu, const struct pvclock_vcpu_time_info *info)
{
	u64 ticks = rdtsc_ordered() + vcpu->tsc_offset - info->tsc_timestamp;

	return info->system_time + holm_pv_ticks_to_ns(ticks, info->tsc_to_system_mul,
						       info->tsc_shift);
}

static struct holm_clock get_clock(struct kunit *test, struct holm_env *env)
{
	struct holm_clock clock = {};

	KUNIT_EXPECT_EQ(test, holm_env_ioctl(env, env->vm_file, HOLM_GET_CLOCK, &clock,
					     sizeof(clock)), 0L);
	return clock;
}

static long set_clock(struct holm_env *env, u64 ns, u32 flags)
{
	struct holm_clock clock = { .ns = ns, .flags = flags };

	return holm_env_ioctl(env, env->vm_file, HOLM_SET_CLOCK, &clock, sizeof(clock));
}

/* The page is whole, and says the time of the VM. */
static void expect_time(struct kunit *test, struct holm_env *env, u64 gpa)
{
	struct pvclock_vcpu_time_info info = page_of(env, gpa);
	u64 before, between, after;

	KUNIT_EXPECT_EQ_MSG(test, info.version & 1, 0U, "version %u", info.version);
	KUNIT_EXPECT_NE(test, info.version, 0U);
	before = get_clock(test, env).ns;
	between = guest_time(env->vcpu, &info);
	after = get_clock(test, env).ns;
	KUNIT_EXPECT_LE(test, before, between);
	KUNIT_EXPECT_LE(test, between, after);
}

static void clock_page(struct kunit *test, struct holm_env *env)
{
	struct pvclock_vcpu_time_info info;
	u32 version;

	KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_SYSTEM_TIME_NEW, PAGE_GPA | 1), 0);
	expect_time(test, env, PAGE_GPA);
	info = page_of(env, PAGE_GPA);
	KUNIT_EXPECT_EQ(test, info.flags, (u8)PVCLOCK_TSC_STABLE_BIT);
	version = info.version;

	/* The page stays as it is. */
	KUNIT_EXPECT_EQ(test, pv_exit(env), 0L);
	KUNIT_EXPECT_EQ(test, page_of(env, PAGE_GPA).version, version);

	/* The TSC jumps, the time does not. */
	KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_IA32_TSC_ADJUST, 1ULL << 40), 0);
	expect_time(test, env, PAGE_GPA);
	KUNIT_EXPECT_GT(test, page_of(env, PAGE_GPA).version, version);

	/* Switched off: nobody writes there. */
	KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_SYSTEM_TIME_NEW, 0), 0);
	memset(&info, 0x5a, sizeof(info));
	pv_poke(env, PAGE_GPA, &info, sizeof(info));
	KUNIT_EXPECT_EQ(test, set_clock(env, 5, 0), 0L);
	pv_exit(env);
	KUNIT_EXPECT_EQ(test, page_of(env, PAGE_GPA).version, 0x5a5a5a5aU);
}

static void clock_old_numbers(struct kunit *test, struct holm_env *env)
{
	u64 value = 0;

	KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_SYSTEM_TIME, PAGE_GPA | 1), 0);
	expect_time(test, env, PAGE_GPA);
	KUNIT_EXPECT_EQ(test, pv_rdmsr(env, MSR_KVM_SYSTEM_TIME_NEW, &value), 0);
	KUNIT_EXPECT_EQ(test, value, PAGE_GPA | 1);
	KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_WALL_CLOCK, WALL_GPA), 0);
	KUNIT_EXPECT_EQ(test, pv_rdmsr(env, MSR_KVM_WALL_CLOCK_NEW, &value), 0);
	KUNIT_EXPECT_EQ(test, value, WALL_GPA);
}

/* A page that was used before: an odd version, the mark of a guest that slept. */
static void clock_used_page(struct kunit *test, struct holm_env *env)
{
	struct pvclock_vcpu_time_info info = {
		.version = 0x77, .flags = PVCLOCK_GUEST_STOPPED | PVCLOCK_COUNTS_FROM_ZERO,
	};

	pv_poke(env, PAGE_GPA, &info, sizeof(info));
	KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_SYSTEM_TIME_NEW, PAGE_GPA | 1), 0);
	expect_time(test, env, PAGE_GPA);
	info = page_of(env, PAGE_GPA);
	KUNIT_EXPECT_EQ(test, info.version, 0x78U);
	KUNIT_EXPECT_EQ(test, info.flags, (u8)(PVCLOCK_GUEST_STOPPED | PVCLOCK_TSC_STABLE_BIT));
}

/* Over the edge of a page, of the slot, and where no slot is. */
static void clock_odd_places(struct kunit *test, struct holm_env *env)
{
	static const u64 nowhere[] = { ENV_RAM - 16, ENV_RAM, 1ULL << 40, ~3ULL };
	unsigned int i;

	KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_SYSTEM_TIME_NEW, 0x5ff0 | 1), 0);
	expect_time(test, env, 0x5ff0);
	for (i = 0; i < ARRAY_SIZE(nowhere); i++) {
		KUNIT_EXPECT_EQ_MSG(test, pv_wrmsr(env, MSR_KVM_SYSTEM_TIME_NEW, nowhere[i] | 1), 0,
				    "at %llx", nowhere[i]);
		KUNIT_EXPECT_EQ_MSG(test, pv_wrmsr(env, MSR_KVM_WALL_CLOCK_NEW, nowhere[i]), 0,
				    "at %llx", nowhere[i]);
	}
	/* The launcher has unmapped it. */
	KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_SYSTEM_TIME_NEW, PAGE_GPA | 1), 0);
	vm_munmap(env->ram + PAGE_GPA, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, set_clock(env, 5, 0), 0L);
	pv_exit(env);
	KUNIT_EXPECT_EQ(test, env->vcpu->requests & BIT(HOLM_REQ_PV), 0UL);
}

static void clock_is_dirty(struct kunit *test, struct holm_env *env)
{
	struct holm_slot slot = { .size = ENV_RAM, .uaddr = env->ram,
				  .flags = HOLM_SLOT_LOG_DIRTY };
	struct holm_dirty_log log = { .num_pages = 64, .bitmap = env->scratch + 2048 };
	u64 bits = 0;

	KUNIT_EXPECT_EQ(test, holm_env_ioctl(env, env->vm_file, HOLM_SET_SLOT, &slot,
					     sizeof(slot)), 0L);
	KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_SYSTEM_TIME_NEW, 0x5ff0 | 1), 0);
	KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_WALL_CLOCK_NEW, 0x9000), 0);
	KUNIT_EXPECT_EQ(test, holm_env_ioctl(env, env->vm_file, HOLM_GET_DIRTY_LOG, &log,
					     sizeof(log)), 0L);
	KUNIT_EXPECT_EQ(test, copy_from_user(&bits, (void __user *)env->scratch + 2048,
					     sizeof(bits)), 0UL);
	KUNIT_EXPECT_EQ(test, bits, BIT_ULL(5) | BIT_ULL(6) | BIT_ULL(9));
}

static void clock_wall(struct kunit *test, struct holm_env *env)
{
	struct pvclock_wall_clock wall = { .version = 3 };
	u64 before, after, zero, now;

	pv_poke(env, WALL_GPA, &wall, sizeof(wall));
	before = ktime_get_real_ns();
	KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_WALL_CLOCK_NEW, WALL_GPA), 0);
	now = get_clock(test, env).ns;
	after = ktime_get_real_ns();
	pv_peek(env, WALL_GPA, &wall, sizeof(wall));
	KUNIT_EXPECT_EQ(test, wall.version, 4U);
	KUNIT_EXPECT_LT(test, wall.nsec, (u32)NSEC_PER_SEC);
	/* When the VM's clock was 0; now it is that much later. */
	zero = wall.sec * NSEC_PER_SEC + wall.nsec;
	KUNIT_EXPECT_LE(test, zero + now, after + NSEC_PER_SEC);
	KUNIT_EXPECT_GE(test, zero + now + NSEC_PER_SEC, before);
}

/* ---- the VM's clock --------------------------------------------------------- */

static void clock_set(struct kunit *test, struct holm_env *env)
{
	static const u64 times[] = { 0, 1, 12345678901234ULL, 1ULL << 62 };
	struct holm_clock clock;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_SYSTEM_TIME_NEW, PAGE_GPA | 1), 0);
	for (i = 0; i < ARRAY_SIZE(times); i++) {
		KUNIT_EXPECT_EQ(test, set_clock(env, times[i], 0), 0L);
		clock = get_clock(test, env);
		KUNIT_EXPECT_GE(test, clock.ns, times[i]);
		KUNIT_EXPECT_LT(test, clock.ns, times[i] + 10 * NSEC_PER_SEC);
		KUNIT_EXPECT_EQ(test, clock.flags, HOLM_CLOCK_TSC_STABLE);
		KUNIT_EXPECT_NE(test, clock.realtime_ns, 0ULL);
		pv_exit(env);
		expect_time(test, env, PAGE_GPA);
		KUNIT_EXPECT_EQ(test, page_of(env, PAGE_GPA).flags & PVCLOCK_GUEST_STOPPED, 0);
	}

	/* Stopped: until the guest has seen it. */
	KUNIT_EXPECT_EQ(test, set_clock(env, 0, HOLM_CLOCK_STOPPED), 0L);
	pv_exit(env);
	KUNIT_EXPECT_NE(test, page_of(env, PAGE_GPA).flags & PVCLOCK_GUEST_STOPPED, 0);
	KUNIT_EXPECT_EQ(test, set_clock(env, 0, 0), 0L);
	pv_exit(env);
	KUNIT_EXPECT_NE(test, page_of(env, PAGE_GPA).flags & PVCLOCK_GUEST_STOPPED, 0);

	/* An hour in another host's disk. */
	clock = (struct holm_clock) {
		.ns = 1000, .flags = HOLM_CLOCK_REALTIME,
		.realtime_ns = ktime_get_real_ns() - 3600 * NSEC_PER_SEC,
	};
	KUNIT_EXPECT_EQ(test, holm_env_ioctl(env, env->vm_file, HOLM_SET_CLOCK, &clock,
					     sizeof(clock)), 0L);
	clock = get_clock(test, env);
	KUNIT_EXPECT_GE(test, clock.ns, 3600 * NSEC_PER_SEC);
	KUNIT_EXPECT_LT(test, clock.ns, 3610 * NSEC_PER_SEC);
	/* A wall clock that went back. */
	clock.realtime_ns += 3600 * NSEC_PER_SEC;
	clock.flags = HOLM_CLOCK_REALTIME;
	clock.ns = 5;
	KUNIT_EXPECT_EQ(test, holm_env_ioctl(env, env->vm_file, HOLM_SET_CLOCK, &clock,
					     sizeof(clock)), 0L);
	KUNIT_EXPECT_LT(test, get_clock(test, env).ns, 10 * NSEC_PER_SEC);
}

static void clock_set_errors(struct kunit *test, struct holm_env *env)
{
	static const struct holm_clock bad[] = {
		{ .ns = 1ULL << 63 },
		{ .flags = HOLM_CLOCK_TSC_STABLE },
		{ .flags = 8 },
		{ .reserved = 1 },
		{ .realtime_ns = 1 },
		{ .realtime_ns = 1ULL << 63, .flags = HOLM_CLOCK_REALTIME },
	};
	unsigned int i;
	u64 before = get_clock(test, env).ns;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct holm_clock clock = bad[i];

		KUNIT_EXPECT_EQ_MSG(test, holm_env_ioctl(env, env->vm_file, HOLM_SET_CLOCK, &clock,
							 sizeof(clock)), (long)-EINVAL, "row %u", i);
	}
	KUNIT_EXPECT_GE(test, get_clock(test, env).ns, before);
	KUNIT_EXPECT_LT(test, get_clock(test, env).ns, before + 10 * NSEC_PER_SEC);
}

/* A host whose TSCs are not one counter. */
static void clock_unstable(struct kunit *test, struct holm_env *env)
{
	struct pvclock_vcpu_time_info info;
	u64 before, after;

	KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_SYSTEM_TIME_NEW, PAGE_GPA | 1), 0);
	before = get_clock(test, env).ns;
	WRITE_ONCE(holm_tsc_distrust, true);
	after = get_clock(test, env).ns;
	KUNIT_EXPECT_GE(test, after, before);
	KUNIT_EXPECT_LT(test, after, before + 10 * NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, get_clock(test, env).flags, 0U);

	KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_SYSTEM_TIME_NEW, PAGE_GPA | 1), 0);
	info = page_of(env, PAGE_GPA);
	KUNIT_EXPECT_EQ(test, info.flags, (u8)0);
	KUNIT_EXPECT_EQ(test, info.version & 1, 0U);
	KUNIT_EXPECT_GE(test, info.system_time, after);
	KUNIT_EXPECT_GE(test, env->vcpu->pv.clock_cpu, 0);

	/* Bound to another CPU: it is read again before the vCPU enters. */
	env->vcpu->pv.clock_cpu = num_possible_cpus();
	pv_exit(env);
	KUNIT_EXPECT_GT(test, page_of(env, PAGE_GPA).version, info.version);
	KUNIT_EXPECT_LT(test, env->vcpu->pv.clock_cpu, (int)num_possible_cpus());

	WRITE_ONCE(holm_tsc_distrust, false);
	before = get_clock(test, env).ns;
	KUNIT_EXPECT_GE(test, before, after);
	KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_SYSTEM_TIME_NEW, PAGE_GPA | 1), 0);
	KUNIT_EXPECT_EQ(test, page_of(env, PAGE_GPA).flags, (u8)PVCLOCK_TSC_STABLE_BIT);
	KUNIT_EXPECT_EQ(test, env->vcpu->pv.clock_cpu, -1);
}

/* Somebody else asks for the vCPU's page: the vCPU itself has no reason to look. */
static void expect_asked(struct kunit *test, struct holm_env *env)
{
	unsigned int i;

	for (i = 0; i < 2000 && !test_bit(HOLM_PV_CLOCK, &env->vcpu->pv.work); i++)
		usleep_range(1000, 1100);
	KUNIT_EXPECT_TRUE(test, test_bit(HOLM_PV_CLOCK, &env->vcpu->pv.work));
	KUNIT_EXPECT_NE(test, env->vcpu->requests & BIT(HOLM_REQ_PV), 0UL);
	pv_exit(env);
}

/* Trust in the TSC goes, and comes again, under a vCPU that does nothing. */
static void clock_loses_trust(struct kunit *test, struct holm_env *env)
{
	KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_SYSTEM_TIME_NEW, PAGE_GPA | 1), 0);
	KUNIT_EXPECT_EQ(test, page_of(env, PAGE_GPA).flags, (u8)PVCLOCK_TSC_STABLE_BIT);
	WRITE_ONCE(holm_tsc_distrust, true);
	expect_asked(test, env);
	KUNIT_EXPECT_EQ(test, page_of(env, PAGE_GPA).flags, (u8)0);
	KUNIT_EXPECT_GE(test, env->vcpu->pv.clock_cpu, 0);
	WRITE_ONCE(holm_tsc_distrust, false);
	expect_asked(test, env);
	KUNIT_EXPECT_EQ(test, page_of(env, PAGE_GPA).flags, (u8)PVCLOCK_TSC_STABLE_BIT);

	/* Whoever reads the clock first and finds it another one tells the vCPUs. */
	env->vm->pv.stable = false;
	get_clock(test, env);
	KUNIT_EXPECT_TRUE(test, test_bit(HOLM_PV_CLOCK, &env->vcpu->pv.work));
}

/* The TSC that the clock was read by is behind the one that it went by before. */
static void clock_is_behind(struct kunit *test, struct holm_env *env)
{
	u64 hour = (u64)tsc_khz * MSEC_PER_SEC * 3600, before;

	KUNIT_EXPECT_EQ(test, set_clock(env, 5 * NSEC_PER_SEC, 0), 0L);
	msleep(20);
	before = get_clock(test, env).ns;
	env->vm->pv.tsc += hour;
	WRITE_ONCE(holm_tsc_distrust, true);
	KUNIT_EXPECT_GE(test, get_clock(test, env).ns, before);
}

/* The kernel has measured the TSC again. */
static void clock_is_refined(struct kunit *test, struct holm_env *env)
{
	struct pvclock_vcpu_time_info old, new;
	unsigned int khz = tsc_khz;

	KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_SYSTEM_TIME_NEW, PAGE_GPA | 1), 0);
	old = page_of(env, PAGE_GPA);
	WRITE_ONCE(tsc_khz, khz + khz / 2000);
	expect_asked(test, env);
	new = page_of(env, PAGE_GPA);
	KUNIT_EXPECT_NE(test, new.tsc_to_system_mul, old.tsc_to_system_mul);
	KUNIT_EXPECT_GT(test, new.system_time, old.system_time);
	expect_time(test, env, PAGE_GPA);
	WRITE_ONCE(tsc_khz, khz);
}

/* Another vCPU has asked for the page before this one saw that the machine slept. */
static void clock_stopped_for_all(struct kunit *test, struct holm_env *env)
{
	struct pvclock_vcpu_time_info info = {};

	KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_SYSTEM_TIME_NEW, PAGE_GPA | 1), 0);
	KUNIT_EXPECT_EQ(test, page_of(env, PAGE_GPA).flags & PVCLOCK_GUEST_STOPPED, 0);
	holm_pv_slept();
	holm_pv_request(env->vcpu, HOLM_PV_CLOCK);
	pv_exit(env);
	KUNIT_EXPECT_NE(test, page_of(env, PAGE_GPA).flags & PVCLOCK_GUEST_STOPPED, 0);

	/* Said once; and not to a guest that begins to use it only now. */
	pv_poke(env, PAGE_GPA, &info, sizeof(info));
	holm_pv_request(env->vcpu, HOLM_PV_CLOCK);
	pv_exit(env);
	KUNIT_EXPECT_EQ(test, page_of(env, PAGE_GPA).flags & PVCLOCK_GUEST_STOPPED, 0);
	KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_SYSTEM_TIME_NEW, 0), 0);
	holm_pv_slept();
	KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_SYSTEM_TIME_NEW, PAGE_GPA | 1), 0);
	KUNIT_EXPECT_EQ(test, page_of(env, PAGE_GPA).flags & PVCLOCK_GUEST_STOPPED, 0);
}

/* Ways to sleep that leave the CPUs online. */
static void clock_suspend_to_idle(struct kunit *test, struct holm_env *env)
{
	KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_SYSTEM_TIME_NEW, PAGE_GPA | 1), 0);
	holm_hw_sleep(NULL, PM_POST_SUSPEND, NULL);
	pv_exit(env);
	KUNIT_EXPECT_EQ(test, page_of(env, PAGE_GPA).flags & PVCLOCK_GUEST_STOPPED, 0);
	holm_hw_sleep(NULL, PM_SUSPEND_PREPARE, NULL);
	pv_exit(env);
	KUNIT_EXPECT_NE(test, page_of(env, PAGE_GPA).flags & PVCLOCK_GUEST_STOPPED, 0);
}

static void clock_suspend(struct kunit *test, struct holm_env *env)
{
	u64 before, after;
	u32 version;

	KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_SYSTEM_TIME_NEW, PAGE_GPA | 1), 0);
	version = page_of(env, PAGE_GPA).version;
	before = get_clock(test, env).ns;
	holm_pv_slept();
	after = get_clock(test, env).ns;
	KUNIT_EXPECT_GE(test, after, before);
	KUNIT_EXPECT_LT(test, after, before + 10 * NSEC_PER_SEC);
	pv_exit(env);
	KUNIT_EXPECT_GT(test, page_of(env, PAGE_GPA).version, version);
	KUNIT_EXPECT_NE(test, page_of(env, PAGE_GPA).flags & PVCLOCK_GUEST_STOPPED, 0);
	expect_time(test, env, PAGE_GPA);
}

/* ---- several vCPUs ---------------------------------------------------------- */

static void clock_in_step(struct kunit *test, struct holm_env *env)
{
	struct holm_vcpu *others[3];
	struct file *files[3] = {};
	int fds[3], i;

	for (i = 0; i < 3; i++) {
		struct holm_create_vcpu arg = { .apic_id = i + 1 };

		fds[i] = holm_env_ioctl(env, env->vm_file, HOLM_CREATE_VCPU, &arg, sizeof(arg));
		KUNIT_EXPECT_GE(test, fds[i], 0);
		if (fds[i] < 0)
			goto out;
		files[i] = fget(fds[i]);
		others[i] = files[i]->private_data;
		KUNIT_EXPECT_EQ(test, others[i]->tsc_offset, env->vcpu->tsc_offset);
	}
	KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_SYSTEM_TIME_NEW, PAGE_GPA | 1), 0);
	KUNIT_EXPECT_EQ(test, page_of(env, PAGE_GPA).flags, (u8)PVCLOCK_TSC_STABLE_BIT);

	/* Another vCPU's TSC jumps: this one's page does not promise any more. */
	preempt_disable();
	holm_tsc_set_offset(others[1], others[1]->tsc_offset + 1);
	preempt_enable();
	pv_exit(env);
	KUNIT_EXPECT_EQ(test, page_of(env, PAGE_GPA).flags, (u8)0);
	expect_time(test, env, PAGE_GPA);
	preempt_disable();
	holm_tsc_set_offset(others[1], env->vcpu->tsc_offset);
	preempt_enable();
	pv_exit(env);
	KUNIT_EXPECT_EQ(test, page_of(env, PAGE_GPA).flags, (u8)PVCLOCK_TSC_STABLE_BIT);

	/* Without its feature bit it is not promised. */
	env->vcpu->pv.features &= ~BIT(KVM_FEATURE_CLOCKSOURCE_STABLE_BIT);
	KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_SYSTEM_TIME_NEW, PAGE_GPA | 1), 0);
	KUNIT_EXPECT_EQ(test, page_of(env, PAGE_GPA).flags, (u8)0);
out:
	for (i = 0; i < 3 && files[i]; i++) {
		fput(files[i]);
		close_fd(fds[i]);
	}
}

/* ---- MSRs ------------------------------------------------------------------- */

static const struct {
	u32 index;
	unsigned int feature;
	u64 good, bad;		/* bad 0: there is none */
} msrs[] = {
	{ MSR_KVM_WALL_CLOCK, KVM_FEATURE_CLOCKSOURCE, WALL_GPA, 0 },
	{ MSR_KVM_SYSTEM_TIME, KVM_FEATURE_CLOCKSOURCE, PAGE_GPA | 1, 0 },
	{ MSR_KVM_WALL_CLOCK_NEW, KVM_FEATURE_CLOCKSOURCE2, WALL_GPA, 0 },
	{ MSR_KVM_SYSTEM_TIME_NEW, KVM_FEATURE_CLOCKSOURCE2, PAGE_GPA | 1, 0 },
	{ MSR_KVM_STEAL_TIME, KVM_FEATURE_STEAL_TIME, 0x7000 | 1, 0x7002 },
	{ MSR_KVM_PV_EOI_EN, KVM_FEATURE_PV_EOI, 0x8004 | 1, 0x8002 },
	{ MSR_KVM_POLL_CONTROL, KVM_FEATURE_POLL_CONTROL, 0, 2 },
};

static void msr_features(struct kunit *test, struct holm_env *env)
{
	struct holm_pv *pv = &env->vcpu->pv;
	unsigned int i;
	u64 value;

	KUNIT_EXPECT_EQ(test, pv->features, (u32)HOLM_PV_FEATURES);
	for (i = 0; i < ARRAY_SIZE(msrs); i++) {
		KUNIT_EXPECT_EQ_MSG(test, pv_wrmsr(env, msrs[i].index, msrs[i].good), 0, "MSR %x",
				    msrs[i].index);
		KUNIT_EXPECT_EQ_MSG(test, pv_rdmsr(env, msrs[i].index, &value), 0, "MSR %x",
				    msrs[i].index);
		KUNIT_EXPECT_EQ_MSG(test, value, msrs[i].good, "MSR %x", msrs[i].index);
		if (msrs[i].bad)
			KUNIT_EXPECT_EQ_MSG(test, pv_wrmsr(env, msrs[i].index, msrs[i].bad), 13,
					    "MSR %x", msrs[i].index);
		pv->features = ~BIT(msrs[i].feature);
		holm_msr_model(env->vcpu);
		KUNIT_EXPECT_EQ_MSG(test, pv_wrmsr(env, msrs[i].index, msrs[i].good), 13, "MSR %x",
				    msrs[i].index);
		KUNIT_EXPECT_EQ_MSG(test, pv_rdmsr(env, msrs[i].index, &value), 13, "MSR %x",
				    msrs[i].index);
		pv->features = HOLM_PV_FEATURES;
		holm_msr_model(env->vcpu);
	}
}

/* Without KVM's signature the guest has none of it. */
static void msr_signature(struct kunit *test, struct holm_env *env)
{
	struct holm_vcpu *vcpu = env->vcpu;
	unsigned int i;

	for (i = 0; i < vcpu->cpuid_nent; i++)
		if (vcpu->cpuid[i].function == CPUID_LEAF_HYPERVISOR)
			vcpu->cpuid[i].ecx = 0;
	holm_cpuid_model(vcpu);
	KUNIT_EXPECT_EQ(test, vcpu->pv.features, 0U);
	KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_SYSTEM_TIME_NEW, PAGE_GPA | 1), 13);
}

static long move_msrs(struct holm_env *env, bool set, struct holm_msr *list)
{
	return holm_env_state(env, set, HOLM_STATE_MSRS, list, ARRAY_SIZE(msrs) * sizeof(*list));
}

/* Get, set in any order, get; and what is set takes effect. */
static void msr_state(struct kunit *test, struct holm_env *env)
{
	struct holm_msr out[ARRAY_SIZE(msrs)] = {}, in[ARRAY_SIZE(msrs)] = {};
	unsigned int i, n = ARRAY_SIZE(msrs);

	env->vcpu->pv.features = 0;	/* the launcher needs none */
	for (i = 0; i < n; i++)
		in[i] = (struct holm_msr) { .index = msrs[n - 1 - i].index,
					    .value = msrs[n - 1 - i].good };
	KUNIT_EXPECT_EQ(test, move_msrs(env, true, in), 0L);
	for (i = 0; i < n; i++)
		out[i].index = msrs[i].index;
	KUNIT_EXPECT_EQ(test, move_msrs(env, false, out), 0L);
	for (i = 0; i < n; i++) {
		KUNIT_EXPECT_EQ_MSG(test, out[i].value, msrs[i].good, "MSR %x", out[i].index);
		in[i] = out[i];
	}
	KUNIT_EXPECT_EQ(test, move_msrs(env, true, in), 0L);
	KUNIT_EXPECT_EQ(test, move_msrs(env, false, out), 0L);
	KUNIT_EXPECT_EQ(test, memcmp(in, out, sizeof(in)), 0);
	for (i = 0; i < n; i++) {
		if (!msrs[i].bad)
			continue;
		in[0].value = 0;
		in[n - 1] = (struct holm_msr) { .index = msrs[i].index, .value = msrs[i].bad };
		KUNIT_EXPECT_EQ_MSG(test, move_msrs(env, true, in), (long)-EINVAL, "MSR %x",
				    msrs[i].index);
	}
	KUNIT_EXPECT_EQ(test, move_msrs(env, false, out), 0L);
	KUNIT_EXPECT_EQ(test, out[0].value, msrs[0].good);

	pv_exit(env);
	expect_time(test, env, PAGE_GPA);
}

static void msr_reset(struct kunit *test, struct holm_env *env)
{
	bool init;

	for (init = false;; init = true) {
		KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_STEAL_TIME, 0x7000 | 1), 0);
		KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_PV_EOI_EN, 0x8004 | 1), 0);
		KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_POLL_CONTROL, 0), 0);
		KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_SYSTEM_TIME_NEW, PAGE_GPA | 1), 0);
		holm_state_reset(env->vcpu, init);
		KUNIT_EXPECT_EQ(test, env->vcpu->pv.system_time, 0ULL);
		KUNIT_EXPECT_EQ(test, env->vcpu->pv.steal_time, 0ULL);
		KUNIT_EXPECT_EQ(test, env->vcpu->pv.eoi, 0ULL);
		KUNIT_EXPECT_EQ(test, env->vcpu->pv.poll_control, 1ULL);
		KUNIT_EXPECT_EQ(test, env->vcpu->pv.clock_cpu, -1);
		KUNIT_EXPECT_EQ(test, env->vcpu->pv.features, (u32)HOLM_PV_FEATURES);
		if (init)
			break;
	}
}

/* ---- the suite -------------------------------------------------------------- */

static const struct holm_env_case cases[] = {
	{ "kvmclock page", clock_page },
	{ "kvmclock by the old MSRs", clock_old_numbers },
	{ "kvmclock page used before", clock_used_page },
	{ "kvmclock in odd places", clock_odd_places },
	{ "kvmclock marks pages dirty", clock_is_dirty },
	{ "wall clock", clock_wall },
	{ "HOLM_SET_CLOCK", clock_set },
	{ "HOLM_SET_CLOCK errors", clock_set_errors },
	{ "unstable TSC", clock_unstable },
	{ "TSC loses trust", clock_loses_trust },
	{ "TSC is behind", clock_is_behind },
	{ "TSC is measured again", clock_is_refined },
	{ "suspended host", clock_suspend },
	{ "suspended host, every vCPU is told", clock_stopped_for_all },
	{ "host suspended to idle", clock_suspend_to_idle },
	{ "TSCs in step", clock_in_step },
	{ "MSRs need their feature", msr_features },
	{ "features need the signature", msr_signature },
	{ "MSR state", msr_state },
	{ "MSRs after RESET and INIT", msr_reset },
};

KUNIT_ARRAY_PARAM(pv, cases, holm_env_case_desc);

static void test_pv(struct kunit *test)
{
	holm_env_run_case(test);
	WRITE_ONCE(holm_tsc_distrust, false);
}

static struct kunit_case pv_suite_cases[] = {
	KUNIT_CASE(test_scale),
	KUNIT_CASE(test_monotonic),
	KUNIT_CASE_PARAM(test_pv, pv_gen_params),
	{}
};

struct kunit_suite holm_pv_suite = {
	.name = "holm-pv",
	.test_cases = pv_suite_cases,
};
