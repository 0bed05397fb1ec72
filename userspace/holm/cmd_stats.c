// SPDX-License-Identifier: GPL-2.0-or-later
/* "holm stats": how much virtual machines exit, for what, and how long it takes. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "args.h"
#include "clock.h"
#include "cmd.h"
#include "control.h"
#include "json.h"
#include "stats_json.h"
#include "stats_screen.h"
#include "stats_source.h"

/**
 * struct request - what was asked for
 * @what: the one virtual machine, or NULL
 * @once: the numbers of one interval
 * @reset: counts by reason begin at 0
 * @json: in JSON
 * @passive: statistics are not switched on
 * @interval_ns: between two looks
 * @key: what rows are sorted by
 */
struct request {
	const char *what;
	bool once, reset, json, passive;
	uint64_t interval_ns;
	enum stats_key key;
};

static volatile sig_atomic_t stop;

static void on_signal(int signal)
{
	(void)signal;
	stop = 1;
}

/* They end what is done here in order: statistics are switched off again. */
static void catch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };
	struct sigaction action = { .sa_handler = on_signal };

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
}

static void wait_ns(uint64_t ns)
{
	uint64_t end_ns = clock_ns(CLOCK_MONOTONIC) + ns;
	const struct timespec end = {
		.tv_sec = (time_t)(end_ns / NSEC_PER_SEC),
		.tv_nsec = (long)(end_ns % NSEC_PER_SEC),
	};

	while (!stop && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL) == EINTR)
		;
}

/* ---- a table, or JSON ------------------------------------------------------------ */

static void print_reasons(const struct stats_sample *before, const struct stats_sample *now,
			  uint32_t vm)
{
	struct stats_reason reasons[HOLM_EXIT_REASONS];
	size_t n = stats_reasons(before, now, vm, reasons);
	char line[STATS_LINE];

	if (!n)
		return;
	stats_reason_header_line(line);
	printf("\n%s\n", line);
	for (size_t i = 0; i < n; i++) {
		stats_reason_line(&reasons[i], line);
		printf("%s\n", line);
	}
}

static int print_sample(const struct request *request, const struct stats_sample *before,
			const struct stats_sample *now)
{
	struct stats_row *rows = calloc(now->n_vms + 1, sizeof(*rows));
	char line[STATS_LINE];
	int ret = -1;

	if (!rows)
		return -1;
	stats_rows(before, now, rows);
	stats_sort(rows, now->n_vms, request->key);
	if (request->json) {
		ret = json_write(stats_json(before, now, rows),
				 request->once ? JSON_PRETTY : JSON_LINE, stdout);
	} else {
		stats_header_line(line);
		printf("%s\n", line);
		for (size_t i = 0; i < now->n_vms; i++) {
			stats_row_line(&rows[i], line);
			printf("%s\n", line);
		}
		if (request->what && now->n_vms)
			print_reasons(before, now, now->vms[0].id);
		ret = 0;
	}
	free(rows);
	return ret;
}

/* Two looks, and what is between them; with @request->once no more than that. */
static int print_samples(const struct request *request, struct stats_source *source, struct err *e)
{
	struct stats_sample before, now;
	int ret = 0;

	if (stats_source_ops.sample(source, &before, e))
		return -1;
	do {
		if (e->msg[0])
			fprintf(stderr, "holm stats: %s\n", e->msg);
		wait_ns(request->interval_ns);
		if (stop)
			break;
		ret = stats_source_ops.sample(source, &now, e);
		if (ret)
			break;
		if (print_sample(request, &before, &now))
			ret = err_set(e, "out of memory");
		/* Whoever reads it wants to know now; main() tells of errors. */
		if (fflush(stdout))
			stop = 1;
		stats_clear(&before);
		before = now;
	} while (!ret && !request->once && !stop);
	stats_clear(&before);
	return ret;
}

static int show(const struct request *request, struct stats_source *source, struct err *e)
{
	struct holm_vm_info vm;

	if (request->what) {
		if (control_find(source->ctl, request->what, &vm, e))
			return -1;
		source->vm = vm.id;
	}
	if (request->reset && stats_source_ops.reset(source, e))
		return -1;
	if (request->once || request->json)
		return print_samples(request, source, e);
	return stats_screen(&stats_source_ops, source, request->interval_ns, request->key, &stop,
			    e);
}

/* ---------------------------------------------------------------------------------- */

static int sort_flag(const char *value, struct request *request)
{
	int key = stats_key_parse(value);

	if (key < 0) {
		fprintf(stderr, "holm stats: --sort %s: expected exits, guest, halted, halts, resident or name\n",
			value);
		return -1;
	}
	request->key = (enum stats_key)key;
	return 0;
}

/* One argument: 0, or an exit status after a message. */
static int take_argument(char **argv, int *i, struct request *request)
{
	const char *value;
	int ret;

	ret = args_flag(argv, i, "--interval", &value);
	if (ret)
		return ret < 0 || args_seconds(argv, "--interval", value, &request->interval_ns) ?
		       EXIT_USAGE : 0;
	ret = args_flag(argv, i, "--sort", &value);
	if (ret)
		return ret < 0 || sort_flag(value, request) ? EXIT_USAGE : 0;
	if (!strcmp(argv[*i], "--once"))
		request->once = true;
	else if (!strcmp(argv[*i], "--reset"))
		request->reset = true;
	else if (!strcmp(argv[*i], "--json"))
		request->json = true;
	else if (!strcmp(argv[*i], "--passive"))
		request->passive = true;
	else if (argv[*i][0] == '-' || request->what)
		return args_unexpected(argv, argv[*i]);
	else
		request->what = argv[*i];
	return 0;
}

int cmd_stats(int argc, char **argv)
{
	struct request request = { .interval_ns = NSEC_PER_SEC, .key = STATS_BY_EXITS };
	struct stats_source source = { .ctl = NULL };
	int status = EXIT_OK;
	struct err e;

	for (int i = 1; i < argc; i++) {
		status = take_argument(argv, &i, &request);
		if (status)
			return status;
	}
	source.passive = request.passive;
	if (!request.json && (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO)))
		request.once = true;
	catch_signals();
	source.ctl = control_open(&e);
	if (!source.ctl || show(&request, &source, &e)) {
		fprintf(stderr, "holm stats: %s\n", e.msg);
		status = EXIT_FAILED;
	}
	if (source.ctl)
		stats_source_end(&source);
	holm_ctl_close(source.ctl);
	return status;
}
