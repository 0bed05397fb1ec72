/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the guests of fpu.S have their vector state, for both languages. */
#ifndef GUEST_FPU_H
#define GUEST_FPU_H

#define XCR0_ADDR	0x100000	/* 64 bits: components the guest switches on */
#define SPIN_ADDR	0x100008	/* how long it works between two looks */
#define FOUND_XCR0_ADDR	0x100010	/* what XGETBV said */
#define STATE_IN	0x110000	/* what is loaded */
#define STATE_OUT	0x114000	/* what was found */
#define STATE_BAD	0x118000	/* what cannot be loaded */
#define STATE_MAX	0x4000

#endif
