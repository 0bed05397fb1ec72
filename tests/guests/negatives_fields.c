// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bad values in arguments that are otherwise good: sizes, flags, reserved
 * fields, numbers, addresses that overlap, one too many.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "negatives.h"

#define CAPS_SIZE_FIRST	56	/* before it grew */

static uint8_t scratch[SCRATCH_SIZE] __attribute__((aligned(4096)));

static const struct ioctl_row *find_row(unsigned long cmd)
{
	unsigned int i;

	for (i = 0; i < ioctl_count; i++)
		if (ioctl_rows[i].cmd == cmd)
			return &ioctl_rows[i];
	return NULL;
}

/* ---- fields ------------------------------------------------------------- */

/* One field of a valid argument has another value. */
struct field_row {
	unsigned long cmd;
	const char *what;
	size_t offset, size;
	uint64_t value;
	long want;
};

#define F(n, type, field, v, err)						\
	{ HOLM_##n, #field " is " #v, offsetof(struct type, field),		\
	  sizeof(((struct type *)0)->field), v, err }

static const struct field_row field_rows[] = {
	F(GET_CAPS, holm_caps, size, 0, -EINVAL),
	F(GET_CAPS, holm_caps, size, 8, -EINVAL),
	F(GET_CAPS, holm_caps, size, CAPS_SIZE_FIRST - 1, -EINVAL),
	F(GET_CAPS, holm_caps, size, CAPS_SIZE_FIRST, 0),
	F(GET_CAPS, holm_caps, size, sizeof(struct holm_caps), 0),
	F(GET_CAPS, holm_caps, size, sizeof(struct holm_caps) + 1, 0),
	F(GET_CAPS, holm_caps, size, 0xffffffff, 0),

	F(GET_SUPPORTED_CPUID, holm_cpuid, nent, 0, -E2BIG),
	F(GET_SUPPORTED_CPUID, holm_cpuid, nent, 1, -E2BIG),
	F(GET_SUPPORTED_CPUID, holm_cpuid, nent, 0xffffffff, 0),
	F(GET_SUPPORTED_CPUID, holm_cpuid, entries, 0, -EFAULT),
	F(GET_SUPPORTED_CPUID, holm_cpuid, entries, 0xffff888000001000, -EFAULT),
	F(GET_SUPPORTED_CPUID, holm_cpuid, entries, 0xffffffffffffffff, -EFAULT),

	F(CREATE_VM, holm_create_vm, size, 0, -EINVAL),
	F(CREATE_VM, holm_create_vm, size, sizeof(struct holm_create_vm) - 1, -EINVAL),
	F(CREATE_VM, holm_create_vm, size, sizeof(struct holm_create_vm) + 1, -EINVAL),
	F(CREATE_VM, holm_create_vm, size, 0xffffffff, -EINVAL),
	F(CREATE_VM, holm_create_vm, name[0], '\n', -EINVAL),
	F(CREATE_VM, holm_create_vm, name[0], 0x7f, -EINVAL),
	F(CREATE_VM, holm_create_vm, name[0], '-', -EINVAL),
	F(CREATE_VM, holm_create_vm, name[0], '.', -EINVAL),
	F(CREATE_VM, holm_create_vm, name[3], ' ', -EINVAL),
	F(CREATE_VM, holm_create_vm, name[3], '/', -EINVAL),
	F(CREATE_VM, holm_create_vm, name[3], '$', -EINVAL),
	F(CREATE_VM, holm_create_vm, name[8], 0xe4, -EINVAL),

	F(SET_SLOT, holm_slot, slot, HOLM_MAX_SLOTS, -EINVAL),
	F(SET_SLOT, holm_slot, slot, 0x7fffffff, -EINVAL),
	F(SET_SLOT, holm_slot, slot, 0xffffffff, -EINVAL),
	F(SET_SLOT, holm_slot, gpa, FILL_GPA + 1, -EINVAL),
	F(SET_SLOT, holm_slot, gpa, FILL_GPA + 0x800, -EINVAL),
	F(SET_SLOT, holm_slot, gpa, 0, -EEXIST),
	F(SET_SLOT, holm_slot, gpa, MEM_SIZE - PAGE, -EEXIST),
	F(SET_SLOT, holm_slot, gpa, 1ULL << 52, -EINVAL),
	F(SET_SLOT, holm_slot, gpa, 1ULL << 63, -EINVAL),
	F(SET_SLOT, holm_slot, gpa, -PAGE, -EINVAL),
	F(SET_SLOT, holm_slot, size, 1, -EINVAL),
	F(SET_SLOT, holm_slot, size, PAGE - 1, -EINVAL),
	F(SET_SLOT, holm_slot, size, PAGE + 1, -EINVAL),
	F(SET_SLOT, holm_slot, size, 1ULL << 43, -EINVAL),
	F(SET_SLOT, holm_slot, size, 1ULL << 63, -EINVAL),
	F(SET_SLOT, holm_slot, size, -PAGE, -EINVAL),
	F(SET_SLOT, holm_slot, size, -FILL_GPA, -EINVAL),
	F(SET_SLOT, holm_slot, size, 0, -ENOENT),
	F(SET_SLOT, holm_slot, uaddr, 0x10001, -EINVAL),
	F(SET_SLOT, holm_slot, uaddr, 0x7ffffffff000, -EINVAL),
	F(SET_SLOT, holm_slot, uaddr, 0xffff888000001000, -EINVAL),
	F(SET_SLOT, holm_slot, uaddr, 1ULL << 62, -EINVAL),
	F(SET_SLOT, holm_slot, uaddr, -PAGE, -EINVAL),

	F(GET_DIRTY_LOG, holm_dirty_log, slot, HOLM_MAX_SLOTS, -EINVAL),
	F(GET_DIRTY_LOG, holm_dirty_log, slot, 0xffffffff, -EINVAL),
	F(GET_DIRTY_LOG, holm_dirty_log, slot, FILL_SLOT + 1, -ENOENT),
	F(GET_DIRTY_LOG, holm_dirty_log, slot, 0, -ENOENT),
	F(GET_DIRTY_LOG, holm_dirty_log, first_page, 1, -EINVAL),
	F(GET_DIRTY_LOG, holm_dirty_log, first_page, 64, -EINVAL),
	F(GET_DIRTY_LOG, holm_dirty_log, first_page, -64ULL, -EINVAL),
	F(GET_DIRTY_LOG, holm_dirty_log, num_pages, 0, -EINVAL),
	F(GET_DIRTY_LOG, holm_dirty_log, num_pages, 2, -EINVAL),
	F(GET_DIRTY_LOG, holm_dirty_log, num_pages, 64, -EINVAL),
	F(GET_DIRTY_LOG, holm_dirty_log, num_pages, 1ULL << 61, -EINVAL),
	F(GET_DIRTY_LOG, holm_dirty_log, num_pages, -1ULL, -EINVAL),
	F(GET_DIRTY_LOG, holm_dirty_log, bitmap, 0, -EFAULT),
	F(GET_DIRTY_LOG, holm_dirty_log, bitmap, 0xffff888000001000, -EFAULT),

	F(CREATE_VCPU, holm_create_vcpu, apic_id, HOLM_MAX_VCPUS, -EINVAL),
	F(CREATE_VCPU, holm_create_vcpu, apic_id, 0x100, -EINVAL),
	F(CREATE_VCPU, holm_create_vcpu, apic_id, 0x7fffffff, -EINVAL),
	F(CREATE_VCPU, holm_create_vcpu, apic_id, 0xffffffff, -EINVAL),
	F(CREATE_VCPU, holm_create_vcpu, apic_id, 0, -EEXIST),

	F(SIGNAL_MSI, holm_msi, address, 0, -EINVAL),
	F(SIGNAL_MSI, holm_msi, address, 0xfed00000, -EINVAL),
	F(SIGNAL_MSI, holm_msi, address, 0xfef00000, -EINVAL),
	F(SIGNAL_MSI, holm_msi, address, 0x1fee00000, -EINVAL),
	F(SIGNAL_MSI, holm_msi, address, 0xfffffffffee00000, -EINVAL),
	F(SIGNAL_MSI, holm_msi, data, 0x240, -EINVAL),	/* SMI */
	F(SIGNAL_MSI, holm_msi, data, 0x340, -EINVAL),	/* reserved */
	F(SIGNAL_MSI, holm_msi, data, 0x640, -EINVAL),	/* start-up */
	F(SIGNAL_MSI, holm_msi, data, 0x0f, 0),		/* vectors that no LAPIC accepts */
	F(SIGNAL_MSI, holm_msi, data, 0x00, 0),
	F(SIGNAL_MSI, holm_msi, address, 0xfee7e000, 0),	/* nobody has this ID */

	F(SET_PARAM, holm_vm_param, param, 0, -EINVAL),
	F(SET_PARAM, holm_vm_param, param, 3, -EINVAL),
	F(SET_PARAM, holm_vm_param, param, 0xffffffff, -EINVAL),
	F(SET_PARAM, holm_vm_param, value, HOLM_HALT_POLL_NS_MAX, 0),
	F(SET_PARAM, holm_vm_param, value, HOLM_HALT_POLL_NS_MAX + 1, -EINVAL),
	F(SET_PARAM, holm_vm_param, value, 1ULL << 32, -EINVAL),
	F(SET_PARAM, holm_vm_param, value, -1ULL, -EINVAL),
	F(SET_PARAM, holm_vm_param, value, 0, 0),
	F(GET_PARAM, holm_vm_param, param, 0, -EINVAL),
	F(GET_PARAM, holm_vm_param, param, 2, 0),
	F(GET_PARAM, holm_vm_param, param, 3, -EINVAL),
	F(GET_PARAM, holm_vm_param, value, -1ULL, 0),

	F(SET_IOEVENTFD, holm_ioeventfd, addr, 0x10000, -EINVAL),
	F(SET_IOEVENTFD, holm_ioeventfd, addr, -1ULL, -EINVAL),
	F(SET_IOEVENTFD, holm_ioeventfd, size, 3, -EINVAL),
	F(SET_IOEVENTFD, holm_ioeventfd, size, 8, -EINVAL),
	F(SET_IOEVENTFD, holm_ioeventfd, size, 0xffffffff, -EINVAL),
	F(SET_IOEVENTFD, holm_ioeventfd, datamatch, 1, -EINVAL),
	F(SET_IOEVENTFD, holm_ioeventfd, reserved, 1, -EINVAL),
	F(SET_IOEVENTFD, holm_ioeventfd, flags, 0, 0),		/* memory */
	F(SET_IOEVENTFD, holm_ioeventfd, flags, 0, -EEXIST),
	F(SET_IOEVENTFD, holm_ioeventfd, fd, 0xffffffff, -EBADF),

	F(SET_IRQFD, holm_irqfd, address, 0, -EINVAL),
	F(SET_IRQFD, holm_irqfd, address, 0xfed00000, -EINVAL),
	F(SET_IRQFD, holm_irqfd, address, 0x1fee00000, -EINVAL),
	F(SET_IRQFD, holm_irqfd, data, 0x240, -EINVAL),
	F(SET_IRQFD, holm_irqfd, data, 0xc040, -EINVAL),	/* level */
	F(SET_IRQFD, holm_irqfd, resample_fd, 0, -EINVAL),
	F(SET_IRQFD, holm_irqfd, flags, HOLM_IRQFD_RESAMPLE, -EINVAL),
	F(SET_IRQFD, holm_irqfd, flags, HOLM_IRQFD_UPDATE, -ENOENT),
	F(SET_IRQFD, holm_irqfd, flags, HOLM_IRQFD_DEASSIGN, -ENOENT),
	F(SET_IRQFD, holm_irqfd, state, 1, -EINVAL),
	F(SET_IRQFD, holm_irqfd, eoi_vector, 0x40, -EINVAL),
	F(SET_IRQFD, holm_irqfd, fd, 0xffffffff, -EBADF),
	F(GET_IRQFD, holm_irqfd, state, 0xffffffff, -ENOENT),
	F(GET_IRQFD, holm_irqfd, fd, 0xffffffff, -EBADF),

	F(GET_STATE, holm_state, reserved, 1, -EINVAL),
	F(GET_STATE, holm_state, nblocks, HOLM_MAX_STATE_BLOCKS + 1, -EINVAL),
	F(GET_STATE, holm_state, nblocks, 0xffffffff, -EINVAL),
	F(GET_STATE, holm_state, nblocks, 0x10000000, -EINVAL),	/* times 16 is 0 */
	F(GET_STATE, holm_state, nblocks, 0, 0),
	F(GET_STATE, holm_state, done, 0xffffffff, 0),
	F(GET_STATE, holm_state, blocks, 0, -EFAULT),
	F(GET_STATE, holm_state, blocks, 0xffff888000001000, -EFAULT),
	F(GET_STATE, holm_state, blocks, 0xfffffffffffffff0, -EFAULT),
	F(SET_STATE, holm_state, reserved, 0x80000000, -EINVAL),
	F(SET_STATE, holm_state, nblocks, HOLM_MAX_STATE_BLOCKS + 1, -EINVAL),
	F(SET_STATE, holm_state, nblocks, 0xffffffff, -EINVAL),
	F(SET_STATE, holm_state, nblocks, 0x10000000, -EINVAL),
	F(SET_STATE, holm_state, nblocks, 0, 0),
	F(SET_STATE, holm_state, done, 0xffffffff, 0),
	F(SET_STATE, holm_state, blocks, 0, -EFAULT),
	F(SET_STATE, holm_state, blocks, 0xffff888000001000, -EFAULT),

	F(SET_CPUID, holm_cpuid, nent, 0, -EINVAL),
	F(SET_CPUID, holm_cpuid, nent, HOLM_MAX_CPUID_ENTRIES + 1, -E2BIG),
	F(SET_CPUID, holm_cpuid, nent, 0x08000000, -E2BIG),	/* times 32 is 0 */
	F(SET_CPUID, holm_cpuid, nent, 0xffffffff, -E2BIG),
	F(SET_CPUID, holm_cpuid, entries, 0, -EFAULT),
	F(SET_CPUID, holm_cpuid, entries, 0xffff888000001000, -EFAULT),
	F(GET_CPUID, holm_cpuid, nent, 0, -E2BIG),
	F(GET_CPUID, holm_cpuid, nent, 1, -E2BIG),
	F(GET_CPUID, holm_cpuid, nent, 0xffffffff, 0),
	F(GET_CPUID, holm_cpuid, entries, 0, -EFAULT),
	F(GET_CPUID, holm_cpuid, entries, 0xffff888000001000, -EFAULT),

	F(INJECT, holm_inject, kind, 0, -EINVAL),
	F(INJECT, holm_inject, kind, 5, -EINVAL),
	F(INJECT, holm_inject, kind, 0xffffffff, -EINVAL),
	F(INJECT, holm_inject, vector, 0x40, -EINVAL),
	F(INJECT, holm_inject, kind, HOLM_INJECT_INTERRUPT, -EINVAL),	/* vector 0 */

	F(SET_CLOCK, holm_clock, ns, 0x7fffffffffffffff, 0),
	F(SET_CLOCK, holm_clock, ns, 0x8000000000000000, -EINVAL),
	F(SET_CLOCK, holm_clock, ns, -1ULL, -EINVAL),
	F(SET_CLOCK, holm_clock, realtime_ns, 1, -EINVAL),	/* without its flag */
	F(SET_CLOCK, holm_clock, flags, HOLM_CLOCK_TSC_STABLE, -EINVAL),
	F(SET_CLOCK, holm_clock, flags, HOLM_CLOCK_STOPPED, 0),
	F(SET_CLOCK, holm_clock, flags, HOLM_CLOCK_REALTIME, 0),
	F(SET_CLOCK, holm_clock, reserved, 1, -EINVAL),

	F(REPORT, holm_report, event, 0, -EINVAL),
	F(REPORT, holm_report, event, HOLM_REPORT_SHUTDOWN, 0),
	F(REPORT, holm_report, event, HOLM_REPORT_SHUTDOWN + 1, -EINVAL),
	F(REPORT, holm_report, event, 0xffffffff, -EINVAL),

	F(TRANSLATE, holm_translate, reserved, 1, -EINVAL),
	F(TRANSLATE, holm_translate, gva, -1ULL, 0),
	F(TRANSLATE, holm_translate, valid, 0xffffffff, 0),
	F(TRANSLATE, holm_translate, gpa, -1ULL, 0),
	F(TRANSLATE, holm_translate, error_code, 0xffffffff, 0),

	F(LAPIC_ACCESS, holm_lapic_access, offset, 1, -EINVAL),
	F(LAPIC_ACCESS, holm_lapic_access, offset, 8, -EINVAL),
	F(LAPIC_ACCESS, holm_lapic_access, offset, 0x400, -EINVAL),
	F(LAPIC_ACCESS, holm_lapic_access, offset, 0xfffffff0, -EINVAL),
	F(LAPIC_ACCESS, holm_lapic_access, offset, 0x3f0, 0),	/* none there: notes it in ESR */
	F(LAPIC_ACCESS, holm_lapic_access, value, 0xffffffff, 0),
	F(LAPIC_ACCESS, holm_lapic_access, eoi_vector, 0xffffffff, 0),
};

