/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets that only this machine can reach. */
#ifndef HOLM_LISTEN_H
#define HOLM_LISTEN_H

#include <sys/socket.h>
#include <sys/un.h>

#include "err.h"
#include "unix_socket.h"

/**
 * struct listen_address - where to listen
 * @len: bytes of the address that count
 * @address: a Unix socket's path, or a loopback address and a port
 */
struct listen_address {
	socklen_t len;
	union {
		struct sockaddr any;
		struct sockaddr_un un;
		struct sockaddr_storage storage;
	} address;
};

/**
 * listen_parse() - understand where to listen
 * @text: "unix:PATH", "PORT", "ADDRESS:PORT"; IPv6 addresses stand in brackets
 * @to: result
 * @e: what is wrong; that others than this machine would reach it, too
 *
 * Return: 0 or -1.
 */
int listen_parse(const char *text, struct listen_address *to, struct err *e);

/**
 * listen_open() - listen
 * @l: filled in, to be closed by unix_socket_close(); without a path where there is
 *	none
 * @address: where; a socket in the file system that nobody listens at any more is
 *	replaced
 * @e: what stands in the way
 *
 * Return: 0, or -1 with nothing to close.
 */
int listen_open(struct unix_listener *l, const struct listen_address *address, struct err *e);

#endif /* HOLM_LISTEN_H */
