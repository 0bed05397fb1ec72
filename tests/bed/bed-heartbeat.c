// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Gives each CPU of the QEMU bed an interrupt whenever a byte comes by the port
 * "bed.heartbeat".
 *
 * QEMU's helper_vmrun() sets CPU_INTERRUPT_VIRQ in cpu->interrupt_request
 * without the lock, when V_IRQ is set in the VMCB.  An interrupt of the host
 * that arrives in that moment stays in the IRR of its local APIC, and the CPU
 * never looks: was it the timer's, that CPU has no clock any more.  Any later
 * interrupt makes it look again.  The bytes come from outside, so that no timer
 * of the host is needed.
 */
#define _GNU_SOURCE
#include <err.h>
#include <sched.h>
#include <unistd.h>

int main(void)
{
	const struct sched_param first = { .sched_priority = 1 };
	long cpus = sysconf(_SC_NPROCESSORS_CONF), cpu;
	cpu_set_t set;
	char beats[64];

	/* Where it moves to, it takes the CPU from whatever runs there. */
	if (sched_setscheduler(0, SCHED_FIFO, &first))
		err(1, "sched_setscheduler");
	while (read(STDIN_FILENO, beats, sizeof(beats)) > 0) {
		for (cpu = 0; cpu < cpus; cpu++) {
			CPU_ZERO(&set);
			CPU_SET(cpu, &set);
			/* Fails when that CPU is offline. */
			sched_setaffinity(0, sizeof(set), &set);
		}
	}
	return 0;
}
