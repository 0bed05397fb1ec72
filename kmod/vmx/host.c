// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's side of the switch: host state in the VMCS, and what a VM exit
 * does not restore (SDM Vol. 3, "Loading Host State").
 */
#include <linux/string.h>
#include <asm/cpufeature.h>
#include <asm/processor.h>
#include <asm/segment.h>

#include "vmx.h"

const u32 vmx_switched_msr[VMX_SW_COUNT] = {
	[VMX_SW_STAR]		= MSR_STAR,
	[VMX_SW_LSTAR]		= MSR_LSTAR,
	[VMX_SW_CSTAR]		= MSR_CSTAR,
	[VMX_SW_FMASK]		= MSR_SYSCALL_MASK,
	[VMX_SW_TSC_AUX]	= MSR_TSC_AUX,
};

/* ---- constant while the CPU is enabled ------------------------------------ */

/* The base in a 16-byte system descriptor (SDM Vol. 3, "TSS Descriptor in 64-bit mode"). */
static u64 system_base(const u64 *desc)
{
	return (desc[0] >> 16 & 0xffffff) | (desc[0] >> 56) << 24 | desc[1] << 32;
}

/* Host values that stay as they are while the CPU is ours: at cpu_set. */
void vmx_host_read(struct vmx_cpu *c)
{
	unsigned int i;

	asm volatile("sgdt %0" : "=m" (c->gdt));
	asm volatile("sidt %0" : "=m" (c->idt));
	asm volatile("str %0" : "=r" (c->tr));
	c->tr_base = system_base((const u64 *)(c->gdt.address + (c->tr & ~7)));
	memcpy(c->tr_gdt, (const void *)c->gdt.address,
	       min_t(size_t, sizeof(c->tr_gdt), c->gdt.size + 1));
	c->gs_base = vmx_rdmsr(MSR_GS_BASE);
	c->sysenter_cs = vmx_rdmsr(MSR_IA32_SYSENTER_CS);
	c->sysenter_esp = vmx_rdmsr(MSR_IA32_SYSENTER_ESP);
	c->sysenter_eip = vmx_rdmsr(MSR_IA32_SYSENTER_EIP);
	c->efer = vmx_rdmsr(MSR_EFER);
	c->pat = vmx_rdmsr(MSR_IA32_CR_PAT);
	for (i = 0; i < vmx_switched_count(); i++)
		c->switched[i] = vmx_rdmsr(vmx_switched_msr[i]);
}

/* Host state that depends on the CPU: SDM Vol. 3, "Host-State Area". */
void vmx_host_write_cpu(struct vmx_cpu *c)
{
	vmcs_write16(VMCS_HOST_TR_SELECTOR, c->tr);
	vmcs_write_natural(VMCS_HOST_TR_BASE, c->tr_base);
	vmcs_write_natural(VMCS_HOST_GDTR_BASE, c->gdt.address);
	vmcs_write_natural(VMCS_HOST_IDTR_BASE, c->idt.address);
	vmcs_write_natural(VMCS_HOST_GS_BASE, c->gs_base);
	vmcs_write32(VMCS_HOST_SYSENTER_CS, c->sysenter_cs);
	vmcs_write_natural(VMCS_HOST_SYSENTER_ESP, c->sysenter_esp);
	vmcs_write_natural(VMCS_HOST_SYSENTER_EIP, c->sysenter_eip);
	vmcs_write64(VMCS_HOST_EFER, c->efer);
	vmcs_write64(VMCS_HOST_PAT, c->pat);
}

