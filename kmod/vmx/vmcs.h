/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VMCS: field encodings (SDM Vol. 3, appendix "Field Encoding in VMCS"),
 * control bits ("VM-Execution Control Fields", "VM-Exit Control Fields",
 * "VM-Entry Control Fields"), event information, and accessors whose width is
 * checked at compile time.
 */
#ifndef HOLM_VMX_VMCS_H
#define HOLM_VMX_VMCS_H

/* Natural-width host state that entry.S writes itself. */
#define VMCS_HOST_RSP			0x6c14

#ifndef __ASSEMBLER__

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/types.h>
#include <asm/asm.h>

/* Encoding: bits 14:13 width, 11:10 type, 9:1 index, 0 high half of 64 bits. */
#define VMCS_WIDTH(field)		(((field) >> 13) & 3)
#define VMCS_WIDTH_16			0
#define VMCS_WIDTH_64			1
#define VMCS_WIDTH_32			2
#define VMCS_WIDTH_NATURAL		3

/* 16 bits */
#define VMCS_VPID			0x0000
#define VMCS_POSTED_INTR_VECTOR		0x0002
#define VMCS_GUEST_SELECTOR(i)		(0x0800 + 2 * (i))	/* HOLM_SEG_* */
#define VMCS_GUEST_INTR_STATUS		0x0810
#define VMCS_GUEST_PML_INDEX		0x0812
#define VMCS_HOST_ES_SELECTOR		0x0c00
#define VMCS_HOST_CS_SELECTOR		0x0c02
#define VMCS_HOST_SS_SELECTOR		0x0c04
#define VMCS_HOST_DS_SELECTOR		0x0c06
#define VMCS_HOST_FS_SELECTOR		0x0c08
#define VMCS_HOST_GS_SELECTOR		0x0c0a
#define VMCS_HOST_TR_SELECTOR		0x0c0c

/* 64 bits */
#define VMCS_MSR_BITMAP			0x2004
#define VMCS_PML_ADDRESS		0x200e
#define VMCS_TSC_OFFSET			0x2010
#define VMCS_VIRTUAL_APIC_ADDRESS	0x2012
#define VMCS_POSTED_INTR_ADDRESS	0x2016
#define VMCS_EPTP			0x201a
#define VMCS_EOI_EXIT_BITMAP(i)		(0x201c + 2 * (i))	/* 64 vectors each */
#define VMCS_TSC_MULTIPLIER		0x2032
#define VMCS_GUEST_PHYSICAL_ADDRESS	0x2400
#define VMCS_LINK_POINTER		0x2800
#define VMCS_GUEST_DEBUGCTL		0x2802
#define VMCS_GUEST_PAT			0x2804
#define VMCS_GUEST_EFER			0x2806
#define VMCS_GUEST_PERF_GLOBAL_CTRL	0x2808
#define VMCS_GUEST_PDPTE(i)		(0x280a + 2 * (i))
#define VMCS_HOST_PAT			0x2c00
#define VMCS_HOST_EFER			0x2c02
#define VMCS_HOST_PERF_GLOBAL_CTRL	0x2c04

