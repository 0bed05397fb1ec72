// SPDX-License-Identifier: GPL-2.0-or-later
/* Statistics of virtual machines: what two looks at the counters say. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "stats.h"

/* Of struct holm_vcpu_info.counter[]. */
#define EXITS	(HOLM_A_VCPU_EXITS - HOLM_A_VCPU_EXITS)
#define HALTS	(HOLM_A_VCPU_HALTS - HOLM_A_VCPU_EXITS)

/* ---- samples --------------------------------------------------------------------- */

static int order(uint32_t a, uint32_t b)
{
	return a < b ? -1 : a > b;
}

static int by_vcpu(const void *pa, const void *pb)
{
	const struct holm_vcpu_info *a = pa, *b = pb;
	int ret = order(a->vm, b->vm);

	return ret ? ret : order(a->index, b->index);
}

static int by_reason(const void *pa, const void *pb)
{
	const struct holm_stats_info *a = pa, *b = pb;
	int ret = order(a->vm, b->vm);

	if (!ret)
		ret = order(a->vcpu, b->vcpu);
	return ret ? ret : order(a->reason, b->reason);
}

static void sort(void *items, size_t n, size_t size, int (*cmp)(const void *, const void *))
{
	if (n)
		qsort(items, n, size, cmp);
}

static void *search(const void *key, void *items, size_t n, size_t size,
		    int (*cmp)(const void *, const void *))
{
	return n ? bsearch(key, items, n, size, cmp) : NULL;
}

void stats_order(struct stats_sample *s)
{
	sort(s->vcpus, s->n_vcpus, sizeof(*s->vcpus), by_vcpu);
	sort(s->stats, s->n_stats, sizeof(*s->stats), by_reason);
}

void stats_clear(struct stats_sample *s)
{
	free(s->vms);
	free(s->vcpus);
	free(s->stats);
	memset(s, 0, sizeof(*s));
}

const struct holm_vm_info *stats_find_vm(const struct stats_sample *s, uint32_t id)
{
	for (size_t i = 0; i < s->n_vms; i++)
		if (s->vms[i].id == id)
			return &s->vms[i];
	return NULL;
}

static const struct holm_vcpu_info *find_vcpu(const struct stats_sample *s,
					      const struct holm_vcpu_info *vcpu)
{
	return search(vcpu, s->vcpus, s->n_vcpus, sizeof(*s->vcpus), by_vcpu);
}

static const struct holm_stats_info *find_stats(const struct stats_sample *s,
						const struct holm_stats_info *stats)
{
	return search(stats, s->stats, s->n_stats, sizeof(*s->stats), by_reason);
}

/* ---- rows ------------------------------------------------------------------------ */

static uint64_t delta(uint64_t before, uint64_t now)
{
	return now >= before ? now - before : now;
}

static double seconds(const struct stats_sample *before, const struct stats_sample *now)
{
	if (now->time_ns <= before->time_ns)
		return 0;
	return (double)(now->time_ns - before->time_ns) / NSEC_PER_SEC;
}

/* What a vCPU adds to sums that become rates and shares. */
static void add_vcpu(struct stats_row *row, const struct holm_vcpu_info *before,
		     const struct holm_vcpu_info *now)
{
	static const struct holm_vcpu_info none;

	if (!before)
		before = &none;
	row->exits_rate += (double)delta(before->counter[EXITS], now->counter[EXITS]);
	row->halts_rate += (double)delta(before->counter[HALTS], now->counter[HALTS]);
	if (row->on && now->has_times && before->has_times) {
		row->has_shares = true;
		row->guest += (double)delta(before->guest_ns, now->guest_ns);
		row->kernel += (double)delta(before->kernel_ns, now->kernel_ns);
		row->user += (double)delta(before->user_ns, now->user_ns);
		row->halted += (double)delta(before->halted_ns, now->halted_ns);
	}
	if (row->on && now->has_reasons) {
		row->has_reasons = true;
		for (size_t i = 0; i < HOLM_EXIT_REASONS; i++)
			row->reason_rate[i] +=
				(double)delta(before->by_reason[i], now->by_reason[i]);
	}
}

static double share(double ns, double s, uint32_t vcpus)
{
	double part = vcpus ? ns / (s * NSEC_PER_SEC * vcpus) : 0;

	/* vCPUs are not looked at in one moment. */
	return part > 1 ? 1 : part;
}

static void fill_row(struct stats_row *row, const struct holm_vm_info *vm,
		     const struct stats_sample *before, const struct stats_sample *now)
{
	double s = seconds(before, now);

	memset(row, 0, sizeof(*row));
	row->vm = vm->id;
	row->state = vm->state;
	row->vcpus = vm->vcpus;
	row->resident = vm->resident;
	row->exits = vm->exits;
	row->on = vm->has_stats && vm->stats;
	memcpy(row->uuid, vm->uuid, sizeof(row->uuid));
	memcpy(row->name, vm->name, sizeof(row->name));
	row->has_rates = s > 0 && stats_find_vm(before, vm->id);
	if (!row->has_rates)
		return;
	for (size_t i = 0; i < now->n_vcpus; i++)
		if (now->vcpus[i].vm == vm->id)
			add_vcpu(row, find_vcpu(before, &now->vcpus[i]), &now->vcpus[i]);
	row->exits_rate /= s;
	row->halts_rate /= s;
	row->guest = share(row->guest, s, row->vcpus);
	row->kernel = share(row->kernel, s, row->vcpus);
	row->user = share(row->user, s, row->vcpus);
	row->halted = share(row->halted, s, row->vcpus);
	for (size_t i = 0; i < HOLM_EXIT_REASONS; i++)
		row->reason_rate[i] /= s;
}

