// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family: requests, dumps and events.
 *
 * A VM belongs to the network namespace of the process that created it. There
 * its owner sees it, and who has CAP_NET_ADMIN in the user namespace that the
 * network namespace belongs to. For all others it is not there: no errno tells
 * them otherwise.
 *
 * Nothing here keeps a VM from going away: what is known of it is copied with
 * holm_vms_lock held, one VM at a time.
 */
#define pr_fmt(fmt) "holm: " fmt

#include <linux/cred.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/timekeeping.h>
#include <linux/user_namespace.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include <net/sock.h>

#include "backend.h"
#include "holm.h"
#include "netlink.h"
#include "netlink_gen.h"
#include "registry.h"

static struct genl_family family;

/* ---- who asks --------------------------------------------------------------- */

/*
 * Both who opened the socket and who sends: a program with privileges that is
 * made to write to somebody else's socket must not lend them.
 */
static kuid_t sender_uid(struct sk_buff *skb)
{
	const struct file *file = NETLINK_CB(skb).sk->sk_socket->file;

	return file && uid_eq(file->f_cred->euid, current_euid()) ? current_euid() : INVALID_UID;
}

static struct holm_nl_viewer viewer_of(struct sk_buff *skb)
{
	struct net *net = sock_net(NETLINK_CB(skb).sk);

	return (struct holm_nl_viewer) {
		.net = net,
		.admin = netlink_ns_capable(skb, net->user_ns, CAP_NET_ADMIN),
		.uid = sender_uid(skb),
	};
}

static bool visible(const struct holm_nl_viewer *viewer, const struct holm_vm_node *node)
{
	return net_eq(viewer->net, node->net) &&
	       (viewer->admin || uid_eq(viewer->uid, node->owner));
}

/* ---- which VMs are meant ------------------------------------------------------ */

/* HOLM_A_*_UID of a request; everybody where it is not there. */
static int wanted_uid(const struct nlattr *attr, kuid_t *uid, struct netlink_ext_ack *extack)
{
	*uid = INVALID_UID;
	if (!attr)
		return 0;
	*uid = make_kuid(current_user_ns(), nla_get_u32(attr));
	if (uid_valid(*uid))
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, attr, "no such user in this user namespace");
	return -EINVAL;
}

static enum holm_vm_state vm_state_of(const struct holm_vm_node *node)
{
	const struct holm_vm *vm = node->vm;
	unsigned int i, n = smp_load_acquire(&vm->nr_vcpus);

	if (READ_ONCE(node->failed))
		return HOLM_VM_STATE_FAILED;
	for (i = 0; i < n; i++)
		if (data_race(vm->vcpus[i]->shutdown))
			return HOLM_VM_STATE_SHUTDOWN;
	return READ_ONCE(node->started) ? HOLM_VM_STATE_RUNNING : HOLM_VM_STATE_CREATED;
}

/* What selects VMs, in each request that does; of an array by HOLM_A_VM_*. */
#define SELECTORS	(HOLM_A_VM_STATE + 1)

/* @attrs: SELECTORS of them. @uid: of HOLM_A_VM_UID, looked up. */
static bool matches(const struct holm_vm_node *node, struct nlattr *const *attrs, kuid_t uid)
{
	if (attrs[HOLM_A_VM_ID] && nla_get_u32(attrs[HOLM_A_VM_ID]) != node->id)
		return false;
	if (attrs[HOLM_A_VM_NAME] && nla_strcmp(attrs[HOLM_A_VM_NAME], node->name))
		return false;
	if (attrs[HOLM_A_VM_UUID] &&
	    nla_memcmp(attrs[HOLM_A_VM_UUID], node->uuid, sizeof(node->uuid)))
		return false;
	if (attrs[HOLM_A_VM_UID] && !uid_eq(uid, node->owner))
		return false;
	return !attrs[HOLM_A_VM_STATE] ||
	       nla_get_u32(attrs[HOLM_A_VM_STATE]) == vm_state_of(node);
}

