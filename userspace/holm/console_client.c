// SPDX-License-Identifier: GPL-2.0-or-later
/* The client of a console's socket: see console_client.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cmd.h"
#include "console_client.h"
#include "console_proto.h"
#include "term.h"
#include "unix_socket.h"

#define ATTACH_MS	10000
/* A write of so much after POLLOUT seldom waits, be it to a pipe or a terminal. */
#define WRITE_MAX	256

static const char help_text[] =
	"\r\nholm: Ctrl-A d detaches, Ctrl-A Ctrl-A sends Ctrl-A, Ctrl-A h prints this\r\n";

/**
 * struct client - the state of console_client_run()
 * @fd: socket
 * @sigfd: signals that end it
 * @keys: escape key
 * @tty: standard input is a terminal
 * @eof: standard input has ended
 * @status: exit status, once @done
 * @done: leave
 * @out: a packet for the launcher, the type first
 * @out_len: bytes of it; 0: none waits
 */
struct client {
	int fd;
	int sigfd;
	struct term_keys keys;
	bool tty;
	bool eof;
	int status;
	bool done;
	uint8_t out[CONSOLE_PACKET_MAX];
	size_t out_len;
};

int console_client_open(const char *path, uid_t uid, pid_t pid, struct err *e)
{
	struct sockaddr_un addr;
	socklen_t len = sizeof(struct ucred);
	struct ucred cred;
	int fd;

	if (unix_socket_address(&addr, path, e))
		return -1;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set_errno(e, "cannot make a socket");
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		if (errno == ENOENT)
			err_set(e, "there is no console at %s: a virtual machine has one when it was started with --detach or --console socket",
				path);
		else
			err_set_errno(e, "cannot connect to the console at %s", path);
	} else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len)) {
		err_set_errno(e, "cannot tell who listens at %s", path);
	} else if (uid != (uid_t)-1 && cred.uid != uid && cred.uid) {
		err_set(e, "user %u listens at %s, not user %u", cred.uid, path, uid);
	} else if (pid && cred.pid != pid) {
		err_set(e, "process %d listens at %s, not the launcher, %d", cred.pid, path, pid);
	} else {
		return fd;
	}
	close(fd);
	return -1;
}

static ssize_t receive(int fd, uint8_t packet[CONSOLE_PACKET_MAX], int flags)
{
	ssize_t n;

	do
		n = recv(fd, packet, CONSOLE_PACKET_MAX, flags);
	while (n < 0 && errno == EINTR);
	return n;
}

int console_client_attach(int fd, bool force, struct err *e)
{
	struct console_attach attach = {
		.type = CONSOLE_ATTACH,
		.version = CONSOLE_VERSION,
		.flags = force ? CONSOLE_FORCE : 0,
	};
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint8_t packet[CONSOLE_PACKET_MAX];
	ssize_t n;

	if (send(fd, &attach, sizeof(attach), MSG_NOSIGNAL) < 0)
		return err_set_errno(e, "the launcher does not listen");
	if (poll(&p, 1, ATTACH_MS) != 1)
		return err_set(e, "the launcher does not answer");
	n = receive(fd, packet, 0);
	if (n < 0)
		return err_set_errno(e, "the launcher has gone");
	if (n > 0 && packet[0] == CONSOLE_OK)
		return 0;
	if (n > 0 && packet[0] == CONSOLE_REFUSED)
		return err_set(e, "%.*s", (int)n - 1, (const char *)packet + 1);
	return err_set(e, n ? "the launcher's answer makes no sense" : "the launcher has gone");
}

static void leave(struct client *c, int status)
{
	c->status = status;
	c->done = true;
}

/* A signal while something is written, which may wait for ever: to the end at once. */
static void on_deadly(int sig)
{
	term_restore();
	_exit(128 + sig);
}

static void ending_signals(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(how, &set, NULL);
}

/* Print a text on standard error, with the signals that end the client let in. */
static void tell(const char *text)
{
	ending_signals(SIG_UNBLOCK);
	term_say(text);
	ending_signals(SIG_BLOCK);
}

/* A line on standard error, whatever mode the terminal is in. */
static void say(const struct client *c, const char *text)
{
	char line[512];

	snprintf(line, sizeof(line), "%sholm: %s%s\n", c->tty ? "\r\n" : "", text,
		 c->tty ? "\r" : "");
	tell(line);
}

static void on_key(void *opaque, int key)
{
	struct client *c = opaque;

	if (key == 'd' || key == 'x')
		leave(c, EXIT_OK);
	else if (key == 'h' || key == '?')
		tell(help_text);
}

static void on_signal(struct client *c)
{
	struct signalfd_siginfo si;

	if (read(c->sigfd, &si, sizeof(si)) == sizeof(si))
		leave(c, 128 + (int)si.ssi_signo);
}

