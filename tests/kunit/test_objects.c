// SPDX-License-Identifier: GPL-2.0-only
/*
 * Objects: who pins whom, legal and illegal states, bad arguments, virtualization
 * on and off, and each allocation failing in turn.
 */
#include <linux/delay.h>
#include <linux/fdtable.h>
#include <linux/file.h>

#include "env.h"
#include "suites.h"

/*
 * Every CPU is given back. A file of a kernel thread is released by a worker,
 * and flush_delayed_fput() does not wait for one that has begun.
 */
static void expect_given_back(struct kunit *test)
{
	unsigned int tries;

	for (tries = 0; tries < 2000 && atomic_read(&holm_fake_cpus); tries++)
		usleep_range(1000, 2000);
	KUNIT_EXPECT_EQ(test, atomic_read(&holm_fake_cpus), 0);
}

static void test_hw_on_off(struct kunit *test)
{
	struct holm_create_vm arg = { .size = sizeof(arg) };
	struct holm_env env, second;

	holm_env_enter(test, &env);
	second = env;
	expect_given_back(test);
	KUNIT_EXPECT_EQ(test, holm_env_create_vm(&env), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&holm_fake_cpus), (int)num_online_cpus());
	KUNIT_EXPECT_EQ(test, holm_env_create_vm(&second), 0);
	holm_env_destroy(&env);
	KUNIT_EXPECT_EQ(test, atomic_read(&holm_fake_cpus), (int)num_online_cpus());
	holm_env_destroy(&second);
	expect_given_back(test);

	/* Somebody else owns the CPUs. */
	WRITE_ONCE(holm_fake_owned, true);
	KUNIT_EXPECT_EQ(test, holm_vm_create(&arg), -EBUSY);
	WRITE_ONCE(holm_fake_owned, false);
	expect_given_back(test);
	holm_env_leave(&env);
}

/* A vCPU keeps its VM alive. */
static void test_pinning(struct kunit *test)
{
	struct holm_regs regs;
	struct holm_env env;

	holm_env_enter(test, &env);
	KUNIT_EXPECT_EQ(test, holm_env_create(&env), 0);
	fput(env.vm_file);
	env.vm_file = NULL;
	close_fd(env.vm_fd);
	env.vm_fd = -1;
	flush_delayed_fput();
	KUNIT_EXPECT_EQ(test, atomic_read(&holm_fake_cpus), (int)num_online_cpus());
	KUNIT_EXPECT_EQ(test, holm_env_state(&env, false, HOLM_STATE_REGS, &regs, sizeof(regs)), 0L);
	KUNIT_EXPECT_EQ(test, regs.rip, 0xfff0ULL);
	holm_env_leave(&env);
	expect_given_back(test);
}

/* Virtualization does not come back after a suspend. */
static void test_hw_lost(struct kunit *test)
{
	static const struct holm_fake_step script[] = { {} };
	struct holm_create_vcpu second = { .apic_id = 1 };
	struct holm_create_vm arg = { .size = sizeof(arg) };
	struct holm_regs regs;
	struct holm_env env;

	holm_env_enter(test, &env);
	KUNIT_EXPECT_EQ(test, holm_env_create(&env), 0);
	holm_env_script(&env, script, 1);

	/* The last CPU, as if the others were offline. */
	local_irq_disable();
	holm_hw_suspend();
	WRITE_ONCE(holm_fake_owned, true);
	holm_hw_resume();
	WRITE_ONCE(holm_fake_owned, false);
	local_irq_enable();

	KUNIT_EXPECT_TRUE(test, holm_hw_lost());
	KUNIT_EXPECT_EQ(test, holm_vm_create(&arg), -EIO);
	KUNIT_EXPECT_EQ(test, holm_vcpu_create(env.vm, &second), -EIO);
	KUNIT_EXPECT_EQ(test, holm_env_ioctl_raw(env.vcpu_file, HOLM_RUN, 0), (long)-EIO);
	KUNIT_EXPECT_EQ(test, env.fake->entries, 0U);
	KUNIT_EXPECT_EQ(test, holm_env_state(&env, false, HOLM_STATE_REGS, &regs, sizeof(regs)),
			(long)-EIO);
	holm_env_destroy(&env);
	expect_given_back(test);

	/* The next VM starts anew. */
	KUNIT_EXPECT_EQ(test, holm_env_create(&env), 0);
	holm_env_script(&env, script, 1);
	KUNIT_EXPECT_EQ(test, holm_env_ioctl_raw(env.vcpu_file, HOLM_RUN, 0), 0L);

	/* And one that does come back goes on. */
	local_irq_disable();
	holm_hw_suspend();
	holm_hw_resume();
	local_irq_enable();
	KUNIT_EXPECT_EQ(test, atomic_read(&holm_fake_cpus), (int)num_online_cpus());
	holm_env_script(&env, script, 1);
	KUNIT_EXPECT_EQ(test, holm_env_ioctl_raw(env.vcpu_file, HOLM_RUN, 0), 0L);
	holm_env_leave(&env);
}

