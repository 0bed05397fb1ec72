// SPDX-License-Identifier: GPL-2.0-or-later
/* The terminal: see term.h. */
#include <ctype.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "term.h"

#define ESCAPE_KEY	0x01	/* Ctrl-A */

/* For handlers: the terminal as it was. */
static struct termios saved_termios;
static volatile sig_atomic_t termios_saved;

void term_restore(void)
{
	if (termios_saved) {
		termios_saved = 0;
		tcsetattr(STDIN_FILENO, TCSANOW, &saved_termios);
	}
}

/* A crash: the terminal first, then what the signal does without us. */
static void on_crash(int sig)
{
	term_restore();
	signal(sig, SIG_DFL);
	raise(sig);
}

int term_raw(struct err *e)
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
	atexit(term_restore);

	t = saved_termios;
	cfmakeraw(&t);
	if (tcsetattr(STDIN_FILENO, TCSANOW, &t)) {
		termios_saved = 0;
		return err_set_errno(e, "cannot put the terminal in raw mode");
	}
	return 0;
}

size_t term_filter(struct term_keys *keys, uint8_t *buf, size_t len)
{
	size_t i, n = 0;

	for (i = 0; i < len; i++) {
		uint8_t byte = buf[i];

		if (!keys->escape && byte == ESCAPE_KEY) {
			keys->escape = true;
		} else if (!keys->escape || byte == ESCAPE_KEY) {
			keys->escape = false;
			buf[n++] = byte;
		} else {
			keys->escape = false;
			keys->key(keys->opaque, tolower(byte));
		}
	}
	return n;
}

void term_say(const char *text)
{
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		return;		/* nobody to tell */
}
