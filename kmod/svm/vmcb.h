/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The virtual machine control block and what its fields hold: AMD64 APM
 * Vol. 2, appendix B "VMCB Layout" and appendix C "SVM Intercept Exit Codes".
 */
#ifndef HOLM_SVM_VMCB_H
#define HOLM_SVM_VMCB_H

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/stddef.h>
#include <linux/types.h>

struct svm_seg {
	u16 selector;
	u16 attrib;		/* descriptor bits 40..47 in 0..7, 52..55 in 8..11 */
	u32 limit;
	u64 base;
} __packed;

/**
 * struct svm_vmcb - control area at 0, state save area at 0x400
 *
 * Fields that this driver has no use for are left out: they stay zero.
 */
struct svm_vmcb {
	/* Control area, table B-1. */
	u16 cr_read;			/* 0x000: intercepts, one bit a register */
	u16 cr_write;
	u16 dr_read;
	u16 dr_write;
	u32 exceptions;			/* 0x008: one bit a vector */
	u32 intercept[3];		/* 0x00c: SVM_INTERCEPT_* */
	u8 reserved018[0x3c - 0x18];
	u16 pause_threshold;		/* 0x03c: cycles between PAUSEs of one loop */
	u16 pause_count;		/* 0x03e: PAUSEs before one is intercepted */
	u64 iopm_pa;			/* 0x040 */
	u64 msrpm_pa;			/* 0x048 */
	u64 tsc_offset;			/* 0x050 */
	u32 asid;			/* 0x058 */
	u8 tlb_control;			/* 0x05c: SVM_TLB_* */
	u8 reserved05d[3];
	u32 int_ctl;			/* 0x060: SVM_INT_* */
	u32 int_vector;			/* 0x064 */
	u64 int_state;			/* 0x068: SVM_INT_SHADOW */
	u32 exit_code;			/* 0x070: SVM_EXIT_* */
	u32 exit_code_hi;
	u64 exit_info1;			/* 0x078 */
	u64 exit_info2;			/* 0x080 */
	u32 exit_int_info;		/* 0x088: SVM_EVENT_* */
	u32 exit_int_error;
	u64 nested_ctl;			/* 0x090: SVM_NESTED_* */
	u64 avic_bar;			/* 0x098: guest-physical address of the APIC page */
	u64 reserved0a0;
	u32 event_inj;			/* 0x0a8: SVM_EVENT_* */
	u32 event_inj_error;
	u64 nested_cr3;			/* 0x0b0 */
	u64 virt_ext;			/* 0x0b8: SVM_VIRT_* */
	u32 clean;			/* 0x0c0: SVM_CLEAN_* */
	u32 reserved0c4;
	u64 next_rip;			/* 0x0c8: with NRIPS */
	u8 insn_len;			/* 0x0d0: with decode assists */
	u8 insn[15];
	u64 avic_page;			/* 0x0e0: backing page */
	u64 reserved0e8;
	u64 avic_logical;		/* 0x0f0: logical APIC ID table */
	u64 avic_physical;		/* 0x0f8: physical APIC ID table; its last index */
	u8 reserved100[0x400 - 0x100];

	/* State save area, table B-2. */
	struct svm_seg es;		/* 0x400 */
	struct svm_seg cs;
	struct svm_seg ss;
	struct svm_seg ds;
	struct svm_seg fs;
	struct svm_seg gs;
	struct svm_seg gdtr;
	struct svm_seg ldtr;
	struct svm_seg idtr;
	struct svm_seg tr;
	u8 reserved4a0[0x4cb - 0x4a0];
	u8 cpl;				/* 0x4cb */
	u32 reserved4cc;
	u64 efer;			/* 0x4d0 */
	u8 reserved4d8[0x548 - 0x4d8];
	u64 cr4;			/* 0x548 */
	u64 cr3;
	u64 cr0;
	u64 dr7;
	u64 dr6;
	u64 rflags;			/* 0x570 */
	u64 rip;
	u8 reserved580[0x5d8 - 0x580];
	u64 rsp;			/* 0x5d8 */
	u8 reserved5e0[0x5f8 - 0x5e0];
	u64 rax;			/* 0x5f8 */
	u64 star;			/* 0x600 */
	u64 lstar;
	u64 cstar;
	u64 sfmask;
	u64 kernel_gs_base;		/* 0x620 */
	u64 sysenter_cs;
	u64 sysenter_esp;
	u64 sysenter_eip;
	u64 cr2;			/* 0x640 */
	u8 reserved648[0x668 - 0x648];
	u64 g_pat;			/* 0x668 */
	u64 debugctl;			/* 0x670 */
	u64 br_from;
	u64 br_to;
	u64 last_excp_from;
	u64 last_excp_to;
	u8 reserved698[0x6e0 - 0x698];
	u64 spec_ctrl;			/* 0x6e0: with V_SPEC_CTRL */
	u8 reserved6e8[0x1000 - 0x6e8];
} __packed;

