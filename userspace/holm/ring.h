/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The last bytes of a stream, for readers that come late or are slow. */
#ifndef HOLM_RING_H
#define HOLM_RING_H

#include <stddef.h>
#include <stdint.h>

#define RING_SIZE	65536

/**
 * struct ring - a stream's last RING_SIZE bytes
 * @end: bytes that were ever written; a reader's position counts like it
 * @buf: byte number N of the stream is at N modulo RING_SIZE
 *
 * Starts as zeroes.
 */
struct ring {
	uint64_t end;
	uint8_t buf[RING_SIZE];
};

/* Add to the stream; the oldest bytes make room. */
void ring_write(struct ring *r, const void *buf, size_t len);

/* Position of the oldest byte that is still there. */
uint64_t ring_start(const struct ring *r);

/**
 * ring_peek() - what a reader may read next, in one piece
 * @r: ring
 * @pos: the reader's position; moved to the oldest byte when that is further on
 * @data: set to where it is
 *
 * Return: bytes at @data; 0: the reader has all.
 */
size_t ring_peek(const struct ring *r, uint64_t *pos, const uint8_t **data);

#endif /* HOLM_RING_H */
