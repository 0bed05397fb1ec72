// SPDX-License-Identifier: GPL-2.0-or-later
/* The process of a virtual machine: see launcher.h. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "launcher.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

int launcher_parse_status(FILE *f, struct launcher_status *s)
{
	const struct {
		const char *key;
		uint64_t *to;
	} keys[] = {
		{ "SigBlk:", &s->blocked },
		{ "SigCgt:", &s->caught },
	};
	unsigned int found = 0;
	char line[512];

	while (fgets(line, sizeof(line), f)) {
		for (unsigned int i = 0; i < ARRAY_SIZE(keys); i++) {
			size_t len = strlen(keys[i].key);

			if (!strncmp(line, keys[i].key, len) &&
			    sscanf(line + len, "%" SCNx64, keys[i].to) == 1)
				found |= 1U << i;
		}
	}
	return found == 3 ? 0 : -1;
}

int launcher_parse_stat(FILE *f, uint64_t ticks_per_second, struct launcher_status *s)
{
	unsigned __int128 ns;
	uint64_t start;
	char text[1024];
	const char *p;
	size_t n;

	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	p = strrchr(text, ')');
	/* proc_pid_stat(5): the name is field 2, the start field 22 */
	for (int field = 3; p && field <= 22; field++) {
		p = strchr(p, ' ');
		if (p)
			p++;
	}
	if (!p || sscanf(p, "%" SCNu64, &start) != 1)
		return -1;
	ns = (unsigned __int128)start * NSEC_PER_SEC / ticks_per_second;
	s->start_ns = (uint64_t)ns;
	return 0;
}

bool launcher_takes_signal(const struct launcher_status *s, int sig)
{
	uint64_t bit = 1ULL << (sig - 1);

	/* Blocked, it waits for a reader, ignored or not. */
	return (s->blocked | s->caught) & bit;
}

int launcher_signal(int pidfd, int sig)
{
	return syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) ? -errno : 0;
}

static int read_proc(uint32_t pid, struct launcher_status *s)
{
	char path[64];
	int err = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/status", pid);
	f = fopen(path, "re");
	if (f) {
		err = launcher_parse_status(f, s);
		fclose(f);
	}
	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/stat", pid);
	f = err ? NULL : fopen(path, "re");
	if (!f)
		return -1;
	err = launcher_parse_stat(f, (uint64_t)sysconf(_SC_CLK_TCK), s);
	fclose(f);
	return err;
}

/* Is @pidfd the launcher that the virtual machine has at this moment? */
static int check(int pidfd, struct holm_ctl *ctl, const struct holm_vm_info *vm,
		 struct launcher_status *s, struct err *e)
{
	struct holm_vm_info now;
	int err;

	if (read_proc(vm->pid, s))
		return err_set(e, "/proc does not tell of the launcher, process %" PRIu32,
			       vm->pid);
	err = launcher_signal(pidfd, 0);
	/* What could be read was of this process, when it is still there. */
	if (err == -ESRCH)
		return err_set(e, "the launcher has ended");
	err = holm_ctl_vm(ctl, vm->id, &now);
	if (err)
		return err_set(e, "%s", holm_ctl_error(ctl));
	if (now.pid != vm->pid || memcmp(now.uuid, vm->uuid, sizeof(now.uuid)))
		return err_set(e, "the virtual machine has ended");
	/* A virtual machine may outlive its launcher, in a process that was given it. */
	if (s->start_ns > clock_ns(CLOCK_BOOTTIME) - now.uptime_ns)
		return err_set(e, "the launcher has ended, and process %" PRIu32 " is another",
			       vm->pid);
	return 0;
}

int launcher_open(struct holm_ctl *ctl, const struct holm_vm_info *vm,
		  struct launcher_status *s, struct err *e)
{
	int pidfd;

	if (!vm->pid)
		return err_set(e, "the launcher is not in this PID namespace");
	pidfd = (int)syscall(SYS_pidfd_open, vm->pid, 0);
	if (pidfd < 0)
		return err_set_errno(e, "cannot get hold of the launcher, process %" PRIu32,
				     vm->pid);
	if (check(pidfd, ctl, vm, s, e)) {
		close(pidfd);
		return -1;
	}
	return pidfd;
}
