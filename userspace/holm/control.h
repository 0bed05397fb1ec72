/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the verbs that look at other virtual machines share. */
#ifndef HOLM_CONTROL_H
#define HOLM_CONTROL_H

#include <json-c/json.h>

#include "err.h"
#include "libholm/control.h"

/**
 * control_open() - a connection to the driver
 * @e: what stands in the way, and the remedy
 *
 * Return: to be closed by holm_ctl_close(), or NULL.
 */
struct holm_ctl *control_open(struct err *e);

/**
 * control_match() - the virtual machine that somebody means
 * @vms: those there are
 * @n: how many
 * @what: a name, a UUID or the pid of the launcher
 * @e: that there is none, or several
 *
 * A name goes before a pid; nothing has an empty name. Return: the one, or NULL.
 */
const struct holm_vm_info *control_match(const struct holm_vm_info *vms, size_t n,
					 const char *what, struct err *e);

/* control_match() among those that the driver knows; -1 without one. */
int control_find(struct holm_ctl *ctl, const char *what, struct holm_vm_info *vm, struct err *e);

/* Name of user @uid, or its number as text in @buf. */
const char *control_user(uint32_t uid, char *buf, size_t size);

/* "1d 2h", "2h 3m", "3m 4s", "4s" */
const char *control_duration(uint64_t ns, char *buf, size_t size);

/* "12K", "1.5G": three digits at least, powers of 1024. */
const char *control_size(uint64_t bytes, char *buf, size_t size);

/* Room for the names of all bits that are known of any mask. */
#define CONTROL_BITS	512

/* The bits of @mask by name, "a, b", or "none", in @buf. */
const char *control_bits(uint64_t mask, const char *(*name)(size_t bit), char *buf, size_t size);

/* The same as an array of strings in JSON; NULL without memory. */
struct json_object *control_bits_json(uint64_t mask, const char *(*name)(size_t bit));

/* A virtual machine in JSON, as holm(1) documents it; NULL without memory. */
struct json_object *control_vm_json(const struct holm_vm_info *vm);

#endif /* HOLM_CONTROL_H */