void stats_rows(const struct stats_sample *before, const struct stats_sample *now,
		struct stats_row *rows)
{
	for (size_t i = 0; i < now->n_vms; i++)
		fill_row(&rows[i], &now->vms[i], before, now);
}

/* ---- order ----------------------------------------------------------------------- */

static const char *const key_names[STATS_KEYS] = {
	[STATS_BY_EXITS] = "exits",
	[STATS_BY_GUEST] = "guest",
	[STATS_BY_HALTED] = "halted",
	[STATS_BY_HALTS] = "halts",
	[STATS_BY_RESIDENT] = "resident",
	[STATS_BY_NAME] = "name",
};

const char *stats_key_name(enum stats_key key)
{
	return key_names[key];
}

int stats_key_parse(const char *name)
{
	for (int key = 0; key < STATS_KEYS; key++)
		if (!strcmp(name, key_names[key]))
			return key;
	return -1;
}

static double value_of(const struct stats_row *row, enum stats_key key)
{
	switch (key) {
	case STATS_BY_EXITS:
		return row->exits_rate;
	case STATS_BY_GUEST:
		return row->guest;
	case STATS_BY_HALTED:
		return row->halted;
	case STATS_BY_HALTS:
		return row->halts_rate;
	case STATS_BY_RESIDENT:
		return (double)row->resident;
	default:
		return 0;
	}
}

static int compare_rows(const void *pa, const void *pb, void *arg)
{
	const struct stats_row *a = pa, *b = pb;
	enum stats_key key = *(const enum stats_key *)arg;
	double va = value_of(a, key), vb = value_of(b, key);
	int ret = key == STATS_BY_NAME ? strcmp(a->name, b->name) : 0;

	if (va != vb)
		ret = va > vb ? -1 : 1;
	return ret ? ret : order(a->vm, b->vm);
}

void stats_sort(struct stats_row *rows, size_t n, enum stats_key key)
{
	if (n)
		qsort_r(rows, n, sizeof(*rows), compare_rows, &key);
}

/* ---- reasons --------------------------------------------------------------------- */

static int by_count(const void *pa, const void *pb)
{
	const struct stats_reason *a = pa, *b = pb;

	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	return order(a->reason, b->reason);
}

static struct stats_reason *reason_of(struct stats_reason *reasons, size_t *n, uint32_t reason)
{
	for (size_t i = 0; i < *n; i++)
		if (reasons[i].reason == reason)
			return &reasons[i];
	if (*n == HOLM_EXIT_REASONS)
		return NULL;	/* of a newer module */
	memset(&reasons[*n], 0, sizeof(reasons[*n]));
	reasons[*n].reason = reason;
	return &reasons[(*n)++];
}

size_t stats_reasons(const struct stats_sample *before, const struct stats_sample *now,
		     uint32_t vm, struct stats_reason reasons[HOLM_EXIT_REASONS])
{
	double s = stats_find_vm(before, vm) ? seconds(before, now) : 0;
	size_t n = 0;

	for (size_t i = 0; i < now->n_stats; i++) {
		const struct holm_stats_info *stats = &now->stats[i], *old;
		struct stats_reason *to;

		if (stats->vm != vm)
			continue;
		to = reason_of(reasons, &n, stats->reason);
		if (!to)
			continue;
		old = find_stats(before, stats);
		to->count += stats->count;
		to->time_ns += stats->time_ns;
		to->rate += (double)delta(old ? old->count : 0, stats->count);
		for (size_t b = 0; b < HOLM_HISTOGRAM_LEN; b++)
			to->histogram[b] += stats->histogram[b];
	}
	for (size_t i = 0; i < n; i++) {
		reasons[i].has_rate = s > 0;
		reasons[i].rate = s > 0 ? reasons[i].rate / s : 0;
	}
	sort(reasons, n, sizeof(*reasons), by_count);
	return n;
}

uint64_t stats_percentile(const uint64_t histogram[HOLM_HISTOGRAM_LEN], unsigned int percent)
{
	double total = 0, rank, below = 0;
	size_t last = 0;

	for (size_t i = 0; i < HOLM_HISTOGRAM_LEN; i++) {
		total += (double)histogram[i];
		if (histogram[i])
			last = i;
	}
	if (total <= 0)
		return 0;
	rank = total * percent / 100;
	for (size_t i = 0; i <= last; i++) {
		double from = i ? (double)(1ULL << i) : 0;
		double to = (double)(2ULL << i);

		if (!histogram[i] || (below + (double)histogram[i] < rank && i < last)) {
			below += (double)histogram[i];
			continue;
		}
		if (i == HOLM_HISTOGRAM_LEN - 1)
			return (uint64_t)from;
		return (uint64_t)(from + (to - from) * (rank - below) / (double)histogram[i]);
	}
	return 0;
}

uint64_t stats_mean(uint64_t time_ns, uint64_t count)
{
	return count ? time_ns / count : 0;
}
