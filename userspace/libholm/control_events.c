// SPDX-License-Identifier: LGPL-2.1-or-later
/* Events of the family "holm", and watches, which make some. */
#include <errno.h>
#include <fcntl.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <poll.h>
#include <string.h>

#include "control_int.h"

bool ctl_is_event(struct nl_msg *msg)
{
	switch (genlmsg_hdr(nlmsg_hdr(msg))->cmd) {
	case HOLM_CMD_LIFECYCLE_NTF:
	case HOLM_CMD_FAULT_NTF:
	case HOLM_CMD_WATCH_NTF:
		return genlmsg_valid_hdr(nlmsg_hdr(msg), 0);
	default:
		return false;
	}
}

static bool parse_watch(struct nl_msg *msg, struct holm_event_info *event)
{
	struct nlattr *a[HOLM_A_WATCH_MAX + 1];

	if (ctl_parse(msg, a, HOLM_A_WATCH_MAX))
		return false;
	event->group = HOLM_MCGRP_WATCH;
	event->event = HOLM_EVENT_WATCH;
	event->seq = ctl_u64(a[HOLM_A_WATCH_SEQ]);
	event->time_ns = ctl_u64(a[HOLM_A_WATCH_TIME]);
	event->vm = ctl_u32(a[HOLM_A_WATCH_VM]);
	event->uid = ctl_u32(a[HOLM_A_WATCH_UID]);
	ctl_uuid(event->uuid, a[HOLM_A_WATCH_UUID]);
	ctl_string(event->name, sizeof(event->name), a[HOLM_A_WATCH_NAME]);
	event->has_watch = true;
	event->kind = ctl_u32(a[HOLM_A_WATCH_KIND]);
	event->threshold = ctl_u64(a[HOLM_A_WATCH_THRESHOLD]);
	event->value = ctl_u64(a[HOLM_A_WATCH_VALUE]);
	return true;
}

static bool parse_event(struct nl_msg *msg, struct holm_event_info *event)
{
	uint8_t cmd = genlmsg_hdr(nlmsg_hdr(msg))->cmd;
	struct nlattr *a[HOLM_A_EVENT_MAX + 1];

	memset(event, 0, sizeof(*event));
	if (cmd == HOLM_CMD_WATCH_NTF)
		return parse_watch(msg, event);
	if (ctl_parse(msg, a, HOLM_A_EVENT_MAX))
		return false;
	event->group = cmd == HOLM_CMD_FAULT_NTF ? HOLM_MCGRP_FAULT : HOLM_MCGRP_LIFECYCLE;
	event->seq = ctl_u64(a[HOLM_A_EVENT_SEQ]);
	event->event = ctl_u32(a[HOLM_A_EVENT_EVENT]);
	event->time_ns = ctl_u64(a[HOLM_A_EVENT_TIME]);
	event->vm = ctl_u32(a[HOLM_A_EVENT_VM]);
	event->uid = ctl_u32(a[HOLM_A_EVENT_UID]);
	ctl_uuid(event->uuid, a[HOLM_A_EVENT_UUID]);
	ctl_string(event->name, sizeof(event->name), a[HOLM_A_EVENT_NAME]);
	event->has_vcpu = a[HOLM_A_EVENT_VCPU];
	event->vcpu = ctl_u32(a[HOLM_A_EVENT_VCPU]);
	event->has_reason = a[HOLM_A_EVENT_REASON];
	event->reason = ctl_u64(a[HOLM_A_EVENT_REASON]);
	event->has_summary = a[HOLM_A_EVENT_UPTIME];
	event->uptime_ns = ctl_u64(a[HOLM_A_EVENT_UPTIME]);
	event->exits = ctl_u64(a[HOLM_A_EVENT_EXITS]);
	return true;
}

void ctl_keep_event(struct holm_ctl *ctl, struct nl_msg *msg)
{
	struct holm_event_info event, *kept;

	if (!parse_event(msg, &event))
		return;
	/* Of a caller that makes requests and does not receive. */
	if (ctl->events.n == CTL_KEPT_MAX) {
		ctl->lost = true;
		return;
	}
	kept = ctl_list_add(&ctl->events, sizeof(*kept));
	if (kept)
		*kept = event;
}

/**
 * struct receiver - who gets events
 * @ctl: the connection
 * @fn: called for each
 * @arg: for @fn
 */
struct receiver {
	struct holm_ctl *ctl;
	void (*fn)(const struct holm_event_info *event, void *arg);
	void *arg;
};

