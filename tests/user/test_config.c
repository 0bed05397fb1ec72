// SPDX-License-Identifier: GPL-2.0-or-later
/* The description of a VM: flags, config files, and one printed as the other. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "config.h"

#define MIB	(1ULL << 20)

struct text_file {
	int fd;
	char path[32];
};

static void text_open(struct text_file *f, const void *text, size_t len)
{
	f->fd = memfd_create("config", MFD_CLOEXEC);
	assert_true(f->fd >= 0);
	assert_int_equal(write(f->fd, text, len), (ssize_t)len);
	snprintf(f->path, sizeof(f->path), "/proc/self/fd/%d", f->fd);
}

static int load_text(struct vm_config *cfg, const void *text, size_t len, struct err *err)
{
	struct text_file f;
	int ret;

	text_open(&f, text, len);
	err->msg[0] = '\0';
	ret = vm_config_load_file(cfg, f.path, err);
	close(f.fd);
	return ret;
}

static void assert_same(const struct vm_config *a, const struct vm_config *b)
{
	assert_string_equal(a->name ? a->name : "", b->name ? b->name : "");
	assert_memory_equal(&a->cpus, &b->cpus, sizeof(a->cpus));
	assert_string_equal(a->cgroup.path ? a->cgroup.path : "",
			    b->cgroup.path ? b->cgroup.path : "");
	assert_int_equal(a->cgroup.cpu_weight, b->cgroup.cpu_weight);
	assert_int_equal(a->cgroup.cpu_quota, b->cgroup.cpu_quota);
	assert_int_equal(a->cgroup.cpu_period, b->cgroup.cpu_period);
	assert_string_equal(a->cpu ? a->cpu : "", b->cpu ? b->cpu : "");
	assert_string_equal(a->cpu_affinity ? a->cpu_affinity : "",
			    b->cpu_affinity ? b->cpu_affinity : "");
	assert_int_equal(a->has_halt_poll, b->has_halt_poll);
	assert_int_equal(a->halt_poll_ns, b->halt_poll_ns);
	assert_int_equal(a->tsc_khz, b->tsc_khz);
	assert_int_equal(a->has_uuid, b->has_uuid);
	assert_memory_equal(a->uuid, b->uuid, sizeof(a->uuid));
	assert_int_equal(a->memory, b->memory);
	assert_string_equal(a->kernel ? a->kernel : "", b->kernel ? b->kernel : "");
	assert_int_equal(a->nr_initrds, b->nr_initrds);
	for (size_t i = 0; i < a->nr_initrds; i++)
		assert_string_equal(a->initrds[i], b->initrds[i]);
	assert_int_equal(!a->cmdline, !b->cmdline);
	assert_string_equal(a->cmdline ? a->cmdline : "", b->cmdline ? b->cmdline : "");
	assert_int_equal(a->nr_raws, b->nr_raws);
	for (size_t i = 0; i < a->nr_raws; i++) {
		assert_string_equal(a->raws[i].path, b->raws[i].path);
		assert_int_equal(a->raws[i].gpa, b->raws[i].gpa);
	}
	assert_int_equal(a->console, b->console);
	assert_string_equal(a->console_path ? a->console_path : "",
			    b->console_path ? b->console_path : "");
	assert_int_equal(a->has_debug_exit, b->has_debug_exit);
	assert_int_equal(a->debug_exit_port, b->debug_exit_port);
}

#define MAX_ARGS	30

static int parse(struct vm_config *cfg, struct err *err, const char *const *args)
{
	char *argv[MAX_ARGS + 2] = { (char *)"run" };
	int argc = 1;

	while (args[argc - 1]) {
		argv[argc] = (char *)args[argc - 1];
		argc++;
	}
	vm_config_init(cfg);
	err->msg[0] = '\0';
	return vm_config_parse_args(cfg, argc, argv, err);
}

static void test_defaults(void **state)
{
	static const char *const args[] = { "--kernel", "k", NULL };
	struct vm_config cfg;
	struct err err;

	(void)state;
	assert_int_equal(parse(&cfg, &err, args), 0);
	assert_null(cfg.name);
	assert_int_equal(topology_cpus(&cfg.cpus), 1);
	assert_int_equal(cfg.memory, 512 * MIB);
	assert_string_equal(cfg.kernel, "k");
	assert_int_equal(cfg.nr_initrds, 0);
	assert_null(cfg.cmdline);
	assert_int_equal(cfg.nr_raws, 0);
	assert_int_equal(cfg.console, CONSOLE_STDIO);
	assert_false(cfg.has_debug_exit);
	assert_false(cfg.print_config);
	assert_false(cfg.json);
	vm_config_deinit(&cfg);
}

static void test_flags(void **state)
{
	static const char *const args[] = {
		"--cpus=4", "--memory", "2G", "--kernel=/boot/k", "--initrd", "a",
		"--initrd=b c", "--cmdline", "", "--raw", "x@y@0x7C00", "--raw=z@1M",
		"--console", "out.txt", NULL,
	};
	static const char *const more[] = {
		"--kernel", "k", "--console=none", "--debug-exit", "0xf4", "--name", "vm-1.a_b",
		"--print-config", "--json", NULL,
	};
	struct boot_params_in in;
	struct vm_config cfg;
	struct err err;

	(void)state;
	if (parse(&cfg, &err, args))
		fail_msg("%s", err.msg);
	assert_int_equal(topology_cpus(&cfg.cpus), 4);
	assert_int_equal(cfg.memory, 2048 * MIB);
	assert_string_equal(cfg.kernel, "/boot/k");
	assert_int_equal(cfg.nr_initrds, 2);
	assert_string_equal(cfg.initrds[1], "b c");
	assert_string_equal(cfg.cmdline, "");
	assert_int_equal(cfg.nr_raws, 2);
	assert_string_equal(cfg.raws[0].path, "x@y");
	assert_int_equal(cfg.raws[0].gpa, 0x7c00);
	assert_int_equal(cfg.raws[1].gpa, MIB);
	assert_int_equal(cfg.console, CONSOLE_FILE);
	assert_string_equal(cfg.console_path, "out.txt");
	vm_config_boot_params(&cfg, 0xe0000, &in);
	assert_string_equal(in.initrds[0], "a");
	assert_int_equal(in.nr_raws, 2);
	assert_int_equal(in.rsdp, 0xe0000);
	vm_config_deinit(&cfg);

	if (parse(&cfg, &err, more))
		fail_msg("%s", err.msg);
	assert_int_equal(cfg.console, CONSOLE_NONE);
	assert_true(cfg.has_debug_exit);
	assert_int_equal(cfg.debug_exit_port, 0xf4);
	assert_string_equal(cfg.name, "vm-1.a_b");
	assert_true(cfg.print_config && cfg.json);
	vm_config_deinit(&cfg);
}

static void test_bad_flags(void **state)
{
	static const struct {
		const char *args[6];
		const char *error;
	} rows[] = {
		{ { NULL }, "no kernel given" },
		{ { "--kernel" }, "--kernel: expected a value" },
		{ { "--kernel=" }, "--kernel: expected the path" },
		{ { "--kernel", "a", "--kernel", "b" }, "--kernel: given more than once" },
		{ { "--kernel", "a", "--cpus", "0" }, "--cpus: \"0\": expected 1 to 255" },
		{ { "--kernel", "a", "--cpus", "256" }, "expected 1 to 255" },
		{ { "--kernel", "a", "--cpus", "2x" }, "--cpus: \"2x\": expected a decimal" },
		{ { "--kernel", "a", "--cpus", "99999999999999999999" }, "too large" },
		{ { "--kernel", "a", "--cpus", "4,cores=3" }, "--cpus: 1 sockets of 3 cores" },
		{ { "--kernel", "a", "--cpu-affinity", "x" }, "--cpu-affinity: \"x\": expected a decimal" },
		{ { "--kernel", "a", "--cpu-affinity", "1=0" }, "--cpu-affinity: vCPU 1: the highest is 0" },
		{ { "--kernel", "a", "--cgroup", "../a" }, "--cgroup: \"../a\": a cgroup's path has no .." },
		{ { "--kernel", "a", "--cpu-weight", "0" }, "--cpu-weight: \"0\": expected 1 to 10000" },
		{ { "--kernel", "a", "--cpu-weight", "10001" }, "expected 1 to 10000" },
		{ { "--kernel", "a", "--cpu-weight", "10" }, "name it with --cgroup" },
		{ { "--kernel", "a", "--cpu-max", "5" }, "--cpu-max: \"5\": a quota has 1000 to" },
		{ { "--kernel", "a", "--cpu-max", "5000" }, "name it with --cgroup" },
		{ { "--kernel", "a", "--halt-poll", "1us" }, "--halt-poll: \"1us\": expected a decimal" },
		{ { "--kernel", "a", "--halt-poll", "1000000001" }, "expected 0 to 1000000000" },
		{ { "--kernel", "a", "--tsc-khz", "0" }, "--tsc-khz: \"0\": expected 1 to 4294967295" },
		{ { "--kernel", "a", "--tsc-khz", "4294967296" }, "expected 1 to 4294967295" },
		{ { "--kernel", "a", "--tsc-khz", "2GHz" }, "--tsc-khz: \"2GHz\": expected a decimal" },
		{ { "--kernel", "a", "--memory", "512" }, "try 512M" },
		{ { "--kernel", "a", "--memory", "1.5G" }, "--memory: \"1.5G\": expected a number" },
		{ { "--kernel", "a", "--memory", "1048577" }, "multiple of the page size" },
		{ { "--kernel", "a", "--memory", "1024T" }, "more than the limit" },
		{ { "--kernel", "a", "--initrd", "" }, "--initrd: expected the path" },
		{ { "--kernel", "a", "--raw", "file" }, "expected FILE@ADDRESS" },
		{ { "--kernel", "a", "--raw", "@1" }, "expected FILE@ADDRESS" },
		{ { "--kernel", "a", "--raw", "f@" }, "the address after @" },
		{ { "--kernel", "a", "--raw", "f@-1" }, "the address after @" },
		{ { "--kernel", "a", "--console", "" }, "--console: expected stdio" },
		{ { "--kernel", "a", "--console", "socket=" }, "--console: expected the path of a socket" },
		{ { "--kernel", "a", "--uuid", "1234" }, "--uuid: \"1234\": a UUID has 32" },
		{ { "--kernel", "a", "--uuid", "00000000-0000-0000-0000-000000000000" },
		  "--uuid: the nil UUID names nothing" },
		{ { "--kernel", "a", "--detach=yes" }, "--detach: takes no value" },
		{ { "--kernel", "a", "--debug-exit", "0x10000" }, "expected an I/O port" },
		{ { "--kernel", "a", "--name", "" }, "--name: a name has 1 to 63" },
		{ { "--kernel", "a", "--name", "a/b" }, "a name has letters" },
		{ { "--kernel", "a", "--name", "-a" }, "a name has letters" },
		{ { "--kernel", "a", "--name", "a\xc3\xa9" }, "a name has letters" },
		{ { "--kernel", "a", "--json=1" }, "--json: takes no value" },
		{ { "--kernel", "a", "--frob" }, "--frob: unknown flag" },
		{ { "--kernel", "a", "--cp", "1" }, "--cp: unknown flag" },
		{ { "--kernel", "a", "--cpu", "1" }, "--cpu: \"1\": expected FEATURE=on" },
		{ { "-k", "a" }, "-k: unknown flag" },
		{ { "a" }, "a: unexpected argument" },
		{ { "--kernel", "a", "--config" }, "--config: expected the path" },
		{ { "--kernel", "a", "--config=" }, "--config: expected the path" },
		{ { "--config=/nonexistent", "--config", "x" }, "--config: given more than once" },
		{ { "--config=/nonexistent" }, "cannot open the config file /nonexistent" },
		{ { "--config=/" }, "is a directory" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vm_config cfg;
		struct err err;
		int ret = parse(&cfg, &err, rows[i].args);

		if (!ret || !strstr(err.msg, rows[i].error))
			fail_msg("row %zu: returned %d, \"%s\", expected \"%s\"", i, ret, err.msg,
				 rows[i].error);
		vm_config_deinit(&cfg);
	}
}

static void test_file(void **state)
{
	static const char text[] =
		"\xef\xbb\xbf# a machine\n"
		"[vm]\n"
		"name=test ; comment\n"
		"cpus : 2\r\n"
		"memory = 1G\n"
		"\n"
		"[boot]\n"
		"  kernel = /boot/vmlinuz\n"
		"initrd = one\n"
		"initrd = two three\n"
		"cmdline = console=ttyS0 \\\n"
		"\t; a comment between\n"
		"\troot=/dev/vda \\\n"
		"  quiet\n"
		"raw = \" a;b \\x3b\\x23\\\"\\\\@0x8000\"\n"
		"[console]\n"
		"type = pty\n"
		"[debug]\n"
		"exit-port = 0x501\n"
		"[vm]\n";
	struct vm_config cfg;
	struct err err;

	(void)state;
	vm_config_init(&cfg);
	if (load_text(&cfg, text, sizeof(text) - 1, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(cfg.name, "test");
	assert_int_equal(topology_cpus(&cfg.cpus), 2);
	assert_int_equal(cfg.memory, 1024 * MIB);
	assert_string_equal(cfg.kernel, "/boot/vmlinuz");
	assert_int_equal(cfg.nr_initrds, 2);
	assert_string_equal(cfg.initrds[1], "two three");
	assert_string_equal(cfg.cmdline, "console=ttyS0 root=/dev/vda quiet");
	assert_int_equal(cfg.nr_raws, 1);
	assert_string_equal(cfg.raws[0].path, " a;b ;#\"\\");
	assert_int_equal(cfg.raws[0].gpa, 0x8000);
	assert_int_equal(cfg.console, CONSOLE_PTY);
	assert_int_equal(cfg.debug_exit_port, 0x501);
	vm_config_deinit(&cfg);
}

static void test_quoted(void **state)
{
	static const char text[] =
		"[boot]\nkernel = \"\\x20a\\tb\\x3bc \\\"d\\\"\\\\ \"\n";
	struct vm_config cfg;
	struct err err;

	(void)state;
	vm_config_init(&cfg);
	if (load_text(&cfg, text, sizeof(text) - 1, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(cfg.kernel, " a\tb;c \"d\"\\ ");
	vm_config_deinit(&cfg);
}

#define LONG40	"0123456789012345678901234567890123456789"

static void test_bad_files(void **state)
{
	static const struct {
		const char *text;
		const char *error;
	} rows[] = {
		{ "[vm]\ncpus = 0\n", ":2: [vm] cpus: \"0\": expected 1 to 255" },
		{ "\n\n[vm]\nmemory = many\n", ":4: [vm] memory: \"many\": expected a number" },
		{ "[vm]\nfrob = 1\n", ":2: [vm] frob: unknown key" },
		{ "[vm]\nkernel = a\n", ":2: [vm] kernel: unknown key" },
		{ "[boot]\nconfig = a\n", ":2: [boot] config: unknown key" },
		{ "[boot]\njson = 1\n", ":2: [boot] json: unknown key" },
		{ "# x\n[frob]\n", ":2: unknown section [frob]" },
		{ "[frob]\na = b\n", ":1: unknown section [frob]" },
		{ "[VM]\ncpus = 1\n", ":1: unknown section [VM]" },
		{ "cpus = 1\n", ":1: cpus stands before the first [section]" },
		{ "[vm\ncpus = 1\n", ":1: expected [section], key = value" },
		{ "[vm]\ncpus\n", ":2: expected [section], key = value" },
		{ "[vm]\ncpus = 1\nname = a\ncpus = 2\n", ":4: [vm] cpus: given more than once" },
		{ "[vm]\ncpus = 1\n[boot]\nkernel = a\n[vm]\ncpus = 1\n", ":6: [vm] cpus: given more" },
		{ "[vm]\ncpus = 1\n  name = x\n", ":3: [vm] cpus: this line is indented" },
		{ "[boot]\ninitrd = a\n b\n", ":3: [boot] initrd: this line is indented" },
		{ "[boot]\ncmdline = a \\\nkernel = b\n", ":3: [boot] kernel: the line before ends with" },
		{ "[boot]\ncmdline = a \\\ncmdline = b\n", ":3: [boot] cmdline: the line before ends" },
		{ "[boot]\ncmdline = a \\\n", "the file ends in the middle of a value" },
		{ "[boot]\ncmdline = \"a\n", ":2: [boot] cmdline: the closing quote is missing" },
		{ "[boot]\ncmdline = \"a ;b\"\n", "write \\x3b" },
		{ "[boot]\ncmdline = \"a\" b\n", "unexpected text after the closing quote" },
		{ "[boot]\ncmdline = \"\\q\"\n", "unknown escape \\q" },
		{ "[boot]\ncmdline = \"\\x4\"\n", "two hexadecimal digits" },
		{ "[boot]\ncmdline = \"\\x00\"\n", "two hexadecimal digits" },
		{ "[boot]\nkernel =\n", ":2: [boot] kernel: expected the path" },
		{ "[boot]\nraw = x\n", ":2: [boot] raw: \"x\": expected FILE@ADDRESS" },
		{ "[console]\ntype =\n", ":2: [console] type: expected stdio" },
		{ "[debug]\nexit-port = 65536\n", ":2: [debug] exit-port: \"65536\": expected an I/O port" },
		{ "[vm]\nname = a b\n", ":2: [vm] name: \"a b\": a name has" },
		{ "[boot]\ncmdline = " LONG40 LONG40 LONG40 LONG40 LONG40 "\n", ":2: the line has 210" },
		{ "[vm]\nx\ncpus = 0\n", ":2: expected [section]" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vm_config cfg;
		struct err err;
		int ret;

		vm_config_init(&cfg);
		ret = load_text(&cfg, rows[i].text, strlen(rows[i].text), &err);
		if (!ret || !strstr(err.msg, rows[i].error) || strncmp(err.msg, "/proc/self/fd/", 14))
			fail_msg("row %zu: returned %d, \"%s\", expected the path and \"%s\"", i,
				 ret, err.msg, rows[i].error);
		vm_config_deinit(&cfg);
	}
	{
		static const char nul[] = "[vm]\ncpus\0 = 1\n";
		static char big[(1 << 20) + 1];
		struct vm_config cfg;
		struct err err;

		vm_config_init(&cfg);
		assert_int_equal(load_text(&cfg, nul, sizeof(nul) - 1, &err), -1);
		assert_non_null(strstr(err.msg, "NUL byte"));
		memset(big, '\n', sizeof(big));
		assert_int_equal(load_text(&cfg, big, sizeof(big), &err), -1);
		assert_non_null(strstr(err.msg, "is larger than"));
		assert_int_equal(load_text(&cfg, big, sizeof(big) - 1, &err), 0);
		vm_config_deinit(&cfg);
	}
}

static void test_flags_override_file(void **state)
{
	static const char text[] =
		"[vm]\ncpus = 2\nmemory = 1G\n[boot]\nkernel = a\ninitrd = i\ninitrd = j\n"
		"raw = r@0\n[console]\ntype = out\n";
	const char *args[] = {
		"--cpus", "3", "--initrd", "k", "--config", NULL, "--console", "pty", NULL,
	};
	struct vm_config cfg;
	struct text_file f;
	struct err err;

	(void)state;
	text_open(&f, text, sizeof(text) - 1);
	args[5] = f.path;
	if (parse(&cfg, &err, args))
		fail_msg("%s", err.msg);
	assert_int_equal(topology_cpus(&cfg.cpus), 3);
	assert_int_equal(cfg.memory, 1024 * MIB);
	assert_string_equal(cfg.kernel, "a");
	assert_int_equal(cfg.nr_initrds, 1);
	assert_string_equal(cfg.initrds[0], "k");
	assert_int_equal(cfg.nr_raws, 1);
	assert_int_equal(cfg.console, CONSOLE_PTY);
	assert_null(cfg.console_path);
	vm_config_deinit(&cfg);
	close(f.fd);
}

static void round_trip(const struct vm_config *cfg)
{
	struct vm_config back;
	struct err err;
	char *text;
	size_t len;
	FILE *f;

	f = open_memstream(&text, &len);
	assert_non_null(f);
	vm_config_print(cfg, f);
	fclose(f);
	vm_config_init(&back);
	if (load_text(&back, text, len, &err))
		fail_msg("%s\n%s", err.msg, text);
	assert_same(cfg, &back);
	vm_config_deinit(&back);
	free(text);
}

static void test_round_trip(void **state)
{
	static const char *const args[] = {
		"--kernel", "/a path/with;odd #chars", "--cmdline", "\"q\" \\", "--initrd", " x ",
		"--initrd", "y", "--raw", "a@b@5", "--memory=3G", "--console=;", "--debug-exit=0",
		"--name=n", "--cpus=6,sockets=2,threads=3", "--cpu-affinity=0=1:5=0,2-3",
		"--cpu=avx2=off,model=x86-64-v3", "--cgroup=a.slice/b", "--cpu-weight=5", "--cpu-max=5000/20000",
		"--halt-poll=0", "--tsc-khz=2400000", NULL,
	};
	static const char *const empty[] = { "--kernel", "k", "--cmdline", "", NULL };
	static const char *const socket[] = {
		"--kernel", "k", "--console", "socket", "--uuid",
		"F81D4FAE-7dec-11d0-a765-00a0c91e6bf6", "--detach", NULL,
	};
	static const char *const path[] = { "--kernel", "k", "--console", "socket=/a b", NULL };
	struct vm_config cfg;
	struct err err;

	(void)state;
	assert_int_equal(parse(&cfg, &err, args), 0);
	round_trip(&cfg);
	vm_config_deinit(&cfg);
	assert_int_equal(parse(&cfg, &err, socket), 0);
	assert_int_equal(cfg.console, CONSOLE_SOCKET);
	assert_null(cfg.console_path);
	assert_true(cfg.detach && cfg.has_uuid);
	assert_int_equal(cfg.uuid[0], 0xf8);
	round_trip(&cfg);
	vm_config_deinit(&cfg);
	assert_int_equal(parse(&cfg, &err, path), 0);
	assert_int_equal(cfg.console, CONSOLE_SOCKET);
	assert_string_equal(cfg.console_path, "/a b");
	assert_false(cfg.detach || cfg.has_uuid);
	round_trip(&cfg);
	vm_config_deinit(&cfg);
	assert_int_equal(parse(&cfg, &err, empty), 0);
	round_trip(&cfg);
	vm_config_deinit(&cfg);
}

/* Strings of every byte and many lengths, those that INI cares for most often. */
static void test_round_trip_random(void **state)
{
	static const char special[] = " \t\n\\\";#=:[]@\r";
	uint64_t seed = 88172645463325252ULL;

	(void)state;
	for (unsigned int i = 0; i < 3000; i++) {
		char cmdline[600], kernel[5000];
		struct vm_config cfg;
		size_t len = i % 599;

		for (size_t c = 0; c < len; c++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			cmdline[c] = seed % 3 == 0 ? special[(seed >> 8) % (sizeof(special) - 1)] :
				     (char)(1 + (seed >> 16) % 255);
		}
		cmdline[len] = '\0';
		memset(kernel, 'k' + (int)(i % 3), sizeof(kernel));
		kernel[1 + i % (sizeof(kernel) - 1)] = '\0';
		if (i % sizeof(special))
			kernel[i % 7] = special[i % (sizeof(special) - 1)];

		vm_config_init(&cfg);
		cfg.cmdline = strdup(cmdline);
		cfg.kernel = strdup(kernel);
		round_trip(&cfg);
		vm_config_deinit(&cfg);
	}
}

