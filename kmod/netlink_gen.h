/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/holm.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_HOLM_GEN_H
#define _LINUX_HOLM_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/holm_netlink.h>

extern const struct nla_policy holm_host_get_nl_policy[HOLM_A_HOST_UID + 1];

extern const struct nla_policy holm_vm_get_nl_policy[HOLM_A_VM_STATE + 1];

extern const struct nla_policy holm_vcpu_get_nl_policy[HOLM_A_VCPU_INDEX + 1];

extern const struct nla_policy holm_vm_kill_nl_policy[HOLM_A_VM_STATE + 1];

extern const struct nla_policy holm_vm_set_nl_policy[HOLM_A_VM_NEW_NAME + 1];

extern const struct nla_policy holm_slot_get_nl_policy[HOLM_A_SLOT_SLOT + 1];

extern const struct nla_policy holm_stats_get_nl_policy[HOLM_A_STATS_RESET + 1];

extern const struct nla_policy holm_watch_set_nl_policy[HOLM_A_WATCH_THRESHOLD + 1];

/* Ops table for holm */
extern const struct genl_ops holm_nl_ops[8];

int holm_nl_host_get_doit(struct sk_buff *skb, struct genl_info *info);
int holm_nl_vm_get_doit(struct sk_buff *skb, struct genl_info *info);
int holm_nl_vm_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int holm_nl_vcpu_get_doit(struct sk_buff *skb, struct genl_info *info);
int holm_nl_vcpu_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int holm_nl_vm_kill_doit(struct sk_buff *skb, struct genl_info *info);
int holm_nl_vm_set_doit(struct sk_buff *skb, struct genl_info *info);
int holm_nl_slot_get_doit(struct sk_buff *skb, struct genl_info *info);
int holm_nl_slot_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int holm_nl_stats_get_doit(struct sk_buff *skb, struct genl_info *info);
int holm_nl_stats_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int holm_nl_watch_set_doit(struct sk_buff *skb, struct genl_info *info);

enum {
	HOLM_NLGRP_LIFECYCLE,
	HOLM_NLGRP_FAULT,
	HOLM_NLGRP_WATCH,
};

#endif /* _LINUX_HOLM_GEN_H */