/* The one that a request means; holm_vms_lock is held, and the caller sees it. */
static struct holm_vm_node *find_one(struct sk_buff *skb, struct genl_info *info)
{
	const struct holm_nl_viewer viewer = viewer_of(skb);
	struct nlattr *const *attrs = info->attrs;
	struct holm_vm_node *node, *found = NULL;
	kuid_t uid;
	u32 id;
	int err;

	if (!attrs[HOLM_A_VM_ID] && !attrs[HOLM_A_VM_NAME] && !attrs[HOLM_A_VM_UUID]) {
		NL_SET_ERR_MSG(info->extack, "which virtual machine: id, name or uuid is missing");
		return ERR_PTR(-EINVAL);
	}
	err = wanted_uid(attrs[HOLM_A_VM_UID], &uid, info->extack);
	if (err)
		return ERR_PTR(err);

	/* With a number only that one is looked at. */
	id = attrs[HOLM_A_VM_ID] ? nla_get_u32(attrs[HOLM_A_VM_ID]) : 1;
	for (node = holm_vm_next(id); node; node = holm_vm_next(node->id + 1)) {
		if (attrs[HOLM_A_VM_ID] && node->id != id)
			break;
		if (!visible(&viewer, node) || !matches(node, attrs, uid))
			continue;
		if (found) {
			NL_SET_ERR_MSG_ATTR(info->extack, attrs[HOLM_A_VM_NAME],
					    "more than one virtual machine has it");
			return ERR_PTR(-ENOTUNIQ);
		}
		found = node;
	}
	if (found)
		return found;
	NL_SET_ERR_MSG(info->extack, "no such virtual machine");
	return ERR_PTR(-ENOENT);
}

int holm_nl_fill_vms(struct sk_buff *skb, struct holm_nl_vms *dump,
		     int (*put)(struct sk_buff *skb, struct holm_vm_node *node, void *arg),
		     void *arg)
{
	struct holm_vm_node *node;
	int err = 0;

	/* Not one lock for all: who creates a VM waits for one of them at most. */
	while (dump->next && !err) {
		mutex_lock(&holm_vms_lock);
		dump->generation = holm_vms_generation();
		node = holm_vm_next(dump->next);
		/* Here it goes on when the buffer is full, wherever that is noticed. */
		dump->next = node ? node->id : 0;
		if (node && visible(&dump->viewer, node) &&
		    matches(node, dump->attrs, dump->uid))
			err = put(skb, node, arg);
		if (!err && node)
			dump->next = node->id + 1;
		mutex_unlock(&holm_vms_lock);
		cond_resched();
	}
	return err;
}

/* ---- host-get ----------------------------------------------------------------- */

struct vm_counts {
	u32 vms;
	u32 vcpus;
};

static int count_vm(struct sk_buff *skb, struct holm_vm_node *node, void *arg)
{
	struct vm_counts *counts = arg;

	counts->vms++;
	counts->vcpus += smp_load_acquire(&node->vm->nr_vcpus);
	return 0;
}

static int put_host(struct sk_buff *skb, const struct vm_counts *counts)
{
	struct holm_caps caps = {};

	holm_caps_fill(&caps);
	if (nla_put_string(skb, HOLM_A_HOST_VERSION, THIS_MODULE->version) ||
	    nla_put_u32(skb, HOLM_A_HOST_API_VERSION, HOLM_API_VERSION) ||
	    nla_put_string(skb, HOLM_A_HOST_BACKEND, holm_backend->name) ||
	    nla_put_u64_64bit(skb, HOLM_A_HOST_FEATURES, caps.features, HOLM_A_HOST_PAD) ||
	    nla_put_u32(skb, HOLM_A_HOST_TSC_KHZ, caps.tsc_khz) ||
	    nla_put_u32(skb, HOLM_A_HOST_MAX_VCPUS, caps.max_vcpus) ||
	    nla_put_u32(skb, HOLM_A_HOST_MAX_SLOTS, caps.max_slots) ||
	    nla_put_u32(skb, HOLM_A_HOST_VMS, counts->vms) ||
	    nla_put_u32(skb, HOLM_A_HOST_VCPUS, counts->vcpus))
		return -EMSGSIZE;
	return 0;
}

