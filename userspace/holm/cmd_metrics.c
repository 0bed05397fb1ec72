// SPDX-License-Identifier: GPL-2.0-or-later
/* "holm metrics": counters of virtual machines for Prometheus. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "args.h"
#include "cmd.h"
#include "control.h"
#include "listen.h"
#include "metrics_http.h"
#include "openmetrics.h"
#include "stats_source.h"

/* All that is known now. A connection for each time: the module may come and go. */
static int write_metrics(FILE *out, struct err *e)
{
	struct holm_ctl *ctl = control_open(e);
	struct holm_host_info host;
	struct stats_sample s;
	int ret = -1;

	if (!ctl)
		return -1;
	if (holm_ctl_host(ctl, &host)) {
		err_set(e, "%s", holm_ctl_error(ctl));
	} else if (!stats_look(ctl, 0, &s, e)) {
		openmetrics_write(&host, &s, out);
		stats_clear(&s);
		ret = 0;
	}
	holm_ctl_close(ctl);
	return ret;
}

static int make_metrics(void *arg, char **text, size_t *len, struct err *e)
{
	FILE *out = open_memstream(text, len);
	int ret;

	(void)arg;
	if (!out)
		return err_set(e, "out of memory");
	ret = write_metrics(out, e);
	if (fclose(out) && !ret)
		ret = err_set(e, "out of memory");
	if (ret)
		free(*text);
	return ret;
}

static int serve(const struct listen_address *address, struct err *e)
{
	struct unix_listener listener;
	struct metrics_http *http;
	sigset_t signals;
	int signal;

	/* Before there is a thread, so that they come to this one. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);

	if (listen_open(&listener, address, e))
		return -1;
	http = metrics_http_start(listener.fd, make_metrics, NULL, e);
	if (http) {
		sigwait(&signals, &signal);
		metrics_http_stop(http);
	}
	unix_socket_close(&listener);
	return http ? 0 : -1;
}

int cmd_metrics(int argc, char **argv)
{
	struct listen_address address;
	const char *where = NULL;
	struct err e;
	int ret;

	for (int i = 1; i < argc; i++) {
		ret = args_flag(argv, &i, "--listen", &where);
		if (ret < 0)
			return EXIT_USAGE;
		if (!ret)
			return args_unexpected(argv, argv[i]);
	}
	if (where && listen_parse(where, &address, &e)) {
		fprintf(stderr, "holm metrics: --listen: %s\n", e.msg);
		return EXIT_USAGE;
	}
	ret = where ? serve(&address, &e) : write_metrics(stdout, &e);
	if (!ret)
		return EXIT_OK;
	fprintf(stderr, "holm metrics: %s\n", e.msg);
	return EXIT_FAILED;
}
