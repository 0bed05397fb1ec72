// SPDX-License-Identifier: GPL-2.0-or-later
/* PVH and multiboot images, both ELF classes; flat binaries and raw files. */
#include "loader_images.h"

#define HVM_MAGIC	0x336ec578
#define MB_MAGIC	0x2badb002

static void test_pvh(void **state)
{
	for (int variant = 0; variant < 4; variant++) {
		bool is64 = variant & 1;
		const uint8_t *info, *map;
		struct image img;
		struct run r;

		(void)state;
		make_elf(&img, is64, 0);
		add_pvh_note(&img, variant & 2 ? 8 : 4);
		/* A multiboot header beside the note does not matter. */
		add_multiboot(&img, ELF_SEG0 + 0x100, 0);
		run_init(&r, TEST_RAM, &img);
		r.in.cmdline = "hello pvh";
		run_ok(&r);
		assert_entry(&r);
		assert_int_equal(r.out.format, BOOT_FORMAT_PVH);
		assert_int_equal(r.out.mode, BOOT_MODE_PROT32);
		assert_int_equal(r.out.rip, ELF_PVH_ENTRY);
		assert_pattern(&r, ELF_PADDR0, 0, 0x100);
		assert_pattern(&r, ELF_PADDR0 + 0x10c, 0x10c, ELF_SEG0_SIZE - 0x10c);
		assert_pattern(&r, ELF_PADDR1, 0, ELF_SEG1_SIZE);
		assert_int_equal(*ram(&r, ELF_PADDR0 + ELF_SEG0_SIZE, 1), 0);

		info = ram(&r, r.out.rbx, 56);
		assert_int_equal(peek(info, 4), HVM_MAGIC);
		assert_int_equal(peek(info + 4, 4), 1);
		assert_int_equal(peek(info + 12, 4), 0);
		assert_string(&r, peek(info + 24, 8), "hello pvh");
		assert_int_equal(peek(info + 32, 8), TEST_RSDP);
		assert_int_equal(peek(info + 48, 4), 3);
		map = ram(&r, peek(info + 40, 8), 3 * 24);
		assert_int_equal(peek(map + 24, 8), 0x9fc00);
		assert_int_equal(peek(map + 24 + 16, 4), 2);
		assert_int_equal(peek(map + 48, 8), MIB);
		assert_int_equal(peek(map + 56, 8), TEST_RAM - MIB);
		run_deinit(&r);
	}
}

static void test_pvh_modules(void **state)
{
	char with_args[64];
	const char *paths[2];
	struct test_file files[2];
	const uint8_t *info, *mod;
	struct image img;
	struct run r;

	(void)state;
	file_make(&files[0], "module zero", 11);
	file_make(&files[1], "module one", 10);
	snprintf(with_args, sizeof(with_args), "%s with arguments", files[1].path);
	paths[0] = files[0].path;
	paths[1] = with_args;
	make_elf(&img, true, 0);
	add_pvh_note(&img, 4);
	run_init(&r, TEST_RAM, &img);
	r.in.initrds = paths;
	r.in.nr_initrds = 2;
	run_ok(&r);
	info = ram(&r, r.out.rbx, 56);
	assert_int_equal(peek(info + 12, 4), 2);
	mod = ram(&r, peek(info + 16, 8), 64);
	assert_int_equal(peek(mod, 8) % 4096, 0);
	assert_int_equal(peek(mod + 8, 8), 11);
	assert_string(&r, peek(mod, 8), "module zero");
	assert_string(&r, peek(mod + 16, 8), files[0].path);
	assert_int_equal(peek(mod + 40, 8), 10);
	assert_string(&r, peek(mod + 32, 8), "module one");
	assert_string(&r, peek(mod + 48, 8), with_args);

	paths[1] = "/nonexistent/module arg";
	run_fails(&r, "cannot open /nonexistent/module: No such file");
	run_deinit(&r);
	for (int i = 0; i < 2; i++)
		file_close(&files[i]);
}

