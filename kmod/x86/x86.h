/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Vendor-neutral x86: the vCPU model (CPUID, MSRs, control registers), its
 * reset state, state blocks, xstate, guest page walks.
 */
#ifndef HOLM_X86_X86_H
#define HOLM_X86_X86_H

#include <linux/kernel.h>
#include <linux/nospec.h>
#include <linux/types.h>

#include "../holm.h"

/* ---- cpuid.c ------------------------------------------------------------ */

/* Compute at load what a guest may be shown (policy table x host). */
int holm_cpuid_setup(void);

/* XCR0 bits a guest may have at most, by host and policy. */
u64 holm_cpuid_xcr0(void);

/* HOLM_GET_SUPPORTED_CPUID: fills @entries, up to @max; returns how many there
 * are in all (the caller compares).
 */
unsigned int holm_cpuid_supported(struct holm_cpuid_entry *entries, unsigned int max);

/* HOLM_SET_CPUID: takes over @entries (kvmalloc'ed) on success. Checks that the
 * table shows no more than is supported: -EINVAL. Recomputes what the model
 * derives from it (xcr0_supported, cr4_reserved, efer_reserved, ...), and
 * calls backend->model_changed(). vcpu->lock held, may sleep.
 */
int holm_cpuid_set(struct holm_vcpu *vcpu, struct holm_cpuid_entry *entries, unsigned int nent);

/* The table entry, or NULL. */
const struct holm_cpuid_entry *holm_cpuid_find(struct holm_vcpu *vcpu, u32 function, u32 index);

/*
 * vcpu->cpuid_leaf has the index of a leaf's first entry, plus 1; 0: none. With
 * this bit the answer is not the entry alone.
 */
#define HOLM_LEAF_VARIES	BIT(15)

/* Where vcpu->cpuid_leaf has a leaf, or NULL: not there. */
static inline u16 *holm_cpuid_slot(struct holm_vcpu *vcpu, u32 function)
{
	u32 number = function & ~BIT(31);	/* extended leaves begin there */

	if (unlikely(number >= ARRAY_SIZE(vcpu->cpuid_leaf[0])))
		return NULL;
	number = array_index_nospec(number, ARRAY_SIZE(vcpu->cpuid_leaf[0]));
	return &vcpu->cpuid_leaf[function >> 31][number];
}

/**
 * holm_cpuid_constant() - a leaf that reads as the table has it
 * @vcpu: the vCPU, its lock held; preemption may be off
 * @function: leaf
 *
 * Return: the entry, or NULL: holm_cpuid_query() has the answer.
 */
static inline const struct holm_cpuid_entry *holm_cpuid_constant(struct holm_vcpu *vcpu,
								 u32 function)
{
	const u16 *slot = holm_cpuid_slot(vcpu, function);

	if (!slot || !*slot || *slot & HOLM_LEAF_VARIES)
		return NULL;
	return &vcpu->cpuid[*slot - 1];
}

/* CPUID as the guest sees it, with the dynamic bits (OSXSAVE, XSAVE sizes, APIC)
 * and the out-of-range rule of the vendor it is shown. Preemption may be off.
 */
void holm_cpuid_query(struct holm_vcpu *vcpu, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx);

/* A feature bit of the guest's table: reg 0..3 is EAX..EDX. */
bool holm_cpuid_has(struct holm_vcpu *vcpu, u32 function, u32 index, int reg, int bit);

/* ---- msr.c -------------------------------------------------------------- */

/**
 * holm_msr_read(), holm_msr_write() - an MSR as the guest or the launcher
 *	accesses it
 * @vcpu: the vCPU, loaded (preemption off)
 * @index: MSR
 * @value: value
 * @host: by the launcher (state block), not by the guest's RDMSR/WRMSR
 * @eoi_vector: an x2APIC EOI of a level interrupt, otherwise -1
 *
 * Return: 0, or 1 for #GP (the state block's EINVAL).
 */
int holm_msr_read(struct holm_vcpu *vcpu, u32 index, u64 *value, bool host);
int holm_msr_write(struct holm_vcpu *vcpu, u32 index, u64 value, bool host, int *eoi_vector);

/* MSRs that a guest may access without an exit: the policy for MSR bitmaps. */
struct holm_msr_passthrough {
	u32 index;
	bool read;
	bool write;
};
extern const struct holm_msr_passthrough holm_msr_passthrough[];
extern const unsigned int holm_msr_passthrough_count;

/* ---- cr.c --------------------------------------------------------------- */

/* Checks of SDM Vol. 3, "Control Registers" / "Mode switching"; 0, or 1 for #GP.
 * They get and dirty HOLM_ST_CR and set EFER.LMA. holm_set_cr3() and
 * holm_set_cr0() may note that PAE PDPTEs must be (re)loaded by the backend.
 */
int holm_set_cr0(struct holm_vcpu *vcpu, u64 value);
int holm_set_cr3(struct holm_vcpu *vcpu, u64 value);
int holm_set_cr4(struct holm_vcpu *vcpu, u64 value);
int holm_set_cr8(struct holm_vcpu *vcpu, u64 value);
int holm_set_efer(struct holm_vcpu *vcpu, u64 value);
bool holm_efer_valid(struct holm_vcpu *vcpu, u64 value);
/* 0, 1 #GP, 2 #UD, 3 the #DB of DR7.GD was raised */
int holm_set_dr(struct holm_vcpu *vcpu, int dr, u64 value);
int holm_get_dr(struct holm_vcpu *vcpu, int dr, u64 *value);
/* DR6.B0..B3 of the breakpoints that an access to @size ports at @port hits. */
u8 holm_io_breakpoints(struct holm_vcpu *vcpu, u16 port, u8 size);
int holm_set_xcr(struct holm_vcpu *vcpu, u32 index, u64 value);

