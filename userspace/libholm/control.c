// SPDX-License-Identifier: LGPL-2.1-or-later
/* The generic netlink family "holm", by libnl. */
#include <errno.h>
#include <linux/netlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "control_int.h"

/* How often a dump is begun anew because something came or went meanwhile. */
#define DUMP_TRIES	16

/* ---- errors ----------------------------------------------------------------- */

int ctl_fail(struct holm_ctl *ctl, int err, const char *what)
{
	snprintf(ctl->msg, sizeof(ctl->msg), "%s", what);
	return err;
}

/* Of libnl's error codes those that a caller may want to tell apart. */
static int nl_errno(int err)
{
	switch (-err) {
	case NLE_SUCCESS:
		return 0;
	case NLE_INTR:
		return -EINTR;
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_OBJ_NOTFOUND:
		return -ENOENT;
	case NLE_AGAIN:
		return -EAGAIN;
	default:
		return -EIO;
	}
}

int ctl_nl_fail(struct holm_ctl *ctl, int err)
{
	return ctl_fail(ctl, nl_errno(err), nl_geterror(err));
}

/*
 * The text of an extended acknowledgement, if there is one, else that of @err.
 * @skip is the length of what stands before its attributes.
 */
static void take_ext_ack(struct holm_ctl *ctl, const struct nlmsghdr *hdr, size_t skip, int err)
{
	struct nlattr *attrs[NLMSGERR_ATTR_MAX + 1];
	struct nlattr *first = (struct nlattr *)((char *)nlmsg_data(hdr) + skip);
	int len = (int)hdr->nlmsg_len - NLMSG_HDRLEN - (int)skip;
	const char *text = NULL;

	if (hdr->nlmsg_flags & NLM_F_ACK_TLVS && len > 0 &&
	    !nla_parse(attrs, NLMSGERR_ATTR_MAX, first, len, NULL) && attrs[NLMSGERR_ATTR_MSG])
		text = nla_get_string(attrs[NLMSGERR_ATTR_MSG]);
	snprintf(ctl->msg, sizeof(ctl->msg), "%s", text ? text : strerror(-err));
}

static int on_error(struct sockaddr_nl *who, struct nlmsgerr *e, void *arg)
{
	const struct nlmsghdr *hdr =
		(const struct nlmsghdr *)((const char *)e - NLMSG_HDRLEN);
	struct holm_ctl *ctl = arg;
	size_t skip = sizeof(*e);

	(void)who;
	ctl->err = e->error;
	ctl->done = true;
	if (!(hdr->nlmsg_flags & NLM_F_CAPPED))
		skip += NLMSG_ALIGN(e->msg.nlmsg_len) - sizeof(e->msg);
	if (e->error)
		take_ext_ack(ctl, hdr, skip, e->error);
	return NL_STOP;
}

/* A dump that fails on its way says so in its last message. */
static int on_finish(struct nl_msg *msg, void *arg)
{
	const struct nlmsghdr *hdr = nlmsg_hdr(msg);
	struct holm_ctl *ctl = arg;
	int err = 0;

	ctl->done = true;
	if (nlmsg_datalen(hdr) >= (int)sizeof(err))
		memcpy(&err, nlmsg_data(hdr), sizeof(err));
	if (err < 0) {
		ctl->err = err;
		take_ext_ack(ctl, hdr, sizeof(err), err);
	}
	return NL_STOP;
}

static int on_ack(struct nl_msg *msg, void *arg)
{
	struct holm_ctl *ctl = arg;

	(void)msg;
	ctl->done = true;
	return NL_STOP;
}

/* ---- requests ------------------------------------------------------------------ */

struct nl_msg *ctl_request(struct holm_ctl *ctl, uint8_t cmd, int flags)
{
	struct nl_msg *msg = nlmsg_alloc();

	if (msg && !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, ctl->family, 0, flags, cmd,
				HOLM_GENL_VERSION)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return msg;
}

/* Events come whenever they like, and what is late of an earlier answer is dropped. */
static int on_sequence(struct nl_msg *msg, void *arg)
{
	struct holm_ctl *ctl = arg;

	if (nlmsg_hdr(msg)->nlmsg_type == ctl->family && ctl_is_event(msg)) {
		ctl_keep_event(ctl, msg);
		return NL_SKIP;
	}
	return nlmsg_hdr(msg)->nlmsg_seq == ctl->seq ? NL_OK : NL_SKIP;
}

