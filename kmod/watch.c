// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watches: thresholds that netlink sockets have set, and a look at all of them
 * once a second.
 *
 * A watch belongs to a socket and to a VM. It holds a reference to the socket, so
 * that another one which got its address is not taken for it (but for an event that
 * is sent while the first is being closed: there is no way to send to a socket other
 * than by its address), and none to the VM, which is found by its number at each look.
 * It ends with either of them.
 *
 * What is looked at is looked at once for each VM, whoever has a watch on it.
 */
#include <linux/hashtable.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "holm.h"
#include "watch.h"

/* A look that comes sooner after the last one tells nothing of a rate. */
#define LOOK_MIN_NS	(NSEC_PER_SEC / 2)
/* Of the time since the last look, in which nobody looked, no more counts. */
#define LOOK_MAX_NS	(2 * NSEC_PER_SEC)

#define KINDS		(HOLM_WATCH_KIND_NO_PROGRESS + 1)

/* A VM with watches. */
struct watched {
	struct hlist_node node;		/* of vms, by number */
	u32 id;
	struct list_head watches;
	u64 looked;			/* when the next three were found */
	u64 exits;			/* of all vCPUs */
	u64 stuck;			/* ns without progress */
};

/* A socket with watches. */
struct watcher {
	struct hlist_node node;		/* of sockets, by portid */
	struct sock *sk;		/* a reference is held */
	u32 portid;
	struct list_head watches;
};

struct watch {
	struct list_head of_vm;
	struct list_head of_socket;
	struct watched *vm;
	struct watcher *socket;
	enum holm_watch_kind kind;
	kuid_t uid;
	bool admin;
	bool above;
	u64 threshold;
};

static DEFINE_MUTEX(lock);		/* for all of these; outside of holm_vms_lock */
static DEFINE_HASHTABLE(vms, 8);
static DEFINE_HASHTABLE(sockets, 6);
static bool ready;
static unsigned int nr_watches;		/* READ_ONCE without the lock */
static bool (*tell)(const struct holm_watch_event *event);

static struct workqueue_struct *queue;
static struct delayed_work work;

/* ---- decisions ---------------------------------------------------------- */

bool holm_watch_passes(bool *above, u64 threshold, u64 value)
{
	if (value <= threshold)
		*above = false;
	return value > threshold && !*above;
}

/*
 * An entry counts before the guest is in, and what ended it after that: one more
 * is no progress yet. Seen from another CPU, the exits that are read first may be
 * too few for the others, never too many.
 */
static bool vcpu_progressed(struct holm_vcpu *vcpu)
{
	const struct holm_stats *s = &vcpu->stats;
	u64 progress = READ_ONCE(s->exits);

	smp_rmb();	/* with nothing: it only keeps the order of these */
	progress -= READ_ONCE(s->host_exits) + READ_ONCE(s->pauses);
	if ((s64)(progress - vcpu->progress) <= 1)
		return false;
	vcpu->progress = progress;
	return true;
}

enum vcpu_needs {
	NEEDS_NOTHING,		/* to run, or would if its launcher let it */
	NEEDS_INTERRUPT,
	NEEDS_NMI,		/* HLT with interrupts off */
	NEEDS_START,		/* by its launcher or another vCPU */
};

/* Without its lock: it may be another way the next moment. */
static enum vcpu_needs vcpu_needs(const struct holm_vcpu *vcpu)
{
	if (data_race(vcpu->state) != HOLM_OBJ_RUN || data_race(vcpu->shutdown))
		return NEEDS_START;
	switch (data_race(vcpu->mp_state)) {
	case HOLM_MP_RUNNABLE:
		return NEEDS_NOTHING;
	case HOLM_MP_HALTED:
		/* Fetched when it halted. */
		return data_race(vcpu->regs.rflags) & X86_EFLAGS_IF ? NEEDS_INTERRUPT : NEEDS_NMI;
	default:
		return NEEDS_START;
	}
}

