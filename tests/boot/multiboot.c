// SPDX-License-Identifier: GPL-2.0-or-later
/* Multiboot Specification 0.6.96, 3.2 and 3.3. */
#include "boot.h"

#define MULTIBOOT_LOADER_MAGIC	0x2badb002u

#define INFO_MEMORY		(1u << 0)
#define INFO_CMDLINE		(1u << 2)
#define INFO_MODS		(1u << 3)
#define INFO_MMAP		(1u << 6)

struct multiboot_info {
	uint32_t flags, mem_lower, mem_upper, boot_device, cmdline;
	uint32_t mods_count, mods_addr, syms[4], mmap_length, mmap_addr;
};

struct multiboot_module {
	uint32_t start, end, string, reserved;
};

struct multiboot_range {
	uint32_t size;
	uint64_t addr, len;
	uint32_t type;
} __attribute__((packed));

static struct boot_info bi = { .protocol = "multiboot" };

static void ranges(const struct multiboot_info *info)
{
	uint32_t offset = 0;

	while (offset < info->mmap_length) {
		const struct multiboot_range *from = at(info->mmap_addr + offset);
		struct boot_range *to = &bi.ranges[bi.nr_ranges++];

		if (bi.nr_ranges == MAX_RANGES)
			die("too many ranges of memory");
		to->start = from->addr;
		to->size = from->len;
		to->type = from->type;
		offset += from->size + sizeof(from->size);
	}
}

void boot(uint32_t eax, uint32_t ebx)
{
	const struct multiboot_info *info = at(ebx);
	const struct multiboot_module *mod;
	uint32_t i;

	if (eax != MULTIBOOT_LOADER_MAGIC)
		die("EAX is not the loader's magic");
	if (!(info->flags & INFO_MEMORY) || info->mem_lower < 512 || info->mem_upper < 1024)
		die("no sizes of memory");
	if (!(info->flags & INFO_CMDLINE) || !(info->flags & INFO_MMAP))
		die("no command line, or no memory map");
	bi.cmdline = at(info->cmdline);
	ranges(info);
	if (info->flags & INFO_MODS) {
		mod = at(info->mods_addr);
		bi.nr_modules = info->mods_count;
		if (bi.nr_modules > MAX_MODULES)
			die("too many modules");
		for (i = 0; i < bi.nr_modules; i++, mod++) {
			bi.modules[i].start = mod->start;
			bi.modules[i].size = mod->end - mod->start;
			bi.modules[i].string = at(mod->string);
		}
	}
	run(&bi);
}
