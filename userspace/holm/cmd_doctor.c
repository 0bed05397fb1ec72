// SPDX-License-Identifier: GPL-2.0-or-later
/* "holm doctor": whether this machine can run a VM, and what to do if not. */
#include <cpuid.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cmd.h"
#include "doctor.h"
#include "json.h"

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

static struct json_object *result_json(const struct doctor_result *r)
{
	struct json_object *obj = json_object_new_object();

	if (!obj || json_add(obj, "check", json_object_new_string(r->check)) ||
	    json_add(obj, "state", json_object_new_string(doctor_state_name(r->state))) ||
	    json_add(obj, "detail", json_object_new_string(r->detail)) ||
	    json_add(obj, "remedy", json_object_new_string(r->remedy))) {
		json_object_put(obj);
		return NULL;
	}
	return obj;
}

static struct json_object *report_json(const struct doctor_report *report)
{
	struct json_object *root = json_object_new_object();
	struct json_object *checks = json_object_new_array();

	if (!root) {
		json_object_put(checks);
		return NULL;
	}
	if (json_add(root, "can_run", json_object_new_boolean(doctor_can_run(report))))
		json_object_put(checks);
	else if (!json_add(root, "checks", checks)) {
		unsigned int i = 0;

		while (i < report->nr && !json_append(checks, result_json(&report->results[i])))
			i++;
		if (i == report->nr)
			return root;
	}
	json_object_put(root);
	return NULL;
}

int cmd_doctor(int argc, char **argv)
{
	struct doctor_report report = { 0 };
	gid_t gids[MAX_GROUPS];
	struct utsname uts;
	struct passwd *pw;
	bool json = false;
	int n;

	if (json_only_flag(argc, argv, &json))
		return EXIT_USAGE;

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
	} else if (json_write(report_json(&report), JSON_PRETTY, stdout)) {
		fprintf(stderr, "holm doctor: out of memory\n");
		return EXIT_FAILED;
	}
	return doctor_can_run(&report) ? EXIT_OK : EXIT_FAILED;
}