bool holm_watch_progress(struct holm_vm *vm)
{
	unsigned int i, n = smp_load_acquire(&vm->nr_vcpus);
	unsigned int need[NEEDS_START + 1] = {};
	bool progressed = false;

	/* Each of them, so that the next call begins with what is now. */
	for (i = 0; i < n; i++) {
		progressed |= vcpu_progressed(vm->vcpus[i]);
		need[vcpu_needs(vm->vcpus[i])]++;
	}
	if (progressed || READ_ONCE(vm->paused))
		return true;
	/* One with interrupts off is a CPU put offline, as long as another is not. */
	return !need[NEEDS_NOTHING] && (!need[NEEDS_NMI] || need[NEEDS_INTERRUPT]);
}

/* ---- a look at a VM ----------------------------------------------------- */

/* @w is a VM that is there. holm_vms_lock is held. */
static void begin(struct watched *w, struct holm_vm *vm, u64 now)
{
	w->looked = now;
	w->exits = holm_vm_exits(vm);
	w->stuck = 0;
	holm_watch_progress(vm);
}

/* The same. @values: of each kind. */
static void measure(struct watched *w, struct holm_vm *vm, u64 now, u64 *values)
{
	u64 passed = now - w->looked, exits = holm_vm_exits(vm);

	values[HOLM_WATCH_KIND_EXIT_RATE] =
		div64_u64((exits - w->exits) * USEC_PER_SEC, passed / NSEC_PER_USEC);
	values[HOLM_WATCH_KIND_RESIDENT] = (u64)get_mm_rss(vm->mm) << PAGE_SHIFT;
	/* The host was suspended or overloaded when it is late: not the guest's fault. */
	if (holm_watch_progress(vm))
		w->stuck = 0;
	else
		w->stuck += min_t(u64, passed, LOOK_MAX_NS);
	values[HOLM_WATCH_KIND_NO_PROGRESS] = div_u64(w->stuck, NSEC_PER_SEC);
	w->looked = now;
	w->exits = exits;
}

static void compare(struct watch *watch, u64 value, const struct holm_watch_vm *vm)
{
	const struct holm_watch_event event = {
		.sk = watch->socket->sk,
		.portid = watch->socket->portid,
		.admin = watch->admin,
		.vm = vm,
		.kind = watch->kind,
		.threshold = watch->threshold,
		.value = value,
	};

	if (holm_watch_passes(&watch->above, watch->threshold, value))
		watch->above = tell(&event);
}

/* ---- what there is ------------------------------------------------------ */

static struct watched *find_vm(u32 id)
{
	struct watched *w;

	hash_for_each_possible(vms, w, node, id)
		if (w->id == id)
			return w;
	return NULL;
}

static struct watcher *find_socket(const struct sock *sk, u32 portid)
{
	struct watcher *s;

	hash_for_each_possible(sockets, s, node, portid)
		if (s->sk == sk)
			return s;
	return NULL;
}

static struct watch *find_watch(const struct watched *w, const struct watcher *s,
				enum holm_watch_kind kind)
{
	struct watch *watch;

	list_for_each_entry(watch, &w->watches, of_vm)
		if (watch->socket == s && watch->kind == kind)
			return watch;
	return NULL;
}

/* With what has no watch then. */
static void drop(struct watch *watch)
{
	list_del(&watch->of_vm);
	list_del(&watch->of_socket);
	if (list_empty(&watch->vm->watches)) {
		hash_del(&watch->vm->node);
		kfree(watch->vm);
	}
	if (list_empty(&watch->socket->watches)) {
		hash_del(&watch->socket->node);
		sock_put(watch->socket->sk);
		kfree(watch->socket);
	}
	kfree(watch);
	WRITE_ONCE(nr_watches, nr_watches - 1);
}

/* All of @w, which is freed with the last one. */
static void drop_vm(struct watched *w)
{
	bool last;

	do {
		last = list_is_singular(&w->watches);
		drop(list_first_entry(&w->watches, struct watch, of_vm));
	} while (!last);
}

/* The same. */
static void drop_socket(struct watcher *s)
{
	bool last;

	do {
		last = list_is_singular(&s->watches);
		drop(list_first_entry(&s->watches, struct watch, of_socket));
	} while (!last);
}

