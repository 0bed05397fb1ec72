/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Statistics of exits, by reason: what a VM has when somebody asked for it.
 *
 * As long as it does, HOLM_REQ_STATS is set in each of its vCPUs, so that every entry
 * comes by holm_stats_follow(), and no exit is answered without the run loop. Others
 * pay for a test at each entry and exit.
 */
#ifndef HOLM_STATS_H
#define HOLM_STATS_H

#include <linux/types.h>

#include "../uapi/linux/holm_netlink.h"

struct holm_vcpu;
struct holm_vm;

#define HOLM_EXIT_REASONS	(HOLM_EXIT_REASON_ENTRY_FAILED + 1)

/*
 * Where a vCPU's time goes. The launcher's is that from an exit which it is told of,
 * or from the signal that it had to leave for, to the next entry or wait.
 */
enum holm_stats_state {
	HOLM_STATS_GUEST,
	HOLM_STATS_KERNEL,
	HOLM_STATS_USER,
	HOLM_STATS_HALTED,
	HOLM_STATS_STATES,
};

/**
 * struct holm_exit_counts - exits for one reason
 * @count: how many
 * @time: from each to the next entry, ns, the sum
 * @histogram: how often that was 2^n ns and more, but less than 2^(n + 1)
 */
struct holm_exit_counts {
	u64 count;
	u64 time;
	u64 histogram[HOLM_HISTOGRAM_LEN];
};

/**
 * struct holm_exit_stats - of one vCPU
 *
 * Its thread writes, with WRITE_ONCE() what others read.
 *
 * @restart: statistics were off, or are new
 * @state: what the vCPU does, since @since
 * @since: CLOCK_MONOTONIC, ns; 0: not known
 * @told: exits that the launcher was told of, then
 * @left: when the guest was left, the same; 0: not yet
 * @reason: why it was left last
 * @time: ns in each state
 * @by: exits by reason
 * @base: what was told when it was reset last; holm_vms_lock
 */
struct holm_exit_stats {
	bool restart;
	enum holm_stats_state state;
	u64 since;
	u64 told;
	u64 left;
	enum holm_exit_reason reason;
	u64 time[HOLM_STATS_STATES];
	struct holm_exit_counts by[HOLM_EXIT_REASONS];
	struct holm_exit_counts base[HOLM_EXIT_REASONS];
};

/* The bucket of a time. Pure. */
unsigned int holm_stats_bucket(u64 ns);

/**
 * holm_stats_set() - statistics of a VM on or off
 * @vm: the VM, referenced; vm->lock is held
 * @on: what they are to be; they go on where they were
 *
 * May sleep. Return: 0 or -ENOMEM.
 */
int holm_stats_set(struct holm_vm *vm, bool on);

/* Those of a vCPU that is created; vm->lock is held. 0 or -ENOMEM. */
int holm_stats_vcpu_create(struct holm_vcpu *vcpu);

/**
 * holm_stats_get() - exits for a reason, since the last reset
 * @vcpu: the vCPU
 * @reason: which
 * @counts: filled; values of a running vCPU may be of different moments
 *
 * holm_vms_lock is held.
 */
void holm_stats_get(const struct holm_vcpu *vcpu, enum holm_exit_reason reason,
		    struct holm_exit_counts *counts);

/* holm_stats_get() begins at 0 with what @counts of it were. The same lock. */
void holm_stats_reset(struct holm_vcpu *vcpu, enum holm_exit_reason reason,
		      const struct holm_exit_counts *counts);

/* ---- by the vCPU's own thread ------------------------------------------------ */

/* Requests are looked at: vcpu->counted becomes what HOLM_REQ_STATS says. */
void holm_stats_follow(struct holm_vcpu *vcpu);

/* The rest with vcpu->counted only. From here on the vCPU is in @state. */
void holm_stats_state(struct holm_vcpu *vcpu, enum holm_stats_state state);

/* The guest is entered. IRQs off. */
void holm_stats_entry(struct holm_vcpu *vcpu);

/* It was left for @reason. IRQs off. */
void holm_stats_exit(struct holm_vcpu *vcpu, enum holm_exit_reason reason);

#endif /* HOLM_STATS_H */
