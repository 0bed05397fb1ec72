// SPDX-License-Identifier: GPL-2.0-or-later
/* I/O APIC: registers, messages, remote IRR, and the PC's wiring to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "devices/ioapic.h"
#include "devices/pic.h"
#include "fake_clock.h"
#include "irq.h"

#define MASKED	(1u << 16)
#define LEVEL	(1u << 15)
#define RIRR	(1u << 14)

struct rig {
	struct fake_machine f;
	struct ioapic *io;
	unsigned int msis;
	uint64_t addr;
	uint32_t data;
	unsigned int extints;
	uint64_t extint_addr;
	uint64_t dropped_addr;
	bool extint;
};

static void send_msi(void *opaque, uint64_t addr, uint32_t data)
{
	struct rig *r = opaque;

	r->msis++;
	r->addr = addr;
	r->data = data;
}

static void extint(void *opaque, uint64_t addr, bool level)
{
	struct rig *r = opaque;

	r->extints++;
	if (level)
		r->extint_addr = addr;
	else
		r->dropped_addr = addr;
	r->extint = level;
}

static int setup(void **state)
{
	static struct rig r;
	struct ioapic_config ic = { 0 };

	memset(&r, 0, sizeof(r));
	fake_machine_init(&r.f);
	ic.bus = r.f.bus;
	ic.base = IOAPIC_BASE;
	ic.id = 5;
	ic.send_msi = send_msi;
	ic.extint = extint;
	ic.opaque = &r;
	r.io = ioapic_create(&ic, NULL);
	assert_non_null(r.io);
	*state = &r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	ioapic_destroy(r->io);
	fake_machine_deinit(&r->f);
	return 0;
}

static void write_reg(struct rig *r, uint8_t reg, uint32_t value)
{
	bus_write(r->f.bus, BUS_MMIO, IOAPIC_BASE, 4, reg);
	bus_write(r->f.bus, BUS_MMIO, IOAPIC_BASE + 0x10, 4, value);
}

static uint32_t read_reg(struct rig *r, uint8_t reg)
{
	bus_write(r->f.bus, BUS_MMIO, IOAPIC_BASE, 4, reg);
	return (uint32_t)bus_read(r->f.bus, BUS_MMIO, IOAPIC_BASE + 0x10, 4);
}

static void set_entry(struct rig *r, unsigned int pin, uint32_t low, uint32_t high)
{
	write_reg(r, (uint8_t)(0x11 + 2 * pin), high);
	write_reg(r, (uint8_t)(0x10 + 2 * pin), low);
}

static uint32_t low(struct rig *r, unsigned int pin)
{
	return read_reg(r, (uint8_t)(0x10 + 2 * pin));
}

static void pulse(struct rig *r, unsigned int pin)
{
	ioapic_set_pin(r->io, pin, true);
	ioapic_set_pin(r->io, pin, false);
}

static void test_registers(void **state)
{
	struct rig *r = *state;
	unsigned int pin, reg;

	assert_int_equal(read_reg(r, 0), 5 << 24);
	assert_int_equal(read_reg(r, 1), 0x00170020);
	write_reg(r, 0, 0xff000000);
	assert_int_equal(read_reg(r, 0), 0x0f000000);
	write_reg(r, 1, 0);
	assert_int_equal(read_reg(r, 1), 0x00170020);
	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		assert_int_equal(low(r, pin), MASKED);
		/* Distinct contents; read-only and reserved bits stay clear. */
		set_entry(r, pin, 0xffffff00 | MASKED | pin, 0xab000000u + (pin << 17));
	}
	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		assert_int_equal(low(r, pin), 0x1af00 | pin);
		assert_int_equal(read_reg(r, (uint8_t)(0x11 + 2 * pin)),
				 0xab000000u + (pin << 17));
	}
	/* Past the table. */
	for (reg = 0x40; reg < 0x100; reg++) {
		write_reg(r, (uint8_t)reg, 0x12345678);
		assert_int_equal(read_reg(r, (uint8_t)reg), 0xffffffff);
	}
	write_reg(r, 0x0f, 0);
	assert_int_equal(read_reg(r, 0x0f), 0xffffffff);
	/* Parts of the window, and what is no register at all. */
	assert_int_equal(read_reg(r, 1), 0x00170020);
	assert_int_equal(bus_read(r->f.bus, BUS_MMIO, IOAPIC_BASE + 0x12, 1), 0x17);
	assert_int_equal(bus_read(r->f.bus, BUS_MMIO, IOAPIC_BASE + 0x20, 4), 0);
	/* Byte accesses of the select register, dwords only of the window. */
	bus_write(r->f.bus, BUS_MMIO, IOAPIC_BASE, 1, 1);
	assert_int_equal(bus_read(r->f.bus, BUS_MMIO, IOAPIC_BASE, 4), 1);
	bus_write(r->f.bus, BUS_MMIO, IOAPIC_BASE, 1, 0x10);
	bus_write(r->f.bus, BUS_MMIO, IOAPIC_BASE + 0x10, 1, 0x77);
	assert_int_equal(low(r, 0), 0x1af00);
}

