/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The control plane: which virtual machines run on this machine, how they fare,
 * and what happens to them, over the generic netlink family "holm"
 * (linux/holm_netlink.h).
 *
 * Functions return 0, or a negative errno of which holm_ctl_error() tells more.
 * A connection belongs to one thread at a time.
 */
#ifndef LIBHOLM_CONTROL_H
#define LIBHOLM_CONTROL_H

#include <linux/holm_netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HOLM_UUID_TEXT	37	/* bytes of a UUID as text, with the NUL */

struct holm_ctl;

/**
 * struct holm_host_info - the driver
 * @version: of the module
 * @backend: "vmx" or "svm"
 * @features: HOLM_CAP_*
 * @api_version: HOLM_API_VERSION of the module
 * @tsc_khz: frequency of the time-stamp counter
 * @max_vcpus: of one virtual machine
 * @max_slots: of one virtual machine
 * @vms: virtual machines that the caller may see
 * @vcpus: their vCPUs
 */
struct holm_host_info {
	char version[32];
	char backend[16];
	uint64_t features;
	uint32_t api_version;
	uint32_t tsc_khz;
	uint32_t max_vcpus;
	uint32_t max_slots;
	uint32_t vms;
	uint32_t vcpus;
};

/**
 * struct holm_vm_info - a virtual machine
 * @id: number
 * @uid: owner
 * @pid: launcher, 0 when it is not in the caller's PID namespace
 * @state: enum holm_vm_state
 * @vcpus: how many it has
 * @netns: inode number of its network namespace
 * @halt_poll_ns: how long HLT polls at most
 * @memory: guest-physical memory, bytes
 * @resident: of the launcher, bytes in RAM
 * @uptime_ns: since it was created
 * @exits: of all its vCPUs
 * @uuid: in the order of bytes of RFC 9562
 * @name: NUL-terminated
 */
struct holm_vm_info {
	uint32_t id;
	uint32_t uid;
	uint32_t pid;
	uint32_t state;
	uint32_t vcpus;
	uint32_t netns;
	uint32_t halt_poll_ns;
	uint64_t memory;
	uint64_t resident;
	uint64_t uptime_ns;
	uint64_t exits;
	uint8_t uuid[HOLM_UUID_LEN];
	char name[HOLM_NAME_MAX + 1];
};

/**
 * struct holm_vcpu_info - a vCPU
 * @vm: number of its virtual machine
 * @index: which of it
 * @apic_id: its APIC ID
 * @state: enum holm_vcpu_state
 * @in_guest: it executes the guest's instructions
 * @cpu: of the host; -1 when it never ran
 * @tid: thread of the last HOLM_RUN
 * @counter: by HOLM_A_VCPU_EXITS + n, as far as HOLM_A_VCPU_TLB_FLUSHES
 */
struct holm_vcpu_info {
	uint32_t vm;
	uint32_t index;
	uint32_t apic_id;
	uint32_t state;
	bool in_guest;
	int32_t cpu;
	uint32_t tid;
	uint64_t counter[HOLM_A_VCPU_TLB_FLUSHES - HOLM_A_VCPU_EXITS + 1];
};

/**
 * struct holm_event_info - something that happened
 * @group: HOLM_MCGRP_LIFECYCLE or HOLM_MCGRP_FAULT
 * @seq: its number in the group; where one is left out an event was lost
 * @event: enum holm_vm_event
 * @time_ns: CLOCK_BOOTTIME
 * @vm: number of the virtual machine
 * @uid: owner
 * @uuid: of the virtual machine
 * @name: of it
 * @has_vcpu: @vcpu is valid
 * @vcpu: APIC ID of the vCPU
 * @has_reason: @reason is valid
 * @reason: of a fault
 * @has_summary: @uptime_ns and @exits are valid
 * @uptime_ns: how long it was there
 * @exits: of all its vCPUs
 */
struct holm_event_info {
	const char *group;
	uint64_t seq;
	uint32_t event;
	uint64_t time_ns;
	uint32_t vm;
	uint32_t uid;
	uint8_t uuid[HOLM_UUID_LEN];
	char name[HOLM_NAME_MAX + 1];
	bool has_vcpu;
	uint32_t vcpu;
	bool has_reason;
	uint64_t reason;
	bool has_summary;
	uint64_t uptime_ns;
	uint64_t exits;
};

/**
 * holm_ctl_open() - connect
 * @ctl: the connection; where this fails, NULL or one to ask for the message
 *
 * -ENOENT: the module is not loaded.
 */
int holm_ctl_open(struct holm_ctl **ctl);

/* @ctl: may be NULL. */
void holm_ctl_close(struct holm_ctl *ctl);

/* What the last call that failed had to say; never NULL. */
const char *holm_ctl_error(const struct holm_ctl *ctl);

int holm_ctl_host(struct holm_ctl *ctl, struct holm_host_info *host);

/**
 * holm_ctl_vms() - the virtual machines that the caller may see
 * @ctl: the connection
 * @vms: an array, to be freed; in order of their numbers
 * @n: its length
 *
 * The list is of one moment, unless virtual machines come and go faster than it
 * can be read.
 */
int holm_ctl_vms(struct holm_ctl *ctl, struct holm_vm_info **vms, size_t *n);

/* One of them, by its number: -ENOENT when it is gone. */
int holm_ctl_vm(struct holm_ctl *ctl, uint32_t id, struct holm_vm_info *vm);

/* vCPUs of virtual machine @id, or with 0 of all, as holm_ctl_vms(). */
int holm_ctl_vcpus(struct holm_ctl *ctl, uint32_t id, struct holm_vcpu_info **vcpus, size_t *n);

/* SIGKILL for the launcher of virtual machine @id. */
int holm_ctl_kill(struct holm_ctl *ctl, uint32_t id);

/**
 * holm_ctl_listen() - make this a connection that events come in by
 * @ctl: the connection; other calls are no longer allowed
 *
 * -EPERM: needs CAP_NET_ADMIN in the user namespace that owns the network
 * namespace.
 */
int holm_ctl_listen(struct holm_ctl *ctl);

/* To wait for input on. */
int holm_ctl_fd(const struct holm_ctl *ctl);

/**
 * holm_ctl_receive() - events that have come; waits for one
 * @ctl: after holm_ctl_listen()
 * @fn: called for each
 * @arg: for @fn
 *
 * -ENOBUFS: some were lost; the next call goes on. -EINTR: a signal came.
 */
int holm_ctl_receive(struct holm_ctl *ctl,
		     void (*fn)(const struct holm_event_info *event, void *arg), void *arg);

/* "00112233-4455-6677-8899-aabbccddeeff" */
void holm_uuid_text(const uint8_t uuid[HOLM_UUID_LEN], char text[HOLM_UUID_TEXT]);

/* Names of enum values, as in the specification of the family; "?" otherwise. */
const char *holm_vm_state_name(uint32_t state);
const char *holm_vcpu_state_name(uint32_t state);
const char *holm_vm_event_name(uint32_t event);

/* Of struct holm_vcpu_info.counter[@n]; NULL behind the last one. */
const char *holm_vcpu_counter_name(size_t n);

#ifdef __cplusplus
}
#endif

#endif /* LIBHOLM_CONTROL_H */