static void test_create_vm_args(struct kunit *test)
{
	static const struct {
		const char *what;
		struct holm_create_vm arg;
	} rows[] = {
		{ "size 0", { .size = 0 } },
		{ "size too large", { .size = sizeof(struct holm_create_vm) + 8 } },
		{ "unknown flag", { .size = sizeof(struct holm_create_vm), .flags = 1 } },
		{ "control character", { .size = sizeof(struct holm_create_vm), .name = "a\nb" } },
		{ "a blank", { .size = sizeof(struct holm_create_vm), .name = "a b" } },
		{ "an option", { .size = sizeof(struct holm_create_vm), .name = "-a" } },
		{ "a file of its own", { .size = sizeof(struct holm_create_vm), .name = "." } },
		{ "a path", { .size = sizeof(struct holm_create_vm), .name = "a/b" } },
		{ "not ASCII", { .size = sizeof(struct holm_create_vm), .name = "\xc3\xa9" } },
	};
	struct holm_create_vm full = { .size = sizeof(full) };
	struct holm_env env;
	unsigned int i;

	holm_env_enter(test, &env);
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		KUNIT_EXPECT_EQ_MSG(test, holm_vm_create(&rows[i].arg), -EINVAL, "%s",
				    rows[i].what);
	memset(full.name, 'x', sizeof(full.name));
	KUNIT_EXPECT_EQ_MSG(test, holm_vm_create(&full), -EINVAL, "name without a NUL");
	holm_env_leave(&env);
}

static void test_create_vcpu_args(struct kunit *test)
{
	struct holm_create_vcpu arg;
	struct holm_env env;

	holm_env_enter(test, &env);
	KUNIT_EXPECT_EQ(test, holm_env_create(&env), 0);
	arg = (struct holm_create_vcpu) { .apic_id = HOLM_MAX_VCPUS };
	KUNIT_EXPECT_EQ(test, holm_vcpu_create(env.vm, &arg), -EINVAL);
	arg = (struct holm_create_vcpu) { .apic_id = 1, .flags = 1 };
	KUNIT_EXPECT_EQ(test, holm_vcpu_create(env.vm, &arg), -EINVAL);
	arg = (struct holm_create_vcpu) { .apic_id = 0 };
	KUNIT_EXPECT_EQ(test, holm_vcpu_create(env.vm, &arg), -EEXIST);
	KUNIT_EXPECT_EQ(test, env.vm->nr_vcpus, 1U);
	holm_env_leave(&env);
}