static void test_message_format(void **state)
{
	static const struct {
		const char *name;
		uint32_t low, high;
		uint64_t addr;
		uint32_t data;
	} rows[] = {
		{ "fixed, physical", 0x0031, 0x03000000, 0xfee03000, 0x4031 },
		{ "fixed, logical", 0x0831, 0x0f000000, 0xfee0f004, 0x4031 },
		{ "lowest priority", 0x0941, 0xff000000, 0xfeeff00c, 0x4141 },
		{ "SMI", 0x0200, 0, 0xfee00000, 0x4200 },
		{ "NMI", 0x0400, 0x01000000, 0xfee01000, 0x4400 },
		{ "INIT", 0x0500, 0, 0xfee00000, 0x4500 },
		{ "level", 0x8052, 0x02000000, 0xfee02000, 0xc052 },
		{ "level, active low", 0xa052, 0x02000000, 0xfee02000, 0xc052 },
		{ "level NMI is an edge", 0x8400, 0, 0xfee00000, 0x4400 },
		{ "extended destination 0x7f12", 0x0061, 0x12fe0000,
		  0xfee12fe0, 0x4061 },
	};
	struct rig *r = *state;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ioapic_reset(r->io);
		r->msis = 0;
		set_entry(r, 7, rows[i].low, rows[i].high);
		ioapic_set_pin(r->io, 7, true);
		ioapic_set_pin(r->io, 7, false);
		if (r->msis != 1 || r->addr != rows[i].addr ||
		    r->data != rows[i].data)
			fail_msg("%s: %u messages, 0x%llx 0x%x", rows[i].name,
				 r->msis, (unsigned long long)r->addr, r->data);
	}
}

static void test_edge(void **state)
{
	struct rig *r = *state;

	set_entry(r, 4, 0x34, 0);
	ioapic_set_pin(r->io, 4, true);
	ioapic_set_pin(r->io, 4, true);
	assert_int_equal(r->msis, 1);
	assert_int_equal(low(r, 4), 0x34);
	ioapic_set_pin(r->io, 4, false);
	assert_int_equal(r->msis, 1);
	pulse(r, 4);
	assert_int_equal(r->msis, 2);
	/* An edge while masked is lost. */
	set_entry(r, 4, MASKED | 0x34, 0);
	ioapic_set_pin(r->io, 4, true);
	set_entry(r, 4, 0x34, 0);
	assert_int_equal(r->msis, 2);
	/* EOI of an edge vector does nothing. */
	ioapic_eoi(r->io, 0x34);
	assert_int_equal(r->msis, 2);
	/* Pins that do not exist. */
	pulse(r, IOAPIC_PINS);
	pulse(r, 1000);
}

