// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every allocation of every call fails once: the call gives ENOMEM, or did
 * without; then it succeeds, and the VM works. By fault injection, see
 * Documentation/fault-injection/fault-injection.rst of the kernel ("fail-nth").
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "negatives.h"

/* More allocations than any call makes. */
#define NTH_MAX		500

/* ---- the kernel's switches ---------------------------------------------- */

/* Allocations that may sleep fail too, and nobody tells the console. */
static const struct {
	const char *file, *value;
} switches[] = {
	{ "failslab/ignore-gfp-wait", "N" },
	{ "failslab/verbose", "0" },
	{ "fail_page_alloc/ignore-gfp-wait", "N" },
	{ "fail_page_alloc/ignore-gfp-highmem", "N" },
	{ "fail_page_alloc/min-order", "0" },
	{ "fail_page_alloc/verbose", "0" },
};

static char old[ARRAY_SIZE(switches)][16];

static int switch_open(size_t i, int flags)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s", switches[i].file);
	return open(path, flags);
}

static int switch_write(size_t i, const char *value)
{
	int fd = switch_open(i, O_WRONLY);
	ssize_t n = fd < 0 ? -1 : write(fd, value, strlen(value));

	if (fd >= 0)
		close(fd);
	return n < 0 ? -1 : 0;
}

static int switches_set(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(switches); i++) {
		int fd = switch_open(i, O_RDONLY);
		ssize_t n = fd < 0 ? -1 : read(fd, old[i], sizeof(old[i]) - 1);

		if (fd >= 0)
			close(fd);
		if (n < 0 || switch_write(i, switches[i].value))
			return -1;
	}
	return 0;
}

static void switches_restore(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(switches); i++)
		switch_write(i, old[i]);
}

static int fail_fd;

static void fail_arm(unsigned int nth)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", nth);

	if (pwrite(fail_fd, text, n, 0) != n)
		explain("fail-nth cannot be written to");
}

/* Disarm; true when an allocation has failed. */
static bool fail_hit(void)
{
	char text[16] = "";

	if (pread(fail_fd, text, sizeof(text) - 1, 0) <= 0)
		return false;
	fail_arm(0);
	return atoi(text) == 0;
}

/* ---- the calls ---------------------------------------------------------- */

struct op {
	const char *name;
	/* Whatever the call needs, undone by @after. */
	int (*before)(struct rig *r);
	long (*call)(struct rig *r);
	void (*after)(struct rig *r);
};

static long created = -1;

static long do_create_vm(struct rig *r)
{
	created = vm_create(r->dev);
	return created;
}

static uint32_t next_id = 1;

static long do_create_vcpu(struct rig *r)
{
	created = vcpu_create(r->vm, next_id);
	return created;
}

static void after_create(struct rig *r)
{
	(void)r;
	if (created >= 0) {
		close(created);
		next_id++;
	}
	created = -1;
}

#define SLOT_GPA	(1ULL << 32)

static long do_slot(struct rig *r)
{
	return slot_set(r->vm, 1, 0, SLOT_GPA, MEM_SIZE, r->mem);
}

static long do_slot_log(struct rig *r)
{
	return slot_set(r->vm, 1, HOLM_SLOT_LOG_DIRTY, SLOT_GPA, MEM_SIZE, r->mem);
}

static void after_slot(struct rig *r)
{
	slot_set(r->vm, 1, 0, 0, 0, NULL);
}

static int before_slot(struct rig *r)
{
	return do_slot(r);
}

static int before_slot_log(struct rig *r)
{
	return do_slot_log(r);
}

static long do_slot_move(struct rig *r)
{
	return slot_set(r->vm, 1, HOLM_SLOT_LOG_DIRTY, 2 * SLOT_GPA, MEM_SIZE, r->mem);
}

static long do_slot_remove(struct rig *r)
{
	return slot_set(r->vm, 1, 0, 0, 0, NULL);
}

static long do_dirty_log(struct rig *r)
{
	uint64_t bitmap[MEM_SIZE / PAGE / 64];
	struct holm_dirty_log log = {
		.slot = 1,
		.num_pages = MEM_SIZE / PAGE,
		.bitmap = (uintptr_t)bitmap,
	};

	return call(r->vm, HOLM_GET_DIRTY_LOG, &log);
}

static struct holm_cpuid_entry entries[HOLM_MAX_CPUID_ENTRIES];

static long do_supported_cpuid(struct rig *r)
{
	struct holm_cpuid arg = {
		.nent = HOLM_MAX_CPUID_ENTRIES,
		.entries = (uintptr_t)entries,
	};

	return call(r->dev, HOLM_GET_SUPPORTED_CPUID, &arg);
}

static long do_set_cpuid(struct rig *r)
{
	struct holm_cpuid arg = {
		.nent = HOLM_MAX_CPUID_ENTRIES,
		.entries = (uintptr_t)entries,
	};
	long err = call(r->dev, HOLM_GET_SUPPORTED_CPUID, &arg);

	return err ? err : call(r->vcpu, HOLM_SET_CPUID, &arg);
}

