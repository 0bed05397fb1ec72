/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The terminal of the person in front of a console: raw mode, escape keys. */
#ifndef HOLM_TERM_H
#define HOLM_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

/**
 * struct term_keys - the escape key, Ctrl-A, in what is typed
 * @key: called with the key after Ctrl-A, in lower case, except for Ctrl-A
 *	itself, which becomes input
 * @opaque: handed to @key
 * @escape: Ctrl-A was the last byte
 */
struct term_keys {
	void (*key)(void *opaque, int key);
	void *opaque;
	bool escape;
};

/**
 * term_filter() - take escape keys out of what was typed
 * @keys: state between calls
 * @buf: edited in place
 * @len: bytes in it
 *
 * Return: bytes left.
 */
size_t term_filter(struct term_keys *keys, uint8_t *buf, size_t len);

/**
 * term_raw() - put the terminal that is standard input in raw mode
 * @e: reason of a failure
 *
 * Until term_restore(), or until the process ends in whatever way a handler
 * can see.
 *
 * Return: 0, or -1 with @e set.
 */
int term_raw(struct err *e);

/* As it was before term_raw(); nothing happens otherwise. */
void term_restore(void);

/* Print a text on standard error, if somebody is there to read it. */
void term_say(const char *text);

#endif /* HOLM_TERM_H */
