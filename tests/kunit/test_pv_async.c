// SPDX-License-Identifier: GPL-2.0-only
/* Asynchronous page faults: when the guest is told, by what tokens, in which order. */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mmap_lock.h>
#include <asm/kvm_para.h>
#include <asm/processor-flags.h>

#include "../../kmod/x86/lapic_regs.h"
#include "../../kmod/x86/x86.h"
#include "helpers.h"
#include "pv_rig.h"
#include "suites.h"

#define AREA_GPA	0x9040ULL
#define PAGES_GPA	0x20000ULL
#define VECTOR		0x61
#define ON		(AREA_GPA | HOLM_PV_ASYNC_ON)
#define ALWAYS		(ON | KVM_ASYNC_PF_SEND_ALWAYS)

struct words {
	u32 flags;
	u32 token;
};

static struct words words(struct holm_env *env)
{
	struct words w = {};

	pv_peek(env, AREA_GPA, &w, sizeof(w));
	return w;
}

static void set_words(struct holm_env *env, u32 flags, u32 token)
{
	struct words w = { flags, token };

	pv_poke(env, AREA_GPA, &w, sizeof(w));
}

static bool requested(struct holm_env *env, u8 vector)
{
	return test_and_clear_bit(vector, env->vcpu->lapic->irr);
}

/* The wake-up that comes with enabling was taken. */
static void enable(struct kunit *test, struct holm_env *env, u64 value)
{
	holm_apic_enable(test, env->vcpu);
	set_words(env, 0, 0);
	KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_ASYNC_PF_INT, VECTOR), 0);
	KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_ASYNC_PF_EN, value), 0);
	KUNIT_EXPECT_EQ(test, words(env).token, ~0U);
	KUNIT_EXPECT_TRUE(test, requested(env, VECTOR));
	set_words(env, 0, 0);
	KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_ASYNC_PF_ACK, 1), 0);
	KUNIT_EXPECT_EQ(test, words(env).token, 0U);
	KUNIT_EXPECT_FALSE(test, requested(env, VECTOR));
}

static bool tell(struct holm_env *env, unsigned int page)
{
	return holm_pv_async_tell(env->vcpu, env->ram + PAGES_GPA + page * PAGE_SIZE, true);
}

/* The exception that was raised, which is taken away. */
static u32 raised(struct kunit *test, struct holm_env *env)
{
	struct holm_event *e = &env->vcpu->exception;
	u32 token = e->payload;

	KUNIT_EXPECT_EQ(test, e->type, HOLM_EVENT_EXCEPTION);
	KUNIT_EXPECT_EQ(test, e->vector, 14);
	KUNIT_EXPECT_EQ(test, e->error_code, 0U);
	KUNIT_EXPECT_EQ(test, e->payload, (u64)token);
	e->type = HOLM_EVENT_NONE;
	return token;
}

/* A worker has brought a page. */
static void await_worker(struct kunit *test, struct holm_env *env)
{
	unsigned int i;

	for (i = 0; i < 10000 && !test_bit(HOLM_PV_READY, &env->vcpu->pv.work); i++)
		usleep_range(500, 1000);
	KUNIT_EXPECT_TRUE(test, test_bit(HOLM_PV_READY, &env->vcpu->pv.work));
}

/*
 * Somebody who keeps workers from what they fetch: by the lock of the address
 * space, which memory that is there does not need.
 */
struct holder {
	struct task_struct *thread;
	struct mm_struct *mm;
	struct completion holds;
};

static int holder_main(void *arg)
{
	struct holder *holder = arg;

	mmap_write_lock(holder->mm);
	complete(&holder->holds);
	while (!kthread_should_stop())
		usleep_range(500, 1000);
	mmap_write_unlock(holder->mm);
	return 0;
}

static void hold(struct kunit *test, struct holder *holder)
{
	holder->mm = current->mm;
	init_completion(&holder->holds);
	holder->thread = kthread_run(holder_main, holder, "holder");
	KUNIT_EXPECT_FALSE(test, IS_ERR(holder->thread));
	if (!IS_ERR(holder->thread))
		wait_for_completion(&holder->holds);
}