static void test_field(struct rig *r, const struct field_row *f)
{
	const struct ioctl_row *row = find_row(f->cmd);
	uint64_t arg[ARG_MAX / 8];
	long got;

	fill_row(row, arg, scratch);
	memcpy((uint8_t *)arg + f->offset, &f->value, f->size);
	got = call(rig_fd(r, row->kind), row->cmd, arg);
	expect(got, f->want, "%s: %s: %s", row->name, f->what, error_name(f->want));
	if (row->creates && got >= 0)
		close(got);
}

/* Flags that no call has, one by one. */
static const struct {
	unsigned long cmd;
	size_t offset;
	uint32_t known;
} flag_rows[] = {
	{ HOLM_GET_CAPS, offsetof(struct holm_caps, flags), 0 },
	{ HOLM_GET_SUPPORTED_CPUID, offsetof(struct holm_cpuid, flags), 0 },
	{ HOLM_CREATE_VM, offsetof(struct holm_create_vm, flags), 0 },
	{ HOLM_SET_SLOT, offsetof(struct holm_slot, flags),
	  HOLM_SLOT_READONLY | HOLM_SLOT_LOG_DIRTY },
	{ HOLM_GET_DIRTY_LOG, offsetof(struct holm_dirty_log, flags), 0 },
	{ HOLM_CREATE_VCPU, offsetof(struct holm_create_vcpu, flags), 0 },
	{ HOLM_SIGNAL_MSI, offsetof(struct holm_msi, flags), 0 },
	{ HOLM_SET_PARAM, offsetof(struct holm_vm_param, flags), 0 },
	{ HOLM_GET_PARAM, offsetof(struct holm_vm_param, flags), 0 },
	{ HOLM_SET_CLOCK, offsetof(struct holm_clock, flags),
	  HOLM_CLOCK_STOPPED | HOLM_CLOCK_REALTIME },
	{ HOLM_REPORT, offsetof(struct holm_report, flags), 0 },
	{ HOLM_SET_IOEVENTFD, offsetof(struct holm_ioeventfd, flags),
	  HOLM_IOEVENTFD_DEASSIGN | HOLM_IOEVENTFD_PORT | HOLM_IOEVENTFD_DATAMATCH },
	{ HOLM_SET_IRQFD, offsetof(struct holm_irqfd, flags),
	  HOLM_IRQFD_DEASSIGN | HOLM_IRQFD_UPDATE | HOLM_IRQFD_RESAMPLE | HOLM_IRQFD_MASKED |
	  HOLM_IRQFD_STATE },
	{ HOLM_GET_IRQFD, offsetof(struct holm_irqfd, flags), 0 },
	{ HOLM_GET_STATE, offsetof(struct holm_state, flags), 0 },
	{ HOLM_SET_STATE, offsetof(struct holm_state, flags), 0 },
	{ HOLM_SET_CPUID, offsetof(struct holm_cpuid, flags), 0 },
	{ HOLM_GET_CPUID, offsetof(struct holm_cpuid, flags), 0 },
	{ HOLM_TRANSLATE, offsetof(struct holm_translate, flags),
	  HOLM_TRANSLATE_WRITE | HOLM_TRANSLATE_FETCH | HOLM_TRANSLATE_USER },
	{ HOLM_LAPIC_ACCESS, offsetof(struct holm_lapic_access, flags), HOLM_LAPIC_WRITE },
};

