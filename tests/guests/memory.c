// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is behind guest-physical memory: slots that change, launcher memory that
 * goes away and comes back, read-only slots, code that is changed. Dirty
 * bitmaps are in memory_dirty.c, races in memory_race.c.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memory_lib.h"
#include "run.h"

/* ---- helpers of all memory tests ---------------------------------------- */

void *mem_map(size_t size, size_t align, int flags)
{
	char *p = mmap(NULL, size + align, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0), *at;

	if (p == MAP_FAILED)
		return NULL;
	at = (char *)(((uintptr_t)p + align - 1) & ~(uintptr_t)(align - 1));
	munmap(p, at - p);
	munmap(at + size, p + align - at);
	if (mmap(at, size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | flags, -1, 0) == MAP_FAILED) {
		munmap(at, size);
		return NULL;
	}
	return at;
}

void *mem_slot(struct guest *g, uint32_t flags, uint64_t gpa, size_t size)
{
	void *p = mem_map(size, size >= SIZE_2M ? SIZE_2M : PAGE, 0);

	if (!p) {
		guest_fail(g, "%zu bytes of memory: %s", size, strerror(errno));
		return NULL;
	}
	madvise(p, size, MADV_NOHUGEPAGE);
	guest_set_slot(g, TEST_SLOT, flags, gpa, size, p);
	return p;
}

void mem_unslot(struct guest *g, void *p, size_t size)
{
	guest_set_slot(g, TEST_SLOT, 0, 0, 0, NULL);
	munmap(p, size);
}

void mem_prepare(struct guest *g, uint64_t entry, uint64_t gva, uint64_t value, uint64_t count,
		 uint64_t stride)
{
	g->nevents = 0;
	g->regs.gpr[HOLM_RDI] = gva;
	g->regs.gpr[HOLM_RAX] = value;
	g->regs.gpr[HOLM_RCX] = count;
	g->regs.gpr[HOLM_RDX] = stride;
	guest_start(g, entry);
}

static void call(struct guest *g, uint64_t entry, uint64_t gva, uint64_t value, uint64_t count,
		 uint64_t stride)
{
	if (g->failed)
		return;
	mem_prepare(g, entry, gva, value, count, stride);
	guest_run(g);
	CHECK_EQ(g, g->end, HOLM_EXIT_IO);
}

void mem_store(struct guest *g, uint64_t gva, uint64_t value)
{
	call(g, G_mem_store, gva, value, 1, 0);
}

void mem_store_pages(struct guest *g, uint64_t gva, uint64_t value, unsigned int pages)
{
	call(g, G_mem_store, gva, value, pages, PAGE);
}

void mem_load(struct guest *g, uint64_t gva, uint64_t value)
{
	call(g, G_mem_load, gva, 0, 1, 0);
	if (!g->failed)
		EXPECT(g, HOLM_EXIT_IO, V(value));
}

void mem_touch(struct guest *g, uint64_t gva, unsigned int pages)
{
	call(g, G_mem_touch, gva, 0, pages, PAGE);
}

uint32_t mem_enter(struct guest *g)
{
	int err;

	if (g->failed)
		return HOLM_EXIT_UNKNOWN;
	do
		err = holm_vcpu_run(&g->vcpu);
	while (err == -EINTR && !watchdog_expired());
	if (err)
		guest_fail(g, "HOLM_RUN: %s", strerror(-err));
	return g->run->exit_reason;
}

void mem_expect_mmio(struct guest *g, uint64_t gpa, uint32_t flags)
{
	uint32_t reason = mem_enter(g);

	if (g->failed)
		return;
	CHECK_EQ(g, reason, HOLM_EXIT_MMIO);
	CHECK_EQ(g, g->run->mmio.gpa & ~(PAGE - 1), gpa & ~(PAGE - 1));
	CHECK_EQ(g, g->run->mmio.flags & (HOLM_ACCESS_WRITE | HOLM_ACCESS_FETCH), flags);
	if (g->failed)
		guest_dump(g);
}

