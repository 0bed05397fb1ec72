// SPDX-License-Identifier: GPL-2.0-only
/* The scripted backend: see fake.h. */
#include <linux/slab.h>

#include "../backend.h"
#include "../exits.h"
#include "../trace.h"
#include "../x86/x86.h"
#include "fake.h"

#define FAKE_PHYS_BITS	46

bool holm_fake_owned;
atomic_t holm_fake_cpus = ATOMIC_INIT(0);

static const u32 fake_msrs[] = {
	0x174, 0x175, 0x176,				/* SYSENTER_* */
	0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084,	/* STAR .. FMASK */
	0xc0000102,					/* KERNEL_GS_BASE */
};

static int fake_setup(void)
{
	holm_tsc_scaling = (struct holm_tsc_scaling) { .frac_bits = 32, .int_bits = 8 };
	return 0;
}

static void fake_teardown(void)
{
}

static void fake_caps(struct holm_caps *caps)
{
	caps->backend = HOLM_BACKEND_FAKE;
	caps->phys_bits = FAKE_PHYS_BITS;
}

static int fake_cpu_set(bool on)
{
	if (on && READ_ONCE(holm_fake_owned))
		return -EBUSY;
	atomic_add(on ? 1 : -1, &holm_fake_cpus);
	return 0;
}

static int fake_vm_init(struct holm_vm *vm)
{
	vm->ple.gap = HOLM_FAKE_PLE_GAP;
	vm->ple.window = HOLM_FAKE_PLE_WINDOW;
	vm->ple.max = U16_MAX;
	vm->backend_data = kzalloc(1, GFP_KERNEL_ACCOUNT);
	return vm->backend_data ? 0 : -ENOMEM;
}

static void fake_vm_destroy(struct holm_vm *vm)
{
	kfree(vm->backend_data);
}

static int fake_vcpu_create(struct holm_vcpu *vcpu)
{
	vcpu->backend_data = kzalloc(sizeof(struct holm_fake_vcpu), GFP_KERNEL_ACCOUNT);
	return vcpu->backend_data ? 0 : -ENOMEM;
}

static void fake_vcpu_destroy(struct holm_vcpu *vcpu)
{
	WARN_ON_ONCE(holm_fake(vcpu)->loads);
	kfree(vcpu->backend_data);
}

static void fake_vcpu_reset(struct holm_vcpu *vcpu)
{
	struct holm_fake_vcpu *fake = holm_fake(vcpu);
	unsigned int i;

	fake->event.type = HOLM_EVENT_NONE;
	for (i = 0; i < ARRAY_SIZE(fake_msrs); i++)
		fake->msrs[i].index = fake_msrs[i];
}

static void fake_model_changed(struct holm_vcpu *vcpu)
{
	holm_fake(vcpu)->model_changes++;
}

static void fake_vcpu_load(struct holm_vcpu *vcpu, int cpu)
{
	WARN_ON_ONCE(holm_fake(vcpu)->loads++);
	vcpu->loaded_cpu = cpu;
}

static void fake_vcpu_put(struct holm_vcpu *vcpu)
{
	WARN_ON_ONCE(--holm_fake(vcpu)->loads);
}

static void fake_state_get(struct holm_vcpu *vcpu, u32 parts)
{
	struct holm_fake_vcpu *fake = holm_fake(vcpu);

	WARN_ON_ONCE(!fake->loads);
	if (parts & HOLM_ST_RIP) {
		vcpu->regs.rip = fake->regs.rip;
		vcpu->regs.rflags = fake->regs.rflags;
		vcpu->regs.gpr[HOLM_RSP] = fake->regs.gpr[HOLM_RSP];
	}
	if (parts & HOLM_ST_SEG)
		memcpy(vcpu->sregs.seg, fake->sregs.seg, sizeof(vcpu->sregs.seg));
	if (parts & HOLM_ST_MODE) {
		const struct holm_segment *seg = fake->sregs.seg;

		vcpu->cpl = (seg[HOLM_SEG_SS].attrib & HOLM_SEG_DPL) >> HOLM_SEG_DPL_SHIFT;
		vcpu->code64 = holm_is_long_mode(fake->sregs.efer) &&
			       seg[HOLM_SEG_CS].attrib & HOLM_SEG_L;
	}
	if (parts & HOLM_ST_DT) {
		vcpu->sregs.gdt = fake->sregs.gdt;
		vcpu->sregs.idt = fake->sregs.idt;
	}
	if (parts & HOLM_ST_CR) {
		vcpu->sregs.cr0 = fake->sregs.cr0;
		vcpu->sregs.cr2 = fake->sregs.cr2;
		vcpu->sregs.cr3 = fake->sregs.cr3;
		vcpu->sregs.cr4 = fake->sregs.cr4;
		vcpu->sregs.efer = fake->sregs.efer;
	}
	if (parts & HOLM_ST_DR)
		vcpu->dregs = fake->dregs;
	if (parts & HOLM_ST_SHADOW) {
		vcpu->intr_shadow = fake->shadow;
		vcpu->nmi_masked = fake->nmi_masked;
	}
}

