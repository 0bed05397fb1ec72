/* SPDX-License-Identifier: GPL-2.0-only */
/* What entry.S and C share: run.c asserts the offsets. */
#ifndef HOLM_SVM_ENTRY_H
#define HOLM_SVM_ENTRY_H

/* struct holm_regs.gpr[], by number of the register */
#define GPR_RCX		0x08
#define GPR_RDX		0x10
#define GPR_RBX		0x18
#define GPR_RBP		0x28
#define GPR_RSI		0x30
#define GPR_RDI		0x38
#define GPR_R8		0x40
#define GPR_R9		0x48
#define GPR_R10		0x50
#define GPR_R11		0x58
#define GPR_R12		0x60
#define GPR_R13		0x68
#define GPR_R14		0x70
#define GPR_R15		0x78

/* Flags of holm_svm_enter(): barriers before the first RET after an exit */
#define ENTER_FILL_RSB	0x01
#define ENTER_IBPB	0x02
/* IA32_SPEC_CTRL: the guest's in, the host's back, also before that RET */
#define ENTER_SPEC_CTRL	0x04

#ifndef __ASSEMBLY__
#include <linux/types.h>

/**
 * holm_svm_enter() - run the guest until its next exit
 * @gpr: struct holm_regs.gpr[]: loaded and stored, but for RAX and RSP, which
 *	are in the VMCB
 * @guest_pa: physical address of the guest's VMCB
 * @host_pa: physical address of a VMCB page that holds this CPU's VMSAVE state
 * @flags: ENTER_*
 * @guest_spec_ctrl: with ENTER_SPEC_CTRL: IA32_SPEC_CTRL while in the guest
 * @host_spec_ctrl: and afterwards
 *
 * IRQs off, SVM enabled on this CPU. A physical interrupt or NMI that ended
 * the guest is still pending on return, the NMI already taken.
 */
void holm_svm_enter(u64 *gpr, u64 guest_pa, u64 host_pa, u32 flags,
		    u64 guest_spec_ctrl, u64 host_spec_ctrl);
#endif

#endif /* HOLM_SVM_ENTRY_H */
