// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Eventfds of a VM: descriptors that are none, limits, what comes at the same
 * time, and ends with signals under way.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "negatives.h"

#define ADDRESS		0xfee00000
#define VECTOR		0x41
#define LEVEL		0xc000
#define RINGERS		2
#define ENDS		(quick ? 4 : 30)
#define ROUNDS		(quick ? 20 : 400)

static int event(void)
{
	return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static void ring(int fd)
{
	const uint64_t one = 1;

	/* Its descriptor may have been closed, and be nothing just then. */
	if (write(fd, &one, sizeof(one)) < 0 && errno != EBADF && errno != EAGAIN)
		explain("a signal: %s", error_name(-errno));
}

static long io(int vm, uint32_t flags, uint64_t addr, uint32_t size, int fd)
{
	struct holm_ioeventfd arg = { .addr = addr, .fd = fd, .size = size, .flags = flags };

	return call(vm, HOLM_SET_IOEVENTFD, &arg);
}

static long irq(int vm, uint32_t flags, int fd, int resample_fd, uint32_t data)
{
	struct holm_irqfd arg = {
		.fd = fd,
		.resample_fd = resample_fd,
		.flags = flags,
		.address = ADDRESS,
		.data = data,
	};

	return call(vm, HOLM_SET_IRQFD, &arg);
}

#define PORT	HOLM_IOEVENTFD_PORT
#define GONE	HOLM_IOEVENTFD_DEASSIGN

/* ---- descriptors -------------------------------------------------------- */

static void test_descriptors(struct rig *r)
{
	int fd = event(), other = event(), null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const struct {
		const char *what;
		int fd;
		long want;
	} bad[] = {
		{ "-1", -1, -EBADF },
		{ "a number that is nothing", 0x7fffffff, -EBADF },
		{ "/dev/null", null, -EINVAL },
		{ "the VM", r->vm, -EINVAL },
		{ "a vCPU", r->vcpu, -EINVAL },
	};
	struct holm_irqfd get = { .fd = fd };
	void *ro = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		expect(io(r->vm, PORT, 0x60, 1, bad[i].fd), bad[i].want, "SET_IOEVENTFD: %s",
		       bad[i].what);
		expect(irq(r->vm, 0, bad[i].fd, -1, VECTOR), bad[i].want, "SET_IRQFD: %s",
		       bad[i].what);
		expect(irq(r->vm, HOLM_IRQFD_RESAMPLE, fd, bad[i].fd, VECTOR | LEVEL), bad[i].want,
		       "SET_IRQFD: resample_fd is %s", bad[i].what);
		get.fd = bad[i].fd;
		expect(call(r->vm, HOLM_GET_IRQFD, &get), bad[i].want, "GET_IRQFD: %s",
		       bad[i].what);
	}
	expect(irq(r->vm, HOLM_IRQFD_RESAMPLE, fd, fd, VECTOR | LEVEL), -EINVAL,
	       "SET_IRQFD: resample_fd is fd");
	expect(irq(r->vm, HOLM_IRQFD_UPDATE, fd, -1, VECTOR), -ENOENT, "SET_IRQFD: update of none");
	expect(irq(r->vm, HOLM_IRQFD_DEASSIGN, fd, -1, 0), -ENOENT, "SET_IRQFD: removal of none");
	get.fd = fd;
	expect(call(r->vm, HOLM_GET_IRQFD, &get), -ENOENT, "GET_IRQFD: of none");

	expect(irq(r->vm, 0, fd, -1, VECTOR), 0, "SET_IRQFD: an edge");
	expect(irq(r->vm, 0, fd, -1, VECTOR), -EBUSY, "SET_IRQFD: twice");
	expect(irq(r->vm, HOLM_IRQFD_RESAMPLE, fd, other, VECTOR | LEVEL), -EBUSY,
	       "SET_IRQFD: an edge as a level");
	expect(irq(r->vm, HOLM_IRQFD_UPDATE, fd, -1, VECTOR | LEVEL), -EINVAL,
	       "SET_IRQFD: a level message for an edge");
	expect(irq(r->vm, HOLM_IRQFD_UPDATE | HOLM_IRQFD_MASKED, fd, -1, VECTOR | LEVEL), 0,
	       "SET_IRQFD: any message while masked");
	get = (struct holm_irqfd) { .fd = fd, .flags = HOLM_IRQFD_MASKED };
	expect(call(r->vm, HOLM_GET_IRQFD, &get), -EINVAL, "GET_IRQFD: flags");
	get.flags = 0;
	expect(call(r->vm, HOLM_GET_IRQFD, &get), 0, "GET_IRQFD");
	result(get.flags == HOLM_IRQFD_MASKED && get.resample_fd == -1 && !get.state &&
	       get.address == ADDRESS && get.data == (VECTOR | LEVEL), "GET_IRQFD: what was set");
	memcpy(ro, &(struct holm_irqfd){ .fd = fd }, sizeof(get));
	mprotect(ro, PAGE, PROT_READ);
	expect(call(r->vm, HOLM_GET_IRQFD, ro), -EFAULT, "GET_IRQFD: argument cannot be written to");
	munmap(ro, PAGE);
	expect(irq(r->vm, HOLM_IRQFD_DEASSIGN, fd, -1, 0), 0, "SET_IRQFD: removal");

	expect(io(r->vm, PORT, 0x60, 1, fd), 0, "SET_IOEVENTFD: a port");
	expect(io(r->vm, PORT, 0x60, 1, other), -EEXIST, "SET_IOEVENTFD: the same port");
	expect(io(r->vm, PORT | GONE, 0x60, 1, other), -ENOENT,
	       "SET_IOEVENTFD: removal with another eventfd");
	close(other);
	expect(io(r->vm, PORT | GONE, 0x60, 1, other), -EBADF,
	       "SET_IOEVENTFD: removal with a closed one");
	expect(io(r->vm, PORT | GONE, 0x60, 1, fd), 0, "SET_IOEVENTFD: removal");
	close(fd);
	close(null);
}

