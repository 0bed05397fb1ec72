// SPDX-License-Identifier: GPL-2.0-only
/*
 * AMD SVM with nested paging: AMD64 APM Vol. 2, chapter 15. This file: what
 * the CPU can do, SVM on and off on each CPU, a vCPU's control block.
 */
#define pr_fmt(fmt) "holm: " fmt

#include <linux/cc_platform.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <asm/cpufeature.h>
#include <asm/msr-index.h>
#include <asm/msr.h>
#include <asm/processor.h>

#include "../x86/x86.h"
#include "entry.h"
#include "svm.h"

#define CR4_MCE		BIT_ULL(6)
#define CR4_LA57	BIT_ULL(12)

/* DR6 and DR7 after reset: the bits that are always one */
#define DR6_INIT	0xffff0ff0ULL
#define DR7_INIT	0x400ULL

/* Physical addresses that four levels of nested paging translate. */
#define NPT_L4_BITS	48

/* PAUSE intercept filtering, APM 15.14.4. */
static ushort pause_count = 3000;
module_param(pause_count, ushort, 0444);
MODULE_PARM_DESC(pause_count, "SVM: PAUSEs in a row after which a vCPU of a new VM yields, 0: never (default 3000)");

static ushort pause_threshold = 128;
module_param(pause_threshold, ushort, 0444);
MODULE_PARM_DESC(pause_threshold, "SVM: most cycles between the PAUSEs of one loop in a new VM, 0: loops do not exit (default 128)");

struct svm_caps svm_caps;
DEFINE_PER_CPU(struct svm_cpu, svm_cpus);

static struct page *svm_iopm, *svm_msrpm;

/* ---- capability ----------------------------------------------------------- */

static int svm_check_cpu(void)
{
	u32 eax, ebx, ecx, edx, lo, hi;

	if (boot_cpu_data.x86_vendor != X86_VENDOR_AMD &&
	    boot_cpu_data.x86_vendor != X86_VENDOR_HYGON)
		return -ENODEV;
	/* By the instruction: the kernel's bit follows the firmware's switch. */
	if (!(cpuid_ecx(0x80000001) & SVM_CPUID_ECX_SVM)) {
		pr_err("this CPU does not offer SVM%s\n",
		       boot_cpu_has(X86_FEATURE_HYPERVISOR) ?
		       ": enable nested virtualization for this virtual machine" : "");
		return -EOPNOTSUPP;
	}
	/* APM 15.4: SVMDIS says that the firmware has switched SVM off. */
	if (!rdmsr_safe(SVM_MSR_VM_CR, &lo, &hi) && lo & SVM_VM_CR_SVMDIS) {
		pr_err("SVM is disabled by the firmware (VM_CR.SVMDIS): enable \"SVM Mode\" or \"AMD-V\" in its setup\n");
		return -EOPNOTSUPP;
	}
	cpuid(SVM_CPUID_LEAF, &eax, &ebx, &ecx, &edx);
	if (!(edx & SVM_CPUID_EDX_NP)) {
		pr_err("this CPU lacks nested paging (CPUID Fn8000_000A EDX[0]), which holm needs%s\n",
		       boot_cpu_has(X86_FEATURE_HYPERVISOR) ?
		       ": expose it to this virtual machine (npt)" : "");
		return -EOPNOTSUPP;
	}
	if (ebx < 2) {
		pr_err("this CPU offers %u address space identifiers, two are needed\n", ebx);
		return -EOPNOTSUPP;
	}
	/* Host memory encryption: every address would need the C-bit. */
	if (cc_platform_has(CC_ATTR_MEM_ENCRYPT)) {
		pr_err("memory encryption (SME or SEV) is on, which holm does not support: boot with mem_encrypt=off\n");
		return -EOPNOTSUPP;
	}
	svm_caps.nr_asids = ebx;
	svm_caps.lbr_virt = edx & SVM_CPUID_EDX_LBR_VIRT;
	svm_caps.nrips = edx & SVM_CPUID_EDX_NRIPS;
	svm_caps.clean_bits = edx & SVM_CPUID_EDX_CLEAN;
	svm_caps.flush_asid = edx & SVM_CPUID_EDX_FLUSH_ASID;
	svm_caps.decode_assists = edx & SVM_CPUID_EDX_DECODE_ASSISTS;
	svm_caps.v_spec_ctrl = edx & SVM_CPUID_EDX_V_SPEC_CTRL;
	svm_caps.pause_filter = edx & SVM_CPUID_EDX_PAUSE_FILTER;
	svm_caps.tsc_ratio = edx & SVM_CPUID_EDX_TSC_RATE;
	svm_caps.pause_threshold = edx & SVM_CPUID_EDX_PAUSE_THRESHOLD;
	return 0;
}

