// SPDX-License-Identifier: GPL-2.0-or-later
/* "holm version": which versions of holm's parts meet here. */
#include <linux/holm.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "doctor.h"
#include "json.h"

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

static struct json_object *versions_json(const struct versions *v)
{
	struct json_object *root = json_object_new_object();

	if (!root || json_add(root, "launcher", json_object_new_string(v->launcher)) ||
	    json_add(root, "library", json_object_new_string(v->launcher)) ||
	    json_add(root, "api", json_object_new_int(v->api)) ||
	    /* NULL is JSON's null. */
	    json_object_object_add(root, "module", v->module[0] ?
				   json_object_new_string(v->module) : NULL) ||
	    json_object_object_add(root, "module_api", v->module_api >= 0 ?
				   json_object_new_int(v->module_api) : NULL)) {
		json_object_put(root);
		return NULL;
	}
	return root;
}

int cmd_version(int argc, char **argv)
{
	const struct doctor_env env = { .root = "" };
	struct versions v = {
		.launcher = HOLM_VERSION,
		.api = HOLM_API_VERSION,
	};
	bool json = false;

	if (json_only_flag(argc, argv, &json))
		return EXIT_USAGE;

	v.module_api = holm_api_version(DEVICE);
	if (doctor_read(&env, "/sys/module/holm/version", v.module, sizeof(v.module)) <= 0 &&
	    doctor_exists(&env, "/sys/module/holm"))
		snprintf(v.module, sizeof(v.module), "of unknown version");
	if (!json) {
		print_text(&v);
	} else if (json_write(versions_json(&v), JSON_PRETTY, stdout)) {
		fprintf(stderr, "holm version: out of memory\n");
		return EXIT_FAILED;
	}
	return EXIT_OK;
}
