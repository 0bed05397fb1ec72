// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asynchronous page faults (Documentation/virt/kvm/x86/msr.rst of the kernel,
 * MSR_KVM_ASYNC_PF_EN): memory that the host has to fetch from somewhere is what
 * one task of the guest waits for, not a whole vCPU.
 *
 * The guest gets a #PF with a token in CR2 and, in memory that it named, a word
 * that tells it from a page fault of its own: "page not present". A worker fetches
 * the page. Then the guest gets an interrupt and, in the same memory, the token:
 * "page ready", one at a time: it acknowledges each by an MSR. Where it cannot take
 * the #PF (interrupts are off, it is in its kernel, it has not read the last one,
 * ...) the vCPU waits for the page as without all this.
 *
 * Only the launcher's memory is fetched, into its page tables: the guest's next
 * access faults again and finds it, or whatever is there by then: another slot, or
 * none. So a wait says nothing about slots, and holds nothing but the address
 * space.
 *
 * A page may take as long as a userfaultfd's pager likes, and the pager may be who
 * closes the VM. So nobody ever waits for a worker (but the module's unload): a
 * vCPU that is reset or freed only forgets its waits, and a wait that nobody
 * remembers frees itself when its page has come. Until then the module is in use.
 * No wait may be queued behind pages that do not come. So there are
 * HOLM_PV_WAITS_ALL of them at most, and on each CPU the workqueue works at as many
 * at a time: a limit for each CPU is not divided, as that of an unbound workqueue is
 * among NUMA nodes. Nor may the waits of one VM leave none to others: it gets one
 * more only while it has fewer than are left. Faults beyond that are answered as
 * without all this.
 */
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/refcount.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>
#include <asm/kvm_para.h>
#include <asm/processor-flags.h>

#include "../holm.h"
#include "lapic_regs.h"
#include "msr.h"
#include "pv.h"
#include "x86.h"

/* MSR_KVM_ASYNC_PF_EN: 64 bytes, aligned; bits 4 and 5 are reserved. */
#define ENABLE_RESERVED	GENMASK_ULL(5, 4)
#define AREA_MASK	GENMASK_ULL(63, 6)

/* MSR_KVM_ASYNC_PF_ACK */
#define ACK_READY	BIT_ULL(0)

/* All that was told is void. */
#define TOKEN_ALL	(~0U)

/* The words at its beginning; what comes behind them is not the same in all kernels. */
#define AREA_SIZE	offsetof(struct kvm_vcpu_pv_apf_data, pad)

/* A token: which wait, and below it the vCPU. */
#define TOKEN_ID_SHIFT	12
#define TOKEN_IDS	(TOKEN_ALL >> TOKEN_ID_SHIFT)

static_assert(HOLM_MAX_VCPUS < BIT(TOKEN_ID_SHIFT) - 1);

/**
 * struct holm_pv_wait - a page that a guest was told to wait for
 * @link: [w] in the list of all, until the worker's part ends
 * @next: [r] in the vCPU's list
 * @work: fetches it
 * @refs: the vCPU's and the worker's
 * @lock: innermost but for what wakes the vCPU
 * @vcpu: [@lock] who waits; NULL: nobody any more
 * @mm: [I] mmgrab()ed
 * @uaddr: [I] address there
 * @write: [I] to be written
 * @token: [I] what the guest calls it
 * @done: [a] set by the worker, before HOLM_PV_READY
 */
struct holm_pv_wait {
	struct list_head link;
	struct holm_pv_wait *next;
	struct work_struct work;
	refcount_t refs;
	spinlock_t lock;
	struct holm_vcpu *vcpu;
	struct mm_struct *mm;
	unsigned long uaddr;
	bool write;
	u32 token;
	bool done;
};

static struct workqueue_struct *fetchers;

static DEFINE_SPINLOCK(waits_lock);
static LIST_HEAD(all_waits);		/* under waits_lock */
static unsigned int nr_waits;		/* of them; too */

int holm_pv_async_setup(void)
{
	fetchers = alloc_workqueue("holm_fetch", HOLM_WQ_PERCPU, HOLM_PV_WAITS_ALL);
	return fetchers ? 0 : -ENOMEM;
}

void holm_pv_async_teardown(void)
{
	/* The last worker may still be on its way out. */
	destroy_workqueue(fetchers);
}

/* ---- a wait --------------------------------------------------------------- */

/*
 * Into the list of all; false when it is not its VM's turn. A VM's waits are those
 * at its address space: they count also when their vCPU has forgotten them, or the
 * VM is gone, since their workers are still there.
 */
static bool wait_admit(struct holm_pv_wait *wait)
{
	const struct holm_pv_wait *other;
	unsigned int same = 0;
	bool ok;

	spin_lock(&waits_lock);
	list_for_each_entry(other, &all_waits, link)
		same += other->mm == wait->mm;
	ok = same < HOLM_PV_WAITS_ALL - nr_waits;
	if (ok) {
		list_add(&wait->link, &all_waits);
		nr_waits++;
	}
	spin_unlock(&waits_lock);
	return ok;
}

static void wait_put(struct holm_pv_wait *wait)
{
	if (!refcount_dec_and_test(&wait->refs))
		return;
	mmdrop(wait->mm);
	kfree(wait);
}

/* The worker's part ends. */
static void wait_end(struct holm_pv_wait *wait)
{
	spin_lock(&waits_lock);
	list_del(&wait->link);
	nr_waits--;
	spin_unlock(&waits_lock);
	wait_put(wait);
	module_put(THIS_MODULE);
}

static void fetch(struct work_struct *work)
{
	struct holm_pv_wait *wait = container_of(work, struct holm_pv_wait, work);
	struct mm_struct *mm = wait->mm;
	bool unlocked;

	/* Whatever comes of it: the guest tries again, and that tells the launcher. */
	if (mmget_not_zero(mm)) {
		mmap_read_lock(mm);
		fixup_user_fault(mm, wait->uaddr,
				 FAULT_FLAG_REMOTE | (wait->write ? FAULT_FLAG_WRITE : 0),
				 &unlocked);
		mmap_read_unlock(mm);
		mmput(mm);
	}

	WRITE_ONCE(wait->done, true);
	/* The vCPU cannot go before it has taken the lock. */
	spin_lock(&wait->lock);
	if (wait->vcpu)
		holm_pv_request(wait->vcpu, HOLM_PV_READY);
	spin_unlock(&wait->lock);
	wait_end(wait);
}

static struct holm_pv_wait *wait_create(struct holm_vcpu *vcpu, unsigned long uaddr, bool write)
{
	struct holm_pv_async *async = &vcpu->pv.async;
	struct holm_pv_wait *wait;

	wait = kzalloc(sizeof(*wait), GFP_KERNEL_ACCOUNT);
	if (!wait)
		return NULL;
	wait->mm = vcpu->vm->mm;
	if (!wait_admit(wait)) {
		kfree(wait);
		return NULL;
	}
	mmgrab(wait->mm);
	INIT_WORK(&wait->work, fetch);
	refcount_set(&wait->refs, 2);
	spin_lock_init(&wait->lock);
	wait->vcpu = vcpu;
	wait->uaddr = uaddr;
	wait->write = write;
	/* Never 0, which is no token, and never TOKEN_ALL: that is no vCPU's. */
	async->id = async->id % TOKEN_IDS + 1;
	wait->token = async->id << TOKEN_ID_SHIFT | vcpu->index;
	__module_get(THIS_MODULE);
	return wait;
}

/* It was never begun. */
static void wait_cancel(struct holm_pv_wait *wait)
{
	wait_put(wait);
	wait_end(wait);
}

/* Take it out of the vCPU's list, where @link points at it. */
static void wait_forget(struct holm_vcpu *vcpu, struct holm_pv_wait **link)
{
	struct holm_pv_wait *wait = *link;

	*link = wait->next;
	vcpu->pv.async.count--;
	spin_lock(&wait->lock);
	wait->vcpu = NULL;
	spin_unlock(&wait->lock);
	if (cancel_work(&wait->work))
		wait_end(wait);
	wait_put(wait);
}

void holm_pv_async_drop(struct holm_vcpu *vcpu)
{
	while (vcpu->pv.async.waits)
		wait_forget(vcpu, &vcpu->pv.async.waits);
}

/* ---- "page not present" --------------------------------------------------- */

static struct kvm_vcpu_pv_apf_data __user *area(struct holm_vcpu *vcpu)
{
	return holm_guest_uaddr(vcpu->vm, vcpu->pv.async.enable & AREA_MASK, AREA_SIZE, true);
}

static void area_written(struct holm_vcpu *vcpu)
{
	holm_guest_dirty(vcpu->vm, vcpu->pv.async.enable & AREA_MASK, AREA_SIZE);
}

bool holm_pv_async_may(struct holm_vcpu *vcpu)
{
	struct holm_pv *pv = &vcpu->pv;

	if (!holm_pv_has(pv, KVM_FEATURE_ASYNC_PF) || !holm_pv_has(pv, KVM_FEATURE_ASYNC_PF_INT) ||
	    pv->async.count >= HOLM_PV_WAITS)
		return false;
	/* An event whose delivery faulted has to be delivered first. */
	if (vcpu->exception.type != HOLM_EVENT_NONE || vcpu->interrupted.type != HOLM_EVENT_NONE)
		return false;
	/* What it is told makes it wait: it must be able to. */
	holm_state_get(vcpu, HOLM_ST_RIP | HOLM_ST_SHADOW | HOLM_ST_CR);
	if (!(vcpu->regs.rflags & X86_EFLAGS_IF) || vcpu->intr_shadow ||
	    !(vcpu->sregs.cr0 & X86_CR0_PG))
		return false;
	return pv->async.enable & KVM_ASYNC_PF_SEND_ALWAYS || holm_cpl(vcpu);
}

static bool waits_for(struct holm_vcpu *vcpu, unsigned long uaddr)
{
	struct holm_pv_wait *wait;

	for (wait = vcpu->pv.async.waits; wait; wait = wait->next)
		if (wait->uaddr == uaddr)
			return true;
	return false;
}

/* The word that says it; false when the guest has not read the one before. */
static bool mark_not_present(struct holm_vcpu *vcpu)
{
	struct kvm_vcpu_pv_apf_data __user *data = area(vcpu);
	u32 flags;

	if (!data || get_user(flags, &data->flags) || flags ||
	    put_user(KVM_PV_REASON_PAGE_NOT_PRESENT, &data->flags))
		return false;
	area_written(vcpu);
	return true;
}

bool holm_pv_async_tell(struct holm_vcpu *vcpu, unsigned long uaddr, bool write)
{
	struct holm_pv_async *async = &vcpu->pv.async;
	struct holm_pv_wait *wait;

	/* It was told, and came back: it has nothing else to do. */
	if (waits_for(vcpu, uaddr))
		return false;
	wait = wait_create(vcpu, uaddr, write);
	if (!wait)
		return false;
	if (!mark_not_present(vcpu)) {
		wait_cancel(wait);
		return false;
	}
	wait->next = async->waits;
	async->waits = wait;
	async->count++;
	holm_raise_pf(vcpu, wait->token, 0);
	queue_work(fetchers, &wait->work);
	return true;
}

/* ---- "page ready" --------------------------------------------------------- */

/* Of those that are there, the one that was told first. */
static struct holm_pv_wait **find_done(struct holm_pv_async *async)
{
	struct holm_pv_wait **link, **found = NULL;

	for (link = &async->waits; *link; link = &(*link)->next)
		if (READ_ONCE((*link)->done))
			found = link;
	return found;
}

static bool send_ready(struct holm_vcpu *vcpu, u32 token)
{
	struct kvm_vcpu_pv_apf_data __user *data = area(vcpu);
	u8 vector = vcpu->pv.async.vector;
	u32 old;

	if (vector < HOLM_LAPIC_FIRST_VECTOR || !data || get_user(old, &data->token) || old ||
	    put_user(token, &data->token))
		return false;
	area_written(vcpu);
	if (holm_lapic_accept(vcpu, HOLM_LAPIC_DM_FIXED, vector, false))
		return true;
	/* The LAPIC is off: it was not said. */
	if (!put_user(0, &data->token))
		area_written(vcpu);
	return false;
}

void holm_pv_async_ready(struct holm_vcpu *vcpu)
{
	struct holm_pv_async *async = &vcpu->pv.async;
	struct holm_pv_wait **done;

	async->retry = false;
	if (async->stale) {
		async->stale = false;
		holm_pv_async_drop(vcpu);
	}
	if (!holm_pv_async_on(&vcpu->pv) || async->sent)
		return;		/* the acknowledgement asks again */
	done = find_done(async);
	if (!async->wake_all && !done)
		return;
	if (!send_ready(vcpu, async->wake_all ? TOKEN_ALL : (*done)->token)) {
		async->retry = true;
		return;
	}
	async->sent = true;
	if (async->wake_all)
		async->wake_all = false;
	else
		wait_forget(vcpu, done);
}

/* ---- MSRs ----------------------------------------------------------------- */

int holm_pv_write_async_enable(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	struct holm_pv_async *async = &vcpu->pv.async;

	/* Nor as an exit of a nested guest: there are none. */
	if (a->value & (ENABLE_RESERVED | KVM_ASYNC_PF_DELIVERY_AS_PF_VMEXIT))
		return 1;
	if (a->value & KVM_ASYNC_PF_DELIVERY_AS_INT && !a->host &&
	    !holm_pv_has(&vcpu->pv, KVM_FEATURE_ASYNC_PF_INT))
		return 1;
	if (a->check)
		return 0;
	/* To be dropped where it may sleep. */
	async->stale = async->waits;
	async->enable = a->value;
	async->sent = false;
	/*
	 * What it was told of before, perhaps by another host, will not come: all
	 * that wait try again.
	 */
	async->wake_all = holm_pv_async_on(&vcpu->pv);
	holm_pv_request_own(vcpu, HOLM_PV_READY);
	return 0;
}

int holm_pv_write_async_vector(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	if (a->value & ~(u64)KVM_ASYNC_PF_VEC_MASK)
		return 1;
	if (a->check)
		return 0;
	vcpu->pv.async.vector = a->value;
	holm_pv_request_own(vcpu, HOLM_PV_READY);
	return 0;
}

int holm_pv_write_async_ack(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	if (a->check || !(a->value & ACK_READY))
		return 0;
	vcpu->pv.async.sent = false;
	holm_pv_request_own(vcpu, HOLM_PV_READY);
	return 0;
}
