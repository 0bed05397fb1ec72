// SPDX-License-Identifier: GPL-2.0-only
/* The run loop, through the fake backend. */
#include <linux/fdtable.h>
#include <linux/hrtimer.h>
#include <linux/pid.h>
#include <linux/workqueue.h>
#include <linux/sched/signal.h>

#include "../../kmod/exits.h"
#include "../../kmod/x86/x86.h"
#include "env.h"
#include "suites.h"

#define X86_IF	BIT(9)

/* ---- guests ---------------------------------------------------------------- */

static void guest_signal(struct holm_vcpu *vcpu, struct holm_fake_vcpu *fake)
{
	set_tsk_thread_flag(current, TIF_SIGPENDING);
}

static void guest_immediate_exit(struct holm_vcpu *vcpu, struct holm_fake_vcpu *fake)
{
	WRITE_ONCE(vcpu->run->immediate_exit, 1);
}

static void guest_cpuid_args(struct holm_vcpu *vcpu, struct holm_fake_vcpu *fake)
{
	vcpu->regs.gpr[HOLM_RAX] = 0x40000000;
	vcpu->regs.gpr[HOLM_RCX] = 0;
}

static void guest_sti_shadow(struct holm_vcpu *vcpu, struct holm_fake_vcpu *fake)
{
	fake->regs.rflags |= X86_IF;
	fake->shadow = HOLM_EVENTS_SHADOW_STI;
}

static void guest_shadow_over(struct holm_vcpu *vcpu, struct holm_fake_vcpu *fake)
{
	fake->shadow = 0;
}

static void guest_iret(struct holm_vcpu *vcpu, struct holm_fake_vcpu *fake)
{
	fake->nmi_masked = false;
}

static void guest_out(struct holm_vcpu *vcpu, struct holm_fake_vcpu *fake)
{
	vcpu->regs.gpr[HOLM_RAX] = 0x1122334455667788;
}

static void guest_msr_bad(struct holm_vcpu *vcpu, struct holm_fake_vcpu *fake)
{
	vcpu->regs.gpr[HOLM_RCX] = 0xdeadbeef;
}

/* ---- exits ----------------------------------------------------------------- */

static enum holm_next exit_out16(struct holm_vcpu *vcpu)
{
	return holm_exit_io(vcpu, 0x80, 2, 0);
}

static enum holm_next exit_in8(struct holm_vcpu *vcpu)
{
	return holm_exit_io(vcpu, 0x71, 1, HOLM_IO_IN);
}

static enum holm_next exit_touch_ram(struct holm_vcpu *vcpu)
{
	vcpu->fault = (struct holm_fault) { .gpa = 0x3000, .access = HOLM_ACCESS_WRITE };
	return holm_exit_fault(vcpu);
}

static enum holm_next exit_touch_hole(struct holm_vcpu *vcpu)
{
	vcpu->fault = (struct holm_fault) { .gpa = 0xfee00020, .access = HOLM_ACCESS_READ };
	return holm_exit_fault(vcpu);
}

#define STEP(g, e, len) { .guest = (g), .exit = (e), .insn_len = (len) }

static long run(struct holm_env *env)
{
	return holm_env_ioctl_raw(env->vcpu_file, HOLM_RUN, 0);
}

/* ---- exits in the kernel --------------------------------------------------- */

static void run_cpuid(struct kunit *test, struct holm_env *env)
{
	static const struct holm_fake_step script[] = {
		STEP(guest_cpuid_args, holm_exit_cpuid, 2),
		STEP(NULL, exit_out16, 2),
	};
	u64 rip = 0xfff0;

	holm_env_script(env, script, ARRAY_SIZE(script));
	KUNIT_ASSERT_EQ(test, run(env), 0L);
	KUNIT_EXPECT_EQ(test, env->run->exit_reason, (u32)HOLM_EXIT_IO);
	KUNIT_EXPECT_EQ(test, env->run->regs.rip, rip + 2);
	KUNIT_EXPECT_EQ(test, env->run->next_rip, rip + 4);
	KUNIT_EXPECT_EQ(test, (u32)env->run->regs.gpr[HOLM_RBX], 0x4b4d564bU);	/* "KVMK" */
}

