// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * 8042 keyboard controller and the keyboard at its end, after the IBM PS/2
 * Hardware Interface Technical Reference (1990), "Keyboard and Auxiliary
 * Device Controller". Nobody types: the keyboard answers commands only. There
 * is no auxiliary port.
 */
#include <stdlib.h>
#include <string.h>

#include "../bus.h"
#include "../irq.h"
#include "i8042.h"

#define DATA_PORT	0x60
#define COMMAND_PORT	0x64

#define STS_OBF		0x01
#define STS_SYS		0x04
#define STS_COMMAND	0x08	/* last write went to port 0x64 */
#define STS_UNLOCKED	0x10

#define CTR_IRQ1	0x01
#define CTR_SYS		0x04
#define CTR_KBD_OFF	0x10
#define CTR_AUX_OFF	0x20
#define CTR_TRANSLATE	0x40
#define CTR_DEFAULT	(CTR_IRQ1 | CTR_SYS | CTR_AUX_OFF | CTR_TRANSLATE)

#define OUT_RUN		0x01	/* 0 pulls the processor's RESET */
#define OUT_A20		0x02
#define OUT_OBF		0x10
#define OUT_DEFAULT	0xcf

#define KBD_ACK		0xfa
#define KBD_RESEND	0xfe
#define KBD_SELFTEST_OK	0xaa
#define KBD_FIFO	16

/* All that a snapshot needs. */
struct i8042_state {
	uint8_t ctr;
	uint8_t outport;
	uint8_t ram[32];	/* [0] is unused: the command byte is ctr */
	uint8_t pending;	/* command that waits for its data byte, or 0 */
	bool last_command;
	bool obf;
	uint8_t obuf;
	uint8_t kbd_pending;	/* keyboard command that waits for its byte */
	uint8_t kbd_last;
	uint8_t kbd_set;	/* scan code set */
	uint8_t kbd_head, kbd_len;
	uint8_t kbd[KBD_FIFO];
};

struct i8042 {
	struct i8042_config cfg;
	struct i8042_state s;
};

static void request_reset(struct i8042 *k)
{
	if (k->cfg.reset)
		k->cfg.reset(k->cfg.opaque);
}

static void update_irq(struct i8042 *k)
{
	irq_line_set(k->cfg.irq, k->s.obf && (k->s.ctr & CTR_IRQ1));
}

/* A byte of the controller's own; it goes before what the keyboard sends. */
static void put_out(struct i8042 *k, uint8_t byte)
{
	k->s.obuf = byte;
	k->s.obf = true;
}

static void kbd_send(struct i8042 *k, uint8_t byte)
{
	if (k->s.kbd_len == KBD_FIFO)
		return;
	k->s.kbd[(k->s.kbd_head + k->s.kbd_len) % KBD_FIFO] = byte;
	k->s.kbd_len++;
}

/*
 * Set 2 to set 1, for the bytes this keyboard sends: of those below 0x84 only
 * its ID and the numbers of the scan code sets occur.
 */
static uint8_t translate(uint8_t byte)
{
	switch (byte) {
	case 0x01:
		return 0x43;
	case 0x02:
		return 0x41;
	case 0x03:
		return 0x3f;
	case 0x83:
		return 0x41;
	default:
		return byte;
	}
}

/* Move the keyboard's next byte to the output buffer if both sides allow. */
static void kbd_shift(struct i8042 *k)
{
	uint8_t byte;

	if (k->s.obf || !k->s.kbd_len || (k->s.ctr & CTR_KBD_OFF))
		return;
	byte = k->s.kbd[k->s.kbd_head];
	k->s.kbd_head = (k->s.kbd_head + 1) % KBD_FIFO;
	k->s.kbd_len--;
	k->s.kbd_last = byte;
	put_out(k, k->s.ctr & CTR_TRANSLATE ? translate(byte) : byte);
}

