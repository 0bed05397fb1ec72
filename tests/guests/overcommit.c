// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * holm-overcommit: guests, each in a process of its own, whose memory is twice
 * what the host has free, so that most of it is in swap at any time; then all
 * have the same in it and the host merges that (KSM), then some write to it.
 *
 * The host has swap, and nothing else to do, when it is started.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"
#include "memory_lib.h"
#include "overcommit.h"
#include "run.h"

#define GUESTS_MOST	16
#define GUESTS		4
#define ROUNDS		3
#define SECONDS		600		/* of one guest's pass through its memory */
#define KSM		"/sys/kernel/mm/ksm/"
#define LOOKS		480		/* for merged pages, four a second */
#define MERGED_LEAST	1024
#define SAME_SALT	0x5a4d5e0000000001ULL

/* Shared by all processes. */
static struct shared {
	pthread_barrier_t barrier;
	size_t pages;			/* of each guest */
	atomic_uint failed;		/* guests */
	atomic_bool over;		/* the guests may end */
	char why[GUESTS_MOST][256];	/* of the first that is wrong */
} *shared;

/* ---- what the host counts -------------------------------------------------- */

struct counts {
	unsigned long in, out;		/* pages of swap */
};

static unsigned long read_line(const char *path, const char *format)
{
	unsigned long value = 0;
	char line[256];
	FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, format, &value) == 1)
			break;
	if (f)
		fclose(f);
	return value;
}

/* A kernel without event counters has those of the disk that is the only swap. */
static void read_counts(struct counts *c)
{
	FILE *f;

	c->in = read_line("/proc/vmstat", "pswpin %lu");
	c->out = read_line("/proc/vmstat", "pswpout %lu");
	if (c->in || c->out)
		return;
	f = fopen("/sys/block/zram0/stat", "re");
	if (!f)
		return;
	if (fscanf(f, "%lu %*u %*u %*u %lu", &c->in, &c->out) != 2)
		c->in = c->out = 0;
	fclose(f);
}

static unsigned long ksm_count(const char *name)
{
	char path[80];

	snprintf(path, sizeof(path), KSM "%s", name);
	return read_line(path, "%lu");
}

static bool ksm_set(const char *name, const char *value)
{
	char path[80];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), KSM "%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = write(fd, value, strlen(value));
	close(fd);
	return n == (ssize_t)strlen(value);
}

/* ---- a guest ----------------------------------------------------------------- */

static uint64_t salt(unsigned int guest, unsigned int round)
{
	return (guest + 1ULL) << 56 | (round + 1ULL) << 48;
}

/*
 * Look for the pattern of @old in @pages of all @step pages, and put that of @new
 * there; 0: see over_round.
 */
static void pass(struct guest *g, uint64_t first, uint64_t step, uint64_t pages, uint64_t old,
		 uint64_t new)
{
	if (g->failed)
		return;
	watchdog_start();
	watchdog_limit(SECONDS);
	g->regs.gpr[HOLM_RDI] = OVER_GPA + first * PAGE;
	g->regs.gpr[HOLM_RSI] = pages;
	g->regs.gpr[HOLM_RDX] = old;
	g->regs.gpr[HOLM_RCX] = new;
	g->regs.gpr[9] = (step - 1) * PAGE;
	guest_start(g, G_over_round);
	guest_run(g);
	watchdog_stop();
	CHECK_EQ(g, g->end, HOLM_EXIT_IO);
	CHECK_EQ(g, g->nevents, 0);
	if (!guest_read(g, OVER_ERRORS, 8))
		return;
	guest_fail(g, "%llu words are wrong, the first at page %llu + 0x%llx: 0x%llx, not 0x%llx",
		   (unsigned long long)guest_read(g, OVER_ERRORS, 8),
		   (unsigned long long)(guest_read(g, OVER_AT, 8) - OVER_GPA) / PAGE,
		   (unsigned long long)guest_read(g, OVER_AT, 8) % PAGE,
		   (unsigned long long)guest_read(g, OVER_FOUND, 8),
		   (unsigned long long)guest_read(g, OVER_WANTED, 8));
}

