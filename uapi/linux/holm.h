/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The interface of /dev/holm.
 *
 * Three kinds of file: /dev/holm (queries, HOLM_CREATE_VM), a VM
 * (HOLM_SET_SLOT, HOLM_CREATE_VCPU, ...) and a vCPU (HOLM_RUN, state blocks,
 * ...; mmap() of its first page gives struct holm_run).
 *
 * Rules that hold for every structure here: fixed-width fields, reserved
 * fields and unknown flags must be zero or the call fails with EINVAL;
 * addresses of the caller's memory are 64 bits wide. Structures that start
 * with a @size field may grow: the caller stores sizeof() as it knew it.
 *
 * linux/holm_state.h has the state of a vCPU.
 * Documentation/abi.rst describes every call, every exit and every errno.
 */
#ifndef _UAPI_LINUX_HOLM_H
#define _UAPI_LINUX_HOLM_H

#include <linux/holm_state.h>
#include <linux/ioctl.h>
#include <linux/types.h>

#define HOLM_API_VERSION	1

/* Limits that are part of the interface. */
#define HOLM_NAME_LEN		64	/* including the terminating NUL */
#define HOLM_MAX_VCPUS		255	/* APIC IDs 0..254 */
#define HOLM_MAX_SLOTS		512
#define HOLM_MAX_CPUID_ENTRIES	256
#define HOLM_MAX_IOEVENTFDS	1024
#define HOLM_MAX_IRQFDS		4096
#define HOLM_RUN_PAGE_SIZE	4096

/* ---- /dev/holm ---------------------------------------------------------- */

/* struct holm_caps.backend */
#define HOLM_BACKEND_VMX	1
#define HOLM_BACKEND_SVM	2
#define HOLM_BACKEND_FAKE	3	/* scripted, for tests of the driver itself */

/* struct holm_caps.features: what this CPU and this build can do. */
#define HOLM_CAP_DIRTY_LOG	(1ULL << 0)
#define HOLM_CAP_HW_DIRTY_LOG	(1ULL << 1)	/* page-modification logging */
#define HOLM_CAP_READONLY_SLOT	(1ULL << 2)
#define HOLM_CAP_PAGE_2M	(1ULL << 3)
#define HOLM_CAP_PAGE_1G	(1ULL << 4)
#define HOLM_CAP_X2APIC		(1ULL << 5)
#define HOLM_CAP_TSC_DEADLINE	(1ULL << 6)
#define HOLM_CAP_TSC_SCALING	(1ULL << 7)
#define HOLM_CAP_APICV		(1ULL << 8)
#define HOLM_CAP_DECODE_ASSIST	(1ULL << 9)	/* struct holm_exit_mmio.insn */
#define HOLM_CAP_IOEVENTFD	(1ULL << 10)
#define HOLM_CAP_IRQFD		(1ULL << 11)

/**
 * struct holm_caps - HOLM_GET_CAPS
 * @size: in: sizeof(struct holm_caps) as the caller knows it
 * @flags: must be zero
 * @backend: HOLM_BACKEND_*
 * @phys_bits: width of a guest-physical address in bits
 * @features: HOLM_CAP_*
 * @xcr0: XCR0 bits that a guest may set
 * @tsc_khz: frequency of the host's time-stamp counter, kHz
 * @max_vcpus: vCPUs in one VM
 * @max_slots: memory slots in one VM
 * @run_page_size: bytes to mmap() from a vCPU
 * @xstate_size: bytes that HOLM_STATE_XSTATE needs at most
 * @mitigations: HOLM_MITIGATION_* of linux/holm_netlink.h: what is done against
 *	leaks of this CPU. Not written by a driver whose @size ends before it
 */
struct holm_caps {
	__u32 size;
	__u32 flags;
	__u32 backend;
	__u32 phys_bits;
	__u64 features;
	__u64 xcr0;
	__u32 tsc_khz;
	__u32 max_vcpus;
	__u32 max_slots;
	__u32 run_page_size;
	__u32 xstate_size;
	__u32 reserved;
	__u64 mitigations;
};

/* struct holm_cpuid_entry.flags */
#define HOLM_CPUID_INDEX	(1U << 0)	/* @index (ECX) selects the entry */

