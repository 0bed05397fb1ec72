// SPDX-License-Identifier: GPL-2.0-or-later
/* The launcher's verbs. */
#include <stdio.h>
#include <string.h>

#include "cmd.h"

const struct verb holm_verbs[] = {
	{
		.name = "run",
		.summary = "Run a virtual machine until its guest ends",
		.usage = "--kernel FILE [FLAG]...",
		.help =
"  --kernel FILE         bzImage, ELF with a PVH note, multiboot 1 image, or a\n"
"                        flat binary (loaded at 0x7c00, started in real mode)\n"
"  --initrd FILE         initrd, or a module: \"FILE ARGUMENTS\"; repeatable\n"
"  --cmdline STRING      kernel command line\n"
"  --raw FILE@ADDRESS    place a file in guest RAM as it is; repeatable\n"
"  --cpus N              virtual CPUs (1)\n"
"  --memory SIZE         RAM (512M)\n"
"  --console WHERE       first serial port: stdio, pty, none, or a file that the\n"
"                        output goes to (stdio)\n"
"  --debug-exit PORT     a write of V to this I/O port ends the launcher with\n"
"                        status (V << 1) | 1\n"
"  --name NAME           name of the machine\n"
"  --config FILE         read the config file FILE; other flags override it\n"
"  --print-config        print the config file for these flags, and leave\n"
"  --json                machine-readable output\n"
"\n"
"Sizes and addresses are bytes, or take a suffix: K, M, G, T (powers of 1024).\n"
"On the console Ctrl-A x leaves and Ctrl-A h helps.\n",
		.run = cmd_run,
	},
	{
		.name = "list",
		.summary = "List the virtual machines that run on this machine",
		.usage = "[--json]",
		.help =
"Those of this network namespace: your own, and with CAP_NET_ADMIN all of them.\n",
		.run = cmd_list,
	},
	{
		.name = "show",
		.summary = "Tell how a virtual machine and its vCPUs fare",
		.usage = "VM [--json]",
		.help =
"VM is a name, a UUID, or the pid of the launcher.\n",
		.run = cmd_show,
	},
	{
		.name = "events",
		.summary = "Wait for what happens to virtual machines",
		.usage = "[--follow] [--json]",
		.help =
"Prints what comes next; with --follow all that comes, until a signal ends it.\n"
"Needs CAP_NET_ADMIN.\n",
		.run = cmd_events,
	},
	{
		.name = "kill",
		.summary = "End a virtual machine at once, whatever its guest does",
		.usage = "VM",
		.help =
"VM is a name, a UUID, or the pid of the launcher, which gets SIGKILL.\n",
		.run = cmd_kill,
	},
	{
		.name = "doctor",
		.summary = "Tell what this machine can do, and how to mend what it cannot",
		.usage = "[--json]",
		.help =
"Checks CPU, firmware, KVM, kernel, module, device and signatures. Exit status 0\n"
"when a virtual machine can be run, 1 otherwise.\n",
		.run = cmd_doctor,
	},
	{
		.name = "version",
		.summary = "Print the versions of launcher, library and module",
		.usage = "[--json]",
		.help = "",
		.run = cmd_version,
	},
	{
		.name = "help",
		.summary = "List the verbs, or explain one",
		.usage = "[VERB]",
		.help = "",
		.run = cmd_help,
	},
	{ .name = NULL }
};

const struct verb *verb_find(const char *name)
{
	for (const struct verb *v = holm_verbs; v->name; v++) {
		if (!strcmp(v->name, name))
			return v;
	}
	return NULL;
}

/* "--help" and "--version" are what people try first. */
static const char *verb_alias(const char *arg)
{
	if (!strcmp(arg, "--help") || !strcmp(arg, "-h"))
		return "help";
	if (!strcmp(arg, "--version") || !strcmp(arg, "-V"))
		return "version";
	return arg;
}

static int flush_output(int status)
{
	/* Output that was lost, on a full disk say, is a failure. */
	if (fflush(stdout) || ferror(stdout)) {
		perror("holm: cannot write the output");
		return status == EXIT_OK ? EXIT_FAILED : status;
	}
	return status;
}

int main(int argc, char **argv)
{
	const struct verb *v;
	const char *name;

	if (argc < 2) {
		fprintf(stderr, "usage: holm VERB [ARGUMENT]... (see \"holm help\")\n");
		return EXIT_USAGE;
	}
	name = verb_alias(argv[1]);
	v = verb_find(name);
	if (!v) {
		fprintf(stderr, "holm: there is no verb \"%s\" (see \"holm help\")\n", argv[1]);
		return EXIT_USAGE;
	}
	if (argc > 2 && (!strcmp(argv[2], "--help") || !strcmp(argv[2], "-h"))) {
		char *help[] = { (char *)"help", (char *)v->name, NULL };

		return flush_output(cmd_help(2, help));
	}
	return flush_output(v->run(argc - 1, argv + 1));
}
