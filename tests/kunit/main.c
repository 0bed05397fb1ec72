// SPDX-License-Identifier: GPL-2.0-only
/* The module: sets the core up on the fake backend and runs the suites. */
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/version.h>

#include "../../kmod/backend.h"
#include "../../kmod/x86/x86.h"
#include "env.h"
#include "suites.h"

#define SUITE(name) &holm_##name##_suite,

/*
 * Since 6.6 KUnit runs a module's suites when its init has succeeded
 * (2810c1e99867). Before, it does so ahead of init and from a module notifier,
 * in which none can be registered: there the suites are not in KUnit's section,
 * and are run from init.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
kunit_test_suites(HOLM_KUNIT_SUITES(SUITE));

static void suites_run(void)
{
}

static void suites_end(void)
{
}
#else
static struct kunit_suite *suites[] = {
	HOLM_KUNIT_SUITES(SUITE)
};

static void suites_run(void)
{
	__kunit_test_suites_init(suites, ARRAY_SIZE(suites));
}

static void suites_end(void)
{
	__kunit_test_suites_exit(suites, ARRAY_SIZE(suites));
}
#endif

static int __init holm_kunit_init(void)
{
	int err;

	holm_env_setup();
	err = holm_xstate_setup();
	if (!err)
		err = holm_cpuid_setup();
	if (!err)
		err = holm_pv_setup();
	if (err)
		goto err_env;
	err = holm_hw_setup(&holm_fake_backend);
	if (err)
		goto err_pv;
	suites_run();
	return 0;

err_pv:
	holm_pv_teardown();
err_env:
	holm_env_teardown();
	return err;
}

static void __exit holm_kunit_exit(void)
{
	suites_end();
	holm_hw_teardown();
	holm_pv_teardown();
	holm_env_teardown();
}

module_init(holm_kunit_init);
module_exit(holm_kunit_exit);

MODULE_DESCRIPTION("KUnit tests of the holm hypervisor");
MODULE_LICENSE("GPL");
