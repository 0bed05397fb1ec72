// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VMX backend: CPUs, VMs, vCPUs and what they have loaded on a CPU.
 */
#define pr_fmt(fmt) "holm: vmx: " fmt

#include <linux/bitmap.h>
#include <linux/gfp.h>
#include <linux/idr.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <asm/cpufeature.h>
#include <asm/io.h>
#include <asm/processor.h>

#include "../x86/x86.h"
#include "vmx.h"

DEFINE_PER_CPU(struct vmx_cpu, vmx_cpu);

/* VPID 0 is the host's. */
#define VPID_MAX	0xffff

static DEFINE_IDA(vmx_vpids);
static atomic64_t vmx_ids;

/* ---- the load and unload of the module ------------------------------------ */

static void vmx_teardown(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct vmx_cpu *c = per_cpu_ptr(&vmx_cpu, cpu);

		if (c->vmxon)
			__free_page(c->vmxon);
		c->vmxon = NULL;
	}
	vmx_apic_teardown();
	vmx_l1d_teardown();
	ida_destroy(&vmx_vpids);
}

/* A VMXON or VMCS region: SDM Vol. 3, "Format of the VMCS Region". */
static struct page *vmcs_region_alloc(int node, gfp_t gfp)
{
	struct page *page = alloc_pages_node(node, gfp | __GFP_ZERO, 0);

	if (page)
		*(u32 *)page_address(page) = vmx_caps.revision;
	return page;
}

static int vmx_setup(void)
{
	int cpu, err;

	err = vmx_caps_setup();
	if (err)
		return err;
	err = vmx_l1d_setup();
	if (err)
		return err;
	err = vmx_apic_setup();
	if (err) {
		vmx_l1d_teardown();
		return err;
	}

	for_each_possible_cpu(cpu) {
		struct vmx_cpu *c = per_cpu_ptr(&vmx_cpu, cpu);

		INIT_LIST_HEAD(&c->loaded);
		c->vmxon = vmcs_region_alloc(cpu_to_node(cpu), GFP_KERNEL);
		if (!c->vmxon) {
			vmx_teardown();
			return -ENOMEM;
		}
	}
	return 0;
}

static void vmx_caps_fill(struct holm_caps *caps)
{
	caps->backend = HOLM_BACKEND_VMX;
	/* A table of four levels translates 48 bits. */
	caps->phys_bits = min_t(u32, boot_cpu_data.x86_phys_bits, 48);
	if (vmx_caps.apicv)
		caps->features |= HOLM_CAP_APICV;
	if (vmx_caps.secondary & SEC_TSC_SCALING)
		caps->features |= HOLM_CAP_TSC_SCALING;
	if (holm_format_ept.pml)
		caps->features |= HOLM_CAP_HW_DIRTY_LOG;
	if (holm_format_ept.max_leaf >= HOLM_PG_2M)
		caps->features |= HOLM_CAP_PAGE_2M;
	if (holm_format_ept.max_leaf >= HOLM_PG_1G)
		caps->features |= HOLM_CAP_PAGE_1G;
	caps->mitigations = vmx_caps_mitigations();
}

/* ---- CPUs ----------------------------------------------------------------- */

static int vmx_cpu_enable(void)
{
	struct vmx_cpu *c = this_cpu_ptr(&vmx_cpu);
	int err;

	if (vmx_read_cr4() & X86_CR4_VMXE)
		return -EBUSY;
	err = vmx_caps_cpu_check();
	if (err)
		return err;
	if (vmx_rdmsr(MSR_IA32_VMX_BASIC) != vmx_caps.basic) {
		pr_err("CPU %d has another VMX revision than the CPU at load\n",
		       smp_processor_id());
		return -EOPNOTSUPP;
	}

	holm_pt_notice(true);
	holm_cr4_update(X86_CR4_VMXE, 0);
	if (!vmx_on(page_to_phys(c->vmxon))) {
		holm_cr4_update(0, X86_CR4_VMXE);
		holm_pt_notice(false);
		pr_err("VMXON failed on CPU %d\n", smp_processor_id());
		return -EIO;
	}
	c->current_vcpu = NULL;
	c->last_id = 0;
	vmx_host_read(c);
	c->enabled = true;

	/* Translations of whoever was in VMX operation before. */
	vmx_invept(INVEPT_ALL, 0);
	if (vmx_caps.invvpid_type)
		vmx_invvpid(INVVPID_ALL, 0);
	return 0;
}

