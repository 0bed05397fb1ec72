// SPDX-License-Identifier: LGPL-2.1-or-later
/* The generic netlink family "holm", by libnl. */
#include <errno.h>
#include <linux/netlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "libholm/control.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
/* How often a dump is begun anew because something came or went meanwhile. */
#define DUMP_TRIES	16

struct holm_ctl {
	struct nl_sock *sock;
	int family;
	int err;		/* of the kernel's answer */
	bool done;		/* it was an answer that ends the request */
	char msg[256];
};

/* ---- errors ----------------------------------------------------------------- */

static int fail(struct holm_ctl *ctl, int err, const char *what)
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

static int nl_fail(struct holm_ctl *ctl, int err)
{
	return fail(ctl, nl_errno(err), nl_geterror(err));
}

/* The text of an extended acknowledgement, if there is one. */
static void take_ext_ack(struct holm_ctl *ctl, const struct nlmsgerr *e)
{
	const struct nlmsghdr *hdr =
		(const struct nlmsghdr *)((const char *)e - NLMSG_HDRLEN);
	struct nlattr *attrs[NLMSGERR_ATTR_MAX + 1];
	size_t skip = sizeof(*e);
	const char *text = NULL;
	int len;

	if (!(hdr->nlmsg_flags & NLM_F_CAPPED))
		skip += NLMSG_ALIGN(e->msg.nlmsg_len) - sizeof(e->msg);
	len = (int)hdr->nlmsg_len - NLMSG_HDRLEN - (int)skip;
	if (hdr->nlmsg_flags & NLM_F_ACK_TLVS && len > 0 &&
	    !nla_parse(attrs, NLMSGERR_ATTR_MAX, (struct nlattr *)((char *)e + skip), len, NULL) &&
	    attrs[NLMSGERR_ATTR_MSG])
		text = nla_get_string(attrs[NLMSGERR_ATTR_MSG]);
	snprintf(ctl->msg, sizeof(ctl->msg), "%s", text ? text : strerror(-e->error));
}

static int on_error(struct sockaddr_nl *who, struct nlmsgerr *e, void *arg)
{
	struct holm_ctl *ctl = arg;

	(void)who;
	ctl->err = e->error;
	ctl->done = true;
	if (e->error)
		take_ext_ack(ctl, e);
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

static struct nl_msg *request(struct holm_ctl *ctl, uint8_t cmd, int flags)
{
	struct nl_msg *msg = nlmsg_alloc();

	if (msg && !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, ctl->family, 0, flags, cmd,
				HOLM_GENL_VERSION)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return msg;
}

/* Send @msg, which is freed, and have @valid called for what comes back. */
static int converse(struct holm_ctl *ctl, struct nl_msg *msg, nl_recvmsg_msg_cb_t valid, void *arg)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int ret;

	if (!cb || !msg) {
		nl_cb_put(cb);
		nlmsg_free(msg);
		return fail(ctl, -ENOMEM, "out of memory");
	}
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, ctl);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_ack, ctl);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, ctl);
	if (valid)
		nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, valid, arg);

	ctl->err = 0;
	ctl->done = false;
	ret = nl_send_auto(ctl->sock, msg);
	nlmsg_free(msg);
	while (ret >= 0 && !ctl->done) {
		ret = nl_recvmsgs(ctl->sock, cb);
		/* The rest of the answer still comes. */
		if (ret == -NLE_DUMP_INTR) {
			ctl->err = -EAGAIN;
			ret = 0;
		}
	}
	nl_cb_put(cb);
	if (ctl->err)
		return ctl->err;
	return ret < 0 ? nl_fail(ctl, ret) : 0;
}

static int parse(struct nl_msg *msg, struct nlattr **attrs, int max)
{
	return genlmsg_parse(nlmsg_hdr(msg), 0, attrs, max, NULL);
}

/* 0 for what a module of another version does not send. */
static uint32_t get_u32(struct nlattr *attr)
{
	return attr && nla_len(attr) >= 4 ? nla_get_u32(attr) : 0;
}

static uint64_t get_u64(struct nlattr *attr)
{
	return attr && nla_len(attr) >= 8 ? nla_get_u64(attr) : 0;
}