/*
 * Barriers between the guest and our first RET follow what the kernel chose
 * for itself (and mitigations=off). Where it untrains return predictions by
 * code at special addresses (retbleed, srso), which no module can carry, an
 * IBPB does it.
 */
static u32 svm_enter_flags(void)
{
	u32 flags = 0;

	if (boot_cpu_has(X86_FEATURE_RSB_VMEXIT))
		flags |= ENTER_FILL_RSB;
	if (!boot_cpu_has(X86_FEATURE_IBPB))
		return flags;
	if (boot_cpu_has(X86_FEATURE_UNRET) || boot_cpu_has(X86_FEATURE_ENTRY_IBPB))
		flags |= ENTER_IBPB;
#ifdef X86_FEATURE_SRSO
	if (boot_cpu_has(X86_FEATURE_SRSO) || boot_cpu_has(X86_FEATURE_IBPB_ON_VMEXIT))
		flags |= ENTER_IBPB;
#endif
	/* An IBPB need not clear return predictions (AMD_IBPB_RET). */
	return flags & ENTER_IBPB ? flags | ENTER_FILL_RSB : flags;
}

static u8 svm_phys_bits(void)
{
	u32 eax = cpuid_eax(0x80000008);
	u8 bits = (eax >> 16) & 0xff;	/* GuestPhysAddrSize, or 0: as the host's */

	if (!bits)
		bits = eax & 0xff;
	return min_t(u8, bits, NPT_L4_BITS);
}

/* ---- permission maps ------------------------------------------------------ */

/* APM 15.11: two bits an MSR, read then write, in three ranges. */
static void svm_msrpm_allow(u8 *map, u32 index, bool read, bool write)
{
	static const u32 base[] = { 0, 0xc0000000, 0xc0010000 };
	unsigned int i, bit;

	for (i = 0; i < ARRAY_SIZE(base); i++) {
		if (index < base[i] || index - base[i] >= SVM_MSRPM_RANGE_MSRS)
			continue;
		bit = (index - base[i]) * 2;
		map += i * SVM_MSRPM_RANGE_BYTES + bit / 8;
		if (read)
			*map &= ~BIT(bit % 8);
		if (write)
			*map &= ~BIT(bit % 8 + 1);
		return;
	}
}

static int svm_alloc_maps(void)
{
	unsigned int i;

	svm_iopm = alloc_pages(GFP_KERNEL, SVM_IOPM_ORDER);
	if (!svm_iopm)
		return -ENOMEM;
	svm_msrpm = alloc_pages(GFP_KERNEL, SVM_MSRPM_ORDER);
	if (!svm_msrpm) {
		__free_pages(svm_iopm, SVM_IOPM_ORDER);
		return -ENOMEM;
	}
	memset(page_address(svm_iopm), 0xff, PAGE_SIZE << SVM_IOPM_ORDER);
	memset(page_address(svm_msrpm), 0xff, PAGE_SIZE << SVM_MSRPM_ORDER);
	for (i = 0; i < holm_msr_passthrough_count; i++)
		if (svm_msr_switched(holm_msr_passthrough[i].index))
			svm_msrpm_allow(page_address(svm_msrpm), holm_msr_passthrough[i].index,
					holm_msr_passthrough[i].read,
					holm_msr_passthrough[i].write);
	return 0;
}

static void svm_free_maps(void)
{
	__free_pages(svm_msrpm, SVM_MSRPM_ORDER);
	__free_pages(svm_iopm, SVM_IOPM_ORDER);
}

/* ---- the CPUs ------------------------------------------------------------- */

static void svm_free_cpus(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct svm_cpu *pc = per_cpu_ptr(&svm_cpus, cpu);

		free_page((unsigned long)pc->hsave);
		free_page((unsigned long)pc->host);
		memset(pc, 0, sizeof(*pc));
	}
}

static int svm_alloc_cpus(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct svm_cpu *pc = per_cpu_ptr(&svm_cpus, cpu);

		pc->hsave = (void *)get_zeroed_page(GFP_KERNEL);
		pc->host = (void *)get_zeroed_page(GFP_KERNEL);
		if (!pc->hsave || !pc->host) {
			svm_free_cpus();
			return -ENOMEM;
		}
		pc->host_pa = virt_to_phys(pc->host);
	}
	return 0;
}

