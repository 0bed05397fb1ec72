// SPDX-License-Identifier: GPL-2.0-only
/*
 * APIC virtualization (SDM Vol. 3, chapter "APIC Virtualization and Virtual
 * Interrupts").
 *
 * With the TPR shadow MOV CR8 does not exit; when an interrupt waits for a
 * lower priority, its class is the TPR threshold.
 *
 * With virtual-interrupt delivery, in x2APIC mode, the virtual-APIC page has
 * ISR and IRR (x86/lapic_virt.c), the CPU delivers from it, and EOI, TPR, SELF
 * IPI and reads do not exit. In xAPIC mode registers are the launcher's MMIO,
 * and interrupts are delivered by injection. With posted interrupts the CPU
 * also takes over what others send while the guest runs.
 */
#define pr_fmt(fmt) "holm: vmx: " fmt

#include <linux/gfp.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <asm/io.h>

#include "../exits.h"
#include "../x86/lapic_regs.h"
#include "vmx.h"

static bool tpr_shadow = true;
module_param(tpr_shadow, bool, 0444);
MODULE_PARM_DESC(tpr_shadow, "VMX: guests access CR8 without an exit where the CPU can (default Y)");

static bool apicv = true;
module_param(apicv, bool, 0444);
MODULE_PARM_DESC(apicv, "VMX: the CPU delivers interrupts to guests in x2APIC mode where it can (default Y)");

static bool posted_intr = true;
module_param(posted_intr, bool, 0444);
MODULE_PARM_DESC(posted_intr, "VMX: CPUs in guests take interrupts that others send without an exit where they can (default Y)");

/* For guests in x2APIC mode: what of the APIC does not exit. */
static unsigned long *apicv_msr_bitmap;

/* ---- capability ----------------------------------------------------------- */

void vmx_apic_caps_setup(void)
{
	if (!tpr_shadow)
		vmx_caps.primary &= ~PRI_TPR_SHADOW;
	if (vmx_caps.primary & PRI_TPR_SHADOW)
		vmx_caps.primary &= ~(PRI_CR8_LOAD | PRI_CR8_STORE);
	vmx_caps.apicv = apicv && vmx_caps.primary & PRI_TPR_SHADOW &&
			 (vmx_caps.secondary & SEC_APICV) == SEC_APICV;
	vmx_caps.posted = HOLM_HAVE_POSTED_INTR && posted_intr && vmx_caps.apicv &&
			  vmx_caps.pin & PIN_POSTED_INTR && vmx_caps.exit & EXIT_ACK_INTR;
	/* They are set while a guest is in x2APIC mode. */
	vmx_caps.secondary &= ~SEC_APICV;
	vmx_caps.pin &= ~PIN_POSTED_INTR;
	/* Which is never a bit that must be one. */
	if (!vmx_caps.posted)
		vmx_caps.exit &= ~EXIT_ACK_INTR;
}

/*
 * Reads come from the page whatever is there: only registers that are in it.
 * TMR is not, for senders change it; the current count is computed.
 */
static void pass_x2apic(unsigned long *bitmap)
{
	static const struct {
		u16 first, last;	/* offsets */
	} reads[] = {
		{ APIC_ID,	APIC_LVR },
		{ APIC_TASKPRI,	APIC_TASKPRI },
		{ APIC_PROCPRI,	APIC_PROCPRI },
		{ APIC_LDR,	APIC_LDR },
		{ APIC_SPIV,	APIC_ISR + 0x70 },
		{ APIC_IRR,	APIC_ESR },
		{ APIC_ICR,	APIC_ICR },
		{ APIC_LVTT,	APIC_TMICT },
		{ APIC_TDCR,	APIC_TDCR },
	};
	static const u16 writes[] = { APIC_TASKPRI, APIC_EOI, APIC_SELF_IPI };
	unsigned int i, offset;

	for (i = 0; i < ARRAY_SIZE(reads); i++)
		for (offset = reads[i].first; offset <= reads[i].last; offset += 16)
			vmx_msr_bitmap_pass(bitmap, APIC_BASE_MSR + (offset >> 4), true, false);
	for (i = 0; i < ARRAY_SIZE(writes); i++)
		vmx_msr_bitmap_pass(bitmap, APIC_BASE_MSR + (writes[i] >> 4), false, true);
}

int vmx_apic_setup(void)
{
	if (!vmx_caps.apicv)
		return 0;
	apicv_msr_bitmap = (unsigned long *)__get_free_page(GFP_KERNEL);
	if (!apicv_msr_bitmap)
		return -ENOMEM;
	vmx_msr_bitmap_init(apicv_msr_bitmap);
	pass_x2apic(apicv_msr_bitmap);
	return 0;
}

