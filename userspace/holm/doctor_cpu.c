// SPDX-License-Identifier: GPL-2.0-or-later
/* "holm doctor": the processor and who owns its virtualization. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor.h"

#define CPUID_1_ECX_VMX			(1U << 5)
#define CPUID_1_ECX_HYPERVISOR		(1U << 31)
#define CPUID_80000001_ECX_SVM		(1U << 2)
#define CPUID_8000000A_EDX_NP		(1U << 0)

#define MSR_IA32_FEATURE_CONTROL	0x3a
#define FEATURE_CONTROL_LOCKED		(1ULL << 0)
#define FEATURE_CONTROL_VMX		(1ULL << 2)	/* outside SMX */
#define MSR_IA32_VMX_PROCBASED_CTLS	0x482
#define MSR_IA32_VMX_PROCBASED_CTLS2	0x48b
#define CTLS_SECONDARY			(1ULL << 31)
#define CTLS2_EPT			(1ULL << 1)
#define CTLS2_UNRESTRICTED		(1ULL << 7)
#define MSR_VM_CR			0xc0010114
#define VM_CR_SVMDIS			(1ULL << 4)

#define CPUINFO_MAX			(64U << 10)	/* the first CPU is enough */

#define FIRMWARE_REMEDY(_names) \
	"enable " _names " in the firmware (BIOS) setup, then switch the machine off and on"

enum cpu_vendor {
	CPU_INTEL,
	CPU_AMD,
	CPU_OTHER,
};

static enum cpu_vendor cpu_vendor(const struct doctor_env *env, char name[13])
{
	uint32_t r[4];

	env->cpuid(0, 0, r);
	memcpy(name, &r[1], 4);
	memcpy(name + 4, &r[3], 4);
	memcpy(name + 8, &r[2], 4);
	name[12] = '\0';
	if (!strcmp(name, "GenuineIntel"))
		return CPU_INTEL;
	if (!strcmp(name, "AuthenticAMD") || !strcmp(name, "HygonGenuine"))
		return CPU_AMD;
	return CPU_OTHER;
}

static bool under_hypervisor(const struct doctor_env *env, char name[13])
{
	uint32_t r[4];

	name[0] = '\0';
	env->cpuid(1, 0, r);
	if (!(r[2] & CPUID_1_ECX_HYPERVISOR))
		return false;
	env->cpuid(0x40000000, 0, r);
	memcpy(name, &r[1], 12);
	name[12] = '\0';
	for (char *p = name; *p; p++) {
		if (*p < 0x20 || *p > 0x7e)
			*p = '?';
	}
	return true;
}

static int read_msr(const struct doctor_env *env, uint32_t msr, uint64_t *val)
{
	char path[PATH_MAX];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/dev/cpu/0/msr", env->root);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = pread(fd, val, sizeof(*val), msr);
	close(fd);
	return n == sizeof(*val) ? 0 : -EIO;
}

/* Whether a word is in a line "key : word word ..." of /proc/cpuinfo. */
static bool cpuinfo_has(const char *cpuinfo, const char *key, const char *word)
{
	size_t keylen = strlen(key), len = strlen(word);
	const char *line = cpuinfo;

	for (; line; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
		const char *p, *end;

		if (strncmp(line, key, keylen) || (line[keylen] != '\t' && line[keylen] != ':'))
			continue;
		end = strchrnul(line, '\n');
		for (p = line + keylen; p < end; p += strcspn(p, " \t\n")) {
			p += strspn(p, " \t:");
			if (strcspn(p, " \t\n") == len && !strncmp(p, word, len))
				return true;
			if (p >= end)
				break;
		}
		return false;
	}
	return false;
}

static void check_intel(const struct doctor_env *env, const char *cpuinfo,
			struct doctor_report *report)
{
	static const char msr_remedy[] =
		"run \"modprobe msr\" and then \"holm doctor\" as root";
	bool kernel_vmx = cpuinfo_has(cpuinfo, "flags", "vmx");
	uint64_t ctl, procbased, procbased2;
	bool ept, unrestricted;