static void run_out(struct kunit *test, struct holm_env *env)
{
	static const struct holm_fake_step script[] = {
		STEP(guest_out, exit_out16, 2),
		STEP(NULL, exit_in8, 1),
	};

	holm_env_script(env, script, ARRAY_SIZE(script));
	KUNIT_ASSERT_EQ(test, run(env), 0L);
	KUNIT_EXPECT_EQ(test, env->run->exit_reason, (u32)HOLM_EXIT_IO);
	KUNIT_EXPECT_EQ(test, env->run->io.port, (u16)0x80);
	KUNIT_EXPECT_EQ(test, env->run->io.size, (u8)2);
	KUNIT_EXPECT_EQ(test, env->run->io.data, 0x7788U);
	KUNIT_EXPECT_TRUE(test, env->run->out_flags & HOLM_OUT_NEXT_RIP);

	/* Complete: RIP moves on, and the register write arrives. */
	env->run->regs.gpr[HOLM_RBX] = 42;
	env->run->in_flags = HOLM_RUN_COMPLETE | HOLM_RUN_REGS;
	KUNIT_ASSERT_EQ(test, run(env), 0L);
	KUNIT_EXPECT_EQ(test, env->run->in_flags, 0U);
	KUNIT_EXPECT_EQ(test, env->run->io.flags, (u8)HOLM_IO_IN);
	KUNIT_EXPECT_EQ(test, env->run->regs.rip, 0xfff2ULL);
	KUNIT_EXPECT_EQ(test, env->run->regs.gpr[HOLM_RBX], 42ULL);
}

static void run_fault(struct kunit *test, struct holm_env *env)
{
	static const struct holm_fake_step script[] = {
		STEP(NULL, exit_touch_ram, 0),
		STEP(NULL, exit_touch_hole, 0),
	};

	holm_env_script(env, script, ARRAY_SIZE(script));
	KUNIT_ASSERT_EQ(test, run(env), 0L);
	KUNIT_EXPECT_EQ(test, env->fake->entries, 2U);
	KUNIT_EXPECT_EQ(test, env->run->exit_reason, (u32)HOLM_EXIT_MMIO);
	KUNIT_EXPECT_EQ(test, env->run->mmio.gpa, 0xfee00020ULL);
	KUNIT_EXPECT_TRUE(test, env->run->out_flags & HOLM_OUT_SREGS);
	KUNIT_EXPECT_FALSE(test, env->run->out_flags & HOLM_OUT_NEXT_RIP);
}

static void run_shutdown(struct kunit *test, struct holm_env *env)
{
	static const struct holm_fake_step script[] = { STEP(NULL, holm_exit_shutdown, 0) };

	holm_env_script(env, script, ARRAY_SIZE(script));
	KUNIT_ASSERT_EQ(test, run(env), 0L);
	KUNIT_EXPECT_EQ(test, env->run->exit_reason, (u32)HOLM_EXIT_SHUTDOWN);
	KUNIT_EXPECT_EQ(test, run(env), (long)-EIO);
}

/* ---- leaving --------------------------------------------------------------- */

static void run_signal(struct kunit *test, struct holm_env *env)
{
	static const struct holm_fake_step script[] = {
		STEP(guest_signal, NULL, 0),
		STEP(NULL, exit_out16, 2),
	};
	long ret;

	holm_env_script(env, script, ARRAY_SIZE(script));
	ret = run(env);
	clear_thread_flag(TIF_SIGPENDING);
	KUNIT_EXPECT_EQ(test, ret, (long)-EINTR);
	KUNIT_EXPECT_EQ(test, env->run->exit_reason, (u32)HOLM_EXIT_INTR);
	KUNIT_EXPECT_EQ(test, env->fake->entries, 1U);
	KUNIT_EXPECT_EQ(test, run(env), 0L);
	KUNIT_EXPECT_EQ(test, env->run->exit_reason, (u32)HOLM_EXIT_IO);
}

