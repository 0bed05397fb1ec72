// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Doorbells (ioeventfd) and interrupts (irqfd) by eventfds: what must not reach
 * the launcher does not, and everything else does.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "eventfd.h"
#include "run.h"
#include "steps.h"

/* How often an eventfd was signalled since the last time. */
static uint64_t signals(int fd)
{
	uint64_t count = 0;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

static void ring(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) != sizeof(one))
		perror("eventfd");
}

static int new_eventfd(struct guest *g)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		guest_fail(g, "eventfd: %s", strerror(errno));
	return fd;
}

/* ---- doorbells: what matches ------------------------------------------------- */

#define PORT	HOLM_IOEVENTFD_PORT
#define MATCH	HOLM_IOEVENTFD_DATAMATCH
#define BELLS	12

struct bell {
	uint32_t flags;
	uint64_t addr;
	uint32_t size;
	uint64_t match;
	uint64_t want;		/* signals */
};

static const struct bell *bells;
static int bell_fds[BELLS];

static void bells_assign(struct guest *g, const struct bell *list)
{
	const struct bell *b;
	int err;

	bells = list;
	g->ioeventfds = holm_ioeventfds_new(g->vm);
	for (b = list; b->addr; b++) {
		bell_fds[b - list] = new_eventfd(g);
		err = holm_ioeventfds_add(g->ioeventfds, b->flags, b->addr, b->size, b->match,
					  bell_fds[b - list]);
		if (err)
			guest_fail(g, "ioeventfd %zd: %s", b - list, strerror(-err));
	}
}

static void bells_check(struct guest *g)
{
	const struct bell *b;
	uint64_t got;
	int err;

	for (b = bells; b->addr; b++) {
		int fd = bell_fds[b - bells];

		got = signals(fd);
		if (got != b->want)
			guest_fail(g, "ioeventfd %zd: %llu signals, expected %llu", b - bells,
				   (unsigned long long)got, (unsigned long long)b->want);
		err = holm_ioeventfds_remove(g->ioeventfds, b->flags, b->addr, b->size, b->match,
					     fd);
		if (err)
			guest_fail(g, "removal of ioeventfd %zd: %s", b - bells, strerror(-err));
		if (holm_ioeventfds_write(g->ioeventfds, b->flags & PORT, b->addr,
					  b->size ? b->size : 1, b->match))
			guest_fail(g, "ioeventfd %zd is still in the list", b - bells);
		close(fd);
	}
	holm_ioeventfds_free(g->ioeventfds);
	g->ioeventfds = NULL;
}

static void setup_sizes(struct guest *g)
{
	static const struct bell list[] = {
		{ PORT, PORT_FAR, 1, 0, 2 },
		{ PORT, PORT_FAR, 4, 0, 2 },
		{ PORT, PORT_DATA, 2, 0, 1 },
		{ PORT, PORT_FAR + 2, 1, 0, 0 },
		{}
	};

	bells_assign(g, list);
}

static void setup_match(struct guest *g)
{
	static const struct bell list[] = {
		{ PORT | MATCH, PORT_FAR, 4, 0x12345678, 1 },
		{ PORT | MATCH, PORT_FAR, 2, 0x5678, 1 },
		{ PORT | MATCH, PORT_FAR, 1, 0x77, 0 },
		{ PORT | MATCH, PORT_FAR, 1, 0xff, 1 },
		{ PORT | MATCH, PORT_FAR, 4, 0x123456fe, 0 },
		{ PORT | MATCH, PORT_DATA, 4, 0x12345679, 0 },
		{}
	};

	bells_assign(g, list);
}

static void setup_any(struct guest *g)
{
	static const struct bell list[] = {
		{ PORT, PORT_FAR, 0, 0, 5 },
		{ PORT, PORT_FAR + 1, 1, 0, 1 },
		{ PORT, PORT_DATA, 0, 0, 3 },
		{}
	};

	bells_assign(g, list);
}

static void setup_upper(struct guest *g)
{
	static const struct bell list[] = {
		{ PORT | MATCH, PORT_FAR, 4, 0x55667788, 1 },
		{}
	};

	bells_assign(g, list);
}

