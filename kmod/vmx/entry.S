/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Into the guest and back (SDM Vol. 3, "VM Entries", "VM Exits"): one path for
 * VMLAUNCH and VMRESUME.
 */
#include <linux/linkage.h>
#include <asm/asm.h>
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

#define SPEC_CTRL_MSR	0x48			/* IA32_SPEC_CTRL */

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
	push	%rbp
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%rbx
	push	%rdi				/* 8(%rsp) after the exit */
	push	%rsi				/* 0(%rsp) after the exit */

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
	mov	$SPEC_CTRL_MSR, %ecx
	mov	VMX_FRAME_GUEST_SPEC_CTRL(%rdi), %eax
	mov	(VMX_FRAME_GUEST_SPEC_CTRL + 4)(%rdi), %edx
	wrmsr
.Lguest_spec_ctrl_set:

	mov	RAX(%rsi), %rax
	mov	RCX(%rsi), %rcx
	mov	RDX(%rsi), %rdx
	mov	RBP(%rsi), %rbp
	mov	RDI(%rsi), %rdi
	mov	GPR(8)(%rsi), %r8
	mov	GPR(9)(%rsi), %r9
	mov	GPR(10)(%rsi), %r10
	mov	GPR(11)(%rsi), %r11
	mov	GPR(12)(%rsi), %r12
	mov	GPR(13)(%rsi), %r13
	mov	GPR(14)(%rsi), %r14
	mov	GPR(15)(%rsi), %r15

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
	mov	%r8, GPR(8)(%rsi)
	mov	%r9, GPR(9)(%rsi)
	mov	%r10, GPR(10)(%rsi)
	mov	%r11, GPR(11)(%rsi)
	mov	%r12, GPR(12)(%rsi)
	mov	%r13, GPR(13)(%rsi)
	mov	%r14, GPR(14)(%rsi)
	mov	%r15, GPR(15)(%rsi)
	pop	RSI(%rsi)
	xor	%eax, %eax			/* VMX_ENTER_EXITED */

.Lreturn:
	/* No guest value stays in a register, also not for speculation. */
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%ebx, %ebx
	xor	%ebp, %ebp
	xor	%esi, %esi
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	xor	%r12d, %r12d
	xor	%r13d, %r13d
	xor	%r14d, %r14d
	xor	%r15d, %r15d
	mov	8(%rsp), %rdi			/* frame */

	/* Both before the first RET: it must not use the guest's predictions. */
	FILL_RETURN_BUFFER %rcx, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT, \
			   X86_FEATURE_RSB_VMEXIT_LITE
	mov	%eax, %ebx
	testb	$VMX_ENTER_SPEC_CTRL, VMX_FRAME_FLAGS(%rdi)
	jz	.Lhost_spec_ctrl_set
	mov	$SPEC_CTRL_MSR, %ecx
	mov	VMX_FRAME_HOST_SPEC_CTRL(%rdi), %eax
	mov	(VMX_FRAME_HOST_SPEC_CTRL + 4)(%rdi), %edx
	wrmsr
.Lhost_spec_ctrl_set:
	lfence					/* not past the WRMSR speculatively */
	CLEAR_BRANCH_HISTORY_VMEXIT
	mov	%ebx, %eax

	add	$16, %rsp			/* gpr, frame */
	pop	%rbx
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	pop	%rbp
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
