// SPDX-License-Identifier: GPL-2.0-or-later
/* Consoles at a socket: what is kept, who gets in, and a client that is slow. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "chardev.h"
#include "console_client.h"
#include "console_proto.h"
#include "console_socket.h"
#include "evloop.h"
#include "ring.h"

/* What byte stands where, in long texts. */
static uint8_t pattern(uint64_t at)
{
	return (uint8_t)(at * 7 + at / 251);
}

/* ---- the socket ------------------------------------------------------------------- */

struct rig {
	char dir[64];
	char path[96];
	struct evloop *loop;
	struct console_socket *socket;
	struct chardev *chardev;
	uint8_t got[65536];	/* what the guest got */
	size_t got_len;
	size_t room;
	bool eager;		/* asks for more as it takes some */
};

static size_t fe_room(void *opaque)
{
	struct rig *r = opaque;

	return r->room;
}

static void fe_receive(void *opaque, const uint8_t *buf, size_t len)
{
	struct rig *r = opaque;

	assert_true(len <= r->room && r->got_len + len <= sizeof(r->got));
	memcpy(r->got + r->got_len, buf, len);
	r->got_len += len;
	r->room -= len;
	if (r->eager) {
		r->room += len;
		chardev_kick_input(r->chardev);
	}
}

static int setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct chardev_frontend fe = { .room = fe_room, .receive = fe_receive, .opaque = r };
	struct chardev_config cc = {
		.in_fd = -1, .out_fd = -1,
		.sink = console_socket_output,
		.room = console_socket_room,
	};
	struct err e;

	assert_non_null(r);
	strcpy(r->dir, "/tmp/test_console.XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	snprintf(r->path, sizeof(r->path), "%s/a.console", r->dir);
	r->loop = evloop_create(NULL, NULL, &e);
	assert_non_null(r->loop);
	r->socket = console_socket_create(r->loop, r->path, &e);
	assert_non_null(r->socket);
	cc.loop = r->loop;
	cc.opaque = r->socket;
	r->chardev = chardev_create(&cc, &e);
	assert_non_null(r->chardev);
	console_socket_connect(r->socket, r->chardev);
	chardev_attach(r->chardev, &fe);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	chardev_destroy(r->chardev);
	console_socket_destroy(r->socket, "the end");
	assert_int_equal(access(r->path, F_OK), -1);
	evloop_destroy(r->loop);
	assert_int_equal(rmdir(r->dir), 0);
	free(r);
	return 0;
}

static void serve(struct rig *r)
{
	for (int i = 0; i < 20; i++)
		assert_int_equal(evloop_run_once(r->loop, 0), 0);
}

static void say(struct rig *r, const void *buf, size_t len)
{
	assert_int_equal(chardev_write(r->chardev, buf, len), len);
}

/* A client that does what the row says, one packet at a time. */
static int client(struct rig *r)
{
	struct err e;
	int fd = console_client_open(r->path, geteuid(), getpid(), &e);

	assert_true(fd >= 0);
	return fd;
}

static void attach(int fd, uint8_t version, uint8_t flags)
{
	struct console_attach a = {
		.type = CONSOLE_ATTACH, .version = version, .flags = flags,
	};

	assert_int_equal(send(fd, &a, sizeof(a), 0), sizeof(a));
}

static uint8_t packet[CONSOLE_PACKET_MAX + 1];

static ssize_t next(int fd)
{
	ssize_t n = recv(fd, packet, CONSOLE_PACKET_MAX, MSG_DONTWAIT);

	if (n >= 0)
		packet[n] = '\0';
	return n;
}

static void expect(int fd, uint8_t type, const char *text)
{
	ssize_t n = next(fd);
	const char *got = (const char *)packet + (type == CONSOLE_END ? 2 : 1);

	assert_true(n >= 1);
	assert_int_equal(packet[0], type);
	if (text && !strstr(got, text))
		fail_msg("\"%s\" has no \"%s\"", got, text);
}