struct holm_cpuid_entry {
	__u32 function;
	__u32 index;
	__u32 flags;
	__u32 eax;
	__u32 ebx;
	__u32 ecx;
	__u32 edx;
	__u32 reserved;
};

/**
 * struct holm_cpuid - HOLM_GET_SUPPORTED_CPUID, HOLM_SET_CPUID, HOLM_GET_CPUID
 * @nent: in: entries the array has; out (get): entries written, or needed
 *	when the call fails with E2BIG
 * @flags: must be zero
 * @entries: address of an array of struct holm_cpuid_entry
 */
struct holm_cpuid {
	__u32 nent;
	__u32 flags;
	__aligned_u64 entries;
};

/**
 * struct holm_create_vm - HOLM_CREATE_VM, returns the VM's file descriptor
 * @size: sizeof(struct holm_create_vm)
 * @flags: must be zero
 * @name: letters and digits of ASCII and, but for the first character, - _ . ended by NUL;
 *	may be empty; for people, not unique
 * @uuid: as in RFC 9562, in its order of bytes; all 0: a random one
 */
struct holm_create_vm {
	__u32 size;
	__u32 flags;
	char name[HOLM_NAME_LEN];
	__u8 uuid[16];
};

/* ---- VM ----------------------------------------------------------------- */

#define HOLM_SLOT_READONLY	(1U << 0)	/* guest writes exit as MMIO */
#define HOLM_SLOT_LOG_DIRTY	(1U << 1)

/**
 * struct holm_slot - HOLM_SET_SLOT: guest-physical memory from the caller's
 * @slot: number, below HOLM_MAX_SLOTS
 * @flags: HOLM_SLOT_*
 * @gpa: first guest-physical address, page aligned
 * @size: bytes, page aligned; 0 removes the slot
 * @uaddr: address in the caller's memory, page aligned
 *
 * An existing slot may change @flags and @gpa; a change of @uaddr or of a
 * non-zero @size is refused with EINVAL (remove the slot first).
 */
struct holm_slot {
	__u32 slot;
	__u32 flags;
	__u64 gpa;
	__u64 size;
	__aligned_u64 uaddr;
};

/**
 * struct holm_dirty_log - HOLM_GET_DIRTY_LOG: get and clear a dirty bitmap
 * @slot: a slot with HOLM_SLOT_LOG_DIRTY
 * @flags: must be zero
 * @first_page: first page of the slot to report, a multiple of 64
 * @num_pages: pages to report; a multiple of 64 unless it ends at the slot's end
 * @bitmap: address of (@num_pages + 63) / 64 64-bit words; bit i of word n is
 *	page @first_page + 64 n + i, set when the page was written since the
 *	bit was last cleared
 */
struct holm_dirty_log {
	__u32 slot;
	__u32 flags;
	__u64 first_page;
	__u64 num_pages;
	__aligned_u64 bitmap;
};

/**
 * struct holm_create_vcpu - HOLM_CREATE_VCPU, returns the vCPU's descriptor
 * @apic_id: initial APIC ID, unique in the VM; 0 is the bootstrap processor
 * @flags: must be zero
 */
struct holm_create_vcpu {
	__u32 apic_id;
	__u32 flags;
};

/**
 * struct holm_msi - HOLM_SIGNAL_MSI: a message-signalled interrupt
 * @address: 0xFEExxxxx, SDM Vol. 3, "Message Address Register Format"
 * @data: "Message Data Register Format"; with the level trigger mode the EOI
 *	is reported (HOLM_EXIT_EOI)
 * @flags: must be zero
 *
 * The call returns how many vCPUs accepted the interrupt, or fails with EINVAL
 * when @address is no interrupt message or the delivery mode is none that
 * exists here (SMI, start-up, reserved).
 */
struct holm_msi {
	__u64 address;
	__u32 data;
	__u32 flags;
};

/* struct holm_ioeventfd.flags */
#define HOLM_IOEVENTFD_DEASSIGN	(1U << 0)	/* remove it */
#define HOLM_IOEVENTFD_PORT	(1U << 1)	/* @addr is a port */
#define HOLM_IOEVENTFD_DATAMATCH (1U << 2)	/* only writes of @datamatch */

