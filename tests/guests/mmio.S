/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instructions with an operand in device memory: one each, with registers that
 * mmio.c sets. RBX, RSI, RDI, RBP or RSP is the device's address.
 */
#include "guest.inc"
#include "mmio.h"

.macro form64 name insn:vararg
guest64 mmio_\name
	fault	\insn
	out	%al, $PORT_DONE
.endm

.macro form32 name insn:vararg
guest32 mmio_\name
	fault	\insn
	out	%al, $PORT_DONE
.endm

.macro form16 name insn:vararg
guest16 mmio_\name
	fault	\insn
	out	%al, $PORT_DONE
.endm

/* Those of more than one statement. */

.macro insn_ds_override
	.byte	0x3e
	mov	%eax, 0x40(%rbx)
.endm

.macro insn_all_prefixes
	.byte	0x2e, 0x36, 0x26, 0x66, 0x66
	mov	%eax, 0x40(%rbx)
.endm

.macro insn_rip_relative
	.byte	0x8b, 0x05
	.long	WINDOW_DEVICE + 0x40 - . - 4
.endm

.macro insn_rip_relative_ram
	.byte	0x8b, 0x05
	.long	WINDOW_RAM + TWIN_ADDR + 0x40 - . - 4
.endm

.macro insn_rip_immediate
	.byte	0xc7, 0x05
	.long	WINDOW_DEVICE + 0x40 - . - 8, 0x12345678
.endm

.macro insn_rip_immediate_ram
	.byte	0xc7, 0x05
	.long	WINDOW_RAM + TWIN_ADDR + 0x40 - . - 8, 0x12345678
.endm

.macro insn_moffs_addr32
	.byte	0x67, 0xa1
	.long	MMIO_ADDR + 0x40
.endm

.macro insn_moffs_addr32_ram
	.byte	0x67, 0xa1
	.long	TWIN_ADDR + 0x40
.endm

.macro insn_lock_bad
	.byte	0xf0
	mov	%eax, 0x40(%rbx)
.endm

.macro insn_call_stack
	call	779f
779:
.endm

/* ---- moves -------------------------------------------------------------- */

form64	st8, mov %al, 0x40(%rbx)
form64	st8_high, mov %ah, 0x41(%rbx)
form64	st8_rex, mov %r9b, 0x40(%rbx)
form64	st16, mov %ax, 0x40(%rbx)
form64	st32, mov %eax, 0x40(%rbx)
form64	st64, mov %rax, 0x40(%rbx)
form64	st_imm8, movb $0x5a, 0x40(%rbx)
form64	st_imm16, movw $0x8001, 0x40(%rbx)
form64	st_imm32, movl $0xfffffffe, 0x40(%rbx)
form64	st_imm64, movq $-5, 0x40(%rbx)
form64	ld8, mov 0x40(%rbx), %al
form64	ld8_high, mov 0x41(%rbx), %dh
form64	ld8_rex, mov 0x40(%rbx), %bpl
form64	ld16, mov 0x40(%rbx), %ax
form64	ld32, mov 0x40(%rbx), %r10d
form64	ld64, mov 0x40(%rbx), %r11
form64	movzx_8_16, movzbw 0x40(%rbx), %ax
form64	movzx_8_32, movzbl 0x40(%rbx), %eax
form64	movzx_8_64, movzbq 0x40(%rbx), %r12
form64	movzx_16_32, movzwl 0x40(%rbx), %r13d
form64	movsx_8_16, movsbw 0x40(%rbx), %ax
form64	movsx_8_64, movsbq 0x40(%rbx), %rax
form64	movsx_16_32, movswl 0x40(%rbx), %eax
form64	movsxd, movslq 0x40(%rbx), %rax
form64	movnti32, movnti %eax, 0x40(%rbx)
form64	movnti64, movnti %rdx, 0x40(%rbx)
form64	movbe_ld16, movbe 0x40(%rbx), %ax
form64	movbe_ld32, movbe 0x40(%rbx), %eax
form64	movbe_st64, movbe %rax, 0x40(%rbx)
form64	mov_sreg, mov %ds, 0x40(%rbx)
form64	cmovc, cmovc 0x40(%rbx), %eax
form64	cmovnc, cmovnc 0x40(%rbx), %eax
form64	setc, setc 0x40(%rbx)
form64	setnc, setnc 0x40(%rbx)

/* ---- addressing --------------------------------------------------------- */