/* The same while there is no request; the rest of an old dump is not waited for. */
static int on_late(struct nl_msg *msg, void *arg)
{
	struct holm_ctl *ctl = arg;

	if (nlmsg_hdr(msg)->nlmsg_type != ctl->family || !ctl_is_event(msg))
		return NL_STOP;
	ctl_keep_event(ctl, msg);
	return NL_SKIP;
}

static bool has_input(const struct holm_ctl *ctl)
{
	struct pollfd p = { .fd = nl_socket_get_fd(ctl->sock), .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

bool ctl_overrun(int err)
{
	return err == -NLE_NOMEM && errno == ENOBUFS;
}

/* nl_recvmsgs(), for which lost events are no failure. */
static int receive(struct holm_ctl *ctl, struct nl_cb *cb)
{
	int ret;

	errno = 0;
	ret = nl_recvmsgs(ctl->sock, cb);
	if (!ctl_overrun(ret))
		return ret;
	ctl->lost = true;
	return 0;
}

/* Room for the answer: with a full buffer the kernel has nowhere to put it. */
static void take_events(struct holm_ctl *ctl, struct nl_cb *cb)
{
	int ret = 0;

	nl_cb_set(cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, on_late, ctl);
	while (ret >= 0 && has_input(ctl))
		ret = receive(ctl, cb);
}

/*
 * The answer to the request that was sent. The kernel has put all of it there by
 * then, or the next part of a dump: when events were lost and there is nothing
 * more, it was lost, too.
 */
static int take_answer(struct holm_ctl *ctl, struct nl_cb *cb)
{
	bool before = ctl->lost;
	int ret = 0;

	ctl->lost = false;
	while (ret >= 0 && !ctl->done) {
		if (ctl->lost && !has_input(ctl)) {
			ctl->err = ctl_fail(ctl, -ENOBUFS, "the answer was lost among events");
			break;
		}
		ret = receive(ctl, cb);
		/* The rest of the answer still comes. */
		if (ret == -NLE_DUMP_INTR) {
			ctl->err = -EAGAIN;
			ret = 0;
		}
	}
	ctl->lost |= before;
	return ret;
}

int ctl_converse(struct holm_ctl *ctl, struct nl_msg *msg, nl_recvmsg_msg_cb_t valid, void *arg)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int ret;

	if (!cb || !msg) {
		nl_cb_put(cb);
		nlmsg_free(msg);
		return ctl_fail(ctl, -ENOMEM, "out of memory");
	}
	take_events(ctl, cb);
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, ctl);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, ctl);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, ctl);
	nl_cb_set(cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, on_sequence, ctl);
	if (valid)
		nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, valid, arg);

	ctl->err = 0;
	ctl->done = false;
	ret = nl_send_auto(ctl->sock, msg);
	ctl->seq = nlmsg_hdr(msg)->nlmsg_seq;
	nlmsg_free(msg);
	if (ret >= 0)
		ret = take_answer(ctl, cb);
	nl_cb_put(cb);
	if (ctl->err)
		return ctl->err;
	return ret < 0 ? ctl_nl_fail(ctl, ret) : 0;
}

int ctl_parse(struct nl_msg *msg, struct nlattr **attrs, int max)
{
	return genlmsg_parse(nlmsg_hdr(msg), 0, attrs, max, NULL);
}

uint32_t ctl_u32(struct nlattr *attr)
{
	return attr && nla_len(attr) >= 4 ? nla_get_u32(attr) : 0;
}

uint64_t ctl_u64(struct nlattr *attr)
{
	return attr && nla_len(attr) >= 8 ? nla_get_u64(attr) : 0;
}

void ctl_string(char *to, size_t size, struct nlattr *attr)
{
	to[0] = '\0';
	if (attr)
		nla_strlcpy(to, attr, size);
}

void ctl_uuid(uint8_t *to, struct nlattr *attr)
{
	if (attr && nla_len(attr) == HOLM_UUID_LEN)
		memcpy(to, nla_data(attr), HOLM_UUID_LEN);
}

void ctl_u64_array(uint64_t *to, size_t n, struct nlattr *attr)
{
	size_t len = attr ? (size_t)nla_len(attr) : 0;

	memset(to, 0, n * sizeof(*to));
	if (len)
		memcpy(to, nla_data(attr), len < n * sizeof(*to) ? len : n * sizeof(*to));
}

/* ---- host -------------------------------------------------------------------------- */

