// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What slot-get and vm-get say of memory, compared with what a guest touched; which
 * features of a VM are in use; and what host-get and HOLM_GET_CAPS say that is done
 * against leaks.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control_machine.h"
#include "libholm/control.h"

#define MANY_SLOTS	300

#define MSR_SYSTEM_TIME	0x4b564d01
#define MSR_ASYNC_PF	0x4b564d02
#define MSR_STEAL_TIME	0x4b564d03
#define MSR_PV_EOI	0x4b564d04
#define MSR_ASYNC_INT	0x4b564d06

/* ---- asking ------------------------------------------------------------------- */

static struct raw raw;
static char text[256];

static int ask_slot(uint32_t vm, uint32_t slot, struct answer *answer)
{
	struct request r;
	size_t n;
	int err;

	memset(answer, 0, sizeof(*answer));
	request_begin(&r, &raw, HOLM_CMD_SLOT_GET, 0);
	request_add(&r, HOLM_A_SLOT_VM, &vm, 4);
	request_add(&r, HOLM_A_SLOT_SLOT, &slot, 4);
	err = request_answers(&raw, &r, answer, 1, &n, text, sizeof(text));
	return err ?: n == 1 ? 0 : -EPROTO;
}

/* Return: how many there are, of which the first @room are in @answers; or -errno. */
static int ask_slots(const uint32_t *vm, const uint32_t *slot, struct answer *answers, size_t room)
{
	struct request r;
	size_t n;
	int err;

	request_begin(&r, &raw, HOLM_CMD_SLOT_GET, NLM_F_DUMP);
	if (vm)
		request_add(&r, HOLM_A_SLOT_VM, vm, 4);
	if (slot)
		request_add(&r, HOLM_A_SLOT_SLOT, slot, 4);
	err = request_answers(&raw, &r, answers, room, &n, text, sizeof(text));
	return err ?: (int)n;
}

static int ask_vm(uint32_t id, struct answer *answer)
{
	struct request r;
	size_t n;
	int err;

	memset(answer, 0, sizeof(*answer));
	request_begin(&r, &raw, HOLM_CMD_VM_GET, 0);
	request_add(&r, HOLM_A_VM_ID, &id, 4);
	err = request_answers(&raw, &r, answer, 1, &n, text, sizeof(text));
	return err ?: n == 1 ? 0 : -EPROTO;
}

static void expect_value(const struct answer *a, unsigned int attr, const char *name,
			 uint64_t want)
{
	if (!a->there[attr])
		bad("no %s", name);
	if (a->value[attr] != want)
		bad("%s is %llu, expected %llu", name, (unsigned long long)a->value[attr],
		    (unsigned long long)want);
}

#define EXPECT(a, attr, want)	expect_value(a, attr, #attr, want)

/*
 * The slot has so many pages of 4K and no others, and all slots so many in vm-get;
 * @dirty: -1: writes are not logged.
 */
static void expect_pages(const struct machine *m, unsigned int pages, int dirty)
{
	struct answer slot, code, vm;
	int err;

	err = ask_slot(m->id, MEM_SLOT, &slot);
	if (!err)
		err = ask_slot(m->id, 0, &code);
	if (!err)
		err = ask_vm(m->id, &vm);
	if (err) {
		bad("error %d (%s)", err, text);
		return;
	}
	EXPECT(&slot, HOLM_A_SLOT_VM, m->id);
	EXPECT(&slot, HOLM_A_SLOT_SLOT, MEM_SLOT);
	EXPECT(&slot, HOLM_A_SLOT_GPA, MEM_GPA);
	EXPECT(&slot, HOLM_A_SLOT_SIZE, MEM_SIZE);
	EXPECT(&slot, HOLM_A_SLOT_FLAGS, dirty < 0 ? 0 : HOLM_SLOT_LOG_DIRTY);
	EXPECT(&slot, HOLM_A_SLOT_PAGES_4K, pages);
	EXPECT(&slot, HOLM_A_SLOT_PAGES_2M, 0);
	EXPECT(&slot, HOLM_A_SLOT_PAGES_1G, 0);
	if (dirty >= 0)
		EXPECT(&slot, HOLM_A_SLOT_DIRTY, dirty);
	else if (slot.there[HOLM_A_SLOT_DIRTY])
		bad("dirty pages of a slot whose writes are not logged");
	EXPECT(&vm, HOLM_A_VM_PAGES_4K, pages + code.value[HOLM_A_SLOT_PAGES_4K]);
	EXPECT(&vm, HOLM_A_VM_PAGES_2M, 0);
	EXPECT(&vm, HOLM_A_VM_PAGES_1G, 0);
	if (!(vm.value[HOLM_A_VM_FEATURES] & HOLM_VM_FEATURE_DIRTY_LOG) != (dirty < 0))
		bad("features of the VM: 0x%llx",
		    (unsigned long long)vm.value[HOLM_A_VM_FEATURES]);
}

