// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A vCPU's thread: HOLM_RUN, and the answers to the exits that reach the
 * launcher.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "affinity.h"
#include "bus.h"
#include "cmd.h"
#include "config.h"
#include "devices/ioapic.h"
#include "devices/pic.h"
#include "evloop.h"
#include "machine.h"

#define SIG_KICK	SIGUSR1

/* The xAPIC page of an APIC that nobody moved (SDM vol. 3, 11.4.1). */
#define LAPIC_BASE	0xfee00000ULL
#define LAPIC_SIZE	0x1000ULL

/* The run page of this thread, for the signal handler. */
static __thread struct holm_run *thread_run;

static void on_kick(int sig)
{
	(void)sig;
	/* Closes the race between the test of m->stopping and the entry. */
	if (thread_run)
		thread_run->immediate_exit = 1;
}

int vcpu_setup_signal(struct err *e)
{
	struct sigaction sa = { .sa_handler = on_kick };

	sigemptyset(&sa.sa_mask);
	if (sigaction(SIG_KICK, &sa, NULL))
		return err_set_errno(e, "cannot install a signal handler");
	return 0;
}

void vcpu_kick(struct vcpu *v)
{
	if (v->started)
		pthread_kill(v->thread, SIG_KICK);
}

int vcpu_init(struct vcpu *v, struct machine *m, unsigned int index, struct err *e)
{
	int err;

	v->m = m;
	v->index = index;
	v->h.fd = -1;
	err = holm_vcpu_create(m->vm, topology_apic_id(&m->cfg->cpus, index), &v->h);
	if (err)
		return err_set(e, "cannot create vCPU %u: %s", index, strerror(-err));
	topology_cpuid(&m->cfg->cpus, index, m->cpuid, m->cpuid_nent);
	err = holm_vcpu_set_cpuid(&v->h, m->cpuid, m->cpuid_nent);
	if (err) {
		holm_vcpu_close(&v->h);
		return err_set(e, "the driver refuses the CPUID table of vCPU %u: %s", index,
			       strerror(-err));
	}
	return 0;
}

void vcpu_deinit(struct vcpu *v)
{
	holm_vcpu_close(&v->h);
}

static void set_segment(struct holm_segment *to, const struct boot_segment *from)
{
	*to = (struct holm_segment) {
		.base = from->base,
		.limit = from->limit,
		.selector = from->selector,
		.attrib = from->type | (from->s ? HOLM_SEG_S : 0) |
			  (uint32_t)from->dpl << HOLM_SEG_DPL_SHIFT |
			  (from->avl ? HOLM_SEG_AVL : 0) | (from->l ? HOLM_SEG_L : 0) |
			  (from->db ? HOLM_SEG_DB : 0) | (from->g ? HOLM_SEG_G : 0) |
			  (from->present ? HOLM_SEG_P : HOLM_SEG_UNUSABLE),
	};
}

int vcpu_set_entry(struct vcpu *v, const struct boot_entry *b, struct err *e)
{
	struct holm_sregs sregs;
	struct holm_regs regs = {
		.gpr = {
			[HOLM_RAX] = b->rax, [HOLM_RBX] = b->rbx, [HOLM_RCX] = b->rcx,
			[HOLM_RDX] = b->rdx, [HOLM_RSI] = b->rsi, [HOLM_RDI] = b->rdi,
			[HOLM_RBP] = b->rbp, [HOLM_RSP] = b->rsp,
		},
		.rip = b->rip,
		.rflags = b->rflags,
	};
	int err;

	err = holm_vcpu_get_state(&v->h, HOLM_STATE_SREGS, &sregs, sizeof(sregs));
	if (err)
		goto fail;
	set_segment(&sregs.seg[HOLM_SEG_CS], &b->cs);
	set_segment(&sregs.seg[HOLM_SEG_DS], &b->ds);
	set_segment(&sregs.seg[HOLM_SEG_ES], &b->es);
	set_segment(&sregs.seg[HOLM_SEG_FS], &b->fs);
	set_segment(&sregs.seg[HOLM_SEG_GS], &b->gs);
	set_segment(&sregs.seg[HOLM_SEG_SS], &b->ss);
	set_segment(&sregs.seg[HOLM_SEG_TR], &b->tr);
	set_segment(&sregs.seg[HOLM_SEG_LDTR], &b->ldt);
	sregs.gdt.base = b->gdt.base;
	sregs.gdt.limit = b->gdt.limit;
	sregs.idt.base = b->idt.base;
	sregs.idt.limit = b->idt.limit;
	sregs.cr0 = b->cr0;
	sregs.cr3 = b->cr3;
	sregs.cr4 = b->cr4;
	sregs.efer = b->efer;
	err = holm_vcpu_set_state(&v->h, HOLM_STATE_SREGS, &sregs, sizeof(sregs));
	if (!err)
		err = holm_vcpu_set_state(&v->h, HOLM_STATE_REGS, &regs, sizeof(regs));
	if (!err)
		return 0;
fail:
	return err_set(e, "the driver refuses the kernel's entry state: %s", strerror(-err));
}

