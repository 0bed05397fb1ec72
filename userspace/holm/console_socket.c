// SPDX-License-Identifier: GPL-2.0-or-later
/* A console at a Unix socket: see console_socket.h. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "chardev.h"
#include "clock.h"
#include "console_proto.h"
#include "console_socket.h"
#include "evloop.h"
#include "ring.h"
#include "unix_socket.h"

#define MAX_CLIENTS	4	/* one is attached, others say what they want */
#define FLUSH_MS	1000
#define DATA_MAX	(CONSOLE_PACKET_MAX - 1)
#define IN_MAX		32768

/**
 * struct client - a connection
 * @s: whose
 * @watch: its descriptor, -1: the entry is free
 * @fd: the same
 * @age: which of all connections
 * @cred: who
 * @attached: it has the console
 * @pos: how far it has read the output
 * @lost: bytes it is to be told it has lost
 */
struct client {
	struct console_socket *s;
	struct evfd watch;
	int fd;
	uint64_t age;
	struct ucred cred;
	bool attached;
	uint64_t pos;
	uint64_t lost;
};

struct console_socket {
	struct evloop *loop;		/* immutable */
	struct chardev *chardev;	/* machine lock; and so is the rest */
	struct evfd watch;
	struct unix_listener listener;
	uint64_t connections;
	struct client clients[MAX_CLIENTS];
	struct ring ring;
	bool delivering;		/* deliver() is at work */
	size_t in_at, in_len;		/* input that the guest had no room for: */
	uint8_t in[IN_MAX];		/* it outlives the client that sent it */
};

/* ---- clients ------------------------------------------------------------------ */

static void client_close(struct client *c)
{
	evfd_remove(&c->watch);
	close(c->fd);
	c->fd = -1;
	c->attached = false;
}

