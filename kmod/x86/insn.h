/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Instructions that the vCPU model needs, as instructions: the kernel's own
 * wrappers change their names and are not all exported (SDM Vol. 2).
 */
#ifndef HOLM_X86_INSN_H
#define HOLM_X86_INSN_H

#include <linux/errno.h>
#include <linux/types.h>
#include <asm/asm.h>

#define HOLM_EAX	0
#define HOLM_EBX	1
#define HOLM_ECX	2
#define HOLM_EDX	3

static inline void holm_cpuid_raw(u32 function, u32 index, u32 regs[4])
{
	asm volatile("cpuid"
		     : "=a" (regs[HOLM_EAX]), "=b" (regs[HOLM_EBX]),
		       "=c" (regs[HOLM_ECX]), "=d" (regs[HOLM_EDX])
		     : "0" (function), "2" (index)
		     : "memory");
}

/* The time-stamp counter, not before the loads that precede it. */
static inline u64 holm_rdtsc(void)
{
	u32 lo, hi;

	asm volatile("lfence; rdtsc" : "=a" (lo), "=d" (hi) : : "memory");
	return lo | (u64)hi << 32;
}

/* CR4.OSXSAVE must be set. */
static inline u64 holm_xgetbv(u32 index)
{
	u32 lo, hi;

	asm volatile("xgetbv" : "=a" (lo), "=d" (hi) : "c" (index));
	return lo | (u64)hi << 32;
}

/* @value must be legal on this CPU. */
static inline void holm_xsetbv(u32 index, u64 value)
{
	asm volatile("xsetbv"
		     : : "a" ((u32)value), "d" ((u32)(value >> 32)), "c" (index)
		     : "memory");
}

/**
 * holm_rdmsr_safe(), holm_wrmsr_safe() - an MSR that this CPU may lack
 * @index: MSR
 * @value: value
 *
 * Return: 0, or -EIO when the access faulted.
 */
static inline int holm_rdmsr_safe(u32 index, u64 *value)
{
	u32 lo = 0, hi = 0;
	int err = -EIO;

	asm volatile("1: rdmsr\n\t"
		     "xor %[err], %[err]\n"
		     "2:\n\t"
		     _ASM_EXTABLE(1b, 2b)
		     : [err] "+r" (err), "+a" (lo), "+d" (hi)
		     : "c" (index));
	*value = lo | (u64)hi << 32;
	return err;
}

static inline int holm_wrmsr_safe(u32 index, u64 value)
{
	int err = -EIO;

	asm volatile("1: wrmsr\n\t"
		     "xor %[err], %[err]\n"
		     "2:\n\t"
		     _ASM_EXTABLE(1b, 2b)
		     : [err] "+r" (err)
		     : "c" (index), "a" ((u32)value), "d" ((u32)(value >> 32))
		     : "memory");
	return err;
}

/* Bits 63..47 are all equal: 48-bit linear addresses, 5-level paging is hidden. */
static inline bool holm_is_canonical(u64 address)
{
	return (u64)((s64)(address << 16) >> 16) == address;
}

#endif /* HOLM_X86_INSN_H */
