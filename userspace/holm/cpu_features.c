// SPDX-License-Identifier: GPL-2.0-or-later
/* The features of the vCPUs: see cpu_features.h. */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu_features.h"

enum reg { EAX, EBX, ECX, EDX };

/* Not of the instruction set; and of it, but of no level. */
#define SYS	0
#define NONE	9

struct feature {
	const char *name;
	uint32_t function, index;
	enum reg reg;
	unsigned int bit;
	unsigned int level;	/* SYS, 1 to 4 of the psABI, NONE */
};

/* SDM Vol. 2, "CPUID"; APM Vol. 3, appendix E; x86-64 psABI, "Micro-Architecture Levels". */
static const struct feature features[] = {
	{ "pni", 1, 0, ECX, 0, 2 },
	{ "pclmulqdq", 1, 0, ECX, 1, NONE },
	{ "ssse3", 1, 0, ECX, 9, 2 },
	{ "fma", 1, 0, ECX, 12, 3 },
	{ "cx16", 1, 0, ECX, 13, 2 },
	{ "pcid", 1, 0, ECX, 17, SYS },
	{ "sse4_1", 1, 0, ECX, 19, 2 },
	{ "sse4_2", 1, 0, ECX, 20, 2 },
	{ "x2apic", 1, 0, ECX, 21, SYS },
	{ "movbe", 1, 0, ECX, 22, 3 },
	{ "popcnt", 1, 0, ECX, 23, 2 },
	{ "tsc_deadline_timer", 1, 0, ECX, 24, SYS },
	{ "aes", 1, 0, ECX, 25, NONE },
	{ "xsave", 1, 0, ECX, 26, 3 },
	{ "avx", 1, 0, ECX, 28, 3 },
	{ "f16c", 1, 0, ECX, 29, 3 },
	{ "rdrand", 1, 0, ECX, 30, NONE },
	{ "hypervisor", 1, 0, ECX, 31, SYS },

	{ "fpu", 1, 0, EDX, 0, 1 },
	{ "vme", 1, 0, EDX, 1, SYS },
	{ "de", 1, 0, EDX, 2, SYS },
	{ "pse", 1, 0, EDX, 3, SYS },
	{ "tsc", 1, 0, EDX, 4, SYS },
	{ "msr", 1, 0, EDX, 5, SYS },
	{ "pae", 1, 0, EDX, 6, SYS },
	{ "mce", 1, 0, EDX, 7, SYS },
	{ "cx8", 1, 0, EDX, 8, 1 },
	{ "apic", 1, 0, EDX, 9, SYS },
	{ "sep", 1, 0, EDX, 11, SYS },
	{ "mtrr", 1, 0, EDX, 12, SYS },
	{ "pge", 1, 0, EDX, 13, SYS },
	{ "mca", 1, 0, EDX, 14, SYS },
	{ "cmov", 1, 0, EDX, 15, 1 },
	{ "pat", 1, 0, EDX, 16, SYS },
	{ "pse36", 1, 0, EDX, 17, SYS },
	{ "clflush", 1, 0, EDX, 19, SYS },
	{ "mmx", 1, 0, EDX, 23, 1 },
	{ "fxsr", 1, 0, EDX, 24, 1 },
	{ "sse", 1, 0, EDX, 25, 1 },
	{ "sse2", 1, 0, EDX, 26, 1 },
	{ "ss", 1, 0, EDX, 27, SYS },

	{ "fsgsbase", 7, 0, EBX, 0, SYS },
	{ "tsc_adjust", 7, 0, EBX, 1, SYS },
	{ "bmi1", 7, 0, EBX, 3, 3 },
	{ "avx2", 7, 0, EBX, 5, 3 },
	{ "smep", 7, 0, EBX, 7, SYS },
	{ "bmi2", 7, 0, EBX, 8, 3 },
	{ "erms", 7, 0, EBX, 9, SYS },
	{ "invpcid", 7, 0, EBX, 10, SYS },
	{ "avx512f", 7, 0, EBX, 16, 4 },
	{ "avx512dq", 7, 0, EBX, 17, 4 },
	{ "rdseed", 7, 0, EBX, 18, NONE },
	{ "adx", 7, 0, EBX, 19, NONE },
	{ "smap", 7, 0, EBX, 20, SYS },
	{ "avx512ifma", 7, 0, EBX, 21, NONE },
	{ "clflushopt", 7, 0, EBX, 23, NONE },
	{ "clwb", 7, 0, EBX, 24, NONE },
	{ "avx512pf", 7, 0, EBX, 26, NONE },
	{ "avx512er", 7, 0, EBX, 27, NONE },
	{ "avx512cd", 7, 0, EBX, 28, 4 },
	{ "sha_ni", 7, 0, EBX, 29, NONE },
	{ "avx512bw", 7, 0, EBX, 30, 4 },
	{ "avx512vl", 7, 0, EBX, 31, 4 },

	{ "avx512vbmi", 7, 0, ECX, 1, NONE },
	{ "umip", 7, 0, ECX, 2, SYS },
	{ "avx512_vbmi2", 7, 0, ECX, 6, NONE },
	{ "gfni", 7, 0, ECX, 8, NONE },
	{ "vaes", 7, 0, ECX, 9, NONE },
	{ "vpclmulqdq", 7, 0, ECX, 10, NONE },
	{ "avx512_vnni", 7, 0, ECX, 11, NONE },
	{ "avx512_bitalg", 7, 0, ECX, 12, NONE },
	{ "avx512_vpopcntdq", 7, 0, ECX, 14, NONE },
	{ "rdpid", 7, 0, ECX, 22, NONE },
	{ "cldemote", 7, 0, ECX, 25, NONE },
	{ "movdiri", 7, 0, ECX, 27, NONE },
	{ "movdir64b", 7, 0, ECX, 28, NONE },

	{ "avx512_4vnniw", 7, 0, EDX, 2, NONE },
	{ "avx512_4fmaps", 7, 0, EDX, 3, NONE },
	{ "fsrm", 7, 0, EDX, 4, SYS },
	{ "avx512_vp2intersect", 7, 0, EDX, 8, NONE },
	{ "md_clear", 7, 0, EDX, 10, SYS },
	{ "serialize", 7, 0, EDX, 14, NONE },
	{ "avx512_fp16", 7, 0, EDX, 23, NONE },
	{ "spec_ctrl", 7, 0, EDX, 26, SYS },
	{ "intel_stibp", 7, 0, EDX, 27, SYS },
	{ "flush_l1d", 7, 0, EDX, 28, SYS },
	{ "arch_capabilities", 7, 0, EDX, 29, SYS },
	{ "spec_ctrl_ssbd", 7, 0, EDX, 31, SYS },

	{ "sha512", 7, 1, EAX, 0, NONE },
	{ "sm3", 7, 1, EAX, 1, NONE },
	{ "sm4", 7, 1, EAX, 2, NONE },
	{ "avx_vnni", 7, 1, EAX, 4, NONE },
	{ "avx512_bf16", 7, 1, EAX, 5, NONE },
	{ "cmpccxadd", 7, 1, EAX, 7, NONE },
	{ "fzrm", 7, 1, EAX, 10, SYS },
	{ "fsrs", 7, 1, EAX, 11, SYS },
	{ "fsrc", 7, 1, EAX, 12, SYS },
	{ "avx_ifma", 7, 1, EAX, 23, NONE },
	{ "avx_vnni_int8", 7, 1, EDX, 4, NONE },
	{ "avx_ne_convert", 7, 1, EDX, 5, NONE },
	{ "avx_vnni_int16", 7, 1, EDX, 10, NONE },

	{ "xsaveopt", 0xd, 1, EAX, 0, NONE },
	{ "xsavec", 0xd, 1, EAX, 1, NONE },
	{ "xgetbv1", 0xd, 1, EAX, 2, NONE },

	{ "lahf_lm", 0x80000001, 0, ECX, 0, 2 },
	{ "cr8_legacy", 0x80000001, 0, ECX, 4, SYS },
	{ "abm", 0x80000001, 0, ECX, 5, 3 },
	{ "sse4a", 0x80000001, 0, ECX, 6, NONE },
	{ "misalignsse", 0x80000001, 0, ECX, 7, NONE },
	{ "3dnowprefetch", 0x80000001, 0, ECX, 8, NONE },
	{ "osvw", 0x80000001, 0, ECX, 9, SYS },
	{ "xop", 0x80000001, 0, ECX, 11, NONE },
	{ "fma4", 0x80000001, 0, ECX, 16, NONE },
	{ "tbm", 0x80000001, 0, ECX, 21, NONE },
	{ "topoext", 0x80000001, 0, ECX, 22, SYS },

	{ "syscall", 0x80000001, 0, EDX, 11, 1 },
	{ "nx", 0x80000001, 0, EDX, 20, SYS },
	{ "mmxext", 0x80000001, 0, EDX, 22, NONE },
	{ "fxsr_opt", 0x80000001, 0, EDX, 25, SYS },
	{ "pdpe1gb", 0x80000001, 0, EDX, 26, SYS },
	{ "rdtscp", 0x80000001, 0, EDX, 27, NONE },
	{ "lm", 0x80000001, 0, EDX, 29, 1 },
	{ "3dnowext", 0x80000001, 0, EDX, 30, NONE },
	{ "3dnow", 0x80000001, 0, EDX, 31, NONE },

	/*
	 * The KVM guest ABI (Documentation/virt/kvm/x86/cpuid.rst of the kernel);
	 * "kvm" is a letter of its signature, which is shown whole or not at all.
	 */
	{ "kvm", 0x40000000, 0, EBX, 0, SYS },
	{ "kvmclock-old", 0x40000001, 0, EAX, 0, SYS },
	{ "nop-io-delay", 0x40000001, 0, EAX, 1, SYS },
	{ "kvmclock", 0x40000001, 0, EAX, 3, SYS },
	{ "async-pf", 0x40000001, 0, EAX, 4, SYS },
	{ "steal-time", 0x40000001, 0, EAX, 5, SYS },
	{ "pv-eoi", 0x40000001, 0, EAX, 6, SYS },
	{ "pv-unhalt", 0x40000001, 0, EAX, 7, SYS },
	{ "pv-tlb-flush", 0x40000001, 0, EAX, 9, SYS },
	{ "pv-ipi", 0x40000001, 0, EAX, 11, SYS },
	{ "poll-control", 0x40000001, 0, EAX, 12, SYS },
	{ "pv-sched-yield", 0x40000001, 0, EAX, 13, SYS },
	{ "async-pf-int", 0x40000001, 0, EAX, 14, SYS },
	{ "msi-ext-dest-id", 0x40000001, 0, EAX, 15, SYS },
	{ "kvmclock-stable", 0x40000001, 0, EAX, 24, SYS },

	{ "invtsc", 0x80000007, 0, EDX, 8, SYS },
	{ "clzero", 0x80000008, 0, EBX, 0, NONE },
	{ "xsaveerptr", 0x80000008, 0, EBX, 2, SYS },
	{ "amd_ibpb", 0x80000008, 0, EBX, 12, SYS },
	{ "amd_ibrs", 0x80000008, 0, EBX, 14, SYS },
	{ "amd_stibp", 0x80000008, 0, EBX, 15, SYS },
	{ "amd_ssbd", 0x80000008, 0, EBX, 24, SYS },
};

