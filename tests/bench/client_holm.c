// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libholm/libholm.h>

#include "bench.h"

#define CODE64	(HOLM_SEG_P | HOLM_SEG_S | HOLM_SEG_L | HOLM_SEG_G | 0xb)
#define DATA	(HOLM_SEG_P | HOLM_SEG_S | HOLM_SEG_DB | HOLM_SEG_G | 0x3)

/* Return: @ret, or -1 after a message when it is an error. */
static int check(const char *what, int ret)
{
	if (ret >= 0)
		return ret;
	fprintf(stderr, "holm-bench: %s: %s\n", what, strerror(-ret));
	return -1;
}

static int open_device(void)
{
	return check("/dev/holm", holm_open(NULL));
}

static int create_vm(int dev)
{
	return check("HOLM_CREATE_VM", holm_vm_create(dev, "bench"));
}

static int set_slot(int vm, uint32_t slot, bool log, uint64_t gpa, uint64_t size, void *memory)
{
	return check("HOLM_SET_SLOT", holm_vm_set_slot(vm, slot, log ? HOLM_SLOT_LOG_DIRTY : 0,
						       gpa, size, memory));
}

static int dirty_log(int vm, uint32_t slot, uint64_t pages, void *bitmap)
{
	return check("HOLM_GET_DIRTY_LOG", holm_vm_get_dirty_log(vm, slot, 0, pages, bitmap));
}

static int doorbell(int vm, uint16_t port, int eventfd)
{
	return check("HOLM_SET_IOEVENTFD",
		     holm_vm_set_ioeventfd(vm, HOLM_IOEVENTFD_PORT, port, 0, 0, eventfd));
}

static int create_vcpu(int dev, int vm, uint32_t id, struct bench_vcpu *vcpu)
{
	struct holm_vcpu_handle handle;
	int err = check("HOLM_CREATE_VCPU", holm_vcpu_create(vm, id, &handle));

	(void)dev;
	if (err < 0)
		return err;
	*vcpu = (struct bench_vcpu) {
		.fd = handle.fd, .run = handle.run, .size = handle.run_size,
	};
	return 0;
}

static struct holm_vcpu_handle handle_of(const struct bench_vcpu *vcpu)
{
	return (struct holm_vcpu_handle) {
		.fd = vcpu->fd, .run = vcpu->run, .run_size = vcpu->size,
	};
}

static void close_vcpu(struct bench_vcpu *vcpu)
{
	struct holm_vcpu_handle handle = handle_of(vcpu);

	holm_vcpu_close(&handle);
}

static int set_cpuid(int dev, struct holm_vcpu_handle *vcpu)
{
	struct holm_cpuid_entry *cpuid;
	unsigned int nent;
	int err;

	cpuid = holm_get_supported_cpuid(dev, &nent);
	if (!cpuid)
		return check("HOLM_GET_SUPPORTED_CPUID", -errno);
	err = holm_vcpu_set_cpuid(vcpu, cpuid, nent);
	free(cpuid);
	return check("HOLM_SET_CPUID", err);
}

static int set_state(struct holm_vcpu_handle *vcpu, const struct bench_state *state)
{
	struct holm_regs regs = { .rip = state->rip, .rflags = 2 };
	struct holm_mp_state mp = { .state = HOLM_MP_RUNNABLE };
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
	regs.gpr[HOLM_RSP] = state->rsp;
	regs.gpr[HOLM_RDI] = state->rdi;
	err = holm_vcpu_set_state(vcpu, HOLM_STATE_SREGS, &sregs, sizeof(sregs));
	if (!err)
		err = holm_vcpu_set_state(vcpu, HOLM_STATE_REGS, &regs, sizeof(regs));
	return err ? err : holm_vcpu_set_state(vcpu, HOLM_STATE_MP, &mp, sizeof(mp));
}

static int start_vcpu(int dev, struct bench_vcpu *vcpu, const struct bench_state *state)
{
	struct holm_vcpu_handle handle = handle_of(vcpu);

	if (set_cpuid(dev, &handle))
		return -1;
	return check("the vCPU's state", set_state(&handle, state));
}

static int run_vcpu(struct bench_vcpu *vcpu, uint16_t *port, uint32_t *value)
{
	struct holm_vcpu_handle handle = handle_of(vcpu);
	struct holm_run *run = vcpu->run;
	int err;

	for (;;) {
		err = holm_vcpu_run(&handle);
		if (err == -EINTR)
			continue;
		if (err)
			return check("HOLM_RUN", err);
		if (run->exit_reason != HOLM_EXIT_IO || run->io.flags) {
			fprintf(stderr, "holm-bench: exit %u at 0x%llx\n", run->exit_reason,
				(unsigned long long)run->regs.rip);
			return -1;
		}
		run->in_flags = HOLM_RUN_COMPLETE;
		if (run->io.port == BENCH_PORT_NULL)
			continue;
		*port = run->io.port;
		*value = run->io.data;
		return 0;
	}
}

const struct bench_client bench_holm = {
	.name = "holm",
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