/* ---- limits ------------------------------------------------------------- */

static void test_limits(struct rig *r)
{
	unsigned int n = quick ? 64 : HOLM_MAX_IOEVENTFDS, i, failed = 0;
	struct rlimit limit = { 2 * HOLM_MAX_IRQFDS, 2 * HOLM_MAX_IRQFDS }, was;
	static int fds[HOLM_MAX_IRQFDS + 1];

	fds[0] = event();
	for (i = 0; i < n; i++)
		failed += io(r->vm, i & 1 ? PORT : 0, 0x1000 + i * 8, 4, fds[0]) != 0;
	result(!failed, "SET_IOEVENTFD: %u of them", n);
	if (!quick)
		expect(io(r->vm, PORT, 0x10, 1, fds[0]), -ENOSPC, "SET_IOEVENTFD: one too many");
	/* Some by removal, the rest with the VM. */
	for (i = 0; i < n / 16; i++)
		failed += io(r->vm, i & 1 ? PORT | GONE : GONE, 0x1000 + i * 8, 4, fds[0]) != 0;
	result(!failed, "SET_IOEVENTFD: removal of %u", n / 16);
	close(fds[0]);

	getrlimit(RLIMIT_NOFILE, &was);
	if (setrlimit(RLIMIT_NOFILE, &limit)) {
		skip("the limit of open files cannot be raised", "SET_IRQFD: as many as there may be");
		return;
	}
	n = quick ? 64 : HOLM_MAX_IRQFDS;
	for (i = 0; i < n; i++) {
		fds[i] = event();
		failed += irq(r->vm, 0, fds[i], -1, VECTOR) != 0;
	}
	fds[n] = event();
	result(!failed, "SET_IRQFD: %u of them", n);
	if (!quick)
		expect(irq(r->vm, 0, fds[n], -1, VECTOR), -ENOSPC, "SET_IRQFD: one too many");
	/* What nobody can name any more is no longer there. */
	for (i = 0; i < n; i++)
		close(fds[i]);
	expect(irq(r->vm, 0, fds[n], -1, VECTOR), 0, "SET_IRQFD: after all others were closed");
	for (i = 0; i < n; i++) {
		fds[i] = event();
		failed += irq(r->vm, 0, fds[i], -1, VECTOR) != 0 && i + 1 < n;
	}
	result(!failed, "SET_IRQFD: as many again");
	for (i = 0; i <= n; i++)
		close(fds[i]);
	setrlimit(RLIMIT_NOFILE, &was);
}

