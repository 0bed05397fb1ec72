// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Asynchronous page faults, with memory that a pager of the test's own has
 * (userfaultfd): it comes when the test says so.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memory_lib.h"
#include "pv.h"
#include "pv_async.h"
#include "run.h"
#include "steps.h"

#define PAGES		8
#define WAITS_MAX	64	/* of one vCPU */
#define FIRST_VALUE	1000	/* of the pages' contents */

/**
 * struct pager - a slot whose pages are not there
 * @g: the guest that has it
 * @p: its memory
 * @pages: how many
 * @fd: userfaultfd
 * @go: pages may come
 * @auto_told: ... when the guest was told of so many
 * @auto_void: ... when it was told so often that they are void
 * @stop: the thread ends
 * @thread: it
 * @asked: pages that somebody waits for, by number
 * @come: pages that came
 * @error: errno of the thread
 */
struct pager {
	struct guest *g;
	char *p;
	unsigned int pages;
	int fd;
	atomic_bool go;
	unsigned int auto_told;
	unsigned int auto_void;
	atomic_bool stop;
	pthread_t thread;
	bool asked[ASYNC_MAX];
	unsigned int come;
	int error;
};

static uint64_t word(struct guest *g, uint64_t gpa)
{
	return *(volatile uint64_t *)(g->ram + gpa);
}

static void pager_ask(struct pager *pager)
{
	struct uffd_msg msg;

	while (read(pager->fd, &msg, sizeof(msg)) == sizeof(msg)) {
		uint64_t at = msg.arg.pagefault.address - (uintptr_t)pager->p;

		if (msg.event == UFFD_EVENT_PAGEFAULT && at / PAGE < pager->pages)
			pager->asked[at / PAGE] = true;
	}
}

/* The last first: not in the order in which they were asked for. */
static void pager_come(struct pager *pager)
{
	uint32_t content[PAGE / 4];
	unsigned int i;

	for (i = pager->pages; i-- > 0; ) {
		struct uffdio_copy copy = {
			.dst = (uintptr_t)pager->p + i * PAGE,
			.src = (uintptr_t)content,
			.len = PAGE,
		};

		if (!pager->asked[i])
			continue;
		pager->asked[i] = false;
		memset(content, 0, sizeof(content));
		content[0] = FIRST_VALUE + i;
		if (ioctl(pager->fd, UFFDIO_COPY, &copy)) {
			/* Two may have asked for it. */
			if (errno != EEXIST)
				pager->error = errno;
			continue;
		}
		pager->come++;
	}
}

static void *pager_main(void *arg)
{
	struct pager *pager = arg;

	while (!pager->stop) {
		struct pollfd fd = { .fd = pager->fd, .events = POLLIN };

		poll(&fd, 1, 2);
		pager_ask(pager);
		if ((pager->auto_told && word(pager->g, ASYNC_TOLD) >= pager->auto_told) ||
		    (pager->auto_void && word(pager->g, ASYNC_VOID) >= pager->auto_void))
			pager->go = true;
		if (pager->go)
			pager_come(pager);
	}
	return NULL;
}

/* NULL, or why there is none. */
static const char *pager_open(struct pager *pager)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	pager->fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (pager->fd < 0)
		return "no userfaultfd";
	pager->p = mem_slot(pager->g, 0, SLOT_GPA, pager->pages * PAGE);
	if (!pager->p)
		return "no memory";
	/* mem_slot() may have touched it. */
	madvise(pager->p, pager->pages * PAGE, MADV_DONTNEED);
	reg.range.start = (uintptr_t)pager->p;
	reg.range.len = pager->pages * PAGE;
	if (ioctl(pager->fd, UFFDIO_API, &api) || ioctl(pager->fd, UFFDIO_REGISTER, &reg))
		return strerror(errno);
	return NULL;
}

static bool pager_start(struct pager *pager)
{
	const char *why = pager_open(pager);
	sigset_t alarm, old;
	int err;

	if (why) {
		guest_fail(pager->g, "pager: %s", why);
		return false;
	}
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarm, &old);
	err = pthread_create(&pager->thread, NULL, pager_main, pager);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err)
		guest_fail(pager->g, "pthread_create: %s", strerror(err));
	return !err;
}

static void pager_stop(struct pager *pager)
{
	pager->stop = true;
	pthread_join(pager->thread, NULL);
	CHECK(pager->g, !pager->error, "%s", strerror(pager->error));
	mem_unslot(pager->g, pager->p, pager->pages * PAGE);
	close(pager->fd);
}

/* ---- the guest ---------------------------------------------------------------- */