static void meet(void)
{
	pthread_barrier_wait(&shared->barrier);
}

/* One of them, whose memory @p is. Everyone comes to each meeting, failed or not. */
static void live(struct guest *g, unsigned int n, unsigned int rounds, void *p)
{
	const size_t pages = shared->pages;
	unsigned int i;

	/* What the one before left there. */
	for (i = 0; i < rounds; i++)
		pass(g, 0, 1, pages, i ? salt(n, i - 1) : 0, salt(n, i));
	meet();

	/* All the same: the host merges what is not in swap just then. */
	pass(g, 0, 1, pages, salt(n, rounds - 1), SAME_SALT);
	if (madvise(p, pages * PAGE, MADV_MERGEABLE))
		guest_fail(g, "madvise(MADV_MERGEABLE): %s", strerror(errno));
	meet();
	meet();
	pass(g, 0, 1, pages, SAME_SALT, 0);
	meet();

	/* Every second guest writes to every second page: what others have stays. */
	if (n & 1)
		pass(g, 0, 2, pages / 2, SAME_SALT, salt(n, rounds));
	else
		pass(g, 0, 1, pages, SAME_SALT, 0);
	meet();
	/* Now the others do. */
	if (n & 1) {
		pass(g, 0, 2, pages / 2, salt(n, rounds), 0);
		pass(g, 1, 2, pages / 2, SAME_SALT, 0);
	} else {
		pass(g, 0, 1, pages, SAME_SALT, salt(n, rounds));
	}
	meet();
	/* From here on a process may end. */
	meet();
}

static int guest_process(unsigned int n, unsigned int rounds)
{
	size_t size = shared->pages * PAGE;
	struct guest *g;
	void *p;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGCHLD, SIG_DFL);
	g = guest_new();
	if (!g)
		return 1;
	guest_mode(g, LONG64);
	p = mem_map(size, SIZE_2M, MAP_NORESERVE);
	if (!p) {
		guest_fail(g, "memory: %s", strerror(errno));
		size = 0;
	}
	/* One has large pages, while there are any: they are split to be swapped. */
	if (p)
		madvise(p, size, n ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
	if (p)
		guest_set_slot(g, TEST_SLOT, 0, OVER_GPA, size, p);
	live(g, n, rounds, p);
	if (g->failed) {
		atomic_fetch_add(&shared->failed, 1);
		snprintf(shared->why[n], sizeof(shared->why[n]), "guest %u: %.200s", n, g->why);
	}
	guest_free(g);
	return 0;
}

/* ---- the whole ------------------------------------------------------------------ */

static void verdict(const char *name, bool ok, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void verdict(const char *name, bool ok, const char *format, ...)
{
	char why[256];
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, sizeof(why), format, ap);
	va_end(ap);
	if (ok)
		printf("# %s\n", why);
	guest_result(name, ok, why);
}

static void tell(const char *what)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	printf("# %lld.%03ld s: %s\n", (long long)now.tv_sec, now.tv_nsec / 1000000, what);
}