static void run_immediate_exit(struct kunit *test, struct holm_env *env)
{
	static const struct holm_fake_step script[] = {
		STEP(guest_immediate_exit, NULL, 0),
		STEP(NULL, exit_out16, 2),
	};

	holm_env_script(env, script, ARRAY_SIZE(script));
	env->run->immediate_exit = 1;
	KUNIT_EXPECT_EQ(test, run(env), (long)-EINTR);
	KUNIT_EXPECT_EQ(test, env->fake->entries, 0U);
	env->run->immediate_exit = 0;
	/* Set while the guest runs: it is not entered again. */
	KUNIT_EXPECT_EQ(test, run(env), (long)-EINTR);
	KUNIT_EXPECT_EQ(test, env->fake->entries, 1U);
	env->run->immediate_exit = 0;
	KUNIT_EXPECT_EQ(test, run(env), 0L);
}

/* ---- events ---------------------------------------------------------------- */

static long inject(struct holm_env *env, u32 kind, u32 vector)
{
	struct holm_inject arg = { .kind = kind, .vector = vector };

	return holm_env_ioctl(env, env->vcpu_file, HOLM_INJECT, &arg, sizeof(arg));
}

static void run_gp(struct kunit *test, struct holm_env *env)
{
	static const struct holm_fake_step script[] = {
		STEP(guest_msr_bad, holm_exit_rdmsr, 2),
		STEP(NULL, exit_out16, 2),
	};

	holm_env_script(env, script, ARRAY_SIZE(script));
	KUNIT_ASSERT_EQ(test, run(env), 0L);
	KUNIT_ASSERT_EQ(test, env->fake->nr_injected, 1U);
	KUNIT_EXPECT_EQ(test, env->fake->injected[0].type, (u8)HOLM_EVENT_EXCEPTION);
	KUNIT_EXPECT_EQ(test, env->fake->injected[0].vector, (u8)13);
	KUNIT_EXPECT_EQ(test, env->run->regs.rip, 0xfff0ULL);
}

static void run_nmi(struct kunit *test, struct holm_env *env)
{
	static const struct holm_fake_step script[] = {
		STEP(NULL, NULL, 0),		/* the handler runs */
		STEP(guest_iret, NULL, 0),	/* and returns */
		STEP(NULL, exit_out16, 2),	/* the second NMI was delivered */
	};

	holm_env_script(env, script, ARRAY_SIZE(script));
	KUNIT_EXPECT_EQ(test, inject(env, HOLM_INJECT_NMI, 0), 0L);
	KUNIT_EXPECT_EQ(test, inject(env, HOLM_INJECT_NMI, 0), 0L);
	KUNIT_ASSERT_EQ(test, run(env), 0L);
	KUNIT_ASSERT_EQ(test, env->fake->nr_injected, 2U);
	KUNIT_EXPECT_EQ(test, env->fake->injected[0].type, (u8)HOLM_EVENT_NMI);
	KUNIT_EXPECT_EQ(test, env->fake->injected[1].type, (u8)HOLM_EVENT_NMI);
}

static void run_extint(struct kunit *test, struct holm_env *env)
{
	static const struct holm_fake_step script[] = {
		STEP(guest_sti_shadow, NULL, 0),	/* IF set, but in the shadow */
		STEP(guest_shadow_over, NULL, 0),
		STEP(NULL, exit_out16, 2),
	};

	holm_env_script(env, script, ARRAY_SIZE(script));
	KUNIT_EXPECT_EQ(test, inject(env, HOLM_INJECT_EXTINT_RAISE, 0), 0L);
	KUNIT_ASSERT_EQ(test, run(env), 0L);
	KUNIT_ASSERT_EQ(test, env->run->exit_reason, (u32)HOLM_EXIT_INTR_ACK);
	KUNIT_EXPECT_EQ(test, env->fake->entries, 2U);
	KUNIT_EXPECT_TRUE(test, env->fake->windows & BIT(0));

	KUNIT_EXPECT_EQ(test, inject(env, HOLM_INJECT_EXTINT_LOWER, 0), 0L);
	env->run->intr_vector = 0x31;
	env->run->in_flags = HOLM_RUN_INTR_VECTOR;
	KUNIT_ASSERT_EQ(test, run(env), 0L);
	KUNIT_ASSERT_EQ(test, env->fake->nr_injected, 1U);
	KUNIT_EXPECT_EQ(test, env->fake->injected[0].type, (u8)HOLM_EVENT_INTERRUPT);
	KUNIT_EXPECT_EQ(test, env->fake->injected[0].vector, (u8)0x31);
	KUNIT_EXPECT_EQ(test, env->run->exit_reason, (u32)HOLM_EXIT_IO);
}