static int attached(struct rig *r)
{
	int fd = client(r);

	attach(fd, CONSOLE_VERSION, 0);
	serve(r);
	expect(fd, CONSOLE_OK, NULL);
	return fd;
}

static void test_replay(void **state)
{
	struct rig *r = *state;
	struct stat st;
	int fd;

	assert_int_equal(stat(r->path, &st), 0);
	assert_int_equal(st.st_mode, S_IFSOCK | 0600);
	say(r, "boot messages", 13);
	fd = attached(r);
	expect(fd, CONSOLE_DATA, "boot messages");
	say(r, "more", 4);
	serve(r);
	expect(fd, CONSOLE_DATA, "more");
	assert_int_equal(next(fd), -1);
	close(fd);
	serve(r);
	say(r, " while away", 11);
	fd = attached(r);
	expect(fd, CONSOLE_DATA, "boot messagesmore while away");
	close(fd);
}

static void test_second(void **state)
{
	struct rig *r = *state;
	int first = attached(r), second = client(r), third = client(r);
	char text[64];

	attach(second, CONSOLE_VERSION, 0);
	serve(r);
	snprintf(text, sizeof(text), "process %d of user %u is attached", getpid(), geteuid());
	expect(second, CONSOLE_REFUSED, text);
	assert_int_equal(next(second), 0);
	say(r, "still", 5);
	serve(r);
	expect(first, CONSOLE_DATA, "still");

	attach(third, CONSOLE_VERSION, CONSOLE_FORCE);
	serve(r);
	expect(first, CONSOLE_END, "has taken the console");
	assert_int_equal(packet[1], CONSOLE_END_TAKEN);
	assert_int_equal(next(first), 0);
	expect(third, CONSOLE_OK, NULL);
	expect(third, CONSOLE_DATA, "still");
	close(first);
	close(second);
	close(third);
	serve(r);
	close(attached(r));
}

static void test_nonsense(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *answer;
	} rows[] = {
		{ "D", 1, "no client" },
		{ "A\1", 2, "no client" },
		{ "A\1\0\0", 4, "no client" },
		{ "GET / HTTP/1.0", 14, "no client" },
		{ "A\2\0", 3, "speaks version 1, the client version 2" },
	};
	static uint8_t large[CONSOLE_PACKET_MAX + 1] = { CONSOLE_DATA };
	struct rig *r = *state;
	int fd, crowd[12];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fd = client(r);
		assert_true(send(fd, rows[i].bytes, rows[i].len, 0) >= 0);
		serve(r);
		expect(fd, CONSOLE_REFUSED, rows[i].answer);
		assert_int_equal(next(fd), 0);
		close(fd);
	}
	/* Once attached: nonsense, and more than a packet has. */
	fd = attached(r);
	send(fd, "Z", 1, 0);
	serve(r);
	assert_int_equal(next(fd), 0);
	close(fd);
	fd = attached(r);
	send(fd, large, sizeof(large), 0);
	serve(r);
	assert_int_equal(next(fd), 0);
	close(fd);
	assert_int_equal(r->got_len, 0);
	/* Those that say nothing keep nobody out, and not the one that is attached. */
	fd = attached(r);
	for (size_t i = 0; i < 12; i++) {
		crowd[i] = client(r);
		serve(r);
	}
	assert_int_equal(next(crowd[0]), 0);
	say(r, "here", 4);
	serve(r);
	expect(fd, CONSOLE_DATA, "here");
	attach(crowd[11], CONSOLE_VERSION, CONSOLE_FORCE);
	serve(r);
	expect(crowd[11], CONSOLE_OK, NULL);
	for (size_t i = 0; i < 12; i++)
		close(crowd[i]);
	close(fd);
}

