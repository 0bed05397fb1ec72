// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exceptions, NMIs and interrupts on their way into the guest: what is
 * raised, what is delivered at the next entry, and what has to wait. SDM Vol.
 * 3, chapter "Interrupt and Exception Handling".
 */
#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include "backend.h"
#include "enter.h"
#include "holm.h"
#include "lapic_regs.h"
#include "trace.h"
#include "x86.h"

/* DR6 (SDM Vol. 3, "Debug Status Register"): B0..B3, BD, BS, BT. */
#define DR6_BREAKPOINTS		0xfULL
#define DR6_STEP		BIT_ULL(14)
#define DR6_EVENTS		(DR6_BREAKPOINTS | BIT_ULL(13) | DR6_STEP | BIT_ULL(15))
#define DR7_GD			BIT_ULL(13)

#define RIP_32			0xffffffffULL

/* ---- exceptions are raised ------------------------------------------------ */

enum exception_class {
	CLASS_BENIGN,
	CLASS_CONTRIBUTORY,
	CLASS_PAGE_FAULT,
	CLASS_DOUBLE_FAULT,
};

static enum exception_class exception_class(u8 vector)
{
	switch (vector) {
	case X86_TRAP_DE:
	case X86_TRAP_TS:
	case X86_TRAP_NP:
	case X86_TRAP_SS:
	case X86_TRAP_GP:
	case X86_TRAP_CP:
		return CLASS_CONTRIBUTORY;
	case X86_TRAP_PF:
	case X86_TRAP_VE:
		return CLASS_PAGE_FAULT;
	case X86_TRAP_DF:
		return CLASS_DOUBLE_FAULT;
	default:
		return CLASS_BENIGN;
	}
}

/**
 * holm_double_fault() - an exception while another one is being delivered
 * @first: vector of the one being delivered
 * @second: vector of the new one
 */
enum holm_double holm_double_fault(u8 first, u8 second)
{
	enum exception_class a = exception_class(first), b = exception_class(second);

	if (b != CLASS_CONTRIBUTORY && b != CLASS_PAGE_FAULT)
		return HOLM_DOUBLE_SERIAL;
	switch (a) {
	case CLASS_DOUBLE_FAULT:
		return HOLM_DOUBLE_SHUTDOWN;
	case CLASS_PAGE_FAULT:
		return HOLM_DOUBLE_FAULT;
	case CLASS_CONTRIBUTORY:
		return b == CLASS_CONTRIBUTORY ? HOLM_DOUBLE_FAULT : HOLM_DOUBLE_SERIAL;
	default:
		return HOLM_DOUBLE_SERIAL;
	}
}

static void set_cr2(struct holm_vcpu *vcpu, u64 cr2)
{
	holm_state_get(vcpu, HOLM_ST_CR);
	vcpu->sregs.cr2 = cr2;
	holm_state_dirty(vcpu, HOLM_ST_CR);
}

static bool is_none(const struct holm_event *event)
{
	return event->type == HOLM_EVENT_NONE;
}

static void set_none(struct holm_event *event)
{
	*event = (struct holm_event) { .type = HOLM_EVENT_NONE };
}

static void raise_event(struct holm_vcpu *vcpu, const struct holm_event *event)
{
	struct holm_event *first = &vcpu->exception;

	if (vcpu->shutdown)
		return;
	/*
	 * A software event whose delivery faults: RIP is still at its
	 * instruction, which is executed again after the exception's handler.
	 */
	if (vcpu->interrupted.type == HOLM_EVENT_SOFT_INTERRUPT ||
	    vcpu->interrupted.type == HOLM_EVENT_SOFT_EXCEPTION ||
	    vcpu->interrupted.type == HOLM_EVENT_PRIV_SOFT_EXCEPTION)
		set_none(&vcpu->interrupted);

	if (is_none(first)) {
		*first = *event;
		return;
	}
	switch (holm_double_fault(first->vector, event->vector)) {
	case HOLM_DOUBLE_SERIAL:
		*first = *event;
		break;
	case HOLM_DOUBLE_FAULT:
		/* CR2 is that of the page fault that was not delivered. */
		if (event->vector == X86_TRAP_PF)
			set_cr2(vcpu, event->payload);
		else if (first->vector == X86_TRAP_PF && first->flags & HOLM_EVENT_HAS_PAYLOAD)
			set_cr2(vcpu, first->payload);
		*first = (struct holm_event) {
			.type = HOLM_EVENT_EXCEPTION,
			.vector = X86_TRAP_DF,
			.flags = HOLM_EVENT_HAS_ERROR_CODE,
		};
		break;
	case HOLM_DOUBLE_SHUTDOWN:
		set_none(first);
		set_none(&vcpu->interrupted);
		vcpu->shutdown = true;
		break;
	}
}

