// SPDX-License-Identifier: GPL-2.0-only
/*
 * AVIC: AMD64 APM Vol. 2, 15.29 "Advanced Virtual Interrupt Controller". The CPU
 * delivers a guest's interrupts from its backing page (x86/lapic_virt.c), sends
 * its IPIs by two tables of the VM, and has most accesses to the APIC page answered
 * by the backing page.
 *
 * Off unless asked for, because nothing that we have implements it.
 *
 * It is for vCPUs in xAPIC mode, each by itself, entry by entry: avic_wanted() says
 * when not, and then the LAPIC is software's as without AVIC. Whoever sends to
 * such a vCPU by the tables finds it not running, and exits. x2AVIC is not used:
 * x2APIC mode is software's.
 *
 *	backing page		lapic->shared, of the VM: CPUs may write to it as long as
 *				any vCPU runs
 *	physical table		entries are valid from the vCPU's creation on, because
 *				a broadcast passes over those that are not
 *	logical table		made again when vm->lapic_changes has changed
 *	view			nested page table with the APIC page: avic.h
 *
 * IsRunning is set at the first entry after vcpu_load, as only that is followed by
 * a look of the CPU at the page, and cleared by vcpu_put, before the vCPU looks for
 * requests to see whether it may sleep:
 *
 *	CPU that sends				vCPU
 *	set the bit in IRR (atomic)		IsRunning = 0
 *						full barrier
 *	IsRunning? no: exit, holm_ipi_tell()	look at IRR; nothing: sleep
 *
 * One of them sees the other. See Documentation/locking.rst for software that sends.
 */
#define pr_fmt(fmt) "holm: svm: " fmt

#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <asm/processor.h>
#include <asm/smp.h>

#include "../exits.h"
#include "../x86/lapic_regs.h"
#include "avic.h"
#include "svm.h"

static bool avic;
module_param(avic, bool, 0444);
MODULE_PARM_DESC(avic, "SVM: the CPU delivers interrupts to guests in xAPIC mode where it can; untested on hardware (default N)");

DEFINE_STATIC_KEY_FALSE(svm_avic_key);

/* IsRunning may be set. */
static bool avic_running_ok;

/**
 * struct svm_avic - a VM's part
 * @lock: @logical is being made; IRQs off
 * @changes: vm->lapic_changes that @logical is from; written under @lock
 * @logical: logical APIC ID table
 * @physical: physical APIC ID table; an entry is written by its vCPU's thread
 * @backing: [v] backing pages by APIC ID, kept as long as the VM: a CPU that has
 *	read an entry may write to its page a little later
 * @apic_page: what the view maps; no access gets there
 * @view: changed under mmu.lock, cleared without
 */
struct svm_avic {
	raw_spinlock_t lock;
	int changes;
	u32 *logical;
	u64 *physical;
	void *backing[HOLM_MAX_VCPUS];
	void *apic_page;
	struct svm_avic_view view;
};

/* ---- capability ----------------------------------------------------------- */

/**
 * svm_avic_setup() - at load: is it asked for, and can it be had
 * @features: CPUID Fn8000_000A EDX
 */
void svm_avic_setup(u32 features)
{
	if (!avic)
		return;
	if (!(features & SVM_CPUID_EDX_AVIC)) {
		pr_warn("avic=1 has no effect: this CPU has no AVIC (CPUID Fn8000_000A EDX[13])\n");
		return;
	}
	/*
	 * The view has four levels, and is filled under mmu.lock with preemption
	 * off.
	 */
	if (svm_caps.nested_l5 || IS_ENABLED(CONFIG_PREEMPT_RT)) {
		pr_warn("avic=1 has no effect: not with 5-level paging or PREEMPT_RT\n");
		return;
	}
	/*
	 * Erratum 1235 of families 17h and 18h: a sender's CPU may see an IsRunning
	 * that was cleared, and then nobody wakes the destination. There, and on
	 * what is older, every IPI exits.
	 */
	avic_running_ok = boot_cpu_data.x86 > 0x18;
	static_branch_enable(&svm_avic_key);
	pr_info("AVIC is on for guests in xAPIC mode%s: untested on hardware\n",
		avic_running_ok ? "" : ", IPIs exit (erratum 1235)");
}

