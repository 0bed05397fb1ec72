// SPDX-License-Identifier: GPL-2.0-only
/* Paravirtualization: hypercalls, EOI without exit, steal time. */
#include <linux/fs.h>
#include <linux/kvm_para.h>
#include <linux/mman.h>
#include <linux/sched.h>
#include <linux/shmem_fs.h>
#include <linux/uaccess.h>
#include <asm/kvm_para.h>

#include "../../kmod/exits.h"
#include "../../kmod/x86/cr.h"
#include "../../kmod/x86/lapic_regs.h"
#include "../../kmod/x86/x86.h"
#include "helpers.h"
#include "pv_rig.h"
#include "suites.h"

#define STEAL_GPA	0x7000ULL
#define EOI_GPA		0x8004ULL

#define RFLAGS_IF	BIT(9)

/* ---- hypercalls: bare vCPUs ------------------------------------------------- */

static int calls_init(struct kunit *test)
{
	struct holm_vm *vm = holm_test_vm(test, 4);
	unsigned int i;

	test->priv = vm;
	if (!vm)
		return -ENOMEM;
	for (i = 0; i < 4; i++) {
		vm->vcpus[i]->pv.features = HOLM_PV_FEATURES;
		holm_apic_enable(test, vm->vcpus[i]);
	}
	return 0;
}

static void calls_exit(struct kunit *test)
{
	holm_test_vm_end(test->priv);
}

static s64 hypercall(struct kunit *test, bool wide, u64 nr, u64 a0, u64 a1, u64 a2, u64 a3)
{
	struct holm_vm *vm = test->priv;
	u64 *gpr = vm->vcpus[0]->regs.gpr;

	gpr[HOLM_RAX] = nr;
	gpr[HOLM_RBX] = a0;
	gpr[HOLM_RCX] = a1;
	gpr[HOLM_RDX] = a2;
	gpr[HOLM_RSI] = a3;
	return holm_pv_hypercall(vm->vcpus[0], wide);
}

/* vCPUs that have @vector requested, as bits; takes it away again. */
static unsigned int requested(struct kunit *test, u8 vector)
{
	struct holm_vm *vm = test->priv;
	unsigned int i, got = 0;

	for (i = 0; i < vm->nr_vcpus; i++)
		if (test_and_clear_bit(vector, vm->vcpus[i]->lapic->irr))
			got |= BIT(i);
	return got;
}

static void test_send_ipi(struct kunit *test)
{
	static const struct {
		const char *name;
		bool wide;
		u64 low, high, first, icr;
		s64 result;
		unsigned int targets;
	} rows[] = {
		{ "one", true, 1, 0, 2, 0x55, 1, 0x4 },
		{ "itself as well", true, 0xf, 0, 0, 0x55, 4, 0xf },
		{ "some that are not there", true, ~0ULL, ~0ULL, 0, 0x55, 4, 0xf },
		{ "from the third", true, ~0ULL, ~0ULL, 2, 0x55, 2, 0xc },
		{ "second word", true, 0, ~0ULL, 0, 0x55, 0, 0 },
		{ "second word of 32 bits", false, 0, 1, 0, 0x55, 0, 0 },
		{ "upper halves do not count", false, 0xff00000001ULL, 0xff00000000ULL,
		  0x500000001ULL, 0x55, 1, 0x2 },
		{ "beyond all", true, ~0ULL, ~0ULL, HOLM_MAX_VCPUS, 0x55, 0, 0 },
		{ "far beyond", true, ~0ULL, ~0ULL, ~0ULL, 0x55, 0, 0 },
		{ "the last ID", true, ~0ULL, ~0ULL, HOLM_MAX_VCPUS - 1, 0x55, 0, 0 },
		{ "nobody", true, 0, 0, 0, 0x55, 0, 0 },
		{ "lowest priority", true, 2, 0, 0, 0x155, 1, 0x2 },
		{ "an illegal vector", true, 2, 0, 0, 0x05, 0, 0 },
		{ "logical", true, 1, 0, 0, 0x855, -KVM_EINVAL, 0 },
		{ "shorthand", true, 1, 0, 0, 0x80055, -KVM_EINVAL, 0 },
		{ "a destination", true, 1, 0, 0, 0x100000055ULL, -KVM_EINVAL, 0 },
		{ "INIT", true, 2, 0, 0, 0x500, -KVM_EINVAL, 0 },
		{ "start-up", true, 2, 0, 0, 0x610, -KVM_EINVAL, 0 },
		{ "SMI", true, 2, 0, 0, 0x200, -KVM_EINVAL, 0 },
	};
	struct holm_vm *vm = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		KUNIT_EXPECT_EQ_MSG(test, hypercall(test, rows[i].wide, KVM_HC_SEND_IPI, rows[i].low,
						    rows[i].high, rows[i].first, rows[i].icr),
				    rows[i].result, "%s", rows[i].name);
		KUNIT_EXPECT_EQ_MSG(test, requested(test, 0x55), rows[i].targets, "%s", rows[i].name);
		KUNIT_EXPECT_NULL(test, vm->vcpus[0]->slow);
	}
	KUNIT_EXPECT_EQ(test, vm->vcpus[1]->lapic->messages, 0UL);
	KUNIT_EXPECT_EQ(test, hypercall(test, true, KVM_HC_SEND_IPI, 0xa, 0, 0, 0x400), 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&vm->vcpus[1]->nmi_pending), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&vm->vcpus[2]->nmi_pending), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&vm->vcpus[3]->nmi_pending), 1);
}

