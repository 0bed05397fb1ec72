/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Debug exceptions: breakpoints, single steps, debug registers.
 */
#include "calls.h"
#include "guest.inc"

/* DR7: G0..G3, R/W and LEN of each. */
#define DR7_G(n)	(2 << ((n) * 2))
#define DR7_RW(n, rw)	((rw) << ((n) * 4 + 16))
#define DR7_LEN(n, len)	((len) << ((n) * 4 + 18))
#define DR7_GD		0x2000
#define RW_WRITE	1
#define RW_IO		2
#define RW_ACCESS	3
#define LEN_1		0
#define LEN_4		3
#define LEN_8		2

.macro set_dr n, value:vararg
	mov	$\value, %eax
	mov	%rax, %dr\n
.endm

/* From the instruction after the next one on. */
.macro tf_on
	pushfq
	orl	$0x100, (%rsp)
	popfq
.endm

/* One instruction is stepped over; the label is behind it. */
.macro stepped label, insn:vararg
	tf_on
	\insn
\label:
	nop
.endm

	.section .guest, "awx"
	.code64

/* #DB: tells DR6, and where it returns to; ends single steps. */
step_handler:
	push	%rax
	mov	%dr6, %rax
	and	$0xe00f, %eax
	report
	xor	%eax, %eax
	mov	%rax, %dr6
	mov	8(%rsp), %rax
	reportq
	andl	$~0x100, 24(%rsp)
	pop	%rax
	iretq

/* The same for instruction breakpoints: RF in the image. */
bp_handler:
	push	%rax
	mov	%dr6, %rax
	and	$0xe00f, %eax
	report
	xor	%eax, %eax
	mov	%rax, %dr6
	mov	8(%rsp), %rax
	reportq
	orl	$0x10000, 24(%rsp)
	pop	%rax
	iretq

/* ---- registers ------------------------------------------------------------------- */

guest64 dr_values
	movabs	$0x1122334455667788, %rax
	mov	%rax, %dr0
	not	%rax
	mov	%rax, %dr1
	set_dr	2, 0x1000
	set_dr	3, 0x2000
	set_dr	6, 0xe00f
	host	CALL_EVENT
	mov	%dr0, %rax
	reportq
	mov	%dr1, %rax
	reportq
	mov	%dr2, %rax
	reportq
	mov	%dr3, %rax
	reportq
	mov	%dr6, %rax
	reportq
	mov	%dr7, %rax
	reportq
	set_dr	6, 0
	set_dr	7, 0
	mov	%dr6, %rax
	reportq
	mov	%dr7, %rax
	reportq
	done

guest64 dr_reserved
	mov	$1 << 32, %rax
	fault	mov %rax, %dr6
	fault	mov %rax, %dr7
	mov	%rax, %dr2
	mov	%dr2, %rax
	reportq
	mov	%dr7, %rax
	reportq
	done

/* DR4 and DR5 are DR6 and DR7 ... */
guest64 dr45
	set_dr	3, 0x3000
	set_dr	6, 1
	.byte	0x0f, 0x21, 0xe0	/* mov %dr4, %rax */
	reportq
	.byte	0x0f, 0x21, 0xe8	/* mov %dr5, %rax */
	reportq
	mov	$2, %eax
	.byte	0x0f, 0x23, 0xe0	/* mov %rax, %dr4 */
	mov	%dr6, %rax
	reportq
	done

/* ... or nothing with CR4.DE. */
guest64 dr45_de
	mov	$0x28, %eax		/* PAE DE */
	mov	%rax, %cr4
	fault	.byte 0x0f, 0x21, 0xe0
	fault	.byte 0x0f, 0x21, 0xe8
	fault	.byte 0x0f, 0x23, 0xe0
	fault	.byte 0x0f, 0x23, 0xe8
	done

guest64 dr_user
	fault	mov %dr0, %rax
	fault	mov %rax, %dr3
	fault	mov %dr7, %rax
	done

guest64 gd
	set_dr	7, DR7_GD
gd_read:
	mov	%dr0, %rax
	mov	%dr7, %rax
	reportq
	set_dr	7, DR7_GD
gd_write:
	mov	%rax, %dr1
	mov	%dr7, %rax
	reportq
	done

