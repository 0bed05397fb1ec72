// SPDX-License-Identifier: GPL-2.0-or-later
/* The options of a VM, and the command line that gives them. */
#define _GNU_SOURCE
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "affinity.h"
#include "config_options.h"
#include "cpu_features.h"
#include "format.h"
#include "gmem.h"
#include "libholm/control.h"
#include "size.h"

#define DEFAULT_MEMORY	(512ULL << 20)

static int set_string(char **to, const char *value, struct err *err)
{
	char *str = strdup(value);

	if (!str)
		return err_set(err, "out of memory");
	free(*to);
	*to = str;
	return 0;
}

static void clear_string(char **str)
{
	free(*str);
	*str = NULL;
}

static char *get_string(const char *str, size_t index)
{
	return str && index == 0 ? strdup(str) : NULL;
}

static int check_path(const char *value, struct err *err)
{
	return *value ? 0 : err_set(err, "expected the path of a file, found nothing");
}

static void name_clear(struct vm_config *cfg)
{
	clear_string(&cfg->name);
}

int vm_config_check_name(const char *value, struct err *err)
{
	size_t len = strlen(value);

	if (!len || len > VM_CONFIG_MAX_NAME)
		return err_set(err, "a name has 1 to %u characters, this one has %zu",
			       VM_CONFIG_MAX_NAME, len);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)value[i];

		if (c < 0x80 && (isalnum(c) || (i && strchr("-_.", c))))
			continue;
		return err_set(err, "\"%s\": a name has letters, digits, and after the first character - _ .",
			       value);
	}
	return 0;
}

static int name_set(struct vm_config *cfg, const char *value, struct err *err)
{
	return vm_config_check_name(value, err) ? -1 : set_string(&cfg->name, value, err);
}

static char *name_get(const struct vm_config *cfg, size_t index)
{
	return get_string(cfg->name, index);
}

static void uuid_clear(struct vm_config *cfg)
{
	cfg->has_uuid = false;
	memset(cfg->uuid, 0, sizeof(cfg->uuid));
}

static int uuid_set(struct vm_config *cfg, const char *value, struct err *err)
{
	if (uuid_parse(value, cfg->uuid, err))
		return -1;
	cfg->has_uuid = true;
	return 0;
}

static char *uuid_get(const struct vm_config *cfg, size_t index)
{
	char text[HOLM_UUID_TEXT];

	if (index || !cfg->has_uuid)
		return NULL;
	holm_uuid_text(cfg->uuid, text);
	return get_string(text, index);
}

static void cpus_clear(struct vm_config *cfg)
{
	cfg->cpus = (struct cpu_topology){ 1, 1, 1 };
}

static int cpus_set(struct vm_config *cfg, const char *value, struct err *err)
{
	return topology_parse(value, &cfg->cpus, err);
}

static char *cpus_get(const struct vm_config *cfg, size_t index)
{
	const struct cpu_topology *t = &cfg->cpus;

	if (index)
		return NULL;
	if (t->sockets == 1 && t->threads == 1)
		return format("%u", t->cores);
	return format("%u,sockets=%u,cores=%u,threads=%u", topology_cpus(t), t->sockets,
		      t->cores, t->threads);
}

static void cpu_clear(struct vm_config *cfg)
{
	clear_string(&cfg->cpu);
}

static int cpu_set(struct vm_config *cfg, const char *value, struct err *err)
{
	if (cpu_features_check(value, err))
		return -1;
	return set_string(&cfg->cpu, value, err);
}

static char *cpu_get(const struct vm_config *cfg, size_t index)
{
	return get_string(cfg->cpu, index);
}

static void cpu_affinity_clear(struct vm_config *cfg)
{
	clear_string(&cfg->cpu_affinity);
}

static int cpu_affinity_set(struct vm_config *cfg, const char *value, struct err *err)
{
	if (affinity_parse(value, HOLM_MAX_VCPUS, 0, NULL, err) < 0)
		return -1;
	return set_string(&cfg->cpu_affinity, value, err);
}

static char *cpu_affinity_get(const struct vm_config *cfg, size_t index)
{
	return get_string(cfg->cpu_affinity, index);
}

static void cgroup_clear(struct vm_config *cfg)
{
	clear_string(&cfg->cgroup.path);
}

