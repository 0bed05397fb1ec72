// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * I/O APIC, after the Intel 82093AA data sheet (290566) and, for the EOI
 * register of version 0x20, the Intel ICH families' data sheets.
 *
 * Version 0x20 lets a guest end one level interrupt by the EOI register
 * instead of switching the entry to edge and back.
 */
#include <stdlib.h>
#include <string.h>

#include "../bus.h"
#include "ioapic.h"

#define VERSION		0x20

#define MMIO_SELECT	0x00
#define MMIO_WINDOW	0x10
#define MMIO_EOI	0x40

#define REG_ID		0x00
#define REG_VERSION	0x01
#define REG_ARB		0x02
#define REG_TABLE	0x10

/* Redirection table entry, data sheet 3.2.4. */
#define RTE_VECTOR	0xffULL
#define RTE_DELIVERY	(7ULL << 8)
#define RTE_LOGICAL	(1ULL << 11)
#define RTE_STATUS	(1ULL << 12)
#define RTE_POLARITY	(1ULL << 13)
#define RTE_REMOTE_IRR	(1ULL << 14)
#define RTE_LEVEL	(1ULL << 15)
#define RTE_MASKED	(1ULL << 16)
#define RTE_READ_ONLY	(RTE_STATUS | RTE_REMOTE_IRR)
/* Destination, with the KVM ABI's extension in bits 55:49. */
#define RTE_DEFINED	(0x1ffffULL | 0xfffe000000000000ULL)

#define DELIVERY_FIXED	0
#define DELIVERY_LOWEST	1
#define DELIVERY_EXTINT	7

/* SDM vol. 3, 11.11: message address and data. */
#define MSI_ADDR_BASE		0xfee00000ULL
#define MSI_ADDR_LOGICAL	(1ULL << 2)
#define MSI_ADDR_REDIRECT	(1ULL << 3)
#define MSI_DATA_ASSERT		(1U << 14)
#define MSI_DATA_LEVEL		(1U << 15)

/* All that a snapshot needs. */
struct ioapic_state {
	uint8_t select;
	uint8_t id;
	uint32_t pins;			/* input levels */
	uint64_t table[IOAPIC_PINS];
};

struct ioapic {
	struct ioapic_config cfg;
	struct ioapic_state s;
	/* ExtINT as last told to the machine: asserted, and to whom. */
	bool extint[IOAPIC_PINS];
	uint64_t extint_addr[IOAPIC_PINS];
};

static unsigned int delivery_mode(uint64_t rte)
{
	return (rte & RTE_DELIVERY) >> 8;
}

/*
 * Only fixed and lowest-priority interrupts can be level-triggered: the others
 * end without an EOI (SDM vol. 3, 11.5.1).
 */
static bool is_level(uint64_t rte)
{
	return (rte & RTE_LEVEL) && delivery_mode(rte) <= DELIVERY_LOWEST;
}

static uint64_t msi_addr(uint64_t rte)
{
	uint64_t addr = MSI_ADDR_BASE;

	addr |= (rte >> 56) << 12;
	addr |= (rte >> 49 & 0x7f) << 5;
	if (rte & RTE_LOGICAL)
		addr |= MSI_ADDR_LOGICAL;
	if (delivery_mode(rte) == DELIVERY_LOWEST)
		addr |= MSI_ADDR_REDIRECT;
	return addr;
}

static void send(struct ioapic *io, unsigned int pin)
{
	uint64_t *rte = &io->s.table[pin];
	uint32_t data = *rte & (RTE_VECTOR | RTE_DELIVERY);

	data |= MSI_DATA_ASSERT;
	if (is_level(*rte)) {
		data |= MSI_DATA_LEVEL;
		*rte |= RTE_REMOTE_IRR;
	}
	if (io->cfg.send_msi)
		io->cfg.send_msi(io->cfg.opaque, msi_addr(*rte), data);
}

/* Send a level interrupt if it is due: asserted, unmasked, the last one ended. */
static void service_level(struct ioapic *io, unsigned int pin)
{
	uint64_t rte = io->s.table[pin];

	if ((io->s.pins & (1U << pin)) && is_level(rte) &&
	    !(rte & (RTE_MASKED | RTE_REMOTE_IRR)))
		send(io, pin);
}

/* An ExtINT entry is a wire, not a message: pass its level on. */
static void update_extint(struct ioapic *io, unsigned int pin)
{
	uint64_t rte = io->s.table[pin], addr = msi_addr(rte);
	bool level = (io->s.pins & (1U << pin)) && !(rte & RTE_MASKED) &&
		     delivery_mode(rte) == DELIVERY_EXTINT;

	if (!io->cfg.extint)
		return;
	if (io->extint[pin] && (!level || io->extint_addr[pin] != addr)) {
		io->extint[pin] = false;
		io->cfg.extint(io->cfg.opaque, io->extint_addr[pin], false);
	}
	if (level && !io->extint[pin]) {
		io->extint[pin] = true;
		io->extint_addr[pin] = addr;
		io->cfg.extint(io->cfg.opaque, addr, true);
	}
}

