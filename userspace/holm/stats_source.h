/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where "holm stats" and "holm metrics" have their numbers from. */
#ifndef HOLM_STATS_SOURCE_H
#define HOLM_STATS_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "stats.h"

/**
 * struct stats_ops - what a view of statistics wants done
 * @sample: a look at all, in order; @e may tell something of a success, too
 * @reset: counters of exits by reason begin at 0 again
 * @pause: pause a virtual machine, or have it go on
 *
 * They return 0 or -1.
 */
struct stats_ops {
	int (*sample)(void *arg, struct stats_sample *s, struct err *e);
	int (*reset)(void *arg, struct err *e);
	int (*pause)(void *arg, uint32_t vm, bool paused, struct err *e);
};

/**
 * stats_look() - a look by a connection
 * @ctl: the connection
 * @vm: number of the one virtual machine to look at, 0: at all
 * @s: result, in order
 * @e: what is wrong; that the virtual machine is gone, too
 */
int stats_look(struct holm_ctl *ctl, uint32_t vm, struct stats_sample *s, struct err *e);

/**
 * struct stats_source - the driver, whose statistics are switched on as needed
 * @ctl: the connection
 * @vm: number of the one virtual machine to look at, 0: at all
 * @passive: statistics of no virtual machine are switched on
 * @ours: virtual machines for which we did
 * @n_ours: how many
 * @refused: those for which it failed
 * @n_refused: how many
 */
struct stats_source {
	struct holm_ctl *ctl;
	uint32_t vm;
	bool passive;
	uint32_t *ours;
	size_t n_ours;
	uint32_t *refused;
	size_t n_refused;
};

/* Functions of which the argument is a struct stats_source. */
extern const struct stats_ops stats_source_ops;

/* Switch off what was switched on, and free what is in it. */
void stats_source_end(struct stats_source *source);

#endif /* HOLM_STATS_SOURCE_H */
