// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory that another thread takes away, protects, moves or looks at while the
 * guest writes to it and reads it back.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "memory_lib.h"
#include "run.h"
#include "steps.h"

#define PAGES		16
#define SIZE		(PAGES * PAGE)
#define RACE_MS		200
#define RACE_MS_BOCHS	10		/* its clock is slow, by what its CPU does meanwhile */
#define MIN_ROUNDS	10
#define PAUSE_US	500

/**
 * struct race - a guest and what disturbs it
 * @g: the guest
 * @p: its memory
 * @disturb: what the other thread does again and again
 * @stop: it must end
 * @turns: how often it did
 * @rounds: how often the guest wrote all pages
 * @end: when the guest may stop
 * @error: errno of the other thread
 * @shadow, @log: of race_dirty
 */
struct race {
	struct guest *g;
	char *p;
	void (*disturb)(struct race *r);
	atomic_bool stop;
	atomic_uint turns;
	unsigned int rounds;
	struct timespec end;
	int error;
	uint64_t shadow[PAGES];
};

static bool is_past(const struct timespec *end)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > end->tv_sec ||
	       (now.tv_sec == end->tv_sec && now.tv_nsec > end->tv_nsec);
}

/* The guest has written all pages once more. */
static void round_done(struct guest *g, unsigned int n)
{
	struct race *r = g->priv;

	(void)n;
	if (g->nevents > 1)	/* a value that is none of those there may be */
		g->stopped = true;
	else
		g->nevents = 0;
	r->rounds++;
	if (r->rounds >= MIN_ROUNDS && r->turns >= MIN_ROUNDS && is_past(&r->end))
		g->stopped = true;
}

/* Memory that cannot be had now: again. */
static bool again(struct guest *g)
{
	return g->run->exit_reason == HOLM_EXIT_MEMORY_FAULT;
}

static void *disturber(void *arg)
{
	struct race *r = arg;

	while (!r->stop) {
		r->disturb(r);
		r->turns++;
		usleep(PAUSE_US);
	}
	return NULL;
}

static void race(struct guest *g, uint32_t flags, void (*disturb)(struct race *r), bool may_vanish,
		 void (*finish)(struct race *r))
{
	struct race r = { .g = g, .disturb = disturb };
	sigset_t alarm, old;
	pthread_t thread;
	int err;

	r.p = mem_slot(g, flags, SLOT_GPA, SIZE);
	if (!r.p)
		return;
	g->priv = &r;
	g->call = round_done;
	g->exit = again;
	clock_gettime(CLOCK_MONOTONIC, &r.end);
	r.end.tv_nsec += (hv.bochs ? RACE_MS_BOCHS : RACE_MS) * 1000000L;
	r.end.tv_sec += r.end.tv_nsec / 1000000000;
	r.end.tv_nsec %= 1000000000;

	mem_prepare(g, G_mem_race, SLOT_GPA, 0, PAGES, 0);
	g->run->regs.gpr[9] = may_vanish;
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarm, &old);
	err = pthread_create(&thread, NULL, disturber, &r);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err) {
		guest_fail(g, "pthread_create: %s", strerror(err));
		return;
	}
	g->stopped = false;
	while (guest_step(g))
		;
	r.stop = true;
	pthread_join(thread, NULL);
	CHECK_EQ(g, g->nevents ? g->nevents - 1 : 0, 0);
	CHECK(g, !r.error, "%s", strerror(r.error));
	if (g->failed)
		guest_dump(g);
	else if (finish)
		finish(&r);
	g->priv = NULL;
	mem_unslot(g, r.p, SIZE);
}

static void failed(struct race *r, int err)
{
	if (err)
		r->error = errno;
}

static void dontneed(struct race *r)
{
	failed(r, madvise(r->p, SIZE, MADV_DONTNEED));
}

static void protect(struct race *r)
{
	failed(r, mprotect(r->p, SIZE, PROT_NONE));
	failed(r, mprotect(r->p, SIZE, PROT_READ));
	failed(r, mprotect(r->p, SIZE, PROT_READ | PROT_WRITE));
}

