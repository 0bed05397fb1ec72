// SPDX-License-Identifier: GPL-2.0-only
/* What the control plane does to a VM and counts of it: pauses, statistics, events. */
#include <linux/delay.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/workqueue.h>
#include <asm/kvm_para.h>
#include <asm/pvclock-abi.h>

#include "../../kmod/exits.h"
#include "../../kmod/stats.h"
#include "env.h"
#include "pv_rig.h"
#include "suites.h"

static enum holm_next exit_out8(struct holm_vcpu *vcpu)
{
	return holm_exit_io(vcpu, 0x80, 1, 0);
}

static long run(struct holm_env *env)
{
	return holm_env_ioctl_raw(env->vcpu_file, HOLM_RUN, 0);
}

/* Go on behind the port access. */
static long run_on(struct holm_env *env)
{
	env->run->in_flags = HOLM_RUN_COMPLETE;
	return run(env);
}

/* ---- pauses ------------------------------------------------------------------- */

/* Another thread, some time after the vCPU was started. */
static struct pauser {
	struct delayed_work work;
	struct holm_vm *vm;
	struct holm_fake_vcpu *fake;
	bool pauses;		/* it pauses first */
	bool changed;		/* what holm_vm_pause() said to that */
	unsigned int before, after;	/* entries of the guest in the pause */
} pauser;

static void pauser_fn(struct work_struct *work)
{
	if (pauser.pauses)
		WRITE_ONCE(pauser.changed, holm_vm_pause(pauser.vm, true));
	pauser.before = READ_ONCE(pauser.fake->entries);
	msleep(20);
	pauser.after = READ_ONCE(pauser.fake->entries);
	holm_vm_pause(pauser.vm, false);
}

static void pauser_start(struct holm_env *env, bool pauses)
{
	pauser.vm = env->vm;
	pauser.fake = env->fake;
	pauser.pauses = pauses;
	pauser.changed = false;
	pauser.after = ~0U;
	INIT_DELAYED_WORK(&pauser.work, pauser_fn);
	schedule_delayed_work(&pauser.work, msecs_to_jiffies(20));
}

static void pause_run(struct kunit *test, struct holm_env *env)
{
	static const struct holm_fake_step script[] = { { .exit = exit_out8, .insn_len = 2 } };

	holm_env_script(env, script, ARRAY_SIZE(script));
	KUNIT_EXPECT_TRUE(test, holm_vm_pause(env->vm, true));
	KUNIT_EXPECT_FALSE(test, holm_vm_pause(env->vm, true));
	pauser_start(env, false);
	KUNIT_EXPECT_EQ(test, run(env), 0L);
	cancel_delayed_work_sync(&pauser.work);
	KUNIT_EXPECT_EQ(test, pauser.after, 0U);
	KUNIT_EXPECT_EQ(test, env->fake->entries, 1U);
	KUNIT_EXPECT_EQ(test, env->run->exit_reason, (u32)HOLM_EXIT_IO);
	KUNIT_EXPECT_FALSE(test, holm_vm_pause(env->vm, false));
}

/* The guest runs until it has been paused. */
static enum holm_next exit_until_paused(struct holm_vcpu *vcpu)
{
	if (!READ_ONCE(pauser.changed))
		holm_fake(vcpu)->pos--;
	return HOLM_NEXT_ENTER;
}

static void pause_guest(struct kunit *test, struct holm_env *env)
{
	static const struct holm_fake_step script[] = {
		{ .exit = exit_until_paused },
		{ .exit = exit_out8, .insn_len = 2 },
	};

	holm_env_script(env, script, ARRAY_SIZE(script));
	pauser_start(env, true);
	KUNIT_EXPECT_EQ(test, run(env), 0L);
	cancel_delayed_work_sync(&pauser.work);
	KUNIT_EXPECT_TRUE(test, pauser.changed);
	KUNIT_EXPECT_GT(test, pauser.before, 0U);
	KUNIT_EXPECT_EQ(test, pauser.after, pauser.before);
	/* The exit that it was paused behind may have been answered before or after. */
	KUNIT_EXPECT_GT(test, env->fake->entries, pauser.after);
	KUNIT_EXPECT_LE(test, env->fake->entries, pauser.after + 2);
}

