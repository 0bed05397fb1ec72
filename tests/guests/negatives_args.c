// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bad arguments of every call: pointers, sizes, flags, reserved fields,
 * numbers, and calls of the wrong descriptor.
 */
#define _GNU_SOURCE
#include <asm/ioctls.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
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

#define FILL_SLOT	7
#define FILL_GPA	0x100000000ULL

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

static void fill_msi(void *arg, void *scratch)
{
	struct holm_msi *msi = arg;

	(void)scratch;
	msi->address = 0xfee00000;
	msi->data = 0x40;
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

static const struct ioctl_row *find_row(unsigned long cmd)
{
	unsigned int i;

	for (i = 0; i < ioctl_count; i++)
		if (ioctl_rows[i].cmd == cmd)
			return &ioctl_rows[i];
	return NULL;
}

/* ---- pointers ----------------------------------------------------------- */

static uint8_t scratch[SCRATCH_SIZE] __attribute__((aligned(4096)));
static uint8_t *page;		/* one page, and behind it nothing */
static uint8_t *read_only;

static int map_pages(void)
{
	page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	read_only = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED || read_only == MAP_FAILED)
		return -1;
	return munmap(page + PAGE, PAGE);
}

static void fill(const struct ioctl_row *row, void *arg)
{
	memset(arg, 0, row->size);
	row->fill(arg, scratch);
}

/* Addresses that are not the caller's memory. */
static const struct {
	const char *name;
	uint64_t address;
} bad_addresses[] = {
	{ "NULL", 0 },
	{ "a page that is not mapped", 0x10000 },
	{ "an address of the kernel", 0xffff888000001000 },
	{ "the kernel's code", 0xffffffff81000000 },
	{ "an address that is not canonical", 0x4000000000000000 },
	{ "the last byte", 0xffffffffffffffff },
	{ "the end of user addresses", 0x7ffffffff000 - 4 },
};

static void test_pointers(struct rig *r, const struct ioctl_row *row)
{
	int fd = rig_fd(r, row->kind);
	uint8_t *edge = page + PAGE - row->size / 2;
	uint64_t valid[ARG_MAX / 8];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad_addresses); i++)
		expect(call(fd, row->cmd, (void *)(uintptr_t)bad_addresses[i].address), -EFAULT,
		       "%s: argument at %s", row->name, bad_addresses[i].name);

	fill(row, valid);
	memcpy(edge, valid, row->size / 2);
	expect(call(fd, row->cmd, edge), -EFAULT, "%s: argument goes on where nothing is mapped",
	       row->name);

	if (!row->out)
		return;
	mprotect(read_only, PAGE, PROT_READ | PROT_WRITE);
	memcpy(read_only, valid, row->size);
	mprotect(read_only, PAGE, PROT_READ);
	expect(call(fd, row->cmd, read_only), -EFAULT, "%s: argument cannot be written to",
	       row->name);
}

/* ---- the wrong descriptor, the wrong number ----------------------------- */

static void test_wrong_fd(struct rig *r, const struct ioctl_row *row)
{
	uint64_t valid[ARG_MAX / 8] = {};
	int kind;

	if (row->fill)
		fill(row, valid);
	for (kind = 0; kind < FD_KINDS; kind++) {
		if (kind == (int)row->kind)
			continue;
		expect(call(rig_fd(r, kind), row->cmd, row->size ? valid : NULL), -ENOTTY,
		       "%s: on a descriptor of %s", row->name, fd_names[kind]);
	}
}

static void test_wrong_number(struct rig *r, int kind)
{
	int fd = rig_fd(r, kind);
	uint64_t arg[ARG_MAX / 8] = {};
	unsigned int nr, i, other = 0;

	for (nr = 0; nr < 256; nr++) {
		bool used = false;

		for (i = 0; i < ioctl_count; i++)
			used |= ioctl_rows[i].cmd == _IO(HOLM_IOC_MAGIC, nr);
		if (!used && call(fd, _IO(HOLM_IOC_MAGIC, nr), arg) != -ENOTTY)
			other++;
		if (call(fd, _IOWR(HOLM_IOC_MAGIC, nr, char[100]), arg) != -ENOTTY)
			other++;
	}
	result(!other, "%s: numbers that are no call: ENOTTY", fd_names[kind]);

	other = 0;
	for (i = 0; i < ioctl_count; i++) {
		unsigned long cmd = ioctl_rows[i].cmd;

		/* Other magic, other direction, other size, more than 32 bits are cut off. */
		if (call(fd, cmd ^ 1 << _IOC_TYPESHIFT, arg) != -ENOTTY)
			other++;
		if (call(fd, cmd ^ _IOC_READ << _IOC_DIRSHIFT, arg) != -ENOTTY)
			other++;
		if (call(fd, cmd + (8 << _IOC_SIZESHIFT), arg) != -ENOTTY)
			other++;
	}
	result(!other, "%s: calls with another magic, direction or size: ENOTTY", fd_names[kind]);
	expect(call(fd, TCGETS, arg), -ENOTTY, "%s: a call of terminals", fd_names[kind]);
	expect(call(fd, 0, arg), -ENOTTY, "%s: call 0", fd_names[kind]);
	expect(call(fd, 0xffffffff, arg), -ENOTTY, "%s: call 0xffffffff", fd_names[kind]);
}

