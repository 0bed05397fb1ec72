/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every exception, in the modes that have it.
 */
#include "guest.inc"

/* Where a guest goes on after fetching from an address faulted. */
	.section .guest, "awx"
	.balign	8
	.globl	fetch_resume
fetch_resume:
	.quad	0

/* A fetch from an address that faults (32 and 64-bit code). */
.macro fault_fetch addr
	movl	$775f, fetch_resume
	mov	$\addr, %eax
	.if	bits == 64
	jmp	*%rax
	.else
	jmp	*%eax
	.endif
775:
.endm

/* ---- instructions that raise them ------------------------------------------ */

/* x87: an invalid operation is pending. */
.macro x87_fault
	fninit
	movl	$0x37e, fpu_control	/* IM clear */
	fldcw	fpu_control
	fldz
	fldz
	fdivrp
	fault	fwait
	fninit
.endm

/* SSE: division by zero is not masked. */
.macro simd_fault
	movl	$0x1d80, fpu_control	/* ZM clear */
	ldmxcsr	fpu_control
	pxor	%xmm1, %xmm1
	movl	$0x3f800000, fpu_control
	movss	fpu_control, %xmm0
	fault	divss %xmm1, %xmm0
	movl	$0x1f80, fpu_control
	ldmxcsr	fpu_control
	done
.endm

	.section .text16, "awx"
	.balign	8
fpu_control:
	.long	0
	.long	0
bounds16:
	.word	6, 7
bounds32:
	.long	6, 7

guest16 ex16
	xor	%cx, %cx
	fault	div %cx
	mov	$0x100, %ax
	mov	$1, %cl
	fault	div %cl			/* the quotient is too large */
	int3
ex16_bp:
	mov	$0x7fff, %ax
	add	$1, %ax
	into
ex16_of:
	mov	$5, %ax
	fault	bound %ax, bounds16
	fault	ud2
	fault	.byte 0xf0, 0x90	/* LOCK NOP */
	x87_fault
	int	$0x21
ex16_int:
	done

	.set	bits, 32
guest32 ex32
	xor	%ecx, %ecx
	fault	div %ecx
	mov	$0x80000000, %eax
	cltd
	mov	$-1, %ecx
	fault	idiv %ecx
	int3
ex32_bp:
	mov	$0x7fffffff, %eax
	add	$1, %eax
	into
ex32_of:
	mov	$5, %eax
	fault	bound %eax, bounds32
	fault	ud2
	fault	.byte 0xf0, 0x90
	x87_fault
	int	$0x21
ex32_int:
	done

	.set	bits, 64
guest64 ex64
	xor	%ecx, %ecx
	fault	div %rcx
	mov	$1 << 63, %rax
	cqto
	mov	$-1, %rcx
	fault	idiv %rcx
	int3
ex64_bp:
	fault	ud2
	fault	.byte 0xf0, 0x90
	fault	.byte 0xce		/* INTO */
	fault	.byte 0x62, 0x05, 0, 0, 0, 0	/* BOUND in other modes */
	fault	.byte 0x06		/* PUSH ES */
	fault	.byte 0x27		/* DAA */
	fault	.byte 0x9a, 0, 0, 0, 0, 0, 0	/* CALL FAR ptr */
	x87_fault
	mov	$1 << 63, %rax
	fault	mov (%rax), %rbx
	int	$0x21
ex64_int:
	done

guest64 stack_not_canonical
	mov	$1 << 63, %rbp
	fault	mov (%rbp), %rbx
	done

guest16 xm16
	simd_fault
guest32 xm32
	simd_fault
guest64 xm64
	simd_fault

/* INT1 is no INT n: no gate keeps CPL 3 from it. */
guest16 int1_16
	.byte	0xf1
int1_16_next:
	done
guest32 int1_32
	.byte	0xf1
int1_32_next:
	done
guest64 int1_64
	.byte	0xf1
int1_64_next:
	done

guest64 user_gate
	fault	int $0x20		/* DPL 0 */
	int	$0x21			/* DPL 3 */
	int3