static void setup_real(struct guest *g)
{
	static const struct bell list[] = {
		{ PORT, PORT_FAR, 0, 0, 3 },
		{}
	};

	bells_assign(g, list);
}

static void setup_one(struct guest *g)
{
	static const struct bell list[] = {
		{ PORT, PORT_FAR, 0, 0, 1 },
		{}
	};

	dr6_clear(g);
	bells_assign(g, list);
}

static void setup_break(struct guest *g)
{
	static const struct bell list[] = {
		{ PORT, PORT_FAR, 0, 0, 2 },
		{}
	};

	dr6_clear(g);
	g->sregs.cr4 |= CR4_DE;
	bells_assign(g, list);
}

static void setup_shadow(struct guest *g)
{
	lapic_on(g);
	setup_one(g);
}

/* ---- doorbells in memory ------------------------------------------------------- */

static void setup_mmio_sizes(struct guest *g)
{
	static const struct bell list[] = {
		{ 0, MMIO_ADDR, 1, 0, 2 },
		{ 0, MMIO_ADDR, 4, 0, 3 },		/* one by STOS, through libholm */
		{ 0, MMIO_ADDR, 8, 0, 2 },
		{ 0, MMIO_ADDR + 8, 1, 0, 1 },
		{ 0, MMIO_ADDR + 0x20, 4, 0, 2 },	/* XCHG, MOVNTI: likewise */
		{}
	};

	bells_assign(g, list);
}

static void setup_mmio_match(struct guest *g)
{
	static const struct bell list[] = {
		{ MATCH, MMIO_ADDR, 1, 0x88, 1 },
		{ MATCH, MMIO_ADDR, 2, 0x1234, 1 },
		{ MATCH, MMIO_ADDR, 4, 0x55667788, 1 },
		{ MATCH, MMIO_ADDR, 8, 0x1122334455667788, 1 },
		{ MATCH, MMIO_ADDR, 8, -2ULL, 1 },
		{ MATCH, MMIO_ADDR + 8, 1, 0x77, 1 },
		{ MATCH, MMIO_ADDR + 0x10, 4, 0x55667788, 1 },
		{ MATCH, MMIO_ADDR + 8, 4, 0x55667788, 1 },
		{ MATCH, MMIO_ADDR + 0x100, 8, STACK_TOP, 1 },
		{ 0, MMIO_ADDR + 0x1ffd, 0, 0, 1 },	/* by libholm, which splits it */
		{}
	};

	bells_assign(g, list);
}

static void setup_mmio_any(struct guest *g)
{
	static const struct bell list[] = {
		{ 0, MMIO_ADDR, 0, 0, 6 },
		{ MATCH, MMIO_ADDR + 8, 1, 0x77, 1 },
		{}
	};

	bells_assign(g, list);
}

/* The direct address of bell_mmio32 is one more. */
static void setup_mmio_any32(struct guest *g)
{
	static const struct bell list[] = {
		{ 0, MMIO_ADDR, 0, 0, 7 },
		{ MATCH, MMIO_ADDR + 8, 1, 0x77, 1 },
		{}
	};

	bells_assign(g, list);
}

static void setup_mmio_one(struct guest *g)
{
	static const struct bell list[] = {
		{ 0, MMIO_ADDR, 4, 0, 1 },
		{}
	};

	dr6_clear(g);
	lapic_on(g);
	bells_assign(g, list);
}

static void setup_ram(struct guest *g)
{
	static const struct bell list[] = {
		{ 0, BELL_RAM, 4, 0, 0 },
		{}
	};

	bells_assign(g, list);
}

/* PUSH and CALL write 8 bytes there. */
static void setup_stack(struct guest *g)
{
	static const struct bell list[] = {
		{ MATCH, MMIO_ADDR + 0xff8, 8, 0x77777777, 1 },
		{ 0, MMIO_ADDR + 0xff0, 4, 0, 0 },
		{}
	};

	bells_assign(g, list);
}

static const char *no_fresh_pdptes(void)
{
	return hv.tcg ? "QEMU sets accessed flags in PDPTEs, where they are reserved" : NULL;
}

