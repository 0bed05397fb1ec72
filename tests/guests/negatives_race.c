// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls at the same time, from threads of one process: each gives one of the
 * errors it is documented to have, and the VM works afterwards.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "negatives.h"

#define MAX_THREADS	6
#define JOIN_SECONDS	30

/**
 * struct race - threads at one machine
 * @rig: the machine; slot 0 is the code, slot 1 what guest_walk writes to
 * @guest: what its vCPU runs
 * @stop: the threads end
 * @hostile: the run page is written to, too: its input may be refused
 * @rounds: calls so far
 * @unexpected: results that no caller should see
 * @first: the first of them
 */
struct race {
	struct rig rig;
	const uint8_t *guest;
	atomic_bool stop;
	bool hostile;
	atomic_ulong rounds;
	atomic_ulong unexpected;
	char first[128];
	pthread_mutex_t lock;
	pthread_t runner;
};

/* A race ends after so long, or so many calls where that is too long. */
#define RACE_MS		800
#define QUICK_MS	20
#define QUICK_ROUNDS	150

static bool race_over(const struct race *race, unsigned int ms)
{
	if (!quick)
		return ms >= RACE_MS;
	return ms >= QUICK_MS || race->rounds >= QUICK_ROUNDS;
}

/* @ret is not negative, or one of @allowed, which 0 ends. */
static void saw(struct race *race, const char *what, long ret, const int *allowed)
{
	atomic_fetch_add(&race->rounds, 1);
	if (ret >= 0)
		return;
	for (; *allowed; allowed++)
		if (*allowed == -ret)
			return;
	pthread_mutex_lock(&race->lock);
	if (!atomic_fetch_add(&race->unexpected, 1))
		snprintf(race->first, sizeof(race->first), "%s: %s", what, error_name(ret));
	pthread_mutex_unlock(&race->lock);
}

#define SAW(race, what, ret, ...)	saw(race, what, ret, (const int[]){ __VA_ARGS__ })

static int walk_slot(struct race *race, uint32_t flags)
{
	return slot_set(race->rig.vm, 1, flags, WALK_ADDR, MEM_SIZE - WALK_ADDR,
			race->rig.mem + WALK_ADDR);
}

static int race_open(struct race *race, const uint8_t *guest)
{
	memset(race, 0, sizeof(*race));
	pthread_mutex_init(&race->lock, NULL);
	race->guest = guest;
	if (rig_open(&race->rig))
		return -1;
	if (slot_set(race->rig.vm, 0, 0, 0, 0, NULL) ||
	    slot_set(race->rig.vm, 0, 0, 0, WALK_ADDR, race->rig.mem) || walk_slot(race, 0) ||
	    start(&race->rig, guest)) {
		rig_close(&race->rig);
		return -1;
	}
	return 0;
}

/* ---- threads ------------------------------------------------------------ */

/* Whatever the last exit was, the guest goes on, or begins again. */
static void go_on(struct race *race)
{
	struct holm_run *run = race->rig.run;

	if (run->exit_reason == HOLM_EXIT_IO)
		run->in_flags = HOLM_RUN_COMPLETE;
	else
		start(&race->rig, race->guest);
}

static void *run_thread(void *arg)
{
	struct race *race = arg;

	while (!atomic_load(&race->stop)) {
		long ret = call(race->rig.vcpu, HOLM_RUN, NULL);

		if (race->hostile)
			SAW(race, "HOLM_RUN", ret, EINTR, EBUSY, EINVAL, EIO, 0);
		else
			SAW(race, "HOLM_RUN", ret, EINTR, EBUSY, 0);
		if (!ret)
			go_on(race);
		else if (ret != -EINTR && ret != -EBUSY)
			start(&race->rig, race->guest);
	}
	return NULL;
}

/* RUN by several threads: nobody touches the page. */
static void *run_only_thread(void *arg)
{
	struct race *race = arg;

	while (!atomic_load(&race->stop))
		SAW(race, "HOLM_RUN", call(race->rig.vcpu, HOLM_RUN, NULL), EINTR, EBUSY, 0);
	return NULL;
}

