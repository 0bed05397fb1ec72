/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest for tests of the emulator: RAM from 0, a device that records its
 * accesses at DEV, a run page in memory, state blocks without a driver.
 */
#ifndef EMUL_RIG_H
#define EMUL_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "emul.h"

#define RAM_SIZE	0x40000ULL
#define DEV		0x10000000ULL	/* guest-physical and linear */
#define DEV_SIZE	0x2000ULL
#define CODE		0x10000ULL
#define DATA		0x20000ULL
#define PT_BASE		0x1000ULL
#define MAX_ACCESSES	64

struct access {
	char kind;		/* 'r', 'w' memory; 'i', 'o' port */
	uint64_t addr;
	unsigned int size;
	uint64_t value;
};

struct rig {
	struct holm_vcpu_handle h;
	struct holm_run run;
	uint8_t ram[RAM_SIZE];
	uint8_t dev[DEV_SIZE];
	struct access log[MAX_ACCESSES];
	unsigned int naccesses;
	/* compare_exchange fails this often, as if another vCPU had changed memory. */
	unsigned int lose;
	uint64_t readonly_from;		/* RAM from here on refuses writes */
	unsigned int phys_bits;
	bool page_1g;
	/* state blocks */
	struct {
		struct holm_xstate head;
		uint8_t area[2816];
	} xstate;
	struct holm_debugregs debugregs;
	struct holm_events events;
	struct holm_sregs set_sregs;
	unsigned int nset_sregs;
	int sregs_err, xstate_err;
	uint64_t bad_cr3;		/* refused with -EINVAL */
};

static inline struct rig *rig_of(const struct holm_vcpu_handle *h)
{
	return (struct rig *)((char *)(uintptr_t)h - offsetof(struct rig, h));
}

static inline bool rig_read(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	struct rig *r = opaque;

	if (gpa >= RAM_SIZE || len > RAM_SIZE - gpa)
		return false;
	memcpy(buf, r->ram + gpa, len);
	return true;
}

static inline bool rig_write(void *opaque, uint64_t gpa, const void *buf, size_t len)
{
	struct rig *r = opaque;

	if (gpa >= RAM_SIZE || len > RAM_SIZE - gpa || gpa + len > r->readonly_from)
		return false;
	memcpy(r->ram + gpa, buf, len);
	return true;
}

static inline void rig_log(struct rig *r, char kind, uint64_t addr, unsigned int size,
			   uint64_t value)
{
	if (r->naccesses < MAX_ACCESSES)
		r->log[r->naccesses] = (struct access) { kind, addr, size, value };
	r->naccesses++;
}

static inline uint64_t rig_mmio_read(void *opaque, uint64_t gpa, unsigned int size)
{
	struct rig *r = opaque;
	uint64_t value = 0;

	assert_true(size == 1 || size == 2 || size == 4 || size == 8);
	assert_int_equal(gpa & (size - 1), 0);
	if (gpa >= DEV && gpa - DEV <= DEV_SIZE - size)
		memcpy(&value, r->dev + (gpa - DEV), size);
	rig_log(r, 'r', gpa, size, value);
	return value;
}

static inline void rig_mmio_write(void *opaque, uint64_t gpa, unsigned int size, uint64_t value)
{
	struct rig *r = opaque;

	assert_true(size == 1 || size == 2 || size == 4 || size == 8);
	assert_int_equal(gpa & (size - 1), 0);
	if (gpa >= DEV && gpa - DEV <= DEV_SIZE - size)
		memcpy(r->dev + (gpa - DEV), &value, size);
	rig_log(r, 'w', gpa, size, value);
}

static inline uint64_t rig_pio_read(void *opaque, uint16_t port, unsigned int size)
{
	struct rig *r = opaque;

	rig_log(r, 'i', port, size, 0);
	/* A FIFO: each read gives another byte. */
	return 0xa0 + r->naccesses;
}

static inline void rig_pio_write(void *opaque, uint16_t port, unsigned int size, uint64_t value)
{
	rig_log(opaque, 'o', port, size, value);
}

static inline bool rig_cmpxchg(void *opaque, uint64_t gpa, unsigned int size, void *expected,
			       const void *desired)
{
	struct rig *r = opaque;

	if (gpa >= RAM_SIZE || size > RAM_SIZE - gpa || gpa & (size - 1) ||
	    gpa + size > r->readonly_from)
		return false;
	if (r->lose) {
		r->lose--;
		r->ram[gpa] ^= 0x40;
	}
	if (memcmp(r->ram + gpa, expected, size)) {
		memcpy(expected, r->ram + gpa, size);
		return false;
	}
	memcpy(r->ram + gpa, desired, size);
	return true;
}

