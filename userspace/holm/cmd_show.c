// SPDX-License-Identifier: GPL-2.0-or-later
/* "holm show": how a virtual machine fares, or the driver. */
#include <errno.h>
#include <inttypes.h>
#include <linux/holm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "cmd.h"
#include "control.h"
#include "json.h"
#include "stats.h"

/**
 * struct machine - all that is told of one virtual machine
 * @vm: itself
 * @vcpus: of it
 * @n_vcpus: how many
 * @slots: its memory
 * @n_slots: how many
 */
struct machine {
	struct holm_vm_info vm;
	struct holm_vcpu_info *vcpus;
	size_t n_vcpus;
	struct holm_slot_info *slots;
	size_t n_slots;
};

/* ---- text ---------------------------------------------------------------------- */

static void print_vcpu(const struct holm_vcpu_info *vcpu)
{
	char guest[16], kernel[16], user[16], halted[16];
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
	if (vcpu->has_times)
		printf("  %-15s guest %s, driver %s, launcher %s, halted %s\n", "time",
		       stats_time_text(vcpu->guest_ns, guest, sizeof(guest)),
		       stats_time_text(vcpu->kernel_ns, kernel, sizeof(kernel)),
		       stats_time_text(vcpu->user_ns, user, sizeof(user)),
		       stats_time_text(vcpu->halted_ns, halted, sizeof(halted)));
	if (vcpu->has_last_exit)
		printf("  %-15s %s\n", "last-exit", holm_exit_reason_name(vcpu->last_exit));
	for (size_t i = 0; vcpu->has_reasons && i < HOLM_EXIT_REASONS; i++)
		if (vcpu->by_reason[i])
			printf("  by-reason       %-18s %" PRIu64 "\n", holm_exit_reason_name(i),
			       vcpu->by_reason[i]);
}

static void print_slot(const struct holm_slot_info *slot)
{
	char size[16];

	printf("slot %" PRIu32 ": 0x%" PRIx64 ", %s%s%s", slot->slot, slot->gpa,
	       control_size(slot->size, size, sizeof(size)),
	       slot->flags & HOLM_SLOT_READONLY ? ", read-only" : "",
	       slot->flags & HOLM_SLOT_LOG_DIRTY ? ", writes logged" : "");
	if (slot->has_pages)
		printf(", pages %" PRIu64 " of 4K, %" PRIu64 " of 2M, %" PRIu64 " of 1G",
		       slot->pages_4k, slot->pages_2m, slot->pages_1g);
	if (slot->has_dirty)
		printf(", %" PRIu64 " dirty", slot->dirty);
	printf("\n");
}

static void show_text(const struct machine *m)
{
	const struct holm_vm_info *vm = &m->vm;
	char buf[CONTROL_BITS], uuid[HOLM_UUID_TEXT];

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
	if (vm->has_ple)
		printf("PLE        gap %" PRIu32 ", window %" PRIu32 "\n", vm->ple_gap,
		       vm->ple_window);
	if (vm->has_features)
		printf("features   %s\n",
		       control_bits(vm->features, holm_vm_feature_name, buf, sizeof(buf)));
	if (vm->has_stats)
		printf("statistics %s\n", vm->stats ? "on" : "off");
	if (vm->has_pages)
		printf("pages      %" PRIu64 " of 4K, %" PRIu64 " of 2M, %" PRIu64 " of 1G\n",
		       vm->pages_4k, vm->pages_2m, vm->pages_1g);
	printf("exits      %" PRIu64 "\n", vm->exits);
	for (size_t i = 0; i < m->n_vcpus; i++)
		print_vcpu(&m->vcpus[i]);
	for (size_t i = 0; i < m->n_slots; i++)
		print_slot(&m->slots[i]);
}