static void expect_fault(struct guest *g, uint64_t gpa, uint32_t flags)
{
	uint32_t reason = mem_enter(g);
	const struct holm_exit_memory_fault *fault = &g->run->memory_fault;

	if (g->failed)
		return;
	CHECK_EQ(g, reason, HOLM_EXIT_MEMORY_FAULT);
	CHECK_EQ(g, fault->gpa & ~(PAGE - 1), gpa & ~(PAGE - 1));
	CHECK_EQ(g, fault->flags & (HOLM_ACCESS_WRITE | HOLM_ACCESS_FETCH), flags);
	CHECK_EQ(g, fault->error, EFAULT);
	if (g->failed)
		guest_dump(g);
}

/* Go on where the exit was, to the end. */
static void go_on(struct guest *g)
{
	if (g->failed)
		return;
	guest_run(g);
	CHECK_EQ(g, g->end, HOLM_EXIT_IO);
}

void mem_window(struct guest *g, unsigned int n, uint64_t gpa)
{
	guest_write(g, PD_ADDR + 8 * ((WINDOW_GVA >> 21) + n),
		    (gpa & ~(uint64_t)(SIZE_2M - 1)) | 0x87, 8);
}

uint64_t mem_window_gva(unsigned int n, uint64_t gpa)
{
	return WINDOW_GVA + (uint64_t)n * SIZE_2M + (gpa & (SIZE_2M - 1));
}

/* ---- memory that goes --------------------------------------------------- */

#define REMOVED_SIZE	(16 * PAGE)

static void test_dontneed(struct guest *g)
{
	char *p = mem_slot(g, 0, SLOT_GPA, REMOVED_SIZE);

	if (!p)
		return;
	mem_store_pages(g, SLOT_GPA, 0x1234, 16);
	CHECK(g, !madvise(p + 2 * PAGE, PAGE, MADV_DONTNEED), "madvise");
	mem_load(g, SLOT_GPA + PAGE, 0x1234);
	mem_load(g, SLOT_GPA + 2 * PAGE, 0);
	mem_load(g, SLOT_GPA + 3 * PAGE, 0x1234);
	/* What was only read is not the zero page for good. */
	mem_store(g, SLOT_GPA + 2 * PAGE, 0x77);
	CHECK_EQ(g, *(uint64_t *)(p + 2 * PAGE), 0x77);
	*(uint64_t *)(p + 2 * PAGE) = 0x78;
	mem_load(g, SLOT_GPA + 2 * PAGE, 0x78);
	mem_unslot(g, p, REMOVED_SIZE);
}