static void test_kick(struct kunit *test)
{
	struct holm_vm *vm = test->priv;
	struct holm_vcpu *target = vm->vcpus[2];

	KUNIT_EXPECT_EQ(test, hypercall(test, true, KVM_HC_KICK_CPU, 0, 2, 0, 0), 0);
	KUNIT_EXPECT_TRUE(test, holm_has_wake_event(target));
	KUNIT_EXPECT_FALSE(test, holm_has_wake_event(vm->vcpus[1]));
	/* Start-up IPIs are all that it waits for. */
	target->mp_state = HOLM_MP_WAIT_FOR_SIPI;
	KUNIT_EXPECT_FALSE(test, holm_has_wake_event(target));
	target->mp_state = HOLM_MP_HALTED;
	/* Once. */
	KUNIT_EXPECT_TRUE(test, holm_pv_unhalt(target));
	KUNIT_EXPECT_FALSE(test, holm_pv_unhalt(target));
	KUNIT_EXPECT_FALSE(test, holm_has_wake_event(target));

	KUNIT_EXPECT_EQ(test, hypercall(test, true, KVM_HC_KICK_CPU, 0, 4, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, hypercall(test, true, KVM_HC_KICK_CPU, 0, ~0ULL, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, hypercall(test, false, KVM_HC_KICK_CPU, 0, 3 | 1ULL << 40, 0, 0), 0);
	KUNIT_EXPECT_TRUE(test, holm_pv_unhalt(vm->vcpus[3]));
}

static void test_yield(struct kunit *test)
{
	static const u64 ids[] = { 0, 1, 3, 4, HOLM_MAX_VCPUS, ~0ULL };
	struct holm_vm *vm = test->priv;
	struct holm_vcpu *vcpu = vm->vcpus[0];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		KUNIT_EXPECT_EQ(test, hypercall(test, true, KVM_HC_SCHED_YIELD, ids[i], 0, 0, 0), 0);
		KUNIT_ASSERT_NOT_NULL(test, vcpu->slow);
		KUNIT_EXPECT_EQ(test, vcpu->slow(vcpu), (int)HOLM_NEXT_ENTER);
	}
}

/* A number exists with its feature. */
static void test_features(struct kunit *test)
{
	static const struct {
		u64 nr;
		u32 features;
	} rows[] = {
		{ KVM_HC_VAPIC_POLL_IRQ, ~0U },
		{ KVM_HC_KICK_CPU, BIT(KVM_FEATURE_PV_UNHALT) },
		{ KVM_HC_SEND_IPI, BIT(KVM_FEATURE_PV_SEND_IPI) },
		{ KVM_HC_SCHED_YIELD, BIT(KVM_FEATURE_PV_SCHED_YIELD) },
		{ KVM_HC_MMU_OP, 0 }, { KVM_HC_CLOCK_PAIRING, 0 }, { KVM_HC_MAP_GPA_RANGE, 0 },
		{ 0, 0 }, { 1234, 0 }, { ~0ULL, 0 }, { KVM_HC_SEND_IPI | 1ULL << 32, 0 },
	};
	struct holm_vm *vm = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		vm->vcpus[0]->pv.features = rows[i].features;
		KUNIT_EXPECT_EQ_MSG(test, hypercall(test, true, rows[i].nr, 0, 0, 0, 0x55),
				    rows[i].features ? 0 : -(s64)KVM_ENOSYS, "number %llu", rows[i].nr);
		vm->vcpus[0]->pv.features = ~rows[i].features;
		KUNIT_EXPECT_EQ_MSG(test, hypercall(test, true, rows[i].nr, 0, 0, 0, 0x55),
				    -(s64)KVM_ENOSYS, "number %llu", rows[i].nr);
	}
}

