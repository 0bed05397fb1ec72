// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a guest does to the processor is not seen by its launcher, nor by the
 * guest of another VM, and the other way round: segment registers and bases,
 * the LDT, the I/O permission bitmap, debug registers, TSC_AUX, vector state,
 * PKRU, SYSCALL's MSRs.
 *
 * A guest writes a pattern of its own into each register that hardware may
 * keep between exits, and compares them for ever; it reports each round by a
 * port access. Two VMs with different patterns take turns in one thread, while
 * the thread checks what belongs to it.
 *
 * usage: host_state [ROUNDS]
 */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <asm/prctl.h>
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/hw_breakpoint.h>
#include <linux/holm.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define MEM_SIZE	0x10000
#define LOAD_ADDR	0x1000
#define PATTERN_ADDR	0x500		/* the VM's pattern, 32 bits */
#define PORT_ROUND	0xf0		/* all as it was written */
#define PORT_WRONG	0xf1		/* AL: number of the register */
#define GUESTS		2

/*
 * 16-bit code. EBX is the pattern; "check N" reports register N unless EAX is
 * the pattern.
 */
__asm__(
	".pushsection .rodata\n"
	".code16\n"
	".macro check number\n"
	"	cmpl %ebx, %eax\n"
	"	je 9f\n"
	"	movb $\\number, %al\n"
	"	outb %al, $0xf1\n"
	"9:\n"
	".endm\n"
	".global guest_code\n"
	"guest_code:\n"
	"	movl 0x500, %ebx\n"
	"	movl %ebx, %eax\n"
	"	movl %eax, %dr0\n"
	"	movl %eax, %dr1\n"
	"	movl %eax, %dr2\n"
	"	movl %eax, %dr3\n"
	"	movl $0xff, %eax\n"		/* breakpoints on instructions that never run */
	"	movl %eax, %dr7\n"
	"	movw $msrs - guest_code + 0x1000, %si\n"
	"1:	movl (%si), %ecx\n"
	"	testl %ecx, %ecx\n"
	"	jz 2f\n"
	"	movl %ebx, %eax\n"
	"	xorl %edx, %edx\n"
	"	wrmsr\n"
	"	addw $4, %si\n"
	"	jmp 1b\n"
	"2:	fninit\n"
	"	movl $0x600, %eax\n"		/* OSFXSR, OSXMMEXCPT */
	"	movl %eax, %cr4\n"
	"	movd %ebx, %xmm7\n"
	"	movl %ebx, 0x508\n"
	"	flds 0x508\n"			/* x87 */

	"3:	movw $msrs - guest_code + 0x1000, %si\n"
	"4:	movl (%si), %ecx\n"
	"	testl %ecx, %ecx\n"
	"	jz 5f\n"
	"	rdmsr\n"
	"	cmpw %bx, %ax\n"
	"	jne 7f\n"
	"	cmpl $0x174, %ecx\n"		/* a selector: 16 bits are kept */
	"	je 6f\n"
	"	cmpl %ebx, %eax\n"
	"	je 6f\n"
	"7:	movw %si, %ax\n"
	"	subw $msrs - guest_code + 0x1000, %ax\n"
	"	shrw $2, %ax\n"
	"	outb %al, $0xf1\n"
	"6:	addw $4, %si\n"
	"	jmp 4b\n"
	"5:	movl %dr0, %eax\n"
	"	check 0x10\n"
	"	movl %dr3, %eax\n"
	"	check 0x13\n"
	"	movd %xmm7, %eax\n"
	"	check 0x20\n"
	"	fsts 0x50c\n"
	"	movl 0x50c, %eax\n"
	"	check 0x21\n"
	"	outb %al, $0xf0\n"
	"	jmp 3b\n"
	".balign 4\n"
	"msrs:\n"
	"	.long 0xc0000081\n"		/* STAR */
	"	.long 0xc0000082\n"		/* LSTAR */
	"	.long 0xc0000083\n"		/* CSTAR */
	"	.long 0xc0000084\n"		/* FMASK */
	"	.long 0xc0000100\n"		/* FS_BASE */
	"	.long 0xc0000101\n"		/* GS_BASE */
	"	.long 0xc0000102\n"		/* KERNEL_GS_BASE */
	"	.long 0x174\n"			/* SYSENTER_CS */
	"	.long 0x175\n"			/* SYSENTER_ESP */
	"	.long 0x176\n"			/* SYSENTER_EIP */
	"	.long 0xc0000103\n"		/* TSC_AUX */
	"	.long 0\n"
	".global guest_code_end\n"
	"guest_code_end:\n"
	".code64\n"
	".popsection\n"
);

