// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Carries what it reads out of the Bochs bed: Bochs writes each byte sent to
 * port 0xe9 to its standard output at once, without the delays of an emulated
 * UART.  tests/bed/lib/bochs.py takes the frames apart again.
 *
 * A frame is "\1bed", the channel's letter, the length in two bytes (low byte
 * first) and the data.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/io.h>
#include <unistd.h>

#define PORT		0xe9
#define HEADER		7
#define LOCK_FILE	"/run/bed-channel"

/* Writers take turns frame by frame. */
static void send_frame(int lock, const uint8_t *frame, size_t length)
{
	while (flock(lock, LOCK_EX) < 0) {
		if (errno != EINTR)
			err(1, "flock");
	}
	outsb(PORT, frame, length);
	flock(lock, LOCK_UN);
}

int main(int argc, char **argv)
{
	uint8_t frame[HEADER + 4096] = "\1bed";
	ssize_t length;
	int lock;

	if (argc != 2)
		errx(2, "usage: bed-channel control|out|err");
	if (ioperm(PORT, 1, 1) < 0)
		err(1, "ioperm");
	lock = open(LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock < 0)
		err(1, LOCK_FILE);

	frame[4] = argv[1][0];
	for (;;) {
		length = read(STDIN_FILENO, frame + HEADER,
			      sizeof(frame) - HEADER);
		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0)
			err(1, "read");
		if (length == 0)
			return 0;
		frame[5] = length & 0xff;
		frame[6] = length >> 8;
		send_frame(lock, frame, HEADER + length);
	}
}
