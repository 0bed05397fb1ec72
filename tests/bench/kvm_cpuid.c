// SPDX-License-Identifier: GPL-2.0-or-later
/* What CPUs KVM's guests see: for all clients of it here. */
#include <linux/kvm.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "kvm_cpuid.h"

#define MAX_CPUID	128

/* CPUID leaf 1, ECX. KVM leaves both to its client. */
#define TSC_DEADLINE	(1U << 24)
#define HYPERVISOR	(1U << 31)

int bench_kvm_cpuid(int dev, int vcpu)
{
	struct kvm_cpuid2 *cpuid;
	unsigned int i;
	int err;

	cpuid = calloc(1, sizeof(*cpuid) + MAX_CPUID * sizeof(cpuid->entries[0]));
	if (!cpuid)
		return -1;
	cpuid->nent = MAX_CPUID;
	err = ioctl(dev, KVM_GET_SUPPORTED_CPUID, cpuid);
	for (i = 0; !err && i < cpuid->nent; i++)
		if (cpuid->entries[i].function == 1)
			cpuid->entries[i].ecx |= TSC_DEADLINE | HYPERVISOR;
	if (!err)
		err = ioctl(vcpu, KVM_SET_CPUID2, cpuid);
	free(cpuid);
	return err;
}