/* A halted vCPU is paused, too, and what wakes it waits. */
static void pause_halted(struct kunit *test, struct holm_env *env)
{
	static const struct holm_fake_step script[] = { { .exit = exit_out8, .insn_len = 2 } };

	holm_env_script(env, script, ARRAY_SIZE(script));
	holm_vm_pause(env->vm, true);
	env->vcpu->mp_state = HOLM_MP_HALTED;
	atomic_inc(&env->vcpu->nmi_pending);
	pauser_start(env, false);
	KUNIT_EXPECT_EQ(test, run(env), 0L);
	cancel_delayed_work_sync(&pauser.work);
	KUNIT_EXPECT_EQ(test, pauser.after, 0U);
	KUNIT_EXPECT_EQ(test, env->fake->nr_injected, 1U);
}

static void pause_signal(struct kunit *test, struct holm_env *env)
{
	static const struct holm_fake_step script[] = { { .exit = exit_out8, .insn_len = 2 } };
	long ret;

	holm_env_script(env, script, ARRAY_SIZE(script));
	holm_vm_pause(env->vm, true);
	set_tsk_thread_flag(current, TIF_SIGPENDING);
	ret = run(env);
	clear_thread_flag(TIF_SIGPENDING);
	KUNIT_EXPECT_EQ(test, ret, (long)-EINTR);
	KUNIT_EXPECT_EQ(test, env->fake->entries, 0U);
	holm_vm_pause(env->vm, false);
	KUNIT_EXPECT_EQ(test, run(env), 0L);
}

static void pause_new_vcpu(struct kunit *test, struct holm_env *env)
{
	struct holm_create_vcpu arg = { .apic_id = 7 };
	long fd;

	holm_vm_pause(env->vm, true);
	fd = holm_env_ioctl(env, env->vm_file, HOLM_CREATE_VCPU, &arg, sizeof(arg));
	KUNIT_ASSERT_GE(test, fd, 0L);
	KUNIT_EXPECT_TRUE(test, test_bit(HOLM_REQ_PAUSE, &env->vm->vcpus[1]->requests));
	holm_vm_pause(env->vm, false);
	KUNIT_EXPECT_FALSE(test, test_bit(HOLM_REQ_PAUSE, &env->vm->vcpus[1]->requests));
	close_fd(fd);
}

/* The guest learns that its clock stood still, whether a thread waited in HOLM_RUN or not. */
static void pause_clock(struct kunit *test, struct holm_env *env)
{
	static const struct holm_fake_step script[] = { { .exit = exit_out8, .insn_len = 2 } };
	static const u64 gpa = 0x5000;
	struct pvclock_vcpu_time_info info = {};

	KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_SYSTEM_TIME_NEW, gpa | 1), 0);
	holm_vm_pause(env->vm, true);
	holm_vm_pause(env->vm, false);
	pv_exit(env);
	pv_peek(env, gpa, &info, sizeof(info));
	KUNIT_EXPECT_NE(test, info.flags & PVCLOCK_GUEST_STOPPED, 0);

	memset(&info, 0, sizeof(info));
	pv_poke(env, gpa, &info, sizeof(info));
	holm_env_script(env, script, ARRAY_SIZE(script));
	holm_vm_pause(env->vm, true);
	pauser_start(env, false);
	KUNIT_EXPECT_EQ(test, run(env), 0L);
	cancel_delayed_work_sync(&pauser.work);
	pv_peek(env, gpa, &info, sizeof(info));
	KUNIT_EXPECT_NE(test, info.flags & PVCLOCK_GUEST_STOPPED, 0);
}

/* ---- parameters ------------------------------------------------------------------ */

