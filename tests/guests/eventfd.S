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

/* ---- memory ------------------------------------------------------------------- */

/* Plain stores of all widths, then others. */
guest64 bell_mmio
	mov	$MMIO_ADDR, %ebx
	mov	$0x1122334455667788, %rax
	mov	%al, (%rbx)
	mov	%ax, (%rbx)
	mov	%eax, (%rbx)
	mov	%rax, (%rbx)
	movb	$0x12, (%rbx)
	movw	$0x1234, (%rbx)
	movl	$0x12345678, (%rbx)
	movq	$-2, (%rbx)
	mov	$2, %ecx
	mov	%ah, 8(%rbx)
	mov	%eax, 8(%rbx,%rcx,4)
	mov	%rbx, %r12
	mov	%rax, %r9
	mov	%r9d, 8(%r12)
	mov	%rsp, 0x100(%rbx)
	mov	%eax, 0x1ffd(%rbx)	/* across pages */
	mov	$0x33445566, %eax
	xchg	%eax, 0x20(%rbx)
	movnti	%r9d, 0x20(%rbx)
	mov	%ebx, %edi
	stosl
	mov	(%rbx), %eax
	report_val 9
	done

guest32 bell_mmio32
	mov	$MMIO_ADDR, %ebx
	mov	$0x55667788, %eax
	mov	%al, (%ebx)
	mov	%ax, (%ebx)
	mov	%eax, (%ebx)
	movb	$0x12, (%ebx)
	movw	$0x1234, (%ebx)
	movl	$0x12345678, (%ebx)
	mov	%ah, MMIO_ADDR + 8
	mov	%dh, MMIO_ADDR
	report_val 9
	done

guest16 bell_mmio16
	mov	$MMIO_ADDR, %ebx
	mov	$0x55667788, %eax
	mov	%al, (%ebx)
	mov	%ax, (%ebx)
	mov	%eax, (%ebx)
	movb	$0x12, (%ebx)
	movw	$0x1234, (%ebx)
	movl	$0x12345678, (%ebx)
	mov	%ah, 8(%ebx)
	report_val 9
	done

guest64 bell_mmio_step
	mov	$MMIO_ADDR, %ebx
	mov	(%rbx), %eax		/* page tables are there from here on */
	step_on
	mov	%eax, (%rbx)
bell_mmio_step_1:
	pushfq
bell_mmio_step_2:
	andl	$~0x100, (%rsp)
bell_mmio_step_3:
	popfq
bell_mmio_step_4:
	report_val 9
	done

guest64 bell_mmio_shadow
	mov	$MMIO_ADDR, %ebx
	mov	(%rbx), %ecx		/* the same */
	host	CALL_EVENT
	sti
	mov	%eax, (%rbx)		/* in the shadow */
bell_mmio_shadow_at:
	nop
	report_val 9
	done

/* What is memory stays memory, also while it is not mapped yet. */
guest64 bell_ram
	host	CALL_COLD
	movl	$0x1234, BELL_RAM
	movl	$0x5678, BELL_RAM
	mov	BELL_RAM, %eax
	report
	done

guest64 bell_rom
	movl	$0x1234, BELL_RAM
	movl	$0x5678, BELL_RAM
	mov	BELL_RAM, %eax
	report
	done

/* A frame is pushed to where a doorbell is. */
guest64 bell_stack
	mov	$MMIO_ADDR + 0x1000, %esp
	mov	$0x77777777, %eax
	push	%rax
	call	bell_stack_return
bell_stack_return:
	mov	$STACK_TOP, %esp
	report_val 9
	done

guest64 bell_mmio_loop
	mov	$MMIO_ADDR, %ebx
	xor	%eax, %eax
1:	inc	%eax
	mov	%eax, COUNT_ADDR
	mov	%eax, (%rbx)
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
