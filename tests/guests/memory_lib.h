/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of memory share: a slot, and short guests that use it. */
#ifndef GUEST_MEMORY_LIB_H
#define GUEST_MEMORY_LIB_H

#include "guest.h"
#include "memory.h"

#define PAGE		0x1000ULL
#define SIZE_2M		0x200000ULL
#define TEST_SLOT	1

/* Aligned private memory, or NULL with errno; @flags for mmap(). */
void *mem_map(size_t size, size_t align, int flags);
/* The same of small pages, as TEST_SLOT; NULL when the test has failed. */
void *mem_slot(struct guest *g, uint32_t flags, uint64_t gpa, size_t size);
/* Remove the slot and its memory. */
void mem_unslot(struct guest *g, void *p, size_t size);

/* Registers of the guests in memory.S. */
void mem_prepare(struct guest *g, uint64_t entry, uint64_t gva, uint64_t value, uint64_t count,
		 uint64_t stride);

/* Eight bytes; the load must give @value. */
void mem_store(struct guest *g, uint64_t gva, uint64_t value);
void mem_load(struct guest *g, uint64_t gva, uint64_t value);
/* In each of @pages. */
void mem_store_pages(struct guest *g, uint64_t gva, uint64_t value, unsigned int pages);
void mem_touch(struct guest *g, uint64_t gva, unsigned int pages);

/* One exit, which is not answered. */
uint32_t mem_enter(struct guest *g);
/* It is for an access to what is no memory. */
void mem_expect_mmio(struct guest *g, uint64_t gpa, uint32_t flags);

/* Map the 2 MiB around @gpa at window @n; where @gpa is then. */
void mem_window(struct guest *g, unsigned int n, uint64_t gpa);
uint64_t mem_window_gva(unsigned int n, uint64_t gpa);

void test_memory_dirty(void);
void test_memory_race(void);

#endif
