// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests by hand, without a library that would not send them: those that are
 * refused, by sockets that changed hands, and messages that make no sense.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"
#include "libholm/control.h"

int raw_open(struct raw *raw)
{
	const struct timeval wait = { .tv_sec = 10 };
	const int on = 1;
	struct {
		struct nlmsghdr nl;
		struct genlmsghdr genl;
		struct nlattr attr;
		char name[8];
	} ask = {
		.nl = { .nlmsg_len = sizeof(ask), .nlmsg_type = GENL_ID_CTRL,
			.nlmsg_flags = NLM_F_REQUEST },
		.genl = { .cmd = CTRL_CMD_GETFAMILY, .version = 1 },
		.attr = { .nla_len = NLA_HDRLEN + sizeof(HOLM_GENL_NAME),
			  .nla_type = CTRL_ATTR_FAMILY_NAME },
		.name = HOLM_GENL_NAME,
	};
	unsigned char buf[8192];
	ssize_t len;
	size_t at;

	raw->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (raw->fd < 0 || setsockopt(raw->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) ||
	    setsockopt(raw->fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on)) ||
	    send(raw->fd, &ask, sizeof(ask), 0) != sizeof(ask))
		return -1;
	len = recv(raw->fd, buf, sizeof(buf), 0);
	for (at = NLMSG_HDRLEN + GENL_HDRLEN; at + NLA_HDRLEN <= (size_t)(len < 0 ? 0 : len);) {
		struct nlattr attr;

		memcpy(&attr, buf + at, sizeof(attr));
		if (attr.nla_type == CTRL_ATTR_FAMILY_ID)
			memcpy(&raw->family, buf + at + NLA_HDRLEN, sizeof(raw->family));
		if (attr.nla_len < NLA_HDRLEN)
			break;
		at += NLA_ALIGN(attr.nla_len);
	}
	return raw->family ? 0 : -1;
}

void request_begin(struct request *r, const struct raw *raw, uint8_t cmd, uint16_t flags)
{
	memset(r, 0, sizeof(*r));
	r->nl.nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN;
	r->nl.nlmsg_type = raw->family;
	r->nl.nlmsg_flags = NLM_F_REQUEST | flags;
	r->genl.cmd = cmd;
	r->genl.version = HOLM_GENL_VERSION;
}

void request_add(struct request *r, uint16_t type, const void *data, uint16_t len)
{
	struct nlattr attr = { .nla_len = NLA_HDRLEN + len, .nla_type = type };
	unsigned char *to = (unsigned char *)r + NLMSG_ALIGN(r->nl.nlmsg_len);

	memcpy(to, &attr, sizeof(attr));
	memcpy(to + NLA_HDRLEN, data, len);
	r->nl.nlmsg_len = NLMSG_ALIGN(r->nl.nlmsg_len) + NLA_ALIGN(attr.nla_len);
}

/* The attributes behind a message's headers, those that are numbers. */
static void answer_parse(struct answer *answer, const unsigned char *at, const unsigned char *end)
{
	struct nlattr attr;

	memset(answer, 0, sizeof(*answer));
	for (; at + NLA_HDRLEN <= end; at += NLA_ALIGN(attr.nla_len)) {
		memcpy(&attr, at, sizeof(attr));
		if (attr.nla_len < NLA_HDRLEN || attr.nla_len > end - at)
			return;
		if (attr.nla_type >= ARRAY_SIZE(answer->there))
			continue;
		answer->there[attr.nla_type] = true;
		if (attr.nla_len - NLA_HDRLEN <= (int)sizeof(answer->value[0]))
			memcpy(&answer->value[attr.nla_type], at + NLA_HDRLEN,
			       attr.nla_len - NLA_HDRLEN);
	}
}

