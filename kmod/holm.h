/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The driver's objects and what its files call of each other.
 *
 * Calls run downwards: main -> backends -> vm, exits -> vcpu, eventfd ->
 * msi, mmu -> x86. The core reaches a backend only through struct
 * holm_backend (backend.h).
 *
 * Lock legend of the fields below, in the order in which locks are taken
 * (Documentation/locking.rst):
 *	[I] immutable after creation
 *	[r] the vCPU's run mutex (vcpu->lock)
 *	[v] the VM's mutex (vm->lock)
 *	[m] vm->mmu.lock (mmu/mmu.h)
 *	[p] vcpu->pid_lock, innermost
 *	[o] only by the thread in HOLM_RUN, with preemption off
 *	[a] atomic, or READ_ONCE/WRITE_ONCE with the pairing said at the field
 */
#ifndef HOLM_H
#define HOLM_H

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/cpumask.h>
#include <linux/kref.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>
#include <linux/smp.h>
#include <linux/types.h>
#include <linux/swait.h>
#include <asm/processor-flags.h>

#include "../uapi/linux/holm.h"
#include "compat.h"
#include "eventfd.h"
#include "mmu/mmu.h"
#include "registry.h"
#include "x86/lapic.h"
#include "x86/pv.h"
#include "x86/tsc.h"

struct holm_backend;
struct holm_exit_stats;
struct holm_vcpu;
struct holm_vm;
struct holm_xstate_buf;

/* ---- requests: set by anybody, answered by the vCPU before it enters ---- */

#define HOLM_REQ_TLB_FLUSH	0	/* second-level translations changed */
#define HOLM_REQ_EVENT		1	/* look at LAPIC, NMI, ExtINT again */
#define HOLM_REQ_INIT		2	/* an INIT reached the LAPIC */
#define HOLM_REQ_PV		3	/* guest memory is to be written: vcpu->pv.work */
#define HOLM_REQ_PAUSE		4	/* not to run as long as it is set: holm_vm_pause() */
#define HOLM_REQ_MODEL		5	/* the VM's share of the vCPU model changed: PLE */
#define HOLM_REQ_STATS		6	/* set as long as its exits are counted: stats.h */

/* What is done on the way into the guest, and nothing that a vCPU waits for. */
#define HOLM_REQS_AT_ENTRY	(BIT(HOLM_REQ_TLB_FLUSH) | BIT(HOLM_REQ_MODEL) | \
				 BIT(HOLM_REQ_STATS))

/* Where a vCPU is, for kicks: see holm_vcpu_kick(). */
enum holm_vcpu_mode {
	HOLM_OUTSIDE_GUEST,
	HOLM_IN_GUEST,		/* about to enter, in, or just left: IRQs off */
	HOLM_EXITING_GUEST,
};

enum holm_object_state {
	HOLM_OBJ_CREATED,	/* may still be configured: CPUID, first slots */
	HOLM_OBJ_CONFIGURED,	/* CPUID table is set; has not run */
	HOLM_OBJ_RUN,		/* has run at least once */
	HOLM_OBJ_DYING,		/* last descriptor is gone, or the VM is broken */
};

/*
 * Parts of the register state that a backend keeps in its own control
 * structure. The core works on vcpu->regs, ->sregs, ->dregs; a part is
 * fetched from the backend the first time it is looked at after an exit
 * (holm_state_get()) and given back before the next entry when it was
 * changed (holm_state_dirty()).
 */
#define HOLM_ST_RIP	BIT(0)	/* regs.rip, regs.rflags, regs.gpr[HOLM_RSP] */
#define HOLM_ST_SEG	BIT(1)	/* sregs.seg[] (and with SS the CPL) */
#define HOLM_ST_DT	BIT(2)	/* sregs.gdt, sregs.idt */
#define HOLM_ST_CR	BIT(3)	/* sregs.cr0, cr3, cr4, efer; cr2 */
#define HOLM_ST_DR	BIT(4)	/* dregs */
#define HOLM_ST_SHADOW	BIT(5)	/* intr_shadow, nmi_masked */
#define HOLM_ST_ALL	GENMASK(5, 0)
/*
 * cpl and code64: what SEG and CR say together, for those who want no more of
 * them. Fetched only, and never valid beside a SEG or CR that is dirty.
 */
