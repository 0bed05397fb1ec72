/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The MSR policy: a sorted table of MSRs with who may access them and how.
 * msr.c has the engine, msr_table.c the table, mtrr.c the memory-type MSRs.
 */
#ifndef HOLM_X86_MSR_H
#define HOLM_X86_MSR_H

#include <linux/bits.h>
#include <linux/stddef.h>
#include <linux/types.h>
#include <asm/kvm_para.h>

#include "x86.h"

struct holm_msr_row;

/**
 * struct holm_msr_access - one access
 * @row: the table's row for @index
 * @index: MSR
 * @value: to be written, or what was read
 * @host: by the launcher
 * @check: a write must change nothing, only say whether it would be taken
 * @eoi_vector: see holm_msr_write()
 */
struct holm_msr_access {
	const struct holm_msr_row *row;
	u32 index;
	u64 value;
	bool host;
	bool check;
	int eoi_vector;
};

/* Who sees the MSR. */
enum holm_msr_gate {
	HOLM_MSR_ANY,
	HOLM_MSR_INTEL,		/* guests that are shown an Intel CPU */
	HOLM_MSR_AMD,
	HOLM_MSR_SYSCALL,	/* guests with SYSCALL or long mode */
	HOLM_MSR_LM,
	HOLM_MSR_SEP,
	HOLM_MSR_TSC_AUX,	/* RDTSCP or RDPID */
	HOLM_MSR_ARCH_CAPS,
	HOLM_MSR_IBPB,
	HOLM_MSR_SPEC_CTRL,
	HOLM_MSR_X2APIC,
	HOLM_MSR_TSC_DEADLINE,
	HOLM_MSR_TSC_ADJUST,
	HOLM_MSR_PV,		/* and above: with KVM_FEATURE_* this minus HOLM_MSR_PV */
	HOLM_MSR_PV_CLOCK = HOLM_MSR_PV + KVM_FEATURE_CLOCKSOURCE,
	HOLM_MSR_PV_CLOCK2 = HOLM_MSR_PV + KVM_FEATURE_CLOCKSOURCE2,
	HOLM_MSR_PV_STEAL = HOLM_MSR_PV + KVM_FEATURE_STEAL_TIME,
	HOLM_MSR_PV_EOI = HOLM_MSR_PV + KVM_FEATURE_PV_EOI,
	HOLM_MSR_PV_ASYNC = HOLM_MSR_PV + KVM_FEATURE_ASYNC_PF,
	HOLM_MSR_PV_ASYNC_INT = HOLM_MSR_PV + KVM_FEATURE_ASYNC_PF_INT,
	HOLM_MSR_PV_POLL = HOLM_MSR_PV + KVM_FEATURE_POLL_CONTROL,
};

/**
 * struct holm_msr_row - one MSR, or a range of them
 * @first: index
 * @last: the same, or the range's end
 * @gate: which guests have it; the launcher reads and writes it in any case
 *	where that makes sense, except with another vendor's model
 * @read: 0, or 1 for #GP; NULL is #GP
 * @write: as @read
 * @field: offset of a u64 in struct holm_vcpu
 * @arg: constant value, or bits a write may set
 * @name: of the manual
 * @reason: why it is as it is
 */
struct holm_msr_row {
	u32 first;
	u32 last;
	u8 gate;
	int (*read)(struct holm_vcpu *vcpu, struct holm_msr_access *a);
	int (*write)(struct holm_vcpu *vcpu, struct holm_msr_access *a);
	u32 field;
	u64 arg;
	const char *name;
	const char *reason;
};

extern const struct holm_msr_row holm_msr_table[];
extern const unsigned int holm_msr_table_count;

/* The CPUID table changed: vcpu->msr_gates. vcpu->lock. */
void holm_msr_model(struct holm_vcpu *vcpu);

/* The row of an MSR, or NULL. */
const struct holm_msr_row *holm_msr_find(u32 index);

/* Would the launcher's write be taken: 0 or 1. Loaded. */
int holm_msr_check(struct holm_vcpu *vcpu, u32 index, u64 value);

/* At RESET: values of MSRs that the core or the backend keeps. Loaded. */
void holm_msr_reset(struct holm_vcpu *vcpu);

/* Bits of SPEC_CTRL that the guest's CPUID table announces. */
u64 holm_spec_ctrl_bits(struct holm_vcpu *vcpu);

/* MSRs of which msr-index.h changes the names. */
#define HOLM_MSR_IA32_SPEC_CTRL	0x00000048
#define HOLM_MSR_IA32_PRED_CMD	0x00000049

/* IA32_SPEC_CTRL (SDM Vol. 4), PSFD as in AMD's. */
#define HOLM_SPEC_CTRL_IBRS	BIT_ULL(0)
#define HOLM_SPEC_CTRL_STIBP	BIT_ULL(1)
#define HOLM_SPEC_CTRL_SSBD	BIT_ULL(2)
#define HOLM_SPEC_CTRL_PSFD	BIT_ULL(7)

/* IA32_MISC_ENABLE (SDM Vol. 4): fast strings, no debug store. */
#define HOLM_MISC_FAST_STRING	BIT_ULL(0)
#define HOLM_MISC_BTS_UNAVAIL	BIT_ULL(11)
#define HOLM_MISC_PEBS_UNAVAIL	BIT_ULL(12)
#define HOLM_MISC_ENABLE_RESET	(HOLM_MISC_FAST_STRING | HOLM_MISC_BTS_UNAVAIL | \
				 HOLM_MISC_PEBS_UNAVAIL)

/* HWCR (APM Vol. 2): kernels complain of the firmware when it is clear. */
#define HOLM_HWCR_TSC_FREQ_SEL	BIT_ULL(24)

/* mtrr.c: SDM Vol. 3, "Memory Type Range Registers" and "Page Attribute Table". */
int holm_msr_write_pat(struct holm_vcpu *vcpu, struct holm_msr_access *a);
int holm_msr_read_mtrr_var(struct holm_vcpu *vcpu, struct holm_msr_access *a);
int holm_msr_write_mtrr_var(struct holm_vcpu *vcpu, struct holm_msr_access *a);
int holm_msr_read_mtrr_fixed(struct holm_vcpu *vcpu, struct holm_msr_access *a);
int holm_msr_write_mtrr_fixed(struct holm_vcpu *vcpu, struct holm_msr_access *a);
int holm_msr_write_mtrr_def(struct holm_vcpu *vcpu, struct holm_msr_access *a);
void holm_mtrr_reset(struct holm_vcpu *vcpu);

/* IA32_MTRRCAP: 8 variable ranges, fixed ranges, write-combining. */
#define HOLM_MTRRCAP		0x508
#define HOLM_MTRR_VAR_COUNT	8

#define HOLM_PAT_RESET		0x0007040600070406ULL

#endif /* HOLM_X86_MSR_H */
