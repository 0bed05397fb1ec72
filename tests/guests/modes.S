/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPU modes, the ways between them, control registers.
 */
#include "guest.inc"

/* ---- where guests begin --------------------------------------------------- */

/* The code segment's size shows in what 0x05, 0x48 are: ADD AX/EAX, DEC or REX. */
guest16 in_code16
	xor	%eax, %eax
	mov	%cs, %ax
	report
	mov	$0xffff, %eax
	inc	%ax
	report
	push	$0x1234
	mov	%sp, %bp
	mov	(%bp), %ax
	report
	fault	ud2
	done

guest32 in_code32
	xor	%eax, %eax
	mov	%cs, %ax
	report
	mov	$0xffffffff, %eax
	.byte	0x40			/* INC EAX, in 64-bit mode a prefix */
	nop
	report
	push	$0x12345678
	mov	(%esp), %eax
	report
	fault	ud2
	done

guest64 in_code64
	xor	%eax, %eax
	mov	%cs, %ax
	report
	mov	$0xffffffff, %eax
	.byte	0x40
	nop
	report
	mov	$0x123456789abcdef0, %r15
	push	%r15
	mov	(%rsp), %rax
	reportq
	fault	ud2
	done

/* ---- real mode and back, by way of all others ------------------------------ */

	.section .text16, "awx"
	.balign	8
gdt_pointer:
	.word	GDT_SIZE - 1
	.long	GDT_ADDR
	.balign	8
idt_pointer:
	.word	0xfff
	.long	IDT_ADDR
	.balign	8
ivt_pointer:
	.word	0x3ff
	.long	0

/* CS is 16-bit protected: on to real mode, report CR0, fault, end. */
	.code16
	.balign	16
back_to_real:
	mov	$SEL_DATA16, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %fs
	mov	%ax, %gs
	mov	%ax, %ss
	mov	%cr0, %eax
	and	$~1, %eax
	mov	%eax, %cr0
	ljmp	$0, $1f
1:	xor	%ax, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %ss
	mov	$STACK16, %sp
	lidtl	ivt_pointer
	mov	%cr0, %eax
	report
	fault	ud2
	int	$0x21
	done

.macro enter_protected
	lgdtl	gdt_pointer
	lidtl	idt_pointer
	mov	%cr0, %eax
	or	$1, %eax
	mov	%eax, %cr0
.endm

.macro flat_data
	mov	$SEL_DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %fs
	mov	%eax, %gs
	mov	%eax, %ss
.endm

guest16 real_prot16_real
	enter_protected
	ljmp	$SEL_CODE16, $1f
1:	mov	$SEL_DATA16, %ax
	mov	%ax, %ds
	mov	%ax, %ss
	mov	%cs, %ax
	movzwl	%ax, %eax
	report
	fault	ud2
	jmp	back_to_real

guest16 real_prot32_real
	enter_protected
	ljmpl	$SEL_CODE32, $1f
	.section .guest
	.code32
1:	flat_data
	mov	$STACK_TOP, %esp
	mov	%cr0, %eax
	report
	fault	ud2
	ljmp	$SEL_CODE16, $back_to_real

/* Paging goes on and off again, without PAE. */
guest16 real_paged32_real
	enter_protected
	ljmpl	$SEL_CODE32, $1f
	.section .guest
	.code32
1:	flat_data
	mov	$STACK_TOP, %esp
	mov	$PD32_ADDR, %eax
	mov	%eax, %cr3
	mov	%cr4, %eax
	or	$0x10, %eax		/* PSE */
	mov	%eax, %cr4
	mov	%cr0, %eax
	or	$0x80000000, %eax
	mov	%eax, %cr0
	mov	%cr0, %eax
	report
	fault	movl UNMAPPED_ADDR, %eax
	mov	%cr0, %eax
	and	$0x7fffffff, %eax
	mov	%eax, %cr0
	movl	UNMAPPED_ADDR, %eax	/* zero, as there is no paging */
	report
	ljmp	$SEL_CODE16, $back_to_real

guest16 real_pae_real
	enter_protected
	ljmpl	$SEL_CODE32, $1f
	.section .guest
	.code32