/* 32 bits */
#define VMCS_PIN_CONTROLS		0x4000
#define VMCS_PRIMARY_CONTROLS		0x4002
#define VMCS_EXCEPTION_BITMAP		0x4004
#define VMCS_PF_ERROR_MASK		0x4006
#define VMCS_PF_ERROR_MATCH		0x4008
#define VMCS_CR3_TARGET_COUNT		0x400a
#define VMCS_EXIT_CONTROLS		0x400c
#define VMCS_EXIT_MSR_STORE_COUNT	0x400e
#define VMCS_EXIT_MSR_LOAD_COUNT	0x4010
#define VMCS_ENTRY_CONTROLS		0x4012
#define VMCS_ENTRY_MSR_LOAD_COUNT	0x4014
#define VMCS_ENTRY_INTR_INFO		0x4016
#define VMCS_ENTRY_ERROR_CODE		0x4018
#define VMCS_ENTRY_INSN_LEN		0x401a
#define VMCS_TPR_THRESHOLD		0x401c
#define VMCS_SECONDARY_CONTROLS		0x401e
#define VMCS_PLE_GAP			0x4020
#define VMCS_PLE_WINDOW			0x4022
#define VMCS_INSN_ERROR			0x4400
#define VMCS_EXIT_REASON		0x4402
#define VMCS_EXIT_INTR_INFO		0x4404
#define VMCS_EXIT_INTR_ERROR		0x4406
#define VMCS_IDT_VECTORING_INFO		0x4408
#define VMCS_IDT_VECTORING_ERROR	0x440a
#define VMCS_EXIT_INSN_LEN		0x440c
#define VMCS_EXIT_INSN_INFO		0x440e
#define VMCS_GUEST_LIMIT(i)		(0x4800 + 2 * (i))	/* HOLM_SEG_* */
#define VMCS_GUEST_GDTR_LIMIT		0x4810
#define VMCS_GUEST_IDTR_LIMIT		0x4812
#define VMCS_GUEST_AR(i)		(0x4814 + 2 * (i))	/* HOLM_SEG_* */
#define VMCS_GUEST_INTERRUPTIBILITY	0x4824
#define VMCS_GUEST_ACTIVITY		0x4826
#define VMCS_GUEST_SYSENTER_CS		0x482a
#define VMCS_HOST_SYSENTER_CS		0x4c00

/* Natural width */
#define VMCS_CR0_MASK			0x6000
#define VMCS_CR4_MASK			0x6002
#define VMCS_CR0_SHADOW			0x6004
#define VMCS_CR4_SHADOW			0x6006
#define VMCS_EXIT_QUALIFICATION		0x6400
#define VMCS_GUEST_LINEAR_ADDRESS	0x640a
#define VMCS_GUEST_CR0			0x6800
#define VMCS_GUEST_CR3			0x6802
#define VMCS_GUEST_CR4			0x6804
#define VMCS_GUEST_BASE(i)		(0x6806 + 2 * (i))	/* HOLM_SEG_* */
#define VMCS_GUEST_GDTR_BASE		0x6816
#define VMCS_GUEST_IDTR_BASE		0x6818
#define VMCS_GUEST_DR7			0x681a
#define VMCS_GUEST_RSP			0x681c
#define VMCS_GUEST_RIP			0x681e
#define VMCS_GUEST_RFLAGS		0x6820
#define VMCS_GUEST_PENDING_DEBUG	0x6822
#define VMCS_GUEST_SYSENTER_ESP		0x6824
#define VMCS_GUEST_SYSENTER_EIP		0x6826
#define VMCS_HOST_CR0			0x6c00
#define VMCS_HOST_CR3			0x6c02
#define VMCS_HOST_CR4			0x6c04
#define VMCS_HOST_FS_BASE		0x6c06
#define VMCS_HOST_GS_BASE		0x6c08
#define VMCS_HOST_TR_BASE		0x6c0a
#define VMCS_HOST_GDTR_BASE		0x6c0c
#define VMCS_HOST_IDTR_BASE		0x6c0e
#define VMCS_HOST_SYSENTER_ESP		0x6c10
#define VMCS_HOST_SYSENTER_EIP		0x6c12
#define VMCS_HOST_RIP			0x6c16

/* "Pin-Based VM-Execution Controls" */
#define PIN_EXT_INTR			BIT(0)
#define PIN_NMI				BIT(3)
#define PIN_VIRTUAL_NMI			BIT(5)
#define PIN_POSTED_INTR			BIT(7)

