// SPDX-License-Identifier: GPL-2.0-or-later
/* The event loop: timers, descriptors of all kinds, work, threads, chardevs. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "chardev.h"
#include "fake_clock.h"

static unsigned int order[16], nr_order;

struct timer_probe {
	struct evtimer t;
	unsigned int id;
	uint64_t again;		/* arm again at this time, once */
	struct evtimer *cancel;
};

static void fire(void *opaque, uint64_t now)
{
	struct timer_probe *p = opaque;

	assert_true(now >= p->t.deadline);
	assert_false(evtimer_armed(&p->t));
	assert_true(nr_order < 16);
	order[nr_order++] = p->id;
	if (p->cancel)
		evtimer_cancel(p->cancel);
	if (p->again) {
		evtimer_arm(&p->t, p->again);
		p->again = 0;
	}
}

static void test_timer_order(void **state)
{
	struct fake_machine f;
	struct timer_probe p[5];
	unsigned int i;

	(void)state;
	fake_machine_init(&f);
	for (i = 0; i < 5; i++) {
		p[i] = (struct timer_probe){ .id = i };
		evtimer_init(&p[i].t, f.loop, fire, &p[i]);
	}
	assert_true(evloop_next_deadline(f.loop) == UINT64_MAX);
	evtimer_arm(&p[0].t, f.mono + 300);
	evtimer_arm(&p[1].t, f.mono + 100);
	evtimer_arm(&p[2].t, f.mono + 200);
	evtimer_arm(&p[3].t, f.mono + 200);	/* same time: as armed */
	evtimer_arm(&p[4].t, f.mono + 150);
	evtimer_arm(&p[4].t, f.mono + 400);	/* moved */
	assert_true(evloop_next_deadline(f.loop) == f.mono + 100);
	evtimer_cancel(&p[1].t);
	evtimer_cancel(&p[1].t);
	assert_true(evloop_next_deadline(f.loop) == f.mono + 200);
	p[2].again = f.mono + 250;

	nr_order = 0;
	f.mono += 199;
	evloop_run_timers(f.loop);
	assert_int_equal(nr_order, 0);
	f.mono += 101;
	evloop_run_timers(f.loop);
	assert_int_equal(nr_order, 4);
	assert_int_equal(order[0], 2);
	assert_int_equal(order[1], 3);
	assert_int_equal(order[2], 2);	/* armed again, due in the same call */
	assert_int_equal(order[3], 0);
	assert_true(evtimer_armed(&p[4].t));

	/* A callback cancels one that is due as well. */
	evtimer_arm(&p[0].t, f.mono);
	evtimer_arm(&p[1].t, f.mono);
	p[0].cancel = &p[1].t;
	nr_order = 0;
	evloop_run_timers(f.loop);
	assert_int_equal(nr_order, 1);
	fake_machine_deinit(&f);
}

static void fd_probe(void *opaque, uint32_t events)
{
	(void)events;
	(*(unsigned int *)opaque)++;
}

static void test_fds(void **state)
{
	struct evloop *loop = evloop_create(NULL, NULL, NULL);
	unsigned int calls = 0;
	struct evfd f;
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	evfd_init(&f, loop, fd_probe, &calls);
	assert_true(evfd_add(&f, -1, EPOLLIN) < 0);
	assert_int_equal(evfd_add(&f, p[0], EPOLLIN), 0);
	assert_true(evfd_add(&f, p[0], EPOLLIN) < 0);
	evloop_run_once(loop, 0);
	assert_int_equal(calls, 0);
	assert_int_equal(write(p[1], "x", 1), 1);
	evloop_run_once(loop, 0);
	evloop_run_once(loop, 0);
	assert_int_equal(calls, 2);	/* level-triggered */
	assert_int_equal(evfd_modify(&f, 0), 0);
	evloop_run_once(loop, 0);
	assert_int_equal(calls, 2);
	/* Not even a hang-up while nothing is wanted. */
	close(p[1]);
	evloop_run_once(loop, 0);
	assert_int_equal(calls, 2);
	assert_int_equal(evfd_modify(&f, EPOLLIN), 0);
	evloop_run_once(loop, 0);
	assert_int_equal(calls, 3);
	evfd_remove(&f);
	evfd_remove(&f);
	evloop_run_once(loop, 0);
	assert_int_equal(calls, 3);
	assert_true(evfd_modify(&f, EPOLLIN) < 0);
	close(p[0]);
	evloop_destroy(loop);
}