void svm_avic_teardown(void)
{
	static_branch_disable(&svm_avic_key);
}

/* ---- VM ------------------------------------------------------------------- */

static void *avic_page(void)
{
	return (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
}

static void avic_free(struct svm_avic *a)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(a->backing); i++)
		free_page((unsigned long)a->backing[i]);
	for (i = 0; i < ARRAY_SIZE(a->view.table); i++)
		free_page((unsigned long)a->view.table[i]);
	free_page((unsigned long)a->apic_page);
	free_page((unsigned long)a->physical);
	free_page((unsigned long)a->logical);
	kfree(a);
}

/* Return: the VM's part, NULL without memory. May sleep. */
struct svm_avic *svm_avic_vm_create(void)
{
	struct svm_avic *a = kzalloc(sizeof(*a), GFP_KERNEL_ACCOUNT);
	unsigned int i;

	if (!a)
		return NULL;
	raw_spin_lock_init(&a->lock);
	a->changes = -1;
	a->logical = avic_page();
	a->physical = avic_page();
	a->apic_page = avic_page();
	if (!a->logical || !a->physical || !a->apic_page)
		goto err;
	for (i = 0; i < ARRAY_SIZE(a->view.table); i++) {
		a->view.table[i] = avic_page();
		if (!a->view.table[i])
			goto err;
	}
	svm_avic_view_init(&a->view, &holm_format_npt, virt_to_phys(a->apic_page));
	return a;

err:
	avic_free(a);
	return NULL;
}

/* No vCPU runs any more; NULL is fine. */
void svm_avic_vm_destroy(struct svm_avic *a)
{
	if (a)
		avic_free(a);
}

/* ---- vCPU ----------------------------------------------------------------- */

static struct svm_avic *to_avic(const struct holm_vcpu *vcpu)
{
	return to_svm_vm(vcpu->vm)->avic;
}

/**
 * svm_avic_vcpu_create() - a backing page
 * @vcpu: the vCPU; vm->lock. May sleep
 *
 * Return: 0 or -ENOMEM.
 */
int svm_avic_vcpu_create(struct holm_vcpu *vcpu)
{
	struct svm_avic *a = to_avic(vcpu);
	void **page;

	if (!a)
		return 0;
	page = &a->backing[vcpu->apic_id];
	if (!*page)
		*page = avic_page();
	to_svm(vcpu)->avic_page = *page;
	return *page ? 0 : -ENOMEM;
}

/* Others may run: the page stays. */
void svm_avic_vcpu_destroy(struct holm_vcpu *vcpu)
{
	struct svm_avic *a = to_avic(vcpu);

	if (a)
		WRITE_ONCE(a->physical[vcpu->apic_id], 0);
}

static void write_entry(struct holm_vcpu *vcpu, int host_id)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	svm->avic_running = host_id >= 0;
	WRITE_ONCE(to_avic(vcpu)->physical[vcpu->apic_id],
		   svm_avic_physical(virt_to_phys(svm->avic_page), host_id));
}

/**
 * svm_avic_vcpu_reset() - what does not change
 * @vcpu: being created: its control block is zeroed, its LAPIC there
 */
void svm_avic_vcpu_reset(struct holm_vcpu *vcpu)
{
	struct svm_avic *a = to_avic(vcpu);
	struct svm_vcpu *svm = to_svm(vcpu);
	struct svm_vmcb *v = svm->vmcb;

	if (!a)
		return;
	v->avic_bar = HOLM_APIC_DEFAULT_BASE;
	v->avic_page = virt_to_phys(svm->avic_page);
	v->avic_logical = virt_to_phys(a->logical);
	/* Constant, so that vCPUs that run need not hear of new ones. */
	v->avic_physical = virt_to_phys(a->physical) | AVIC_PHYSICAL_MAX_ID;
	svm->avic_on = false;
	vcpu->lapic->shared = svm->avic_page;
	write_entry(vcpu, -1);
}

