/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the parts of the control plane's client share. */
#ifndef LIBHOLM_CONTROL_INT_H
#define LIBHOLM_CONTROL_INT_H

#include <netlink/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libholm/control.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define CTL_GROUPS	3	/* of events */
#define CTL_KEPT_MAX	4096	/* events that are kept */

/**
 * struct ctl_list - an array that grows
 * @items: the elements, to be freed
 * @n: how many there are
 * @size: room for so many
 * @no_memory: one was left out
 */
struct ctl_list {
	char *items;
	size_t n, size;
	bool no_memory;
};

/**
 * struct holm_ctl - a connection
 * @sock: libnl's
 * @family: number of the family "holm"
 * @groups: numbers of its groups; negative: an error of libnl's
 * @err: of the kernel's answer
 * @done: it was an answer that ends the request
 * @seq: of the request
 * @events: that came while an answer was waited for, struct holm_event_info; no
 *	more than CTL_KEPT_MAX
 * @lost: meanwhile events were lost, of which holm_ctl_receive() is to tell
 * @msg: what holm_ctl_error() tells
 */
struct holm_ctl {
	struct nl_sock *sock;
	int family;
	int groups[CTL_GROUPS];
	int err;
	bool done;
	uint32_t seq;
	struct ctl_list events;
	bool lost;
	char msg[256];
};

/* Set the message; return @err. */
int ctl_fail(struct holm_ctl *ctl, int err, const char *what);

/* The same of an error of libnl's. */
int ctl_nl_fail(struct holm_ctl *ctl, int err);

/* Room for one more of @size bytes, zeroed; NULL without memory. */
void *ctl_list_add(struct ctl_list *list, size_t size);

/* A request @cmd, or NULL without memory. */
struct nl_msg *ctl_request(struct holm_ctl *ctl, uint8_t cmd, int flags);

/**
 * ctl_converse() - send a request and wait for the end of the answer
 * @ctl: the connection
 * @msg: the request, which is freed; NULL: there was no memory for it
 * @valid: called for each message of the answer, or NULL
 * @arg: for @valid
 *
 * Return: 0, -EAGAIN for a dump that is not of one moment, or a negative errno.
 */
int ctl_converse(struct holm_ctl *ctl, struct nl_msg *msg, nl_recvmsg_msg_cb_t valid, void *arg);

/**
 * ctl_dump() - have a list, of one moment
 * @ctl: the connection
 * @cmd: the request
 * @attr: the number of an attribute that says which, or 0
 * @value: what it says
 * @valid: adds one to @list
 * @list: empty; empty again on failure
 *
 * Return: 0 or a negative errno.
 */
int ctl_dump(struct holm_ctl *ctl, uint8_t cmd, int attr, uint32_t value,
	     nl_recvmsg_msg_cb_t valid, struct ctl_list *list);

/*
 * The end of a list, after @err: frees it and returns an error, where there is
 * one. That it is not of one moment is none.
 */
int ctl_list_end(struct holm_ctl *ctl, int err, struct ctl_list *list);

/* The attributes of a message; not 0 when they make no sense. */
int ctl_parse(struct nl_msg *msg, struct nlattr **attrs, int max);

/* Values of attributes; 0 for what a module of another version does not send. */
uint32_t ctl_u32(struct nlattr *attr);
uint64_t ctl_u64(struct nlattr *attr);
void ctl_string(char *to, size_t size, struct nlattr *attr);
void ctl_uuid(uint8_t *to, struct nlattr *attr);

/* An array of u64, of which @n are taken; those that it has not are 0. */
void ctl_u64_array(uint64_t *to, size_t n, struct nlattr *attr);

/* Whether @msg is an event, and no answer. */
bool ctl_is_event(struct nl_msg *msg);

/* Keep an event for the next holm_ctl_receive(), or note that it is lost. */
void ctl_keep_event(struct holm_ctl *ctl, struct nl_msg *msg);

/* Ask for the numbers of the groups of events, while none can come. */
void ctl_resolve_groups(struct holm_ctl *ctl);

/*
 * Whether libnl's @err means that the socket's buffer was full; errno is that of
 * the call, since libnl has one number for ENOBUFS and ENOMEM.
 */
bool ctl_overrun(int err);

#endif /* LIBHOLM_CONTROL_INT_H */
