// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family: events, load and unload. Who may ask for what is
 * in netlink_select.c, what is answered in the other netlink_*.c.
 */
#include <linux/module.h>
#include <linux/timekeeping.h>
#include <linux/user_namespace.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "holm.h"
#include "netlink_int.h"

/* ---- events ----------------------------------------------------------------------- */

/* Who is not the administrator of the namespace asks by vm-get what is his. */
static const struct genl_multicast_group groups[] = {
	[HOLM_NLGRP_LIFECYCLE] = {
		.name = HOLM_MCGRP_LIFECYCLE,
		.flags = GENL_MCAST_CAP_NET_ADMIN,
	},
	[HOLM_NLGRP_FAULT] = {
		.name = HOLM_MCGRP_FAULT,
		.flags = GENL_MCAST_CAP_NET_ADMIN,
	},
	[HOLM_NLGRP_WATCH] = {
		.name = HOLM_MCGRP_WATCH,
		.flags = GENL_MCAST_CAP_NET_ADMIN,
	},
};

/* The fault group has what a guest ended by, and what may have to do with it. */
static unsigned int group_of(enum holm_vm_event event)
{
	switch (event) {
	case HOLM_VM_EVENT_SHUTDOWN:
	case HOLM_VM_EVENT_ENTRY_FAILED:
	case HOLM_VM_EVENT_INTERNAL_ERROR:
	case HOLM_VM_EVENT_MEMORY_FAULT:
	case HOLM_VM_EVENT_UNHANDLED_MSR:
		return HOLM_NLGRP_FAULT;
	default:
		return HOLM_NLGRP_LIFECYCLE;
	}
}

/* Of each network namespace: the number of the last event, sent in this order. */
struct holm_nl_net {
	struct mutex lock;
	u64 seq[ARRAY_SIZE(groups)];
};

static unsigned int net_id;

static int __net_init net_init(struct net *net)
{
	struct holm_nl_net *n = net_generic(net, net_id);

	mutex_init(&n->lock);
	return 0;
}

static struct pernet_operations net_ops = {
	.init = net_init,
	.id = &net_id,
	.size = sizeof(struct holm_nl_net),
};

static int put_event(struct sk_buff *skb, const struct holm_vm_notice *notice, u64 seq)
{
	const struct holm_vm_node *node = notice->node;
	u64 now = ktime_get_boottime_ns();
	char name[HOLM_NAME_LEN];

	mutex_lock(&holm_vms_lock);
	strscpy(name, node->name, sizeof(name));
	mutex_unlock(&holm_vms_lock);

	if (nla_put_u64_64bit(skb, HOLM_A_EVENT_SEQ, seq, HOLM_A_EVENT_PAD) ||
	    nla_put_u32(skb, HOLM_A_EVENT_EVENT, notice->event) ||
	    nla_put_u64_64bit(skb, HOLM_A_EVENT_TIME, now, HOLM_A_EVENT_PAD) ||
	    nla_put_u32(skb, HOLM_A_EVENT_VM, node->id) ||
	    nla_put_string(skb, HOLM_A_EVENT_NAME, name) ||
	    nla_put(skb, HOLM_A_EVENT_UUID, sizeof(node->uuid), node->uuid) ||
	    nla_put_u32(skb, HOLM_A_EVENT_UID,
			from_kuid_munged(node->net->user_ns, node->owner)))
		return -EMSGSIZE;
	if (notice->vcpu && nla_put_u32(skb, HOLM_A_EVENT_VCPU, notice->vcpu->apic_id))
		return -EMSGSIZE;
	switch (notice->event) {
	case HOLM_VM_EVENT_DESTROYED:
		if (nla_put_u64_64bit(skb, HOLM_A_EVENT_UPTIME, now - node->created,
				      HOLM_A_EVENT_PAD) ||
		    nla_put_u64_64bit(skb, HOLM_A_EVENT_EXITS, notice->detail, HOLM_A_EVENT_PAD))
			return -EMSGSIZE;
		break;
	case HOLM_VM_EVENT_ENTRY_FAILED:
	case HOLM_VM_EVENT_INTERNAL_ERROR:
	case HOLM_VM_EVENT_MEMORY_FAULT:
	case HOLM_VM_EVENT_UNHANDLED_MSR:
	case HOLM_VM_EVENT_CRASHED:
		return nla_put_u64_64bit(skb, HOLM_A_EVENT_REASON, notice->detail,
					 HOLM_A_EVENT_PAD);
	default:
		break;
	}
	return 0;
}

