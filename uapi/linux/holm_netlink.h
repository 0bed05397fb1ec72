/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/holm.yaml */
/* YNL-GEN uapi header */

#ifndef _UAPI_LINUX_HOLM_NETLINK_H
#define _UAPI_LINUX_HOLM_NETLINK_H

#define HOLM_GENL_NAME		"holm"
#define HOLM_GENL_VERSION	1

#define HOLM_NAME_MAX	63
#define HOLM_UUID_LEN	16

/**
 * enum holm_vm_state
 * @HOLM_VM_STATE_CREATED: No vCPU has run.
 * @HOLM_VM_STATE_RUNNING: A vCPU has run.
 * @HOLM_VM_STATE_SHUTDOWN: A vCPU ended with a triple fault, and was not reset
 *   since.
 * @HOLM_VM_STATE_FAILED: A vCPU could not enter the guest, or met an error of
 *   the driver.
 * @HOLM_VM_STATE_PAUSED: No vCPU runs until vm-set says otherwise.
 */
enum holm_vm_state {
	HOLM_VM_STATE_CREATED,
	HOLM_VM_STATE_RUNNING,
	HOLM_VM_STATE_SHUTDOWN,
	HOLM_VM_STATE_FAILED,
	HOLM_VM_STATE_PAUSED,
};

/**
 * enum holm_vcpu_state
 * @HOLM_VCPU_STATE_CREATED: It has no CPUID table.
 * @HOLM_VCPU_STATE_CONFIGURED: It has not run.
 * @HOLM_VCPU_STATE_RUNNABLE: It executes, or would if its launcher called
 *   HOLM_RUN.
 * @HOLM_VCPU_STATE_HALTED: It waits for an interrupt.
 * @HOLM_VCPU_STATE_WAIT_FOR_SIPI: It waits for a start-up IPI.
 * @HOLM_VCPU_STATE_DYING: Virtualization was lost under it.
 */
enum holm_vcpu_state {
	HOLM_VCPU_STATE_CREATED,
	HOLM_VCPU_STATE_CONFIGURED,
	HOLM_VCPU_STATE_RUNNABLE,
	HOLM_VCPU_STATE_HALTED,
	HOLM_VCPU_STATE_WAIT_FOR_SIPI,
	HOLM_VCPU_STATE_DYING,
};

/**
 * enum holm_vm_event
 * @HOLM_VM_EVENT_CREATED: The virtual machine exists.
 * @HOLM_VM_EVENT_STARTED: A vCPU is about to run or to wait for its start-up
 *   IPI, the first of it.
 * @HOLM_VM_EVENT_DESTROYED: It is gone, and its memory is free. Has a summary.
 * @HOLM_VM_EVENT_SHUTDOWN: A triple fault of the guest (SDM Vol. 3,
 *   "Shutdown").
 * @HOLM_VM_EVENT_ENTRY_FAILED: The CPU refused the state of a guest.
 * @HOLM_VM_EVENT_INTERNAL_ERROR: The driver cannot go on with a vCPU.
 * @HOLM_VM_EVENT_MEMORY_FAULT: Memory of the launcher's that a slot names
 *   cannot be had.
 * @HOLM_VM_EVENT_UNHANDLED_MSR: A guest accessed an MSR that is not there, and
 *   got a #GP; one a second of each vCPU is told.
 * @HOLM_VM_EVENT_PAUSED: No vCPU runs from here on.
 * @HOLM_VM_EVENT_RESUMED: They run again.
 * @HOLM_VM_EVENT_RENAMED: It has another name.
 * @HOLM_VM_EVENT_GUEST_RESET: The guest asked for a reset, as its launcher
 *   says.
 * @HOLM_VM_EVENT_GUEST_SHUTDOWN: The guest powered itself off, as its launcher
 *   says.
 * @HOLM_VM_EVENT_CRASHED: The guest cannot go on: reason is the number of what
 *   ended it, shutdown, entry-failed or internal-error.
 */
enum holm_vm_event {
	HOLM_VM_EVENT_CREATED,
	HOLM_VM_EVENT_STARTED,
	HOLM_VM_EVENT_DESTROYED,
	HOLM_VM_EVENT_SHUTDOWN,
	HOLM_VM_EVENT_ENTRY_FAILED,
	HOLM_VM_EVENT_INTERNAL_ERROR,
	HOLM_VM_EVENT_MEMORY_FAULT,
	HOLM_VM_EVENT_UNHANDLED_MSR,
	HOLM_VM_EVENT_PAUSED,
	HOLM_VM_EVENT_RESUMED,
	HOLM_VM_EVENT_RENAMED,
	HOLM_VM_EVENT_GUEST_RESET,
	HOLM_VM_EVENT_GUEST_SHUTDOWN,
	HOLM_VM_EVENT_CRASHED,
};

