// SPDX-License-Identifier: GPL-2.0-or-later
/* A port that ends the launcher, by the convention of test kernels. */
#include <stdlib.h>

#include "../bus.h"
#include "debug_exit.h"

struct debug_exit {
	struct debug_exit_config cfg;
};

static uint64_t debug_exit_read(void *opaque, uint64_t offset, unsigned int size)
{
	(void)opaque;
	(void)offset;
	(void)size;
	return 0;
}

static void debug_exit_write(void *opaque, uint64_t offset, unsigned int size,
			     uint64_t value)
{
	struct debug_exit *d = opaque;

	(void)offset;
	(void)size;
	if (d->cfg.exit)
		d->cfg.exit(d->cfg.opaque, (uint32_t)value << 1 | 1);
}

static const struct bus_ops debug_exit_ops = {
	.read = debug_exit_read,
	.write = debug_exit_write,
};

struct debug_exit *debug_exit_create(const struct debug_exit_config *cfg,
				     struct err *e)
{
	struct debug_exit *d = calloc(1, sizeof(*d));
	struct bus_range range = {
		.space = BUS_PIO,
		.base = cfg->port,
		.len = cfg->port > 0xfffc ? 0x10000 - cfg->port : 4,
		.max_access = 4,
		.ops = &debug_exit_ops,
		.opaque = d,
		.name = "debug-exit port",
	};

	if (!d) {
		err_set(e, "debug-exit port: out of memory");
		return NULL;
	}
	d->cfg = *cfg;
	if (bus_register(cfg->bus, &range, e) < 0) {
		free(d);
		return NULL;
	}
	return d;
}

void debug_exit_destroy(struct debug_exit *d)
{
	if (!d)
		return;
	bus_unregister(d->cfg.bus, BUS_PIO, d->cfg.port);
	free(d);
}
