// SPDX-License-Identifier: GPL-2.0-or-later
/* Multiboot 1 (Multiboot Specification 0.6.96). */
#define _GNU_SOURCE
#include <elf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elf.h"

#define MB_SEARCH		8192U
#define MB_HEADER_MAGIC		0x1badb002U
#define MB_LOADER_MAGIC		0x2badb002U

/* Header flags; the loader must refuse what it does not know in bits 0..15. */
#define MB_PAGE_ALIGN		(1U << 0)
#define MB_MEMORY_INFO		(1U << 1)
#define MB_VIDEO_MODE		(1U << 2)
#define MB_AOUT_KLUDGE		(1U << 16)
#define MB_REQUIRED		0xffffU

/* Flags of the information structure. */
#define MB_INFO_MEMORY		(1U << 0)
#define MB_INFO_CMDLINE		(1U << 2)
#define MB_INFO_MODS		(1U << 3)
#define MB_INFO_MMAP		(1U << 6)
#define MB_INFO_LOADER_NAME	(1U << 9)

struct mb_header {
	uint32_t magic;
	uint32_t flags;
	uint32_t checksum;
	/* Valid with MB_AOUT_KLUDGE. */
	uint32_t header_addr;
	uint32_t load_addr;
	uint32_t load_end_addr;
	uint32_t bss_end_addr;
	uint32_t entry_addr;
};

#define MB_HEADER_MIN		offsetof(struct mb_header, header_addr)

struct mb_info {
	uint32_t flags;
	uint32_t mem_lower;
	uint32_t mem_upper;
	uint32_t boot_device;
	uint32_t cmdline;
	uint32_t mods_count;
	uint32_t mods_addr;
	uint32_t syms[4];
	uint32_t mmap_length;
	uint32_t mmap_addr;
	uint32_t drives_length;
	uint32_t drives_addr;
	uint32_t config_table;
	uint32_t boot_loader_name;
	uint32_t apm_table;
	uint32_t vbe_control_info;
	uint32_t vbe_mode_info;
	uint16_t vbe_mode;
	uint16_t vbe_interface_seg;
	uint16_t vbe_interface_off;
	uint16_t vbe_interface_len;
};

struct mb_module {
	uint32_t mod_start;
	uint32_t mod_end;
	uint32_t string;
	uint32_t reserved;
};

struct mb_mmap_entry {
	uint32_t size;		/* of the rest */
	uint64_t addr;
	uint64_t len;
	uint32_t type;		/* as in the e820 map */
} __attribute__((packed));

_Static_assert(sizeof(struct mb_info) == 88, "multiboot information, 3.3");
_Static_assert(sizeof(struct mb_mmap_entry) == 24, "memory map entry, 3.3");

/* Finds the header: on a multiple of four, wholly in the first 8 KiB (3.1). */
static bool mb_find_header(const struct boot_file *file, struct mb_header *h,
			   uint64_t *offset)
{
	uint64_t end = file->size < MB_SEARCH ? file->size : MB_SEARCH;

	for (uint64_t at = 0; at + MB_HEADER_MIN <= end; at += 4) {
		uint64_t len = file->size - at < sizeof(*h) ? file->size - at : sizeof(*h);

		memcpy(h, file->data + at, MB_HEADER_MIN);
		if (h->magic != MB_HEADER_MAGIC || h->magic + h->flags + h->checksum != 0)
			continue;
		if ((h->flags & MB_AOUT_KLUDGE) && len < sizeof(*h))
			continue;
		memset(h, 0, sizeof(*h));
		memcpy(h, file->data + at, len);
		*offset = at;
		return true;
	}
	return false;
}

