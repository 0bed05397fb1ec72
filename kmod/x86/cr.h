/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the checks of single control registers (cr.c), of whole register sets
 * (sregs.c) and the reset state (state.c) share.
 */
#ifndef HOLM_X86_CR_H
#define HOLM_X86_CR_H

#include <linux/bits.h>
#include <linux/types.h>
#include <asm/processor-flags.h>

/* All that CR0 has (SDM Vol. 3, "Control Registers"). */
#define HOLM_CR0_BITS	(X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | X86_CR0_ET | \
			 X86_CR0_NE | X86_CR0_WP | X86_CR0_AM | X86_CR0_NW | X86_CR0_CD | \
			 X86_CR0_PG)

#define HOLM_CR8_MAX	15

/* SDM Vol. 3, "Debug Registers", without RTM and bus-lock debugging. */
#define HOLM_DR6_FIXED		0xffff0ff0ULL
#define HOLM_DR6_WRITABLE	0x0000e00fULL
#define HOLM_DR6_BD		BIT_ULL(13)
#define HOLM_DR7_FIXED		0x00000400ULL
#define HOLM_DR7_WRITABLE	0xffff23ffULL
#define HOLM_DR7_GD		BIT_ULL(13)
#define HOLM_DR7_ENABLED	0xffULL		/* L0, G0 .. L3, G3 */

/* RFLAGS: bit 1 is one; CF PF AF ZF SF TF IF DF OF IOPL NT RF VM AC VIF VIP ID. */
#define HOLM_RFLAGS_FIXED	BIT_ULL(1)
#define HOLM_RFLAGS_BITS	0x3f7fd5ULL

/* Combinations that MOV to CR0 and VM entry refuse. */
static inline bool holm_cr0_valid(u64 cr0)
{
	if (cr0 & X86_CR0_NW && !(cr0 & X86_CR0_CD))
		return false;
	if (cr0 & X86_CR0_PG && !(cr0 & X86_CR0_PE))
		return false;
	return true;
}

#endif /* HOLM_X86_CR_H */
