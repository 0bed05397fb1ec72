/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where things are in a micro-guest's memory, and how it talks to the program
 * that runs it: shared by C and assembly.
 *
 * All guest code is one image (guest.lds), linked at the addresses it runs at
 * and loaded whole into every guest.
 */
#ifndef GUEST_LAYOUT_H
#define GUEST_LAYOUT_H

#define RAM_SIZE	0x400000

#define STACK16		0xfff0		/* stacks grow down from here */
#define STACK_TOP	0x5f000
#define STACK_USER	0x5d000
#define STACK_RSP0	0x5b000		/* from CPL 3: TSS.RSP0, TSS.ESP0 */
#define STACK_IST1	0x59000
#define STACK_TASK	0x57000		/* of the second task */

#define PML4_ADDR	0x60000		/* 4-level paging */
#define PDPT_ADDR	0x61000
#define PD_ADDR		0x62000		/* four, 2 MiB pages; also for PAE */
#define PT_ADDR		0x66000		/* the first 2 MiB, 4 KiB pages */
#define PAE_PDPT_ADDR	0x67000
#define PD32_ADDR	0x68000		/* 32-bit paging, 4 MiB pages */
#define PT32_ADDR	0x69000		/* the first 4 MiB, 4 KiB pages */

#define GDT_ADDR	0x70000
#define IDT_ADDR	0x71000
#define TSS_ADDR	0x72000		/* with the I/O permission bitmap: 3 pages */
#define TASK_ADDR	0x76000		/* TSS of the second task */
#define LDT_ADDR	0x77000

#define SCRATCH_ADDR	0x100000	/* RAM a guest may write, zero at its start */
#define SCRATCH_SIZE	0x100000
#define UNMAPPED_ADDR	0x1ff000	/* not present in the guest's page tables */
#define RDONLY_ADDR	0x1fe000	/* not writable in them */
#define SUPER_ADDR	0x1fd000	/* supervisor only */
#define NOEXEC_ADDR	0x1fc000	/* no execution (PAE, long mode) */

#define MMIO_ADDR	0xd0000000	/* the test device */
#define MMIO_SIZE	0x10000

/* Selectors; SEL_USER_* carry RPL 3. */
#define SEL_CODE64	0x08
#define SEL_DATA	0x10
#define SEL_CODE32	0x18
#define SEL_CODE16	0x20
#define SEL_DATA16	0x28
#define SEL_TSS		0x30		/* 16 bytes in long mode */
#define SEL_USER_CODE64	0x43
#define SEL_USER_DATA	0x4b
#define SEL_USER_CODE32	0x53
#define SEL_TASK	0x58		/* a TSS that is not busy */
#define SEL_NOT_PRESENT	0x60		/* data, P clear */
#define SEL_RDONLY	0x68		/* data that cannot be written */
#define SEL_SMALL	0x70		/* expand-up data, limit 0xfff */
#define SEL_TASK_GATE	0x78
#define SEL_LDT		0x80		/* 16 bytes in long mode */
#define SEL_CALL_GATE	0x90
#define GDT_SIZE	0xa0

/* Ports, all reached by an immediate operand. */
#define PORT_DONE	0xf0		/* the guest has ended */
#define PORT_EXCEPTION	0xf1		/* from the vectors: a frame is on the stack */
#define PORT_CALL	0xf2		/* AL is for the test's own function */
#define PORT_YIELD	0xf3		/* other threads of the host may run */
#define PORT_REPORT	0xf5		/* EAX is an event */
#define PORT_REPORTQ	0xf6		/* RAX is an event */
#define PORT_DATA	0xf8		/* f8..fb: the test device, see port_read() */
#define PORT_FAR	0x5678		/* the same, beyond 8 bits */

#endif
