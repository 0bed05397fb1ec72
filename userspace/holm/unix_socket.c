// SPDX-License-Identifier: GPL-2.0-or-later
/* Unix sockets in the file system: see unix_socket.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unix_socket.h"

int unix_socket_address(struct sockaddr_un *addr, const char *path, struct err *e)
{
	size_t len = strlen(path);

	if (!len || len >= sizeof(addr->sun_path))
		return err_set(e, "\"%s\": the path of a socket has 1 to %zu bytes, this one has %zu",
			       path, sizeof(addr->sun_path) - 1, len);
	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(addr->sun_path, path, len);
	return 0;
}

bool unix_socket_is_dead(const struct sockaddr_un *addr, int type)
{
	struct stat st;
	bool dead;
	int fd;

	/* connect() says the same of a file that is no socket. */
	if (lstat(addr->sun_path, &st) || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	dead = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) && errno == ECONNREFUSED;
	close(fd);
	return dead;
}

static int bind_file(int fd, const struct sockaddr_un *addr, mode_t mode)
{
	mode_t mask = umask(0777 & ~mode);
	int ret = bind(fd, (const struct sockaddr *)addr, sizeof(*addr));

	umask(mask);
	return ret;
}

int unix_socket_listen(struct unix_listener *l, const struct sockaddr_un *addr, int type,
		       mode_t mode, int backlog, struct err *e)
{
	const char *path = addr->sun_path;
	struct stat st;
	int ret;

	*l = (struct unix_listener){ .fd = -1 };
	l->fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return err_set_errno(e, "cannot make a socket");
	ret = bind_file(l->fd, addr, mode);
	if (ret && errno == EADDRINUSE && unix_socket_is_dead(addr, type) && !unlink(path))
		ret = bind_file(l->fd, addr, mode);
	if (ret && errno == EADDRINUSE) {
		err_set(e, "a socket in use, or another file, is at %s already", path);
		goto fail;
	}
	if (ret) {
		err_set_errno(e, "cannot make the socket %s", path);
		goto fail;
	}
	l->path = realpath(path, NULL);
	if (!l->path || stat(l->path, &st) || listen(l->fd, backlog)) {
		err_set_errno(e, "cannot listen at the socket %s", path);
		unlink(path);
		goto fail;
	}
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	return 0;

fail:
	close(l->fd);
	free(l->path);
	*l = (struct unix_listener){ .fd = -1 };
	return -1;
}

void unix_socket_close(struct unix_listener *l)
{
	struct stat st;

	if (l->path && !stat(l->path, &st) && st.st_dev == l->dev && st.st_ino == l->ino)
		unlink(l->path);
	free(l->path);
	if (l->fd >= 0)
		close(l->fd);
	*l = (struct unix_listener){ .fd = -1 };
}
