/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The paravirtual interface: hypercalls, and the time of a page.
 */
#include "guest.inc"

/* At SCRATCH_ADDR: number, four arguments; behind them the result. Then whether by VMCALL. */
guest64 pv_call
	mov	SCRATCH_ADDR, %rax
	mov	SCRATCH_ADDR + 8, %rbx
	mov	SCRATCH_ADDR + 16, %rcx
	mov	SCRATCH_ADDR + 24, %rdx
	mov	SCRATCH_ADDR + 32, %rsi
	cmpl	$0, SCRATCH_ADDR + 48
	je	1f
	vmcall
	jmp	2f
1:	vmmcall
2:	mov	%rax, SCRATCH_ADDR + 40
	host	1
	jmp	pv_call

/* By CPL 3. */
guest64 pv_call_user
	mov	SCRATCH_ADDR, %rax
	cmpl	$0, SCRATCH_ADDR + 48
	je	1f
	vmcall
	jmp	2f
1:	vmmcall
2:	reportq
	done

/* MSR 0x4b564d01 is set to the value at SCRATCH_ADDR; the TSC behind that. */
guest64 pv_clock
	mov	$0x4b564d01, %ecx
	mov	SCRATCH_ADDR, %eax
	xor	%edx, %edx
	wrmsr
	lfence
	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
	reportq
	done