static void let_go(struct holder *holder)
{
	if (!IS_ERR(holder->thread))
		kthread_stop(holder->thread);
}

/* ---- when ------------------------------------------------------------------- */

static void may_be_told(struct kunit *test, struct holm_env *env)
{
	static const struct {
		const char *name;
		u64 enable;
		u64 rflags;
		u8 shadow;
		u8 cpl;
		u64 cr0;
		u8 exception, interrupted;
		u32 hidden;	/* features */
		unsigned int count;
		bool may;
	} rows[] = {
#define NONE	HOLM_EVENT_NONE
#define USER	.cpl = 3, .cr0 = X86_CR0_PG, .exception = NONE, .interrupted = NONE
#define KERNEL	.cpl = 0, .cr0 = X86_CR0_PG, .exception = NONE, .interrupted = NONE
#define IF	.rflags = X86_EFLAGS_IF
		{ "user mode", ON, IF, USER, .may = true },
		{ "the kernel", ON, IF, KERNEL },
		{ "the kernel, always", ALWAYS, IF, KERNEL, .may = true },
		{ "user mode, always", ALWAYS, IF, USER, .may = true },
		{ "interrupts off", ALWAYS, USER },
		{ "a shadow", ALWAYS, IF, KERNEL, .shadow = HOLM_EVENTS_SHADOW_STI },
		{ "no paging", ALWAYS, IF, .cr0 = X86_CR0_PE, .exception = NONE,
		  .interrupted = NONE },
		{ "an exception waits", ON, IF, .cpl = 3, .cr0 = X86_CR0_PG,
		  .exception = HOLM_EVENT_EXCEPTION, .interrupted = NONE },
		{ "an interrupt is delivered again", ON, IF, .cpl = 3, .cr0 = X86_CR0_PG,
		  .exception = NONE, .interrupted = HOLM_EVENT_INTERRUPT },
		{ "too many", ON, IF, USER, .count = HOLM_PV_WAITS },
		{ "one less", ON, IF, USER, .count = HOLM_PV_WAITS - 1, .may = true },
		{ "feature off", ON, IF, USER, .hidden = BIT(KVM_FEATURE_ASYNC_PF) },
		{ "interrupt off", ON, IF, USER, .hidden = BIT(KVM_FEATURE_ASYNC_PF_INT) },
	};
	struct holm_vcpu *vcpu = env->vcpu;
	u32 features = vcpu->pv.features;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		vcpu->pv.async.enable = rows[i].enable;
		vcpu->pv.async.count = rows[i].count;
		vcpu->pv.features = features & ~rows[i].hidden;
		vcpu->regs.rflags = rows[i].rflags | BIT(1);
		vcpu->intr_shadow = rows[i].shadow;
		vcpu->sregs.cr0 = rows[i].cr0;
		vcpu->sregs.seg[HOLM_SEG_SS].attrib = rows[i].cpl << HOLM_SEG_DPL_SHIFT;
		vcpu->exception.type = rows[i].exception;
		vcpu->interrupted.type = rows[i].interrupted;
		vcpu->st_valid = HOLM_ST_ALL;
		KUNIT_EXPECT_EQ_MSG(test, holm_pv_async_may(vcpu), rows[i].may, "%s", rows[i].name);
	}
	vcpu->exception.type = NONE;
	vcpu->interrupted.type = NONE;
	vcpu->pv.async.count = 0;

	/* Both bits are needed. */
	vcpu->pv.async.enable = ON;
	KUNIT_EXPECT_TRUE(test, holm_pv_async_on(&vcpu->pv));
	vcpu->pv.async.enable = AREA_GPA | KVM_ASYNC_PF_ENABLED;
	KUNIT_EXPECT_FALSE(test, holm_pv_async_on(&vcpu->pv));
	vcpu->pv.async.enable = AREA_GPA | KVM_ASYNC_PF_DELIVERY_AS_INT;
	KUNIT_EXPECT_FALSE(test, holm_pv_async_on(&vcpu->pv));
}

