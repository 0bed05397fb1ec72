/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Made-up hosts for tests of the vCPU model, and a vCPU that is shown one of
 * them.
 */
#ifndef HOLM_KUNIT_X86_HOST_H
#define HOLM_KUNIT_X86_HOST_H

#include <kunit/test.h>

#include "../../kmod/x86/cpuid.h"
#include "helpers.h"

/* A CPU with every bit of every feature register set; AVX-512; 46 address bits. */
extern const struct holm_cpuid_host holm_test_intel;
/* The same of the other vendor: extended leaves, 48 address bits. */
extern const struct holm_cpuid_host holm_test_amd;
/* A CPU without XSAVE and with basic leaves up to 2 only. */
extern const struct holm_cpuid_host holm_test_old;

/**
 * holm_test_vcpu() - vCPU 0 of a VM, after RESET, that shows what @host supports
 * @test: the memory belongs to it
 * @host: whose supported table it gets
 *
 * Virtualization is "on" (the fake's) until holm_test_vcpu_end(). NULL after a
 * failed expectation.
 */
struct holm_vcpu *holm_test_vcpu(struct kunit *test, const struct holm_cpuid_host *host);
void holm_test_vcpu_end(struct holm_vcpu *vcpu);

/* The vCPU gets @host's supported table. */
void holm_test_show(struct kunit *test, struct holm_vcpu *vcpu,
		    const struct holm_cpuid_host *host);

#endif /* HOLM_KUNIT_X86_HOST_H */
