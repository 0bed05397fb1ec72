// SPDX-License-Identifier: GPL-2.0-only
/* The generic netlink family: watch-set, and the events of the group watch. */
#include <linux/cred.h>
#include <linux/ktime.h>
#include <linux/timekeeping.h>
#include <linux/user_namespace.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "holm.h"
#include "netlink_int.h"
#include "watch.h"

/* ---- watch-set ---------------------------------------------------------------- */

int holm_nl_watch_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	const struct holm_nl_viewer viewer = holm_nl_viewer_of(skb);
	struct nlattr *const *attrs = info->attrs;
	struct holm_watch_request r = {
		.sk = NETLINK_CB(skb).sk,
		.portid = info->snd_portid,
		.admin = viewer.admin,
		.uid = current_euid(),
		.now = ktime_get_ns(),
	};
	bool there;
	int err;

	if (!attrs[HOLM_A_WATCH_VM] || !attrs[HOLM_A_WATCH_KIND] ||
	    !attrs[HOLM_A_WATCH_THRESHOLD]) {
		NL_SET_ERR_MSG(info->extack, "which watch: vm, kind or threshold is missing");
		return -EINVAL;
	}
	r.vm = nla_get_u32(attrs[HOLM_A_WATCH_VM]);
	r.kind = nla_get_u32(attrs[HOLM_A_WATCH_KIND]);
	r.threshold = nla_get_u64(attrs[HOLM_A_WATCH_THRESHOLD]);

	/* It may go before the watch is set, but be nobody else's then. */
	mutex_lock(&holm_vms_lock);
	there = holm_nl_find_vm_id(skb, r.vm);
	mutex_unlock(&holm_vms_lock);
	err = there ? holm_watch_set(&r, info->extack) : -ENOENT;
	if (err == -ENOENT)
		NL_SET_ERR_MSG_ATTR(info->extack, attrs[HOLM_A_WATCH_VM],
				    "no such virtual machine");
	return err;
}

/* ---- events ------------------------------------------------------------------- */

/* @seq: NULL, without. */
static int put_event(struct sk_buff *skb, const struct holm_watch_event *event, const u64 *seq)
{
	struct net *net = sock_net(event->sk);

	if (nla_put_u32(skb, HOLM_A_WATCH_VM, event->vm->id) ||
	    nla_put_u32(skb, HOLM_A_WATCH_KIND, event->kind) ||
	    nla_put_u64_64bit(skb, HOLM_A_WATCH_THRESHOLD, event->threshold, HOLM_A_WATCH_PAD) ||
	    nla_put_u64_64bit(skb, HOLM_A_WATCH_VALUE, event->value, HOLM_A_WATCH_PAD) ||
	    (seq && nla_put_u64_64bit(skb, HOLM_A_WATCH_SEQ, *seq, HOLM_A_WATCH_PAD)) ||
	    nla_put_u64_64bit(skb, HOLM_A_WATCH_TIME, ktime_get_boottime_ns(), HOLM_A_WATCH_PAD) ||
	    nla_put_string(skb, HOLM_A_WATCH_NAME, event->vm->name) ||
	    nla_put(skb, HOLM_A_WATCH_UUID, sizeof(event->vm->uuid), event->vm->uuid) ||
	    nla_put_u32(skb, HOLM_A_WATCH_UID,
			from_kuid_munged(net->user_ns, event->vm->owner)))
		return -EMSGSIZE;
	return 0;
}

/* NULL: no memory. */
static struct sk_buff *make_event(const struct holm_watch_event *event, const u64 *seq)
{
	struct sk_buff *skb = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	void *hdr;

	if (!skb)
		return NULL;
	hdr = genlmsg_put(skb, 0, 0, &holm_nl_family, 0, HOLM_CMD_WATCH_NTF);
	if (!hdr || put_event(skb, event, seq)) {
		nlmsg_free(skb);
		return NULL;
	}
	genlmsg_end(skb, hdr);
	return skb;
}

/*
 * To the group, and to the socket that set the watch, which need not be in it. How
 * many events others have is told only to who may join the group.
 */
static bool tell(const struct holm_watch_event *event)
{
	struct net *net = sock_net(event->sk);
	u64 seq = holm_nl_watch_begin(net);
	struct sk_buff *own, *skb = NULL;
	bool made;

	own = make_event(event, event->admin ? &seq : NULL);
	made = own;
	if (!made)
		goto end;
	if (genl_has_listeners(&holm_nl_family, net, HOLM_NLGRP_WATCH))
		skb = make_event(event, &seq);
	if (skb)	/* otherwise it is lost: the next one's number tells */
		genlmsg_multicast_netns(&holm_nl_family, net, skb, event->portid,
					HOLM_NLGRP_WATCH, GFP_KERNEL);
	/* It waits for nobody: a socket that is full says so itself (ENOBUFS). */
	if (sock_flag(event->sk, SOCK_DEAD))
		nlmsg_free(own);
	else
		genlmsg_unicast(net, own, event->portid);
end:
	holm_nl_watch_end(net, made);
	return made;
}

/* ---- load and unload ------------------------------------------------------------ */

int holm_nl_watch_setup(void)
{
	return holm_watch_setup(tell);
}

void holm_nl_watch_teardown(void)
{
	holm_watch_teardown();
}