form64	plain, mov (%rbx), %eax
form64	disp32, mov 0x540(%rbx), %eax
form64	disp_negative, mov -0x10(%rdi), %eax
form64	rbp_base, mov 0x40(%rbp), %eax
form64	rsp_base, mov 0x40(%rsp), %eax
form64	sib1, mov 0x40(%rbx, %rcx), %eax
form64	sib2, mov %eax, (%rbx, %rcx, 2)
form64	sib4, mov 0x440(%rbx, %rcx, 4), %eax
form64	sib8, mov %rax, 0x8(%rbx, %rcx, 8)
form64	r8_base, mov 0x40(%r8), %eax
form64	r13_base, mov %eax, (%r13)
form64	addr32, addr32 mov 0x40(%ebx), %eax
form64	addr32_store, addr32 mov %eax, 0x1040(%ebx)
form64	fs_base, mov %fs:0x40(%rcx), %eax
form64	gs_base, mov %eax, %gs:0x40
form64	ds_override, insn_ds_override
form64	all_prefixes, insn_all_prefixes
form64	rip_relative, insn_rip_relative
form64	rip_relative_ram, insn_rip_relative_ram
form64	rip_immediate, insn_rip_immediate
form64	rip_immediate_ram, insn_rip_immediate_ram
form64	moffs_ld8, movabs MMIO_ADDR + 0x40, %al
form64	moffs_ld8_ram, movabs TWIN_ADDR + 0x40, %al
form64	moffs_ld64, movabs MMIO_ADDR + 0x40, %rax
form64	moffs_ld64_ram, movabs TWIN_ADDR + 0x40, %rax
form64	moffs_st16, movabs %ax, MMIO_ADDR + 0x40
form64	moffs_st16_ram, movabs %ax, TWIN_ADDR + 0x40
form64	moffs_st32, movabs %eax, MMIO_ADDR + 0x40
form64	moffs_st32_ram, movabs %eax, TWIN_ADDR + 0x40
form64	moffs_addr32, insn_moffs_addr32
form64	moffs_addr32_ram, insn_moffs_addr32_ram

/* ---- arithmetic and logic ----------------------------------------------- */

	.irp	op, add, or, adc, sbb, and, sub, xor, cmp
form64	\op\()_m8_r8, \op %al, 0x40(%rbx)
form64	\op\()_m32_r32, \op %eax, 0x40(%rbx)
form64	\op\()_r64_m64, \op 0x40(%rbx), %rdx
form64	\op\()_m16_i16, \op\()w $0x1234, 0x40(%rbx)
form64	\op\()_m64_i8, \op\()q $-3, 0x40(%rbx)
	.endr
form64	test_m8_i8, testb $0x41, 0x40(%rbx)
form64	test_m32_r32, test %eax, 0x40(%rbx)
form64	test_m64_i32, testq $-256, 0x40(%rbx)
	.irp	op, inc, dec, not, neg
form64	\op\()_m8, \op\()b 0x40(%rbx)
form64	\op\()_m32, \op\()l 0x40(%rbx)
form64	\op\()_m64_lock, lock \op\()q 0x40(%rbx)
	.endr
	.irp	op, rol, ror, rcl, rcr, shl, shr, sar
form64	\op\()_cl, \op\()l %cl, 0x40(%rbx)
form64	\op\()_1, \op\()w 0x40(%rbx)
	.endr
form64	shld, shld $5, %eax, 0x40(%rbx)
form64	shrd, shrd %cl, %rax, 0x40(%rbx)
form64	imul, imul 0x40(%rbx), %eax
form64	imul3, imul $100, 0x40(%rbx), %rax
form64	mul, mull 0x40(%rbx)
form64	div, divl 0x40(%rbx)
form64	bsf, bsf 0x40(%rbx), %eax
form64	popcnt, popcnt 0x40(%rbx), %eax
form64	lock_add, lock addl $1, 0x40(%rbx)
form64	lock_or8, lock orb $0x10, 0x40(%rbx)
form64	lock_bad, insn_lock_bad

