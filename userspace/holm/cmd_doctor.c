// SPDX-License-Identifier: GPL-2.0-or-later
/* "holm doctor": whether this machine can run a VM, and what to do if not. */
#include <cpuid.h>
#include <json-c/json.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cmd.h"
#include "doctor.h"

#define MAX_GROUPS	1024

static void native_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t regs[4])
{
	__cpuid_count(leaf, subleaf, regs[0], regs[1], regs[2], regs[3]);
}

static void print_text(const struct doctor_report *report)
{
	for (unsigned int i = 0; i < report->nr; i++) {
		const struct doctor_result *r = &report->results[i];

		printf("%-8s%-18s%s\n", doctor_state_name(r->state), r->check, r->detail);
		if (r->remedy[0] && r->state != DOCTOR_OK)
			printf("%-8s%-18s-> %s\n", "", "", r->remedy);
	}
	printf("\n%s\n", doctor_can_run(report) ? "This machine can run a VM." :
	       "This machine cannot run a VM yet: see the lines with \"fail\".");
}

static int add_string(struct json_object *to, const char *key, const char *str)
{
	struct json_object *val = json_object_new_string(str);

	return val ? json_object_object_add(to, key, val) : -1;
}

static struct json_object *result_json(const struct doctor_result *r)
{
	struct json_object *obj = json_object_new_object();

	if (obj && (add_string(obj, "check", r->check) ||
		    add_string(obj, "state", doctor_state_name(r->state)) ||
		    add_string(obj, "detail", r->detail) ||
		    add_string(obj, "remedy", r->remedy))) {
		json_object_put(obj);
		obj = NULL;
	}
	return obj;
}

static int print_json(const struct doctor_report *report)
{
	struct json_object *root = json_object_new_object();
	struct json_object *checks = json_object_new_array();
	struct json_object *obj;
	const char *str;
	int ret = -1;

	if (!root || !checks ||
	    json_object_object_add(root, "can_run",
				   json_object_new_boolean(doctor_can_run(report))))
		goto out;
	for (unsigned int i = 0; i < report->nr; i++) {
		obj = result_json(&report->results[i]);
		if (!obj || json_object_array_add(checks, obj)) {
			json_object_put(obj);
			goto out;
		}
	}
	if (json_object_object_add(root, "checks", checks))
		goto out;
	checks = NULL;
	str = json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY |
					     JSON_C_TO_STRING_NOSLASHESCAPE);
	if (str) {
		printf("%s\n", str);
		ret = 0;
	}
out:
	json_object_put(checks);
	json_object_put(root);
	return ret;
}

int cmd_doctor(int argc, char **argv)
{
	struct doctor_report report = { 0 };
	gid_t gids[MAX_GROUPS];
	struct utsname uts;
	struct passwd *pw;
	bool json = false;
	int n;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json")) {
			fprintf(stderr, "holm doctor: unexpected argument %s (see \"holm help doctor\")\n",
				argv[i]);
			return EXIT_USAGE;
		}
		json = true;
	}

	if (uname(&uts)) {
		perror("holm doctor: uname");
		return EXIT_FAILED;
	}
	n = getgroups(MAX_GROUPS - 1, gids);
	if (n < 0)
		n = 0;
	gids[n++] = getegid();
	pw = getpwuid(geteuid());

	struct doctor_env env = {
		.root = "",
		.release = uts.release,
		.user = pw ? pw->pw_name : NULL,
		.uid = geteuid(),
		.gids = gids,
		.nr_gids = (size_t)n,
		.cpuid = native_cpuid,
		.api_version = holm_api_version,
	};

	doctor_check_cpu(&env, &report);
	doctor_check_host(&env, &report);
	if (!json) {
		print_text(&report);
	} else if (print_json(&report)) {
		fprintf(stderr, "holm doctor: out of memory\n");
		return EXIT_FAILED;
	}
	return doctor_can_run(&report) ? EXIT_OK : EXIT_FAILED;
}