static void kbd_argument(struct i8042 *k, uint8_t command, uint8_t value)
{
	kbd_send(k, KBD_ACK);
	if (command != 0xf0)
		return;
	if (!value)
		kbd_send(k, k->s.kbd_set);
	else if (value <= 3)
		k->s.kbd_set = value;
}

static void kbd_command(struct i8042 *k, uint8_t value)
{
	uint8_t pending = k->s.kbd_pending;

	/* A command ends what the keyboard still had to say. */
	k->s.kbd_len = 0;
	k->s.kbd_pending = 0;
	if (pending && value < 0xed) {
		kbd_argument(k, pending, value);
		return;
	}
	switch (value) {
	case 0xed:	/* LEDs */
	case 0xf0:	/* scan code set */
	case 0xf3:	/* typematic rate */
		k->s.kbd_pending = value;
		kbd_send(k, KBD_ACK);
		break;
	case 0xee:	/* echo */
		kbd_send(k, 0xee);
		break;
	case 0xf2:	/* identify */
		kbd_send(k, KBD_ACK);
		kbd_send(k, 0xab);
		kbd_send(k, 0x83);
		break;
	case 0xf4:	/* enable, disable, defaults, set-3 key modes */
	case 0xf5:
	case 0xf6:
	case 0xf7:
	case 0xf8:
	case 0xf9:
	case 0xfa:
		if (value == 0xf6)
			k->s.kbd_set = 2;
		kbd_send(k, KBD_ACK);
		break;
	case 0xfe:	/* resend */
		kbd_send(k, k->s.kbd_last);
		break;
	case 0xff:	/* reset */
		k->s.kbd_set = 2;
		kbd_send(k, KBD_ACK);
		kbd_send(k, KBD_SELFTEST_OK);
		break;
	default:
		kbd_send(k, KBD_RESEND);
		break;
	}
}

static void write_outport(struct i8042 *k, uint8_t value)
{
	k->s.outport = value;
	if (!(value & OUT_RUN))
		request_reset(k);
}

static uint8_t read_outport(const struct i8042 *k)
{
	/* A20 is never masked in this machine, and reads so. */
	return (uint8_t)((k->s.outport & ~OUT_OBF) | OUT_RUN | OUT_A20 |
			 (k->s.obf ? OUT_OBF : 0));
}

static void write_command(struct i8042 *k, uint8_t value)
{
	k->s.pending = 0;
	if (value >= 0xf0) {
		/* Pulse output lines whose bit is 0; line 0 is RESET. */
		if (!(value & OUT_RUN))
			request_reset(k);
		return;
	}
	if (value >= 0x20 && value <= 0x3f) {
		put_out(k, value == 0x20 ? k->s.ctr : k->s.ram[value & 31]);
		return;
	}
	if (value >= 0x60 && value <= 0x7f) {
		k->s.pending = value;
		return;
	}
	switch (value) {
	case 0xa4:	/* is a password there? no */
		put_out(k, 0xf1);
		break;
	case 0xa7:
		k->s.ctr |= CTR_AUX_OFF;
		break;
	case 0xa8:
		k->s.ctr &= (uint8_t)~CTR_AUX_OFF;
		break;
	case 0xa9:	/* test auxiliary port: clock line stuck low, none there */
		put_out(k, 0x01);
		break;
	case 0xaa:	/* self-test */
		k->s.ctr |= CTR_SYS;
		put_out(k, 0x55);
		break;
	case 0xab:	/* test keyboard port */
		put_out(k, 0x00);
		break;
	case 0xad:
		k->s.ctr |= CTR_KBD_OFF;
		break;
	case 0xae:
		k->s.ctr &= (uint8_t)~CTR_KBD_OFF;
		break;
	case 0xc0:	/* input port: keyboard not inhibited */
		put_out(k, 0x80);
		break;
	case 0xd0:
		put_out(k, read_outport(k));
		break;
	case 0xd1:	/* output port, output buffer, auxiliary loop, auxiliary */
	case 0xd2:
	case 0xd3:
	case 0xd4:
		k->s.pending = value;
		break;
	case 0xdd:	/* A20 off and on, of some clones */
	case 0xdf:
		break;
	case 0xe0:	/* test inputs: clock and data high */
		put_out(k, 0x03);
		break;
	}
}

