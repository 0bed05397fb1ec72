// SPDX-License-Identifier: GPL-2.0-or-later
/* "holm list": which virtual machines there are. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd.h"
#include "control.h"
#include "json.h"

static void print_row(const struct holm_vm_info *vm)
{
	char memory[16], resident[16], uptime[32], user[40];

	printf("%7" PRIu32 "  %-9s %5" PRIu32 " %7s %8s  %-8s  %-8s  %s\n", vm->pid,
	       holm_vm_state_name(vm->state), vm->vcpus,
	       control_size(vm->memory, memory, sizeof(memory)),
	       control_size(vm->resident, resident, sizeof(resident)),
	       control_user(vm->uid, user, sizeof(user)),
	       control_duration(vm->uptime_ns, uptime, sizeof(uptime)),
	       vm->name[0] ? vm->name : "-");
}

static struct json_object *list_json(const struct holm_vm_info *vms, size_t n)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; array && i < n; i++) {
		if (json_append(array, control_vm_json(&vms[i]))) {
			json_object_put(array);
			array = NULL;
		}
	}
	return array;
}

int cmd_list(int argc, char **argv)
{
	struct holm_vm_info *vms;
	struct holm_ctl *ctl;
	bool json = false;
	struct err e;
	int status = EXIT_OK;
	size_t n;

	if (json_only_flag(argc, argv, &json))
		return EXIT_USAGE;
	ctl = control_open(&e);
	if (!ctl) {
		fprintf(stderr, "holm list: %s\n", e.msg);
		return EXIT_FAILED;
	}
	if (holm_ctl_vms(ctl, &vms, &n)) {
		fprintf(stderr, "holm list: %s\n", holm_ctl_error(ctl));
		status = EXIT_FAILED;
	} else if (json && json_write(list_json(vms, n), JSON_PRETTY, stdout)) {
		fprintf(stderr, "holm list: out of memory\n");
		status = EXIT_FAILED;
	} else if (!json) {
		printf("%7s  %-9s %5s %7s %8s  %-8s  %-8s  %s\n", "PID", "STATE", "VCPUS",
		       "MEMORY", "RESIDENT", "OWNER", "UPTIME", "NAME");
		for (size_t i = 0; i < n; i++)
			print_row(&vms[i]);
	}
	free(vms);
	holm_ctl_close(ctl);
	return status;
}