static void call_cold(struct guest *g, unsigned int n)
{
	(void)n;
	make_cold(g);
}

/* Read-only memory is a device to writes, and a doorbell of it is one. */
static void setup_readonly(struct guest *g)
{
	static const struct bell list[] = {
		{ 0, BELL_RAM, 4, 0, 2 },
		{}
	};

	guest_set_slot(g, 0, 0, 0, 0, NULL);
	guest_set_slot(g, 0, 0, 0, BELL_RAM & ~0xfffULL, g->ram);
	guest_set_slot(g, 1, HOLM_SLOT_READONLY, BELL_RAM & ~0xfffULL,
		       RAM_SIZE - (BELL_RAM & ~0xfffULL), g->ram + (BELL_RAM & ~0xfffULL));
	g->readonly_from = BELL_RAM & ~0xfffULL;
	guest_write(g, BELL_RAM, 0x4321, 4);
	bells_assign(g, list);
}

#define WRITES_1234	0x12345678
/* The rest of 4 bytes on both sides of a page's end. */
#define ACROSS_PAGES	MMW(0x1ffe, 2, 0x6677), MMW(0x2000, 1, 0x55)
static const struct guest_row rows[] = {
	{ "port_sizes", LONG64, G_bell_ports, .setup = setup_sizes, .check = bells_check,
	  EVENTS(OUT(PORT_FAR, 2, 0x5678),
		 OUT(PORT_DATA, 1, 0x78), OUT(PORT_DATA, 4, WRITES_1234),
		 OUT(PORT_FAR + 1, 1, 0xff), IN(PORT_FAR + 1, 1), IN(PORT_FAR, 1),
		 OUT(PORT_FAR, 1, 0), V(9)) },
	{ "port_match", LONG64, G_bell_ports, .setup = setup_match, .check = bells_check,
	  EVENTS(OUT(PORT_FAR, 1, 0x78), OUT(PORT_DATA, 1, 0x78), OUT(PORT_DATA, 2, 0x5678),
		 OUT(PORT_DATA, 4, WRITES_1234), OUT(PORT_FAR, 4, 0x123456ff),
		 OUT(PORT_FAR + 1, 1, 0xff), IN(PORT_FAR + 1, 1), IN(PORT_FAR, 1),
		 OUT(PORT_FAR, 1, 0), V(9)) },
	/* Neither IN nor OUTS is a doorbell. */
	{ "port_any", LONG64, G_bell_ports, .setup = setup_any, .check = bells_check,
	  EVENTS(IN(PORT_FAR + 1, 1), IN(PORT_FAR, 1), OUT(PORT_FAR, 1, 0), V(9)) },
	{ "port_upper", LONG64, G_bell_upper, .setup = setup_upper, .check = bells_check,
	  EVENTS(V(0x1122334455667788)) },
	{ "port_real", REAL16, G_bell_ports16, .setup = setup_real, .check = bells_check,
	  EVENTS(V(9)) },
	{ "port_step", LONG64, G_bell_step, .setup = setup_one, .check = bells_check,
	  EVENTS(DB_AT(BIT(14), G_bell_step_1), DB_AT(BIT(14), G_bell_step_2),
		 DB_AT(BIT(14), G_bell_step_3), DB_AT(BIT(14), G_bell_step_4), V(9)) },
	{ "port_breakpoint", LONG64, G_bell_break, .setup = setup_break, .check = bells_check,
	  EVENTS(DB_AT(1, G_bell_break_1), OUT(PORT_DATA, 1, 2), DB_AT(1, G_bell_break_2), V(9)) },
	{ "port_shadow", LONG64, G_bell_shadow, .setup = setup_shadow, .call = send_irq,
	  .check = bells_check,
	  EVENTS(CALL(CALL_EVENT), IRQ_STI(VEC_IRQ, G_bell_shadow_at), V(9)) },

	{ "mmio_sizes", LONG64, G_bell_mmio, .setup = setup_mmio_sizes, .check = bells_check,
	  EVENTS(MMW(0, 2, 0x7788), MMW(0, 2, 0x1234), MMW(0x10, 4, 0x55667788),
		 MMW(8, 4, 0x55667788), MMW(0x100, 8, STACK_TOP), MMW(0x1ffd, 1, 0x88),
		 ACROSS_PAGES, MMR(0x20, 4),
		 MMR(0, 4), V(9)) },
	{ "mmio_match", LONG64, G_bell_mmio, .setup = setup_mmio_match, .check = bells_check,
	  EVENTS(MMW(0, 2, 0x7788), MMW(0, 1, 0x12), MMW(0, 4, 0x12345678), ACROSS_PAGES,
		 MMR(0x20, 4), MMW(0x20, 4, 0x33445566), MMW(0x20, 4, 0x55667788),
		 MMW(0, 4, 0), MMR(0, 4), V(9)) },
	{ "mmio_32", PAGED32, G_bell_mmio32, .setup = setup_mmio_any32, .check = bells_check,
	  EVENTS(V(9)) },
	{ "mmio_pae", PAE32, G_bell_mmio32, .setup = setup_mmio_any32, .check = bells_check,
	  .skip = no_fresh_pdptes, EVENTS(V(9)) },
	{ "mmio_flat", PROT32, G_bell_mmio32, .setup = setup_mmio_any32, .check = bells_check,
	  EVENTS(V(9)) },
	{ "mmio_compat", COMPAT32, G_bell_mmio32, .setup = setup_mmio_any32,
	  .check = bells_check, EVENTS(V(9)) },
	{ "mmio_user", USER32, G_bell_mmio32, .setup = setup_mmio_any32, .check = bells_check,
	  EVENTS(V(9)) },
	{ "mmio_real", BIGREAL16, G_bell_mmio16, .setup = setup_mmio_any, .check = bells_check,
	  EVENTS(V(9)) },
	{ "mmio_step", LONG64, G_bell_mmio_step, .setup = setup_mmio_one, .check = bells_check,
	  EVENTS(MMR(0, 4), DB_AT(BIT(14), G_bell_mmio_step_1), DB_AT(BIT(14), G_bell_mmio_step_2),
		 DB_AT(BIT(14), G_bell_mmio_step_3), DB_AT(BIT(14), G_bell_mmio_step_4), V(9)) },
	{ "mmio_shadow", LONG64, G_bell_mmio_shadow, .setup = setup_mmio_one, .call = send_irq,
	  .check = bells_check,
	  EVENTS(MMR(0, 4), CALL(CALL_EVENT), IRQ_SHADOW(VEC_IRQ, G_bell_mmio_shadow_at, 2), V(9)) },
	{ "mmio_stack", LONG64, G_bell_stack, .setup = setup_stack, .check = bells_check,
	  EVENTS(MMW(0xff0, 8, G_bell_stack_return), V(9)) },
	{ "memory", LONG64, G_bell_ram, .setup = setup_ram, .call = call_cold,
	  .check = bells_check, EVENTS(CALL(CALL_COLD), V(0x5678)) },
	{ "readonly", LONG64, G_bell_rom, .setup = setup_readonly, .check = bells_check,
	  EVENTS(V(0x4321)) },
};

