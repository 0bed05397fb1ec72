// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bad arguments of every call: pointers, calls of the wrong descriptor and of
 * the wrong number. What the arguments hold is negatives_fields.c's.
 */
#define _GNU_SOURCE
#include <asm/ioctls.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "negatives.h"

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

	fill_row(row, valid, scratch);
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
	uint64_t valid[ARG_MAX / 8];
	int kind;

	fill_row(row, valid, scratch);
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
	test_fields(&r);
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
