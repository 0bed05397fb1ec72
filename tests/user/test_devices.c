// SPDX-License-Identifier: GPL-2.0-or-later
/* The small devices: keyboard controller, resets, ACPI hardware, debug ports. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "chardev.h"
#include "devices/debug_exit.h"
#include "devices/debugport.h"
#include "devices/i8042.h"
#include "devices/pm.h"
#include "devices/resetctl.h"
#include "fake_clock.h"
#include "irq.h"

struct rig {
	struct fake_machine f;
	struct fake_line line;
	struct irq_line irq;
	unsigned int calls;
	uint32_t status;
};

static void count(void *opaque)
{
	((struct rig *)opaque)->calls++;
}

static void on_exit_status(void *opaque, uint32_t status)
{
	struct rig *r = opaque;

	r->calls++;
	r->status = status;
}

static int setup(void **state)
{
	static struct rig r;

	memset(&r, 0, sizeof(r));
	fake_machine_init(&r.f);
	r.irq = (struct irq_line){ .set = fake_line_set, .opaque = &r.line };
	*state = &r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	fake_machine_deinit(&r->f);
	return 0;
}

/* i8042 */

static struct i8042 *make_i8042(struct rig *r)
{
	struct i8042_config kc = { r->f.bus, &r->irq, count, r };
	struct i8042 *k = i8042_create(&kc, NULL);

	assert_non_null(k);
	return k;
}

/* A byte with OBF set before, and whether there is another. */
static int get(struct rig *r)
{
	if (!(in8(&r->f, 0x64) & 0x01))
		return -1;
	return in8(&r->f, 0x60);
}

static void test_i8042_commands(void **state)
{
	static const struct {
		const char *name;
		uint8_t command;
		int data;		/* written to 0x60 after it, or -1 */
		int reply;		/* or -1 */
	} rows[] = {
		{ "self-test", 0xaa, -1, 0x55 },
		{ "keyboard port test", 0xab, -1, 0x00 },
		{ "auxiliary port test: absent", 0xa9, -1, 0x01 },
		{ "no password", 0xa4, -1, 0xf1 },
		{ "read command byte", 0x20, -1, 0x65 },
		{ "write command byte", 0x60, 0x74, -1 },
		{ "read it back", 0x20, -1, 0x74 },
		{ "enable keyboard", 0xae, -1, -1 },
		{ "clears its bit", 0x20, -1, 0x64 },
		{ "disable keyboard", 0xad, -1, -1 },
		{ "sets its bit", 0x20, -1, 0x74 },
		{ "enable auxiliary", 0xa8, -1, -1 },
		{ "clears its bit too", 0x20, -1, 0x54 },
		{ "disable auxiliary", 0xa7, -1, -1 },
		{ "sets its bit too", 0x20, -1, 0x74 },
		{ "write RAM", 0x65, 0x99, -1 },
		{ "read RAM", 0x25, -1, 0x99 },
		{ "output port: A20 on, running", 0xd0, -1, 0xcf },
		{ "A20 off by command", 0xd1, 0xdd, -1 },
		{ "A20 still reads on", 0xd0, -1, 0xcf },
		{ "keyboard buffer loop", 0xd2, 0x5a, 0x5a },
		{ "auxiliary loop: as keyboard data", 0xd3, 0xa5, 0xa5 },
		{ "to the auxiliary: nobody", 0xd4, 0xff, -1 },
		{ "test inputs", 0xe0, -1, 0x03 },
		{ "input port", 0xc0, -1, 0x80 },
		{ "pulse nothing", 0xff, -1, -1 },
		{ "unknown", 0xb0, -1, -1 },
	};
	struct rig *r = *state;
	struct i8042 *k = make_i8042(r);
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int reply;

		out8(&r->f, 0x64, rows[i].command);
		if (!(in8(&r->f, 0x64) & 0x08))
			fail_msg("%s: no command flag", rows[i].name);
		if (rows[i].data >= 0) {
			out8(&r->f, 0x60, (uint8_t)rows[i].data);
			if (in8(&r->f, 0x64) & 0x28)
				fail_msg("%s: command or auxiliary flag", rows[i].name);
		}
		reply = get(r);
		if (reply != rows[i].reply)
			fail_msg("%s: replied %d", rows[i].name, reply);
		if (get(r) != -1)
			fail_msg("%s: more than one byte", rows[i].name);
	}
	assert_int_equal(r->calls, 0);
	i8042_destroy(k);
}