static void ple_request(struct kunit *test, struct holm_env *env)
{
	static const struct holm_fake_step script[] = { { .exit = exit_out8, .insn_len = 2 } };
	unsigned int before = env->fake->model_changes;

	KUNIT_EXPECT_TRUE(test, holm_ple_on(env->vm));
	WRITE_ONCE(env->vm->ple.window, 0);
	KUNIT_EXPECT_FALSE(test, holm_ple_on(env->vm));
	holm_vcpu_request(env->vcpu, HOLM_REQ_MODEL);
	holm_env_script(env, script, ARRAY_SIZE(script));
	KUNIT_EXPECT_EQ(test, run(env), 0L);
	KUNIT_EXPECT_EQ(test, env->fake->model_changes, before + 1);
	KUNIT_EXPECT_EQ(test, env->vcpu->requests, 0UL);
}

static struct waker {
	struct delayed_work work;
	struct holm_vcpu *vcpu;
	u64 halts;
} waker;

static void waker_fn(struct work_struct *work)
{
	holm_vcpu_request(waker.vcpu, HOLM_REQ_MODEL);
	msleep(20);
	waker.halts = READ_ONCE(waker.vcpu->stats.halts);
	atomic_inc(&waker.vcpu->nmi_pending);
	holm_vcpu_kick(waker.vcpu);
}

/* Changed parameters do not wake it, nor does it look for them all the time. */
static void ple_halted(struct kunit *test, struct holm_env *env)
{
	static const struct holm_fake_step script[] = { { .exit = exit_out8, .insn_len = 2 } };
	unsigned int before = env->fake->model_changes;

	holm_env_script(env, script, ARRAY_SIZE(script));
	env->vcpu->mp_state = HOLM_MP_HALTED;
	waker.vcpu = env->vcpu;
	waker.halts = 0;
	INIT_DELAYED_WORK(&waker.work, waker_fn);
	schedule_delayed_work(&waker.work, msecs_to_jiffies(20));
	KUNIT_EXPECT_EQ(test, run(env), 0L);
	cancel_delayed_work_sync(&waker.work);
	KUNIT_EXPECT_EQ(test, waker.halts, 1ULL);
	KUNIT_EXPECT_EQ(test, env->vcpu->stats.halts, 1ULL);
	KUNIT_EXPECT_EQ(test, env->fake->model_changes, before + 1);
}

/* ---- statistics ------------------------------------------------------------------ */

static int stats_set(struct holm_env *env, bool on)
{
	int err;

	mutex_lock(&env->vm->lock);
	err = holm_stats_set(env->vm, on);
	mutex_unlock(&env->vm->lock);
	return err;
}

static struct holm_exit_counts counts_of(struct holm_env *env, enum holm_exit_reason reason)
{
	struct holm_exit_counts counts;

	mutex_lock(&holm_vms_lock);
	holm_stats_get(env->vcpu, reason, &counts);
	mutex_unlock(&holm_vms_lock);
	return counts;
}

static u64 in_histogram(const struct holm_exit_counts *counts)
{
	unsigned int i;
	u64 n = 0;

	for (i = 0; i < ARRAY_SIZE(counts->histogram); i++)
		n += counts->histogram[i];
	return n;
}

