// SPDX-License-Identifier: GPL-2.0-only
/*
 * Paravirtualization: see pv.h.
 */
#include <linux/ktime.h>
#include <linux/timekeeping.h>

#include "../holm.h"
#include "cpuid.h"
#include "msr.h"
#include "pv.h"

/* "KVMKVMKVM\0\0\0" in EBX, ECX, EDX */
#define SIGNATURE_EBX	0x4b4d564b
#define SIGNATURE_ECX	0x564b4d56
#define SIGNATURE_EDX	0x0000004d

/* A page that is bound to a CPU is written again after this, or when it moves. */
#define CLOCK_REFRESH_NS	NSEC_PER_SEC

int holm_pv_setup(void)
{
	int err = holm_pv_async_setup();

	if (!err)
		holm_pv_clock_setup();
	return err;
}

void holm_pv_teardown(void)
{
	holm_pv_clock_teardown();
	holm_pv_async_teardown();
}

void holm_pv_vm_init(struct holm_vm *vm)
{
	holm_pv_clock_init(&vm->pv);
}

void holm_pv_vm_end(struct holm_vm *vm)
{
	holm_pv_clock_end(&vm->pv);
}

void holm_pv_reset(struct holm_vcpu *vcpu)
{
	struct holm_pv *pv = &vcpu->pv;

	WRITE_ONCE(pv->system_time, 0);
	WRITE_ONCE(pv->work, 0);
	pv->clock_cpu = -1;
	pv->steal_time = 0;
	pv->preempted = false;
	pv->eoi = 0;
	pv->eoi_offered = false;
	pv->eoi_unknown = false;
	pv->poll_control = HOLM_PV_POLL;
	WRITE_ONCE(pv->unhalted, false);
	holm_pv_async_drop(vcpu);
	pv->async = (struct holm_pv_async) { .id = pv->async.id };
}

void holm_pv_model(struct holm_vcpu *vcpu)
{
	const struct holm_cpuid_entry *id, *features;

	id = holm_cpuid_find(vcpu, CPUID_LEAF_HYPERVISOR, 0);
	features = holm_cpuid_find(vcpu, CPUID_LEAF_PARAVIRT, 0);
	vcpu->pv.features = 0;
	if (id && features && id->ebx == SIGNATURE_EBX && id->ecx == SIGNATURE_ECX &&
	    id->edx == SIGNATURE_EDX)
		vcpu->pv.features = features->eax;
}

void holm_pv_request(struct holm_vcpu *vcpu, unsigned int work)
{
	set_bit(work, &vcpu->pv.work);
	/* The request is seen after what it stands for. */
	smp_mb__after_atomic();
	holm_vcpu_request(vcpu, HOLM_REQ_PV);
}

void holm_pv_request_own(struct holm_vcpu *vcpu, unsigned int work)
{
	set_bit(work, &vcpu->pv.work);
	set_bit(HOLM_REQ_PV, &vcpu->requests);
}

/* The machine slept, and the guest with it. */
static bool has_slept(const struct holm_pv *pv)
{
	return pv->clock_epoch != READ_ONCE(holm_pv_epoch);
}

static bool clock_is_old(const struct holm_pv *pv)
{
	return pv->clock_cpu >= 0 &&
	       (pv->clock_cpu != raw_smp_processor_id() ||
		ktime_get_boottime_ns() - pv->clock_ns > CLOCK_REFRESH_NS);
}

void holm_pv_update(struct holm_vcpu *vcpu)
{
	struct holm_pv *pv = &vcpu->pv;
	bool stopped;

	if (unlikely(pv->eoi_unknown))
		holm_pv_eoi_end(vcpu);
	/* A full barrier: work that is noted later comes with a new request. */
	if (test_and_clear_bit(HOLM_REQ_PV, &vcpu->requests)) {
		stopped = test_and_clear_bit(HOLM_PV_STOPPED, &pv->work);
		if (test_and_clear_bit(HOLM_PV_CLOCK, &pv->work) || stopped)
			holm_pv_write_clock(vcpu, stopped);
		if (test_and_clear_bit(HOLM_PV_WALL_CLOCK, &pv->work))
			holm_pv_write_wall(vcpu->vm);
		if (test_and_clear_bit(HOLM_PV_READY, &pv->work))
			pv->async.retry = true;
		if (test_and_clear_bit(HOLM_PV_EOI, &pv->work) && pv->eoi_offered)
			holm_pv_eoi_end(vcpu);
	}
	if (unlikely(pv->async.retry))
		holm_pv_async_ready(vcpu);
	if (pv->system_time & KVM_MSR_ENABLED && unlikely(has_slept(pv) || clock_is_old(pv)))
		holm_pv_write_clock(vcpu, false);
}

/* ---- MSRs ----------------------------------------------------------------- */

int holm_pv_read_wall_clock(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	a->value = READ_ONCE(vcpu->vm->pv.wall_clock);
	return 0;
}

/* By the launcher: what the guest's memory says is part of its memory. */
int holm_pv_write_wall_clock(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	if (a->check)
		return 0;
	WRITE_ONCE(vcpu->vm->pv.wall_clock, a->value);
	if (!a->host)
		holm_pv_request_own(vcpu, HOLM_PV_WALL_CLOCK);
	return 0;
}

int holm_pv_write_system_time(struct holm_vcpu *vcpu, struct holm_msr_access *a)
{
	if (a->check)
		return 0;
	/* A guest that begins to use it did not stand still while it does. */
	if (!(vcpu->pv.system_time & KVM_MSR_ENABLED))
		vcpu->pv.clock_epoch = READ_ONCE(holm_pv_epoch);
	WRITE_ONCE(vcpu->pv.system_time, a->value);
	holm_pv_request_own(vcpu, HOLM_PV_CLOCK);
	return 0;
}
