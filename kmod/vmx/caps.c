// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMX capability: what a CPU must have, what it may have, and the control
 * words that follow (SDM Vol. 3, appendix "VMX Capability Reporting Facility").
 */
#define pr_fmt(fmt) "holm: vmx: " fmt

#include <linux/kernel.h>
#include <linux/moduleparam.h>
#include <linux/smp.h>
#include <asm/cpufeature.h>
#include <asm/processor.h>

#include "vmx.h"

struct vmx_caps vmx_caps __ro_after_init;

/*
 * PAUSE-loop exiting, in TSC ticks: PAUSEs at most a gap apart are one loop,
 * which exits after the window (SDM Vol. 3, "VM-Execution Control Fields").
 */
unsigned int vmx_ple_gap = 128;
module_param_named(ple_gap, vmx_ple_gap, uint, 0444);
MODULE_PARM_DESC(ple_gap, "VMX: most TSC ticks between the PAUSEs of one loop in a new VM, 0: loops do not exit (default 128)");

unsigned int vmx_ple_window = 4096;
module_param_named(ple_window, vmx_ple_window, uint, 0444);
MODULE_PARM_DESC(ple_window, "VMX: TSC ticks of a PAUSE loop after which a vCPU of a new VM yields, 0: never (default 4096)");

/* CPUID.1:ECX */
#define CPUID_1_ECX_VMX			BIT(5)

/* IA32_VMX_BASIC */
#define BASIC_REVISION			GENMASK_ULL(30, 0)
#define BASIC_SIZE			GENMASK_ULL(44, 32)
#define BASIC_32BIT_ADDRESSES		BIT_ULL(48)
#define BASIC_MEMORY_TYPE		GENMASK_ULL(53, 50)
#define BASIC_MEMORY_TYPE_WB		6
#define BASIC_TRUE_CONTROLS		BIT_ULL(55)

/* IA32_VMX_MISC */
#define MISC_INTEL_PT			BIT_ULL(14)

/* IA32_VMX_EPT_VPID_CAP */
#define EPT_CAP_WALK_4			BIT_ULL(6)
#define EPT_CAP_WB			BIT_ULL(14)
#define EPT_CAP_2M			BIT_ULL(16)
#define EPT_CAP_1G			BIT_ULL(17)
#define EPT_CAP_INVEPT			BIT_ULL(20)
#define EPT_CAP_AD			BIT_ULL(21)
#define EPT_CAP_INVEPT_SINGLE		BIT_ULL(25)
#define EPT_CAP_INVEPT_ALL		BIT_ULL(26)
#define EPT_CAP_INVVPID			BIT_ULL(32)
#define EPT_CAP_INVVPID_SINGLE		BIT_ULL(41)
#define EPT_CAP_INVVPID_ALL		BIT_ULL(42)

#define CR0_PE_PG			(BIT_ULL(0) | BIT_ULL(31))
#define CR4_FRED			BIT_ULL(32)

struct control_bit {
	u32 bit;
	const char *name;	/* of a required one, for the message */
};

/**
 * struct control_word - a control field and what we want of it
 * @name: of the field
 * @msr: capability MSR
 * @true_msr: the one to use with IA32_VMX_BASIC[55]
 * @required: bits the CPU must let us set (set at once unless in @later)
 * @later: of these, bits that are set only while needed
 * @optional: bits set where the CPU has them
 * @result: the word
 */
struct control_word {
	const char *name;
	u32 msr;
	u32 true_msr;
	const struct control_bit *required;
	u32 later;
	u32 optional;
	u32 *result;
};

static const struct control_bit pin_required[] = {
	{ PIN_EXT_INTR,		"external-interrupt exiting" },
	{ PIN_NMI,		"NMI exiting" },
	{ PIN_VIRTUAL_NMI,	"virtual NMIs" },
	{ }
};

