// SPDX-License-Identifier: GPL-2.0-or-later
/* The control group of a VM: see cgroup.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup.h"
#include "size.h"

/**
 * struct cgroup - where the launcher is, and was
 * @dir: the cgroup's directory
 * @before: directory of the cgroup that the launcher came from; NULL: unknown
 * @created: the directory is ours
 */
struct cgroup {
	char *dir;
	char *before;
	bool created;
};

/* ---- what the user wrote --------------------------------------------------- */

int cgroup_check_path(const char *path, struct err *e)
{
	char *copy = strdup(path), *next = copy, *part;
	bool named = false;
	int ret = 0;

	if (!copy)
		return err_set(e, "out of memory");
	while (!ret && (part = strsep(&next, "/"))) {
		if (!strcmp(part, ".") || !strcmp(part, ".."))
			ret = err_set(e, "\"%s\": a cgroup's path has no %s", path, part);
		named |= *part != '\0';
	}
	free(copy);
	if (!ret && !named)
		ret = err_set(e, "\"%s\": expected the path of a cgroup below the root", path);
	return ret;
}

int cpu_max_parse(const char *str, uint64_t *quota, uint64_t *period, struct err *e)
{
	char *copy = strdup(str), *slash;
	uint64_t q, p = CPU_PERIOD_DEFAULT;
	const char *msg;

	if (!copy)
		return err_set(e, "out of memory");
	slash = strchr(copy, '/');
	if (slash)
		*slash++ = '\0';
	msg = number_parse(copy, UINT64_MAX, &q);
	if (!msg && slash)
		msg = number_parse(slash, UINT64_MAX, &p);
	free(copy);
	if (msg)
		return err_set(e, "\"%s\": %s", str, msg);
	if (p < CPU_PERIOD_MIN || p > CPU_PERIOD_MAX)
		return err_set(e, "\"%s\": a period has %llu to %llu microseconds", str,
			       CPU_PERIOD_MIN, CPU_PERIOD_MAX);
	if (q < CPU_QUOTA_MIN || q > CPU_QUOTA_MAX)
		return err_set(e, "\"%s\": a quota has %llu to %llu microseconds", str,
			       CPU_QUOTA_MIN, CPU_QUOTA_MAX);
	*quota = q;
	*period = p;
	return 0;
}

/* ---- the hierarchy ----------------------------------------------------------- */

static char *join(const char *dir, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

static char *find_root(void)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *m;
	char *root = NULL;

	if (!mounts)
		return NULL;
	while (!root && (m = getmntent(mounts)))
		if (!strcmp(m->mnt_type, "cgroup2"))
			root = strdup(m->mnt_dir);
	endmntent(mounts);
	return root;
}

/* The line "0::/PATH" of /proc/self/cgroup. */
static char *find_own(const char *root)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char line[PATH_MAX + 8];
	char *dir = NULL;

	if (!f)
		return NULL;
	while (!dir && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, "0::/", 4))
			dir = join(root, line + 4);
	}
	fclose(f);
	return dir;
}

/* Write @text to the file @name of @dir: 0 or -errno. */
static int write_file(const char *dir, const char *name, const char *text)
{
	char *path = join(dir, name);
	ssize_t n;
	int fd, err = 0;

	if (!path)
		return -ENOMEM;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	free(path);
	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	if (n < 0)
		err = -errno;
	close(fd);
	return err;
}

static int set_limit(const struct cgroup *cg, const char *name, const char *text, struct err *e)
{
	int err = write_file(cg->dir, name, text);

	if (err == -ENOENT)
		return err_set(e, "the CPU controller is not enabled in the cgroup %s: write +cpu to cgroup.subtree_control of the one above it",
			       cg->dir);
	if (err)
		return err_set(e, "cannot set %s of the cgroup %s to \"%s\": %s", name, cg->dir,
			       text, strerror(-err));
	return 0;
}

static int set_limits(const struct cgroup *cg, const struct cgroup_config *cfg, struct err *e)
{
	char text[64];

	if (cfg->cpu_weight) {
		snprintf(text, sizeof(text), "%u", cfg->cpu_weight);
		if (set_limit(cg, "cpu.weight", text, e))
			return -1;
	}
	if (cfg->cpu_quota) {
		snprintf(text, sizeof(text), "%llu %llu", (unsigned long long)cfg->cpu_quota,
			 (unsigned long long)cfg->cpu_period);
		if (set_limit(cg, "cpu.max", text, e))
			return -1;
	}
	return 0;
}

static int move_there(const struct cgroup *cg, struct err *e)
{
	int err = write_file(cg->dir, "cgroup.procs", "0");

	switch (err) {
	case 0:
		return 0;
	case -EBUSY:
		return err_set(e, "cannot enter the cgroup %s: it has cgroups below it with controllers enabled; only a leaf has processes",
			       cg->dir);
	case -EACCES:
	case -EPERM:
		return err_set(e, "cannot enter the cgroup %s: it is not delegated to this user",
			       cg->dir);
	case -ENOENT:
		return err_set(e, "%s is not a cgroup", cg->dir);
	default:
		return err_set(e, "cannot enter the cgroup %s: %s", cg->dir, strerror(-err));
	}
}

static int make_dir(struct cgroup *cg, struct err *e)
{
	if (!mkdir(cg->dir, 0755)) {
		cg->created = true;
		return 0;
	}
	switch (errno) {
	case EEXIST:
		return 0;
	case ENOENT:
		return err_set(e, "cannot make the cgroup %s: the one above it does not exist",
			       cg->dir);
	case EACCES:
	case EPERM:
		return err_set(e, "cannot make the cgroup %s: the one above it is not delegated to this user",
			       cg->dir);
	default:
		return err_set_errno(e, "cannot make the cgroup %s", cg->dir);
	}
}

static void cgroup_free(struct cgroup *cg)
{
	if (!cg)
		return;
	if (cg->created)
		rmdir(cg->dir);
	free(cg->dir);
	free(cg->before);
	free(cg);
}

/* @path may have the mount point in front. */
static char *locate(const char *root, const char *path)
{
	size_t len = strlen(root);

	if (!strncmp(path, root, len) && path[len] == '/')
		path += len;
	return join(root, path + strspn(path, "/"));
}

struct cgroup *cgroup_enter(const struct cgroup_config *cfg, const char *root, struct err *e)
{
	struct cgroup *cg = calloc(1, sizeof(*cg));
	char *mounted = root ? strdup(root) : find_root();

	if (!cg) {
		err_set(e, "out of memory");
		goto fail;
	}
	if (!mounted) {
		err_set(e, "cannot enter the cgroup %s: cgroup v2 is not mounted: mount -t cgroup2 none /sys/fs/cgroup",
			cfg->path);
		goto fail;
	}
	cg->before = find_own(mounted);
	cg->dir = locate(mounted, cfg->path);
	if (!cg->dir) {
		err_set(e, "out of memory");
		goto fail;
	}
	if (make_dir(cg, e) || set_limits(cg, cfg, e) || move_there(cg, e))
		goto fail;
	free(mounted);
	return cg;

fail:
	free(mounted);
	cgroup_free(cg);
	return NULL;
}

void cgroup_leave(struct cgroup *cg)
{
	if (!cg)
		return;
	/* A cgroup with processes cannot be removed. */
	if (cg->created && cg->before)
		write_file(cg->before, "cgroup.procs", "0");
	cgroup_free(cg);
}
