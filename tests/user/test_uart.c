// SPDX-License-Identifier: GPL-2.0-or-later
/* 16550A: registers, FIFOs, interrupts, back-pressure both ways. */
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
#include "devices/uart16550.h"
#include "fake_clock.h"
#include "irq.h"

#define PORT	0x3f8
#define RBR	(PORT + 0)
#define THR	(PORT + 0)
#define IER	(PORT + 1)
#define IIR	(PORT + 2)
#define FCR	(PORT + 2)
#define LCR	(PORT + 3)
#define MCR	(PORT + 4)
#define LSR	(PORT + 5)
#define MSR	(PORT + 6)
#define SCR	(PORT + 7)

#define OUT2	0x08
#define LOOP	0x10

/* Four characters of 8N1 at 9600 baud, as the UART starts. */
#define TIMEOUT_NS	4166666ULL

struct rig {
	struct fake_machine f;
	struct fake_line line;
	struct irq_line irq;
	struct chardev *chardev;
	struct uart *uart;
	int in[2];		/* test writes in[1], the chardev reads in[0] */
	int out[2];		/* the chardev writes out[1] */
};

static int setup(void **state)
{
	static struct rig r;
	struct chardev_config cc = { 0 };
	struct uart_config uc = { 0 };

	memset(&r, 0, sizeof(r));
	fake_machine_init(&r.f);
	r.irq = (struct irq_line){ .set = fake_line_set, .opaque = &r.line };
	assert_int_equal(pipe(r.in), 0);
	assert_int_equal(pipe2(r.out, O_NONBLOCK), 0);
	cc.loop = r.f.loop;
	cc.in_fd = r.in[0];
	cc.out_fd = r.out[1];
	r.chardev = chardev_create(&cc, NULL);
	assert_non_null(r.chardev);
	uc.bus = r.f.bus;
	uc.loop = r.f.loop;
	uc.port = PORT;
	uc.irq = &r.irq;
	uc.chardev = r.chardev;
	r.uart = uart_create(&uc, NULL);
	assert_non_null(r.uart);
	out8(&r.f, MCR, OUT2);
	*state = &r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	uart_destroy(r->uart);
	chardev_destroy(r->chardev);
	close(r->in[0]);
	close(r->in[1]);
	close(r->out[0]);
	close(r->out[1]);
	fake_machine_deinit(&r->f);
	return 0;
}

static void feed(struct rig *r, const char *s)
{
	uart_receive(r->uart, (const uint8_t *)s, strlen(s));
}

static void test_register_reset_values(void **state)
{
	struct rig *r = *state;

	uart_reset(r->uart);
	assert_int_equal(in8(&r->f, IER), 0);
	assert_int_equal(in8(&r->f, IIR), 0x01);
	assert_int_equal(in8(&r->f, MCR), 0);
	assert_int_equal(in8(&r->f, LSR), 0x60);
	assert_int_equal(in8(&r->f, MSR), 0xb0);
	assert_int_equal(in8(&r->f, LCR), 0x03);
}

static void test_register_masks(void **state)
{
	static const struct {
		const char *name;
		uint16_t port;
		uint8_t write, read;
	} rows[] = {
		{ "SCR", SCR, 0xa5, 0xa5 },
		{ "SCR again", SCR, 0x5a, 0x5a },
		{ "IER keeps four bits", IER, 0xff, 0x0f },
		{ "MCR keeps five bits", MCR, 0xff, 0x1f },
		{ "LCR", LCR, 0x7f, 0x7f },
		{ "FIFO on", FCR, 0x01, 0xc1 },
		{ "FIFO off", FCR, 0x00, 0x01 },
		{ "bits without bit 0", FCR, 0xc0, 0x01 },
	};
	struct rig *r = *state;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uart_reset(r->uart);
		out8(&r->f, rows[i].port, rows[i].write);
		if (in8(&r->f, rows[i].port) != rows[i].read)
			fail_msg("%s", rows[i].name);
	}
	/* DLAB puts the divisor over RBR and IER, and keeps it apart. */
	uart_reset(r->uart);
	out8(&r->f, IER, 0x05);
	out8(&r->f, LCR, 0x83);
	out8(&r->f, PORT, 0x34);
	out8(&r->f, PORT + 1, 0x12);
	assert_int_equal(in8(&r->f, PORT), 0x34);
	assert_int_equal(in8(&r->f, PORT + 1), 0x12);
	out8(&r->f, LCR, 0x03);
	assert_int_equal(in8(&r->f, IER), 0x05);
	assert_int_equal(in8(&r->f, LSR), 0x60);
}

