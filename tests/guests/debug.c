// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Debug registers, breakpoints, single steps. SDM Vol. 3, chapter "Debug,
 * Branch Profile, TSC, and Intel Resource Director Technology Features".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "steps.h"

#define DR6_BD		0x2000
#define DR6_BS		0x4000
#define DR6_RESERVED	0xffff0ff0U
#define DR7_RESERVED	0x400U
#define DATA(n)		(0xa5c3e187U + 0x01010101U * (n))	/* of port read n */

#define KEEP_ROUNDS	20
#define PAGE_SIZE	0x1000

/* ---- what emulated hosts leave out ------------------------------------------------ */

/*
 * VMRUN and #VMEXIT load DR7, but QEMU's own table of breakpoints and
 * watchpoints, in which they share their places, stays as it was.
 */
static const char *no_watchpoints(void)
{
	return hv.tcg ? "QEMU crashes when VMRUN changes DR7 with a watchpoint" : NULL;
}

static const char *no_loaded_breakpoints(void)
{
	return hv.tcg ? "QEMU does not arm the breakpoints that VMRUN loads" : NULL;
}

static const char *no_rf_image(void)
{
	if (hv.tcg || hv.bochs)
		return "this emulated CPU has no RF in the image of an instruction breakpoint";
	return NULL;
}

static const char *no_gd(void)
{
	return hv.tcg ? "QEMU does not have DR7.GD" : NULL;
}

static const char *no_movss_trap_shadow(void)
{
	return hv.tcg ? "QEMU traps between MOV SS and the next instruction" : NULL;
}

static const char *no_sti_trap(void)
{
	return hv.tcg ? "QEMU does not trap between STI and the next instruction" : NULL;
}

static const char *no_btf(void)
{
	if (hv.tcg || hv.bochs)
		return "this emulated CPU does not have DEBUGCTL.BTF";
	return NULL;
}

/* ---- setups -------------------------------------------------------------------------- */

static void io_breakpoints(struct guest *g)
{
	g->sregs.cr4 |= CR4_DE;
	g->dr6_clear = true;
}

/* The launcher sets the breakpoint. */
static void block(struct guest *g)
{
	struct holm_debugregs dregs;

	bp_handler(g);
	guest_get(g, HOLM_STATE_DEBUGREGS, &dregs, sizeof(dregs));
	CHECK_EQ(g, dregs.dr6, DR6_RESERVED);
	CHECK_EQ(g, dregs.dr7, DR7_RESERVED);
	dregs.dr[3] = G_now64_at;
	dregs.dr6 = DR6_RESERVED;
	dregs.dr7 = DR7_RESERVED | BIT(6);	/* L3 */
	guest_set(g, HOLM_STATE_DEBUGREGS, &dregs, sizeof(dregs));
}

static void check_block(struct guest *g)
{
	struct holm_debugregs dregs;

	guest_get(g, HOLM_STATE_DEBUGREGS, &dregs, sizeof(dregs));
	CHECK_EQ(g, dregs.dr[3], G_now64_at);
	CHECK_EQ(g, dregs.dr7, DR7_RESERVED | BIT(6));
	CHECK_EQ(g, dregs.dr6, DR6_RESERVED);
}

static void check_values(struct guest *g, unsigned int n)
{
	struct holm_debugregs dregs;

	(void)n;
	guest_get(g, HOLM_STATE_DEBUGREGS, &dregs, sizeof(dregs));
	CHECK_EQ(g, dregs.dr[0], 0x1122334455667788);
	CHECK_EQ(g, dregs.dr[1], ~0x1122334455667788);
	CHECK_EQ(g, dregs.dr[2], 0x1000);
	CHECK_EQ(g, dregs.dr[3], 0x2000);
	CHECK_EQ(g, dregs.dr6, DR6_RESERVED | 0xe00f);
	CHECK_EQ(g, dregs.dr7, DR7_RESERVED);
}

/* ---- rows ------------------------------------------------------------------------------ */