/* The rest of the host state: at reset, loaded. */
void vmx_host_write(struct vmx_vcpu *vmx)
{
	vmx->host_cr0 = vmx_read_cr0();
	vmx->host_cr3 = vmx_read_cr3();
	vmx->host_cr4 = vmx_read_cr4();
	vmcs_write_natural(VMCS_HOST_CR0, vmx->host_cr0);
	vmcs_write_natural(VMCS_HOST_CR3, vmx->host_cr3);
	vmcs_write_natural(VMCS_HOST_CR4, vmx->host_cr4);
	if (vmx_caps.perf_vmcs) {
		vmx->host_perf = 0;
		vmcs_write64(VMCS_HOST_PERF_GLOBAL_CTRL, 0);
	}
	vmcs_write16(VMCS_HOST_CS_SELECTOR, __KERNEL_CS);
	vmcs_write16(VMCS_HOST_SS_SELECTOR, __KERNEL_DS);
	vmcs_write16(VMCS_HOST_DS_SELECTOR, 0);
	vmcs_write16(VMCS_HOST_ES_SELECTOR, 0);
	vmcs_write16(VMCS_HOST_FS_SELECTOR, 0);
	vmcs_write16(VMCS_HOST_GS_SELECTOR, 0);
	vmx->host_fs_base = 0;
	vmcs_write_natural(VMCS_HOST_FS_BASE, 0);
	vmcs_write_natural(VMCS_HOST_RIP, (unsigned long)holm_vmx_exit);
	vmx->frame.host_rsp = 0;	/* entry.S writes it */
}

/* ---- user state and guest MSRs -------------------------------------------- */

static u64 read_fs_base(void)
{
	u64 base;

	if (!boot_cpu_has(X86_FEATURE_FSGSBASE))
		return vmx_rdmsr(MSR_FS_BASE);
	asm volatile("rdfsbase %0" : "=r" (base));
	return base;
}

void vmx_allow_split_lock(struct vmx_vcpu *vmx)
{
	u64 test_ctrl = vmx_rdmsr(MSR_TEST_CTRL);

	vmx->split_lock = true;
	if (!(test_ctrl & MSR_TEST_CTRL_SPLIT_LOCK_DETECT))
		return;
	vmx->host_test_ctrl = test_ctrl;
	vmx_wrmsr(MSR_TEST_CTRL, test_ctrl & ~MSR_TEST_CTRL_SPLIT_LOCK_DETECT);
}

/**
 * vmx_load_switched() - the guest's values of vmx_switched_msr into the CPU
 * @vmx: prepared, or about to be; IRQs off
 *
 * Nobody but SYSCALL looks at those of SYSCALL, for RDMSR and WRMSR exit.
 */
void vmx_load_switched(struct vmx_vcpu *vmx)
{
	struct vmx_cpu *c = this_cpu_ptr(&vmx_cpu);
	unsigned int i;

	for (i = vmx->syscall ? 0 : VMX_SW_TSC_AUX; i < vmx_switched_count(); i++) {
		if (vmx->guest_switched[i] == c->switched[i] && !(vmx->switched & BIT(i)))
			continue;
		vmx_wrmsr_guest(vmx_switched_msr[i], vmx->guest_switched[i]);
		vmx->switched |= BIT(i);
	}
}

/**
 * vmx_prepare() - save the host's user state, load the guest's MSRs
 * @vmx: loaded, IRQs off, once between load and put
 *
 * What a VM exit does not restore: selectors of user space (it makes DS, ES,
 * FS, GS null and LDTR unusable), IA32_KERNEL_GS_BASE (user's GS base) and
 * the MSRs of SYSCALL.
 */
