// SPDX-License-Identifier: GPL-2.0-or-later
/* "holm events": what happens to virtual machines, as it happens. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "cmd.h"
#include "control.h"
#include "json.h"
#include "watch.h"

/**
 * struct request - what was asked for
 * @json: print a JSON object in each line
 * @follow: all that comes, not the first alone
 * @specs: the watches
 * @ids: the virtual machines that they mean
 * @n_specs: how many
 * @n: events that came, of what is waited for
 * @failed: one could not be printed
 */
struct request {
	bool json;
	bool follow;
	struct watch_spec *specs;
	uint32_t *ids;
	size_t n_specs;
	unsigned long n;
	bool failed;
};

/* What ended the guest; a number of the module's that may be larger than any. */
static uint32_t crash_reason(const struct holm_event_info *event)
{
	return event->reason < HOLM_EVENT_WATCH ? (uint32_t)event->reason : HOLM_EVENT_WATCH - 1;
}

static void print_text(const struct holm_event_info *event)
{
	char uptime[32];

	printf("%" PRIu64 ".%06" PRIu64 "  %-14s %s (%" PRIu32 ")", event->time_ns / 1000000000,
	       event->time_ns / 1000 % 1000000, holm_vm_event_name(event->event),
	       event->name[0] ? event->name : "-", event->vm);
	if (event->has_vcpu)
		printf(" vCPU %" PRIu32, event->vcpu);
	if (event->has_reason && event->event == HOLM_VM_EVENT_CRASHED)
		printf(" by %s", holm_vm_event_name(crash_reason(event)));
	else if (event->has_reason)
		printf(" reason 0x%" PRIx64, event->reason);
	if (event->has_watch)
		printf(" %s %" PRIu64 ", above %" PRIu64, holm_watch_kind_name(event->kind),
		       event->value, event->threshold);
	if (event->has_summary)
		printf(" after %s, %" PRIu64 " exits",
		       control_duration(event->uptime_ns, uptime, sizeof(uptime)), event->exits);
	printf("\n");
}

static struct json_object *event_json(const struct holm_event_info *event)
{
	struct json_object *o = json_object_new_object();
	char uuid[HOLM_UUID_TEXT];

	holm_uuid_text(event->uuid, uuid);
	if (o && !json_add(o, "group", json_object_new_string(event->group)) &&
	    !(event->seq && json_add(o, "seq", json_object_new_uint64(event->seq))) &&
	    !json_add(o, "event", json_object_new_string(holm_vm_event_name(event->event))) &&
	    !json_add(o, "time_ns", json_object_new_uint64(event->time_ns)) &&
	    !json_add(o, "id", json_object_new_int64(event->vm)) &&
	    !json_add(o, "name", json_object_new_string(event->name)) &&
	    !json_add(o, "uuid", json_object_new_string(uuid)) &&
	    !json_add(o, "uid", json_object_new_int64(event->uid)) &&
	    !(event->has_vcpu && json_add(o, "vcpu", json_object_new_int64(event->vcpu))) &&
	    !(event->has_reason &&
	      json_add(o, "reason", json_object_new_uint64(event->reason))) &&
	    !(event->has_reason && event->event == HOLM_VM_EVENT_CRASHED &&
	      json_add(o, "crash",
		       json_object_new_string(holm_vm_event_name(crash_reason(event))))) &&
	    !(event->has_watch &&
	      (json_add(o, "kind", json_object_new_string(holm_watch_kind_name(event->kind))) ||
	       json_add(o, "value", json_object_new_uint64(event->value)) ||
	       json_add(o, "threshold", json_object_new_uint64(event->threshold)))) &&
	    !(event->has_summary &&
	      (json_add(o, "uptime_ns", json_object_new_uint64(event->uptime_ns)) ||
	       json_add(o, "exits", json_object_new_uint64(event->exits)))))
		return o;
	json_object_put(o);
	return NULL;
}

/* With watches it is they that are waited for, and not those of other people. */
static bool is_waited_for(const struct request *request, const struct holm_event_info *event)
{
	for (size_t i = 0; i < request->n_specs; i++)
		if (event->has_watch && event->vm == request->ids[i] &&
		    event->kind == request->specs[i].kind &&
		    event->threshold == request->specs[i].threshold)
			return true;
	return !request->n_specs;
}

