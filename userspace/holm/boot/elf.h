/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ELF images of both classes, little endian, i386 and x86-64. */
#ifndef HOLM_BOOT_ELF_H
#define HOLM_BOOT_ELF_H

#include "loader.h"

/* Kernels have a handful; the limit bounds the work that an image can ask for. */
#define ELF_MAX_SEGMENTS	256

/**
 * struct elf_image - a checked ELF header
 * @data: contents of the file
 * @size: bytes of it
 * @is64: ELFCLASS64
 * @entry: e_entry as it is
 * @phoff: offset of the program headers, all of them inside the file
 * @phnum: how many
 */
struct elf_image {
	const uint8_t *data;
	uint64_t size;
	bool is64;
	uint64_t entry;
	uint64_t phoff;
	unsigned int phnum;
};

/**
 * struct elf_segment - a program header of either class
 * @type: PT_*
 * @offset: of its bytes in the file
 * @vaddr: virtual address
 * @paddr: physical address
 * @filesz: bytes in the file
 * @memsz: bytes in memory
 * @align: p_align
 */
struct elf_segment {
	uint32_t type;
	uint64_t offset;
	uint64_t vaddr;
	uint64_t paddr;
	uint64_t filesz;
	uint64_t memsz;
	uint64_t align;
};

/**
 * elf_parse() - check an ELF header
 * @elf: to fill
 * @file: read; must outlive @elf
 * @err: says what is wrong
 *
 * Return: 0, or -1 with @err set.
 */
int elf_parse(struct elf_image *elf, const struct boot_file *file, struct err *err);

/**
 * elf_get_segment() - read and check a program header
 * @elf: parsed
 * @i: which one, below @elf->phnum
 * @seg: to fill; its bytes lie inside the file when its type is PT_LOAD or
 *	PT_NOTE
 * @err: says what is wrong
 *
 * Return: 0, or -1 with @err set.
 */
int elf_get_segment(const struct elf_image *elf, unsigned int i, struct elf_segment *seg,
		    struct err *err);

/**
 * elf_load() - put the loadable segments at their physical addresses
 * @ctx: this run
 * @elf: parsed
 * @err: says what is wrong
 *
 * Segments are kept below 4 GiB, where code without paging can reach them.
 *
 * Return: 0, or -1 with @err set.
 */
int elf_load(struct boot_ctx *ctx, const struct elf_image *elf, struct err *err);

/**
 * elf_check_entry() - check that an address is inside a loadable segment
 * @elf: parsed
 * @entry: physical address
 * @err: says that it is not
 *
 * Return: 0, or -1 with @err set.
 */
int elf_check_entry(const struct elf_image *elf, uint64_t entry, struct err *err);

#endif /* HOLM_BOOT_ELF_H */
