// SPDX-License-Identifier: GPL-2.0-or-later
/* Numbers and sizes as users write them. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "size.h"

static const char bad_number[] =
	"expected a decimal number without a leading zero, or a hexadecimal one after 0x";
static const char bad_size[] =
	"expected a number, optionally followed by K, M, G or T (powers of 1024)";
static const char too_large[] = "the number is too large";

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

/* Reads the digits; *end is the first character that is none. */
static const char *digits_parse(const char *str, uint64_t *val, const char **end)
{
	unsigned int base = 10;
	uint64_t v = 0;
	const char *p = str;

	if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) {
		base = 16;
		p += 2;
	} else if (p[0] == '0' && p[1] >= '0' && p[1] <= '9') {
		return bad_number;
	}
	if ((unsigned int)digit_value(*p) >= base)
		return bad_number;

	for (; (unsigned int)digit_value(*p) < base; p++) {
		if (__builtin_mul_overflow(v, base, &v) ||
		    __builtin_add_overflow(v, (unsigned int)digit_value(*p), &v))
			return too_large;
	}
	*val = v;
	*end = p;
	return NULL;
}

const char *number_parse(const char *str, uint64_t max, uint64_t *val)
{
	const char *msg, *end;
	uint64_t v;

	msg = digits_parse(str, &v, &end);
	if (msg)
		return msg;
	if (*end)
		return bad_number;
	if (v > max)
		return too_large;
	*val = v;
	return NULL;
}

const char *size_parse(const char *str, uint64_t *val)
{
	static const char suffixes[] = "KMGT";
	const char *msg, *end, *s;
	unsigned int shift = 0;
	uint64_t v;

	msg = digits_parse(str, &v, &end);
	if (msg)
		return msg == bad_number ? bad_size : msg;
	if (*end) {
		for (s = suffixes; *s; s++) {
			if (!strncasecmp(end, s, 1))
				break;
		}
		if (!*s)
			return bad_size;
		shift = 10 * (unsigned int)(s - suffixes + 1);
		end++;
		if (*end && strcasecmp(end, "b") && strcasecmp(end, "ib"))
			return bad_size;
	}
	if (v > UINT64_MAX >> shift)
		return too_large;
	*val = v << shift;
	return NULL;
}

void size_format(uint64_t val, char str[SIZE_STR_MAX])
{
	static const char suffixes[] = "KMGT";
	unsigned int i = 0;

	while (i < strlen(suffixes) && val && val % 1024 == 0) {
		val /= 1024;
		i++;
	}
	if (i)
		snprintf(str, SIZE_STR_MAX, "%" PRIu64 "%c", val, suffixes[i - 1]);
	else
		snprintf(str, SIZE_STR_MAX, "%" PRIu64, val);
}
