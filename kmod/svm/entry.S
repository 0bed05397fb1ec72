/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The world switch: AMD64 APM Vol. 2, 15.5 "VMRUN Instruction".
 */
#include <linux/linkage.h>
#include <linux/objtool.h>

#include "entry.h"

#define MSR_SPEC_CTRL	0x48
#define MSR_PRED_CMD	0x49
#define PRED_CMD_IBPB	1

/* Stack slots below the saved registers */
#define SLOT_FLAGS	0
#define SLOT_HOST	8
#define SLOT_REGS	16
#define SLOT_SPEC_CTRL	24

.section .noinstr.text, "ax"

/*
 * void holm_svm_enter(u64 *gpr, u64 guest_pa, u64 host_pa, u32 flags,
 *		       u64 guest_spec_ctrl, u64 host_spec_ctrl)
 *
 * Interrupts are off and come back off. GIF is 0 from before the guest's
 * FS, GS, TR and system call MSRs are loaded until the host's are back: no
 * NMI or machine check sees the guest's.
 */
SYM_FUNC_START(holm_svm_enter)
	push	%rbp
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%rbx
	push	%r9			/* SLOT_SPEC_CTRL */
	push	%rdi			/* SLOT_REGS */
	push	%rdx			/* SLOT_HOST */
	push	%rcx			/* SLOT_FLAGS */

	clgi
	/*
	 * With V_INTR_MASKING the host's IF says whether a physical interrupt
	 * ends the guest (15.21.1). Set it well before VMRUN: some CPUs carry
	 * an STI shadow over into the guest.
	 */
	sti

	/* No RET and no indirect branch from here on. */
	test	$ENTER_SPEC_CTRL, %cl
	jz	1f
	mov	$MSR_SPEC_CTRL, %ecx
	mov	%r8d, %eax
	mov	%r8, %rdx
	shr	$32, %rdx
	wrmsr
1:
	mov	%rsi, %rax
	vmload	%rax

	mov	GPR_RCX(%rdi), %rcx
	mov	GPR_RDX(%rdi), %rdx
	mov	GPR_RBX(%rdi), %rbx
	mov	GPR_RBP(%rdi), %rbp
	mov	GPR_RSI(%rdi), %rsi
	mov	GPR_R8(%rdi), %r8
	mov	GPR_R9(%rdi), %r9
	mov	GPR_R10(%rdi), %r10
	mov	GPR_R11(%rdi), %r11
	mov	GPR_R12(%rdi), %r12
	mov	GPR_R13(%rdi), %r13
	mov	GPR_R14(%rdi), %r14
	mov	GPR_R15(%rdi), %r15
	mov	GPR_RDI(%rdi), %rdi

	vmrun	%rax
	/* RAX and RSP are the host's again; the guest's are in the VMCB. */
	cli
	vmsave	%rax

	mov	SLOT_REGS(%rsp), %rax
	mov	%rcx, GPR_RCX(%rax)
	mov	%rdx, GPR_RDX(%rax)
	mov	%rbx, GPR_RBX(%rax)
	mov	%rbp, GPR_RBP(%rax)
	mov	%rsi, GPR_RSI(%rax)
	mov	%rdi, GPR_RDI(%rax)
	mov	%r8, GPR_R8(%rax)
	mov	%r9, GPR_R9(%rax)
	mov	%r10, GPR_R10(%rax)
	mov	%r11, GPR_R11(%rax)
	mov	%r12, GPR_R12(%rax)
	mov	%r13, GPR_R13(%rax)
	mov	%r14, GPR_R14(%rax)
	mov	%r15, GPR_R15(%rax)

	mov	SLOT_HOST(%rsp), %rax
	vmload	%rax

	/* The guest's values must not reach speculative loads of ours. */
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%ebx, %ebx
	xor	%ebp, %ebp
	xor	%esi, %esi
	xor	%edi, %edi
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	xor	%r12d, %r12d
	xor	%r13d, %r13d
	xor	%r14d, %r14d
	xor	%r15d, %r15d

	mov	SLOT_FLAGS(%rsp), %ebx
	test	$ENTER_SPEC_CTRL, %bl
	jz	1f
	mov	$MSR_SPEC_CTRL, %ecx
	mov	SLOT_SPEC_CTRL(%rsp), %eax
	mov	(SLOT_SPEC_CTRL + 4)(%rsp), %edx
	wrmsr
	xor	%edx, %edx
1:	test	$ENTER_IBPB, %bl
	jz	1f
	mov	$MSR_PRED_CMD, %ecx
	mov	$PRED_CMD_IBPB, %eax
	wrmsr
1:	test	$ENTER_FILL_RSB, %bl
	jz	4f
	/* Before the first RET: 32 return addresses of ours. */
	mov	$16, %ebx
2:	ANNOTATE_INTRA_FUNCTION_CALL
	call	3f
	int3
3:	ANNOTATE_INTRA_FUNCTION_CALL
	call	5f
	int3
5:	add	$16, %rsp
	dec	%ebx
	jnz	2b
4:	lfence				/* no branch above is guessed past */
	stgi

	add	$32, %rsp
	pop	%rbx
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	pop	%rbp
	RET
SYM_FUNC_END(holm_svm_enter)
