// SPDX-License-Identifier: GPL-2.0-or-later
/* Metrics by HTTP, which libmicrohttpd speaks. */
#include <dlfcn.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#include "metrics_http.h"
#include "openmetrics.h"

#define LIBRARY		"libmicrohttpd.so.12"
#define CONNECTIONS	16U
#define TIMEOUT_S	10U
#define MEMORY		((size_t)32768)		/* of a connection, for its headers */

/**
 * struct metrics_http - the server
 * @daemon: libmicrohttpd's
 * @make: makes an answer
 * @arg: for @make
 * @library: handle of libmicrohttpd, of which these functions are
 * @start_daemon: MHD_start_daemon()
 * @quiesce_daemon: MHD_quiesce_daemon()
 * @stop_daemon: MHD_stop_daemon()
 * @create_response: MHD_create_response_from_buffer()
 * @add_header: MHD_add_response_header()
 * @queue_response: MHD_queue_response()
 * @destroy_response: MHD_destroy_response()
 */
struct metrics_http {
	struct MHD_Daemon *daemon;
	metrics_make make;
	void *arg;
	void *library;
	__typeof__(&MHD_start_daemon) start_daemon;
	__typeof__(&MHD_quiesce_daemon) quiesce_daemon;
	__typeof__(&MHD_stop_daemon) stop_daemon;
	__typeof__(&MHD_create_response_from_buffer) create_response;
	__typeof__(&MHD_add_response_header) add_header;
	__typeof__(&MHD_queue_response) queue_response;
	__typeof__(&MHD_destroy_response) destroy_response;
};

/* @text is freed where @mode says so. */
static enum MHD_Result answer(struct metrics_http *http, struct MHD_Connection *connection,
			      unsigned int status, const char *type, char *text, size_t len,
			      enum MHD_ResponseMemoryMode mode)
{
	struct MHD_Response *response = http->create_response(len, text, mode);
	enum MHD_Result ret;

	if (!response) {
		if (mode == MHD_RESPMEM_MUST_FREE)
			free(text);
		return MHD_NO;
	}
	http->add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		http->add_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	ret = http->queue_response(connection, status, response);
	http->destroy_response(response);
	return ret;
}

static enum MHD_Result answer_text(struct metrics_http *http, struct MHD_Connection *connection,
				   unsigned int status, const char *text)
{
	return answer(http, connection, status, "text/plain; charset=utf-8", (char *)text,
		      strlen(text), MHD_RESPMEM_MUST_COPY);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *body,
				  size_t *body_len, void **state)
{
	struct metrics_http *http = arg;
	static int seen;
	struct err e;
	char *text;
	size_t len;

	(void)version;
	(void)body;
	if (!*state) {
		*state = &seen;		/* the headers are there; a body may follow */
		return MHD_YES;
	}
	if (*body_len) {
		*body_len = 0;
		return MHD_YES;
	}
	if (strcmp(method, MHD_HTTP_METHOD_GET) && strcmp(method, MHD_HTTP_METHOD_HEAD))
		return answer_text(http, connection, MHD_HTTP_METHOD_NOT_ALLOWED,
				   "only GET and HEAD\n");
	if (strcmp(url, "/metrics"))
		return answer_text(http, connection, MHD_HTTP_NOT_FOUND,
				   "there is nothing but /metrics\n");
	if (http->make(http->arg, &text, &len, &e))
		return answer_text(http, connection, MHD_HTTP_SERVICE_UNAVAILABLE, e.msg);
	return answer(http, connection, MHD_HTTP_OK, OPENMETRICS_TYPE, text, len,
		      MHD_RESPMEM_MUST_FREE);
}

/* The library is loaded when it is wanted: see userspace/Makefile. */
static int load(struct metrics_http *http, struct err *e)
{
	const struct {
		const char *name;
		void *to;	/* a pointer to a function */
	} functions[] = {
		{ "MHD_start_daemon", &http->start_daemon },
		{ "MHD_quiesce_daemon", &http->quiesce_daemon },
		{ "MHD_stop_daemon", &http->stop_daemon },
		{ "MHD_create_response_from_buffer", &http->create_response },
		{ "MHD_add_response_header", &http->add_header },
		{ "MHD_queue_response", &http->queue_response },
		{ "MHD_destroy_response", &http->destroy_response },
	};

	http->library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!http->library)
		return err_set(e, "--listen needs the library libmicrohttpd: %s", dlerror());
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		void *function = dlsym(http->library, functions[i].name);

		if (!function)
			return err_set(e, "%s: %s", LIBRARY, dlerror());
		memcpy(functions[i].to, &function, sizeof(function));
	}
	return 0;
}

struct metrics_http *metrics_http_start(int fd, metrics_make make, void *arg, struct err *e)
{
	struct metrics_http *http = calloc(1, sizeof(*http));

	if (!http) {
		err_set(e, "out of memory");
		return NULL;
	}
	http->make = make;
	http->arg = arg;
	if (load(http, e))
		goto err;
	http->daemon = http->start_daemon(MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD |
					  MHD_USE_ITC, 0, NULL, NULL, on_request, http,
					  MHD_OPTION_LISTEN_SOCKET, fd,
					  MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS,
					  MHD_OPTION_CONNECTION_TIMEOUT, TIMEOUT_S,
					  MHD_OPTION_CONNECTION_MEMORY_LIMIT, MEMORY,
					  MHD_OPTION_END);
	if (http->daemon)
		return http;
	err_set(e, "the HTTP server does not start");
err:
	if (http->library)
		dlclose(http->library);
	free(http);
	return NULL;
}

void metrics_http_stop(struct metrics_http *http)
{
	/* The socket is not the server's to close. */
	http->quiesce_daemon(http->daemon);
	http->stop_daemon(http->daemon);
	dlclose(http->library);
	free(http);
}
