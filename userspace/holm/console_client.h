/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of a console's socket that a person or a script is at. */
#ifndef HOLM_CONSOLE_CLIENT_H
#define HOLM_CONSOLE_CLIENT_H

#include <stdbool.h>
#include <sys/types.h>

#include "err.h"

/**
 * console_client_open() - connect to a console
 * @path: of the socket
 * @uid: whose the launcher is, or -1: anyone's
 * @pid: of the launcher, or 0: any
 * @e: reason of a failure
 *
 * Return: a descriptor, or -1 with @e set.
 */
int console_client_open(const char *path, uid_t uid, pid_t pid, struct err *e);

/**
 * console_client_attach() - ask for the console
 * @fd: of console_client_open()
 * @force: take it from another client
 * @e: reason of a failure, or why it was refused
 *
 * Return: 0, or -1 with @e set.
 */
int console_client_attach(int fd, bool force, struct err *e);

/**
 * console_client_run() - standard input to the guest, its output to standard output
 * @fd: attached
 * @e: reason of a failure
 *
 * With a terminal as standard input Ctrl-A is the escape key. Without one, the end
 * of the input ends nothing: output goes on.
 *
 * Return: exit status of the verb; -1 with @e set.
 */
int console_client_run(int fd, struct err *e);

#endif /* HOLM_CONSOLE_CLIENT_H */
