/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bare objects for tests of one part: a VM without memory and descriptors, its
 * vCPUs with a LAPIC and on the fake backend. For whole VMs see env.h.
 */
#ifndef HOLM_KUNIT_HELPERS_H
#define HOLM_KUNIT_HELPERS_H

#include <kunit/test.h>

#include "../../kmod/fake/fake.h"
#include "../../kmod/holm.h"

/**
 * holm_test_vm() - a VM with vCPUs
 * @test: the memory belongs to it
 * @nr: vCPUs; APIC IDs are 0..@nr - 1
 *
 * The vCPUs are as after RESET, with CPUID.1 that shows x2APIC and the TSC
 * deadline timer; all register parts are valid and zero. Undone by
 * holm_test_vm_end(). NULL without memory, after a failed assertion.
 */
struct holm_vm *holm_test_vm(struct kunit *test, unsigned int nr);

/* holm_vcpu_load(), which must not fail. */
void holm_test_load(struct kunit *test, struct holm_vcpu *vcpu);

/* Stops what may still run; safe with NULL. */
void holm_test_vm_end(struct holm_vm *vm);

/* An xAPIC register; a write returns the EOI's vector or -1. */
u32 holm_apic_read(struct kunit *test, struct holm_vcpu *vcpu, u32 offset);
int holm_apic_write(struct kunit *test, struct holm_vcpu *vcpu, u32 offset, u32 value);

/* Software enable: SVR, by MMIO. */
void holm_apic_enable(struct kunit *test, struct holm_vcpu *vcpu);

#endif /* HOLM_KUNIT_HELPERS_H */