#define HOLM_ST_MODE	BIT(6)

/* What the run loop does after an exit has been looked at. */
enum holm_next {
	HOLM_NEXT_ENTER,	/* answered: enter again */
	HOLM_NEXT_SLOW,		/* vcpu->slow, if any, is to be called where it may sleep */
	HOLM_NEXT_USER,		/* the run page is filled: leave to the launcher */
};

/**
 * struct holm_stats - counters of one vCPU; written by the vCPU's own thread
 *	with WRITE_ONCE(), read by anybody
 */
struct holm_stats {
	u64 exits;
	u64 exits_user;
	u64 entries_fail;
	u64 io_exits;
	u64 mmio_exits;
	u64 halts;
	u64 halt_poll_success;
	u64 halt_poll_fail;
	u64 yields;
	u64 faults;
	u64 irq_injected;
	u64 nmi_injected;
	u64 tlb_flushes;
	u64 host_exits;		/* interrupts, NMIs and machine checks of the host */
	u64 pauses;		/* PAUSE loops, whether or not they yield */
};

/**
 * struct holm_vcpu - a virtual CPU
 *
 * It lives until its VM does: the VM's table of vCPUs only grows, so that
 * interrupts may be routed without a lock.
 */
struct holm_vcpu {
	struct holm_vm *vm;			/* [I] */
	u32 apic_id;				/* [I] */
	u32 index;				/* [I] order of creation */
	void *backend_data;			/* [I] the backend's own structure */
	struct mutex lock;			/* held by every vCPU ioctl but HOLM_INJECT */
	enum holm_object_state state;		/* [r] */

	/* The run page, shared with the launcher: hostile. */
	struct holm_run *run;			/* [I] */

	/* Register state; which parts are valid is in st_valid. */
	struct holm_regs regs;			/* [r] */
	struct holm_sregs sregs;		/* [r] */
	struct holm_debugregs dregs;		/* [r] */
	u8 intr_shadow;				/* [r] HOLM_EVENTS_SHADOW_* */
	bool nmi_masked;			/* [r] */
	u8 cpl;					/* [r] part HOLM_ST_MODE: see holm_cpl() */
	bool code64;				/* [r] the same: see holm_is_64bit() */
	u32 st_valid;				/* [r] HOLM_ST_* fetched since the exit */
	u32 st_dirty;				/* [r] HOLM_ST_* to be given back */
	bool loaded;				/* [o] between vcpu_load and vcpu_put */
	u64 pdptes[4];				/* [r] PAE paging: loaded with CR3, part of HOLM_ST_CR */

	/* Events. */
	struct holm_event exception;		/* [r] raised, not delivered */
	struct holm_event interrupted;		/* [r] delivered again before all else */
	bool shutdown;				/* [r] triple fault */
	atomic_t nmi_pending;			/* [a] 0..2 NMIs latched */
	bool extint;				/* [a] the PIC's INTR line */
	u32 windows;				/* [r] HOLM_WINDOW_* the backend has open, ~0: unknown */

	/* The last exit. */
	u64 next_rip;				/* [r] of the instruction that exited, 0: unknown */
	int (*slow)(struct holm_vcpu *vcpu);	/* [r] see HOLM_NEXT_SLOW */
	struct holm_fault fault;		/* [r] the fault ->slow handles */
	struct holm_fault_ctx fault_ctx;	/* [r] what of it was found */
	u64 exit_args[4];			/* [r] arguments for ->slow */
	u32 exit_reason;			/* [r] HOLM_EXIT_*, for the run page */
	u64 exit_detail;			/* [r] of an exit that is a fault, for events */
	u64 msr_told;				/* [r] jiffies of the last event about that */
	bool exit_string_io;			/* [r] with HOLM_EXIT_IO: INS or OUTS */
	bool completable;			/* [r] HOLM_RUN_COMPLETE is legal */
	u8 exit_breakpoints;			/* [r] DR6.B0..B3 that HOLM_RUN_COMPLETE hits */
	bool intr_ack;				/* [r] HOLM_RUN_INTR_VECTOR is legal */

