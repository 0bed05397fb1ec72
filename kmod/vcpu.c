// SPDX-License-Identifier: GPL-2.0-only
/*
 * The vCPU object: creation, its descriptor's ioctls, kicks.
 */
#define pr_fmt(fmt) "holm: " fmt

#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <trace/events/ipi.h>
#include <asm/msr.h>
#include <asm/tsc.h>

#include "backend.h"
#include "enter.h"
#include "holm.h"
#include "stats.h"
#include "x86/x86.h"

static_assert(sizeof(struct holm_run) <= HOLM_RUN_PAGE_SIZE);
static_assert(HOLM_RUN_PAGE_SIZE == PAGE_SIZE);

/*
 * A CPU on its way offline has virtualization off already while the scheduler
 * still moves tasks away from it: sleep until moved. Ends with preemption off.
 */
static int vcpu_wait_cpu(void)
{
	for (;;) {
		if (unlikely(holm_hw_lost()))
			return -EIO;
		preempt_disable();
		if (likely(__this_cpu_read(holm_cpu_on)))
			return 0;
		preempt_enable();
		if (fatal_signal_pending(current))
			return -EINTR;
		schedule_timeout_killable(1);
	}
}

int holm_vcpu_load(struct holm_vcpu *vcpu)
{
	int err = vcpu_wait_cpu();
	bool moved;

	if (unlikely(err)) {
		vcpu->state = HOLM_OBJ_DYING;
		return err;
	}
	moved = vcpu->cpu != smp_processor_id();
	/* Before IN_GUEST: holm_vm_flush_tlb() reads it before the mode. */
	WRITE_ONCE(vcpu->cpu, smp_processor_id());
	holm_backend->vcpu_load(vcpu, vcpu->cpu);
	vcpu->loaded = true;
	holm_tsc_follow(vcpu, moved);
	return 0;
}

void holm_vcpu_put(struct holm_vcpu *vcpu)
{
	vcpu->loaded = false;
	vcpu->tsc.last_host = rdtsc();
	holm_backend->vcpu_put(vcpu);
	preempt_enable();
}

void holm_vcpu_kick(struct holm_vcpu *vcpu)
{
	int cpu, me;

	if (swq_has_sleeper(&vcpu->wait)) {
		swake_up_one(&vcpu->wait);
		return;
	}
	me = get_cpu();
	if (cmpxchg(&vcpu->mode, HOLM_IN_GUEST, HOLM_EXITING_GUEST) == HOLM_IN_GUEST) {
		cpu = READ_ONCE(vcpu->cpu);
		if (cpu != me && cpu >= 0 && cpu_online(cpu))
			smp_send_reschedule(cpu);
	}
	put_cpu();
}

static void flush_ack(void *unused)
{
	/* The interrupt itself forced the exit. */
}

void holm_vm_flush_tlb(struct holm_vm *vm)
{
	unsigned int i, n = smp_load_acquire(&vm->nr_vcpus);

	for (i = 0; i < n; i++)
		set_bit(HOLM_REQ_TLB_FLUSH, &vm->vcpus[i]->requests);
	holm_vm_wait_outside(vm);
}

void holm_vm_wait_outside(struct holm_vm *vm)
{
	unsigned int i, n = smp_load_acquire(&vm->nr_vcpus);

	/*
	 * Pairs with the store of HOLM_IN_GUEST before requests are read in
	 * the run loop: a vCPU seen outside sees the request before it enters.
	 */
	smp_mb();
	for (i = 0; i < n; i++) {
		struct holm_vcpu *vcpu = vm->vcpus[i];
		int cpu;

		preempt_disable();
		cpu = READ_ONCE(vcpu->cpu);
		if (READ_ONCE(vcpu->mode) != HOLM_OUTSIDE_GUEST && cpu != smp_processor_id())
			smp_call_function_single(cpu, flush_ack, NULL, 1);
		preempt_enable();
	}
}

/* ---- ioctls --------------------------------------------------------------- */

/* @move: holm_state_blocks_get() or holm_state_blocks_set() */
static long vcpu_state_blocks(struct holm_vcpu *vcpu, void __user *argp,
			      int (*move)(struct holm_vcpu *, struct holm_state *))
{
	struct holm_state arg;
	long err;

	if (copy_from_user(&arg, argp, sizeof(arg)))
		return -EFAULT;
	if (arg.flags || arg.reserved || arg.nblocks > HOLM_MAX_STATE_BLOCKS)
		return -EINVAL;
	arg.done = 0;
	err = move(vcpu, &arg);
	if (put_user(arg.done, &((struct holm_state __user *)argp)->done))
		return -EFAULT;
	return err;
}

