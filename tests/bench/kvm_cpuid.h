/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOLM_BENCH_KVM_CPUID_H
#define HOLM_BENCH_KVM_CPUID_H

/**
 * bench_kvm_cpuid() - give a vCPU all that KVM supports
 * @dev: /dev/kvm
 * @vcpu: descriptor
 *
 * Return: 0, or -1 with errno set.
 */
int bench_kvm_cpuid(int dev, int vcpu);

#endif
