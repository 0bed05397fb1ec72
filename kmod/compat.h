/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every difference between kernel versions, and only here: each with the
 * version that made it and the reason.
 */
#ifndef HOLM_COMPAT_H
#define HOLM_COMPAT_H

#include <linux/eventfd.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/version.h>
#include <linux/syscore_ops.h>
#include <linux/workqueue.h>
#include <asm/cpufeature.h>
#include <asm/hardirq.h>
#include <asm/irq_vectors.h>
#include <asm/perf_event.h>
#include <asm/processor.h>
#include <asm/reboot.h>
#include <asm/tlbflush.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#include <asm/gsseg.h>		/* load_gs_index() was in asm/special_insns.h */
#else
#include <asm/special_insns.h>
#endif

/*
 * Crash and emergency reboot: since 6.6 the kernel calls back whoever enabled
 * VMX or SVM, when it was built with KVM at all; 6.1 stable kernels took that
 * over, there without the condition: Kbuild looks into the header. A kernel
 * without it leaves VMX and SVM operation itself on every CPU where CR4.VMXE or
 * EFER.SVME is set: without VMCLEAR, so that in a dump what is in a VMCS may be
 * older than what the CPU had.
 */
void holm_emergency_disable(void);

#if defined(HOLM_HAVE_EMERGENCY_CALLBACK) && \
	(LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0) || \
	 IS_ENABLED(CONFIG_KVM_INTEL) || IS_ENABLED(CONFIG_KVM_AMD))
static inline void holm_emergency_register(void)
{
	cpu_emergency_register_virt_callback(holm_emergency_disable);
}

static inline void holm_emergency_unregister(void)
{
	cpu_emergency_unregister_virt_callback(holm_emergency_disable);
}
#else
static inline void holm_emergency_register(void) { }
static inline void holm_emergency_unregister(void) { }
#endif

/* What a dump was asked for: since 6.6 in a struct genl_info. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define holm_genl_dump_attrs(cb)	(genl_dumpit_info(cb)->info.attrs)
#else
#define holm_genl_dump_attrs(cb)	(genl_dumpit_info(cb)->attrs)
#endif

/* CLEAR_BRANCH_HISTORY_VMEXIT, an assembly macro of the kernel's, does something. */
static inline bool holm_host_clears_bhb(void)
{
#if defined(X86_FEATURE_CLEAR_BHB_VMEXIT)	/* the later name */
	return boot_cpu_has(X86_FEATURE_CLEAR_BHB_VMEXIT);
#elif defined(X86_FEATURE_CLEAR_BHB_LOOP_ON_VMEXIT)
	return boot_cpu_has(X86_FEATURE_CLEAR_BHB_LOOP_ON_VMEXIT);
#else
	return false;
#endif
}

/* The kernel wants a barrier between a guest and user space; stable kernels, too. */
static inline bool holm_host_ibpb_to_user(void)
{
#ifdef X86_FEATURE_IBPB_EXIT_TO_USER
	return boot_cpu_has(X86_FEATURE_IBPB_EXIT_TO_USER);
#else
	return false;
#endif
}

/*
 * Since 6.15 kernel_fpu_begin() keeps softirqs off: those that an interrupt of a
 * running guest raises wait for kernel_fpu_end().
 */
static inline bool holm_softirq_waits(void)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0)
	return local_softirq_pending();
#else
	return false;
#endif
}

/*
 * struct syscore_ops became struct syscore with callbacks that take a pointer
 * in 6.19, and stable kernels took that over: Kbuild looks into the header.
 */
#ifdef HOLM_HAVE_STRUCT_SYSCORE
#define HOLM_SYSCORE(name, suspend_fn, resume_fn)				\
	static int name##_suspend(void *unused) { return suspend_fn(); }	\
	static void name##_resume(void *unused) { resume_fn(); }		\
	static const struct syscore_ops name##_ops = {				\
		.suspend = name##_suspend,					\
		.resume = name##_resume,					\
	};									\
	static struct syscore name = { .ops = &name##_ops }
#define holm_register_syscore	register_syscore
#define holm_unregister_syscore	unregister_syscore
#else
#define HOLM_SYSCORE(name, suspend_fn, resume_fn)				\
	static struct syscore_ops name = {					\
		.suspend = suspend_fn,						\
		.resume = resume_fn,						\
	}
#define holm_register_syscore	register_syscore_ops
#define holm_unregister_syscore	unregister_syscore_ops
#endif

/* vm_flags became read-only, to be changed by accessors, in 6.3. */
static inline void holm_vma_mod_flags(struct vm_area_struct *vma, vm_flags_t set,
				      vm_flags_t clear)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	vm_flags_mod(vma, set, clear);
#else
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
#endif
}

/* 6.13 added hrtimer_setup(); hrtimer_init() was removed in 6.15. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *),
				 clockid_t clock_id, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock_id, mode);
	timer->function = function;
}
#endif

/* 6.8 took the second argument away: it had been 1 wherever it was used. */
static inline void holm_eventfd_signal(struct eventfd_ctx *eventfd)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	eventfd_signal(eventfd);
#else
	eventfd_signal(eventfd, 1);
#endif
}

