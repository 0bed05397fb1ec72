/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOLM_DEVICES_PM_H
#define HOLM_DEVICES_PM_H

#include <stdbool.h>
#include <stdint.h>

#include "../err.h"

struct bus;
struct evloop;
struct irq_line;

/* Offsets of the blocks from pm_config.port, for the FADT. */
#define PM_DEFAULT_PORT	0x600
#define PM1_EVT_OFFSET	0	/* status, enable: 2 + 2 bytes */
#define PM1_EVT_LEN	4
#define PM1_CNT_OFFSET	4
#define PM1_CNT_LEN	2
#define PM_TMR_OFFSET	8
#define PM_TMR_LEN	4
#define PM_PORTS	12

#define PM_TIMER_HZ	3579545ULL
#define PM_SLP_TYP_S5	5	/* what \_S5 in the DSDT says */

/**
 * struct pm_config - ACPI fixed hardware (ACPI 6.5, 4.8.3)
 * @bus: PM_PORTS ports from @port
 * @loop: clock and timer
 * @port: first port, PM_DEFAULT_PORT
 * @sci: level-triggered system control interrupt; NULL for none
 * @power_off: the guest entered S5; may be NULL. Runs inside the bus
 *	dispatch: set a flag and stop the vCPUs, do not tear down from here
 * @opaque: handed to @power_off
 */
struct pm_config {
	struct bus *bus;
	struct evloop *loop;
	uint16_t port;
	struct irq_line *sci;
	void (*power_off)(void *opaque);
	void *opaque;
};

struct pm;

/**
 * pm_create() - make the blocks and claim their ports
 * @cfg: copied
 * @e: reason of a failure
 *
 * Return: the object, freed by pm_destroy(); NULL on failure.
 */
struct pm *pm_create(const struct pm_config *cfg, struct err *e);

/**
 * pm_destroy() - stop the timer, release the ports and free
 * @p: the object, or NULL
 */
void pm_destroy(struct pm *p);

/**
 * pm_reset() - status and enables cleared; the PM timer runs on
 * @p: the object. Machine lock held.
 */
void pm_reset(struct pm *p);

/**
 * pm_power_button() - the power button is pressed
 * @p: the object. Machine lock held.
 *
 * Return: true if the guest has enabled the event (it will see an SCI).
 */
bool pm_power_button(struct pm *p);

#endif