#define EH64(_f)	offsetof(Elf64_Ehdr, _f)
#define EH32(_f)	offsetof(Elf32_Ehdr, _f)
#define PH64(_i, _f)	(sizeof(Elf64_Ehdr) + (_i) * sizeof(Elf64_Phdr) + offsetof(Elf64_Phdr, _f))
#define PH32(_i, _f)	(sizeof(Elf32_Ehdr) + (_i) * sizeof(Elf32_Phdr) + offsetof(Elf32_Phdr, _f))

static void test_elf_refused(void **state)
{
	static const struct patch patches64[] = {
		{ "class", EI_CLASS, 1, 3, "ELF class is 3" },
		{ "big endian", EI_DATA, 1, 2, "not little endian" },
		{ "version", EI_VERSION, 1, 0, "ELF version is 0" },
		{ "machine", EH64(e_machine), 2, EM_AARCH64, "for machine 183" },
		{ "i386 in 64 bits", EH64(e_machine), 2, EM_386, "for machine 3" },
		{ "shared object", EH64(e_type), 2, ET_DYN, "ELF type is 3" },
		{ "no program headers", EH64(e_phnum), 2, 0, "0 program headers" },
		{ "too many program headers", EH64(e_phnum), 2, 0xffff, "65535 program headers" },
		{ "program headers past the end", EH64(e_phnum), 2, 256, "truncated" },
		{ "header offset past the end", EH64(e_phoff), 8, 0x10000, "truncated" },
		{ "header offset wraps", EH64(e_phoff), 8, UINT64_MAX - 8, "truncated" },
		{ "header size", EH64(e_phentsize), 2, 32, "headers have 32 bytes" },
		{ "segment past the end", PH64(0, p_offset), 8, 0xd00, "segment 0" },
		{ "segment offset wraps", PH64(0, p_offset), 8, UINT64_MAX - 16, "segment 0" },
		{ "segment size wraps", PH64(0, p_filesz), 8, UINT64_MAX - 16, "segment 0" },
		{ "more in the file", PH64(0, p_memsz), 8, 0x10, "segment 0" },
		{ "above RAM", PH64(0, p_paddr), 8, TEST_RAM, "not inside guest RAM" },
		{ "above 4 GiB", PH64(0, p_paddr), 8, 1ULL << 32, "not below 4 GiB" },
		{ "address wraps", PH64(0, p_paddr), 8, UINT64_MAX - 16, "not below 4 GiB" },
		{ "size wraps", PH64(0, p_memsz), 8, UINT64_MAX - 16, "not below 4 GiB" },
		{ "segments overlap", PH64(1, p_paddr), 8, ELF_PADDR0 + 8, "overlaps ELF segment 0" },
		{ "over the ACPI tables", PH64(1, p_paddr), 8, 0xfff00, "overlaps the ACPI tables" },
		{ "notes past the end", PH64(2, p_offset), 8, 0xd00, "segment 2" },
		{ "entry outside", ELF_NOTES + 40, 4, 0x300000, "entry point 0x300000" },
		{ "note size", ELF_NOTES + 28, 4, 7, "note has 7 bytes" },
		{ "note ends outside", ELF_NOTES + 28, 4, 0x1000, "ends outside its segment" },
		{ "note length at maximum", ELF_NOTES, 4, UINT32_MAX, "ends outside its segment" },
		{ "padding past the last note", PH64(2, p_filesz), 8, 23, "neither a PVH entry note nor" },
		{ "no note", ELF_NOTES + 32, 4, 17, "neither a PVH entry note nor" },
		{ "not Xen's note", ELF_NOTES + 36, 1, 'x', "neither a PVH entry note nor" },
	};
	static const struct patch patches32[] = {
		{ "machine", EH32(e_machine), 2, EM_ARM, "for machine 40" },
		{ "segment past the end", PH32(0, p_filesz), 4, UINT32_MAX, "segment 0" },
		{ "beyond 4 GiB", PH32(0, p_memsz), 4, UINT32_MAX, "not below 4 GiB" },
		{ "in the hole", PH32(0, p_paddr), 4, 0xc0000000, "not inside guest RAM" },
		{ "above RAM", PH32(1, p_paddr), 4, TEST_RAM - 8, "not inside guest RAM" },
	};
	struct image img;

	(void)state;
	make_elf(&img, true, 0);
	add_pvh_note(&img, 4);
	check_patches(&img, patches64, sizeof(patches64) / sizeof(patches64[0]));
	make_elf(&img, false, 0);
	add_pvh_note(&img, 4);
	check_patches(&img, patches32, sizeof(patches32) / sizeof(patches32[0]));
}

