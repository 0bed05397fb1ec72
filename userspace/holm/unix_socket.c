// SPDX-License-Identifier: GPL-2.0-or-later
/* Unix sockets in the file system: see unix_socket.h. */
#include <errno.h>
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