void vmx_apic_teardown(void)
{
	free_page((unsigned long)apicv_msr_bitmap);
	apicv_msr_bitmap = NULL;
}

/* ---- vCPUs ---------------------------------------------------------------- */

int vmx_apic_create(struct vmx_vcpu *vmx)
{
	if (!(vmx_caps.primary & PRI_TPR_SHADOW))
		return 0;
	vmx->apic_page = (u32 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vmx->apic_page)
		return -ENOMEM;
	if (!vmx_caps.posted)
		return 0;
	/* Sizes that are a power of two are aligned to it. */
	vmx->posted = kzalloc(sizeof(*vmx->posted), GFP_KERNEL_ACCOUNT);
	if (vmx->posted)
		return 0;
	free_page((unsigned long)vmx->apic_page);
	return -ENOMEM;
}

void vmx_apic_destroy(struct vmx_vcpu *vmx)
{
	kfree(vmx->posted);
	free_page((unsigned long)vmx->apic_page);
}

/* "Format of Posted-Interrupt Descriptor"; ON is bit 256. */
static_assert(sizeof(struct vmx_posted) == 64);
static_assert(offsetof(struct vmx_posted, control) * 8 + HOLM_LAPIC_POST_ON == 256);

/* Loaded: fields that do not change, and those that vmx_apic_enter() counts on. */
void vmx_apic_reset(struct vmx_vcpu *vmx)
{
	unsigned int i;

	if (!vmx->apic_page)
		return;
	vmcs_write64(VMCS_VIRTUAL_APIC_ADDRESS, virt_to_phys(vmx->apic_page));
	vmcs_write32(VMCS_TPR_THRESHOLD, 0);
	vmx->tpr_threshold = 0;
	if (!vmx_caps.apicv)
		return;
	vmx->vcpu->lapic->virt_mode = HOLM_APIC_BASE_MODE;	/* x2APIC */
	vmcs_write16(VMCS_GUEST_INTR_STATUS, 0);
	for (i = 0; i < ARRAY_SIZE(vmx->eoi_exit); i++) {
		vmcs_write64(VMCS_EOI_EXIT_BITMAP(i), 0);
		vmx->eoi_exit[i] = 0;
	}
	if (!vmx->posted)
		return;
	/* The vCPU is being created: nobody sends it anything yet. */
	vmx->vcpu->lapic->irr = vmx->posted->requests;
	vmcs_write16(VMCS_POSTED_INTR_VECTOR, POSTED_INTR_VECTOR);
	vmcs_write64(VMCS_POSTED_INTR_ADDRESS, virt_to_phys(vmx->posted));
}

/* ---- before entry --------------------------------------------------------- */

/* Other controls, and another MSR bitmap: the guest changed the APIC's mode. */
static void set_mode(struct vmx_vcpu *vmx, bool virt)
{
	vmx->virt_apic = virt;
	vmx_controls_update(vmx);
	if (vmx->posted)
		vmcs_write32(VMCS_PIN_CONTROLS, vmx_caps.pin | (virt ? PIN_POSTED_INTR : 0));
	vmcs_write64(VMCS_MSR_BITMAP,
		     virt_to_phys(virt ? apicv_msr_bitmap :
				  to_vmx_vm(vmx->vcpu->vm)->msr_bitmap));
}

/* "Guest Interrupt Status": RVI is the highest request, SVI what is in service. */
#define INTR_STATUS(svi, rvi)	((u16)(max(svi, 0) << 8 | max(rvi, 0)))

/* The EOI of a level interrupt exits: vectors are in TMR before they are in IRR. */
static void update_eoi_exit(struct vmx_vcpu *vmx)
{
	const struct holm_lapic_state *lapic = vmx->vcpu->lapic;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vmx->eoi_exit); i++) {
		u64 tmr = READ_ONCE(lapic->tmr[i]);

		if (likely(tmr == vmx->eoi_exit[i]))
			continue;
		vmcs_write64(VMCS_EOI_EXIT_BITMAP(i), tmr);
		vmx->eoi_exit[i] = tmr;
	}
}