#define FEATURES	(sizeof(features) / sizeof(features[0]))

/* 80000001H:EDX of AMD has these of 01H:EDX once more. */
#define EDX_COPIES	0x0183f3ffU

/* What makes no sense without what; more than one line where more is needed. */
static const struct {
	const char *name, *needs;
} needs[] = {
	{ "sse", "fxsr" }, { "sse2", "sse" }, { "pni", "sse2" }, { "ssse3", "pni" },
	{ "sse4_1", "ssse3" }, { "sse4_2", "sse4_1" }, { "sse4a", "pni" }, { "aes", "sse2" },
	{ "pclmulqdq", "sse2" }, { "sha_ni", "sse2" }, { "gfni", "sse2" },
	{ "misalignsse", "sse" }, { "mmxext", "mmx" }, { "3dnow", "mmx" },
	{ "3dnowext", "3dnow" }, { "fxsr_opt", "fxsr" },
	{ "avx", "xsave" }, { "avx", "sse4_2" }, { "xsaveopt", "xsave" }, { "xsavec", "xsave" },
	{ "xgetbv1", "xsave" }, { "xsaveerptr", "xsave" },
	{ "f16c", "avx" }, { "fma", "avx" }, { "avx2", "avx" }, { "vaes", "avx" },
	{ "vaes", "aes" }, { "vpclmulqdq", "avx" }, { "vpclmulqdq", "pclmulqdq" },
	{ "xop", "avx" }, { "fma4", "avx" }, { "sha512", "avx2" }, { "sm3", "avx" },
	{ "sm4", "avx2" }, { "avx_vnni", "avx2" }, { "avx_ifma", "avx2" },
	{ "avx_vnni_int8", "avx2" }, { "avx_vnni_int16", "avx2" }, { "avx_ne_convert", "avx2" },
	{ "avx512f", "avx2" }, { "avx512dq", "avx512f" }, { "avx512ifma", "avx512f" },
	{ "avx512pf", "avx512f" }, { "avx512er", "avx512f" }, { "avx512cd", "avx512f" },
	{ "avx512bw", "avx512f" }, { "avx512vl", "avx512f" }, { "avx512vbmi", "avx512bw" },
	{ "avx512_vbmi2", "avx512bw" }, { "avx512_vnni", "avx512f" },
	{ "avx512_bitalg", "avx512bw" }, { "avx512_vpopcntdq", "avx512f" },
	{ "avx512_4vnniw", "avx512f" }, { "avx512_4fmaps", "avx512f" },
	{ "avx512_vp2intersect", "avx512f" }, { "avx512_fp16", "avx512bw" },
	{ "avx512_bf16", "avx512bw" },
	{ "x2apic", "apic" }, { "tsc_deadline_timer", "apic" }, { "tsc_adjust", "tsc" },
	{ "rdtscp", "tsc" }, { "invtsc", "tsc" }, { "cx16", "cx8" }, { "lm", "pae" },
	{ "nx", "pae" }, { "syscall", "lm" }, { "lahf_lm", "lm" }, { "pdpe1gb", "lm" },
	{ "pcid", "lm" }, { "cr8_legacy", "apic" }, { "pse36", "pse" },
	{ "kvm", "hypervisor" }, { "kvmclock", "kvm" }, { "kvmclock", "tsc" },
	{ "kvmclock-old", "kvmclock" }, { "kvmclock-stable", "kvmclock" },
	{ "nop-io-delay", "kvm" }, { "steal-time", "kvm" }, { "pv-tlb-flush", "steal-time" },
	{ "pv-eoi", "kvm" }, { "pv-eoi", "apic" }, { "pv-ipi", "kvm" }, { "pv-ipi", "apic" },
	{ "pv-unhalt", "kvm" }, { "pv-sched-yield", "kvm" }, { "poll-control", "kvm" },
	{ "async-pf", "kvm" }, { "async-pf-int", "async-pf" }, { "async-pf-int", "apic" },
	{ "msi-ext-dest-id", "kvm" },
};

