// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * holm-bench-kvm: "holm run" with KVM below. The options, the boot loader, the
 * tables and the devices are the launcher's own, all but PIC, I/O APIC and
 * PIT: as kvmtool does, those are left to KVM.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "acpi.h"
#include "config.h"
#include "console.h"
#include "devices/i8042.h"
#include "devices/pm.h"
#include "devices/resetctl.h"
#include "devices/rtc.h"
#include "devices/uart16550.h"
#include "evloop.h"
#include "irq.h"
#include "kvm.h"

/**
 * struct machine - the VM and its devices; ends with the process
 * @cfg: its description
 * @lock: machine lock (bus.h)
 * @isa: interrupt lines, by number
 * @end: the guest has ended; of the vCPU's thread
 * @why: how, unless it powered off
 */
struct machine {
	struct vm_config cfg;
	pthread_mutex_t lock;
	struct evloop *loop;
	struct console console;
	struct bus *bus;
	struct gmem gmem;
	struct kvm kvm;
	struct irq_line isa[ISA_IRQS];
	bool end;
	struct err why;
};

static void on_power_off(void *opaque)
{
	((struct machine *)opaque)->end = true;
}

static void on_reset(void *opaque)
{
	struct machine *m = opaque;

	m->end = true;
	err_set(&m->why, "the guest asked for a reset");
}

static void on_irq(void *opaque, unsigned int n, bool level)
{
	kvm_irq_line(opaque, n, level);
}

static int create_devices(struct machine *m, struct err *e)
{
	struct rtc_config rtc = {
		.bus = m->bus, .loop = m->loop, .irq = &m->isa[ISA_IRQ_RTC],
		.mem_below_4g = gmem_low_end(&m->gmem),
		.mem_above_4g = m->gmem.size - gmem_low_end(&m->gmem),
	};
	struct pm_config pm = {
		.bus = m->bus, .loop = m->loop, .port = PM_DEFAULT_PORT,
		.sci = &m->isa[ISA_IRQ_SCI], .power_off = on_power_off, .opaque = m,
	};
	struct i8042_config kbd = {
		.bus = m->bus, .irq = &m->isa[ISA_IRQ_KBD], .reset = on_reset, .opaque = m,
	};
	struct resetctl_config rst = { .bus = m->bus, .reset = on_reset, .opaque = m };
	struct uart_config uart = {
		.bus = m->bus, .loop = m->loop, .port = UART_COM1_PORT,
		.irq = &m->isa[ISA_IRQ_COM1], .chardev = m->console.chardev,
	};
	unsigned int n;

	for (n = 0; n < ISA_IRQS; n++)
		m->isa[n] = (struct irq_line) { .set = on_irq, .opaque = &m->kvm, .n = n };
	return rtc_create(&rtc, e) && pm_create(&pm, e) && i8042_create(&kbd, e) &&
	       resetctl_create(&rst, e) && uart_create(&uart, e) ? 0 : -1;
}

static int load(struct machine *m, struct err *e)
{
	struct acpi_window win = {
		.host = gmem_ptr(&m->gmem, ACPI_WINDOW_BASE, ACPI_WINDOW_SIZE),
		.gpa = ACPI_WINDOW_BASE,
		.size = ACPI_WINDOW_SIZE,
	};
	struct boot_params_in in;
	struct boot_entry entry;
	struct acpi_config acpi;

	if (!win.host)
		return err_set(e, "guest memory has no room for the ACPI tables");
	acpi_config_default(&acpi, 1);
	if (acpi_build(&acpi, &win, NULL, e))
		return -1;
	vm_config_boot_params(&m->cfg, win.gpa, &in);
	if (boot_load(&m->gmem, &in, &entry, e))
		return -1;
	return kvm_set_entry(&m->kvm, &entry, e);
}

static int create(struct machine *m, struct err *e)
{
	m->loop = evloop_create(NULL, &m->lock, e);
	m->bus = bus_create(&m->lock);
	if (!m->loop || !m->bus || console_open(&m->console, &m->cfg, m->loop, e) ||
	    gmem_init(&m->gmem, m->cfg.memory, e) || kvm_create(&m->kvm, &m->gmem, e) ||
	    create_devices(m, e))
		return -1;
	return load(m, e);
}

static void *vcpu_thread(void *opaque)
{
	struct machine *m = opaque;

	kvm_run_until(&m->kvm, m->bus, &m->end, &m->why);
	evloop_stop(m->loop);
	return NULL;
}

static int run(struct machine *m, struct err *e)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, vcpu_thread, m))
		return err_set(e, "no thread for the vCPU");
	if (evloop_run(m->loop) < 0)
		return err_set(e, "the event loop failed");
	pthread_join(thread, NULL);
	console_close(&m->console, "");
	*e = m->why;
	return e->msg[0] ? -1 : 0;
}

int main(int argc, char **argv)
{
	static struct machine m = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct err e = { "" };

	signal(SIGPIPE, SIG_IGN);
	vm_config_init(&m.cfg);
	if (vm_config_parse_args(&m.cfg, argc, argv, &e) || create(&m, &e) || run(&m, &e)) {
		fprintf(stderr, "holm-bench-kvm: %s\n", e.msg);
		return 1;
	}
	fprintf(stderr, "holm-bench-kvm: the guest powered off\n");
	return 0;
}
