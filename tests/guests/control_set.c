// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What vm-set does to a guest that runs, and what stats-get counts of it: with
 * real exits of a real vCPU.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control.h"
#include "libholm/control.h"

/* 16-bit code. */
static const char works[] = "\xe6\xf4\xeb\xfc";	/* 1: out %al, $0xf4; jmp 1b */
/* 1: xor %eax, %eax; cpuid; jmp 1b */
static const char asks[] = "\x66\x31\xc0\x0f\xa2\xeb\xf9";
static const char sleeps[] = "\xfa\xf4";	/* cli; hlt */

static const struct holm_vm_change pause_it = { .what = HOLM_CHANGE_PAUSED, .paused = true };
static const struct holm_vm_change resume_it = { .what = HOLM_CHANGE_PAUSED };

static struct holm_ctl *ctl;
static uint32_t id;

/* ---- what there is -------------------------------------------------------------- */

static struct holm_vm_info vm_now(void)
{
	struct holm_vm_info vm = { 0 };

	if (holm_ctl_vm(ctl, id, &vm))
		bad("vm-get: %s", holm_ctl_error(ctl));
	return vm;
}

static struct holm_vcpu_info vcpu_now(void)
{
	struct holm_vcpu_info *vcpus = NULL, vcpu = { 0 };
	size_t n = 0;

	if (holm_ctl_vcpus(ctl, id, &vcpus, &n) || n != 1)
		bad("vcpu-get: %zu: %s", n, holm_ctl_error(ctl));
	else
		vcpu = vcpus[0];
	free(vcpus);
	return vcpu;
}

/* The exits grow; as long as a slow machine may need. */
static void expect_to_run(void)
{
	uint64_t before = vm_now().exits;
	unsigned int tries;

	for (tries = 0; tries < 6000; tries++) {
		if (vm_now().exits > before + 2)
			return;
		usleep(10000);
	}
	bad("it does not run");
}

static int set(const struct holm_vm_change *change)
{
	return holm_ctl_set(ctl, id, change);
}

/* A change that is refused with @err and words that have @text. */
static void refused(const struct holm_vm_change *change, int err, const char *text)
{
	int ret = set(change);

	if (ret != err)
		bad("\"%s\" expected: %d, not %d", text, ret, err);
	else if (!strstr(holm_ctl_error(ctl), text))
		bad("\"%s\" expected: %s", text, holm_ctl_error(ctl));
}

/* ---- events --------------------------------------------------------------------- */

static struct {
	unsigned int n;
	uint32_t event[16];
	char name[16][HOLM_NAME_MAX + 1];
} heard;

static void hear(const struct holm_event_info *event, void *arg)
{
	(void)arg;
	if (event->vm != id || heard.n == ARRAY_SIZE(heard.event))
		return;
	memcpy(heard.name[heard.n], event->name, sizeof(event->name));
	heard.event[heard.n++] = event->event;
}

static void expect_events(struct holm_ctl *ear, unsigned int n, const uint32_t *events)
{
	struct pollfd p = { .fd = holm_ctl_fd(ear), .events = POLLIN };
	unsigned int i;

	while (heard.n < n && poll(&p, 1, 60000) > 0)
		if (holm_ctl_receive(ear, hear, NULL))
			bad("events: %s", holm_ctl_error(ear));
	if (heard.n != n)
		bad("%u events, expected %u", heard.n, n);
	for (i = 0; i < n && i < heard.n; i++)
		if (heard.event[i] != events[i])
			bad("event %u is %s", i, holm_vm_event_name(heard.event[i]));
}

/* ---- pause, name ------------------------------------------------------------------ */

