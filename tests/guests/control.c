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
#include <linux/genetlink.h>
#include <linux/holm.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libholm/control.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define OWNER		1000
#define STRANGER	1001

static unsigned int count;
static bool failed;		/* the result that is being made */
static char why[512];

static void __attribute__((format(printf, 1, 2))) bad(const char *fmt, ...)
{
	va_list ap;

	if (failed)
		return;
	failed = true;
	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
}

static void __attribute__((format(printf, 1, 2))) done(const char *fmt, ...)
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

struct vm {
	pid_t pid;
	int fd;			/* closed by the holder's death, written by nobody */
	uint32_t id;
};

static void become(uid_t uid)
{
	if (uid && (setgroups(0, NULL) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid)))
		_exit(100);
}

/* A process of @uid that has a VM called @name with @vcpus vCPUs, until it dies. */
static struct vm vm_start_smp(uid_t uid, const char *name, unsigned int vcpus)
{
	struct vm vm = { .pid = -1 };
	int pipes[2];
	char ready;

	if (pipe2(pipes, O_CLOEXEC)) {
		bad("pipe: %s", strerror(errno));
		return vm;
	}
	fflush(stdout);
	vm.pid = fork();
	if (!vm.pid) {
		struct holm_create_vm create = { .size = sizeof(create) };
		struct holm_create_vcpu vcpu = { 0 };
		int dev = open("/dev/holm", O_RDWR | O_CLOEXEC), fd;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		become(uid);
		snprintf(create.name, sizeof(create.name), "%s", name);
		fd = ioctl(dev, HOLM_CREATE_VM, &create);
		for (; fd >= 0 && vcpu.apic_id < vcpus; vcpu.apic_id++)
			if (ioctl(fd, HOLM_CREATE_VCPU, &vcpu) < 0)
				_exit(1);
		if (fd < 0 || write(pipes[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(pipes[1]);
	if (read(pipes[0], &ready, 1) != 1)
		bad("a VM called %s cannot be made", name);
	vm.fd = pipes[0];
	return vm;
}

static struct vm vm_start(uid_t uid, const char *name)
{
	return vm_start_smp(uid, name, 1);
}

static void vm_end(struct vm *vm)
{
	if (vm->pid <= 0)
		return;
	kill(vm->pid, SIGKILL);
	waitpid(vm->pid, NULL, 0);
	close(vm->fd);
	vm->pid = -1;
}

/* Its holder has died by SIGKILL, within ten seconds. */
static bool vm_was_killed(struct vm *vm)
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

/* The driver's number of the VM called @name, as root sees it; 0: none. */
static uint32_t vm_id(const char *name)
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

/* ---- who may do what --------------------------------------------------------------- */

enum viewer { ROOT, THE_OWNER, A_STRANGER, CHILD_ROOT, OTHER_NET, CHILD_NET, NVIEWERS };

static const char *const viewer_names[NVIEWERS] = {
	[ROOT] = "root",
	[THE_OWNER] = "the owner",
	[A_STRANGER] = "another user",
	[CHILD_ROOT] = "root in a child user namespace",
	[OTHER_NET] = "root in another network namespace",
	[CHILD_NET] = "root in a child user namespace with a network namespace",
};

static void view_as(enum viewer viewer)
{
	switch (viewer) {
	case THE_OWNER:
		become(OWNER);
		break;
	case A_STRANGER:
		become(STRANGER);
		break;
	case CHILD_ROOT:
	case CHILD_NET:
		become(STRANGER);
		if (unshare(CLONE_NEWUSER | (viewer == CHILD_NET ? CLONE_NEWNET : 0)))
			_exit(101);
		break;
	case OTHER_NET:
		if (unshare(CLONE_NEWNET))
			_exit(102);
		break;
	default:
		break;
	}
}

struct question {
	const char *name;
	int (*ask)(struct holm_ctl *ctl, uint32_t id);
	int answer[NVIEWERS];
};

static int ask_vm(struct holm_ctl *ctl, uint32_t id)
{
	struct holm_vm_info vm;

	return holm_ctl_vm(ctl, id, &vm);
}

/* How many. */
static int ask_vms(struct holm_ctl *ctl, uint32_t id)
{
	struct holm_vm_info *vms;
	size_t n;
	int err = holm_ctl_vms(ctl, &vms, &n);

	(void)id;
	free(vms);
	return err ?: (int)n;
}

static int ask_vcpus(struct holm_ctl *ctl, uint32_t id)
{
	struct holm_vcpu_info *vcpus;
	size_t n;
	int err = holm_ctl_vcpus(ctl, id, &vcpus, &n);

	free(vcpus);
	return err ?: (int)n;
}

static int ask_host(struct holm_ctl *ctl, uint32_t id)
{
	struct holm_host_info host;
	int err = holm_ctl_host(ctl, &host);

	(void)id;
	return err ?: (int)(100 * host.vms + host.vcpus);
}

static int ask_listen(struct holm_ctl *ctl, uint32_t id)
{
	(void)id;
	return holm_ctl_listen(ctl);
}

static int ask_kill(struct holm_ctl *ctl, uint32_t id)
{
	return holm_ctl_kill(ctl, id);
}

/* There are one VM of the owner's and one of root's, with a vCPU each. */
static const struct question questions[] = {
	{ "vm-get", ask_vm,
	  { [A_STRANGER] = -ENOENT, [CHILD_ROOT] = -ENOENT, [OTHER_NET] = -ENOENT,
	    [CHILD_NET] = -ENOENT } },
	{ "vm-get, all", ask_vms, { [ROOT] = 2, [THE_OWNER] = 1 } },
	{ "vcpu-get", ask_vcpus, { [ROOT] = 1, [THE_OWNER] = 1 } },
	{ "host-get", ask_host, { [ROOT] = 202, [THE_OWNER] = 101 } },
	{ "events", ask_listen,
	  { [THE_OWNER] = -EPERM, [A_STRANGER] = -EPERM, [CHILD_ROOT] = -EPERM } },
	{ "vm-kill", ask_kill,
	  { [A_STRANGER] = -ENOENT, [CHILD_ROOT] = -ENOENT, [OTHER_NET] = -ENOENT,
	    [CHILD_NET] = -ENOENT } },
};

/* What @viewer is told; an errno that no answer has where it could not ask. */
static int ask_as(enum viewer viewer, const struct question *q, uint32_t id)
{
	int pipes[2], answer = -EPROTO;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC))
		return -EPROTO;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		struct holm_ctl *ctl;

		view_as(viewer);
		answer = holm_ctl_open(&ctl);
		answer = answer ? -EPROTO : q->ask(ctl, id);
		_exit(write(pipes[1], &answer, sizeof(answer)) != sizeof(answer));
	}
	close(pipes[1]);
	if (read(pipes[0], &answer, sizeof(answer)) != sizeof(answer))
		answer = -EPROTO;
	close(pipes[0]);
	waitpid(pid, NULL, 0);
	return answer;
}

static void permissions(void)
{
	struct vm of_root = vm_start(0, "of-root"), of_owner = vm_start(OWNER, "of-owner");
	unsigned int i;
	int viewer;

	done("a VM of root and one of a user");
	for (i = 0; i < ARRAY_SIZE(questions); i++) {
		const struct question *q = &questions[i];

		for (viewer = NVIEWERS - 1; viewer >= 0; viewer--) {
			uint32_t id = vm_id("of-owner");
			int answer = ask_as(viewer, q, id);

			if (!id)
				bad("the owner's VM is not there");
			if (answer != q->answer[viewer])
				bad("answer %d, expected %d", answer, q->answer[viewer]);
			if (q->ask == ask_kill && !q->answer[viewer]) {
				if (!vm_was_killed(&of_owner))
					bad("it lives");
				vm_end(&of_owner);
				of_owner = vm_start(OWNER, "of-owner");
			}
			done("%s: %s", q->name, viewer_names[viewer]);
		}
	}
	vm_end(&of_owner);
	vm_end(&of_root);
}

/* ---- requests by hand ---------------------------------------------------------------- */

struct raw {
	int fd;
	uint16_t family;
};

struct request {
	struct nlmsghdr nl;
	struct genlmsghdr genl;
	unsigned char attrs[400];
};

static int raw_open(struct raw *raw)
{
	const struct timeval wait = { .tv_sec = 10 };
	const int on = 1;
	struct {
		struct nlmsghdr nl;
		struct genlmsghdr genl;
		struct nlattr attr;
		char name[8];
	} ask = {
		.nl = { .nlmsg_len = sizeof(ask), .nlmsg_type = GENL_ID_CTRL,
			.nlmsg_flags = NLM_F_REQUEST },
		.genl = { .cmd = CTRL_CMD_GETFAMILY, .version = 1 },
		.attr = { .nla_len = NLA_HDRLEN + sizeof(HOLM_GENL_NAME),
			  .nla_type = CTRL_ATTR_FAMILY_NAME },
		.name = HOLM_GENL_NAME,
	};
	unsigned char buf[8192];
	ssize_t len;
	size_t at;

	raw->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (raw->fd < 0 || setsockopt(raw->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) ||
	    setsockopt(raw->fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on)) ||
	    send(raw->fd, &ask, sizeof(ask), 0) != sizeof(ask))
		return -1;
	len = recv(raw->fd, buf, sizeof(buf), 0);
	for (at = NLMSG_HDRLEN + GENL_HDRLEN; at + NLA_HDRLEN <= (size_t)(len < 0 ? 0 : len);) {
		struct nlattr attr;

		memcpy(&attr, buf + at, sizeof(attr));
		if (attr.nla_type == CTRL_ATTR_FAMILY_ID)
			memcpy(&raw->family, buf + at + NLA_HDRLEN, sizeof(raw->family));
		if (attr.nla_len < NLA_HDRLEN)
			break;
		at += NLA_ALIGN(attr.nla_len);
	}
	return raw->family ? 0 : -1;
}

