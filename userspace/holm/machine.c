// SPDX-License-Identifier: GPL-2.0-or-later
/* The machine: see machine.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acpi.h"
#include "bus.h"
#include "cmd.h"
#include "config.h"
#include "cpu_features.h"
#include "devices/debug_exit.h"
#include "devices/debugport.h"
#include "devices/i8042.h"
#include "devices/ioapic.h"
#include "devices/pic.h"
#include "devices/pit.h"
#include "devices/pm.h"
#include "devices/resetctl.h"
#include "devices/rtc.h"
#include "devices/uart16550.h"
#include "evloop.h"
#include "machine.h"

/* Message data register, SDM vol. 3, 11.11.2: delivery mode ExtINT. */
#define MSI_DATA_EXTINT	(7U << 8)

void machine_end(struct machine *m, enum machine_end_kind kind, int status,
		 const char *fmt, ...)
{
	unsigned int i;
	va_list ap;

	pthread_mutex_lock(&m->end_lock);
	if (m->end.kind == MACHINE_RUNS) {
		if (kind == MACHINE_RESET)
			holm_vm_report(m->vm, HOLM_REPORT_RESET);
		else if (kind == MACHINE_POWER_OFF)
			holm_vm_report(m->vm, HOLM_REPORT_SHUTDOWN);
		m->end.kind = kind;
		m->end.status = status;
		va_start(ap, fmt);
		vsnprintf(m->end.text, sizeof(m->end.text), fmt, ap);
		va_end(ap);
	}
	pthread_mutex_unlock(&m->end_lock);

	atomic_store(&m->stopping, true);
	for (i = 0; i < m->nr_vcpus; i++)
		vcpu_kick(&m->vcpus[i]);
	evloop_stop(m->loop);
}

/* ---- what devices tell the machine ----------------------------------------- */

static void on_reset(void *opaque)
{
	machine_end(opaque, MACHINE_RESET, EXIT_GUEST_RESET, "the guest asked for a reset");
}

static void on_power_off(void *opaque)
{
	machine_end(opaque, MACHINE_POWER_OFF, EXIT_OK, "the guest powered off");
}

static void on_debug_exit(void *opaque, uint32_t status)
{
	machine_end(opaque, MACHINE_DEBUG_EXIT, status & 0xff,
		    "the guest ended by the debug-exit port with status %u", status & 0xff);
}

static void on_pic_intr(void *opaque, bool level)
{
	struct machine *m = opaque;

	holm_vcpu_inject(&m->vcpus[0].h,
			 level ? HOLM_INJECT_EXTINT_RAISE : HOLM_INJECT_EXTINT_LOWER, 0);
	irq_router_pic_output(&m->irqs, level);
}

static void on_ioapic_msi(void *opaque, uint64_t addr, uint32_t data)
{
	struct machine *m = opaque;

	holm_vm_signal_msi(m->vm, addr, data);
}

/* An IOAPIC entry in ExtINT mode; a level that falls reaches LINT0 as well. */
static void on_ioapic_extint(void *opaque, uint64_t addr, bool level)
{
	struct machine *m = opaque;

	if (level)
		holm_vm_signal_msi(m->vm, addr, MSI_DATA_EXTINT);
}

/* ---- creation ------------------------------------------------------------- */

static int create_interrupt_controllers(struct machine *m, struct err *e)
{
	struct pic_config pic = { .bus = m->bus, .set_intr = on_pic_intr, .opaque = m };
	struct ioapic_config ioapic = {
		.bus = m->bus,
		.base = IOAPIC_BASE,
		.id = 0,
		.send_msi = on_ioapic_msi,
		.extint = on_ioapic_extint,
		.opaque = m,
	};

	m->pic = pic_create(&pic, e);
	if (!m->pic)
		return -1;
	m->ioapic = ioapic_create(&ioapic, e);
	if (!m->ioapic)
		return -1;
	irq_router_init(&m->irqs, m->pic, m->ioapic);
	return 0;
}

static int create_timers(struct machine *m, struct err *e)
{
	uint64_t low = gmem_low_end(&m->gmem);
	struct pit_config pit = {
		.bus = m->bus,
		.loop = m->loop,
		.irq = irq_router_isa(&m->irqs, ISA_IRQ_PIT),
	};
	struct rtc_config rtc = {
		.bus = m->bus,
		.loop = m->loop,
		.irq = irq_router_isa(&m->irqs, ISA_IRQ_RTC),
		.mem_below_4g = low,
		.mem_above_4g = m->gmem.size - low,
	};
	struct pm_config pm = {
		.bus = m->bus,
		.loop = m->loop,
		.port = PM_DEFAULT_PORT,
		.sci = irq_router_isa(&m->irqs, ISA_IRQ_SCI),
		.power_off = on_power_off,
		.opaque = m,
	};

	m->pit = pit_create(&pit, e);
	if (!m->pit)
		return -1;
	m->rtc = rtc_create(&rtc, e);
	if (!m->rtc)
		return -1;
	m->pm = pm_create(&pm, e);
	return m->pm ? 0 : -1;
}

