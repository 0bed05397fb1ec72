// SPDX-License-Identifier: GPL-2.0-or-later
/* "holm kill": an end to a virtual machine that does not listen. */
#include <stdio.h>

#include "args.h"
#include "cmd.h"
#include "control.h"

int cmd_kill(int argc, char **argv)
{
	struct holm_vm_info vm;
	struct holm_ctl *ctl;
	int status = EXIT_FAILED;
	struct err e;

	if (argc != 2 || argv[1][0] == '-')
		return args_no_vm(argv);
	ctl = control_open(&e);
	if (!ctl || control_find(ctl, argv[1], &vm, &e))
		fprintf(stderr, "holm kill: %s\n", e.msg);
	else if (holm_ctl_kill(ctl, vm.id))
		fprintf(stderr, "holm kill: %s\n", holm_ctl_error(ctl));
	else
		status = EXIT_OK;
	holm_ctl_close(ctl);
	return status;
}
