/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of holm-negatives share. They use the bare ioctls, so that
 * nothing looks at an argument before the driver does.
 */
#ifndef NEGATIVES_H
#define NEGATIVES_H

#include <errno.h>
#include <linux/holm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define PAGE		0x1000UL

/* Guest memory of a rig: slot 0, at guest-physical 0. */
#define MEM_SIZE	0x80000UL
#define CODE_ADDR	0x1000		/* guest_code */
#define TABLES_ADDR	0x8000		/* PML4, PDPT, PD: the first 2 MiB */
#define WALK_ADDR	0x10000		/* up to MEM_SIZE: what guest_walk writes */

#define PORT_VALUE	0xf4
#define PORT_DONE	0xf0

/* Real-mode code, at CODE_ADDR + (guest_x - guest_code). */
extern const uint8_t guest_code[], guest_code_end[];
extern const uint8_t guest_sane[];	/* 5050 to PORT_VALUE, then PORT_DONE */
extern const uint8_t guest_spin[];	/* stays in the guest */
extern const uint8_t guest_io[];	/* writes to PORT_VALUE for ever */
extern const uint8_t guest_halt[];	/* halts with interrupts off */
extern const uint8_t guest_walk[];	/* writes to each page for ever */

#define SANE_VALUE	5050

/* An emulator whose second is minutes: fewer rounds, and next to no sleep. */
extern bool quick;
void nap(unsigned int us);
/*
 * QEMU's emulation of SVM does not bring the host back from all states of a
 * guest, and the CPU hangs: from EFER.LME with neither CR0.PG nor CR4.PAE it
 * loses the host's paging. Guests of random states do not have long mode there.
 */
extern bool tcg;
/* What cpuid_set_all() sets shows no long mode. */
extern bool hide_long_mode;
extern uint64_t seed;
extern unsigned long fuzz_iterations;
/* Processes with VMs to be killed; 0: a few. */
extern unsigned long storm_victims;

/* ---- results ------------------------------------------------------------ */

/* One result; returns @passed. */
bool result(bool passed, const char *format, ...) __attribute__((format(printf, 2, 3)));
void skip(const char *why, const char *format, ...) __attribute__((format(printf, 2, 3)));
void explain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* An errno as what call() returns, by name; of others, the number. */
const char *error_name(long ret);

/* A result: @got is @want, both as call() returns them. */
bool expect(long got, long want, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* ---- a machine ---------------------------------------------------------- */

struct rig {
	int dev, vm, vcpu;
	uint8_t *mem;
	struct holm_run *run;
};

/* ioctl(): its value, or -errno. */
long call(int fd, unsigned long cmd, const void *arg);

/* Where it may not be opened: a descriptor of /dev/holm, otherwise -1. */
extern int rig_dev;

/**
 * rig_open() - a VM with MEM_SIZE of memory that has guest_code, and a vCPU
 *	with its CPUID table that has not run
 * @r: filled in
 *
 * Return: 0, or -errno with nothing left open and an explanation printed.
 */
int rig_open(struct rig *r);
void rig_close(struct rig *r);

long vm_create(int dev);
long vcpu_create(int vm, uint32_t apic_id);
long slot_set(int vm, uint32_t slot, uint32_t flags, uint64_t gpa, uint64_t size,
	      const void *uaddr);
/* What the host supports is the vCPU's, or what @entries has of it, adjusted. */
long cpuid_set_all(int dev, int vcpu);
void cpuid_adjust(struct holm_cpuid_entry *entries, uint32_t nent);

long state_get(int vcpu, uint32_t type, void *data, uint32_t size);
long state_set(int vcpu, uint32_t type, const void *data, uint32_t size);

/* Real mode with flat segments, RIP at @code: by state blocks, or by the run page. */
int start_state(struct rig *r, const uint8_t *code);
int start(struct rig *r, const uint8_t *code);

/* HOLM_RUN until the guest has done what guest_sane does: 0, or -1 with an explanation. */
int run_sane(struct rig *r);

/* A fresh VM runs guest_sane: 0 or -1. */
int sane(void);

/* Everything of a vCPU that HOLM_GET_STATE and HOLM_GET_CPUID tell. */
#define XSTATE_MAX	8192
#define SNAPSHOT_MSRS	16
struct snapshot {
	struct holm_regs regs;
	struct holm_sregs sregs;
	struct holm_debugregs dregs;
	struct holm_msr msrs[SNAPSHOT_MSRS];
	struct holm_events events;
	struct holm_lapic lapic;
	struct holm_mp_state mp;
	struct holm_tsc tsc;
	uint8_t xstate[XSTATE_MAX];
	struct holm_cpuid_entry cpuid[HOLM_MAX_CPUID_ENTRIES];
	uint32_t cpuid_nent;
	uint32_t xstate_size;
};

/* 0 or -errno. */
long snapshot_take(int vcpu, struct snapshot *s);
/* True when @s is still what the vCPU says, otherwise an explanation. */
bool snapshot_same(int vcpu, const struct snapshot *s);

/* Long mode over one 2 MiB page at TABLES_ADDR, from any sregs of the vCPU. */
void long_mode_sregs(struct rig *r, struct holm_sregs *sregs);

/* ---- arguments ---------------------------------------------------------- */

enum fd_kind { FD_DEV, FD_VM, FD_VCPU, FD_KINDS };

/* One ioctl, and how to make an argument that it takes. */
struct ioctl_row {
	const char *name;
	enum fd_kind kind;
	unsigned long cmd;
	size_t size;		/* of the argument; 0: it is a number, 0 */
	bool out;		/* writes to it */
	bool creates;		/* returns a descriptor */
	void (*fill)(void *arg, void *scratch);	/* @scratch: SCRATCH_SIZE bytes */
};

#define SCRATCH_SIZE	0x8000
#define ARG_MAX		128

extern const struct ioctl_row ioctl_rows[];
extern const unsigned int ioctl_count;
extern const char *const fd_names[FD_KINDS];

/* The slot of fill_slot() and of fill_dirty_log(). */
#define FILL_SLOT	7
#define FILL_GPA	0x100000000ULL

static inline void fill_row(const struct ioctl_row *row, void *arg, void *scratch)
{
	memset(arg, 0, row->size);
	if (row->fill)
		row->fill(arg, scratch);
}

static inline int rig_fd(const struct rig *r, enum fd_kind kind)
{
	return kind == FD_DEV ? r->dev : kind == FD_VM ? r->vm : r->vcpu;
}

/* ---- pseudo-random numbers ---------------------------------------------- */

static inline uint64_t random_next(uint64_t *state)
{
	uint64_t x = (*state += 0x9e3779b97f4a7c15ULL);	/* splitmix64 */

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static inline uint64_t random_below(uint64_t *state, uint64_t n)
{
	return random_next(state) % n;
}

/* ---- the parts ---------------------------------------------------------- */

void test_args(void);
void test_fields(struct rig *r);	/* of "args" */
void test_cpuid_args(void);
void test_states(void);
void test_entries(void);
void test_life(void);
void test_processes(void);
void test_races(void);
void test_storms(void);
void test_fuzz(void);
void test_nomem(void);
void test_eventfds(void);

#endif /* NEGATIVES_H */
