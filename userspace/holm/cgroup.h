/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control group of a VM: the kernel's own controllers weigh and limit the
 * launcher with all its threads (Documentation/admin-guide/cgroup-v2.rst of
 * Linux).
 */
#ifndef HOLM_CGROUP_H
#define HOLM_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

#define CPU_WEIGHT_MAX		10000	/* cpu.weight; 100 is the default */
#define CPU_QUOTA_MIN		1000ULL	/* microseconds, of Linux' cpu.max */
#define CPU_QUOTA_MAX		(UINT32_MAX * 1000ULL)	/* of ours: seven weeks */
#define CPU_PERIOD_MIN		1000ULL
#define CPU_PERIOD_MAX		1000000ULL
#define CPU_PERIOD_DEFAULT	100000ULL

/**
 * struct cgroup_config - what the user wants
 * @path: below the root of the cgroup v2 hierarchy, or below its mount point;
 *	NULL: stay where the launcher is
 * @cpu_weight: 1 to CPU_WEIGHT_MAX; 0: as it is
 * @cpu_quota: microseconds of CPU time in each period; 0: as it is
 * @cpu_period: microseconds
 */
struct cgroup_config {
	char *path;
	unsigned int cpu_weight;
	uint64_t cpu_quota;
	uint64_t cpu_period;
};

/**
 * cgroup_check_path() - could this be the path of a cgroup
 * @path: what the user wrote
 * @e: why not
 *
 * Return: 0, or -1 with @e set.
 */
int cgroup_check_path(const char *path, struct err *e);

/**
 * cpu_max_parse() - read "QUOTA[/PERIOD]", in microseconds
 * @str: what the user wrote
 * @quota: result
 * @period: result; CPU_PERIOD_DEFAULT when not given
 * @e: what is wrong
 *
 * Return: 0, or -1 with @e set.
 */
int cpu_max_parse(const char *str, uint64_t *quota, uint64_t *period, struct err *e);

/* A cgroup that the launcher has entered. */
struct cgroup;

/**
 * cgroup_enter() - make the cgroup if need be, set its limits, move there
 * @cfg: checked; @cfg->path is not NULL
 * @root: the mount point of cgroup v2, or NULL: found in /proc/self/mountinfo
 * @e: reason of a failure
 *
 * Before the vCPUs' threads are made, which are then there as well.
 *
 * Return: to be given to cgroup_leave(); NULL on failure, with nothing left
 * behind.
 */
struct cgroup *cgroup_enter(const struct cgroup_config *cfg, const char *root, struct err *e);

/**
 * cgroup_leave() - go back to where the launcher was; remove what it has made
 * @cg: may be NULL
 *
 * Limits of a cgroup that was there before stay as they were set.
 */
void cgroup_leave(struct cgroup *cg);

#endif /* HOLM_CGROUP_H */
