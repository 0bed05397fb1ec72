// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watches: when there is an event, what counts as progress, how many there may be,
 * and what ends them. Looks are made by hand, in a time far ahead of the clock, so
 * that those of the work item pass all VMs over.
 */
#include <linux/ktime.h>
#include <linux/net.h>
#include <linux/netlink.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "../../kmod/exits.h"
#include "../../kmod/watch.h"
#include "env.h"
#include "helpers.h"
#include "suites.h"

#define AHEAD		(1000000ULL * NSEC_PER_SEC)
#define MANY		2000
#define USER		KUIDT_INIT(1000)

/* ---- decisions ---------------------------------------------------------- */

static void test_passes(struct kunit *test)
{
	static const struct {
		u64 value;
		bool event;
	} rows[] = {
		{ 0, false }, { 10, false }, { 11, true }, { 12, false }, { 11, false },
		{ 10, false }, { 11, true }, { 0, false }, { U64_MAX, true }, { U64_MAX, false },
	};
	bool above = false;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		bool event = holm_watch_passes(&above, 10, rows[i].value);

		KUNIT_EXPECT_EQ_MSG(test, event, rows[i].event, "row %u", i);
		above |= event;
	}
	/* Who could not tell is asked again. */
	above = false;
	KUNIT_EXPECT_TRUE(test, holm_watch_passes(&above, 10, 11));
	KUNIT_EXPECT_TRUE(test, holm_watch_passes(&above, 10, 11));
	KUNIT_EXPECT_FALSE(test, holm_watch_passes(&above, U64_MAX, U64_MAX));
}

struct vcpu_is {
	enum holm_object_state state;
	u32 mp_state;
	bool irqs_off;
	bool shutdown;
};

#define RUNS		{ .state = HOLM_OBJ_RUN, .mp_state = HOLM_MP_RUNNABLE }
#define HALTED		{ .state = HOLM_OBJ_RUN, .mp_state = HOLM_MP_HALTED }
#define HALTED_OFF	{ .state = HOLM_OBJ_RUN, .mp_state = HOLM_MP_HALTED, .irqs_off = true }
#define NO_SIPI		{ .state = HOLM_OBJ_RUN, .mp_state = HOLM_MP_WAIT_FOR_SIPI }
#define NOT_RUN		{ .state = HOLM_OBJ_CONFIGURED, .mp_state = HOLM_MP_RUNNABLE }
#define NOT_SET_UP	{ .state = HOLM_OBJ_CREATED, .mp_state = HOLM_MP_RUNNABLE }
#define IS_DOWN		{ .state = HOLM_OBJ_RUN, .mp_state = HOLM_MP_RUNNABLE, .shutdown = true }

/* Nothing happens: is the guest stuck? */
static void test_needs(struct kunit *test)
{
	static const struct {
		const char *name;
		struct vcpu_is vcpus[2];
		bool paused;
		bool progress;
	} rows[] = {
		{ "two spin", { RUNS, RUNS }, false, false },
		{ "one spins, one is idle", { RUNS, HALTED }, false, false },
		{ "one spins, one is not started", { RUNS, NO_SIPI }, false, false },
		{ "both idle", { HALTED, HALTED }, false, true },
		{ "one idle, one offline", { HALTED, HALTED_OFF }, false, true },
		{ "both halted with interrupts off", { HALTED_OFF, HALTED_OFF }, false, false },
		{ "halted with interrupts off, none else", { HALTED_OFF, NO_SIPI }, false, false },
		{ "idle, none else", { HALTED, NO_SIPI }, false, true },
		{ "not started", { NO_SIPI, NO_SIPI }, false, true },
		{ "configured", { NOT_RUN, NOT_RUN }, false, true },
		{ "not configured", { NOT_SET_UP, NOT_SET_UP }, false, true },
		{ "shut down", { IS_DOWN, NO_SIPI }, false, true },
		{ "paused", { RUNS, RUNS }, true, true },
		{ "paused, halted with interrupts off", { HALTED_OFF, HALTED_OFF }, true, true },
	};
	struct holm_vm *vm = holm_test_vm(test, 2);
	unsigned int i, k;

	if (!vm)
		return;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		for (k = 0; k < 2; k++) {
			struct holm_vcpu *vcpu = vm->vcpus[k];
			const struct vcpu_is *is = &rows[i].vcpus[k];

			vcpu->state = is->state;
			vcpu->mp_state = is->mp_state;
			vcpu->shutdown = is->shutdown;
			vcpu->regs.rflags = is->irqs_off ? 2 : 2 | X86_EFLAGS_IF;
		}
		vm->paused = rows[i].paused;
		KUNIT_EXPECT_EQ_MSG(test, holm_watch_progress(vm), rows[i].progress, "%s",
				    rows[i].name);
	}
	holm_test_vm_end(vm);
}

