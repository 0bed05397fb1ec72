// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Port input and output. What reads give: see port_read().
 */
#include "guest.h"

#define DATA(n)		(0xa5c3e187U + 0x01010101U * (n))	/* of read n */

#define WIDTHS(name, mode)							\
	{ #name, mode, G_##name,						\
	  EVENTS(OUT(PORT_DATA, 1, 0x78), OUT(PORT_DATA, 2, 0x5678),		\
		 OUT(PORT_DATA, 4, 0x12345678), OUT(PORT_FAR, 1, 0x78),		\
		 OUT(PORT_FAR, 2, 0x5678), OUT(PORT_FAR, 4, 0x12345678),		\
		 IN(PORT_DATA, 1), V(0x11111100 | (DATA(0) & 0xff)),		\
		 IN(PORT_DATA, 2), V(0x11110000 | (DATA(1) & 0xffff)),		\
		 IN(PORT_DATA, 4), V(DATA(2)),					\
		 IN(PORT_FAR, 1), V(0x11111100 | (DATA(3) & 0xff)),		\
		 IN(PORT_FAR, 2), V(0x11110000 | (DATA(4) & 0xffff)),		\
		 IN(PORT_FAR, 4), V(DATA(5))) }

#define STRINGS(name, mode)							\
	{ #name, mode, G_##name,						\
	  EVENTS(OUT(PORT_FAR, 1, 0x44), OUT(PORT_FAR, 2, 0x2233),		\
		 OUT(PORT_FAR, 4, 0x66778811), V(7),				\
		 OUT(PORT_FAR, 4, 0x11223344), OUT(PORT_FAR, 4, 0x55667788),	\
		 OUT(PORT_FAR, 4, 0x99aabbcc), V(0), V(12),			\
		 OUT(PORT_FAR, 4, 0x99aabbcc), OUT(PORT_FAR, 4, 0x55667788),	\
		 OUT(PORT_FAR, 4, 0x11223344), V(0xfffffffc),			\
		 IN(PORT_FAR, 2), IN(PORT_FAR, 2), IN(PORT_FAR, 2), V(6),		\
		 V((DATA(0) & 0xffff) | DATA(1) << 16), V(DATA(2) & 0xffff), V(6)) }

/* Ports PORT_DATA, PORT_DONE and what the framework needs, no others. */
static void bitmap(struct guest *g)
{
	static const uint16_t allowed[] = { PORT_DATA, PORT_DONE };
	unsigned int i;

	g->regs.rflags &= ~RFLAGS_IOPL3;
	for (i = 0; i < 0x2000; i++)
		guest_write(g, TSS_ADDR + 0x68 + i, 0xff, 1);
	for (i = 0; i < ARRAY_SIZE(allowed); i++) {
		uint64_t at = TSS_ADDR + 0x68 + allowed[i] / 8;

		guest_write(g, at, guest_read(g, at, 1) & ~BIT(allowed[i] % 8), 1);
	}
}

static const struct guest_row rows[] = {
	WIDTHS(widths16, REAL16),
	{ "widths_vm86", VM86, G_widths16,
	  EVENTS(OUT(PORT_DATA, 1, 0x78), OUT(PORT_DATA, 2, 0x5678),
		 OUT(PORT_DATA, 4, 0x12345678), OUT(PORT_FAR, 1, 0x78),
		 OUT(PORT_FAR, 2, 0x5678), OUT(PORT_FAR, 4, 0x12345678),
		 IN(PORT_DATA, 1), V(0x11111100 | (DATA(0) & 0xff)),
		 IN(PORT_DATA, 2), V(0x11110000 | (DATA(1) & 0xffff)),
		 IN(PORT_DATA, 4), V(DATA(2)),
		 IN(PORT_FAR, 1), V(0x11111100 | (DATA(3) & 0xff)),
		 IN(PORT_FAR, 2), V(0x11110000 | (DATA(4) & 0xffff)),
		 IN(PORT_FAR, 4), V(DATA(5))) },
	WIDTHS(widths32, PAGED32),
	WIDTHS(widths64, LONG64),
	{ GUEST(in_upper, LONG64),
	  EVENTS(IN(PORT_DATA, 1), V(0x1122334455667700 | (DATA(0) & 0xff)),
		 IN(PORT_DATA, 2), V(0x1122334455660000 | (DATA(1) & 0xffff)),
		 IN(PORT_DATA, 4), V(DATA(2))) },

	{ GUEST(strings16, REAL16),
	  EVENTS(OUT(PORT_FAR, 1, 0x44), OUT(PORT_FAR, 2, 0x2233), OUT(PORT_FAR, 4, 0x66778811),
		 V(7), IN(PORT_FAR, 1), IN(PORT_FAR, 2), IN(PORT_FAR, 4), V(7),
		 V((DATA(0) & 0xff) | (DATA(1) & 0xffff) << 8 | DATA(2) << 24),
		 V(DATA(2) >> 8)) },
	{ GUEST(strings16_override, REAL16),
	  EVENTS(OUT(PORT_FAR, 4, 0x11223344), IN(PORT_FAR, 4), V(DATA(0))) },
	STRINGS(strings32, PAGED32),
	STRINGS(strings64, LONG64),
	{ GUEST(strings64_upper, LONG64),
	  EVENTS(OUT(PORT_FAR, 4, 0x11223344), V(4), IN(PORT_FAR, 1), IN(PORT_FAR, 1), V(0),
		 V(2)) },
	{ GUEST(strings_cross, PAGED32),
	  EVENTS(IN(PORT_FAR, 4), V(DATA(0)), PF(3, RDONLY_ADDR), V(4),
		 OUT(PORT_FAR, 2, 0), OUT(PORT_FAR, 2, 0), PF(0, UNMAPPED_ADDR), V(1), V(0)) },
	{ GUEST(bitmap_user, USER64), .setup = bitmap,
	  EVENTS(OUT(PORT_DATA, 1, 0), XE(13, 0), XE(13, 0), XE(13, 0), XE(13, 0), XE(13, 0)) },
};

void test_io(void)
{
	guest_rows("io", rows, ARRAY_SIZE(rows));
}
