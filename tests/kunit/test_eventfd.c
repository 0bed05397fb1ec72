// SPDX-License-Identifier: GPL-2.0-only
/*
 * Eventfds: registration, what a write matches, and an irqfd's pin. An eventfd
 * cannot be made in the kernel: here they are addresses that nobody looks at.
 */
#include <linux/slab.h>

#include "../../kmod/x86/lapic_regs.h"
#include "env.h"
#include "helpers.h"
#include "suites.h"

#define PHYS_BITS	46
#define NR_VCPUS	4

#define PORT	HOLM_IOEVENTFD_PORT
#define MATCH	HOLM_IOEVENTFD_DATAMATCH
#define GONE	HOLM_IOEVENTFD_DEASSIGN

static char places[64];
#define FD(n)	((struct eventfd_ctx *)&places[n])

static int eventfd_init(struct kunit *test)
{
	struct holm_vm *vm = holm_test_vm(test, NR_VCPUS);
	int i;

	test->priv = vm;
	if (!vm)
		return -ENOMEM;
	holm_eventfds_init(vm);
	for (i = 0; i < NR_VCPUS; i++)
		vm->vcpus[i]->lapic->svr |= APIC_SPIV_APIC_ENABLED;
	return 0;
}

static void eventfd_exit(struct kunit *test)
{
	holm_test_vm_end(test->priv);
}

/* ---- ioeventfd: arguments --------------------------------------------------- */

