// SPDX-License-Identifier: GPL-2.0-only
/* See pv_rig.h. */
#include <linux/uaccess.h>

#include "../../kmod/exits.h"
#include "pv_rig.h"

/* What the guest's registers are to be; cases run one by one. */
static struct {
	u32 index;
	u64 value;
} insn;

static void guest_msr(struct holm_vcpu *vcpu, struct holm_fake_vcpu *fake)
{
	vcpu->regs.gpr[HOLM_RCX] = insn.index;
	vcpu->regs.gpr[HOLM_RAX] = (u32)insn.value;
	vcpu->regs.gpr[HOLM_RDX] = insn.value >> 32;
}

static enum holm_next exit_port(struct holm_vcpu *vcpu)
{
	return holm_exit_io(vcpu, 0x80, 1, 0);
}

long pv_exit(struct holm_env *env)
{
	static const struct holm_fake_step script[] = { { .exit = exit_port, .insn_len = 2 } };

	holm_env_script(env, script, ARRAY_SIZE(script));
	return holm_env_ioctl_raw(env->vcpu_file, HOLM_RUN, 0);
}

static int run_insn(struct holm_env *env, const struct holm_fake_step *script)
{
	unsigned int injected = env->fake->nr_injected;
	long err;

	holm_env_script(env, script, 2);
	err = holm_env_ioctl_raw(env->vcpu_file, HOLM_RUN, 0);
	if (err)
		return err;
	if (env->fake->nr_injected == injected)
		return 0;
	env->fake->nr_injected = 0;
	return env->fake->injected[injected].vector;
}

int pv_wrmsr(struct holm_env *env, u32 index, u64 value)
{
	static const struct holm_fake_step script[] = {
		{ .guest = guest_msr, .exit = holm_exit_wrmsr, .insn_len = 2 },
		{ .exit = exit_port, .insn_len = 2 },
	};

	insn.index = index;
	insn.value = value;
	return run_insn(env, script);
}

int pv_rdmsr(struct holm_env *env, u32 index, u64 *value)
{
	static const struct holm_fake_step script[] = {
		{ .guest = guest_msr, .exit = holm_exit_rdmsr, .insn_len = 2 },
		{ .exit = exit_port, .insn_len = 2 },
	};
	int err;

	insn.index = index;
	insn.value = 0;
	err = run_insn(env, script);
	*value = (u32)env->run->regs.gpr[HOLM_RAX] | env->run->regs.gpr[HOLM_RDX] << 32;
	return err;
}

void pv_peek(struct holm_env *env, u64 gpa, void *buf, size_t len)
{
	KUNIT_EXPECT_EQ(env->test, copy_from_user(buf, (void __user *)(env->ram + gpa), len), 0UL);
}

void pv_poke(struct holm_env *env, u64 gpa, const void *buf, size_t len)
{
	KUNIT_EXPECT_EQ(env->test, copy_to_user((void __user *)(env->ram + gpa), buf, len), 0UL);
}