static void request_begin(struct request *r, const struct raw *raw, uint8_t cmd, uint16_t flags)
{
	memset(r, 0, sizeof(*r));
	r->nl.nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN;
	r->nl.nlmsg_type = raw->family;
	r->nl.nlmsg_flags = NLM_F_REQUEST | flags;
	r->genl.cmd = cmd;
	r->genl.version = HOLM_GENL_VERSION;
}

static void request_add(struct request *r, uint16_t type, const void *data, uint16_t len)
{
	struct nlattr attr = { .nla_len = NLA_HDRLEN + len, .nla_type = type };
	unsigned char *to = (unsigned char *)r + NLMSG_ALIGN(r->nl.nlmsg_len);

	memcpy(to, &attr, sizeof(attr));
	memcpy(to + NLA_HDRLEN, data, len);
	r->nl.nlmsg_len = NLMSG_ALIGN(r->nl.nlmsg_len) + NLA_ALIGN(attr.nla_len);
}

/* The errno that @r ends with, and the message in @text. */
static int request_ask(const struct raw *raw, struct request *r, char *text, size_t size)
{
	unsigned char buf[16384];
	const struct nlmsghdr *nl = (const struct nlmsghdr *)buf;
	ssize_t len;

	text[0] = '\0';
	r->nl.nlmsg_flags |= NLM_F_ACK;
	if (send(raw->fd, r, r->nl.nlmsg_len, 0) < 0)
		return -errno;
	for (;;) {
		const struct nlmsgerr *e = (const struct nlmsgerr *)(nl + 1);
		bool dump_ends;
		size_t at;

		len = recv(raw->fd, buf, sizeof(buf), 0);
		if (len < (ssize_t)sizeof(*nl))
			return -EPROTO;
		dump_ends = nl->nlmsg_type == NLMSG_DONE;
		if (!dump_ends && nl->nlmsg_type != NLMSG_ERROR)
			continue;
		at = NLMSG_HDRLEN + (dump_ends ? sizeof(e->error) : sizeof(*e));
		if (!dump_ends && !(nl->nlmsg_flags & NLM_F_CAPPED))
			at += NLMSG_ALIGN(e->msg.nlmsg_len) - sizeof(e->msg);
		while (nl->nlmsg_flags & NLM_F_ACK_TLVS && at + NLA_HDRLEN <= (size_t)len) {
			struct nlattr attr;

			memcpy(&attr, buf + at, sizeof(attr));
			if (attr.nla_len < NLA_HDRLEN)
				break;
			if (attr.nla_type == NLMSGERR_ATTR_MSG)
				snprintf(text, size, "%s", buf + at + NLA_HDRLEN);
			at += NLA_ALIGN(attr.nla_len);
		}
		return e->error;
	}
}

