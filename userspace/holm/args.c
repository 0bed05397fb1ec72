// SPDX-License-Identifier: GPL-2.0-or-later
/* Arguments of the verbs that look at virtual machines. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "clock.h"
#include "cmd.h"
#include "size.h"

int args_flag(char **argv, int *i, const char *flag, const char **value)
{
	size_t len = strlen(flag);

	if (strncmp(argv[*i], flag, len))
		return 0;
	if (argv[*i][len] == '=') {
		*value = argv[*i] + len + 1;
		return 1;
	}
	if (argv[*i][len])
		return 0;
	if (!argv[*i + 1]) {
		fprintf(stderr, "holm %s: %s needs a value (see \"holm help %s\")\n", argv[0],
			flag, argv[0]);
		return -1;
	}
	*value = argv[++*i];
	return 1;
}

int args_unexpected(char **argv, const char *arg)
{
	fprintf(stderr, "holm %s: unexpected argument %s (see \"holm help %s\")\n", argv[0], arg,
		argv[0]);
	return EXIT_USAGE;
}

int args_no_vm(char **argv)
{
	fprintf(stderr, "holm %s: which virtual machine? (see \"holm help %s\")\n", argv[0],
		argv[0]);
	return EXIT_USAGE;
}

int args_number(char **argv, const char *flag, const char *value, uint64_t max, uint64_t *number)
{
	const char *wrong = number_parse(value, max, number);

	if (!wrong)
		return 0;
	fprintf(stderr, "holm %s: %s %s: %s (at most %llu)\n", argv[0], flag, value, wrong,
		(unsigned long long)max);
	return -1;
}

int args_seconds(char **argv, const char *flag, const char *value, uint64_t *ns)
{
	double s = strspn(value, "0123456789.") == strlen(value) ? 0 : -1;
	char *end = NULL;

	if (!s)
		s = strtod(value, &end);
	if (!end || end == value || *end || !(s >= 0.1 && s <= 3600)) {
		fprintf(stderr, "holm %s: %s %s: expected seconds, from 0.1 to 3600\n", argv[0],
			flag, value);
		return -1;
	}
	*ns = (uint64_t)(s * NSEC_PER_SEC);
	return 0;
}