void ioapic_set_pin(struct ioapic *io, unsigned int pin, bool level)
{
	uint32_t bit;
	bool rising;

	if (pin >= IOAPIC_PINS)
		return;
	bit = 1U << pin;
	rising = level && !(io->s.pins & bit);
	if (level)
		io->s.pins |= bit;
	else
		io->s.pins &= ~bit;

	if (delivery_mode(io->s.table[pin]) == DELIVERY_EXTINT)
		update_extint(io, pin);
	else if (is_level(io->s.table[pin]))
		service_level(io, pin);
	else if (rising && !(io->s.table[pin] & RTE_MASKED))
		/* An edge on a masked pin is lost (data sheet 3.2.4, bit 16). */
		send(io, pin);
}

void ioapic_eoi(struct ioapic *io, uint8_t vector)
{
	unsigned int pin;

	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		uint64_t *rte = &io->s.table[pin];

		if ((*rte & RTE_VECTOR) != vector || !is_level(*rte) ||
		    !(*rte & RTE_REMOTE_IRR))
			continue;
		*rte &= ~RTE_REMOTE_IRR;
		service_level(io, pin);
	}
}

bool ioapic_wants_eoi(const struct ioapic *io, uint8_t vector)
{
	unsigned int pin;

	for (pin = 0; pin < IOAPIC_PINS; pin++)
		if ((io->s.table[pin] & RTE_VECTOR) == vector &&
		    is_level(io->s.table[pin]))
			return true;
	return false;
}

static void write_rte(struct ioapic *io, unsigned int index, uint32_t value)
{
	unsigned int pin = index / 2;
	uint64_t *rte = &io->s.table[pin], old = *rte, new;

	if (index & 1)
		new = (old & 0xffffffffULL) | (uint64_t)value << 32;
	else
		new = (old & ~0xffffffffULL) | value;
	new &= RTE_DEFINED & ~RTE_READ_ONLY;
	new |= old & RTE_READ_ONLY;
	/*
	 * Edge entries have no remote IRR: guests of older I/O APICs clear it
	 * by switching an entry to edge and back.
	 */
	if (!is_level(new))
		new &= ~RTE_REMOTE_IRR;
	*rte = new;
	update_extint(io, pin);
	service_level(io, pin);
}

static uint32_t read_reg(const struct ioapic *io)
{
	unsigned int reg = io->s.select, index;

	switch (reg) {
	case REG_ID:
	case REG_ARB:
		return (uint32_t)io->s.id << 24;
	case REG_VERSION:
		return VERSION | (IOAPIC_PINS - 1) << 16;
	}
	if (reg < REG_TABLE || reg >= REG_TABLE + 2 * IOAPIC_PINS)
		return UINT32_MAX;
	index = reg - REG_TABLE;
	return (uint32_t)(io->s.table[index / 2] >> (index & 1 ? 32 : 0));
}

static void write_reg(struct ioapic *io, uint32_t value)
{
	unsigned int reg = io->s.select;

	if (reg == REG_ID)
		io->s.id = value >> 24 & 0x0f;
	else if (reg >= REG_TABLE && reg < REG_TABLE + 2 * IOAPIC_PINS)
		write_rte(io, reg - REG_TABLE, value);
}

static uint64_t ioapic_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct ioapic *io = opaque;
	uint32_t value = 0;

	(void)size;
	switch (offset & ~3ULL) {
	case MMIO_SELECT:
		value = io->s.select;
		break;
	case MMIO_WINDOW:
		value = read_reg(io);
		break;
	}
	return value >> (8 * (offset & 3));
}

static void ioapic_write(void *opaque, uint64_t offset, unsigned int size,
			 uint64_t value)
{
	struct ioapic *io = opaque;

	switch (offset) {
	case MMIO_SELECT:
		io->s.select = (uint8_t)value;
		break;
	case MMIO_WINDOW:
		/* The window takes whole registers only (data sheet 3.1.2). */
		if (size == 4)
			write_reg(io, (uint32_t)value);
		break;
	case MMIO_EOI:
		ioapic_eoi(io, (uint8_t)value);
		break;
	}
}

static const struct bus_ops ioapic_ops = {
	.read = ioapic_read,
	.write = ioapic_write,
};

static void set_reset_state(struct ioapic *io)
{
	unsigned int pin;

	io->s.select = 0;
	io->s.id = io->cfg.id & 0x0f;
	for (pin = 0; pin < IOAPIC_PINS; pin++)
		io->s.table[pin] = RTE_MASKED;
}

void ioapic_reset(struct ioapic *io)
{
	unsigned int pin;

	set_reset_state(io);
	for (pin = 0; pin < IOAPIC_PINS; pin++)
		update_extint(io, pin);
}

struct ioapic *ioapic_create(const struct ioapic_config *cfg, struct err *e)
{
	struct ioapic *io = calloc(1, sizeof(*io));
	struct bus_range range = {
		.space = BUS_MMIO,
		.base = cfg->base,
		.len = IOAPIC_SIZE,
		.max_access = 4,
		.ops = &ioapic_ops,
		.opaque = io,
		.name = "I/O APIC",
	};

	if (!io) {
		err_set(e, "I/O APIC: out of memory");
		return NULL;
	}
	io->cfg = *cfg;
	set_reset_state(io);
	if (bus_register(cfg->bus, &range, e) < 0) {
		free(io);
		return NULL;
	}
	return io;
}

void ioapic_destroy(struct ioapic *io)
{
	if (!io)
		return;
	bus_unregister(io->cfg.bus, BUS_MMIO, io->cfg.base);
	free(io);
}