static void test_i8042_reset(void **state)
{
	struct rig *r = *state;
	struct i8042 *k = make_i8042(r);

	out8(&r->f, 0x64, 0xfe);
	assert_int_equal(r->calls, 1);
	out8(&r->f, 0x64, 0xf0);
	assert_int_equal(r->calls, 2);
	out8(&r->f, 0x64, 0xd1);
	out8(&r->f, 0x60, 0xcf);
	assert_int_equal(r->calls, 2);
	out8(&r->f, 0x64, 0xd1);
	out8(&r->f, 0x60, 0xce);
	assert_int_equal(r->calls, 3);
	i8042_destroy(k);
}

static void test_keyboard(void **state)
{
	static const struct {
		const char *name;
		uint8_t sent[3];
		unsigned int nsent;
		int replies[4];
	} rows[] = {
		{ "reset", { 0xff }, 1, { 0xfa, 0xaa, -1 } },
		{ "identify, translated", { 0xf2 }, 1, { 0xfa, 0xab, 0x41, -1 } },
		{ "echo", { 0xee }, 1, { 0xee, -1 } },
		{ "LEDs", { 0xed, 0x07 }, 2, { 0xfa, -1 } },
		{ "rate", { 0xf3, 0x20 }, 2, { 0xfa, -1 } },
		{ "enable", { 0xf4 }, 1, { 0xfa, -1 } },
		{ "scan code set 3", { 0xf0, 0x03 }, 2, { 0xfa, -1 } },
		{ "which set, translated", { 0xf0, 0x00 }, 2, { 0xfa, 0x3f, -1 } },
		{ "defaults give set 2 back", { 0xf6 }, 1, { 0xfa, -1 } },
		{ "set 2 then", { 0xf0, 0x00 }, 2, { 0xfa, 0x41, -1 } },
		{ "scan code set 1", { 0xf0, 0x01 }, 2, { 0xfa, -1 } },
		{ "set 1 then", { 0xf0, 0x00 }, 2, { 0xfa, 0x43, -1 } },
		{ "reset gives set 2 back", { 0xff }, 1, { 0xfa, 0xaa, -1 } },
		{ "set 2, translated", { 0xf0, 0x00 }, 2, { 0xfa, 0x41, -1 } },
		{ "unknown", { 0x12 }, 1, { 0xfe, -1 } },
	};
	struct rig *r = *state;
	struct i8042 *k = make_i8042(r);
	unsigned int i, j, rises;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (j = 0; j < rows[i].nsent; j++) {
			if (j)
				assert_int_equal(get(r), 0xfa);
			out8(&r->f, 0x60, rows[i].sent[j]);
		}
		for (j = 0; ; j++) {
			int reply = get(r);

			if (reply != rows[i].replies[j])
				fail_msg("%s: byte %u is %d", rows[i].name, j, reply);
			if (reply < 0)
				break;
		}
	}
	/* An interrupt per byte, when enabled. */
	rises = r->line.rises;
	out8(&r->f, 0x60, 0xff);
	assert_int_equal(r->line.rises, rises + 1);
	assert_true(r->line.level);
	in8(&r->f, 0x60);
	assert_int_equal(r->line.rises, rises + 2);
	in8(&r->f, 0x60);
	assert_false(r->line.level);
	out8(&r->f, 0x64, 0x60);
	out8(&r->f, 0x60, 0x04);
	out8(&r->f, 0x60, 0xee);
	assert_int_equal(get(r), 0xee);
	assert_int_equal(r->line.rises, rises + 2);
	/* Untranslated. */
	out8(&r->f, 0x60, 0xf2);
	assert_int_equal(get(r), 0xfa);
	assert_int_equal(get(r), 0xab);
	assert_int_equal(get(r), 0x83);
	i8042_destroy(k);
}

/* Reset control */