static int create_io(struct machine *m, struct chardev *console, struct err *e)
{
	struct i8042_config kbd = {
		.bus = m->bus,
		.irq = irq_router_isa(&m->irqs, ISA_IRQ_KBD),
		.reset = on_reset,
		.opaque = m,
	};
	struct resetctl_config rst = { .bus = m->bus, .reset = on_reset, .opaque = m };
	struct uart_config uart = {
		.bus = m->bus,
		.loop = m->loop,
		.port = UART_COM1_PORT,
		.irq = irq_router_isa(&m->irqs, ISA_IRQ_COM1),
		.chardev = console,
	};
	struct debugport_config dbg = { .bus = m->bus, .console = console };
	struct debug_exit_config dexit = {
		.bus = m->bus,
		.port = m->cfg->debug_exit_port,
		.exit = on_debug_exit,
		.opaque = m,
	};

	m->i8042 = i8042_create(&kbd, e);
	if (!m->i8042)
		return -1;
	m->resetctl = resetctl_create(&rst, e);
	if (!m->resetctl)
		return -1;
	m->uart = uart_create(&uart, e);
	if (!m->uart)
		return -1;
	m->debugport = debugport_create(&dbg, e);
	if (!m->debugport)
		return -1;
	if (m->cfg->has_debug_exit) {
		m->debug_exit = debug_exit_create(&dexit, e);
		if (!m->debug_exit)
			return -1;
	}
	return 0;
}

/* What guests read of their TSC's frequency. */
#define CPUID_TIMING	0x40000010

static int set_tsc_khz(struct machine *m, struct err *e)
{
	struct holm_caps caps;
	int err;

	if (!m->cfg->tsc_khz)
		return 0;
	err = holm_vm_set_param(m->vm, HOLM_PARAM_TSC_KHZ, m->cfg->tsc_khz);
	if (!err)
		return 0;
	if (err != -EINVAL || holm_get_caps(m->dev, &caps))
		return err_set(e, "cannot set the TSC's frequency: %s", strerror(-err));
	if (caps.features & HOLM_CAP_TSC_SCALING)
		return err_set(e, "--tsc-khz %u: the host's TSC has %u kHz, which its CPU cannot turn into that",
			       m->cfg->tsc_khz, caps.tsc_khz);
	return err_set(e, "--tsc-khz %u: this host's CPU does not scale the TSC, so it is the host's, of %u kHz",
		       m->cfg->tsc_khz, caps.tsc_khz);
}

static void show_tsc_khz(struct machine *m)
{
	unsigned int i;

	for (i = 0; m->cfg->tsc_khz && i < m->cpuid_nent; i++)
		if (m->cpuid[i].function == CPUID_TIMING)
			m->cpuid[i].eax = m->cfg->tsc_khz;
}

static int create_vm(struct machine *m, struct err *e)
{
	unsigned int i;
	int err;

	m->dev = holm_open(NULL);
	if (m->dev < 0)
		return err_set(e, "cannot open %s: %s; 'holm doctor' tells what is missing",
			       HOLM_DEVICE_PATH,
			       m->dev == -EPROTO ? "the driver speaks another version of the interface"
						 : strerror(-m->dev));
	m->vm = holm_vm_create_uuid(m->dev, m->cfg->name ? m->cfg->name : "", m->cfg->uuid);
	if (m->vm == -EBUSY)
		return err_set(e, "cannot create a VM: another hypervisor (KVM?) has virtualization switched on; stop its guests and unload it: modprobe -r kvm_intel kvm_amd kvm");
	if (m->vm < 0)
		return err_set(e, "cannot create a VM: %s", strerror(-m->vm));
	if (m->cfg->has_halt_poll) {
		err = holm_vm_set_param(m->vm, HOLM_PARAM_HALT_POLL_NS, m->cfg->halt_poll_ns);
		if (err)
			return err_set(e, "cannot set how long a halted vCPU polls: %s",
				       strerror(-err));
	}

	if (set_tsc_khz(m, e))
		return -1;

	for (i = 0; i < m->gmem.nr_regions; i++) {
		struct gmem_region *r = &m->gmem.regions[i];

		err = holm_vm_set_slot(m->vm, i, 0, r->gpa, r->size, r->hva);
		if (err)
			return err_set(e, "cannot map %llu MiB of guest memory at 0x%llx: %s",
				       (unsigned long long)(r->size >> 20),
				       (unsigned long long)r->gpa, strerror(-err));
	}
	m->cpuid = holm_get_supported_cpuid(m->dev, &m->cpuid_nent);
	if (!m->cpuid)
		return err_set_errno(e, "cannot ask the driver for its CPUID table");
	if (m->cfg->cpu && cpu_features_apply(m->cfg->cpu, m->cpuid, &m->cpuid_nent, e))
		return err_prefix(e, "--cpu");
	show_tsc_khz(m);
	return 0;
}