static int svm_setup(void)
{
	int err;

	err = svm_check_cpu();
	if (err)
		return err;
	svm_caps.page_1g = boot_cpu_has(X86_FEATURE_GBPAGES);
	svm_caps.phys_bits = svm_phys_bits();
	svm_caps.nested_l5 = __read_cr4() & CR4_LA57;
	svm_caps.enter_flags = svm_enter_flags();

	err = svm_alloc_maps();
	if (err)
		return err;
	err = svm_alloc_cpus();
	if (err) {
		svm_free_maps();
		return err;
	}
	holm_format_npt.max_leaf = svm_caps.page_1g ? HOLM_PG_1G : HOLM_PG_2M;
	holm_format_npt.has_ad = true;
	if (svm_caps.tsc_ratio)
		holm_tsc_scaling = (struct holm_tsc_scaling) {
			.frac_bits = SVM_TSC_RATIO_FRAC, .int_bits = SVM_TSC_RATIO_INT,
		};
	svm_avic_setup(cpuid_edx(SVM_CPUID_LEAF));
	return 0;
}

static void svm_teardown(void)
{
	svm_avic_teardown();
	svm_free_cpus();
	svm_free_maps();
}

static u64 svm_mitigations(void)
{
	u64 done = 0;

	if (svm_caps.enter_flags & ENTER_FILL_RSB)
		done |= HOLM_MITIGATION_RSB_FILL;
	if (svm_caps.enter_flags & ENTER_IBPB)
		done |= HOLM_MITIGATION_IBPB_ON_EXIT;
	if (boot_cpu_has(X86_FEATURE_IBPB)) {
		done |= HOLM_MITIGATION_IBPB_ON_SWITCH;
		if (holm_host_ibpb_to_user() && !(svm_caps.enter_flags & ENTER_IBPB))
			done |= HOLM_MITIGATION_IBPB_TO_USER;
	}
	/* Where it is not, guests are not offered the MSR. */
	if (boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL))
		done |= HOLM_MITIGATION_SPEC_CTRL;
	return done;
}

static void svm_get_caps(struct holm_caps *caps)
{
	caps->backend = HOLM_BACKEND_SVM;
	caps->phys_bits = svm_caps.phys_bits;
	caps->features |= HOLM_CAP_PAGE_2M;
	if (svm_caps.page_1g)
		caps->features |= HOLM_CAP_PAGE_1G;
	if (svm_caps.decode_assists)
		caps->features |= HOLM_CAP_DECODE_ASSIST;
	if (svm_caps.tsc_ratio)
		caps->features |= HOLM_CAP_TSC_SCALING;
	if (svm_avic_enabled())
		caps->features |= HOLM_CAP_APICV;
	caps->mitigations = svm_mitigations();
}

/*
 * The ratio counts in guests only (APM 15.30.5), and stays in the MSR until it is
 * another vCPU's turn that has another one.
 */
static void svm_load_tsc_ratio(struct svm_cpu *pc, u64 ratio)
{
	if (likely(!svm_caps.tsc_ratio || pc->tsc_ratio == ratio))
		return;
	svm_wrmsr(SVM_MSR_TSC_RATIO, ratio);
	pc->tsc_ratio = ratio;
}

static int svm_cpu_enable(void)
{
	struct svm_cpu *pc = this_cpu_ptr(&svm_cpus);
	u64 efer = svm_rdmsr(MSR_EFER);

	if (efer & EFER_SVME)
		return -EBUSY;
	svm_wrmsr(MSR_EFER, efer | EFER_SVME);
	svm_wrmsr(SVM_MSR_VM_HSAVE_PA, virt_to_phys(pc->hsave));

	/* The TLB may hold anything: the first ASID comes with a flush. */
	pc->asid_generation++;
	pc->next_asid = svm_caps.nr_asids;
	pc->last = NULL;
	if (boot_cpu_has(X86_FEATURE_RDTSCP))
		pc->tsc_aux = svm_rdmsr(MSR_TSC_AUX);
	pc->tsc_ratio = 0;
	svm_load_tsc_ratio(pc, SVM_TSC_RATIO_ONE);
	pc->enabled = true;
	holm_amd_pmu_notice(true);
	return 0;
}

