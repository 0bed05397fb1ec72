// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Watches, on guests that work, spin, sleep and are dead: who is told of what, by
 * the group and by the socket that asked, and what ends a watch.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/holm.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"
#include "libholm/control.h"

/* The driver looks once a second; a host may be slow. */
#define PATIENCE_MS	120000
#define QUIET_MS	3000
/* Of one user for a VM: Documentation/netlink.rst. */
#define USER_MAX	16

/* 16-bit code. */
static const char works[] = "\xe6\xf4\xeb\xfc";	/* 1: out %al, $0xf4; jmp 1b */
static const char spins[] = "\xfa\xeb\xfe";	/* cli; 1: jmp 1b */
static const char sleeps[] = "\xfb\xf4\xeb\xfd";	/* sti; 1: hlt; jmp 1b */
static const char is_dead[] = "\xfa\xf4";	/* cli; hlt */

/* ---- sockets ---------------------------------------------------------- */

struct event {
	uint32_t vm;
	uint32_t kind;
	uint32_t uid;
	uint64_t threshold;
	uint64_t value;
	uint64_t seq;
	bool has_seq;
	bool has_uuid;
	bool has_time;
	char name[HOLM_NAME_MAX + 1];
};

/* A socket, what it has heard, and whether something was lost. */
struct ear {
	struct raw raw;
	struct event events[64];
	unsigned int n;
	bool lost;
};

static void take_event(struct ear *ear, const unsigned char *buf, size_t len)
{
	struct event e = { 0 };
	size_t at = NLMSG_HDRLEN + GENL_HDRLEN;

	while (at + NLA_HDRLEN <= len) {
		const unsigned char *data = buf + at + NLA_HDRLEN;
		struct nlattr attr;

		memcpy(&attr, buf + at, sizeof(attr));
		if (attr.nla_len < NLA_HDRLEN || at + attr.nla_len > len)
			break;
		switch (attr.nla_type) {
		case HOLM_A_WATCH_VM:
			memcpy(&e.vm, data, sizeof(e.vm));
			break;
		case HOLM_A_WATCH_KIND:
			memcpy(&e.kind, data, sizeof(e.kind));
			break;
		case HOLM_A_WATCH_UID:
			memcpy(&e.uid, data, sizeof(e.uid));
			break;
		case HOLM_A_WATCH_THRESHOLD:
			memcpy(&e.threshold, data, sizeof(e.threshold));
			break;
		case HOLM_A_WATCH_VALUE:
			memcpy(&e.value, data, sizeof(e.value));
			break;
		case HOLM_A_WATCH_SEQ:
			memcpy(&e.seq, data, sizeof(e.seq));
			e.has_seq = true;
			break;
		case HOLM_A_WATCH_NAME:
			snprintf(e.name, sizeof(e.name), "%s", data);
			break;
		case HOLM_A_WATCH_UUID:
			e.has_uuid = attr.nla_len == NLA_HDRLEN + HOLM_UUID_LEN;
			break;
		case HOLM_A_WATCH_TIME:
			e.has_time = true;
			break;
		}
		at += NLA_ALIGN(attr.nla_len);
	}
	if (ear->n < ARRAY_SIZE(ear->events))
		ear->events[ear->n] = e;
	ear->n++;
}

/* One message: true when it is the answer to a request, which @err is then. */
static bool listen_once(struct ear *ear, int *err, char *text, size_t size)
{
	unsigned char buf[16384];
	const struct nlmsghdr *nl = (const struct nlmsghdr *)buf;
	const struct genlmsghdr *genl = (const struct genlmsghdr *)(nl + 1);
	ssize_t len = recv(ear->raw.fd, buf, sizeof(buf), 0);

	*err = -EPROTO;
	if (len < 0 && errno == ENOBUFS) {
		ear->lost = true;
		return false;
	}
	if (len < (ssize_t)(sizeof(*nl) + sizeof(*genl)))
		return true;
	if (nl->nlmsg_type != ear->raw.family)
		return request_answer(nl, err, text, size);
	if (genl->cmd == HOLM_CMD_WATCH_NTF)
		take_event(ear, buf, len);
	return false;
}

