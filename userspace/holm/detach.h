/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "holm run --detach": the launcher in the background, and the process that was
 * started waiting until the guest runs.
 *
 * Where systemd runs, the launcher is started anew by "systemd-run --scope" and
 * "systemd-cat": a scope, unlike a service, keeps what the caller has (network
 * namespace, limits, environment, directory, descriptors), to which the guest's
 * rights belong, and errors reach the caller by a pipe. systemd ends it with
 * SIGPWR, the power button. Elsewhere the launcher forks.
 */
#ifndef HOLM_DETACH_H
#define HOLM_DETACH_H

#include <limits.h>
#include <stdbool.h>

#include "config.h"
#include "err.h"

/**
 * struct detach - a launcher's way into the background
 * @fd: pipe to the process that waits; -1: none does
 * @systemd: a scope of systemd's, standard error is the journal
 * @log: file that messages go to, or empty
 * @inherited: descriptors that were there before, @nr_inherited of them; closed
 *	when the guest runs
 * @nr_inherited: see there
 */
struct detach {
	int fd;
	bool systemd;
	char log[PATH_MAX];
	int *inherited;
	unsigned int nr_inherited;
};

/**
 * detach_start() - make the background process
 * @d: to fill
 * @cfg: config, with a UUID
 * @argc: arguments of "holm run"
 * @argv: arguments of "holm run"
 * @status: exit status of this process
 *
 * Return: true in the background process, which is to call detach_ready() or
 * detach_failed(); false in the one that waited for that, with @status set and
 * the result printed.
 */
bool detach_start(struct detach *d, const struct vm_config *cfg, int argc, char **argv,
		  int *status);

/**
 * detach_ready() - the guest runs
 * @d: after detach_start()
 * @cfg: config
 * @console: path of the console, or NULL
 * @e: reason of a failure
 *
 * Lets go of the caller's files.
 *
 * Return: 0, or -1 when nobody waits any more: the guest is not wanted.
 */
int detach_ready(struct detach *d, const struct vm_config *cfg, const char *console,
		 struct err *e);

/* The guest does not run. Return: false after detach_ready(). */
bool detach_failed(struct detach *d, int status, const char *msg);

/* The launcher ends: what it had to say of a good end is not kept. */
void detach_end(const struct detach *d, int status);

/**
 * detach_command() - the command that starts a launcher in a scope
 * @cfg: config, with a UUID
 * @user: by the user's service manager
 * @exe: path of the launcher
 * @argc: arguments of "holm run"
 * @argv: arguments of "holm run"
 *
 * Return: an array ended by NULL, for detach_command_free(); NULL without memory.
 */
char **detach_command(const struct vm_config *cfg, bool user, const char *exe, int argc,
		      char **argv);
void detach_command_free(char **command);

#endif /* HOLM_DETACH_H */