/*
 * A workqueue is of each CPU unless WQ_UNBOUND makes it another; from 6.17 on it
 * wants to be told so.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
#define HOLM_WQ_PERCPU	WQ_PERCPU
#else
#define HOLM_WQ_PERCPU	0
#endif

/*
 * 6.2 lets signals interrupt the waits of get_user_pages() for userspace
 * (93c5c61d9e58); before, only fatal ones do.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define FOLL_INTERRUPTIBLE 0
#endif

/*
 * From 6.6 on get_user_pages() passes over NUMA hinting entries unless asked
 * (d74943a2f3cd); before, it always takes the hinting fault.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define FOLL_HONOR_NUMA_FAULT 0
#endif

/*
 * CR4.VMXE has to be in the kernel's own copy of CR4, too: it rewrites the
 * register from there (TLB flushes, rdpmc and prctl settings of a task), and
 * clearing VMXE in VMX operation faults. The helper is exported to every
 * module up to 6.18; from 6.19 on only to KVM's, and a driver has to go
 * another way that does not exist yet. IRQs off.
 */
static inline void holm_cr4_update(unsigned long set, unsigned long clear)
{
	cr4_update_irqsoff(set, clear);
}

/*
 * L1TF: what the host was told ("l1tf=", "mitigations=") and whether an
 * interrupt brought something into the L1D, which the kernel has for modules
 * when it was built with KVM for Intel. From 6.19 on only KVM's modules may link
 * the former, and both changed: a host that says nothing gets the safe answer.
 */
enum holm_l1d_mode {
	HOLM_L1D_NEVER,
	HOLM_L1D_COND,		/* when host code that is not ours ran */
	HOLM_L1D_ALWAYS,
};

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0) && IS_ENABLED(CONFIG_KVM_INTEL)
static inline enum holm_l1d_mode holm_host_l1d_mode(void)
{
	switch (l1tf_mitigation) {
	case L1TF_MITIGATION_OFF:
		return HOLM_L1D_NEVER;
	case L1TF_MITIGATION_FULL:
	case L1TF_MITIGATION_FULL_FORCE:
		return HOLM_L1D_ALWAYS;
	default:
		return HOLM_L1D_COND;
	}
}
#else
static inline enum holm_l1d_mode holm_host_l1d_mode(void)
{
	return HOLM_L1D_COND;
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0) && IS_ENABLED(CONFIG_KVM_INTEL)
#define HOLM_HAS_L1D_IRQ_FLAG 1
/* An interrupt was handled on this CPU since the last call. IRQs off. */
static inline bool holm_take_l1d_irq_flag(void)
{
	bool irq = kvm_get_cpu_l1tf_flush_l1d();

	kvm_clear_cpu_l1tf_flush_l1d();
	return irq;
}
#else
#define HOLM_HAS_L1D_IRQ_FLAG 0
static inline bool holm_take_l1d_irq_flag(void)
{
	return true;
}
#endif

/*
 * A CPU whose processor trace does not work in VMX operation (Broadwell) faults
 * when tracing is enabled there, and the trace of perf has to know. From 6.19 on
 * only KVM's modules may tell it.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
#define HOLM_HAVE_PT_NOTICE 1
/* On this CPU, IRQs off: before VMXON, and after VMXOFF. */
static inline void holm_pt_notice(bool vmx_on)
{
	intel_pt_handle_vmx(vmx_on);
}
#else
#define HOLM_HAVE_PT_NOTICE 0
static inline void holm_pt_notice(bool vmx_on) { }
#endif

/*
 * AMD counters can be told to count only outside of guests, and perf does so
 * (exclude_guest) once it knows that SVM is on. Up to 6.18; from 6.19 on it
 * hears of it from KVM only, and counts guests as well. On this CPU, IRQs off.
 */
static inline void holm_amd_pmu_notice(bool svm_on)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
	if (svm_on)
		amd_pmu_enable_virt();
	else
		amd_pmu_disable_virt();
#endif
}

/*
 * The interrupt that makes a CPU in VMX operation take posted interrupts has a
 * vector and a handler (which only counts it, when it comes too late) in kernels
 * that can have KVM: until 6.8 in all for this CPU, since then where KVM is
 * built. Since 6.6 IPIs are sent by static calls.
 */
#if IS_ENABLED(CONFIG_KVM) || \
	(LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0) && defined(CONFIG_HAVE_KVM))
#define HOLM_HAVE_POSTED_INTR 1
/* For those who include <asm/apic.h>, with its many names. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define holm_send_posted_intr(cpu)	\
	__apic_send_IPI_mask(cpumask_of(cpu), POSTED_INTR_VECTOR)
#else
#define holm_send_posted_intr(cpu)	\
	(apic->send_IPI_mask(cpumask_of(cpu), POSTED_INTR_VECTOR))
#endif
#else
#define HOLM_HAVE_POSTED_INTR 0
#define POSTED_INTR_VECTOR 0
static inline void holm_send_posted_intr(int cpu) { }
#endif

/* The task is on a CPU now. 6.16 made every kernel one for several CPUs. */
static inline bool holm_task_on_cpu(const struct task_struct *task)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0) || defined(CONFIG_SMP)
	return READ_ONCE(task->on_cpu);
#else
	return task == current;
#endif
}

/* The user's GS selector, without changing the kernel's GS base. IRQs off. */
static inline void holm_load_gs_index(unsigned int selector)
{
	load_gs_index(selector);
}

#endif /* HOLM_COMPAT_H */
