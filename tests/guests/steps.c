// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What tests that drive a guest step by step have in common.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "run.h"
#include "steps.h"

/* ---- LAPIC, handlers, exceptions ------------------------------------------- */

uint32_t lapic_get(struct guest *g, uint32_t offset)
{
	uint32_t value = 0;
	int ret = holm_vcpu_lapic_access(&g->vcpu, offset, false, &value);

	if (ret < -1)
		guest_fail(g, "LAPIC read 0x%x: %s", offset, strerror(-1 - ret));
	return value;
}

void lapic_put(struct guest *g, uint32_t offset, uint32_t value)
{
	int ret = holm_vcpu_lapic_access(&g->vcpu, offset, true, &value);

	if (ret < -1)
		guest_fail(g, "LAPIC write 0x%x: %s", offset, strerror(-1 - ret));
}

void lapic_on(struct guest *g)
{
	lapic_put(g, LAPIC_SVR, 0x1ff);
}

void gate64(struct guest *g, unsigned int vector, uint64_t handler)
{
	guest_idt(g, vector, handler, SEL_CODE64, 14, 0, 0);
}

void step_handler(struct guest *g)
{
	gate64(g, 1, G_step_handler);
}

/* QEMU knows a breakpoint only on the CPU where MOV DR set it. */
static void stay_on_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

void bp_handler(struct guest *g)
{
	gate64(g, 1, G_bp_handler);
	if (hv.tcg)
		stay_on_cpu();		/* until the end of the test */
}

void dr6_clear(struct guest *g)
{
	g->dr6_clear = true;
}

void raise_exception(struct guest *g, uint8_t vector, uint8_t flags, uint32_t error,
		     uint64_t payload)
{
	g->run->exception = (struct holm_event) {
		.type = HOLM_EVENT_EXCEPTION,
		.vector = vector,
		.flags = flags,
		.error_code = error,
		.payload = payload,
	};
	g->run->in_flags |= HOLM_RUN_EXCEPTION;
}

void make_cold(struct guest *g)
{
	guest_set_slot(g, 0, 0, 0, 0, NULL);
	guest_set_slot(g, 0, 0, 0, RAM_SIZE, g->ram);
}

/* ---- events ---------------------------------------------------------------- */

void send_irq(struct guest *g, unsigned int n)
{
	(void)n;
	guest_inject(g, HOLM_INJECT_INTERRUPT, VEC_IRQ);
}

void send_nmi(struct guest *g, unsigned int n)
{
	(void)n;
	guest_inject(g, HOLM_INJECT_NMI, 0);
}

void signal_msi(struct guest *g, uint32_t data)
{
	int ret = holm_vm_signal_msi(g->vm, MSI_ADDRESS, data);

	if (ret != 1)
		guest_fail(g, "HOLM_SIGNAL_MSI 0x%x: %d vCPUs accepted it", data, ret);
}

void send_msi(struct guest *g, unsigned int n)
{
	(void)n;
	signal_msi(g, VEC_MSI);
}

void send_extint(struct guest *g, unsigned int n)
{
	(void)n;
	g->extint = VEC_EXTINT;
	guest_inject(g, HOLM_INJECT_EXTINT_RAISE, 0);
}

/* ---- steps ------------------------------------------------------------------ */

bool run_to(struct guest *g, uint32_t reason)
{
	int err;

	do {
		err = holm_vcpu_run(&g->vcpu);
	} while (err == -EINTR && !watchdog_expired());
	if (err)
		guest_fail(g, "HOLM_RUN until exit %u: %s", reason, strerror(-err));
	else if (g->run->exit_reason != reason)
		guest_fail(g, "exit %u, expected %u", g->run->exit_reason, reason);
	if (g->failed)
		guest_dump(g);
	return !g->failed;
}

void settle(struct guest *g)
{
	int err;

	g->run->immediate_exit = 1;
	err = holm_vcpu_run(&g->vcpu);
	g->run->immediate_exit = 0;
	if (err != -EINTR)
		guest_fail(g, "HOLM_RUN with immediate_exit: %s", strerror(-err));
}

void shadow_run(struct guest *g, uint64_t at, bool nmi)
{
	const struct event event = {
		.kind = nmi ? EV_EXCEPTION : EV_IRQ,
		.vector = nmi ? 2 : VEC_IRQ,
		.rip = at,
	};

	if (nmi)
		send_nmi(g, CALL_EVENT);
	else
		send_irq(g, CALL_EVENT);
	guest_set_slot(g, 1, 0, MMIO_ADDR, 0x1000, g->ram + SCRATCH_ADDR);
	guest_run(g);
	EXPECT(g, HOLM_EXIT_IO, event, V(9));
}

uint32_t mp_state(struct guest *g)
{
	struct holm_mp_state mp = { .state = ~0U };

	guest_get(g, HOLM_STATE_MP, &mp, sizeof(mp));
	return mp.state;
}

/* ---- pulses ------------------------------------------------------------------ */

static struct {
	pthread_t thread, target;
	atomic_bool stop;
	unsigned int microseconds;
	bool running;
} pulse;

static void on_usr1(int sig)
{
	(void)sig;
}

static void *pulse_thread(void *arg)
{
	(void)arg;
	while (!atomic_load(&pulse.stop)) {
		usleep(pulse.microseconds);
		pthread_kill(pulse.target, SIGUSR1);
	}
	return NULL;
}

void pulse_start(struct guest *g, unsigned int microseconds)
{
	struct sigaction action = { .sa_handler = on_usr1 };
	sigset_t all, old;
	int err;

	sigaction(SIGUSR1, &action, NULL);
	pulse.target = pthread_self();
	pulse.microseconds = microseconds;
	atomic_store(&pulse.stop, false);
	/* The time-outs' signal is this thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	err = pthread_create(&pulse.thread, NULL, pulse_thread, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pulse.running = !err;
	if (err)
		guest_fail(g, "a second thread: %s", strerror(err));
}

void pulse_stop(void)
{
	if (!pulse.running)
		return;
	atomic_store(&pulse.stop, true);
	pthread_join(pulse.thread, NULL);
	pulse.running = false;
}
