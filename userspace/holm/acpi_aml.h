/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOLM_ACPI_AML_H
#define HOLM_ACPI_AML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Assembles AML (ACPI 6.5, chapter 20) into a growing buffer. Errors stick:
 * after running out of memory or depth the calls do nothing, and aml->failed
 * says so at the end.
 */

#define AML_MAX_DEPTH	8

/**
 * struct aml - a piece of AML being assembled
 * @buf: bytes so far; the owner frees it by aml_free()
 * @len: how many
 * @max: room in @buf
 * @open: starts of the packages not yet closed
 * @depth: how many of them
 * @failed: something went wrong; the contents are useless
 */
struct aml {
	uint8_t *buf;
	size_t len;
	size_t max;
	size_t open[AML_MAX_DEPTH];
	unsigned int depth;
	bool failed;
};

/**
 * aml_free() - release the buffer and make @a empty
 * @a: zeroed, or used before
 */
void aml_free(struct aml *a);

/**
 * aml_bytes() - append bytes as they are
 * @a: AML
 * @data: bytes
 * @len: how many
 */
void aml_bytes(struct aml *a, const void *data, size_t len);

/**
 * aml_integer() - append an integer term in its shortest form (20.2.3)
 * @a: AML
 * @value: the integer
 */
void aml_integer(struct aml *a, uint64_t value);

/**
 * aml_eisaid() - append a compressed EISA ID (19.3.4)
 * @a: AML
 * @id: three letters and four hexadecimal digits, "PNP0501"
 */
void aml_eisaid(struct aml *a, const char *id);

/**
 * aml_string() - append a string term
 * @a: AML
 * @s: ASCII
 */
void aml_string(struct aml *a, const char *s);

/**
 * aml_name() - begin Name (@seg, ...): the caller appends the object
 * @a: AML
 * @seg: four characters
 */
void aml_name(struct aml *a, const char *seg);

/**
 * aml_scope_begin() - open Scope (\@seg)
 * @a: AML
 * @seg: four characters; of the root
 */
void aml_scope_begin(struct aml *a, const char *seg);

/**
 * aml_device_begin() - open Device (@seg)
 * @a: AML
 * @seg: four characters
 */
void aml_device_begin(struct aml *a, const char *seg);

/**
 * aml_package_begin() - open Package () {...}
 * @a: AML
 * @elements: how many the caller appends
 */
void aml_package_begin(struct aml *a, uint8_t elements);

/**
 * aml_end() - close what was opened last and fill in its length
 * @a: AML
 */
void aml_end(struct aml *a);

/**
 * struct aml_resources - a resource template being assembled (6.4)
 * @data: descriptors, without the end tag
 * @len: bytes used
 */
struct aml_resources {
	uint8_t data[64];
	size_t len;
};

/**
 * aml_resource_io() - add an I/O port descriptor of fixed place
 * @r: resources
 * @port: first port
 * @len: ports
 */
void aml_resource_io(struct aml_resources *r, uint16_t port, uint8_t len);

/**
 * aml_resource_irq() - add an edge-triggered, active-high, exclusive interrupt
 * @r: resources
 * @irq: ISA interrupt, 0..15
 */
void aml_resource_irq(struct aml_resources *r, unsigned int irq);

/**
 * aml_name_crs() - append Name (_CRS, ResourceTemplate () {...})
 * @a: AML
 * @r: resources; one that overflowed makes @a fail
 */
void aml_name_crs(struct aml *a, const struct aml_resources *r);

#endif
