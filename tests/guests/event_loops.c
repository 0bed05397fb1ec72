// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Events from a second thread while the guest runs: none is lost, none wakes
 * it late. The thread waits for what the guest counts before it sends the
 * next; time-outs of the framework would hide an event that did not wake the
 * guest, so that these tests have their own.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "run.h"
#include "steps.h"

#define LOST_SECONDS	10
#define COUNT_ADDR	SCRATCH_ADDR
#define FLAG_ADDR	(SCRATCH_ADDR + 8)

/* The slow bed has fewer of each. */
#define ROUNDS		(hv.intel ? 15 : 200)
#define KICKS		(hv.intel ? 30 : 2000)

enum how { BY_IRQ, BY_MSI, BY_NMI, BY_EXTINT, BY_BURST };

struct loop {
	const char *name;
	uint64_t entry, handler;
	enum how how;
	bool x2apic;
};

static const struct loop loops[] = {
	{ "events/loop_spin_irq", G_loop_spin, G_loop_handler, BY_IRQ, false },
	{ "events/loop_spin_msi", G_loop_spin, G_loop_handler, BY_MSI, false },
	{ "events/loop_spin_nmi", G_loop_spin, G_loop_handler_plain, BY_NMI, false },
	{ "events/loop_spin_extint", G_loop_spin, G_loop_handler_plain, BY_EXTINT, false },
	{ "events/loop_spin_x2apic", G_loop_spin_x2apic, G_loop_handler_x2apic, BY_IRQ, true },
	{ "events/loop_window_irq", G_loop_window, G_loop_handler, BY_IRQ, false },
	{ "events/loop_window_extint", G_loop_window, G_loop_handler_plain, BY_EXTINT, false },
	{ "events/loop_halt_irq", G_loop_halt, G_loop_handler, BY_IRQ, false },
	{ "events/loop_halt_msi", G_loop_halt, G_loop_handler, BY_MSI, false },
	{ "events/loop_halt_nmi", G_loop_halt, G_loop_handler_plain, BY_NMI, false },
	{ "events/loop_halt_extint", G_loop_halt, G_loop_handler_plain, BY_EXTINT, false },
	{ "events/loop_halt_x2apic", G_loop_halt_x2apic, G_loop_handler_x2apic, BY_IRQ, true },
	/* As fast as it goes: requests for the same vector merge. */
	{ "events/loop_burst", G_loop_halt, G_loop_handler, BY_BURST, false },
};

static const struct loop *loop;

/* Of the running test; @sent is also what must have arrived when it is over. */
static struct {
	struct guest *g;
	pthread_t runner;
	unsigned int rounds, sent;
	atomic_uint acknowledged;
	atomic_bool lost;
	atomic_bool over;		/* the guest has ended */
	bool by_flag;
	uint64_t counted;		/* when all of @rounds had arrived, and no other was sent */
	int error;
} job;

static uint64_t guest_count(void)
{
	return *(volatile uint64_t *)(job.g->ram + COUNT_ADDR);
}

static void set_flag(void)
{
	*(volatile uint64_t *)(job.g->ram + FLAG_ADDR) = 1;
}

/* Emulated hosts without high-resolution timers sleep for a whole tick. */
static void let_run(void)
{
	if (hv.tcg)
		sched_yield();
	else
		usleep(20);
}

static bool expired(const struct timespec *since)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec - since->tv_sec > LOST_SECONDS;
}

static void start_thread(struct guest *g, void *(*fn)(void *), pthread_t *thread)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	err = pthread_create(thread, NULL, fn, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err)
		guest_fail(g, "a second thread: %s", strerror(err));
}

/* ---- events -------------------------------------------------------------------- */

static int send_one(void)
{
	switch (loop->how) {
	case BY_NMI:
		return holm_vcpu_inject(&job.g->vcpu, HOLM_INJECT_NMI, 0);
	case BY_MSI:
		return holm_vm_signal_msi(job.g->vm, MSI_ADDRESS, VEC_IRQ) == 1 ? 0 : -1;
	case BY_EXTINT:
		*(volatile int *)&job.g->extint = VEC_IRQ;
		return holm_vcpu_inject(&job.g->vcpu, HOLM_INJECT_EXTINT_RAISE, 0);
	default:
		return holm_vcpu_inject(&job.g->vcpu, HOLM_INJECT_INTERRUPT, VEC_IRQ);
	}
}

/* False when it did not arrive; then the guest is made to leave. */
static bool wait_for(uint64_t count)
{
	struct timespec start;

	clock_gettime(CLOCK_MONOTONIC, &start);
	while (guest_count() < count) {
		if (expired(&start)) {
			atomic_store(&job.lost, true);
			pthread_kill(job.runner, SIGUSR1);
			return false;
		}
		let_run();
	}
	return true;
}

/*
 * Have the guest see the flag, halted or not. One event is not enough: it may
 * come between the guest's look at the flag and its HLT, an NMI whatever IF is,
 * an interrupt where QEMU lost the shadow of STI.
 */
static void end_guest(void)
{
	int err;

	job.counted = guest_count();
	set_flag();
	err = send_one();
	job.sent++;
	if (!job.error)
		job.error = err;
	while (!atomic_load(&job.over)) {
		usleep(1000);
		send_one();
		job.sent++;
	}
}

static void *sender(void *arg)
{
	(void)arg;
	while (job.sent < job.rounds && !job.error) {
		job.error = send_one();
		job.sent++;
		if (loop->how != BY_BURST && !wait_for(job.sent))
			return NULL;
	}
	if (loop->how == BY_BURST && !wait_for(1))
		return NULL;
	end_guest();
	return NULL;
}

