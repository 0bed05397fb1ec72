// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family: slot-get. To count what the guest has of a slot may take
 * a while, so that is done with a reference to the VM and not with holm_vms_lock.
 */
#include <net/genetlink.h>

#include "holm.h"
#include "netlink_int.h"

/* What a message takes, at most: attributes of 64 bits may need one for padding. */
#define SLOT_U32	nla_total_size(sizeof(u32))
#define SLOT_U64	nla_total_size_64bit(sizeof(u64))
#define SLOT_MESSAGE	(nlmsg_total_size(GENL_HDRLEN) + 3 * SLOT_U32 + 6 * SLOT_U64)

static int put_slot(struct sk_buff *skb, u32 vm, const struct holm_slot *slot,
		    const struct holm_slot_count *count)
{
	if (nla_put_u32(skb, HOLM_A_SLOT_VM, vm) ||
	    nla_put_u32(skb, HOLM_A_SLOT_SLOT, slot->slot) ||
	    nla_put_u64_64bit(skb, HOLM_A_SLOT_GPA, slot->gpa, HOLM_A_SLOT_PAD) ||
	    nla_put_u64_64bit(skb, HOLM_A_SLOT_SIZE, slot->size, HOLM_A_SLOT_PAD) ||
	    nla_put_u32(skb, HOLM_A_SLOT_FLAGS, slot->flags) ||
	    nla_put_u64_64bit(skb, HOLM_A_SLOT_PAGES_4K, count->pages[HOLM_PG_4K],
			      HOLM_A_SLOT_PAD) ||
	    nla_put_u64_64bit(skb, HOLM_A_SLOT_PAGES_2M, count->pages[HOLM_PG_2M],
			      HOLM_A_SLOT_PAD) ||
	    nla_put_u64_64bit(skb, HOLM_A_SLOT_PAGES_1G, count->pages[HOLM_PG_1G],
			      HOLM_A_SLOT_PAD) ||
	    (count->logged &&
	     nla_put_u64_64bit(skb, HOLM_A_SLOT_DIRTY, count->dirty, HOLM_A_SLOT_PAD)))
		return -EMSGSIZE;
	return 0;
}

int holm_nl_slot_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct holm_slot_count count;
	struct holm_slot slot;
	struct sk_buff *reply;
	struct holm_vm *vm;
	void *hdr;
	u32 id, number;
	int err;

	if (!info->attrs[HOLM_A_SLOT_VM] || !info->attrs[HOLM_A_SLOT_SLOT]) {
		NL_SET_ERR_MSG(info->extack, "which slot: vm or slot is missing");
		return -EINVAL;
	}
	id = nla_get_u32(info->attrs[HOLM_A_SLOT_VM]);
	number = nla_get_u32(info->attrs[HOLM_A_SLOT_SLOT]);
	vm = holm_nl_hold_vm_id(skb, id);
	if (!vm) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[HOLM_A_SLOT_VM],
				    "no such virtual machine");
		return -ENOENT;
	}
	if (holm_slot_next(&vm->mmu, number, &slot) && slot.slot == number) {
		err = holm_slot_count(&vm->mmu, &slot, &count);
	} else {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[HOLM_A_SLOT_SLOT], "no such slot");
		err = -ENOENT;
	}
	holm_vm_put(vm);
	if (err)
		return err;

	reply = holm_nl_reply_begin(info, HOLM_CMD_SLOT_GET, &hdr);
	if (!reply)
		return -ENOMEM;
	return holm_nl_reply_end(info, reply, hdr, put_slot(reply, id, &slot, &count));
}

/* What a dump of slots puts in for a VM: its slots, from number cursor->item on. */
struct dump_slots {
	struct holm_nl_message message;
	struct holm_nl_cursor *cursor;
	const struct nlattr *by_number;
	struct sk_buff *skb;
};

static int dump_slot(struct dump_slots *d, struct holm_vm *vm, const struct holm_slot *slot)
{
	struct holm_slot_count count;
	void *hdr;
	int err;

	/* Not counted in vain. */
	if (skb_tailroom(d->skb) < SLOT_MESSAGE)
		return -EMSGSIZE;
	err = holm_slot_count(&vm->mmu, slot, &count);
	if (err)
		return err;
	hdr = holm_nl_message_begin(d->skb, &d->message);
	if (!hdr)
		return -EMSGSIZE;
	return holm_nl_message_end(d->skb, hdr, put_slot(d->skb, vm->node.id, slot, &count));
}

static int dump_slots(struct holm_vm *vm, void *arg)
{
	struct dump_slots *d = arg;
	u32 number = d->by_number ? nla_get_u32(d->by_number) : 0;
	struct holm_slot slot;
	int err = 0;

	holm_nl_cursor_at(d->cursor, &vm->node);
	while (!err && holm_slot_next(&vm->mmu, max(number, d->cursor->item), &slot)) {
		if (d->by_number && slot.slot != number)
			break;
		err = dump_slot(d, vm, &slot);
		if (!err)
			d->cursor->item = slot.slot + 1;
	}
	return err;
}

int holm_nl_slot_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nlattr *const *asked = holm_genl_dump_attrs(cb);
	struct nlattr *attrs[HOLM_NL_SELECTORS] = { [HOLM_A_VM_ID] = asked[HOLM_A_SLOT_VM] };
	struct holm_nl_cursor *cursor = holm_nl_cursor_of(cb);
	struct holm_nl_vms dump = {
		.viewer = holm_nl_viewer_of(cb->skb),
		.attrs = attrs,
		.next = cursor->vm,
	};
	struct dump_slots slots = {
		.message = { .cb = cb, .dump = &dump, .cmd = HOLM_CMD_SLOT_GET },
		.cursor = cursor,
		.by_number = asked[HOLM_A_SLOT_SLOT],
		.skb = skb,
	};
	int err;

	err = holm_nl_hold_vms(&dump, dump_slots, &slots);
	cursor->vm = dump.next;
	return err && !skb->len ? err : skb->len;
}
