// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The driver against callers that do everything wrong: arguments, states,
 * races, random calls, allocations that fail. Prints TAP. What each call must
 * answer is in Documentation/abi.rst.
 *
 * usage: holm-negatives [--quick] [--seed N] [--iterations N] [--storm N] [PART...]
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "negatives.h"

__asm__(
	".pushsection .rodata\n"
	".code16\n"
	".global guest_code\n"
	"guest_code:\n"

	".global guest_sane\n"
	"guest_sane:\n"
	"	xorl %eax, %eax\n"
	"	movl $100, %ecx\n"
	"1:	addl %ecx, %eax\n"
	"	movl %eax, 0x7000\n"
	"	loopl 1b\n"
	"	movl 0x7000, %eax\n"
	"	outl %eax, $0xf4\n"
	"	outb %al, $0xf0\n"

	".global guest_spin\n"
	"guest_spin:\n"
	"1:	jmp 1b\n"

	".global guest_io\n"
	"guest_io:\n"
	"1:	outl %eax, $0xf4\n"
	"	jmp 1b\n"

	".global guest_halt\n"
	"guest_halt:\n"
	"1:	hlt\n"
	"	jmp 1b\n"

	".global guest_walk\n"
	"guest_walk:\n"
	"2:	movw $0x1000, %ax\n"
	"1:	movw %ax, %ds\n"
	"	incb 0\n"
	"	addw $0x100, %ax\n"
	"	cmpw $0x8000, %ax\n"
	"	jb 1b\n"
	"	jmp 2b\n"

	".global guest_code_end\n"
	"guest_code_end:\n"
	".code64\n"
	".popsection\n"
);

bool quick;
unsigned long storm_victims;
uint64_t seed = 1;
unsigned long fuzz_iterations;
int rig_dev = -1;
bool tcg, hide_long_mode;

static unsigned int passed_count, failed_count;

/* ---- results ------------------------------------------------------------ */

static bool vresult(bool passed, const char *format, va_list ap)
{
	if (passed)
		passed_count++;
	else
		failed_count++;
	printf("%sok %u - ", passed ? "" : "not ", passed_count + failed_count);
	vprintf(format, ap);
	printf("\n");
	return passed;
}

bool result(bool passed, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vresult(passed, format, ap);
	va_end(ap);
	return passed;
}

void skip(const char *why, const char *format, ...)
{
	va_list ap;

	passed_count++;
	printf("ok %u - ", passed_count + failed_count);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	printf(" # SKIP %s\n", why);
}

void explain(const char *format, ...)
{
	va_list ap;

	printf("# ");
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	printf("\n");
}

const char *error_name(long ret)
{
	static __thread char number[24];
	const char *name = ret < 0 ? strerrorname_np(-ret) : NULL;

	if (name)
		return name;
	snprintf(number, sizeof(number), "%ld", ret);
	return number;
}

bool expect(long got, long want, const char *format, ...)
{
	va_list ap;
	bool passed;

	va_start(ap, format);
	passed = vresult(got == want, format, ap);
	va_end(ap);
	if (!passed) {
		explain("got %s,", error_name(got));
		explain("expected %s", error_name(want));
	}
	return passed;
}

/* ---- a machine ---------------------------------------------------------- */

long call(int fd, unsigned long cmd, const void *arg)
{
	int ret = ioctl(fd, cmd, arg);

	return ret < 0 ? -errno : ret;
}

long vm_create(int dev)
{
	struct holm_create_vm arg = { .size = sizeof(arg), .name = "negatives" };

	return call(dev, HOLM_CREATE_VM, &arg);
}

long vcpu_create(int vm, uint32_t apic_id)
{
	struct holm_create_vcpu arg = { .apic_id = apic_id };

	return call(vm, HOLM_CREATE_VCPU, &arg);
}

long slot_set(int vm, uint32_t slot, uint32_t flags, uint64_t gpa, uint64_t size,
	      const void *uaddr)
{
	struct holm_slot arg = {
		.slot = slot,
		.flags = flags,
		.gpa = gpa,
		.size = size,
		.uaddr = (uintptr_t)uaddr,
	};

	return call(vm, HOLM_SET_SLOT, &arg);
}

