/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Error messages that travel up to the command that prints them.
 *
 * A function that can fail takes a struct err pointer as its last argument,
 * returns 0 or a positive value on success, and on failure fills the message
 * and returns -1. The message says what was expected, what was found and,
 * where there is one, the remedy; it carries no trailing newline and no
 * program name.
 */
#ifndef HOLM_ERR_H
#define HOLM_ERR_H

#define ERR_MSG_MAX	768

struct err {
	char msg[ERR_MSG_MAX];
};

/**
 * err_set() - record what went wrong
 * @err: where to record it; NULL drops the message
 * @fmt: printf() format
 *
 * Return: -1, so that a caller can write "return err_set(...)".
 */
int err_set(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * err_set_errno() - record what went wrong, with the text of errno appended
 * @err: where to record it; NULL drops the message
 * @fmt: printf() format, without the separator before errno's text
 *
 * errno keeps its value.
 *
 * Return: -1.
 */
int err_set_errno(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * err_prefix() - put context in front of a message already recorded
 * @err: message to extend; NULL does nothing
 * @fmt: printf() format of the context, without the ": " that follows it
 *
 * Return: -1.
 */
int err_prefix(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif /* HOLM_ERR_H */