static void left(struct guest *g)
{
	if (atomic_load(&job.lost))
		guest_fail(g, "event %u of %u did not arrive: %llu did, halted: %d", job.sent,
			   job.rounds, (unsigned long long)guest_count(),
			   mp_state(g) == HOLM_MP_HALTED);
	atomic_fetch_add(&job.acknowledged, 1);
}

static void on_usr1(int sig)
{
	(void)sig;
}

static void job_init(struct guest *g, unsigned int rounds)
{
	struct sigaction action = { .sa_handler = on_usr1 };

	sigaction(SIGUSR1, &action, NULL);
	memset(&job, 0, sizeof(job));
	job.g = g;
	job.rounds = rounds;
	job.runner = pthread_self();
	g->interrupted = left;
}

static void run_loop(struct guest *g)
{
	uint64_t count;
	pthread_t thread;

	job_init(g, ROUNDS);
	lapic_on(g);
	gate64(g, VEC_IRQ, loop->handler);
	gate64(g, 2, loop->handler);
	guest_start(g, loop->entry);
	watchdog_stop();
	start_thread(g, sender, &thread);
	if (g->failed)
		return;
	guest_run(g);
	atomic_store(&job.over, true);
	pthread_join(thread, NULL);
	if (g->failed)
		return;
	EXPECT(g, HOLM_EXIT_IO);
	CHECK_EQ(g, job.error, 0);
	count = guest_count();
	if (loop->how == BY_BURST) {
		CHECK(g, count >= 1 && count <= job.sent, "%llu arrived of %u",
		      (unsigned long long)count, job.sent);
		return;
	}
	CHECK_EQ(g, job.counted, job.rounds);
	/* Those that ended it may have come too late, and merge. */
	CHECK(g, count >= job.rounds && count <= job.sent, "%llu arrived of %u to %u",
	      (unsigned long long)count, job.rounds, job.sent);
}

/* ---- kicks ---------------------------------------------------------------------- */

/* Each kick must make HOLM_RUN return: by a signal, or by immediate_exit with one. */
static void *kicker(void *arg)
{
	struct timespec start;

	(void)arg;
	for (; job.sent < job.rounds; job.sent++) {
		if (job.by_flag)
			*(volatile uint8_t *)&job.g->run->immediate_exit = 1;
		pthread_kill(job.runner, SIGUSR1);
		clock_gettime(CLOCK_MONOTONIC, &start);
		while (atomic_load(&job.acknowledged) <= job.sent && !expired(&start))
			let_run();
		if (atomic_load(&job.acknowledged) <= job.sent) {
			atomic_store(&job.lost, true);
			break;
		}
	}
	set_flag();
	return NULL;
}

static void kicked(struct guest *g)
{
	CHECK_EQ(g, g->run->exit_reason, HOLM_EXIT_INTR);
	if (!*(volatile uint8_t *)&g->run->immediate_exit)
		return;		/* the signal that came after it */
	*(volatile uint8_t *)&g->run->immediate_exit = 0;
	atomic_fetch_add(&job.acknowledged, 1);
}

/*
 * A signal that arrives outside HOLM_RUN is gone without one, unless
 * immediate_exit says so: without the flag the handler itself counts.
 */
static void on_usr1_count(int sig)
{
	(void)sig;
	atomic_fetch_add(&job.acknowledged, 1);
}

static void kicked_by_signal(struct guest *g)
{
	CHECK_EQ(g, g->run->exit_reason, HOLM_EXIT_INTR);
}

static void run_kicks(struct guest *g)
{
	pthread_t thread;

	g->regs.gpr[HOLM_RBX] = 0x1122334455667788;
	g->regs.rflags |= spin_flags();
	guest_start(g, G_count_up);
	watchdog_stop();
	start_thread(g, kicker, &thread);
	if (g->failed)
		return;
	guest_run(g);
	pthread_join(thread, NULL);
	EXPECT(g, HOLM_EXIT_IO);
	CHECK(g, !atomic_load(&job.lost), "kick %u did not end HOLM_RUN", job.sent);
	/* DONE writes AL, which is the count's low byte. */
	CHECK_EQ(g, g->run->regs.gpr[HOLM_RAX], guest_count());
	CHECK(g, guest_count(), "the guest did not run");
	CHECK_EQ(g, g->run->regs.gpr[HOLM_RBX], 0x1122334455667788);
}

static void kicks_by_signal(struct guest *g)
{
	struct sigaction action = { .sa_handler = on_usr1_count };

	job_init(g, KICKS);
	sigaction(SIGUSR1, &action, NULL);
	g->interrupted = kicked_by_signal;
	run_kicks(g);
}

static void kicks_by_flag(struct guest *g)
{
	job_init(g, KICKS);
	job.by_flag = true;
	g->interrupted = kicked;
	run_kicks(g);
}

void test_event_loops(void)
{
	unsigned int i;

	guest_test_mode("events/kick_signal", LONG64, kicks_by_signal);
	guest_test_mode("events/kick_immediate_exit", LONG64, kicks_by_flag);
	for (i = 0; i < ARRAY_SIZE(loops); i++) {
		loop = &loops[i];
		if (loop->x2apic && !hv_has(1, 0, 2, 21))
			guest_skip(loop->name, "CPUID has no x2APIC");
		else
			guest_test_mode(loop->name, LONG64, run_loop);
	}
}
