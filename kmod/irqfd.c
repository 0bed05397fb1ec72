// SPDX-License-Identifier: GPL-2.0-only
/*
 * A signal of an eventfd delivers a message-signalled interrupt, from whatever
 * context it was signalled in, without the launcher.
 *
 * An irqfd with a resample eventfd is a pin of an I/O APIC whose trigger mode is
 * level (82093AA I/O APIC, "I/O Redirection Table Registers"): asserted until
 * the EOI, and delivered again only after it (remote IRR). The redirection
 * table itself is the launcher's; what it says about the pin comes as the
 * message.
 *
 * An eventfd's signal calls irqfd_wakeup() under the lock of its wait queue.
 * The irqfd holds a reference to the eventfd, so that its wait queue stays; but
 * once the last descriptor is closed nobody can name it any more. That the
 * wait queue tells as well (EPOLLHUP), there only as a mark: the next call on
 * the VM's irqfds collects it, or the end of the VM. No work outlives the VM.
 */
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/rculist.h>
#include <linux/slab.h>

#include "holm.h"

#define IRQFD_FLAGS	(HOLM_IRQFD_DEASSIGN | HOLM_IRQFD_UPDATE | HOLM_IRQFD_RESAMPLE | \
			 HOLM_IRQFD_MASKED | HOLM_IRQFD_STATE)
#define IRQFD_STATES	(HOLM_IRQFD_ASSERTED | HOLM_IRQFD_REMOTE_IRR)

#define FIRST_VECTOR	16

/* ---- the pin -------------------------------------------------------------- */

/* Deliver what is due. irqfd->lock is held. */
static void service(struct holm_kernel_irqfd *irqfd)
{
	if (!irqfd->asserted || irqfd->masked || irqfd->remote_irr)
		return;
	if (!irqfd->resample) {
		irqfd->asserted = false;
		holm_msi_deliver(irqfd->vm, &irqfd->msi);
		return;
	}
	/* What no LAPIC accepts has no EOI: the pin stays asserted, as it is. */
	bitmap_zero(irqfd->takers, HOLM_MAX_VCPUS);
	if (holm_msi_deliver_to(irqfd->vm, &irqfd->msi, irqfd->takers) > 0) {
		irqfd->remote_irr = true;
		irqfd->eoi_vector = holm_msi_vector(&irqfd->msi);
	}
}

void holm_irqfd_assert(struct holm_kernel_irqfd *irqfd)
{
	unsigned long flags;

	spin_lock_irqsave(&irqfd->lock, flags);
	irqfd->asserted = true;
	service(irqfd);
	spin_unlock_irqrestore(&irqfd->lock, flags);
}

bool holm_irqfd_deassert(struct holm_kernel_irqfd *irqfd, const struct holm_vcpu *vcpu, u8 vector)
{
	unsigned long flags;
	bool mine;

	spin_lock_irqsave(&irqfd->lock, flags);
	mine = irqfd->remote_irr && irqfd->eoi_vector == vector &&
	       test_bit(vcpu->index, irqfd->takers);
	if (mine) {
		irqfd->remote_irr = false;
		irqfd->asserted = false;
		irqfd->eoi_vector = 0;
	}
	spin_unlock_irqrestore(&irqfd->lock, flags);
	return mine;
}

/**
 * __holm_irqfd_eoi() - see holm_irqfd_eoi()
 * @vcpu: the vCPU
 * @vector: one of eoi_vectors
 */
bool __holm_irqfd_eoi(struct holm_vcpu *vcpu, u8 vector)
{
	struct holm_kernel_irqfd *irqfd;
	bool found = false;

	rcu_read_lock();
	list_for_each_entry_rcu(irqfd, &vcpu->vm->irqfds.resample, resample_link) {
		if (!holm_irqfd_deassert(irqfd, vcpu, vector))
			continue;
		/* No lock is held: it may be an eventfd that delivers, too. */
		holm_eventfd_signal(irqfd->resample);
		found = true;
	}
	rcu_read_unlock();
	return found;
}

/* ---- arguments ------------------------------------------------------------ */