	/* vCPU model. */
	struct holm_cpuid_entry *cpuid;		/* [r] changed only before the first run */
	u32 cpuid_nent;
	u16 cpuid_leaf[2][32];			/* [r] basic and extended: see x86/cpuid.c */
	u64 msr_gates;				/* [r] by enum holm_msr_gate: the guest has it */
	u8 msr_rows[16];			/* [r] where in the policy MSRs were found */
	u64 xcr0;				/* [r] */
	u64 xcr0_supported;			/* [r] by the CPUID table */
	u64 cr4_reserved;			/* [r] CR4 bits the guest may not set */
	u64 efer_reserved;
	u64 phys_mask_reserved;			/* [r] CR3 and PTE bits above MAXPHYADDR */
	bool page_1g;				/* [r] the guest may have 1G pages */
	struct holm_window window[2];		/* [r] x86/walk.c: its page tables, its code */
	struct holm_guest_msrs {
		u64 pat;
		u64 mtrr_def_type;
		u64 mtrr_fixed[11];
		u64 mtrr_var[16];		/* base, mask pairs */
		u64 misc_enable;
		u64 mcg_status;
		u64 tsc_adjust;
		u64 tsc_aux;
		u64 spec_ctrl;
		u64 bios_sign_id;
		u64 mc0_ctl;
		u64 hwcr;
	} msr;					/* [r] MSRs that no hardware holds */
	u64 tsc_offset;				/* [r] READ_ONCE by other vCPUs */
	struct holm_vcpu_tsc tsc;		/* x86/tsc.h */
	struct holm_pv pv;			/* x86/pv.h */
	struct holm_xstate_buf *xstate;		/* [r] x86/xstate.h */
	struct holm_lapic_state *lapic;		/* [I] pointer; x86/lapic.h has its locking */
	u32 mp_state;				/* [r] HOLM_MP_* */

	/* Running. */
	unsigned long requests;			/* [a] bits HOLM_REQ_* */
	int mode;				/* [a] enum holm_vcpu_mode */
	int cpu;				/* [a] where it is loaded, or was last; -1: never */
	int loaded_cpu;				/* [o] state that the backend has on a CPU; -1 */
	struct swait_queue_head wait;		/* a halted vCPU sleeps here */
	u32 halt_window;			/* [r] ns that the next HLT polls, see halt.c */
	spinlock_t pid_lock;
	struct pid *pid;			/* [p] thread of the last HOLM_RUN */
	struct holm_stats stats;
	struct holm_exit_stats *exit_stats;	/* [v] written once, store-release: stats.h */
	bool counted;				/* [r] HOLM_REQ_STATS when it was entered last */
	u32 short_exits;			/* [r] HOLM_SHORT_EXITS; with @counted 1: none */
	u64 progress;				/* watch.c, its lock */
};

/**
 * struct holm_vm - a virtual machine
 */
struct holm_vm {
	struct kref refs;			/* VM fd, vCPU fds */
	struct mm_struct *mm;			/* [I] the launcher's; mmgrab()ed */
	struct mutex lock;
	enum holm_object_state state;		/* [v] */
	struct holm_vm_node node;		/* registry.h */
	void *backend_data;			/* [I] the backend's own structure */
	u32 halt_poll_ns;			/* [a] most that a HLT polls; 0: none does */
	u32 last_yield;				/* [a] index of the vCPU last yielded to */
	bool paused;				/* [v] written, [a] read: holm_vm_pause() */
	bool stats;				/* the same: exits are counted, see stats.h */
	struct {
		u32 gap, window;		/* [v] written, [a] read: HOLM_A_VM_PLE_* */
		u32 max;			/* [I] of both; 0: the CPU knows no PAUSE loops */
	} ple;
	struct holm_mmu mmu;			/* mmu/mmu.h */
	struct holm_ioeventfds ioeventfds;	/* eventfd.h */
	struct holm_irqfds irqfds;		/* the same */
	struct holm_pv_vm pv;			/* x86/pv.h */
	struct holm_vm_tsc tsc;			/* x86/tsc.h */
	atomic_t lapic_changes;			/* [a] counts changes of what a LAPIC answers to */
	unsigned int nr_vcpus;			/* [v] written; pairs with vcpus[]: acquire */
	struct holm_vcpu *vcpus[HOLM_MAX_VCPUS]; /* [v] written once each, store-release */
	struct holm_vcpu *by_apic_id[HOLM_MAX_VCPUS]; /* the same, by APIC ID */
};

