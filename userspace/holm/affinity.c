// SPDX-License-Identifier: GPL-2.0-or-later
/* The CPUs of vCPU threads: see affinity.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "affinity.h"
#include "size.h"

#define SET_SIZE	CPU_ALLOC_SIZE(AFFINITY_MAX_CPUS)

static int parse_number(const char *str, unsigned int limit, const char *what, unsigned int *n,
			struct err *err)
{
	const char *msg;
	uint64_t value;

	msg = number_parse(str, UINT64_MAX, &value);
	if (msg)
		return err_set(err, "\"%s\": %s", str, msg);
	if (value >= limit)
		return err_set(err, "%s %s: the highest is %u", what, str, limit - 1);
	*n = value;
	return 0;
}

/* "0,2-3"; @set may be NULL. */
static int parse_list(char *list, cpu_set_t *set, struct err *err)
{
	char *item, *last;

	while ((item = strsep(&list, ","))) {
		unsigned int from, to;

		last = strchr(item, '-');
		if (last)
			*last++ = '\0';
		if (parse_number(item, AFFINITY_MAX_CPUS, "CPU", &from, err))
			return -1;
		to = from;
		if (last && parse_number(last, AFFINITY_MAX_CPUS, "CPU", &to, err))
			return -1;
		if (to < from)
			return err_set(err, "CPUs %u-%u: the first is higher than the last", from,
				       to);
		for (; set && from <= to; from++)
			CPU_SET_S(from, SET_SIZE, set);
	}
	return 0;
}

/* "V=LIST:V=LIST" */
static int parse_assignments(char *text, unsigned int vcpus, unsigned int vcpu, cpu_set_t *set,
			     struct err *err)
{
	char *part, *next = text;
	bool *seen = calloc(vcpus, sizeof(*seen));
	int ret = 0;

	if (!seen)
		return err_set(err, "out of memory");
	while (ret >= 0 && (part = strsep(&next, ":"))) {
		char *list = strchr(part, '=');
		unsigned int v;

		if (!list) {
			ret = err_set(err, "\"%s\": expected VCPU=CPUS", part);
			break;
		}
		*list++ = '\0';
		if (parse_number(part, vcpus, "vCPU", &v, err)) {
			ret = -1;
		} else if (seen[v]) {
			ret = err_set(err, "vCPU %u is named twice", v);
		} else {
			seen[v] = true;
			if (parse_list(list, v == vcpu ? set : NULL, err))
				ret = -1;
			else if (v == vcpu)
				ret = 1;
		}
	}
	free(seen);
	return ret;
}

int affinity_parse(const char *str, unsigned int vcpus, unsigned int vcpu, cpu_set_t *set,
		   struct err *err)
{
	char *text = strdup(str);
	int ret;

	if (!text)
		return err_set(err, "out of memory");
	if (set)
		CPU_ZERO_S(SET_SIZE, set);
	if (strchr(text, '='))
		ret = parse_assignments(text, vcpus, vcpu, set, err);
	else
		ret = parse_list(text, set, err) ? -1 : 1;
	free(text);
	return ret;
}

int affinity_apply(const char *str, unsigned int vcpus, unsigned int vcpu, struct err *err)
{
	cpu_set_t *want = CPU_ALLOC(AFFINITY_MAX_CPUS), *got = CPU_ALLOC(AFFINITY_MAX_CPUS);
	int ret = -1;

	if (!want || !got) {
		err_set(err, "out of memory");
		goto out;
	}
	ret = affinity_parse(str, vcpus, vcpu, want, err);
	if (ret <= 0)
		goto out;
	/* The kernel takes of the set what there is: all of it must be. */
	CPU_ZERO_S(SET_SIZE, got);
	if (sched_setaffinity(0, SET_SIZE, want) || sched_getaffinity(0, SET_SIZE, got) < 0)
		ret = err_set(err, "cannot restrict vCPU %u to CPUs \"%s\": %s", vcpu, str,
			      strerror(errno));
	else if (!CPU_EQUAL_S(SET_SIZE, want, got))
		ret = err_set(err, "cannot restrict vCPU %u to CPUs \"%s\": one of them is offline or not allowed",
			      vcpu, str);
	else
		ret = 0;
out:
	CPU_FREE(want);
	CPU_FREE(got);
	return ret < 0 ? -1 : 0;
}
