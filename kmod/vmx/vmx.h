/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the VMX backend share.
 *
 *	vmx.c	CPU enable, VMs, vCPU create/destroy, load/put, the ops
 *	caps.c	capability: what the CPU must and can do
 *	host.c	host state: saved, restored
 *	l1d.c	what of the host is in the L1 data cache (L1TF)
 *	apicv.c	TPR shadow, interrupts that the CPU delivers
 *	intr.c	interrupts of the host that an exit took
 *	run.c	entering and leaving the guest
 *	exits.c	exits
 *	state.c	guest state and MSRs
 */
#ifndef HOLM_VMX_VMX_H
#define HOLM_VMX_VMX_H

/* struct vmx_frame as entry.S sees it; run.c asserts the offsets. */
#define VMX_FRAME_HOST_RSP		0
#define VMX_FRAME_GUEST_SPEC_CTRL	8
#define VMX_FRAME_HOST_SPEC_CTRL	16
#define VMX_FRAME_FLAGS			24

/* struct vmx_frame.flags; LAUNCHED is a bit number for BT. */
#define VMX_ENTER_LAUNCHED_BIT		0
#define VMX_ENTER_LAUNCHED		(1 << VMX_ENTER_LAUNCHED_BIT)
#define VMX_ENTER_SPEC_CTRL		(1 << 1)
#define VMX_ENTER_VERW			(1 << 2)

/* Results of holm_vmx_enter(). */
#define VMX_ENTER_EXITED		0
#define VMX_ENTER_FAIL_VALID		1	/* VM-instruction error says why */
#define VMX_ENTER_FAIL_INVALID		2	/* no current VMCS */
#define VMX_ENTER_FAULTED		3	/* not in VMX operation any more */

#ifndef __ASSEMBLER__

#include <asm/processor-flags.h>

#include <linux/list.h>
#include <linux/percpu.h>
#include <linux/types.h>
#include <asm/desc_defs.h>
#include <asm/msr-index.h>
#include <asm/segment.h>

#include "../backend.h"
#include "../holm.h"
#include "vmcs.h"

/* ---- registers that the kernel's helpers are not used for ---------------- */

static __always_inline u64 vmx_rdmsr(u32 index)
{
	u32 lo, hi;

	asm volatile("rdmsr" : "=a" (lo), "=d" (hi) : "c" (index));
	return lo | (u64)hi << 32;
}

static __always_inline void vmx_wrmsr(u32 index, u64 value)
{
	asm volatile("wrmsr" : : "c" (index), "a" ((u32)value), "d" ((u32)(value >> 32))
		     : "memory");
}

/* For values of the guest's: one that the CPU refuses is not loaded. */
static __always_inline void vmx_wrmsr_guest(u32 index, u64 value)
{
	asm volatile("1: wrmsr\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : : "c" (index), "a" ((u32)value), "d" ((u32)(value >> 32))
		     : "memory");
}

static __always_inline unsigned long vmx_read_cr0(void)
{
	unsigned long v;

	asm volatile("mov %%cr0, %0" : "=r" (v));
	return v;
}

static __always_inline unsigned long vmx_read_cr3(void)
{
	unsigned long v;

	asm volatile("mov %%cr3, %0" : "=r" (v) : : "memory");
	return v;
}

static __always_inline unsigned long vmx_read_cr4(void)
{
	unsigned long v;

	asm volatile("mov %%cr4, %0" : "=r" (v) : : "memory");
	return v;
}

static __always_inline unsigned long vmx_read_cr2(void)
{
	unsigned long v;

	asm volatile("mov %%cr2, %0" : "=r" (v) : : "memory");
	return v;
}

static __always_inline void vmx_write_cr2(unsigned long v)
{
	asm volatile("mov %0, %%cr2" : : "r" (v) : "memory");
}