static_assert(sizeof(struct svm_vmcb) == 4096);
static_assert(offsetof(struct svm_vmcb, pause_threshold) == 0x3c);
static_assert(offsetof(struct svm_vmcb, iopm_pa) == 0x40);
static_assert(offsetof(struct svm_vmcb, int_state) == 0x68);
static_assert(offsetof(struct svm_vmcb, nested_ctl) == 0x90);
static_assert(offsetof(struct svm_vmcb, avic_bar) == 0x98);
static_assert(offsetof(struct svm_vmcb, event_inj) == 0xa8);
static_assert(offsetof(struct svm_vmcb, insn) == 0xd1);
static_assert(offsetof(struct svm_vmcb, avic_page) == 0xe0);
static_assert(offsetof(struct svm_vmcb, avic_logical) == 0xf0);
static_assert(offsetof(struct svm_vmcb, avic_physical) == 0xf8);
static_assert(offsetof(struct svm_vmcb, es) == 0x400);
static_assert(offsetof(struct svm_vmcb, cpl) == 0x4cb);
static_assert(offsetof(struct svm_vmcb, efer) == 0x4d0);
static_assert(offsetof(struct svm_vmcb, cr4) == 0x548);
static_assert(offsetof(struct svm_vmcb, rip) == 0x578);
static_assert(offsetof(struct svm_vmcb, rax) == 0x5f8);
static_assert(offsetof(struct svm_vmcb, cr2) == 0x640);
static_assert(offsetof(struct svm_vmcb, g_pat) == 0x668);
static_assert(offsetof(struct svm_vmcb, spec_ctrl) == 0x6e0);

/* intercept[0] */
#define SVM_INTERCEPT_INTR		BIT(0)
#define SVM_INTERCEPT_NMI		BIT(1)
#define SVM_INTERCEPT_INIT		BIT(3)
#define SVM_INTERCEPT_VINTR		BIT(4)
#define SVM_INTERCEPT_CR0_SEL_WRITE	BIT(5)	/* of other bits than TS and MP */
#define SVM_INTERCEPT_RDPMC		BIT(15)
#define SVM_INTERCEPT_CPUID		BIT(18)
#define SVM_INTERCEPT_IRET		BIT(20)
#define SVM_INTERCEPT_INVD		BIT(22)
#define SVM_INTERCEPT_PAUSE		BIT(23)
#define SVM_INTERCEPT_HLT		BIT(24)
#define SVM_INTERCEPT_INVLPGA		BIT(26)
#define SVM_INTERCEPT_IOIO		BIT(27)
#define SVM_INTERCEPT_MSR		BIT(28)
#define SVM_INTERCEPT_TASK_SWITCH	BIT(29)
#define SVM_INTERCEPT_SHUTDOWN		BIT(31)

/* intercept[1] */
#define SVM_INTERCEPT_VMRUN		BIT(0)
#define SVM_INTERCEPT_VMMCALL		BIT(1)
#define SVM_INTERCEPT_VMLOAD		BIT(2)
#define SVM_INTERCEPT_VMSAVE		BIT(3)
#define SVM_INTERCEPT_STGI		BIT(4)
#define SVM_INTERCEPT_CLGI		BIT(5)
#define SVM_INTERCEPT_SKINIT		BIT(6)
#define SVM_INTERCEPT_RDTSCP		BIT(7)
#define SVM_INTERCEPT_WBINVD		BIT(9)
#define SVM_INTERCEPT_MONITOR		BIT(10)
#define SVM_INTERCEPT_MWAIT		BIT(11)
#define SVM_INTERCEPT_XSETBV		BIT(13)
#define SVM_INTERCEPT_RDPRU		BIT(14)

/* intercept[2] */
#define SVM_INTERCEPT_INVPCID		BIT(2)

