// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control and debug registers, EFER and XCR0 as the guest writes them: the
 * checks that make a write #GP, and what it changes besides (SDM Vol. 3,
 * "Control Registers", "Initializing IA-32e Mode"; APM Vol. 2, "System
 * Registers").
 */
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "../holm.h"
#include "cpuid.h"
#include "cr.h"
#include "x86.h"
#include "xstate.h"

/* What a set returns. */
#define CR_OK	0
#define CR_GP	1
#define CR_UD	2
#define CR_DB	3

/* MOV to CR0 and CR4 that load the PDPTEs: SDM Vol. 3, "PDPTE Registers". */
#define CR0_PDPTE_BITS	(X86_CR0_CD | X86_CR0_NW | X86_CR0_PG)
#define CR4_PDPTE_BITS	(X86_CR4_PAE | X86_CR4_PGE | X86_CR4_PSE | X86_CR4_SMEP)
/* Those that invalidate translations: "Operations that Invalidate TLBs". */
#define CR4_TLB_BITS	(CR4_PDPTE_BITS | X86_CR4_PCIDE)

#define CR3_NO_FLUSH	BIT_ULL(63)	/* with CR4.PCIDE */
#define CR3_PCID	GENMASK_ULL(11, 0)
#define CR3_PAE_TABLE	GENMASK_ULL(31, 5)

/* A PDPTE: P, PWT, PCD, AVL 9..11, address ("PAE Paging"). */
#define PDPTE_PRESENT	BIT_ULL(0)
#define PDPTE_RESERVED	(GENMASK_ULL(2, 1) | GENMASK_ULL(8, 5) | GENMASK_ULL(63, 52))

static bool pae_paging(u64 cr0, u64 cr4, u64 efer)
{
	return cr0 & X86_CR0_PG && cr4 & X86_CR4_PAE && !(efer & EFER_LMA);
}

/*
 * The second-level tables do not change, but what the TLB combined from both
 * levels does. The request is this thread's own: it is seen before entry.
 */
static void flush_guest_tlb(struct holm_vcpu *vcpu)
{
	set_bit(HOLM_REQ_TLB_FLUSH, &vcpu->requests);
}

/* ---- PDPTEs --------------------------------------------------------------- */

bool holm_cr_needs_pdptes(struct holm_vcpu *vcpu, int cr, u64 value)
{
	u64 cr0, cr4, efer;

	holm_state_get(vcpu, HOLM_ST_CR);
	cr0 = vcpu->sregs.cr0;
	cr4 = vcpu->sregs.cr4;
	efer = vcpu->sregs.efer;

	switch (cr) {
	case 0:
		/* Paging that starts with EFER.LME is not PAE paging. */
		return !(efer & EFER_LME) && pae_paging(value, cr4, efer) &&
		       (value ^ cr0) & CR0_PDPTE_BITS;
	case 3:
		return pae_paging(cr0, cr4, efer);
	case 4:
		return pae_paging(cr0, value, efer) && (value ^ cr4) & CR4_PDPTE_BITS;
	default:
		return false;
	}
}

/**
 * holm_load_pdptes() - the four PDPTEs that PAE paging keeps in the CPU
 * @vcpu: the vCPU, its lock held, not loaded; may sleep
 * @cr3: where they are
 *
 * Return: 0, or 1 (#GP) when a present one has reserved bits set, or when they
 * are not in memory: what is read there is all ones, and so reserved bits.
 */
int holm_load_pdptes(struct holm_vcpu *vcpu, u64 cr3)
{
	u64 pdptes[4];
	int i;

	if (holm_guest_read(vcpu->vm, cr3 & CR3_PAE_TABLE, pdptes, sizeof(pdptes)))
		return CR_GP;
	for (i = 0; i < 4; i++)
		if (pdptes[i] & PDPTE_PRESENT &&
		    pdptes[i] & (PDPTE_RESERVED | vcpu->phys_mask_reserved))
			return CR_GP;

	memcpy(vcpu->pdptes, pdptes, sizeof(vcpu->pdptes));
	holm_state_dirty(vcpu, HOLM_ST_CR);
	return CR_OK;
}