#define VMX_DR_ACCESSORS(n)							\
static __always_inline unsigned long vmx_read_dr##n(void)			\
{										\
	unsigned long v;							\
										\
	asm volatile("mov %%db" #n ", %0" : "=r" (v));				\
	return v;								\
}										\
static __always_inline void vmx_write_dr##n(unsigned long v)			\
{										\
	asm volatile("mov %0, %%db" #n : : "r" (v) : "memory");			\
}

VMX_DR_ACCESSORS(0)
VMX_DR_ACCESSORS(1)
VMX_DR_ACCESSORS(2)
VMX_DR_ACCESSORS(3)
VMX_DR_ACCESSORS(7)

/* ---- capability ---------------------------------------------------------- */

/**
 * struct vmx_caps - what vmx_caps_setup() found; constant afterwards
 * @basic: IA32_VMX_BASIC
 * @revision: VMCS revision identifier
 * @pin, @primary, @secondary, @exit, @entry: control words with all that is
 *	required, and what is optional and there
 * @ept_ad: EPT accessed and dirty flags
 * @invept_type: INVEPT_SINGLE where the CPU has it, else INVEPT_ALL
 * @invvpid_type: the same; 0 without VPID
 * @cr0_fixed1, @cr4_fixed0, @cr4_fixed1: IA32_VMX_CR*_FIXED*: bits that must
 *	be one (FIXED0) and may be one (FIXED1)
 * @cr0_fixed0: without PE and PG, which unrestricted guest frees
 * @switched_tsc_aux: IA32_TSC_AUX exists
 * @spec_ctrl: IA32_SPEC_CTRL exists
 * @kernel_ibrs: the host sets IBRS on each entry to the kernel
 * @verw: clear CPU buffers before entry
 * @l1d_flush: call vmx_l1d_flush() before each entry
 * @ibpb: barrier between different guests on a CPU
 * @pebs: IA32_PEBS_ENABLE exists
 * @perf: IA32_PERF_GLOBAL_CTRL exists
 * @perf_vmcs: entry and exit load it
 * @apicv: SEC_APICV is used for guests in x2APIC mode; not in @secondary
 * @posted: with it, PIN_POSTED_INTR; not in @pin. Exits acknowledge interrupts
 */
struct vmx_caps {
	u64 basic;
	u32 revision;
	u32 pin;
	u32 primary;
	u32 secondary;
	u32 exit;
	u32 entry;
	bool ept_ad;
	u8 invept_type;
	u8 invvpid_type;
	u64 cr0_fixed0;
	u64 cr0_fixed1;
	u64 cr4_fixed0;
	u64 cr4_fixed1;
	bool switched_tsc_aux;
	bool spec_ctrl;
	bool kernel_ibrs;
	bool verw;
	bool l1d_flush;
	bool ibpb;
	bool pebs;
	bool perf;
	bool perf_vmcs;
	bool apicv;
	bool posted;
};

extern struct vmx_caps vmx_caps;

/* PAUSE-loop exiting: the module's parameters; no gap switches it off. */
extern unsigned int vmx_ple_gap, vmx_ple_window;

int vmx_caps_setup(void);

/* HOLM_MITIGATION_*: what is done on this CPU; after vmx_l1d_setup(). */
u64 vmx_caps_mitigations(void);

/* IA32_FEATURE_CONTROL of this CPU lets VMXON outside SMX work. 0 or -errno. */
int vmx_caps_cpu_check(void);

/* ---- per CPU ------------------------------------------------------------- */

/* MSRs that SYSCALL and RDTSCP use: guest's while loaded, and no VMCS field. */
enum vmx_switched {
	VMX_SW_STAR,
	VMX_SW_LSTAR,
	VMX_SW_CSTAR,
	VMX_SW_FMASK,
	VMX_SW_TSC_AUX,
	VMX_SW_COUNT,
};

extern const u32 vmx_switched_msr[VMX_SW_COUNT];

/* Of IA32_TSC_AUX and what else the vendor's CPU may lack. */
static inline unsigned int vmx_switched_count(void)
{
	return vmx_caps.switched_tsc_aux ? VMX_SW_COUNT : VMX_SW_TSC_AUX;
}

/**
 * struct vmx_cpu - a host CPU; used on that CPU, with preemption or IRQs off
 * @vmxon: the VMXON region
 * @enabled: VMXON was executed by us
 * @loaded: struct vmx_vcpu.link of VMCSs that this CPU may hold cached;
 *	changed with IRQs off
 * @current_vcpu: whose VMCS is current
 * @last_id: struct vmx_vcpu.id of the guest that was here last, for IBPB
 * @gdt .. @switched: host values that do not change while @enabled
 * @tr_gdt: copy of the GDT, to reload TR from
 */
struct vmx_cpu {
	struct page *vmxon;
	bool enabled;
	struct list_head loaded;
	struct vmx_vcpu *current_vcpu;
	u64 last_id;
	struct desc_ptr gdt;
	struct desc_ptr idt;
	u16 tr;
	u64 tr_base;
	u64 gs_base;
	u64 sysenter_cs;
	u64 sysenter_esp;
	u64 sysenter_eip;
	u64 efer;
	u64 pat;
	u64 switched[VMX_SW_COUNT];
	u64 tr_gdt[GDT_ENTRIES];
};

DECLARE_PER_CPU(struct vmx_cpu, vmx_cpu);

/* ---- vCPUs --------------------------------------------------------------- */

/**
 * struct vmx_posted - "Posted-Interrupt Descriptor": 64 bytes, aligned
 * @requests: what lapic->irr points to
 * @control: HOLM_LAPIC_POST_*; SN, NV and NDST are for interrupt remapping, which
 *	posts by itself: they stay 0
 */
struct vmx_posted {
	unsigned long requests[4];
	unsigned long control;
	unsigned long reserved[3];
};

struct vmx_frame {
	u64 host_rsp;		/* as VMCS_HOST_RSP has it */
	u64 guest_spec_ctrl;
	u64 host_spec_ctrl;
	u64 flags;		/* VMX_ENTER_* */
};

/**
 * struct vmx_vm - a VM's part
 * @msr_bitmap: shared by its vCPUs, constant
 */
struct vmx_vm {
	unsigned long *msr_bitmap;
};

/**
 * struct vmx_vcpu - a vCPU's part; all of it belongs to the thread that has
 *	vcpu->lock, but @link and @cpu to the CPU it is loaded on
 * @vcpu: the vCPU
 * @vmcs: the VMCS region
 * @pml: PML_ENTRIES addresses of pages written, filled from the end; or NULL
 * @link: in struct vmx_cpu.loaded
 * @cpu: where the VMCS may be cached, or -1
 * @id: unique for ever
 * @vpid: or 0
 * @frame: for entry.S
 * @exit_reason: of the last exit; EXIT_REASON_ENTRY_FAILED is set with @fail
 * @fail: VMX_ENTER_* of the last entry
 * @insn_error: VM-instruction error with VMX_ENTER_FAIL_VALID
 * @answered: vmx_run() answered the exit ...
 * @answer: ... with this
 * @host_cr0, @host_cr3, @host_cr4, @host_perf: as the VMCS has them
 * @host_pebs, @host_dr: saved around an entry where they have to be
 * @flush_ept, @flush_vpid: before the next entry
 * @controls_dirty: @secondary, @cr4_mask, ... are to be written
 * @primary, @secondary, @entry: as the VMCS has them (or will)
 * @cr0_mask, @cr4_mask: bits that the host owns
 * @eptp: as the VMCS has it
 * @apic_page: virtual-APIC page; NULL without the TPR shadow
 * @posted: posted-interrupt descriptor, or NULL
 * @apic_base: IA32_APIC_BASE at the last vmx_apic_enter()
 * @virt_apic: the VMCS has SEC_APICV
 * @tpr_threshold, @eoi_exit: as the VMCS has them
 * @cr0, @cr4: as last given to the VMCS, the guest's view
 * @rflags, @rsp: as the VMCS has them while @rip_known
 * @tf: RFLAGS.TF was set when last looked at
 * @split_lock: the guest does split locks: detection is off while it is loaded
 * @prepared: host user state is saved, guest MSRs are in the CPU
 * @flush_l1d: host data came into the L1 data cache (other than by interrupts
 *	between exit and entry)
 * @switched: by enum vmx_switched: the CPU does not have the host's value
 * @syscall: EFER.SCE is set
 * @guest_switched, @kernel_gs_base, @spec_ctrl: guest MSRs
 * @host_*: saved at prepare
 */
struct vmx_vcpu {
	struct holm_vcpu *vcpu;
	struct page *vmcs;
	u64 vmcs_pa;
	u64 *pml;
	struct list_head link;
	int cpu;
	u64 id;
	u16 vpid;

	struct vmx_frame frame;
	u32 exit_reason;
	u32 fail;
	u32 insn_error;
	bool answered;
	enum holm_next answer;

	unsigned long host_cr0;
	unsigned long host_cr3;
	unsigned long host_cr4;
	u64 host_perf;		/* IA32_PERF_GLOBAL_CTRL */
	u64 host_pebs;		/* IA32_PEBS_ENABLE */
	unsigned long host_dr[4];
	bool inject_nmi;	/* the event given to the VMCS is an NMI */
	bool flush_ept;
	bool flush_vpid;
	bool controls_dirty;
	u32 primary;
	u32 secondary;
	u32 entry;
	u64 eptp;
	u32 *apic_page;
	struct vmx_posted *posted;
	u64 apic_base;
	bool virt_apic;
	u32 tpr_threshold;
	u64 eoi_exit[4];
	u64 cr0_mask;
	u64 cr4_mask;
	u64 cr0;
	u64 cr4;
	u64 rflags;
	u64 rsp;
	bool rip_known;
	bool tf;
	bool split_lock;

	bool prepared;
	bool flush_l1d;
	u64 guest_switched[VMX_SW_COUNT];
	u32 switched;
	bool syscall;
	u64 kernel_gs_base;

	u64 host_kernel_gs_base;
	u64 host_fs_base;
	u64 host_test_ctrl;	/* 0: not changed */
	u16 host_fs;
	u16 host_gs;
	u16 host_ds;
	u16 host_es;
	u16 host_ldt;
};

static inline struct vmx_vcpu *to_vmx(struct holm_vcpu *vcpu)
{
	return vcpu->backend_data;
}

static inline struct vmx_vm *to_vmx_vm(struct holm_vm *vm)
{
	return vm->backend_data;
}

/* ---- vmx.c --------------------------------------------------------------- */

/* Control fields that follow the vCPU model: recomputed, written at entry. */
void vmx_controls_update(struct vmx_vcpu *vmx);
void vmx_controls_write(struct vmx_vcpu *vmx);

/* A primary control bit that comes and goes. Loaded. */
static inline void vmx_primary_set(struct vmx_vcpu *vmx, u32 bits)
{
	if ((vmx->primary & bits) == bits)
		return;
	vmx->primary |= bits;
	vmcs_write32(VMCS_PRIMARY_CONTROLS, vmx->primary);
}

static inline void vmx_primary_clear(struct vmx_vcpu *vmx, u32 bits)
{
	if (!(vmx->primary & bits))
		return;
	vmx->primary &= ~bits;
	vmcs_write32(VMCS_PRIMARY_CONTROLS, vmx->primary);
}

/* An MSR bitmaps page with the policy of holm_msr_passthrough; more MSRs. */
void vmx_msr_bitmap_init(unsigned long *bitmap);
void vmx_msr_bitmap_pass(unsigned long *bitmap, u32 index, bool read, bool write);

/* ---- apicv.c -------------------------------------------------------------- */

/* vmx_caps.primary and .secondary are complete but for this. */
void vmx_apic_caps_setup(void);
int vmx_apic_setup(void);
void vmx_apic_teardown(void);
int vmx_apic_create(struct vmx_vcpu *vmx);
void vmx_apic_destroy(struct vmx_vcpu *vmx);
void vmx_apic_reset(struct vmx_vcpu *vmx);
void vmx_apic_enter(struct vmx_vcpu *vmx);
void vmx_apic_exit(struct vmx_vcpu *vmx);
enum holm_next vmx_exit_eoi(struct holm_vcpu *vcpu);
enum holm_next vmx_exit_apic_write(struct holm_vcpu *vcpu);

/* ---- host.c -------------------------------------------------------------- */

void vmx_host_read(struct vmx_cpu *c);
void vmx_host_write_cpu(struct vmx_cpu *c);
void vmx_host_write(struct vmx_vcpu *vmx);

/* Host user state out, guest MSRs in: at the first entry after a load. */
void vmx_prepare(struct vmx_vcpu *vmx);
void vmx_unprepare(struct vmx_vcpu *vmx);
void vmx_load_switched(struct vmx_vcpu *vmx);

/* Let the guest do split locks without an #AC. Prepared. */
void vmx_allow_split_lock(struct vmx_vcpu *vmx);

/* Page-modification log: SDM Vol. 3, "Page-Modification Logging". */
#define PML_ENTRIES	512

/* ---- l1d.c --------------------------------------------------------------- */

int vmx_l1d_setup(void);
void vmx_l1d_teardown(void);
void vmx_l1d_flush(struct vmx_vcpu *vmx);

/* ---- intr.c -------------------------------------------------------------- */

void vmx_host_intr(u8 vector);

/* ---- run.c --------------------------------------------------------------- */

void vmx_run(struct holm_vcpu *vcpu);
void vmx_flush_tlb(struct holm_vcpu *vcpu);
/* All fields through the holm_dump tracepoint: after a failed entry. Loaded. */
void vmx_dump(struct holm_vcpu *vcpu);

/* entry.S; @gpr is struct holm_regs.gpr. Return: VMX_ENTER_*. */
u32 holm_vmx_enter(struct vmx_frame *frame, __u64 *gpr);
extern const char holm_vmx_exit[];	/* HOST_RIP */

/* ---- exits.c ------------------------------------------------------------- */

bool vmx_answer_short(struct vmx_vcpu *vmx);
enum holm_next vmx_handle_exit(struct holm_vcpu *vcpu);
enum holm_exit_reason vmx_exit_reason(struct holm_vcpu *vcpu);

/* ---- state.c ------------------------------------------------------------- */

/* HOLM_ST_RIP */
static __always_inline void vmx_get_rip(struct vmx_vcpu *vmx)
{
	struct holm_vcpu *vcpu = vmx->vcpu;
	u64 rflags = vmcs_read_natural(VMCS_GUEST_RFLAGS);
	u64 rsp = vmcs_read_natural(VMCS_GUEST_RSP);

	vcpu->regs.rip = vmcs_read_natural(VMCS_GUEST_RIP);
	vcpu->regs.rflags = rflags;
	vcpu->regs.gpr[HOLM_RSP] = rsp;
	vmx->rflags = rflags;
	vmx->rsp = rsp;
	vmx->rip_known = true;
	vmx->tf = rflags & X86_EFLAGS_TF;
}

/* Of what HOLM_ST_RIP gives to the VMCS, only RIP has changed. */
static __always_inline bool vmx_rip_only(const struct vmx_vcpu *vmx)
{
	const struct holm_vcpu *vcpu = vmx->vcpu;

	return vmx->rip_known && !vmx->tf && vcpu->regs.rflags == vmx->rflags &&
	       vcpu->regs.gpr[HOLM_RSP] == vmx->rsp;
}

/* HOLM_ST_SHADOW */
static __always_inline void vmx_get_shadow(struct holm_vcpu *vcpu)
{
	u32 state = vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY);

	vcpu->intr_shadow = (state & (GUEST_BLOCKED_STI | GUEST_BLOCKED_MOVSS)) << 2;
	vcpu->nmi_masked = state & GUEST_BLOCKED_NMI;
}

/*
 * HOLM_ST_MODE. EFER.LMA is bit "IA-32e mode guest" of the entry controls: what
 * changes it exits, and who sets it writes both.
 */
static __always_inline void vmx_get_mode(struct holm_vcpu *vcpu)
{
	u32 ss = vmcs_read32(VMCS_GUEST_AR(HOLM_SEG_SS));

	vcpu->cpl = (ss & HOLM_SEG_DPL) >> HOLM_SEG_DPL_SHIFT;
	vcpu->code64 = to_vmx(vcpu)->entry & ENTRY_IA32E &&
		       vmcs_read32(VMCS_GUEST_AR(HOLM_SEG_CS)) & HOLM_SEG_L;
}

void vmx_state_get(struct holm_vcpu *vcpu, u32 parts);
void vmx_state_set(struct holm_vcpu *vcpu, u32 parts);
int vmx_msr_get(struct holm_vcpu *vcpu, u32 index, u64 *value);
int vmx_msr_set(struct holm_vcpu *vcpu, u32 index, u64 value);
void vmx_inject(struct holm_vcpu *vcpu, const struct holm_event *event);
void vmx_open_window(struct holm_vcpu *vcpu, u32 windows);
void vmx_tsc_changed(struct holm_vcpu *vcpu);

#endif /* __ASSEMBLER__ */
#endif /* HOLM_VMX_VMX_H */