/* RBX is what this guest has in DR0 and DR3, RCX in DR7. */
guest64 dr_keep
	mov	%rbx, %dr0
	mov	%rbx, %dr3
	mov	%rcx, %dr7
1:	host	CALL_EVENT
	mov	%dr0, %rax
	cmp	%rax, %rbx
	jne	2f
	mov	%dr3, %rax
	cmp	%rax, %rbx
	jne	2f
	mov	%dr7, %rax
	cmp	%rax, %rcx
	je	1b
2:	reportq
	done

/* ---- breakpoints --------------------------------------------------------------------- */

/* The handler's IRET returns with RF set: one hit each time it comes by. */
.macro exec_code name, insn:vararg
	set_dr	0, \name\()_at
	set_dr	7, DR7_G(0)
	mov	$2, %esi
	mov	$SCRATCH_ADDR, %edi
\name\()_at:
	\insn
	dec	%esi
	jnz	\name\()_at
	set_dr	7, 0
	report_val 9
	done
.endm

guest64 exec_nop
	exec_code exec_nop, nop
guest64 exec_cpuid
	exec_code exec_cpuid, cpuid
guest64 exec_out
	exec_code exec_out, out %al, $PORT_DATA
guest64 exec_mmio
	mov	$MMIO_ADDR, %ebx
	mov	(%rbx), %edx
	exec_code exec_mmio, mov (%rbx), %edx

/* RF that IRET loads lasts for one instruction. */
guest64 rf_iret
	set_dr	0, rf_iret_at
	set_dr	7, DR7_G(0)
	mov	$2, %esi
	mov	%rsp, %rax
	pushq	$SEL_DATA
	push	%rax
	pushq	$0x10002
	pushq	$SEL_CODE64
	pushq	$rf_iret_at
	iretq
rf_iret_at:
	nop
	report_val 1
	dec	%esi
	jnz	rf_iret_at
	set_dr	7, 0
	done

guest64 watch_write
	set_dr	1, SCRATCH_ADDR
	set_dr	7, DR7_G(1) | DR7_RW(1, RW_WRITE) | DR7_LEN(1, LEN_4)
	movl	$1, SCRATCH_ADDR
watch_write_1:
	movl	SCRATCH_ADDR, %eax
	movb	$1, SCRATCH_ADDR + 3
watch_write_2:
	movb	$1, SCRATCH_ADDR + 4
	movl	$1, SCRATCH_ADDR - 4
	report_val 9
	done

guest64 watch_access
	set_dr	2, SCRATCH_ADDR + 8
	set_dr	7, DR7_G(2) | DR7_RW(2, RW_ACCESS) | DR7_LEN(2, LEN_8)
	movl	SCRATCH_ADDR + 12, %eax
watch_access_1:
	movl	$1, SCRATCH_ADDR + 8
watch_access_2:
	movl	SCRATCH_ADDR + 4, %eax
	mov	$SCRATCH_ADDR + 16, %esp
	push	%rax
watch_access_3:
	mov	$STACK_TOP, %esp
	report_val 9
	done

/* Ports: CR4.DE is set. */
guest64 watch_io
	set_dr	0, PORT_DATA + 1
	set_dr	3, PORT_FAR
	set_dr	7, DR7_G(0) | DR7_RW(0, RW_IO) | DR7_LEN(0, LEN_1) | \
		DR7_G(3) | DR7_RW(3, RW_IO) | DR7_LEN(3, LEN_4)
	xor	%eax, %eax
	out	%al, $PORT_DATA
	out	%al, $PORT_DATA + 1
watch_io_1:
	nop
	out	%ax, $PORT_DATA		/* two ports */
watch_io_2:
	mov	$PORT_FAR + 3, %dx
	in	%dx, %al
watch_io_3:
	report_val 9
	done

/* A breakpoint on a write while the next instruction is in its shadow. */
guest64 watch_movss
	movw	$SEL_DATA, SCRATCH_ADDR
	mov	SCRATCH_ADDR, %ss
	set_dr	0, SCRATCH_ADDR
	set_dr	7, DR7_G(0) | DR7_RW(0, RW_ACCESS) | DR7_LEN(0, LEN_1)
	xor	%eax, %eax
	mov	SCRATCH_ADDR, %ss
	cpuid
watch_movss_at:
	report_val 9
	done