static void check_multiboot_info(struct run *r, unsigned int nr_mods)
{
	char cmdline[64];
	const uint8_t *info, *map;

	assert_entry(r);
	assert_int_equal(r->out.format, BOOT_FORMAT_MULTIBOOT);
	assert_int_equal(r->out.mode, BOOT_MODE_PROT32);
	assert_int_equal(r->out.rax, MB_MAGIC);
	info = ram(r, r->out.rbx, 88);
	assert_int_equal(peek(info, 4), 0x24d);
	assert_int_equal(peek(info + 4, 4), 639);
	assert_int_equal(peek(info + 8, 4), 63 * 1024);
	snprintf(cmdline, sizeof(cmdline), "%s%s%s", r->in.kernel,
		 r->in.cmdline ? " " : "", r->in.cmdline ? r->in.cmdline : "");
	assert_string(r, peek(info + 16, 4), cmdline);
	assert_int_equal(peek(info + 20, 4), nr_mods);
	assert_int_equal(peek(info + 44, 4), 3 * 24);
	map = ram(r, peek(info + 48, 4), 3 * 24);
	assert_int_equal(peek(map, 4), 20);
	assert_int_equal(peek(map + 4, 8), 0);
	assert_int_equal(peek(map + 12, 8), 0x9fc00);
	assert_int_equal(peek(map + 20, 4), 1);
	assert_int_equal(peek(map + 48 + 4, 8), MIB);
	assert_int_equal(peek(map + 48 + 12, 8), TEST_RAM - MIB);
	assert_string(r, peek(info + 64, 4), "holm");
}

static void test_multiboot_elf(void **state)
{
	(void)state;
	for (int variant = 0; variant < 4; variant++) {
		bool is64 = variant & 1;
		struct image img;
		struct run r;

		/* A virtual entry point stands for its place in the segment. */
		make_elf(&img, is64, variant & 2 ? 0x40000000 : 0);
		add_multiboot(&img, ELF_SEG0, 3);
		run_init(&r, TEST_RAM, &img);
		r.in.cmdline = variant & 2 ? "a b" : NULL;
		run_ok(&r);
		check_multiboot_info(&r, 0);
		assert_int_equal(r.out.rip, ELF_ENTRY);
		assert_pattern(&r, ELF_PADDR0 + 12, 12, ELF_SEG0_SIZE - 12);
		assert_pattern(&r, ELF_PADDR1, 0, ELF_SEG1_SIZE);
		run_deinit(&r);
	}
}

static void test_multiboot_kludge(void **state)
{
	struct image img;
	struct run r;

	(void)state;
	make_kludge(&img);
	run_init(&r, TEST_RAM, &img);
	run_ok(&r);
	check_multiboot_info(&r, 0);
	assert_int_equal(r.out.rip, KLUDGE_LOAD + 0x40);
	assert_pattern(&r, KLUDGE_LOAD, 0, KLUDGE_HEADER);
	assert_pattern(&r, KLUDGE_LOAD + 0x40, 0x40, KLUDGE_SIZE - 0x40);

	/* Loading from the header on, to the end of the file. */
	put(&img, KLUDGE_HEADER + 16, 4, KLUDGE_LOAD + KLUDGE_HEADER);
	put(&img, KLUDGE_HEADER + 20, 4, 0);
	put(&img, KLUDGE_HEADER + 24, 4, 0);
	file_put(&r.kernel, img.data, img.size);
	run_ok(&r);
	assert_pattern(&r, KLUDGE_LOAD + 0x40, 0x40, KLUDGE_SIZE - 0x40);
	run_deinit(&r);
}