static void send_event(const struct holm_vm_notice *notice, unsigned int group, u64 seq)
{
	u8 cmd = group == HOLM_NLGRP_LIFECYCLE ? HOLM_CMD_LIFECYCLE_NTF : HOLM_CMD_FAULT_NTF;
	struct sk_buff *skb;
	void *hdr;

	if (!genl_has_listeners(&holm_nl_family, notice->node->net, group))
		return;
	skb = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!skb)
		return;		/* lost: the next one's number tells */
	hdr = genlmsg_put(skb, 0, 0, &holm_nl_family, 0, cmd);
	if (!hdr || put_event(skb, notice, seq)) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, hdr);
	genlmsg_multicast_netns(&holm_nl_family, notice->node->net, skb, 0, group, GFP_KERNEL);
}

static int on_notice(struct notifier_block *nb, unsigned long event, void *data)
{
	const struct holm_vm_notice *notice = data;
	struct holm_nl_net *n = net_generic(notice->node->net, net_id);
	unsigned int group = group_of(event);

	mutex_lock(&n->lock);
	send_event(notice, group, ++n->seq[group]);
	mutex_unlock(&n->lock);
	return NOTIFY_OK;
}

u64 holm_nl_watch_begin(struct net *net)
{
	struct holm_nl_net *n = net_generic(net, net_id);

	mutex_lock(&n->lock);
	return n->seq[HOLM_NLGRP_WATCH] + 1;
}

void holm_nl_watch_end(struct net *net, bool sent)
{
	struct holm_nl_net *n = net_generic(net, net_id);

	n->seq[HOLM_NLGRP_WATCH] += sent;
	mutex_unlock(&n->lock);
}

static struct notifier_block notice_nb = {
	.notifier_call = on_notice,
};

/* ---- load and unload ---------------------------------------------------------------- */

struct genl_family holm_nl_family __ro_after_init = {
	.name = HOLM_GENL_NAME,
	.version = HOLM_GENL_VERSION,
	.module = THIS_MODULE,
	.netnsok = true,
	.parallel_ops = true,
	.ops = holm_nl_ops,
	.n_ops = ARRAY_SIZE(holm_nl_ops),
	.mcgrps = groups,
	.n_mcgrps = ARRAY_SIZE(groups),
	.resv_start_op = HOLM_CMD_HOST_GET,
};

int __init holm_netlink_setup(void)
{
	int err;

	err = register_pernet_subsys(&net_ops);
	if (err)
		return err;
	err = holm_nl_watch_setup();
	if (err)
		goto err_net;
	err = genl_register_family(&holm_nl_family);
	if (err)
		goto err_watch;
	err = blocking_notifier_chain_register(&holm_vm_chain, &notice_nb);
	if (!err)
		return 0;
	genl_unregister_family(&holm_nl_family);
err_watch:
	holm_nl_watch_teardown();
err_net:
	unregister_pernet_subsys(&net_ops);
	return err;
}

void holm_netlink_teardown(void)
{
	blocking_notifier_chain_unregister(&holm_vm_chain, &notice_nb);
	/* Before the groups may be another family's. */
	holm_nl_watch_teardown();
	genl_unregister_family(&holm_nl_family);
	unregister_pernet_subsys(&net_ops);
}