user_gate_bp:
	done

guest64 gate_not_present
	fault	int $0x40
	fault	int $6
	done

guest64 exception_not_present
	fault	ud2
	done

guest64 gate_beyond_limit
	fault	int $0x40
	fault	ud2
	done

/* ---- #NM, #MF's and #XM's switches ------------------------------------------ */

guest64 fpu_ts
	fault	fnop
	fault	movaps %xmm0, %xmm1
	fault	fwait			/* MP is set */
	clts
	fnop
	movaps	%xmm0, %xmm1
	done

guest64 fpu_em
	fault	fnop
	fault	movaps %xmm0, %xmm1
	done

/* CR4.OSFXSR, OSXMMEXCPT clear. */
guest64 sse_off
	fault	movaps %xmm0, %xmm1
	done

guest64 xm_off
	movl	$0x1d80, fpu_control
	ldmxcsr	fpu_control
	pxor	%xmm1, %xmm1
	movl	$0x3f800000, fpu_control
	movss	fpu_control, %xmm0
	fault	divss %xmm1, %xmm0
	done

/* ---- segments ---------------------------------------------------------------- */

	.set	bits, 32
guest32 segments32
	mov	$SEL_NOT_PRESENT, %eax
	fault	mov %eax, %ds
	fault	mov %eax, %ss
	mov	$SEL_RDONLY, %eax
	fault	mov %eax, %ss
	mov	$0x400, %eax		/* beyond the GDT */
	fault	mov %eax, %es
	mov	$0x404, %eax		/* in an LDT that is not there */
	fault	mov %eax, %es
	mov	$SEL_TSS, %eax		/* a system segment */
	fault	mov %eax, %es
	xor	%eax, %eax
	fault	mov %eax, %ss
	fault	ljmp $SEL_NOT_PRESENT, $1f	/* data */
1:	fault	int $0x41		/* its gate's selector is not in the GDT */
	done

/* What loaded segments allow. */
guest32 segment_accesses32
	mov	$SEL_RDONLY, %eax
	mov	%eax, %es
	fault	movl %eax, %es:SCRATCH_ADDR
	mov	%es:SCRATCH_ADDR, %eax
	xor	%eax, %eax
	mov	%eax, %es
	fault	movl %es:SCRATCH_ADDR, %eax
	mov	$SEL_SMALL, %eax
	mov	%eax, %es
	movl	%es:0xffc, %ebx
	fault	movl %es:0xffd, %ebx
	mov	%eax, %ss
	mov	$0xf00, %esp		/* for the frame, below the limit */
	mov	$0xffd, %ebp
	fault	movl (%ebp), %ebx
	mov	$SEL_DATA, %eax
	mov	%eax, %ss
	mov	$STACK_TOP, %esp
	fault	movl %eax, %cs:SCRATCH_ADDR
	done

/* From CPL 3 to CPL 1 by a call gate; SS1 in the TSS is bad. */
guest32 invalid_tss
	fault	lcall $SEL_CALL_GATE, $0
	done

/* ---- alignment --------------------------------------------------------------- */

guest32 alignment32
	pushf
	orl	$0x40000, (%esp)
	popf
	fault	movl SCRATCH_ADDR + 1, %eax
	fault	movw %ax, SCRATCH_ADDR + 3
	movb	SCRATCH_ADDR + 1, %al
	pushf
	andl	$~0x40000, (%esp)
	popf
	movl	SCRATCH_ADDR + 1, %eax
	done

/* ---- page faults --------------------------------------------------------------- */

guest32 pf_read
	fault	movl UNMAPPED_ADDR + 0x123, %eax
	done
guest32 pf_write
	fault	movl %eax, UNMAPPED_ADDR + 0x800
	done
guest32 pf_rdonly
	fault	movl %eax, RDONLY_ADDR
	fault	incl RDONLY_ADDR + 8
	movl	RDONLY_ADDR, %eax
	done
