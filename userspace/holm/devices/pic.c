// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The PC's pair of 8259A programmable interrupt controllers, after the Intel
 * 8259A data sheet (231468), and the edge/level control registers of the PIIX
 * (82371AB data sheet, 4.3.7).
 */
#include <stdlib.h>
#include <string.h>

#include "../bus.h"
#include "pic.h"

#define MASTER_PORT	0x20
#define SLAVE_PORT	0xa0
#define ELCR_PORT	0x4d0
#define CASCADE		2
#define SPURIOUS	7

#define ICW1_IC4	0x01	/* ICW4 follows */
#define ICW1_SNGL	0x02
#define ICW1_LTIM	0x08
#define ICW1		0x10	/* tells ICW1 from OCW2 and OCW3 */
#define ICW4_AEOI	0x02
#define ICW4_SFNM	0x10
#define OCW3		0x08	/* tells OCW3 from OCW2 */
#define OCW3_RIS	0x01
#define OCW3_RR		0x02
#define OCW3_POLL	0x04
#define OCW3_SMM	0x20
#define OCW3_ESMM	0x40

/* All that a snapshot needs of one chip. */
struct pic_chip {
	uint8_t irr;		/* latched requests */
	uint8_t lines;		/* present input levels */
	uint8_t isr;
	uint8_t imr;
	uint8_t base;		/* ICW2 */
	uint8_t elcr;		/* level-triggered inputs */
	uint8_t top;		/* input of highest priority */
	uint8_t icw_next;	/* initialization word due, 0: operational */
	bool icw4_due;
	bool single;
	bool ltim;		/* ICW1: all inputs level-triggered */
	bool aeoi;
	bool rotate_aeoi;
	bool sfnm;		/* special fully nested mode */
	bool smm;		/* special mask mode */
	bool poll;
	bool read_isr;		/* OCW3 register select */
};

struct pic {
	struct pic_config cfg;
	struct pic_chip chip[2];	/* master, slave */
	bool intr;
};

static const uint8_t elcr_mask[2] = { 0xf8, 0xde };	/* 0, 1, 2, 8, 13 are edge */

static bool is_level(const struct pic_chip *c, unsigned int n)
{
	return c->ltim || (c->elcr & (1 << n));
}

/* Priority of the best of @bits: 0 is highest, 8 when there is none. */
static unsigned int priority(const struct pic_chip *c, uint8_t bits)
{
	unsigned int i;

	for (i = 0; i < 8; i++)
		if (bits & (1 << ((c->top + i) & 7)))
			return i;
	return 8;
}

/* The input to be serviced now, or -1. */
static int pending(const struct pic_chip *c, bool master)
{
	uint8_t service = c->isr;
	unsigned int best = priority(c, c->irr & ~c->imr);

	if (best == 8)
		return -1;
	/* Special mask mode: masked inputs in service do not block others. */
	if (c->smm)
		service &= ~c->imr;
	/* Special fully nested mode: the slave may interrupt its own service. */
	if (c->sfnm && master)
		service &= ~(1 << CASCADE);
	if (best >= priority(c, service))
		return -1;
	return (c->top + best) & 7;
}

static void chip_set_line(struct pic_chip *c, unsigned int n, bool level)
{
	uint8_t bit = 1 << n;

	if (level) {
		if (is_level(c, n) || !(c->lines & bit))
			c->irr |= bit;
		c->lines |= bit;
		return;
	}
	/*
	 * An edge stays latched when its line falls before the acknowledge,
	 * where the chip would report IR7: a vCPU may be off its CPU for longer
	 * than a timer pulse lasts, and must not lose the tick.
	 */
	if (is_level(c, n))
		c->irr &= ~bit;
	c->lines &= ~bit;
}

/* The slave's INT, which does not outlive the request behind it. */
static void drop_cascade(struct pic *p)
{
	p->chip[0].irr &= ~(1 << CASCADE);
	p->chip[0].lines &= ~(1 << CASCADE);
}

static void update(struct pic *p)
{
	bool intr;

	if (pending(&p->chip[1], false) >= 0)
		chip_set_line(&p->chip[0], CASCADE, true);
	else
		drop_cascade(p);
	intr = pending(&p->chip[0], true) >= 0;
	if (intr == p->intr)
		return;
	p->intr = intr;
	if (p->cfg.set_intr)
		p->cfg.set_intr(p->cfg.opaque, intr);
}