static const struct control_bit primary_required[] = {
	{ PRI_INTR_WINDOW,	"interrupt-window exiting" },
	{ PRI_TSC_OFFSET,	"TSC offsetting" },
	{ PRI_HLT,		"HLT exiting" },
	{ PRI_MWAIT,		"MWAIT exiting" },
	{ PRI_RDPMC,		"RDPMC exiting" },
	{ PRI_CR8_LOAD,		"CR8-load exiting" },
	{ PRI_CR8_STORE,	"CR8-store exiting" },
	{ PRI_NMI_WINDOW,	"NMI-window exiting" },
	{ PRI_MOV_DR,		"MOV-DR exiting" },
	{ PRI_UNCOND_IO,	"unconditional I/O exiting" },
	{ PRI_MSR_BITMAP,	"MSR bitmaps" },
	{ PRI_MONITOR,		"MONITOR exiting" },
	{ PRI_SECONDARY,	"secondary controls" },
	{ }
};

static const struct control_bit secondary_required[] = {
	{ SEC_EPT,		"EPT" },
	{ SEC_UNRESTRICTED,	"unrestricted guest" },
	{ }
};

static const struct control_bit exit_required[] = {
	{ EXIT_SAVE_DEBUG,	"save debug controls on exit" },
	{ EXIT_HOST_64,		"64-bit host" },
	{ EXIT_SAVE_PAT,	"save PAT on exit" },
	{ EXIT_LOAD_PAT,	"load PAT on exit" },
	{ EXIT_SAVE_EFER,	"save EFER on exit" },
	{ EXIT_LOAD_EFER,	"load EFER on exit" },
	{ }
};

static const struct control_bit entry_required[] = {
	{ ENTRY_LOAD_DEBUG,	"load debug controls on entry" },
	{ ENTRY_IA32E,		"IA-32e mode guest" },
	{ ENTRY_LOAD_PAT,	"load PAT on entry" },
	{ ENTRY_LOAD_EFER,	"load EFER on entry" },
	{ }
};

static const struct control_word control_words[] = {
	{
		.name = "pin-based",
		.msr = MSR_IA32_VMX_PINBASED_CTLS,
		.true_msr = MSR_IA32_VMX_TRUE_PINBASED_CTLS,
		.required = pin_required,
		.optional = PIN_POSTED_INTR,
		.result = &vmx_caps.pin,
	}, {
		.name = "primary",
		.msr = MSR_IA32_VMX_PROCBASED_CTLS,
		.true_msr = MSR_IA32_VMX_TRUE_PROCBASED_CTLS,
		.required = primary_required,
		.later = PRI_INTR_WINDOW | PRI_NMI_WINDOW,
		.optional = PRI_TPR_SHADOW,
		.result = &vmx_caps.primary,
	}, {
		.name = "secondary",
		.msr = MSR_IA32_VMX_PROCBASED_CTLS2,
		.true_msr = MSR_IA32_VMX_PROCBASED_CTLS2,
		.required = secondary_required,
		/*
		 * WBINVD exiting keeps a guest from flushing the host's
		 * caches. RDTSCP and INVPCID are taken out again for guests
		 * that are not shown them. Left off, and with that #UD or
		 * hidden: XSAVES, user wait and pause, PCONFIG, ENCLS.
		 */
		.optional = SEC_RDTSCP | SEC_VPID | SEC_WBINVD | SEC_PAUSE_LOOP | SEC_INVPCID |
			    SEC_PML | SEC_APICV | SEC_TSC_SCALING,
		.result = &vmx_caps.secondary,
	}, {
		.name = "exit",
		.msr = MSR_IA32_VMX_EXIT_CTLS,
		.true_msr = MSR_IA32_VMX_TRUE_EXIT_CTLS,
		.required = exit_required,
		.optional = EXIT_LOAD_PERF_GLOBAL | EXIT_ACK_INTR,
		.result = &vmx_caps.exit,
	}, {
		.name = "entry",
		.msr = MSR_IA32_VMX_ENTRY_CTLS,
		.true_msr = MSR_IA32_VMX_TRUE_ENTRY_CTLS,
		.required = entry_required,
		.later = ENTRY_IA32E,
		.optional = ENTRY_LOAD_PERF_GLOBAL,
		.result = &vmx_caps.entry,
	},
};

/* The names of what is missing, for one message. */
struct missing {
	char text[640];
	size_t len;
};

static void missing_add(struct missing *missing, const char *name)
{
	missing->len += scnprintf(missing->text + missing->len,
				  sizeof(missing->text) - missing->len,
				  "%s%s", missing->len ? ", " : "", name);
}