static int mb_load_kludge(struct boot_ctx *ctx, const struct boot_file *file,
			  const struct mb_header *h, uint64_t header_offset, struct err *err)
{
	uint64_t offset, len, memsz;
	uint8_t *to;

	if (h->load_addr > h->header_addr)
		return err_set(err, "the multiboot header is at 0x%x, below the load address 0x%x",
			       h->header_addr, h->load_addr);
	if (h->header_addr - h->load_addr > header_offset)
		return err_set(err, "the multiboot header asks to load from before the start of the file");
	offset = header_offset - (h->header_addr - h->load_addr);

	len = file->size - offset;
	if (h->load_end_addr) {
		if (h->load_end_addr <= h->load_addr)
			return err_set(err, "the multiboot load end 0x%x is not above the load address 0x%x",
				       h->load_end_addr, h->load_addr);
		if (h->load_end_addr - h->load_addr > len)
			return err_set(err, "the multiboot image is truncated: %u bytes to load, the file has %"
				       PRIu64, h->load_end_addr - h->load_addr, len);
		len = h->load_end_addr - h->load_addr;
	}
	memsz = len;
	if (h->bss_end_addr) {
		if (h->bss_end_addr < h->load_addr || h->bss_end_addr - h->load_addr < len)
			return err_set(err, "the multiboot bss end 0x%x is inside the loaded image",
				       h->bss_end_addr);
		memsz = h->bss_end_addr - h->load_addr;
	}
	if (h->entry_addr < h->load_addr || h->entry_addr - h->load_addr >= memsz)
		return err_set(err, "the multiboot entry point 0x%x is outside the image",
			       h->entry_addr);

	to = boot_claim(ctx, h->load_addr, memsz, "the multiboot image", err);
	if (!to)
		return -1;
	memcpy(to, file->data + offset, len);
	return 0;
}

/*
 * Kernels linked to a high virtual address leave a virtual e_entry: what counts
 * is the place in the segment.
 */
static int mb_elf_entry(const struct elf_image *elf, uint64_t *entry, struct err *err)
{
	for (unsigned int i = 0; i < elf->phnum; i++) {
		struct elf_segment seg;

		if (elf_get_segment(elf, i, &seg, err))
			return -1;
		if (seg.type == PT_LOAD && elf->entry >= seg.vaddr &&
		    elf->entry - seg.vaddr < seg.memsz) {
			*entry = seg.paddr + (elf->entry - seg.vaddr);
			return 0;
		}
	}
	*entry = elf->entry;
	return elf_check_entry(elf, elf->entry, err);
}

static int mb_load_image(struct boot_ctx *ctx, const struct boot_file *file,
			 const struct mb_header *h, uint64_t header_offset, uint64_t *entry,
			 struct err *err)
{
	struct elf_image elf;

	if (h->flags & MB_AOUT_KLUDGE) {
		*entry = h->entry_addr;
		return mb_load_kludge(ctx, file, h, header_offset, err);
	}
	if (file->size < SELFMAG || memcmp(file->data, ELFMAG, SELFMAG))
		return err_set(err, "it has a multiboot header, but is no ELF image and the header gives no load addresses (flag 16)");
	if (elf_parse(&elf, file, err) || elf_load(ctx, &elf, err))
		return -1;
	return mb_elf_entry(&elf, entry, err);
}

static int mb_put_modules(struct boot_ctx *ctx, struct mb_info *info, struct err *err)
{
	struct boot_module mods[BOOT_MAX_MODULES];
	size_t nr = ctx->in->nr_initrds;
	struct mb_module *list;
	uint64_t gpa;

	if (!nr)
		return 0;
	if (boot_load_modules(ctx, mods, err))
		return -1;
	list = boot_alloc_info(ctx, nr * sizeof(*list), 8, "the module list", &gpa, err);
	if (!list)
		return -1;
	for (size_t i = 0; i < nr; i++)
		list[i] = (struct mb_module){
			.mod_start = (uint32_t)mods[i].start,
			.mod_end = (uint32_t)(mods[i].start + mods[i].size),
			.string = (uint32_t)mods[i].cmdline,
		};
	info->mods_addr = (uint32_t)gpa;
	info->mods_count = (uint32_t)nr;
	return 0;
}