/**
 * struct holm_ioeventfd - HOLM_SET_IOEVENTFD: a guest's write signals an eventfd
 * @addr: port, or guest-physical address: the write's first byte
 * @datamatch: with HOLM_IOEVENTFD_DATAMATCH; fits into @size, otherwise zero
 * @fd: the eventfd; 1 is added to it for each write that matches
 * @size: bytes that are written: 1, 2, 4, or 8 (not to ports); or 0: any of
 *	them, without HOLM_IOEVENTFD_DATAMATCH
 * @flags: HOLM_IOEVENTFD_*
 * @reserved: zero
 *
 * A write that matches is done, and no exit tells of it. The range lies within
 * one page. To remove one, pass the same with HOLM_IOEVENTFD_DEASSIGN.
 */
struct holm_ioeventfd {
	__u64 addr;
	__u64 datamatch;
	__s32 fd;
	__u32 size;
	__u32 flags;
	__u32 reserved;
};

/*
 * struct holm_irqfd.flags. Without DEASSIGN and UPDATE, the eventfd is
 * assigned. STATE and MASKED go with assigning and updating, RESAMPLE with
 * assigning.
 */
#define HOLM_IRQFD_DEASSIGN	(1U << 0)
#define HOLM_IRQFD_UPDATE	(1U << 1)	/* another message, MASKED or not */
#define HOLM_IRQFD_RESAMPLE	(1U << 2)	/* level-triggered, with @resample_fd */
#define HOLM_IRQFD_MASKED	(1U << 3)	/* signals are kept, nothing is delivered */
#define HOLM_IRQFD_STATE	(1U << 4)	/* @state and @eoi_vector replace the state */

/* struct holm_irqfd.state */
#define HOLM_IRQFD_ASSERTED	(1U << 0)	/* signalled, and not yet answered */
#define HOLM_IRQFD_REMOTE_IRR	(1U << 1)	/* RESAMPLE: delivered, EOI outstanding */

/**
 * struct holm_irqfd - HOLM_SET_IRQFD, HOLM_GET_IRQFD: an eventfd's signal
 *	delivers a message-signalled interrupt
 * @fd: the eventfd; it stands for the irqfd in all later calls
 * @resample_fd: with HOLM_IRQFD_RESAMPLE, an eventfd: 1 is added to it at EOI;
 *	otherwise -1
 * @flags: HOLM_IRQFD_*; a get takes none, and gives RESAMPLE and MASKED
 * @state: HOLM_IRQFD_ASSERTED, HOLM_IRQFD_REMOTE_IRR; a set without
 *	HOLM_IRQFD_STATE has zero here
 * @address: of the message, as in struct holm_msi
 * @data: of the message; with HOLM_IRQFD_RESAMPLE, and only then, its trigger
 *	mode is level
 * @eoi_vector: with HOLM_IRQFD_REMOTE_IRR, the vector whose EOI is outstanding;
 *	otherwise zero
 *
 * The message is not looked at while it is masked.
 *
 * With HOLM_IRQFD_RESAMPLE it is a pin of an I/O APIC: a signal asserts it; an
 * asserted pin delivers its message and waits for the EOI of that vector on a
 * vCPU that accepted it (remote IRR). The EOI deasserts the pin and signals
 * @resample_fd, and its owner signals @fd again when the device still wants
 * service. Such an EOI does not exit (HOLM_EXIT_EOI).
 */
struct holm_irqfd {
	__s32 fd;
	__s32 resample_fd;
	__u32 flags;
	__u32 state;
	__u64 address;
	__u32 data;
	__u32 eoi_vector;
};

/* struct holm_vm_param.param */
#define HOLM_PARAM_HALT_POLL_NS		1	/* ns that a HLT may poll, 0: none */
#define HOLM_PARAM_TSC_KHZ		2	/* of the TSC of vCPUs that are created */

#define HOLM_HALT_POLL_NS_MAX		1000000000

/**
 * struct holm_vm_param - HOLM_SET_PARAM, HOLM_GET_PARAM
 * @param: HOLM_PARAM_*
 * @flags: must be zero
 * @value: in for a set, out for a get
 */
struct holm_vm_param {
	__u32 param;
	__u32 flags;
	__u64 value;
};