/**
 * holm_raise_exception() - an exception without an error code
 * @vcpu: the vCPU, vcpu->lock held
 * @vector: 0..31
 *
 * Delivered at the next entry, unless together with one that waits already it
 * is a double or triple fault.
 */
void holm_raise_exception(struct holm_vcpu *vcpu, u8 vector)
{
	raise_event(vcpu, &(struct holm_event) {
		.type = HOLM_EVENT_EXCEPTION,
		.vector = vector,
	});
}

/**
 * holm_raise_exception_err() - an exception with an error code
 * @vcpu: the vCPU, vcpu->lock held
 * @vector: 0..31
 * @error_code: pushed, except in real mode
 */
void holm_raise_exception_err(struct holm_vcpu *vcpu, u8 vector, u32 error_code)
{
	raise_event(vcpu, &(struct holm_event) {
		.type = HOLM_EVENT_EXCEPTION,
		.vector = vector,
		.flags = HOLM_EVENT_HAS_ERROR_CODE,
		.error_code = error_code,
	});
}

/**
 * holm_raise_pf() - a page fault
 * @vcpu: the vCPU, vcpu->lock held
 * @cr2: linear address; CR2 changes on delivery
 * @error_code: "Page-Fault Error Code"
 */
void holm_raise_pf(struct holm_vcpu *vcpu, u64 cr2, u32 error_code)
{
	raise_event(vcpu, &(struct holm_event) {
		.type = HOLM_EVENT_EXCEPTION,
		.vector = X86_TRAP_PF,
		.flags = HOLM_EVENT_HAS_ERROR_CODE | HOLM_EVENT_HAS_PAYLOAD,
		.error_code = error_code,
		.payload = cr2,
	});
}

/**
 * holm_raise_db() - a debug exception
 * @vcpu: the vCPU, vcpu->lock held
 * @dr6_bits: B0..B3, BD, BS, BT to be set in DR6 on delivery
 */
void holm_raise_db(struct holm_vcpu *vcpu, u64 dr6_bits)
{
	/* One #DB reports all that happened to the same instruction. */
	if (vcpu->exception.type == HOLM_EVENT_EXCEPTION &&
	    vcpu->exception.vector == X86_TRAP_DB &&
	    vcpu->exception.flags & HOLM_EVENT_HAS_PAYLOAD) {
		vcpu->exception.payload |= dr6_bits;
		return;
	}
	raise_event(vcpu, &(struct holm_event) {
		.type = HOLM_EVENT_EXCEPTION,
		.vector = X86_TRAP_DB,
		.flags = HOLM_EVENT_HAS_PAYLOAD,
		.payload = dr6_bits,
	});
}

void __holm_skip_insn(struct holm_vcpu *vcpu)
{
	u64 rip = vcpu->next_rip;

	holm_state_get(vcpu, HOLM_ST_RIP | HOLM_ST_SHADOW);
	/*
	 * Only an instruction that ends at 4 GiB tells the modes apart: outside
	 * 64-bit mode RIP is below, inside the sum is right as it is.
	 */
	if (unlikely(rip > RIP_32 && vcpu->regs.rip <= RIP_32) && !holm_is_64bit(vcpu))
		rip &= RIP_32;
	vcpu->regs.rip = rip;
	vcpu->regs.rflags &= ~X86_EFLAGS_RF;
	holm_state_dirty(vcpu, HOLM_ST_RIP);
	if (vcpu->intr_shadow) {
		vcpu->intr_shadow = 0;
		holm_state_dirty(vcpu, HOLM_ST_SHADOW);
	}
	if (vcpu->regs.rflags & X86_EFLAGS_TF)
		holm_raise_db(vcpu, DR6_STEP);
}

/* ---- events are delivered ------------------------------------------------- */

static void inject(struct holm_vcpu *vcpu, const struct holm_event *event)
{
	trace_holm_inject(vcpu, event);
	holm_backend->inject(vcpu, event);
}

/* "Faults": the handler's return executes the instruction again. */
static bool is_fault(u8 vector)
{
	switch (vector) {
	case X86_TRAP_DB:	/* sets RF for none of its causes */
	case X86_TRAP_NMI:
	case X86_TRAP_BP:
	case X86_TRAP_OF:
	case X86_TRAP_DF:
	case X86_TRAP_MC:
		return false;
	default:
		return true;
	}
}

