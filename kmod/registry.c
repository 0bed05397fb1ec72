// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VMs that there are, by number, and a chain that is told what happens to
 * them. A VM is in the registry from before its descriptor exists until after
 * the last one is gone; who looks at it there holds holm_vms_lock for no longer
 * than one VM takes, and what takes longer is done with a reference (holm_vm_tryget()).
 */
#include <linux/cred.h>
#include <linux/minmax.h>
#include <linux/nsproxy.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/timekeeping.h>
#include <linux/uuid.h>
#include <linux/xarray.h>
#include <net/net_namespace.h>

#include "holm.h"
#include "registry.h"

BLOCKING_NOTIFIER_HEAD(holm_vm_chain);
DEFINE_MUTEX(holm_vms_lock);

static DEFINE_XARRAY_ALLOC1(vms);	/* holm_vms_lock */
static u32 last_id;			/* the same */
static unsigned int generation = 1;	/* the same */

static void changed(void)
{
	if (!++generation)
		generation = 1;
}

int holm_vm_register(struct holm_vm_node *node)
{
	int err;

	if (!memchr_inv(node->uuid, 0, sizeof(node->uuid)))
		generate_random_uuid(node->uuid);
	node->owner = current_euid();
	node->created = ktime_get_boottime_ns();
	node->net = get_net(current->nsproxy->net_ns);
	node->pid = get_task_pid(current, PIDTYPE_TGID);

	mutex_lock(&holm_vms_lock);
	/* Of nobody's cgroup: others' VMs are in the same nodes. */
	err = xa_alloc_cyclic(&vms, &node->id, node, xa_limit_32b, &last_id, GFP_KERNEL);
	if (err >= 0)
		changed();
	mutex_unlock(&holm_vms_lock);
	if (err >= 0)
		return 0;	/* 1: the numbers began anew */
	node->id = 0;
	holm_vm_node_release(node);
	return err;
}

void holm_vm_unregister(struct holm_vm_node *node)
{
	if (!node->id)
		return;
	mutex_lock(&holm_vms_lock);
	xa_erase(&vms, node->id);
	changed();
	mutex_unlock(&holm_vms_lock);
}

void holm_vm_node_release(struct holm_vm_node *node)
{
	if (node->net)
		put_net(node->net);
	put_pid(node->pid);
	node->net = NULL;
	node->pid = NULL;
}

struct holm_vm_node *holm_vm_next(u32 id)
{
	unsigned long index = id;

	lockdep_assert_held(&holm_vms_lock);
	return id ? xa_find(&vms, &index, U32_MAX, XA_PRESENT) : NULL;
}

unsigned int holm_vms_generation(void)
{
	lockdep_assert_held(&holm_vms_lock);
	return generation;
}

void holm_vm_rename(struct holm_vm_node *node, const char *name)
{
	lockdep_assert_held(&holm_vms_lock);
	strscpy(node->name, name, sizeof(node->name));
	changed();	/* a dump by name may miss it */
}

u64 holm_vm_exits(const struct holm_vm *vm)
{
	unsigned int i, n = smp_load_acquire(&vm->nr_vcpus);
	u64 exits = 0;

	for (i = 0; i < n; i++)
		exits += READ_ONCE(vm->vcpus[i]->stats.exits);
	return exits;
}

void holm_vm_announce(struct holm_vm_node *node, enum holm_vm_event event,
		      const struct holm_vcpu *vcpu, u64 detail)
{
	struct holm_vm_notice notice = {
		.node = node,
		.event = event,
		.vcpu = vcpu,
		.detail = detail,
	};

	if (!node->id)
		return;
	if (event == HOLM_VM_EVENT_ENTRY_FAILED || event == HOLM_VM_EVENT_INTERNAL_ERROR)
		WRITE_ONCE(node->failed, true);
	blocking_notifier_call_chain(&holm_vm_chain, event, &notice);
}