/* Acknowledge input @n: data sheet, "interrupt sequence". */
static void chip_ack(struct pic_chip *c, unsigned int n)
{
	uint8_t bit = 1 << n;

	if (c->aeoi) {
		if (c->rotate_aeoi)
			c->top = (n + 1) & 7;
	} else {
		c->isr |= bit;
	}
	/* A level request stands as long as its line does. */
	if (!is_level(c, n))
		c->irr &= ~bit;
}

void pic_set_irq(struct pic *p, unsigned int irq, bool level)
{
	if (irq >= 16 || irq == CASCADE)
		return;
	chip_set_line(&p->chip[irq / 8], irq % 8, level);
	update(p);
}

bool pic_intr(const struct pic *p)
{
	return p->intr;
}

uint8_t pic_intack(struct pic *p)
{
	struct pic_chip *master = &p->chip[0], *slave = &p->chip[1];
	int n = pending(master, true), m;
	uint8_t vector;

	if (n < 0) {
		vector = master->base | SPURIOUS;
	} else if (n == CASCADE && !master->single) {
		/* update() keeps the cascade requested only while one is here. */
		m = pending(slave, false);
		chip_ack(master, CASCADE);
		chip_ack(slave, (unsigned int)m & 7);
		vector = slave->base | ((uint8_t)m & 7);
	} else {
		chip_ack(master, (unsigned int)n);
		vector = master->base | (uint8_t)n;
	}
	/*
	 * The slave lowers its INT at the acknowledge, so that another request
	 * of it is a new edge for the master.
	 */
	drop_cascade(p);
	update(p);
	return vector;
}

static void write_icw1(struct pic_chip *c, uint8_t value)
{
	uint8_t lines = c->lines, elcr = c->elcr;

	/* Initialization clears IMR, edge sense, priorities and modes. */
	memset(c, 0, sizeof(*c));
	c->lines = lines;
	c->elcr = elcr;
	c->ltim = value & ICW1_LTIM;
	c->single = value & ICW1_SNGL;
	c->icw4_due = value & ICW1_IC4;
	c->icw_next = 2;
	/* Edges must come anew; asserted level inputs request at once. */
	c->irr = lines & (c->ltim ? 0xff : elcr);
}

/* Finish the service of the input of highest priority; -1 when none is. */
static int eoi_highest(struct pic_chip *c)
{
	uint8_t service = c->isr;
	unsigned int prio, n;

	/* In special mask mode masked inputs are not touched. */
	if (c->smm)
		service &= ~c->imr;
	prio = priority(c, service);
	if (prio == 8)
		return -1;
	n = (c->top + prio) & 7;
	c->isr &= ~(1 << n);
	return (int)n;
}

static void write_ocw2(struct pic_chip *c, uint8_t value)
{
	unsigned int n = value & 7;
	int done;

	switch (value >> 5) {
	case 0:		/* rotate in automatic EOI mode, clear */
		c->rotate_aeoi = false;
		break;
	case 4:		/* rotate in automatic EOI mode, set */
		c->rotate_aeoi = true;
		break;
	case 1:		/* non-specific EOI */
		eoi_highest(c);
		break;
	case 5:		/* rotate on non-specific EOI */
		done = eoi_highest(c);
		if (done >= 0)
			c->top = (done + 1) & 7;
		break;
	case 3:		/* specific EOI */
		c->isr &= ~(1 << n);
		break;
	case 7:		/* rotate on specific EOI */
		c->isr &= ~(1 << n);
		c->top = (n + 1) & 7;
		break;
	case 6:		/* set priority: @n becomes the lowest */
		c->top = (n + 1) & 7;
		break;
	default:	/* no operation */
		break;
	}
}

static void write_ocw3(struct pic_chip *c, uint8_t value)
{
	if (value & OCW3_ESMM)
		c->smm = value & OCW3_SMM;
	if (value & OCW3_POLL)
		c->poll = true;
	else if (value & OCW3_RR)
		c->read_isr = value & OCW3_RIS;
}

static void write_data(struct pic_chip *c, uint8_t value)
{
	switch (c->icw_next) {
	case 2:
		c->base = value & 0xf8;
		c->icw_next = c->single ? (c->icw4_due ? 4 : 0) : 3;
		break;
	case 3:		/* cascade wiring is the board's */
		c->icw_next = c->icw4_due ? 4 : 0;
		break;
	case 4:
		c->aeoi = value & ICW4_AEOI;
		c->sfnm = value & ICW4_SFNM;
		c->icw_next = 0;
		break;
	default:
		c->imr = value;
		break;
	}
}

