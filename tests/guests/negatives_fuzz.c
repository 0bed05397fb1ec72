// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Random calls with random arguments by several threads on a few descriptors.
 * Most arguments begin as legal ones, of which some bytes are changed. No
 * result is wrong; what counts is that the kernel has nothing to report, and
 * that a sane guest runs afterwards.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "negatives.h"

#define THREADS		3
#define VMS		2
#define VCPUS		4
#define ITERATIONS	30000UL
#define QUICK_ITERATIONS	3000UL
/* The threads are hung when none of them has made a call for so long. */
#define STALL_SECONDS	60

/*
 * All that guests and calls may write to is in the arena: whatever else they
 * find by a random address is this program.
 */
#define ARENA		0x100000000000UL
#define ARENA_SIZE	0x400000UL
#define ARENA_MEM	0x200000UL	/* from here on: guests' memory */

static uint8_t *const arena = (uint8_t *)ARENA;

struct fuzzer {
	pthread_t thread;
	uint64_t random;
	unsigned long iterations;
	unsigned int number;
	unsigned long taken, refused;
};

/* Replaced at any time by any thread, a descriptor may be closed under a call. */
static atomic_int dev_fd, vm_fds[VMS], vcpu_fds[VCPUS];
static struct holm_run *run_pages[VCPUS];
static atomic_ulong calls;
static atomic_uint running;

/* ---- random arguments --------------------------------------------------- */

static uint64_t pick(struct fuzzer *f, const uint64_t *list, size_t n)
{
	return list[random_below(&f->random, n)];
}

#define PICK(f, ...)	pick(f, (const uint64_t[]){ __VA_ARGS__ },		\
			     sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t))

/* An address in the arena, or one that is nobody's. */
static uint64_t random_address(struct fuzzer *f)
{
	if (random_below(&f->random, 8))
		return ARENA + random_below(&f->random, ARENA_MEM - SCRATCH_SIZE);
	return PICK(f, 0, 1, 0x1000, ARENA + ARENA_SIZE - 8, ARENA + ARENA_SIZE,
		    0x7ffffffffff8, 0x800000000000, 0xffff888000000000, 0xffffffff81000000,
		    0xfffffffffffffff0, -1ULL);
}

static uint64_t random_value(struct fuzzer *f)
{
	switch (random_below(&f->random, 5)) {
	case 0:
		return random_next(&f->random);
	case 1:
		return 1ULL << random_below(&f->random, 64);
	case 2:
		return (1ULL << random_below(&f->random, 64)) - 1;
	case 3:
		return random_below(&f->random, 256);
	default:
		return PICK(f, 0, 1, 8, 16, 64, 0x1000, 0x10000, 0x100000, 0x7fffffff, 0x80000000,
			    0xffffffff, 0xfee00000, 0x60000010, 0x80000011, 0xffffffffffffffff);
	}
}

/* Some bytes, words or bits of @size bytes get other values. */
static void mutate(struct fuzzer *f, void *data, size_t size)
{
	unsigned int n = random_below(&f->random, 4);
	uint8_t *bytes = data;

	while (n--) {
		size_t width = 1UL << random_below(&f->random, 4);
		uint64_t value = random_value(f);
		size_t at;

		if (width > size)
			continue;
		at = random_below(&f->random, size / width) * width;
		if (random_below(&f->random, 2))
			memcpy(bytes + at, &value, width);
		else
			bytes[at] ^= 1 << random_below(&f->random, 8);
	}
}

static uint8_t *scratch_of(struct fuzzer *f)
{
	return arena + f->number * SCRATCH_SIZE * 2;
}

static const uint16_t block_sizes[] = {
	[HOLM_STATE_REGS]	= sizeof(struct holm_regs),
	[HOLM_STATE_SREGS]	= sizeof(struct holm_sregs),
	[HOLM_STATE_DEBUGREGS]	= sizeof(struct holm_debugregs),
	[HOLM_STATE_MSRS]	= 8 * sizeof(struct holm_msr),
	[HOLM_STATE_XSTATE]	= XSTATE_MAX,
	[HOLM_STATE_EVENTS]	= sizeof(struct holm_events),
	[HOLM_STATE_LAPIC]	= sizeof(struct holm_lapic),
	[HOLM_STATE_MP]		= sizeof(struct holm_mp_state),
	[HOLM_STATE_TSC]	= sizeof(struct holm_tsc),
};

