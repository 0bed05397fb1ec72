// SPDX-License-Identifier: GPL-2.0-or-later
/* The screen of statistics, on a pseudo-terminal, with numbers made up here. */
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "stats_screen.h"

#define PATIENCE_MS	60000	/* of a test that fails */

/* ---- the other side ---------------------------------------------------------------- */

/**
 * struct fake - what the screen is shown
 * @looks: how often it looked
 * @resets: how often counts began anew
 * @paused: virtual machine 2 is paused
 * @gone: the driver has gone
 */
struct fake {
	unsigned int looks;
	unsigned int resets;
	bool paused;
	bool gone;
};

/* Three machines; another one comes with the first reset, two go with the second. */
static int fake_sample(void *arg, struct stats_sample *s, struct err *e)
{
	struct fake *fake = arg;
	size_t n = fake->resets == 1 ? 4 : fake->resets ? 2 : 3;

	fake->looks++;
	memset(s, 0, sizeof(*s));
	e->msg[0] = '\0';
	if (fake->gone)
		return err_set(e, "the driver is gone");
	s->time_ns = fake->looks * 1000000000ULL;
	s->vms = calloc(n, sizeof(*s->vms));
	s->vcpus = calloc(n, sizeof(*s->vcpus));
	s->stats = calloc(1, sizeof(*s->stats));
	if (!s->vms || !s->vcpus || !s->stats)
		abort();
	s->n_vms = s->n_vcpus = n;
	for (uint32_t i = 0; i < n; i++) {
		s->vms[i].id = i + 1;
		s->vms[i].vcpus = 1;
		s->vms[i].state = HOLM_VM_STATE_RUNNING;
		s->vms[i].resident = 1 << 20;
		snprintf(s->vms[i].name, sizeof(s->vms[i].name), "machine%u", i + 1);
		s->vcpus[i].vm = i + 1;
		s->vcpus[i].counter[0] = (uint64_t)fake->looks * 100 * (i + 1);
	}
	if (fake->paused)
		s->vms[1].state = HOLM_VM_STATE_PAUSED;
	s->n_stats = 1;
	s->stats[0] = (struct holm_stats_info) {
		.vm = 2, .reason = HOLM_EXIT_REASON_CPUID, .count = 4242, .time_ns = 4242000,
		.histogram = { [9] = 4242 },
	};
	return 0;
}

static int fake_reset(void *arg, struct err *e)
{
	struct fake *fake = arg;

	(void)e;
	fake->resets++;
	return 0;
}

static int fake_pause(void *arg, uint32_t vm, bool paused, struct err *e)
{
	struct fake *fake = arg;

	if (vm != 2)
		return err_set(e, "not permitted");
	fake->paused = paused;
	return 0;
}

static const struct stats_ops fake_ops = {
	.sample = fake_sample,
	.reset = fake_reset,
	.pause = fake_pause,
};

static volatile sig_atomic_t stop;

static void on_signal(int signal)
{
	(void)signal;
	stop = 1;
}

/* ---- the terminal ------------------------------------------------------------------ */

/**
 * struct session - a screen in a process of its own
 * @pid: the process
 * @fd: the terminal's other side
 * @text: what was written since the last key
 * @len: how much that is
 */
struct session {
	pid_t pid;
	int fd;
	char text[1 << 16];
	size_t len;
};

static void start(struct session *s, unsigned short rows, unsigned short columns, bool gone,
		  const char *type)
{
	struct winsize size = { .ws_row = rows, .ws_col = columns };
	struct sigaction action = { .sa_handler = on_signal };

	s->len = 0;
	s->pid = forkpty(&s->fd, NULL, NULL, &size);
	assert_true(s->pid >= 0);
	if (!s->pid) {
		struct fake fake = { .gone = gone };
		struct err e;
		int ret;

		setenv("TERM", type, 1);
		unsetenv("LINES");
		unsetenv("COLUMNS");
		sigaction(SIGTERM, &action, NULL);
		ret = stats_screen(&fake_ops, &fake, 1000000000, STATS_BY_EXITS, &stop, &e);
		if (ret)
			printf("%s\n", e.msg);
		fflush(stdout);
		_exit(ret ? 1 : 0);
	}
}

