// SPDX-License-Identifier: LGPL-2.1-or-later
/* Thin wrappers of the ioctls: see libholm.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libholm/libholm.h"

static int call(int fd, unsigned long cmd, void *arg)
{
	int ret = ioctl(fd, cmd, arg);

	return ret < 0 ? -errno : ret;
}

int holm_open(const char *path)
{
	int dev = open(path ? path : HOLM_DEVICE_PATH, O_RDWR | O_CLOEXEC);
	int version;

	if (dev < 0)
		return -errno;
	version = call(dev, HOLM_GET_API_VERSION, NULL);
	if (version != HOLM_API_VERSION) {
		close(dev);
		return version < 0 ? version : -EPROTO;
	}
	return dev;
}

int holm_get_caps(int dev, struct holm_caps *caps)
{
	memset(caps, 0, sizeof(*caps));
	caps->size = sizeof(*caps);
	return call(dev, HOLM_GET_CAPS, caps);
}

struct holm_cpuid_entry *holm_get_supported_cpuid(int dev, unsigned int *nent)
{
	struct holm_cpuid_entry *entries = calloc(HOLM_MAX_CPUID_ENTRIES, sizeof(*entries));
	struct holm_cpuid arg = {
		.nent = HOLM_MAX_CPUID_ENTRIES,
		.entries = (uintptr_t)entries,
	};
	int err;

	if (!entries)
		return NULL;
	err = call(dev, HOLM_GET_SUPPORTED_CPUID, &arg);
	if (err < 0) {
		free(entries);
		errno = -err;
		return NULL;
	}
	*nent = arg.nent;
	return entries;
}

int holm_vm_create(int dev, const char *name)
{
	return holm_vm_create_uuid(dev, name, NULL);
}

int holm_vm_create_uuid(int dev, const char *name, const uint8_t uuid[16])
{
	struct holm_create_vm arg = { .size = sizeof(arg) };
	int vm;

	if (strlen(name) >= sizeof(arg.name))
		return -EINVAL;
	strcpy(arg.name, name);
	if (uuid)
		memcpy(arg.uuid, uuid, sizeof(arg.uuid));
	/* A signal may come while the kernel takes the locks of all mappings. */
	do
		vm = call(dev, HOLM_CREATE_VM, &arg);
	while (vm == -EINTR);
	return vm;
}

int holm_vm_set_slot(int vm, uint32_t slot, uint32_t flags, uint64_t gpa,
		     uint64_t size, void *addr)
{
	struct holm_slot arg = {
		.slot = slot,
		.flags = flags,
		.gpa = gpa,
		.size = size,
		.uaddr = (uintptr_t)addr,
	};

	return call(vm, HOLM_SET_SLOT, &arg);
}

int holm_vm_get_dirty_log(int vm, uint32_t slot, uint64_t first_page,
			  uint64_t num_pages, uint64_t *bitmap)
{
	struct holm_dirty_log arg = {
		.slot = slot,
		.first_page = first_page,
		.num_pages = num_pages,
		.bitmap = (uintptr_t)bitmap,
	};

	return call(vm, HOLM_GET_DIRTY_LOG, &arg);
}

int holm_vm_signal_msi(int vm, uint64_t address, uint32_t data)
{
	struct holm_msi arg = { .address = address, .data = data };

	return call(vm, HOLM_SIGNAL_MSI, &arg);
}

int holm_vm_set_ioeventfd(int vm, uint32_t flags, uint64_t addr, uint32_t size,
			  uint64_t datamatch, int fd)
{
	struct holm_ioeventfd arg = {
		.addr = addr,
		.datamatch = datamatch,
		.fd = fd,
		.size = size,
		.flags = flags,
	};

	return call(vm, HOLM_SET_IOEVENTFD, &arg);
}

int holm_vm_set_irqfd(int vm, const struct holm_irqfd *irqfd)
{
	return call(vm, HOLM_SET_IRQFD, (void *)irqfd);
}

int holm_vm_get_irqfd(int vm, struct holm_irqfd *irqfd)
{
	return call(vm, HOLM_GET_IRQFD, irqfd);
}

int holm_vm_assign_irqfd(int vm, int fd, uint64_t address, uint32_t data)
{
	struct holm_irqfd arg = {
		.fd = fd,
		.resample_fd = -1,
		.address = address,
		.data = data,
	};

	return call(vm, HOLM_SET_IRQFD, &arg);
}

int holm_vm_deassign_irqfd(int vm, int fd)
{
	struct holm_irqfd arg = { .fd = fd, .flags = HOLM_IRQFD_DEASSIGN };

	return call(vm, HOLM_SET_IRQFD, &arg);
}

