// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * 16550A UART, after the PC16550D data sheet (National Semiconductor, 1995)
 * and the PC's board wiring: OUT2 gates the interrupt.
 *
 * Bytes move at the speed of the other end, not at the programmed rate; the
 * rate only times the receive timeout.
 */
#include <stdlib.h>
#include <string.h>

#include "../bus.h"
#include "../chardev.h"
#include "../evloop.h"
#include "../irq.h"
#include "uart16550.h"

#define FIFO_SIZE	16
#define CLOCK_HZ	1843200ULL

enum { /* registers; DLAB picks DLL and DLM at 0 and 1 */
	REG_RBR_THR = 0,
	REG_IER = 1,
	REG_IIR_FCR = 2,
	REG_LCR = 3,
	REG_MCR = 4,
	REG_LSR = 5,
	REG_MSR = 6,
	REG_SCR = 7,
};

#define IER_RDA		0x01
#define IER_THRE	0x02
#define IER_RLS		0x04
#define IER_MSI		0x08
#define IER_MASK	0x0f

#define IIR_NONE	0x01
#define IIR_MSI		0x00
#define IIR_THRE	0x02
#define IIR_RDA		0x04
#define IIR_RLS		0x06
#define IIR_CTI		0x0c
#define IIR_FIFO	0xc0

#define FCR_ENABLE	0x01
#define FCR_CLEAR_RX	0x02
#define FCR_CLEAR_TX	0x04
#define FCR_KEEP	0xc9	/* enable, DMA mode, trigger */

#define LCR_WLS		0x03
#define LCR_STB		0x04
#define LCR_PEN		0x08
#define LCR_DLAB	0x80

#define MCR_DTR		0x01
#define MCR_RTS		0x02
#define MCR_OUT1	0x04
#define MCR_OUT2	0x08
#define MCR_LOOP	0x10
#define MCR_MASK	0x1f

#define LSR_DR		0x01
#define LSR_OE		0x02
#define LSR_BI		0x10
#define LSR_THRE	0x20
#define LSR_TEMT	0x40
#define LSR_FIFO_ERR	0x80
#define LSR_ERRORS	0x1e

#define MSR_CTS		0x10
#define MSR_DSR		0x20
#define MSR_RI		0x40
#define MSR_DCD		0x80
#define MSR_TERI	0x04
#define MSR_LINES	0xf0

/* All that a snapshot needs. */
struct uart_state {
	uint8_t ier, fcr, lcr, mcr, scr, dll, dlm;
	uint8_t errors;			/* LSR_ERRORS not yet read */
	uint8_t msr;			/* lines and deltas */
	bool thre_pending;		/* THRE interrupt not yet taken */
	bool timeout;			/* character timeout indication */
	uint8_t rx_head, rx_len;
	uint8_t tx_head, tx_len;
	uint8_t rx[FIFO_SIZE];
	uint8_t rx_err[FIFO_SIZE];	/* LSR bits that come with the byte */
	uint8_t tx[FIFO_SIZE];
};

struct uart {
	struct uart_config cfg;
	struct evtimer timeout_timer;
	struct uart_state s;
};

static bool fifo_on(const struct uart *u)
{
	return u->s.fcr & FCR_ENABLE;
}

static unsigned int fifo_depth(const struct uart *u)
{
	return fifo_on(u) ? FIFO_SIZE : 1;
}

static unsigned int rx_trigger(const struct uart *u)
{
	static const uint8_t levels[4] = { 1, 4, 8, 14 };

	return fifo_on(u) ? levels[u->s.fcr >> 6] : 1;
}

/* Four character times (data sheet 8.5, FIFO interrupt mode operation). */
static uint64_t timeout_ns(const struct uart *u)
{
	uint64_t divisor = u->s.dll | u->s.dlm << 8;
	uint64_t bits = 2 + 5 + (u->s.lcr & LCR_WLS);

	if (u->s.lcr & LCR_STB)
		bits++;
	if (u->s.lcr & LCR_PEN)
		bits++;
	if (!divisor)
		divisor = 1;
	return 4 * bits * divisor * 16 * NSEC_PER_SEC / CLOCK_HZ;
}