/* "Processor-Based VM-Execution Controls", primary */
#define PRI_INTR_WINDOW			BIT(2)
#define PRI_TSC_OFFSET			BIT(3)
#define PRI_HLT				BIT(7)
#define PRI_INVLPG			BIT(9)
#define PRI_MWAIT			BIT(10)
#define PRI_RDPMC			BIT(11)
#define PRI_CR3_LOAD			BIT(15)
#define PRI_CR3_STORE			BIT(16)
#define PRI_CR8_LOAD			BIT(19)
#define PRI_CR8_STORE			BIT(20)
#define PRI_TPR_SHADOW			BIT(21)
#define PRI_NMI_WINDOW			BIT(22)
#define PRI_MOV_DR			BIT(23)
#define PRI_UNCOND_IO			BIT(24)
#define PRI_MSR_BITMAP			BIT(28)
#define PRI_MONITOR			BIT(29)
#define PRI_SECONDARY			BIT(31)

/* Secondary */
#define SEC_EPT				BIT(1)
#define SEC_RDTSCP			BIT(3)
#define SEC_VIRT_X2APIC			BIT(4)
#define SEC_VPID			BIT(5)
#define SEC_WBINVD			BIT(6)
#define SEC_UNRESTRICTED		BIT(7)
#define SEC_APIC_REGISTER		BIT(8)
#define SEC_VIRT_INTR			BIT(9)
#define SEC_PAUSE_LOOP			BIT(10)
#define SEC_INVPCID			BIT(12)
#define SEC_PML				BIT(17)
#define SEC_TSC_SCALING			BIT(25)

/* What a guest in x2APIC mode has together, or not at all. */
#define SEC_APICV			(SEC_VIRT_X2APIC | SEC_APIC_REGISTER | SEC_VIRT_INTR)

/* "Primary VM-Exit Controls" */
#define EXIT_SAVE_DEBUG			BIT(2)
#define EXIT_HOST_64			BIT(9)
#define EXIT_LOAD_PERF_GLOBAL		BIT(12)
#define EXIT_ACK_INTR			BIT(15)
#define EXIT_SAVE_PAT			BIT(18)
#define EXIT_LOAD_PAT			BIT(19)
#define EXIT_SAVE_EFER			BIT(20)
#define EXIT_LOAD_EFER			BIT(21)

/* "VM-Entry Controls" */
#define ENTRY_LOAD_DEBUG		BIT(2)
#define ENTRY_IA32E			BIT(9)
#define ENTRY_LOAD_PERF_GLOBAL		BIT(13)
#define ENTRY_LOAD_PAT			BIT(14)
#define ENTRY_LOAD_EFER			BIT(15)

/*
 * Interruption information: of VM entry, VM exit and IDT vectoring alike. The
 * types in bits 10:8 are those of struct holm_event.
 */
#define INTR_VECTOR			GENMASK(7, 0)
#define INTR_TYPE			GENMASK(10, 8)
#define INTR_HAS_ERROR			BIT(11)
#define INTR_NMI_UNBLOCKED		BIT(12)	/* exit: by an IRET that faulted */
#define INTR_VALID			BIT(31)

/* "Interruptibility State" */
#define GUEST_BLOCKED_STI		BIT(0)
#define GUEST_BLOCKED_MOVSS		BIT(1)
#define GUEST_BLOCKED_NMI		BIT(3)

/* "Pending Debug Exceptions" */
#define PENDING_DEBUG_BS		BIT(14)

/* "Exit Reason" */
#define EXIT_REASON_BASIC		GENMASK(15, 0)
#define EXIT_REASON_ENTRY_FAILED	BIT(31)

