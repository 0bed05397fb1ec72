/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guests that a test drives step by step: by exits, by signals, by another VM.
 */
#ifndef GUEST_STEPS_H
#define GUEST_STEPS_H

#include "calls.h"
#include "guest.h"

/* For rows that go on in an interrupt shadow; it saves it at an exit. */
#define NO_SHADOW	"QEMU's VMRUN does not load the interrupt shadow"

/*
 * RFLAGS of a guest that must be interrupted while it makes no exits: Bochs
 * keeps the host's interrupts pending while the guest's IF is clear.
 */
static inline uint64_t spin_flags(void)
{
	return hv.bochs ? RFLAGS_IF : 0;
}

/* Software-enable the LAPIC, whose gates and registers are as after reset. */
void lapic_on(struct guest *g);
uint32_t lapic_get(struct guest *g, uint32_t offset);
void lapic_put(struct guest *g, uint32_t offset, uint32_t value);

/* A 64-bit interrupt gate to a guest's own handler. */
void gate64(struct guest *g, unsigned int vector, uint64_t handler);

/* struct guest_row.setup: the guest's own handler of #DB, for single steps or breakpoints. */
void step_handler(struct guest *g);
void bp_handler(struct guest *g);
/* struct guest_row.setup: the recording handler, which clears DR6. */
void dr6_clear(struct guest *g);

/* Raise an exception with the next HOLM_RUN; @flags: HOLM_EVENT_HAS_*. */
void raise_exception(struct guest *g, uint8_t vector, uint8_t flags, uint32_t error,
		     uint64_t payload);

/* Events of each kind, as struct guest_row.call has it. */
#define MSI_ADDRESS	0xfee00000	/* APIC ID 0 */
void send_irq(struct guest *g, unsigned int n);		/* VEC_IRQ */
void send_nmi(struct guest *g, unsigned int n);
void send_msi(struct guest *g, unsigned int n);		/* VEC_MSI */
void send_extint(struct guest *g, unsigned int n);	/* VEC_EXTINT */
/* A message that the vCPU must accept. */
void signal_msi(struct guest *g, uint32_t data);

/* All second-level translations go: the next accesses fault. */
void make_cold(struct guest *g);

/* HOLM_RUN until this exit, which is not answered. False with a failure. */
bool run_to(struct guest *g, uint32_t reason);

/* Finish the exit that was answered, without running on. */
void settle(struct guest *g);

/*
 * In the interrupt shadow of an instruction that ended with HOLM_EXIT_MMIO: an
 * interrupt or NMI comes, then there is memory, and the instruction at @at is
 * executed in the CPU before the event is taken.
 */
void shadow_run(struct guest *g, uint64_t at, bool nmi);

uint32_t mp_state(struct guest *g);

/*
 * A second thread that interrupts HOLM_RUN of the caller's by a signal, again
 * and again, until it is stopped. One at a time.
 */
void pulse_start(struct guest *g, unsigned int microseconds);
void pulse_stop(void);

/* Parts of tables that have files of their own. */
void test_event_steps(void);
void test_event_loops(void);
void test_delivery(void);
void test_state_blocks(void);

#endif
