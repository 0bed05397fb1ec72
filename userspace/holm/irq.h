/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOLM_IRQ_H
#define HOLM_IRQ_H

#include <stdbool.h>
#include <stddef.h>

struct pic;
struct ioapic;

/**
 * struct irq_line - a wire that a device drives
 * @set: what the level goes to; NULL: not connected
 * @opaque: handed to @set
 * @n: which wire, handed to @set
 * @level: last level driven
 *
 * true is "asserted". Edge-triggered devices drive true and then false.
 * Driven with the machine lock held.
 */
struct irq_line {
	void (*set)(void *opaque, unsigned int n, bool level);
	void *opaque;
	unsigned int n;
	bool level;
};

/**
 * irq_line_set() - drive a wire
 * @line: wire, or NULL (not connected)
 * @level: asserted or not; driving the present level again does nothing
 */
static inline void irq_line_set(struct irq_line *line, bool level)
{
	if (!line || line->level == level)
		return;
	line->level = level;
	if (line->set)
		line->set(line->opaque, line->n, level);
}

/**
 * irq_line_pulse() - an edge: assert, then release
 * @line: wire, or NULL
 */
static inline void irq_line_pulse(struct irq_line *line)
{
	irq_line_set(line, true);
	irq_line_set(line, false);
}

#define ISA_IRQS	16
#define ISA_IRQ_PIT	0
#define ISA_IRQ_KBD	1
#define ISA_IRQ_CASCADE	2
#define ISA_IRQ_COM2	3
#define ISA_IRQ_COM1	4
#define ISA_IRQ_RTC	8
#define ISA_IRQ_SCI	9

/**
 * struct irq_router - the sixteen ISA lines of a PC
 *
 * Line n reaches PIC input n and IOAPIC pin n, except that line 0 reaches
 * pin 2 (the MADT says so by an interrupt source override) and the PIC pair's
 * own output reaches pin 0 (MultiProcessor Specification 1.4, 3.6.2.2,
 * virtual wire mode by I/O APIC). PIC input 2 is the cascade: line 2 is
 * nowhere.
 */
struct irq_router {
	struct pic *pic;
	struct ioapic *ioapic;
	struct irq_line isa[ISA_IRQS];
};

/**
 * irq_router_init() - connect the lines
 * @r: router, owned by the caller; must not move afterwards
 * @pic: PIC pair, or NULL
 * @ioapic: I/O APIC, or NULL
 *
 * Both controllers must outlive the router's use.
 */
void irq_router_init(struct irq_router *r, struct pic *pic,
		     struct ioapic *ioapic);

/**
 * irq_router_isa() - the line a device is to drive
 * @r: router
 * @n: ISA interrupt number
 *
 * Return: the line; NULL when @n is above 15 or the cascade.
 */
struct irq_line *irq_router_isa(struct irq_router *r, unsigned int n);

/**
 * irq_router_pic_output() - pass the PIC pair's INTR to IOAPIC pin 0
 * @r: router
 * @level: level of INTR
 *
 * For the machine's pic_config.set_intr callback, which besides tells the
 * boot processor's LINT0.
 */
void irq_router_pic_output(struct irq_router *r, bool level);

#endif
