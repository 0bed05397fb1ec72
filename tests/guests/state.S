/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guests that are taken from one VM to another while they run.
 */
#include "calls.h"
#include "guest.inc"

#define BUFFER		(SCRATCH_ADDR + 0x4000)
#define BUFFER_SIZE	200

/*
 * Arithmetic with all kinds of registers: EBX rounds, R12D 0 without AVX. What
 * is reported depends on each bit of it.
 */
guest64 mix
	test	%r12d, %r12d
	jz	1f
	mov	%cr4, %rax
	or	$1 << 18, %rax			/* OSXSAVE */
	mov	%rax, %cr4
	xor	%ecx, %ecx
	xor	%edx, %edx
	mov	$7, %eax
	xsetbv
1:	movabs	$0x9e3779b97f4a7c15, %r9
	fninit
	fldpi
	fld1
	movq	%r9, %xmm0
	pxor	%xmm15, %xmm15
	test	%r12d, %r12d
	jz	2f
	vxorps	%ymm3, %ymm3, %ymm3
	vxorps	%ymm14, %ymm14, %ymm14
2:	imul	$0x5bd1e995, %r9, %r9
	add	$0x1234567, %r9
	rol	$13, %r9
	movq	%r9, %xmm1
	paddq	%xmm1, %xmm0
	pxor	%xmm0, %xmm15
	psllq	$1, %xmm0
	fadd	%st(1), %st
	test	%r12d, %r12d
	jz	3f
	vinsertf128 $1, %xmm1, %ymm3, %ymm3
	vxorps	%ymm3, %ymm14, %ymm14
3:	mov	%r9, BUFFER
	mov	$BUFFER, %esi
	mov	$BUFFER + 8, %edi
	mov	$BUFFER_SIZE, %ecx
	cld
	rep	movsb
	add	BUFFER + BUFFER_SIZE, %r9
	test	$0x3f, %bl
	jnz	4f
	xor	%eax, %eax
	push	%rbx
	cpuid
	pop	%rbx
4:	dec	%ebx
	jnz	2b
	mov	%r9, %rax
	reportq
	movq	%xmm15, %rax
	reportq
	fstpl	BUFFER
	mov	BUFFER, %rax
	reportq
	fstpl	BUFFER
	mov	BUFFER, %rax
	reportq
	test	%r12d, %r12d
	jz	5f
	vextractf128 $1, %ymm14, %xmm2
	movq	%xmm2, %rax
	reportq
5:	mov	$BUFFER, %esi
	mov	$BUFFER_SIZE / 8, %ecx
	xor	%ebx, %ebx
6:	lodsq
	xor	%rax, %rbx
	rol	$7, %rbx
	dec	%ecx
	jnz	6b
	mov	%rbx, %rax
	reportq
	done

/* MSRs that the CPU switches, and registers that exits do not touch. */
guest64 msrs
	mov	$0xc0000081, %ecx
	mov	$0x00072200, %eax
	xor	%edx, %edx
1:	wrmsr
	inc	%ecx
	cmp	$0xc0000085, %ecx
	jb	1b
	mov	$0x174, %ecx
2:	wrmsr
	inc	%ecx
	cmp	$0x177, %ecx
	jb	2b
	mov	$0xc0000102, %ecx
	mov	$0x33334444, %eax
	mov	$0x00001234, %edx
	wrmsr
	host	CALL_EVENT
	mov	$0xc0000081, %ecx
3:	rdmsr
	report
	inc	%ecx
	cmp	$0xc0000085, %ecx
	jb	3b
	mov	$0xc0000102, %ecx
	rdmsr
	report
	swapgs
	mov	$0xc0000101, %ecx
	rdmsr
	report
	mov	$0x174, %ecx
4:	rdmsr
	report
	inc	%ecx
	cmp	$0x177, %ecx
	jb	4b
	done

/* A timer that is due after the guest has moved. */
guest64 timer_moves
	mov	$LAPIC_BASE + LAPIC_TDCR, %ebx
	movl	$0xb, (%rbx)
	mov	$LAPIC_BASE + LAPIC_LVTT, %ebx
	movl	$0x61, (%rbx)
	mov	$LAPIC_BASE + LAPIC_TMICT, %ebx
	mov	%r14d, (%rbx)
	host	CALL_EVENT
	sti
1:	hlt
timer_moves_at:
	report_val 9
	done

guest64 deadline_moves
	mov	$LAPIC_BASE + LAPIC_LVTT, %ebx
	movl	$LVT_DEADLINE | 0x61, (%rbx)
	mov	$MSR_TSC_DEADLINE, %ecx
	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
	add	%r15, %rax
	mov	%rax, %rdx
	shr	$32, %rdx
	wrmsr
	host	CALL_EVENT
	sti
	hlt
deadline_moves_at:
	report_val 9
	done

/* ---- a second processor ------------------------------------------------------------ */

/* Where a start-up IPI leads: tells what INIT left in the registers. */
guest16 startup
	push	%eax			/* SP is 0: the top of segment 0 */
	movzwl	%cx, %eax		/* CS, by the code that jumped here */
	report
	pop	%eax
	report
	mov	%edx, %eax
	report
	mov	%ebx, %eax
	report
	pushfl
	pop	%eax
	report
	mov	%cr0, %eax
	report
	mov	%cr4, %eax
	report
	mov	%dr7, %eax
	report
	mov	$0xc0000080, %ecx
	rdmsr
	report
	mov	$0x174, %ecx
	rdmsr
	report
	done

/* Junk wherever INIT has something else; then it waits for INIT. */
guest64 before_init
	mov	$0x174, %ecx
	mov	$0x5678, %eax
	xor	%edx, %edx
	wrmsr
	mov	$0xdeadb000, %eax
	mov	%rax, %dr0
	mov	$0x402, %eax
	mov	%rax, %dr7
	mov	$0xaaaaaaaa, %ebx
	host	CALL_EVENT
	hlt
	done
