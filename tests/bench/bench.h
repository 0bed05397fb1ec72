/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One guest image, two clients: holm and KVM, each with as little around
 * HOLM_RUN or KVM_RUN as there can be.
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
#define BENCH_CODE		0x10000
#define BENCH_STACK		0x90000
#define BENCH_FRESH		0x10000000	/* slot 1: untouched memory */
#define BENCH_FRESH_SIZE	0x400000

/* Ports. */
#define BENCH_PORT_NULL		0x10	/* answered by userspace, means nothing */
#define BENCH_PORT_ID		0x14	/* the operation that was measured */
#define BENCH_PORT_COUNT	0x18	/* how often it was done */
#define BENCH_PORT_TICKS	0x1c	/* TSC ticks in all */
#define BENCH_PORT_END		0x20

/* Operations, in the order of guest.S. */
#define BENCH_EMPTY		0	/* the loop itself */
#define BENCH_CPUID		1
#define BENCH_HYPERCALL		2
#define BENCH_MSR		3	/* IA32_TSC_ADJUST written */
#define BENCH_PORT		4
#define BENCH_HLT		5	/* HLT with an interrupt on its way */
#define BENCH_FAULT		6	/* first touch of a 4K page */
#define BENCH_OPS		7

#define BENCH_VECTOR		0x40

#ifndef __ASSEMBLER__

#include <stdbool.h>
#include <stdint.h>

extern const char bench_guest[], bench_guest_end[], bench_guest_isr[];
extern const char bench_guest_vmcall[];

/**
 * struct bench - what a client measured
 * @ram, @fresh: guest memory
 * @ticks, @count: for each operation
 */
struct bench {
	uint8_t *ram;
	uint8_t *fresh;
	uint64_t ticks[BENCH_OPS];
	uint32_t count[BENCH_OPS];
	uint32_t id, pending_count;
};

/* Guest memory with page tables, GDT, IDT and code. */
int bench_memory(struct bench *b);

/* A port write of the guest: true when it was the last. */
bool bench_out(struct bench *b, uint16_t port, uint32_t value);

/* 0, or -1 after a message on stderr. */
int bench_run_holm(struct bench *b);
int bench_run_kvm(struct bench *b);

#endif
#endif