/* ---- EOI without exit ------------------------------------------------------- */

static u32 eoi_word(struct holm_env *env)
{
	u32 word = 0;

	pv_peek(env, EOI_GPA, &word, sizeof(word));
	return word;
}

static void set_eoi_word(struct holm_env *env, u32 word)
{
	pv_poke(env, EOI_GPA, &word, sizeof(word));
}

static void guest_sti(struct holm_vcpu *vcpu, struct holm_fake_vcpu *fake)
{
	fake->regs.rflags |= RFLAGS_IF;
}

/* What the guest sees in the word as it runs. */
static u32 seen;

static void guest_look(struct holm_vcpu *vcpu, struct holm_fake_vcpu *fake)
{
	fake->regs.rflags |= RFLAGS_IF;
	if (holm_guest_read_atomic(vcpu->vm, EOI_GPA, &seen, sizeof(seen)))
		seen = ~0U;
}

/* As an interrupt handler: test and clear. */
static void guest_clear(struct holm_vcpu *vcpu, struct holm_fake_vcpu *fake)
{
	u32 __user *word = holm_guest_uaddr(vcpu->vm, EOI_GPA, sizeof(*word), true);

	guest_look(vcpu, fake);
	pagefault_disable();
	if (__put_user(0U, word))
		seen = ~0U;
	pagefault_enable();
}

static enum holm_next exit_port(struct holm_vcpu *vcpu)
{
	return holm_exit_io(vcpu, 0x80, 1, 0);
}

#define STEP(g, e)	{ .guest = (g), .exit = (e), .insn_len = 1 }
#define RUN(env, ...) do {							\
	static const struct holm_fake_step script__[] = { __VA_ARGS__ };	\
	holm_env_script(env, script__, ARRAY_SIZE(script__));			\
	KUNIT_EXPECT_EQ(test, holm_env_ioctl_raw((env)->vcpu_file, HOLM_RUN, 0), 0L); \
} while (0)

static void eoi_setup(struct kunit *test, struct holm_env *env)
{
	set_eoi_word(env, 0);
	holm_apic_enable(test, env->vcpu);
	KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_PV_EOI_EN, EOI_GPA | 1), 0);
	RUN(env, STEP(guest_sti, NULL), STEP(NULL, exit_port));
	env->fake->nr_injected = 0;
}

static bool in_service(struct holm_env *env, u8 vector)
{
	return test_bit(vector, env->vcpu->lapic->isr);
}

