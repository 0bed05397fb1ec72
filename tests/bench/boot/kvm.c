// SPDX-License-Identifier: GPL-2.0-or-later
/* KVM's side of the boot: see kvm.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "../kvm_cpuid.h"
#include "irq.h"
#include "kvm.h"

/* Three pages that guests leave alone, for CPUs without unrestricted guests. */
#define TSS_ADDR	0xfffbd000UL

#define IOAPIC_PINS	24
#define PIN_IRQ0	2	/* as the MADT says */

static int fails(int ret, const char *what, struct err *e)
{
	return ret < 0 ? err_set_errno(e, "KVM: %s", what) : 0;
}

/* ISA line n reaches PIC input n and I/O APIC pin n, line 0 pin 2: irq.h. */
static int set_routing(int vm, struct err *e)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry[ISA_IRQS + IOAPIC_PINS];
	} table = { .head.nr = 0 };
	struct kvm_irq_routing_entry *r = table.entry;
	unsigned int n;

	for (n = 0; n < IOAPIC_PINS; n++) {
		if (n == ISA_IRQ_CASCADE)
			continue;
		r->gsi = n;
		r->type = KVM_IRQ_ROUTING_IRQCHIP;
		r->u.irqchip.irqchip = KVM_IRQCHIP_IOAPIC;
		r++->u.irqchip.pin = n == ISA_IRQ_PIT ? PIN_IRQ0 : n;
		if (n >= ISA_IRQS)
			continue;
		r->gsi = n;
		r->type = KVM_IRQ_ROUTING_IRQCHIP;
		r->u.irqchip.irqchip = n < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE;
		r++->u.irqchip.pin = n % 8;
	}
	table.head.nr = r - table.entry;
	return fails(ioctl(vm, KVM_SET_GSI_ROUTING, &table), "KVM_SET_GSI_ROUTING", e);
}

static int create_vm(struct kvm *k, const struct gmem *gmem, struct err *e)
{
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
	unsigned int i;

	k->dev = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (k->dev < 0)
		return err_set_errno(e, "/dev/kvm");
	k->vm = ioctl(k->dev, KVM_CREATE_VM, 0);
	if (fails(k->vm, "KVM_CREATE_VM", e) ||
	    fails(ioctl(k->vm, KVM_SET_TSS_ADDR, TSS_ADDR), "KVM_SET_TSS_ADDR", e) ||
	    fails(ioctl(k->vm, KVM_CREATE_IRQCHIP), "KVM_CREATE_IRQCHIP", e) ||
	    fails(ioctl(k->vm, KVM_CREATE_PIT2, &pit), "KVM_CREATE_PIT2", e) ||
	    set_routing(k->vm, e))
		return -1;
	for (i = 0; i < gmem->nr_regions; i++) {
		struct kvm_userspace_memory_region region = {
			.slot = i,
			.guest_phys_addr = gmem->regions[i].gpa,
			.memory_size = gmem->regions[i].size,
			.userspace_addr = (uintptr_t)gmem->regions[i].hva,
		};

		if (fails(ioctl(k->vm, KVM_SET_USER_MEMORY_REGION, &region),
			  "KVM_SET_USER_MEMORY_REGION", e))
			return -1;
	}
	return 0;
}

int kvm_create(struct kvm *k, const struct gmem *gmem, struct err *e)
{
	int size;

	if (create_vm(k, gmem, e))
		return -1;
	k->vcpu = ioctl(k->vm, KVM_CREATE_VCPU, 0);
	if (fails(k->vcpu, "KVM_CREATE_VCPU", e) ||
	    fails(bench_kvm_cpuid(k->dev, k->vcpu), "KVM_SET_CPUID2", e))
		return -1;
	size = ioctl(k->dev, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (fails(size, "KVM_GET_VCPU_MMAP_SIZE", e))
		return -1;
	k->run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, k->vcpu, 0);
	return fails(k->run == MAP_FAILED ? -1 : 0, "mmap of the vCPU", e);
}