static int set_text(struct ear *ear, uint32_t vm, uint32_t kind, uint64_t threshold, char *text,
		    size_t size)
{
	struct request r;
	int err;

	text[0] = '\0';
	request_begin(&r, &ear->raw, HOLM_CMD_WATCH_SET, NLM_F_ACK);
	request_add(&r, HOLM_A_WATCH_VM, &vm, sizeof(vm));
	request_add(&r, HOLM_A_WATCH_KIND, &kind, sizeof(kind));
	request_add(&r, HOLM_A_WATCH_THRESHOLD, &threshold, sizeof(threshold));
	if (send(ear->raw.fd, &r, r.nl.nlmsg_len, 0) < 0)
		return -errno;
	while (!listen_once(ear, &err, text, size))
		;
	return err;
}

int watch_set(const struct raw *raw, uint32_t vm, uint32_t kind, uint64_t threshold)
{
	struct ear ear = { .raw = *raw };
	char text[256];

	return set_text(&ear, vm, kind, threshold, text, sizeof(text));
}

static void set(struct ear *ear, uint32_t vm, uint32_t kind, uint64_t threshold)
{
	char text[256];
	int err = set_text(ear, vm, kind, threshold, text, sizeof(text));

	if (err)
		bad("watch-set of VM %u, kind %u: %d (%s)", vm, kind, err, text);
}

static void ear_open(struct ear *ear)
{
	memset(ear, 0, sizeof(*ear));
	if (raw_open(&ear->raw))
		bad("no socket for requests by hand");
}

static void join_group(struct ear *ear)
{
	struct nl_sock *sock = nl_socket_alloc();
	int group = -1;

	if (sock && !genl_connect(sock))
		group = genl_ctrl_resolve_grp(sock, HOLM_GENL_NAME, HOLM_MCGRP_WATCH);
	nl_socket_free(sock);
	if (group < 0 || setsockopt(ear->raw.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group,
				    sizeof(group)))
		bad("cannot join the group watch");
}

static const struct event *heard_of(const struct ear *ear, uint32_t vm, uint32_t kind)
{
	unsigned int i;

	for (i = 0; i < ear->n && i < ARRAY_SIZE(ear->events); i++)
		if (ear->events[i].vm == vm && ear->events[i].kind == kind)
			return &ear->events[i];
	return NULL;
}

/* Whatever comes within @ms of the message before. */
static bool listen_for(struct ear *ear, int ms)
{
	struct pollfd p = { .fd = ear->raw.fd, .events = POLLIN };
	char text[256];
	int err;

	if (poll(&p, 1, ms) <= 0)
		return false;
	listen_once(ear, &err, text, sizeof(text));
	return true;
}

/* Wait for that event; NULL, and a failed result, when it does not come. */
static const struct event *expect(struct ear *ear, uint32_t vm, uint32_t kind)
{
	const struct event *e;

	for (;;) {
		e = heard_of(ear, vm, kind);
		if (e)
			return e;
		if (!listen_for(ear, PATIENCE_MS)) {
			bad("no event of VM %u, kind %u, after %u others", vm, kind, ear->n);
			return NULL;
		}
	}
}

/* ---- results ---------------------------------------------------------- */

/* The owner, who may not join the group, is told of his own. */
static pid_t owner_listens(uint32_t stuck)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		const struct event *e;
		struct ear ear;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		become(OWNER);
		ear_open(&ear);
		set(&ear, stuck, HOLM_WATCH_KIND_NO_PROGRESS, 2);
		e = expect(&ear, stuck, HOLM_WATCH_KIND_NO_PROGRESS);
		_exit(is_bad() ? 1 : e->has_seq ? 2 : e->uid != OWNER ? 3 : ear.n != 1 ? 4 : 0);
	}
	return pid;
}