/* Calls that are illegal in the vCPU's state, or name nothing. */
static void test_vcpu_states(struct kunit *test)
{
	static const struct holm_fake_step script[] = { {} };
	struct holm_cpuid cpuid = { .nent = 1 };
	struct holm_create_vcpu second = { .apic_id = 1 };
	struct holm_state state = { .flags = 1 };
	struct holm_env env;
	struct file *file;
	int fd;

	holm_env_enter(test, &env);
	KUNIT_EXPECT_EQ(test, holm_env_create(&env), 0);

	/* Not configured: no CPUID table. */
	fd = holm_vcpu_create(env.vm, &second);
	KUNIT_EXPECT_GE(test, fd, 0);
	file = fget(fd);
	KUNIT_EXPECT_EQ(test, holm_env_ioctl_raw(file, HOLM_RUN, 0), (long)-EINVAL);
	fput(file);
	close_fd(fd);

	/* In use by another thread. */
	mutex_lock(&env.vcpu->lock);
	KUNIT_EXPECT_EQ(test, holm_env_ioctl_raw(env.vcpu_file, HOLM_RUN, 0), (long)-EBUSY);
	mutex_unlock(&env.vcpu->lock);

	/* Has run: the model is fixed. */
	holm_env_script(&env, script, 1);
	KUNIT_EXPECT_EQ(test, holm_env_ioctl_raw(env.vcpu_file, HOLM_RUN, 0), 0L);
	KUNIT_EXPECT_EQ(test, env.run->exit_reason, (u32)HOLM_EXIT_INTERNAL_ERROR);
	KUNIT_EXPECT_EQ(test, holm_env_ioctl(&env, env.vcpu_file, HOLM_SET_CPUID, &cpuid,
					     sizeof(cpuid)), (long)-EBUSY);

	KUNIT_EXPECT_EQ(test, holm_env_ioctl_raw(env.vcpu_file, HOLM_RUN, 1), (long)-EINVAL);
	KUNIT_EXPECT_EQ(test, holm_env_ioctl_raw(env.vcpu_file, HOLM_SET_SLOT, 0), (long)-ENOTTY);
	KUNIT_EXPECT_EQ(test, holm_env_ioctl_raw(env.vm_file, HOLM_RUN, 0), (long)-ENOTTY);
	KUNIT_EXPECT_EQ(test, holm_env_ioctl(&env, env.vcpu_file, HOLM_GET_STATE, &state,
					     sizeof(state)), (long)-EINVAL);
	KUNIT_EXPECT_EQ(test, holm_env_ioctl_raw(env.vcpu_file, HOLM_GET_STATE, 8), (long)-EFAULT);
	KUNIT_EXPECT_EQ(test, holm_env_ioctl_raw(env.vm_file, HOLM_SET_SLOT, 8), (long)-EFAULT);
	holm_env_leave(&env);
}

/*
 * Every allocation on the way to a VM with a slot and a vCPU fails once: the
 * call fails with ENOMEM and leaves nothing behind.
 */
static void test_allocation_failures(struct kunit *test)
{
#if IS_ENABLED(CONFIG_FAILSLAB)
	unsigned int nth, failed = 0;
	struct holm_env env;
	int err = -ENOMEM;

	holm_env_enter(test, &env);
	for (nth = 1; nth < 1000 && err; nth++) {
		current->fail_nth = nth;
		err = holm_env_create(&env);
		if (current->fail_nth) {	/* not reached: all went well */
			current->fail_nth = 0;
			KUNIT_EXPECT_EQ(test, err, 0);
			holm_env_destroy(&env);
			break;
		}
		if (err) {
			failed++;
			KUNIT_EXPECT_TRUE_MSG(test, err == -ENOMEM || err == -ENFILE,
					      "allocation %u: %d", nth, err);
		}
		err = -ENOMEM;
		holm_env_destroy(&env);
		expect_given_back(test);
	}
	if (!failed)
		kunit_mark_skipped(test, "failslab leaves sleeping allocations alone: write N to /sys/kernel/debug/failslab/ignore-gfp-wait");
	holm_env_leave(&env);
#else
	kunit_skip(test, "needs CONFIG_FAILSLAB");
#endif
}

static struct kunit_case objects_cases[] = {
	KUNIT_CASE(test_hw_on_off),
	KUNIT_CASE(test_hw_lost),
	KUNIT_CASE(test_pinning),
	KUNIT_CASE(test_create_vm_args),
	KUNIT_CASE(test_create_vcpu_args),
	KUNIT_CASE(test_vcpu_states),
	KUNIT_CASE(test_allocation_failures),
	{}
};

struct kunit_suite holm_objects_suite = {
	.name = "holm-objects",
	.test_cases = objects_cases,
};