static void get_string(char *to, size_t size, struct nlattr *attr)
{
	to[0] = '\0';
	if (attr)
		nla_strlcpy(to, attr, size);
}

static void get_uuid(uint8_t *to, struct nlattr *attr)
{
	if (attr && nla_len(attr) == HOLM_UUID_LEN)
		memcpy(to, nla_data(attr), HOLM_UUID_LEN);
}

/* ---- host -------------------------------------------------------------------------- */

static int on_host(struct nl_msg *msg, void *arg)
{
	struct holm_host_info *host = arg;
	struct nlattr *a[HOLM_A_HOST_MAX + 1];

	if (parse(msg, a, HOLM_A_HOST_MAX))
		return NL_SKIP;
	get_string(host->version, sizeof(host->version), a[HOLM_A_HOST_VERSION]);
	get_string(host->backend, sizeof(host->backend), a[HOLM_A_HOST_BACKEND]);
	host->features = get_u64(a[HOLM_A_HOST_FEATURES]);
	host->api_version = get_u32(a[HOLM_A_HOST_API_VERSION]);
	host->tsc_khz = get_u32(a[HOLM_A_HOST_TSC_KHZ]);
	host->max_vcpus = get_u32(a[HOLM_A_HOST_MAX_VCPUS]);
	host->max_slots = get_u32(a[HOLM_A_HOST_MAX_SLOTS]);
	host->vms = get_u32(a[HOLM_A_HOST_VMS]);
	host->vcpus = get_u32(a[HOLM_A_HOST_VCPUS]);
	return NL_OK;
}

int holm_ctl_host(struct holm_ctl *ctl, struct holm_host_info *host)
{
	memset(host, 0, sizeof(*host));
	return converse(ctl, request(ctl, HOLM_CMD_HOST_GET, NLM_F_ACK), on_host, host);
}

/* ---- lists --------------------------------------------------------------------------- */

struct list {
	char *items;
	size_t n, size;
	bool no_memory;
};

/* Room for one more of @size bytes, zeroed; NULL without memory. */
static void *list_add(struct list *list, size_t size)
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

static int on_vm(struct nl_msg *msg, void *arg)
{
	struct nlattr *a[HOLM_A_VM_MAX + 1];
	struct holm_vm_info *vm;

	if (parse(msg, a, HOLM_A_VM_MAX))
		return NL_SKIP;
	vm = list_add(arg, sizeof(*vm));
	if (!vm)
		return NL_SKIP;
	vm->id = get_u32(a[HOLM_A_VM_ID]);
	vm->uid = get_u32(a[HOLM_A_VM_UID]);
	vm->pid = get_u32(a[HOLM_A_VM_PID]);
	vm->state = get_u32(a[HOLM_A_VM_STATE]);
	vm->vcpus = get_u32(a[HOLM_A_VM_VCPUS]);
	vm->netns = get_u32(a[HOLM_A_VM_NETNS]);
	vm->halt_poll_ns = get_u32(a[HOLM_A_VM_HALT_POLL]);
	vm->memory = get_u64(a[HOLM_A_VM_MEMORY]);
	vm->resident = get_u64(a[HOLM_A_VM_RESIDENT]);
	vm->uptime_ns = get_u64(a[HOLM_A_VM_UPTIME]);
	vm->exits = get_u64(a[HOLM_A_VM_EXITS]);
	get_uuid(vm->uuid, a[HOLM_A_VM_UUID]);
	get_string(vm->name, sizeof(vm->name), a[HOLM_A_VM_NAME]);
	return NL_OK;
}

