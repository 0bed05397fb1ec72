// SPDX-License-Identifier: LGPL-2.1-or-later
/* Memory slots and statistics of the family "holm". */
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include "control_int.h"

static int on_slot(struct nl_msg *msg, void *arg)
{
	struct nlattr *a[HOLM_A_SLOT_MAX + 1];
	struct holm_slot_info *slot;

	if (ctl_parse(msg, a, HOLM_A_SLOT_MAX))
		return NL_SKIP;
	slot = ctl_list_add(arg, sizeof(*slot));
	if (!slot)
		return NL_SKIP;
	slot->vm = ctl_u32(a[HOLM_A_SLOT_VM]);
	slot->slot = ctl_u32(a[HOLM_A_SLOT_SLOT]);
	slot->flags = ctl_u32(a[HOLM_A_SLOT_FLAGS]);
	slot->gpa = ctl_u64(a[HOLM_A_SLOT_GPA]);
	slot->size = ctl_u64(a[HOLM_A_SLOT_SIZE]);
	slot->has_pages = a[HOLM_A_SLOT_PAGES_4K];
	slot->pages_4k = ctl_u64(a[HOLM_A_SLOT_PAGES_4K]);
	slot->pages_2m = ctl_u64(a[HOLM_A_SLOT_PAGES_2M]);
	slot->pages_1g = ctl_u64(a[HOLM_A_SLOT_PAGES_1G]);
	slot->has_dirty = a[HOLM_A_SLOT_DIRTY];
	slot->dirty = ctl_u64(a[HOLM_A_SLOT_DIRTY]);
	return NL_OK;
}

int holm_ctl_slots(struct holm_ctl *ctl, uint32_t id, struct holm_slot_info **slots, size_t *n)
{
	struct ctl_list list = { 0 };
	int err = ctl_dump(ctl, HOLM_CMD_SLOT_GET, id ? HOLM_A_SLOT_VM : 0, id, on_slot, &list);

	*slots = (struct holm_slot_info *)list.items;
	*n = list.n;
	return err;
}

static int on_stats(struct nl_msg *msg, void *arg)
{
	struct nlattr *a[HOLM_A_STATS_MAX + 1];
	struct holm_stats_info *stats;

	if (ctl_parse(msg, a, HOLM_A_STATS_MAX))
		return NL_SKIP;
	stats = ctl_list_add(arg, sizeof(*stats));
	if (!stats)
		return NL_SKIP;
	stats->vm = ctl_u32(a[HOLM_A_STATS_VM]);
	stats->vcpu = ctl_u32(a[HOLM_A_STATS_VCPU]);
	stats->reason = ctl_u32(a[HOLM_A_STATS_REASON]);
	stats->count = ctl_u64(a[HOLM_A_STATS_COUNT]);
	stats->time_ns = ctl_u64(a[HOLM_A_STATS_TIME]);
	ctl_u64_array(stats->histogram, ARRAY_SIZE(stats->histogram), a[HOLM_A_STATS_HISTOGRAM]);
	return NL_OK;
}

int holm_ctl_stats(struct holm_ctl *ctl, uint32_t id, bool reset, struct holm_stats_info **stats,
		   size_t *n)
{
	struct ctl_list list = { 0 };
	struct nl_msg *msg;
	int err;

	if (!reset) {
		err = ctl_dump(ctl, HOLM_CMD_STATS_GET, id ? HOLM_A_STATS_VM : 0, id, on_stats,
			       &list);
	} else {
		/* Not begun anew when it is of several moments: the first part is gone. */
		msg = ctl_request(ctl, HOLM_CMD_STATS_GET, NLM_F_DUMP);
		if (msg && ((id && nla_put_u32(msg, HOLM_A_STATS_VM, id)) ||
			    nla_put_flag(msg, HOLM_A_STATS_RESET))) {
			nlmsg_free(msg);
			msg = NULL;
		}
		err = ctl_list_end(ctl, ctl_converse(ctl, msg, on_stats, &list), &list);
	}
	*stats = (struct holm_stats_info *)list.items;
	*n = list.n;
	return err;
}
