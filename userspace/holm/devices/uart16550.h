/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOLM_DEVICES_UART16550_H
#define HOLM_DEVICES_UART16550_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../err.h"

struct bus;
struct evloop;
struct irq_line;
struct chardev;

#define UART_COM1_PORT	0x3f8
#define UART_COM2_PORT	0x2f8
#define UART_PORTS	8

/**
 * struct uart_config - a 16550A on the port bus
 * @bus: where its eight ports go
 * @loop: for the receive timeout
 * @port: first port
 * @irq: its interrupt line, gated by OUT2; NULL for none
 * @chardev: the far end of the cable; NULL: nothing connected
 */
struct uart_config {
	struct bus *bus;
	struct evloop *loop;
	uint16_t port;
	struct irq_line *irq;
	struct chardev *chardev;
};

struct uart;

/**
 * uart_create() - make the UART and claim its ports
 * @cfg: copied
 * @e: reason of a failure
 *
 * Return: the UART, freed by uart_destroy(); NULL on failure.
 */
struct uart *uart_create(const struct uart_config *cfg, struct err *e);

/**
 * uart_destroy() - release the ports, detach from the chardev and free
 * @u: the UART, or NULL
 */
void uart_destroy(struct uart *u);

/**
 * uart_reset() - master reset (PC16550D data sheet, table III)
 * @u: the UART. Machine lock held.
 */
void uart_reset(struct uart *u);

/**
 * uart_room() - bytes the receiver takes without an overrun
 * @u: the UART. Machine lock held.
 */
size_t uart_room(const struct uart *u);

/**
 * uart_receive() - bytes arrive on the line
 * @u: the UART. Machine lock held.
 * @buf: bytes
 * @len: how many; those beyond uart_room() are lost with LSR.OE set
 */
void uart_receive(struct uart *u, const uint8_t *buf, size_t len);

/**
 * uart_receive_break() - a break condition arrives on the line
 * @u: the UART. Machine lock held.
 */
void uart_receive_break(struct uart *u);

#endif
