// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtualization on and off: for the first VM it is enabled on every CPU, and
 * every CPU is given back after the last; CPUs that come, go, sleep, reboot or
 * crash in between follow.
 */
#define pr_fmt(fmt) "holm: " fmt

#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/reboot.h>
#include <linux/suspend.h>

#include "backend.h"
#include "holm.h"

const struct holm_backend *holm_backend;

DEFINE_PER_CPU(bool, holm_cpu_on);

/*
 * hw_users counts VMs. It changes under hw_lock and cpus_read_lock(), so that
 * the hotplug callbacks, which run under cpus_write_lock(), see it stable.
 */
static DEFINE_MUTEX(hw_lock);
static unsigned int hw_users;
static bool hw_rebooting;	/* written under hw_lock */
static bool hw_lost;		/* see holm_hw_lost(); cleared under hw_lock */
static bool hw_kvm_loading;	/* under hw_lock */
static bool hw_emergency;	/* under hw_lock: the crash callback is ours */
static int hw_cpuhp_state;

static int hw_cpu_enable(void)
{
	unsigned long flags;
	int err = 0;

	local_irq_save(flags);
	if (!__this_cpu_read(holm_cpu_on)) {
		err = holm_backend->cpu_set(true);
		if (!err)
			__this_cpu_write(holm_cpu_on, true);
	}
	local_irq_restore(flags);
	return err;
}

static void hw_cpu_disable(void *unused)
{
	unsigned long flags;

	local_irq_save(flags);
	if (__this_cpu_read(holm_cpu_on)) {
		__this_cpu_write(holm_cpu_on, false);
		holm_backend->cpu_set(false);
	}
	local_irq_restore(flags);
}

static void hw_cpu_enable_ipi(void *arg)
{
	atomic_t *failed = arg;
	int err = hw_cpu_enable();

	if (err)
		atomic_cmpxchg(failed, 0, err);
}

/*
 * The kernel has one crash callback and warns when a second is registered, as
 * KVM does on its way to finding out that the CPUs are taken. So ours stands
 * back while a KVM module loads. hw_lock is held.
 */
static void hw_update_emergency(void)
{
	bool want = hw_users && !hw_kvm_loading;

	if (want == hw_emergency)
		return;
	hw_emergency = want;
	if (want)
		holm_emergency_register();
	else
		holm_emergency_unregister();
}

static int hw_module(struct notifier_block *nb, unsigned long action, void *data)
{
	const struct module *mod = data;

	if (strcmp(mod->name, "kvm_intel") && strcmp(mod->name, "kvm_amd"))
		return NOTIFY_DONE;
	mutex_lock(&hw_lock);
	hw_kvm_loading = action == MODULE_STATE_COMING;
	hw_update_emergency();
	mutex_unlock(&hw_lock);
	return NOTIFY_OK;
}

static struct notifier_block hw_module_nb = {
	.notifier_call = hw_module,
};

int holm_hw_get(void)
{
	atomic_t failed = ATOMIC_INIT(0);
	int err = 0;

	mutex_lock(&hw_lock);
	cpus_read_lock();
	if (hw_rebooting) {
		err = -ESHUTDOWN;
	} else if (hw_users && READ_ONCE(hw_lost)) {
		err = -EIO;
	} else if (!hw_users) {
		WRITE_ONCE(hw_lost, false);
		on_each_cpu(hw_cpu_enable_ipi, &failed, 1);
		err = atomic_read(&failed);
		if (err)
			on_each_cpu(hw_cpu_disable, NULL, 1);
	}
	if (!err) {
		hw_users++;
		hw_update_emergency();
	}
	cpus_read_unlock();
	mutex_unlock(&hw_lock);

	if (err == -EBUSY)
		pr_err("another hypervisor has virtualization switched on (KVM does so as soon as it is loaded): stop its guests and unload it: modprobe -r kvm_intel kvm_amd kvm\n");
	return err;
}

void holm_hw_put(void)
{
	mutex_lock(&hw_lock);
	cpus_read_lock();
	if (!--hw_users) {
		on_each_cpu(hw_cpu_disable, NULL, 1);
		hw_update_emergency();
	}
	cpus_read_unlock();
	mutex_unlock(&hw_lock);
}

