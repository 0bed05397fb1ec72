/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one seam between the core and a way to run guests (VMX, SVM, the fake).
 *
 * The core never names a vendor; a backend never looks at a run page, a file
 * descriptor or a slot.
 */
#ifndef HOLM_BACKEND_H
#define HOLM_BACKEND_H

#include <linux/types.h>

struct holm_caps;
struct holm_event;
struct holm_mmu_format;
struct holm_vcpu;
struct holm_vm;

#define HOLM_WINDOW_IRQ	BIT(0)
#define HOLM_WINDOW_NMI	BIT(1)

/**
 * struct holm_backend - what the core asks of the hardware
 * @name: "vmx", "svm", "fake"
 * @format: how second-level page-table entries look; valid after @setup
 *
 * @setup: at load, may sleep: check the CPU for all that is needed, compute
 *	control bits, allocate what every CPU needs. 0 or -errno (-ENODEV when
 *	the CPU is another vendor's, without a message; -EOPNOTSUPP with a
 *	message that says what is missing and where to enable it).
 * @teardown: undo @setup; no CPU is enabled.
 * @caps: fill in the backend's part of a holm_caps (backend, features,
 *	phys_bits, mitigations).
 *
 * @cpu_set: on this CPU, IRQs off: turn virtualization on, -EBUSY when somebody
 *	else has it on, and then nothing was changed; or off again, also from the
 *	crash path: no-op where this backend did not turn it on, and cannot fail.
 *
 * @vm_init: vm->backend_data, may sleep.
 * @vm_destroy: undo.
 *
 * @vcpu_create: vcpu->backend_data, may sleep. The core calls @vcpu_reset
 *	next.
 * @vcpu_destroy: undo; the vCPU is on no CPU any more (@vcpu_put was done).
 * @vcpu_reset: constant control state; guest state comes through @state_set.
 *	May sleep.
 * @model_changed: the CPUID table, XCR0 or another part of the vCPU model
 *	changed: recompute intercepts. May sleep; vcpu->lock held.
 *
 * @vcpu_load: preemption off: make this CPU ready to run the vCPU (load the
 *	control structure, guest MSRs that stay loaded until @vcpu_put).
 *	vcpu->loaded_cpu is the CPU that still holds cached state, or -1.
 * @vcpu_put: preemption off, same CPU: host state back. The control structure
 *	may stay cached: @vcpu_load on another CPU, or @cpu_set, or
 *	@vcpu_destroy, clears it where it is.
 * @run: IRQs off, loaded: give dirty parts (vcpu->st_dirty) to hardware,
 *	enter the guest, come back with the parts invalid (st_valid = 0) but
 *	GPRs stored, IRQs still off; the interrupted event (IDT vectoring) put
 *	in vcpu->interrupted or, for an exception, vcpu->exception. Host
 *	interrupts and NMIs that caused the exit are handled here or as soon
 *	as IRQs go on. Exits that take little time may be answered here, with
 *	IRQs off, and the guest be entered again where holm_enter_again()
 *	allows it (enter.h).
 * @handle_exit: IRQs on, preemption off, loaded, must not sleep or take a
 *	lock another context holds while sleeping: look at the exit and answer
 *	it, mostly through kmod/exits.h; or say what @run answered.
 * @exit_reason: after @run, IRQs still off: why it returned, for statistics.
 *
 * @state_get: fetch parts (HOLM_ST_*) into vcpu->regs, ->sregs, ->dregs,
 *	->intr_shadow, ->nmi_masked, ->cpl, ->code64. Loaded (preemption off).
 * @state_set: give parts back. Loaded (preemption off), IRQs on or off. The
 *	values were checked by the core.
 * @msr_get, @msr_set: an MSR that the hardware holds for the guest (SYSENTER,
 *	STAR, LSTAR, CSTAR, FMASK, KERNEL_GS_BASE, PAT, DEBUGCTL ...; FS_BASE,
 *	GS_BASE and EFER go through parts). -ENOENT when it is not one of
 *	those. Loaded. @msr_set also gets MSRs whose value the core keeps but
 *	hardware must know: PAT, TSC_AUX, SPEC_CTRL.
 *
 * @inject: write the event to be delivered at the next entry. Loaded.
 * @open_window: HOLM_WINDOW_*: exit as soon as the guest can take an
 *	interrupt or an NMI; 0 closes both. Loaded.
 * @tsc_changed: vcpu->tsc_offset changed. Loaded.
 * @flush_tlb: no second-level or combined translation of this vCPU is used
 *	after the next entry. Loaded.
 */
struct holm_backend {
	const char *name;
	const struct holm_mmu_format *format;

	int (*setup)(void);
	void (*teardown)(void);
	void (*caps)(struct holm_caps *caps);
	int (*cpu_set)(bool on);

	int (*vm_init)(struct holm_vm *vm);
	void (*vm_destroy)(struct holm_vm *vm);

	int (*vcpu_create)(struct holm_vcpu *vcpu);
	void (*vcpu_destroy)(struct holm_vcpu *vcpu);
	void (*vcpu_reset)(struct holm_vcpu *vcpu);
	void (*model_changed)(struct holm_vcpu *vcpu);

	void (*vcpu_load)(struct holm_vcpu *vcpu, int cpu);
	void (*vcpu_put)(struct holm_vcpu *vcpu);
	void (*run)(struct holm_vcpu *vcpu);
	enum holm_next (*handle_exit)(struct holm_vcpu *vcpu);
	enum holm_exit_reason (*exit_reason)(struct holm_vcpu *vcpu);

	void (*state_get)(struct holm_vcpu *vcpu, u32 parts);
	void (*state_set)(struct holm_vcpu *vcpu, u32 parts);
	int (*msr_get)(struct holm_vcpu *vcpu, u32 index, u64 *value);
	int (*msr_set)(struct holm_vcpu *vcpu, u32 index, u64 value);

	void (*inject)(struct holm_vcpu *vcpu, const struct holm_event *event);
	void (*open_window)(struct holm_vcpu *vcpu, u32 windows);
	void (*tsc_changed)(struct holm_vcpu *vcpu);
	void (*flush_tlb)(struct holm_vcpu *vcpu);
};

extern const struct holm_backend holm_vmx_backend;
extern const struct holm_backend holm_svm_backend;
extern const struct holm_backend holm_fake_backend;

#endif /* HOLM_BACKEND_H */