	if (!read_msr(env, MSR_IA32_FEATURE_CONTROL, &ctl)) {
		if ((ctl & FEATURE_CONTROL_LOCKED) && !(ctl & FEATURE_CONTROL_VMX))
			doctor_add(report, "firmware", DOCTOR_FAIL,
				   FIRMWARE_REMEDY("\"Intel Virtualization Technology\" (VT-x)"),
				   "IA32_FEATURE_CONTROL is 0x%" PRIx64
				   ": the firmware has locked VMX off", ctl);
		else
			doctor_add(report, "firmware", DOCTOR_OK, NULL,
				   "IA32_FEATURE_CONTROL is 0x%" PRIx64 ": VMX is enabled", ctl);
	} else if (kernel_vmx) {
		doctor_add(report, "firmware", DOCTOR_OK, NULL,
			   "the kernel reports VMX as usable (/proc/cpuinfo)");
	} else {
		doctor_add(report, "firmware", DOCTOR_FAIL,
			   FIRMWARE_REMEDY("\"Intel Virtualization Technology\" (VT-x)"),
			   "the CPU has VMX, but the kernel found it disabled (no vmx in /proc/cpuinfo)");
	}

	if (!read_msr(env, MSR_IA32_VMX_PROCBASED_CTLS, &procbased)) {
		/* The upper half has the bits that may be 1 (SDM vol. 3, A.3). */
		procbased >>= 32;
		if (!(procbased & CTLS_SECONDARY) ||
		    read_msr(env, MSR_IA32_VMX_PROCBASED_CTLS2, &procbased2))
			procbased2 = 0;
		procbased2 >>= 32;
		ept = procbased2 & CTLS2_EPT;
		unrestricted = procbased2 & CTLS2_UNRESTRICTED;
	} else if (kernel_vmx && strstr(cpuinfo, "vmx flags")) {
		ept = cpuinfo_has(cpuinfo, "vmx flags", "ept");
		unrestricted = cpuinfo_has(cpuinfo, "vmx flags", "unrestricted_guest");
	} else {
		doctor_add(report, "nested-paging", DOCTOR_UNKNOWN, msr_remedy,
			   "cannot read the VMX capabilities: no /dev/cpu/0/msr");
		return;
	}
	if (ept && unrestricted)
		doctor_add(report, "nested-paging", DOCTOR_OK, NULL,
			   "EPT and unrestricted guest are available");
	else
		doctor_add(report, "nested-paging", DOCTOR_FAIL,
			   "use a CPU from 2010 or later; in a virtual machine, pass the host's CPU model through (QEMU: -cpu host)",
			   "%s%s%s missing: holm needs both EPT and unrestricted guest",
			   ept ? "" : "EPT", ept || unrestricted ? "" : " and ",
			   unrestricted ? "" : "unrestricted guest");
}

static void check_amd(const struct doctor_env *env, struct doctor_report *report)
{
	uint64_t vm_cr;
	uint32_t r[4];
	int ret;

	ret = read_msr(env, MSR_VM_CR, &vm_cr);
	if (ret)
		doctor_add(report, "firmware", DOCTOR_UNKNOWN,
			   "run \"modprobe msr\" and then \"holm doctor\" as root",
			   "cannot read VM_CR from /dev/cpu/0/msr: %s", strerror(-ret));
	else if (vm_cr & VM_CR_SVMDIS)
		doctor_add(report, "firmware", DOCTOR_FAIL,
			   FIRMWARE_REMEDY("\"SVM Mode\" (AMD-V)"),
			   "VM_CR is 0x%" PRIx64 ": the firmware has disabled SVM (SVMDIS)",
			   vm_cr);
	else
		doctor_add(report, "firmware", DOCTOR_OK, NULL,
			   "VM_CR is 0x%" PRIx64 ": SVM is enabled", vm_cr);

	env->cpuid(0x8000000a, 0, r);
	if (r[3] & CPUID_8000000A_EDX_NP)
		doctor_add(report, "nested-paging", DOCTOR_OK, NULL,
			   "nested paging (NPT) is available");
	else
		doctor_add(report, "nested-paging", DOCTOR_FAIL,
			   "use a CPU from 2010 or later; in a virtual machine, pass the host's CPU model through (QEMU: -cpu host)",
			   "the CPU has SVM without nested paging (NPT)");
}

static void check_hypervisor(const struct doctor_env *env, struct doctor_report *report,
			     bool has_virt)
{
	char name[13];

	if (!under_hypervisor(env, name))
		doctor_add(report, "hypervisor", DOCTOR_OK, NULL,
			   "no hypervisor announces itself: this looks like a real machine");
	else
		doctor_add(report, "hypervisor", has_virt ? DOCTOR_OK : DOCTOR_WARN, NULL,
			   "this machine is itself virtual (hypervisor \"%s\"): guests run %s",
			   name, has_virt ? "nested or emulated, and slower" :
			   "only when it passes virtualization on");
}

