// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls at the wrong time: before a vCPU is configured, after it shut down,
 * after descriptors were closed; mappings of the run page; other processes;
 * limits of the process.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "negatives.h"

/* ---- not configured, shut down ------------------------------------------ */

static void test_not_configured(void)
{
	struct holm_msr efer = { .index = 0xc0000080, .value = 0x100 };
	struct holm_translate translate = { .gva = CODE_ADDR };
	struct holm_cpuid cpuid = {};
	struct holm_sregs sregs;
	struct rig r;
	int vcpu;

	if (!result(!rig_open(&r), "life: a VM"))
		return;
	vcpu = vcpu_create(r.vm, 1);
	expect(call(vcpu, HOLM_RUN, NULL), -EINVAL, "RUN: without a CPUID table");
	expect(call(vcpu, HOLM_GET_CPUID, &cpuid), 0, "GET_CPUID: nothing yet");
	expect(cpuid.nent, 0, "GET_CPUID: says so");
	expect(call(vcpu, HOLM_TRANSLATE, &translate), 0, "TRANSLATE: without a CPUID table");
	result(translate.valid && translate.gpa == CODE_ADDR, "TRANSLATE: real mode");
	expect(state_set(vcpu, HOLM_STATE_MSRS, &efer, sizeof(efer)), -EINVAL,
	       "SET_STATE: EFER.LME that no CPUID table shows");
	long_mode_sregs(&r, &sregs);
	expect(state_set(vcpu, HOLM_STATE_SREGS, &sregs, sizeof(sregs)), -EINVAL,
	       "SET_STATE: long mode that no CPUID table shows");
	close(vcpu);
	rig_close(&r);
}

/* A guest with an IDT of no entry, and an exception for it. */
static long triple_fault(struct rig *r)
{
	start(r, guest_sane);
	r->run->sregs.idt.limit = 0;
	r->run->exception = (struct holm_event) { .type = HOLM_EVENT_EXCEPTION, .vector = 6 };
	r->run->in_flags |= HOLM_RUN_EXCEPTION;
	return call(r->vcpu, HOLM_RUN, NULL);
}

static void test_shut_down(void)
{
	struct holm_events events = {
		.exception.type = HOLM_EVENT_NONE,
		.interrupted.type = HOLM_EVENT_NONE,
		.flags = HOLM_EVENTS_SHUTDOWN,
	};
	struct holm_inject nmi = { .kind = HOLM_INJECT_NMI };
	struct holm_events now;
	struct holm_regs regs;
	struct rig r;

	if (!result(!rig_open(&r), "life: a vCPU to shut down"))
		return;
	expect(triple_fault(&r), 0, "RUN: a triple fault");
	expect(r.run->exit_reason, HOLM_EXIT_SHUTDOWN, "RUN: is a shutdown");
	expect(call(r.vcpu, HOLM_RUN, NULL), -EIO, "RUN: after a shutdown");
	expect(call(r.vcpu, HOLM_INJECT, &nmi), 0, "INJECT: after a shutdown");
	expect(call(r.vcpu, HOLM_RUN, NULL), -EIO, "RUN: an NMI does not end it");
	expect(state_get(r.vcpu, HOLM_STATE_REGS, &regs, sizeof(regs)), 0,
	       "GET_STATE: after a shutdown");
	expect(state_get(r.vcpu, HOLM_STATE_EVENTS, &now, sizeof(now)), 0,
	       "GET_STATE: events after a shutdown");
	result(now.flags & HOLM_EVENTS_SHUTDOWN, "GET_STATE: say so");
	result(!start(&r, guest_sane) && !run_sane(&r), "RUN: a guest after the events were set");

	expect(state_set(r.vcpu, HOLM_STATE_EVENTS, &events, sizeof(events)), 0,
	       "SET_STATE: a shutdown");
	expect(call(r.vcpu, HOLM_RUN, NULL), -EIO, "RUN: of a vCPU that was set to shut down");
	result(!start(&r, guest_sane) && !run_sane(&r), "RUN: a guest after that");
	rig_close(&r);
}

/* ---- descriptors -------------------------------------------------------- */

