/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest: 64-bit mode, interrupts off, memory mapped one to one. Each
 * operation is done in a loop between two RDTSC. EDI is the one operation to
 * do for ever, or 0 for all of them, BENCH_ROUNDS times: loops are short, so
 * that the host's timer does not tick in each of them.
 */
#include "bench.h"

#define MSR_APIC_BASE		0x1b
#define MSR_TSC_ADJUST		0x3b
#define MSR_TSC_DEADLINE	0x6e0
#define APIC_BASE_X2APIC	0xc00
#define MSR_X2APIC_EOI		0x80b
#define MSR_X2APIC_SVR		0x80f
#define MSR_X2APIC_ICR		0x830
#define MSR_X2APIC_LVT_TIMER	0x832
#define MSR_X2APIC_SELF_IPI	0x83f
#define SVR_ENABLE		0x1ff
#define LVT_TSC_DEADLINE	(2 << 17)

	.section .rodata
	.globl bench_guest, bench_guest_end, bench_guest_isr, bench_guest_vmcall
	.globl bench_guest_ap, bench_guest_ap_isr, bench_guest_null_isr

/* One RDTSC into \reg. */
.macro TICKS reg
	lfence
	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
	mov	%rax, \reg
.endm

.macro SET_MSR msr, low, high=0
	mov	$\msr, %ecx
	mov	$\low, %eax
	mov	$\high, %edx
	wrmsr
.endm

/* SECTION begins what belongs to operation \id, until DONE. */
.macro SECTION id
	test	%edi, %edi
	jz	8f
	cmp	$\id, %edi
	jne	9f
8:
.endm

/*
 * BEGIN opens the loop of \n, END closes it and reports the operation. The
 * label is for tests/bench/profile.
 */
.macro BEGIN n, id
	mov	$\n, %r12
	mov	$\n, %r14
	TICKS	%r13
bench_loop_\id:
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
9:
.endm

.macro X2APIC
	mov	$MSR_APIC_BASE, %ecx
	rdmsr
	or	$APIC_BASE_X2APIC, %eax
	wrmsr
	SET_MSR	MSR_X2APIC_SVR, SVR_ENABLE
.endm

.macro EOI
	SET_MSR	MSR_X2APIC_EOI, 0
.endm

	.balign 16
bench_guest:
	X2APIC
	SET_MSR	MSR_X2APIC_LVT_TIMER, (LVT_TSC_DEADLINE | BENCH_VECTOR)

	mov	$BENCH_ROUNDS, %ebp
again:
	SECTION	BENCH_EMPTY
	BEGIN	100, empty
	END	BENCH_EMPTY

	SECTION	BENCH_CPUID
	BEGIN	100, cpuid
	xor	%eax, %eax
	xor	%ecx, %ecx
	cpuid
	END	BENCH_CPUID

	SECTION	BENCH_HYPERCALL
	BEGIN	100, hypercall
	mov	$-1, %rax
bench_guest_vmcall:
	vmcall
	END	BENCH_HYPERCALL

	SECTION	BENCH_MSR
	BEGIN	100, msr
	SET_MSR	MSR_TSC_ADJUST, 0
	END	BENCH_MSR

	/* Interrupts are off: it stays pending. */
	SECTION	BENCH_ICR_SELF
	BEGIN	100, icr_self
	SET_MSR	MSR_X2APIC_ICR, BENCH_VECTOR
	END	BENCH_ICR_SELF
	sti
	nop
	cli

	SECTION	BENCH_ICR_OTHER
	BEGIN	100, icr_other
	SET_MSR	MSR_X2APIC_ICR, BENCH_VECTOR_NULL, 1
	END	BENCH_ICR_OTHER

	SECTION	BENCH_IOEVENTFD
	BEGIN	100, ioeventfd
	out	%ax, $BENCH_PORT_DOORBELL
	END	BENCH_IOEVENTFD

	SECTION	BENCH_PORT
	BEGIN	40, port
	out	%al, $BENCH_PORT_NULL
	END	BENCH_PORT

	SECTION	BENCH_HLT
	BEGIN	30, hlt
	SET_MSR	MSR_X2APIC_SELF_IPI, BENCH_VECTOR
	sti
	hlt
	cli
	END	BENCH_HLT

	/* Less the time that is spent until the deadline. */
	SECTION	BENCH_TIMER
	BEGIN	4, timer
	mov	BENCH_FLAG, %esi
	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
	add	$BENCH_DEADLINE, %rax
	add	$BENCH_DEADLINE, %r13
	mov	%rax, %rdx
	shr	$32, %rdx
	mov	$MSR_TSC_DEADLINE, %ecx
	sti
	wrmsr
