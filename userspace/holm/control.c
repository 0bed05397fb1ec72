// SPDX-License-Identifier: GPL-2.0-or-later
/* Virtual machines of this machine, by the words that people have for them. */
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "json.h"
#include "size.h"

struct holm_ctl *control_open(struct err *e)
{
	struct holm_ctl *ctl;
	int ret = holm_ctl_open(&ctl);

	if (!ret)
		return ctl;
	err_set(e, "%s%s", holm_ctl_error(ctl),
		ret == -ENOENT ? ": \"modprobe holm\" loads it, \"holm doctor\" tells why it does not"
			       : "");
	holm_ctl_close(ctl);
	return NULL;
}

static bool is_it(const struct holm_vm_info *vm, const char *what, bool by_name)
{
	char text[HOLM_UUID_TEXT];
	uint64_t pid;

	if (by_name)
		return *what && !strcmp(vm->name, what);
	holm_uuid_text(vm->uuid, text);
	if (!strcasecmp(text, what))
		return true;
	return !number_parse(what, UINT32_MAX, &pid) && pid && pid == vm->pid;
}

const struct holm_vm_info *control_match(const struct holm_vm_info *vms, size_t n,
					 const char *what, struct err *e)
{
	const struct holm_vm_info *found = NULL;

	for (int by_name = 1; by_name >= 0 && !found; by_name--) {
		for (size_t i = 0; i < n; i++) {
			if (!is_it(&vms[i], what, by_name))
				continue;
			if (found) {
				err_set(e, "more than one virtual machine is called \"%s\": take the UUID or the pid (\"holm list\" shows them)",
					what);
				return NULL;
			}
			found = &vms[i];
		}
	}
	if (!found)
		err_set(e, "there is no virtual machine \"%s\" that you may see (\"holm list\" shows those there are)",
			what);
	return found;
}

int control_find(struct holm_ctl *ctl, const char *what, struct holm_vm_info *vm, struct err *e)
{
	const struct holm_vm_info *found;
	struct holm_vm_info *vms;
	size_t n;

	if (holm_ctl_vms(ctl, &vms, &n))
		return err_set(e, "%s", holm_ctl_error(ctl));
	found = control_match(vms, n, what, e);
	if (found)
		*vm = *found;
	free(vms);
	return found ? 0 : -1;
}

const char *control_user(uint32_t uid, char *buf, size_t size)
{
	const struct passwd *user = getpwuid(uid);

	if (user)
		snprintf(buf, size, "%s", user->pw_name);
	else
		snprintf(buf, size, "%" PRIu32, uid);
	return buf;
}

const char *control_duration(uint64_t ns, char *buf, size_t size)
{
	uint64_t s = ns / 1000000000;

	if (s >= 86400)
		snprintf(buf, size, "%" PRIu64 "d %" PRIu64 "h", s / 86400, s / 3600 % 24);
	else if (s >= 3600)
		snprintf(buf, size, "%" PRIu64 "h %" PRIu64 "m", s / 3600, s / 60 % 60);
	else if (s >= 60)
		snprintf(buf, size, "%" PRIu64 "m %" PRIu64 "s", s / 60, s % 60);
	else
		snprintf(buf, size, "%" PRIu64 "s", s);
	return buf;
}

const char *control_size(uint64_t bytes, char *buf, size_t size)
{
	static const char units[] = "BKMGTPE";
	unsigned int unit = 0;
	uint64_t part = 0;

	while (bytes >= 1024) {
		part = bytes % 1024;
		bytes /= 1024;
		unit++;
	}
	if (unit && bytes < 100 && part)
		snprintf(buf, size, "%" PRIu64 ".%u%c", bytes, (unsigned int)(part * 10 / 1024),
			 units[unit]);
	else
		snprintf(buf, size, "%" PRIu64 "%c", bytes, units[unit]);
	return buf;
}

static void bit_name(char *buf, size_t size, unsigned int bit, const char *(*name)(size_t bit))
{
	if (name(bit))
		snprintf(buf, size, "%s", name(bit));
	else
		snprintf(buf, size, "bit-%u", bit);
}

const char *control_bits(uint64_t mask, const char *(*name)(size_t bit), char *buf, size_t size)
{
	size_t len = 0;

	snprintf(buf, size, "none");
	for (unsigned int bit = 0; bit < 64 && len < size; bit++) {
		char text[32];

		if (!(mask & 1ULL << bit))
			continue;
		bit_name(text, sizeof(text), bit, name);
		len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? ", " : "", text);
	}
	return buf;
}

struct json_object *control_bits_json(uint64_t mask, const char *(*name)(size_t bit))
{
	struct json_object *array = json_object_new_array();

	for (unsigned int bit = 0; array && bit < 64; bit++) {
		char text[32];

		if (!(mask & 1ULL << bit))
			continue;
		bit_name(text, sizeof(text), bit, name);
		if (json_append(array, json_object_new_string(text))) {
			json_object_put(array);
			array = NULL;
		}
	}
	return array;
}

struct json_object *control_vm_json(const struct holm_vm_info *vm)
{
	struct json_object *o = json_object_new_object();
	char uuid[HOLM_UUID_TEXT];

	holm_uuid_text(vm->uuid, uuid);
	if (o && !json_add(o, "id", json_object_new_int64(vm->id)) &&
	    !json_add(o, "name", json_object_new_string(vm->name)) &&
	    !json_add(o, "uuid", json_object_new_string(uuid)) &&
	    !json_add(o, "uid", json_object_new_int64(vm->uid)) &&
	    !json_add(o, "pid", json_object_new_int64(vm->pid)) &&
	    !json_add(o, "state",
			      json_object_new_string(holm_vm_state_name(vm->state))) &&
	    !json_add(o, "vcpus", json_object_new_int64(vm->vcpus)) &&
	    !json_add(o, "memory", json_object_new_uint64(vm->memory)) &&
	    !json_add(o, "resident", json_object_new_uint64(vm->resident)) &&
	    !json_add(o, "uptime_ns", json_object_new_uint64(vm->uptime_ns)) &&
	    !json_add(o, "netns", json_object_new_int64(vm->netns)) &&
	    !json_add(o, "halt_poll_ns", json_object_new_int64(vm->halt_poll_ns)) &&
	    !json_add(o, "exits", json_object_new_uint64(vm->exits)) &&
	    !(vm->has_features &&
	      json_add(o, "features", control_bits_json(vm->features, holm_vm_feature_name))) &&
	    !(vm->has_stats && json_add(o, "stats", json_object_new_boolean(vm->stats))) &&
	    !(vm->has_ple && (json_add(o, "ple_gap", json_object_new_int64(vm->ple_gap)) ||
			      json_add(o, "ple_window",
				       json_object_new_int64(vm->ple_window)))) &&
	    !(vm->has_pages && (json_add(o, "pages_4k", json_object_new_uint64(vm->pages_4k)) ||
				json_add(o, "pages_2m", json_object_new_uint64(vm->pages_2m)) ||
				json_add(o, "pages_1g", json_object_new_uint64(vm->pages_1g)))))
		return o;
	json_object_put(o);
	return NULL;
}
