// SPDX-License-Identifier: LGPL-2.1-or-later
/* What the values of the family "holm" are called in its specification. */
#include <linux/holm.h>
#include <stdio.h>

#include "control_int.h"

void holm_uuid_text(const uint8_t u[HOLM_UUID_LEN], char text[HOLM_UUID_TEXT])
{
	snprintf(text, HOLM_UUID_TEXT,
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12],
		 u[13], u[14], u[15]);
}

static const char *name_of(const char *const *names, size_t n, uint32_t value)
{
	return value < n ? names[value] : "?";
}

const char *holm_vm_state_name(uint32_t state)
{
	static const char *const names[] = {
		[HOLM_VM_STATE_CREATED] = "created",
		[HOLM_VM_STATE_RUNNING] = "running",
		[HOLM_VM_STATE_SHUTDOWN] = "shutdown",
		[HOLM_VM_STATE_FAILED] = "failed",
		[HOLM_VM_STATE_PAUSED] = "paused",
	};

	return name_of(names, ARRAY_SIZE(names), state);
}

const char *holm_vcpu_state_name(uint32_t state)
{
	static const char *const names[] = {
		[HOLM_VCPU_STATE_CREATED] = "created",
		[HOLM_VCPU_STATE_CONFIGURED] = "configured",
		[HOLM_VCPU_STATE_RUNNABLE] = "runnable",
		[HOLM_VCPU_STATE_HALTED] = "halted",
		[HOLM_VCPU_STATE_WAIT_FOR_SIPI] = "wait-for-sipi",
		[HOLM_VCPU_STATE_DYING] = "dying",
	};

	return name_of(names, ARRAY_SIZE(names), state);
}

const char *holm_vm_event_name(uint32_t event)
{
	static const char *const names[] = {
		[HOLM_VM_EVENT_CREATED] = "created",
		[HOLM_VM_EVENT_STARTED] = "started",
		[HOLM_VM_EVENT_DESTROYED] = "destroyed",
		[HOLM_VM_EVENT_SHUTDOWN] = "shutdown",
		[HOLM_VM_EVENT_ENTRY_FAILED] = "entry-failed",
		[HOLM_VM_EVENT_INTERNAL_ERROR] = "internal-error",
		[HOLM_VM_EVENT_MEMORY_FAULT] = "memory-fault",
		[HOLM_VM_EVENT_UNHANDLED_MSR] = "unhandled-msr",
		[HOLM_VM_EVENT_PAUSED] = "paused",
		[HOLM_VM_EVENT_RESUMED] = "resumed",
		[HOLM_VM_EVENT_RENAMED] = "renamed",
		[HOLM_VM_EVENT_GUEST_RESET] = "guest-reset",
		[HOLM_VM_EVENT_GUEST_SHUTDOWN] = "guest-shutdown",
		[HOLM_VM_EVENT_CRASHED] = "crashed",
	};

	if (event == HOLM_EVENT_WATCH)
		return "watch";
	return name_of(names, ARRAY_SIZE(names), event);
}

const char *holm_exit_reason_name(uint32_t reason)
{
	static const char *const names[] = {
		[HOLM_EXIT_REASON_OTHER] = "other",
		[HOLM_EXIT_REASON_EXTERNAL_INTERRUPT] = "external-interrupt",
		[HOLM_EXIT_REASON_NMI] = "nmi",
		[HOLM_EXIT_REASON_WINDOW] = "window",
		[HOLM_EXIT_REASON_EXCEPTION] = "exception",
		[HOLM_EXIT_REASON_CPUID] = "cpuid",
		[HOLM_EXIT_REASON_HLT] = "hlt",
		[HOLM_EXIT_REASON_PAUSE] = "pause",
		[HOLM_EXIT_REASON_HYPERCALL] = "hypercall",
		[HOLM_EXIT_REASON_CR] = "cr",
		[HOLM_EXIT_REASON_DR] = "dr",
		[HOLM_EXIT_REASON_IO] = "io",
		[HOLM_EXIT_REASON_RDMSR] = "rdmsr",
		[HOLM_EXIT_REASON_WRMSR] = "wrmsr",
		[HOLM_EXIT_REASON_PAGE_FAULT] = "page-fault",
		[HOLM_EXIT_REASON_APIC] = "apic",
		[HOLM_EXIT_REASON_INSTRUCTION] = "instruction",
		[HOLM_EXIT_REASON_TASK_SWITCH] = "task-switch",
		[HOLM_EXIT_REASON_SHUTDOWN] = "shutdown",
		[HOLM_EXIT_REASON_INIT] = "init",
		[HOLM_EXIT_REASON_ENTRY_FAILED] = "entry-failed",
	};

	_Static_assert(ARRAY_SIZE(names) == HOLM_EXIT_REASONS, "a name for each reason");
	return name_of(names, ARRAY_SIZE(names), reason);
}

const char *holm_watch_kind_name(uint32_t kind)
{
	static const char *const names[] = {
		[HOLM_WATCH_KIND_EXIT_RATE] = "exit-rate",
		[HOLM_WATCH_KIND_RESIDENT] = "resident",
		[HOLM_WATCH_KIND_NO_PROGRESS] = "no-progress",
	};

	return name_of(names, ARRAY_SIZE(names), kind);
}

/* ---- what is counted from 0 on ---------------------------------------------------- */

static const char *nth(const char *const *names, size_t n, size_t i)
{
	return i < n ? names[i] : NULL;
}

const char *holm_mitigation_name(size_t bit)
{
	static const char *const names[] = {
		"l1d-flush", "cpu-buffer-clear", "rsb-fill", "ibpb-on-exit", "ibpb-on-switch",
		"spec-ctrl", "nx-huge-pages", "bhb-clear", "ibpb-to-user",
	};

	_Static_assert(1 << (ARRAY_SIZE(names) - 1) == HOLM_MITIGATION_IBPB_TO_USER,
		       "a name for each bit");
	return nth(names, ARRAY_SIZE(names), bit);
}

const char *holm_vm_feature_name(size_t bit)
{
	static const char *const names[] = {
		"dirty-log", "tsc-scaling", "kvmclock", "steal-time", "async-page-fault",
		"pv-eoi", "stats",
	};

	_Static_assert(1 << (ARRAY_SIZE(names) - 1) == HOLM_VM_FEATURE_STATS,
		       "a name for each bit");
	return nth(names, ARRAY_SIZE(names), bit);
}

const char *holm_host_feature_name(size_t bit)
{
	static const char *const names[] = {
		"dirty-log", "hw-dirty-log", "readonly-slot", "page-2m", "page-1g", "x2apic",
		"tsc-deadline", "tsc-scaling", "apicv", "decode-assist", "ioeventfd", "irqfd",
	};

	_Static_assert(1ULL << (ARRAY_SIZE(names) - 1) == HOLM_CAP_IRQFD, "a name for each bit");
	return nth(names, ARRAY_SIZE(names), bit);
}

const char *holm_vcpu_counter_name(size_t n)
{
	static const char *const names[] = {
		"exits", "exits-user", "exits-io", "exits-mmio", "entries-failed", "halts",
		"halt-polls", "halt-sleeps", "yields", "faults", "interrupts", "nmis",
		"tlb-flushes",
	};

	_Static_assert(ARRAY_SIZE(names) ==
		       ARRAY_SIZE(((struct holm_vcpu_info *)NULL)->counter),
		       "a name for each counter");
	return nth(names, ARRAY_SIZE(names), n);
}
