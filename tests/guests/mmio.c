// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Instructions with an operand in device memory. Each one runs twice, with the
 * same registers: on RAM, where the CPU does it, and on the device, where
 * libholm does it in the launcher's place. Registers, flags, vectors, memory
 * and exceptions must be the same, and the device must have seen what the row
 * says: each access with its size and value, in this order.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>

#include "mmio.h"
#include "run.h"

typedef unsigned long long ull;

#define REGION		0x2000		/* bytes of each memory that are compared */
#define STACK_BYTES	64
#define TABLES_END	(LDT_ADDR + 0x1000)	/* of page tables, GDT, IDT, TSS, LDT */

#define AREA_MXCSR	24
#define AREA_ST		32
#define AREA_XMM	160
#define AREA_XMM_END	416
#define AREA_XSTATE_BV	512
#define AREA_YMM	576
#define AREA_YMM_END	832
#define AREA_MAX	8192

struct outcome {
	struct holm_regs in, out;
	uint8_t memory[REGION], other[REGION], stack[STACK_BYTES];
	struct event exceptions[8];
	unsigned int nexceptions;
	struct {
		struct holm_xstate head;
		uint8_t area[AREA_MAX];
	} xstate;
};

/* ---- one run ------------------------------------------------------------ */

static bool by_segment(enum guest_mode mode)
{
	return mode == REAL16 || mode == BIGREAL16 || mode == VM86 || mode == PROT16;
}

static bool is_wide(enum guest_mode mode)
{
	return mode == LONG64 || mode == USER64;
}

/* 16-bit code: DS and FS are the memory, ES the other. */
static void segments(struct guest *g, uint64_t base)
{
	static const int segs[] = { HOLM_SEG_DS, HOLM_SEG_FS };
	unsigned int i;

	if (g->mode != VM86) {
		for (i = 0; i < ARRAY_SIZE(segs); i++)
			seg_base(g, segs[i], base);
		seg_base(g, HOLM_SEG_ES, OTHER_ADDR);
		return;
	}
	/* Its segments are the selectors': pages take them there. */
	for (i = 0; i < 2; i++) {
		map(g, 0x90000 + 0x1000 * i, base + 0x1000 * i, PTE_P | PTE_W | PTE_U);
		map(g, 0x92000 + 0x1000 * i, OTHER_ADDR + 0x1000 * i, PTE_P | PTE_W | PTE_U);
		g->sregs.seg[segs[i]].selector = 0x9000;
		seg_base(g, segs[i], 0x90000);
	}
	g->sregs.seg[HOLM_SEG_ES].selector = 0x9200;
	seg_base(g, HOLM_SEG_ES, 0x92000);
	g->sregs.cr0 |= CR0_PG;
	g->sregs.cr4 |= CR4_PSE;
	g->sregs.cr3 = PD32_ADDR;
}

static void registers(struct guest *g, const struct form *f, uint64_t base)
{
	static const struct {
		int gpr;
		uint32_t offset;
	} pointers[] = {
		{ HOLM_RBX, 0 }, { HOLM_RBP, 0xc00 }, { HOLM_RSI, 0x400 }, { HOLM_RDI, 0x800 },
		{ HOLM_RSP, 0x800 },
	};
	__u64 *gpr = g->regs.gpr;
	unsigned int i;

	for (i = 0; i < 16; i++)
		if (i != HOLM_RSP)
			gpr[i] = i * 0x0101010101010101ULL;
	gpr[HOLM_RAX] = RAX;
	gpr[HOLM_RCX] = RCX;
	gpr[HOLM_RDX] = RDX;
	for (i = 0; i < ARRAY_SIZE(pointers); i++) {
		int n = pointers[i].gpr;

		if (by_segment(f->mode))
			gpr[n] = n == HOLM_RSP ? gpr[n] : pointers[i].offset;
		else if (f->device & BIT(n))
			gpr[n] = base + pointers[i].offset;
		else if (n != HOLM_RBP && n != HOLM_RSP)
			gpr[n] = OTHER_ADDR + pointers[i].offset;
	}
	for (i = 0; i < 16 && !is_wide(f->mode); i++)
		gpr[i] = (uint32_t)gpr[i];
	g->regs.rflags |= FLAG_CF | f->rflags;
	if (by_segment(f->mode))
		segments(g, base);
}

