// SPDX-License-Identifier: GPL-2.0-only
/*
 * Register state, MSRs and events between the VMCB and struct holm_vcpu.
 */
#include <asm/msr-index.h>

#include "../x86/x86.h"
#include "svm.h"

#define CR0_NW		BIT_ULL(29)
#define CR0_CD		BIT_ULL(30)
#define CR0_PG		BIT_ULL(31)
#define CR4_PSE		BIT_ULL(4)
#define CR4_PAE		BIT_ULL(5)
#define CR4_MCE		BIT_ULL(6)
#define CR4_PGE		BIT_ULL(7)
#define CR4_PCIDE	BIT_ULL(17)
#define CR4_SMEP	BIT_ULL(20)
#define CR4_SMAP	BIT_ULL(21)
#define CR4_PKE		BIT_ULL(22)

/* What translation depends on: a change makes the guest's TLB entries stale. */
#define CR0_PAGING	CR0_PG
#define CR4_PAGING	(CR4_PSE | CR4_PAE | CR4_PGE | CR4_PCIDE | CR4_SMEP | CR4_SMAP | CR4_PKE)
#define EFER_PAGING	(EFER_LME | EFER_LMA | EFER_NX)

#define SEG_TR_BUSY	BIT(1)
#define SEG_ACCESSED	BIT(0)

/* ---- segments ------------------------------------------------------------- */

/*
 * The VMCB has descriptor bits 52..55 right behind bits 40..47, and no mark
 * for an unusable segment but a clear P (APM 15.5.1).
 */
static void seg_to_vmcb(struct svm_seg *to, const struct holm_segment *from)
{
	to->selector = from->selector;
	to->base = from->base;
	to->limit = from->limit;
	if (from->attrib & HOLM_SEG_UNUSABLE)
		to->attrib = from->attrib & HOLM_SEG_DPL;
	else
		to->attrib = (from->attrib & 0xff) | (from->attrib >> 4 & 0xf00);
}

static void seg_from_vmcb(struct holm_segment *to, const struct svm_seg *from)
{
	u32 attrib = (from->attrib & 0xff) | (from->attrib & 0xf00) << 4;

	to->selector = from->selector;
	to->base = from->base;
	to->limit = from->limit;
	if (!(attrib & HOLM_SEG_P)) {
		to->attrib = HOLM_SEG_UNUSABLE | (attrib & HOLM_SEG_DPL);
		return;
	}
	/* CPUs do not keep G and the accessed bit up: they follow from the rest. */
	if (from->limit > 0xfffff)
		attrib |= HOLM_SEG_G;
	else if ((from->limit & 0xfff) != 0xfff)
		attrib &= ~HOLM_SEG_G;
	if (attrib & HOLM_SEG_S)
		attrib |= SEG_ACCESSED;
	to->attrib = attrib;
}

/* By HOLM_SEG_*: a table, for a switch is a chain of compares (retpolines). */
static const u16 seg_offset[] = {
	[HOLM_SEG_ES]	= offsetof(struct svm_vmcb, es),
	[HOLM_SEG_CS]	= offsetof(struct svm_vmcb, cs),
	[HOLM_SEG_SS]	= offsetof(struct svm_vmcb, ss),
	[HOLM_SEG_DS]	= offsetof(struct svm_vmcb, ds),
	[HOLM_SEG_FS]	= offsetof(struct svm_vmcb, fs),
	[HOLM_SEG_GS]	= offsetof(struct svm_vmcb, gs),
	[HOLM_SEG_LDTR]	= offsetof(struct svm_vmcb, ldtr),
	[HOLM_SEG_TR]	= offsetof(struct svm_vmcb, tr),
};

static struct svm_seg *svm_seg(struct svm_vmcb *v, int seg)
{
	return (void *)v + seg_offset[seg];
}