/* ---- what an emulated instruction touches ---------------------------------- */

static bool emul_read_phys(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	struct vcpu *v = opaque;

	return gmem_read(&v->m->gmem, gpa, buf, len);
}

static bool emul_write_phys(void *opaque, uint64_t gpa, const void *buf, size_t len)
{
	struct vcpu *v = opaque;

	return gmem_write(&v->m->gmem, gpa, buf, len);
}

static bool compare_exchange_16(void *p, void *expected, const void *desired)
{
	uint64_t *old = expected, low, high;
	const uint64_t *new = desired;
	bool swapped;

	low = old[0];
	high = old[1];
	asm volatile("lock cmpxchg16b %[p]"
		     : [p] "+m" (*(unsigned __int128 *)p), "+a" (low), "+d" (high),
		       "=@ccz" (swapped)
		     : "b" (new[0]), "c" (new[1]) : "memory");
	old[0] = low;
	old[1] = high;
	return swapped;
}

static bool emul_compare_exchange(void *opaque, uint64_t gpa, unsigned int size,
				  void *expected, const void *desired)
{
	struct vcpu *v = opaque;
	void *p = gmem_ptr(&v->m->gmem, gpa, size);

	if (!p || gpa & (size - 1))
		return false;
	switch (size) {
	case 1:
		return __atomic_compare_exchange((uint8_t *)p, (uint8_t *)expected,
						 (uint8_t *)desired, false,
						 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	case 2:
		return __atomic_compare_exchange((uint16_t *)p, (uint16_t *)expected,
						 (uint16_t *)desired, false,
						 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	case 4:
		return __atomic_compare_exchange((uint32_t *)p, (uint32_t *)expected,
						 (uint32_t *)desired, false,
						 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	case 8:
		return __atomic_compare_exchange((uint64_t *)p, (uint64_t *)expected,
						 (uint64_t *)desired, false,
						 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	case 16:
		return compare_exchange_16(p, expected, desired);
	default:
		return false;
	}
}

static void broadcast_eoi(struct vcpu *v, uint8_t vector)
{
	evloop_lock(v->m->loop);
	ioapic_eoi(v->m->ioapic, vector);
	evloop_unlock(v->m->loop);
}

/* One 32-bit register of the xAPIC page (SDM vol. 3, 11.4.1: only aligned
 * 32-bit accesses are defined).
 */
static uint32_t lapic_access(struct vcpu *v, uint64_t gpa, bool write, uint32_t value)
{
	int eoi = holm_vcpu_lapic_access(&v->h, (gpa - LAPIC_BASE) & ~15U, write, &value);

	if (eoi < -1)
		return write ? 0 : UINT32_MAX;
	if (eoi >= 0)
		broadcast_eoi(v, eoi);
	return value;
}

static bool is_lapic(uint64_t gpa)
{
	return gpa >= LAPIC_BASE && gpa < LAPIC_BASE + LAPIC_SIZE;
}

static uint64_t emul_mmio_read(void *opaque, uint64_t gpa, unsigned int size)
{
	struct vcpu *v = opaque;

	if (is_lapic(gpa))
		return (uint64_t)lapic_access(v, gpa, false, 0) >> 8 * (gpa & 3);
	return bus_read(v->m->bus, BUS_MMIO, gpa, size);
}

static void emul_mmio_write(void *opaque, uint64_t gpa, unsigned int size, uint64_t value)
{
	struct vcpu *v = opaque;

	if (!is_lapic(gpa))
		bus_write(v->m->bus, BUS_MMIO, gpa, size, value);
	else if (!(gpa & 15) && size >= 4)
		lapic_access(v, gpa, true, value);
}

static uint64_t emul_pio_read(void *opaque, uint16_t port, unsigned int size)
{
	struct vcpu *v = opaque;

	return bus_read(v->m->bus, BUS_PIO, port, size);
}

static void emul_pio_write(void *opaque, uint16_t port, unsigned int size, uint64_t value)
{
	struct vcpu *v = opaque;

	bus_write(v->m->bus, BUS_PIO, port, size, value);
}

#define CPUID_EXT_FEATURES	0x80000001	/* EDX bit 26: 1-GByte pages */
#define CPUID_EXT_PAGE_1G	(1U << 26)
#define CPUID_ADDRESS_SIZES	0x80000008	/* EAX bits 7..0: physical */

/* What the guest was told: a CPU without these leaves has 36 bits (SDM vol. 3, 4.1.4). */
static void emul_paging(void *opaque, unsigned int *phys_bits, bool *page_1g)
{
	const struct machine *m = ((struct vcpu *)opaque)->m;
	unsigned int i;

	*phys_bits = 36;
	*page_1g = false;
	for (i = 0; i < m->cpuid_nent; i++) {
		if (m->cpuid[i].function == CPUID_EXT_FEATURES)
			*page_1g = m->cpuid[i].edx & CPUID_EXT_PAGE_1G;
		else if (m->cpuid[i].function == CPUID_ADDRESS_SIZES)
			*phys_bits = m->cpuid[i].eax & 0xff;
	}
}

static const struct holm_emul_ops emul_ops = {
	.read_phys = emul_read_phys,
	.write_phys = emul_write_phys,
	.mmio_read = emul_mmio_read,
	.mmio_write = emul_mmio_write,
	.pio_read = emul_pio_read,
	.pio_write = emul_pio_write,
	.compare_exchange = emul_compare_exchange,
	.paging = emul_paging,
};

/* ---- how a guest ends ------------------------------------------------------ */

static size_t append_segment(char *buf, size_t len, const char *name,
			     const struct holm_segment *s)
{
	return snprintf(buf, len, "%s %04x base %016llx limit %08x attrib %05x\n", name,
			s->selector, (unsigned long long)s->base, s->limit, s->attrib);
}

static void format_registers(const struct vcpu *v, char *buf, size_t len)
{
	static const char *const gpr[16] = {
		"RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI",
		"R8 ", "R9 ", "R10", "R11", "R12", "R13", "R14", "R15",
	};
	static const char *const seg[8] = { "ES", "CS", "SS", "DS", "FS", "GS", "LD", "TR" };
	const struct holm_run *run = v->h.run;
	char insn[128];
	size_t n = 0;
	int i;

	for (i = 0; i < 16; i++)
		n += snprintf(buf + n, len - n, "%s %016llx%c", gpr[i],
			      (unsigned long long)run->regs.gpr[i], i % 4 == 3 ? '\n' : ' ');
	n += snprintf(buf + n, len - n, "RIP %016llx RFLAGS %08llx\n",
		      (unsigned long long)run->regs.rip, (unsigned long long)run->regs.rflags);
	for (i = 0; i < 8; i++)
		n += append_segment(buf + n, len - n, seg[i], &run->sregs.seg[i]);
	n += snprintf(buf + n, len - n, "GDT base %016llx limit %04x  IDT base %016llx limit %04x\n",
		      (unsigned long long)run->sregs.gdt.base, run->sregs.gdt.limit,
		      (unsigned long long)run->sregs.idt.base, run->sregs.idt.limit);
	n += snprintf(buf + n, len - n, "CR0 %08llx CR2 %016llx CR3 %016llx CR4 %08llx EFER %04llx\n",
		      (unsigned long long)run->sregs.cr0, (unsigned long long)run->sregs.cr2,
		      (unsigned long long)run->sregs.cr3, (unsigned long long)run->sregs.cr4,
		      (unsigned long long)run->sregs.efer);
	holm_emul_disassemble(&v->h, &emul_ops, (void *)v, insn, sizeof(insn));
	snprintf(buf + n, len - n, "at RIP: %s", insn);
}

static void end_with_registers(struct vcpu *v, enum machine_end_kind kind, int status,
			       const char *what)
{
	char regs[3072];

	format_registers(v, regs, sizeof(regs));
	machine_end(v->m, kind, status, "vCPU %u: %s\n%s", v->index, what, regs);
}

static void end_by_error(struct vcpu *v)
{
	const struct holm_run *run = v->h.run;
	char what[512];
	size_t n;
	unsigned int i;

	switch (run->exit_reason) {
	case HOLM_EXIT_MEMORY_FAULT:
		snprintf(what, sizeof(what), "memory at guest-physical 0x%llx cannot be had: %s",
			 (unsigned long long)run->memory_fault.gpa,
			 strerror(run->memory_fault.error));
		break;
	case HOLM_EXIT_FAIL_ENTRY:
		snprintf(what, sizeof(what),
			 "the CPU refused to enter the guest: reason 0x%llx, detail 0x%llx, on CPU %u",
			 (unsigned long long)run->fail_entry.reason,
			 (unsigned long long)run->fail_entry.detail, run->fail_entry.cpu);
		break;
	case HOLM_EXIT_INTERNAL_ERROR:
		n = snprintf(what, sizeof(what), "internal error %u:", run->internal.subcode);
		for (i = 0; i < run->internal.ndata && i < 6; i++)
			n += snprintf(what + n, sizeof(what) - n, " 0x%llx",
				      (unsigned long long)run->internal.data[i]);
		break;
	default:
		snprintf(what, sizeof(what), "unexpected exit %u", run->exit_reason);
		break;
	}
	end_with_registers(v, MACHINE_FAILED, EXIT_GUEST_ERROR, what);
}

/* ---- exits ---------------------------------------------------------------- */

static void exit_emulate(struct vcpu *v)
{
	char what[256], insn[128];
	int ret = holm_emulate(&v->h, &emul_ops, v);

	if (ret == HOLM_EMUL_DONE || ret == HOLM_EMUL_EXCEPTION)
		return;
	if (ret < 0) {
		snprintf(what, sizeof(what), "a state ioctl failed during emulation: %s",
			 strerror(-ret));
	} else {
		holm_emul_disassemble(&v->h, &emul_ops, v, insn, sizeof(insn));
		snprintf(what, sizeof(what), "no emulation of '%s' (access to 0x%llx)", insn,
			 v->h.run->exit_reason == HOLM_EXIT_MMIO ?
			 (unsigned long long)v->h.run->mmio.gpa : 0ULL);
	}
	end_with_registers(v, MACHINE_FAILED, EXIT_GUEST_ERROR, what);
}

static void exit_task_switch(struct vcpu *v)
{
	uint16_t selector = v->h.run->task_switch.selector;
	char what[256];
	int ret = holm_emulate_task_switch(&v->h, &emul_ops, v);

	if (ret == HOLM_EMUL_DONE || ret == HOLM_EMUL_EXCEPTION)
		return;
	if (ret < 0)
		snprintf(what, sizeof(what), "a state ioctl failed during the switch to task 0x%x: %s",
			 selector, strerror(-ret));
	else
		snprintf(what, sizeof(what),
			 "the switch to task 0x%x cannot be done: not a task switch of protected mode",
			 selector);
	end_with_registers(v, MACHINE_FAILED, EXIT_GUEST_ERROR, what);
}

static void exit_io(struct vcpu *v)
{
	struct holm_run *run = v->h.run;
	unsigned int size = run->io.size;
	__u64 value, *rax = &run->regs.gpr[HOLM_RAX];

	if (run->io.flags & HOLM_IO_STRING) {
		exit_emulate(v);
		return;
	}
	if (run->io.flags & HOLM_IO_IN) {
		value = bus_read(v->m->bus, BUS_PIO, run->io.port, size);
		/* A 32-bit result clears the upper half, narrower ones do not. */
		if (size == 4)
			*rax = (uint32_t)value;
		else
			*rax = (*rax & ~((1ULL << 8 * size) - 1)) | value;
		run->in_flags = HOLM_RUN_REGS | HOLM_RUN_COMPLETE;
	} else {
		bus_write(v->m->bus, BUS_PIO, run->io.port, size, run->io.data);
		run->in_flags = HOLM_RUN_COMPLETE;
	}
}

static void exit_intr_ack(struct vcpu *v)
{
	struct holm_run *run = v->h.run;

	evloop_lock(v->m->loop);
	run->intr_vector = pic_intr(v->m->pic) ? pic_intack(v->m->pic) : -1;
	evloop_unlock(v->m->loop);
	run->in_flags = HOLM_RUN_INTR_VECTOR;
}

static void handle_exit(struct vcpu *v)
{
	switch (v->h.run->exit_reason) {
	case HOLM_EXIT_IO:
		exit_io(v);
		break;
	case HOLM_EXIT_MMIO:
	case HOLM_EXIT_EMULATE:
		exit_emulate(v);
		break;
	case HOLM_EXIT_TASK_SWITCH:
		exit_task_switch(v);
		break;
	case HOLM_EXIT_INTR_ACK:
		exit_intr_ack(v);
		break;
	case HOLM_EXIT_EOI:
		broadcast_eoi(v, v->h.run->eoi.vector);
		break;
	case HOLM_EXIT_SHUTDOWN:
		end_with_registers(v, MACHINE_TRIPLE_FAULT, EXIT_GUEST_TRIPLE_FAULT,
				   "triple fault");
		break;
	case HOLM_EXIT_INIT:
		machine_end(v->m, MACHINE_RESET, EXIT_GUEST_RESET,
			    "vCPU %u: an INIT reached the bootstrap processor", v->index);
		break;
	default:
		end_by_error(v);
		break;
	}
}

static void *vcpu_thread(void *opaque)
{
	struct vcpu *v = opaque;
	struct holm_run *run = v->h.run;
	char name[16];
	int err;

	snprintf(name, sizeof(name), "vcpu/%u", v->index);
	pthread_setname_np(pthread_self(), name);
	thread_run = run;

	while (!atomic_load(&v->m->stopping)) {
		err = holm_vcpu_run(&v->h);
		if (err == -EINTR) {
			run->immediate_exit = 0;
			continue;
		}
		if (err) {
			machine_end(v->m, MACHINE_FAILED, EXIT_GUEST_ERROR,
				    "vCPU %u cannot run: %s", v->index, strerror(-err));
			break;
		}
		handle_exit(v);
	}
	thread_run = NULL;
	return NULL;
}

/* A new thread inherits both the signal mask and the CPUs. */
static int create_thread(struct vcpu *v, struct err *e)
{
	sigset_t block, old;
	int err;

	/* Only the main thread takes the signals that end the launcher. */
	sigfillset(&block);
	sigdelset(&block, SIG_KICK);
	sigdelset(&block, SIGSEGV);
	sigdelset(&block, SIGBUS);
	sigdelset(&block, SIGILL);
	sigdelset(&block, SIGFPE);
	sigdelset(&block, SIGABRT);
	pthread_sigmask(SIG_SETMASK, &block, &old);
	err = pthread_create(&v->thread, NULL, vcpu_thread, v);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err)
		return err_set(e, "cannot start the thread of vCPU %u: %s", v->index,
			       strerror(err));
	v->started = true;
	return 0;
}

int vcpu_start(struct vcpu *v, struct err *e)
{
	const struct vm_config *cfg = v->m->cfg;
	cpu_set_t *before;
	int ret;

	if (!cfg->cpu_affinity)
		return create_thread(v, e);
	before = CPU_ALLOC(AFFINITY_MAX_CPUS);
	if (!before)
		return err_set(e, "out of memory");
	if (sched_getaffinity(0, CPU_ALLOC_SIZE(AFFINITY_MAX_CPUS), before) < 0) {
		ret = err_set_errno(e, "cannot tell which CPUs the launcher may run on");
	} else {
		ret = affinity_apply(cfg->cpu_affinity, v->m->nr_vcpus, v->index, e);
		if (!ret)
			ret = create_thread(v, e);
		sched_setaffinity(0, CPU_ALLOC_SIZE(AFFINITY_MAX_CPUS), before);
	}
	CPU_FREE(before);
	return ret;
}