2:	cmp	%esi, BENCH_FLAG
	je	2b
	cli
	END	BENCH_TIMER

	/* Other pages in each round. */
	SECTION	BENCH_FAULT
	xor	%ebx, %ebx
	test	%edi, %edi
	jz	2f
	out	%al, $BENCH_PORT_RESET
	jmp	3f
2:	mov	$BENCH_ROUNDS, %ebx
	sub	%ebp, %ebx
	imul	$(BENCH_FAULTS * 0x1000), %ebx
3:	add	$BENCH_FRESH, %ebx
	BEGIN	BENCH_FAULTS, fault
	movb	$1, (%rbx)
	add	$0x1000, %rbx
	END	BENCH_FAULT

	SECTION	BENCH_FAULT_2M
	xor	%ebx, %ebx
	test	%edi, %edi
	jz	2f
	out	%al, $BENCH_PORT_RESET
	jmp	3f
2:	mov	$BENCH_ROUNDS, %ebx
	sub	%ebp, %ebx
	shl	$21, %ebx
3:	add	$BENCH_HUGE, %ebx
	BEGIN	1, fault_2m
	movb	$1, (%rbx)
	add	$0x200000, %rbx
	END	BENCH_FAULT_2M

	SECTION	BENCH_DIRTY_FAULT
	mov	$BENCH_DIRTY, %ebx
2:	movb	$1, (%rbx)
	add	$0x1000, %rbx
	cmp	$(BENCH_DIRTY + BENCH_DIRTY_SIZE), %ebx
	jb	2b
	out	%al, $BENCH_PORT_PROTECT
	mov	$BENCH_DIRTY, %ebx
	BEGIN	BENCH_FAULTS, dirty_fault
	movb	$1, (%rbx)
	add	$0x1000, %rbx
	END	BENCH_DIRTY_FAULT

	test	%edi, %edi
	jz	2f
	cmp	$BENCH_WAKE, %edi
	jne	again
	jmp	3f
2:	dec	%ebp
	jnz	again

	/* Last, because vCPU 1 runs from here on. */
3:	out	%al, $BENCH_PORT_GO
	mov	$BENCH_ROUNDS, %ebp
again_wake:
	SECTION	BENCH_WAKE
	BEGIN	5, wake
	mov	BENCH_FLAG, %esi
	SET_MSR	MSR_X2APIC_ICR, BENCH_VECTOR_AP, 1
2:	cli
	cmp	%esi, BENCH_FLAG
	jne	3f
	sti
	hlt
	jmp	2b
3:
	END	BENCH_WAKE
	test	%edi, %edi
	jnz	again_wake
	dec	%ebp
	jnz	again_wake

	out	%al, $BENCH_PORT_END
2:	hlt
	jmp	2b

bench_guest_isr:
	push	%rax
	push	%rcx
	push	%rdx
	EOI
	incl	BENCH_FLAG
	pop	%rdx
	pop	%rcx
	pop	%rax
	iretq

bench_guest_ap:
	X2APIC
	out	%al, $BENCH_PORT_READY
2:	sti
	hlt
	jmp	2b

bench_guest_ap_isr:
	EOI
	SET_MSR	MSR_X2APIC_ICR, BENCH_VECTOR
	iretq

bench_guest_null_isr:
	EOI
	iretq
bench_guest_end:

	.section .note.GNU-stack, "", @progbits
