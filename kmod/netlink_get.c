// SPDX-License-Identifier: GPL-2.0-only
/* The generic netlink family: host-get, vm-get, vcpu-get. */
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/timekeeping.h>
#include <linux/user_namespace.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>

#include "backend.h"
#include "holm.h"
#include "netlink_int.h"
#include "stats.h"

/* ---- host-get ----------------------------------------------------------------- */

struct vm_counts {
	u32 vms;
	u32 vcpus;
};

static int count_vm(struct sk_buff *skb, struct holm_vm_node *node, void *arg)
{
	struct vm_counts *counts = arg;

	counts->vms++;
	counts->vcpus += smp_load_acquire(&node->vm->nr_vcpus);
	return 0;
}

static int put_host(struct sk_buff *skb, const struct vm_counts *counts)
{
	struct holm_caps caps = {};

	holm_caps_fill(&caps);
	if (nla_put_string(skb, HOLM_A_HOST_VERSION, THIS_MODULE->version) ||
	    nla_put_u32(skb, HOLM_A_HOST_API_VERSION, HOLM_API_VERSION) ||
	    nla_put_string(skb, HOLM_A_HOST_BACKEND, holm_backend->name) ||
	    nla_put_u64_64bit(skb, HOLM_A_HOST_FEATURES, caps.features, HOLM_A_HOST_PAD) ||
	    nla_put_u32(skb, HOLM_A_HOST_TSC_KHZ, caps.tsc_khz) ||
	    nla_put_u32(skb, HOLM_A_HOST_MAX_VCPUS, caps.max_vcpus) ||
	    nla_put_u32(skb, HOLM_A_HOST_MAX_SLOTS, caps.max_slots) ||
	    nla_put_u32(skb, HOLM_A_HOST_VMS, counts->vms) ||
	    nla_put_u32(skb, HOLM_A_HOST_VCPUS, counts->vcpus) ||
	    nla_put_u64_64bit(skb, HOLM_A_HOST_MITIGATIONS, caps.mitigations, HOLM_A_HOST_PAD))
		return -EMSGSIZE;
	return 0;
}

int holm_nl_host_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *attrs[HOLM_NL_SELECTORS] = { [HOLM_A_VM_UID] = info->attrs[HOLM_A_HOST_UID] };
	struct holm_nl_vms those = { .viewer = holm_nl_viewer_of(skb), .attrs = attrs, .next = 1 };
	struct vm_counts counts = {};
	struct sk_buff *reply;
	void *hdr;
	int err;

	err = holm_nl_wanted_uid(attrs[HOLM_A_VM_UID], &those.uid, info->extack);
	if (err)
		return err;
	holm_nl_fill_vms(NULL, &those, count_vm, &counts);

	reply = holm_nl_reply_begin(info, HOLM_CMD_HOST_GET, &hdr);
	if (!reply)
		return -ENOMEM;
	return holm_nl_reply_end(info, reply, hdr, put_host(reply, &counts));
}

/* ---- vm-get --------------------------------------------------------------------- */

/* What any of its vCPUs has on, as far as the guest has asked for it by now. */
static u64 vm_features(struct holm_vm *vm)
{
	unsigned int i, n = smp_load_acquire(&vm->nr_vcpus);
	u64 features = holm_slots_logged(&vm->mmu) ? HOLM_VM_FEATURE_DIRTY_LOG : 0;

	if (READ_ONCE(vm->stats))
		features |= HOLM_VM_FEATURE_STATS;
	for (i = 0; i < n; i++) {
		const struct holm_vcpu *vcpu = vm->vcpus[i];

		/* Its own thread writes them; a value of any moment will do. */
		if (data_race(vcpu->tsc.ratio))
			features |= HOLM_VM_FEATURE_TSC_SCALING;
		if (data_race(vcpu->pv.system_time) & KVM_MSR_ENABLED)
			features |= HOLM_VM_FEATURE_KVMCLOCK;
		if (data_race(vcpu->pv.steal_time) & KVM_MSR_ENABLED)
			features |= HOLM_VM_FEATURE_STEAL_TIME;
		if (data_race(holm_pv_async_on(&vcpu->pv)))
			features |= HOLM_VM_FEATURE_ASYNC_PAGE_FAULT;
		if (data_race(vcpu->pv.eoi) & KVM_MSR_ENABLED)
			features |= HOLM_VM_FEATURE_PV_EOI;
	}
	return features;
}