/* Behind it requests in the page are seen by who looks, or senders exit. */
static void stop_running(struct holm_vcpu *vcpu)
{
	if (!to_svm(vcpu)->avic_running)
		return;
	write_entry(vcpu, -1);
	smp_mb();	/* with the sender's CPU: IRR, then IsRunning */
	/* Not in use, the page is looked at when there is a hint. */
	if (!vcpu->lapic->page)
		WRITE_ONCE(vcpu->lapic->irr_hint, true);
}

/* backend->vcpu_put */
void svm_avic_put(struct holm_vcpu *vcpu)
{
	stop_running(vcpu);
}

/* backend->flush_tlb */
void svm_avic_flush(struct holm_vcpu *vcpu)
{
	struct svm_avic *a = to_avic(vcpu);

	/* Also where this vCPU does not use it now. */
	if (a)
		svm_avic_view_clear(&a->view);
}

/* ---- doorbell ------------------------------------------------------------- */

/*
 * lapic->ring, APM 15.29.8.2: a CPU in the guest looks at its backing page. One
 * that has left it since looks when it enters again. The request, set by a locked
 * instruction, is there before: this WRMSR does not wait for stores.
 */
static bool avic_ring(int cpu)
{
	u32 id = per_cpu(x86_cpu_to_apicid, cpu);

	if (id > AVIC_HOST_ID_MAX)
		return false;
	svm_wrmsr(SVM_MSR_DOORBELL, id);
	return true;
}

/* ---- before entry --------------------------------------------------------- */

/*
 * Not with an IRQ window: V_IRQ does not count with AVIC (15.29.4.1), and ExtINT
 * is not in its page. Not with an NMI window: an interrupt that the CPU delivered
 * by itself would have the TF of our step in the flags that it pushes. Not while a
 * paravirtual EOI is offered: the interrupt that it is for must not be followed by
 * one that software does not see. Not for an APIC that is elsewhere: the view and
 * avic_bar do not follow. Not for one that is disabled, or in x2APIC mode.
 */
static bool avic_wanted(const struct holm_vcpu *vcpu, const struct svm_vcpu *svm)
{
	const struct holm_lapic_state *lapic = vcpu->lapic;

	return (lapic->base & ~HOLM_APIC_BASE_BSP) ==
	       (HOLM_APIC_DEFAULT_BASE | HOLM_APIC_BASE_EN) && holm_lapic_sw_enabled(lapic) &&
	       !(svm->vmcb->int_ctl & SVM_INT_IRQ) && !svm->nmi_window &&
	       !vcpu->pv.eoi_offered;
}

/* Each vCPU has an ASID of its own, as 15.29.4.3 wants for pages of different ones. */
static void set_mode(struct holm_vcpu *vcpu, struct svm_vcpu *svm, bool on)
{
	struct svm_vmcb *v = svm->vmcb;
	struct svm_avic_view *view = &to_avic(vcpu)->view;

	svm->avic_on = on;
	if (on) {
		v->int_ctl |= SVM_INT_AVIC;
		v->nested_cr3 = virt_to_phys(view->table[AVIC_VIEW_LEVELS - 1]);
	} else {
		v->int_ctl &= ~SVM_INT_AVIC;
		v->nested_cr3 = holm_mmu_root(vcpu->vm, 0);
	}
	svm->flush = true;
	svm_unclean(svm, SVM_CLEAN_INT | SVM_CLEAN_NESTED);
}

/*
 * A vCPU that changes its own LDR, DFR or mode comes here before its next
 * instruction. Where the launcher changes those of one that does not run, the
 * first that enters does it. A CPU that looks meanwhile finds an entry that is
 * not valid, and exits, or one as it was.
 */
