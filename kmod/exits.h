/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exits that both vendors finish the same way. A backend's handle_exit()
 * decodes its own exit information and calls one of these: loaded, preemption
 * off, IRQs on. vcpu->next_rip is valid where an instruction exited.
 *
 * IRQs may be off as well for holm_exit_cpuid(), holm_exit_io() and, where they are
 * short (enter.h), holm_exit_hypercall() and holm_exit_wrmsr().
 */
#ifndef HOLM_EXITS_H
#define HOLM_EXITS_H

#include "holm.h"

enum holm_next holm_exit_cpuid(struct holm_vcpu *vcpu);
enum holm_next holm_exit_rdmsr(struct holm_vcpu *vcpu);
enum holm_next holm_exit_wrmsr(struct holm_vcpu *vcpu);
enum holm_next holm_exit_hlt(struct holm_vcpu *vcpu);
enum holm_next holm_exit_hypercall(struct holm_vcpu *vcpu);
enum holm_next holm_exit_xsetbv(struct holm_vcpu *vcpu);
enum holm_next holm_exit_pause(struct holm_vcpu *vcpu);

/* The CPU wrote an APIC register and leaves what follows from it to software. */
enum holm_next holm_exit_apic_write(struct holm_vcpu *vcpu, u32 offset);

/* An instruction without effect here: INVD, WBINVD, ... */
enum holm_next holm_exit_nop(struct holm_vcpu *vcpu);

/* An instruction hidden from CPUID: #UD. */
enum holm_next holm_exit_ud(struct holm_vcpu *vcpu);

/**
 * holm_exit_eoi() - the EOI of a level-triggered interrupt; its instruction, if
 *	there was one, is done
 * @vector: the interrupt
 */
enum holm_next holm_exit_eoi(struct holm_vcpu *vcpu, u8 vector);

/**
 * holm_exit_io() - IN, OUT, INS, OUTS
 * @port: I/O port
 * @size: 1, 2 or 4
 * @flags: HOLM_IO_*
 */
enum holm_next holm_exit_io(struct holm_vcpu *vcpu, u16 port, u8 size, u8 flags);

/**
 * holm_exit_fault() - second-level fault; vcpu->fault is filled
 *
 * Goes to vcpu->slow: a mapping is made, or the launcher gets an MMIO exit.
 */
enum holm_next holm_exit_fault(struct holm_vcpu *vcpu);

/* The same where there is no memory: an MMIO exit. */
enum holm_next holm_exit_mmio(struct holm_vcpu *vcpu);

/* MOV to and from CR: @write to @cr from GPR @gpr, or the other way. */
enum holm_next holm_exit_cr(struct holm_vcpu *vcpu, int cr, int gpr, bool write);
enum holm_next holm_exit_clts(struct holm_vcpu *vcpu);
enum holm_next holm_exit_lmsw(struct holm_vcpu *vcpu, u16 msw);
enum holm_next holm_exit_dr(struct holm_vcpu *vcpu, int dr, int gpr, bool write);

enum holm_next holm_exit_task_switch(struct holm_vcpu *vcpu, u16 selector, u8 source,
				     bool has_error_code, u32 error_code);
enum holm_next holm_exit_shutdown(struct holm_vcpu *vcpu);
/* The instruction at RIP needs the launcher's decoder. */
enum holm_next holm_exit_emulate(struct holm_vcpu *vcpu);
enum holm_next holm_exit_fail_entry(struct holm_vcpu *vcpu, u64 reason, u64 detail);
enum holm_next holm_exit_internal(struct holm_vcpu *vcpu, u32 subcode, u32 ndata, const u64 *data);

#endif /* HOLM_EXITS_H */
