// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What people call virtual machines, and what is printed of them; and a connection of the
 * library's to a kernel that is played here.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <netlink/genl/genl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "args.h"
#include "control.h"
#include "control_int.h"
#include "json.h"
#include "watch.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

static const struct holm_vm_info vms[] = {
	{ .id = 1, .pid = 100, .name = "web", .uuid = { 0x11, [15] = 0xff } },
	{ .id = 2, .pid = 200, .name = "db", .uuid = { 0xab, 0xcd, [15] = 0x01 } },
	{ .id = 3, .pid = 300, .name = "twin" },
	{ .id = 4, .pid = 400, .name = "twin" },
	{ .id = 5, .pid = 0, .name = "" },
	{ .id = 6, .pid = 600, .name = "100" },
	{ .id = 7, .pid = 700, .name = "11000000-0000-0000-0000-0000000000ff" },
};

static void test_match(void **state)
{
	const struct {
		const char *what;
		uint32_t id;		/* 0: none */
		const char *msg;
	} rows[] = {
		{ "web", 1, NULL },
		{ "db", 2, NULL },
		{ "200", 2, NULL },
		{ "abcd0000-0000-0000-0000-000000000001", 2, NULL },
		{ "ABCD0000-0000-0000-0000-000000000001", 2, NULL },
		/* Names go first. */
		{ "100", 6, NULL },
		{ "11000000-0000-0000-0000-0000000000ff", 7, NULL },
		{ "twin", 0, "more than one virtual machine is called \"twin\"" },
		{ "300", 3, NULL },
		/* What is empty by mistake, and pids that are none. */
		{ "", 0, "there is no virtual machine" },
		{ "0", 0, "there is no virtual machine \"0\"" },
		{ "200x", 0, "there is no virtual machine" },
		{ " 200", 0, "there is no virtual machine" },
		{ "+200", 0, "there is no virtual machine" },
		{ "-200", 0, "there is no virtual machine" },
		{ "4294967496", 0, "there is no virtual machine" },
		{ "99999999999999999999999", 0, "there is no virtual machine" },
		{ "WEB", 0, "there is no virtual machine" },
		{ "abcd0000", 0, "there is no virtual machine" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = { "" };
		const struct holm_vm_info *vm = control_match(vms, ARRAY_SIZE(vms), rows[i].what,
							      &e);

		assert_int_equal(vm ? vm->id : 0, rows[i].id);
		if (rows[i].msg)
			assert_non_null(strstr(e.msg, rows[i].msg));
	}
	assert_null(control_match(NULL, 0, "web", NULL));
}

static void test_text(void **state)
{
	const struct {
		uint64_t ns;
		const char *text;
	} durations[] = {
		{ 0, "0s" }, { 999999999, "0s" }, { 59999999999ULL, "59s" },
		{ 60000000000ULL, "1m 0s" }, { 3599000000000ULL, "59m 59s" },
		{ 3600000000000ULL, "1h 0m" }, { 86399000000000ULL, "23h 59m" },
		{ 86400000000000ULL, "1d 0h" }, { UINT64_MAX, "213503d 23h" },
	};
	const struct {
		uint64_t bytes;
		const char *text;
	} sizes[] = {
		{ 0, "0B" }, { 1023, "1023B" }, { 1024, "1K" }, { 1536, "1.5K" },
		{ 102400, "100K" }, { 134217728, "128M" }, { 1610612736, "1.5G" },
		{ UINT64_MAX, "15.9E" },
	};
	const uint8_t uuid[HOLM_UUID_LEN] = { 0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
					      0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff };
	char buf[HOLM_UUID_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(durations); i++)
		assert_string_equal(control_duration(durations[i].ns, buf, sizeof(buf)),
				    durations[i].text);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		assert_string_equal(control_size(sizes[i].bytes, buf, sizeof(buf)), sizes[i].text);
	holm_uuid_text(uuid, buf);
	assert_string_equal(buf, "00112233-4455-6677-8899-aabbccddeeff");
	assert_string_equal(control_user(0, buf, sizeof(buf)), "root");
	assert_string_equal(control_user(4000000000U, buf, sizeof(buf)), "4000000000");
}

/* Each value has a name, and what a newer driver may say has one, too. */
static void test_names(void **state)
{
	size_t n;

	(void)state;
	for (n = 0; n <= HOLM_VM_STATE_PAUSED; n++)
		assert_string_not_equal(holm_vm_state_name(n), "?");
	for (n = 0; n <= HOLM_VCPU_STATE_DYING; n++)
		assert_string_not_equal(holm_vcpu_state_name(n), "?");
	for (n = 0; n <= HOLM_VM_EVENT_CRASHED; n++)
		assert_string_not_equal(holm_vm_event_name(n), "?");
	for (n = 0; n < HOLM_EXIT_REASONS; n++)
		assert_string_not_equal(holm_exit_reason_name(n), "?");
	for (n = 0; n <= HOLM_WATCH_KIND_NO_PROGRESS; n++)
		assert_string_not_equal(holm_watch_kind_name(n), "?");
	assert_string_equal(holm_vm_state_name(HOLM_VM_STATE_PAUSED + 1), "?");
	assert_string_equal(holm_vcpu_state_name(UINT32_MAX), "?");
	assert_string_equal(holm_vm_event_name(HOLM_VM_EVENT_CRASHED + 1), "?");
	assert_string_equal(holm_vm_event_name(HOLM_EVENT_WATCH), "watch");
	assert_string_equal(holm_exit_reason_name(HOLM_EXIT_REASONS), "?");
	assert_string_equal(holm_watch_kind_name(HOLM_WATCH_KIND_NO_PROGRESS + 1), "?");
	for (n = 0; holm_mitigation_name(n); n++)
		;
	assert_int_equal(1 << (n - 1), HOLM_MITIGATION_IBPB_TO_USER);
	for (n = 0; holm_vm_feature_name(n); n++)
		;
	assert_int_equal(1 << (n - 1), HOLM_VM_FEATURE_STATS);
	for (n = 0; holm_vcpu_counter_name(n); n++)
		;
	assert_int_equal(n, HOLM_A_VCPU_TLB_FLUSHES - HOLM_A_VCPU_EXITS + 1);
}

static void test_json(void **state)
{
	struct holm_vm_info vm = vms[1];
	struct json_object *o, *member;

	(void)state;
	vm.memory = UINT64_MAX;
	vm.state = HOLM_VM_STATE_SHUTDOWN;
	snprintf(vm.name, sizeof(vm.name), "a \"quoted\" \\ name");
	o = control_vm_json(&vm);
	assert_non_null(o);
	assert_true(json_object_object_get_ex(o, "memory", &member));
	assert_true(json_object_get_uint64(member) == UINT64_MAX);
	assert_true(json_object_object_get_ex(o, "state", &member));
	assert_string_equal(json_object_get_string(member), "shutdown");
	assert_true(json_object_object_get_ex(o, "uuid", &member));
	assert_string_equal(json_object_get_string(member), "abcd0000-0000-0000-0000-000000000001");
	assert_non_null(strstr(json_object_to_json_string(o), "a \\\"quoted\\\" \\\\ name"));
	/* What an older module does not tell is not there. */
	assert_false(json_object_object_get_ex(o, "features", &member));
	assert_false(json_object_object_get_ex(o, "stats", &member));
	assert_false(json_object_object_get_ex(o, "ple_gap", &member));
	assert_false(json_object_object_get_ex(o, "pages_4k", &member));
	json_object_put(o);

	vm.has_features = vm.has_stats = vm.has_ple = vm.has_pages = true;
	vm.features = HOLM_VM_FEATURE_KVMCLOCK | HOLM_VM_FEATURE_STATS;
	vm.stats = true;
	vm.ple_window = 4096;
	vm.pages_1g = 7;
	vm.state = HOLM_VM_STATE_PAUSED;
	o = control_vm_json(&vm);
	assert_non_null(o);
	assert_true(json_object_object_get_ex(o, "state", &member));
	assert_string_equal(json_object_get_string(member), "paused");
	assert_true(json_object_object_get_ex(o, "features", &member));
	assert_string_equal(json_object_to_json_string_ext(member, JSON_C_TO_STRING_PLAIN),
			    "[\"kvmclock\",\"stats\"]");
	assert_true(json_object_object_get_ex(o, "stats", &member));
	assert_true(json_object_get_boolean(member));
	assert_true(json_object_object_get_ex(o, "ple_gap", &member));
	assert_int_equal(json_object_get_int(member), 0);
	assert_true(json_object_object_get_ex(o, "ple_window", &member));
	assert_int_equal(json_object_get_int(member), 4096);
	assert_true(json_object_object_get_ex(o, "pages_1g", &member));
	assert_int_equal(json_object_get_int(member), 7);
	json_object_put(o);
}

static void test_bits(void **state)
{
	char buf[CONTROL_BITS];

	(void)state;
	assert_string_equal(control_bits(0, holm_mitigation_name, buf, sizeof(buf)), "none");
	assert_string_equal(control_bits(HOLM_MITIGATION_L1D_FLUSH | HOLM_MITIGATION_SPEC_CTRL,
					 holm_mitigation_name, buf, sizeof(buf)),
			    "l1d-flush, spec-ctrl");
	/* Of a newer module. */
	assert_string_equal(control_bits(1ULL << 63 | HOLM_MITIGATION_RSB_FILL,
					 holm_mitigation_name, buf, sizeof(buf)),
			    "rsb-fill, bit-63");
	assert_int_equal(strlen(control_bits(UINT64_MAX, holm_mitigation_name, buf, 20)), 19);
	control_bits(UINT64_MAX, holm_host_feature_name, buf, sizeof(buf));
}

static void test_watch(void **state)
{
	const struct {
		const char *text;
		const char *vm;		/* NULL: wrong */
		uint32_t kind;
		uint64_t threshold;
		const char *msg;
	} rows[] = {
		{ "web:exit-rate=1000", "web", HOLM_WATCH_KIND_EXIT_RATE, 1000 },
		{ "web:resident=512M", "web", HOLM_WATCH_KIND_RESIDENT, 512 << 20 },
		{ "web:no-progress=5", "web", HOLM_WATCH_KIND_NO_PROGRESS, 5 },
		{ "a:b=c:no-progress=5", "a:b=c", HOLM_WATCH_KIND_NO_PROGRESS, 5 },
		{ "100:exit-rate=18446744073709551615", "100", HOLM_WATCH_KIND_EXIT_RATE,
		  UINT64_MAX },
		{ .text = "", .msg = "expected VM:KIND=VALUE" },
		{ .text = "web", .msg = "expected VM:KIND=VALUE" },
		{ .text = "web:exit-rate", .msg = "expected VM:KIND=VALUE" },
		{ .text = "exit-rate=5", .msg = "expected VM:KIND=VALUE" },
		{ .text = ":exit-rate=5", .msg = "expected VM:KIND=VALUE" },
		{ .text = "web:exits=5", .msg = "expected exit-rate, resident or no-progress" },
		{ .text = "web:=5", .msg = "expected exit-rate, resident or no-progress" },
		{ .text = "web:exit-rat=5", .msg = "expected exit-rate, resident or no-progress" },
		{ .text = "web:exit-rate=", .msg = "" },
		{ .text = "web:exit-rate=5k", .msg = "" },
		{ .text = "web:exit-rate=-1", .msg = "" },
		{ .text = "web:resident=1Q", .msg = "" },
		{ .text = "web:no-progress=0", .msg = "above 0" },
		{ .text = "web:exit-rate=18446744073709551616", .msg = "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct watch_spec spec = { .vm = NULL };
		struct err e = { "" };
		int ret = watch_parse(rows[i].text, &spec, &e);

		assert_int_equal(ret, rows[i].vm ? 0 : -1);
		if (rows[i].vm) {
			assert_string_equal(spec.vm, rows[i].vm);
			assert_int_equal(spec.kind, rows[i].kind);
			assert_int_equal(spec.threshold, rows[i].threshold);
		} else {
			assert_null(spec.vm);
			assert_non_null(strstr(e.msg, rows[i].msg));
			assert_string_not_equal(e.msg, "");
		}
		free(spec.vm);
	}
}

static void test_args(void **state)
{
	const struct {
		const char *text;
		uint64_t ns;	/* 0: wrong */
	} seconds[] = {
		{ "1", 1000000000 }, { "0.5", 500000000 }, { "3600", 3600000000000 },
		{ "0.1", 100000000 }, { "", 0 }, { "0", 0 }, { "0.09", 0 }, { "3601", 0 },
		{ "1s", 0 }, { "1e1", 0 }, { "-1", 0 }, { " 1", 0 }, { "nan", 0 }, { "inf", 0 },
		{ "0x1", 0 }, { "1.2.3", 0 }, { ".", 0 },
	};
	static char words[][8] = { "verb", "--flag", "a", "--flag=", "--flag" };
	static char with_value[] = "--flag=b", longer[] = "--flagon";
	char *argv[] = { words[0], words[1], words[2], with_value, longer, words[3], words[4],
			 NULL };
	const struct {
		int ret;
		int next;
		const char *value;
	} flags[] = {
		{ 0, 0, NULL }, { 1, 2, "a" }, { 0, 2, NULL }, { 1, 3, "b" }, { 0, 4, NULL },
		{ 1, 5, "" }, { -1, 6, NULL },
	};
	uint64_t number;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(seconds); i++) {
		uint64_t ns = 0;

		assert_int_equal(args_seconds(argv, "--flag", seconds[i].text, &ns),
				 seconds[i].ns ? 0 : -1);
		assert_int_equal(ns, seconds[i].ns);
	}
	for (int i = 0; i < (int)ARRAY_SIZE(flags); i++) {
		const char *value = NULL;
		int at = i;

		assert_int_equal(args_flag(argv, &at, "--flag", &value), flags[i].ret);
		assert_int_equal(at, flags[i].next);
		if (flags[i].value)
			assert_string_equal(value, flags[i].value);
	}
	assert_int_equal(args_number(argv, "--flag", "10", 10, &number), 0);
	assert_int_equal(number, 10);
	assert_int_equal(args_number(argv, "--flag", "11", 10, &number), -1);
}

/* ---- a kernel -------------------------------------------------------------------- */

#define FAMILY		30
#define FIRST_GROUP	11
#define VMS		7
#define FLOOD		(CTL_KEPT_MAX + 500)

enum item { FAMILY_IS, HOST, VM, DONE, ACK, EVENT, OVERRUN };

/**
 * struct kernel - what it has for the socket, and saw of it
 * @queue: to be received
 * @first: of what is still there
 * @end: behind the last
 * @answer: what is put there for the next request, @n_answer
 * @requests: how many came
 * @joined: groups
 * @n_joined: how many
 * @no_groups: the family has none
 * @full: there is no room for an answer beside what is in the queue
 * @seq: of the last event
 * @hung: there was nothing to receive, and would never be
 */
static struct kernel {
	struct {
		enum item what;
		uint32_t seq;
	} queue[2 * FLOOD];
	size_t first, end;
	enum item answer[2 * FLOOD];
	size_t n_answer;
	unsigned int requests;
	int joined[8];
	size_t n_joined;
	bool no_groups;
	bool full;
	uint32_t seq;
	bool hung;
} kernel;

static void put(enum item what, uint32_t seq)
{
	assert_true(kernel.end < ARRAY_SIZE(kernel.queue));
	kernel.queue[kernel.end].what = what;
	kernel.queue[kernel.end++].seq = what == EVENT ? ++kernel.seq : seq;
}

static void will_answer(enum item what)
{
	assert_true(kernel.n_answer < ARRAY_SIZE(kernel.answer));
	kernel.answer[kernel.n_answer++] = what;
}

static bool is_genl(int fd)
{
	socklen_t len = sizeof(int);
	int domain, protocol;

	return !getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) && domain == AF_NETLINK &&
	       !getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) &&
	       protocol == NETLINK_GENERIC;
}

