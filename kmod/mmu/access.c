// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory, as the driver reads and writes it: through the launcher's
 * mapping.
 *
 * Locking: a slot is looked up in an SRCU section, which is left for the copy
 * (it may wait for a page). Should the slot go meanwhile, the copy still is to
 * or from memory of the launcher that was guest memory when the call began.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#include "../holm.h"
#include "slots.h"

/* The launcher's address of @gpa; @len is cut to what the slot has. */
static void __user *guest_addr(struct holm_vm *vm, u64 gpa, size_t *len, bool write)
{
	struct holm_mmu *mmu = &vm->mmu;
	const struct holm_memslot *slot;
	void __user *addr = NULL;
	int idx;

	idx = srcu_read_lock(&mmu->srcu);
	slot = holm_slot_find(holm_slots(mmu), gpa);
	if (slot && !slot->dying && !(write && (slot->flags & HOLM_SLOT_READONLY))) {
		*len = min_t(u64, *len, holm_slot_end(slot) - gpa);
		addr = (void __user *)holm_slot_uaddr(slot, gpa);
	}
	srcu_read_unlock(&mmu->srcu, idx);
	return addr;
}

/**
 * holm_window_move() - holm_window_has(), when the window is elsewhere
 * @mmu: the VM's memory
 * @window: the caller's own
 * @gpa: guest-physical address
 *
 * Return: whether there is a slot.
 */
bool holm_window_move(struct holm_mmu *mmu, struct holm_window *window, u64 gpa)
{
	/* Before the table: should that be replaced, the window is out of date. */
	unsigned long seq = smp_load_acquire(&mmu->slots_seq);
	const struct holm_memslot *slot;
	int idx;

	window->seq = 0;
	idx = srcu_read_lock(&mmu->srcu);
	slot = holm_slot_find(holm_slots(mmu), gpa);
	if (slot && !slot->dying) {
		window->seq = seq;
		window->gpa = slot->gpa;
		window->size = slot->size;
		window->uaddr = slot->uaddr;
	}
	srcu_read_unlock(&mmu->srcu, idx);
	return window->seq;
}

static int guest_read(struct holm_vm *vm, u64 gpa, void *buf, size_t len, bool atomic)
{
	if (current->mm != vm->mm)
		return -EFAULT;

	while (len) {
		size_t n = len;
		void __user *addr = guest_addr(vm, gpa, &n, false);
		unsigned long left;

		if (!addr || !access_ok(addr, n))
			return -EFAULT;
		if (atomic && n == sizeof(u64)) {	/* a page-table entry */
			pagefault_disable();
			left = __get_user(*(u64 *)buf, (u64 __user *)addr) ? n : 0;
			pagefault_enable();
		} else if (atomic) {
			pagefault_disable();
			left = __copy_from_user_inatomic(buf, addr, n);
			pagefault_enable();
		} else {
			left = __copy_from_user(buf, addr, n);
		}
		if (left)
			return -EFAULT;
		gpa += n;
		buf += n;
		len -= n;
	}
	return 0;
}

int holm_guest_read(struct holm_vm *vm, u64 gpa, void *buf, size_t len)
{
	might_sleep();
	return guest_read(vm, gpa, buf, len, false);
}

int holm_guest_read_atomic(struct holm_vm *vm, u64 gpa, void *buf, size_t len)
{
	return guest_read(vm, gpa, buf, len, true);
}

void __user *holm_guest_uaddr(struct holm_vm *vm, u64 gpa, size_t len, bool write)
{
	size_t n = len;
	void __user *addr;

	if (current->mm != vm->mm)
		return NULL;
	addr = guest_addr(vm, gpa, &n, write);
	return addr && n == len && access_ok(addr, len) ? addr : NULL;
}

void holm_guest_dirty(struct holm_vm *vm, u64 gpa, size_t len)
{
	u64 page;

	/* After the write: who clears the bit has seen what it stands for. */
	for (page = gpa & PAGE_MASK; page < gpa + len; page += PAGE_SIZE)
		holm_dirty_mark(vm, page);
}

int holm_guest_write(struct holm_vm *vm, u64 gpa, const void *buf, size_t len)
{
	might_sleep();
	if (current->mm != vm->mm)
		return -EFAULT;

	while (len) {
		size_t n = len;
		void __user *addr = guest_addr(vm, gpa, &n, true);
		unsigned long left;

		if (!addr)
			return -EFAULT;
		left = copy_to_user(addr, buf, n);
		holm_guest_dirty(vm, gpa, n);
		if (left)
			return -EFAULT;
		gpa += n;
		buf += n;
		len -= n;
	}
	return 0;
}