/* Files that epoll refuses are always ready. */
static void test_fd_without_poll(void **state)
{
	struct evloop *loop = evloop_create(NULL, NULL, NULL);
	int fd = open("/dev/null", O_RDWR);
	unsigned int calls = 0;
	struct evfd f;

	(void)state;
	evfd_init(&f, loop, fd_probe, &calls);
	assert_int_equal(evfd_add(&f, fd, EPOLLIN), 0);
	/* Also with no timeout: it must not block. */
	evloop_run_once(loop, -1);
	evloop_run_once(loop, -1);
	assert_int_equal(calls, 2);
	evfd_modify(&f, 0);
	evloop_run_once(loop, 0);
	assert_int_equal(calls, 2);
	evfd_modify(&f, EPOLLIN);
	evloop_run_once(loop, -1);
	assert_int_equal(calls, 3);
	evfd_remove(&f);
	evloop_run_once(loop, 0);
	assert_int_equal(calls, 3);
	close(fd);
	evloop_destroy(loop);
}

struct pair {
	struct evfd a, b;
	unsigned int calls;
};

static void remove_other(void *opaque, uint32_t events)
{
	struct pair *p = opaque;

	(void)events;
	p->calls++;
	evfd_remove(&p->a);
	evfd_remove(&p->b);
}

/* Two are ready; the first callback removes both: the second must not run. */
static void test_remove_in_batch(void **state)
{
	struct evloop *loop = evloop_create(NULL, NULL, NULL);
	struct pair p = { .calls = 0 };
	int x[2], y[2], null = open("/dev/null", O_RDWR);
	int null2 = open("/dev/null", O_RDWR);

	(void)state;
	assert_int_equal(pipe(x), 0);
	assert_int_equal(pipe(y), 0);
	assert_int_equal(write(x[1], "x", 1), 1);
	assert_int_equal(write(y[1], "x", 1), 1);
	evfd_init(&p.a, loop, remove_other, &p);
	evfd_init(&p.b, loop, remove_other, &p);
	evfd_add(&p.a, x[0], EPOLLIN);
	evfd_add(&p.b, y[0], EPOLLIN);
	evloop_run_once(loop, 0);
	assert_int_equal(p.calls, 1);
	evfd_add(&p.a, null, EPOLLIN);
	evfd_add(&p.b, null2, EPOLLIN);
	evloop_run_once(loop, 0);
	assert_int_equal(p.calls, 2);
	close(x[0]);
	close(x[1]);
	close(y[0]);
	close(y[1]);
	close(null);
	close(null2);
	evloop_destroy(loop);
}

struct threaded {
	pthread_mutex_t lock;
	struct evloop *loop;
	struct evwork work;
	struct evtimer timer;
	unsigned int works, timers;
	bool unlocked;
};

static void on_work(void *opaque)
{
	struct threaded *t = opaque;

	if (pthread_mutex_trylock(&t->lock) == 0)
		t->unlocked = true;
	t->works++;
}

static void on_timer(void *opaque, uint64_t now)
{
	struct threaded *t = opaque;

	(void)now;
	if (pthread_mutex_trylock(&t->lock) == 0)
		t->unlocked = true;
	t->timers++;
	evloop_stop(t->loop);
}

static void *run_loop(void *opaque)
{
	struct threaded *t = opaque;

	return (void *)(intptr_t)evloop_run(t->loop);
}

/*
 * The loop sleeps in epoll without a timeout; another thread posts work, arms
 * a timer, and the timer stops the loop. A lost wake-up hangs the test.
 */
static void test_wakeups_from_another_thread(void **state)
{
	struct threaded t = { .lock = PTHREAD_MUTEX_INITIALIZER };
	unsigned int i, done;
	pthread_t thread;
	uint64_t start;
	void *ret;

	(void)state;
	alarm(60);
	t.loop = evloop_create(NULL, &t.lock, NULL);
	evwork_init(&t.work, on_work, &t);
	evtimer_init(&t.timer, t.loop, on_timer, &t);
	assert_int_equal(pthread_create(&thread, NULL, run_loop, &t), 0);
	for (i = 1; i <= 1000; i++) {
		evloop_post(t.loop, &t.work);
		do {
			evloop_lock(t.loop);
			done = t.works;
			evloop_unlock(t.loop);
		} while (done < i);
	}
	evloop_lock(t.loop);
	assert_int_equal(t.works, 1000);
	start = evloop_now(t.loop);
	/* A late one first, so that the timerfd has to be moved forward. */
	evtimer_arm(&t.timer, start + 3600 * NSEC_PER_SEC);
	evtimer_arm(&t.timer, start + 20 * 1000 * 1000);
	evloop_unlock(t.loop);
	pthread_join(thread, &ret);
	assert_null(ret);
	assert_int_equal(t.timers, 1);
	assert_true(evloop_now(t.loop) - start >= 20 * 1000 * 1000);
	assert_false(t.unlocked);
	/* Stopped stays stopped. */
	assert_int_equal(evloop_run(t.loop), 0);
	alarm(0);
	evloop_destroy(t.loop);
}

