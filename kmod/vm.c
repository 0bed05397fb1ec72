// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VM object and its ioctls. A VM lives as long as its descriptor or one
 * of its vCPUs' does; vCPUs live as long as their VM.
 */
#define pr_fmt(fmt) "holm: " fmt

#include <linux/anon_inodes.h>
#include <linux/ctype.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/tsc.h>

#include "backend.h"
#include "holm.h"
#include "trace.h"
#include "x86/x86.h"

void holm_caps_fill(struct holm_caps *caps)
{
	holm_backend->caps(caps);
	caps->features |= HOLM_CAP_DIRTY_LOG | HOLM_CAP_READONLY_SLOT |
			  HOLM_CAP_X2APIC | HOLM_CAP_TSC_DEADLINE |
			  HOLM_CAP_IOEVENTFD | HOLM_CAP_IRQFD;
	caps->size = sizeof(*caps);
	caps->xcr0 = holm_cpuid_xcr0();
	caps->tsc_khz = tsc_khz;
	caps->max_vcpus = HOLM_MAX_VCPUS;
	caps->max_slots = HOLM_MAX_SLOTS;
	caps->run_page_size = HOLM_RUN_PAGE_SIZE;
	caps->xstate_size = holm_xstate_block_size();
}

static void vm_free(struct kref *refs)
{
	struct holm_vm *vm = container_of(refs, struct holm_vm, refs);
	u64 exits = holm_vm_exits(vm);
	unsigned int i;

	vm->state = HOLM_OBJ_DYING;
	holm_vm_unregister(&vm->node);
	/* First: until then interrupts are delivered to the vCPUs, and requests made. */
	holm_eventfds_destroy(vm);
	holm_pv_vm_end(vm);
	/* Until the MMU notifier is gone its callbacks flush the vCPUs' TLBs. */
	holm_mmu_destroy(vm);
	for (i = 0; i < vm->nr_vcpus; i++)
		holm_vcpu_free(vm->vcpus[i]);
	holm_backend->vm_destroy(vm);
	holm_hw_put();
	mmdrop(vm->mm);
	mutex_destroy(&vm->lock);
	holm_vm_announce(&vm->node, HOLM_VM_EVENT_DESTROYED, NULL, exits);
	holm_vm_node_release(&vm->node);
	kvfree(vm);
}

void holm_vm_get(struct holm_vm *vm)
{
	kref_get(&vm->refs);
}

bool holm_vm_tryget(struct holm_vm *vm)
{
	return kref_get_unless_zero(&vm->refs);
}

void holm_vm_put(struct holm_vm *vm)
{
	kref_put(&vm->refs, vm_free);
}

static long vm_set_slot(struct holm_vm *vm, void __user *argp)
{
	struct holm_slot arg;
	int err;

	if (copy_from_user(&arg, argp, sizeof(arg)))
		return -EFAULT;
	err = holm_slot_set(vm, &arg);
	trace_holm_slot(&arg, err);
	return err;
}

static long vm_get_dirty_log(struct holm_vm *vm, void __user *argp)
{
	struct holm_dirty_log arg;

	if (copy_from_user(&arg, argp, sizeof(arg)))
		return -EFAULT;
	return holm_dirty_log_get(vm, &arg);
}

static long vm_create_vcpu(struct holm_vm *vm, void __user *argp)
{
	struct holm_create_vcpu arg;

	if (copy_from_user(&arg, argp, sizeof(arg)))
		return -EFAULT;
	return holm_vcpu_create(vm, &arg);
}

static long vm_signal_msi(struct holm_vm *vm, void __user *argp)
{
	struct holm_msi arg;

	if (copy_from_user(&arg, argp, sizeof(arg)))
		return -EFAULT;
	if (arg.flags)
		return -EINVAL;
	return holm_msi_deliver(vm, &arg);
}

static long vm_set_ioeventfd(struct holm_vm *vm, void __user *argp)
{
	struct holm_ioeventfd arg;

	if (copy_from_user(&arg, argp, sizeof(arg)))
		return -EFAULT;
	return holm_ioeventfd_set(vm, &arg);
}

static long vm_set_irqfd(struct holm_vm *vm, void __user *argp)
{
	struct holm_irqfd arg;

	if (copy_from_user(&arg, argp, sizeof(arg)))
		return -EFAULT;
	return holm_irqfd_set(vm, &arg);
}

static long vm_get_irqfd(struct holm_vm *vm, void __user *argp)
{
	struct holm_irqfd arg;
	int err;

	if (copy_from_user(&arg, argp, sizeof(arg)))
		return -EFAULT;
	err = holm_irqfd_get(vm, &arg);
	if (err)
		return err;
	return copy_to_user(argp, &arg, sizeof(arg)) ? -EFAULT : 0;
}