/* An NMI from elsewhere, some time after the vCPU halted. */
static struct delayed_work later_nmi;
static struct holm_vcpu *later_vcpu;

static void send_later_nmi(struct work_struct *work)
{
	atomic_inc(&later_vcpu->nmi_pending);
	holm_vcpu_request(later_vcpu, HOLM_REQ_EVENT);
}

static void guest_sti_nmi_later(struct holm_vcpu *vcpu, struct holm_fake_vcpu *fake)
{
	fake->regs.rflags |= X86_IF;
	later_vcpu = vcpu;
	schedule_delayed_work(&later_nmi, msecs_to_jiffies(20));
}

static void run_hlt(struct kunit *test, struct holm_env *env)
{
	static const struct holm_fake_step script[] = {
		STEP(guest_sti_nmi_later, holm_exit_hlt, 1),
		STEP(NULL, exit_out16, 2),
	};
	struct holm_mp_state mp = {};

	INIT_DELAYED_WORK(&later_nmi, send_later_nmi);
	holm_env_script(env, script, ARRAY_SIZE(script));
	KUNIT_EXPECT_EQ(test, run(env), 0L);
	cancel_delayed_work_sync(&later_nmi);
	KUNIT_EXPECT_EQ(test, env->run->exit_reason, (u32)HOLM_EXIT_IO);
	KUNIT_EXPECT_EQ(test, env->vcpu->stats.halts, 1ULL);
	KUNIT_ASSERT_EQ(test, env->fake->nr_injected, 1U);
	KUNIT_EXPECT_EQ(test, env->fake->injected[0].type, (u8)HOLM_EVENT_NMI);
	KUNIT_EXPECT_EQ(test, holm_env_state(env, false, HOLM_STATE_MP, &mp, sizeof(mp)), 0L);
	KUNIT_EXPECT_EQ(test, mp.state, (u32)HOLM_MP_RUNNABLE);
}

/* ---- how long a HLT polls --------------------------------------------------- */

