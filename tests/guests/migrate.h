/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The whole state of a vCPU, and its way into another VM.
 */
#ifndef GUEST_MIGRATE_H
#define GUEST_MIGRATE_H

#include "guest.h"

#define SNAPSHOT_MSRS	12

/* XSTATE is allocated: snapshot_free(). */
struct snapshot {
	struct holm_regs regs;
	struct holm_sregs sregs;
	struct holm_debugregs dregs;
	struct holm_events events;
	struct holm_lapic lapic;
	struct holm_mp_state mp;
	struct holm_tsc tsc;
	struct holm_msr msrs[SNAPSHOT_MSRS];
	unsigned int nmsrs;
	struct holm_xstate *xstate;
	uint32_t xstate_size;
};

/* Get all blocks; false with a failure. The vCPU's last exit must be settled. */
bool snapshot_get(struct guest *g, struct snapshot *s);
bool snapshot_set(struct guest *g, const struct snapshot *s);
void snapshot_free(struct snapshot *s);

/* The block in which two differ, or NULL. Running timers may. */
const char *snapshot_differ(const struct snapshot *a, const struct snapshot *b);

/* Go on in another VM, which takes the memory over. */
void migrate(struct guest *g);

#endif
