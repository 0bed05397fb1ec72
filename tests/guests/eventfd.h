/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What eventfd.c and eventfd.S have in common. */
#ifndef GUEST_EVENTFD_H
#define GUEST_EVENTFD_H

#define COUNT_ADDR	SCRATCH_ADDR
#define BELL_RAM	(SCRATCH_ADDR + 0x1040)
#define LEVELS		20		/* interrupts in one run of irqfd_halt */

#define CALL_SERVICE	0x10		/* in a handler: the device is served */
#define CALL_STEP	0x20		/* and five more */

#endif