/**
 * holm_irqfd_check() - is this an argument of HOLM_SET_IRQFD, as far as can be
 *	told without the irqfd
 * @arg: the argument
 *
 * Return: 0 or -EINVAL.
 */
int holm_irqfd_check(const struct holm_irqfd *arg)
{
	bool update = arg->flags & HOLM_IRQFD_UPDATE;
	bool resample = arg->flags & HOLM_IRQFD_RESAMPLE;

	if (arg->flags & ~IRQFD_FLAGS)
		return -EINVAL;
	if (arg->flags & HOLM_IRQFD_DEASSIGN)
		return arg->flags == HOLM_IRQFD_DEASSIGN ? 0 : -EINVAL;
	if (resample ? update : arg->resample_fd != -1)
		return -EINVAL;
	if (!(arg->flags & HOLM_IRQFD_STATE) && arg->state)
		return -EINVAL;
	if (arg->state & ~IRQFD_STATES)
		return -EINVAL;
	if (!(arg->state & HOLM_IRQFD_REMOTE_IRR))
		return arg->eoi_vector ? -EINVAL : 0;
	return arg->eoi_vector >= FIRST_VECTOR && arg->eoi_vector < HOLM_VECTORS ? 0 : -EINVAL;
}

/**
 * holm_irqfd_check_message() - do message and state suit the irqfd
 * @arg: the argument
 * @resample: the irqfd is level-triggered
 *
 * Return: 0 or -EINVAL.
 */
int holm_irqfd_check_message(const struct holm_irqfd *arg, bool resample)
{
	const struct holm_msi msi = { .address = arg->address, .data = arg->data };
	int err;

	if (arg->state & HOLM_IRQFD_REMOTE_IRR && !resample)
		return -EINVAL;
	if (arg->flags & HOLM_IRQFD_MASKED)
		return 0;
	err = holm_msi_check(&msi);
	if (err)
		return err;
	return resample == holm_msi_is_level(&msi) ? 0 : -EINVAL;
}

/* ---- registration --------------------------------------------------------- */

/**
 * holm_irqfd_init() - a new irqfd: masked, nothing pending
 * @irqfd: zeroed
 * @vm: its VM
 * @eventfd: a reference, or in tests anything
 * @resample: a reference, or NULL
 */
void holm_irqfd_init(struct holm_kernel_irqfd *irqfd, struct holm_vm *vm,
		     struct eventfd_ctx *eventfd, struct eventfd_ctx *resample)
{
	irqfd->vm = vm;
	irqfd->eventfd = eventfd;
	irqfd->resample = resample;
	irqfd->masked = true;
	spin_lock_init(&irqfd->lock);
	INIT_LIST_HEAD(&irqfd->link);
	INIT_LIST_HEAD(&irqfd->resample_link);
}

static void add_vector(unsigned long *vectors, const struct holm_msi *msi, bool masked,
		       u8 eoi_vector)
{
	if (!masked)
		__set_bit(holm_msi_vector(msi), vectors);
	if (eoi_vector)
		__set_bit(eoi_vector, vectors);
}

/*
 * eoi_vectors anew, with those of @arg. A vector that stays is never seen
 * missing: whole words are written. One that is outstanding may be answered
 * meanwhile, which at worst leaves a bit too many.
 */
static void update_vectors(struct holm_irqfds *irqfds, const struct holm_irqfd *arg)
{
	DECLARE_BITMAP(vectors, HOLM_VECTORS);
	struct holm_kernel_irqfd *irqfd;
	unsigned int i;

	bitmap_zero(vectors, HOLM_VECTORS);
	list_for_each_entry(irqfd, &irqfds->resample, resample_link) {
		spin_lock_irq(&irqfd->lock);
		add_vector(vectors, &irqfd->msi, irqfd->masked, irqfd->eoi_vector);
		spin_unlock_irq(&irqfd->lock);
	}
	if (arg) {
		const struct holm_msi msi = { .address = arg->address, .data = arg->data };

		add_vector(vectors, &msi, arg->flags & HOLM_IRQFD_MASKED, arg->eoi_vector);
	}
	for (i = 0; i < ARRAY_SIZE(vectors); i++)
		WRITE_ONCE(irqfds->eoi_vectors[i], vectors[i]);
}