extern const uint8_t guest_code[], guest_code_end[];

static const char *const register_names[] = {
	"STAR", "LSTAR", "CSTAR", "FMASK", "FS_BASE", "GS_BASE", "KERNEL_GS_BASE",
	"SYSENTER_CS", "SYSENTER_ESP", "SYSENTER_EIP", "TSC_AUX",
	[0x10] = "DR0", [0x13] = "DR3", [0x20] = "XMM7", [0x21] = "ST0",
};

struct guest {
	int vm, vcpu;
	uint8_t *mem;
	struct holm_run *run;
};

static int fail(const char *what)
{
	printf("FAIL %s: %s\n", what, strerror(errno));
	return -1;
}

/* ---- guests ---------------------------------------------------------------- */

static int set_cpuid(int dev, int vcpu)
{
	static struct holm_cpuid_entry entries[HOLM_MAX_CPUID_ENTRIES];
	struct holm_cpuid arg = {
		.nent = ARRAY_SIZE(entries),
		.entries = (uintptr_t)entries,
	};

	if (ioctl(dev, HOLM_GET_SUPPORTED_CPUID, &arg))
		return fail("HOLM_GET_SUPPORTED_CPUID");
	if (ioctl(vcpu, HOLM_SET_CPUID, &arg))
		return fail("HOLM_SET_CPUID");
	return 0;
}

static int get_sregs(int vcpu, struct holm_sregs *sregs)
{
	struct holm_state_block block = {
		.type = HOLM_STATE_SREGS,
		.size = sizeof(*sregs),
		.data = (uintptr_t)sregs,
	};
	struct holm_state state = { .nblocks = 1, .blocks = (uintptr_t)&block };

	return ioctl(vcpu, HOLM_GET_STATE, &state);
}