1:	flat_data
	mov	$STACK_TOP, %esp
	mov	$PAE_PDPT_ADDR, %eax
	mov	%eax, %cr3
	mov	%cr4, %eax
	or	$0x20, %eax		/* PAE */
	mov	%eax, %cr4
	mov	%cr0, %eax
	or	$0x80000000, %eax
	mov	%eax, %cr0
	mov	%cr0, %eax
	report
	fault	movl UNMAPPED_ADDR, %eax
	mov	%cr0, %eax
	and	$0x7fffffff, %eax
	mov	%eax, %cr0
	ljmp	$SEL_CODE16, $back_to_real

/* Long mode from protected mode, compatibility mode, and back to real mode. */
guest16 real_long_real
	enter_protected
	ljmpl	$SEL_CODE32, $1f
	.section .guest
	.code32
1:	flat_data
	mov	$STACK_TOP, %esp
	mov	$PML4_ADDR, %eax
	mov	%eax, %cr3
	mov	%cr4, %eax
	or	$0x20, %eax
	mov	%eax, %cr4
	mov	$0xc0000080, %ecx
	rdmsr
	or	$0x900, %eax		/* LME NXE */
	wrmsr
	rdmsr
	report				/* LMA is clear */
	mov	%cr0, %eax
	or	$0x80000000, %eax
	mov	%eax, %cr0
	mov	$0xc0000080, %ecx
	rdmsr
	report				/* LMA is set, in compatibility mode */
	fault	ud2
	ljmp	$SEL_CODE64, $2f
	.code64
2:	mov	$0x1122334455667788, %rax
	reportq
	fault	mov UNMAPPED_ADDR, %rax
	pushq	$SEL_CODE32
	pushq	$3f
	lretq
	.code32
3:	xor	%eax, %eax
	mov	%cs, %eax
	report
	mov	%cr0, %eax
	and	$0x7fffffff, %eax
	mov	%eax, %cr0
	mov	$0xc0000080, %ecx
	rdmsr
	report				/* LMA is clear, LME set */
	and	$~0x100, %eax
	wrmsr
	mov	%cr4, %eax
	and	$~0x20, %eax
	mov	%eax, %cr4
	/* The IDT is that of long mode: no exception here. */
	ljmp	$SEL_CODE16, $back_to_real

/* Long mode from real mode in one step: PE and PG at once. */
guest16 real_long_direct
	lgdtl	gdt_pointer
	lidtl	idt_pointer
	mov	$PML4_ADDR, %eax
	mov	%eax, %cr3
	/*
	 * PAE first: on an exit in between QEMU 7.2 restores the host's CR0
	 * under EFER.LME without CR4.PAE, and leaves its paging off.
	 */
	mov	%cr4, %eax
	or	$0x20, %eax
	mov	%eax, %cr4
	mov	$0xc0000080, %ecx
	mov	$0x900, %eax
	xor	%edx, %edx
	wrmsr
	mov	%cr0, %eax
	or	$0x80000001, %eax
	mov	%eax, %cr0
	ljmpl	$SEL_CODE64, $1f
	.section .guest
	.code64
1:	mov	$0xc0000080, %ecx
	rdmsr
	report
	mov	$SEL_DATA, %eax
	mov	%eax, %ss
	mov	$STACK_TOP, %rsp
	fault	ud2
	done

/* ---- virtual-8086 mode ----------------------------------------------------- */

/* From protected mode by IRET, back by INT. */
guest32 prot_vm86_prot
	movl	$STACK_RSP0, TSS_ADDR + 4
	pushl	$0x40			/* GS */
	pushl	$0x30
	pushl	$0x20
	pushl	$0x10			/* ES */
	pushl	$0			/* SS */
	pushl	$STACK16
	pushl	$0x23002		/* VM, IOPL 3 */
	pushl	$0
	pushl	$vm86_part
	iretl

	.section .text16
	.code16
vm86_part:
	xor	%eax, %eax
	mov	%gs, %ax
	report
	fault	ud2
	int	$0x21
	pushf
	pop	%ax
	and	$0xff00, %ax		/* IOPL */
	report
	done

/* IOPL 0: the instructions that are sensitive to it. */
guest16 vm86_iopl0
	fault	cli
	fault	sti
	fault	pushf
	fault	popf
	fault	iretw
	fault	int $0x21
	fault	hlt
	fault	mov %cr0, %eax
	done

/* ---- big real mode --------------------------------------------------------- */