static int cgroup_set(struct vm_config *cfg, const char *value, struct err *err)
{
	if (cgroup_check_path(value, err))
		return -1;
	return set_string(&cfg->cgroup.path, value, err);
}

static char *cgroup_get(const struct vm_config *cfg, size_t index)
{
	return get_string(cfg->cgroup.path, index);
}

static void cpu_weight_clear(struct vm_config *cfg)
{
	cfg->cgroup.cpu_weight = 0;
}

static int cpu_weight_set(struct vm_config *cfg, const char *value, struct err *err)
{
	const char *msg;
	uint64_t n;

	msg = number_parse(value, UINT64_MAX, &n);
	if (msg)
		return err_set(err, "\"%s\": %s", value, msg);
	if (!n || n > CPU_WEIGHT_MAX)
		return err_set(err, "\"%s\": expected 1 to %u", value, CPU_WEIGHT_MAX);
	cfg->cgroup.cpu_weight = (unsigned int)n;
	return 0;
}

static char *cpu_weight_get(const struct vm_config *cfg, size_t index)
{
	if (index || !cfg->cgroup.cpu_weight)
		return NULL;
	return format("%u", cfg->cgroup.cpu_weight);
}

static void halt_poll_clear(struct vm_config *cfg)
{
	cfg->has_halt_poll = false;
	cfg->halt_poll_ns = 0;
}

static int halt_poll_set(struct vm_config *cfg, const char *value, struct err *err)
{
	const char *msg;

	msg = number_parse(value, UINT64_MAX, &cfg->halt_poll_ns);
	if (msg)
		return err_set(err, "\"%s\": %s", value, msg);
	if (cfg->halt_poll_ns > HOLM_HALT_POLL_NS_MAX)
		return err_set(err, "\"%s\": expected 0 to %u nanoseconds", value,
			       HOLM_HALT_POLL_NS_MAX);
	cfg->has_halt_poll = true;
	return 0;
}

static char *halt_poll_get(const struct vm_config *cfg, size_t index)
{
	if (index || !cfg->has_halt_poll)
		return NULL;
	return format("%" PRIu64, cfg->halt_poll_ns);
}

static void tsc_khz_clear(struct vm_config *cfg)
{
	cfg->tsc_khz = 0;
}

static int tsc_khz_set(struct vm_config *cfg, const char *value, struct err *err)
{
	uint64_t khz;
	const char *msg = number_parse(value, UINT64_MAX, &khz);

	if (msg)
		return err_set(err, "\"%s\": %s", value, msg);
	if (!khz || khz > UINT32_MAX)
		return err_set(err, "\"%s\": expected 1 to %u kHz", value, UINT32_MAX);
	cfg->tsc_khz = khz;
	return 0;
}

static char *tsc_khz_get(const struct vm_config *cfg, size_t index)
{
	if (index || !cfg->tsc_khz)
		return NULL;
	return format("%" PRIu32, cfg->tsc_khz);
}

static void cpu_max_clear(struct vm_config *cfg)
{
	cfg->cgroup.cpu_quota = 0;
	cfg->cgroup.cpu_period = CPU_PERIOD_DEFAULT;
}

static int cpu_max_set(struct vm_config *cfg, const char *value, struct err *err)
{
	return cpu_max_parse(value, &cfg->cgroup.cpu_quota, &cfg->cgroup.cpu_period, err);
}

static char *cpu_max_get(const struct vm_config *cfg, size_t index)
{
	if (index || !cfg->cgroup.cpu_quota)
		return NULL;
	return format("%" PRIu64 "/%" PRIu64, cfg->cgroup.cpu_quota,
		      cfg->cgroup.cpu_period);
}

static void memory_clear(struct vm_config *cfg)
{
	cfg->memory = DEFAULT_MEMORY;
}

static int memory_set(struct vm_config *cfg, const char *value, struct err *err)
{
	const char *msg;
	uint64_t size;

	msg = size_parse(value, &size);
	if (msg)
		return err_set(err, "\"%s\": %s", value, msg);
	if (gmem_check_size(size, err))
		return -1;
	cfg->memory = size;
	return 0;
}

static char *memory_get(const struct vm_config *cfg, size_t index)
{
	char str[SIZE_STR_MAX];

	size_format(cfg->memory, str);
	return get_string(str, index);
}

