/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the loaders share; nothing outside boot/ includes this. */
#ifndef HOLM_BOOT_LOADER_H
#define HOLM_BOOT_LOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "boot.h"

/* Larger than any kernel with debug information, small enough to read whole. */
#define BOOT_MAX_KERNEL_FILE	(2ULL << 30)
#define BOOT_MAX_CMDLINE	0x10000U
#define BOOT_MAX_CLAIMS		512	/* above all other limits together */
#define BOOT_MAX_MODULES	64	/* initrds of all formats */
#define BOOT_CLAIM_NAME		64

/*
 * Boot information goes to low memory from here up. Below it kernels like to
 * put the code that starts other processors, and the top of base memory is
 * where Linux builds the trampoline of its decompressor.
 */
#define BOOT_INFO_START		0x9000ULL

#define BOOT_LIMIT_4G		0x100000000ULL

/**
 * struct boot_claim - a range of guest RAM that is taken
 * @start: first guest physical address
 * @end: just past the last one
 * @what: its name for messages
 */
struct boot_claim {
	uint64_t start;
	uint64_t end;
	char what[BOOT_CLAIM_NAME];
};

/**
 * struct boot_ctx - one run of boot_load()
 * @gmem: guest RAM
 * @in: what to load
 * @out: how to start it
 * @nr_claims: entries of @claims in use
 * @claims: ranges taken so far, disjoint, in the order they were taken
 */
struct boot_ctx {
	struct gmem *gmem;
	const struct boot_params_in *in;
	struct boot_entry *out;
	unsigned int nr_claims;
	struct boot_claim claims[BOOT_MAX_CLAIMS];
};

/**
 * struct boot_file - an open file
 * @path: as the user gave it
 * @fd: open for reading
 * @size: bytes
 * @data: its contents, after boot_file_read(); NULL before
 */
struct boot_file {
	const char *path;
	int fd;
	uint64_t size;
	uint8_t *data;
};

/* boot.c: what is where in guest RAM */

/**
 * boot_claim() - take a range of guest RAM at a given address
 * @ctx: this run
 * @gpa: first guest physical address, any value
 * @size: bytes, any value but 0
 * @what: its name for messages
 * @err: says with what it collides, or that it is no RAM
 *
 * Return: the host address of the range, or NULL with @err set.
 */
void *boot_claim(struct boot_ctx *ctx, uint64_t gpa, uint64_t size, const char *what,
		 struct err *err);

/**
 * boot_alloc_info() - take a range for boot information, as low as possible
 * @ctx: this run
 * @size: bytes, not 0
 * @align: power of two
 * @what: its name for messages
 * @gpa: guest physical address of the range, at BOOT_INFO_START or above
 * @err: says that nothing is left
 *
 * Only RAM below 4 GiB that the e820 map calls RAM is used.
 *
 * Return: the host address of the range, or NULL with @err set.
 */
void *boot_alloc_info(struct boot_ctx *ctx, uint64_t size, uint64_t align,
		      const char *what, uint64_t *gpa, struct err *err);

/**
 * boot_alloc_top() - take a range as high as possible
 * @ctx: this run
 * @size: bytes, not 0
 * @align: power of two
 * @limit: the range ends at or below this guest physical address
 * @what: its name for messages
 * @gpa: guest physical address of the range
 * @err: says that nothing is left
 *
 * Only RAM below 4 GiB that the e820 map calls RAM is used.
 *
 * Return: the host address of the range, or NULL with @err set.
 */
void *boot_alloc_top(struct boot_ctx *ctx, uint64_t size, uint64_t align, uint64_t limit,
		     const char *what, uint64_t *gpa, struct err *err);

/**
 * boot_find_bottom() - look for a free range, as low as possible
 * @ctx: this run
 * @size: bytes, not 0
 * @align: power of two
 * @start: the range starts at or above this guest physical address
 * @gpa: guest physical address of the range
 *
 * Takes nothing. Only RAM below 4 GiB that the e820 map calls RAM is used.
 *
 * Return: true when there is one.
 */
bool boot_find_bottom(const struct boot_ctx *ctx, uint64_t size, uint64_t align,
		      uint64_t start, uint64_t *gpa);

/**
 * boot_put_string() - put a string into boot information
 * @ctx: this run
 * @str: the string; its NUL is put too
 * @what: its name for messages
 * @gpa: guest physical address of the string
 * @err: says that it is too long or nothing is left
 *
 * Return: 0, or -1 with @err set.
 */
int boot_put_string(struct boot_ctx *ctx, const char *str, const char *what,
		    uint64_t *gpa, struct err *err);

/* file.c: files */