static void fake_state_set(struct holm_vcpu *vcpu, u32 parts)
{
	struct holm_fake_vcpu *fake = holm_fake(vcpu);

	WARN_ON_ONCE(!fake->loads);
	if (parts & HOLM_ST_RIP) {
		fake->regs.rip = vcpu->regs.rip;
		fake->regs.rflags = vcpu->regs.rflags;
		fake->regs.gpr[HOLM_RSP] = vcpu->regs.gpr[HOLM_RSP];
	}
	if (parts & HOLM_ST_SEG)
		memcpy(fake->sregs.seg, vcpu->sregs.seg, sizeof(vcpu->sregs.seg));
	if (parts & HOLM_ST_DT) {
		fake->sregs.gdt = vcpu->sregs.gdt;
		fake->sregs.idt = vcpu->sregs.idt;
	}
	if (parts & HOLM_ST_CR) {
		fake->sregs.cr0 = vcpu->sregs.cr0;
		fake->sregs.cr2 = vcpu->sregs.cr2;
		fake->sregs.cr3 = vcpu->sregs.cr3;
		fake->sregs.cr4 = vcpu->sregs.cr4;
		fake->sregs.efer = vcpu->sregs.efer;
	}
	if (parts & HOLM_ST_DR)
		fake->dregs = vcpu->dregs;
	if (parts & HOLM_ST_SHADOW) {
		fake->shadow = vcpu->intr_shadow;
		fake->nmi_masked = vcpu->nmi_masked;
	}
}

static struct holm_fake_msr *fake_msr(struct holm_vcpu *vcpu, u32 index)
{
	struct holm_fake_vcpu *fake = holm_fake(vcpu);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fake_msrs); i++)
		if (fake->msrs[i].index == index)
			return &fake->msrs[i];
	return NULL;
}

static int fake_msr_get(struct holm_vcpu *vcpu, u32 index, u64 *value)
{
	struct holm_fake_msr *msr = fake_msr(vcpu, index);

	if (!msr)
		return -ENOENT;
	*value = msr->value;
	return 0;
}

static int fake_msr_set(struct holm_vcpu *vcpu, u32 index, u64 value)
{
	struct holm_fake_msr *msr = fake_msr(vcpu, index);

	if (!msr)
		return -ENOENT;
	msr->value = value;
	return 0;
}

static void fake_inject(struct holm_vcpu *vcpu, const struct holm_event *event)
{
	struct holm_fake_vcpu *fake = holm_fake(vcpu);

	WARN_ON_ONCE(fake->event.type != HOLM_EVENT_NONE);
	fake->event = *event;
}

static void fake_open_window(struct holm_vcpu *vcpu, u32 windows)
{
	holm_fake(vcpu)->windows = windows;
}

static void fake_tsc_changed(struct holm_vcpu *vcpu)
{
}

static void fake_flush_tlb(struct holm_vcpu *vcpu)
{
	holm_fake(vcpu)->flushes++;
}

static void fake_deliver(struct holm_fake_vcpu *fake)
{
	if (fake->event.type == HOLM_EVENT_NONE)
		return;
	if (fake->event.type == HOLM_EVENT_NMI)
		fake->nmi_masked = true;
	if (fake->nr_injected < HOLM_FAKE_LOG)
		fake->injected[fake->nr_injected] = fake->event;
	fake->nr_injected++;
	fake->event.type = HOLM_EVENT_NONE;
}

static void fake_run(struct holm_vcpu *vcpu)
{
	struct holm_fake_vcpu *fake = holm_fake(vcpu);
	const struct holm_fake_step *step;

	WARN_ON_ONCE(!irqs_disabled() || !fake->loads);
	if (vcpu->st_dirty)
		fake_state_set(vcpu, vcpu->st_dirty);
	vcpu->st_dirty = 0;
	vcpu->st_valid = 0;
	fake->entries++;
	fake_deliver(fake);

	vcpu->next_rip = fake->regs.rip;
	if (fake->pos >= fake->nr_steps)
		return;
	step = &fake->script[fake->pos];
	if (step->guest)
		step->guest(vcpu, fake);
	vcpu->next_rip = fake->regs.rip + step->insn_len;
}

static enum holm_next fake_handle_exit(struct holm_vcpu *vcpu)
{
	struct holm_fake_vcpu *fake = holm_fake(vcpu);
	const struct holm_fake_step *step;
	u64 past = fake->pos;

	WARN_ON_ONCE(irqs_disabled() || preemptible());
	if (fake->pos >= fake->nr_steps)	/* the script is over */
		return holm_exit_internal(vcpu, HOLM_INTERNAL_UNEXPECTED_EXIT, 1, &past);
	step = &fake->script[fake->pos++];
	trace_holm_exit(vcpu, step->reason, past, fake->regs.rip, 0, 0);
	return step->exit ? step->exit(vcpu) : HOLM_NEXT_ENTER;
}

static enum holm_exit_reason fake_exit_reason(struct holm_vcpu *vcpu)
{
	const struct holm_fake_vcpu *fake = holm_fake(vcpu);

	return fake->pos < fake->nr_steps ? fake->script[fake->pos].reason :
					    HOLM_EXIT_REASON_OTHER;
}

const struct holm_backend holm_fake_backend = {
	.name = "fake",
	.format = &holm_format_npt,
	.setup = fake_setup,
	.teardown = fake_teardown,
	.caps = fake_caps,
	.cpu_set = fake_cpu_set,
	.vm_init = fake_vm_init,
	.vm_destroy = fake_vm_destroy,
	.vcpu_create = fake_vcpu_create,
	.vcpu_destroy = fake_vcpu_destroy,
	.vcpu_reset = fake_vcpu_reset,
	.model_changed = fake_model_changed,
	.vcpu_load = fake_vcpu_load,
	.vcpu_put = fake_vcpu_put,
	.run = fake_run,
	.handle_exit = fake_handle_exit,
	.exit_reason = fake_exit_reason,
	.state_get = fake_state_get,
	.state_set = fake_state_set,
	.msr_get = fake_msr_get,
	.msr_set = fake_msr_set,
	.inject = fake_inject,
	.open_window = fake_open_window,
	.tsc_changed = fake_tsc_changed,
	.flush_tlb = fake_flush_tlb,
};