static void stats_count(struct kunit *test, struct holm_env *env)
{
	static const struct holm_fake_step script[] = {
		{ .exit = holm_exit_cpuid, .insn_len = 2, .reason = HOLM_EXIT_REASON_CPUID },
		{ .exit = holm_exit_cpuid, .insn_len = 2, .reason = HOLM_EXIT_REASON_CPUID },
		{ .exit = holm_exit_cpuid, .insn_len = 2, .reason = HOLM_EXIT_REASON_CPUID },
		{ .exit = exit_out8, .insn_len = 2, .reason = HOLM_EXIT_REASON_IO },
		{ .exit = holm_exit_cpuid, .insn_len = 2, .reason = HOLM_EXIT_REASON_CPUID },
		{ .exit = exit_out8, .insn_len = 2, .reason = HOLM_EXIT_REASON_IO },
		{ .exit = exit_out8, .insn_len = 2, .reason = HOLM_EXIT_REASON_IO },
	};
	struct holm_exit_counts c;

	holm_env_script(env, script, ARRAY_SIZE(script));
	KUNIT_EXPECT_NULL(test, env->vcpu->exit_stats);
	KUNIT_ASSERT_EQ(test, stats_set(env, true), 0);
	KUNIT_EXPECT_EQ(test, stats_set(env, true), 0);
	KUNIT_ASSERT_EQ(test, run(env), 0L);
	c = counts_of(env, HOLM_EXIT_REASON_CPUID);
	KUNIT_EXPECT_EQ(test, c.count, 3ULL);
	KUNIT_EXPECT_EQ(test, in_histogram(&c), 3ULL);
	KUNIT_EXPECT_GT(test, c.time, 0ULL);
	/* The guest has not been entered since. */
	c = counts_of(env, HOLM_EXIT_REASON_IO);
	KUNIT_EXPECT_EQ(test, c.count, 1ULL);
	KUNIT_EXPECT_EQ(test, in_histogram(&c), 0ULL);
	KUNIT_EXPECT_EQ(test, env->vcpu->exit_stats->reason, HOLM_EXIT_REASON_IO);

	msleep(20);
	KUNIT_ASSERT_EQ(test, run_on(env), 0L);
	c = counts_of(env, HOLM_EXIT_REASON_IO);
	KUNIT_EXPECT_EQ(test, c.count, 2ULL);
	KUNIT_EXPECT_EQ(test, in_histogram(&c), 1ULL);
	KUNIT_EXPECT_GE(test, c.time, 10ULL * NSEC_PER_MSEC);
	KUNIT_EXPECT_GE(test, env->vcpu->exit_stats->time[HOLM_STATS_USER],
			10ULL * NSEC_PER_MSEC);
	KUNIT_EXPECT_GT(test, env->vcpu->exit_stats->time[HOLM_STATS_KERNEL], 0ULL);

	/* Off: nothing is counted, and what was is kept. */
	KUNIT_EXPECT_EQ(test, stats_set(env, false), 0);
	KUNIT_ASSERT_EQ(test, run_on(env), 0L);
	KUNIT_EXPECT_EQ(test, counts_of(env, HOLM_EXIT_REASON_IO).count, 2ULL);
}

/* What was between off and on is nobody's time. */
static void stats_off_on(struct kunit *test, struct holm_env *env)
{
	static const struct holm_fake_step script[] = {
		{ .exit = exit_out8, .insn_len = 2, .reason = HOLM_EXIT_REASON_IO },
		{ .exit = exit_out8, .insn_len = 2, .reason = HOLM_EXIT_REASON_IO },
	};
	struct holm_exit_counts c;

	holm_env_script(env, script, ARRAY_SIZE(script));
	KUNIT_ASSERT_EQ(test, stats_set(env, true), 0);
	KUNIT_ASSERT_EQ(test, run(env), 0L);
	KUNIT_ASSERT_EQ(test, stats_set(env, false), 0);
	KUNIT_ASSERT_EQ(test, stats_set(env, true), 0);
	KUNIT_ASSERT_EQ(test, run_on(env), 0L);
	c = counts_of(env, HOLM_EXIT_REASON_IO);
	KUNIT_EXPECT_EQ(test, c.count, 2ULL);
	KUNIT_EXPECT_EQ(test, in_histogram(&c), 0ULL);
	KUNIT_EXPECT_EQ(test, env->vcpu->exit_stats->time[HOLM_STATS_USER], 0ULL);
}