/* struct holm_clock.flags */
#define HOLM_CLOCK_TSC_STABLE	(1U << 0)	/* get: as good as the host's TSC */
#define HOLM_CLOCK_STOPPED	(1U << 1)	/* set: tell guests that they stood still */
#define HOLM_CLOCK_REALTIME	(1U << 2)	/* set: with @realtime_ns */

/**
 * struct holm_clock - HOLM_GET_CLOCK, HOLM_SET_CLOCK: the VM's paravirtual clock
 * @ns: nanoseconds, 0 when the VM was created; a set takes up to 2^63 - 1
 * @realtime_ns: out: CLOCK_REALTIME at the same moment; in, with
 *	HOLM_CLOCK_REALTIME: what a get said, and the clock becomes @ns plus the
 *	time that has passed since; otherwise zero
 * @flags: HOLM_CLOCK_*
 * @reserved: zero
 */
struct holm_clock {
	__u64 ns;
	__u64 realtime_ns;
	__u32 flags;
	__u32 reserved;
};

/* struct holm_report.event */
#define HOLM_REPORT_RESET	1	/* the guest asked for a reset */
#define HOLM_REPORT_SHUTDOWN	2	/* it powered itself off */

/**
 * struct holm_report - HOLM_REPORT: what happened to the guest, for who listens to
 *	events of the control plane (linux/holm_netlink.h)
 * @event: HOLM_REPORT_*
 * @flags: must be zero
 */
struct holm_report {
	__u32 event;
	__u32 flags;
};

/* ---- vCPU: events from outside ------------------------------------------ */

#define HOLM_INJECT_NMI			1
#define HOLM_INJECT_INTERRUPT		2	/* @vector, edge, to this LAPIC */
#define HOLM_INJECT_EXTINT_RAISE	3	/* the PIC's INTR line */
#define HOLM_INJECT_EXTINT_LOWER	4

/* struct holm_inject - HOLM_INJECT, legal from any thread at any time */
struct holm_inject {
	__u32 kind;
	__u32 vector;
};

#define HOLM_TRANSLATE_WRITE	(1U << 0)
#define HOLM_TRANSLATE_FETCH	(1U << 1)
#define HOLM_TRANSLATE_USER	(1U << 2)	/* as CPL 3 would */

/**
 * struct holm_translate - HOLM_TRANSLATE: guest-virtual to guest-physical
 * @gva: linear address
 * @flags: HOLM_TRANSLATE_*
 * @valid: out: 1 when the access is allowed
 * @gpa: out: guest-physical address when @valid
 * @error_code: out: the #PF error code otherwise
 *
 * The walk does not set accessed and dirty bits.
 */
struct holm_translate {
	__u64 gva;
	__u32 flags;
	__u32 valid;
	__u64 gpa;
	__u32 error_code;
	__u32 reserved;
};

#define HOLM_LAPIC_WRITE	(1U << 0)

/**
 * struct holm_lapic_access - HOLM_LAPIC_ACCESS: an xAPIC register by MMIO
 * @offset: of the register in the APIC page, a multiple of 16 below 0x400
 * @flags: HOLM_LAPIC_WRITE, otherwise a read
 * @value: in for a write, out for a read
 * @eoi_vector: out: vector of a level-triggered interrupt whose EOI this write
 *	was, to be passed to the IOAPIC, or -1
 */
struct holm_lapic_access {
	__u32 offset;
	__u32 flags;
	__u32 value;
	__s32 eoi_vector;
};

/* ---- the run page ------------------------------------------------------- */

/*
 * struct holm_run.exit_reason. What the launcher must do is said at each one;
 * "complete" is: put results into regs, set HOLM_RUN_REGS, next_rip where the
 * exit did not give it, and HOLM_RUN_COMPLETE.
 */
#define HOLM_EXIT_UNKNOWN	0	/* the vCPU has not run yet */
#define HOLM_EXIT_INTR		1	/* HOLM_RUN failed with EINTR; run again */
#define HOLM_EXIT_IO		2	/* do the port access, complete */
#define HOLM_EXIT_MMIO		3	/* decode, do the access, complete */
#define HOLM_EXIT_INTR_ACK	4	/* put the PIC's vector into intr_vector,
					 * set HOLM_RUN_INTR_VECTOR, run again
					 */
