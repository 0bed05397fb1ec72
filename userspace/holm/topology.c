// SPDX-License-Identifier: GPL-2.0-or-later
/* Sockets, cores and threads: see topology.h. */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "size.h"
#include "topology.h"

/* 01H:EBX, EDX; 04H:EAX; 0BH:ECX; 80000001H:ECX; 80000008H:ECX; 8000001EH:EBX */
#define EBX1_LOGICAL_CPUS	16	/* 8 bits */
#define EDX1_HTT		(1U << 28)
#define EAX4_LEVEL(eax)		((eax) >> 5 & 7)
#define EAX4_SHARING		14	/* 12 bits: IDs that share it, less one */
#define EAX4_CORES		26	/* 6 bits: core IDs in the socket, less one */
#define ECXB_TYPE		8
#define TYPE_SMT		1U
#define TYPE_CORE		2U
#define ECX_EXT_CMP_LEGACY	(1U << 1)
#define ECX_EXT8_ID_SIZE	12	/* 4 bits: APIC ID bits in the socket */
#define EBX_EXT1E_THREADS	8	/* 8 bits: threads of a core, less one */

static unsigned int bits_for(unsigned int n)
{
	return n > 1 ? 32 - __builtin_clz(n - 1) : 0;
}

/* The field of @width bits at @at becomes @value, or the highest that it has. */
static void put(uint32_t *reg, unsigned int at, unsigned int width, unsigned int value)
{
	uint32_t max = (1U << width) - 1;

	*reg = (*reg & ~(max << at)) | (value < max ? value : max) << at;
}

/* ---- what the user wrote --------------------------------------------------- */

static int parse_part(const char *part, struct cpu_topology *topo, struct err *err)
{
	static const char *const names[] = { "sockets", "cores", "threads" };
	unsigned int *const to[] = { &topo->sockets, &topo->cores, &topo->threads };
	const char *value = strchr(part, '='), *msg;
	uint64_t n;
	size_t i;

	for (i = 0; value && i < 3; i++)
		if (strlen(names[i]) == (size_t)(value - part) &&
		    !memcmp(part, names[i], value - part))
			break;
	if (!value || i == 3)
		return err_set(err, "\"%s\": expected sockets=, cores= or threads=", part);
	if (*to[i])
		return err_set(err, "%s= is given twice", names[i]);
	msg = number_parse(value + 1, HOLM_MAX_VCPUS, &n);
	if (msg)
		return err_set(err, "\"%s\": %s", part, msg);
	if (!n)
		return err_set(err, "\"%s\": expected at least 1", part);
	*to[i] = n;
	return 0;
}

/* Zero is what was not given. */
static int complete(struct cpu_topology *t, unsigned int cpus, struct err *err)
{
	unsigned int *const missing[] = { &t->cores, &t->sockets, &t->threads };
	unsigned int given = (t->sockets ? t->sockets : 1) * (t->cores ? t->cores : 1) *
			     (t->threads ? t->threads : 1);
	size_t i;

	for (i = 0; i < 3; i++) {
		if (*missing[i])
			continue;
		*missing[i] = given && !(cpus % given) ? cpus / given : 1;
		given *= *missing[i];
	}
	if (given != cpus)
		return err_set(err, "%u sockets of %u cores of %u threads are %u CPUs, not %u",
			       t->sockets, t->cores, t->threads, given, cpus);
	if (topology_apic_id(t, cpus - 1) >= HOLM_MAX_VCPUS)
		return err_set(err, "%u sockets of %u cores of %u threads need APIC IDs up to %u; %u is the highest there is",
			       t->sockets, t->cores, t->threads, topology_apic_id(t, cpus - 1),
			       HOLM_MAX_VCPUS - 1);
	return 0;
}