/* What is said beside the errno of @nl, the last message. */
static void answer_text(const struct nlmsghdr *nl, char *text, size_t size)
{
	const unsigned char *at = (const unsigned char *)(nl + 1);
	const unsigned char *end = (const unsigned char *)nl + nl->nlmsg_len;
	const struct nlmsgerr *e = (const struct nlmsgerr *)at;
	struct nlattr attr;

	if (!(nl->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (nl->nlmsg_type == NLMSG_DONE)
		at += sizeof(e->error);
	else if (nl->nlmsg_flags & NLM_F_CAPPED)
		at += sizeof(*e);
	else
		at += sizeof(*e) - sizeof(e->msg) + NLMSG_ALIGN(e->msg.nlmsg_len);
	for (; at + NLA_HDRLEN <= end; at += NLA_ALIGN(attr.nla_len)) {
		memcpy(&attr, at, sizeof(attr));
		if (attr.nla_len < NLA_HDRLEN)
			return;
		if (attr.nla_type == NLMSGERR_ATTR_MSG)
			snprintf(text, size, "%s", at + NLA_HDRLEN);
	}
}

bool request_answer(const struct nlmsghdr *nl, int *err, char *text, size_t size)
{
	text[0] = '\0';
	if (nl->nlmsg_type != NLMSG_DONE && nl->nlmsg_type != NLMSG_ERROR)
		return false;
	answer_text(nl, text, size);
	*err = *(const int *)(nl + 1);
	return true;
}

int request_answers(const struct raw *raw, struct request *r, struct answer *answers, size_t room,
		    size_t *n, char *text, size_t size)
{
	unsigned char buf[16384] __attribute__((aligned(8)));
	ssize_t len, at;
	int err;

	text[0] = '\0';
	*n = 0;
	r->nl.nlmsg_flags |= NLM_F_ACK;
	if (send(raw->fd, r, r->nl.nlmsg_len, 0) < 0)
		return -errno;
	for (;;) {
		len = recv(raw->fd, buf, sizeof(buf), 0);
		if (len < NLMSG_HDRLEN)
			return -EPROTO;
		for (at = 0; at + NLMSG_HDRLEN <= len;) {
			const struct nlmsghdr *nl = (const struct nlmsghdr *)(buf + at);

			if (nl->nlmsg_len < NLMSG_HDRLEN || nl->nlmsg_len > len - at)
				return -EPROTO;
			if (request_answer(nl, &err, text, size))
				return err;
			if (*n < room)
				answer_parse(&answers[*n], buf + at + NLMSG_HDRLEN + GENL_HDRLEN,
					     buf + at + nl->nlmsg_len);
			++*n;
			at += NLMSG_ALIGN(nl->nlmsg_len);
		}
	}
}

int request_ask(const struct raw *raw, struct request *r, char *text, size_t size)
{
	size_t n;

	return request_answers(raw, r, NULL, 0, &n, text, size);
}

void refusals(void)
{
	static const char long_name[70] =
		"0123456789012345678901234567890123456789012345678901234567890123456";
	static const unsigned char zeros[20];
	static const uint32_t one = 1, none = 0, many = 0xffffffff;
	const struct {
		const char *name;
		uint8_t cmd;
		uint16_t flags;
		uint16_t type[2];
		const void *data[2];
		uint16_t len[2];
		int err;
		const char *text;
	} rows[] = {
		{ "no command", 0, 0, { 0 }, { 0 }, { 0 }, -EOPNOTSUPP, NULL },
		{ "an unknown command", 60, 0, { 0 }, { 0 }, { 0 }, -EOPNOTSUPP, NULL },
		{ "an event as a request", HOLM_CMD_LIFECYCLE_NTF, 0, { 0 }, { 0 }, { 0 },
		  -EOPNOTSUPP, NULL },
		{ "a dump of vm-kill", HOLM_CMD_VM_KILL, NLM_F_DUMP, { 0 }, { 0 }, { 0 },
		  -EOPNOTSUPP, NULL },
		{ "vm-get of none", HOLM_CMD_VM_GET, 0, { 0 }, { 0 }, { 0 }, -EINVAL,
		  "which virtual machine: id, name or uuid is missing" },
		{ "vm-kill of none", HOLM_CMD_VM_KILL, 0, { 0 }, { 0 }, { 0 }, -EINVAL,
		  "which virtual machine: id, name or uuid is missing" },
		{ "vm-set of none", HOLM_CMD_VM_SET, 0, { HOLM_A_VM_PAUSED }, { &one }, { 4 },
		  -EINVAL, "which virtual machine: id, name or uuid is missing" },
		{ "vm-set without a change", HOLM_CMD_VM_SET, 0, { HOLM_A_VM_ID }, { &one },
		  { 4 }, -EINVAL, "nothing to change is in the request" },
		{ "half a pause", HOLM_CMD_VM_SET, 0, { HOLM_A_VM_ID, HOLM_A_VM_PAUSED },
		  { &one, &many }, { 4, 4 }, -ERANGE, "integer out of range" },
		{ "exits of no VM", HOLM_CMD_STATS_GET, 0, { 0 }, { 0 }, { 0 }, -EINVAL,
		  "which exits: vm, vcpu or reason is missing" },
		{ "a reason that is none", HOLM_CMD_STATS_GET, 0,
		  { HOLM_A_STATS_VM, HOLM_A_STATS_REASON }, { &one, &many }, { 4, 4 }, -ERANGE,
		  "integer out of range" },
		{ "number 0", HOLM_CMD_VM_GET, 0, { HOLM_A_VM_ID }, { &none }, { 4 }, -ERANGE,
		  "integer out of range" },
		{ "half a number", HOLM_CMD_VM_GET, 0, { HOLM_A_VM_ID }, { &one }, { 2 }, -EINVAL,
		  NULL },
		{ "a number too long", HOLM_CMD_VM_GET, 0, { HOLM_A_VM_ID }, { zeros }, { 8 },
		  -EINVAL, NULL },
		{ "a number that nobody has", HOLM_CMD_VM_GET, 0, { HOLM_A_VM_ID }, { &many },
		  { 4 }, -ENOENT, "no such virtual machine" },
		{ "a name without its end", HOLM_CMD_VM_GET, 0, { HOLM_A_VM_NAME }, { "twins" },
		  { 5 }, -EINVAL, NULL },
		{ "a name too long", HOLM_CMD_VM_GET, 0, { HOLM_A_VM_NAME }, { long_name }, { 68 },
		  -EINVAL, NULL },
		{ "a name that two have", HOLM_CMD_VM_GET, 0, { HOLM_A_VM_NAME }, { "twins" },
		  { 6 }, -ENOTUNIQ, "more than one virtual machine has it" },
		{ "to kill by such a name", HOLM_CMD_VM_KILL, 0, { HOLM_A_VM_NAME }, { "twins" },
		  { 6 }, -ENOTUNIQ, "more than one virtual machine has it" },
		{ "a UUID too short", HOLM_CMD_VM_GET, 0, { HOLM_A_VM_UUID }, { zeros }, { 15 },
		  -ERANGE, NULL },
		{ "a UUID too long", HOLM_CMD_VM_GET, 0, { HOLM_A_VM_UUID }, { zeros }, { 17 },
		  -ERANGE, NULL },
		{ "a UUID that nobody has", HOLM_CMD_VM_GET, 0, { HOLM_A_VM_UUID }, { zeros },
		  { 16 }, -ENOENT, "no such virtual machine" },
		{ "a state that is none", HOLM_CMD_VM_GET, NLM_F_DUMP, { HOLM_A_VM_STATE },
		  { &many }, { 4 }, -ERANGE, "integer out of range" },
		{ "a user that is none", HOLM_CMD_VM_GET, NLM_F_DUMP, { HOLM_A_VM_UID },
		  { &many }, { 4 }, -EINVAL, "no such user in this user namespace" },
		{ "the same of host-get", HOLM_CMD_HOST_GET, 0, { HOLM_A_HOST_UID }, { &many },
		  { 4 }, -EINVAL, "no such user in this user namespace" },
		{ "what only answers have", HOLM_CMD_VM_GET, 0, { HOLM_A_VM_ID, HOLM_A_VM_PID },
		  { &one, &one }, { 4, 4 }, -EINVAL, "Unsupported attribute" },
		{ "vm-kill by owner", HOLM_CMD_VM_KILL, 0, { HOLM_A_VM_UID }, { &one }, { 4 },
		  -EINVAL, "which virtual machine: id, name or uuid is missing" },
		{ "vm-kill by name, of an owner who has none", HOLM_CMD_VM_KILL, 0,
		  { HOLM_A_VM_NAME, HOLM_A_VM_UID }, { "twins", &one }, { 6, 4 }, -ENOENT,
		  "no such virtual machine" },
		{ "an attribute of nothing", HOLM_CMD_VM_GET, NLM_F_DUMP, { 100 }, { &one }, { 4 },
		  -EINVAL, "Unknown attribute type" },
		{ "a watch of no threshold", HOLM_CMD_WATCH_SET, 0,
		  { HOLM_A_WATCH_VM, HOLM_A_WATCH_KIND }, { &one, &one }, { 4, 4 }, -EINVAL,
		  "which watch: vm, kind or threshold is missing" },
		{ "a watch of a kind that is none", HOLM_CMD_WATCH_SET, 0,
		  { HOLM_A_WATCH_VM, HOLM_A_WATCH_KIND }, { &one, &many }, { 4, 4 }, -ERANGE,
		  "integer out of range" },
		{ "a threshold too short", HOLM_CMD_WATCH_SET, 0,
		  { HOLM_A_WATCH_VM, HOLM_A_WATCH_THRESHOLD }, { &one, &one }, { 4, 4 }, -EINVAL,
		  NULL },
		{ "a vCPU of no VM", HOLM_CMD_VCPU_GET, 0, { HOLM_A_VCPU_INDEX }, { &none }, { 4 },
		  -EINVAL, "which vCPU: vm or index is missing" },
		{ "a vCPU of a VM that is none", HOLM_CMD_VCPU_GET, 0,
		  { HOLM_A_VCPU_VM, HOLM_A_VCPU_INDEX }, { &many, &none }, { 4, 4 }, -ENOENT,
		  "no such virtual machine" },
		{ "a slot of no VM", HOLM_CMD_SLOT_GET, 0, { HOLM_A_SLOT_SLOT }, { &none }, { 4 },
		  -EINVAL, "which slot: vm or slot is missing" },
		{ "no slot of a VM", HOLM_CMD_SLOT_GET, 0, { HOLM_A_SLOT_VM }, { &one }, { 4 },
		  -EINVAL, "which slot: vm or slot is missing" },
		{ "a slot of a VM that is none", HOLM_CMD_SLOT_GET, 0,
		  { HOLM_A_SLOT_VM, HOLM_A_SLOT_SLOT }, { &many, &none }, { 4, 4 }, -ENOENT,
		  "no such virtual machine" },
		{ "slots of VM number 0", HOLM_CMD_SLOT_GET, NLM_F_DUMP, { HOLM_A_SLOT_VM },
		  { &none }, { 4 }, -ERANGE, "integer out of range" },
	};
	struct vm twins[2] = { vm_start(0, "twins"), vm_start(0, "twins") };
	uint32_t id = vm_id("twins");
	struct raw raw = { 0 };
	struct request r;
	char text[256];
	unsigned int i, k;
	int err;

	if (raw_open(&raw))
		bad("no socket for requests by hand");
	done("two VMs of one name");
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		request_begin(&r, &raw, rows[i].cmd, rows[i].flags);
		for (k = 0; k < 2 && rows[i].type[k]; k++)
			request_add(&r, rows[i].type[k], rows[i].data[k], rows[i].len[k]);
		err = request_ask(&raw, &r, text, sizeof(text));
		if (err != rows[i].err)
			bad("error %d, expected %d (%s)", err, rows[i].err, text);
		if (rows[i].text && strcmp(text, rows[i].text))
			bad("\"%s\", expected \"%s\"", text, rows[i].text);
		done("refused: %s", rows[i].name);
	}

	request_begin(&r, &raw, HOLM_CMD_VCPU_GET, 0);
	request_add(&r, HOLM_A_VCPU_VM, &id, 4);
	request_add(&r, HOLM_A_VCPU_INDEX, &one, 4);
	err = request_ask(&raw, &r, text, sizeof(text));
	if (err != -ENOENT || strcmp(text, "no such vCPU"))
		bad("error %d, \"%s\"", err, text);
	done("refused: a vCPU that the VM does not have");
	close(raw.fd);
	vm_end(&twins[0]);
	vm_end(&twins[1]);
}

/*
 * A socket that a user opened gives nothing when root writes to it, nor one of
 * root's to a user whom it was given to. With an address, as sendto() takes it,
 * only the sender would count: who gives one knows what it is writing to.
 */
void lent_sockets(void)
{
	struct vm of_root = vm_start(0, "of-root");
	uint32_t id = vm_id("of-root");
	struct raw users = { 0 }, roots = { 0 };
	struct request r;
	char text[256];
	int status = 0, err;
	pid_t pid;

	if (seteuid(STRANGER) || raw_open(&users) || seteuid(0) || raw_open(&roots))
		bad("two sockets");
	request_begin(&r, &roots, HOLM_CMD_VM_GET, 0);
	request_add(&r, HOLM_A_VM_ID, &id, 4);
	err = request_ask(&roots, &r, text, sizeof(text));
	if (err)
		bad("root by root's socket: %d (%s)", err, text);
	err = request_ask(&users, &r, text, sizeof(text));
	if (err != -ENOENT)
		bad("root by a user's socket: %d (%s)", err, text);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		become(STRANGER);
		_exit(request_ask(&roots, &r, text, sizeof(text)) != -ENOENT);
	}
	waitpid(pid, &status, 0);
	if (status)
		bad("a user by root's socket: status 0x%x", status);
	close(users.fd);
	close(roots.fd);
	done("a socket that changes hands gives only what both may have");
	vm_end(&of_root);
}

