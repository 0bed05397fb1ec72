/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * x87, SSE, AVX and AVX-512 state over exits, XCR0, and what makes these
 * instructions fault.
 */
#include "guest.inc"
#include "fpu.h"

#define CR0_TS		0x8
#define CR0_EM		0x4
#define CR4_OSFXSR	0x200
#define CR4_OSXSAVE	0x40000

/* XCR0 as the host wants it; 0: without XSAVE. */
.macro enable_xsave
	mov	XCR0_ADDR, %eax
	test	%eax, %eax
	jz	776f
	mov	%cr4, %rax
	or	$CR4_OSXSAVE, %rax
	mov	%rax, %cr4
	mov	XCR0_ADDR, %eax
	xor	%edx, %edx
	xor	%ecx, %ecx
	xsetbv
776:
.endm

.macro load_state
	mov	XCR0_ADDR, %eax
	xor	%edx, %edx
	test	%eax, %eax
	jz	776f
	xrstor64 STATE_IN
	jmp	777f
776:	fxrstor64 STATE_IN
777:
.endm

.macro store_state
	mov	XCR0_ADDR, %eax
	xor	%edx, %edx
	test	%eax, %eax
	jz	776f
	xsave64	STATE_OUT
	jmp	777f
776:	fxsave64 STATE_OUT
777:
.endm

.macro keeps name insns
guest64 fp_\name
	enable_xsave
	load_state
	\insns
	store_state
	done
.endm

.macro exits_port
	mov	$0x5a, %al
	out	%al, $PORT_DATA
	in	$PORT_DATA, %eax
	out	%eax, $PORT_DATA
.endm

.macro exits_call
	host	1
	host	2
.endm

.macro exits_cpuid
	.rept	4
	xor	%eax, %eax
	xor	%ecx, %ecx
	cpuid
	.endr
.endm

.macro exits_mmio
	mov	$MMIO_ADDR, %ebx
	mov	$0x12345678, %eax
	mov	%eax, (%rbx)
	mov	(%rbx), %edx
.endm

/* The emulator moves these through the state that it is given. */
.macro exits_vector_mmio
	mov	$MMIO_ADDR, %ebx
	movdqu	%xmm5, (%rbx)
	movdqu	(%rbx), %xmm5
	movq	%xmm6, 0x20(%rbx)
.endm

.macro exits_hlt
	hlt
.endm

	keeps	port, exits_port
	keeps	call, exits_call
	keeps	cpuid, exits_cpuid
	keeps	mmio, exits_mmio
	keeps	vector_mmio, exits_vector_mmio
	keeps	hlt, exits_hlt

/* For ever: work, look, tell. */
guest64 fp_loop
	enable_xsave
	load_state
1:	mov	SPIN_ADDR, %ecx
2:	dec	%ecx
	jnz	2b
	store_state
	cmpl	$0, XCR0_ADDR
	je	3f
	xor	%ecx, %ecx
	xgetbv
	mov	%eax, FOUND_XCR0_ADDR
	mov	%edx, FOUND_XCR0_ADDR + 4
3:	out	%al, $PORT_CALL
	jmp	1b

/* The host's state; what is left of it is reported by the host. */
guest64 fp_store
	enable_xsave
	store_state
	done

/* ---- XCR0 --------------------------------------------------------------- */

/* EDX:EAX and ECX are the host's. */
guest64 fp_xsetbv
	fault	xsetbv
	xor	%ecx, %ecx
	xgetbv
	shl	$32, %rdx
	or	%rdx, %rax
	reportq
	mov	$0xd, %eax
	xor	%ecx, %ecx
	cpuid
	mov	%ebx, %eax
	report
	done

guest64 fp_no_osxsave
	xor	%ecx, %ecx
	fault	xgetbv
	mov	$1, %eax
	xor	%edx, %edx
	fault	xsetbv
	fault	xsave64 STATE_OUT
	fault	xrstor64 STATE_IN
	done

guest64 fp_xsetbv_user
	xor	%ecx, %ecx
	xgetbv
	report
	xor	%edx, %edx
	fault	xsetbv
	out	%al, $PORT_DONE

