// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a VM's memory.
 */
#include <linux/mmu_notifier.h>

#include "../backend.h"
#include "../holm.h"
#include "notifier.h"
#include "setup.h"
#include "slots.h"
#include "walker.h"

int holm_mmu_setup(struct holm_mmu *mmu, const struct holm_mmu_format *format, u8 phys_bits)
{
	int err;

	mmu->format = format;
	mmu->phys_bits = phys_bits;
	spin_lock_init(&mmu->lock);
	mutex_init(&mmu->slots_lock);

	err = init_srcu_struct(&mmu->srcu);
	if (err)
		return err;
	err = holm_slots_alloc(mmu);
	if (err)
		goto err_srcu;
	err = holm_pt_roots_alloc(mmu);
	if (err)
		goto err_slots;
	return 0;

err_slots:
	holm_slots_free(mmu);
err_srcu:
	cleanup_srcu_struct(&mmu->srcu);
	return err;
}

void holm_mmu_teardown(struct holm_mmu *mmu)
{
	holm_pt_roots_free(mmu);
	holm_slots_free(mmu);
	cleanup_srcu_struct(&mmu->srcu);
}

int holm_mmu_init(struct holm_vm *vm)
{
	struct holm_mmu *mmu = &vm->mmu;
	struct holm_caps caps = {};
	int err;

	holm_backend->caps(&caps);
	err = holm_mmu_setup(mmu, holm_backend->format, caps.phys_bits);
	if (err)
		return err;

	mmu->notifier.ops = &holm_notifier_ops;
	err = mmu_notifier_register(&mmu->notifier, vm->mm);
	if (err)
		holm_mmu_teardown(mmu);
	return err;
}

void holm_mmu_destroy(struct holm_vm *vm)
{
	/* Ends after the last callback, also when the mm is already gone. */
	mmu_notifier_unregister(&vm->mmu.notifier, vm->mm);
	holm_mmu_teardown(&vm->mmu);
}

u64 holm_mmu_root(struct holm_vm *vm, unsigned int root)
{
	if (WARN_ON_ONCE(root >= HOLM_MMU_ROOTS))
		root = HOLM_MMU_ROOT_GUEST;
	return vm->mmu.roots[root].pa;
}
