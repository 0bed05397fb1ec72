// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What happens to virtual machines, as the driver tells it by netlink:
 *
 *	events		all that happens, until a signal comes
 *	events NAME	... to the one of this name, until it is destroyed
 *
 * Needs CAP_NET_ADMIN.
 */
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <libholm/control.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/**
 * struct watch - what is looked for
 * @name: of the virtual machine, NULL for all
 * @destroyed: it is gone
 */
struct watch {
	const char *name;
	bool destroyed;
};

static struct holm_ctl *connect_holm(void)
{
	struct holm_ctl *ctl;

	/* Where it fails there may be a connection all the same, for the message. */
	if (holm_ctl_open(&ctl))
		errx(EXIT_FAILURE, "%s", holm_ctl_error(ctl));
	return ctl;
}

/* Those that are there already. */
static void list(struct holm_ctl *ctl)
{
	struct holm_vm_info *vms;
	size_t n;

	if (holm_ctl_vms(ctl, &vms, &n))
		errx(EXIT_FAILURE, "%s", holm_ctl_error(ctl));
	for (size_t i = 0; i < n; i++)
		printf("%s: is %s, %" PRIu32 " vCPUs, %" PRIu64 " MiB\n", vms[i].name,
		       holm_vm_state_name(vms[i].state), vms[i].vcpus, vms[i].memory >> 20);
	free(vms);
}

static void on_event(const struct holm_event_info *event, void *arg)
{
	struct watch *watch = arg;

	if (watch->name && strcmp(watch->name, event->name))
		return;
	printf("%s: %s", event->name, holm_vm_event_name(event->event));
	if (event->has_vcpu)
		printf(", vCPU %" PRIu32, event->vcpu);
	if (event->has_summary)
		printf(" after %" PRIu64 " exits", event->exits);
	printf("\n");
	if (watch->name && event->event == HOLM_VM_EVENT_DESTROYED)
		watch->destroyed = true;
}

int main(int argc, char **argv)
{
	struct watch watch = { .name = argc > 1 ? argv[1] : NULL };
	struct holm_ctl *events = connect_holm(), *requests = connect_holm();
	int ret;

	/* First to listen, then to look: what comes in between is seen twice, not never. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (holm_ctl_listen(events))
		errx(EXIT_FAILURE, "%s", holm_ctl_error(events));
	list(requests);
	printf("listening\n");

	while (!watch.destroyed) {
		ret = holm_ctl_receive(events, on_event, &watch);
		if (ret == -ENOBUFS) {
			/* What was missed does not come again. */
			printf("events were lost; there are now:\n");
			list(requests);
		} else if (ret && ret != -EINTR) {
			errx(EXIT_FAILURE, "%s", holm_ctl_error(events));
		}
	}
	holm_ctl_close(requests);
	holm_ctl_close(events);
	return EXIT_SUCCESS;
}