/* Which exits are progress. */
static void test_exits(struct kunit *test)
{
	struct holm_vm *vm = holm_test_vm(test, 2);
	struct holm_stats *s;
	unsigned int i;

	if (!vm)
		return;
	for (i = 0; i < 2; i++)
		vm->vcpus[i]->state = HOLM_OBJ_RUN;
	s = &vm->vcpus[1]->stats;
	s->exits = 1000;
	KUNIT_EXPECT_TRUE(test, holm_watch_progress(vm));
	KUNIT_EXPECT_FALSE(test, holm_watch_progress(vm));
	/* In the guest, out of it, and in again. */
	for (i = 0; i < 100; i++) {
		s->exits++;
		KUNIT_EXPECT_FALSE(test, holm_watch_progress(vm));
		if (i % 2)
			s->host_exits++;
		else
			s->pauses++;
		KUNIT_EXPECT_FALSE(test, holm_watch_progress(vm));
	}
	/* One that is something else, and the next entry; or several at once. */
	s->exits += 2;
	KUNIT_EXPECT_TRUE(test, holm_watch_progress(vm));
	KUNIT_EXPECT_FALSE(test, holm_watch_progress(vm));
	s->exits += 50;
	s->host_exits += 10;
	KUNIT_EXPECT_TRUE(test, holm_watch_progress(vm));
	/* Slow, but it gets on. */
	s->exits++;
	KUNIT_EXPECT_FALSE(test, holm_watch_progress(vm));
	s->exits++;
	KUNIT_EXPECT_TRUE(test, holm_watch_progress(vm));
	/* Of the one as of the other. */
	vm->vcpus[0]->stats.exits = 2;
	KUNIT_EXPECT_TRUE(test, holm_watch_progress(vm));
	KUNIT_EXPECT_FALSE(test, holm_watch_progress(vm));
	holm_test_vm_end(vm);
}

/* ---- a VM and sockets --------------------------------------------------- */

static struct {
	unsigned int n;
	bool refuse;			/* events cannot be told */
	struct sock *sk;
	u32 portid;
	bool admin;
	u32 vm;
	char name[HOLM_NAME_LEN];
	enum holm_watch_kind kind;
	u64 threshold;
	u64 value;
} told;

static bool tell(const struct holm_watch_event *event)
{
	told.n++;
	told.sk = event->sk;
	told.portid = event->portid;
	told.admin = event->admin;
	told.vm = event->vm->id;
	strscpy(told.name, event->vm->name, sizeof(told.name));
	told.kind = event->kind;
	told.threshold = event->threshold;
	told.value = event->value;
	return !told.refuse;
}

#define SOCKETS	(HOLM_WATCHES_MAX / 3 + 2)

struct rig {
	struct holm_env env;
	struct socket *sockets[SOCKETS];
	u32 portids[SOCKETS];
	u64 now;
};

/* @portid: which it is to have, 0: any; which it has. NULL after a failed expectation. */
static struct socket *open_socket(struct kunit *test, int protocol, u32 *portid)
{
	struct sockaddr_nl at = { .nl_family = AF_NETLINK, .nl_pid = *portid };
	struct socket *sock = NULL;

	KUNIT_EXPECT_EQ(test, sock_create_kern(&init_net, AF_NETLINK, SOCK_RAW, protocol, &sock),
			0);
	if (!sock)
		return NULL;
	/* The type of an address is another one in later kernels. */
	KUNIT_EXPECT_EQ(test, kernel_bind(sock, (void *)&at, sizeof(at)), 0);
	KUNIT_EXPECT_GT(test, kernel_getsockname(sock, (void *)&at), 0);
	*portid = at.nl_pid;
	return sock;
}

static struct rig *rig_begin(struct kunit *test)
{
	struct rig *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	unsigned int i;