/**
 * holm_irqfd_link() - make an irqfd known; EOIs find it
 * @irqfd: initialized; irqfds.lock is held
 */
void holm_irqfd_link(struct holm_kernel_irqfd *irqfd)
{
	struct holm_irqfds *irqfds = &irqfd->vm->irqfds;

	list_add(&irqfd->link, &irqfds->all);
	irqfds->nr++;
	if (irqfd->resample)
		list_add_rcu(&irqfd->resample_link, &irqfds->resample);
}

/**
 * holm_irqfd_unlink() - undo; readers may still be at it
 * @irqfd: linked; irqfds.lock is held
 */
void holm_irqfd_unlink(struct holm_kernel_irqfd *irqfd)
{
	struct holm_irqfds *irqfds = &irqfd->vm->irqfds;

	list_del(&irqfd->link);
	irqfds->nr--;
	if (!irqfd->resample)
		return;
	list_del_rcu(&irqfd->resample_link);
	update_vectors(irqfds, NULL);
}

/**
 * holm_irqfd_change() - message, mask and, when asked for, state
 * @irqfd: linked; irqfds.lock is held
 * @arg: checked
 */
void holm_irqfd_change(struct holm_kernel_irqfd *irqfd, const struct holm_irqfd *arg)
{
	struct holm_irqfds *irqfds = &irqfd->vm->irqfds;

	/* Before the first message whose EOI is looked for. */
	if (irqfd->resample)
		update_vectors(irqfds, arg);

	spin_lock_irq(&irqfd->lock);
	irqfd->msi.address = arg->address;
	irqfd->msi.data = arg->data;
	irqfd->masked = arg->flags & HOLM_IRQFD_MASKED;
	if (arg->flags & HOLM_IRQFD_STATE) {
		irqfd->asserted = arg->state & HOLM_IRQFD_ASSERTED;
		irqfd->remote_irr = arg->state & HOLM_IRQFD_REMOTE_IRR;
		irqfd->eoi_vector = arg->eoi_vector;
		/* Who has it in service is in the LAPICs' state: an EOI tells. */
		bitmap_fill(irqfd->takers, HOLM_MAX_VCPUS);
	}
	service(irqfd);
	spin_unlock_irq(&irqfd->lock);
}

/**
 * holm_irqfd_read() - message, mask and state
 * @irqfd: linked; irqfds.lock is held
 * @arg: filled in
 */
void holm_irqfd_read(struct holm_kernel_irqfd *irqfd, struct holm_irqfd *arg)
{
	arg->resample_fd = -1;
	spin_lock_irq(&irqfd->lock);
	arg->flags = (irqfd->resample ? HOLM_IRQFD_RESAMPLE : 0) |
		     (irqfd->masked ? HOLM_IRQFD_MASKED : 0);
	arg->state = (irqfd->asserted ? HOLM_IRQFD_ASSERTED : 0) |
		     (irqfd->remote_irr ? HOLM_IRQFD_REMOTE_IRR : 0);
	arg->address = irqfd->msi.address;
	arg->data = irqfd->msi.data;
	arg->eoi_vector = irqfd->eoi_vector;
	spin_unlock_irq(&irqfd->lock);
}

/* ---- eventfds ------------------------------------------------------------- */

/* irqfd->wqh->lock is held: takes what was signalled, and delivers. */
static void consume(struct holm_kernel_irqfd *irqfd)
{
	u64 count;

	eventfd_ctx_do_read(irqfd->eventfd, &count);
	holm_irqfd_assert(irqfd);
}

static int irqfd_wakeup(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct holm_kernel_irqfd *irqfd = container_of(wait, struct holm_kernel_irqfd, wait);
	__poll_t events = key_to_poll(key);

	if (events & EPOLLIN && !irqfd->closed)
		consume(irqfd);
	if (events & EPOLLHUP) {
		WRITE_ONCE(irqfd->closed, true);
		/* Pairs with the exchange in collect_closed(). */
		smp_store_release(&irqfd->vm->irqfds.any_closed, true);
	}
	return 0;
}

