// SPDX-License-Identifier: GPL-2.0-or-later
/* holm run: make the machine, run it, say how the guest ended. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "cmd.h"
#include "config.h"
#include "console.h"
#include "detach.h"
#include "evloop.h"
#include "json.h"
#include "machine.h"
#include "notify.h"

/**
 * struct runner - one "holm run"
 * @loop: event loop
 * @lock: machine lock
 * @machine: the machine
 * @cgroup: its control group, or NULL
 * @console: the console
 * @detach: with --detach
 * @sigfd: descriptor that SIGTERM, SIGINT, SIGHUP and SIGPWR arrive at
 * @sigwatch: its watch
 */
struct runner {
	struct evloop *loop;
	pthread_mutex_t lock;
	struct machine *machine;
	struct cgroup *cgroup;
	struct console console;
	struct detach detach;
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

/* From "holm stop", or from systemd as the machine goes down. */
static void press_power_button(struct runner *r)
{
	bool heard = machine_power_button(r->machine);

	if (!r->console.raw)
		fprintf(stderr, "holm: the power button was pressed%s\n",
			heard ? "" : "; the guest does not listen to it");
}

static void on_signal(void *opaque, uint32_t events)
{
	struct runner *r = opaque;
	struct signalfd_siginfo si;

	(void)events;
	if (read(r->sigfd, &si, sizeof(si)) != sizeof(si))
		return;
	if (si.ssi_signo == SIGPWR) {
		press_power_button(r);
		return;
	}
	machine_end(r->machine, MACHINE_INTERRUPTED, 128 + si.ssi_signo, "ended by signal %u (%s)",
		    si.ssi_signo, strsignal(si.ssi_signo));
}

/* Before others can see the virtual machine: it would end the launcher. */
static void block_power_signal(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPWR);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static int watch_signals(struct runner *r, struct err *e)
{
	sigset_t set;
	int err;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGPWR);
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

static const char *first_line(const char *text, char *buf, size_t size)
{
	snprintf(buf, size, "%.*s", (int)strcspn(text, "\n"), text);
	return buf;
}

static void report(const struct machine_end *end, bool json)
{
	struct json_object *o;

	if (!json) {
		fprintf(stderr, "holm: %s\n", end->text);
		return;
	}
	o = json_object_new_object();
	if (!o || json_add(o, "end", json_object_new_string(end_names[end->kind])) ||
	    json_add(o, "status", json_object_new_int(end->status)) ||
	    json_add(o, "message", json_object_new_string(end->text))) {
		json_object_put(o);
		o = NULL;
	}
	/* With spaces between, as it has always been. */
	if (json_write(o, JSON_C_TO_STRING_SPACED, stderr))
		fprintf(stderr, "holm run: out of memory\n");
}

/* The guest runs: tell those who wait for it. */
static int tell_ready(struct runner *r, const struct vm_config *cfg, struct err *e)
{
	int err = notify_ready();

	if (err < 0)
		fprintf(stderr, "holm: cannot tell the service manager: %s\n", strerror(-err));
	return cfg->detach ? detach_ready(&r->detach, cfg, r->console.where, e) : 0;
}

static int run(struct runner *r, const struct vm_config *cfg, struct err *e)
{
	int status = -1;

	block_power_signal();
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

	if (machine_start(r->machine, e))
		goto out_machine;
	if (tell_ready(r, cfg, e))
		machine_end(r->machine, MACHINE_FAILED, EXIT_FAILED, "%s", e->msg);
	if (!machine_run(r->machine, e))
		status = 0;

out_machine:
	evfd_remove(&r->sigwatch);
	if (r->sigfd >= 0)
		close(r->sigfd);
	if (!status) {
		struct machine_end end = r->machine->end;
		char line[256];

		machine_destroy(r->machine);
		console_close(&r->console, first_line(end.text, line, sizeof(line)));
		report(&end, cfg->json);
		status = end.status;
		goto out_loop;
	}
	machine_destroy(r->machine);
out_console:
	console_close(&r->console, e->msg);
out_loop:
	evloop_destroy(r->loop);
out_cgroup:
	cgroup_leave(r->cgroup);
	return status;
}

static int print_config(const struct vm_config *cfg)
{
	int status = EXIT_OK;

	if (cfg->json)
		status = vm_config_print_json(cfg, stdout) ? EXIT_FAILED : EXIT_OK;
	else
		vm_config_print(cfg, stdout);
	if (fflush(stdout) || ferror(stdout))
		status = EXIT_FAILED;
	return status;
}

static int run_here(struct runner *r, const struct vm_config *cfg)
{
	struct err e = { "" };
	int status = run(r, cfg, &e);

	if (status < 0) {
		status = EXIT_FAILED;
		if (!detach_failed(&r->detach, status, e.msg))
			fprintf(stderr, "holm run: %s\n", e.msg);
	}
	detach_end(&r->detach, status);
	return status;
}

int cmd_run(int argc, char **argv)
{
	struct runner r = {
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.detach = { .fd = -1 },
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
		status = print_config(&cfg);
	} else if (!cfg.has_uuid && uuid_random(cfg.uuid, &e)) {
		fprintf(stderr, "holm run: %s\n", e.msg);
		status = EXIT_FAILED;
	} else {
		/* The terminal is what a guest in the background is to leave alone. */
		if (cfg.detach && cfg.console == CONSOLE_STDIO)
			cfg.console = CONSOLE_SOCKET;
		if (!cfg.detach || detach_start(&r.detach, &cfg, argc, argv, &status))
			status = run_here(&r, &cfg);
	}
	vm_config_deinit(&cfg);
	return status;
}
