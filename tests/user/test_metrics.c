// SPDX-License-Identifier: GPL-2.0-or-later
/* Metrics: the format, where they are served, and what clients get. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "listen.h"
#include "metrics_http.h"
#include "openmetrics.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define CHECK		TEST_SRCDIR "/check-openmetrics"

/* ---- the format ------------------------------------------------------------------ */

static struct holm_vm_info vms[] = {
	{ .id = 1, .vcpus = 2, .memory = 1 << 27, .resident = 1 << 20, .uptime_ns = 1500000001,
	  .exits = UINT64_MAX, .uid = 1000, .pid = 77, .state = HOLM_VM_STATE_PAUSED,
	  .has_stats = true, .stats = true, .has_pages = true, .pages_4k = 3, .pages_1g = 1,
	  .name = "web" },
	{ .id = 2, .name = "a \"b\" \\ {c=\"d\"} # EOF" },
	{ .id = 3, .name = "web" },
	{ .id = 4, .name = "" },
};

static struct holm_vcpu_info vcpus[] = {
	{ .vm = 1, .index = 0, .counter = { 10, 11, 12 }, .has_times = true, .guest_ns = 1,
	  .halted_ns = 2500000000, .has_reasons = true, .by_reason = { [HOLM_EXIT_REASON_IO] = 4 } },
	{ .vm = 1, .index = 1, .counter = { [12] = UINT64_MAX } },
	{ .vm = 2 },
	{ .vm = 9 },	/* came between two requests */
};

static struct holm_stats_info stats[] = {
	{ .vm = 1, .vcpu = 0, .reason = HOLM_EXIT_REASON_IO, .count = 3, .time_ns = 3000,
	  .histogram = { [0] = 1, [10] = 2 } },
	{ .vm = 1, .vcpu = 1, .reason = HOLM_EXIT_REASON_IO, .count = 1, .time_ns = 1,
	  .histogram = { [39] = 1 } },
	{ .vm = 9, .reason = HOLM_EXIT_REASON_HLT, .count = 1 },
};

static struct holm_host_info host = {
	.version = "0.1.0", .backend = "svm", .vms = 4, .vcpus = 5, .has_mitigations = true,
	.mitigations = HOLM_MITIGATION_RSB_FILL,
};

static void check(const struct stats_sample *s, const char *wanted)
{
	char command[2048];
	FILE *out;

	snprintf(command, sizeof(command), "%s %s", CHECK, wanted);
	out = popen(command, "w");
	assert_non_null(out);
	openmetrics_write(&host, s, out);
	assert_int_equal(pclose(out), 0);
}

static void test_format(void **state)
{
	struct stats_sample s = {
		.vms = vms, .n_vms = ARRAY_SIZE(vms), .vcpus = vcpus, .n_vcpus = ARRAY_SIZE(vcpus),
		.stats = stats, .n_stats = ARRAY_SIZE(stats),
	};

	(void)state;
	stats_order(&s);
	check(&s,
	      "'holm_module_info version=0.1.0 backend=svm 1' "
	      "'holm_mitigation mitigation=rsb-fill 1' 'holm_mitigation mitigation=l1d-flush 0' "
	      "'holm_vms 4' 'holm_vm_state id=1 vm=web holm_vm_state=paused 1' "
	      "'holm_vm_state id=3 vm=web holm_vm_state=paused 0' "
	      "'holm_vm_memory_bytes id=1 vm=web 134217728' "
	      "'holm_vm_uptime_seconds id=1 vm=web 1.500000001' "
	      "'holm_vm_exits_total id=1 vm=web 18446744073709551615' "
	      "'holm_vm_stats_enabled id=1 vm=web 1' 'holm_vm_pages id=1 vm=web size=4k 3' "
	      "'holm_vcpu_exits_io_total id=1 vm=web vcpu=0 12' "
	      "'holm_vcpu_tlb_flushes_total id=1 vm=web vcpu=1 18446744073709551615' "
	      "'holm_vcpu_time_seconds_total id=1 vm=web vcpu=0 where=halted 2.5' "
	      "'holm_vcpu_exits_by_reason_total id=1 vm=web vcpu=0 reason=io 4' ");
	check(&s,
	      "'holm_exit_time_seconds_bucket id=1 vm=web reason=io le=0.000000001 1' "
	      "'holm_exit_time_seconds_bucket id=1 vm=web reason=io le=0.000001023 1' "
	      "'holm_exit_time_seconds_bucket id=1 vm=web reason=io le=0.000002047 3' "
	      "'holm_exit_time_seconds_bucket id=1 vm=web reason=io le=549.755813887 3' "
	      "'holm_exit_time_seconds_bucket id=1 vm=web reason=io le=+Inf 4' "
	      "'holm_exit_time_seconds_sum id=1 vm=web reason=io 0.000003001' "
	      "'holm_exit_time_seconds_count id=1 vm=web reason=io 4'");
}

