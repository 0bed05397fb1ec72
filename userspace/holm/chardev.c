// SPDX-License-Identifier: GPL-2.0-or-later
/* Character devices over file descriptors. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chardev.h"
#include "clock.h"
#include "evloop.h"

#define OUT_SIZE	65536
#define IN_SIZE		4096
#define READ_SIZE	512

struct chardev {
	struct chardev_config cfg;
	struct chardev_frontend fe;	/* machine lock; zero: none attached */
	struct evfd in;			/* machine lock */
	struct evfd out;		/* machine lock */
	bool out_nonblock;		/* immutable; a write never waits */
	bool out_dead;			/* machine lock */
	bool out_refused;		/* machine lock; front end waits for room */
	size_t out_head, out_len;	/* machine lock; ring in out_buf */
	size_t in_head, in_len;		/* machine lock; ring in in_buf */
	uint8_t in_buf[IN_SIZE];
	uint8_t out_buf[OUT_SIZE];
};

/* Can @fd take a byte now? Its O_NONBLOCK may be off, and must stay so. */
static bool fd_writable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, 0) == 1 && (p.revents & (POLLOUT | POLLERR | POLLHUP));
}

/*
 * Write without waiting. On a blocking descriptor POLLOUT promises room for
 * one byte, so that many go at a time.
 *
 * Return: bytes written, 0 when the descriptor takes none now, -1 when it is
 * dead.
 */
static ssize_t write_some(struct chardev *c, const uint8_t *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		size_t n = c->out_nonblock ? len - done : 1;
		ssize_t r;

		if (!c->out_nonblock && !fd_writable(c->cfg.out_fd))
			break;
		r = write(c->cfg.out_fd, buf + done, n);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0 && errno == EAGAIN)
			break;
		if (r <= 0)
			return done ? (ssize_t)done : -1;
		done += (size_t)r;
	}
	return (ssize_t)done;
}

/*
 * A descriptor of our own for output. A terminal or pipe is opened once more,
 * as O_NONBLOCK belongs to the open file, which the shell shares. A pty
 * master cannot be opened again: that would make another pty.
 */
static int open_output(struct chardev *c, int fd)
{
	char path[32];
	unsigned int pty;
	struct stat st;
	int flags, own;

	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fstat(fd, &st) < 0)
		return -errno;
	c->out_nonblock = (flags & O_NONBLOCK) || S_ISREG(st.st_mode) ||
			  S_ISBLK(st.st_mode);
	if (!c->out_nonblock &&
	    (S_ISFIFO(st.st_mode) ||
	     (S_ISCHR(st.st_mode) && ioctl(fd, TIOCGPTN, &pty) < 0))) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (own >= 0) {
			c->out_nonblock = true;
			return own;
		}
	}
	own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return own < 0 ? -errno : own;
}

static void out_die(struct chardev *c)
{
	c->out_dead = true;
	c->out_len = 0;
	evfd_remove(&c->out);
}

/* Drain the ring as far as the descriptor goes along. */
static void out_drain(struct chardev *c)
{
	while (c->out_len) {
		size_t n = OUT_SIZE - c->out_head;
		ssize_t r;

		if (n > c->out_len)
			n = c->out_len;
		r = write_some(c, c->out_buf + c->out_head, n);
		if (r < 0) {
			out_die(c);
			return;
		}
		c->out_head = (c->out_head + (size_t)r) % OUT_SIZE;
		c->out_len -= (size_t)r;
		if ((size_t)r < n)
			return;
	}
}

static void out_ready(void *opaque, uint32_t events)
{
	struct chardev *c = opaque;

	(void)events;
	out_drain(c);
	if (!c->out_len && !c->out_dead)
		evfd_modify(&c->out, 0);
	if (c->out_refused && c->out_len < OUT_SIZE / 2) {
		c->out_refused = false;
		if (c->fe.writable)
			c->fe.writable(c->fe.opaque);
	}
}

/* Hand over as much of the buffer as the front end takes. */
static void in_deliver(struct chardev *c)
{
	while (c->in_len) {
		size_t start = c->in_head, n = IN_SIZE - start;
		size_t room = c->fe.room ? c->fe.room(c->fe.opaque) : 0;

		if (n > c->in_len)
			n = c->in_len;
		if (n > room)
			n = room;
		if (!n)
			return;
		/* The front end may come back by chardev_kick_input(). */
		c->in_head = (start + n) % IN_SIZE;
		c->in_len -= n;
		c->fe.receive(c->fe.opaque, c->in_buf + start, n);
	}
}

/*
 * Read on while a batch fits. With a filter read on in any case: an escape key
 * must work on a guest that takes no input any more, and what the guest does
 * not take is lost then, as with a keyboard.
 */
