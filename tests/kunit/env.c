// SPDX-License-Identifier: GPL-2.0-only
/* The VM under test: see env.h. */
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/kthread.h>
#include <linux/mman.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "../../kmod/backend.h"
#include "../../kmod/x86/x86.h"
#include "env.h"

static struct mm_struct *env_mm;

void holm_env_setup(void)
{
	env_mm = current->mm;
	mmgrab(env_mm);
}

void holm_env_teardown(void)
{
	mmdrop(env_mm);
}

void holm_env_enter(struct kunit *test, struct holm_env *env)
{
	memset(env, 0, sizeof(*env));
	env->test = test;
	env->vm_fd = -1;
	env->vcpu_fd = -1;
	kthread_use_mm(env_mm);
	env->scratch = vm_mmap(NULL, 0, ENV_SCRATCH, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, 0);
	env->ram = vm_mmap(NULL, 0, ENV_RAM, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, 0);
	KUNIT_EXPECT_FALSE(test, IS_ERR_VALUE(env->scratch));
	KUNIT_EXPECT_FALSE(test, IS_ERR_VALUE(env->ram));
}

void holm_env_leave(struct holm_env *env)
{
	holm_env_destroy(env);
	vm_munmap(env->ram, ENV_RAM);
	vm_munmap(env->scratch, ENV_SCRATCH);
	kthread_unuse_mm(env_mm);
}

long holm_env_ioctl_raw(struct file *file, unsigned int cmd, unsigned long arg)
{
	return file->f_op->unlocked_ioctl(file, cmd, arg);
}

long holm_env_ioctl(struct holm_env *env, struct file *file, unsigned int cmd,
		    void *arg, size_t size)
{
	void __user *user = (void __user *)env->scratch;
	long ret;

	if (copy_to_user(user, arg, size))
		return -EFAULT;
	ret = holm_env_ioctl_raw(file, cmd, env->scratch);
	if (copy_from_user(arg, user, size))
		return -EFAULT;
	return ret;
}

long holm_env_state(struct holm_env *env, bool set, u32 type, void *data, size_t size)
{
	/* The argument, the block, the data: one behind the other in scratch. */
	unsigned long block_at = env->scratch + 256, data_at = env->scratch + 512;
	struct holm_state_block block = { .type = type, .size = size, .data = data_at };
	struct holm_state state = { .nblocks = 1, .blocks = block_at };
	long ret;

	if (copy_to_user((void __user *)block_at, &block, sizeof(block)) ||
	    copy_to_user((void __user *)data_at, data, size))
		return -EFAULT;
	ret = holm_env_ioctl(env, env->vcpu_file, set ? HOLM_SET_STATE : HOLM_GET_STATE,
			     &state, sizeof(state));
	if (!ret && !set && copy_from_user(data, (void __user *)data_at, size))
		return -EFAULT;
	return ret;
}

void holm_env_script(struct holm_env *env, const struct holm_fake_step *script, unsigned int n)
{
	env->fake->script = script;
	env->fake->nr_steps = n;
	env->fake->pos = 0;
}

int holm_env_set_cpuid(struct holm_env *env, struct file *vcpu_file)
{
	unsigned long at = env->scratch + 1024;
	struct holm_cpuid arg = { .entries = at };
	struct holm_cpuid_entry *entries;
	int err = -EFAULT;

	entries = kvcalloc(HOLM_MAX_CPUID_ENTRIES, sizeof(*entries), GFP_KERNEL);
	if (!entries)
		return -ENOMEM;
	arg.nent = holm_cpuid_supported(entries, HOLM_MAX_CPUID_ENTRIES);
	if (!copy_to_user((void __user *)at, entries, arg.nent * sizeof(*entries)))
		err = holm_env_ioctl(env, vcpu_file, HOLM_SET_CPUID, &arg, sizeof(arg));
	kvfree(entries);
	return err;
}

int holm_env_create_vm(struct holm_env *env)
{
	struct holm_create_vm arg = { .size = sizeof(arg), .name = "kunit" };
	struct holm_slot slot = { .size = ENV_RAM, .uaddr = env->ram };

	env->vm_fd = holm_vm_create(&arg);
	if (env->vm_fd < 0)
		return env->vm_fd;
	env->vm_file = fget(env->vm_fd);
	env->vm = env->vm_file->private_data;
	return holm_env_ioctl(env, env->vm_file, HOLM_SET_SLOT, &slot, sizeof(slot));
}

int holm_env_create(struct holm_env *env)
{
	struct holm_create_vcpu vcpu = { .apic_id = 0 };
	int err;

	err = holm_env_create_vm(env);
	if (err)
		return err;
	env->vcpu_fd = holm_env_ioctl(env, env->vm_file, HOLM_CREATE_VCPU, &vcpu, sizeof(vcpu));
	if (env->vcpu_fd < 0)
		return env->vcpu_fd;
	env->vcpu_file = fget(env->vcpu_fd);
	env->vcpu = env->vcpu_file->private_data;
	env->fake = holm_fake(env->vcpu);
	env->run = env->vcpu->run;
	return holm_env_set_cpuid(env, env->vcpu_file);
}

static void env_close(struct file **file, int *fd)
{
	if (*file) {
		fput(*file);
		*file = NULL;
	}
	if (*fd >= 0)
		close_fd(*fd);
	*fd = -1;
}

void holm_env_destroy(struct holm_env *env)
{
	env_close(&env->vcpu_file, &env->vcpu_fd);
	env_close(&env->vm_file, &env->vm_fd);
	/* A kernel thread's last fput() is done by a worker. */
	flush_delayed_fput();
}

void holm_env_run_case(struct kunit *test)
{
	const struct holm_env_case *c = test->param_value;
	struct holm_env env;
	int err;

	holm_env_enter(test, &env);
	err = holm_env_create(&env);
	KUNIT_EXPECT_EQ(test, err, 0);
	if (!err)
		c->fn(test, &env);
	clear_thread_flag(TIF_SIGPENDING);
	holm_env_leave(&env);
}