/* An answer to @info, to be filled and sent; NULL: no memory. */
static struct sk_buff *reply_begin(struct genl_info *info, u8 cmd, void **hdr)
{
	struct sk_buff *reply = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);

	if (!reply)
		return NULL;
	*hdr = genlmsg_put_reply(reply, info, &family, 0, cmd);
	if (*hdr)
		return reply;
	nlmsg_free(reply);
	return NULL;
}

/* @err: of what filled it. */
static int reply_end(struct genl_info *info, struct sk_buff *reply, void *hdr, int err)
{
	if (err) {
		nlmsg_free(reply);
		return err;
	}
	genlmsg_end(reply, hdr);
	return genlmsg_reply(reply, info);
}

int holm_nl_host_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *attrs[SELECTORS] = { [HOLM_A_VM_UID] = info->attrs[HOLM_A_HOST_UID] };
	struct holm_nl_vms those = { .viewer = viewer_of(skb), .attrs = attrs, .next = 1 };
	struct vm_counts counts = {};
	struct sk_buff *reply;
	void *hdr;
	int err;

	err = wanted_uid(attrs[HOLM_A_VM_UID], &those.uid, info->extack);
	if (err)
		return err;
	holm_nl_fill_vms(NULL, &those, count_vm, &counts);

	reply = reply_begin(info, HOLM_CMD_HOST_GET, &hdr);
	if (!reply)
		return -ENOMEM;
	return reply_end(info, reply, hdr, put_host(reply, &counts));
}

/* ---- vm-get --------------------------------------------------------------------- */

/* holm_vms_lock is held. */
static int put_vm(struct sk_buff *skb, struct holm_vm_node *node)
{
	struct holm_vm *vm = node->vm;
	u64 resident = (u64)get_mm_rss(vm->mm) << PAGE_SHIFT;
	u64 uptime = ktime_get_boottime_ns() - node->created;

	if (nla_put_u32(skb, HOLM_A_VM_ID, node->id) ||
	    nla_put_string(skb, HOLM_A_VM_NAME, node->name) ||
	    nla_put(skb, HOLM_A_VM_UUID, sizeof(node->uuid), node->uuid) ||
	    nla_put_u32(skb, HOLM_A_VM_UID,
			from_kuid_munged(current_user_ns(), node->owner)) ||
	    nla_put_u32(skb, HOLM_A_VM_PID,
			pid_nr_ns(node->pid, task_active_pid_ns(current))) ||
	    nla_put_u32(skb, HOLM_A_VM_STATE, vm_state_of(node)) ||
	    nla_put_u32(skb, HOLM_A_VM_VCPUS, smp_load_acquire(&vm->nr_vcpus)) ||
	    nla_put_u64_64bit(skb, HOLM_A_VM_MEMORY, holm_slots_size(&vm->mmu), HOLM_A_VM_PAD) ||
	    nla_put_u64_64bit(skb, HOLM_A_VM_RESIDENT, resident, HOLM_A_VM_PAD) ||
	    nla_put_u64_64bit(skb, HOLM_A_VM_UPTIME, uptime, HOLM_A_VM_PAD) ||
	    nla_put_u32(skb, HOLM_A_VM_NETNS, node->net->ns.inum) ||
	    nla_put_u32(skb, HOLM_A_VM_HALT_POLL, READ_ONCE(vm->halt_poll_ns)) ||
	    nla_put_u64_64bit(skb, HOLM_A_VM_EXITS, holm_vm_exits(vm), HOLM_A_VM_PAD))
		return -EMSGSIZE;
	return 0;
}

int holm_nl_vm_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct holm_vm_node *node;
	struct sk_buff *reply;
	void *hdr;
	int err;

	reply = reply_begin(info, HOLM_CMD_VM_GET, &hdr);
	if (!reply)
		return -ENOMEM;
	mutex_lock(&holm_vms_lock);
	node = find_one(skb, info);
	err = IS_ERR(node) ? PTR_ERR(node) : put_vm(reply, node);
	mutex_unlock(&holm_vms_lock);
	return reply_end(info, reply, hdr, err);
}

/* One message of a dump; in the order in which they are needed. */
struct dump_message {
	struct netlink_callback *cb;
	struct holm_nl_vms *dump;
	u8 cmd;
};

