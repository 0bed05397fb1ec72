// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest's write to a port or to device memory signals an eventfd, without
 * the launcher: the doorbell of a device that another thread or the kernel
 * serves.
 *
 * Readers are vCPU threads with preemption off, which is an RCU read-side
 * critical section. The table is sorted and replaced whole when something is
 * added; a removal only clears a pointer, and so cannot fail for lack of memory.
 */
#include <linux/eventfd.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "holm.h"
#include "x86/store.h"
#include "x86/x86.h"

#define IOEVENTFD_FLAGS	(HOLM_IOEVENTFD_DEASSIGN | HOLM_IOEVENTFD_PORT | HOLM_IOEVENTFD_DATAMATCH)
#define PORTS		0x10000ULL

/* ---- look-up -------------------------------------------------------------- */

/* The first entry whose address is not below @addr. */
static unsigned int lower_bound(const struct holm_ioeventfd_table *table, u64 addr)
{
	unsigned int low = 0, high = table->nr;

	while (low < high) {
		unsigned int mid = (low + high) / 2;

		if (table->entry[mid].addr < addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct eventfd_ctx *holm_ioeventfd_find(const struct holm_ioeventfd_table *table, u64 addr,
					unsigned int size, u64 data)
{
	unsigned int i;

	for (i = lower_bound(table, addr); i < table->nr; i++) {
		const struct holm_ioeventfd_entry *e = &table->entry[i];
		struct eventfd_ctx *eventfd;

		if (e->addr != addr)
			break;
		if ((e->size && e->size != size) || (e->match && e->data != data))
			continue;
		eventfd = READ_ONCE(e->eventfd);
		if (eventfd)
			return eventfd;
	}
	return NULL;
}

bool holm_ioeventfd_signal(const struct holm_ioeventfd_table *table, u64 addr,
			   unsigned int size, u64 data)
{
	struct eventfd_ctx *eventfd = holm_ioeventfd_find(table, addr, size, data);

	if (!eventfd)
		return false;
	holm_eventfd_signal(eventfd);
	return true;
}

/* ---- stores --------------------------------------------------------------- */

/* Is there one in the page of @gpa? */
static bool page_has(const struct holm_ioeventfd_table *table, u64 gpa)
{
	unsigned int i = lower_bound(table, gpa & PAGE_MASK);

	return i < table->nr && !((table->entry[i].addr ^ gpa) & PAGE_MASK);
}

/* Which of the guest's writes may be one: an access of its own, to no memory. */
static bool is_candidate(struct holm_vcpu *vcpu)
{
	const struct holm_fault *fault = &vcpu->fault;
	const struct holm_ioeventfd_table *table;
	bool found;

	if (!(fault->access & HOLM_ACCESS_WRITE))
		return false;
	rcu_read_lock_sched();
	table = rcu_dereference_sched(vcpu->vm->ioeventfds.mmio);
	found = table && page_has(table, fault->gpa);
	rcu_read_unlock_sched();
	/* What the delivery of an event writes is not its instruction's. */
	return found && vcpu->interrupted.type == HOLM_EVENT_NONE &&
	       vcpu->exception.type == HOLM_EVENT_NONE &&
	       !holm_guest_uaddr(vcpu->vm, fault->gpa, 1, true);
}

/* The store at RIP: 0, -EINVAL when it is none, -EAGAIN when it may sleep for its bytes. */
static int decode(struct holm_vcpu *vcpu, bool atomic, struct holm_store *store)
{
	const struct holm_fault *fault = &vcpu->fault;
	struct holm_store_ctx ctx = {
		.gpr = vcpu->regs.gpr,
		.seg = vcpu->sregs.seg,
	};
	const u8 *insn = fault->insn;
	int n = fault->insn_len, err;
	u8 buf[HOLM_INSN_MAX];

	holm_state_get(vcpu, HOLM_ST_RIP | HOLM_ST_SEG | HOLM_ST_CR);
	if (!n) {
		n = holm_fetch_insn(vcpu, buf, sizeof(buf), atomic);
		insn = buf;
	}
	ctx.rip = vcpu->regs.rip;
	if (holm_is_64bit(vcpu))
		ctx.bits = 64;
	else
		ctx.bits = vcpu->sregs.seg[HOLM_SEG_CS].attrib & HOLM_SEG_DB ? 32 : 16;

	err = holm_decode_store(&ctx, insn, n, store);
	return err && atomic && insn == buf && n < (int)sizeof(buf) ? -EAGAIN : err;
}

/*
 * The CPU says where, the instruction what. When they do not agree, another
 * access than the operand's faulted, or the instruction has changed since.
 */
static bool agrees(const struct holm_fault *fault, const struct holm_store *store)
{
	if (fault->access & HOLM_ACCESS_GVA && fault->gva != store->linear)
		return false;
	return offset_in_page(fault->gpa) == offset_in_page(store->linear) &&
	       offset_in_page(fault->gpa) + store->size <= PAGE_SIZE;
}

int __holm_ioeventfd_store(struct holm_vcpu *vcpu, bool atomic)
{
	const struct holm_ioeventfd_table *table;
	struct holm_store store;
	bool found;
	int err;

	if (!is_candidate(vcpu))
		return 0;
	err = decode(vcpu, atomic, &store);
	if (err)
		return err == -EAGAIN ? err : 0;
	if (!agrees(&vcpu->fault, &store))
		return 0;

	rcu_read_lock_sched();
	table = rcu_dereference_sched(vcpu->vm->ioeventfds.mmio);
	found = table && holm_ioeventfd_signal(table, vcpu->fault.gpa, store.size, store.value);
	rcu_read_unlock_sched();
	if (!found)
		return 0;
	vcpu->next_rip = vcpu->regs.rip + store.len;
	holm_skip_insn(vcpu);
	return 1;
}

/* ---- changes -------------------------------------------------------------- */

/**
 * holm_ioeventfd_check() - is this an argument of HOLM_SET_IOEVENTFD
 * @arg: the argument
 * @phys_bits: width of a guest-physical address
 *
 * Return: 0 or -EINVAL.
 */
int holm_ioeventfd_check(const struct holm_ioeventfd *arg, u8 phys_bits)
{
	unsigned int size = arg->size, max = arg->flags & HOLM_IOEVENTFD_PORT ? 4 : 8;
	u64 end = arg->flags & HOLM_IOEVENTFD_PORT ? PORTS : BIT_ULL(phys_bits);

	if (arg->flags & ~IOEVENTFD_FLAGS || arg->reserved)
		return -EINVAL;
	if (size > max || (size && !is_power_of_2(size)))
		return -EINVAL;
	if (arg->addr >= end || end - arg->addr < size)
		return -EINVAL;
	if (offset_in_page(arg->addr) + size > PAGE_SIZE)
		return -EINVAL;
	if (!(arg->flags & HOLM_IOEVENTFD_DATAMATCH))
		return arg->datamatch ? -EINVAL : 0;
	if (!size || (size < 8 && arg->datamatch >> 8 * size))
		return -EINVAL;
	return 0;
}

static struct holm_ioeventfd_table __rcu **space(struct holm_ioeventfds *ioeventfds, u32 flags)
{
	return flags & HOLM_IOEVENTFD_PORT ? &ioeventfds->ports : &ioeventfds->mmio;
}

static struct holm_ioeventfd_table *locked(struct holm_ioeventfds *ioeventfds,
					   struct holm_ioeventfd_table __rcu *const *table)
{
	return rcu_dereference_protected(*table, lockdep_is_held(&ioeventfds->lock));
}

static unsigned int live(struct holm_ioeventfds *ioeventfds,
			 struct holm_ioeventfd_table __rcu *const *table)
{
	const struct holm_ioeventfd_table *t = locked(ioeventfds, table);

	return t ? t->live : 0;
}

/* Is there a write that matches both? */
static bool collides(const struct holm_ioeventfd_entry *a, const struct holm_ioeventfd_entry *b)
{
	if (a->addr != b->addr)
		return false;
	if (!a->size || !b->size)
		return true;
	return a->size == b->size && (!a->match || !b->match || a->data == b->data);
}

/* @old without what was removed, and with @e. */
static struct holm_ioeventfd_table *table_with(const struct holm_ioeventfd_table *old,
					       const struct holm_ioeventfd_entry *e)
{
	unsigned int nr = (old ? old->live : 0) + 1, i, n = 0;
	struct holm_ioeventfd_table *table;
	bool put = false;

	table = kvzalloc(struct_size(table, entry, nr), GFP_KERNEL_ACCOUNT);
	if (!table)
		return NULL;
	table->nr = nr;
	table->live = nr;
	for (i = 0; old && i < old->nr; i++) {
		if (!old->entry[i].eventfd)
			continue;
		if (!put && e->addr < old->entry[i].addr) {
			table->entry[n++] = *e;
			put = true;
		}
		table->entry[n++] = old->entry[i];
	}
	if (!put)
		table->entry[n] = *e;
	return table;
}

/**
 * holm_ioeventfd_add() - another entry
 * @ioeventfds: the VM's; its lock is held
 * @arg: checked
 * @eventfd: a reference, which is taken over on success
 *
 * Return: 0, -EEXIST, -ENOSPC or -ENOMEM.
 */
int holm_ioeventfd_add(struct holm_ioeventfds *ioeventfds, const struct holm_ioeventfd *arg,
		       struct eventfd_ctx *eventfd)
{
	struct holm_ioeventfd_table __rcu **where = space(ioeventfds, arg->flags);
	struct holm_ioeventfd_table *old = locked(ioeventfds, where), *new;
	const struct holm_ioeventfd_entry e = {
		.addr = arg->addr,
		.data = arg->datamatch,
		.eventfd = eventfd,
		.size = arg->size,
		.match = arg->flags & HOLM_IOEVENTFD_DATAMATCH,
	};
	unsigned int i;

	for (i = 0; old && i < old->nr; i++)
		if (old->entry[i].eventfd && collides(&old->entry[i], &e))
			return -EEXIST;
	if (live(ioeventfds, &ioeventfds->ports) + live(ioeventfds, &ioeventfds->mmio) >=
	    HOLM_MAX_IOEVENTFDS)
		return -ENOSPC;

	new = table_with(old, &e);
	if (!new)
		return -ENOMEM;
	rcu_assign_pointer(*where, new);
	if (old)
		kvfree_rcu(old, rcu);
	return 0;
}

/**
 * holm_ioeventfd_remove() - an entry less
 * @ioeventfds: the VM's; its lock is held
 * @arg: checked; the same as when it was added
 * @eventfd: the same
 *
 * The reference that the entry had is the caller's now, and nobody signals it
 * on its account any more. May sleep.
 *
 * Return: 0 or -ENOENT.
 */
int holm_ioeventfd_remove(struct holm_ioeventfds *ioeventfds, const struct holm_ioeventfd *arg,
			  struct eventfd_ctx *eventfd)
{
	struct holm_ioeventfd_table __rcu **where = space(ioeventfds, arg->flags);
	struct holm_ioeventfd_table *table = locked(ioeventfds, where);
	bool match = arg->flags & HOLM_IOEVENTFD_DATAMATCH;
	unsigned int i;

	for (i = table ? lower_bound(table, arg->addr) : 0; table && i < table->nr; i++) {
		struct holm_ioeventfd_entry *e = &table->entry[i];

		if (e->addr != arg->addr)
			break;
		if (e->eventfd != eventfd || e->size != arg->size || e->match != match ||
		    e->data != arg->datamatch)
			continue;

		WRITE_ONCE(e->eventfd, NULL);
		if (!--table->live)
			RCU_INIT_POINTER(*where, NULL);
		/*
		 * Expedited, as devices are reset with a vCPU waiting, and once
		 * for each of their queues.
		 */
		synchronize_rcu_expedited();
		if (!table->live)
			kvfree(table);
		return 0;
	}
	return -ENOENT;
}

int holm_ioeventfd_set(struct holm_vm *vm, const struct holm_ioeventfd *arg)
{
	struct holm_ioeventfds *ioeventfds = &vm->ioeventfds;
	bool remove = arg->flags & HOLM_IOEVENTFD_DEASSIGN;
	struct eventfd_ctx *eventfd;
	int err;

	err = holm_ioeventfd_check(arg, vm->mmu.phys_bits);
	if (err)
		return err;
	eventfd = eventfd_ctx_fdget(arg->fd);
	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);

	mutex_lock(&ioeventfds->lock);
	if (remove)
		err = holm_ioeventfd_remove(ioeventfds, arg, eventfd);
	else
		err = holm_ioeventfd_add(ioeventfds, arg, eventfd);
	mutex_unlock(&ioeventfds->lock);

	if (remove && !err)
		eventfd_ctx_put(eventfd);	/* the entry's */
	if (remove || err)
		eventfd_ctx_put(eventfd);
	return err;
}

static void table_destroy(struct holm_ioeventfd_table *table)
{
	unsigned int i;

	for (i = 0; table && i < table->nr; i++)
		if (table->entry[i].eventfd)
			eventfd_ctx_put(table->entry[i].eventfd);
	kvfree(table);
}

/**
 * holm_ioeventfds_destroy() - remove all
 * @ioeventfds: the VM's; nobody uses it any more
 */
void holm_ioeventfds_destroy(struct holm_ioeventfds *ioeventfds)
{
	table_destroy(rcu_dereference_protected(ioeventfds->ports, true));
	table_destroy(rcu_dereference_protected(ioeventfds->mmio, true));
	mutex_destroy(&ioeventfds->lock);
}