/* Whether PAUSE loops exit. */
static inline bool holm_ple_on(const struct holm_vm *vm)
{
	return READ_ONCE(vm->ple.gap) && READ_ONCE(vm->ple.window);
}

extern const struct holm_backend *holm_backend;	/* set at load, hw.c */

/* ---- hw.c: virtualization on and off on each CPU ------------------------- */

DECLARE_PER_CPU(bool, holm_cpu_on);	/* written with IRQs off on its own CPU */

int holm_hw_setup(const struct holm_backend *backend);
void holm_hw_teardown(void);

/**
 * holm_hw_get() - a VM needs virtualization on: enable every CPU for the first
 *
 * Return: 0, or -EBUSY when somebody else owns a CPU (and a log line says
 * who), -ESHUTDOWN while the machine goes down, -EIO when it was lost (see
 * holm_hw_lost()), or the backend's error. May sleep.
 */
int holm_hw_get(void);

/* The VM is gone: after the last one every CPU is given back. May sleep. */
void holm_hw_put(void);

/**
 * holm_hw_lost() - virtualization will not come back for the VMs there are
 *
 * It could not be enabled again after a suspend, or the machine goes down. Any
 * context.
 */
bool holm_hw_lost(void);

int holm_hw_suspend(void);
void holm_hw_resume(void);
int holm_hw_sleep(struct notifier_block *nb, unsigned long action, void *data);

/* ---- vm.c --------------------------------------------------------------- */

/* HOLM_GET_CAPS, all of it. */
void holm_caps_fill(struct holm_caps *caps);

int holm_vm_create(const struct holm_create_vm *arg);
bool holm_vm_name_valid(const char *name);
void holm_vm_get(struct holm_vm *vm);
/* For who found it in the registry: false when it is going away already. */
bool __must_check holm_vm_tryget(struct holm_vm *vm);
void holm_vm_put(struct holm_vm *vm);

/**
 * holm_vm_pause() - keep a VM's vCPUs from running, or let them
 * @vm: the VM, referenced
 * @pause: true: none is in the guest any more when it returns, and HOLM_RUN waits;
 *	what it interrupted goes on where it was
 *
 * Announced, and guests are told that they stood still. May sleep; takes vm->lock.
 * Return: whether it was otherwise before.
 */
bool holm_vm_pause(struct holm_vm *vm, bool pause);

/* ---- run.c -------------------------------------------------------------- */

/* HOLM_RUN. vcpu->lock held. 0 with the run page filled, or -errno. */
int holm_run(struct holm_vcpu *vcpu);

/* ---- halt.c ------------------------------------------------------------- */

/* Of a VM that is created: the module's parameter. */
u32 holm_halt_poll_default(void);

/**
 * holm_halt_window() - how long the next HLT polls
 * @window: how long this one polled at most, ns
 * @max: the VM's limit, ns
 * @halted: how long it lasted, polling and sleeping, ns
 *
 * Pure. It doubles while a longer one would have caught the wake-up, and halves
 * when the halt outlasts what may be polled.
 */
u32 holm_halt_window(u32 window, u32 max, u64 halted);

/**
 * holm_vcpu_block() - HLT, or waiting for SIPI: until there is something to do
 * @vcpu: the vCPU, its lock held, not loaded; may sleep
 * @done: there is; called often, and while the task is not running
 */
void holm_vcpu_block(struct holm_vcpu *vcpu, bool (*done)(struct holm_vcpu *vcpu));

/* ---- yield.c ------------------------------------------------------------ */

