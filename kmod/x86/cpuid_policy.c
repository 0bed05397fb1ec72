// SPDX-License-Identifier: GPL-2.0-only
/*
 * The CPUID policy as data: which leaves, which bits, and why. A bit that no
 * row shows is hidden; what is hidden on purpose stands in a table below with
 * its reason (SDM Vol. 2, "CPUID"; APM Vol. 3, appendix E).
 */
#include <linux/kernel.h>

#include "cpuid.h"
#include "pv.h"

/* CPUID.01H:ECX */
#define F1C_SSE3	BIT(0)
#define F1C_PCLMUL	BIT(1)
#define F1C_DTES64	BIT(2)
#define F1C_MONITOR	BIT(3)
#define F1C_DS_CPL	BIT(4)
#define F1C_VMEXT	BIT(5)
#define F1C_SMX		BIT(6)
#define F1C_EIST	BIT(7)
#define F1C_TM2		BIT(8)
#define F1C_SSSE3	BIT(9)
#define F1C_CNXT_ID	BIT(10)
#define F1C_SDBG	BIT(11)
#define F1C_FMA		BIT(12)
#define F1C_CX16	BIT(13)
#define F1C_XTPR	BIT(14)
#define F1C_PDCM	BIT(15)
#define F1C_PCID	BIT(17)
#define F1C_DCA		BIT(18)
#define F1C_SSE41	BIT(19)
#define F1C_SSE42	BIT(20)
#define F1C_X2APIC	BIT(21)
#define F1C_MOVBE	BIT(22)
#define F1C_POPCNT	BIT(23)
#define F1C_TSC_DEADLINE BIT(24)
#define F1C_AES		BIT(25)
#define F1C_XSAVE	BIT(26)
#define F1C_OSXSAVE	BIT(27)
#define F1C_AVX		BIT(28)
#define F1C_F16C	BIT(29)
#define F1C_RDRAND	BIT(30)
#define F1C_HYPERVISOR	BIT(31)

/* CPUID.01H:EDX; 80000001H:EDX repeats most of it on AMD. */
#define F1D_FPU		BIT(0)
#define F1D_VME		BIT(1)
#define F1D_DE		BIT(2)
#define F1D_PSE		BIT(3)
#define F1D_TSC		BIT(4)
#define F1D_MSR		BIT(5)
#define F1D_PAE		BIT(6)
#define F1D_MCE		BIT(7)
#define F1D_CX8		BIT(8)
#define F1D_APIC	BIT(9)
#define F1D_SEP		BIT(11)
#define F1D_MTRR	BIT(12)
#define F1D_PGE		BIT(13)
#define F1D_MCA		BIT(14)
#define F1D_CMOV	BIT(15)
#define F1D_PAT		BIT(16)
#define F1D_PSE36	BIT(17)
#define F1D_PSN		BIT(18)
#define F1D_CLFSH	BIT(19)
#define F1D_DS		BIT(21)
#define F1D_ACPI	BIT(22)
#define F1D_MMX		BIT(23)
#define F1D_FXSR	BIT(24)
#define F1D_SSE		BIT(25)
#define F1D_SSE2	BIT(26)
#define F1D_SS		BIT(27)
#define F1D_HTT		BIT(28)
#define F1D_TM		BIT(29)
#define F1D_PBE		BIT(31)

/* CPUID.07H.0:EBX */
#define F7B_FSGSBASE	BIT(0)
#define F7B_TSC_ADJUST	BIT(1)
#define F7B_SGX		BIT(2)
#define F7B_BMI1	BIT(3)
#define F7B_HLE		BIT(4)
#define F7B_AVX2	BIT(5)
#define F7B_FDP_EXCPTN	BIT(6)
#define F7B_SMEP	BIT(7)
#define F7B_BMI2	BIT(8)
#define F7B_ERMS	BIT(9)
#define F7B_INVPCID	BIT(10)
#define F7B_RTM		BIT(11)
#define F7B_PQM		BIT(12)
#define F7B_ZERO_FCS	BIT(13)
#define F7B_MPX		BIT(14)
#define F7B_PQE		BIT(15)
#define F7B_AVX512F	BIT(16)
#define F7B_AVX512DQ	BIT(17)
#define F7B_RDSEED	BIT(18)
#define F7B_ADX		BIT(19)
#define F7B_SMAP	BIT(20)
#define F7B_AVX512IFMA	BIT(21)
#define F7B_CLFLUSHOPT	BIT(23)
#define F7B_CLWB	BIT(24)
#define F7B_PT		BIT(25)
#define F7B_AVX512PF	BIT(26)
#define F7B_AVX512ER	BIT(27)
#define F7B_AVX512CD	BIT(28)
#define F7B_SHA		BIT(29)
#define F7B_AVX512BW	BIT(30)
#define F7B_AVX512VL	BIT(31)
#define F7B_AVX512	(F7B_AVX512F | F7B_AVX512DQ | F7B_AVX512IFMA | F7B_AVX512PF | \
			 F7B_AVX512ER | F7B_AVX512CD | F7B_AVX512BW | F7B_AVX512VL)

