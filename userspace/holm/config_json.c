// SPDX-License-Identifier: GPL-2.0-or-later
/* A VM's config as JSON. */
#include <inttypes.h>
#include <stdio.h>

#include "config.h"
#include "json.h"
#include "libholm/control.h"

static int add_object(struct json_object *to, const char *key, struct json_object **val)
{
	*val = json_object_new_object();
	return json_add(to, key, *val);
}

static int add_array(struct json_object *to, const char *key, struct json_object **val)
{
	*val = json_object_new_array();
	return json_add(to, key, *val);
}

static int add_cgroup(struct json_object *vm, const struct cgroup_config *cfg)
{
	char max[48];

	if (cfg->path && json_add(vm, "cgroup", json_object_new_string(cfg->path)))
		return -1;
	if (cfg->cpu_weight && json_add(vm, "cpu-weight", json_object_new_int64(cfg->cpu_weight)))
		return -1;
	if (!cfg->cpu_quota)
		return 0;
	snprintf(max, sizeof(max), "%" PRIu64 "/%" PRIu64, cfg->cpu_quota, cfg->cpu_period);
	return json_add(vm, "cpu-max", json_object_new_string(max));
}

static int add_vm(struct json_object *root, const struct vm_config *cfg)
{
	char uuid[HOLM_UUID_TEXT];
	struct json_object *vm;

	if (add_object(root, "vm", &vm))
		return -1;
	if (cfg->name && json_add(vm, "name", json_object_new_string(cfg->name)))
		return -1;
	holm_uuid_text(cfg->uuid, uuid);
	if (cfg->has_uuid && json_add(vm, "uuid", json_object_new_string(uuid)))
		return -1;
	if (json_add(vm, "cpus", json_object_new_int64(topology_cpus(&cfg->cpus))) ||
	    json_add(vm, "sockets", json_object_new_int64(cfg->cpus.sockets)) ||
	    json_add(vm, "cores", json_object_new_int64(cfg->cpus.cores)) ||
	    json_add(vm, "threads", json_object_new_int64(cfg->cpus.threads)) ||
	    json_add(vm, "memory", json_object_new_uint64(cfg->memory)))
		return -1;
	if (cfg->cpu && json_add(vm, "cpu", json_object_new_string(cfg->cpu)))
		return -1;
	if (cfg->cpu_affinity &&
	    json_add(vm, "cpu-affinity", json_object_new_string(cfg->cpu_affinity)))
		return -1;
	if (cfg->has_halt_poll &&
	    json_add(vm, "halt-poll", json_object_new_uint64(cfg->halt_poll_ns)))
		return -1;
	if (cfg->tsc_khz && json_add(vm, "tsc-khz", json_object_new_uint64(cfg->tsc_khz)))
		return -1;
	return add_cgroup(vm, &cfg->cgroup);
}

static int add_boot(struct json_object *root, const struct vm_config *cfg)
{
	struct json_object *boot, *initrds, *raws, *raw;

	if (add_object(root, "boot", &boot))
		return -1;
	if (cfg->kernel && json_add(boot, "kernel", json_object_new_string(cfg->kernel)))
		return -1;
	if (add_array(boot, "initrd", &initrds))
		return -1;
	for (size_t i = 0; i < cfg->nr_initrds; i++) {
		if (json_append(initrds, json_object_new_string(cfg->initrds[i])))
			return -1;
	}
	if (cfg->cmdline && json_add(boot, "cmdline", json_object_new_string(cfg->cmdline)))
		return -1;
	if (add_array(boot, "raw", &raws))
		return -1;
	for (size_t i = 0; i < cfg->nr_raws; i++) {
		raw = json_object_new_object();
		if (json_append(raws, raw) ||
		    json_add(raw, "file", json_object_new_string(cfg->raws[i].path)) ||
		    json_add(raw, "address", json_object_new_uint64(cfg->raws[i].gpa)))
			return -1;
	}
	return 0;
}

static int add_console(struct json_object *root, const struct vm_config *cfg)
{
	static const char *const names[] = {
		[CONSOLE_STDIO] = "stdio",
		[CONSOLE_PTY] = "pty",
		[CONSOLE_FILE] = "file",
		[CONSOLE_SOCKET] = "socket",
		[CONSOLE_NONE] = "none",
	};
	struct json_object *console;

	if (add_object(root, "console", &console) ||
	    json_add(console, "type", json_object_new_string(names[cfg->console])))
		return -1;
	if (cfg->console_path &&
	    json_add(console, "path", json_object_new_string(cfg->console_path)))
		return -1;
	return 0;
}

static int add_debug(struct json_object *root, const struct vm_config *cfg)
{
	struct json_object *debug;

	if (add_object(root, "debug", &debug))
		return -1;
	if (cfg->has_debug_exit &&
	    json_add(debug, "exit-port", json_object_new_int64(cfg->debug_exit_port)))
		return -1;
	return 0;
}

int vm_config_print_json(const struct vm_config *cfg, FILE *out)
{
	struct json_object *root = json_object_new_object();

	if (root && (add_vm(root, cfg) || add_boot(root, cfg) || add_console(root, cfg) ||
		     add_debug(root, cfg))) {
		json_object_put(root);
		root = NULL;
	}
	return json_write(root, JSON_PRETTY, out);
}
