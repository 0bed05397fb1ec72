/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asynchronous page faults: what the test and its guests share. */
#ifndef GUEST_PV_ASYNC_H
#define GUEST_PV_ASYNC_H

#define MSR_ASYNC_PF_EN		0x4b564d02
#define MSR_ASYNC_PF_INT	0x4b564d06
#define MSR_ASYNC_PF_ACK	0x4b564d07

/* MSR_ASYNC_PF_EN: beside the address */
#define ASYNC_ENABLE		0x1
#define ASYNC_ALWAYS		0x2		/* at CPL 0, too */
#define ASYNC_INT		0x8

#define VEC_ASYNC		0x61
#define ASYNC_MAX		96		/* pages */

/* The words that the hypervisor writes. */
#define ASYNC_FLAGS		0x102000
#define ASYNC_TOKEN		0x102004
/* The guest's own, 8 bytes each. */
#define ASYNC_TOLD		0x102100	/* pages that it was told are not present */
#define ASYNC_READY		0x102108	/* and of them, that they are ready, or void */
#define ASYNC_VOID		0x102110	/* times that all were told to be void */
#define ASYNC_WRONG		0x102118	/* page faults and tokens that make no sense */
#define ASYNC_TOKENS		0x102200	/* 4 bytes each; 0: ready */

/* Registers: RDI first page, RSI pages, RDX value of MSR_ASYNC_PF_EN, RBX write. */

#endif