/* ---- a dump that is not of one moment ------------------------------------------- */

/*
 * Read a dump of vCPUs that takes several buffers. Return: whether the kernel says
 * that something came or went meanwhile; with @change something does.
 */
static bool dump_interrupted(const struct raw *raw, bool change)
{
	/* The driver fills buffers of the size that it is read by. */
	static unsigned char buf[4096];
	const struct nlmsghdr *nl = (const struct nlmsghdr *)buf;
	struct vm other = { .pid = -1 };
	bool interrupted = false, end = false;
	unsigned int buffers = 0;
	struct request r;

	request_begin(&r, raw, HOLM_CMD_VCPU_GET, NLM_F_DUMP);
	if (send(raw->fd, &r, r.nl.nlmsg_len, 0) < 0)
		bad("send: %s", strerror(errno));
	while (!end && !is_bad()) {
		ssize_t len = recv(raw->fd, buf, sizeof(buf), 0);
		ssize_t at;

		if (len < (ssize_t)sizeof(*nl)) {
			bad("a dump without its end: %zd", len);
			break;
		}
		for (at = 0; at + (ssize_t)sizeof(*nl) <= len; at += NLMSG_ALIGN(nl->nlmsg_len)) {
			nl = (const struct nlmsghdr *)(buf + at);
			interrupted |= !!(nl->nlmsg_flags & NLM_F_DUMP_INTR);
			end |= nl->nlmsg_type == NLMSG_DONE;
			if (nl->nlmsg_len < sizeof(*nl))
				break;
		}
		if (!buffers++ && change)
			other = vm_start(0, "other");
	}
	if (buffers < 4)
		bad("the dump came in %u buffers", buffers);
	vm_end(&other);
	return interrupted;
}

