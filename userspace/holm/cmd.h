/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verbs of the launcher: "holm VERB ARGUMENTS". */
#ifndef HOLM_CMD_H
#define HOLM_CMD_H

#include <stddef.h>

/* Exit statuses that every verb uses alike. */
#define EXIT_OK		0
#define EXIT_FAILED	1	/* the verb could not do what was asked */
#define EXIT_USAGE	2	/* the command line makes no sense */
#define EXIT_KILLED	3	/* stop: the guest did not shut down, and was killed */

/**
 * struct verb - one verb
 * @name: as typed
 * @summary: one line for the list of verbs
 * @usage: the rest of the usage line after "holm NAME"
 * @help: what "holm help NAME" prints below the usage line
 * @run: does it; argv[0] is the verb; returns the exit status of the launcher
 */
struct verb {
	const char *name;
	const char *summary;
	const char *usage;
	const char *help;
	int (*run)(int argc, char **argv);
};

/* The table, ended by an entry without a name (main.c). */
extern const struct verb holm_verbs[];

/**
 * verb_find() - look a verb up
 * @name: as typed
 *
 * Return: its entry, or NULL.
 */
const struct verb *verb_find(const char *name);

/* Each is a struct verb's run member. */
int cmd_run(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_events(int argc, char **argv);
int cmd_console(int argc, char **argv);
int cmd_stop(int argc, char **argv);
int cmd_kill(int argc, char **argv);
int cmd_pause(int argc, char **argv);
int cmd_resume(int argc, char **argv);
int cmd_rename(int argc, char **argv);
int cmd_set(int argc, char **argv);
int cmd_stats(int argc, char **argv);
int cmd_metrics(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_version(int argc, char **argv);
int cmd_help(int argc, char **argv);

#endif /* HOLM_CMD_H */
