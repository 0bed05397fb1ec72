/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the vCPUs of a VM lie in sockets, cores and threads: their APIC IDs, and
 * the CPUID leaves that tell the guest (SDM Vol. 3, "Hierarchical Mapping of
 * Shared Resources" and "Hierarchical Mapping of CPUID Extended Topology Leaf";
 * APM Vol. 3, "CPUID Fn8000_0008_ECX" and "CPUID Fn8000_001E").
 *
 * An APIC ID is, from its low end, the thread in its core, the core in its
 * socket and the socket; thread and core have as many bits as their highest
 * number needs. With three cores in a socket the IDs therefore have gaps.
 */
#ifndef HOLM_TOPOLOGY_H
#define HOLM_TOPOLOGY_H

#include <stddef.h>
#include <stdint.h>

#include <linux/holm.h>

#include "err.h"

/**
 * struct cpu_topology - sockets x cores x threads vCPUs
 * @sockets: packages
 * @cores: in each socket
 * @threads: in each core
 */
struct cpu_topology {
	unsigned int sockets, cores, threads;
};

/**
 * topology_parse() - read "N[,sockets=S][,cores=C][,threads=T]", in any order
 * @str: what the user wrote
 * @topo: result; untouched on failure
 * @err: what is wrong
 *
 * What is not given follows from N: first the cores, then the sockets, then
 * the threads are as many as are missing, and 1 where nothing is missing.
 *
 * Return: 0, or -1 with @err set: not a topology, S x C x T is not N, or the
 * highest APIC ID is beyond HOLM_MAX_VCPUS - 1.
 */
int topology_parse(const char *str, struct cpu_topology *topo, struct err *err);

/* The number of vCPUs. */
static inline unsigned int topology_cpus(const struct cpu_topology *topo)
{
	return topo->sockets * topo->cores * topo->threads;
}

/**
 * topology_apic_id() - the APIC ID of a vCPU
 * @topo: checked
 * @index: 0 to topology_cpus() - 1; threads of a core are neighbours
 */
unsigned int topology_apic_id(const struct cpu_topology *topo, unsigned int index);

/**
 * topology_cpuid() - fill in the leaves that tell the topology
 * @topo: checked
 * @index: the vCPU's
 * @entries: its table, as HOLM_GET_SUPPORTED_CPUID gave it: leaves that it does
 *	not have are not added
 * @nent: entries
 *
 * The APIC ID itself is put in by the driver.
 */
void topology_cpuid(const struct cpu_topology *topo, unsigned int index,
		    struct holm_cpuid_entry *entries, unsigned int nent);

#endif /* HOLM_TOPOLOGY_H */
