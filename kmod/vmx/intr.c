// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts of the host that an exit has acknowledged (SDM Vol. 3, "VM-Exit
 * Controls": "acknowledge interrupt on exit", which posted interrupts need):
 * the CPU's LAPIC counts them as delivered, so that they are by INT n, through
 * the same gates.
 */
#include <linux/kernel.h>

#include "vmx.h"

/* Vectors below are exceptions. */
#define FIRST_VECTOR	0x20

#define INTR(high, low)								\
	static void intr_##high##low(void)					\
	{									\
		asm volatile("int $0x" #high #low : : : "memory");		\
	}
#define INTR16(high)								\
	INTR(high, 0) INTR(high, 1) INTR(high, 2) INTR(high, 3)			\
	INTR(high, 4) INTR(high, 5) INTR(high, 6) INTR(high, 7)			\
	INTR(high, 8) INTR(high, 9) INTR(high, a) INTR(high, b)			\
	INTR(high, c) INTR(high, d) INTR(high, e) INTR(high, f)

INTR16(2)
INTR16(3)
INTR16(4)
INTR16(5)
INTR16(6)
INTR16(7)
INTR16(8)
INTR16(9)
INTR16(a)
INTR16(b)
INTR16(c)
INTR16(d)
INTR16(e)
INTR16(f)

#define ENTRY16(high)								\
	intr_##high##0, intr_##high##1, intr_##high##2, intr_##high##3,		\
	intr_##high##4, intr_##high##5, intr_##high##6, intr_##high##7,		\
	intr_##high##8, intr_##high##9, intr_##high##a, intr_##high##b,		\
	intr_##high##c, intr_##high##d, intr_##high##e, intr_##high##f

static void (*const intrs[])(void) = {
	ENTRY16(2), ENTRY16(3), ENTRY16(4), ENTRY16(5), ENTRY16(6), ENTRY16(7), ENTRY16(8),
	ENTRY16(9), ENTRY16(a), ENTRY16(b), ENTRY16(c), ENTRY16(d), ENTRY16(e), ENTRY16(f),
};

static_assert(ARRAY_SIZE(intrs) == 256 - FIRST_VECTOR);

/**
 * vmx_host_intr() - the handler of an acknowledged interrupt
 * @vector: of the exit's interruption information; IRQs off
 */
void vmx_host_intr(u8 vector)
{
	if (WARN_ON_ONCE(vector < FIRST_VECTOR))
		return;
	intrs[vector - FIRST_VECTOR]();
}
