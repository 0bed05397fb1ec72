/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel images made by the loader tests, and the run that loads them. */
#ifndef HOLM_TEST_LOADER_IMAGES_H
#define HOLM_TEST_LOADER_IMAGES_H

#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include <elf.h>

#include "boot/boot.h"
#include "gmem.h"

#define MIB		(1ULL << 20)
#define TEST_RAM	(64 * MIB)
#define TEST_RSDP	0xe0000ULL

struct image {
	uint8_t data[16384];
	size_t size;
};

static inline void put(struct image *img, size_t offset, unsigned int len, uint64_t val)
{
	assert_true(offset + len <= sizeof(img->data));
	for (unsigned int i = 0; i < len; i++)
		img->data[offset + i] = (uint8_t)(val >> (8 * i));
}

static inline uint64_t peek(const uint8_t *p, unsigned int len)
{
	uint64_t val = 0;

	for (unsigned int i = 0; i < len; i++)
		val |= (uint64_t)p[i] << (8 * i);
	return val;
}

/* Bytes that are recognized wherever they end up. */
static inline uint8_t pattern(size_t i)
{
	return (uint8_t)(i * 7 + (i >> 8) + 1);
}

static inline void fill(struct image *img, size_t from, size_t len)
{
	assert_true(from + len <= sizeof(img->data));
	for (size_t i = 0; i < len; i++)
		img->data[from + i] = pattern(i);
}

/* ---- bzImage: Documentation/arch/x86/boot.rst ---- */

#define BZ_SETUP_SIZE	1536
#define BZ_PAYLOAD	4096
#define BZ_PREF		0x1000000U
#define BZ_ALIGN	0x200000U
#define BZ_INIT_SIZE	0x800000U

static inline void make_bzimage(struct image *img)
{
	memset(img, 0, sizeof(*img));
	img->size = BZ_SETUP_SIZE + BZ_PAYLOAD;
	fill(img, BZ_SETUP_SIZE, BZ_PAYLOAD);
	put(img, 0x1ef, 1, 0xff);		/* sentinel: must not be copied */
	put(img, 0x1f1, 1, BZ_SETUP_SIZE / 512 - 1);
	put(img, 0x1f4, 4, BZ_PAYLOAD / 16);
	put(img, 0x1fe, 2, 0xaa55);
	put(img, 0x200, 2, 0x6aeb);		/* jmp over the header */
	put(img, 0x202, 4, 0x53726448);
	put(img, 0x206, 2, 0x20f);
	put(img, 0x211, 1, 1);			/* LOADED_HIGH */
	put(img, 0x214, 4, 0x100000);
	put(img, 0x22c, 4, 0x7fffffff);
	put(img, 0x230, 4, BZ_ALIGN);
	put(img, 0x234, 1, 1);
	put(img, 0x235, 1, 21);
	put(img, 0x236, 2, 0x3);		/* XLF_KERNEL_64, above 4G */
	put(img, 0x238, 4, 2047);
	put(img, 0x258, 8, BZ_PREF);
	put(img, 0x260, 4, BZ_INIT_SIZE);
}

/* ---- ELF ---- */

#define ELF_NOTES	0x300
#define ELF_NOTES_SIZE	0x48
#define ELF_SEG0	0x400
#define ELF_SEG0_SIZE	0x800
#define ELF_SEG0_MEM	0x2000
#define ELF_SEG1	0xc00
#define ELF_SEG1_SIZE	0x100
#define ELF_PADDR0	0x100000U
#define ELF_PADDR1	0x200000U
#define ELF_ENTRY	(ELF_PADDR0 + 0x40)
#define ELF_PVH_ENTRY	(ELF_PADDR0 + 0x80)

static inline void put_phdr(struct image *img, bool is64, unsigned int i, uint32_t type,
			    uint64_t offset, uint64_t paddr, uint64_t voff, uint64_t filesz,
			    uint64_t memsz)
{
	if (is64) {
		Elf64_Phdr p = {
			.p_type = type, .p_offset = offset, .p_vaddr = paddr + voff,
			.p_paddr = paddr, .p_filesz = filesz, .p_memsz = memsz, .p_align = 4,
		};

		memcpy(img->data + sizeof(Elf64_Ehdr) + i * sizeof(p), &p, sizeof(p));
	} else {
		Elf32_Phdr p = {
			.p_type = type, .p_offset = (uint32_t)offset,
			.p_vaddr = (uint32_t)(paddr + voff), .p_paddr = (uint32_t)paddr,
			.p_filesz = (uint32_t)filesz, .p_memsz = (uint32_t)memsz, .p_align = 4,
		};

		memcpy(img->data + sizeof(Elf32_Ehdr) + i * sizeof(p), &p, sizeof(p));
	}
}