/* An old module, and no machine at all. */
static void test_empty(void **state)
{
	struct stats_sample s = { .n_vms = 0 };

	(void)state;
	host.has_mitigations = false;
	check(&s, "'holm_vms 4'");
	host.has_mitigations = true;
}

/* What the check is worth: it finds what is missing, or wrong. */
static void test_check(void **state)
{
	(void)state;
	assert_int_not_equal(system("printf '# EOF\\n' | " CHECK " 'holm_vms 4' >/dev/null"), 0);
	assert_int_not_equal(system("printf 'holm_vms 4\\n' | " CHECK " 2>/dev/null"), 0);
	assert_int_not_equal(system("printf '# TYPE holm_x counter\\n# HELP holm_x x\\nholm_x 1\\n# EOF\\n' | "
				    CHECK " 2>/dev/null"), 0);
	assert_int_equal(system("printf '# TYPE holm_x gauge\\n# HELP holm_x x\\nholm_x 1\\n# EOF\\n' | "
				CHECK " 'holm_x 1'"), 0);
}

/* ---- addresses ------------------------------------------------------------------- */

static void test_listen_parse(void **state)
{
	const struct {
		const char *text;
		int family;
		const char *what;	/* the address, or what the message says */
		int port;
	} rows[] = {
		{ "9100", AF_INET, "127.0.0.1", 9100 },
		{ ":9100", AF_INET, "127.0.0.1", 9100 },
		{ "localhost:1", AF_INET, "127.0.0.1", 1 },
		{ "127.0.0.2:65535", AF_INET, "127.0.0.2", 65535 },
		{ "[::1]:80", AF_INET6, "::1", 80 },
		{ "unix:/run/x", AF_UNIX, "/run/x", 0 },
		{ "unix:a:b", AF_UNIX, "a:b", 0 },
		{ "", 0, "expected unix:PATH", 0 },
		{ "0", 0, "expected unix:PATH", 0 },
		{ "65536", 0, "expected unix:PATH", 0 },
		{ "127.0.0.1", 0, "expected unix:PATH", 0 },
		{ "127.0.0.1:", 0, "expected unix:PATH", 0 },
		{ "127.0.0.1:http", 0, "expected unix:PATH", 0 },
		{ "0.0.0.0:80", 0, "other machines", 0 },
		{ "192.0.2.1:80", 0, "other machines", 0 },
		{ "128.0.0.1:80", 0, "other machines", 0 },
		{ "[::]:80", 0, "other machines", 0 },
		{ "[::ffff:192.0.2.1]:80", 0, "other machines", 0 },
		{ "[2001:db8::1]:80", 0, "other machines", 0 },
		{ "::1:80", 0, "in brackets", 0 },
		{ "127.1:80", 0, "is no address", 0 },
		{ "example.org:80", 0, "is no address", 0 },
		{ "[]:80", 0, "is no address", 0 },
		{ "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx:80", 0,
		  "is no address", 0 },
		{ "unix:", 0, "1 to 107 bytes", 0 },
	};
	char path[128] = "unix:";
	struct listen_address a;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct sockaddr_in6 *in6 = (const void *)&a.address.storage;
		const struct sockaddr_in *in = (const void *)&a.address.storage;
		char text[128];
		int ret = listen_parse(rows[i].text, &a, &e);

		if (!rows[i].family) {
			if (!ret || !strstr(e.msg, rows[i].what))
				fail_msg("%s: %s", rows[i].text, ret ? e.msg : "taken");
			continue;
		}
		assert_int_equal(ret, 0);
		assert_int_equal(a.address.any.sa_family, rows[i].family);
		if (rows[i].family == AF_UNIX) {
			assert_string_equal(a.address.un.sun_path, rows[i].what);
			continue;
		}
		inet_ntop(rows[i].family, rows[i].family == AF_INET ? (const void *)&in->sin_addr :
			  (const void *)&in6->sin6_addr, text, sizeof(text));
		assert_string_equal(text, rows[i].what);
		assert_int_equal(ntohs(rows[i].family == AF_INET ? in->sin_port : in6->sin6_port),
				 rows[i].port);
	}
	memset(path + 5, 'x', 108);
	assert_int_equal(listen_parse(path, &a, &e), -1);
}

/* ---- the server ------------------------------------------------------------------ */

static char directory[] = "/tmp/holm-metrics-XXXXXX";
static char path[64];

static int make(void *arg, char **text, size_t *len, struct err *e)
{
	if (*(int *)arg)
		return err_set(e, "there are none");
	*text = strdup("# EOF\n");
	*len = 6;
	return *text ? 0 : -1;
}

