/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOLM_DEVICES_IOAPIC_H
#define HOLM_DEVICES_IOAPIC_H

#include <stdbool.h>
#include <stdint.h>

#include "../err.h"

struct bus;

#define IOAPIC_BASE	0xfec00000ULL
#define IOAPIC_SIZE	0x1000
#define IOAPIC_PINS	24

/**
 * struct ioapic_config - an I/O APIC
 * @bus: where its registers go
 * @base: guest-physical address, IOAPIC_BASE
 * @id: initial APIC ID (the MADT must say the same)
 * @send_msi: deliver an interrupt message: @addr and @data in the format of
 *	SDM vol. 3 11.11; destination bits above 8 (extended destination ID)
 *	are in @addr bits 11:5 as the KVM guest ABI and VT-d have it
 * @extint: level of a pin whose unmasked entry has delivery mode ExtINT, for
 *	the processor @addr names; NULL: ExtINT entries do nothing
 * @opaque: handed to both
 */
struct ioapic_config {
	struct bus *bus;
	uint64_t base;
	uint8_t id;
	void (*send_msi)(void *opaque, uint64_t addr, uint32_t data);
	void (*extint)(void *opaque, uint64_t addr, bool level);
	void *opaque;
};

struct ioapic;

/**
 * ioapic_create() - make the I/O APIC and claim its page
 * @cfg: copied
 * @e: reason of a failure
 *
 * Return: the I/O APIC, freed by ioapic_destroy(); NULL on failure.
 */
struct ioapic *ioapic_create(const struct ioapic_config *cfg, struct err *e);

/**
 * ioapic_destroy() - release the page and free
 * @io: the I/O APIC, or NULL
 */
void ioapic_destroy(struct ioapic *io);

/**
 * ioapic_reset() - all entries masked; pin levels stay what devices drive
 * @io: the I/O APIC. Machine lock held.
 */
void ioapic_reset(struct ioapic *io);

/**
 * ioapic_set_pin() - drive an input
 * @io: the I/O APIC. Machine lock held.
 * @pin: below IOAPIC_PINS; others are ignored
 * @level: asserted or not, before the entry's polarity bit: a device's
 *	"asserted" is active whatever polarity the guest programs, as the
 *	lines of this machine have no electrical level of their own
 */
void ioapic_set_pin(struct ioapic *io, unsigned int pin, bool level);

/**
 * ioapic_eoi() - a local APIC broadcast an EOI
 * @io: the I/O APIC. Machine lock held.
 * @vector: of the interrupt that ended
 *
 * Clears remote IRR of the level-triggered entries with that vector and
 * sends them again if their pin is still asserted.
 */
void ioapic_eoi(struct ioapic *io, uint8_t vector);

/**
 * ioapic_wants_eoi() - may an EOI of this vector matter here?
 * @io: the I/O APIC. Machine lock held.
 * @vector: interrupt vector
 *
 * Return: true if a level-triggered entry uses @vector.
 */
bool ioapic_wants_eoi(const struct ioapic *io, uint8_t vector);

#endif
