// SPDX-License-Identifier: GPL-2.0-or-later
/* The bzImage loader: what is put where, and what is refused. */
#include "loader_images.h"

#include <asm/bootparam.h>
#include <glob.h>

static void make32(struct image *img)
{
	make_bzimage(img);
	put(img, 0x236, 2, 0);
}

static const struct boot_params *zero_page(const struct run *r)
{
	return (const struct boot_params *)ram(r, r->out.rsi, sizeof(struct boot_params));
}

/* Walks the boot page tables as the CPU does; 2 MiB pages only. */
static uint64_t walk(const struct run *r, uint64_t va)
{
	uint64_t table = r->out.cr3, entry = 0;

	for (int shift = 39; shift >= 21; shift -= 9) {
		unsigned int i = (va >> shift) & 511;

		entry = peek(ram(r, table + i * 8, 8), 8);
		if ((entry & 3) != 3)
			fail_msg("0x%llx is not mapped", (unsigned long long)va);
		table = entry & 0x000ffffffffff000ULL;
	}
	assert_int_equal(entry & 0x80, 0x80);
	return table + (va & 0x1fffff);
}

static void test_64bit(void **state)
{
	static const uint64_t addresses[] = { 0, 0x9000, BZ_PREF, 0xbfffffff, 0xffffffff };
	const struct boot_params *bp;
	struct image img;
	struct run r;

	(void)state;
	make_bzimage(&img);
	run_init(&r, TEST_RAM, &img);
	r.in.cmdline = "console=ttyS0 quiet";
	run_ok(&r);
	assert_entry(&r);
	assert_int_equal(r.out.format, BOOT_FORMAT_BZIMAGE);
	assert_int_equal(r.out.mode, BOOT_MODE_LONG64);
	assert_int_equal(r.out.rip, BZ_PREF + 0x200);
	assert_pattern(&r, BZ_PREF, 0, BZ_PAYLOAD);
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
		assert_int_equal(walk(&r, addresses[i]), addresses[i]);

	bp = zero_page(&r);
	assert_int_equal(bp->sentinel, 0);
	assert_int_equal(bp->hdr.header, 0x53726448);
	assert_int_equal(bp->hdr.type_of_loader, 0xff);
	assert_int_equal(bp->hdr.code32_start, BZ_PREF);
	assert_int_equal(bp->hdr.ramdisk_size, 0);
	assert_int_equal(bp->hdr.setup_data, 0);
	assert_int_equal(bp->hdr.pref_address, BZ_PREF);
	assert_int_equal(bp->hdr.handover_offset, 0);
	assert_int_equal(bp->acpi_rsdp_addr, TEST_RSDP);
	assert_string(&r, bp->hdr.cmd_line_ptr, "console=ttyS0 quiet");
	assert_int_equal(bp->e820_entries, 3);
	assert_int_equal(bp->e820_table[0].size, 0x9fc00);
	assert_int_equal(bp->e820_table[1].type, 2);
	assert_int_equal(bp->e820_table[2].addr, MIB);
	assert_int_equal(bp->e820_table[2].size, TEST_RAM - MIB);
	assert_int_equal(bp->alt_mem_k, 63 * 1024);
	run_deinit(&r);
}

static void test_32bit(void **state)
{
	struct image img;
	struct run r;

	(void)state;
	make32(&img);
	run_init(&r, TEST_RAM, &img);
	run_ok(&r);
	assert_entry(&r);
	assert_int_equal(r.out.mode, BOOT_MODE_PROT32);
	assert_int_equal(r.out.rip, BZ_PREF);
	assert_int_equal(r.out.rbx, 0);
	assert_string(&r, zero_page(&r)->hdr.cmd_line_ptr, "");
	run_deinit(&r);

	/* Protocol 2.11 has no xloadflags: what is there means something else. */
	make_bzimage(&img);
	put(&img, 0x206, 2, 0x20b);
	run_init(&r, TEST_RAM, &img);
	run_ok(&r);
	assert_int_equal(r.out.mode, BOOT_MODE_PROT32);
	run_deinit(&r);

	/* Protocol 2.06 has no preferred address: 1 MiB, aligned. */
	make_bzimage(&img);
	put(&img, 0x201, 1, 0x3a);
	put(&img, 0x206, 2, 0x206);
	run_init(&r, TEST_RAM, &img);
	run_ok(&r);
	assert_int_equal(r.out.mode, BOOT_MODE_PROT32);
	assert_int_equal(r.out.rip, BZ_ALIGN);
	assert_int_equal(zero_page(&r)->hdr.pref_address, 0);
	put(&img, 0x234, 1, 0);
	file_put(&r.kernel, img.data, img.size);
	run_ok(&r);
	assert_int_equal(r.out.rip, MIB);
	run_deinit(&r);
}