static void test_unmapped(struct guest *g)
{
	char *p = mem_slot(g, 0, SLOT_GPA, REMOVED_SIZE);

	if (!p)
		return;
	mem_store_pages(g, SLOT_GPA, 0x1234, 16);
	munmap(p + 4 * PAGE, PAGE);
	mem_prepare(g, G_mem_load, SLOT_GPA + 4 * PAGE, 0, 1, 0);
	expect_fault(g, SLOT_GPA + 4 * PAGE, 0);
	/* It is said again, until there is memory. */
	expect_fault(g, SLOT_GPA + 4 * PAGE, 0);
	CHECK(g, mmap(p + 4 * PAGE, PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED, "mmap");
	go_on(g);
	if (!g->failed)
		EXPECT(g, HOLM_EXIT_IO, V(0));
	munmap(p + 5 * PAGE, PAGE);
	mem_prepare(g, G_mem_store, SLOT_GPA + 5 * PAGE, 1, 1, 0);
	expect_fault(g, SLOT_GPA + 5 * PAGE, HOLM_ACCESS_WRITE);
	mem_prepare(g, G_mem_call, SLOT_GPA + 5 * PAGE, 0, 0, 0);
	expect_fault(g, SLOT_GPA + 5 * PAGE, HOLM_ACCESS_FETCH);
	mem_load(g, SLOT_GPA + 6 * PAGE, 0x1234);
	mem_unslot(g, p, REMOVED_SIZE);
}

static void test_protected(struct guest *g)
{
	char *p = mem_slot(g, 0, SLOT_GPA, REMOVED_SIZE);

	if (!p)
		return;
	mem_store_pages(g, SLOT_GPA, 0x1234, 16);
	mprotect(p, PAGE, PROT_NONE);
	mem_prepare(g, G_mem_load, SLOT_GPA, 0, 1, 0);
	expect_fault(g, SLOT_GPA, 0);
	mem_prepare(g, G_mem_store, SLOT_GPA, 1, 1, 0);
	expect_fault(g, SLOT_GPA, HOLM_ACCESS_WRITE);
	mprotect(p, PAGE, PROT_READ);
	mem_load(g, SLOT_GPA, 0x1234);
	mem_prepare(g, G_mem_store, SLOT_GPA, 0x4321, 1, 0);
	expect_fault(g, SLOT_GPA, HOLM_ACCESS_WRITE);
	CHECK_EQ(g, *(uint64_t *)p, 0x1234);
	mprotect(p, PAGE, PROT_READ | PROT_WRITE);
	go_on(g);
	CHECK_EQ(g, *(uint64_t *)p, 0x4321);
	mem_unslot(g, p, REMOVED_SIZE);
}

/* Copy-on-write: the guest stays with the launcher's page. */
static void test_fork(struct guest *g)
{
	char *p = mem_slot(g, 0, SLOT_GPA, REMOVED_SIZE);
	int pipes[2], status = 0;
	pid_t child;
	char c = 0;

	if (!p)
		return;
	mem_store_pages(g, SLOT_GPA, 0x1111, 16);
	if (pipe(pipes)) {
		guest_fail(g, "pipe: %s", strerror(errno));
		return;
	}
	child = fork();
	if (!child) {
		close(pipes[1]);
		/* Until the other end is closed. */
		while (read(pipes[0], &c, 1) < 0 && errno == EINTR)
			;
		_exit(*(uint64_t *)p == 0x1111 && *(uint64_t *)(p + PAGE) == 0x1111 ? 7 : 8);
	}
	close(pipes[0]);
	mem_load(g, SLOT_GPA, 0x1111);
	mem_store(g, SLOT_GPA, 0x2222);
	CHECK_EQ(g, *(uint64_t *)p, 0x2222);
	*(uint64_t *)(p + PAGE) = 0x3333;
	mem_load(g, SLOT_GPA + PAGE, 0x3333);
	close(pipes[1]);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	CHECK(g, WIFEXITED(status) && WEXITSTATUS(status) == 7, "the child's copy changed: %d",
	      status);
	mem_unslot(g, p, REMOVED_SIZE);
}

/* ---- slots that change -------------------------------------------------- */

static void test_slot_moved(struct guest *g)
{
	char *p = mem_slot(g, 0, SLOT_GPA, REMOVED_SIZE);

	if (!p)
		return;
	mem_store_pages(g, SLOT_GPA, 0x1234, 16);
	guest_set_slot(g, TEST_SLOT, 0, MOVED_GPA, REMOVED_SIZE, p);
	mem_load(g, MOVED_GPA + 3 * PAGE, 0x1234);
	mem_prepare(g, G_mem_load, SLOT_GPA + 3 * PAGE, 0, 1, 0);
	mem_expect_mmio(g, SLOT_GPA + 3 * PAGE, 0);
	mem_store(g, MOVED_GPA + 3 * PAGE, 0x5678);
	/* Overlapping its old place. */
	guest_set_slot(g, TEST_SLOT, 0, MOVED_GPA + PAGE, REMOVED_SIZE, p);
	mem_load(g, MOVED_GPA + 4 * PAGE, 0x5678);
	mem_prepare(g, G_mem_store, MOVED_GPA, 1, 1, 0);
	mem_expect_mmio(g, MOVED_GPA, HOLM_ACCESS_WRITE);
	guest_set_slot(g, TEST_SLOT, 0, 0, 0, NULL);
	mem_prepare(g, G_mem_load, MOVED_GPA + 4 * PAGE, 0, 1, 0);
	mem_expect_mmio(g, MOVED_GPA + 4 * PAGE, 0);
	/* Back again, with what it held. */
	guest_set_slot(g, TEST_SLOT, 0, SLOT_GPA, REMOVED_SIZE, p);
	mem_load(g, SLOT_GPA + 3 * PAGE, 0x5678);
	mem_unslot(g, p, REMOVED_SIZE);
}

static void refuse_slot(struct guest *g, uint64_t gpa, uint64_t size, void *p, int want)
{
	int err = holm_vm_set_slot(g->vm, TEST_SLOT + 1, 0, gpa, size, p);

	if (err != -want)
		guest_fail(g, "slot of 0x%llx bytes at 0x%llx: %s, expected %s",
			   (unsigned long long)size, (unsigned long long)gpa, strerror(-err),
			   strerror(want));
}

/* The last pages that can be addressed. */
static void test_top(struct guest *g)
{
	uint64_t limit = 1ULL << hv.caps.phys_bits, gpa = limit - REMOVED_SIZE;
	char *p;

	/* As far as four levels of second-level tables reach. */
	if (hv.caps.phys_bits > 48) {
		limit = 1ULL << 48;
		gpa = limit - REMOVED_SIZE;
	}
	p = mem_slot(g, 0, gpa, REMOVED_SIZE);
	if (!p)
		return;
	mem_window(g, 0, gpa);
	mem_store(g, mem_window_gva(0, limit - 8), 0x123456789abcdef0);
	mem_store(g, mem_window_gva(0, gpa), 0x55);
	mem_load(g, mem_window_gva(0, limit - 8), 0x123456789abcdef0);
	CHECK_EQ(g, *(uint64_t *)(p + REMOVED_SIZE - 8), 0x123456789abcdef0);
	CHECK_EQ(g, *(uint64_t *)p, 0x55);
	refuse_slot(g, limit, PAGE, p, EINVAL);
	refuse_slot(g, gpa - PAGE, REMOVED_SIZE + 2 * PAGE, p, EINVAL);
	refuse_slot(g, gpa + PAGE, PAGE, p, EEXIST);
	refuse_slot(g, ~(uint64_t)(PAGE - 1), PAGE, p, EINVAL);
	mem_unslot(g, p, REMOVED_SIZE);
}

static void test_alias(struct guest *g)
{
	char *p = mem_slot(g, 0, SLOT_GPA, REMOVED_SIZE);

	if (!p)
		return;
	guest_set_slot(g, TEST_SLOT + 1, 0, MOVED_GPA, REMOVED_SIZE, p);
	mem_store_pages(g, SLOT_GPA, 0x1234, 16);
	mem_load(g, MOVED_GPA + 7 * PAGE, 0x1234);
	mem_store(g, MOVED_GPA + 7 * PAGE, 0x4321);
	mem_load(g, SLOT_GPA + 7 * PAGE, 0x4321);
	/* Both lose what goes. */
	madvise(p, REMOVED_SIZE, MADV_DONTNEED);
	mem_load(g, SLOT_GPA + 7 * PAGE, 0);
	mem_load(g, MOVED_GPA + 7 * PAGE, 0);
	guest_set_slot(g, TEST_SLOT + 1, 0, 0, 0, NULL);
	mem_store(g, SLOT_GPA + 7 * PAGE, 1);
	mem_prepare(g, G_mem_load, MOVED_GPA + 7 * PAGE, 0, 1, 0);
	mem_expect_mmio(g, MOVED_GPA + 7 * PAGE, 0);
	mem_unslot(g, p, REMOVED_SIZE);
}

/* ---- read-only slots ---------------------------------------------------- */

#define RO_GPA	0x300000	/* the upper part of RAM */
#define RO_SIZE	(RAM_SIZE - RO_GPA)

static void test_readonly(struct guest *g)
{
	static const uint8_t code[] = { 0xb8, 0x78, 0x56, 0x34, 0x12, 0xc3 };

	guest_set_slot(g, 0, 0, 0, 0, NULL);
	guest_set_slot(g, 0, 0, 0, RO_GPA, g->ram);
	guest_set_slot(g, TEST_SLOT, HOLM_SLOT_READONLY, RO_GPA, RO_SIZE, g->ram + RO_GPA);
	g->readonly_from = RO_GPA;
	guest_write(g, RO_GPA, 0x1122334455667788, 8);
	memcpy(g->ram + RO_GPA + PAGE, code, sizeof(code));

	mem_load(g, RO_GPA, 0x1122334455667788);
	mem_store(g, RO_GPA, 0x99);
	EXPECT(g, HOLM_EXIT_IO, MMW(RO_GPA, 8, 0x99));
	/* Read, and written as to a device. */
	call(g, G_mem_add, RO_GPA, 0, 0, 0);
	if (!g->failed)
		EXPECT(g, HOLM_EXIT_IO, MMW(RO_GPA, 4, 0x55667789), V(0));
	/* Into it from what is not. */
	guest_write(g, RO_GPA - 4, 0xaabbccdd, 4);
	call(g, G_mem_store, RO_GPA - 4, 0x0102030405060708, 1, 0);
	if (!g->failed)
		EXPECT(g, HOLM_EXIT_IO, MMW(RO_GPA, 4, 0x01020304));
	CHECK_EQ(g, guest_read(g, RO_GPA - 4, 4), 0x05060708);
	CHECK_EQ(g, guest_read(g, RO_GPA, 8), 0x1122334455667788);
	/* Code in it. */
	call(g, G_mem_call, RO_GPA + PAGE, 0, 0, 0);
	if (!g->failed)
		EXPECT(g, HOLM_EXIT_IO, V(0x12345678));
	if (g->failed)
		return;

	/* Writable, and read-only again. */
	guest_set_slot(g, TEST_SLOT, 0, RO_GPA, RO_SIZE, g->ram + RO_GPA);
	mem_store(g, RO_GPA, 0x77);
	EXPECT(g, HOLM_EXIT_IO, { 0 });
	CHECK_EQ(g, guest_read(g, RO_GPA, 8), 0x77);
	guest_set_slot(g, TEST_SLOT, HOLM_SLOT_READONLY, RO_GPA, RO_SIZE, g->ram + RO_GPA);
	mem_store(g, RO_GPA, 0x78);
	EXPECT(g, HOLM_EXIT_IO, MMW(RO_GPA, 8, 0x78));
	CHECK_EQ(g, guest_read(g, RO_GPA, 8), 0x77);
}

/* ---- much memory -------------------------------------------------------- */

#define TIB		(1ULL << 40)
#define SPARSE_GPA	(1ULL << 32)
#define SPARSE_TOUCHED	24

/* A line of a file of /proc, in KiB. */
static long long proc_kib(const char *file, const char *key)
{
	FILE *f = fopen(file, "r");
	long long value = -1;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			value = atoll(line + strlen(key));
	if (f)
		fclose(f);
	return value;
}

static void test_sparse(struct guest *g)
{
	unsigned int bits = hv.caps.phys_bits < 48 ? hv.caps.phys_bits : 48, i;
	uint64_t room = (1ULL << bits) - SPARSE_GPA, size = room < TIB ? room : TIB;
	uint64_t offset[SPARSE_TOUCHED], seed = 0x9e3779b97f4a7c15;
	long long rss, tables, available;
	char *p;

	p = mem_map(size, SIZE_2M, MAP_NORESERVE);
	if (!p) {
		guest_fail(g, "mmap: %s", strerror(errno));
		return;
	}
	mem_touch(g, SCRATCH_ADDR, 1);
	rss = proc_kib("/proc/self/status", "VmRSS:");
	tables = proc_kib("/proc/self/status", "VmPTE:");
	available = proc_kib("/proc/meminfo", "MemAvailable:");
	guest_set_slot(g, TEST_SLOT, 0, SPARSE_GPA, size, p);
	for (i = 0; i < SPARSE_TOUCHED; i++) {
		seed = seed * 6364136223846793005 + 1442695040888963407;
		offset[i] = i == 0 ? 0 : i == 1 ? size - PAGE : (seed >> 8) % size & ~(PAGE - 1);
		mem_window(g, i, SPARSE_GPA + offset[i]);
	}
	for (i = 0; i < SPARSE_TOUCHED; i++)
		mem_store(g, mem_window_gva(i, SPARSE_GPA + offset[i]), 0x1000 + i);
	for (i = 0; i < SPARSE_TOUCHED; i++) {
		mem_load(g, mem_window_gva(i, SPARSE_GPA + offset[i]), 0x1000 + i);
		CHECK_EQ(g, *(uint64_t *)(p + offset[i]), 0x1000 + i);
	}
	rss = proc_kib("/proc/self/status", "VmRSS:") - rss;
	tables = proc_kib("/proc/self/status", "VmPTE:") - tables;
	available -= proc_kib("/proc/meminfo", "MemAvailable:");
	/* A page, and three tables, for each that was touched; other processes live, too. */
	CHECK(g, rss <= SPARSE_TOUCHED * 4 + 512, "%lld KiB resident", rss);
	CHECK(g, tables <= SPARSE_TOUCHED * 8 + 64, "%lld KiB of page tables", tables);
	CHECK(g, available <= 262144, "%lld KiB less memory available", available);
	mem_unslot(g, p, size);
	mem_prepare(g, G_mem_load, mem_window_gva(0, SPARSE_GPA), 0, 1, 0);
	mem_expect_mmio(g, SPARSE_GPA, 0);
}

/* ---- huge pages --------------------------------------------------------- */

#define HUGE_SIZE	(4 * (size_t)SIZE_2M)

/* All pages hold what the guest put there, one after the other. */
static void use_huge(struct guest *g, char *p)
{
	unsigned int pages = HUGE_SIZE / PAGE, i;

	mem_store_pages(g, SLOT_GPA, 0xabcd, pages);
	for (i = 0; i < pages && !g->failed; i++)
		CHECK_EQ(g, *(uint64_t *)(p + i * PAGE), 0xabcd);
	mem_touch(g, SLOT_GPA, pages);
}

static void test_thp(struct guest *g)
{
	char *p = mem_map(HUGE_SIZE, SIZE_2M, 0);

	if (!p) {
		guest_fail(g, "mmap: %s", strerror(errno));
		return;
	}
	madvise(p, HUGE_SIZE, MADV_HUGEPAGE);
	guest_set_slot(g, TEST_SLOT, 0, SLOT_GPA, HUGE_SIZE, p);
	use_huge(g, p);
	/* One small page goes out of the middle of a huge one. */
	madvise(p + SIZE_2M + 5 * PAGE, PAGE, MADV_DONTNEED);
	mem_load(g, SLOT_GPA + SIZE_2M + 5 * PAGE, 0);
	mem_load(g, SLOT_GPA + SIZE_2M + 4 * PAGE, 0xabcd);
	mem_load(g, SLOT_GPA + SIZE_2M + 6 * PAGE, 0xabcd);
	madvise(p + SIZE_2M, SIZE_2M, MADV_DONTNEED);
	mem_load(g, SLOT_GPA + SIZE_2M + 6 * PAGE, 0);
	mem_load(g, SLOT_GPA + 2 * SIZE_2M, 0xabcd);
	/* The two addresses are not alike: no huge page in between. */
	guest_set_slot(g, TEST_SLOT, 0, MOVED_GPA + PAGE, HUGE_SIZE, p);
	mem_load(g, MOVED_GPA + PAGE + 3 * SIZE_2M, 0xabcd);
	mem_store(g, MOVED_GPA + PAGE + 3 * SIZE_2M + 9 * PAGE, 0x99);
	CHECK_EQ(g, *(uint64_t *)(p + 3 * SIZE_2M + 9 * PAGE), 0x99);
	mem_unslot(g, p, HUGE_SIZE);
}

#define NR_HUGEPAGES	"/proc/sys/vm/nr_hugepages"

static void set_hugepages(unsigned int n)
{
	FILE *f = fopen(NR_HUGEPAGES, "w");

	if (f) {
		fprintf(f, "%u\n", n);
		fclose(f);
	}
}

static void test_hugetlb(struct guest *g)
{
	char *p = mmap(NULL, HUGE_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

	if (p == MAP_FAILED) {
		guest_fail(g, "mmap: %s", strerror(errno));
		return;
	}
	guest_set_slot(g, TEST_SLOT, 0, SLOT_GPA, HUGE_SIZE, p);
	use_huge(g, p);
	madvise(p + SIZE_2M, SIZE_2M, MADV_DONTNEED);
	mem_load(g, SLOT_GPA + SIZE_2M + 6 * PAGE, 0);
	mem_load(g, SLOT_GPA + 2 * SIZE_2M, 0xabcd);
	munmap(p, SIZE_2M);
	mem_prepare(g, G_mem_load, SLOT_GPA, 0, 1, 0);
	expect_fault(g, SLOT_GPA, 0);
	guest_set_slot(g, TEST_SLOT, 0, 0, 0, NULL);
	munmap(p + SIZE_2M, HUGE_SIZE - SIZE_2M);
}

static bool have_hugetlb(void)
{
	void *p;

	set_hugepages(HUGE_SIZE / SIZE_2M + 2);
	p = mmap(NULL, HUGE_SIZE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (p == MAP_FAILED)
		return false;
	munmap(p, HUGE_SIZE);
	return true;
}

/* ---- code that changes -------------------------------------------------- */

static void setup_window(struct guest *g)
{
	mem_window(g, 0, 0);
}

static void setup_slot(struct guest *g)
{
	guest_set_slot(g, TEST_SLOT, 0, STUB_SLOT, PAGE, g->ram + STUB_ADDR);
}

static void change_stub(struct guest *g, unsigned int n)
{
	(void)n;
	guest_write(g, STUB_ADDR + 1, 0x22222222, 4);
}

static void setup_device(struct guest *g)
{
	memset(g->device, 0x22, 4);
}

static const struct guest_row rows[] = {
	{ GUEST(mem_smc_same, LONG64), EVENTS(V(0x22222222)) },
	{ GUEST(mem_smc_other, LONG64), EVENTS(V(0x11111111), V(0x22222222)) },
	{ GUEST(mem_smc_page, LONG64), .setup = setup_window,
	  EVENTS(V(0x11111111), V(0x22222222)) },
	{ GUEST(mem_smc_slot, LONG64), .setup = setup_slot,
	  EVENTS(V(0x11111111), V(0x22222222)) },
	{ GUEST(mem_smc_host, LONG64), .call = change_stub,
	  EVENTS(V(0x11111111), CALL(1), V(0x22222222)) },
	{ GUEST(mem_smc_device, LONG64), .setup = setup_device,
	  EVENTS(V(0x11111111), MMR(0, 4), V(0x22222222)) },
};

void test_memory(void)
{
	guest_rows("memory", rows, ARRAY_SIZE(rows));
	guest_test_mode("memory/dontneed", LONG64, test_dontneed);
	guest_test_mode("memory/unmapped", LONG64, test_unmapped);
	guest_test_mode("memory/protected", LONG64, test_protected);
	guest_test_mode("memory/fork", LONG64, test_fork);
	guest_test_mode("memory/slot_moved", LONG64, test_slot_moved);
	guest_test_mode("memory/top", LONG64, test_top);
	guest_test_mode("memory/alias", LONG64, test_alias);
	guest_test_mode("memory/readonly", LONG64, test_readonly);
	guest_test_mode("memory/sparse", LONG64, test_sparse);
	guest_test_mode("memory/thp", LONG64, test_thp);
	if (guest_wanted("memory/hugetlb")) {
		if (have_hugetlb())
			guest_test_mode("memory/hugetlb", LONG64, test_hugetlb);
		else
			guest_skip("memory/hugetlb", "the kernel has no huge pages to give");
		set_hugepages(0);
	}
	test_memory_dirty();
	test_memory_race();
}