static long vcpu_set_cpuid(struct holm_vcpu *vcpu, void __user *argp)
{
	struct holm_cpuid_entry *entries;
	struct holm_cpuid arg;
	int err;

	if (copy_from_user(&arg, argp, sizeof(arg)))
		return -EFAULT;
	if (arg.flags || !arg.nent)
		return -EINVAL;
	if (arg.nent > HOLM_MAX_CPUID_ENTRIES)
		return -E2BIG;
	if (vcpu->state > HOLM_OBJ_CONFIGURED)
		return -EBUSY;

	entries = vmemdup_user(u64_to_user_ptr(arg.entries), arg.nent * sizeof(*entries));
	if (IS_ERR(entries))
		return PTR_ERR(entries);
	err = holm_cpuid_set(vcpu, entries, arg.nent);
	if (err)
		kvfree(entries);
	else
		vcpu->state = HOLM_OBJ_CONFIGURED;
	return err;
}

static long vcpu_get_cpuid(struct holm_vcpu *vcpu, void __user *argp)
{
	struct holm_cpuid arg;
	long err = 0;

	if (copy_from_user(&arg, argp, sizeof(arg)))
		return -EFAULT;
	if (arg.flags)
		return -EINVAL;
	if (arg.nent < vcpu->cpuid_nent)
		err = -E2BIG;
	else if (copy_to_user(u64_to_user_ptr(arg.entries), vcpu->cpuid,
			      vcpu->cpuid_nent * sizeof(*vcpu->cpuid)))
		return -EFAULT;
	if (put_user(vcpu->cpuid_nent, &((struct holm_cpuid __user *)argp)->nent))
		return -EFAULT;
	return err;
}

static long vcpu_translate(struct holm_vcpu *vcpu, void __user *argp)
{
	struct holm_translate arg;
	int err;

	if (copy_from_user(&arg, argp, sizeof(arg)))
		return -EFAULT;
	if (arg.flags & ~(HOLM_TRANSLATE_WRITE | HOLM_TRANSLATE_FETCH | HOLM_TRANSLATE_USER) ||
	    arg.reserved)
		return -EINVAL;

	holm_state_get(vcpu, HOLM_ST_CR | HOLM_ST_SEG | HOLM_ST_RIP);
	err = holm_walk(vcpu, arg.gva, arg.flags, false, &arg.gpa, &arg.error_code);
	if (err < 0)
		return err;
	arg.valid = !err;
	if (err)
		arg.gpa = 0;
	else
		arg.error_code = 0;
	return copy_to_user(argp, &arg, sizeof(arg)) ? -EFAULT : 0;
}

static long vcpu_lapic_access(struct holm_vcpu *vcpu, void __user *argp)
{
	struct holm_lapic_access arg;
	int err, eoi = -1;

	if (copy_from_user(&arg, argp, sizeof(arg)))
		return -EFAULT;
	if (arg.flags & ~HOLM_LAPIC_WRITE || arg.offset & 15 || arg.offset >= 0x400)
		return -EINVAL;
	if (arg.flags & HOLM_LAPIC_WRITE)
		err = holm_lapic_mmio_write(vcpu, arg.offset, arg.value, &eoi);
	else
		err = holm_lapic_mmio_read(vcpu, arg.offset, &arg.value);
	if (err)
		return err;
	arg.eoi_vector = eoi >= 0 && holm_irqfd_eoi(vcpu, eoi) ? -1 : eoi;
	return copy_to_user(argp, &arg, sizeof(arg)) ? -EFAULT : 0;
}

