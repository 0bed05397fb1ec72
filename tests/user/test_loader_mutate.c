// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Damaged images of every format: cut at each length, and with bytes changed
 * by a generator with a fixed seed. Each either loads, and then its start is
 * plausible and the ACPI tables' place is untouched, or fails with a message.
 * Sanitizers watch. HOLM_TEST_ROUNDS sets the number of mutations.
 */
#include "loader_images.h"

#define DEFAULT_ROUNDS	4000
#define SMALL_RAM	(40 * MIB)

struct format {
	const char *name;
	void (*make)(struct image *img);
	/* Bytes whose loss cannot go unnoticed; 0: any length may load. */
	size_t must_have;
};

static void make_bzimage32(struct image *img)
{
	make_bzimage(img);
	put(img, 0x236, 2, 0);
}

static void make_pvh64(struct image *img)
{
	make_elf(img, true, 0);
	add_pvh_note(img, 8);
}

static void make_pvh32(struct image *img)
{
	make_elf(img, false, 0);
	add_pvh_note(img, 4);
}

static void make_multiboot32(struct image *img)
{
	make_elf(img, false, 0x40000000);
	add_multiboot(img, ELF_SEG0, 3);
}

static void make_multiboot64(struct image *img)
{
	make_elf(img, true, 0);
	add_multiboot(img, ELF_SEG0, 3);
}

static const struct format formats[] = {
	/* The kernel's size is rounded up to 16 bytes. */
	{ "bzImage 64-bit", make_bzimage, BZ_SETUP_SIZE + BZ_PAYLOAD - 15 },
	{ "bzImage 32-bit", make_bzimage32, BZ_SETUP_SIZE + BZ_PAYLOAD - 15 },
	{ "PVH 64-bit", make_pvh64, ELF_SEG1 + ELF_SEG1_SIZE },
	{ "PVH 32-bit", make_pvh32, ELF_SEG1 + ELF_SEG1_SIZE },
	{ "multiboot 64-bit", make_multiboot64, ELF_SEG1 + ELF_SEG1_SIZE },
	{ "multiboot 32-bit", make_multiboot32, ELF_SEG1 + ELF_SEG1_SIZE },
	{ "multiboot kludge", make_kludge, KLUDGE_SIZE },
	{ "flat", make_flat, 0 },
};

#define NR_FORMATS	(sizeof(formats) / sizeof(formats[0]))

/* xorshift64*: the same sequence on every machine. */
static uint64_t next(uint64_t *seed)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return *seed * 0x2545f4914f6cdd1dULL;
}

static void load_damaged(const struct image *img, uint64_t ram_size)
{
	struct test_file mod;
	const char *mods[1];
	struct run r;

	file_make(&mod, "module", 6);
	mods[0] = mod.path;
	run_init(&r, ram_size, img);
	r.in.initrds = mods;
	r.in.nr_initrds = 1;
	if (!run_load(&r)) {
		assert_entry(&r);
		/* The ACPI area is nobody's. */
		for (uint64_t gpa = TEST_RSDP; gpa < MIB; gpa += 64)
			assert_int_equal(*ram(&r, gpa, 1), 0);
	}
	run_deinit(&r);
	file_close(&mod);
}

static void test_truncated(void **state)
{
	(void)state;
	for (size_t f = 0; f < NR_FORMATS; f++) {
		struct image good, img;

		formats[f].make(&good);
		for (size_t len = 1; len < good.size; len++) {
			struct run r;

			img = good;
			img.size = len;
			/* Nothing of what was cut off may be looked at. */
			memset(img.data + len, 0xa5, sizeof(img.data) - len);
			run_init(&r, TEST_RAM, &img);
			if (!run_load(&r)) {
				assert_entry(&r);
				if (len < formats[f].must_have &&
				    r.out.format != BOOT_FORMAT_FLAT)
					fail_msg("%s: loads with %zu of %zu bytes",
						 formats[f].name, len, good.size);
			}
			run_deinit(&r);
		}
	}
}

static void test_mutated(void **state)
{
	const char *str = getenv("HOLM_TEST_ROUNDS");
	unsigned long rounds = str ? strtoul(str, NULL, 0) : DEFAULT_ROUNDS;

	(void)state;
	for (size_t f = 0; f < NR_FORMATS; f++) {
		uint64_t seed = 0x9e3779b97f4a7c15ULL + f;
		struct image good, img;

		formats[f].make(&good);
		for (unsigned long i = 0; i < rounds; i++) {
			unsigned int changes = 1 + (unsigned int)(next(&seed) % 8);
			/* Most of what is parsed is in front. */
			size_t span = i & 1 ? good.size : good.size < 0x320 ? good.size : 0x320;

			img = good;
			while (changes--)
				img.data[next(&seed) % span] = (uint8_t)next(&seed);
			load_damaged(&img, i & 2 ? TEST_RAM : SMALL_RAM);
		}
	}
}

/* Every field of up to eight bytes at its extremes, at every offset. */
static void test_extremes(void **state)
{
	static const uint64_t values[] = {
		0, 1, UINT64_MAX, 0x7fffffffffffffffULL, 0x80000000, 0xfffffff0, 0x100000000ULL,
	};

	(void)state;
	for (size_t f = 0; f < NR_FORMATS; f++) {
		struct image good, img;
		size_t end;

		formats[f].make(&good);
		end = good.size < 0x268 ? good.size : 0x268;
		for (size_t offset = 0; offset + 8 <= end; offset += 4) {
			for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
				for (unsigned int len = 2; len <= 8; len *= 2) {
					img = good;
					put(&img, offset, len, values[v]);
					load_damaged(&img, TEST_RAM);
				}
			}
		}
	}
}

static void test_random(void **state)
{
	uint64_t seed = 0x243f6a8885a308d3ULL;

	(void)state;
	for (unsigned int i = 0; i < 1000; i++) {
		static const char *const magics[] = { "\x7f" "ELF\x01\x01\x01", "\x7f" "ELF\x02\x01\x01", "" };
		const char *magic = magics[i % 3];
		struct image img;

		memset(&img, 0, sizeof(img));
		img.size = 1 + next(&seed) % 4096;
		for (size_t b = 0; b < img.size; b++)
			img.data[b] = (uint8_t)next(&seed);
		memcpy(img.data, magic, strlen(magic));
		if (i & 8)
			put(&img, 0x202, 4, 0x53726448);
		load_damaged(&img, TEST_RAM);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_mutated),
		cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("loader_mutate", tests, NULL, NULL);
}