#define HOLM_EXIT_EOI		5	/* tell the IOAPIC, run again */
#define HOLM_EXIT_SHUTDOWN	6	/* triple fault; reset or end the VM */
#define HOLM_EXIT_INIT		7	/* INIT reached the bootstrap processor */
#define HOLM_EXIT_TASK_SWITCH	8	/* do the task switch in software */
#define HOLM_EXIT_EMULATE	9	/* emulate the instruction at RIP, complete */
#define HOLM_EXIT_MEMORY_FAULT	10	/* slot memory could not be had */
#define HOLM_EXIT_FAIL_ENTRY	11	/* the CPU refused the vCPU's state */
#define HOLM_EXIT_INTERNAL_ERROR 12	/* an exit the driver cannot answer */

#define HOLM_IO_IN		(1U << 0)
#define HOLM_IO_STRING		(1U << 1)	/* INS/OUTS: decode it */
#define HOLM_IO_REP		(1U << 2)

struct holm_exit_io {
	__u16 port;
	__u8 size;		/* 1, 2 or 4 */
	__u8 flags;		/* HOLM_IO_* */
	__u32 data;		/* what OUT writes */
};

#define HOLM_ACCESS_READ	(1U << 0)
#define HOLM_ACCESS_WRITE	(1U << 1)
#define HOLM_ACCESS_FETCH	(1U << 2)
#define HOLM_ACCESS_GVA		(1U << 3)	/* @gva is valid */

struct holm_exit_mmio {
	__u64 gpa;
	__u64 gva;
	__u32 flags;		/* HOLM_ACCESS_* */
	__u8 insn_len;		/* bytes in insn, 0 when the CPU gave none */
	__u8 insn[15];
	__u32 reserved;
};

struct holm_exit_eoi {
	__u32 vector;
	__u32 reserved;
};

struct holm_exit_memory_fault {
	__u64 gpa;
	__u32 flags;		/* HOLM_ACCESS_* */
	__s32 error;		/* EFAULT, EHWPOISON, ENOMEM, ... */
};

#define HOLM_TASK_SWITCH_CALL	0
#define HOLM_TASK_SWITCH_IRET	1
#define HOLM_TASK_SWITCH_JMP	2
#define HOLM_TASK_SWITCH_GATE	3

struct holm_exit_task_switch {
	__u16 selector;
	__u8 source;		/* HOLM_TASK_SWITCH_* */
	__u8 has_error_code;
	__u32 error_code;
};

/* struct holm_exit_internal.subcode */
#define HOLM_INTERNAL_UNEXPECTED_EXIT	1	/* data: reason, qualifiers */
#define HOLM_INTERNAL_DELIVERY		2	/* an event that cannot be delivered */

struct holm_exit_internal {
	__u32 subcode;
	__u32 ndata;
	__u64 data[6];
};

struct holm_exit_fail_entry {
	__u64 reason;		/* VMX: exit reason or instruction error; SVM: EXITCODE */
	__u64 detail;
	__u32 cpu;
	__u32 reserved;
};

/* struct holm_run.in_flags: what the launcher asks for when it enters. */
#define HOLM_RUN_REGS		(1U << 0)	/* load regs from the run page */
#define HOLM_RUN_SREGS		(1U << 1)	/* load sregs from the run page */
#define HOLM_RUN_COMPLETE	(1U << 2)	/* the exit's instruction is done */
#define HOLM_RUN_EXCEPTION	(1U << 3)	/* raise the exception */
#define HOLM_RUN_INTR_VECTOR	(1U << 4)	/* answer to HOLM_EXIT_INTR_ACK */

/* struct holm_run.want: what every exit is to carry beside regs. */
#define HOLM_WANT_SREGS		(1U << 0)

/* struct holm_run.out_flags */
#define HOLM_OUT_REGS		(1U << 0)	/* regs holds the guest's */
#define HOLM_OUT_SREGS		(1U << 1)	/* sregs holds the guest's */
#define HOLM_OUT_NEXT_RIP	(1U << 2)	/* next_rip is known */

