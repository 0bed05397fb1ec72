/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOLM_CHARDEV_H
#define HOLM_CHARDEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

struct evloop;

/**
 * struct chardev_frontend - the device model a character device feeds
 * @room: bytes the model takes now
 * @receive: take @len bytes, at most what @room said
 * @writable: output that got -EAGAIN before may be tried again
 * @opaque: handed to each
 */
struct chardev_frontend {
	size_t (*room)(void *opaque);
	void (*receive)(void *opaque, const uint8_t *buf, size_t len);
	void (*writable)(void *opaque);
	void *opaque;
};

/**
 * struct chardev_config - how to make one
 * @loop: event loop
 * @in_fd: input, -1 for none. Without a filter it is read only while there is
 *	room for it (a pipe's writer waits); with one always, and what the front
 *	end does not take in time is lost
 * @out_fd: output, -1 drops it
 * @filter: sees input before the front end (an escape key); edits @buf in
 *	place and returns how many bytes are left, at most @len. NULL: none
 * @filter_opaque: handed to @filter
 * @sink: in place of @out_fd: takes all bytes and does not wait; NULL: none
 * @room: in place of @in_fd: there is room for chardev_input() again; NULL: none
 * @opaque: handed to @sink and @room
 *
 * Both descriptors stay the caller's; @in_fd must outlive the chardev. Their
 * O_NONBLOCK flag is left alone (a terminal shares it with the shell). Of a
 * pty give the master, with O_NONBLOCK set, and keep the slave open too: a
 * master whose slave nobody has open reports an error. SIGPIPE must be ignored.
 */
struct chardev_config {
	struct evloop *loop;
	int in_fd;
	int out_fd;
	size_t (*filter)(void *opaque, uint8_t *buf, size_t len);
	void *filter_opaque;
	void (*sink)(void *opaque, const uint8_t *buf, size_t len);
	void (*room)(void *opaque);
	void *opaque;
};

struct chardev;

/**
 * chardev_create() - make a character device over file descriptors
 * @cfg: copied
 * @e: reason of a failure
 *
 * Return: the device, freed by chardev_destroy(); NULL on failure.
 */
struct chardev *chardev_create(const struct chardev_config *cfg, struct err *e);

/**
 * chardev_destroy() - flush what can be flushed without waiting, and free
 * @c: the device, or NULL
 */
void chardev_destroy(struct chardev *c);

/**
 * chardev_attach() - connect the device model
 * @c: the device, or NULL
 * @fe: copied; NULL detaches
 */
void chardev_attach(struct chardev *c, const struct chardev_frontend *fe);

/**
 * chardev_write() - output without blocking
 * @c: the device; NULL drops the bytes
 * @buf: bytes
 * @len: how many
 *
 * Bytes go to the descriptor if it takes them, else to a buffer that the
 * event loop drains. A dead descriptor swallows output.
 *
 * Return: bytes taken, 0 < n <= @len; -EAGAIN when the buffer is full
 * (frontend.writable is called when there is room).
 */
ssize_t chardev_write(struct chardev *c, const uint8_t *buf, size_t len);

/**
 * chardev_input() - input from elsewhere than a descriptor
 * @c: the device
 * @buf: bytes
 * @len: how many
 *
 * Machine lock held. Return: bytes taken; after fewer than @len config.room is
 * called when there is room.
 */
size_t chardev_input(struct chardev *c, const uint8_t *buf, size_t len);

/**
 * chardev_kick_input() - the front end has room again
 * @c: the device, or NULL
 */
void chardev_kick_input(struct chardev *c);

/**
 * chardev_flush() - write out buffered output, waiting for a slow reader
 * @c: the device, or NULL
 * @timeout_ms: give up after it
 *
 * For the way out of the launcher, after the event loop has stopped.
 */
void chardev_flush(struct chardev *c, int timeout_ms);

#endif