static struct snapshot state;

static long do_get_state(struct rig *r)
{
	return snapshot_take(r->vcpu, &state);
}

static int before_set_state(struct rig *r)
{
	return do_get_state(r);
}

static long do_set_state(struct rig *r)
{
	struct holm_state_block blocks[] = {
		{ HOLM_STATE_REGS, sizeof(state.regs), (uintptr_t)&state.regs },
		{ HOLM_STATE_SREGS, sizeof(state.sregs), (uintptr_t)&state.sregs },
		{ HOLM_STATE_MSRS, sizeof(state.msrs), (uintptr_t)state.msrs },
		{ HOLM_STATE_XSTATE, state.xstate_size, (uintptr_t)state.xstate },
		{ HOLM_STATE_LAPIC, sizeof(state.lapic), (uintptr_t)&state.lapic },
	};
	struct holm_state arg = { .nblocks = ARRAY_SIZE(blocks), .blocks = (uintptr_t)blocks };

	return call(r->vcpu, HOLM_SET_STATE, &arg);
}

/* A guest for which there are no page tables yet. */
static int before_run(struct rig *r)
{
	rig_close(r);
	return rig_open(r) || start(r, guest_sane);
}

/* Until the first port access; a failed page is an exit that can be run again. */
static long do_run(struct rig *r)
{
	long ret = call(r->vcpu, HOLM_RUN, NULL);

	if (ret || r->run->exit_reason == HOLM_EXIT_IO)
		return ret;
	if (r->run->exit_reason != HOLM_EXIT_MEMORY_FAULT)
		return -EPROTO;
	return -r->run->memory_fault.error;
}

static long do_map(struct rig *r)
{
	struct holm_run *p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, r->vcpu, 0);

	if (p == MAP_FAILED)
		return -errno;
	munmap(p, PAGE);
	return 0;
}

static const struct op ops[] = {
	{ "CREATE_VM", NULL, do_create_vm, after_create },
	{ "CREATE_VCPU", NULL, do_create_vcpu, after_create },
	{ "SET_SLOT", NULL, do_slot, after_slot },
	{ "SET_SLOT that logs", NULL, do_slot_log, after_slot },
	{ "SET_SLOT: logging on", before_slot, do_slot_log, after_slot },
	{ "SET_SLOT: logging off", before_slot_log, do_slot, after_slot },
	{ "SET_SLOT: move", before_slot_log, do_slot_move, after_slot },
	{ "SET_SLOT: removal", before_slot_log, do_slot_remove, NULL },
	{ "GET_DIRTY_LOG", before_slot_log, do_dirty_log, after_slot },
	{ "GET_SUPPORTED_CPUID", NULL, do_supported_cpuid, NULL },
	{ "SET_CPUID", NULL, do_set_cpuid, NULL },
	{ "GET_STATE", NULL, do_get_state, NULL },
	{ "SET_STATE", before_set_state, do_set_state, NULL },
	{ "mmap()", NULL, do_map, NULL },
	{ "RUN", before_run, do_run, NULL },
};

/* ---- the loop ----------------------------------------------------------- */

/* Allocation @nth of @op fails: true when there is one. */
static bool fail_one(struct rig *r, const struct op *op, unsigned int nth, unsigned int *failed,
		     unsigned int *wrong)
{
	bool hit;
	long ret;

	if (op->before && op->before(r)) {
		explain("%u: what comes before does not succeed", nth);
		++*wrong;
		return false;
	}
	fail_arm(nth);
	ret = op->call(r);
	hit = fail_hit() || ret == -ENOMEM;
	if (ret == -ENOMEM) {
		++*failed;
		/* Once more, with memory. */
		ret = op->call(r);
	}
	if (ret < 0) {
		explain("%u: %s", nth, error_name(ret));
		++*wrong;
	}
	if (op->after)
		op->after(r);
	return hit;
}

static void test_op(const struct op *op)
{
	unsigned int nth, failed = 0, wrong = 0;
	struct rig r;

	if (rig_open(&r)) {
		result(false, "no memory: %s: a machine", op->name);
		return;
	}
	for (nth = 1; nth < NTH_MAX && !wrong; nth++)
		if (!fail_one(&r, op, nth, &failed, &wrong))
			break;
	result(!wrong && nth < NTH_MAX, "no memory: %s: ENOMEM, and then it succeeds", op->name);
	explain("%u allocations, of which %u are needed", nth - 1, failed);
	result(!start(&r, guest_sane) && !run_sane(&r), "no memory: %s: the VM runs a guest",
	       op->name);
	rig_close(&r);
}

void test_nomem(void)
{
	size_t i;

	fail_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (fail_fd < 0) {
		skip("the kernel has no fault injection", "no memory: all calls");
		return;
	}
	if (!result(!switches_set(), "no memory: fault injection is set up"))
		goto out;
	for (i = 0; i < ARRAY_SIZE(ops); i++)
		test_op(&ops[i]);
	switches_restore();
out:
	close(fail_fd);
}
