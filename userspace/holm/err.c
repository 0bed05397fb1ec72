// SPDX-License-Identifier: GPL-2.0-or-later
/* Error messages that travel up to the command that prints them. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "err.h"

int err_set(struct err *e, int errnum, const char *fmt, ...)
{
	va_list ap;

	if (e) {
		va_start(ap, fmt);
		vsnprintf(e->text, sizeof(e->text), fmt, ap);
		va_end(ap);
	}
	return -errnum;
}

int err_set_errno(struct err *e, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;
	int n;

	if (e) {
		va_start(ap, fmt);
		n = vsnprintf(e->text, sizeof(e->text), fmt, ap);
		va_end(ap);
		if (n >= 0 && (size_t)n < sizeof(e->text))
			snprintf(e->text + n, sizeof(e->text) - n, ": %s", strerror(saved));
	}
	errno = saved;
	return -saved;
}

void err_prefix(struct err *e, const char *fmt, ...)
{
	char ctx[sizeof(e->text)];
	size_t n, keep;
	va_list ap;

	if (!e)
		return;
	va_start(ap, fmt);
	vsnprintf(ctx, sizeof(ctx), fmt, ap);
	va_end(ap);

	/* When both do not fit, the end of the old text is what is lost. */
	n = strlen(ctx);
	if (n + sizeof(": ") > sizeof(e->text))
		n = sizeof(e->text) - sizeof(": ");
	keep = strnlen(e->text, sizeof(e->text) - 1);
	if (keep > sizeof(e->text) - n - sizeof(": "))
		keep = sizeof(e->text) - n - sizeof(": ");
	memmove(e->text + n + 2, e->text, keep);
	memcpy(e->text, ctx, n);
	memcpy(e->text + n, ": ", 2);
	e->text[n + 2 + keep] = '\0';
}
