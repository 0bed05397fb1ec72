/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOLM_EVLOOP_H
#define HOLM_EVLOOP_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clock.h"
#include "err.h"

/*
 * The event loop of the I/O thread: file descriptors, timers and work handed
 * over by other threads. Every callback runs on the thread inside
 * evloop_run(), with the machine lock (see bus.h) held. Unless a function
 * says otherwise, its caller holds the machine lock too; any thread may call.
 */

/**
 * struct evclock - where time comes from
 * @mono_ns: monotonic time in ns (CLOCK_MONOTONIC)
 * @real_ns: wall clock in ns since 1970 UTC (CLOCK_REALTIME)
 * @opaque: handed to both
 *
 * Devices ask only this object, so that a test decides what time it is.
 */
struct evclock {
	uint64_t (*mono_ns)(void *opaque);
	uint64_t (*real_ns)(void *opaque);
	void *opaque;
};

/* The host's clocks. */
extern const struct evclock evclock_host;

struct evloop;
struct evtimer;
struct evfd;
struct evwork;

typedef void (*evtimer_fn)(void *opaque, uint64_t now_ns);
typedef void (*evfd_fn)(void *opaque, uint32_t events);
typedef void (*evwork_fn)(void *opaque);

/**
 * struct evtimer - a one-shot timer, embedded in its owner
 *
 * All fields belong to evloop.c. The owner cancels it before going away.
 */
struct evtimer {
	struct evloop *loop;
	evtimer_fn fn;
	void *opaque;
	uint64_t deadline;
	bool armed;
	struct evtimer *prev, *next;	/* by deadline, then by time of arming */
};

/**
 * struct evfd - interest in a file descriptor, embedded in its owner
 *
 * All fields belong to evloop.c. Files epoll refuses (regular files,
 * /dev/null) count as always ready, as poll(2) has it.
 */
struct evfd {
	struct evloop *loop;
	evfd_fn fn;
	void *opaque;
	int fd;			/* -1: not added */
	uint32_t events;
	bool always_ready;
	struct evfd *prev, *next;
};

/**
 * struct evwork - a call handed to the I/O thread, embedded in its owner
 *
 * All fields belong to evloop.c.
 */
struct evwork {
	evwork_fn fn;
	void *opaque;
	bool queued;
	struct evwork *next;
};

/**
 * evloop_create() - make an event loop
 * @clock: time source; NULL is &evclock_host. With another clock no timerfd
 *	is programmed: the test moves the clock and calls evloop_run_timers()
 * @lock: machine lock, or NULL for single-threaded use; stays the caller's
 * @e: reason of a failure
 *
 * Return: the loop, freed by evloop_destroy(); NULL on failure.
 */
struct evloop *evloop_create(const struct evclock *clock, pthread_mutex_t *lock,
			     struct err *e);

/**
 * evloop_destroy() - free a loop nobody runs any more
 * @loop: the loop, or NULL. Timers and descriptors still in it are dropped.
 */
void evloop_destroy(struct evloop *loop);

/**
 * evloop_run() - serve until evloop_stop()
 * @loop: the loop
 *
 * Called without the machine lock.
 *
 * Return: 0 after evloop_stop(), else a negative errno from epoll.
 */
int evloop_run(struct evloop *loop);

/**
 * evloop_run_once() - wait for events once and serve what is ready
 * @loop: the loop
 * @timeout_ms: as epoll_wait(2); -1 waits for ever
 *
 * Called without the machine lock. Return: 0, or a negative errno.
 */
int evloop_run_once(struct evloop *loop, int timeout_ms);

/**
 * evloop_stop() - make evloop_run() return soon
 * @loop: the loop
 *
 * Any thread, any lock state, and signal handlers. Stays in force: a later
 * evloop_run() returns at once.
 */
void evloop_stop(struct evloop *loop);

/**
 * evloop_lock(), evloop_unlock() - the machine lock by way of its loop
 * @loop: the loop
 */