static void look_at(struct watched *w, u64 now)
{
	struct holm_watch_vm vm = { .id = w->id };
	struct holm_vm_node *node;
	struct watch *watch;
	u64 values[KINDS];
	bool there, soon;

	mutex_lock(&holm_vms_lock);
	node = holm_vm_next(w->id);
	there = node && node->id == w->id;
	soon = (s64)(now - w->looked) < LOOK_MIN_NS;
	if (there && !soon) {
		measure(w, node->vm, now, values);
		memcpy(vm.name, node->name, sizeof(vm.name));
		memcpy(vm.uuid, node->uuid, sizeof(vm.uuid));
		vm.owner = node->owner;
	}
	mutex_unlock(&holm_vms_lock);

	if (!there) {
		drop_vm(w);
		return;
	}
	if (soon)
		return;
	list_for_each_entry(watch, &w->watches, of_vm)
		compare(watch, values[watch->kind], &vm);
}

void holm_watch_look(u64 now)
{
	struct hlist_node *next;
	struct watched *w;
	unsigned int i;

	/* Not one lock for all: whoever sets a watch, or closes a socket, waits for it. */
	for (i = 0; i < HASH_SIZE(vms); i++) {
		mutex_lock(&lock);
		hlist_for_each_entry_safe(w, next, &vms[i], node)
			look_at(w, now);
		mutex_unlock(&lock);
		cond_resched();
	}
}

static void look(struct work_struct *unused)
{
	holm_watch_look(ktime_get_ns());
	if (holm_watch_count())
		queue_delayed_work(queue, &work, HZ);
}

unsigned int holm_watch_count(void)
{
	return READ_ONCE(nr_watches);
}

/* ---- set, replace, remove ----------------------------------------------- */

/* What a new watch may take; what it takes becomes NULL. */
struct fresh {
	struct watched *vm;
	struct watcher *socket;
	struct watch *watch;
};

/* Before any lock is taken: it may take long in a cgroup that has little. */
static int fresh_get(struct fresh *f)
{
	f->vm = kzalloc(sizeof(*f->vm), GFP_KERNEL_ACCOUNT);
	f->socket = kzalloc(sizeof(*f->socket), GFP_KERNEL_ACCOUNT);
	f->watch = kzalloc(sizeof(*f->watch), GFP_KERNEL_ACCOUNT);
	return f->vm && f->socket && f->watch ? 0 : -ENOMEM;
}

static void fresh_put(struct fresh *f)
{
	kfree(f->vm);
	kfree(f->socket);
	kfree(f->watch);
}

static int check_limits(const struct watched *w, kuid_t uid, struct netlink_ext_ack *extack)
{
	unsigned int all = 0, of_user = 0;
	const struct watch *watch;

	list_for_each_entry(watch, &w->watches, of_vm) {
		all++;
		of_user += uid_eq(watch->uid, uid);
	}
	if (of_user >= HOLM_WATCHES_USER_MAX) {
		NL_SET_ERR_MSG(extack, "this user has as many watches of it as there may be");
		return -ENOSPC;
	}
	if (all >= HOLM_WATCHES_MAX) {
		NL_SET_ERR_MSG(extack, "the virtual machine has as many watches as there may be");
		return -ENOSPC;
	}
	return 0;
}

/* The VM was there a moment ago; a number is of one VM only. */
static int add_vm(const struct holm_watch_request *r, struct fresh *f)
{
	struct holm_vm_node *node;
	struct watched *w = f->vm;

	w->id = r->vm;
	INIT_LIST_HEAD(&w->watches);
	mutex_lock(&holm_vms_lock);
	node = holm_vm_next(r->vm);
	if (!node || node->id != r->vm)
		w = NULL;
	else
		begin(w, node->vm, r->now);
	mutex_unlock(&holm_vms_lock);
	if (!w)
		return -ENOENT;
	hash_add(vms, &w->node, w->id);
	f->vm = NULL;
	return 0;
}

static struct watcher *add_socket(const struct holm_watch_request *r, struct fresh *f)
{
	struct watcher *s = f->socket;

	sock_hold(r->sk);
	s->sk = r->sk;
	s->portid = r->portid;
	INIT_LIST_HEAD(&s->watches);
	hash_add(sockets, &s->node, s->portid);
	f->socket = NULL;
	return s;
}