/* CPUID.07H.0:ECX */
#define F7C_PREFETCHWT1	BIT(0)
#define F7C_AVX512VBMI	BIT(1)
#define F7C_UMIP	BIT(2)
#define F7C_PKU		BIT(3)
#define F7C_OSPKE	BIT(4)
#define F7C_WAITPKG	BIT(5)
#define F7C_AVX512VBMI2	BIT(6)
#define F7C_SHSTK	BIT(7)
#define F7C_GFNI	BIT(8)
#define F7C_VAES	BIT(9)
#define F7C_VPCLMUL	BIT(10)
#define F7C_AVX512VNNI	BIT(11)
#define F7C_AVX512BITALG BIT(12)
#define F7C_TME		BIT(13)
#define F7C_AVX512VPOP	BIT(14)
#define F7C_LA57	BIT(16)
#define F7C_MAWAU	GENMASK(21, 17)
#define F7C_RDPID	BIT(22)
#define F7C_KL		BIT(23)
#define F7C_BUS_LOCK	BIT(24)
#define F7C_CLDEMOTE	BIT(25)
#define F7C_MOVDIRI	BIT(27)
#define F7C_MOVDIR64B	BIT(28)
#define F7C_ENQCMD	BIT(29)
#define F7C_SGX_LC	BIT(30)
#define F7C_PKS		BIT(31)
#define F7C_AVX512	(F7C_AVX512VBMI | F7C_AVX512VBMI2 | F7C_AVX512VNNI | \
			 F7C_AVX512BITALG | F7C_AVX512VPOP)

/* CPUID.07H.0:EDX */
#define F7D_SGX_KEYS	BIT(1)
#define F7D_AVX512_4VNNIW BIT(2)
#define F7D_AVX512_4FMAPS BIT(3)
#define F7D_FSRM	BIT(4)
#define F7D_UINTR	BIT(5)
#define F7D_VP2INTERSECT BIT(8)
#define F7D_SRBDS_CTRL	BIT(9)
#define F7D_MD_CLEAR	BIT(10)
#define F7D_RTM_ABORT	BIT(11)
#define F7D_TSX_FORCE	BIT(13)
#define F7D_SERIALIZE	BIT(14)
#define F7D_HYBRID	BIT(15)
#define F7D_TSXLDTRK	BIT(16)
#define F7D_PCONFIG	BIT(18)
#define F7D_ARCH_LBR	BIT(19)
#define F7D_IBT		BIT(20)
#define F7D_AMX_BF16	BIT(22)
#define F7D_AVX512FP16	BIT(23)
#define F7D_AMX_TILE	BIT(24)
#define F7D_AMX_INT8	BIT(25)
#define F7D_SPEC_CTRL	BIT(26)
#define F7D_STIBP	BIT(27)
#define F7D_L1D_FLUSH	BIT(28)
#define F7D_ARCH_CAPS	BIT(29)
#define F7D_CORE_CAPS	BIT(30)
#define F7D_SSBD	BIT(31)
#define F7D_AVX512	(F7D_AVX512_4VNNIW | F7D_AVX512_4FMAPS | F7D_VP2INTERSECT | \
			 F7D_AVX512FP16)

/* CPUID.07H.1:EAX */
#define F71A_SHA512	BIT(0)
#define F71A_SM3	BIT(1)
#define F71A_SM4	BIT(2)
#define F71A_RAO_INT	BIT(3)
#define F71A_AVX_VNNI	BIT(4)
#define F71A_AVX512BF16	BIT(5)
#define F71A_LASS	BIT(6)
#define F71A_CMPCCXADD	BIT(7)
#define F71A_PERFMON	BIT(8)
#define F71A_FZRM	BIT(10)
#define F71A_FSRS	BIT(11)
#define F71A_FSRC	BIT(12)
#define F71A_FRED	BIT(17)
#define F71A_LKGS	BIT(18)
#define F71A_WRMSRNS	BIT(19)
#define F71A_NMI_SRC	BIT(20)
#define F71A_AMX_FP16	BIT(21)
#define F71A_HRESET	BIT(22)
#define F71A_AVX_IFMA	BIT(23)
#define F71A_LAM	BIT(26)
#define F71A_MSRLIST	BIT(27)
#define F71A_AVX	(F71A_SHA512 | F71A_SM3 | F71A_SM4 | F71A_AVX_VNNI | F71A_AVX_IFMA)