/* Highest-priority interrupt, data sheet table IV. */
static uint8_t iir_cause(const struct uart *u)
{
	if ((u->s.ier & IER_RLS) && u->s.errors)
		return IIR_RLS;
	if (u->s.ier & IER_RDA) {
		if (u->s.rx_len >= rx_trigger(u))
			return IIR_RDA;
		if (u->s.timeout)
			return IIR_CTI;
	}
	if ((u->s.ier & IER_THRE) && u->s.thre_pending)
		return IIR_THRE;
	if ((u->s.ier & IER_MSI) && (u->s.msr & ~MSR_LINES))
		return IIR_MSI;
	return IIR_NONE;
}

/*
 * In loopback the OUT2 pin is inactive whatever its bit says (data sheet 8.6),
 * and with it the board's interrupt driver.
 */
static void update_irq(struct uart *u)
{
	bool gate = (u->s.mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;

	irq_line_set(u->cfg.irq, gate && iir_cause(u) != IIR_NONE);
}

/* Modem inputs: a ready terminal, or our own outputs in loopback. */
static uint8_t msr_lines(const struct uart *u)
{
	uint8_t lines = 0;

	if (!(u->s.mcr & MCR_LOOP))
		return u->cfg.chardev ? MSR_CTS | MSR_DSR | MSR_DCD : 0;
	if (u->s.mcr & MCR_RTS)
		lines |= MSR_CTS;
	if (u->s.mcr & MCR_DTR)
		lines |= MSR_DSR;
	if (u->s.mcr & MCR_OUT1)
		lines |= MSR_RI;
	if (u->s.mcr & MCR_OUT2)
		lines |= MSR_DCD;
	return lines;
}

static void update_msr(struct uart *u)
{
	uint8_t old = u->s.msr & MSR_LINES, lines = msr_lines(u);
	uint8_t delta = (old ^ lines) >> 4;

	/* Ring shows its trailing edge only. */
	delta &= (uint8_t)~MSR_TERI;
	if ((old & MSR_RI) && !(lines & MSR_RI))
		delta |= MSR_TERI;
	u->s.msr = lines | (u->s.msr & ~MSR_LINES) | delta;
}

/* Errors of a byte show in LSR once it is the next to be read. */
static void rx_expose_head(struct uart *u)
{
	if (!u->s.rx_len)
		return;
	u->s.errors |= u->s.rx_err[u->s.rx_head];
	u->s.rx_err[u->s.rx_head] = 0;
}

static void rx_restart_timeout(struct uart *u)
{
	u->s.timeout = false;
	if (fifo_on(u) && u->s.rx_len)
		evtimer_arm(&u->timeout_timer,
			    evloop_now(u->cfg.loop) + timeout_ns(u));
	else
		evtimer_cancel(&u->timeout_timer);
}

static void rx_push(struct uart *u, uint8_t byte, uint8_t err)
{
	unsigned int i;

	if (u->s.rx_len >= fifo_depth(u)) {
		u->s.errors |= LSR_OE;
		/* Without FIFO the new byte replaces the old one. */
		if (fifo_on(u))
			return;
		u->s.rx_len = 0;
	}
	i = (u->s.rx_head + u->s.rx_len) % FIFO_SIZE;
	u->s.rx[i] = byte;
	u->s.rx_err[i] = err;
	u->s.rx_len++;
	if (u->s.rx_len == 1)
		rx_expose_head(u);
	rx_restart_timeout(u);
}

static void rx_clear(struct uart *u)
{
	u->s.rx_len = 0;
	u->s.rx_head = 0;
	memset(u->s.rx_err, 0, sizeof(u->s.rx_err));
	rx_restart_timeout(u);
}

static void tx_clear(struct uart *u)
{
	u->s.tx_len = 0;
	u->s.tx_head = 0;
}

/* Shift out what the far end takes; the rest stays, and THRE stays clear. */
static void tx_flush(struct uart *u)
{
	bool was_busy = u->s.tx_len;

	while (u->s.tx_len) {
		size_t n = FIFO_SIZE - u->s.tx_head;
		ssize_t done;

		if (n > u->s.tx_len)
			n = u->s.tx_len;
		if (u->s.mcr & MCR_LOOP) {
			rx_push(u, u->s.tx[u->s.tx_head], 0);
			done = 1;
		} else {
			done = chardev_write(u->cfg.chardev,
					     u->s.tx + u->s.tx_head, n);
			if (done <= 0)
				break;
		}
		u->s.tx_head = (u->s.tx_head + done) % FIFO_SIZE;
		u->s.tx_len -= done;
	}
	if (was_busy && !u->s.tx_len)
		u->s.thre_pending = true;
}

static void write_thr(struct uart *u, uint8_t value)
{
	u->s.thre_pending = false;
	if (u->s.tx_len >= fifo_depth(u)) {
		/* Full: without FIFO the holding register is overwritten. */
		if (!fifo_on(u))
			u->s.tx[u->s.tx_head] = value;
	} else {
		u->s.tx[(u->s.tx_head + u->s.tx_len) % FIFO_SIZE] = value;
		u->s.tx_len++;
	}
	tx_flush(u);
}

static uint8_t read_rbr(struct uart *u)
{
	uint8_t value;

	if (!u->s.rx_len)
		return 0;
	value = u->s.rx[u->s.rx_head];
	u->s.rx_head = (u->s.rx_head + 1) % FIFO_SIZE;
	u->s.rx_len--;
	rx_expose_head(u);
	rx_restart_timeout(u);
	return value;
}

static uint8_t read_lsr(struct uart *u)
{
	uint8_t lsr = u->s.errors;
	unsigned int i;

	if (u->s.rx_len)
		lsr |= LSR_DR;
	if (!u->s.tx_len)
		lsr |= LSR_THRE | LSR_TEMT;
	if (fifo_on(u)) {
		if (u->s.errors & ~LSR_OE)
			lsr |= LSR_FIFO_ERR;
		for (i = 0; i < u->s.rx_len; i++)
			if (u->s.rx_err[(u->s.rx_head + i) % FIFO_SIZE])
				lsr |= LSR_FIFO_ERR;
	}
	u->s.errors = 0;
	return lsr;
}

static uint8_t read_iir(struct uart *u)
{
	uint8_t cause = iir_cause(u);

	/* Reading IIR is what takes the THRE interrupt, if it is the one shown. */
	if (cause == IIR_THRE)
		u->s.thre_pending = false;
	return cause | (fifo_on(u) ? IIR_FIFO : 0);
}

static void write_ier(struct uart *u, uint8_t value)
{
	value &= IER_MASK;
	/* Enabling with an empty THR interrupts at once: drivers start so. */
	if ((value & ~u->s.ier & IER_THRE) && !u->s.tx_len)
		u->s.thre_pending = true;
	u->s.ier = value;
}

static void write_fcr(struct uart *u, uint8_t value)
{
	bool switched = (value ^ u->s.fcr) & FCR_ENABLE;

	/* Bit 0 must be 1 when others are written, or they are not programmed. */
	if (!(value & FCR_ENABLE))
		value = 0;
	if (switched || (value & FCR_CLEAR_RX))
		rx_clear(u);
	if (switched || (value & FCR_CLEAR_TX)) {
		bool was_busy = u->s.tx_len;

		tx_clear(u);
		if (was_busy)
			u->s.thre_pending = true;
	}
	u->s.fcr = value & FCR_KEEP;
	rx_restart_timeout(u);
}

static uint64_t uart_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct uart *u = opaque;
	bool dlab = u->s.lcr & LCR_DLAB;
	uint8_t value = 0;

	(void)size;
	switch (offset) {
	case REG_RBR_THR:
		value = dlab ? u->s.dll : read_rbr(u);
		break;
	case REG_IER:
		value = dlab ? u->s.dlm : u->s.ier;
		break;
	case REG_IIR_FCR:
		value = read_iir(u);
		break;
	case REG_LCR:
		value = u->s.lcr;
		break;
	case REG_MCR:
		value = u->s.mcr;
		break;
	case REG_LSR:
		value = read_lsr(u);
		break;
	case REG_MSR:
		value = u->s.msr;
		u->s.msr &= MSR_LINES;
		break;
	case REG_SCR:
		value = u->s.scr;
		break;
	}
	update_irq(u);
	if (offset == REG_RBR_THR && !dlab)
		chardev_kick_input(u->cfg.chardev);
	return value;
}

