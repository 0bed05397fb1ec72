/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the programs of several vCPUs have in common: interrupt handlers that
 * count, the start of application processors, barriers.
 */
#include "smp.inc"

	.globl	smp_ipi, smp_yield, smp_barrier, smp_wrong

	.section .guest, "awx"
	.code64

/* ---- interrupts -------------------------------------------------------------- */

/*
 * Counts the vector. An interrupt that finds RFLAGS.IF clear in what it
 * interrupted, or set in its handler, is none that a CPU delivers.
 */
	.balign	16
smp_vectors:
	.set	n, 0x20
	.rept	0x100 - 0x20
	.balign	16
	pushq	$n
	jmp	smp_interrupt
	.set	n, n + 1
	.endr

smp_interrupt:
	push	%rax
	push	%rbx
	push	%rcx
	push	%rdx
	mov	0x20(%rsp), %rbx		/* above: vector, RIP, CS, RFLAGS */
	pushfq
	pop	%rax
	test	$0x200, %eax
	jnz	1f
	mov	0x38(%rsp), %rax
	test	$0x200, %eax
	jnz	2f
1:	lock incq %gs:CPU_BAD
	mov	%rbx, %gs:CPU_BAD_VECTOR
	mov	%rax, %gs:CPU_BAD_RFLAGS
	mov	0x28(%rsp), %rax
	mov	%rax, %gs:CPU_BAD_RIP
	/* Between STI and HLT: the HLT would wait for what has come. */
2:	mov	0x28(%rsp), %rax
	cmpw	$0xf4fb, -1(%rax)
	jne	4f
	incq	0x28(%rsp)
	incq	%gs:CPU_NO_SHADOW
4:	movl	$1, %gs:CPU_BUSY
	incq	%gs:CPU_VECTORS(, %rbx, 8)
	mov	%gs:CPU_HOOK, %rax
	test	%rax, %rax
	jz	3f
	call	*%rax
3:	call	smp_eoi
	movl	$0, %gs:CPU_BUSY
	pop	%rdx
	pop	%rcx
	pop	%rbx
	pop	%rax
	add	$8, %rsp
	iretq

/* RAX, RBX, RCX and RDX are changed. */
smp_eoi:
	xor	%eax, %eax
	xor	%edx, %edx
	cmpl	$0, %gs:CPU_X2APIC
	je	1f
	mov	$MSR_X2APIC_EOI, %ecx
	wrmsr
	ret
1:	mov	$LAPIC_BASE + LAPIC_EOI, %ebx
	mov	%eax, (%rbx)
	ret

smp_nmi:
	incq	%gs:CPU_NMIS
	iretq

/* Send an IPI: EAX the low half of ICR, EDX the destination. RBX, RCX, RDX are changed. */
smp_ipi:
	cmpl	$0, %gs:CPU_X2APIC
	je	1f
	mov	$MSR_X2APIC_ICR, %ecx
	wrmsr
	ret
1:	shl	$24, %edx
	mov	$LAPIC_BASE + LAPIC_ICR2, %ebx
	mov	%edx, (%rbx)
	mov	$LAPIC_BASE + LAPIC_ICR, %ebx
	mov	%eax, (%rbx)
	ret

/* ---- waiting ------------------------------------------------------------------- */

smp_yield:
	push	%rax
	mov	%gs:CPU_RELAX_EVERY, %eax
	mov	%eax, %gs:CPU_RELAX
	out	%al, $PORT_YIELD
	pop	%rax
	ret

smp_barrier:
	mov	%gs:CPU_NUMBER, %rax
	add	%rax, %gs:CPU_BARRIERS
	lock incq SHARED_ARRIVED
	mov	%gs:CPU_BARRIERS, %rax
1:	cmp	%rax, SHARED_ARRIVED
	jae	2f
	relax
	jmp	1b
2:	ret

/* RAX, of the first. */
smp_wrong:
	cmpq	$0, %gs:CPU_ERRORS
	jne	1f
	mov	%rax, %gs:CPU_WRONG
1:	incq	%gs:CPU_ERRORS
	ret

/* ---- application processors ------------------------------------------------------ */

/*
 * SDM Vol. 3, "MP Initialization Protocol": CS is the vector's page, IP is 0.
 * Two pages, to tell which one it was.
 */
	.section .text16, "awx"
	.code16
	.balign	8
smp_gdt_pointer:
	.word	GDT_SIZE - 1
	.long	GDT_ADDR
	.balign	8
smp_idt_pointer:
	.word	0xfff
	.long	IDT_ADDR
	.balign	0x1000
ap_start:
	xor	%ax, %ax
	mov	%ax, %ds
	lock incw AP_STARTS
	jmp	ap_common
	.balign	0x1000
ap_start_2:
	xor	%ax, %ax
	mov	%ax, %ds
	lock incw AP_STARTS_2
ap_common:
	mov	%cs, AP_CS
	mov	%cr0, %eax
	mov	%eax, AP_CR0
	mov	%edx, AP_EDX
	ljmp	$0, $1f
1:	lgdtl	smp_gdt_pointer
	lidtl	smp_idt_pointer
	mov	$PML4_ADDR, %eax
	mov	%eax, %cr3
	mov	%cr4, %eax
	or	$0x620, %eax			/* PAE, OSFXSR, OSXMMEXCPT */
	mov	%eax, %cr4
	mov	$0xc0000080, %ecx
	mov	$0x900, %eax			/* LME, NXE */
	xor	%edx, %edx
	wrmsr
	mov	$0x80010023, %eax		/* PG, WP, NE, MP, PE */
	mov	%eax, %cr0
	ljmpl	$SEL_CODE64, $ap_long

	.section .guest
	.code64
ap_long:
	mov	$SEL_DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %fs
	mov	%eax, %gs
	mov	%eax, %ss
	mov	$1, %eax
	cpuid
	shr	$24, %ebx			/* initial APIC ID */
	movzbl	AP_INDEX(%rbx), %edi
	imul	$SMP_AREA_SIZE, %edi, %eax
	add	$SMP_AREA, %eax
	xor	%edx, %edx
	mov	$MSR_GS_BASE, %ecx
	wrmsr
	lea	1(%rdi), %eax
	imul	$SMP_STACK_SIZE, %eax, %eax
	lea	SMP_STACK(%rax), %rsp
	mov	%gs:CPU_NUMBER, %esi
	mov	AP_ENTRY, %rax
	jmp	*%rax