static void pauses(void)
{
	static const uint32_t events[] = { HOLM_VM_EVENT_PAUSED, HOLM_VM_EVENT_RESUMED };
	struct holm_ctl *ear;
	uint64_t exits;

	heard.n = 0;
	if (holm_ctl_open(&ear) || holm_ctl_listen(ear))
		bad("cannot listen: %s", holm_ctl_error(ear));
	expect_to_run();
	/* A second time changes nothing, and is no event. */
	if (set(&pause_it) || set(&pause_it))
		bad("pause: %s", holm_ctl_error(ctl));
	exits = vm_now().exits;
	usleep(200000);
	if (vm_now().state != HOLM_VM_STATE_PAUSED)
		bad("the state is %s", holm_vm_state_name(vm_now().state));
	if (vm_now().exits != exits)
		bad("it runs on");
	if (vcpu_now().in_guest)
		bad("its vCPU is in the guest");
	if (set(&resume_it) || set(&resume_it))
		bad("resume: %s", holm_ctl_error(ctl));
	expect_to_run();
	if (vm_now().state != HOLM_VM_STATE_RUNNING)
		bad("the state is %s", holm_vm_state_name(vm_now().state));
	expect_events(ear, ARRAY_SIZE(events), events);
	holm_ctl_close(ear);
	done("a guest that is paused does not run, and goes on when it is resumed");
}

static void names(void)
{
	static const uint32_t events[] = { HOLM_VM_EVENT_RENAMED };
	struct holm_vm_change change = { .what = HOLM_CHANGE_NAME, .name = "renamed" };
	static const char *const wrong[] = {
		"line\nfeed", "two words", "-option", ".", "a/b", "$(x)", "\xc3\xa9", "\x7f",
	};
	char name[HOLM_NAME_MAX + 2];
	struct holm_ctl *ear;
	unsigned int i;

	heard.n = 0;
	if (holm_ctl_open(&ear) || holm_ctl_listen(ear))
		bad("cannot listen: %s", holm_ctl_error(ear));
	if (set(&change))
		bad("rename: %s", holm_ctl_error(ctl));
	if (strcmp(vm_now().name, "renamed") || vm_id("renamed") != id || vm_id("works"))
		bad("its name is %s", vm_now().name);
	expect_events(ear, ARRAY_SIZE(events), events);
	if (strcmp(heard.name[0], "renamed"))
		bad("the event is of %s", heard.name[0]);
	holm_ctl_close(ear);
	memset(name, 'x', sizeof(name));
	name[HOLM_NAME_MAX] = '\0';
	change.name = name;
	if (set(&change) || strcmp(vm_now().name, name))
		bad("the longest name: %s", holm_ctl_error(ctl));
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		change.name = wrong[i];
		refused(&change, -EINVAL, "letters");
		if (strcmp(vm_now().name, name))
			bad("it took it all the same");
	}
	done("a guest gets another name");
}

/* ---- parameters ------------------------------------------------------------------- */

static void parameters(void)
{
	struct holm_vm_change change = { .what = HOLM_CHANGE_HALT_POLL, .halt_poll_ns = 12345 };
	struct holm_vm_info vm;

	if (set(&change) || vm_now().halt_poll_ns != 12345)
		bad("halt-poll: %s", holm_ctl_error(ctl));
	/* All or nothing. */
	change.what |= HOLM_CHANGE_NAME;
	change.name = "not-this-one";
	change.halt_poll_ns = 1000000001;
	refused(&change, -ERANGE, "second");
	vm = vm_now();
	if (vm.halt_poll_ns != 12345 || !strcmp(vm.name, "not-this-one"))
		bad("a part of it was done");
	change.what = 0;
	refused(&change, -EINVAL, "what to change");

	change.what = HOLM_CHANGE_PLE_GAP | HOLM_CHANGE_PLE_WINDOW;
	change.ple_gap = 111;
	change.ple_window = 2222;
	if (!vm.has_ple) {
		refused(&change, -EOPNOTSUPP, "PAUSE loops");
	} else {
		if (set(&change) || vm_now().ple_gap != 111 || vm_now().ple_window != 2222)
			bad("PLE: %s", holm_ctl_error(ctl));
		expect_to_run();
		change.ple_window = 0;
		if (set(&change))
			bad("PLE off: %s", holm_ctl_error(ctl));
		expect_to_run();
	}
	done("parameters of a guest that runs are changed%s",
	     vm.has_ple ? "" : ", but for PAUSE loops, which this CPU does not see");
}

/* ---- statistics --------------------------------------------------------------------- */

static struct holm_stats_info stats_of(uint32_t reason, bool reset)
{
	struct holm_stats_info *stats = NULL, found = { 0 };
	size_t n = 0, i;

	if (holm_ctl_stats(ctl, id, reset, &stats, &n))
		bad("stats-get: %s", holm_ctl_error(ctl));
	for (i = 0; i < n; i++)
		if (stats[i].vm == id && stats[i].vcpu == 0 && stats[i].reason == reason)
			found = stats[i];
	free(stats);
	return found;
}