static void *message_begin(struct sk_buff *skb, const struct dump_message *m)
{
	void *hdr = genlmsg_put(skb, NETLINK_CB(m->cb->skb).portid, m->cb->nlh->nlmsg_seq, &family,
				NLM_F_MULTI, m->cmd);

	if (hdr) {
		m->cb->seq = m->dump->generation;
		genl_dump_check_consistent(m->cb, hdr);
	}
	return hdr;
}

static int message_end(struct sk_buff *skb, void *hdr, int err)
{
	if (err)
		genlmsg_cancel(skb, hdr);
	else
		genlmsg_end(skb, hdr);
	return err;
}

static int dump_vm(struct sk_buff *skb, struct holm_vm_node *node, void *arg)
{
	void *hdr = message_begin(skb, arg);

	return hdr ? message_end(skb, hdr, put_vm(skb, node)) : -EMSGSIZE;
}

/* Where a dump is, kept in the callback between two buffers. */
struct dump_cursor {
	bool begun;
	u32 vm;			/* 0: at the end */
	u32 vcpu;
};

static struct dump_cursor *cursor_of(struct netlink_callback *cb)
{
	struct dump_cursor *cursor = (struct dump_cursor *)cb->ctx;

	BUILD_BUG_ON(sizeof(*cursor) > sizeof(cb->ctx));
	if (!cursor->begun) {
		cursor->begun = true;
		cursor->vm = 1;
	}
	return cursor;
}

int holm_nl_vm_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct dump_cursor *cursor = cursor_of(cb);
	struct holm_nl_vms dump = {
		.viewer = viewer_of(cb->skb),
		.attrs = holm_genl_dump_attrs(cb),
		.next = cursor->vm,
	};
	struct dump_message message = { .cb = cb, .dump = &dump, .cmd = HOLM_CMD_VM_GET };
	int err;

	err = wanted_uid(dump.attrs[HOLM_A_VM_UID], &dump.uid, cb->extack);
	if (err)
		return err;
	err = holm_nl_fill_vms(skb, &dump, dump_vm, &message);
	cursor->vm = dump.next;
	return err && !skb->len ? err : skb->len;
}

/* ---- vcpu-get ------------------------------------------------------------------- */

static enum holm_vcpu_state vcpu_state_of(const struct holm_vcpu *vcpu)
{
	switch (data_race(vcpu->state)) {
	case HOLM_OBJ_CREATED:
		return HOLM_VCPU_STATE_CREATED;
	case HOLM_OBJ_CONFIGURED:
		return HOLM_VCPU_STATE_CONFIGURED;
	case HOLM_OBJ_DYING:
		return HOLM_VCPU_STATE_DYING;
	default:
		break;
	}
	switch (data_race(vcpu->mp_state)) {
	case HOLM_MP_HALTED:
		return HOLM_VCPU_STATE_HALTED;
	case HOLM_MP_WAIT_FOR_SIPI:
		return HOLM_VCPU_STATE_WAIT_FOR_SIPI;
	default:
		return HOLM_VCPU_STATE_RUNNABLE;
	}
}

static u32 vcpu_tid(struct holm_vcpu *vcpu)
{
	u32 tid;

	spin_lock(&vcpu->pid_lock);
	tid = pid_nr_ns(vcpu->pid, task_active_pid_ns(current));
	spin_unlock(&vcpu->pid_lock);
	return tid;
}