void vmx_prepare(struct vmx_vcpu *vmx)
{
	struct holm_vcpu *vcpu = vmx->vcpu;
	u64 fs_base;

	savesegment(fs, vmx->host_fs);
	savesegment(gs, vmx->host_gs);
	savesegment(ds, vmx->host_ds);
	savesegment(es, vmx->host_es);
	asm volatile("sldt %0" : "=r" (vmx->host_ldt));
	fs_base = read_fs_base();
	if (vmx->host_fs_base != fs_base) {
		vmx->host_fs_base = fs_base;
		vmcs_write_natural(VMCS_HOST_FS_BASE, fs_base);
	}
	vmx->host_kernel_gs_base = vmx_rdmsr(MSR_KERNEL_GS_BASE);
	if (vmx->kernel_gs_base != vmx->host_kernel_gs_base)
		vmx_wrmsr_guest(MSR_KERNEL_GS_BASE, vmx->kernel_gs_base);
	vmx->switched = 0;
	vmx_load_switched(vmx);
	if (vmx_caps.spec_ctrl) {
		vmx->frame.host_spec_ctrl = vmx_rdmsr(MSR_IA32_SPEC_CTRL);
		vmx->frame.guest_spec_ctrl = vcpu->msr.spec_ctrl;
		if (vmx_caps.kernel_ibrs ||
		    vmx->frame.guest_spec_ctrl != vmx->frame.host_spec_ctrl)
			vmx->frame.flags |= VMX_ENTER_SPEC_CTRL;
		else
			vmx->frame.flags &= ~VMX_ENTER_SPEC_CTRL;
	}
	if (unlikely(vmx->split_lock))
		vmx_allow_split_lock(vmx);
	vmx->flush_l1d = true;
	vmx->prepared = true;
}

#define DESC_BUSY	BIT_ULL(41)	/* of a TSS: type 11 instead of 9 */

/*
 * A VM exit leaves GDTR with a limit of 0xffff and TR with 0x67, which cuts
 * off the I/O permission bitmap. LTR wants a TSS that is not busy, so it reads
 * one from a copy of the GDT; nothing but CS and SS can be loaded from it
 * meanwhile (by an NMI). The limit of IDTR is 0xffff, too, and stays: no
 * vector is above 255.
 */
static void restore_tables(struct vmx_cpu *c)
{
	struct desc_ptr copy = {
		.size = min_t(size_t, sizeof(c->tr_gdt) - 1, c->gdt.size),
		.address = (unsigned long)c->tr_gdt,
	};

	c->tr_gdt[c->tr / 8] &= ~DESC_BUSY;
	asm volatile("lgdt %0" : : "m" (copy));
	asm volatile("ltr %0" : : "r" (c->tr) : "memory");
	asm volatile("lgdt %0" : : "m" (c->gdt));
}

/* Undo vmx_prepare(): IRQs off, same CPU. */
void vmx_unprepare(struct vmx_vcpu *vmx)
{
	struct vmx_cpu *c = this_cpu_ptr(&vmx_cpu);
	unsigned int i;

	vmx->prepared = false;
	if (unlikely(vmx->host_test_ctrl)) {
		vmx_wrmsr(MSR_TEST_CTRL, vmx->host_test_ctrl);
		vmx->host_test_ctrl = 0;
	}
	restore_tables(c);
	if (unlikely(vmx->host_ldt))
		asm volatile("lldt %0" : : "r" (vmx->host_ldt));
	if (unlikely(vmx->host_ds))
		loadsegment(ds, vmx->host_ds);
	if (unlikely(vmx->host_es))
		loadsegment(es, vmx->host_es);
	vmx->kernel_gs_base = vmx_rdmsr(MSR_KERNEL_GS_BASE);
	if (vmx->kernel_gs_base != vmx->host_kernel_gs_base)
		vmx_wrmsr(MSR_KERNEL_GS_BASE, vmx->host_kernel_gs_base);
	if (unlikely(vmx->host_fs)) {
		/* Loading a selector loads a base, too. */
		loadsegment(fs, vmx->host_fs);
		vmx_wrmsr(MSR_FS_BASE, vmx->host_fs_base);
	}
	if (unlikely(vmx->host_gs)) {
		holm_load_gs_index(vmx->host_gs);
		vmx_wrmsr(MSR_KERNEL_GS_BASE, vmx->host_kernel_gs_base);
	}
	if (!vmx->switched)
		return;
	for (i = 0; i < VMX_SW_COUNT; i++)
		if (vmx->switched & BIT(i))
			vmx_wrmsr(vmx_switched_msr[i], c->switched[i]);
}