static void test_resetctl(void **state)
{
	struct rig *r = *state;
	struct resetctl_config rc = { r->f.bus, count, r };
	struct resetctl *c = resetctl_create(&rc, NULL);

	assert_non_null(c);
	/* Port 0x92: A20 reads on; reset on the bit's rise. */
	assert_int_equal(in8(&r->f, 0x92), 0x02);
	out8(&r->f, 0x92, 0x00);
	assert_int_equal(in8(&r->f, 0x92), 0x02);
	assert_int_equal(r->calls, 0);
	out8(&r->f, 0x92, 0x03);
	assert_int_equal(r->calls, 1);
	out8(&r->f, 0x92, 0x03);
	assert_int_equal(r->calls, 1);
	/* 0xcf9, by a byte. */
	out8(&r->f, 0xcf9, 0x02);
	assert_int_equal(in8(&r->f, 0xcf9), 0x02);
	assert_int_equal(r->calls, 1);
	out8(&r->f, 0xcf9, 0x06);
	assert_int_equal(r->calls, 2);
	out8(&r->f, 0xcf9, 0x0e);
	assert_int_equal(r->calls, 3);
	/* A PCI configuration address with 6 for a bus is no reset. */
	bus_write(r->f.bus, BUS_PIO, 0xcf8, 4, 0x80060600);
	bus_write(r->f.bus, BUS_PIO, 0xcf8, 2, 0x0600);
	assert_int_equal(r->calls, 3);
	/* And no PCI host answers. */
	assert_int_equal(bus_read(r->f.bus, BUS_PIO, 0xcf8, 4), 0xffffffff);
	assert_int_equal(bus_read(r->f.bus, BUS_PIO, 0xcfc, 4), 0xffffffff);
	assert_int_equal(in8(&r->f, 0xcf8), 0xff);
	resetctl_reset(c);
	assert_int_equal(in8(&r->f, 0xcf9), 0);
	resetctl_destroy(c);
	assert_int_equal(in8(&r->f, 0x92), 0xff);
}

/* ACPI fixed hardware */

#define PM	0x600

static struct pm *make_pm(struct rig *r)
{
	struct pm_config pc = { r->f.bus, r->f.loop, PM, &r->irq, count, r };
	struct pm *p = pm_create(&pc, NULL);

	assert_non_null(p);
	return p;
}

static uint32_t pm_in(struct rig *r, uint16_t offset, unsigned int size)
{
	return (uint32_t)bus_read(r->f.bus, BUS_PIO, PM + offset, size);
}

static void pm_out(struct rig *r, uint16_t offset, unsigned int size, uint32_t v)
{
	bus_write(r->f.bus, BUS_PIO, PM + offset, size, v);
}

static void test_pm_timer(void **state)
{
	struct rig *r = *state;
	struct pm *p = make_pm(r);
	uint64_t t0 = r->f.mono;

	assert_int_equal(pm_in(r, 8, 4), 0);
	fake_advance(&r->f, NSEC_PER_SEC);
	assert_int_equal(pm_in(r, 8, 4), 3579545);
	/* A byte at a time shows the same. */
	assert_int_equal(pm_in(r, 9, 1), 3579545 >> 8 & 0xff);
	assert_int_equal(pm_in(r, 10, 2), 3579545 >> 16);
	/* After 1200 s it has wrapped, to the tick. */
	fake_goto(&r->f, t0 + 1200 * NSEC_PER_SEC);
	assert_int_equal(pm_in(r, 8, 4), 1200ULL * 3579545 - (1ULL << 32));
	/* No drift over a year. */
	fake_goto(&r->f, t0 + 31536000ULL * NSEC_PER_SEC);
	assert_int_equal(pm_in(r, 8, 4), (uint32_t)(31536000ULL * 3579545));
	pm_destroy(p);
}

