/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inter-processor interrupts: one vCPU sends what SMP_TABLE says and waits
 * until all have arrived; the others receive them in one of several ways.
 */
#include "smp.inc"

	.section .guest, "awx"
	.code64

/* The programs of the others end. */
smp_stop_others:
	movq	$1, SHARED_STOP
	mov	$ICR_FIXED | ICR_ASSERT | ICR_OTHERS | VEC_SMP_WAKE, %eax
	xor	%edx, %edx
	jmp	smp_ipi

/* ---- receivers ----------------------------------------------------------------------- */

guest64 ipi_halt
	barrier
1:	cli
	cmpq	$0, SHARED_STOP
	jne	2f
	sti
	hlt
	jmp	1b
2:	done

guest64 ipi_spin
	barrier
	sti
1:	relax
	cmpq	$0, SHARED_STOP
	je	1b
	cli
	done

/* Interrupts are on for one instruction now and then. */
guest64 ipi_window
	barrier
1:	mov	$20, %ecx
2:	pause
	dec	%ecx
	jnz	2b
	sti
	nop
	cli
	relax
	cmpq	$0, SHARED_STOP
	je	1b
	done

/* Exits all the time. */
guest64 ipi_exits
	barrier
	sti
1:	xor	%eax, %eax
	cpuid
	relax
	cmpq	$0, SHARED_STOP
	je	1b
	cli
	done

/* ---- the sender ------------------------------------------------------------------------ */

/* RAX: what all in the mask of the entry at R12, or all, have got; RCX, RDX, RBX are changed. */
ipi_sum:
	xor	%eax, %eax
	xor	%ecx, %ecx
	mov	$SMP_AREA + CPU_NMIS, %ebx
	mov	IPI_VECTOR(%r12), %edx
	cmp	$2, %edx
	je	1f
	lea	SMP_AREA + CPU_VECTORS(, %rdx, 8), %ebx
1:	mov	IPI_MASK(%r12), %edx
	test	%edx, %edx
	jz	2f
	bt	%ecx, %edx
	jnc	3f
2:	add	(%rbx), %rax
3:	add	$SMP_AREA_SIZE, %ebx
	inc	%ecx
	cmp	%gs:CPU_NUMBER, %rcx
	jb	1b
	ret

/* CPU_ARG + 8: no interrupt is in service when the next one is sent. */
guest64 ipi_table
	barrier
	sti
	mov	$SMP_TABLE, %r12d
1:	mov	IPI_ROUNDS(%r12), %r13d
	test	%r13d, %r13d
	jz	9f
	/* R15: how many arrive each time. */
	mov	IPI_MASK(%r12), %eax
	mov	$1, %r15d
	test	%eax, %eax
	jz	3f
	xor	%r15d, %r15d
2:	mov	%eax, %ecx
	and	$1, %ecx
	add	%ecx, %r15d
	shr	$1, %eax
	jnz	2b
3:	call	ipi_sum
	lea	(%rax, %r15), %r14
	mov	IPI_ICR(%r12), %eax
	mov	IPI_DEST(%r12), %edx
	call	smp_ipi
4:	call	ipi_sum
	cmp	%r14, %rax
	jae	5f
	relax
	jmp	4b
5:	cmpq	$0, %gs:CPU_ARG + 8
	je	8f
	/* What is in service has a priority: until none is. */
	mov	$SMP_AREA, %ebx
	xor	%ecx, %ecx
6:	cmpl	$0, CPU_BUSY(%rbx)
	je	7f
	relax
	jmp	6b
7:	add	$SMP_AREA_SIZE, %ebx
	inc	%ecx
	cmp	%gs:CPU_NUMBER, %rcx
	jb	6b
8:	dec	%r13d
	jnz	3b
	add	$IPI_SIZE, %r12d
	jmp	1b
9:	cli
	call	smp_stop_others
	done

/* By SELF IPI; CPU_ARG: rounds. */
guest64 ipi_self
	barrier
	sti
	xor	%r12d, %r12d
1:	inc	%r12
	mov	$MSR_X2APIC_SELF, %ecx
	mov	$VEC_SMP, %eax
	xor	%edx, %edx
	wrmsr
2:	cmp	%r12, %gs:CPU_VECTORS + 8 * VEC_SMP
	jae	3f
	relax
	jmp	2b
3:	cmp	%gs:CPU_ARG, %r12
	jb	1b
	cli
	barrier
	done

/* ---- a token that goes round -------------------------------------------------------------- */

