// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Processes that end at any time: killed, by exit() and by exec() of one
 * thread while another one is in the guest. What they had is given back, or
 * the scan for leaks after the program tells.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "negatives.h"

#define STORMERS	4

/* ---- what the victims do ------------------------------------------------ */

struct victim {
	struct rig rig;
	struct rig second;	/* another vCPU of the same VM */
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

static void *victim_run_second(void *arg)
{
	struct victim *v = arg;
	struct rig *r = &v->second;

	for (;;) {
		long ret = call(r->vcpu, HOLM_RUN, NULL);

		if (!ret && r->run->exit_reason == HOLM_EXIT_IO)
			r->run->in_flags = HOLM_RUN_COMPLETE;
		else if (!ret)
			start(r, guest_walk);
		else if (ret != -EINTR)
			return NULL;
	}
}

static int second_vcpu(struct victim *v)
{
	const struct holm_mp_state runnable = { .state = HOLM_MP_RUNNABLE };
	struct rig *r = &v->second;

	*r = v->rig;
	r->vcpu = vcpu_create(r->vm, 1);
	if (r->vcpu < 0 || cpuid_set_all(r->dev, r->vcpu))
		return -1;
	r->run = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, r->vcpu, 0);
	if (r->run == MAP_FAILED || start(r, guest_io))
		return -1;
	return state_set(r->vcpu, HOLM_STATE_MP, &runnable, sizeof(runnable));
}

/* A VM that runs, while others come and go beside it, and slots in it. */
static void victim(uint64_t random)
{
	struct victim v = { .random = random };
	pthread_t thread;

	if (rig_open(&v.rig) || pthread_create(&thread, NULL, victim_run, &v))
		_exit(1);
	if (second_vcpu(&v) || pthread_create(&thread, NULL, victim_run_second, &v))
		_exit(5);
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

/* ---- what the host has before and after ---------------------------------- */

#define CGROUP		"/sys/fs/cgroup/storm"
#define EFER		0xc0000080
#define EFER_SVME	(1ULL << 12)
#define MOST_SLAB_KIB	2048		/* 2 KiB for each of a thousand */
#define MOST_CGROUP_KIB	1024		/* what CPUs keep in stock */

static long read_number(const char *path)
{
	long value = -1;
	FILE *f = fopen(path, "re");

	if (!f)
		return -1;
	if (fscanf(f, "%ld", &value) != 1)
		value = -1;
	fclose(f);
	return value;
}

static int write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");
	int bad;

	if (!f)
		return -1;
	bad = fputs(text, f) < 0;
	return fclose(f) || bad ? -1 : 0;
}

/* Give back what slab caches keep, with KASAN also what it keeps from reuse. */
static void shrink_slabs(void)
{
	glob_t paths;
	size_t i;

	/* Of dead processes' entries in /proc, and the like. */
	write_text("/proc/sys/vm/drop_caches", "3");
	if (glob("/sys/kernel/slab/*/shrink", 0, NULL, &paths))
		return;
	for (i = 0; i < paths.gl_pathc; i++)
		write_text(paths.gl_pathv[i], "1");
	globfree(&paths);
}

/* Sums of lines of /proc/meminfo, KiB. */
static long meminfo(const char *const *names)
{
	FILE *f = fopen("/proc/meminfo", "re");
	char line[128], name[64];
	long value, sum = 0;
	unsigned int i;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%63[^:]: %ld", name, &value) != 2)
			continue;
		for (i = 0; names[i]; i++)
			if (!strcmp(names[i], name))
				sum += value;
	}
	if (f)
		fclose(f);
	return sum;
}

#define MOST_CACHES	512
#define TELL_CACHES	5

struct figures {
	long slab, rest, refs;
	long checkers;			/* of slab */
	struct cache {
		char name[48];
		long active, size;	/* objects; bytes of one */
		long kib;		/* with what is free in its slabs */
	} cache[MOST_CACHES];
	unsigned int caches;
};

