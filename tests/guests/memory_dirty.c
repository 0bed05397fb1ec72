// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Dirty bitmaps: exactly the pages that were written, each write told once, with
 * small pages and where the launcher has huge ones.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "memory_lib.h"

#define PAGES		200		/* the last word is not full */
#define WORDS		((PAGES + 63) / 64)
#define HUGE_PAGES	1024
#define MAX_WORDS	(HUGE_PAGES / 64)

struct pages {
	uint64_t word[MAX_WORDS];
};

/* The pages of a list that ends with -1. */
static struct pages set_of(const int *list)
{
	struct pages set = { 0 };

	for (; *list >= 0; list++)
		set.word[*list / 64] |= BIT(*list % 64);
	return set;
}

#define SET(...)	set_of((const int[]) { __VA_ARGS__, -1 })
#define NONE		set_of((const int[]) { -1 })

static struct pages get_log(struct guest *g, uint64_t first, uint64_t pages)
{
	struct pages log = { 0 };
	int err = holm_vm_get_dirty_log(g->vm, TEST_SLOT, first, pages, log.word + first / 64);

	if (err)
		guest_fail(g, "dirty log of %llu pages from %llu: %s", (unsigned long long)pages,
			   (unsigned long long)first, strerror(-err));
	return log;
}

static void expect_log(struct guest *g, const char *when, struct pages found, struct pages want)
{
	unsigned int i;

	for (i = 0; i < MAX_WORDS; i++)
		if (found.word[i] != want.word[i])
			guest_fail(g, "%s: word %u is 0x%llx, expected 0x%llx", when, i,
				   (unsigned long long)found.word[i],
				   (unsigned long long)want.word[i]);
}

static void store_list(struct guest *g, const int *list)
{
	for (; *list >= 0; list++)
		mem_store(g, SLOT_GPA + (uint64_t)*list * PAGE + 8 * (*list % 512), *list + 1);
}

#define STORE(g, ...)	store_list(g, (const int[]) { __VA_ARGS__, -1 })

static void refuse(struct guest *g, uint32_t slot, uint64_t first, uint64_t pages, uint64_t *bitmap,
		   int want)
{
	int err = holm_vm_get_dirty_log(g->vm, slot, first, pages, bitmap);

	if (err != -want)
		guest_fail(g, "dirty log of slot %u, %llu pages from %llu: %s, expected %s", slot,
			   (unsigned long long)pages, (unsigned long long)first, strerror(-err),
			   strerror(want));
}

static void test_exact(struct guest *g)
{
	char *p = mem_slot(g, HOLM_SLOT_LOG_DIRTY, SLOT_GPA, PAGES * PAGE);
	uint64_t word[WORDS];

	if (!p)
		return;
	expect_log(g, "at first", get_log(g, 0, PAGES), NONE);
	STORE(g, 0, 1, 63, 64, 65, 127, 199);
	expect_log(g, "after stores", get_log(g, 0, PAGES), SET(0, 1, 63, 64, 65, 127, 199));
	expect_log(g, "a second time", get_log(g, 0, PAGES), NONE);
	/* Written before and again; twice; not written before. */
	STORE(g, 1, 1, 5, 199, 199);
	expect_log(g, "after more stores", get_log(g, 0, PAGES), SET(1, 5, 199));
	mem_touch(g, SLOT_GPA, PAGES);
	expect_log(g, "after loads", get_log(g, 0, PAGES), NONE);
	/* Mapped by loads, then written. */
	STORE(g, 7, 100);
	expect_log(g, "stores after loads", get_log(g, 0, PAGES), SET(7, 100));
	/* Across a boundary: both. */
	mem_store(g, SLOT_GPA + 20 * PAGE - 4, ~0ULL);
	expect_log(g, "across a boundary", get_log(g, 0, PAGES), SET(19, 20));

	/* A range at a time, and what is refused takes nothing away. */
	STORE(g, 3, 70, 130, 198);
	refuse(g, TEST_SLOT, 1, 64, word, EINVAL);
	refuse(g, TEST_SLOT, 0, 63, word, EINVAL);
	refuse(g, TEST_SLOT, 192, 64, word, EINVAL);
	refuse(g, TEST_SLOT, 256, 64, word, EINVAL);
	refuse(g, TEST_SLOT, 0, 0, word, EINVAL);
	refuse(g, TEST_SLOT, 0, PAGES, (uint64_t *)8, EFAULT);
	refuse(g, 0, 0, 64, word, ENOENT);
	refuse(g, TEST_SLOT + 5, 0, 64, word, ENOENT);
	refuse(g, HOLM_MAX_SLOTS, 0, 64, word, EINVAL);
	expect_log(g, "of the second word", get_log(g, 64, 64), SET(70));
	expect_log(g, "of the last word", get_log(g, 192, 8), SET(198));
	expect_log(g, "of the rest", get_log(g, 0, PAGES), SET(3, 130));
	/* What the launcher takes away and gives back is no write of the guest's. */
	madvise(p, PAGES * PAGE, MADV_DONTNEED);
	mem_touch(g, SLOT_GPA, PAGES);
	expect_log(g, "after the memory went", get_log(g, 0, PAGES), NONE);
	STORE(g, 9);
	expect_log(g, "in new memory", get_log(g, 0, PAGES), SET(9));
	mem_unslot(g, p, PAGES * PAGE);
}

