// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What goes on around guests of several vCPUs in holm-torture: threads of this
 * process change slots and memory, send signals and move the vCPUs' state out
 * and in; a process beside it stops and freezes all of it, takes CPUs offline
 * and tries to unload the module, and to load it once more.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "smp.h"
#include "torture.h"

#define EXTRA_SLOT	5
#define EXTRA_GPA	0x30000000
#define EXTRA_SIZE	0x10000
#define CGROUP		"/sys/fs/cgroup/torture"
#define KSM		"/sys/kernel/mm/ksm/"
#define MODULE		"/modules/holm.ko"	/* where beds have it */
/* Nothing the host's own threads write: the page tables, and the stacks. */
#define PROTECT_TABLES	PML4_ADDR
#define PROTECT_STACKS	SMP_STACK

enum deed {
	SLOT_ADDED, SLOT_MOVED, SLOT_REMOVED, LOG_SWITCHED, LOG_READ,
	PROTECTED, PAGED_OUT, MERGEABLE, ADVISED, SIGNALS, STATES_MOVED,
	STOPPED, FROZEN, CPU_OFF, CPU_ON, UNLOAD_REFUSED, LOAD_REFUSED, DEEDS,
};

static const char *const deed_names[DEEDS] = {
	"slots added", "slots moved", "slots removed", "dirty logs switched", "dirty logs read",
	"memory protected", "memory paged out", "memory made mergeable", "memory discarded",
	"signals to vCPU threads", "vCPU states moved out and in",
	"stopped and continued", "frozen and thawed", "CPUs offline", "CPUs online",
	"module unloads refused", "module loads refused",
};

/* Shared with the process beside. */
static struct {
	atomic_ulong count[DEEDS];
	atomic_ulong errors;
	char first[160];
	atomic_bool stop;
} *log;

static struct {
	pthread_mutex_t lock;
	struct smp *s;		/* runs, or NULL */
	pthread_t threads[4];
	unsigned int nthreads;
	pid_t child;
	struct timespec end;
	char *extra;
} t = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void did(enum deed deed)
{
	atomic_fetch_add(&log->count[deed], 1);
}

static void wrong(const char *what, int err)
{
	if (!atomic_fetch_add(&log->errors, 1))
		snprintf(log->first, sizeof(log->first), "%s: %s", what, strerror(err));
}