void interrupted_dump(void)
{
	struct vm many = vm_start_smp(0, "many", 150);
	struct raw raw = { 0 };

	if (raw_open(&raw))
		bad("no socket for requests by hand");
	if (dump_interrupted(&raw, false))
		bad("nothing has changed");
	done("a dump of one moment is not said to be interrupted");
	if (!dump_interrupted(&raw, true))
		bad("it is not");
	done("a dump during which a VM came is said to be interrupted");
	close(raw.fd);
	vm_end(&many);
}

/* ---- fuzzing -------------------------------------------------------------------------------- */

static uint64_t seed = 0x686f6c6d;
static uint32_t fuzz_id;		/* of a VM that there is */

/* xorshift64*: the same numbers in each run. */
static uint32_t chance(uint32_t below)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (uint32_t)((seed * 0x2545f4914f6cdd1dULL) >> 32) % below;
}

static size_t fuzz_attr(unsigned char *to, size_t room, unsigned int depth)
{
	static const uint16_t lens[] = { 0, 1, 2, 3, 4, 4, 4, 8, 16, 16, 63, 64, 65 };
	struct nlattr attr;
	size_t len = lens[chance(ARRAY_SIZE(lens))], i, inside = 0;

	if (NLA_HDRLEN + len > room)
		return 0;
	attr.nla_type = chance(10) ? 1 + chance(14) : chance(65536);
	if (!chance(20))
		attr.nla_type |= chance(2) ? NLA_F_NESTED : NLA_F_NET_BYTEORDER;
	for (i = 0; i < len; i++)
		to[NLA_HDRLEN + i] = chance(3) ? chance(4) : chance(256);
	if (len == 4 && !chance(4))
		memcpy(to + NLA_HDRLEN, &fuzz_id, 4);
	if (depth && !chance(8))
		inside = fuzz_attr(to + NLA_HDRLEN, room - NLA_HDRLEN, depth - 1);
	if (inside > len)
		len = inside;
	attr.nla_len = chance(30) ? NLA_HDRLEN + len : chance(80);
	memcpy(to, &attr, sizeof(attr));
	return NLA_ALIGN(NLA_HDRLEN + len);
}