/* What guest_mode() made, for a guest that does many rows of a mode. */
static struct {
	struct holm_regs regs;
	struct holm_sregs sregs;
	uint8_t tables[TABLES_END - PML4_ADDR];
} fresh;

static void mode_save(struct guest *g, enum guest_mode mode)
{
	guest_mode(g, mode);
	fresh.regs = g->regs;
	fresh.sregs = g->sregs;
	memcpy(fresh.tables, g->ram + PML4_ADDR, sizeof(fresh.tables));
}

static void mode_again(struct guest *g)
{
	g->regs = fresh.regs;
	g->sregs = fresh.sregs;
	memcpy(g->ram + PML4_ADDR, fresh.tables, sizeof(fresh.tables));
}

static void memories(struct guest *g)
{
	unsigned int i;

	memset(g->ram + STACK_TOP - STACK_BYTES, 0, STACK_BYTES);
	for (i = 0; i < REGION; i++) {
		g->device[i] = P(i);
		g->ram[TWIN_ADDR + i] = P(i);
		g->ram[OTHER_ADDR + i] = Q(i);
	}
}

/* Where a state component is. */
static uint32_t component(unsigned int n)
{
	const struct holm_cpuid_entry *e = hv_cpuid(0xd, n);

	return e && e->ebx <= AREA_MAX - 16 * 64 ? e->ebx : 0;
}

static void vectors(struct guest *g, struct outcome *o)
{
	const uint16_t fcw = 0x37f;
	const uint32_t mxcsr = 0x1f80;
	uint64_t bv = 3;
	uint8_t *area = o->xstate.area;
	unsigned int n, i;

	memset(&o->xstate, 0, sizeof(o->xstate));
	o->xstate.head.xcr0 = 1;
	memcpy(area, &fcw, sizeof(fcw));
	area[4] = 0xff;
	memcpy(area + AREA_MXCSR, &mxcsr, sizeof(mxcsr));
	for (n = 0; n < 8; n++) {
		for (i = 0; i < 8; i++)
			area[AREA_ST + 16 * n + i] = ST_BYTE(n, i);
		memset(area + AREA_ST + 16 * n + 8, 0xff, 2);
	}
	for (n = 0; n < 16; n++)
		for (i = 0; i < 16; i++)
			area[AREA_XMM + 16 * n + i] = XMM_BYTE(n, i);
	if (hv.caps.xcr0 & BIT(2)) {
		bv |= BIT(2);
		for (i = 0; i < 256; i++)
			area[AREA_YMM + i] = ~area[AREA_XMM + i];
	}
	if ((hv.caps.xcr0 & XCR0_AVX512) == XCR0_AVX512) {
		bv |= XCR0_AVX512;
		memset(area + component(5), 0xff, 8 * 8);	/* opmask registers */
		for (n = 0; n < 16; n++) {
			for (i = 0; i < 32; i++)
				area[component(6) + 32 * n + i] = ZMM_BYTE(n, i);
			for (i = 0; i < 64; i++)
				area[component(7) + 64 * n + i] = HI16_BYTE(n, i);
		}
	}
	if (g->sregs.cr4 & CR4_OSXSAVE)
		o->xstate.head.xcr0 = bv;
	memcpy(area + AREA_XSTATE_BV, &bv, sizeof(bv));
	guest_set(g, HOLM_STATE_XSTATE, &o->xstate, hv.caps.xstate_size);
}

/* The emulator's answer where it has none. */
static bool not_emulated(struct guest *g)
{
	if (g->run->exit_reason != HOLM_EXIT_MMIO)
		return false;
	g->end = HOLM_EXIT_MMIO;
	g->stopped = true;
	return true;
}

