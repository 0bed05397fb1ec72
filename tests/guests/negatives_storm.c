// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Processes that end at any time: killed, by exit() and by exec() of one
 * thread while another one is in the guest. What they had is given back, or
 * the scan for leaks after the program tells.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "negatives.h"

#define STORMERS	4

/* ---- what the victims do ------------------------------------------------ */

struct victim {
	struct rig rig;
	uint64_t random;
};

static void *victim_run(void *arg)
{
	struct victim *v = arg;

	start(&v->rig, random_below(&v->random, 2) ? guest_walk : guest_io);
	for (;;) {
		long ret = call(v->rig.vcpu, HOLM_RUN, NULL);

		if (!ret && v->rig.run->exit_reason == HOLM_EXIT_IO)
			v->rig.run->in_flags = HOLM_RUN_COMPLETE;
		else if (!ret)
			start(&v->rig, guest_walk);
		else if (ret != -EINTR)
			return NULL;
	}
}

/* A VM that runs, while others come and go beside it, and slots in it. */
static void victim(uint64_t random)
{
	struct victim v = { .random = random };
	pthread_t thread;

	if (rig_open(&v.rig) || pthread_create(&thread, NULL, victim_run, &v))
		_exit(1);
	for (;;) {
		long vm = vm_create(v.rig.dev), vcpu;

		if (vm < 0)
			_exit(2);
		vcpu = vcpu_create(vm, 0);
		if (vcpu < 0 || slot_set(vm, 0, HOLM_SLOT_LOG_DIRTY, 0, MEM_SIZE, v.rig.mem))
			_exit(3);
		/* Above what the guest has, and away again. */
		if (slot_set(v.rig.vm, 5, 0, 1ULL << 32, PAGE, v.rig.mem) ||
		    slot_set(v.rig.vm, 5, 0, 0, 0, NULL))
			_exit(4);
		close(vm);
		close(vcpu);
	}
}

/* One of several that start victims and kill them: how many ended otherwise. */
static int stormer(unsigned int number, unsigned int rounds)
{
	uint64_t random = seed + number;
	unsigned int i;
	int other = 0;

	for (i = 0; i < rounds; i++) {
		uint64_t next = random_next(&random);
		int status;
		pid_t pid = fork();

		if (pid < 0)
			return 100;
		if (!pid)
			victim(next);
		nap(random_below(&random, 60000));
		kill(pid, SIGKILL);
		if (waitpid(pid, &status, 0) != pid)
			return 101;
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
			other++;
	}
	return other < 100 ? other : 99;
}

static void test_kill(void)
{
	unsigned int i, rounds = quick ? 3 : 40, stormers = quick ? 2 : STORMERS;
	int status, bad = 0;
	pid_t pids[STORMERS];

	fflush(stdout);
	for (i = 0; i < stormers; i++) {
		pids[i] = fork();
		if (!pids[i])
			_exit(stormer(i, rounds));
	}
	for (i = 0; i < stormers; i++) {
		if (pids[i] < 0 || waitpid(pids[i], &status, 0) != pids[i] || status) {
			explain("process %u: status 0x%x", i, status);
			bad++;
		}
	}
	result(!bad, "storm: %u processes with VMs were killed", stormers * rounds);
}

/* ---- a thread ends the process ------------------------------------------ */

enum end { END_EXIT, END_EXEC, END_ABORT, END_FAULT, ENDS };

static const char *const end_names[ENDS] = { "exits", "executes a program", "aborts", "faults" };

static void end_now(enum end end)
{
	switch (end) {
	case END_EXIT:
		_exit(0);
	case END_EXEC:
		execl("/bin/true", "true", NULL);
		execl("/bin/busybox", "true", NULL);
		_exit(9);
	case END_ABORT:
		abort();
	default:
		*(volatile int *)mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) = 0;
		_exit(9);
	}
}

static bool ended_well(enum end end, int status)
{
	switch (end) {
	case END_ABORT:
		return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
	case END_FAULT:
		return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
	default:
		return !status;
	}
}

static int end_running(enum end end, const uint8_t *guest)
{
	static struct victim v;
	pthread_t thread;
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		return -1;
	if (!pid) {
		if (rig_open(&v.rig))
			_exit(1);
		/* victim_run() sets one of two; here it is the caller's. */
		v.random = guest == guest_io;
		if (pthread_create(&thread, NULL, victim_run, &v))
			_exit(2);
		nap(20000);
		end_now(end);
	}
	if (waitpid(pid, &status, 0) != pid)
		return -1;
	if (ended_well(end, status))
		return 0;
	explain("status 0x%x", status);
	return -1;
}

static void test_ends(void)
{
	unsigned int i, rounds = quick ? 1 : 5;
	enum end end;

	for (end = 0; end < ENDS; end++) {
		int bad = 0;

		for (i = 0; i < rounds; i++)
			bad += end_running(end, i % 2 ? guest_io : guest_walk) != 0;
		result(!bad, "storm: one thread %s while another one is in the guest",
		       end_names[end]);
	}
}

void test_storms(void)
{
	test_kill();
	test_ends();
}