static void test_flags(struct rig *r)
{
	size_t i;
	int bit;

	for (i = 0; i < ARRAY_SIZE(flag_rows); i++) {
		const struct ioctl_row *row = find_row(flag_rows[i].cmd);
		uint32_t accepted = 0;

		for (bit = 0; bit < 32; bit++) {
			uint64_t arg[ARG_MAX / 8];
			uint32_t flag = 1U << bit;
			long got;

			if (flag & flag_rows[i].known)
				continue;
			fill_row(row, arg, scratch);
			memcpy((uint8_t *)arg + flag_rows[i].offset, &flag, sizeof(flag));
			got = call(rig_fd(r, row->kind), row->cmd, arg);
			if (got != -EINVAL)
				accepted |= flag;
			if (row->creates && got >= 0)
				close(got);
		}
		if (!result(!accepted, "%s: each unknown flag: EINVAL", row->name))
			explain("not refused: 0x%x", accepted);
	}
}

/* ---- what one field does not show --------------------------------------- */

static void test_caps_size(struct rig *r)
{
	struct {
		struct holm_caps caps;
		uint8_t more[64];
	} arg;
	bool clean = true;
	size_t i;

	memset(&arg, 0xa5, sizeof(arg));
	arg.caps.size = sizeof(arg);
	arg.caps.flags = 0;
	expect(call(r->dev, HOLM_GET_CAPS, &arg), 0, "GET_CAPS: a longer structure is accepted");
	for (i = 0; i < sizeof(arg.more); i++)
		clean &= arg.more[i] == 0xa5;
	result(clean, "GET_CAPS: nothing is written behind what the driver knows");
	expect(arg.caps.size, sizeof(struct holm_caps), "GET_CAPS: the size says how much that is");
	result(arg.caps.max_vcpus == HOLM_MAX_VCPUS && arg.caps.max_slots == HOLM_MAX_SLOTS &&
	       arg.caps.run_page_size == HOLM_RUN_PAGE_SIZE && !arg.caps.reserved,
	       "GET_CAPS: the limits are those of the interface");

	memset(&arg, 0xa5, sizeof(arg));
	arg.caps.size = CAPS_SIZE_FIRST;
	arg.caps.flags = 0;
	expect(call(r->dev, HOLM_GET_CAPS, &arg), 0, "GET_CAPS: the first version's structure");
	result(arg.caps.mitigations == 0xa5a5a5a5a5a5a5a5, "GET_CAPS: no more of it is written");
	expect(_IOC_SIZE(HOLM_GET_CAPS), CAPS_SIZE_FIRST, "GET_CAPS: and it has kept its number");
}