static noinline void update_logical(struct holm_vm *vm, struct svm_avic *a)
{
	/* Pairs with the release in holm_vcpu_create(): these vCPUs are complete. */
	unsigned int i, n = smp_load_acquire(&vm->nr_vcpus);
	struct svm_avic_logical table;
	int changes;

	raw_spin_lock(&a->lock);
	changes = atomic_read(&vm->lapic_changes);
	smp_rmb();	/* with holm_lapic_changed() */
	svm_avic_logical_begin(&table);
	for (i = 0; i < n; i++) {
		const struct holm_lapic_state *lapic = vm->vcpus[i]->lapic;
		struct holm_lapic_view view = {
			.apic_id = vm->vcpus[i]->apic_id,
			.ldr = READ_ONCE(lapic->ldr),
			.dfr = READ_ONCE(lapic->dfr),
			.enabled = holm_lapic_enabled(lapic) && holm_lapic_sw_enabled(lapic),
			.x2apic = holm_lapic_is_x2apic(READ_ONCE(lapic->base)),
		};

		svm_avic_logical_add(&table, &view);
	}
	svm_avic_logical_end(&table);
	for (i = 0; i < ARRAY_SIZE(table.entry); i++)
		if (a->logical[i] != table.entry[i])
			WRITE_ONCE(a->logical[i], table.entry[i]);
	WRITE_ONCE(a->changes, changes);
	raw_spin_unlock(&a->lock);
}

/*
 * Software's from here on. The core has looked for what to inject already: what
 * is found in the page now has to be looked at by another entry, unless there is
 * a window for it.
 */
static noinline void leave(struct holm_vcpu *vcpu, struct svm_vcpu *svm)
{
	stop_running(vcpu);
	holm_lapic_virt_stop(vcpu->lapic);
	if (holm_lapic_irr_top(vcpu->lapic) >= 0 && !(svm->vmcb->int_ctl & SVM_INT_IRQ))
		irq_work_queue(&svm->kick);
}

static void start_running(struct holm_vcpu *vcpu)
{
	u32 id = per_cpu(x86_cpu_to_apicid, vcpu->cpu);

	/* Without it IPIs exit, and are told. */
	if (avic_running_ok && id <= AVIC_HOST_ID_MAX)
		write_entry(vcpu, id);
}

static u32 *backing_reg(const struct svm_vcpu *svm, u32 offset)
{
	return svm->avic_page + offset;
}

/**
 * svm_avic_enter() - AVIC's part of an entry
 * @vcpu: loaded, IRQs off, vcpu->mode is HOLM_IN_GUEST: a request that is sent from
 *	here on makes it exit, or rings. Ahead of the task priority and the ASID
 */
void svm_avic_enter(struct holm_vcpu *vcpu)
{
	struct holm_lapic_state *lapic = vcpu->lapic;
	struct svm_avic *a = to_avic(vcpu);
	struct svm_vcpu *svm = to_svm(vcpu);
	bool on;

	if (unlikely(!a))
		return;
	on = avic_wanted(vcpu, svm);
	if (unlikely(on != svm->avic_on))
		set_mode(vcpu, svm, on);
	if (unlikely(READ_ONCE(a->changes) != atomic_read(&vcpu->vm->lapic_changes)))
		update_logical(vcpu->vm, a);
	if (!on) {
		if (unlikely(lapic->page || svm->avic_running))
			leave(vcpu, svm);
		return;
	}

	if (unlikely(!lapic->page)) {
		holm_lapic_virt_start(lapic, svm->avic_page);
		WRITE_ONCE(lapic->ring, avic_ring);
	}
	if (READ_ONCE(lapic->irr_hint)) {
		holm_lapic_virt_merge(lapic);
		/* Behind it: the EOI of each level interrupt in the page exits. */
		holm_lapic_virt_tmr(lapic);
	}
	/* V_TPR, which VMRUN does not take from here, follows in svm_tpr_enter(). */
	*backing_reg(svm, APIC_TASKPRI) = lapic->tpr;
	if (unlikely(!svm->avic_running))
		start_running(vcpu);
}

/**
 * svm_avic_exit() - take over what the guest did to its TPR
 * @vcpu: loaded, IRQs off; behind svm_tpr_exit(), which knows a part of it only
 */