/* All that is sent arrives once, in order, however little the guest takes at a time. */
static void test_input(void **state)
{
	struct rig *r = *state;
	uint8_t data[CONSOLE_PACKET_MAX] = { CONSOLE_DATA };
	size_t sent = 0, rounds = 0;
	int fd = attached(r), small = 4096;
	bool stalled = false;

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	for (r->eager = false;; r->eager = true) {
		for (; sent < 40000 || r->got_len < sent; rounds++) {
			size_t n = sent < 40000 ? 1 + (rounds * 997) % (sizeof(data) - 1) : 0;

			for (size_t i = 0; i < n; i++)
				data[1 + i] = pattern(sent + i);
			if (n && send(fd, data, 1 + n, MSG_DONTWAIT) >= 0)
				sent += n;
			else
				stalled |= n;
			if (rounds % 8 == 7) {
				r->room += 301;
				chardev_kick_input(r->chardev);
			}
			serve(r);
			assert_true(rounds < 100000);
		}
		assert_int_equal(r->got_len, sent);
		for (size_t i = 0; i < sent; i++)
			assert_int_equal(r->got[i], pattern(i));
		if (r->eager)
			break;
		/* It did wait for the guest. */
		assert_true(stalled);
		r->got_len = 0;
		sent = 0;
	}
	close(fd);
}

/* One that goes while the guest takes no input makes room for the next. */
static void test_gone(void **state)
{
	struct rig *r = *state;
	uint8_t data[CONSOLE_PACKET_MAX] = { CONSOLE_DATA };
	int fd = attached(r);

	while (send(fd, data, sizeof(data), MSG_DONTWAIT) >= 0)
		serve(r);
	close(fd);
	serve(r);
	close(attached(r));
}

/* What was typed is the guest's, though who typed it has gone or had to go. */
static void test_left(void **state)
{
	struct rig *r = *state;
	int first, second, third;

	first = attached(r);
	assert_int_equal(send(first, "Done ", 5, 0), 5);
	serve(r);
	assert_int_equal(send(first, "Dtwo ", 5, 0), 5);
	assert_int_equal(send(first, "Dthree ", 7, 0), 7);
	close(first);
	serve(r);
	second = attached(r);
	assert_int_equal(send(second, "Dfour ", 6, 0), 6);
	serve(r);
	third = client(r);
	attach(third, CONSOLE_VERSION, CONSOLE_FORCE);
	serve(r);
	expect(third, CONSOLE_OK, NULL);
	assert_int_equal(send(third, "Dfive", 5, 0), 5);
	serve(r);
	assert_int_equal(r->got_len, 0);
	for (int i = 0; i < 10; i++) {
		r->room += 3;
		chardev_kick_input(r->chardev);
		serve(r);
	}
	assert_int_equal(r->got_len, 23);
	assert_memory_equal(r->got, "one two three four five", 23);
	close(second);
	close(third);
}

/* The same of one that did not read the answer, and of what nobody has read yet. */
static void test_left_unread(void **state)
{
	struct rig *r = *state;
	int first = attached(r), second;

	r->room = 100;
	say(r, "$ ", 2);
	serve(r);
	assert_int_equal(send(first, "Dls; ", 5, 0), 5);
	assert_int_equal(send(first, "Dexit ", 6, 0), 6);
	close(first);
	serve(r);
	assert_int_equal(r->got_len, 9);
	assert_memory_equal(r->got, "ls; exit ", 9);

	first = attached(r);
	second = client(r);
	for (int i = 0; i < 10; i++)
		assert_int_equal(send(first, "D.", 2, 0), 2);
	attach(second, CONSOLE_VERSION, CONSOLE_FORCE);
	serve(r);
	assert_int_equal(r->got_len, 19);
	assert_int_equal(send(second, "D!", 2, 0), 2);
	serve(r);
	assert_int_equal(r->got_len, 20);
	assert_memory_equal(r->got + 9, "..........!", 11);
	close(first);
	close(second);
}

