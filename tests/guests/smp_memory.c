// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory under several vCPUs: nobody reads what was there before, once the
 * change is complete: for the guest's own tables when all have invalidated
 * their translations, for the host's when its call has returned.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "memory_lib.h"
#include "smp.h"

/* ---- changes by the host ----------------------------------------------------------- */

/**
 * struct change - memory of a slot, and who changes it
 * @p: two pages; the slot is the first of them, or the second
 * @now: which
 * @turns: changes so far
 */
struct change {
	volatile uint64_t *p[2];
	unsigned int now;
	unsigned int turns;
};

#define CHANGES		(hv.bochs ? 6 : 25 * hv.rounds)
#define AT		SLOT_GPA

/* While there is no slot: again. */
static bool no_slot_now(struct guest *v)
{
	const struct holm_run *run = v->run;

	if (run->exit_reason != HOLM_EXIT_MEMORY_FAULT &&
	    !(run->exit_reason == HOLM_EXIT_MMIO && run->mmio.gpa - AT < 2 * PAGE))
		return false;
	sched_yield();
	return true;
}

static void setup_change(struct smp *s)
{
	struct change *c = calloc(1, sizeof(*c));
	unsigned int i;

	s->priv = c;
	for (i = 0; c && i < 2; i++) {
		c->p[i] = mem_map(PAGE, PAGE, 0);
		if (!c->p[i]) {
			guest_fail(s->g, "memory: %s", strerror(errno));
			return;
		}
		c->p[i][0] = 0;
	}
	if (!c) {
		guest_fail(s->g, "no memory");
		return;
	}
	guest_set_slot(s->g, TEST_SLOT, 0, AT, PAGE, (void *)c->p[0]);
	for (i = 0; i < s->n; i++) {
		s->vcpu[i]->first = no_slot_now;
		*smp_cpu(s, i, CPU_ARG) = AT;
	}
}

static void check_change(struct smp *s)
{
	struct change *c = s->priv;
	unsigned int i;

	CHECK_EQ(s->g, c->turns, CHANGES);
	for (i = 0; i < s->n; i++)
		CHECK_EQ(s->g, *smp_cpu(s, i, CPU_SEEN), 2 * CHANGES);
	for (i = 0; i < 2; i++)
		munmap((void *)c->p[i], PAGE);
	free(c);
}

/* Other memory, by removing the slot and making it anew. */
static void replace_slot(struct smp *s, struct change *c, uint64_t epoch)
{
	volatile uint64_t *old = c->p[c->now], *new = c->p[!c->now];
	uint64_t written[SMP_MAX];
	unsigned int i;

	new[0] = epoch;
	guest_set_slot(s->g, TEST_SLOT, 0, 0, 0, NULL);
	/* Now it is nobody's: no one writes to it, and no one shall read it. */
	for (i = 0; i < s->n; i++)
		written[i] = old[1 + i];
	old[0] = ~0ULL;
	smp_nap(100);
	for (i = 0; i < s->n; i++)
		if (old[1 + i] != written[i])
			guest_fail(s->g, "vCPU %u writes to memory whose slot was removed", i);
	guest_set_slot(s->g, TEST_SLOT, 0, AT, PAGE, (void *)new);
	c->now = !c->now;
}

/* Away and back. */
static void move_slot(struct smp *s, struct change *c, uint64_t epoch)
{
	guest_set_slot(s->g, TEST_SLOT, 0, AT + PAGE, PAGE, (void *)c->p[0]);
	c->p[0][0] = epoch;
	guest_set_slot(s->g, TEST_SLOT, 0, AT, PAGE, (void *)c->p[0]);
}

static void discard(struct smp *s, struct change *c, uint64_t epoch)
{
	if (madvise((void *)c->p[0], PAGE, MADV_DONTNEED))
		guest_fail(s->g, "madvise: %s", strerror(errno));
	c->p[0][0] = epoch;
}