static void one_run(struct guest *g, const struct form *f, bool device, struct outcome *o)
{
	uint64_t base = device ? MMIO_ADDR : TWIN_ADDR;
	unsigned int i;

	mode_again(g);
	memories(g);
	registers(g, f, base);
	g->regs.rip = !device && f->twin ? f->twin : f->entry;
	if (f->prepare)
		f->prepare(g, base);
	if (f->vector)
		vectors(g, o);
	g->exit = f->unknown ? not_emulated : NULL;
	g->quiet_mmio = f->quiet;
	g->dr6_clear = true;
	g->reads = 0;
	g->nevents = 0;
	o->in = g->regs;
	guest_start(g, g->regs.rip);
	guest_run(g);

	o->out = g->run->regs;
	memcpy(o->memory, device ? g->device : g->ram + TWIN_ADDR, REGION);
	memcpy(o->other, g->ram + OTHER_ADDR, REGION);
	memcpy(o->stack, g->ram + STACK_TOP - STACK_BYTES, STACK_BYTES);
	if (f->vector)
		guest_get(g, HOLM_STATE_XSTATE, &o->xstate, sizeof(o->xstate));
	o->nexceptions = 0;
	for (i = 0; i < g->nevents && o->nexceptions < ARRAY_SIZE(o->exceptions); i++)
		if (g->events[i].kind == EV_EXCEPTION)
			o->exceptions[o->nexceptions++] = g->events[i];
}

/* ---- comparison --------------------------------------------------------- */

static void same_bytes(struct guest *g, const char *what, const void *ram, const void *device,
		       unsigned int from, unsigned int to)
{
	const uint8_t *r = ram, *d = device;
	unsigned int i;

	for (i = from; i < to; i++) {
		if (r[i] != d[i]) {
			guest_fail(g, "%s byte 0x%x: 0x%02x, on RAM 0x%02x", what, i, d[i], r[i]);
			return;
		}
	}
}

static void same_registers(struct guest *g, const struct form *f, const struct outcome *r,
			   const struct outcome *d)
{
	uint32_t moved = f->moved ? f->moved : f->device;
	uint64_t delta = by_segment(f->mode) ? 0 : MMIO_ADDR - TWIN_ADDR;
	unsigned int i;

	for (i = 0; i < 16; i++) {
		uint64_t want = r->out.gpr[i];

		/* In the way a row's own preparation made it a pointer. */
		if (moved & BIT(i))
			want += r->in.gpr[i] == d->in.gpr[i] && !f->moved ? 0 : delta;
		if (!is_wide(f->mode))
			want = (uint32_t)want;
		if (d->out.gpr[i] != want)
			guest_fail(g, "register %u: 0x%llx, expected 0x%llx as on RAM", i,
				   (ull)d->out.gpr[i], (ull)want);
	}
	/* An emulated host may push no RF with a fault that it raises itself. */
	if ((r->out.rflags ^ d->out.rflags) & ~(f->undefined | (hv.tcg ? RFLAGS_RF : 0)))
		guest_fail(g, "RFLAGS 0x%llx, on RAM 0x%llx", (ull)d->out.rflags,
			   (ull)r->out.rflags);
	if (!f->twin && r->out.rip != d->out.rip)
		guest_fail(g, "RIP 0x%llx, on RAM 0x%llx", (ull)d->out.rip, (ull)r->out.rip);
}

static void same_exceptions(struct guest *g, const struct outcome *r, const struct outcome *d)
{
	unsigned int i;

	if (r->nexceptions != d->nexceptions) {
		guest_fail(g, "%u exceptions, on RAM %u", d->nexceptions, r->nexceptions);
		return;
	}
	for (i = 0; i < r->nexceptions; i++) {
		const struct event *a = &r->exceptions[i], *b = &d->exceptions[i];

		if (a->vector != b->vector || a->a != b->a || a->b != b->b || a->rip != b->rip)
			guest_fail(g, "exception %u error 0x%llx 0x%llx at 0x%llx, on RAM %u error 0x%llx 0x%llx at 0x%llx",
				   b->vector, (ull)b->a, (ull)b->b, (ull)b->rip,
				   a->vector, (ull)a->a, (ull)a->b, (ull)a->rip);
	}
}

