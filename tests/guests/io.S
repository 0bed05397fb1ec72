/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Port input and output: widths, immediate and DX, string forms.
 */
#include "guest.inc"

.macro widths
	mov	$0x12345678, %eax
	out	%al, $PORT_DATA
	out	%ax, $PORT_DATA
	out	%eax, $PORT_DATA
	mov	$PORT_FAR, %dx
	out	%al, %dx
	out	%ax, %dx
	out	%eax, %dx
	mov	$0x11111111, %eax
	in	$PORT_DATA, %al
	report
	mov	$0x11111111, %eax
	in	$PORT_DATA, %ax
	report
	mov	$0x11111111, %eax
	in	$PORT_DATA, %eax
	report
	mov	$0x11111111, %eax
	in	%dx, %al
	report
	mov	$0x11111111, %eax
	in	%dx, %ax
	report
	mov	$0x11111111, %eax
	in	%dx, %eax
	report
	done
.endm

guest16 widths16
	widths
guest32 widths32
	widths
guest64 widths64
	widths

/* IN EAX clears the upper half of RAX, the others leave it alone. */
guest64 in_upper
	mov	$0x1122334455667788, %rax
	in	$PORT_DATA, %al
	reportq
	in	$PORT_DATA, %ax
	reportq
	in	$PORT_DATA, %eax
	reportq
	done

/* ---- string forms ------------------------------------------------------------ */

	.section .text16, "awx"
	.balign	8
words:
	.long	0x11223344, 0x55667788, 0x99aabbcc
	.balign	8
from_ports:
	.fill	8, 4, 0

guest16 strings16
	mov	$PORT_FAR, %dx
	mov	$words, %si
	outsb
	outsw
	outsl
	mov	%si, %ax
	sub	$words, %ax
	movzwl	%ax, %eax
	report
	mov	$from_ports, %di
	insb
	insw
	insl
	mov	%di, %ax
	sub	$from_ports, %ax
	movzwl	%ax, %eax
	report
	mov	from_ports, %eax
	report
	mov	from_ports + 4, %eax
	report
	done

/* A segment override moves the source of OUTS, never the target of INS. */
guest16 strings16_override
	mov	$0x10, %ax
	mov	%ax, %fs
	mov	$PORT_FAR, %dx
	mov	$words - 0x100, %si
	outsl	%fs:(%si), %dx
	mov	$from_ports, %di
	.byte	0x64
	insl	%dx, %es:(%di)
	mov	from_ports, %eax
	report
	done

.macro strings
	mov	$PORT_FAR, %dx
	mov	$words, %esi
	outsb
	outsw
	outsl
	mov	%esi, %eax
	sub	$words, %eax
	report
	mov	$words, %esi
	mov	$3, %ecx
	rep	outsl
	mov	%ecx, %eax
	report
	mov	%esi, %eax
	sub	$words, %eax
	report
	mov	$words + 8, %esi	/* downwards */
	mov	$3, %ecx
	std
	rep	outsl
	cld
	mov	%esi, %eax
	sub	$words, %eax
	report
	mov	$from_ports, %edi
	mov	$3, %ecx
	rep	insw
	mov	%edi, %eax
	sub	$from_ports, %eax
	report
	mov	from_ports, %eax
	report
	movzwl	from_ports + 4, %eax
	report
	xor	%ecx, %ecx		/* nothing */
	rep	outsb
	rep	insb
	mov	%edi, %eax
	sub	$from_ports, %eax
	report
	done
.endm

guest32 strings32
	strings
guest64 strings64
	strings

/* Upper halves: 32-bit addressing clears them, 64-bit counts with them. */
guest64 strings64_upper
	mov	$PORT_FAR, %dx
	movabs	$0xffffffff00000000 + words, %rsi
	addr32	outsl
	mov	%rsi, %rax
	sub	$words, %rax
	reportq
	mov	$SCRATCH_ADDR, %edi
	mov	$0x100000002, %rcx
	addr32	rep insb
	mov	%rcx, %rax
	reportq
	lea	-SCRATCH_ADDR(%rdi), %rax
	reportq
	done

/* Across a page boundary, and a fault in the middle: what was done is kept. */
guest32 strings_cross
	mov	$PORT_FAR, %dx
	mov	$SCRATCH_ADDR + 0xffe, %edi
	insl
	mov	SCRATCH_ADDR + 0xffe, %eax
	report
	mov	$UNMAPPED_ADDR - 0x1000, %edi	/* read-only: refused at once */
	mov	$4, %ecx
	fault	rep insb
	mov	%ecx, %eax
	report
	mov	$UNMAPPED_ADDR - 4, %esi
	mov	$3, %ecx
	fault	rep outsw
	mov	%ecx, %eax
	report
	lea	-UNMAPPED_ADDR(%esi), %eax
	report
	done

/* ---- permission ---------------------------------------------------------------- */

/* IOPL 0, CPL 3: the TSS decides. */
guest64 bitmap_user
	out	%al, $PORT_DATA
	fault	out %al, $PORT_DATA + 1
	fault	in $PORT_DATA + 1, %al
	fault	out %ax, $PORT_DATA	/* touches both */
	mov	$PORT_FAR, %dx
	fault	out %al, %dx
	fault	insb
	out	%al, $PORT_DONE
