// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * holm-guests: micro-guests and what they must do. Prints TAP.
 *
 * holm-torture: the same program: those of several vCPUs, while everything
 * around them changes. holm-overcommit: those whose memory the host does not
 * have.
 *
 * usage: holm-guests [-a] [-x N] [PART-OF-NAME...]
 *
 *        holm-torture SECONDS [PART-OF-NAME...]
 *
 *        holm-overcommit [GUESTS [ROUNDS]]
 *
 * -a: run also what would be skipped
 * -x N: N times as many rounds where several vCPUs do something
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "guest.h"
#include "overcommit.h"
#include "run.h"
#include "torture.h"

struct hypervisor hv = { .dev = -1, .rounds = 1, .patience = 1 };

static cpu_set_t all_cpus;	/* tests may restrict themselves to fewer */
static char **filters;
static bool no_skip, only_failures;
static unsigned int count, failures;

const struct holm_cpuid_entry *hv_cpuid(uint32_t function, uint32_t index)
{
	unsigned int i;

	for (i = 0; i < hv.cpuid_nent; i++) {
		const struct holm_cpuid_entry *e = &hv.cpuid[i];

		if (e->function == function &&
		    (!(e->flags & HOLM_CPUID_INDEX) || e->index == index))
			return e;
	}
	return NULL;
}

bool hv_has(uint32_t function, uint32_t index, int reg, int bit)
{
	const struct holm_cpuid_entry *e = hv_cpuid(function, index);

	return e && (&e->eax)[reg] & BIT(bit);
}

bool guest_wanted(const char *name)
{
	char **f;

	if (only_failures && (failures || !torture_goes_on()))
		return false;
	for (f = filters; *f; f++)
		if (strstr(name, *f))
			return true;
	return f == filters;
}

void guest_result(const char *name, bool ok, const char *why)
{
	char *copy, *line, *save = NULL;

	count++;
	if (!ok || !only_failures)
		printf("%sok %u - %s\n", ok ? "" : "not ", count, name);
	if (ok)
		return;
	failures++;
	copy = strdup(why);
	for (line = copy ? strtok_r(copy, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save))
		printf("# %s\n", line);
	free(copy);
}

void guest_skip(const char *name, const char *reason)
{
	if (guest_wanted(name))
		printf("ok %u - %s # SKIP %s\n", ++count, name, reason);
}

/* Run @fn on @g, which may be NULL when it could not be made. */
static void test_one(const char *name, struct guest *g, void (*fn)(struct guest *g))
{
	if (!g) {
		guest_result(name, false, "no guest could be made");
		return;
	}
	watchdog_start();
	if (!g->failed)
		fn(g);
	watchdog_stop();
	sched_setaffinity(0, sizeof(all_cpus), &all_cpus);
	guest_result(name, !g->failed, g->why);
	guest_free(g);
}

void guest_test(const char *name, void (*fn)(struct guest *g))
{
	if (guest_wanted(name))
		test_one(name, guest_new(), fn);
}

void guest_test_with(const char *name, void *priv, void (*fn)(struct guest *g))
{
	struct guest *g;

	if (!guest_wanted(name))
		return;
	g = guest_new();
	if (g)
		g->priv = priv;
	test_one(name, g, fn);
}

void guest_test_mode(const char *name, enum guest_mode mode, void (*fn)(struct guest *g))
{
	struct guest *g;

	if (!guest_wanted(name))
		return;
	g = guest_new();
	if (g)
		guest_mode(g, mode);
	test_one(name, g, fn);
}

static void run_row(struct guest *g)
{
	const struct guest_row *row = g->priv;

	g->priv = NULL;
	guest_mode(g, row->mode);
	g->call = row->call;
	g->regs.rip = row->entry;
	if (row->setup)
		row->setup(g);
	if (g->failed)
		return;
	guest_start(g, g->regs.rip);
	guest_run(g);
	guest_expect(g, row->events, row->end ? row->end : HOLM_EXIT_IO);
	if (!g->failed && row->check) {
		row->check(g);
		if (g->failed)
			guest_dump(g);
	}
}