int holm_vm_set_param(int vm, uint32_t param, uint64_t value)
{
	struct holm_vm_param arg = { .param = param, .value = value };

	return call(vm, HOLM_SET_PARAM, &arg);
}

int holm_vm_get_param(int vm, uint32_t param, uint64_t *value)
{
	struct holm_vm_param arg = { .param = param };
	int err = call(vm, HOLM_GET_PARAM, &arg);

	if (!err)
		*value = arg.value;
	return err;
}

int holm_vm_get_clock(int vm, struct holm_clock *clock)
{
	return call(vm, HOLM_GET_CLOCK, clock);
}

int holm_vm_set_clock(int vm, const struct holm_clock *clock)
{
	struct holm_clock arg = *clock;

	return call(vm, HOLM_SET_CLOCK, &arg);
}

int holm_vm_report(int vm, uint32_t event)
{
	struct holm_report arg = { .event = event };

	return call(vm, HOLM_REPORT, &arg);
}

int holm_vcpu_create(int vm, uint32_t apic_id, struct holm_vcpu_handle *vcpu)
{
	struct holm_create_vcpu arg = { .apic_id = apic_id };
	int err;

	vcpu->fd = call(vm, HOLM_CREATE_VCPU, &arg);
	if (vcpu->fd < 0)
		return vcpu->fd;
	vcpu->run_size = HOLM_RUN_PAGE_SIZE;
	vcpu->run = mmap(NULL, vcpu->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED) {
		err = -errno;
		vcpu->run = NULL;
		close(vcpu->fd);
		vcpu->fd = -1;
		return err;
	}
	return 0;
}

void holm_vcpu_close(struct holm_vcpu_handle *vcpu)
{
	if (vcpu->run)
		munmap(vcpu->run, vcpu->run_size);
	vcpu->run = NULL;
	if (vcpu->fd >= 0)
		close(vcpu->fd);
	vcpu->fd = -1;
}

int holm_vcpu_set_cpuid(const struct holm_vcpu_handle *vcpu,
			const struct holm_cpuid_entry *entries, unsigned int nent)
{
	struct holm_cpuid arg = { .nent = nent, .entries = (uintptr_t)entries };

	return call(vcpu->fd, HOLM_SET_CPUID, &arg);
}

int holm_vcpu_run(const struct holm_vcpu_handle *vcpu)
{
	return call(vcpu->fd, HOLM_RUN, NULL);
}

static int move_state(const struct holm_vcpu_handle *vcpu, unsigned long cmd, uint32_t type,
		      const void *data, uint32_t size)
{
	struct holm_state_block block = {
		.type = type,
		.size = size,
		.data = (uintptr_t)data,
	};
	struct holm_state arg = { .nblocks = 1, .blocks = (uintptr_t)&block };

	return call(vcpu->fd, cmd, &arg);
}

int holm_vcpu_get_state(const struct holm_vcpu_handle *vcpu, uint32_t type,
			void *data, uint32_t size)
{
	return move_state(vcpu, HOLM_GET_STATE, type, data, size);
}

int holm_vcpu_set_state(const struct holm_vcpu_handle *vcpu, uint32_t type,
			const void *data, uint32_t size)
{
	return move_state(vcpu, HOLM_SET_STATE, type, data, size);
}

int holm_vcpu_inject(const struct holm_vcpu_handle *vcpu, uint32_t kind, uint32_t vector)
{
	struct holm_inject arg = { .kind = kind, .vector = vector };

	return call(vcpu->fd, HOLM_INJECT, &arg);
}

int holm_vcpu_translate(const struct holm_vcpu_handle *vcpu, uint64_t gva,
			uint32_t flags, uint64_t *gpa)
{
	struct holm_translate arg = { .gva = gva, .flags = flags };
	int err = call(vcpu->fd, HOLM_TRANSLATE, &arg);

	if (err < 0)
		return err;
	*gpa = arg.gpa;
	return arg.valid ? 0 : 1;
}

int holm_vcpu_lapic_access(const struct holm_vcpu_handle *vcpu, uint32_t offset,
			   bool write, uint32_t *value)
{
	struct holm_lapic_access arg = {
		.offset = offset,
		.flags = write ? HOLM_LAPIC_WRITE : 0,
		.value = write ? *value : 0,
	};
	int err = call(vcpu->fd, HOLM_LAPIC_ACCESS, &arg);

	if (err < 0)
		return err - 1;
	if (!write)
		*value = arg.value;
	return arg.eoi_vector;
}