/* Legal from any thread at any time: takes no lock. */
static long vcpu_inject(struct holm_vcpu *vcpu, void __user *argp)
{
	struct holm_inject arg;

	if (copy_from_user(&arg, argp, sizeof(arg)))
		return -EFAULT;
	if (arg.kind != HOLM_INJECT_INTERRUPT && arg.vector)
		return -EINVAL;

	switch (arg.kind) {
	case HOLM_INJECT_NMI:
		atomic_add_unless(&vcpu->nmi_pending, 1, 2);
		break;
	case HOLM_INJECT_INTERRUPT:
		if (arg.vector < 16 || arg.vector > 255)
			return -EINVAL;
		return holm_lapic_accept(vcpu, 0, arg.vector, false) ? 0 : -EAGAIN;
	case HOLM_INJECT_EXTINT_RAISE:
		holm_lapic_lint0(vcpu, true);
		return 0;
	case HOLM_INJECT_EXTINT_LOWER:
		holm_lapic_lint0(vcpu, false);
		return 0;
	default:
		return -EINVAL;
	}
	holm_vcpu_request(vcpu, HOLM_REQ_EVENT);
	return 0;
}

static long vcpu_ioctl_locked(struct holm_vcpu *vcpu, unsigned int cmd, unsigned long uarg)
{
	void __user *argp = (void __user *)uarg;

	switch (cmd) {
	case HOLM_GET_STATE:
		return vcpu_state_blocks(vcpu, argp, holm_state_blocks_get);
	case HOLM_SET_STATE:
		return vcpu_state_blocks(vcpu, argp, holm_state_blocks_set);
	case HOLM_SET_CPUID:
		return vcpu_set_cpuid(vcpu, argp);
	case HOLM_GET_CPUID:
		return vcpu_get_cpuid(vcpu, argp);
	case HOLM_TRANSLATE:
		return vcpu_translate(vcpu, argp);
	case HOLM_LAPIC_ACCESS:
		return vcpu_lapic_access(vcpu, argp);
	default:
		return -ENOTTY;
	}
}

static long vcpu_ioctl(struct file *file, unsigned int cmd, unsigned long uarg)
{
	struct holm_vcpu *vcpu = file->private_data;
	long ret;

	if (vcpu->vm->mm != current->mm)
		return -EIO;
	if (cmd == HOLM_INJECT)
		return vcpu_inject(vcpu, (void __user *)uarg);

	/* A vCPU has one user at a time: its own thread. */
	if (!mutex_trylock(&vcpu->lock))
		return -EBUSY;
	if (unlikely(vcpu->state == HOLM_OBJ_DYING))
		ret = -EIO;
	else if (likely(cmd == HOLM_RUN))
		ret = uarg ? -EINVAL : holm_run(vcpu);
	else
		ret = vcpu_ioctl_locked(vcpu, cmd, uarg);
	/* Part of the state could not be had: what was returned is not it. */
	if (unlikely(vcpu->state == HOLM_OBJ_DYING))
		ret = -EIO;
	mutex_unlock(&vcpu->lock);
	return ret;
}

static vm_fault_t vcpu_page_fault(struct vm_fault *vmf)
{
	struct holm_vcpu *vcpu = vmf->vma->vm_file->private_data;

	if (vmf->pgoff)
		return VM_FAULT_SIGBUS;
	vmf->page = virt_to_page(vcpu->run);
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct vcpu_vm_ops = {
	.fault = vcpu_page_fault,
};

static int vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (vma->vm_pgoff || vma->vm_end - vma->vm_start != HOLM_RUN_PAGE_SIZE ||
	    !(vma->vm_flags & VM_SHARED) || vma->vm_flags & VM_EXEC)
		return -EINVAL;
	/* Nor may mprotect() make it executable. */
	holm_vma_mod_flags(vma, VM_DONTEXPAND | VM_DONTCOPY, VM_MAYEXEC);
	vma->vm_ops = &vcpu_vm_ops;
	return 0;
}

static int vcpu_release(struct inode *inode, struct file *file)
{
	struct holm_vcpu *vcpu = file->private_data;

	holm_vm_put(vcpu->vm);
	return 0;
}

static const struct file_operations vcpu_fops = {
	.owner		= THIS_MODULE,
	.unlocked_ioctl	= vcpu_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.mmap		= vcpu_mmap,
	.release	= vcpu_release,
	.llseek		= noop_llseek,
};

/* ---- creation ------------------------------------------------------------- */

void holm_vcpu_free(struct holm_vcpu *vcpu)
{
	holm_pv_async_drop(vcpu);
	holm_lapic_destroy(vcpu);
	holm_backend->vcpu_destroy(vcpu);
	holm_xstate_destroy(vcpu);
	kvfree(vcpu->cpuid);
	kvfree(vcpu->exit_stats);
	put_pid(vcpu->pid);
	free_page((unsigned long)vcpu->run);
	mutex_destroy(&vcpu->lock);
	kfree(vcpu);
}

