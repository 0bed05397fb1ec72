// SPDX-License-Identifier: GPL-2.0-or-later
/* Counters of virtual machines in the text format of OpenMetrics 1.0. */
#include <inttypes.h>
#include <string.h>

#include "clock.h"
#include "openmetrics.h"

/* ---- the format -------------------------------------------------------------------- */

/* What stands before the samples of a family; @unit may be NULL. */
static void family(FILE *out, const char *name, const char *type, const char *unit,
		   const char *help)
{
	fprintf(out, "# TYPE %s %s\n", name, type);
	if (unit)
		fprintf(out, "# UNIT %s %s\n", name, unit);
	fprintf(out, "# HELP %s %s\n", name, help);
}

/* A label's value; names of other launchers' machines have any ASCII that prints. */
static void label(FILE *out, const char *name, const char *value)
{
	fprintf(out, "%s=\"", name);
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			fprintf(out, "\\%c", *value);
		else if (*value == '\n')
			fputs("\\n", out);
		else
			fputc(*value, out);
	}
	fputc('"', out);
}

/* "name{id="1",vm="web"", to be ended by close_labels() */
static void open_labels(FILE *out, const char *name, const struct holm_vm_info *vm)
{
	fprintf(out, "%s{id=\"%" PRIu32 "\",", name, vm->id);
	label(out, "vm", vm->name);
}

static void label_vcpu(FILE *out, const struct holm_vcpu_info *vcpu)
{
	fprintf(out, ",vcpu=\"%" PRIu32 "\"", vcpu->index);
}

static void close_labels(FILE *out, uint64_t value)
{
	fprintf(out, "} %" PRIu64 "\n", value);
}

/* Seconds without a rounding error. */
static void put_seconds(FILE *out, uint64_t ns)
{
	fprintf(out, "%" PRIu64 ".%09" PRIu64, ns / NSEC_PER_SEC, ns % NSEC_PER_SEC);
}

static void close_labels_seconds(FILE *out, uint64_t ns)
{
	fputs("} ", out);
	put_seconds(out, ns);
	fputc('\n', out);
}

/* ---- the driver -------------------------------------------------------------------- */

static void write_host(FILE *out, const struct holm_host_info *host)
{
	const char *name;

	family(out, "holm_module", "info", NULL, "The driver.");
	fputs("holm_module_info{", out);
	label(out, "version", host->version);
	fputc(',', out);
	label(out, "backend", host->backend);
	close_labels(out, 1);

	if (host->has_mitigations) {
		family(out, "holm_mitigation", "gauge", NULL,
		       "Whether the driver acts against a leak of the CPU.");
		for (unsigned int bit = 0; (name = holm_mitigation_name(bit)); bit++) {
			fputs("holm_mitigation{", out);
			label(out, "mitigation", name);
			close_labels(out, host->mitigations >> bit & 1);
		}
	}
	family(out, "holm_vms", "gauge", NULL, "Virtual machines.");
	fprintf(out, "holm_vms %" PRIu32 "\n", host->vms);
	family(out, "holm_vcpus", "gauge", NULL, "Their vCPUs.");
	fprintf(out, "holm_vcpus %" PRIu32 "\n", host->vcpus);
}

/* ---- virtual machines -------------------------------------------------------------- */

static const struct {
	const char *name;
	const char *type;
	const char *unit;
	const char *suffix;	/* of the samples */
	const char *help;
	size_t offset;
} vm_values[] = {
#define VALUE(_name, _type, _unit, _suffix, _member, _help)	\
	{ _name, _type, _unit, _suffix, _help, offsetof(struct holm_vm_info, _member) }
	VALUE("holm_vm_memory_bytes", "gauge", "bytes", "", memory,
	      "Guest-physical memory."),
	VALUE("holm_vm_resident_bytes", "gauge", "bytes", "", resident,
	      "Memory of the launcher in RAM."),
	VALUE("holm_vm_exits", "counter", NULL, "_total", exits, "Exits of all vCPUs."),
#undef VALUE
};

static uint64_t vm_value(const struct holm_vm_info *vm, size_t offset)
{
	uint64_t value;

	memcpy(&value, (const char *)vm + offset, sizeof(value));
	return value;
}