static void expect_none(uint32_t vm, uint32_t slot, const char *what)
{
	struct answer a;
	int err = ask_slot(vm, slot, &a);

	if (err != -ENOENT || strcmp(text, what))
		bad("slot 0x%x: error %d, \"%s\", expected \"%s\"", slot, err, text, what);
}

/* ---- pages ---------------------------------------------------------------------- */

static void touched(struct machine *m)
{
	static uint64_t log[MEM_PAGES / 64];
	struct answer code;
	unsigned int i, bits = 0;
	int err;

	expect_pages(m, 0, -1);
	done("slot-get: a slot that nobody touched has no pages");

	err = machine_touch(m, true, 0, 100) ?: ask_slot(m->id, 0, &code);
	if (err)
		bad("error %d", err);
	EXPECT(&code, HOLM_A_SLOT_PAGES_4K, 1);
	EXPECT(&code, HOLM_A_SLOT_GPA, 0);
	EXPECT(&code, HOLM_A_SLOT_SIZE, CODE_SIZE);
	expect_pages(m, 100, -1);
	done("slot-get, vm-get: 100 pages written are 100 pages");

	err = machine_touch(m, false, 50, 100) ?: machine_touch(m, true, MEM_PAGES - 1, 1) ?:
	      machine_touch(m, false, 4096, 1000);
	if (err)
		bad("error %d", err);
	expect_pages(m, 1151, -1);
	done("slot-get, vm-get: pages read count, and none twice");

	/* The kernel takes them back. */
	if (madvise(m->mem + 10 * PAGE, 20 * PAGE, MADV_DONTNEED))
		bad("madvise: %s", strerror(errno));
	expect_pages(m, 1131, -1);
	done("slot-get, vm-get: pages that the launcher gave up do not count");

	err = holm_vm_set_slot(m->vm, MEM_SLOT, HOLM_SLOT_LOG_DIRTY, MEM_GPA, MEM_SIZE, m->mem);
	if (err)
		bad("error %d", err);
	expect_pages(m, 1131, 0);
	done("slot-get: a log of writes begins empty");

	err = machine_touch(m, true, 30, 10) ?: machine_touch(m, false, 4096, 50) ?:
	      machine_touch(m, true, MEM_PAGES - 1, 1) ?: machine_touch(m, true, 2000, 5);
	if (err)
		bad("error %d", err);
	expect_pages(m, 1136, 16);
	done("slot-get: pages written while that is logged are dirty");

	err = holm_vm_get_dirty_log(m->vm, MEM_SLOT, 0, MEM_PAGES, log);
	if (err)
		bad("error %d", err);
	for (i = 0; i < ARRAY_SIZE(log); i++)
		bits += __builtin_popcountll(log[i]);
	if (bits != 16)
		bad("the log has %u pages", bits);
	expect_pages(m, 1136, 0);
	err = machine_touch(m, true, 30, 3);
	if (err)
		bad("error %d", err);
	expect_pages(m, 1136, 3);
	done("slot-get: a log that was read begins anew");

	err = holm_vm_set_slot(m->vm, MEM_SLOT, 0, MEM_GPA, MEM_SIZE, m->mem) ?:
	      machine_touch(m, true, 0, MEM_PAGES);
	if (err)
		bad("error %d", err);
	expect_pages(m, MEM_PAGES, -1);
	done("slot-get, vm-get: a slot without a log, all of it");
}

