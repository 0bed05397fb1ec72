/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "holm stats" on a terminal. */
#ifndef HOLM_STATS_SCREEN_H
#define HOLM_STATS_SCREEN_H

#include <signal.h>
#include <stdint.h>

#include "err.h"
#include "stats_source.h"

/**
 * stats_screen() - show statistics until the user has seen enough
 * @ops: where they come from, and what keys do
 * @arg: for @ops
 * @interval_ns: between two looks
 * @key: what the rows are sorted by, at first
 * @stop: not 0 when a signal came that ends it
 * @e: what went wrong
 *
 * Standard input and output are the terminal. Return: 0 or -1.
 */
int stats_screen(const struct stats_ops *ops, void *arg, uint64_t interval_ns,
		 enum stats_key key, const volatile sig_atomic_t *stop, struct err *e);

#endif /* HOLM_STATS_SCREEN_H */