/*
 * Capability MSR: low half has the bits that must be one, high half those that
 * may be one.
 */
static void control_setup(const struct control_word *w, struct missing *missing)
{
	u64 cap = vmx_rdmsr(vmx_caps.basic & BASIC_TRUE_CONTROLS ? w->true_msr : w->msr);
	u32 must = (u32)cap, may = cap >> 32, required = 0;
	const struct control_bit *b;

	for (b = w->required; b->bit; b++) {
		required |= b->bit;
		if (!(may & b->bit))
			missing_add(missing, b->name);
	}
	*w->result = must | (required & ~w->later) | (w->optional & may);
	pr_debug("%s controls: 0x%08x (must 0x%08x, may 0x%08x)\n", w->name, *w->result, must, may);
}

/* "TSC multiplier": 48 bits of fraction. */
#define TSC_MULTIPLIER_FRAC	48
#define TSC_MULTIPLIER_INT	16

static void tsc_setup(void)
{
	if (vmx_caps.secondary & SEC_TSC_SCALING)
		holm_tsc_scaling = (struct holm_tsc_scaling) {
			.frac_bits = TSC_MULTIPLIER_FRAC, .int_bits = TSC_MULTIPLIER_INT,
		};
}

static void ept_setup(struct missing *missing)
{
	u64 cap = vmx_rdmsr(MSR_IA32_VMX_EPT_VPID_CAP);

	if (!(cap & EPT_CAP_WALK_4))
		missing_add(missing, "EPT with 4 levels");
	if (!(cap & EPT_CAP_WB))
		missing_add(missing, "EPT in write-back memory");
	if (!(cap & EPT_CAP_INVEPT) || !(cap & (EPT_CAP_INVEPT_SINGLE | EPT_CAP_INVEPT_ALL)))
		missing_add(missing, "INVEPT");

	vmx_caps.invept_type = cap & EPT_CAP_INVEPT_SINGLE ? INVEPT_SINGLE : INVEPT_ALL;
	vmx_caps.ept_ad = cap & EPT_CAP_AD;
	holm_format_ept.has_ad = vmx_caps.ept_ad;
	if (!vmx_caps.ept_ad)
		vmx_caps.secondary &= ~SEC_PML;
	holm_format_ept.pml = vmx_caps.secondary & SEC_PML;
	holm_format_ept.nx_huge = boot_cpu_has_bug(X86_BUG_ITLB_MULTIHIT);
	holm_format_ept.max_leaf = cap & EPT_CAP_1G ? HOLM_PG_1G :
				   cap & EPT_CAP_2M ? HOLM_PG_2M : HOLM_PG_4K;

	vmx_caps.invvpid_type = 0;
	if (cap & EPT_CAP_INVVPID && cap & EPT_CAP_INVVPID_SINGLE)
		vmx_caps.invvpid_type = INVVPID_SINGLE;
	else if (cap & EPT_CAP_INVVPID && cap & EPT_CAP_INVVPID_ALL)
		vmx_caps.invvpid_type = INVVPID_ALL;
	if (!vmx_caps.invvpid_type)
		vmx_caps.secondary &= ~SEC_VPID;
	else if (!(vmx_caps.secondary & SEC_VPID))
		vmx_caps.invvpid_type = 0;
}

/*
 * Mitigations follow what the kernel decided for itself ("mitigations=" and
 * friends), which shows in its synthetic feature bits. L1TF: l1d.c.
 */
static void mitigation_setup(void)
{
	vmx_caps.spec_ctrl = boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL);
	vmx_caps.kernel_ibrs = boot_cpu_has(X86_FEATURE_KERNEL_IBRS);

	/* MDS, TAA, RFDS: VERW clears the buffers that the host used. */
#ifdef X86_FEATURE_CLEAR_CPU_BUF
	vmx_caps.verw |= boot_cpu_has(X86_FEATURE_CLEAR_CPU_BUF);
#endif
#ifdef X86_FEATURE_CLEAR_CPU_BUF_VM
	vmx_caps.verw |= boot_cpu_has(X86_FEATURE_CLEAR_CPU_BUF_VM);
#endif

#ifdef X86_FEATURE_USE_IBPB
	vmx_caps.ibpb = boot_cpu_has(X86_FEATURE_USE_IBPB);
