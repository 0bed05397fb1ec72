// SPDX-License-Identifier: GPL-2.0-or-later
/* Error messages that travel up to the command that prints them. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "err.h"

int err_set(struct err *err, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -1;
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	return -1;
}

int err_set_errno(struct err *err, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;
	int n;

	if (!err)
		return -1;
	va_start(ap, fmt);
	n = vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(err->msg))
		snprintf(err->msg + n, sizeof(err->msg) - n, ": %s", strerror(saved));
	errno = saved;
	return -1;
}

int err_prefix(struct err *err, const char *fmt, ...)
{
	char ctx[ERR_MSG_MAX];
	size_t n, keep;
	va_list ap;

	if (!err)
		return -1;
	va_start(ap, fmt);
	vsnprintf(ctx, sizeof(ctx), fmt, ap);
	va_end(ap);

	/* When both do not fit, the end of the old message is what is lost. */
	n = strlen(ctx);
	if (n + sizeof(": ") > sizeof(err->msg))
		n = sizeof(err->msg) - sizeof(": ");
	keep = strnlen(err->msg, sizeof(err->msg) - 1);
	if (keep > sizeof(err->msg) - n - sizeof(": "))
		keep = sizeof(err->msg) - n - sizeof(": ");
	memmove(err->msg + n + 2, err->msg, keep);
	memcpy(err->msg, ctx, n);
	memcpy(err->msg + n, ": ", 2);
	err->msg[n + 2 + keep] = '\0';
	return -1;
}
