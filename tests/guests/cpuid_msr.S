/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPUID, MSRs, and instructions that a guest is not to have.
 */
#include "guest.inc"

/* All four registers of a leaf. */
guest64 cpuid_leaf
	mov	SCRATCH_ADDR, %eax
	mov	SCRATCH_ADDR + 4, %ecx
	cpuid
	mov	%eax, SCRATCH_ADDR + 8
	mov	%ebx, SCRATCH_ADDR + 12
	mov	%ecx, SCRATCH_ADDR + 16
	mov	%edx, SCRATCH_ADDR + 20
	host	1
	jmp	cpuid_leaf

/* Upper halves are cleared. */
guest64 cpuid_upper
	mov	$-1, %rax
	mov	$0, %eax
	mov	$-1, %rbx
	mov	$-1, %rcx
	mov	$-1, %rdx
	cpuid
	mov	%rbx, %rax
	shr	$32, %rax
	report
	mov	%rcx, %rax
	shr	$32, %rax
	report
	mov	%rdx, %rax
	shr	$32, %rax
	report
	done

/* CPUID.1:ECX.OSXSAVE follows CR4. */
guest64 cpuid_osxsave
	mov	$1, %eax
	cpuid
	mov	%ecx, %eax
	and	$1 << 27, %eax
	report
	mov	%cr4, %rax
	or	$1 << 18, %rax
	mov	%rax, %cr4
	mov	$1, %eax
	cpuid
	mov	%ecx, %eax
	and	$1 << 27, %eax
	report
	done

/* MSR: index and value at SCRATCH_ADDR; write, read back. */
guest64 msr_access
	mov	SCRATCH_ADDR, %ecx
	mov	SCRATCH_ADDR + 8, %eax
	mov	SCRATCH_ADDR + 12, %edx
	fault	wrmsr
	xor	%eax, %eax
	xor	%edx, %edx
	mov	SCRATCH_ADDR, %ecx
	fault	rdmsr
	mov	%eax, SCRATCH_ADDR + 16
	mov	%edx, SCRATCH_ADDR + 20
	host	1
	jmp	msr_access

guest64 hypercall
	mov	$0x1234, %eax
	cmpl	$0, SCRATCH_ADDR
	je	1f
	vmcall
	jmp	2f
1:	vmmcall
2:	reportq
	done

guest64 hidden_insns
	xor	%ecx, %ecx
	fault	rdpmc
	xor	%eax, %eax
	xor	%edx, %edx
	fault	monitor
	fault	mwait
	fault	.byte 0x0f, 0x01, 0xd8		/* VMRUN */
	fault	.byte 0x0f, 0x01, 0xda		/* VMLOAD */
	fault	.byte 0x0f, 0x01, 0xdb		/* VMSAVE */
	fault	.byte 0x0f, 0x01, 0xdc		/* STGI */
	fault	.byte 0x0f, 0x01, 0xdd		/* CLGI */
	fault	vmlaunch
	fault	vmresume
	fault	vmxoff
	fault	vmread %rax, %rbx
	fault	vmwrite %rax, %rbx
	invd
	wbinvd
	report_val 0x600d
	done
