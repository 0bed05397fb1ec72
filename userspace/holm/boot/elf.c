// SPDX-License-Identifier: GPL-2.0-or-later
/* ELF images: System V ABI, chapters 4 (object files) and 5 (program loading). */
#include <elf.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "elf.h"

/* True when [offset, offset + len) is inside the file. */
static bool elf_inside(const struct elf_image *elf, uint64_t offset, uint64_t len)
{
	return offset <= elf->size && len <= elf->size - offset;
}

static int elf_check_ident(const struct boot_file *file, struct err *err)
{
	const uint8_t *id = file->data;

	if (file->size < EI_NIDENT)
		return err_set(err, "the ELF image is truncated: %" PRIu64 " bytes", file->size);
	if (id[EI_CLASS] != ELFCLASS32 && id[EI_CLASS] != ELFCLASS64)
		return err_set(err, "the ELF class is %u, expected 1 (32-bit) or 2 (64-bit)",
			       id[EI_CLASS]);
	if (id[EI_DATA] != ELFDATA2LSB)
		return err_set(err, "the ELF image is not little endian");
	if (id[EI_VERSION] != EV_CURRENT)
		return err_set(err, "the ELF version is %u, expected 1", id[EI_VERSION]);
	return 0;
}

int elf_parse(struct elf_image *elf, const struct boot_file *file, struct err *err)
{
	uint16_t type, machine, phentsize, want;

	if (elf_check_ident(file, err))
		return -1;
	memset(elf, 0, sizeof(*elf));
	elf->data = file->data;
	elf->size = file->size;
	elf->is64 = file->data[EI_CLASS] == ELFCLASS64;

	if (elf->is64) {
		Elf64_Ehdr h;

		if (!elf_inside(elf, 0, sizeof(h)))
			return err_set(err, "the ELF header is truncated");
		memcpy(&h, elf->data, sizeof(h));
		type = h.e_type;
		machine = h.e_machine;
		phentsize = h.e_phentsize;
		elf->entry = h.e_entry;
		elf->phoff = h.e_phoff;
		elf->phnum = h.e_phnum;
		want = sizeof(Elf64_Phdr);
	} else {
		Elf32_Ehdr h;

		if (!elf_inside(elf, 0, sizeof(h)))
			return err_set(err, "the ELF header is truncated");
		memcpy(&h, elf->data, sizeof(h));
		type = h.e_type;
		machine = h.e_machine;
		phentsize = h.e_phentsize;
		elf->entry = h.e_entry;
		elf->phoff = h.e_phoff;
		elf->phnum = h.e_phnum;
		want = sizeof(Elf32_Phdr);
	}

	if (machine != EM_X86_64 && (machine != EM_386 || elf->is64))
		return err_set(err, "the ELF image is for machine %u, expected %u (i386) or %u (x86-64)",
			       machine, EM_386, EM_X86_64);
	if (type != ET_EXEC)
		return err_set(err, "the ELF type is %u, expected %u (an executable with fixed addresses)",
			       type, ET_EXEC);
	if (!elf->phnum || elf->phnum > ELF_MAX_SEGMENTS)
		return err_set(err, "the ELF image has %u program headers, expected 1 to %u",
			       elf->phnum, ELF_MAX_SEGMENTS);
	if (phentsize != want)
		return err_set(err, "ELF program headers have %u bytes, expected %u", phentsize,
			       want);
	if (!elf_inside(elf, elf->phoff, (uint64_t)elf->phnum * want))
		return err_set(err, "the ELF image is truncated: %u program headers at offset %"
			       PRIu64 " do not fit in %" PRIu64 " bytes",
			       elf->phnum, elf->phoff, elf->size);
	return 0;
}

int elf_get_segment(const struct elf_image *elf, unsigned int i, struct elf_segment *seg,
		    struct err *err)
{
	if (elf->is64) {
		Elf64_Phdr p;

		memcpy(&p, elf->data + elf->phoff + i * sizeof(p), sizeof(p));
		*seg = (struct elf_segment){
			.type = p.p_type, .offset = p.p_offset, .vaddr = p.p_vaddr,
			.paddr = p.p_paddr, .filesz = p.p_filesz, .memsz = p.p_memsz,
			.align = p.p_align,
		};
	} else {
		Elf32_Phdr p;

		memcpy(&p, elf->data + elf->phoff + i * sizeof(p), sizeof(p));
		*seg = (struct elf_segment){
			.type = p.p_type, .offset = p.p_offset, .vaddr = p.p_vaddr,
			.paddr = p.p_paddr, .filesz = p.p_filesz, .memsz = p.p_memsz,
			.align = p.p_align,
		};
	}

	if (seg->type != PT_LOAD && seg->type != PT_NOTE)
		return 0;
	if (!elf_inside(elf, seg->offset, seg->filesz))
		return err_set(err, "the ELF image is truncated: segment %u (%" PRIu64
			       " bytes at offset %" PRIu64 ") does not fit in %" PRIu64 " bytes",
			       i, seg->filesz, seg->offset, elf->size);
	if (seg->type == PT_LOAD && seg->filesz > seg->memsz)
		return err_set(err, "ELF segment %u has %" PRIu64 " bytes in the file but %"
			       PRIu64 " in memory", i, seg->filesz, seg->memsz);
	return 0;
}

int elf_load(struct boot_ctx *ctx, const struct elf_image *elf, struct err *err)
{
	unsigned int loaded = 0;

	for (unsigned int i = 0; i < elf->phnum; i++) {
		char what[BOOT_CLAIM_NAME];
		struct elf_segment seg;
		void *to;

		if (elf_get_segment(elf, i, &seg, err))
			return -1;
		if (seg.type != PT_LOAD || !seg.memsz)
			continue;
		if (seg.paddr >= BOOT_LIMIT_4G || seg.memsz > BOOT_LIMIT_4G - seg.paddr)
			return err_set(err, "ELF segment %u (%" PRIu64 " bytes at 0x%" PRIx64
				       ") is not below 4 GiB", i, seg.memsz, seg.paddr);
		snprintf(what, sizeof(what), "ELF segment %u", i);
		to = boot_claim(ctx, seg.paddr, seg.memsz, what, err);
		if (!to)
			return -1;
		memcpy(to, elf->data + seg.offset, seg.filesz);
		loaded++;
	}
	if (!loaded)
		return err_set(err, "the ELF image has nothing to load");
	return 0;
}

int elf_check_entry(const struct elf_image *elf, uint64_t entry, struct err *err)
{
	for (unsigned int i = 0; i < elf->phnum; i++) {
		struct elf_segment seg;

		if (elf_get_segment(elf, i, &seg, err))
			return -1;
		if (seg.type == PT_LOAD && entry >= seg.paddr && entry - seg.paddr < seg.memsz)
			return 0;
	}
	return err_set(err, "the entry point 0x%" PRIx64 " is not inside a loaded ELF segment",
		       entry);
}
