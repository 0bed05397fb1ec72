// SPDX-License-Identifier: GPL-2.0-or-later
/* "holm doctor": kernel, module, device, and what keeps modules out. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/holm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doctor.h"

#define KERNEL_MIN_MAJOR	6
#define KERNEL_MIN_MINOR	1
#define DEVICE			"/dev/holm"
#define DEVICE_GROUP		"holm"
#define SECURE_BOOT \
	"/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"

static void check_kernel(const struct doctor_env *env, struct doctor_report *report)
{
	unsigned int major, minor;

	if (sscanf(env->release, "%u.%u", &major, &minor) != 2)
		doctor_add(report, "kernel", DOCTOR_UNKNOWN, NULL,
			   "cannot make sense of the kernel release \"%s\"", env->release);
	else if (major < KERNEL_MIN_MAJOR ||
		 (major == KERNEL_MIN_MAJOR && minor < KERNEL_MIN_MINOR))
		doctor_add(report, "kernel", DOCTOR_FAIL,
			   "install a kernel of version 6.1 or later and reboot",
			   "the kernel is %s, holm needs 6.1 or later", env->release);
	else
		doctor_add(report, "kernel", DOCTOR_OK, NULL, "Linux %s", env->release);
}

/* Looks for the module in modules.dep, as modprobe does. */
static bool module_installed(const struct doctor_env *env, char *where, size_t size)
{
	char path[PATH_MAX], *line = NULL, *colon, *base;
	size_t cap = 0;
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "%s/lib/modules/%s/modules.dep", env->root, env->release);
	f = fopen(path, "re");
	if (!f)
		return false;
	while (!found && getline(&line, &cap, f) > 0) {
		colon = strchr(line, ':');
		if (!colon)
			continue;
		*colon = '\0';
		base = strrchr(line, '/');
		base = base ? base + 1 : line;
		if (strncmp(base, "holm.ko", 7) || (base[7] && base[7] != '.'))
			continue;
		snprintf(where, size, "/lib/modules/%s/%s", env->release, line);
		found = true;
	}
	free(line);
	fclose(f);
	return found;
}

static bool check_module(const struct doctor_env *env, struct doctor_report *report)
{
	char version[64], where[256];

	if (doctor_exists(env, "/sys/module/holm")) {
		if (doctor_read(env, "/sys/module/holm/version", version, sizeof(version)) <= 0)
			snprintf(version, sizeof(version), "unknown");
		doctor_add(report, "module", DOCTOR_OK, NULL, "holm is loaded, version %s",
			   version);
		return true;
	}
	if (module_installed(env, where, sizeof(where)))
		doctor_add(report, "module", DOCTOR_FAIL,
			   "modprobe holm (as root; \"dmesg | tail\" says why when it fails)",
			   "holm is installed (%s), but not loaded", where);
	else
		doctor_add(report, "module", DOCTOR_FAIL,
			   "in holm's source directory, as root: make modules && make install && modprobe holm",
			   "no holm.ko for kernel %s is installed", env->release);
	return false;
}

static bool has_gid(const struct doctor_env *env, gid_t gid)
{
	for (size_t i = 0; i < env->nr_gids; i++) {
		if (env->gids[i] == gid)
			return true;
	}
	return false;
}

/* Whether /etc/group lists the user in a group, and that group's name. */
static bool group_db(const struct doctor_env *env, gid_t gid, char *name, size_t size)
{
	char path[PATH_MAX];
	bool member = false;
	struct group *g;
	FILE *f;

	snprintf(name, size, "%u", (unsigned int)gid);
	snprintf(path, sizeof(path), "%s/etc/group", env->root);
	f = fopen(path, "re");
	if (!f)
		return false;
	while ((g = fgetgrent(f)) != NULL) {
		if (g->gr_gid != gid)
			continue;
		snprintf(name, size, "%s", g->gr_name);
		for (char **m = g->gr_mem; env->user && *m; m++)
			member |= !strcmp(*m, env->user);
		break;
	}
	fclose(f);
	return member;
}

static bool may_use(const struct doctor_env *env, const char *path, const struct stat *st)
{
	mode_t want = S_IROTH | S_IWOTH;

	if (env->uid == 0)
		return true;
	/* Access lists count too, but only the kernel can tell. */
	if (!*env->root && !access(path, R_OK | W_OK))
		return true;
	if (st->st_uid == env->uid)
		want <<= 6;
	else if (has_gid(env, st->st_gid))
		want <<= 3;
	return (st->st_mode & want) == want;
}

static void refuse_device(const struct doctor_env *env, const struct stat *st,
			  struct doctor_report *report)
{
	const char *user = env->user ? env->user : "USER";
	char group[64], remedy[256];
	bool member = group_db(env, st->st_gid, group, sizeof(group));

	if (st->st_gid == 0 || !(st->st_mode & S_IRGRP) || !(st->st_mode & S_IWGRP))
		snprintf(remedy, sizeof(remedy),
			 "as root: groupadd -f " DEVICE_GROUP "; install holm's udev rule with \"make install\"; udevadm trigger " DEVICE);
	else if (member)
		snprintf(remedy, sizeof(remedy),
			 "log out and in again, or run \"newgrp %s\": the membership is newer than this session",
			 group);
	else
		snprintf(remedy, sizeof(remedy),
			 "sudo usermod -aG %s %s, then log out and in again", group, user);
	doctor_add(report, "device", DOCTOR_FAIL, remedy,
		   DEVICE " has mode %04o and group %s, and %s is %s: no permission",
		   (unsigned int)(st->st_mode & 07777), group, user,
		   member ? "a member of it, but not in this session" : "not a member");
}

