/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clocks as numbers. */
#ifndef HOLM_CLOCK_H
#define HOLM_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NSEC_PER_SEC	((uint64_t)1000000000)

/* What a clock of clock_gettime(2), which cannot fail with one, says: ns. */
static inline uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

/* CLOCK_MONOTONIC, for time-outs: ms. */
static inline int64_t clock_mono_ms(void)
{
	return (int64_t)(clock_ns(CLOCK_MONOTONIC) / 1000000);
}

#endif /* HOLM_CLOCK_H */
