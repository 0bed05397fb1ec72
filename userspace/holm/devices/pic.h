/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOLM_DEVICES_PIC_H
#define HOLM_DEVICES_PIC_H

#include <stdbool.h>
#include <stdint.h>

#include "../err.h"

struct bus;

/**
 * struct pic_config - the PC's pair of 8259A
 * @bus: ports 0x20-0x21, 0xa0-0xa1 and ELCR 0x4d0-0x4d1
 * @set_intr: the master's INTR output changed; calls only on changes
 * @opaque: handed to @set_intr
 */
struct pic_config {
	struct bus *bus;
	void (*set_intr)(void *opaque, bool level);
	void *opaque;
};

struct pic;

/**
 * pic_create() - make the pair and claim its ports
 * @cfg: copied
 * @e: reason of a failure
 *
 * Return: the pair, freed by pic_destroy(); NULL on failure.
 */
struct pic *pic_create(const struct pic_config *cfg, struct err *e);

/**
 * pic_destroy() - release the ports and free
 * @p: the pair, or NULL
 */
void pic_destroy(struct pic *p);

/**
 * pic_reset() - back to power-on state; input levels stay what devices drive
 * @p: the pair. Machine lock held.
 */
void pic_reset(struct pic *p);

/**
 * pic_set_irq() - drive an input
 * @p: the pair. Machine lock held.
 * @irq: 0..15, not 2; others are ignored
 * @level: asserted or not
 */
void pic_set_irq(struct pic *p, unsigned int irq, bool level);

/**
 * pic_intr() - present level of INTR
 * @p: the pair. Machine lock held.
 */
bool pic_intr(const struct pic *p);

/**
 * pic_intack() - the processor's interrupt acknowledge cycles
 * @p: the pair. Machine lock held.
 *
 * Return: the vector. Without a request it is the spurious one, IRQ7 of the
 * master (8259A data sheet, "default IR7"): the cascade follows the slave at
 * once, so that the slave alone is never found without one.
 */
uint8_t pic_intack(struct pic *p);

#endif
