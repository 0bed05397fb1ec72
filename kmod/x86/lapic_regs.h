/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside of the local APIC: its state, the register bits that
 * <asm/apicdef.h> lacks, and what lapic.c, lapic_io.c, lapic_state.c,
 * lapic_virt.c, timer.c, smp.c, msi.c, events.c and the backends share.
 * Everybody else uses lapic.h.
 *
 * Who may change what:
 *	[a] any CPU, with atomic bit operations
 *	[r] the vCPU's thread (vcpu->lock); others read it with READ_ONCE()
 *	[t] the timer's callback and, with the hrtimer cancelled, [r]
 */
#ifndef HOLM_X86_LAPIC_REGS_H
#define HOLM_X86_LAPIC_REGS_H

#include <linux/bitmap.h>
#include <linux/hrtimer.h>
#include <linux/types.h>
#include <asm/apicdef.h>
#include <asm/msr-index.h>

#include "lapic.h"

#define HOLM_LAPIC_VECTORS	256

/* Vectors 0..15 are reserved (SDM Vol. 3, "Valid Interrupt Vectors"). */
#define HOLM_LAPIC_FIRST_VECTOR	16

/*
 * Version 0x14, LVT entries 0..5. Bit 24 (EOI-broadcast suppression) is clear:
 * the launcher's IOAPIC has no EOI register, so that every EOI of a level
 * interrupt must be broadcast. LVT CMCI is not there.
 */
#define HOLM_LAPIC_VERSION	0x00050014U

/* IA32_APIC_BASE (SDM Vol. 3, "IA32_APIC_BASE MSR"). */
#define HOLM_APIC_BASE_BSP	BIT_ULL(8)
#define HOLM_APIC_BASE_EXTD	BIT_ULL(10)
#define HOLM_APIC_BASE_EN	BIT_ULL(11)
#define HOLM_APIC_BASE_MODE	(HOLM_APIC_BASE_EN | HOLM_APIC_BASE_EXTD)
/* Bits 0..7 and 9, and what no CPU decodes as an address. */
#define HOLM_APIC_BASE_RESERVED	0xfff00000000002ffULL

#define HOLM_LAPIC_DM_FIXED	0
#define HOLM_LAPIC_DM_LOWEST	1
#define HOLM_LAPIC_DM_SMI	2
#define HOLM_LAPIC_DM_NMI	4
#define HOLM_LAPIC_DM_INIT	5
#define HOLM_LAPIC_DM_SIPI	6
#define HOLM_LAPIC_DM_EXTINT	7

/* LVT entries in the order of their registers, 0x320..0x370. */
enum holm_lvt {
	HOLM_LVT_TIMER,
	HOLM_LVT_THERMAL,
	HOLM_LVT_PERF,
	HOLM_LVT_LINT0,
	HOLM_LVT_LINT1,
	HOLM_LVT_ERROR,
	HOLM_LVT_COUNT
};

#define HOLM_LVT_TIMER_MODE	(APIC_LVT_TIMER_PERIODIC | APIC_LVT_TIMER_TSCDEADLINE)

/* Bits of struct holm_lapic_state.messages: as HOLM_LAPIC_PENDING_*. */
#define HOLM_LAPIC_MSG_INIT	0
#define HOLM_LAPIC_MSG_SIPI	1
#define HOLM_LAPIC_MSG_EXTINT	2
#define HOLM_LAPIC_MSG_ALL	GENMASK(2, 0)

/**
 * struct holm_lapic_timer - the timer, see timer.c
 * @hr: hrtimer, queued while the timer may fire
 * @running: [t] a one-shot or periodic count is under way
 * @target: [t] when it ends next, CLOCK_MONOTONIC in ns
 * @period: [r] ns from one end to the next
 * @deadline: [t] IA32_TSC_DEADLINE, 0 when not armed
 * @due: [r] the same, but not too far away
 * @tsc_offset, @tsc_ratio, @tsc_khz: [r] of the vCPU's TSC when it was armed
 * @cpu: [r] the CPU whose TSC it was armed by
 */
struct holm_lapic_timer {
	struct hrtimer hr;
	bool running;
	u64 target;
	u64 period;
	u64 deadline;
	u64 due;
	u64 tsc_offset;
	u64 tsc_ratio;
	u32 tsc_khz;
	int cpu;
};

