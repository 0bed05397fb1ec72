/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What smp_irqfd.c and smp_irqfd.S share. */
#ifndef GUEST_SMP_IRQFD_H
#define GUEST_SMP_IRQFD_H

#include "smp.h"

#define PINS		2

/* Of each device, in SMP_TABLE: 64-bit words. Its vector is VEC_SMP + its number. */
#define PIN_POSTED	0x00		/* requests, by the device */
#define PIN_SERVED	0x08		/* by handlers */
#define PIN_SPURIOUS	0x10		/* handlers that found none */
#define PIN_SIZE	0x40

#endif