static void svm_cpu_disable(void)
{
	struct svm_cpu *pc = this_cpu_ptr(&svm_cpus);
	u64 efer;

	if (!pc->enabled)
		return;
	pc->enabled = false;
	efer = svm_rdmsr(MSR_EFER);
	if (!(efer & EFER_SVME))
		return;		/* the kernel's own crash path came first */
	/* APM 15.17: with GIF 0 the CPU would never see an NMI or INIT again. */
	asm volatile("stgi" : : : "memory");
	svm_load_tsc_ratio(pc, SVM_TSC_RATIO_ONE);
	svm_wrmsr(SVM_MSR_VM_HSAVE_PA, 0);
	svm_wrmsr(MSR_EFER, efer & ~EFER_SVME);
	/* A kernel that crashes has no use for counters. */
	if (!in_nmi())
		holm_amd_pmu_notice(false);
}

static int svm_cpu_set(bool on)
{
	if (on)
		return svm_cpu_enable();
	svm_cpu_disable();
	return 0;
}

/* ---- VM ------------------------------------------------------------------- */

/*
 * APM 15.25.3: nested page tables have as many levels as the host's. Where
 * that is five, a top-level page of ours leads to the four that holm uses.
 */
static int svm_vm_init(struct holm_vm *vm)
{
	struct svm_vm *svm_vm = kzalloc(sizeof(*svm_vm), GFP_KERNEL_ACCOUNT);

	if (!svm_vm)
		return -ENOMEM;
	if (svm_caps.nested_l5) {
		svm_vm->level5 = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
		if (!svm_vm->level5)
			goto err_vm;
	}
	if (svm_avic_enabled()) {
		svm_vm->avic = svm_avic_vm_create();
		if (!svm_vm->avic)
			goto err_level5;
	}
	if (svm_caps.pause_filter) {
		vm->ple.gap = pause_threshold;
		vm->ple.window = pause_count;
		vm->ple.max = U16_MAX;
	}
	vm->backend_data = svm_vm;
	return 0;

err_level5:
	free_page((unsigned long)svm_vm->level5);
err_vm:
	kfree(svm_vm);
	return -ENOMEM;
}

static void svm_vm_destroy(struct holm_vm *vm)
{
	struct svm_vm *svm_vm = to_svm_vm(vm);

	svm_avic_vm_destroy(svm_vm->avic);
	free_page((unsigned long)svm_vm->level5);
	kfree(svm_vm);
	vm->backend_data = NULL;
}

static u64 svm_nested_cr3(struct holm_vm *vm)
{
	u64 root = holm_mmu_root(vm, 0);
	u64 *level5 = to_svm_vm(vm)->level5;

	if (!level5)
		return root;
	WRITE_ONCE(level5[0], holm_format_npt.make_table(root));
	return virt_to_phys(level5);
}

/* ---- vCPU ----------------------------------------------------------------- */

static void svm_kick(struct irq_work *work)
{
	/* The interrupt itself forced the exit. */
}

static int svm_vcpu_create(struct holm_vcpu *vcpu)
{
	struct svm_vcpu *svm;

	svm = kzalloc(sizeof(*svm), GFP_KERNEL_ACCOUNT);
	if (!svm)
		return -ENOMEM;
	svm->vmcb = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!svm->vmcb)
		goto err_svm;
	svm->vmcb_pa = virt_to_phys(svm->vmcb);
	svm->cpu = -1;
	svm->kick = IRQ_WORK_INIT_HARD(svm_kick);
	vcpu->backend_data = svm;
	if (svm_avic_vcpu_create(vcpu))
		goto err_vmcb;
	return 0;

err_vmcb:
	vcpu->backend_data = NULL;
	free_page((unsigned long)svm->vmcb);
err_svm:
	kfree(svm);
	return -ENOMEM;
}

static void svm_vcpu_destroy(struct holm_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	int cpu;

	irq_work_sync(&svm->kick);
	svm_avic_vcpu_destroy(vcpu);
	/* The next vCPU may get the same address, and needs its barrier. */
	for_each_possible_cpu(cpu)
		cmpxchg(&per_cpu_ptr(&svm_cpus, cpu)->last, svm, NULL);
	free_page((unsigned long)svm->vmcb);
	kfree(svm);
	vcpu->backend_data = NULL;
}

/*
 * The intercepts, each with its reason. Not intercepted although they could
 * be: SMI (15.22.2: the host's handler runs and returns to the guest), ICEBP,
 * and FERR_FREEZE (a guest with CR0.NE clear waits for an interrupt as on a
 * board without FERR#).
 */
