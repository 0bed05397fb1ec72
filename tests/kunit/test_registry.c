// SPDX-License-Identifier: GPL-2.0-only
/*
 * The registry of VMs, what is announced of them, and dumps of many: who sees
 * which, in buffers that are soon full, while others come and go.
 */
#include <linux/cred.h>
#include <linux/delay.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <net/net_namespace.h>
#include <net/netlink.h>

#include "../../kmod/exits.h"
#include "../../kmod/netlink.h"
#include "env.h"
#include "suites.h"

#define MANY		10000
#define BUFFER		8192

/* ---- what is announced -------------------------------------------------------- */

static struct {
	unsigned int n;
	u32 id;
	enum holm_vm_event event[8];
	u64 detail;
} heard;

static int hear(struct notifier_block *nb, unsigned long event, void *data)
{
	const struct holm_vm_notice *notice = data;

	if (heard.id && notice->node->id != heard.id)
		return NOTIFY_OK;
	heard.id = notice->node->id;
	heard.detail = notice->detail;
	if (heard.n < ARRAY_SIZE(heard.event))
		heard.event[heard.n] = notice->event;
	heard.n++;
	return NOTIFY_OK;
}

static struct notifier_block hearer = { .notifier_call = hear };

static void test_life(struct kunit *test)
{
	static const struct holm_fake_step script[] = {
		{ .exit = holm_exit_shutdown },
	};
	unsigned int tries;
	struct holm_env env;

	memset(&heard, 0, sizeof(heard));
	KUNIT_ASSERT_EQ(test, blocking_notifier_chain_register(&holm_vm_chain, &hearer), 0);
	holm_env_enter(test, &env);
	KUNIT_EXPECT_EQ(test, holm_env_create(&env), 0);
	KUNIT_EXPECT_EQ(test, heard.n, 1U);
	KUNIT_EXPECT_EQ(test, heard.event[0], HOLM_VM_EVENT_CREATED);
	KUNIT_EXPECT_GT(test, heard.id, 0U);
	KUNIT_EXPECT_STREQ(test, env.vm->node.name, "kunit");
	KUNIT_EXPECT_NOT_NULL(test, memchr_inv(env.vm->node.uuid, 0, HOLM_UUID_LEN));
	KUNIT_EXPECT_TRUE(test, uid_eq(env.vm->node.owner, current_euid()));

	holm_env_script(&env, script, ARRAY_SIZE(script));
	KUNIT_EXPECT_EQ(test, holm_env_ioctl_raw(env.vcpu_file, HOLM_RUN, 0), 0L);
	KUNIT_EXPECT_EQ(test, heard.n, 4U);
	KUNIT_EXPECT_EQ(test, heard.event[1], HOLM_VM_EVENT_STARTED);
	KUNIT_EXPECT_EQ(test, heard.event[2], HOLM_VM_EVENT_SHUTDOWN);
	KUNIT_EXPECT_EQ(test, heard.event[3], HOLM_VM_EVENT_CRASHED);
	KUNIT_EXPECT_EQ(test, heard.detail, (u64)HOLM_VM_EVENT_SHUTDOWN);
	/* It is said once: the vCPU does not run on. */
	KUNIT_EXPECT_EQ(test, holm_env_ioctl_raw(env.vcpu_file, HOLM_RUN, 0), (long)-EIO);
	KUNIT_EXPECT_EQ(test, heard.n, 4U);

	holm_env_leave(&env);
	/* A file of a kernel thread is released by a worker. */
	for (tries = 0; tries < 2000 && READ_ONCE(heard.n) < 5; tries++)
		usleep_range(1000, 2000);
	KUNIT_EXPECT_EQ(test, heard.n, 5U);
	KUNIT_EXPECT_EQ(test, heard.event[4], HOLM_VM_EVENT_DESTROYED);
	KUNIT_EXPECT_EQ(test, heard.detail, 1ULL);
	blocking_notifier_chain_unregister(&holm_vm_chain, &hearer);
}