static void get_segs(struct holm_vcpu *vcpu, struct svm_vmcb *v)
{
	struct holm_segment *seg = vcpu->sregs.seg;
	int i;

	for (i = HOLM_SEG_ES; i <= HOLM_SEG_TR; i++)
		seg_from_vmcb(&seg[i], svm_seg(v, i));
	if (!(seg[HOLM_SEG_TR].attrib & HOLM_SEG_UNUSABLE))
		seg[HOLM_SEG_TR].attrib |= SEG_TR_BUSY;
	/* The CPL is the VMCB's; for others it is the DPL of SS. */
	seg[HOLM_SEG_SS].attrib &= ~HOLM_SEG_DPL;
	seg[HOLM_SEG_SS].attrib |= v->cpl << HOLM_SEG_DPL_SHIFT;
}

static void get_mode(struct holm_vcpu *vcpu, const struct svm_vmcb *v)
{
	vcpu->cpl = v->cpl;
	vcpu->code64 = v->efer & EFER_LMA && v->cs.attrib & SVM_SEG_L;
}

static void set_segs(struct holm_vcpu *vcpu, struct svm_vcpu *svm)
{
	const struct holm_segment *seg = vcpu->sregs.seg;
	struct svm_vmcb *v = svm->vmcb;
	int i;

	for (i = HOLM_SEG_ES; i <= HOLM_SEG_TR; i++)
		seg_to_vmcb(svm_seg(v, i), &seg[i]);
	/*
	 * The busy bit of TR is not kept up by all CPUs, so none relies on it.
	 * QEMU's gives up when it finds it set on a change of privilege.
	 */
	v->tr.attrib &= ~SEG_TR_BUSY;
	v->cpl = (seg[HOLM_SEG_SS].attrib & HOLM_SEG_DPL) >> HOLM_SEG_DPL_SHIFT;
	svm_unclean(svm, SVM_CLEAN_SEG);
}

/* ---- control registers ---------------------------------------------------- */

static void get_cr(struct holm_vcpu *vcpu, const struct svm_vcpu *svm)
{
	const struct svm_vmcb *v = svm->vmcb;
	struct holm_sregs *s = &vcpu->sregs;

	s->cr0 = (v->cr0 & ~(CR0_CD | CR0_NW)) | (svm->cr0 & (CR0_CD | CR0_NW));
	s->cr2 = v->cr2;
	s->cr3 = v->cr3;
	s->cr4 = (v->cr4 & ~CR4_MCE) | (svm->cr4 & CR4_MCE);
	s->efer = v->efer & ~EFER_SVME;
}

/*
 * CD and NW stay clear in the VMCB: memory is the host's, and coherent. MCE
 * stays set: with it clear a machine check would be a shutdown before it can
 * be intercepted. The guest sees its own values: accesses that tell are
 * intercepted while they differ.
 */
static void set_cr(struct holm_vcpu *vcpu, struct svm_vcpu *svm)
{
	const struct holm_sregs *s = &vcpu->sregs;
	struct svm_vmcb *v = svm->vmcb;
	u64 cr0 = s->cr0 & ~(CR0_CD | CR0_NW);
	u64 cr4 = s->cr4 | CR4_MCE;
	u64 efer = s->efer | EFER_SVME;
	u16 cr_read = 0, cr_write = v->cr_write & ~BIT(0);

	if (cr0 != s->cr0) {
		cr_read |= BIT(0);
		cr_write |= BIT(0);
	}
	if (cr4 != s->cr4)
		cr_read |= BIT(4);
	if (cr_read != v->cr_read || cr_write != v->cr_write) {
		v->cr_read = cr_read;
		v->cr_write = cr_write;
		svm_unclean(svm, SVM_CLEAN_INTERCEPTS);
	}

	if ((v->cr0 ^ cr0) & CR0_PAGING || (v->cr4 ^ cr4) & CR4_PAGING ||
	    (v->efer ^ efer) & EFER_PAGING || v->cr3 != s->cr3)
		svm->flush = true;
	svm->cr0 = s->cr0;
	svm->cr4 = s->cr4;
	v->cr0 = cr0;
	v->cr2 = s->cr2;
	v->cr3 = s->cr3;
	v->cr4 = cr4;
	v->efer = efer;
	svm_unclean(svm, SVM_CLEAN_CR | SVM_CLEAN_CR2);
}

