/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest memory under test, on real user memory: what is mapped is compared
 * with the launcher's own page tables.
 */
#ifndef HOLM_KUNIT_MMU_RIG_H
#define HOLM_KUNIT_MMU_RIG_H

#include <linux/mmu_notifier.h>

#include "../../kmod/mmu/mmu.h"
#include "env.h"

#define R	HOLM_ACCESS_READ
#define W	HOLM_ACCESS_WRITE
#define X	HOLM_ACCESS_FETCH
#define RO	HOLM_SLOT_READONLY
#define LOG	HOLM_SLOT_LOG_DIRTY
#define SIZE_2M	(2UL << 20)
#define SIZE_1G	(1UL << 30)

/**
 * struct rig - one test
 * @env: the VM, with slot 0 at 0
 * @saved: the format as it was
 */
struct rig {
	struct holm_env env;
	struct holm_mmu_format saved;
};

/* For kunit_suite.init. */
int rig_init(struct kunit *test);

/* Run @body with a VM; the address space is borrowed for just as long. */
void rig_run(struct kunit *test, void (*body)(struct kunit *test, struct holm_env *env));

#define RIG_CASE(name)							\
static void name##_body(struct kunit *test, struct holm_env *env);		\
static void name(struct kunit *test)						\
{										\
	rig_run(test, name##_body);						\
}										\
static void name##_body(struct kunit *test, struct holm_env *env)

int rig_fault(struct holm_env *env, u64 gpa, u32 access);
int rig_set(struct holm_env *env, u32 id, u32 flags, u64 gpa, u64 size, u64 uaddr);

/* The page at @gpa: rights (0: none), where it is, the level that maps it. */
u32 rig_lookup(struct holm_env *env, u64 gpa, u64 *pa, int *level);
u32 rig_rights(struct holm_env *env, u64 gpa);
int rig_level(struct holm_env *env, u64 gpa);
u64 rig_guest_pa(struct holm_env *env, u64 gpa);

/* What the launcher's own page tables have at @addr, or 0. */
u64 rig_host_pa(unsigned long addr);
bool rig_host_dirty(unsigned long addr);

void rig_range(struct mmu_notifier_range *range, unsigned long start, unsigned long end);
int rig_touch(unsigned long addr);

#endif /* HOLM_KUNIT_MMU_RIG_H */