/* All of it, or as much as there is room for before a signal ends the client. */
static int write_output(struct client *c, const uint8_t *buf, size_t len)
{
	ssize_t n;

	while (len) {
		struct pollfd p[] = {
			{ .fd = c->sigfd, .events = POLLIN },
			{ .fd = STDOUT_FILENO, .events = POLLOUT },
		};

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return -1;
		if (p[0].revents)
			on_signal(c);
		if (c->done)
			return 0;
		if (!p[1].revents)
			continue;
		/* It waits for a terminal that has room for less. */
		ending_signals(SIG_UNBLOCK);
		n = write(STDOUT_FILENO, buf, len < WRITE_MAX ? len : WRITE_MAX);
		ending_signals(SIG_BLOCK);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -1;
		if (n > 0) {
			buf += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

static int on_packet(struct client *c, const uint8_t *packet, size_t len, struct err *e)
{
	const struct console_end *end = (const void *)packet;
	char text[256];
	uint64_t lost;

	switch (packet[0]) {
	case CONSOLE_DATA:
		if (write_output(c, packet + 1, len - 1))
			return err_set_errno(e, "cannot write the output");
		return 0;
	case CONSOLE_LOST:
		if (len < sizeof(struct console_lost))
			break;
		memcpy(&lost, packet + 1, sizeof(lost));
		snprintf(text, sizeof(text), "%" PRIu64 " bytes came too fast and are lost", lost);
		say(c, text);
		return 0;
	case CONSOLE_END:
		if (len < sizeof(*end))
			break;
		snprintf(text, sizeof(text), "%.*s", (int)(len - sizeof(*end)),
			 (const char *)packet + sizeof(*end));
		say(c, text);
		leave(c, end->why == CONSOLE_END_GUEST ? EXIT_OK : EXIT_FAILED);
		return 0;
	}
	return err_set(e, "the launcher says what makes no sense");
}

static int on_socket(struct client *c, struct err *e)
{
	uint8_t packet[CONSOLE_PACKET_MAX];
	ssize_t n = receive(c->fd, packet, MSG_DONTWAIT);

	if (n > 0)
		return on_packet(c, packet, (size_t)n, e);
	if (n < 0 && errno == EAGAIN)
		return 0;
	return err_set(e, "the launcher has gone");
}

/* What is typed: sent when there is room, else lost, as a keyboard does it. */
static int on_input(struct client *c, struct err *e)
{
	size_t room = sizeof(c->out) - 1;
	uint8_t buf[512];
	size_t len;
	ssize_t n;

	n = read(STDIN_FILENO, buf, sizeof(buf));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n < 0 && errno != EIO)
		return err_set_errno(e, "cannot read the input");
	if (n <= 0) {
		c->eof = true;
		/* A terminal that has gone. */
		if (c->tty)
			leave(c, EXIT_OK);
		return 0;
	}
	len = c->tty ? term_filter(&c->keys, buf, (size_t)n) : (size_t)n;
	if (c->out_len)
		room = sizeof(c->out) - c->out_len;
	if (len > room)
		len = room;
	if (!len)
		return 0;
	c->out[0] = CONSOLE_DATA;
	memcpy(c->out + (c->out_len ? c->out_len : 1), buf, len);
	c->out_len = (c->out_len ? c->out_len : 1) + len;
	return 0;
}

static void send_input(struct client *c)
{
	/* That the launcher has gone is seen when reading. */
	if (send(c->fd, c->out, c->out_len, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0 ||
	    (errno != EAGAIN && errno != EINTR))
		c->out_len = 0;
}

static int loop(struct client *c, struct err *e)
{
	while (!c->done) {
		/* A script waits until the guest takes its input; keys work always. */
		bool input = !c->eof && (c->tty || !c->out_len);
		struct pollfd p[] = {
			{ .fd = c->sigfd, .events = POLLIN },
			{ .fd = c->fd, .events = POLLIN | (c->out_len ? POLLOUT : 0) },
			{ .fd = input ? STDIN_FILENO : -1, .events = POLLIN },
		};

		if (poll(p, 3, -1) < 0) {
			if (errno == EINTR)
				continue;
			return err_set_errno(e, "cannot wait for input");
		}
		if (p[0].revents)
			on_signal(c);
		if (p[1].revents & ~POLLOUT && on_socket(c, e))
			return -1;
		if (p[2].revents && on_input(c, e))
			return -1;
		if (c->out_len)
			send_input(c);
	}
	return c->status;
}

int console_client_run(int fd, struct err *e)
{
	struct client c = { .fd = fd, .tty = isatty(STDIN_FILENO) };
	struct sigaction sa = { .sa_handler = on_deadly };
	sigset_t set;
	int status;

	c.keys = (struct term_keys){ .key = on_key, .opaque = &c };
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sa.sa_mask = set;
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	c.sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (c.sigfd < 0)
		return err_set_errno(e, "cannot watch signals");
	if (c.tty && term_raw(e)) {
		close(c.sigfd);
		return -1;
	}
	if (c.tty)
		tell("holm: Ctrl-A d detaches, Ctrl-A h helps\r\n");
	status = loop(&c, e);
	/* From here on they end it by the handler: what is printed now may wait, too. */
	ending_signals(SIG_UNBLOCK);
	if (c.tty) {
		term_restore();
		term_say("\n");
	}
	close(c.sigfd);
	return status;
}
