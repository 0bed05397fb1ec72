/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Error messages that travel up to the command that prints them.
 *
 * A function that can fail takes a struct err pointer as its last argument,
 * returns 0 or a positive value on success, and on failure fills the text and
 * returns a negative errno value. The text says what was expected, what was
 * found and, where there is one, the remedy.
 */
#ifndef HOLM_ERR_H
#define HOLM_ERR_H

/**
 * struct err - why an operation failed, in words for the user
 * @text: no trailing newline, no program name
 *
 * A caller that wants the reason passes one in; NULL is always accepted.
 */
struct err {
	char text[768];
};

/**
 * err_set() - record why something failed
 * @e: where to record it, or NULL
 * @errnum: positive errno value
 * @fmt: printf() format; text longer than the buffer is cut
 *
 * Return: -@errnum, so that "return err_set(...)" is an error return.
 */
int err_set(struct err *e, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * err_set_errno() - record why a system call failed
 * @e: where to record it, or NULL
 * @fmt: printf() format; ": " and the text of errno are added after it
 *
 * Return: -errno.
 */
int err_set_errno(struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * err_prefix() - put a context in front of the recorded text
 * @e: error to extend, or NULL
 * @fmt: printf() format of the context; ": " is added after it
 */
void err_prefix(struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif /* HOLM_ERR_H */
