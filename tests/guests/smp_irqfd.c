// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Interrupts by irqfd into guests of two vCPUs, from devices that are threads of
 * the launcher: pins of an I/O APIC that stay asserted until the device is served
 * (HOLM_IRQFD_RESAMPLE), messages that change meanwhile, and edges.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "run.h"
#include "smp_irqfd.h"
#include "steps.h"

#define LEVEL		0xc000		/* trigger mode level, asserted */
#define LOGICAL		BIT(2)		/* of the address: SDM, "Message Address Register" */
#define TO(id)		(MSI_ADDRESS | (uint64_t)(id) << 12)
#define TO_BOTH		(TO(3) | LOGICAL)

/**
 * struct plan - what a row does
 * @address: of each pin's message
 * @edge: messages without a pin: no EOI is waited for
 * @loose: requests are posted at any time, so that some interrupts find none
 * @mover: other messages and the mask, again and again, by one more thread
 */
struct plan {
	uint64_t address[PINS];
	bool edge, loose, mover;
};

struct pin {
	struct smp *s;
	const struct plan *plan;
	unsigned int n;
	int fd, resample;
	uint64_t requests;	/* to be posted in all */
	uint64_t resamples;
	atomic_bool over;
	int error;
};

static volatile uint64_t *word(struct pin *pin, unsigned int offset)
{
	return smp_word(pin->s, SMP_TABLE + pin->n * PIN_SIZE + offset);
}

static void ring(struct pin *pin)
{
	uint64_t one = 1;

	if (write(pin->fd, &one, sizeof(one)) != sizeof(one))
		pin->error = errno;
}

/* How often it was signalled; 0 when the guest does not go on. */
static uint64_t resampled(struct pin *pin)
{
	struct pollfd p = { .fd = pin->resample, .events = POLLIN };
	uint64_t count = 0;

	while (smp_goes_on(pin->s) && !pin->error) {
		if (poll(&p, 1, 20) != 1)
			continue;
		if (read(pin->resample, &count, sizeof(count)) == sizeof(count))
			return count;
		pin->error = errno;
	}
	return 0;
}

static int assign(struct pin *pin, uint32_t flags, uint64_t address)
{
	struct holm_irqfd arg = {
		.fd = pin->fd,
		.resample_fd = flags & HOLM_IRQFD_RESAMPLE ? pin->resample : -1,
		.flags = flags,
		.address = address,
		.data = (VEC_SMP + pin->n) | (pin->plan->edge ? 0 : LEVEL),
	};

	if (flags & HOLM_IRQFD_MASKED)
		arg.data = 0;
	return holm_vm_set_irqfd(pin->s->g->vm, &arg);
}

/* ---- devices -------------------------------------------------------------------- */

/*
 * It posts only what it then waits for: each interrupt serves one request, and
 * each EOI is told once.
 */
static void strict_device(struct pin *pin)
{
	unsigned int batch = 1;
	uint64_t count;

	while (*word(pin, PIN_POSTED) < pin->requests) {
		uint64_t left = pin->requests - *word(pin, PIN_POSTED);

		batch = batch % 4 + 1;
		*word(pin, PIN_POSTED) += batch < left ? batch : left;
		atomic_thread_fence(memory_order_seq_cst);
		do {
			ring(pin);
			count = resampled(pin);
			pin->resamples += count;
			if (!count)
				return;
		} while (*word(pin, PIN_SERVED) < *word(pin, PIN_POSTED));
	}
}

/* Asks again at each EOI, whatever is posted meanwhile. */
static void *resample_thread(void *arg)
{
	struct pin *pin = arg;

	while (!atomic_load(&pin->over)) {
		struct pollfd p = { .fd = pin->resample, .events = POLLIN };
		uint64_t count;

		if (poll(&p, 1, 5) != 1)
			continue;
		if (read(pin->resample, &count, sizeof(count)) == sizeof(count))
			pin->resamples += count;
		atomic_thread_fence(memory_order_seq_cst);
		if (*word(pin, PIN_SERVED) < *word(pin, PIN_POSTED))
			ring(pin);
	}
	return NULL;
}

