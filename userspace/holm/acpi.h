/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOLM_ACPI_H
#define HOLM_ACPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

/* Where a PC's firmware leaves the RSDP (ACPI 6.5, 5.2.5.1). */
#define ACPI_WINDOW_BASE	0xe0000ULL
#define ACPI_WINDOW_SIZE	0x20000ULL

/**
 * struct acpi_config - the machine the tables describe
 * @cpus: virtual processors, at least 1
 * @apic_ids: their local APIC IDs; NULL: 0, 1, 2, ...
 * @lapic_base: local APIC address, 0xfee00000
 * @ioapic_base: I/O APIC address
 * @ioapic_id: its ID
 * @sci_irq: ISA interrupt of the SCI
 * @pm_port: first port of the pm device
 * @slp_typ_s5: SLP_TYP value of S5
 * @reset_port: reset register (byte port)
 * @reset_value: what to write there
 * @century_reg: CMOS index of the century, 0 for none
 * @com1: describe a serial port at 0x3f8, IRQ 4
 * @i8042: describe the keyboard controller
 */
struct acpi_config {
	unsigned int cpus;
	const uint32_t *apic_ids;
	uint32_t lapic_base;
	uint32_t ioapic_base;
	uint8_t ioapic_id;
	uint8_t sci_irq;
	uint16_t pm_port;
	uint8_t slp_typ_s5;
	uint16_t reset_port;
	uint8_t reset_value;
	uint8_t century_reg;
	bool com1;
	bool i8042;
};

/**
 * acpi_config_default() - the standard machine with @cpus processors
 * @cfg: filled in
 * @cpus: virtual processors
 */
void acpi_config_default(struct acpi_config *cfg, unsigned int cpus);

/**
 * struct acpi_window - guest memory the tables are built in
 * @host: launcher address of its first byte
 * @gpa: guest-physical address of its first byte, 16-byte aligned; the whole
 *	window lies below 4 GiB (the FACS and the RSDT need it)
 * @size: bytes
 */
struct acpi_window {
	void *host;
	uint64_t gpa;
	size_t size;
};

/**
 * acpi_build() - write RSDP, RSDT, XSDT, FADT, FACS, MADT and DSDT
 * @cfg: the machine
 * @win: where; the RSDP is at its first byte. Bytes after the tables are
 *	left alone
 * @used: bytes from the start of the window now in use; may be NULL
 * @e: reason of a failure
 *
 * Return: 0, or -1 with @e set: the configuration or the window is bad, the
 * tables do not fit (the text says how much is needed), or memory is short.
 * On failure the window is as before.
 */
int acpi_build(const struct acpi_config *cfg, const struct acpi_window *win,
	       size_t *used, struct err *e);

#endif