static void test_transmit(void **state)
{
	struct rig *r = *state;
	char buf[8];

	out8(&r->f, THR, 'h');
	out8(&r->f, THR, 'i');
	assert_int_equal(read(r->out[0], buf, sizeof(buf)), 2);
	assert_memory_equal(buf, "hi", 2);
	assert_int_equal(in8(&r->f, LSR), 0x60);
	assert_int_equal(r->line.rises, 0);
}

/* What Linux, NetBSD and others test at probe and rely on when sending. */
static void test_thre_interrupt(void **state)
{
	struct rig *r = *state;

	/* Enabling with an empty THR interrupts. */
	out8(&r->f, IER, 0x02);
	assert_true(r->line.level);
	/* Reading IIR takes it. */
	assert_int_equal(in8(&r->f, IIR), 0x02);
	assert_false(r->line.level);
	assert_int_equal(in8(&r->f, IIR), 0x01);
	/* Enabled already: no new one. */
	out8(&r->f, IER, 0x02);
	assert_int_equal(in8(&r->f, IIR), 0x01);
	/* Off and on again: a new one. */
	out8(&r->f, IER, 0x00);
	out8(&r->f, IER, 0x02);
	assert_true(r->line.level);
	/* Writing THR takes it too, and sending brings the next. */
	out8(&r->f, THR, 'x');
	assert_true(r->line.level);
	assert_int_equal(in8(&r->f, IIR), 0x02);
	out8(&r->f, THR, 'y');
	assert_int_equal(in8(&r->f, IIR), 0x02);
	/* Masked: pending but not shown, and still there afterwards. */
	out8(&r->f, THR, 'z');
	out8(&r->f, IER, 0x00);
	assert_false(r->line.level);
	assert_int_equal(in8(&r->f, IIR), 0x01);
	out8(&r->f, IER, 0x02);
	assert_int_equal(in8(&r->f, IIR), 0x02);
	/* An IIR read that shows another cause does not take THRE. */
	out8(&r->f, IER, 0x00);
	out8(&r->f, IER, 0x03);
	feed(r, "a");
	assert_int_equal(in8(&r->f, IIR), 0x04);
	assert_int_equal(in8(&r->f, RBR), 'a');
	assert_int_equal(in8(&r->f, IIR), 0x02);
}

static void test_priorities(void **state)
{
	struct rig *r = *state;

	/* Modem status, THRE, data and line status at once. */
	out8(&r->f, MCR, OUT2 | LOOP | 0x02);
	out8(&r->f, MCR, OUT2);
	in8(&r->f, LSR);
	uart_receive_break(r->uart);
	out8(&r->f, IER, 0x0f);
	assert_int_equal(in8(&r->f, IIR), 0x06);
	assert_int_equal(in8(&r->f, LSR), 0x71);
	assert_int_equal(in8(&r->f, IIR), 0x04);
	in8(&r->f, RBR);
	assert_int_equal(in8(&r->f, IIR), 0x02);
	assert_int_equal(in8(&r->f, IIR), 0x00);
	assert_true(r->line.level);
	in8(&r->f, MSR);
	assert_int_equal(in8(&r->f, IIR), 0x01);
	assert_false(r->line.level);
}

static void test_out2_gates(void **state)
{
	struct rig *r = *state;

	out8(&r->f, MCR, 0);
	out8(&r->f, IER, 0x01);
	feed(r, "a");
	assert_int_equal(in8(&r->f, IIR), 0x04);
	assert_false(r->line.level);
	out8(&r->f, MCR, OUT2);
	assert_true(r->line.level);
	out8(&r->f, MCR, OUT2 | LOOP);
	assert_false(r->line.level);
}

static void test_trigger_levels(void **state)
{
	static const unsigned int levels[] = { 1, 4, 8, 14 };
	struct rig *r = *state;
	unsigned int i, n;

	for (i = 0; i < 4; i++) {
		uart_reset(r->uart);
		out8(&r->f, MCR, OUT2);
		out8(&r->f, IER, 0x01);
		out8(&r->f, FCR, (uint8_t)(i << 6 | 1));
		for (n = 1; n <= 16; n++) {
			feed(r, "x");
			if (r->line.level != (n >= levels[i]))
				fail_msg("level %u: interrupt %d at %u bytes",
					 levels[i], r->line.level, n);
		}
		/* Falls below the level: the interrupt goes. */
		for (n = 16; n >= levels[i]; n--)
			in8(&r->f, RBR);
		assert_false(r->line.level);
	}
}