static void eoi_taken(struct kunit *test, struct holm_env *env)
{
	eoi_setup(test, env);
	holm_lapic_accept(env->vcpu, 0, 0x51, false);
	RUN(env, STEP(guest_clear, NULL), STEP(guest_look, exit_port));
	KUNIT_EXPECT_EQ(test, env->fake->nr_injected, 1U);
	KUNIT_EXPECT_EQ(test, seen, 0U);	/* nothing offered any more */
	KUNIT_EXPECT_FALSE(test, in_service(env, 0x51));
	KUNIT_EXPECT_EQ(test, holm_lapic_get_cr8(env->vcpu), 0ULL);
	KUNIT_EXPECT_FALSE(test, env->vcpu->pv.eoi_offered);

	/* It was offered. */
	holm_lapic_accept(env->vcpu, 0, 0x51, false);
	RUN(env, STEP(guest_look, NULL), STEP(NULL, exit_port));
	KUNIT_EXPECT_EQ(test, seen, 1U);
	/* The launcher came in between: then the EOI is by the register. */
	KUNIT_EXPECT_TRUE(test, in_service(env, 0x51));
	KUNIT_EXPECT_EQ(test, eoi_word(env), 0U);
	KUNIT_EXPECT_FALSE(test, env->vcpu->pv.eoi_offered);
	holm_apic_write(test, env->vcpu, APIC_EOI, 0);
	KUNIT_EXPECT_FALSE(test, in_service(env, 0x51));
}

/* Level-triggered, or another one waits: the exit is needed. */
static void eoi_not_offered(struct kunit *test, struct holm_env *env)
{
	eoi_setup(test, env);
	holm_lapic_accept(env->vcpu, 0, 0x51, true);
	RUN(env, STEP(guest_look, NULL), STEP(NULL, exit_port));
	KUNIT_EXPECT_EQ(test, seen, 0U);
	KUNIT_EXPECT_EQ(test, holm_apic_write(test, env->vcpu, APIC_EOI, 0), 0x51);

	holm_lapic_accept(env->vcpu, 0, 0x51, false);
	holm_lapic_accept(env->vcpu, 0, 0x41, false);
	RUN(env, STEP(guest_look, NULL), STEP(NULL, exit_port));
	KUNIT_EXPECT_EQ(test, seen, 0U);
	KUNIT_EXPECT_TRUE(test, in_service(env, 0x51));
	KUNIT_EXPECT_FALSE(test, in_service(env, 0x41));
}

/* The CPU takes over at the entry, and has to be told when the interrupt ends. */
static void eoi_virtual(struct kunit *test, struct holm_env *env)
{
	eoi_setup(test, env);
	env->vcpu->lapic->virt_mode = env->vcpu->lapic->base & HOLM_APIC_BASE_MODE;
	holm_lapic_accept(env->vcpu, 0, 0x51, false);
	RUN(env, STEP(guest_look, NULL), STEP(NULL, exit_port));
	KUNIT_EXPECT_EQ(test, seen, 0U);
	KUNIT_EXPECT_TRUE(test, in_service(env, 0x51));
}

static void guest_low_arrives(struct holm_vcpu *vcpu, struct holm_fake_vcpu *fake)
{
	guest_look(vcpu, fake);
	holm_lapic_accept(vcpu, 0, 0x41, false);
}

static void guest_high_arrives(struct holm_vcpu *vcpu, struct holm_fake_vcpu *fake)
{
	guest_look(vcpu, fake);
	holm_lapic_accept(vcpu, 0, 0x61, false);
}

static void eoi_withdrawn(struct kunit *test, struct holm_env *env)
{
	eoi_setup(test, env);
	holm_lapic_accept(env->vcpu, 0, 0x51, false);
	RUN(env, STEP(guest_low_arrives, NULL), STEP(guest_look, NULL), STEP(NULL, exit_port));
	KUNIT_EXPECT_EQ(test, seen, 0U);
	KUNIT_EXPECT_TRUE(test, in_service(env, 0x51));
	KUNIT_EXPECT_EQ(test, env->fake->nr_injected, 1U);
	holm_apic_write(test, env->vcpu, APIC_EOI, 0);
	RUN(env, STEP(guest_clear, NULL), STEP(NULL, exit_port));
	KUNIT_EXPECT_EQ(test, env->fake->nr_injected, 2U);
	KUNIT_EXPECT_FALSE(test, in_service(env, 0x41));
}

