// SPDX-License-Identifier: GPL-2.0-or-later
/* The console of "holm run": see console.h. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <termios.h>
#include <unistd.h>

#include "chardev.h"
#include "config.h"
#include "console.h"
#include "console_socket.h"
#include "rundir.h"

#define FLUSH_MS	1000

static const char help_text[] =
	"\r\nholm: Ctrl-A x ends the guest, Ctrl-A Ctrl-A sends Ctrl-A, Ctrl-A h prints this\r\n";

static void on_key(void *opaque, int key)
{
	struct console *c = opaque;

	switch (key) {
	case 'x':
		c->quit(c->opaque);
		break;
	case 'h':
	case '?':
		term_say(help_text);
		break;
	default:
		break;
	}
}

static size_t filter_keys(void *opaque, uint8_t *buf, size_t len)
{
	struct console *c = opaque;

	return term_filter(&c->keys, buf, len);
}

static int open_stdio(struct console *c, struct chardev_config *cc, struct err *e)
{
	cc->in_fd = STDIN_FILENO;
	cc->out_fd = STDOUT_FILENO;
	if (!isatty(STDIN_FILENO))
		return 0;
	c->keys = (struct term_keys){ .key = on_key, .opaque = c };
	cc->filter = filter_keys;
	cc->filter_opaque = c;
	if (term_raw(e))
		return -1;
	c->raw = true;
	return 0;
}

static int open_pty(struct console *c, struct chardev_config *cc, struct err *e)
{
	struct termios t;
	char name[64];

	c->fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (c->fd < 0 || grantpt(c->fd) || unlockpt(c->fd) ||
	    ptsname_r(c->fd, name, sizeof(name)))
		return err_set_errno(e, "cannot make a pseudo-terminal for the console");
	c->slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (c->slave < 0 || tcgetattr(c->slave, &t))
		return err_set_errno(e, "cannot open %s", name);
	cfmakeraw(&t);
	tcsetattr(c->slave, TCSANOW, &t);
	c->where = strdup(name);
	if (!c->where)
		return err_set(e, "out of memory");
	fprintf(stderr, "holm: the console is %s\n", name);
	cc->in_fd = c->fd;
	cc->out_fd = c->fd;
	return 0;
}

static int open_file(struct console *c, const char *path, struct chardev_config *cc,
		     struct err *e)
{
	c->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY | O_CLOEXEC, 0666);
	if (c->fd < 0)
		return err_set_errno(e, "cannot write the console to %s", path);
	cc->out_fd = c->fd;
	return 0;
}

/* In the directory of run-time files, in the name of the virtual machine. */
static struct console_socket *open_own_socket(const uint8_t *uuid, struct evloop *loop,
					      char path[PATH_MAX], struct err *e)
{
	struct console_socket *s = NULL;
	int dir;

	if (rundir_path(geteuid(), path, e))
		return NULL;
	dir = rundir_open(path, e);
	if (dir < 0)
		return NULL;
	/* Two of one UUID: neither is to remove the other's socket as it is made. */
	if (flock(dir, LOCK_EX)) {
		err_set_errno(e, "cannot lock %s", path);
	} else {
		console_socket_sweep(dir);
		if (!rundir_file(geteuid(), uuid, "console", path, e))
			s = console_socket_create(loop, path, e);
	}
	close(dir);
	return s;
}

static int open_socket(struct console *c, const struct vm_config *cfg, struct evloop *loop,
		       struct chardev_config *cc, struct err *e)
{
	char path[PATH_MAX];

	if (!cfg->console_path) {
		c->socket = open_own_socket(cfg->uuid, loop, path, e);
	} else {
		snprintf(path, sizeof(path), "%s", cfg->console_path);
		c->socket = console_socket_create(loop, path, e);
	}
	if (!c->socket)
		return -1;
	c->where = strdup(path);
	if (!c->where)
		return err_set(e, "out of memory");
	cc->sink = console_socket_output;
	cc->room = console_socket_room;
	cc->opaque = c->socket;
	return 0;
}

int console_open(struct console *c, const struct vm_config *cfg, struct evloop *loop,
		 struct err *e)
{
	struct chardev_config cc = { .loop = loop, .in_fd = -1, .out_fd = -1 };
	int err = 0;

	c->chardev = NULL;
	c->raw = false;
	c->socket = NULL;
	c->where = NULL;
	c->fd = -1;
	c->slave = -1;

	switch (cfg->console) {
	case CONSOLE_STDIO:
		err = open_stdio(c, &cc, e);
		break;
	case CONSOLE_PTY:
		err = open_pty(c, &cc, e);
		break;
	case CONSOLE_FILE:
		err = open_file(c, cfg->console_path, &cc, e);
		break;
	case CONSOLE_SOCKET:
		err = open_socket(c, cfg, loop, &cc, e);
		break;
	case CONSOLE_NONE:
		return 0;
	}
	if (!err) {
		c->chardev = chardev_create(&cc, e);
		if (c->chardev) {
			if (c->socket)
				console_socket_connect(c->socket, c->chardev);
			return 0;
		}
	}
	console_close(c, "");
	return -1;
}

void console_close(struct console *c, const char *why)
{
	if (c->socket)
		console_socket_connect(c->socket, NULL);
	if (c->chardev) {
		chardev_flush(c->chardev, FLUSH_MS);
		chardev_destroy(c->chardev);
		c->chardev = NULL;
	}
	console_socket_destroy(c->socket, why);
	c->socket = NULL;
	if (c->raw)
		term_restore();
	c->raw = false;
	if (c->slave >= 0)
		close(c->slave);
	if (c->fd >= 0)
		close(c->fd);
	c->slave = -1;
	c->fd = -1;
	free(c->where);
	c->where = NULL;
}
