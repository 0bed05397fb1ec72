// SPDX-License-Identifier: GPL-2.0-or-later
/* The launcher in the background: see detach.h. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd.h"
#include "detach.h"
#include "format.h"
#include "json.h"
#include "libholm/control.h"
#include "rundir.h"
#include "size.h"

/* Tells a launcher that systemd-run has started where the pipe is. */
#define DETACH_ENV	"HOLM_DETACH_FD"
#define EXIT_NO_COMMAND	127	/* as a shell says it */

enum report_kind {
	REPORT_HELLO,		/* a launcher is there */
	REPORT_READY,
	REPORT_FAILED,
};

/* What the background process tells; a pipe takes it whole. */
struct report {
	enum report_kind kind;
	int status;
	pid_t pid;
	char text[ERR_MSG_MAX];
	char console[1024];
	char log[1024];
};

_Static_assert(sizeof(struct report) <= 4096, "no more than PIPE_BUF");

/* ---- the command for systemd ------------------------------------------------------ */

static void unit_name(const struct vm_config *cfg, char *name, size_t size)
{
	char uuid[HOLM_UUID_TEXT];

	holm_uuid_text(cfg->uuid, uuid);
	snprintf(name, size, "holm-%s.scope", uuid);
}

char **detach_command(const struct vm_config *cfg, bool user, const char *exe, int argc,
		      char **argv)
{
	char uuid[HOLM_UUID_TEXT], unit[64];
	char **command = calloc((size_t)argc + 20, sizeof(*command));
	int n = 0;

	if (!command)
		return NULL;
	holm_uuid_text(cfg->uuid, uuid);
	unit_name(cfg, unit, sizeof(unit));
	command[n++] = format("systemd-run");
	if (user)
		command[n++] = format("--user");
	command[n++] = format("--scope");
	command[n++] = format("--quiet");
	command[n++] = format("--collect");
	command[n++] = format("--unit=%s", unit);
	command[n++] = format("--slice=holm.slice");
	command[n++] = format("--description=holm virtual machine %s",
			      cfg->name ? cfg->name : uuid);
	/* At "systemctl stop", and as the machine goes down: ask the guest. */
	command[n++] = format("--property=KillSignal=SIGPWR");
	command[n++] = format("--");
	command[n++] = format("systemd-cat");
	command[n++] = format("--identifier=holm");
	command[n++] = format("--");
	command[n++] = format("%s", exe);
	for (int i = 0; i < argc; i++)
		command[n++] = format("%s", argv[i]);
	if (!cfg->has_uuid) {
		command[n++] = format("--uuid");
		command[n++] = format("%s", uuid);
	}
	for (int i = 0; i < n; i++) {
		if (command[i])
			continue;
		while (n--)
			free(command[n]);
		free(command);
		return NULL;
	}
	return command;
}

void detach_command_free(char **command)
{
	for (char **p = command; command && *p; p++)
		free(*p);
	free(command);
}

/* Is it systemd that runs this machine, and is there a manager for the caller? */
static bool has_systemd(bool user)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	char path[PATH_MAX];

	/* As sd_booted(3) */
	if (access("/run/systemd/system/", F_OK))
		return false;
	if (!user)
		return true;
	return xdg && snprintf(path, sizeof(path), "%s/systemd/private", xdg) <
		(int)sizeof(path) && !access(path, F_OK);
}

/* ---- the one that waits -------------------------------------------------------------- */