/**
 * enum holm_exit_reason - Why a vCPU left the guest, in words that both
 *   vendors' CPUs have.
 * @HOLM_EXIT_REASON_OTHER: None of the below.
 * @HOLM_EXIT_REASON_EXTERNAL_INTERRUPT: An interrupt of the host.
 * @HOLM_EXIT_REASON_NMI: An NMI of the host.
 * @HOLM_EXIT_REASON_WINDOW: The guest can take the interrupt or NMI that waits
 *   for it.
 * @HOLM_EXIT_REASON_EXCEPTION: #DB, #AC, #MC.
 * @HOLM_EXIT_REASON_PAUSE: A loop of PAUSE instructions.
 * @HOLM_EXIT_REASON_HYPERCALL: VMCALL, VMMCALL.
 * @HOLM_EXIT_REASON_CR: A control register, CLTS, LMSW, XSETBV.
 * @HOLM_EXIT_REASON_DR: A debug register.
 * @HOLM_EXIT_REASON_IO: A port.
 * @HOLM_EXIT_REASON_PAGE_FAULT: A fault of the second-level page tables, with
 *   which MMIO begins.
 * @HOLM_EXIT_REASON_APIC: What the virtual APIC leaves to the driver; EOI,
 *   APIC write, AVIC.
 * @HOLM_EXIT_REASON_INSTRUCTION: Any other instruction that is intercepted.
 * @HOLM_EXIT_REASON_SHUTDOWN: A triple fault.
 * @HOLM_EXIT_REASON_INIT: INIT, SIPI.
 * @HOLM_EXIT_REASON_ENTRY_FAILED: The guest was not entered.
 */
enum holm_exit_reason {
	HOLM_EXIT_REASON_OTHER,
	HOLM_EXIT_REASON_EXTERNAL_INTERRUPT,
	HOLM_EXIT_REASON_NMI,
	HOLM_EXIT_REASON_WINDOW,
	HOLM_EXIT_REASON_EXCEPTION,
	HOLM_EXIT_REASON_CPUID,
	HOLM_EXIT_REASON_HLT,
	HOLM_EXIT_REASON_PAUSE,
	HOLM_EXIT_REASON_HYPERCALL,
	HOLM_EXIT_REASON_CR,
	HOLM_EXIT_REASON_DR,
	HOLM_EXIT_REASON_IO,
	HOLM_EXIT_REASON_RDMSR,
	HOLM_EXIT_REASON_WRMSR,
	HOLM_EXIT_REASON_PAGE_FAULT,
	HOLM_EXIT_REASON_APIC,
	HOLM_EXIT_REASON_INSTRUCTION,
	HOLM_EXIT_REASON_TASK_SWITCH,
	HOLM_EXIT_REASON_SHUTDOWN,
	HOLM_EXIT_REASON_INIT,
	HOLM_EXIT_REASON_ENTRY_FAILED,
};

#define HOLM_HISTOGRAM_LEN	40

/**
 * enum holm_watch_kind
 * @HOLM_WATCH_KIND_EXIT_RATE: Exits a second, of all vCPUs.
 * @HOLM_WATCH_KIND_RESIDENT: Resident memory, bytes.
 * @HOLM_WATCH_KIND_NO_PROGRESS: Seconds in which a vCPU could run, and the
 *   guest did nothing but spin: no exit but those of the host's interrupts and
 *   of PAUSE loops. Or in which nothing but an NMI could wake it: no vCPU can
 *   run, and those that are halted have interrupts off.
 */
enum holm_watch_kind {
	HOLM_WATCH_KIND_EXIT_RATE,
	HOLM_WATCH_KIND_RESIDENT,
	HOLM_WATCH_KIND_NO_PROGRESS,
};

/**
 * enum holm_mitigation
 * @HOLM_MITIGATION_L1D_FLUSH: The L1 data cache is flushed before a guest runs
 *   (L1TF).
 * @HOLM_MITIGATION_CPU_BUFFER_CLEAR: VERW clears CPU buffers before a guest
 *   runs (MDS, TAA, RFDS).
 * @HOLM_MITIGATION_RSB_FILL: Return predictions are overwritten after an exit,
 *   those that the kernel has chosen (Spectre RSB, PBRSB).
 * @HOLM_MITIGATION_IBPB_ON_EXIT: Branch predictions are dropped after each
 *   exit (retbleed, SRSO).
 * @HOLM_MITIGATION_IBPB_ON_SWITCH: They are dropped when a CPU goes on with
 *   another vCPU.
 * @HOLM_MITIGATION_SPEC_CTRL: A guest has an IA32_SPEC_CTRL of its own, which
 *   is in effect only while it runs.
 * @HOLM_MITIGATION_NX_HUGE_PAGES: Large pages are not executable (iTLB
 *   multihit).
 * @HOLM_MITIGATION_BHB_CLEAR: The history of branches is overwritten after an
 *   exit (BHI).
 * @HOLM_MITIGATION_IBPB_TO_USER: Branch predictions are dropped before a
 *   launcher goes on behind its guest (VMSCAPE).
 */
