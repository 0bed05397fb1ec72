// SPDX-License-Identifier: GPL-2.0-or-later
/* The console of "holm run": see console.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chardev.h"
#include "config.h"
#include "console.h"

#define ESCAPE_KEY	0x01	/* Ctrl-A */
#define FLUSH_MS	1000

static const char help_text[] =
	"\r\nholm: Ctrl-A x ends the guest, Ctrl-A Ctrl-A sends Ctrl-A, Ctrl-A h prints this\r\n";

/* For handlers: the terminal as it was. */
static struct termios saved_termios;
static volatile sig_atomic_t termios_saved;

static void restore_terminal(void)
{
	if (termios_saved) {
		termios_saved = 0;
		tcsetattr(STDIN_FILENO, TCSANOW, &saved_termios);
	}
}

/* A crash: the terminal first, then what the signal does without us. */
static void on_crash(int sig)
{
	restore_terminal();
	signal(sig, SIG_DFL);
	raise(sig);
}

static int make_raw(struct console *c, struct err *e)
{
	static const int crashes[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
	struct sigaction sa = { .sa_handler = on_crash, .sa_flags = SA_RESETHAND };
	struct termios t;
	size_t i;

	if (tcgetattr(STDIN_FILENO, &saved_termios))
		return err_set_errno(e, "cannot read the terminal's settings");
	sigemptyset(&sa.sa_mask);
	for (i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++)
		sigaction(crashes[i], &sa, NULL);
	termios_saved = 1;
	atexit(restore_terminal);

	t = saved_termios;
	cfmakeraw(&t);
	if (tcsetattr(STDIN_FILENO, TCSANOW, &t))
		return err_set_errno(e, "cannot put the terminal in raw mode");
	c->raw = true;
	return 0;
}

/* chardev filter: takes the escape key and what follows it out of the input. */
static size_t filter_escape(void *opaque, uint8_t *buf, size_t len)
{
	struct console *c = opaque;
	size_t i, n = 0;

	for (i = 0; i < len; i++) {
		uint8_t byte = buf[i];

		if (!c->escape) {
			if (byte == ESCAPE_KEY)
				c->escape = true;
			else
				buf[n++] = byte;
			continue;
		}
		c->escape = false;
		switch (byte) {
		case ESCAPE_KEY:
			buf[n++] = byte;
			break;
		case 'x':
		case 'X':
			c->quit(c->opaque);
			break;
		case 'h':
		case 'H':
		case '?':
			if (write(STDERR_FILENO, help_text, sizeof(help_text) - 1) < 0)
				break;	/* nobody to tell */
			break;
		default:
			break;
		}
	}
	return n;
}

static int open_stdio(struct console *c, struct chardev_config *cc, struct err *e)
{
	cc->in_fd = STDIN_FILENO;
	cc->out_fd = STDOUT_FILENO;
	if (!isatty(STDIN_FILENO))
		return 0;
	cc->filter = filter_escape;
	cc->filter_opaque = c;
	return make_raw(c, e);
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
	fprintf(stderr, "holm: the console is %s\n", name);
	cc->in_fd = c->fd;
	cc->out_fd = c->fd;
	return 0;
}

static int open_file(struct console *c, const char *path, struct chardev_config *cc,
		     struct err *e)
{
	c->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (c->fd < 0)
		return err_set_errno(e, "cannot write the console to %s", path);
	cc->out_fd = c->fd;
	return 0;
}

int console_open(struct console *c, const struct vm_config *cfg, struct evloop *loop,
		 struct err *e)
{
	struct chardev_config cc = { .loop = loop, .in_fd = -1, .out_fd = -1 };
	int err = 0;

	c->chardev = NULL;
	c->raw = false;
	c->escape = false;
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
	case CONSOLE_NONE:
		return 0;
	}
	if (!err) {
		c->chardev = chardev_create(&cc, e);
		if (c->chardev)
			return 0;
	}
	console_close(c);
	return -1;
}

void console_close(struct console *c)
{
	if (c->chardev) {
		chardev_flush(c->chardev, FLUSH_MS);
		chardev_destroy(c->chardev);
		c->chardev = NULL;
	}
	if (c->raw)
		restore_terminal();
	c->raw = false;
	if (c->slave >= 0)
		close(c->slave);
	if (c->fd >= 0)
		close(c->fd);
	c->slave = -1;
	c->fd = -1;
}