static inline bool holm_is_long_mode(u64 efer)
{
	return efer & (1ULL << 10);	/* EFER.LMA */
}

int __holm_cpl(struct holm_vcpu *vcpu);
bool __holm_is_64bit(struct holm_vcpu *vcpu);

/* CPL: DPL of SS (SDM Vol. 3, "Guest Register State"). Gets as little as it can. */
static inline int holm_cpl(struct holm_vcpu *vcpu)
{
	return vcpu->st_valid & HOLM_ST_MODE ? vcpu->cpl : __holm_cpl(vcpu);
}

/* 64-bit mode: LMA and CS.L. Gets as little as it can: do not count on SEG or CR. */
static inline bool holm_is_64bit(struct holm_vcpu *vcpu)
{
	return vcpu->st_valid & HOLM_ST_MODE ? vcpu->code64 : __holm_is_64bit(vcpu);
}

/* An exception of the launcher's, of type EXCEPTION or INT1, that a CPU can raise. */
bool holm_exception_valid(const struct holm_event *e);

/* Whole sregs from the launcher: -EINVAL unless a VM entry would take it. */
int holm_sregs_check(struct holm_vcpu *vcpu, const struct holm_sregs *sregs);

/* Check, and make them the vCPU's: marks SEG, DT, CR dirty, sets CR8, loads the
 * PDPTEs where PAE paging needs them. 0 or -EINVAL. Not loaded, may sleep.
 */
int holm_sregs_apply(struct holm_vcpu *vcpu, const struct holm_sregs *sregs);

/* PAE paging is, or with @value in CR0, CR3 or CR4 becomes, active: the setter
 * reads the PDPTEs and must be called where it may sleep. Gets HOLM_ST_CR.
 */
bool holm_cr_needs_pdptes(struct holm_vcpu *vcpu, int cr, u64 value);

/* vcpu->pdptes from guest memory at @cr3: 0, or 1 for #GP. May sleep. */
int holm_load_pdptes(struct holm_vcpu *vcpu, u64 cr3);

/* ---- state.c ------------------------------------------------------------ */

/* Architectural state after RESET, or INIT (SDM Vol. 3, "Processor State After
 * Reset"). The vCPU is not loaded; vcpu->lock held or not yet published.
 */
void holm_state_reset(struct holm_vcpu *vcpu, bool init);

/* HOLM_GET_STATE, HOLM_SET_STATE on the caller's copy of the argument; the
 * vCPU is not loaded, vcpu->lock held; may sleep.
 */
int holm_state_blocks_get(struct holm_vcpu *vcpu, struct holm_state *state);
int holm_state_blocks_set(struct holm_vcpu *vcpu, struct holm_state *state);

/* ---- xstate.c ----------------------------------------------------------- */

int holm_xstate_setup(void);		/* at load: sizes, offsets of components */
u32 holm_xstate_block_size(void);	/* of struct holm_xstate with its area */
int holm_xstate_create(struct holm_vcpu *vcpu);
void holm_xstate_destroy(struct holm_vcpu *vcpu);
void holm_xstate_reset(struct holm_vcpu *vcpu, bool init);

/* Between kernel_fpu_begin() and kernel_fpu_end(): guest in, guest out. XCR0 is
 * the guest's in between; vcpu->xcr0 may change there (holm_set_xcr()).
 */
void holm_xstate_load(struct holm_vcpu *vcpu);
void holm_xstate_save(struct holm_vcpu *vcpu);

int holm_xstate_get(struct holm_vcpu *vcpu, struct holm_xstate *block, u32 size);
int holm_xstate_set(struct holm_vcpu *vcpu, const struct holm_xstate *block, u32 size);

/* ---- walk.c ------------------------------------------------------------- */

/**
 * holm_walk() - the guest's own page tables: linear to guest-physical
 * @vcpu: the vCPU; parts CR and SEG valid
 * @gva: linear address
 * @flags: HOLM_TRANSLATE_*
 * @atomic: must not sleep: reads with holm_guest_read_atomic()
 * @gpa: result
 * @error_code: #PF error code when it is refused
 *
 * All paging modes: none, 32-bit (PSE), PAE, 4-level; SMEP, SMAP (AC), WP, NX,
 * reserved bits. Return: 0, 1 (page fault), or -EFAULT (a table is not in
 * memory, or, atomic, not resident).
 */
int holm_walk(struct holm_vcpu *vcpu, u64 gva, u32 flags, bool atomic, u64 *gpa, u32 *error_code);

/* The bytes of the instruction that has just exited: 0 or -EAGAIN. */
int holm_fetch_exited(struct holm_vcpu *vcpu, u64 cr3, u64 rip, u32 *bytes);

/* Instruction bytes at RIP, as many of @len as can be had. Return: how many. */
int holm_fetch_insn(struct holm_vcpu *vcpu, u8 *buf, int len, bool atomic);

#endif /* HOLM_X86_X86_H */