static void test_pm_timer_event(void **state)
{
	struct rig *r = *state;
	struct pm *p = make_pm(r);
	/* First ns with bit 31 set. */
	uint64_t half = ((1ULL << 31) * NSEC_PER_SEC + 3579544) / 3579545;
	uint64_t t0 = r->f.mono;

	pm_out(r, 2, 2, 1);
	fake_goto(&r->f, t0 + half - 1);
	assert_int_equal(pm_in(r, 0, 2), 0);
	assert_int_equal(r->line.rises, 0);
	fake_goto(&r->f, t0 + half);
	assert_int_equal(r->line.rises, 1);
	assert_int_equal(pm_in(r, 0, 2), 1);
	/* Written with 0 it stays, with 1 it goes, and the SCI with it. */
	pm_out(r, 0, 2, 0x0100);
	assert_true(r->line.level);
	pm_out(r, 0, 2, 0x0001);
	assert_false(r->line.level);
	assert_int_equal(pm_in(r, 0, 2), 0);
	/* Bit 31 falls: again. */
	fake_goto(&r->f, t0 + 2 * half);
	assert_int_equal(r->line.rises, 2);
	/* Disabled: the status comes, the SCI not. */
	pm_out(r, 0, 2, 1);
	pm_out(r, 2, 2, 0);
	fake_goto(&r->f, t0 + 3 * half);
	assert_int_equal(pm_in(r, 0, 2), 1);
	assert_int_equal(r->line.rises, 2);
	assert_true(evloop_next_deadline(r->f.loop) == UINT64_MAX);
	pm_destroy(p);
}

static void test_pm_button(void **state)
{
	struct rig *r = *state;
	struct pm *p = make_pm(r);

	assert_false(pm_power_button(p));
	assert_int_equal(pm_in(r, 0, 2), 0x100);
	assert_false(r->line.level);
	/* Enabling shows what is there. */
	pm_out(r, 2, 2, 0x100);
	assert_true(r->line.level);
	pm_out(r, 0, 2, 0x100);
	assert_false(r->line.level);
	assert_true(pm_power_button(p));
	assert_true(r->line.level);
	/* Enables that ACPICA checks stick; others do not exist. */
	pm_out(r, 2, 2, 0xffff);
	assert_int_equal(pm_in(r, 2, 2), 0x0721);
	pm_out(r, 4, 2, 3 << 10);
	pm_reset(p);
	assert_int_equal(pm_in(r, 0, 4), 0);
	assert_int_equal(pm_in(r, 4, 2), 1);
	assert_false(r->line.level);
	/* Destroyed: the line falls, the ports are gone. */
	pm_out(r, 2, 2, 0x101);
	pm_power_button(p);
	assert_true(r->line.level);
	pm_out(r, 0, 2, 0x100);
	pm_power_button(p);
	pm_destroy(p);
	assert_false(r->line.level);
	assert_int_equal(pm_in(r, 0, 4), 0xffffffff);
	assert_true(evloop_next_deadline(r->f.loop) == UINT64_MAX);
}

static void test_pm_control(void **state)
{
	static const struct {
		const char *name;
		uint16_t offset;
		unsigned int size;
		uint32_t value;
		unsigned int off;
		uint16_t sts;
	} rows[] = {
		{ "SLP_TYP alone", 4, 2, 5 << 10 | 1, 0, 0 },
		{ "S5", 4, 2, 5 << 10 | 1 << 13, 1, 0 },
		{ "S5 by the high byte", 5, 1, (5 << 10 | 1 << 13) >> 8, 1, 0 },
		{ "S5 by a dword", 4, 4, 5 << 10 | 1 << 13, 1, 0 },
		{ "another state wakes at once", 4, 2, 1 << 10 | 1 << 13, 0, 0x8000 },
	};
	struct rig *r = *state;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pm *p = make_pm(r);

		r->calls = 0;
		/* SCI_EN is always on: there is no SMI to switch it. */
		assert_int_equal(pm_in(r, 4, 2), 1);
		pm_out(r, rows[i].offset, rows[i].size, rows[i].value);
		if (r->calls != rows[i].off)
			fail_msg("%s: %u calls", rows[i].name, r->calls);
		/* SLP_EN is write-only. */
		assert_int_equal(pm_in(r, 4, 2), (rows[i].value <<
				 (rows[i].offset & 1 ? 8 : 0) & 0x1c00) | 1);
		assert_int_equal(pm_in(r, 0, 2), rows[i].sts);
		pm_destroy(p);
	}
}

/* Debug ports */

