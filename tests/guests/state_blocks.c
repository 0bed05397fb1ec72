// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * State blocks by themselves: what a new vCPU and one after INIT have, which
 * blocks are refused, and that a refused one has changed nothing. SDM Vol. 3,
 * "IA-32 and Intel 64 Processor States Following Power-up, Reset, or INIT".
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "migrate.h"
#include "steps.h"

#define REGS(l, offset)	((l)->regs[(offset) >> 4])
#define STARTUP_PAGE	0x90
#define PULSE_US	5000

/* ---- RESET ---------------------------------------------------------------------------- */

static void check_segment(struct guest *g, const struct holm_sregs *s, int n, uint16_t selector,
			  uint64_t base, uint32_t type)
{
	const struct holm_segment *seg = &s->seg[n];

	/* Present; type; G, D and L clear. */
	if (seg->selector != selector || seg->base != base || seg->limit != 0xffff ||
	    seg->attrib != type)
		guest_fail(g, "segment %d: %x base %llx limit %x attrib %x", n, seg->selector,
			   (unsigned long long)seg->base, seg->limit, seg->attrib);
}

static void check_reset_sregs(struct guest *g, const struct holm_sregs *s, uint64_t cr0)
{
	int i;

	for (i = HOLM_SEG_ES; i <= HOLM_SEG_GS; i++)
		if (i != HOLM_SEG_CS)
			check_segment(g, s, i, 0, 0, 0x93);
	check_segment(g, s, HOLM_SEG_LDTR, 0, 0, 0x82);
	check_segment(g, s, HOLM_SEG_TR, 0, 0, 0x8b);
	CHECK_EQ(g, s->gdt.base, 0);
	CHECK_EQ(g, s->gdt.limit, 0xffff);
	CHECK_EQ(g, s->idt.base, 0);
	CHECK_EQ(g, s->idt.limit, 0xffff);
	CHECK_EQ(g, s->cr0, cr0);
	CHECK_EQ(g, s->cr2, 0);
	CHECK_EQ(g, s->cr3, 0);
	CHECK_EQ(g, s->cr4, 0);
	CHECK_EQ(g, s->cr8, 0);
	CHECK_EQ(g, s->efer, 0);
}

static void check_reset_lapic(struct guest *g, const struct holm_lapic *l)
{
	int i;

	CHECK_EQ(g, REGS(l, LAPIC_SVR), 0xff);
	CHECK_EQ(g, REGS(l, LAPIC_TPR), 0);
	CHECK_EQ(g, REGS(l, LAPIC_PPR), 0);
	CHECK_EQ(g, REGS(l, 0xe0), 0xffffffff);		/* DFR */
	CHECK_EQ(g, REGS(l, 0xd0), 0);			/* LDR */
	CHECK_EQ(g, REGS(l, LAPIC_LVTT), LVT_MASKED);
	CHECK_EQ(g, REGS(l, 0x370), LVT_MASKED);	/* LVT error */
	CHECK_EQ(g, REGS(l, LAPIC_ICR), 0);
	CHECK_EQ(g, REGS(l, LAPIC_ICR2), 0);
	CHECK_EQ(g, REGS(l, LAPIC_TMICT), 0);
	CHECK_EQ(g, REGS(l, LAPIC_TMCCT), 0);
	CHECK_EQ(g, REGS(l, LAPIC_TDCR), 0);
	for (i = 0; i < 0x180; i += 0x10)		/* ISR, TMR, IRR */
		CHECK_EQ(g, REGS(l, LAPIC_ISR + i), 0);
	CHECK_EQ(g, l->pending, 0);
	CHECK_EQ(g, l->timer_remaining, 0);
}

static uint64_t snapshot_msr(const struct snapshot *s, uint32_t index)
{
	unsigned int i;

	for (i = 0; i < s->nmsrs; i++)
		if (s->msrs[i].index == index)
			return s->msrs[i].value;
	return ~0ULL;
}

static void check_reset_events(struct guest *g, const struct holm_events *e)
{
	CHECK_EQ(g, e->flags, 0);
	CHECK_EQ(g, e->exception.type, HOLM_EVENT_NONE);
	CHECK_EQ(g, e->interrupted.type, HOLM_EVENT_NONE);
}

static void check_reset_dregs(struct guest *g, const struct holm_debugregs *d)
{
	int i;

	for (i = 0; i < 4; i++)
		CHECK_EQ(g, d->dr[i], 0);
	CHECK_EQ(g, d->dr6, 0xffff0ff0);
	CHECK_EQ(g, d->dr7, 0x400);
}