/*
 * Each that gets it hands it on to the next; CPU_ARG: how often it comes to
 * the first. SHARED_COUNT: how often it has been received: if it were lost
 * or came twice it could not be what each computes from its own count.
 */
ring_hook:
	cmp	$VEC_SMP, %ebx
	jne	9f
	mov	%gs:CPU_INDEX, %ecx
	mov	%gs:CPU_VECTORS + 8 * VEC_SMP, %rax
	dec	%rax
	imul	%gs:CPU_NUMBER, %rax
	mov	%gs:CPU_NUMBER, %edx
	test	%ecx, %ecx
	cmovnz	%ecx, %edx
	lea	-1(%rax, %rdx), %rax		/* before this one */
	cmp	%rax, SHARED_COUNT
	wrong_unless e
	incq	SHARED_COUNT
	test	%ecx, %ecx
	jnz	1f
	mov	%gs:CPU_ARG, %rax
	cmp	%rax, %gs:CPU_VECTORS + 8 * VEC_SMP
	jae	smp_stop_others
1:	lea	1(%rcx), %edx
	cmp	%gs:CPU_NUMBER, %edx
	jb	2f
	xor	%edx, %edx
2:	mov	$ICR_FIXED | ICR_ASSERT | VEC_SMP, %eax
	jmp	smp_ipi
9:	ret

.macro ring_start
	mov	$ICR_FIXED | ICR_ASSERT | VEC_SMP, %eax
	mov	$1, %edx
	call	smp_ipi
.endm

guest64 ring_halt
	barrier
	ring_start
1:	cli
	cmpq	$0, SHARED_STOP
	jne	2f
	sti
	hlt
	jmp	1b
2:	done

guest64 ring_spin
	barrier
	ring_start
	sti
1:	relax
	cmpq	$0, SHARED_STOP
	je	1b
	cli
	done

/* ---- all to all ------------------------------------------------------------------------------ */

/*
 * Each interrupts all others with a vector of its own and waits until they
 * have counted it; CPU_ARG: rounds.
 */
guest64 ipi_all_to_all
	barrier
	sti
	xor	%r12d, %r12d
1:	inc	%r12
	mov	%gs:CPU_INDEX, %eax
	add	$ICR_FIXED | ICR_ASSERT | ICR_OTHERS | VEC_SMP, %eax
	xor	%edx, %edx
	call	smp_ipi
	xor	%ecx, %ecx
	mov	%gs:CPU_INDEX, %edx
	lea	SMP_AREA + CPU_VECTORS + 8 * VEC_SMP(, %rdx, 8), %ebx
2:	cmp	%ecx, %edx
	je	4f
3:	cmp	%r12, (%rbx)
	jae	4f
	relax
	jmp	3b
4:	add	$SMP_AREA_SIZE, %ebx
	inc	%ecx
	cmp	%gs:CPU_NUMBER, %rcx
	jb	2b
	cmp	%gs:CPU_ARG, %r12
	jb	1b
	barrier
	cli
	done

/* ---- to one that has interrupts off ------------------------------------------------------------ */

/* An NMI comes at once; three requests of a vector wait, as one. */
guest64 ipi_closed
	mov	%gs:CPU_ARG, %r12
1:	barrier
	mov	$3, %r13d
2:	mov	$ICR_FIXED | ICR_ASSERT | VEC_SMP, %eax
	mov	$1, %edx
	call	smp_ipi
	dec	%r13d
	jnz	2b
	mov	$ICR_NMI | ICR_ASSERT, %eax
	mov	$1, %edx
	call	smp_ipi
	barrier
	dec	%r12
	jnz	1b
	done

guest64 ipi_closed_receiver
	xor	%r12d, %r12d
1:	barrier
	inc	%r12
2:	cmp	%r12, %gs:CPU_NMIS
	jae	3f
	relax
	jmp	2b
3:	mov	%gs:CPU_VECTORS + 8 * VEC_SMP, %rax
	inc	%rax
	cmp	%r12, %rax
	wrong_unless e
	sti
4:	cmp	%r12, %gs:CPU_VECTORS + 8 * VEC_SMP
	jae	5f
	relax
	jmp	4b
5:	cli
	barrier
	mov	%gs:CPU_VECTORS + 8 * VEC_SMP, %rax
	cmp	%r12, %rax
	wrong_unless e
	mov	%gs:CPU_NMIS, %rax
	cmp	%r12, %rax
	wrong_unless e
	cmp	%gs:CPU_ARG, %r12
	jb	1b
	done
