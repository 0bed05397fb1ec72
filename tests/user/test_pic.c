// SPDX-License-Identifier: GPL-2.0-or-later
/* The 8259A pair: initialization, priorities, EOI forms, modes, cascade. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "devices/pic.h"
#include "fake_clock.h"

#define EOI	0x20

struct rig {
	struct fake_machine f;
	struct pic *pic;
	bool intr;
	unsigned int changes;
};

static void set_intr(void *opaque, bool level)
{
	struct rig *r = opaque;

	/* Changes only. */
	assert_int_not_equal(r->intr, level);
	r->intr = level;
	r->changes++;
}

/* As Linux does it: vectors 0x30 and 0x38, nothing masked. */
static void init_pair(struct rig *r, uint8_t icw4)
{
	out8(&r->f, 0x20, 0x11);
	out8(&r->f, 0x21, 0x30);
	out8(&r->f, 0x21, 0x04);
	out8(&r->f, 0x21, icw4);
	out8(&r->f, 0xa0, 0x11);
	out8(&r->f, 0xa1, 0x38);
	out8(&r->f, 0xa1, 0x02);
	out8(&r->f, 0xa1, icw4);
	out8(&r->f, 0x21, 0);
	out8(&r->f, 0xa1, 0);
}

static int setup(void **state)
{
	static struct rig r;
	struct pic_config pc = { 0 };

	memset(&r, 0, sizeof(r));
	fake_machine_init(&r.f);
	pc.bus = r.f.bus;
	pc.set_intr = set_intr;
	pc.opaque = &r;
	r.pic = pic_create(&pc, NULL);
	assert_non_null(r.pic);
	init_pair(&r, 0x01);
	*state = &r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	pic_destroy(r->pic);
	fake_machine_deinit(&r->f);
	return 0;
}

static void raise_irq(struct rig *r, unsigned int irq)
{
	pic_set_irq(r->pic, irq, true);
}

static void pulse(struct rig *r, unsigned int irq)
{
	pic_set_irq(r->pic, irq, true);
	pic_set_irq(r->pic, irq, false);
}

static uint8_t isr(struct rig *r, uint16_t port)
{
	out8(&r->f, port, 0x0b);
	return in8(&r->f, port);
}

static uint8_t irr(struct rig *r, uint16_t port)
{
	out8(&r->f, port, 0x0a);
	return in8(&r->f, port);
}

static void test_vectors(void **state)
{
	struct rig *r = *state;
	unsigned int irq;

	for (irq = 0; irq < 16; irq++) {
		if (irq == 2)
			continue;
		assert_false(r->intr);
		pulse(r, irq);
		if (!r->intr)
			fail_msg("IRQ%u raises no INTR", irq);
		assert_int_equal(pic_intr(r->pic), 1);
		if (pic_intack(r->pic) != 0x30 + irq)
			fail_msg("IRQ%u has the wrong vector", irq);
		assert_false(r->intr);
		assert_int_equal(isr(r, 0x20), irq < 8 ? 1 << irq : 0x04);
		assert_int_equal(isr(r, 0xa0), irq < 8 ? 0 : 1 << (irq - 8));
		if (irq >= 8)
			out8(&r->f, 0xa0, EOI);
		out8(&r->f, 0x20, EOI);
		assert_int_equal(isr(r, 0x20), 0);
		assert_int_equal(isr(r, 0xa0), 0);
	}
	/* Input 2 is the cascade, and above 15 is nothing. */
	pulse(r, 2);
	pulse(r, 16);
	assert_false(r->intr);
}

