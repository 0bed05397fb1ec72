/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One guest image, two clients: holm and KVM, each with as little around
 * HOLM_RUN or KVM_RUN as there can be.
 *
 *	guest.S		the guest: each operation in a loop between two RDTSC
 *	main.c		guest memory, what the ports mean, the report
 *	vms.c		operations of the client itself: VMs, slots
 *	client_*.c	struct bench_client
 *	kvm_cpuid.c	what KVM's vCPUs tell their guests
 *
 * boot/ times a guest of Linux instead, under whole launchers.
 */
#ifndef HOLM_BENCH_H
#define HOLM_BENCH_H

/* Where things are in guest memory; guest.S has them too. */
#define BENCH_RAM_SIZE		0x1000000	/* slot 0, at 0 */
#define BENCH_PML4		0x1000
#define BENCH_PDPT		0x2000
#define BENCH_PD		0x3000		/* 1 GiB, one to one, by 2M pages */
#define BENCH_GDT		0x4000
#define BENCH_IDT		0x5000
#define BENCH_FLAG		0x6000		/* counts what vCPU 0's handlers did */
#define BENCH_CODE		0x10000
#define BENCH_STACK		0x90000
#define BENCH_STACK_AP		0xa0000
#define BENCH_FRESH		0x10000000	/* slot 1: untouched memory */
#define BENCH_FRESH_SIZE	0x400000
#define BENCH_DIRTY		0x18000000	/* slot 2: its dirty log is used */
#define BENCH_DIRTY_SIZE	0x100000
#define BENCH_HUGE		0x20000000	/* slot 3: of huge pages */
#define BENCH_HUGE_SIZE		0x1000000

/* Ports. */
#define BENCH_PORT_NULL		0x10	/* answered by userspace, means nothing */
#define BENCH_PORT_ID		0x14	/* the operation that was measured */
#define BENCH_PORT_COUNT	0x18	/* how often it was done */
#define BENCH_PORT_TICKS	0x1c	/* TSC ticks in all */
#define BENCH_PORT_END		0x20
#define BENCH_PORT_RESET	0x24	/* make slots 1 and 3 untouched again */
#define BENCH_PORT_PROTECT	0x28	/* begin to log slot 2, or take its log */
#define BENCH_PORT_READY	0x2c	/* vCPU 1 waits for PORT_GO */
#define BENCH_PORT_GO		0x30
#define BENCH_PORT_DOORBELL	0x40	/* an eventfd answers it */

/* Operations: those of guest.S in its order, then the client's. */
#define BENCH_EMPTY		0	/* the loop itself */
#define BENCH_CPUID		1
#define BENCH_HYPERCALL		2
#define BENCH_MSR		3	/* IA32_TSC_ADJUST written */
#define BENCH_ICR_SELF		4	/* x2APIC ICR written: an interrupt that stays pending */
#define BENCH_ICR_OTHER		5	/* to a vCPU that does not run */
#define BENCH_IOEVENTFD		6
#define BENCH_PORT		7
#define BENCH_HLT		8	/* HLT with an interrupt on its way */
#define BENCH_WAKE		9	/* an IPI wakes the other vCPU and its IPI this one */
#define BENCH_TIMER		10	/* a TSC deadline armed and fired */
#define BENCH_FAULT		11	/* first touch of a 4K page */
#define BENCH_FAULT_2M		12	/* first touch of a page of hugetlbfs */
#define BENCH_DIRTY_FAULT	13	/* first write to a logged page */
#define BENCH_VM		14	/* VM, slot and vCPU created, and gone */
#define BENCH_SLOT		15	/* a slot added and removed */
#define BENCH_SLOT_64		16	/* the same with 64 others */
#define BENCH_OPS		17

#define BENCH_VECTOR		0x40
#define BENCH_VECTOR_AP		0x41	/* vCPU 1 answers with BENCH_VECTOR */
#define BENCH_VECTOR_NULL	0x42

#define BENCH_ROUNDS		8
#define BENCH_FAULTS		16	/* pages touched in a round */

/* From arming to the deadline: more than arming takes. */
#define BENCH_DEADLINE		200000

#ifndef __ASSEMBLER__

#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

#define BENCH_SLOT_RAM		0
#define BENCH_SLOT_FRESH	1
#define BENCH_SLOT_DIRTY	2
#define BENCH_SLOT_HUGE		3

extern const char bench_guest[], bench_guest_end[], bench_guest_isr[];
extern const char bench_guest_ap[], bench_guest_ap_isr[], bench_guest_null_isr[];
extern const char bench_guest_vmcall[];

/**
 * struct bench_vcpu - a vCPU
 * @fd: descriptor
 * @run: its shared page
 * @size: bytes mapped
 */
struct bench_vcpu {
	int fd;
	void *run;
	unsigned int size;
};

/**
 * struct bench_state - where a vCPU begins, in 64-bit mode
 * @rip, @rsp, @rdi: registers
 */
struct bench_state {
	uint64_t rip;
	uint64_t rsp;
	uint64_t rdi;
};

/**
 * struct bench_client - a hypervisor's interface
 * @open: its device; all of these return -1 after a message on stderr
 * @vm: a VM: LAPICs in the kernel, PIC and I/O APIC outside
 * @slot: set a slot, or remove it with @size 0
 * @dirty_log: take the log of a slot
 * @doorbell: writes of any size to @port signal @eventfd
 * @vcpu: a vCPU and its shared page
 * @vcpu_start: CPUID, registers, x2APIC ID as @vcpu had it; it is to run
 * @vcpu_close: undo @vcpu
 * @run: until the guest writes to a port other than BENCH_PORT_NULL
 */
struct bench_client {
	const char *name;
	int (*open)(void);
	int (*vm)(int dev);
	int (*slot)(int vm, uint32_t slot, bool log, uint64_t gpa, uint64_t size, void *memory);
	int (*dirty_log)(int vm, uint32_t slot, uint64_t pages, void *bitmap);
	int (*doorbell)(int vm, uint16_t port, int eventfd);
	int (*vcpu)(int dev, int vm, uint32_t id, struct bench_vcpu *vcpu);
	int (*vcpu_start)(int dev, struct bench_vcpu *vcpu, const struct bench_state *state);
	void (*vcpu_close)(struct bench_vcpu *vcpu);
	int (*run)(struct bench_vcpu *vcpu, uint16_t *port, uint32_t *value);
};

extern const struct bench_client bench_holm, bench_kvm;

/**
 * struct bench - what is measured
 * @client: the interface
 * @dev, @vm: descriptors
 * @ram, @fresh, @dirty, @huge: guest memory
 * @only: the one operation that is done for ever, or 0
 * @logging: slot 2 logs
 * @ready, @go: between the two vCPUs' threads
 * @ticks, @count: for each operation
 */
struct bench {
	const struct bench_client *client;
	int dev;
	int vm;
	uint8_t *ram;
	uint8_t *fresh;
	uint8_t *dirty;
	uint8_t *huge;
	unsigned int only;
	bool logging;
	sem_t ready, go;
	struct bench_vcpu bsp, ap;
	double ticks[BENCH_OPS];
	uint32_t count[BENCH_OPS];
	uint32_t id, pending_count;
};

/* vms.c: 0 or -1. */
int bench_vms(struct bench *b);
int bench_slots(struct bench *b);

static inline uint64_t bench_ticks(void)
{
	uint32_t lo, hi;

	asm volatile("lfence; rdtsc" : "=a" (lo), "=d" (hi) : : "memory");
	return lo | (uint64_t)hi << 32;
}

#endif
#endif
