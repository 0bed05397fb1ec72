/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Eventfds on both ends of a guest's device: a write of the guest signals one
 * (ioeventfd.c), a signal of one delivers an interrupt (irqfd.c). Neither needs
 * the launcher.
 *
 * Lock legend, beside that of holm.h:
 *	[e] the mutex of the structure (ioeventfds.lock, irqfds.lock)
 *	[q] holm_kernel_irqfd.lock, a spinlock taken with IRQs off
 */
#ifndef HOLM_EVENTFD_H
#define HOLM_EVENTFD_H

#include <linux/bitmap.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "../uapi/linux/holm.h"

struct eventfd_ctx;
struct holm_vcpu;
struct holm_vm;

/* ---- ioeventfd.c -------------------------------------------------------- */

/**
 * struct holm_ioeventfd_entry - one address that signals an eventfd
 * @addr: port or guest-physical address
 * @data: what must be written, with @match
 * @eventfd: what is signalled, a reference; NULL: removed (WRITE_ONCE)
 * @size: bytes, or 0 for any number
 * @match: compare @data
 */
struct holm_ioeventfd_entry {
	u64 addr;
	u64 data;
	struct eventfd_ctx *eventfd;
	u8 size;
	bool match;
};

/**
 * struct holm_ioeventfd_table - entries in order of their address
 * @rcu: frees it
 * @nr: entries, removed ones included
 * @live: [e] entries that are not removed
 * @entry: they never change, but for @entry.eventfd, which becomes NULL
 */
struct holm_ioeventfd_table {
	struct rcu_head rcu;
	unsigned int nr;
	unsigned int live;
	struct holm_ioeventfd_entry entry[];
};

/**
 * struct holm_ioeventfds - those of a VM
 * @lock: every change
 * @ports, @mmio: [e] replaced whole; read with preemption off; NULL when empty
 */
struct holm_ioeventfds {
	struct mutex lock;
	struct holm_ioeventfd_table __rcu *ports;
	struct holm_ioeventfd_table __rcu *mmio;
};

/**
 * holm_ioeventfd_set() - HOLM_SET_IOEVENTFD
 * @vm: the VM
 * @arg: a copy of the launcher's argument, unchecked
 *
 * When a removal returns, the eventfd is signalled no more on its account.
 *
 * May sleep. Return: 0, or -EINVAL, -EBADF, -EEXIST (some write would match
 * both), -ENOENT (removing nothing), -ENOSPC (HOLM_MAX_IOEVENTFDS), -ENOMEM.
 */
int holm_ioeventfd_set(struct holm_vm *vm, const struct holm_ioeventfd *arg);

/* The parts of it, for which @eventfd may be anything but NULL; [e] held. */
int holm_ioeventfd_check(const struct holm_ioeventfd *arg, u8 phys_bits);
int holm_ioeventfd_add(struct holm_ioeventfds *ioeventfds, const struct holm_ioeventfd *arg,
		       struct eventfd_ctx *eventfd);
int holm_ioeventfd_remove(struct holm_ioeventfds *ioeventfds, const struct holm_ioeventfd *arg,
			  struct eventfd_ctx *eventfd);

/**
 * holm_ioeventfd_find() - what a write signals
 * @table: the table
 * @addr: where the write begins
 * @size: bytes written
 * @data: what is written, zero-extended
 *
 * Preemption off, until the result has been used. Return: NULL when nothing
 * matches.
 */
struct eventfd_ctx *holm_ioeventfd_find(const struct holm_ioeventfd_table *table, u64 addr,
					unsigned int size, u64 data);

/* As holm_ioeventfd_find(), and signal it. Return: whether there was one. */
bool holm_ioeventfd_signal(const struct holm_ioeventfd_table *table, u64 addr,
			   unsigned int size, u64 data);

/* ---- irqfd.c ------------------------------------------------------------ */

