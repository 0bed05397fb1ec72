/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's /init: tells the console that it runs, and powers off. */
#include <asm/unistd_64.h>
#include <linux/reboot.h>

#include "marker.h"

#define TCSBRK	0x5409		/* tcdrain() */

	.globl	_start
_start:
	mov	$__NR_write, %eax
	mov	$1, %edi
	lea	marker(%rip), %rsi
	mov	$marker_end - marker, %edx
	syscall
	mov	$__NR_ioctl, %eax
	mov	$1, %edi
	mov	$TCSBRK, %esi
	mov	$1, %edx
	syscall
	mov	$__NR_reboot, %eax
	mov	$LINUX_REBOOT_MAGIC1, %edi
	mov	$LINUX_REBOOT_MAGIC2, %esi
	mov	$LINUX_REBOOT_CMD_POWER_OFF, %edx
	syscall
	ud2

	.section .rodata
marker:	.ascii	BOOT_MARKER "\n"
marker_end:

	.section .note.GNU-stack, "", @progbits
