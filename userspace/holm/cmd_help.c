// SPDX-License-Identifier: GPL-2.0-or-later
/* "holm help": what there is, and how each verb is used. */
#include <stdio.h>

#include "cmd.h"

static void print_verbs(void)
{
	printf("usage: holm VERB [ARGUMENT]...\n\n");
	for (const struct verb *v = holm_verbs; v->name; v++)
		printf("  %-10s%s\n", v->name, v->summary);
	printf("\n\"holm help VERB\" and holm(1) tell more.\n");
}

int cmd_help(int argc, char **argv)
{
	const struct verb *v;

	if (argc > 2) {
		fprintf(stderr, "holm help: expected one verb, found %d arguments\n", argc - 1);
		return EXIT_USAGE;
	}
	if (argc < 2) {
		print_verbs();
		return EXIT_OK;
	}
	v = verb_find(argv[1]);
	if (!v) {
		fprintf(stderr, "holm help: there is no verb \"%s\" (see \"holm help\")\n",
			argv[1]);
		return EXIT_USAGE;
	}
	printf("usage: holm %s%s%s\n\n%s.\n", v->name, *v->usage ? " " : "", v->usage,
	       v->summary);
	if (*v->help)
		printf("\n%s", v->help);
	return EXIT_OK;
}
