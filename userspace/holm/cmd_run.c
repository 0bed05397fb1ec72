// SPDX-License-Identifier: GPL-2.0-or-later
/* holm run: make the machine, run it, say how the guest ended. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <json-c/json.h>

#include "cmd.h"
#include "config.h"
#include "console.h"
#include "evloop.h"
#include "machine.h"

/**
 * struct runner - one "holm run"
 * @loop: event loop
 * @lock: machine lock
 * @machine: the machine
 * @cgroup: its control group, or NULL
 * @console: the console
 * @sigfd: descriptor that SIGTERM, SIGINT and SIGHUP arrive at
 * @sigwatch: its watch
 */
struct runner {
	struct evloop *loop;
	pthread_mutex_t lock;
	struct machine *machine;
	struct cgroup *cgroup;
	struct console console;
	int sigfd;
	struct evfd sigwatch;
};

static const char *const end_names[] = {
	[MACHINE_RUNS] = "running",
	[MACHINE_POWER_OFF] = "power-off",
	[MACHINE_RESET] = "reset",
	[MACHINE_TRIPLE_FAULT] = "triple-fault",
	[MACHINE_DEBUG_EXIT] = "debug-exit",
	[MACHINE_INTERRUPTED] = "interrupted",
	[MACHINE_FAILED] = "error",
};

static void on_quit(void *opaque)
{
	struct runner *r = opaque;

	machine_end(r->machine, MACHINE_INTERRUPTED, EXIT_OK, "ended from the console");
}

static void on_signal(void *opaque, uint32_t events)
{
	struct runner *r = opaque;
	struct signalfd_siginfo si;

	(void)events;
	if (read(r->sigfd, &si, sizeof(si)) != sizeof(si))
		return;
	machine_end(r->machine, MACHINE_INTERRUPTED, 128 + si.ssi_signo, "ended by signal %u (%s)",
		    si.ssi_signo, strsignal(si.ssi_signo));
}

static int watch_signals(struct runner *r, struct err *e)
{
	sigset_t set;
	int err;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	r->sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (r->sigfd < 0)
		return err_set_errno(e, "cannot watch signals");
	evfd_init(&r->sigwatch, r->loop, on_signal, r);
	err = evfd_add(&r->sigwatch, r->sigfd, EPOLLIN);
	if (err)
		return err_set(e, "cannot watch signals: %s", strerror(-err));
	return 0;
}

static void report(const struct machine_end *end, bool json)
{
	json_object *o;

	if (!json) {
		fprintf(stderr, "holm: %s\n", end->text);
		return;
	}
	o = json_object_new_object();
	json_object_object_add(o, "end", json_object_new_string(end_names[end->kind]));
	json_object_object_add(o, "status", json_object_new_int(end->status));
	json_object_object_add(o, "message", json_object_new_string(end->text));
	fprintf(stderr, "%s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_SPACED));
	json_object_put(o);
}

static int run(struct runner *r, const struct vm_config *cfg, struct err *e)
{
	int status = -1;

	/* First: what is allocated from here on is the group's. */
	if (cfg->cgroup.path) {
		r->cgroup = cgroup_enter(&cfg->cgroup, NULL, e);
		if (!r->cgroup)
			return -1;
	}
	r->loop = evloop_create(NULL, &r->lock, e);
	if (!r->loop)
		goto out_cgroup;
	r->console.quit = on_quit;
	r->console.opaque = r;
	if (console_open(&r->console, cfg, r->loop, e))
		goto out_loop;
	r->machine = machine_create(cfg, r->loop, &r->lock, r->console.chardev, e);
	if (!r->machine)
		goto out_console;
	if (watch_signals(r, e))
		goto out_machine;
	if (r->console.raw)
		fprintf(stderr, "holm: Ctrl-A x ends the guest, Ctrl-A h helps\r\n");

	if (!machine_run(r->machine, e))
		status = 0;

out_machine:
	evfd_remove(&r->sigwatch);
	if (r->sigfd >= 0)
		close(r->sigfd);
	if (!status) {
		struct machine_end end = r->machine->end;

		machine_destroy(r->machine);
		console_close(&r->console);
		report(&end, cfg->json);
		status = end.status;
		goto out_loop;
	}
	machine_destroy(r->machine);
out_console:
	console_close(&r->console);
out_loop:
	evloop_destroy(r->loop);
out_cgroup:
	cgroup_leave(r->cgroup);
	return status;
}

int cmd_run(int argc, char **argv)
{
	struct runner r = {
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.sigfd = -1,
		.sigwatch = { .fd = -1 },
	};
	struct vm_config cfg;
	struct err e = { "" };
	int status;

	vm_config_init(&cfg);
	if (vm_config_parse_args(&cfg, argc, argv, &e)) {
		fprintf(stderr, "holm run: %s\n", e.msg);
		status = EXIT_USAGE;
	} else if (cfg.print_config) {
		status = EXIT_OK;
		if (cfg.json)
			status = vm_config_print_json(&cfg, stdout) ? EXIT_FAILED : EXIT_OK;
		else
			vm_config_print(&cfg, stdout);
		if (fflush(stdout) || ferror(stdout))
			status = EXIT_FAILED;
	} else {
		status = run(&r, &cfg, &e);
		if (status < 0) {
			fprintf(stderr, "holm run: %s\n", e.msg);
			status = EXIT_FAILED;
		}
	}
	vm_config_deinit(&cfg);
	return status;
}