static void progress(void)
{
	struct vm vms[4];
	uint32_t work, stuck, idle, dead;
	const struct event *e;
	struct ear ear, group;
	unsigned int i;
	int status = 0;
	pid_t owner;

	vms[0] = guest_start(0, "works", works, sizeof(works) - 1);
	vms[1] = guest_start(0, "idle", sleeps, sizeof(sleeps) - 1);
	vms[2] = guest_start(OWNER, "stuck", spins, sizeof(spins) - 1);
	vms[3] = guest_start(0, "dead", is_dead, sizeof(is_dead) - 1);
	work = vm_id("works");
	idle = vm_id("idle");
	stuck = vm_id("stuck");
	dead = vm_id("dead");
	ear_open(&ear);
	ear_open(&group);
	join_group(&group);
	set(&ear, work, HOLM_WATCH_KIND_NO_PROGRESS, 2);
	set(&ear, idle, HOLM_WATCH_KIND_NO_PROGRESS, 2);
	owner = owner_listens(stuck);
	set(&ear, stuck, HOLM_WATCH_KIND_NO_PROGRESS, 2);
	set(&ear, dead, HOLM_WATCH_KIND_NO_PROGRESS, 2);
	e = expect(&ear, stuck, HOLM_WATCH_KIND_NO_PROGRESS);
	if (e && (e->value <= 2 || e->threshold != 2 || strcmp(e->name, "stuck") ||
		  e->uid != OWNER || !e->has_seq || !e->has_uuid || !e->has_time))
		bad("value %llu, threshold %llu, of %s, user %u", (unsigned long long)e->value,
		    (unsigned long long)e->threshold, e->name, e->uid);
	done("a guest that spins with interrupts off makes no progress");
	expect(&ear, dead, HOLM_WATCH_KIND_NO_PROGRESS);
	done("a guest that halted with interrupts off makes no progress");

	waitpid(owner, &status, 0);
	if (status)
		bad("status 0x%x", status);
	done("the owner is told by his own socket, without the group's numbers");

	while (listen_for(&ear, QUIET_MS))
		;
	if (heard_of(&ear, work, HOLM_WATCH_KIND_NO_PROGRESS))
		bad("the one that works");
	if (heard_of(&ear, idle, HOLM_WATCH_KIND_NO_PROGRESS))
		bad("the one that is idle");
	if (ear.n != 2)
		bad("%u events, expected 2", ear.n);
	done("guests that work or are idle are not stuck, and who is, is told once");

	/* Two of this socket's and the owner's one. */
	while (group.n < 3 && listen_for(&group, PATIENCE_MS))
		;
	if (group.n != 3)
		bad("%u events, expected 3", group.n);
	for (i = 0; i < 3; i++)
		if (!group.events[i].has_seq ||
		    (i && group.events[i].seq != group.events[i - 1].seq + 1))
			bad("event %u has number %llu", i, (unsigned long long)group.events[i].seq);
	done("the group is told of all, with numbers in order");
	close(ear.raw.fd);
	close(group.raw.fd);
	for (i = 0; i < ARRAY_SIZE(vms); i++)
		vm_end(&vms[i]);
}

static void values(void)
{
	struct vm vm = guest_start(0, "works", works, sizeof(works) - 1);
	uint32_t id = vm_id("works");
	struct ear ear;
	const struct event *e;

	ear_open(&ear);
	set(&ear, id, HOLM_WATCH_KIND_EXIT_RATE, 10);
	e = expect(&ear, id, HOLM_WATCH_KIND_EXIT_RATE);
	if (e && (e->value <= 10 || e->threshold != 10))
		bad("value %llu, threshold %llu", (unsigned long long)e->value,
		    (unsigned long long)e->threshold);
	done("exits a second above the threshold");

	set(&ear, id, HOLM_WATCH_KIND_RESIDENT, 4095);
	e = expect(&ear, id, HOLM_WATCH_KIND_RESIDENT);
	if (e && (e->value < 4096 || e->value % 4096 || e->threshold != 4095))
		bad("value %llu, threshold %llu", (unsigned long long)e->value,
		    (unsigned long long)e->threshold);
	done("resident memory above the threshold");

	/* Replaced: told anew. Taken away: not, while another one is. */
	ear.n = 0;
	set(&ear, id, HOLM_WATCH_KIND_EXIT_RATE, 11);
	e = expect(&ear, id, HOLM_WATCH_KIND_EXIT_RATE);
	if (e && e->threshold != 11)
		bad("threshold %llu", (unsigned long long)e->threshold);
	done("a threshold that replaces another one");
	set(&ear, id, HOLM_WATCH_KIND_EXIT_RATE, 0);
	set(&ear, id, HOLM_WATCH_KIND_RESIDENT, 0);
	ear.n = 0;
	set(&ear, id, HOLM_WATCH_KIND_EXIT_RATE, 10);
	set(&ear, id, HOLM_WATCH_KIND_EXIT_RATE, 0);
	ear.n = 0;
	set(&ear, id, HOLM_WATCH_KIND_RESIDENT, 4095);
	expect(&ear, id, HOLM_WATCH_KIND_RESIDENT);
	if (heard_of(&ear, id, HOLM_WATCH_KIND_EXIT_RATE))
		bad("it was taken away");
	done("a watch that was taken away");

	close(ear.raw.fd);
	vm_end(&vm);
}

