// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"
#include "kvm_cpuid.h"

/* Return: @ret, or -1 after a message when it is that. */
static int check(const char *what, int ret)
{
	if (ret < 0)
		fprintf(stderr, "holm-bench: %s: %s\n", what, strerror(errno));
	return ret;
}

static int open_device(void)
{
	return check("/dev/kvm", open("/dev/kvm", O_RDWR | O_CLOEXEC));
}

static int create_vm(int dev)
{
	struct kvm_enable_cap split = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { 24 } };
	int vm = check("KVM_CREATE_VM", ioctl(dev, KVM_CREATE_VM, 0));

	/* As holm: the LAPIC in the kernel, PIC and IOAPIC outside. */
	if (vm >= 0 && check("KVM_CAP_SPLIT_IRQCHIP", ioctl(vm, KVM_ENABLE_CAP, &split)))
		return -1;
	return vm;
}

static int set_slot(int vm, uint32_t slot, bool log, uint64_t gpa, uint64_t size, void *memory)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.flags = log ? KVM_MEM_LOG_DIRTY_PAGES : 0,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)memory,
	};

	return check("KVM_SET_USER_MEMORY_REGION",
		     ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region));
}

static int dirty_log(int vm, uint32_t slot, uint64_t pages, void *bitmap)
{
	struct kvm_dirty_log log = { .slot = slot, .dirty_bitmap = bitmap };

	(void)pages;
	return check("KVM_GET_DIRTY_LOG", ioctl(vm, KVM_GET_DIRTY_LOG, &log));
}

static int doorbell(int vm, uint16_t port, int eventfd)
{
	struct kvm_ioeventfd arg = {
		.addr = port,
		.len = 0,
		.fd = eventfd,
		.flags = KVM_IOEVENTFD_FLAG_PIO,
	};

	return check("KVM_IOEVENTFD", ioctl(vm, KVM_IOEVENTFD, &arg));
}

static int create_vcpu(int dev, int vm, uint32_t id, struct bench_vcpu *vcpu)
{
	vcpu->fd = check("KVM_CREATE_VCPU", ioctl(vm, KVM_CREATE_VCPU, id));
	if (vcpu->fd < 0)
		return -1;
	vcpu->size = ioctl(dev, KVM_GET_VCPU_MMAP_SIZE, 0);
	vcpu->run = mmap(NULL, vcpu->size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	return vcpu->run == MAP_FAILED ? check("mmap of the vCPU", -1) : 0;
}

static void close_vcpu(struct bench_vcpu *vcpu)
{
	munmap(vcpu->run, vcpu->size);
	close(vcpu->fd);
}

static int set_state(int vcpu, const struct bench_state *state)
{
	struct kvm_segment data = {
		.limit = 0xffffffff, .selector = 16, .type = 3,
		.present = 1, .s = 1, .db = 1, .g = 1,
	};
	struct kvm_regs regs = {
		.rip = state->rip, .rflags = 2, .rsp = state->rsp, .rdi = state->rdi,
	};
	struct kvm_mp_state mp = { .mp_state = KVM_MP_STATE_RUNNABLE };
	struct kvm_sregs sregs;

	if (check("KVM_GET_SREGS", ioctl(vcpu, KVM_GET_SREGS, &sregs)))
		return -1;
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
	if (check("KVM_SET_SREGS", ioctl(vcpu, KVM_SET_SREGS, &sregs)) ||
	    check("KVM_SET_REGS", ioctl(vcpu, KVM_SET_REGS, &regs)))
		return -1;
	return check("KVM_SET_MP_STATE", ioctl(vcpu, KVM_SET_MP_STATE, &mp));
}

static int start_vcpu(int dev, struct bench_vcpu *vcpu, const struct bench_state *state)
{
	if (check("KVM_SET_CPUID2", bench_kvm_cpuid(dev, vcpu->fd)))
		return -1;
	return set_state(vcpu->fd, state);
}

static int run_vcpu(struct bench_vcpu *vcpu, uint16_t *port, uint32_t *value)
{
	struct kvm_run *run = vcpu->run;

	for (;;) {
		if (ioctl(vcpu->fd, KVM_RUN, 0)) {
			if (errno == EINTR)
				continue;
			return check("KVM_RUN", -1);
		}
		if (run->exit_reason != KVM_EXIT_IO || run->io.direction != KVM_EXIT_IO_OUT) {
			fprintf(stderr, "holm-bench: KVM exit %u\n", run->exit_reason);
			return -1;
		}
		if (run->io.port == BENCH_PORT_NULL)
			continue;
		*port = run->io.port;
		*value = 0;
		memcpy(value, (uint8_t *)run + run->io.data_offset, run->io.size);
		return 0;
	}
}

const struct bench_client bench_kvm = {
	.name = "kvm",
	.open = open_device,
	.vm = create_vm,
	.slot = set_slot,
	.dirty_log = dirty_log,
	.doorbell = doorbell,
	.vcpu = create_vcpu,
	.vcpu_start = start_vcpu,
	.vcpu_close = close_vcpu,
	.run = run_vcpu,
};