static void on_event(const struct holm_event_info *event, void *arg)
{
	struct request *request = arg;

	request->n += is_waited_for(request, event);
	if (!request->json) {
		print_text(event);
	} else if (json_write(event_json(event), JSON_LINE, stdout)) {
		fprintf(stderr, "holm events: out of memory\n");
		request->failed = true;
	}
	/* Whoever reads it wants to know now. */
	if (fflush(stdout))
		request->failed = true;
}

static int receive(struct holm_ctl *ctl, struct request *request)
{
	int ret;

	do {
		ret = holm_ctl_receive(ctl, on_event, request);
		if (ret == -ENOBUFS)
			fprintf(stderr, "holm events: %s\n", holm_ctl_error(ctl));
		else if (ret && ret != -EINTR) {
			fprintf(stderr, "holm events: %s\n", holm_ctl_error(ctl));
			return EXIT_FAILED;
		}
	} while (!request->failed && (request->follow || !request->n));
	return request->failed ? EXIT_FAILED : EXIT_OK;
}

static int arm(struct holm_ctl *ctl, struct request *request, struct err *e)
{
	struct holm_vm_info vm;

	for (size_t i = 0; i < request->n_specs; i++) {
		if (control_find(ctl, request->specs[i].vm, &vm, e))
			return -1;
		request->ids[i] = vm.id;
	}
	for (size_t i = 0; i < request->n_specs; i++) {
		const struct watch_spec *spec = &request->specs[i];

		if (holm_ctl_watch(ctl, request->ids[i], spec->kind, spec->threshold))
			return err_set(e, "%s: %s: %s", spec->vm,
				       holm_watch_kind_name(spec->kind), holm_ctl_error(ctl));
	}
	return 0;
}

static int wait_for(struct request *request)
{
	int status = EXIT_FAILED;
	struct holm_ctl *ctl;
	struct err e;
	int ret;

	ctl = control_open(&e);
	if (!ctl || arm(ctl, request, &e)) {
		fprintf(stderr, "holm events: %s\n", e.msg);
		goto out;
	}
	ret = holm_ctl_listen(ctl);
	if (ret == -EPERM && request->n_specs) {
		/* Not the administrator: the watches are his nevertheless. */
		fprintf(stderr, "holm events: only of the watches: other %s\n",
			holm_ctl_error(ctl));
	} else if (ret) {
		fprintf(stderr, "holm events: %s\n", holm_ctl_error(ctl));
		goto out;
	}
	status = receive(ctl, request);
out:
	holm_ctl_close(ctl);
	return status;
}

/* One more of @request; -1 after a message. */
static int add_watch(struct request *request, const char *text)
{
	struct err e;

	if (watch_parse(text, &request->specs[request->n_specs], &e)) {
		fprintf(stderr, "holm events: --watch %s\n", e.msg);
		return -1;
	}
	request->n_specs++;
	return 0;
}

int cmd_events(int argc, char **argv)
{
	struct request request = {
		.specs = calloc((size_t)argc, sizeof(*request.specs)),
		.ids = calloc((size_t)argc, sizeof(*request.ids)),
	};
	int status = EXIT_OK;

	if (!request.specs || !request.ids) {
		fprintf(stderr, "holm events: out of memory\n");
		status = EXIT_FAILED;
	}
	for (int i = 1; i < argc && status == EXIT_OK; i++) {
		const char *value;
		int ret = args_flag(argv, &i, "--watch", &value);

		if (ret < 0 || (ret && add_watch(&request, value)))
			status = EXIT_USAGE;
		else if (!ret && !strcmp(argv[i], "--json"))
			request.json = true;
		else if (!ret && !strcmp(argv[i], "--follow"))
			request.follow = true;
		else if (!ret)
			status = args_unexpected(argv, argv[i]);
	}
	if (status == EXIT_OK)
		status = wait_for(&request);
	for (size_t i = 0; i < request.n_specs; i++)
		free(request.specs[i].vm);
	free(request.specs);
	free(request.ids);
	return status;
}