static int guest_open(struct guest *g, int dev, uint32_t pattern)
{
	struct holm_create_vm vm = { .size = sizeof(vm), .name = "host_state" };
	struct holm_create_vcpu vcpu = { .apic_id = 0 };
	struct holm_slot slot = { .size = MEM_SIZE };
	struct holm_sregs sregs;

	g->vm = ioctl(dev, HOLM_CREATE_VM, &vm);
	if (g->vm < 0)
		return fail("HOLM_CREATE_VM");
	g->mem = mmap(NULL, MEM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (g->mem == MAP_FAILED)
		return fail("mmap of guest memory");
	memcpy(g->mem + LOAD_ADDR, guest_code, guest_code_end - guest_code);
	memcpy(g->mem + PATTERN_ADDR, &pattern, sizeof(pattern));
	slot.uaddr = (uintptr_t)g->mem;
	if (ioctl(g->vm, HOLM_SET_SLOT, &slot))
		return fail("HOLM_SET_SLOT");
	g->vcpu = ioctl(g->vm, HOLM_CREATE_VCPU, &vcpu);
	if (g->vcpu < 0)
		return fail("HOLM_CREATE_VCPU");
	g->run = mmap(NULL, HOLM_RUN_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, g->vcpu, 0);
	if (g->run == MAP_FAILED)
		return fail("mmap of the run page");
	if (set_cpuid(dev, g->vcpu))
		return -1;
	if (get_sregs(g->vcpu, &sregs))
		return fail("HOLM_GET_STATE");
	sregs.seg[HOLM_SEG_CS].selector = 0;
	sregs.seg[HOLM_SEG_CS].base = 0;
	g->run->sregs = sregs;
	g->run->regs = (struct holm_regs) { .rip = LOAD_ADDR, .rflags = 2 };
	g->run->in_flags = HOLM_RUN_REGS | HOLM_RUN_SREGS;
	return 0;
}

/* One round of the guest. */
static int guest_run(struct guest *g)
{
	struct holm_run *run = g->run;
	uint8_t number;

	do {
		errno = 0;
	} while (ioctl(g->vcpu, HOLM_RUN, 0) && errno == EINTR);
	if (errno)
		return fail("HOLM_RUN");
	if (run->exit_reason != HOLM_EXIT_IO) {
		printf("FAIL exit %u at rip 0x%llx\n", run->exit_reason,
		       (unsigned long long)run->regs.rip);
		return -1;
	}
	run->in_flags = HOLM_RUN_COMPLETE;
	if (run->io.port == PORT_ROUND)
		return 0;
	number = run->io.data;
	printf("FAIL a guest found another value in its %s (%u) than it wrote\n",
	       number < ARRAY_SIZE(register_names) && register_names[number] ?
	       register_names[number] : "register", number);
	return -1;
}

/* ---- what belongs to this thread ------------------------------------------- */

#define USER_DS	0x2b			/* a selector that user space may load */
#define SCRATCH_PORT	0x80		/* POST codes */

static uint64_t gs_word = 0x0123456789abcdef;
static uint32_t aux_before;
static bool has_rdtscp, has_pku, has_ldt;
static volatile uint64_t watched;
static int watch_fd = -1;
static uint64_t watch_count;

static uint64_t read_gs_word(void)
{
	uint64_t v;

	__asm__ volatile("movq %%gs:0, %0" : "=r" (v));
	return v;
}

static unsigned int read_selector(char which)
{
	unsigned int v = 0;

	switch (which) {
	case 'd':
		__asm__ volatile("mov %%ds, %0" : "=r" (v));
		break;
	case 'e':
		__asm__ volatile("mov %%es, %0" : "=r" (v));
		break;
	case 'f':
		__asm__ volatile("mov %%fs, %0" : "=r" (v));
		break;
	case 'g':
		__asm__ volatile("mov %%gs, %0" : "=r" (v));
		break;
	}
	return v;
}

static void load_selectors(unsigned int selector)
{
	__asm__ volatile("mov %0, %%ds; mov %0, %%es" : : "r" (selector) : "memory");
}

static uint32_t read_aux(void)
{
	uint32_t lo, hi, aux;

	__asm__ volatile("rdtscp" : "=a" (lo), "=d" (hi), "=c" (aux));
	return aux;
}

static uint32_t read_pkru(void)
{
	uint32_t eax, edx;

	__asm__ volatile(".byte 0x0f, 0x01, 0xee" : "=a" (eax), "=d" (edx) : "c" (0));
	return eax;
}

static void write_pkru(uint32_t value)
{
	__asm__ volatile(".byte 0x0f, 0x01, 0xef" : : "a" (value), "c" (0), "d" (0) : "memory");
}

#define PKRU_PATTERN	0x55555550

static int own_open(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(attr),
		.bp_type = HW_BREAKPOINT_W,
		.bp_addr = (uintptr_t)&watched,
		.bp_len = HW_BREAKPOINT_LEN_8,
		.exclude_kernel = 1,
	};
	struct user_desc desc = {
		.entry_number = 0,
		.base_addr = 0,
		.limit = 0xfffff,
		.seg_32bit = 1,
		.limit_in_pages = 1,
		.useable = 1,
	};
	unsigned int eax, ebx, ecx, edx;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		return fail("sched_setaffinity");
	if (ioperm(SCRATCH_PORT, 1, 1))
		return fail("ioperm");
	watch_fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
	if (watch_fd < 0)
		return fail("perf_event_open of a breakpoint");
	has_rdtscp = __get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx) && edx & 1 << 27;
	has_pku = __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && ecx & 1 << 4;
	has_ldt = !syscall(SYS_modify_ldt, 1, &desc, sizeof(desc));
	if (!has_ldt)
		printf("skip the LDT: this kernel has no modify_ldt()\n");
	if (has_rdtscp)
		aux_before = read_aux();
	return 0;
}

static void xmm_load(uint64_t v)
{
	__asm__ volatile("movq %0, %%xmm13" : : "r" (v) : "xmm13");
}

/*
 * Run @g with this thread's registers set up, and look at them afterwards.
 * @selector is loaded into DS and ES, @gs into GS.
 */
