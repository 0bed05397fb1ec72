/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process of a virtual machine, without a race for its pid: a pidfd, and what
 * /proc says of the process while the pidfd tells that it lives.
 */
#ifndef HOLM_LAUNCHER_H
#define HOLM_LAUNCHER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "err.h"
#include "libholm/control.h"

/**
 * struct launcher_status - what /proc tells of a process
 * @blocked: signals that it blocks, bit N - 1 for signal N
 * @caught: signals that it has a handler for
 * @start_ns: when it began, CLOCK_BOOTTIME
 */
struct launcher_status {
	uint64_t blocked, caught;
	uint64_t start_ns;
};

/* Read a /proc/PID/status. Return: 0, or -1 when a line is missing. */
int launcher_parse_status(FILE *f, struct launcher_status *s);

/* Read a /proc/PID/stat, whose name may have blanks and ). Return: 0 or -1. */
int launcher_parse_stat(FILE *f, uint64_t ticks_per_second, struct launcher_status *s);

/**
 * launcher_takes_signal() - is a signal something else than an end to a process
 * @s: of it
 * @sig: the signal
 *
 * One that is blocked is read from a signalfd, or waited for.
 */
bool launcher_takes_signal(const struct launcher_status *s, int sig);

/**
 * launcher_open() - a hold on the launcher of a virtual machine
 * @ctl: connection to the driver
 * @vm: the virtual machine, as it was seen
 * @s: what its launcher is like
 * @e: reason of a failure
 *
 * Return: a pidfd of the process that has, and had when it was made, the virtual
 * machine; -1 with @e set.
 */
int launcher_open(struct holm_ctl *ctl, const struct holm_vm_info *vm,
		  struct launcher_status *s, struct err *e);

/* Send a signal. Return: 0, or a negative errno. */
int launcher_signal(int pidfd, int sig);

#endif /* HOLM_LAUNCHER_H */