/* The thread of this HOLM_RUN is the one that others yield to. */
void holm_vcpu_set_thread(struct holm_vcpu *vcpu);

/**
 * holm_vcpu_yield_to() - give the CPU to another vCPU's thread
 * @target: a vCPU whose thread may be waiting for a CPU
 *
 * Preemption on; may sleep. Return: true when it is going to run; false when it
 * has no thread, is running, or does not want a CPU.
 */
bool holm_vcpu_yield_to(struct holm_vcpu *target);

/**
 * holm_vcpu_yield() - a vCPU spins: let another one of its VM run that waits
 *	for a CPU and may hold what it spins for
 * @vcpu: the vCPU; preemption on, may sleep
 */
void holm_vcpu_yield(struct holm_vcpu *vcpu);

/* ---- vcpu.c ------------------------------------------------------------- */

/**
 * holm_vcpu_load() - preemption off and the backend's state on this CPU, until
 *	holm_vcpu_put()
 * @vcpu: the vCPU, vcpu->lock held, or not yet published
 *
 * May sleep. Return: 0; or -EIO when virtualization was lost, -EINTR when the
 * thread is being killed while it waits for it: the vCPU is HOLM_OBJ_DYING
 * then, nothing is loaded, and its ioctls end with EIO.
 */
int __must_check holm_vcpu_load(struct holm_vcpu *vcpu);
void holm_vcpu_put(struct holm_vcpu *vcpu);

int holm_vcpu_create(struct holm_vm *vm, const struct holm_create_vcpu *arg);
void holm_vcpu_free(struct holm_vcpu *vcpu);

/**
 * holm_vcpu_kick() - make a vCPU look at its requests
 * @vcpu: the vCPU
 *
 * Wakes it when it is halted and forces an exit when it is in the guest. Set
 * the request first. Any context, also hard interrupts with IRQs off.
 */
void holm_vcpu_kick(struct holm_vcpu *vcpu);

/**
 * holm_vcpu_request() - set a request and kick
 * @vcpu: the vCPU
 * @req: HOLM_REQ_*
 *
 * Any context.
 */
static inline void holm_vcpu_request(struct holm_vcpu *vcpu, int req)
{
	set_bit(req, &vcpu->requests);
	smp_mb__after_atomic();		/* with the store of IN_GUEST in the run loop */
	holm_vcpu_kick(vcpu);
}

/**
 * holm_vm_flush_tlb() - no vCPU uses a second-level translation that was
 *	changed before this call
 * @vm: the VM
 *
 * Requests a flush from every vCPU and waits until those in the guest have
 * left it. IRQs on; may be called under mmu.lock.
 */
void holm_vm_flush_tlb(struct holm_vm *vm);

/* A request of all vCPUs was set: those in the guest have left it since. IRQs on. */
void holm_vm_wait_outside(struct holm_vm *vm);

/* ---- irqfd.c, ioeventfd.c: what is asked at exits ------------------------ */

bool __holm_irqfd_eoi(struct holm_vcpu *vcpu, u8 vector);

/**
 * holm_irqfd_eoi() - the EOI of a level-triggered interrupt
 * @vcpu: whose LAPIC it was
 * @vector: the interrupt
 *
 * Any context. Return: true when it was an irqfd's, so that the launcher need
 * not be told.
 */
static inline bool holm_irqfd_eoi(struct holm_vcpu *vcpu, u8 vector)
{
	/* Set before the message was sent that this EOI answers. */
	return test_bit(vector, vcpu->vm->irqfds.eoi_vectors) && __holm_irqfd_eoi(vcpu, vector);
}

/**
 * holm_ioeventfd_port() - the guest writes to a port
 * @vm: the VM
 * @port: first port
 * @size: 1, 2 or 4
 * @data: what is written, zero-extended
 *
 * Preemption off. Return: true when an eventfd was signalled: the write is done.
 */
static inline bool holm_ioeventfd_port(struct holm_vm *vm, u16 port, unsigned int size, u32 data)
{
	const struct holm_ioeventfd_table *ports = rcu_dereference_sched(vm->ioeventfds.ports);

	return ports && holm_ioeventfd_signal(ports, port, size, data);
}