static void refusals(void)
{
	static const char long_name[70] =
		"0123456789012345678901234567890123456789012345678901234567890123456";
	static const unsigned char zeros[20];
	static const uint32_t one = 1, none = 0, many = 0xffffffff;
	const struct {
		const char *name;
		uint8_t cmd;
		uint16_t flags;
		uint16_t type[2];
		const void *data[2];
		uint16_t len[2];
		int err;
		const char *text;
	} rows[] = {
		{ "no command", 0, 0, { 0 }, { 0 }, { 0 }, -EOPNOTSUPP, NULL },
		{ "an unknown command", 60, 0, { 0 }, { 0 }, { 0 }, -EOPNOTSUPP, NULL },
		{ "an event as a request", HOLM_CMD_LIFECYCLE_NTF, 0, { 0 }, { 0 }, { 0 },
		  -EOPNOTSUPP, NULL },
		{ "a dump of vm-kill", HOLM_CMD_VM_KILL, NLM_F_DUMP, { 0 }, { 0 }, { 0 },
		  -EOPNOTSUPP, NULL },
		{ "vm-get of none", HOLM_CMD_VM_GET, 0, { 0 }, { 0 }, { 0 }, -EINVAL,
		  "which virtual machine: id, name or uuid is missing" },
		{ "vm-kill of none", HOLM_CMD_VM_KILL, 0, { 0 }, { 0 }, { 0 }, -EINVAL,
		  "which virtual machine: id, name or uuid is missing" },
		{ "number 0", HOLM_CMD_VM_GET, 0, { HOLM_A_VM_ID }, { &none }, { 4 }, -ERANGE,
		  "integer out of range" },
		{ "half a number", HOLM_CMD_VM_GET, 0, { HOLM_A_VM_ID }, { &one }, { 2 }, -EINVAL,
		  NULL },
		{ "a number too long", HOLM_CMD_VM_GET, 0, { HOLM_A_VM_ID }, { zeros }, { 8 },
		  -EINVAL, NULL },
		{ "a number that nobody has", HOLM_CMD_VM_GET, 0, { HOLM_A_VM_ID }, { &many },
		  { 4 }, -ENOENT, "no such virtual machine" },
		{ "a name without its end", HOLM_CMD_VM_GET, 0, { HOLM_A_VM_NAME }, { "twins" },
		  { 5 }, -EINVAL, NULL },
		{ "a name too long", HOLM_CMD_VM_GET, 0, { HOLM_A_VM_NAME }, { long_name }, { 68 },
		  -EINVAL, NULL },
		{ "a name that two have", HOLM_CMD_VM_GET, 0, { HOLM_A_VM_NAME }, { "twins" },
		  { 6 }, -ENOTUNIQ, "more than one virtual machine has it" },
		{ "to kill by such a name", HOLM_CMD_VM_KILL, 0, { HOLM_A_VM_NAME }, { "twins" },
		  { 6 }, -ENOTUNIQ, "more than one virtual machine has it" },
		{ "a UUID too short", HOLM_CMD_VM_GET, 0, { HOLM_A_VM_UUID }, { zeros }, { 15 },
		  -ERANGE, NULL },
		{ "a UUID too long", HOLM_CMD_VM_GET, 0, { HOLM_A_VM_UUID }, { zeros }, { 17 },
		  -ERANGE, NULL },
		{ "a UUID that nobody has", HOLM_CMD_VM_GET, 0, { HOLM_A_VM_UUID }, { zeros },
		  { 16 }, -ENOENT, "no such virtual machine" },
		{ "a state that is none", HOLM_CMD_VM_GET, NLM_F_DUMP, { HOLM_A_VM_STATE },
		  { &many }, { 4 }, -ERANGE, "integer out of range" },
		{ "a user that is none", HOLM_CMD_VM_GET, NLM_F_DUMP, { HOLM_A_VM_UID },
		  { &many }, { 4 }, -EINVAL, "no such user in this user namespace" },
		{ "the same of host-get", HOLM_CMD_HOST_GET, 0, { HOLM_A_HOST_UID }, { &many },
		  { 4 }, -EINVAL, "no such user in this user namespace" },
		{ "what only answers have", HOLM_CMD_VM_GET, 0, { HOLM_A_VM_ID, HOLM_A_VM_PID },
		  { &one, &one }, { 4, 4 }, -EINVAL, "Unsupported attribute" },
		{ "vm-kill by owner", HOLM_CMD_VM_KILL, 0, { HOLM_A_VM_UID }, { &one }, { 4 },
		  -EINVAL, "Unknown attribute type" },
		{ "an attribute of nothing", HOLM_CMD_VM_GET, NLM_F_DUMP, { 100 }, { &one }, { 4 },
		  -EINVAL, "Unknown attribute type" },
		{ "a vCPU of no VM", HOLM_CMD_VCPU_GET, 0, { HOLM_A_VCPU_INDEX }, { &none }, { 4 },
		  -EINVAL, "which vCPU: vm or index is missing" },
		{ "a vCPU of a VM that is none", HOLM_CMD_VCPU_GET, 0,
		  { HOLM_A_VCPU_VM, HOLM_A_VCPU_INDEX }, { &many, &none }, { 4, 4 }, -ENOENT,
		  "no such virtual machine" },
	};
	struct vm twins[2] = { vm_start(0, "twins"), vm_start(0, "twins") };
	uint32_t id = vm_id("twins");
	struct raw raw = { 0 };
	struct request r;
	char text[256];
	unsigned int i, k;
	int err;

	if (raw_open(&raw))
		bad("no socket for requests by hand");
	done("two VMs of one name");
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		request_begin(&r, &raw, rows[i].cmd, rows[i].flags);
		for (k = 0; k < 2 && rows[i].type[k]; k++)
			request_add(&r, rows[i].type[k], rows[i].data[k], rows[i].len[k]);
		err = request_ask(&raw, &r, text, sizeof(text));
		if (err != rows[i].err)
			bad("error %d, expected %d (%s)", err, rows[i].err, text);
		if (rows[i].text && strcmp(text, rows[i].text))
			bad("\"%s\", expected \"%s\"", text, rows[i].text);
		done("refused: %s", rows[i].name);
	}

	request_begin(&r, &raw, HOLM_CMD_VCPU_GET, 0);
	request_add(&r, HOLM_A_VCPU_VM, &id, 4);
	request_add(&r, HOLM_A_VCPU_INDEX, &one, 4);
	err = request_ask(&raw, &r, text, sizeof(text));
	if (err != -ENOENT || strcmp(text, "no such vCPU"))
		bad("error %d, \"%s\"", err, text);
	done("refused: a vCPU that the VM does not have");
	close(raw.fd);
	vm_end(&twins[0]);
	vm_end(&twins[1]);
}