static void same(struct guest *g, const struct form *f, const struct outcome *r,
		 const struct outcome *d)
{
	same_registers(g, f, r, d);
	same_exceptions(g, r, d);
	if (!f->own_address)
		same_bytes(g, "memory", r->memory, d->memory, 0, REGION);
	same_bytes(g, "the other memory", r->other, d->other, 0, REGION);
	if (f->device != SP && !(hv.tcg && r->nexceptions))
		same_bytes(g, "stack", r->stack, d->stack, 0, STACK_BYTES);
	if (f->vector) {
		same_bytes(g, "x87 state", r->xstate.area, d->xstate.area, 0, 6);
		same_bytes(g, "MXCSR", r->xstate.area, d->xstate.area, AREA_MXCSR, AREA_ST - 4);
		same_bytes(g, "vector state", r->xstate.area, d->xstate.area, AREA_ST,
			   AREA_XMM_END);
		if (hv.caps.xcr0 & BIT(2))
			same_bytes(g, "YMM state", r->xstate.area, d->xstate.area, AREA_YMM,
				   AREA_YMM_END);
		if ((hv.caps.xcr0 & XCR0_AVX512) == XCR0_AVX512) {
			same_bytes(g, "opmask state", r->xstate.area, d->xstate.area,
				   component(5), component(5) + 8 * 8);
			same_bytes(g, "ZMM_Hi256 state", r->xstate.area, d->xstate.area,
				   component(6), component(6) + 16 * 32);
			same_bytes(g, "Hi16_ZMM state", r->xstate.area, d->xstate.area,
				   component(7), component(7) + 16 * 64);
		}
	}
}

/* Nothing of the instruction was done, and it is known where it is. */
static void refused(struct guest *g, const struct outcome *o)
{
	unsigned int i;

	CHECK_EQ(g, g->end, HOLM_EXIT_MMIO);
	CHECK_EQ(g, g->nevents, 0);
	for (i = 0; i < 16; i++)
		if (i != HOLM_RSP)
			CHECK_EQ(g, o->out.gpr[i], o->in.gpr[i]);
}

/*
 * With PAE paging, of what the CPU left in its page tables: bit 5 of a PDPTE is
 * reserved (SDM vol. 3, 4.4.1), and no CPU sets it.
 */
static const char *pdpte_accessed(struct guest *g, const struct form *f)
{
	if (f->mode != PAE32 || !(guest_read(g, PAE_PDPT_ADDR, 8) & PTE_A))
		return NULL;
	return "this emulated CPU sets accessed flags in PDPTEs, where they are reserved";
}

/* Return: why the form cannot be tried here, or NULL. */
static const char *one_form(struct guest *g, const struct form *f)
{
	const char *reason;
	static struct outcome ram, device;

	if (!f->unknown) {
		one_run(g, f, false, &ram);
		if (!g->failed && g->end != HOLM_EXIT_IO)
			guest_fail(g, "ended by exit %u", g->end);
		if (g->failed) {
			guest_fail(g, "that was on RAM");
			return NULL;
		}
		reason = pdpte_accessed(g, f);
		if (reason)
			return reason;
	}
	one_run(g, f, true, &device);
	if (f->unknown && f->events[0].kind == EV_END) {
		refused(g, &device);
		return NULL;
	}
	if (!f->quiet)
		guest_expect(g, f->events, HOLM_EXIT_IO);
	if (g->failed)
		return NULL;
	if (!f->unknown)
		same(g, f, &ram, &device);
	if (f->check)
		f->check(g);
	if (g->failed)
		guest_dump(g);
	return NULL;
}

/* One guest does many rows of a mode; after a failure there is a new one. */
void test_mmio(void)
{
	struct guest *g = NULL;
	unsigned int i;
	char name[128];

	for (i = 0; i < mmio_nforms; i++) {
		const struct form *f = &mmio_forms[i];
		const char *reason = f->skip ? f->skip() : NULL;

		snprintf(name, sizeof(name), "mmio/%s", f->name);
		if (!guest_wanted(name))
			continue;
		if (reason) {
			guest_skip(name, reason);
			continue;
		}
		if (g && g->mode != f->mode) {
			guest_free(g);
			g = NULL;
		}
		if (!g) {
			g = guest_new();
			if (g)
				mode_save(g, f->mode);
		}
		if (!g) {
			guest_result(name, false, "no guest could be made");
			continue;
		}
		watchdog_start();
		reason = one_form(g, f);
		watchdog_stop();
		if (reason)
			guest_skip(name, reason);
		else
			guest_result(name, !g->failed, g->why);
		if (g->failed) {
			guest_free(g);
			g = NULL;
		}
	}
	if (g)
		guest_free(g);
}
