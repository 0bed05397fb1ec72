/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Paravirtualization by the KVM guest ABI, which stock Linux and BSD guests
 * speak (Documentation/virt/kvm/x86 of the kernel: cpuid.rst, msr.rst,
 * hypercalls.rst).
 *
 *	pv.c		which features, the MSRs, reset, what is due before an entry
 *	pv_clock.c	kvmclock: the VM's clock, the vCPUs' pages, the wall clock
 *	pv_steal.c	steal time, preempted vCPUs, TLB flushes left to us
 *	pv_eoi.c	interrupts that are ended without an exit
 *	pv_call.c	hypercalls: wake-up, IPIs, yield
 *	pv_async.c	page faults that the guest need not wait for
 *
 * The guest names memory that the driver writes. WRMSR is answered with
 * preemption off, where that memory cannot be waited for: it only notes what is
 * due (vcpu->pv.work, HOLM_REQ_PV), and holm_pv_update() does it in the
 * sleepable part of the run loop, before the guest executes its next
 * instruction. Memory that is not there is left alone: the guest asked for it.
 */
#ifndef HOLM_X86_PV_H
#define HOLM_X86_PV_H

#include <linux/bits.h>
#include <linux/kconfig.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <asm/kvm_para.h>

struct holm_clock;
struct holm_msr_access;
struct holm_vcpu;
struct holm_vm;
struct pvclock_vcpu_time_info;

/* CPUID 4000_0001H EAX: what this driver does. */
#define HOLM_PV_FEATURES						\
	(BIT(KVM_FEATURE_CLOCKSOURCE) | BIT(KVM_FEATURE_NOP_IO_DELAY) |	\
	 BIT(KVM_FEATURE_CLOCKSOURCE2) | HOLM_PV_STEAL_FEATURES |	\
	 BIT(KVM_FEATURE_ASYNC_PF) | BIT(KVM_FEATURE_ASYNC_PF_INT) |	\
	 BIT(KVM_FEATURE_PV_EOI) | BIT(KVM_FEATURE_PV_UNHALT) |		\
	 BIT(KVM_FEATURE_PV_SEND_IPI) | BIT(KVM_FEATURE_POLL_CONTROL) |	\
	 BIT(KVM_FEATURE_PV_SCHED_YIELD) |				\
	 BIT(KVM_FEATURE_CLOCKSOURCE_STABLE_BIT))

/* Where the scheduler counts what a thread waits for. */
#define HOLM_PV_STEAL_FEATURES						\
	(IS_ENABLED(CONFIG_SCHED_INFO) ?				\
	 BIT(KVM_FEATURE_STEAL_TIME) | BIT(KVM_FEATURE_PV_TLB_FLUSH) : 0)

/* The LAPIC timer counts nanoseconds (timer.c): 4000_0010H EBX. */
#define HOLM_PV_APIC_KHZ	1000000

/* MSR_KVM_POLL_CONTROL: the host may poll. */
#define HOLM_PV_POLL		1ULL

/* Bits of struct holm_pv.work. */
#define HOLM_PV_CLOCK		0	/* write the vCPU's page of time */
#define HOLM_PV_STOPPED		1	/* and tell it that the guest stood still */
#define HOLM_PV_WALL_CLOCK	2	/* write the wall clock */
#define HOLM_PV_READY		3	/* a page is there, or the guest takes the next one */
#define HOLM_PV_EOI		4	/* end the offer of an EOI, if there still is one */

struct holm_pv_wait;	/* pv_async.c */

/**
 * struct holm_pv_async - of a vCPU: pages that its guest waits for
 * @enable: [r] MSR_KVM_ASYNC_PF_EN
 * @vector: [r] MSR_KVM_ASYNC_PF_INT
 * @waits: [r] those pages, the last first
 * @count: [r] of them
 * @id: [r] of the last one
 * @stale: [r] all of @waits are void
 * @wake_all: [r] all that the guest was told is void, which it is to be told next
 * @sent: [r] a "page ready" that the guest has not acknowledged
 * @retry: [r] one that could not be sent: its memory or its LAPIC would not have it
 */
struct holm_pv_async {
	u64 enable;
	u64 vector;
	struct holm_pv_wait *waits;
	unsigned int count;
	u32 id;
	bool stale;
	bool wake_all;
	bool sent;
	bool retry;
};

/**
 * struct holm_pv - of a vCPU; MSRs have the values that the guest wrote
 * @features: [r] KVM_FEATURE_* bits of the CPUID table; 0 without KVM's signature
 * @work: [a] HOLM_PV_* bits, with HOLM_REQ_PV
 * @system_time: [r] MSR_KVM_SYSTEM_TIME(_NEW); READ_ONCE by other vCPUs
 * @clock_cpu: [r] CPU whose TSC the page is for where the TSCs are not one, or -1
 * @clock_ns: [r] CLOCK_BOOTTIME when that was
 * @clock_epoch: [r] holm_pv_epoch at the last write of the page
 * @steal_time: [r] MSR_KVM_STEAL_TIME
 * @steal_thread: [r] the thread whose time @run_delay is; compared only
 * @run_delay: [r] what it had waited for a CPU at the last look, ns
 * @preempted: [r] the guest's memory may have the mark
 * @eoi: [r] MSR_KVM_PV_EOI_EN
 * @eoi_gpa: [r] where the last offer was made
 * @eoi_offered: [r] the bit was set for the highest interrupt in service
 * @eoi_unknown: [r] and whether the guest has cleared it could not be read
 * @poll_control: [r] MSR_KVM_POLL_CONTROL: bit 0: HLT may be polled
 * @unhalted: [a] a wake-up that the next HLT, or the one it is in, takes
 * @async: page faults that the guest need not wait for
 */
