// SPDX-License-Identifier: GPL-2.0-or-later
/* JSON as the verbs write it. */
#include <string.h>

#include "args.h"
#include "json.h"

int json_add(struct json_object *to, const char *key, struct json_object *val)
{
	if (!val)
		return -1;
	if (json_object_object_add(to, key, val)) {
		json_object_put(val);
		return -1;
	}
	return 0;
}

int json_append(struct json_object *to, struct json_object *val)
{
	if (!val)
		return -1;
	if (json_object_array_add(to, val)) {
		json_object_put(val);
		return -1;
	}
	return 0;
}

int json_write(struct json_object *root, int flags, FILE *out)
{
	const char *text = root ? json_object_to_json_string_ext(root, flags) : NULL;

	if (text)
		fprintf(out, "%s\n", text);
	json_object_put(root);
	return text ? 0 : -1;
}

int json_only_flag(int argc, char **argv, bool *json)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json")) {
			args_unexpected(argv, argv[i]);
			return -1;
		}
		*json = true;
	}
	return 0;
}