static void stats_reset(struct kunit *test, struct holm_env *env)
{
	static const struct holm_fake_step script[] = {
		{ .exit = holm_exit_cpuid, .insn_len = 2, .reason = HOLM_EXIT_REASON_CPUID },
		{ .exit = exit_out8, .insn_len = 2, .reason = HOLM_EXIT_REASON_IO },
		{ .exit = holm_exit_cpuid, .insn_len = 2, .reason = HOLM_EXIT_REASON_CPUID },
		{ .exit = exit_out8, .insn_len = 2, .reason = HOLM_EXIT_REASON_IO },
	};
	struct holm_exit_counts c;

	holm_env_script(env, script, ARRAY_SIZE(script));
	KUNIT_ASSERT_EQ(test, stats_set(env, true), 0);
	KUNIT_ASSERT_EQ(test, run(env), 0L);
	c = counts_of(env, HOLM_EXIT_REASON_CPUID);
	mutex_lock(&holm_vms_lock);
	holm_stats_reset(env->vcpu, HOLM_EXIT_REASON_CPUID, &c);
	mutex_unlock(&holm_vms_lock);
	c = counts_of(env, HOLM_EXIT_REASON_CPUID);
	KUNIT_EXPECT_NULL(test, memchr_inv(&c, 0, sizeof(c)));
	KUNIT_EXPECT_EQ(test, counts_of(env, HOLM_EXIT_REASON_IO).count, 1ULL);
	KUNIT_ASSERT_EQ(test, run_on(env), 0L);
	c = counts_of(env, HOLM_EXIT_REASON_CPUID);
	KUNIT_EXPECT_EQ(test, c.count, 1ULL);
	KUNIT_EXPECT_EQ(test, in_histogram(&c), 1ULL);
}

static u64 worked;		/* ns by the clock that statistics go by */

static void guest_works(struct holm_vcpu *vcpu, struct holm_fake_vcpu *fake)
{
	u64 start = ktime_get_mono_fast_ns();
	unsigned int i;

	for (i = 0; i < 100; i++)
		udelay(10);
	worked = ktime_get_mono_fast_ns() - start;
}

static void stats_times(struct kunit *test, struct holm_env *env)
{
	static const struct holm_fake_step script[] = {
		{ .guest = guest_works, .exit = exit_out8, .insn_len = 2,
		  .reason = HOLM_EXIT_REASON_IO },
		{ .exit = exit_out8, .insn_len = 2, .reason = HOLM_EXIT_REASON_IO },
	};
	const u64 *time;

	holm_env_script(env, script, ARRAY_SIZE(script));
	KUNIT_ASSERT_EQ(test, stats_set(env, true), 0);
	KUNIT_ASSERT_EQ(test, run(env), 0L);
	time = env->vcpu->exit_stats->time;
	KUNIT_EXPECT_GT(test, worked, 0ULL);
	KUNIT_EXPECT_GE(test, time[HOLM_STATS_GUEST], worked);
	KUNIT_EXPECT_EQ(test, time[HOLM_STATS_HALTED], 0ULL);

	holm_vm_pause(env->vm, true);
	pauser_start(env, false);
	KUNIT_EXPECT_EQ(test, run_on(env), 0L);
	cancel_delayed_work_sync(&pauser.work);
	KUNIT_EXPECT_GE(test, time[HOLM_STATS_HALTED], 10ULL * NSEC_PER_MSEC);
}

/* A vCPU that comes later is counted, too; and the VM may go with statistics on. */
static void stats_new_vcpu(struct kunit *test, struct holm_env *env)
{
	static const struct holm_fake_step script[] = {
		{ .exit = exit_out8, .insn_len = 2, .reason = HOLM_EXIT_REASON_IO },
	};
	struct holm_create_vcpu arg = { .apic_id = 7 };
	struct holm_fake_vcpu *fake;
	struct holm_vcpu *vcpu;
	struct file *file;
	long fd;

	KUNIT_ASSERT_EQ(test, stats_set(env, true), 0);
	fd = holm_env_ioctl(env, env->vm_file, HOLM_CREATE_VCPU, &arg, sizeof(arg));
	KUNIT_ASSERT_GE(test, fd, 0L);
	vcpu = env->vm->vcpus[1];
	KUNIT_EXPECT_NOT_NULL(test, vcpu->exit_stats);
	fake = holm_fake(vcpu);
	fake->script = script;
	fake->nr_steps = ARRAY_SIZE(script);
	vcpu->mp_state = HOLM_MP_RUNNABLE;	/* no SIPI comes */
	file = fget(fd);
	KUNIT_EXPECT_EQ(test, holm_env_set_cpuid(env, file), 0);
	KUNIT_EXPECT_EQ(test, holm_env_ioctl_raw(file, HOLM_RUN, 0), 0L);
	fput(file);
	KUNIT_EXPECT_EQ(test, vcpu->exit_stats->by[HOLM_EXIT_REASON_IO].count, 1ULL);
	close_fd(fd);
}

