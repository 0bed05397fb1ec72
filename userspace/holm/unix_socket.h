/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unix sockets in the file system. */
#ifndef HOLM_UNIX_SOCKET_H
#define HOLM_UNIX_SOCKET_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "err.h"

/**
 * unix_socket_address() - the address of a path
 * @addr: result
 * @path: the path
 * @e: why it makes no address
 *
 * Return: 0 or -1.
 */
int unix_socket_address(struct sockaddr_un *addr, const char *path, struct err *e);

/**
 * unix_socket_is_dead() - whether a file is a socket that its process left behind
 * @addr: of the file
 * @type: SOCK_STREAM, SOCK_SEQPACKET
 *
 * Return: true when nobody listens at it; false also for what is no socket, or not of
 * this type, and when that cannot be told.
 */
bool unix_socket_is_dead(const struct sockaddr_un *addr, int type);

#endif /* HOLM_UNIX_SOCKET_H */