void evloop_lock(struct evloop *loop);
void evloop_unlock(struct evloop *loop);

/**
 * evloop_now() - monotonic time of the loop's clock, in ns
 * @loop: the loop
 */
uint64_t evloop_now(const struct evloop *loop);

/**
 * evloop_real() - wall clock of the loop's clock, in ns since 1970 UTC
 * @loop: the loop
 */
uint64_t evloop_real(const struct evloop *loop);

/**
 * evtimer_init() - prepare a timer, not armed
 * @t: timer
 * @loop: its loop
 * @fn: called once per arming, at or after the deadline; the timer is
 *	already disarmed then and may be armed again by @fn
 * @opaque: handed to @fn
 */
void evtimer_init(struct evtimer *t, struct evloop *loop, evtimer_fn fn,
		  void *opaque);

/**
 * evtimer_arm() - arm, or move, a timer
 * @t: timer
 * @deadline_ns: absolute monotonic time; one in the past fires at once (from
 *	the loop, not from this call)
 */
void evtimer_arm(struct evtimer *t, uint64_t deadline_ns);

/**
 * evtimer_cancel() - disarm; nothing happens if it is not armed
 * @t: timer
 */
void evtimer_cancel(struct evtimer *t);

/**
 * evtimer_armed() - is it going to fire?
 * @t: timer
 */
bool evtimer_armed(const struct evtimer *t);

/**
 * evloop_next_deadline() - deadline of the first armed timer
 * @loop: the loop
 *
 * Return: ns, UINT64_MAX when no timer is armed.
 */
uint64_t evloop_next_deadline(const struct evloop *loop);

/**
 * evloop_run_timers() - fire the timers that are due by the loop's clock
 * @loop: the loop
 *
 * In order of deadline; a timer armed by a callback fires in the same call if
 * it is due. Called with the machine lock held.
 */
void evloop_run_timers(struct evloop *loop);

/**
 * evfd_init() - prepare, not added
 * @f: descriptor watch
 * @loop: its loop
 * @fn: called with the EPOLL* bits that are ready
 * @opaque: handed to @fn
 */
void evfd_init(struct evfd *f, struct evloop *loop, evfd_fn fn, void *opaque);

/**
 * evfd_add() - watch a descriptor (level-triggered)
 * @f: watch, not added
 * @fd: descriptor; stays the caller's
 * @events: EPOLLIN, EPOLLOUT or 0. 0 still reports EPOLLHUP and EPOLLERR
 *	unless the descriptor is removed: see evfd_modify()
 *
 * Return: 0, or a negative errno of epoll_ctl(2).
 */
int evfd_add(struct evfd *f, int fd, uint32_t events);

/**
 * evfd_modify() - change what is watched
 * @f: watch, added
 * @events: new set; 0 takes the descriptor out of epoll until the next
 *	evfd_modify(), so that a hung-up peer does not spin the loop
 *
 * Return: 0, or a negative errno.
 */
int evfd_modify(struct evfd *f, uint32_t events);

/**
 * evfd_remove() - stop watching; no callback comes after it
 * @f: watch; nothing happens if it is not added
 */
void evfd_remove(struct evfd *f);

/**
 * evwork_init() - prepare work, not queued
 * @w: work
 * @fn: to be called on the I/O thread
 * @opaque: handed to @fn
 */
void evwork_init(struct evwork *w, evwork_fn fn, void *opaque);

/**
 * evloop_post() - have work done soon on the I/O thread
 * @loop: the loop
 * @w: work; queued once however often it is posted before it runs
 *
 * Any thread, any lock state; not from signal handlers.
 */
void evloop_post(struct evloop *loop, struct evwork *w);

/**
 * evloop_unpost() - take work back
 * @loop: the loop
 * @w: work; nothing happens if it is not queued
 *
 * With the machine lock held no callback of @w runs after it.
 */
void evloop_unpost(struct evloop *loop, struct evwork *w);

#endif
