// SPDX-License-Identifier: GPL-2.0-or-later
/* The driver as the source of statistics. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "stats_source.h"

static int look_at_vms(struct holm_ctl *ctl, uint32_t vm, struct stats_sample *s)
{
	int ret;

	if (!vm)
		return holm_ctl_vms(ctl, &s->vms, &s->n_vms);
	s->vms = calloc(1, sizeof(*s->vms));
	if (!s->vms)
		return -ENOMEM;
	ret = holm_ctl_vm(ctl, vm, s->vms);
	s->n_vms = !ret;
	return ret;
}

int stats_look(struct holm_ctl *ctl, uint32_t vm, struct stats_sample *s, struct err *e)
{
	int ret;

	memset(s, 0, sizeof(*s));
	ret = look_at_vms(ctl, vm, s);
	s->time_ns = clock_ns(CLOCK_BOOTTIME);
	if (!ret)
		ret = holm_ctl_vcpus(ctl, vm, &s->vcpus, &s->n_vcpus);
	if (!ret)
		ret = holm_ctl_stats(ctl, vm, false, &s->stats, &s->n_stats);
	if (ret == -EOPNOTSUPP)
		ret = 0;	/* a module that came before stats-get */
	if (ret) {
		stats_clear(s);
		return vm && ret == -ENOENT ? err_set(e, "the virtual machine is gone") :
					      err_set(e, "%s", holm_ctl_error(ctl));
	}
	stats_order(s);
	return 0;
}

/* ---- statistics on and off --------------------------------------------------------- */

static bool is_in(const uint32_t *list, size_t n, uint32_t vm)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == vm)
			return true;
	return false;
}

static int add(uint32_t **list, size_t *n, uint32_t vm)
{
	uint32_t *more = reallocarray(*list, *n + 1, sizeof(*more));

	if (!more)
		return -1;
	*list = more;
	more[(*n)++] = vm;
	return 0;
}

static int switch_stats(struct stats_source *source, uint32_t vm, bool on)
{
	const struct holm_vm_change change = { .what = HOLM_CHANGE_STATS, .stats = on };

	return holm_ctl_set(source->ctl, vm, &change);
}

/* True when they are on from now on, and were not. */
static bool switch_on(struct stats_source *source, const struct holm_vm_info *vm, struct err *e)
{
	if (!vm->has_stats || vm->stats || is_in(source->refused, source->n_refused, vm->id))
		return false;
	/* Remembered first: what is not is not switched off. */
	if (!is_in(source->ours, source->n_ours, vm->id) &&
	    add(&source->ours, &source->n_ours, vm->id))
		return false;
	if (!switch_stats(source, vm->id, true))
		return true;
	err_set(e, "no statistics of %s: %s", vm->name[0] ? vm->name : "a virtual machine",
		holm_ctl_error(source->ctl));
	add(&source->refused, &source->n_refused, vm->id);
	for (size_t i = 0; i < source->n_ours; i++)
		if (source->ours[i] == vm->id)
			source->ours[i] = source->ours[--source->n_ours];
	return false;
}

static int source_sample(void *arg, struct stats_sample *s, struct err *e)
{
	struct stats_source *source = arg;
	bool again = false;

	e->msg[0] = '\0';
	if (stats_look(source->ctl, source->vm, s, e))
		return -1;
	for (size_t i = 0; !source->passive && i < s->n_vms; i++)
		again |= switch_on(source, &s->vms[i], e);
	if (!again)
		return 0;
	/* What is counted from now on begins with this look. */
	stats_clear(s);
	return stats_look(source->ctl, source->vm, s, e);
}

static int source_reset(void *arg, struct err *e)
{
	struct stats_source *source = arg;
	struct holm_stats_info *stats;
	size_t n;

	if (holm_ctl_stats(source->ctl, source->vm, true, &stats, &n))
		return err_set(e, "%s", holm_ctl_error(source->ctl));
	free(stats);
	return 0;
}

static int source_pause(void *arg, uint32_t vm, bool paused, struct err *e)
{
	const struct holm_vm_change change = { .what = HOLM_CHANGE_PAUSED, .paused = paused };
	struct stats_source *source = arg;

	if (holm_ctl_set(source->ctl, vm, &change))
		return err_set(e, "%s", holm_ctl_error(source->ctl));
	return 0;
}

const struct stats_ops stats_source_ops = {
	.sample = source_sample,
	.reset = source_reset,
	.pause = source_pause,
};

void stats_source_end(struct stats_source *source)
{
	/* One that is gone needs it no longer. */
	for (size_t i = 0; i < source->n_ours; i++)
		switch_stats(source, source->ours[i], false);
	free(source->ours);
	free(source->refused);
	source->ours = NULL;
	source->refused = NULL;
	source->n_ours = 0;
	source->n_refused = 0;
}