static void put_family(struct nl_msg *msg)
{
	static const char *const names[] = {
		HOLM_MCGRP_LIFECYCLE, HOLM_MCGRP_FAULT, HOLM_MCGRP_WATCH
	};
	struct nlattr *groups, *group;

	nla_put_u16(msg, CTRL_ATTR_FAMILY_ID, FAMILY);
	nla_put_string(msg, CTRL_ATTR_FAMILY_NAME, HOLM_GENL_NAME);
	if (kernel.no_groups)
		return;
	groups = nla_nest_start(msg, CTRL_ATTR_MCAST_GROUPS);
	for (int i = 0; i < (int)ARRAY_SIZE(names); i++) {
		group = nla_nest_start(msg, i + 1);
		nla_put_string(msg, CTRL_ATTR_MCAST_GRP_NAME, names[i]);
		nla_put_u32(msg, CTRL_ATTR_MCAST_GRP_ID, (uint32_t)(FIRST_GROUP + i));
		nla_nest_end(msg, group);
	}
	nla_nest_end(msg, groups);
}

static struct nl_msg *message(enum item what, uint32_t seq)
{
	struct nl_msg *msg = nlmsg_alloc();
	struct nlmsgerr ack = { .msg.nlmsg_seq = seq };
	int zero = 0;