static void test_io_check(struct kunit *test)
{
	static const struct {
		const char *what;
		struct holm_ioeventfd arg;
		int want;
	} rows[] = {
		{ "a port", { 0x60, 0, 0, 1, PORT }, 0 },
		{ "the last port", { 0xffff, 0, 0, 1, PORT }, 0 },
		{ "behind the last port", { 0x10000, 0, 0, 1, PORT }, -EINVAL },
		{ "across the last port", { 0xfffe, 0, 0, 4, PORT }, -EINVAL },
		{ "up to the last port", { 0xfffc, 0, 0, 4, PORT }, 0 },
		{ "any width at the last port", { 0xffff, 0, 0, 0, PORT }, 0 },
		{ "8 bytes to a port", { 0x60, 0, 0, 8, PORT }, -EINVAL },
		{ "3 bytes", { 0x60, 0, 0, 3, PORT }, -EINVAL },
		{ "16 bytes", { 0x1000, 0, 0, 16, 0 }, -EINVAL },
		{ "5 bytes", { 0x1000, 0, 0, 5, 0 }, -EINVAL },
		{ "many bytes", { 0x1000, 0, 0, 0x80000000, 0 }, -EINVAL },
		{ "8 bytes to memory", { 0x1000, 0, 0, 8, 0 }, 0 },
		{ "not aligned", { 0x1001, 0, 0, 8, 0 }, 0 },
		{ "up to the end of a page", { 0x1ff8, 0, 0, 8, 0 }, 0 },
		{ "across pages", { 0x1ff9, 0, 0, 8, 0 }, -EINVAL },
		{ "across pages of ports", { 0xfff, 0, 0, 2, PORT }, -EINVAL },
		{ "the last byte of memory", { BIT_ULL(PHYS_BITS) - 1, 0, 0, 1, 0 }, 0 },
		{ "behind it", { BIT_ULL(PHYS_BITS), 0, 0, 1, 0 }, -EINVAL },
		{ "at the end of 64 bits", { ~0ULL, 0, 0, 1, 0 }, -EINVAL },
		{ "an unknown flag", { 0x60, 0, 0, 1, PORT | 8 }, -EINVAL },
		{ "the last unknown flag", { 0x60, 0, 0, 1, PORT | BIT(31) }, -EINVAL },
		{ "reserved", { 0x60, 0, 0, 1, PORT, 1 }, -EINVAL },
		{ "data without a flag", { 0x60, 1, 0, 1, PORT }, -EINVAL },
		{ "data", { 0x60, 1, 0, 1, PORT | MATCH }, 0 },
		{ "data 0", { 0x60, 0, 0, 1, PORT | MATCH }, 0 },
		{ "data of 1 byte", { 0x60, 0xff, 0, 1, PORT | MATCH }, 0 },
		{ "data that does not fit 1", { 0x60, 0x100, 0, 1, PORT | MATCH }, -EINVAL },
		{ "data that does not fit 2", { 0x60, 0x10000, 0, 2, PORT | MATCH }, -EINVAL },
		{ "data that does not fit 4", { 0x60, BIT_ULL(32), 0, 4, PORT | MATCH }, -EINVAL },
		{ "data of 8 bytes", { 0x1000, ~0ULL, 0, 8, MATCH }, 0 },
		{ "data and any width", { 0x60, 1, 0, 0, PORT | MATCH }, -EINVAL },
		{ "removal", { 0x60, 0, 0, 1, PORT | GONE }, 0 },
		{ "removal, data", { 0x60, 1, 0, 1, PORT | GONE | MATCH }, 0 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		KUNIT_EXPECT_EQ_MSG(test, holm_ioeventfd_check(&rows[i].arg, PHYS_BITS),
				    rows[i].want, "%s", rows[i].what);
}

/* ---- ioeventfd: what matches -------------------------------------------------- */

static int io_add(struct holm_vm *vm, u32 flags, u64 addr, u32 size, u64 data,
		  struct eventfd_ctx *eventfd)
{
	const struct holm_ioeventfd arg = {
		.addr = addr, .datamatch = data, .size = size, .flags = flags,
	};
	int err;

	mutex_lock(&vm->ioeventfds.lock);
	if (flags & GONE)
		err = holm_ioeventfd_remove(&vm->ioeventfds, &arg, eventfd);
	else
		err = holm_ioeventfd_add(&vm->ioeventfds, &arg, eventfd);
	mutex_unlock(&vm->ioeventfds.lock);
	return err;
}

static struct eventfd_ctx *io_find(struct holm_vm *vm, u32 flags, u64 addr, unsigned int size,
				   u64 data)
{
	const struct holm_ioeventfd_table *table;
	struct eventfd_ctx *found;

	rcu_read_lock_sched();
	table = flags & PORT ? rcu_dereference_sched(vm->ioeventfds.ports) :
			       rcu_dereference_sched(vm->ioeventfds.mmio);
	found = table ? holm_ioeventfd_find(table, addr, size, data) : NULL;
	rcu_read_unlock_sched();
	return found;
}

static void test_io_match(struct kunit *test)
{
	struct holm_vm *vm = test->priv;

	KUNIT_EXPECT_EQ(test, io_add(vm, PORT, 0x200, 2, 0, FD(1)), 0);
	KUNIT_EXPECT_EQ(test, io_add(vm, PORT, 0x100, 0, 0, FD(2)), 0);
	KUNIT_EXPECT_EQ(test, io_add(vm, PORT | MATCH, 0x300, 4, 7, FD(3)), 0);
	KUNIT_EXPECT_EQ(test, io_add(vm, PORT | MATCH, 0x300, 4, 8, FD(4)), 0);
	KUNIT_EXPECT_EQ(test, io_add(vm, PORT | MATCH, 0x300, 2, 7, FD(5)), 0);
	KUNIT_EXPECT_EQ(test, io_add(vm, PORT, 0x300, 1, 0, FD(6)), 0);
	KUNIT_EXPECT_EQ(test, io_add(vm, 0, 0x300, 4, 0, FD(7)), 0);
	KUNIT_EXPECT_EQ(test, io_add(vm, MATCH, 0xfee00000, 8, 1ULL << 63, FD(8)), 0);

	KUNIT_EXPECT_PTR_EQ(test, io_find(vm, PORT, 0x200, 2, 5), FD(1));
	KUNIT_EXPECT_NULL(test, io_find(vm, PORT, 0x200, 1, 5));
	KUNIT_EXPECT_NULL(test, io_find(vm, PORT, 0x200, 4, 5));
	KUNIT_EXPECT_NULL(test, io_find(vm, PORT, 0x201, 2, 5));
	KUNIT_EXPECT_NULL(test, io_find(vm, PORT, 0x1ff, 2, 5));
	KUNIT_EXPECT_PTR_EQ(test, io_find(vm, PORT, 0x100, 1, 5), FD(2));
	KUNIT_EXPECT_PTR_EQ(test, io_find(vm, PORT, 0x100, 4, 0), FD(2));
	KUNIT_EXPECT_PTR_EQ(test, io_find(vm, PORT, 0x300, 4, 7), FD(3));
	KUNIT_EXPECT_PTR_EQ(test, io_find(vm, PORT, 0x300, 4, 8), FD(4));
	KUNIT_EXPECT_NULL(test, io_find(vm, PORT, 0x300, 4, 9));
	KUNIT_EXPECT_PTR_EQ(test, io_find(vm, PORT, 0x300, 2, 7), FD(5));
	KUNIT_EXPECT_PTR_EQ(test, io_find(vm, PORT, 0x300, 1, 99), FD(6));
	KUNIT_EXPECT_PTR_EQ(test, io_find(vm, 0, 0x300, 4, 9), FD(7));
	KUNIT_EXPECT_NULL(test, io_find(vm, 0, 0x200, 2, 5));
	KUNIT_EXPECT_PTR_EQ(test, io_find(vm, 0, 0xfee00000, 8, 1ULL << 63), FD(8));
	KUNIT_EXPECT_NULL(test, io_find(vm, 0, 0xfee00000, 8, 0));
	KUNIT_EXPECT_NULL(test, io_find(vm, PORT, 0, 1, 0));
	KUNIT_EXPECT_NULL(test, io_find(vm, PORT, 0xffff, 1, 0));

	/* One less, and the others stay; the order of removal does not matter. */
	KUNIT_EXPECT_EQ(test, io_add(vm, PORT | MATCH | GONE, 0x300, 4, 7, FD(3)), 0);
	KUNIT_EXPECT_NULL(test, io_find(vm, PORT, 0x300, 4, 7));
	KUNIT_EXPECT_PTR_EQ(test, io_find(vm, PORT, 0x300, 4, 8), FD(4));
	KUNIT_EXPECT_PTR_EQ(test, io_find(vm, PORT, 0x200, 2, 5), FD(1));
	/* What was removed leaves room for another one. */
	KUNIT_EXPECT_EQ(test, io_add(vm, PORT | MATCH, 0x300, 4, 7, FD(9)), 0);
	KUNIT_EXPECT_PTR_EQ(test, io_find(vm, PORT, 0x300, 4, 7), FD(9));

	KUNIT_EXPECT_EQ(test, io_add(vm, PORT | GONE, 0x100, 0, 0, FD(2)), 0);
	KUNIT_EXPECT_EQ(test, io_add(vm, PORT | GONE, 0x300, 1, 0, FD(6)), 0);
	KUNIT_EXPECT_EQ(test, io_add(vm, PORT | GONE, 0x200, 2, 0, FD(1)), 0);
	KUNIT_EXPECT_EQ(test, io_add(vm, PORT | MATCH | GONE, 0x300, 4, 7, FD(9)), 0);
	KUNIT_EXPECT_EQ(test, io_add(vm, PORT | MATCH | GONE, 0x300, 2, 7, FD(5)), 0);
	KUNIT_EXPECT_NOT_NULL(test, rcu_access_pointer(vm->ioeventfds.ports));
	KUNIT_EXPECT_EQ(test, io_add(vm, PORT | MATCH | GONE, 0x300, 4, 8, FD(4)), 0);
	KUNIT_EXPECT_NULL(test, rcu_access_pointer(vm->ioeventfds.ports));
	KUNIT_EXPECT_EQ(test, io_add(vm, GONE, 0x300, 4, 0, FD(7)), 0);
	KUNIT_EXPECT_EQ(test, io_add(vm, MATCH | GONE, 0xfee00000, 8, 1ULL << 63, FD(8)), 0);
	KUNIT_EXPECT_NULL(test, rcu_access_pointer(vm->ioeventfds.mmio));
}

static void test_io_collisions(struct kunit *test)
{
	struct holm_vm *vm = test->priv;

	KUNIT_EXPECT_EQ(test, io_add(vm, PORT, 0x10, 2, 0, FD(1)), 0);
	KUNIT_EXPECT_EQ_MSG(test, io_add(vm, PORT, 0x10, 2, 0, FD(1)), -EEXIST, "the same");
	KUNIT_EXPECT_EQ_MSG(test, io_add(vm, PORT, 0x10, 2, 0, FD(2)), -EEXIST, "another eventfd");
	KUNIT_EXPECT_EQ_MSG(test, io_add(vm, PORT | MATCH, 0x10, 2, 3, FD(2)), -EEXIST,
			    "some of its data");
	KUNIT_EXPECT_EQ_MSG(test, io_add(vm, PORT, 0x10, 0, 0, FD(2)), -EEXIST, "any width");
	KUNIT_EXPECT_EQ_MSG(test, io_add(vm, PORT, 0x10, 1, 0, FD(2)), 0, "another width");
	KUNIT_EXPECT_EQ_MSG(test, io_add(vm, PORT, 0x11, 2, 0, FD(1)), 0, "another address");
	KUNIT_EXPECT_EQ_MSG(test, io_add(vm, 0, 0x10, 2, 0, FD(1)), 0, "memory");
	KUNIT_EXPECT_EQ(test, io_add(vm, PORT | MATCH, 0x20, 4, 3, FD(3)), 0);
	KUNIT_EXPECT_EQ(test, io_add(vm, PORT | MATCH, 0x20, 4, 3, FD(4)), -EEXIST);
	KUNIT_EXPECT_EQ(test, io_add(vm, PORT, 0x20, 4, 0, FD(4)), -EEXIST);
	KUNIT_EXPECT_EQ(test, io_add(vm, PORT, 0x30, 0, 0, FD(4)), 0);
	KUNIT_EXPECT_EQ(test, io_add(vm, PORT | MATCH, 0x30, 1, 0, FD(5)), -EEXIST);

	KUNIT_EXPECT_EQ_MSG(test, io_add(vm, PORT | GONE, 0x12, 2, 0, FD(1)), -ENOENT, "address");
	KUNIT_EXPECT_EQ_MSG(test, io_add(vm, PORT | GONE, 0x10, 4, 0, FD(1)), -ENOENT, "width");
	KUNIT_EXPECT_EQ_MSG(test, io_add(vm, PORT | GONE, 0x10, 0, 0, FD(1)), -ENOENT, "any width");
	KUNIT_EXPECT_EQ_MSG(test, io_add(vm, PORT | GONE, 0x10, 2, 0, FD(2)), -ENOENT, "eventfd");
	KUNIT_EXPECT_EQ_MSG(test, io_add(vm, PORT | MATCH | GONE, 0x20, 4, 4, FD(3)), -ENOENT,
			    "data");
	KUNIT_EXPECT_EQ_MSG(test, io_add(vm, PORT | GONE, 0x20, 4, 0, FD(3)), -ENOENT, "no data");
	KUNIT_EXPECT_EQ_MSG(test, io_add(vm, GONE, 0x20, 4, 0, FD(3)), -ENOENT, "memory");

	KUNIT_EXPECT_EQ(test, io_add(vm, PORT | GONE, 0x10, 2, 0, FD(1)), 0);
	KUNIT_EXPECT_EQ_MSG(test, io_add(vm, PORT | GONE, 0x10, 2, 0, FD(1)), -ENOENT, "twice");
	KUNIT_EXPECT_EQ(test, io_add(vm, PORT | GONE, 0x10, 1, 0, FD(2)), 0);
	KUNIT_EXPECT_EQ(test, io_add(vm, PORT | GONE, 0x11, 2, 0, FD(1)), 0);
	KUNIT_EXPECT_EQ(test, io_add(vm, GONE, 0x10, 2, 0, FD(1)), 0);
	KUNIT_EXPECT_EQ(test, io_add(vm, PORT | MATCH | GONE, 0x20, 4, 3, FD(3)), 0);
	KUNIT_EXPECT_EQ(test, io_add(vm, PORT | GONE, 0x30, 0, 0, FD(4)), 0);
}

/* As many as there may be, in an order that is none; each is found. */
static void test_io_limit(struct kunit *test)
{
	struct holm_vm *vm = test->priv;
	unsigned int i, failed = 0, missed = 0, n = HOLM_MAX_IOEVENTFDS;

	for (i = 0; i < n; i++)
		failed += io_add(vm, i & 1 ? PORT : 0, i * 397 % 4096 * 2, 2, 0, FD(i % 64)) != 0;
	KUNIT_EXPECT_EQ(test, failed, 0U);
	for (i = 0; i < n; i++)
		missed += io_find(vm, i & 1 ? PORT : 0, i * 397 % 4096 * 2, 2, i) != FD(i % 64) ||
			  io_find(vm, i & 1 ? PORT : 0, i * 397 % 4096 * 2 + 1, 2, i);
	KUNIT_EXPECT_EQ(test, missed, 0U);
	KUNIT_EXPECT_EQ(test, io_add(vm, PORT, 0x9000, 1, 0, FD(0)), -ENOSPC);
	KUNIT_EXPECT_EQ(test, io_add(vm, 0, 0x9000, 1, 0, FD(0)), -ENOSPC);
	KUNIT_EXPECT_EQ(test, io_add(vm, GONE, 0, 2, 0, FD(0)), 0);
	KUNIT_EXPECT_EQ(test, io_add(vm, 0, 0x9000, 1, 0, FD(0)), 0);

	/* Without as many grace periods. */
	kvfree(rcu_replace_pointer(vm->ioeventfds.ports, NULL, true));
	kvfree(rcu_replace_pointer(vm->ioeventfds.mmio, NULL, true));
}

/* ---- irqfd: arguments ----------------------------------------------------------- */

#define ADDRESS		0xfee00000ULL	/* vCPU 0 */
#define LEVEL		0xc000
#define VECTOR		0x41
#define OTHER		0x52

#define UPDATE		HOLM_IRQFD_UPDATE
#define RESAMPLE	HOLM_IRQFD_RESAMPLE
#define MASKED		HOLM_IRQFD_MASKED
#define STATE		HOLM_IRQFD_STATE
#define ASSERTED	HOLM_IRQFD_ASSERTED
#define REMOTE_IRR	HOLM_IRQFD_REMOTE_IRR

static void test_irq_check(struct kunit *test)
{
	static const struct {
		const char *what;
		struct holm_irqfd arg;
		int want, message;
	} rows[] = {
		{ "an edge", { 3, -1, 0, 0, ADDRESS, VECTOR }, 0, 0 },
		{ "a level", { 3, 4, RESAMPLE, 0, ADDRESS, VECTOR | LEVEL }, 0, 0 },
		{ "lowest priority", { 3, 4, RESAMPLE, 0, ADDRESS, VECTOR | LEVEL | 0x100 }, 0, 0 },
		{ "an unknown flag", { 3, -1, BIT(5), 0, ADDRESS, VECTOR }, -EINVAL },
		{ "the last unknown flag", { 3, -1, BIT(31), 0, ADDRESS, VECTOR }, -EINVAL },
		{ "resample_fd of an edge", { 3, 4, 0, 0, ADDRESS, VECTOR }, -EINVAL },
		{ "resample_fd 0 of an edge", { 3, 0, 0, 0, ADDRESS, VECTOR }, -EINVAL },
		{ "an update", { 3, -1, UPDATE, 0, ADDRESS, VECTOR }, 0, 0 },
		{ "resample_fd of an update", { 3, 4, UPDATE, 0, ADDRESS, VECTOR }, -EINVAL },
		{ "RESAMPLE of an update", { 3, -1, UPDATE | RESAMPLE, 0, ADDRESS, VECTOR | LEVEL },
		  -EINVAL },
		{ "removal", { 3, 0, HOLM_IRQFD_DEASSIGN, 0, 0, 0 }, 0 },
		{ "removal and update", { 3, -1, HOLM_IRQFD_DEASSIGN | UPDATE, 0, 0, 0 }, -EINVAL },
		{ "removal and mask", { 3, -1, HOLM_IRQFD_DEASSIGN | MASKED, 0, 0, 0 }, -EINVAL },
		{ "removal and state", { 3, -1, HOLM_IRQFD_DEASSIGN | STATE, 0, 0, 0 }, -EINVAL },
		{ "removal and RESAMPLE", { 3, -1, HOLM_IRQFD_DEASSIGN | RESAMPLE, 0, 0, 0 },
		  -EINVAL },
		{ "state without its flag", { 3, -1, 0, ASSERTED, ADDRESS, VECTOR }, -EINVAL },
		{ "state", { 3, -1, STATE, ASSERTED, ADDRESS, VECTOR }, 0, 0 },
		{ "unknown state", { 3, -1, STATE, 4, ADDRESS, VECTOR }, -EINVAL },
		{ "remote IRR of an edge", { 3, -1, STATE, REMOTE_IRR, ADDRESS, VECTOR, VECTOR },
		  0, -EINVAL },
		{ "remote IRR", { 3, 4, STATE | RESAMPLE, REMOTE_IRR | ASSERTED, ADDRESS,
				  VECTOR | LEVEL, OTHER }, 0, 0 },
		{ "remote IRR, masked", { 3, 4, STATE | RESAMPLE | MASKED, REMOTE_IRR, 0, 0,
					  OTHER }, 0, 0 },
		{ "remote IRR without a vector", { 3, 4, STATE | RESAMPLE, REMOTE_IRR, ADDRESS,
						   VECTOR | LEVEL, 0 }, -EINVAL },
		{ "remote IRR, vector 15", { 3, 4, STATE | RESAMPLE, REMOTE_IRR, ADDRESS,
					     VECTOR | LEVEL, 15 }, -EINVAL },
		{ "remote IRR, vector 256", { 3, 4, STATE | RESAMPLE, REMOTE_IRR, ADDRESS,
					      VECTOR | LEVEL, 256 }, -EINVAL },
		{ "a vector without remote IRR", { 3, 4, STATE | RESAMPLE, ASSERTED, ADDRESS,
						   VECTOR | LEVEL, OTHER }, -EINVAL },
		{ "a vector without state", { 3, -1, 0, 0, ADDRESS, VECTOR, OTHER }, -EINVAL },

		{ "a level as an edge", { 3, -1, 0, 0, ADDRESS, VECTOR | LEVEL }, 0, -EINVAL },
		{ "an edge as a level", { 3, 4, RESAMPLE, 0, ADDRESS, VECTOR }, 0, -EINVAL },
		{ "a level deasserted", { 3, 4, RESAMPLE, 0, ADDRESS, VECTOR | 0x8000 }, 0,
		  -EINVAL },
		{ "an NMI with level", { 3, 4, RESAMPLE, 0, ADDRESS, LEVEL | 0x400 }, 0, -EINVAL },
		{ "an NMI", { 3, -1, 0, 0, ADDRESS, 0x400 }, 0, 0 },
		{ "an SMI", { 3, -1, 0, 0, ADDRESS, 0x200 }, 0, -EINVAL },
		{ "no message", { 3, -1, 0, 0, 0, VECTOR }, 0, -EINVAL },
		{ "above 4 GiB", { 3, -1, 0, 0, ADDRESS | BIT_ULL(32), VECTOR }, 0, -EINVAL },
		{ "anything, masked", { 3, -1, MASKED, 0, ~0ULL, ~0U }, 0, 0 },
		{ "anything, level, masked", { 3, 4, MASKED | RESAMPLE, 0, 0, 0 }, 0, 0 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct holm_irqfd *arg = &rows[i].arg;

		KUNIT_EXPECT_EQ_MSG(test, holm_irqfd_check(arg), rows[i].want, "%s", rows[i].what);
		if (!rows[i].want && !(arg->flags & HOLM_IRQFD_DEASSIGN))
			KUNIT_EXPECT_EQ_MSG(test, holm_irqfd_check_message(arg, arg->flags &
									   RESAMPLE),
					    rows[i].message, "%s", rows[i].what);
	}
}

/* ---- irqfd: the pin ------------------------------------------------------------- */

static struct holm_kernel_irqfd *pin(struct kunit *test, bool level)
{
	struct holm_kernel_irqfd *irqfd = kunit_kzalloc(test, sizeof(*irqfd), GFP_KERNEL);
	struct holm_vm *vm = test->priv;

	KUNIT_ASSERT_NOT_NULL(test, irqfd);
	holm_irqfd_init(irqfd, vm, FD(0), level ? FD(1) : NULL);
	mutex_lock(&vm->irqfds.lock);
	holm_irqfd_link(irqfd);
	mutex_unlock(&vm->irqfds.lock);
	return irqfd;
}

static void pin_set(struct holm_kernel_irqfd *irqfd, u32 flags, u32 state, u64 address, u32 data,
		    u32 eoi_vector)
{
	const struct holm_irqfd arg = {
		.flags = flags | (state ? STATE : 0), .state = state, .address = address,
		.data = data, .eoi_vector = eoi_vector,
	};

	mutex_lock(&irqfd->vm->irqfds.lock);
	holm_irqfd_change(irqfd, &arg);
	mutex_unlock(&irqfd->vm->irqfds.lock);
}

static u32 pin_state(struct holm_kernel_irqfd *irqfd)
{
	struct holm_irqfd arg;

	mutex_lock(&irqfd->vm->irqfds.lock);
	holm_irqfd_read(irqfd, &arg);
	mutex_unlock(&irqfd->vm->irqfds.lock);
	return arg.state;
}

static void pin_remove(struct holm_kernel_irqfd *irqfd)
{
	mutex_lock(&irqfd->vm->irqfds.lock);
	holm_irqfd_unlink(irqfd);
	mutex_unlock(&irqfd->vm->irqfds.lock);
}

/* Was @vector delivered to vCPU @n? Takes it away. */
static bool taken(struct kunit *test, unsigned int n, u8 vector)
{
	struct holm_vm *vm = test->priv;

	return test_and_clear_bit(vector, vm->vcpus[n]->lapic->irr);
}

static void test_irq_edge(struct kunit *test)
{
	struct holm_kernel_irqfd *irqfd = pin(test, false);
	struct holm_vm *vm = test->priv;

	/* As long as it is masked it waits; twice is once. */
	holm_irqfd_assert(irqfd);
	holm_irqfd_assert(irqfd);
	KUNIT_EXPECT_FALSE(test, taken(test, 0, VECTOR));
	KUNIT_EXPECT_EQ(test, pin_state(irqfd), ASSERTED);
	pin_set(irqfd, 0, 0, ADDRESS, VECTOR, 0);
	KUNIT_EXPECT_TRUE(test, taken(test, 0, VECTOR));
	KUNIT_EXPECT_EQ(test, pin_state(irqfd), 0U);
	pin_set(irqfd, 0, 0, ADDRESS, VECTOR, 0);
	KUNIT_EXPECT_FALSE(test, taken(test, 0, VECTOR));

	holm_irqfd_assert(irqfd);
	KUNIT_EXPECT_TRUE(test, taken(test, 0, VECTOR));
	holm_irqfd_assert(irqfd);
	KUNIT_EXPECT_TRUE(test, taken(test, 0, VECTOR));
	/* Another message. */
	pin_set(irqfd, 0, 0, ADDRESS | 2 << 12, OTHER, 0);
	holm_irqfd_assert(irqfd);
	KUNIT_EXPECT_FALSE(test, taken(test, 0, VECTOR));
	KUNIT_EXPECT_TRUE(test, taken(test, 2, OTHER));
	/* What nobody accepts is gone. */
	vm->vcpus[2]->lapic->svr &= ~APIC_SPIV_APIC_ENABLED;
	holm_irqfd_assert(irqfd);
	KUNIT_EXPECT_EQ(test, pin_state(irqfd), 0U);

	KUNIT_EXPECT_FALSE(test, holm_irqfd_deassert(irqfd, vm->vcpus[0], VECTOR));
	KUNIT_EXPECT_TRUE(test, bitmap_empty(vm->irqfds.eoi_vectors, HOLM_VECTORS));
	pin_set(irqfd, MASKED, 0, 0, 0, 0);
	pin_set(irqfd, 0, ASSERTED, ADDRESS, VECTOR, 0);
	KUNIT_EXPECT_TRUE_MSG(test, taken(test, 0, VECTOR), "a restored one");
	pin_remove(irqfd);
	KUNIT_EXPECT_EQ(test, vm->irqfds.nr, 0U);
}

static void test_irq_level(struct kunit *test)
{
	struct holm_kernel_irqfd *irqfd = pin(test, true);
	struct holm_vm *vm = test->priv;

	pin_set(irqfd, 0, 0, ADDRESS, VECTOR | LEVEL, 0);
	KUNIT_EXPECT_TRUE(test, test_bit(VECTOR, vm->irqfds.eoi_vectors));
	KUNIT_EXPECT_EQ(test, bitmap_weight(vm->irqfds.eoi_vectors, HOLM_VECTORS), 1);

	holm_irqfd_assert(irqfd);
	KUNIT_EXPECT_TRUE(test, taken(test, 0, VECTOR));
	KUNIT_EXPECT_TRUE(test, test_bit(VECTOR, vm->vcpus[0]->lapic->tmr));
	KUNIT_EXPECT_EQ(test, pin_state(irqfd), ASSERTED | REMOTE_IRR);
	/* Not before its EOI. */
	holm_irqfd_assert(irqfd);
	KUNIT_EXPECT_FALSE(test, taken(test, 0, VECTOR));
	KUNIT_EXPECT_FALSE(test, holm_irqfd_deassert(irqfd, vm->vcpus[0], OTHER));
	KUNIT_EXPECT_FALSE(test, holm_irqfd_deassert(irqfd, vm->vcpus[1], VECTOR));
	KUNIT_EXPECT_EQ(test, pin_state(irqfd), ASSERTED | REMOTE_IRR);
	KUNIT_EXPECT_TRUE(test, holm_irqfd_deassert(irqfd, vm->vcpus[0], VECTOR));
	KUNIT_EXPECT_EQ(test, pin_state(irqfd), 0U);
	KUNIT_EXPECT_FALSE(test, holm_irqfd_deassert(irqfd, vm->vcpus[0], VECTOR));
	/* The device still wants service. */
	holm_irqfd_assert(irqfd);
	KUNIT_EXPECT_TRUE(test, taken(test, 0, VECTOR));

	/* Another message while in service: the old vector's EOI is waited for. */
	pin_set(irqfd, 0, 0, ADDRESS | 1 << 12, OTHER | LEVEL, 0);
	KUNIT_EXPECT_TRUE(test, test_bit(VECTOR, vm->irqfds.eoi_vectors));
	KUNIT_EXPECT_TRUE(test, test_bit(OTHER, vm->irqfds.eoi_vectors));
	KUNIT_EXPECT_FALSE(test, taken(test, 1, OTHER));
	KUNIT_EXPECT_FALSE(test, holm_irqfd_deassert(irqfd, vm->vcpus[1], OTHER));
	KUNIT_EXPECT_TRUE(test, holm_irqfd_deassert(irqfd, vm->vcpus[0], VECTOR));
	holm_irqfd_assert(irqfd);
	KUNIT_EXPECT_TRUE(test, taken(test, 1, OTHER));
	KUNIT_EXPECT_FALSE(test, taken(test, 0, VECTOR));

	/* Masked in service: EOI deasserts it; the next assertion waits. */
	pin_set(irqfd, MASKED, 0, 0, 0, 0);
	KUNIT_EXPECT_TRUE(test, test_bit(OTHER, vm->irqfds.eoi_vectors));
	KUNIT_EXPECT_FALSE(test, test_bit(VECTOR, vm->irqfds.eoi_vectors));
	KUNIT_EXPECT_TRUE(test, holm_irqfd_deassert(irqfd, vm->vcpus[1], OTHER));
	holm_irqfd_assert(irqfd);
	KUNIT_EXPECT_EQ(test, pin_state(irqfd), ASSERTED);
	KUNIT_EXPECT_FALSE(test, taken(test, 1, OTHER));
	pin_set(irqfd, 0, 0, ADDRESS, VECTOR | LEVEL, 0);
	KUNIT_EXPECT_TRUE(test, taken(test, 0, VECTOR));
	KUNIT_EXPECT_EQ(test, pin_state(irqfd), ASSERTED | REMOTE_IRR);
	pin_remove(irqfd);
	KUNIT_EXPECT_TRUE(test, bitmap_empty(vm->irqfds.eoi_vectors, HOLM_VECTORS));
}

/* To all, to one of all, to nobody. */
static void test_irq_level_targets(struct kunit *test)
{
	struct holm_kernel_irqfd *irqfd = pin(test, true);
	struct holm_vm *vm = test->priv;
	unsigned int i, count = 0;

	pin_set(irqfd, 0, 0, ADDRESS | 0xff << 12, VECTOR | LEVEL, 0);
	holm_irqfd_assert(irqfd);
	for (i = 0; i < NR_VCPUS; i++)
		KUNIT_EXPECT_TRUE(test, taken(test, i, VECTOR));
	KUNIT_EXPECT_EQ(test, bitmap_weight(irqfd->takers, HOLM_MAX_VCPUS), NR_VCPUS);
	KUNIT_EXPECT_TRUE(test, holm_irqfd_deassert(irqfd, vm->vcpus[3], VECTOR));
	KUNIT_EXPECT_FALSE(test, holm_irqfd_deassert(irqfd, vm->vcpus[0], VECTOR));

	pin_set(irqfd, 0, 0, ADDRESS | 0xff << 12, VECTOR | LEVEL | 0x100, 0);
	holm_irqfd_assert(irqfd);
	KUNIT_EXPECT_EQ(test, bitmap_weight(irqfd->takers, HOLM_MAX_VCPUS), 1);
	for (i = 0; i < NR_VCPUS; i++)
		if (taken(test, i, VECTOR)) {
			count++;
			KUNIT_EXPECT_TRUE(test, holm_irqfd_deassert(irqfd, vm->vcpus[i], VECTOR));
		}
	KUNIT_EXPECT_EQ(test, count, 1U);

	/* Nobody: it stays asserted, and any change tries again. */
	pin_set(irqfd, 0, 0, ADDRESS | 9 << 12, VECTOR | LEVEL, 0);
	holm_irqfd_assert(irqfd);
	KUNIT_EXPECT_EQ(test, pin_state(irqfd), ASSERTED);
	pin_set(irqfd, 0, 0, ADDRESS, VECTOR | LEVEL, 0);
	KUNIT_EXPECT_TRUE(test, taken(test, 0, VECTOR));
	KUNIT_EXPECT_EQ(test, pin_state(irqfd), ASSERTED | REMOTE_IRR);
	pin_remove(irqfd);
}

/* Get, set, get; and what it does then. */
static void test_irq_state(struct kunit *test)
{
	static const u32 states[] = { 0, ASSERTED, ASSERTED | REMOTE_IRR };
	struct holm_kernel_irqfd *irqfd = pin(test, true);
	struct holm_vm *vm = test->priv;
	struct holm_irqfd arg, again;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(states); i++) {
		memset(&arg, 0, sizeof(arg));
		arg.flags = MASKED | STATE;
		arg.state = states[i];
		arg.address = ADDRESS;
		arg.data = VECTOR | LEVEL;
		arg.eoi_vector = states[i] & REMOTE_IRR ? OTHER : 0;
		mutex_lock(&vm->irqfds.lock);
		holm_irqfd_change(irqfd, &arg);
		memset(&again, 0, sizeof(again));
		holm_irqfd_read(irqfd, &again);
		mutex_unlock(&vm->irqfds.lock);
		KUNIT_EXPECT_EQ(test, again.flags, (u32)(MASKED | RESAMPLE));
		KUNIT_EXPECT_EQ(test, again.resample_fd, -1);
		KUNIT_EXPECT_EQ(test, again.state, arg.state);
		KUNIT_EXPECT_EQ(test, again.address, arg.address);
		KUNIT_EXPECT_EQ(test, again.data, arg.data);
		KUNIT_EXPECT_EQ(test, again.eoi_vector, arg.eoi_vector);
	}
	/* In service with OTHER; any vCPU may have it. */
	KUNIT_EXPECT_TRUE(test, test_bit(OTHER, vm->irqfds.eoi_vectors));
	pin_set(irqfd, 0, 0, ADDRESS, VECTOR | LEVEL, 0);
	KUNIT_EXPECT_FALSE(test, taken(test, 0, VECTOR));
	KUNIT_EXPECT_TRUE(test, holm_irqfd_deassert(irqfd, vm->vcpus[2], OTHER));
	holm_irqfd_assert(irqfd);
	KUNIT_EXPECT_TRUE(test, taken(test, 0, VECTOR));
	pin_remove(irqfd);
}

/* Two pins with one vector: each EOI ends what is in service there. */
static void test_irq_shared(struct kunit *test)
{
	struct holm_kernel_irqfd *a = pin(test, true), *b = pin(test, true);
	struct holm_vm *vm = test->priv;

	pin_set(a, 0, 0, ADDRESS, VECTOR | LEVEL, 0);
	pin_set(b, 0, 0, ADDRESS | 1 << 12, VECTOR | LEVEL, 0);
	holm_irqfd_assert(a);
	holm_irqfd_assert(b);
	KUNIT_EXPECT_FALSE(test, holm_irqfd_deassert(a, vm->vcpus[1], VECTOR));
	KUNIT_EXPECT_TRUE(test, holm_irqfd_deassert(b, vm->vcpus[1], VECTOR));
	KUNIT_EXPECT_EQ(test, pin_state(a), ASSERTED | REMOTE_IRR);
	pin_remove(a);
	KUNIT_EXPECT_TRUE(test, test_bit(VECTOR, vm->irqfds.eoi_vectors));
	/* A vector without a pin in service, and one without any. */
	KUNIT_EXPECT_FALSE(test, holm_irqfd_eoi(vm->vcpus[0], VECTOR));
	KUNIT_EXPECT_FALSE(test, holm_irqfd_eoi(vm->vcpus[0], OTHER));
	pin_remove(b);
	KUNIT_EXPECT_FALSE(test, test_bit(VECTOR, vm->irqfds.eoi_vectors));
	KUNIT_EXPECT_TRUE(test, list_empty(&vm->irqfds.all));
	KUNIT_EXPECT_TRUE(test, list_empty(&vm->irqfds.resample));
}

/* The calls, as far as they go without an eventfd. */
static void test_calls(struct kunit *test)
{
	struct holm_ioeventfd io = { .addr = 0x60, .size = 1, .flags = PORT, .fd = -1 };
	struct holm_irqfd irq = { .fd = -1, .resample_fd = -1, .address = ADDRESS, .data = VECTOR };
	struct holm_env env;

	holm_env_enter(test, &env);
	KUNIT_EXPECT_EQ(test, holm_env_create(&env), 0);
	KUNIT_EXPECT_EQ(test, holm_env_ioctl(&env, env.vm_file, HOLM_SET_IOEVENTFD, &io,
					     sizeof(io)), (long)-EBADF);
	io.fd = env.vm_fd;
	KUNIT_EXPECT_EQ(test, holm_env_ioctl(&env, env.vm_file, HOLM_SET_IOEVENTFD, &io,
					     sizeof(io)), (long)-EINVAL);
	KUNIT_EXPECT_EQ(test, holm_env_ioctl(&env, env.vm_file, HOLM_SET_IRQFD, &irq,
					     sizeof(irq)), (long)-EBADF);
	irq.fd = env.vm_fd;
	KUNIT_EXPECT_EQ(test, holm_env_ioctl(&env, env.vm_file, HOLM_SET_IRQFD, &irq,
					     sizeof(irq)), (long)-EINVAL);
	KUNIT_EXPECT_EQ(test, holm_env_ioctl(&env, env.vm_file, HOLM_GET_IRQFD, &irq,
					     sizeof(irq)), (long)-EINVAL);
	KUNIT_EXPECT_EQ(test, holm_env_ioctl_raw(env.vm_file, HOLM_SET_IRQFD, 8), (long)-EFAULT);
	KUNIT_EXPECT_EQ(test, holm_env_ioctl_raw(env.vm_file, HOLM_GET_IRQFD, 8), (long)-EFAULT);
	KUNIT_EXPECT_EQ(test, holm_env_ioctl_raw(env.vm_file, HOLM_SET_IOEVENTFD, 8),
			(long)-EFAULT);
	KUNIT_EXPECT_EQ(test, holm_env_ioctl_raw(env.vcpu_file, HOLM_SET_IRQFD, 8), (long)-ENOTTY);
	holm_env_leave(&env);
}

static struct kunit_case eventfd_cases[] = {
	KUNIT_CASE(test_io_check),
	KUNIT_CASE(test_io_match),
	KUNIT_CASE(test_io_collisions),
	KUNIT_CASE(test_io_limit),
	KUNIT_CASE(test_irq_check),
	KUNIT_CASE(test_irq_edge),
	KUNIT_CASE(test_irq_level),
	KUNIT_CASE(test_irq_level_targets),
	KUNIT_CASE(test_irq_state),
	KUNIT_CASE(test_irq_shared),
	KUNIT_CASE(test_calls),
	{}
};

struct kunit_suite holm_eventfd_suite = {
	.name = "holm-eventfd",
	.init = eventfd_init,
	.exit = eventfd_exit,
	.test_cases = eventfd_cases,
};