static void *state_thread(void *arg)
{
	struct race *race = arg;
	static __thread struct snapshot s;

	while (!atomic_load(&race->stop)) {
		int vcpu = race->rig.vcpu;

		SAW(race, "HOLM_GET_STATE", snapshot_take(vcpu, &s), EBUSY, 0);
		SAW(race, "HOLM_SET_STATE", state_set(vcpu, HOLM_STATE_LAPIC, &s.lapic,
						      sizeof(s.lapic)), EBUSY, EINVAL, 0);
		SAW(race, "HOLM_SET_STATE", state_set(vcpu, HOLM_STATE_XSTATE, s.xstate,
						      s.xstate_size), EBUSY, EINVAL, 0);
		SAW(race, "HOLM_SET_STATE", state_set(vcpu, HOLM_STATE_SREGS, &s.sregs,
						      sizeof(s.sregs)), EBUSY, EINVAL, 0);
	}
	return NULL;
}

static void *slot_thread(void *arg)
{
	struct race *race = arg;
	int vm = race->rig.vm;
	uint64_t size = MEM_SIZE - WALK_ADDR;
	uint8_t *mem = race->rig.mem + WALK_ADDR;

	while (!atomic_load(&race->stop)) {
		SAW(race, "removal", slot_set(vm, 1, 0, 0, 0, NULL), ENOENT, 0);
		SAW(race, "creation", walk_slot(race, HOLM_SLOT_LOG_DIRTY), EEXIST, 0);
		SAW(race, "flags", walk_slot(race, 0), EEXIST, 0);
		SAW(race, "flags", walk_slot(race, HOLM_SLOT_READONLY), EEXIST, 0);
		SAW(race, "flags", walk_slot(race, HOLM_SLOT_LOG_DIRTY), EEXIST, 0);
		SAW(race, "move", slot_set(vm, 1, HOLM_SLOT_LOG_DIRTY, 0x100000, size, mem),
		    EEXIST, 0);
		SAW(race, "move back", walk_slot(race, HOLM_SLOT_LOG_DIRTY), EEXIST, 0);
	}
	return NULL;
}

static void *log_thread(void *arg)
{
	struct race *race = arg;
	uint64_t log[2];
	struct holm_dirty_log get = {
		.slot = 1,
		.num_pages = (MEM_SIZE - WALK_ADDR) / PAGE,
		.bitmap = (uintptr_t)log,
	};

	while (!atomic_load(&race->stop))
		SAW(race, "HOLM_GET_DIRTY_LOG", call(race->rig.vm, HOLM_GET_DIRTY_LOG, &get),
		    ENOENT, 0);
	return NULL;
}

/* Bytes, words and flags of the run page, at any time. */
static void *page_thread(void *arg)
{
	struct race *race = arg;
	struct holm_run *run = race->rig.run;
	volatile uint8_t *bytes = (volatile uint8_t *)run;
	volatile struct holm_run *page = run;
	uint64_t random = seed;

	while (!atomic_load(&race->stop)) {
		switch (random_below(&random, 8)) {
		case 0:
			page->in_flags = random_next(&random);
			break;
		case 1:
			page->in_flags = random_next(&random) & 0x1f;
			break;
		case 2:
			page->immediate_exit = random_below(&random, 2);
			break;
		case 3:
			page->intr_vector = random_next(&random);
			break;
		case 4:
			page->want = random_next(&random);
			break;
		case 5:
			page->next_rip = random_next(&random);
			break;
		default:
			bytes[random_below(&random, sizeof(*run))] = random_next(&random);
			break;
		}
		atomic_fetch_add(&race->rounds, 1);
		if (!random_below(&random, 64))
			sched_yield();
	}
	return NULL;
}

static void *remap_thread(void *arg)
{
	struct race *race = arg;
	uint8_t *mem = race->rig.mem + WALK_ADDR;
	uint64_t random = seed, size = MEM_SIZE - WALK_ADDR;

	while (!atomic_load(&race->stop)) {
		uint64_t at = random_below(&random, size / PAGE) * PAGE;

		switch (random_below(&random, 5)) {
		case 0:
			madvise(mem, size, MADV_DONTNEED);
			break;
		case 1:
			madvise(mem + at, PAGE, MADV_DONTNEED);
			break;
		case 2:
			munmap(mem, size);
			break;
		case 3:
			mprotect(mem, size, PROT_READ);
			break;
		default:
			madvise(mem, size, MADV_PAGEOUT);
			break;
		}
		/* The guest comes across it, and then finds memory again. */
		usleep(200);
		mmap(mem, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		     0);
		atomic_fetch_add(&race->rounds, 1);
	}
	return NULL;
}