/* Read on; false at the end. */
static bool more(struct session *s)
{
	struct pollfd fd = { .fd = s->fd, .events = POLLIN };
	ssize_t n;

	if (poll(&fd, 1, PATIENCE_MS) <= 0)
		fail_msg("nothing comes; there was:\n%s", s->text);
	if (s->len + 1 >= sizeof(s->text))
		fail_msg("too much comes");
	n = read(s->fd, s->text + s->len, sizeof(s->text) - 1 - s->len);
	if (n <= 0)
		return false;
	s->len += (size_t)n;
	s->text[s->len] = '\0';
	return true;
}

static void expect(struct session *s, const char *text)
{
	while (!strstr(s->text, text)) {
		if (!more(s))
			fail_msg("it ended before \"%s\":\n%s", text, s->text);
	}
}

/* And have all drawn anew, not what is different alone. */
static void type(struct session *s, const char *keys)
{
	char all[32];
	int n = snprintf(all, sizeof(all), "%s\f", keys);

	s->len = 0;
	s->text[0] = '\0';
	assert_int_equal(write(s->fd, all, (size_t)n), n);
}

static int end(struct session *s)
{
	int status;

	while (more(s))
		;
	assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
	close(s->fd);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* ---- the tests --------------------------------------------------------------------- */

static void test_keys(void **state)
{
	static struct session s;

	(void)state;
	start(&s, 24, 100, false, "vt100");
	expect(&s, "machine3");
	type(&s, "s");
	expect(&s, ", by guest");
	type(&s, "h");
	expect(&s, "choose a virtual machine");
	type(&s, "qsss");
	expect(&s, ", by resident");
	/* By number now, all are alike: 1 is below nothing, 2 below it. */
	type(&s, "kkkkjp");
	expect(&s, "machine2 is paused");
	type(&s, "p");
	expect(&s, "machine2 is resumed");
	type(&s, "\r");
	expect(&s, "times of cpuid");
	expect(&s, "####");
	type(&s, "q");
	expect(&s, "machine3");
	type(&s, "r");
	expect(&s, "counts by reason begin at 0");
	expect(&s, "machine4");
	type(&s, "s");
	expect(&s, ", by name");
	type(&s, "r");
	expect(&s, "2 virtual machines");
	type(&s, "q");
	assert_int_equal(end(&s), 0);
}

static void test_refused(void **state)
{
	static struct session s;

	(void)state;
	start(&s, 24, 100, false, "vt100");
	expect(&s, "machine3");
	type(&s, "kkkkp");
	expect(&s, "not permitted");
	type(&s, "q");
	assert_int_equal(end(&s), 0);
}

/* Terminals that are hardly there, and one that becomes one of them. */
static void test_small(void **state)
{
	const struct {
		unsigned short rows, columns;
	} sizes[] = { { 1, 20 }, { 5, 100 }, { 24, 10 }, { 6, 30 }, { 7, 300 } };
	struct winsize size = { .ws_row = 3, .ws_col = 40 };
	static struct session s;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		start(&s, sizes[i].rows, sizes[i].columns, false, "vt100");
		expect(&s, sizes[i].rows < 6 || sizes[i].columns < 30 ? "too small" :
		       "holm stats: ");
		type(&s, "\rjjjhqqq");
		assert_int_equal(end(&s), 0);
	}
	start(&s, 24, 100, false, "vt100");
	expect(&s, "machine3");
	ioctl(s.fd, TIOCSWINSZ, &size);
	type(&s, "");
	expect(&s, "too small");
	type(&s, "q");
	assert_int_equal(end(&s), 0);
}

static void test_ends(void **state)
{
	static struct session s;

	(void)state;
	start(&s, 24, 100, true, "vt100");
	assert_int_equal(end(&s), 1);
	assert_non_null(strstr(s.text, "the driver is gone"));

	start(&s, 24, 100, false, "no-such-terminal");
	assert_int_equal(end(&s), 1);
	assert_non_null(strstr(s.text, "\"no-such-terminal\" is not known"));

	start(&s, 24, 100, false, "vt100");
	expect(&s, "machine1");
	kill(s.pid, SIGTERM);
	assert_int_equal(end(&s), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_small),
		cmocka_unit_test(test_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
