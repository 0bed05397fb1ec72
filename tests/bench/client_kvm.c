// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "bench.h"

#define MAX_CPUID	128

static int fail(const char *what)
{
	fprintf(stderr, "holm-bench: %s: %s\n", what, strerror(errno));
	return -1;
}

static int set_cpuid(int kvm, int vcpu)
{
	struct kvm_cpuid2 *cpuid;
	int err;

	cpuid = calloc(1, sizeof(*cpuid) + MAX_CPUID * sizeof(cpuid->entries[0]));
	if (!cpuid)
		return fail("calloc");
	cpuid->nent = MAX_CPUID;
	err = ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid);
	if (!err)
		err = ioctl(vcpu, KVM_SET_CPUID2, cpuid);
	free(cpuid);
	return err ? fail("KVM_SET_CPUID2") : 0;
}

static int set_state(int vcpu)
{
	struct kvm_segment data = {
		.limit = 0xffffffff, .selector = 16, .type = 3,
		.present = 1, .s = 1, .db = 1, .g = 1,
	};
	struct kvm_regs regs = { .rip = BENCH_CODE, .rflags = 2, .rsp = BENCH_STACK };
	struct kvm_sregs sregs;

	if (ioctl(vcpu, KVM_GET_SREGS, &sregs))
		return fail("KVM_GET_SREGS");
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = sregs.cs = data;
	sregs.cs.selector = 8;
	sregs.cs.type = 11;
	sregs.cs.db = 0;
	sregs.cs.l = 1;
	sregs.gdt.base = BENCH_GDT;
	sregs.gdt.limit = 23;
	sregs.idt.base = BENCH_IDT;
	sregs.idt.limit = 0xfff;
	sregs.cr0 = 0x80000031;
	sregs.cr3 = BENCH_PML4;
	sregs.cr4 = 0x20;
	sregs.efer = 0x500;
	if (ioctl(vcpu, KVM_SET_SREGS, &sregs))
		return fail("KVM_SET_SREGS");
	return ioctl(vcpu, KVM_SET_REGS, &regs) ? fail("KVM_SET_REGS") : 0;
}

static int set_memory(struct bench *b, int vm)
{
	struct kvm_userspace_memory_region ram = {
		.slot = 0,
		.memory_size = BENCH_RAM_SIZE,
		.userspace_addr = (uintptr_t)b->ram,
	};
	struct kvm_userspace_memory_region fresh = {
		.slot = 1,
		.guest_phys_addr = BENCH_FRESH,
		.memory_size = BENCH_FRESH_SIZE,
		.userspace_addr = (uintptr_t)b->fresh,
	};

	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &ram) ||
	    ioctl(vm, KVM_SET_USER_MEMORY_REGION, &fresh))
		return fail("KVM_SET_USER_MEMORY_REGION");
	return 0;
}

static int loop(struct bench *b, int vcpu, struct kvm_run *run)
{
	uint32_t value;

	for (;;) {
		if (ioctl(vcpu, KVM_RUN, 0)) {
			if (errno == EINTR)
				continue;
			return fail("KVM_RUN");
		}
		if (run->exit_reason != KVM_EXIT_IO || run->io.direction != KVM_EXIT_IO_OUT) {
			fprintf(stderr, "holm-bench: KVM exit %u\n", run->exit_reason);
			return -1;
		}
		if (run->io.port == BENCH_PORT_NULL)
			continue;
		value = 0;
		memcpy(&value, (uint8_t *)run + run->io.data_offset, run->io.size);
		if (bench_out(b, run->io.port, value))
			return 0;
	}
}

int bench_run_kvm(struct bench *b)
{
	struct kvm_enable_cap split = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { 24 } };
	struct kvm_run *run;
	int kvm, vm, vcpu, size;

	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		return fail("/dev/kvm");
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0)
		return fail("KVM_CREATE_VM");
	/* As holm: the LAPIC in the kernel, PIC and IOAPIC outside. */
	if (ioctl(vm, KVM_ENABLE_CAP, &split))
		return fail("KVM_CAP_SPLIT_IRQCHIP");
	if (set_memory(b, vm))
		return -1;
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (vcpu < 0)
		return fail("KVM_CREATE_VCPU");
	size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (run == MAP_FAILED)
		return fail("mmap of the vCPU");
	if (set_cpuid(kvm, vcpu) || set_state(vcpu))
		return -1;
	return loop(b, vcpu, run);
}
