/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * State blocks in kernel memory: what state_blocks.c moves from and to the
 * launcher, and what tests call.
 */
#ifndef HOLM_X86_STATE_H
#define HOLM_X86_STATE_H

#include <linux/types.h>

struct holm_vcpu;

/* Entries of HOLM_STATE_MSRS. */
#define HOLM_STATE_MAX_MSRS	512

/**
 * holm_state_block_get() - one block
 * @vcpu: the vCPU, its lock held, not loaded; may sleep
 * @type: HOLM_STATE_*
 * @buf: to fill; for HOLM_STATE_MSRS its indices are input
 * @size: in: bytes @buf has; out: bytes written, or needed with -E2BIG
 *
 * Return: 0, -EINVAL (unknown type, malformed), -E2BIG (@buf is too small, or
 * too many MSRs).
 */
int holm_state_block_get(struct holm_vcpu *vcpu, u32 type, void *buf, u32 *size);

/**
 * holm_state_block_set() - one block, checked whole before it takes effect
 * @vcpu: as holm_state_block_get()
 * @type: HOLM_STATE_*
 * @buf: the block
 * @size: its bytes
 *
 * Return: 0, -EINVAL, or -E2BIG (too many MSRs).
 */
int holm_state_block_set(struct holm_vcpu *vcpu, u32 type, const void *buf, u32 size);

#endif /* HOLM_X86_STATE_H */