/* A VM that cannot be made is neither seen nor heard of. */
static void test_refused(struct kunit *test)
{
	struct holm_create_vm arg = { .size = sizeof(arg), .flags = 1 };
	unsigned int before;

	memset(&heard, 0, sizeof(heard));
	KUNIT_ASSERT_EQ(test, blocking_notifier_chain_register(&holm_vm_chain, &hearer), 0);
	mutex_lock(&holm_vms_lock);
	before = holm_vms_generation();
	mutex_unlock(&holm_vms_lock);
	KUNIT_EXPECT_EQ(test, holm_vm_create(&arg), -EINVAL);
	mutex_lock(&holm_vms_lock);
	KUNIT_EXPECT_EQ(test, holm_vms_generation(), before);
	mutex_unlock(&holm_vms_lock);
	KUNIT_EXPECT_EQ(test, heard.n, 0U);
	blocking_notifier_chain_unregister(&holm_vm_chain, &hearer);
}

/* ---- dumps ---------------------------------------------------------------------- */

struct many {
	struct holm_env env;
	struct holm_vm_node *nodes;
	unsigned int nr;
	u8 *seen;		/* by number, less that of the first */
	u32 first;
	unsigned int put;
	unsigned int lock_held;	/* at the ends of buffers */
};

static void many_begin(struct kunit *test, struct many *m, unsigned int nr)
{
	unsigned int i;

	memset(m, 0, sizeof(*m));
	holm_env_enter(test, &m->env);
	KUNIT_EXPECT_EQ(test, holm_env_create_vm(&m->env), 0);
	m->nodes = kvcalloc(nr, sizeof(*m->nodes), GFP_KERNEL);
	m->seen = kvzalloc(nr, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, m->nodes);
	KUNIT_EXPECT_NOT_NULL(test, m->seen);
	if (!m->nodes || !m->seen)
		return;
	for (i = 0; i < nr; i++) {
		struct holm_vm_node *node = &m->nodes[i];

		node->vm = m->env.vm;
		snprintf(node->name, sizeof(node->name), "many-%u", i);
		if (holm_vm_register(node))
			break;
		m->nr++;
	}
	KUNIT_EXPECT_EQ(test, m->nr, nr);
	m->first = m->nodes[0].id;
}

static void many_end(struct many *m)
{
	unsigned int i;

	for (i = 0; i < m->nr; i++) {
		if (!m->nodes[i].id)
			continue;
		holm_vm_unregister(&m->nodes[i]);
		holm_vm_node_release(&m->nodes[i]);
	}
	kvfree(m->nodes);
	kvfree(m->seen);
	holm_env_leave(&m->env);
}

static int put_id(struct sk_buff *skb, struct holm_vm_node *node, void *arg)
{
	struct many *m = arg;

	lockdep_assert_held(&holm_vms_lock);
	/* It may have got more room than it asked for. */
	if (skb->len >= BUFFER || nla_put_u32(skb, HOLM_A_VM_ID, node->id))
		return -EMSGSIZE;
	m->put++;
	if (node->id >= m->first && node->id - m->first < m->nr)
		m->seen[node->id - m->first]++;
	return 0;
}

/* A whole dump, in as many buffers as it takes. Return: how many those were. */
static unsigned int dump_all(struct kunit *test, struct many *m, struct holm_nl_vms *dump,
			     void (*between)(struct many *m, unsigned int buffer))
{
	unsigned int buffers = 0;
	int err;

	m->put = 0;
	memset(m->seen, 0, m->nr);
	dump->next = 1;
	do {
		struct sk_buff *skb = alloc_skb(BUFFER, GFP_KERNEL);

		KUNIT_EXPECT_NOT_NULL(test, skb);
		if (!skb)
			return 0;
		err = holm_nl_fill_vms(skb, dump, put_id, m);
		KUNIT_EXPECT_TRUE(test, !err || err == -EMSGSIZE);
		m->lock_held += mutex_is_locked(&holm_vms_lock);
		kfree_skb(skb);
		if (err && between)
			between(m, buffers);
		buffers++;
	} while (err == -EMSGSIZE && buffers < MANY);
	KUNIT_EXPECT_EQ(test, err, 0);
	return buffers;
}