void guest_rows(const char *table, const struct guest_row *rows, unsigned int n)
{
	unsigned int i;
	char name[128];

	for (i = 0; i < n; i++) {
		const char *reason = rows[i].skip && !no_skip ? rows[i].skip() : NULL;
		struct guest *g;

		snprintf(name, sizeof(name), "%s/%s", table, rows[i].name);
		if (!guest_wanted(name))
			continue;
		if (reason) {
			guest_skip(name, reason);
			continue;
		}
		g = guest_new();
		if (g)
			g->priv = (void *)&rows[i];
		test_one(name, g, run_row);
	}
}

static int open_hypervisor(void)
{
	int err;

	hv.dev = holm_open(NULL);
	if (hv.dev < 0) {
		printf("Bail out! %s: %s\n", HOLM_DEVICE_PATH, strerror(-hv.dev));
		return -1;
	}
	err = holm_get_caps(hv.dev, &hv.caps);
	if (err) {
		printf("Bail out! HOLM_GET_CAPS: %s\n", strerror(-err));
		return -1;
	}
	hv.cpuid = holm_get_supported_cpuid(hv.dev, &hv.cpuid_nent);
	if (!hv.cpuid) {
		printf("Bail out! HOLM_GET_SUPPORTED_CPUID: %s\n", strerror(errno));
		return -1;
	}
	hv.intel = hv.caps.backend == HOLM_BACKEND_VMX;
	hv.amd = hv.caps.backend == HOLM_BACKEND_SVM;
	emulator_detect();
	return 0;
}

/* Memory is beside the guests' own: see overcommit.c. */
static int memory_main(int argc, char **argv)
{
	int ret;

	if (open_hypervisor())
		return 1;
	filters = argv + argc;
	ret = overcommit_main(argc, argv);
	if (!ret)
		printf("1..%u\n", count);
	close(hv.dev);
	return ret ? ret : failures != 0;
}

/* holm-torture SECONDS [PART-OF-NAME...] */
static int torture_main(int argc, char **argv)
{
	unsigned long seconds = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	unsigned int rounds;

	if (!seconds) {
		fprintf(stderr, "usage: %s SECONDS [PART-OF-NAME...]\n", argv[0]);
		return 2;
	}
	filters = argv + 2;
	only_failures = true;
	hv.rounds = 3;
	/* The disturbance takes most of the time. */
	hv.patience = 4;
	if (open_hypervisor())
		return 1;
	if (torture_begin(seconds))
		return 1;
	for (rounds = 0; torture_goes_on() && !failures; rounds++)
		test_smp();
	only_failures = false;
	printf("# all rows %u times, %u in all\n", rounds, count);
	count = 0;
	torture_end();
	guest_result("torture: all rows", !failures, "a row failed");
	printf("1..%u\n", count);
	close(hv.dev);
	return failures != 0;
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/');
	int option;

	setvbuf(stdout, NULL, _IOLBF, 0);
	sched_getaffinity(0, sizeof(all_cpus), &all_cpus);
	watchdog_init();
	name = name ? name + 1 : argv[0];
	if (!strcmp(name, "holm-torture"))
		return torture_main(argc, argv);
	if (!strcmp(name, "holm-overcommit"))
		return memory_main(argc, argv);

	while ((option = getopt(argc, argv, "+ax:")) >= 0) {
		if (option == 'a')
			no_skip = true;
		else if (option == 'x')
			hv.rounds = strtoul(optarg, NULL, 10);
		if (option == '?' || !hv.rounds) {
			fprintf(stderr, "usage: %s [-a] [-x N] [PART-OF-NAME...]\n", argv[0]);
			return 2;
		}
	}
	filters = argv + optind;
	if (open_hypervisor())
		return 1;
	if (hv.caps.features & HOLM_CAP_APICV)
		printf("# virtual-interrupt delivery\n");

	test_modes();
	test_exceptions();
	test_io();
	test_cpuid_msr();
	test_mmio();
	test_fpu();
	test_memory();
	test_events();
	test_debug();
	test_timer();
	test_x2apic();
	test_state();
	test_pv();
	test_eventfd();
	test_smp();

	printf("1..%u\n", count);
	free(hv.cpuid);
	close(hv.dev);
	return failures || !count;
}