/* Posts and signals as it likes to. */
static void loose_device(struct pin *pin)
{
	pthread_t thread;
	uint64_t i;

	pin->error = pthread_create(&thread, NULL, resample_thread, pin);
	if (pin->error)
		return;
	for (i = 0; i < pin->requests && smp_goes_on(pin->s); i++) {
		*word(pin, PIN_POSTED) += 1;
		atomic_thread_fence(memory_order_seq_cst);
		ring(pin);
		if (!(i % 3))
			smp_nap(i % 40 * 10);
	}
	smp_await(pin->s, word(pin, PIN_SERVED), pin->requests);
	atomic_store(&pin->over, true);
	pthread_join(thread, NULL);
}

/* One at a time: an edge that finds the vector requested already is no further one. */
static void edge_device(struct pin *pin)
{
	uint64_t i;

	for (i = 1; i <= pin->requests; i++) {
		*word(pin, PIN_POSTED) = i;
		atomic_thread_fence(memory_order_seq_cst);
		ring(pin);
		if (!smp_await(pin->s, word(pin, PIN_SERVED), i))
			return;
	}
}

static void *device_thread(void *arg)
{
	struct pin *pin = arg;

	if (pin->plan->edge)
		edge_device(pin);
	else if (pin->plan->loose)
		loose_device(pin);
	else
		strict_device(pin);
	atomic_store(&pin->over, true);
	return NULL;
}

/* To one vCPU, to the other one, masked, to both. */
static void *mover_thread(void *arg)
{
	static const uint64_t turn[] = { TO(0), TO(1), 0, TO_BOTH };
	struct pin *pin = arg;
	unsigned int i;

	for (i = 0; !atomic_load(&pin->over) && !pin->error; i++) {
		uint64_t address = turn[i % ARRAY_SIZE(turn)];
		uint32_t mask = address ? 0 : HOLM_IRQFD_MASKED;

		pin->error = -assign(pin, HOLM_IRQFD_UPDATE | mask, address);
		smp_nap(50 + i % 7 * 40);
	}
	pin->error = pin->error ? pin->error : -assign(pin, HOLM_IRQFD_UPDATE, turn[0]);
	return NULL;
}

/* ---- the rows ---------------------------------------------------------------------- */

/* Of two vCPUs that accepted it the second one's EOI is no pin's: it exits. */
static bool second_eoi(struct guest *v)
{
	const struct holm_run *run = v->run;

	return run->exit_reason == HOLM_EXIT_EOI && run->eoi.vector - VEC_SMP < PINS;
}

static void setup(struct smp *s)
{
	const struct plan *plan = s->row->data;
	struct pin *pins = calloc(PINS, sizeof(*pins));
	unsigned int i;
	int err;

	s->priv = pins;
	if (!pins) {
		guest_fail(s->g, "no memory");
		return;
	}
	for (i = 0; i < s->n; i++)
		if (plan->mover || plan->address[0] & LOGICAL)
			s->vcpu[i]->first = second_eoi;
	for (i = 0; i < PINS; i++) {
		struct pin *pin = &pins[i];

		*pin = (struct pin) {
			.s = s,
			.plan = plan,
			.n = i,
			.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
			.resample = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
			.requests = *smp_cpu(s, 0, CPU_ARG),
		};
		err = assign(pin, plan->edge ? 0 : HOLM_IRQFD_RESAMPLE, plan->address[i]);
		if (err)
			guest_fail(s->g, "irqfd %u: %s", i, strerror(-err));
	}
}