/* @voff: distance of virtual from physical addresses */
static inline void make_elf(struct image *img, bool is64, uint64_t voff)
{
	memset(img, 0, sizeof(*img));
	img->size = ELF_SEG1 + ELF_SEG1_SIZE;
	fill(img, ELF_SEG0, ELF_SEG0_SIZE);
	fill(img, ELF_SEG1, ELF_SEG1_SIZE);
	memcpy(img->data, ELFMAG, SELFMAG);
	img->data[EI_CLASS] = is64 ? ELFCLASS64 : ELFCLASS32;
	img->data[EI_DATA] = ELFDATA2LSB;
	img->data[EI_VERSION] = EV_CURRENT;
	if (is64) {
		Elf64_Ehdr *h = (Elf64_Ehdr *)img->data;

		h->e_type = ET_EXEC;
		h->e_machine = EM_X86_64;
		h->e_version = EV_CURRENT;
		h->e_entry = ELF_ENTRY + voff;
		h->e_phoff = sizeof(*h);
		h->e_ehsize = sizeof(*h);
		h->e_phentsize = sizeof(Elf64_Phdr);
		h->e_phnum = 3;
	} else {
		Elf32_Ehdr *h = (Elf32_Ehdr *)img->data;

		h->e_type = ET_EXEC;
		h->e_machine = EM_386;
		h->e_version = EV_CURRENT;
		h->e_entry = (uint32_t)(ELF_ENTRY + voff);
		h->e_phoff = sizeof(*h);
		h->e_ehsize = sizeof(*h);
		h->e_phentsize = sizeof(Elf32_Phdr);
		h->e_phnum = 3;
	}
	put_phdr(img, is64, 0, PT_LOAD, ELF_SEG0, ELF_PADDR0, voff, ELF_SEG0_SIZE,
		 ELF_SEG0_MEM);
	put_phdr(img, is64, 1, PT_LOAD, ELF_SEG1, ELF_PADDR1, voff, ELF_SEG1_SIZE,
		 ELF_SEG1_SIZE);
	put_phdr(img, is64, 2, PT_NOTE, ELF_NOTES, 0, 0, ELF_NOTES_SIZE, ELF_NOTES_SIZE);
}

/* A GNU note with an odd name length, then Xen's, with a 4 or 8 byte value. */
static inline void add_pvh_note(struct image *img, unsigned int descsz)
{
	size_t at = ELF_NOTES;

	put(img, at, 4, 5);
	put(img, at + 4, 4, 3);
	put(img, at + 8, 4, 1);
	memcpy(img->data + at + 12, "GNU!", 5);
	at += 12 + 8 + 4;
	put(img, at, 4, 4);
	put(img, at + 4, 4, descsz);
	put(img, at + 8, 4, 18);
	memcpy(img->data + at + 12, "Xen", 4);
	put(img, at + 16, descsz, ELF_PVH_ENTRY);
}

static inline void add_multiboot(struct image *img, size_t at, uint32_t flags)
{
	put(img, at, 4, 0x1badb002);
	put(img, at + 4, 4, flags);
	put(img, at + 8, 4, 0U - 0x1badb002U - flags);
}

/* A file of raw bytes with an a.out kludge header at 0x20. */
#define KLUDGE_HEADER	0x20
#define KLUDGE_SIZE	0x600
#define KLUDGE_LOAD	0x100000U
#define KLUDGE_BSS	0x1000U

static inline void make_kludge(struct image *img)
{
	memset(img, 0, sizeof(*img));
	img->size = KLUDGE_SIZE;
	fill(img, 0, KLUDGE_SIZE);
	add_multiboot(img, KLUDGE_HEADER, 1 << 16 | 3);
	put(img, KLUDGE_HEADER + 12, 4, KLUDGE_LOAD + KLUDGE_HEADER);
	put(img, KLUDGE_HEADER + 16, 4, KLUDGE_LOAD);
	put(img, KLUDGE_HEADER + 20, 4, KLUDGE_LOAD + KLUDGE_SIZE);
	put(img, KLUDGE_HEADER + 24, 4, KLUDGE_LOAD + KLUDGE_SIZE + KLUDGE_BSS);
	put(img, KLUDGE_HEADER + 28, 4, KLUDGE_LOAD + 0x40);
}

static inline void make_flat(struct image *img)
{
	memset(img, 0, sizeof(*img));
	img->size = 512;
	fill(img, 0, 512);
	put(img, 510, 2, 0xaa55);
}

/* ---- files and runs ---- */

struct test_file {
	int fd;
	char path[32];
};

static inline void file_open(struct test_file *f)
{
	f->fd = memfd_create("image", MFD_CLOEXEC);
	assert_true(f->fd >= 0);
	snprintf(f->path, sizeof(f->path), "/proc/self/fd/%d", f->fd);
}

static inline void file_put(struct test_file *f, const void *data, size_t size)
{
	assert_int_equal(ftruncate(f->fd, 0), 0);
	assert_int_equal(pwrite(f->fd, data, size, 0), (ssize_t)size);
}

static inline void file_make(struct test_file *f, const void *data, size_t size)
{
	file_open(f);
	file_put(f, data, size);
}

static inline void file_close(struct test_file *f)
{
	close(f->fd);
}

