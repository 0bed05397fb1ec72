// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The smallest machine: 64 KiB of memory and a vCPU that prints a line through a
 * port, in 16-bit code.
 */
#include <err.h>
#include <errno.h>
#include <libholm/libholm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEM_SIZE	0x10000
#define LOAD_ADDR	0x1000
#define PORT_PRINT	0xe9	/* a character */
#define PORT_EXIT	0xf4	/* the status to exit with */

/* The guest, which runs at LOAD_ADDR with all segments at 0. */
__asm__(".pushsection .rodata\n"
	".code16\n"
	".globl guest, guest_end\n"
	"guest:\n"
	"	movw $(text - guest + 0x1000), %si\n"
	"1:	lodsb\n"
	"	testb %al, %al\n"
	"	jz 2f\n"
	"	outb %al, $0xe9\n"
	"	jmp 1b\n"
	"2:	outb %al, $0xf4\n"
	"text:	.asciz \"Hello from a guest.\\n\"\n"
	"guest_end:\n"
	".code64\n"
	".popsection\n");
extern const unsigned char guest[], guest_end[];

static int check(int ret, const char *what)
{
	if (ret < 0) {
		errno = -ret;
		err(EXIT_FAILURE, "%s", what);
	}
	return ret;
}

static void make_vcpu(int dev, int vm, struct holm_vcpu_handle *vcpu)
{
	struct holm_cpuid_entry *cpuid;
	struct holm_sregs sregs;
	struct holm_regs regs;
	unsigned int n;

	check(holm_vcpu_create(vm, 0, vcpu), "holm_vcpu_create");
	cpuid = holm_get_supported_cpuid(dev, &n);
	if (!cpuid)
		err(EXIT_FAILURE, "holm_get_supported_cpuid");
	check(holm_vcpu_set_cpuid(vcpu, cpuid, n), "holm_vcpu_set_cpuid");
	free(cpuid);

	/* As a reset leaves it, but for where it begins. */
	check(holm_vcpu_get_state(vcpu, HOLM_STATE_SREGS, &sregs, sizeof(sregs)), "sregs");
	check(holm_vcpu_get_state(vcpu, HOLM_STATE_REGS, &regs, sizeof(regs)), "regs");
	sregs.seg[HOLM_SEG_CS].selector = 0;
	sregs.seg[HOLM_SEG_CS].base = 0;
	regs.rip = LOAD_ADDR;
	check(holm_vcpu_set_state(vcpu, HOLM_STATE_SREGS, &sregs, sizeof(sregs)), "sregs");
	check(holm_vcpu_set_state(vcpu, HOLM_STATE_REGS, &regs, sizeof(regs)), "regs");
}

/* Until the guest wants to exit. Return: its status. */
static int run_guest(const struct holm_vcpu_handle *vcpu)
{
	struct holm_run *run = vcpu->run;
	int ret;

	for (;;) {
		ret = holm_vcpu_run(vcpu);
		if (ret == -EINTR)
			continue;
		check(ret, "holm_vcpu_run");
		if (run->exit_reason != HOLM_EXIT_IO || run->io.flags)
			errx(EXIT_FAILURE, "exit %u at 0x%llx", run->exit_reason,
			     (unsigned long long)run->regs.rip);
		if (run->io.port == PORT_EXIT)
			return run->io.data & 0xff;
		if (run->io.port == PORT_PRINT)
			putchar(run->io.data & 0xff);
		/* The instruction is done; next_rip is behind it. */
		run->in_flags |= HOLM_RUN_COMPLETE;
	}
}

int main(void)
{
	struct holm_vcpu_handle vcpu;
	int dev, vm, status;
	void *mem;

	dev = check(holm_open(NULL), HOLM_DEVICE_PATH);
	vm = check(holm_vm_create(dev, "hello"), "holm_vm_create");
	mem = mmap(NULL, MEM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		err(EXIT_FAILURE, "mmap");
	memcpy((char *)mem + LOAD_ADDR, guest, guest_end - guest);
	check(holm_vm_set_slot(vm, 0, 0, 0, MEM_SIZE, mem), "holm_vm_set_slot");
	make_vcpu(dev, vm, &vcpu);

	status = run_guest(&vcpu);

	holm_vcpu_close(&vcpu);
	close(vm);
	munmap(mem, MEM_SIZE);
	close(dev);
	return status;
}
