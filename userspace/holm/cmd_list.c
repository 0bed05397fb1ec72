// SPDX-License-Identifier: GPL-2.0-or-later
/* "holm list" and "holm show": which virtual machines there are, how they fare. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* ---- show ---------------------------------------------------------------------- */

static void print_vcpu(const struct holm_vcpu_info *vcpu)
{
	const char *name;

	printf("vCPU %" PRIu32 ": APIC ID %" PRIu32 ", %s%s, ", vcpu->index, vcpu->apic_id,
	       holm_vcpu_state_name(vcpu->state), vcpu->in_guest ? ", in the guest" : "");
	if (vcpu->cpu >= 0)
		printf("CPU %" PRId32 ", thread %" PRIu32 "\n", vcpu->cpu, vcpu->tid);
	else
		printf("never run\n");
	for (size_t i = 0; (name = holm_vcpu_counter_name(i)); i++)
		if (vcpu->counter[i])
			printf("  %-15s %" PRIu64 "\n", name, vcpu->counter[i]);
}

static void show_text(const struct holm_vm_info *vm, const struct holm_vcpu_info *vcpus, size_t n)
{
	char buf[40], uuid[HOLM_UUID_TEXT];

	holm_uuid_text(vm->uuid, uuid);
	printf("name       %s\n", vm->name[0] ? vm->name : "-");
	printf("uuid       %s\n", uuid);
	printf("state      %s\n", holm_vm_state_name(vm->state));
	printf("owner      %s\n", control_user(vm->uid, buf, sizeof(buf)));
	printf("pid        %" PRIu32 "\n", vm->pid);
	printf("netns      %" PRIu32 "\n", vm->netns);
	printf("uptime     %s\n", control_duration(vm->uptime_ns, buf, sizeof(buf)));
	printf("memory     %s\n", control_size(vm->memory, buf, sizeof(buf)));
	printf("resident   %s\n", control_size(vm->resident, buf, sizeof(buf)));
	printf("halt poll  %" PRIu32 " ns\n", vm->halt_poll_ns);
	printf("exits      %" PRIu64 "\n", vm->exits);
	for (size_t i = 0; i < n; i++)
		print_vcpu(&vcpus[i]);
}

static struct json_object *vcpu_json(const struct holm_vcpu_info *vcpu)
{
	struct json_object *o = json_object_new_object();
	const char *name;
	size_t i;

	if (!o || json_add(o, "index", json_object_new_int64(vcpu->index)) ||
	    json_add(o, "apic_id", json_object_new_int64(vcpu->apic_id)) ||
	    json_add(o, "state",
			     json_object_new_string(holm_vcpu_state_name(vcpu->state))) ||
	    json_add(o, "in_guest", json_object_new_boolean(vcpu->in_guest)) ||
	    json_add(o, "cpu", json_object_new_int(vcpu->cpu)) ||
	    json_add(o, "tid", json_object_new_int64(vcpu->tid)))
		goto err;
	for (i = 0; (name = holm_vcpu_counter_name(i)); i++) {
		char key[32];

		snprintf(key, sizeof(key), "%s", name);
		for (char *c = key; *c; c++)
			if (*c == '-')
				*c = '_';
		if (json_add(o, key, json_object_new_uint64(vcpu->counter[i])))
			goto err;
	}
	return o;

err:
	json_object_put(o);
	return NULL;
}

static struct json_object *show_json(const struct holm_vm_info *vm,
				     const struct holm_vcpu_info *vcpus, size_t n)
{
	struct json_object *root = control_vm_json(vm);
	struct json_object *array = json_object_new_array();
	size_t i = 0;

	if (!root) {
		json_object_put(array);
		return NULL;
	}
	if (!json_add(root, "vcpu", array)) {
		while (i < n && !json_append(array, vcpu_json(&vcpus[i])))
			i++;
		if (i == n)
			return root;
	}
	json_object_put(root);
	return NULL;
}

int cmd_show(int argc, char **argv)
{
	struct holm_vcpu_info *vcpus = NULL;
	const char *what = NULL;
	struct holm_vm_info vm;
	struct holm_ctl *ctl;
	int status = EXIT_FAILED;
	bool json = false;
	struct err e;
	size_t n;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--json")) {
			json = true;
		} else if (argv[i][0] == '-' || what) {
			fprintf(stderr, "holm show: unexpected argument %s (see \"holm help show\")\n",
				argv[i]);
			return EXIT_USAGE;
		} else {
			what = argv[i];
		}
	}
	if (!what) {
		fprintf(stderr, "holm show: which virtual machine? (see \"holm help show\")\n");
		return EXIT_USAGE;
	}
	ctl = control_open(&e);
	if (!ctl || control_find(ctl, what, &vm, &e)) {
		fprintf(stderr, "holm show: %s\n", e.msg);
	} else if (holm_ctl_vcpus(ctl, vm.id, &vcpus, &n)) {
		fprintf(stderr, "holm show: %s\n", holm_ctl_error(ctl));
	} else if (json && json_write(show_json(&vm, vcpus, n), JSON_PRETTY, stdout)) {
		fprintf(stderr, "holm show: out of memory\n");
	} else {
		if (!json)
			show_text(&vm, vcpus, n);
		status = EXIT_OK;
	}
	free(vcpus);
	holm_ctl_close(ctl);
	return status;
}
