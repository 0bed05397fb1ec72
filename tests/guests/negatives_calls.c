// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * All calls, each with an argument that it takes.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "negatives.h"

const char *const fd_names[FD_KINDS] = { "/dev/holm", "VM", "vCPU" };

/* ---- the calls ---------------------------------------------------------- */

static void fill_caps(void *arg, void *scratch)
{
	struct holm_caps *caps = arg;

	(void)scratch;
	caps->size = sizeof(*caps);
}

static void fill_cpuid_get(void *arg, void *scratch)
{
	struct holm_cpuid *cpuid = arg;

	cpuid->nent = HOLM_MAX_CPUID_ENTRIES;
	cpuid->entries = (uintptr_t)scratch;
}

static void fill_cpuid_set(void *arg, void *scratch)
{
	int dev = open("/dev/holm", O_RDWR | O_CLOEXEC);

	fill_cpuid_get(arg, scratch);
	call(dev, HOLM_GET_SUPPORTED_CPUID, arg);
	close(dev);
}

static void fill_create_vm(void *arg, void *scratch)
{
	struct holm_create_vm *create = arg;

	(void)scratch;
	create->size = sizeof(*create);
	strcpy(create->name, "negatives");
}

static void fill_slot(void *arg, void *scratch)
{
	struct holm_slot *slot = arg;

	slot->slot = FILL_SLOT;
	slot->flags = HOLM_SLOT_LOG_DIRTY;
	slot->gpa = FILL_GPA;
	slot->size = PAGE;
	slot->uaddr = ((uintptr_t)scratch + PAGE - 1) & -PAGE;
}

/* Of the slot that fill_slot() makes. */
static void fill_dirty_log(void *arg, void *scratch)
{
	struct holm_dirty_log *log = arg;

	log->slot = FILL_SLOT;
	log->num_pages = 1;
	log->bitmap = (uintptr_t)scratch;
}

static void fill_create_vcpu(void *arg, void *scratch)
{
	struct holm_create_vcpu *create = arg;

	(void)scratch;
	create->apic_id = 9;
}

static void fill_report(void *arg, void *scratch)
{
	struct holm_report *report = arg;

	(void)scratch;
	report->event = HOLM_REPORT_RESET;
}

static void fill_msi(void *arg, void *scratch)
{
	struct holm_msi *msi = arg;

	(void)scratch;
	msi->address = 0xfee00000;
	msi->data = 0x40;
}

/* One for the process: a call may be repeated. */
static int fill_fd(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return fd;
}

static void fill_ioeventfd(void *arg, void *scratch)
{
	struct holm_ioeventfd *io = arg;

	(void)scratch;
	io->addr = 0x60;
	io->size = 1;
	io->flags = HOLM_IOEVENTFD_PORT;
	io->fd = fill_fd();
}

static void fill_irqfd(void *arg, void *scratch)
{
	struct holm_irqfd *irq = arg;

	(void)scratch;
	irq->fd = fill_fd();
	irq->resample_fd = -1;
	irq->address = 0xfee00000;
	irq->data = 0x40;
}

/* Of the irqfd that fill_irqfd() assigns. */
static void fill_irqfd_get(void *arg, void *scratch)
{
	struct holm_irqfd *irq = arg;

	(void)scratch;
	irq->fd = fill_fd();
}

static void fill_param(void *arg, void *scratch)
{
	struct holm_vm_param *param = arg;

	(void)scratch;
	param->param = HOLM_PARAM_HALT_POLL_NS;
	param->value = 1000;
}

static void fill_clock(void *arg, void *scratch)
{
	struct holm_clock *clock = arg;

	(void)scratch;
	clock->ns = 1000000000;
}

static void fill_state(void *arg, void *scratch)
{
	struct holm_state *state = arg;
	struct holm_state_block *block = scratch;
	struct holm_regs *regs = (struct holm_regs *)(block + 1);

	*regs = (struct holm_regs) { .rip = CODE_ADDR, .rflags = 2 };
	*block = (struct holm_state_block) {
		.type = HOLM_STATE_REGS,
		.size = sizeof(*regs),
		.data = (uintptr_t)regs,
	};
	state->nblocks = 1;
	state->blocks = (uintptr_t)block;
}

static void fill_inject(void *arg, void *scratch)
{
	struct holm_inject *inject = arg;

	(void)scratch;
	inject->kind = HOLM_INJECT_EXTINT_LOWER;
}

static void fill_translate(void *arg, void *scratch)
{
	struct holm_translate *translate = arg;

	(void)scratch;
	translate->gva = CODE_ADDR;
}

static void fill_lapic_access(void *arg, void *scratch)
{
	struct holm_lapic_access *access = arg;

	(void)scratch;
	access->offset = 0x30;		/* version */
}

#define NUMBER(n, k)		{ .name = #n, .kind = k, .cmd = HOLM_##n }
#define CALL(n, k, type, o, c, f)						\
	{ .name = #n, .kind = k, .cmd = HOLM_##n, .size = sizeof(struct type),	\
	  .out = o, .creates = c, .fill = f }

const struct ioctl_row ioctl_rows[] = {
	NUMBER(GET_API_VERSION, FD_DEV),
	CALL(GET_CAPS, FD_DEV, holm_caps, true, false, fill_caps),
	CALL(GET_SUPPORTED_CPUID, FD_DEV, holm_cpuid, true, false, fill_cpuid_get),
	CALL(CREATE_VM, FD_DEV, holm_create_vm, false, true, fill_create_vm),
	CALL(SET_SLOT, FD_VM, holm_slot, false, false, fill_slot),
	CALL(GET_DIRTY_LOG, FD_VM, holm_dirty_log, false, false, fill_dirty_log),
	CALL(CREATE_VCPU, FD_VM, holm_create_vcpu, false, true, fill_create_vcpu),
	CALL(SIGNAL_MSI, FD_VM, holm_msi, false, false, fill_msi),
	CALL(SET_PARAM, FD_VM, holm_vm_param, false, false, fill_param),
	CALL(GET_PARAM, FD_VM, holm_vm_param, true, false, fill_param),
	CALL(GET_CLOCK, FD_VM, holm_clock, true, false, NULL),
	CALL(SET_CLOCK, FD_VM, holm_clock, false, false, fill_clock),
	CALL(REPORT, FD_VM, holm_report, false, false, fill_report),
	CALL(SET_IOEVENTFD, FD_VM, holm_ioeventfd, false, false, fill_ioeventfd),
	CALL(SET_IRQFD, FD_VM, holm_irqfd, false, false, fill_irqfd),
	CALL(GET_IRQFD, FD_VM, holm_irqfd, false, false, fill_irqfd_get),
	NUMBER(RUN, FD_VCPU),
	CALL(GET_STATE, FD_VCPU, holm_state, true, false, fill_state),
	CALL(SET_STATE, FD_VCPU, holm_state, true, false, fill_state),
	CALL(SET_CPUID, FD_VCPU, holm_cpuid, false, false, fill_cpuid_set),
	CALL(GET_CPUID, FD_VCPU, holm_cpuid, true, false, fill_cpuid_get),
	CALL(INJECT, FD_VCPU, holm_inject, false, false, fill_inject),
	CALL(TRANSLATE, FD_VCPU, holm_translate, true, false, fill_translate),
	CALL(LAPIC_ACCESS, FD_VCPU, holm_lapic_access, true, false, fill_lapic_access),
};

const unsigned int ioctl_count = ARRAY_SIZE(ioctl_rows);
