/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A struct holm_mmu without a backend and a notifier: the part of
 * holm_mmu_init() that tests can use by themselves.
 */
#ifndef HOLM_MMU_SETUP_H
#define HOLM_MMU_SETUP_H

#include "mmu.h"

/**
 * holm_mmu_setup() - locks, an empty slot table, empty root tables
 * @mmu: zeroed
 * @format: how an entry looks
 * @phys_bits: width of a guest-physical address
 *
 * May sleep. Return: 0 or -ENOMEM.
 */
int holm_mmu_setup(struct holm_mmu *mmu, const struct holm_mmu_format *format, u8 phys_bits);

/* Undo; nobody uses @mmu any more. May sleep. */
void holm_mmu_teardown(struct holm_mmu *mmu);

#endif /* HOLM_MMU_SETUP_H */