/* ---- debug registers ------------------------------------------------------ */

/**
 * svm_dr_live() - give the guest its debug registers, or take them back
 * @svm: the vCPU
 * @live: the guest accesses DR0..DR7 itself, and DR0..DR3 are loaded for it
 */
void svm_dr_live(struct svm_vcpu *svm, bool live)
{
	svm->dr_live = live;
	svm->vmcb->dr_read = live ? 0 : 0xff;
	svm->vmcb->dr_write = live ? 0 : 0xff;
	svm_unclean(svm, SVM_CLEAN_INTERCEPTS);
}

static void get_dr(struct holm_vcpu *vcpu, const struct svm_vcpu *svm)
{
	memcpy(vcpu->dregs.dr, svm->dr, sizeof(svm->dr));
	vcpu->dregs.dr6 = svm->vmcb->dr6;
	vcpu->dregs.dr7 = svm->vmcb->dr7;
}

static void set_dr(struct holm_vcpu *vcpu, struct svm_vcpu *svm)
{
	memcpy(svm->dr, vcpu->dregs.dr, sizeof(svm->dr));
	svm->vmcb->dr6 = vcpu->dregs.dr6;
	svm->vmcb->dr7 = vcpu->dregs.dr7;
	svm_dr_live(svm, vcpu->dregs.dr7 & 0xff);	/* L0..G3 */
	svm_unclean(svm, SVM_CLEAN_DR);
}

/* ---- interrupt shadow and NMI mask ---------------------------------------- */

static void set_nmi_masked(struct svm_vcpu *svm, bool masked)
{
	svm->nmi_masked = masked;
	svm->iret_pending = false;
	svm_intercept(svm, 0, SVM_INTERCEPT_IRET, masked);
}

static void set_shadow(struct holm_vcpu *vcpu, struct svm_vcpu *svm)
{
	svm->vmcb->int_state = vcpu->intr_shadow ? SVM_INT_SHADOW : 0;
	if (vcpu->nmi_masked != svm->nmi_masked)
		set_nmi_masked(svm, vcpu->nmi_masked);
}

/* ---- the parts ------------------------------------------------------------ */

/**
 * svm_state_get() - backend->state_get
 * @vcpu: the vCPU, loaded
 * @parts: HOLM_ST_*
 */
void svm_state_get(struct holm_vcpu *vcpu, u32 parts)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct svm_vmcb *v = svm->vmcb;

	if (parts & HOLM_ST_RIP)
		svm_get_rip(vcpu, v);
	if (parts & HOLM_ST_SEG)
		get_segs(vcpu, v);
	if (parts & HOLM_ST_MODE)
		get_mode(vcpu, v);
	if (parts & HOLM_ST_DT) {
		vcpu->sregs.gdt.base = v->gdtr.base;
		vcpu->sregs.gdt.limit = v->gdtr.limit;
		vcpu->sregs.idt.base = v->idtr.base;
		vcpu->sregs.idt.limit = v->idtr.limit;
	}
	if (parts & HOLM_ST_CR)
		get_cr(vcpu, svm);
	if (parts & HOLM_ST_DR)
		get_dr(vcpu, svm);
	if (parts & HOLM_ST_SHADOW)
		svm_get_shadow(vcpu, svm);
}

/**
 * svm_state_set() - backend->state_set
 * @vcpu: the vCPU, loaded
 * @parts: HOLM_ST_*
 */