static void test_many(struct kunit *test)
{
	static struct nlattr *const everything[HOLM_A_VM_STATE + 1];
	struct holm_nl_vms dump = {
		.viewer = { .net = &init_net, .admin = true },
		.attrs = everything,
	};
	struct many *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	unsigned int i, once = 0;

	KUNIT_ASSERT_NOT_NULL(test, m);
	many_begin(test, m, MANY);
	KUNIT_EXPECT_GT(test, dump_all(test, m, &dump, NULL), 5U);
	for (i = 0; i < m->nr; i++)
		once += m->seen[i] == 1;
	KUNIT_EXPECT_EQ(test, once, (unsigned int)MANY);
	KUNIT_EXPECT_EQ(test, m->put, (unsigned int)MANY + 1);
	KUNIT_EXPECT_EQ(test, m->lock_held, 0U);

	/* A name. */
	{
		struct {
			struct nlattr attr;
			char name[12];
		} name = {
			.attr = { .nla_len = NLA_HDRLEN + 10, .nla_type = HOLM_A_VM_NAME },
			.name = "many-4711",
		};
		struct nlattr *attrs[HOLM_A_VM_STATE + 1] = { [HOLM_A_VM_NAME] = &name.attr };

		dump.attrs = attrs;
		dump_all(test, m, &dump, NULL);
		KUNIT_EXPECT_EQ(test, m->put, 1U);
		KUNIT_EXPECT_EQ(test, m->seen[4711], 1);
	}
	many_end(m);
}

/* Every second of those that are still to come goes away after the first buffer. */
static void remove_half(struct many *m, unsigned int buffer)
{
	unsigned int i;

	if (buffer)
		return;
	for (i = m->nr / 2; i < m->nr; i += 2) {
		holm_vm_unregister(&m->nodes[i]);
		holm_vm_node_release(&m->nodes[i]);
		m->nodes[i].id = 0;
	}
}

static void test_changing(struct kunit *test)
{
	static struct nlattr *const everything[HOLM_A_VM_STATE + 1];
	struct holm_nl_vms dump = {
		.viewer = { .net = &init_net, .admin = true },
		.attrs = everything,
	};
	struct many *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	unsigned int i, generation, bad = 0;

	KUNIT_ASSERT_NOT_NULL(test, m);
	many_begin(test, m, 4 * BUFFER / 8);
	mutex_lock(&holm_vms_lock);
	generation = holm_vms_generation();
	mutex_unlock(&holm_vms_lock);
	KUNIT_EXPECT_GT(test, dump_all(test, m, &dump, remove_half), 2U);
	for (i = 0; i < m->nr; i++)
		bad += m->seen[i] != !!m->nodes[i].id;
	KUNIT_EXPECT_EQ(test, bad, 0U);
	/* Whoever reads it is told that it is not of one moment. */
	KUNIT_EXPECT_NE(test, dump.generation, generation);
	many_end(m);
}

static void test_viewers(struct kunit *test)
{
	static struct nlattr *const everything[HOLM_A_VM_STATE + 1];
	static struct net other_net;
	const struct {
		struct holm_nl_viewer viewer;
		unsigned int sees;
	} rows[] = {
		{ { .net = &init_net, .admin = true, .uid = INVALID_UID }, 11 },
		{ { .net = &init_net, .admin = true, .uid = KUIDT_INIT(7) }, 11 },
		{ { .net = &init_net, .uid = GLOBAL_ROOT_UID }, 6 },
		{ { .net = &init_net, .uid = KUIDT_INIT(1000) }, 5 },
		{ { .net = &init_net, .uid = KUIDT_INIT(1001) }, 0 },
		{ { .net = &init_net, .uid = INVALID_UID }, 0 },
		{ { .net = &other_net, .admin = true, .uid = GLOBAL_ROOT_UID }, 0 },
	};
	struct many *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, m);
	many_begin(test, m, 10);
	for (i = 0; i < m->nr; i += 2)
		m->nodes[i].owner = KUIDT_INIT(1000);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct holm_nl_vms dump = { .viewer = rows[i].viewer, .attrs = everything };

		dump_all(test, m, &dump, NULL);
		KUNIT_EXPECT_EQ_MSG(test, m->put, rows[i].sees, "row %u", i);
	}
	many_end(m);
}

static struct kunit_case registry_cases[] = {
	KUNIT_CASE(test_life),
	KUNIT_CASE(test_refused),
	KUNIT_CASE(test_many),
	KUNIT_CASE(test_changing),
	KUNIT_CASE(test_viewers),
	{}
};

struct kunit_suite holm_registry_suite = {
	.name = "holm-registry",
	.test_cases = registry_cases,
};