static uint64_t random_next(uint64_t *state)
{
	uint64_t x = (*state += 0x9e3779b97f4a7c15ULL);	/* splitmix64 */

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

/* ---- in this process ----------------------------------------------------------- */

static void slot(struct smp *s, enum deed deed, uint64_t gpa, uint64_t size)
{
	int err = holm_vm_set_slot(s->g->vm, EXTRA_SLOT, 0, gpa, size, t.extra);

	if (err)
		wrong(deed_names[deed], -err);
	else
		did(deed);
}

/* The dirty log of all memory. */
static void logging(struct smp *s)
{
	uint64_t bitmap[RAM_SIZE / 4096 / 64];
	int err = holm_vm_set_slot(s->g->vm, 0, HOLM_SLOT_LOG_DIRTY, 0, RAM_SIZE, s->g->ram);

	if (err)
		wrong("log on", -err);
	did(LOG_SWITCHED);
	smp_nap(500);
	err = holm_vm_get_dirty_log(s->g->vm, 0, 0, RAM_SIZE / 4096, bitmap);
	if (err)
		wrong("log", -err);
	did(LOG_READ);
	err = holm_vm_set_slot(s->g->vm, 0, 0, 0, RAM_SIZE, s->g->ram);
	if (err)
		wrong("log off", -err);
}

static void change_slots(struct smp *s, uint64_t *random)
{
	slot(s, SLOT_ADDED, EXTRA_GPA, EXTRA_SIZE);
	if (random_next(random) & 1)
		slot(s, SLOT_MOVED, EXTRA_GPA + EXTRA_SIZE, EXTRA_SIZE);
	if (random_next(random) & 1)
		logging(s);
	slot(s, SLOT_REMOVED, 0, 0);
}

static void protect(struct smp *s, uint64_t at, size_t size)
{
	if (mprotect(s->g->ram + at, size, PROT_READ))
		wrong("mprotect", errno);
	smp_nap(100);
	if (mprotect(s->g->ram + at, size, PROT_READ | PROT_WRITE))
		wrong("mprotect", errno);
	did(PROTECTED);
}

static void change_memory(struct smp *s, uint64_t *random)
{
	switch (random_next(random) % 5) {
	case 0:
		protect(s, PROTECT_TABLES, 0x7000);
		break;
	case 1:
		protect(s, PROTECT_STACKS, SMP_MAX * SMP_STACK_SIZE);
		break;
	case 2:
		if (!madvise(s->g->ram, RAM_SIZE, MADV_PAGEOUT))
			did(PAGED_OUT);
		break;
	case 3:
		if (!madvise(s->g->ram, RAM_SIZE, random_next(random) & 1 ? MADV_MERGEABLE :
			     MADV_UNMERGEABLE))
			did(MERGEABLE);
		break;
	default:
		/* What no program uses. */
		if (madvise(s->g->ram + 0x200000, 0x100000, MADV_DONTNEED))
			wrong("madvise", errno);
		did(ADVISED);
		break;
	}
}

static void send_signals(struct smp *s, uint64_t *random)
{
	unsigned int i;

	for (i = 0; i < 10; i++) {
		pthread_kill(s->thread[random_next(random) % s->n], SIGUSR1);
		did(SIGNALS);
		smp_nap(random_next(random) % 300);
	}
}

/* All of it out and in again, in the order that a restored guest has it. */
static int move_state(const struct holm_vcpu_handle *vcpu)
{
	static uint8_t xstate[16384];
	struct holm_regs regs;
	struct holm_sregs sregs;
	struct holm_debugregs dregs;
	struct holm_events events;
	struct holm_lapic lapic;
	struct holm_mp_state mp;
	struct holm_tsc tsc;
	const struct {
		uint32_t type;
		void *data;
		uint32_t size;
	} blocks[] = {
		{ HOLM_STATE_TSC, &tsc, sizeof(tsc) },
		{ HOLM_STATE_SREGS, &sregs, sizeof(sregs) },
		{ HOLM_STATE_REGS, &regs, sizeof(regs) },
		{ HOLM_STATE_DEBUGREGS, &dregs, sizeof(dregs) },
		{ HOLM_STATE_XSTATE, xstate, hv.caps.xstate_size },
		{ HOLM_STATE_MP, &mp, sizeof(mp) },
	};
	unsigned int i;
	int err;

	if (hv.caps.xstate_size > sizeof(xstate))
		return -E2BIG;
	for (i = 0; i < ARRAY_SIZE(blocks); i++) {
		err = holm_vcpu_get_state(vcpu, blocks[i].type, blocks[i].data, blocks[i].size);
		if (err)
			return err;
	}
	for (i = 0; i < ARRAY_SIZE(blocks); i++) {
		err = holm_vcpu_set_state(vcpu, blocks[i].type, blocks[i].data, blocks[i].size);
		if (err)
			return err;
	}
	/* Others send to it meanwhile: these, set, would lose an NMI or interrupt. */
	err = holm_vcpu_get_state(vcpu, HOLM_STATE_EVENTS, &events, sizeof(events));
	if (err)
		return err;
	return holm_vcpu_get_state(vcpu, HOLM_STATE_LAPIC, &lapic, sizeof(lapic));
}

static bool has_paused(struct smp *s, unsigned int i)
{
	unsigned int tries;

	for (tries = 0; tries < 2000; tries++) {
		if (atomic_load(&s->paused[i]) == 2)
			return true;
		if (atomic_load(&s->running) < s->n)
			return false;
		s->vcpu[i]->run->immediate_exit = 1;
		pthread_kill(s->thread[i], SIGUSR1);
		smp_nap(100);
	}
	return false;
}

static void change_states(struct smp *s, uint64_t *random)
{
	unsigned int i = random_next(random) % s->n;
	struct guest *v = s->vcpu[i];
	int err;

	atomic_store(&s->paused[i], 1);
	if (has_paused(s, i)) {
		err = move_state(&v->vcpu);
		if (err)
			wrong("moving the state", -err);
		else
			did(STATES_MOVED);
	}
	v->run->immediate_exit = 0;
	atomic_store(&s->paused[i], 0);
	smp_nap(1000);
}

static void (*const changes[])(struct smp *s, uint64_t *random) = {
	change_slots, change_memory, send_signals, change_states,
};

static void *change_thread(void *arg)
{
	unsigned long n = (unsigned long)arg;
	uint64_t random = n;

	while (!atomic_load(&log->stop)) {
		pthread_mutex_lock(&t.lock);
		if (t.s && atomic_load(&t.s->running) == t.s->n)
			changes[n](t.s, &random);
		pthread_mutex_unlock(&t.lock);
		usleep(random_next(&random) % 3000);
	}
	return NULL;
}

/* Memory that cannot be had now: again. */
static bool again(struct guest *v)
{
	return v->run->exit_reason == HOLM_EXIT_MEMORY_FAULT;
}

static void begin(struct smp *s)
{
	pthread_mutex_lock(&t.lock);
	t.s = s;
	pthread_mutex_unlock(&t.lock);
}

static void end(struct smp *s)
{
	(void)s;
	pthread_mutex_lock(&t.lock);
	t.s = NULL;
	pthread_mutex_unlock(&t.lock);
}

static void prepare(struct smp *s)
{
	unsigned int i;

	for (i = 0; i < s->n; i++)
		s->vcpu[i]->exit = again;
}

/* ---- beside it ------------------------------------------------------------------- */

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	n = n < 0 ? -errno : 0;
	close(fd);
	return n;
}