/* What the CPU does to registers besides what delivery itself does. */
static void apply_payload(struct holm_vcpu *vcpu, const struct holm_event *event)
{
	if (event->vector == X86_TRAP_PF) {
		set_cr2(vcpu, event->payload);
	} else if (event->vector == X86_TRAP_DB) {
		holm_state_get(vcpu, HOLM_ST_DR);
		/* Only B0..B3 are ever cleared by the CPU. */
		vcpu->dregs.dr6 &= ~DR6_BREAKPOINTS;
		vcpu->dregs.dr6 |= event->payload & DR6_EVENTS;
		vcpu->dregs.dr7 &= ~DR7_GD;
		holm_state_dirty(vcpu, HOLM_ST_DR);
	}
}

static void inject_exception(struct holm_vcpu *vcpu)
{
	struct holm_event event = vcpu->exception;

	set_none(&vcpu->exception);
	if (event.flags & HOLM_EVENT_HAS_PAYLOAD)
		apply_payload(vcpu, &event);
	event.flags &= ~HOLM_EVENT_HAS_PAYLOAD;

	if (event.flags & HOLM_EVENT_HAS_ERROR_CODE) {
		/* "Real-Address Mode": no error code is pushed. */
		holm_state_get(vcpu, HOLM_ST_CR);
		if (!(vcpu->sregs.cr0 & X86_CR0_PE))
			event.flags &= ~HOLM_EVENT_HAS_ERROR_CODE;
	}
	if (event.type == HOLM_EVENT_EXCEPTION && is_fault(event.vector)) {
		/* "Instruction-Breakpoint Exception Condition": RF in the image. */
		holm_state_get(vcpu, HOLM_ST_RIP);
		if (!(vcpu->regs.rflags & X86_EFLAGS_RF)) {
			vcpu->regs.rflags |= X86_EFLAGS_RF;
			holm_state_dirty(vcpu, HOLM_ST_RIP);
		}
	}
	inject(vcpu, &event);
}

static bool irq_allowed(struct holm_vcpu *vcpu)
{
	holm_state_get(vcpu, HOLM_ST_RIP | HOLM_ST_SHADOW);
	return vcpu->regs.rflags & X86_EFLAGS_IF && !vcpu->intr_shadow;
}

/* The PIC has to be asked for a vector. */
static bool extint_waits(struct holm_vcpu *vcpu)
{
	return (READ_ONCE(vcpu->extint) && holm_lapic_accepts_extint(vcpu)) ||
	       holm_lapic_extint_pending(vcpu);
}

static void set_windows(struct holm_vcpu *vcpu, u32 windows)
{
	if (likely(vcpu->windows == windows))
		return;
	vcpu->windows = windows;
	holm_backend->open_window(vcpu, windows);
}

/*
 * Re-deliver what an exit interrupted. An exception may have come in between,
 * and its handler runs with interrupts off: then an interrupt waits.
 */
static bool inject_interrupted(struct holm_vcpu *vcpu, u32 *windows)
{
	struct holm_event event = vcpu->interrupted;

	if (event.type == HOLM_EVENT_INTERRUPT && !irq_allowed(vcpu)) {
		*windows |= HOLM_WINDOW_IRQ;
		return false;
	}
	/* Only a launcher combines them; an entry would be refused. */
	if (event.type == HOLM_EVENT_NMI && vcpu->intr_shadow) {
		*windows |= HOLM_WINDOW_NMI;
		return false;
	}
	set_none(&vcpu->interrupted);
	inject(vcpu, &event);
	return true;
}

/* True when an NMI was injected. */
static bool inject_nmi(struct holm_vcpu *vcpu, bool busy, u32 *windows)
{
	static const struct holm_event nmi = {
		.type = HOLM_EVENT_NMI,
		.vector = X86_TRAP_NMI,
	};

	holm_state_get(vcpu, HOLM_ST_SHADOW);
	/* While one is in service, one more is latched, not two. */
	if (vcpu->nmi_masked)
		atomic_cmpxchg(&vcpu->nmi_pending, 2, 1);
	/*
	 * MOV SS blocks NMIs; STI does so on some CPUs, and an entry with it
	 * may be refused ("Checks on Guest Non-Register State").
	 */
	if (busy || vcpu->nmi_masked || vcpu->intr_shadow) {
		*windows |= HOLM_WINDOW_NMI;
		return false;
	}
	if (atomic_dec_return(&vcpu->nmi_pending))
		*windows |= HOLM_WINDOW_NMI;
	inject(vcpu, &nmi);
	WRITE_ONCE(vcpu->stats.nmi_injected, vcpu->stats.nmi_injected + 1);
	return true;
}