/*
 * A socket that a user opened gives nothing when root writes to it, nor one of
 * root's to a user whom it was given to. With an address, as sendto() takes it,
 * only the sender would count: who gives one knows what it is writing to.
 */
static void lent_sockets(void)
{
	struct vm of_root = vm_start(0, "of-root");
	uint32_t id = vm_id("of-root");
	struct raw users = { 0 }, roots = { 0 };
	struct request r;
	char text[256];
	int status = 0, err;
	pid_t pid;

	if (seteuid(STRANGER) || raw_open(&users) || seteuid(0) || raw_open(&roots))
		bad("two sockets");
	request_begin(&r, &roots, HOLM_CMD_VM_GET, 0);
	request_add(&r, HOLM_A_VM_ID, &id, 4);
	err = request_ask(&roots, &r, text, sizeof(text));
	if (err)
		bad("root by root's socket: %d (%s)", err, text);
	err = request_ask(&users, &r, text, sizeof(text));
	if (err != -ENOENT)
		bad("root by a user's socket: %d (%s)", err, text);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		become(STRANGER);
		_exit(request_ask(&roots, &r, text, sizeof(text)) != -ENOENT);
	}
	waitpid(pid, &status, 0);
	if (status)
		bad("a user by root's socket: status 0x%x", status);
	close(users.fd);
	close(roots.fd);
	done("a socket that changes hands gives only what both may have");
	vm_end(&of_root);
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

