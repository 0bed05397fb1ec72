/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What "holm doctor" looks at: doctor_cpu.c and doctor_host.c; cmd_doctor.c prints. */
#ifndef HOLM_DOCTOR_H
#define HOLM_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define DOCTOR_MAX_RESULTS	16

enum doctor_state {
	DOCTOR_OK,
	DOCTOR_WARN,		/* a VM can be run, but something deserves a look */
	DOCTOR_FAIL,		/* no VM can be run until this is mended */
	DOCTOR_UNKNOWN,		/* could not be found out */
};

/**
 * struct doctor_result - the outcome of one check
 * @check: its name, constant
 * @state: how it went
 * @detail: what was found
 * @remedy: the command or step that mends it; empty when there is none
 */
struct doctor_result {
	const char *check;
	enum doctor_state state;
	char detail[320];
	char remedy[320];
};

/**
 * struct doctor_report - the outcomes so far
 * @nr: entries of @results in use
 * @results: in the order of the checks
 */
struct doctor_report {
	unsigned int nr;
	struct doctor_result results[DOCTOR_MAX_RESULTS];
};

/**
 * struct doctor_env - the machine that is looked at
 * @root: put in front of every path, "" for this machine
 * @release: kernel release, as in uname -r
 * @user: name of the user, NULL when unknown
 * @uid: effective user ID
 * @gids: effective and supplementary group IDs
 * @nr_gids: entries of @gids
 * @cpuid: executes CPUID; fills EAX, EBX, ECX, EDX
 * @api_version: asks the device at a path for its API version; returns it, or a
 *	negative errno
 */
struct doctor_env {
	const char *root;
	const char *release;
	const char *user;
	uid_t uid;
	const gid_t *gids;
	size_t nr_gids;
	void (*cpuid)(uint32_t leaf, uint32_t subleaf, uint32_t regs[4]);
	int (*api_version)(const char *path);
};

/**
 * doctor_add() - record an outcome
 * @report: to extend; at DOCTOR_MAX_RESULTS the outcome is dropped
 * @check: name, constant
 * @state: how it went
 * @remedy: what mends it, or NULL
 * @fmt: printf() format of what was found
 */
void doctor_add(struct doctor_report *report, const char *check, enum doctor_state state,
		const char *remedy, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/**
 * doctor_read() - read a small text file
 * @env: the machine
 * @path: absolute
 * @buf: to fill, NUL-terminated, without the final newline
 * @size: bytes of @buf
 *
 * Return: bytes read, or a negative errno with @buf empty.
 */
int doctor_read(const struct doctor_env *env, const char *path, char *buf, size_t size);

/**
 * doctor_exists() - tell whether a path exists
 * @env: the machine
 * @path: absolute
 *
 * Return: true when it does.
 */
bool doctor_exists(const struct doctor_env *env, const char *path);

/**
 * doctor_check_cpu() - processor, its features, firmware switch, hypervisor, KVM
 * @env: the machine
 * @report: to extend
 */
void doctor_check_cpu(const struct doctor_env *env, struct doctor_report *report);

/**
 * doctor_check_host() - kernel, module, device, Secure Boot, lockdown
 * @env: the machine
 * @report: to extend
 */
void doctor_check_host(const struct doctor_env *env, struct doctor_report *report);

/**
 * doctor_can_run() - the verdict
 * @report: complete
 *
 * Return: true when no check failed.
 */
bool doctor_can_run(const struct doctor_report *report);

/**
 * doctor_state_name() - a state's name for output
 * @state: one of enum doctor_state
 *
 * Return: "ok", "warn", "fail" or "unknown".
 */
const char *doctor_state_name(enum doctor_state state);

/**
 * holm_api_version() - ask a holm device for its API version
 * @path: usually /dev/holm
 *
 * Return: the version, or a negative errno.
 */
int holm_api_version(const char *path);

#endif /* HOLM_DOCTOR_H */