static void *signal_thread(void *arg)
{
	struct race *race = arg;
	uint64_t random = seed;

	while (!atomic_load(&race->stop)) {
		pthread_kill(race->runner, SIGUSR1);
		atomic_fetch_add(&race->rounds, 1);
		usleep(random_below(&random, 200));
	}
	return NULL;
}

static void *affinity_thread(void *arg)
{
	struct race *race = arg;
	unsigned int cpu = 0;
	cpu_set_t all;

	sched_getaffinity(0, sizeof(all), &all);
	while (!atomic_load(&race->stop)) {
		cpu_set_t set;

		do
			cpu = (cpu + 1) % CPU_SETSIZE;
		while (!CPU_ISSET(cpu, &all));
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		pthread_setaffinity_np(race->runner, sizeof(set), &set);
		atomic_fetch_add(&race->rounds, 1);
		usleep(300);
	}
	return NULL;
}

static void *inject_thread(void *arg)
{
	struct race *race = arg;
	uint64_t random = seed;

	while (!atomic_load(&race->stop)) {
		struct holm_inject inject = { .kind = 1 + random_below(&random, 4) };
		struct holm_msi msi = {
			.address = 0xfee00000 | (random_next(&random) & 0xff00c),
			.data = random_next(&random) & 0xc7ff,
		};

		if (inject.kind == HOLM_INJECT_INTERRUPT)
			inject.vector = 16 + random_below(&random, 240);
		SAW(race, "HOLM_INJECT", call(race->rig.vcpu, HOLM_INJECT, &inject), EAGAIN, 0);
		SAW(race, "HOLM_SIGNAL_MSI", call(race->rig.vm, HOLM_SIGNAL_MSI, &msi), EINVAL, 0);
	}
	return NULL;
}

static void *run_map_thread(void *arg)
{
	struct race *race = arg;

	while (!atomic_load(&race->stop)) {
		void *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, race->rig.vcpu, 0);

		SAW(race, "mmap()", p == MAP_FAILED ? -errno : 0, 0);
		if (p != MAP_FAILED) {
			((volatile struct holm_run *)p)->want = 1;
			munmap(p, PAGE);
		}
	}
	return NULL;
}

/* vCPUs of the same few IDs, by several threads: each comes to be once. */
static atomic_ulong created;

#define CREATE_IDS	24

static void *create_thread(void *arg)
{
	struct race *race = arg;
	uint32_t id;

	for (id = 1; id <= CREATE_IDS; id++) {
		long fd = vcpu_create(race->rig.vm, id);

		SAW(race, "HOLM_CREATE_VCPU", fd, EEXIST, 0);
		if (fd >= 0) {
			atomic_fetch_add(&created, 1);
			close(fd);
		}
	}
	return NULL;
}

/* VMs come and go: the first and the last switch virtualization on and off. */
static void *vm_thread(void *arg)
{
	struct race *race = arg;
	int dev = race->rig.dev;

	while (!atomic_load(&race->stop)) {
		long vm = vm_create(dev), vcpu;

		SAW(race, "HOLM_CREATE_VM", vm, EINTR, 0);	/* join() */
		if (vm < 0)
			continue;
		vcpu = vcpu_create(vm, 0);
		SAW(race, "HOLM_CREATE_VCPU", vcpu, 0);
		SAW(race, "HOLM_SET_SLOT", slot_set(vm, 0, 0, 0, MEM_SIZE, race->rig.mem), 0);
		close(vm);
		close(vcpu);
	}
	return NULL;
}