/* ---- at the same time --------------------------------------------------- */

/* Two of them fight for the same eventfds; the others ring. */
static struct {
	int vm;
	int fd, resample;
	atomic_bool stop;
	atomic_uint unexpected;
	_Atomic long first;
} fight;

static void saw(long ret, long also)
{
	if (ret >= 0 || ret == also || ret == -EBUSY || ret == -EEXIST || ret == -ENOENT)
		return;
	if (!atomic_fetch_add(&fight.unexpected, 1))
		fight.first = ret;
}

static void *ring_thread(void *unused)
{
	while (!atomic_load(&fight.stop)) {
		ring(fight.fd);
		nap(1);
	}
	return unused;
}

static void *fight_thread(void *seed_of)
{
	uint64_t random = seed + (uintptr_t)seed_of;
	int n;

	for (n = 0; n < ROUNDS; n++) {
		struct holm_irqfd get = { .fd = fight.fd };
		bool level = random_below(&random, 2);

		switch (random_below(&random, 8)) {
		case 0:
		case 1:
			saw(level ? irq(fight.vm, HOLM_IRQFD_RESAMPLE, fight.fd, fight.resample,
					VECTOR | LEVEL) :
				    irq(fight.vm, 0, fight.fd, -1, VECTOR), 0);
			break;
		case 2:
			/* It may be the other kind by now. */
			saw(irq(fight.vm, HOLM_IRQFD_UPDATE, fight.fd, -1,
				(VECTOR + 1) | (level ? LEVEL : 0)), -EINVAL);
			break;
		case 3:
			saw(irq(fight.vm, HOLM_IRQFD_UPDATE | HOLM_IRQFD_MASKED, fight.fd, -1, 0), 0);
			break;
		case 4:
			saw(irq(fight.vm, HOLM_IRQFD_DEASSIGN, fight.fd, -1, 0), 0);
			break;
		case 5:
			saw(call(fight.vm, HOLM_GET_IRQFD, &get), 0);
			break;
		case 6:
			saw(io(fight.vm, PORT, PORT_VALUE, level ? 0 : 4, fight.fd), 0);
			break;
		default:
			saw(io(fight.vm, PORT | GONE, PORT_VALUE, level ? 0 : 4, fight.fd), 0);
			break;
		}
	}
	return NULL;
}

/* The guest's writes to PORT_VALUE ring the eventfd when they do not exit. */
static void *guest_thread(void *arg)
{
	struct rig *r = arg;

	while (!atomic_load(&fight.stop)) {
		long ret = call(r->vcpu, HOLM_RUN, NULL);

		if (!ret && r->run->exit_reason == HOLM_EXIT_IO)
			r->run->in_flags = HOLM_RUN_COMPLETE;
		else if (ret != -EINTR)
			return (void *)(ret ? ret : -1L);
	}
	return NULL;
}

