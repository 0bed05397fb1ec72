// SPDX-License-Identifier: GPL-2.0-or-later
/* Xen's public/arch-x86/hvm/start_info.h. */
#include "boot.h"

#define HVM_START_MAGIC		0x336ec578u

struct hvm_start_info {
	uint32_t magic, version, flags, nr_modules;
	uint64_t modlist, cmdline, rsdp, memmap;
	uint32_t memmap_entries, reserved;
};

struct hvm_module {
	uint64_t paddr, size, cmdline, reserved;
};

struct hvm_range {
	uint64_t addr, size;
	uint32_t type, reserved;
};

static struct boot_info bi = { .protocol = "pvh" };

void boot(uint32_t eax, uint32_t ebx)
{
	const struct hvm_start_info *info = at(ebx);
	const struct hvm_module *mod = at(info->modlist);
	const struct hvm_range *range = at(info->memmap);
	uint32_t i;

	(void)eax;		/* unspecified */
	if (info->magic != HVM_START_MAGIC || info->version < 1)
		die("EBX does not point to the start info");
	bi.cmdline = at(info->cmdline);
	bi.rsdp = info->rsdp;
	bi.nr_modules = info->nr_modules;
	bi.nr_ranges = info->memmap_entries;
	if (bi.nr_modules > MAX_MODULES || bi.nr_ranges > MAX_RANGES)
		die("too many modules or ranges of memory");
	for (i = 0; i < bi.nr_modules; i++, mod++) {
		bi.modules[i].start = mod->paddr;
		bi.modules[i].size = mod->size;
		bi.modules[i].string = mod->cmdline ? at(mod->cmdline) : "";
	}
	for (i = 0; i < bi.nr_ranges; i++, range++) {
		bi.ranges[i].start = range->addr;
		bi.ranges[i].size = range->size;
		bi.ranges[i].type = range->type;
	}
	run(&bi);
}