static void prepare(struct guest *g, uint64_t entry, unsigned int pages, uint64_t enable,
		    bool write)
{
	struct holm_lapic lapic;

	guest_get(g, HOLM_STATE_LAPIC, &lapic, sizeof(lapic));
	lapic.apic_base |= 0xc00;	/* x2APIC mode */
	lapic.regs[LAPIC_LDR / 16] = 1;
	lapic.regs[LAPIC_SVR / 16] = 0x1ff;
	guest_set(g, HOLM_STATE_LAPIC, &lapic, sizeof(lapic));
	guest_idt(g, 14, G_async_fault, SEL_CODE64, 14, 0, 0);
	guest_idt(g, VEC_ASYNC, G_async_ready, SEL_CODE64, 14, 0, 0);
	g->regs.gpr[HOLM_RDI] = SLOT_GPA;
	g->regs.gpr[HOLM_RSI] = pages;
	g->regs.gpr[HOLM_RDX] = enable;
	g->regs.gpr[HOLM_RBX] = write;
	guest_start(g, entry);
}

/* What it reads at its end: each page has its content, and was written once where it was. */
static uint64_t sum(unsigned int pages, unsigned int writes)
{
	return (uint64_t)FIRST_VALUE * pages + (uint64_t)pages * (pages - 1) / 2 + writes;
}

static void check_words(struct guest *g, uint64_t told, uint64_t voids)
{
	CHECK_EQ(g, word(g, ASYNC_TOLD), told);
	CHECK_EQ(g, word(g, ASYNC_READY), told);
	CHECK_EQ(g, word(g, ASYNC_VOID), voids);
	CHECK_EQ(g, word(g, ASYNC_WRONG), 0);
	CHECK_EQ(g, (uint32_t)word(g, ASYNC_FLAGS), 0);
}

/* All is touched: it was told of as many as it is to be. */
static void touched(struct guest *g, unsigned int n)
{
	struct pager *pager = g->priv;

	(void)n;
	pager->go = true;
}

struct async_row {
	const char *name;
	unsigned int pages;
	uint64_t enable;	/* beside the address */
	bool write;
	bool irqs_off;
	unsigned int told;	/* of how many it is; or of all, when some came meanwhile */
	unsigned int voids;
};

static void run_row(struct guest *g)
{
	const struct async_row *row = g->priv;
	struct pager pager = { .g = g, .pages = row->pages, .auto_told = row->told };
	uint64_t told;

	guest_mode(g, LONG64);
	/* Without a "page not present" the guest waits, and nobody says go. */
	pager.go = !row->told;
	if (!pager_start(&pager))
		return;
	g->priv = &pager;
	g->call = touched;
	prepare(g, G_async_pages, row->pages, ASYNC_FLAGS | row->enable, row->write);
	g->run->regs.gpr[11] = row->irqs_off;
	guest_run(g);
	pager_stop(&pager);
	told = word(g, ASYNC_TOLD);
	if (told <= row->told || row->told == row->pages || !row->told)
		told = row->told;
	/* Those that it was told of, it has not written. */
	EXPECT(g, HOLM_EXIT_IO, CALL(1), V(sum(row->pages, row->write ? row->pages - told : 0)));
	check_words(g, told, row->voids);
	CHECK_EQ(g, pager.come, row->pages);
}

#define ON	(ASYNC_ENABLE | ASYNC_INT)

static const struct async_row rows[] = {
	{ "pv/async_read", PAGES, ON | ASYNC_ALWAYS, .told = PAGES, .voids = 1 },
	{ "pv/async_write", PAGES, ON | ASYNC_ALWAYS, .write = true, .told = PAGES, .voids = 1 },
	{ "pv/async_limit", WAITS_MAX + 16, ON | ASYNC_ALWAYS, .told = WAITS_MAX, .voids = 1 },
	{ "pv/async_kernel", PAGES, ON, .voids = 1 },
	{ "pv/async_irqs_off", PAGES, ON | ASYNC_ALWAYS, .irqs_off = true },
	{ "pv/async_no_interrupt", PAGES, ASYNC_ENABLE | ASYNC_ALWAYS },
	{ "pv/async_disabled", PAGES, ASYNC_INT | ASYNC_ALWAYS },
};

/* By CPL 3; the MSRs are from another host. */
static void run_user(struct guest *g)
{
	struct holm_msr msrs[] = {
		{ .index = MSR_ASYNC_PF_EN, .value = ASYNC_FLAGS | ON },
		{ .index = MSR_ASYNC_PF_INT, .value = VEC_ASYNC },
	};
	struct pager pager = { .g = g, .pages = PAGES };

	if (!pager_start(&pager))
		return;
	g->priv = &pager;
	g->call = touched;
	guest_set(g, HOLM_STATE_MSRS, msrs, sizeof(msrs));
	g->regs.rflags |= RFLAGS_IF;
	prepare(g, G_async_user, PAGES, 0, false);
	guest_run(g);
	pager_stop(&pager);
	EXPECT(g, HOLM_EXIT_IO, CALL(1), V(sum(PAGES, 0)));
	check_words(g, PAGES, 1);
}