/**
 * struct holm_run - the run page: mmap() of a vCPU at offset 0
 * @immediate_exit: in: non-zero makes HOLM_RUN fail with EINTR at once; read
 *	each time before the guest is entered, so that a signal handler that
 *	sets it closes the race between the test and the entry
 * @in_flags: in: HOLM_RUN_*; the driver clears it when it has taken it
 * @want: in: HOLM_WANT_*
 * @intr_vector: in: vector for HOLM_RUN_INTR_VECTOR, 0..255; or -1: spurious,
 *	no interrupt after all
 * @exception: in: for HOLM_RUN_EXCEPTION, of type HOLM_EVENT_EXCEPTION
 * @exit_reason: out: HOLM_EXIT_*
 * @out_flags: out: HOLM_OUT_*
 * @next_rip: out: address of the next instruction with HOLM_OUT_NEXT_RIP; in:
 *	where HOLM_RUN_COMPLETE continues
 * @regs: in, out
 * @sregs: in, out: present with HOLM_OUT_SREGS: on exits that need a decoder
 *	(string I/O, MMIO, EMULATE, TASK_SWITCH), on those that end a guest,
 *	and wherever @want asks for it
 *
 * HOLM_RUN_COMPLETE ends an interrupt shadow, clears RFLAGS.RF and raises the
 * single-step #DB when RFLAGS.TF was set, as the CPU does when an instruction
 * retires. HOLM_RUN_REGS without it only loads the registers.
 */
struct holm_run {
	/* in */
	__u8 immediate_exit;
	__u8 reserved0[3];
	__u32 in_flags;
	__u32 want;
	__s32 intr_vector;
	struct holm_event exception;
	/* out */
	__u32 exit_reason;
	__u32 out_flags;
	__u64 next_rip;
	__extension__ union {
		struct holm_exit_io io;
		struct holm_exit_mmio mmio;
		struct holm_exit_eoi eoi;
		struct holm_exit_memory_fault memory_fault;
		struct holm_exit_task_switch task_switch;
		struct holm_exit_internal internal;
		struct holm_exit_fail_entry fail_entry;
		__u8 padding[192];
	};
	/* in, out */
	struct holm_regs regs;
	struct holm_sregs sregs;
};

/* ---- ioctls ------------------------------------------------------------- */

#define HOLM_IOC_MAGIC	0xB7

/* /dev/holm */
#define HOLM_GET_API_VERSION	_IO(HOLM_IOC_MAGIC, 0x00)
/* Its number keeps the size that the structure had first. */
#define HOLM_GET_CAPS		_IOC(_IOC_READ | _IOC_WRITE, HOLM_IOC_MAGIC, 0x01, 56)
#define HOLM_GET_SUPPORTED_CPUID _IOWR(HOLM_IOC_MAGIC, 0x02, struct holm_cpuid)
#define HOLM_CREATE_VM		_IOW(HOLM_IOC_MAGIC, 0x03, struct holm_create_vm)
/* VM */
#define HOLM_SET_SLOT		_IOW(HOLM_IOC_MAGIC, 0x20, struct holm_slot)
#define HOLM_GET_DIRTY_LOG	_IOW(HOLM_IOC_MAGIC, 0x21, struct holm_dirty_log)
#define HOLM_CREATE_VCPU	_IOW(HOLM_IOC_MAGIC, 0x22, struct holm_create_vcpu)
#define HOLM_SIGNAL_MSI		_IOW(HOLM_IOC_MAGIC, 0x23, struct holm_msi)
#define HOLM_SET_IOEVENTFD	_IOW(HOLM_IOC_MAGIC, 0x30, struct holm_ioeventfd)
#define HOLM_SET_IRQFD		_IOW(HOLM_IOC_MAGIC, 0x31, struct holm_irqfd)
#define HOLM_GET_IRQFD		_IOWR(HOLM_IOC_MAGIC, 0x32, struct holm_irqfd)
#define HOLM_SET_PARAM		_IOW(HOLM_IOC_MAGIC, 0x50, struct holm_vm_param)
#define HOLM_GET_PARAM		_IOWR(HOLM_IOC_MAGIC, 0x51, struct holm_vm_param)
#define HOLM_GET_CLOCK		_IOR(HOLM_IOC_MAGIC, 0x48, struct holm_clock)
#define HOLM_SET_CLOCK		_IOW(HOLM_IOC_MAGIC, 0x49, struct holm_clock)
#define HOLM_REPORT		_IOW(HOLM_IOC_MAGIC, 0x52, struct holm_report)
/* vCPU */
#define HOLM_RUN		_IO(HOLM_IOC_MAGIC, 0x40)
#define HOLM_GET_STATE		_IOWR(HOLM_IOC_MAGIC, 0x41, struct holm_state)
#define HOLM_SET_STATE		_IOWR(HOLM_IOC_MAGIC, 0x42, struct holm_state)
#define HOLM_SET_CPUID		_IOW(HOLM_IOC_MAGIC, 0x43, struct holm_cpuid)
#define HOLM_GET_CPUID		_IOWR(HOLM_IOC_MAGIC, 0x44, struct holm_cpuid)
#define HOLM_INJECT		_IOW(HOLM_IOC_MAGIC, 0x45, struct holm_inject)
#define HOLM_TRANSLATE		_IOWR(HOLM_IOC_MAGIC, 0x46, struct holm_translate)
#define HOLM_LAPIC_ACCESS	_IOWR(HOLM_IOC_MAGIC, 0x47, struct holm_lapic_access)