/* CPUID.07H.1:EDX */
#define F71D_VNNI_INT8	BIT(4)
#define F71D_NE_CONVERT	BIT(5)
#define F71D_AMX_COMPLEX BIT(8)
#define F71D_VNNI_INT16	BIT(10)
#define F71D_PREFETCHI	BIT(14)
#define F71D_UIRET_UIF	BIT(17)
#define F71D_CET_SSS	BIT(18)
#define F71D_AVX10	BIT(19)
#define F71D_APX	BIT(21)
#define F71D_AVX	(F71D_VNNI_INT8 | F71D_NE_CONVERT | F71D_VNNI_INT16)

/* CPUID.07H.2:EDX */
#define F72D_CTRLS	GENMASK(4, 0)
#define F72D_MCDT_NO	BIT(5)

/* CPUID.0DH.1:EAX */
#define FD1A_XSAVEOPT	BIT(0)
#define FD1A_XSAVEC	BIT(1)
#define FD1A_XGETBV1	BIT(2)
#define FD1A_XSAVES	BIT(3)
#define FD1A_XFD	BIT(4)

/* CPUID.80000001H:ECX */
#define E1C_LAHF	BIT(0)
#define E1C_CMP_LEGACY	BIT(1)
#define E1C_VMEXT	BIT(2)
#define E1C_EXTAPIC	BIT(3)
#define E1C_CR8_LEGACY	BIT(4)
#define E1C_ABM		BIT(5)
#define E1C_SSE4A	BIT(6)
#define E1C_MISALIGNSSE	BIT(7)
#define E1C_PREFETCHW	BIT(8)
#define E1C_OSVW	BIT(9)
#define E1C_IBS		BIT(10)
#define E1C_XOP		BIT(11)
#define E1C_SKINIT	BIT(12)
#define E1C_WDT		BIT(13)
#define E1C_LWP		BIT(15)
#define E1C_FMA4	BIT(16)
#define E1C_TCE		BIT(17)
#define E1C_NODEID	BIT(19)
#define E1C_TBM		BIT(21)
#define E1C_TOPOEXT	BIT(22)
#define E1C_PERF	(BIT(23) | BIT(24) | BIT(27) | BIT(28))
#define E1C_BPEXT	BIT(26)
#define E1C_MWAITX	BIT(29)
#define E1C_ADMSKEXT	BIT(30)

/* CPUID.80000001H:EDX, beyond the copies of 01H:EDX */
#define E1D_SYSCALL	BIT(11)
#define E1D_NX		BIT(20)
#define E1D_MMXEXT	BIT(22)
#define E1D_FFXSR	BIT(25)
#define E1D_PAGE1GB	BIT(26)
#define E1D_RDTSCP	BIT(27)
#define E1D_LM		BIT(29)
#define E1D_3DNOWEXT	BIT(30)
#define E1D_3DNOW	BIT(31)
#define E1D_COPIES	(F1D_FPU | F1D_VME | F1D_DE | F1D_PSE | F1D_TSC | F1D_MSR | F1D_PAE | \
			 F1D_MCE | F1D_CX8 | F1D_APIC | F1D_MTRR | F1D_PGE | F1D_MCA | \
			 F1D_CMOV | F1D_PAT | F1D_PSE36 | F1D_MMX | F1D_FXSR)

/* CPUID.80000007H:EDX */
#define E7D_INVARIANT_TSC BIT(8)

/* CPUID.80000008H:EBX */
#define E8B_CLZERO	BIT(0)
#define E8B_IRPERF	BIT(1)
#define E8B_XSAVEERPTR	BIT(2)
#define E8B_INVLPGB	BIT(3)
#define E8B_RDPRU	BIT(4)
#define E8B_BE		BIT(6)
#define E8B_MCOMMIT	BIT(8)
#define E8B_WBNOINVD	BIT(9)
#define E8B_IBPB	BIT(12)
#define E8B_INT_WBINVD	BIT(13)
#define E8B_SPEC_CTRL	(GENMASK(19, 14) | BIT(24) | BIT(28))
#define E8B_VIRT_SSBD	BIT(25)
#define E8B_NO_LMSLE	BIT(20)
#define E8B_PPIN	BIT(23)
#define E8B_SSB_NO	BIT(26)
#define E8B_CPPC	BIT(27)
#define E8B_BTC_NO	BIT(29)
#define E8B_IBPB_RET	BIT(30)
#define E8B_BRANCH_SAMPLING BIT(31)

/* CPUID.80000021H:EAX */
#define E21A_NO_NESTED_BP BIT(0)
#define E21A_FSGS_NOSER	BIT(1)
#define E21A_LFENCE	BIT(2)
#define E21A_SMM_PGCFG	BIT(3)
#define E21A_VERW_CLEAR	BIT(5)
#define E21A_NULL_SEL	BIT(6)
#define E21A_UAI	BIT(7)
#define E21A_AUTO_IBRS	BIT(8)
#define E21A_NO_SMM_CTL	BIT(9)
#define E21A_FSRS	BIT(10)
#define E21A_FSRC	BIT(11)
#define E21A_PREFETCH_CTL BIT(13)
#define E21A_CPUID_USER	BIT(17)
#define E21A_EPSF	BIT(18)
#define E21A_SBPB	BIT(27)
#define E21A_IBPB_BRTYPE BIT(28)
#define E21A_SRSO_NO	BIT(29)
#define E21A_SRSO_USER	BIT(30)