/* Send a packet: 1, 0 when there is no room for it now, -1 when nobody is there. */
static int client_send(struct client *c, const void *head, size_t head_len, const void *body,
		       size_t body_len)
{
	struct iovec iov[] = {
		{ .iov_base = (void *)head, .iov_len = head_len },
		{ .iov_base = (void *)body, .iov_len = body_len },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t n;

	do
		n = sendmsg(c->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return 1;
	return errno == EAGAIN ? 0 : -1;
}

/* Queue the input in a packet, for which there is room. */
static void queue_input(struct console_socket *s, const uint8_t *buf, size_t len)
{
	memmove(s->in, s->in + s->in_at, s->in_len);
	s->in_at = 0;
	memcpy(s->in + s->in_len, buf, len);
	s->in_len += len;
}

static void client_end(struct client *c, uint8_t why, const char *text)
{
	struct console_end end = { .type = CONSOLE_END, .why = why };

	/* Without room for it the client sees the end of the connection. */
	client_send(c, &end, sizeof(end), text, strlen(text));
	client_close(c);
}

/* Send output as far as there is room: 1 when all is sent, 0, -1 as client_send(). */
static int client_pump(struct client *c)
{
	static const uint8_t type = CONSOLE_DATA;
	const uint8_t *data;
	uint64_t before;
	size_t n;
	int ret;

	for (;;) {
		before = c->pos;
		n = ring_peek(&c->s->ring, &c->pos, &data);
		c->lost += c->pos - before;
		if (c->lost) {
			struct console_lost lost = { .type = CONSOLE_LOST };

			memcpy(lost.bytes, &c->lost, sizeof(lost.bytes));
			ret = client_send(c, &lost, sizeof(lost), NULL, 0);
			if (ret <= 0)
				return ret;
			c->lost = 0;
		}
		if (!n)
			return 1;
		if (n > DATA_MAX)
			n = DATA_MAX;
		ret = client_send(c, &type, 1, data, n);
		if (ret <= 0)
			return ret;
		c->pos += n;
	}
}

/* EPOLLRDHUP keeps one that is neither read nor written in sight. */
static void client_watch(struct client *c)
{
	uint32_t events = EPOLLRDHUP;

	if (!c->attached || !c->s->in_len)
		events |= EPOLLIN;
	if (c->attached && (c->pos != c->s->ring.end || c->lost))
		events |= EPOLLOUT;
	evfd_modify(&c->watch, events);
}

static void deliver(struct console_socket *s)
{
	size_t n;

	/* The device takes input, and so has room: console_socket_room() comes. */
	if (s->delivering || !s->chardev)
		return;
	s->delivering = true;
	while (s->in_len) {
		n = chardev_input(s->chardev, s->in + s->in_at, s->in_len);
		if (!n)
			break;
		s->in_at += n;
		s->in_len -= n;
	}
	s->delivering = false;
}

/*
 * A client leaves: what it has sent is the guest's, as far as there is room for it,
 * before what the next one sends.
 */
static void client_leave(struct client *c)
{
	struct console_socket *s = c->s;
	uint8_t packet[CONSOLE_PACKET_MAX];
	ssize_t n;

	while (c->attached && s->in_len <= IN_MAX - DATA_MAX) {
		n = recv(c->fd, packet, sizeof(packet), MSG_DONTWAIT | MSG_TRUNC);
		/* Before it an error: not all of the output was read. */
		if (n < 0 && (errno == ECONNRESET || errno == EINTR))
			continue;
		if (n <= 0 || n > (ssize_t)sizeof(packet) || packet[0] != CONSOLE_DATA)
			break;
		queue_input(s, packet + 1, (size_t)n - 1);
		deliver(s);
	}
}

static struct client *find_attached(struct console_socket *s)
{
	for (size_t i = 0; i < MAX_CLIENTS; i++)
		if (s->clients[i].fd >= 0 && s->clients[i].attached)
			return &s->clients[i];
	return NULL;
}

/* Someone wants the console. False: the connection is closed. */
static bool client_attach(struct client *c, const uint8_t *packet, size_t len)
{
	struct client *other = find_attached(c->s);
	const struct console_attach *attach = (const void *)packet;
	static const uint8_t refused = CONSOLE_REFUSED, ok = CONSOLE_OK;
	char text[128] = "";

	if (len != sizeof(*attach) || attach->type != CONSOLE_ATTACH)
		snprintf(text, sizeof(text), "this is no client of a console");
	else if (attach->version != CONSOLE_VERSION)
		snprintf(text, sizeof(text), "the launcher speaks version %d, the client version %d",
			 CONSOLE_VERSION, attach->version);
	else if (other && !(attach->flags & CONSOLE_FORCE))
		snprintf(text, sizeof(text),
			 "process %d of user %u is attached; --force takes its place",
			 other->cred.pid, other->cred.uid);
	if (text[0]) {
		client_send(c, &refused, 1, text, strlen(text));
		client_close(c);
		return false;
	}
	if (other) {
		snprintf(text, sizeof(text), "process %d of user %u has taken the console",
			 c->cred.pid, c->cred.uid);
		client_leave(other);
		client_end(other, CONSOLE_END_TAKEN, text);
	}
	c->attached = true;
	c->pos = ring_start(&c->s->ring);
	c->lost = 0;
	if (client_send(c, &ok, 1, NULL, 0) == 1)
		return true;
	client_close(c);
	return false;
}

/* One packet from a client. False: the connection is closed. */
static bool client_receive(struct client *c)
{
	uint8_t packet[CONSOLE_PACKET_MAX];
	ssize_t n = recv(c->fd, packet, sizeof(packet), MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n < 0)
		client_leave(c);
	if (n <= 0 || n > (ssize_t)sizeof(packet)) {
		client_close(c);
		return false;
	}
	if (!c->attached)
		return client_attach(c, packet, (size_t)n);
	if (packet[0] != CONSOLE_DATA) {
		client_close(c);
		return false;
	}
	queue_input(c->s, packet + 1, (size_t)n - 1);
	deliver(c->s);
	return true;
}

static void on_client(void *opaque, uint32_t events)
{
	struct client *c = opaque;

	/* Input waits for that which waits already. */
	if (events & EPOLLIN && (!c->attached || !c->s->in_len)) {
		if (!client_receive(c))
			return;
	} else if (events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) {
		client_leave(c);
		client_close(c);
		return;
	}
	if (c->attached && client_pump(c) < 0) {
		client_leave(c);
		client_close(c);
		return;
	}
	client_watch(c);
}

/* A free entry; when there is none, that of the oldest that has not attached. */
static struct client *client_new(struct console_socket *s)
{
	struct client *oldest = NULL;

	for (size_t i = 0; i < MAX_CLIENTS; i++) {
		struct client *c = &s->clients[i];

		if (c->fd < 0)
			return c;
		if (!c->attached && (!oldest || c->age < oldest->age))
			oldest = c;
	}
	client_close(oldest);
	return oldest;
}

static void on_connection(void *opaque, uint32_t events)
{
	struct console_socket *s = opaque;
	socklen_t len = sizeof(struct ucred);
	struct client *c;
	struct ucred cred;
	int fd;

	(void)events;
	fd = accept4(s->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	/* A mode of 0600 keeps others out; not where a file system has none. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) ||
	    (cred.uid && cred.uid != geteuid())) {
		close(fd);
		return;
	}
	c = client_new(s);
	c->fd = fd;
	c->age = s->connections++;
	c->cred = cred;
	evfd_init(&c->watch, s->loop, on_client, c);
	if (evfd_add(&c->watch, fd, EPOLLIN | EPOLLRDHUP) < 0)
		client_close(c);
}

/* ---- the character device --------------------------------------------------------- */

void console_socket_connect(struct console_socket *s, struct chardev *chardev)
{
	s->chardev = chardev;
}

void console_socket_output(void *opaque, const uint8_t *buf, size_t len)
{
	struct console_socket *s = opaque;
	struct client *c = find_attached(s);

	ring_write(&s->ring, buf, len);
	if (!c)
		return;
	/* The I/O thread sends it, unless it falls behind. */
	if (s->ring.end - c->pos > RING_SIZE / 2)
		client_pump(c);
	client_watch(c);
}

void console_socket_room(void *opaque)
{
	struct console_socket *s = opaque;
	struct client *c = find_attached(s);

	if (!s->in_len)
		return;
	deliver(s);
	if (c)
		client_watch(c);
}

/* ---- the socket ---------------------------------------------------------------- */

static int open_socket(struct console_socket *s, const char *path, struct err *e)
{
	struct sockaddr_un addr;
	int err;

	if (unix_socket_address(&addr, path, e) ||
	    unix_socket_listen(&s->listener, &addr, SOCK_SEQPACKET, 0600, MAX_CLIENTS, e))
		return -1;
	err = evfd_add(&s->watch, s->listener.fd, EPOLLIN);
	return err ? err_set(e, "cannot watch the socket %s: %s", path, strerror(-err)) : 0;
}

struct console_socket *console_socket_create(struct evloop *loop, const char *path, struct err *e)
{
	struct console_socket *s = calloc(1, sizeof(*s));

	if (!s) {
		err_set(e, "out of memory");
		return NULL;
	}
	s->loop = loop;
	s->listener.fd = -1;
	evfd_init(&s->watch, loop, on_connection, s);
	for (size_t i = 0; i < MAX_CLIENTS; i++) {
		s->clients[i].s = s;
		s->clients[i].fd = -1;
		evfd_init(&s->clients[i].watch, loop, on_client, &s->clients[i]);
	}
	if (open_socket(s, path, e)) {
		console_socket_destroy(s, "");
		return NULL;
	}
	return s;
}

void console_socket_sweep(int dir)
{
	/* Not opendir(): it would close the caller's descriptor. */
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const struct dirent *entry;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(d))) {
		const char *dot = strrchr(entry->d_name, '.');

		if (!dot || strcmp(dot, ".console"))
			continue;
		if (snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/%s", fd,
			     entry->d_name) < (int)sizeof(addr.sun_path) &&
		    unix_socket_is_dead(&addr, SOCK_SEQPACKET))
			unlinkat(fd, entry->d_name, 0);
	}
	closedir(d);
}

/* What the client has not read yet, as far as it reads on. */
static void flush(struct client *c)
{
	int64_t end = clock_mono_ms() + FLUSH_MS, left;
	struct pollfd p = { .fd = c->fd, .events = POLLOUT };

	while (!client_pump(c)) {
		left = end - clock_mono_ms();
		if (left <= 0 || (poll(&p, 1, (int)left) < 0 && errno != EINTR))
			return;
	}
}

void console_socket_destroy(struct console_socket *s, const char *why)
{
	struct client *c;

	if (!s)
		return;
	evfd_remove(&s->watch);
	unix_socket_close(&s->listener);
	c = find_attached(s);
	if (c) {
		flush(c);
		client_end(c, CONSOLE_END_GUEST, why);
	}
	for (size_t i = 0; i < MAX_CLIENTS; i++)
		if (s->clients[i].fd >= 0)
			client_close(&s->clients[i]);
	free(s);
}