/* State is set as it was got, as after a migration: pages that are waited for are void. */
static void migrate_now(struct guest *g, unsigned int n)
{
	struct holm_msr msrs[] = {
		{ .index = MSR_ASYNC_PF_EN }, { .index = MSR_ASYNC_PF_INT },
	};

	(void)n;
	guest_get(g, HOLM_STATE_MSRS, msrs, sizeof(msrs));
	CHECK_EQ(g, msrs[0].value, ASYNC_FLAGS | ON | ASYNC_ALWAYS);
	CHECK_EQ(g, msrs[1].value, VEC_ASYNC);
	guest_set(g, HOLM_STATE_MSRS, msrs, sizeof(msrs));
}

static void run_migrated(struct guest *g)
{
	struct pager pager = { .g = g, .pages = PAGES, .auto_void = 2 };

	if (!pager_start(&pager))
		return;
	g->priv = &pager;
	g->call = migrate_now;
	prepare(g, G_async_pages, PAGES, ASYNC_FLAGS | ON | ASYNC_ALWAYS, false);
	guest_run(g);
	pager_stop(&pager);
	EXPECT(g, HOLM_EXIT_IO, CALL(1), V(sum(PAGES, 0)));
	check_words(g, PAGES, 2);
}

/* The VM goes while its pages are waited for: nobody waits for them any longer. */
static void leave(struct guest *g, unsigned int n)
{
	(void)n;
	g->end = HOLM_EXIT_IO;
	g->stopped = true;
}

static bool run_until_told(struct guest *g, struct pager *pager)
{
	const char *why;

	*pager = (struct pager) { .g = g, .pages = PAGES };
	why = pager_open(pager);
	if (why) {
		guest_fail(g, "pager: %s", why);
		return false;
	}
	g->call = leave;
	prepare(g, G_async_pages, PAGES, ASYNC_FLAGS | ON | ASYNC_ALWAYS, false);
	guest_run(g);
	CHECK_EQ(g, word(g, ASYNC_TOLD), PAGES);
	return !g->failed;
}

static void run_closed(struct guest *g)
{
	struct guest *other = guest_new();
	struct pager pager;

	if (!other) {
		guest_fail(g, "no other VM");
		return;
	}
	guest_mode(other, LONG64);
	if (!run_until_told(other, &pager))
		guest_fail(g, "%s", other->why);
	guest_free(other);
	close(pager.fd);
	munmap(pager.p, PAGES * PAGE);
}

static void run_killed(struct guest *g)
{
	int status, ends[2];
	pid_t pid;
	char told;

	if (pipe(ends)) {
		guest_fail(g, "pipe: %s", strerror(errno));
		return;
	}
	pid = fork();
	if (!pid) {
		struct guest *own = guest_new();
		struct pager pager;

		if (own)
			guest_mode(own, LONG64);
		if (!own || !run_until_told(own, &pager) || write(ends[1], "t", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ends[1]);
	/* The watchdog's signals interrupt both. */
	CHECK_EQ(g, TEMP_FAILURE_RETRY(read(ends[0], &told, 1)), 1);
	close(ends[0]);
	if (pid < 0)
		return;
	kill(pid, SIGKILL);
	CHECK_EQ(g, TEMP_FAILURE_RETRY(waitpid(pid, &status, 0)), pid);
	CHECK(g, WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "status 0x%x", status);
}

void test_pv_async(void)
{
	static const char *const names[] = { "pv/async_user", "pv/async_migrated",
					     "pv/async_closed", "pv/async_killed" };
	unsigned int i;

	if (!hv_has(0x40000001, 0, 0, 14)) {
		for (i = 0; i < ARRAY_SIZE(rows); i++)
			guest_skip(rows[i].name, "no asynchronous page faults");
		for (i = 0; i < ARRAY_SIZE(names); i++)
			guest_skip(names[i], "no asynchronous page faults");
		return;
	}
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		guest_test_with(rows[i].name, (void *)&rows[i], run_row);
	guest_test_mode(names[0], USER64, run_user);
	guest_test_mode(names[1], LONG64, run_migrated);
	guest_test_mode(names[2], LONG64, run_closed);
	guest_test_mode(names[3], LONG64, run_killed);
}