static void check_reset_xstate(struct guest *g, const struct holm_xstate *x)
{
	int i;

	CHECK_EQ(g, x->xcr0, 1);
	CHECK_EQ(g, x->area[0] | x->area[1] << 8, 0x40);	/* FCW */
	CHECK_EQ(g, x->area[2] | x->area[3] << 8, 0);		/* FSW */
	CHECK_EQ(g, x->area[24] | x->area[25] << 8, 0x1f80);	/* MXCSR */
	for (i = 160; i < 416; i++)
		CHECK_EQ(g, x->area[i], 0);			/* XMM */
}

static void reset(struct guest *g)
{
	struct snapshot s;
	int i;

	if (!snapshot_get(g, &s))
		return;
	/* EDX tells the family; the table with the model came after the reset. */
	for (i = 0; i < 16; i++)
		CHECK_EQ(g, s.regs.gpr[i], i == HOLM_RDX ? 0x600 : 0);
	CHECK_EQ(g, s.regs.rip, 0xfff0);
	CHECK_EQ(g, s.regs.rflags, 2);
	check_segment(g, &s.sregs, HOLM_SEG_CS, 0xf000, 0xffff0000, 0x9b);
	check_reset_sregs(g, &s.sregs, 0x60000010);
	check_reset_dregs(g, &s.dregs);
	check_reset_events(g, &s.events);
	check_reset_lapic(g, &s.lapic);
	CHECK_EQ(g, s.lapic.apic_base, 0xfee00900);
	/* The bootstrap processor's LAPIC is left in virtual wire mode. */
	CHECK_EQ(g, REGS(&s.lapic, LAPIC_LINT0), 0x700);
	CHECK_EQ(g, REGS(&s.lapic, LAPIC_LINT0 + 0x10), 0x400);
	CHECK_EQ(g, s.mp.state, HOLM_MP_RUNNABLE);
	CHECK_EQ(g, s.tsc.adjust, 0);
	/* Linux refines what it knows of its frequency. */
	CHECK_EQ(g, -holm_get_caps(hv.dev, &hv.caps), 0);
	CHECK_EQ(g, s.tsc.khz, hv.caps.tsc_khz);
	CHECK_EQ(g, snapshot_msr(&s, 0x277), 0x0007040600070406);
	CHECK_EQ(g, snapshot_msr(&s, 0x174), 0);
	CHECK_EQ(g, snapshot_msr(&s, 0x1d9), 0);
	CHECK_EQ(g, snapshot_msr(&s, 0xc0000081), 0);
	check_reset_xstate(g, s.xstate);
	snapshot_free(&s);
}

/* ---- INIT and start-up IPI ------------------------------------------------------------- */

/* The bootstrap processor's ICR, APIC ID 1. */
static void send_ipi(struct guest *g, struct holm_vcpu_handle *bsp, uint32_t icr)
{
	uint32_t high = 1 << 24;

	if (holm_vcpu_lapic_access(bsp, LAPIC_ICR2, true, &high) != -1 ||
	    holm_vcpu_lapic_access(bsp, LAPIC_ICR, true, &icr) != -1)
		guest_fail(g, "the IPI 0x%x cannot be sent", icr);
}

static bool add_processor(struct guest *g)
{
	int err = holm_vcpu_create(g->vm, 1, &g->vcpu);

	if (!err)
		err = holm_vcpu_set_cpuid(&g->vcpu, hv.cpuid, hv.cpuid_nent);
	if (err) {
		guest_fail(g, "a second vCPU: %s", strerror(-err));
		return false;
	}
	g->run = g->vcpu.run;
	g->run->want = HOLM_WANT_SREGS;
	return true;
}

/* MOV CX, CS; far jump to the guest in segment 0. */
static void write_stub(struct guest *g, uint64_t entry)
{
	const uint8_t code[] = { 0x8c, 0xc9, 0xea, entry, entry >> 8, 0, 0 };

	memcpy(g->ram + (STARTUP_PAGE << 12), code, sizeof(code));
}

static unsigned int pulses;

static void waits(struct guest *g)
{
	CHECK_EQ(g, mp_state(g), HOLM_MP_WAIT_FOR_SIPI);
	CHECK_EQ(g, g->nevents, 0);
	if (++pulses == 4)
		g->stopped = true;
}