/* Devices and movers run; when they have ended the vCPUs may. */
static void host(struct smp *s)
{
	struct pin *pins = s->priv;
	pthread_t thread[2 * PINS];
	unsigned int i, n = 0;
	sigset_t all, old;
	int err = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	for (i = 0; i < PINS && !err; i++) {
		err = pthread_create(&thread[n], NULL, device_thread, &pins[i]);
		n += !err;
		if (err || !pins[i].plan->mover)
			continue;
		err = pthread_create(&thread[n], NULL, mover_thread, &pins[i]);
		n += !err;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err)
		guest_fail(s->g, "pthread_create: %s", strerror(err));
	for (i = 0; i < n; i++)
		pthread_join(thread[i], NULL);
	*smp_word(s, SHARED_STOP) = 1;
	for (i = 0; i < s->n; i++)
		if (holm_vm_signal_msi(s->g->vm, TO(i), VEC_SMP_WAKE) < 0)
			guest_fail(s->g, "HOLM_SIGNAL_MSI to vCPU %u", i);
}

static uint64_t handled(struct smp *s, unsigned int pin)
{
	return smp_count(s, 0, VEC_SMP + pin) + smp_count(s, 1, VEC_SMP + pin);
}

static void check_pin(struct smp *s, struct pin *pin)
{
	struct holm_irqfd now = { .fd = pin->fd };

	CHECK_EQ(s->g, pin->error, 0);
	CHECK_EQ(s->g, *word(pin, PIN_POSTED), pin->requests);
	CHECK_EQ(s->g, *word(pin, PIN_SERVED), pin->requests);
	CHECK_EQ(s->g, -holm_vm_get_irqfd(s->g->vm, &now), 0);
	CHECK_EQ(s->g, handled(s, pin->n), pin->requests + *word(pin, PIN_SPURIOUS));
	if (pin->plan->loose)
		return;
	/* Nobody else was interrupted, and nothing is left. */
	CHECK_EQ(s->g, now.state, 0);
	CHECK_EQ(s->g, *word(pin, PIN_SPURIOUS), 0);
	CHECK_EQ(s->g, smp_count(s, pin->n, VEC_SMP + pin->n), pin->requests);
	CHECK_EQ(s->g, pin->resamples, pin->plan->edge ? 0 : pin->requests);
}

static void check(struct smp *s)
{
	struct pin *pins = s->priv;
	unsigned int i;

	for (i = 0; i < PINS; i++) {
		check_pin(s, &pins[i]);
		CHECK_EQ(s->g, -holm_vm_deassign_irqfd(s->g->vm, pins[i].fd), 0);
		close(pins[i].fd);
		close(pins[i].resample);
	}
	free(pins);
}

static const struct plan
	level = { .address = { TO(0), TO(1) } },
	both = { .address = { TO_BOTH, TO_BOTH }, .loose = true },
	loose = { .address = { TO(0), TO(1) }, .loose = true },
	moved = { .address = { TO(0), TO(1) }, .loose = true, .mover = true },
	edge = { .address = { TO(0), TO(1) }, .edge = true };

#define IRQFD(what, first, other, p)						\
	.name = "irqfd_" what, .n = 2, .ids = { 0, 1 }, .program = G_ipi_##first, \
	.others = G_ipi_##other, .hook = G_irqfd_serve, .setup = setup,		\
	.host = host, .check = check, .data = &(p)

static const struct smp_row rows[] = {
	{ IRQFD("level_halt", halt, halt, level), .x2apic = true, .arg = { 100 },
	  .arg_bochs = { 4 }, .bochs = true },
	{ IRQFD("level_spin", spin, exits, level), .x2apic = true, .arg = { 100 } },
	{ IRQFD("level_window", window, halt, level), .x2apic = true, .arg = { 100 } },
	{ IRQFD("level_xapic", halt, spin, level), .arg = { 50 }, .arg_bochs = { 3 } },
	{ IRQFD("level_posted", halt, window, loose), .x2apic = true, .arg = { 200 } },
	{ IRQFD("level_both", halt, exits, both), .x2apic = true, .arg = { 200 } },
	{ IRQFD("level_moved", halt, halt, moved), .x2apic = true, .arg = { 200 } },
	{ IRQFD("level_moved_spin", spin, window, moved), .x2apic = true, .arg = { 200 } },
	{ IRQFD("edge", halt, spin, edge), .x2apic = true, .arg = { 100 },
	  .arg_bochs = { 4 } },
};

void test_smp_irqfd(void)
{
	smp_rows(rows, ARRAY_SIZE(rows));
}