static void test_priority_and_nesting(void **state)
{
	struct rig *r = *state;

	pulse(r, 4);
	pulse(r, 6);
	pulse(r, 1);
	assert_int_equal(irr(r, 0x20), 0x52);
	assert_int_equal(pic_intack(r->pic), 0x31);
	/* Lower ones wait, a higher one does not. */
	assert_false(r->intr);
	pulse(r, 0);
	assert_true(r->intr);
	assert_int_equal(pic_intack(r->pic), 0x30);
	/* Non-specific EOI ends the highest in service. */
	out8(&r->f, 0x20, EOI);
	assert_int_equal(isr(r, 0x20), 0x02);
	assert_false(r->intr);
	out8(&r->f, 0x20, EOI);
	assert_int_equal(pic_intack(r->pic), 0x34);
	/* Specific EOI. */
	out8(&r->f, 0x20, 0x64);
	assert_int_equal(isr(r, 0x20), 0);
	assert_int_equal(pic_intack(r->pic), 0x36);
}

static void test_cascade(void **state)
{
	struct rig *r = *state;

	/* The slave sits between 1 and 3. */
	pulse(r, 3);
	pulse(r, 12);
	pulse(r, 9);
	assert_int_equal(pic_intack(r->pic), 0x39);
	assert_false(r->intr);
	out8(&r->f, 0xa0, EOI);
	/* The master still has the cascade in service. */
	assert_false(r->intr);
	out8(&r->f, 0x20, EOI);
	assert_int_equal(pic_intack(r->pic), 0x3c);
	out8(&r->f, 0xa0, EOI);
	out8(&r->f, 0x20, EOI);
	assert_int_equal(pic_intack(r->pic), 0x33);
}

static void test_special_fully_nested(void **state)
{
	struct rig *r = *state;

	init_pair(r, 0x11);
	pulse(r, 12);
	assert_int_equal(pic_intack(r->pic), 0x3c);
	/* A higher input of the same slave gets through the master. */
	pulse(r, 9);
	assert_true(r->intr);
	assert_int_equal(pic_intack(r->pic), 0x39);
	/* A lower one does not. */
	pulse(r, 15);
	assert_false(r->intr);
}

static void test_mask(void **state)
{
	struct rig *r = *state;

	out8(&r->f, 0x21, 0x10);
	assert_int_equal(in8(&r->f, 0x21), 0x10);
	pulse(r, 4);
	assert_false(r->intr);
	/* The edge is remembered. */
	out8(&r->f, 0x21, 0);
	assert_true(r->intr);
	out8(&r->f, 0x21, 0x10);
	assert_false(r->intr);
	/* A masked slave input takes the cascade's request back with it. */
	out8(&r->f, 0x21, 0);
	pic_intack(r->pic);
	out8(&r->f, 0x20, EOI);
	pulse(r, 10);
	assert_true(r->intr);
	out8(&r->f, 0xa1, 0x04);
	assert_false(r->intr);
	assert_int_equal(irr(r, 0x20), 0);
}

static void test_spurious(void **state)
{
	struct rig *r = *state;

	/* None of the master: IR7 of the master, not in service. */
	assert_int_equal(pic_intack(r->pic), 0x37);
	assert_int_equal(isr(r, 0x20), 0);
	/* A level request that goes away before the acknowledge. */
	out8(&r->f, 0x4d0, 0x20);
	pic_set_irq(r->pic, 5, true);
	assert_true(r->intr);
	pic_set_irq(r->pic, 5, false);
	assert_false(r->intr);
	assert_int_equal(pic_intack(r->pic), 0x37);
}

static void test_edge(void **state)
{
	struct rig *r = *state;

	/* A line that stays up requests once. */
	raise_irq(r, 4);
	assert_int_equal(pic_intack(r->pic), 0x34);
	out8(&r->f, 0x20, EOI);
	assert_false(r->intr);
	raise_irq(r, 4);
	assert_false(r->intr);
	pic_set_irq(r->pic, 4, false);
	raise_irq(r, 4);
	assert_true(r->intr);
	/* A pulse shorter than the guest's reaction counts. */
	pic_intack(r->pic);
	out8(&r->f, 0x20, EOI);
	pulse(r, 0);
	assert_true(r->intr);
}