/* ---- CR0, CR3, CR4, CR8, EFER --------------------------------------------- */

static int enable_long_mode(struct holm_vcpu *vcpu, u64 *efer)
{
	holm_state_get(vcpu, HOLM_ST_SEG);
	if (!(vcpu->sregs.cr4 & X86_CR4_PAE) ||
	    vcpu->sregs.seg[HOLM_SEG_CS].attrib & HOLM_SEG_L)
		return CR_GP;
	*efer |= EFER_LMA;
	return CR_OK;
}

static int disable_paging(struct holm_vcpu *vcpu, u64 *efer)
{
	if (vcpu->sregs.cr4 & X86_CR4_PCIDE || holm_is_64bit(vcpu))
		return CR_GP;
	*efer &= ~(u64)EFER_LMA;
	return CR_OK;
}

/**
 * holm_set_cr0() - MOV to CR0, LMSW, CLTS
 * @vcpu: the vCPU, its lock held; not loaded when holm_cr_needs_pdptes()
 * @value: what the guest writes
 *
 * Return: 0, or 1 for #GP.
 */
int holm_set_cr0(struct holm_vcpu *vcpu, u64 value)
{
	u64 old, efer;
	int err = CR_OK;

	holm_state_get(vcpu, HOLM_ST_CR);
	old = vcpu->sregs.cr0;
	efer = vcpu->sregs.efer;

	if (value >> 32)
		return CR_GP;
	/* Writes to the other reserved bits are ignored; ET is fixed. */
	value = (value & HOLM_CR0_BITS) | X86_CR0_ET;
	if (!holm_cr0_valid(value))
		return CR_GP;

	if (value & ~old & X86_CR0_PG && efer & EFER_LME)
		err = enable_long_mode(vcpu, &efer);
	else if (old & ~value & X86_CR0_PG)
		err = disable_paging(vcpu, &efer);
	if (!err && holm_cr_needs_pdptes(vcpu, 0, value))
		err = holm_load_pdptes(vcpu, vcpu->sregs.cr3);
	if (err)
		return err;

	vcpu->sregs.cr0 = value;
	vcpu->sregs.efer = efer;
	holm_state_dirty(vcpu, HOLM_ST_CR);
	if ((value ^ old) & X86_CR0_PG)
		flush_guest_tlb(vcpu);
	return CR_OK;
}

/**
 * holm_set_cr3() - MOV to CR3
 * @vcpu: the vCPU, its lock held; not loaded when holm_cr_needs_pdptes()
 * @value: what the guest writes
 *
 * Return: 0, or 1 for #GP.
 */
int holm_set_cr3(struct holm_vcpu *vcpu, u64 value)
{
	bool flush = true;

	holm_state_get(vcpu, HOLM_ST_CR);
	if (vcpu->sregs.cr4 & X86_CR4_PCIDE) {
		flush = !(value & CR3_NO_FLUSH);
		value &= ~CR3_NO_FLUSH;
	}
	if (value & vcpu->phys_mask_reserved)
		return CR_GP;
	if (holm_cr_needs_pdptes(vcpu, 3, value) && holm_load_pdptes(vcpu, value))
		return CR_GP;

	vcpu->sregs.cr3 = value;
	holm_state_dirty(vcpu, HOLM_ST_CR);
	if (flush)
		flush_guest_tlb(vcpu);
	return CR_OK;
}

/**
 * holm_set_cr4() - MOV to CR4
 * @vcpu: the vCPU, its lock held; not loaded when holm_cr_needs_pdptes()
 * @value: what the guest writes
 *
 * Return: 0, or 1 for #GP.
 */
int holm_set_cr4(struct holm_vcpu *vcpu, u64 value)
{
	bool long_mode;
	u64 old;

	holm_state_get(vcpu, HOLM_ST_CR);
	old = vcpu->sregs.cr4;
	long_mode = holm_is_long_mode(vcpu->sregs.efer);

	if (value & vcpu->cr4_reserved)
		return CR_GP;
	if (long_mode && !(value & X86_CR4_PAE))
		return CR_GP;
	if (value & ~old & X86_CR4_PCIDE && (!long_mode || vcpu->sregs.cr3 & CR3_PCID))
		return CR_GP;
	if (holm_cr_needs_pdptes(vcpu, 4, value) && holm_load_pdptes(vcpu, vcpu->sregs.cr3))
		return CR_GP;

	vcpu->sregs.cr4 = value;
	holm_state_dirty(vcpu, HOLM_ST_CR);
	if ((value ^ old) & CR4_TLB_BITS)
		flush_guest_tlb(vcpu);
	return CR_OK;
}