/* A processor that waits for a start-up IPI takes nothing else. */
static void wait_for_sipi(struct guest *g)
{
	pulses = 0;
	g->interrupted = waits;
	guest_inject(g, HOLM_INJECT_NMI, 0);
	pulse_start(g, PULSE_US);
	guest_run(g);
	pulse_stop();
	g->interrupted = NULL;
	CHECK_EQ(g, pulses, 4);
}

static void after_init(struct guest *g)
{
	const struct holm_cpuid_entry *id = hv_cpuid(1, 0);
	struct holm_debugregs dregs;
	struct holm_lapic lapic;
	struct holm_sregs sregs;

	/* CS as the vector says, EAX, EDX, EBX, EFLAGS, CR0, CR4, DR7, EFER; MSRs stay. */
	EXPECT(g, HOLM_EXIT_IO, V(STARTUP_PAGE << 8), V(0), V(id->eax), V(0), V(2), V(0x10), V(0),
	       V(0x400), V(0), V(0x5678));
	guest_get(g, HOLM_STATE_DEBUGREGS, &dregs, sizeof(dregs));
	check_reset_dregs(g, &dregs);
	guest_get(g, HOLM_STATE_LAPIC, &lapic, sizeof(lapic));
	check_reset_lapic(g, &lapic);
	CHECK_EQ(g, REGS(&lapic, LAPIC_LINT0), LVT_MASKED);
	guest_get(g, HOLM_STATE_SREGS, &sregs, sizeof(sregs));
	check_reset_sregs(g, &sregs, 0x10);
}

static void init(struct guest *g)
{
	struct holm_mp_state runnable = { .state = HOLM_MP_RUNNABLE };
	struct holm_vcpu_handle bsp = g->vcpu;

	if (!add_processor(g)) {
		g->vcpu = bsp;
		return;
	}
	wait_for_sipi(g);
	if (!g->failed) {
		guest_mode(g, LONG64);
		lapic_on(g);
		lapic_put(g, LAPIC_TPR, 0x20);
		guest_set(g, HOLM_STATE_MP, &runnable, sizeof(runnable));
		guest_start(g, G_before_init);
		/* The NMI that waited comes now. */
		if (run_to(g, HOLM_EXIT_IO)) {
			CHECK_EQ(g, g->run->io.port, PORT_EXCEPTION);
			guest_complete(g, g->run->next_rip);
		}
	}
	if (!g->failed && run_to(g, HOLM_EXIT_IO)) {
		guest_complete(g, g->run->next_rip);
		write_stub(g, G_startup);
		send_ipi(g, &bsp, 0x4500);
		send_ipi(g, &bsp, 0x4600 | STARTUP_PAGE);
		guest_run(g);
		after_init(g);
	}
	holm_vcpu_close(&bsp);
}

/* ---- blocks that are refused ---------------------------------------------------------------- */

/* Any of them. */
union block {
	struct holm_regs regs;
	struct holm_sregs sregs;
	struct holm_debugregs dregs;
	struct holm_events events;
	struct holm_lapic lapic;
	struct holm_mp_state mp;
	struct holm_tsc tsc;
	struct holm_msr msrs[2];
};

#define SPOILER(name, ...) \
	static void name(union block *b) { __VA_ARGS__; }

SPOILER(rip, b->regs.rip = 1ULL << 63)
SPOILER(rflags, b->regs.rflags |= 8)