static void test_level(void **state)
{
	struct rig *r = *state;

	/* The low three and 8, 13 cannot be level-triggered. */
	out8(&r->f, 0x4d0, 0xff);
	out8(&r->f, 0x4d1, 0xff);
	assert_int_equal(in8(&r->f, 0x4d0), 0xf8);
	assert_int_equal(in8(&r->f, 0x4d1), 0xde);

	raise_irq(r, 11);
	assert_int_equal(pic_intack(r->pic), 0x3b);
	out8(&r->f, 0xa0, EOI);
	out8(&r->f, 0x20, EOI);
	/* Still asserted: again. */
	assert_true(r->intr);
	assert_int_equal(pic_intack(r->pic), 0x3b);
	pic_set_irq(r->pic, 11, false);
	out8(&r->f, 0xa0, EOI);
	out8(&r->f, 0x20, EOI);
	assert_false(r->intr);

	/* Making an asserted line level-triggered requests. */
	out8(&r->f, 0x4d0, 0);
	raise_irq(r, 7);
	pic_intack(r->pic);
	out8(&r->f, 0x20, EOI);
	assert_false(r->intr);
	out8(&r->f, 0x4d0, 0x80);
	assert_true(r->intr);
}

static void test_icw1_clears(void **state)
{
	struct rig *r = *state;

	raise_irq(r, 4);
	pulse(r, 1);
	pic_intack(r->pic);
	out8(&r->f, 0x21, 0x55);
	out8(&r->f, 0x20, 0x11);
	assert_false(r->intr);
	out8(&r->f, 0x21, 0x40);
	out8(&r->f, 0x21, 0x04);
	out8(&r->f, 0x21, 0x01);
	assert_int_equal(in8(&r->f, 0x21), 0);
	assert_int_equal(isr(r, 0x20), 0);
	assert_int_equal(irr(r, 0x20), 0);
	pulse(r, 1);
	assert_int_equal(pic_intack(r->pic), 0x41);
	/* Without ICW4, and single: two words only. */
	out8(&r->f, 0x20, 0x12);
	out8(&r->f, 0x21, 0x50);
	out8(&r->f, 0x21, 0xfe);
	assert_int_equal(in8(&r->f, 0x21), 0xfe);
}

static void test_auto_eoi(void **state)
{
	struct rig *r = *state;

	init_pair(r, 0x03);
	pulse(r, 12);
	assert_int_equal(pic_intack(r->pic), 0x3c);
	assert_int_equal(isr(r, 0x20), 0);
	assert_int_equal(isr(r, 0xa0), 0);
	/* Rotation in automatic EOI mode. */
	out8(&r->f, 0x20, 0x80);
	pulse(r, 3);
	pic_intack(r->pic);
	pulse(r, 3);
	pulse(r, 4);
	assert_int_equal(pic_intack(r->pic), 0x34);
	out8(&r->f, 0x20, 0x00);
	/* 5 is the highest now, and stays so. */
	assert_int_equal(pic_intack(r->pic), 0x33);
	pulse(r, 3);
	pulse(r, 6);
	assert_int_equal(pic_intack(r->pic), 0x36);
	pulse(r, 6);
	assert_int_equal(pic_intack(r->pic), 0x36);
	assert_int_equal(pic_intack(r->pic), 0x33);
	/* Two of the slave, one after the other without an EOI. */
	pulse(r, 10);
	pulse(r, 9);
	assert_int_equal(pic_intack(r->pic), 0x39);
	assert_true(r->intr);
	assert_int_equal(pic_intack(r->pic), 0x3a);
	assert_false(r->intr);
}

