/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events whose delivery is interrupted by second-level faults: before each one
 * all of the guest's memory becomes unknown to the CPU's nested tables. It
 * faults in again, page by page: IDT, GDT, TSS, page tables, stack, handler.
 */
#include "calls.h"
#include "guest.inc"

.macro cold_code name
	host	CALL_COLD
	int	$VEC_SOFT
\name\()_int:
	host	CALL_COLD
	int3
\name\()_bp:
	host	CALL_COLD
	fault	ud2
	host	CALL_COLD_NMI
\name\()_nmi:
	host	CALL_COLD_GP
\name\()_gp:
	fault	nop
	sti
	nop
	host	CALL_COLD_IRQ
\name\()_irq:
	host	CALL_COLD_EXTINT
\name\()_extint:
.endm

guest16 cold16
	cold_code cold16
	mov	$0x7fff, %ax
	add	$1, %ax
	host	CALL_COLD
	into
cold16_of:
	xor	%cx, %cx
	host	CALL_COLD
	fault	div %cx
	report_val 9
	done

guest32 cold32
	cold_code cold32
	host	CALL_COLD
	mov	$0x7fffffff, %eax
	add	$1, %eax
	into
cold32_of:
	mov	$SEL_NOT_PRESENT, %ecx
	host	CALL_COLD
	fault	mov %cx, %ds
	host	CALL_COLD
	fault	movl UNMAPPED_ADDR, %edx
	report_val 9
	done

guest64 cold64
	cold_code cold64
	host	CALL_COLD
	fault	mov UNMAPPED_ADDR, %edx
	mov	$1 << 63, %rbx
	host	CALL_COLD
	fault	mov (%rbx), %rax
	xor	%ecx, %ecx
	host	CALL_COLD
	fault	div %ecx
	report_val 9
	done

guest64 cold_int1
	host	CALL_COLD
	.byte	0xf1
cold_int1_at:
	report_val 9
	done

/* One event at a time on a stack of its own that crosses a page. */
guest64 cold_stack
	mov	$SCRATCH_ADDR + 0x2000 + 0x20, %rsp
	host	CALL_COLD
	int	$VEC_SOFT
cold_stack_int:
	host	CALL_COLD_NMI
cold_stack_nmi:
	sti
	nop
	host	CALL_COLD_IRQ
cold_stack_irq:
	report_val 9
	done

/* On an IST's stack. */
guest64 cold_ist
	host	CALL_COLD
	int	$VEC_SOFT
cold_ist_int:
	host	CALL_COLD_NMI
cold_ist_nmi:
	report_val 9
	done

/* The double fault of a #GP whose gate is absent. */
guest64 cold_df
	mov	$1 << 63, %rbx
	host	CALL_COLD
cold_df_at:
	mov	(%rbx), %rax
	done
