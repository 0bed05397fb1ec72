// SPDX-License-Identifier: GPL-2.0-or-later
/* Guest RAM: allocation, layout, checked access, the e820 map. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gmem.h"
#include "size.h"

int gmem_check_size(uint64_t size, struct err *err)
{
	char found[SIZE_STR_MAX], limit[SIZE_STR_MAX];

	size_format(size, found);
	if (size < GMEM_MIN_SIZE) {
		size_format(GMEM_MIN_SIZE, limit);
		return err_set(err, "memory of %s is less than the least a PC can have, %s%s",
			       found, limit,
			       size ? " (a number without a suffix counts bytes; try 512M)" : "");
	}
	if (size > GMEM_MAX_SIZE) {
		size_format(GMEM_MAX_SIZE, limit);
		return err_set(err, "memory of %s is more than the limit, %s", found, limit);
	}
	if (size % GMEM_PAGE_SIZE)
		return err_set(err, "memory of %s bytes is not a multiple of the page size, 4K",
			       found);
	return 0;
}

static void gmem_layout(struct gmem *gmem)
{
	uint64_t low = gmem->size < GMEM_HOLE_START ? gmem->size : GMEM_HOLE_START;

	gmem->regions[0] = (struct gmem_region){
		.gpa = 0,
		.size = low,
		.hva = gmem->map,
		.offset = 0,
	};
	gmem->nr_regions = 1;
	if (gmem->size == low)
		return;

	gmem->regions[1] = (struct gmem_region){
		.gpa = GMEM_HOLE_END,
		.size = gmem->size - low,
		.hva = (uint8_t *)gmem->map + low,
		.offset = low,
	};
	gmem->nr_regions = 2;
}

int gmem_init(struct gmem *gmem, uint64_t size, struct err *err)
{
	char str[SIZE_STR_MAX];

	memset(gmem, 0, sizeof(*gmem));
	gmem->fd = -1;
	if (gmem_check_size(size, err))
		return -1;
	size_format(size, str);

	gmem->fd = memfd_create("holm-ram", MFD_CLOEXEC);
	if (gmem->fd < 0)
		return err_set_errno(err, "cannot create a memory file for %s of guest RAM", str);
	if (ftruncate(gmem->fd, (off_t)size)) {
		err_set_errno(err, "cannot size the memory file to %s of guest RAM", str);
		goto fail;
	}

	gmem->map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
			 gmem->fd, 0);
	if (gmem->map == MAP_FAILED) {
		gmem->map = NULL;
		err_set_errno(err, "cannot map %s of guest RAM (see ulimit -v)", str);
		goto fail;
	}
	gmem->size = size;

	/* Both are requests: a kernel without huge pages for shmem refuses. */
	madvise(gmem->map, size, MADV_HUGEPAGE);
	madvise(gmem->map, size, MADV_DONTDUMP);

	gmem_layout(gmem);
	return 0;

fail:
	gmem_deinit(gmem);
	return -1;
}

void gmem_deinit(struct gmem *gmem)
{
	if (gmem->map)
		munmap(gmem->map, gmem->size);
	if (gmem->fd >= 0)
		close(gmem->fd);
	memset(gmem, 0, sizeof(*gmem));
	gmem->fd = -1;
}

static const struct gmem_region *gmem_find(const struct gmem *gmem, uint64_t gpa)
{
	for (unsigned int i = 0; i < gmem->nr_regions; i++) {
		const struct gmem_region *r = &gmem->regions[i];

		if (gpa >= r->gpa && gpa - r->gpa < r->size)
			return r;
	}
	return NULL;
}

void *gmem_ptr(const struct gmem *gmem, uint64_t gpa, uint64_t len)
{
	const struct gmem_region *r = gmem_find(gmem, gpa);

	if (!r || len > r->size - (gpa - r->gpa))
		return NULL;
	return r->hva + (gpa - r->gpa);
}

/* Whether every byte of a range is RAM, whatever the number of regions. */
static bool gmem_is_ram(const struct gmem *gmem, uint64_t gpa, uint64_t len)
{
	while (len) {
		const struct gmem_region *r = gmem_find(gmem, gpa);
		uint64_t room;

		if (!r)
			return false;
		room = r->size - (gpa - r->gpa);
		if (len <= room)
			return true;
		gpa += room;
		len -= room;
	}
	return true;
}

/* The longest piece of a range, known to be RAM, that one region holds. */
static uint8_t *gmem_chunk(const struct gmem *gmem, uint64_t gpa, uint64_t len,
			   uint64_t *chunk)
{
	const struct gmem_region *r = gmem_find(gmem, gpa);
	uint64_t room = r->size - (gpa - r->gpa);

	*chunk = len < room ? len : room;
	return r->hva + (gpa - r->gpa);
}

bool gmem_read(const struct gmem *gmem, uint64_t gpa, void *buf, size_t len)
{
	uint8_t *to = buf;
	uint64_t n;

	if (!gmem_is_ram(gmem, gpa, len))
		return false;
	for (; len; gpa += n, to += n, len -= n) {
		const uint8_t *from = gmem_chunk(gmem, gpa, len, &n);

		memcpy(to, from, n);
	}
	return true;
}

bool gmem_write(const struct gmem *gmem, uint64_t gpa, const void *buf, size_t len)
{
	const uint8_t *from = buf;
	uint64_t n;

	if (!gmem_is_ram(gmem, gpa, len))
		return false;
	for (; len; gpa += n, from += n, len -= n) {
		uint8_t *to = gmem_chunk(gmem, gpa, len, &n);

		memcpy(to, from, n);
	}
	return true;
}

bool gmem_zero(const struct gmem *gmem, uint64_t gpa, uint64_t len)
{
	uint64_t n;

	if (!gmem_is_ram(gmem, gpa, len))
		return false;
	for (; len; gpa += n, len -= n) {
		uint8_t *to = gmem_chunk(gmem, gpa, len, &n);

		memset(to, 0, n);
	}
	return true;
}

uint64_t gmem_low_end(const struct gmem *gmem)
{
	return gmem->regions[0].gpa + gmem->regions[0].size;
}

unsigned int gmem_e820(const struct gmem *gmem, struct e820_range map[GMEM_MAX_E820])
{
	uint64_t low_end = gmem_low_end(gmem);
	unsigned int n = 0;

	map[n++] = (struct e820_range){
		.addr = 0,
		.size = GMEM_EBDA_START,
		.type = E820_TYPE_RAM,
	};
	/* EBDA, video memory, option ROMs, BIOS: the RSDP is found in there. */
	map[n++] = (struct e820_range){
		.addr = GMEM_EBDA_START,
		.size = GMEM_HIGH_START - GMEM_EBDA_START,
		.type = E820_TYPE_RESERVED,
	};
	if (low_end > GMEM_HIGH_START)
		map[n++] = (struct e820_range){
			.addr = GMEM_HIGH_START,
			.size = low_end - GMEM_HIGH_START,
			.type = E820_TYPE_RAM,
		};
	for (unsigned int i = 1; i < gmem->nr_regions; i++)
		map[n++] = (struct e820_range){
			.addr = gmem->regions[i].gpa,
			.size = gmem->regions[i].size,
			.type = E820_TYPE_RAM,
		};
	return n;
}
