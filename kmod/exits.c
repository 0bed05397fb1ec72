// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exits that both vendors finish the same way: see exits.h.
 */
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/kvm_para.h>

#include "exits.h"
#include "trace.h"
#include "x86/lapic_regs.h"
#include "x86/x86.h"

#define VEC_UD	6
#define VEC_GP	13

#define CR0_PE	BIT(0)
#define CR0_TS	BIT(3)
#define CR0_LMSW_MASK	0xfULL

static enum holm_next raise_gp(struct holm_vcpu *vcpu)
{
	holm_raise_exception_err(vcpu, VEC_GP, 0);
	return HOLM_NEXT_ENTER;
}

static enum holm_next to_user(struct holm_vcpu *vcpu, u32 reason)
{
	vcpu->exit_reason = reason;
	return HOLM_NEXT_USER;
}

/*
 * Leave the instruction to the launcher, which completes it.
 * @breakpoints: DR6.B0..B3 of those that it hits by that
 */
static enum holm_next to_user_complete(struct holm_vcpu *vcpu, u32 reason, u8 breakpoints)
{
	vcpu->completable = true;
	vcpu->exit_breakpoints = breakpoints;
	return to_user(vcpu, reason);
}

static u64 gpr_read(struct holm_vcpu *vcpu, int gpr)
{
	if (gpr == HOLM_RSP)
		holm_state_get(vcpu, HOLM_ST_RIP);
	return vcpu->regs.gpr[gpr];
}

static void gpr_write(struct holm_vcpu *vcpu, int gpr, u64 value)
{
	if (gpr == HOLM_RSP) {
		holm_state_get(vcpu, HOLM_ST_RIP);
		holm_state_dirty(vcpu, HOLM_ST_RIP);
	}
	vcpu->regs.gpr[gpr] = value;
}

enum holm_next holm_exit_nop(struct holm_vcpu *vcpu)
{
	holm_skip_insn(vcpu);
	return HOLM_NEXT_ENTER;
}

enum holm_next holm_exit_ud(struct holm_vcpu *vcpu)
{
	holm_raise_exception(vcpu, VEC_UD);
	return HOLM_NEXT_ENTER;
}

static int slow_pause(struct holm_vcpu *vcpu)
{
	holm_vcpu_yield(vcpu);
	return HOLM_NEXT_ENTER;
}

enum holm_next holm_exit_pause(struct holm_vcpu *vcpu)
{
	WRITE_ONCE(vcpu->stats.pauses, vcpu->stats.pauses + 1);
	holm_skip_insn(vcpu);
	/* Nobody else could hold what it spins for. */
	if (READ_ONCE(vcpu->vm->nr_vcpus) < 2)
		return HOLM_NEXT_ENTER;
	vcpu->slow = slow_pause;
	return HOLM_NEXT_SLOW;
}

static noinline enum holm_next exit_cpuid_query(struct holm_vcpu *vcpu)
{
	u64 *gpr = vcpu->regs.gpr;
	u32 eax = gpr[HOLM_RAX], ebx, ecx = gpr[HOLM_RCX], edx;

	holm_cpuid_query(vcpu, &eax, &ebx, &ecx, &edx);
	gpr[HOLM_RAX] = eax;
	gpr[HOLM_RBX] = ebx;
	gpr[HOLM_RCX] = ecx;
	gpr[HOLM_RDX] = edx;
	return holm_exit_nop(vcpu);
}

enum holm_next holm_exit_cpuid(struct holm_vcpu *vcpu)
{
	const struct holm_cpuid_entry *e;
	u64 *gpr = vcpu->regs.gpr;

	e = holm_cpuid_constant(vcpu, gpr[HOLM_RAX]);
	if (unlikely(!e))
		return exit_cpuid_query(vcpu);
	gpr[HOLM_RAX] = e->eax;
	gpr[HOLM_RBX] = e->ebx;
	gpr[HOLM_RCX] = e->ecx;
	gpr[HOLM_RDX] = e->edx;
	return holm_exit_nop(vcpu);
}

static int slow_msr_event(struct holm_vcpu *vcpu)
{
	holm_vm_announce(&vcpu->vm->node, HOLM_VM_EVENT_UNHANDLED_MSR, vcpu, vcpu->exit_args[0]);
	return HOLM_NEXT_ENTER;
}

/* Guests try a lot of them: one event a second will do. */
static noinline enum holm_next msr_gp(struct holm_vcpu *vcpu, int err)
{
	u64 now = get_jiffies_64();

	raise_gp(vcpu);
	if (err != -ENOENT || (vcpu->msr_told && now - vcpu->msr_told < HZ))
		return HOLM_NEXT_ENTER;
	vcpu->msr_told = now;
	vcpu->exit_args[0] = (u32)vcpu->regs.gpr[HOLM_RCX];
	vcpu->slow = slow_msr_event;
	return HOLM_NEXT_SLOW;
}

