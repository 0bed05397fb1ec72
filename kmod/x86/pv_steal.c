// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steal time, and the flag that says that a vCPU is preempted
 * (Documentation/virt/kvm/x86/msr.rst of the kernel, MSR_KVM_STEAL_TIME).
 *
 * A vCPU is preempted when its thread gives up the CPU between two instructions
 * of the guest: by need_resched(), or by HLT. It is marked before preemption is
 * on again, so that no switch goes unmarked, and unmarked before it enters. While
 * the launcher completes an instruction for it, it is not marked: a guest that
 * sees the mark may leave a TLB flush to us (KVM_VCPU_FLUSH_TLB, done before the
 * vCPU enters), and the launcher's instruction may still use what was translated
 * before.
 */
#include <linux/sched.h>
#include <linux/sched/stat.h>
#include <linux/uaccess.h>

#include "../holm.h"
#include "msr.h"
#include "pv.h"

#define STEAL_RESERVED	((u64)KVM_STEAL_RESERVED_MASK)

static void __user *steal_area(struct holm_vcpu *vcpu, u64 *gpa)
{
	*gpa = vcpu->pv.steal_time & KVM_STEAL_VALID_BITS;
	return holm_guest_uaddr(vcpu->vm, *gpa, sizeof(struct kvm_steal_time), true);
}

/* What the thread has waited for a CPU so far, ns. */
static u64 run_delay(void)
{
#ifdef CONFIG_SCHED_INFO
	return current->sched_info.run_delay;
#else
	return 0;
#endif
}

void holm_pv_preempted(struct holm_vcpu *vcpu)
{
	struct kvm_steal_time __user *area;
	struct holm_pv *pv = &vcpu->pv;
	u64 gpa;

	if (!(pv->steal_time & KVM_MSR_ENABLED) || pv->preempted)
		return;
	area = steal_area(vcpu, &gpa);
	if (!area)
		return;
	/* Memory that is not resident stays as it is: it is a hint. */
	pv->preempted = true;
	pagefault_disable();
	if (!__put_user(KVM_VCPU_PREEMPTED, &area->preempted))
		holm_guest_dirty(vcpu->vm, gpa, sizeof(*area));
	pagefault_enable();
}

/* Return: 0, or -EFAULT with the mark as it was. */
static int take_mark(u8 __user *mark, u8 *old)
{
	u8 value = KVM_VCPU_PREEMPTED;
	int ret;

	/* The guest's other vCPUs add to it at the same time. */
	do {
		*old = value;
		ret = __try_cmpxchg_user(mark, &value, 0, fault);
	} while (ret > 0);
	return ret;
}

static int unmark(struct holm_vcpu *vcpu, struct kvm_steal_time __user *area)
{
	u8 old;

	if (take_mark(&area->preempted, &old))
		return -EFAULT;
	vcpu->pv.preempted = false;
	if (old & KVM_VCPU_FLUSH_TLB)
		set_bit(HOLM_REQ_TLB_FLUSH, &vcpu->requests);
	return 0;
}

/* As with the clock, the version is odd while the value changes. */
static int add_steal(struct kvm_steal_time __user *area, u64 delta)
{
	u32 version;
	u64 steal;

	if (get_user(version, &area->version) || get_user(steal, &area->steal))
		return -EFAULT;
	version |= 1;
	if (put_user(version, &area->version))
		return -EFAULT;
	smp_wmb();	/* odd before it changes */
	if (put_user(steal + delta, &area->steal))
		return -EFAULT;
	smp_wmb();	/* even after it changed */
	return put_user(version + 1, &area->version);
}

void holm_pv_enter_steal(struct holm_vcpu *vcpu)
{
	struct kvm_steal_time __user *area;
	struct holm_pv *pv = &vcpu->pv;
	u64 delay = run_delay(), delta = 0, gpa;

	/* Another thread: what it waited for before is not this vCPU's. */
	if (pv->steal_thread == vcpu->pid && delay > pv->run_delay)
		delta = delay - pv->run_delay;
	pv->steal_thread = vcpu->pid;
	pv->run_delay = delay;
	if (!pv->preempted && !delta)
		return;

	area = steal_area(vcpu, &gpa);
	if (!area || (pv->preempted && unmark(vcpu, area)) || (delta && add_steal(area, delta)))
		return;
	holm_guest_dirty(vcpu->vm, gpa, sizeof(*area));
}

int holm_pv_write_steal_time(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	struct holm_pv *pv = &vcpu->pv;

	if (a->value & STEAL_RESERVED)
		return 1;
	if (a->check)
		return 0;
	pv->steal_time = a->value;
	pv->steal_thread = NULL;
	/* Memory that was used before may have a mark, which is wrong from now on. */
	pv->preempted = a->value & KVM_MSR_ENABLED;
	set_bit(HOLM_REQ_PV, &vcpu->requests);
	return 0;
}
