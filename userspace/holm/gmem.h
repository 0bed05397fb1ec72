/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest RAM: one memfd, mapped once, seen by the guest as a PC's memory.
 *
 *	0 .. 0xC0000000			low RAM, up to 3 GiB
 *	0xC0000000 .. 0x100000000	hole: IOAPIC, LAPIC, device windows
 *	0x100000000 ..			the rest of RAM
 *
 * The range 0xA0000..0x100000 is RAM too: nothing else answers there, and the
 * ACPI tables live in it. The e820 map reports it as reserved.
 */
#ifndef HOLM_GMEM_H
#define HOLM_GMEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define GMEM_PAGE_SIZE		0x1000ULL
#define GMEM_MIN_SIZE		0x100000ULL	/* 1 MiB: all of conventional memory */
#define GMEM_MAX_SIZE		(1ULL << 45)	/* a quarter of the user address space */
#define GMEM_HOLE_START		0xc0000000ULL
#define GMEM_HOLE_END		0x100000000ULL
#define GMEM_EBDA_START		0x9fc00ULL	/* end of what a PC calls base memory */
#define GMEM_HIGH_START		0x100000ULL

#define GMEM_MAX_REGIONS	2
#define GMEM_MAX_E820		8

/* Address range types of ACPI 6.4, table 15.3. */
#define E820_TYPE_RAM		1
#define E820_TYPE_RESERVED	2

/**
 * struct gmem_region - one contiguous piece of guest RAM
 * @gpa: guest physical address of its first byte, page aligned
 * @size: bytes, a multiple of the page size, not 0
 * @hva: where it is mapped in this process
 * @offset: where it starts in the memfd
 */
struct gmem_region {
	uint64_t gpa;
	uint64_t size;
	uint8_t *hva;
	uint64_t offset;
};

/**
 * struct gmem - all RAM of a guest
 * @fd: the memfd, close-on-exec
 * @map: the mapping of the whole memfd
 * @size: bytes of RAM
 * @nr_regions: entries of @regions in use, 1 or 2
 * @regions: RAM by ascending guest physical address; each one is a memory slot
 *
 * Immutable between gmem_init() and gmem_deinit(), so any thread may read it.
 */
struct gmem {
	int fd;
	void *map;
	uint64_t size;
	unsigned int nr_regions;
	struct gmem_region regions[GMEM_MAX_REGIONS];
};

/**
 * struct e820_range - one line of the memory map given to guests
 * @addr: guest physical address
 * @size: bytes
 * @type: E820_TYPE_*
 */
struct e820_range {
	uint64_t addr;
	uint64_t size;
	uint32_t type;
};

/**
 * gmem_check_size() - tell whether a VM can have this much RAM
 * @size: bytes
 * @err: says why not
 *
 * Return: 0, or -1 with @err set.
 */
int gmem_check_size(uint64_t size, struct err *err);

/**
 * gmem_init() - allocate guest RAM
 * @gmem: to fill; left ready for gmem_deinit() on failure too
 * @size: bytes, checked with gmem_check_size()
 * @err: says what failed
 *
 * Nothing is populated: the guest's first touch of a page allocates it.
 *
 * Return: 0, or -1 with @err set.
 */
int gmem_init(struct gmem *gmem, uint64_t size, struct err *err);

/**
 * gmem_deinit() - unmap and close guest RAM
 * @gmem: initialized, or already deinitialized
 */
void gmem_deinit(struct gmem *gmem);

/**
 * gmem_ptr() - host address of a range of guest RAM
 * @gmem: guest RAM
 * @gpa: guest physical address, any value
 * @len: bytes, any value
 *
 * Return: the address when [@gpa, @gpa + @len) lies wholly inside one region
 * (with @len 0: when @gpa does), NULL otherwise. Valid until gmem_deinit().
 * The guest can change the bytes at any instant: read each value once.
 */
void *gmem_ptr(const struct gmem *gmem, uint64_t gpa, uint64_t len);

/**
 * gmem_read() - copy from guest RAM, across regions that touch
 * @gmem: guest RAM
 * @gpa: guest physical address, any value
 * @buf: destination
 * @len: bytes
 *
 * Return: true, or false with @buf untouched when part of the range is not RAM.
 */
bool gmem_read(const struct gmem *gmem, uint64_t gpa, void *buf, size_t len);

/**
 * gmem_write() - copy into guest RAM, across regions that touch
 * @gmem: guest RAM
 * @gpa: guest physical address, any value
 * @buf: source
 * @len: bytes
 *
 * Return: true, or false with RAM untouched when part of the range is not RAM.
 */
bool gmem_write(const struct gmem *gmem, uint64_t gpa, const void *buf, size_t len);

/**
 * gmem_zero() - clear guest RAM, across regions that touch
 * @gmem: guest RAM
 * @gpa: guest physical address, any value
 * @len: bytes
 *
 * Return: true, or false with RAM untouched when part of the range is not RAM.
 */
bool gmem_zero(const struct gmem *gmem, uint64_t gpa, uint64_t len);

/**
 * gmem_low_end() - end of the RAM below the hole
 * @gmem: guest RAM
 *
 * Return: the guest physical address just past it, at most GMEM_HOLE_START.
 */
uint64_t gmem_low_end(const struct gmem *gmem);

/**
 * gmem_e820() - the memory map a BIOS would report (INT 15h, AX=E820h)
 * @gmem: guest RAM
 * @map: to fill, ascending and without overlap
 *
 * Return: entries written, at most GMEM_MAX_E820.
 */
unsigned int gmem_e820(const struct gmem *gmem, struct e820_range map[GMEM_MAX_E820]);

#endif /* HOLM_GMEM_H */
