/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VM of KVM with one vCPU; LAPIC, PIC, I/O APIC and PIT in the kernel. */
#ifndef HOLM_BENCH_BOOT_KVM_H
#define HOLM_BENCH_BOOT_KVM_H

#include <stdbool.h>

#include "boot/boot.h"
#include "bus.h"
#include "err.h"
#include "gmem.h"

/**
 * struct kvm - the VM
 * @dev, @vm, @vcpu: descriptors
 * @run: the vCPU's shared page
 */
struct kvm {
	int dev;
	int vm;
	int vcpu;
	struct kvm_run *run;
};

/* The VM with @gmem and its vCPU. 0, or -1 with @e set; the process is to end then. */
int kvm_create(struct kvm *k, const struct gmem *gmem, struct err *e);

/* The state in which the vCPU starts. 0, or -1 with @e set. */
int kvm_set_entry(struct kvm *k, const struct boot_entry *entry, struct err *e);

/* Drive ISA line @n; any thread. */
void kvm_irq_line(struct kvm *k, unsigned int n, bool level);

/* Run until *@end, which accesses to @bus set. 0, or -1 with @e set. */
int kvm_run_until(struct kvm *k, struct bus *bus, const bool *end, struct err *e);

#endif
