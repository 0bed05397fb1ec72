// SPDX-License-Identifier: GPL-2.0-or-later
/* A launcher in the background: UUIDs, files, reports, signals, the service manager. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cmd.h"
#include "config.h"
#include "detach.h"
#include "launcher.h"
#include "libholm/control.h"
#include "notify.h"
#include "rundir.h"
#include "uuid.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

static char dir[64];	/* $XDG_RUNTIME_DIR */

static const uint8_t some_uuid[16] = {
	0xf8, 0x1d, 0x4f, 0xae, 0x7d, 0xec, 0x11, 0xd0,
	0xa7, 0x65, 0x00, 0xa0, 0xc9, 0x1e, 0x6b, 0xf6,
};

#define SOME_UUID	"f81d4fae-7dec-11d0-a765-00a0c91e6bf6"

static void test_uuid(void **state)
{
	static const char *const wrong[] = {
		"", "f81d4fae", "f81d4fae7dec11d0a76500a0c91e6bf6", SOME_UUID "0",
		"f81d4fae-7dec-11d0-a765-00a0c91e6bf", "f81d4fae-7dec-11d0-a765-00a0c91e6bfg",
		"{f81d4fae-7dec-11d0-a765-00a0c91e6bf6}", " " SOME_UUID,
		"f81d4fae_7dec-11d0-a765-00a0c91e6bf6", "f81d4fae-7dec-11d0-a765-+0a0c91e6bf6",
		"f81d4fae-7dec-11d0-a76-500a0c91e6bf6", "urn:uuid:" SOME_UUID,
		"00000000-0000-0000-0000-000000000000",
	};
	uint8_t uuid[16], other[16];
	char text[HOLM_UUID_TEXT];
	struct err e;

	(void)state;
	assert_int_equal(uuid_parse(SOME_UUID, uuid, &e), 0);
	assert_memory_equal(uuid, some_uuid, 16);
	assert_int_equal(uuid_parse("F81D4FAE-7dec-11D0-A765-00A0C91E6BF6", other, &e), 0);
	assert_memory_equal(uuid, other, 16);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		if (!uuid_parse(wrong[i], uuid, &e))
			fail_msg("\"%s\" is taken for a UUID", wrong[i]);
		assert_memory_equal(uuid, some_uuid, 16);
	}
	assert_int_equal(uuid_random(uuid, &e), 0);
	assert_int_equal(uuid_random(other, &e), 0);
	assert_memory_not_equal(uuid, other, 16);
	holm_uuid_text(uuid, text);
	assert_int_equal(text[14], '4');
	assert_non_null(strchr("89ab", text[19]));
	assert_int_equal(uuid_parse(text, other, &e), 0);
	assert_memory_equal(uuid, other, 16);
}

static void test_rundir(void **state)
{
	char path[PATH_MAX], want[PATH_MAX + 64];
	struct stat st;
	struct err e;
	int fd;

	(void)state;
	assert_int_equal(rundir_path(0, path, &e), 0);
	assert_string_equal(path, "/run/holm");
	assert_int_equal(rundir_path(geteuid() + 1, path, &e), 0);
	snprintf(want, sizeof(want), "/run/user/%u/holm", geteuid() + 1);
	assert_string_equal(path, want);
	assert_int_equal(rundir_path(geteuid(), path, &e), 0);
	snprintf(want, sizeof(want), "%s/holm", dir);
	assert_string_equal(path, want);

	fd = rundir_open(path, &e);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
	close(fd);
	/* One that others could write to becomes private. */
	assert_int_equal(chmod(path, 0777), 0);
	fd = rundir_open(path, &e);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
	close(fd);
	assert_int_equal(rundir_file(geteuid(), some_uuid, "console", path, &e), 0);
	snprintf(want, sizeof(want), "%s/holm/%s.console", dir, SOME_UUID);
	assert_string_equal(path, want);

	/* Somebody else's, a link, what is not there. */
	assert_int_equal(rundir_open("/tmp", &e), -1);
	assert_non_null(strstr(e.msg, "belongs to user"));
	snprintf(path, sizeof(path), "%s/link", dir);
	snprintf(want, sizeof(want), "%s/holm", dir);
	assert_int_equal(symlink(want, path), 0);
	assert_int_equal(rundir_open(path, &e), -1);
	unlink(path);
	snprintf(path, sizeof(path), "%s/none/holm", dir);
	assert_int_equal(rundir_open(path, &e), -1);
	assert_non_null(strstr(e.msg, "XDG_RUNTIME_DIR"));
}

