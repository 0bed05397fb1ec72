// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The PVH boot protocol: an ELF image with a note that names a 32-bit entry
 * point, and struct hvm_start_info (Xen's public/arch-x86/hvm/start_info.h and
 * docs/misc/pvh.pandoc).
 */
#include <elf.h>
#include <inttypes.h>
#include <string.h>

#include "elf.h"

#define XEN_ELFNOTE_PHYS32_ENTRY	18
#define XEN_NOTE_NAME			"Xen"

/* Kernels have a few hundred bytes of notes. */
#define PVH_MAX_NOTES			(1U << 20)

#define HVM_START_MAGIC			0x336ec578U
#define HVM_START_VERSION		1

struct hvm_start_info {
	uint32_t magic;
	uint32_t version;
	uint32_t flags;
	uint32_t nr_modules;
	uint64_t modlist_paddr;
	uint64_t cmdline_paddr;
	uint64_t rsdp_paddr;
	uint64_t memmap_paddr;
	uint32_t memmap_entries;
	uint32_t reserved;
};

struct hvm_modlist_entry {
	uint64_t paddr;
	uint64_t size;
	uint64_t cmdline_paddr;
	uint64_t reserved;
};

struct hvm_memmap_entry {
	uint64_t addr;
	uint64_t size;
	uint32_t type;		/* as in the e820 map */
	uint32_t reserved;
};

_Static_assert(sizeof(struct hvm_start_info) == 56, "hvm_start_info, version 1");
_Static_assert(sizeof(struct hvm_modlist_entry) == 32, "hvm_modlist_entry");
_Static_assert(sizeof(struct hvm_memmap_entry) == 24, "hvm_memmap_entry");

/* Padding in front of the next field of a note: to 4 bytes, or to 8. */
static uint64_t note_pad(uint64_t offset, uint64_t align)
{
	return (offset + align - 1) & ~(align - 1);
}

/* 1 with *entry set when the segment has the note, 0 when not, -1 when bad. */
static int pvh_scan_notes(const struct elf_image *elf, const struct elf_segment *seg,
			  uint64_t *entry, struct err *err)
{
	const uint8_t *p = elf->data + seg->offset;
	uint64_t align = seg->align == 8 ? 8 : 4;
	uint64_t at = 0;

	while (seg->filesz - at >= sizeof(Elf64_Nhdr)) {
		uint64_t name, desc, end;
		Elf64_Nhdr n;

		memcpy(&n, p + at, sizeof(n));
		name = at + sizeof(n);
		/* 32-bit lengths on 64-bit offsets inside a file: no overflow. */
		desc = note_pad(name + n.n_namesz, align);
		end = desc + n.n_descsz;
		if (end > seg->filesz)
			return err_set(err, "an ELF note at offset %" PRIu64 " ends outside its segment",
				       seg->offset + at);
		if (n.n_type == XEN_ELFNOTE_PHYS32_ENTRY && n.n_namesz == sizeof(XEN_NOTE_NAME) &&
		    !memcmp(p + name, XEN_NOTE_NAME, sizeof(XEN_NOTE_NAME))) {
			if (n.n_descsz != 4 && n.n_descsz != 8)
				return err_set(err, "the PVH entry note has %u bytes, expected 4 or 8",
					       n.n_descsz);
			*entry = 0;
			memcpy(entry, p + desc, n.n_descsz);
			return 1;
		}
		at = note_pad(end, align);
		if (at > seg->filesz)
			break;
	}
	return 0;
}

static int pvh_find_entry(const struct elf_image *elf, uint64_t *entry, struct err *err)
{
	for (unsigned int i = 0; i < elf->phnum; i++) {
		struct elf_segment seg;
		int ret;

		if (elf_get_segment(elf, i, &seg, err))
			return -1;
		if (seg.type != PT_NOTE)
			continue;
		if (seg.filesz > PVH_MAX_NOTES)
			return err_set(err, "ELF segment %u has %" PRIu64 " bytes of notes, the limit is %u",
				       i, seg.filesz, PVH_MAX_NOTES);
		ret = pvh_scan_notes(elf, &seg, entry, err);
		if (ret)
			return ret;
	}
	return 0;
}

static int pvh_put_modules(struct boot_ctx *ctx, struct hvm_start_info *info, struct err *err)
{
	struct boot_module mods[BOOT_MAX_MODULES];
	size_t nr = ctx->in->nr_initrds;
	struct hvm_modlist_entry *list;

	if (!nr)
		return 0;
	if (boot_load_modules(ctx, mods, err))
		return -1;
	list = boot_alloc_info(ctx, nr * sizeof(*list), 8, "the module list",
			       &info->modlist_paddr, err);
	if (!list)
		return -1;
	for (size_t i = 0; i < nr; i++)
		list[i] = (struct hvm_modlist_entry){
			.paddr = mods[i].start,
			.size = mods[i].size,
			.cmdline_paddr = mods[i].cmdline,
		};
	info->nr_modules = (uint32_t)nr;
	return 0;
}

static int pvh_put_memory_map(struct boot_ctx *ctx, struct hvm_start_info *info,
			      struct err *err)
{
	struct e820_range map[GMEM_MAX_E820];
	unsigned int nr = gmem_e820(ctx->gmem, map);
	struct hvm_memmap_entry *to;

	to = boot_alloc_info(ctx, nr * sizeof(*to), 8, "the memory map", &info->memmap_paddr,
			     err);
	if (!to)
		return -1;
	for (unsigned int i = 0; i < nr; i++)
		to[i] = (struct hvm_memmap_entry){
			.addr = map[i].addr,
			.size = map[i].size,
			.type = map[i].type,
		};
	info->memmap_entries = nr;
	return 0;
}

static int pvh_put_start_info(struct boot_ctx *ctx, struct err *err)
{
	struct hvm_start_info info = {
		.magic = HVM_START_MAGIC,
		.version = HVM_START_VERSION,
		.rsdp_paddr = ctx->in->rsdp,
	};
	const char *cmdline = ctx->in->cmdline;
	uint64_t gpa;
	void *to;

	to = boot_alloc_info(ctx, sizeof(info), 8, "the PVH start info", &gpa, err);
	if (!to)
		return -1;
	if (boot_put_string(ctx, cmdline ? cmdline : "", "the kernel command line",
			    &info.cmdline_paddr, err) ||
	    pvh_put_modules(ctx, &info, err) || pvh_put_memory_map(ctx, &info, err))
		return -1;
	memcpy(to, &info, sizeof(info));
	ctx->out->rbx = gpa;
	return 0;
}

int pvh_load(struct boot_ctx *ctx, const struct boot_file *file, struct err *err)
{
	struct elf_image elf;
	uint64_t entry;
	int ret;

	if (elf_parse(&elf, file, err))
		return -1;
	ret = pvh_find_entry(&elf, &entry, err);
	if (ret <= 0)
		return ret;

	if (elf_load(ctx, &elf, err) || elf_check_entry(&elf, entry, err) ||
	    pvh_put_start_info(ctx, err) || boot_entry_prot32(ctx, (uint32_t)entry, err))
		return -1;
	ctx->out->format = BOOT_FORMAT_PVH;
	return 1;
}