/**
 * struct holm_lapic_state - a local APIC
 * @irr_hint: [a] an IRR bit may be set; false means that none is. A sender
 *	sets it after the bit, the vCPU clears it before it scans.
 * @irr: [a] interrupt request register; with @page the requests that are not
 *	in the page yet. [I] pointer, after creation: @own_irr or the backend's
 * @level_irr: [a] level requests when @irr is the backend's: only the vCPU's
 *	thread moves them to @irr
 * @level_waits: [a] there may be a bit in @level_irr; written after it
 * @posting: [a] the control word beside @irr while the CPU itself takes requests
 *	from @irr into the page, otherwise NULL: holm_lapic_post()
 * @shared: [I] after creation: a page in whose IRR others set bits, in use or
 *	not: CPUs that run the guest do, and senders while @ring is there. Or NULL
 * @ring: has a CPU that is in the guest look at the IRR of @shared; false when it
 *	cannot. NULL while @page is not in use: holm_lapic_ring()
 * @tmr: [a] trigger mode register, written before the bit in @irr
 * @isr: [r] in-service register; with @page it is in the page, and empty here
 * @isr_top: [r] highest bit in @isr, or -1
 * @ppr: [r] processor priority, kept up to date; with @page of the last exit
 * @base: [r] IA32_APIC_BASE
 * @virt_mode: [I] HOLM_APIC_BASE_MODE bits of the mode in which the backend starts
 *	to use a virtual-APIC page at an entry; 0: in none
 * @page: [r] virtual-APIC page while the CPU delivers interrupts (lapic_virt.c),
 *	otherwise NULL
 * @tpr, @svr, @ldr, @dfr, @esr, @lvt, @tmict, @tdcr: [r] registers
 * @icr: [r] both halves: in xAPIC mode the destination is in bits 56..63
 * @esr_pending: [a] errors since the last write of ESR
 * @messages: [a] HOLM_LAPIC_MSG_* that the vCPU has not acted on
 * @sipi_vector: start-up vector, written before its bit in @messages
 * @vcpu: [I] whose LAPIC this is
 * @timer: the timer
 */
struct holm_lapic_state {
	/* What each entry looks at is in the first cache line. */
	bool irr_hint;
	u8 ppr;
	s16 isr_top;
	u32 tpr;
	u64 base;
	void *page;
	unsigned long messages;
	unsigned long *irr;
	unsigned long *posting;
	bool level_waits;
	u64 virt_mode;
	void *shared;
	bool (*ring)(int cpu);
	DECLARE_BITMAP(own_irr, HOLM_LAPIC_VECTORS);
	DECLARE_BITMAP(level_irr, HOLM_LAPIC_VECTORS);
	DECLARE_BITMAP(tmr, HOLM_LAPIC_VECTORS);
	DECLARE_BITMAP(isr, HOLM_LAPIC_VECTORS);
	u32 svr;
	u32 ldr;
	u32 dfr;
	u32 esr;
	u32 lvt[HOLM_LVT_COUNT];
	u32 tmict;
	u32 tdcr;
	u64 icr;
	unsigned long esr_pending;
	u8 sipi_vector;
	struct holm_vcpu *vcpu;
	struct holm_lapic_timer timer;
};

static inline bool holm_lapic_enabled(const struct holm_lapic_state *lapic)
{
	return READ_ONCE(lapic->base) & HOLM_APIC_BASE_EN;
}

static inline bool holm_lapic_sw_enabled(const struct holm_lapic_state *lapic)
{
	return READ_ONCE(lapic->svr) & APIC_SPIV_APIC_ENABLED;
}

static inline bool holm_lapic_is_x2apic(u64 base)
{
	return (base & HOLM_APIC_BASE_MODE) == HOLM_APIC_BASE_MODE;
}

/* At the next entry the CPU delivers interrupts from a page, and keeps ISR there. */
static inline bool holm_lapic_virtualizes(const struct holm_lapic_state *lapic)
{
	return lapic->virt_mode && (lapic->base & HOLM_APIC_BASE_MODE) == lapic->virt_mode;
}

/* The logical ID that x2APIC derives (SDM Vol. 3, "Deriving Logical x2APIC ID"). */
static inline u32 holm_x2apic_ldr(u32 apic_id)
{
	return (apic_id >> 4) << 16 | 1U << (apic_id & 15);
}