static void write_vm_info(FILE *out, const struct stats_sample *s)
{
	char uuid[HOLM_UUID_TEXT];

	family(out, "holm_vm", "info", NULL, "Virtual machines, and who has them.");
	for (size_t i = 0; i < s->n_vms; i++) {
		open_labels(out, "holm_vm_info", &s->vms[i]);
		holm_uuid_text(s->vms[i].uuid, uuid);
		fprintf(out, ",uuid=\"%s\",uid=\"%" PRIu32 "\",pid=\"%" PRIu32 "\"", uuid,
			s->vms[i].uid, s->vms[i].pid);
		close_labels(out, 1);
	}
	family(out, "holm_vm_state", "stateset", NULL, "What a virtual machine does.");
	for (size_t i = 0; i < s->n_vms; i++) {
		for (uint32_t state = 0; state <= HOLM_VM_STATE_PAUSED; state++) {
			open_labels(out, "holm_vm_state", &s->vms[i]);
			fputc(',', out);
			label(out, "holm_vm_state", holm_vm_state_name(state));
			close_labels(out, s->vms[i].state == state);
		}
	}
}

static void write_pages(FILE *out, const struct stats_sample *s)
{
	family(out, "holm_vm_pages", "gauge", NULL, "Pages in second-level page tables.");
	for (size_t i = 0; i < s->n_vms; i++) {
		const struct holm_vm_info *vm = &s->vms[i];
		const uint64_t n[] = { vm->pages_4k, vm->pages_2m, vm->pages_1g };
		static const char *const sizes[] = { "4k", "2m", "1g" };

		for (size_t size = 0; vm->has_pages && size < 3; size++) {
			open_labels(out, "holm_vm_pages", vm);
			fputc(',', out);
			label(out, "size", sizes[size]);
			close_labels(out, n[size]);
		}
	}
}

static void write_vms(FILE *out, const struct stats_sample *s)
{
	char name[64];

	write_vm_info(out, s);
	family(out, "holm_vm_vcpus", "gauge", NULL, "vCPUs.");
	for (size_t i = 0; i < s->n_vms; i++) {
		open_labels(out, "holm_vm_vcpus", &s->vms[i]);
		close_labels(out, s->vms[i].vcpus);
	}
	family(out, "holm_vm_uptime_seconds", "gauge", "seconds", "Since it was created.");
	for (size_t i = 0; i < s->n_vms; i++) {
		open_labels(out, "holm_vm_uptime_seconds", &s->vms[i]);
		close_labels_seconds(out, s->vms[i].uptime_ns);
	}
	for (size_t v = 0; v < sizeof(vm_values) / sizeof(vm_values[0]); v++) {
		family(out, vm_values[v].name, vm_values[v].type, vm_values[v].unit,
		       vm_values[v].help);
		snprintf(name, sizeof(name), "%s%s", vm_values[v].name, vm_values[v].suffix);
		for (size_t i = 0; i < s->n_vms; i++) {
			open_labels(out, name, &s->vms[i]);
			close_labels(out, vm_value(&s->vms[i], vm_values[v].offset));
		}
	}
	family(out, "holm_vm_stats_enabled", "gauge", NULL,
	       "Whether exits are counted and timed by reason.");
	for (size_t i = 0; i < s->n_vms; i++) {
		if (!s->vms[i].has_stats)
			continue;
		open_labels(out, "holm_vm_stats_enabled", &s->vms[i]);
		close_labels(out, s->vms[i].stats);
	}
	write_pages(out, s);
}

/* ---- vCPUs ------------------------------------------------------------------------- */

static void write_counter(FILE *out, const struct stats_sample *s, size_t n)
{
	static const char *const help[] = {
		"Entries of the guest, each of which ended with an exit.",
		"Exits that the launcher was told of.", "Port accesses.",
		"Accesses to memory that no slot names.", "Entries that the CPU refused.",
		"HLT, with nothing to wake it at once.", "Halts that ended while polled.",
		"Halts that slept.", "PAUSE loops that gave the CPU to another vCPU.",
		"Second-level page faults.", "Interrupts that the driver delivered.", "NMIs.",
		"TLB flushes.",
	};
	char name[64], sample[80];

	_Static_assert(sizeof(help) / sizeof(help[0]) ==
		       sizeof(((struct holm_vcpu_info *)NULL)->counter) / sizeof(uint64_t),
		       "a help for each counter");
	snprintf(name, sizeof(name), "holm_vcpu_%s", holm_vcpu_counter_name(n));
	for (char *c = name; *c; c++)
		if (*c == '-')
			*c = '_';
	snprintf(sample, sizeof(sample), "%s_total", name);
	family(out, name, "counter", NULL, help[n]);
	for (size_t i = 0; i < s->n_vcpus; i++) {
		const struct holm_vm_info *vm = stats_find_vm(s, s->vcpus[i].vm);

		if (!vm)
			continue;
		open_labels(out, sample, vm);
		label_vcpu(out, &s->vcpus[i]);
		close_labels(out, s->vcpus[i].counter[n]);
	}
}

