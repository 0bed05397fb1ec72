// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Saving a vCPU by its state blocks, and loading it into a fresh one.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "calls.h"
#include "migrate.h"

/* MSRs that no other block has. */
static const uint32_t msr_list[] = {
	0x174, 0x175, 0x176,					/* SYSENTER_* */
	0x1d9,							/* DEBUGCTL */
	0x277,							/* PAT */
	0x2ff,							/* MTRR_DEF_TYPE */
	0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084,		/* STAR .. FMASK */
	0xc0000102,						/* KERNEL_GS_BASE */
	0xc0000103,						/* TSC_AUX */
};

_Static_assert(ARRAY_SIZE(msr_list) == SNAPSHOT_MSRS, "SNAPSHOT_MSRS");

bool snapshot_get(struct guest *g, struct snapshot *s)
{
	unsigned int i;

	memset(s, 0, sizeof(*s));
	s->xstate_size = hv.caps.xstate_size;
	s->xstate = calloc(1, s->xstate_size);
	if (!s->xstate) {
		guest_fail(g, "no memory for the vector state");
		return false;
	}
	for (i = 0; i < SNAPSHOT_MSRS; i++) {
		bool aux = msr_list[i] == MSR_TSC_AUX;

		if (!aux || hv_has(0x80000001, 0, 3, 27))
			s->msrs[s->nmsrs++].index = msr_list[i];
	}
	guest_get(g, HOLM_STATE_REGS, &s->regs, sizeof(s->regs));
	guest_get(g, HOLM_STATE_SREGS, &s->sregs, sizeof(s->sregs));
	guest_get(g, HOLM_STATE_DEBUGREGS, &s->dregs, sizeof(s->dregs));
	guest_get(g, HOLM_STATE_EVENTS, &s->events, sizeof(s->events));
	guest_get(g, HOLM_STATE_LAPIC, &s->lapic, sizeof(s->lapic));
	guest_get(g, HOLM_STATE_MP, &s->mp, sizeof(s->mp));
	guest_get(g, HOLM_STATE_TSC, &s->tsc, sizeof(s->tsc));
	guest_get(g, HOLM_STATE_MSRS, s->msrs, s->nmsrs * sizeof(s->msrs[0]));
	guest_get(g, HOLM_STATE_XSTATE, s->xstate, s->xstate_size);
	return !g->failed;
}

/* The TSC before the LAPIC, whose deadline is of it. */
bool snapshot_set(struct guest *g, const struct snapshot *s)
{
	guest_set(g, HOLM_STATE_TSC, &s->tsc, sizeof(s->tsc));
	guest_set(g, HOLM_STATE_MSRS, s->msrs, s->nmsrs * sizeof(s->msrs[0]));
	guest_set(g, HOLM_STATE_XSTATE, s->xstate, s->xstate_size);
	guest_set(g, HOLM_STATE_SREGS, &s->sregs, sizeof(s->sregs));
	guest_set(g, HOLM_STATE_REGS, &s->regs, sizeof(s->regs));
	guest_set(g, HOLM_STATE_DEBUGREGS, &s->dregs, sizeof(s->dregs));
	guest_set(g, HOLM_STATE_LAPIC, &s->lapic, sizeof(s->lapic));
	guest_set(g, HOLM_STATE_MP, &s->mp, sizeof(s->mp));
	guest_set(g, HOLM_STATE_EVENTS, &s->events, sizeof(s->events));
	return !g->failed;
}

void snapshot_free(struct snapshot *s)
{
	free(s->xstate);
	s->xstate = NULL;
}

/* A timer that runs, and what it does in the meantime: its vector in IRR. */
static struct holm_lapic without_timer(const struct holm_lapic *lapic)
{
	struct holm_lapic l = *lapic;
	unsigned int vector = l.regs[LAPIC_LVTT >> 4] & 0xff;

	l.timer_remaining = 0;
	l.tsc_deadline = 0;
	l.regs[LAPIC_TMCCT >> 4] = 0;
	l.regs[(LAPIC_IRR >> 4) + vector / 32] &= ~(1U << vector % 32);
	return l;
}

#define DIFFER(a, b, block) do {					\
	if (memcmp(&(a)->block, &(b)->block, sizeof((a)->block)))	\
		return #block;						\
} while (0)

const char *snapshot_differ(const struct snapshot *a, const struct snapshot *b)
{
	struct holm_lapic la = without_timer(&a->lapic), lb = without_timer(&b->lapic);

	DIFFER(a, b, regs);
	DIFFER(a, b, sregs);
	DIFFER(a, b, dregs);
	DIFFER(a, b, events);
	DIFFER(a, b, mp);
	DIFFER(a, b, tsc);
	DIFFER(a, b, msrs);
	if (memcmp(&la, &lb, sizeof(la)))
		return "lapic";
	if (a->xstate_size != b->xstate_size || memcmp(a->xstate, b->xstate, a->xstate_size))
		return "xstate";
	return NULL;
}

/* Another VM with the vCPU, in place of the old one. */
static bool replace(struct guest *g)
{
	struct holm_vcpu_handle old_vcpu = g->vcpu;
	uint32_t want = g->run->want;
	int old_vm = g->vm, err;

	g->vm = holm_vm_create(hv.dev, "migrated");
	if (g->vm < 0) {
		guest_fail(g, "HOLM_CREATE_VM: %s", strerror(-g->vm));
		g->vm = old_vm;
		return false;
	}
	g->vcpu.fd = -1;
	err = holm_vm_set_slot(g->vm, 0, 0, 0, RAM_SIZE, g->ram);
	if (err || guest_add_vcpu(g))
		guest_fail(g, "the second VM has no memory or no vCPU");
	else
		g->run->want = want;
	holm_vcpu_close(&old_vcpu);
	close(old_vm);
	return !g->failed;
}

void migrate(struct guest *g)
{
	struct snapshot before, after;
	const char *block;

	if (snapshot_get(g, &before) && replace(g) && snapshot_set(g, &before)) {
		if (snapshot_get(g, &after)) {
			block = snapshot_differ(&before, &after);
			if (block)
				guest_fail(g, "block %s is another one in the new VM", block);
		}
		snapshot_free(&after);
	}
	snapshot_free(&before);
}