static void uart_write(void *opaque, uint64_t offset, unsigned int size,
		       uint64_t value)
{
	struct uart *u = opaque;
	bool dlab = u->s.lcr & LCR_DLAB;
	uint8_t v = (uint8_t)value;

	(void)size;
	switch (offset) {
	case REG_RBR_THR:
		if (dlab)
			u->s.dll = v;
		else
			write_thr(u, v);
		break;
	case REG_IER:
		if (dlab)
			u->s.dlm = v;
		else
			write_ier(u, v);
		break;
	case REG_IIR_FCR:
		write_fcr(u, v);
		break;
	case REG_LCR:
		u->s.lcr = v;
		break;
	case REG_MCR:
		u->s.mcr = v & MCR_MASK;
		update_msr(u);
		tx_flush(u);
		break;
	case REG_SCR:
		u->s.scr = v;
		break;
	}
	update_irq(u);
	/* These make room, or connect the receiver again. */
	if (offset == REG_IIR_FCR || offset == REG_MCR)
		chardev_kick_input(u->cfg.chardev);
}

static const struct bus_ops uart_ops = {
	.read = uart_read,
	.write = uart_write,
};

static void timeout_expired(void *opaque, uint64_t now_ns)
{
	struct uart *u = opaque;

	(void)now_ns;
	if (fifo_on(u) && u->s.rx_len)
		u->s.timeout = true;
	update_irq(u);
}

