// SPDX-License-Identifier: GPL-2.0-or-later
/* "holm console": the terminal becomes that of a guest in the background. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "console_client.h"
#include "control.h"
#include "rundir.h"

/**
 * struct request - what the user wants
 * @vm: name, UUID or pid; or NULL
 * @socket: path of a socket; or NULL
 * @force: whoever is attached is to go
 */
struct request {
	const char *vm;
	const char *socket;
	bool force;
};

static int parse(struct request *r, int argc, char **argv, struct err *e)
{
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--force")) {
			r->force = true;
		} else if (!strcmp(argv[i], "--socket") && i + 1 < argc) {
			r->socket = argv[++i];
		} else if (!strncmp(argv[i], "--socket=", 9)) {
			r->socket = argv[i] + 9;
		} else if (argv[i][0] == '-' || r->vm) {
			return err_set(e, "unexpected argument %s (see \"holm help console\")",
				       argv[i]);
		} else {
			r->vm = argv[i];
		}
	}
	if (!r->vm == !r->socket)
		return err_set(e, "which virtual machine? (see \"holm help console\")");
	return 0;
}

/* A connection to the console of a virtual machine that the driver knows. */
static int open_vm(const char *what, struct err *e)
{
	struct holm_ctl *ctl = control_open(e);
	struct holm_vm_info vm;
	char path[PATH_MAX];
	int fd = -1;

	if (ctl && !control_find(ctl, what, &vm, e) &&
	    !rundir_file(vm.uid, vm.uuid, "console", path, e)) {
		if (vm.uid != geteuid() && geteuid())
			err_set(e, "%s belongs to user %u, whose consoles are not for you", what,
				vm.uid);
		else
			fd = console_client_open(path, vm.uid, (pid_t)vm.pid, e);
	}
	holm_ctl_close(ctl);
	return fd;
}

int cmd_console(int argc, char **argv)
{
	struct request r = { .vm = NULL };
	int fd, status = -1;
	struct err e;

	if (parse(&r, argc, argv, &e)) {
		fprintf(stderr, "holm console: %s\n", e.msg);
		return EXIT_USAGE;
	}
	if (r.socket)
		fd = console_client_open(r.socket, (uid_t)-1, 0, &e);
	else
		fd = open_vm(r.vm, &e);
	if (fd >= 0 && !console_client_attach(fd, r.force, &e))
		status = console_client_run(fd, &e);
	if (fd >= 0)
		close(fd);
	if (status >= 0)
		return status;
	fprintf(stderr, "holm console: %s\n", e.msg);
	return EXIT_FAILED;
}