	KUNIT_EXPECT_NOT_NULL(test, r);
	if (!r)
		return NULL;
	memset(&told, 0, sizeof(told));
	r->now = ktime_get_ns() + AHEAD;
	holm_env_enter(test, &r->env);
	KUNIT_EXPECT_EQ(test, holm_env_create(&r->env), 0);
	KUNIT_EXPECT_EQ(test, holm_watch_setup(tell), 0);
	for (i = 0; i < SOCKETS; i++)
		r->sockets[i] = open_socket(test, NETLINK_GENERIC, &r->portids[i]);
	return r;
}

static void close_socket(struct rig *r, unsigned int i)
{
	if (r->sockets[i])
		sock_release(r->sockets[i]);
	r->sockets[i] = NULL;
}

static void rig_end(struct rig *r)
{
	unsigned int i;

	holm_watch_teardown();
	for (i = 0; i < SOCKETS; i++)
		close_socket(r, i);
	holm_env_leave(&r->env);
}

static int set_of(struct rig *r, unsigned int socket, u32 vm, enum holm_watch_kind kind,
		  u64 threshold, kuid_t uid)
{
	const struct holm_watch_request request = {
		.sk = r->sockets[socket]->sk,
		.portid = r->portids[socket],
		.admin = socket & 1,
		.uid = uid,
		.vm = vm,
		.kind = kind,
		.threshold = threshold,
		.now = r->now,
	};

	return holm_watch_set(&request, NULL);
}

static int set(struct rig *r, unsigned int socket, enum holm_watch_kind kind, u64 threshold)
{
	return set_of(r, socket, r->env.vm->node.id, kind, threshold, USER);
}

/* Seconds later. Return: events of this look. */
static unsigned int look(struct rig *r, unsigned int seconds)
{
	unsigned int before = told.n;

	r->now += seconds * NSEC_PER_SEC;
	holm_watch_look(r->now);
	return told.n - before;
}

/* ---- values ------------------------------------------------------------- */

static void test_rate(struct kunit *test)
{
	struct rig *r = rig_begin(test);
	u64 *exits;

	if (!r)
		return;
	exits = &r->env.vcpu->stats.exits;
	*exits = 1000000;
	KUNIT_EXPECT_EQ(test, set(r, 1, HOLM_WATCH_KIND_EXIT_RATE, 1000), 0);
	*exits += 1000;
	KUNIT_EXPECT_EQ(test, look(r, 1), 0U);
	*exits += 1001;
	KUNIT_EXPECT_EQ(test, look(r, 1), 1U);
	KUNIT_EXPECT_PTR_EQ(test, told.sk, r->sockets[1]->sk);
	KUNIT_EXPECT_EQ(test, told.portid, r->portids[1]);
	KUNIT_EXPECT_TRUE(test, told.admin);
	KUNIT_EXPECT_EQ(test, told.vm, r->env.vm->node.id);
	KUNIT_EXPECT_STREQ(test, told.name, "kunit");
	KUNIT_EXPECT_EQ(test, told.kind, HOLM_WATCH_KIND_EXIT_RATE);
	KUNIT_EXPECT_EQ(test, told.threshold, 1000ULL);
	KUNIT_EXPECT_EQ(test, told.value, 1001ULL);
	*exits += 5000;
	KUNIT_EXPECT_EQ(test, look(r, 1), 0U);
	/* Over two seconds it is the threshold, and then again more than that. */
	*exits += 2000;
	KUNIT_EXPECT_EQ(test, look(r, 2), 0U);
	*exits += 20000;
	KUNIT_EXPECT_EQ(test, look(r, 4), 1U);
	KUNIT_EXPECT_EQ(test, told.value, 5000ULL);
	/* A moment later, or before: not looked at, and nothing is lost. */
	KUNIT_EXPECT_EQ(test, look(r, 1), 0U);
	*exits += 1500;
	r->now += 100 * NSEC_PER_MSEC;
	KUNIT_EXPECT_EQ(test, look(r, 0), 0U);
	holm_watch_look(ktime_get_ns());
	r->now += 900 * NSEC_PER_MSEC;
	KUNIT_EXPECT_EQ(test, look(r, 0), 1U);
	KUNIT_EXPECT_EQ(test, told.value, 1500ULL);
	rig_end(r);
}

