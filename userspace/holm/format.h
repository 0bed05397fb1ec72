/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text that is made when it is needed. */
#ifndef HOLM_FORMAT_H
#define HOLM_FORMAT_H

/* As printf(), to be freed; NULL without memory. */
char *format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif /* HOLM_FORMAT_H */