/* ---- doorbells that come and go ---------------------------------------------- */

static struct {
	struct guest *g;
	struct bell bell;
	int fd;
	atomic_bool stop;
	atomic_uint toggles;
	int error;
} toggle;

static void *toggle_thread(void *unused)
{
	const struct bell *b = &toggle.bell;
	sigset_t set;
	int err = 0;

	sigfillset(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	while (!atomic_load(&toggle.stop) && !err) {
		err = holm_vm_set_ioeventfd(toggle.g->vm, b->flags, b->addr, b->size, 0,
					    toggle.fd);
		if (err)
			break;
		usleep(100);
		err = holm_vm_set_ioeventfd(toggle.g->vm, b->flags | HOLM_IOEVENTFD_DEASSIGN,
					    b->addr, b->size, 0, toggle.fd);
		usleep(100);
		atomic_fetch_add(&toggle.toggles, 1);
	}
	toggle.error = err;
	return unused;
}

/* The guest rings @bell for ever; nothing is lost, and nothing counts twice. */
static void run_toggle(struct guest *g, uint64_t entry, struct bell bell)
{
	unsigned int want = hv.intel ? 3 : 30;
	uint64_t exits = 0, rung = 0, before;
	pthread_t thread;

	toggle.g = g;
	toggle.bell = bell;
	toggle.fd = new_eventfd(g);
	toggle.error = 0;
	atomic_store(&toggle.stop, false);
	atomic_store(&toggle.toggles, 0);
	guest_start(g, entry);
	if (g->failed || pthread_create(&thread, NULL, toggle_thread, NULL)) {
		guest_fail(g, "no second thread");
		return;
	}

	/* An exit tells that nothing was assigned just then. */
	while (!g->failed && (atomic_load(&toggle.toggles) < want || !exits || !rung)) {
		before = g->nevents;
		guest_step(g);
		exits += g->nevents - before;
		g->nevents = 0;
		rung += signals(toggle.fd);
	}
	atomic_store(&toggle.stop, true);
	pthread_join(thread, NULL);
	rung += signals(toggle.fd);
	CHECK_EQ(g, toggle.error, 0);
	CHECK_EQ(g, exits + rung, guest_read(g, COUNT_ADDR, 4));
	close(toggle.fd);
}

static void port_toggle(struct guest *g)
{
	run_toggle(g, G_bell_loop, (struct bell) { PORT, PORT_FAR, 4, 0, 0 });
}

static void mmio_toggle(struct guest *g)
{
	run_toggle(g, G_bell_mmio_loop, (struct bell) { 0, MMIO_ADDR, 4, 0, 0 });
}

/* ---- interrupts ---------------------------------------------------------------- */

#define ADDRESS		MSI_ADDRESS
#define LEVEL		0xc000		/* trigger mode level, asserted */

static struct irqfd {
	struct holm_irqfd arg;
	int fd, resample;
	unsigned int served;
	atomic_uint wants;	/* interrupts that the device still wants */
	atomic_bool stop;
} irqfd;

static int irqfd_set(struct guest *g, uint32_t flags, uint64_t address, uint32_t data)
{
	struct holm_irqfd arg = {
		.fd = irqfd.fd,
		.resample_fd = flags & HOLM_IRQFD_RESAMPLE ? irqfd.resample : -1,
		.flags = flags,
		.address = address,
		.data = data,
	};

	return holm_vm_set_irqfd(g->vm, &arg);
}

static struct holm_irqfd irqfd_get(struct guest *g)
{
	struct holm_irqfd arg = { .fd = irqfd.fd };

	CHECK_EQ(g, -holm_vm_get_irqfd(g->vm, &arg), 0);
	return arg;
}

static void irqfd_open(struct guest *g, bool x2apic)
{
	memset(&irqfd, 0, sizeof(irqfd));
	irqfd.fd = new_eventfd(g);
	irqfd.resample = new_eventfd(g);
	lapic_on(g);
	gate64(g, VEC_IRQ, x2apic ? G_irqfd_handler_x2apic : G_irqfd_handler);
	gate64(g, VEC_HIGH, G_irqfd_handler_high);
}

static void irqfd_close(void)
{
	close(irqfd.fd);
	close(irqfd.resample);
}

static void run_calls(struct guest *g, bool x2apic, void (*call)(struct guest *g, unsigned int n))
{
	irqfd_open(g, x2apic);
	g->call = call;
	guest_start(g, x2apic ? G_irqfd_calls_x2apic : G_irqfd_calls);
}

/* Signalled before, while, after; other messages; not when it is gone. */
static void call_edge(struct guest *g, unsigned int n)
{
	switch (n) {
	case CALL_STEP:
		ring(irqfd.fd);
		ring(irqfd.fd);
		CHECK_EQ(g, -irqfd_set(g, 0, ADDRESS, VEC_IRQ), 0);
		CHECK_EQ(g, signals(irqfd.fd), 0);
		break;
	case CALL_STEP + 1:
		CHECK_EQ(g, -irqfd_set(g, 0, ADDRESS, VEC_IRQ), EBUSY);
		ring(irqfd.fd);
		break;
	case CALL_STEP + 2:
		CHECK_EQ(g, -irqfd_set(g, HOLM_IRQFD_UPDATE, ADDRESS, VEC_HIGH), 0);
		ring(irqfd.fd);
		break;
	case CALL_STEP + 3:
		CHECK_EQ(g, -irqfd_set(g, HOLM_IRQFD_UPDATE | HOLM_IRQFD_MASKED, 0, 0), 0);
		ring(irqfd.fd);
		ring(irqfd.fd);
		CHECK_EQ(g, irqfd_get(g).state, HOLM_IRQFD_ASSERTED);
		break;
	case CALL_STEP + 4:
		CHECK_EQ(g, -irqfd_set(g, HOLM_IRQFD_UPDATE, ADDRESS, VEC_IRQ), 0);
		CHECK_EQ(g, irqfd_get(g).state, 0);
		break;
	case CALL_STEP + 5:
		CHECK_EQ(g, -holm_vm_deassign_irqfd(g->vm, irqfd.fd), 0);
		ring(irqfd.fd);
		CHECK_EQ(g, signals(irqfd.fd), 1);
		CHECK_EQ(g, -holm_vm_deassign_irqfd(g->vm, irqfd.fd), ENOENT);
		break;
	}
}

#define HANDLED	V(VEC_IRQ), CALL(CALL_SERVICE)

static void irq_edge(struct guest *g)
{
	run_calls(g, false, call_edge);
	guest_run(g);
	EXPECT(g, HOLM_EXIT_IO, CALL(CALL_STEP), HANDLED, CALL(CALL_STEP + 1), HANDLED,
	       CALL(CALL_STEP + 2), V(VEC_HIGH), CALL(CALL_STEP + 3), CALL(CALL_STEP + 4), HANDLED,
	       CALL(CALL_STEP + 5), V(9));
	irqfd_close();
}

/* The device is served in the handler; after the EOI it may want more. */
static void call_level(struct guest *g, unsigned int n)
{
	struct holm_irqfd now;

	switch (n) {
	case CALL_SERVICE:
		now = irqfd_get(g);
		CHECK_EQ(g, now.state, HOLM_IRQFD_ASSERTED | HOLM_IRQFD_REMOTE_IRR);
		CHECK_EQ(g, now.eoi_vector, VEC_IRQ);
		CHECK_EQ(g, signals(irqfd.resample), 0);
		/* It is asserted already, and delivered once. */
		ring(irqfd.fd);
		break;
	case CALL_STEP:
		CHECK_EQ(g, -irqfd_set(g, HOLM_IRQFD_RESAMPLE, ADDRESS, VEC_IRQ | LEVEL), 0);
		CHECK_EQ(g, irqfd_get(g).state, 0);
		ring(irqfd.fd);
		break;
	case CALL_STEP + 1:
	case CALL_STEP + 2:
		/* The EOI was here, and the device still wants service. */
		CHECK_EQ(g, signals(irqfd.resample), 1);
		CHECK_EQ(g, irqfd_get(g).state, 0);
		ring(irqfd.fd);
		break;
	case CALL_STEP + 3:
		CHECK_EQ(g, signals(irqfd.resample), 1);
		CHECK_EQ(g, -irqfd_set(g, HOLM_IRQFD_UPDATE | HOLM_IRQFD_MASKED, 0, 0), 0);
		ring(irqfd.fd);
		CHECK_EQ(g, irqfd_get(g).state, HOLM_IRQFD_ASSERTED);
		break;
	case CALL_STEP + 4:
		CHECK_EQ(g, signals(irqfd.resample), 0);
		CHECK_EQ(g, -irqfd_set(g, HOLM_IRQFD_UPDATE, ADDRESS, VEC_IRQ), EINVAL);
		CHECK_EQ(g, -irqfd_set(g, HOLM_IRQFD_UPDATE, ADDRESS, VEC_IRQ | LEVEL), 0);
		break;
	case CALL_STEP + 5:
		/* What is not an irqfd's is the launcher's. */
		CHECK_EQ(g, signals(irqfd.resample), 1);
		signal_msi(g, VEC_HIGH | LEVEL);
		break;
	}
}

static void run_level(struct guest *g, bool x2apic)
{
	run_calls(g, x2apic, call_level);
	if (x2apic)
		gate64(g, VEC_HIGH, G_irqfd_handler_x2apic);
	guest_run(g);
}

static void irq_level(struct guest *g)
{
	run_level(g, false);
	EXPECT(g, HOLM_EXIT_IO, CALL(CALL_STEP), HANDLED, CALL(CALL_STEP + 1), HANDLED,
	       CALL(CALL_STEP + 2), HANDLED, CALL(CALL_STEP + 3), CALL(CALL_STEP + 4), HANDLED,
	       CALL(CALL_STEP + 5), V(VEC_HIGH), EOI(VEC_HIGH), V(9));
	irqfd_close();
}

/* The message changes while its interrupt is in service: the old one's EOI counts. */
static void call_moved(struct guest *g, unsigned int n)
{
	switch (n) {
	case CALL_STEP:
		CHECK_EQ(g, -irqfd_set(g, HOLM_IRQFD_RESAMPLE, ADDRESS, VEC_IRQ | LEVEL), 0);
		ring(irqfd.fd);
		break;
	case CALL_SERVICE:
		CHECK_EQ(g, -irqfd_set(g, HOLM_IRQFD_UPDATE, ADDRESS, VEC_HIGH | LEVEL), 0);
		CHECK_EQ(g, irqfd_get(g).eoi_vector, VEC_IRQ);
		break;
	case CALL_STEP + 1:
		CHECK_EQ(g, signals(irqfd.resample), 1);
		ring(irqfd.fd);
		break;
	case CALL_STEP + 2:
		CHECK_EQ(g, signals(irqfd.resample), 1);
		break;
	}
}

static void irq_moved(struct guest *g)
{
	run_calls(g, false, call_moved);
	guest_run(g);
	EXPECT(g, HOLM_EXIT_IO, CALL(CALL_STEP), HANDLED, CALL(CALL_STEP + 1), V(VEC_HIGH),
	       CALL(CALL_STEP + 2), CALL(CALL_STEP + 3), CALL(CALL_STEP + 4), CALL(CALL_STEP + 5),
	       V(9));
	irqfd_close();
}

/* In service, then removed and put back with its state, as a snapshot does. */
static void call_state(struct guest *g, unsigned int n)
{
	struct holm_irqfd was, now;

	switch (n) {
	case CALL_STEP:
		CHECK_EQ(g, -irqfd_set(g, HOLM_IRQFD_RESAMPLE, ADDRESS, VEC_IRQ | LEVEL), 0);
		ring(irqfd.fd);
		break;
	case CALL_SERVICE:
		was = irqfd_get(g);
		CHECK_EQ(g, -holm_vm_deassign_irqfd(g->vm, irqfd.fd), 0);
		was.flags |= HOLM_IRQFD_STATE;
		was.resample_fd = irqfd.resample;
		CHECK_EQ(g, -holm_vm_set_irqfd(g->vm, &was), 0);
		now = irqfd_get(g);
		CHECK_EQ(g, now.state, was.state);
		CHECK_EQ(g, now.eoi_vector, was.eoi_vector);
		CHECK_EQ(g, now.address, was.address);
		CHECK_EQ(g, now.data, was.data);
		break;
	case CALL_STEP + 1:
		CHECK_EQ(g, signals(irqfd.resample), 1);
		/* Closed: nobody can name it, and it is gone with the next call. */
		close(irqfd.fd);
		irqfd.fd = new_eventfd(g);
		CHECK_EQ(g, -irqfd_set(g, 0, ADDRESS, VEC_HIGH), 0);
		ring(irqfd.fd);
		break;
	}
}

static void irq_state(struct guest *g)
{
	run_calls(g, false, call_state);
	guest_run(g);
	EXPECT(g, HOLM_EXIT_IO, CALL(CALL_STEP), HANDLED, CALL(CALL_STEP + 1), V(VEC_HIGH),
	       CALL(CALL_STEP + 2), CALL(CALL_STEP + 3), CALL(CALL_STEP + 4), CALL(CALL_STEP + 5),
	       V(9));
	irqfd_close();
}

/* A doorbell that is an interrupt: nobody but the kernel sees it. */
static void call_loopback(struct guest *g, unsigned int n)
{
	if (n != CALL_STEP)
		return;
	CHECK_EQ(g, -irqfd_set(g, 0, ADDRESS, VEC_HIGH), 0);
	CHECK_EQ(g, -holm_vm_set_ioeventfd(g->vm, PORT | MATCH, PORT_CALL, 1, CALL_STEP + 2,
					   irqfd.fd), 0);
}

static void irq_loopback(struct guest *g)
{
	run_calls(g, false, call_loopback);
	guest_run(g);
	EXPECT(g, HOLM_EXIT_IO, CALL(CALL_STEP), CALL(CALL_STEP + 1), V(VEC_HIGH),
	       CALL(CALL_STEP + 3), CALL(CALL_STEP + 4), CALL(CALL_STEP + 5), V(9));
	irqfd_close();
}

/* ---- a device of its own thread ------------------------------------------------ */

static void *device_thread(void *unused)
{
	struct pollfd p = { .fd = irqfd.resample, .events = POLLIN };
	sigset_t set;

	sigfillset(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	ring(irqfd.fd);
	while (!atomic_load(&irqfd.stop)) {
		if (poll(&p, 1, 100) == 1 && signals(irqfd.resample) && atomic_load(&irqfd.wants))
			ring(irqfd.fd);
	}
	return unused;
}

static void call_device(struct guest *g, unsigned int n)
{
	if (n == CALL_SERVICE && !atomic_fetch_sub(&irqfd.wants, 1))
		guest_fail(g, "an interrupt, and the device does not want service");
}

/* It wants service LEVELS times; each EOI makes it ask again, and none exits. */
static void run_device(struct guest *g, bool x2apic)
{
	unsigned int i;
	pthread_t thread;

	irqfd_open(g, x2apic);
	atomic_store(&irqfd.wants, LEVELS);
	g->call = call_device;
	CHECK_EQ(g, -irqfd_set(g, HOLM_IRQFD_RESAMPLE, ADDRESS, VEC_IRQ | LEVEL), 0);
	guest_start(g, x2apic ? G_irqfd_halt_x2apic : G_irqfd_halt);
	if (g->failed || pthread_create(&thread, NULL, device_thread, NULL)) {
		guest_fail(g, "no second thread");
		return;
	}
	guest_run(g);
	atomic_store(&irqfd.stop, true);
	pthread_join(thread, NULL);
	CHECK_EQ(g, g->end, HOLM_EXIT_IO);
	CHECK_EQ(g, atomic_load(&irqfd.wants), 0);
	CHECK_EQ(g, g->nevents, 2 * LEVELS + 1);
	for (i = 0; i < g->nevents; i++)
		CHECK(g, g->events[i].kind != EV_EOI, "event %u is an EOI", i);
	CHECK_EQ(g, irqfd_get(g).state, 0);
	irqfd_close();
}

static void irq_device(struct guest *g)
{
	run_device(g, false);
}

static void irq_device_x2apic(struct guest *g)
{
	run_device(g, true);
}

/* ---- all of it ------------------------------------------------------------------ */

void test_eventfd(void)
{
	guest_rows("ioeventfd", rows, ARRAY_SIZE(rows));
	guest_test_mode("ioeventfd/port_toggle", LONG64, port_toggle);
	guest_test_mode("ioeventfd/mmio_toggle", LONG64, mmio_toggle);
	guest_test_mode("irqfd/edge", LONG64, irq_edge);
	guest_test_mode("irqfd/level", LONG64, irq_level);
	guest_test_mode("irqfd/moved", LONG64, irq_moved);
	guest_test_mode("irqfd/state", LONG64, irq_state);
	guest_test_mode("irqfd/loopback", LONG64, irq_loopback);
	guest_test_mode("irqfd/device", LONG64, irq_device);
	if (hv_has(1, 0, 2, 21))
		guest_test_mode("irqfd/device_x2apic", LONG64, irq_device_x2apic);
	else
		guest_skip("irqfd/device_x2apic", "CPUID has no x2APIC");
}