guest16 big_real
	movl	$0x12345678, %eax
	movl	$SCRATCH_ADDR, %ebx
	addr32 movl %eax, (%ebx)
	xor	%eax, %eax
	addr32 movl (%ebx), %eax
	report
	/* Loading a selector keeps the limit. */
	mov	$0x1000, %ax
	mov	%ax, %ds
	movl	$SCRATCH_ADDR - 0x10000, %ebx
	addr32 movl (%ebx), %eax
	report
	done

/* Without it, the limit is 0xffff. */
guest16 real_limit
	movl	$0x10000, %ebx
	fault	addr32 movl (%ebx), %eax
	mov	$0xffff, %bx
	fault	movw (%bx), %ax
	fault	movw %ss:(%bx), %ax
	done

/* ---- control registers ----------------------------------------------------- */

.macro set_cr cr, value:vararg
	mov	$\value, %rax
	mov	%rax, %\cr
.endm

.macro bad_cr cr, value:vararg
	mov	$\value, %rax
	fault	mov %rax, %\cr
.endm

#define CR0_LONG	0x80010033

guest64 cr0_long
	bad_cr	cr0, CR0_LONG & ~0x80000000
	bad_cr	cr0, CR0_LONG & ~1
	bad_cr	cr0, CR0_LONG | 0x20000000	/* NW without CD */
	set_cr	cr0, CR0_LONG | 0x40000		/* AM */
	mov	%cr0, %rax
	reportq
	set_cr	cr0, CR0_LONG | 0x60000000	/* CD NW */
	mov	%cr0, %rax
	reportq
	smsw	%eax
	report
	set_cr	cr0, CR0_LONG | 8	/* TS */
	mov	%cr0, %rax
	reportq
	clts
	mov	%cr0, %rax
	reportq
	done

guest64 cr0_upper
	bad_cr	cr0, 0x180010033	/* bit 32 */
	done

guest32 cr0_prot
	mov	$0xa0000033, %eax	/* PG NW without CD */
	fault	mov %eax, %cr0
	mov	$0x80000032, %eax	/* PG without PE */
	fault	mov %eax, %cr0
	mov	$0x33, %eax
	mov	%eax, %cr0
	mov	$0x23, %eax		/* ET is fixed */
	mov	%eax, %cr0
	mov	%cr0, %eax
	report
	mov	$0xe, %ax		/* LMSW: MP EM TS, and PE stays */
	lmsw	%ax
	mov	%cr0, %eax
	report
	xor	%eax, %eax
	lmsw	%ax
	mov	%cr0, %eax
	report
	movw	$0xa, SCRATCH_ADDR
	lmsw	SCRATCH_ADDR
	mov	%cr0, %eax
	report
	clts
	smsw	SCRATCH_ADDR
	movzwl	SCRATCH_ADDR, %eax
	report
	smsw	%ax
	report
	done

guest16 lmsw_real
	/* LMSW can set PE; the code segment stays as it is. */
	lgdtl	gdt_pointer
	lidtl	idt_pointer
	mov	$0x33, %ax
	lmsw	%ax
	mov	%cr0, %eax
	report
	ljmp	$SEL_CODE16, $1f
1:	mov	$SEL_DATA16, %ax
	mov	%ax, %ss
	fault	ud2
	done

guest64 cr3_reserved
	mov	$1 << 62, %rax
	or	$PML4_ADDR, %rax
	fault	mov %rax, %cr3
	mov	$1 << 63, %rax		/* no PCIDs */
	or	$PML4_ADDR, %rax
	fault	mov %rax, %cr3
	done

guest64 cr3_long
	mov	$PML4_ADDR | 0x18, %rax
	mov	%rax, %cr3
	mov	%cr3, %rax
	reportq
	done

guest64 cr4_long
	mov	%cr4, %rbx
	mov	%rbx, %rax
	and	$~0x20, %rax
	fault	mov %rax, %cr4
	mov	%rbx, %rax
	or	$0x2000, %rax		/* VMXE */
	fault	mov %rax, %cr4
	mov	%rbx, %rax
	or	$0x4000, %rax		/* SMXE */
	fault	mov %rax, %cr4
	mov	%rbx, %rax
	or	$0x1000, %rax		/* LA57 */
	fault	mov %rax, %cr4
	mov	%rbx, %rax
	or	$0x8000, %rax		/* reserved */
	fault	mov %rax, %cr4
	mov	$1 << 32, %rax
	or	%rbx, %rax
	fault	mov %rax, %cr4
	mov	%rbx, %rax
	or	$0xcc, %rax		/* TSD DE MCE PGE */
	mov	%rax, %cr4
	mov	%cr4, %rax
	reportq
	done