enum holm_next holm_exit_rdmsr(struct holm_vcpu *vcpu)
{
	u64 value;
	int err;

	err = holm_msr_read(vcpu, (u32)vcpu->regs.gpr[HOLM_RCX], &value, false);
	if (unlikely(err))
		return msr_gp(vcpu, err);
	vcpu->regs.gpr[HOLM_RAX] = (u32)value;
	vcpu->regs.gpr[HOLM_RDX] = value >> 32;
	return holm_exit_nop(vcpu);
}

enum holm_next holm_exit_wrmsr(struct holm_vcpu *vcpu)
{
	u64 value = (u32)vcpu->regs.gpr[HOLM_RAX] | vcpu->regs.gpr[HOLM_RDX] << 32;
	int eoi = -1, err;

	err = holm_msr_write(vcpu, (u32)vcpu->regs.gpr[HOLM_RCX], value, false, &eoi);
	if (unlikely(err))
		return msr_gp(vcpu, err);
	holm_skip_insn(vcpu);
	return eoi < 0 ? HOLM_NEXT_ENTER : holm_exit_eoi(vcpu, eoi);
}

enum holm_next holm_exit_eoi(struct holm_vcpu *vcpu, u8 vector)
{
	if (holm_irqfd_eoi(vcpu, vector))
		return HOLM_NEXT_ENTER;
	vcpu->run->eoi.vector = vector;
	vcpu->run->eoi.reserved = 0;
	return to_user(vcpu, HOLM_EXIT_EOI);
}

enum holm_next holm_exit_apic_write(struct holm_vcpu *vcpu, u32 offset)
{
	int eoi = holm_lapic_virt_written(vcpu, offset);

	return eoi < 0 ? HOLM_NEXT_ENTER : holm_exit_eoi(vcpu, eoi);
}

enum holm_next holm_exit_hlt(struct holm_vcpu *vcpu)
{
	holm_skip_insn(vcpu);
	holm_state_get(vcpu, HOLM_ST_RIP | HOLM_ST_SHADOW);
	if (holm_pv_unhalt(vcpu) || vcpu->exception.type != HOLM_EVENT_NONE ||
	    holm_has_wake_event(vcpu))
		return HOLM_NEXT_ENTER;
	vcpu->mp_state = HOLM_MP_HALTED;
	vcpu->slow = NULL;		/* the run loop sees mp_state */
	return HOLM_NEXT_SLOW;
}

enum holm_next holm_exit_hypercall(struct holm_vcpu *vcpu)
{
	bool wide = holm_is_64bit(vcpu);
	s64 ret = -KVM_EPERM;

	vcpu->slow = NULL;
	if (!holm_cpl(vcpu))
		ret = holm_pv_hypercall(vcpu, wide);
	vcpu->regs.gpr[HOLM_RAX] = wide ? (u64)ret : (u32)ret;
	holm_skip_insn(vcpu);
	return vcpu->slow ? HOLM_NEXT_SLOW : HOLM_NEXT_ENTER;
}

enum holm_next holm_exit_xsetbv(struct holm_vcpu *vcpu)
{
	u64 value = (u32)vcpu->regs.gpr[HOLM_RAX] | vcpu->regs.gpr[HOLM_RDX] << 32;

	if (holm_cpl(vcpu) || holm_set_xcr(vcpu, (u32)vcpu->regs.gpr[HOLM_RCX], value))
		return raise_gp(vcpu);
	return holm_exit_nop(vcpu);
}

enum holm_next holm_exit_io(struct holm_vcpu *vcpu, u16 port, u8 size, u8 flags)
{
	struct holm_run *run = vcpu->run;
	u8 breakpoints;
	u32 data = 0;

	WRITE_ONCE(vcpu->stats.io_exits, vcpu->stats.io_exits + 1);
	/* The exit comes before the CPU looks at them. */
	breakpoints = holm_io_breakpoints(vcpu, port, size);
	if (!(flags & (HOLM_IO_IN | HOLM_IO_STRING))) {
		data = vcpu->regs.gpr[HOLM_RAX] & GENMASK_ULL(size * 8 - 1, 0);
		if (holm_ioeventfd_port(vcpu->vm, port, size, data)) {
			holm_skip_insn(vcpu);
			if (unlikely(breakpoints))
				holm_raise_db(vcpu, breakpoints);
			return HOLM_NEXT_ENTER;
		}
	}

	run->io.port = port;
	run->io.size = size;
	run->io.flags = flags;
	run->io.data = data;
	vcpu->exit_string_io = flags & HOLM_IO_STRING;
	return to_user_complete(vcpu, HOLM_EXIT_IO, breakpoints);
}

/* ---- second-level faults -------------------------------------------------- */