static void test_unpost(void **state)
{
	struct threaded t = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct evwork second;

	(void)state;
	t.loop = evloop_create(NULL, &t.lock, NULL);
	evwork_init(&t.work, on_work, &t);
	evwork_init(&second, on_work, &t);
	evloop_post(t.loop, &t.work);
	evloop_post(t.loop, &t.work);
	evloop_post(t.loop, &second);
	evloop_unpost(t.loop, &second);
	evloop_unpost(t.loop, &second);
	evloop_run_once(t.loop, 0);
	evloop_run_once(t.loop, 0);
	assert_int_equal(t.works, 1);
	/* The queue's tail survived the removal. */
	evloop_post(t.loop, &second);
	evloop_post(t.loop, &t.work);
	evloop_run_once(t.loop, 0);
	assert_int_equal(t.works, 3);
	evloop_destroy(t.loop);
}

/* Character devices: what the UART's tests do not reach */

struct sink {
	uint8_t data[8192];
	size_t len, room;
};

static size_t sink_room(void *opaque)
{
	return ((struct sink *)opaque)->room;
}

static void sink_receive(void *opaque, const uint8_t *buf, size_t len)
{
	struct sink *s = opaque;

	assert_true(len <= s->room);
	memcpy(s->data + s->len, buf, len);
	s->len += len;
	s->room -= len;
}

static size_t drop_x(void *opaque, uint8_t *buf, size_t len)
{
	size_t i, n = 0;

	for (i = 0; i < len; i++) {
		if (buf[i] == 'x')
			(*(unsigned int *)opaque)++;
		else
			buf[n++] = buf[i];
	}
	return n;
}

/* The escape key arrives although the guest has long stopped reading. */
static void test_filter_outlives_a_hung_guest(void **state)
{
	struct evloop *loop = evloop_create(NULL, NULL, NULL);
	struct sink sink = { .room = 4 };
	struct chardev_frontend fe = { sink_room, sink_receive, NULL, &sink };
	unsigned int xs = 0, i;
	struct chardev_config cc = { loop, -1, -1, drop_x, &xs };
	struct chardev *c;
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	cc.in_fd = p[0];
	c = chardev_create(&cc, NULL);
	chardev_attach(c, &fe);
	for (i = 0; i < 2000; i++) {
		assert_int_equal(write(p[1], "abcx", 4), 4);
		evloop_run_once(loop, 0);
	}
	assert_int_equal(xs, 2000);
	assert_int_equal(sink.len, 4);
	assert_memory_equal(sink.data, "abca", 4);
	/* What was kept comes in order. */
	sink.room = 5;
	chardev_kick_input(c);
	assert_memory_equal(sink.data, "abcabcabc", 9);
	/* End of file: no more events, no busy loop. */
	close(p[1]);
	evloop_run_once(loop, 0);
	chardev_destroy(c);
	close(p[0]);
	evloop_destroy(loop);
}

