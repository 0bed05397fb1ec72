// SPDX-License-Identifier: GPL-2.0-or-later
/* The port and MMIO spaces of the machine. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bus.h"

#define BUS_PIO_SIZE	0x10000ULL

struct bus_table {
	struct bus_range *ranges;	/* by base, none overlapping */
	size_t nr;
	size_t max;
};

struct bus {
	pthread_mutex_t *lock;
	struct bus_table tables[BUS_SPACES];	/* machine lock */
};

static const char *const space_names[BUS_SPACES] = {
	[BUS_PIO] = "port",
	[BUS_MMIO] = "MMIO",
};

static bool size_ok(unsigned int size)
{
	return size == 1 || size == 2 || size == 4 || size == 8;
}

static uint64_t size_mask(unsigned int size)
{
	return size >= 8 ? UINT64_MAX : (1ULL << (size * 8)) - 1;
}

struct bus *bus_create(pthread_mutex_t *lock)
{
	struct bus *bus = calloc(1, sizeof(*bus));

	if (bus)
		bus->lock = lock;
	return bus;
}

void bus_destroy(struct bus *bus)
{
	int i;

	if (!bus)
		return;
	for (i = 0; i < BUS_SPACES; i++)
		free(bus->tables[i].ranges);
	free(bus);
}

/* Index of the first range whose last byte is at or after @addr. */
static size_t table_search(const struct bus_table *t, uint64_t addr)
{
	size_t lo = 0, hi = t->nr;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct bus_range *r = &t->ranges[mid];

		if (r->base + (r->len - 1) < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

int bus_register(struct bus *bus, const struct bus_range *range, struct err *e)
{
	struct bus_table *t;
	uint64_t last;
	size_t i;

	if ((unsigned int)range->space >= BUS_SPACES)
		return err_set(e, "%s: bus space %d does not exist", range->name,
			       (int)range->space);
	t = &bus->tables[range->space];
	last = range->base + (range->len - 1);
	if (!range->len || last < range->base ||
	    (range->space == BUS_PIO && last >= BUS_PIO_SIZE))
		return err_set(e, "%s: %s range 0x%llx+0x%llx is empty or passes the end of the space",
			       range->name, space_names[range->space],
			       (unsigned long long)range->base,
			       (unsigned long long)range->len);
	if (!range->ops || !size_ok(range->max_access) ||
	    (range->space == BUS_PIO && range->max_access == 8))
		return err_set(e, "%s: %s range 0x%llx has no handlers or a bad access size %u",
			       range->name, space_names[range->space],
			       (unsigned long long)range->base, range->max_access);

	i = table_search(t, range->base);
	if (i < t->nr && t->ranges[i].base <= last)
		return err_set(e, "%s: %s range 0x%llx-0x%llx overlaps %s at 0x%llx-0x%llx",
			       range->name, space_names[range->space],
			       (unsigned long long)range->base,
			       (unsigned long long)last, t->ranges[i].name,
			       (unsigned long long)t->ranges[i].base,
			       (unsigned long long)(t->ranges[i].base +
						    (t->ranges[i].len - 1)));

	if (t->nr == t->max) {
		size_t max = t->max ? t->max * 2 : 16;
		struct bus_range *p = reallocarray(t->ranges, max, sizeof(*p));

		if (!p)
			return err_set(e, "%s: out of memory for a bus range",
				       range->name);
		t->ranges = p;
		t->max = max;
	}
	memmove(&t->ranges[i + 1], &t->ranges[i],
		(t->nr - i) * sizeof(*t->ranges));
	t->ranges[i] = *range;
	t->nr++;
	return 0;
}

int bus_unregister(struct bus *bus, enum bus_space space, uint64_t base)
{
	struct bus_table *t;
	size_t i;

	if ((unsigned int)space >= BUS_SPACES)
		return -1;
	t = &bus->tables[space];
	i = table_search(t, base);
	if (i == t->nr || t->ranges[i].base != base)
		return -1;
	t->nr--;
	memmove(&t->ranges[i], &t->ranges[i + 1],
		(t->nr - i) * sizeof(*t->ranges));
	return 0;
}

/*
 * The range at @addr, and in *@chunk how many of @size bytes one handler call
 * covers: a power of two that fits the range and its width. Without a range
 * the chunk is one byte, as the next byte may be claimed.
 */
static const struct bus_range *next_chunk(const struct bus_table *t,
					  uint64_t addr, unsigned int size,
					  unsigned int *chunk)
{
	const struct bus_range *r;
	size_t i = table_search(t, addr);
	unsigned int n = 8;
	uint64_t left;

	*chunk = 1;
	if (i == t->nr || t->ranges[i].base > addr)
		return NULL;
	r = &t->ranges[i];
	left = r->len - (addr - r->base);
	while (n > size || n > r->max_access || n > left)
		n /= 2;
	*chunk = n;
	return r;
}

/*
 * An access past the end of the space has no target for its last bytes: it
 * does not wrap to address 0 here, as no device sits at both ends.
 */
static bool addr_valid(enum bus_space space, uint64_t base, uint64_t addr)
{
	return addr >= base && (space != BUS_PIO || addr < BUS_PIO_SIZE);
}

uint64_t bus_read(struct bus *bus, enum bus_space space, uint64_t addr,
		  unsigned int size)
{
	const struct bus_table *t = &bus->tables[space];
	uint64_t value = 0;
	unsigned int done, chunk;

	if (!size_ok(size))
		return UINT64_MAX;
	if (bus->lock)
		pthread_mutex_lock(bus->lock);
	for (done = 0; done < size; done += chunk) {
		const struct bus_range *r = NULL;
		uint64_t part = UINT64_MAX;

		chunk = 1;
		if (addr_valid(space, addr, addr + done))
			r = next_chunk(t, addr + done, size - done, &chunk);
		if (r && r->ops->read)
			part = r->ops->read(r->opaque, addr + done - r->base,
					    chunk);
		value |= (part & size_mask(chunk)) << (done * 8);
	}
	if (bus->lock)
		pthread_mutex_unlock(bus->lock);
	return value;
}

void bus_write(struct bus *bus, enum bus_space space, uint64_t addr,
	       unsigned int size, uint64_t value)
{
	const struct bus_table *t = &bus->tables[space];
	unsigned int done, chunk;

	if (!size_ok(size))
		return;
	if (bus->lock)
		pthread_mutex_lock(bus->lock);
	for (done = 0; done < size; done += chunk) {
		const struct bus_range *r = NULL;

		chunk = 1;
		if (addr_valid(space, addr, addr + done))
			r = next_chunk(t, addr + done, size - done, &chunk);
		if (r && r->ops->write)
			r->ops->write(r->opaque, addr + done - r->base, chunk,
				      (value >> (done * 8)) & size_mask(chunk));
	}
	if (bus->lock)
		pthread_mutex_unlock(bus->lock);
}