static int on_event(struct nl_msg *msg, void *arg)
{
	const struct receiver *receiver = arg;
	struct holm_event_info event;

	if (nlmsg_hdr(msg)->nlmsg_type != receiver->ctl->family || !ctl_is_event(msg) ||
	    !parse_event(msg, &event))
		return NL_SKIP;
	receiver->fn(&event, receiver->arg);
	return NL_OK;
}

void ctl_resolve_groups(struct holm_ctl *ctl)
{
	static const char *const groups[CTL_GROUPS] = {
		HOLM_MCGRP_LIFECYCLE, HOLM_MCGRP_FAULT, HOLM_MCGRP_WATCH
	};
	size_t i;

	for (i = 0; i < CTL_GROUPS; i++)
		ctl->groups[i] = genl_ctrl_resolve_grp(ctl->sock, HOLM_GENL_NAME, groups[i]);
}

int holm_ctl_listen(struct holm_ctl *ctl)
{
	size_t i;
	int ret;

	for (i = 0; i < CTL_GROUPS; i++) {
		ret = ctl->groups[i];
		if (ret >= 0)
			ret = nl_socket_add_membership(ctl->sock, ret);
		if (ret == -NLE_PERM || ret == -NLE_NOACCESS)
			return ctl_fail(ctl, -EPERM, "events are for who has CAP_NET_ADMIN");
		if (ret < 0)
			return ctl_nl_fail(ctl, ret);
	}
	return 0;
}

int holm_ctl_watch(struct holm_ctl *ctl, uint32_t id, uint32_t kind, uint64_t threshold)
{
	struct nl_msg *msg = ctl_request(ctl, HOLM_CMD_WATCH_SET, NLM_F_ACK);

	if (msg && (nla_put_u32(msg, HOLM_A_WATCH_VM, id) ||
		    nla_put_u32(msg, HOLM_A_WATCH_KIND, kind) ||
		    nla_put_u64(msg, HOLM_A_WATCH_THRESHOLD, threshold))) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return ctl_converse(ctl, msg, NULL, NULL);
}

int holm_ctl_fd(const struct holm_ctl *ctl)
{
	return nl_socket_get_fd(ctl->sock);
}

bool holm_ctl_pending(const struct holm_ctl *ctl)
{
	return ctl->events.n || ctl->events.no_memory || ctl->lost;
}

/* What came with the answer to a request. False: nothing did. */
static bool deliver_kept(struct holm_ctl *ctl, const struct receiver *receiver)
{
	const struct holm_event_info *events = (const struct holm_event_info *)ctl->events.items;
	size_t n = ctl->events.n, i;

	for (i = 0; i < n; i++)
		receiver->fn(&events[i], receiver->arg);
	ctl->events.n = 0;
	return n;
}

/* Until there is input: libnl would not return for a signal. */
static int wait_for_input(struct holm_ctl *ctl)
{
	struct pollfd p = { .fd = nl_socket_get_fd(ctl->sock), .events = POLLIN };

	if (fcntl(p.fd, F_GETFL) & O_NONBLOCK || poll(&p, 1, -1) >= 0)
		return 0;
	if (errno == EINTR)
		return ctl_fail(ctl, -EINTR, "interrupted by a signal");
	return ctl_fail(ctl, -errno, "cannot wait for events");
}

static int fail_lost(struct holm_ctl *ctl)
{
	return ctl_fail(ctl, -ENOBUFS, "events were lost: they came faster than they were read");
}

int holm_ctl_receive(struct holm_ctl *ctl,
		     void (*fn)(const struct holm_event_info *event, void *arg), void *arg)
{
	struct receiver receiver = { .ctl = ctl, .fn = fn, .arg = arg };
	int ret;

	if (ctl->events.no_memory) {
		ctl->events.no_memory = false;
		return ctl_fail(ctl, -ENOBUFS, "events were lost: out of memory");
	}
	if (ctl->lost) {
		ctl->lost = false;
		return fail_lost(ctl);
	}
	if (deliver_kept(ctl, &receiver))
		return 0;
	ret = wait_for_input(ctl);
	if (ret)
		return ret;
	nl_socket_modify_cb(ctl->sock, NL_CB_VALID, NL_CB_CUSTOM, on_event, &receiver);
	errno = 0;
	ret = nl_recvmsgs_default(ctl->sock);
	if (ret >= 0)
		return 0;
	return ctl_overrun(ret) ? fail_lost(ctl) : ctl_nl_fail(ctl, ret);
}
