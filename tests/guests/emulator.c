// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the CPU below the hypervisor leaves out. Emulated hosts do not check
 * all that a CPU checks; a guest cannot be shown what is not there. It is
 * asked of the host itself, without a guest: a hypervisor that loses an
 * exception is not to be excused.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/io.h>

#include "guest.h"

#define PORT_BOCHS	0xe9	/* Bochs' debug port reads as its own number */

/*
 * QEMU without KVM has its own signature in the hypervisor leaves; Bochs says
 * in no leaf that it is none of the CPUs it models.
 */
void emulator_detect(void)
{
	unsigned int eax, signature[3], ecx = 0, edx;

	__cpuid(1, eax, signature[0], ecx, edx);
	if (ecx & BIT(31)) {
		__cpuid(0x40000000, eax, signature[0], signature[1], signature[2]);
		hv.tcg = !memcmp(signature, "TCGTCGTCGTCG", 12);
		return;
	}
	if (ioperm(PORT_BOCHS, 1, 1))
		return;
	hv.bochs = inb(PORT_BOCHS) == PORT_BOCHS;
	ioperm(PORT_BOCHS, 1, 0);
}

static sigjmp_buf back;

static void on_signal(int sig)
{
	/* Handlers run with the AC flag of what they interrupt. */
	asm volatile("pushf\n\tandl	$~0x40000, (%%rsp)\n\tpopf" : : : "cc", "memory");
	siglongjmp(back, sig);
}

/* Does @fn, in this process, end in the signal? */
static bool raises(int sig, void (*fn)(void))
{
	struct sigaction action = { .sa_handler = on_signal }, old;
	bool raised;

	sigaction(sig, &action, &old);
	raised = sigsetjmp(back, 1) != 0;
	if (!raised)
		fn();
	sigaction(sig, &old, NULL);
	return raised;
}

/* Signal handlers begin with all masked, and there is no return from this one. */
static void simd_exception(void)
{
	const uint32_t unmasked = 0x1d80, masked = 0x1f80;	/* ZM */
	float one = 1;

	asm volatile("ldmxcsr	%1\n\t"
		     "xorps	%%xmm7, %%xmm7\n\t"
		     "divss	%%xmm7, %0\n\t"
		     : "+x" (one) : "m" (unmasked) : "xmm7");
	asm volatile("ldmxcsr	%0" : : "m" (masked));
}

static void unaligned_access(void)
{
	uint32_t data[2] = { 0 }, value;

	asm volatile("lea	-128(%%rsp), %%rsp\n\t"		/* the red zone */
		     "pushf\n\t"
		     "orl	$0x40000, (%%rsp)\n\t"
		     "popf\n\t"
		     "movl	(%1), %0\n\t"
		     "pushf\n\t"
		     "andl	$~0x40000, (%%rsp)\n\t"
		     "popf\n\t"
		     "lea	128(%%rsp), %%rsp"
		     : "=&r" (value) : "r" ((char *)data + 1), "m" (data) : "cc");
}

/* Of rows with an unmasked SIMD floating-point exception. */
const char *no_simd_exceptions(void)
{
	static int there = -1;

	if (there < 0)
		there = raises(SIGFPE, simd_exception);
	return there ? NULL : "this emulated CPU raises no SIMD floating-point exception";
}

/* Of rows with an unaligned access at CPL 3. */
const char *no_alignment_checks(void)
{
	static int there = -1;

	if (there < 0)
		there = raises(SIGBUS, unaligned_access);
	return there ? NULL : "this emulated CPU does not check alignment";
}
