// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * x87, SSE, AVX and AVX-512 state: kept for guests and for the launcher over
 * every kind of exit; XCR0; exceptions of these instructions; their images in
 * memory (SDM vol. 1, chapters 8, 10, 13; vol. 3, chapter 13).
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "fpu.h"
#include "guest.h"
#include "run.h"

typedef unsigned long long ull;

#define XCR0_X87	BIT(0)
#define XCR0_SSE	BIT(1)
#define XCR0_AVX	BIT(2)
#define XCR0_BOUND	(BIT(3) | BIT(4))
#define XCR0_AVX512	(BIT(5) | BIT(6) | BIT(7))
#define XCR0_TESTED	(XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512)

#define AREA_FSW	2
#define AREA_FTW	4
#define AREA_MXCSR	24
#define AREA_ST		32
#define AREA_XMM	160
#define AREA_XMM_END	416
#define AREA_XSTATE_BV	512
#define AREA_XCOMP_BV	520
#define AREA_HEADER_END	576

#define CPUID_XSTATE	0xd
#define MAX_BLOCK	0x4000

static const char *no_xsave(void)
{
	return hv.caps.xcr0 ? NULL : "the CPU has no XSAVE";
}

static const char *no_avx(void)
{
	return hv.caps.xcr0 & XCR0_AVX ? NULL : "the CPU has no AVX";
}

static const char *has_pku(void)
{
	return hv_has(7, 0, 2, 3) ? "guests are shown PKU" : NULL;
}

/* ---- patterns ----------------------------------------------------------- */

/* A component's place, as guests are shown it. */
static bool component(unsigned int n, uint32_t *offset, uint32_t *size)
{
	const struct holm_cpuid_entry *e = hv_cpuid(CPUID_XSTATE, n);

	if (!e || !e->eax)
		return false;
	*offset = e->ebx;
	*size = e->eax;
	return true;
}

static uint8_t pattern(unsigned int seed, unsigned int i)
{
	return (i * 0x3d + (i >> 8) * 0x11 + seed * 0x47 + 0x1d) & 0xff;
}

static void put(uint8_t *area, unsigned int offset, uint64_t value, unsigned int size)
{
	memcpy(area + offset, &value, size);
}

/* An image in standard format of the components @xcr0; 0: FXSAVE's. */
static void fill_area(uint8_t *area, uint64_t xcr0, unsigned int seed)
{
	uint32_t offset, size;
	unsigned int n, i;

	memset(area, 0, MAX_BLOCK);
	put(area, 0, 0x0b7f, 2);			/* rounds up, all masked */
	put(area, AREA_FSW, 0x2920, 2);			/* TOP 5, C0, PE */
	put(area, AREA_FTW, 0xb5 ^ (seed & 1), 1);
	put(area, AREA_MXCSR, 0x3f80 | (seed & 0x3f), 4);
	for (n = 0; n < 8; n++)
		for (i = 0; i < 10; i++)
			area[AREA_ST + 16 * n + i] = pattern(seed, 16 * n + i);
	if (!xcr0 || xcr0 & XCR0_SSE)
		for (i = AREA_XMM; i < AREA_XMM_END; i++)
			area[i] = pattern(seed, i);
	for (n = 2; n < 8; n++)
		if (xcr0 & BIT(n) && component(n, &offset, &size))
			for (i = 0; i < size; i++)
				area[offset + i] = pattern(seed, offset + i);
	put(area, AREA_XSTATE_BV, xcr0, 8);
}

static void same(struct guest *g, const char *what, const uint8_t *want, const uint8_t *found,
		 unsigned int from, unsigned int to)
{
	unsigned int i;

	for (i = from; i < to; i++) {
		if (want[i] != found[i]) {
			guest_fail(g, "%s: byte %u is 0x%02x, expected 0x%02x", what, i, found[i],
				   want[i]);
			return;
		}
	}
}