/* Switched on and off while memory is mapped, moved. */
static void test_switched(struct guest *g)
{
	char *p = mem_slot(g, 0, SLOT_GPA, PAGES * PAGE);
	uint64_t word[WORDS];

	if (!p)
		return;
	mem_store_pages(g, SLOT_GPA, 1, PAGES);
	refuse(g, TEST_SLOT, 0, PAGES, word, ENOENT);
	guest_set_slot(g, TEST_SLOT, HOLM_SLOT_LOG_DIRTY, SLOT_GPA, PAGES * PAGE, p);
	expect_log(g, "switched on", get_log(g, 0, PAGES), NONE);
	STORE(g, 2, 66);
	expect_log(g, "after stores", get_log(g, 0, PAGES), SET(2, 66));
	STORE(g, 4);
	guest_set_slot(g, TEST_SLOT, 0, SLOT_GPA, PAGES * PAGE, p);
	refuse(g, TEST_SLOT, 0, PAGES, word, ENOENT);
	STORE(g, 6);
	guest_set_slot(g, TEST_SLOT, HOLM_SLOT_LOG_DIRTY, SLOT_GPA, PAGES * PAGE, p);
	expect_log(g, "switched on again", get_log(g, 0, PAGES), NONE);
	STORE(g, 8);
	/* It keeps its bitmap when it moves. */
	guest_set_slot(g, TEST_SLOT, HOLM_SLOT_LOG_DIRTY, MOVED_GPA, PAGES * PAGE, p);
	mem_store(g, MOVED_GPA + 12 * PAGE, 1);
	expect_log(g, "moved", get_log(g, 0, PAGES), SET(8, 12));
	/* Read-only: what is refused is not written. */
	guest_set_slot(g, TEST_SLOT, HOLM_SLOT_LOG_DIRTY | HOLM_SLOT_READONLY, MOVED_GPA,
		       PAGES * PAGE, p);
	mem_prepare(g, G_mem_store, MOVED_GPA, 1, 1, 0);
	mem_expect_mmio(g, MOVED_GPA, HOLM_ACCESS_WRITE);
	expect_log(g, "read-only", get_log(g, 0, PAGES), NONE);
	mem_unslot(g, p, PAGES * PAGE);
}

static void test_huge(struct guest *g)
{
	size_t size = HUGE_PAGES * PAGE;
	char *p = mem_map(size, SIZE_2M, 0);

	if (!p) {
		guest_fail(g, "mmap: %s", strerror(errno));
		return;
	}
	madvise(p, size, MADV_HUGEPAGE);
	memset(p, 1, size);
	guest_set_slot(g, TEST_SLOT, 0, SLOT_GPA, size, p);
	STORE(g, 0, 513);
	guest_set_slot(g, TEST_SLOT, HOLM_SLOT_LOG_DIRTY, SLOT_GPA, size, p);
	expect_log(g, "switched on", get_log(g, 0, HUGE_PAGES), NONE);
	STORE(g, 3, 511, 512, 1023);
	expect_log(g, "after stores", get_log(g, 0, HUGE_PAGES), SET(3, 511, 512, 1023));
	STORE(g, 3, 4, 700);
	expect_log(g, "after more stores", get_log(g, 0, HUGE_PAGES), SET(3, 4, 700));
	mem_touch(g, SLOT_GPA, HUGE_PAGES);
	STORE(g, 5);
	expect_log(g, "after loads", get_log(g, 0, HUGE_PAGES), SET(5));
	/* Huge once more, and again not. */
	guest_set_slot(g, TEST_SLOT, 0, SLOT_GPA, size, p);
	STORE(g, 6, 900);
	mem_load(g, SLOT_GPA + 511 * PAGE + 8 * 511, 512);
	guest_set_slot(g, TEST_SLOT, HOLM_SLOT_LOG_DIRTY, SLOT_GPA, size, p);
	STORE(g, 8);
	expect_log(g, "switched on again", get_log(g, 0, HUGE_PAGES), SET(8));
	mem_unslot(g, p, size);
}

/* The CPU sets accessed and dirty flags: these are writes to the page tables. */
static void test_page_tables(struct guest *g)
{
	static const unsigned int tables[] = { PML4_ADDR, PDPT_ADDR, PD_ADDR, PT_ADDR };
	uint64_t log[RAM_SIZE / PAGE / 64] = { 0 }, allowed[ARRAY_SIZE(log)] = { 0 };
	unsigned int i;
	int err;

	guest_set_slot(g, 0, HOLM_SLOT_LOG_DIRTY, 0, RAM_SIZE, g->ram);
	for (i = 0; i < ARRAY_SIZE(tables); i++)
		allowed[tables[i] / PAGE / 64] |= BIT(tables[i] / PAGE % 64);
	mem_touch(g, SCRATCH_ADDR, 1);
	err = holm_vm_get_dirty_log(g->vm, 0, 0, RAM_SIZE / PAGE, log);
	CHECK_EQ(g, err, 0);
	for (i = 0; i < ARRAY_SIZE(tables); i++) {
		bool told = log[tables[i] / PAGE / 64] & BIT(tables[i] / PAGE % 64);

		CHECK(g, told, "no write to the table at 0x%x", tables[i]);
	}
	for (i = 0; i < ARRAY_SIZE(log); i++)
		CHECK_EQ(g, log[i] & ~allowed[i], 0);
}

void test_memory_dirty(void)
{
	guest_test_mode("memory/dirty", LONG64, test_exact);
	guest_test_mode("memory/dirty_switched", LONG64, test_switched);
	guest_test_mode("memory/dirty_huge", LONG64, test_huge);
	guest_test_mode("memory/dirty_page_tables", LONG64, test_page_tables);
}