/* One to three blocks that were got before, or that are to be got. */
static void fill_blocks(struct fuzzer *f, struct holm_state *state, int vcpu, bool set)
{
	uint8_t *scratch = scratch_of(f);
	struct holm_state_block *blocks = (struct holm_state_block *)scratch;
	uint8_t *data = scratch + 256;
	unsigned int i, nblocks = 1 + random_below(&f->random, 3);

	/* All of it may change meanwhile: another thread's call writes to it. */
	state->nblocks = nblocks;
	state->blocks = (uintptr_t)blocks;
	for (i = 0; i < nblocks; i++) {
		uint32_t type = 1 + random_below(&f->random, ARRAY_SIZE(block_sizes) - 1);
		struct holm_state_block *b = &blocks[i];
		unsigned int n;

		*b = (struct holm_state_block) {
			.type = type,
			.size = block_sizes[type],
			.data = (uintptr_t)data,
		};
		if (type == HOLM_STATE_MSRS) {
			struct holm_msr *msrs = (struct holm_msr *)data;

			memset(msrs, 0, block_sizes[type]);
			for (n = 0; n < 8; n++)
				msrs[n].index = PICK(f, 0x10, 0x1b, 0x3b, 0x174, 0x176, 0x1d9, 0x200,
						     0x277, 0x2ff, 0x6e0, 0x808, 0xc0000080,
						     0xc0000081, 0xc0000082, 0xc0000102,
						     0xc0000103, 0xc0010015);
		}
		if (set) {
			struct holm_state get = { .nblocks = 1, .blocks = (uintptr_t)b };

			if (type == HOLM_STATE_XSTATE)
				memset(data, 0, block_sizes[type]);
			call(vcpu, HOLM_GET_STATE, &get);
			mutate(f, data, block_sizes[type]);
		}
		data += XSTATE_MAX;
	}
	if (!random_below(&f->random, 4))
		mutate(f, blocks, nblocks * sizeof(*blocks));
	/* Data addresses stay where writing does no harm. */
	for (i = 0; i < nblocks; i++)
		if (blocks[i].data < ARENA || blocks[i].data >= ARENA + ARENA_SIZE)
			blocks[i].data = random_address(f);
}

/* Fields that are addresses of this program: none but the arena's, and nobody's. */
static void tame(struct fuzzer *f, const struct ioctl_row *row, void *arg)
{
	struct holm_slot *slot = arg;
	struct holm_dirty_log *log = arg;
	struct holm_cpuid *cpuid = arg;
	struct holm_state *state = arg;

	switch (row->cmd) {
	case HOLM_SET_SLOT:
		slot->slot %= random_below(&f->random, 8) ? 8 : 1024;
		if (slot->uaddr % PAGE || slot->uaddr >= 1ULL << 47)
			break;
		slot->uaddr = ARENA + ARENA_MEM + slot->uaddr % (ARENA_SIZE - ARENA_MEM);
		slot->size %= ARENA + ARENA_SIZE - slot->uaddr + 1;
		break;
	case HOLM_GET_DIRTY_LOG:
		log->slot %= 16;
		log->bitmap = random_address(f);
		break;
	case HOLM_GET_SUPPORTED_CPUID:
	case HOLM_GET_CPUID:
	case HOLM_SET_CPUID:
		if (cpuid->entries < ARENA || cpuid->entries >= ARENA + ARENA_MEM)
			cpuid->entries = random_address(f);
		break;
	case HOLM_GET_STATE:
	case HOLM_SET_STATE:
		if (state->blocks < ARENA || state->blocks >= ARENA + ARENA_MEM)
			state->blocks = random_address(f);
		break;
	}
}