static void test_debug_exit(void **state)
{
	static const struct {
		uint16_t port;
		unsigned int size;
		uint32_t value, status;
	} rows[] = {
		{ 0xf4, 1, 0, 1 }, { 0xf4, 1, 0x10, 0x21 }, { 0xf4, 2, 0x1234, 0x2469 },
		{ 0xf4, 4, 0x80000001, 3 }, { 0xf5, 1, 7, 15 }, { 0xf6, 2, 7, 15 },
	};
	struct rig *r = *state;
	struct debug_exit_config dc = { r->f.bus, 0xf4, on_exit_status, r };
	struct debug_exit *d = debug_exit_create(&dc, NULL);
	struct err e = { "" };
	size_t i;

	assert_non_null(d);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		r->calls = 0;
		bus_write(r->f.bus, BUS_PIO, rows[i].port, rows[i].size, rows[i].value);
		assert_int_equal(r->calls, 1);
		assert_int_equal(r->status, rows[i].status);
	}
	/* Taken, and at the end of the space. */
	assert_null(debug_exit_create(&dc, &e));
	assert_non_null(strstr(e.msg, "debug-exit"));
	debug_exit_destroy(d);
	dc.port = 0xffff;
	d = debug_exit_create(&dc, NULL);
	assert_non_null(d);
	bus_write(r->f.bus, BUS_PIO, 0xffff, 1, 3);
	assert_int_equal(r->status, 7);
	debug_exit_destroy(d);
}

static void test_debugport(void **state)
{
	struct rig *r = *state;
	struct chardev_config cc = { r->f.loop, -1, -1, NULL, NULL };
	struct debugport_config dc = { r->f.bus, NULL };
	struct debugport *d = debugport_create(&dc, NULL);
	char buf[8];
	int p[2];

	assert_non_null(d);
	out8(&r->f, 0x80, 0xa5);
	assert_int_equal(in8(&r->f, 0x80), 0xa5);
	assert_int_equal(debugport_post_code(d), 0xa5);
	assert_int_equal(in8(&r->f, 0xe9), 0xff);
	debugport_destroy(d);

	assert_int_equal(pipe2(p, O_NONBLOCK), 0);
	cc.out_fd = p[1];
	dc.console = chardev_create(&cc, NULL);
	d = debugport_create(&dc, NULL);
	assert_int_equal(in8(&r->f, 0xe9), 0xe9);
	out8(&r->f, 0xe9, 'o');
	out8(&r->f, 0xe9, 'k');
	assert_int_equal(read(p[0], buf, sizeof(buf)), 2);
	assert_memory_equal(buf, "ok", 2);
	debugport_destroy(d);
	chardev_destroy(dc.console);
	close(p[0]);
	close(p[1]);
}

/* A device that cannot have all its ports gives back those it got. */
static void test_create_unwinds(void **state)
{
	static const struct bus_ops none = { NULL, NULL };
	struct rig *r = *state;
	struct i8042_config kc = { r->f.bus, &r->irq, count, r };
	struct resetctl_config rc = { r->f.bus, count, r };
	struct err e = { "" };
	struct i8042 *k;
	struct resetctl *c;

	bus_register(r->f.bus, &(struct bus_range){
		BUS_PIO, 0x64, 1, 1, &none, NULL, "first" }, NULL);
	bus_register(r->f.bus, &(struct bus_range){
		BUS_PIO, 0xcfc, 1, 1, &none, NULL, "second" }, NULL);
	assert_null(i8042_create(&kc, &e));
	assert_non_null(strstr(e.msg, "first"));
	assert_null(resetctl_create(&rc, &e));
	assert_non_null(strstr(e.msg, "second"));
	bus_unregister(r->f.bus, BUS_PIO, 0x64);
	bus_unregister(r->f.bus, BUS_PIO, 0xcfc);
	k = i8042_create(&kc, NULL);
	c = resetctl_create(&rc, NULL);
	assert_non_null(k);
	assert_non_null(c);
	i8042_destroy(k);
	resetctl_destroy(c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_i8042_commands),
		TEST(test_i8042_reset),
		TEST(test_keyboard),
		TEST(test_resetctl),
		TEST(test_pm_timer),
		TEST(test_pm_timer_event),
		TEST(test_pm_button),
		TEST(test_pm_control),
		TEST(test_debug_exit),
		TEST(test_debugport),
		TEST(test_create_unwinds),
	};

	return cmocka_run_group_tests_name("devices", tests, NULL, NULL);
}