/* All but the pointers of the last x87 instruction, which AMD does not save. */
static void same_area(struct guest *g, const uint8_t *want, const uint8_t *found, uint64_t xcr0)
{
	uint32_t offset, size;
	unsigned int n;
	char name[32];

	same(g, "x87 control, status, tags", want, found, 0, 5);
	for (n = 0; n < 8; n++)
		same(g, "x87 register", want, found, AREA_ST + 16 * n, AREA_ST + 16 * n + 10);
	if (!xcr0 || xcr0 & XCR0_SSE) {
		same(g, "MXCSR", want, found, AREA_MXCSR, AREA_MXCSR + 4);
		same(g, "XMM registers", want, found, AREA_XMM, AREA_XMM_END);
	}
	for (n = 2; n < 8; n++) {
		snprintf(name, sizeof(name), "state component %u", n);
		if (xcr0 & BIT(n) && component(n, &offset, &size))
			same(g, name, want, found, offset, offset + size);
	}
}

static void set_state(struct guest *g, uint64_t xcr0, unsigned int seed)
{
	guest_write(g, XCR0_ADDR, xcr0, 8);
	fill_area(g->ram + STATE_IN, xcr0, seed);
}

static void check_state(struct guest *g)
{
	uint64_t xcr0 = guest_read(g, XCR0_ADDR, 8);

	same_area(g, g->ram + STATE_IN, g->ram + STATE_OUT, xcr0);
}

static uint64_t all_of_xcr0(void)
{
	return hv.caps.xcr0 & XCR0_TESTED;
}

/* ---- kept over exits ---------------------------------------------------- */

static void setup_fx(struct guest *g)
{
	set_state(g, 0, 1);
}

static void nmi(struct guest *g)
{
	guest_inject(g, HOLM_INJECT_NMI, 0);
}

static void setup_xs(struct guest *g)
{
	set_state(g, all_of_xcr0(), 2);
}

static void setup_hlt_fx(struct guest *g)
{
	setup_fx(g);
	g->interrupted = nmi;
}

static void setup_hlt_xs(struct guest *g)
{
	setup_xs(g);
	g->interrupted = nmi;
}

/* The launcher works with its own. */
static void scribble(struct guest *g, unsigned int n)
{
	long double x = n + 1.5L;
	double y[2] = { n, n + 1 };

	asm volatile("fldt	%0\n\tfsqrt\n\tfstpt	%0" : "+m" (x));
	asm volatile("movupd	%0, %%xmm7\n\tmovapd	%%xmm7, %%xmm0\n\tmulpd	%%xmm7, %%xmm0\n\t"
		     "movupd	%%xmm0, %0" : "+m" (y) : : "xmm0", "xmm7");
	CHECK(g, y[1] == (n + 1.0) * (n + 1.0), "%f", y[1]);
}

#define NMI	{ .kind = EV_EXCEPTION, .vector = 2 }
#define KEEPS(n, ...)									\
	{ #n "_fx", LONG64, G_fp_##n, .setup = setup_fx, .call = scribble,		\
	  .check = check_state, EVENTS(__VA_ARGS__) },					\
	{ #n "_xsave", LONG64, G_fp_##n, .setup = setup_xs, .call = scribble,	\
	  .check = check_state, .skip = no_xsave, EVENTS(__VA_ARGS__) }

/* ---- XCR0 --------------------------------------------------------------- */

static bool xcr0_valid(uint64_t value)
{
	if (!(value & XCR0_X87) || value & ~hv.caps.xcr0)
		return false;
	if (value & XCR0_AVX && !(value & XCR0_SSE))
		return false;
	if (value & XCR0_AVX512 && ((value & XCR0_AVX512) != XCR0_AVX512 || !(value & XCR0_AVX)))
		return false;
	return !(value & XCR0_BOUND) || (value & XCR0_BOUND) == XCR0_BOUND;
}