static void test_names(struct rig *r)
{
	struct holm_create_vm arg = { .size = sizeof(arg) };
	long fd;

	memset(arg.name, 'x', sizeof(arg.name));
	expect(call(r->dev, HOLM_CREATE_VM, &arg), -EINVAL, "CREATE_VM: a name without an end");
	arg.name[HOLM_NAME_LEN - 1] = 0;
	fd = call(r->dev, HOLM_CREATE_VM, &arg);
	result(fd >= 0, "CREATE_VM: the longest name");
	if (fd >= 0)
		close(fd);
	arg.name[0] = 0;
	fd = call(r->dev, HOLM_CREATE_VM, &arg);
	result(fd >= 0, "CREATE_VM: an empty name");
	if (fd >= 0)
		close(fd);
}

static void test_numbers(struct rig *r)
{
	expect(call(r->dev, HOLM_GET_API_VERSION, NULL), HOLM_API_VERSION,
	       "GET_API_VERSION: the version");
	expect(call(r->dev, HOLM_GET_API_VERSION, (void *)1), -EINVAL,
	       "GET_API_VERSION: an argument");
	expect(call(r->vcpu, HOLM_RUN, (void *)1), -EINVAL, "RUN: an argument");
	expect(call(r->vcpu, HOLM_RUN, r->mem), -EINVAL, "RUN: an address");
}