static uint64_t in_histogram(const struct holm_stats_info *stats)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(stats->histogram); i++)
		n += stats->histogram[i];
	return n;
}

static void statistics(uint32_t reason, const char *what)
{
	struct holm_vm_change change = { .what = HOLM_CHANGE_STATS, .stats = true };
	struct holm_stats_info a, b;
	struct holm_vcpu_info vcpu;
	uint64_t exits;
	unsigned int tries;

	if (vm_now().stats || stats_of(reason, false).count)
		bad("statistics are on");
	if (vcpu_now().has_times)
		bad("there are times");
	if (set(&change) || !vm_now().stats)
		bad("statistics: %s", holm_ctl_error(ctl));
	for (tries = 0; tries < 6000 && stats_of(reason, false).count < 100 && !is_bad(); tries++)
		usleep(10000);
	a = stats_of(reason, false);
	if (a.count < 100)
		bad("%llu exits by %s", (unsigned long long)a.count, what);
	/* The last one may not have ended yet, and the next be counted. */
	if (in_histogram(&a) + 2 < a.count || in_histogram(&a) > a.count + 2)
		bad("%llu exits, of them %llu in the histogram", (unsigned long long)a.count,
		    (unsigned long long)in_histogram(&a));
	if (!a.time_ns)
		bad("they took no time");
	vcpu = vcpu_now();
	/* Of exits that all go to the launcher the time is the launcher's. */
	if (!vcpu.has_times || !vcpu.guest_ns || !(vcpu.kernel_ns + vcpu.user_ns))
		bad("no times of the vCPU");
	if (!vcpu.has_reasons || vcpu.by_reason[reason] < a.count)
		bad("the vCPU has other counts");

	/* Paused, nothing is counted, and a reset leaves nothing. */
	change.what |= HOLM_CHANGE_PAUSED;
	change.paused = true;
	if (set(&change))
		bad("pause: %s", holm_ctl_error(ctl));
	b = stats_of(reason, true);
	if (b.count < a.count)
		bad("they became fewer");
	if (stats_of(reason, false).count)
		bad("there are some after a reset");
	change.what = HOLM_CHANGE_PAUSED | HOLM_CHANGE_STATS;
	change.paused = false;
	change.stats = false;
	exits = vm_now().exits;
	if (set(&change))
		bad("resume: %s", holm_ctl_error(ctl));
	for (tries = 0; tries < 6000 && vm_now().exits < exits + 100; tries++)
		usleep(10000);
	/* One that was under way may have been counted. */
	if (stats_of(reason, false).count > 1)
		bad("exits are counted without statistics");
	done("exits by %s are counted and timed", what);
}

void changes(void)
{
	struct vm vm;

	if (holm_ctl_open(&ctl))
		bad("cannot connect: %s", holm_ctl_error(ctl));

	vm = guest_start(OWNER, "works", works, sizeof(works) - 1);
	id = vm_id("works");
	pauses();
	names();
	parameters();
	statistics(HOLM_EXIT_REASON_IO, "io");
	vm_end(&vm);

	vm = guest_start(OWNER, "asks", asks, sizeof(asks) - 1);
	id = vm_id("asks");
	statistics(HOLM_EXIT_REASON_CPUID, "cpuid");
	/* It is paused, and its launcher dies: nothing keeps it. */
	if (set(&pause_it))
		bad("pause: %s", holm_ctl_error(ctl));
	if (holm_ctl_kill(ctl, id) || !vm_was_killed(&vm))
		bad("it lives");
	done("a guest that is paused can be killed");

	vm = guest_start(OWNER, "sleeps", sleeps, sizeof(sleeps) - 1);
	id = vm_id("sleeps");
	if (set(&pause_it) || vm_now().state != HOLM_VM_STATE_PAUSED ||
	    set(&resume_it) || vm_now().state != HOLM_VM_STATE_RUNNING)
		bad("%s: %s", holm_vm_state_name(vm_now().state), holm_ctl_error(ctl));
	vm_end(&vm);
	done("a guest that sleeps for good is paused and resumed");
	holm_ctl_close(ctl);
}