static bool read_report(int fd, struct report *r)
{
	size_t done = 0;
	ssize_t n;

	while (done < sizeof(*r)) {
		n = read(fd, (char *)r + done, sizeof(*r) - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	r->text[sizeof(r->text) - 1] = '\0';
	r->console[sizeof(r->console) - 1] = '\0';
	r->log[sizeof(r->log) - 1] = '\0';
	return true;
}

static int print_json(const struct vm_config *cfg, const struct report *r, const char *uuid,
		      const char *unit)
{
	struct json_object *o = json_object_new_object();

	if (!o || json_add(o, "name", json_object_new_string(cfg->name ? cfg->name : "")) ||
	    json_add(o, "uuid", json_object_new_string(uuid)) ||
	    json_add(o, "pid", json_object_new_int64(r->pid)) ||
	    (r->console[0] && json_add(o, "console", json_object_new_string(r->console))) ||
	    (unit && json_add(o, "unit", json_object_new_string(unit))) ||
	    (r->log[0] && json_add(o, "log", json_object_new_string(r->log)))) {
		json_object_put(o);
		o = NULL;
	}
	return json_write(o, JSON_PRETTY, stdout);
}

static int print_ready(const struct vm_config *cfg, const struct report *r, const char *unit)
{
	char uuid[HOLM_UUID_TEXT];

	holm_uuid_text(cfg->uuid, uuid);
	if (cfg->json) {
		if (!print_json(cfg, r, uuid, unit))
			return EXIT_OK;
		fprintf(stderr, "holm run: out of memory\n");
		return EXIT_FAILED;
	}
	printf("name     %s\nuuid     %s\npid      %d\n", cfg->name ? cfg->name : "-", uuid,
	       r->pid);
	if (r->console[0])
		printf("console  %s\n", r->console);
	if (unit)
		printf("unit     %s\n", unit);
	if (r->log[0])
		printf("log      %s\n", r->log);
	return EXIT_OK;
}

/*
 * Wait for what the background process @pid has to tell, and tell it.
 *
 * Return: the exit status; -1: no launcher was there at all, *@child is how @pid
 * ended.
 */
static int wait_for_guest(const struct vm_config *cfg, int fd, pid_t pid, const char *unit,
			  int *child)
{
	bool hello = false;
	struct report r;

	while (read_report(fd, &r)) {
		hello = true;
		if (r.kind == REPORT_READY)
			return print_ready(cfg, &r, unit);
		if (r.kind == REPORT_FAILED) {
			fprintf(stderr, "holm run: %s\n", r.text);
			return r.status;
		}
	}
	if (waitpid(pid, child, 0) < 0)
		*child = 0;
	if (!hello)
		return -1;
	if (WIFSIGNALED(*child))
		fprintf(stderr, "holm run: the launcher was ended by signal %d (%s)\n",
			WTERMSIG(*child), strsignal(WTERMSIG(*child)));
	else
		fprintf(stderr, "holm run: the launcher ended with status %d\n",
			WEXITSTATUS(*child));
	return EXIT_FAILED;
}

/* ---- the one in the background ------------------------------------------------------- */

static int send_report(const struct detach *d, const struct report *r)
{
	ssize_t n;

	do
		n = write(d->fd, r, sizeof(*r));
	while (n < 0 && errno == EINTR);
	return n == sizeof(*r) ? 0 : -1;
}

static void note_inherited(struct detach *d)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry;
	uint64_t fd;
	int *more;

	while (dir && (entry = readdir(dir))) {
		if (number_parse(entry->d_name, INT_MAX, &fd) || fd <= STDERR_FILENO ||
		    (int)fd == d->fd || (int)fd == dirfd(dir))
			continue;
		more = realloc(d->inherited, (d->nr_inherited + 1) * sizeof(*more));
		if (!more)
			break;
		d->inherited = more;
		d->inherited[d->nr_inherited++] = (int)fd;
	}
	if (dir)
		closedir(dir);
}

static void say_hello(struct detach *d)
{
	struct report r = { .kind = REPORT_HELLO };

	signal(SIGPIPE, SIG_IGN);
	note_inherited(d);
	/* Whether somebody waits is asked for by detach_ready(). */
	send_report(d, &r);
}

static void use_null(int fd, int flags)
{
	int null = open("/dev/null", flags | O_CLOEXEC);

	if (null < 0)
		return;
	dup2(null, fd);
	close(null);
}

/* The pipe that a launcher was given which systemd-run has started; else -1. */
static int given_fd(void)
{
	const char *env = getenv(DETACH_ENV);
	struct stat st;
	uint64_t fd;

	if (!env)
		return -1;
	if (number_parse(env, INT_MAX, &fd) || fd <= STDERR_FILENO || fstat((int)fd, &st) ||
	    !S_ISFIFO(st.st_mode) || fcntl((int)fd, F_SETFD, FD_CLOEXEC))
		fd = (uint64_t)-1;
	unsetenv(DETACH_ENV);
	return (int)fd;
}

static void exec_command(char **command, int fd)
{
	char text[16];
	int status;

	snprintf(text, sizeof(text), "%d", fd);
	fcntl(fd, F_SETFD, 0);
	setenv(DETACH_ENV, text, 1);
	execvp(command[0], command);
	status = errno == ENOENT ? EXIT_NO_COMMAND : EXIT_FAILED;
	if (status != EXIT_NO_COMMAND)
		perror("holm run: cannot execute systemd-run");
	_exit(status);
}

/*
 * Fork. In the child: execute @command, or without one be the background process,
 * which is -2 here. In the parent as wait_for_guest().
 */
static int spawn(struct detach *d, const struct vm_config *cfg, char **command, int *child)
{
	char unit[64];
	int fds[2], ret;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC)) {
		perror("holm run: cannot make a pipe");
		return EXIT_FAILED;
	}
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		perror("holm run: cannot make a process");
		close(fds[0]);
		close(fds[1]);
		return EXIT_FAILED;
	}
	if (!pid) {
		close(fds[0]);
		/* What the terminal sends is not for us. */
		setsid();
		use_null(STDIN_FILENO, O_RDONLY);
		if (command)
			exec_command(command, fds[1]);
		d->fd = fds[1];
		say_hello(d);
		return -2;
	}
	close(fds[1]);
	unit_name(cfg, unit, sizeof(unit));
	ret = wait_for_guest(cfg, fds[0], pid, command ? unit : NULL, child);
	close(fds[0]);
	return ret;
}

