// SPDX-License-Identifier: GPL-2.0-only
/*
 * Load and unload, /dev/holm, the choice of the backend.
 */
#define pr_fmt(fmt) "holm: " fmt

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "backend.h"
#include "holm.h"
#include "netlink.h"
#include "x86/x86.h"

static const struct holm_backend *const backends[] = {
	&holm_vmx_backend,
	&holm_svm_backend,
};

/* What every version has. */
#define CAPS_SIZE_MIN	offsetofend(struct holm_caps, reserved)

static_assert(_IOC_SIZE(HOLM_GET_CAPS) == CAPS_SIZE_MIN, "the call has the number that it had");

static long dev_get_caps(void __user *argp)
{
	struct holm_caps caps = {};
	u32 size, flags;
	struct holm_caps __user *user = argp;

	if (get_user(size, &user->size) || get_user(flags, &user->flags))
		return -EFAULT;
	if (size < CAPS_SIZE_MIN || flags)
		return -EINVAL;

	holm_caps_fill(&caps);
	if (copy_to_user(argp, &caps, min_t(size_t, size, sizeof(caps))))
		return -EFAULT;
	return 0;
}

static long dev_supported_cpuid(void __user *argp)
{
	struct holm_cpuid_entry *entries;
	struct holm_cpuid arg;
	unsigned int n;
	long err = 0;

	if (copy_from_user(&arg, argp, sizeof(arg)))
		return -EFAULT;
	if (arg.flags)
		return -EINVAL;

	entries = kvcalloc(HOLM_MAX_CPUID_ENTRIES, sizeof(*entries), GFP_KERNEL);
	if (!entries)
		return -ENOMEM;
	n = holm_cpuid_supported(entries, HOLM_MAX_CPUID_ENTRIES);
	if (WARN_ON_ONCE(n > HOLM_MAX_CPUID_ENTRIES))
		n = HOLM_MAX_CPUID_ENTRIES;
	if (arg.nent < n)
		err = -E2BIG;
	else if (copy_to_user(u64_to_user_ptr(arg.entries), entries, n * sizeof(*entries)))
		err = -EFAULT;
	kvfree(entries);

	if (err != -EFAULT && put_user(n, &((struct holm_cpuid __user *)argp)->nent))
		err = -EFAULT;
	return err;
}

static long dev_create_vm(void __user *argp)
{
	struct holm_create_vm arg;

	if (copy_from_user(&arg, argp, sizeof(arg)))
		return -EFAULT;
	return holm_vm_create(&arg);
}

static long dev_ioctl(struct file *file, unsigned int cmd, unsigned long uarg)
{
	void __user *argp = (void __user *)uarg;

	switch (cmd) {
	case HOLM_GET_API_VERSION:
		return uarg ? -EINVAL : HOLM_API_VERSION;
	case HOLM_GET_CAPS:
		return dev_get_caps(argp);
	case HOLM_GET_SUPPORTED_CPUID:
		return dev_supported_cpuid(argp);
	case HOLM_CREATE_VM:
		return dev_create_vm(argp);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations dev_fops = {
	.owner		= THIS_MODULE,
	.unlocked_ioctl	= dev_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.llseek		= noop_llseek,
};

static struct miscdevice holm_dev = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "holm",
	.fops	= &dev_fops,
	.mode	= 0660,
};

static int __init holm_init(void)
{
	unsigned int i;
	int err;

	if (IS_ENABLED(CONFIG_PREEMPT_RT)) {
		pr_err("this kernel is built with PREEMPT_RT, where locks sleep that are taken while a guest is loaded: use one without it\n");
		return -EOPNOTSUPP;
	}
	err = holm_tsc_setup(tsc_khz);
	if (err)
		return err;
	err = holm_xstate_setup();
	if (err)
		return err;
	err = holm_cpuid_setup();
	if (err)
		return err;
	err = holm_pv_setup();
	if (err)
		return err;

	err = -ENODEV;
	for (i = 0; i < ARRAY_SIZE(backends) && err == -ENODEV; i++)
		err = holm_hw_setup(backends[i]);
	if (err) {
		if (err == -ENODEV)
			pr_err("this CPU has neither VMX nor SVM; 'holm doctor' tells what this machine can do\n");
		goto err_pv;
	}

	err = holm_netlink_setup();
	if (err)
		goto err_hw;
	err = misc_register(&holm_dev);
	if (err)
		goto err_netlink;
	pr_info("ready, backend %s\n", holm_backend->name);
	return 0;

err_netlink:
	holm_netlink_teardown();
err_hw:
	holm_hw_teardown();
err_pv:
	holm_pv_teardown();
	return err;
}

static void __exit holm_exit(void)
{
	misc_deregister(&holm_dev);
	holm_netlink_teardown();
	holm_hw_teardown();
	/* Workers may still be at pages of VMs that are gone. */
	holm_pv_teardown();
}

module_init(holm_init);
module_exit(holm_exit);

/*
 * No alias loads this module; packages have modules-load.d do it.
 * An x86cpu alias would load it on every CPU with VMX or SVM, beside KVM, of which
 * one only can have the CPUs: an administrator's choice. A devname alias needs a
 * minor of its own. MODULE_ALIAS_GENL_FAMILY() would let anybody load the module by
 * asking for the family, even from a user namespace, to find no VM in the answer.
 */
MODULE_DESCRIPTION("holm hypervisor");
MODULE_AUTHOR("The holm developers");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
