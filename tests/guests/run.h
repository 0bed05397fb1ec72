/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time-outs: a signal once a second interrupts HOLM_RUN; a case that goes on
 * for too many of them has failed. Other threads of a test do not take it.
 */
#ifndef GUEST_RUN_H
#define GUEST_RUN_H

#include <stdbool.h>

void watchdog_init(void);
void watchdog_start(void);
/* This case may take so long. */
void watchdog_limit(unsigned int seconds);
void watchdog_stop(void);
bool watchdog_expired(void);

#endif
