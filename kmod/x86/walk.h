/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The page-table walk itself, apart from vCPUs and guest memory: tests give it
 * tables of their own.
 */
#ifndef HOLM_X86_WALK_H
#define HOLM_X86_WALK_H

#include <linux/types.h>

/**
 * struct holm_walk_ctx - the registers that paging depends on
 * @cr0: the guest's
 * @cr3: the guest's
 * @cr4: the guest's
 * @efer: the guest's
 * @rflags: the guest's
 * @phys_reserved: address bits above MAXPHYADDR
 * @page_1g: 1-GByte pages exist
 * @read: @len (4 or 8) bytes of guest-physical memory; 0 or -EFAULT
 * @data: for @read
 */
struct holm_walk_ctx {
	u64 cr0;
	u64 cr3;
	u64 cr4;
	u64 efer;
	u64 rflags;
	u64 phys_reserved;
	bool page_1g;
	int (*read)(const struct holm_walk_ctx *ctx, u64 gpa, void *buf, size_t len);
	void *data;
};

/* As holm_walk(). */
int holm_walk_tables(const struct holm_walk_ctx *ctx, u64 gva, u32 flags, u64 *gpa,
		     u32 *error_code);

#endif /* HOLM_X86_WALK_H */