SPOILER(pg_without_pe, b->sregs.cr0 &= ~CR0_PE)
SPOILER(nw_without_cd, b->sregs.cr0 |= CR0_NW)
SPOILER(cr0_reserved, b->sregs.cr0 |= BIT(32))
SPOILER(cr4_reserved, b->sregs.cr4 |= BIT(31))
SPOILER(no_pae, b->sregs.cr4 &= ~CR4_PAE)
SPOILER(cr3_wide, b->sregs.cr3 |= BIT(52))
SPOILER(cr8_wide, b->sregs.cr8 = 16)
SPOILER(efer_reserved, b->sregs.efer |= BIT(1))
SPOILER(no_lma, b->sregs.efer &= ~EFER_LMA)
SPOILER(cs_data, b->sregs.seg[HOLM_SEG_CS].attrib = 0xc091)
SPOILER(cs_l_and_d, b->sregs.seg[HOLM_SEG_CS].attrib |= HOLM_SEG_DB)
SPOILER(cs_unusable, b->sregs.seg[HOLM_SEG_CS].attrib |= HOLM_SEG_UNUSABLE)
SPOILER(ss_dpl, b->sregs.seg[HOLM_SEG_SS].attrib |= HOLM_SEG_DPL)
SPOILER(ds_execute, b->sregs.seg[HOLM_SEG_DS].attrib = 0xc099)
SPOILER(fs_base, b->sregs.seg[HOLM_SEG_FS].base = 1ULL << 63)
SPOILER(tr_data, b->sregs.seg[HOLM_SEG_TR].attrib = 0x93)
SPOILER(tr_unusable, b->sregs.seg[HOLM_SEG_TR].attrib |= HOLM_SEG_UNUSABLE)
SPOILER(granularity, b->sregs.seg[HOLM_SEG_ES].limit = 0x100123)
SPOILER(attrib_reserved, b->sregs.seg[HOLM_SEG_ES].attrib |= 0x100)
SPOILER(gdt_base, b->sregs.gdt.base = 1ULL << 63)
SPOILER(sregs_reserved, b->sregs.seg[HOLM_SEG_GS].reserved[2] = 1)

SPOILER(dr6_reserved, b->dregs.dr6 |= BIT(32))
SPOILER(dr7_reserved, b->dregs.dr7 |= BIT(32))

SPOILER(two_shadows, b->events.flags |= HOLM_EVENTS_SHADOW_STI | HOLM_EVENTS_SHADOW_MOVSS)
SPOILER(events_flag, b->events.flags |= BIT(6))
SPOILER(events_reserved, b->events.reserved = 1)
SPOILER(exception_nmi, b->events.exception =
	(struct holm_event) { .type = HOLM_EVENT_EXCEPTION, .vector = 2 })
SPOILER(exception_wide, b->events.exception =
	(struct holm_event) { .type = HOLM_EVENT_EXCEPTION, .vector = 32 })
SPOILER(exception_type, b->events.exception =
	(struct holm_event) { .type = HOLM_EVENT_INTERRUPT, .vector = 13 })
SPOILER(exception_error, b->events.exception =
	(struct holm_event) { .type = HOLM_EVENT_EXCEPTION, .vector = 6,
			      .flags = HOLM_EVENT_HAS_ERROR_CODE })
SPOILER(exception_payload, b->events.exception =
	(struct holm_event) { .type = HOLM_EVENT_EXCEPTION, .vector = 13, .payload = 1,
			      .flags = HOLM_EVENT_HAS_PAYLOAD })
SPOILER(interrupted_nmi, b->events.interrupted =
	(struct holm_event) { .type = HOLM_EVENT_NMI, .vector = 3 })
SPOILER(interrupted_length, b->events.interrupted =
	(struct holm_event) { .type = HOLM_EVENT_SOFT_INTERRUPT, .vector = 0x80 })
SPOILER(interrupted_long, b->events.interrupted =
	(struct holm_event) { .type = HOLM_EVENT_SOFT_INTERRUPT, .vector = 0x80, .insn_len = 16 })
SPOILER(interrupted_type, b->events.interrupted =
	(struct holm_event) { .type = 7, .vector = 0x80 })
SPOILER(none_vector, b->events.interrupted.vector = 3)

SPOILER(lapic_id, REGS(&b->lapic, 0x20) = 7 << 24)
SPOILER(lapic_version, REGS(&b->lapic, 0x30) ^= 1)
SPOILER(lapic_tpr, REGS(&b->lapic, LAPIC_TPR) = 0x100)
SPOILER(lapic_irr, REGS(&b->lapic, LAPIC_IRR) = 1)
SPOILER(lapic_timer_mode, REGS(&b->lapic, LAPIC_LVTT) |= LVT_PERIODIC | LVT_DEADLINE)
SPOILER(lapic_hole, REGS(&b->lapic, 0x3f0) = 1)
SPOILER(lapic_base, b->lapic.apic_base |= 1)
SPOILER(lapic_x2apic, b->lapic.apic_base ^= BIT(10) | BIT(11))
SPOILER(lapic_pending, b->lapic.pending = BIT(3))
SPOILER(lapic_sipi, b->lapic.sipi_vector = 1)
SPOILER(lapic_remaining, b->lapic.timer_remaining = 1)
SPOILER(lapic_deadline, b->lapic.tsc_deadline = 1)
SPOILER(lapic_reserved, b->lapic.reserved = 1)