static inline void rig_paging(void *opaque, unsigned int *phys_bits, bool *page_1g)
{
	struct rig *r = opaque;

	*phys_bits = r->phys_bits;
	*page_1g = r->page_1g;
}

static const struct holm_emul_ops rig_ops = {
	.read_phys = rig_read,
	.write_phys = rig_write,
	.mmio_read = rig_mmio_read,
	.mmio_write = rig_mmio_write,
	.pio_read = rig_pio_read,
	.pio_write = rig_pio_write,
	.compare_exchange = rig_cmpxchg,
	.paging = rig_paging,
};

static inline int rig_state_get(const struct holm_vcpu_handle *h, uint32_t type, void *data,
				uint32_t *size)
{
	struct rig *r = rig_of(h);
	const void *from;
	uint32_t have;

	switch (type) {
	case HOLM_STATE_XSTATE:
		if (r->xstate_err)
			return r->xstate_err;
		from = &r->xstate;
		have = sizeof(r->xstate);
		break;
	case HOLM_STATE_DEBUGREGS:
		from = &r->debugregs;
		have = sizeof(r->debugregs);
		break;
	case HOLM_STATE_EVENTS:
		from = &r->events;
		have = sizeof(r->events);
		break;
	default:
		return -EINVAL;
	}
	if (*size < have)
		return -E2BIG;
	memcpy(data, from, have);
	*size = have;
	return 0;
}

static inline int rig_state_set(const struct holm_vcpu_handle *h, uint32_t type, const void *data,
				uint32_t size)
{
	struct rig *r = rig_of(h);

	switch (type) {
	case HOLM_STATE_SREGS:
		assert_int_equal(size, sizeof(r->set_sregs));
		if (r->sregs_err)
			return r->sregs_err;
		if (r->bad_cr3 && ((const struct holm_sregs *)data)->cr3 == r->bad_cr3)
			return -EINVAL;
		memcpy(&r->set_sregs, data, size);
		r->nset_sregs++;
		return 0;
	case HOLM_STATE_XSTATE:
		assert_int_equal(size, sizeof(r->xstate));
		memcpy(&r->xstate, data, size);
		return 0;
	case HOLM_STATE_DEBUGREGS:
		assert_int_equal(size, sizeof(r->debugregs));
		memcpy(&r->debugregs, data, size);
		return 0;
	case HOLM_STATE_EVENTS:
		assert_int_equal(size, sizeof(r->events));
		memcpy(&r->events, data, size);
		return 0;
	default:
		return -EINVAL;
	}
}

static const struct emul_state_ops rig_state = {
	.get = rig_state_get,
	.set = rig_state_set,
};

static inline void rig_put64(struct rig *r, uint64_t gpa, uint64_t value)
{
	memcpy(r->ram + gpa, &value, sizeof(value));
}

static inline void rig_put32(struct rig *r, uint64_t gpa, uint32_t value)
{
	memcpy(r->ram + gpa, &value, sizeof(value));
}

static inline uint64_t rig_get64(const struct rig *r, uint64_t gpa)
{
	uint64_t value;

	memcpy(&value, r->ram + gpa, sizeof(value));
	return value;
}

static inline struct holm_segment rig_segment(uint16_t selector, uint32_t attrib, uint32_t limit)
{
	return (struct holm_segment) { .selector = selector, .attrib = attrib, .limit = limit };
}

/* What all modes share. */
static inline void rig_init(struct rig *r)
{
	unsigned int i;

	memset(r, 0, sizeof(*r));
	r->h.fd = -1;
	r->h.run = &r->run;
	r->readonly_from = ~0ULL;
	r->phys_bits = 40;
	r->page_1g = true;
	r->run.exit_reason = HOLM_EXIT_MMIO;
	r->run.regs.rip = CODE;
	r->run.regs.rflags = 2;
	r->run.sregs.cr0 = CR0_PE;
	r->xstate.head.xcr0 = 7;
	r->events.exception.type = HOLM_EVENT_NONE;
	r->events.interrupted.type = HOLM_EVENT_NONE;
	for (i = HOLM_SEG_ES; i <= HOLM_SEG_GS; i++)
		r->run.sregs.seg[i] = rig_segment(0x10, 0xc093, 0xffffffff);
	r->run.sregs.seg[HOLM_SEG_CS] = rig_segment(0x08, 0xc09b, 0xffffffff);
	r->run.sregs.seg[HOLM_SEG_LDTR] = rig_segment(0, HOLM_SEG_UNUSABLE, 0);
	r->run.sregs.seg[HOLM_SEG_TR] = rig_segment(0x18, 0x8b, 0x67);
}