enum holm_mitigation {
	HOLM_MITIGATION_L1D_FLUSH = 1,
	HOLM_MITIGATION_CPU_BUFFER_CLEAR = 2,
	HOLM_MITIGATION_RSB_FILL = 4,
	HOLM_MITIGATION_IBPB_ON_EXIT = 8,
	HOLM_MITIGATION_IBPB_ON_SWITCH = 16,
	HOLM_MITIGATION_SPEC_CTRL = 32,
	HOLM_MITIGATION_NX_HUGE_PAGES = 64,
	HOLM_MITIGATION_BHB_CLEAR = 128,
	HOLM_MITIGATION_IBPB_TO_USER = 256,
};

/**
 * enum holm_vm_feature
 * @HOLM_VM_FEATURE_DIRTY_LOG: A slot has its writes logged.
 * @HOLM_VM_FEATURE_TSC_SCALING: The TSC of a vCPU runs at another frequency
 *   than the host's.
 * @HOLM_VM_FEATURE_KVMCLOCK: A vCPU has a kvmclock page.
 * @HOLM_VM_FEATURE_STEAL_TIME: A vCPU is told how long it was not run.
 * @HOLM_VM_FEATURE_ASYNC_PAGE_FAULT: A vCPU may do something else while a page
 *   is fetched.
 * @HOLM_VM_FEATURE_PV_EOI: A vCPU may end interrupts without an exit.
 * @HOLM_VM_FEATURE_STATS: Exits are counted and timed by reason.
 */
enum holm_vm_feature {
	HOLM_VM_FEATURE_DIRTY_LOG = 1,
	HOLM_VM_FEATURE_TSC_SCALING = 2,
	HOLM_VM_FEATURE_KVMCLOCK = 4,
	HOLM_VM_FEATURE_STEAL_TIME = 8,
	HOLM_VM_FEATURE_ASYNC_PAGE_FAULT = 16,
	HOLM_VM_FEATURE_PV_EOI = 32,
	HOLM_VM_FEATURE_STATS = 64,
};

enum {
	HOLM_A_HOST_VERSION = 1,
	HOLM_A_HOST_API_VERSION,
	HOLM_A_HOST_BACKEND,
	HOLM_A_HOST_FEATURES,
	HOLM_A_HOST_TSC_KHZ,
	HOLM_A_HOST_MAX_VCPUS,
	HOLM_A_HOST_MAX_SLOTS,
	HOLM_A_HOST_VMS,
	HOLM_A_HOST_VCPUS,
	HOLM_A_HOST_UID,
	HOLM_A_HOST_MITIGATIONS,
	HOLM_A_HOST_PAD,

	__HOLM_A_HOST_MAX,
	HOLM_A_HOST_MAX = (__HOLM_A_HOST_MAX - 1)
};

enum {
	HOLM_A_VM_ID = 1,
	HOLM_A_VM_NAME,
	HOLM_A_VM_UUID,
	HOLM_A_VM_UID,
	HOLM_A_VM_PID,
	HOLM_A_VM_STATE,
	HOLM_A_VM_VCPUS,
	HOLM_A_VM_MEMORY,
	HOLM_A_VM_RESIDENT,
	HOLM_A_VM_UPTIME,
	HOLM_A_VM_NETNS,
	HOLM_A_VM_HALT_POLL,
	HOLM_A_VM_EXITS,
	HOLM_A_VM_PAD,
	HOLM_A_VM_FEATURES,
	HOLM_A_VM_PLE_GAP,
	HOLM_A_VM_PLE_WINDOW,
	HOLM_A_VM_STATS,
	HOLM_A_VM_PAUSED,
	HOLM_A_VM_NEW_NAME,
	HOLM_A_VM_PAGES_4K,
	HOLM_A_VM_PAGES_2M,
	HOLM_A_VM_PAGES_1G,

	__HOLM_A_VM_MAX,
	HOLM_A_VM_MAX = (__HOLM_A_VM_MAX - 1)
};