size_t uart_room(const struct uart *u)
{
	/* In loopback the line is disconnected from the receiver. */
	if (u->s.mcr & MCR_LOOP)
		return 0;
	return fifo_depth(u) - u->s.rx_len;
}

void uart_receive(struct uart *u, const uint8_t *buf, size_t len)
{
	size_t i;

	if (u->s.mcr & MCR_LOOP)
		return;
	for (i = 0; i < len; i++)
		rx_push(u, buf[i], 0);
	update_irq(u);
}

void uart_receive_break(struct uart *u)
{
	if (u->s.mcr & MCR_LOOP)
		return;
	rx_push(u, 0, LSR_BI);
	update_irq(u);
}

static size_t fe_room(void *opaque)
{
	return uart_room(opaque);
}

static void fe_receive(void *opaque, const uint8_t *buf, size_t len)
{
	uart_receive(opaque, buf, len);
}

static void fe_writable(void *opaque)
{
	struct uart *u = opaque;

	tx_flush(u);
	update_irq(u);
}

static void set_reset_state(struct uart *u)
{
	evtimer_cancel(&u->timeout_timer);
	memset(&u->s, 0, sizeof(u->s));
	/* The divisor survives a reset undefined; 9600 is what firmware sets. */
	u->s.dll = 12;
	u->s.lcr = 0x03;
	u->s.msr = msr_lines(u);
}

void uart_reset(struct uart *u)
{
	set_reset_state(u);
	update_irq(u);
	chardev_kick_input(u->cfg.chardev);
}

struct uart *uart_create(const struct uart_config *cfg, struct err *e)
{
	struct uart *u = calloc(1, sizeof(*u));
	struct bus_range range = {
		.space = BUS_PIO,
		.base = cfg->port,
		.len = UART_PORTS,
		.max_access = 1,
		.ops = &uart_ops,
		.opaque = u,
		.name = "16550A UART",
	};

	if (!u) {
		err_set(e, "16550A UART: out of memory");
		return NULL;
	}
	u->cfg = *cfg;
	evtimer_init(&u->timeout_timer, cfg->loop, timeout_expired, u);
	set_reset_state(u);
	if (bus_register(cfg->bus, &range, e) < 0) {
		free(u);
		return NULL;
	}
	chardev_attach(cfg->chardev, &(struct chardev_frontend){
		.room = fe_room,
		.receive = fe_receive,
		.writable = fe_writable,
		.opaque = u,
	});
	return u;
}

void uart_destroy(struct uart *u)
{
	if (!u)
		return;
	chardev_attach(u->cfg.chardev, NULL);
	evtimer_cancel(&u->timeout_timer);
	bus_unregister(u->cfg.bus, BUS_PIO, u->cfg.port);
	irq_line_set(u->cfg.irq, false);
	free(u);
}