static void run_halt_window(struct kunit *test)
{
	static const struct {
		const char *name;
		u32 window, max;
		u64 halted;
		u32 next;
	} rows[] = {
		{ "first short halt",		0,	200000,	5000,	10000 },
		{ "first long halt",		0,	200000,	200001,	0 },
		{ "caught",			20000,	200000,	20000,	20000 },
		{ "would have been caught",	20000,	200000,	20001,	40000 },
		{ "grows up to the limit",	160000,	200000,	170000,	200000 },
		{ "stays at the limit",		200000,	200000,	200000,	200000 },
		{ "shrinks",			160000,	200000,	1000000, 80000 },
		{ "shrinks to none",		19999,	200000,	1000000, 0 },
		{ "limit below the first",	0,	5000,	4000,	5000 },
		{ "limit lowered",		160000,	50000,	1,	50000 },
		{ "no limit but none",		10000,	0,	1,	0 },
		{ "no overflow",		3000000000U, 4000000000U, 3500000000ULL, 4000000000U },
		{ "years",			10000,	200000,	~0ULL,	0 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		KUNIT_EXPECT_EQ_MSG(test, holm_halt_window(rows[i].window, rows[i].max,
							   rows[i].halted),
				    rows[i].next, "%s", rows[i].name);
}

static enum hrtimer_restart nmi_soon(struct hrtimer *timer)
{
	atomic_inc(&later_vcpu->nmi_pending);
	holm_vcpu_request(later_vcpu, HOLM_REQ_EVENT);
	return HRTIMER_NORESTART;
}

static struct hrtimer soon;

static void guest_nmi_soon(struct holm_vcpu *vcpu, struct holm_fake_vcpu *fake)
{
	fake->nmi_masked = false;
	later_vcpu = vcpu;
	hrtimer_start(&soon, ms_to_ktime(50), HRTIMER_MODE_REL_HARD);
}

/*
 * A halt of 50 ms: one that polls catches it or gives the CPU to somebody else,
 * one that does not, does neither. Each halt is counted.
 */
static void run_hlt_polls(struct kunit *test, struct holm_env *env)
{
	static const struct holm_fake_step script[] = {
		STEP(guest_nmi_soon, holm_exit_hlt, 1),
		STEP(guest_nmi_soon, holm_exit_hlt, 1),
		STEP(guest_nmi_soon, holm_exit_hlt, 1),
		STEP(NULL, exit_out16, 2),
	};
	const struct holm_stats *stats = &env->vcpu->stats;
	struct holm_vm_param off = { .param = HOLM_PARAM_HALT_POLL_NS };
	struct holm_vm_param on = { .param = HOLM_PARAM_HALT_POLL_NS, .value = 500000000 };
	u64 polls;

	hrtimer_setup(&soon, nmi_soon, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	KUNIT_ASSERT_EQ(test, holm_env_ioctl(env, env->vm_file, HOLM_SET_PARAM, &on, sizeof(on)), 0L);
	env->vcpu->halt_window = 400000000;
	holm_env_script(env, script, ARRAY_SIZE(script));
	KUNIT_EXPECT_EQ(test, run(env), 0L);
	KUNIT_EXPECT_EQ(test, stats->halts, 3ULL);
	polls = stats->halt_poll_success + stats->halt_poll_fail;
	KUNIT_EXPECT_EQ(test, polls, 3ULL);
	KUNIT_EXPECT_EQ(test, env->fake->nr_injected, 3U);

	/* The VM does not want it. */
	KUNIT_ASSERT_EQ(test, holm_env_ioctl(env, env->vm_file, HOLM_SET_PARAM, &off, sizeof(off)), 0L);
	holm_env_script(env, script, ARRAY_SIZE(script));
	KUNIT_EXPECT_EQ(test, run(env), 0L);
	KUNIT_EXPECT_EQ(test, stats->halts, 6ULL);
	KUNIT_EXPECT_EQ(test, stats->halt_poll_success + stats->halt_poll_fail, polls);

	/* The guest does not want it. */
	KUNIT_ASSERT_EQ(test, holm_env_ioctl(env, env->vm_file, HOLM_SET_PARAM, &on, sizeof(on)), 0L);
	env->vcpu->halt_window = 400000000;
	env->vcpu->pv.poll_control = 0;
	holm_env_script(env, script, ARRAY_SIZE(script));
	KUNIT_EXPECT_EQ(test, run(env), 0L);
	KUNIT_EXPECT_EQ(test, stats->halts, 9ULL);
	KUNIT_EXPECT_EQ(test, stats->halt_poll_success + stats->halt_poll_fail, polls);
	hrtimer_cancel(&soon);
}

/* Nobody waits for a CPU: the yield finds that out and the guest goes on. */
static void run_pause(struct kunit *test, struct holm_env *env)
{
	static const struct holm_fake_step script[] = {
		STEP(NULL, holm_exit_pause, 2),
		STEP(NULL, exit_out16, 2),
	};
	struct holm_create_vcpu second = { .apic_id = 1 };
	const struct holm_stats *stats = &env->vcpu->stats;
	u64 rip = 0xfff0;
	int fd;

	holm_env_script(env, script, ARRAY_SIZE(script));
	KUNIT_ASSERT_EQ(test, run(env), 0L);
	KUNIT_EXPECT_EQ(test, stats->yields, 0ULL);
	KUNIT_EXPECT_PTR_EQ(test, env->vcpu->pid, task_pid(current));
	KUNIT_EXPECT_EQ(test, env->run->regs.rip, rip + 2);

	fd = holm_env_ioctl(env, env->vm_file, HOLM_CREATE_VCPU, &second, sizeof(second));
	KUNIT_ASSERT_GE(test, fd, 0);
	holm_env_script(env, script, ARRAY_SIZE(script));
	KUNIT_EXPECT_EQ(test, run(env), 0L);
	KUNIT_EXPECT_EQ(test, stats->yields, 1ULL);
	KUNIT_EXPECT_EQ(test, env->run->regs.rip, rip + 4);
	/* Its thread is this one, and the other has none. */
	KUNIT_EXPECT_FALSE(test, holm_vcpu_yield_to(env->vcpu));
	KUNIT_EXPECT_FALSE(test, holm_vcpu_yield_to(env->vm->vcpus[1]));
	close_fd(fd);
}

static void run_param(struct kunit *test, struct holm_env *env)
{
	struct holm_vm_param arg = { .param = HOLM_PARAM_HALT_POLL_NS, .value = 12345 };

	KUNIT_EXPECT_EQ(test, holm_env_ioctl(env, env->vm_file, HOLM_SET_PARAM, &arg, sizeof(arg)), 0L);
	arg.value = 0;
	KUNIT_EXPECT_EQ(test, holm_env_ioctl(env, env->vm_file, HOLM_GET_PARAM, &arg, sizeof(arg)), 0L);
	KUNIT_EXPECT_EQ(test, arg.value, 12345ULL);
	arg.value = HOLM_HALT_POLL_NS_MAX + 1;
	KUNIT_EXPECT_EQ(test, holm_env_ioctl(env, env->vm_file, HOLM_SET_PARAM, &arg, sizeof(arg)),
			(long)-EINVAL);
}

/* A signal ends the sleep, and the vCPU is still halted afterwards. */
static void run_hlt_signal(struct kunit *test, struct holm_env *env)
{
	static const struct holm_fake_step script[] = {
		STEP(guest_signal, holm_exit_hlt, 1),
	};
	struct holm_mp_state mp = {};
	long ret;

	holm_env_script(env, script, ARRAY_SIZE(script));
	ret = run(env);
	clear_thread_flag(TIF_SIGPENDING);
	KUNIT_EXPECT_EQ(test, ret, (long)-EINTR);
	KUNIT_EXPECT_EQ(test, holm_env_state(env, false, HOLM_STATE_MP, &mp, sizeof(mp)), 0L);
	KUNIT_EXPECT_EQ(test, mp.state, (u32)HOLM_MP_HALTED);
	KUNIT_EXPECT_EQ(test, env->run->regs.rip, 0xfff1ULL);
}

/* ---- what the launcher may not do ------------------------------------------- */

static void run_bad_input(struct kunit *test, struct holm_env *env)
{
	static const struct holm_fake_step script[] = { STEP(NULL, exit_out16, 2) };
	static const struct holm_event no_exception[] = {
		{ .type = HOLM_EVENT_NMI, .vector = 2 },
		{ .type = HOLM_EVENT_EXCEPTION, .vector = 32 },
		{ .type = HOLM_EVENT_EXCEPTION, .vector = 6, .flags = HOLM_EVENT_HAS_ERROR_CODE },
		{ .type = HOLM_EVENT_EXCEPTION, .vector = 13, .flags = HOLM_EVENT_HAS_ERROR_CODE,
		  .error_code = 0x10000 },
		{ .type = HOLM_EVENT_EXCEPTION, .vector = 6, .flags = HOLM_EVENT_HAS_PAYLOAD },
		{ .type = HOLM_EVENT_PRIV_SOFT_EXCEPTION, .vector = 1, .insn_len = 1 },
		{ .type = HOLM_EVENT_NONE },
	};
	unsigned int i;

	holm_env_script(env, script, ARRAY_SIZE(script));
	env->run->in_flags = 1U << 31;
	KUNIT_EXPECT_EQ(test, run(env), (long)-EINVAL);
	env->run->in_flags = HOLM_RUN_COMPLETE;		/* nothing to complete */
	KUNIT_EXPECT_EQ(test, run(env), (long)-EINVAL);
	env->run->in_flags = HOLM_RUN_INTR_VECTOR;	/* nobody asked */
	env->run->intr_vector = 0x20;
	KUNIT_EXPECT_EQ(test, run(env), (long)-EINVAL);
	env->run->in_flags = HOLM_RUN_EXCEPTION;
	for (i = 0; i < ARRAY_SIZE(no_exception); i++) {
		env->run->exception = no_exception[i];
		KUNIT_EXPECT_EQ_MSG(test, run(env), (long)-EINVAL, "exception %u", i);
	}
	env->run->in_flags = HOLM_RUN_SREGS;		/* all zero: no valid state */
	KUNIT_EXPECT_EQ(test, run(env), (long)-EINVAL);
	KUNIT_EXPECT_EQ(test, env->fake->entries, 0U);
	env->run->in_flags = 0;
	KUNIT_EXPECT_EQ(test, run(env), 0L);
}

/* A bad part of the run page: the good parts do not take effect either. */
static void run_all_or_nothing(struct kunit *test, struct holm_env *env)
{
	static const struct holm_fake_step script[] = {
		STEP(guest_out, exit_out16, 2),
		STEP(NULL, exit_in8, 1),
	};
	static const u32 bad[] = {
		HOLM_RUN_EXCEPTION, HOLM_RUN_SREGS, HOLM_RUN_INTR_VECTOR, 1U << 31,
	};
	unsigned int i;
	u64 rbx;

	holm_env_script(env, script, ARRAY_SIZE(script));
	KUNIT_ASSERT_EQ(test, run(env), 0L);
	rbx = env->run->regs.gpr[HOLM_RBX];
	env->run->exception = (struct holm_event) { .type = HOLM_EVENT_NMI, .vector = 2 };
	memset(&env->run->sregs, 0xff, sizeof(env->run->sregs));
	env->run->regs.gpr[HOLM_RBX] = ~rbx;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		env->run->in_flags = HOLM_RUN_REGS | HOLM_RUN_COMPLETE | bad[i];
		KUNIT_EXPECT_EQ_MSG(test, run(env), (long)-EINVAL, "flag 0x%x", bad[i]);
		KUNIT_EXPECT_EQ(test, env->vcpu->regs.gpr[HOLM_RBX], rbx);
		KUNIT_EXPECT_EQ(test, env->vcpu->regs.rip, 0xfff0ULL);
	}
	/* It still can be completed. */
	env->run->in_flags = HOLM_RUN_COMPLETE;
	KUNIT_ASSERT_EQ(test, run(env), 0L);
	KUNIT_EXPECT_EQ(test, env->run->regs.rip, 0xfff2ULL);
	KUNIT_EXPECT_EQ(test, env->run->regs.gpr[HOLM_RBX], rbx);
}

static const struct holm_env_case run_cases[] = {
	{ "cpuid, handled in the kernel", run_cpuid },
	{ "port output and its completion", run_out },
	{ "memory fault and MMIO", run_fault },
	{ "shutdown", run_shutdown },
	{ "signal", run_signal },
	{ "immediate_exit", run_immediate_exit },
	{ "#GP of a refused MSR", run_gp },
	{ "two NMIs", run_nmi },
	{ "ExtINT by window and acknowledge", run_extint },
	{ "HLT, woken by an NMI", run_hlt },
	{ "HLT, interrupted by a signal", run_hlt_signal },
	{ "HLT, polled", run_hlt_polls },
	{ "parameters", run_param },
	{ "PAUSE loop, alone and beside another vCPU", run_pause },
	{ "bad run page", run_bad_input },
	{ "bad run page changes nothing", run_all_or_nothing },
};

KUNIT_ARRAY_PARAM(run, run_cases, holm_env_case_desc);

static void test_run(struct kunit *test)
{
	holm_env_run_case(test);
}

static struct kunit_case run_suite_cases[] = {
	KUNIT_CASE(run_halt_window),
	KUNIT_CASE_PARAM(test_run, run_gen_params),
	{}
};

struct kunit_suite holm_run_suite = {
	.name = "holm-run",
	.test_cases = run_suite_cases,
};