/*
 * What an instruction accesses was accessed before: Bochs has the trap of an
 * instruction pending while it executes, also when an EPT violation ends it.
 */

/* ---- single steps ------------------------------------------------------------------------- */

guest64 step_insns
	stepped	step_add, add $1, %ebx
	xor	%eax, %eax
	stepped	step_cpuid, cpuid
	mov	$0x77, %eax
	stepped	step_out, out %al, $PORT_DATA
	stepped	step_in, in $PORT_DATA, %al
	mov	$MSR_APIC_BASE, %ecx
	stepped	step_rdmsr, rdmsr
	stepped	step_wrmsr, wrmsr
	mov	%cr4, %rax
	stepped	step_cr, mov %rax, %cr4
	mov	$MMIO_ADDR, %ebx
	mov	(%rbx), %eax
	stepped	step_mmio_read, mov (%rbx), %eax
	stepped	step_mmio_write, movb $5, 4(%rbx)
	mov	$SCRATCH_ADDR, %esi
	mov	$PORT_FAR, %dx
	stepped	step_outs, outsb
	stepped	step_hlt, hlt
	report_val 9
	done

/* The shadow of STI is for interrupts only. */
guest64 step_sti
	tf_on
	sti
step_sti_at:
	nop
	cli
	report_val 9
	done

/* RIP is at the instruction until its last iteration. */
guest64 step_rep
	mov	$SCRATCH_ADDR, %esi
	mov	$SCRATCH_ADDR + 0x100, %edi
	mov	$3, %ecx
	tf_on
step_rep_at:
	rep	movsb
step_rep_end:
	mov	%ecx, %eax
	report
	mov	$1, %ecx
	tf_on
	rep	movsb
step_rep_last:
	nop
	report_val 9
	done

/* No trap behind MOV SS, but behind what follows it. */
guest64 step_movss
	mov	$SEL_DATA, %ecx
	mov	%cx, %ss
	tf_on
	mov	%cx, %ss
	nop
step_movss_nop:
	nop
	mov	$SEL_DATA, %esi
	xor	%eax, %eax
	tf_on
	mov	%si, %ss
	cpuid
step_movss_cpuid:
	nop
	report_val 9
	done

/* INT clears TF: the trap comes behind the instruction that follows its return. */
guest64 step_int
	tf_on
	int	$VEC_SOFT
step_int_return:
	nop
step_int_at:
	nop
	report_val 9
	done

guest64 step_fault
	tf_on
	fault	ud2
	nop
step_fault_at:
	nop
	report_val 9
	done

/* At CPL 3 all the way, with the framework's handler. */
guest64 step_user
	tf_on
	nop
step_user_1:
	pushfq
step_user_2:
	andl	$~0x100, (%rsp)
step_user_3:
	popfq
step_user_4:
	nop
	report_val 9
	done

/* IA32_DEBUGCTL.BTF: branches only. */
guest64 step_branch
	mov	$MSR_DEBUGCTL, %ecx
	mov	$2, %eax
	xor	%edx, %edx
	wrmsr
	tf_on
	nop
	nop
	jmp	1f
	nop
1:
step_branch_at:
	nop
	report_val 9
	done

/* Both at once: one exception tells of both. */
guest64 step_watch
	movl	$0, SCRATCH_ADDR
	set_dr	3, SCRATCH_ADDR
	set_dr	7, DR7_G(3) | DR7_RW(3, RW_WRITE) | DR7_LEN(3, LEN_4)
	tf_on
	movl	$1, SCRATCH_ADDR
step_watch_at:
	nop
	report_val 9
	done

/* ---- beside the host's breakpoint ------------------------------------------------------------ */

guest64 beside
	set_dr	0, SCRATCH_ADDR + 0x800
	set_dr	7, DR7_G(0) | DR7_RW(0, RW_WRITE) | DR7_LEN(0, LEN_8)
	movl	$1, SCRATCH_ADDR + 0x80
	xor	%eax, %eax
	cpuid
	movl	$1, SCRATCH_ADDR + 0x80
	movl	$1, SCRATCH_ADDR + 0x800
beside_at:
	host	CALL_EVENT
	movl	$1, SCRATCH_ADDR + 0x80
	set_dr	7, 0
	host	CALL_EVENT
	movl	$1, SCRATCH_ADDR + 0x80
	done