static const struct guest_row rows[] = {
	{ GUEST(dr_values, LONG64), .call = check_values,
	  EVENTS(CALL(CALL_EVENT), V(0x1122334455667788), V(~0x1122334455667788), V(0x1000),
		 V(0x2000), V(DR6_RESERVED | 0xe00f), V(DR7_RESERVED), V(DR6_RESERVED),
		 V(DR7_RESERVED)) },
	{ GUEST(dr_reserved, LONG64),
	  EVENTS(XE(13, 0), XE(13, 0), V(BIT(32)), V(DR7_RESERVED)) },
	{ GUEST(dr45, LONG64),
	  EVENTS(V(DR6_RESERVED | 1), V(DR7_RESERVED), V(DR6_RESERVED | 2)) },
	{ GUEST(dr45_de, LONG64), EVENTS(X(6), X(6), X(6), X(6)) },
	{ GUEST(dr_user, USER64), EVENTS(XE(13, 0), XE(13, 0), XE(13, 0)) },
	{ GUEST(gd, LONG64), .setup = dr6_clear, .skip = no_gd,
	  EVENTS(DB_AT(DR6_BD, G_gd_read), V(DR7_RESERVED), DB_AT(DR6_BD, G_gd_write),
		 V(DR7_RESERVED)) },

	{ GUEST(exec_nop, LONG64), .setup = bp_handler,
	  EVENTS(V(1), V(G_exec_nop_at), V(1), V(G_exec_nop_at), V(9)) },
	{ GUEST(exec_cpuid, LONG64), .setup = bp_handler,
	  EVENTS(V(1), V(G_exec_cpuid_at), V(1), V(G_exec_cpuid_at), V(9)) },
	{ GUEST(exec_out, LONG64), .setup = bp_handler,
	  EVENTS(V(1), V(G_exec_out_at), OUT(PORT_DATA, 1, 2), V(1), V(G_exec_out_at),
		 OUT(PORT_DATA, 1, 2), V(9)) },
	{ GUEST(exec_mmio, LONG64), .setup = bp_handler,
	  EVENTS(MMR(0, 4), V(1), V(G_exec_mmio_at), MMR(0, 4), V(1), V(G_exec_mmio_at), MMR(0, 4), V(9)) },
	{ "exec_rf_image", LONG64, G_exec_nop, .setup = dr6_clear, .skip = no_rf_image,
	  EVENTS(DB_AT(1, G_exec_nop_at), DB_AT(1, G_exec_nop_at), V(9)) },
	{ GUEST(rf_iret, LONG64), .setup = bp_handler,
	  EVENTS(V(1), V(1), V(G_rf_iret_at), V(1)) },
	{ "exec_block", LONG64, G_now64, .setup = block, .check = check_block,
	  .skip = no_loaded_breakpoints,
	  EVENTS(CALL(CALL_EVENT), V(8), V(G_now64_at), V(9)) },
	{ GUEST(watch_write, LONG64), .setup = dr6_clear, .skip = no_watchpoints,
	  EVENTS(DB_AT(2, G_watch_write_1), DB_AT(2, G_watch_write_2), V(9)) },
	{ GUEST(watch_access, LONG64), .setup = dr6_clear, .skip = no_watchpoints,
	  EVENTS(DB_AT(4, G_watch_access_1), DB_AT(4, G_watch_access_2),
		 DB_AT(4, G_watch_access_3), V(9)) },
	{ GUEST(watch_io, LONG64), .setup = io_breakpoints,
	  EVENTS(OUT(PORT_DATA, 1, 0), OUT(PORT_DATA + 1, 1, 0), DB_AT(1, G_watch_io_1),
		 OUT(PORT_DATA, 2, 0), DB_AT(1, G_watch_io_2),
		 IN(PORT_FAR + 3, 1), DB_AT(8, G_watch_io_3), V(9)) },
	{ GUEST(watch_movss, LONG64), .setup = dr6_clear, .skip = no_watchpoints,
	  EVENTS(DB_AT(1, G_watch_movss_at), V(9)) },

	{ GUEST(step_insns, LONG64), .setup = step_handler,
	  EVENTS(V(DR6_BS), V(G_step_add), V(DR6_BS), V(G_step_cpuid),
		 OUT(PORT_DATA, 1, 0x77), V(DR6_BS), V(G_step_out),
		 IN(PORT_DATA, 1), V(DR6_BS), V(G_step_in), V(DR6_BS), V(G_step_rdmsr),
		 V(DR6_BS), V(G_step_wrmsr), V(DR6_BS), V(G_step_cr),
		 MMR(0, 4), MMR(0, 4), V(DR6_BS), V(G_step_mmio_read),
		 MMW(4, 1, 5), V(DR6_BS), V(G_step_mmio_write),
		 OUT(PORT_FAR, 1, 0), V(DR6_BS), V(G_step_outs), V(DR6_BS), V(G_step_hlt),
		 V(9)) },
	{ GUEST(step_sti, LONG64), .setup = step_handler, .skip = no_sti_trap,
	  EVENTS(V(DR6_BS), V(G_step_sti_at), V(9)) },
	{ GUEST(step_rep, LONG64), .setup = step_handler,
	  EVENTS(V(DR6_BS), V(G_step_rep_at), V(0), V(DR6_BS), V(G_step_rep_last), V(9)) },
	{ GUEST(step_movss, LONG64), .setup = step_handler, .skip = no_movss_trap_shadow,
	  EVENTS(V(DR6_BS), V(G_step_movss_nop), V(DR6_BS), V(G_step_movss_cpuid), V(9)) },
	{ GUEST(step_int, LONG64), .setup = step_handler,
	  EVENTS(IRQ_AT(VEC_SOFT, G_step_int_return), V(DR6_BS), V(G_step_int_at), V(9)) },
	{ GUEST(step_fault, LONG64), .setup = step_handler,
	  EVENTS(X(6), V(DR6_BS), V(G_step_fault_at), V(9)) },
	{ GUEST(step_user, USER64), .setup = dr6_clear,
	  EVENTS(DB_AT(DR6_BS, G_step_user_1), DB_AT(DR6_BS, G_step_user_2),
		 DB_AT(DR6_BS, G_step_user_3), DB_AT(DR6_BS, G_step_user_4), V(9)) },
	{ GUEST(step_branch, LONG64), .setup = step_handler, .skip = no_btf,
	  EVENTS(V(DR6_BS), V(G_step_branch_at), V(9)) },
	{ GUEST(step_watch, LONG64), .setup = step_handler, .skip = no_watchpoints,
	  EVENTS(V(DR6_BS | 8), V(G_step_watch_at), V(9)) },
};

