/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOLM_DEVICES_DEBUG_EXIT_H
#define HOLM_DEVICES_DEBUG_EXIT_H

#include <stdint.h>

#include "../err.h"

struct bus;

#define DEBUG_EXIT_PORT	0xf4	/* where test kernels expect it */

/**
 * struct debug_exit_config - a port that ends the launcher
 * @bus: ports @port to @port + 3 (cut at 0xffff)
 * @port: first port
 * @exit: the guest wrote v; @status is (v << 1) | 1 modulo 2^32, of which
 *	the process status keeps the low 8 bits. Runs inside the bus dispatch
 * @opaque: handed to @exit
 */
struct debug_exit_config {
	struct bus *bus;
	uint16_t port;
	void (*exit)(void *opaque, uint32_t status);
	void *opaque;
};

struct debug_exit;

/**
 * debug_exit_create() - claim the ports
 * @cfg: copied
 * @e: reason of a failure
 *
 * Return: the object, freed by debug_exit_destroy(); NULL on failure.
 */
struct debug_exit *debug_exit_create(const struct debug_exit_config *cfg,
				     struct err *e);

/**
 * debug_exit_destroy() - release the ports and free
 * @d: the object, or NULL
 */
void debug_exit_destroy(struct debug_exit *d);

#endif