/* What is no call at all. */
static void test_other_calls(struct rig *r, int kind)
{
	int fd = rig_fd(r, kind);
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	const char *name = fd_names[kind];
	char byte = 0;

	expect(read(fd, &byte, 1) < 0 ? -errno : 0, -EINVAL, "%s: read()", name);
	expect(write(fd, &byte, 1) < 0 ? -errno : 0, -EINVAL, "%s: write()", name);
	expect(lseek(fd, 100, SEEK_SET) < 0 ? -errno : 0, 0, "%s: lseek() does nothing", name);
	expect(poll(&poll_fd, 1, 0), 1, "%s: poll() does not wait", name);
	if (kind == FD_VCPU)
		return;
	expect(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED ? -errno : 0, -ENODEV,
	       "%s: mmap()", name);
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
	F(GET_CAPS, holm_caps, size, sizeof(struct holm_caps) - 1, -EINVAL),
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

	fill(row, arg);
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
			fill(row, arg);
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

/* ---- the dirty log ------------------------------------------------------ */

#define LOG_PAGES	100	/* of slot 1: more than a word, and not whole words */

static void log_get(struct rig *r, uint64_t first, uint64_t n, void *bitmap, long want,
		    const char *what)
{
	struct holm_dirty_log arg = {
		.slot = 1,
		.first_page = first,
		.num_pages = n,
		.bitmap = (uintptr_t)bitmap,
	};

	expect(call(r->vm, HOLM_GET_DIRTY_LOG, &arg), want, "GET_DIRTY_LOG: %s", what);
}

/* guest_walk writes to all pages of slot 1. */
static int log_fill(struct rig *r)
{
	uint8_t *mem = r->mem + WALK_ADDR;
	long ret;
	int i;

	if (slot_set(r->vm, 0, 0, 0, 0, NULL) ||
	    slot_set(r->vm, 0, 0, 0, WALK_ADDR, r->mem) ||
	    slot_set(r->vm, 1, HOLM_SLOT_LOG_DIRTY, WALK_ADDR, LOG_PAGES * PAGE, mem) ||
	    start(r, guest_walk))
		return -1;
	/* The first write behind slot 1 is MMIO: by then all of it was written. */
	for (i = 0; i < 100; i++) {
		ret = call(r->vcpu, HOLM_RUN, NULL);
		if (!ret)
			return r->run->exit_reason == HOLM_EXIT_MMIO ? 0 : -1;
		if (ret != -EINTR)
			break;
	}
	return -1;
}

static void test_dirty_log(void)
{
	uint64_t log[2] = {}, all = -1ULL, rest = (1ULL << (LOG_PAGES - 64)) - 1;
	struct rig r;

	if (!result(!rig_open(&r), "GET_DIRTY_LOG: a VM"))
		return;
	if (!result(!log_fill(&r), "GET_DIRTY_LOG: a guest writes to each page"))
		goto out;
	memset(page, 0, PAGE);
	log_get(&r, 0, LOG_PAGES, page + PAGE - 8, -EFAULT, "the second word is not mapped");
	mprotect(read_only, PAGE, PROT_READ);
	log_get(&r, 0, LOG_PAGES, read_only, -EFAULT, "the bitmap cannot be written to");
	log_get(&r, 0, LOG_PAGES + 1, log, -EINVAL, "a page behind the slot");
	log_get(&r, 0, 65, log, -EINVAL, "a part of a word before the slot's end");
	log_get(&r, 64, LOG_PAGES, log, -EINVAL, "from the middle to behind the end");
	log_get(&r, 128, 1, log, -EINVAL, "begins behind the end");
	log_get(&r, 64, 0, log, -EINVAL, "no page");
	log_get(&r, 1ULL << 63, 1ULL << 63, log, -EINVAL, "a sum that wraps");

	log_get(&r, 0, 64, &log[0], 0, "the first word");
	log_get(&r, 64, LOG_PAGES - 64, &log[1], 0, "the last word");
	if (!result(log[0] == all && log[1] == rest, "GET_DIRTY_LOG: what failed has lost no bit"))
		explain("0x%llx 0x%llx", (unsigned long long)log[0], (unsigned long long)log[1]);
	log_get(&r, 0, LOG_PAGES, log, 0, "all of it");
	result(!log[0] && !log[1], "GET_DIRTY_LOG: what was reported is cleared");
out:
	rig_close(&r);
}

/* ---- lists of blocks ---------------------------------------------------- */

static void test_block_pointers(struct rig *r)
{
	struct holm_regs regs;
	struct holm_state_block blocks[3] = {
		{ HOLM_STATE_REGS, sizeof(regs), (uintptr_t)&regs },
		{ HOLM_STATE_REGS, sizeof(regs), (uintptr_t)&regs },
		{ HOLM_STATE_REGS, sizeof(regs), 0 },
	};
	struct holm_state arg = { .nblocks = 3, .blocks = (uintptr_t)blocks };
	struct holm_state_block *last;

	state_get(r->vcpu, HOLM_STATE_REGS, &regs, sizeof(regs));
	arg.done = 77;
	expect(call(r->vcpu, HOLM_GET_STATE, &arg), -EFAULT, "GET_STATE: data of a block at NULL");
	expect(arg.done, 2, "GET_STATE: done is the block at fault");
	arg.done = 77;
	expect(call(r->vcpu, HOLM_SET_STATE, &arg), -EFAULT, "SET_STATE: data of a block at NULL");
	expect(arg.done, 2, "SET_STATE: done is the block at fault");

	blocks[1].data = 0xffff888000001000;
	arg.done = 77;
	expect(call(r->vcpu, HOLM_SET_STATE, &arg), -EFAULT,
	       "SET_STATE: data of a block in the kernel");
	expect(arg.done, 1, "SET_STATE: done is that block");
	expect(call(r->vcpu, HOLM_GET_STATE, &arg), -EFAULT,
	       "GET_STATE: data of a block in the kernel");

	/* The second block is where nothing is mapped. */
	last = (struct holm_state_block *)(page + PAGE) - 1;
	*last = blocks[0];
	arg.blocks = (uintptr_t)last;
	arg.done = 77;
	expect(call(r->vcpu, HOLM_GET_STATE, &arg), -EFAULT, "GET_STATE: the list has a bad end");
	expect(arg.done, 1, "GET_STATE: done is the first that cannot be read");
	expect(call(r->vcpu, HOLM_SET_STATE, &arg), -EFAULT, "SET_STATE: the list has a bad end");

	/* The list cannot be written to, or the data. */
	mprotect(read_only, PAGE, PROT_READ | PROT_WRITE);
	memcpy(read_only, blocks, sizeof(blocks[0]));
	mprotect(read_only, PAGE, PROT_READ);
	arg.blocks = (uintptr_t)read_only;
	arg.nblocks = 1;
	expect(call(r->vcpu, HOLM_GET_STATE, &arg), -EFAULT, "GET_STATE: the list is read-only");
	expect(call(r->vcpu, HOLM_SET_STATE, &arg), 0, "SET_STATE: the list may be read-only");
	expect(state_get(r->vcpu, HOLM_STATE_REGS, read_only, sizeof(regs)), -EFAULT,
	       "GET_STATE: the data is read-only");
	expect(state_get(r->vcpu, HOLM_STATE_REGS, page + PAGE - 8, sizeof(regs)), -EFAULT,
	       "GET_STATE: the data goes on where nothing is mapped");
	expect(state_set(r->vcpu, HOLM_STATE_REGS, page + PAGE - 8, sizeof(regs)), -EFAULT,
	       "SET_STATE: the data goes on where nothing is mapped");
}

void test_args(void)
{
	static struct snapshot before;
	struct rig r;
	unsigned int i;

	if (!result(!rig_open(&r) && !map_pages(), "args: a VM"))
		return;
	result(!start_state(&r, guest_sane) && !snapshot_take(r.vcpu, &before),
	       "args: the vCPU's state");
	for (i = 0; i < ioctl_count; i++) {
		if (ioctl_rows[i].size)
			test_pointers(&r, &ioctl_rows[i]);
		test_wrong_fd(&r, &ioctl_rows[i]);
	}
	for (i = 0; i < FD_KINDS; i++) {
		test_wrong_number(&r, i);
		test_other_calls(&r, i);
	}
	/* The slot of which fill_dirty_log() wants the log. */
	for (i = 0; i < ARRAY_SIZE(field_rows); i++) {
		bool log = field_rows[i].cmd == HOLM_GET_DIRTY_LOG;

		if (log)
			slot_set(r.vm, FILL_SLOT, HOLM_SLOT_LOG_DIRTY, FILL_GPA, PAGE, scratch);
		test_field(&r, &field_rows[i]);
		if (log)
			slot_set(r.vm, FILL_SLOT, 0, 0, 0, NULL);
	}
	test_flags(&r);
	test_caps_size(&r);
	test_names(&r);
	test_numbers(&r);
	test_slots(&r);
	test_many_slots(&r);
	test_many_vcpus();
	test_block_pointers(&r);
	/* Some calls above were legal and have set these. */
	result(!state_set(r.vcpu, HOLM_STATE_REGS, &before.regs, sizeof(before.regs)) &&
	       !state_set(r.vcpu, HOLM_STATE_LAPIC, &before.lapic, sizeof(before.lapic)),
	       "args: what legal calls changed is set back");
	result(snapshot_same(r.vcpu, &before), "args: the vCPU's state has not changed otherwise");
	result(!run_sane(&r), "args: the VM still runs its guest");
	rig_close(&r);
	test_dirty_log();
}