static void show_host_text(const struct holm_host_info *host)
{
	char buf[CONTROL_BITS];

	printf("module      %s\n", host->version);
	printf("API version %" PRIu32 "\n", host->api_version);
	printf("backend     %s\n", host->backend);
	printf("features    %s\n",
	       control_bits(host->features, holm_host_feature_name, buf, sizeof(buf)));
	if (host->has_mitigations)
		printf("mitigations %s\n",
		       control_bits(host->mitigations, holm_mitigation_name, buf, sizeof(buf)));
	printf("TSC         %" PRIu32 " kHz\n", host->tsc_khz);
	printf("limits      %" PRIu32 " vCPUs, %" PRIu32 " memory slots of a virtual machine\n",
	       host->max_vcpus, host->max_slots);
	printf("there are   %" PRIu32 " virtual machines, %" PRIu32 " vCPUs\n", host->vms,
	       host->vcpus);
}

/* ---- JSON ---------------------------------------------------------------------- */

static int add_reasons(struct json_object *o, const struct holm_vcpu_info *vcpu)
{
	struct json_object *reasons = json_object_new_object();

	if (json_add(o, "exits_by_reason", reasons))
		return -1;
	for (size_t i = 0; i < HOLM_EXIT_REASONS; i++)
		if (json_add(reasons, holm_exit_reason_name(i),
			     json_object_new_uint64(vcpu->by_reason[i])))
			return -1;
	return 0;
}

static int add_counters(struct json_object *o, const struct holm_vcpu_info *vcpu)
{
	const char *name;
	char key[32];

	for (size_t i = 0; (name = holm_vcpu_counter_name(i)); i++) {
		snprintf(key, sizeof(key), "%s", name);
		for (char *c = key; *c; c++)
			if (*c == '-')
				*c = '_';
		if (json_add(o, key, json_object_new_uint64(vcpu->counter[i])))
			return -1;
	}
	return 0;
}

static struct json_object *vcpu_json(const struct holm_vcpu_info *vcpu)
{
	struct json_object *o = json_object_new_object();

	if (o && !json_add(o, "index", json_object_new_int64(vcpu->index)) &&
	    !json_add(o, "apic_id", json_object_new_int64(vcpu->apic_id)) &&
	    !json_add(o, "state", json_object_new_string(holm_vcpu_state_name(vcpu->state))) &&
	    !json_add(o, "in_guest", json_object_new_boolean(vcpu->in_guest)) &&
	    !json_add(o, "cpu", json_object_new_int(vcpu->cpu)) &&
	    !json_add(o, "tid", json_object_new_int64(vcpu->tid)) && !add_counters(o, vcpu) &&
	    !(vcpu->has_last_exit &&
	      json_add(o, "last_exit",
		       json_object_new_string(holm_exit_reason_name(vcpu->last_exit)))) &&
	    !(vcpu->has_times &&
	      (json_add(o, "guest_ns", json_object_new_uint64(vcpu->guest_ns)) ||
	       json_add(o, "kernel_ns", json_object_new_uint64(vcpu->kernel_ns)) ||
	       json_add(o, "user_ns", json_object_new_uint64(vcpu->user_ns)) ||
	       json_add(o, "halted_ns", json_object_new_uint64(vcpu->halted_ns)))) &&
	    !(vcpu->has_reasons && add_reasons(o, vcpu)))
		return o;
	json_object_put(o);
	return NULL;
}

static struct json_object *slot_json(const struct holm_slot_info *slot)
{
	struct json_object *o = json_object_new_object();

	if (o && !json_add(o, "slot", json_object_new_int64(slot->slot)) &&
	    !json_add(o, "gpa", json_object_new_uint64(slot->gpa)) &&
	    !json_add(o, "size", json_object_new_uint64(slot->size)) &&
	    !json_add(o, "readonly", json_object_new_boolean(slot->flags & HOLM_SLOT_READONLY)) &&
	    !json_add(o, "log_dirty",
		      json_object_new_boolean(slot->flags & HOLM_SLOT_LOG_DIRTY)) &&
	    !(slot->has_pages &&
	      (json_add(o, "pages_4k", json_object_new_uint64(slot->pages_4k)) ||
	       json_add(o, "pages_2m", json_object_new_uint64(slot->pages_2m)) ||
	       json_add(o, "pages_1g", json_object_new_uint64(slot->pages_1g)))) &&
	    !(slot->has_dirty && json_add(o, "dirty", json_object_new_uint64(slot->dirty))))
		return o;
	json_object_put(o);
	return NULL;
}

