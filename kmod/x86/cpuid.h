/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a guest may be shown of CPUID: a table of leaves and registers
 * (cpuid_policy.c), applied to the host's leaves and to the table a launcher
 * wants to set. All of it is pure, so that tests feed it hosts of their own.
 */
#ifndef HOLM_X86_CPUID_H
#define HOLM_X86_CPUID_H

#include <linux/bits.h>
#include <linux/types.h>

#include "../../uapi/linux/holm.h"
#include "insn.h"

/* Leaves that have names of their own here. */
#define CPUID_LEAF_VENDOR	0x00000000
#define CPUID_LEAF_FEATURES	0x00000001
#define CPUID_LEAF_CACHE	0x00000004
#define CPUID_LEAF_POWER	0x00000006
#define CPUID_LEAF_EXTFEATURES	0x00000007
#define CPUID_LEAF_TOPOLOGY	0x0000000b
#define CPUID_LEAF_XSAVE	0x0000000d
#define CPUID_LEAF_TSC		0x00000015
#define CPUID_LEAF_FREQUENCY	0x00000016
#define CPUID_LEAF_TOPOLOGY_V2	0x0000001f
#define CPUID_LEAF_HYPERVISOR	0x40000000
#define CPUID_LEAF_PARAVIRT	0x40000001
#define CPUID_LEAF_TIMING	0x40000010
#define CPUID_LEAF_EXT		0x80000000
#define CPUID_LEAF_EXT_FEATURES	0x80000001
#define CPUID_LEAF_EXT_POWER	0x80000007
#define CPUID_LEAF_EXT_SIZES	0x80000008
#define CPUID_LEAF_EXT_CACHE	0x8000001d
#define CPUID_LEAF_EXT_TOPOLOGY	0x8000001e
#define CPUID_LEAF_EXT_FEATURES2 0x80000021

/* XCR0 components (SDM Vol. 1, "XSAVE-Supported Features and State-Component Bitmaps"). */
#define XCR0_X87	BIT_ULL(0)
#define XCR0_SSE	BIT_ULL(1)
#define XCR0_AVX	BIT_ULL(2)
#define XCR0_OPMASK	BIT_ULL(5)
#define XCR0_ZMM_HI256	BIT_ULL(6)
#define XCR0_HI16_ZMM	BIT_ULL(7)
#define XCR0_AVX512	(XCR0_OPMASK | XCR0_ZMM_HI256 | XCR0_HI16_ZMM)
#define XCR0_POLICY	(XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512)

#define XSAVE_LEGACY_SIZE	512
#define XSAVE_HEADER_SIZE	64
#define XSAVE_MIN_SIZE		(XSAVE_LEGACY_SIZE + XSAVE_HEADER_SIZE)

/* CPUID.0DH: sub-leaf n, ECX: the component is 64-byte aligned in compacted format. */
#define CPUID_XSAVE_ECX_ALIGN	BIT(1)

/**
 * struct holm_cpuid_host - where leaves come from
 * @read: registers of a leaf, as the CPUID instruction gives them
 * @data: for @read
 * @xcr0: components that the host has enabled; 0 without XSAVE
 * @phys_bits: physical-address width that second-level paging serves
 * @tsc_khz: frequency of the TSC
 */
struct holm_cpuid_host {
	void (*read)(const struct holm_cpuid_host *host, u32 function, u32 index, u32 regs[4]);
	const void *data;
	u64 xcr0;
	u32 phys_bits;
	u32 tsc_khz;
};

enum holm_cpuid_kind {
	HOLM_CPUID_BITS,	/* a launcher may clear bits, not add any */
	HOLM_CPUID_FREE,	/* identifies; a launcher may say anything */
	HOLM_CPUID_EXACT,	/* describes hardware: the host's value, or 0 */
	HOLM_CPUID_SIZES,	/* 80000008H EAX: widths, may be narrower */
};

/**
 * struct holm_cpuid_policy - one register of one leaf
 * @function: leaf
 * @index: sub-leaf; HOLM_CPUID_ANY for each
 * @reg: HOLM_EAX..HOLM_EDX
 * @kind: what a launcher may do with it
 * @show: bits that are shown when the host has them
 * @force: bits that are shown because the driver provides the feature
 * @free: bits a launcher may set whatever the host has
 * @reason: why
 *
 * A register without a row reads as 0 and stays 0.
 */