/*
 * Also in NMI context when the kernel crashed: then the list may be in the
 * middle of a change, but its forward links are sound at any time.
 */
static void vmx_cpu_disable(void)
{
	struct vmx_cpu *c = this_cpu_ptr(&vmx_cpu);
	struct vmx_vcpu *vmx, *next;

	if (!c->enabled)
		return;
	c->enabled = false;
	c->current_vcpu = NULL;
	list_for_each_entry_safe(vmx, next, &c->loaded, link) {
		vmx_clear(vmx->vmcs_pa);
		vmx->frame.flags &= ~VMX_ENTER_LAUNCHED;
		vmx->vcpu->loaded_cpu = -1;
		smp_store_release(&vmx->cpu, -1);
	}
	INIT_LIST_HEAD(&c->loaded);
	vmx_off();
	holm_cr4_update(0, X86_CR4_VMXE);
	/* A kernel that crashes has stopped tracing and wants no more of it. */
	if (!in_nmi())
		holm_pt_notice(false);
}

static int vmx_cpu_set(bool on)
{
	if (on)
		return vmx_cpu_enable();
	vmx_cpu_disable();
	return 0;
}

/* ---- VMs ------------------------------------------------------------------ */

/*
 * MSRs that the CPU switches itself (VMCS fields), that are the guest's while
 * it is loaded, or that have an effect only. The policy (holm_msr_passthrough)
 * may name others, which exit here: those of SYSCALL are the host's while the
 * guest has not enabled it.
 */
static bool msr_passes(u32 index, bool write)
{
	switch (index) {
	case MSR_FS_BASE:
	case MSR_GS_BASE:
	case MSR_KERNEL_GS_BASE:
	case MSR_IA32_SYSENTER_CS:
	case MSR_IA32_SYSENTER_ESP:
	case MSR_IA32_SYSENTER_EIP:
		return true;
	case MSR_TSC_AUX:
	case MSR_IA32_TSC:
	case MSR_IA32_CR_PAT:
		return !write;
	case MSR_IA32_PRED_CMD:
	case MSR_IA32_FLUSH_CMD:
		return write;
	default:
		return false;
	}
}

/* Bit numbers in the bitmaps page: SDM Vol. 3, "MSR-Bitmap Address". */
#define MSR_BITMAP_READ_LOW	0
#define MSR_BITMAP_READ_HIGH	(0x400 * 8)
#define MSR_BITMAP_WRITE_LOW	(0x800 * 8)
#define MSR_BITMAP_WRITE_HIGH	(0xc00 * 8)
#define MSR_BITMAP_RANGE	0x2000
#define MSR_BITMAP_HIGH_BASE	0xc0000000

void vmx_msr_bitmap_pass(unsigned long *bitmap, u32 index, bool read, bool write)
{
	bool high = index >= MSR_BITMAP_HIGH_BASE;

	index -= high ? MSR_BITMAP_HIGH_BASE : 0;
	if (index >= MSR_BITMAP_RANGE)
		return;
	if (read)
		clear_bit((high ? MSR_BITMAP_READ_HIGH : MSR_BITMAP_READ_LOW) + index, bitmap);
	if (write)
		clear_bit((high ? MSR_BITMAP_WRITE_HIGH : MSR_BITMAP_WRITE_LOW) + index, bitmap);
}