/* Try it with systemd. -1: that did not work. */
static int spawn_scope(struct detach *d, const struct vm_config *cfg, int argc, char **argv)
{
	bool user = geteuid() != 0;
	char exe[PATH_MAX];
	int ret = -1, child;
	char **command;
	ssize_t n;

	/* Who leaves the scope for a cgroup of his own needs none. */
	if (cfg->cgroup.path || !has_systemd(user))
		return -1;
	n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	if (n < 0)
		return -1;
	exe[n] = '\0';
	command = detach_command(cfg, user, exe, argc, argv);
	if (!command)
		return -1;
	ret = spawn(d, cfg, command, &child);
	detach_command_free(command);
	if (ret == -1 && !(WIFEXITED(child) && WEXITSTATUS(child) == EXIT_NO_COMMAND))
		fprintf(stderr, "holm run: systemd-run does not work here: going on without it\n");
	return ret;
}

bool detach_start(struct detach *d, const struct vm_config *cfg, int argc, char **argv,
		  int *status)
{
	int child, ret;

	*d = (struct detach){ .fd = given_fd() };
	if (d->fd >= 0) {
		d->systemd = true;
		say_hello(d);
		return true;
	}
	ret = spawn_scope(d, cfg, argc, argv);
	if (ret == -1)
		ret = spawn(d, cfg, NULL, &child);
	if (ret == -2)
		return true;
	if (ret == -1) {
		fprintf(stderr, "holm run: the launcher ended before it began\n");
		ret = EXIT_FAILED;
	}
	*status = ret;
	return false;
}

/* The file for messages, in d->log: a descriptor, or -1 with @e set. */
static int make_log(struct detach *d, const struct vm_config *cfg, struct err *e)
{
	char dir[PATH_MAX];
	int fd, dirfd;

	if (rundir_path(geteuid(), dir, e) ||
	    rundir_file(geteuid(), cfg->uuid, "log", d->log, e))
		return -1;
	dirfd = rundir_open(dir, e);
	if (dirfd < 0)
		return -1;
	fd = open(d->log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		err_set_errno(e, "cannot make %s", d->log);
	close(dirfd);
	return fd;
}

/* Without such a file the guest runs as well; the caller hears of it. */
static void open_log(struct detach *d, const struct vm_config *cfg)
{
	struct err e = {};
	int fd = make_log(d, cfg, &e);

	if (fd < 0) {
		fprintf(stderr, "holm run: messages are not kept: %s\n", e.msg);
		d->log[0] = '\0';
		use_null(STDOUT_FILENO, O_WRONLY);
		use_null(STDERR_FILENO, O_WRONLY);
		return;
	}
	fflush(NULL);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	close(fd);
}

int detach_ready(struct detach *d, const struct vm_config *cfg, const char *console,
		 struct err *e)
{
	struct report r = { .kind = REPORT_READY, .pid = getpid() };
	int ret;

	if (!d->systemd)
		open_log(d, cfg);
	for (unsigned int i = 0; i < d->nr_inherited; i++)
		close(d->inherited[i]);
	free(d->inherited);
	d->inherited = NULL;
	d->nr_inherited = 0;
	if (chdir("/"))
		perror("holm: cannot leave the directory");
	snprintf(r.console, sizeof(r.console), "%s", console ? console : "");
	snprintf(r.log, sizeof(r.log), "%.*s", (int)sizeof(r.log) - 1, d->log);
	ret = send_report(d, &r);
	close(d->fd);
	d->fd = -1;
	return ret ? err_set(e, "whoever started this guest does not wait for it any more") : 0;
}

bool detach_failed(struct detach *d, int status, const char *msg)
{
	struct report r = { .kind = REPORT_FAILED, .status = status };

	if (d->fd < 0)
		return false;
	snprintf(r.text, sizeof(r.text), "%s", msg);
	send_report(d, &r);
	close(d->fd);
	d->fd = -1;
	return true;
}

void detach_end(const struct detach *d, int status)
{
	if (d->log[0] && status == EXIT_OK)
		unlink(d->log);
}