static void map_over(struct smp *s, struct change *c, uint64_t epoch)
{
	if (mmap((void *)c->p[0], PAGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		guest_fail(s->g, "mmap: %s", strerror(errno));
	c->p[0][0] = epoch;
}

/* What cannot be accessed does not change; then it is memory again. */
static void protect(struct smp *s, struct change *c, uint64_t epoch)
{
	uint64_t written[SMP_MAX];
	unsigned int i;

	if (mprotect((void *)c->p[0], PAGE, PROT_READ))
		guest_fail(s->g, "mprotect: %s", strerror(errno));
	for (i = 0; i < s->n; i++)
		written[i] = c->p[0][1 + i];
	smp_nap(100);
	for (i = 0; i < s->n; i++)
		if (c->p[0][1 + i] != written[i])
			guest_fail(s->g, "vCPU %u writes to memory that is read-only", i);
	if (mprotect((void *)c->p[0], PAGE, PROT_NONE) ||
	    mprotect((void *)c->p[0], PAGE, PROT_READ | PROT_WRITE))
		guest_fail(s->g, "mprotect: %s", strerror(errno));
	c->p[0][0] = epoch;
}

typedef void (*change_fn)(struct smp *s, struct change *c, uint64_t epoch);

static void changes(struct smp *s, change_fn change)
{
	volatile uint64_t *epoch = smp_word(s, SHARED_EPOCH);
	struct change *c = s->priv;
	unsigned int i;

	while (c->turns < CHANGES && smp_goes_on(s)) {
		*epoch += 1;
		atomic_thread_fence(memory_order_seq_cst);
		change(s, c, *epoch + 1);
		atomic_thread_fence(memory_order_seq_cst);
		*epoch += 1;
		c->turns++;
		for (i = 0; i < s->n; i++)
			if (!smp_await(s, smp_cpu(s, i, CPU_SEEN), *epoch))
				break;
	}
	*smp_word(s, SHARED_STOP) = 1;
}

#define CHANGE(fn)							\
static void host_##fn(struct smp *s)					\
{									\
	changes(s, fn);							\
}

CHANGE(replace_slot)
CHANGE(move_slot)
CHANGE(discard)
CHANGE(map_over)
CHANGE(protect)

/* ---- the others --------------------------------------------------------------------- */

static void check_locked(struct smp *s)
{
	uint64_t sum = *smp_cpu(s, 0, CPU_ARG) * s->n;

	CHECK_EQ(s->g, *smp_word(s, SHARED_COUNT), sum);
	CHECK_EQ(s->g, *smp_word(s, SHARED_FLAG), sum);
}

static void check_locked_wide(struct smp *s)
{
	uint64_t sum = *smp_cpu(s, 0, CPU_ARG) * s->n;

	CHECK_EQ(s->g, *smp_word(s, SHARED_WIDE), sum);
	CHECK_EQ(s->g, *smp_word(s, SHARED_WIDE + 8), 2 * sum);
}

static void check_ticket(struct smp *s)
{
	CHECK_EQ(s->g, *smp_word(s, SHARED_COUNT), *smp_cpu(s, 0, CPU_ARG) * s->n);
}

static void check_remap(struct smp *s)
{
	unsigned int i;

	CHECK_EQ(s->g, *smp_word(s, SHARED_EPOCH), *smp_cpu(s, 0, CPU_ARG));
	for (i = 1; i < s->n; i++) {
		CHECK_EQ(s->g, smp_count(s, i, VEC_SMP), *smp_cpu(s, 0, CPU_ARG));
		CHECK(s->g, *smp_cpu(s, i, CPU_RESULT), "vCPU %u did not read", i);
	}
}

static const char *no_cmpxchg16b(void)
{
	return hv_has(1, 0, 2, 13) ? NULL : "no CMPXCHG16B";
}

/* What spins without an exit does not give up Bochs' only CPU before its tick. */
static const char *one_slow_cpu(void)
{
	return hv.bochs ? "a lock's holder waits for ticks of Bochs' one CPU" : NULL;
}

#define IDS	.ids = { 0, 1, 2, 3 }
#define BY_HOST(what, fn, kind)							\
	{ .name = "host_" what, .n = 3, IDS, .program = G_host_##kind,		\
	  .setup = setup_change, .host = host_##fn, .check = check_change }

static const struct smp_row rows[] = {
	{ .name = "locked", .n = 4, IDS, .program = G_locked_add, .arg = { 100000 },
	  .arg_bochs = { 500 }, .check = check_locked },
	{ .name = "locked_wide", .n = 4, IDS, .program = G_locked_wide, .arg = { 50000 },
	  .arg_bochs = { 500 }, .skip = no_cmpxchg16b, .check = check_locked_wide },
	{ .name = "ticket_lock", .n = 4, IDS, .program = G_ticket_lock, .arg = { 60 },
	  .skip = one_slow_cpu, .check = check_ticket },
	{ .name = "remap_invlpg", .n = 4, IDS, .x2apic = true, .program = G_remap,
	  .others = G_remap_reader, .hook = G_remap_hook, .arg = { 150, 0 },
	  .arg_bochs = { 10, 0 }, .check = check_remap },
	{ .name = "remap_cr3", .n = 4, IDS, .x2apic = true, .program = G_remap,
	  .others = G_remap_reader, .hook = G_remap_hook, .arg = { 150, 1 },
	  .arg_bochs = { 10, 1 }, .check = check_remap },
	BY_HOST("replace_slot", replace_slot, reader),
	BY_HOST("replace_slot_written", replace_slot, writer),
	BY_HOST("move_slot", move_slot, reader),
	BY_HOST("discard", discard, reader),
	BY_HOST("map_over", map_over, reader),
	BY_HOST("protect", protect, reader),
	BY_HOST("protect_written", protect, writer),
	{ .name = "code_cpuid", .n = 3, IDS, .program = G_modify_code,
	  .others = G_modify_code_user, .arg = { 150, 0 }, .arg_bochs = { 8, 0 } },
	{ .name = "code_iret", .n = 3, IDS, .program = G_modify_code,
	  .others = G_modify_code_user, .arg = { 150, 1 }, .arg_bochs = { 8, 1 } },
};

void test_smp_memory(void)
{
	smp_rows(rows, ARRAY_SIZE(rows));
}