/* ---- lapic.c ------------------------------------------------------------ */

/* PPR from TPR and the highest vector in service, -1 for none (SDM Vol. 3,
 * "Task and Processor Priorities").
 */
u8 holm_lapic_ppr(u8 tpr, int isr_top);

/* May IA32_APIC_BASE go from @old to @value: reserved bits of this vCPU, and the
 * transitions of SDM Vol. 3, "x2APIC State Transitions".
 */
bool holm_lapic_base_ok(struct holm_vcpu *vcpu, u64 value);
bool holm_lapic_base_step_ok(u64 old, u64 value);

/* What decides whether it is a destination changed. vcpu->lock. */
void holm_lapic_changed(struct holm_lapic_state *lapic);

/* Recompute what is cached of TPR and ISR. vcpu->lock. */
void holm_lapic_update_ppr(struct holm_lapic_state *lapic);

/* End of interrupt: the vector whose EOI the IOAPIC must see, or -1. */
int holm_lapic_eoi(struct holm_lapic_state *lapic);

/* Note an error (a bit of ESR) and signal it by LVT error. Any context. */
void holm_lapic_error(struct holm_lapic_state *lapic, u32 bit);

/* Deliver what an LVT entry says, unless it is masked. Any context. */
void holm_lapic_lvt_deliver(struct holm_lapic_state *lapic, enum holm_lvt lvt);

/* Highest request that did not go into a virtual-APIC page, or -1. vcpu->lock. */
int holm_lapic_irr_top(struct holm_lapic_state *lapic);

/* Bit of @posting: a notification is under way ("Outstanding Notification"). */
#define HOLM_LAPIC_POST_ON	0

/* ---- lapic_virt.c ------------------------------------------------------- */

/**
 * holm_lapic_post() - a bit was set in @irr and the hint too: have the CPU that
 *	runs the guest take it without an exit
 * @lapic: the LAPIC; any context
 *
 * Return: false when the vCPU has to be told by a request.
 */
bool holm_lapic_post(struct holm_lapic_state *lapic);

/**
 * holm_lapic_ring() - an edge-triggered request for a CPU that takes it from a
 *	page that is shared
 * @lapic: the LAPIC, which accepts it; @lapic->ring was seen. Any context
 * @vector: the request
 *
 * Return: false when nothing was done.
 */
bool holm_lapic_ring(struct holm_lapic_state *lapic, u8 vector);

/* A request is in a page that is shared: have it seen. Any context. */
void holm_lapic_tell(struct holm_lapic_state *lapic);

/* Level requests join the others. vcpu->lock; not in the guest. */
void holm_lapic_fold_level(struct holm_lapic_state *lapic);

/* So do those in a shared page that is not in use. vcpu->lock; not in the guest. */
void holm_lapic_fold_shared(struct holm_lapic_state *lapic);

/* A LAPIC that did not accept any does now: those in a shared page are not for it. */
void holm_lapic_virt_drop(struct holm_lapic_state *lapic);

void holm_lapic_virt_start(struct holm_lapic_state *lapic, void *page);
void holm_lapic_virt_stop(struct holm_lapic_state *lapic);
int holm_lapic_virt_merge(struct holm_lapic_state *lapic);
int holm_lapic_virt_isr_top(const struct holm_lapic_state *lapic);
int holm_lapic_virt_irr_top(const struct holm_lapic_state *lapic, int arrived);
void holm_lapic_virt_copy(struct holm_lapic_state *lapic, u32 offset);
void holm_lapic_virt_tmr(struct holm_lapic_state *lapic);
void holm_lapic_virt_icr(struct holm_lapic_state *lapic);
void holm_lapic_virt_eoi(struct holm_lapic_state *lapic, u8 vector);
int holm_lapic_virt_written(struct holm_vcpu *vcpu, u32 offset);

/* ---- lapic_io.c --------------------------------------------------------- */

/* Bits of an LVT entry that software may set; of those that are read-only. */
u32 holm_lvt_writable(struct holm_vcpu *vcpu, enum holm_lvt lvt);
u32 holm_lvt_readonly(enum holm_lvt lvt);

/* A register's value; false when there is none at @offset in this mode. */
bool holm_lapic_reg(struct holm_lapic_state *lapic, u32 offset, u32 *value);

