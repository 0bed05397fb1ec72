/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The console of "holm run": what COM1 is connected to, and the terminal of
 * the person in front of it.
 */
#ifndef HOLM_CONSOLE_H
#define HOLM_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "term.h"

struct chardev;
struct console_socket;
struct evloop;
struct vm_config;

/**
 * struct console - the console
 * @chardev: for the UART; NULL with CONSOLE_NONE
 * @quit: called when the escape key asks for the end (Ctrl-A x)
 * @opaque: handed to @quit
 * @raw: standard input is a terminal, in raw mode
 * @where: path of the pseudo-terminal or socket, or NULL
 *
 * The rest belongs to console.c.
 */
struct console {
	struct chardev *chardev;
	void (*quit)(void *opaque);
	void *opaque;
	bool raw;
	char *where;

	struct term_keys keys;
	struct console_socket *socket;
	int fd;			/* file or pty master, -1 */
	int slave;		/* the pty's other end, kept open */
};

/**
 * console_open() - connect as the config says
 * @c: filled in
 * @cfg: config
 * @loop: event loop
 * @e: reason of a failure
 *
 * With stdio on a terminal the terminal goes raw, until console_close() or
 * until the process ends in whatever way a handler can see.
 *
 * Return: 0, or -1 with @e set.
 */
int console_open(struct console *c, const struct vm_config *cfg, struct evloop *loop,
		 struct err *e);

/* Write out what is buffered, restore the terminal, close; a client is told @why. */
void console_close(struct console *c, const char *why);

#endif /* HOLM_CONSOLE_H */
