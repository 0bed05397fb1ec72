/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine: a VM of the driver, its memory, its devices and the threads
 * that run them.
 *
 *	main thread	the event loop: console, device timers
 *	vcpu/N		HOLM_RUN of vCPU N, port and MMIO accesses (vcpu.c)
 *
 * The machine lock (bus.h) serializes the devices.
 */
#ifndef HOLM_MACHINE_H
#define HOLM_MACHINE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <libholm/libholm.h>

#include "boot/boot.h"
#include "err.h"
#include "gmem.h"
#include "irq.h"

struct bus;
struct chardev;
struct evloop;
struct machine;
struct vm_config;

enum machine_end_kind {
	MACHINE_RUNS,
	MACHINE_POWER_OFF,
	MACHINE_RESET,
	MACHINE_TRIPLE_FAULT,
	MACHINE_DEBUG_EXIT,
	MACHINE_INTERRUPTED,	/* by a signal or the escape key */
	MACHINE_FAILED,		/* internal error, refused entry, memory fault */
};

/**
 * struct machine_end - how the guest ended
 * @kind: what happened
 * @status: exit status of the launcher
 * @text: a line for people; for MACHINE_TRIPLE_FAULT and MACHINE_FAILED
 *	followed by lines with details and registers
 */
struct machine_end {
	enum machine_end_kind kind;
	int status;
	char text[4096];
};

/* Exit statuses of "holm run", besides those of cmd.h: even, so that none is
 * one of the debug-exit port, which are all odd.
 */
#define EXIT_GUEST_RESET	16
#define EXIT_GUEST_TRIPLE_FAULT	18
#define EXIT_GUEST_ERROR	20

/**
 * struct vcpu - a virtual CPU and its thread
 * @m: machine
 * @index: 0 is the bootstrap processor
 * @h: descriptor and run page
 * @thread: valid when @started
 * @started: the thread exists
 */
struct vcpu {
	struct machine *m;
	unsigned int index;
	struct holm_vcpu_handle h;
	pthread_t thread;
	bool started;
};

struct machine {
	const struct vm_config *cfg;
	pthread_mutex_t lock;
	struct evloop *loop;
	struct bus *bus;
	struct gmem gmem;
	int dev;
	int vm;

	struct vcpu *vcpus;
	unsigned int nr_vcpus;
	struct holm_cpuid_entry *cpuid;
	unsigned int cpuid_nent;

	struct chardev *console;
	struct pic *pic;
	struct ioapic *ioapic;
	struct pit *pit;
	struct rtc *rtc;
	struct i8042 *i8042;
	struct resetctl *resetctl;
	struct pm *pm;
	struct uart *uart;
	struct debugport *debugport;
	struct debug_exit *debug_exit;
	struct irq_router irqs;

	atomic_bool stopping;
	pthread_mutex_t end_lock;	/* guards end */
	struct machine_end end;
};

/**
 * machine_create() - make the VM, its memory, devices and vCPUs, load the
 *	kernel; nothing runs yet
 * @cfg: checked config; must outlive the machine
 * @loop: event loop, created with @lock
 * @lock: machine lock
 * @console: what COM1 is connected to; NULL for nothing
 * @e: reason of a failure
 *
 * Return: the machine, freed by machine_destroy(); NULL on failure.
 */
struct machine *machine_create(const struct vm_config *cfg, struct evloop *loop,
			       pthread_mutex_t *lock, struct chardev *console, struct err *e);

/**
 * machine_start() - start the vCPUs
 * @m: machine
 * @e: reason of a failure
 *
 * Return: 0, to be followed by machine_run(); or -1 with @e set and no vCPU
 * thread left.
 */
int machine_start(struct machine *m, struct err *e);

/**
 * machine_power_button() - press the guest's power button
 * @m: machine, the machine lock held
 *
 * Return: whether the guest has asked to be told of it.
 */
bool machine_power_button(struct machine *m);

/**
 * machine_run() - serve the event loop until the guest ends
 * @m: machine
 * @e: reason of a failure
 *
 * Return: 0 with m->end filled in, or -1 with @e set. The vCPU threads have
 * ended in both cases.
 */
int machine_run(struct machine *m, struct err *e);

void machine_destroy(struct machine *m);

/**
 * machine_end() - the guest ends, if it has not already
 * @m: machine; any thread, the machine lock held or not
 * @kind: why
 * @status: exit status of the launcher
 * @fmt: message, printf() format
 *
 * The first call decides; stops the event loop and the vCPUs.
 */
void machine_end(struct machine *m, enum machine_end_kind kind, int status,
		 const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* ---- vcpu.c --------------------------------------------------------------- */

/* Make the vCPU and give it its CPUID table. 0, or -1 with @e set. */
int vcpu_init(struct vcpu *v, struct machine *m, unsigned int index, struct err *e);
void vcpu_deinit(struct vcpu *v);

/* The state in which the bootstrap processor starts. 0, or -1 with @e set. */
int vcpu_set_entry(struct vcpu *v, const struct boot_entry *entry, struct err *e);

/* Start the thread. 0, or -1 with @e set. */
int vcpu_start(struct vcpu *v, struct err *e);

/* Make the thread leave the guest and look at m->stopping; any thread. */
void vcpu_kick(struct vcpu *v);

/* Install the handler of the signal that vcpu_kick() sends; once. */
int vcpu_setup_signal(struct err *e);

#endif /* HOLM_MACHINE_H */
