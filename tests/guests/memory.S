/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Accesses to guest-physical memory, for tests that change what is behind it.
 */
#include "guest.inc"
#include "memory.h"

/* RAX to RCX places from RDI on, RDX apart. */
guest64 mem_store
1:	mov	%rax, (%rdi)
	add	%rdx, %rdi
	dec	%rcx
	jnz	1b
	done

guest64 mem_load
1:	mov	(%rdi), %rax
	reportq
	add	%rdx, %rdi
	dec	%rcx
	jnz	1b
	done

guest64 mem_touch
1:	mov	(%rdi), %rax
	add	%rdx, %rdi
	dec	%rcx
	jnz	1b
	done

guest64 mem_add
	lock addl $1, (%rdi)
	pushfq
	pop	%rax
	and	$1, %eax
	report
	done

guest64 mem_copy
	rep movsb
	done

guest64 mem_call
	call	*%rdi
	report
	done

/* Store for ever: RBX counts. */
guest64 mem_store_loop
1:	inc	%rbx
	mov	%rbx, (%rdi)
	jmp	1b

/*
 * Write and read back RCX pages from RDI on, tell, again. RBX counts up. A
 * value that is neither what was written nor, with R9, zero, is reported.
 */
guest64 mem_race
1:	mov	%rdi, %rsi
	mov	%rcx, %r10
2:	inc	%rbx
	mov	%rbx, 8(%rsi)
	mov	8(%rsi), %rax
	cmp	%rbx, %rax
	je	3f
	test	%rax, %rax
	jnz	4f
	test	%r9, %r9
	jz	4f
	inc	%r8
	jmp	3f
4:	reportq
3:	add	$0x1000, %rsi
	dec	%r10
	jnz	2b
	out	%al, $PORT_CALL
	jmp	1b

/* ---- code that changes -------------------------------------------------- */

.macro put_stub
	movb	$0xb8, STUB_ADDR
	movl	$0x11111111, STUB_ADDR + 1
	movb	$0xc3, STUB_ADDR + 5
.endm

.macro call_stub
	mov	$STUB_ADDR, %ecx
	call	*%rcx
	report
.endm

guest64 mem_smc_same
	movl	$0x22222222, 2f + 1
	jmp	2f
2:	mov	$0x11111111, %eax
	report
	done

guest64 mem_smc_other
	put_stub
	call_stub
	movl	$0x22222222, STUB_ADDR + 1
	call_stub
	done

guest64 mem_smc_page
	put_stub
	call_stub
	movl	$0x22222222, STUB_ALIAS + 1
	call_stub
	done

guest64 mem_smc_slot
	put_stub
	call_stub
	movl	$0x22222222, STUB_SLOT + 1
	call_stub
	done

guest64 mem_smc_host
	put_stub
	call_stub
	host	1
	call_stub
	done

/* Written by the launcher's emulator. */
guest64 mem_smc_device
	put_stub
	call_stub
	mov	$MMIO_ADDR, %esi
	mov	$STUB_ADDR + 1, %edi
	movsl
	call_stub
	done
