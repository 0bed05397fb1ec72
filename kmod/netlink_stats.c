// SPDX-License-Identifier: GPL-2.0-only
/* The generic netlink family: stats-get. */
#include <linux/nospec.h>
#include <net/genetlink.h>

#include "holm.h"
#include "netlink_int.h"
#include "stats.h"

/* holm_vms_lock is held. */
static int put_counts(struct sk_buff *skb, const struct holm_vcpu *vcpu, u32 reason,
		      const struct holm_exit_counts *c)
{
	if (nla_put_u32(skb, HOLM_A_STATS_VM, vcpu->vm->node.id) ||
	    nla_put_u32(skb, HOLM_A_STATS_VCPU, vcpu->index) ||
	    nla_put_u32(skb, HOLM_A_STATS_REASON, reason) ||
	    nla_put_u64_64bit(skb, HOLM_A_STATS_COUNT, c->count, HOLM_A_STATS_PAD) ||
	    nla_put_u64_64bit(skb, HOLM_A_STATS_TIME, c->time, HOLM_A_STATS_PAD) ||
	    nla_put(skb, HOLM_A_STATS_HISTOGRAM, sizeof(c->histogram), c->histogram))
		return -EMSGSIZE;
	return 0;
}

int holm_nl_stats_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *const *attrs = info->attrs;
	struct holm_exit_counts counts;
	struct holm_vm_node *node;
	struct holm_vcpu *vcpu;
	struct sk_buff *reply;
	u32 index, reason;
	void *hdr;
	int err;

	if (!attrs[HOLM_A_STATS_VM] || !attrs[HOLM_A_STATS_VCPU] || !attrs[HOLM_A_STATS_REASON]) {
		NL_SET_ERR_MSG(info->extack, "which exits: vm, vcpu or reason is missing");
		return -EINVAL;
	}
	index = nla_get_u32(attrs[HOLM_A_STATS_VCPU]);
	reason = array_index_nospec(nla_get_u32(attrs[HOLM_A_STATS_REASON]), HOLM_EXIT_REASONS);
	reply = holm_nl_reply_begin(info, HOLM_CMD_STATS_GET, &hdr);
	if (!reply)
		return -ENOMEM;
	mutex_lock(&holm_vms_lock);
	node = holm_nl_find_vm_id(skb, nla_get_u32(attrs[HOLM_A_STATS_VM]));
	err = -ENOENT;
	if (!node) {
		NL_SET_ERR_MSG_ATTR(info->extack, attrs[HOLM_A_STATS_VM],
				    "no such virtual machine");
	} else if (index >= smp_load_acquire(&node->vm->nr_vcpus)) {
		NL_SET_ERR_MSG_ATTR(info->extack, attrs[HOLM_A_STATS_VCPU], "no such vCPU");
	} else {
		vcpu = node->vm->vcpus[array_index_nospec(index, HOLM_MAX_VCPUS)];
		holm_stats_get(vcpu, reason, &counts);
		err = put_counts(reply, vcpu, reason, &counts);
		if (!err && nla_get_flag(attrs[HOLM_A_STATS_RESET]))
			holm_stats_reset(vcpu, reason, &counts);
	}
	mutex_unlock(&holm_vms_lock);
	return holm_nl_reply_end(info, reply, hdr, err);
}

/* What a dump puts in for a VM: from cursor->item, a vCPU, and ->part, a reason, on. */
struct dump_stats {
	struct holm_nl_message message;
	struct holm_nl_cursor *cursor;
	struct nlattr *const *asked;
};

static bool asked_for(const struct nlattr *attr, u32 value)
{
	return !attr || nla_get_u32(attr) == value;
}

static int dump_reason(struct sk_buff *skb, struct dump_stats *d, struct holm_vcpu *vcpu, u32 reason)
{
	struct holm_exit_counts counts;
	void *hdr;
	int err;

	holm_stats_get(vcpu, reason, &counts);
	if (!counts.count)
		return 0;
	hdr = holm_nl_message_begin(skb, &d->message);
	if (!hdr)
		return -EMSGSIZE;
	err = holm_nl_message_end(skb, hdr, put_counts(skb, vcpu, reason, &counts));
	if (!err && nla_get_flag(d->asked[HOLM_A_STATS_RESET]))
		holm_stats_reset(vcpu, reason, &counts);
	return err;
}

static int dump_vm_stats(struct sk_buff *skb, struct holm_vm_node *node, void *arg)
{
	struct dump_stats *d = arg;
	struct holm_vm *vm = node->vm;
	u32 n = smp_load_acquire(&vm->nr_vcpus);
	u32 *i = &d->cursor->item, *reason = &d->cursor->part;
	int err;

	holm_nl_cursor_at(d->cursor, node);
	for (; *i < n; (*i)++, *reason = 0) {
		if (!asked_for(d->asked[HOLM_A_STATS_VCPU], *i))
			continue;
		for (; *reason < HOLM_EXIT_REASONS; (*reason)++) {
			if (!asked_for(d->asked[HOLM_A_STATS_REASON], *reason))
				continue;
			err = dump_reason(skb, d, vm->vcpus[*i], *reason);
			if (err)
				return err;
		}
	}
	return 0;
}

int holm_nl_stats_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nlattr *const *asked = holm_genl_dump_attrs(cb);
	struct nlattr *attrs[HOLM_NL_SELECTORS] = { [HOLM_A_VM_ID] = asked[HOLM_A_STATS_VM] };
	struct holm_nl_cursor *cursor = holm_nl_cursor_of(cb);
	struct holm_nl_vms dump = {
		.viewer = holm_nl_viewer_of(cb->skb),
		.attrs = attrs,
		.next = cursor->vm,
	};
	struct dump_stats stats = {
		.message = { .cb = cb, .dump = &dump, .cmd = HOLM_CMD_STATS_GET },
		.cursor = cursor,
		.asked = asked,
	};
	int err;

	err = holm_nl_fill_vms(skb, &dump, dump_vm_stats, &stats);
	cursor->vm = dump.next;
	return err && !skb->len ? err : skb->len;
}