static void test_level(void **state)
{
	struct rig *r = *state;

	set_entry(r, 9, LEVEL | 0x59, 0);
	ioapic_set_pin(r->io, 9, true);
	assert_int_equal(r->msis, 1);
	assert_int_equal(low(r, 9), LEVEL | RIRR | 0x59);
	/* No second one before the EOI, whatever the line does. */
	ioapic_set_pin(r->io, 9, false);
	ioapic_set_pin(r->io, 9, true);
	assert_int_equal(r->msis, 1);
	ioapic_eoi(r->io, 0x58);
	assert_int_equal(low(r, 9), LEVEL | RIRR | 0x59);
	/* Still asserted at the EOI: again. */
	ioapic_eoi(r->io, 0x59);
	assert_int_equal(r->msis, 2);
	ioapic_set_pin(r->io, 9, false);
	ioapic_eoi(r->io, 0x59);
	assert_int_equal(r->msis, 2);
	assert_int_equal(low(r, 9), LEVEL | 0x59);
	/* Asserted while masked: sent when unmasked. */
	set_entry(r, 9, MASKED | LEVEL | 0x59, 0);
	ioapic_set_pin(r->io, 9, true);
	assert_int_equal(r->msis, 2);
	set_entry(r, 9, LEVEL | 0x59, 0);
	assert_int_equal(r->msis, 3);
	/* Masked in service: EOI does not send. */
	set_entry(r, 9, MASKED | LEVEL | 0x59, 0);
	ioapic_eoi(r->io, 0x59);
	assert_int_equal(r->msis, 3);
	assert_int_equal(low(r, 9), MASKED | LEVEL | 0x59);
}

static void test_eoi_register(void **state)
{
	struct rig *r = *state;

	set_entry(r, 9, LEVEL | 0x59, 0);
	ioapic_set_pin(r->io, 9, true);
	ioapic_set_pin(r->io, 9, false);
	bus_write(r->f.bus, BUS_MMIO, IOAPIC_BASE + 0x40, 4, 0x59);
	assert_int_equal(low(r, 9), LEVEL | 0x59);
}

/* How Linux ends a level interrupt on older I/O APICs. */
static void test_edge_switch_clears_remote_irr(void **state)
{
	struct rig *r = *state;

	set_entry(r, 9, LEVEL | 0x59, 0);
	ioapic_set_pin(r->io, 9, true);
	ioapic_set_pin(r->io, 9, false);
	write_reg(r, 0x10 + 18, MASKED | 0x59);
	write_reg(r, 0x10 + 18, LEVEL | 0x59);
	assert_int_equal(low(r, 9), LEVEL | 0x59);
	/* Remote IRR cannot be written. */
	write_reg(r, 0x10 + 18, LEVEL | RIRR | 0x59);
	assert_int_equal(low(r, 9), LEVEL | 0x59);
}

static void test_shared_vector(void **state)
{
	struct rig *r = *state;

	set_entry(r, 0, LEVEL | 0x60, 0);
	assert_true(ioapic_wants_eoi(r->io, 0x60));
	set_entry(r, 23, LEVEL | 0x60, 0);
	ioapic_set_pin(r->io, 0, true);
	ioapic_set_pin(r->io, 23, true);
	assert_int_equal(r->msis, 2);
	ioapic_eoi(r->io, 0x60);
	assert_int_equal(r->msis, 4);
	assert_true(ioapic_wants_eoi(r->io, 0x60));
	assert_false(ioapic_wants_eoi(r->io, 0x61));
	set_entry(r, 12, 0x61, 0);
	assert_false(ioapic_wants_eoi(r->io, 0x61));
}

