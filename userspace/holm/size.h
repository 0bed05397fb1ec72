/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers and sizes as users write them. */
#ifndef HOLM_SIZE_H
#define HOLM_SIZE_H

#include <stdint.h>

#define SIZE_STR_MAX	24	/* 2^64 - 1 in decimal, a suffix and the NUL */

/**
 * number_parse() - read a number
 * @str: decimal, or hexadecimal after 0x; no sign, no blank, no suffix
 * @max: largest value allowed
 * @val: result; untouched on failure
 *
 * A decimal number with a leading zero is refused: some would read it as octal.
 *
 * Return: NULL, or a constant string that says what a valid number is.
 */
const char *number_parse(const char *str, uint64_t max, uint64_t *val);

/**
 * size_parse() - read a size or an address
 * @str: a number as number_parse() takes, then optionally one of K, M, G, T
 *	(either case; powers of 1024), itself optionally followed by B or iB
 * @val: result in bytes; untouched on failure
 *
 * Return: NULL, or a constant string that says what a valid size is.
 */
const char *size_parse(const char *str, uint64_t *val);

/**
 * size_format() - write a size so that size_parse() reads it back exactly
 * @val: bytes
 * @str: result, with the largest suffix that divides @val
 */
void size_format(uint64_t val, char str[SIZE_STR_MAX]);

#endif /* HOLM_SIZE_H */
