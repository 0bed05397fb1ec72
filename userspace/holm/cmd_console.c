// SPDX-License-Identifier: GPL-2.0-or-later
/* "holm console": the terminal becomes that of a guest in the background. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
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

/* 0, or an exit status after a message. */
static int parse(struct request *r, int argc, char **argv)
{
	int flag;

	for (int i = 1; i < argc; i++) {
		flag = args_flag(argv, &i, "--socket", &r->socket);
		if (flag < 0)
			return EXIT_USAGE;
		if (flag)
			continue;
		if (!strcmp(argv[i], "--force"))
			r->force = true;
		else if (argv[i][0] == '-' || r->vm)
			return args_unexpected(argv, argv[i]);
		else
			r->vm = argv[i];
	}
	return !r->vm == !r->socket ? args_no_vm(argv) : 0;
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
	struct err e;
	int fd, status;

	status = parse(&r, argc, argv);
	if (status)
		return status;
	status = -1;
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
