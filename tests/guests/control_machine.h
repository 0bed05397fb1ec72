/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VM of holm-control whose guest touches pages. */
#ifndef HOLM_TEST_CONTROL_MACHINE_H
#define HOLM_TEST_CONTROL_MACHINE_H

#include "control.h"
#include "libholm/libholm.h"

#define PAGE		4096ULL
#define CODE_SIZE	(16 * PAGE)	/* slot 0, at 0 */
#define MEM_SLOT	7
#define MEM_GPA		0x40000000ULL
#define MEM_SIZE	(32ULL << 20)
#define MEM_PAGES	(MEM_SIZE / PAGE)

/**
 * struct machine - a VM with one vCPU
 * @dev, @vm: descriptors
 * @id: the driver's number
 * @features: KVM_FEATURE_* bits that the guest is shown
 * @vcpu: the vCPU
 * @code: what is in slot 0
 * @mem: what is in slot MEM_SLOT, of 4K pages
 */
struct machine {
	int dev, vm;
	uint32_t id, features;
	struct holm_vcpu_handle vcpu;
	uint8_t *code, *mem;
};

/*
 * Of the calling process, which becomes @uid: with memory that nobody touched. 0 or
 * -errno.
 */
int machine_open(struct machine *m, uid_t uid, const char *name, uint32_t tsc_khz);
void machine_close(struct machine *m);

/* The guest touches @count pages of slot MEM_SLOT from @page on. 0 or -errno. */
int machine_touch(struct machine *m, bool write, unsigned int page, unsigned int count);

#endif /* HOLM_TEST_CONTROL_MACHINE_H */
