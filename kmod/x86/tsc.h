/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's time-stamp counter: the host's, times a ratio where the CPU has one
 * and the guest's frequency is another, plus an offset (SDM Vol. 3, "Changes to
 * Instruction Behavior in VMX Non-Root Operation", RDTSC; APM Vol. 2, "TSC Ratio
 * MSR").
 */
#ifndef HOLM_X86_TSC_H
#define HOLM_X86_TSC_H

#include <linux/spinlock.h>
#include <linux/types.h>

struct holm_vcpu;
struct holm_vm;

/* What guests may have, beside the host's: no CPU counts slower, or faster. */
#define HOLM_TSC_MIN_KHZ	1000
#define HOLM_TSC_MAX_KHZ	100000000

/**
 * struct holm_tsc_scaling - the format of the CPU's ratio, set by backend->setup()
 * @frac_bits: bits of the fraction; 0: the CPU has none
 * @int_bits: bits above it
 */
struct holm_tsc_scaling {
	u8 frac_bits;
	u8 int_bits;
};

extern struct holm_tsc_scaling holm_tsc_scaling;

/**
 * struct holm_vcpu_tsc - of a vCPU, beside its tsc_offset; all of it is [r]
 * @khz: frequency, where it is not the host's; otherwise 0
 * @ratio: the CPU's ratio; 0: it counts as the host does
 * @generation: struct holm_vm_tsc.generation that the offset is of
 * @backward: holm_tsc_backward that the offset is for; READ_ONCE by others
 * @last_host: the host's TSC when the vCPU was last on a CPU, or 0
 * @base: what the guest's TSC was ...
 * @base_ns: ... at this CLOCK_MONOTONIC: what it should be, where the host's
 *	TSCs cannot be trusted
 */
struct holm_vcpu_tsc {
	u32 khz;
	u64 ratio;
	u64 generation;
	u64 backward;
	u64 last_host;
	u64 base;
	u64 base_ns;
};

/**
 * struct holm_vm_tsc - of a VM: what its vCPUs' TSCs agree on
 * @lock: a leaf: the rest; raw: it is taken with preemption off
 * @khz: [a] frequency of vCPUs that are created; 0: the host's
 * @generation: counts the times that a TSC was set to something new
 * @offset, @ratio, @backward, @base, @base_ns: of whoever did, as in a vCPU
 */
struct holm_vm_tsc {
	raw_spinlock_t lock;
	u32 khz;
	u64 generation;
	u64 offset;
	u64 ratio;
	u64 backward;
	u64 base;
	u64 base_ns;
};

/*
 * What the host's TSC has lost when the machine slept, in all, ticks. Written
 * while no vCPU runs.
 */
extern u64 holm_tsc_backward;

/* At load: -ENODEV, with a message, where the kernel has not measured the TSC. */
int holm_tsc_setup(u32 host_khz);

/* Around the machine's sleep, on the last CPU, IRQs off. */
void holm_tsc_suspend(void);
void holm_tsc_resume(void);

/* For tests: take the host's TSCs for unsynchronized. */
extern bool holm_tsc_distrust;

/* The host's TSCs are one counter of constant rate. */
bool holm_tsc_trusted(void);

/**
 * holm_tsc_ratio() - the ratio that makes one frequency of another
 * @khz: the guest's
 * @host_khz: the host's, not 0
 * @scaling: format
 * @ratio: result, rounded down
 *
 * Pure. Return: 0, or -ERANGE when the format has no such ratio.
 */
int holm_tsc_ratio(u32 khz, u32 host_khz, const struct holm_tsc_scaling *scaling, u64 *ratio);

/* Less than 250 ppm apart: as near as two measurements of one TSC may be. Pure. */
bool holm_tsc_near(u32 khz, u32 host_khz);

/* Can guests have this frequency on this host: 0, or -EINVAL. */
int holm_tsc_check_khz(u32 khz);

/* Ticks in @ns; none in less than 0, and U64_MAX where there are more. Pure. */
u64 holm_tsc_ns_to_ticks(s64 ns, u32 khz);

/* The product as the CPU makes it; @ratio 0 is 1. */
u64 holm_tsc_scale(u64 tsc, u64 ratio);

/* What the guest reads when the host's TSC is @host. */
u64 holm_tsc_guest(const struct holm_vcpu *vcpu, u64 host);

/* Ticks of the guest's TSC in a millisecond, as it really counts. */
u32 holm_tsc_khz(const struct holm_vcpu *vcpu);

/* Any time, any thread: as tsc_offset will be when the vCPU is next loaded. */
u64 holm_tsc_offset(const struct holm_vcpu *vcpu);

void holm_tsc_vm_init(struct holm_vm_tsc *tsc);

/* At RESET, loaded: 0 for the first vCPU, and in step with it for the others. */
void holm_tsc_reset(struct holm_vcpu *vcpu);

/**
 * holm_tsc_write() - IA32_TIME_STAMP_COUNTER is written
 * @vcpu: the vCPU, loaded
 * @value: the guest's TSC now
 *
 * Guests set the TSCs of their CPUs to one value, one CPU after the other. So a
 * value that another vCPU's TSC has, to within a second, and that this vCPU has
 * not been set to before, is taken for an attempt at that: the two get the same.
 */
void holm_tsc_write(struct holm_vcpu *vcpu, u64 value);

/* guest TSC = scaled host TSC + @offset from now on. Loaded. */
void holm_tsc_set_offset(struct holm_vcpu *vcpu, u64 offset);

/* The same with another frequency, which was checked. Loaded. */
void holm_tsc_set(struct holm_vcpu *vcpu, u64 offset, u32 khz);

/**
 * holm_tsc_follow() - the vCPU was loaded: its TSC goes on from where it was
 * @vcpu: the vCPU, loaded
 * @moved: it was on another CPU before, or on none
 */
void holm_tsc_follow(struct holm_vcpu *vcpu, bool moved);

#endif /* HOLM_X86_TSC_H */