static void test_refused(void **state)
{
	static const struct patch patches[] = {
		{ "boot flag", 0x1fe, 2, 0x1234, "boot sector signature" },
		{ "protocol 2.05", 0x206, 2, 0x205, "2.05" },
		{ "header too short", 0x201, 1, 0x20, "setup header has" },
		{ "header too short for 2.10", 0x201, 1, 0x3a, "setup header has" },
		{ "zImage", 0x211, 1, 0, "zImage" },
		{ "alignment", 0x230, 4, 0x300000, "power of two" },
		{ "no alignment", 0x230, 4, 0, "power of two" },
		{ "setup larger than the file", 0x1f1, 1, 200, "truncated" },
		{ "kernel larger than the file", 0x1f4, 4, BZ_PAYLOAD / 16 + 1, "truncated" },
		{ "kernel of 64 GiB", 0x1f4, 4, UINT32_MAX, "truncated" },
		{ "no kernel", 0x1f4, 4, 0, "setup header gives a kernel" },
		{ "init_size larger than RAM", 0x260, 4, 0x4000000, "--memory" },
		{ "init_size at its maximum", 0x260, 4, UINT32_MAX, "--memory" },
		{ "pref_address outside RAM", 0x258, 8, TEST_RAM, "--memory" },
		{ "pref_address above 4 GiB", 0x258, 8, 1ULL << 40, "above 4 GiB" },
		{ "alignment above RAM", 0x230, 4, 0x80000000, "--memory" },
	};
	struct image img;

	(void)state;
	make_bzimage(&img);
	check_patches(&img, patches, sizeof(patches) / sizeof(patches[0]));
}

static void test_cmdline_limit(void **state)
{
	char cmdline[64];
	struct image img;
	struct run r;

	(void)state;
	memset(cmdline, 'x', sizeof(cmdline));
	cmdline[63] = '\0';
	make_bzimage(&img);
	put(&img, 0x238, 4, 63);
	run_init(&r, TEST_RAM, &img);
	r.in.cmdline = cmdline;
	run_ok(&r);
	assert_string(&r, zero_page(&r)->hdr.cmd_line_ptr, cmdline);
	put(&img, 0x238, 4, 62);
	file_put(&r.kernel, img.data, img.size);
	run_fails(&r, "the command line has 63 characters, this kernel takes 62");
	run_deinit(&r);
}

/* A signed image has bytes after the kernel: they are not loaded. */
static void test_signature_ignored(void **state)
{
	struct image img;
	struct run r;

	(void)state;
	make_bzimage(&img);
	memset(img.data + img.size, 0xee, 256);
	img.size += 256;
	run_init(&r, TEST_RAM, &img);
	run_ok(&r);
	assert_pattern(&r, BZ_PREF, 0, BZ_PAYLOAD);
	assert_int_equal(*ram(&r, BZ_PREF + BZ_PAYLOAD, 1), 0);
	run_deinit(&r);
}

static void test_initrds(void **state)
{
	const char *paths[3];
	struct test_file files[3];
	const struct boot_params *bp;
	const uint8_t *p;
	struct image img;
	struct run r;

	(void)state;
	file_make(&files[0], "abcde", 5);
	file_make(&files[1], "fghijklm", 8);
	file_make(&files[2], "n", 1);
	for (int i = 0; i < 3; i++)
		paths[i] = files[i].path;
	make_bzimage(&img);
	run_init(&r, TEST_RAM, &img);
	r.in.initrds = paths;
	r.in.nr_initrds = 3;
	run_ok(&r);
	bp = zero_page(&r);
	assert_int_equal(bp->hdr.ramdisk_size, 17);
	/* Below the end of RAM, which is below initrd_addr_max here. */
	assert_int_equal(bp->hdr.ramdisk_image, TEST_RAM - 4096);
	p = ram(&r, bp->hdr.ramdisk_image, 17);
	assert_memory_equal(p, "abcde\0\0\0fghijklmn", 17);

	/* The last byte is at initrd_addr_max at the highest. */
	put(&img, 0x22c, 4, 0x2000010);
	file_put(&r.kernel, img.data, img.size);
	run_ok(&r);
	assert_int_equal(zero_page(&r)->hdr.ramdisk_image, 0x2000000);
	put(&img, 0x22c, 4, 0x200000f);
	file_put(&r.kernel, img.data, img.size);
	run_ok(&r);
	assert_int_equal(zero_page(&r)->hdr.ramdisk_image, 0x1fff000);

	/* Inside the kernel: it goes below. */
	put(&img, 0x22c, 4, BZ_PREF + 0x1000);
	file_put(&r.kernel, img.data, img.size);
	run_ok(&r);
	assert_int_equal(zero_page(&r)->hdr.ramdisk_image, BZ_PREF - 4096);

	put(&img, 0x22c, 4, 0x1000);
	file_put(&r.kernel, img.data, img.size);
	run_fails(&r, "no room for the initrd");

	put(&img, 0x22c, 4, 0x7fffffff);
	file_put(&r.kernel, img.data, img.size);
	assert_int_equal(ftruncate(files[1].fd, TEST_RAM), 0);
	run_fails(&r, "no room for the initrd");
	assert_int_equal(ftruncate(files[1].fd, 5LL << 30), 0);
	run_fails(&r, "the limit is");
	assert_int_equal(ftruncate(files[1].fd, 0), 0);
	run_fails(&r, "is empty");
	paths[1] = "/nonexistent/initrd";
	run_fails(&r, "/nonexistent/initrd: No such file");
	paths[1] = "/dev/null";
	run_fails(&r, "not a regular file");

	run_deinit(&r);
	for (int i = 0; i < 3; i++)
		file_close(&files[i]);
}

