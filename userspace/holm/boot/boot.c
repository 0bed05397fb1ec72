// SPDX-License-Identifier: GPL-2.0-or-later
/* Boot loading: format detection, and who has which piece of guest RAM. */
#include <elf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader.h"

/* ACPI tables are built here (ACPI 6.4, 5.2.5.1: the RSDP is searched here). */
#define ACPI_AREA_START		0xe0000ULL

const char *boot_format_name(enum boot_format format)
{
	switch (format) {
	case BOOT_FORMAT_BZIMAGE:
		return "Linux bzImage";
	case BOOT_FORMAT_PVH:
		return "PVH";
	case BOOT_FORMAT_MULTIBOOT:
		return "multiboot";
	case BOOT_FORMAT_FLAT:
		return "flat binary";
	}
	return "unknown";
}

static const struct boot_claim *boot_find_claim(const struct boot_ctx *ctx, uint64_t start,
						uint64_t end)
{
	for (unsigned int i = 0; i < ctx->nr_claims; i++) {
		const struct boot_claim *c = &ctx->claims[i];

		if (start < c->end && c->start < end)
			return c;
	}
	return NULL;
}

void *boot_claim(struct boot_ctx *ctx, uint64_t gpa, uint64_t size, const char *what,
		 struct err *err)
{
	const struct boot_claim *other;
	struct boot_claim *c;
	uint64_t end;
	void *ptr;

	ptr = gmem_ptr(ctx->gmem, gpa, size);
	if (!ptr || __builtin_add_overflow(gpa, size, &end)) {
		err_set(err, "%s: %" PRIu64 " bytes at 0x%" PRIx64
			" are not inside guest RAM (RAM below 4 GiB ends at 0x%" PRIx64
			"; give the guest more --memory)",
			what, size, gpa, gmem_low_end(ctx->gmem));
		return NULL;
	}
	other = boot_find_claim(ctx, gpa, end);
	if (other) {
		err_set(err, "%s at 0x%" PRIx64 "..0x%" PRIx64 " overlaps %s at 0x%" PRIx64
			"..0x%" PRIx64, what, gpa, end, other->what, other->start, other->end);
		return NULL;
	}
	if (ctx->nr_claims == BOOT_MAX_CLAIMS) {
		err_set(err, "%s: the images have more than %u pieces", what, BOOT_MAX_CLAIMS);
		return NULL;
	}
	c = &ctx->claims[ctx->nr_claims++];
	c->start = gpa;
	c->end = end;
	snprintf(c->what, sizeof(c->what), "%s", what);
	return ptr;
}

static uint64_t align_down(uint64_t val, uint64_t align)
{
	return val & ~(align - 1);
}

/* Rounds up, or returns UINT64_MAX when that is not representable. */
static uint64_t align_up(uint64_t val, uint64_t align)
{
	if (val > UINT64_MAX - (align - 1))
		return UINT64_MAX;
	return align_down(val + align - 1, align);
}

bool boot_find_bottom(const struct boot_ctx *ctx, uint64_t size, uint64_t align,
		      uint64_t start, uint64_t *gpa)
{
	struct e820_range map[GMEM_MAX_E820];
	unsigned int nr = gmem_e820(ctx->gmem, map);

	for (unsigned int i = 0; i < nr; i++) {
		uint64_t end = map[i].addr + map[i].size;
		uint64_t at = align_up(start > map[i].addr ? start : map[i].addr, align);

		if (map[i].type != E820_TYPE_RAM || end > BOOT_LIMIT_4G)
			continue;
		while (at < end && size <= end - at) {
			const struct boot_claim *c = boot_find_claim(ctx, at, at + size);

			if (!c) {
				*gpa = at;
				return true;
			}
			at = align_up(c->end, align);
		}
	}
	return false;
}

static bool boot_find_top(const struct boot_ctx *ctx, uint64_t size, uint64_t align,
			  uint64_t limit, uint64_t *gpa)
{
	struct e820_range map[GMEM_MAX_E820];
	unsigned int nr = gmem_e820(ctx->gmem, map);

	while (nr--) {
		uint64_t start = map[nr].addr;
		uint64_t end = start + map[nr].size;

		/* The first page has the interrupt vectors of real mode. */
		if (start < GMEM_PAGE_SIZE)
			start = GMEM_PAGE_SIZE;
		if (map[nr].type != E820_TYPE_RAM || end > BOOT_LIMIT_4G)
			continue;
		if (end > limit)
			end = limit;
		while (end > start && size <= end - start) {
			uint64_t at = align_down(end - size, align);
			const struct boot_claim *c;

			if (at < start)
				break;
			c = boot_find_claim(ctx, at, at + size);
			if (!c) {
				*gpa = at;
				return true;
			}
			end = c->start;
		}
	}
	return false;
}

static void *boot_no_room(const struct boot_ctx *ctx, uint64_t size, const char *what,
			  struct err *err)
{
	err_set(err, "no room for %s (%" PRIu64 " bytes) in the guest's RAM, which ends at 0x%"
		PRIx64 " below 4 GiB: give the guest more --memory",
		what, size, gmem_low_end(ctx->gmem));
	return NULL;
}