#define HOLM_LAPIC_SVR_WRITABLE	(APIC_VECTOR_MASK | APIC_SPIV_APIC_ENABLED | \
				 APIC_SPIV_FOCUS_DISABLED)
#define HOLM_LAPIC_TDCR_WRITABLE	0xbU
/* Vector, delivery mode, destination mode, status, level, trigger, shorthand. */
#define HOLM_LAPIC_ICR_WRITABLE	0xcdfffU
#define HOLM_LAPIC_ESR_BITS	0xefU

/* ---- timer.c ------------------------------------------------------------ */

/* Pure arithmetic, all in nanoseconds unless said otherwise. */
u32 holm_timer_divide(u32 tdcr);
u64 holm_timer_period(u32 tmict, u32 divide, bool periodic);
u64 holm_timer_next(u64 target, u64 period, u64 now);
u64 holm_timer_remaining(u64 target, u64 period, u64 now, bool periodic);
u32 holm_timer_count(u64 remaining, u32 divide, u32 tmict);
u64 holm_tsc_to_ns(u64 ticks, u32 khz);

void holm_timer_create(struct holm_lapic_state *lapic);
/* Neither armed nor able to fire from here on until it is started again. */
void holm_timer_stop(struct holm_lapic_state *lapic);
/* Registers of the timer; vcpu->lock. */
void holm_timer_set_lvt(struct holm_lapic_state *lapic, u32 value);
void holm_timer_set_count(struct holm_lapic_state *lapic, u32 tmict);
void holm_timer_set_divide(struct holm_lapic_state *lapic, u32 tdcr);
u32 holm_timer_current_count(struct holm_lapic_state *lapic);

/* Freeze the timer while its state and IRR are copied; true when it was queued. */
bool holm_timer_freeze(struct holm_lapic_state *lapic);
void holm_timer_thaw(struct holm_lapic_state *lapic, bool was_queued);
/* Time to the end of a count, 0 when none runs. */
u64 holm_timer_left(struct holm_lapic_state *lapic);
/* Start from a state block: LVT, TMICT and TDCR are set. */
void holm_timer_restore(struct holm_lapic_state *lapic, u64 left, u64 deadline);

/* ---- msi.c -------------------------------------------------------------- */

/**
 * struct holm_irq_dest - where an interrupt message goes
 * @dest: destination field, 8 bits, or 32 with @x2apic
 * @shorthand: 0 none, 1 self, 2 all, 3 all but self (ICR bits 18 and 19)
 * @logical: @dest is a logical destination
 * @x2apic: @dest is an x2APIC ID or logical x2APIC ID
 * @source: the sender with a shorthand, otherwise NULL
 */
struct holm_irq_dest {
	u32 dest;
	u8 shorthand;
	bool logical;
	bool x2apic;
	struct holm_vcpu *source;
};

/**
 * struct holm_lapic_view - what decides whether a LAPIC is a destination
 * @apic_id: its ID
 * @ldr: logical destination register
 * @dfr: destination format register
 * @enabled: IA32_APIC_BASE.EN
 * @x2apic: it is in x2APIC mode
 */
struct holm_lapic_view {
	u32 apic_id;
	u32 ldr;
	u32 dfr;
	bool enabled;
	bool x2apic;
};

/* Pure: is @view a destination (SDM Vol. 3, "Determining IPI Destination"). */
bool holm_lapic_view_match(const struct holm_lapic_view *view, u32 dest, bool logical,
			   bool x2apic_dest);

/* Bit i of @targets: vm->vcpus[i] is a destination. */
void holm_irq_targets(struct holm_vm *vm, const struct holm_irq_dest *dest,
		      unsigned long *targets);

/* The one of @targets that a lowest-priority @vector goes to, or -1. */
int holm_irq_lowest(struct holm_vm *vm, const unsigned long *targets, u8 vector);

/* ---- events.c ----------------------------------------------------------- */

/* What a second exception does to one that was not delivered yet. */
enum holm_double {
	HOLM_DOUBLE_SERIAL,	/* the second is delivered, the first may come again */
	HOLM_DOUBLE_FAULT,
	HOLM_DOUBLE_SHUTDOWN,
};

/* Pure: SDM Vol. 3, "Conditions for Generating a Double Fault". */
enum holm_double holm_double_fault(u8 first, u8 second);

#endif /* HOLM_X86_LAPIC_REGS_H */