static void test_timeout(void **state)
{
	struct rig *r = *state;
	unsigned int i;

	out8(&r->f, IER, 0x01);
	out8(&r->f, FCR, 0xc1);
	feed(r, "ab");
	fake_advance(&r->f, TIMEOUT_NS - 1000);
	assert_false(r->line.level);
	/* Another byte starts the time anew. */
	feed(r, "c");
	fake_advance(&r->f, TIMEOUT_NS - 1000);
	assert_false(r->line.level);
	fake_advance(&r->f, 2000);
	assert_true(r->line.level);
	assert_int_equal(in8(&r->f, IIR), 0xcc);
	/* Reading a byte takes it, and starts the time anew. */
	in8(&r->f, RBR);
	assert_false(r->line.level);
	assert_int_equal(in8(&r->f, IIR), 0xc1);
	fake_advance(&r->f, TIMEOUT_NS + 1000);
	assert_int_equal(in8(&r->f, IIR), 0xcc);
	for (i = 0; i < 2; i++)
		in8(&r->f, RBR);
	/* Empty: none. */
	fake_advance(&r->f, 10 * TIMEOUT_NS);
	assert_false(r->line.level);

	/* The programmed rate counts: 115200 is twelve times as fast. */
	out8(&r->f, LCR, 0x83);
	out8(&r->f, PORT, 1);
	out8(&r->f, LCR, 0x03);
	feed(r, "a");
	fake_advance(&r->f, TIMEOUT_NS / 12 + 1000);
	assert_true(r->line.level);
	/* Clearing the FIFO takes it. */
	out8(&r->f, FCR, 0xc3);
	assert_false(r->line.level);
	/* Without FIFO there is no timeout. */
	out8(&r->f, FCR, 0);
	feed(r, "a");
	assert_int_equal(in8(&r->f, IIR), 0x04);
	in8(&r->f, RBR);
	assert_int_equal(evloop_next_deadline(r->f.loop), UINT64_MAX);
}

static void test_overrun(void **state)
{
	struct rig *r = *state;
	unsigned int i;

	out8(&r->f, IER, 0x04);
	/* Without FIFO the last byte wins. */
	feed(r, "ab");
	assert_true(r->line.level);
	assert_int_equal(in8(&r->f, LSR), 0x63);
	assert_false(r->line.level);
	assert_int_equal(in8(&r->f, LSR), 0x61);
	assert_int_equal(in8(&r->f, RBR), 'b');
	/* With it the first sixteen do. */
	out8(&r->f, FCR, 0x07);
	feed(r, "0123456789abcdefXY");
	assert_int_equal(in8(&r->f, LSR) & 0x02, 0x02);
	for (i = 0; i < 16; i++)
		assert_int_equal(in8(&r->f, RBR), "0123456789abcdef"[i]);
	assert_int_equal(in8(&r->f, LSR), 0x60);
	assert_int_equal(in8(&r->f, RBR), 0);
}

static void test_break_in_fifo(void **state)
{
	struct rig *r = *state;

	out8(&r->f, FCR, 0x01);
	feed(r, "a");
	uart_receive_break(r->uart);
	feed(r, "b");
	/* In the FIFO, not yet at its head. */
	assert_int_equal(in8(&r->f, LSR), 0xe1);
	assert_int_equal(in8(&r->f, RBR), 'a');
	assert_int_equal(in8(&r->f, LSR), 0xf1);
	assert_int_equal(in8(&r->f, LSR), 0x61);
	assert_int_equal(in8(&r->f, RBR), 0);
	assert_int_equal(in8(&r->f, RBR), 'b');
}

static void test_loopback(void **state)
{
	static const struct {
		uint8_t mcr, lines;
	} rows[] = {
		{ 0x00, 0x00 }, { 0x01, 0x20 }, { 0x02, 0x10 },
		{ 0x04, 0x40 }, { 0x08, 0x80 }, { 0x0f, 0xf0 },
	};
	struct rig *r = *state;
	char buf[4];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		out8(&r->f, MCR, LOOP | rows[i].mcr);
		if ((in8(&r->f, MSR) & 0xf0) != rows[i].lines)
			fail_msg("MCR 0x%02x", rows[i].mcr);
	}
	out8(&r->f, MCR, LOOP);
	in8(&r->f, RBR);
	out8(&r->f, THR, 0x5a);
	assert_int_equal(in8(&r->f, LSR), 0x61);
	assert_int_equal(in8(&r->f, RBR), 0x5a);
	assert_int_equal(in8(&r->f, LSR), 0x60);
	/* Nothing leaves, nothing comes in. */
	assert_int_equal(read(r->out[0], buf, sizeof(buf)), -1);
	assert_int_equal(uart_room(r->uart), 0);
	feed(r, "x");
	assert_int_equal(in8(&r->f, LSR), 0x60);
}

