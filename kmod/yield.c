// SPDX-License-Identifier: GPL-2.0-only
/*
 * Directed yield: a vCPU that spins (PAUSE-loop exit, or the guest's own
 * hypercall) waits for another one that the host has taken the CPU from.
 */
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/task.h>

#include "holm.h"

void holm_vcpu_set_thread(struct holm_vcpu *vcpu)
{
	struct pid *pid = task_pid(current), *old = vcpu->pid;

	if (likely(old == pid))
		return;
	get_pid(pid);
	spin_lock(&vcpu->pid_lock);
	vcpu->pid = pid;
	spin_unlock(&vcpu->pid_lock);
	put_pid(old);
}

/* A reference to the thread that runs, or last ran, the vCPU; or NULL. */
static struct task_struct *get_thread(struct holm_vcpu *vcpu)
{
	struct task_struct *task = NULL;

	spin_lock(&vcpu->pid_lock);
	if (vcpu->pid)
		task = get_pid_task(vcpu->pid, PIDTYPE_PID);
	spin_unlock(&vcpu->pid_lock);
	return task;
}

/* Without locks, and it may change at once: yield_to() looks again. */
static bool waits_for_cpu(const struct task_struct *task)
{
	return task_is_running(task) && !holm_task_on_cpu(task);
}

bool holm_vcpu_yield_to(struct holm_vcpu *target)
{
	struct task_struct *task = get_thread(target);
	bool yielded;

	if (!task)
		return false;
	yielded = task != current && waits_for_cpu(task) && yield_to(task, true) > 0;
	put_task_struct(task);
	return yielded;
}

void holm_vcpu_yield(struct holm_vcpu *vcpu)
{
	struct holm_vm *vm = vcpu->vm;
	/* Pairs with the release in holm_vcpu_create(). */
	u32 i, n = smp_load_acquire(&vm->nr_vcpus), first = READ_ONCE(vm->last_yield) + 1;

	WRITE_ONCE(vcpu->stats.yields, vcpu->stats.yields + 1);
	/* Round, so that it does not depend on the number who gets on. */
	for (i = 0; i < n; i++) {
		struct holm_vcpu *target = vm->vcpus[(first + i) % n];

		if (target == vcpu || !holm_vcpu_yield_to(target))
			continue;
		WRITE_ONCE(vm->last_yield, target->index);
		return;
	}
	cond_resched();
}