static uint32_t area_size(uint64_t xcr0)
{
	uint32_t max = AREA_HEADER_END, offset, size;
	unsigned int n;

	for (n = 2; n < 63; n++)
		if (xcr0 & BIT(n) && component(n, &offset, &size) && offset + size > max)
			max = offset + size;
	return max;
}

/*
 * One XSETBV. With @valid XCR0 becomes it, otherwise it is #GP(0) and XCR0 is
 * what it was, which is returned.
 */
static uint64_t xsetbv(struct guest *g, uint32_t index, uint64_t value, uint64_t before)
{
	bool valid = !index && xcr0_valid(value);
	uint64_t after = valid ? value : before;

	g->nevents = 0;
	g->regs.gpr[HOLM_RAX] = (uint32_t)value;
	g->regs.gpr[HOLM_RDX] = value >> 32;
	g->regs.gpr[HOLM_RCX] = index;
	guest_start(g, G_fp_xsetbv);
	guest_run(g);
	if (valid)
		EXPECT(g, HOLM_EXIT_IO, V(after), V(area_size(after)));
	else
		EXPECT(g, HOLM_EXIT_IO, XE(13, 0), V(after), V(area_size(after)));
	if (g->failed)
		guest_fail(g, "XSETBV %u, 0x%llx; XCR0 was 0x%llx", index, (ull)value, (ull)before);
	return after;
}

static void test_xsetbv(struct guest *g)
{
	uint64_t xcr0 = XCR0_X87, value;
	unsigned int i;

	g->sregs.cr4 |= CR4_OSXSAVE;
	for (value = 0; value < 0x100 && !g->failed; value++) {
		/* QEMU's SVM has no intercept of XSETBV; some versions take this. */
		if (hv.tcg && (value & (XCR0_SSE | XCR0_AVX)) == XCR0_AVX)
			continue;
		xcr0 = xsetbv(g, 0, value, xcr0);
	}
	for (i = 8; i < 64 && !g->failed; i++)
		xcr0 = xsetbv(g, 0, BIT(i) | XCR0_X87 | XCR0_SSE, xcr0);
	if (!g->failed)
		xcr0 = xsetbv(g, 0, hv.caps.xcr0, xcr0);
	if (!g->failed)
		xcr0 = xsetbv(g, 1, XCR0_X87, xcr0);
	if (!g->failed)
		xsetbv(g, 0x80000000, XCR0_X87, xcr0);
}

/* ---- what this CPU lets pass, asked of a process ------------------------ */

static sigjmp_buf back;

static void on_fault(int sig)
{
	siglongjmp(back, sig);
}

static bool faults(void (*fn)(void))
{
	struct sigaction action = { .sa_handler = on_fault }, old;
	int sig;

	sigaction(SIGSEGV, &action, &old);
	sig = sigsetjmp(back, 1);
	if (!sig)
		fn();
	sigaction(SIGSEGV, &old, NULL);
	return sig == SIGSEGV;
}

static uint8_t image[MAX_BLOCK] __attribute__((aligned(64)));

static void bad_ldmxcsr(void)
{
	const uint32_t bad = 0x80001f80, good = 0x1f80;

	asm volatile("ldmxcsr	%0\n\tldmxcsr	%1" : : "m" (bad), "m" (good));
}

static void bad_mxcsr_image(uint8_t *area)
{
	asm volatile("fxsave64	(%0)" : : "r" (area) : "memory");
	put(area, AREA_MXCSR, 0x80001f80, 4);
}

static void bad_fxrstor(void)
{
	bad_mxcsr_image(image);
	asm volatile("fxrstor64	(%0)" : : "r" (image) : "memory");
}

/* XCOMP_BV is for the compacted format alone, and the rest must be zero. */
static void bad_header_image(uint8_t *area)
{
	fill_area(area, XCR0_X87 | XCR0_SSE, 0);
	put(area, AREA_XCOMP_BV + 8, 1, 1);
}