static void test_modem_deltas(void **state)
{
	struct rig *r = *state;

	out8(&r->f, MCR, LOOP);
	in8(&r->f, MSR);
	out8(&r->f, MCR, LOOP | 0x02);
	assert_int_equal(in8(&r->f, MSR), 0x11);
	assert_int_equal(in8(&r->f, MSR), 0x10);
	out8(&r->f, MCR, LOOP);
	assert_int_equal(in8(&r->f, MSR), 0x01);
	/* Ring: its trailing edge only. */
	out8(&r->f, MCR, LOOP | 0x04);
	assert_int_equal(in8(&r->f, MSR), 0x40);
	out8(&r->f, MCR, LOOP);
	assert_int_equal(in8(&r->f, MSR), 0x04);
}

/* The far end takes nothing: THRE falls, nobody waits, nothing is lost. */
static void test_output_backpressure(void **state)
{
	struct rig *r = *state;
	uint8_t buf[4096], want = 0;
	unsigned int written = 0, got = 0, edges;
	ssize_t n;
	int i;

	out8(&r->f, FCR, 0x01);
	while (in8(&r->f, LSR) & 0x20) {
		out8(&r->f, THR, (uint8_t)written++);
		assert_true(written < 10 << 20);
	}
	assert_int_equal(in8(&r->f, LSR) & 0x60, 0);
	for (i = 0; i < 15; i++)
		out8(&r->f, THR, (uint8_t)written++);
	/* The FIFO is full: one more is dropped, as on the chip. */
	out8(&r->f, THR, 0xee);
	out8(&r->f, IER, 0x02);
	assert_false(r->line.level);

	edges = r->line.rises;
	while (got < written) {
		while ((n = read(r->out[0], buf, sizeof(buf))) > 0) {
			for (i = 0; i < n; i++)
				if (buf[i] != want++)
					fail_msg("byte %u", got + i);
			got += (unsigned int)n;
		}
		evloop_run_once(r->f.loop, 0);
	}
	assert_int_equal(got, written);
	assert_int_equal(in8(&r->f, LSR), 0x60);
	assert_int_equal(r->line.rises, edges + 1);
	assert_int_equal(in8(&r->f, IIR), 0xc2);
}

/* The guest reads slowly: the pipe's writer has to wait, nothing is lost. */
static void test_input_flow_control(void **state)
{
	struct rig *r = *state;
	static uint8_t data[20000];
	size_t sent = 0, got = 0, i;
	ssize_t n;

	for (i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / 256);
	fcntl(r->in[1], F_SETFL, O_NONBLOCK);
	fcntl(r->in[1], F_SETPIPE_SZ, 4096);
	out8(&r->f, FCR, 0x01);

	/* Not read at all: what the chardev takes off the pipe has an end. */
	for (i = 0; i < 1000; i++) {
		n = write(r->in[1], data + sent, sizeof(data) - sent);
		if (n > 0)
			sent += (size_t)n;
		evloop_run_once(r->f.loop, 0);
	}
	assert_true(sent < sizeof(data) / 2);
	assert_int_equal(in8(&r->f, LSR) & 0x03, 0x01);

	while (got < sizeof(data)) {
		if (in8(&r->f, LSR) & 0x01) {
			if (in8(&r->f, RBR) != data[got])
				fail_msg("byte %zu", got);
			got++;
			continue;
		}
		n = write(r->in[1], data + sent, sizeof(data) - sent);
		if (n > 0)
			sent += (size_t)n;
		evloop_run_once(r->f.loop, 0);
	}
	assert_int_equal(in8(&r->f, LSR), 0x60);
}

/* Twenty bytes through sixteen places: the rest follows as there is room. */
static void test_input_follows_room(void **state)
{
	struct rig *r = *state;
	unsigned int i;

	out8(&r->f, FCR, 0x01);
	assert_int_equal(write(r->in[1], "0123456789abcdefghij", 20), 20);
	evloop_run_once(r->f.loop, 0);
	for (i = 0; i < 20; i++) {
		assert_int_equal(in8(&r->f, LSR) & 0x03, 0x01);
		assert_int_equal(in8(&r->f, RBR), "0123456789abcdefghij"[i]);
	}
	assert_int_equal(in8(&r->f, LSR) & 0x03, 0);
	/* Clearing the receiver makes room, too. */
	assert_int_equal(write(r->in[1], "0123456789abcdefghij", 20), 20);
	evloop_run_once(r->f.loop, 0);
	out8(&r->f, FCR, 0x03);
	assert_int_equal(in8(&r->f, RBR), 'g');
	/* And so do the end of loopback, and a reset. */
	out8(&r->f, FCR, 0x03);
	out8(&r->f, MCR, LOOP);
	assert_int_equal(write(r->in[1], "xyz", 3), 3);
	evloop_run_once(r->f.loop, 0);
	assert_int_equal(in8(&r->f, LSR) & 0x01, 0);
	out8(&r->f, MCR, OUT2);
	assert_int_equal(in8(&r->f, RBR), 'x');
	out8(&r->f, MCR, LOOP);
	assert_int_equal(write(r->in[1], "123", 3), 3);
	evloop_run_once(r->f.loop, 0);
	uart_reset(r->uart);
	assert_int_equal(in8(&r->f, RBR), '1');
}

