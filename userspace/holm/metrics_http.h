/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Metrics by HTTP. */
#ifndef HOLM_METRICS_HTTP_H
#define HOLM_METRICS_HTTP_H

#include <stddef.h>

#include "err.h"

/**
 * metrics_make - make the answer to a request
 * @arg: as given to metrics_http_start()
 * @text: the metrics, to be freed
 * @len: how long they are
 * @e: why there are none
 *
 * Called by one thread, not the one that started the server. Return: 0 or -1.
 */
typedef int (*metrics_make)(void *arg, char **text, size_t *len, struct err *e);

struct metrics_http;

/**
 * metrics_http_start() - answer requests for /metrics, by a thread
 * @fd: a socket that listens; it stays the caller's
 * @make: called for each request
 * @arg: for @make
 * @e: what stands in the way
 *
 * At most 16 connections, of which each has 10 seconds to say something. Return: the
 * server, or NULL.
 */
struct metrics_http *metrics_http_start(int fd, metrics_make make, void *arg, struct err *e);

/* The end; no request is answered any more when it returns. */
void metrics_http_stop(struct metrics_http *http);

#endif /* HOLM_METRICS_HTTP_H */