/* ---- tokens ----------------------------------------------------------------- */

static void tokens(struct kunit *test, struct holm_env *env)
{
	enable(test, env, ALWAYS);
	KUNIT_EXPECT_TRUE(test, tell(env, 0));
	KUNIT_EXPECT_EQ(test, raised(test, env), 1U << 12);
	KUNIT_EXPECT_EQ(test, words(env).flags, (u32)KVM_PV_REASON_PAGE_NOT_PRESENT);
	/* It has not read that. */
	KUNIT_EXPECT_FALSE(test, tell(env, 1));
	KUNIT_EXPECT_EQ(test, env->vcpu->exception.type, HOLM_EVENT_NONE);
	set_words(env, 0, 0);
	/* It was told of this one. */
	KUNIT_EXPECT_FALSE(test, tell(env, 0));
	KUNIT_EXPECT_EQ(test, words(env).flags, 0U);
	/* The last there is, then the first again. */
	env->vcpu->pv.async.id = 0xffffe;
	KUNIT_EXPECT_TRUE(test, tell(env, 2));
	KUNIT_EXPECT_EQ(test, raised(test, env), 0xfffffU << 12);
	set_words(env, 0, 0);
	KUNIT_EXPECT_TRUE(test, tell(env, 3));
	KUNIT_EXPECT_EQ(test, raised(test, env), 1U << 12);
	set_words(env, 0, 0);
	KUNIT_EXPECT_EQ(test, env->vcpu->pv.async.count, 3U);
	/* Without its memory the guest is not told. */
	env->vcpu->pv.async.enable = (ENV_RAM + PAGE_SIZE) | HOLM_PV_ASYNC_ON;
	KUNIT_EXPECT_FALSE(test, tell(env, 4));
	KUNIT_EXPECT_EQ(test, env->vcpu->exception.type, HOLM_EVENT_NONE);
	KUNIT_EXPECT_EQ(test, env->vcpu->pv.async.count, 3U);
}

static void ready_in_turn(struct kunit *test, struct holm_env *env)
{
	u32 token[3];
	unsigned int i, spins;

	enable(test, env, ALWAYS);
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_TRUE(test, tell(env, i));
		token[i] = raised(test, env);
		set_words(env, 0, 0);
	}
	for (i = 0; i < 3; i++) {
		/* Nothing before the one before was acknowledged. */
		if (!i)
			await_worker(test, env);
		else
			KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_ASYNC_PF_ACK, 1), 0);
		/* Workers end in any order. */
		for (spins = 0; spins < 10000 && !words(env).token; spins++) {
			usleep_range(500, 1000);
			KUNIT_EXPECT_EQ(test, pv_exit(env), 0L);
		}
		KUNIT_EXPECT_TRUE(test, requested(env, VECTOR));
		KUNIT_EXPECT_EQ(test, env->vcpu->pv.async.count, 2 - i);
		token[0] ^= words(env).token;
		KUNIT_EXPECT_EQ(test, pv_exit(env), 0L);
		KUNIT_EXPECT_FALSE(test, requested(env, VECTOR));
		set_words(env, 0, 0);
		/* Zero is not an acknowledgement. */
		KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_ASYNC_PF_ACK, 0), 0);
		KUNIT_EXPECT_EQ(test, words(env).token, 0U);
	}
	/* Each of them once. */
	KUNIT_EXPECT_EQ(test, token[0] ^ token[1] ^ token[2], 0U);
}

