// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Guests of several vCPUs: a thread for each, and a time-out for all.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run.h"
#include "smp.h"
#include "steps.h"

/* On a busy machine each step of several threads takes its time. */
#define SMP_SECONDS	(hv.bochs ? 2 : 60)
#define RELAX_EVERY	1000
#define RELAX_EVERY_BOCHS 4		/* one CPU, which shares its time in ticks */

#define APIC_BASE_EXTD	BIT(10)

struct smp_disturber smp_disturber;

static void on_usr1(int sig)
{
	(void)sig;
}

/* ---- making it ---------------------------------------------------------------- */

/* A further vCPU of @s->g's VM, as a guest of its own that has the same memory. */
static struct guest *add_vcpu(struct smp *s, uint32_t id)
{
	struct guest *v = calloc(1, sizeof(*v));
	int err;

	if (!v) {
		guest_fail(s->g, "no memory");
		return NULL;
	}
	v->vm = s->g->vm;
	v->ram = s->g->ram;
	v->extint = -1;
	v->readonly_from = RAM_SIZE;
	v->priv = s;
	err = holm_vcpu_create(v->vm, id, &v->vcpu);
	if (!err) {
		v->run = v->vcpu.run;
		v->run->want = HOLM_WANT_SREGS;
		err = holm_vcpu_set_cpuid(&v->vcpu, hv.cpuid, hv.cpuid_nent);
	}
	if (!err)
		return v;
	guest_fail(s->g, "vCPU %u: %s", id, strerror(-err));
	free(v);
	return NULL;
}

/* As the mode has it: another format of the ID, a logical ID that follows from it. */
static void set_x2apic(struct guest *v, uint32_t id)
{
	struct holm_lapic lapic;

	guest_get(v, HOLM_STATE_LAPIC, &lapic, sizeof(lapic));
	lapic.apic_base |= APIC_BASE_EXTD;
	lapic.regs[LAPIC_ID / 16] = id;
	lapic.regs[LAPIC_LDR / 16] = id >> 4 << 16 | 1U << (id & 15);
	guest_set(v, HOLM_STATE_LAPIC, &lapic, sizeof(lapic));
}

static void prepare_area(struct smp *s, unsigned int i)
{
	const struct smp_row *row = s->row;
	const uint64_t *arg = hv.bochs && row->arg_bochs[0] ? row->arg_bochs : row->arg;
	uint64_t area = SMP_AREA + i * SMP_AREA_SIZE;
	uint32_t relax = hv.bochs ? RELAX_EVERY_BOCHS : RELAX_EVERY;
	unsigned int n;

	guest_write(s->g, area + CPU_INDEX, i, 4);
	guest_write(s->g, area + CPU_RELAX, relax, 4);
	guest_write(s->g, area + CPU_RELAX_EVERY, relax, 4);
	guest_write(s->g, area + CPU_X2APIC, row->x2apic, 4);
	guest_write(s->g, area + CPU_NUMBER, s->n, 8);
	guest_write(s->g, area + CPU_HOOK, row->hook, 8);
	for (n = 0; n < ARRAY_SIZE(row->arg); n++)
		guest_write(s->g, area + CPU_ARG + 8 * n, arg[n] * (n ? 1 : hv.rounds), 8);
	guest_write(s->g, AP_INDEX + row->ids[i], i, 1);
}

static void prepare_vcpu(struct smp *s, unsigned int i)
{
	static const struct holm_mp_state runnable = { .state = HOLM_MP_RUNNABLE };
	const struct smp_row *row = s->row;
	struct guest *v = s->vcpu[i];

	prepare_area(s, i);
	if (i && row->by_sipi)
		return;
	lapic_on(v);
	if (row->x2apic)
		set_x2apic(v, row->ids[i]);
	v->sregs.seg[HOLM_SEG_GS].base = SMP_AREA + i * SMP_AREA_SIZE;
	v->regs.gpr[HOLM_RSP] = SMP_STACK + (i + 1) * SMP_STACK_SIZE;
	v->regs.gpr[HOLM_RDI] = i;
	v->regs.gpr[HOLM_RSI] = s->n;
	guest_start(v, i && row->others ? row->others : row->program);
	guest_set(v, HOLM_STATE_MP, &runnable, sizeof(runnable));
}

static void prepare_gates(struct smp *s)
{
	unsigned int vector;

	s->g->mode = LONG64;
	gate64(s->g, 2, G_smp_nmi);
	for (vector = 0x20; vector < 0x100; vector++)
		gate64(s->g, vector, G_smp_vectors + 16 * (vector - 0x20));
	guest_write(s->g, AP_ENTRY, s->row->others ? s->row->others : s->row->program, 8);
}