/* One run of boot_load() with a kernel from memory. */
struct run {
	struct gmem gmem;
	struct test_file kernel;
	struct boot_params_in in;
	struct boot_entry out;
	struct err err;
	int ret;
};

static inline void run_init(struct run *r, uint64_t ram, const struct image *img)
{
	struct err err;

	memset(r, 0, sizeof(*r));
	assert_int_equal(gmem_init(&r->gmem, ram, &err), 0);
	file_make(&r->kernel, img->data, img->size);
	r->in.kernel = r->kernel.path;
	r->in.rsdp = TEST_RSDP;
}

static inline int run_load(struct run *r)
{
	memset(&r->err, 0, sizeof(r->err));
	r->ret = boot_load(&r->gmem, &r->in, &r->out, &r->err);
	if (r->ret)
		assert_true(r->err.msg[0]);
	return r->ret;
}

static inline void run_ok(struct run *r)
{
	if (run_load(r))
		fail_msg("unexpected error: %s", r->err.msg);
}

static inline void run_fails(struct run *r, const char *text)
{
	if (!run_load(r))
		fail_msg("expected an error with \"%s\"", text);
	if (!strstr(r->err.msg, text))
		fail_msg("expected an error with \"%s\", found: %s", text, r->err.msg);
}

static inline void run_deinit(struct run *r)
{
	file_close(&r->kernel);
	gmem_deinit(&r->gmem);
}

static inline const uint8_t *ram(const struct run *r, uint64_t gpa, uint64_t len)
{
	const uint8_t *p = gmem_ptr(&r->gmem, gpa, len);

	if (!p)
		fail_msg("0x%llx is not RAM", (unsigned long long)gpa);
	return p;
}

static inline void assert_pattern(const struct run *r, uint64_t gpa, size_t from, size_t len)
{
	const uint8_t *p = ram(r, gpa, len);

	for (size_t i = 0; i < len; i++) {
		if (p[i] != pattern(from + i))
			fail_msg("byte %zu at 0x%llx is 0x%02x, expected 0x%02x", i,
				 (unsigned long long)gpa, p[i], pattern(from + i));
	}
}

static inline void assert_string(const struct run *r, uint64_t gpa, const char *str)
{
	assert_string_equal((const char *)ram(r, gpa, strlen(str) + 1), str);
}

/* What holds for every start, whatever the image. */
static inline void assert_entry(const struct run *r)
{
	const struct boot_entry *e = &r->out;
	const uint8_t *gdt;

	ram(r, e->cs.base + e->rip, 1);
	assert_int_equal(e->rflags, 2);
	assert_true(e->cs.present && e->cs.s && (e->cs.type & 8));
	assert_true(e->ds.present && e->ds.s && !(e->ds.type & 8));
	assert_int_equal(e->tr.type, 0xb);
	if (e->mode == BOOT_MODE_REAL16) {
		assert_int_equal(e->cr0 & 0x80000001, 0);
		assert_int_equal(e->cs.base, (uint64_t)e->cs.selector << 4);
		assert_int_equal(e->cs.limit, 0xffff);
		return;
	}
	assert_int_equal(e->cs.limit, 0xffffffff);
	assert_int_equal(e->gdt.limit, 0x1f);
	gdt = ram(r, e->gdt.base, 32);
	assert_int_equal(peek(gdt, 8), 0);
	if (e->mode == BOOT_MODE_LONG64) {
		assert_int_equal(e->cr0 & 0x80000001, 0x80000001);
		assert_int_equal(e->efer, 0x500);
		assert_int_equal(e->cr4, 0x20);
		assert_true(e->cs.l && !e->cs.db);
		assert_int_equal(peek(gdt + 0x10, 8), 0x00af9b000000ffff);
	} else {
		assert_int_equal(e->cr0 & 0x80000001, 1);
		assert_int_equal(e->efer, 0);
		assert_true(!e->cs.l && e->cs.db);
		assert_int_equal(peek(gdt + 0x10, 8), 0x00cf9b000000ffff);
	}
	assert_int_equal(peek(gdt + 0x18, 8), 0x00cf93000000ffff);
	assert_int_equal(e->cs.selector, 0x10);
	assert_int_equal(e->ss.selector, 0x18);
}

/* A change of one field, and the error it must cause. */
struct patch {
	const char *name;
	size_t offset;
	unsigned int len;
	uint64_t val;
	const char *error;
};

static inline void check_patches(const struct image *good, const struct patch *patches,
				 size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		struct image img = *good;
		struct run r;

		put(&img, patches[i].offset, patches[i].len, patches[i].val);
		run_init(&r, TEST_RAM, &img);
		if (!run_load(&r))
			fail_msg("%s: expected an error with \"%s\"", patches[i].name,
				 patches[i].error);
		if (!strstr(r.err.msg, patches[i].error))
			fail_msg("%s: expected an error with \"%s\", found: %s",
				 patches[i].name, patches[i].error, r.err.msg);
		run_deinit(&r);
	}
}

#endif /* HOLM_TEST_LOADER_IMAGES_H */