static void test_output_kinds(void **state)
{
	struct evloop *loop = evloop_create(NULL, NULL, NULL);
	struct chardev_config cc = { loop, -1, -1, NULL, NULL };
	char name[] = "/tmp/holm-test-chardev.XXXXXX", buf[8];
	struct chardev *c;
	int fd, p[2];

	(void)state;
	/* None: swallowed. */
	c = chardev_create(&cc, NULL);
	assert_int_equal(chardev_write(c, (const uint8_t *)"ab", 2), 2);
	chardev_destroy(c);
	assert_int_equal(chardev_write(NULL, (const uint8_t *)"ab", 2), 2);
	/* A file. */
	fd = mkstemp(name);
	cc.out_fd = fd;
	c = chardev_create(&cc, NULL);
	assert_int_equal(chardev_write(c, (const uint8_t *)"file", 4), 4);
	chardev_destroy(c);
	assert_int_equal(pread(fd, buf, 8, 0), 4);
	assert_memory_equal(buf, "file", 4);
	close(fd);
	unlink(name);
	/* A pipe without O_NONBLOCK: never blocks, and stays without. */
	assert_int_equal(pipe(p), 0);
	cc.out_fd = p[1];
	c = chardev_create(&cc, NULL);
	alarm(60);
	while (chardev_write(c, (const uint8_t *)"0123456789abcdef", 16) > 0)
		;
	alarm(0);
	assert_false(fcntl(p[1], F_GETFL) & O_NONBLOCK);
	/* The reader goes away: output is swallowed again. */
	close(p[0]);
	evloop_run_once(loop, 0);
	assert_int_equal(chardev_write(c, (const uint8_t *)"ab", 2), 2);
	chardev_flush(c, 1000);
	chardev_destroy(c);
	close(p[1]);
	/* A closed descriptor is an error with a message. */
	cc.out_fd = p[1];
	{
		struct err e = { "" };

		assert_null(chardev_create(&cc, &e));
		assert_non_null(strstr(e.msg, "file descriptor"));
	}
	evloop_destroy(loop);
}

/* A blocking descriptor that cannot be opened once more: a socket. */
static void test_blocking_output(void **state)
{
	struct evloop *loop = evloop_create(NULL, NULL, NULL);
	struct chardev_config cc = { loop, -1, -1, NULL, NULL };
	uint8_t chunk[256], buf[4096], want = 0;
	size_t written = 0, got = 0;
	struct chardev *c;
	ssize_t n, i;
	int s[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	fcntl(s[0], F_SETFL, O_NONBLOCK);
	cc.out_fd = s[1];
	c = chardev_create(&cc, NULL);
	assert_non_null(c);
	for (i = 0; i < 256; i++)
		chunk[i] = (uint8_t)i;
	alarm(60);
	while ((n = chardev_write(c, chunk + written % 256, 256 - written % 256)) > 0)
		written += (size_t)n;
	assert_int_equal(n, -EAGAIN);
	assert_true(written > 65536);
	while (got < written) {
		while ((n = read(s[0], buf, sizeof(buf))) > 0) {
			for (i = 0; i < n; i++)
				if (buf[i] != want++)
					fail_msg("byte %zu", got + (size_t)i);
			got += (size_t)n;
		}
		evloop_run_once(loop, 0);
	}
	alarm(0);
	assert_int_equal(got, written);
	chardev_destroy(c);
	close(s[0]);
	close(s[1]);
	evloop_destroy(loop);
}

static void test_flush(void **state)
{
	struct evloop *loop = evloop_create(NULL, NULL, NULL);
	struct chardev_config cc = { loop, -1, -1, NULL, NULL };
	uint8_t big[60000], buf[4096];
	struct chardev *c;
	size_t got = 0;
	uint64_t start;
	ssize_t n;
	int p[2];

	(void)state;
	memset(big, 'z', sizeof(big));
	assert_int_equal(pipe2(p, O_NONBLOCK), 0);
	fcntl(p[1], F_SETPIPE_SZ, 4096);
	cc.out_fd = p[1];
	c = chardev_create(&cc, NULL);
	assert_int_equal(chardev_write(c, big, sizeof(big)), sizeof(big));
	/* Nobody reads: gives up in time. */
	start = evloop_now(loop);
	chardev_flush(c, 50);
	assert_true(evloop_now(loop) - start >= 40 * 1000 * 1000);
	/* A reader: all of it. */
	while (got < sizeof(big)) {
		n = read(p[0], buf, sizeof(buf));
		if (n > 0)
			got += (size_t)n;
		chardev_flush(c, 1);
	}
	assert_int_equal(got, sizeof(big));
	chardev_destroy(c);
	close(p[0]);
	close(p[1]);
	evloop_destroy(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timer_order),
		cmocka_unit_test(test_fds),
		cmocka_unit_test(test_fd_without_poll),
		cmocka_unit_test(test_remove_in_batch),
		cmocka_unit_test(test_wakeups_from_another_thread),
		cmocka_unit_test(test_unpost),
		cmocka_unit_test(test_filter_outlives_a_hung_guest),
		cmocka_unit_test(test_output_kinds),
		cmocka_unit_test(test_blocking_output),
		cmocka_unit_test(test_flush),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("evloop", tests, NULL, NULL);
}
