// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * holm-control: the netlink family as its clients have it. Who sees what, which
 * requests are refused and with which words, events and their numbers, dumps
 * while VMs come and go, and messages that make no sense, in great number.
 *
 *	holm-control [--fuzz MESSAGES]
 *
 * VMs are processes of their own that hold one and do nothing. Whoever looks is
 * one, too: with other users and namespaces.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/holm.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"
#include "libholm/control.h"

static unsigned int count;
static bool failed;		/* the result that is being made */
static char why[512];

void bad(const char *fmt, ...)
{
	va_list ap;

	if (failed)
		return;
	failed = true;
	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
}

bool is_bad(void)
{
	return failed;
}

void done(const char *fmt, ...)
{
	va_list ap;

	printf("%sok %u - ", failed ? "not " : "", ++count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	if (failed)
		printf("# %s\n", why);
	failed = false;
}

/* ---- VMs ------------------------------------------------------------------------ */

void become(uid_t uid)
{
	if (uid && (setgroups(0, NULL) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid)))
		_exit(100);
}

struct vm vm_fork(uid_t uid, const char *name, vm_life *live, const void *arg)
{
	struct vm vm = { .pid = -1, .fd = -1 };
	int pipes[2];
	char ready;

	if (pipe2(pipes, O_CLOEXEC)) {
		bad("pipe: %s", strerror(errno));
		return vm;
	}
	fflush(stdout);
	vm.pid = fork();
	if (!vm.pid) {
		int dev = open("/dev/holm", O_RDWR | O_CLOEXEC);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		become(uid);
		live(dev, name, pipes[1], arg);
		_exit(1);
	}
	close(pipes[1]);
	vm.fd = pipes[0];
	if (read(pipes[0], &ready, 1) != 1)
		bad("a VM called %s cannot be made", name);
	return vm;
}

static void be_idle(int dev, const char *name, int ready, const void *vcpus)
{
	struct holm_create_vm create = { .size = sizeof(create) };
	struct holm_create_vcpu vcpu = { 0 };
	int fd;

	snprintf(create.name, sizeof(create.name), "%s", name);
	fd = ioctl(dev, HOLM_CREATE_VM, &create);
	if (fd < 0)
		return;
	for (; vcpu.apic_id < *(const unsigned int *)vcpus; vcpu.apic_id++)
		if (ioctl(fd, HOLM_CREATE_VCPU, &vcpu) < 0)
			return;
	if (write(ready, "", 1) == 1)
		for (;;)
			pause();
}

struct vm vm_start_smp(uid_t uid, const char *name, unsigned int vcpus)
{
	return vm_fork(uid, name, be_idle, &vcpus);
}

struct vm vm_start(uid_t uid, const char *name)
{
	return vm_start_smp(uid, name, 1);
}

void vm_end(struct vm *vm)
{
	if (vm->pid <= 0)
		return;
	kill(vm->pid, SIGKILL);
	waitpid(vm->pid, NULL, 0);
	close(vm->fd);
	vm->pid = -1;
}

bool vm_was_killed(struct vm *vm)
{
	int status, tries;

	for (tries = 0; tries < 1000; tries++) {
		if (waitpid(vm->pid, &status, WNOHANG) == vm->pid) {
			vm->pid = -1;
			close(vm->fd);
			return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
		}
		usleep(10000);
	}
	return false;
}

uint32_t vm_id(const char *name)
{
	struct holm_vm_info *vms = NULL;
	struct holm_ctl *ctl;
	uint32_t id = 0;
	size_t n = 0, i;

	if (!holm_ctl_open(&ctl) && !holm_ctl_vms(ctl, &vms, &n))
		for (i = 0; i < n; i++)
			if (!strcmp(vms[i].name, name))
				id = vms[i].id;
	free(vms);
	holm_ctl_close(ctl);
	return id;
}

/* ---- events -------------------------------------------------------------------------- */

static struct {
	unsigned int n;
	struct holm_event_info event[64];
} heard;

static void hear(const struct holm_event_info *event, void *arg)
{
	(void)arg;
	if (heard.n < ARRAY_SIZE(heard.event))
		heard.event[heard.n] = *event;
	heard.n++;
}

/* Wait for @n events in all, ten seconds at most. */
static void hear_until(struct holm_ctl *ctl, unsigned int n)
{
	struct pollfd p = { .fd = holm_ctl_fd(ctl), .events = POLLIN };

	while (heard.n < n && poll(&p, 1, 10000) > 0)
		if (holm_ctl_receive(ctl, hear, NULL)) {
			bad("events: %s", holm_ctl_error(ctl));
			return;
		}
	if (heard.n < n)
		bad("%u events, expected %u", heard.n, n);
}

/* A request by a socket that is full is answered, and the loss is told afterwards. */
static void request_among_events(void)
{
	struct holm_host_info host;
	struct holm_vm_info *vms;
	struct holm_ctl *ctl;
	int i = 4096;
	size_t n;

	heard.n = 0;
	if (holm_ctl_open(&ctl) || holm_ctl_listen(ctl))
		bad("cannot listen: %s", holm_ctl_error(ctl));
	setsockopt(holm_ctl_fd(ctl), SOL_SOCKET, SO_RCVBUF, &i, sizeof(i));
	for (i = 0; i < 20; i++) {
		struct vm vm = vm_start(0, "missed");

		vm_end(&vm);
	}
	if (holm_ctl_host(ctl, &host) || holm_ctl_vms(ctl, &vms, &n))
		bad("a request among events: %s", holm_ctl_error(ctl));
	else
		free(vms);
	if (!holm_ctl_pending(ctl) || holm_ctl_receive(ctl, hear, NULL) != -ENOBUFS)
		bad("no ENOBUFS after a request, but %u events", heard.n);
	if (!holm_ctl_pending(ctl) || holm_ctl_receive(ctl, hear, NULL) || !heard.n ||
	    heard.n >= 40)
		bad("%u events after a request", heard.n);
	holm_ctl_close(ctl);
}

