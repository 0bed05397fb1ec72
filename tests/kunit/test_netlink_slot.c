// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMs that the control plane holds for longer than a look: which, and that they may
 * end with it.
 */
#include <linux/delay.h>
#include <linux/slab.h>
#include <net/net_namespace.h>

#include "../../kmod/netlink.h"
#include "env.h"
#include "suites.h"

struct held {
	struct holm_env *env;
	struct holm_vm *vm[4];
	unsigned int n;
	bool end;		/* close the descriptors of env's */
	unsigned int refs;	/* that were left then */
	unsigned int destroyed;	/* and VMs that had gone by then */
	int err;		/* of the first */
};

static unsigned int destroyed;

static int hear(struct notifier_block *nb, unsigned long event, void *data)
{
	if (event == HOLM_VM_EVENT_DESTROYED)
		WRITE_ONCE(destroyed, destroyed + 1);
	return NOTIFY_OK;
}

static struct notifier_block hearer = { .notifier_call = hear };

static int look(struct holm_vm *vm, void *arg)
{
	struct held *h = arg;
	unsigned int tries;

	/* Whoever ends a VM takes it. */
	lockdep_assert_not_held(&holm_vms_lock);
	if (h->n < ARRAY_SIZE(h->vm))
		h->vm[h->n] = vm;
	h->n++;
	if (h->end && vm == h->env->vm) {
		holm_env_destroy(h->env);
		/* A file of a kernel thread is released by a worker. */
		for (tries = 0; tries < 2000 && kref_read(&vm->refs) > 1; tries++)
			usleep_range(1000, 2000);
		h->refs = kref_read(&vm->refs);
		h->destroyed = READ_ONCE(destroyed);
	}
	return h->n == 1 ? h->err : 0;
}

static struct nlattr *const everything[HOLM_A_VM_STATE + 1];

static struct holm_nl_vms dump_begin(void)
{
	return (struct holm_nl_vms) {
		.viewer = { .net = &init_net, .admin = true },
		.attrs = everything,
		.next = 1,
	};
}

/* One whose last reference is gone, and which is about to leave the registry. */
static void test_gone(struct kunit *test)
{
	struct held *h = kunit_kzalloc(test, sizeof(*h), GFP_KERNEL);
	struct holm_env *env = kunit_kzalloc(test, sizeof(*env), GFP_KERNEL);
	struct holm_vm *gone = kvzalloc(sizeof(*gone), GFP_KERNEL);
	struct holm_nl_vms dump = dump_begin();

	KUNIT_ASSERT_NOT_NULL(test, h);
	KUNIT_ASSERT_NOT_NULL(test, env);
	KUNIT_ASSERT_NOT_NULL(test, gone);
	gone->node.vm = gone;
	holm_env_enter(test, env);
	KUNIT_EXPECT_EQ(test, holm_vm_register(&gone->node), 0);
	KUNIT_EXPECT_EQ(test, holm_env_create(env), 0);
	h->env = env;
	KUNIT_EXPECT_EQ(test, holm_nl_hold_vms(&dump, look, h), 0);
	KUNIT_EXPECT_EQ(test, h->n, 1U);
	KUNIT_EXPECT_PTR_EQ(test, h->vm[0], env->vm);
	KUNIT_EXPECT_EQ(test, dump.next, 0U);
	KUNIT_EXPECT_EQ(test, kref_read(&gone->refs), 0U);

	/* For whom it is not, it is not held either. */
	dump = dump_begin();
	dump.viewer.admin = false;
	dump.viewer.uid = KUIDT_INIT(1001);
	h->n = 0;
	KUNIT_EXPECT_EQ(test, holm_nl_hold_vms(&dump, look, h), 0);
	KUNIT_EXPECT_EQ(test, h->n, 0U);

	holm_vm_unregister(&gone->node);
	holm_vm_node_release(&gone->node);
	kvfree(gone);
	holm_env_leave(env);
}

/* An error ends the round, and the next begins with the same VM. */
static void test_resumed(struct kunit *test)
{
	struct held *h = kunit_kzalloc(test, sizeof(*h), GFP_KERNEL);
	struct holm_env *env = kunit_kzalloc(test, sizeof(*env), GFP_KERNEL);
	struct holm_nl_vms dump = dump_begin();

	KUNIT_ASSERT_NOT_NULL(test, h);
	KUNIT_ASSERT_NOT_NULL(test, env);
	holm_env_enter(test, env);
	KUNIT_EXPECT_EQ(test, holm_env_create(env), 0);
	h->env = env;
	h->err = -EMSGSIZE;
	KUNIT_EXPECT_EQ(test, holm_nl_hold_vms(&dump, look, h), -EMSGSIZE);
	KUNIT_EXPECT_EQ(test, dump.next, env->vm->node.id);
	KUNIT_EXPECT_EQ(test, holm_nl_hold_vms(&dump, look, h), 0);
	KUNIT_EXPECT_EQ(test, h->n, 2U);
	KUNIT_EXPECT_PTR_EQ(test, h->vm[0], h->vm[1]);
	holm_env_leave(env);
}

/* The descriptors are closed meanwhile: the VM ends where the reference does. */
static void test_last(struct kunit *test)
{
	struct held *h = kunit_kzalloc(test, sizeof(*h), GFP_KERNEL);
	struct holm_env *env = kunit_kzalloc(test, sizeof(*env), GFP_KERNEL);
	struct holm_nl_vms dump = dump_begin();

	KUNIT_ASSERT_NOT_NULL(test, h);
	KUNIT_ASSERT_NOT_NULL(test, env);
	destroyed = 0;
	KUNIT_ASSERT_EQ(test, blocking_notifier_chain_register(&holm_vm_chain, &hearer), 0);
	holm_env_enter(test, env);
	KUNIT_EXPECT_EQ(test, holm_env_create(env), 0);
	h->env = env;
	h->end = true;
	KUNIT_EXPECT_EQ(test, holm_nl_hold_vms(&dump, look, h), 0);
	KUNIT_EXPECT_EQ(test, h->n, 1U);
	KUNIT_EXPECT_EQ(test, h->refs, 1U);
	KUNIT_EXPECT_EQ(test, h->destroyed, 0U);
	KUNIT_EXPECT_EQ(test, READ_ONCE(destroyed), 1U);
	KUNIT_EXPECT_EQ(test, dump.next, 0U);
	blocking_notifier_chain_unregister(&holm_vm_chain, &hearer);
	holm_env_leave(env);
}

static struct kunit_case netlink_slot_cases[] = {
	KUNIT_CASE(test_gone),
	KUNIT_CASE(test_resumed),
	KUNIT_CASE(test_last),
	{}
};

struct kunit_suite holm_netlink_slot_suite = {
	.name = "holm-netlink-slot",
	.test_cases = netlink_slot_cases,
};