static enum holm_next fault_answered(struct holm_vcpu *vcpu, int err)
{
	struct holm_run *run = vcpu->run;

	trace_holm_fault(vcpu, vcpu->fault.gpa, vcpu->fault.access, err);
	if (!err) {
		WRITE_ONCE(vcpu->stats.faults, vcpu->stats.faults + 1);
		return HOLM_NEXT_ENTER;
	}
	if (err == -EINTR || err == -EAGAIN)
		return HOLM_NEXT_ENTER;	/* the run loop sees the signal */
	if (err < 0) {
		run->memory_fault.gpa = vcpu->fault.gpa;
		run->memory_fault.flags = vcpu->fault.access & ~HOLM_ACCESS_GVA;
		run->memory_fault.error = -err;
		vcpu->exit_detail = -err;
		return to_user(vcpu, HOLM_EXIT_MEMORY_FAULT);
	}

	WRITE_ONCE(vcpu->stats.mmio_exits, vcpu->stats.mmio_exits + 1);
	run->mmio.gpa = vcpu->fault.gpa;
	run->mmio.gva = vcpu->fault.access & HOLM_ACCESS_GVA ? vcpu->fault.gva : 0;
	run->mmio.flags = vcpu->fault.access;
	run->mmio.insn_len = vcpu->fault.insn_len;
	memcpy(run->mmio.insn, vcpu->fault.insn, sizeof(run->mmio.insn));
	run->mmio.reserved = 0;
	vcpu->next_rip = 0;		/* the decoder finds it */
	return to_user_complete(vcpu, HOLM_EXIT_MMIO, 0);
}

enum holm_next holm_exit_mmio(struct holm_vcpu *vcpu)
{
	return fault_answered(vcpu, 1);
}

/* The page may be waited for by the guest, which has something else to do. */
static int fault_or_tell(struct holm_vcpu *vcpu)
{
	unsigned long absent;
	int err = holm_mmu_fault_nowait(vcpu, &vcpu->fault, &absent);

	if (err != -EINPROGRESS)
		return err;
	trace_holm_fault(vcpu, vcpu->fault.gpa, vcpu->fault.access, err);
	if (holm_pv_async_tell(vcpu, absent, vcpu->fault.access & HOLM_ACCESS_WRITE))
		return err;
	return holm_mmu_fault(vcpu, &vcpu->fault);
}

/*
 * exit_args: 0 true when the store has not been looked at yet; 1 true when the
 * guest may be told that the page is not there
 */
static int slow_fault(struct holm_vcpu *vcpu)
{
	int err = unlikely(vcpu->exit_args[1]) ? fault_or_tell(vcpu) :
						 holm_mmu_fault(vcpu, &vcpu->fault);

	if (err == -EINPROGRESS)
		return HOLM_NEXT_ENTER;
	if (err > 0 && vcpu->exit_args[0] && holm_ioeventfd_store(vcpu, false) > 0)
		return HOLM_NEXT_ENTER;
	return fault_answered(vcpu, err);
}

enum holm_next holm_exit_fault(struct holm_vcpu *vcpu)
{
	int err = holm_mmu_fault_atomic(vcpu, &vcpu->fault);
	int done = -EAGAIN;

	if (err > 0) {		/* device memory */
		done = holm_ioeventfd_store(vcpu, true);
		if (done > 0)
			return HOLM_NEXT_ENTER;
	}
	if (likely(err != -EAGAIN && !(err > 0 && done < 0)))
		return fault_answered(vcpu, err);
	vcpu->exit_args[0] = done < 0;
	vcpu->exit_args[1] = unlikely(holm_pv_async_on(&vcpu->pv)) && holm_pv_async_may(vcpu);
	vcpu->slow = slow_fault;
	return HOLM_NEXT_SLOW;
}

/* ---- control and debug registers ------------------------------------------ */

static int set_cr(struct holm_vcpu *vcpu, int cr, u64 value)
{
	switch (cr) {
	case 0:
		return holm_set_cr0(vcpu, value);
	case 3:
		return holm_set_cr3(vcpu, value);
	case 4:
		return holm_set_cr4(vcpu, value);
	case 8:
		return holm_set_cr8(vcpu, value);
	default:
		return 1;
	}
}

/* exit_args: 0 the register, 1 the value */
static int slow_set_cr(struct holm_vcpu *vcpu)
{
	if (set_cr(vcpu, vcpu->exit_args[0], vcpu->exit_args[1]))
		raise_gp(vcpu);
	else
		holm_skip_insn(vcpu);
	return HOLM_NEXT_ENTER;
}

