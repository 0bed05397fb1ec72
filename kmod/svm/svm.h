/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The SVM backend's own objects.
 *
 *	svm.c	capability, CPUs on and off, vCPU create, load, put
 *	run.c	entering the guest and what is done right after an exit
 *	exits.c	exit codes -> kmod/exits.h
 *	insn.c	where the instruction that exited ends
 *	state.c	register state, MSRs and events in the VMCB
 *	avic.c	interrupts that the CPU delivers itself
 *	avic_tables.c	what it reads for that, and tells: see avic.h
 */
#ifndef HOLM_SVM_SVM_H
#define HOLM_SVM_SVM_H

#include <linux/irq_work.h>
#include <linux/jump_label.h>
#include <linux/percpu.h>
#include <linux/types.h>

#include "../backend.h"
#include "../holm.h"
#include "vmcb.h"

#define SVM_SEG_L	BIT(9)		/* where the VMCB has descriptor bit 53 */

#define VEC_DB	1
#define VEC_NMI	2
#define VEC_BP	3
#define VEC_OF	4
#define VEC_GP	13
#define VEC_PF	14
#define VEC_AC	17
#define VEC_MC	18

/**
 * struct svm_caps - what the CPUs can do, constant after setup
 * @nr_asids: ASIDs are 1..nr_asids - 1
 * @nested_l5: the host uses 5-level paging, and so do nested page tables
 * @enter_flags: ENTER_*
 */
struct svm_caps {
	bool nrips;
	bool decode_assists;
	bool flush_asid;
	bool clean_bits;
	bool lbr_virt;
	bool v_spec_ctrl;
	bool tsc_ratio;
	bool pause_filter;
	bool pause_threshold;
	bool page_1g;
	bool nested_l5;
	u8 phys_bits;
	u32 nr_asids;
	u32 enter_flags;
};

extern struct svm_caps svm_caps;

/**
 * struct svm_cpu - one CPU; changed only on it with preemption off
 * @hsave: VM_HSAVE_PA: where VMRUN saves host state
 * @host: a VMCB page for VMSAVE and VMLOAD of the rest of it
 * @asid_generation: counts the times that all ASIDs were flushed; never 0
 * @next_asid: not yet used in this generation
 * @tsc_ratio: what the MSR has
 * @last: the vCPU that ran last, to tell when to isolate branch predictions
 */
struct svm_cpu {
	void *hsave;
	struct svm_vmcb *host;
	u64 host_pa;
	bool enabled;
	u64 asid_generation;
	u32 next_asid;
	u64 tsc_aux;
	u64 tsc_ratio;
	struct svm_vcpu *last;
};

DECLARE_PER_CPU(struct svm_cpu, svm_cpus);

struct svm_avic;

/**
 * struct svm_vm - vm->backend_data
 * @level5: the top-level page where nested page tables have five levels, or NULL
 * @avic: see avic.c; NULL where AVIC is not used
 */
struct svm_vm {
	u64 *level5;
	struct svm_avic *avic;
};

static inline struct svm_vm *to_svm_vm(const struct holm_vm *vm)
{
	return vm->backend_data;
}

/**
 * struct svm_vcpu - vcpu->backend_data; all of it is [r] of holm.h
 * @cpu: where asid and the CPU's cache of the VMCB are from; -1: nowhere
 * @asid_generation: svm_cpu's when the ASID was taken; 0: take a new one
 * @flush: flush the guest's translations at the next entry
 * @cr0, @cr4: as the guest sees them: CD, NW and MCE differ in the VMCB
 * @dr: DR0..DR3, where @dr_live is false
 * @dr_live: the guest has its debug registers: no DR intercepts
 * @nmi_masked: an NMI was delivered and its IRET has not retired
 * @iret_pending: the guest is before the IRET at @iret_rip
 * @nmi_window: exit as soon as an NMI can be delivered
 * @step: the guest steps over one instruction from @step_rip for the window
 * @step_db: the last exit is the #DB of that step
 * @injected, @event_inj: what event_inj was given, or HOLM_EVENT_NONE
 * @soft_rip, @soft_next: where RIP was before a software event was injected,
 *	and is now
 * @kick: interrupts the guest right after entry
 * @avic_page: backing page
 * @avic_on: the VMCB says so
 * @avic_running: so does the physical APIC ID table
 */
struct svm_vcpu {
	struct svm_vmcb *vmcb;
	u64 vmcb_pa;
	int cpu;
	u64 asid_generation;
	bool flush;
	u32 clean;

	u64 cr0;
	u64 cr4;
	u64 dr[4];
	bool dr_live;

	bool nmi_masked;
	bool iret_pending;
	u64 iret_rip;
	bool nmi_window;

	bool step;
	bool step_db;
	u64 step_rip;
	u64 step_rflags;
	u64 step_dr6;

	struct holm_event injected;
	u32 event_inj;
	u64 soft_rip;
	u64 soft_next;

	u64 spec_ctrl;
	u64 host_spec_ctrl;
	bool swap_tsc_aux;
	struct irq_work kick;

	void *avic_page;
	bool avic_on;
	bool avic_running;
};

static inline struct svm_vcpu *to_svm(struct holm_vcpu *vcpu)
{
	return vcpu->backend_data;
}

/* A field covered by SVM_CLEAN_* @bits was written. */
static inline void svm_unclean(struct svm_vcpu *svm, u32 bits)
{
	svm->clean &= ~bits;
}

static inline void svm_intercept(struct svm_vcpu *svm, int word, u32 bits, bool on)
{
	u32 old = svm->vmcb->intercept[word];
	u32 new = on ? old | bits : old & ~bits;

	if (new != old) {
		svm->vmcb->intercept[word] = new;
		svm_unclean(svm, SVM_CLEAN_INTERCEPTS);
	}
}

