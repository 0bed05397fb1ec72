/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guests of several vCPUs: what C and assembly share. Each vCPU begins in long
 * mode at its program with EDI its index, ESI their number, a stack and the
 * GS base of its own (SMP_AREA + index * SMP_AREA_SIZE).
 */
#ifndef GUEST_SMP_H
#define GUEST_SMP_H

#include "calls.h"
#include "layout.h"

#define SMP_MAX		4

/* In SCRATCH_ADDR. */
#define SMP_TABLE	0x140000	/* of the programs */
#define SMP_WINDOW	0x150000	/* a page that programs map elsewhere */
#define SMP_PAGES	0x151000	/* two pages that it may be */
#define SMP_CODE	0x154000	/* code that changes */
#define SMP_SHARED	0x160000
#define SMP_AREA	0x170000
#define SMP_AREA_SIZE	0x1000
#define SMP_STACK	0x180000	/* each grows down from SMP_STACK_SIZE further */
#define SMP_STACK_SIZE	0x2000

/* Shared by all: 64-bit words, a cache line each. */
#define SHARED_ARRIVED	(SMP_SHARED + 0x000)	/* at barriers, in all */
#define SHARED_STOP	(SMP_SHARED + 0x040)	/* the programs end */
#define SHARED_FLAG	(SMP_SHARED + 0x080)	/* the program's own */
#define SHARED_COUNT	(SMP_SHARED + 0x0c0)
#define SHARED_EPOCH	(SMP_SHARED + 0x100)
#define SHARED_LOCK	(SMP_SHARED + 0x140)
#define SHARED_LAST	(SMP_SHARED + 0x180)
#define SHARED_WIDE	(SMP_SHARED + 0x1c0)

/* Of one vCPU, by GS. */
#define CPU_INDEX	0x00
#define CPU_RELAX	0x04		/* until the next PORT_YIELD */
#define CPU_RELAX_EVERY	0x08
#define CPU_X2APIC	0x0c
#define CPU_BARRIERS	0x10		/* what SHARED_ARRIVED will be */
#define CPU_NUMBER	0x18		/* of vCPUs */
#define CPU_HOOK	0x20		/* called by the interrupt handler */
#define CPU_BAD		0x28		/* interrupts that came when they must not */
#define CPU_BAD_VECTOR	0x30
#define CPU_BAD_RIP	0x38
#define CPU_BAD_RFLAGS	0x40
#define CPU_NMIS	0x48
#define CPU_RESULT	0x50		/* the program's own, for the test */
#define CPU_ERRORS	0x58
#define CPU_WRONG	0x60		/* what the first error was */
#define CPU_SEEN	0x68
#define CPU_NO_SHADOW	0x70		/* interrupts between STI and HLT */
#define CPU_BUSY	0x78		/* between an interrupt and its EOI */
#define CPU_ARG		0x80		/* four of them, from the row */
#define CPU_VECTORS	0x100		/* of each vector */

/* Where application processors begin: pages of 16-bit code. */
#define AP_STARTS	0xe800		/* 16-bit words: how often, by which page */
#define AP_STARTS_2	0xe802
#define AP_CS		0xe804		/* what the last one found */
#define AP_CR0		0xe808
#define AP_EDX		0xe80c
#define AP_ENTRY	0xe810		/* where to go in long mode */
#define AP_INDEX	0xe820		/* by APIC ID: index */

#define VEC_SMP		0x40		/* the programs' own: up to VEC_SMP + 31 */
#define VEC_SMP_WAKE	0x70		/* HLT ends */
#define VEC_SMP_TIMER	0x71

#define MSR_X2APIC_ICR	0x830
#define MSR_GS_BASE	0xc0000101

/* ICR */
#define ICR_FIXED	0x00000
#define ICR_LOWEST	0x00100
#define ICR_NMI		0x00400
#define ICR_INIT	0x00500
#define ICR_SIPI	0x00600
#define ICR_LOGICAL	0x00800
#define ICR_ASSERT	0x04000
#define ICR_SELF	0x40000
#define ICR_ALL		0x80000
#define ICR_OTHERS	0xc0000