/* holm_vms_lock is held. */
static int put_vm(struct sk_buff *skb, struct holm_vm_node *node)
{
	struct holm_vm *vm = node->vm;
	u64 resident = (u64)get_mm_rss(vm->mm) << PAGE_SHIFT;
	u64 uptime = ktime_get_boottime_ns() - node->created;
	const unsigned long *leaves = vm->mmu.nr_leaves;

	if (nla_put_u32(skb, HOLM_A_VM_ID, node->id) ||
	    nla_put_string(skb, HOLM_A_VM_NAME, node->name) ||
	    nla_put(skb, HOLM_A_VM_UUID, sizeof(node->uuid), node->uuid) ||
	    nla_put_u32(skb, HOLM_A_VM_UID,
			from_kuid_munged(current_user_ns(), node->owner)) ||
	    nla_put_u32(skb, HOLM_A_VM_PID,
			pid_nr_ns(node->pid, task_active_pid_ns(current))) ||
	    nla_put_u32(skb, HOLM_A_VM_STATE, holm_nl_vm_state(node)) ||
	    nla_put_u32(skb, HOLM_A_VM_VCPUS, smp_load_acquire(&vm->nr_vcpus)) ||
	    nla_put_u64_64bit(skb, HOLM_A_VM_MEMORY, holm_slots_size(&vm->mmu), HOLM_A_VM_PAD) ||
	    nla_put_u64_64bit(skb, HOLM_A_VM_RESIDENT, resident, HOLM_A_VM_PAD) ||
	    nla_put_u64_64bit(skb, HOLM_A_VM_UPTIME, uptime, HOLM_A_VM_PAD) ||
	    nla_put_u32(skb, HOLM_A_VM_NETNS, node->net->ns.inum) ||
	    nla_put_u32(skb, HOLM_A_VM_HALT_POLL, READ_ONCE(vm->halt_poll_ns)) ||
	    nla_put_u64_64bit(skb, HOLM_A_VM_EXITS, holm_vm_exits(vm), HOLM_A_VM_PAD) ||
	    nla_put_u32(skb, HOLM_A_VM_STATS, READ_ONCE(vm->stats)) ||
	    nla_put_u32(skb, HOLM_A_VM_PAUSED, READ_ONCE(vm->paused)) ||
	    nla_put_u64_64bit(skb, HOLM_A_VM_FEATURES, vm_features(vm), HOLM_A_VM_PAD) ||
	    nla_put_u64_64bit(skb, HOLM_A_VM_PAGES_4K, data_race(leaves[HOLM_PG_4K]),
			      HOLM_A_VM_PAD) ||
	    nla_put_u64_64bit(skb, HOLM_A_VM_PAGES_2M, data_race(leaves[HOLM_PG_2M]),
			      HOLM_A_VM_PAD) ||
	    nla_put_u64_64bit(skb, HOLM_A_VM_PAGES_1G, data_race(leaves[HOLM_PG_1G]),
			      HOLM_A_VM_PAD))
		return -EMSGSIZE;
	if (vm->ple.max &&
	    (nla_put_u32(skb, HOLM_A_VM_PLE_GAP, READ_ONCE(vm->ple.gap)) ||
	     nla_put_u32(skb, HOLM_A_VM_PLE_WINDOW, READ_ONCE(vm->ple.window))))
		return -EMSGSIZE;
	return 0;
}

int holm_nl_vm_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct holm_vm_node *node;
	struct sk_buff *reply;
	void *hdr;
	int err;

	reply = holm_nl_reply_begin(info, HOLM_CMD_VM_GET, &hdr);
	if (!reply)
		return -ENOMEM;
	mutex_lock(&holm_vms_lock);
	node = holm_nl_find_vm(skb, info);
	err = IS_ERR(node) ? PTR_ERR(node) : put_vm(reply, node);
	mutex_unlock(&holm_vms_lock);
	return holm_nl_reply_end(info, reply, hdr, err);
}

static int dump_vm(struct sk_buff *skb, struct holm_vm_node *node, void *arg)
{
	void *hdr = holm_nl_message_begin(skb, arg);

	return hdr ? holm_nl_message_end(skb, hdr, put_vm(skb, node)) : -EMSGSIZE;
}

int holm_nl_vm_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct holm_nl_cursor *cursor = holm_nl_cursor_of(cb);
	struct holm_nl_vms dump = {
		.viewer = holm_nl_viewer_of(cb->skb),
		.attrs = holm_genl_dump_attrs(cb),
		.next = cursor->vm,
	};
	struct holm_nl_message message = { .cb = cb, .dump = &dump, .cmd = HOLM_CMD_VM_GET };
	int err;

	err = holm_nl_wanted_uid(dump.attrs[HOLM_A_VM_UID], &dump.uid, cb->extack);
	if (err)
		return err;
	err = holm_nl_fill_vms(skb, &dump, dump_vm, &message);
	cursor->vm = dump.next;
	return err && !skb->len ? err : skb->len;
}