/* Nested: the offer is the higher one's, the lower one's EOI is by the register. */
static void eoi_nested(struct kunit *test, struct holm_env *env)
{
	eoi_setup(test, env);
	holm_lapic_accept(env->vcpu, 0, 0x51, false);
	RUN(env, STEP(guest_high_arrives, NULL), STEP(guest_clear, NULL), STEP(guest_look, exit_port));
	KUNIT_EXPECT_EQ(test, env->fake->nr_injected, 2U);
	KUNIT_EXPECT_EQ(test, seen, 0U);
	KUNIT_EXPECT_FALSE(test, in_service(env, 0x61));
	KUNIT_EXPECT_TRUE(test, in_service(env, 0x51));
	holm_apic_write(test, env->vcpu, APIC_EOI, 0);
	KUNIT_EXPECT_FALSE(test, in_service(env, 0x51));
}

/* The word is taken away while the guest runs with an offer. */
static void guest_lose_word(struct holm_vcpu *vcpu, struct holm_fake_vcpu *fake)
{
	guest_look(vcpu, fake);
	vcpu->pv.eoi_gpa = ENV_RAM + PAGE_SIZE;
}

static void guest_word_is_back(struct holm_vcpu *vcpu, struct holm_fake_vcpu *fake)
{
	vcpu->pv.eoi_gpa = EOI_GPA;
}

static void eoi_unknown(struct kunit *test, struct holm_env *env)
{
	eoi_setup(test, env);
	holm_lapic_accept(env->vcpu, 0, 0x51, false);
	RUN(env, STEP(guest_lose_word, NULL), STEP(guest_word_is_back, NULL), STEP(NULL, exit_port));
	KUNIT_EXPECT_EQ(test, seen, 1U);
	KUNIT_EXPECT_FALSE(test, env->vcpu->pv.eoi_offered);
	KUNIT_EXPECT_FALSE(test, env->vcpu->pv.eoi_unknown);
	/* It could not be read: the guest has not answered. */
	KUNIT_EXPECT_TRUE(test, in_service(env, 0x51));

	/* Unknown, and the guest writes the register: two are ended. */
	holm_lapic_accept(env->vcpu, 0, 0x61, false);
	RUN(env, STEP(guest_look, exit_port));
	KUNIT_EXPECT_TRUE(test, in_service(env, 0x61));
	env->vcpu->pv.eoi_offered = true;
	env->vcpu->pv.eoi_unknown = true;
	holm_apic_write(test, env->vcpu, APIC_EOI, 0);
	KUNIT_EXPECT_FALSE(test, in_service(env, 0x61));
	KUNIT_EXPECT_FALSE(test, in_service(env, 0x51));
	KUNIT_EXPECT_FALSE(test, env->vcpu->pv.eoi_offered);
}

/* Two in service, one above the other: the offer is the second one's. */
static void eoi_two_in_service(struct kunit *test, struct holm_env *env)
{
	eoi_setup(test, env);
	holm_lapic_accept(env->vcpu, 0, 0x51, false);
	RUN(env, STEP(guest_look, exit_port));
	holm_lapic_accept(env->vcpu, 0, 0x61, false);
	RUN(env, STEP(guest_look, exit_port));
	KUNIT_EXPECT_TRUE(test, in_service(env, 0x51));
	KUNIT_EXPECT_TRUE(test, in_service(env, 0x61));
	env->vcpu->pv.eoi_offered = true;
}

/* Not readable at one look, cleared at the next: one EOI. */
static void eoi_known_late(struct kunit *test, struct holm_env *env)
{
	struct holm_pv *pv = &env->vcpu->pv;

	eoi_two_in_service(test, env);
	set_eoi_word(env, 0);
	pv->eoi_gpa = ENV_RAM + PAGE_SIZE;
	holm_pv_eoi_exit(env->vcpu);
	KUNIT_EXPECT_TRUE(test, pv->eoi_unknown);
	KUNIT_EXPECT_TRUE(test, in_service(env, 0x61));
	pv->eoi_gpa = EOI_GPA;
	holm_pv_eoi_exit(env->vcpu);
	KUNIT_EXPECT_FALSE(test, pv->eoi_unknown);
	KUNIT_EXPECT_FALSE(test, pv->eoi_offered);
	KUNIT_EXPECT_FALSE(test, in_service(env, 0x61));
	KUNIT_EXPECT_TRUE(test, in_service(env, 0x51));
}

