/* SPDX-License-Identifier: GPL-2.0-only */
/* All suites, in the order in which they run. */
#ifndef HOLM_KUNIT_SUITES_H
#define HOLM_KUNIT_SUITES_H

#include <kunit/test.h>

#define HOLM_KUNIT_SUITES(suite)	\
	suite(avic)			\
	suite(avic_page)		\
	suite(control)			\
	suite(cpuid)			\
	suite(cr)			\
	suite(eventfd)			\
	suite(events)			\
	suite(lapic)			\
	suite(lapic_virt)		\
	suite(count)			\
	suite(fault)			\
	suite(formats)			\
	suite(race)			\
	suite(walker)			\
	suite(msi)			\
	suite(msr)			\
	suite(netlink_slot)		\
	suite(objects)			\
	suite(pv)			\
	suite(pv_calls)			\
	suite(pv_async)			\
	suite(registry)			\
	suite(run)			\
	suite(slots)			\
	suite(state)			\
	suite(store)			\
	suite(xstate)			\
	suite(timer)			\
	suite(tsc)			\
	suite(walk)			\
	suite(watch)

#define HOLM_KUNIT_DECLARE(name) extern struct kunit_suite holm_##name##_suite;
HOLM_KUNIT_SUITES(HOLM_KUNIT_DECLARE)

#endif /* HOLM_KUNIT_SUITES_H */