static enum holm_next exit_set_cr(struct holm_vcpu *vcpu, int cr, u64 value)
{
	if (holm_cr_needs_pdptes(vcpu, cr, value)) {
		/* The PDPTEs are read from guest memory. */
		holm_state_get(vcpu, HOLM_ST_ALL);
		vcpu->exit_args[0] = cr;
		vcpu->exit_args[1] = value;
		vcpu->slow = slow_set_cr;
		return HOLM_NEXT_SLOW;
	}
	if (set_cr(vcpu, cr, value))
		return raise_gp(vcpu);
	return holm_exit_nop(vcpu);
}

enum holm_next holm_exit_cr(struct holm_vcpu *vcpu, int cr, int gpr, bool write)
{
	u64 value;

	if (write) {
		value = gpr_read(vcpu, gpr);
		if (!holm_is_64bit(vcpu))
			value = (u32)value;
		return exit_set_cr(vcpu, cr, value);
	}

	holm_state_get(vcpu, HOLM_ST_CR);
	switch (cr) {
	case 0:
		value = vcpu->sregs.cr0;
		break;
	case 3:
		value = vcpu->sregs.cr3;
		break;
	case 4:
		value = vcpu->sregs.cr4;
		break;
	case 8:
		value = holm_lapic_get_cr8(vcpu);
		break;
	default:
		return holm_exit_ud(vcpu);
	}
	gpr_write(vcpu, gpr, value);
	return holm_exit_nop(vcpu);
}

enum holm_next holm_exit_clts(struct holm_vcpu *vcpu)
{
	holm_state_get(vcpu, HOLM_ST_CR);
	return exit_set_cr(vcpu, 0, vcpu->sregs.cr0 & ~CR0_TS);
}

enum holm_next holm_exit_lmsw(struct holm_vcpu *vcpu, u16 msw)
{
	u64 cr0;

	holm_state_get(vcpu, HOLM_ST_CR);
	cr0 = vcpu->sregs.cr0;
	/* LMSW cannot clear PE (SDM Vol. 2). */
	return exit_set_cr(vcpu, 0, (cr0 & ~CR0_LMSW_MASK) | (msw & CR0_LMSW_MASK) | (cr0 & CR0_PE));
}

enum holm_next holm_exit_dr(struct holm_vcpu *vcpu, int dr, int gpr, bool write)
{
	u64 value;
	int err;

	if (write) {
		value = gpr_read(vcpu, gpr);
		if (!holm_is_64bit(vcpu))
			value = (u32)value;
		err = holm_set_dr(vcpu, dr, value);
	} else {
		err = holm_get_dr(vcpu, dr, &value);
	}
	switch (err) {
	case 0:
		break;
	case 1:
		return raise_gp(vcpu);
	case 2:
		return holm_exit_ud(vcpu);
	default:
		return HOLM_NEXT_ENTER;		/* the #DB of DR7.GD was raised */
	}
	if (!write)
		gpr_write(vcpu, gpr, value);
	return holm_exit_nop(vcpu);
}

/* ---- exits for the launcher ----------------------------------------------- */

enum holm_next holm_exit_task_switch(struct holm_vcpu *vcpu, u16 selector, u8 source,
				     bool has_error_code, u32 error_code)
{
	struct holm_exit_task_switch *ts = &vcpu->run->task_switch;

	ts->selector = selector;
	ts->source = source;
	ts->has_error_code = has_error_code;
	ts->error_code = error_code;
	return to_user_complete(vcpu, HOLM_EXIT_TASK_SWITCH, 0);
}

enum holm_next holm_exit_shutdown(struct holm_vcpu *vcpu)
{
	vcpu->shutdown = true;
	return to_user(vcpu, HOLM_EXIT_SHUTDOWN);
}

enum holm_next holm_exit_emulate(struct holm_vcpu *vcpu)
{
	vcpu->next_rip = 0;
	return to_user_complete(vcpu, HOLM_EXIT_EMULATE, 0);
}

enum holm_next holm_exit_fail_entry(struct holm_vcpu *vcpu, u64 reason, u64 detail)
{
	WRITE_ONCE(vcpu->stats.entries_fail, vcpu->stats.entries_fail + 1);
	vcpu->run->fail_entry.reason = reason;
	vcpu->run->fail_entry.detail = detail;
	vcpu->run->fail_entry.cpu = vcpu->cpu;
	vcpu->run->fail_entry.reserved = 0;
	vcpu->exit_detail = reason;
	return to_user(vcpu, HOLM_EXIT_FAIL_ENTRY);
}

enum holm_next holm_exit_internal(struct holm_vcpu *vcpu, u32 subcode, u32 ndata, const u64 *data)
{
	struct holm_exit_internal *internal = &vcpu->run->internal;
	u32 i;

	internal->subcode = subcode;
	vcpu->exit_detail = subcode;
	internal->ndata = ndata;
	for (i = 0; i < ARRAY_SIZE(internal->data); i++)
		internal->data[i] = i < ndata ? data[i] : 0;
	return to_user(vcpu, HOLM_EXIT_INTERNAL_ERROR);
}
