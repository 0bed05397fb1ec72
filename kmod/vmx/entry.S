/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Into the guest and back (SDM Vol. 3, "VM Entries", "VM Exits"): one path for
 * VMLAUNCH and VMRESUME.
 */
#include <linux/linkage.h>
#include <asm/asm.h>
#include <asm/msr-index.h>
#include <asm/nospec-branch.h>
#include <asm/segment.h>
#include <asm/unwind_hints.h>

#include "vmcs.h"
#include "vmx.h"

#define GPR(n)		((n) * 8)		/* struct holm_regs.gpr */
#define RAX		GPR(0)
#define RCX		GPR(1)
#define RDX		GPR(2)
#define RBX		GPR(3)
#define RBP		GPR(5)
#define RSI		GPR(6)
#define RDI		GPR(7)

	.section .rodata, "a"
	.balign 2
verw_selector:
	.word	__KERNEL_DS

	.section .noinstr.text, "ax"

/*
 * u32 holm_vmx_enter(struct vmx_frame *frame, u64 *gpr)
 *
 * IRQs off. Loads the guest's GPRs, enters, and stores them after the exit.
 * Returns VMX_ENTER_*; on a failure the GPRs in memory are untouched.
 */
SYM_FUNC_START(holm_vmx_enter)
	/* After the exit, frame is at 8(%rsp) and gpr at (%rsp). */
	.irp	reg, rbp, r15, r14, r13, r12, rbx, rdi, rsi
	push	%\reg
	.endr

	/* HOST_RSP is where the stack is now: nothing is pushed until entry. */
	cmp	%rsp, VMX_FRAME_HOST_RSP(%rdi)
	je	.Lhost_rsp_known
	mov	%rsp, VMX_FRAME_HOST_RSP(%rdi)
	mov	$VMCS_HOST_RSP, %eax
	vmwrite	%rsp, %rax			/* if it fails, so does the entry */
.Lhost_rsp_known:
	mov	VMX_FRAME_FLAGS(%rdi), %ebx
	testb	$VMX_ENTER_SPEC_CTRL, %bl
	jz	.Lguest_spec_ctrl_set
	mov	$MSR_IA32_SPEC_CTRL, %ecx
	mov	VMX_FRAME_GUEST_SPEC_CTRL(%rdi), %eax
	mov	(VMX_FRAME_GUEST_SPEC_CTRL + 4)(%rdi), %edx
	wrmsr
.Lguest_spec_ctrl_set:

	mov	RAX(%rsi), %rax
	mov	RCX(%rsi), %rcx
	mov	RDX(%rsi), %rdx
	mov	RBP(%rsi), %rbp
	mov	RDI(%rsi), %rdi
	.irp	n, 8, 9, 10, 11, 12, 13, 14, 15
	mov	GPR(\n)(%rsi), %r\n
	.endr

	/*
	 * CF tells launch from resume; MOV leaves flags alone, VERW changes
	 * only ZF. No host data may be loaded after VERW.
	 */
	testb	$VMX_ENTER_VERW, %bl
	jz	.Lno_verw
	bt	$VMX_ENTER_LAUNCHED_BIT, %ebx
	mov	RBX(%rsi), %rbx
	mov	RSI(%rsi), %rsi
	verw	verw_selector(%rip)
	jmp	.Lenter
.Lno_verw:
	bt	$VMX_ENTER_LAUNCHED_BIT, %ebx
	mov	RBX(%rsi), %rbx
	mov	RSI(%rsi), %rsi
.Lenter:
	UNWIND_HINT_SAVE
	jnc	.Llaunch
.Lresume:
	vmresume
	jmp	.Lfailed
.Llaunch:
	vmlaunch
	jmp	.Lfailed
	_ASM_EXTABLE(.Lresume, .Lfaulted)
	_ASM_EXTABLE(.Llaunch, .Lfaulted)

	/* HOST_RIP; %rsp is HOST_RSP. */
SYM_INNER_LABEL_ALIGN(holm_vmx_exit, SYM_L_GLOBAL)
	UNWIND_HINT_RESTORE
	ANNOTATE_NOENDBR
	push	%rsi
	mov	8(%rsp), %rsi			/* gpr */
	mov	%rax, RAX(%rsi)
	mov	%rcx, RCX(%rsi)
	mov	%rdx, RDX(%rsi)
	mov	%rbx, RBX(%rsi)
	mov	%rbp, RBP(%rsi)
	mov	%rdi, RDI(%rsi)
	.irp	n, 8, 9, 10, 11, 12, 13, 14, 15
	mov	%r\n, GPR(\n)(%rsi)
	.endr
	pop	RSI(%rsi)
	xor	%eax, %eax			/* VMX_ENTER_EXITED */

.Lreturn:
	/* No guest value stays in a register, also not for speculation. */
	.irp	reg, ecx, edx, ebx, ebp, esi, r8d, r9d, r10d, r11d, r12d, r13d, r14d, r15d
	xor	%\reg, %\reg
	.endr
	mov	8(%rsp), %rdi			/* frame */

	/* Both before the first RET: it must not use the guest's predictions. */
	FILL_RETURN_BUFFER %rcx, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT, \
			   X86_FEATURE_RSB_VMEXIT_LITE
	mov	%eax, %ebx
	testb	$VMX_ENTER_SPEC_CTRL, VMX_FRAME_FLAGS(%rdi)
	jz	.Lhost_spec_ctrl_set
	mov	$MSR_IA32_SPEC_CTRL, %ecx
	mov	VMX_FRAME_HOST_SPEC_CTRL(%rdi), %eax
	mov	(VMX_FRAME_HOST_SPEC_CTRL + 4)(%rdi), %edx
	wrmsr
.Lhost_spec_ctrl_set:
	lfence					/* not past the WRMSR speculatively */
	CLEAR_BRANCH_HISTORY_VMEXIT
	mov	%ebx, %eax

	add	$16, %rsp			/* gpr, frame */
	.irp	reg, rbx, r12, r13, r14, r15, rbp
	pop	%\reg
	.endr
	RET

.Lfailed:
	mov	$VMX_ENTER_FAIL_VALID, %eax
	jz	.Lreturn			/* VMfailValid: ZF */
	mov	$VMX_ENTER_FAIL_INVALID, %eax	/* VMfailInvalid: CF */
	jmp	.Lreturn
.Lfaulted:
	mov	$VMX_ENTER_FAULTED, %eax
	jmp	.Lreturn
SYM_FUNC_END(holm_vmx_enter)
