// SPDX-License-Identifier: GPL-2.0-or-later
/* An assembler for the few AML terms that the DSDT needs (ACPI 6.5, ch. 20). */
#include <stdlib.h>
#include <string.h>

#include "acpi_aml.h"

#define ZERO_OP		0x00
#define ONE_OP		0x01
#define NAME_OP		0x08
#define BYTE_PREFIX	0x0a
#define WORD_PREFIX	0x0b
#define DWORD_PREFIX	0x0c
#define STRING_PREFIX	0x0d
#define QWORD_PREFIX	0x0e
#define SCOPE_OP	0x10
#define BUFFER_OP	0x11
#define PACKAGE_OP	0x12
#define EXT_PREFIX	0x5b
#define EXT_DEVICE_OP	0x82
#define ROOT_CHAR	0x5c

#define RES_IRQ		0x22	/* small item: IRQ, two bytes of mask */
#define RES_IO		0x47	/* small item: I/O port, seven bytes */
#define RES_END		0x79	/* end tag, one byte of checksum */
#define IO_DECODE16	0x01

/* PkgLength of 28 bits: always four bytes, so that it can be filled in later. */
#define PKG_LENGTH_BYTES 4
#define PKG_LENGTH_MAX	0x0fffffffU

void aml_free(struct aml *a)
{
	free(a->buf);
	memset(a, 0, sizeof(*a));
}

void aml_bytes(struct aml *a, const void *data, size_t len)
{
	if (a->failed || !len)
		return;
	if (len > a->max - a->len) {
		size_t max = a->max ? a->max : 1024;
		uint8_t *p;

		while (max - a->len < len)
			max *= 2;
		p = realloc(a->buf, max);
		if (!p) {
			a->failed = true;
			return;
		}
		a->buf = p;
		a->max = max;
	}
	memcpy(a->buf + a->len, data, len);
	a->len += len;
}

static void byte(struct aml *a, uint8_t value)
{
	aml_bytes(a, &value, 1);
}

static void little_endian(struct aml *a, uint64_t value, unsigned int bytes)
{
	while (bytes--) {
		byte(a, (uint8_t)value);
		value >>= 8;
	}
}

void aml_integer(struct aml *a, uint64_t value)
{
	if (value == 0) {
		byte(a, ZERO_OP);
	} else if (value == 1) {
		byte(a, ONE_OP);
	} else if (value <= 0xff) {
		byte(a, BYTE_PREFIX);
		little_endian(a, value, 1);
	} else if (value <= 0xffff) {
		byte(a, WORD_PREFIX);
		little_endian(a, value, 2);
	} else if (value <= 0xffffffff) {
		byte(a, DWORD_PREFIX);
		little_endian(a, value, 4);
	} else {
		byte(a, QWORD_PREFIX);
		little_endian(a, value, 8);
	}
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

void aml_eisaid(struct aml *a, const char *id)
{
	uint32_t value = 0;
	int i, digit;

	if (strlen(id) != 7) {
		a->failed = true;
		return;
	}
	/* Letters are five bits each, 'A' is 1; the result is big-endian. */
	for (i = 0; i < 3; i++)
		value = value << 5 | (uint32_t)((id[i] - '@') & 31);
	for (i = 3; i < 7; i++) {
		digit = hex_digit(id[i]);
		if (digit < 0) {
			a->failed = true;
			return;
		}
		value = value << 4 | (uint32_t)digit;
	}
	byte(a, DWORD_PREFIX);
	little_endian(a, __builtin_bswap32(value), 4);
}

void aml_string(struct aml *a, const char *s)
{
	byte(a, STRING_PREFIX);
	aml_bytes(a, s, strlen(s) + 1);
}

static void name_seg(struct aml *a, const char *seg)
{
	if (strlen(seg) != 4) {
		a->failed = true;
		return;
	}
	aml_bytes(a, seg, 4);
}

void aml_name(struct aml *a, const char *seg)
{
	byte(a, NAME_OP);
	name_seg(a, seg);
}

static void package_open(struct aml *a)
{
	static const uint8_t room[PKG_LENGTH_BYTES];

	if (a->depth == AML_MAX_DEPTH)
		a->failed = true;
	if (a->failed)
		return;
	a->open[a->depth++] = a->len;
	aml_bytes(a, room, sizeof(room));
}

void aml_end(struct aml *a)
{
	size_t start, len;

	if (!a->depth)
		a->failed = true;
	if (a->failed)
		return;
	start = a->open[--a->depth];
	/* The length counts its own bytes (20.2.4). */
	len = a->len - start;
	if (len > PKG_LENGTH_MAX) {
		a->failed = true;
		return;
	}
	a->buf[start] = (PKG_LENGTH_BYTES - 1) << 6 | (len & 15);
	a->buf[start + 1] = (uint8_t)(len >> 4);
	a->buf[start + 2] = (uint8_t)(len >> 12);
	a->buf[start + 3] = (uint8_t)(len >> 20);
}

void aml_scope_begin(struct aml *a, const char *seg)
{
	byte(a, SCOPE_OP);
	package_open(a);
	byte(a, ROOT_CHAR);
	name_seg(a, seg);
}

void aml_device_begin(struct aml *a, const char *seg)
{
	byte(a, EXT_PREFIX);
	byte(a, EXT_DEVICE_OP);
	package_open(a);
	name_seg(a, seg);
}

void aml_package_begin(struct aml *a, uint8_t elements)
{
	byte(a, PACKAGE_OP);
	package_open(a);
	byte(a, elements);
}

static void resource(struct aml_resources *r, const uint8_t *data, size_t len)
{
	/* An overflow shows in @len, and aml_name_crs() refuses it. */
	if (r->len + len <= sizeof(r->data))
		memcpy(r->data + r->len, data, len);
	r->len += len;
}

void aml_resource_io(struct aml_resources *r, uint16_t port, uint8_t len)
{
	const uint8_t item[] = {
		RES_IO, IO_DECODE16,
		(uint8_t)port, port >> 8,	/* lowest base */
		(uint8_t)port, port >> 8,	/* highest base */
		1, len,				/* alignment, length */
	};

	resource(r, item, sizeof(item));
}

void aml_resource_irq(struct aml_resources *r, unsigned int irq)
{
	uint16_t mask = (uint16_t)(1U << irq);
	const uint8_t item[] = { RES_IRQ, (uint8_t)mask, mask >> 8 };

	resource(r, item, sizeof(item));
}

void aml_name_crs(struct aml *a, const struct aml_resources *r)
{
	/* Checksum 0: "treat as if it matched" (6.4.2.9). */
	static const uint8_t end[] = { RES_END, 0 };

	if (r->len > sizeof(r->data)) {
		a->failed = true;
		return;
	}
	aml_name(a, "_CRS");
	byte(a, BUFFER_OP);
	package_open(a);
	aml_integer(a, r->len + sizeof(end));
	aml_bytes(a, r->data, r->len);
	aml_bytes(a, end, sizeof(end));
	aml_end(a);
}