struct irqfd_poll {
	poll_table table;
	struct holm_kernel_irqfd *irqfd;
};

static void irqfd_queue(struct file *file, wait_queue_head_t *wqh, poll_table *table)
{
	struct holm_kernel_irqfd *irqfd = container_of(table, struct irqfd_poll, table)->irqfd;

	irqfd->wqh = wqh;
	add_wait_queue(wqh, &irqfd->wait);
}

/* From here on signals are delivered, the ones there were already included. */
static void irqfd_listen(struct holm_kernel_irqfd *irqfd, struct file *file)
{
	struct irqfd_poll poll = { .irqfd = irqfd };

	init_waitqueue_func_entry(&irqfd->wait, irqfd_wakeup);
	init_poll_funcptr(&poll.table, irqfd_queue);
	vfs_poll(file, &poll.table);

	/* A signal since then was taken by irqfd_wakeup(). */
	spin_lock_irq(&irqfd->wqh->lock);
	if (vfs_poll(file, NULL) & EPOLLIN)
		consume(irqfd);
	spin_unlock_irq(&irqfd->wqh->lock);
}

/* Unlinked: nothing is delivered any more; then free it. */
static void irqfd_free(struct holm_kernel_irqfd *irqfd, bool readers)
{
	u64 count;

	eventfd_ctx_remove_wait_queue(irqfd->eventfd, &irqfd->wait, &count);
	if (irqfd->resample) {
		if (readers)
			synchronize_rcu_expedited();
		eventfd_ctx_put(irqfd->resample);
	}
	eventfd_ctx_put(irqfd->eventfd);
	kfree(irqfd);
}

static void irqfd_remove(struct holm_kernel_irqfd *irqfd, bool readers)
{
	holm_irqfd_unlink(irqfd);
	irqfd_free(irqfd, readers);
}

/* Remove those that nobody can name any more. */
static void collect_closed(struct holm_irqfds *irqfds)
{
	struct holm_kernel_irqfd *irqfd, *next;

	/* One that closes after this marks it again. */
	if (!READ_ONCE(irqfds->any_closed) || !xchg(&irqfds->any_closed, false))
		return;
	list_for_each_entry_safe(irqfd, next, &irqfds->all, link)
		if (READ_ONCE(irqfd->closed))
			irqfd_remove(irqfd, true);
}

static struct holm_kernel_irqfd *irqfd_find(struct holm_irqfds *irqfds,
					    const struct eventfd_ctx *eventfd)
{
	struct holm_kernel_irqfd *irqfd;

	list_for_each_entry(irqfd, &irqfds->all, link)
		if (irqfd->eventfd == eventfd)
			return irqfd;
	return NULL;
}

/* ---- calls ---------------------------------------------------------------- */

/* @file is that of @eventfd, which is borrowed; irqfds->lock is held. */
static int irqfd_assign(struct holm_vm *vm, const struct holm_irqfd *arg, struct file *file,
			struct eventfd_ctx *eventfd)
{
	bool level = arg->flags & HOLM_IRQFD_RESAMPLE;
	struct holm_irqfds *irqfds = &vm->irqfds;
	struct eventfd_ctx *resample = NULL;
	struct holm_kernel_irqfd *irqfd;
	int err;

	err = holm_irqfd_check_message(arg, level);
	if (err)
		return err;
	if (irqfd_find(irqfds, eventfd))
		return -EBUSY;
	if (irqfds->nr >= HOLM_MAX_IRQFDS)
		return -ENOSPC;
	if (level) {
		resample = eventfd_ctx_fdget(arg->resample_fd);
		if (IS_ERR(resample))
			return PTR_ERR(resample);
		err = -EINVAL;
		if (resample == eventfd)
			goto err_put;
	}
	err = -ENOMEM;
	irqfd = kzalloc(sizeof(*irqfd), GFP_KERNEL_ACCOUNT);
	if (!irqfd)
		goto err_put;

