/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOLM_DEVICES_DEBUGPORT_H
#define HOLM_DEVICES_DEBUGPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "../err.h"

struct bus;
struct chardev;

/**
 * struct debugport_config - POST codes (0x80) and the Bochs console (0xe9)
 * @bus: port 0x80, and 0xe9 if @console
 * @console: where bytes written to 0xe9 go; NULL leaves 0xe9 unclaimed
 *
 * Port 0x80 takes writes (also the I/O delay of old kernels) and reads back
 * the last one, as the DMA page register there does.
 */
struct debugport_config {
	struct bus *bus;
	struct chardev *console;
};

struct debugport;

/**
 * debugport_create() - claim the ports
 * @cfg: copied
 * @e: reason of a failure
 *
 * Return: the object, freed by debugport_destroy(); NULL on failure.
 */
struct debugport *debugport_create(const struct debugport_config *cfg,
				   struct err *e);

/**
 * debugport_destroy() - release the ports and free
 * @d: the object, or NULL
 */
void debugport_destroy(struct debugport *d);

/**
 * debugport_post_code() - last value written to port 0x80
 * @d: the object. Machine lock held.
 */
uint8_t debugport_post_code(const struct debugport *d);

#endif