static void test_raw_in_the_way(void **state)
{
	struct test_file raw;
	struct boot_raw raws[1];
	struct image img;
	struct run r;

	(void)state;
	file_make(&raw, "raw file", 8);
	raws[0] = (struct boot_raw){ .path = raw.path, .gpa = BZ_PREF + 0x1000 };
	make_bzimage(&img);
	run_init(&r, TEST_RAM, &img);
	r.in.raws = raws;
	r.in.nr_raws = 1;
	run_ok(&r);
	assert_int_equal(r.out.rip, BZ_PREF + BZ_ALIGN + 0x200);
	assert_int_equal(zero_page(&r)->hdr.code32_start, BZ_PREF + BZ_ALIGN);
	assert_pattern(&r, BZ_PREF + BZ_ALIGN, 0, BZ_PAYLOAD);
	assert_string(&r, BZ_PREF + 0x1000, "raw file");

	put(&img, 0x234, 1, 0);
	file_put(&r.kernel, img.data, img.size);
	run_fails(&r, "overlaps the raw file");

	raws[0].gpa = TEST_RSDP;
	run_fails(&r, "overlaps the ACPI tables");
	r.in.rsdp = 0;
	run_ok(&r);
	raws[0].gpa = TEST_RAM - 4;
	run_fails(&r, "not inside guest RAM");
	raws[0].gpa = UINT64_MAX - 2;
	run_fails(&r, "not inside guest RAM");
	/* Boot information makes way. */
	raws[0].gpa = 0x9000;
	run_ok(&r);
	assert_string(&r, 0x9000, "raw file");
	assert_true(r.out.rsi > 0x9008);
	run_deinit(&r);
	file_close(&raw);
}

static void test_memory_above_4g(void **state)
{
	const struct boot_params *bp;
	struct test_file initrd;
	const char *paths[1];
	struct image img;
	struct run r;

	(void)state;
	file_make(&initrd, "x", 1);
	paths[0] = initrd.path;
	make_bzimage(&img);
	put(&img, 0x22c, 4, UINT32_MAX);
	run_init(&r, 5ULL << 30, &img);
	r.in.initrds = paths;
	r.in.nr_initrds = 1;
	run_ok(&r);
	bp = zero_page(&r);
	assert_int_equal(bp->e820_entries, 4);
	assert_int_equal(bp->e820_table[2].size, GMEM_HOLE_START - MIB);
	assert_int_equal(bp->e820_table[3].addr, GMEM_HOLE_END);
	assert_int_equal(bp->e820_table[3].size, 2ULL << 30);
	assert_int_equal(bp->hdr.ramdisk_image, GMEM_HOLE_START - 4096);
	run_deinit(&r);
	file_close(&initrd);
}

/* Stock kernels on this machine: of a running system, and what tests cached. */
static void test_real_kernels(void **state)
{
	static const char *const patterns[] = {
		"/boot/vmlinuz-*", "%s/.cache/holm/*vmlinuz*", "%s/.cache/holm/*/*vmlinuz*",
		"%s/.cache/holm/*/*bzImage*", "%s/.cache/holm/*/*/*bzImage*",
	};
	const char *home = getenv("HOME"), *extra = getenv("HOLM_TEST_KERNEL");
	struct image none = { .size = 1 };
	unsigned int tried = 0;
	glob_t g = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		char pattern[512];

		snprintf(pattern, sizeof(pattern), patterns[i], home ? home : "/root");
		glob(pattern, i ? GLOB_APPEND : 0, NULL, &g);
	}
	if (extra)
		glob(extra, GLOB_APPEND, NULL, &g);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		struct run r;

		if (access(g.gl_pathv[i], R_OK))
			continue;
		run_init(&r, 512 * MIB, &none);
		r.in.kernel = g.gl_pathv[i];
		r.in.cmdline = "console=ttyS0";
		if (run_load(&r))
			fail_msg("%s: %s", g.gl_pathv[i], r.err.msg);
		assert_entry(&r);
		assert_int_equal(r.out.format, BOOT_FORMAT_BZIMAGE);
		assert_int_equal(r.out.mode, BOOT_MODE_LONG64);
		run_deinit(&r);
		tried++;
	}
	globfree(&g);
	if (!tried)
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_64bit),
		cmocka_unit_test(test_32bit),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_cmdline_limit),
		cmocka_unit_test(test_signature_ignored),
		cmocka_unit_test(test_initrds),
		cmocka_unit_test(test_raw_in_the_way),
		cmocka_unit_test(test_memory_above_4g),
		cmocka_unit_test(test_real_kernels),
	};

	return cmocka_run_group_tests_name("loader_bzimage", tests, NULL, NULL);
}