/* CPUID.06H:EAX */
#define F6A_ARAT	BIT(2)

#define ALL	0xffffffffu

#define ROW(f, i, r, k, s, fo, fr, why)						\
	{ .function = (f), .index = (i), .reg = HOLM_##r, .kind = HOLM_CPUID_##k,	\
	  .show = (s), .force = (fo), .free = (fr), .reason = (why) }

/* A leaf that only identifies: all four registers. */
#define FREE4(f, i, why)							\
	ROW(f, i, EAX, FREE, ALL, 0, ALL, why),					\
	ROW(f, i, EBX, FREE, ALL, 0, ALL, why),					\
	ROW(f, i, ECX, FREE, ALL, 0, ALL, why),					\
	ROW(f, i, EDX, FREE, ALL, 0, ALL, why)

/* A state component of the XSAVE area. */
#define XSAVE3(i)								\
	ROW(CPUID_LEAF_XSAVE, i, EAX, EXACT, ALL, 0, 0, "size of the component"),	\
	ROW(CPUID_LEAF_XSAVE, i, EBX, EXACT, ALL, 0, 0, "offset of the component"),	\
	ROW(CPUID_LEAF_XSAVE, i, ECX, EXACT, ALL, 0, 0, "alignment when compacted")

/* Sorted by function, index, register. */
const struct holm_cpuid_policy holm_cpuid_policy[] = {
	FREE4(CPUID_LEAF_VENDOR, 0, "highest leaf, vendor"),

	ROW(CPUID_LEAF_FEATURES, 0, EAX, FREE, ALL, 0, ALL, "family, model, stepping"),
	ROW(CPUID_LEAF_FEATURES, 0, EBX, FREE, ALL, 0, ALL,
	    "CLFLUSH line, logical processors, APIC ID (from the vCPU)"),
	ROW(CPUID_LEAF_FEATURES, 0, ECX, BITS,
	    F1C_SSE3 | F1C_PCLMUL | F1C_SSSE3 | F1C_FMA | F1C_CX16 | F1C_PCID | F1C_SSE41 |
	    F1C_SSE42 | F1C_MOVBE | F1C_POPCNT | F1C_AES | F1C_XSAVE | F1C_AVX | F1C_F16C |
	    F1C_RDRAND,
	    F1C_X2APIC | F1C_TSC_DEADLINE | F1C_HYPERVISOR, F1C_OSXSAVE,
	    "instructions without side effects; x2APIC and TSC-deadline are the driver's; "
	    "OSXSAVE follows CR4"),
	ROW(CPUID_LEAF_FEATURES, 0, EDX, BITS,
	    F1D_FPU | F1D_VME | F1D_DE | F1D_PSE | F1D_TSC | F1D_MSR | F1D_PAE | F1D_CX8 |
	    F1D_SEP | F1D_PGE | F1D_CMOV | F1D_PSE36 | F1D_CLFSH | F1D_MMX | F1D_FXSR |
	    F1D_SSE | F1D_SSE2 | F1D_SS,
	    F1D_APIC | F1D_MCE | F1D_MCA | F1D_MTRR | F1D_PAT, F1D_HTT,
	    "instructions without side effects; APIC, machine-check, MTRR and PAT MSRs are the "
	    "driver's; HTT is topology"),

	FREE4(0x00000002, 0, "cache and TLB descriptors"),
	FREE4(CPUID_LEAF_CACHE, HOLM_CPUID_ANY, "cache parameters, sharing set to one thread"),

	ROW(CPUID_LEAF_POWER, 0, EAX, BITS, F6A_ARAT, F6A_ARAT, 0,
	    "the driver's APIC timer never stops; no thermal or power MSR exists"),

	ROW(CPUID_LEAF_EXTFEATURES, 0, EAX, FREE, ALL, 0, ALL, "highest sub-leaf"),
	ROW(CPUID_LEAF_EXTFEATURES, 0, EBX, BITS,
	    F7B_FSGSBASE | F7B_BMI1 | F7B_AVX2 | F7B_FDP_EXCPTN | F7B_SMEP | F7B_BMI2 |
	    F7B_ERMS | F7B_INVPCID | F7B_ZERO_FCS | F7B_RDSEED | F7B_ADX | F7B_SMAP |
	    F7B_CLFLUSHOPT | F7B_CLWB | F7B_SHA | F7B_AVX512,
	    F7B_TSC_ADJUST, 0,
	    "instructions without side effects; IA32_TSC_ADJUST is the driver's"),
	ROW(CPUID_LEAF_EXTFEATURES, 0, ECX, BITS,
	    F7C_PREFETCHWT1 | F7C_UMIP | F7C_GFNI | F7C_VAES | F7C_VPCLMUL | F7C_RDPID |
	    F7C_CLDEMOTE | F7C_MOVDIRI | F7C_MOVDIR64B | F7C_AVX512, 0, 0,
	    "instructions without side effects; UMIP works without interception; RDPID reads the "
	    "guest's IA32_TSC_AUX"),
	ROW(CPUID_LEAF_EXTFEATURES, 0, EDX, BITS,
	    F7D_FSRM | F7D_MD_CLEAR | F7D_SERIALIZE | F7D_ARCH_CAPS | F7D_AVX512 |
	    F7D_SPEC_CTRL | F7D_STIBP | F7D_SSBD, 0, 0,
	    "VERW's clearing works in a guest; IA32_ARCH_CAPABILITIES is read-only; IA32_SPEC_CTRL "
	    "is switched, IBPB is done on the host's CPU"),
	ROW(CPUID_LEAF_EXTFEATURES, 1, EAX, BITS,
	    F71A_AVX | F71A_RAO_INT | F71A_AVX512BF16 | F71A_CMPCCXADD | F71A_FZRM | F71A_FSRS |
	    F71A_FSRC, 0, 0, "instructions without side effects"),
	ROW(CPUID_LEAF_EXTFEATURES, 1, EDX, BITS, F71D_AVX | F71D_PREFETCHI, 0, 0,
	    "instructions without side effects"),
	ROW(CPUID_LEAF_EXTFEATURES, 2, EDX, BITS, F72D_MCDT_NO, 0, 0, "an immunity"),

	FREE4(CPUID_LEAF_TOPOLOGY, HOLM_CPUID_ANY, "topology: one thread in a package"),

	ROW(CPUID_LEAF_XSAVE, 0, EAX, BITS, (u32)XCR0_POLICY, 0, 0,
	    "components whose state the driver keeps"),
	ROW(CPUID_LEAF_XSAVE, 0, EBX, FREE, 0, 0, ALL, "size by XCR0, computed"),
	ROW(CPUID_LEAF_XSAVE, 0, ECX, FREE, 0, 0, ALL, "largest size, computed"),
	ROW(CPUID_LEAF_XSAVE, 1, EAX, BITS, FD1A_XSAVEOPT | FD1A_XSAVEC | FD1A_XGETBV1, 0, 0,
	    "variants of XSAVE without further state"),
	ROW(CPUID_LEAF_XSAVE, 1, EBX, FREE, 0, 0, ALL, "compacted size by XCR0, computed"),
	XSAVE3(2),
	XSAVE3(5),
	XSAVE3(6),
	XSAVE3(7),

	ROW(CPUID_LEAF_TSC, 0, EAX, FREE, 0, 0, ALL,
	    "not shown: the crystal is also taken for the APIC timer's clock, which is "
	    "the driver's"),
	ROW(CPUID_LEAF_TSC, 0, EBX, FREE, 0, 0, ALL, "see EAX"),
	ROW(CPUID_LEAF_TSC, 0, ECX, FREE, 0, 0, ALL, "see EAX"),
	ROW(CPUID_LEAF_FREQUENCY, 0, EAX, FREE, 0xffff, 0, ALL, "base frequency, MHz"),
	ROW(CPUID_LEAF_FREQUENCY, 0, EBX, FREE, 0xffff, 0, ALL, "highest frequency, MHz"),
	ROW(CPUID_LEAF_FREQUENCY, 0, ECX, FREE, 0xffff, 0, ALL, "bus frequency, MHz"),

	FREE4(CPUID_LEAF_TOPOLOGY_V2, HOLM_CPUID_ANY, "topology: one thread in a package"),

	FREE4(CPUID_LEAF_HYPERVISOR, 0,
	      "KVM's signature: guests use x2APIC without interrupt remapping only under a known "
	      "hypervisor"),
	ROW(CPUID_LEAF_PARAVIRT, 0, EAX, BITS, 0, HOLM_PV_FEATURES, 0,
	    "paravirtual features of the driver"),
	ROW(CPUID_LEAF_PARAVIRT, 0, EDX, BITS, 0, 0, 0,
	    "no hint is given: vCPUs may be preempted"),
	ROW(CPUID_LEAF_TIMING, 0, EAX, FREE, 0, 0, ALL, "TSC frequency, kHz"),
	ROW(CPUID_LEAF_TIMING, 0, EBX, FREE, 0, 0, ALL, "APIC timer frequency, kHz"),

	FREE4(CPUID_LEAF_EXT, 0, "highest leaf, vendor"),
	ROW(CPUID_LEAF_EXT_FEATURES, 0, EAX, FREE, ALL, 0, ALL, "family, model, stepping"),
	ROW(CPUID_LEAF_EXT_FEATURES, 0, EBX, FREE, ALL, 0, ALL, "brand, package type"),
	ROW(CPUID_LEAF_EXT_FEATURES, 0, ECX, BITS,
	    E1C_LAHF | E1C_CR8_LEGACY | E1C_ABM | E1C_SSE4A | E1C_MISALIGNSSE | E1C_PREFETCHW |
	    E1C_OSVW | E1C_XOP | E1C_FMA4 | E1C_TBM | E1C_TOPOEXT, 0, E1C_CMP_LEGACY,
	    "instructions without side effects; OSVW MSRs are the driver's; CMP_LEGACY is "
	    "topology"),
	ROW(CPUID_LEAF_EXT_FEATURES, 0, EDX, BITS,
	    E1D_COPIES | E1D_SYSCALL | E1D_NX | E1D_MMXEXT | E1D_FFXSR | E1D_PAGE1GB |
	    E1D_RDTSCP | E1D_LM | E1D_3DNOWEXT | E1D_3DNOW, 0, 0,
	    "instructions without side effects; RDTSCP reads the guest's IA32_TSC_AUX"),
	FREE4(0x80000002, 0, "brand string"),
	FREE4(0x80000003, 0, "brand string"),
	FREE4(0x80000004, 0, "brand string"),
	FREE4(0x80000005, 0, "L1 caches and TLBs"),
	FREE4(0x80000006, 0, "L2 and L3 caches and TLBs"),
	ROW(CPUID_LEAF_EXT_POWER, 0, EDX, BITS, E7D_INVARIANT_TSC, 0, 0,
	    "the guest's TSC is the host's with an offset; no power MSR exists"),
	ROW(CPUID_LEAF_EXT_SIZES, 0, EAX, SIZES, ALL, 0, 0,
	    "address widths: 48-bit linear, physical as second-level paging serves"),
	ROW(CPUID_LEAF_EXT_SIZES, 0, EBX, BITS,
	    E8B_CLZERO | E8B_XSAVEERPTR | E8B_IBPB | E8B_SPEC_CTRL | E8B_NO_LMSLE | E8B_SSB_NO |
	    E8B_BTC_NO | E8B_IBPB_RET, 0, 0,
	    "instructions, immunities; SPEC_CTRL is switched, IBPB is done on the host's CPU"),
	ROW(CPUID_LEAF_EXT_SIZES, 0, ECX, FREE, 0, 0, ALL, "topology: one thread in a package"),
	FREE4(0x80000019, 0, "TLBs for 1G pages"),
	ROW(0x8000001a, 0, EAX, FREE, ALL, 0, ALL, "performance hints"),
	FREE4(CPUID_LEAF_EXT_CACHE, HOLM_CPUID_ANY, "cache parameters, sharing set to one thread"),
	FREE4(CPUID_LEAF_EXT_TOPOLOGY, 0, "topology: one thread in a package"),
	ROW(CPUID_LEAF_EXT_FEATURES2, 0, EAX, BITS,
	    E21A_NO_NESTED_BP | E21A_FSGS_NOSER | E21A_LFENCE | E21A_VERW_CLEAR | E21A_NULL_SEL |
	    E21A_FSRS | E21A_FSRC | E21A_NO_SMM_CTL | E21A_IBPB_BRTYPE | E21A_SRSO_NO |
	    E21A_SRSO_USER, 0, 0,
	    "behaviour of instructions, immunities"),
};