/* A page that does not come for a while. */
static void not_ready(struct kunit *test, struct holm_env *env)
{
	struct holder holder;
	u32 token;

	enable(test, env, ALWAYS);
	hold(test, &holder);
	KUNIT_EXPECT_TRUE(test, tell(env, 0));
	token = raised(test, env);
	holm_pv_async_ready(env->vcpu);
	KUNIT_EXPECT_EQ(test, words(env).token, 0U);
	let_go(&holder);
	await_worker(test, env);
	/* The guest has not read the last token: this one waits, and is not lost. */
	set_words(env, 0, 0x1234);
	KUNIT_EXPECT_EQ(test, pv_exit(env), 0L);
	KUNIT_EXPECT_EQ(test, words(env).token, 0x1234U);
	KUNIT_EXPECT_FALSE(test, requested(env, VECTOR));
	set_words(env, 0, 0);
	KUNIT_EXPECT_EQ(test, pv_exit(env), 0L);
	KUNIT_EXPECT_EQ(test, words(env).token, token);
	KUNIT_EXPECT_TRUE(test, requested(env, VECTOR));
}

static void no_interrupt(struct kunit *test, struct holm_env *env)
{
	u32 token;

	enable(test, env, ALWAYS);
	holm_apic_write(test, env->vcpu, APIC_SPIV, 0xff);
	KUNIT_EXPECT_TRUE(test, tell(env, 0));
	token = raised(test, env);
	await_worker(test, env);
	KUNIT_EXPECT_EQ(test, pv_exit(env), 0L);
	KUNIT_EXPECT_EQ(test, words(env).token, 0U);
	KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_ASYNC_PF_INT, 3), 0);
	holm_apic_enable(test, env->vcpu);
	KUNIT_EXPECT_EQ(test, pv_exit(env), 0L);
	KUNIT_EXPECT_EQ(test, words(env).token, 0U);
	KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_ASYNC_PF_INT, VECTOR), 0);
	KUNIT_EXPECT_EQ(test, words(env).token, token);
	KUNIT_EXPECT_TRUE(test, requested(env, VECTOR));
}

/* ---- the end ---------------------------------------------------------------- */

static void dropped(struct kunit *test, struct holm_env *env)
{
	struct holm_vcpu *vcpu = env->vcpu;
	struct holder holder;

	enable(test, env, ALWAYS);
	/* Workers that have begun, and that have not. */
	hold(test, &holder);
	KUNIT_EXPECT_TRUE(test, tell(env, 0));
	raised(test, env);
	set_words(env, 0, 0);
	KUNIT_EXPECT_TRUE(test, tell(env, 1));
	raised(test, env);
	holm_pv_async_drop(vcpu);
	KUNIT_EXPECT_NULL(test, vcpu->pv.async.waits);
	KUNIT_EXPECT_EQ(test, vcpu->pv.async.count, 0U);
	let_go(&holder);
	msleep(20);
	KUNIT_EXPECT_FALSE(test, test_bit(HOLM_PV_READY, &vcpu->pv.work));

	/* Off by the guest. */
	set_words(env, 0, 0);
	hold(test, &holder);
	KUNIT_EXPECT_TRUE(test, tell(env, 2));
	raised(test, env);
	KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_ASYNC_PF_EN, 0), 0);
	KUNIT_EXPECT_NULL(test, vcpu->pv.async.waits);
	KUNIT_EXPECT_EQ(test, words(env).token, 0U);
	KUNIT_EXPECT_FALSE(test, requested(env, VECTOR));
	let_go(&holder);

	/* RESET. */
	enable(test, env, ALWAYS);
	KUNIT_EXPECT_TRUE(test, tell(env, 3));
	raised(test, env);
	holm_state_reset(vcpu, true);
	KUNIT_EXPECT_NULL(test, vcpu->pv.async.waits);
	KUNIT_EXPECT_EQ(test, vcpu->pv.async.enable, 0ULL);
	KUNIT_EXPECT_EQ(test, vcpu->pv.async.vector, 0ULL);

	/* And with the VM: holm_env_leave() finds one that waits. */
	vcpu->mp_state = HOLM_MP_RUNNABLE;
	enable(test, env, ALWAYS);
	KUNIT_EXPECT_TRUE(test, tell(env, 4));
	raised(test, env);
}

