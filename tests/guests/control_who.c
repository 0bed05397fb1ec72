// SPDX-License-Identifier: GPL-2.0-or-later
/* Who sees which VM by netlink, and may do what to it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"
#include "libholm/control.h"

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

/* The VMs have no slots: who sees the VM is told that, which is ENXIO here. */
static int ask_slot(struct holm_ctl *ctl, uint32_t id)
{
	const uint32_t slot = 0;
	struct raw raw = { 0 };
	struct request r;
	char text[256];
	size_t n;
	int err;

	(void)ctl;
	if (raw_open(&raw))
		return -EPROTO;
	request_begin(&r, &raw, HOLM_CMD_SLOT_GET, 0);
	request_add(&r, HOLM_A_SLOT_VM, &id, sizeof(id));
	request_add(&r, HOLM_A_SLOT_SLOT, &slot, sizeof(slot));
	err = request_answers(&raw, &r, NULL, 0, &n, text, sizeof(text));
	close(raw.fd);
	return err == -ENOENT && !strcmp(text, "no such slot") ? -ENXIO : err;
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

static int ask_watch(struct holm_ctl *ctl, uint32_t id)
{
	struct raw raw = { .fd = -1 };

	(void)ctl;
	return raw_open(&raw) ? -EPROTO : watch_set(&raw, id, HOLM_WATCH_KIND_RESIDENT, 1);
}

static int ask_set(struct holm_ctl *ctl, uint32_t id)
{
	const struct holm_vm_change change = {
		.what = HOLM_CHANGE_HALT_POLL | HOLM_CHANGE_PAUSED | HOLM_CHANGE_STATS,
		.halt_poll_ns = 1000,
	};

	return holm_ctl_set(ctl, id, &change);
}

/* Who does not see the VM does not see that its vCPU has no exits, either. */
static int ask_stats(struct holm_ctl *ctl, uint32_t id)
{
	const uint32_t none = 0;
	struct raw raw = { 0 };
	struct request r;
	char text[256];
	int err;

	(void)ctl;
	if (raw_open(&raw))
		return -EPROTO;
	request_begin(&r, &raw, HOLM_CMD_STATS_GET, 0);
	request_add(&r, HOLM_A_STATS_VM, &id, sizeof(id));
	request_add(&r, HOLM_A_STATS_VCPU, &none, sizeof(none));
	request_add(&r, HOLM_A_STATS_REASON, &none, sizeof(none));
	request_add(&r, HOLM_A_STATS_RESET, NULL, 0);
	err = request_ask(&raw, &r, text, sizeof(text));
	close(raw.fd);
	return err;
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
	{ "slot-get", ask_slot,
	  { [ROOT] = -ENXIO, [THE_OWNER] = -ENXIO, [A_STRANGER] = -ENOENT,
	    [CHILD_ROOT] = -ENOENT, [OTHER_NET] = -ENOENT, [CHILD_NET] = -ENOENT } },
	{ "vm-set", ask_set,
	  { [A_STRANGER] = -ENOENT, [CHILD_ROOT] = -ENOENT, [OTHER_NET] = -ENOENT,
	    [CHILD_NET] = -ENOENT } },
	{ "stats-get", ask_stats,
	  { [A_STRANGER] = -ENOENT, [CHILD_ROOT] = -ENOENT, [OTHER_NET] = -ENOENT,
	    [CHILD_NET] = -ENOENT } },
	{ "events", ask_listen,
	  { [THE_OWNER] = -EPERM, [A_STRANGER] = -EPERM, [CHILD_ROOT] = -EPERM } },
	{ "watch-set", ask_watch,
	  { [A_STRANGER] = -ENOENT, [CHILD_ROOT] = -ENOENT, [OTHER_NET] = -ENOENT,
	    [CHILD_NET] = -ENOENT } },
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

void permissions(void)
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