#define EDX_LM		(1U << 29)	/* of 80000001H */

void cpuid_adjust(struct holm_cpuid_entry *entries, uint32_t nent)
{
	uint32_t i;

	for (i = 0; hide_long_mode && i < nent && i < HOLM_MAX_CPUID_ENTRIES; i++)
		if (entries[i].function == 0x80000001)
			entries[i].edx &= ~EDX_LM;
}

long cpuid_set_all(int dev, int vcpu)
{
	struct holm_cpuid_entry entries[HOLM_MAX_CPUID_ENTRIES];
	struct holm_cpuid arg = {
		.nent = ARRAY_SIZE(entries),
		.entries = (uintptr_t)entries,
	};
	long err = call(dev, HOLM_GET_SUPPORTED_CPUID, &arg);

	cpuid_adjust(entries, err ? 0 : arg.nent);
	return err ? err : call(vcpu, HOLM_SET_CPUID, &arg);
}

static long state_move(int vcpu, unsigned long cmd, uint32_t type, const void *data,
		       uint32_t size)
{
	struct holm_state_block block = {
		.type = type,
		.size = size,
		.data = (uintptr_t)data,
	};
	struct holm_state arg = { .nblocks = 1, .blocks = (uintptr_t)&block };

	return call(vcpu, cmd, &arg);
}

long state_get(int vcpu, uint32_t type, void *data, uint32_t size)
{
	return state_move(vcpu, HOLM_GET_STATE, type, data, size);
}

long state_set(int vcpu, uint32_t type, const void *data, uint32_t size)
{
	return state_move(vcpu, HOLM_SET_STATE, type, data, size);
}

static void load_code(uint8_t *mem)
{
	uint64_t *tables = (uint64_t *)(mem + TABLES_ADDR);

	memcpy(mem + CODE_ADDR, guest_code, guest_code_end - guest_code);
	tables[0] = (TABLES_ADDR + PAGE) | 3;		/* present, writable */
	tables[512] = (TABLES_ADDR + 2 * PAGE) | 3;
	tables[1024] = 0x83;				/* 2 MiB at 0 */
}