void vmx_msr_bitmap_init(unsigned long *bitmap)
{
	unsigned int i;

	memset(bitmap, 0xff, PAGE_SIZE);
	for (i = 0; i < holm_msr_passthrough_count; i++) {
		const struct holm_msr_passthrough *m = &holm_msr_passthrough[i];

		vmx_msr_bitmap_pass(bitmap, m->index,
				    m->read && msr_passes(m->index, false),
				    m->write && msr_passes(m->index, true));
	}
}

static int vmx_vm_init(struct holm_vm *vm)
{
	struct vmx_vm *vmx;

	vmx = kzalloc(sizeof(*vmx), GFP_KERNEL_ACCOUNT);
	if (!vmx)
		return -ENOMEM;
	vmx->msr_bitmap = (unsigned long *)__get_free_page(GFP_KERNEL_ACCOUNT);
	if (!vmx->msr_bitmap) {
		kfree(vmx);
		return -ENOMEM;
	}
	vmx_msr_bitmap_init(vmx->msr_bitmap);
	if (vmx_caps.secondary & SEC_PAUSE_LOOP) {
		vm->ple.gap = vmx_ple_gap;
		vm->ple.window = vmx_ple_window;
		vm->ple.max = U32_MAX;
	}
	vm->backend_data = vmx;
	return 0;
}

static void vmx_vm_destroy(struct holm_vm *vm)
{
	struct vmx_vm *vmx = to_vmx_vm(vm);

	free_page((unsigned long)vmx->msr_bitmap);
	kfree(vmx);
	vm->backend_data = NULL;
}

/* ---- a VMCS on a CPU ------------------------------------------------------ */

/* On the CPU that has it, IRQs off. */
static void vmcs_unload(void *arg)
{
	struct vmx_vcpu *vmx = arg;
	struct vmx_cpu *c = this_cpu_ptr(&vmx_cpu);

	if (vmx->cpu != smp_processor_id())
		return;		/* vmx_cpu_disable() was here first */
	vmx_clear(vmx->vmcs_pa);
	if (c->current_vcpu == vmx)
		c->current_vcpu = NULL;
	list_del(&vmx->link);
	vmx->frame.flags &= ~VMX_ENTER_LAUNCHED;
	vmx->vcpu->loaded_cpu = -1;
	/* Whoever sees -1 may load it elsewhere. */
	smp_store_release(&vmx->cpu, -1);
}

/* IRQs on. A CPU that is offline has unloaded it when it went. */
static void vmcs_unload_remote(struct vmx_vcpu *vmx)
{
	int cpu = smp_load_acquire(&vmx->cpu);

	if (cpu >= 0)
		smp_call_function_single(cpu, vmcs_unload, vmx, 1);
}