	assert_non_null(msg);
	switch (what) {
	case FAMILY_IS:
		genlmsg_put(msg, 0, seq, GENL_ID_CTRL, 0, 0, CTRL_CMD_NEWFAMILY, 2);
		put_family(msg);
		break;
	case HOST:
		genlmsg_put(msg, 0, seq, FAMILY, 0, 0, HOLM_CMD_HOST_GET, HOLM_GENL_VERSION);
		nla_put_u32(msg, HOLM_A_HOST_VMS, VMS);
		break;
	case VM:
		genlmsg_put(msg, 0, seq, FAMILY, 0, NLM_F_MULTI, HOLM_CMD_VM_GET,
			    HOLM_GENL_VERSION);
		nla_put_u32(msg, HOLM_A_VM_ID, 1);
		break;
	case DONE:
		nlmsg_put(msg, 0, seq, NLMSG_DONE, sizeof(zero), NLM_F_MULTI);
		memcpy(nlmsg_data(nlmsg_hdr(msg)), &zero, sizeof(zero));
		break;
	case ACK:
		nlmsg_put(msg, 0, seq, NLMSG_ERROR, sizeof(ack), NLM_F_CAPPED);
		memcpy(nlmsg_data(nlmsg_hdr(msg)), &ack, sizeof(ack));
		break;
	default:
		genlmsg_put(msg, 0, 0, FAMILY, 0, 0, HOLM_CMD_LIFECYCLE_NTF, HOLM_GENL_VERSION);
		nla_put_u64(msg, HOLM_A_EVENT_SEQ, seq);
		break;
	}
	return msg;
}

