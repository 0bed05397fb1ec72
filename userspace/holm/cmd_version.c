// SPDX-License-Identifier: GPL-2.0-or-later
/* "holm version": which versions of holm's parts meet here. */
#include <errno.h>
#include <json-c/json.h>
#include <linux/holm.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "doctor.h"

#define DEVICE	"/dev/holm"

/**
 * struct versions - what there is
 * @launcher: this program; libholm is linked into it and has the same
 * @api: of /dev/holm, that this program was built for
 * @module_api: of the loaded module, or a negative errno
 * @module: of the loaded module, empty when unknown
 */
struct versions {
	const char *launcher;
	int api;
	int module_api;
	char module[64];
};

static void print_text(const struct versions *v)
{
	printf("holm %s\nlibholm %s\nAPI version %d\n", v->launcher, v->launcher, v->api);
	if (v->module[0])
		printf("module %s\n", v->module);
	else
		printf("module not loaded\n");
	if (v->module_api >= 0)
		printf("module API version %d%s\n", v->module_api,
		       v->module_api == v->api ? "" :
		       " (not the launcher's: install both from the same release)");
	else
		printf("module API version unknown: " DEVICE ": %s\n", strerror(-v->module_api));
}

static int add(struct json_object *to, const char *key, struct json_object *val)
{
	return val ? json_object_object_add(to, key, val) : -1;
}

static int print_json(const struct versions *v)
{
	struct json_object *root = json_object_new_object();
	const char *str;
	int ret = -1;

	if (!root || add(root, "launcher", json_object_new_string(v->launcher)) ||
	    add(root, "library", json_object_new_string(v->launcher)) ||
	    add(root, "api", json_object_new_int(v->api)))
		goto out;
	/* NULL is JSON's null. */
	if (json_object_object_add(root, "module", v->module[0] ?
				   json_object_new_string(v->module) : NULL) ||
	    json_object_object_add(root, "module_api", v->module_api >= 0 ?
				   json_object_new_int(v->module_api) : NULL))
		goto out;
	str = json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY);
	if (str) {
		printf("%s\n", str);
		ret = 0;
	}
out:
	json_object_put(root);
	return ret;
}

int cmd_version(int argc, char **argv)
{
	const struct doctor_env env = { .root = "" };
	struct versions v = {
		.launcher = HOLM_VERSION,
		.api = HOLM_API_VERSION,
	};
	bool json = false;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json")) {
			fprintf(stderr, "holm version: unexpected argument %s (see \"holm help version\")\n",
				argv[i]);
			return EXIT_USAGE;
		}
		json = true;
	}

	v.module_api = holm_api_version(DEVICE);
	if (doctor_read(&env, "/sys/module/holm/version", v.module, sizeof(v.module)) <= 0 &&
	    doctor_exists(&env, "/sys/module/holm"))
		snprintf(v.module, sizeof(v.module), "of unknown version");
	if (!json) {
		print_text(&v);
	} else if (print_json(&v)) {
		fprintf(stderr, "holm version: out of memory\n");
		return EXIT_FAILED;
	}
	return EXIT_OK;
}
