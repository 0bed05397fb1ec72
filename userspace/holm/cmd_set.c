// SPDX-License-Identifier: GPL-2.0-or-later
/* "holm pause", "resume", "rename" and "set": a virtual machine changed as it runs. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "cmd.h"
#include "config.h"
#include "control.h"


static int change_vm(const char *verb, const char *what, const struct holm_vm_change *change)
{
	struct holm_vm_info vm;
	struct holm_ctl *ctl;
	int status = EXIT_FAILED;
	struct err e;

	ctl = control_open(&e);
	if (!ctl || control_find(ctl, what, &vm, &e))
		fprintf(stderr, "holm %s: %s\n", verb, e.msg);
	else if (holm_ctl_set(ctl, vm.id, change))
		fprintf(stderr, "holm %s: %s\n", verb, holm_ctl_error(ctl));
	else
		status = EXIT_OK;
	holm_ctl_close(ctl);
	return status;
}

static int pause_or_resume(int argc, char **argv, bool pause)
{
	const struct holm_vm_change change = { .what = HOLM_CHANGE_PAUSED, .paused = pause };

	if (argc != 2 || argv[1][0] == '-')
		return args_no_vm(argv);
	return change_vm(argv[0], argv[1], &change);
}

int cmd_pause(int argc, char **argv)
{
	return pause_or_resume(argc, argv, true);
}

int cmd_resume(int argc, char **argv)
{
	return pause_or_resume(argc, argv, false);
}

int cmd_rename(int argc, char **argv)
{
	struct holm_vm_change change = { .what = HOLM_CHANGE_NAME };
	struct err e;

	if (argc != 3 || argv[1][0] == '-') {
		fprintf(stderr, "holm rename: which virtual machine, and what is it to be called? (see \"holm help rename\")\n");
		return EXIT_USAGE;
	}
	change.name = argv[2];
	if (vm_config_check_name(change.name, &e)) {
		fprintf(stderr, "holm rename: %s\n", e.msg);
		return EXIT_USAGE;
	}
	return change_vm(argv[0], argv[1], &change);
}

/* ---- set ----------------------------------------------------------------------- */

static int set_stats(const char *value, struct holm_vm_change *change)
{
	change->stats = !strcmp(value, "on");
	if (change->stats || !strcmp(value, "off"))
		return 0;
	fprintf(stderr, "holm set: --stats %s: expected on or off\n", value);
	return -1;
}

/* One flag: 1, 0 for something else, -1 after a message. */
static int set_flag(char **argv, int *i, struct holm_vm_change *change)
{
	const struct {
		const char *flag;
		uint32_t what;
		uint32_t max;
		uint32_t *to;
	} flags[] = {
		{ "--halt-poll", HOLM_CHANGE_HALT_POLL, HOLM_HALT_POLL_NS_MAX,
		  &change->halt_poll_ns },
		{ "--ple-gap", HOLM_CHANGE_PLE_GAP, UINT32_MAX, &change->ple_gap },
		{ "--ple-window", HOLM_CHANGE_PLE_WINDOW, UINT32_MAX, &change->ple_window },
		{ "--stats", HOLM_CHANGE_STATS, 0, NULL },
	};
	const char *value;
	uint64_t number;

	for (size_t f = 0; f < sizeof(flags) / sizeof(flags[0]); f++) {
		int ret = args_flag(argv, i, flags[f].flag, &value);

		if (!ret)
			continue;
		if (ret > 0 && !flags[f].to)
			ret = set_stats(value, change) ? -1 : 1;
		else if (ret > 0 &&
			 args_number(argv, flags[f].flag, value, flags[f].max, &number))
			ret = -1;
		else if (ret > 0)
			*flags[f].to = (uint32_t)number;
		change->what |= flags[f].what;
		return ret;
	}
	return 0;
}

int cmd_set(int argc, char **argv)
{
	struct holm_vm_change change = { .what = 0 };
	const char *what = NULL;

	for (int i = 1; i < argc; i++) {
		int ret = set_flag(argv, &i, &change);

		if (ret < 0)
			return EXIT_USAGE;
		if (ret)
			continue;
		if (argv[i][0] == '-' || what)
			return args_unexpected(argv, argv[i]);
		what = argv[i];
	}
	if (!what || !change.what) {
		fprintf(stderr, "holm set: %s (see \"holm help set\")\n",
			what ? "what is to be different?" : "which virtual machine?");
		return EXIT_USAGE;
	}
	return change_vm(argv[0], what, &change);
}
