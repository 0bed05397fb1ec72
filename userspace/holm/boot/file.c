// SPDX-License-Identifier: GPL-2.0-or-later
/* Files that boot loaders read: sizes are checked, nothing is mapped. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loader.h"

int boot_file_open(struct boot_file *file, const char *path, struct err *err)
{
	struct stat st;

	memset(file, 0, sizeof(*file));
	file->path = path;
	/* A FIFO must not block: it is refused below. */
	file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (file->fd < 0)
		return err_set_errno(err, "cannot open %s", path);
	if (fstat(file->fd, &st)) {
		err_set_errno(err, "cannot read the size of %s", path);
		goto fail;
	}
	if (!S_ISREG(st.st_mode)) {
		err_set(err, "%s is not a regular file", path);
		goto fail;
	}
	if (st.st_size <= 0) {
		err_set(err, "%s is empty", path);
		goto fail;
	}
	file->size = (uint64_t)st.st_size;
	return 0;

fail:
	close(file->fd);
	file->fd = -1;
	return -1;
}

int boot_file_copy(const struct boot_file *file, void *to, struct err *err)
{
	uint64_t done = 0;

	while (done < file->size) {
		ssize_t n = pread(file->fd, (uint8_t *)to + done, file->size - done,
				  (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_errno(err, "cannot read %s", file->path);
		if (n == 0)
			return err_set(err, "%s ended after %" PRIu64 " of %" PRIu64
				       " bytes: it changed while it was read",
				       file->path, done, file->size);
		done += (uint64_t)n;
	}
	return 0;
}

int boot_file_read(struct boot_file *file, struct err *err)
{
	if (file->size > BOOT_MAX_KERNEL_FILE)
		return err_set(err, "%s has %" PRIu64 " bytes, a kernel has %llu at most",
			       file->path, file->size, BOOT_MAX_KERNEL_FILE);
	file->data = malloc(file->size);
	if (!file->data)
		return err_set(err, "no memory to read %s (%" PRIu64 " bytes)", file->path,
			       file->size);
	return boot_file_copy(file, file->data, err);
}

void boot_file_close(struct boot_file *file)
{
	free(file->data);
	file->data = NULL;
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}