static void test_command(void **state)
{
	char *argv[] = { (char *)"run", (char *)"--cmdline", (char *)"a b %i", NULL };
	static const char *const want[] = {
		"systemd-run", "--user", "--scope", "--quiet", "--collect",
		"--unit=holm-" SOME_UUID ".scope", "--slice=holm.slice",
		"--description=holm virtual machine web", "--property=KillSignal=SIGPWR", "--",
		"systemd-cat", "--identifier=holm", "--", "/usr/bin/holm", "run", "--cmdline",
		"a b %i", "--uuid", SOME_UUID, NULL,
	};
	struct vm_config cfg;
	struct err e;
	char **command;
	size_t i;

	(void)state;
	vm_config_init(&cfg);
	memcpy(cfg.uuid, some_uuid, 16);
	cfg.name = strdup("web");
	command = detach_command(&cfg, true, "/usr/bin/holm", 3, argv);
	assert_non_null(command);
	for (i = 0; want[i]; i++)
		assert_string_equal(command[i], want[i]);
	assert_null(command[i]);
	detach_command_free(command);
	/* Root's manager; a UUID that the arguments give already; no name. */
	cfg.has_uuid = true;
	free(cfg.name);
	cfg.name = NULL;
	command = detach_command(&cfg, false, "/usr/bin/holm", 3, argv);
	assert_non_null(command);
	assert_string_equal(command[1], "--scope");
	assert_string_equal(command[6], "--description=holm virtual machine " SOME_UUID);
	assert_string_equal(command[15], "a b %i");
	assert_null(command[16]);
	detach_command_free(command);
	assert_int_equal(uuid_parse(SOME_UUID, cfg.uuid, &e), 0);
	vm_config_deinit(&cfg);
}

enum what { READY, FAILS, DIES, ENDS };

/* Descriptors that the caller left open. */
#define FIRST	200
#define MANY	100

/* In a process of its own: what the caller of "holm run --detach" sees. */
static int start(enum what what, int out)
{
	struct vm_config cfg;
	struct detach d;
	struct err e;
	int status = -1;

	vm_config_init(&cfg);
	memcpy(cfg.uuid, some_uuid, 16);
	cfg.name = strdup("web");
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	for (int i = 0; i < MANY; i++)
		dup2(out, FIRST + i);
	if (!detach_start(&d, &cfg, 0, NULL, &status)) {
		vm_config_deinit(&cfg);
		fflush(NULL);
		return status;
	}
	if (getsid(0) != getpid())
		_exit(1);
	switch (what) {
	case READY:
		if (detach_ready(&d, &cfg, "/x.console", &e))
			_exit(1);
		fprintf(stderr, "the guest runs\n");
		for (int i = 0; i < MANY; i++)
			if (write(FIRST + i, "kept\n", 5) == 5)
				_exit(1);
		/* The caller's files are let go of, or its reader would wait for us. */
		pause();
		break;
	case FAILS:
		detach_failed(&d, 7, "there is no kernel");
		break;
	case DIES:
		signal(SIGUSR1, SIG_DFL);
		raise(SIGUSR1);
		break;
	case ENDS:
		_exit(9);
	}
	_exit(0);
}