void svm_avic_exit(struct holm_vcpu *vcpu)
{
	struct holm_lapic_state *lapic = vcpu->lapic;
	struct svm_vcpu *svm = to_svm(vcpu);

	if (!lapic->page)
		return;
	lapic->tpr = *backing_reg(svm, APIC_TASKPRI) & 0xff;
	WRITE_ONCE(lapic->ppr, *backing_reg(svm, APIC_PROCPRI) & 0xff);
	svm->clean |= SVM_CLEAN_AVIC;
}

/* ---- exits ---------------------------------------------------------------- */

/**
 * svm_avic_exit_npf() - a nested page fault
 * @vcpu: the vCPU, loaded, IRQs on
 * @gpa: where
 *
 * mmu.lock may be held by somebody who waits for vCPUs in the guest: this one is
 * not.
 *
 * Return: true when the guest may try again: the VM's own table may have it.
 */
bool svm_avic_exit_npf(struct holm_vcpu *vcpu, u64 gpa)
{
	struct holm_mmu *mmu = &vcpu->vm->mmu;
	bool filled;

	if (!to_svm(vcpu)->avic_on)
		return false;
	spin_lock(&mmu->lock);
	filled = svm_avic_view_fill(&to_avic(vcpu)->view, mmu->format,
				    mmu->roots[HOLM_MMU_ROOT_GUEST].table, gpa);
	spin_unlock(&mmu->lock);
	return filled;
}

/**
 * svm_avic_exit_ipi() - AVIC_INCOMPLETE_IPI, APM 15.29.9.1: a trap
 * @vcpu: the vCPU, loaded
 *
 * With one reason the request is in the page of every destination, and must not
 * be made again: some may have answered it. With all others nothing was done.
 */
enum holm_next svm_avic_exit_ipi(struct holm_vcpu *vcpu)
{
	const struct svm_vmcb *v = to_svm(vcpu)->vmcb;
	struct svm_avic_ipi ipi = svm_avic_ipi(v->exit_info1, v->exit_info2);

	if (ipi.reason != AVIC_IPI_NOT_RUNNING)
		return holm_exit_apic_write(vcpu, APIC_ICR);
	/* CPUs are known to leave it set. */
	*backing_reg(to_svm(vcpu), APIC_ICR) &= ~APIC_ICR_BUSY;
	holm_ipi_tell(vcpu, ipi.icr >> 56 << 32 | (u32)ipi.icr);
	return HOLM_NEXT_ENTER;
}

/*
 * Whether the interrupt is still in service the manual leaves open. It may have
 * become an edge's since the CPU was told.
 */
static enum holm_next exit_eoi(struct holm_vcpu *vcpu, u8 vector)
{
	holm_lapic_virt_eoi(vcpu->lapic, vector);
	if (!test_bit(vector, vcpu->lapic->tmr))
		return HOLM_NEXT_ENTER;
	return holm_exit_eoi(vcpu, vector);
}

/**
 * svm_avic_exit_access() - AVIC_NOACCEL, APM 15.29.9.2
 * @vcpu: the vCPU, loaded
 *
 * A trap is over for the guest: its value is in the page, and is acted on here. A
 * fault is an access as without AVIC, which the launcher decodes.
 */
enum holm_next svm_avic_exit_access(struct holm_vcpu *vcpu)
{
	const struct svm_vmcb *v = to_svm(vcpu)->vmcb;
	struct svm_avic_access access = svm_avic_access(v->exit_info1, v->exit_info2);
	struct holm_fault *fault = &vcpu->fault;

	if (access.trap) {
		if (access.offset == APIC_EOI)
			return exit_eoi(vcpu, access.vector);
		return holm_exit_apic_write(vcpu, access.offset);
	}
	fault->gpa = HOLM_APIC_DEFAULT_BASE + access.offset;
	fault->gva = 0;
	fault->access = access.write ? HOLM_ACCESS_WRITE : HOLM_ACCESS_READ;
	fault->insn_len = 0;
	return holm_exit_mmio(vcpu);
}