static void chip_write(struct pic *p, struct pic_chip *c, uint64_t offset,
		       uint8_t value)
{
	if (offset)
		write_data(c, value);
	else if (value & ICW1)
		write_icw1(c, value);
	else if (value & OCW3)
		write_ocw3(c, value);
	else
		write_ocw2(c, value);
	update(p);
}

/* Poll command: the next read is the acknowledge (data sheet, "poll"). */
static uint8_t chip_poll(struct pic *p, struct pic_chip *c)
{
	bool master = c == &p->chip[0];
	int n = pending(c, master);

	c->poll = false;
	if (n < 0)
		return 0;
	chip_ack(c, (unsigned int)n);
	/* As after INTA: the slave's next request is a new edge. */
	drop_cascade(p);
	update(p);
	return 0x80 | (uint8_t)n;
}

static uint8_t chip_read(struct pic *p, struct pic_chip *c, uint64_t offset)
{
	if (c->poll)
		return chip_poll(p, c);
	if (offset)
		return c->imr;
	return c->read_isr ? c->isr : c->irr;
}

static uint64_t master_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct pic *p = opaque;

	(void)size;
	return chip_read(p, &p->chip[0], offset);
}

static void master_write(void *opaque, uint64_t offset, unsigned int size,
			 uint64_t value)
{
	struct pic *p = opaque;

	(void)size;
	chip_write(p, &p->chip[0], offset, (uint8_t)value);
}

static uint64_t slave_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct pic *p = opaque;

	(void)size;
	return chip_read(p, &p->chip[1], offset);
}

static void slave_write(void *opaque, uint64_t offset, unsigned int size,
			uint64_t value)
{
	struct pic *p = opaque;

	(void)size;
	chip_write(p, &p->chip[1], offset, (uint8_t)value);
}

static uint64_t elcr_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct pic *p = opaque;

	(void)size;
	return p->chip[offset].elcr;
}

static void elcr_write(void *opaque, uint64_t offset, unsigned int size,
		       uint64_t value)
{
	struct pic *p = opaque;
	struct pic_chip *c = &p->chip[offset];
	uint8_t elcr = (uint8_t)value & elcr_mask[offset];

	(void)size;
	/* Asserted inputs that become level-triggered request now. */
	c->irr |= c->lines & elcr & ~c->elcr;
	c->elcr = elcr;
	update(p);
}

static const struct bus_ops master_ops = {
	.read = master_read,
	.write = master_write,
};

static const struct bus_ops slave_ops = {
	.read = slave_read,
	.write = slave_write,
};

static const struct bus_ops elcr_ops = {
	.read = elcr_read,
	.write = elcr_write,
};

void pic_reset(struct pic *p)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct pic_chip *c = &p->chip[i];
		uint8_t lines = c->lines;

		memset(c, 0, sizeof(*c));
		c->lines = lines;
		/* Undefined by the data sheet: quiet until initialized. */
		c->imr = 0xff;
	}
	drop_cascade(p);
	update(p);
}

struct pic *pic_create(const struct pic_config *cfg, struct err *e)
{
	struct pic *p = calloc(1, sizeof(*p));
	const struct bus_range ranges[] = {
		{ BUS_PIO, MASTER_PORT, 2, 1, &master_ops, p, "PIC (master)" },
		{ BUS_PIO, SLAVE_PORT, 2, 1, &slave_ops, p, "PIC (slave)" },
		{ BUS_PIO, ELCR_PORT, 2, 1, &elcr_ops, p, "PIC (ELCR)" },
	};
	int i;

	if (!p) {
		err_set(e, "PIC: out of memory");
		return NULL;
	}
	p->cfg = *cfg;
	pic_reset(p);
	for (i = 0; i < 3; i++) {
		if (bus_register(cfg->bus, &ranges[i], e) == 0)
			continue;
		while (i--)
			bus_unregister(cfg->bus, BUS_PIO, ranges[i].base);
		free(p);
		return NULL;
	}
	return p;
}

void pic_destroy(struct pic *p)
{
	if (!p)
		return;
	bus_unregister(p->cfg.bus, BUS_PIO, MASTER_PORT);
	bus_unregister(p->cfg.bus, BUS_PIO, SLAVE_PORT);
	bus_unregister(p->cfg.bus, BUS_PIO, ELCR_PORT);
	free(p);
}
