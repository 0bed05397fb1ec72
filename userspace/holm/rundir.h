/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The directory of files that live as long as a virtual machine, named by its
 * UUID: /run/holm for root, $XDG_RUNTIME_DIR/holm for others.
 */
#ifndef HOLM_RUNDIR_H
#define HOLM_RUNDIR_H

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

/**
 * rundir_path() - where the directory of a user is
 * @uid: the user
 * @path: result, PATH_MAX bytes
 * @err: reason of a failure
 *
 * The environment tells of the caller's own only; others have theirs where
 * logind makes it.
 *
 * Return: 0, or -1 with @err set.
 */
int rundir_path(uid_t uid, char path[PATH_MAX], struct err *err);

/**
 * rundir_file() - the path of a virtual machine's file
 * @uid: owner of the virtual machine
 * @uuid: its UUID
 * @suffix: "console", "log"
 * @path: result, PATH_MAX bytes
 * @err: reason of a failure
 *
 * Return: 0, or -1 with @err set.
 */
int rundir_file(uid_t uid, const uint8_t uuid[16], const char *suffix, char path[PATH_MAX],
		struct err *err);

/**
 * rundir_open() - make a directory that is the caller's alone, if need be
 * @path: the directory, mode 0700; what it lies in must exist
 * @err: reason of a failure
 *
 * Return: a descriptor of it, or -1 with @err set.
 */
int rundir_open(const char *path, struct err *err);

#endif /* HOLM_RUNDIR_H */