#define SVM_TLB_NOTHING			0
#define SVM_TLB_FLUSH_ALL		1	/* every ASID */
#define SVM_TLB_FLUSH_GUEST		3	/* this ASID; with flush-by-ASID */

#define SVM_INT_TPR_MASK		GENMASK(7, 0)
#define SVM_INT_IRQ			BIT(8)
#define SVM_INT_PRIO_MASK		GENMASK(19, 16)
#define SVM_INT_IGN_TPR			BIT(20)
#define SVM_INT_MASKING			BIT(24)
#define SVM_INT_AVIC			BIT(31)	/* IRQ, PRIO and IGN_TPR do not count then */

#define SVM_INT_SHADOW			BIT_ULL(0)

#define SVM_NESTED_PAGING		BIT_ULL(0)

#define SVM_VIRT_LBR			BIT_ULL(0)

/* event_inj and exit_int_info, APM 15.20 */
#define SVM_EVENT_VECTOR		GENMASK(7, 0)
#define SVM_EVENT_TYPE			GENMASK(10, 8)
#define SVM_EVENT_TYPE_INTR		(0U << 8)
#define SVM_EVENT_TYPE_NMI		(2U << 8)
#define SVM_EVENT_TYPE_EXCEPTION	(3U << 8)
#define SVM_EVENT_TYPE_SOFT		(4U << 8)
#define SVM_EVENT_HAS_ERROR		BIT(11)
#define SVM_EVENT_VALID			BIT(31)

/* VMCB clean bits, APM 15.15.3: set where the CPU may use what it cached. */
#define SVM_CLEAN_INTERCEPTS		BIT(0)	/* intercepts, TSC offset, PAUSE filter */
#define SVM_CLEAN_PERM_MAPS		BIT(1)
#define SVM_CLEAN_ASID			BIT(2)
#define SVM_CLEAN_INT			BIT(3)	/* int_ctl, int_vector */
#define SVM_CLEAN_NESTED		BIT(4)	/* nested_cr3, g_pat */
#define SVM_CLEAN_CR			BIT(5)	/* CR0, CR3, CR4, EFER */
#define SVM_CLEAN_DR			BIT(6)	/* DR6, DR7 */
#define SVM_CLEAN_DT			BIT(7)	/* GDT, IDT */
#define SVM_CLEAN_SEG			BIT(8)	/* CS, DS, SS, ES, CPL */
#define SVM_CLEAN_CR2			BIT(9)
#define SVM_CLEAN_LBR			BIT(10)
#define SVM_CLEAN_ALL			GENMASK(10, 0)
#define SVM_CLEAN_AVIC			BIT(11)	/* avic_*; not in SVM_CLEAN_ALL: see avic.c */

/* Exit codes */
#define SVM_EXIT_READ_CR0		0x000
#define SVM_EXIT_READ_CR4		0x004
#define SVM_EXIT_WRITE_CR0		0x010
#define SVM_EXIT_WRITE_CR4		0x014
#define SVM_EXIT_WRITE_CR8		0x018
#define SVM_EXIT_READ_DR0		0x020
#define SVM_EXIT_READ_DR7		0x027
#define SVM_EXIT_WRITE_DR0		0x030
#define SVM_EXIT_WRITE_DR7		0x037
#define SVM_EXIT_EXCP(vector)		(0x040 + (vector))
#define SVM_EXIT_INTR			0x060
#define SVM_EXIT_NMI			0x061
#define SVM_EXIT_INIT			0x063
#define SVM_EXIT_VINTR			0x064
#define SVM_EXIT_CR0_SEL_WRITE		0x065
#define SVM_EXIT_RDPMC			0x06f
#define SVM_EXIT_CPUID			0x072
#define SVM_EXIT_IRET			0x074
#define SVM_EXIT_INVD			0x076
#define SVM_EXIT_PAUSE			0x077
#define SVM_EXIT_HLT			0x078
#define SVM_EXIT_INVLPGA		0x07a
#define SVM_EXIT_IOIO			0x07b
#define SVM_EXIT_MSR			0x07c
#define SVM_EXIT_TASK_SWITCH		0x07d
#define SVM_EXIT_SHUTDOWN		0x07f
#define SVM_EXIT_VMRUN			0x080
#define SVM_EXIT_VMMCALL		0x081
#define SVM_EXIT_VMLOAD			0x082
#define SVM_EXIT_VMSAVE			0x083
#define SVM_EXIT_STGI			0x084
#define SVM_EXIT_CLGI			0x085
#define SVM_EXIT_SKINIT			0x086
#define SVM_EXIT_RDTSCP			0x087
#define SVM_EXIT_WBINVD			0x089
#define SVM_EXIT_MONITOR		0x08a
#define SVM_EXIT_MWAIT			0x08b
#define SVM_EXIT_XSETBV			0x08d
#define SVM_EXIT_RDPRU			0x08e
#define SVM_EXIT_INVPCID		0x0a2
#define SVM_EXIT_NPF			0x400
#define SVM_EXIT_AVIC_IPI		0x401	/* AVIC_INCOMPLETE_IPI */
#define SVM_EXIT_AVIC_ACCESS		0x402	/* AVIC_NOACCEL */
#define SVM_EXIT_INVALID		0xffffffffU	/* low half of -1 */
#define SVM_EXIT_BUSY			0xfffffffeU	/* low half of -2 */