/* A random page-aligned part of guest memory, as a slot. */
static void fill_slot(struct fuzzer *f, struct holm_slot *slot)
{
	*slot = (struct holm_slot) {
		.slot = random_below(&f->random, 4),
		.flags = random_below(&f->random, 4),
		.gpa = random_below(&f->random, 256) * PAGE,
		.size = random_below(&f->random, 128) * PAGE,
		.uaddr = ARENA + ARENA_MEM + random_below(&f->random, 128) * PAGE,
	};
}

/* ---- calls -------------------------------------------------------------- */

static int random_fd(struct fuzzer *f, enum fd_kind kind)
{
	if (!random_below(&f->random, 32))
		kind = random_below(&f->random, FD_KINDS);
	switch (kind) {
	case FD_DEV:
		return dev_fd;
	case FD_VM:
		return vm_fds[random_below(&f->random, VMS)];
	default:
		return vcpu_fds[random_below(&f->random, VCPUS)];
	}
}

/* A descriptor takes the place of another one, which is closed. */
static void replace(struct fuzzer *f, unsigned long cmd, int fd)
{
	atomic_int *slot = cmd == HOLM_CREATE_VM ? &vm_fds[random_below(&f->random, VMS)] :
			   &vcpu_fds[random_below(&f->random, VCPUS)];

	close(atomic_exchange(slot, fd));
	if (cmd == HOLM_CREATE_VCPU && random_below(&f->random, 4))
		cpuid_set_all(dev_fd, fd);
}

static void random_run_page(struct fuzzer *f)
{
	struct holm_run *run = run_pages[random_below(&f->random, VCPUS)];

	if (random_below(&f->random, 2))
		mutate(f, run, sizeof(*run));
	run->in_flags = random_below(&f->random, 4) ? random_below(&f->random, 32) : 0;
	run->immediate_exit = !random_below(&f->random, 16);
}

/* Map the page of a vCPU that has come in place of another one. */
static void remap_run_page(struct fuzzer *f)
{
	unsigned int n = random_below(&f->random, VCPUS);

	mmap(run_pages[n], PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, vcpu_fds[n], 0);
}

static void random_call(struct fuzzer *f)
{
	const struct ioctl_row *row = &ioctl_rows[random_below(&f->random, ioctl_count)];
	unsigned long cmd = row->cmd;
	int fd = random_fd(f, row->kind);
	/* Behind it is this thread's scratch, which is another's by chance. */
	void *arg = scratch_of(f) + SCRATCH_SIZE + random_below(&f->random, 64) * 64;
	long ret;

	memset(arg, 0, ARG_MAX);
	if (cmd == HOLM_GET_STATE || cmd == HOLM_SET_STATE)
		fill_blocks(f, arg, fd, cmd == HOLM_SET_STATE);
	else if (cmd == HOLM_SET_SLOT)
		fill_slot(f, arg);
	else if (row->fill)
		row->fill(arg, scratch_of(f));
	if (cmd == HOLM_SET_CPUID)
		cpuid_adjust((struct holm_cpuid_entry *)scratch_of(f), HOLM_MAX_CPUID_ENTRIES);
	if (cmd == HOLM_CREATE_VCPU)
		((struct holm_create_vcpu *)arg)->apic_id = random_below(&f->random, 64);
	if (row->size && random_below(&f->random, 3))
		mutate(f, arg, row->size);
	tame(f, row, arg);
	if (cmd == HOLM_RUN && random_below(&f->random, 2))
		random_run_page(f);
	if (!random_below(&f->random, 64))
		cmd = random_below(&f->random, 2) ? random_next(&f->random) :
		      cmd ^ 1UL << random_below(&f->random, 32);
	if (!random_below(&f->random, 64))
		arg = (void *)(uintptr_t)random_address(f);
	ret = call(fd, cmd, row->size ? arg : NULL);
	if (ret >= 0)
		f->taken++;
	else
		f->refused++;
	if (ret > 2 && (cmd == HOLM_CREATE_VM || cmd == HOLM_CREATE_VCPU))
		replace(f, cmd, ret);
}

/* ---- threads ------------------------------------------------------------ */