enum {
	HOLM_A_VCPU_VM = 1,
	HOLM_A_VCPU_INDEX,
	HOLM_A_VCPU_APIC_ID,
	HOLM_A_VCPU_STATE,
	HOLM_A_VCPU_IN_GUEST,
	HOLM_A_VCPU_CPU,
	HOLM_A_VCPU_TID,
	HOLM_A_VCPU_EXITS,
	HOLM_A_VCPU_EXITS_USER,
	HOLM_A_VCPU_EXITS_IO,
	HOLM_A_VCPU_EXITS_MMIO,
	HOLM_A_VCPU_ENTRIES_FAILED,
	HOLM_A_VCPU_HALTS,
	HOLM_A_VCPU_HALT_POLLS,
	HOLM_A_VCPU_HALT_SLEEPS,
	HOLM_A_VCPU_YIELDS,
	HOLM_A_VCPU_FAULTS,
	HOLM_A_VCPU_INTERRUPTS,
	HOLM_A_VCPU_NMIS,
	HOLM_A_VCPU_TLB_FLUSHES,
	HOLM_A_VCPU_PAD,
	HOLM_A_VCPU_LAST_EXIT,
	HOLM_A_VCPU_TIME_GUEST,
	HOLM_A_VCPU_TIME_KERNEL,
	HOLM_A_VCPU_TIME_USER,
	HOLM_A_VCPU_TIME_HALTED,
	HOLM_A_VCPU_EXITS_BY_REASON,

	__HOLM_A_VCPU_MAX,
	HOLM_A_VCPU_MAX = (__HOLM_A_VCPU_MAX - 1)
};

enum {
	HOLM_A_EVENT_SEQ = 1,
	HOLM_A_EVENT_EVENT,
	HOLM_A_EVENT_TIME,
	HOLM_A_EVENT_VM,
	HOLM_A_EVENT_NAME,
	HOLM_A_EVENT_UUID,
	HOLM_A_EVENT_UID,
	HOLM_A_EVENT_UPTIME,
	HOLM_A_EVENT_EXITS,
	HOLM_A_EVENT_VCPU,
	HOLM_A_EVENT_REASON,
	HOLM_A_EVENT_PAD,

	__HOLM_A_EVENT_MAX,
	HOLM_A_EVENT_MAX = (__HOLM_A_EVENT_MAX - 1)
};

enum {
	HOLM_A_SLOT_VM = 1,
	HOLM_A_SLOT_SLOT,
	HOLM_A_SLOT_GPA,
	HOLM_A_SLOT_SIZE,
	HOLM_A_SLOT_FLAGS,
	HOLM_A_SLOT_PAGES_4K,
	HOLM_A_SLOT_PAGES_2M,
	HOLM_A_SLOT_PAGES_1G,
	HOLM_A_SLOT_DIRTY,
	HOLM_A_SLOT_PAD,

	__HOLM_A_SLOT_MAX,
	HOLM_A_SLOT_MAX = (__HOLM_A_SLOT_MAX - 1)
};

enum {
	HOLM_A_STATS_VM = 1,
	HOLM_A_STATS_VCPU,
	HOLM_A_STATS_REASON,
	HOLM_A_STATS_COUNT,
	HOLM_A_STATS_TIME,
	HOLM_A_STATS_HISTOGRAM,
	HOLM_A_STATS_RESET,
	HOLM_A_STATS_PAD,

	__HOLM_A_STATS_MAX,
	HOLM_A_STATS_MAX = (__HOLM_A_STATS_MAX - 1)
};

enum {
	HOLM_A_WATCH_VM = 1,
	HOLM_A_WATCH_KIND,
	HOLM_A_WATCH_THRESHOLD,
	HOLM_A_WATCH_VALUE,
	HOLM_A_WATCH_SEQ,
	HOLM_A_WATCH_TIME,
	HOLM_A_WATCH_NAME,
	HOLM_A_WATCH_UUID,
	HOLM_A_WATCH_UID,
	HOLM_A_WATCH_PAD,

	__HOLM_A_WATCH_MAX,
	HOLM_A_WATCH_MAX = (__HOLM_A_WATCH_MAX - 1)
};

enum {
	HOLM_CMD_HOST_GET = 1,
	HOLM_CMD_VM_GET,
	HOLM_CMD_VCPU_GET,
	HOLM_CMD_VM_KILL,
	HOLM_CMD_VM_SET,
	HOLM_CMD_SLOT_GET,
	HOLM_CMD_STATS_GET,
	HOLM_CMD_WATCH_SET,
	HOLM_CMD_LIFECYCLE_NTF,
	HOLM_CMD_FAULT_NTF,
	HOLM_CMD_WATCH_NTF,

	__HOLM_CMD_MAX,
	HOLM_CMD_MAX = (__HOLM_CMD_MAX - 1)
};

#define HOLM_MCGRP_LIFECYCLE	"lifecycle"
#define HOLM_MCGRP_FAULT	"fault"
#define HOLM_MCGRP_WATCH	"watch"

#endif /* _UAPI_LINUX_HOLM_NETLINK_H */