static void bad_xrstor(void)
{
	bad_header_image(image);
	asm volatile("xrstor64	(%0)" : : "r" (image), "a" (3), "d" (0) : "memory");
}

static const char *no_mxcsr_check(void)
{
	return faults(bad_ldmxcsr) ? NULL : "this emulated CPU takes reserved bits of MXCSR";
}

static const char *no_fxrstor_check(void)
{
	return faults(bad_fxrstor) ? NULL : "this emulated CPU takes reserved bits of MXCSR";
}

static const char *no_xrstor_check(void)
{
	if (no_xsave())
		return no_xsave();
	return faults(bad_xrstor) ? NULL : "this emulated CPU takes any XSAVE header";
}

/* No process can set CR0.TS: this is of QEMU's translator. */
static const char *no_xsave_ts(void)
{
	if (no_xsave())
		return no_xsave();
	return hv.tcg ? "this emulated CPU does not look at CR0.TS for XSAVE" : NULL;
}

static void setup_bad_mxcsr(struct guest *g)
{
	bad_mxcsr_image(g->ram + STATE_BAD);
}

static void setup_bad_header(struct guest *g)
{
	set_state(g, XCR0_X87 | XCR0_SSE, 0);
	bad_header_image(g->ram + STATE_BAD);
}

/* A component that XCR0 has not switched on. */
static void setup_bad_component(struct guest *g)
{
	set_state(g, XCR0_X87 | XCR0_SSE, 0);
	fill_area(g->ram + STATE_BAD, XCR0_X87 | XCR0_SSE, 0);
	put(g->ram + STATE_BAD, AREA_XSTATE_BV, 7, 8);
}

static void osxsave(struct guest *g)
{
	g->sregs.cr4 |= CR4_OSXSAVE;
}

/* ---- the rows ----------------------------------------------------------- */

static const struct guest_row rows[] = {
	KEEPS(port, OUT(PORT_DATA, 1, 0x5a), IN(PORT_DATA, 4), OUT(PORT_DATA, 4, 0xa5c3e187)),
	KEEPS(call, CALL(1), CALL(2)),
	KEEPS(cpuid),
	KEEPS(mmio, MMW(0, 4, 0x12345678), MMR(0, 4)),
	{ "hlt_fx", LONG64, G_fp_hlt, .setup = setup_hlt_fx, .check = check_state, EVENTS(NMI) },
	{ "hlt_xsave", LONG64, G_fp_hlt, .setup = setup_hlt_xs, .check = check_state,
	  .skip = no_xsave, EVENTS(NMI) },

	{ GUEST(fp_no_osxsave, LONG64), .skip = no_xsave, EVENTS(X(6), X(6), X(6), X(6)) },
	{ GUEST(fp_xsetbv_user, USER64), .setup = osxsave, .skip = no_xsave,
	  EVENTS(V(1), XE(13, 0)) },
	{ GUEST(fp_ts, LONG64),
	  EVENTS(X(7), X(7), X(7), X(7), X(7), X(7), V(0)) },
	{ GUEST(fp_ts_avx, LONG64), .setup = setup_xs, .skip = no_avx,
	  EVENTS(X(7), X(7)) },
	{ GUEST(fp_ts_xsave, LONG64), .setup = setup_xs, .skip = no_xsave_ts,
	  EVENTS(X(7), X(7)) },
	{ GUEST(fp_em, LONG64), EVENTS(X(7), X(6), X(6), X(6), X(7)) },
	{ GUEST(fp_no_osfxsr, LONG64), EVENTS(X(6)) },
	{ GUEST(fp_no_avx, LONG64), .skip = no_avx, EVENTS(X(6)) },
	{ GUEST(fp_ldmxcsr, LONG64), .skip = no_mxcsr_check, EVENTS(XE(13, 0), V(0x1f80)) },
	{ GUEST(fp_fxrstor, LONG64), .setup = setup_bad_mxcsr, .skip = no_fxrstor_check,
	  EVENTS(XE(13, 0)) },
	{ "fp_xrstor_header", LONG64, G_fp_xrstor, .setup = setup_bad_header,
	  .skip = no_xrstor_check, EVENTS(XE(13, 0)) },
	{ "fp_xrstor_component", LONG64, G_fp_xrstor, .setup = setup_bad_component,
	  .skip = no_xrstor_check, EVENTS(XE(13, 0)) },
	{ GUEST(fp_pkru, LONG64), .skip = has_pku, EVENTS(XE(13, 0), X(6)) },
	{ GUEST(fp_reset, LONG64), .skip = no_xsave, EVENTS(V(0x40), V(0x1f80), V(1)) },
	{ GUEST(fp_fxsave, LONG64),
	  EVENTS(V(0x37f), V(0x3000), V(0xc0), V(0x1f80), V(0xc90fdaa22168c235), V(0x4000),
		 V(0x8000000000000000), V(0x3fff), V(0x1122334455667788)) },
};

