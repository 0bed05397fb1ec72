// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The first test of a backend: tiny guests, run by the bare ioctls, that show
 * whether exits arrive and the guest goes on behind them. Each row is a guest:
 * its code, the values it must report on a port, and the exit that ends it.
 * Prints TAP.
 *
 * usage: holm-smoke [NAME...]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/holm.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define MEM_SIZE	0x80000		/* what lies above is MMIO */
#define LOAD_ADDR	0x1000
#define PAGE_TABLES	0x10000		/* PML4, PDPT with one 1 GiB page */
#define MMIO_ADDR	0x90000

#define PORT_REPORT	0xf4		/* a value, compared with the row's */
#define PORT_DATA	0xf8		/* reads give the port's answer below */
#define PORT_DONE	0xf0
#define PORT_ANSWER	0xa5c3e187u

#define MAX_EXITS	1000
#define MAX_VALUES	16
#define TIMEOUT_S	10

/*
 * Guests are 16-bit code at LOAD_ADDR in segment 0. "report" puts EAX on
 * PORT_REPORT; the exception handler at "vector N" is set by "catch".
 */
__asm__(
	".pushsection .rodata\n"
	".code16\n"
	".macro guest name\n"
	".global guest_\\name\n"
	"guest_\\name:\n"
	".endm\n"
	".macro end name\n"
	".global end_\\name\n"
	"end_\\name:\n"
	".endm\n"
	".macro report value:vararg\n"
	".ifnb \\value\n"
	"	movl $\\value, %eax\n"
	".endif\n"
	"	outl %eax, $0xf4\n"
	".endm\n"
	".macro done\n"
	"	outb %al, $0xf0\n"
	".endm\n"
	/* Set interrupt vector \vector to \label of \guest. */
	".macro catch vector, label, guest\n"
	"	movw $(\\label - guest_\\guest + 0x1000), \\vector * 4\n"
	"	movw $0, \\vector * 4 + 2\n"
	".endm\n"

	"guest out\n"
	"	movl $0x12345678, %eax\n"
	"	report\n"
	"	outw %ax, $0xf4\n"
	"	outb %al, $0xf4\n"
	"	movw $0xf4, %dx\n"
	"	outl %eax, %dx\n"
	"	done\n"
	"end out\n"

	"guest in\n"
	"	movl $0x11111111, %eax\n"
	"	inb $0xf8, %al\n"
	"	report\n"
	"	inw $0xf8, %ax\n"
	"	report\n"
	"	inl $0xf8, %eax\n"
	"	report\n"
	"	done\n"
	"end in\n"

	"guest cpuid\n"
	"	xorl %eax, %eax\n"
	"	cpuid\n"
	"	movl %ebx, %eax\n"
	"	report\n"
	"	xorl %eax, %eax\n"
	"	.byte 0x2e, 0x66, 0x0f, 0xa2\n"	/* with prefixes */
	"	movl %ecx, %eax\n"
	"	report\n"
	"	done\n"
	"end cpuid\n"

	"guest msr\n"
	"	catch 13, 1f, msr\n"
	"	movl $0x1b, %ecx\n"		/* IA32_APIC_BASE */
	"	rdmsr\n"
	"	report\n"
	"	movl $0x174, %ecx\n"		/* SYSENTER_CS, in hardware */
	"	movl $0x5678, %eax\n"
	"	xorl %edx, %edx\n"
	"	wrmsr\n"
	"	xorl %eax, %eax\n"
	"	rdmsr\n"
	"	report\n"
	"	movl $0x277, %ecx\n"		/* PAT */
	"	movl $0x00070106, %eax\n"
	"	movl $0x00070406, %edx\n"
	"	wrmsr\n"
	"	xorl %eax, %eax\n"
	"	rdmsr\n"
	"	report\n"
	"	movl $0x12345, %ecx\n"		/* none */
	"	rdmsr\n"
	"	report 0xbad\n"
	"1:	report 13\n"
	"	done\n"
	"end msr\n"

	"guest hlt\n"
	"	catch 2, 1f, hlt\n"
	"	movw $0x3000, %sp\n"		/* a page not yet touched */
	"	hlt\n"
	"	report 2\n"			/* after the NMI's IRET */
	"	done\n"
	"1:	report 1\n"
	"	iretw\n"
	"end hlt\n"

	/*
	 * A second NMI comes in the first one's handler: it waits for the IRET,
	 * and for that only.
	 */
	"guest nmi\n"
	"	catch 2, 1f, nmi\n"
	"	xorw %si, %si\n"
	"	report 1\n"			/* the first NMI is raised */
	"3:	nop\n"
	"	report 6\n"
	"	done\n"
	"1:	incw %si\n"
	"	cmpw $2, %si\n"
	"	je 2f\n"
	"	report 2\n"			/* the second one is raised */
	"	cpuid\n"
	"	report 3\n"
	"	iretw\n"
	"2:	report 4\n"
	"	movw %sp, %bp\n"
	"	movl (%bp), %eax\n"		/* IP: behind the OUT, CS: 0 */
	"	subl $3b - guest_nmi + 0x1000, %eax\n"
	"	report\n"
	"	iretw\n"
	"end nmi\n"

	"guest extint\n"
	"	catch 0x20, 1f, extint\n"
	"	movw $0x3000, %sp\n"		/* a page not yet touched */
	"	report 1\n"			/* the line rises */
	"	movl $100000, %ecx\n"
	"2:	loopl 2b\n"			/* IF is clear */
	"	report 2\n"
	"	sti\n"
	"	nop\n"
	"	nop\n"
	"	report 4\n"
	"	done\n"
	"1:	report 3\n"
	"	iretw\n"
	"end extint\n"

	"guest triple\n"
	"	lidtl 1f - guest_triple + 0x1000\n"
	"	ud2\n"
	"	report 0xbad\n"
	"1:	.word 0\n"
	"	.long 0\n"
	"end triple\n"

	"guest mmio\n"
	"	movw $0x9000, %bx\n"
	"	movw %bx, %ds\n"
	"	movb %al, 4\n"			/* a2 04 00 */
	"	xorw %bx, %bx\n"
	"	movw %bx, %ds\n"
	"	report 1\n"
	"	done\n"
	"end mmio\n"

	"guest int\n"
	"	catch 0x21, 1f, int\n"
	"	catch 3, 2f, int\n"
	"	int $0x21\n"
	"	report 3\n"
	"	int3\n"
	"	report 5\n"
	"	done\n"
	"1:	report 2\n"
	"	iretw\n"
	"2:	report 4\n"
	"	iretw\n"
	"end int\n"

	/*
	 * The first touch of a page by the delivery of an event: a second-level
	 * fault interrupts it, and it is delivered again.
	 */
	"guest stack\n"
	"	catch 0x21, 1f, stack\n"
	"	catch 3, 2f, stack\n"
	"	catch 6, 3f, stack\n"
	"	movw $0x4000, %sp\n"
	"	int $0x21\n"
	"	movw $0x5000, %sp\n"
	"	int3\n"
	"	movw $0x6000, %sp\n"
	"	ud2\n"
	"	report 4\n"
	"	movw %sp, %ax\n"
	"	outw %ax, $0xf4\n"
	"	done\n"
	"1:	report 1\n"
	"	iretw\n"
	"2:	report 2\n"
	"	iretw\n"
	"3:	report 3\n"
	"	movw %sp, %bp\n"
	"	addw $2, (%bp)\n"
	"	iretw\n"
	"end stack\n"

	"guest step\n"				/* TF over CPUID, which exits, and NOP */
	"	catch 1, 1f, step\n"
	"	xorl %esi, %esi\n"
	"	pushfw\n"
	"	popw %bx\n"
	"	orw $0x100, %bx\n"
	"	pushw %bx\n"
	"	popfw\n"
	"	nop\n"				/* trap 1 */
	"	xorl %eax, %eax\n"		/* trap 2 */
	"	cpuid\n"			/* trap 3 */
	"	nop\n"				/* trap 4 */
	"	pushw $2\n"			/* trap 5 */
	"	popfw\n"			/* trap 6 */
	"	movl %esi, %eax\n"
	"	report\n"
	"	movl %edi, %eax\n"
	"	report\n"
	"	done\n"
	"1:	incl %esi\n"
	"	movl %dr6, %edi\n"
	"	andl $0x4000, %edi\n"		/* BS */
	"	iretw\n"
	"end step\n"

	"guest dr\n"
	"	movl $0x1234, %eax\n"
	"	movl %eax, %dr0\n"
	"	movl $0x5678, %eax\n"
	"	movl %eax, %dr3\n"
	"	cpuid\n"
	"	movl %dr0, %eax\n"
	"	report\n"
	"	movl %dr3, %eax\n"
	"	report\n"
	"	movl %dr7, %eax\n"
	"	report\n"
	"	done\n"
	"end dr\n"

	"guest cr\n"
	"	movl %cr0, %eax\n"
	"	report\n"
	"	smsw %ax\n"
	"	movl $0x10, %eax\n"		/* CD, NW off */
	"	movl %eax, %cr0\n"
	"	movl %cr0, %eax\n"
	"	report\n"
	"	movl $0x40, %eax\n"		/* MCE */
	"	movl %eax, %cr4\n"
	"	xorl %eax, %eax\n"
	"	movl %cr4, %eax\n"
	"	report\n"
	"	xorl %eax, %eax\n"
	"	movl %eax, %cr4\n"
	"	movl %cr4, %eax\n"
	"	report\n"
	"	movw $8, %ax\n"
	"	lmsw %ax\n"			/* TS */
	"	movl %cr0, %eax\n"
	"	report\n"
	"	clts\n"
	"	movl %cr0, %eax\n"
	"	report\n"
	"	done\n"
	"end cr\n"

	"guest long\n"				/* real -> 64-bit mode and an exit there */
	"	lgdtl 3f - guest_long + 0x1000\n"
	"	movl $0x20, %eax\n"		/* PAE */
	"	movl %eax, %cr4\n"
	"	movl $0x10000, %eax\n"
	"	movl %eax, %cr3\n"
	"	movl $0xc0000080, %ecx\n"	/* EFER.LME */
	"	rdmsr\n"
	"	orl $0x100, %eax\n"
	"	wrmsr\n"
	"	movl $0x80000011, %eax\n"	/* PG PE */
	"	movl %eax, %cr0\n"
	"	ljmpw $8, $(1f - guest_long + 0x1000)\n"
	".code64\n"
	"1:	movl $0xc0000080, %ecx\n"
	"	rdmsr\n"
	"	outl %eax, $0xf4\n"		/* LME, LMA */
	"	movabs $0x1122334455667788, %r9\n"
	"	xorl %eax, %eax\n"
	"	cpuid\n"
	"	movq %r9, %rax\n"
	"	shrq $32, %rax\n"
	"	outl %eax, $0xf4\n"
	"	movq $5, %r10\n"
	"	movq %r10, %cr8\n"
	"	movq %cr8, %rax\n"
	"	outl %eax, $0xf4\n"
	"	xorl %eax, %eax\n"
	"	movq %cr4, %r11\n"
	"	orq $0x80, %r11\n"
	"	movq %r11, %cr4\n"		/* PGE, by an extended register */
	"	movq %cr4, %rax\n"
	"	outl %eax, $0xf4\n"
	"	outb %al, $0xf0\n"
	".code16\n"
	"2:	.quad 0\n"
	"	.quad 0x00209b0000000000\n"	/* 64-bit code */
	"3:	.word 15\n"
	"	.long 2b - guest_long + 0x1000\n"
	"end long\n"

	".code64\n"
	".popsection\n"
);