static void guest_other_word(struct holm_vcpu *vcpu, struct holm_fake_vcpu *fake)
{
	guest_look(vcpu, fake);
	vcpu->regs.gpr[HOLM_RCX] = MSR_KVM_PV_EOI_EN;
	vcpu->regs.gpr[HOLM_RAX] = (EOI_GPA + 8) | 1;
	vcpu->regs.gpr[HOLM_RDX] = 0;
}

/* The guest takes another word: the offer in the old one ends there. */
static void eoi_moves(struct kunit *test, struct holm_env *env)
{
	struct holm_pv *pv = &env->vcpu->pv;

	eoi_setup(test, env);
	holm_lapic_accept(env->vcpu, 0, 0x51, false);
	RUN(env, STEP(guest_other_word, holm_exit_wrmsr), STEP(guest_look, NULL),
	    STEP(NULL, exit_port));
	KUNIT_EXPECT_EQ(test, env->fake->nr_injected, 1U);
	KUNIT_EXPECT_EQ(test, seen, 0U);
	KUNIT_EXPECT_FALSE(test, pv->eoi_offered);
	KUNIT_EXPECT_TRUE(test, in_service(env, 0x51));
	holm_apic_write(test, env->vcpu, APIC_EOI, 0);
	KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_PV_EOI_EN, EOI_GPA | 1), 0);

	/* So does one whose word could not be read: the new one says nothing of it. */
	eoi_two_in_service(test, env);
	set_eoi_word(env, KVM_PV_EOI_ENABLED);
	pv->eoi_unknown = true;
	pv_wrmsr(env, MSR_KVM_PV_EOI_EN, (EOI_GPA + 8) | 1);
	KUNIT_EXPECT_FALSE(test, pv->eoi_unknown);
	KUNIT_EXPECT_FALSE(test, pv->eoi_offered);
	KUNIT_EXPECT_EQ(test, eoi_word(env), 0U);
	KUNIT_EXPECT_TRUE(test, in_service(env, 0x51));
	KUNIT_EXPECT_TRUE(test, in_service(env, 0x61));
}

/*
 * The word's page as a copy that is still to be made: it can be read, and written
 * only where one may sleep. As after a fork, or merged with others.
 */
static void share_word(struct kunit *test, struct holm_env *env, u32 word)
{
	unsigned long page = env->ram + (EOI_GPA & PAGE_MASK);
	struct file *file = shmem_file_setup("word", PAGE_SIZE, 0);
	loff_t pos = EOI_GPA & ~PAGE_MASK;

	KUNIT_EXPECT_FALSE(test, IS_ERR(file));
	if (IS_ERR(file))
		return;
	KUNIT_EXPECT_EQ(test, kernel_write(file, &word, sizeof(word), &pos), (ssize_t)sizeof(word));
	KUNIT_EXPECT_EQ(test, vm_mmap(file, page, PAGE_SIZE, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_FIXED, 0), page);
	fput(file);
	KUNIT_EXPECT_EQ(test, eoi_word(env), word);	/* and it is there */
}

static void eoi_in_shared_page(struct kunit *test, struct holm_env *env)
{
	struct holm_pv *pv = &env->vcpu->pv;

	eoi_two_in_service(test, env);
	share_word(test, env, KVM_PV_EOI_ENABLED);
	/* One that has to be injected at the EOI. */
	holm_lapic_accept(env->vcpu, 0, 0x41, false);
	RUN(env, STEP(guest_look, NULL), STEP(guest_look, NULL), STEP(NULL, exit_port));
	KUNIT_EXPECT_EQ(test, seen, 0U);
	KUNIT_EXPECT_FALSE(test, pv->eoi_offered);
	KUNIT_EXPECT_TRUE(test, in_service(env, 0x61));
}

/* ---- steal time ------------------------------------------------------------- */

static struct kvm_steal_time steal_area(struct holm_env *env)
{
	struct kvm_steal_time area = {};