static void write_times(FILE *out, const struct stats_sample *s)
{
	static const char *const where[] = { "guest", "kernel", "user", "halted" };

	family(out, "holm_vcpu_time_seconds", "counter", "seconds",
	       "Time in the guest, the driver, the launcher, and waiting for an interrupt.");
	for (size_t i = 0; i < s->n_vcpus; i++) {
		const struct holm_vcpu_info *vcpu = &s->vcpus[i];
		const uint64_t ns[] = { vcpu->guest_ns, vcpu->kernel_ns, vcpu->user_ns,
					vcpu->halted_ns };
		const struct holm_vm_info *vm = stats_find_vm(s, vcpu->vm);

		for (size_t w = 0; vm && vcpu->has_times && w < 4; w++) {
			open_labels(out, "holm_vcpu_time_seconds_total", vm);
			label_vcpu(out, vcpu);
			fputc(',', out);
			label(out, "where", where[w]);
			close_labels_seconds(out, ns[w]);
		}
	}
}

static void write_by_reason(FILE *out, const struct stats_sample *s)
{
	family(out, "holm_vcpu_exits_by_reason", "counter", NULL,
	       "Exits by reason, while statistics were on.");
	for (size_t i = 0; i < s->n_vcpus; i++) {
		const struct holm_vcpu_info *vcpu = &s->vcpus[i];
		const struct holm_vm_info *vm = stats_find_vm(s, vcpu->vm);

		for (uint32_t r = 0; vm && vcpu->has_reasons && r < HOLM_EXIT_REASONS; r++) {
			open_labels(out, "holm_vcpu_exits_by_reason_total", vm);
			label_vcpu(out, vcpu);
			fputc(',', out);
			label(out, "reason", holm_exit_reason_name(r));
			close_labels(out, vcpu->by_reason[r]);
		}
	}
}

/* ---- histograms -------------------------------------------------------------------- */

static void open_histogram(FILE *out, const char *suffix, const struct holm_vm_info *vm,
			   uint32_t reason)
{
	char name[64];

	snprintf(name, sizeof(name), "holm_exit_time_seconds%s", suffix);
	open_labels(out, name, vm);
	fputc(',', out);
	label(out, "reason", holm_exit_reason_name(reason));
}

static void write_histogram(FILE *out, const struct holm_vm_info *vm,
			    const struct stats_reason *reason)
{
	uint64_t count = 0;

	for (unsigned int i = 0; i < HOLM_HISTOGRAM_LEN; i++) {
		count += reason->histogram[i];
		open_histogram(out, "_bucket", vm, reason->reason);
		fputs(",le=\"", out);
		/* The largest time in it: one ns less than the next one begins with. */
		if (i < HOLM_HISTOGRAM_LEN - 1)
			put_seconds(out, (2ULL << i) - 1);
		else
			fputs("+Inf", out);
		fputc('"', out);
		close_labels(out, count);
	}
	open_histogram(out, "_sum", vm, reason->reason);
	close_labels_seconds(out, reason->time_ns);
	open_histogram(out, "_count", vm, reason->reason);
	close_labels(out, count);
}

static void write_histograms(FILE *out, const struct stats_sample *s)
{
	static const struct stats_sample none;

	family(out, "holm_exit_time_seconds", "histogram", "seconds",
	       "Time from an exit to the next entry of the guest, while statistics were on.");
	for (size_t i = 0; i < s->n_vms; i++) {
		struct stats_reason reasons[HOLM_EXIT_REASONS];
		size_t n = stats_reasons(&none, s, s->vms[i].id, reasons);

		for (size_t r = 0; r < n; r++)
			write_histogram(out, &s->vms[i], &reasons[r]);
	}
}

void openmetrics_write(const struct holm_host_info *host, const struct stats_sample *s, FILE *out)
{
	write_host(out, host);
	write_vms(out, s);
	for (size_t i = 0; holm_vcpu_counter_name(i); i++)
		write_counter(out, s, i);
	write_times(out, s);
	write_by_reason(out, s);
	write_histograms(out, s);
	fputs("# EOF\n", out);
}