/* The same where the guest has taken nothing yet: queued here, and in the socket. */
static void test_left_full(void **state)
{
	static uint8_t data[CONSOLE_PACKET_MAX] = { CONSOLE_DATA };
	const size_t n = sizeof(data) - 1;
	struct rig *r = *state;
	int fd = attached(r), later;

	say(r, "$ ", 2);
	serve(r);
	for (size_t i = 0; i < 4; i++) {
		for (size_t k = 0; k < n; k++)
			data[1 + k] = pattern(i * n + k);
		assert_int_equal(send(fd, data, sizeof(data), 0), sizeof(data));
		serve(r);
	}
	close(fd);
	serve(r);
	later = attached(r);
	assert_int_equal(send(later, "D!", 2, 0), 2);
	serve(r);
	assert_int_equal(r->got_len, 0);
	for (size_t i = 0; i < 100; i++) {
		r->room += 301;
		chardev_kick_input(r->chardev);
		serve(r);
	}
	assert_int_equal(r->got_len, 4 * n + 1);
	for (size_t i = 0; i < 4 * n; i++)
		assert_int_equal(r->got[i], pattern(i));
	assert_int_equal(r->got[4 * n], '!');
	close(later);
}

/* Who does not read loses the oldest output, is told how much, and stops nobody. */
static void test_slow(void **state)
{
	struct rig *r = *state;
	uint64_t written = 0, seen = 0, lost = 0, n;
	uint8_t block[1000];
	int fd = attached(r);
	ssize_t len;

	for (int i = 0; i < 3000; i++) {
		for (size_t k = 0; k < sizeof(block); k++)
			block[k] = pattern(written + k);
		say(r, block, sizeof(block));
		written += sizeof(block);
		if (i % 5 == 0)
			serve(r);
	}
	while (seen < written) {
		len = next(fd);
		if (len < 0) {
			serve(r);
			len = next(fd);
		}
		assert_true(len > 0);
		if (packet[0] == CONSOLE_LOST) {
			memcpy(&n, packet + 1, sizeof(n));
			seen += n;
			lost += n;
			continue;
		}
		assert_int_equal(packet[0], CONSOLE_DATA);
		for (ssize_t k = 1; k < len; k++)
			assert_int_equal(packet[k], pattern(seen++));
	}
	assert_int_equal(seen, written);
	assert_true(lost > 0 && lost < written - RING_SIZE / 2);
	close(fd);
}

/* The end: what was not read yet, then why. */
static void test_end(void **state)
{
	struct rig *r = *state;
	int fd = attached(r);
	struct err e;

	say(r, "last words", 10);
	console_socket_connect(r->socket, NULL);
	console_socket_destroy(r->socket, "the guest powered off");
	expect(fd, CONSOLE_DATA, "last words");
	expect(fd, CONSOLE_END, "the guest powered off");
	assert_int_equal(packet[1], CONSOLE_END_GUEST);
	assert_int_equal(next(fd), 0);
	close(fd);
	assert_int_equal(console_client_open(r->path, geteuid(), 0, &e), -1);
	assert_non_null(strstr(e.msg, "--detach"));
	r->socket = console_socket_create(r->loop, r->path, &e);
	assert_non_null(r->socket);
	console_socket_connect(r->socket, r->chardev);
}