struct holm_pv {
	u32 features;
	unsigned long work;
	u64 system_time;
	int clock_cpu;
	u64 clock_ns;
	unsigned int clock_epoch;
	u64 steal_time;
	const void *steal_thread;
	u64 run_delay;
	bool preempted;
	u64 eoi;
	u64 eoi_gpa;
	bool eoi_offered;
	bool eoi_unknown;
	u64 poll_control;
	bool unhalted;
	struct holm_pv_async async;
};

/**
 * struct holm_pv_vm - of a VM: its clock
 * @link: in the list of all, pv_clock.c
 * @lock: a leaf; taken with IRQs off, so that a reading of two clocks is one
 * @ns: nanoseconds ...
 * @tsc: ... at this host TSC
 * @boot_ns: ... and at this CLOCK_BOOTTIME
 * @khz: the rate of the host's TSC, by which it is read
 * @epoch: holm_pv_epoch that it was read in
 * @stable: the clock is what the TSC says since @tsc; otherwise, since @boot_ns,
 *	what CLOCK_BOOTTIME says
 * @wall_clock: [a] MSR_KVM_WALL_CLOCK(_NEW)
 */
struct holm_pv_vm {
	struct list_head link;
	spinlock_t lock;
	u64 ns;
	u64 tsc;
	u64 boot_ns;
	u32 khz;
	unsigned int epoch;
	bool stable;
	u64 wall_clock;
};

/* ---- pv.c --------------------------------------------------------------- */

/* At load and unload. 0 or -ENOMEM. */
int holm_pv_setup(void);
void holm_pv_teardown(void);

/* May sleep. After the latter nobody asks anything of its vCPUs because of a clock. */
void holm_pv_vm_init(struct holm_vm *vm);
void holm_pv_vm_end(struct holm_vm *vm);

/* At RESET and INIT: the guest's registrations are gone. vcpu->lock. */
void holm_pv_reset(struct holm_vcpu *vcpu);

/* The CPUID table changed: vcpu->pv.features. vcpu->lock. */
void holm_pv_model(struct holm_vcpu *vcpu);

static inline bool holm_pv_has(const struct holm_pv *pv, unsigned int feature)
{
	return pv->features & BIT(feature);
}

/* Note that there is work; from any context. The vCPU is kicked. */
void holm_pv_request(struct holm_vcpu *vcpu, unsigned int work);

/* The same by the vCPU's own thread, which needs no kick. */
void holm_pv_request_own(struct holm_vcpu *vcpu, unsigned int work);

/**
 * holm_pv_update() - do what is due before the vCPU enters
 * @vcpu: the vCPU, its lock held, not loaded; by its own thread; may sleep
 */
void holm_pv_update(struct holm_vcpu *vcpu);

/* Handlers of the MSR table. */
int holm_pv_read_wall_clock(struct holm_vcpu *vcpu, struct holm_msr_access *a);
int holm_pv_write_wall_clock(struct holm_vcpu *vcpu, struct holm_msr_access *a);
int holm_pv_write_system_time(struct holm_vcpu *vcpu, struct holm_msr_access *a);

/* ---- pv_clock.c --------------------------------------------------------- */

/*
 * Another count whenever the machine sleeps: the guests stand still, and the host's
 * TSC may begin anew. Written by one at a time: there is one sleep at a time.
 */
extern unsigned int holm_pv_epoch;

static inline void holm_pv_slept(void)
{
	WRITE_ONCE(holm_pv_epoch, holm_pv_epoch + 1);
}

/**
 * holm_pv_scale() - what a guest multiplies TSC ticks with
 * @khz: the TSC's frequency, not 0
 * @mul: nanoseconds are (ticks << shift) * mul >> 32
 * @shift: negative: a shift to the right
 *
 * The error is less than one in 2^31. Pure.
 */
void holm_pv_scale(u32 khz, u32 *mul, s8 *shift);

/* Ticks to nanoseconds, as a guest computes it: 96 bits in between. Pure. */
u64 holm_pv_ticks_to_ns(u64 ticks, u32 mul, s8 shift);

/* At load and unload: to be told of changes of the host's clock. */
void holm_pv_clock_setup(void);
void holm_pv_clock_teardown(void);

void holm_pv_clock_init(struct holm_pv_vm *clock);
void holm_pv_clock_end(struct holm_pv_vm *clock);

/* The guest's TSC jumped against the host's: pages are written again. */
void holm_pv_tsc_changed(struct holm_vcpu *vcpu);