static struct json_object *show_json(const struct machine *m)
{
	struct json_object *root = control_vm_json(&m->vm);
	struct json_object *vcpus = json_object_new_array();
	struct json_object *slots = json_object_new_array();
	int err = !root;

	if (!root) {
		json_object_put(vcpus);
		json_object_put(slots);
		return NULL;
	}
	err = json_add(root, "vcpu", vcpus);
	err = json_add(root, "slots", slots) || err;
	for (size_t i = 0; !err && i < m->n_vcpus; i++)
		err = json_append(vcpus, vcpu_json(&m->vcpus[i]));
	for (size_t i = 0; !err && i < m->n_slots; i++)
		err = json_append(slots, slot_json(&m->slots[i]));
	if (!err)
		return root;
	json_object_put(root);
	return NULL;
}

static struct json_object *show_host_json(const struct holm_host_info *host)
{
	struct json_object *o = json_object_new_object();

	if (o && !json_add(o, "module", json_object_new_string(host->version)) &&
	    !json_add(o, "api", json_object_new_int64(host->api_version)) &&
	    !json_add(o, "backend", json_object_new_string(host->backend)) &&
	    !json_add(o, "features",
		      control_bits_json(host->features, holm_host_feature_name)) &&
	    !(host->has_mitigations &&
	      json_add(o, "mitigations",
		       control_bits_json(host->mitigations, holm_mitigation_name))) &&
	    !json_add(o, "tsc_khz", json_object_new_int64(host->tsc_khz)) &&
	    !json_add(o, "max_vcpus", json_object_new_int64(host->max_vcpus)) &&
	    !json_add(o, "max_slots", json_object_new_int64(host->max_slots)) &&
	    !json_add(o, "vms", json_object_new_int64(host->vms)) &&
	    !json_add(o, "vcpus", json_object_new_int64(host->vcpus)))
		return o;
	json_object_put(o);
	return NULL;
}

/* -------------------------------------------------------------------------------- */

static int print_json(struct json_object *o)
{
	if (!json_write(o, JSON_PRETTY, stdout))
		return EXIT_OK;
	fprintf(stderr, "holm show: out of memory\n");
	return EXIT_FAILED;
}

static int show_host(struct holm_ctl *ctl, bool json)
{
	struct holm_host_info host;

	if (holm_ctl_host(ctl, &host)) {
		fprintf(stderr, "holm show: %s\n", holm_ctl_error(ctl));
		return EXIT_FAILED;
	}
	if (json)
		return print_json(show_host_json(&host));
	show_host_text(&host);
	return EXIT_OK;
}

static int show_vm(struct holm_ctl *ctl, const char *what, bool json)
{
	struct machine m = { .vcpus = NULL };
	int status = EXIT_FAILED, err = 0;
	struct err e;

	if (control_find(ctl, what, &m.vm, &e)) {
		fprintf(stderr, "holm show: %s\n", e.msg);
		return EXIT_FAILED;
	}
	err = holm_ctl_vcpus(ctl, m.vm.id, &m.vcpus, &m.n_vcpus);
	if (!err)
		err = holm_ctl_slots(ctl, m.vm.id, &m.slots, &m.n_slots);
	/* A module that came before slot-get. */
	if (err == -EOPNOTSUPP)
		err = 0;
	if (err) {
		fprintf(stderr, "holm show: %s\n", holm_ctl_error(ctl));
	} else if (json) {
		status = print_json(show_json(&m));
	} else {
		show_text(&m);
		status = EXIT_OK;
	}
	free(m.vcpus);
	free(m.slots);
	return status;
}

int cmd_show(int argc, char **argv)
{
	const char *what = NULL;
	struct holm_ctl *ctl;
	int status = EXIT_FAILED;
	bool json = false;
	struct err e;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--json"))
			json = true;
		else if (argv[i][0] == '-' || what)
			return args_unexpected(argv, argv[i]);
		else
			what = argv[i];
	}
	ctl = control_open(&e);
	if (!ctl)
		fprintf(stderr, "holm show: %s\n", e.msg);
	else
		status = what ? show_vm(ctl, what, json) : show_host(ctl, json);
	holm_ctl_close(ctl);
	return status;
}
