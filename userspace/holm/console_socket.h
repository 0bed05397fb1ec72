/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A console at a Unix socket, for "holm console" (console_proto.h): one client at
 * a time, of the same user or root. The last output is kept for the next one, and
 * what a client has sent is kept for the guest when it leaves. A client that does not
 * read loses output and holds nobody up.
 */
#ifndef HOLM_CONSOLE_SOCKET_H
#define HOLM_CONSOLE_SOCKET_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct chardev;
struct console_socket;
struct evloop;

/**
 * console_socket_create() - listen
 * @loop: event loop
 * @path: of the socket, made with mode 0600; one that nobody listens at any more
 *	is replaced
 * @e: reason of a failure
 *
 * Return: to be freed by console_socket_destroy(), or NULL.
 */
struct console_socket *console_socket_create(struct evloop *loop, const char *path,
					     struct err *e);

/**
 * console_socket_sweep() - remove the sockets that nobody listens at any more
 * @dir: a directory that no one else makes sockets in meanwhile
 */
void console_socket_sweep(int dir);

/* Where input goes. Machine lock held, as for those below. */
void console_socket_connect(struct console_socket *s, struct chardev *chardev);

/* chardev_config.sink and .room: @opaque is the struct console_socket. */
void console_socket_output(void *opaque, const uint8_t *buf, size_t len);
void console_socket_room(void *opaque);

/**
 * console_socket_destroy() - send what is left, within a second; close
 * @s: the socket, or NULL
 * @why: told to the client
 */
void console_socket_destroy(struct console_socket *s, const char *why);

#endif /* HOLM_CONSOLE_SOCKET_H */