static const struct feature *find(const char *name)
{
	size_t i;

	for (i = 0; i < FEATURES; i++)
		if (!strcmp(features[i].name, name))
			return &features[i];
	return NULL;
}

/* ---- what the user wrote --------------------------------------------------- */

enum wish { AS_HOST, ON, OFF };

struct wishes {
	enum wish wish[FEATURES];
	unsigned int model;	/* 1 to 4; 0: the host's */
};

static int parse_model(const char *value, struct wishes *w, struct err *e)
{
	static const char *const models[] = {
		"host", "x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4",
	};
	size_t i;

	for (i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
		if (!strcmp(value, models[i])) {
			w->model = i;
			return 0;
		}
	}
	return err_set(e, "\"%s\": expected the model host, x86-64, x86-64-v2, x86-64-v3 or x86-64-v4",
		       value);
}

static int parse_part(char *part, struct wishes *w, bool *has_model, struct err *e)
{
	char *value = strchr(part, '=');
	const struct feature *f;
	enum wish *wish;

	if (!value)
		return err_set(e, "\"%s\": expected FEATURE=on, FEATURE=off or model=MODEL", part);
	*value++ = '\0';
	if (!strcmp(part, "model")) {
		if (*has_model)
			return err_set(e, "model= is given twice");
		*has_model = true;
		return parse_model(value, w, e);
	}
	f = find(part);
	if (!f)
		return err_set(e, "\"%s\": there is no CPU feature of this name", part);
	wish = &w->wish[f - features];
	if (*wish != AS_HOST)
		return err_set(e, "%s= is given twice", part);
	if (!strcmp(value, "on"))
		*wish = ON;
	else if (!strcmp(value, "off"))
		*wish = OFF;
	else
		return err_set(e, "\"%s=%s\": expected on or off", part, value);
	return 0;
}