/* ---- fuzzing -------------------------------------------------------------------------------- */

static uint64_t seed = 0x686f6c6d;
static uint32_t fuzz_id;		/* of a VM that there is */

/* xorshift64*: the same numbers in each run. */
static uint32_t chance(uint32_t below)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (uint32_t)((seed * 0x2545f4914f6cdd1dULL) >> 32) % below;
}

static size_t fuzz_attr(unsigned char *to, size_t room, unsigned int depth)
{
	static const uint16_t lens[] = { 0, 1, 2, 3, 4, 4, 4, 8, 16, 16, 63, 64, 65 };
	struct nlattr attr;
	size_t len = lens[chance(ARRAY_SIZE(lens))], i, inside = 0;

	if (NLA_HDRLEN + len > room)
		return 0;
	attr.nla_type = chance(10) ? 1 + chance(14) : chance(65536);
	if (!chance(20))
		attr.nla_type |= chance(2) ? NLA_F_NESTED : NLA_F_NET_BYTEORDER;
	for (i = 0; i < len; i++)
		to[NLA_HDRLEN + i] = chance(3) ? chance(4) : chance(256);
	if (len == 4 && !chance(4))
		memcpy(to + NLA_HDRLEN, &fuzz_id, 4);
	if (depth && !chance(8))
		inside = fuzz_attr(to + NLA_HDRLEN, room - NLA_HDRLEN, depth - 1);
	if (inside > len)
		len = inside;
	attr.nla_len = chance(30) ? NLA_HDRLEN + len : chance(80);
	memcpy(to, &attr, sizeof(attr));
	return NLA_ALIGN(NLA_HDRLEN + len);
}

