// SPDX-License-Identifier: GPL-2.0-or-later
/* "holm doctor" on machines made of files and a CPUID table. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>
#include <linux/holm.h>

#include "doctor.h"

#define RELEASE		"6.12.1-test"
#define MODULES_DEP	"/lib/modules/" RELEASE "/modules.dep"
#define SECURE_BOOT \
	"/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
#define FEATURE_CONTROL	0x3a
#define CTLS		0x482
#define CTLS2		0x48b
#define VM_CR		0xc0010114

static char root[64];

/* What CPUID answers. */
static struct {
	const char *vendor;
	bool vmx, svm, np, hypervisor;
} cpu;

static void fake_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t r[4])
{
	(void)subleaf;
	memset(r, 0, 16);
	switch (leaf) {
	case 0:
		r[0] = 1;
		memcpy(&r[1], cpu.vendor, 4);
		memcpy(&r[3], cpu.vendor + 4, 4);
		memcpy(&r[2], cpu.vendor + 8, 4);
		break;
	case 1:
		r[2] = (cpu.vmx ? 1U << 5 : 0) | (cpu.hypervisor ? 1U << 31 : 0);
		break;
	case 0x40000000:
		memcpy(&r[1], "KVMKVMKVM\0\0", 12);
		break;
	case 0x80000000:
		r[0] = 0x8000000a;
		break;
	case 0x80000001:
		r[2] = cpu.svm ? 1U << 2 : 0;
		break;
	case 0x8000000a:
		r[3] = cpu.np;
		break;
	}
}

static int api_answer;

static int fake_api(const char *path)
{
	assert_non_null(strstr(path, "/dev/holm"));
	return api_answer;
}

static const gid_t gids[] = { 1000, 27 };

static struct doctor_env env = {
	.root = root,
	.release = RELEASE,
	.user = "eve",
	.gids = gids,
	.nr_gids = 2,
	.cpuid = fake_cpuid,
	.api_version = fake_api,
};

static void full_path(char path[PATH_MAX], const char *name)
{
	snprintf(path, PATH_MAX, "%s%s", root, name);
	for (char *p = path + strlen(root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		if (mkdir(path, 0755))
			assert_int_equal(errno, EEXIST);
		*p = '/';
	}
}

static void put_at(const char *name, off_t offset, const void *data, size_t len)
{
	char path[PATH_MAX];
	int fd;

	full_path(path, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, data, len, offset), (ssize_t)len);
	close(fd);
}

static void put_text(const char *name, const char *text)
{
	char path[PATH_MAX];

	full_path(path, name);
	unlink(path);
	put_at(name, 0, text, strlen(text));
}

static void put_msr(uint32_t msr, uint64_t val)
{
	/* The file of an MSR device: the offset is the number. */
	put_at("/dev/cpu/0/msr", msr, &val, sizeof(val));
}

static void remove_path(const char *name)
{
	char path[PATH_MAX];

	full_path(path, name);
	if (remove(path))
		assert_int_equal(errno, ENOENT);
}

static void put_device(mode_t mode, gid_t gid)
{
	char path[PATH_MAX];

	remove_path("/dev/holm");
	full_path(path, "/dev/holm");
	if (mknod(path, S_IFCHR | mode, makedev(1, 3)) || chmod(path, mode) ||
	    chown(path, 0, gid))
		skip();
}

/* A device without root: what a link leads to counts. */
static void link_device(void)
{
	char path[PATH_MAX];

	remove_path("/dev/holm");
	full_path(path, "/dev/holm");
	assert_int_equal(symlink("/dev/null", path), 0);
}

static int setup(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "/tmp/holm-doctor-XXXXXX");
	if (!mkdtemp(root))
		return -1;
	/* A machine on which all is well. */
	cpu.vendor = "GenuineIntel";
	cpu.vmx = true;
	cpu.svm = cpu.np = cpu.hypervisor = false;
	env.uid = 0;
	env.release = RELEASE;
	api_answer = HOLM_API_VERSION;
	put_text("/proc/cpuinfo",
		 "processor\t: 0\nflags\t\t: fpu vmx sse\n"
		 "vmx flags\t: vnmi ept vpid unrestricted_guest\n");
	put_text("/sys/module/holm/version", "0.1.0\n");
	link_device();
	put_text("/sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
	put_text("/sys/module/module/parameters/sig_enforce", "N\n");
	return 0;
}