/* ---- by the emulator, by state blocks ----------------------------------- */

/* Two of XMM5, and XMM6's low half, at the device: see exits_vector_mmio. */
static void test_vector_mmio(struct guest *g)
{
	const uint8_t *xmm = g->ram + STATE_IN + AREA_XMM;
	uint64_t v5[2], v6;

	set_state(g, all_of_xcr0(), 3);
	memcpy(v5, xmm + 5 * 16, sizeof(v5));
	memcpy(&v6, xmm + 6 * 16, sizeof(v6));
	guest_start(g, G_fp_vector_mmio);
	guest_run(g);
	EXPECT(g, HOLM_EXIT_IO, MMW(0, 8, v5[0]), MMW(8, 8, v5[1]), MMR(0, 8), MMR(8, 8),
	       MMW(0x20, 8, v6));
	check_state(g);
}

/* What the guest loads the launcher gets, and the other way round. */
static void test_state_block(struct guest *g)
{
	static struct {
		struct holm_xstate head;
		uint8_t area[MAX_BLOCK];
	} block;
	uint64_t xcr0 = all_of_xcr0();

	set_state(g, xcr0, 4);
	guest_start(g, G_fp_port);
	guest_run(g);
	guest_get(g, HOLM_STATE_XSTATE, &block, hv.caps.xstate_size);
	CHECK_EQ(g, block.head.xcr0, xcr0 ? xcr0 : XCR0_X87);
	same_area(g, g->ram + STATE_IN, block.area, xcr0);

	fill_area(block.area, xcr0 ? xcr0 : XCR0_X87 | XCR0_SSE, 5);
	guest_set(g, HOLM_STATE_XSTATE, &block, hv.caps.xstate_size);
	memset(g->ram + STATE_OUT, 0, STATE_MAX);
	guest_start(g, G_fp_store);
	guest_run(g);
	same_area(g, block.area, g->ram + STATE_OUT, xcr0);

	/* Components in their initial configuration. */
	memset(block.area, 0, sizeof(block.area));
	put(block.area, AREA_MXCSR, 0x1f80, 4);
	guest_set(g, HOLM_STATE_XSTATE, &block, hv.caps.xstate_size);
	memset(g->ram + STATE_OUT, 0x55, STATE_MAX);
	memset(g->ram + STATE_OUT + AREA_XSTATE_BV, 0, 64);
	guest_start(g, G_fp_store);
	guest_run(g);
	if (xcr0) {
		put(block.area, 0, 0x37f, 2);
		CHECK_EQ(g, guest_read(g, STATE_OUT + AREA_XSTATE_BV, 8) & ~xcr0, 0);
		/* What XSTATE_BV leaves out is not written. */
		if (guest_read(g, STATE_OUT + AREA_XSTATE_BV, 8) & XCR0_SSE)
			same(g, "initial XMM registers", block.area, g->ram + STATE_OUT, AREA_XMM,
			     AREA_XMM_END);
		if (guest_read(g, STATE_OUT + AREA_XSTATE_BV, 8) & XCR0_X87)
			same(g, "initial x87", block.area, g->ram + STATE_OUT, 0, 5);
	}
}

