// SPDX-License-Identifier: GPL-2.0-or-later
/* A VM whose guest touches pages. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "control_machine.h"

#define WRITE_AT	0x1000		/* guest code */
#define READ_AT		0x1100
#define KVM_FEATURES	0x40000001

/* In 32-bit mode, without paging: a page each of ECX from EDI on, and then a port. */
static const uint8_t write_code[] = {
	0x89, 0x07,				/* mov %eax, (%edi) */
	0x81, 0xc7, 0x00, 0x10, 0x00, 0x00,	/* add $0x1000, %edi */
	0x49,					/* dec %ecx */
	0x75, 0xf5,				/* jnz */
	0xe6, 0xf4,				/* out %al, $0xf4 */
};

static const uint8_t read_code[] = {
	0x8b, 0x07,				/* mov (%edi), %eax */
	0x81, 0xc7, 0x00, 0x10, 0x00, 0x00,
	0x49,
	0x75, 0xf5,
	0xe6, 0xf4,
};

/* Memory of 4K pages. */
static uint8_t *small_pages(size_t size)
{
	int fd = memfd_create("slots", MFD_CLOEXEC);
	uint8_t *mem = MAP_FAILED;

	if (!ftruncate(fd, size))
		mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (mem == MAP_FAILED)
		return NULL;
	/* EINVAL: a kernel without huge ones. */
	madvise(mem, size, MADV_NOHUGEPAGE);
	return mem;
}

static int machine_cpuid(struct machine *m)
{
	struct holm_cpuid_entry *entries;
	unsigned int n, i;
	int err;

	entries = holm_get_supported_cpuid(m->dev, &n);
	if (!entries)
		return -errno;
	for (i = 0; i < n; i++)
		if (entries[i].function == KVM_FEATURES)
			m->features = entries[i].eax;
	err = holm_vcpu_set_cpuid(&m->vcpu, entries, n);
	free(entries);
	return err;
}

static int machine_state(struct machine *m)
{
	struct holm_sregs sregs;
	unsigned int i;
	int err;

	err = holm_vcpu_get_state(&m->vcpu, HOLM_STATE_SREGS, &sregs, sizeof(sregs));
	if (err)
		return err;
	for (i = HOLM_SEG_ES; i <= HOLM_SEG_GS; i++)
		sregs.seg[i] = (struct holm_segment) {
			.limit = 0xffffffff, .attrib = 0xc093, .selector = 16,
		};
	sregs.seg[HOLM_SEG_CS].attrib = 0xc09b;
	sregs.seg[HOLM_SEG_CS].selector = 8;
	sregs.cr0 = 0x11;
	return holm_vcpu_set_state(&m->vcpu, HOLM_STATE_SREGS, &sregs, sizeof(sregs));
}

int machine_open(struct machine *m, uid_t uid, const char *name, uint32_t tsc_khz)
{
	int err;

	memset(m, 0, sizeof(*m));
	m->code = small_pages(CODE_SIZE);
	m->mem = small_pages(MEM_SIZE);
	if (!m->code || !m->mem)
		return -ENOMEM;
	memcpy(m->code + WRITE_AT, write_code, sizeof(write_code));
	memcpy(m->code + READ_AT, read_code, sizeof(read_code));
	m->dev = holm_open(NULL);
	become(uid);
	m->vm = m->dev < 0 ? m->dev : holm_vm_create(m->dev, name);
	if (m->vm < 0)
		return m->vm;
	err = tsc_khz ? holm_vm_set_param(m->vm, HOLM_PARAM_TSC_KHZ, tsc_khz) : 0;
	if (!err)
		err = holm_vm_set_slot(m->vm, 0, 0, 0, CODE_SIZE, m->code);
	if (!err)
		err = holm_vm_set_slot(m->vm, MEM_SLOT, 0, MEM_GPA, MEM_SIZE, m->mem);
	if (!err)
		err = holm_vcpu_create(m->vm, 0, &m->vcpu);
	if (!err)
		err = machine_cpuid(m);
	if (!err)
		err = machine_state(m);
	m->id = vm_id(name);
	return err ?: m->id ? 0 : -ENOENT;
}

void machine_close(struct machine *m)
{
	holm_vcpu_close(&m->vcpu);
	close(m->vm);
	close(m->dev);
	munmap(m->mem, MEM_SIZE);
	munmap(m->code, CODE_SIZE);
}

int machine_touch(struct machine *m, bool write, unsigned int page, unsigned int count)
{
	struct holm_run *run = m->vcpu.run;
	int err;

	run->regs = (struct holm_regs) { .rip = write ? WRITE_AT : READ_AT, .rflags = 2 };
	run->regs.gpr[HOLM_RDI] = MEM_GPA + page * PAGE;
	run->regs.gpr[HOLM_RCX] = count;
	run->in_flags = HOLM_RUN_REGS;
	do {
		err = holm_vcpu_run(&m->vcpu);
	} while (err == -EINTR);
	if (err)
		return err;
	return run->exit_reason == HOLM_EXIT_IO && run->io.port == 0xf4 ? 0 : -EPROTO;
}
