/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of holm-control share. */
#ifndef HOLM_TEST_CONTROL_H
#define HOLM_TEST_CONTROL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define OWNER		1000
#define STRANGER	1001

/* The result that is being made fails; the first reason counts. */
void bad(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
bool is_bad(void);

/* It is made, and this is its name. */
void done(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * struct vm - a process that holds a VM and does nothing
 * @pid: the process; -1: none
 * @fd: closed by its death, written by nobody
 */
struct vm {
	pid_t pid;
	int fd;
};

/* This process goes on as @uid, with no more rights than that. */
void become(uid_t uid);

/* A process of @uid that has a VM called @name with @vcpus vCPUs, until it dies. */
struct vm vm_start_smp(uid_t uid, const char *name, unsigned int vcpus);
struct vm vm_start(uid_t uid, const char *name);
void vm_end(struct vm *vm);

/* Its holder has died by SIGKILL, within ten seconds. */
bool vm_was_killed(struct vm *vm);

/* The driver's number of the VM called @name, as root sees it; 0: none. */
uint32_t vm_id(const char *name);

/* control_who.c */
void permissions(void);

/* control_raw.c */
void refusals(void);
void lent_sockets(void);
void interrupted_dump(void);
void fuzz(unsigned long messages);

#endif /* HOLM_TEST_CONTROL_H */