/* HOLM_PARAM_*: what it may be at most. */
static const u64 param_max[] = {
	[HOLM_PARAM_HALT_POLL_NS] = HOLM_HALT_POLL_NS_MAX,
	[HOLM_PARAM_TSC_KHZ] = U32_MAX,
};

static int vm_param_check(const struct holm_vm_param *arg)
{
	if (!arg->param || arg->param >= ARRAY_SIZE(param_max) || arg->flags)
		return -EINVAL;
	return 0;
}

/* vCPUs that are there keep what they have, and the others are to be as they are. */
static int vm_set_tsc_khz(struct holm_vm *vm, u32 khz)
{
	int err = holm_tsc_check_khz(khz);

	if (err)
		return err;
	mutex_lock(&vm->lock);
	if (vm->nr_vcpus)
		err = -EBUSY;
	else
		WRITE_ONCE(vm->tsc.khz, khz);
	mutex_unlock(&vm->lock);
	return err;
}

static long vm_set_param(struct holm_vm *vm, void __user *argp)
{
	struct holm_vm_param arg;
	int err;

	if (copy_from_user(&arg, argp, sizeof(arg)))
		return -EFAULT;
	err = vm_param_check(&arg);
	if (err)
		return err;
	if (arg.value > param_max[array_index_nospec(arg.param, ARRAY_SIZE(param_max))])
		return -EINVAL;
	if (arg.param == HOLM_PARAM_TSC_KHZ)
		return vm_set_tsc_khz(vm, arg.value);
	WRITE_ONCE(vm->halt_poll_ns, arg.value);
	return 0;
}

static long vm_get_param(struct holm_vm *vm, void __user *argp)
{
	struct holm_vm_param arg;
	int err;

	if (copy_from_user(&arg, argp, sizeof(arg)))
		return -EFAULT;
	err = vm_param_check(&arg);
	if (err)
		return err;
	if (arg.param == HOLM_PARAM_TSC_KHZ)
		arg.value = READ_ONCE(vm->tsc.khz) ?: tsc_khz;
	else
		arg.value = READ_ONCE(vm->halt_poll_ns);
	return copy_to_user(argp, &arg, sizeof(arg)) ? -EFAULT : 0;
}

static void pause_vcpu(struct holm_vcpu *vcpu, bool pause)
{
	if (pause) {
		holm_vcpu_request(vcpu, HOLM_REQ_PAUSE);
		return;
	}
	clear_bit(HOLM_REQ_PAUSE, &vcpu->requests);
	smp_mb__after_atomic();		/* as in holm_vcpu_request() */
	holm_vcpu_kick(vcpu);
}

bool holm_vm_pause(struct holm_vm *vm, bool pause)
{
	unsigned int i;
	bool changed;

	mutex_lock(&vm->lock);
	changed = vm->paused != pause;
	if (changed) {
		WRITE_ONCE(vm->paused, pause);
		for (i = 0; i < vm->nr_vcpus; i++)
			pause_vcpu(vm->vcpus[i], pause);
		if (pause)
			holm_vm_wait_outside(vm);
		else
			holm_pv_clock_stopped(vm);
		/* In the order in which it is done. */
		holm_vm_announce(&vm->node,
				 pause ? HOLM_VM_EVENT_PAUSED : HOLM_VM_EVENT_RESUMED, NULL, 0);
	}
	mutex_unlock(&vm->lock);
	return changed;
}

/* What happened to the guest that the driver does not see. */
static long vm_report(struct holm_vm *vm, void __user *argp)
{
	static const enum holm_vm_event events[] = {
		[HOLM_REPORT_RESET] = HOLM_VM_EVENT_GUEST_RESET,
		[HOLM_REPORT_SHUTDOWN] = HOLM_VM_EVENT_GUEST_SHUTDOWN,
	};
	struct holm_report arg;

	if (copy_from_user(&arg, argp, sizeof(arg)))
		return -EFAULT;
	if (!arg.event || arg.event >= ARRAY_SIZE(events) || arg.flags)
		return -EINVAL;
	holm_vm_announce(&vm->node, events[array_index_nospec(arg.event, ARRAY_SIZE(events))],
			 NULL, 0);
	return 0;
}

static long vm_get_clock(struct holm_vm *vm, void __user *argp)
{
	struct holm_clock arg;

	holm_pv_clock_get(vm, &arg);
	return copy_to_user(argp, &arg, sizeof(arg)) ? -EFAULT : 0;
}

