/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unix sockets in the file system. */
#ifndef HOLM_UNIX_SOCKET_H
#define HOLM_UNIX_SOCKET_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>
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

/**
 * struct unix_listener - a socket that is listened at
 * @fd: the socket, which does not block; -1: none
 * @path: of its file, whatever directory the process is in; NULL: none was made
 * @dev: of the file that was made
 * @ino: of the file that was made
 */
struct unix_listener {
	int fd;
	char *path;
	dev_t dev;
	ino_t ino;
};

/**
 * unix_socket_listen() - make a socket in the file system and listen at it
 * @l: filled in; to be closed by unix_socket_close(), after a failure nothing is
 * @addr: its address; a socket there that nobody listens at is replaced
 * @type: SOCK_STREAM, SOCK_SEQPACKET
 * @mode: of the file, whatever the umask, which is changed for a moment
 * @backlog: as of listen(2)
 * @e: what stands in the way
 *
 * Return: 0 or -1.
 */
int unix_socket_listen(struct unix_listener *l, const struct sockaddr_un *addr, int type,
		       mode_t mode, int backlog, struct err *e);

/* Close, and remove the file, unless somebody has put another in its place. */
void unix_socket_close(struct unix_listener *l);

#endif /* HOLM_UNIX_SOCKET_H */