static void virt_start(struct vmx_vcpu *vmx)
{
	struct holm_lapic_state *lapic = vmx->vcpu->lapic;

	holm_lapic_virt_start(lapic, vmx->apic_page);
	/* Senders may post from here on: merge() follows, for the hint is set. */
	if (vmx->posted)
		WRITE_ONCE(lapic->posting, &vmx->posted->control);
	vmcs_write16(VMCS_GUEST_INTR_STATUS, INTR_STATUS(holm_lapic_virt_isr_top(lapic), 0));
	/* What is in service already was not merged into the page. */
	update_eoi_exit(vmx);
}

static void merge(struct vmx_vcpu *vmx)
{
	int top = holm_lapic_virt_merge(vmx->vcpu->lapic);
	u16 status;

	if (top < 0)
		return;
	update_eoi_exit(vmx);
	status = vmcs_read16(VMCS_GUEST_INTR_STATUS);
	if (top > (status & 0xff))
		vmcs_write16(VMCS_GUEST_INTR_STATUS, (status & 0xff00) | top);
}

/*
 * An exit is due when the TPR gets below the class of a request that it holds
 * back. More than the TPR's own class an entry does not take ("Checks on
 * VM-Execution Control Fields").
 */
static void update_threshold(struct vmx_vcpu *vmx)
{
	struct holm_lapic_state *lapic = vmx->vcpu->lapic;
	u32 threshold = 0;
	int irr;

	if (unlikely(READ_ONCE(lapic->irr_hint))) {
		irr = holm_lapic_irr_top(lapic);
		if (irr >= 0 && irr >> 4 <= lapic->tpr >> 4)
			threshold = irr >> 4;
	}
	if (unlikely(threshold != vmx->tpr_threshold)) {
		vmcs_write32(VMCS_TPR_THRESHOLD, threshold);
		vmx->tpr_threshold = threshold;
	}
}

/* A notification that came when there was no guest to take it. */
static bool notified(const struct vmx_vcpu *vmx)
{
	return vmx->posted && test_bit(HOLM_LAPIC_POST_ON, &vmx->posted->control);
}

/**
 * vmx_apic_enter() - the APIC's part of an entry
 * @vmx: loaded, IRQs off, vcpu->mode is HOLM_IN_GUEST: an interrupt that is sent
 *	from here on makes it exit
 */
void vmx_apic_enter(struct vmx_vcpu *vmx)
{
	struct holm_lapic_state *lapic = vmx->vcpu->lapic;
	bool virt;

	if (unlikely(!vmx->apic_page))
		return;
	vmx->apic_base = lapic->base;
	virt = holm_lapic_virtualizes(lapic);
	if (unlikely(virt != vmx->virt_apic))
		set_mode(vmx, virt);
	if (unlikely(virt && !lapic->page))
		virt_start(vmx);

	vmx->apic_page[APIC_TASKPRI / 4] = lapic->tpr;
	if (!virt)
		update_threshold(vmx);
	else if (READ_ONCE(lapic->irr_hint) || notified(vmx))
		merge(vmx);
}

/**
 * vmx_apic_exit() - take over what the guest did to its TPR
 * @vmx: loaded, IRQs off
 */
void vmx_apic_exit(struct vmx_vcpu *vmx)
{
	struct holm_lapic_state *lapic = vmx->vcpu->lapic;
	u32 tpr;

	if (unlikely(!vmx->apic_page))
		return;
	tpr = vmx->apic_page[APIC_TASKPRI / 4] & 0xff;
	if (vmx->virt_apic) {
		lapic->tpr = tpr;
		WRITE_ONCE(lapic->ppr, vmx->apic_page[APIC_PROCPRI / 4]);
	} else if (unlikely(tpr != lapic->tpr)) {
		lapic->tpr = tpr;
		WRITE_ONCE(lapic->ppr, holm_lapic_ppr(tpr, lapic->isr_top));
	}
}

/* ---- exits ---------------------------------------------------------------- */

#define EOI_VECTOR	GENMASK(7, 0)
#define WRITE_OFFSET	GENMASK(11, 0)

/*
 * "EOI Virtualization": the vector is in the qualification. It may have become
 * an edge's since it was told to exit.
 */
enum holm_next vmx_exit_eoi(struct holm_vcpu *vcpu)
{
	u8 vector = vmcs_read_natural(VMCS_EXIT_QUALIFICATION) & EOI_VECTOR;

	if (!test_bit(vector, vcpu->lapic->tmr))
		return HOLM_NEXT_ENTER;
	return holm_exit_eoi(vcpu, vector);
}

enum holm_next vmx_exit_apic_write(struct holm_vcpu *vcpu)
{
	return holm_exit_apic_write(vcpu,
				    vmcs_read_natural(VMCS_EXIT_QUALIFICATION) & WRITE_OFFSET);
}