static int inject_irq(struct holm_vcpu *vcpu, bool busy, u32 *windows)
{
	bool extint = extint_waits(vcpu);
	/* With a virtual-APIC page the CPU delivers it, when it can be. */
	int vector = vcpu->lapic->page ? -1 : holm_lapic_pending(vcpu);

	if (unlikely(vcpu->pv.eoi_offered) && !holm_pv_eoi_withdraw(vcpu)) {
		/* What comes next must not be ended by an offer that was not for it. */
		*windows |= HOLM_WINDOW_IRQ;
		return 0;
	}
	if (!extint && vector < 0)
		return 0;
	if (busy || !irq_allowed(vcpu)) {
		*windows |= HOLM_WINDOW_IRQ;
		return 0;
	}
	if (extint) {
		holm_lapic_extint_ack(vcpu);
		return HOLM_EXIT_INTR_ACK;
	}
	holm_lapic_ack(vcpu, vector);
	if (vcpu->pv.eoi & KVM_MSR_ENABLED)
		holm_pv_eoi_offer(vcpu, vector);
	inject(vcpu, &(struct holm_event) {
		.type = HOLM_EVENT_INTERRUPT,
		.vector = vector,
	});
	WRITE_ONCE(vcpu->stats.irq_injected, vcpu->stats.irq_injected + 1);
	/* One of a higher class came in between: as soon as IF allows. */
	if (holm_lapic_pending(vcpu) >= 0)
		*windows |= HOLM_WINDOW_IRQ;
	return 0;
}

/* Apart, so that an entry with nothing to deliver saves no registers for it. */
static noinline int inject_events(struct holm_vcpu *vcpu)
{
	bool busy = true;
	u32 windows = 0;
	int reason = 0;

	if (vcpu->shutdown)
		return HOLM_EXIT_SHUTDOWN;

	/* Priorities: SDM Vol. 3, "Priority Among Concurrent Events". */
	if (!is_none(&vcpu->exception))
		inject_exception(vcpu);
	else if (!is_none(&vcpu->interrupted))
		inject_interrupted(vcpu, &windows);
	else
		busy = false;

	if (atomic_read(&vcpu->nmi_pending))
		busy |= inject_nmi(vcpu, busy, &windows);
	/* What was interrupted goes before anything that comes later. */
	if (is_none(&vcpu->interrupted))
		reason = inject_irq(vcpu, busy, &windows);
	else if (vcpu->interrupted.type == HOLM_EVENT_NMI)
		windows |= HOLM_WINDOW_NMI;
	else
		windows |= HOLM_WINDOW_IRQ;
	/* Windows matter to an entry only, and there is none now. */
	if (!reason)
		set_windows(vcpu, windows);
	return reason;
}

int holm_inject_events(struct holm_vcpu *vcpu)
{
	if (unlikely(!holm_nothing_waits(vcpu)))
		return inject_events(vcpu);
	set_windows(vcpu, 0);
	return 0;
}

bool holm_has_wake_event(struct holm_vcpu *vcpu)
{
	unsigned long messages = READ_ONCE(vcpu->lapic->messages);

	if (messages & BIT(HOLM_LAPIC_MSG_INIT))
		return true;
	/* "Wait-for-SIPI" takes nothing else, and SIPI is nothing anywhere else. */
	if (vcpu->mp_state == HOLM_MP_WAIT_FOR_SIPI)
		return messages & BIT(HOLM_LAPIC_MSG_SIPI);
	if (READ_ONCE(vcpu->pv.unhalted))
		return true;
	if (vcpu->shutdown || !is_none(&vcpu->exception) || !is_none(&vcpu->interrupted))
		return true;
	if (!holm_lapic_has_interrupt(vcpu))
		return false;

	holm_state_get(vcpu, HOLM_ST_RIP | HOLM_ST_SHADOW);
	if (atomic_read(&vcpu->nmi_pending) && !vcpu->nmi_masked)
		return true;
	return vcpu->regs.rflags & X86_EFLAGS_IF &&
	       (extint_waits(vcpu) || holm_lapic_pending(vcpu) >= 0);
}