static void refused(struct machine *m)
{
	static const uint32_t numbers[] = { 1, MEM_SLOT - 1, MEM_SLOT + 1, HOLM_MAX_SLOTS - 1,
					    HOLM_MAX_SLOTS, HOLM_MAX_SLOTS + 1, 0x7fffffff,
					    0x80000000, 0xffffffff };
	struct answer a[2];
	unsigned int i;
	int err, n;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		expect_none(m->id, numbers[i], "no such slot");
		n = ask_slots(&m->id, &numbers[i], NULL, 0);
		if (n)
			bad("a dump of slot 0x%x: %d", numbers[i], n);
	}
	done("slot-get: numbers that are no slot's");

	n = ask_slots(&m->id, NULL, a, 2);
	if (n != 2)
		bad("%d slots, expected 2", n);
	EXPECT(&a[0], HOLM_A_SLOT_SLOT, 0);
	EXPECT(&a[1], HOLM_A_SLOT_SLOT, MEM_SLOT);
	EXPECT(&a[1], HOLM_A_SLOT_PAGES_4K, MEM_PAGES);
	err = holm_vm_set_slot(m->vm, MEM_SLOT, 0, 0, 0, NULL);
	if (err)
		bad("error %d", err);
	expect_none(m->id, MEM_SLOT, "no such slot");
	n = ask_slots(&m->id, NULL, a, 2);
	if (n != 1)
		bad("%d slots, expected 1", n);
	EXPECT(&a[0], HOLM_A_SLOT_SLOT, 0);
	err = ask_vm(m->id, &a[0]);
	if (err)
		bad("vm-get: error %d", err);
	EXPECT(&a[0], HOLM_A_VM_PAGES_4K, 1);
	EXPECT(&a[0], HOLM_A_VM_MEMORY, CODE_SIZE);
	done("slot-get, vm-get: a slot that was removed is gone, and its pages");
	err = holm_vm_set_slot(m->vm, MEM_SLOT, 0, MEM_GPA, MEM_SIZE, m->mem);
	if (err)
		bad("error %d", err);
	expect_pages(m, 0, -1);
	done("slot-get: the same slot again");
}

/* ---- who ------------------------------------------------------------------------- */

struct view {
	int err;		/* of one slot */
	int n;			/* of a dump of all */
	char text[sizeof(text)];
};

static struct view view_as(uid_t uid, uint32_t id)
{
	struct view view = { .err = -EPROTO };
	int pipes[2];
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC))
		return view;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		struct answer a;

		become(uid);
		close(raw.fd);
		if (raw_open(&raw))
			_exit(1);
		view.err = ask_slot(id, 0, &a);
		memcpy(view.text, text, sizeof(text));
		view.n = ask_slots(NULL, NULL, NULL, 0);
		_exit(write(pipes[1], &view, sizeof(view)) != sizeof(view));
	}
	close(pipes[1]);
	if (read(pipes[0], &view, sizeof(view)) != sizeof(view))
		view.err = -EPROTO;
	close(pipes[0]);
	waitpid(pid, NULL, 0);
	return view;
}

/* A process that has a machine with @pages pages touched, as @uid, and lives on or not. */
static pid_t machine_start(uid_t uid, const char *name, unsigned int pages, bool lives)
{
	int pipes[2];
	char ready;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC)) {
		bad("pipe: %s", strerror(errno));
		return -1;
	}
	fflush(stdout);
	pid = fork();
	if (!pid) {
		struct machine m;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (machine_open(&m, uid, name, 0) || machine_touch(&m, true, 0, pages) ||
		    write(pipes[1], "", 1) != 1)
			_exit(1);
		while (lives)
			pause();
		_exit(0);
	}
	close(pipes[1]);
	if (read(pipes[0], &ready, 1) != 1)
		bad("a machine called %s cannot be made", name);
	close(pipes[0]);
	return pid;
}

static void end(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void seen(void)
{
	const struct {
		const char *name;
		uid_t uid;
		int err, n;
		const char *text;
	} rows[] = {
		{ "root", 0, 0, 4, "" },
		{ "the owner", OWNER, 0, 2, "" },
		{ "another user", STRANGER, -ENOENT, 0, "no such virtual machine" },
	};
	pid_t pids[2] = { machine_start(OWNER, "slots-owner", 3, true),
			  machine_start(0, "slots-root", 3, true) };
	uint32_t id = vm_id("slots-owner");
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct view view = view_as(rows[i].uid, id);

		if (view.err != rows[i].err || strcmp(view.text, rows[i].text))
			bad("error %d, \"%s\"", view.err, view.text);
		if (view.n != rows[i].n)
			bad("%d slots, expected %d", view.n, rows[i].n);
		done("slot-get of a user's VM, and of all: %s", rows[i].name);
	}
	end(pids[0]);
	end(pids[1]);
}

/* ---- dumps ------------------------------------------------------------------------- */

static struct answer answers[3 * MANY_SLOTS];