static void *fuzz_thread(void *arg)
{
	struct fuzzer *f = arg;
	unsigned long i;

	for (i = 0; i < f->iterations; i++) {
		random_call(f);
		if (!random_below(&f->random, 256))
			remap_run_page(f);
		if (!random_below(&f->random, 256))
			madvise(arena + ARENA_MEM, ARENA_SIZE - ARENA_MEM, MADV_DONTNEED);
		atomic_fetch_add(&calls, 1);
	}
	atomic_fetch_sub(&running, 1);
	return NULL;
}

static int open_all(void)
{
	unsigned int i;

	/* And behind the arena there is nothing. */
	if (mmap(arena, ARENA_SIZE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != arena)
		return -1;
	dev_fd = open("/dev/holm", O_RDWR | O_CLOEXEC);
	for (i = 0; i < VMS; i++) {
		vm_fds[i] = vm_create(dev_fd);
		if (vm_fds[i] < 0 ||
		    slot_set(vm_fds[i], 0, 0, 0, 0x100000, arena + ARENA_MEM))
			return -1;
	}
	for (i = 0; i < VCPUS; i++) {
		vcpu_fds[i] = vcpu_create(vm_fds[i % VMS], i);
		if (vcpu_fds[i] < 0 || cpuid_set_all(dev_fd, vcpu_fds[i]))
			return -1;
		run_pages[i] = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu_fds[i], 0);
		if (run_pages[i] == MAP_FAILED)
			return -1;
	}
	return 0;
}

/* Guests that do not leave are called out; 0 when all threads have ended. */
static int watch(struct fuzzer *fuzzers)
{
	unsigned long seen = 0;
	time_t since = time(NULL);
	unsigned int i;

	while (atomic_load(&running)) {
		for (i = 0; i < THREADS; i++)
			pthread_kill(fuzzers[i].thread, SIGUSR1);
		nap(3000);
		if (atomic_load(&calls) != seen) {
			seen = atomic_load(&calls);
			since = time(NULL);
		} else if (time(NULL) - since > STALL_SECONDS) {
			return -1;
		}
	}
	return 0;
}

/* In a process of its own: its status, and what the threads saw on standard output. */
static int fuzz(unsigned long iterations)
{
	static struct fuzzer fuzzers[THREADS];
	unsigned long taken = 0, refused = 0;
	unsigned int i;

	hide_long_mode = tcg;
	if (open_all())
		return 1;
	running = THREADS;
	for (i = 0; i < THREADS; i++) {
		fuzzers[i] = (struct fuzzer) {
			.random = seed * THREADS + i,
			.iterations = iterations / THREADS,
			.number = i,
		};
		if (pthread_create(&fuzzers[i].thread, NULL, fuzz_thread, &fuzzers[i]))
			return 2;
	}
	if (watch(fuzzers))
		return 3;
	for (i = 0; i < THREADS; i++) {
		pthread_join(fuzzers[i].thread, NULL);
		taken += fuzzers[i].taken;
		refused += fuzzers[i].refused;
	}
	explain("%lu calls succeeded, %lu were refused", taken, refused);
	fflush(stdout);
	return taken > iterations / 20 && refused > iterations / 20 ? 0 : 4;
}

void test_fuzz(void)
{
	static const char *const why[] = {
		"all went well", "no machine", "no thread", "no call returned for a minute",
		"too few calls succeeded, or too few were refused",
	};
	unsigned long n = fuzz_iterations;
	int status = -1;
	pid_t pid;

	if (!n)
		n = quick ? QUICK_ITERATIONS : ITERATIONS;
	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(fuzz(n));
	if (pid > 0)
		waitpid(pid, &status, 0);
	if (!result(!status, "fuzz: %lu random calls by %u threads, seed %llu", n, THREADS,
		    (unsigned long long)seed)) {
		if (WIFEXITED(status) && WEXITSTATUS(status) < ARRAY_SIZE(why))
			explain("%s", why[WEXITSTATUS(status)]);
		else
			explain("status 0x%x", status);
	}
}