/* 64-bit code at @cpl; the first GByte is one identity-mapped page for all. */
static inline void rig_init64(struct rig *r, unsigned int cpl)
{
	struct holm_sregs *s = &r->run.sregs;

	rig_init(r);
	s->cr0 = CR0_PE | CR0_PG | CR0_WP;
	s->cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXSAVE;
	s->efer = EFER_LME | EFER_LMA | EFER_NXE;
	s->cr3 = PT_BASE;
	rig_put64(r, PT_BASE, (PT_BASE + 0x1000) | 7);
	rig_put64(r, PT_BASE + 0x1000, 0x87);
	s->seg[HOLM_SEG_CS] = rig_segment(0x08 | cpl, 0xa09b | cpl << 5, 0xffffffff);
	s->seg[HOLM_SEG_SS] = rig_segment(0x10 | cpl, 0xc093 | cpl << 5, 0xffffffff);
}

static inline void rig_init32(struct rig *r)
{
	rig_init(r);
}

/* Real-address mode, segments at 0 but CS. */
static inline void rig_init16(struct rig *r)
{
	unsigned int i;

	rig_init(r);
	r->run.sregs.cr0 = 0;
	for (i = HOLM_SEG_ES; i <= HOLM_SEG_GS; i++)
		r->run.sregs.seg[i] = rig_segment(0, 0x93, 0xffff);
	r->run.sregs.seg[HOLM_SEG_CS].selector = CODE >> 4;
	r->run.sregs.seg[HOLM_SEG_CS].base = CODE;
	r->run.regs.rip = 0;
}

/* Emulate @len bytes of code. */
static inline int rig_emulate(struct rig *r, const void *code, size_t len)
{
	uint64_t at = r->run.regs.rip;

	if (!(r->run.sregs.efer & EFER_LMA))
		at = (uint32_t)(at + r->run.sregs.seg[HOLM_SEG_CS].base);
	memset(r->ram + at, 0x90, 16);
	memcpy(r->ram + at, code, len);
	r->run.in_flags = 0;
	r->naccesses = 0;
	return emul_instruction(&r->h, &rig_ops, r, &rig_state);
}

#define RIG_EMULATE(r, ...)						\
	rig_emulate(r, (const uint8_t[]) { __VA_ARGS__ },		\
		    sizeof((const uint8_t[]) { __VA_ARGS__ }))

static inline void rig_assert_done(const struct rig *r, int ret, unsigned int len)
{
	assert_int_equal(ret, HOLM_EMUL_DONE);
	assert_int_equal(r->run.in_flags, HOLM_RUN_REGS | HOLM_RUN_COMPLETE);
	assert_int_equal(r->run.next_rip, r->run.regs.rip + len);
}

static inline void rig_assert_fault(const struct rig *r, int ret, uint8_t vector,
				    bool has_error, uint32_t error_code)
{
	if (ret != HOLM_EMUL_EXCEPTION || r->run.exception.vector != vector)
		print_error("at '%02x %02x %02x': returned %d, vector %u, expected vector %u\n",
			    r->ram[CODE], r->ram[CODE + 1], r->ram[CODE + 2], ret,
			    r->run.exception.vector, vector);
	assert_int_equal(ret, HOLM_EMUL_EXCEPTION);
	assert_true(r->run.in_flags & HOLM_RUN_EXCEPTION);
	assert_false(r->run.in_flags & HOLM_RUN_COMPLETE);
	assert_int_equal(r->run.exception.type, HOLM_EVENT_EXCEPTION);
	assert_int_equal(r->run.exception.vector, vector);
	assert_int_equal(!!(r->run.exception.flags & HOLM_EVENT_HAS_ERROR_CODE), has_error);
	assert_int_equal(r->run.exception.error_code, error_code);
}

/* xorshift64*: the same numbers in every run. */
static inline uint64_t rig_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dULL;
}

#endif /* EMUL_RIG_H */