/* Another thread has the vCPU for a while. */
static void pause_here(struct guest *v)
{
	struct smp *s = v->priv;
	unsigned int i;

	for (i = 0; s->vcpu[i] != v; i++)
		;
	if (!atomic_load(&s->paused[i]))
		return;
	atomic_store(&s->paused[i], 2);
	while (atomic_load(&s->paused[i]) && !atomic_load(&s->stop))
		sched_yield();
}

/* ---- running it ---------------------------------------------------------------- */

/* What waits in its LAPIC, and what it has had, for whom looks for the one that is missing. */
static void describe(struct smp *s, struct guest *v)
{
	struct holm_events events = { 0 };
	struct holm_lapic lapic = { 0 };
	unsigned int i, vector;

	for (i = 0; s->vcpu[i] != v; i++)
		;
	guest_get(v, HOLM_STATE_LAPIC, &lapic, sizeof(lapic));
	guest_get(v, HOLM_STATE_EVENTS, &events, sizeof(events));
	for (vector = 0; vector < 256; vector++) {
		unsigned int reg = vector / 32;

		if (lapic.regs[LAPIC_IRR / 16 + reg] & BIT(vector & 31))
			guest_fail(v, "  vector 0x%x is requested", vector);
		if (lapic.regs[LAPIC_ISR / 16 + reg] & BIT(vector & 31))
			guest_fail(v, "  vector 0x%x is in service", vector);
		if (vector >= 32 && smp_count(s, i, vector))
			guest_fail(v, "  vector 0x%x was handled %llu times", vector,
				   (unsigned long long)smp_count(s, i, vector));
	}
	guest_fail(v, "  events 0x%x, interrupted: type %u vector 0x%x, NMIs %llu, MP state %u",
		   events.flags, events.interrupted.type, events.interrupted.vector,
		   (unsigned long long)smp_count(s, i, 2), mp_state(v));
}

static void *vcpu_thread(void *arg)
{
	struct guest *v = arg;
	struct smp *s = v->priv;

	while (!atomic_load(&s->stop) && guest_step(v))
		;
	if (!v->stopped && !v->failed) {
		guest_fail(v, "it did not end");
		guest_dump(v);
	}
	if (v->failed)
		describe(s, v);
	atomic_fetch_sub(&s->running, 1);
	sem_post(&s->changed);
	return NULL;
}

static void stop_all(struct smp *s, unsigned int started)
{
	unsigned int i;

	atomic_store(&s->stop, true);
	for (i = 0; i < started; i++) {
		/* Again: it may come just before HOLM_RUN. */
		while (pthread_tryjoin_np(s->thread[i], NULL)) {
			s->vcpu[i]->run->immediate_exit = 1;
			pthread_kill(s->thread[i], SIGUSR1);
			usleep(1000);
		}
	}
}

bool smp_goes_on(struct smp *s)
{
	unsigned int i;

	if (atomic_load(&s->running) < s->n)
		return false;
	for (i = 0; i < s->n; i++)
		if (s->vcpu[i]->failed)
			return false;
	return !s->g->failed && !watchdog_expired();
}

void smp_nap(unsigned int us)
{
	if (hv.bochs)
		sched_yield();
	else
		usleep(us);
}

bool smp_await(struct smp *s, volatile uint64_t *word, uint64_t value)
{
	while (*word < value) {
		if (!smp_goes_on(s))
			return *word >= value;
		smp_nap(50);
	}
	return true;
}

/* Until all have ended, one has failed, or for too long. */
static void wait_for_all(struct smp *s)
{
	unsigned int i;

	while (atomic_load(&s->running) && !watchdog_expired()) {
		sem_wait(&s->changed);		/* the watchdog interrupts it */
		for (i = 0; i < s->n; i++)
			if (s->vcpu[i]->failed)
				return;
	}
}

static void run_threads(struct smp *s)
{
	sigset_t alarm, old;
	unsigned int i;
	int err = 0;

	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarm, &old);
	atomic_store(&s->running, s->n);
	for (i = 0; i < s->n && !err; i++)
		err = pthread_create(&s->thread[i], NULL, vcpu_thread, s->vcpu[i]);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err) {
		guest_fail(s->g, "pthread_create: %s", strerror(err));
		stop_all(s, i - 1);
		return;
	}
	if (smp_disturber.begin)
		smp_disturber.begin(s);
	if (s->row->host)
		s->row->host(s);
	wait_for_all(s);
	if (smp_disturber.end)
		smp_disturber.end(s);
	stop_all(s, s->n);
}

/* ---- judging it ------------------------------------------------------------------ */