int topology_parse(const char *str, struct cpu_topology *topo, struct err *err)
{
	struct cpu_topology t = {};
	char *copy = strdup(str), *next = copy, *part;
	const char *msg;
	uint64_t cpus;
	int ret = 0;

	if (!copy)
		return err_set(err, "out of memory");
	part = strsep(&next, ",");
	msg = number_parse(part, UINT64_MAX, &cpus);
	if (msg)
		ret = err_set(err, "\"%s\": %s", part, msg);
	else if (!cpus || cpus > HOLM_MAX_VCPUS)
		ret = err_set(err, "\"%s\": expected 1 to %u CPUs", part, HOLM_MAX_VCPUS);
	while (!ret && (part = strsep(&next, ",")))
		ret = parse_part(part, &t, err);
	free(copy);
	if (!ret)
		ret = complete(&t, cpus, err);
	if (!ret)
		*topo = t;
	return ret;
}

/* ---- APIC IDs and CPUID ------------------------------------------------------ */

unsigned int topology_apic_id(const struct cpu_topology *topo, unsigned int index)
{
	unsigned int smt = bits_for(topo->threads), core = bits_for(topo->cores);
	unsigned int socket = index / topo->threads / topo->cores;

	return index % topo->threads | index / topo->threads % topo->cores << smt |
	       socket << (core + smt);
}

/* 04H and 8000001DH: the last level is the socket's, the others are a core's. */
static void cache_leaf(const struct cpu_topology *t, struct holm_cpuid_entry *e)
{
	unsigned int smt = bits_for(t->threads), core = bits_for(t->cores);
	unsigned int shared = EAX4_LEVEL(e->eax) >= 3 ? smt + core : smt;

	put(&e->eax, EAX4_SHARING, 12, (1U << shared) - 1);
	if (e->function == 4)
		put(&e->eax, EAX4_CORES, 6, (1U << core) - 1);
}

/* 0BH and 1FH: how far to shift an APIC ID, and the CPUs on this level. */
static void level_leaf(const struct cpu_topology *t, struct holm_cpuid_entry *e)
{
	unsigned int smt = bits_for(t->threads), core = bits_for(t->cores);

	e->eax = e->index ? smt + core : smt;
	e->ebx = e->index ? t->cores * t->threads : t->threads;
	e->ecx = e->index | (e->index ? TYPE_CORE : TYPE_SMT) << ECXB_TYPE;
}

static bool is_amd(const struct holm_cpuid_entry *entries, unsigned int nent)
{
	unsigned int i;

	for (i = 0; i < nent; i++)
		if (entries[i].function == 0)
			return entries[i].ecx == 0x444d4163 ||	/* "cAMD" */
			       entries[i].ecx == 0x656e6975;	/* "uine": Hygon */
	return false;
}

void topology_cpuid(const struct cpu_topology *topo, unsigned int index,
		    struct holm_cpuid_entry *entries, unsigned int nent)
{
	unsigned int in_socket = topo->cores * topo->threads;
	unsigned int id_bits = bits_for(topo->cores) + bits_for(topo->threads);
	bool amd = is_amd(entries, nent);
	unsigned int i;

	for (i = 0; i < nent; i++) {
		struct holm_cpuid_entry *e = &entries[i];

		switch (e->function) {
		case 0x00000001:
			/* Intel counts IDs, AMD logical processors. */
			put(&e->ebx, EBX1_LOGICAL_CPUS, 8, amd ? in_socket : 1U << id_bits);
			e->edx &= ~EDX1_HTT;
			if (in_socket > 1)
				e->edx |= EDX1_HTT;
			break;
		case 0x00000004:
		case 0x8000001d:
			if (e->eax & 0x1f)	/* a cache */
				cache_leaf(topo, e);
			break;
		case 0x0000000b:
		case 0x0000001f:
			level_leaf(topo, e);
			break;
		case 0x80000001:
			/* The package's CPUs are cores, not only threads of one. */
			e->ecx &= ~ECX_EXT_CMP_LEGACY;
			if (amd && topo->cores > 1)
				e->ecx |= ECX_EXT_CMP_LEGACY;
			break;
		case 0x80000008:
			if (!amd)
				break;
			put(&e->ecx, 0, 8, in_socket - 1);
			put(&e->ecx, ECX_EXT8_ID_SIZE, 4, id_bits);
			break;
		case 0x8000001e:
			e->ebx = index / topo->threads % topo->cores |
				 (topo->threads - 1) << EBX_EXT1E_THREADS;
			/* A socket is a node; there is one in each. */
			e->ecx = index / in_socket;
			break;
		}
	}
}
