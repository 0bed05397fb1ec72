// SPDX-License-Identifier: GPL-2.0-or-later
/* POST codes on port 0x80 and the Bochs debug console on port 0xe9. */
#include <stdlib.h>

#include "../bus.h"
#include "../chardev.h"
#include "debugport.h"

#define POST_PORT	0x80
#define CONSOLE_PORT	0xe9
#define CONSOLE_PRESENT	0xe9	/* what a read gives: Bochs, iodebug */

struct debugport {
	struct debugport_config cfg;
	uint8_t post;
};

static uint64_t post_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct debugport *d = opaque;

	(void)offset;
	(void)size;
	return d->post;
}

static void post_write(void *opaque, uint64_t offset, unsigned int size,
		       uint64_t value)
{
	struct debugport *d = opaque;

	(void)offset;
	(void)size;
	d->post = (uint8_t)value;
}

static uint64_t console_read(void *opaque, uint64_t offset, unsigned int size)
{
	(void)opaque;
	(void)offset;
	(void)size;
	return CONSOLE_PRESENT;
}

static void console_write(void *opaque, uint64_t offset, unsigned int size,
			  uint64_t value)
{
	struct debugport *d = opaque;
	uint8_t byte = (uint8_t)value;

	(void)offset;
	(void)size;
	/* The port has no flow control: what does not fit is lost. */
	chardev_write(d->cfg.console, &byte, 1);
}

static const struct bus_ops post_ops = {
	.read = post_read,
	.write = post_write,
};

static const struct bus_ops console_ops = {
	.read = console_read,
	.write = console_write,
};

struct debugport *debugport_create(const struct debugport_config *cfg,
				   struct err *e)
{
	struct debugport *d = calloc(1, sizeof(*d));
	const struct bus_range post = {
		BUS_PIO, POST_PORT, 1, 1, &post_ops, d, "POST code port",
	};
	const struct bus_range console = {
		BUS_PIO, CONSOLE_PORT, 1, 1, &console_ops, d, "debug console",
	};

	if (!d) {
		err_set(e, "POST code port: out of memory");
		return NULL;
	}
	d->cfg = *cfg;
	if (bus_register(cfg->bus, &post, e) < 0)
		goto fail;
	if (cfg->console && bus_register(cfg->bus, &console, e) < 0)
		goto fail_post;
	return d;

fail_post:
	bus_unregister(cfg->bus, BUS_PIO, POST_PORT);
fail:
	free(d);
	return NULL;
}

void debugport_destroy(struct debugport *d)
{
	if (!d)
		return;
	if (d->cfg.console)
		bus_unregister(d->cfg.bus, BUS_PIO, CONSOLE_PORT);
	bus_unregister(d->cfg.bus, BUS_PIO, POST_PORT);
	free(d);
}

uint8_t debugport_post_code(const struct debugport *d)
{
	return d->post;
}