void svm_state_set(struct holm_vcpu *vcpu, u32 parts)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct svm_vmcb *v = svm->vmcb;

	if (parts & HOLM_ST_RIP)
		svm_set_rip(vcpu, v);
	if (parts & HOLM_ST_SEG)
		set_segs(vcpu, svm);
	if (parts & HOLM_ST_DT) {
		v->gdtr.base = vcpu->sregs.gdt.base;
		v->gdtr.limit = vcpu->sregs.gdt.limit;
		v->idtr.base = vcpu->sregs.idt.base;
		v->idtr.limit = vcpu->sregs.idt.limit;
		svm_unclean(svm, SVM_CLEAN_DT);
	}
	if (parts & HOLM_ST_CR)
		set_cr(vcpu, svm);
	if (parts & HOLM_ST_DR)
		set_dr(vcpu, svm);
	if (parts & HOLM_ST_SHADOW)
		set_shadow(vcpu, svm);
}

/* ---- MSRs ----------------------------------------------------------------- */

/* Switched by VMLOAD and VMSAVE (APM 15.5.2). */
static u64 *svm_msr(struct svm_vmcb *v, u32 index)
{
	switch (index) {
	case MSR_IA32_SYSENTER_CS:
		return &v->sysenter_cs;
	case MSR_IA32_SYSENTER_ESP:
		return &v->sysenter_esp;
	case MSR_IA32_SYSENTER_EIP:
		return &v->sysenter_eip;
	case MSR_STAR:
		return &v->star;
	case MSR_LSTAR:
		return &v->lstar;
	case MSR_CSTAR:
		return &v->cstar;
	case MSR_SYSCALL_MASK:
		return &v->sfmask;
	case MSR_KERNEL_GS_BASE:
		return &v->kernel_gs_base;
	default:
		return NULL;
	}
}

bool svm_msr_switched(u32 index)
{
	return index == MSR_FS_BASE || index == MSR_GS_BASE || svm_msr(NULL, index);
}

/**
 * svm_msr_get() - backend->msr_get
 * @vcpu: the vCPU, loaded
 * @index: MSR
 * @value: result
 *
 * Return: 0 or -ENOENT.
 */
int svm_msr_get(struct holm_vcpu *vcpu, u32 index, u64 *value)
{
	struct svm_vmcb *v = to_svm(vcpu)->vmcb;
	u64 *field = svm_msr(v, index);

	if (field)
		*value = *field;
	else if (index == MSR_IA32_CR_PAT)
		*value = v->g_pat;
	else if (index == MSR_IA32_DEBUGCTLMSR)
		*value = v->debugctl;
	else
		return -ENOENT;
	return 0;
}

/* Last branch records are switched only while the guest wants them: it is slow. */
static void set_debugctl(struct svm_vcpu *svm, u64 value)
{
	struct svm_vmcb *v = svm->vmcb;

	v->debugctl = value;
	if (value && svm_caps.lbr_virt)
		v->virt_ext |= SVM_VIRT_LBR;
	else
		v->virt_ext &= ~SVM_VIRT_LBR;
	svm_unclean(svm, SVM_CLEAN_LBR);
}

/**
 * svm_msr_set() - backend->msr_set
 * @vcpu: the vCPU, loaded
 * @index: MSR
 * @value: checked by the core
 *
 * Return: 0 or -ENOENT.
 */
int svm_msr_set(struct holm_vcpu *vcpu, u32 index, u64 value)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct svm_vmcb *v = svm->vmcb;
	u64 *field = svm_msr(v, index);

	if (field) {
		*field = value;
		return 0;
	}
	switch (index) {
	case MSR_IA32_CR_PAT:
		v->g_pat = value;
		svm_unclean(svm, SVM_CLEAN_NESTED);
		return 0;
	case MSR_IA32_DEBUGCTLMSR:
		set_debugctl(svm, value);
		return 0;
	case MSR_TSC_AUX:
		if (svm->swap_tsc_aux)
			svm_wrmsr(MSR_TSC_AUX, value);
		return 0;
	case MSR_IA32_SPEC_CTRL:
		if (svm_caps.v_spec_ctrl)
			v->spec_ctrl = value;
		else if (!svm->spec_ctrl && value)
			svm->host_spec_ctrl = svm_rdmsr(MSR_IA32_SPEC_CTRL);
		svm->spec_ctrl = value;
		return 0;
	default:
		return -ENOENT;
	}
}