guest32 cr4_prot
	mov	%cr4, %eax
	or	$0x20000, %eax		/* PCIDE outside long mode */
	fault	mov %eax, %cr4
	mov	%cr4, %eax
	or	$0x58, %eax
	mov	%eax, %cr4
	mov	%cr4, %eax
	report
	done

guest64 cr8_reserved
	bad_cr	cr8, 16
	bad_cr	cr8, 0x100000000
	done

guest64 cr8_long
	set_cr	cr8, 5
	mov	%cr8, %rax
	reportq
	set_cr	cr8, 15
	mov	%cr8, %rax
	reportq
	mov	%cr8, %r12
	mov	%r12, %rax
	reportq
	set_cr	cr8, 0
	mov	%cr8, %rax
	reportq
	done

guest64 efer_long
	mov	$0xc0000080, %ecx
	rdmsr
	report
	mov	%eax, %ebx
	xor	%edx, %edx
	and	$~0x100, %eax		/* LME while paging */
	fault	wrmsr
	mov	%ebx, %eax
	or	$0x1000, %eax		/* SVME */
	fault	wrmsr
	mov	%ebx, %eax
	or	$0x2, %eax		/* reserved */
	fault	wrmsr
	mov	%ebx, %eax
	mov	$1, %edx
	fault	wrmsr
	xor	%edx, %edx
	or	$1, %eax		/* SCE */
	wrmsr
	rdmsr
	report
	mov	%ebx, %eax		/* LMA is not written */
	and	$~0x400, %eax
	wrmsr
	rdmsr
	report
	done

guest64 cr_undefined
	fault	.byte 0x0f, 0x22, 0xc8	/* MOV CR1, RAX */
	fault	.byte 0x0f, 0x20, 0xe8	/* MOV RAX, CR5 */
	fault	.byte 0x0f, 0x22, 0xf8	/* MOV CR7, RAX */
	fault	.byte 0xf0, 0x0f, 0x0b	/* LOCK UD2 */
	done

guest64 cr_user64
	fault	mov %rax, %cr0
	fault	mov %cr3, %rax
	fault	mov %cr8, %rax
	fault	clts
	fault	lmsw %ax
	fault	lgdt SCRATCH_ADDR
	fault	ltr %ax
	fault	invlpg SCRATCH_ADDR
	fault	hlt
	fault	rdmsr
	fault	wrmsr
	fault	invd
	fault	wbinvd
	fault	mov %rax, %dr0
	fault	swapgs
	smsw	%eax
	report
	done

/* A descriptor's L bit counts in long mode only; D and L at once are refused. */
guest64 far_transfers
	pushq	$SEL_CODE32
	pushq	$1f
	lretq
	.code32
1:	mov	$SEL_DATA, %eax
	mov	%eax, %ss
	mov	%esp, %eax
	report
	fault	ljmp $SEL_DATA, $2f
2:	fault	ljmp $0x400, $3f
3:	ljmp	$SEL_CODE64, $4f
	.code64
4:	mov	%cs, %eax
	report
	done

/* ---- system registers of descriptor tables --------------------------------- */

guest64 ltr_null
	xor	%eax, %eax
	fault	ltr %ax
	done

guest64 tables_long
	sgdt	SCRATCH_ADDR
	movzwl	SCRATCH_ADDR, %eax
	report
	mov	SCRATCH_ADDR + 2, %rax
	reportq
	sidt	SCRATCH_ADDR
	movzwl	SCRATCH_ADDR, %eax
	report
	mov	SCRATCH_ADDR + 2, %rax
	reportq
	xor	%eax, %eax
	str	%ax
	report
	mov	$SEL_LDT, %eax
	lldt	%ax
	xor	%eax, %eax
	sldt	%ax
	report
	mov	$SEL_TSS, %eax		/* busy */
	fault	ltr %ax
	mov	$SEL_DATA, %eax
	fault	lldt %ax
	movw	$0x20, SCRATCH_ADDR
	mov	$0x123456789abc, %rax
	mov	%rax, SCRATCH_ADDR + 2
	lgdt	SCRATCH_ADDR
	sgdt	SCRATCH_ADDR + 16
	mov	SCRATCH_ADDR + 18, %rax
	reportq
	done

