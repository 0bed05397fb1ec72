// SPDX-License-Identifier: GPL-2.0-or-later
/* Guests that run, of holm-control: a few bytes of 16-bit code. */
#define _GNU_SOURCE
#include <linux/holm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "control.h"

#define MEM_SIZE	0x10000
#define LOAD_ADDR	0x1000
#define ENTRIES		256

static int guest_open(int dev, const char *name, const char *code, size_t size,
		      struct holm_run **run)
{
	struct holm_create_vm create = { .size = sizeof(create) };
	struct holm_create_vcpu arg = { 0 };
	static struct holm_cpuid_entry entries[ENTRIES];
	struct holm_cpuid cpuid = { .nent = ENTRIES, .entries = (uintptr_t)entries };
	struct holm_sregs sregs;
	struct holm_state_block block = { .type = HOLM_STATE_SREGS, .size = sizeof(sregs),
					  .data = (uintptr_t)&sregs };
	struct holm_state state = { .nblocks = 1, .blocks = (uintptr_t)&block };
	struct holm_slot slot = { .size = MEM_SIZE };
	unsigned char *mem;
	int vm, vcpu;

	snprintf(create.name, sizeof(create.name), "%s", name);
	vm = ioctl(dev, HOLM_CREATE_VM, &create);
	mem = mmap(NULL, MEM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (vm < 0 || mem == MAP_FAILED)
		return -1;
	memcpy(mem + LOAD_ADDR, code, size);
	slot.uaddr = (uintptr_t)mem;
	if (ioctl(vm, HOLM_SET_SLOT, &slot))
		return -1;
	vcpu = ioctl(vm, HOLM_CREATE_VCPU, &arg);
	if (vcpu < 0 || ioctl(dev, HOLM_GET_SUPPORTED_CPUID, &cpuid) ||
	    ioctl(vcpu, HOLM_SET_CPUID, &cpuid) || ioctl(vcpu, HOLM_GET_STATE, &state))
		return -1;
	*run = mmap(NULL, HOLM_RUN_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (*run == MAP_FAILED)
		return -1;
	sregs.seg[HOLM_SEG_CS].selector = 0;
	sregs.seg[HOLM_SEG_CS].base = 0;
	(*run)->sregs = sregs;
	(*run)->regs = (struct holm_regs) { .rip = LOAD_ADDR, .rflags = 2 };
	(*run)->in_flags = HOLM_RUN_REGS | HOLM_RUN_SREGS;
	return vcpu;
}

struct code {
	const char *bytes;
	size_t size;
};

static void run_guest(int dev, const char *name, int ready, const void *arg)
{
	const struct code *code = arg;
	struct holm_run *run;
	int vcpu = guest_open(dev, name, code->bytes, code->size, &run);

	if (vcpu < 0 || write(ready, "", 1) != 1)
		return;
	while (!ioctl(vcpu, HOLM_RUN, 0) && run->exit_reason == HOLM_EXIT_IO)
		run->in_flags = HOLM_RUN_COMPLETE;
}

struct vm guest_start(uid_t uid, const char *name, const char *bytes, size_t size)
{
	const struct code code = { .bytes = bytes, .size = size };

	return vm_fork(uid, name, run_guest, &code);
}