static void test_bucket(struct kunit *test)
{
	static const struct { u64 ns; unsigned int bucket; } rows[] = {
		{ 0, 0 }, { 1, 0 }, { 2, 1 }, { 3, 1 }, { 4, 2 }, { 1023, 9 }, { 1024, 10 },
		{ (1ULL << 39) - 1, 38 }, { 1ULL << 39, 39 }, { 1ULL << 40, 39 }, { ~0ULL, 39 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		KUNIT_EXPECT_EQ_MSG(test, holm_stats_bucket(rows[i].ns), rows[i].bucket,
				    "%llu ns", rows[i].ns);
}

/* ---- events ---------------------------------------------------------------------- */

static struct {
	unsigned int n;
	enum holm_vm_event event;
	u64 detail;
} heard;

static int hear(struct notifier_block *nb, unsigned long event, void *data)
{
	const struct holm_vm_notice *notice = data;

	heard.n++;
	heard.event = notice->event;
	heard.detail = notice->detail;
	return NOTIFY_OK;
}

static struct notifier_block hearer = { .notifier_call = hear };

static void guest_msr(struct holm_vcpu *vcpu, struct holm_fake_vcpu *fake)
{
	vcpu->regs.gpr[HOLM_RCX] = 0xdeadbeef;
}

/* In the same second as the last event. */
static void guest_msr_again(struct holm_vcpu *vcpu, struct holm_fake_vcpu *fake)
{
	guest_msr(vcpu, fake);
	vcpu->msr_told = get_jiffies_64();
}

static void guest_msr_later(struct holm_vcpu *vcpu, struct holm_fake_vcpu *fake)
{
	guest_msr(vcpu, fake);
	vcpu->msr_told = get_jiffies_64() - HZ;
}

static void guest_msr_denied(struct holm_vcpu *vcpu, struct holm_fake_vcpu *fake)
{
	vcpu->regs.gpr[HOLM_RCX] = MSR_IA32_APICBASE;
	vcpu->regs.gpr[HOLM_RAX] = ~0ULL;
	vcpu->regs.gpr[HOLM_RDX] = ~0ULL;
}

/* One event a second for MSRs that are not there, none for values that are refused. */
static void msr_event(struct kunit *test, struct holm_env *env)
{
	static const struct holm_fake_step script[] = {
		{ .exit = exit_out8, .insn_len = 2 },
		{ .guest = guest_msr_denied, .exit = holm_exit_wrmsr, .insn_len = 2 },
		{ .exit = exit_out8, .insn_len = 2 },
		{ .guest = guest_msr, .exit = holm_exit_rdmsr, .insn_len = 2 },
		{ .guest = guest_msr_again, .exit = holm_exit_wrmsr, .insn_len = 2 },
		{ .exit = exit_out8, .insn_len = 2 },
		{ .guest = guest_msr_later, .exit = holm_exit_wrmsr, .insn_len = 2 },
		{ .exit = exit_out8, .insn_len = 2 },
	};

	holm_env_script(env, script, ARRAY_SIZE(script));
	KUNIT_ASSERT_EQ(test, run(env), 0L);		/* it has started */
	KUNIT_ASSERT_EQ(test, blocking_notifier_chain_register(&holm_vm_chain, &hearer), 0);
	heard.n = 0;
	KUNIT_EXPECT_EQ(test, run_on(env), 0L);
	KUNIT_EXPECT_EQ(test, heard.n, 0U);
	KUNIT_EXPECT_EQ(test, run_on(env), 0L);
	KUNIT_EXPECT_EQ(test, heard.n, 1U);
	KUNIT_EXPECT_EQ(test, heard.event, HOLM_VM_EVENT_UNHANDLED_MSR);
	KUNIT_EXPECT_EQ(test, heard.detail, 0xdeadbeefULL);
	KUNIT_EXPECT_EQ(test, run_on(env), 0L);
	KUNIT_EXPECT_EQ(test, heard.n, 2U);
	KUNIT_EXPECT_EQ(test, env->fake->injected[1].vector, (u8)13);
	blocking_notifier_chain_unregister(&holm_vm_chain, &hearer);
}

static void report_event(struct kunit *test, struct holm_env *env)
{
	struct holm_report arg = { .event = HOLM_REPORT_SHUTDOWN };

	KUNIT_ASSERT_EQ(test, blocking_notifier_chain_register(&holm_vm_chain, &hearer), 0);
	heard.n = 0;
	KUNIT_EXPECT_EQ(test, holm_env_ioctl(env, env->vm_file, HOLM_REPORT, &arg, sizeof(arg)), 0L);
	KUNIT_EXPECT_EQ(test, heard.event, HOLM_VM_EVENT_GUEST_SHUTDOWN);
	arg.event = HOLM_REPORT_RESET;
	KUNIT_EXPECT_EQ(test, holm_env_ioctl(env, env->vm_file, HOLM_REPORT, &arg, sizeof(arg)), 0L);
	KUNIT_EXPECT_EQ(test, heard.event, HOLM_VM_EVENT_GUEST_RESET);
	KUNIT_EXPECT_EQ(test, heard.n, 2U);
	arg.flags = 1;
	KUNIT_EXPECT_EQ(test, holm_env_ioctl(env, env->vm_file, HOLM_REPORT, &arg, sizeof(arg)),
			(long)-EINVAL);
	for (arg.flags = 0, arg.event = 0; arg.event < 10; arg.event += 3)
		KUNIT_EXPECT_EQ(test, holm_env_ioctl(env, env->vm_file, HOLM_REPORT, &arg,
						     sizeof(arg)), (long)-EINVAL);
	KUNIT_EXPECT_EQ(test, heard.n, 2U);
	blocking_notifier_chain_unregister(&holm_vm_chain, &hearer);
}

static const struct holm_env_case control_cases[] = {
	{ "HOLM_RUN of a paused VM waits", pause_run },
	{ "paused while in the guest", pause_guest },
	{ "paused while halted", pause_halted },
	{ "paused, and a signal", pause_signal },
	{ "a vCPU that is created in a pause", pause_new_vcpu },
	{ "the clock stands still in a pause", pause_clock },
	{ "PAUSE loop parameters reach the vCPU", ple_request },
	{ "a halted vCPU sleeps on with new ones", ple_halted },
	{ "exits are counted and timed", stats_count },
	{ "statistics off and on", stats_off_on },
	{ "statistics begin again", stats_reset },
	{ "times in the guest and halted", stats_times },
	{ "statistics of a vCPU that comes later", stats_new_vcpu },
	{ "unhandled MSRs are told", msr_event },
	{ "what the launcher reports", report_event },
};

KUNIT_ARRAY_PARAM(control, control_cases, holm_env_case_desc);

static void test_control(struct kunit *test)
{
	holm_env_run_case(test);
}

static struct kunit_case control_suite_cases[] = {
	KUNIT_CASE(test_bucket),
	KUNIT_CASE_PARAM(test_control, control_gen_params),
	{}
};

struct kunit_suite holm_control_suite = {
	.name = "holm-control",
	.test_cases = control_suite_cases,
};
