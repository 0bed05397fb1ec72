// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * holm-bench-boot: starts a launcher and waits until its guest's /init has
 * written BOOT_MARKER to the console, which is the launcher's standard output.
 * Prints the TSC's ticks from one to the other, as a line of JSON.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../bench.h"
#include "marker.h"

/* A boot is a tenth of it; on the beds ticks are what takes time. */
#define TIMEOUT_TICKS	5000000000ULL
#define POLL_MS		1000
#define MARKER_LEN	(sizeof(BOOT_MARKER) - 1)

/**
 * struct watch - a launcher that runs
 * @pid: its process
 * @fd: what it writes
 * @begin, @end: TSC before the process and behind the marker; 0 without one
 * @console: the end of what it wrote
 * @len: bytes of it
 */
struct watch {
	pid_t pid;
	int fd;
	uint64_t begin, end;
	char console[8192];
	size_t len;
};

static int start(struct watch *w, char **command)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC)) {
		perror("holm-bench-boot: pipe");
		return -1;
	}
	w->fd = fds[0];
	w->begin = bench_ticks();
	w->pid = fork();
	if (w->pid < 0) {
		perror("holm-bench-boot: fork");
		return -1;
	}
	if (!w->pid) {
		int null = open("/dev/null", O_RDONLY);

		dup2(null, 0);
		dup2(fds[1], 1);
		dup2(fds[1], 2);
		execvp(command[0], command);
		perror(command[0]);
		_exit(127);
	}
	close(fds[1]);
	return 0;
}

/* Only what is new is looked at: the console comes byte by byte. */
static void look_for_marker(struct watch *w, size_t fresh)
{
	size_t from = w->len - fresh;

	from = from < MARKER_LEN ? 0 : from - MARKER_LEN;
	if (!w->end && memmem(w->console + from, w->len - from, BOOT_MARKER, MARKER_LEN))
		w->end = bench_ticks();
}

/* Return: NULL at the end of what the launcher writes, or what went wrong. */
static const char *follow(struct watch *w)
{
	for (;;) {
		struct pollfd p = { .fd = w->fd, .events = POLLIN };
		ssize_t n;

		if (bench_ticks() - w->begin > TIMEOUT_TICKS)
			return w->end ? "the guest did not power off" : "time-out";
		if (!poll(&p, 1, POLL_MS))
			continue;
		if (w->len > sizeof(w->console) / 2) {
			w->len -= sizeof(w->console) / 4;
			memmove(w->console, w->console + sizeof(w->console) / 4, w->len);
		}
		n = read(w->fd, w->console + w->len, sizeof(w->console) - w->len);
		if (!n)
			return NULL;
		if (n < 0 && errno != EINTR)
			return "the console cannot be read";
		if (n > 0) {
			w->len += n;
			look_for_marker(w, n);
		}
	}
}

int main(int argc, char **argv)
{
	static struct watch w;
	const char *wrong;
	int status;

	if (argc < 3) {
		fprintf(stderr, "usage: holm-bench-boot NAME COMMAND [ARG...]\n");
		return 2;
	}
	if (start(&w, argv + 2))
		return 1;
	wrong = follow(&w);
	if (wrong)
		kill(w.pid, SIGKILL);
	waitpid(w.pid, &status, 0);
	if (!wrong && !w.end)
		wrong = "the guest's /init did not run";
	if (!wrong && status)
		wrong = "the launcher failed";
	if (wrong) {
		fprintf(stderr, "holm-bench-boot: %s: %s (wait status 0x%x); the end of its console:\n%.*s\n",
			argv[2], wrong, status, (int)w.len, w.console);
		return 1;
	}
	printf("{\"%s\": %llu}\n", argv[1], (unsigned long long)(w.end - w.begin));
	return 0;
}