static int hw_cpu_online(unsigned int cpu)
{
	int err = 0;

	if (hw_users && !READ_ONCE(hw_rebooting))
		err = hw_cpu_enable();
	if (err)
		pr_err("CPU %u cannot come online: virtualization cannot be enabled on it (%d)\n",
		       cpu, err);
	return err;
}

static int hw_cpu_offline(unsigned int cpu)
{
	hw_cpu_disable(NULL);
	return 0;
}

/**
 * holm_hw_suspend() - give the last CPU back before the machine sleeps
 *
 * The other CPUs went offline before. IRQs off. Return: 0.
 */
int holm_hw_suspend(void)
{
	hw_cpu_disable(NULL);
	holm_tsc_suspend();
	return 0;
}

/**
 * holm_hw_resume() - take it again; the others come online later
 *
 * IRQs off. When that fails the VMs there are cannot go on: see holm_hw_lost().
 */
void holm_hw_resume(void)
{
	int err = hw_users ? hw_cpu_enable() : 0;

	holm_tsc_resume();
	holm_pv_slept();
	if (!err)
		return;
	WRITE_ONCE(hw_lost, true);
	pr_err("virtualization cannot be enabled after resume (%d): running guests end with EIO\n",
	       err);
}

HOLM_SYSCORE(hw_syscore, holm_hw_suspend, holm_hw_resume);

/*
 * The machine is about to sleep. Not each way to do so comes to holm_hw_suspend(): in
 * suspend to idle the CPUs stay online and the system core is not suspended. But
 * tasks are frozen in all of them, guests with them.
 */
int holm_hw_sleep(struct notifier_block *nb, unsigned long action, void *data)
{
	if (action == PM_SUSPEND_PREPARE || action == PM_HIBERNATION_PREPARE)
		holm_pv_slept();
	return NOTIFY_DONE;
}

static struct notifier_block hw_sleep_nb = {
	.notifier_call = holm_hw_sleep,
};

bool holm_hw_lost(void)
{
	return READ_ONCE(hw_lost);
}

/*
 * Reboot, halt and kexec: firmware and the next kernel expect INIT to work and
 * CR4 to be theirs.
 */
static int hw_reboot(struct notifier_block *nb, unsigned long action, void *data)
{
	mutex_lock(&hw_lock);
	WRITE_ONCE(hw_rebooting, true);
	WRITE_ONCE(hw_lost, true);
	mutex_unlock(&hw_lock);
	on_each_cpu(hw_cpu_disable, NULL, 1);
	return NOTIFY_DONE;
}

static struct notifier_block hw_reboot_nb = {
	.notifier_call = hw_reboot,
};

/* Crash: on each CPU, in NMI or with IRQs off, no locks. */
void holm_emergency_disable(void)
{
	if (__this_cpu_read(holm_cpu_on)) {
		__this_cpu_write(holm_cpu_on, false);
		holm_backend->cpu_set(false);
	}
}

int holm_hw_setup(const struct holm_backend *backend)
{
	int err;

	err = backend->setup();
	if (err)
		return err;
	holm_backend = backend;

	err = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "holm:online",
					hw_cpu_online, hw_cpu_offline);
	if (err < 0)
		goto err_teardown;
	hw_cpuhp_state = err;
	holm_register_syscore(&hw_syscore);
	err = register_pm_notifier(&hw_sleep_nb);
	if (err)
		goto err_syscore;
	err = register_reboot_notifier(&hw_reboot_nb);
	if (err)
		goto err_sleep;
	err = register_module_notifier(&hw_module_nb);
	if (err)
		goto err_reboot;
	return 0;

err_reboot:
	unregister_reboot_notifier(&hw_reboot_nb);
err_sleep:
	unregister_pm_notifier(&hw_sleep_nb);
err_syscore:
	holm_unregister_syscore(&hw_syscore);
	cpuhp_remove_state_nocalls(hw_cpuhp_state);
err_teardown:
	backend->teardown();
	holm_backend = NULL;
	return err;
}

void holm_hw_teardown(void)
{
	unregister_module_notifier(&hw_module_nb);
	unregister_reboot_notifier(&hw_reboot_nb);
	unregister_pm_notifier(&hw_sleep_nb);
	holm_unregister_syscore(&hw_syscore);
	cpuhp_remove_state_nocalls(hw_cpuhp_state);
	holm_backend->teardown();
	holm_backend = NULL;
}
