// SPDX-License-Identifier: GPL-2.0-or-later
/* Sockets that only this machine can reach. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include "listen.h"
#include "size.h"

#define BACKLOG	16

/* ---- addresses --------------------------------------------------------------------- */

/* @host may be empty: the address of this machine. */
static int parse_inet(const char *host, uint16_t port, struct listen_address *to, struct err *e)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&to->address.storage;
	struct sockaddr_in *in = (struct sockaddr_in *)&to->address.storage;
	bool loopback;

	if (!*host || !strcmp(host, "localhost"))
		host = "127.0.0.1";
	if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		to->len = sizeof(*in);
		loopback = ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	} else if (inet_pton(AF_INET6, host, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		to->len = sizeof(*in6);
		loopback = IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
	} else {
		return err_set(e, "\"%s\" is no address", host);
	}
	if (!loopback)
		return err_set(e, "%s is reached from other machines: take 127.0.0.1 or [::1], and a proxy in front of it",
			       host);
	return 0;
}

int listen_parse(const char *text, struct listen_address *to, struct err *e)
{
	const char *colon = strrchr(text, ':');
	const char *port = colon ? colon + 1 : text;
	size_t len = colon ? (size_t)(colon - text) : 0;
	char host[INET6_ADDRSTRLEN + 1];
	uint64_t number;

	memset(to, 0, sizeof(*to));
	if (!strncmp(text, "unix:", 5)) {
		to->len = sizeof(to->address.un);
		return unix_socket_address(&to->address.un, text + 5, e);
	}
	if (number_parse(port, UINT16_MAX, &number) || !number)
		return err_set(e, "\"%s\": expected unix:PATH, or [ADDRESS:]PORT with a port from 1 to 65535",
			       text);
	if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	} else if (memchr(text, ':', len)) {
		return err_set(e, "\"%s\": an IPv6 address stands in brackets", text);
	}
	if (len >= sizeof(host))
		return err_set(e, "\"%.*s\" is no address", (int)len, text);
	memcpy(host, text, len);
	host[len] = '\0';
	return parse_inet(host, (uint16_t)number, to, e);
}

/* ---- sockets ----------------------------------------------------------------------- */

int listen_open(struct unix_listener *l, const struct listen_address *address, struct err *e)
{
	int family = address->address.any.sa_family;
	const int on = 1;

	/* For the user and the group; a directory may allow fewer. */
	if (family == AF_UNIX)
		return unix_socket_listen(l, &address->address.un, SOCK_STREAM, 0660, BACKLOG, e);
	*l = (struct unix_listener){ .fd = -1 };
	l->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return err_set_errno(e, "cannot make a socket");
	setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (!bind(l->fd, &address->address.any, address->len) && !listen(l->fd, BACKLOG))
		return 0;
	err_set_errno(e, "cannot listen at this address and port");
	unix_socket_close(l);
	return -1;
}