static int mb_put_memory_map(struct boot_ctx *ctx, struct mb_info *info, struct err *err)
{
	struct e820_range map[GMEM_MAX_E820];
	unsigned int nr = gmem_e820(ctx->gmem, map);
	struct mb_mmap_entry *to;
	uint64_t gpa;

	to = boot_alloc_info(ctx, nr * sizeof(*to), 8, "the memory map", &gpa, err);
	if (!to)
		return -1;
	for (unsigned int i = 0; i < nr; i++)
		to[i] = (struct mb_mmap_entry){
			.size = sizeof(*to) - sizeof(to->size),
			.addr = map[i].addr,
			.len = map[i].size,
			.type = map[i].type,
		};
	info->mmap_addr = (uint32_t)gpa;
	info->mmap_length = nr * (uint32_t)sizeof(*to);
	/* In KiB: base memory, and what follows the first MiB without a gap. */
	info->mem_lower = GMEM_EBDA_START / 1024;
	info->mem_upper = (uint32_t)((gmem_low_end(ctx->gmem) - GMEM_HIGH_START) / 1024);
	return 0;
}

/* The kernel's path and its arguments, as GRUB gives them. */
static int mb_put_cmdline(struct boot_ctx *ctx, struct mb_info *info, struct err *err)
{
	const char *args = ctx->in->cmdline && *ctx->in->cmdline ? ctx->in->cmdline : NULL;
	uint64_t gpa;
	char *str;
	int ret;

	if (asprintf(&str, "%s%s%s", ctx->in->kernel, args ? " " : "", args ? args : "") < 0)
		return err_set(err, "no memory for the command line");
	ret = boot_put_string(ctx, str, "the kernel command line", &gpa, err);
	free(str);
	info->cmdline = (uint32_t)gpa;
	return ret;
}

static int mb_put_info(struct boot_ctx *ctx, struct err *err)
{
	struct mb_info info = {
		.flags = MB_INFO_MEMORY | MB_INFO_CMDLINE | MB_INFO_MODS | MB_INFO_MMAP |
			 MB_INFO_LOADER_NAME,
	};
	uint64_t gpa, name;
	void *to;

	to = boot_alloc_info(ctx, sizeof(info), 8, "the multiboot information", &gpa, err);
	if (!to)
		return -1;
	if (mb_put_cmdline(ctx, &info, err) || mb_put_modules(ctx, &info, err) ||
	    mb_put_memory_map(ctx, &info, err) ||
	    boot_put_string(ctx, "holm", "the boot loader's name", &name, err))
		return -1;
	info.boot_loader_name = (uint32_t)name;
	memcpy(to, &info, sizeof(info));
	ctx->out->rax = MB_LOADER_MAGIC;
	ctx->out->rbx = gpa;
	return 0;
}

int multiboot_load(struct boot_ctx *ctx, const struct boot_file *file, struct err *err)
{
	uint64_t offset, entry = 0;
	struct mb_header h;
	uint32_t unknown;

	if (!mb_find_header(file, &h, &offset))
		return 0;
	unknown = h.flags & MB_REQUIRED & ~(MB_PAGE_ALIGN | MB_MEMORY_INFO | MB_VIDEO_MODE);
	if (unknown)
		return err_set(err, "the multiboot header requires features 0x%x, which are unknown",
			       unknown);
	if (h.flags & MB_VIDEO_MODE)
		return err_set(err, "the multiboot header requires a video mode, but there is no display");

	if (mb_load_image(ctx, file, &h, offset, &entry, err) || mb_put_info(ctx, err) ||
	    boot_entry_prot32(ctx, (uint32_t)entry, err))
		return -1;
	ctx->out->format = BOOT_FORMAT_MULTIBOOT;
	return 1;
}