static void test_resident(struct kunit *test)
{
	struct rig *r = rig_begin(test);
	u64 rss;

	if (!r)
		return;
	KUNIT_EXPECT_EQ(test, set(r, 0, HOLM_WATCH_KIND_RESIDENT, 1), 0);
	KUNIT_EXPECT_EQ(test, set(r, 2, HOLM_WATCH_KIND_RESIDENT, 1ULL << 60), 0);
	KUNIT_EXPECT_EQ(test, look(r, 1), 1U);
	rss = (u64)get_mm_rss(r->env.vm->mm) << PAGE_SHIFT;
	KUNIT_EXPECT_PTR_EQ(test, told.sk, r->sockets[0]->sk);
	KUNIT_EXPECT_FALSE(test, told.admin);
	KUNIT_EXPECT_EQ(test, told.value, rss);
	KUNIT_EXPECT_EQ(test, look(r, 1), 0U);
	rig_end(r);
}

static void test_stuck(struct kunit *test)
{
	struct rig *r = rig_begin(test);
	struct holm_vcpu *vcpu;
	unsigned int i;

	if (!r)
		return;
	vcpu = r->env.vcpu;
	vcpu->state = HOLM_OBJ_RUN;
	KUNIT_EXPECT_EQ(test, set(r, 0, HOLM_WATCH_KIND_NO_PROGRESS, 2), 0);
	/* Interrupts of the host, and it does nothing: 3 is above 2. */
	for (i = 0; i < 2; i++) {
		vcpu->stats.exits += 1000;
		vcpu->stats.host_exits += 1000;
		KUNIT_EXPECT_EQ(test, look(r, 1), 0U);
	}
	KUNIT_EXPECT_EQ(test, look(r, 1), 1U);
	KUNIT_EXPECT_EQ(test, told.value, 3ULL);
	KUNIT_EXPECT_EQ(test, look(r, 1), 0U);
	/* It gets on, and is stuck again. */
	vcpu->stats.exits += 10;
	KUNIT_EXPECT_EQ(test, look(r, 1), 0U);
	KUNIT_EXPECT_EQ(test, look(r, 1), 0U);
	KUNIT_EXPECT_EQ(test, look(r, 1), 0U);
	KUNIT_EXPECT_EQ(test, look(r, 1), 1U);
	/* Paused; idle: as if it got on. */
	r->env.vm->paused = true;
	KUNIT_EXPECT_EQ(test, look(r, 1), 0U);
	r->env.vm->paused = false;
	KUNIT_EXPECT_EQ(test, look(r, 1), 0U);
	vcpu->mp_state = HOLM_MP_HALTED;
	vcpu->regs.rflags |= X86_EFLAGS_IF;
	for (i = 0; i < 5; i++)
		KUNIT_EXPECT_EQ(test, look(r, 1), 0U);
	vcpu->mp_state = HOLM_MP_RUNNABLE;
	/* The host slept for an hour, the guest did not get on meanwhile. */
	KUNIT_EXPECT_EQ(test, look(r, 3600), 0U);
	KUNIT_EXPECT_EQ(test, look(r, 1), 1U);
	KUNIT_EXPECT_EQ(test, told.value, 3ULL);
	vcpu->state = HOLM_OBJ_CONFIGURED;
	rig_end(r);
}

/* What the exits of the core count. */
static void test_counters(struct kunit *test)
{
	static const struct holm_fake_step script[] = {
		{ .exit = holm_exit_pause, .insn_len = 2 },
		{ .exit = holm_exit_pause, .insn_len = 2 },
		{ .exit = holm_exit_shutdown },
	};
	struct holm_env env;

	holm_env_enter(test, &env);
	KUNIT_EXPECT_EQ(test, holm_env_create(&env), 0);
	holm_env_script(&env, script, ARRAY_SIZE(script));
	KUNIT_EXPECT_EQ(test, holm_env_ioctl_raw(env.vcpu_file, HOLM_RUN, 0), 0L);
	KUNIT_EXPECT_EQ(test, env.vcpu->stats.exits, 3ULL);
	/* With one vCPU there is nobody to yield to. */
	KUNIT_EXPECT_EQ(test, env.vcpu->stats.pauses, 2ULL);
	KUNIT_EXPECT_EQ(test, env.vcpu->stats.yields, 0ULL);
	holm_env_leave(&env);
}

/* ---- set, replace, remove ----------------------------------------------- */