static void kernel_clear(struct vm_config *cfg)
{
	clear_string(&cfg->kernel);
}

static int kernel_set(struct vm_config *cfg, const char *value, struct err *err)
{
	if (check_path(value, err))
		return -1;
	return set_string(&cfg->kernel, value, err);
}

static char *kernel_get(const struct vm_config *cfg, size_t index)
{
	return get_string(cfg->kernel, index);
}

static void initrd_clear(struct vm_config *cfg)
{
	while (cfg->nr_initrds)
		clear_string(&cfg->initrds[--cfg->nr_initrds]);
}

static int initrd_set(struct vm_config *cfg, const char *value, struct err *err)
{
	if (check_path(value, err))
		return -1;
	if (cfg->nr_initrds == VM_CONFIG_MAX_FILES)
		return err_set(err, "more than %u initrds", VM_CONFIG_MAX_FILES);
	if (set_string(&cfg->initrds[cfg->nr_initrds], value, err))
		return -1;
	cfg->nr_initrds++;
	return 0;
}

static char *initrd_get(const struct vm_config *cfg, size_t index)
{
	return index < cfg->nr_initrds ? get_string(cfg->initrds[index], 0) : NULL;
}

static void cmdline_clear(struct vm_config *cfg)
{
	clear_string(&cfg->cmdline);
}

static int cmdline_set(struct vm_config *cfg, const char *value, struct err *err)
{
	return set_string(&cfg->cmdline, value, err);
}

static char *cmdline_get(const struct vm_config *cfg, size_t index)
{
	return get_string(cfg->cmdline, index);
}

static void raw_clear(struct vm_config *cfg)
{
	while (cfg->nr_raws) {
		free((char *)cfg->raws[--cfg->nr_raws].path);
		cfg->raws[cfg->nr_raws].path = NULL;
	}
}

static int raw_set(struct vm_config *cfg, const char *value, struct err *err)
{
	const char *at = strrchr(value, '@');
	struct boot_raw raw;
	const char *msg;

	if (!at || at == value)
		return err_set(err, "\"%s\": expected FILE@ADDRESS", value);
	msg = size_parse(at + 1, &raw.gpa);
	if (msg)
		return err_set(err, "\"%s\": the address after @: %s", value, msg);
	if (cfg->nr_raws == VM_CONFIG_MAX_FILES)
		return err_set(err, "more than %u raw files", VM_CONFIG_MAX_FILES);
	raw.path = strndup(value, (size_t)(at - value));
	if (!raw.path)
		return err_set(err, "out of memory");
	cfg->raws[cfg->nr_raws++] = raw;
	return 0;
}

static char *raw_get(const struct vm_config *cfg, size_t index)
{
	if (index >= cfg->nr_raws)
		return NULL;
	return format("%s@0x%" PRIx64, cfg->raws[index].path, cfg->raws[index].gpa);
}

static const char *const console_names[] = {
	[CONSOLE_STDIO] = "stdio",
	[CONSOLE_PTY] = "pty",
	[CONSOLE_SOCKET] = "socket",
	[CONSOLE_NONE] = "none",
};

static const char socket_prefix[] = "socket=";

static void console_clear(struct vm_config *cfg)
{
	cfg->console = CONSOLE_STDIO;
	clear_string(&cfg->console_path);
}

static int console_set(struct vm_config *cfg, const char *value, struct err *err)
{
	if (!*value)
		return err_set(err, "expected stdio, pty, socket, none or the path of a file, found nothing");
	for (size_t i = 0; i < sizeof(console_names) / sizeof(console_names[0]); i++) {
		if (!console_names[i] || strcmp(value, console_names[i]))
			continue;
		console_clear(cfg);
		cfg->console = (enum console_type)i;
		return 0;
	}
	if (!strncmp(value, socket_prefix, strlen(socket_prefix))) {
		value += strlen(socket_prefix);
		if (!*value)
			return err_set(err, "expected the path of a socket after socket=");
		if (set_string(&cfg->console_path, value, err))
			return -1;
		cfg->console = CONSOLE_SOCKET;
		return 0;
	}
	if (set_string(&cfg->console_path, value, err))
		return -1;
	cfg->console = CONSOLE_FILE;
	return 0;
}