#ifndef __KERNEL__
#if defined(__cplusplus) && __cplusplus >= 201103L
#define __HOLM_ASSERT_SIZE(type, n) static_assert(sizeof(type) == (n), #type)
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define __HOLM_ASSERT_SIZE(type, n) _Static_assert(sizeof(type) == (n), #type)
#endif
#else
#define __HOLM_ASSERT_SIZE(type, n) _Static_assert(sizeof(type) == (n), #type)
#endif

#ifdef __HOLM_ASSERT_SIZE
__HOLM_ASSERT_SIZE(struct holm_caps, 64);
__HOLM_ASSERT_SIZE(struct holm_cpuid_entry, 32);
__HOLM_ASSERT_SIZE(struct holm_cpuid, 16);
__HOLM_ASSERT_SIZE(struct holm_create_vm, 88);
__HOLM_ASSERT_SIZE(struct holm_slot, 32);
__HOLM_ASSERT_SIZE(struct holm_dirty_log, 32);
__HOLM_ASSERT_SIZE(struct holm_create_vcpu, 8);
__HOLM_ASSERT_SIZE(struct holm_msi, 16);
__HOLM_ASSERT_SIZE(struct holm_ioeventfd, 32);
__HOLM_ASSERT_SIZE(struct holm_irqfd, 32);
__HOLM_ASSERT_SIZE(struct holm_vm_param, 16);
__HOLM_ASSERT_SIZE(struct holm_clock, 24);
__HOLM_ASSERT_SIZE(struct holm_regs, 144);
__HOLM_ASSERT_SIZE(struct holm_segment, 24);
__HOLM_ASSERT_SIZE(struct holm_dtable, 16);
__HOLM_ASSERT_SIZE(struct holm_sregs, 272);
__HOLM_ASSERT_SIZE(struct holm_debugregs, 48);
__HOLM_ASSERT_SIZE(struct holm_msr, 16);
__HOLM_ASSERT_SIZE(struct holm_event, 16);
__HOLM_ASSERT_SIZE(struct holm_events, 40);
__HOLM_ASSERT_SIZE(struct holm_lapic, 288);
__HOLM_ASSERT_SIZE(struct holm_mp_state, 8);
__HOLM_ASSERT_SIZE(struct holm_tsc, 24);
__HOLM_ASSERT_SIZE(struct holm_state_block, 16);
__HOLM_ASSERT_SIZE(struct holm_state, 24);
__HOLM_ASSERT_SIZE(struct holm_inject, 8);
__HOLM_ASSERT_SIZE(struct holm_translate, 32);
__HOLM_ASSERT_SIZE(struct holm_lapic_access, 16);
__HOLM_ASSERT_SIZE(struct holm_exit_io, 8);
__HOLM_ASSERT_SIZE(struct holm_exit_mmio, 40);
__HOLM_ASSERT_SIZE(struct holm_exit_internal, 56);
__HOLM_ASSERT_SIZE(struct holm_run, 656);
#undef __HOLM_ASSERT_SIZE
#endif

#endif /* _UAPI_LINUX_HOLM_H */
