/* SPDX-License-Identifier: GPL-2.0-or-later */
/* UUIDs as RFC 9562 has them. */
#ifndef HOLM_UUID_H
#define HOLM_UUID_H

#include <stdint.h>

#include "err.h"

#define UUID_SIZE	16

/**
 * uuid_parse() - read a UUID
 * @str: 32 hexadecimal digits of either case, in groups of 8-4-4-4-12 (RFC 9562, 4)
 * @uuid: result, in the order of the text; untouched on failure
 * @err: what is wrong
 *
 * The nil UUID, all zero, names nothing and is refused.
 *
 * Return: 0, or -1 with @err set.
 */
int uuid_parse(const char *str, uint8_t uuid[UUID_SIZE], struct err *err);

/**
 * uuid_random() - make a new one, of version 4
 * @uuid: result
 * @err: reason of a failure
 *
 * Return: 0, or -1 with @err set.
 */
int uuid_random(uint8_t uuid[UUID_SIZE], struct err *err);

#endif /* HOLM_UUID_H */
