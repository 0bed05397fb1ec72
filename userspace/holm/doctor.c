// SPDX-License-Identifier: GPL-2.0-or-later
/* "holm doctor": what the checks share. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/holm.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "doctor.h"

void doctor_add(struct doctor_report *report, const char *check, enum doctor_state state,
		const char *remedy, const char *fmt, ...)
{
	struct doctor_result *r;
	va_list ap;

	if (report->nr == DOCTOR_MAX_RESULTS)
		return;
	r = &report->results[report->nr++];
	r->check = check;
	r->state = state;
	snprintf(r->remedy, sizeof(r->remedy), "%s", remedy ? remedy : "");
	va_start(ap, fmt);
	vsnprintf(r->detail, sizeof(r->detail), fmt, ap);
	va_end(ap);
}

int doctor_read(const struct doctor_env *env, const char *path, char *buf, size_t size)
{
	char full[PATH_MAX];
	size_t len = 0;
	ssize_t n = 0;
	int fd;

	buf[0] = '\0';
	snprintf(full, sizeof(full), "%s%s", env->root, path);
	fd = open(full, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (len < size - 1) {
		n = read(fd, buf + len, size - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	if (n < 0) {
		n = -errno;
		buf[0] = '\0';
		close(fd);
		return (int)n;
	}
	close(fd);
	if (len && buf[len - 1] == '\n')
		len--;
	buf[len] = '\0';
	return (int)len;
}

bool doctor_exists(const struct doctor_env *env, const char *path)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s%s", env->root, path);
	return !access(full, F_OK);
}

bool doctor_can_run(const struct doctor_report *report)
{
	for (unsigned int i = 0; i < report->nr; i++) {
		if (report->results[i].state == DOCTOR_FAIL)
			return false;
	}
	return true;
}

const char *doctor_state_name(enum doctor_state state)
{
	switch (state) {
	case DOCTOR_OK:
		return "ok";
	case DOCTOR_WARN:
		return "warn";
	case DOCTOR_FAIL:
		return "fail";
	case DOCTOR_UNKNOWN:
		break;
	}
	return "unknown";
}

int holm_api_version(const char *path)
{
	int fd, ret;

	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = ioctl(fd, HOLM_GET_API_VERSION, 0);
	if (ret < 0)
		ret = -errno;
	close(fd);
	return ret;
}