static void test_closed(void)
{
	struct rig r;
	int fd;

	if (!result(!rig_open(&r), "life: a VM to close"))
		return;
	close(r.dev);
	result(!start(&r, guest_sane) && !run_sane(&r), "life: runs without /dev/holm");
	close(r.vm);
	result(!start(&r, guest_sane) && !run_sane(&r), "life: runs without the VM's descriptor");
	fd = dup(r.vcpu);
	close(r.vcpu);
	r.vcpu = fd;
	result(!start(&r, guest_sane) && !run_sane(&r), "life: runs by a copy of the descriptor");
	munmap(r.run, HOLM_RUN_PAGE_SIZE);
	r.run = mmap(NULL, HOLM_RUN_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	result(r.run != MAP_FAILED && !start(&r, guest_sane) && !run_sane(&r),
	       "life: runs by another mapping of its page");
	close(r.vcpu);
	r.run->in_flags = 0x12345678;
	expect(r.run->in_flags, 0x12345678, "life: the page outlives all descriptors");
	expect(call(fd, HOLM_RUN, NULL), -EBADF, "life: a closed descriptor is none");
	munmap(r.run, HOLM_RUN_PAGE_SIZE);
	r = (struct rig) { .dev = -1, .vm = -1, .vcpu = -1, .mem = r.mem };
	rig_close(&r);
}

static void test_close_on_exec(void)
{
	struct rig r;

	if (!result(!rig_open(&r), "life: a VM with descriptors"))
		return;
	expect(fcntl(r.vm, F_GETFD), FD_CLOEXEC, "CREATE_VM: close-on-exec");
	expect(fcntl(r.vcpu, F_GETFD), FD_CLOEXEC, "CREATE_VCPU: close-on-exec");
	rig_close(&r);
}

/* ---- the run page ------------------------------------------------------- */

static const struct {
	const char *what;
	size_t size;
	int prot, flags;
	off_t offset;
	long want;
} map_rows[] = {
	{ "at offset 1 page", PAGE, PROT_READ, MAP_SHARED, PAGE, -EINVAL },
	{ "at offset 1 TiB", PAGE, PROT_READ, MAP_SHARED, 1LL << 40, -EINVAL },
	{ "of 2 pages", 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, 0, -EINVAL },
	{ "of 1 GiB", 1UL << 30, PROT_READ | PROT_WRITE, MAP_SHARED, 0, -EINVAL },
	{ "private", PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0, -EINVAL },
	{ "executable", PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, 0, -EINVAL },
	{ "at an offset inside of a page", PAGE, PROT_READ, MAP_SHARED, 8, -EINVAL },
	{ "of 1 byte", 1, PROT_READ, MAP_SHARED, 0, 0 },
	{ "read-only", PAGE, PROT_READ, MAP_SHARED, 0, 0 },
	{ "without any access", PAGE, PROT_NONE, MAP_SHARED, 0, 0 },
};

static void test_run_page(void)
{
	struct holm_run *again;
	struct rig r;
	void *p;
	size_t i;

	if (!result(!rig_open(&r), "run page: a vCPU"))
		return;
	for (i = 0; i < ARRAY_SIZE(map_rows); i++) {
		p = mmap(NULL, map_rows[i].size, map_rows[i].prot, map_rows[i].flags, r.vcpu,
			 map_rows[i].offset);
		expect(p == MAP_FAILED ? -errno : 0, map_rows[i].want, "run page: mapped %s",
		       map_rows[i].what);
		if (p != MAP_FAILED)
			munmap(p, map_rows[i].size);
	}
	again = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, r.vcpu, 0);
	if (result(again != MAP_FAILED, "run page: mapped twice")) {
		again->next_rip = 0x1122334455667788;
		result(r.run->next_rip == 0x1122334455667788, "run page: is one page");
		expect(mprotect(again, PAGE, PROT_READ | PROT_EXEC) ? -errno : 0, -EACCES,
		       "run page: made executable");
		p = mremap(again, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
		expect(p == MAP_FAILED ? -errno : 0, -EFAULT, "run page: made longer");
		munmap(again, PAGE);
	}
	munmap(r.run, PAGE);
	r.run = NULL;
	expect(call(r.vcpu, HOLM_RUN, NULL), 0, "RUN: nobody has the page mapped");
	rig_close(&r);
}

/* ---- other processes ---------------------------------------------------- */

/* Run @child(@arg) in a child: its exit status, or -signal, or -1000. */
static int in_child(int (*child)(void *arg), void *arg)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		return -1000;
	if (!pid)
		_exit(child(arg));
	if (waitpid(pid, &status, 0) != pid)
		return -1000;
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* All calls of VM and vCPU fail with EIO: how many do not. */
static int child_calls(void *arg)
{
	static uint8_t scratch[SCRATCH_SIZE];
	struct rig *r = arg;
	unsigned int i;
	int other = 0;

	for (i = 0; i < ioctl_count; i++) {
		const struct ioctl_row *row = &ioctl_rows[i];
		uint64_t valid[ARG_MAX / 8];

		if (row->kind == FD_DEV)
			continue;
		fill_row(row, valid, scratch);
		other += call(rig_fd(r, row->kind), row->cmd, row->size ? valid : NULL) != -EIO;
	}
	return other;
}

static int child_page(void *arg)
{
	struct rig *r = arg;

	signal(SIGSEGV, SIG_DFL);
	return r->run->exit_reason;
}

static int child_own(void *arg)
{
	(void)arg;
	return sane() ? 1 : 0;
}

static void test_fork(void)
{
	struct rig r;

	if (!result(!rig_open(&r), "fork: a VM"))
		return;
	expect(in_child(child_calls, &r), 0, "fork: all calls fail with EIO in a child");
	expect(in_child(child_page, &r), -SIGSEGV, "fork: a child has not got the run page");
	expect(in_child(child_own, NULL), 0, "fork: a child has a VM of its own");
	result(!start(&r, guest_sane) && !run_sane(&r), "fork: the parent's guest still runs");
	rig_close(&r);
}

/*
 * The VM's creator ends while a child of it keeps the descriptors: they are
 * of no use to it, and close without a memory map.
 */
static int child_orphan(void *arg)
{
	int *pipe_fds = arg;
	struct rig r;
	char byte;
	pid_t pid;

	if (rig_open(&r) || start(&r, guest_sane) || run_sane(&r))
		return 1;
	pid = fork();
	if (pid)
		return pid < 0;
	/* The creator is gone when nobody else has the pipe's other end. */
	close(pipe_fds[1]);
	if (read(pipe_fds[0], &byte, 1) < 0)
		_exit(1);
	nap(50000);
	byte = '0' + child_calls(&r);
	close(r.vcpu);
	close(r.vm);
	if (write(pipe_fds[3], &byte, 1) != 1)
		_exit(1);
	_exit(0);
}

static void test_orphan(void)
{
	int fds[4];
	char byte = 0;

	/* To the orphan, from the orphan. */
	if (!result(!pipe2(fds, 0) && !pipe2(fds + 2, 0), "fork: pipes"))
		return;
	expect(in_child(child_orphan, fds), 0, "fork: the creator ends before its child");
	close(fds[1]);
	close(fds[3]);
	if (read(fds[2], &byte, 1) != 1)
		byte = 0;
	expect(byte, '0', "fork: all calls fail with EIO when the creator is gone");
	close(fds[0]);
	close(fds[2]);
}

#define NOBODY	65534

static int drop(void)
{
	return setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
	       setresuid(NOBODY, NOBODY, NOBODY);
}

static int child_unprivileged(void *arg)
{
	int fd;

	(void)arg;
	if (drop())
		return 200;
	fd = open("/dev/holm", O_RDWR);
	if (fd >= 0)
		return 201;
	return errno;
}

/* No locked memory, no privilege, but a descriptor from somebody who has. */
static int child_no_memlock(void *arg)
{
	struct rlimit none = {};

	rig_dev = *(int *)arg;
	if (setrlimit(RLIMIT_MEMLOCK, &none) || drop())
		return 200;
	return sane() ? 1 : 0;
}

static int child_read_only(void *arg)
{
	(void)arg;
	rig_dev = open("/dev/holm", O_RDONLY);
	return rig_dev < 0 || sane() ? 1 : 0;
}

static void test_unprivileged(void)
{
	int dev = open("/dev/holm", O_RDWR | O_CLOEXEC);

	expect(in_child(child_unprivileged, NULL), EACCES, "process: nobody may open /dev/holm");
	expect(in_child(child_no_memlock, &dev), 0,
	       "process: nobody runs a guest, without locked memory, by a descriptor it was given");
	expect(in_child(child_read_only, NULL), 0, "process: opened for reading is enough");
	close(dev);
}

/* ---- descriptors run out ------------------------------------------------ */

static int open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	if (!dir)
		return -1;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void test_nofile(void)
{
	struct rlimit old, few;
	struct rig r;
	int before, i, other = 0;
	long fd;

	if (!result(!rig_open(&r), "descriptors: a VM"))
		return;
	before = open_fds();
	/* The lowest free number is the limit. */
	getrlimit(RLIMIT_NOFILE, &old);
	few = old;
	few.rlim_cur = dup(0);
	close(few.rlim_cur);
	setrlimit(RLIMIT_NOFILE, &few);
	for (i = 0; i < 20; i++) {
		other += vm_create(r.dev) != -EMFILE;
		other += vcpu_create(r.vm, 1) != -EMFILE;
	}
	setrlimit(RLIMIT_NOFILE, &old);
	result(!other, "descriptors: CREATE_VM and CREATE_VCPU: EMFILE");
	expect(open_fds(), before, "descriptors: none was lost");
	fd = vcpu_create(r.vm, 1);
	result(fd >= 0, "descriptors: the ID that failed is free");
	close(fd);
	result(!start(&r, guest_sane) && !run_sane(&r), "descriptors: the guest runs");
	rig_close(&r);
}

void test_life(void)
{
	test_not_configured();
	test_shut_down();
	test_closed();
	test_close_on_exec();
	test_run_page();
	test_nofile();
}

void test_processes(void)
{
	test_fork();
	test_orphan();
	test_unprivileged();
}
