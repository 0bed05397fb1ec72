// SPDX-License-Identifier: GPL-2.0-only
/*
 * L1 Terminal Fault (CVE-2018-3646): a guest reads what is in the L1 data cache
 * by page-table entries of its own that are not present. Before it is entered
 * the cache is emptied of what the host brought there; see "L1TF" in
 * Documentation/security.rst for when, and the SDM Vol. 4 for the MSRs.
 */
#define pr_fmt(fmt) "holm: vmx: " fmt

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/smt.h>
#include <linux/string.h>
#include <asm/barrier.h>
#include <asm/cpufeature.h>
#include <asm/processor.h>

#include "vmx.h"

/*
 * Read to displace all of the L1D where there is no IA32_FLUSH_CMD: 64 KiB,
 * twice what any CPU with L1TF has.
 */
#define L1D_FILL_ORDER	4
#define L1D_FILL_SIZE	(PAGE_SIZE << L1D_FILL_ORDER)
#define L1D_LINE	64

static const char *const l1d_names[] = {
	[HOLM_L1D_NEVER]	= "never",
	[HOLM_L1D_COND]		= "cond",
	[HOLM_L1D_ALWAYS]	= "always",
};

static char *l1d_flush = "auto";
module_param(l1d_flush, charp, 0444);
MODULE_PARM_DESC(l1d_flush,
		 "flush the L1D before guests on CPUs with L1TF: auto (as l1tf= says), never, cond, always");

static enum holm_l1d_mode l1d_mode;
static u8 *l1d_fill;

static bool l1d_leaks(void)
{
	if (!boot_cpu_has_bug(X86_BUG_L1TF))
		return false;
	/* The hypervisor below flushes for us. */
	return !boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES) ||
	       !(vmx_rdmsr(MSR_IA32_ARCH_CAPABILITIES) & ARCH_CAP_SKIP_VMENTRY_L1DFLUSH);
}

static int l1d_parse(enum holm_l1d_mode *mode)
{
	int i;

	if (!strcmp(l1d_flush, "auto")) {
		*mode = holm_host_l1d_mode();
		return 0;
	}
	i = match_string(l1d_names, ARRAY_SIZE(l1d_names), l1d_flush);
	if (i < 0) {
		pr_err("parameter l1d_flush is '%s', it may be auto, never, cond or always\n",
		       l1d_flush);
		return -EINVAL;
	}
	*mode = i;
	return 0;
}

static int l1d_alloc(void)
{
	unsigned int i;
	struct page *page;

	page = alloc_pages(GFP_KERNEL, L1D_FILL_ORDER);
	if (!page)
		return -ENOMEM;
	l1d_fill = page_address(page);
	/* All different: a hypervisor below may merge equal pages. */
	for (i = 0; i < L1D_FILL_SIZE / PAGE_SIZE; i++)
		memset(l1d_fill + i * PAGE_SIZE, i + 1, PAGE_SIZE);
	return 0;
}

/**
 * vmx_l1d_setup() - decide at load whether and when the L1D is flushed
 *
 * Return: 0, -EINVAL (the module parameter, with a message), -ENOMEM.
 */
int vmx_l1d_setup(void)
{
	enum holm_l1d_mode mode;
	int err;

	l1d_mode = HOLM_L1D_NEVER;
	err = l1d_parse(&mode);
	if (err || !l1d_leaks())
		return err;

	if (mode == HOLM_L1D_COND && !HOLM_HAS_L1D_IRQ_FLAG)
		mode = HOLM_L1D_ALWAYS;
	if (mode != HOLM_L1D_NEVER && !boot_cpu_has(X86_FEATURE_FLUSH_L1D)) {
		err = l1d_alloc();
		if (err)
			return err;
	}
	l1d_mode = mode;
	vmx_caps.l1d_flush = mode != HOLM_L1D_NEVER;

	if (mode == HOLM_L1D_NEVER)
		pr_warn("this CPU has L1TF (CVE-2018-3646) and its mitigation is off: guests can read memory of the host\n");
	else if (sched_smt_active())
		pr_warn("this CPU has L1TF (CVE-2018-3646) and SMT is on: a guest can read what a sibling thread uses; boot with nosmt, or give guests whole cores\n");
	return 0;
}

void vmx_l1d_teardown(void)
{
	free_pages((unsigned long)l1d_fill, L1D_FILL_ORDER);
	l1d_fill = NULL;
}

/* Every line of l1d_fill; its translations first, for a walk fills lines, too. */
static void l1d_read(void)
{
	unsigned int i;

	for (i = 0; i < L1D_FILL_SIZE; i += PAGE_SIZE)
		(void)READ_ONCE(l1d_fill[i]);
	cpuid_eax(0);		/* serializes */
	for (i = 0; i < L1D_FILL_SIZE; i += L1D_LINE)
		(void)READ_ONCE(l1d_fill[i]);
	rmb();			/* LFENCE: all have been loaded */
}

/**
 * vmx_l1d_flush() - empty the L1D before an entry, when it may hold what is not
 *	the guest's
 * @vmx: the vCPU that is about to be entered
 *
 * IRQs off; with vmx_caps.l1d_flush only.
 */
void vmx_l1d_flush(struct vmx_vcpu *vmx)
{
	if (l1d_mode == HOLM_L1D_COND) {
		bool irq = holm_take_l1d_irq_flag();

		if (!irq && !vmx->flush_l1d)
			return;
	}
	vmx->flush_l1d = false;
	if (l1d_fill)
		l1d_read();
	else
		vmx_wrmsr(MSR_IA32_FLUSH_CMD, L1D_FLUSH);
}