/* What there is to do beside the guests: look and judge. */
static void watch(unsigned int guests)
{
	unsigned long all = shared->pages * guests, total, sharing, before;
	struct counts c[3];
	unsigned int i;

	total = read_line("/proc/meminfo", "MemTotal: %lu") * 1024 / PAGE;
	read_counts(&c[0]);
	tell("begin");
	meet();
	tell("swapped");
	read_counts(&c[1]);
	verdict("overcommit: the host swaps",
		c[1].out - c[0].out > all - (all < total ? all : total) && c[1].in > c[0].in,
		"%lu pages of guests, %lu of the host; %lu swapped out, %lu in", all, total,
		c[1].out - c[0].out, c[1].in - c[0].in);

	ksm_set("sleep_millisecs", "5");
	ksm_set("pages_to_scan", "4000");
	ksm_set("max_page_sharing", "1024");
	if (!ksm_set("run", "1"))
		printf("# no KSM: %s\n", strerror(errno));
	meet();
	tell("the same");
	for (i = 0; i < LOOKS && ksm_count("pages_sharing") < MERGED_LEAST; i++)
		usleep(250000);
	before = ksm_count("pages_sharing");
	verdict("overcommit: the host merges pages", before >= MERGED_LEAST,
		"%lu pages share %lu, after %u looks", before, ksm_count("pages_shared"), i + 1);
	tell("merged");
	meet();
	/* They look at all of it. Then no more is merged, and what is stays so. */
	meet();
	ksm_set("run", "0");
	before = ksm_count("pages_sharing");
	tell("read");
	meet();
	meet();
	atomic_store(&shared->over, true);
	meet();
	tell("written");
	read_counts(&c[2]);
	sharing = ksm_count("pages_sharing");
	verdict("overcommit: what guests write is theirs again", sharing < before,
		"%lu pages are merged, %lu were; %lu more swapped out, %lu in", sharing, before,
		c[2].out - c[1].out, c[2].in - c[1].in);
}

/* The others would wait for it for ever; they die with this process. */
static void on_child(int sig)
{
	static const char message[] = "Bail out! a guest's process ended early\n";

	(void)sig;
	if (atomic_load(&shared->over))
		return;
	if (write(STDOUT_FILENO, message, sizeof(message) - 1) < 0)
		_exit(2);
	_exit(1);
}

static int run(unsigned int guests, unsigned int rounds)
{
	pid_t pids[GUESTS_MOST];
	pthread_barrierattr_t attr;
	unsigned int i;
	int status, bad = 0;

	pthread_barrierattr_init(&attr);
	pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&shared->barrier, &attr, guests + 1);
	fflush(stdout);
	signal(SIGCHLD, on_child);
	for (i = 0; i < guests; i++) {
		pids[i] = fork();
		if (!pids[i])
			_exit(guest_process(i, rounds));
		if (pids[i] < 0) {
			printf("Bail out! fork: %s\n", strerror(errno));
			return -1;		/* the others die with this process */
		}
	}
	watch(guests);
	for (i = 0; i < guests; i++)
		if (waitpid(pids[i], &status, 0) != pids[i] || status)
			bad++;
	for (i = 0; i < guests; i++)
		if (shared->why[i][0])
			guest_result("overcommit: a guest's memory", false, shared->why[i]);
	guest_result("overcommit: all guests have what they wrote",
		     !bad && !atomic_load(&shared->failed), "see above");
	return 0;
}

int overcommit_main(int argc, char **argv)
{
	unsigned int guests = argc > 1 ? strtoul(argv[1], NULL, 10) : GUESTS;
	unsigned int rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : ROUNDS;
	unsigned long available = read_line("/proc/meminfo", "MemAvailable: %lu") * 1024;
	unsigned long swap = read_line("/proc/meminfo", "SwapTotal: %lu") * 1024;

	if (argc > 3 || guests < 2 || guests > GUESTS_MOST || !rounds || rounds > 200) {
		fprintf(stderr, "usage: %s [GUESTS [ROUNDS]], 2 to %u guests\n", argv[0],
			GUESTS_MOST);
		return 2;
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (shared == MAP_FAILED) {
		printf("Bail out! memory: %s\n", strerror(errno));
		return 1;
	}
	shared->pages = 2 * available / guests / SIZE_2M * (SIZE_2M / PAGE);
	printf("# %lu MiB available, %lu MiB of swap; %u guests of %llu MiB\n", available >> 20,
	       swap >> 20, guests, shared->pages * PAGE >> 20);
	if (!shared->pages || shared->pages * PAGE > MMIO_ADDR - OVER_GPA ||
	    swap < 2 * available) {
		printf("Bail out! that takes twice the memory in swap, and 2 MiB for each guest\n");
		return 1;
	}
	return run(guests, rounds);
}
