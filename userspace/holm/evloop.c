// SPDX-License-Identifier: GPL-2.0-or-later
/* The event loop of the I/O thread, on epoll, timerfd and eventfd. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "evloop.h"

#define MAX_EVENTS 16

struct evloop {
	const struct evclock *clock;	/* immutable */
	pthread_mutex_t *lock;		/* immutable; the machine lock */
	int epfd;			/* immutable */
	int timer_fd;			/* immutable; -1 with a test's clock */
	int wake_fd;			/* immutable */
	atomic_bool stop;

	struct evtimer *timers;		/* machine lock; by deadline */
	uint64_t programmed;		/* machine lock; 0: timerfd disarmed */
	struct evfd *fds;		/* machine lock */
	struct epoll_event *batch;	/* machine lock; being served, or NULL */
	int batch_len;

	pthread_mutex_t work_lock;
	struct evwork *work;		/* work_lock */
	struct evwork **work_tail;	/* work_lock */
};

static uint64_t host_mono(void *opaque)
{
	(void)opaque;
	return clock_ns(CLOCK_MONOTONIC);
}

static uint64_t host_real(void *opaque)
{
	(void)opaque;
	return clock_ns(CLOCK_REALTIME);
}

const struct evclock evclock_host = {
	.mono_ns = host_mono,
	.real_ns = host_real,
};

static int watch_own_fd(struct evloop *loop, int *fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = fd };

	return epoll_ctl(loop->epfd, EPOLL_CTL_ADD, *fd, &ev);
}

static void evloop_free(struct evloop *loop)
{
	if (loop->wake_fd >= 0)
		close(loop->wake_fd);
	if (loop->timer_fd >= 0)
		close(loop->timer_fd);
	if (loop->epfd >= 0)
		close(loop->epfd);
	pthread_mutex_destroy(&loop->work_lock);
	free(loop);
}

struct evloop *evloop_create(const struct evclock *clock, pthread_mutex_t *lock,
			     struct err *e)
{
	struct evloop *loop = calloc(1, sizeof(*loop));

	if (!loop) {
		err_set(e, "event loop: out of memory");
		return NULL;
	}
	loop->clock = clock ? clock : &evclock_host;
	loop->lock = lock;
	loop->timer_fd = -1;
	loop->wake_fd = -1;
	loop->work_tail = &loop->work;
	pthread_mutex_init(&loop->work_lock, NULL);

	loop->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epfd < 0)
		goto fail;
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->wake_fd < 0 || watch_own_fd(loop, &loop->wake_fd) < 0)
		goto fail;
	if (loop->clock == &evclock_host) {
		loop->timer_fd = timerfd_create(CLOCK_MONOTONIC,
						TFD_CLOEXEC | TFD_NONBLOCK);
		if (loop->timer_fd < 0 || watch_own_fd(loop, &loop->timer_fd) < 0)
			goto fail;
	}
	return loop;

fail:
	err_set_errno(e, "event loop: cannot make epoll, eventfd or timerfd (limit of open files?)");
	evloop_free(loop);
	return NULL;
}

void evloop_destroy(struct evloop *loop)
{
	if (!loop)
		return;
	while (loop->timers)
		evtimer_cancel(loop->timers);
	while (loop->fds)
		evfd_remove(loop->fds);
	evloop_free(loop);
}

void evloop_lock(struct evloop *loop)
{
	if (loop->lock)
		pthread_mutex_lock(loop->lock);
}

void evloop_unlock(struct evloop *loop)
{
	if (loop->lock)
		pthread_mutex_unlock(loop->lock);
}

uint64_t evloop_now(const struct evloop *loop)
{
	return loop->clock->mono_ns(loop->clock->opaque);
}

uint64_t evloop_real(const struct evloop *loop)
{
	return loop->clock->real_ns(loop->clock->opaque);
}

static void evloop_wake(struct evloop *loop)
{
	uint64_t one = 1;
	ssize_t n;

	/* Fails only when the counter is full, and then the loop wakes anyway. */
	n = write(loop->wake_fd, &one, sizeof(one));
	(void)n;
}

void evloop_stop(struct evloop *loop)
{
	int saved = errno;

	atomic_store(&loop->stop, true);
	evloop_wake(loop);
	errno = saved;
}

/* Timers */