int __holm_ioeventfd_store(struct holm_vcpu *vcpu, bool atomic);

/**
 * holm_ioeventfd_store() - the guest accesses what may be no memory
 * @vcpu: the vCPU; its fault is filled
 * @atomic: it is loaded, preemption is off; otherwise it is not, and this may
 *	sleep
 *
 * Return: 1 when it was a plain store that signalled an eventfd: it is done. 0
 * when not. -EAGAIN, with @atomic, when the instruction could not be read.
 */
static inline int holm_ioeventfd_store(struct holm_vcpu *vcpu, bool atomic)
{
	if (likely(!rcu_access_pointer(vcpu->vm->ioeventfds.mmio)))
		return 0;
	return __holm_ioeventfd_store(vcpu, atomic);
}

/* ---- x86/state.c: the register cache ------------------------------------ */

void __holm_state_fetch(struct holm_vcpu *vcpu, u32 parts);

/**
 * holm_state_get() - make parts of the register state valid in @vcpu
 * @vcpu: the vCPU, vcpu->lock held; loaded or not (it is loaded for the while
 *	when it is not; if that fails the vCPU is HOLM_OBJ_DYING, and what is
 *	in @vcpu of no meaning)
 * @parts: HOLM_ST_*
 */
static inline void holm_state_get(struct holm_vcpu *vcpu, u32 parts)
{
	parts &= ~vcpu->st_valid;
	if (parts)
		__holm_state_fetch(vcpu, parts);
}

/**
 * holm_state_dirty() - parts were changed and are given to the backend before
 *	the next entry; they must have been got (or written whole) before
 * @vcpu: the vCPU
 * @parts: HOLM_ST_*, without HOLM_ST_MODE
 */
static inline void holm_state_dirty(struct holm_vcpu *vcpu, u32 parts)
{
	if (parts & (HOLM_ST_SEG | HOLM_ST_CR))
		vcpu->st_valid &= ~HOLM_ST_MODE;
	vcpu->st_valid |= parts;
	vcpu->st_dirty |= parts;
}

/* ---- x86/events.c ------------------------------------------------------- */

void holm_raise_exception(struct holm_vcpu *vcpu, u8 vector);
void holm_raise_exception_err(struct holm_vcpu *vcpu, u8 vector, u32 error_code);
void holm_raise_pf(struct holm_vcpu *vcpu, u64 cr2, u32 error_code);
void holm_raise_db(struct holm_vcpu *vcpu, u64 dr6_bits);

void __holm_skip_insn(struct holm_vcpu *vcpu);

/**
 * holm_skip_insn() - the instruction that exited is done
 * @vcpu: the vCPU; next_rip is valid
 *
 * RIP moves to next_rip (truncated outside 64-bit mode), the interrupt shadow
 * ends, RF is cleared, and a #DB is raised when TF was set.
 */
static inline void holm_skip_insn(struct holm_vcpu *vcpu)
{
	const u32 parts = HOLM_ST_RIP | HOLM_ST_SHADOW;

	if (unlikely(~vcpu->st_valid & parts || vcpu->intr_shadow ||
		     vcpu->regs.rflags & (X86_EFLAGS_RF | X86_EFLAGS_TF) ||
		     (vcpu->next_rip ^ vcpu->regs.rip) >> 32)) {
		__holm_skip_insn(vcpu);
		return;
	}
	vcpu->regs.rip = vcpu->next_rip;
	holm_state_dirty(vcpu, HOLM_ST_RIP);
}

/**
 * holm_inject_events() - hand at most one event to the backend before entry,
 *	and open windows for what has to wait
 * @vcpu: the vCPU, loaded, IRQs off
 *
 * Return: 0, or HOLM_EXIT_INTR_ACK when the PIC must be asked for a vector
 * first, or HOLM_EXIT_SHUTDOWN.
 */
int holm_inject_events(struct holm_vcpu *vcpu);

/* True when an event would end HLT. Any context where vcpu->lock is held. */
bool holm_has_wake_event(struct holm_vcpu *vcpu);

#endif /* HOLM_H */
