// SPDX-License-Identifier: GPL-2.0-or-later
/* The directory of run-time files: see rundir.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libholm/control.h"
#include "rundir.h"

int rundir_path(uid_t uid, char path[PATH_MAX], struct err *err)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	int n;

	if (!uid)
		n = snprintf(path, PATH_MAX, "/run/holm");
	else if (uid == geteuid() && xdg && xdg[0] == '/')
		n = snprintf(path, PATH_MAX, "%s/holm", xdg);
	else
		n = snprintf(path, PATH_MAX, "/run/user/%u/holm", uid);
	if (n < 0 || n >= PATH_MAX)
		return err_set(err, "the path in XDG_RUNTIME_DIR is too long");
	return 0;
}

int rundir_file(uid_t uid, const uint8_t uuid[16], const char *suffix, char path[PATH_MAX],
		struct err *err)
{
	char dir[PATH_MAX], text[HOLM_UUID_TEXT];

	if (rundir_path(uid, dir, err))
		return -1;
	holm_uuid_text(uuid, text);
	if (snprintf(path, PATH_MAX, "%s/%s.%s", dir, text, suffix) >= PATH_MAX)
		return err_set(err, "the path in XDG_RUNTIME_DIR is too long");
	return 0;
}

int rundir_open(const char *path, struct err *err)
{
	struct stat st;
	int fd;

	if (mkdir(path, 0700) && errno != EEXIST)
		return err_set_errno(err, "cannot make the directory %s of run-time files%s", path,
				     errno == ENOENT ?
				     " (without a login session name another in XDG_RUNTIME_DIR)" :
				     "");
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st)) {
		err_set_errno(err, "cannot open the directory %s of run-time files", path);
		goto fail;
	}
	if (st.st_uid != geteuid()) {
		err_set(err, "the directory %s belongs to user %u, not to user %u", path,
			st.st_uid, geteuid());
		goto fail;
	}
	if ((st.st_mode & 0777) != 0700 && fchmod(fd, 0700)) {
		err_set_errno(err, "cannot close the directory %s to others", path);
		goto fail;
	}
	return fd;

fail:
	if (fd >= 0)
		close(fd);
	return -1;
}