/* These take the place of the C library's, in libnl, too. */

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	const struct nlmsghdr *hdr;

	if (!is_genl(fd))
		return syscall(SYS_sendmsg, fd, m, flags);
	hdr = m->msg_iov[0].iov_base;
	kernel.requests++;
	if (hdr->nlmsg_type == GENL_ID_CTRL) {
		put(FAMILY_IS, hdr->nlmsg_seq);
		put(ACK, hdr->nlmsg_seq);
		return hdr->nlmsg_len;
	}
	/* As the kernel: the answer is there at once, or nowhere. */
	if (kernel.full && kernel.first < kernel.end) {
		put(OVERRUN, 0);
		kernel.n_answer = 0;
	}
	for (size_t i = 0; i < kernel.n_answer; i++)
		put(kernel.answer[i], hdr->nlmsg_seq);
	kernel.n_answer = 0;
	return hdr->nlmsg_len;
}

ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
	const struct sockaddr_nl from = { .nl_family = AF_NETLINK };
	struct nl_msg *msg;
	size_t len;

	if (!is_genl(fd))
		return syscall(SYS_recvmsg, fd, m, flags);
	if (kernel.first == kernel.end) {
		errno = EAGAIN;
		if (!(fcntl(fd, F_GETFL) & O_NONBLOCK)) {
			kernel.hung = true;
			errno = EIO;
		}
		return -1;
	}
	if (kernel.queue[kernel.first].what == OVERRUN) {
		kernel.first++;
		errno = ENOBUFS;
		return -1;
	}
	msg = message(kernel.queue[kernel.first].what, kernel.queue[kernel.first].seq);
	len = nlmsg_hdr(msg)->nlmsg_len;
	assert_true(len <= m->msg_iov[0].iov_len);
	memcpy(m->msg_iov[0].iov_base, nlmsg_hdr(msg), len);
	nlmsg_free(msg);
	memcpy(m->msg_name, &from, sizeof(from));
	m->msg_namelen = sizeof(from);
	m->msg_controllen = 0;
	m->msg_flags = 0;
	kernel.first += !(flags & MSG_PEEK);
	return (ssize_t)len;
}