static long vm_set_clock(struct holm_vm *vm, void __user *argp)
{
	struct holm_clock arg;

	if (copy_from_user(&arg, argp, sizeof(arg)))
		return -EFAULT;
	return holm_pv_clock_set(vm, &arg);
}

static long vm_ioctl(struct file *file, unsigned int cmd, unsigned long uarg)
{
	void __user *argp = (void __user *)uarg;
	struct holm_vm *vm = file->private_data;

	/* Slots name addresses of the process that created the VM. */
	if (vm->mm != current->mm)
		return -EIO;

	switch (cmd) {
	case HOLM_SET_SLOT:
		return vm_set_slot(vm, argp);
	case HOLM_GET_DIRTY_LOG:
		return vm_get_dirty_log(vm, argp);
	case HOLM_CREATE_VCPU:
		return vm_create_vcpu(vm, argp);
	case HOLM_SIGNAL_MSI:
		return vm_signal_msi(vm, argp);
	case HOLM_SET_IOEVENTFD:
		return vm_set_ioeventfd(vm, argp);
	case HOLM_SET_IRQFD:
		return vm_set_irqfd(vm, argp);
	case HOLM_GET_IRQFD:
		return vm_get_irqfd(vm, argp);
	case HOLM_SET_PARAM:
		return vm_set_param(vm, argp);
	case HOLM_GET_PARAM:
		return vm_get_param(vm, argp);
	case HOLM_GET_CLOCK:
		return vm_get_clock(vm, argp);
	case HOLM_SET_CLOCK:
		return vm_set_clock(vm, argp);
	case HOLM_REPORT:
		return vm_report(vm, argp);
	default:
		return -ENOTTY;
	}
}

static int vm_release(struct inode *inode, struct file *file)
{
	holm_vm_put(file->private_data);
	return 0;
}

static const struct file_operations vm_fops = {
	.owner		= THIS_MODULE,
	.unlocked_ioctl	= vm_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.release	= vm_release,
	.llseek		= noop_llseek,
};

/*
 * Names are words that shells, file systems and terminals leave alone: they are read by the
 * tools of other users, root among them.
 */
bool holm_vm_name_valid(const char *name)
{
	size_t i;

	for (i = 0; i < HOLM_NAME_LEN; i++) {
		if (!name[i])
			return true;
		if (isascii(name[i]) && (isalnum(name[i]) || (i && strchr("-_.", name[i]))))
			continue;
		return false;
	}
	return false;
}

/**
 * holm_vm_create() - HOLM_CREATE_VM
 * @arg: a copy of the launcher's argument, unchecked
 *
 * Return: a file descriptor, or -EINVAL, -EBUSY (virtualization belongs to
 * somebody else), -ENOMEM, -EMFILE, -ENFILE, -EINTR.
 */
int holm_vm_create(const struct holm_create_vm *arg)
{
	struct holm_vm *vm;
	int err;

	if (arg->size != sizeof(*arg) || arg->flags || !holm_vm_name_valid(arg->name))
		return -EINVAL;

	vm = kvzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	if (!vm)
		return -ENOMEM;
	kref_init(&vm->refs);
	mutex_init(&vm->lock);
	holm_eventfds_init(vm);
	vm->state = HOLM_OBJ_CREATED;
	strscpy(vm->node.name, arg->name, sizeof(vm->node.name));
	memcpy(vm->node.uuid, arg->uuid, sizeof(vm->node.uuid));
	vm->node.vm = vm;
	vm->mm = current->mm;
	mmgrab(vm->mm);
	vm->halt_poll_ns = holm_halt_poll_default();
	holm_pv_vm_init(vm);
	holm_tsc_vm_init(&vm->tsc);

	err = holm_hw_get();
	if (err)
		goto err_mm;
	err = holm_backend->vm_init(vm);
	if (err)
		goto err_hw;
	err = holm_mmu_init(vm);
	if (err)
		goto err_backend;
	err = holm_vm_register(&vm->node);
	if (err)
		goto err_mmu;
	holm_vm_announce(&vm->node, HOLM_VM_EVENT_CREATED, NULL, 0);

	err = anon_inode_getfd("holm-vm", &vm_fops, vm, O_RDWR | O_CLOEXEC);
	if (err < 0)
		holm_vm_put(vm);
	return err;

err_mmu:
	holm_mmu_destroy(vm);
err_backend:
	holm_backend->vm_destroy(vm);
err_hw:
	holm_hw_put();
err_mm:
	holm_pv_vm_end(vm);
	mmdrop(vm->mm);
	holm_eventfds_destroy(vm);
	mutex_destroy(&vm->lock);
	kvfree(vm);
	return err;
}
