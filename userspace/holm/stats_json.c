// SPDX-License-Identifier: GPL-2.0-or-later
/* Statistics of virtual machines in JSON. */
#include "json.h"
#include "stats_json.h"

static struct json_object *histogram_json(const uint64_t histogram[HOLM_HISTOGRAM_LEN])
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; array && i < HOLM_HISTOGRAM_LEN; i++) {
		if (json_append(array, json_object_new_uint64(histogram[i]))) {
			json_object_put(array);
			array = NULL;
		}
	}
	return array;
}

static struct json_object *reason_json(const struct stats_reason *r)
{
	struct json_object *o = json_object_new_object();

	if (o && !json_add(o, "reason", json_object_new_string(holm_exit_reason_name(r->reason))) &&
	    !json_add(o, "count", json_object_new_uint64(r->count)) &&
	    !(r->has_rate && json_add(o, "per_second", json_object_new_double(r->rate))) &&
	    !json_add(o, "time_ns", json_object_new_uint64(r->time_ns)) &&
	    !json_add(o, "mean_ns", json_object_new_uint64(stats_mean(r->time_ns, r->count))) &&
	    !json_add(o, "p50_ns", json_object_new_uint64(stats_percentile(r->histogram, 50))) &&
	    !json_add(o, "p99_ns", json_object_new_uint64(stats_percentile(r->histogram, 99))) &&
	    !json_add(o, "histogram", histogram_json(r->histogram)))
		return o;
	json_object_put(o);
	return NULL;
}

static int add_reasons(struct json_object *o, const struct stats_sample *before,
		       const struct stats_sample *now, uint32_t vm)
{
	struct json_object *array = json_object_new_array();
	struct stats_reason reasons[HOLM_EXIT_REASONS];
	size_t n = stats_reasons(before, now, vm, reasons);

	if (json_add(o, "reasons", array))
		return -1;
	for (size_t i = 0; i < n; i++)
		if (json_append(array, reason_json(&reasons[i])))
			return -1;
	return 0;
}

static struct json_object *row_json(const struct stats_row *row, const struct stats_sample *before,
				    const struct stats_sample *now)
{
	struct json_object *o = json_object_new_object();
	char uuid[HOLM_UUID_TEXT];

	holm_uuid_text(row->uuid, uuid);
	if (o && !json_add(o, "id", json_object_new_int64(row->vm)) &&
	    !json_add(o, "name", json_object_new_string(row->name)) &&
	    !json_add(o, "uuid", json_object_new_string(uuid)) &&
	    !json_add(o, "state", json_object_new_string(holm_vm_state_name(row->state))) &&
	    !json_add(o, "vcpus", json_object_new_int64(row->vcpus)) &&
	    !json_add(o, "resident", json_object_new_uint64(row->resident)) &&
	    !json_add(o, "exits", json_object_new_uint64(row->exits)) &&
	    !json_add(o, "stats", json_object_new_boolean(row->on)) &&
	    !(row->has_rates &&
	      (json_add(o, "exits_per_second", json_object_new_double(row->exits_rate)) ||
	       json_add(o, "halts_per_second", json_object_new_double(row->halts_rate)))) &&
	    !(row->has_shares &&
	      (json_add(o, "guest_share", json_object_new_double(row->guest)) ||
	       json_add(o, "kernel_share", json_object_new_double(row->kernel)) ||
	       json_add(o, "user_share", json_object_new_double(row->user)) ||
	       json_add(o, "halted_share", json_object_new_double(row->halted)))) &&
	    !add_reasons(o, before, now, row->vm))
		return o;
	json_object_put(o);
	return NULL;
}

struct json_object *stats_json(const struct stats_sample *before, const struct stats_sample *now,
			       const struct stats_row *rows)
{
	struct json_object *root = json_object_new_object();
	struct json_object *array = json_object_new_array();
	size_t i = 0;

	if (!root) {
		json_object_put(array);
		return NULL;
	}
	if (!json_add(root, "vms", array) &&
	    !json_add(root, "time_ns", json_object_new_uint64(now->time_ns)) &&
	    !json_add(root, "interval_ns",
		      json_object_new_uint64(before->time_ns && now->time_ns > before->time_ns ?
					     now->time_ns - before->time_ns : 0))) {
		while (i < now->n_vms && !json_append(array, row_json(&rows[i], before, now)))
			i++;
		if (i == now->n_vms)
			return root;
	}
	json_object_put(root);
	return NULL;
}
