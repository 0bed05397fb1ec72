// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * System control port A (0x92) and the reset control register (0xcf9), after
 * the PIIX3 data sheet (290550), 2.5.5 and 2.5.8.
 */
#include <stdlib.h>

#include "../bus.h"
#include "resetctl.h"

#define PORT_A		0x92
#define PORT_A_RESET	0x01	/* 0 to 1 pulses the processor's INIT */
#define PORT_A_A20	0x02

#define CF8_PORT	0xcf8	/* PCI configuration address, then data */
#define CF8_LEN		8
#define CF9_OFFSET	1
#define CF9_SYS_RST	0x02
#define CF9_RST_CPU	0x04	/* 0 to 1 resets */
#define CF9_FULL_RST	0x08
#define CF9_KEEP	(CF9_SYS_RST | CF9_FULL_RST)

struct resetctl {
	struct resetctl_config cfg;
	uint8_t port_a;
	uint8_t cf9;
};

static void request_reset(struct resetctl *c)
{
	if (c->cfg.reset)
		c->cfg.reset(c->cfg.opaque);
}

static uint64_t port_a_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct resetctl *c = opaque;

	(void)offset;
	(void)size;
	/* A20 is never masked in this machine, and reads so. */
	return c->port_a | PORT_A_A20;
}

static void port_a_write(void *opaque, uint64_t offset, unsigned int size,
			 uint64_t value)
{
	struct resetctl *c = opaque;
	uint8_t old = c->port_a;

	(void)offset;
	(void)size;
	c->port_a = (uint8_t)value;
	if ((c->port_a & ~old) & PORT_A_RESET)
		request_reset(c);
}

static uint64_t cf8_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct resetctl *c = opaque;

	if (offset == CF9_OFFSET && size == 1)
		return c->cf9;
	return UINT64_MAX;
}

static void cf8_write(void *opaque, uint64_t offset, unsigned int size,
		      uint64_t value)
{
	struct resetctl *c = opaque;

	if (offset != CF9_OFFSET || size != 1)
		return;
	c->cf9 = (uint8_t)value & CF9_KEEP;
	if (value & CF9_RST_CPU)
		request_reset(c);
}

static const struct bus_ops port_a_ops = {
	.read = port_a_read,
	.write = port_a_write,
};

static const struct bus_ops cf8_ops = {
	.read = cf8_read,
	.write = cf8_write,
};

void resetctl_reset(struct resetctl *c)
{
	c->port_a = PORT_A_A20;
	c->cf9 = 0;
}

struct resetctl *resetctl_create(const struct resetctl_config *cfg,
				 struct err *e)
{
	struct resetctl *c = calloc(1, sizeof(*c));
	const struct bus_range port_a = {
		BUS_PIO, PORT_A, 1, 1, &port_a_ops, c, "system control port A",
	};
	const struct bus_range cf8 = {
		BUS_PIO, CF8_PORT, CF8_LEN, 4, &cf8_ops, c,
		"reset control register",
	};

	if (!c) {
		err_set(e, "reset control: out of memory");
		return NULL;
	}
	c->cfg = *cfg;
	resetctl_reset(c);
	if (bus_register(cfg->bus, &port_a, e) < 0)
		goto fail;
	if (bus_register(cfg->bus, &cf8, e) < 0)
		goto fail_port_a;
	return c;

fail_port_a:
	bus_unregister(cfg->bus, BUS_PIO, PORT_A);
fail:
	free(c);
	return NULL;
}

void resetctl_destroy(struct resetctl *c)
{
	if (!c)
		return;
	bus_unregister(c->cfg.bus, BUS_PIO, PORT_A);
	bus_unregister(c->cfg.bus, BUS_PIO, CF8_PORT);
	free(c);
}
