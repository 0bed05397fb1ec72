// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A device with registers in memory and an interrupt. It multiplies: the guest writes
 * two factors, an MSI says that it is done, and the guest's handler reads the product
 * and prints it. libholm decodes the MOVs that meet a register, the driver does not.
 */
#include <err.h>
#include <errno.h>
#include <libholm/libholm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEM_SIZE	0x10000
#define LOAD_ADDR	0x1000
#define DEVICE		0x90000	/* where there is no memory: two factors, the product */
#define PORT_PRINT	0xe9
#define PORT_EXIT	0xf4

static _Alignas(4096) unsigned char memory[MEM_SIZE];
static uint16_t factor[2];
static int vm, status = -1;

__asm__(".pushsection .rodata; .code16; .globl guest, guest_end\n"
	"guest:	movw $(1f - guest + 0x1000), 4 * 0x40\n"	/* what handles vector 0x40 */
	"	movw $0, 4 * 0x40 + 2\n"
	"	movl $0x1b, %ecx; rdmsr; orl $0xc00, %eax; wrmsr\n"		/* x2APIC */
	"	movl $0x80f, %ecx; movl $0x1ff, %eax; xorl %edx, %edx; wrmsr\n"	/* on */
	"	movw $0x9000, %ax; movw %ax, %es\n"
	"	movw $6, %es:0; movw $7, %es:2\n"
	"	sti; hlt; outb %al, $0xf4\n"
	"1:	movw %es:4, %ax; aam; orw $0x3030, %ax; xchgb %al, %ah\n"
	"	outb %al, $0xe9; movb %ah, %al; outb %al, $0xe9; movb $10, %al; outb %al, $0xe9\n"
	"	movl $0x80b, %ecx; xorl %eax, %eax; wrmsr\n"			/* EOI */
	"	iretw\n"
	"guest_end: .code64; .popsection\n");
extern const unsigned char guest[], guest_end[];

static int check(int ret, const char *what)
{
	if (ret < 0) {
		errno = -ret;
		err(EXIT_FAILURE, "%s", what);
	}
	return ret;
}

static bool read_phys(void *mem, uint64_t gpa, void *buf, size_t len)
{
	return gpa < MEM_SIZE && len <= MEM_SIZE - gpa && memcpy(buf, (char *)mem + gpa, len);
}

static bool write_phys(void *mem, uint64_t gpa, const void *buf, size_t len)
{
	return gpa < MEM_SIZE && len <= MEM_SIZE - gpa && memcpy((char *)mem + gpa, buf, len);
}

/* There is one vCPU, and it waits: nobody writes in between. */
static bool compare_exchange(void *mem, uint64_t gpa, unsigned int size, void *expected,
			     const void *desired)
{
	unsigned char found[16];

	if (!read_phys(mem, gpa, found, size))
		return false;
	if (!memcmp(found, expected, size))
		return write_phys(mem, gpa, desired, size);
	memcpy(expected, found, size);
	return false;
}

static uint64_t mmio_read(void *opaque, uint64_t gpa, unsigned int size)
{
	(void)opaque;
	return gpa == DEVICE + 4 && size == 2 ? (uint32_t)factor[0] * factor[1] : 0;
}

static void mmio_write(void *opaque, uint64_t gpa, unsigned int size, uint64_t value)
{
	(void)opaque;
	if ((gpa != DEVICE && gpa != DEVICE + 2) || size != 2)
		return;
	factor[(gpa - DEVICE) / 2] = value;
	/* To the LAPIC with ID 0: vector 0x40, fixed, edge. */
	if (gpa == DEVICE + 2)
		check(holm_vm_signal_msi(vm, 0xfee00000, 0x40), "holm_vm_signal_msi");
}

static uint64_t pio_read(void *opaque, uint16_t port, unsigned int size)
{
	(void)opaque;
	(void)port;
	return ~0ULL >> (64 - 8 * size);
}

static void pio_write(void *opaque, uint16_t port, unsigned int size, uint64_t value)
{
	(void)opaque;
	if (port == PORT_PRINT && size == 1)
		putchar((int)value);
	else if (port == PORT_EXIT)
		status = EXIT_SUCCESS;
}

static const struct holm_emul_ops ops = {
	.read_phys = read_phys, .write_phys = write_phys, .compare_exchange = compare_exchange,
	.mmio_read = mmio_read, .mmio_write = mmio_write,
	.pio_read = pio_read, .pio_write = pio_write,
};

int main(void)
{
	int ret, dev = check(holm_open(NULL), HOLM_DEVICE_PATH);
	struct holm_vcpu_handle vcpu;
	struct holm_cpuid_entry *cpuid;
	struct holm_run *run;
	unsigned int n;

	vm = check(holm_vm_create(dev, "device"), "holm_vm_create");
	memcpy(memory + LOAD_ADDR, guest, guest_end - guest);
	check(holm_vm_set_slot(vm, 0, 0, 0, MEM_SIZE, memory), "holm_vm_set_slot");
	check(holm_vcpu_create(vm, 0, &vcpu), "holm_vcpu_create");
	cpuid = holm_get_supported_cpuid(dev, &n);
	if (!cpuid)
		err(EXIT_FAILURE, "holm_get_supported_cpuid");
	check(holm_vcpu_set_cpuid(&vcpu, cpuid, n), "holm_vcpu_set_cpuid");
	run = vcpu.run;
	check(holm_vcpu_get_state(&vcpu, HOLM_STATE_SREGS, &run->sregs, sizeof(run->sregs)), "CS");
	run->sregs.seg[HOLM_SEG_CS].selector = run->sregs.seg[HOLM_SEG_CS].base = 0;
	run->regs = (struct holm_regs){ .rip = LOAD_ADDR, .rflags = 2 };
	run->in_flags = HOLM_RUN_REGS | HOLM_RUN_SREGS;

	while (status < 0) {
		ret = holm_vcpu_run(&vcpu);
		if (ret == -EINTR)
			continue;
		check(ret, "holm_vcpu_run");
		if (run->exit_reason == HOLM_EXIT_IO && !run->io.flags) {
			pio_write(NULL, run->io.port, run->io.size, run->io.data);
			run->in_flags |= HOLM_RUN_COMPLETE;
		} else if (run->exit_reason != HOLM_EXIT_MMIO ||
			   check(holm_emulate(&vcpu, &ops, memory), "holm_emulate") ==
			   HOLM_EMUL_UNHANDLED) {
			errx(EXIT_FAILURE, "exit %u", run->exit_reason);
		}
	}
	return status;
}
