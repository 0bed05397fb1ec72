/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every difference between kernel versions, and only here: each with the
 * version that made it and the reason.
 */
#ifndef HOLM_COMPAT_H
#define HOLM_COMPAT_H

#include <linux/version.h>

#endif /* HOLM_COMPAT_H */
