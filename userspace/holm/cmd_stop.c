// SPDX-License-Identifier: GPL-2.0-or-later
/* "holm stop": the power button, and the plug for a guest that does not listen. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "clock.h"
#include "cmd.h"
#include "control.h"
#include "json.h"
#include "launcher.h"

#define DEFAULT_TIMEOUT	90
#define MAX_TIMEOUT	86400
#define KILL_TIMEOUT	30	/* for the kernel to take a launcher apart */
#define POLL_MS		100

/**
 * struct stop - what the user wants
 * @vm: name, UUID or pid
 * @timeout: seconds
 * @json: machine-readable output
 */
struct stop {
	const char *vm;
	uint64_t timeout;
	bool json;
};

/* 0, or an exit status after a message. */
static int parse(struct stop *s, int argc, char **argv)
{
	const char *value;
	int flag;

	for (int i = 1; i < argc; i++) {
		flag = args_flag(argv, &i, "--timeout", &value);
		if (flag < 0)
			return EXIT_USAGE;
		if (flag) {
			if (args_number(argv, "--timeout", value, MAX_TIMEOUT, &s->timeout))
				return EXIT_USAGE;
		} else if (!strcmp(argv[i], "--json")) {
			s->json = true;
		} else if (argv[i][0] == '-' || s->vm) {
			return args_unexpected(argv, argv[i]);
		} else {
			s->vm = argv[i];
		}
	}
	return s->vm ? 0 : args_no_vm(argv);
}

/*
 * Wait until the driver does not know the virtual machine any more, up to @seconds.
 *
 * Return: 0: it is gone, 1: it is not, -1: @e is set.
 */
static int wait_gone(struct holm_ctl *ctl, const struct holm_vm_info *vm, int pidfd,
		     uint64_t seconds, struct err *e)
{
	int64_t end = clock_mono_ms() + (int64_t)seconds * 1000, left;
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	struct holm_vm_info now;
	int err;

	for (;;) {
		err = holm_ctl_vm(ctl, vm->id, &now);
		if (err == -ENOENT || (!err && memcmp(now.uuid, vm->uuid, sizeof(now.uuid))))
			return 0;
		if (err)
			return err_set(e, "%s", holm_ctl_error(ctl));
		left = end - clock_mono_ms();
		if (left <= 0)
			return 1;
		if (left > POLL_MS)
			left = POLL_MS;
		/* The kernel may take its time after the process: not in a busy loop. */
		if (poll(&p, 1, (int)left) > 0)
			p.fd = -1;
	}
}

static int press_power_button(const struct holm_vm_info *vm, int pidfd,
			      const struct launcher_status *s, struct err *e)
{
	char user[40];
	int err;

	if (!launcher_takes_signal(s, SIGPWR))
		return err_set(e, "its launcher, process %" PRIu32 ", does not listen to SIGPWR, which would end it or do nothing: \"holm kill\" ends it",
			       vm->pid);
	err = launcher_signal(pidfd, SIGPWR);
	if (err == -EPERM)
		return err_set(e, "the launcher belongs to user %s, whom you may send no signals",
			       control_user(vm->uid, user, sizeof(user)));
	/* -ESRCH: it ended by itself meanwhile. */
	if (err && err != -ESRCH)
		return err_set(e, "cannot send a signal to the launcher: %s", strerror(-err));
	return 0;
}

static int tell(const struct stop *s, const struct holm_vm_info *vm, bool killed)
{
	char uuid[HOLM_UUID_TEXT];
	struct json_object *o;

	if (!s->json) {
		if (killed)
			printf("%s did not shut down within %" PRIu64 " s: killed\n", s->vm,
			       s->timeout);
		else
			printf("%s has shut down\n", s->vm);
		return killed ? EXIT_KILLED : EXIT_OK;
	}
	holm_uuid_text(vm->uuid, uuid);
	o = json_object_new_object();
	if (!o || json_add(o, "name", json_object_new_string(vm->name)) ||
	    json_add(o, "uuid", json_object_new_string(uuid)) ||
	    json_add(o, "pid", json_object_new_int64(vm->pid)) ||
	    json_add(o, "end", json_object_new_string(killed ? "killed" : "shutdown"))) {
		json_object_put(o);
		o = NULL;
	}
	if (json_write(o, JSON_PRETTY, stdout)) {
		fprintf(stderr, "holm stop: out of memory\n");
		return EXIT_FAILED;
	}
	return killed ? EXIT_KILLED : EXIT_OK;
}

static int stop(const struct stop *s, struct holm_ctl *ctl, struct err *e)
{
	struct launcher_status status;
	struct holm_vm_info vm;
	int pidfd, gone, err;
	bool killed = false;

	if (control_find(ctl, s->vm, &vm, e))
		return -1;
	pidfd = launcher_open(ctl, &vm, &status, e);
	if (pidfd < 0)
		return err_prefix(e, "%s", s->vm);
	if (press_power_button(&vm, pidfd, &status, e)) {
		close(pidfd);
		return err_prefix(e, "%s", s->vm);
	}
	gone = wait_gone(ctl, &vm, pidfd, s->timeout, e);
	if (gone == 1) {
		killed = true;
		err = holm_ctl_kill(ctl, vm.id);
		gone = -1;
		if (err && err != -ENOENT)
			err_set(e, "%s did not shut down within %" PRIu64 " s, and is not to be killed: %s",
				s->vm, s->timeout, holm_ctl_error(ctl));
		else
			gone = wait_gone(ctl, &vm, pidfd, KILL_TIMEOUT, e);
		if (gone == 1)
			err_set(e, "%s was killed but is still there", s->vm);
		if (err == -ENOENT)
			killed = false;
	}
	close(pidfd);
	return gone ? -1 : tell(s, &vm, killed);
}

int cmd_stop(int argc, char **argv)
{
	struct stop s = { .timeout = DEFAULT_TIMEOUT };
	struct holm_ctl *ctl;
	struct err e;
	int status;

	status = parse(&s, argc, argv);
	if (status)
		return status;
	status = -1;
	ctl = control_open(&e);
	if (ctl)
		status = stop(&s, ctl, &e);
	holm_ctl_close(ctl);
	if (status >= 0)
		return status;
	fprintf(stderr, "holm stop: %s\n", e.msg);
	return EXIT_FAILED;
}
