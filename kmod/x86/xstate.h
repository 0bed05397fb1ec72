/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's x87, SSE, AVX and AVX-512 state: an XSAVE area of our own.
 */
#ifndef HOLM_X86_XSTATE_H
#define HOLM_X86_XSTATE_H

#include <linux/types.h>

#include "x86.h"

struct holm_vcpu;

/**
 * struct holm_xstate_buf - a vCPU's extended state
 * @area: XSAVE area in standard format, 64-byte aligned; with FXSAVE only, its
 *	legacy region and a header that says so
 * @loaded: the CPU holds the state, and XCR0 is the guest's
 */
struct holm_xstate_buf {
	u8 *area;
	bool loaded;
};

/* vcpu->xcr0 was changed: into the CPU when the guest's state is there. */
void holm_xstate_xcr0_changed(struct holm_vcpu *vcpu);

/* The XCR0 of the guest, from the CPU while its state is there. */
u64 holm_xstate_xcr0(struct holm_vcpu *vcpu);

#endif /* HOLM_X86_XSTATE_H */