static void test_slots(struct rig *r)
{
	struct holm_caps caps = { .size = sizeof(caps) };
	uint64_t top;
	uint8_t *mem = r->mem;

	call(r->dev, HOLM_GET_CAPS, &caps);
	top = 1ULL << caps.phys_bits;
	expect(slot_set(r->vm, 1, 0, top, PAGE, mem), -EINVAL,
	       "SET_SLOT: above the physical-address width");
	expect(slot_set(r->vm, 1, 0, top - PAGE, 2 * PAGE, mem), -EINVAL,
	       "SET_SLOT: ends above the physical-address width");
	expect(slot_set(r->vm, 1, 0, top - PAGE, PAGE, mem), 0,
	       "SET_SLOT: the last page of guest-physical memory");
	expect(slot_set(r->vm, 1, 0, 0, 0, NULL), 0, "SET_SLOT: and its removal");
	expect(slot_set(r->vm, 1, 0, 0, 0, NULL), -ENOENT, "SET_SLOT: removed twice");
	expect(slot_set(r->vm, 1, 1U << 31, 0, 0, NULL), -EINVAL,
	       "SET_SLOT: removal with an unknown flag");

	expect(slot_set(r->vm, 1, 0, 0, MEM_SIZE, mem), -EEXIST, "SET_SLOT: where another one is");
	expect(slot_set(r->vm, 1, 0, MEM_SIZE / 2, PAGE, mem), -EEXIST,
	       "SET_SLOT: inside of another one");
	expect(slot_set(r->vm, 1, 0, MEM_SIZE, PAGE, mem), 0, "SET_SLOT: right behind another one");
	expect(slot_set(r->vm, 2, 0, MEM_SIZE - PAGE, 3 * PAGE, mem), -EEXIST,
	       "SET_SLOT: across another one");
	expect(slot_set(r->vm, 1, 0, MEM_SIZE - PAGE, PAGE, mem), -EEXIST,
	       "SET_SLOT: a move into another one");
	expect(slot_set(r->vm, 1, 0, top, PAGE, mem), -EINVAL, "SET_SLOT: a move to nowhere");
	expect(slot_set(r->vm, 1, 0, MEM_SIZE, 2 * PAGE, mem), -EINVAL,
	       "SET_SLOT: a change of the size");
	expect(slot_set(r->vm, 1, 0, MEM_SIZE, PAGE, mem + PAGE), -EINVAL,
	       "SET_SLOT: a change of the address");
	expect(slot_set(r->vm, 1, 0, 0, 0, NULL), 0, "SET_SLOT: it has stayed");

	expect(slot_set(r->vm, 1, 0, 1ULL << 32, 2 * PAGE, (void *)0x7fffffffe000), -EINVAL,
	       "SET_SLOT: ends outside of the process");
	expect(slot_set(r->vm, 1, 0, 1ULL << 32, PAGE, (void *)0x10000), 0,
	       "SET_SLOT: memory that is not mapped yet");
	expect(slot_set(r->vm, 1, 0, 0, 0, NULL), 0, "SET_SLOT: and its removal");
}