static struct json_object *member(struct json_object *obj, const char *key)
{
	struct json_object *val = NULL;

	if (!json_object_object_get_ex(obj, key, &val))
		fail_msg("there is no \"%s\"", key);
	return val;
}

static void test_json(void **state)
{
	static const char *const args[] = {
		"--kernel", "/k \"q\"", "--initrd", "i", "--raw", "r@0x100000", "--memory", "64G",
		"--console", "out", "--debug-exit", "0xf4", "--cpus", "2,sockets=2",
		"--cpu-affinity", "0=0:1=2-3", "--cgroup", "g", "--cpu-max", "5000", NULL,
	};
	struct json_object *root, *boot;
	struct vm_config cfg;
	struct err err;
	char *text;
	size_t len;
	FILE *f;

	(void)state;
	assert_int_equal(parse(&cfg, &err, args), 0);
	f = open_memstream(&text, &len);
	assert_non_null(f);
	assert_int_equal(vm_config_print_json(&cfg, f), 0);
	fclose(f);
	vm_config_deinit(&cfg);

	root = json_tokener_parse(text);
	assert_non_null(root);
	assert_int_equal(json_object_get_int64(member(member(root, "vm"), "memory")),
			 65536 * MIB);
	assert_int_equal(json_object_get_int(member(member(root, "vm"), "cpus")), 2);
	assert_int_equal(json_object_get_int(member(member(root, "vm"), "sockets")), 2);
	assert_int_equal(json_object_get_int(member(member(root, "vm"), "cores")), 1);
	assert_string_equal(json_object_get_string(member(member(root, "vm"), "cpu-affinity")),
			    "0=0:1=2-3");
	assert_string_equal(json_object_get_string(member(member(root, "vm"), "cpu-max")),
			    "5000/100000");
	boot = member(root, "boot");
	assert_string_equal(json_object_get_string(member(boot, "kernel")), "/k \"q\"");
	assert_int_equal(json_object_array_length(member(boot, "initrd")), 1);
	assert_int_equal(json_object_get_int64(member(json_object_array_get_idx(
				member(boot, "raw"), 0), "address")), MIB);
	assert_string_equal(json_object_get_string(member(member(root, "console"), "type")),
			    "file");
	assert_string_equal(json_object_get_string(member(member(root, "console"), "path")),
			    "out");
	assert_int_equal(json_object_get_int(member(member(root, "debug"), "exit-port")), 0xf4);
	json_object_put(root);
	free(text);
}

/* Any text is either a config or an error. */
static void test_mutated_files(void **state)
{
	static const char good[] =
		"[vm]\nname = a\ncpus = 2\n[boot]\nkernel = \"a\\x20b\"\ncmdline = a \\\n\tb\n"
		"initrd = x\n[console]\ntype = pty\n[debug]\nexit-port = 4\n";
	static const char special[] = "\n\t \\\"[]=;#\0";
	uint64_t seed = 2463534242ULL;

	(void)state;
	for (unsigned int i = 0; i < 5000; i++) {
		char text[sizeof(good)];
		struct vm_config cfg;
		struct err err;

		memcpy(text, good, sizeof(good));
		for (unsigned int n = 0; n < 1 + i % 4; n++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			text[seed % (sizeof(good) - 1)] = seed >> 40 & 1 ? (char)(seed >> 48) :
				special[(seed >> 48) % sizeof(special)];
		}
		vm_config_init(&cfg);
		if (load_text(&cfg, text, sizeof(text) - 1, &err))
			assert_true(err.msg[0]);
		else
			round_trip(&cfg);
		vm_config_deinit(&cfg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_bad_flags),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_quoted),
		cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_flags_override_file),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_round_trip_random),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_mutated_files),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
