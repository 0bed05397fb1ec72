/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What "holm console" and a launcher say to each other, over a Unix socket of
 * type SOCK_SEQPACKET. The first byte of a packet is its type.
 *
 *	client				launcher
 *	ATTACH, version, flags	->
 *				<-	OK, or REFUSED and the socket is closed
 *				<-	DATA: what is kept of the output, then what comes
 *				<-	LOST: bytes that came faster than they were read
 *	DATA			->
 *				<-	END, and the socket is closed
 *
 * A client leaves by closing the socket.
 */
#ifndef HOLM_CONSOLE_PROTO_H
#define HOLM_CONSOLE_PROTO_H

#include <stdint.h>

#define CONSOLE_VERSION		1
#define CONSOLE_PACKET_MAX	4096	/* the type included */

enum console_packet {
	CONSOLE_ATTACH = 'A',	/* struct console_attach */
	CONSOLE_DATA = 'D',	/* bytes */
	CONSOLE_OK = 'O',	/* nothing */
	CONSOLE_REFUSED = 'R',	/* text: why */
	CONSOLE_LOST = 'L',	/* struct console_lost */
	CONSOLE_END = 'E',	/* struct console_end, then text: why */
};

#define CONSOLE_FORCE		0x01	/* take the place of another client */

struct console_attach {
	uint8_t type;
	uint8_t version;
	uint8_t flags;
};

struct console_lost {
	uint8_t type;
	uint8_t bytes[8];	/* a uint64_t of the host */
};

#define CONSOLE_END_GUEST	0	/* the virtual machine has ended */
#define CONSOLE_END_TAKEN	1	/* another client is attached now */

struct console_end {
	uint8_t type;
	uint8_t why;
};

#endif /* HOLM_CONSOLE_PROTO_H */