/* A watch of @kind, without an acknowledgement. */
static void set_silent(struct ear *ear, uint32_t vm, uint32_t kind, uint64_t threshold)
{
	struct request r;

	request_begin(&r, &ear->raw, HOLM_CMD_WATCH_SET, 0);
	request_add(&r, HOLM_A_WATCH_VM, &vm, sizeof(vm));
	request_add(&r, HOLM_A_WATCH_KIND, &kind, sizeof(kind));
	request_add(&r, HOLM_A_WATCH_THRESHOLD, &threshold, sizeof(threshold));
	if (send(ear->raw.fd, &r, r.nl.nlmsg_len, 0) < 0)
		bad("send: %s", strerror(errno));
}

/* A socket that is not read has room for a few events. */
static void full_socket(void)
{
	struct vm vm = guest_start(0, "works", works, sizeof(works) - 1);
	const unsigned int rounds = 8;
	uint32_t id = vm_id("works");
	struct ear full, other;
	const int tiny = 1;
	unsigned int i;

	ear_open(&full);
	ear_open(&other);
	setsockopt(full.raw.fd, SOL_SOCKET, SO_RCVBUF, &tiny, sizeof(tiny));
	for (i = 0; i < rounds && !is_bad(); i++) {
		/* Each time they are new, and come before the other socket's. */
		set_silent(&full, id, HOLM_WATCH_KIND_EXIT_RATE, 10);
		set_silent(&full, id, HOLM_WATCH_KIND_RESIDENT, 10);
		set(&other, id, HOLM_WATCH_KIND_RESIDENT, 10);
		expect(&other, id, HOLM_WATCH_KIND_RESIDENT);
		other.n = 0;
	}
	while (listen_for(&full, 0))
		;
	if (!full.lost || !full.n || full.n >= 2 * rounds)
		bad("%u events, %s", full.n, full.lost ? "others lost" : "none lost");
	close(full.raw.fd);
	close(other.raw.fd);
	done("a socket that is full is told that it lost events, and holds nobody up");
	vm_end(&vm);
}

/* As many as a user may have, without and with a socket that is closed. */
static void limits(void)
{
	struct vm vm = vm_start(0, "watched");
	uint32_t id = vm_id("watched");
	struct ear ears[USER_MAX / 3 + 2];
	unsigned int i;
	char text[256];
	int err;

	for (i = 0; i < ARRAY_SIZE(ears); i++)
		ear_open(&ears[i]);
	for (i = 0; i < USER_MAX; i++)
		set(&ears[i / 3], id, i % 3, 1ULL << 60);
	err = set_text(&ears[i / 3], id, i % 3, 1ULL << 60, text, sizeof(text));
	if (err != -ENOSPC || strcmp(text, "this user has as many watches of it as there may be"))
		bad("one more: %d (%s)", err, text);
	set(&ears[0], id, 0, 1ULL << 61);
	done("a user has %u watches of a VM at most", USER_MAX);
	close(ears[0].raw.fd);
	for (; i < USER_MAX + 3; i++)
		set(&ears[i / 3], id, i % 3, 1ULL << 60);
	err = set_text(&ears[i / 3], id, i % 3, 1ULL << 60, text, sizeof(text));
	if (err != -ENOSPC)
		bad("one more: %d (%s)", err, text);
	done("watches end with their socket");

	vm_end(&vm);
	err = set_text(&ears[1], id, 0, 1, text, sizeof(text));
	if (err != -ENOENT || strcmp(text, "no such virtual machine"))
		bad("a VM that is gone: %d (%s)", err, text);
	done("refused: a watch of a VM that is gone");
	for (i = 1; i < ARRAY_SIZE(ears); i++)
		close(ears[i].raw.fd);
}

void watches(void)
{
	progress();
	values();
	full_socket();
	limits();
}