static void check_vcpu(struct smp *s, unsigned int i)
{
	uint32_t end = s->row->end[i] ? s->row->end[i] : HOLM_EXIT_IO;
	struct guest *v = s->vcpu[i];

	if (!v->failed && (v->nevents || v->end != end))
		guest_expect(v, (const struct event[1]) { { .kind = EV_END } }, end);
	if (*smp_cpu(s, i, CPU_BAD))
		guest_fail(v, "%llu interrupts at a wrong time: vector 0x%llx at 0x%llx with RFLAGS 0x%llx",
			   (unsigned long long)*smp_cpu(s, i, CPU_BAD),
			   (unsigned long long)*smp_cpu(s, i, CPU_BAD_VECTOR),
			   (unsigned long long)*smp_cpu(s, i, CPU_BAD_RIP),
			   (unsigned long long)*smp_cpu(s, i, CPU_BAD_RFLAGS));
	/* QEMU's VMRUN does not load the interrupt shadow. */
	if (*smp_cpu(s, i, CPU_NO_SHADOW) && !hv.tcg)
		guest_fail(v, "%llu interrupts in the shadow of STI",
			   (unsigned long long)*smp_cpu(s, i, CPU_NO_SHADOW));
	if (*smp_cpu(s, i, CPU_ERRORS))
		guest_fail(v, "%llu errors, the first of 0x%llx",
			   (unsigned long long)*smp_cpu(s, i, CPU_ERRORS),
			   (unsigned long long)*smp_cpu(s, i, CPU_WRONG));
	if (v->failed)
		guest_fail(s->g, "vCPU %u: %s", i, v->why);
}

static void smp_free(struct smp *s)
{
	unsigned int i;

	for (i = 0; i < s->n; i++) {
		if (!s->vcpu[i])
			continue;
		if (i)
			holm_vcpu_close(&s->vcpu[i]->vcpu);
		free(s->vcpu[i]);
	}
	sem_destroy(&s->changed);
}

/* The test's guest has the first vCPU: its thread gets a copy of it. */
static bool smp_make(struct smp *s)
{
	unsigned int i;

	s->vcpu[0] = malloc(sizeof(*s->g));
	if (!s->vcpu[0]) {
		guest_fail(s->g, "no memory");
		return false;
	}
	*s->vcpu[0] = *s->g;
	s->vcpu[0]->priv = s;
	for (i = 1; i < s->n; i++) {
		s->vcpu[i] = add_vcpu(s, s->row->ids[i]);
		if (!s->vcpu[i])
			return false;
	}
	/* Each writes the image: what is not of it comes after. */
	for (i = 0; i < s->n; i++)
		guest_mode(s->vcpu[i], LONG64);
	for (i = 0; i < s->n; i++)
		s->vcpu[i]->interrupted = pause_here;
	for (i = 0; i < s->n; i++)
		prepare_vcpu(s, i);
	prepare_gates(s);
	if (smp_disturber.prepare)
		smp_disturber.prepare(s);
	if (s->row->setup)
		s->row->setup(s);
	for (i = 0; i < s->n; i++)
		if (s->vcpu[i]->failed)
			guest_fail(s->g, "vCPU %u: %s", i, s->vcpu[i]->why);
	return !s->g->failed;
}

static void run_row(struct guest *g)
{
	struct sigaction action = { .sa_handler = on_usr1 };
	struct smp s = { .g = g, .row = g->priv };
	unsigned int i;

	sigaction(SIGUSR1, &action, NULL);
	watchdog_limit(SMP_SECONDS * hv.rounds * hv.patience);
	g->priv = NULL;
	s.n = s.row->n;
	sem_init(&s.changed, 0, 0);
	if (smp_make(&s)) {
		run_threads(&s);
		for (i = 0; i < s.n; i++)
			check_vcpu(&s, i);
		if (!g->failed && s.row->check)
			s.row->check(&s);
	}
	smp_free(&s);
}

void smp_rows(const struct smp_row *rows, unsigned int count)
{
	char name[128];
	unsigned int i;

	for (i = 0; i < count; i++) {
		const char *reason = rows[i].skip ? rows[i].skip() : NULL;

		/* In x2APIC mode those that spin do not get on there: not explained. */
		if (hv.bochs && !rows[i].bochs)
			reason = "not run on Bochs, whose one CPU all vCPUs share";
		snprintf(name, sizeof(name), "smp/%s", rows[i].name);
		if (reason)
			guest_skip(name, reason);
		else
			guest_test_with(name, (void *)&rows[i], run_row);
	}
}

void test_smp(void)
{
	test_smp_start();
	test_smp_ipi();
	test_smp_memory();
	test_smp_time();
	test_smp_irqfd();
}