int holm_set_cr8(struct holm_vcpu *vcpu, u64 value)
{
	if (value > HOLM_CR8_MAX)
		return CR_GP;
	holm_lapic_set_cr8(vcpu, value);
	return CR_OK;
}

/**
 * holm_efer_valid() - may EFER be written with this
 * @vcpu: the vCPU, its lock held
 * @value: what is written
 *
 * LME does not change while paging is on, for the launcher neither: what else
 * long mode needs is in HOLM_STATE_SREGS, and EFER with it.
 */
bool holm_efer_valid(struct holm_vcpu *vcpu, u64 value)
{
	holm_state_get(vcpu, HOLM_ST_CR);
	if (value & vcpu->efer_reserved)
		return false;
	return !(vcpu->sregs.cr0 & X86_CR0_PG && (value ^ vcpu->sregs.efer) & EFER_LME);
}

/**
 * holm_set_efer() - WRMSR to EFER, or the launcher's
 * @vcpu: the vCPU, its lock held
 * @value: what is written; LMA is not taken from it
 *
 * Return: 0, or 1 for #GP.
 */
int holm_set_efer(struct holm_vcpu *vcpu, u64 value)
{
	u64 old;

	if (!holm_efer_valid(vcpu, value))
		return CR_GP;

	old = vcpu->sregs.efer;
	value = (value & ~(u64)EFER_LMA) | (old & EFER_LMA);
	vcpu->sregs.efer = value;
	holm_state_dirty(vcpu, HOLM_ST_CR);
	if ((value ^ old) & (EFER_NX | EFER_LMA))
		flush_guest_tlb(vcpu);
	return CR_OK;
}

/* ---- debug registers ------------------------------------------------------ */

/*
 * Checks that all MOV DR share, in the CPU's order: DR4 and DR5 are others'
 * names unless CR4.DE is set, the privilege level, then DR7.GD.
 */
static int dr_access(struct holm_vcpu *vcpu, int *dr)
{
	holm_state_get(vcpu, HOLM_ST_CR | HOLM_ST_DR);
	if (*dr == 4 || *dr == 5) {
		if (vcpu->sregs.cr4 & X86_CR4_DE)
			return CR_UD;
		*dr += 2;
	}
	if (*dr < 0 || *dr > 7)
		return CR_UD;
	if (holm_cpl(vcpu))
		return CR_GP;
	if (vcpu->dregs.dr7 & HOLM_DR7_GD) {
		holm_raise_db(vcpu, HOLM_DR6_BD);
		return CR_DB;
	}
	return CR_OK;
}

/**
 * holm_set_dr() - MOV to a debug register
 * @vcpu: the vCPU, its lock held
 * @dr: 0..7
 * @value: what the guest writes
 *
 * Return: 0, 1 for #GP, 2 for #UD, 3 when the #DB of DR7.GD was raised.
 */
int holm_set_dr(struct holm_vcpu *vcpu, int dr, u64 value)
{
	int err = dr_access(vcpu, &dr);

	if (err)
		return err;
	if (dr >= 6 && value >> 32)
		return CR_GP;
	if (dr == 6)
		vcpu->dregs.dr6 = (value & HOLM_DR6_WRITABLE) | HOLM_DR6_FIXED;
	else if (dr == 7)
		vcpu->dregs.dr7 = (value & HOLM_DR7_WRITABLE) | HOLM_DR7_FIXED;
	else
		vcpu->dregs.dr[dr] = value;
	holm_state_dirty(vcpu, HOLM_ST_DR);
	return CR_OK;
}