static void test_fight(struct rig *r)
{
	pthread_t guest, fighters[2], ringers[RINGERS];
	struct holm_lapic_access svr = {
		.offset = 0xf0,
		.flags = HOLM_LAPIC_WRITE,
		.value = 0x1ff,		/* software-enable it */
	};
	void *ended = NULL;
	unsigned int i;

	call(r->vcpu, HOLM_LAPIC_ACCESS, &svr);
	memset(&fight, 0, sizeof(fight));
	fight.vm = r->vm;
	fight.fd = event();
	fight.resample = event();
	if (start(r, guest_io) || pthread_create(&guest, NULL, guest_thread, r)) {
		result(false, "eventfds: a guest");
		return;
	}
	for (i = 0; i < RINGERS; i++)
		pthread_create(&ringers[i], NULL, ring_thread, NULL);
	for (i = 0; i < 2; i++)
		pthread_create(&fighters[i], NULL, fight_thread, (void *)(uintptr_t)i);
	for (i = 0; i < 2; i++)
		pthread_join(fighters[i], NULL);
	irq(fight.vm, HOLM_IRQFD_DEASSIGN, fight.fd, -1, 0);
	atomic_store(&fight.stop, true);
	r->run->immediate_exit = 1;
	/* Without exits, the guest does not look: a signal makes it. */
	while (pthread_tryjoin_np(guest, &ended)) {
		pthread_kill(guest, SIGUSR1);
		nap(1000);
	}
	r->run->immediate_exit = 0;
	for (i = 0; i < RINGERS; i++)
		pthread_join(ringers[i], NULL);
	if (!result(!fight.unexpected, "eventfds: by two threads, while others ring"))
		explain("%u, the first: %s", fight.unexpected, error_name(fight.first));
	if (!result(!ended, "eventfds: the guest beside them"))
		explain("ended: %ld, exit %u", (long)ended, r->run->exit_reason);
	close(fight.fd);
	close(fight.resample);
}

/* ---- the end ------------------------------------------------------------ */

static void assign_all(int vm, int fd, int resample)
{
	irq(vm, resample < 0 ? 0 : HOLM_IRQFD_RESAMPLE, fd, resample,
	    resample < 0 ? VECTOR : VECTOR | LEVEL);
	io(vm, PORT, PORT_VALUE, 0, fd);
	io(vm, 0, 0xd0000000, 4, fd);
}

/* VMs, and eventfds, go while others signal. */
static void test_ends(void)
{
	pthread_t ringers[RINGERS];
	unsigned int i, failed = 0;
	int n, fd;

	memset(&fight, 0, sizeof(fight));
	fight.fd = event();
	fight.resample = event();
	for (i = 0; i < RINGERS; i++)
		pthread_create(&ringers[i], NULL, ring_thread, NULL);
	for (n = 0; n < ENDS; n++) {
		struct rig r;

		if (rig_open(&r)) {
			failed++;
			break;
		}
		assign_all(r.vm, fight.fd, n & 1 ? fight.resample : -1);
		nap(200);
		if (n & 2) {	/* The eventfd first; the number stays one. */
			fd = event();
			dup3(fd, fight.fd, O_CLOEXEC);
			close(fd);
		}
		rig_close(&r);
	}
	atomic_store(&fight.stop, true);
	for (i = 0; i < RINGERS; i++)
		pthread_join(ringers[i], NULL);
	close(fight.fd);
	close(fight.resample);
	result(!failed, "eventfds: %d VMs that go while they are signalled", n);
}

/* The process is killed with all of it; the eventfd is the parent's, and stays. */
static void test_killed(void)
{
	unsigned int lost = 0;
	int n, status;

	for (n = 0; n < ENDS; n++) {
		int fd = event();
		pid_t pid = fork();

		if (!pid) {
			struct rig r;

			if (rig_open(&r))
				_exit(1);
			assign_all(r.vm, fd, n & 1 ? event() : -1);
			start(&r, guest_io);
			for (;;)
				if (!call(r.vcpu, HOLM_RUN, NULL))
					r.run->in_flags = HOLM_RUN_COMPLETE;
		}
		for (status = 0; status < 20; status++) {
			ring(fd);
			nap(500);
		}
		kill(pid, SIGKILL);
		lost += waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status);
		ring(fd);
		close(fd);
	}
	result(!lost, "eventfds: %d processes killed with theirs", n);
}

void test_eventfds(void)
{
	struct rig r;

	if (!result(!rig_open(&r), "eventfds: a VM"))
		return;
	test_descriptors(&r);
	test_limits(&r);
	rig_close(&r);
	if (!result(!rig_open(&r), "eventfds: another VM"))
		return;
	test_fight(&r);
	rig_close(&r);
	test_ends();
	test_killed();
}