/* Of each slab cache; nothing where the kernel does not tell. */
static void read_caches(struct figures *f)
{
	FILE *file = fopen("/proc/slabinfo", "re");
	char line[256];

	f->caches = 0;
	while (file && f->caches < MOST_CACHES && fgets(line, sizeof(line), file)) {
		struct cache *c = &f->cache[f->caches];
		long total;

		if (sscanf(line, "%47s %ld %ld %ld", c->name, &c->active, &total, &c->size) != 4)
			continue;
		c->kib = total * c->size / 1024;
		f->caches++;
	}
	if (file)
		fclose(file);
}

static const struct cache *find_cache(const struct figures *f, const char *name)
{
	unsigned int i;

	for (i = 0; i < f->caches; i++)
		if (!strcmp(f->cache[i].name, name))
			return &f->cache[i];
	return NULL;
}

/* The caches that grew most. */
static void tell_caches(const struct figures *before, const struct figures *after)
{
	bool told[MOST_CACHES] = { false };
	unsigned int n, i;

	for (n = 0; n < TELL_CACHES; n++) {
		unsigned int best = MOST_CACHES;
		long most = 0, old_active = 0;

		for (i = 0; i < after->caches; i++) {
			const struct cache *old = find_cache(before, after->cache[i].name);
			long grown = after->cache[i].kib - (old ? old->kib : 0);

			if (told[i] || grown <= most)
				continue;
			most = grown;
			best = i;
			old_active = old ? old->active : 0;
		}
		if (best == MOST_CACHES)
			return;
		told[best] = true;
		explain("slab cache %s: %ld KiB more, %ld objects of %ld bytes were %ld",
			after->cache[best].name, most, after->cache[best].active,
			after->cache[best].size, old_active);
	}
}

/* What the checkers of a debug kernel know of others' objects, KiB. */
static long checkers_slab(const struct figures *f)
{
	static const char *const names[] = { "kmemleak_object", "kmemleak_scan_area",
					     "debug_objects_cache" };
	const struct cache *c;
	unsigned int i;
	long sum = 0;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		c = find_cache(f, names[i]);
		sum += c ? c->kib : 0;
	}
	return sum;
}

static long grown(const struct figures *before, const struct figures *after)
{
	return after->slab - after->checkers - (before->slab - before->checkers);
}

static void tell_figures(const struct figures *f, const char *when)
{
	explain("%s: slab %ld KiB, %ld of them the checkers'; stacks, page tables and per-CPU %ld KiB; references of the module %ld",
		when, f->slab, f->checkers, f->rest, f->refs);
}

static void take_figures(struct figures *f, const char *when)
{
	static const char *const slab[] = { "Slab", NULL };
	static const char *const rest[] = { "KernelStack", "PageTables", "Percpu", NULL };

	shrink_slabs();
	*f = (struct figures) {
		.slab = meminfo(slab),
		.rest = meminfo(rest),
		.refs = read_number("/sys/module/holm/refcnt"),
	};
	read_caches(f);
	f->checkers = checkers_slab(f);
	if (when)
		tell_figures(f, when);
}

/* What RCU frees, and what is freed by work that waits, comes back by and by. */
static void take_last_figures(struct figures *f, const struct figures *before)
{
	unsigned int i;

	for (i = 0; i < 10; i++) {
		take_figures(f, NULL);
		if (grown(before, f) < MOST_SLAB_KIB / 4)
			break;
		sleep(1);
	}
	tell_figures(f, "after");
	tell_caches(before, f);
}

/* A thread gets to run on each CPU that is online. */
static bool cpus_answer(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF), cpu;
	cpu_set_t all, one;

	sched_getaffinity(0, sizeof(all), &all);
	for (cpu = 0; cpu < cpus; cpu++) {
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (!sched_setaffinity(0, sizeof(one), &one) && sched_getcpu() != cpu)
			return false;
	}
	sched_setaffinity(0, sizeof(all), &all);
	return true;
}

static bool is_intel(void)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[128];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, "GenuineIntel");
	if (f)
		fclose(f);
	return found;
}