/* What the server says to @request, as far as it says anything. */
static void ask(const struct listen_address *a, const char *request, char *answer, size_t size)
{
	size_t len = 0;
	ssize_t n;
	int fd;

	fd = socket(a->address.any.sa_family, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, &a->address.any, a->len), 0);
	/* A server that is not pleased may close before all is written. */
	n = send(fd, request, strlen(request), MSG_NOSIGNAL);
	while ((n = read(fd, answer + len, size - 1 - len)) > 0)
		len += (size_t)n;
	answer[len] = '\0';
	close(fd);
}

static void test_http(void **state)
{
	static char huge[65536];
	const struct {
		const char *request;
		const char *status;
		const char *has;
	} rows[] = {
		{ "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "200",
		  "Content-Type: " OPENMETRICS_TYPE "\r\n" },
		{ "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "200",
		  "\r\n\r\n# EOF\n" },
		{ "GET /metrics?x=y HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "200",
		  "# EOF" },
		{ "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "404", "/metrics" },
		{ "GET /metrics/../etc HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "404",
		  "" },
		{ "HEAD /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "200",
		  "Content-Length: 6\r\n" },
		{ "DELETE /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "405",
		  "Allow: GET, HEAD\r\n" },
		{ "POST /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc",
		  "405", "" },
		{ huge, "4", "" },
	};
	struct metrics_http *http;
	struct listen_address a;
	char answer[8192];
	struct unix_listener l, other;
	int failing = 0;
	struct stat st;
	struct err e;

	(void)state;
	memset(huge, 'x', sizeof(huge) - 1);
	memcpy(huge, "GET /", 5);
	memcpy(huge + sizeof(huge) - 20, " HTTP/1.1\r\n\r\n", 14);
	snprintf(answer, sizeof(answer), "unix:%s", path);
	assert_int_equal(listen_parse(answer, &a, &e), 0);
	assert_int_equal(listen_open(&l, &a, &e), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	http = metrics_http_start(l.fd, make, &failing, &e);
	assert_non_null(http);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		ask(&a, rows[i].request, answer, sizeof(answer));
		if (strncmp(answer, "HTTP/1.1 ", 9) ||
		    strncmp(answer + 9, rows[i].status, strlen(rows[i].status)) ||
		    !strstr(answer, rows[i].has))
			fail_msg("%.60s: %s", rows[i].request, answer);
	}
	failing = 1;
	ask(&a, rows[0].request, answer, sizeof(answer));
	assert_non_null(strstr(answer, "503"));
	assert_non_null(strstr(answer, "there are none"));

	/* It is in use: nobody takes it. */
	assert_int_equal(listen_open(&other, &a, &e), -1);
	assert_non_null(strstr(e.msg, "in use"));
	metrics_http_stop(http);
	unix_socket_close(&l);
	assert_int_equal(stat(path, &st), -1);
}

/* A port, and what a killed process left behind. */
static void test_open(void **state)
{
	struct listen_address a, bound;
	struct unix_listener l, other;
	struct err e;
	FILE *file;

	(void)state;
	/* Port 0 is not to be had by listen_parse(): the kernel chooses one here. */
	assert_int_equal(listen_parse("1", &a, &e), 0);
	((struct sockaddr_in *)&a.address.storage)->sin_port = 0;
	assert_int_equal(listen_open(&l, &a, &e), 0);
	assert_null(l.path);
	bound = a;
	assert_int_equal(getsockname(l.fd, &bound.address.any, &bound.len), 0);
	assert_int_equal(listen_open(&other, &bound, &e), -1);
	assert_int_equal(other.fd, -1);
	unix_socket_close(&l);

	snprintf(e.msg, sizeof(e.msg), "unix:%s", path);
	assert_int_equal(listen_parse(e.msg, &a, NULL), 0);
	assert_int_equal(listen_open(&l, &a, &e), 0);
	close(l.fd);		/* and the file stays */
	free(l.path);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(listen_open(&l, &a, &e), 0);
	unix_socket_close(&l);
	assert_int_equal(access(path, F_OK), -1);

	/* Any other file is somebody's, now and at the end. */
	file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
	assert_int_equal(listen_open(&l, &a, &e), -1);
	assert_int_equal(access(path, F_OK), 0);
	unlink(path);
	assert_int_equal(listen_open(&l, &a, &e), 0);
	assert_int_equal(unlink(path), 0);
	file = fopen(path, "w");
	assert_non_null(file);
	unix_socket_close(&l);
	assert_int_equal(access(path, F_OK), 0);
	fclose(file);
	unlink(path);
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/socket", directory);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_listen_parse),
		cmocka_unit_test(test_http),
		cmocka_unit_test(test_open),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