void *boot_alloc_info(struct boot_ctx *ctx, uint64_t size, uint64_t align,
		      const char *what, uint64_t *gpa, struct err *err)
{
	if (!boot_find_bottom(ctx, size, align, BOOT_INFO_START, gpa))
		return boot_no_room(ctx, size, what, err);
	return boot_claim(ctx, *gpa, size, what, err);
}

void *boot_alloc_top(struct boot_ctx *ctx, uint64_t size, uint64_t align, uint64_t limit,
		     const char *what, uint64_t *gpa, struct err *err)
{
	if (!boot_find_top(ctx, size, align, limit, gpa))
		return boot_no_room(ctx, size, what, err);
	return boot_claim(ctx, *gpa, size, what, err);
}

int boot_put_string(struct boot_ctx *ctx, const char *str, const char *what,
		    uint64_t *gpa, struct err *err)
{
	size_t size = strlen(str) + 1;
	void *to;

	if (size > BOOT_MAX_CMDLINE)
		return err_set(err, "%s has %zu characters, the limit is %u", what, size - 1,
			       BOOT_MAX_CMDLINE - 1);
	to = boot_alloc_info(ctx, size, 16, what, gpa, err);
	if (!to)
		return -1;
	memcpy(to, str, size);
	return 0;
}

static int boot_load_raws(struct boot_ctx *ctx, struct err *err)
{
	for (size_t i = 0; i < ctx->in->nr_raws; i++) {
		const struct boot_raw *raw = &ctx->in->raws[i];
		char what[BOOT_CLAIM_NAME];
		struct boot_file file;
		int ret = -1;
		void *to;

		if (boot_file_open(&file, raw->path, err))
			return -1;
		snprintf(what, sizeof(what), "the raw file %s", raw->path);
		to = boot_claim(ctx, raw->gpa, file.size, what, err);
		if (to)
			ret = boot_file_copy(&file, to, err);
		boot_file_close(&file);
		if (ret)
			return ret;
	}
	return 0;
}

/*
 * Files that are certainly not meant to be run in real mode. Everything without
 * a known header is a flat binary, so these deserve a better message.
 */
static int boot_refuse(const struct boot_file *file, struct err *err)
{
	static const struct {
		const char *magic;
		size_t len;
		const char *what;
	} known[] = {
		{ "\x1f\x8b", 2, "compressed with gzip: uncompress it first" },
		{ "\xfd" "7zXZ", 5, "compressed with xz: uncompress it first" },
		{ "\x28\xb5\x2f\xfd", 4, "compressed with zstd: uncompress it first" },
		{ "BZh", 3, "compressed with bzip2: uncompress it first" },
		{ "MZ", 2, "an EFI or DOS program without a Linux setup header" },
		{ "070701", 6, "a cpio archive: give it with --initrd" },
		{ "!<arch>\n", 8, "an ar archive, perhaps a Debian package" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (file->size >= known[i].len &&
		    !memcmp(file->data, known[i].magic, known[i].len))
			return err_set(err, "it is %s", known[i].what);
	}
	return 0;
}

static int boot_load_kernel(struct boot_ctx *ctx, const struct boot_file *file,
			    struct err *err)
{
	bool elf = file->size >= SELFMAG && !memcmp(file->data, ELFMAG, SELFMAG);
	int ret;

	if (bzimage_probe(file->data, file->size))
		return bzimage_load(ctx, file, err);
	if (elf) {
		ret = pvh_load(ctx, file, err);
		if (ret)
			return ret < 0 ? ret : 0;
	}
	ret = multiboot_load(ctx, file, err);
	if (ret)
		return ret < 0 ? ret : 0;
	if (elf)
		return err_set(err, "this ELF image has neither a PVH entry note nor a multiboot 1 header (for Linux: use the bzImage, or build with CONFIG_PVH=y)");
	if (boot_refuse(file, err))
		return -1;
	return flat_load(ctx, file, err);
}

int boot_load(struct gmem *gmem, const struct boot_params_in *in,
	      struct boot_entry *out, struct err *err)
{
	struct boot_ctx *ctx;
	struct boot_file file;
	int ret = -1;

	if (in->nr_initrds > BOOT_MAX_MODULES)
		return err_set(err, "%zu initrds given, the limit is %u", in->nr_initrds,
			       BOOT_MAX_MODULES);
	ctx = calloc(1, sizeof(*ctx));
	if (!ctx)
		return err_set(err, "no memory to load %s", in->kernel);
	ctx->gmem = gmem;
	ctx->in = in;
	ctx->out = out;
	memset(out, 0, sizeof(*out));

	if (in->rsdp >= ACPI_AREA_START && in->rsdp < GMEM_HIGH_START &&
	    !boot_claim(ctx, ACPI_AREA_START, GMEM_HIGH_START - ACPI_AREA_START,
			"the ACPI tables", err))
		goto out_free;
	if (boot_load_raws(ctx, err))
		goto out_free;
	if (boot_file_open(&file, in->kernel, err))
		goto out_free;
	if (boot_file_read(&file, err))
		goto out_close;
	ret = boot_load_kernel(ctx, &file, err);
	if (ret)
		err_prefix(err, "cannot boot %s", in->kernel);

out_close:
	boot_file_close(&file);
out_free:
	free(ctx);
	return ret;
}