static char *console_get(const struct vm_config *cfg, size_t index)
{
	if (cfg->console == CONSOLE_FILE)
		return get_string(cfg->console_path, index);
	if (cfg->console == CONSOLE_SOCKET && cfg->console_path)
		return index ? NULL : format("%s%s", socket_prefix, cfg->console_path);
	return get_string(console_names[cfg->console], index);
}

static void debug_exit_clear(struct vm_config *cfg)
{
	cfg->has_debug_exit = false;
	cfg->debug_exit_port = 0;
}

static int debug_exit_set(struct vm_config *cfg, const char *value, struct err *err)
{
	const char *msg;
	uint64_t port;

	msg = number_parse(value, UINT64_MAX, &port);
	if (msg)
		return err_set(err, "\"%s\": %s", value, msg);
	if (port > UINT16_MAX)
		return err_set(err, "\"%s\": expected an I/O port, 0 to 0xffff", value);
	cfg->has_debug_exit = true;
	cfg->debug_exit_port = (uint16_t)port;
	return 0;
}

static char *debug_exit_get(const struct vm_config *cfg, size_t index)
{
	if (!cfg->has_debug_exit || index)
		return NULL;
	return format("0x%x", cfg->debug_exit_port);
}

static void print_config_clear(struct vm_config *cfg)
{
	cfg->print_config = false;
}

static int print_config_set(struct vm_config *cfg, const char *value, struct err *err)
{
	(void)value;
	(void)err;
	cfg->print_config = true;
	return 0;
}

static void detach_clear(struct vm_config *cfg)
{
	cfg->detach = false;
}

static int detach_set(struct vm_config *cfg, const char *value, struct err *err)
{
	(void)value;
	(void)err;
	cfg->detach = true;
	return 0;
}

static void json_clear(struct vm_config *cfg)
{
	cfg->json = false;
}

static int json_set(struct vm_config *cfg, const char *value, struct err *err)
{
	(void)value;
	(void)err;
	cfg->json = true;
	return 0;
}

