/* SPDX-License-Identifier: GPL-2.0-only */
/* What the suites of mmu/ share: a guest memory without vCPUs. */
#ifndef HOLM_KUNIT_TEST_MMU_H
#define HOLM_KUNIT_TEST_MMU_H

#include <kunit/test.h>
#include <linux/slab.h>

#include "../../kmod/holm.h"
#include "../../kmod/mmu/setup.h"
#include "../../kmod/mmu/slots.h"
#include "../../kmod/mmu/walker.h"

/**
 * struct bare_vm - a VM of nothing but memory, and one vCPU that never runs
 * @vm: the VM
 * @vcpu: shows by its request whether TLBs were flushed
 * @cache: pages for tables
 */
struct bare_vm {
	struct holm_vm vm;
	struct holm_vcpu vcpu;
	struct holm_pt_cache cache;
};

static inline struct bare_vm *bare_vm_create(struct kunit *test,
					     const struct holm_mmu_format *format, u8 phys_bits)
{
	struct bare_vm *bare = kvzalloc(sizeof(*bare), GFP_KERNEL);
	int err;

	KUNIT_ASSERT_NOT_NULL(test, bare);
	bare->vcpu.cpu = -1;
	bare->vcpu.mode = HOLM_OUTSIDE_GUEST;
	bare->vm.vcpus[0] = &bare->vcpu;
	bare->vm.nr_vcpus = 1;
	err = holm_mmu_setup(&bare->vm.mmu, format, phys_bits);
	if (err)
		kvfree(bare);
	KUNIT_ASSERT_EQ(test, err, 0);
	return bare;
}

static inline void bare_vm_free(struct bare_vm *bare)
{
	holm_pt_cache_drain(&bare->cache);
	holm_mmu_teardown(&bare->vm.mmu);
	kvfree(bare);
}

/* Was there a flush since the last call? */
static inline bool bare_vm_flushed(struct bare_vm *bare)
{
	return test_and_clear_bit(HOLM_REQ_TLB_FLUSH, &bare->vcpu.requests);
}

static inline void bare_zap(struct bare_vm *bare, u64 start, u64 end, u32 flags)
{
	struct holm_mmu *mmu = &bare->vm.mmu;
	LIST_HEAD(detached);

	spin_lock(&mmu->lock);
	holm_pt_zap(mmu, start, end, flags, &detached);
	spin_unlock(&mmu->lock);
	holm_pt_free(mmu, &detached, true);
}

static inline bool bare_protect(struct bare_vm *bare, u64 start, u64 end, bool pml, u32 flags)
{
	struct holm_mmu *mmu = &bare->vm.mmu;
	bool changed;

	spin_lock(&mmu->lock);
	changed = holm_pt_protect(mmu, start, end, pml, flags);
	spin_unlock(&mmu->lock);
	return changed;
}

static inline bool bare_age(struct bare_vm *bare, u64 start, u64 end, bool clear)
{
	struct holm_mmu *mmu = &bare->vm.mmu;
	bool young;

	spin_lock(&mmu->lock);
	young = holm_pt_age(mmu, start, end, clear);
	spin_unlock(&mmu->lock);
	return young;
}

static inline u64 bare_lookup(struct bare_vm *bare, u64 gpa, int *level)
{
	struct holm_mmu *mmu = &bare->vm.mmu;
	u64 entry;

	spin_lock(&mmu->lock);
	entry = holm_pt_lookup(mmu, HOLM_MMU_ROOT_GUEST, gpa, level);
	spin_unlock(&mmu->lock);
	return entry;
}

/* Split, with as many pages as it takes. Return: 0 or -ENOMEM. */
static inline int bare_split(struct bare_vm *bare, u64 gpa, int level)
{
	struct holm_mmu *mmu = &bare->vm.mmu;
	unsigned int need;
	int err = 0;

	do {
		spin_lock(&mmu->lock);
		need = holm_pt_split(mmu, HOLM_MMU_ROOT_GUEST, gpa, level, &bare->cache);
		spin_unlock(&mmu->lock);
		if (need)
			err = holm_pt_cache_fill(&bare->cache, need);
	} while (need && !err);
	return err;
}

/* Map, with as many pages as it takes. Return: 0 or -ENOMEM. */
static inline int bare_map(struct bare_vm *bare, const struct holm_pt_leaf *leaf)
{
	struct holm_mmu *mmu = &bare->vm.mmu;
	unsigned int need;
	int err = 0;

	do {
		LIST_HEAD(detached);

		spin_lock(&mmu->lock);
		need = holm_pt_map(mmu, HOLM_MMU_ROOT_GUEST, leaf, &bare->cache, &detached);
		spin_unlock(&mmu->lock);
		holm_pt_free(mmu, &detached, true);
		if (need)
			err = holm_pt_cache_fill(&bare->cache, need);
	} while (need && !err);
	return err;
}

#endif /* HOLM_KUNIT_TEST_MMU_H */