/* No register that a program can read tells of VMX: KVM does, which refuses CPUs in use. */
static int cpus_with_vmx(void)
{
	glob_t paths;
	int missing = glob("/lib/modules/*/kernel/arch/x86/kvm/kvm-intel.ko", 0, NULL, &paths);

	if (missing)
		return -1;
	globfree(&paths);
	if (system("modprobe kvm_intel"))
		return 1;
	return system("modprobe -r kvm_intel") ? -1 : 0;
}

/* Without a VM no CPU has virtualization on: -1 when there is no way to know. */
static int cpus_with_svm(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF), cpu;
	int on = 0;

	for (cpu = 0; cpu < cpus; cpu++) {
		uint64_t efer;
		char path[40];
		ssize_t n;
		int fd;

		snprintf(path, sizeof(path), "/dev/cpu/%ld/msr", cpu);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return -1;
		n = pread(fd, &efer, sizeof(efer), EFER);
		close(fd);
		if (n != sizeof(efer))
			return -1;
		on += !!(efer & EFER_SVME);
	}
	return on;
}

static void enter_cgroup(const char *path)
{
	char procs[80], pid[20];

	snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
	snprintf(pid, sizeof(pid), "%d", getpid());
	write_text(procs, pid);
}

/* Slabs and pages of those who are gone, charged to the group that they were in. */
static void check_cgroup(bool had)
{
	long now = -1;
	unsigned int i;

	if (!had) {
		skip("no memory controller", "storm: the memory cgroup is empty again");
		return;
	}
	/* What RCU frees, and what the CPUs keep in stock, comes back by and by. */
	for (i = 0; i < 50; i++) {
		write_text(CGROUP "/memory.reclaim", "64M");
		now = read_number(CGROUP "/memory.current") / 1024;
		if (now <= MOST_CGROUP_KIB)
			break;
		usleep(100000);
	}
	explain("memory cgroup: %ld KiB of %ld KiB at the most", now,
		read_number(CGROUP "/memory.peak") / 1024);
	result(now >= 0 && now <= MOST_CGROUP_KIB, "storm: the memory cgroup is empty again");
	result(!rmdir(CGROUP), "storm: the memory cgroup can be removed");
}

static void compare_figures(const struct figures *before, const struct figures *after)
{
	int on = is_intel() ? cpus_with_vmx() : cpus_with_svm();

	result(grown(before, after) < MOST_SLAB_KIB, "storm: slabs do not grow");
	result(after->rest - before->rest < MOST_SLAB_KIB,
	       "storm: stacks, page tables and per-CPU memory do not grow");
	expect(after->refs, before->refs, "storm: references of the module");
	result(cpus_answer(), "storm: all CPUs answer");
	if (on < 0)
		skip("no way to know", "storm: virtualization is off on all CPUs");
	else
		expect(on, 0, "storm: virtualization is off on all CPUs");
}

/* ---- the storm ------------------------------------------------------------ */

static int run_stormers(unsigned int stormers, unsigned int rounds)
{
	pid_t pids[STORMERS];
	unsigned int i;
	int status, bad = 0;

	fflush(stdout);
	for (i = 0; i < stormers; i++) {
		pids[i] = fork();
		if (!pids[i]) {
			enter_cgroup(CGROUP);
			_exit(stormer(i, rounds));
		}
	}
	for (i = 0; i < stormers; i++) {
		if (pids[i] < 0 || waitpid(pids[i], &status, 0) != pids[i] || status) {
			explain("process %u: status 0x%x", i, status);
			bad++;
		}
	}
	return bad;
}

static void test_kill(void)
{
	unsigned int stormers = quick ? 2 : STORMERS;
	unsigned int rounds = storm_victims ? (storm_victims + stormers - 1) / stormers :
			      quick ? 3 : 15;
	static struct figures before, after;
	bool cgroup;

	write_text("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	cgroup = !mkdir(CGROUP, 0755) && read_number(CGROUP "/memory.current") >= 0;
	/* For all that is made on first use and kept. */
	run_stormers(stormers, 1 + rounds / 10);
	take_figures(&before, "before");
	result(!run_stormers(stormers, rounds), "storm: %u processes with VMs were killed",
	       stormers * rounds);
	take_last_figures(&after, &before);
	compare_figures(&before, &after);
	check_cgroup(cgroup);
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