/* Let the timerfd expire at the first deadline. Machine lock held. */
static void program_timerfd(struct evloop *loop)
{
	uint64_t at = loop->timers ? loop->timers->deadline : 0;
	struct itimerspec its = { 0 };

	if (loop->timer_fd < 0)
		return;
	/* An all-zero it_value means "disarm": the earliest deadline is 1 ns. */
	if (loop->timers && !at)
		at = 1;
	if (at == loop->programmed)
		return;
	its.it_value.tv_sec = (time_t)(at / NSEC_PER_SEC);
	its.it_value.tv_nsec = (long)(at % NSEC_PER_SEC);
	timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &its, NULL);
	loop->programmed = at;
}

static void timer_unlink(struct evtimer *t)
{
	if (t->prev)
		t->prev->next = t->next;
	else
		t->loop->timers = t->next;
	if (t->next)
		t->next->prev = t->prev;
	t->prev = NULL;
	t->next = NULL;
	t->armed = false;
}

void evtimer_init(struct evtimer *t, struct evloop *loop, evtimer_fn fn,
		  void *opaque)
{
	*t = (struct evtimer){ .loop = loop, .fn = fn, .opaque = opaque };
}

void evtimer_arm(struct evtimer *t, uint64_t deadline_ns)
{
	struct evloop *loop = t->loop;
	struct evtimer *prev = NULL, *next;

	if (t->armed)
		timer_unlink(t);
	/* A machine has a handful of timers: a list beats a heap. */
	for (next = loop->timers; next && next->deadline <= deadline_ns;
	     next = next->next)
		prev = next;
	t->deadline = deadline_ns;
	t->armed = true;
	t->prev = prev;
	t->next = next;
	if (prev)
		prev->next = t;
	else
		loop->timers = t;
	if (next)
		next->prev = t;
	program_timerfd(loop);
}

void evtimer_cancel(struct evtimer *t)
{
	if (!t->armed)
		return;
	timer_unlink(t);
	program_timerfd(t->loop);
}

bool evtimer_armed(const struct evtimer *t)
{
	return t->armed;
}

uint64_t evloop_next_deadline(const struct evloop *loop)
{
	return loop->timers ? loop->timers->deadline : UINT64_MAX;
}

void evloop_run_timers(struct evloop *loop)
{
	uint64_t now = evloop_now(loop);

	while (loop->timers && loop->timers->deadline <= now) {
		struct evtimer *t = loop->timers;

		timer_unlink(t);
		t->fn(t->opaque, now);
	}
	program_timerfd(loop);
}

/* File descriptors */

void evfd_init(struct evfd *f, struct evloop *loop, evfd_fn fn, void *opaque)
{
	*f = (struct evfd){ .loop = loop, .fn = fn, .opaque = opaque, .fd = -1 };
}

int evfd_add(struct evfd *f, int fd, uint32_t events)
{
	struct evloop *loop = f->loop;
	struct epoll_event ev = { .events = events, .data.ptr = f };

	if (f->fd >= 0 || fd < 0)
		return -EINVAL;
	f->always_ready = false;
	if (epoll_ctl(loop->epfd, EPOLL_CTL_ADD, fd, &ev) < 0) {
		if (errno != EPERM)
			return -errno;
		f->always_ready = true;
	} else if (!events) {
		epoll_ctl(loop->epfd, EPOLL_CTL_DEL, fd, NULL);
	}
	f->fd = fd;
	f->events = events;
	f->prev = NULL;
	f->next = loop->fds;
	if (f->next)
		f->next->prev = f;
	loop->fds = f;
	if (f->always_ready && events)
		evloop_wake(loop);
	return 0;
}

int evfd_modify(struct evfd *f, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = f };
	int op = EPOLL_CTL_MOD;

	if (f->fd < 0)
		return -EINVAL;
	if (f->events == events)
		return 0;
	if (f->always_ready) {
		f->events = events;
		if (events)
			evloop_wake(f->loop);
		return 0;
	}
	if (!events)
		op = EPOLL_CTL_DEL;
	else if (!f->events)
		op = EPOLL_CTL_ADD;
	if (epoll_ctl(f->loop->epfd, op, f->fd, &ev) < 0)
		return -errno;
	f->events = events;
	return 0;
}

void evfd_remove(struct evfd *f)
{
	struct evloop *loop = f->loop;
	int i;

	if (f->fd < 0)
		return;
	if (!f->always_ready && f->events)
		epoll_ctl(loop->epfd, EPOLL_CTL_DEL, f->fd, NULL);
	if (f->prev)
		f->prev->next = f->next;
	else
		loop->fds = f->next;
	if (f->next)
		f->next->prev = f->prev;
	f->prev = NULL;
	f->next = NULL;
	f->fd = -1;
	/* The batch being served may name it: its owner may free it now. */
	for (i = 0; i < loop->batch_len; i++)
		if (loop->batch[i].data.ptr == f)
			loop->batch[i].data.ptr = NULL;
}

