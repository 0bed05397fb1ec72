// SPDX-License-Identifier: GPL-2.0-or-later
/* The sixteen ISA interrupt lines of a PC. */
#include "devices/ioapic.h"
#include "devices/pic.h"
#include "irq.h"

#define PIN_PIC_OUTPUT	0
#define PIN_IRQ0	2

static void isa_set(void *opaque, unsigned int n, bool level)
{
	struct irq_router *r = opaque;

	if (r->pic)
		pic_set_irq(r->pic, n, level);
	if (r->ioapic)
		ioapic_set_pin(r->ioapic, n == ISA_IRQ_PIT ? PIN_IRQ0 : n, level);
}

void irq_router_init(struct irq_router *r, struct pic *pic,
		     struct ioapic *ioapic)
{
	unsigned int n;

	r->pic = pic;
	r->ioapic = ioapic;
	for (n = 0; n < ISA_IRQS; n++)
		r->isa[n] = (struct irq_line){
			.set = isa_set,
			.opaque = r,
			.n = n,
		};
}

struct irq_line *irq_router_isa(struct irq_router *r, unsigned int n)
{
	if (n >= ISA_IRQS || n == ISA_IRQ_CASCADE)
		return NULL;
	return &r->isa[n];
}

void irq_router_pic_output(struct irq_router *r, bool level)
{
	if (r->ioapic)
		ioapic_set_pin(r->ioapic, PIN_PIC_OUTPUT, level);
}
