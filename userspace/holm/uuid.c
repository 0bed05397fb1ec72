// SPDX-License-Identifier: GPL-2.0-or-later
/* UUIDs: see uuid.h. */
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "uuid.h"

#define UUID_CHARS	36

static bool is_dash(size_t at)
{
	return at == 8 || at == 13 || at == 18 || at == 23;
}

static bool has_form(const char *str)
{
	for (size_t i = 0; i < UUID_CHARS; i++) {
		if (is_dash(i) ? str[i] != '-' : !isxdigit((unsigned char)str[i]))
			return false;
	}
	return !str[UUID_CHARS];
}

int uuid_parse(const char *str, uint8_t uuid[UUID_SIZE], struct err *err)
{
	uint8_t result[UUID_SIZE];
	char byte[3] = "";
	bool nil = true;
	size_t at = 0;

	if (!has_form(str))
		return err_set(err, "\"%s\": a UUID has 32 hexadecimal digits, 8-4-4-4-12", str);
	for (size_t i = 0; i < UUID_SIZE; i++) {
		if (is_dash(at))
			at++;
		memcpy(byte, str + at, 2);
		at += 2;
		result[i] = (uint8_t)strtoul(byte, NULL, 16);
		nil &= !result[i];
	}
	if (nil)
		return err_set(err, "the nil UUID names nothing: leave it out for a random one");
	memcpy(uuid, result, sizeof(result));
	return 0;
}

int uuid_random(uint8_t uuid[UUID_SIZE], struct err *err)
{
	if (getrandom(uuid, UUID_SIZE, 0) != UUID_SIZE)
		return err_set_errno(err, "cannot get random numbers for a UUID");
	/* RFC 9562, 5.4: version 4, variant 10 */
	uuid[6] = (uuid[6] & 0x0f) | 0x40;
	uuid[8] = (uuid[8] & 0x3f) | 0x80;
	return 0;
}