/* ---- exceptions --------------------------------------------------------- */

.macro fpu_uses
	fault	fld1
	fault	fwait
	fault	movq %mm1, %mm0
	fault	movaps %xmm0, %xmm1
	fault	ldmxcsr fp_mxcsr
	fault	fxsave64 STATE_OUT
.endm

	.section .guest, "awx"
	.balign	8
fp_mxcsr:	.long	0x1f80
fp_mxcsr_bad:
	.long	0x80001f80

guest64 fp_ts
	mov	%cr0, %rax
	or	$CR0_TS, %rax
	mov	%rax, %cr0
	fpu_uses
	clts
	mov	%cr0, %rax
	and	$CR0_TS, %eax
	report
	fninit
	fpu_uses
	done

guest64 fp_ts_avx
	enable_xsave
	mov	%cr0, %rax
	or	$CR0_TS, %rax
	mov	%rax, %cr0
	fault	vmovaps %ymm0, %ymm1
	fault	vzeroupper
	clts
	vmovaps	%ymm0, %ymm1
	done

guest64 fp_ts_xsave
	enable_xsave
	mov	%cr0, %rax
	or	$CR0_TS, %rax
	mov	%rax, %cr0
	mov	XCR0_ADDR, %eax
	xor	%edx, %edx
	fault	xsave64 STATE_OUT
	fault	xrstor64 STATE_IN
	clts
	xsave64	STATE_OUT
	done

guest64 fp_em
	mov	%cr0, %rax
	or	$CR0_EM, %rax
	mov	%rax, %cr0
	fpu_uses
	done

guest64 fp_no_osfxsr
	mov	%cr4, %rax
	and	$~CR4_OSFXSR, %rax
	mov	%rax, %cr4
	fninit
	fault	movaps %xmm0, %xmm1
	fault	fld1
	done

guest64 fp_no_avx
	mov	$3, %eax
	mov	%eax, XCR0_ADDR
	enable_xsave
	fault	vmovaps %ymm0, %ymm1
	movaps	%xmm0, %xmm1
	done

guest64 fp_ldmxcsr
	fault	ldmxcsr fp_mxcsr_bad
	stmxcsr	STATE_OUT
	mov	STATE_OUT, %eax
	report
	done

guest64 fp_fxrstor
	fault	fxrstor64 STATE_BAD
	done

guest64 fp_xrstor
	enable_xsave
	mov	XCR0_ADDR, %eax
	xor	%edx, %edx
	fault	xrstor64 STATE_BAD
	done

guest64 fp_pkru
	mov	%cr4, %rax
	or	$0x400000, %rax
	fault	mov %rax, %cr4
	xor	%ecx, %ecx
	fault	rdpkru
	done

/* ---- images ------------------------------------------------------------- */

guest64 fp_reset
	fnstcw	STATE_OUT
	movzwl	STATE_OUT, %eax
	report
	stmxcsr	STATE_OUT
	mov	STATE_OUT, %eax
	report
	mov	%cr4, %rax
	or	$CR4_OSXSAVE, %rax
	mov	%rax, %cr4
	xor	%ecx, %ecx
	xgetbv
	report
	done

guest64 fp_fxsave
	fninit
	fld1
	fldpi
	ldmxcsr	fp_mxcsr
	mov	$0x1122334455667788, %rax
	movq	%rax, %xmm3
	fxsave64 STATE_OUT
	movzwl	STATE_OUT, %eax		/* FCW */
	report
	movzwl	STATE_OUT + 2, %eax	/* FSW */
	report
	movzbl	STATE_OUT + 4, %eax	/* FTW */
	report
	mov	STATE_OUT + 24, %eax	/* MXCSR */
	report
	mov	STATE_OUT + 32, %rax	/* ST0 */
	reportq
	movzwl	STATE_OUT + 40, %eax
	report
	mov	STATE_OUT + 48, %rax	/* ST1 */
	reportq
	movzwl	STATE_OUT + 56, %eax
	report
	mov	STATE_OUT + 208, %rax	/* XMM3 */
	reportq
	done