/* holm_vms_lock is held. */
static int put_vcpu(struct sk_buff *skb, struct holm_vcpu *vcpu)
{
	const struct holm_stats *s = &vcpu->stats;
	const struct {
		int attr;
		u64 value;
	} counters[] = {
		{ HOLM_A_VCPU_EXITS, READ_ONCE(s->exits) },
		{ HOLM_A_VCPU_EXITS_USER, READ_ONCE(s->exits_user) },
		{ HOLM_A_VCPU_EXITS_IO, READ_ONCE(s->io_exits) },
		{ HOLM_A_VCPU_EXITS_MMIO, READ_ONCE(s->mmio_exits) },
		{ HOLM_A_VCPU_ENTRIES_FAILED, READ_ONCE(s->entries_fail) },
		{ HOLM_A_VCPU_HALTS, READ_ONCE(s->halts) },
		{ HOLM_A_VCPU_HALT_POLLS, READ_ONCE(s->halt_poll_success) },
		{ HOLM_A_VCPU_HALT_SLEEPS, READ_ONCE(s->halt_poll_fail) },
		{ HOLM_A_VCPU_YIELDS, READ_ONCE(s->yields) },
		{ HOLM_A_VCPU_FAULTS, READ_ONCE(s->faults) },
		{ HOLM_A_VCPU_INTERRUPTS, READ_ONCE(s->irq_injected) },
		{ HOLM_A_VCPU_NMIS, READ_ONCE(s->nmi_injected) },
		{ HOLM_A_VCPU_TLB_FLUSHES, READ_ONCE(s->tlb_flushes) },
	};
	int cpu = READ_ONCE(vcpu->cpu);
	unsigned int i;

	if (nla_put_u32(skb, HOLM_A_VCPU_VM, vcpu->vm->node.id) ||
	    nla_put_u32(skb, HOLM_A_VCPU_INDEX, vcpu->index) ||
	    nla_put_u32(skb, HOLM_A_VCPU_APIC_ID, vcpu->apic_id) ||
	    nla_put_u32(skb, HOLM_A_VCPU_STATE, vcpu_state_of(vcpu)) ||
	    (READ_ONCE(vcpu->mode) != HOLM_OUTSIDE_GUEST &&
	     nla_put_flag(skb, HOLM_A_VCPU_IN_GUEST)) ||
	    (cpu >= 0 && nla_put_u32(skb, HOLM_A_VCPU_CPU, cpu)) ||
	    nla_put_u32(skb, HOLM_A_VCPU_TID, vcpu_tid(vcpu)))
		return -EMSGSIZE;
	for (i = 0; i < ARRAY_SIZE(counters); i++)
		if (nla_put_u64_64bit(skb, counters[i].attr, counters[i].value, HOLM_A_VCPU_PAD))
			return -EMSGSIZE;
	return 0;
}

/* holm_vms_lock is held. NULL: not there, or not for the caller. */
static struct holm_vm_node *vcpus_node(struct sk_buff *skb, u32 id)
{
	const struct holm_nl_viewer viewer = viewer_of(skb);
	struct holm_vm_node *node = holm_vm_next(id);

	return node && node->id == id && visible(&viewer, node) ? node : NULL;
}

int holm_nl_vcpu_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct holm_vm_node *node;
	struct sk_buff *reply;
	void *hdr;
	u32 index;
	int err;

	if (!info->attrs[HOLM_A_VCPU_VM] || !info->attrs[HOLM_A_VCPU_INDEX]) {
		NL_SET_ERR_MSG(info->extack, "which vCPU: vm or index is missing");
		return -EINVAL;
	}
	index = nla_get_u32(info->attrs[HOLM_A_VCPU_INDEX]);
	reply = reply_begin(info, HOLM_CMD_VCPU_GET, &hdr);
	if (!reply)
		return -ENOMEM;
	mutex_lock(&holm_vms_lock);
	node = vcpus_node(skb, nla_get_u32(info->attrs[HOLM_A_VCPU_VM]));
	err = -ENOENT;
	if (!node)
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[HOLM_A_VCPU_VM],
				    "no such virtual machine");
	else if (index >= smp_load_acquire(&node->vm->nr_vcpus))
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[HOLM_A_VCPU_INDEX], "no such vCPU");
	else
		err = put_vcpu(reply, node->vm->vcpus[array_index_nospec(index, HOLM_MAX_VCPUS)]);
	mutex_unlock(&holm_vms_lock);
	return reply_end(info, reply, hdr, err);
}

/* What a dump of vCPUs puts in for a VM: its vCPUs, from cursor->vcpu on. */
struct dump_vcpus {
	struct dump_message message;
	struct dump_cursor *cursor;
	const struct nlattr *by_index;
};