static void svm_set_intercepts(struct svm_vmcb *v)
{
	v->intercept[0] =
		SVM_INTERCEPT_INTR |		/* the host's interrupts */
		SVM_INTERCEPT_NMI |
		SVM_INTERCEPT_INIT |		/* would reset the guest instead */
		SVM_INTERCEPT_CR0_SEL_WRITE |	/* checks; paging changes */
		SVM_INTERCEPT_RDPMC |		/* no counters are shown */
		SVM_INTERCEPT_CPUID |		/* the vCPU model */
		SVM_INTERCEPT_INVD |		/* would drop the host's dirty lines */
		SVM_INTERCEPT_HLT |
		SVM_INTERCEPT_INVLPGA |		/* SVM is hidden: #UD */
		SVM_INTERCEPT_IOIO |		/* devices are the launcher's */
		SVM_INTERCEPT_MSR |
		SVM_INTERCEPT_TASK_SWITCH |	/* a nested fault cannot restart one */
		SVM_INTERCEPT_SHUTDOWN;		/* triple fault */
	v->intercept[1] =
		SVM_INTERCEPT_VMRUN |		/* required by 15.5.1 */
		SVM_INTERCEPT_VMMCALL |		/* hypercall */
		SVM_INTERCEPT_VMLOAD |		/* SVM is hidden: #UD, as EFER.SVME */
		SVM_INTERCEPT_VMSAVE |		/* must be set while in the guest */
		SVM_INTERCEPT_STGI |
		SVM_INTERCEPT_CLGI |
		SVM_INTERCEPT_SKINIT |
		SVM_INTERCEPT_WBINVD |		/* slow, and caches are coherent */
		SVM_INTERCEPT_MONITOR |		/* hidden: #UD */
		SVM_INTERCEPT_MWAIT |
		SVM_INTERCEPT_XSETBV |		/* XCR0 is checked */
		SVM_INTERCEPT_RDPRU;		/* hidden: #UD */
	v->intercept[2] = 0;

	/*
	 * #MC is the host's. #DB and #AC: a guest whose delivery of one raises
	 * the next would never leave (CVE-2015-8104, CVE-2015-5307).
	 */
	v->exceptions = BIT(VEC_DB) | BIT(VEC_AC) | BIT(VEC_MC);
	v->cr_write = BIT(4);			/* hidden features; paging changes */
	v->cr_read = 0;
}

static void svm_set_ple(struct svm_vcpu *svm, const struct holm_vm *vm)
{
	struct svm_vmcb *v = svm->vmcb;

	if (!vm->ple.max)
		return;
	svm_intercept(svm, 0, SVM_INTERCEPT_PAUSE, holm_ple_on(vm));
	v->pause_count = READ_ONCE(vm->ple.window);
	/* Without the threshold every PAUSE counts, far apart or not. */
	v->pause_threshold = svm_caps.pause_threshold ? READ_ONCE(vm->ple.gap) : 0;
	svm_unclean(svm, SVM_CLEAN_INTERCEPTS);
}

static void svm_model_changed(struct holm_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	bool rdtscp = holm_cpuid_has(vcpu, 0x80000001, 0, 3, 27);
	bool rdpid = holm_cpuid_has(vcpu, 7, 0, 2, 22);
	bool invpcid = holm_cpuid_has(vcpu, 7, 0, 1, 10);

	/* What CPUID does not show is #UD, but RDPID has no intercept. */
	svm_intercept(svm, 1, SVM_INTERCEPT_RDTSCP, !rdtscp);
	svm_intercept(svm, 2, SVM_INTERCEPT_INVPCID,
		      !invpcid && boot_cpu_has(X86_FEATURE_INVPCID));
	svm->swap_tsc_aux = (rdtscp || rdpid) && boot_cpu_has(X86_FEATURE_RDTSCP);
	svm_set_ple(svm, vcpu->vm);
}