form64	xchg8, xchg %al, 0x40(%rbx)
form64	xchg32, xchg %eax, 0x40(%rbx)
form64	xchg64, xchg %rdx, 0x40(%rbx)
form64	xadd16, xadd %ax, 0x40(%rbx)
form64	xadd32_lock, lock xadd %eax, 0x40(%rbx)
form64	cmpxchg32, cmpxchg %edx, 0x40(%rbx)
form64	cmpxchg32_lock, lock cmpxchg %edx, 0x40(%rbx)
form64	cmpxchg8b, cmpxchg8b 0x40(%rbx)
form64	cmpxchg16b, lock cmpxchg16b 0x40(%rdi)
form64	bt_reg, bt %ecx, 0x40(%rbx)
form64	bt_far, bt %rdx, 0x40(%rbx)
form64	bts_imm, btsl $7, 0x40(%rbx)
form64	btr_lock, lock btrl $6, 0x40(%rbx)
form64	btc_negative, btc %edx, 0x40(%rbx)

/* ---- stack and branches ------------------------------------------------- */

form64	push_mem, pushq 0x40(%rbx)
form64	pop_mem, popq 0x40(%rbx)
form64	pop_rsp, popq 0x40(%rsp)
form64	push_reg, push %rax
form64	push16, push %ax
form64	push_imm, pushq $-7
form64	pop_reg, pop %rdx
form64	pop16, pop %dx
form64	push_fs, push %fs
form64	pushf, pushfq
form64	popf, popfq
form64	leave, leaveq
form64	call_stack, insn_call_stack
form64	call_mem, call *0x40(%rbx)
form64	jmp_mem, jmp *0x40(%rbx)
form64	xlat, xlatb
/*
 * TF begins here, and memory has been touched: there is no exit in between
 * whose resumption an emulated host would count as a step.
 */
.macro begin_steps
	movb	$0, 0x7f0(%rdi)
	mov	(%rsi), %al
	pushfq
	orl	$0x100, (%rsp)
	popfq
.endm

guest64 mmio_step
	begin_steps
	.globl	mmio_step_insn
mmio_step_insn:
	mov	%edx, (%rdi)
	out	%al, $PORT_DONE

guest64 mmio_step_rep
	begin_steps
	.globl	mmio_step_rep_insn
mmio_step_rep_insn:
	rep movsb
	out	%al, $PORT_DONE

guest64 mmio_ret
	ret
guest64 mmio_branch_target
	out	%al, $PORT_DONE

/* ---- strings ------------------------------------------------------------ */

form64	movsb, movsb
form64	movsq, movsq
form64	rep_movsb, rep movsb
form64	rep_movsw, rep movsw
form64	rep_movsl, rep movsl
form64	rep_movsq, rep movsq
form64	rep_movs_addr32, addr32 rep movsl
form64	movs_gs, movsl %gs:(%rsi), %es:(%rdi)
form64	stosb, stosb
form64	rep_stosw, rep stosw
form64	rep_stosl, rep stosl
form64	rep_stosq, rep stosq
form64	lodsb, lodsb
form64	lodsl, lodsl
form64	rep_lodsw, rep lodsw
form64	scasl, scasl
form64	repne_scasb, repne scasb
form64	cmpsl, cmpsl
form64	repe_cmpsb, repe cmpsb
form64	outsb, outsb
form64	rep_insb, rep insb

/* ---- MMX, SSE, AVX ------------------------------------------------------ */

form64	movd_ld, movd 0x40(%rbx), %xmm1
form64	movd_st, movd %xmm2, 0x40(%rbx)
form64	movq_ld, movq 0x40(%rbx), %xmm1
form64	movq_st, movq %xmm2, 0x40(%rbx)
form64	movq_mmx_ld, movq 0x40(%rbx), %mm1
form64	movq_mmx_st, movq %mm2, 0x40(%rbx)
form64	movntq, movntq %mm3, 0x40(%rbx)
form64	movdqa_ld, movdqa 0x40(%rbx), %xmm1
form64	movdqa_st, movdqa %xmm2, 0x40(%rbx)
form64	movdqa_odd, movdqa 0x48(%rbx), %xmm1
form64	movdqu_ld, movdqu 0x41(%rbx), %xmm9
form64	movdqu_st, movdqu %xmm15, 0x40(%rbx)
form64	movaps_ld, movaps 0x40(%rbx), %xmm1
form64	movaps_st, movaps %xmm2, 0x40(%rbx)
form64	movups_ld, movups 0x40(%rbx), %xmm1
form64	movupd_st, movupd %xmm2, 0x40(%rbx)
form64	movntdq, movntdq %xmm2, 0x40(%rbx)
form64	movss_ld, movss 0x40(%rbx), %xmm1
form64	movsd_st, movsd %xmm2, 0x40(%rbx)
form64	movlps_ld, movlps 0x40(%rbx), %xmm1
form64	movhpd_st, movhpd %xmm2, 0x40(%rbx)
form64	movdqu_cross, movdqu 0xff8(%rbx), %xmm1
form64	vmovdqu_ld, vmovdqu 0x40(%rbx), %ymm1
form64	vmovdqa_st, vmovdqa %ymm2, 0x40(%rbx)
form64	vmovdqu_xmm, vmovdqu 0x40(%rbx), %xmm3
form64	vmovd, vmovd 0x40(%rbx), %xmm4
form64	evex_ld, vmovdqu64 0x40(%rbx), %zmm1
form64	evex_st, vmovdqa32 %zmm2, 0x40(%rbx)
form64	evex_ld_high, vmovdqu8 0x40(%rbx), %zmm17
form64	evex_st_high, vmovups %zmm18, 0x40(%rbx)
form64	evex_ld_ymm, vmovdqu32 0x40(%rbx), %ymm19
form64	evex_ld_xmm, vmovdqa64 0x40(%rbx), %xmm20
form64	evex_masked, vmovdqu64 0x40(%rbx), %zmm1{%k1}