/* Basic exit reasons: appendix "VMX Basic Exit Reasons". */
#define EXIT_EXCEPTION_NMI		0
#define EXIT_EXT_INTR			1
#define EXIT_TRIPLE_FAULT		2
#define EXIT_INIT			3
#define EXIT_INTR_WINDOW		7
#define EXIT_NMI_WINDOW			8
#define EXIT_TASK_SWITCH		9
#define EXIT_CPUID			10
#define EXIT_GETSEC			11
#define EXIT_HLT			12
#define EXIT_INVD			13
#define EXIT_INVLPG			14
#define EXIT_RDPMC			15
#define EXIT_VMCALL			18
#define EXIT_VMCLEAR			19
#define EXIT_VMLAUNCH			20
#define EXIT_VMPTRLD			21
#define EXIT_VMPTRST			22
#define EXIT_VMREAD			23
#define EXIT_VMRESUME			24
#define EXIT_VMWRITE			25
#define EXIT_VMXOFF			26
#define EXIT_VMXON			27
#define EXIT_CR				28
#define EXIT_DR				29
#define EXIT_IO				30
#define EXIT_RDMSR			31
#define EXIT_WRMSR			32
#define EXIT_MWAIT			36
#define EXIT_MONITOR			39
#define EXIT_PAUSE			40
#define EXIT_MCE_DURING_ENTRY		41
#define EXIT_TPR_THRESHOLD		43
#define EXIT_VIRTUALIZED_EOI		45
#define EXIT_EPT_VIOLATION		48
#define EXIT_EPT_MISCONFIG		49
#define EXIT_INVEPT			50
#define EXIT_PREEMPTION_TIMER		52
#define EXIT_INVVPID			53
#define EXIT_WBINVD			54
#define EXIT_XSETBV			55
#define EXIT_APIC_WRITE			56
#define EXIT_INVPCID			58
#define EXIT_VMFUNC			59
#define EXIT_ENCLS			60
#define EXIT_PML_FULL			62
#define EXIT_UMWAIT			67
#define EXIT_TPAUSE			68

/*
 * VMREAD and VMWRITE fail (CF or ZF) without a current VMCS or with a field
 * the CPU lacks, and fault when a crash took the CPU out of VMX operation.
 */
static __always_inline bool vmcs_try_read(unsigned long field, unsigned long *value)
{
	unsigned long v = 0;
	bool failed = true;

	asm volatile("1: vmread %[field], %[v]\n\t"
		     "setna %[failed]\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : [v] "+r" (v), [failed] "+q" (failed)
		     : [field] "r" (field)
		     : "cc");
	*value = v;
	return !failed;
}