/* ---- two guests --------------------------------------------------------- */

/* At PORT_CALL of fp_loop: all is as it was loaded. */
static void look(struct guest *g, unsigned int n)
{
	uint64_t xcr0 = guest_read(g, XCR0_ADDR, 8);
	unsigned int *rounds = g->priv;

	(void)n;
	check_state(g);
	CHECK_EQ(g, guest_read(g, FOUND_XCR0_ADDR, 8), xcr0);
	memset(g->ram + STATE_OUT, 0, AREA_XMM_END);
	g->nevents = 0;
	if (!--*rounds)
		g->stopped = true;
}

static void start_loop(struct guest *g, uint64_t xcr0, unsigned int seed, unsigned int spin,
		       unsigned int *rounds)
{
	g->call = look;
	g->priv = rounds;
	set_state(g, xcr0, seed);
	guest_write(g, SPIN_ADDR, spin, 4);
	guest_start(g, G_fp_loop);
}

static struct guest *second_guest(struct guest *g)
{
	struct guest *other = guest_new();

	if (other)
		guest_mode(other, LONG64);
	else
		guest_fail(g, "no second guest could be made");
	return other;
}

static void take_failure(struct guest *g, struct guest *other)
{
	if (other->failed)
		guest_fail(g, "second guest: %s", other->why);
	guest_free(other);
}

/* By turns in one thread; the second one's XCR0 is less. */
static void alternate(struct guest *g, uint64_t first, uint64_t second)
{
	unsigned int rounds[2] = { 40, 40 };
	struct guest *other = second_guest(g);
	unsigned int i;

	if (!other)
		return;
	start_loop(g, first, 6, 1, &rounds[0]);
	start_loop(other, second, 7, 1, &rounds[1]);
	for (i = 0; i < 36 && !g->failed && !other->failed; i++) {
		guest_step(g);
		guest_step(other);
	}
	CHECK(g, rounds[0] < 10 && rounds[1] < 10, "%u, %u rounds left", rounds[0], rounds[1]);
	take_failure(g, other);
}

static void test_two_guests(struct guest *g)
{
	alternate(g, all_of_xcr0(), all_of_xcr0());
}

static void test_two_guests_fx(struct guest *g)
{
	alternate(g, 0, 0);
}

static void test_different_xcr0(struct guest *g)
{
	alternate(g, all_of_xcr0(), XCR0_X87);
	if (!g->failed)
		alternate(g, XCR0_X87 | XCR0_SSE, all_of_xcr0());
}

static int shared_cpu;		/* of two threads */

static void pin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(shared_cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void loop(struct guest *g)
{
	g->stopped = false;
	while (guest_step(g) && !watchdog_expired())
		;
}

static void *second_thread(void *arg)
{
	pin();
	loop(arg);
	return NULL;
}

static void test_two_threads(struct guest *g)
{
	unsigned int rounds[2] = { 60, 60 };
	struct guest *other = second_guest(g);
	sigset_t alarm, old;
	cpu_set_t cpus;
	pthread_t thread;
	int err;

	if (!other)
		return;
	shared_cpu = sched_getcpu();
	start_loop(g, all_of_xcr0(), 8, 30000, &rounds[0]);
	start_loop(other, all_of_xcr0(), 9, 30000, &rounds[1]);
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarm, &old);
	err = pthread_create(&thread, NULL, second_thread, other);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	sched_getaffinity(0, sizeof(cpus), &cpus);
	if (err) {
		guest_fail(g, "pthread_create: %s", strerror(err));
	} else {
		pin();
		loop(g);
		pthread_join(thread, NULL);
		sched_setaffinity(0, sizeof(cpus), &cpus);
		CHECK(g, !rounds[0] && !rounds[1], "%u, %u rounds left", rounds[0], rounds[1]);
	}
	take_failure(g, other);
}