/* ---- vcpu-get ------------------------------------------------------------------- */

static enum holm_vcpu_state vcpu_state_of(const struct holm_vcpu *vcpu)
{
	switch (data_race(vcpu->state)) {
	case HOLM_OBJ_CREATED:
		return HOLM_VCPU_STATE_CREATED;
	case HOLM_OBJ_CONFIGURED:
		return HOLM_VCPU_STATE_CONFIGURED;
	case HOLM_OBJ_DYING:
		return HOLM_VCPU_STATE_DYING;
	default:
		break;
	}
	switch (data_race(vcpu->mp_state)) {
	case HOLM_MP_HALTED:
		return HOLM_VCPU_STATE_HALTED;
	case HOLM_MP_WAIT_FOR_SIPI:
		return HOLM_VCPU_STATE_WAIT_FOR_SIPI;
	default:
		return HOLM_VCPU_STATE_RUNNABLE;
	}
}

/* Once statistics were on. The last stay is not in it before it ends. */
static int put_vcpu_stats(struct sk_buff *skb, const struct holm_vcpu *vcpu)
{
	static const int times[] = {
		[HOLM_STATS_GUEST] = HOLM_A_VCPU_TIME_GUEST,
		[HOLM_STATS_KERNEL] = HOLM_A_VCPU_TIME_KERNEL,
		[HOLM_STATS_USER] = HOLM_A_VCPU_TIME_USER,
		[HOLM_STATS_HALTED] = HOLM_A_VCPU_TIME_HALTED,
	};
	const struct holm_exit_stats *s = smp_load_acquire(&vcpu->exit_stats);
	struct nlattr *counts;
	unsigned int i;

	if (!s)
		return 0;
	if (nla_put_u32(skb, HOLM_A_VCPU_LAST_EXIT, READ_ONCE(s->reason)))
		return -EMSGSIZE;
	for (i = 0; i < ARRAY_SIZE(times); i++)
		if (nla_put_u64_64bit(skb, times[i], READ_ONCE(s->time[i]), HOLM_A_VCPU_PAD))
			return -EMSGSIZE;
	counts = nla_reserve(skb, HOLM_A_VCPU_EXITS_BY_REASON, HOLM_EXIT_REASONS * sizeof(u64));
	if (!counts)
		return -EMSGSIZE;
	for (i = 0; i < HOLM_EXIT_REASONS; i++) {
		u64 count = READ_ONCE(s->by[i].count);

		memcpy(nla_data(counts) + i * sizeof(count), &count, sizeof(count));
	}
	return 0;
}

static u32 vcpu_tid(struct holm_vcpu *vcpu)
{
	u32 tid;

	spin_lock(&vcpu->pid_lock);
	tid = pid_nr_ns(vcpu->pid, task_active_pid_ns(current));
	spin_unlock(&vcpu->pid_lock);
	return tid;
}

/* holm_vms_lock is held. */
static int put_vcpu(struct sk_buff *skb, struct holm_vcpu *vcpu)
{
	const struct holm_stats *s = &vcpu->stats;
	const struct {
		int attr;
		u64 value;
	} counters[] = {
		{ HOLM_A_VCPU_EXITS, READ_ONCE(s->exits) },
		{ HOLM_A_VCPU_EXITS_USER, READ_ONCE(s->exits_user) },
		{ HOLM_A_VCPU_EXITS_IO, READ_ONCE(s->io_exits) },
		{ HOLM_A_VCPU_EXITS_MMIO, READ_ONCE(s->mmio_exits) },
		{ HOLM_A_VCPU_ENTRIES_FAILED, READ_ONCE(s->entries_fail) },
		{ HOLM_A_VCPU_HALTS, READ_ONCE(s->halts) },
		{ HOLM_A_VCPU_HALT_POLLS, READ_ONCE(s->halt_poll_success) },
		{ HOLM_A_VCPU_HALT_SLEEPS, READ_ONCE(s->halt_poll_fail) },
		{ HOLM_A_VCPU_YIELDS, READ_ONCE(s->yields) },
		{ HOLM_A_VCPU_FAULTS, READ_ONCE(s->faults) },
		{ HOLM_A_VCPU_INTERRUPTS, READ_ONCE(s->irq_injected) },
		{ HOLM_A_VCPU_NMIS, READ_ONCE(s->nmi_injected) },
		{ HOLM_A_VCPU_TLB_FLUSHES, READ_ONCE(s->tlb_flushes) },
	};
	int cpu = READ_ONCE(vcpu->cpu);
	unsigned int i;

	if (nla_put_u32(skb, HOLM_A_VCPU_VM, vcpu->vm->node.id) ||
	    nla_put_u32(skb, HOLM_A_VCPU_INDEX, vcpu->index) ||
	    nla_put_u32(skb, HOLM_A_VCPU_APIC_ID, vcpu->apic_id) ||
	    nla_put_u32(skb, HOLM_A_VCPU_STATE, vcpu_state_of(vcpu)) ||
	    (READ_ONCE(vcpu->mode) != HOLM_OUTSIDE_GUEST &&
	     nla_put_flag(skb, HOLM_A_VCPU_IN_GUEST)) ||
	    (cpu >= 0 && nla_put_u32(skb, HOLM_A_VCPU_CPU, cpu)) ||
	    nla_put_u32(skb, HOLM_A_VCPU_TID, vcpu_tid(vcpu)))
		return -EMSGSIZE;
	for (i = 0; i < ARRAY_SIZE(counters); i++)
		if (nla_put_u64_64bit(skb, counters[i].attr, counters[i].value, HOLM_A_VCPU_PAD))
			return -EMSGSIZE;
	return put_vcpu_stats(skb, vcpu);
}