static void test_clear_transmitter(void **state)
{
	struct rig *r = *state;
	uint8_t buf[4096];
	unsigned int got = 0, written = 0;
	ssize_t n;

	out8(&r->f, FCR, 0x01);
	while (in8(&r->f, LSR) & 0x20) {
		out8(&r->f, THR, 'a');
		written++;
	}
	out8(&r->f, THR, 'b');
	out8(&r->f, IER, 0x02);
	assert_false(r->line.level);
	/* What is in the FIFO is gone, and the interrupt says so. */
	out8(&r->f, FCR, 0x05);
	assert_true(r->line.level);
	assert_int_equal(in8(&r->f, IIR), 0xc2);
	assert_int_equal(in8(&r->f, LSR), 0x60);
	while (got < written - 1) {
		while ((n = read(r->out[0], buf, sizeof(buf))) > 0) {
			assert_null(memchr(buf, 'b', (size_t)n));
			got += (unsigned int)n;
		}
		evloop_run_once(r->f.loop, 0);
	}
	assert_int_equal(got, written - 1);
	/* Nothing more follows, and nothing is left over. */
	out8(&r->f, THR, 'c');
	assert_int_equal(read(r->out[0], buf, sizeof(buf)), 1);
	assert_int_equal(buf[0], 'c');
}

static void test_reset_and_destroy_release_the_line(void **state)
{
	struct rig *r = *state;
	struct uart_config uc = { .bus = r->f.bus, .loop = r->f.loop, .port = PORT };

	out8(&r->f, IER, 0x01);
	out8(&r->f, FCR, 0x81);
	feed(r, "12345678");
	assert_true(r->line.level);
	uart_reset(r->uart);
	assert_false(r->line.level);
	assert_int_equal(in8(&r->f, LSR), 0x60);
	assert_true(evloop_next_deadline(r->f.loop) == UINT64_MAX);

	out8(&r->f, MCR, OUT2);
	out8(&r->f, IER, 0x01);
	out8(&r->f, FCR, 0x01);
	feed(r, "1");
	uart_destroy(r->uart);
	assert_false(r->line.level);
	assert_true(evloop_next_deadline(r->f.loop) == UINT64_MAX);
	assert_int_equal(in8(&r->f, LSR), 0xff);
	/* Detached: input of the old chardev reaches nobody. */
	assert_int_equal(write(r->in[1], "xyz", 3), 3);
	evloop_run_once(r->f.loop, 0);
	/* No chardev: no terminal at the other end, output vanishes. */
	r->uart = uart_create(&uc, NULL);
	assert_non_null(r->uart);
	assert_int_equal(in8(&r->f, MSR), 0x00);
	out8(&r->f, THR, 'x');
	assert_int_equal(in8(&r->f, LSR), 0x60);
}

static void test_create_refuses_taken_ports(void **state)
{
	struct rig *r = *state;
	struct uart_config uc = { .bus = r->f.bus, .loop = r->f.loop, .port = PORT };
	struct err e = { "" };

	assert_null(uart_create(&uc, &e));
	assert_non_null(strstr(e.msg, "overlaps"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_register_reset_values),
		TEST(test_register_masks),
		TEST(test_transmit),
		TEST(test_thre_interrupt),
		TEST(test_priorities),
		TEST(test_out2_gates),
		TEST(test_trigger_levels),
		TEST(test_timeout),
		TEST(test_overrun),
		TEST(test_break_in_fifo),
		TEST(test_loopback),
		TEST(test_modem_deltas),
		TEST(test_output_backpressure),
		TEST(test_input_flow_control),
		TEST(test_input_follows_room),
		TEST(test_clear_transmitter),
		TEST(test_reset_and_destroy_release_the_line),
		TEST(test_create_refuses_taken_ports),
	};

	return cmocka_run_group_tests_name("uart", tests, NULL, NULL);
}