static void test_set(struct kunit *test)
{
	struct rig *r = rig_begin(test);
	u64 *exits;

	if (!r)
		return;
	exits = &r->env.vcpu->stats.exits;
	KUNIT_EXPECT_EQ(test, holm_watch_count(), 0U);
	KUNIT_EXPECT_EQ(test, set_of(r, 0, U32_MAX, 0, 1, USER), -ENOENT);
	KUNIT_EXPECT_EQ(test, set(r, 0, HOLM_WATCH_KIND_EXIT_RATE, 0), 0);
	KUNIT_EXPECT_EQ(test, holm_watch_count(), 0U);

	KUNIT_EXPECT_EQ(test, set(r, 0, HOLM_WATCH_KIND_EXIT_RATE, 100), 0);
	KUNIT_EXPECT_EQ(test, set(r, 1, HOLM_WATCH_KIND_EXIT_RATE, 100), 0);
	KUNIT_EXPECT_EQ(test, set(r, 0, HOLM_WATCH_KIND_RESIDENT, 1ULL << 60), 0);
	KUNIT_EXPECT_EQ(test, holm_watch_count(), 3U);
	*exits += 500;
	KUNIT_EXPECT_EQ(test, look(r, 1), 2U);

	/* Replaced: again above, another threshold; and the other's is as it was. */
	KUNIT_EXPECT_EQ(test, set(r, 0, HOLM_WATCH_KIND_EXIT_RATE, 200), 0);
	KUNIT_EXPECT_EQ(test, holm_watch_count(), 3U);
	*exits += 500;
	KUNIT_EXPECT_EQ(test, look(r, 1), 1U);
	KUNIT_EXPECT_EQ(test, told.threshold, 200ULL);
	KUNIT_EXPECT_PTR_EQ(test, told.sk, r->sockets[0]->sk);

	KUNIT_EXPECT_EQ(test, set(r, 0, HOLM_WATCH_KIND_EXIT_RATE, 0), 0);
	KUNIT_EXPECT_EQ(test, holm_watch_count(), 2U);
	KUNIT_EXPECT_EQ(test, look(r, 1), 0U);
	*exits += 500;
	KUNIT_EXPECT_EQ(test, look(r, 1), 1U);
	KUNIT_EXPECT_PTR_EQ(test, told.sk, r->sockets[1]->sk);

	/* No memory for an event: it is not forgotten. */
	KUNIT_EXPECT_EQ(test, look(r, 1), 0U);
	told.refuse = true;
	*exits += 500;
	KUNIT_EXPECT_EQ(test, look(r, 1), 1U);
	told.refuse = false;
	*exits += 500;
	KUNIT_EXPECT_EQ(test, look(r, 1), 1U);
	*exits += 500;
	KUNIT_EXPECT_EQ(test, look(r, 1), 0U);

	KUNIT_EXPECT_EQ(test, set(r, 1, HOLM_WATCH_KIND_EXIT_RATE, 0), 0);
	KUNIT_EXPECT_EQ(test, set(r, 0, HOLM_WATCH_KIND_RESIDENT, 0), 0);
	KUNIT_EXPECT_EQ(test, holm_watch_count(), 0U);
	rig_end(r);
}