static struct kvm_segment segment(const struct boot_segment *s)
{
	return (struct kvm_segment) {
		.base = s->base, .limit = s->limit, .selector = s->selector, .type = s->type,
		.present = s->present, .dpl = s->dpl, .db = s->db, .s = s->s, .l = s->l,
		.g = s->g, .avl = s->avl, .unusable = !s->present,
	};
}

int kvm_set_entry(struct kvm *k, const struct boot_entry *b, struct err *e)
{
	struct kvm_regs regs = {
		.rax = b->rax, .rbx = b->rbx, .rcx = b->rcx, .rdx = b->rdx, .rsi = b->rsi,
		.rdi = b->rdi, .rbp = b->rbp, .rsp = b->rsp, .rip = b->rip, .rflags = b->rflags,
	};
	struct kvm_sregs sregs;

	if (fails(ioctl(k->vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS", e))
		return -1;
	sregs.cs = segment(&b->cs);
	sregs.ds = segment(&b->ds);
	sregs.es = segment(&b->es);
	sregs.fs = segment(&b->fs);
	sregs.gs = segment(&b->gs);
	sregs.ss = segment(&b->ss);
	sregs.tr = segment(&b->tr);
	sregs.ldt = segment(&b->ldt);
	sregs.gdt = (struct kvm_dtable) { .base = b->gdt.base, .limit = b->gdt.limit };
	sregs.idt = (struct kvm_dtable) { .base = b->idt.base, .limit = b->idt.limit };
	sregs.cr0 = b->cr0;
	sregs.cr3 = b->cr3;
	sregs.cr4 = b->cr4;
	sregs.efer = b->efer;
	if (fails(ioctl(k->vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS", e))
		return -1;
	return fails(ioctl(k->vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS", e);
}

void kvm_irq_line(struct kvm *k, unsigned int n, bool level)
{
	struct kvm_irq_level line = { .irq = n, .level = level };

	ioctl(k->vm, KVM_IRQ_LINE, &line);
}

/* An access of a string instruction comes with several elements. */
static void port_access(struct kvm_run *run, struct bus *bus)
{
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	uint64_t value = 0;
	uint32_t i;

	for (i = 0; i < run->io.count; i++, data += run->io.size) {
		if (run->io.direction == KVM_EXIT_IO_IN) {
			value = bus_read(bus, BUS_PIO, run->io.port, run->io.size);
			memcpy(data, &value, run->io.size);
		} else {
			memcpy(&value, data, run->io.size);
			bus_write(bus, BUS_PIO, run->io.port, run->io.size, value);
		}
	}
}

/* Also of 3, 5, 6 or 7 bytes, where an instruction crosses a page. */
static void mmio_access(struct kvm_run *run, struct bus *bus)
{
	uint32_t i;

	for (i = 0; i < run->mmio.len; i++) {
		uint64_t gpa = run->mmio.phys_addr + i;

		if (run->mmio.is_write)
			bus_write(bus, BUS_MMIO, gpa, 1, run->mmio.data[i]);
		else
			run->mmio.data[i] = bus_read(bus, BUS_MMIO, gpa, 1);
	}
}

int kvm_run_until(struct kvm *k, struct bus *bus, const bool *end, struct err *e)
{
	while (!*end) {
		if (ioctl(k->vcpu, KVM_RUN, 0)) {
			if (errno == EINTR)
				continue;
			return err_set_errno(e, "KVM_RUN");
		}
		switch (k->run->exit_reason) {
		case KVM_EXIT_IO:
			port_access(k->run, bus);
			break;
		case KVM_EXIT_MMIO:
			mmio_access(k->run, bus);
			break;
		case KVM_EXIT_SHUTDOWN:
			return err_set(e, "triple fault");
		default:
			return err_set(e, "KVM exit %u, suberror %u", k->run->exit_reason,
				       k->run->internal.suberror);
		}
	}
	return 0;
}
