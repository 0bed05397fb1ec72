/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * INIT and start-up IPIs. CPU_ARG: the vectors of ap_start and ap_start_2,
 * rounds, and what application processors do when they are told to start again.
 */
#include "smp.inc"

#define STARTS_OF_1	%gs:CPU_ARG
#define STARTS_OF_2	%gs:CPU_ARG + 8
#define ROUNDS		%gs:CPU_ARG + 16
#define ACTIVITY	%gs:CPU_ARG + 24

	.section .guest, "awx"
	.code64

/* To all but this one. */
.macro init_others
	mov	$ICR_INIT | ICR_ASSERT | ICR_OTHERS, %eax
	xor	%edx, %edx
	call	smp_ipi
.endm

.macro sipi_others vector:vararg
	mov	\vector, %eax
	or	$ICR_SIPI | ICR_ASSERT | ICR_OTHERS, %eax
	xor	%edx, %edx
	call	smp_ipi
.endm

/* RAX: starts at a page; RCX is changed. */
.macro starts page
	movzwl	\page, %eax
.endm

/* INIT, SIPI, SIPI: each starts once. */
guest64 start_all
	init_others
	sipi_others STARTS_OF_1
	sipi_others STARTS_OF_1
	barrier
	barrier
	done

/* One after the other, by its ID, with the vectors in turn. */
guest64 start_each
	mov	$1, %r12d
1:	mov	$ICR_INIT | ICR_ASSERT, %eax
	mov	%r12d, %edx
	call	smp_ipi
	mov	STARTS_OF_1, %eax
	test	$1, %r12d
	cmovz	STARTS_OF_2, %eax
	or	$ICR_SIPI | ICR_ASSERT, %eax
	mov	%r12d, %edx
	call	smp_ipi
2:	cmp	%r12, SHARED_ARRIVED
	jae	3f
	relax
	jmp	2b
3:	inc	%r12d
	cmp	%gs:CPU_NUMBER, %r12
	jb	1b
	barrier
	barrier
	done

guest64 start_ap
	barrier
	barrier
	done

/* What waits for a start-up IPI takes nothing else; INIT makes it forget an NMI. */
guest64 start_nothing_else
	mov	$ICR_NMI | ICR_ASSERT | ICR_OTHERS, %eax
	xor	%edx, %edx
	call	smp_ipi
	mov	$ICR_FIXED | ICR_ASSERT | ICR_OTHERS | VEC_SMP, %eax
	xor	%edx, %edx
	call	smp_ipi
	host	1
	starts	AP_STARTS
	test	%eax, %eax
	wrong_unless z
	init_others
	host	1
	starts	AP_STARTS
	test	%eax, %eax
	wrong_unless z
	sipi_others STARTS_OF_1
	barrier
	barrier
	done

/* ---- start-up IPIs that nobody waits for ----------------------------------------- */

/* Each of the others gets on, by what it counts: R12, R13, RAX are changed. */
others_get_on:
	mov	$1, %r12d
1:	imul	$SMP_AREA_SIZE, %r12d, %r13d
	mov	SMP_AREA + CPU_RESULT(%r13), %rax
	add	$50, %rax
2:	cmp	%rax, SMP_AREA + CPU_RESULT(%r13)
	jae	3f
	relax
	jmp	2b
3:	inc	%r12d
	cmp	%gs:CPU_NUMBER, %r12
	jb	1b
	ret

guest64 start_ignored
	barrier
	mov	ROUNDS, %r15
1:	sipi_others STARTS_OF_2
	call	others_get_on
	dec	%r15
	jnz	1b
	movq	$1, SHARED_STOP
	done

guest64 count_ap
	cmpq	$0, SHARED_STOP			/* its second life */
	jne	2f
	barrier
1:	incq	%gs:CPU_RESULT
	relax
	cmpq	$0, SHARED_STOP
	je	1b
2:	done

/* ---- INIT of those that run ------------------------------------------------------- */

/* It stops them, whatever they do, and a fixed interrupt does not start them. */
guest64 init_stops
	barrier
	call	others_get_on
	init_others
	host	1
	mov	SMP_AREA + SMP_AREA_SIZE + CPU_RESULT, %r14
	mov	$ICR_FIXED | ICR_ASSERT | ICR_OTHERS | VEC_SMP, %eax
	xor	%edx, %edx
	call	smp_ipi
	host	1
	mov	SMP_AREA + SMP_AREA_SIZE + CPU_RESULT, %rax
	cmp	%r14, %rax
	wrong_unless e
	starts	AP_STARTS
	test	%eax, %eax
	wrong_unless z
	movq	$1, SHARED_STOP
	sipi_others STARTS_OF_1
	done

/* Again and again. They come to the barrier once in each life. */
guest64 init_again
	xor	%r15d, %r15d
1:	init_others
	sipi_others STARTS_OF_1
	barrier
	inc	%r15
	mov	%gs:CPU_NUMBER, %rcx
	dec	%rcx
	imul	%r15, %rcx
	starts	AP_STARTS
	cmp	%ecx, %eax
	wrong_unless e
	cmp	ROUNDS, %r15
	jb	1b
	movq	$1, SHARED_STOP
	init_others
	sipi_others STARTS_OF_2
	done

guest64 init_again_ap
	cmpq	$0, SHARED_STOP
	jne	5f
	barrier
	mov	ACTIVITY, %eax
	cmp	$1, %eax
	je	1f
	cmp	$2, %eax
	je	2f
	cmp	$3, %eax
	je	3f
	sti				/* 0: runs with interrupts on */
1:	incq	%gs:CPU_RESULT		/* 1: and off */
	relax
	jmp	1b
2:	sti				/* 2: halted with interrupts on */
3:	hlt				/* 3: and off */
	jmp	3b
5:	done

/* ---- INIT of the bootstrap processor ----------------------------------------------- */

guest64 init_bsp
	barrier
1:	relax
	jmp	1b

guest64 init_bsp_sender
	barrier
	mov	$ICR_INIT | ICR_ASSERT, %eax
	xor	%edx, %edx
	call	smp_ipi
	done