static int parse(const char *str, struct wishes *w, struct err *e)
{
	char *copy = strdup(str), *next = copy, *part;
	bool has_model = false;
	int ret = 0;

	memset(w, 0, sizeof(*w));
	if (!copy)
		return err_set(e, "out of memory");
	while (!ret && (part = strsep(&next, ",")))
		ret = parse_part(part, w, &has_model, e);
	free(copy);
	return ret;
}

int cpu_features_check(const char *str, struct err *e)
{
	struct wishes w;

	return parse(str, &w, e);
}

/* ---- the table ----------------------------------------------------------------- */

struct table {
	struct holm_cpuid_entry *entries;
	unsigned int nent;
};

static struct holm_cpuid_entry *leaf(const struct table *t, uint32_t function, uint32_t index)
{
	unsigned int i;

	for (i = 0; i < t->nent; i++)
		if (t->entries[i].function == function && t->entries[i].index == index)
			return &t->entries[i];
	return NULL;
}

static uint32_t *reg_of(struct holm_cpuid_entry *e, enum reg reg)
{
	switch (reg) {
	case EAX:
		return &e->eax;
	case EBX:
		return &e->ebx;
	case ECX:
		return &e->ecx;
	default:
		return &e->edx;
	}
}

static bool has(const struct table *t, const struct feature *f)
{
	struct holm_cpuid_entry *e = leaf(t, f->function, f->index);

	return e && *reg_of(e, f->reg) & 1U << f->bit;
}