/* By its declaration poll() reads nothing. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
int poll(struct pollfd *p, nfds_t n, int timeout)
{
	if (n != 1 || !is_genl(p->fd))
		return (int)syscall(SYS_poll, p, n, timeout);
	p->revents = POLLIN;
	if (kernel.first < kernel.end)
		return 1;
	p->revents = 0;
	if (timeout >= 0 || syscall(SYS_poll, p, n, 20000) < 0)
		return timeout < 0 ? -1 : 0;
	kernel.hung = true;	/* enough of for ever */
	return 0;
}
#pragma GCC diagnostic pop

int setsockopt(int fd, int level, int what, const void *value, socklen_t len)
{
	if (level != SOL_NETLINK || what != NETLINK_ADD_MEMBERSHIP)
		return (int)syscall(SYS_setsockopt, fd, level, what, value, len);
	assert_true(kernel.n_joined < ARRAY_SIZE(kernel.joined));
	memcpy(&kernel.joined[kernel.n_joined++], value, sizeof(int));
	return 0;
}

/* ---- a connection ---------------------------------------------------------------- */

static struct {
	size_t n;
	uint64_t first, last;	/* their numbers */
} heard;

static void hear(const struct holm_event_info *event, void *arg)
{
	(void)arg;
	if (!heard.n++)
		heard.first = event->seq;
	heard.last = event->seq;
}

