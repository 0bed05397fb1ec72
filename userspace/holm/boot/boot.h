/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Boot loading: put a kernel and what goes with it into guest RAM, and say in
 * which state the boot processor starts it.
 *
 * | format     | recognized by                              | starts in      |
 * |------------|--------------------------------------------|----------------|
 * | bzImage    | "HdrS" at 0x202, boot protocol 2.06 on      | 64-bit, 32-bit |
 * | PVH        | ELF with a XEN_ELFNOTE_PHYS32_ENTRY note   | 32-bit         |
 * | multiboot  | multiboot 1 header in the first 8 KiB      | 32-bit         |
 * | flat       | none of the above                          | real mode      |
 */
#ifndef HOLM_BOOT_BOOT_H
#define HOLM_BOOT_BOOT_H

#include <stddef.h>
#include <stdint.h>

#include "../err.h"
#include "../gmem.h"

/* Where a flat binary is loaded and started: as a PC's BIOS does (0000:7C00). */
#define BOOT_FLAT_GPA		0x7c00ULL

enum boot_format {
	BOOT_FORMAT_BZIMAGE,
	BOOT_FORMAT_PVH,
	BOOT_FORMAT_MULTIBOOT,
	BOOT_FORMAT_FLAT,
};

enum boot_mode {
	BOOT_MODE_REAL16,	/* CR0.PE clear */
	BOOT_MODE_PROT32,	/* protected mode, flat 4 GiB segments, no paging */
	BOOT_MODE_LONG64,	/* 64-bit mode, first 4 GiB mapped one to one */
};

/**
 * struct boot_raw - a file to place in guest RAM as it is
 * @path: the file
 * @gpa: guest physical address of its first byte
 */
struct boot_raw {
	const char *path;
	uint64_t gpa;
};

/**
 * struct boot_params_in - what to load
 * @kernel: path of the kernel image
 * @cmdline: kernel command line; NULL means empty
 * @initrds: initrds (bzImage: concatenated) or modules (multiboot, PVH: each
 *	"PATH" or "PATH ARGUMENTS")
 * @nr_initrds: entries of @initrds
 * @raws: files placed at fixed addresses
 * @nr_raws: entries of @raws
 * @rsdp: guest physical address of the ACPI RSDP, 0 when there is none. It
 *	is expected inside a range that the e820 map reserves; nothing else of
 *	the ACPI tables concerns the loaders.
 */
struct boot_params_in {
	const char *kernel;
	const char *cmdline;
	const char *const *initrds;
	size_t nr_initrds;
	const struct boot_raw *raws;
	size_t nr_raws;
	uint64_t rsdp;
};

/**
 * struct boot_segment - a segment register with its hidden part
 * @base: linear base address
 * @limit: offset of the last byte, with the granularity already applied
 * @selector: visible part
 * @type: descriptor type, 4 bits (SDM vol. 3, 3.4.5.1 and 3.5)
 * @s: 1 for code and data, 0 for system segments
 * @dpl: descriptor privilege level
 * @present: 1 when usable
 * @avl: available for software
 * @l: 64-bit code
 * @db: default operation size
 * @g: granularity
 */
struct boot_segment {
	uint64_t base;
	uint32_t limit;
	uint16_t selector;
	uint8_t type;
	uint8_t s;
	uint8_t dpl;
	uint8_t present;
	uint8_t avl;
	uint8_t l;
	uint8_t db;
	uint8_t g;
};

struct boot_table {
	uint64_t base;
	uint16_t limit;
};

/**
 * struct boot_entry - the state in which the boot processor starts
 *
 * Whatever is not named here has its value after INIT (SDM vol. 3, table 11-1;
 * APM vol. 2, table 14-1). @rsp points at no stack in the 32-bit and 64-bit
 * modes: the boot protocols leave that to the kernel.
 */
struct boot_entry {
	enum boot_format format;
	enum boot_mode mode;

	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp;
	uint64_t rip, rflags;

	uint64_t cr0, cr3, cr4, efer;

	struct boot_segment cs, ds, es, fs, gs, ss, tr, ldt;
	struct boot_table gdt, idt;
};

/**
 * boot_load() - load a kernel into guest RAM
 * @gmem: guest RAM; its contents are undefined after a failure
 * @in: what to load; nothing of it is kept
 * @out: how to start it
 * @err: says what is wrong with which file
 *
 * Every byte of every file is taken for hostile: no image makes this write
 * outside guest RAM or read outside the file.
 *
 * Return: 0, or -1 with @err set.
 */
int boot_load(struct gmem *gmem, const struct boot_params_in *in,
	      struct boot_entry *out, struct err *err);

/**
 * boot_format_name() - a format's name for messages
 * @format: one of enum boot_format
 *
 * Return: a constant string.
 */
const char *boot_format_name(enum boot_format format);

#endif /* HOLM_BOOT_BOOT_H */
