/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The description of a VM, from flags of "holm run" and from a config file.
 *
 * One table in config.c names every option with its flag and its section and
 * key, so that both say the same thing and each can be printed as the other.
 */
#ifndef HOLM_CONFIG_H
#define HOLM_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "boot/boot.h"
#include "cgroup.h"
#include "err.h"
#include "topology.h"
#include "uuid.h"

#define VM_CONFIG_MAX_NAME	63
#define VM_CONFIG_MAX_FILES	64	/* initrds, and files placed with --raw */

enum console_type {
	CONSOLE_STDIO,
	CONSOLE_PTY,
	CONSOLE_FILE,
	CONSOLE_SOCKET,
	CONSOLE_NONE,
};

/**
 * struct vm_config - a VM as its user describes it
 * @name: NULL when the user gave none
 * @has_uuid: @uuid was given
 * @uuid: in the order of bytes of RFC 9562; all 0 when not given
 * @cpus: virtual CPUs
 * @cpu: features that the guest is shown (cpu_features.h), or NULL
 * @cpu_affinity: CPUs of the host that they run on (affinity.h), or NULL
 * @cgroup: control group and limits; no limit without a path
 * @has_halt_poll: @halt_poll_ns was given; else it is the driver's default
 * @halt_poll_ns: most nanoseconds that a halted vCPU polls, 0: none
 * @tsc_khz: frequency of the vCPUs' TSCs; 0: the host's
 * @memory: bytes of RAM, checked with gmem_check_size()
 * @kernel: path of the kernel image; NULL only before vm_config_check()
 * @initrds: paths, each possibly followed by a space and arguments
 * @nr_initrds: entries of @initrds
 * @cmdline: kernel command line; NULL means empty
 * @raws: files placed in RAM as they are; the paths are owned by the config
 * @nr_raws: entries of @raws
 * @console: what the first serial port is connected to
 * @console_path: with CONSOLE_FILE the file written to; with CONSOLE_SOCKET that
 *	of the socket, NULL: the run-time directory's; else NULL
 * @has_debug_exit: there is a debug-exit port
 * @debug_exit_port: its I/O port number
 * @print_config: print the config and leave (flag only)
 * @detach: run in the background (flag only)
 * @json: machine-readable output (flag only)
 */
struct vm_config {
	char *name;
	bool has_uuid;
	uint8_t uuid[UUID_SIZE];
	struct cpu_topology cpus;
	char *cpu;
	char *cpu_affinity;
	struct cgroup_config cgroup;
	bool has_halt_poll;
	uint64_t halt_poll_ns;
	uint32_t tsc_khz;
	uint64_t memory;

	char *kernel;
	char *initrds[VM_CONFIG_MAX_FILES];
	size_t nr_initrds;
	char *cmdline;
	struct boot_raw raws[VM_CONFIG_MAX_FILES];
	size_t nr_raws;

	enum console_type console;
	char *console_path;

	bool has_debug_exit;
	uint16_t debug_exit_port;

	bool print_config;
	bool detach;
	bool json;
};

/**
 * vm_config_init() - a config with every option at its default
 * @cfg: to fill; owns nothing yet
 */
void vm_config_init(struct vm_config *cfg);

/**
 * vm_config_deinit() - free what a config owns and reset it to the defaults
 * @cfg: initialized
 */
void vm_config_deinit(struct vm_config *cfg);

/**
 * vm_config_parse_args() - take a VM's description from a command line
 * @cfg: initialized, at its defaults
 * @argc: number of arguments
 * @argv: arguments, argv[0] is skipped (the verb)
 * @err: names the flag, or the file, line and key, and says what is wrong
 *
 * With --config the file is read first; what a flag says replaces what the
 * file says for the same option, lists included. The result has been through
 * vm_config_check().
 *
 * Return: 0, or -1 with @err set; @cfg needs vm_config_deinit() in both cases.
 */
int vm_config_parse_args(struct vm_config *cfg, int argc, char **argv,
			 struct err *err);

/**
 * vm_config_load_file() - take a VM's description from a config file
 * @cfg: initialized; options that the file does not name are left alone
 * @path: the file, in INI format
 * @err: names file, line, section and key
 *
 * Return: 0, or -1 with @err set.
 */
int vm_config_load_file(struct vm_config *cfg, const char *path, struct err *err);

/**
 * vm_config_check() - check what no single option can tell
 * @cfg: parsed
 * @err: says what is missing or contradictory
 *
 * Return: 0 when a VM can be made from it, or -1 with @err set.
 */
int vm_config_check(const struct vm_config *cfg, struct err *err);

/* Whether a virtual machine can be called @value: 0, or -1 with a message. */
int vm_config_check_name(const char *value, struct err *err);

/**
 * vm_config_print() - write the config file that describes the same VM
 * @cfg: parsed
 * @out: stream to write to; the caller checks it for errors
 *
 * vm_config_load_file() of the output gives the same config.
 */
void vm_config_print(const struct vm_config *cfg, FILE *out);

/**
 * vm_config_print_json() - write the config as a JSON object
 * @cfg: parsed
 * @out: stream to write to; the caller checks it for errors
 *
 * Sections become objects, keys keep their names, sizes are in bytes.
 *
 * Return: 0, or -1 when out of memory.
 */
int vm_config_print_json(const struct vm_config *cfg, FILE *out);

/**
 * vm_config_boot_params() - the part of a config that the boot loaders need
 * @cfg: parsed; must outlive @in
 * @rsdp: guest physical address of the ACPI RSDP, or 0
 * @in: to fill
 */
void vm_config_boot_params(const struct vm_config *cfg, uint64_t rsdp,
			   struct boot_params_in *in);

#endif /* HOLM_CONFIG_H */