static int check_around(struct guest *g, unsigned int selector, unsigned int gs)
{
	uint64_t fs_base, fs_after, gs_after, count, xmm;
	unsigned int ds, es, gs_sel;
	int err, bad = 0;

#define EXPECT(what, got, want) do {						\
	if ((got) != (want)) {							\
		printf("FAIL %s: 0x%llx after a run, 0x%llx before\n", what,	\
		       (unsigned long long)(got), (unsigned long long)(want));	\
		bad = -1;							\
	}									\
} while (0)

	syscall(SYS_arch_prctl, ARCH_GET_FS, &fs_base);
	if (gs)
		__asm__ volatile("mov %0, %%gs" : : "r" (gs));
	else if (syscall(SYS_arch_prctl, ARCH_SET_GS, &gs_word))
		return fail("ARCH_SET_GS");
	load_selectors(selector);
	xmm_load(0xfeedfacecafebeef);
	if (has_pku)
		write_pkru(PKRU_PATTERN);

	/* Nothing in between but the call itself. */
	__asm__ volatile("syscall"
			 : "=a" (err)
			 : "0" (SYS_ioctl), "D" ((long)g->vcpu), "S" ((long)HOLM_RUN), "d" (0L)
			 : "rcx", "r11", "memory");
	__asm__ volatile("movq %%xmm13, %0" : "=r" (xmm));
	ds = read_selector('d');
	es = read_selector('e');
	gs_sel = read_selector('g');
	load_selectors(0);
	if (gs) {
		EXPECT("GS", gs_sel, gs);
		__asm__ volatile("mov %0, %%gs" : : "r" (0));
	} else {
		EXPECT("the word at GS:0", read_gs_word(), gs_word);
		syscall(SYS_arch_prctl, ARCH_GET_GS, &gs_after);
		EXPECT("GS base", gs_after, (uintptr_t)&gs_word);
		EXPECT("GS", gs_sel, 0U);
	}
	if (has_pku) {
		EXPECT("PKRU", read_pkru(), (uint32_t)PKRU_PATTERN);
		write_pkru(PKRU_PATTERN | 0);
	}
	EXPECT("DS", ds, selector);
	EXPECT("ES", es, selector);
	EXPECT("FS", read_selector('f'), 0U);
	syscall(SYS_arch_prctl, ARCH_GET_FS, &fs_after);
	EXPECT("FS base", fs_after, fs_base);
	EXPECT("XMM13", xmm, (uint64_t)0xfeedfacecafebeef);
	if (has_rdtscp)
		EXPECT("TSC_AUX", read_aux(), aux_before);
	outb(0, SCRATCH_PORT);		/* a signal when the bitmap is out of reach */
	watched++;
	if (read(watch_fd, &count, sizeof(count)) != sizeof(count))
		return fail("reading the breakpoint's count");
	EXPECT("hits of the breakpoint", count, ++watch_count);
	if (err && err != -EINTR) {
		errno = -err;
		return fail("HOLM_RUN");
	}
	if (!err && g->run->exit_reason == HOLM_EXIT_IO && g->run->io.port == PORT_ROUND)
		g->run->in_flags = HOLM_RUN_COMPLETE;
	else if (!err)
		return guest_run(g);
	return bad;
}

int main(int argc, char **argv)
{
	static const uint32_t patterns[GUESTS] = { 0x00012340, 0x00056780 };
	unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 0) : 100, i;
	struct guest guests[GUESTS];
	int dev, g;

	setvbuf(stdout, NULL, _IOLBF, 0);
	dev = open("/dev/holm", O_RDWR | O_CLOEXEC);
	if (dev < 0)
		return fail("/dev/holm") != 0;
	if (own_open())
		return 1;
	for (g = 0; g < GUESTS; g++) {
		if (guest_open(&guests[g], dev, patterns[g]) || guest_run(&guests[g]))
			return 1;
	}
	for (i = 0; i < rounds; i++) {
		struct guest *turn = &guests[i % GUESTS];
		/* LDT entry 0, requested privilege level 3. */
		unsigned int gs = has_ldt && i % 3 == 1 ? 7 : i % 3 == 2 ? USER_DS : 0;

		if (check_around(turn, i & 2 ? USER_DS : 0, gs)) {
			printf("in round %lu\n", i);
			return 1;
		}
	}
	printf("ok   %lu rounds\n1 passed, 0 failed\n", rounds);
	return 0;
}