static void write_data(struct i8042 *k, uint8_t value)
{
	uint8_t command = k->s.pending;

	k->s.pending = 0;
	if (!command) {
		/* Data for the keyboard enables its interface. */
		k->s.ctr &= (uint8_t)~CTR_KBD_OFF;
		kbd_command(k, value);
	} else if (command == 0x60) {
		k->s.ctr = value;
	} else if (command < 0x80) {
		k->s.ram[command & 31] = value;
	} else if (command == 0xd1) {
		write_outport(k, value);
	} else if (command == 0xd2 || command == 0xd3) {
		/*
		 * The loop-back comes as keyboard data, without the auxiliary
		 * flag: drivers see at once that there is no auxiliary port.
		 */
		put_out(k, value);
	}
}

static uint64_t data_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct i8042 *k = opaque;
	uint8_t value = k->s.obuf;

	(void)offset;
	(void)size;
	k->s.obf = false;
	update_irq(k);
	kbd_shift(k);
	update_irq(k);
	return value;
}

static void data_write(void *opaque, uint64_t offset, unsigned int size,
		       uint64_t value)
{
	struct i8042 *k = opaque;

	(void)offset;
	(void)size;
	k->s.last_command = false;
	write_data(k, (uint8_t)value);
	kbd_shift(k);
	update_irq(k);
}

static uint64_t command_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct i8042 *k = opaque;
	uint8_t value = STS_UNLOCKED;

	(void)offset;
	(void)size;
	if (k->s.obf)
		value |= STS_OBF;
	if (k->s.ctr & CTR_SYS)
		value |= STS_SYS;
	if (k->s.last_command)
		value |= STS_COMMAND;
	return value;
}

static void command_write(void *opaque, uint64_t offset, unsigned int size,
			  uint64_t value)
{
	struct i8042 *k = opaque;

	(void)offset;
	(void)size;
	k->s.last_command = true;
	write_command(k, (uint8_t)value);
	kbd_shift(k);
	update_irq(k);
}

static const struct bus_ops data_ops = {
	.read = data_read,
	.write = data_write,
};

static const struct bus_ops command_ops = {
	.read = command_read,
	.write = command_write,
};

void i8042_reset(struct i8042 *k)
{
	memset(&k->s, 0, sizeof(k->s));
	k->s.ctr = CTR_DEFAULT;
	k->s.outport = OUT_DEFAULT;
	k->s.kbd_set = 2;
	update_irq(k);
}

struct i8042 *i8042_create(const struct i8042_config *cfg, struct err *e)
{
	struct i8042 *k = calloc(1, sizeof(*k));
	const struct bus_range data = {
		BUS_PIO, DATA_PORT, 1, 1, &data_ops, k, "i8042 (data)",
	};
	const struct bus_range command = {
		BUS_PIO, COMMAND_PORT, 1, 1, &command_ops, k, "i8042 (command)",
	};

	if (!k) {
		err_set(e, "i8042: out of memory");
		return NULL;
	}
	k->cfg = *cfg;
	i8042_reset(k);
	if (bus_register(cfg->bus, &data, e) < 0)
		goto fail;
	if (bus_register(cfg->bus, &command, e) < 0)
		goto fail_data;
	return k;

fail_data:
	bus_unregister(cfg->bus, BUS_PIO, DATA_PORT);
fail:
	free(k);
	return NULL;
}

void i8042_destroy(struct i8042 *k)
{
	if (!k)
		return;
	bus_unregister(k->cfg.bus, BUS_PIO, DATA_PORT);
	bus_unregister(k->cfg.bus, BUS_PIO, COMMAND_PORT);
	irq_line_set(k->cfg.irq, false);
	free(k);
}