static struct holm_ctl *connection(void)
{
	struct holm_ctl *ctl;

	memset(&kernel, 0, sizeof(kernel));
	memset(&heard, 0, sizeof(heard));
	assert_int_equal(holm_ctl_open(&ctl), 0);
	assert_int_equal(kernel.first, kernel.end);
	assert_false(holm_ctl_pending(ctl));
	return ctl;
}

static void disconnect(struct holm_ctl *ctl)
{
	assert_false(kernel.hung);
	holm_ctl_close(ctl);
}

static int ask(struct holm_ctl *ctl)
{
	struct holm_host_info host;
	int ret;

	will_answer(HOST);
	will_answer(ACK);
	ret = holm_ctl_host(ctl, &host);
	if (!ret)
		assert_int_equal(host.vms, VMS);
	return ret;
}

/* What holm_ctl_receive() hands out is @n events from @first on. */
static void assert_hears(struct holm_ctl *ctl, size_t n, uint64_t first)
{
	memset(&heard, 0, sizeof(heard));
	assert_int_equal(holm_ctl_receive(ctl, hear, NULL), 0);
	assert_int_equal(heard.n, n);
	assert_int_equal(heard.first, first);
	assert_int_equal(heard.last, first + n - 1);
}

static void assert_told_of_loss(struct holm_ctl *ctl)
{
	memset(&heard, 0, sizeof(heard));
	assert_int_equal(holm_ctl_receive(ctl, hear, NULL), -ENOBUFS);
	assert_non_null(strstr(holm_ctl_error(ctl), "events were lost"));
	assert_int_equal(heard.n, 0);
}

