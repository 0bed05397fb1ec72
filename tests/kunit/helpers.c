// SPDX-License-Identifier: GPL-2.0-only
/* Bare objects: see helpers.h. */
#include "../../kmod/x86/lapic_regs.h"
#include "../../kmod/x86/cpuid.h"
#include "../../kmod/x86/x86.h"
#include "helpers.h"

static struct holm_cpuid_entry test_cpuid[] = {
	{
		.function = 1,
		.ecx = BIT(21) | BIT(24),	/* x2APIC, TSC deadline */
		.edx = BIT(9),			/* APIC */
	},
};

static struct holm_vcpu *test_vcpu(struct kunit *test, struct holm_vm *vm, u32 apic_id)
{
	struct holm_vcpu *vcpu = kunit_kzalloc(test, sizeof(*vcpu), GFP_KERNEL);
	struct holm_fake_vcpu *fake = kunit_kzalloc(test, sizeof(*fake), GFP_KERNEL);

	if (!vcpu || !fake)
		return NULL;
	fake->event.type = HOLM_EVENT_NONE;
	vcpu->backend_data = fake;
	vcpu->vm = vm;
	vcpu->apic_id = apic_id;
	vcpu->index = apic_id;
	mutex_init(&vcpu->lock);
	spin_lock_init(&vcpu->pid_lock);
	init_swait_queue_head(&vcpu->wait);
	vcpu->cpu = -1;
	vcpu->loaded_cpu = -1;
	vcpu->exception.type = HOLM_EVENT_NONE;
	vcpu->interrupted.type = HOLM_EVENT_NONE;
	vcpu->st_valid = HOLM_ST_ALL;
	vcpu->cpuid = test_cpuid;
	vcpu->cpuid_nent = ARRAY_SIZE(test_cpuid);
	holm_cpuid_model(vcpu);
	if (holm_xstate_create(vcpu))
		return NULL;
	if (holm_lapic_create(vcpu)) {
		holm_xstate_destroy(vcpu);
		return NULL;
	}
	return vcpu;
}

struct holm_vm *holm_test_vm(struct kunit *test, unsigned int nr)
{
	struct holm_vm *vm = kunit_kzalloc(test, sizeof(*vm), GFP_KERNEL);
	unsigned int i;

	KUNIT_EXPECT_NOT_NULL(test, vm);
	if (!vm)
		return NULL;
	holm_pv_vm_init(vm);
	holm_tsc_vm_init(&vm->tsc);
	for (i = 0; i < nr; i++) {
		struct holm_vcpu *vcpu = test_vcpu(test, vm, i);

		KUNIT_EXPECT_NOT_NULL(test, vcpu);
		if (!vcpu) {
			holm_test_vm_end(vm);
			return NULL;
		}
		vm->vcpus[i] = vcpu;
		smp_store_release(&vm->by_apic_id[i], vcpu);
		smp_store_release(&vm->nr_vcpus, i + 1);
	}
	return vm;
}

void holm_test_load(struct kunit *test, struct holm_vcpu *vcpu)
{
	int err = holm_vcpu_load(vcpu);

	KUNIT_ASSERT_EQ(test, err, 0);
}

void holm_test_vm_end(struct holm_vm *vm)
{
	unsigned int i;

	if (!vm)
		return;
	holm_pv_vm_end(vm);
	for (i = 0; i < vm->nr_vcpus; i++) {
		holm_lapic_destroy(vm->vcpus[i]);
		holm_xstate_destroy(vm->vcpus[i]);
	}
}

u32 holm_apic_read(struct kunit *test, struct holm_vcpu *vcpu, u32 offset)
{
	u32 value = 0;

	KUNIT_EXPECT_EQ(test, holm_lapic_mmio_read(vcpu, offset, &value), 0);
	return value;
}

int holm_apic_write(struct kunit *test, struct holm_vcpu *vcpu, u32 offset, u32 value)
{
	int eoi;

	KUNIT_EXPECT_EQ(test, holm_lapic_mmio_write(vcpu, offset, value, &eoi), 0);
	return eoi;
}

void holm_apic_enable(struct kunit *test, struct holm_vcpu *vcpu)
{
	holm_apic_write(test, vcpu, APIC_SPIV, APIC_SPIV_APIC_ENABLED | 0xff);
}