static void vmx_vcpu_load(struct holm_vcpu *vcpu, int cpu)
{
	struct vmx_cpu *c = this_cpu_ptr(&vmx_cpu);
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	bool moved = READ_ONCE(vmx->cpu) != cpu;
	unsigned long flags;

	if (moved)
		vmcs_unload_remote(vmx);

	local_irq_save(flags);
	if (moved) {
		list_add(&vmx->link, &c->loaded);
		vmx->cpu = cpu;
		vcpu->loaded_cpu = cpu;
	}
	if (c->current_vcpu != vmx && vmx_ptrld(vmx->vmcs_pa))
		c->current_vcpu = vmx;
	local_irq_restore(flags);

	if (moved) {
		vmx_host_write_cpu(c);
		/*
		 * What this CPU cached for the guest when it was here before,
		 * or for an earlier guest with tables at the same address.
		 */
		vmx->flush_ept = true;
	}
	if (c->last_id != vmx->id) {
		if (vmx_caps.ibpb && c->last_id)
			vmx_wrmsr(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
		c->last_id = vmx->id;
	}
}

static void vmx_vcpu_put(struct holm_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	unsigned long flags;

	if (unlikely(READ_ONCE(vmcs_failed_field)))
		vmcs_read_failed();
	if (!vmx->prepared)
		return;
	local_irq_save(flags);
	vmx_unprepare(vmx);
	local_irq_restore(flags);
	/* VMSCAPE: the launcher must not run on the guest's predictions. */
	if (holm_host_ibpb_to_user())
		vmx_wrmsr(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
}

/* ---- vCPUs ---------------------------------------------------------------- */

static int vmx_vcpu_create(struct holm_vcpu *vcpu)
{
	struct vmx_vcpu *vmx;
	int vpid;

	vmx = kzalloc(sizeof(*vmx), GFP_KERNEL_ACCOUNT);
	if (!vmx)
		return -ENOMEM;
	vmx->vmcs = vmcs_region_alloc(NUMA_NO_NODE, GFP_KERNEL_ACCOUNT);
	if (!vmx->vmcs)
		goto err_free;
	if (holm_format_ept.pml) {
		vmx->pml = (u64 *)__get_free_page(GFP_KERNEL_ACCOUNT);
		if (!vmx->pml)
			goto err_vmcs;
	}
	if (vmx_apic_create(vmx))
		goto err_pml;
	vmx->vmcs_pa = page_to_phys(vmx->vmcs);
	vmx->vcpu = vcpu;
	vmx->cpu = -1;
	vcpu->loaded_cpu = -1;
	vmx->id = atomic64_inc_return(&vmx_ids);
	if (vmx_caps.verw)
		vmx->frame.flags |= VMX_ENTER_VERW;

	/* Without a VPID of its own a guest runs, but with a TLB flushed at each entry. */
	if (vmx_caps.secondary & SEC_VPID) {
		vpid = ida_alloc_range(&vmx_vpids, 1, VPID_MAX, GFP_KERNEL);
		if (vpid > 0)
			vmx->vpid = vpid;
	}
	vcpu->backend_data = vmx;
	return 0;

err_pml:
	free_page((unsigned long)vmx->pml);
err_vmcs:
	__free_page(vmx->vmcs);
err_free:
	kfree(vmx);
	return -ENOMEM;
}

static void vmx_vcpu_destroy(struct holm_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	vmcs_unload_remote(vmx);
	/* Memory that some CPU still has as a VMCS must not be anyone else's. */
	WARN_ON_ONCE(READ_ONCE(vmx->cpu) >= 0);
	if (vmx->vpid)
		ida_free(&vmx_vpids, vmx->vpid);
	vmx_apic_destroy(vmx);
	free_page((unsigned long)vmx->pml);
	__free_page(vmx->vmcs);
	kfree(vmx);
	vcpu->backend_data = NULL;
}

/* CPUID bits that decide about controls: function, subleaf, register, bit. */
#define GUEST_HAS_RDTSCP(vcpu)	holm_cpuid_has(vcpu, 0x80000001, 0, 3, 27)
#define GUEST_HAS_RDPID(vcpu)	holm_cpuid_has(vcpu, 7, 0, 2, 22)
#define GUEST_HAS_INVPCID(vcpu)	holm_cpuid_has(vcpu, 7, 0, 1, 10)

/* Bits that a guest may change without an exit where its model has them. */
#define CR0_GUEST_OWNED	(X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | X86_CR0_WP | X86_CR0_AM)
#define CR4_GUEST_OWNED	(X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE | X86_CR4_PGE | \
			 X86_CR4_PCE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT | X86_CR4_FSGSBASE)

void vmx_controls_update(struct vmx_vcpu *vmx)
{
	struct holm_vcpu *vcpu = vmx->vcpu;
	u32 secondary = vmx_caps.secondary;

	/* Off, the instructions raise #UD. */
	if (!vcpu->cpuid || !(GUEST_HAS_RDTSCP(vcpu) || GUEST_HAS_RDPID(vcpu)))
		secondary &= ~SEC_RDTSCP;
	if (!vcpu->cpuid || !GUEST_HAS_INVPCID(vcpu))
		secondary &= ~SEC_INVPCID;
	if (!vmx->vpid)
		secondary &= ~SEC_VPID;
	if (!vcpu->tsc.ratio)
		secondary &= ~SEC_TSC_SCALING;
	if (!holm_ple_on(vcpu->vm))
		secondary &= ~SEC_PAUSE_LOOP;
	if (vmx->virt_apic)
		secondary |= SEC_APICV;
	vmx->secondary = secondary;
	vmx->cr0_mask = ~(u64)CR0_GUEST_OWNED;
	vmx->cr4_mask = ~(CR4_GUEST_OWNED & ~vcpu->cr4_reserved);
	vmx->controls_dirty = true;
}

/* Loaded. */
void vmx_controls_write(struct vmx_vcpu *vmx)
{
	vmx->controls_dirty = false;
	vmcs_write32(VMCS_SECONDARY_CONTROLS, vmx->secondary);
	if (vmx->secondary & SEC_PAUSE_LOOP) {
		vmcs_write32(VMCS_PLE_GAP, READ_ONCE(vmx->vcpu->vm->ple.gap));
		vmcs_write32(VMCS_PLE_WINDOW, READ_ONCE(vmx->vcpu->vm->ple.window));
	}
	vmcs_write_natural(VMCS_CR0_MASK, vmx->cr0_mask);
	vmcs_write_natural(VMCS_CR4_MASK, vmx->cr4_mask);
}

static void vmx_model_changed(struct holm_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	/*
	 * A bit that becomes the host's is read from sregs, one that becomes
	 * the guest's from the VMCS: give both the same.
	 */
	holm_state_get(vcpu, HOLM_ST_CR);
	holm_state_dirty(vcpu, HOLM_ST_CR);
	vmx_controls_update(vmx);
}

#define VECTOR_DB	1
#define VECTOR_AC	17
#define VECTOR_MC	18

#define LINK_POINTER_NONE	~0ULL
#define EPTP_WB			6ULL
#define EPTP_WALK_4		(3ULL << 3)
#define EPTP_AD			BIT_ULL(6)

static void vmcs_write_controls(struct vmx_vcpu *vmx)
{
	vmx->primary = vmx_caps.primary;
	vmx->entry = vmx_caps.entry;
	vmcs_write32(VMCS_PIN_CONTROLS, vmx_caps.pin);
	vmcs_write32(VMCS_PRIMARY_CONTROLS, vmx->primary);
	vmcs_write32(VMCS_EXIT_CONTROLS, vmx_caps.exit);
	vmcs_write32(VMCS_ENTRY_CONTROLS, vmx->entry);
	/*
	 * #DB and #AC for a guest whose handler raises them again for ever in
	 * delivery, where no interrupt gets through (CVE-2015-8104,
	 * CVE-2015-5307); #MC is the host's.
	 */
	vmcs_write32(VMCS_EXCEPTION_BITMAP, BIT(VECTOR_DB) | BIT(VECTOR_AC) | BIT(VECTOR_MC));
	vmcs_write32(VMCS_PF_ERROR_MASK, 0);
	vmcs_write32(VMCS_PF_ERROR_MATCH, 0);
	vmcs_write32(VMCS_CR3_TARGET_COUNT, 0);
	vmcs_write32(VMCS_EXIT_MSR_STORE_COUNT, 0);
	vmcs_write32(VMCS_EXIT_MSR_LOAD_COUNT, 0);
	vmcs_write32(VMCS_ENTRY_MSR_LOAD_COUNT, 0);
	vmcs_write32(VMCS_ENTRY_INTR_INFO, 0);
	vmcs_write64(VMCS_MSR_BITMAP, virt_to_phys(to_vmx_vm(vmx->vcpu->vm)->msr_bitmap));
	vmcs_write64(VMCS_TSC_OFFSET, vmx->vcpu->tsc_offset);
	if (vmx->vpid)
		vmcs_write16(VMCS_VPID, vmx->vpid);
	if (vmx->pml) {
		vmcs_write64(VMCS_PML_ADDRESS, virt_to_phys(vmx->pml));
		vmcs_write16(VMCS_GUEST_PML_INDEX, PML_ENTRIES - 1);
	}

	vmx->eptp = holm_mmu_root(vmx->vcpu->vm, 0) | EPTP_WB | EPTP_WALK_4;
	if (vmx_caps.ept_ad)
		vmx->eptp |= EPTP_AD;
	vmcs_write64(VMCS_EPTP, vmx->eptp);
}

static void vmcs_write_guest(struct vmx_vcpu *vmx)
{
	vmcs_write64(VMCS_LINK_POINTER, LINK_POINTER_NONE);
	vmcs_write64(VMCS_GUEST_DEBUGCTL, 0);
	vmcs_write64(VMCS_GUEST_PAT, vmx->vcpu->msr.pat);
	if (vmx_caps.perf_vmcs)
		vmcs_write64(VMCS_GUEST_PERF_GLOBAL_CTRL, 0);
	vmcs_write32(VMCS_GUEST_ACTIVITY, 0);	/* active: HLT exits */
	vmcs_write32(VMCS_GUEST_INTERRUPTIBILITY, 0);
	vmcs_write_natural(VMCS_GUEST_PENDING_DEBUG, 0);
	vmcs_write32(VMCS_GUEST_SYSENTER_CS, 0);
	vmcs_write_natural(VMCS_GUEST_SYSENTER_ESP, 0);
	vmcs_write_natural(VMCS_GUEST_SYSENTER_EIP, 0);
}

static void vmx_vcpu_reset(struct holm_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	memset(vmx->guest_switched, 0, sizeof(vmx->guest_switched));
	vmx->kernel_gs_base = 0;
	vmx->virt_apic = false;
	vmx_controls_update(vmx);
	vcpu->windows = 0;

	if (holm_vcpu_load(vcpu))
		return;		/* the caller finds it dying */
	vmcs_write_controls(vmx);
	vmx_controls_write(vmx);
	vmx_apic_reset(vmx);
	vmx_host_write(vmx);
	vmcs_write_guest(vmx);
	holm_vcpu_put(vcpu);
}

unsigned long vmcs_failed_field;

void vmcs_read_failed(void)
{
	unsigned long field = xchg(&vmcs_failed_field, 0);

	/* Off: the machine goes down under a loaded vCPU. */
	if (field && __this_cpu_read(vmx_cpu.enabled))
		pr_err_ratelimited("VMREAD of field 0x%lx failed\n", field);
}

void vmcs_write_failed(unsigned long field, unsigned long value)
{
	unsigned long error;

	if (!__this_cpu_read(vmx_cpu.enabled))
		return;
	vmcs_try_read(VMCS_INSN_ERROR, &error);
	pr_err_ratelimited("VMWRITE of 0x%lx to field 0x%lx failed, error %lu\n",
			   value, field, error);
}

const struct holm_backend holm_vmx_backend = {
	.name		= "vmx",
	.format		= &holm_format_ept,
	.setup		= vmx_setup,
	.teardown	= vmx_teardown,
	.caps		= vmx_caps_fill,
	.cpu_set	= vmx_cpu_set,
	.vm_init	= vmx_vm_init,
	.vm_destroy	= vmx_vm_destroy,
	.vcpu_create	= vmx_vcpu_create,
	.vcpu_destroy	= vmx_vcpu_destroy,
	.vcpu_reset	= vmx_vcpu_reset,
	.model_changed	= vmx_model_changed,
	.vcpu_load	= vmx_vcpu_load,
	.vcpu_put	= vmx_vcpu_put,
	.run		= vmx_run,
	.handle_exit	= vmx_handle_exit,
	.exit_reason	= vmx_exit_reason,
	.state_get	= vmx_state_get,
	.state_set	= vmx_state_set,
	.msr_get	= vmx_msr_get,
	.msr_set	= vmx_msr_set,
	.inject		= vmx_inject,
	.open_window	= vmx_open_window,
	.tsc_changed	= vmx_tsc_changed,
	.flush_tlb	= vmx_flush_tlb,
};