const unsigned int holm_cpuid_policy_count = ARRAY_SIZE(holm_cpuid_policy);

#define HIDE(f, i, r, b, why)	\
	{ .function = (f), .index = (i), .reg = HOLM_##r, .bits = (b), .reason = (why) }

const struct holm_cpuid_hidden holm_cpuid_hidden[] = {
	HIDE(1, 0, ECX, F1C_DTES64 | F1C_DS_CPL, "debug store writes to host buffers"),
	HIDE(1, 0, ECX, F1C_MONITOR, "MWAIT is intercepted: a guest must not hold a CPU idle"),
	HIDE(1, 0, ECX, F1C_VMEXT | F1C_SMX, "no nested virtualization"),
	HIDE(1, 0, ECX, F1C_EIST | F1C_TM2, "power and thermal control is the host's"),
	HIDE(1, 0, ECX, F1C_CNXT_ID, "L1 context ID is set in IA32_MISC_ENABLE of the host"),
	HIDE(1, 0, ECX, F1C_SDBG, "silicon debug"),
	HIDE(1, 0, ECX, F1C_XTPR | F1C_DCA, "chipset features that no device model has"),
	HIDE(1, 0, ECX, F1C_PDCM, "no performance counters"),
	HIDE(1, 0, EDX, F1D_PSN, "the host's serial number"),
	HIDE(1, 0, EDX, F1D_DS, "debug store writes to host buffers"),
	HIDE(1, 0, EDX, F1D_ACPI | F1D_TM, "power and thermal control is the host's"),
	HIDE(1, 0, EDX, F1D_PBE, "no FERR# pin"),
	HIDE(7, 0, EBX, F7B_SGX, "no enclave page cache"),
	HIDE(7, 0, EBX, F7B_HLE | F7B_RTM,
	     "transactions abort asynchronously into side channels that need IA32_TSX_CTRL"),
	HIDE(7, 0, EBX, F7B_PQM | F7B_PQE, "cache monitoring and allocation are the host's"),
	HIDE(7, 0, EBX, F7B_MPX, "bounds state is not kept; withdrawn by the vendor"),
	HIDE(7, 0, EBX, F7B_PT, "trace output goes to host buffers"),
	HIDE(7, 0, ECX, F7C_PKU | F7C_OSPKE | F7C_PKS, "PKRU is the host's while a guest runs"),
	HIDE(7, 0, ECX, F7C_WAITPKG,
	     "TPAUSE may hold a CPU idle; IA32_UMWAIT_CONTROL is the host's"),
	HIDE(7, 0, ECX, F7C_SHSTK, "shadow-stack state is not kept"),
	HIDE(7, 0, ECX, F7C_TME, "memory encryption is the host's"),
	HIDE(7, 0, ECX, F7C_LA57, "5-level paging is hidden"),
	HIDE(7, 0, ECX, F7C_MAWAU, "part of MPX"),
	HIDE(7, 0, ECX, F7C_KL, "wrapping keys are not kept"),
	HIDE(7, 0, ECX, F7C_BUS_LOCK, "IA32_DEBUGCTL.BLD is the host's"),
	HIDE(7, 0, ECX, F7C_ENQCMD, "PASID state is not kept"),
	HIDE(7, 0, ECX, F7C_SGX_LC, "no enclave page cache"),
	HIDE(7, 0, EDX, F7D_SGX_KEYS, "no enclave page cache"),
	HIDE(7, 0, EDX, F7D_UINTR, "user interrupts need state that is not kept"),
	HIDE(7, 0, EDX, F7D_SRBDS_CTRL, "IA32_MCU_OPT_CTRL is the host's"),
	HIDE(7, 0, EDX, F7D_RTM_ABORT | F7D_TSX_FORCE | F7D_TSXLDTRK, "no transactions"),
	HIDE(7, 0, EDX, F7D_HYBRID, "a vCPU moves between kinds of core"),
	HIDE(7, 0, EDX, F7D_PCONFIG, "memory encryption is the host's"),
	HIDE(7, 0, EDX, F7D_ARCH_LBR, "branch records are not kept"),
	HIDE(7, 0, EDX, F7D_IBT, "IA32_S_CET is not kept"),
	HIDE(7, 0, EDX, F7D_AMX_BF16 | F7D_AMX_TILE | F7D_AMX_INT8, "tile state is not kept"),
	HIDE(7, 0, EDX, F7D_L1D_FLUSH, "flushing the L1 cache is the host's"),
	HIDE(7, 0, EDX, F7D_CORE_CAPS, "split-lock detection is the host's"),
	HIDE(7, 1, EAX, F71A_LASS | F71A_LAM | F71A_FRED | F71A_LKGS | F71A_WRMSRNS |
	     F71A_NMI_SRC | F71A_MSRLIST, "needs control bits or MSRs that the model lacks"),
	HIDE(7, 1, EAX, F71A_PERFMON, "no performance counters"),
	HIDE(7, 1, EAX, F71A_AMX_FP16, "tile state is not kept"),
	HIDE(7, 1, EAX, F71A_HRESET, "history reset is the host's"),
	HIDE(7, 1, EDX, F71D_AMX_COMPLEX, "tile state is not kept"),
	HIDE(7, 1, EDX, F71D_UIRET_UIF, "user interrupts need state that is not kept"),
	HIDE(7, 1, EDX, F71D_CET_SSS, "shadow-stack state is not kept"),
	HIDE(7, 1, EDX, F71D_AVX10 | F71D_APX, "state or leaves that the model lacks"),
	HIDE(7, 2, EDX, F72D_CTRLS, "IA32_SPEC_CTRL bits that are not offered"),
	HIDE(0xd, 1, EAX, FD1A_XSAVES, "no supervisor state is kept; IA32_XSS does not exist"),
	HIDE(0xd, 1, EAX, FD1A_XFD, "tile state is not kept"),
	HIDE(0x80000001, 0, ECX, E1C_VMEXT | E1C_SKINIT, "no nested virtualization"),
	HIDE(0x80000001, 0, ECX, E1C_EXTAPIC, "the APIC has no extended registers"),
	HIDE(0x80000001, 0, ECX, E1C_IBS | E1C_PERF, "no performance counters"),
	HIDE(0x80000001, 0, ECX, E1C_WDT, "no watchdog timer MSR"),
	HIDE(0x80000001, 0, ECX, E1C_LWP, "lightweight profiling state is not kept"),
	HIDE(0x80000001, 0, ECX, E1C_TCE, "EFER.TCE is not offered"),
	HIDE(0x80000001, 0, ECX, E1C_NODEID, "no node ID MSR"),
	HIDE(0x80000001, 0, ECX, E1C_BPEXT | E1C_ADMSKEXT, "address mask MSRs are not kept"),
	HIDE(0x80000001, 0, ECX, E1C_MWAITX, "MWAITX may hold a CPU idle"),
	HIDE(0x80000008, 0, EBX, E8B_IRPERF | E8B_RDPRU, "counters are the host's"),
	HIDE(0x80000008, 0, EBX, E8B_INVLPGB | E8B_MCOMMIT, "needs control bits that are off"),
	HIDE(0x80000008, 0, EBX, E8B_BE, "bandwidth enforcement is the host's"),
	HIDE(0x80000008, 0, EBX, E8B_WBNOINVD | E8B_INT_WBINVD,
	     "cache write-back is intercepted: a guest must not stall the host"),
	HIDE(0x80000008, 0, EBX, E8B_VIRT_SSBD, "VIRT_SPEC_CTRL is not offered, SPEC_CTRL is"),
	HIDE(0x80000008, 0, EBX, E8B_PPIN, "the host's serial number"),
	HIDE(0x80000008, 0, EBX, E8B_CPPC, "power control is the host's"),
	HIDE(0x80000008, 0, EBX, E8B_BRANCH_SAMPLING, "no performance counters"),
	HIDE(0x80000021, 0, EAX, E21A_SMM_PGCFG, "no system-management mode"),
	HIDE(0x80000021, 0, EAX, E21A_UAI | E21A_AUTO_IBRS, "EFER bits that are not offered"),
	HIDE(0x80000021, 0, EAX, E21A_PREFETCH_CTL, "prefetch control is the host's"),
	HIDE(0x80000021, 0, EAX, E21A_CPUID_USER, "HWCR.CpuidUserDis is not offered"),
	HIDE(0x80000021, 0, EAX, E21A_EPSF, "comes with bits of SPEC_CTRL that are not offered"),
	HIDE(0x80000021, 0, EAX, E21A_SBPB, "PRED_CMD offers IBPB only"),
};

const unsigned int holm_cpuid_hidden_count = ARRAY_SIZE(holm_cpuid_hidden);

/* Instructions that need more register state than x87 and SSE. */
static const struct {
	u32 function;
	u32 index;
	u8 reg;
	u32 bits;
	u64 xcr0;
} state_needs[] = {
	{ 1, 0, HOLM_ECX, F1C_XSAVE, XCR0_X87 | XCR0_SSE },
	{ 1, 0, HOLM_ECX, F1C_AVX | F1C_FMA | F1C_F16C, XCR0_AVX },
	{ 7, 0, HOLM_EBX, F7B_AVX2, XCR0_AVX },
	{ 7, 0, HOLM_EBX, F7B_AVX512, XCR0_AVX512 },
	{ 7, 0, HOLM_ECX, F7C_VAES | F7C_VPCLMUL, XCR0_AVX },
	{ 7, 0, HOLM_ECX, F7C_AVX512, XCR0_AVX512 },
	{ 7, 0, HOLM_EDX, F7D_AVX512, XCR0_AVX512 },
	{ 7, 1, HOLM_EAX, F71A_AVX, XCR0_AVX },
	{ 7, 1, HOLM_EAX, F71A_AVX512BF16, XCR0_AVX512 },
	{ 7, 1, HOLM_EDX, F71D_AVX, XCR0_AVX },
	{ 0xd, 0, HOLM_EAX, (u32)XCR0_AVX, XCR0_AVX },
	{ 0xd, 0, HOLM_EAX, (u32)XCR0_AVX512, XCR0_AVX512 },
	{ 0x80000001, 0, HOLM_ECX, E1C_XOP | E1C_FMA4, XCR0_AVX },
};

u32 holm_cpuid_state_mask(u32 function, u32 index, int reg, u64 xcr0)
{
	u32 mask = ALL;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(state_needs); i++)
		if (state_needs[i].function == function && state_needs[i].index == index &&
		    state_needs[i].reg == reg &&
		    (xcr0 & state_needs[i].xcr0) != state_needs[i].xcr0)
			mask &= ~state_needs[i].bits;
	return mask;
}