/*
 * From 6.12 on KVM enables virtualization when its module loads, unless told
 * otherwise; before that, while it has a VM.
 */
static void check_kvm(const struct doctor_env *env, enum cpu_vendor vendor,
		      struct doctor_report *report)
{
	const char *module = vendor == CPU_AMD ? "kvm_amd" : "kvm_intel";
	char path[64], buf[32], remedy[160];
	long users = 0;

	snprintf(path, sizeof(path), "/sys/module/%s", module);
	if (!doctor_exists(env, path)) {
		doctor_add(report, "kvm", DOCTOR_OK, NULL, "%s is not loaded", module);
		return;
	}
	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", module);
	if (doctor_read(env, path, buf, sizeof(buf)) > 0)
		users = strtol(buf, NULL, 10);
	snprintf(remedy, sizeof(remedy),
		 "end the virtual machines of KVM, then run \"modprobe -r %s kvm\"", module);
	if (users > 0) {
		doctor_add(report, "kvm", DOCTOR_FAIL, remedy,
			   "%s is loaded and in use (%ld users): KVM owns the CPU's virtualization",
			   module, users);
		return;
	}

	snprintf(remedy, sizeof(remedy),
		 "modprobe -r %s kvm; to keep it out: echo blacklist %s >/etc/modprobe.d/holm.conf",
		 module, module);
	if (doctor_read(env, "/sys/module/kvm/parameters/enable_virt_at_load", buf,
			sizeof(buf)) > 0 && buf[0] == 'Y')
		doctor_add(report, "kvm", DOCTOR_FAIL, remedy,
			   "%s is loaded, and this kernel's KVM owns the CPU's virtualization as long as it is",
			   module);
	else
		doctor_add(report, "kvm", DOCTOR_WARN, remedy,
			   "%s is loaded but idle: while a KVM guest runs, holm cannot, and the other way round",
			   module);
}

void doctor_check_cpu(const struct doctor_env *env, struct doctor_report *report)
{
	char name[13], hypervisor[13], *cpuinfo;
	enum cpu_vendor vendor = cpu_vendor(env, name);
	bool has_virt = false;
	uint32_t r[4];

	if (vendor == CPU_INTEL) {
		env->cpuid(1, 0, r);
		has_virt = r[2] & CPUID_1_ECX_VMX;
	} else if (vendor == CPU_AMD) {
		env->cpuid(0x80000000, 0, r);
		if (r[0] >= 0x8000000a) {
			env->cpuid(0x80000001, 0, r);
			has_virt = r[2] & CPUID_80000001_ECX_SVM;
		}
	}

	if (vendor == CPU_OTHER)
		doctor_add(report, "cpu", DOCTOR_FAIL,
			   "use a machine with an Intel or AMD CPU",
			   "the CPU vendor is \"%s\", expected Intel or AMD", name);
	else if (has_virt)
		doctor_add(report, "cpu", DOCTOR_OK, NULL, "%s with %s", name,
			   vendor == CPU_INTEL ? "VMX (VT-x)" : "SVM (AMD-V)");
	else
		doctor_add(report, "cpu", DOCTOR_FAIL, under_hypervisor(env, hypervisor) ?
			   "let the outer hypervisor pass virtualization on (KVM: load kvm_intel or kvm_amd with nested=1, and start QEMU with -cpu host)" :
			   FIRMWARE_REMEDY("virtualization (VT-x or SVM Mode)"),
			   "%s without %s", name,
			   vendor == CPU_INTEL ? "VMX (VT-x)" : "SVM (AMD-V)");

	if (has_virt) {
		cpuinfo = calloc(1, CPUINFO_MAX);
		if (cpuinfo)
			doctor_read(env, "/proc/cpuinfo", cpuinfo, CPUINFO_MAX);
		if (vendor == CPU_INTEL)
			check_intel(env, cpuinfo ? cpuinfo : "", report);
		else
			check_amd(env, report);
		free(cpuinfo);
	}
	check_hypervisor(env, report, has_virt);
	if (vendor != CPU_OTHER)
		check_kvm(env, vendor, report);
}