static int on_vcpu(struct nl_msg *msg, void *arg)
{
	struct nlattr *a[HOLM_A_VCPU_MAX + 1];
	struct holm_vcpu_info *vcpu;
	size_t i;

	if (parse(msg, a, HOLM_A_VCPU_MAX))
		return NL_SKIP;
	vcpu = list_add(arg, sizeof(*vcpu));
	if (!vcpu)
		return NL_SKIP;
	vcpu->vm = get_u32(a[HOLM_A_VCPU_VM]);
	vcpu->index = get_u32(a[HOLM_A_VCPU_INDEX]);
	vcpu->apic_id = get_u32(a[HOLM_A_VCPU_APIC_ID]);
	vcpu->state = get_u32(a[HOLM_A_VCPU_STATE]);
	vcpu->in_guest = a[HOLM_A_VCPU_IN_GUEST];
	vcpu->cpu = a[HOLM_A_VCPU_CPU] ? (int32_t)get_u32(a[HOLM_A_VCPU_CPU]) : -1;
	vcpu->tid = get_u32(a[HOLM_A_VCPU_TID]);
	for (i = 0; i < ARRAY_SIZE(vcpu->counter); i++)
		vcpu->counter[i] = get_u64(a[HOLM_A_VCPU_EXITS + i]);
	return NL_OK;
}

/* A dump by @cmd, of what attribute @attr says where it is not 0; of one moment. */
static int dump(struct holm_ctl *ctl, uint8_t cmd, int attr, uint32_t value,
		nl_recvmsg_msg_cb_t valid, struct list *list)
{
	int tries = DUMP_TRIES, err;

	do {
		struct nl_msg *msg = request(ctl, cmd, NLM_F_DUMP);

		list->n = 0;
		if (msg && attr && nla_put_u32(msg, attr, value)) {
			nlmsg_free(msg);
			msg = NULL;
		}
		err = converse(ctl, msg, valid, list);
	} while (err == -EAGAIN && --tries);

	if (err == -EAGAIN)
		err = 0;	/* as good as it gets */
	if (!err && list->no_memory)
		err = fail(ctl, -ENOMEM, "out of memory");
	if (err) {
		free(list->items);
		list->items = NULL;
		list->n = 0;
	}
	return err;
}

int holm_ctl_vms(struct holm_ctl *ctl, struct holm_vm_info **vms, size_t *n)
{
	struct list list = { 0 };
	int err = dump(ctl, HOLM_CMD_VM_GET, 0, 0, on_vm, &list);

	*vms = (struct holm_vm_info *)list.items;
	*n = list.n;
	return err;
}

int holm_ctl_vcpus(struct holm_ctl *ctl, uint32_t id, struct holm_vcpu_info **vcpus, size_t *n)
{
	struct list list = { 0 };
	int err = dump(ctl, HOLM_CMD_VCPU_GET, id ? HOLM_A_VCPU_VM : 0, id, on_vcpu, &list);

	*vcpus = (struct holm_vcpu_info *)list.items;
	*n = list.n;
	return err;
}

static struct nl_msg *about_vm(struct holm_ctl *ctl, uint8_t cmd, uint32_t id)
{
	struct nl_msg *msg = request(ctl, cmd, NLM_F_ACK);