static void svm_vcpu_reset(struct holm_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct svm_vmcb *v = svm->vmcb;

	memset(v, 0, sizeof(*v));
	svm_set_intercepts(v);
	v->iopm_pa = page_to_phys(svm_iopm);
	v->msrpm_pa = page_to_phys(svm_msrpm);
	v->tsc_offset = vcpu->tsc_offset;
	v->int_ctl = SVM_INT_MASKING;
	v->nested_ctl = SVM_NESTED_PAGING;
	v->nested_cr3 = svm_nested_cr3(vcpu->vm);
	v->g_pat = vcpu->msr.pat;
	v->efer = EFER_SVME;
	v->dr6 = DR6_INIT;
	v->dr7 = DR7_INIT;
	svm_dr_live(svm, false);

	svm->clean = 0;
	svm->asid_generation = 0;
	svm->nmi_masked = false;
	svm->iret_pending = false;
	svm->nmi_window = false;
	svm->step = false;
	svm->injected.type = HOLM_EVENT_NONE;
	svm_avic_vcpu_reset(vcpu);
	if (vcpu->cpuid)
		svm_model_changed(vcpu);
}

static inline void svm_ibpb(void)
{
	if (boot_cpu_has(X86_FEATURE_IBPB))
		svm_wrmsr(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
}

static void svm_vcpu_load(struct holm_vcpu *vcpu, int cpu)
{
	struct svm_cpu *pc = per_cpu_ptr(&svm_cpus, cpu);
	struct svm_vcpu *svm = to_svm(vcpu);

	if (svm->cpu != cpu) {
		svm->cpu = cpu;
		svm->clean = 0;			/* 15.15.1: cached elsewhere */
		svm->asid_generation = 0;
	}
	vcpu->loaded_cpu = cpu;
	if (pc->last != svm) {
		/* Branch predictions of one guest are not another's. */
		pc->last = svm;
		svm_ibpb();
	}
	/*
	 * What VMRUN does not switch but VMLOAD does (15.5.2). It belongs to
	 * this task and stays what it is while preemption is off. It faults
	 * when the machine goes down and SVM is off: then nothing is entered.
	 */
	asm volatile("1: vmsave %%rax\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : : "a" (pc->host_pa) : "memory");
	if (svm->swap_tsc_aux && vcpu->msr.tsc_aux != pc->tsc_aux)
		svm_wrmsr(MSR_TSC_AUX, vcpu->msr.tsc_aux);
	svm_load_tsc_ratio(pc, vcpu->tsc.ratio ?: SVM_TSC_RATIO_ONE);
	if (svm->spec_ctrl && !svm_caps.v_spec_ctrl)
		svm->host_spec_ctrl = svm_rdmsr(MSR_IA32_SPEC_CTRL);
}

static void svm_vcpu_put(struct holm_vcpu *vcpu)
{
	struct svm_cpu *pc = this_cpu_ptr(&svm_cpus);
	struct svm_vcpu *svm = to_svm(vcpu);

	if (svm_avic_enabled())
		svm_avic_put(vcpu);
	if (svm->swap_tsc_aux && vcpu->msr.tsc_aux != pc->tsc_aux)
		svm_wrmsr(MSR_TSC_AUX, pc->tsc_aux);
	/* VMSCAPE: the launcher must not run on the guest's predictions. */
	if (holm_host_ibpb_to_user() && !(svm_caps.enter_flags & ENTER_IBPB))
		svm_ibpb();
}

static void svm_tsc_changed(struct holm_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	svm->vmcb->tsc_offset = vcpu->tsc_offset;
	svm_unclean(svm, SVM_CLEAN_INTERCEPTS);
	svm_load_tsc_ratio(this_cpu_ptr(&svm_cpus), vcpu->tsc.ratio ?: SVM_TSC_RATIO_ONE);
}

const struct holm_backend holm_svm_backend = {
	.name		= "svm",
	.format		= &holm_format_npt,

	.setup		= svm_setup,
	.teardown	= svm_teardown,
	.caps		= svm_get_caps,
	.cpu_set	= svm_cpu_set,

	.vm_init	= svm_vm_init,
	.vm_destroy	= svm_vm_destroy,

	.vcpu_create	= svm_vcpu_create,
	.vcpu_destroy	= svm_vcpu_destroy,
	.vcpu_reset	= svm_vcpu_reset,
	.model_changed	= svm_model_changed,

	.vcpu_load	= svm_vcpu_load,
	.vcpu_put	= svm_vcpu_put,
	.run		= svm_run,
	.handle_exit	= svm_handle_exit,
	.exit_reason	= svm_exit_reason,

	.state_get	= svm_state_get,
	.state_set	= svm_state_set,
	.msr_get	= svm_msr_get,
	.msr_set	= svm_msr_set,

	.inject		= svm_inject,
	.open_window	= svm_open_window,
	.tsc_changed	= svm_tsc_changed,
	.flush_tlb	= svm_flush_tlb,
};
