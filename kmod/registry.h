/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which VMs there are, for the control plane: descriptors are how a launcher
 * gets at its VM, and nothing is reached from here that a descriptor is for.
 */
#ifndef HOLM_REGISTRY_H
#define HOLM_REGISTRY_H

#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/types.h>
#include <linux/uidgid.h>

#include "../uapi/linux/holm.h"
#include "../uapi/linux/holm_netlink.h"

struct holm_vcpu;
struct holm_vm;
struct net;
struct pid;

/**
 * struct holm_vm_node - a VM as others see it; [I] but for the name,
 *	holm_vms_lock, and the last two, [a]
 * @id: number, of no other VM while the module is loaded; 0: not registered
 * @uuid: the launcher's, or random
 * @name: the launcher's, not unique
 * @vm: the VM, which contains this
 * @owner: effective user of the creating process
 * @net: its network namespace, a reference is held
 * @pid: its thread group, a reference is held
 * @created: CLOCK_BOOTTIME, ns
 * @started: a vCPU has run; WRITE_ONCE
 * @failed: a vCPU could not go on; WRITE_ONCE
 */
struct holm_vm_node {
	u32 id;
	u8 uuid[HOLM_UUID_LEN];
	char name[HOLM_NAME_LEN];
	struct holm_vm *vm;
	kuid_t owner;
	struct net *net;
	struct pid *pid;
	u64 created;
	bool started;
	bool failed;
};

/**
 * struct holm_vm_notice - something happened to a VM
 * @node: the VM
 * @event: what
 * @vcpu: to which vCPU, NULL: to none of them
 * @detail: exits of all vCPUs, with HOLM_VM_EVENT_DESTROYED; what
 *	HOLM_A_EVENT_REASON is for the event
 */
struct holm_vm_notice {
	const struct holm_vm_node *node;
	enum holm_vm_event event;
	const struct holm_vcpu *vcpu;
	u64 detail;
};

/* Called with a struct holm_vm_notice; may sleep. */
extern struct blocking_notifier_head holm_vm_chain;

/* Held while nodes are looked at: none goes away. Outermost; short. */
extern struct mutex holm_vms_lock;

/**
 * holm_vm_register() - make a VM visible
 * @node: its @vm, @uuid and @name are set; the rest is taken from the caller
 *
 * May sleep. Return: 0, -ENOMEM, -EBUSY when no number is free.
 */
int holm_vm_register(struct holm_vm_node *node);

/* It is no longer seen by anybody; no-op when it is not registered. May sleep. */
void holm_vm_unregister(struct holm_vm_node *node);

/* What holm_vm_register() took is given back. After the last notice. */
void holm_vm_node_release(struct holm_vm_node *node);

/**
 * holm_vm_next() - the VM with the smallest number from @id on
 * @id: 0, which the number behind the last one is, for none
 *
 * holm_vms_lock is held. Return: NULL when there is none.
 */
struct holm_vm_node *holm_vm_next(u32 id);

/* How often VMs came or went, never 0. holm_vms_lock is held. */
unsigned int holm_vms_generation(void);

/* Give it another name, a valid one. holm_vms_lock is held. */
void holm_vm_rename(struct holm_vm_node *node, const char *name);

/* Exits of all vCPUs so far. The VM does not go away. */
u64 holm_vm_exits(const struct holm_vm *vm);

/**
 * holm_vm_announce() - tell who wants to know
 * @node: the VM
 * @event: what happened to it
 * @vcpu: to which vCPU of it, or NULL
 * @detail: as in struct holm_vm_notice; 0 with those that have none
 *
 * Of a VM that was never registered nothing is told. May sleep; not with
 * holm_vms_lock held.
 */
void holm_vm_announce(struct holm_vm_node *node, enum holm_vm_event event,
		      const struct holm_vcpu *vcpu, u64 detail);

#endif /* HOLM_REGISTRY_H */