static void check_device(const struct doctor_env *env, bool loaded,
			 struct doctor_report *report)
{
	char path[PATH_MAX];
	struct stat st;
	int version;

	snprintf(path, sizeof(path), "%s" DEVICE, env->root);
	if (stat(path, &st)) {
		doctor_add(report, "device", DOCTOR_FAIL,
			   loaded ? "udevadm trigger --settle; dmesg | grep holm" :
			   "load the module first",
			   DEVICE " cannot be found: %s", strerror(errno));
		return;
	}
	if (!S_ISCHR(st.st_mode)) {
		doctor_add(report, "device", DOCTOR_FAIL,
			   "as root: rm " DEVICE ", then load the module again",
			   DEVICE " is not a character device");
		return;
	}
	if (!may_use(env, path, &st)) {
		refuse_device(env, &st, report);
		return;
	}
	version = env->api_version(path);
	if (version < 0)
		doctor_add(report, "device", DOCTOR_FAIL,
			   "as root: modprobe -r holm && modprobe holm; dmesg | grep holm",
			   DEVICE " does not answer: %s", strerror(-version));
	else if (version != HOLM_API_VERSION)
		doctor_add(report, "device", DOCTOR_FAIL,
			   "install module and launcher of the same release",
			   "the module speaks API version %d, this launcher %d", version,
			   HOLM_API_VERSION);
	else
		doctor_add(report, "device", DOCTOR_OK, NULL,
			   DEVICE " can be used, API version %d", version);
}

static void check_secure_boot(const struct doctor_env *env, bool loaded,
			      struct doctor_report *report)
{
	unsigned char var[8];
	char path[PATH_MAX];
	ssize_t n = -1;
	int fd;

	if (!doctor_exists(env, "/sys/firmware/efi")) {
		doctor_add(report, "secure-boot", DOCTOR_OK, NULL,
			   "the machine was not started by UEFI: no Secure Boot");
		return;
	}
	snprintf(path, sizeof(path), "%s" SECURE_BOOT, env->root);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, var, sizeof(var));
		close(fd);
	} else if (errno == ENOENT && doctor_exists(env, "/sys/firmware/efi/efivars")) {
		doctor_add(report, "secure-boot", DOCTOR_OK, NULL,
			   "the firmware has no Secure Boot variable");
		return;
	}
	/* Four bytes of attributes, then the value. */
	if (n != 5)
		doctor_add(report, "secure-boot", DOCTOR_UNKNOWN, "mokutil --sb-state",
			   "cannot read the Secure Boot variable");
	else if (!var[4])
		doctor_add(report, "secure-boot", DOCTOR_OK, NULL, "Secure Boot is off");
	else if (loaded)
		doctor_add(report, "secure-boot", DOCTOR_OK, NULL,
			   "Secure Boot is on, and the module is loaded all the same");
	else
		doctor_add(report, "secure-boot", DOCTOR_WARN,
			   "sign holm.ko with a machine owner key and enroll it: mokutil --import /var/lib/dkms/mok.pub, then reboot",
			   "Secure Boot is on: the kernel loads only modules signed with a key it knows");
}

/* The word in brackets: "none [integrity] confidentiality". */
static bool chosen_word(const char *line, char *word, size_t size)
{
	const char *open = strchr(line, '['), *close = open ? strchr(open, ']') : NULL;

	if (!close)
		return false;
	snprintf(word, size, "%.*s", (int)(close - open - 1), open + 1);
	return true;
}

static void check_lockdown(const struct doctor_env *env, bool loaded,
			   struct doctor_report *report)
{
	static const char remedy[] =
		"sign holm.ko with a machine owner key and enroll it: mokutil --import /var/lib/dkms/mok.pub, then reboot";
	char line[128], word[32];
	int ret;

	ret = doctor_read(env, "/sys/kernel/security/lockdown", line, sizeof(line));
	if (ret == -ENOENT)
		doctor_add(report, "lockdown", DOCTOR_OK, NULL,
			   "the kernel has no lockdown, or securityfs is not mounted");
	else if (ret < 0 || !chosen_word(line, word, sizeof(word)))
		doctor_add(report, "lockdown", DOCTOR_UNKNOWN,
			   "cat /sys/kernel/security/lockdown (as root)",
			   "cannot read the lockdown state%s%s", ret < 0 ? ": " : "",
			   ret < 0 ? strerror(-ret) : "");
	else if (!strcmp(word, "none") || loaded)
		doctor_add(report, "lockdown", DOCTOR_OK, NULL, "lockdown is \"%s\"", word);
	else
		doctor_add(report, "lockdown", DOCTOR_WARN, remedy,
			   "lockdown is \"%s\": modules without a known signature are refused",
			   word);

	if (doctor_read(env, "/sys/module/module/parameters/sig_enforce", line,
			sizeof(line)) <= 0)
		doctor_add(report, "module-signatures", DOCTOR_OK, NULL,
			   "the kernel does not check module signatures");
	else if (line[0] == 'Y' && !loaded)
		doctor_add(report, "module-signatures", DOCTOR_WARN, remedy,
			   "module signatures are enforced (module.sig_enforce)");
	else
		doctor_add(report, "module-signatures", DOCTOR_OK, NULL,
			   "module signatures are %s",
			   line[0] == 'Y' ? "enforced, and the module is loaded" :
			   "not enforced");
}

void doctor_check_host(const struct doctor_env *env, struct doctor_report *report)
{
	bool loaded;

	check_kernel(env, report);
	loaded = check_module(env, report);
	check_device(env, loaded, report);
	check_secure_boot(env, loaded, report);
	check_lockdown(env, loaded, report);
}