/* ---- events --------------------------------------------------------------- */

/*
 * A software event pushes the address behind its instruction. CPUs with NRIPS
 * take that from next_rip, and a fault in its delivery is reported at RIP;
 * for the others RIP has to be there already.
 */
static void svm_inject_soft(struct holm_vcpu *vcpu, const struct holm_event *event)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct svm_vmcb *v = svm->vmcb;

	if (vcpu->st_dirty & HOLM_ST_RIP) {
		svm_state_set(vcpu, HOLM_ST_RIP);
		vcpu->st_dirty &= ~HOLM_ST_RIP;
	}
	svm->soft_rip = v->rip;
	v->next_rip = v->rip + event->insn_len;
	if (!svm_caps.nrips)
		v->rip = v->next_rip;
	svm->soft_next = v->rip;
	vcpu->st_valid &= ~HOLM_ST_RIP;
}

/**
 * svm_inject() - backend->inject
 * @vcpu: the vCPU, loaded
 * @event: to be delivered at the next entry (APM 15.20)
 */
void svm_inject(struct holm_vcpu *vcpu, const struct holm_event *event)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct svm_vmcb *v = svm->vmcb;
	u32 inj = event->vector | SVM_EVENT_VALID;

	switch (event->type) {
	case HOLM_EVENT_INTERRUPT:
		inj |= SVM_EVENT_TYPE_INTR;
		break;
	case HOLM_EVENT_NMI:
		inj |= SVM_EVENT_TYPE_NMI;
		set_nmi_masked(svm, true);
		vcpu->nmi_masked = true;
		break;
	case HOLM_EVENT_SOFT_INTERRUPT:
		inj |= SVM_EVENT_TYPE_SOFT;
		svm_inject_soft(vcpu, event);
		break;
	case HOLM_EVENT_SOFT_EXCEPTION:
	case HOLM_EVENT_PRIV_SOFT_EXCEPTION:
		inj |= SVM_EVENT_TYPE_EXCEPTION;
		svm_inject_soft(vcpu, event);
		break;
	default:
		inj |= SVM_EVENT_TYPE_EXCEPTION;
		break;
	}
	if (event->flags & HOLM_EVENT_HAS_ERROR_CODE)
		inj |= SVM_EVENT_HAS_ERROR;
	svm->injected = *event;
	svm->event_inj = inj;
	v->event_inj = inj;
	v->event_inj_error = event->error_code;
}

/**
 * svm_open_window() - backend->open_window
 * @vcpu: the vCPU, loaded
 * @windows: HOLM_WINDOW_*
 *
 * For an interrupt a virtual one is made pending that exits instead of being
 * delivered (APM 15.21.4). The core has compared priorities: V_TPR does not
 * count.
 */
void svm_open_window(struct holm_vcpu *vcpu, u32 windows)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct svm_vmcb *v = svm->vmcb;
	bool irq = windows & HOLM_WINDOW_IRQ;

	svm->nmi_window = windows & HOLM_WINDOW_NMI;
	v->int_ctl &= ~(SVM_INT_IRQ | SVM_INT_PRIO_MASK | SVM_INT_IGN_TPR);
	if (irq)
		v->int_ctl |= SVM_INT_IRQ | SVM_INT_PRIO_MASK | SVM_INT_IGN_TPR;
	svm_unclean(svm, SVM_CLEAN_INT);
	svm_intercept(svm, 0, SVM_INTERCEPT_VINTR, irq);
}