static void in_watch(struct chardev *c)
{
	bool room = IN_SIZE - c->in_len >= READ_SIZE;

	if (c->in.fd >= 0)
		evfd_modify(&c->in, room || c->cfg.filter ? EPOLLIN : 0);
}

static size_t in_queue(struct chardev *c, const uint8_t *buf, size_t len)
{
	size_t i;

	for (i = 0; i < len && c->in_len < IN_SIZE; i++) {
		c->in_buf[(c->in_head + c->in_len) % IN_SIZE] = buf[i];
		c->in_len++;
	}
	return i;
}

static void in_ready(void *opaque, uint32_t events)
{
	struct chardev *c = opaque;
	uint8_t batch[READ_SIZE];
	size_t len;
	ssize_t n;

	(void)events;
	/*
	 * Level-triggered and one read per report: it cannot block, whatever
	 * the descriptor's O_NONBLOCK says.
	 */
	n = read(c->cfg.in_fd, batch, sizeof(batch));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		evfd_remove(&c->in);
		return;
	}
	len = (size_t)n;
	if (c->cfg.filter)
		len = c->cfg.filter(c->cfg.filter_opaque, batch, len);
	in_queue(c, batch, len);
	in_deliver(c);
	in_watch(c);
}

struct chardev *chardev_create(const struct chardev_config *cfg, struct err *e)
{
	struct chardev *c = calloc(1, sizeof(*c));
	int ret;

	if (!c) {
		err_set(e, "character device: out of memory");
		return NULL;
	}
	c->cfg = *cfg;
	evfd_init(&c->in, cfg->loop, in_ready, c);
	evfd_init(&c->out, cfg->loop, out_ready, c);
	if (cfg->in_fd >= 0) {
		ret = evfd_add(&c->in, cfg->in_fd, EPOLLIN);
		if (ret < 0)
			goto fail;
	}
	if (cfg->out_fd >= 0) {
		ret = open_output(c, cfg->out_fd);
		if (ret < 0)
			goto fail;
		c->cfg.out_fd = ret;
		ret = evfd_add(&c->out, c->cfg.out_fd, 0);
		if (ret < 0)
			goto fail_close;
	}
	return c;

fail_close:
	close(c->cfg.out_fd);
fail:
	evfd_remove(&c->in);
	free(c);
	errno = -ret;
	err_set_errno(e, "character device: cannot watch file descriptors %d and %d",
		      cfg->in_fd, cfg->out_fd);
	return NULL;
}

void chardev_destroy(struct chardev *c)
{
	if (!c)
		return;
	if (c->cfg.out_fd >= 0) {
		if (!c->out_dead)
			out_drain(c);
		evfd_remove(&c->out);
		close(c->cfg.out_fd);
	}
	evfd_remove(&c->in);
	free(c);
}

void chardev_attach(struct chardev *c, const struct chardev_frontend *fe)
{
	if (!c)
		return;
	c->fe = fe ? *fe : (struct chardev_frontend){ 0 };
	c->out_refused = false;
	if (fe)
		chardev_kick_input(c);
}

ssize_t chardev_write(struct chardev *c, const uint8_t *buf, size_t len)
{
	size_t done = 0;

	if (c && c->cfg.sink)
		c->cfg.sink(c->cfg.opaque, buf, len);
	if (!c || c->cfg.out_fd < 0 || c->out_dead)
		return (ssize_t)len;
	if (!c->out_len) {
		ssize_t r = write_some(c, buf, len);

		if (r < 0) {
			out_die(c);
			return (ssize_t)len;
		}
		done = (size_t)r;
	}
	while (done < len && c->out_len < OUT_SIZE) {
		c->out_buf[(c->out_head + c->out_len) % OUT_SIZE] = buf[done++];
		c->out_len++;
	}
	if (c->out_len)
		evfd_modify(&c->out, EPOLLOUT);
	if (done < len)
		c->out_refused = true;
	return done || !len ? (ssize_t)done : -EAGAIN;
}

size_t chardev_input(struct chardev *c, const uint8_t *buf, size_t len)
{
	size_t n = in_queue(c, buf, len);

	in_deliver(c);
	return n;
}

void chardev_kick_input(struct chardev *c)
{
	if (!c)
		return;
	in_deliver(c);
	in_watch(c);
	if (c->cfg.room && c->in_len < IN_SIZE)
		c->cfg.room(c->cfg.opaque);
}

void chardev_flush(struct chardev *c, int timeout_ms)
{
	int64_t end, left;

	if (!c || c->cfg.out_fd < 0 || c->out_dead)
		return;
	end = clock_mono_ms() + timeout_ms;
	for (;;) {
		struct pollfd p = { .fd = c->cfg.out_fd, .events = POLLOUT };

		out_drain(c);
		if (c->out_dead || !c->out_len)
			return;
		left = end - clock_mono_ms();
		if (left <= 0 || (poll(&p, 1, (int)left) < 0 && errno != EINTR))
			return;
	}
}