static int dump_vcpus(struct sk_buff *skb, struct holm_vm_node *node, void *arg)
{
	struct dump_vcpus *d = arg;
	struct holm_vm *vm = node->vm;
	u32 i, n = smp_load_acquire(&vm->nr_vcpus);
	int err = 0;

	/* The VM where the last buffer ended may be gone, and this the one behind it. */
	if (d->cursor->vm != node->id)
		d->cursor->vcpu = 0;
	d->cursor->vm = node->id;
	for (i = d->cursor->vcpu; i < n && !err; i++) {
		void *hdr;

		if (d->by_index && nla_get_u32(d->by_index) != i)
			continue;
		hdr = message_begin(skb, &d->message);
		err = hdr ? message_end(skb, hdr, put_vcpu(skb, vm->vcpus[i])) : -EMSGSIZE;
		if (!err)
			d->cursor->vcpu = i + 1;
	}
	return err;
}

int holm_nl_vcpu_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nlattr *const *asked = holm_genl_dump_attrs(cb);
	struct nlattr *attrs[SELECTORS] = { [HOLM_A_VM_ID] = asked[HOLM_A_VCPU_VM] };
	struct dump_cursor *cursor = cursor_of(cb);
	struct holm_nl_vms dump = {
		.viewer = viewer_of(cb->skb),
		.attrs = attrs,
		.next = cursor->vm,
	};
	struct dump_vcpus vcpus = {
		.message = { .cb = cb, .dump = &dump, .cmd = HOLM_CMD_VCPU_GET },
		.cursor = cursor,
		.by_index = asked[HOLM_A_VCPU_INDEX],
	};
	int err;

	err = holm_nl_fill_vms(skb, &dump, dump_vcpus, &vcpus);
	cursor->vm = dump.next;
	return err && !skb->len ? err : skb->len;
}

/* ---- vm-kill ---------------------------------------------------------------------- */

int holm_nl_vm_kill_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct holm_vm_node *node;
	int err;

	mutex_lock(&holm_vms_lock);
	node = find_one(skb, info);
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
};

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

	if (nla_put_u64_64bit(skb, HOLM_A_EVENT_SEQ, seq, HOLM_A_EVENT_PAD) ||
	    nla_put_u32(skb, HOLM_A_EVENT_EVENT, notice->event) ||
	    nla_put_u64_64bit(skb, HOLM_A_EVENT_TIME, now, HOLM_A_EVENT_PAD) ||
	    nla_put_u32(skb, HOLM_A_EVENT_VM, node->id) ||
	    nla_put_string(skb, HOLM_A_EVENT_NAME, node->name) ||
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
		return nla_put_u64_64bit(skb, HOLM_A_EVENT_REASON, notice->vcpu->exit_detail,
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

	if (!genl_has_listeners(&family, notice->node->net, group))
		return;
	skb = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!skb)
		return;		/* lost: the next one's number tells */
	hdr = genlmsg_put(skb, 0, 0, &family, 0, cmd);
	if (!hdr || put_event(skb, notice, seq)) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, hdr);
	genlmsg_multicast_netns(&family, notice->node->net, skb, 0, group, GFP_KERNEL);
}

static int on_notice(struct notifier_block *nb, unsigned long event, void *data)
{
	const struct holm_vm_notice *notice = data;
	struct holm_nl_net *n = net_generic(notice->node->net, net_id);
	unsigned int group = event <= HOLM_VM_EVENT_DESTROYED ? HOLM_NLGRP_LIFECYCLE :
								HOLM_NLGRP_FAULT;

	mutex_lock(&n->lock);
	send_event(notice, group, ++n->seq[group]);
	mutex_unlock(&n->lock);
	return NOTIFY_OK;
}

static struct notifier_block notice_nb = {
	.notifier_call = on_notice,
};

/* ---- load and unload ---------------------------------------------------------------- */

static struct genl_family family __ro_after_init = {
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
	err = genl_register_family(&family);
	if (err)
		goto err_net;
	err = blocking_notifier_chain_register(&holm_vm_chain, &notice_nb);
	if (!err)
		return 0;
	genl_unregister_family(&family);
err_net:
	unregister_pernet_subsys(&net_ops);
	return err;
}

void holm_netlink_teardown(void)
{
	blocking_notifier_chain_unregister(&holm_vm_chain, &notice_nb);
	genl_unregister_family(&family);
	unregister_pernet_subsys(&net_ops);
}