static unsigned int tell_many(struct kunit *test, struct holm_env *env, unsigned int from)
{
	unsigned int n;

	for (n = 0; n < HOLM_PV_WAITS_ALL && tell(env, from + n); n++) {
		raised(test, env);
		set_words(env, 0, 0);
	}
	return n;
}

/* A pager that never answers: others are left with something. */
static void share(struct kunit *test, struct holm_env *env)
{
	struct holder holder;
	unsigned int i;

	enable(test, env, ALWAYS);
	hold(test, &holder);
	KUNIT_EXPECT_EQ(test, tell_many(test, env, 0), HOLM_PV_WAITS_ALL / 2);
	/* Nothing was said of the page that was refused. */
	KUNIT_EXPECT_EQ(test, words(env).flags, 0U);
	KUNIT_EXPECT_EQ(test, env->vcpu->pv.async.count, HOLM_PV_WAITS_ALL / 2);
	/* Forgotten, they count as long as they have workers, which all get. */
	for (i = 0; i < 500; i++) {
		msleep(20);
		holm_pv_async_drop(env->vcpu);
		if (!tell_many(test, env, HOLM_PV_WAITS_ALL))
			break;
	}
	KUNIT_EXPECT_LT(test, i, 500U);
	let_go(&holder);
	for (i = 0; i < 10000 && !tell(env, 0); i++)
		usleep_range(500, 1000);
	KUNIT_EXPECT_EQ(test, env->vcpu->pv.async.count, 1U);
	raised(test, env);
}

static void migrated(struct kunit *test, struct holm_env *env)
{
	struct holm_msr msrs[3] = {
		{ .index = MSR_KVM_ASYNC_PF_EN }, { .index = MSR_KVM_ASYNC_PF_INT },
		{ .index = MSR_KVM_ASYNC_PF_ACK },
	};

	enable(test, env, ALWAYS);
	KUNIT_EXPECT_TRUE(test, tell(env, 0));
	raised(test, env);
	KUNIT_EXPECT_EQ(test, holm_env_state(env, false, HOLM_STATE_MSRS, msrs, sizeof(msrs)), 0L);
	KUNIT_EXPECT_EQ(test, msrs[0].value, ALWAYS);
	KUNIT_EXPECT_EQ(test, msrs[1].value, (u64)VECTOR);
	KUNIT_EXPECT_EQ(test, msrs[2].value, 0ULL);
	KUNIT_EXPECT_EQ(test, holm_env_state(env, true, HOLM_STATE_MSRS, msrs, sizeof(msrs)), 0L);
	/* All of the guest's waits are void; what was outstanding here is gone. */
	KUNIT_EXPECT_EQ(test, pv_exit(env), 0L);
	KUNIT_EXPECT_NULL(test, env->vcpu->pv.async.waits);
	KUNIT_EXPECT_EQ(test, words(env).token, ~0U);
	KUNIT_EXPECT_TRUE(test, requested(env, VECTOR));
}

/* ---- the suite -------------------------------------------------------------- */

static const struct holm_env_case cases[] = {
	{ "when a guest is told", may_be_told },
	{ "tokens", tokens },
	{ "ready, one at a time", ready_in_turn },
	{ "not ready yet", not_ready },
	{ "no interrupt can be sent", no_interrupt },
	{ "nobody waits any more", dropped },
	{ "no more than a share", share },
	{ "state is moved", migrated },
};

KUNIT_ARRAY_PARAM(pv_async, cases, holm_env_case_desc);

static void test_pv_async(struct kunit *test)
{
	holm_env_run_case(test);
}

static struct kunit_case pv_async_suite_cases[] = {
	KUNIT_CASE_PARAM(test_pv_async, pv_async_gen_params),
	{}
};

struct kunit_suite holm_pv_async_suite = {
	.name = "holm-pv-async",
	.test_cases = pv_async_suite_cases,
};
