/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOLM_DEVICES_RESETCTL_H
#define HOLM_DEVICES_RESETCTL_H

#include <stdbool.h>
#include <stdint.h>

#include "../err.h"

struct bus;

#define RESETCTL_CF9_PORT	0xcf9	/* reset register for the FADT */
#define RESETCTL_CF9_VALUE	0x06	/* SYS_RST | RST_CPU */

/**
 * struct resetctl_config - system control port A (0x92) and port 0xcf9
 * @bus: ports 0x92 and 0xcf8-0xcff. The latter include PCI's configuration
 *	mechanism 1, which this machine answers with all ones (no PCI): an
 *	access to 0xcf8 of two or four bytes must not reach 0xcf9
 * @reset: the guest asked for a reset; may be NULL. Runs inside the bus
 *	dispatch: set a flag, do not reset devices from here
 * @opaque: handed to @reset
 */
struct resetctl_config {
	struct bus *bus;
	void (*reset)(void *opaque);
	void *opaque;
};

struct resetctl;

/**
 * resetctl_create() - make the registers and claim their ports
 * @cfg: copied
 * @e: reason of a failure
 *
 * Return: the object, freed by resetctl_destroy(); NULL on failure.
 */
struct resetctl *resetctl_create(const struct resetctl_config *cfg,
				 struct err *e);

/**
 * resetctl_destroy() - release the ports and free
 * @c: the object, or NULL
 */
void resetctl_destroy(struct resetctl *c);

/**
 * resetctl_reset() - back to power-on state
 * @c: the object. Machine lock held.
 */
void resetctl_reset(struct resetctl *c);

#endif