static void test_extint(void **state)
{
	struct rig *r = *state;

	set_entry(r, 0, 0x700, 0);
	ioapic_set_pin(r->io, 0, true);
	assert_int_equal(r->extints, 1);
	assert_true(r->extint);
	assert_int_equal(r->extint_addr, 0xfee00000);
	assert_int_equal(r->msis, 0);
	/* Another destination: taken from one, given to the other. */
	write_reg(r, 0x11, 0x01000000);
	assert_int_equal(r->extints, 3);
	assert_int_equal(r->dropped_addr, 0xfee00000);
	assert_true(r->extint);
	assert_int_equal(r->extint_addr, 0xfee01000);
	/* Masking and the line falling both take it away. */
	write_reg(r, 0x10, MASKED | 0x700);
	assert_false(r->extint);
	write_reg(r, 0x10, 0x700);
	assert_true(r->extint);
	ioapic_set_pin(r->io, 0, false);
	assert_false(r->extint);
	ioapic_set_pin(r->io, 0, true);
	ioapic_reset(r->io);
	assert_false(r->extint);
	assert_int_equal(low(r, 0), MASKED);
	assert_int_equal(low(r, 23), MASKED);
	assert_int_equal(r->dropped_addr, 0xfee01000);
	/* The select register starts at 0, the ID at what was configured. */
	ioapic_reset(r->io);
	assert_int_equal(bus_read(r->f.bus, BUS_MMIO, IOAPIC_BASE + 0x10, 4), 5 << 24);
}

static void test_page_comes_and_goes(void **state)
{
	struct rig *r = *state;
	struct ioapic_config ic = { .bus = r->f.bus, .base = IOAPIC_BASE + 0xfff };
	struct err e = { "" };

	assert_null(ioapic_create(&ic, &e));
	assert_non_null(strstr(e.msg, "I/O APIC"));
	ioapic_destroy(r->io);
	assert_int_equal(read_reg(r, 1), 0xffffffff);
	ic.base = IOAPIC_BASE;
	r->io = ioapic_create(&ic, NULL);
	assert_non_null(r->io);
	/* Without callbacks nothing is sent, and nothing breaks. */
	set_entry(r, 4, 0x34, 0);
	set_entry(r, 0, 0x700, 0);
	pulse(r, 4);
	pulse(r, 0);
	assert_int_equal(r->msis, 0);
}

static void pic_output(void *opaque, bool level)
{
	if (level)
		(*(unsigned int *)opaque)++;
}

/* ISA lines reach both controllers, line 0 pin 2. */
static void test_routing(void **state)
{
	struct rig *r = *state;
	unsigned int intrs = 0, n, pin;
	struct pic_config pc = { r->f.bus, pic_output, &intrs };
	struct pic *pic = pic_create(&pc, NULL);
	struct irq_router router;

	out8(&r->f, 0x20, 0x13);
	out8(&r->f, 0x21, 0x20);
	out8(&r->f, 0x21, 0x03);
	out8(&r->f, 0x21, 0x00);
	out8(&r->f, 0xa1, 0x00);
	irq_router_init(&router, pic, r->io);
	for (pin = 0; pin < IOAPIC_PINS; pin++)
		set_entry(r, pin, 0x40 + pin, 0);

	assert_null(irq_router_isa(&router, 2));
	assert_null(irq_router_isa(&router, 16));
	irq_line_set(irq_router_isa(&router, 2), true);
	for (n = 0; n < 16; n++) {
		struct irq_line *line = irq_router_isa(&router, n);

		if (!line)
			continue;
		r->msis = 0;
		intrs = 0;
		irq_line_set(line, true);
		irq_line_set(line, true);
		assert_int_equal(r->msis, 1);
		assert_int_equal(r->data & 0xff, 0x40 + (n ? n : 2));
		if (n < 8) {
			assert_int_equal(intrs, 1);
			assert_int_equal(pic_intack(pic), 0x20 + n);
		}
		irq_line_pulse(line);
	}
	r->msis = 0;
	irq_router_pic_output(&router, true);
	assert_int_equal(r->msis, 1);
	assert_int_equal(r->data & 0xff, 0x40);
	pic_destroy(pic);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_registers),
		TEST(test_message_format),
		TEST(test_edge),
		TEST(test_level),
		TEST(test_eoi_register),
		TEST(test_edge_switch_clears_remote_irr),
		TEST(test_shared_vector),
		TEST(test_extint),
		TEST(test_page_comes_and_goes),
		TEST(test_routing),
	};

	return cmocka_run_group_tests_name("ioapic", tests, NULL, NULL);
}