static int run_start(enum what what, char *text, size_t size)
{
	size_t len = 0;
	int out[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(start(what, out[1]));
	close(out[1]);
	while ((n = read(out[0], text + len, size - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	close(out[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_detach(void **state)
{
	char text[4096], log[PATH_MAX];
	struct detach d = { .fd = -1 };
	struct stat st;
	char *at;
	int pid;

	(void)state;
	assert_int_equal(run_start(READY, text, sizeof(text)), 0);
	assert_non_null(strstr(text, "name     web\nuuid     " SOME_UUID "\npid      "));
	assert_non_null(strstr(text, "\nconsole  /x.console\nlog      "));
	assert_null(strstr(text, "the guest runs"));
	assert_null(strstr(text, "kept"));
	at = strstr(text, "pid      ");
	assert_int_equal(sscanf(at, "pid %d", &pid), 1);
	at = strstr(text, "log      ");
	assert_int_equal(sscanf(at, "log %s", log), 1);
	assert_int_equal(kill(pid, SIGKILL), 0);
	/* What a launcher said is kept, unless it ended well. */
	assert_int_equal(stat(log, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	strcpy(d.log, log);
	detach_end(&d, EXIT_FAILED);
	assert_int_equal(access(log, F_OK), 0);
	detach_end(&d, EXIT_OK);
	assert_int_equal(access(log, F_OK), -1);

	/* No place for such a file: the guest runs, the caller is told. */
	snprintf(log, sizeof(log), "%s/none", dir);
	setenv("XDG_RUNTIME_DIR", log, 1);
	assert_int_equal(run_start(READY, text, sizeof(text)), 0);
	setenv("XDG_RUNTIME_DIR", dir, 1);
	assert_non_null(strstr(text, "holm run: messages are not kept: "));
	assert_non_null(strstr(text, "(without a login session"));
	assert_null(strstr(text, "\nlog "));
	assert_null(strstr(text, "the guest runs"));
	at = strstr(text, "pid      ");
	assert_non_null(at);
	assert_int_equal(sscanf(at, "pid %d", &pid), 1);
	assert_int_equal(kill(pid, SIGKILL), 0);

	assert_int_equal(run_start(FAILS, text, sizeof(text)), 7);
	assert_string_equal(text, "holm run: there is no kernel\n");
	assert_int_equal(run_start(DIES, text, sizeof(text)), EXIT_FAILED);
	assert_non_null(strstr(text, "was ended by signal 10"));
	assert_int_equal(run_start(ENDS, text, sizeof(text)), EXIT_FAILED);
	assert_non_null(strstr(text, "ended with status 9"));
}

/* Whoever started it has gone: it does not run on. */
static void test_gone(void **state)
{
	struct vm_config cfg;
	struct detach d = { 0 };
	struct err e;
	int fds[2];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	vm_config_init(&cfg);
	memcpy(cfg.uuid, some_uuid, 16);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	close(fds[0]);
	d.fd = fds[1];
	d.systemd = true;	/* standard error stays as it is */
	assert_int_equal(detach_ready(&d, &cfg, NULL, &e), -1);
	assert_non_null(strstr(e.msg, "does not wait"));
	assert_int_equal(d.fd, -1);
	assert_false(detach_failed(&d, 1, ""));
	vm_config_deinit(&cfg);
	assert_int_equal(chdir(dir), 0);
}

/* A pipe in the environment that is none is not written to. */
static void test_env(void **state)
{
	static const char *const rows[] = { "", "x", "1", "-1", "99", "4294967298", "0x7", "77" };
	int null = open("/dev/null", O_RDWR);
	char text[4096];

	(void)state;
	assert_int_equal(dup2(null, 77), 77);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		setenv("HOLM_DETACH_FD", rows[i], 1);
		assert_int_equal(run_start(FAILS, text, sizeof(text)), 7);
	}
	unsetenv("HOLM_DETACH_FD");
	close(null);
	close(77);
}

static FILE *text_file(const char *text)
{
	FILE *f = fmemopen((void *)text, strlen(text), "r");

	assert_non_null(f);
	return f;
}

static void test_proc(void **state)
{
	static const struct {
		const char *text;
		bool good, takes;
	} status[] = {
		{ "Name:\tholm\nSigBlk:\t0000000020000000\nSigIgn:\t0\nSigCgt:\t0\n", true, true },
		{ "SigBlk:\t0\nSigIgn:\t0\nSigCgt:\t0000000020000000\n", true, true },
		{ "SigBlk:\t0\nSigIgn:\t0\nSigCgt:\t0000000010000000\n", true, false },
		{ "SigBlk:\t0\nSigIgn:\t20000000\nSigCgt:\t0\n", true, false },
		{ "SigBlk:\tffffffff\nSigIgn:\t20000000\nSigCgt:\t0\n", true, true },
		{ "SigBlk:\t20000000\nSigIgn:\t0\n", false, false },
		{ "Name:\tSigCgt: 1\nSigBlk:\t0\nSigIgn:\t0\n", false, false },
		{ "SigBlk:\tx\nSigIgn:\t0\nSigCgt:\t0\n", false, false },
		{ "x", false, false },
	};
	static const struct {
		const char *text;
		int64_t start;		/* -1: nonsense */
	} stat[] = {
		{ "1 (holm) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 12345 1 1\n",
		  123450000000 },
		{ "1 (a) R (b) ) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 7 1 1\n", 70000000 },
		{ "1 (holm) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0", -1 },
		{ "1 (holm) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 x", -1 },
		{ "1 holm S 0", -1 },
	};
	struct launcher_status s;
	FILE *f;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(status); i++) {
		f = text_file(status[i].text);
		assert_int_equal(launcher_parse_status(f, &s), status[i].good ? 0 : -1);
		if (status[i].good)
			assert_int_equal(launcher_takes_signal(&s, SIGPWR), status[i].takes);
		fclose(f);
	}
	for (size_t i = 0; i < ARRAY_SIZE(stat); i++) {
		f = text_file(stat[i].text);
		assert_int_equal(launcher_parse_stat(f, 100, &s), stat[i].start < 0 ? -1 : 0);
		if (stat[i].start >= 0)
			assert_int_equal(s.start_ns, stat[i].start);
		fclose(f);
	}
	/* This process, as the kernel tells it. */
	f = fopen("/proc/self/status", "r");
	assert_non_null(f);
	assert_int_equal(launcher_parse_status(f, &s), 0);
	assert_false(launcher_takes_signal(&s, SIGPWR));
	fclose(f);
}

static void test_notify(void **state)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	static const char *const wrong[] = { "", "/", "relative", "vsock:2:1234" };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char buf[64];

	(void)state;
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(notify_ready(), 0);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		setenv("NOTIFY_SOCKET", wrong[i], 1);
		assert_true(notify_ready() < 0);
		assert_null(getenv("NOTIFY_SOCKET"));
	}
	/* A path, and an abstract address. */
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/notify", dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	setenv("NOTIFY_SOCKET", addr.sun_path, 1);
	assert_int_equal(notify_ready(), 1);
	assert_int_equal(recv(fd, buf, sizeof(buf), MSG_DONTWAIT), 7);
	assert_memory_equal(buf, "READY=1", 7);
	assert_null(getenv("NOTIFY_SOCKET"));
	unlink(addr.sun_path);
	setenv("NOTIFY_SOCKET", addr.sun_path, 1);
	assert_true(notify_ready() < 0);
	close(fd);

	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "@test_background.%d", getpid());
	setenv("NOTIFY_SOCKET", addr.sun_path, 1);
	addr.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&addr,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
					  strlen(addr.sun_path + 1))), 0);
	assert_int_equal(notify_ready(), 1);
	assert_int_equal(recv(fd, buf, sizeof(buf), MSG_DONTWAIT), 7);
	close(fd);
}

/* As a user: root's files are in /run, where a test leaves nothing. */
static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/test_background.XXXXXX");
	assert_non_null(mkdtemp(dir));
	setenv("XDG_RUNTIME_DIR", dir, 1);
	if (!geteuid()) {
		assert_int_equal(chown(dir, 65534, 65534), 0);
		assert_int_equal(setresuid(65534, 65534, 65534), 0);
		assert_int_equal(prctl(PR_SET_DUMPABLE, 1), 0);
	}
	return 0;
}

static int teardown(void **state)
{
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/holm", dir);
	rmdir(path);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_uuid),
		cmocka_unit_test(test_rundir),
		cmocka_unit_test(test_command),
		cmocka_unit_test(test_detach),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_env),
		cmocka_unit_test(test_proc),
		cmocka_unit_test(test_notify),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