	pv_peek(env, STEAL_GPA, &area, sizeof(area));
	return area;
}

/* As if the scheduler had let this thread wait. */
static void add_run_delay(u64 ns)
{
#ifdef CONFIG_SCHED_INFO
	current->sched_info.run_delay += ns;
#endif
}

static void steal_adds(struct kunit *test, struct holm_env *env)
{
	struct kvm_steal_time area = { .version = 7, .steal = 1000, .preempted = 1 };

	if (!IS_ENABLED(CONFIG_SCHED_INFO))
		return;
	pv_poke(env, STEAL_GPA, &area, sizeof(area));
	KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_STEAL_TIME, STEAL_GPA | 1), 0);
	area = steal_area(env);
	/* What was before is not stolen; the mark of another run goes. */
	KUNIT_EXPECT_EQ(test, area.steal, 1000ULL);
	KUNIT_EXPECT_EQ(test, area.preempted, 0);

	/* The thread has waited meanwhile. */
	add_run_delay(5000000);
	KUNIT_EXPECT_EQ(test, pv_exit(env), 0L);
	area = steal_area(env);
	KUNIT_EXPECT_GE(test, area.steal, 1000ULL + 5000000);
	KUNIT_EXPECT_EQ(test, area.version & 1, 0U);
	KUNIT_EXPECT_NE(test, area.version, 7U);

	/* Another thread's past is its own. */
	add_run_delay(5000000);
	env->vcpu->pv.steal_thread = env;
	KUNIT_EXPECT_EQ(test, pv_exit(env), 0L);
	KUNIT_EXPECT_EQ(test, steal_area(env).steal, area.steal);
}

static void steal_mark(struct kunit *test, struct holm_env *env)
{
	struct kvm_steal_time area;
	unsigned int flushes;

	KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_STEAL_TIME, STEAL_GPA | 1), 0);
	holm_pv_preempted(env->vcpu);
	area = steal_area(env);
	KUNIT_EXPECT_EQ(test, area.preempted, (u8)KVM_VCPU_PREEMPTED);
	flushes = env->fake->flushes;
	KUNIT_EXPECT_EQ(test, pv_exit(env), 0L);
	KUNIT_EXPECT_EQ(test, steal_area(env).preempted, 0);
	KUNIT_EXPECT_EQ(test, env->fake->flushes, flushes);

	/* Another vCPU leaves a flush to us. */
	holm_pv_preempted(env->vcpu);
	area.preempted = KVM_VCPU_PREEMPTED | KVM_VCPU_FLUSH_TLB;
	pv_poke(env, STEAL_GPA, &area, sizeof(area));
	KUNIT_EXPECT_EQ(test, pv_exit(env), 0L);
	KUNIT_EXPECT_EQ(test, steal_area(env).preempted, 0);
	KUNIT_EXPECT_EQ(test, env->fake->flushes, flushes + 1);

	/* Not while the launcher completes an instruction. */
	KUNIT_EXPECT_FALSE(test, env->vcpu->pv.preempted);
	KUNIT_EXPECT_EQ(test, steal_area(env).preempted, 0);

	/* Memory that is not there. */
	KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_STEAL_TIME, ENV_RAM | 1), 0);
	holm_pv_preempted(env->vcpu);
	KUNIT_EXPECT_EQ(test, pv_exit(env), 0L);
}

/* HLT marks it; what wakes it takes the mark away. */
static void guest_need_resched(struct holm_vcpu *vcpu, struct holm_fake_vcpu *fake)
{
	set_tsk_need_resched(current);
	set_preempt_need_resched();
}

static u8 mark_seen;

static void guest_mark(struct holm_vcpu *vcpu, struct holm_fake_vcpu *fake)
{
	struct kvm_steal_time area = { .preempted = 0x55 };

	holm_guest_read_atomic(vcpu->vm, STEAL_GPA, &area, sizeof(area));
	mark_seen = area.preempted;
}