guest32 pf_cross
	fault	movl UNMAPPED_ADDR - 2, %eax
	fault	movl SCRATCH_ADDR + 0x1000 - 1, %eax
	done
guest32 pf_fetch
	fault_fetch UNMAPPED_ADDR
	done
guest32 pf_noexec
	fault_fetch NOEXEC_ADDR
	done
guest32 pf_reserved
	fault	movl SCRATCH_ADDR + 0x2000, %eax
	fault	movl %eax, SCRATCH_ADDR + 0x2004
	done
guest32 pf_super
	fault	movl SUPER_ADDR, %eax
	fault	movl %eax, SUPER_ADDR
	fault_fetch SUPER_ADDR
	done
guest32 pf_push
	mov	$UNMAPPED_ADDR + 0x1000, %esp
	fault	push %eax
	mov	$STACK_USER, %esp
	done
/* A page that is mapped after the fault, without INVLPG. */
guest32 pf_then_mapped
	fault	movl UNMAPPED_ADDR, %eax
	host	1
	movl	UNMAPPED_ADDR, %eax
	report
	done
/* Unmapped again: INVLPG, and a write of CR3, make it known. */
guest32 pf_invlpg
	movl	SCRATCH_ADDR, %eax
	host	1
	invlpg	SCRATCH_ADDR
	fault	movl SCRATCH_ADDR, %eax
	host	2
	movl	SCRATCH_ADDR, %eax
	host	1
	mov	%cr3, %eax
	mov	%eax, %cr3
	fault	movl SCRATCH_ADDR, %eax
	done
/* Without CR0.WP the supervisor writes to any page. */
guest32 wp_off
	movl	$0x5678, RDONLY_ADDR
	movl	RDONLY_ADDR, %eax
	report
	done
/* Accessed and dirty bits. */
guest32 accessed_dirty
	host	1
	movl	SCRATCH_ADDR, %eax
	host	2
	movl	%eax, SCRATCH_ADDR
	host	3
	done

	.set	bits, 64
guest64 pf_64
	mov	$SCRATCH_ADDR, %rbx
	fault	mov UNMAPPED_ADDR - SCRATCH_ADDR(%rbx), %rax
	mov	$0x123456789000, %rcx	/* canonical, no table for it */
	fault	mov (%rcx), %rax
	fault	mov %rax, 8(%rcx)
	mov	$0xffff800000000000, %rcx
	fault	mov (%rcx), %rax
	fault_fetch NOEXEC_ADDR
	movl	$1f, fetch_resume
	mov	$0x123456789000, %rcx
	jmp	*%rcx
1:	done

/* ---- double and triple faults -------------------------------------------------- */

/* #GP whose gate is not present: #NP on the way to #GP. */
guest64 df_gate
	xor	%eax, %eax
	mov	$1 << 63, %rbx
df_gate_at:
	mov	(%rbx), %rax
	done

/* The same where the table was read before, so that no exit is in between. */
guest64 df_gate_read
	mov	IDT_ADDR + 16 * 13, %eax
	mov	IDT_ADDR + 16 * 11, %eax
	mov	IDT_ADDR + 16 * 8, %eax
	mov	$1 << 63, %rbx
df_gate_read_at:
	mov	(%rbx), %rax
	done

/* No stack: the page fault of pushing the frame cannot push one itself. */
guest64 df_stack
	mov	$UNMAPPED_ADDR + 0x1000, %rsp
df_stack_at:
	ud2
	done

guest32 df_stack32
	mov	$UNMAPPED_ADDR + 0x1000, %esp
	ud2
	done

guest64 ist
	ud2
	done

guest16 triple16
	lidtl	empty_table
triple16_at:
	ud2
	done
guest32 triple32
	lidt	empty_table
triple32_at:
	ud2
	done
guest64 triple64
	lidt	empty_table64
	mov	$0x5555, %r14d
triple64_at:
	ud2
	done

	.section .text16
	.balign	8
empty_table:
	.word	0
	.long	0
	.balign	8
empty_table64:
	.word	0
	.quad	0
