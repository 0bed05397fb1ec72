/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest: 64-bit mode, interrupts off, memory mapped one to one. Each
 * operation is done in a loop between two RDTSC.
 */
#include "bench.h"

#define MSR_TSC_ADJUST		0x3b
#define MSR_APIC_BASE		0x1b
#define APIC_BASE_X2APIC	0xc00
#define MSR_X2APIC_EOI		0x80b
#define MSR_X2APIC_SVR		0x80f
#define MSR_X2APIC_SELF_IPI	0x83f
#define SVR_ENABLE		0x1ff

	.section .rodata
	.globl bench_guest, bench_guest_end, bench_guest_isr, bench_guest_vmcall

/* One RDTSC into \reg. */
.macro TICKS reg
	lfence
	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
	mov	%rax, \reg
.endm

/* BEGIN opens the loop of \n, END closes it and reports operation \id. */
.macro BEGIN n
	mov	$\n, %r12
	mov	$\n, %r14
	TICKS	%r13
1:
.endm

.macro END id
	dec	%r12
	jnz	1b
	TICKS	%r15
	sub	%r13, %r15
	mov	$\id, %eax
	out	%eax, $BENCH_PORT_ID
	mov	%r14d, %eax
	out	%eax, $BENCH_PORT_COUNT
	mov	%r15d, %eax
	out	%eax, $BENCH_PORT_TICKS
.endm

	.balign 16
bench_guest:
	/* x2APIC on, software enabled. */
	mov	$MSR_APIC_BASE, %ecx
	rdmsr
	or	$APIC_BASE_X2APIC, %eax
	wrmsr
	mov	$MSR_X2APIC_SVR, %ecx
	mov	$SVR_ENABLE, %eax
	xor	%edx, %edx
	wrmsr

	/* Twice: what is measured first also warms up. */
	mov	$2, %ebp
again:
	BEGIN	1000
	END	BENCH_EMPTY

	BEGIN	1000
	xor	%eax, %eax
	xor	%ecx, %ecx
	cpuid
	END	BENCH_CPUID

	BEGIN	1000
	mov	$-1, %rax
bench_guest_vmcall:
	vmcall
	END	BENCH_HYPERCALL

	BEGIN	1000
	mov	$MSR_TSC_ADJUST, %ecx
	xor	%eax, %eax
	xor	%edx, %edx
	wrmsr
	END	BENCH_MSR

	BEGIN	1000
	out	%al, $BENCH_PORT_NULL
	END	BENCH_PORT

	BEGIN	500
	mov	$MSR_X2APIC_SELF_IPI, %ecx
	mov	$BENCH_VECTOR, %eax
	xor	%edx, %edx
	wrmsr
	sti
	hlt
	cli
	END	BENCH_HLT

	/* 512 pages in each of the two rounds. */
	mov	$2, %ebx
	sub	%ebp, %ebx
	shl	$21, %ebx
	add	$BENCH_FRESH, %ebx
	BEGIN	512
	movb	$1, (%rbx)
	add	$0x1000, %rbx
	END	BENCH_FAULT

	dec	%ebp
	jnz	again
	out	%al, $BENCH_PORT_END
2:	hlt
	jmp	2b

bench_guest_isr:
	push	%rax
	push	%rcx
	push	%rdx
	mov	$MSR_X2APIC_EOI, %ecx
	xor	%eax, %eax
	xor	%edx, %edx
	wrmsr
	pop	%rdx
	pop	%rcx
	pop	%rax
	iretq
bench_guest_end:

	.section .note.GNU-stack, "", @progbits
