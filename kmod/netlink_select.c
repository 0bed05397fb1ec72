// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family: who asks, for which VMs, and what an answer and a
 * dump begin and end with.
 *
 * A VM belongs to the network namespace of the process that created it. There
 * its owner sees it, and who has CAP_NET_ADMIN in the user namespace that the
 * network namespace belongs to. For all others it is not there: no errno tells
 * them otherwise.
 *
 * What is known of a VM is copied with holm_vms_lock held, one VM at a time. Only
 * what takes longer than that takes a reference, and may then be the one that ends
 * the VM.
 */
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/user_namespace.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "holm.h"
#include "netlink_int.h"

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

struct holm_nl_viewer holm_nl_viewer_of(struct sk_buff *skb)
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

int holm_nl_wanted_uid(const struct nlattr *attr, kuid_t *uid, struct netlink_ext_ack *extack)
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

enum holm_vm_state holm_nl_vm_state(const struct holm_vm_node *node)
{
	const struct holm_vm *vm = node->vm;
	unsigned int i, n = smp_load_acquire(&vm->nr_vcpus);

	if (READ_ONCE(node->failed))
		return HOLM_VM_STATE_FAILED;
	for (i = 0; i < n; i++)
		if (data_race(vm->vcpus[i]->shutdown))
			return HOLM_VM_STATE_SHUTDOWN;
	if (READ_ONCE(vm->paused))
		return HOLM_VM_STATE_PAUSED;
	return READ_ONCE(node->started) ? HOLM_VM_STATE_RUNNING : HOLM_VM_STATE_CREATED;
}

/* @attrs: HOLM_NL_SELECTORS of them. @uid: of HOLM_A_VM_UID, looked up. */
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
	       nla_get_u32(attrs[HOLM_A_VM_STATE]) == holm_nl_vm_state(node);
}

struct holm_vm_node *holm_nl_find_vm(struct sk_buff *skb, struct genl_info *info)
{
	const struct holm_nl_viewer viewer = holm_nl_viewer_of(skb);
	struct nlattr *const *attrs = info->attrs;
	struct holm_vm_node *node, *found = NULL;
	kuid_t uid;
	u32 id;
	int err;

	if (!attrs[HOLM_A_VM_ID] && !attrs[HOLM_A_VM_NAME] && !attrs[HOLM_A_VM_UUID]) {
		NL_SET_ERR_MSG(info->extack, "which virtual machine: id, name or uuid is missing");
		return ERR_PTR(-EINVAL);
	}
	err = holm_nl_wanted_uid(attrs[HOLM_A_VM_UID], &uid, info->extack);
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

/* The dump moves on to the next VM, or its end. NULL: that is none for the caller. */
static struct holm_vm_node *next_vm(struct holm_nl_vms *dump)
{
	struct holm_vm_node *node;

	dump->generation = holm_vms_generation();
	node = holm_vm_next(dump->next);
	/* Here it goes on when the buffer is full, wherever that is noticed. */
	dump->next = node ? node->id : 0;
	if (!node || !visible(&dump->viewer, node) || !matches(node, dump->attrs, dump->uid))
		return NULL;
	return node;
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
		node = next_vm(dump);
		if (node)
			err = put(skb, node, arg);
		if (!err && dump->next)
			dump->next++;
		mutex_unlock(&holm_vms_lock);
		cond_resched();
	}
	return err;
}

int holm_nl_hold_vms(struct holm_nl_vms *dump, int (*look)(struct holm_vm *vm, void *arg),
		     void *arg)
{
	struct holm_vm_node *node;
	struct holm_vm *vm;
	int err = 0;

	while (dump->next && !err) {
		mutex_lock(&holm_vms_lock);
		node = next_vm(dump);
		vm = node && holm_vm_tryget(node->vm) ? node->vm : NULL;
		mutex_unlock(&holm_vms_lock);
		if (vm) {
			err = look(vm, arg);
			holm_vm_put(vm);
		}
		if (!err && dump->next)
			dump->next++;
		cond_resched();
	}
	return err;
}

struct holm_vm_node *holm_nl_find_vm_id(struct sk_buff *skb, u32 id)
{
	const struct holm_nl_viewer viewer = holm_nl_viewer_of(skb);
	struct holm_vm_node *node = holm_vm_next(id);

	return node && node->id == id && visible(&viewer, node) ? node : NULL;
}

struct holm_vm *holm_nl_hold_vm_id(struct sk_buff *skb, u32 id)
{
	struct holm_vm_node *node;
	struct holm_vm *vm;

	mutex_lock(&holm_vms_lock);
	node = holm_nl_find_vm_id(skb, id);
	vm = node && holm_vm_tryget(node->vm) ? node->vm : NULL;
	mutex_unlock(&holm_vms_lock);
	return vm;
}

/* ---- answers ------------------------------------------------------------------ */

struct sk_buff *holm_nl_reply_begin(struct genl_info *info, u8 cmd, void **hdr)
{
	struct sk_buff *reply = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);

	if (!reply)
		return NULL;
	*hdr = genlmsg_put_reply(reply, info, &holm_nl_family, 0, cmd);
	if (*hdr)
		return reply;
	nlmsg_free(reply);
	return NULL;
}

int holm_nl_reply_end(struct genl_info *info, struct sk_buff *reply, void *hdr, int err)
{
	if (err) {
		nlmsg_free(reply);
		return err;
	}
	genlmsg_end(reply, hdr);
	return genlmsg_reply(reply, info);
}

/* ---- dumps -------------------------------------------------------------------- */

void *holm_nl_message_begin(struct sk_buff *skb, const struct holm_nl_message *m)
{
	void *hdr = genlmsg_put(skb, NETLINK_CB(m->cb->skb).portid, m->cb->nlh->nlmsg_seq,
				&holm_nl_family, NLM_F_MULTI, m->cmd);

	if (hdr) {
		m->cb->seq = m->dump->generation;
		genl_dump_check_consistent(m->cb, hdr);
	}
	return hdr;
}

int holm_nl_message_end(struct sk_buff *skb, void *hdr, int err)
{
	if (err)
		genlmsg_cancel(skb, hdr);
	else
		genlmsg_end(skb, hdr);
	return err;
}

struct holm_nl_cursor *holm_nl_cursor_of(struct netlink_callback *cb)
{
	struct holm_nl_cursor *cursor = (struct holm_nl_cursor *)cb->ctx;

	BUILD_BUG_ON(sizeof(*cursor) > sizeof(cb->ctx));
	if (!cursor->begun) {
		cursor->begun = true;
		cursor->vm = 1;
	}
	return cursor;
}

void holm_nl_cursor_at(struct holm_nl_cursor *cursor, const struct holm_vm_node *node)
{
	if (cursor->vm != node->id) {
		cursor->item = 0;
		cursor->part = 0;
	}
	cursor->vm = node->id;
}