/* An entry of a table of IPIs; ipi_table says what they are. */
#define IPI_ICR		0
#define IPI_DEST	4
#define IPI_VECTOR	8		/* 2: an NMI */
#define IPI_MASK	12		/* who gets it, by index; 0: any one */
#define IPI_ROUNDS	16		/* 0 ends the table */
#define IPI_SIZE	32

#ifndef __ASSEMBLER__

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "guest.h"

struct smp;

/**
 * struct smp_row - a guest of several vCPUs
 * @name: below "smp/"
 * @n: vCPUs, at most SMP_MAX
 * @ids: their APIC IDs
 * @x2apic: their LAPICs are in x2APIC mode
 * @by_sipi: all but the first wait for a start-up IPI
 * @program: where the first begins, and the others as well unless @others
 * @others: where they begin
 * @hook: what the interrupt handlers call
 * @end: exits that must end them; 0 for HOLM_EXIT_IO: "done"
 * @arg: CPU_ARG; @arg_bochs instead on Bochs, if its first is not 0. The first
 *	is a number of rounds, of which hv.rounds makes more.
 * @bochs: Bochs runs it, too
 * @skip: reason why this CPU cannot have it, or NULL
 * @setup: more, before they run
 * @host: what this thread does while they run
 * @check: more to be checked when they have ended
 * @data: the functions' own
 */
struct smp_row {
	const char *name;
	unsigned int n;
	uint8_t ids[SMP_MAX];
	bool x2apic;
	bool by_sipi;
	bool bochs;
	uint64_t program, others, hook;
	uint32_t end[SMP_MAX];
	uint64_t arg[4], arg_bochs[4];
	const char *(*skip)(void);
	void (*setup)(struct smp *s);
	void (*host)(struct smp *s);
	void (*check)(struct smp *s);
	const void *data;
};

/**
 * struct smp - a VM whose vCPUs have a thread each
 * @g: the test's guest: its failures are the test's
 * @row: what it is
 * @n: vCPUs
 * @vcpu: of each: all of struct guest is its thread's while it runs
 * @thread: theirs
 * @running: threads that have not ended
 * @changed: a thread has ended
 * @stop: they end at once
 * @paused: a vCPU's thread is to stay outside HOLM_RUN; 2: it does
 * @priv: the row's own
 */
struct smp {
	struct guest *g;
	const struct smp_row *row;
	unsigned int n;
	struct guest *vcpu[SMP_MAX];
	pthread_t thread[SMP_MAX];
	atomic_uint running;
	sem_t changed;
	atomic_bool stop;
	atomic_int paused[SMP_MAX];
	void *priv;
};

/*
 * Who disturbs all of them: prepare() is called before they run, begin() when
 * their threads do, end() before they are gone.
 */
extern struct smp_disturber {
	void (*prepare)(struct smp *s);
	void (*begin)(struct smp *s);
	void (*end)(struct smp *s);
} smp_disturber;

void smp_rows(const struct smp_row *rows, unsigned int count);

/* A word of SHARED_* or of any other place; of a vCPU's area. */
static inline volatile uint64_t *smp_word(struct smp *s, uint64_t gpa)
{
	return (volatile uint64_t *)(s->g->ram + gpa);
}

static inline volatile uint64_t *smp_cpu(struct smp *s, unsigned int i, uint64_t offset)
{
	return smp_word(s, SMP_AREA + i * SMP_AREA_SIZE + offset);
}

static inline uint64_t smp_count(struct smp *s, unsigned int i, unsigned int vector)
{
	return *smp_cpu(s, i, vector == 2 ? CPU_NMIS : CPU_VECTORS + 8 * vector);
}

/* For struct smp_row.host: are all of them still at it? False also at the time-out. */
bool smp_goes_on(struct smp *s);
/* Sleep; not at all where time is too slow. */
void smp_nap(unsigned int us);
/* Wait until @word is at least @value: false when they have ended before. */
bool smp_await(struct smp *s, volatile uint64_t *word, uint64_t value);

void test_smp_start(void);
void test_smp_ipi(void);
void test_smp_memory(void);
void test_smp_time(void);
void test_smp_irqfd(void);

#endif /* __ASSEMBLER__ */
#endif