static void clear(const struct table *t, const struct feature *f)
{
	struct holm_cpuid_entry *e = leaf(t, f->function, f->index);

	if (e)
		*reg_of(e, f->reg) &= ~(1U << f->bit);
	if (f->function == 1 && f->reg == EDX && EDX_COPIES & 1U << f->bit) {
		e = leaf(t, 0x80000001, 0);
		if (e)
			e->edx &= ~(1U << f->bit);
	}
}

/* Until nothing is left that needs what is not there. */
static void clear_needy(const struct table *t)
{
	bool again;
	size_t i;

	do {
		again = false;
		for (i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
			const struct feature *f = find(needs[i].name);

			if (has(t, f) && !has(t, find(needs[i].needs))) {
				clear(t, f);
				again = true;
			}
		}
	} while (again);
}

#define XCR0_AVX	(1U << 2)
#define XCR0_AVX512	(7U << 5)

/* Leaf 0DH: the state of what is left, and nothing without XSAVE. */
static void trim_xsave(struct table *t)
{
	struct holm_cpuid_entry *e = leaf(t, 0xd, 0);
	bool xsave = has(t, find("xsave"));
	unsigned int i, n = 0;
	uint32_t xcr0;

	if (!e)
		return;
	if (!has(t, find("avx")))
		e->eax &= ~XCR0_AVX;
	if (!has(t, find("avx512f")))
		e->eax &= ~XCR0_AVX512;
	xcr0 = e->eax;
	for (i = 0; i < t->nent; i++) {
		const struct holm_cpuid_entry *from = &t->entries[i];

		if (from->function == 0xd && !xsave)
			continue;
		if (from->function == 0xd && from->index >= 2 && from->index < 32 &&
		    !(xcr0 & 1U << from->index))
			continue;
		t->entries[n++] = *from;
	}
	t->nent = n;
}

/* Another signature than the whole one is no signature. */
static void trim_kvm(struct table *t)
{
	unsigned int i, n = 0;

	if (has(t, find("kvm")))
		return;
	for (i = 0; i < t->nent; i++)
		if (t->entries[i].function >> 16 != 0x4000)
			t->entries[n++] = t->entries[i];
	t->nent = n;
}

/* ---- all together -------------------------------------------------------------- */

static int check_host(const struct table *t, const struct wishes *w, struct err *e)
{
	size_t i;

	for (i = 0; i < FEATURES; i++) {
		const struct feature *f = &features[i];

		if (has(t, f))
			continue;
		if (w->wish[i] == ON)
			return err_set(e, "%s=on: guests cannot have it on this host", f->name);
		if (w->model && f->level != SYS && f->level <= w->model && w->wish[i] != OFF)
			return err_set(e, "model=: guests cannot have %s, which the model has, on this host",
				       f->name);
	}
	return 0;
}

int cpu_features_apply(const char *str, struct holm_cpuid_entry *entries, unsigned int *nent,
		       struct err *e)
{
	struct table t = { entries, *nent };
	struct wishes w;
	size_t i;

	if (parse(str, &w, e) || check_host(&t, &w, e))
		return -1;
	for (i = 0; i < FEATURES; i++) {
		bool above = w.model && features[i].level > w.model;

		if (w.wish[i] == OFF || (above && w.wish[i] != ON))
			clear(&t, &features[i]);
	}
	clear_needy(&t);
	for (i = 0; i < FEATURES; i++)
		if (w.wish[i] == ON && !has(&t, &features[i]))
			return err_set(e, "%s=on: it needs a feature that is off", features[i].name);
	trim_xsave(&t);
	trim_kvm(&t);
	*nent = t.nent;
	return 0;
}