static void fuzz_one(const struct raw *raw)
{
	struct request r;
	unsigned int attrs = chance(5);
	size_t at = NLMSG_HDRLEN + GENL_HDRLEN, len;

	request_begin(&r, raw, chance(8) ? 1 + chance(__HOLM_CMD_MAX) : chance(256),
		      chance(4) ? NLM_F_ACK : NLM_F_DUMP);
	if (!chance(50))
		r.nl.nlmsg_flags = chance(65536);
	if (!chance(50))
		r.genl.version = chance(256);
	while (attrs--)
		at += fuzz_attr((unsigned char *)&r + at, sizeof(r) - at, 2);
	r.nl.nlmsg_len = at;
	len = at;
	if (!chance(30))
		r.nl.nlmsg_len = chance(at + 64);
	if (!chance(30))
		len = chance(at + 1);
	send(raw->fd, &r, len, MSG_DONTWAIT);
}

static void drain(const struct raw *raw)
{
	unsigned char buf[16384];

	while (recv(raw->fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0 || errno == ENOBUFS)
		;
}

void fuzz(unsigned long messages)
{
	struct vm vms[3] = { { .pid = -1 }, { .pid = -1 }, { .pid = -1 } };
	struct raw raw = { 0 };
	struct holm_host_info host;
	struct holm_ctl *ctl;
	unsigned long n;
	unsigned int i, killed = 0;

	if (raw_open(&raw))
		bad("no socket for requests by hand");
	for (n = 0; n < messages && !is_bad(); n++) {
		if (n % 500 == 0) {
			for (i = 0; i < ARRAY_SIZE(vms); i++) {
				if (vms[i].pid > 0 && !waitpid(vms[i].pid, NULL, WNOHANG))
					continue;
				killed += vms[i].pid > 0;
				vms[i].pid = -1;
				vms[i] = vm_start(chance(2) ? OWNER : 0, "fuzzed");
			}
			fuzz_id = vm_id("fuzzed");
		}
		if (n && n % 100000 == 0) {
			printf("# %lu messages\n", n);
			fflush(stdout);
		}
		fuzz_one(&raw);
		if (n % 4 == 0)
			drain(&raw);
	}
	close(raw.fd);
	if (holm_ctl_open(&ctl) || holm_ctl_host(ctl, &host))
		bad("the family does not answer: %s", holm_ctl_error(ctl));
	holm_ctl_close(ctl);
	for (i = 0; i < ARRAY_SIZE(vms); i++)
		vm_end(&vms[i]);
	done("%lu messages that make no sense", n);
	printf("# %u VMs were killed by them\n", killed);
}