static int rig_build(struct rig *r)
{
	long ret;
	void *p;

	r->dev = rig_dev < 0 ? open("/dev/holm", O_RDWR | O_CLOEXEC) : dup(rig_dev);
	if (r->dev < 0)
		return -errno;
	ret = vm_create(r->dev);
	if (ret < 0)
		return ret;
	r->vm = ret;
	p = mmap(NULL, MEM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return -errno;
	r->mem = p;
	load_code(r->mem);
	ret = slot_set(r->vm, 0, 0, 0, MEM_SIZE, r->mem);
	if (ret)
		return ret;
	ret = vcpu_create(r->vm, 0);
	if (ret < 0)
		return ret;
	r->vcpu = ret;
	p = mmap(NULL, HOLM_RUN_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, r->vcpu, 0);
	if (p == MAP_FAILED)
		return -errno;
	r->run = p;
	return cpuid_set_all(r->dev, r->vcpu);
}

int rig_open(struct rig *r)
{
	int err;

	*r = (struct rig) { .dev = -1, .vm = -1, .vcpu = -1 };
	err = rig_build(r);
	if (err) {
		explain("no machine: %s", error_name(err));
		rig_close(r);
	}
	return err;
}

void rig_close(struct rig *r)
{
	if (r->run)
		munmap(r->run, HOLM_RUN_PAGE_SIZE);
	if (r->vcpu >= 0)
		close(r->vcpu);
	if (r->vm >= 0)
		close(r->vm);
	if (r->mem)
		munmap(r->mem, MEM_SIZE);
	if (r->dev >= 0)
		close(r->dev);
	*r = (struct rig) { .dev = -1, .vm = -1, .vcpu = -1 };
}

/* ---- guests ------------------------------------------------------------- */

static void real_mode_regs(struct holm_regs *regs, const uint8_t *code)
{
	*regs = (struct holm_regs) {
		.rip = CODE_ADDR + (code - guest_code),
		.rflags = 2,
	};
	regs->gpr[HOLM_RSP] = 0x6000;
}

static void real_mode_sregs(struct holm_sregs *sregs)
{
	int i;

	memset(sregs, 0, sizeof(*sregs));
	for (i = HOLM_SEG_ES; i <= HOLM_SEG_GS; i++)
		sregs->seg[i] = (struct holm_segment) { .limit = 0xffff, .attrib = 0x93 };
	sregs->seg[HOLM_SEG_CS].attrib = 0x9b;
	sregs->seg[HOLM_SEG_LDTR] = (struct holm_segment) { .limit = 0xffff, .attrib = 0x82 };
	sregs->seg[HOLM_SEG_TR] = (struct holm_segment) { .limit = 0xffff, .attrib = 0x8b };
	sregs->gdt.limit = 0xffff;
	sregs->idt.limit = 0x3ff;
	sregs->cr0 = 0x60000010;
}

void long_mode_sregs(struct rig *r, struct holm_sregs *sregs)
{
	int i;

	(void)r;
	real_mode_sregs(sregs);
	for (i = HOLM_SEG_ES; i <= HOLM_SEG_GS; i++)
		sregs->seg[i] = (struct holm_segment) {
			.limit = 0xffffffff,
			.attrib = 0xc093,
			.selector = 0x10,
		};
	sregs->seg[HOLM_SEG_CS].attrib = 0xa09b;
	sregs->seg[HOLM_SEG_CS].selector = 8;
	sregs->cr0 = 0x80000031;	/* PG NE ET PE */
	sregs->cr3 = TABLES_ADDR;
	sregs->cr4 = 0x20;		/* PAE */
	sregs->efer = 0x500;		/* LMA LME */
}

/* Whatever ended the last guest does not end this one. */
static long clear_events(int vcpu)
{
	struct holm_events events = {
		.exception.type = HOLM_EVENT_NONE,
		.interrupted.type = HOLM_EVENT_NONE,
	};
	struct holm_mp_state mp = { .state = HOLM_MP_RUNNABLE };
	long err = state_set(vcpu, HOLM_STATE_EVENTS, &events, sizeof(events));

	return err ? err : state_set(vcpu, HOLM_STATE_MP, &mp, sizeof(mp));
}

int start_state(struct rig *r, const uint8_t *code)
{
	struct holm_debugregs dregs = { .dr6 = 0xffff0ff0, .dr7 = 0x400 };
	struct holm_sregs sregs;
	struct holm_regs regs;
	long err;

	real_mode_regs(&regs, code);
	real_mode_sregs(&sregs);
	r->run->in_flags = 0;
	r->run->immediate_exit = 0;
	err = clear_events(r->vcpu);
	if (!err)
		err = state_set(r->vcpu, HOLM_STATE_REGS, &regs, sizeof(regs));
	if (!err)
		err = state_set(r->vcpu, HOLM_STATE_SREGS, &sregs, sizeof(sregs));
	if (!err)
		err = state_set(r->vcpu, HOLM_STATE_DEBUGREGS, &dregs, sizeof(dregs));
	if (err)
		explain("a vCPU cannot be set to real mode: %s", error_name(err));
	return err;
}

int start(struct rig *r, const uint8_t *code)
{
	long err = clear_events(r->vcpu);

	if (err) {
		explain("the vCPU's events cannot be cleared: %s", error_name(err));
		return err;
	}
	real_mode_regs(&r->run->regs, code);
	real_mode_sregs(&r->run->sregs);
	r->run->immediate_exit = 0;
	r->run->in_flags = HOLM_RUN_REGS | HOLM_RUN_SREGS;
	return 0;
}

static volatile sig_atomic_t alarms;

void nap(unsigned int us)
{
	usleep(quick ? us / 20 : us);
}

static void on_signal(int sig)
{
	if (sig == SIGALRM)
		alarms++;
}

#define SANE_EXITS	100
#define SANE_SECONDS	20

static int sane_loop(struct rig *r)
{
	struct holm_run *run = r->run;
	bool value = false;
	int exits;

	for (exits = 0; exits < SANE_EXITS && alarms < SANE_SECONDS; exits++) {
		long ret = call(r->vcpu, HOLM_RUN, NULL);

		if (ret == -EINTR)
			continue;
		if (ret) {
			explain("HOLM_RUN of a sane guest: %s", error_name(ret));
			return -1;
		}
		if (run->exit_reason != HOLM_EXIT_IO || run->io.flags) {
			explain("a sane guest's exit is %u", run->exit_reason);
			return -1;
		}
		if (run->io.port == PORT_DONE) {
			if (!value)
				explain("a sane guest ended without its value");
			return value ? 0 : -1;
		}
		value = run->io.port == PORT_VALUE && run->io.data == SANE_VALUE;
		run->in_flags = HOLM_RUN_COMPLETE;
	}
	explain("a sane guest does not end");
	return -1;
}

int run_sane(struct rig *r)
{
	struct itimerval tick = { .it_interval.tv_sec = 1, .it_value.tv_sec = 1 }, off = {};
	int err;

	alarms = 0;
	setitimer(ITIMER_REAL, &tick, NULL);
	err = sane_loop(r);
	setitimer(ITIMER_REAL, &off, NULL);
	return err;
}

int sane(void)
{
	struct rig r;
	int err;

	if (rig_open(&r))
		return -1;
	err = start(&r, guest_sane) ? -1 : run_sane(&r);
	rig_close(&r);
	return err;
}

/* ---- snapshots ---------------------------------------------------------- */

/* MSRs that no clock changes. */
static const uint32_t snapshot_msrs[SNAPSHOT_MSRS] = {
	0x174, 0x175, 0x176,		/* SYSENTER */
	0x1d9,				/* IA32_DEBUGCTL */
	0x200, 0x250, 0x277, 0x2ff,	/* MTRRs, PAT */
	0xc0000080, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084,	/* EFER, SYSCALL */
	0xc0000100, 0xc0000101, 0xc0000102,				/* bases */
};

long snapshot_take(int vcpu, struct snapshot *s)
{
	struct holm_state_block blocks[] = {
		{ HOLM_STATE_REGS, sizeof(s->regs), (uintptr_t)&s->regs },
		{ HOLM_STATE_SREGS, sizeof(s->sregs), (uintptr_t)&s->sregs },
		{ HOLM_STATE_DEBUGREGS, sizeof(s->dregs), (uintptr_t)&s->dregs },
		{ HOLM_STATE_MSRS, sizeof(s->msrs), (uintptr_t)s->msrs },
		{ HOLM_STATE_EVENTS, sizeof(s->events), (uintptr_t)&s->events },
		{ HOLM_STATE_LAPIC, sizeof(s->lapic), (uintptr_t)&s->lapic },
		{ HOLM_STATE_MP, sizeof(s->mp), (uintptr_t)&s->mp },
		{ HOLM_STATE_TSC, sizeof(s->tsc), (uintptr_t)&s->tsc },
		{ HOLM_STATE_XSTATE, sizeof(s->xstate), (uintptr_t)s->xstate },
	};
	struct holm_state arg = { .nblocks = ARRAY_SIZE(blocks), .blocks = (uintptr_t)blocks };
	struct holm_cpuid cpuid = {
		.nent = HOLM_MAX_CPUID_ENTRIES,
		.entries = (uintptr_t)s->cpuid,
	};
	long err;
	int i;

	memset(s, 0, sizeof(*s));
	for (i = 0; i < SNAPSHOT_MSRS; i++)
		s->msrs[i].index = snapshot_msrs[i];
	err = call(vcpu, HOLM_GET_STATE, &arg);
	if (err)
		return err;
	s->xstate_size = blocks[ARRAY_SIZE(blocks) - 1].size;
	err = call(vcpu, HOLM_GET_CPUID, &cpuid);
	s->cpuid_nent = cpuid.nent;
	return err;
}

bool snapshot_same(int vcpu, const struct snapshot *s)
{
	static const struct {
		const char *name;
		size_t offset, size;
	} parts[] = {
#define PART(f)	{ #f, offsetof(struct snapshot, f), sizeof(((struct snapshot *)0)->f) }
		PART(regs), PART(sregs), PART(dregs), PART(msrs), PART(events), PART(lapic),
		PART(mp), PART(tsc), PART(xstate), PART(xstate_size), PART(cpuid),
		PART(cpuid_nent),
#undef PART
	};
	static struct snapshot now;
	long err = snapshot_take(vcpu, &now);
	bool same = true;
	size_t i, at;

	if (err) {
		explain("the state cannot be read: %s", error_name(err));
		return false;
	}
	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		const uint8_t *a = (const uint8_t *)s + parts[i].offset;
		const uint8_t *b = (const uint8_t *)&now + parts[i].offset;

		for (at = 0; at < parts[i].size && a[at] == b[at]; at++)
			;
		if (at == parts[i].size)
			continue;
		explain("%s changed at byte %zu: 0x%02x is 0x%02x", parts[i].name, at, a[at], b[at]);
		same = false;
	}
	return same;
}

