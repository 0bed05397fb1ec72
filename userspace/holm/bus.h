/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOLM_BUS_H
#define HOLM_BUS_H

#include <pthread.h>
#include <stdint.h>

#include "err.h"

/*
 * The machine lock
 * ----------------
 * One mutex per machine serializes every device model. The bus takes it
 * around each dispatched access, the event loop around each callback, and a
 * vCPU thread that calls a device directly (pic_intack(), ioapic_eoi(), ...)
 * takes it first. Device code therefore never locks, and a device may call
 * another device (an interrupt line, a timer) without further thought.
 * The mutex is not recursive: a handler must not call bus_read() or
 * bus_write() on its own bus.
 */

enum bus_space {
	BUS_PIO,	/* 64 KiB of ports, SDM vol. 1 ch. 19 */
	BUS_MMIO,	/* guest-physical addresses not backed by memory */
	BUS_SPACES,
};

/**
 * struct bus_ops - handlers of one range
 * @read: value read from @offset; only the low @size bytes are used.
 *	NULL: reads give all ones
 * @write: write the low @size bytes of @value (the rest is zero).
 *	NULL: writes are dropped
 *
 * @offset is relative to the range, @size is 1, 2, 4 or 8 and never above
 * the range's max_access; offset + size never passes the end of the range.
 * Both run with the machine lock held.
 */
struct bus_ops {
	uint64_t (*read)(void *opaque, uint64_t offset, unsigned int size);
	void (*write)(void *opaque, uint64_t offset, unsigned int size,
		      uint64_t value);
};

/**
 * struct bus_range - one claim on an address space
 * @space: which space
 * @base: first address
 * @len: bytes, not 0
 * @max_access: widest access the handlers take (1, 2, 4, 8); wider ones are
 *	split, low address first, as an ISA bridge does for byte-wide devices
 * @ops: handlers; must outlive the registration
 * @opaque: handed to the handlers
 * @name: for messages; must outlive the registration
 */
struct bus_range {
	enum bus_space space;
	uint64_t base;
	uint64_t len;
	unsigned int max_access;
	const struct bus_ops *ops;
	void *opaque;
	const char *name;
};

struct bus;

/**
 * bus_create() - make a bus with both spaces empty
 * @lock: machine lock, taken around each access; NULL for single-threaded use
 *
 * Return: the bus, NULL when out of memory. The caller frees it by
 * bus_destroy(); @lock stays the caller's.
 */
struct bus *bus_create(pthread_mutex_t *lock);

/**
 * bus_destroy() - free the bus; ranges still registered are forgotten
 * @bus: the bus, or NULL
 */
void bus_destroy(struct bus *bus);

/**
 * bus_register() - claim a range
 * @bus: the bus
 * @range: copied
 * @e: says which range is in the way
 *
 * Call while no vCPU runs, or with the machine lock held.
 *
 * Return: 0, or -1 with @e set: the range is empty, wraps or passes the end of
 * the space, has a bad access size or overlaps another, or memory is short.
 */
int bus_register(struct bus *bus, const struct bus_range *range, struct err *e);

/**
 * bus_unregister() - give a range back
 * @bus: the bus
 * @space: address space
 * @base: the base it was registered with
 *
 * Locking as bus_register(). Return: 0, or -1 if no range starts there.
 */
int bus_unregister(struct bus *bus, enum bus_space space, uint64_t base);

/**
 * bus_read() - an access by a vCPU
 * @bus: the bus
 * @space: address space
 * @addr: port or guest-physical address
 * @size: 1, 2, 4 or 8 bytes
 *
 * Takes the machine lock. Bytes nobody claims read as all ones (a bus with
 * pull-ups and no target).
 *
 * Return: the value, zero-extended from @size bytes.
 */
uint64_t bus_read(struct bus *bus, enum bus_space space, uint64_t addr,
		  unsigned int size);

/**
 * bus_write() - an access by a vCPU
 * @bus: the bus
 * @space: address space
 * @addr: port or guest-physical address
 * @size: 1, 2, 4 or 8 bytes
 * @value: only the low @size bytes count
 *
 * Takes the machine lock. Bytes nobody claims go nowhere.
 */
void bus_write(struct bus *bus, enum bus_space space, uint64_t addr,
	       unsigned int size, uint64_t value);

#endif
