/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which of the host's CPU features a guest is shown: "avx512f=off,pcid=off",
 * "model=x86-64-v3", "rdrand=on". The names are those of Linux' /proc/cpuinfo, or
 * of its source where that does not show them; those of the paravirtual interface
 * (kvmclock, pv-eoi, ...) as QEMU's users know them.
 *
 * A feature that needs another one goes with it: without AVX there is no AVX2,
 * and no AVX state in XCR0. A model is a micro-architecture level of the x86-64
 * psABI: of the instruction set it shows what the level has, so that a guest can
 * move between hosts; what concerns the system (APIC, paging, ...) stays.
 */
#ifndef HOLM_CPU_FEATURES_H
#define HOLM_CPU_FEATURES_H

#include <linux/holm.h>

#include "err.h"

/**
 * cpu_features_check() - can this be said of a CPU
 * @str: what the user wrote
 * @e: what is wrong: not "NAME=on|off", a name that does not exist or is given
 *	twice, a model that does not exist
 *
 * Return: 0, or -1 with @e set.
 */
int cpu_features_check(const char *str, struct err *e);

/**
 * cpu_features_apply() - take features out of a CPUID table
 * @str: checked
 * @entries: as HOLM_GET_SUPPORTED_CPUID gave them
 * @nent: entries; fewer when leaves are not shown at all
 * @e: what is wrong
 *
 * Return: 0, or -1 with @e set: the host does not have a feature that is to be
 * on or that the model has, or it needs one that is off.
 */
int cpu_features_apply(const char *str, struct holm_cpuid_entry *entries, unsigned int *nent,
		       struct err *e);

#endif /* HOLM_CPU_FEATURES_H */