static int rm_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	(void)state;
	return nftw(root, rm_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct doctor_report report;

static const struct doctor_result *find(const char *check)
{
	for (unsigned int i = 0; i < report.nr; i++) {
		if (!strcmp(report.results[i].check, check))
			return &report.results[i];
	}
	return NULL;
}

static void run(void)
{
	memset(&report, 0, sizeof(report));
	doctor_check_cpu(&env, &report);
	doctor_check_host(&env, &report);
	assert_in_range(report.nr, 1, DOCTOR_MAX_RESULTS - 1);
	for (unsigned int i = 0; i < report.nr; i++) {
		const struct doctor_result *r = &report.results[i];

		assert_ptr_equal(find(r->check), r);
		assert_true(r->detail[0]);
		/* Whoever is told of a failure is told what to do. */
		if (r->state == DOCTOR_FAIL && !r->remedy[0])
			fail_msg("%s fails without a remedy", r->check);
	}
}

static void expect(const char *check, enum doctor_state want, const char *detail,
		   const char *remedy)
{
	const struct doctor_result *r;

	run();
	r = find(check);
	if (!r)
		fail_msg("%s: not checked", check);
	if (r->state != want || !strstr(r->detail, detail) || !strstr(r->remedy, remedy))
		fail_msg("%s: %s, \"%s\", \"%s\"; expected %s, \"%s\", \"%s\"", check,
			 doctor_state_name(r->state), r->detail, r->remedy,
			 doctor_state_name(want), detail, remedy);
	if (want == DOCTOR_FAIL)
		assert_false(doctor_can_run(&report));
}

static void test_all_well(void **state)
{
	(void)state;
	run();
	for (unsigned int i = 0; i < report.nr; i++) {
		if (report.results[i].state != DOCTOR_OK)
			fail_msg("%s: %s", report.results[i].check, report.results[i].detail);
	}
	assert_true(doctor_can_run(&report));
	assert_int_equal(report.nr, 11);

	cpu.vendor = "AuthenticAMD";
	cpu.svm = cpu.np = true;
	put_msr(VM_CR, 0);
	run();
	assert_true(doctor_can_run(&report));
	assert_int_equal(find("firmware")->state, DOCTOR_OK);
	assert_int_equal(find("nested-paging")->state, DOCTOR_OK);
}

static void test_cpu(void **state)
{
	(void)state;
	cpu.vmx = false;
	expect("cpu", DOCTOR_FAIL, "GenuineIntel without VMX", "firmware");
	assert_null(find("nested-paging"));
	cpu.hypervisor = true;
	expect("cpu", DOCTOR_FAIL, "without VMX", "nested=1");
	expect("hypervisor", DOCTOR_WARN, "\"KVMKVMKVM\"", "");
	cpu.vmx = true;
	expect("hypervisor", DOCTOR_OK, "nested or emulated", "");
	cpu.vendor = "AuthenticAMD";
	expect("cpu", DOCTOR_FAIL, "AuthenticAMD without SVM", "nested=1");
	cpu.vendor = "HygonGenuine";
	cpu.svm = true;
	expect("cpu", DOCTOR_OK, "HygonGenuine with SVM", "");
	cpu.vendor = "CentaurHauls";
	expect("cpu", DOCTOR_FAIL, "\"CentaurHauls\"", "Intel or AMD");
}

static void test_firmware(void **state)
{
	(void)state;
	put_msr(FEATURE_CONTROL, 1);
	expect("firmware", DOCTOR_FAIL, "IA32_FEATURE_CONTROL is 0x1", "BIOS");
	put_msr(FEATURE_CONTROL, 5);
	expect("firmware", DOCTOR_OK, "0x5", "");
	put_msr(FEATURE_CONTROL, 0);
	expect("firmware", DOCTOR_OK, "0x0", "");
	remove_path("/dev/cpu/0/msr");
	expect("firmware", DOCTOR_OK, "/proc/cpuinfo", "");
	put_text("/proc/cpuinfo", "flags\t\t: fpu vmxx sse\n");
	expect("firmware", DOCTOR_FAIL, "found it disabled", "BIOS");

	cpu.vendor = "AuthenticAMD";
	cpu.svm = cpu.np = true;
	expect("firmware", DOCTOR_UNKNOWN, "cannot read VM_CR", "modprobe msr");
	assert_true(doctor_can_run(&report));
	put_msr(VM_CR, 0x18);
	expect("firmware", DOCTOR_FAIL, "VM_CR is 0x18", "SVM Mode");
	put_msr(VM_CR, 0x8);
	expect("firmware", DOCTOR_OK, "VM_CR is 0x8", "");
}

static void test_nested_paging(void **state)
{
	(void)state;
	put_msr(FEATURE_CONTROL, 5);
	put_msr(CTLS2, 0x82ULL << 32);
	put_msr(CTLS, 1ULL << 63);
	expect("nested-paging", DOCTOR_OK, "EPT and unrestricted guest", "");
	put_msr(CTLS2, 0x02ULL << 32);
	expect("nested-paging", DOCTOR_FAIL, "unrestricted guest missing", "-cpu host");
	put_msr(CTLS2, 0x80ULL << 32);
	expect("nested-paging", DOCTOR_FAIL, "EPT missing", "");
	/* Allowed-0 bits do not count. */
	put_msr(CTLS2, 0x82);
	expect("nested-paging", DOCTOR_FAIL, "EPT and unrestricted guest missing", "");
	put_msr(CTLS2, 0x82ULL << 32);
	put_msr(CTLS, 0);
	expect("nested-paging", DOCTOR_FAIL, "EPT and unrestricted guest missing", "");
	remove_path("/dev/cpu/0/msr");
	expect("nested-paging", DOCTOR_OK, "EPT and", "");
	put_text("/proc/cpuinfo", "flags\t\t: vmx\nvmx flags\t: ept_ad unrestricted_guest\n");
	expect("nested-paging", DOCTOR_FAIL, "EPT missing", "");
	put_text("/proc/cpuinfo", "flags\t\t: vmx\n");
	expect("nested-paging", DOCTOR_UNKNOWN, "cannot read", "modprobe msr");

	cpu.vendor = "AuthenticAMD";
	cpu.svm = true;
	expect("nested-paging", DOCTOR_FAIL, "without nested paging", "2010");
}

static void test_kvm(void **state)
{
	(void)state;
	put_text("/sys/module/kvm_intel/refcnt", "0\n");
	put_text("/sys/module/kvm/parameters/enable_virt_at_load", "Y\n");
	expect("kvm", DOCTOR_FAIL, "owns the CPU", "modprobe -r kvm_intel kvm");
	put_text("/sys/module/kvm/parameters/enable_virt_at_load", "N\n");
	expect("kvm", DOCTOR_WARN, "idle", "modprobe -r kvm_intel kvm");
	assert_true(doctor_can_run(&report));
	put_text("/sys/module/kvm_intel/refcnt", "3\n");
	expect("kvm", DOCTOR_FAIL, "3 users", "modprobe -r kvm_intel kvm");
	/* The other vendor's module owns nothing here. */
	cpu.vendor = "AuthenticAMD";
	cpu.svm = cpu.np = true;
	expect("kvm", DOCTOR_OK, "kvm_amd is not loaded", "");
	put_text("/sys/module/kvm_amd/refcnt", "0\n");
	remove_path("/sys/module/kvm/parameters/enable_virt_at_load");
	expect("kvm", DOCTOR_WARN, "kvm_amd is loaded but idle", "blacklist kvm_amd");
}

static void test_kernel(void **state)
{
	(void)state;
	env.release = "5.10.0-28-amd64";
	expect("kernel", DOCTOR_FAIL, "needs 6.1", "install a kernel");
	env.release = "6.0.9";
	expect("kernel", DOCTOR_FAIL, "6.0.9", "");
	env.release = "6.1.0-44-cloud-amd64";
	expect("kernel", DOCTOR_OK, "Linux 6.1.0", "");
	env.release = "7.0.0";
	expect("kernel", DOCTOR_OK, "Linux 7.0.0", "");
	env.release = "next";
	expect("kernel", DOCTOR_UNKNOWN, "next", "");
}

static void test_module(void **state)
{
	(void)state;
	expect("module", DOCTOR_OK, "version 0.1.0", "");
	remove_path("/sys/module/holm/version");
	expect("module", DOCTOR_OK, "version unknown", "");
	remove_path("/sys/module/holm");
	expect("module", DOCTOR_FAIL, "no holm.ko for kernel " RELEASE, "make install");
	put_text(MODULES_DEP, "kernel/a.ko:\nupdates/holmium.ko: x/holm.ko\n");
	expect("module", DOCTOR_FAIL, "no holm.ko", "make install");
	put_text(MODULES_DEP, "kernel/a.ko:\nupdates/dkms/holm.ko.xz: kernel/b.ko\n");
	expect("module", DOCTOR_FAIL,
	       "/lib/modules/" RELEASE "/updates/dkms/holm.ko.xz), but not loaded",
	       "modprobe holm");
}

static void test_device(void **state)
{
	(void)state;
	expect("device", DOCTOR_OK, "can be used, API version", "");
	api_answer = HOLM_API_VERSION + 1;
	expect("device", DOCTOR_FAIL, "the module speaks API version", "same release");
	api_answer = -ENOTTY;
	expect("device", DOCTOR_FAIL, "does not answer", "modprobe -r holm");
	remove_path("/dev/holm");
	expect("device", DOCTOR_FAIL, "cannot be found", "udevadm");
	remove_path("/sys/module/holm/version");
	remove_path("/sys/module/holm");
	expect("device", DOCTOR_FAIL, "cannot be found", "load the module first");
	put_text("/dev/holm", "");
	expect("device", DOCTOR_FAIL, "not a character device", "rm /dev/holm");
}

static void test_permissions(void **state)
{
	(void)state;
	put_text("/etc/group", "root:x:0:\nholm:x:990:adam\n");
	env.uid = 1000;
	put_device(0660, 990);
	expect("device", DOCTOR_FAIL, "group holm, and eve is not a member",
	       "usermod -aG holm eve");
	put_text("/etc/group", "root:x:0:\nholm:x:990:adam,eve\n");
	expect("device", DOCTOR_FAIL, "not in this session", "newgrp holm");
	put_device(0660, 27);
	expect("device", DOCTOR_OK, "can be used", "");
	put_device(0640, 27);
	expect("device", DOCTOR_FAIL, "mode 0640", "udev rule");
	put_device(0600, 0);
	expect("device", DOCTOR_FAIL, "mode 0600", "udev rule");
	put_device(0666, 0);
	expect("device", DOCTOR_OK, "can be used", "");
	put_device(0600, 0);
	env.uid = 0;
	expect("device", DOCTOR_OK, "can be used", "");
}

static void test_signatures(void **state)
{
	(void)state;
	put_text("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
	put_text("/sys/module/module/parameters/sig_enforce", "Y\n");
	put_at(SECURE_BOOT, 0, "\x06\0\0\0\x01", 5);
	/* The module got in: whatever is on did not keep it out. */
	run();
	assert_true(doctor_can_run(&report));
	expect("secure-boot", DOCTOR_OK, "loaded all the same", "");
	expect("lockdown", DOCTOR_OK, "\"integrity\"", "");

	remove_path("/sys/module/holm/version");
	remove_path("/sys/module/holm");
	expect("secure-boot", DOCTOR_WARN, "Secure Boot is on", "mokutil --import");
	expect("lockdown", DOCTOR_WARN, "\"integrity\"", "mokutil --import");
	expect("module-signatures", DOCTOR_WARN, "enforced", "mokutil --import");
	put_at(SECURE_BOOT, 4, "\0", 1);
	expect("secure-boot", DOCTOR_OK, "off", "");
	put_text(SECURE_BOOT, "xx");
	expect("secure-boot", DOCTOR_UNKNOWN, "cannot read", "mokutil --sb-state");
	remove_path(SECURE_BOOT);
	expect("secure-boot", DOCTOR_OK, "no Secure Boot variable", "");
	put_text("/sys/kernel/security/lockdown", "garbage\n");
	expect("lockdown", DOCTOR_UNKNOWN, "cannot read", "");
	remove_path("/sys/kernel/security/lockdown");
	expect("lockdown", DOCTOR_OK, "no lockdown", "");
	remove_path("/sys/module/module/parameters/sig_enforce");
	expect("module-signatures", DOCTOR_OK, "does not check", "");
}

#define DOCTOR_TEST(_f)	cmocka_unit_test_setup_teardown(_f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DOCTOR_TEST(test_all_well),
		DOCTOR_TEST(test_cpu),
		DOCTOR_TEST(test_firmware),
		DOCTOR_TEST(test_nested_paging),
		DOCTOR_TEST(test_kvm),
		DOCTOR_TEST(test_kernel),
		DOCTOR_TEST(test_module),
		DOCTOR_TEST(test_device),
		DOCTOR_TEST(test_permissions),
		DOCTOR_TEST(test_signatures),
	};

	return cmocka_run_group_tests_name("doctor", tests, NULL, NULL);
}
