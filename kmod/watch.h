/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Watches: a netlink socket is told when a value of a VM passes a threshold.
 * netlink_watch.c is where they come from and how it is told.
 */
#ifndef HOLM_WATCH_H
#define HOLM_WATCH_H

#include <linux/types.h>
#include <linux/uidgid.h>

#include "../uapi/linux/holm.h"
#include "../uapi/linux/holm_netlink.h"

struct holm_vm;
struct netlink_ext_ack;
struct sock;

/* Of a VM, and of one user for a VM. */
#define HOLM_WATCHES_MAX	64
#define HOLM_WATCHES_USER_MAX	16

/**
 * struct holm_watch_request - set a watch, replace or remove it
 * @sk: whose it is
 * @portid: its address
 * @admin: it may join the group watch
 * @uid: against whose limit it counts
 * @vm: number of the VM, which @uid sees
 * @kind: of what; one of each kind for a socket and VM
 * @threshold: above this there is an event; 0: no longer
 * @now: CLOCK_MONOTONIC, ns
 */
struct holm_watch_request {
	struct sock *sk;
	u32 portid;
	bool admin;
	kuid_t uid;
	u32 vm;
	enum holm_watch_kind kind;
	u64 threshold;
	u64 now;
};

/* What an event says of its VM: the VM itself may be gone. */
struct holm_watch_vm {
	u32 id;
	char name[HOLM_NAME_LEN];
	u8 uuid[HOLM_UUID_LEN];
	kuid_t owner;
};

/**
 * struct holm_watch_event - a value passed a threshold
 * @sk: whose watch it is; alive, and so is its network namespace, which is the VM's
 * @portid: its address
 * @admin: as in the request
 * @vm: the VM
 * @kind: of the value
 * @threshold: what was passed
 * @value: what was found
 */
struct holm_watch_event {
	struct sock *sk;
	u32 portid;
	bool admin;
	const struct holm_watch_vm *vm;
	enum holm_watch_kind kind;
	u64 threshold;
	u64 value;
};

/**
 * holm_watch_setup() - watches may be set
 * @tell: tells of an event; false: it could not, and is asked again. May sleep,
 *	calls nothing of this file
 *
 * May sleep. Return: 0 or -ENOMEM.
 */
int holm_watch_setup(bool (*tell)(const struct holm_watch_event *event));

/* There is none any more, nor will be one; nothing is told of when it returns. May sleep. */
void holm_watch_teardown(void);

/**
 * holm_watch_set() - set a watch, replace or remove it
 * @r: what is wanted
 * @extack: where an error is explained, or NULL
 *
 * May sleep. Return: 0, -ENOENT (there is no such VM), -ENOSPC (there are as many
 * as there may be), -ESHUTDOWN, -ENOMEM.
 */
int holm_watch_set(const struct holm_watch_request *r, struct netlink_ext_ack *extack);

/* How many there are. */
unsigned int holm_watch_count(void);

/**
 * holm_watch_look() - compare all values with their thresholds
 * @now: CLOCK_MONOTONIC, ns
 *
 * Called once a second while there is a watch. A VM that was looked at a moment
 * ago is passed over. May sleep.
 */
void holm_watch_look(u64 now);

/**
 * holm_watch_progress() - did a guest get on since the last call, or need it not
 * @vm: the VM, which does not go away; one caller at a time
 *
 * Return: false when none of its vCPUs did more than take the host's interrupts and
 * spin with PAUSE, and one of them could run, or nothing could ever wake them: they
 * are halted with interrupts off.
 */
bool holm_watch_progress(struct holm_vm *vm);

/**
 * holm_watch_passes() - is there an event
 * @above: whether the value was above the threshold when it was last looked at;
 *	false when it is not
 * @threshold: the threshold
 * @value: the value
 *
 * Return: true when it is above and was not; the caller sets @above once it has
 * told of it.
 */
bool holm_watch_passes(bool *above, u64 threshold, u64 value);

#endif /* HOLM_WATCH_H */
