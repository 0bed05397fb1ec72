/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Eventfds in place of the launcher: doorbells that a guest rings, interrupts
 * that come from one.
 */
#include "calls.h"
#include "guest.inc"
#include "eventfd.h"

/* ---- ports ------------------------------------------------------------------ */

guest64 bell_ports
	mov	$PORT_FAR, %dx
	mov	$0x12345678, %rax
	out	%al, %dx
	out	%ax, %dx
	out	%eax, %dx
	out	%al, $PORT_DATA
	out	%ax, $PORT_DATA
	out	%eax, $PORT_DATA
	mov	$0xff, %al
	out	%al, %dx
	out	%eax, %dx
	inc	%dx
	out	%al, %dx
	in	%dx, %al
	dec	%dx
	in	%dx, %al
	mov	$SCRATCH_ADDR, %esi
	outsb
	report_val 9
	done

/* Data that fills RAX, of which the instruction writes a part. */
guest64 bell_upper
	mov	$PORT_FAR, %dx
	mov	$0x1122334455667788, %rax
	out	%eax, %dx
	reportq
	done

guest16 bell_ports16
	mov	$PORT_FAR, %dx
	mov	$0x12345678, %eax
	out	%al, %dx
	out	%ax, %dx
	out	%eax, %dx
	report_val 9
	done

/* The trap flag from here on, and to here. */
.macro step_on
	pushfq
	orl	$0x100, (%rsp)
	popfq
.endm

guest64 bell_step
	mov	$PORT_FAR, %dx
	xor	%eax, %eax
	step_on
	out	%eax, %dx
bell_step_1:
	pushfq
bell_step_2:
	andl	$~0x100, (%rsp)
bell_step_3:
	popfq
bell_step_4:
	report_val 9
	done

guest64 bell_break
	mov	$PORT_FAR, %eax
	mov	%rax, %dr0
	mov	$0x000e0002, %eax	/* G0: I/O, 4 bytes */
	mov	%rax, %dr7
	mov	$PORT_FAR, %dx
	out	%eax, %dx
bell_break_1:
	out	%al, $PORT_DATA
	out	%al, %dx
bell_break_2:
	report_val 9
	done

/* An interrupt that waits comes right behind it, and not before. */
guest64 bell_shadow
	mov	$PORT_FAR, %dx
	host	CALL_EVENT
	sti
	out	%eax, %dx		/* in the shadow */
bell_shadow_at:
	nop
	report_val 9
	done

/* For ever; counts before each. */
guest64 bell_loop
	mov	$PORT_FAR, %dx
	xor	%eax, %eax
1:	inc	%eax
	mov	%eax, COUNT_ADDR
	out	%eax, %dx
	jmp	1b

/* ---- interrupts --------------------------------------------------------------- */

/* One handler that ends the interrupt by MMIO, one in x2APIC mode. */
	.section .guest, "awx"
	.code64
irqfd_handler:
	push	%rax
	push	%rbx
	report_val VEC_IRQ
	incl	COUNT_ADDR
	host	CALL_SERVICE
	mov	$LAPIC_BASE + LAPIC_EOI, %ebx
	movl	$0, (%rbx)
	pop	%rbx
	pop	%rax
	iretq

irqfd_handler_x2apic:
	push	%rax
	push	%rcx
	push	%rdx
	report_val VEC_IRQ
	incl	COUNT_ADDR
	host	CALL_SERVICE
	mov	$MSR_X2APIC_EOI, %ecx
	xor	%eax, %eax
	xor	%edx, %edx
	wrmsr
	pop	%rdx
	pop	%rcx
	pop	%rax
	iretq

/* The other vector's. */
irqfd_handler_high:
	push	%rax
	push	%rbx
	report_val VEC_HIGH
	mov	$LAPIC_BASE + LAPIC_EOI, %ebx
	movl	$0, (%rbx)
	pop	%rbx
	pop	%rax
	iretq

/* The host does what it likes to at each call; interrupts are on. */
guest64 irqfd_calls
	sti
	nop
	.set	n, 0
	.rept	6
	host	(CALL_STEP + n)
	nop
	.set	n, n + 1
	.endr
	report_val 9
	done

/* The same, in x2APIC mode. */
guest64 irqfd_calls_x2apic
	warm_up
	mov	$MSR_APIC_BASE, %ecx
	rdmsr
	or	$0x400, %eax
	wrmsr
	jmp	irqfd_calls

/* Halts until so many interrupts came. */
guest64 irqfd_halt
	cli
1:	cmpl	$LEVELS, COUNT_ADDR
	jae	2f
	sti
	hlt
	cli
	jmp	1b
2:	report_val 9
	done

guest64 irqfd_halt_x2apic
	warm_up
	mov	$MSR_APIC_BASE, %ecx
	rdmsr
	or	$0x400, %eax
	wrmsr
	jmp	irqfd_halt