guest64 tables_not_canonical
	movw	$0x20, SCRATCH_ADDR
	mov	$1 << 60, %rax
	mov	%rax, SCRATCH_ADDR + 2
	fault	lgdt SCRATCH_ADDR
	fault	lidt SCRATCH_ADDR
	done

/* ---- FS, GS, SWAPGS, SYSCALL, SYSENTER -------------------------------------- */

.macro wrmsr_val index, value:vararg
	mov	$\index, %ecx
	mov	$(\value) & 0xffffffff, %eax
	mov	$(\value) >> 32, %edx
	wrmsr
.endm

.macro wrmsr_addr index, label
	mov	$\index, %ecx
	mov	$\label, %eax
	xor	%edx, %edx
	wrmsr
.endm

guest64 gs_bases
	movq	$0x1111, SCRATCH_ADDR
	movq	$0x2222, SCRATCH_ADDR + 0x100
	movq	$0x3333, SCRATCH_ADDR + 0x200
	wrmsr_val 0xc0000100, SCRATCH_ADDR		/* FS */
	wrmsr_val 0xc0000101, SCRATCH_ADDR + 0x100	/* GS */
	wrmsr_val 0xc0000102, SCRATCH_ADDR + 0x200	/* KERNEL_GS */
	mov	%fs:0, %rax
	reportq
	mov	%gs:0, %rax
	reportq
	swapgs
	mov	%gs:0, %rax
	reportq
	mov	$0xc0000102, %ecx
	rdmsr
	report
	swapgs
	mov	%gs:0, %rax
	reportq
	mov	$0xc0000102, %ecx
	rdmsr
	report
	/* A selector loads a base below 4 GiB. */
	mov	$SEL_DATA, %eax
	mov	%eax, %fs
	mov	$0xc0000100, %ecx
	rdmsr
	report
	done

guest64 bases_not_canonical
	mov	$0x00008000, %edx
	xor	%eax, %eax
	mov	$0xc0000100, %ecx	/* FS */
	fault	wrmsr
	mov	$0xc0000101, %ecx	/* GS */
	fault	wrmsr
	mov	$0xc0000102, %ecx	/* KERNEL_GS */
	fault	wrmsr
	mov	$0xc0000082, %ecx	/* LSTAR */
	fault	wrmsr
	done

guest64 syscall_sysret
	wrmsr_val 0xc0000081, (SEL_USER_CODE64 - 16 + 0) << 48 | SEL_CODE64 << 32
	wrmsr_addr 0xc0000082, 1f
	wrmsr_val 0xc0000084, 0x700
	mov	$0xc0000080, %ecx
	rdmsr
	or	$1, %eax		/* SCE */
	xor	%edx, %edx
	wrmsr
	mov	$2f, %rcx
	mov	$0x3202, %r11		/* IOPL 3, IF */
	sysretq
	/* CPL 3 */
2:	mov	%cs, %eax
	report
	mov	%ss, %eax
	report
	syscall
3:	ud2
1:	mov	%cs, %eax
	report
	mov	%rcx, %rax
	sub	$3b, %rax
	reportq
	mov	%r11, %rax
	reportq
	pushf
	pop	%rax
	and	$0x700, %eax
	report
	done

/* EFER.SCE is clear. */
guest64 syscall_off
	fault	syscall
	fault	.byte 0x48, 0x0f, 0x07	/* SYSRETQ */
	done

guest32 sysenter_sysexit
	mov	$0x174, %ecx
	mov	$SEL_CODE64, %eax	/* +8: SS; code here is 32-bit, flat */
	xor	%edx, %edx
	wrmsr
	mov	$0x175, %ecx
	mov	$STACK_RSP0, %eax
	wrmsr
	mov	$0x176, %ecx
	mov	$1f, %eax
	wrmsr
	ljmp	$SEL_CODE32, $4f
4:	sysenter
1:	mov	%cs, %eax
	report
	mov	%ss, %eax
	report
	mov	%esp, %eax
	report
	done

/* ---- task switches ---------------------------------------------------------- */

guest32 task_jmp
	ljmp	$SEL_TASK, $0
guest32 task_call
	lcall	$SEL_TASK, $0
guest32 task_jmp_gate
	ljmp	$SEL_TASK_GATE, $0
guest32 task_int
	int	$0x40			/* a task gate */
guest32 task_fault
	ud2				/* a task gate */
guest32 task_iret
	movw	$SEL_TASK, TSS_ADDR	/* back link */
	pushf
	orl	$0x4000, (%esp)		/* NT */
	popf
	iret
