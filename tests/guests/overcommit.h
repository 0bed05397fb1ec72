/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What overcommit.c and overcommit.S share. */
#ifndef GUEST_OVERCOMMIT_H
#define GUEST_OVERCOMMIT_H

#include "layout.h"

#define OVER_GPA	0x10000000
#define OVER_WORDS	8		/* of a page */
#define OVER_STRIDE	512
#define OVER_FACTOR	0x9e3779b97f4a7c15

/* Results, 64-bit words. */
#define OVER_ERRORS	(SCRATCH_ADDR + 0x00)
#define OVER_AT		(SCRATCH_ADDR + 0x08)	/* of the first one */
#define OVER_FOUND	(SCRATCH_ADDR + 0x10)
#define OVER_WANTED	(SCRATCH_ADDR + 0x18)

#ifndef __ASSEMBLER__

/* holm-overcommit [GUESTS [ROUNDS]] */
int overcommit_main(int argc, char **argv);

#endif
#endif