static int load(struct machine *m, struct err *e)
{
	struct acpi_window win = {
		.host = gmem_ptr(&m->gmem, ACPI_WINDOW_BASE, ACPI_WINDOW_SIZE),
		.gpa = ACPI_WINDOW_BASE,
		.size = ACPI_WINDOW_SIZE,
	};
	uint32_t apic_ids[HOLM_MAX_VCPUS];
	struct boot_params_in in;
	struct boot_entry entry;
	struct acpi_config acpi;
	unsigned int i;

	if (!win.host)
		return err_set(e, "guest memory has no room for the ACPI tables");
	acpi_config_default(&acpi, m->nr_vcpus);
	for (i = 0; i < m->nr_vcpus; i++)
		apic_ids[i] = topology_apic_id(&m->cfg->cpus, i);
	acpi.apic_ids = apic_ids;
	if (acpi_build(&acpi, &win, NULL, e))
		return -1;
	vm_config_boot_params(m->cfg, win.gpa, &in);
	if (boot_load(&m->gmem, &in, &entry, e))
		return -1;
	return vcpu_set_entry(&m->vcpus[0], &entry, e);
}

static int create_vcpus(struct machine *m, struct err *e)
{
	unsigned int cpus = topology_cpus(&m->cfg->cpus), i;

	m->vcpus = calloc(cpus, sizeof(*m->vcpus));
	if (!m->vcpus)
		return err_set(e, "out of memory");
	for (i = 0; i < cpus; i++) {
		if (vcpu_init(&m->vcpus[i], m, i, e))
			return -1;
		m->nr_vcpus = i + 1;
	}
	return 0;
}

struct machine *machine_create(const struct vm_config *cfg, struct evloop *loop,
			       pthread_mutex_t *lock, struct chardev *console, struct err *e)
{
	struct machine *m = calloc(1, sizeof(*m));

	if (!m) {
		err_set(e, "out of memory");
		return NULL;
	}
	m->cfg = cfg;
	m->loop = loop;
	m->console = console;
	m->dev = -1;
	m->vm = -1;
	m->gmem.fd = -1;
	pthread_mutex_init(&m->end_lock, NULL);

	m->bus = bus_create(lock);
	if (!m->bus) {
		err_set(e, "out of memory");
		goto fail;
	}
	if (vcpu_setup_signal(e) || gmem_init(&m->gmem, cfg->memory, e) ||
	    create_vm(m, e) || create_vcpus(m, e) ||
	    create_interrupt_controllers(m, e) || create_timers(m, e) ||
	    create_io(m, console, e) || load(m, e))
		goto fail;
	return m;

fail:
	machine_destroy(m);
	return NULL;
}

void machine_destroy(struct machine *m)
{
	unsigned int i;

	if (!m)
		return;
	debug_exit_destroy(m->debug_exit);
	debugport_destroy(m->debugport);
	uart_destroy(m->uart);
	resetctl_destroy(m->resetctl);
	i8042_destroy(m->i8042);
	pm_destroy(m->pm);
	rtc_destroy(m->rtc);
	pit_destroy(m->pit);
	ioapic_destroy(m->ioapic);
	pic_destroy(m->pic);
	for (i = 0; i < m->nr_vcpus; i++)
		vcpu_deinit(&m->vcpus[i]);
	free(m->vcpus);
	free(m->cpuid);
	if (m->vm >= 0)
		close(m->vm);
	if (m->dev >= 0)
		close(m->dev);
	gmem_deinit(&m->gmem);
	bus_destroy(m->bus);
	pthread_mutex_destroy(&m->end_lock);
	free(m);
}

static void stop(struct machine *m)
{
	unsigned int i;

	machine_end(m, MACHINE_INTERRUPTED, EXIT_FAILED, "stopped");
	for (i = 0; i < m->nr_vcpus; i++)
		if (m->vcpus[i].started)
			pthread_join(m->vcpus[i].thread, NULL);
}

int machine_start(struct machine *m, struct err *e)
{
	unsigned int i;
	int err = 0;

	/* The bootstrap processor last: the guest starts when all threads are there. */
	for (i = m->nr_vcpus; i-- && !err;)
		err = vcpu_start(&m->vcpus[i], e);
	if (err)
		stop(m);
	return err;
}

int machine_run(struct machine *m, struct err *e)
{
	int ret = evloop_run(m->loop), err = 0;

	if (ret < 0)
		err = err_set(e, "the event loop failed: %s", strerror(-ret));
	stop(m);
	return err;
}

bool machine_power_button(struct machine *m)
{
	return pm_power_button(m->pm);
}