static void test_multiboot_refused(void **state)
{
	static const struct patch patches[] = {
		{ "load address above the header", KLUDGE_HEADER + 16, 4, KLUDGE_LOAD + 0x24, "below the load address" },
		{ "load from before the file", KLUDGE_HEADER + 16, 4, KLUDGE_LOAD - 4, "before the start of the file" },
		{ "load end too far", KLUDGE_HEADER + 20, 4, KLUDGE_LOAD + KLUDGE_SIZE + 1, "truncated" },
		{ "load end below", KLUDGE_HEADER + 20, 4, KLUDGE_LOAD, "not above the load address" },
		{ "bss end inside", KLUDGE_HEADER + 24, 4, KLUDGE_LOAD + KLUDGE_SIZE - 1, "bss end" },
		{ "bss end below", KLUDGE_HEADER + 24, 4, 1, "bss end" },
		{ "bss end outside RAM", KLUDGE_HEADER + 24, 4, UINT32_MAX, "not inside guest RAM" },
		{ "entry below", KLUDGE_HEADER + 28, 4, KLUDGE_LOAD - 1, "entry point" },
		{ "entry above", KLUDGE_HEADER + 28, 4, KLUDGE_LOAD + KLUDGE_SIZE + KLUDGE_BSS, "entry point" },
	};
	struct image img;
	struct run r;

	(void)state;
	make_kludge(&img);
	check_patches(&img, patches, sizeof(patches) / sizeof(patches[0]));

	make_elf(&img, false, 0);
	add_multiboot(&img, ELF_SEG0, 1 << 3);
	run_init(&r, TEST_RAM, &img);
	run_fails(&r, "requires features 0x8");
	add_multiboot(&img, ELF_SEG0, 1 << 2);
	file_put(&r.kernel, img.data, img.size);
	run_fails(&r, "requires a video mode");
	/* A wrong checksum is no header. */
	put(&img, ELF_SEG0 + 8, 4, 1);
	file_put(&r.kernel, img.data, img.size);
	run_fails(&r, "nor a multiboot 1 header");
	/* Neither is one that is not aligned. */
	make_elf(&img, false, 0);
	add_multiboot(&img, ELF_SEG0 + 2, 0);
	file_put(&r.kernel, img.data, img.size);
	run_fails(&r, "nor a multiboot 1 header");
	/* No addresses at all. */
	make_flat(&img);
	add_multiboot(&img, 64, 0);
	file_put(&r.kernel, img.data, img.size);
	run_fails(&r, "gives no load addresses");
	/* An entry point outside of every segment. */
	make_elf(&img, true, 0);
	add_multiboot(&img, ELF_SEG0, 0);
	put(&img, EH64(e_entry), 8, 0x5000);
	file_put(&r.kernel, img.data, img.size);
	run_fails(&r, "entry point 0x5000");
	run_deinit(&r);
}

/* The header lies wholly in the first 8192 bytes. */
static void test_multiboot_search(void **state)
{
	struct image img;
	struct run r;

	(void)state;
	make_elf(&img, false, 0);
	img.size = 12000;
	add_multiboot(&img, 8192 - 12, 0);
	run_init(&r, TEST_RAM, &img);
	run_ok(&r);
	make_elf(&img, false, 0);
	img.size = 12000;
	add_multiboot(&img, 8192 - 8, 0);
	file_put(&r.kernel, img.data, img.size);
	run_fails(&r, "nor a multiboot 1 header");
	run_deinit(&r);
}

static void test_multiboot_modules(void **state)
{
	char with_args[64];
	const char *paths[2];
	struct test_file files[2];
	const uint8_t *info, *mod;
	uint64_t first, second;
	struct image img;
	struct run r;

	(void)state;
	file_make(&files[0], "module zero", 11);
	file_make(&files[1], "module one", 10);
	snprintf(with_args, sizeof(with_args), "%s VAR=1 x", files[0].path);
	paths[0] = with_args;
	paths[1] = files[1].path;
	make_elf(&img, false, 0);
	add_multiboot(&img, ELF_SEG0, 1);
	run_init(&r, TEST_RAM, &img);
	r.in.initrds = paths;
	r.in.nr_initrds = 2;
	run_ok(&r);
	check_multiboot_info(&r, 2);
	info = ram(&r, r.out.rbx, 88);
	mod = ram(&r, peek(info + 24, 4), 32);
	first = peek(mod, 4);
	second = peek(mod + 16, 4);
	assert_int_equal(first % 4096, 0);
	assert_int_equal(second % 4096, 0);
	assert_int_not_equal(first, second);
	assert_int_equal(peek(mod + 4, 4) - first, 11);
	assert_int_equal(peek(mod + 20, 4) - second, 10);
	assert_string(&r, first, "module zero");
	assert_string(&r, second, "module one");
	assert_string(&r, peek(mod + 8, 4), with_args);
	assert_string(&r, peek(mod + 24, 4), files[1].path);
	run_deinit(&r);
	for (int i = 0; i < 2; i++)
		file_close(&files[i]);
}