/**
 * struct holm_kernel_irqfd - an eventfd that delivers a message
 * @vm: [I] its VM
 * @link: [e] in holm_irqfds.all
 * @resample_link: [e] in holm_irqfds.resample when there is a @resample; RCU
 * @eventfd: [I] a reference
 * @resample: [I] a reference, or NULL for an edge-triggered one
 * @wait: in the wait queue of @eventfd
 * @wqh: [I] that queue
 * @closed: nobody has a descriptor of @eventfd any more: collected by the next
 *	call; written under wqh->lock
 * @lock: [q] all below; taken under wqh->lock, and under [e]
 * @msi: [q] the message; written under [e] too
 * @masked: [q] not delivered; written under [e] too
 * @asserted: [q] signalled and not answered: for a level by EOI, for an edge by
 *	delivery
 * @remote_irr: [q] a level was delivered, its EOI is outstanding
 * @eoi_vector: [q] the vector of that EOI
 * @takers: [q] vCPUs by index that the EOI may come from
 */
struct holm_kernel_irqfd {
	struct holm_vm *vm;
	struct list_head link;
	struct list_head resample_link;
	struct eventfd_ctx *eventfd;
	struct eventfd_ctx *resample;
	wait_queue_entry_t wait;
	wait_queue_head_t *wqh;
	bool closed;
	spinlock_t lock;
	struct holm_msi msi;
	bool masked;
	bool asserted;
	bool remote_irr;
	u8 eoi_vector;
	DECLARE_BITMAP(takers, HOLM_MAX_VCPUS);
};

#define HOLM_VECTORS	256

/**
 * struct holm_irqfds - those of a VM
 * @lock: every change
 * @all: [e] holm_kernel_irqfd.link
 * @nr: [e] how many
 * @any_closed: some are to be collected; WRITE_ONCE
 * @resample: [e] holm_kernel_irqfd.resample_link; readers use RCU
 * @eoi_vectors: vectors whose EOI one of @resample may wait for, and maybe
 *	more; written under [e], whole words, before the message can be sent
 */
struct holm_irqfds {
	struct mutex lock;
	struct list_head all;
	unsigned int nr;
	bool any_closed;
	struct list_head resample;
	DECLARE_BITMAP(eoi_vectors, HOLM_VECTORS);
};

/**
 * holm_irqfd_set() - HOLM_SET_IRQFD
 * @vm: the VM
 * @arg: a copy of the launcher's argument, unchecked
 *
 * What the eventfd was signalled before it was assigned is delivered. When a
 * removal returns, nothing is delivered any more.
 *
 * May sleep. Return: 0, or -EINVAL, -EBADF, -EBUSY (the eventfd is assigned),
 * -ENOENT (it is not), -ENOSPC (HOLM_MAX_IRQFDS), -ENOMEM.
 */
int holm_irqfd_set(struct holm_vm *vm, const struct holm_irqfd *arg);

/* HOLM_GET_IRQFD: 0, or -EINVAL, -EBADF, -ENOENT. May sleep. */
int holm_irqfd_get(struct holm_vm *vm, struct holm_irqfd *arg);

/* The parts of it that know nothing of files. */
int holm_irqfd_check(const struct holm_irqfd *arg);
int holm_irqfd_check_message(const struct holm_irqfd *arg, bool resample);
void holm_irqfd_init(struct holm_kernel_irqfd *irqfd, struct holm_vm *vm,
		     struct eventfd_ctx *eventfd, struct eventfd_ctx *resample);
void holm_irqfd_link(struct holm_kernel_irqfd *irqfd);
void holm_irqfd_unlink(struct holm_kernel_irqfd *irqfd);
void holm_irqfd_change(struct holm_kernel_irqfd *irqfd, const struct holm_irqfd *arg);
void holm_irqfd_read(struct holm_kernel_irqfd *irqfd, struct holm_irqfd *arg);

/* The eventfd was signalled. Any context. */
void holm_irqfd_assert(struct holm_kernel_irqfd *irqfd);

/* The EOI of @vector on @vcpu: whether it was this one's. Any context. */
bool holm_irqfd_deassert(struct holm_kernel_irqfd *irqfd, const struct holm_vcpu *vcpu, u8 vector);

/* ---- both --------------------------------------------------------------- */

void holm_eventfds_init(struct holm_vm *vm);

/**
 * holm_eventfds_destroy() - undo every registration
 * @vm: the VM: no call is under way and no vCPU runs
 *
 * When it returns, no eventfd's signal reaches the VM. May sleep.
 */
void holm_eventfds_destroy(struct holm_vm *vm);

void holm_ioeventfds_destroy(struct holm_ioeventfds *ioeventfds);
void holm_irqfds_destroy(struct holm_irqfds *irqfds);

#endif /* HOLM_EVENTFD_H */