static struct holm_vcpu *vcpu_alloc(struct holm_vm *vm, u32 apic_id)
{
	struct holm_vcpu *vcpu;
	int err = -ENOMEM;

	vcpu = kzalloc(sizeof(*vcpu), GFP_KERNEL_ACCOUNT);
	if (!vcpu)
		return ERR_PTR(-ENOMEM);
	vcpu->vm = vm;
	vcpu->apic_id = apic_id;
	mutex_init(&vcpu->lock);
	init_swait_queue_head(&vcpu->wait);
	spin_lock_init(&vcpu->pid_lock);
	vcpu->state = HOLM_OBJ_CREATED;
	vcpu->cpu = -1;
	vcpu->loaded_cpu = -1;
	vcpu->short_exits = HOLM_SHORT_EXITS;
	vcpu->mode = HOLM_OUTSIDE_GUEST;
	vcpu->exception.type = HOLM_EVENT_NONE;
	vcpu->interrupted.type = HOLM_EVENT_NONE;

	vcpu->run = (struct holm_run *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vcpu->run)
		goto err_vcpu;
	err = holm_xstate_create(vcpu);
	if (err)
		goto err_run;
	err = holm_backend->vcpu_create(vcpu);
	if (err)
		goto err_xstate;
	err = holm_lapic_create(vcpu);
	if (err)
		goto err_backend;
	return vcpu;

err_backend:
	holm_backend->vcpu_destroy(vcpu);
err_xstate:
	holm_xstate_destroy(vcpu);
err_run:
	free_page((unsigned long)vcpu->run);
err_vcpu:
	mutex_destroy(&vcpu->lock);
	kfree(vcpu);
	return ERR_PTR(err);
}

/**
 * holm_vcpu_create() - HOLM_CREATE_VCPU
 * @vm: the VM
 * @arg: a copy of the launcher's argument, unchecked
 *
 * Return: a file descriptor, or -EINVAL, -EEXIST (the APIC ID is taken), -EIO
 * (virtualization was lost), -ENOMEM, -EMFILE, -ENFILE.
 */
int holm_vcpu_create(struct holm_vm *vm, const struct holm_create_vcpu *arg)
{
	struct holm_vcpu *vcpu;
	struct file *file;
	int fd, err;

	if (arg->flags || arg->apic_id >= HOLM_MAX_VCPUS)
		return -EINVAL;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;

	mutex_lock(&vm->lock);
	err = -EEXIST;
	if (vm->by_apic_id[arg->apic_id])
		goto err_unlock;
	vcpu = vcpu_alloc(vm, arg->apic_id);
	if (IS_ERR(vcpu)) {
		err = PTR_ERR(vcpu);
		goto err_unlock;
	}
	vcpu->index = vm->nr_vcpus;
	if (vm->paused)
		set_bit(HOLM_REQ_PAUSE, &vcpu->requests);
	err = holm_stats_vcpu_create(vcpu);
	if (err)
		goto err_vcpu;

	mutex_lock(&vcpu->lock);
	holm_backend->vcpu_reset(vcpu);
	holm_state_reset(vcpu, false);
	err = vcpu->state == HOLM_OBJ_DYING ? -EIO : 0;
	mutex_unlock(&vcpu->lock);
	if (err)
		goto err_vcpu;

	file = anon_inode_getfile("holm-vcpu", &vcpu_fops, vcpu, O_RDWR);
	if (IS_ERR(file)) {
		err = PTR_ERR(file);
		goto err_vcpu;
	}
	holm_vm_get(vm);

	/* From here on interrupts are routed to it. */
	vm->vcpus[vcpu->index] = vcpu;
	smp_store_release(&vm->by_apic_id[vcpu->apic_id], vcpu);
	smp_store_release(&vm->nr_vcpus, vm->nr_vcpus + 1);
	mutex_unlock(&vm->lock);
	fd_install(fd, file);
	return fd;

err_vcpu:
	holm_vcpu_free(vcpu);
err_unlock:
	mutex_unlock(&vm->lock);
	put_unused_fd(fd);
	return err;
}
