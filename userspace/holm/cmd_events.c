// SPDX-License-Identifier: GPL-2.0-or-later
/* "holm events": what happens to virtual machines, as it happens. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "control.h"
#include "json.h"

/**
 * struct watch - what has been seen
 * @json: print a JSON object in each line
 * @n: events that came
 * @failed: one could not be printed
 */
struct watch {
	bool json;
	unsigned long n;
	bool failed;
};

static void print_text(const struct holm_event_info *event)
{
	char uptime[32];

	printf("%" PRIu64 ".%06" PRIu64 "  %-14s %s (%" PRIu32 ")", event->time_ns / 1000000000,
	       event->time_ns / 1000 % 1000000, holm_vm_event_name(event->event),
	       event->name[0] ? event->name : "-", event->vm);
	if (event->has_vcpu)
		printf(" vCPU %" PRIu32, event->vcpu);
	if (event->has_reason)
		printf(" reason 0x%" PRIx64, event->reason);
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
	    !json_add(o, "seq", json_object_new_uint64(event->seq)) &&
	    !json_add(o, "event", json_object_new_string(holm_vm_event_name(event->event))) &&
	    !json_add(o, "time_ns", json_object_new_uint64(event->time_ns)) &&
	    !json_add(o, "id", json_object_new_int64(event->vm)) &&
	    !json_add(o, "name", json_object_new_string(event->name)) &&
	    !json_add(o, "uuid", json_object_new_string(uuid)) &&
	    !json_add(o, "uid", json_object_new_int64(event->uid)) &&
	    !(event->has_vcpu && json_add(o, "vcpu", json_object_new_int64(event->vcpu))) &&
	    !(event->has_reason &&
	      json_add(o, "reason", json_object_new_uint64(event->reason))) &&
	    !(event->has_summary &&
	      (json_add(o, "uptime_ns", json_object_new_uint64(event->uptime_ns)) ||
	       json_add(o, "exits", json_object_new_uint64(event->exits)))))
		return o;
	json_object_put(o);
	return NULL;
}

static void on_event(const struct holm_event_info *event, void *arg)
{
	struct watch *watch = arg;

	watch->n++;
	if (!watch->json) {
		print_text(event);
	} else if (json_write(event_json(event), JSON_LINE, stdout)) {
		fprintf(stderr, "holm events: out of memory\n");
		watch->failed = true;
	}
	/* Whoever reads it wants to know now. */
	if (fflush(stdout))
		watch->failed = true;
}

static int watch_events(struct holm_ctl *ctl, struct watch *watch, bool follow)
{
	int ret;

	do {
		ret = holm_ctl_receive(ctl, on_event, watch);
		if (ret == -ENOBUFS)
			fprintf(stderr, "holm events: %s\n", holm_ctl_error(ctl));
		else if (ret && ret != -EINTR) {
			fprintf(stderr, "holm events: %s\n", holm_ctl_error(ctl));
			return EXIT_FAILED;
		}
	} while (!watch->failed && (follow || !watch->n));
	return watch->failed ? EXIT_FAILED : EXIT_OK;
}

int cmd_events(int argc, char **argv)
{
	struct watch watch = { .json = false };
	int status = EXIT_FAILED;
	struct holm_ctl *ctl;
	bool follow = false;
	struct err e;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--json")) {
			watch.json = true;
		} else if (!strcmp(argv[i], "--follow")) {
			follow = true;
		} else {
			fprintf(stderr, "holm events: unexpected argument %s (see \"holm help events\")\n",
				argv[i]);
			return EXIT_USAGE;
		}
	}
	ctl = control_open(&e);
	if (!ctl)
		fprintf(stderr, "holm events: %s\n", e.msg);
	else if (holm_ctl_listen(ctl))
		fprintf(stderr, "holm events: %s\n", holm_ctl_error(ctl));
	else
		status = watch_events(ctl, &watch, follow);
	holm_ctl_close(ctl);
	return status;
}
