/* SPDX-License-Identifier: GPL-2.0-only */
/* Tracepoints holm:*, for perf and bpftrace. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM holm

#if !defined(HOLM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define HOLM_TRACE_H

#include <linux/tracepoint.h>

#include "holm.h"

/* The vCPU is about to enter the guest. */
TRACE_EVENT(holm_entry,
	TP_PROTO(struct holm_vcpu *vcpu),
	TP_ARGS(vcpu),
	TP_STRUCT__entry(
		__field(u32, vcpu)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu->apic_id;
	),
	TP_printk("vcpu %u", __entry->vcpu)
);

/* Once for the values, which perf needs to resolve the names, and once for those. */
#define HOLM_EXIT_REASONS_TRACED			\
	EM(OTHER, "other")			\
	EM(EXTERNAL_INTERRUPT, "external-interrupt")\
	EM(NMI, "nmi")				\
	EM(WINDOW, "window")			\
	EM(EXCEPTION, "exception")		\
	EM(CPUID, "cpuid")			\
	EM(HLT, "hlt")				\
	EM(PAUSE, "pause")			\
	EM(HYPERCALL, "hypercall")		\
	EM(CR, "cr")				\
	EM(DR, "dr")				\
	EM(IO, "io")				\
	EM(RDMSR, "rdmsr")			\
	EM(WRMSR, "wrmsr")			\
	EM(PAGE_FAULT, "page-fault")		\
	EM(APIC, "apic")			\
	EM(INSTRUCTION, "instruction")		\
	EM(TASK_SWITCH, "task-switch")		\
	EM(SHUTDOWN, "shutdown")		\
	EM(INIT, "init")			\
	EMe(ENTRY_FAILED, "entry-failed")

#undef EM
#undef EMe
#define EM(reason, name)	TRACE_DEFINE_ENUM(HOLM_EXIT_REASON_##reason);
#define EMe(reason, name)	TRACE_DEFINE_ENUM(HOLM_EXIT_REASON_##reason);

HOLM_EXIT_REASONS_TRACED

#undef EM
#undef EMe
#define EM(reason, name)	{ HOLM_EXIT_REASON_##reason, name },
#define EMe(reason, name)	{ HOLM_EXIT_REASON_##reason, name }

/*
 * The guest left. @reason is an enum holm_exit_reason, @code the vendor's exit
 * reason or exit code, @q1 and @q2 its qualifiers (exit qualification and
 * interruption information, or EXITINFO1 and EXITINFO2).
 */
TRACE_EVENT(holm_exit,
	TP_PROTO(struct holm_vcpu *vcpu, u32 reason, u64 code, u64 rip, u64 q1, u64 q2),
	TP_ARGS(vcpu, reason, code, rip, q1, q2),
	TP_STRUCT__entry(
		__field(u32, vcpu)
		__field(u32, reason)
		__field(u64, code)
		__field(u64, rip)
		__field(u64, q1)
		__field(u64, q2)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu->apic_id;
		__entry->reason = reason;
		__entry->code = code;
		__entry->rip = rip;
		__entry->q1 = q1;
		__entry->q2 = q2;
	),
	TP_printk("vcpu %u %s code 0x%llx rip 0x%llx q1 0x%llx q2 0x%llx", __entry->vcpu,
		  __print_symbolic(__entry->reason, HOLM_EXIT_REASONS_TRACED), __entry->code,
		  __entry->rip, __entry->q1, __entry->q2)
);

/* A second-level fault was answered: @result as holm_mmu_fault() returns it. */
TRACE_EVENT(holm_fault,
	TP_PROTO(struct holm_vcpu *vcpu, u64 gpa, u32 access, int result),
	TP_ARGS(vcpu, gpa, access, result),
	TP_STRUCT__entry(
		__field(u32, vcpu)
		__field(u64, gpa)
		__field(u32, access)
		__field(int, result)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu->apic_id;
		__entry->gpa = gpa;
		__entry->access = access;
		__entry->result = result;
	),
	TP_printk("vcpu %u gpa 0x%llx %s%s%s result %d", __entry->vcpu, __entry->gpa,
		  __entry->access & HOLM_ACCESS_READ ? "r" : "",
		  __entry->access & HOLM_ACCESS_WRITE ? "w" : "",
		  __entry->access & HOLM_ACCESS_FETCH ? "x" : "", __entry->result)
);

/* An event is delivered at the next entry. */
TRACE_EVENT(holm_inject,
	TP_PROTO(struct holm_vcpu *vcpu, const struct holm_event *event),
	TP_ARGS(vcpu, event),
	TP_STRUCT__entry(
		__field(u32, vcpu)
		__field(u8, type)
		__field(u8, vector)
		__field(u32, error_code)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu->apic_id;
		__entry->type = event->type;
		__entry->vector = event->vector;
		__entry->error_code = event->error_code;
	),
	TP_printk("vcpu %u type %u vector %u error 0x%x", __entry->vcpu, __entry->type,
		  __entry->vector, __entry->error_code)
);

/* A slot was set, changed or removed. */
TRACE_EVENT(holm_slot,
	TP_PROTO(const struct holm_slot *slot, int result),
	TP_ARGS(slot, result),
	TP_STRUCT__entry(
		__field(u32, slot)
		__field(u32, flags)
		__field(u64, gpa)
		__field(u64, size)
		__field(u64, uaddr)
		__field(int, result)
	),
	TP_fast_assign(
		__entry->slot = slot->slot;
		__entry->flags = slot->flags;
		__entry->gpa = slot->gpa;
		__entry->size = slot->size;
		__entry->uaddr = slot->uaddr;
		__entry->result = result;
	),
	TP_printk("slot %u flags 0x%x gpa 0x%llx size 0x%llx uaddr 0x%llx result %d",
		  __entry->slot, __entry->flags, __entry->gpa, __entry->size,
		  __entry->uaddr, __entry->result)
);

/* One field of the control structure after the CPU refused to enter. */
TRACE_EVENT(holm_dump,
	TP_PROTO(struct holm_vcpu *vcpu, const char *name, u64 value),
	TP_ARGS(vcpu, name, value),
	TP_STRUCT__entry(
		__field(u32, vcpu)
		__array(char, name, 24)
		__field(u64, value)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu->apic_id;
		strscpy(__entry->name, name, sizeof(__entry->name));
		__entry->value = value;
	),
	TP_printk("vcpu %u %s 0x%llx", __entry->vcpu, __entry->name, __entry->value)
);

#endif /* HOLM_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace

#include <trace/define_trace.h>
