/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of the guests in memory.S, for both languages. */
#ifndef GUEST_MEMORY_H
#define GUEST_MEMORY_H

#define SLOT_GPA	0x10000000	/* where tests put their slots */
#define MOVED_GPA	0x20000000
#define WINDOW_GVA	0x40000000	/* 2-MiB pages that tests map as they like */
#define STUB_ADDR	0x120000	/* MOV EAX, imm32; RET */
#define STUB_ALIAS	0x40120000	/* the same by another page */
#define STUB_SLOT	0x10000000	/* the same by another slot */

#endif
