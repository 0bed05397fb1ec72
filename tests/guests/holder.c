// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A virtual machine that is not the launcher's: one that has it and sleeps.
 *
 * usage: holm-holder NAME [left]
 *
 * With "left" a child has it, and the process that made it has ended.
 */
#include <fcntl.h>
#include <linux/holm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct holm_create_vm arg = { .size = sizeof(arg) };
	int dev, vm;

	if (argc < 2 || argc > 3 || strlen(argv[1]) >= sizeof(arg.name)) {
		fprintf(stderr, "usage: holm-holder NAME [left]\n");
		return 2;
	}
	strcpy(arg.name, argv[1]);
	dev = open("/dev/holm", O_RDWR | O_CLOEXEC);
	vm = dev < 0 ? -1 : ioctl(dev, HOLM_CREATE_VM, &arg);
	if (vm < 0) {
		perror("holm-holder: cannot create a VM");
		return 1;
	}
	if (argc == 3) {
		pid_t pid = fork();

		if (pid) {
			printf("%d\n", pid);
			return pid < 0;
		}
		/* Whoever reads the pid is not to wait for this process. */
		close(STDOUT_FILENO);
	}
	for (;;)
		pause();
}