static void events(void)
{
	struct holm_ctl *ctl;
	unsigned int i;

	heard.n = 0;
	if (holm_ctl_open(&ctl) || holm_ctl_listen(ctl))
		bad("cannot listen: %s", holm_ctl_error(ctl));
	for (i = 0; i < 10; i++) {
		struct vm vm = vm_start(OWNER, "heard");

		vm_end(&vm);
	}
	hear_until(ctl, 20);
	for (i = 0; i < 20 && i < heard.n; i++) {
		const struct holm_event_info *e = &heard.event[i];

		if (i && e->seq != e[-1].seq + 1)
			bad("event %u has number %llu after %llu", i, (unsigned long long)e->seq,
			    (unsigned long long)e[-1].seq);
		if (e->uid != OWNER || strcmp(e->name, "heard"))
			bad("event %u is of %s, user %u", i, e->name, e->uid);
		if (e->has_summary != (e->event == HOLM_VM_EVENT_DESTROYED))
			bad("event %u: a summary that does not belong there, or none", i);
	}
	holm_ctl_close(ctl);
	done("VMs come and go: each is told, in order, with its number");

	/* A reader who is too slow is told that something is missing. */
	heard.n = 0;
	if (holm_ctl_open(&ctl) || holm_ctl_listen(ctl))
		bad("cannot listen: %s", holm_ctl_error(ctl));
	i = 1;
	setsockopt(holm_ctl_fd(ctl), SOL_SOCKET, SO_RCVBUF, &i, sizeof(i));
	for (i = 0; i < 20; i++) {
		struct vm vm = vm_start(0, "missed");

		vm_end(&vm);
	}
	for (i = 0; i < 40; i++)
		if (holm_ctl_receive(ctl, hear, NULL) == -ENOBUFS)
			break;
	if (i == 40)
		bad("no ENOBUFS in %u reads with %u events", i, heard.n);
	holm_ctl_close(ctl);
	request_among_events();
	done("events that were lost are told as lost");
}

/* ---- dumps while VMs come and go --------------------------------------------------------- */

static void churn(void)
{
	struct vm stays[3] = { vm_start(0, "stays-0"), vm_start(0, "stays-1"),
			       vm_start(0, "stays-2") };
	struct holm_ctl *ctl;
	unsigned int round, i;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			struct vm vm = vm_start(0, "goes");

			vm_end(&vm);
		}
	}
	if (holm_ctl_open(&ctl))
		bad("cannot connect: %s", holm_ctl_error(ctl));
	for (round = 0; round < 300 && !failed; round++) {
		struct holm_vm_info *vms;
		unsigned int found = 0;
		size_t n;

		if (holm_ctl_vms(ctl, &vms, &n))
			bad("round %u: %s", round, holm_ctl_error(ctl));
		for (i = 0; i < n; i++)
			found += !strncmp(vms[i].name, "stays-", 6);
		if (found != 3)
			bad("round %u: %u of 3", round, found);
		free(vms);
	}
	holm_ctl_close(ctl);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	done("VMs that stay are in each list, while others come and go");
	for (i = 0; i < ARRAY_SIZE(stays); i++)
		vm_end(&stays[i]);
}

/* More vCPUs than a message takes, of VMs with numbers missing between them. */
static void many_vcpus(void)
{
	struct vm first = vm_start_smp(0, "first", 100), gone = vm_start(0, "gone"), second;
	struct holm_vcpu_info *vcpus;
	struct holm_ctl *ctl;
	size_t n, i;

	vm_end(&gone);
	second = vm_start_smp(0, "second", 150);
	if (holm_ctl_open(&ctl) || holm_ctl_vcpus(ctl, vm_id("second"), &vcpus, &n)) {
		bad("vCPUs: %s", holm_ctl_error(ctl));
		n = 0;
	}
	if (n != 150)
		bad("%zu vCPUs, expected 150", n);
	for (i = 0; i < n; i++)
		if (vcpus[i].index != i || vcpus[i].apic_id != i)
			bad("vCPU %u with APIC ID %u is number %zu", vcpus[i].index,
			    vcpus[i].apic_id, i);
	free(vcpus);
	done("a list of many vCPUs has each of them once");

	/* 0: of all VMs. */
	if (holm_ctl_vcpus(ctl, 0, &vcpus, &n)) {
		bad("vCPUs: %s", holm_ctl_error(ctl));
		n = 0;
	}
	if (n != 250)
		bad("%zu vCPUs, expected 250", n);
	free(vcpus);
	holm_ctl_close(ctl);
	done("a list of all vCPUs has each of them once");
	vm_end(&first);
	vm_end(&second);
}

int main(int argc, char **argv)
{
	unsigned long messages = 20000;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 3 && !strcmp(argv[1], "--fuzz")) {
		messages = strtoul(argv[2], NULL, 0);
	} else if (argc != 1) {
		fprintf(stderr, "usage: holm-control [--fuzz MESSAGES]\n");
		return 2;
	}
	permissions();
	refusals();
	lent_sockets();
	interrupted_dump();
	events();
	churn();
	many_vcpus();
	slots();
	changes();
	watches();
	fuzz(messages);
	printf("1..%u\n", count);
	return 0;
}