/* ---- a race ------------------------------------------------------------- */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* A thread in the guest leaves by a signal; again, for it may come just before. */
static int join(struct race *race, pthread_t thread)
{
	double until = now() + JOIN_SECONDS;

	while (pthread_tryjoin_np(thread, NULL)) {
		if (now() > until)
			return -1;
		if (race->rig.run)
			race->rig.run->immediate_exit = 1;
		pthread_kill(thread, SIGUSR1);
		nap(1000);
	}
	return 0;
}

typedef void *(*thread_fn)(void *arg);

static int run_threads(struct race *race, const thread_fn *fns)
{
	pthread_t threads[MAX_THREADS];
	int n, i, hung = 0;
	unsigned int ms;

	for (n = 0; fns[n]; n++) {
		if (pthread_create(&threads[n], NULL, fns[n], race)) {
			atomic_store(&race->stop, true);
			break;
		}
		if (!n)
			race->runner = threads[0];
	}
	for (ms = 0; !race_over(race, ms); ms++)
		usleep(1000);
	atomic_store(&race->stop, true);
	/* The first last: others name it. */
	for (i = n - 1; i >= 0; i--)
		hung += join(race, threads[i]) != 0;
	return hung ? -1 : 0;
}

static void restore(struct race *race)
{
	uint8_t *mem = race->rig.mem;

	slot_set(race->rig.vm, 1, 0, 0, 0, NULL);
	mmap(mem + WALK_ADDR, MEM_SIZE - WALK_ADDR, PROT_READ | PROT_WRITE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	walk_slot(race, 0);
}

static bool runs_sane(struct race *race)
{
	return !start(&race->rig, guest_sane) && !run_sane(&race->rig);
}

static void test_race(const char *name, const uint8_t *guest, bool hostile,
		      const thread_fn *fns)
{
	static struct race race;
	int hung;

	if (race_open(&race, guest)) {
		result(false, "race: %s: a machine", name);
		return;
	}
	race.hostile = hostile;
	hung = run_threads(&race, fns);
	result(!hung, "race: %s: all threads end", name);
	if (hung)
		return;		/* they still use it */
	if (!result(!race.unexpected, "race: %s: no error but those documented", name))
		explain("%lu, the first: %s", race.unexpected, race.first);
	explain("%lu rounds", race.rounds);
	restore(&race);
	/* A hostile message may be an INIT, which is taken before the guest runs. */
	result(runs_sane(&race) || (hostile && race.rig.run->exit_reason == HOLM_EXIT_INIT &&
				    runs_sane(&race)),
	       "race: %s: the VM runs a guest", name);
	rig_close(&race.rig);
}

#define RACE(name, guest, hostile, ...)						\
	test_race(name, guest, hostile, (const thread_fn[]) { __VA_ARGS__, NULL })

/* ---- one at a time ------------------------------------------------------ */

/* While a vCPU runs, every call of it but HOLM_INJECT is refused. */
static void test_busy(void)
{
	static uint8_t scratch[SCRATCH_SIZE];
	static struct race race;
	pthread_t thread;
	unsigned int i, tries;

	if (race_open(&race, guest_spin) ||
	    pthread_create(&thread, NULL, run_only_thread, &race)) {
		result(false, "busy: a running vCPU");
		return;
	}
	/* In the guest, and not just before. */
	for (tries = 0; tries < 1000; tries++) {
		if (call(race.rig.vcpu, HOLM_RUN, (void *)1) == -EBUSY)
			break;
		nap(1000);
	}
	nap(10000);
	for (i = 0; i < ioctl_count; i++) {
		const struct ioctl_row *row = &ioctl_rows[i];
		uint64_t arg[ARG_MAX / 8];
		bool inject = row->cmd == HOLM_INJECT;

		if (row->kind != FD_VCPU)
			continue;
		fill_row(row, arg, scratch);
		expect(call(race.rig.vcpu, row->cmd, row->size ? arg : NULL),
		       inject ? 0 : -EBUSY, "%s: while the vCPU runs", row->name);
	}
	atomic_store(&race.stop, true);
	result(!join(&race, thread), "busy: a signal ends it");
	race.rig.run->immediate_exit = 0;
	result(!start(&race.rig, guest_sane) && !run_sane(&race.rig), "busy: it runs again");
	rig_close(&race.rig);
}

/* All descriptors go while the vCPU runs, and its page. */
static void *closed_thread(void *arg)
{
	struct race *race = arg;
	int vcpu = race->rig.vcpu;
	long ret;

	/* EINTR of other threads' signals: until the descriptor is gone. */
	do {
		ret = call(vcpu, HOLM_RUN, NULL);
		atomic_fetch_add(&race->rounds, 1);
	} while (ret == -EINTR);
	return (void *)ret;
}

static void test_close_running(const uint8_t *guest, const char *what)
{
	static struct race race;
	pthread_t thread;
	double until = now() + JOIN_SECONDS;
	void *ret = NULL;
	bool hung = false;

	if (race_open(&race, guest) || pthread_create(&thread, NULL, closed_thread, &race)) {
		result(false, "close: a running vCPU");
		return;
	}
	nap(50000);
	munmap(race.rig.run, PAGE);
	race.rig.run = NULL;
	close(race.rig.vcpu);
	close(race.rig.vm);
	close(race.rig.dev);
	munmap(race.rig.mem, MEM_SIZE);
	race.rig = (struct rig) { .dev = -1, .vm = -1, .vcpu = -1 };
	nap(50000);
	while (!hung && pthread_tryjoin_np(thread, &ret)) {
		pthread_kill(thread, SIGUSR1);
		nap(1000);
		hung = now() > until;
	}
	/* Without memory the guest may have left with an exit before. */
	if (!result(!hung && ((long)ret == -EBADF || !ret), "close: everything, while %s", what))
		explain("%s", hung ? "it hangs" : error_name((long)ret));
}

static void test_create_same(void)
{
	static struct race race;
	static const thread_fn fns[] = {
		create_thread, create_thread, create_thread, inject_thread, NULL,
	};

	atomic_store(&created, 0);
	if (race_open(&race, guest_spin)) {
		result(false, "race: the same vCPUs: a machine");
		return;
	}
	result(!run_threads(&race, fns), "race: the same vCPUs: all threads end");
	expect(created, CREATE_IDS, "race: the same vCPUs: each comes to be once");
	if (!result(!race.unexpected, "race: the same vCPUs: no error but those documented"))
		explain("the first: %s", race.first);
	rig_close(&race.rig);
}

static void test_more_races(void)
{
	RACE("RUN by three threads", guest_walk, false, run_only_thread, run_only_thread,
	     run_only_thread);
	RACE("RUN and state blocks", guest_io, true, run_thread, state_thread, state_thread);
	RACE("RUN and slots", guest_walk, false, run_thread, slot_thread);
	RACE("slots by three threads", guest_walk, false, run_thread, slot_thread, slot_thread,
	     slot_thread);
	RACE("RUN and its page", guest_io, true, run_thread, page_thread);
	RACE("RUN and mappings of its page", guest_io, false, run_thread, run_map_thread);
	RACE("RUN and the guest's memory", guest_walk, false, run_thread, remap_thread);
	RACE("RUN, memory, slots and the dirty log", guest_walk, false, run_thread, remap_thread,
	     slot_thread, log_thread);
	RACE("RUN and interrupts", guest_spin, true, run_thread, inject_thread, inject_thread);
	RACE("a halted vCPU and interrupts", guest_halt, true, run_thread, inject_thread,
	     signal_thread);
	if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
		RACE("RUN and the CPU it is on", guest_walk, false, run_thread, affinity_thread,
		     signal_thread);
	else
		skip("one CPU", "race: RUN and the CPU it is on");
	RACE("VMs by four threads", guest_spin, false, vm_thread, vm_thread, vm_thread, vm_thread);
	test_close_running(guest_halt, "the guest is halted");
	test_close_running(guest_walk, "the guest writes");
}

void test_races(void)
{
	hide_long_mode = tcg;
	test_busy();
	RACE("RUN, slots and the dirty log", guest_walk, false, run_thread, slot_thread, log_thread);
	RACE("RUN and signals", guest_spin, false, run_thread, signal_thread);
	test_create_same();
	test_close_running(guest_spin, "the guest runs");
	if (quick)
		skip("the emulator is too slow", "race: all others");
	else
		test_more_races();
	hide_long_mode = false;
}