enum hook {
	HOOK_NONE,
	HOOK_CPUID,		/* values[] are EBX and ECX of leaf 0 */
	HOOK_HLT_NMI,		/* an NMI ends HLT */
	HOOK_NMI,		/* an NMI at each of the first two reports */
	HOOK_EXTINT,		/* the PIC's line rises at the first report */
};

struct row {
	const char *name;
	const uint8_t *code, *code_end;
	enum hook hook;
	uint32_t end;		/* HOLM_EXIT_* */
	unsigned int count;
	uint32_t values[MAX_VALUES];
};

#define GUEST(n)								\
	extern const uint8_t guest_##n[], end_##n[]
GUEST(out);
GUEST(in);
GUEST(cpuid);
GUEST(msr);
GUEST(hlt);
GUEST(nmi);
GUEST(extint);
GUEST(triple);
GUEST(mmio);
GUEST(int);
GUEST(stack);
GUEST(step);
GUEST(dr);
GUEST(cr);
GUEST(long);

#define CODE(n)	.name = #n, .code = guest_##n, .code_end = end_##n
#define VALUES(...)							\
	.count = sizeof((uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t),	\
	.values = { __VA_ARGS__ }

static struct row rows[] = {
	{ CODE(out), .end = HOLM_EXIT_IO,
	  VALUES(0x12345678, 0x5678, 0x78, 0x12345678) },
	{ CODE(in), .end = HOLM_EXIT_IO,
	  VALUES(0x11111187, 0x1111e187, 0xa5c3e187) },
	{ CODE(cpuid), .hook = HOOK_CPUID, .end = HOLM_EXIT_IO,
	  VALUES(0, 0) },
	{ CODE(msr), .end = HOLM_EXIT_IO,
	  VALUES(0xfee00900, 0x5678, 0x00070106, 13) },
	{ CODE(hlt), .hook = HOOK_HLT_NMI, .end = HOLM_EXIT_IO,
	  VALUES(1, 2) },
	{ CODE(nmi), .hook = HOOK_NMI, .end = HOLM_EXIT_IO,
	  VALUES(1, 2, 3, 4, 0, 6) },
	{ CODE(extint), .hook = HOOK_EXTINT, .end = HOLM_EXIT_IO,
	  VALUES(1, 2, 3, 4) },
	{ CODE(triple), .end = HOLM_EXIT_SHUTDOWN },
	{ CODE(mmio), .end = HOLM_EXIT_IO,
	  VALUES(1) },
	{ CODE(int), .end = HOLM_EXIT_IO,
	  VALUES(2, 3, 4, 5) },
	{ CODE(stack), .end = HOLM_EXIT_IO,
	  VALUES(1, 2, 3, 4, 0x6000) },
	{ CODE(step), .end = HOLM_EXIT_IO,
	  VALUES(6, 0x4000) },
	{ CODE(dr), .end = HOLM_EXIT_IO,
	  VALUES(0x1234, 0x5678, 0x400) },
	{ CODE(cr), .end = HOLM_EXIT_IO,
	  VALUES(0x60000010, 0x10, 0x40, 0, 0x18, 0x10) },
	{ CODE(long), .end = HOLM_EXIT_IO,
	  VALUES(0x500, 0x11223344, 5, 0xa0) },
};

struct machine {
	int dev, vm, vcpu;
	uint8_t *mem;
	struct holm_run *run;
	struct holm_cpuid_entry cpuid[HOLM_MAX_CPUID_ENTRIES];
	uint32_t cpuid_nent;
};

static volatile sig_atomic_t alarms;
static bool nmi_sent;		/* HOOK_HLT_NMI: there is one */

static void on_alarm(int sig)
{
	(void)sig;
	alarms++;
}

static char why[512];		/* what is said of a row that failed */

__attribute__((format(printf, 1, 2)))
static void note(const char *format, ...)
{
	size_t used = strlen(why);
	va_list ap;

	va_start(ap, format);
	vsnprintf(why + used, sizeof(why) - used, format, ap);
	va_end(ap);
}

static int fail(const char *what)
{
	note("%s: %s", what, strerror(errno));
	return -1;
}

static int get_sregs(struct machine *m, struct holm_sregs *sregs)
{
	struct holm_state_block block = {
		.type = HOLM_STATE_SREGS,
		.size = sizeof(*sregs),
		.data = (uintptr_t)sregs,
	};
	struct holm_state state = {
		.nblocks = 1,
		.blocks = (uintptr_t)&block,
	};

	return ioctl(m->vcpu, HOLM_GET_STATE, &state);
}

static void machine_close(struct machine *m)
{
	if (m->run)
		munmap(m->run, HOLM_RUN_PAGE_SIZE);
	if (m->vcpu >= 0)
		close(m->vcpu);
	if (m->vm >= 0)
		close(m->vm);
	if (m->mem)
		munmap(m->mem, MEM_SIZE);
	if (m->dev >= 0)
		close(m->dev);
}

static int set_cpuid(struct machine *m)
{
	struct holm_cpuid arg = {
		.nent = ARRAY_SIZE(m->cpuid),
		.entries = (uintptr_t)m->cpuid,
	};

	if (ioctl(m->dev, HOLM_GET_SUPPORTED_CPUID, &arg))
		return fail("HOLM_GET_SUPPORTED_CPUID");
	m->cpuid_nent = arg.nent;
	if (ioctl(m->vcpu, HOLM_SET_CPUID, &arg))
		return fail("HOLM_SET_CPUID");
	return 0;
}

static int machine_open(struct machine *m)
{
	struct holm_create_vm vm = { .size = sizeof(vm), .name = "smoke" };
	struct holm_create_vcpu vcpu = { .apic_id = 0 };
	struct holm_slot slot = { .size = MEM_SIZE };
	void *p;

	*m = (struct machine) { .dev = -1, .vm = -1, .vcpu = -1 };
	m->dev = open("/dev/holm", O_RDWR | O_CLOEXEC);
	if (m->dev < 0)
		return fail("/dev/holm");
	m->vm = ioctl(m->dev, HOLM_CREATE_VM, &vm);
	if (m->vm < 0)
		return fail("HOLM_CREATE_VM");
	p = mmap(NULL, MEM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return fail("mmap of guest memory");
	m->mem = p;
	slot.uaddr = (uintptr_t)p;
	if (ioctl(m->vm, HOLM_SET_SLOT, &slot))
		return fail("HOLM_SET_SLOT");
	m->vcpu = ioctl(m->vm, HOLM_CREATE_VCPU, &vcpu);
	if (m->vcpu < 0)
		return fail("HOLM_CREATE_VCPU");
	p = mmap(NULL, HOLM_RUN_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, m->vcpu, 0);
	if (p == MAP_FAILED)
		return fail("mmap of the run page");
	m->run = p;
	return set_cpuid(m);
}

static int machine_load(struct machine *m, const struct row *row)
{
	uint64_t *tables = (uint64_t *)(m->mem + PAGE_TABLES);
	struct holm_sregs sregs;

	memcpy(m->mem + LOAD_ADDR, row->code, row->code_end - row->code);
	tables[0] = (PAGE_TABLES + 0x1000) | 3;		/* present, writable */
	tables[512] = (PAGE_TABLES + 0x2000) | 3;
	tables[1024] = 0x83;				/* the first 2 MiB */

	if (get_sregs(m, &sregs))
		return fail("HOLM_GET_STATE");
	sregs.seg[HOLM_SEG_CS].selector = 0;
	sregs.seg[HOLM_SEG_CS].base = 0;
	m->run->sregs = sregs;
	m->run->regs = (struct holm_regs) { .rip = LOAD_ADDR, .rflags = 2 };
	m->run->regs.gpr[HOLM_RSP] = LOAD_ADDR;
	m->run->in_flags = HOLM_RUN_REGS | HOLM_RUN_SREGS;
	return 0;
}

static int inject(struct machine *m, uint32_t kind)
{
	struct holm_inject arg = { .kind = kind };

	if (ioctl(m->vcpu, HOLM_INJECT, &arg))
		return fail("HOLM_INJECT");
	return 0;
}

static void complete(struct machine *m, uint64_t next_rip)
{
	m->run->next_rip = next_rip;
	m->run->in_flags |= HOLM_RUN_REGS | HOLM_RUN_COMPLETE;
}

/* One port access. 0: go on, 1: the guest is done, -1: wrong. */
static int do_io(struct machine *m, const struct row *row, unsigned int *n)
{
	struct holm_run *run = m->run;
	struct holm_exit_io io = run->io;
	__u64 *rax = &run->regs.gpr[HOLM_RAX];
	__u64 mask = io.size == 4 ? 0xffffffff : (1ULL << io.size * 8) - 1;

	if (!(run->out_flags & HOLM_OUT_NEXT_RIP)) {
		note("port exit without next_rip");
		return -1;
	}
	complete(m, run->next_rip);
	if (io.port == PORT_DATA && io.flags == HOLM_IO_IN) {
		if (io.size == 4)
			*rax = PORT_ANSWER;
		else
			*rax = (*rax & ~mask) | (PORT_ANSWER & mask);
		return 0;
	}
	if (io.port == PORT_DONE && !io.flags)
		return 1;
	if (io.port != PORT_REPORT || io.flags) {
		note("unexpected access: port 0x%x flags 0x%x", io.port, io.flags);
		return -1;
	}
	if (*n >= row->count || io.data != row->values[*n]) {
		note("value %u: 0x%x, expected ", *n, io.data);
		if (*n < row->count)
			note("0x%x", row->values[*n]);
		else
			note("no more");
		return -1;
	}
	++*n;
	if (*n == 1 && row->hook == HOOK_EXTINT)
		return inject(m, HOLM_INJECT_EXTINT_RAISE);
	if (*n <= 2 && row->hook == HOOK_NMI)
		return inject(m, HOLM_INJECT_NMI);
	return 0;
}

/* HOLM_RUN was interrupted, by the alarm or without a signal. */
static int do_alarm(struct machine *m, const struct row *row)
{
	if (errno != EINTR)
		return fail("HOLM_RUN");
	if (row->hook == HOOK_HLT_NMI && alarms && !nmi_sent) {
		nmi_sent = true;
		return inject(m, HOLM_INJECT_NMI);
	}
	if (alarms < TIMEOUT_S)
		return 0;
	note("timed out at rip 0x%llx, rflags 0x%llx",
	       (unsigned long long)m->run->regs.rip, (unsigned long long)m->run->regs.rflags);
	return -1;
}

static void print_exit(const struct holm_run *run)
{
	unsigned int i;

	note("exit %u at rip 0x%llx", run->exit_reason, (unsigned long long)run->regs.rip);
	switch (run->exit_reason) {
	case HOLM_EXIT_MMIO:
		note(" gpa 0x%llx flags 0x%x", (unsigned long long)run->mmio.gpa,
		       run->mmio.flags);
		break;
	case HOLM_EXIT_FAIL_ENTRY:
		note(" reason 0x%llx detail 0x%llx", (unsigned long long)run->fail_entry.reason,
		       (unsigned long long)run->fail_entry.detail);
		break;
	case HOLM_EXIT_INTERNAL_ERROR:
		for (i = 0; i < run->internal.ndata; i++)
			note(" 0x%llx", (unsigned long long)run->internal.data[i]);
		break;
	case HOLM_EXIT_MEMORY_FAULT:
		note(" gpa 0x%llx: %s", (unsigned long long)run->memory_fault.gpa,
		       strerror(run->memory_fault.error));
		break;
	}
}

/* 0: go on, 1: the guest ended as it should, -1: it did not. */
static int do_exit(struct machine *m, const struct row *row, unsigned int *n)
{
	struct holm_run *run = m->run;

	switch (run->exit_reason) {
	case HOLM_EXIT_IO:
		return do_io(m, row, n);
	case HOLM_EXIT_MMIO:
		/* The one instruction of the mmio guest: A2 and 16 address bits. */
		if (run->mmio.gpa != MMIO_ADDR + 4 || !(run->mmio.flags & HOLM_ACCESS_WRITE))
			break;
		complete(m, run->regs.rip + 3);
		return 0;
	case HOLM_EXIT_EMULATE:
		/* SMSW AX, the only one that exits here: 0F 01 E0. */
		if (memcmp(m->mem + run->regs.rip, "\x0f\x01\xe0", 3))
			break;
		run->regs.gpr[HOLM_RAX] = (run->regs.gpr[HOLM_RAX] & ~0xffffULL) |
					  (run->sregs.cr0 & 0xffff);
		complete(m, run->regs.rip + 3);
		return 0;
	case HOLM_EXIT_INTR_ACK:
		run->intr_vector = 0x20;
		run->in_flags = HOLM_RUN_INTR_VECTOR;
		return inject(m, HOLM_INJECT_EXTINT_LOWER);
	}
	if (run->exit_reason == row->end)
		return 1;
	print_exit(run);
	return -1;
}

static int run_row(const struct row *row, struct machine *m)
{
	unsigned int n = 0, exits;
	int ret = 0;

	for (exits = 0; exits < MAX_EXITS && !ret; exits++) {
		if (ioctl(m->vcpu, HOLM_RUN, 0))
			ret = do_alarm(m, row);
		else
			ret = do_exit(m, row, &n);
	}
	if (ret < 0)
		return -1;
	if (!ret) {
		note("still running after %u exits", exits);
		return -1;
	}
	if (m->run->exit_reason != row->end || n != row->count) {
		note("ended by exit %u after %u values, expected exit %u after %u",
		       m->run->exit_reason, n, row->end, row->count);
		return -1;
	}
	return 0;
}

static int test_row(struct row *row, unsigned int number)
{
	static const struct itimerval tick = { { 1, 0 }, { 1, 0 } }, off;
	struct machine m;
	uint32_t i;
	int err;

	err = machine_open(&m);
	if (!err)
		err = machine_load(&m, row);
	if (!err && row->hook == HOOK_CPUID)
		for (i = 0; i < m.cpuid_nent; i++)
			if (!m.cpuid[i].function) {
				row->values[0] = m.cpuid[i].ebx;
				row->values[1] = m.cpuid[i].ecx;
			}
	if (!err) {
		alarms = 0;
		nmi_sent = false;
		setitimer(ITIMER_REAL, &tick, NULL);
		err = run_row(row, &m);
		setitimer(ITIMER_REAL, &off, NULL);
	}
	machine_close(&m);
	printf("%sok %u - %s\n", err ? "not " : "", number, row->name);
	if (err)
		printf("# %s\n", why);
	why[0] = 0;
	return err;
}

static bool wanted(const char *name, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return argc == 1;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_alarm };
	unsigned int i, passed = 0, failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGALRM, &action, NULL);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!wanted(rows[i].name, argc, argv))
			continue;
		if (test_row(&rows[i], passed + failed + 1))
			failed++;
		else
			passed++;
	}
	printf("1..%u\n", passed + failed);
	return failed || !passed;
}