static int on_host(struct nl_msg *msg, void *arg)
{
	struct holm_host_info *host = arg;
	struct nlattr *a[HOLM_A_HOST_MAX + 1];

	if (ctl_parse(msg, a, HOLM_A_HOST_MAX))
		return NL_SKIP;
	ctl_string(host->version, sizeof(host->version), a[HOLM_A_HOST_VERSION]);
	ctl_string(host->backend, sizeof(host->backend), a[HOLM_A_HOST_BACKEND]);
	host->features = ctl_u64(a[HOLM_A_HOST_FEATURES]);
	host->api_version = ctl_u32(a[HOLM_A_HOST_API_VERSION]);
	host->tsc_khz = ctl_u32(a[HOLM_A_HOST_TSC_KHZ]);
	host->max_vcpus = ctl_u32(a[HOLM_A_HOST_MAX_VCPUS]);
	host->max_slots = ctl_u32(a[HOLM_A_HOST_MAX_SLOTS]);
	host->vms = ctl_u32(a[HOLM_A_HOST_VMS]);
	host->vcpus = ctl_u32(a[HOLM_A_HOST_VCPUS]);
	host->has_mitigations = a[HOLM_A_HOST_MITIGATIONS];
	host->mitigations = ctl_u64(a[HOLM_A_HOST_MITIGATIONS]);
	return NL_OK;
}

int holm_ctl_host(struct holm_ctl *ctl, struct holm_host_info *host)
{
	memset(host, 0, sizeof(*host));
	return ctl_converse(ctl, ctl_request(ctl, HOLM_CMD_HOST_GET, NLM_F_ACK), on_host, host);
}

/* ---- lists --------------------------------------------------------------------------- */

void *ctl_list_add(struct ctl_list *list, size_t size)
{
	if (list->n == list->size) {
		size_t more = list->size ? 2 * list->size : 16;
		char *items = reallocarray(list->items, more, size);

		if (!items) {
			list->no_memory = true;
			return NULL;
		}
		list->items = items;
		list->size = more;
	}
	return memset(list->items + list->n++ * size, 0, size);
}

int ctl_list_end(struct holm_ctl *ctl, int err, struct ctl_list *list)
{
	if (err == -EAGAIN)
		err = 0;	/* as good as it gets */
	if (!err && list->no_memory)
		err = ctl_fail(ctl, -ENOMEM, "out of memory");
	if (err) {
		free(list->items);
		list->items = NULL;
		list->n = 0;
	}
	return err;
}

static int on_vm(struct nl_msg *msg, void *arg)
{
	struct nlattr *a[HOLM_A_VM_MAX + 1];
	struct holm_vm_info *vm;

	if (ctl_parse(msg, a, HOLM_A_VM_MAX))
		return NL_SKIP;
	vm = ctl_list_add(arg, sizeof(*vm));
	if (!vm)
		return NL_SKIP;
	vm->id = ctl_u32(a[HOLM_A_VM_ID]);
	vm->uid = ctl_u32(a[HOLM_A_VM_UID]);
	vm->pid = ctl_u32(a[HOLM_A_VM_PID]);
	vm->state = ctl_u32(a[HOLM_A_VM_STATE]);
	vm->vcpus = ctl_u32(a[HOLM_A_VM_VCPUS]);
	vm->netns = ctl_u32(a[HOLM_A_VM_NETNS]);
	vm->halt_poll_ns = ctl_u32(a[HOLM_A_VM_HALT_POLL]);
	vm->memory = ctl_u64(a[HOLM_A_VM_MEMORY]);
	vm->resident = ctl_u64(a[HOLM_A_VM_RESIDENT]);
	vm->uptime_ns = ctl_u64(a[HOLM_A_VM_UPTIME]);
	vm->exits = ctl_u64(a[HOLM_A_VM_EXITS]);
	vm->has_features = a[HOLM_A_VM_FEATURES];
	vm->features = ctl_u64(a[HOLM_A_VM_FEATURES]);
	vm->has_ple = a[HOLM_A_VM_PLE_GAP] && a[HOLM_A_VM_PLE_WINDOW];
	vm->ple_gap = ctl_u32(a[HOLM_A_VM_PLE_GAP]);
	vm->ple_window = ctl_u32(a[HOLM_A_VM_PLE_WINDOW]);
	vm->has_stats = a[HOLM_A_VM_STATS];
	vm->stats = ctl_u32(a[HOLM_A_VM_STATS]);
	vm->has_pages = a[HOLM_A_VM_PAGES_4K];
	vm->pages_4k = ctl_u64(a[HOLM_A_VM_PAGES_4K]);
	vm->pages_2m = ctl_u64(a[HOLM_A_VM_PAGES_2M]);
	vm->pages_1g = ctl_u64(a[HOLM_A_VM_PAGES_1G]);
	ctl_uuid(vm->uuid, a[HOLM_A_VM_UUID]);
	ctl_string(vm->name, sizeof(vm->name), a[HOLM_A_VM_NAME]);
	return NL_OK;
}