static void pause_us(uint64_t *random, unsigned int most)
{
	usleep(1 + random_next(random) % most);
}

static void stop_and_go(uint64_t *random)
{
	pid_t parent = getppid();

	kill(parent, SIGSTOP);
	pause_us(random, 50000);
	kill(parent, SIGCONT);
	did(STOPPED);
}

static void freeze(uint64_t *random)
{
	if (write_file(CGROUP "/cgroup.freeze", "1"))
		return;
	pause_us(random, 50000);
	if (write_file(CGROUP "/cgroup.freeze", "0"))
		wrong("thawing", errno);
	did(FROZEN);
}

/* The last CPU, and only where others are left for the guests. */
static void hotplug(uint64_t *random)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	char path[80];

	if (cpus < 3)
		return;
	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%ld/online", cpus - 1);
	if (!write_file(path, "0"))
		did(CPU_OFF);
	pause_us(random, 100000);
	if (!write_file(path, "1"))
		did(CPU_ON);
}

static void unload(uint64_t *random)
{
	(void)random;
	if (!syscall(SYS_delete_module, "holm", O_NONBLOCK))
		wrong("the module was unloaded", EBUSY);
	else if (errno == EWOULDBLOCK || errno == EBUSY)
		did(UNLOAD_REFUSED);
	else
		wrong("unloading", errno);
}

/* Once more: all of it is read and linked before its name is found to be taken. */
static void load(uint64_t *random)
{
	int fd = open(MODULE, O_RDONLY | O_CLOEXEC);

	(void)random;
	if (fd < 0)
		return;
	if (!syscall(SYS_finit_module, fd, "", 0))
		wrong("the module was loaded twice", EEXIST);
	else if (errno == EEXIST)
		did(LOAD_REFUSED);
	else
		wrong("loading", errno);
	close(fd);
}

static void beside(void)
{
	static void (*const deeds[])(uint64_t *random) = {
		stop_and_go, freeze, hotplug, unload, unload, load,
	};
	uint64_t random = 1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (!atomic_load(&log->stop)) {
		deeds[random_next(&random) % ARRAY_SIZE(deeds)](&random);
		pause_us(&random, 150000);
	}
	_exit(0);
}

/* ---- the whole ----------------------------------------------------------------------- */

bool torture_goes_on(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec < t.end.tv_sec && !atomic_load(&log->errors);
}

static void prepare_host(void)
{
	char pid[20];

	mkdir(CGROUP, 0755);
	snprintf(pid, sizeof(pid), "%d", getpid());
	if (write_file(CGROUP "/cgroup.procs", pid))
		printf("# no cgroup: nothing is frozen\n");
	write_file(KSM "sleep_millisecs", "20");
	if (write_file(KSM "run", "1"))
		printf("# no KSM\n");
}

int torture_begin(unsigned long seconds)
{
	sigset_t all, old;
	unsigned long i;

	log = mmap(NULL, sizeof(*log), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	t.extra = mmap(NULL, EXTRA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);
	if (log == MAP_FAILED || t.extra == MAP_FAILED) {
		printf("Bail out! memory: %s\n", strerror(errno));
		return -1;
	}
	clock_gettime(CLOCK_MONOTONIC, &t.end);
	t.end.tv_sec += seconds;
	fflush(stdout);
	t.child = fork();		/* before the cgroup: it is not frozen itself */
	if (!t.child)
		beside();
	if (t.child < 0) {
		printf("Bail out! fork: %s\n", strerror(errno));
		return -1;
	}
	prepare_host();
	smp_disturber = (struct smp_disturber) { .prepare = prepare, .begin = begin, .end = end };
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	for (i = 0; i < ARRAY_SIZE(changes); i++)
		if (!pthread_create(&t.threads[t.nthreads], NULL, change_thread, (void *)i))
			t.nthreads++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return 0;
}

void torture_end(void)
{
	unsigned int i;
	int status;

	atomic_store(&log->stop, true);
	for (i = 0; i < t.nthreads; i++)
		pthread_join(t.threads[i], NULL);
	waitpid(t.child, &status, 0);
	for (i = 0; i < DEEDS; i++)
		printf("# %8lu %s\n", atomic_load(&log->count[i]), deed_names[i]);
	guest_result("nothing else was refused, or allowed", !atomic_load(&log->errors), log->first);
}