/* MSRs by the instructions: the kernel's helpers change their names. */
static inline u64 svm_rdmsr(u32 msr)
{
	u32 lo, hi;

	asm volatile("rdmsr" : "=a" (lo), "=d" (hi) : "c" (msr));
	return lo | (u64)hi << 32;
}

static inline void svm_wrmsr(u32 msr, u64 value)
{
	asm volatile("wrmsr" : : "c" (msr), "a" ((u32)value), "d" ((u32)(value >> 32)) : "memory");
}

/* ---- run.c -------------------------------------------------------------- */

void svm_run(struct holm_vcpu *vcpu);
void svm_flush_tlb(struct holm_vcpu *vcpu);

/* ---- avic.c ------------------------------------------------------------- */

/* AVIC was asked for and is there: what follows is called for each VM. */
DECLARE_STATIC_KEY_FALSE(svm_avic_key);

static inline bool svm_avic_enabled(void)
{
	return static_branch_unlikely(&svm_avic_key);
}

void svm_avic_setup(u32 features);
void svm_avic_teardown(void);
struct svm_avic *svm_avic_vm_create(void);
void svm_avic_vm_destroy(struct svm_avic *avic);
int svm_avic_vcpu_create(struct holm_vcpu *vcpu);
void svm_avic_vcpu_destroy(struct holm_vcpu *vcpu);
void svm_avic_vcpu_reset(struct holm_vcpu *vcpu);
void svm_avic_put(struct holm_vcpu *vcpu);
void svm_avic_flush(struct holm_vcpu *vcpu);
void svm_avic_enter(struct holm_vcpu *vcpu);
void svm_avic_exit(struct holm_vcpu *vcpu);
bool svm_avic_exit_npf(struct holm_vcpu *vcpu, u64 gpa);
enum holm_next svm_avic_exit_ipi(struct holm_vcpu *vcpu);
enum holm_next svm_avic_exit_access(struct holm_vcpu *vcpu);

/* ---- exits.c ------------------------------------------------------------ */

enum holm_next svm_handle_exit(struct holm_vcpu *vcpu);
enum holm_exit_reason svm_exit_reason(struct holm_vcpu *vcpu);

/* ---- insn.c ------------------------------------------------------------- */

/**
 * struct svm_insn - the instruction at RIP
 * @bytes, @len: as fetched
 * @op: index of the first opcode byte: beyond prefixes
 * @rex: the REX prefix, or 0
 */
struct svm_insn {
	u8 bytes[15];
	u8 len;
	u8 op;
	u8 rex;
};

/**
 * svm_insn_fetch() - fetch the instruction at RIP and skip its prefixes
 * @vcpu: the vCPU, loaded
 * @insn: result
 *
 * Return: 0, or -EAGAIN when the bytes are not in memory: svm_insn_wait().
 */
int svm_insn_fetch(struct holm_vcpu *vcpu, struct svm_insn *insn);

/**
 * svm_next_rip() - set vcpu->next_rip behind the instruction that exited
 * @vcpu: the vCPU, loaded
 * @opcode: its opcode, without prefixes, the first byte lowest
 * @len: bytes of @opcode, at most 3
 *
 * Return: 0; -EAGAIN: svm_insn_wait(); -EILSEQ: something else is at RIP,
 * leave it to the launcher's decoder.
 */
int svm_next_rip(struct holm_vcpu *vcpu, u32 opcode, int len);

/* -EAGAIN of the above: bring the bytes in where it may sleep; the guest then
 * executes the instruction and exits again.
 */
enum holm_next svm_insn_wait(struct holm_vcpu *vcpu);

/* ---- state.c ------------------------------------------------------------ */

/* HOLM_ST_RIP */
static inline void svm_get_rip(struct holm_vcpu *vcpu, const struct svm_vmcb *v)
{
	vcpu->regs.rip = v->rip;
	vcpu->regs.rflags = v->rflags;
	vcpu->regs.gpr[HOLM_RSP] = v->rsp;
}

static inline void svm_set_rip(const struct holm_vcpu *vcpu, struct svm_vmcb *v)
{
	v->rip = vcpu->regs.rip;
	v->rflags = vcpu->regs.rflags;
	v->rsp = vcpu->regs.gpr[HOLM_RSP];
}

/* HOLM_ST_SHADOW; the VMCB does not tell STI from MOV SS. */
static inline void svm_get_shadow(struct holm_vcpu *vcpu, const struct svm_vcpu *svm)
{
	vcpu->intr_shadow = svm->vmcb->int_state & SVM_INT_SHADOW ? HOLM_EVENTS_SHADOW_STI : 0;
	vcpu->nmi_masked = svm->nmi_masked;
}

void svm_state_get(struct holm_vcpu *vcpu, u32 parts);
void svm_state_set(struct holm_vcpu *vcpu, u32 parts);
int svm_msr_get(struct holm_vcpu *vcpu, u32 index, u64 *value);
int svm_msr_set(struct holm_vcpu *vcpu, u32 index, u64 value);
void svm_inject(struct holm_vcpu *vcpu, const struct holm_event *event);
void svm_open_window(struct holm_vcpu *vcpu, u32 windows);

/* MSRs that the VMCB holds, so that the guest may have them itself. */
bool svm_msr_switched(u32 index);

/* Debug registers: give them to the guest, or intercept their first use. */
void svm_dr_live(struct svm_vcpu *svm, bool live);

#endif /* HOLM_SVM_SVM_H */
