/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arguments of the verbs that look at virtual machines. */
#ifndef HOLM_ARGS_H
#define HOLM_ARGS_H

#include <stdint.h>

/**
 * args_flag() - whether an argument is a flag that takes a value
 * @argv: as the verb got it, ended by NULL
 * @i: which argument; moved on to the value where that is one of its own
 * @flag: "--interval", say, which may come as "--interval VALUE" and "--interval=VALUE"
 * @value: what it is given
 *
 * Return: 1; 0: it is something else; -1 after a message: there is no value.
 */
int args_flag(char **argv, int *i, const char *flag, const char **value);

/* Say that an argument is not understood; EXIT_USAGE. */
int args_unexpected(char **argv, const char *arg);

/* Say that no virtual machine is named, or too much; EXIT_USAGE. */
int args_no_vm(char **argv);

/**
 * args_number() - the value of a flag that takes a number
 * @argv: as the verb got it
 * @flag: for the message
 * @value: as typed
 * @max: largest that makes sense
 * @number: result
 *
 * Return: 0, or -1 after a message.
 */
int args_number(char **argv, const char *flag, const char *value, uint64_t max, uint64_t *number);

/**
 * args_seconds() - the value of a flag that takes seconds
 * @argv: as the verb got it
 * @flag: for the message
 * @value: as typed, as "2" or "0.5"
 * @ns: result; from 0.1 s to an hour
 *
 * Return: 0, or -1 after a message.
 */
int args_seconds(char **argv, const char *flag, const char *value, uint64_t *ns);

#endif /* HOLM_ARGS_H */