#define VALUE_OPTION(_flag, _section, _key, _list, _name)			\
	{ .flag = (_flag), .section = (_section), .key = (_key),		\
	  .list = (_list), .takes_value = true, .clear = _name##_clear,		\
	  .set = _name##_set, .get = _name##_get }
#define SWITCH_OPTION(_flag, _name)						\
	{ .flag = (_flag), .clear = _name##_clear, .set = _name##_set }

const struct vm_option vm_options[] = {
	VALUE_OPTION("name", "vm", "name", false, name),
	VALUE_OPTION("uuid", "vm", "uuid", false, uuid),
	VALUE_OPTION("cpus", "vm", "cpus", false, cpus),
	VALUE_OPTION("cpu", "vm", "cpu", false, cpu),
	VALUE_OPTION("cpu-affinity", "vm", "cpu-affinity", false, cpu_affinity),
	VALUE_OPTION("cgroup", "vm", "cgroup", false, cgroup),
	VALUE_OPTION("cpu-weight", "vm", "cpu-weight", false, cpu_weight),
	VALUE_OPTION("cpu-max", "vm", "cpu-max", false, cpu_max),
	VALUE_OPTION("halt-poll", "vm", "halt-poll", false, halt_poll),
	VALUE_OPTION("tsc-khz", "vm", "tsc-khz", false, tsc_khz),
	VALUE_OPTION("memory", "vm", "memory", false, memory),
	VALUE_OPTION("kernel", "boot", "kernel", false, kernel),
	VALUE_OPTION("initrd", "boot", "initrd", true, initrd),
	VALUE_OPTION("cmdline", "boot", "cmdline", false, cmdline),
	VALUE_OPTION("raw", "boot", "raw", true, raw),
	VALUE_OPTION("console", "console", "type", false, console),
	VALUE_OPTION("debug-exit", "debug", "exit-port", false, debug_exit),
	SWITCH_OPTION("print-config", print_config),
	SWITCH_OPTION("detach", detach),
	SWITCH_OPTION("json", json),
	{ .flag = NULL }
};

_Static_assert(sizeof(vm_options) / sizeof(vm_options[0]) <= VM_OPTIONS_MAX,
	       "arrays indexed by option are large enough");

void vm_config_init(struct vm_config *cfg)
{
	memset(cfg, 0, sizeof(*cfg));
	for (const struct vm_option *o = vm_options; o->flag; o++)
		o->clear(cfg);
}

void vm_config_deinit(struct vm_config *cfg)
{
	for (const struct vm_option *o = vm_options; o->flag; o++)
		o->clear(cfg);
}

/* The option that an argument names: "--flag" or "--flag=value". */
static const struct vm_option *option_find(const char *arg, const char **value)
{
	size_t len;

	*value = NULL;
	if (strncmp(arg, "--", 2))
		return NULL;
	arg += 2;
	len = strcspn(arg, "=");
	for (const struct vm_option *o = vm_options; o->flag; o++) {
		if (strlen(o->flag) != len || strncmp(o->flag, arg, len))
			continue;
		if (arg[len] == '=')
			*value = arg + len + 1;
		return o;
	}
	return NULL;
}

static bool is_config_flag(const char *arg, const char **value)
{
	static const char flag[] = "--config";
	size_t len = sizeof(flag) - 1;

	*value = NULL;
	if (strncmp(arg, flag, len) || (arg[len] && arg[len] != '='))
		return false;
	if (arg[len] == '=')
		*value = arg + len + 1;
	return true;
}

/*
 * One walk over the arguments. Without @cfg only the path of the config file is
 * looked for, with it everything else is applied.
 */
static int walk_args(struct vm_config *cfg, int argc, char **argv, const char **config,
		     struct err *err)
{
	bool seen[VM_OPTIONS_MAX] = { false };

	for (int i = 1; i < argc; i++) {
		const struct vm_option *o;
		const char *value;

		if (is_config_flag(argv[i], &value)) {
			if (!value && ++i < argc)
				value = argv[i];
			if (!value || !*value)
				return err_set(err, "--config: expected the path of a file");
			if (!cfg && *config)
				return err_set(err, "--config: given more than once");
			*config = value;
			continue;
		}

		o = option_find(argv[i], &value);
		if (!o)
			return err_set(err, argv[i][0] == '-' ?
				       "%s: unknown flag (see \"holm help run\")" :
				       "%s: unexpected argument (see \"holm help run\")",
				       argv[i]);
		if (o->takes_value) {
			if (!value && ++i < argc)
				value = argv[i];
			if (!value)
				return err_set(err, "--%s: expected a value", o->flag);
		} else if (value) {
			return err_set(err, "--%s: takes no value, found \"%s\"", o->flag, value);
		}
		if (!cfg)
			continue;

		if (!seen[o - vm_options])
			o->clear(cfg);
		else if (!o->list)
			return err_set(err, "--%s: given more than once", o->flag);
		seen[o - vm_options] = true;
		if (o->set(cfg, value, err)) {
			err_prefix(err, "--%s", o->flag);
			return -1;
		}
	}
	return 0;
}

int vm_config_parse_args(struct vm_config *cfg, int argc, char **argv, struct err *err)
{
	const char *config = NULL;

	if (walk_args(NULL, argc, argv, &config, err))
		return -1;
	if (config && vm_config_load_file(cfg, config, err))
		return -1;
	if (walk_args(cfg, argc, argv, &config, err))
		return -1;
	return vm_config_check(cfg, err);
}

int vm_config_check(const struct vm_config *cfg, struct err *err)
{
	if (cfg->cpu_affinity &&
	    affinity_parse(cfg->cpu_affinity, topology_cpus(&cfg->cpus), 0, NULL, err) < 0)
		return err_prefix(err, "--cpu-affinity");
	if (!cfg->cgroup.path && (cfg->cgroup.cpu_weight || cfg->cgroup.cpu_quota))
		return err_set(err, "--cpu-weight and --cpu-max are limits of a control group: name it with --cgroup");
	if (!cfg->kernel)
		return err_set(err, "no kernel given: use --kernel FILE, or kernel = FILE in the section [boot] of a config file");
	return 0;
}

void vm_config_boot_params(const struct vm_config *cfg, uint64_t rsdp,
			   struct boot_params_in *in)
{
	*in = (struct boot_params_in){
		.kernel = cfg->kernel,
		.cmdline = cfg->cmdline,
		.initrds = (const char *const *)cfg->initrds,
		.nr_initrds = cfg->nr_initrds,
		.raws = cfg->raws,
		.nr_raws = cfg->nr_raws,
		.rsdp = rsdp,
	};
}