#else
	vmx_caps.ibpb = boot_cpu_has(X86_FEATURE_IBPB);
#endif
}

/* Of what entry.S does by the kernel's macros, their conditions. */
u64 vmx_caps_mitigations(void)
{
	u64 done = 0;

	if (vmx_caps.l1d_flush)
		done |= HOLM_MITIGATION_L1D_FLUSH;
	if (vmx_caps.verw)
		done |= HOLM_MITIGATION_CPU_BUFFER_CLEAR;
	if (boot_cpu_has(X86_FEATURE_RSB_VMEXIT) || boot_cpu_has(X86_FEATURE_RSB_VMEXIT_LITE))
		done |= HOLM_MITIGATION_RSB_FILL;
	if (holm_host_clears_bhb())
		done |= HOLM_MITIGATION_BHB_CLEAR;
	if (vmx_caps.ibpb)
		done |= HOLM_MITIGATION_IBPB_ON_SWITCH;
	if (holm_host_ibpb_to_user())
		done |= HOLM_MITIGATION_IBPB_TO_USER;
	if (vmx_caps.spec_ctrl)
		done |= HOLM_MITIGATION_SPEC_CTRL;
	if (holm_format_ept.nx_huge)
		done |= HOLM_MITIGATION_NX_HUGE_PAGES;
	return done;
}