/* ---- main --------------------------------------------------------------- */

static const struct part {
	const char *name;
	void (*run)(void);
} parts[] = {
	{ "args", test_args },
	{ "cpuid", test_cpuid_args },
	{ "states", test_states },
	{ "entries", test_entries },
	{ "life", test_life },
	{ "processes", test_processes },
	{ "races", test_races },
	{ "eventfds", test_eventfds },
	{ "storms", test_storms },
	{ "nomem", test_nomem },
	{ "fuzz", test_fuzz },
};

static bool wanted(const char *name, int argc, char **argv)
{
	int i;

	for (i = optind; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return optind == argc;
}

static bool known(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(parts); i++)
		if (!strcmp(parts[i].name, name))
			return true;
	return false;
}

static int usage(void)
{
	size_t i;

	fprintf(stderr, "usage: holm-negatives [--quick] [--seed N] [--iterations N] [--storm N] [PART...]\nparts:");
	for (i = 0; i < ARRAY_SIZE(parts); i++)
		fprintf(stderr, " %s", parts[i].name);
	fprintf(stderr, "\n");
	return 2;
}

static bool is_tcg(void)
{
	uint32_t eax, signature[3];

	__cpuid(0x40000000, eax, signature[0], signature[1], signature[2]);
	return !memcmp(signature, "TCGTCGTCGTCG", sizeof(signature));
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static int options(int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "quick", no_argument, NULL, 'q' },
		{ "seed", required_argument, NULL, 's' },
		{ "iterations", required_argument, NULL, 'n' },
		{ "storm", required_argument, NULL, 'k' },
		{ }
	};
	char none[1] = "", *end = none;
	int c, i;

	while ((c = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
		switch (c) {
		case 'q':
			quick = true;
			break;
		case 's':
			seed = strtoull(optarg, &end, 0);
			break;
		case 'n':
			fuzz_iterations = strtoul(optarg, &end, 0);
			break;
		case 'k':
			storm_victims = strtoul(optarg, &end, 0);
			break;
		default:
			return -1;
		}
		if (*end)
			return -1;
	}
	for (i = optind; i < argc; i++)
		if (!known(argv[i]))
			return -1;
	return 0;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	size_t i;

	if (options(argc, argv))
		return usage();
	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGALRM, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	tcg = is_tcg();
	explain("seed %llu", (unsigned long long)seed);
	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		double began = seconds();

		if (!wanted(parts[i].name, argc, argv))
			continue;
		parts[i].run();
		result(!sane(), "%s: afterwards a sane guest runs to its end", parts[i].name);
		explain("%s took %.1f s", parts[i].name, seconds() - began);
	}
	printf("1..%u\n", passed_count + failed_count);
	return failed_count || !passed_count;
}