static void test_rotation(void **state)
{
	struct rig *r = *state;

	/* Rotate on non-specific EOI: what was served becomes the lowest. */
	pulse(r, 4);
	pic_intack(r->pic);
	out8(&r->f, 0x20, 0xa0);
	pulse(r, 4);
	pulse(r, 5);
	pulse(r, 3);
	assert_int_equal(pic_intack(r->pic), 0x35);
	out8(&r->f, 0x20, EOI);
	assert_int_equal(pic_intack(r->pic), 0x33);
	/* Rotate on specific EOI. */
	out8(&r->f, 0x20, 0xe3);
	assert_int_equal(isr(r, 0x20), 0);
	pulse(r, 3);
	pulse(r, 5);
	assert_int_equal(pic_intack(r->pic), 0x34);
	out8(&r->f, 0x20, EOI);
	assert_int_equal(pic_intack(r->pic), 0x35);
	out8(&r->f, 0x20, EOI);
	assert_int_equal(pic_intack(r->pic), 0x33);
	out8(&r->f, 0x20, EOI);
	/* Rotate on non-specific EOI with none in service: no rotation. */
	out8(&r->f, 0x20, 0xa0);
	pulse(r, 4);
	pulse(r, 0);
	assert_int_equal(pic_intack(r->pic), 0x34);
	out8(&r->f, 0x20, EOI);
	assert_int_equal(pic_intack(r->pic), 0x30);
	/* With input 0 it does. */
	out8(&r->f, 0x20, 0xa0);
	pulse(r, 0);
	pulse(r, 7);
	assert_int_equal(pic_intack(r->pic), 0x37);
	out8(&r->f, 0x20, EOI);
	assert_int_equal(pic_intack(r->pic), 0x30);
	out8(&r->f, 0x20, EOI);
	/* Set priority: 7 the lowest is the order after reset. */
	out8(&r->f, 0x20, 0xc7);
	pulse(r, 7);
	pulse(r, 0);
	assert_int_equal(pic_intack(r->pic), 0x30);
}

static void test_special_mask(void **state)
{
	struct rig *r = *state;

	pulse(r, 1);
	pic_intack(r->pic);
	pulse(r, 6);
	out8(&r->f, 0x21, 0x02);
	assert_false(r->intr);
	/* Masked in service no longer blocks. */
	out8(&r->f, 0x20, 0x68);
	assert_true(r->intr);
	/* Selecting a register to read leaves the mode, and the selection is kept. */
	assert_int_equal(isr(r, 0x20), 0x02);
	assert_true(r->intr);
	out8(&r->f, 0x20, 0x68);
	assert_int_equal(in8(&r->f, 0x20), 0x02);
	assert_int_equal(pic_intack(r->pic), 0x36);
	/* And non-specific EOI does not touch it. */
	out8(&r->f, 0x20, EOI);
	assert_int_equal(isr(r, 0x20), 0x02);
	out8(&r->f, 0x20, 0x48);
	pulse(r, 6);
	assert_false(r->intr);
}

static void test_poll(void **state)
{
	struct rig *r = *state;

	out8(&r->f, 0x20, 0x0c);
	assert_int_equal(in8(&r->f, 0x20), 0x00);
	pulse(r, 5);
	out8(&r->f, 0x20, 0x0c);
	assert_int_equal(in8(&r->f, 0x20), 0x85);
	assert_false(r->intr);
	assert_int_equal(isr(r, 0x20), 0x20);
	out8(&r->f, 0x20, EOI);
	/* By way of the cascade. */
	pulse(r, 14);
	out8(&r->f, 0x20, 0x0c);
	assert_int_equal(in8(&r->f, 0x20), 0x82);
	pulse(r, 15);
	out8(&r->f, 0xa0, 0x0c);
	assert_int_equal(in8(&r->f, 0xa0), 0x86);
	out8(&r->f, 0xa0, EOI);
	out8(&r->f, 0x20, EOI);
	assert_true(r->intr);
	assert_int_equal(pic_intack(r->pic), 0x3f);
	out8(&r->f, 0xa0, EOI);
	out8(&r->f, 0x20, EOI);
	pulse(r, 0);
	out8(&r->f, 0x20, 0x0c);
	assert_int_equal(in8(&r->f, 0x20), 0x80);
	/* One read only; the next shows the register selected, here the ISR. */
	assert_int_equal(in8(&r->f, 0x20), 0x01);
	/* Two of a slave in automatic EOI mode, by polling the slave alone. */
	init_pair(r, 0x03);
	pulse(r, 9);
	pulse(r, 10);
	out8(&r->f, 0xa0, 0x0c);
	assert_int_equal(in8(&r->f, 0xa0), 0x81);
	assert_int_equal(pic_intack(r->pic), 0x3a);
	assert_false(r->intr);
}