/* ---- page boundaries ---------------------------------------------------- */

form64	cross_ld32, mov 0xffd(%rbx), %eax
form64	cross_st64, mov %rax, 0xffc(%rbx)
form64	cross_add16, addw $1, 0xfff(%rbx)
form64	cross_xchg, xchg %eax, 0xffe(%rbx)
form64	unaligned_ld64, mov 0x43(%rbx), %rax
form64	unaligned_st32, mov %eax, 0x41(%rbx)

/* ---- what is not emulated ----------------------------------------------- */

form64	unknown_fxsave, fxsave (%rbx)
form64	unknown_aesenc, aesenc 0x40(%rbx), %xmm1
form64	sgdt, sgdt 0x40(%rbx)
form64	fetch, call *%rbx

/* ---- 32-bit code -------------------------------------------------------- */

form32	st8_32, mov %al, 0x40(%ebx)
form32	st16_32, mov %ax, 0x40(%ebx)
form32	st32_32, mov %eax, 0x40(%ebx)
form32	ld8_32, mov 0x40(%ebx), %ah
form32	ld16_32, mov 0x40(%ebx), %dx
form32	ld32_32, mov 0x40(%ebx), %edx
form32	absolute_32, movl $0x12345678, MMIO_ADDR + 0x40
form32	absolute_ram_32, movl $0x12345678, TWIN_ADDR + 0x40
form32	moffs_32, mov MMIO_ADDR + 0x44, %eax
form32	moffs_ram_32, mov TWIN_ADDR + 0x44, %eax
form32	scaled_32, mov MMIO_ADDR + 0x40(, %ecx, 8), %eax
form32	scaled_ram_32, mov TWIN_ADDR + 0x40(, %ecx, 8), %eax
form32	add_32, add %eax, 0x40(%ebx)
form32	inc_32, incw 0x40(%ebx)
form32	push_32, pushl 0x40(%ebx)
form32	push_reg_32, push %eax
form32	push16_32, pushw %ax
form32	pop_32, popl 0x40(%ebx)
form32	pusha_32, pushal
form32	popa_32, popal
form32	pushf_32, pushfl
form32	movs_32, rep movsl
form32	stos16_32, addr16 rep stosw
form32	addr16_32, addr16 mov 0x40(%bx), %eax
form32	es_32, mov %eax, %es:0x40(%ecx)
form32	movdqa_32, movdqa 0x40(%ebx), %xmm1
form32	cmpxchg8b_32, lock cmpxchg8b 0x40(%ebx)
form32	limit_32, movsb

/* ---- 16-bit code: segments reach the device ----------------------------- */

form16	st8_16, mov %al, 0x40(%bx)
form16	st16_16, mov %ax, 0x40(%bx)
form16	st32_16, mov %eax, 0x40(%bx)
form16	ld8_16, mov 0x40(%bx), %dl
form16	ld16_16, mov 0x40(%bx), %dx
form16	ld32_16, mov 0x40(%bx), %edx
form16	bx_si_16, mov (%bx, %si), %eax
form16	bx_di_16, mov %ax, 0x10(%bx, %di)
form16	moffs_16, mov 0x44, %ax
form16	fs_16, mov %fs:0x44, %eax
form16	addr32_16, mov 0x40(%ebx), %eax
form16	or_16, orw $0x1234, 0x40(%bx)
form16	movs_16, rep movsw
form16	lods_16, lodsb