static int on_vcpu(struct nl_msg *msg, void *arg)
{
	struct nlattr *a[HOLM_A_VCPU_MAX + 1];
	struct holm_vcpu_info *vcpu;
	size_t i;

	if (ctl_parse(msg, a, HOLM_A_VCPU_MAX))
		return NL_SKIP;
	vcpu = ctl_list_add(arg, sizeof(*vcpu));
	if (!vcpu)
		return NL_SKIP;
	vcpu->vm = ctl_u32(a[HOLM_A_VCPU_VM]);
	vcpu->index = ctl_u32(a[HOLM_A_VCPU_INDEX]);
	vcpu->apic_id = ctl_u32(a[HOLM_A_VCPU_APIC_ID]);
	vcpu->state = ctl_u32(a[HOLM_A_VCPU_STATE]);
	vcpu->in_guest = a[HOLM_A_VCPU_IN_GUEST];
	vcpu->cpu = a[HOLM_A_VCPU_CPU] ? (int32_t)ctl_u32(a[HOLM_A_VCPU_CPU]) : -1;
	vcpu->tid = ctl_u32(a[HOLM_A_VCPU_TID]);
	for (i = 0; i < ARRAY_SIZE(vcpu->counter); i++)
		vcpu->counter[i] = ctl_u64(a[HOLM_A_VCPU_EXITS + i]);
	vcpu->has_last_exit = a[HOLM_A_VCPU_LAST_EXIT];
	vcpu->last_exit = ctl_u32(a[HOLM_A_VCPU_LAST_EXIT]);
	vcpu->has_times = a[HOLM_A_VCPU_TIME_GUEST];
	vcpu->guest_ns = ctl_u64(a[HOLM_A_VCPU_TIME_GUEST]);
	vcpu->kernel_ns = ctl_u64(a[HOLM_A_VCPU_TIME_KERNEL]);
	vcpu->user_ns = ctl_u64(a[HOLM_A_VCPU_TIME_USER]);
	vcpu->halted_ns = ctl_u64(a[HOLM_A_VCPU_TIME_HALTED]);
	vcpu->has_reasons = a[HOLM_A_VCPU_EXITS_BY_REASON];
	ctl_u64_array(vcpu->by_reason, ARRAY_SIZE(vcpu->by_reason),
		      a[HOLM_A_VCPU_EXITS_BY_REASON]);
	return NL_OK;
}

int ctl_dump(struct holm_ctl *ctl, uint8_t cmd, int attr, uint32_t value,
	     nl_recvmsg_msg_cb_t valid, struct ctl_list *list)
{
	int tries = DUMP_TRIES, err;

	do {
		struct nl_msg *msg = ctl_request(ctl, cmd, NLM_F_DUMP);

		list->n = 0;
		if (msg && attr && nla_put_u32(msg, attr, value)) {
			nlmsg_free(msg);
			msg = NULL;
		}
		err = ctl_converse(ctl, msg, valid, list);
	} while (err == -EAGAIN && --tries);

	return ctl_list_end(ctl, err, list);
}

int holm_ctl_vms(struct holm_ctl *ctl, struct holm_vm_info **vms, size_t *n)
{
	struct ctl_list list = { 0 };
	int err = ctl_dump(ctl, HOLM_CMD_VM_GET, 0, 0, on_vm, &list);

	*vms = (struct holm_vm_info *)list.items;
	*n = list.n;
	return err;
}

int holm_ctl_vcpus(struct holm_ctl *ctl, uint32_t id, struct holm_vcpu_info **vcpus, size_t *n)
{
	struct ctl_list list = { 0 };
	int err = ctl_dump(ctl, HOLM_CMD_VCPU_GET, id ? HOLM_A_VCPU_VM : 0, id, on_vcpu, &list);

	*vcpus = (struct holm_vcpu_info *)list.items;
	*n = list.n;
	return err;
}