/**
 * boot_file_open() - open a regular file
 * @file: to fill; needs boot_file_close() only on success
 * @path: must outlive @file
 * @err: says why it cannot be
 *
 * Return: 0, or -1 with @err set.
 */
int boot_file_open(struct boot_file *file, const char *path, struct err *err);

/**
 * boot_file_read() - read a file's contents into memory of its own
 * @file: open
 * @err: says why it cannot be, BOOT_MAX_KERNEL_FILE included
 *
 * Return: 0, or -1 with @err set.
 */
int boot_file_read(struct boot_file *file, struct err *err);

/**
 * boot_file_copy() - read a whole file to an address
 * @file: open
 * @to: at least @file->size bytes
 * @err: says why it cannot be; a file that has shrunk is an error
 *
 * Return: 0, or -1 with @err set.
 */
int boot_file_copy(const struct boot_file *file, void *to, struct err *err);

/**
 * boot_file_close() - close a file and free its contents
 * @file: open
 */
void boot_file_close(struct boot_file *file);

/* modules.c: --initrd FILE [ARGUMENTS] as modules */

/**
 * struct boot_module - a loaded module
 * @start: guest physical address of its first byte, page aligned
 * @size: bytes
 * @cmdline: guest physical address of its string
 */
struct boot_module {
	uint64_t start;
	uint64_t size;
	uint64_t cmdline;
};

/**
 * boot_load_modules() - load every initrd as a module of its own
 * @ctx: this run
 * @mods: to fill, @ctx->in->nr_initrds entries
 * @err: says which one failed and why
 *
 * "PATH ARGUMENTS" is split at the first blank, unless a file with the whole
 * string as its name exists. The module's string is the whole.
 *
 * Return: 0, or -1 with @err set.
 */
int boot_load_modules(struct boot_ctx *ctx, struct boot_module *mods, struct err *err);

/* entry.c: the processor's state */

/**
 * boot_entry_real16() - start in real mode
 * @out: to fill
 * @cs: code segment; the others are 0
 * @ip: offset in it; also the stack pointer, which grows down from there
 */
void boot_entry_real16(struct boot_entry *out, uint16_t cs, uint16_t ip);

/**
 * boot_entry_prot32() - start in protected mode without paging
 * @ctx: this run; a GDT with code at 0x10 and data at 0x18 is put into RAM
 * @rip: linear address of the first instruction
 * @err: says that RAM is full
 *
 * Return: 0, or -1 with @err set.
 */
int boot_entry_prot32(struct boot_ctx *ctx, uint32_t rip, struct err *err);

/**
 * boot_entry_long64() - start in 64-bit mode
 * @ctx: this run; a GDT as above and page tables that map the first 4 GiB one
 *	to one are put into RAM
 * @rip: linear address of the first instruction
 * @err: says that RAM is full
 *
 * Return: 0, or -1 with @err set.
 */
int boot_entry_long64(struct boot_ctx *ctx, uint64_t rip, struct err *err);

/* bzimage.c */

/**
 * bzimage_probe() - tell whether a file is a Linux kernel image
 * @data: contents
 * @size: bytes
 *
 * Return: true when it has the setup header's magic.
 */
bool bzimage_probe(const uint8_t *data, size_t size);

/**
 * bzimage_load() - load a Linux bzImage, its command line and initrds
 * @ctx: this run; @ctx->out is filled
 * @file: read
 * @err: says what is wrong
 *
 * Return: 0, or -1 with @err set.
 */
int bzimage_load(struct boot_ctx *ctx, const struct boot_file *file, struct err *err);

/* pvh.c */

/**
 * pvh_load() - load an ELF image that starts by the PVH protocol
 * @ctx: this run; @ctx->out is filled
 * @file: read, an ELF image
 * @err: says what is wrong
 *
 * Return: 1 when loaded, 0 when it has no PVH note, or -1 with @err set.
 */
int pvh_load(struct boot_ctx *ctx, const struct boot_file *file, struct err *err);

/* multiboot.c */

/**
 * multiboot_load() - load a multiboot 1 image with its modules
 * @ctx: this run; @ctx->out is filled
 * @file: read
 * @err: says what is wrong
 *
 * Return: 1 when loaded, 0 when it has no multiboot header, or -1 with @err set.
 */
int multiboot_load(struct boot_ctx *ctx, const struct boot_file *file, struct err *err);

/* flat.c */

/**
 * flat_load() - load a flat binary, to be started in real mode
 * @ctx: this run; @ctx->out is filled
 * @file: read
 * @err: says what is wrong
 *
 * Return: 0, or -1 with @err set.
 */
int flat_load(struct boot_ctx *ctx, const struct boot_file *file, struct err *err);

#endif /* HOLM_BOOT_LOADER_H */