/* The page of time, and the wall clock, in guest memory. As holm_pv_update(). */
void holm_pv_write_clock(struct holm_vcpu *vcpu, bool stopped);
void holm_pv_write_wall(struct holm_vm *vm);

/*
 * The guest stood still, which its watchdogs are to know: written to each page of
 * time before its vCPU enters. Any context.
 */
void holm_pv_clock_stopped(struct holm_vm *vm);

/* HOLM_GET_CLOCK, HOLM_SET_CLOCK: -EINVAL. May sleep. */
void holm_pv_clock_get(struct holm_vm *vm, struct holm_clock *arg);
int holm_pv_clock_set(struct holm_vm *vm, const struct holm_clock *arg);

/* ---- pv_steal.c --------------------------------------------------------- */

/* The vCPU's thread is about to give up the CPU, between two instructions of the
 * guest. vcpu->lock; preemption may be off.
 */
void holm_pv_preempted(struct holm_vcpu *vcpu);

/* It is about to enter: MSR_KVM_STEAL_TIME is enabled. As holm_pv_update(). */
void holm_pv_enter_steal(struct holm_vcpu *vcpu);

int holm_pv_write_steal_time(struct holm_vcpu *vcpu, struct holm_msr_access *a);

/* ---- pv_eoi.c ----------------------------------------------------------- */

/* @vector was just put in service and is going to be injected. IRQs off. */
void holm_pv_eoi_offer(struct holm_vcpu *vcpu, int vector);

/* About to enter with an offer: take it back when another interrupt waits. IRQs
 * off. Return: false when it could not be: HOLM_PV_EOI is noted, for which the vCPU
 * has to exit soon.
 */
bool holm_pv_eoi_withdraw(struct holm_vcpu *vcpu);

/* An exit with an offer: has the guest taken it? Preemption off. */
void holm_pv_eoi_exit(struct holm_vcpu *vcpu);

/* EOI by the register. Return: true when one more was made by the offer. */
bool holm_pv_eoi_known(struct holm_vcpu *vcpu);

/* No offer any more: somebody may look at the LAPIC. As holm_pv_update(). */
void holm_pv_eoi_end(struct holm_vcpu *vcpu);

int holm_pv_write_eoi(struct holm_vcpu *vcpu, struct holm_msr_access *a);

/* ---- pv_call.c ---------------------------------------------------------- */

/**
 * holm_pv_hypercall() - VMCALL or VMMCALL by CPL 0
 * @vcpu: the vCPU, loaded
 * @wide: in 64-bit mode
 *
 * Sets vcpu->slow where there is something to do that may sleep, otherwise
 * NULL. Return: the guest's result.
 */
s64 holm_pv_hypercall(struct holm_vcpu *vcpu, bool wide);

/* A wake-up came: true, and it is taken. vcpu->lock. */
bool holm_pv_unhalt(struct holm_vcpu *vcpu);

/* ---- pv_async.c --------------------------------------------------------- */

/*
 * Pages that are waited for at most: by one vCPU, and by all VMs together, of which
 * one VM alone gets half.
 */
#define HOLM_PV_WAITS		64
#define HOLM_PV_WAITS_ALL	256

/* MSR_KVM_ASYNC_PF_EN: "page ready" comes as an interrupt. */
#define HOLM_PV_ASYNC_ON	(KVM_ASYNC_PF_ENABLED | KVM_ASYNC_PF_DELIVERY_AS_INT)

static inline bool holm_pv_async_on(const struct holm_pv *pv)
{
	return (pv->async.enable & HOLM_PV_ASYNC_ON) == HOLM_PV_ASYNC_ON;
}

/**
 * holm_pv_async_may() - could the guest take a "page not present" now
 * @vcpu: the vCPU, loaded, at an exit for a second-level fault; holm_pv_async_on()
 */
bool holm_pv_async_may(struct holm_vcpu *vcpu);

/**
 * holm_pv_async_tell() - tell the guest that a page is not present, and get it
 * @vcpu: the vCPU, which holm_pv_async_may() was asked about; as holm_pv_update()
 * @uaddr: the launcher's address of the page
 * @write: the guest writes to it
 *
 * Return: true: a #PF with a token is raised, and a worker fetches the page. false:
 * nothing has happened.
 */
bool holm_pv_async_tell(struct holm_vcpu *vcpu, unsigned long uaddr, bool write);

/* HOLM_PV_READY: send what can be sent. As holm_pv_update(). */
void holm_pv_async_ready(struct holm_vcpu *vcpu);

/* Forget all pages; their workers end alone. vcpu->lock, or nobody uses the vCPU. */
void holm_pv_async_drop(struct holm_vcpu *vcpu);

int holm_pv_async_setup(void);
void holm_pv_async_teardown(void);

int holm_pv_write_async_enable(struct holm_vcpu *vcpu, struct holm_msr_access *a);
int holm_pv_write_async_vector(struct holm_vcpu *vcpu, struct holm_msr_access *a);
int holm_pv_write_async_ack(struct holm_vcpu *vcpu, struct holm_msr_access *a);

#endif /* HOLM_X86_PV_H */
