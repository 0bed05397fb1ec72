// SPDX-License-Identifier: GPL-2.0-or-later
/* The last bytes of a stream: see ring.h. */
#include <string.h>

#include "ring.h"

void ring_write(struct ring *r, const void *buf, size_t len)
{
	const uint8_t *from = buf;

	if (len > RING_SIZE) {
		r->end += len - RING_SIZE;
		from += len - RING_SIZE;
		len = RING_SIZE;
	}
	while (len) {
		size_t at = r->end % RING_SIZE, n = RING_SIZE - at;

		if (n > len)
			n = len;
		memcpy(r->buf + at, from, n);
		r->end += n;
		from += n;
		len -= n;
	}
}

uint64_t ring_start(const struct ring *r)
{
	return r->end > RING_SIZE ? r->end - RING_SIZE : 0;
}

size_t ring_peek(const struct ring *r, uint64_t *pos, const uint8_t **data)
{
	size_t at, n;

	if (*pos < ring_start(r))
		*pos = ring_start(r);
	at = *pos % RING_SIZE;
	n = RING_SIZE - at;
	if (n > r->end - *pos)
		n = r->end - *pos;
	*data = r->buf + at;
	return n;
}
