// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/holm.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink_gen.h"

#include <uapi/linux/holm_netlink.h>

/* HOLM_CMD_HOST_GET - do */
const struct nla_policy holm_host_get_nl_policy[HOLM_A_HOST_UID + 1] = {
	[HOLM_A_HOST_UID] = { .type = NLA_U32, },
};

/* HOLM_CMD_VM_GET - do */
const struct nla_policy holm_vm_get_nl_policy[HOLM_A_VM_STATE + 1] = {
	[HOLM_A_VM_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[HOLM_A_VM_NAME] = { .type = NLA_NUL_STRING, .len = HOLM_NAME_MAX, },
	[HOLM_A_VM_UUID] = NLA_POLICY_EXACT_LEN(HOLM_UUID_LEN),
	[HOLM_A_VM_UID] = { .type = NLA_U32, },
	[HOLM_A_VM_STATE] = NLA_POLICY_MAX(NLA_U32, 4),
};

/* HOLM_CMD_VCPU_GET - do */
const struct nla_policy holm_vcpu_get_nl_policy[HOLM_A_VCPU_INDEX + 1] = {
	[HOLM_A_VCPU_VM] = NLA_POLICY_MIN(NLA_U32, 1),
	[HOLM_A_VCPU_INDEX] = { .type = NLA_U32, },
};

/* HOLM_CMD_VM_KILL - do */
const struct nla_policy holm_vm_kill_nl_policy[HOLM_A_VM_STATE + 1] = {
	[HOLM_A_VM_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[HOLM_A_VM_NAME] = { .type = NLA_NUL_STRING, .len = HOLM_NAME_MAX, },
	[HOLM_A_VM_UUID] = NLA_POLICY_EXACT_LEN(HOLM_UUID_LEN),
	[HOLM_A_VM_UID] = { .type = NLA_U32, },
	[HOLM_A_VM_STATE] = NLA_POLICY_MAX(NLA_U32, 4),
};

/* HOLM_CMD_VM_SET - do */
const struct nla_policy holm_vm_set_nl_policy[HOLM_A_VM_NEW_NAME + 1] = {
	[HOLM_A_VM_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[HOLM_A_VM_NAME] = { .type = NLA_NUL_STRING, .len = HOLM_NAME_MAX, },
	[HOLM_A_VM_UUID] = NLA_POLICY_EXACT_LEN(HOLM_UUID_LEN),
	[HOLM_A_VM_UID] = { .type = NLA_U32, },
	[HOLM_A_VM_STATE] = NLA_POLICY_MAX(NLA_U32, 4),
	[HOLM_A_VM_HALT_POLL] = { .type = NLA_U32, },
	[HOLM_A_VM_PLE_GAP] = { .type = NLA_U32, },
	[HOLM_A_VM_PLE_WINDOW] = { .type = NLA_U32, },
	[HOLM_A_VM_STATS] = NLA_POLICY_MAX(NLA_U32, 1),
	[HOLM_A_VM_PAUSED] = NLA_POLICY_MAX(NLA_U32, 1),
	[HOLM_A_VM_NEW_NAME] = { .type = NLA_NUL_STRING, .len = HOLM_NAME_MAX, },
};

/* HOLM_CMD_SLOT_GET - do */
const struct nla_policy holm_slot_get_nl_policy[HOLM_A_SLOT_SLOT + 1] = {
	[HOLM_A_SLOT_VM] = NLA_POLICY_MIN(NLA_U32, 1),
	[HOLM_A_SLOT_SLOT] = { .type = NLA_U32, },
};

/* HOLM_CMD_STATS_GET - do */
const struct nla_policy holm_stats_get_nl_policy[HOLM_A_STATS_RESET + 1] = {
	[HOLM_A_STATS_VM] = NLA_POLICY_MIN(NLA_U32, 1),
	[HOLM_A_STATS_VCPU] = { .type = NLA_U32, },
	[HOLM_A_STATS_REASON] = NLA_POLICY_MAX(NLA_U32, 20),
	[HOLM_A_STATS_RESET] = { .type = NLA_FLAG, },
};

/* HOLM_CMD_WATCH_SET - do */
const struct nla_policy holm_watch_set_nl_policy[HOLM_A_WATCH_THRESHOLD + 1] = {
	[HOLM_A_WATCH_VM] = NLA_POLICY_MIN(NLA_U32, 1),
	[HOLM_A_WATCH_KIND] = NLA_POLICY_MAX(NLA_U32, 2),
	[HOLM_A_WATCH_THRESHOLD] = { .type = NLA_U64, },
};

/* Ops table for holm */
const struct genl_ops holm_nl_ops[8] = {
	{
		.cmd		= HOLM_CMD_HOST_GET,
		.doit		= holm_nl_host_get_doit,
		.policy		= holm_host_get_nl_policy,
		.maxattr	= HOLM_A_HOST_UID,
	},
	{
		.cmd		= HOLM_CMD_VM_GET,
		.doit		= holm_nl_vm_get_doit,
		.dumpit		= holm_nl_vm_get_dumpit,
		.policy		= holm_vm_get_nl_policy,
		.maxattr	= HOLM_A_VM_STATE,
	},
	{
		.cmd		= HOLM_CMD_VCPU_GET,
		.doit		= holm_nl_vcpu_get_doit,
		.dumpit		= holm_nl_vcpu_get_dumpit,
		.policy		= holm_vcpu_get_nl_policy,
		.maxattr	= HOLM_A_VCPU_INDEX,
	},
	{
		.cmd		= HOLM_CMD_VM_KILL,
		.doit		= holm_nl_vm_kill_doit,
		.policy		= holm_vm_kill_nl_policy,
		.maxattr	= HOLM_A_VM_STATE,
	},
	{
		.cmd		= HOLM_CMD_VM_SET,
		.doit		= holm_nl_vm_set_doit,
		.policy		= holm_vm_set_nl_policy,
		.maxattr	= HOLM_A_VM_NEW_NAME,
	},
	{
		.cmd		= HOLM_CMD_SLOT_GET,
		.doit		= holm_nl_slot_get_doit,
		.dumpit		= holm_nl_slot_get_dumpit,
		.policy		= holm_slot_get_nl_policy,
		.maxattr	= HOLM_A_SLOT_SLOT,
	},
	{
		.cmd		= HOLM_CMD_STATS_GET,
		.doit		= holm_nl_stats_get_doit,
		.dumpit		= holm_nl_stats_get_dumpit,
		.policy		= holm_stats_get_nl_policy,
		.maxattr	= HOLM_A_STATS_RESET,
	},
	{
		.cmd		= HOLM_CMD_WATCH_SET,
		.doit		= holm_nl_watch_set_doit,
		.policy		= holm_watch_set_nl_policy,
		.maxattr	= HOLM_A_WATCH_THRESHOLD,
	},
};

static const struct genl_multicast_group holm_nl_mcgrps[] = {
	[HOLM_NLGRP_LIFECYCLE] = { "lifecycle", },
	[HOLM_NLGRP_FAULT] = { "fault", },
	[HOLM_NLGRP_WATCH] = { "watch", },
};
