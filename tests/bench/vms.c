// SPDX-License-Identifier: GPL-2.0-or-later
/* What the client itself does to VMs, with its own RDTSC around it. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"

#define ROUNDS		20
#define OTHERS		64
#define FIRST_SLOT	8
#define FIRST_GPA	0x30000000
#define SLOT_SIZE	0x1000

static int vm_round(struct bench *b)
{
	const struct bench_client *c = b->client;
	struct bench_vcpu vcpu;
	int vm = c->vm(b->dev);

	if (vm < 0)
		return -1;
	if (c->slot(vm, 0, false, 0, BENCH_RAM_SIZE, b->ram) || c->vcpu(b->dev, vm, 0, &vcpu))
		return -1;
	c->vcpu_close(&vcpu);
	close(vm);
	return 0;
}

/*
 * With a VM alive, so that virtualization stays on in all CPUs, as KVM's does
 * while it is loaded.
 */
int bench_vms(struct bench *b)
{
	uint64_t begin = 0;
	int i;

	for (i = 0; i <= ROUNDS; i++) {
		if (i == 1)		/* the first one warms up */
			begin = bench_ticks();
		if (vm_round(b))
			return -1;
	}
	b->ticks[BENCH_VM] = bench_ticks() - begin;
	b->count[BENCH_VM] = ROUNDS;
	return 0;
}

static int slot_rounds(struct bench *b, int vm, unsigned int id)
{
	const struct bench_client *c = b->client;
	uint64_t gpa = FIRST_GPA + 2 * OTHERS * SLOT_SIZE, begin = 0;
	int i;

	for (i = 0; i <= ROUNDS; i++) {
		if (i == 1)
			begin = bench_ticks();
		if (c->slot(vm, 1, false, gpa, SLOT_SIZE, b->ram) ||
		    c->slot(vm, 1, false, gpa, 0, b->ram))
			return -1;
	}
	b->ticks[id] = bench_ticks() - begin;
	b->count[id] = ROUNDS;
	return 0;
}

/* In a VM of its own, with no vCPU. */
int bench_slots(struct bench *b)
{
	int vm = b->client->vm(b->dev), i;

	if (vm < 0 || slot_rounds(b, vm, BENCH_SLOT))
		return -1;
	for (i = 0; i < OTHERS; i++)
		if (b->client->slot(vm, FIRST_SLOT + i, false, FIRST_GPA + 2 * i * SLOT_SIZE,
				    SLOT_SIZE, b->ram + i * SLOT_SIZE))
			return -1;
	if (slot_rounds(b, vm, BENCH_SLOT_64))
		return -1;
	close(vm);
	return 0;
}