static void test_many_slots(struct rig *r)
{
	unsigned int i, n = quick ? 64 : HOLM_MAX_SLOTS, failed = 0;

	for (i = 1; i < n; i++)
		failed += slot_set(r->vm, i, 0, (1ULL << 32) + i * PAGE, PAGE, r->mem) != 0;
	result(!failed, "SET_SLOT: %u slots", n);
	expect(slot_set(r->vm, HOLM_MAX_SLOTS, 0, 1ULL << 33, PAGE, r->mem), -EINVAL,
	       "SET_SLOT: one slot too many");
	for (i = 1; i < n; i++)
		failed += slot_set(r->vm, i, 0, 0, 0, NULL) != 0;
	result(!failed, "SET_SLOT: their removal");
}

static void test_many_vcpus(void)
{
	unsigned int i, n = quick ? 40 : HOLM_MAX_VCPUS, failed = 0, twice = 0;
	long fds[HOLM_MAX_VCPUS], vm;
	int dev = open("/dev/holm", O_RDWR | O_CLOEXEC);

	vm = vm_create(dev);
	for (i = 0; i < n; i++) {
		fds[i] = vcpu_create(vm, i);
		failed += fds[i] < 0;
	}
	for (i = 0; i < n; i++)
		twice += vcpu_create(vm, i) != -EEXIST;
	result(vm >= 0 && !failed, "CREATE_VCPU: %u vCPUs", n);
	result(!twice, "CREATE_VCPU: each once more: EEXIST");
	expect(vcpu_create(vm, HOLM_MAX_VCPUS), -EINVAL, "CREATE_VCPU: one vCPU too many");
	for (i = 0; i < n; i++)
		close(fds[i]);
	expect(vcpu_create(vm, 0), -EEXIST, "CREATE_VCPU: an ID stays taken when its vCPU is closed");
	close(vm);
	close(dev);
}

void test_fields(struct rig *r)
{
	size_t i;

	/* The slot of which fill_dirty_log() wants the log. */
	for (i = 0; i < ARRAY_SIZE(field_rows); i++) {
		bool log = field_rows[i].cmd == HOLM_GET_DIRTY_LOG;

		if (log)
			slot_set(r->vm, FILL_SLOT, HOLM_SLOT_LOG_DIRTY, FILL_GPA, PAGE, scratch);
		test_field(r, &field_rows[i]);
		if (log)
			slot_set(r->vm, FILL_SLOT, 0, 0, 0, NULL);
	}
	test_flags(r);
	test_caps_size(r);
	test_names(r);
	test_numbers(r);
	test_slots(r);
	test_many_slots(r);
	test_many_vcpus();
}
