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
	[HOLM_A_VM_STATE] = NLA_POLICY_MAX(NLA_U32, 3),
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
	[HOLM_A_VM_STATE] = NLA_POLICY_MAX(NLA_U32, 3),
};

/* Ops table for holm */
const struct genl_ops holm_nl_ops[4] = {
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
};

static const struct genl_multicast_group holm_nl_mcgrps[] = {
	[HOLM_NLGRP_LIFECYCLE] = { "lifecycle", },
	[HOLM_NLGRP_FAULT] = { "fault", },
};