	holm_irqfd_init(irqfd, vm, eventfd_ctx_fileget(file), resample);
	holm_irqfd_link(irqfd);
	holm_irqfd_change(irqfd, arg);
	irqfd_listen(irqfd, file);
	return 0;

err_put:
	if (resample)
		eventfd_ctx_put(resample);
	return err;
}

static int irqfd_set(struct holm_vm *vm, const struct holm_irqfd *arg, struct file *file,
		     struct eventfd_ctx *eventfd)
{
	struct holm_irqfds *irqfds = &vm->irqfds;
	struct holm_kernel_irqfd *irqfd;
	int err;

	collect_closed(irqfds);
	if (!(arg->flags & (HOLM_IRQFD_DEASSIGN | HOLM_IRQFD_UPDATE)))
		return irqfd_assign(vm, arg, file, eventfd);

	irqfd = irqfd_find(irqfds, eventfd);
	if (!irqfd)
		return -ENOENT;
	if (arg->flags & HOLM_IRQFD_DEASSIGN) {
		irqfd_remove(irqfd, true);
		return 0;
	}
	err = holm_irqfd_check_message(arg, irqfd->resample);
	if (!err)
		holm_irqfd_change(irqfd, arg);
	return err;
}

/* Call @fn with the eventfd that @fd is. */
static int with_eventfd(struct holm_vm *vm, int fd,
			int (*fn)(struct holm_vm *vm, void *data, struct file *file,
				  struct eventfd_ctx *eventfd), void *data)
{
	struct file *file = eventfd_fget(fd);
	struct eventfd_ctx *eventfd;
	int err;

	if (IS_ERR(file))
		return PTR_ERR(file);
	eventfd = eventfd_ctx_fileget(file);
	mutex_lock(&vm->irqfds.lock);
	err = fn(vm, data, file, eventfd);
	mutex_unlock(&vm->irqfds.lock);
	eventfd_ctx_put(eventfd);
	fput(file);
	return err;
}

static int set_with(struct holm_vm *vm, void *data, struct file *file, struct eventfd_ctx *eventfd)
{
	return irqfd_set(vm, data, file, eventfd);
}

static int get_with(struct holm_vm *vm, void *data, struct file *file, struct eventfd_ctx *eventfd)
{
	struct holm_kernel_irqfd *irqfd = irqfd_find(&vm->irqfds, eventfd);

	if (!irqfd)
		return -ENOENT;
	holm_irqfd_read(irqfd, data);
	return 0;
}

int holm_irqfd_set(struct holm_vm *vm, const struct holm_irqfd *arg)
{
	struct holm_irqfd copy = *arg;
	int err = holm_irqfd_check(arg);

	return err ? err : with_eventfd(vm, arg->fd, set_with, &copy);
}

int holm_irqfd_get(struct holm_vm *vm, struct holm_irqfd *arg)
{
	if (arg->flags)
		return -EINVAL;
	return with_eventfd(vm, arg->fd, get_with, arg);
}

/* ---- life ----------------------------------------------------------------- */

/**
 * holm_eventfds_init() - no irqfds and ioeventfds yet
 * @vm: not yet published
 */
void holm_eventfds_init(struct holm_vm *vm)
{
	mutex_init(&vm->ioeventfds.lock);
	mutex_init(&vm->irqfds.lock);
	INIT_LIST_HEAD(&vm->irqfds.all);
	INIT_LIST_HEAD(&vm->irqfds.resample);
}

void holm_eventfds_destroy(struct holm_vm *vm)
{
	holm_irqfds_destroy(&vm->irqfds);
	holm_ioeventfds_destroy(&vm->ioeventfds);
}

/**
 * holm_irqfds_destroy() - remove all
 * @irqfds: the VM's; no vCPU runs, and no call is under way
 */
void holm_irqfds_destroy(struct holm_irqfds *irqfds)
{
	struct holm_kernel_irqfd *irqfd, *next;

	list_for_each_entry_safe(irqfd, next, &irqfds->all, link)
		irqfd_free(irqfd, false);
	mutex_destroy(&irqfds->lock);
}
