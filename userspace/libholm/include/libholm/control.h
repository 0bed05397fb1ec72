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

/* How many values enum holm_exit_reason has. */
#define HOLM_EXIT_REASONS	(HOLM_EXIT_REASON_ENTRY_FAILED + 1)

/* struct holm_event_info.event of a watch; no enum holm_vm_event. */
#define HOLM_EVENT_WATCH	UINT32_MAX

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
 * @has_mitigations: @mitigations is valid: the module tells them
 * @mitigations: enum holm_mitigation, what the driver does on this CPU
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
	bool has_mitigations;
	uint64_t mitigations;
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
 * @has_features: @features is valid
 * @features: enum holm_vm_feature
 * @has_ple: @ple_gap and @ple_window are valid: the CPU looks for PAUSE loops
 * @ple_gap: most TSC ticks between the PAUSEs of one loop
 * @ple_window: how long a loop runs before its vCPU yields
 * @has_stats: @stats is valid
 * @stats: exits are counted and timed by reason
 * @has_pages: the three counts are valid
 * @pages_4k: pages of 4 KiB in the second-level page tables
 * @pages_2m: pages of 2 MiB
 * @pages_1g: pages of 1 GiB
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
	bool has_features;
	bool has_ple;
	bool has_stats;
	bool stats;
	bool has_pages;
	uint32_t ple_gap;
	uint32_t ple_window;
	uint64_t features;
	uint64_t pages_4k;
	uint64_t pages_2m;
	uint64_t pages_1g;
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
 * @has_last_exit: @last_exit is valid: statistics were on
 * @last_exit: enum holm_exit_reason
 * @has_times: the four times are valid: statistics were on
 * @guest_ns: in the guest
 * @kernel_ns: in the driver, and in the host's interrupts that came there
 * @user_ns: in the launcher
 * @halted_ns: waiting for an interrupt or a start-up IPI
 * @has_reasons: @by_reason is valid: statistics were on
 * @by_reason: exits by enum holm_exit_reason
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
	bool has_last_exit;
	bool has_times;
	bool has_reasons;
	uint32_t last_exit;
	uint64_t guest_ns;
	uint64_t kernel_ns;
	uint64_t user_ns;
	uint64_t halted_ns;
	uint64_t by_reason[HOLM_EXIT_REASONS];
};

/* What a struct holm_vm_change changes. */
#define HOLM_CHANGE_PAUSED	(1U << 0)
#define HOLM_CHANGE_NAME	(1U << 1)
#define HOLM_CHANGE_HALT_POLL	(1U << 2)
#define HOLM_CHANGE_PLE_GAP	(1U << 3)
#define HOLM_CHANGE_PLE_WINDOW	(1U << 4)
#define HOLM_CHANGE_STATS	(1U << 5)

/**
 * struct holm_vm_change - what is to be different of a virtual machine
 * @what: HOLM_CHANGE_*, at least one; of the members below those that count
 * @paused: no vCPU runs
 * @stats: exits are counted and timed by reason
 * @name: its new name
 * @halt_poll_ns: how long HLT polls at most
 * @ple_gap: see struct holm_vm_info
 * @ple_window: see there
 */
struct holm_vm_change {
	uint32_t what;
	bool paused;
	bool stats;
	const char *name;
	uint32_t halt_poll_ns;
	uint32_t ple_gap;
	uint32_t ple_window;
};

/**
 * struct holm_slot_info - a memory slot
 * @vm: number of its virtual machine
 * @slot: which of it
 * @flags: HOLM_SLOT_* of linux/holm.h
 * @has_pages: the three counts are valid
 * @has_dirty: @dirty is valid: writes are logged
 * @gpa: first guest-physical address
 * @size: bytes
 * @pages_4k: pages of 4 KiB that the guest has translations for
 * @pages_2m: pages of 2 MiB
 * @pages_1g: pages of 1 GiB
 * @dirty: pages of 4 KiB written since the log was read
 */
struct holm_slot_info {
	uint32_t vm;
	uint32_t slot;
	uint32_t flags;
	bool has_pages;
	bool has_dirty;
	uint64_t gpa;
	uint64_t size;
	uint64_t pages_4k;
	uint64_t pages_2m;
	uint64_t pages_1g;
	uint64_t dirty;
};

/**
 * struct holm_stats_info - exits of a vCPU for one reason
 * @vm: number of its virtual machine
 * @vcpu: which of it
 * @reason: enum holm_exit_reason
 * @count: how many
 * @time_ns: until the next entries of the guest, whoever took it; the sum
 * @histogram: bucket n: how many took 2^n ns and more, and less than 2^(n + 1);
 *	the first also 0, the last all that took longer
 */
struct holm_stats_info {
	uint32_t vm;
	uint32_t vcpu;
	uint32_t reason;
	uint64_t count;
	uint64_t time_ns;
	uint64_t histogram[HOLM_HISTOGRAM_LEN];
};

