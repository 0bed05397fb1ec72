// SPDX-License-Identifier: GPL-2.0-or-later
/* Text that is made when it is needed: see format.h. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>

#include "format.h"

char *format(const char *fmt, ...)
{
	va_list ap;
	char *str;
	int ret;

	va_start(ap, fmt);
	ret = vasprintf(&str, fmt, ap);
	va_end(ap);
	return ret < 0 ? NULL : str;
}