static struct nl_msg *about_vm(struct holm_ctl *ctl, uint8_t cmd, uint32_t id)
{
	struct nl_msg *msg = ctl_request(ctl, cmd, NLM_F_ACK);

	if (msg && nla_put_u32(msg, HOLM_A_VM_ID, id)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

int holm_ctl_vm(struct holm_ctl *ctl, uint32_t id, struct holm_vm_info *vm)
{
	struct ctl_list list = { 0 };
	int err = ctl_converse(ctl, about_vm(ctl, HOLM_CMD_VM_GET, id), on_vm, &list);

	if (!err && list.n)
		memcpy(vm, list.items, sizeof(*vm));
	else if (!err)
		err = ctl_fail(ctl, -EIO, "the driver's answer makes no sense");
	free(list.items);
	return err;
}

int holm_ctl_kill(struct holm_ctl *ctl, uint32_t id)
{
	return ctl_converse(ctl, about_vm(ctl, HOLM_CMD_VM_KILL, id), NULL, NULL);
}

int holm_ctl_set(struct holm_ctl *ctl, uint32_t id, const struct holm_vm_change *change)
{
	const struct {
		uint32_t what;
		int attr;
		uint32_t value;
	} numbers[] = {
		{ HOLM_CHANGE_PAUSED, HOLM_A_VM_PAUSED, change->paused },
		{ HOLM_CHANGE_HALT_POLL, HOLM_A_VM_HALT_POLL, change->halt_poll_ns },
		{ HOLM_CHANGE_PLE_GAP, HOLM_A_VM_PLE_GAP, change->ple_gap },
		{ HOLM_CHANGE_PLE_WINDOW, HOLM_A_VM_PLE_WINDOW, change->ple_window },
		{ HOLM_CHANGE_STATS, HOLM_A_VM_STATS, change->stats },
	};
	uint32_t known = HOLM_CHANGE_NAME;
	struct nl_msg *msg;
	int ret = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		known |= numbers[i].what;
	if (!change->what || change->what & ~known)
		return ctl_fail(ctl, -EINVAL, "it is not said what to change");
	if (change->what & HOLM_CHANGE_NAME && strlen(change->name) > HOLM_NAME_MAX)
		return ctl_fail(ctl, -EINVAL, "the name is too long");

	msg = about_vm(ctl, HOLM_CMD_VM_SET, id);
	for (i = 0; msg && !ret && i < ARRAY_SIZE(numbers); i++)
		if (change->what & numbers[i].what)
			ret = nla_put_u32(msg, numbers[i].attr, numbers[i].value);
	if (msg && !ret && change->what & HOLM_CHANGE_NAME)
		ret = nla_put_string(msg, HOLM_A_VM_NEW_NAME, change->name);
	if (ret) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return ctl_converse(ctl, msg, NULL, NULL);
}

/* ---- connection -------------------------------------------------------------------------- */

int holm_ctl_open(struct holm_ctl **ctlp)
{
	struct holm_ctl *ctl = calloc(1, sizeof(*ctl));
	const int on = 1;
	int ret;

	*ctlp = ctl;
	if (!ctl)
		return -ENOMEM;
	ctl->sock = nl_socket_alloc();
	if (!ctl->sock)
		return ctl_fail(ctl, -ENOMEM, "out of memory");
	ret = genl_connect(ctl->sock);
	if (ret < 0)
		return ctl_nl_fail(ctl, ret);
	ret = genl_ctrl_resolve(ctl->sock, HOLM_GENL_NAME);
	if (ret == -NLE_OBJ_NOTFOUND)
		return ctl_fail(ctl, -ENOENT, "the module holm is not loaded");
	if (ret < 0)
		return ctl_nl_fail(ctl, ret);
	ctl->family = ret;
	ctl_resolve_groups(ctl);
	/* Of requests on_sequence() looks at it, and events have none. */
	nl_socket_disable_seq_check(ctl->sock);
	/* Messages of errors; an old kernel has none. */
	setsockopt(nl_socket_get_fd(ctl->sock), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	return 0;
}

void holm_ctl_close(struct holm_ctl *ctl)
{
	if (!ctl)
		return;
	nl_socket_free(ctl->sock);
	free(ctl->events.items);
	free(ctl);
}

const char *holm_ctl_error(const struct holm_ctl *ctl)
{
	return ctl ? ctl->msg : "out of memory";
}
