// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Making a guest, and its state.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest.h"



void guest_fail(struct guest *g, const char *format, ...)
{
	size_t room = sizeof(g->why) - g->why_len;
	va_list ap;
	int n;

	g->failed = true;
	if (room < 2)
		return;
	va_start(ap, format);
	n = vsnprintf(g->why + g->why_len, room - 1, format, ap);
	va_end(ap);
	if (n < 0)
		return;
	g->why_len += (size_t)n < room - 1 ? (size_t)n : room - 2;
	g->why[g->why_len++] = '\n';
	g->why[g->why_len] = 0;
}

struct guest *guest_new_bare(void)
{
	struct guest *g = calloc(1, sizeof(*g));
	void *p;

	if (!g)
		return NULL;
	g->vcpu.fd = -1;
	g->extint = -1;
	g->readonly_from = RAM_SIZE;
	g->vm = holm_vm_create(hv.dev, "guest");
	if (g->vm < 0) {
		printf("# HOLM_CREATE_VM: %s\n", strerror(-g->vm));
		free(g);
		return NULL;
	}
	p = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED) {
		printf("# guest memory: %s\n", strerror(errno));
		close(g->vm);
		free(g);
		return NULL;
	}
	madvise(p, RAM_SIZE, MADV_NOHUGEPAGE);
	g->ram = p;
	return g;
}

int guest_add_vcpu(struct guest *g)
{
	int err = holm_vcpu_create(g->vm, 0, &g->vcpu);

	if (err) {
		printf("# HOLM_CREATE_VCPU: %s\n", strerror(-err));
		return err;
	}
	g->run = g->vcpu.run;
	/* What an exception handler and a failing row show. */
	g->run->want = HOLM_WANT_SREGS;
	err = holm_vcpu_set_cpuid(&g->vcpu, hv.cpuid, hv.cpuid_nent);
	if (err)
		printf("# HOLM_SET_CPUID: %s\n", strerror(-err));
	return err;
}

struct guest *guest_new(void)
{
	struct guest *g = guest_new_bare();
	int err;

	if (!g)
		return NULL;
	err = holm_vm_set_slot(g->vm, 0, 0, 0, RAM_SIZE, g->ram);
	if (err)
		printf("# HOLM_SET_SLOT: %s\n", strerror(-err));
	if (err || guest_add_vcpu(g)) {
		guest_free(g);
		return NULL;
	}
	return g;
}

void guest_free(struct guest *g)
{
	if (g->vcpu.fd >= 0)
		holm_vcpu_close(&g->vcpu);
	close(g->vm);
	if (g->ram)
		munmap(g->ram, RAM_SIZE);
	free(g);
}

void guest_get(struct guest *g, uint32_t type, void *data, uint32_t size)
{
	int err = holm_vcpu_get_state(&g->vcpu, type, data, size);

	if (err)
		guest_fail(g, "get state block %u: %s", type, strerror(-err));
}

void guest_set(struct guest *g, uint32_t type, const void *data, uint32_t size)
{
	int err = holm_vcpu_set_state(&g->vcpu, type, data, size);

	if (err)
		guest_fail(g, "set state block %u: %s", type, strerror(-err));
}

uint64_t guest_msr(struct guest *g, uint32_t index)
{
	struct holm_msr msr = { .index = index };

	guest_get(g, HOLM_STATE_MSRS, &msr, sizeof(msr));
	return msr.value;
}

void guest_inject(struct guest *g, uint32_t kind, uint32_t vector)
{
	int err = holm_vcpu_inject(&g->vcpu, kind, vector);

	if (err)
		guest_fail(g, "inject kind %u vector %u: %s", kind, vector, strerror(-err));
}

void guest_set_slot(struct guest *g, uint32_t slot, uint32_t flags, uint64_t gpa,
		    uint64_t size, void *addr)
{
	int err = holm_vm_set_slot(g->vm, slot, flags, gpa, size, addr);

	if (err)
		guest_fail(g, "slot %u at 0x%llx, 0x%llx bytes: %s", slot,
			   (unsigned long long)gpa, (unsigned long long)size, strerror(-err));
}
