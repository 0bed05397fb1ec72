// SPDX-License-Identifier: GPL-2.0-only
/*
 * The register cache, and the state after RESET and INIT as data (SDM Vol. 3,
 * "IA-32 and Intel 64 Processor States Following Power-up, Reset, or INIT").
 */
#include <linux/string.h>
#include <asm/processor-flags.h>

#include "../backend.h"
#include "../holm.h"
#include "cpuid.h"
#include "cr.h"
#include "msr.h"
#include "x86.h"

/* EDX after reset when no CPUID table says otherwise: a processor of family 6. */
#define RESET_EDX	0x600

void __holm_state_fetch(struct holm_vcpu *vcpu, u32 parts)
{
	if (vcpu->loaded) {
		holm_backend->state_get(vcpu, parts);
	} else if (!holm_vcpu_load(vcpu)) {
		holm_backend->state_get(vcpu, parts);
		holm_vcpu_put(vcpu);
	}
	vcpu->st_valid |= parts;
}

/* Present, accessed: read-write data, code, an LDT, a busy 32-bit TSS. */
#define RESET_DATA	(HOLM_SEG_P | HOLM_SEG_S | 0x3)
#define RESET_CODE	(HOLM_SEG_P | HOLM_SEG_S | 0xb)
#define RESET_LDT	(HOLM_SEG_P | 0x2)
#define RESET_TSS	(HOLM_SEG_P | 0xb)

#define DATA	{ .limit = 0xffff, .attrib = RESET_DATA }

static const struct holm_sregs reset_sregs = {
	.seg = {
		[HOLM_SEG_ES] = DATA,
		[HOLM_SEG_CS] = { .base = 0xffff0000, .limit = 0xffff, .attrib = RESET_CODE,
				  .selector = 0xf000 },
		[HOLM_SEG_SS] = DATA,
		[HOLM_SEG_DS] = DATA,
		[HOLM_SEG_FS] = DATA,
		[HOLM_SEG_GS] = DATA,
		[HOLM_SEG_LDTR] = { .limit = 0xffff, .attrib = RESET_LDT },
		[HOLM_SEG_TR] = { .limit = 0xffff, .attrib = RESET_TSS },
	},
	.gdt = { .limit = 0xffff },
	.idt = { .limit = 0xffff },
	.cr0 = X86_CR0_CD | X86_CR0_NW | X86_CR0_ET,
};

static const struct holm_regs reset_regs = {
	.rip = 0xfff0,
	.rflags = HOLM_RFLAGS_FIXED,
};

static const struct holm_debugregs reset_dregs = {
	.dr6 = HOLM_DR6_FIXED,
	.dr7 = HOLM_DR7_FIXED,
};

static const struct holm_event no_event = { .type = HOLM_EVENT_NONE };

static void reset_events(struct holm_vcpu *vcpu)
{
	vcpu->exception = no_event;
	vcpu->interrupted = no_event;
	vcpu->shutdown = false;
	vcpu->intr_shadow = 0;
	vcpu->nmi_masked = false;
	atomic_set(&vcpu->nmi_pending, 0);
}

/**
 * holm_state_reset() - architectural state after RESET or INIT
 * @vcpu: the vCPU, not loaded; its lock held, or not yet published
 * @init: INIT: keeps MSRs, XCR0, extended state, CR0.CD and CR0.NW
 *
 * May sleep.
 */
void holm_state_reset(struct holm_vcpu *vcpu, bool init)
{
	const struct holm_cpuid_entry *id;
	u64 cr0 = reset_sregs.cr0;

	if (init) {
		holm_state_get(vcpu, HOLM_ST_CR);
		cr0 = (vcpu->sregs.cr0 & (X86_CR0_CD | X86_CR0_NW)) | X86_CR0_ET;
	} else {
		holm_cpuid_model(vcpu);
	}

	vcpu->regs = reset_regs;
	id = holm_cpuid_find(vcpu, CPUID_LEAF_FEATURES, 0);
	vcpu->regs.gpr[HOLM_RDX] = id ? id->eax : RESET_EDX;
	vcpu->sregs = reset_sregs;
	vcpu->sregs.cr0 = cr0;
	vcpu->dregs = reset_dregs;
	memset(vcpu->pdptes, 0, sizeof(vcpu->pdptes));
	reset_events(vcpu);
	holm_state_dirty(vcpu, HOLM_ST_ALL);

	vcpu->mp_state = vcpu->apic_id ? HOLM_MP_WAIT_FOR_SIPI : HOLM_MP_RUNNABLE;
	holm_xstate_reset(vcpu, init);
	holm_lapic_reset(vcpu, init);
	holm_pv_reset(vcpu);
	if (!init && !holm_vcpu_load(vcpu)) {
		holm_msr_reset(vcpu);
		holm_vcpu_put(vcpu);
	}
	set_bit(HOLM_REQ_TLB_FLUSH, &vcpu->requests);
}