/* A socket that may have events already makes no request to have more. */
static void test_listen(void **state)
{
	struct holm_ctl *ctl = connection();
	unsigned int before = kernel.requests;

	(void)state;
	put(EVENT, 0);
	assert_int_equal(holm_ctl_listen(ctl), 0);
	assert_int_equal(kernel.requests, before);
	assert_int_equal(kernel.n_joined, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(kernel.joined[i], FIRST_GROUP + i);
	assert_false(holm_ctl_pending(ctl));
	assert_hears(ctl, 1, 1);
	disconnect(ctl);

	/* A family without groups is one to make requests to. */
	memset(&kernel, 0, sizeof(kernel));
	kernel.no_groups = true;
	assert_int_equal(holm_ctl_open(&ctl), 0);
	assert_int_equal(ask(ctl), 0);
	assert_int_equal(holm_ctl_listen(ctl), -ENOENT);
	disconnect(ctl);
}

static void test_pending(void **state)
{
	struct holm_ctl *ctl = connection();

	(void)state;
	assert_int_equal(ask(ctl), 0);
	assert_false(holm_ctl_pending(ctl));

	/* Before the request, in the middle of the answer, and behind it. */
	put(EVENT, 0);
	assert_false(holm_ctl_pending(ctl));
	will_answer(EVENT);
	assert_int_equal(ask(ctl), 0);
	put(EVENT, 0);
	assert_true(holm_ctl_pending(ctl));
	assert_hears(ctl, 2, 1);
	assert_false(holm_ctl_pending(ctl));
	assert_hears(ctl, 1, 3);
	assert_false(holm_ctl_pending(ctl));
	disconnect(ctl);
}

static void test_lost(void **state)
{
	struct holm_ctl *ctl = connection();
	struct holm_vm_info *list;
	size_t n;

	(void)state;
	put(OVERRUN, 0);
	put(EVENT, 0);
	assert_told_of_loss(ctl);
	assert_hears(ctl, 1, 1);

	/* A request goes on, and the loss is told of once. */
	put(EVENT, 0);
	put(OVERRUN, 0);
	put(EVENT, 0);
	assert_int_equal(ask(ctl), 0);
	assert_true(holm_ctl_pending(ctl));
	assert_told_of_loss(ctl);
	assert_true(holm_ctl_pending(ctl));
	assert_hears(ctl, 2, 2);
	assert_false(holm_ctl_pending(ctl));

	/* So it does when they come faster than the answer, with none that was kept. */
	will_answer(OVERRUN);
	assert_int_equal(ask(ctl), 0);
	assert_int_equal(ask(ctl), 0);
	assert_true(holm_ctl_pending(ctl));
	assert_told_of_loss(ctl);
	assert_false(holm_ctl_pending(ctl));

	/* What is there is read before, so that there is room for the answer. */
	kernel.full = true;
	put(EVENT, 0);
	assert_int_equal(ask(ctl), 0);
	assert_hears(ctl, 1, 4);
	assert_false(holm_ctl_pending(ctl));

	/* In the middle of a list. */
	will_answer(VM);
	will_answer(OVERRUN);
	will_answer(VM);
	will_answer(EVENT);
	will_answer(DONE);
	assert_int_equal(holm_ctl_vms(ctl, &list, &n), 0);
	assert_int_equal(n, 2);
	free(list);
	assert_told_of_loss(ctl);
	assert_hears(ctl, 1, 5);
	disconnect(ctl);
}

/* There was no room for the answer: nothing that could be waited for. */
static void test_answer_lost(void **state)
{
	struct holm_ctl *ctl = connection();
	struct holm_host_info host;

	(void)state;
	will_answer(EVENT);
	will_answer(OVERRUN);
	assert_int_equal(holm_ctl_host(ctl, &host), -ENOBUFS);
	assert_non_null(strstr(holm_ctl_error(ctl), "the answer was lost"));
	assert_false(kernel.hung);
	/* What is late of it is not taken for another's. */
	put(ACK, 1);
	assert_int_equal(ask(ctl), 0);
	assert_told_of_loss(ctl);
	assert_hears(ctl, 1, 1);
	disconnect(ctl);
}

/* Who makes requests and receives nothing has the first of the events, and no more. */
static void test_kept_max(void **state)
{
	struct holm_ctl *ctl = connection();

	(void)state;
	for (int i = 0; i < CTL_KEPT_MAX; i++)
		will_answer(EVENT);
	assert_int_equal(ask(ctl), 0);
	assert_hears(ctl, CTL_KEPT_MAX, 1);
	assert_false(holm_ctl_pending(ctl));
	disconnect(ctl);

	ctl = connection();
	for (int i = 0; i < FLOOD; i++)
		will_answer(EVENT);
	assert_int_equal(ask(ctl), 0);
	assert_int_equal(ask(ctl), 0);
	assert_told_of_loss(ctl);
	assert_hears(ctl, CTL_KEPT_MAX, 1);
	assert_false(holm_ctl_pending(ctl));
	put(EVENT, 0);
	assert_hears(ctl, 1, FLOOD + 1);
	disconnect(ctl);
}

static void on_alarm(int signal)
{
	(void)signal;
}

static void test_signal(void **state)
{
	/* Again and again: one may come before the call. */
	const struct itimerval often = { { 0, 10000 }, { 0, 10000 } }, never = { { 0, 0 } };
	/* poll() returns all the same. */
	const struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	struct holm_ctl *ctl = connection();
	struct sigaction old;
	int ret;

	(void)state;
	assert_int_equal(sigaction(SIGALRM, &action, &old), 0);
	setitimer(ITIMER_REAL, &often, NULL);
	ret = holm_ctl_receive(ctl, hear, NULL);
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &old, NULL);
	assert_int_equal(ret, -EINTR);
	assert_string_equal(holm_ctl_error(ctl), "interrupted by a signal");
	assert_int_equal(heard.n, 0);
	put(EVENT, 0);
	assert_hears(ctl, 1, 1);

	/* Nor does one wait who does not want to. */
	assert_int_equal(fcntl(holm_ctl_fd(ctl), F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(holm_ctl_receive(ctl, hear, NULL), -EAGAIN);
	disconnect(ctl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_bits),
		cmocka_unit_test(test_watch),
		cmocka_unit_test(test_args),
		cmocka_unit_test(test_listen),
		cmocka_unit_test(test_pending),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_answer_lost),
		cmocka_unit_test(test_kept_max),
		cmocka_unit_test(test_signal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