static bool msr_exists(u32 index)
{
	bool faulted = true;

	asm volatile("1: rdmsr\n\t"
		     "movb $0, %[faulted]\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : [faulted] "+m" (faulted) : "c" (index) : "eax", "edx");
	return !faulted;
}

#define PERFMON_LEAF		0xa
#define PERFMON_VERSION		GENMASK(7, 0)

/*
 * Errata AAT100, AAY89, BC86, BD102 (Westmere): an exit may load
 * IA32_PERF_GLOBAL_CTRL with another value than the VMCS has.
 */
static bool perf_load_broken(void)
{
	return boot_cpu_data.x86_vendor == X86_VENDOR_INTEL && boot_cpu_data.x86 == 6 &&
	       (boot_cpu_data.x86_model == 37 || boot_cpu_data.x86_model == 44);
}

/* Some hypervisors show a feature and fault on its MSR. */
static void perf_setup(void)
{
	bool perfmon = boot_cpu_has(X86_FEATURE_ARCH_PERFMON);

	vmx_caps.perf = perfmon && (cpuid_eax(PERFMON_LEAF) & PERFMON_VERSION) >= 2 &&
			msr_exists(MSR_CORE_PERF_GLOBAL_CTRL);
	/* PEBS came with version 2. */
	vmx_caps.pebs = vmx_caps.perf && boot_cpu_has(X86_FEATURE_PEBS) &&
			msr_exists(MSR_IA32_PEBS_ENABLE);
	vmx_caps.perf_vmcs = vmx_caps.perf && vmx_caps.exit & EXIT_LOAD_PERF_GLOBAL &&
			     vmx_caps.entry & ENTRY_LOAD_PERF_GLOBAL && !perf_load_broken();
	if (!vmx_caps.perf_vmcs) {
		/* Neither is ever a bit that must be one. */
		vmx_caps.exit &= ~EXIT_LOAD_PERF_GLOBAL;
		vmx_caps.entry &= ~ENTRY_LOAD_PERF_GLOBAL;
	}
}

static int basic_setup(void)
{
	u64 basic = vmx_rdmsr(MSR_IA32_VMX_BASIC);

	vmx_caps.basic = basic;
	vmx_caps.revision = basic & BASIC_REVISION;
	if (((basic & BASIC_SIZE) >> 32) > PAGE_SIZE) {
		pr_err("the CPU wants a VMCS of %llu bytes, at most %lu are possible\n",
		       (basic & BASIC_SIZE) >> 32, PAGE_SIZE);
		return -EOPNOTSUPP;
	}
	if (basic & BASIC_32BIT_ADDRESSES ||
	    (basic & BASIC_MEMORY_TYPE) >> 50 != BASIC_MEMORY_TYPE_WB) {
		pr_err("the CPU wants a VMCS below 4 GiB or not in write-back memory (IA32_VMX_BASIC 0x%llx)\n",
		       basic);
		return -EOPNOTSUPP;
	}
	return 0;
}

/**
 * vmx_caps_cpu_check() - may this CPU execute VMXON
 *
 * Locks IA32_FEATURE_CONTROL with VMX on when firmware left it open (SDM
 * Vol. 3, "Enabling and Entering VMX Operation"). Preemption off.
 *
 * Return: 0, or -EOPNOTSUPP with a message.
 */
int vmx_caps_cpu_check(void)
{
	u64 ctl = vmx_rdmsr(MSR_IA32_FEAT_CTL);

	if (!(ctl & FEAT_CTL_LOCKED)) {
		vmx_wrmsr(MSR_IA32_FEAT_CTL,
			  ctl | FEAT_CTL_LOCKED | FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX);
		ctl = vmx_rdmsr(MSR_IA32_FEAT_CTL);
	}
	if (ctl & FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX)
		return 0;
	pr_err("VT-x is switched off and locked (IA32_FEATURE_CONTROL 0x%llx) on CPU %d: enable \"Intel Virtualization Technology\" (VT-x, VMX) in the firmware setup and power-cycle the machine; if it is enabled there, the kernel locked it because it was built without KVM for Intel\n",
	       ctl, smp_processor_id());
	return -EOPNOTSUPP;
}

/**
 * vmx_caps_setup() - fill vmx_caps and what of holm_format_ept the CPU decides
 *
 * Return: 0; -ENODEV when the CPU has no VMX; -EOPNOTSUPP with a message when
 * something is missing or disabled.
 */
int vmx_caps_setup(void)
{
	struct missing missing = {};
	unsigned int i;
	int err;

	if (!(cpuid_ecx(1) & CPUID_1_ECX_VMX))
		return -ENODEV;

	preempt_disable();
	err = vmx_caps_cpu_check();
	preempt_enable();
	if (err)
		return err;

	if (vmx_read_cr4() & CR4_FRED) {
		/* An NMI that ended a guest is passed on by INT 2, which FRED
		 * does not deliver as an NMI.
		 */
		pr_err("the kernel uses FRED event delivery, which this driver does not support yet: boot it with fred=off\n");
		return -EOPNOTSUPP;
	}

	err = basic_setup();
	if (err)
		return err;
	if (!HOLM_HAVE_PT_NOTICE && boot_cpu_has(X86_FEATURE_INTEL_PT) &&
	    !(vmx_rdmsr(MSR_IA32_VMX_MISC) & MISC_INTEL_PT)) {
		pr_err("Intel PT of this CPU does not work in VMX operation, and this kernel does not let a module switch it off: boot with clearcpuid=intel_pt\n");
		return -EOPNOTSUPP;
	}

	for (i = 0; i < ARRAY_SIZE(control_words); i++) {
		/* Without them the capability MSRs that follow do not exist. */
		if (control_words[i].result == &vmx_caps.secondary &&
		    !(vmx_caps.primary & PRI_SECONDARY))
			continue;
		control_setup(&control_words[i], &missing);
	}
	vmx_apic_caps_setup();
	if (vmx_caps.secondary & SEC_EPT)
		ept_setup(&missing);
	if (missing.len) {
		pr_err("this CPU lacks what holm needs of VMX: %s. Intel CPUs since 2010 (Westmere) have it all; in a virtual machine, its hypervisor has to offer it\n",
		       missing.text);
		return -EOPNOTSUPP;
	}

	vmx_caps.cr0_fixed0 = vmx_rdmsr(MSR_IA32_VMX_CR0_FIXED0) & ~CR0_PE_PG;
	vmx_caps.cr0_fixed1 = vmx_rdmsr(MSR_IA32_VMX_CR0_FIXED1);
	vmx_caps.cr4_fixed0 = vmx_rdmsr(MSR_IA32_VMX_CR4_FIXED0);
	vmx_caps.cr4_fixed1 = vmx_rdmsr(MSR_IA32_VMX_CR4_FIXED1);

	vmx_caps.switched_tsc_aux = boot_cpu_has(X86_FEATURE_RDTSCP) ||
				    boot_cpu_has(X86_FEATURE_RDPID);
	perf_setup();
	tsc_setup();
	mitigation_setup();
	return 0;
}
