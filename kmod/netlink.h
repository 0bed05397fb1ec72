/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The generic netlink family "holm": what VMs there are, and what happens to
 * them. Documentation/netlink/specs/holm.yaml says what is in a message;
 * netlink_gen.c is made from it by scripts/netlink-gen.
 */
#ifndef HOLM_NETLINK_H
#define HOLM_NETLINK_H

#include <linux/types.h>
#include <linux/uidgid.h>

struct holm_vm;
struct holm_vm_node;
struct net;
struct nlattr;
struct sk_buff;

/**
 * struct holm_nl_viewer - who asks
 * @net: whose VMs it may see
 * @admin: all of them, otherwise only those of
 * @uid: its effective user
 */
struct holm_nl_viewer {
	const struct net *net;
	bool admin;
	kuid_t uid;
};

/**
 * struct holm_nl_vms - a dump of VMs under way
 * @viewer: for whom
 * @attrs: what they must match, by HOLM_A_VM_*
 * @uid: HOLM_A_VM_UID, looked up
 * @next: number of the next one
 * @generation: of the registry when the last one was looked at
 */
struct holm_nl_vms {
	struct holm_nl_viewer viewer;
	struct nlattr *const *attrs;
	kuid_t uid;
	u32 next;
	unsigned int generation;
};

/**
 * holm_nl_fill_vms() - as many VMs as a message buffer takes
 * @skb: the buffer
 * @dump: what to put in and where to go on; @dump->next is moved, 0 at the end
 * @put: writes one into @skb; -EMSGSIZE when it is full
 * @arg: for @put
 *
 * Return: 0 at the end, or -EMSGSIZE: call again with another buffer.
 */
int holm_nl_fill_vms(struct sk_buff *skb, struct holm_nl_vms *dump,
		     int (*put)(struct sk_buff *skb, struct holm_vm_node *node, void *arg),
		     void *arg);

/**
 * holm_nl_hold_vms() - holm_nl_fill_vms() for what takes longer than a look
 * @dump: the same
 * @look: called with a reference to the VM and without a lock; may sleep. An errno
 *	ends the round: it goes on with this VM
 * @arg: for @look
 *
 * The VM may end with this reference. Return: 0 at the end, or what @look returned.
 */
int holm_nl_hold_vms(struct holm_nl_vms *dump, int (*look)(struct holm_vm *vm, void *arg),
		     void *arg);

/* At load: the family is there when it returns 0. May sleep. */
int holm_netlink_setup(void);

/* Undo; no request or dump is under way when it returns. May sleep. */
void holm_netlink_teardown(void);

#endif /* HOLM_NETLINK_H */