int holm_nl_vcpu_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct holm_vm_node *node;
	struct sk_buff *reply;
	void *hdr;
	u32 index;
	int err;

	if (!info->attrs[HOLM_A_VCPU_VM] || !info->attrs[HOLM_A_VCPU_INDEX]) {
		NL_SET_ERR_MSG(info->extack, "which vCPU: vm or index is missing");
		return -EINVAL;
	}
	index = nla_get_u32(info->attrs[HOLM_A_VCPU_INDEX]);
	reply = holm_nl_reply_begin(info, HOLM_CMD_VCPU_GET, &hdr);
	if (!reply)
		return -ENOMEM;
	mutex_lock(&holm_vms_lock);
	node = holm_nl_find_vm_id(skb, nla_get_u32(info->attrs[HOLM_A_VCPU_VM]));
	err = -ENOENT;
	if (!node)
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[HOLM_A_VCPU_VM],
				    "no such virtual machine");
	else if (index >= smp_load_acquire(&node->vm->nr_vcpus))
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[HOLM_A_VCPU_INDEX], "no such vCPU");
	else
		err = put_vcpu(reply, node->vm->vcpus[array_index_nospec(index, HOLM_MAX_VCPUS)]);
	mutex_unlock(&holm_vms_lock);
	return holm_nl_reply_end(info, reply, hdr, err);
}

/* What a dump of vCPUs puts in for a VM: its vCPUs, from cursor->item on. */
struct dump_vcpus {
	struct holm_nl_message message;
	struct holm_nl_cursor *cursor;
	const struct nlattr *by_index;
};

static int dump_vcpus(struct sk_buff *skb, struct holm_vm_node *node, void *arg)
{
	struct dump_vcpus *d = arg;
	struct holm_vm *vm = node->vm;
	u32 i, n = smp_load_acquire(&vm->nr_vcpus);
	int err = 0;

	holm_nl_cursor_at(d->cursor, node);
	for (i = d->cursor->item; i < n && !err; i++) {
		void *hdr;

		if (d->by_index && nla_get_u32(d->by_index) != i)
			continue;
		hdr = holm_nl_message_begin(skb, &d->message);
		err = hdr ? holm_nl_message_end(skb, hdr, put_vcpu(skb, vm->vcpus[i])) : -EMSGSIZE;
		if (!err)
			d->cursor->item = i + 1;
	}
	return err;
}

int holm_nl_vcpu_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nlattr *const *asked = holm_genl_dump_attrs(cb);
	struct nlattr *attrs[HOLM_NL_SELECTORS] = { [HOLM_A_VM_ID] = asked[HOLM_A_VCPU_VM] };
	struct holm_nl_cursor *cursor = holm_nl_cursor_of(cb);
	struct holm_nl_vms dump = {
		.viewer = holm_nl_viewer_of(cb->skb),
		.attrs = attrs,
		.next = cursor->vm,
	};
	struct dump_vcpus vcpus = {
		.message = { .cb = cb, .dump = &dump, .cmd = HOLM_CMD_VCPU_GET },
		.cursor = cursor,
		.by_index = asked[HOLM_A_VCPU_INDEX],
	};
	int err;

	err = holm_nl_fill_vms(skb, &dump, dump_vcpus, &vcpus);
	cursor->vm = dump.next;
	return err && !skb->len ? err : skb->len;
}
