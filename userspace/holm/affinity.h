/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which CPUs of the host a vCPU's thread may run on.
 *
 * "0,2-3" is for all vCPUs; "0=0:1=2-3" names them, and those that are not named
 * run wherever the launcher may.
 */
#ifndef HOLM_AFFINITY_H
#define HOLM_AFFINITY_H

#include <sched.h>
#include <stddef.h>

#include "err.h"

#define AFFINITY_MAX_CPUS	8192	/* of Linux on x86-64 */

/**
 * affinity_parse() - the CPUs of one vCPU
 * @str: what the user wrote
 * @vcpus: vCPUs that there are; a name beyond is an error
 * @vcpu: number of the vCPU
 * @set: result, of AFFINITY_MAX_CPUS bits (CPU_ALLOC); NULL: only check @str
 * @err: what is wrong
 *
 * Whether the host has these CPUs is not looked at.
 *
 * Return: 1 with @set filled in, 0 when @str does not name this vCPU, or -1
 * with @err set.
 */
int affinity_parse(const char *str, unsigned int vcpus, unsigned int vcpu, cpu_set_t *set,
		   struct err *err);

/**
 * affinity_apply() - restrict the calling thread
 * @str: checked
 * @vcpus: vCPUs that there are
 * @vcpu: number of the vCPU that the thread is for
 * @err: what is wrong
 *
 * Return: 0, or -1 with @err set: a CPU that the host does not have, that is
 * offline or that the launcher's cpuset forbids.
 */
int affinity_apply(const char *str, unsigned int vcpus, unsigned int vcpu, struct err *err);

#endif /* HOLM_AFFINITY_H */