/* Where nothing may be called: 0 when the read fails. */
static __always_inline unsigned long vmcs_read_noinstr(unsigned long field)
{
	unsigned long v = 0;

	asm volatile("1: vmread %[field], %[v]\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : [v] "+r" (v) : [field] "r" (field) : "cc");
	return v;
}

static __always_inline bool vmcs_try_write(unsigned long field, unsigned long value)
{
	asm goto("1: vmwrite %[value], %[field]\n\t"
		 "ja 3f\n"
		 "2: jmp %l[failed]\n"
		 "3:\n"
		 _ASM_EXTABLE(1b, 2b)
		 : : [field] "r" (field), [value] "rm" (value)
		 : "cc", "memory"
		 : failed);
	return true;
failed:
	return false;
}

/*
 * A field that is checked for at setup cannot fail. Should one all the same, a
 * read gives 0, and the failure is reported, rate limited: a write's at once, a
 * read's, for which each exit pays, when the vCPU is put.
 */
extern unsigned long vmcs_failed_field;
void vmcs_read_failed(void);
void vmcs_write_failed(unsigned long field, unsigned long value);

static __always_inline unsigned long vmcs_read_any(unsigned long field)
{
	unsigned long value;

	asm volatile("1: vmread %[field], %[value]\n\t"
		     "ja 3f\n"
		     "2: xor %k[value], %k[value]\n\t"
		     "mov %[field], %[failed]\n"
		     "3:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : [value] "=&r" (value), [failed] "+m" (vmcs_failed_field)
		     : [field] "r" (field)
		     : "cc");
	return value;
}

static __always_inline void vmcs_write_any(unsigned long field, unsigned long value)
{
	if (unlikely(!vmcs_try_write(field, value)))
		vmcs_write_failed(field, value);
}

#define VMCS_CHECK_WIDTH(field, width)						\
	BUILD_BUG_ON_MSG(__builtin_constant_p(field) && VMCS_WIDTH(field) != (width), \
			 "VMCS field accessed with the wrong width")

static __always_inline u16 vmcs_read16(unsigned long field)
{
	VMCS_CHECK_WIDTH(field, VMCS_WIDTH_16);
	return vmcs_read_any(field);
}

static __always_inline u32 vmcs_read32(unsigned long field)
{
	VMCS_CHECK_WIDTH(field, VMCS_WIDTH_32);
	return vmcs_read_any(field);
}

static __always_inline u64 vmcs_read64(unsigned long field)
{
	VMCS_CHECK_WIDTH(field, VMCS_WIDTH_64);
	return vmcs_read_any(field);
}

static __always_inline unsigned long vmcs_read_natural(unsigned long field)
{
	VMCS_CHECK_WIDTH(field, VMCS_WIDTH_NATURAL);
	return vmcs_read_any(field);
}

static __always_inline void vmcs_write16(unsigned long field, u16 value)
{
	VMCS_CHECK_WIDTH(field, VMCS_WIDTH_16);
	vmcs_write_any(field, value);
}

static __always_inline void vmcs_write32(unsigned long field, u32 value)
{
	VMCS_CHECK_WIDTH(field, VMCS_WIDTH_32);
	vmcs_write_any(field, value);
}

static __always_inline void vmcs_write64(unsigned long field, u64 value)
{
	VMCS_CHECK_WIDTH(field, VMCS_WIDTH_64);
	vmcs_write_any(field, value);
}

static __always_inline void vmcs_write_natural(unsigned long field, unsigned long value)
{
	VMCS_CHECK_WIDTH(field, VMCS_WIDTH_NATURAL);
	vmcs_write_any(field, value);
}

/* The other VMX instructions: false when they fail or fault. */
#define VMX_INSN(name, insn, type)						\
static __always_inline bool name(type)						\
{										\
	bool failed = true;							\
										\
	asm volatile("1: " insn "\n\t"						\
		     "setna %[failed]\n"					\
		     "2:\n"							\
		     _ASM_EXTABLE(1b, 2b)					\
		     : [failed] "+q" (failed)					\
		     : [pa] "m" (pa)						\
		     : "cc", "memory");						\
	return !failed;								\
}

VMX_INSN(vmx_on, "vmxon %[pa]", u64 pa)
VMX_INSN(vmx_clear, "vmclear %[pa]", u64 pa)
VMX_INSN(vmx_ptrld, "vmptrld %[pa]", u64 pa)

static __always_inline bool vmx_off(void)
{
	bool failed = true;

	asm volatile("1: vmxoff\n\t"
		     "setna %[failed]\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : [failed] "+q" (failed) : : "cc", "memory");
	return !failed;
}

/* INVEPT and INVVPID types: SDM Vol. 3, "VMX Instruction Reference". */
#define INVEPT_SINGLE			1
#define INVEPT_ALL			2
#define INVVPID_SINGLE			1
#define INVVPID_ALL			2

static __always_inline bool vmx_invept(unsigned long type, u64 eptp)
{
	struct { u64 eptp, zero; } desc = { eptp, 0 };
	bool failed = true;

	asm volatile("1: invept %[desc], %[type]\n\t"
		     "setna %[failed]\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : [failed] "+q" (failed)
		     : [type] "r" (type), [desc] "m" (desc)
		     : "cc", "memory");
	return !failed;
}

static __always_inline bool vmx_invvpid(unsigned long type, u16 vpid)
{
	struct { u64 vpid, linear; } desc = { vpid, 0 };
	bool failed = true;

	asm volatile("1: invvpid %[desc], %[type]\n\t"
		     "setna %[failed]\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : [failed] "+q" (failed)
		     : [type] "r" (type), [desc] "m" (desc)
		     : "cc", "memory");
	return !failed;
}

#endif /* __ASSEMBLER__ */
#endif /* HOLM_VMX_VMCS_H */