/* Copies in other places: the pages move, what they hold does not. */
static void remap(struct race *r)
{
	void *p;

	p = mremap(r->p, SIZE / 2, SIZE / 2, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
	if (p == MAP_FAILED) {
		r->error = errno;
		return;
	}
	munmap(p, SIZE / 2);
}

static void log_switch(struct race *r)
{
	int err;

	err = holm_vm_set_slot(r->g->vm, TEST_SLOT, r->turns & 1 ? HOLM_SLOT_LOG_DIRTY : 0,
			       SLOT_GPA, SIZE, r->p);
	if (err)
		r->error = -err;
}

/* As a migration does: fetch the log, then copy what was written. */
static void migrate(struct race *r)
{
	uint64_t log = 0;
	unsigned int i;
	int err = holm_vm_get_dirty_log(r->g->vm, TEST_SLOT, 0, PAGES, &log);

	if (err)
		r->error = -err;
	for (i = 0; i < PAGES; i++)
		if (log & BIT(i))
			r->shadow[i] = *(volatile uint64_t *)(r->p + i * PAGE + 8);
}

/* The last copy, of a guest that stands still, has all there is. */
static void migrated(struct race *r)
{
	unsigned int i;

	migrate(r);
	for (i = 0; i < PAGES; i++)
		CHECK_EQ(r->g, r->shadow[i], *(uint64_t *)(r->p + i * PAGE + 8));
}

static void test_race_dontneed(struct guest *g)
{
	race(g, 0, dontneed, true, NULL);
}

static void test_race_mprotect(struct guest *g)
{
	race(g, 0, protect, false, NULL);
}

static void test_race_remap(struct guest *g)
{
	race(g, 0, remap, true, NULL);
}

static void test_race_log_switch(struct guest *g)
{
	race(g, 0, log_switch, false, NULL);
}

static void test_race_migration(struct guest *g)
{
	race(g, HOLM_SLOT_LOG_DIRTY, migrate, false, migrated);
}

/* ---- a slot that goes under a running guest ----------------------------- */

struct removal {
	struct guest *g;
	volatile uint64_t *p;
	bool move;
	int err;
};

static void *remove_slot(void *arg)
{
	struct removal *r = arg;

	/* The guest runs when it has written. */
	while (!*r->p && !watchdog_expired())
		usleep(1000);
	r->err = holm_vm_set_slot(r->g->vm, TEST_SLOT, 0, r->move ? MOVED_GPA : 0,
				  r->move ? PAGE : 0, (void *)r->p);
	return NULL;
}

/* There is no exit but the one that the change makes. */
static void remove_running(struct guest *g, bool move)
{
	struct removal r = { .g = g, .move = move };
	sigset_t alarm, old;
	pthread_t thread;
	uint64_t last;
	int err;

	r.p = mem_slot(g, 0, SLOT_GPA, PAGE);
	if (!r.p)
		return;
	g->regs.rflags |= spin_flags();
	mem_prepare(g, G_mem_store_loop, SLOT_GPA, 0, 0, 0);
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarm, &old);
	err = pthread_create(&thread, NULL, remove_slot, &r);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err) {
		guest_fail(g, "pthread_create: %s", strerror(err));
		return;
	}
	mem_expect_mmio(g, SLOT_GPA, HOLM_ACCESS_WRITE);
	pthread_join(thread, NULL);
	CHECK_EQ(g, r.err, 0);
	/* The store that left did not take place, the one before it did. */
	last = g->run->regs.gpr[HOLM_RBX];
	CHECK_EQ(g, *r.p, last - 1);
	if (move)
		mem_load(g, MOVED_GPA, last - 1);
	if (move)
		guest_set_slot(g, TEST_SLOT, 0, 0, 0, NULL);
	munmap((void *)r.p, PAGE);
}

static void test_slot_removed(struct guest *g)
{
	remove_running(g, false);
}

static void test_slot_moved_running(struct guest *g)
{
	remove_running(g, true);
}

void test_memory_race(void)
{
	guest_test_mode("memory/race_dontneed", LONG64, test_race_dontneed);
	guest_test_mode("memory/race_mprotect", LONG64, test_race_mprotect);
	guest_test_mode("memory/race_remap", LONG64, test_race_remap);
	guest_test_mode("memory/race_log_switch", LONG64, test_race_log_switch);
	guest_test_mode("memory/race_migration", LONG64, test_race_migration);
	guest_test_mode("memory/slot_removed_running", LONG64, test_slot_removed);
	guest_test_mode("memory/slot_moved_running", LONG64, test_slot_moved_running);
}