	if (msg && nla_put_u32(msg, HOLM_A_VM_ID, id)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

int holm_ctl_vm(struct holm_ctl *ctl, uint32_t id, struct holm_vm_info *vm)
{
	struct list list = { 0 };
	int err = converse(ctl, about_vm(ctl, HOLM_CMD_VM_GET, id), on_vm, &list);

	if (!err && list.n)
		memcpy(vm, list.items, sizeof(*vm));
	else if (!err)
		err = fail(ctl, -EIO, "the driver's answer makes no sense");
	free(list.items);
	return err;
}

int holm_ctl_kill(struct holm_ctl *ctl, uint32_t id)
{
	return converse(ctl, about_vm(ctl, HOLM_CMD_VM_KILL, id), NULL, NULL);
}

/* ---- events ---------------------------------------------------------------------------- */

struct receiver {
	void (*fn)(const struct holm_event_info *event, void *arg);
	void *arg;
};

static int on_event(struct nl_msg *msg, void *arg)
{
	struct genlmsghdr *hdr = genlmsg_hdr(nlmsg_hdr(msg));
	const struct receiver *receiver = arg;
	struct nlattr *a[HOLM_A_EVENT_MAX + 1];
	struct holm_event_info event = {
		.group = hdr->cmd == HOLM_CMD_FAULT_NTF ? HOLM_MCGRP_FAULT : HOLM_MCGRP_LIFECYCLE,
	};

	if ((hdr->cmd != HOLM_CMD_FAULT_NTF && hdr->cmd != HOLM_CMD_LIFECYCLE_NTF) ||
	    parse(msg, a, HOLM_A_EVENT_MAX))
		return NL_SKIP;
	event.seq = get_u64(a[HOLM_A_EVENT_SEQ]);
	event.event = get_u32(a[HOLM_A_EVENT_EVENT]);
	event.time_ns = get_u64(a[HOLM_A_EVENT_TIME]);
	event.vm = get_u32(a[HOLM_A_EVENT_VM]);
	event.uid = get_u32(a[HOLM_A_EVENT_UID]);
	get_uuid(event.uuid, a[HOLM_A_EVENT_UUID]);
	get_string(event.name, sizeof(event.name), a[HOLM_A_EVENT_NAME]);
	event.has_vcpu = a[HOLM_A_EVENT_VCPU];
	event.vcpu = get_u32(a[HOLM_A_EVENT_VCPU]);
	event.has_reason = a[HOLM_A_EVENT_REASON];
	event.reason = get_u64(a[HOLM_A_EVENT_REASON]);
	event.has_summary = a[HOLM_A_EVENT_UPTIME];
	event.uptime_ns = get_u64(a[HOLM_A_EVENT_UPTIME]);
	event.exits = get_u64(a[HOLM_A_EVENT_EXITS]);
	receiver->fn(&event, receiver->arg);
	return NL_OK;
}

int holm_ctl_listen(struct holm_ctl *ctl)
{
	static const char *const groups[] = { HOLM_MCGRP_LIFECYCLE, HOLM_MCGRP_FAULT };
	size_t i;
	int ret;

	nl_socket_disable_seq_check(ctl->sock);
	for (i = 0; i < ARRAY_SIZE(groups); i++) {
		ret = genl_ctrl_resolve_grp(ctl->sock, HOLM_GENL_NAME, groups[i]);
		if (ret >= 0)
			ret = nl_socket_add_membership(ctl->sock, ret);
		if (nl_errno(ret < 0 ? ret : 0) == -EPERM)
			return fail(ctl, -EPERM, "events are for who has CAP_NET_ADMIN");
		if (ret < 0)
			return nl_fail(ctl, ret);
	}
	return 0;
}

int holm_ctl_fd(const struct holm_ctl *ctl)
{
	return nl_socket_get_fd(ctl->sock);
}

int holm_ctl_receive(struct holm_ctl *ctl,
		     void (*fn)(const struct holm_event_info *event, void *arg), void *arg)
{
	struct receiver receiver = { .fn = fn, .arg = arg };
	int ret;

	nl_socket_modify_cb(ctl->sock, NL_CB_VALID, NL_CB_CUSTOM, on_event, &receiver);
	errno = 0;
	ret = nl_recvmsgs_default(ctl->sock);
	if (ret >= 0)
		return 0;
	/* libnl has one number for ENOBUFS and ENOMEM. */
	if (errno == ENOBUFS)
		return fail(ctl, -ENOBUFS, "events were lost: they came faster than they were read");
	if (errno == EINTR)
		return fail(ctl, -EINTR, "interrupted by a signal");
	return nl_fail(ctl, ret);
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
		return fail(ctl, -ENOMEM, "out of memory");
	ret = genl_connect(ctl->sock);
	if (ret < 0)
		return nl_fail(ctl, ret);
	ret = genl_ctrl_resolve(ctl->sock, HOLM_GENL_NAME);
	if (ret == -NLE_OBJ_NOTFOUND)
		return fail(ctl, -ENOENT, "the module holm is not loaded");
	if (ret < 0)
		return nl_fail(ctl, ret);
	ctl->family = ret;
	/* Messages of errors; an old kernel has none. */
	setsockopt(nl_socket_get_fd(ctl->sock), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	return 0;
}

void holm_ctl_close(struct holm_ctl *ctl)
{
	if (!ctl)
		return;
	nl_socket_free(ctl->sock);
	free(ctl);
}

const char *holm_ctl_error(const struct holm_ctl *ctl)
{
	return ctl ? ctl->msg : "out of memory";
}

/* ---- names --------------------------------------------------------------------------------- */

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
	};

	return name_of(names, ARRAY_SIZE(names), event);
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
	return n < ARRAY_SIZE(names) ? names[n] : NULL;
}