/* exit_info1 of a MOV CR or MOV DR with decode assists, APM 15.8.1 */
#define SVM_CR_INFO_MOV			BIT_ULL(63)
#define SVM_CR_INFO_GPR			GENMASK_ULL(3, 0)

/* exit_info1 of IOIO, APM 15.10.2 */
#define SVM_IO_INFO_IN			BIT(0)
#define SVM_IO_INFO_STRING		BIT(2)
#define SVM_IO_INFO_REP			BIT(3)
#define SVM_IO_INFO_SIZE_SHIFT		4	/* one bit each for 1, 2, 4 bytes */
#define SVM_IO_INFO_PORT_SHIFT		16

/* exit_info2 of a task switch, APM 15.14.1 */
#define SVM_TS_INFO_IRET		BIT_ULL(36)
#define SVM_TS_INFO_JMP			BIT_ULL(38)
#define SVM_TS_INFO_HAS_ERROR		BIT_ULL(44)

/* exit_info1 of a nested page fault, APM 15.25.6 */
#define SVM_NPF_WRITE			BIT_ULL(1)
#define SVM_NPF_RESERVED		BIT_ULL(3)
#define SVM_NPF_FETCH			BIT_ULL(4)

/* Permission maps, APM 15.10.1 and 15.11 */
#define SVM_IOPM_ORDER			2	/* 12 KiB and the bits after it */
#define SVM_MSRPM_ORDER			1	/* 8 KiB */
#define SVM_MSRPM_RANGE_MSRS		0x2000	/* MSRs in one of the three ranges */
#define SVM_MSRPM_RANGE_BYTES		0x800

/* CPUID Fn8000_0001, Fn8000_000A */
#define SVM_CPUID_ECX_SVM		BIT(2)
#define SVM_CPUID_LEAF			0x8000000a
#define SVM_CPUID_EDX_NP		BIT(0)
#define SVM_CPUID_EDX_LBR_VIRT		BIT(1)
#define SVM_CPUID_EDX_NRIPS		BIT(3)
#define SVM_CPUID_EDX_TSC_RATE		BIT(4)
#define SVM_CPUID_EDX_CLEAN		BIT(5)
#define SVM_CPUID_EDX_FLUSH_ASID	BIT(6)
#define SVM_CPUID_EDX_DECODE_ASSISTS	BIT(7)
#define SVM_CPUID_EDX_PAUSE_FILTER	BIT(10)
#define SVM_CPUID_EDX_PAUSE_THRESHOLD	BIT(12)
#define SVM_CPUID_EDX_AVIC		BIT(13)
#define SVM_CPUID_EDX_V_SPEC_CTRL	BIT(20)

/* MSRs, APM 15.30 */
#define SVM_MSR_TSC_RATIO		0xc0000104
#define SVM_TSC_RATIO_FRAC		32
#define SVM_TSC_RATIO_INT		8
#define SVM_TSC_RATIO_ONE		BIT_ULL(SVM_TSC_RATIO_FRAC)
#define SVM_MSR_VM_CR			0xc0010114
#define SVM_VM_CR_SVMDIS		BIT(4)
#define SVM_MSR_VM_HSAVE_PA		0xc0010117
#define SVM_MSR_DOORBELL		0xc001011b	/* APM 15.29.8.2; write only */

#endif /* HOLM_SVM_VMCB_H */
