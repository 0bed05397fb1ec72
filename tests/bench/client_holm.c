// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libholm/libholm.h>

#include "bench.h"

#define CODE64	(HOLM_SEG_P | HOLM_SEG_S | HOLM_SEG_L | HOLM_SEG_G | 0xb)
#define DATA	(HOLM_SEG_P | HOLM_SEG_S | HOLM_SEG_DB | HOLM_SEG_G | 0x3)

static int fail(const char *what, int err)
{
	fprintf(stderr, "holm-bench: %s: %s\n", what, strerror(-err));
	return -1;
}

static int set_state(struct holm_vcpu_handle *vcpu)
{
	struct holm_regs regs = { .rip = BENCH_CODE, .rflags = 2 };
	struct holm_sregs sregs;
	int err, i;

	err = holm_vcpu_get_state(vcpu, HOLM_STATE_SREGS, &sregs, sizeof(sregs));
	if (err)
		return err;
	for (i = HOLM_SEG_ES; i <= HOLM_SEG_GS; i++)
		sregs.seg[i] = (struct holm_segment) {
			.limit = 0xffffffff, .attrib = DATA, .selector = 16,
		};
	sregs.seg[HOLM_SEG_CS].attrib = CODE64;
	sregs.seg[HOLM_SEG_CS].selector = 8;
	sregs.gdt.base = BENCH_GDT;
	sregs.gdt.limit = 23;
	sregs.idt.base = BENCH_IDT;
	sregs.idt.limit = 0xfff;
	sregs.cr0 = 0x80000031;
	sregs.cr3 = BENCH_PML4;
	sregs.cr4 = 0x20;
	sregs.efer = 0x500;
	regs.gpr[HOLM_RSP] = BENCH_STACK;
	err = holm_vcpu_set_state(vcpu, HOLM_STATE_SREGS, &sregs, sizeof(sregs));
	return err ? err : holm_vcpu_set_state(vcpu, HOLM_STATE_REGS, &regs, sizeof(regs));
}

static int loop(struct bench *b, struct holm_vcpu_handle *vcpu)
{
	struct holm_run *run = vcpu->run;
	int err;

	for (;;) {
		err = holm_vcpu_run(vcpu);
		if (err == -EINTR)
			continue;
		if (err)
			return fail("HOLM_RUN", err);
		if (run->exit_reason != HOLM_EXIT_IO || run->io.flags) {
			fprintf(stderr, "holm-bench: exit %u at 0x%llx\n", run->exit_reason,
				(unsigned long long)run->regs.rip);
			return -1;
		}
		if (run->io.port != BENCH_PORT_NULL && bench_out(b, run->io.port, run->io.data))
			return 0;
		run->in_flags = HOLM_RUN_COMPLETE;
	}
}

int bench_run_holm(struct bench *b)
{
	struct holm_cpuid_entry *cpuid;
	struct holm_vcpu_handle vcpu;
	unsigned int nent;
	int dev, vm, err;

	dev = holm_open(NULL);
	if (dev < 0)
		return fail("/dev/holm", dev);
	vm = holm_vm_create(dev, "bench");
	if (vm < 0)
		return fail("HOLM_CREATE_VM", vm);
	err = holm_vm_set_slot(vm, 0, 0, 0, BENCH_RAM_SIZE, b->ram);
	if (!err)
		err = holm_vm_set_slot(vm, 1, 0, BENCH_FRESH, BENCH_FRESH_SIZE, b->fresh);
	if (err)
		return fail("HOLM_SET_SLOT", err);
	err = holm_vcpu_create(vm, 0, &vcpu);
	if (err)
		return fail("HOLM_CREATE_VCPU", err);
	cpuid = holm_get_supported_cpuid(dev, &nent);
	if (!cpuid)
		return fail("HOLM_GET_SUPPORTED_CPUID", -errno);
	err = holm_vcpu_set_cpuid(&vcpu, cpuid, nent);
	free(cpuid);
	if (!err)
		err = set_state(&vcpu);
	if (err)
		return fail("the vCPU's state", err);
	return loop(b, &vcpu);
}