static void make_dead(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	strcpy(addr.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
}

static void test_path(void **state)
{
	struct rig *r = *state;
	char path[128], text[256];
	struct console_socket *s;
	struct err e;
	int fd;

	/* One that lives, a file, a dead one, a name that is too long. */
	assert_null(console_socket_create(r->loop, r->path, &e));
	assert_non_null(strstr(e.msg, "already"));
	assert_int_equal(access(r->path, F_OK), 0);
	snprintf(path, sizeof(path), "%s/file", r->dir);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	assert_null(console_socket_create(r->loop, path, &e));
	assert_int_equal(unlink(path), 0);
	make_dead(path);
	s = console_socket_create(r->loop, path, &e);
	assert_non_null(s);
	/* What somebody put in its place is not removed. */
	unlink(path);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	console_socket_destroy(s, "");
	assert_int_equal(unlink(path), 0);
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_null(console_socket_create(r->loop, text, &e));
	assert_non_null(strstr(e.msg, "has 1 to 107 bytes"));
	assert_int_equal(console_client_open(text, 0, 0, &e), -1);
	assert_non_null(strstr(e.msg, "has 1 to 107 bytes"));
	snprintf(path, sizeof(path), "%s/none/x", r->dir);
	assert_null(console_socket_create(r->loop, path, &e));

	/* Sweeping takes the dead ones only. */
	snprintf(path, sizeof(path), "%s/dead.console", r->dir);
	make_dead(path);
	snprintf(text, sizeof(text), "%s/dead.other", r->dir);
	make_dead(text);
	fd = open(r->dir, O_RDONLY | O_DIRECTORY);
	console_socket_sweep(fd);
	assert_int_equal(fcntl(fd, F_GETFD), 0);
	close(fd);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(unlink(text), 0);
	close(attached(r));
}

static void test_who(void **state)
{
	struct rig *r = *state;
	struct err e;
	pid_t pid;
	int status;

	/* A launcher that is not the one it should be. */
	assert_int_equal(console_client_open(r->path, geteuid(), getpid() + 1, &e), -1);
	assert_non_null(strstr(e.msg, "not the launcher"));
	if (geteuid()) {
		assert_int_equal(console_client_open(r->path, geteuid() + 1, 0, &e), -1);
		assert_non_null(strstr(e.msg, "listens at"));
		return;
	}
	/* Another user, for whom the file's mode is no obstacle. */
	assert_int_equal(chmod(r->dir, 0755), 0);
	assert_int_equal(chmod(r->path, 0666), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		struct pollfd p = { .events = POLLIN };
		uint8_t byte;

		alarm(120);
		if (setuid(65534))
			_exit(1);
		p.fd = console_client_open(r->path, 0, 0, &e);
		if (p.fd < 0)
			_exit(2);
		/* The end of the connection, or a reset. */
		_exit(poll(&p, 1, -1) != 1 || recv(p.fd, &byte, 1, 0) > 0 ? 3 : 42);
	}
	while (!waitpid(pid, &status, WNOHANG))
		assert_int_equal(evloop_run_once(r->loop, 10), 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 42);
}

/*
 * The client as a program, in whose place alarm() ends it: it reads from the pipe @in,
 * writes to the pipe @out and, where it is one, to @err.
 */
static pid_t start_client(struct rig *r, const int in[2], const int out[2], int err)
{
	struct err e;
	pid_t pid;
	int fd;

	pid = fork();
	assert_true(pid >= 0);
	if (pid)
		return pid;
	alarm(120);
	fd = console_client_open(r->path, geteuid(), getppid(), &e);
	dup2(in[0], 0);
	dup2(out[1], 1);
	if (err >= 0)
		dup2(err, 2);
	close(in[1]);
	close(out[0]);
	if (fd < 0 || console_client_attach(fd, false, &e))
		_exit(100);
	_exit(console_client_run(fd, &e));
}

/* A signal ends it, whatever it waits for. */
static void end_client(pid_t pid)
{
	int status;

	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 128 + SIGTERM);
}

/* One round of the launcher, in which the client has not ended. */
static void serve_client(struct rig *r, pid_t pid)
{
	int status;

	assert_int_equal(evloop_run_once(r->loop, 10), 0);
	if (waitpid(pid, &status, WNOHANG))
		fail_msg("it ended with status %#x", status);
}

/* The client as a program, between pipes. */
static void test_client(void **state)
{
	struct rig *r = *state;
	int in[2], out[2], status;
	char buf[64] = "";
	struct err e;
	pid_t pid;

	r->room = 100;
	say(r, "hello", 5);
	assert_int_equal(pipe(in) | pipe(out), 0);
	pid = start_client(r, in, out, -1);
	close(in[0]);
	close(out[1]);
	/* Ctrl-A is a byte like others here; the end of the input ends nothing. */
	assert_int_equal(write(in[1], "\1xyz", 4), 4);
	close(in[1]);
	while (r->got_len < 4)
		serve_client(r, pid);
	assert_memory_equal(r->got, "\1xyz", 4);
	say(r, ", world", 7);
	serve(r);
	console_socket_connect(r->socket, NULL);
	console_socket_destroy(r->socket, "the guest powered off");
	for (size_t n = 0; n < 12;) {
		ssize_t got = read(out[0], buf + n, sizeof(buf) - 1 - n);

		assert_true(got > 0);
		n += (size_t)got;
	}
	assert_string_equal(buf, "hello, world");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	close(out[0]);
	r->socket = console_socket_create(r->loop, r->path, &e);
	assert_non_null(r->socket);
}