/**
 * struct holm_event_info - something that happened
 * @group: HOLM_MCGRP_LIFECYCLE, HOLM_MCGRP_FAULT or HOLM_MCGRP_WATCH
 * @seq: its number in the group; where one is left out an event was lost. 0: not
 *	told, of a watch to one who may not join the group
 * @event: enum holm_vm_event; HOLM_EVENT_WATCH in the group watch
 * @time_ns: CLOCK_BOOTTIME
 * @vm: number of the virtual machine
 * @uid: owner
 * @uuid: of the virtual machine
 * @name: of it
 * @has_vcpu: @vcpu is valid
 * @vcpu: APIC ID of the vCPU
 * @has_reason: @reason is valid
 * @reason: of a fault; with HOLM_VM_EVENT_CRASHED an enum holm_vm_event
 * @has_summary: @uptime_ns and @exits are valid
 * @uptime_ns: how long it was there
 * @exits: of all its vCPUs
 * @has_watch: @kind, @threshold and @value are valid
 * @kind: enum holm_watch_kind
 * @threshold: of the watch
 * @value: what passed it
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
	bool has_watch;
	uint32_t kind;
	uint64_t threshold;
	uint64_t value;
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
 * holm_ctl_set() - change a virtual machine
 * @ctl: the connection
 * @id: its number
 * @change: what is to be different
 *
 * All of it is changed, or nothing.
 */
int holm_ctl_set(struct holm_ctl *ctl, uint32_t id, const struct holm_vm_change *change);

/* Memory slots of virtual machine @id, or with 0 of all, as holm_ctl_vms(). */
int holm_ctl_slots(struct holm_ctl *ctl, uint32_t id, struct holm_slot_info **slots, size_t *n);

/**
 * holm_ctl_stats() - exits by reason
 * @ctl: the connection
 * @id: number of a virtual machine; 0: of all
 * @reset: they begin at 0 again, after what is told now
 * @stats: an array, to be freed; nothing of reasons for which there was no exit
 * @n: its length
 *
 * Only of virtual machines for which HOLM_CHANGE_STATS has switched this on.
 */
int holm_ctl_stats(struct holm_ctl *ctl, uint32_t id, bool reset, struct holm_stats_info **stats,
		   size_t *n);

/**
 * holm_ctl_listen() - have the events of all virtual machines
 * @ctl: the connection
 *
 * -EPERM: needs CAP_NET_ADMIN in the user namespace that owns the network
 * namespace. Requests are allowed afterwards: events that come meanwhile are kept for
 * holm_ctl_receive(), but not without end. A request fails with -ENOBUFS where it was
 * the answer that was lost among them; what was asked for may be done.
 */
int holm_ctl_listen(struct holm_ctl *ctl);

/**
 * holm_ctl_watch() - have an event when a value passes a threshold
 * @ctl: the connection, which gets the event; it need not listen
 * @id: number of a virtual machine that the caller may see
 * @kind: enum holm_watch_kind
 * @threshold: in the unit of @kind; 0: take the watch away
 *
 * One event, and the next when the value was below it meanwhile. A connection has
 * one watch of a kind for a virtual machine; it ends with either of them.
 */
int holm_ctl_watch(struct holm_ctl *ctl, uint32_t id, uint32_t kind, uint64_t threshold);

/* To wait for input on. */
int holm_ctl_fd(const struct holm_ctl *ctl);

/*
 * Whether an event came with the answer to a request, or was lost then, so that
 * holm_ctl_receive() has something to tell though there may be no input.
 */
bool holm_ctl_pending(const struct holm_ctl *ctl);

/**
 * holm_ctl_receive() - events that have come; waits for one
 * @ctl: after holm_ctl_listen() or holm_ctl_watch()
 * @fn: called for each; not allowed to use @ctl
 * @arg: for @fn
 *
 * Returns with none where a message was no event of interest. -ENOBUFS: some were
 * lost, now or during a request; the next call goes on. -EINTR: a signal came while
 * it waited.
 */
int holm_ctl_receive(struct holm_ctl *ctl,
		     void (*fn)(const struct holm_event_info *event, void *arg), void *arg);

/* "00112233-4455-6677-8899-aabbccddeeff" */
void holm_uuid_text(const uint8_t uuid[HOLM_UUID_LEN], char text[HOLM_UUID_TEXT]);

/* Names of enum values, as in the specification of the family; "?" otherwise. */
const char *holm_vm_state_name(uint32_t state);
const char *holm_vcpu_state_name(uint32_t state);
const char *holm_vm_event_name(uint32_t event);
const char *holm_exit_reason_name(uint32_t reason);
const char *holm_watch_kind_name(uint32_t kind);

/* The same of bit @bit of a mask; NULL behind the last one. */
const char *holm_mitigation_name(size_t bit);
const char *holm_vm_feature_name(size_t bit);
const char *holm_host_feature_name(size_t bit);

/* Of struct holm_vcpu_info.counter[@n]; NULL behind the last one. */
const char *holm_vcpu_counter_name(size_t n);

#ifdef __cplusplus
}
#endif

#endif /* LIBHOLM_CONTROL_H */