/**
 * holm_get_dr() - MOV from a debug register
 * @vcpu: the vCPU, its lock held
 * @dr: 0..7
 * @value: result
 *
 * Return: as holm_set_dr().
 */
int holm_get_dr(struct holm_vcpu *vcpu, int dr, u64 *value)
{
	int err = dr_access(vcpu, &dr);

	if (err)
		return err;
	if (dr == 6)
		*value = vcpu->dregs.dr6;
	else if (dr == 7)
		*value = vcpu->dregs.dr7;
	else
		*value = vcpu->dregs.dr[dr];
	return CR_OK;
}

/* SDM Vol. 3, "Debug Control Register (DR7)": R/W of 2 is I/O, LEN 2 is not 4. */
#define DR7_RW_IO		2
#define DR7_LEN_8		2

/**
 * holm_io_breakpoints() - breakpoints on I/O that an instruction hits
 * @vcpu: the vCPU, its lock held
 * @port: first port that it accesses
 * @size: how many: 1, 2 or 4
 *
 * They are traps: the #DB comes when the instruction is done (SDM Vol. 3,
 * "Data Memory and I/O Breakpoint Exception Conditions").
 *
 * Return: bits B0..B3 of DR6.
 */
u8 holm_io_breakpoints(struct holm_vcpu *vcpu, u16 port, u8 size)
{
	u8 hit = 0;
	u64 dr7;
	int i;

	/* RIP in the same call: the exit that asks wants it next. */
	holm_state_get(vcpu, HOLM_ST_DR | HOLM_ST_RIP);
	dr7 = vcpu->dregs.dr7;
	if (likely(!(dr7 & HOLM_DR7_ENABLED)))
		return 0;
	holm_state_get(vcpu, HOLM_ST_CR);
	if (!(vcpu->sregs.cr4 & X86_CR4_DE))
		return 0;
	for (i = 0; i < ARRAY_SIZE(vcpu->dregs.dr); i++) {
		u32 control = dr7 >> (16 + 4 * i) & 0xf, len = (control >> 2) + 1;
		u64 first;

		if (!(dr7 >> 2 * i & 3) || (control & 3) != DR7_RW_IO || len == DR7_LEN_8 + 1)
			continue;
		first = vcpu->dregs.dr[i] & ~(u64)(len - 1);
		if (port < first + len && first < (u32)port + size)
			hit |= BIT(i);
	}
	return hit;
}

/* ---- XCR0 ----------------------------------------------------------------- */

/**
 * holm_set_xcr() - XSETBV
 * @vcpu: the vCPU; between holm_xstate_load() and _save(), or not loaded
 * @index: ECX; only XCR0 exists
 * @value: EDX:EAX
 *
 * Return: 0, or 1 for #GP. The caller has checked the privilege level.
 */
int holm_set_xcr(struct holm_vcpu *vcpu, u32 index, u64 value)
{
	if (index || !holm_xcr0_valid(value, vcpu->xcr0_supported))
		return CR_GP;
	vcpu->xcr0 = value;
	holm_xstate_xcr0_changed(vcpu);
	return CR_OK;
}

/* ---- modes ---------------------------------------------------------------- */

int __holm_cpl(struct holm_vcpu *vcpu)
{
	if (!(vcpu->st_valid & HOLM_ST_SEG)) {
		holm_state_get(vcpu, HOLM_ST_MODE);
		return vcpu->cpl;
	}
	return (vcpu->sregs.seg[HOLM_SEG_SS].attrib & HOLM_SEG_DPL) >> HOLM_SEG_DPL_SHIFT;
}

bool __holm_is_64bit(struct holm_vcpu *vcpu)
{
	const u32 parts = HOLM_ST_CR | HOLM_ST_SEG;

	if ((vcpu->st_valid & parts) != parts) {
		/* The backend does not know of changes that it was not given. */
		if (!(vcpu->st_dirty & parts)) {
			holm_state_get(vcpu, HOLM_ST_MODE);
			return vcpu->code64;
		}
		holm_state_get(vcpu, parts);
	}
	return holm_is_long_mode(vcpu->sregs.efer) &&
	       vcpu->sregs.seg[HOLM_SEG_CS].attrib & HOLM_SEG_L;
}