/* As many as there may be, of one user and of all. Each socket has three. */
static void test_limits(struct kunit *test)
{
	struct rig *r = rig_begin(test);
	unsigned int i;

	if (!r)
		return;
	for (i = 0; i < HOLM_WATCHES_USER_MAX; i++)
		KUNIT_EXPECT_EQ(test, set(r, i / 3, i % 3, 1ULL << 60), 0);
	KUNIT_EXPECT_EQ(test, set(r, i / 3, i % 3, 1ULL << 60), -ENOSPC);
	KUNIT_EXPECT_EQ(test, holm_watch_count(), i);
	/* To replace one takes no more; to remove one makes room. */
	KUNIT_EXPECT_EQ(test, set(r, 0, 0, 1ULL << 61), 0);
	KUNIT_EXPECT_EQ(test, set(r, 0, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, set(r, i / 3, i % 3, 1ULL << 60), 0);
	KUNIT_EXPECT_EQ(test, set(r, 0, 0, 1ULL << 60), -ENOSPC);
	/* And so does to close a socket, here with two. */
	close_socket(r, 0);
	KUNIT_EXPECT_EQ(test, holm_watch_count(), i - 2);
	KUNIT_EXPECT_EQ(test, set(r, i / 3 + 1, 0, 1ULL << 60), 0);
	KUNIT_EXPECT_EQ(test, set(r, i / 3 + 1, 1, 1ULL << 60), 0);
	KUNIT_EXPECT_EQ(test, set(r, i / 3 + 1, 2, 1ULL << 60), -ENOSPC);

	/* Other users have their own, until there is no more of the VM. */
	for (; i < HOLM_WATCHES_MAX; i++)
		KUNIT_EXPECT_EQ_MSG(test, set_of(r, SOCKETS - 1 - (i - 16) / 3,
						 r->env.vm->node.id, (i - 16) % 3, 1ULL << 60,
						 KUIDT_INIT(2000 + i / 16)), 0, "%u", i);
	KUNIT_EXPECT_EQ(test, holm_watch_count(), (unsigned int)HOLM_WATCHES_MAX);
	KUNIT_EXPECT_EQ(test, set_of(r, 6, r->env.vm->node.id, 2, 1, KUIDT_INIT(9)), -ENOSPC);
	KUNIT_EXPECT_EQ(test, set(r, 1, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, set_of(r, 6, r->env.vm->node.id, 2, 1, KUIDT_INIT(9)), 0);
	KUNIT_EXPECT_EQ(test, holm_watch_count(), (unsigned int)HOLM_WATCHES_MAX);
	rig_end(r);
	KUNIT_EXPECT_EQ(test, holm_watch_count(), 0U);
}

/* ---- what ends them ----------------------------------------------------- */

static void test_socket_end(struct kunit *test)
{
	struct rig *r = rig_begin(test);
	u64 *exits;

	if (!r)
		return;
	exits = &r->env.vcpu->stats.exits;
	KUNIT_EXPECT_EQ(test, set(r, 0, HOLM_WATCH_KIND_EXIT_RATE, 100), 0);
	KUNIT_EXPECT_EQ(test, set(r, 0, HOLM_WATCH_KIND_NO_PROGRESS, 100), 0);
	KUNIT_EXPECT_EQ(test, set(r, 1, HOLM_WATCH_KIND_EXIT_RATE, 100), 0);
	/* Another socket, and one of another protocol with the same address. */
	close_socket(r, 2);
	r->sockets[2] = open_socket(test, NETLINK_ROUTE, &r->portids[0]);
	close_socket(r, 2);
	KUNIT_EXPECT_EQ(test, holm_watch_count(), 3U);
	close_socket(r, 0);
	KUNIT_EXPECT_EQ(test, holm_watch_count(), 1U);
	*exits += 500;
	KUNIT_EXPECT_EQ(test, look(r, 1), 1U);
	KUNIT_EXPECT_PTR_EQ(test, told.sk, r->sockets[1]->sk);
	close_socket(r, 1);
	KUNIT_EXPECT_EQ(test, holm_watch_count(), 0U);
	*exits += 50000;
	KUNIT_EXPECT_EQ(test, look(r, 1), 0U);
	rig_end(r);
}

static void test_vm_end(struct kunit *test)
{
	struct rig *r = rig_begin(test);
	struct holm_vm_node node = {};
	u32 id;

	if (!r)
		return;
	node.vm = r->env.vm;
	KUNIT_EXPECT_EQ(test, holm_vm_register(&node), 0);
	id = node.id;
	KUNIT_EXPECT_EQ(test, set_of(r, 0, id, HOLM_WATCH_KIND_RESIDENT, 1, USER), 0);
	KUNIT_EXPECT_EQ(test, set_of(r, 1, id, HOLM_WATCH_KIND_NO_PROGRESS, 1, USER), 0);
	KUNIT_EXPECT_EQ(test, set(r, 1, HOLM_WATCH_KIND_RESIDENT, 1), 0);
	holm_vm_unregister(&node);
	holm_vm_node_release(&node);
	/* Of what is gone there is no event, not even the first one. */
	KUNIT_EXPECT_EQ(test, look(r, 1), 1U);
	KUNIT_EXPECT_EQ(test, told.vm, r->env.vm->node.id);
	KUNIT_EXPECT_EQ(test, holm_watch_count(), 1U);
	KUNIT_EXPECT_EQ(test, set_of(r, 0, id, HOLM_WATCH_KIND_RESIDENT, 1, USER), -ENOENT);
	rig_end(r);
}

static void test_teardown(struct kunit *test)
{
	struct rig *r = rig_begin(test);

	if (!r)
		return;
	KUNIT_EXPECT_EQ(test, set(r, 0, HOLM_WATCH_KIND_RESIDENT, 1), 0);
	KUNIT_EXPECT_EQ(test, set(r, 1, HOLM_WATCH_KIND_RESIDENT, 1), 0);
	holm_watch_teardown();
	KUNIT_EXPECT_EQ(test, holm_watch_count(), 0U);
	KUNIT_EXPECT_EQ(test, set(r, 0, HOLM_WATCH_KIND_RESIDENT, 1), -ESHUTDOWN);
	KUNIT_EXPECT_EQ(test, look(r, 1), 0U);
	KUNIT_EXPECT_EQ(test, holm_watch_setup(tell), 0);
	KUNIT_EXPECT_EQ(test, set(r, 0, HOLM_WATCH_KIND_RESIDENT, 1), 0);
	KUNIT_EXPECT_EQ(test, look(r, 1), 1U);
	rig_end(r);
}

/* The work item looks by itself, once something is watched. */
static void test_work(struct kunit *test)
{
	struct rig *r = rig_begin(test);
	unsigned int tries;

	if (!r)
		return;
	r->now = ktime_get_ns();
	KUNIT_EXPECT_EQ(test, set(r, 0, HOLM_WATCH_KIND_RESIDENT, 1), 0);
	for (tries = 0; tries < 60 && !READ_ONCE(told.n); tries++)
		schedule_timeout_uninterruptible(HZ);
	KUNIT_EXPECT_EQ(test, told.n, 1U);
	rig_end(r);
}

/* Two sockets, and as many VMs as a large host has. */
static void test_many(struct kunit *test)
{
	struct rig *r = rig_begin(test);
	struct holm_vm_node *nodes;
	unsigned int i, bad = 0;

	if (!r)
		return;
	nodes = kvcalloc(MANY, sizeof(*nodes), GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, nodes);
	for (i = 0; nodes && i < MANY; i++) {
		nodes[i].vm = r->env.vm;
		bad += !!holm_vm_register(&nodes[i]);
		bad += !!set_of(r, 0, nodes[i].id, HOLM_WATCH_KIND_RESIDENT, 1, USER);
		bad += !!set_of(r, 1, nodes[i].id, HOLM_WATCH_KIND_EXIT_RATE, 1, USER);
	}
	KUNIT_EXPECT_EQ(test, bad, 0U);
	KUNIT_EXPECT_EQ(test, holm_watch_count(), 2U * MANY);
	KUNIT_EXPECT_EQ(test, look(r, 1), (unsigned int)MANY);
	KUNIT_EXPECT_EQ(test, look(r, 1), 0U);
	close_socket(r, 1);
	KUNIT_EXPECT_EQ(test, holm_watch_count(), (unsigned int)MANY);
	for (i = 0; nodes && i < MANY; i++) {
		holm_vm_unregister(&nodes[i]);
		holm_vm_node_release(&nodes[i]);
		if (i == MANY / 2) {
			look(r, 1);
			KUNIT_EXPECT_EQ(test, holm_watch_count(), MANY - i - 1);
		}
	}
	look(r, 1);
	KUNIT_EXPECT_EQ(test, holm_watch_count(), 0U);
	kvfree(nodes);
	rig_end(r);
}

static struct kunit_case watch_cases[] = {
	KUNIT_CASE(test_passes),
	KUNIT_CASE(test_needs),
	KUNIT_CASE(test_exits),
	KUNIT_CASE(test_rate),
	KUNIT_CASE(test_resident),
	KUNIT_CASE(test_stuck),
	KUNIT_CASE(test_counters),
	KUNIT_CASE(test_set),
	KUNIT_CASE(test_limits),
	KUNIT_CASE(test_socket_end),
	KUNIT_CASE(test_vm_end),
	KUNIT_CASE(test_teardown),
	KUNIT_CASE(test_work),
	KUNIT_CASE(test_many),
	{}
};

struct kunit_suite holm_watch_suite = {
	.name = "holm-watch",
	.test_cases = watch_cases,
};