static void steal_resched(struct kunit *test, struct holm_env *env)
{
	u32 before;

	KUNIT_EXPECT_EQ(test, pv_wrmsr(env, MSR_KVM_STEAL_TIME, STEAL_GPA | 1), 0);
	before = env->vcpu->stats.exits;
	RUN(env, STEP(guest_need_resched, NULL), STEP(guest_mark, NULL), STEP(NULL, exit_port));
	KUNIT_EXPECT_EQ(test, mark_seen, 0);
	KUNIT_EXPECT_GT(test, (u32)env->vcpu->stats.exits, before + 2);
	KUNIT_EXPECT_FALSE(test, env->vcpu->pv.preempted);
}

/* ---- wake-up through HLT ----------------------------------------------------- */

static void guest_kicked(struct holm_vcpu *vcpu, struct holm_fake_vcpu *fake)
{
	fake->regs.rflags &= ~RFLAGS_IF;
	WRITE_ONCE(vcpu->pv.unhalted, true);
}

static void halt_kicked(struct kunit *test, struct holm_env *env)
{
	struct holm_events events = {};

	/* The wake-up came before HLT, with interrupts off. */
	RUN(env, STEP(guest_kicked, holm_exit_hlt), STEP(NULL, exit_port));
	KUNIT_EXPECT_EQ(test, env->run->exit_reason, (u32)HOLM_EXIT_IO);
	KUNIT_EXPECT_FALSE(test, env->vcpu->pv.unhalted);

	/* While it was halted: as restored from a state. */
	env->vcpu->mp_state = HOLM_MP_HALTED;
	KUNIT_EXPECT_EQ(test, holm_env_state(env, false, HOLM_STATE_EVENTS, &events,
					     sizeof(events)), 0L);
	KUNIT_EXPECT_EQ(test, events.flags & HOLM_EVENTS_UNHALT, 0U);
	events.flags |= HOLM_EVENTS_UNHALT;
	KUNIT_EXPECT_EQ(test, holm_env_state(env, true, HOLM_STATE_EVENTS, &events,
					     sizeof(events)), 0L);
	events.flags = 0;
	KUNIT_EXPECT_EQ(test, holm_env_state(env, false, HOLM_STATE_EVENTS, &events,
					     sizeof(events)), 0L);
	KUNIT_EXPECT_EQ(test, events.flags & HOLM_EVENTS_UNHALT, HOLM_EVENTS_UNHALT);
	KUNIT_EXPECT_EQ(test, pv_exit(env), 0L);
	KUNIT_EXPECT_EQ(test, env->vcpu->mp_state, (u32)HOLM_MP_RUNNABLE);
	KUNIT_EXPECT_FALSE(test, env->vcpu->pv.unhalted);
}

/* ---- the suite -------------------------------------------------------------- */

static const struct holm_env_case cases[] = {
	{ "EOI is taken", eoi_taken },
	{ "EOI is not offered", eoi_not_offered },
	{ "no PV EOI where the CPU delivers", eoi_virtual },
	{ "EOI is withdrawn", eoi_withdrawn },
	{ "EOI, nested", eoi_nested },
	{ "EOI in memory that is gone", eoi_unknown },
	{ "EOI that is known late", eoi_known_late },
	{ "EOI word that moves", eoi_moves },
	{ "EOI in a page that is shared", eoi_in_shared_page },
	{ "steal time", steal_adds },
	{ "preempted mark and TLB flush", steal_mark },
	{ "preempted by need_resched", steal_resched },
	{ "HLT and wake-up", halt_kicked },
};

KUNIT_ARRAY_PARAM(pv_calls, cases, holm_env_case_desc);

static void test_pv_memory(struct kunit *test)
{
	holm_env_run_case(test);
}

static struct kunit_case pv_calls_suite_cases[] = {
	KUNIT_CASE(test_send_ipi),
	KUNIT_CASE(test_kick),
	KUNIT_CASE(test_yield),
	KUNIT_CASE(test_features),
	KUNIT_CASE_PARAM(test_pv_memory, pv_calls_gen_params),
	{}
};

struct kunit_suite holm_pv_calls_suite = {
	.name = "holm-pv-calls",
	.init = calls_init,
	.exit = calls_exit,
	.test_cases = pv_calls_suite_cases,
};
