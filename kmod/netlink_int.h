/* SPDX-License-Identifier: GPL-2.0-only */
/* What the netlink_*.c have of each other: see netlink_select.c. */
#ifndef HOLM_NETLINK_INT_H
#define HOLM_NETLINK_INT_H

#include <linux/types.h>

#include "netlink.h"
#include "netlink_gen.h"
#include "registry.h"

struct genl_family;
struct genl_info;
struct netlink_callback;
struct netlink_ext_ack;
struct holm_vm;

extern struct genl_family holm_nl_family;

/* ---- who asks, for which VMs ------------------------------------------------ */

/* What selects VMs, in each request that does; of an array by HOLM_A_VM_*. */
#define HOLM_NL_SELECTORS	(HOLM_A_VM_STATE + 1)

struct holm_nl_viewer holm_nl_viewer_of(struct sk_buff *skb);

/* HOLM_A_*_UID of a request in @attr, INVALID_UID where it is NULL. 0 or -EINVAL. */
int holm_nl_wanted_uid(const struct nlattr *attr, kuid_t *uid, struct netlink_ext_ack *extack);

enum holm_vm_state holm_nl_vm_state(const struct holm_vm_node *node);

/**
 * holm_nl_find_vm() - the one VM that a request means
 * @skb: the request
 * @info: with attributes of the set "vm"
 *
 * holm_vms_lock is held. Return: a VM that the caller sees; or -EINVAL,
 * -ENOENT, -ENOTUNIQ, with a message.
 */
struct holm_vm_node *holm_nl_find_vm(struct sk_buff *skb, struct genl_info *info);

/* By its number. holm_vms_lock is held. NULL: not there, or not for the caller. */
struct holm_vm_node *holm_nl_find_vm_id(struct sk_buff *skb, u32 id);

/*
 * The same, with a reference to it, for what takes longer than holm_vms_lock may be
 * held. May sleep. holm_vm_put() may end the VM: before an answer is begun.
 */
struct holm_vm *holm_nl_hold_vm_id(struct sk_buff *skb, u32 id);

/* ---- answers ------------------------------------------------------------------ */

/* An answer to @info, to be filled and sent; NULL: no memory. */
struct sk_buff *holm_nl_reply_begin(struct genl_info *info, u8 cmd, void **hdr);

/* Send it, or with @err, of what filled it, do not. Return: 0 or an errno. */
int holm_nl_reply_end(struct genl_info *info, struct sk_buff *reply, void *hdr, int err);

/* ---- dumps -------------------------------------------------------------------- */

/* One message of a dump. */
struct holm_nl_message {
	struct netlink_callback *cb;
	struct holm_nl_vms *dump;
	u8 cmd;
};

/* NULL when the buffer is full. */
void *holm_nl_message_begin(struct sk_buff *skb, const struct holm_nl_message *m);

/* @err: of what filled it, and returned. */
int holm_nl_message_end(struct sk_buff *skb, void *hdr, int err);

/**
 * struct holm_nl_cursor - where a dump is, kept in the callback between two
 *	buffers
 * @begun: it is valid
 * @vm: number of the VM; 0: at the end
 * @item: of it, e.g. the vCPU
 * @part: of that
 */
struct holm_nl_cursor {
	bool begun;
	u32 vm;
	u32 item;
	u32 part;
};

struct holm_nl_cursor *holm_nl_cursor_of(struct netlink_callback *cb);

/*
 * The dump is at @node. The VM where the last buffer ended may be gone, and this
 * the one behind it: then it begins anew.
 */
void holm_nl_cursor_at(struct holm_nl_cursor *cursor, const struct holm_vm_node *node);

/* ---- watches: netlink_watch.c -------------------------------------------------- */

/* The number of the next event of the group watch; events of @net wait until _end(). */
u64 holm_nl_watch_begin(struct net *net);

/* @sent: that number is taken. */
void holm_nl_watch_end(struct net *net, bool sent);

/* At load, before there are requests; undone while there still may be some. May sleep. */
int holm_nl_watch_setup(void);
void holm_nl_watch_teardown(void);

#endif /* HOLM_NETLINK_INT_H */