static void test_flat(void **state)
{
	static const struct {
		const char *magic;
		const char *error;
	} foreign[] = {
		{ "\x1f\x8b", "gzip" }, { "\xfd" "7zXZ", "xz" }, { "MZ", "EFI" },
		{ "070701", "--initrd" }, { "BZh9", "bzip2" },
		{ "\x28\xb5\x2f\xfd", "zstd" }, { "!<arch>\n", "ar archive" },
	};
	static uint8_t big[0x9fc00 - 0x7c00 + 1];
	struct image img;
	struct run r;

	(void)state;
	make_flat(&img);
	run_init(&r, MIB, &img);
	run_ok(&r);
	assert_entry(&r);
	assert_int_equal(r.out.format, BOOT_FORMAT_FLAT);
	assert_int_equal(r.out.mode, BOOT_MODE_REAL16);
	assert_int_equal(r.out.rip, 0x7c00);
	assert_int_equal(r.out.rsp, 0x7c00);
	assert_pattern(&r, 0x7c00, 0, 510);

	big[0] = 0xf4;
	file_put(&r.kernel, big, sizeof(big) - 1);
	run_ok(&r);
	file_put(&r.kernel, big, sizeof(big));
	run_fails(&r, "too large");

	file_put(&r.kernel, img.data, img.size);
	r.in.cmdline = "x";
	run_fails(&r, "takes no --cmdline");
	r.in.cmdline = "";
	r.in.initrds = (const char *const []){ "x" };
	r.in.nr_initrds = 1;
	run_fails(&r, "takes no --initrd");
	r.in.nr_initrds = 0;

	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		make_flat(&img);
		memcpy(img.data, foreign[i].magic, strlen(foreign[i].magic));
		file_put(&r.kernel, img.data, img.size);
		run_fails(&r, foreign[i].error);
	}
	r.in.kernel = "/nonexistent/kernel";
	run_fails(&r, "cannot open /nonexistent/kernel");
	r.in.kernel = "/";
	run_fails(&r, "not a regular file");
	run_deinit(&r);
}

static void test_raw(void **state)
{
	struct test_file file;
	struct boot_raw raws[2];
	struct image img;
	struct run r;

	(void)state;
	file_make(&file, "raw", 3);
	make_flat(&img);
	run_init(&r, 5ULL << 30, &img);
	raws[0] = (struct boot_raw){ .path = file.path, .gpa = 0x500 };
	raws[1] = (struct boot_raw){ .path = file.path, .gpa = GMEM_HOLE_END };
	r.in.raws = raws;
	r.in.nr_raws = 2;
	run_ok(&r);
	assert_string(&r, 0x500, "raw");
	assert_string(&r, GMEM_HOLE_END, "raw");
	raws[1].gpa = 0x502;
	run_fails(&r, "overlaps the raw file");
	raws[1].gpa = 0x503;
	run_ok(&r);
	raws[1].gpa = GMEM_HOLE_START - 2;
	run_fails(&r, "not inside guest RAM");
	raws[1].gpa = GMEM_HOLE_START - 3;
	run_ok(&r);
	raws[1].gpa = 0x7c10;
	run_fails(&r, "the flat binary at 0x7c00..0x7e00 overlaps the raw file");
	run_deinit(&r);
	file_close(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pvh),
		cmocka_unit_test(test_pvh_modules),
		cmocka_unit_test(test_elf_refused),
		cmocka_unit_test(test_multiboot_elf),
		cmocka_unit_test(test_multiboot_kludge),
		cmocka_unit_test(test_multiboot_refused),
		cmocka_unit_test(test_multiboot_search),
		cmocka_unit_test(test_multiboot_modules),
		cmocka_unit_test(test_flat),
		cmocka_unit_test(test_raw),
	};

	return cmocka_run_group_tests_name("loader_elf", tests, NULL, NULL);
}