/* Nobody reads what the client writes: SIGTERM ends it. */
static void test_client_full(void **state)
{
	struct rig *r = *state;
	int in[2], out[2], held = 0;
	static char much[16384];
	pid_t pid;

	say(r, much, sizeof(much));
	assert_int_equal(pipe(in) | pipe(out), 0);
	assert_true(fcntl(out[1], F_SETPIPE_SZ, 8192) == 8192);
	pid = start_client(r, in, out, -1);
	/* It had to stop where the second of two pages was begun. */
	while (held <= 4096) {
		serve_client(r, pid);
		assert_int_equal(ioctl(out[0], FIONREAD, &held), 0);
	}
	end_client(pid);
	for (int i = 0; i < 2; i++) {
		close(in[i]);
		close(out[i]);
	}
}

/* The same of what it has to say itself. */
static void test_client_mute(void **state)
{
	int in[2], out[2], err[2], other;
	struct rig *r = *state;
	static char page[4096];
	pid_t pid;
	char byte;

	say(r, "x", 1);
	assert_int_equal(pipe(in) | pipe(out) | pipe(err), 0);
	assert_int_equal(fcntl(err[1], F_SETFL, O_NONBLOCK), 0);
	while (write(err[1], page, sizeof(page)) > 0)
		;
	assert_int_equal(fcntl(err[1], F_SETFL, 0), 0);
	pid = start_client(r, in, out, err[1]);
	/* Once it writes, signals are its own; then it is told to go, and cannot say so. */
	assert_int_equal(fcntl(out[0], F_SETFL, O_NONBLOCK), 0);
	while (read(out[0], &byte, 1) != 1)
		serve_client(r, pid);
	other = client(r);
	attach(other, CONSOLE_VERSION, CONSOLE_FORCE);
	serve(r);
	expect(other, CONSOLE_OK, NULL);
	usleep(100000);
	end_client(pid);
	close(other);
	for (int i = 0; i < 2; i++) {
		close(in[i]);
		close(out[i]);
		close(err[i]);
	}
}

/* The same with a terminal, which writes more than it is given and then has no room. */
static void test_client_terminal(void **state)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), in[2], held = 0, was = -1;
	int out[2] = { -1, -1 };
	struct rig *r = *state;
	static char much[RING_SIZE / 2];
	pid_t pid;

	assert_true(master >= 0);
	assert_int_equal(grantpt(master) | unlockpt(master) | pipe(in), 0);
	memset(much, '\n', sizeof(much));
	say(r, much, sizeof(much));
	out[1] = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert_true(out[1] >= 0);
	pid = start_client(r, in, out, -1);
	/* Until no more arrives, or not for a while: either way SIGTERM ends it. */
	for (int same = 0; same < 20; same = held && held == was ? same + 1 : 0) {
		was = held;
		serve_client(r, pid);
		assert_int_equal(ioctl(master, FIONREAD, &held), 0);
		usleep(10000);
	}
	end_client(pid);
	close(in[0]);
	close(in[1]);
	close(out[1]);
	close(master);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_replay, setup, teardown),
		cmocka_unit_test_setup_teardown(test_second, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nonsense, setup, teardown),
		cmocka_unit_test_setup_teardown(test_input, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_left, setup, teardown),
		cmocka_unit_test_setup_teardown(test_left_unread, setup, teardown),
		cmocka_unit_test_setup_teardown(test_left_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_path, setup, teardown),
		cmocka_unit_test_setup_teardown(test_who, setup, teardown),
		cmocka_unit_test_setup_teardown(test_client, setup, teardown),
		cmocka_unit_test_setup_teardown(test_client_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_client_mute, setup, teardown),
		cmocka_unit_test_setup_teardown(test_client_terminal, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