/* Serve the descriptors that have no poll. Machine lock held. */
static void run_always_ready(struct evloop *loop)
{
	struct epoll_event ready[MAX_EVENTS];
	struct evfd *f;
	int n = 0, i;

	for (f = loop->fds; f && n < MAX_EVENTS; f = f->next)
		if (f->always_ready && f->events)
			ready[n++].data.ptr = f;
	/* Callbacks add and remove descriptors: go by the batch, not the list. */
	loop->batch = ready;
	loop->batch_len = n;
	for (i = 0; i < n; i++) {
		f = ready[i].data.ptr;
		if (f && f->events)
			f->fn(f->opaque, f->events);
	}
	loop->batch = NULL;
	loop->batch_len = 0;
}

static bool any_always_ready(struct evloop *loop)
{
	struct evfd *f;

	for (f = loop->fds; f; f = f->next)
		if (f->always_ready && f->events)
			return true;
	return false;
}

/* Work from other threads */

void evwork_init(struct evwork *w, evwork_fn fn, void *opaque)
{
	*w = (struct evwork){ .fn = fn, .opaque = opaque };
}

void evloop_post(struct evloop *loop, struct evwork *w)
{
	bool wake = false;

	pthread_mutex_lock(&loop->work_lock);
	if (!w->queued) {
		w->queued = true;
		w->next = NULL;
		*loop->work_tail = w;
		loop->work_tail = &w->next;
		wake = true;
	}
	pthread_mutex_unlock(&loop->work_lock);
	if (wake)
		evloop_wake(loop);
}

void evloop_unpost(struct evloop *loop, struct evwork *w)
{
	struct evwork **p;

	pthread_mutex_lock(&loop->work_lock);
	for (p = &loop->work; *p; p = &(*p)->next) {
		if (*p != w)
			continue;
		*p = w->next;
		if (!*p)
			loop->work_tail = p;
		w->queued = false;
		break;
	}
	pthread_mutex_unlock(&loop->work_lock);
}

/*
 * Run what was queued at the call; work that posts itself again waits for the
 * next round, so that descriptors get their turn. Machine lock held.
 */
static void run_work(struct evloop *loop)
{
	struct evwork *last, *w = NULL;

	pthread_mutex_lock(&loop->work_lock);
	last = loop->work ? (struct evwork *)((char *)loop->work_tail -
				offsetof(struct evwork, next)) : NULL;
	pthread_mutex_unlock(&loop->work_lock);

	while (last && w != last) {
		pthread_mutex_lock(&loop->work_lock);
		w = loop->work;
		if (w) {
			loop->work = w->next;
			if (!loop->work)
				loop->work_tail = &loop->work;
			w->queued = false;
		}
		pthread_mutex_unlock(&loop->work_lock);
		if (!w)
			break;
		w->fn(w->opaque);
	}
}

/* The loop */

int evloop_run_once(struct evloop *loop, int timeout_ms)
{
	struct epoll_event events[MAX_EVENTS];
	uint64_t count;
	int n, i;

	evloop_lock(loop);
	if (any_always_ready(loop))
		timeout_ms = 0;
	evloop_unlock(loop);

	n = epoll_wait(loop->epfd, events, MAX_EVENTS, timeout_ms);
	if (n < 0) {
		if (errno != EINTR)
			return -errno;
		n = 0;
	}

	evloop_lock(loop);
	loop->batch = events;
	loop->batch_len = n;
	for (i = 0; i < n; i++) {
		void *ptr = events[i].data.ptr;

		if (ptr == &loop->wake_fd || ptr == &loop->timer_fd) {
			ssize_t r = read(*(int *)ptr, &count, sizeof(count));

			(void)r;
			if (ptr == &loop->timer_fd)
				loop->programmed = 0;
		} else if (ptr) {
			struct evfd *f = ptr;

			if (f->events)
				f->fn(f->opaque, events[i].events);
		}
	}
	loop->batch = NULL;
	loop->batch_len = 0;
	evloop_run_timers(loop);
	run_always_ready(loop);
	run_work(loop);
	evloop_unlock(loop);
	return 0;
}

int evloop_run(struct evloop *loop)
{
	int ret = 0;

	while (!ret && !atomic_load(&loop->stop))
		ret = evloop_run_once(loop, -1);
	return ret;
}