struct holm_cpuid_policy {
	u32 function;
	u32 index;
	u8 reg;
	u8 kind;
	u32 show;
	u32 force;
	u32 free;
	const char *reason;
};

#define HOLM_CPUID_ANY	0xffffffffu

/* Bits that are hidden on purpose, and why: documentation that tests hold. */
struct holm_cpuid_hidden {
	u32 function;
	u32 index;
	u8 reg;
	u32 bits;
	const char *reason;
};

extern const struct holm_cpuid_policy holm_cpuid_policy[];
extern const unsigned int holm_cpuid_policy_count;
extern const struct holm_cpuid_hidden holm_cpuid_hidden[];
extern const unsigned int holm_cpuid_hidden_count;

/* Bits of a register that remain when a guest has only @xcr0's state. */
u32 holm_cpuid_state_mask(u32 function, u32 index, int reg, u64 xcr0);

/* XCR0 that a guest may have on @host: whole feature groups only. */
u64 holm_cpuid_policy_xcr0(const struct holm_cpuid_host *host);

/**
 * holm_cpuid_policy_apply() - the table that a host supports
 * @host: the host
 * @out: entries, sorted by function and index
 * @max: entries @out has
 *
 * Return: entries there are in all; only the first @max were written.
 */
unsigned int holm_cpuid_policy_apply(const struct holm_cpuid_host *host,
				     struct holm_cpuid_entry *out, unsigned int max);

/* Sort by function and index: what the lookup and the check expect. */
void holm_cpuid_sort(struct holm_cpuid_entry *entries, unsigned int nent);

/**
 * holm_cpuid_lookup() - an entry of a sorted table
 * @entries: the table
 * @nent: its entries
 * @function: leaf
 * @index: sub-leaf; ignored where the entry has no HOLM_CPUID_INDEX
 *
 * Return: the entry or NULL.
 */
const struct holm_cpuid_entry *holm_cpuid_lookup(const struct holm_cpuid_entry *entries,
						 unsigned int nent, u32 function, u32 index);

/**
 * holm_cpuid_check() - may a guest be given this table
 * @supported: what the host supports, sorted
 * @nsupported: its entries
 * @entries: the launcher's table, sorted
 * @nent: its entries
 * @why: why not, for a log line
 * @bad: the offending entry
 *
 * Return: 0 or -EINVAL.
 */
int holm_cpuid_check(const struct holm_cpuid_entry *supported, unsigned int nsupported,
		     const struct holm_cpuid_entry *entries, unsigned int nent,
		     const char **why, unsigned int *bad);

struct holm_vcpu;

/* What the model derives from vcpu->cpuid (NULL: a CPU without features): where
 * leaves are, the reserved bits of CR4, EFER and addresses, XCR0, paravirtual
 * features, which MSRs there are. vcpu->lock.
 */
void holm_cpuid_model(struct holm_vcpu *vcpu);

/* The guest is shown an AMD (or compatible) CPU: its MSRs and CPUID rules. */
bool holm_cpuid_is_amd(struct holm_vcpu *vcpu);

/* Is this a set of XCR0 bits that XSETBV takes where @supported is all there is. */
bool holm_xcr0_valid(u64 xcr0, u64 supported);

/* Size of an XSAVE area in standard format, and in compacted format, by the
 * sub-leaves of a sorted table.
 */
u32 holm_cpuid_xsave_size(const struct holm_cpuid_entry *entries, unsigned int nent, u64 xcr0);
u32 holm_cpuid_xsavec_size(const struct holm_cpuid_entry *entries, unsigned int nent, u64 xcr0);

static inline u32 holm_cpuid_reg(const struct holm_cpuid_entry *e, int reg)
{
	switch (reg) {
	case HOLM_EAX:
		return e->eax;
	case HOLM_EBX:
		return e->ebx;
	case HOLM_ECX:
		return e->ecx;
	default:
		return e->edx;
	}
}

#endif /* HOLM_X86_CPUID_H */
