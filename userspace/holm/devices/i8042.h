/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOLM_DEVICES_I8042_H
#define HOLM_DEVICES_I8042_H

#include <stdbool.h>
#include <stdint.h>

#include "../err.h"

struct bus;
struct irq_line;

/**
 * struct i8042_config - keyboard controller with a keyboard nobody types on
 * @bus: ports 0x60 and 0x64
 * @irq: line 1; NULL for none
 * @reset: the guest pulsed the processor's RESET; may be NULL. Runs inside
 *	the bus dispatch: set a flag, do not reset devices from here
 * @opaque: handed to @reset
 */
struct i8042_config {
	struct bus *bus;
	struct irq_line *irq;
	void (*reset)(void *opaque);
	void *opaque;
};

struct i8042;

/**
 * i8042_create() - make the controller and claim its ports
 * @cfg: copied
 * @e: reason of a failure
 *
 * Return: the controller, freed by i8042_destroy(); NULL on failure.
 */
struct i8042 *i8042_create(const struct i8042_config *cfg, struct err *e);

/**
 * i8042_destroy() - release the ports and free
 * @k: the controller, or NULL
 */
void i8042_destroy(struct i8042 *k);

/**
 * i8042_reset() - back to power-on state
 * @k: the controller. Machine lock held.
 */
void i8042_reset(struct i8042 *k);

#endif
