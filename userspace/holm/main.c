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
"  --cpus N              virtual CPUs (1), and how they lie: N,sockets=S,cores=C,\n"
"                        threads=T\n"
"  --cpu LIST            CPU features, FEATURE=on|off and model=MODEL (model=host)\n"
"  --cpu-affinity CPUS   CPUs of the host that the vCPUs run on, or V=CPUS:V=CPUS\n"
"  --cgroup PATH         control group to run in\n"
"  --cpu-weight N        the group's share of contended CPUs, 1 to 10000\n"
"  --cpu-max QUOTA       its limit, microseconds in each 100000, or QUOTA/PERIOD\n"
"  --halt-poll NS        halted vCPUs poll so many nanoseconds at most\n"
"  --tsc-khz KHZ         frequency of the time-stamp counters (the host's)\n"
"  --memory SIZE         RAM (512M)\n"
"  --console WHERE       first serial port: stdio, pty, socket, socket=PATH, none,\n"
"                        or a file that the output goes to (stdio)\n"
"  --debug-exit PORT     a write of V to this I/O port ends the launcher with\n"
"                        status (V << 1) | 1\n"
"  --name NAME           name of the machine\n"
"  --uuid UUID           UUID of the machine (random)\n"
"  --detach              run it in the background; \"holm console\" attaches\n"
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
		.summary = "Tell how a virtual machine and its vCPUs fare, or the driver",
		.usage = "[VM] [--json]",
		.help =
"VM is a name, a UUID, or the pid of the launcher. Without it: the driver, what\n"
"it offers on this CPU, and what it does against leaks of it.\n",
		.run = cmd_show,
	},
	{
		.name = "events",
		.summary = "Wait for what happens to virtual machines",
		.usage = "[--follow] [--watch VM:KIND=VALUE]... [--json]",
		.help =
"Prints what comes next; with --follow all that comes, until a signal ends it.\n"
"Needs CAP_NET_ADMIN, unless there are watches, which end with this command.\n"
"\n"
"  --watch VM:KIND=VALUE tell when a value of VM is above VALUE, and again when\n"
"                        it was below meanwhile; repeatable. KIND is exit-rate\n"
"                        (exits a second), resident (bytes, or a size such as\n"
"                        512M) or no-progress (seconds in which the guest did\n"
"                        nothing but spin)\n",
		.run = cmd_events,
	},
	{
		.name = "stats",
		.summary = "Watch how much virtual machines exit, and for what",
		.usage = "[VM] [FLAG]...",
		.help =
"A screen on a terminal (h helps, q ends it), a table otherwise.\n"
"\n"
"  --once                a table of one interval\n"
"  --interval S          seconds between two looks (1)\n"
"  --sort KEY            exits, guest, halted, halts, resident or name (exits)\n"
"  --reset               counts by reason begin at 0\n"
"  --passive             switch no statistics on\n"
"  --json                an object in each line; with --once one object\n"
"\n"
"The driver counts and times exits by reason where statistics are on, which costs\n"
"time with each exit. This command switches them on for what it looks at, and off\n"
"again at its end where it did. \"holm set VM --stats on\" leaves them on.\n",
		.run = cmd_stats,
	},
	{
		.name = "metrics",
		.summary = "Print counters of all virtual machines for Prometheus",
		.usage = "[--listen WHERE]",
		.help =
"OpenMetrics 1.0 text. Exits by reason are in it where statistics are on.\n"
"\n"
"  --listen WHERE        serve it by HTTP, as /metrics, until a signal ends it:\n"
"                        unix:PATH, or [ADDRESS:]PORT with an address of this\n"
"                        machine alone (127.0.0.1, [::1])\n",
		.run = cmd_metrics,
	},
	{
		.name = "pause",
		.summary = "Keep the vCPUs of a virtual machine from running",
		.usage = "VM",
		.help =
"VM is a name, a UUID, or the pid of the launcher. No vCPU is in the guest when this\n"
"returns; \"holm resume\" lets them go on.\n",
		.run = cmd_pause,
	},
	{
		.name = "resume",
		.summary = "Have a paused virtual machine go on",
		.usage = "VM",
		.help =
"VM is a name, a UUID, or the pid of the launcher.\n",
		.run = cmd_resume,
	},
	{
		.name = "rename",
		.summary = "Give a virtual machine that runs another name",
		.usage = "VM NAME",
		.help =
"VM is a name, a UUID, or the pid of the launcher. NAME has up to 63 letters, digits\n"
"and, after the first character, - _ and . characters.\n",
		.run = cmd_rename,
	},
	{
		.name = "set",
		.summary = "Change parameters of a virtual machine that runs",
		.usage = "VM FLAG...",
		.help =
"  --halt-poll NS        how long a halted vCPU polls at most, 0: not at all\n"
"  --ple-gap N           most TSC ticks between the PAUSEs of one loop, 0: loops\n"
"                        of them do not exit\n"
"  --ple-window N        how long a loop runs before the vCPU yields: TSC ticks\n"
"                        (Intel) or PAUSEs (AMD)\n"
"  --stats on|off        count and time exits by reason\n"
"\n"
"VM is a name, a UUID, or the pid of the launcher. All is changed, or nothing.\n",
		.run = cmd_set,
	},
	{
		.name = "console",
		.summary = "Attach the terminal to the console of a guest in the background",
		.usage = "VM [--force]",
		.help =
"  --force               take the place of another client\n"
"  --socket PATH         by the path of the socket, in place of VM\n"
"\n"
"VM is a name, a UUID, or the pid of the launcher. The last 64 KiB of output come\n"
"first. Ctrl-A d detaches, Ctrl-A Ctrl-A sends Ctrl-A, Ctrl-A h helps. Without a\n"
"terminal as standard input all goes to the guest, and output goes on after its\n"
"end.\n",
		.run = cmd_console,
	},
	{
		.name = "stop",
		.summary = "Shut a guest down by its power button",
		.usage = "VM [--timeout SECONDS] [--json]",
		.help =
"  --timeout SECONDS     then it is killed, as by \"holm kill\" (90)\n"
"\n"
"VM is a name, a UUID, or the pid of the launcher. Waits until it is gone. Exit\n"
"status 0: it has shut down, 3: it was killed.\n",
		.run = cmd_stop,
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
