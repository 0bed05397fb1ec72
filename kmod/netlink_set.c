// SPDX-License-Identifier: GPL-2.0-only
/* The generic netlink family: vm-set, vm-kill. */
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <net/genetlink.h>

#include "holm.h"
#include "netlink_int.h"
#include "stats.h"

/* ---- vm-set ----------------------------------------------------------------------- */

/* What a request may change. */
static const u16 changeable[] = {
	HOLM_A_VM_HALT_POLL, HOLM_A_VM_PLE_GAP, HOLM_A_VM_PLE_WINDOW, HOLM_A_VM_STATS,
	HOLM_A_VM_PAUSED, HOLM_A_VM_NEW_NAME,
};

static int check_ple(struct genl_info *info, const struct holm_vm *vm, int attr)
{
	const struct nlattr *a = info->attrs[attr];

	if (!a)
		return 0;
	if (!vm->ple.max) {
		NL_SET_ERR_MSG_ATTR(info->extack, a, "this CPU does not look for PAUSE loops");
		return -EOPNOTSUPP;
	}
	if (nla_get_u32(a) > vm->ple.max) {
		NL_SET_ERR_MSG_ATTR(info->extack, a, "more than this CPU counts to, 65535");
		return -ERANGE;
	}
	return 0;
}

/* All that does not depend on which VM it is. */
static int check_change(struct genl_info *info)
{
	const struct nlattr *halt_poll = info->attrs[HOLM_A_VM_HALT_POLL];
	const struct nlattr *name = info->attrs[HOLM_A_VM_NEW_NAME];
	unsigned int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(changeable); i++)
		n += !!info->attrs[changeable[i]];
	if (!n) {
		NL_SET_ERR_MSG(info->extack, "nothing to change is in the request");
		return -EINVAL;
	}
	if (halt_poll && nla_get_u32(halt_poll) > HOLM_HALT_POLL_NS_MAX) {
		NL_SET_ERR_MSG_ATTR(info->extack, halt_poll, "a HLT polls for no longer than a second");
		return -ERANGE;
	}
	if (name && !holm_vm_name_valid(nla_data(name))) {
		NL_SET_ERR_MSG_ATTR(info->extack, name, "a name has letters, digits, and after the first character - _ .");
		return -EINVAL;
	}
	return 0;
}

/* Find the VM of a request and check the rest for it: a reference, or an error. */
static struct holm_vm *vm_to_change(struct sk_buff *skb, struct genl_info *info)
{
	struct holm_vm_node *node;
	struct holm_vm *vm;
	int err;

	mutex_lock(&holm_vms_lock);
	node = holm_nl_find_vm(skb, info);
	if (IS_ERR(node)) {
		vm = ERR_CAST(node);
	} else if (!holm_vm_tryget(node->vm)) {
		NL_SET_ERR_MSG(info->extack, "no such virtual machine");
		vm = ERR_PTR(-ENOENT);
	} else {
		vm = node->vm;
	}
	mutex_unlock(&holm_vms_lock);
	if (IS_ERR(vm))
		return vm;

	err = check_ple(info, vm, HOLM_A_VM_PLE_GAP);
	if (!err)
		err = check_ple(info, vm, HOLM_A_VM_PLE_WINDOW);
	if (!err)
		return vm;
	holm_vm_put(vm);
	return ERR_PTR(err);
}

/* The only one that may fail: the first. */
static int change_stats(struct genl_info *info, struct holm_vm *vm)
{
	const struct nlattr *a = info->attrs[HOLM_A_VM_STATS];
	int err;

	if (!a)
		return 0;
	mutex_lock(&vm->lock);
	err = holm_stats_set(vm, nla_get_u32(a));
	mutex_unlock(&vm->lock);
	return err;
}

static void change_ple(struct genl_info *info, struct holm_vm *vm)
{
	const struct nlattr *gap = info->attrs[HOLM_A_VM_PLE_GAP];
	const struct nlattr *window = info->attrs[HOLM_A_VM_PLE_WINDOW];
	unsigned int i;

	if (!gap && !window)
		return;
	mutex_lock(&vm->lock);
	if (gap)
		WRITE_ONCE(vm->ple.gap, nla_get_u32(gap));
	if (window)
		WRITE_ONCE(vm->ple.window, nla_get_u32(window));
	for (i = 0; i < vm->nr_vcpus; i++)
		holm_vcpu_request(vm->vcpus[i], HOLM_REQ_MODEL);
	mutex_unlock(&vm->lock);
}

static void change_name(struct genl_info *info, struct holm_vm *vm)
{
	const struct nlattr *name = info->attrs[HOLM_A_VM_NEW_NAME];

	if (!name)
		return;
	mutex_lock(&holm_vms_lock);
	holm_vm_rename(&vm->node, nla_data(name));
	mutex_unlock(&holm_vms_lock);
	holm_vm_announce(&vm->node, HOLM_VM_EVENT_RENAMED, NULL, 0);
}

int holm_nl_vm_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *halt_poll = info->attrs[HOLM_A_VM_HALT_POLL];
	struct holm_vm *vm;
	int err;

	err = check_change(info);
	if (err)
		return err;
	vm = vm_to_change(skb, info);
	if (IS_ERR(vm))
		return PTR_ERR(vm);

	err = change_stats(info, vm);
	if (!err) {
		if (halt_poll)
			WRITE_ONCE(vm->halt_poll_ns, nla_get_u32(halt_poll));
		change_ple(info, vm);
		change_name(info, vm);
		if (info->attrs[HOLM_A_VM_PAUSED])
			holm_vm_pause(vm, nla_get_u32(info->attrs[HOLM_A_VM_PAUSED]));
	}
	holm_vm_put(vm);
	return err;
}

/* ---- vm-kill ---------------------------------------------------------------------- */

int holm_nl_vm_kill_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct holm_vm_node *node;
	int err;

	mutex_lock(&holm_vms_lock);
	node = holm_nl_find_vm(skb, info);
	if (IS_ERR(node)) {
		err = PTR_ERR(node);
	} else {
		err = kill_pid(node->pid, SIGKILL, 1);
		if (err)
			NL_SET_ERR_MSG(info->extack, "the process that created it has ended; another one holds it");
	}
	mutex_unlock(&holm_vms_lock);
	return err;
}
