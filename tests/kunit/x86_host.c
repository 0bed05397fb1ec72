// SPDX-License-Identifier: GPL-2.0-only
/* Made-up hosts: see x86_host.h. */
#include "../../kmod/backend.h"
#include "../../kmod/x86/x86.h"
#include "x86_host.h"

struct test_leaf {
	u32 function;
	u32 index;
	u32 regs[4];
};

#define ALL	0xffffffff
#define ALL4	{ ALL, ALL, ALL, ALL }

/* "GenuineIntel" and "AuthenticAMD" in EBX, ECX, EDX */
#define INTEL	0x756e6547, 0x6c65746e, 0x49656e69
#define AMD	0x68747541, 0x444d4163, 0x69746e65

#define XSAVE_LEAVES						\
	{ 0xd, 0, { 0x2e7, 0xa88, 0xa88, 0 } },			\
	{ 0xd, 1, { 0x1f, 0x9c0, 0x1900, 0 } },			\
	{ 0xd, 2, { 256, 576, 0, 0 } },				\
	{ 0xd, 5, { 64, 1088, 0, 0 } },				\
	{ 0xd, 6, { 512, 1152, 2, 0 } },			\
	{ 0xd, 7, { 1024, 1664, 2, 0 } },			\
	{ 0xd, 9, { 8, 2688, 0, 0 } }

static const struct test_leaf intel_leaves[] = {
	{ 0, 0, { 0x20, INTEL } },
	{ 1, 0, { 0x000806f8, 0x12ff0800, ALL, ALL } },
	{ 2, 0, ALL4 },
	{ 4, 0, { 0xfc1fc121, 0x02c0003f, 0x3f, 0 } },
	{ 4, 1, { 0xfc1fc143, 0x01c0003f, 0x3f, 0 } },
	{ 5, 0, ALL4 },
	{ 6, 0, ALL4 },
	{ 7, 0, { 2, ALL, ALL, ALL } },
	{ 7, 1, ALL4 },
	{ 7, 2, ALL4 },
	{ 0xa, 0, ALL4 },
	{ 0xb, 0, { 1, 2, 0x100, 0x77 } },
	{ 0xb, 1, { 7, 128, 0x201, 0x77 } },
	XSAVE_LEAVES,
	{ 0x14, 0, ALL4 },
	{ 0x15, 0, { 2, 200, 25000000, 0 } },
	{ 0x16, 0, { 0xff000a28, 0x1000, 0x64, ALL } },
	{ 0x1f, 0, { 1, 2, 0x100, 0x77 } },
	{ 0x40000000, 0, { 0x40000010, 0x7263694d, 0x666f736f, 0x76482074 } },
	{ 0x40000001, 0, ALL4 },
	{ 0x80000000, 0, { 0x80000008 } },
	{ 0x80000001, 0, { 0, 0, 0x121, 0x2c100800 } },
	{ 0x80000002, 0, ALL4 },
	{ 0x80000006, 0, ALL4 },
	{ 0x80000007, 0, ALL4 },
	{ 0x80000008, 0, { 0x392e, 0, 0, 0 } },		/* 57 linear, 46 physical */
};

static const struct test_leaf amd_leaves[] = {
	{ 0, 0, { 0x10, AMD } },
	{ 1, 0, { 0x00a20f12, 0x01100800, ALL, ALL } },
	{ 5, 0, ALL4 },
	{ 7, 0, { 0, ALL, ALL, ALL } },
	{ 0xb, 0, { 1, 2, 0x100, 0x77 } },
	XSAVE_LEAVES,
	{ 0x80000000, 0, { 0x80000023, AMD } },
	{ 0x80000001, 0, { 0x00a20f12, ALL, ALL, ALL } },
	{ 0x80000007, 0, ALL4 },
	{ 0x80000008, 0, { 0x3030, ALL, 0x700f, ALL } },
	{ 0x8000000a, 0, ALL4 },
	{ 0x8000001d, 0, { 0xfc1fc121, 0x01c0003f, 0x3f, 0 } },
	{ 0x8000001e, 0, { 0x77, 0x103, 0x100, 0 } },
	{ 0x8000001f, 0, ALL4 },
	{ 0x80000021, 0, ALL4 },
};

static const struct test_leaf old_leaves[] = {
	{ 0, 0, { 2, INTEL } },
	{ 1, 0, { 0x000106a5, 0x00100800, ALL, ALL } },
	{ 0x80000000, 0, { 0x80000008 } },
	{ 0x80000001, 0, { 0, 0, 1, ALL } },
	{ 0x80000008, 0, { 0x3024, 0, 0, 0 } },
};

struct test_leaves {
	const struct test_leaf *leaf;
	unsigned int n;
};

static const struct test_leaves intel = { intel_leaves, ARRAY_SIZE(intel_leaves) };
static const struct test_leaves amd = { amd_leaves, ARRAY_SIZE(amd_leaves) };
static const struct test_leaves old = { old_leaves, ARRAY_SIZE(old_leaves) };

static void read_leaf(const struct holm_cpuid_host *host, u32 function, u32 index, u32 regs[4])
{
	const struct test_leaves *leaves = host->data;
	unsigned int i;

	memset(regs, 0, 4 * sizeof(regs[0]));
	for (i = 0; i < leaves->n; i++)
		if (leaves->leaf[i].function == function && leaves->leaf[i].index == index)
			memcpy(regs, leaves->leaf[i].regs, 4 * sizeof(regs[0]));
}

const struct holm_cpuid_host holm_test_intel = {
	.read = read_leaf, .data = &intel, .xcr0 = 0x2e7, .phys_bits = 46,
};

const struct holm_cpuid_host holm_test_amd = {
	.read = read_leaf, .data = &amd, .xcr0 = 0x2e7, .phys_bits = 52,
};

const struct holm_cpuid_host holm_test_old = {
	.read = read_leaf, .data = &old, .phys_bits = 48,
};

void holm_test_show(struct kunit *test, struct holm_vcpu *vcpu,
		    const struct holm_cpuid_host *host)
{
	struct holm_cpuid_entry *table;

	table = kunit_kcalloc(test, HOLM_MAX_CPUID_ENTRIES, sizeof(*table), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, table);
	vcpu->cpuid = table;
	vcpu->cpuid_nent = holm_cpuid_policy_apply(host, table, HOLM_MAX_CPUID_ENTRIES);
	holm_cpuid_model(vcpu);
	/* The machine that runs the test need not have as much. */
	vcpu->xcr0_supported = holm_cpuid_policy_xcr0(host);
}

struct holm_vcpu *holm_test_vcpu(struct kunit *test, const struct holm_cpuid_host *host)
{
	struct holm_vm *vm;

	if (holm_hw_get()) {
		KUNIT_FAIL(test, "virtualization cannot be switched on");
		return NULL;
	}
	vm = holm_test_vm(test, 1);
	if (!vm) {
		holm_hw_put();
		return NULL;
	}
	holm_test_show(test, vm->vcpus[0], host);
	holm_backend->vcpu_reset(vm->vcpus[0]);
	holm_state_reset(vm->vcpus[0], false);
	vm->vcpus[0]->xcr0_supported = holm_cpuid_policy_xcr0(host);
	return vm->vcpus[0];
}

void holm_test_vcpu_end(struct holm_vcpu *vcpu)
{
	if (!vcpu)
		return;
	holm_test_vm_end(vcpu->vm);
	holm_hw_put();
}
