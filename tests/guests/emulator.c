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
#include <sys/mman.h>
#include <ucontext.h>

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
static uint64_t error_code;
static volatile uint64_t flags;		/* of what the signal interrupted */

static void on_signal(int sig, siginfo_t *info, void *context)
{
	const ucontext_t *uc = context;

	(void)info;
	/* Handlers run with the AC flag of what they interrupt. */
	asm volatile("pushf\n\tandl	$~0x40000, (%%rsp)\n\tpopf" : : : "cc", "memory");
	error_code = uc->uc_mcontext.gregs[REG_ERR];
	flags = uc->uc_mcontext.gregs[REG_EFL];
	siglongjmp(back, sig);
}

static const int signals[] = { SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV };

/* The signal that @fn, in this process, ends in; 0 for none. */
static int signal_of(void (*fn)(void))
{
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
	struct sigaction old[ARRAY_SIZE(signals)];
	unsigned int i;
	int sig;

	for (i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &action, &old[i]);
	sig = sigsetjmp(back, 1);
	if (!sig)
		fn();
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &old[i], NULL);
	return sig;
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

static void int1(void)
{
	asm volatile(".byte 0xf1");
}

/* Linux lets no process use this one. */
#define GATE	0x21

static void closed_gate(void)
{
	asm volatile("int	%0" : : "i" (GATE));
}

static void stack_not_canonical(void)
{
	asm volatile("push	%%rbp\n\t"
		     "mov	%0, %%rbp\n\t"
		     "mov	(%%rbp), %%rax\n\t"
		     "pop	%%rbp"
		     : : "r" (BIT(63)) : "rax", "memory");
}

static void lock_mov(void)
{
	uint32_t memory;

	asm volatile(".byte 0xf0\n\tmovl	%%eax, %0" : "=m" (memory));
}

static char *split_at;		/* the last two bytes before a page that is not there */

static void split_xchg(void)
{
	asm volatile("stc\n\txchg	%%eax, (%0)" : : "r" (split_at) : "eax", "memory", "cc");
}

const char *no_simd_exceptions(void)
{
	static int sig = -1;

	if (sig < 0)
		sig = signal_of(simd_exception);
	return sig == SIGFPE ? NULL : "this emulated CPU raises no SIMD floating-point exception";
}

const char *no_alignment_checks(void)
{
	static int sig = -1;

	if (sig < 0)
		sig = signal_of(unaligned_access);
	return sig == SIGBUS ? NULL : "this emulated CPU does not check alignment";
}

const char *no_int1(void)
{
	static int sig = -1;

	if (sig < 0)
		sig = signal_of(int1);
	return sig == SIGTRAP ? NULL : "this emulated CPU has no INT1";
}

const char *no_gate_error_codes(void)
{
	static int sig = -1;
	static bool right;

	if (sig < 0) {
		sig = signal_of(closed_gate);
		right = sig == SIGSEGV && error_code == GATE * 8 + 2;
	}
	return right ? NULL : "this emulated CPU's error codes name another gate in long mode";
}

const char *no_canonical_stack_fault(void)
{
	static int sig = -1;

	/* SIGBUS is #SS, SIGSEGV #GP. */
	if (sig < 0)
		sig = signal_of(stack_not_canonical);
	return sig == SIGBUS ? NULL :
	       "this emulated CPU raises #GP for a stack address that is not canonical";
}

const char *no_lock_check(void)
{
	return signal_of(lock_mov) == SIGILL ? NULL :
	       "this emulated CPU lets LOCK stand before any instruction";
}

const char *no_flags_of_split_lock(void)
{
	char *p = mmap(NULL, 0x2000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool kept = true;

	if (p == MAP_FAILED)
		return NULL;
	split_at = p + 0xffe;
	if (!mprotect(p + 0x1000, 0x1000, PROT_NONE) && signal_of(split_xchg) == SIGSEGV)
		kept = flags & 1;	/* CF */
	munmap(p, 0x2000);
	return kept ? NULL : "this emulated CPU loses CF when a split locked access faults";
}

const char *no_segment_checks(void)
{
	return hv.tcg ? "QEMU's emulation does not check segment limits and types on accesses" : NULL;
}

const char *no_canonical_checks(void)
{
	return hv.tcg ? "QEMU's emulation loads addresses that are not canonical" : NULL;
}

/* The exit for a write of CR0 looks at 32 bits; CR3, CR8 and LTR have none. */
const char *no_register_checks(void)
{
	return hv.tcg ? "QEMU's emulation takes reserved bits of CR0, CR3 and CR8, and a null TR" :
			NULL;
}

const char *no_task_switch_exits(void)
{
	return hv.tcg ? "QEMU's emulation switches tasks without an exit" : NULL;
}
