// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Linux bzImage: the 32-bit and 64-bit boot protocols of the kernel's
 * Documentation/arch/x86/boot.rst.
 */
#include <asm/bootparam.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "loader.h"

#define SETUP_HEADER_START	0x1f1U
#define SETUP_HEADER_MAGIC	0x202U
#define SETUP_MAGIC		0x53726448U	/* "HdrS" */
#define SETUP_BOOT_FLAG		0xaa55U
#define SECTOR			512U

#define PROTOCOL_MIN		0x206		/* cmdline_size */
#define PROTOCOL_INIT_SIZE	0x20a		/* pref_address, init_size */
#define PROTOCOL_XLOADFLAGS	0x20c

#define ENTRY64_OFFSET		0x200
#define LOADER_UNDEFINED	0xff
#define VID_MODE_NORMAL		0xffff
#define INITRD_ALIGN		4ULL		/* of each archive in the initrd */

static uint32_t get32(const uint8_t *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

bool bzimage_probe(const uint8_t *data, size_t size)
{
	return size >= SETUP_HEADER_MAGIC + 4 &&
	       get32(data + SETUP_HEADER_MAGIC) == SETUP_MAGIC;
}

/**
 * struct bzimage - what the setup header says, checked
 * @hdr: a copy, zero past the end of the image's own header
 * @payload: the protected-mode part
 * @payload_size: bytes of it
 * @init_size: bytes of RAM the kernel needs from where it is loaded
 */
struct bzimage {
	struct setup_header hdr;
	const uint8_t *payload;
	uint64_t payload_size;
	uint64_t init_size;
};

static int bzimage_parse_payload(struct bzimage *img, const struct boot_file *file,
				 struct err *err)
{
	/* 0 means 4, for very old images; the boot sector comes on top. */
	uint64_t sects = img->hdr.setup_sects ? img->hdr.setup_sects : 4;
	uint64_t setup_size = (sects + 1) * SECTOR;
	uint64_t size = (uint64_t)img->hdr.syssize * 16;

	if (setup_size >= file->size)
		return err_set(err, "the image is truncated: its setup code has %" PRIu64
			       " bytes, the file %" PRIu64, setup_size, file->size);
	img->payload = file->data + setup_size;
	img->payload_size = file->size - setup_size;

	/* syssize is rounded up, and a signature may follow. */
	if (size <= SECTOR)
		return err_set(err, "the setup header gives a kernel of %" PRIu64 " bytes", size);
	if (size > img->payload_size + 15)
		return err_set(err, "the image is truncated: its kernel has %" PRIu64
			       " bytes, the file only %" PRIu64 " after the setup code",
			       size, img->payload_size);
	if (img->payload_size > size)
		img->payload_size = size;
	return 0;
}

static int bzimage_parse(struct bzimage *img, const struct boot_file *file, struct err *err)
{
	const uint32_t fixed = offsetof(struct setup_header, hardware_subarch);
	const uint32_t v210 = offsetof(struct setup_header, handover_offset);
	uint32_t len;

	if (file->size < 2 * SECTOR)
		return err_set(err, "the image is truncated: %" PRIu64 " bytes, the boot sector and one setup sector have 1024",
			       file->size);
	/* The header ends where the jump at 0x200 goes. */
	len = SETUP_HEADER_MAGIC + file->data[SETUP_HEADER_MAGIC - 1] - SETUP_HEADER_START;
	if (len > sizeof(img->hdr))
		len = sizeof(img->hdr);
	memset(&img->hdr, 0, sizeof(img->hdr));
	memcpy(&img->hdr, file->data + SETUP_HEADER_START, len);

	if (img->hdr.boot_flag != SETUP_BOOT_FLAG)
		return err_set(err, "the boot sector signature is 0x%04x, expected 0x%04x",
			       img->hdr.boot_flag, SETUP_BOOT_FLAG);
	if (img->hdr.version < PROTOCOL_MIN)
		return err_set(err, "it speaks boot protocol %u.%02u; 2.06 (Linux 2.6.22) or later is needed",
			       img->hdr.version >> 8, img->hdr.version & 0xff);
	if (len < fixed || (img->hdr.version >= PROTOCOL_INIT_SIZE && len < v210))
		return err_set(err, "the setup header has %u bytes, too short for boot protocol %u.%02u",
			       len, img->hdr.version >> 8, img->hdr.version & 0xff);
	if (!(img->hdr.loadflags & LOADED_HIGH))
		return err_set(err, "it is a zImage, which is loaded below 1 MiB: build a bzImage");
	if (bzimage_parse_payload(img, file, err))
		return -1;

	if (img->hdr.relocatable_kernel &&
	    (!img->hdr.kernel_alignment ||
	     (img->hdr.kernel_alignment & (img->hdr.kernel_alignment - 1))))
		return err_set(err, "the setup header asks for an alignment of 0x%x, which is no power of two",
			       img->hdr.kernel_alignment);

	img->init_size = img->payload_size;
	if (img->hdr.version >= PROTOCOL_INIT_SIZE && img->hdr.init_size > img->init_size)
		img->init_size = img->hdr.init_size;
	return 0;
}

static bool bzimage_is_64bit(const struct bzimage *img)
{
	return img->hdr.version >= PROTOCOL_XLOADFLAGS &&
	       (img->hdr.xloadflags & XLF_KERNEL_64);
}

/*
 * The decompressor moves itself up to pref_address when it is loaded below, so
 * that is the lowest useful address; a relocatable kernel can go higher, when
 * a raw file is in its way.
 */
static int bzimage_place(struct boot_ctx *ctx, struct bzimage *img, uint64_t *load,
			 struct err *err)
{
	uint64_t want = GMEM_HIGH_START;
	uint8_t *to;

	if (img->hdr.version >= PROTOCOL_INIT_SIZE && img->hdr.pref_address)
		want = img->hdr.pref_address;
	if (want > UINT32_MAX)
		return err_set(err, "the setup header asks for a load address of 0x%" PRIx64
			       ", above 4 GiB", want);
	*load = want;
	if (img->hdr.relocatable_kernel &&
	    !boot_find_bottom(ctx, img->init_size, img->hdr.kernel_alignment, want, load))
		return err_set(err, "the kernel needs %" PRIu64 " bytes of RAM at 0x%" PRIx64
			       " or above, RAM ends at 0x%" PRIx64
			       ": give the guest more --memory",
			       img->init_size, want, gmem_low_end(ctx->gmem));

	to = boot_claim(ctx, *load, img->init_size, "the kernel", err);
	if (!to)
		return -1;
	memcpy(to, img->payload, img->payload_size);
	return 0;
}

static int bzimage_load_initrds(struct boot_ctx *ctx, struct setup_header *hdr, struct err *err)
{
	struct boot_file files[BOOT_MAX_MODULES], *f;
	size_t nr = ctx->in->nr_initrds, opened = 0;
	uint64_t total = 0, gpa;
	int ret = -1;
	uint8_t *to;

	if (!nr)
		return 0;
	for (; opened < nr; opened++) {
		f = &files[opened];
		if (boot_file_open(f, ctx->in->initrds[opened], err))
			goto out;
		if (f->size > UINT32_MAX) {
			err_set(err, "the initrd %s has %" PRIu64 " bytes, the limit is %u",
				f->path, f->size, UINT32_MAX);
			opened++;
			goto out;
		}
		total = (total + INITRD_ALIGN - 1) & ~(INITRD_ALIGN - 1);
		total += f->size;
	}
	if (total > UINT32_MAX) {
		err_set(err, "the initrds have %" PRIu64 " bytes together, the limit is %u",
			total, UINT32_MAX);
		goto out;
	}

	/* initrd_addr_max is the highest address of the last byte. */
	to = boot_alloc_top(ctx, total, GMEM_PAGE_SIZE, (uint64_t)hdr->initrd_addr_max + 1,
			    "the initrd", &gpa, err);
	if (!to)
		goto out;
	total = 0;
	for (size_t i = 0; i < nr; i++) {
		uint64_t at = (total + INITRD_ALIGN - 1) & ~(INITRD_ALIGN - 1);

		memset(to + total, 0, at - total);
		if (boot_file_copy(&files[i], to + at, err))
			goto out;
		total = at + files[i].size;
	}
	hdr->ramdisk_image = (uint32_t)gpa;
	hdr->ramdisk_size = (uint32_t)total;
	ret = 0;
out:
	while (opened)
		boot_file_close(&files[--opened]);
	return ret;
}

static int bzimage_put_cmdline(struct boot_ctx *ctx, struct setup_header *hdr, struct err *err)
{
	const char *cmdline = ctx->in->cmdline ? ctx->in->cmdline : "";
	uint64_t gpa;

	if (strlen(cmdline) > hdr->cmdline_size)
		return err_set(err, "the command line has %zu characters, this kernel takes %u",
			       strlen(cmdline), hdr->cmdline_size);
	if (boot_put_string(ctx, cmdline, "the kernel command line", &gpa, err))
		return -1;
	hdr->cmd_line_ptr = (uint32_t)gpa;
	return 0;
}

static void bzimage_put_memory_map(const struct boot_ctx *ctx, struct boot_params *bp)
{
	struct e820_range map[GMEM_MAX_E820];
	unsigned int nr = gmem_e820(ctx->gmem, map);
	uint64_t low_end = gmem_low_end(ctx->gmem);

	for (unsigned int i = 0; i < nr; i++) {
		bp->e820_table[i].addr = map[i].addr;
		bp->e820_table[i].size = map[i].size;
		bp->e820_table[i].type = map[i].type;
	}
	bp->e820_entries = (uint8_t)nr;
	/* What INT 15h, AH=88h says; the kernel looks when e820 is unusable. */
	bp->alt_mem_k = (uint32_t)((low_end - GMEM_HIGH_START) / 1024);
	bp->screen_info.ext_mem_k = bp->alt_mem_k < 0xfc00 ? (uint16_t)bp->alt_mem_k : 0xfc00;
}

int bzimage_load(struct boot_ctx *ctx, const struct boot_file *file, struct err *err)
{
	struct boot_params *bp;
	struct bzimage img;
	uint64_t load, gpa;
	int ret;

	if (bzimage_parse(&img, file, err) || bzimage_place(ctx, &img, &load, err))
		return -1;

	/*
	 * The zero page: the image's setup header, everything else zero. The
	 * sentinel in particular, or the kernel clears what it does not trust.
	 */
	_Static_assert(sizeof(*bp) == GMEM_PAGE_SIZE, "the zero page is one page");
	bp = boot_alloc_info(ctx, sizeof(*bp), GMEM_PAGE_SIZE, "the zero page", &gpa, err);
	if (!bp)
		return -1;
	img.hdr.type_of_loader = LOADER_UNDEFINED;
	img.hdr.ext_loader_ver = 0;
	img.hdr.ext_loader_type = 0;
	img.hdr.vid_mode = VID_MODE_NORMAL;
	img.hdr.code32_start = (uint32_t)load;
	img.hdr.ramdisk_image = 0;
	img.hdr.ramdisk_size = 0;
	img.hdr.setup_data = 0;
	img.hdr.hardware_subarch = 0;
	img.hdr.hardware_subarch_data = 0;
	if (bzimage_put_cmdline(ctx, &img.hdr, err) ||
	    bzimage_load_initrds(ctx, &img.hdr, err))
		return -1;

	memset(bp, 0, sizeof(*bp));
	bp->hdr = img.hdr;
	bp->acpi_rsdp_addr = ctx->in->rsdp;
	bzimage_put_memory_map(ctx, bp);

	ctx->out->format = BOOT_FORMAT_BZIMAGE;
	if (bzimage_is_64bit(&img))
		ret = boot_entry_long64(ctx, load + ENTRY64_OFFSET, err);
	else
		ret = boot_entry_prot32(ctx, (uint32_t)load, err);
	ctx->out->rsi = gpa;
	return ret;
}