static void fuzz_one(const struct raw *raw)
{
	struct request r;
	unsigned int attrs = chance(5);
	size_t at = NLMSG_HDRLEN + GENL_HDRLEN, len;

	request_begin(&r, raw, chance(8) ? 1 + chance(6) : chance(256),
		      chance(4) ? NLM_F_ACK : NLM_F_DUMP);
	if (!chance(50))
		r.nl.nlmsg_flags = chance(65536);
	if (!chance(50))
		r.genl.version = chance(256);
	while (attrs--)
		at += fuzz_attr((unsigned char *)&r + at, sizeof(r) - at, 2);
	r.nl.nlmsg_len = at;
	len = at;
	if (!chance(30))
		r.nl.nlmsg_len = chance(at + 64);
	if (!chance(30))
		len = chance(at + 1);
	send(raw->fd, &r, len, MSG_DONTWAIT);
}

static void drain(const struct raw *raw)
{
	unsigned char buf[16384];

	while (recv(raw->fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0 || errno == ENOBUFS)
		;
}

static void fuzz(unsigned long messages)
{
	struct vm vms[3] = { { .pid = -1 }, { .pid = -1 }, { .pid = -1 } };
	struct raw raw = { 0 };
	struct holm_host_info host;
	struct holm_ctl *ctl;
	unsigned long n;
	unsigned int i, killed = 0;

	if (raw_open(&raw))
		bad("no socket for requests by hand");
	for (n = 0; n < messages && !failed; n++) {
		if (n % 500 == 0) {
			for (i = 0; i < ARRAY_SIZE(vms); i++) {
				if (vms[i].pid > 0 && !waitpid(vms[i].pid, NULL, WNOHANG))
					continue;
				killed += vms[i].pid > 0;
				vms[i].pid = -1;
				vms[i] = vm_start(chance(2) ? OWNER : 0, "fuzzed");
			}
			fuzz_id = vm_id("fuzzed");
		}
		fuzz_one(&raw);
		if (n % 4 == 0)
			drain(&raw);
	}
	close(raw.fd);
	if (holm_ctl_open(&ctl) || holm_ctl_host(ctl, &host))
		bad("the family does not answer: %s", holm_ctl_error(ctl));
	holm_ctl_close(ctl);
	for (i = 0; i < ARRAY_SIZE(vms); i++)
		vm_end(&vms[i]);
	done("%lu messages that make no sense", n);
	printf("# %u VMs were killed by them\n", killed);
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
	events();
	churn();
	many_vcpus();
	fuzz(messages);
	printf("1..%u\n", count);
	return 0;
}