SPOILER(mp_unknown, b->mp.state = 3)
SPOILER(mp_reserved, b->mp.reserved = 1)
SPOILER(tsc_khz, b->tsc.khz = 0)
SPOILER(tsc_reserved, b->tsc.reserved = 1)

/* The first one is fine, and must not be written. */
SPOILER(msr_second, b->msrs[0].value = 0x1234; b->msrs[1].index = 0x12345)
SPOILER(msr_value, b->msrs[0].value = 0x1234; b->msrs[1].index = 0x277;
	b->msrs[1].value = 0x0808080808080808)
SPOILER(msr_reserved, b->msrs[0].value = 0x1234; b->msrs[1].reserved = 1)

#define REFUSE(type, member, spoiler) \
	{ "state/refuse_" #spoiler, HOLM_STATE_##type, sizeof(((union block *)0)->member), spoiler }

static const struct refusal {
	const char *name;
	uint32_t type, size;
	void (*spoil)(union block *b);
} refusals[] = {
	REFUSE(REGS, regs, rip),
	REFUSE(REGS, regs, rflags),
	REFUSE(SREGS, sregs, pg_without_pe),
	REFUSE(SREGS, sregs, nw_without_cd),
	REFUSE(SREGS, sregs, cr0_reserved),
	REFUSE(SREGS, sregs, cr4_reserved),
	REFUSE(SREGS, sregs, no_pae),
	REFUSE(SREGS, sregs, cr3_wide),
	REFUSE(SREGS, sregs, cr8_wide),
	REFUSE(SREGS, sregs, efer_reserved),
	REFUSE(SREGS, sregs, no_lma),
	REFUSE(SREGS, sregs, cs_data),
	REFUSE(SREGS, sregs, cs_l_and_d),
	REFUSE(SREGS, sregs, cs_unusable),
	REFUSE(SREGS, sregs, ss_dpl),
	REFUSE(SREGS, sregs, ds_execute),
	REFUSE(SREGS, sregs, fs_base),
	REFUSE(SREGS, sregs, tr_data),
	REFUSE(SREGS, sregs, tr_unusable),
	REFUSE(SREGS, sregs, granularity),
	REFUSE(SREGS, sregs, attrib_reserved),
	REFUSE(SREGS, sregs, gdt_base),
	REFUSE(SREGS, sregs, sregs_reserved),
	REFUSE(DEBUGREGS, dregs, dr6_reserved),
	REFUSE(DEBUGREGS, dregs, dr7_reserved),
	REFUSE(EVENTS, events, two_shadows),
	REFUSE(EVENTS, events, events_flag),
	REFUSE(EVENTS, events, events_reserved),
	REFUSE(EVENTS, events, exception_nmi),
	REFUSE(EVENTS, events, exception_wide),
	REFUSE(EVENTS, events, exception_type),
	REFUSE(EVENTS, events, exception_error),
	REFUSE(EVENTS, events, exception_payload),
	REFUSE(EVENTS, events, interrupted_nmi),
	REFUSE(EVENTS, events, interrupted_length),
	REFUSE(EVENTS, events, interrupted_long),
	REFUSE(EVENTS, events, interrupted_type),
	REFUSE(EVENTS, events, none_vector),
	REFUSE(LAPIC, lapic, lapic_id),
	REFUSE(LAPIC, lapic, lapic_version),
	REFUSE(LAPIC, lapic, lapic_tpr),
	REFUSE(LAPIC, lapic, lapic_irr),
	REFUSE(LAPIC, lapic, lapic_timer_mode),
	REFUSE(LAPIC, lapic, lapic_hole),
	REFUSE(LAPIC, lapic, lapic_base),
	REFUSE(LAPIC, lapic, lapic_x2apic),
	REFUSE(LAPIC, lapic, lapic_pending),
	REFUSE(LAPIC, lapic, lapic_sipi),
	REFUSE(LAPIC, lapic, lapic_remaining),
	REFUSE(LAPIC, lapic, lapic_deadline),
	REFUSE(LAPIC, lapic, lapic_reserved),
	REFUSE(MP, mp, mp_unknown),
	REFUSE(MP, mp, mp_reserved),
	REFUSE(TSC, tsc, tsc_khz),
	REFUSE(TSC, tsc, tsc_reserved),
	REFUSE(MSRS, msrs, msr_second),
	REFUSE(MSRS, msrs, msr_value),
	REFUSE(MSRS, msrs, msr_reserved),
};

static const struct refusal *refusal;

/* In the middle of a guest, which goes on as if nothing had happened. */
static bool start(struct guest *g)
{
	guest_start(g, G_now64);
	if (!run_to(g, HOLM_EXIT_IO))
		return false;
	guest_complete(g, g->run->next_rip);
	settle(g);
	return !g->failed;
}

static void finish(struct guest *g, const struct snapshot *before)
{
	struct snapshot after;
	const char *block;

	if (!snapshot_get(g, &after))
		return;
	block = snapshot_differ(before, &after);
	if (block)
		guest_fail(g, "block %s has changed", block);
	snapshot_free(&after);
	guest_run(g);
	EXPECT(g, HOLM_EXIT_IO, V(9));
}

static void refuse(struct guest *g)
{
	union block good = { .msrs = { { .index = 0x174 }, { .index = 0x175 } } }, bad;
	struct snapshot before;
	int err;

	if (!start(g) || !snapshot_get(g, &before))
		return;
	guest_get(g, refusal->type, &good, refusal->size);
	bad = good;
	refusal->spoil(&bad);
	err = holm_vcpu_set_state(&g->vcpu, refusal->type, &bad, refusal->size);
	CHECK_EQ(g, -err, EINVAL);
	/* Nor with a size that is none. */
	err = holm_vcpu_set_state(&g->vcpu, refusal->type, &good, refusal->size - 1);
	CHECK_EQ(g, -err, EINVAL);
	finish(g, &before);
	snapshot_free(&before);
}

/* ---- the vector state's block ------------------------------------------------------------------ */

#define XSAVE_BV	512
#define XSAVE_COMP	520
#define XSAVE_MXCSR	24

/* @at in the area becomes @value; 0 in @at: XCR0. */
static void refuse_xstate(struct guest *g, const struct snapshot *s, uint32_t at, uint64_t value)
{
	struct holm_xstate *bad = malloc(s->xstate_size);
	int err;

	if (!bad) {
		guest_fail(g, "no memory");
		return;
	}
	memcpy(bad, s->xstate, s->xstate_size);
	if (at)
		memcpy(bad->area + at, &value, at == XSAVE_MXCSR ? 4 : 8);
	else
		bad->xcr0 = value;
	err = holm_vcpu_set_state(&g->vcpu, HOLM_STATE_XSTATE, bad, s->xstate_size);
	free(bad);
	if (err != -EINVAL)
		guest_fail(g, "0x%llx at %u of the area: %d", (unsigned long long)value, at, err);
}

static void xstate(struct guest *g)
{
	struct snapshot before;

	if (!start(g) || !snapshot_get(g, &before))
		return;
	refuse_xstate(g, &before, 0, 0);		/* x87 is always on */
	refuse_xstate(g, &before, 0, 5);		/* AVX without SSE */
	refuse_xstate(g, &before, 0, BIT(62) | 1);
	refuse_xstate(g, &before, XSAVE_BV, BIT(62));
	refuse_xstate(g, &before, XSAVE_COMP, BIT(63));
	refuse_xstate(g, &before, XSAVE_COMP + 8, 1);
	refuse_xstate(g, &before, XSAVE_MXCSR, BIT(31));
	CHECK_EQ(g, -holm_vcpu_set_state(&g->vcpu, HOLM_STATE_XSTATE, before.xstate, 16), EINVAL);
	CHECK_EQ(g, -holm_vcpu_get_state(&g->vcpu, HOLM_STATE_XSTATE, before.xstate, 16), E2BIG);
	snapshot_free(&before);
	/* It was changed by nobody. */
	if (snapshot_get(g, &before))
		finish(g, &before);
	snapshot_free(&before);
}

/* Getting and setting changes nothing. */
static void round_trip(struct guest *g)
{
	struct snapshot before;

	if (!start(g) || !snapshot_get(g, &before))
		return;
	snapshot_set(g, &before);
	finish(g, &before);
	snapshot_free(&before);
}

void test_state_blocks(void)
{
	unsigned int i;

	guest_test("state/reset", reset);
	guest_test("state/init", init);
	guest_test_mode("state/round_trip", LONG64, round_trip);
	guest_test_mode("state/refuse_xstate", LONG64, xstate);
	for (i = 0; i < ARRAY_SIZE(refusals); i++) {
		refusal = &refusals[i];
		guest_test_mode(refusal->name, LONG64, refuse);
	}
}
