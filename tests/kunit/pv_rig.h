/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest that executes one instruction of the paravirtual interface: what the
 * tests of pv*.c share.
 */
#ifndef HOLM_KUNIT_PV_RIG_H
#define HOLM_KUNIT_PV_RIG_H

#include "env.h"

/*
 * WRMSR and RDMSR by the guest. Return: 0, the vector of the exception that it
 * got, or -errno.
 */
int pv_wrmsr(struct holm_env *env, u32 index, u64 value);
int pv_rdmsr(struct holm_env *env, u32 index, u64 *value);

/* The guest enters and exits once, for the launcher. Return: HOLM_RUN's. */
long pv_exit(struct holm_env *env);

/* Guest memory. */
void pv_peek(struct holm_env *env, u64 gpa, void *buf, size_t len);
void pv_poke(struct holm_env *env, u64 gpa, const void *buf, size_t len);

#endif /* HOLM_KUNIT_PV_RIG_H */