/* ---- two VMs ------------------------------------------------------------------------------ */

static void start_keep(struct guest *g, uint64_t pattern, uint64_t dr7)
{
	g->regs.gpr[HOLM_RBX] = pattern;
	g->regs.gpr[HOLM_RCX] = dr7;
	guest_start(g, G_dr_keep);
}

/* One has breakpoints that it never reaches, the other one none; they take turns. */
static void keep(struct guest *g)
{
	struct guest *other = guest_new();
	unsigned int i;

	if (!other) {
		guest_fail(g, "no second VM");
		return;
	}
	guest_mode(other, LONG64);
	start_keep(g, 0x00000000deadb000, DR7_RESERVED | 0x82);
	start_keep(other, 0x00001234abcde000, DR7_RESERVED);
	for (i = 0; i < KEEP_ROUNDS && guest_step(g) && guest_step(other); i++)
		;
	if (other->failed || other->stopped)
		guest_fail(g, "the other VM:\n%s", other->why);
	CHECK_EQ(g, i, KEEP_ROUNDS);
	CHECK_EQ(g, g->nevents, KEEP_ROUNDS);
	guest_free(other);
}

/* ---- beside the host's breakpoints ----------------------------------------------------------- */

static int watch_fd = -1;
static volatile uint32_t *watched;

/*
 * A breakpoint of this process, at the linear address that the guest writes
 * to: neither sees the other's.
 */
static bool watch_open(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(attr),
		.bp_type = HW_BREAKPOINT_W,
		.bp_addr = SCRATCH_ADDR + 0x80,
		.bp_len = HW_BREAKPOINT_LEN_4,
		.exclude_kernel = 1,
	};
	void *p = mmap((void *)SCRATCH_ADDR, PAGE_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (p == MAP_FAILED)
		return false;
	watched = (void *)((char *)p + 0x80);
	watch_fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
	if (watch_fd >= 0)
		return true;
	munmap(p, PAGE_SIZE);
	return false;
}

static void watch_close(void)
{
	close(watch_fd);
	munmap((void *)SCRATCH_ADDR, PAGE_SIZE);
}

static void check_watch(struct guest *g, uint64_t expected)
{
	uint64_t count = ~0ULL;

	if (read(watch_fd, &count, sizeof(count)) != sizeof(count))
		guest_fail(g, "reading the breakpoint's count: %s", strerror(errno));
	CHECK_EQ(g, count, expected);
}

static void watch_call(struct guest *g, unsigned int n)
{
	uint64_t *hits = g->priv;

	(void)n;
	check_watch(g, *hits);
	*watched = n;
	check_watch(g, ++*hits);
}

static void beside(struct guest *g)
{
	uint64_t hits = 0;

	g->call = watch_call;
	g->dr6_clear = true;
	g->priv = &hits;
	*watched = 0;
	check_watch(g, ++hits);
	guest_start(g, G_beside);
	guest_run(g);
	EXPECT(g, HOLM_EXIT_IO, DB_AT(1, G_beside_at), CALL(CALL_EVENT), CALL(CALL_EVENT));
	check_watch(g, 3);
	*watched = 1;
	check_watch(g, 4);
}

void test_debug(void)
{
	guest_rows("debug", rows, ARRAY_SIZE(rows));
	guest_test_mode("debug/dr_keep", LONG64, keep);
	if (!guest_wanted("debug/host_breakpoint"))
		return;
	if (no_watchpoints()) {
		guest_skip("debug/host_breakpoint", no_watchpoints());
	} else if (watch_open()) {
		guest_test_mode("debug/host_breakpoint", LONG64, beside);
		watch_close();
	} else {
		guest_skip("debug/host_breakpoint", "this host gives processes no breakpoints");
	}
}
