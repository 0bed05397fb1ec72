/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that several vCPUs share: locked operations, locks, translations and
 * code that one changes while others use them.
 */
#include "smp.inc"

#define WINDOW_PTE	(PT_ADDR + (SMP_WINDOW >> 12) * 8)
#define PTE_FLAGS	0x07

	.section .guest, "awx"
	.code64

/* ---- locked operations and locks -------------------------------------------------- */

/* CPU_ARG: rounds. What is not locked would lose some. */
guest64 locked_add
	barrier
	mov	%gs:CPU_ARG, %r12
1:	lock incq SHARED_COUNT
	mov	$1, %eax
	lock xadd %eax, SHARED_FLAG
	dec	%r12
	jnz	1b
	barrier
	done

guest64 locked_wide
	barrier
	mov	%gs:CPU_ARG, %r12
1:	mov	SHARED_WIDE, %rax
	mov	SHARED_WIDE + 8, %rdx
2:	lea	1(%rax), %rbx
	lea	2(%rdx), %rcx
	lock cmpxchg16b SHARED_WIDE
	jnz	2b
	dec	%r12
	jnz	1b
	barrier
	done

/* A ticket lock, with PAUSE and nothing else; CPU_ARG: rounds. */
guest64 ticket_lock
	barrier
	mov	%gs:CPU_ARG, %r12
1:	mov	$1, %eax
	lock xadd %eax, SHARED_LOCK
2:	cmp	%eax, SHARED_LOCK + 4
	je	3f
	pause
	jmp	2b
3:	mov	SHARED_COUNT, %rax
	inc	%rax
	mov	%rax, SHARED_COUNT
	incl	SHARED_LOCK + 4
	dec	%r12
	jnz	1b
	barrier
	done

/* ---- translations that the guest changes ------------------------------------------- */

/*
 * The first maps two pages at SMP_WINDOW in turn: what the page holds is the
 * number of the turn. All others have invalidated their translation before
 * SHARED_EPOCH is that number: who reads the epoch, and then the window, must
 * not find an older one. CPU_ARG: turns, by CR3 rather than INVLPG.
 */
guest64 remap
	barrier
	sti
	xor	%r12d, %r12d
1:	inc	%r12
	mov	%r12d, %eax
	and	$1, %eax
	shl	$12, %eax
	add	$SMP_PAGES, %eax
	mov	%r12, (%rax)
	or	$PTE_FLAGS, %eax
	mov	%rax, WINDOW_PTE
	invlpg	SMP_WINDOW
	movq	$0, SHARED_COUNT
	mov	$ICR_FIXED | ICR_ASSERT | ICR_OTHERS | VEC_SMP, %eax
	xor	%edx, %edx
	call	smp_ipi
	mov	%gs:CPU_NUMBER, %rax
	dec	%rax
2:	cmp	%rax, SHARED_COUNT
	jae	3f
	relax
	jmp	2b
3:	mov	%r12, SHARED_EPOCH
	mov	SMP_WINDOW, %rax
	cmp	%r12, %rax
	wrong_unless e
	cmp	%gs:CPU_ARG, %r12
	jb	1b
	movq	$1, SHARED_STOP
	cli
	done

remap_hook:
	cmpq	$0, %gs:CPU_ARG + 8
	jne	1f
	invlpg	SMP_WINDOW
	jmp	2f
1:	mov	%cr3, %rax
	mov	%rax, %cr3
2:	lock incq SHARED_COUNT
	ret

guest64 remap_reader
	barrier
	sti
1:	mov	SHARED_EPOCH, %rcx
	mov	SMP_WINDOW, %rax
	cmp	%rcx, %rax
	wrong_unless ae
	incq	%gs:CPU_RESULT
	relax
	cmpq	$0, SHARED_STOP
	je	1b
	cli
	done

/* ---- memory that the host changes ----------------------------------------------------- */

/*
 * CPU_ARG: the address. SHARED_EPOCH is even while memory stands still: then
 * the word there is the epoch. CPU_SEEN: the last of which this was true.
 */
guest64 host_reader
	barrier
	mov	%gs:CPU_ARG, %rdi
1:	mov	SHARED_EPOCH, %rcx
	mov	(%rdi), %rax
	cmp	%rcx, SHARED_EPOCH
	jne	2f
	test	$1, %cl
	jnz	2f
	cmp	%rcx, %rax
	wrong_unless e
	mov	%rcx, %gs:CPU_SEEN
2:	relax
	cmpq	$0, SHARED_STOP
	je	1b
	done

/*
 * Counts in the word behind it: each that stores there again reads what it
 * stored. After a change it begins with what it finds.
 */
guest64 host_writer
	barrier
	mov	%gs:CPU_ARG, %rdi
	mov	%gs:CPU_INDEX, %eax
	lea	8(%rdi, %rax, 8), %rsi
1:	mov	SHARED_EPOCH, %rcx
	inc	%rbx
	mov	%rbx, (%rsi)
	mov	(%rsi), %rax
	mov	(%rdi), %rdx
	cmp	%rcx, SHARED_EPOCH
	jne	2f
	test	$1, %cl
	jnz	2f
	cmp	%rbx, %rax
	wrong_unless e
	mov	%rdx, %rax
	cmp	%rcx, %rax
	wrong_unless e
	mov	%rcx, %gs:CPU_SEEN
2:	relax
	cmpq	$0, SHARED_STOP
	je	1b
	done

/* ---- code that changes ------------------------------------------------------------------ */

/*
 * SDM Vol. 3, "Handling Self- and Cross-Modifying Code": the writer waits, the
 * others serialize before they execute it. CPU_ARG: turns; CPU_ARG + 8: of the
 * two ways to serialize.
 */
guest64 modify_code
	movb	$0xb8, SMP_CODE			/* MOV EAX, imm32; RET */
	movb	$0xc3, SMP_CODE + 5
	barrier
	xor	%r12d, %r12d
1:	inc	%r12d
	mov	%r12d, SMP_CODE + 1
	movq	$0, SHARED_COUNT
	mov	%r12, SHARED_FLAG
	mov	%gs:CPU_NUMBER, %rax
	dec	%rax
2:	cmp	%rax, SHARED_COUNT
	jae	3f
	relax
	jmp	2b
3:	cmp	%gs:CPU_ARG, %r12
	jb	1b
	done

guest64 modify_code_user
	barrier
	xor	%r12d, %r12d
1:	inc	%r12d
2:	cmp	%r12, SHARED_FLAG
	jae	3f
	relax
	jmp	2b
3:	cmpq	$0, %gs:CPU_ARG + 8
	jne	4f
	xor	%eax, %eax
	cpuid
	jmp	5f
4:	mov	%rsp, %rax
	pushq	$SEL_DATA
	push	%rax
	pushfq
	pushq	$SEL_CODE64
	pushq	$5f
	iretq
5:	mov	$SMP_CODE, %eax
	call	*%rax
	cmp	%r12, %rax
	wrong_unless e
	lock incq SHARED_COUNT
	cmp	%gs:CPU_ARG, %r12
	jb	1b
	done
