/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOLM_DEVICES_PIT_H
#define HOLM_DEVICES_PIT_H

#include <stdbool.h>
#include <stdint.h>

#include "../err.h"

struct bus;
struct evloop;
struct irq_line;

#define PIT_HZ		1193182ULL	/* 105/88 MHz */

/**
 * struct pit_config - an 8254 and the speaker port
 * @bus: ports 0x40-0x43 and 0x61
 * @loop: clock and timer
 * @irq: line of channel 0's output; NULL for none
 */
struct pit_config {
	struct bus *bus;
	struct evloop *loop;
	struct irq_line *irq;
};

struct pit;

/**
 * pit_create() - make the timer and claim its ports
 * @cfg: copied
 * @e: reason of a failure
 *
 * Return: the PIT, freed by pit_destroy(); NULL on failure.
 */
struct pit *pit_create(const struct pit_config *cfg, struct err *e);

/**
 * pit_destroy() - stop the timer, release the ports and free
 * @p: the PIT, or NULL
 */
void pit_destroy(struct pit *p);

/**
 * pit_reset() - all channels stopped until programmed, speaker gate off
 * @p: the PIT. Machine lock held.
 */
void pit_reset(struct pit *p);

#endif