/* ICW1's LTIM makes all inputs level-triggered. */
static void test_level_by_icw1(void **state)
{
	struct rig *r = *state;

	pic_set_irq(r->pic, 4, true);
	pic_intack(r->pic);
	out8(&r->f, 0x20, 0x19);
	out8(&r->f, 0x21, 0x30);
	out8(&r->f, 0x21, 0x04);
	out8(&r->f, 0x21, 0x01);
	/* Asserted at the initialization: a request, until the line falls. */
	assert_true(r->intr);
	assert_int_equal(pic_intack(r->pic), 0x34);
	out8(&r->f, 0x20, EOI);
	assert_true(r->intr);
	pic_set_irq(r->pic, 4, false);
	assert_false(r->intr);
	/* By ELCR likewise, and edge inputs have to rise again. */
	out8(&r->f, 0x4d0, 0x20);
	pic_set_irq(r->pic, 5, true);
	pic_set_irq(r->pic, 6, true);
	init_pair(r, 0x01);
	assert_int_equal(irr(r, 0x20), 0x20);
	pic_set_irq(r->pic, 6, true);
	assert_int_equal(irr(r, 0x20), 0x20);
}

static void test_ports_come_and_go(void **state)
{
	static const uint16_t ports[] = { 0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1 };
	struct rig *r = *state;
	struct pic_config pc = { .bus = r->f.bus };
	struct err e = { "" };
	size_t i;

	assert_null(pic_create(&pc, &e));
	assert_non_null(strstr(e.msg, "PIC (master)"));
	for (i = 0; i < 6; i++)
		assert_int_not_equal(in8(&r->f, ports[i]), 0xff);
	pic_destroy(r->pic);
	for (i = 0; i < 6; i++)
		assert_int_equal(in8(&r->f, ports[i]), 0xff);
	/* The last range taken: the first two are given back. */
	bus_register(r->f.bus, &(struct bus_range){ BUS_PIO, 0x4d0, 1, 1,
		&(struct bus_ops){ 0 }, NULL, "other" }, NULL);
	assert_null(pic_create(&pc, NULL));
	bus_unregister(r->f.bus, BUS_PIO, 0x4d0);
	r->pic = pic_create(&pc, NULL);
	assert_non_null(r->pic);
}

static void test_reset(void **state)
{
	struct rig *r = *state;

	out8(&r->f, 0x4d0, 0x80);
	pulse(r, 1);
	pic_set_irq(r->pic, 4, true);
	pulse(r, 9);
	pic_reset(r->pic);
	assert_false(r->intr);
	assert_int_equal(irr(r, 0x20), 0);
	/* A device's line is still up: no edge until it falls. */
	pic_set_irq(r->pic, 4, true);
	assert_int_equal(irr(r, 0x20), 0);
	assert_int_equal(in8(&r->f, 0x21), 0xff);
	assert_int_equal(in8(&r->f, 0x4d0), 0);
	assert_int_equal(isr(r, 0x20), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_vectors),
		TEST(test_priority_and_nesting),
		TEST(test_cascade),
		TEST(test_special_fully_nested),
		TEST(test_mask),
		TEST(test_spurious),
		TEST(test_edge),
		TEST(test_level),
		TEST(test_icw1_clears),
		TEST(test_auto_eoi),
		TEST(test_rotation),
		TEST(test_special_mask),
		TEST(test_poll),
		TEST(test_level_by_icw1),
		TEST(test_ports_come_and_go),
		TEST(test_reset),
	};

	return cmocka_run_group_tests_name("pic", tests, NULL, NULL);
}