/* Each of slots 100..399 of VM @id once, in order, and what else there is. */
static void expect_many(int n, uint32_t id, unsigned int others)
{
	unsigned int i, next = 100, found = 0;

	for (i = 0; i < (unsigned int)(n < 0 ? 0 : n) && i < ARRAY_SIZE(answers); i++) {
		if (answers[i].value[HOLM_A_SLOT_VM] != id ||
		    answers[i].value[HOLM_A_SLOT_SLOT] < 100)
			continue;
		if (answers[i].value[HOLM_A_SLOT_SLOT] != next++)
			bad("slot %u behind %u", (unsigned int)answers[i].value[HOLM_A_SLOT_SLOT],
			    next - 2);
		found++;
	}
	if (found != MANY_SLOTS)
		bad("%u of %u slots", found, MANY_SLOTS);
	if (n < 0 || (unsigned int)n - found > others)
		bad("%d slots, of which at most %u are others", n, others);
}

struct changer {
	struct machine *m;
	bool end;
	unsigned int changes;
};

/* A slot comes, has its writes logged, is written to, and goes. */
static void *change(void *arg)
{
	struct changer *c = arg;
	struct machine *m = c->m;

	while (!__atomic_load_n(&c->end, __ATOMIC_RELAXED)) {
		if (holm_vm_set_slot(m->vm, MEM_SLOT, 0, MEM_GPA, MEM_SIZE, m->mem) ||
		    machine_touch(m, true, 0, 700) ||
		    holm_vm_set_slot(m->vm, MEM_SLOT, HOLM_SLOT_LOG_DIRTY, MEM_GPA, MEM_SIZE,
				     m->mem) ||
		    machine_touch(m, true, 600, 200) ||
		    holm_vm_set_slot(m->vm, MEM_SLOT, 0, 0, 0, NULL))
			break;
		__atomic_add_fetch(&c->changes, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void many(struct machine *m)
{
	static const uint32_t number = 150, mem_slot = MEM_SLOT;
	struct changer changer = { .m = m };
	pid_t other = machine_start(0, "slots-other", 5, true);
	unsigned int i, round;
	pthread_t thread;
	int err = 0, n;

	for (i = 0; i < MANY_SLOTS && !err; i++)
		err = holm_vm_set_slot(m->vm, 100 + i, 0, (1ULL << 32) + i * 2 * PAGE, PAGE,
				       m->mem + i * PAGE);
	if (err)
		bad("slot %u: error %d", i, err);
	n = ask_slots(&m->id, NULL, answers, ARRAY_SIZE(answers));
	expect_many(n, m->id, 2);
	done("slot-get: a dump of many slots has each of them once");

	n = ask_slots(NULL, NULL, answers, ARRAY_SIZE(answers));
	expect_many(n, m->id, 4);
	if (n != MANY_SLOTS + 4)
		bad("%d slots", n);
	done("slot-get: a dump of all VMs' slots has each of them once");

	n = ask_slots(NULL, &mem_slot, answers, ARRAY_SIZE(answers));
	if (n != 2)
		bad("%d slots, expected 2", n);
	EXPECT(&answers[1], HOLM_A_SLOT_PAGES_4K, 5);
	n = ask_slots(NULL, &number, answers, ARRAY_SIZE(answers));
	if (n != 1)
		bad("%d slots, expected 1", n);
	EXPECT(&answers[0], HOLM_A_SLOT_VM, m->id);
	EXPECT(&answers[0], HOLM_A_SLOT_SLOT, number);
	EXPECT(&answers[0], HOLM_A_SLOT_GPA, (1ULL << 32) + 50 * 2 * PAGE);
	done("slot-get: a dump of one number has the slots that have it");
	end(other);

	err = pthread_create(&thread, NULL, change, &changer);
	if (err)
		bad("a thread: %s", strerror(err));
	for (round = 0; !err && !is_bad() &&
	     (round < 100 || __atomic_load_n(&changer.changes, __ATOMIC_RELAXED) < 20) &&
	     round < 100000; round++) {
		struct answer a;

		n = ask_slots(&m->id, NULL, answers, ARRAY_SIZE(answers));
		expect_many(n, m->id, 2);
		n = ask_slot(m->id, MEM_SLOT, &a);
		if (n && n != -ENOENT)
			bad("slot-get: error %d (%s)", n, text);
		if (!n && a.value[HOLM_A_SLOT_PAGES_4K] > 800)
			bad("%llu pages", (unsigned long long)a.value[HOLM_A_SLOT_PAGES_4K]);
		if (a.there[HOLM_A_SLOT_DIRTY] && a.value[HOLM_A_SLOT_DIRTY] > 200)
			bad("%llu dirty pages", (unsigned long long)a.value[HOLM_A_SLOT_DIRTY]);
	}
	__atomic_store_n(&changer.end, true, __ATOMIC_RELAXED);
	if (!err)
		pthread_join(thread, NULL);
	if (changer.changes < 20)
		bad("%u changes", changer.changes);
	done("slot-get: slots that stay are in each dump, while others come and go");
}

/* VMs end while they are counted: by then this may be what holds them. */
static void ends(struct machine *m)
{
	unsigned int round, others = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(m->vm);
		for (;;) {
			pid_t one = machine_start(0, "slots-end", 2000, false);

			if (is_bad())
				_exit(1);
			waitpid(one, NULL, 0);
		}
	}
	for (round = 0; (round < 300 || others < 20) && round < 100000 && !is_bad(); round++) {
		int n = ask_slots(NULL, NULL, answers, ARRAY_SIZE(answers));

		/* Not the other's end: that would end this loop. */
		if (waitpid(pid, NULL, WNOHANG))
			bad("no more VMs");
		expect_many(n, m->id, ARRAY_SIZE(answers) - MANY_SLOTS);
		others += n > MANY_SLOTS + 1;
	}
	end(pid);
	if (others < 20)
		bad("others were seen in %u of %u rounds", others, round);
	done("slot-get: VMs end while their slots are counted");
}

/* ---- features and mitigations ------------------------------------------------------ */

static void features(struct machine *m)
{
	const struct {
		const char *name;
		uint64_t feature;
		unsigned int cpuid;	/* bit of KVM_FEATURES */
		uint32_t msr;
		uint64_t on;
	} rows[] = {
		{ "kvmclock", HOLM_VM_FEATURE_KVMCLOCK, 3, MSR_SYSTEM_TIME, 0x8001 },
		{ "steal time", HOLM_VM_FEATURE_STEAL_TIME, 5, MSR_STEAL_TIME, 0x8041 },
		{ "EOI without an exit", HOLM_VM_FEATURE_PV_EOI, 6, MSR_PV_EOI, 0x8081 },
		{ "page faults without waiting", HOLM_VM_FEATURE_ASYNC_PAGE_FAULT, 14,
		  MSR_ASYNC_PF, 0x80c0 | 1 | 8 },
	};
	const uint64_t all = HOLM_VM_FEATURE_KVMCLOCK | HOLM_VM_FEATURE_STEAL_TIME |
			     HOLM_VM_FEATURE_PV_EOI | HOLM_VM_FEATURE_ASYNC_PAGE_FAULT |
			     HOLM_VM_FEATURE_TSC_SCALING;
	struct holm_msr vector = { .index = MSR_ASYNC_INT, .value = 0xf3 };
	struct answer a;
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct holm_msr msr = { .index = rows[i].msr, .value = rows[i].on };

		if (!(m->features & 1U << rows[i].cpuid))
			continue;
		if (ask_vm(m->id, &a) || a.value[HOLM_A_VM_FEATURES] & all)
			bad("before: 0x%llx", (unsigned long long)a.value[HOLM_A_VM_FEATURES]);
		if (msr.index == MSR_ASYNC_PF &&
		    holm_vcpu_set_state(&m->vcpu, HOLM_STATE_MSRS, &vector, sizeof(vector)))
			bad("no vector");
		err = holm_vcpu_set_state(&m->vcpu, HOLM_STATE_MSRS, &msr, sizeof(msr));
		if (err)
			bad("MSR 0x%x: error %d", msr.index, err);
		if (ask_vm(m->id, &a) || (a.value[HOLM_A_VM_FEATURES] & all) != rows[i].feature)
			bad("on: 0x%llx", (unsigned long long)a.value[HOLM_A_VM_FEATURES]);
		msr.value = 0;
		err = holm_vcpu_set_state(&m->vcpu, HOLM_STATE_MSRS, &msr, sizeof(msr));
		if (err)
			bad("MSR 0x%x: error %d", msr.index, err);
		if (ask_vm(m->id, &a) || a.value[HOLM_A_VM_FEATURES] & all)
			bad("off: 0x%llx", (unsigned long long)a.value[HOLM_A_VM_FEATURES]);
		done("vm-get: %s is a feature while the guest has it on", rows[i].name);
	}
}

/* Of a VM with another TSC frequency than the host's, where the CPU has that. */
static void scaling(void)
{
	struct holm_caps caps = { 0 };
	struct machine m;
	struct answer a;
	bool scaled;
	int dev = holm_open(NULL);
	int err = holm_get_caps(dev, &caps);

	scaled = caps.features & HOLM_CAP_TSC_SCALING;
	err = err ?: machine_open(&m, 0, "slots-tsc", scaled ? caps.tsc_khz / 2 : 0) ?:
	      ask_vm(m.id, &a);
	if (err)
		bad("error %d", err);
	else if (!(a.value[HOLM_A_VM_FEATURES] & HOLM_VM_FEATURE_TSC_SCALING) == scaled)
		bad("0x%llx", (unsigned long long)a.value[HOLM_A_VM_FEATURES]);
	done("vm-get: a TSC that runs %s", scaled ? "slower than the host's" : "as the host's does");
	if (!err)
		machine_close(&m);
	close(dev);
}

/* /proc/cpuinfo has the flag @name. */
static bool cpu_has(const char *name)
{
	FILE *f = fopen("/proc/cpuinfo", "r");
	char line[8192], want[64];
	bool has = false;

	snprintf(want, sizeof(want), " %s ", name);
	while (f && !has && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = ' ';
		has = !strncmp(line, "flags", 5) && strstr(line, want);
	}
	if (f)
		fclose(f);
	return has;
}

static void mitigations(void)
{
	const uint64_t of_intel = HOLM_MITIGATION_L1D_FLUSH | HOLM_MITIGATION_CPU_BUFFER_CLEAR |
				  HOLM_MITIGATION_NX_HUGE_PAGES | HOLM_MITIGATION_BHB_CLEAR;
	const uint64_t ibpb = HOLM_MITIGATION_IBPB_ON_EXIT | HOLM_MITIGATION_IBPB_ON_SWITCH |
			      HOLM_MITIGATION_IBPB_TO_USER;
	struct holm_caps caps = { 0 };
	struct answer a = { 0 };
	struct request r;
	uint64_t done_here;
	size_t n;
	int dev = holm_open(NULL);
	int err = holm_get_caps(dev, &caps);

	request_begin(&r, &raw, HOLM_CMD_HOST_GET, 0);
	err = err ?: request_answers(&raw, &r, &a, 1, &n, text, sizeof(text));
	if (err)
		bad("error %d (%s)", err, text);
	EXPECT(&a, HOLM_A_HOST_MITIGATIONS, caps.mitigations);
	EXPECT(&a, HOLM_A_HOST_FEATURES, caps.features);
	done("host-get, HOLM_GET_CAPS: the same mitigations");

	done_here = a.value[HOLM_A_HOST_MITIGATIONS];
	if (done_here >= 2 * HOLM_MITIGATION_IBPB_TO_USER)
		bad("0x%llx is more than there are", (unsigned long long)done_here);
	if (caps.backend == HOLM_BACKEND_SVM) {
		if (done_here & of_intel)
			bad("0x%llx is not all AMD's", (unsigned long long)done_here);
		if (!(done_here & HOLM_MITIGATION_IBPB_ON_SWITCH) == cpu_has("ibpb"))
			bad("0x%llx, and the CPU has %s IBPB", (unsigned long long)done_here,
			    cpu_has("ibpb") ? "an" : "no");
	}
	if (!cpu_has("ibpb") && done_here & ibpb)
		bad("0x%llx without IBPB", (unsigned long long)done_here);
	/* There may be SSBD by other means. */
	if (done_here & HOLM_MITIGATION_SPEC_CTRL ?
	    !cpu_has("ibrs") && !cpu_has("stibp") && !cpu_has("ssbd") :
	    cpu_has("ibrs") || cpu_has("stibp"))
		bad("0x%llx: IA32_SPEC_CTRL", (unsigned long long)done_here);
	done("host-get: mitigations that this CPU can have");
	printf("# mitigations 0x%llx\n", (unsigned long long)done_here);
	close(dev);
}

void slots(void)
{
	struct machine m;
	int err;

	if (raw_open(&raw))
		bad("no socket for requests by hand");
	seen();
	err = machine_open(&m, 0, "slots", 0);
	if (err)
		bad("a machine: error %d", err);
	if (is_bad()) {
		done("slots");
		return;
	}
	touched(&m);
	refused(&m);
	features(&m);
	scaling();
	many(&m);
	ends(&m);
	machine_close(&m);
	mitigations();
	close(raw.fd);
}
