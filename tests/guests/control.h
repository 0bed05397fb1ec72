/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of holm-control share. */
#ifndef HOLM_TEST_CONTROL_H
#define HOLM_TEST_CONTROL_H

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
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

/*
 * A process of @uid that lives until @live returns, or it dies. That makes a VM
 * called @name, with /dev/holm in @dev, and writes a byte to @ready when it is there.
 */
typedef void vm_life(int dev, const char *name, int ready, const void *arg);
struct vm vm_fork(uid_t uid, const char *name, vm_life *live, const void *arg);

/* A process of @uid that has a VM called @name with @vcpus vCPUs, until it dies. */
struct vm vm_start_smp(uid_t uid, const char *name, unsigned int vcpus);
struct vm vm_start(uid_t uid, const char *name);
void vm_end(struct vm *vm);

/* A process of @uid that runs 16-bit code in a VM called @name, until it dies. */
struct vm guest_start(uid_t uid, const char *name, const char *bytes, size_t size);

/* Its holder has died by SIGKILL, within ten seconds. */
bool vm_was_killed(struct vm *vm);

/* The driver's number of the VM called @name, as root sees it; 0: none. */
uint32_t vm_id(const char *name);

/* ---- requests by hand: control_raw.c --------------------------------------- */

struct raw {
	int fd;
	uint16_t family;
};

struct request {
	struct nlmsghdr nl;
	struct genlmsghdr genl;
	unsigned char attrs[400];
};

/* One message of an answer: which attributes, and those of eight bytes at most. */
struct answer {
	bool there[32];
	uint64_t value[32];
};

/* A socket, and the family's number; its reads end after ten seconds. 0 or -1. */
int raw_open(struct raw *raw);

void request_begin(struct request *r, const struct raw *raw, uint8_t cmd, uint16_t flags);
void request_add(struct request *r, uint16_t type, const void *data, uint16_t len);

/*
 * The errno that @r ends with, and the message in @text. The first @room messages
 * of the answer are in @answers, and *@n is how many came.
 */
int request_answers(const struct raw *raw, struct request *r, struct answer *answers, size_t room,
		    size_t *n, char *text, size_t size);

/* The errno that @r ends with, and the message in @text. */
int request_ask(const struct raw *raw, struct request *r, char *text, size_t size);

/* The message @nl, which is whole, ends a request: with @err, and with @text. */
bool request_answer(const struct nlmsghdr *nl, int *err, char *text, size_t size);

/* control_watch.c */
int watch_set(const struct raw *raw, uint32_t vm, uint32_t kind, uint64_t threshold);
void watches(void);

/* control_who.c */
void permissions(void);

/* control_slot.c */
void slots(void);

/* control_set.c */
void changes(void);

/* control_raw.c */
void refusals(void);
void lent_sockets(void);
void interrupted_dump(void);
void fuzz(unsigned long messages);

#endif /* HOLM_TEST_CONTROL_H */