/* The limits are checked, and what is needed is there. */
static void add_watch(const struct holm_watch_request *r, struct watched *w, struct watcher *s,
		      struct fresh *f)
{
	struct watch *watch = f->watch;

	watch->vm = w;
	watch->socket = s;
	watch->kind = r->kind;
	watch->uid = r->uid;
	watch->admin = r->admin;
	watch->threshold = r->threshold;
	list_add_tail(&watch->of_vm, &w->watches);
	list_add_tail(&watch->of_socket, &s->watches);
	f->watch = NULL;
	WRITE_ONCE(nr_watches, nr_watches + 1);
	queue_delayed_work(queue, &work, HZ);
}

static int set(const struct holm_watch_request *r, struct fresh *f, struct netlink_ext_ack *extack)
{
	struct watcher *s = find_socket(r->sk, r->portid);
	struct watched *w = find_vm(r->vm);
	struct watch *watch = s && w ? find_watch(w, s, r->kind) : NULL;
	int err;

	if (!ready)
		return -ESHUTDOWN;
	if (watch && r->threshold) {
		watch->threshold = r->threshold;
		watch->admin = r->admin;
		watch->above = false;
		return 0;
	}
	if (watch)
		drop(watch);
	if (!r->threshold)
		return 0;
	err = w ? check_limits(w, r->uid, extack) : add_vm(r, f);
	if (err)
		return err;
	add_watch(r, w ?: find_vm(r->vm), s ?: add_socket(r, f), f);
	return 0;
}

int holm_watch_set(const struct holm_watch_request *r, struct netlink_ext_ack *extack)
{
	struct fresh f = {};
	int err = 0;

	if (r->threshold)	/* To take one away needs no memory. */
		err = fresh_get(&f);
	if (!err) {
		mutex_lock(&lock);
		err = set(r, &f, extack);
		mutex_unlock(&lock);
	}
	fresh_put(&f);
	return err;
}

/* ---- sockets that are closed -------------------------------------------- */

/*
 * The address may be another socket's by now; the one that goes is dead. What sets
 * a watch holds the socket open.
 */
static void release(const struct net *net, u32 portid)
{
	struct hlist_node *next;
	struct watcher *s;

	if (!holm_watch_count())
		return;
	mutex_lock(&lock);
	hash_for_each_possible_safe(sockets, s, next, node, portid)
		if (s->portid == portid && net_eq(sock_net(s->sk), net) &&
		    sock_flag(s->sk, SOCK_DEAD))
			drop_socket(s);
	mutex_unlock(&lock);
}

/* Called by close(), which may sleep. */
static int on_netlink(struct notifier_block *nb, unsigned long event, void *data)
{
	const struct netlink_notify *n = data;

	if (event == NETLINK_URELEASE && n->protocol == NETLINK_GENERIC)
		release(n->net, n->portid);
	return NOTIFY_DONE;
}

static struct notifier_block netlink_nb = {
	.notifier_call = on_netlink,
};

/* ---- load and unload ---------------------------------------------------- */

int holm_watch_setup(bool (*fn)(const struct holm_watch_event *event))
{
	int err;

	/*
	 * Unbound: CPUs with vCPU threads of their own are left alone. Freezable: while
	 * launchers are frozen for a suspend nobody takes them for stuck.
	 */
	queue = alloc_workqueue("holm-watch", WQ_UNBOUND | WQ_FREEZABLE, 1);
	if (!queue)
		return -ENOMEM;
	err = netlink_register_notifier(&netlink_nb);
	if (err) {
		destroy_workqueue(queue);
		return err;
	}
	INIT_DELAYED_WORK(&work, look);
	mutex_lock(&lock);
	tell = fn;
	ready = true;
	mutex_unlock(&lock);
	return 0;
}

void holm_watch_teardown(void)
{
	struct hlist_node *next;
	struct watched *w;
	unsigned int i;

	mutex_lock(&lock);
	ready = false;
	hash_for_each_safe(vms, i, next, w, node)
		drop_vm(w);
	mutex_unlock(&lock);
	cancel_delayed_work_sync(&work);
	netlink_unregister_notifier(&netlink_nb);
	destroy_workqueue(queue);
}