/* ---- the launcher's own ------------------------------------------------- */

static uint64_t host_xcr0(void)
{
	uint32_t eax, ebx, ecx, edx;

	if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & bit_OSXSAVE))
		return 0;
	asm volatile("xgetbv" : "=a" (eax), "=d" (edx) : "c" (0));
	return (uint64_t)edx << 32 | eax;
}

static uint8_t host_in[MAX_BLOCK] __attribute__((aligned(64)));
static uint8_t host_out[MAX_BLOCK] __attribute__((aligned(64)));

/* HOLM_RUN with all registers from host_in; what is left of them in host_out. */
static long run_with_state(int fd, uint64_t xcr0)
{
	uint32_t lo = xcr0, hi = xcr0 >> 32;
	long ret = SYS_ioctl;
	uint8_t fx[512] __attribute__((aligned(16)));

	asm volatile("fxsave64	(%0)" : : "r" (fx) : "memory");
	if (xcr0)
		asm volatile("xrstor64	(%0)" : : "r" (host_in), "a" (lo), "d" (hi) : "memory");
	else
		asm volatile("fxrstor64	(%0)" : : "r" (host_in) : "memory");
	asm volatile("syscall" : "+a" (ret) : "D" (fd), "S" (HOLM_RUN), "d" (0)
		     : "rcx", "r11", "memory");
	if (xcr0)
		asm volatile("xsave64	(%0)" : : "r" (host_out), "a" (lo), "d" (hi) : "memory");
	else
		asm volatile("fxsave64	(%0)" : : "r" (host_out) : "memory");
	if (xcr0 & XCR0_AVX)
		asm volatile("vzeroall" : : : "memory");
	asm volatile("fxrstor64	(%0)" : : "r" (fx) : "memory");
	return ret;
}

/* Exits that the driver answers and such that it does not, a signal now and then. */
static void test_launcher(struct guest *g)
{
	uint64_t xcr0 = host_xcr0(), tested = xcr0 & XCR0_TESTED;
	unsigned int i;
	long ret;

	set_state(g, all_of_xcr0(), 10);
	guest_write(g, SPIN_ADDR, 1000, 4);
	guest_start(g, G_fp_loop);
	fill_area(host_in, tested, 11);
	for (i = 0; i < 40 && !g->failed; i++) {
		memset(host_out, 0, sizeof(host_out));
		ret = run_with_state(g->vcpu.fd, tested);
		same_area(g, host_in, host_out, tested);
		CHECK_EQ(g, host_xcr0(), xcr0);
		if (ret == -4)	/* EINTR */
			continue;
		CHECK_EQ(g, ret, 0);
		CHECK_EQ(g, g->run->exit_reason, HOLM_EXIT_IO);
		check_state(g);
		guest_complete(g, g->run->next_rip);
	}
}

void test_fpu(void)
{
	guest_rows("fpu", rows, ARRAY_SIZE(rows));
	guest_test_mode("fpu/vector_mmio", LONG64, test_vector_mmio);
	guest_test_mode("fpu/state_block", LONG64, test_state_block);
	if (hv.caps.xcr0) {
		guest_test_mode("fpu/xsetbv", LONG64, test_xsetbv);
		guest_test_mode("fpu/two_guests", LONG64, test_two_guests);
		guest_test_mode("fpu/different_xcr0", LONG64, test_different_xcr0);
	} else {
		guest_skip("fpu/xsetbv", no_xsave());
		guest_skip("fpu/two_guests", no_xsave());
		guest_skip("fpu/different_xcr0", no_xsave());
	}
	guest_test_mode("fpu/two_guests_fx", LONG64, test_two_guests_fx);
	guest_test_mode("fpu/two_threads", LONG64, test_two_threads);
	guest_test_mode("fpu/launcher", LONG64, test_launcher);
}
