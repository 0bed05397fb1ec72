// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What was assigned with HOLM_SET_IOEVENTFD, for writes that reach the launcher
 * all the same: those whose instruction the driver does not decode.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "libholm/libholm.h"

struct holm_ioeventfds {
	int vm;
	pthread_rwlock_t lock;		/* of the rest, and held around the call */
	struct holm_ioeventfd *entry;
	size_t count;
};

struct holm_ioeventfds *holm_ioeventfds_new(int vm)
{
	struct holm_ioeventfds *list = calloc(1, sizeof(*list));
	int err;

	if (!list)
		return NULL;
	list->vm = vm;
	err = pthread_rwlock_init(&list->lock, NULL);
	if (err) {
		free(list);
		errno = err;
		return NULL;
	}
	return list;
}

void holm_ioeventfds_free(struct holm_ioeventfds *list)
{
	if (!list)
		return;
	pthread_rwlock_destroy(&list->lock);
	free(list->entry);
	free(list);
}

int holm_ioeventfds_add(struct holm_ioeventfds *list, uint32_t flags, uint64_t addr,
			uint32_t size, uint64_t datamatch, int fd)
{
	struct holm_ioeventfd *entry;
	int err = -ENOMEM;

	pthread_rwlock_wrlock(&list->lock);
	entry = reallocarray(list->entry, list->count + 1, sizeof(*entry));
	if (!entry)
		goto out;
	list->entry = entry;
	err = holm_vm_set_ioeventfd(list->vm, flags, addr, size, datamatch, fd);
	if (!err)
		list->entry[list->count++] = (struct holm_ioeventfd) {
			.addr = addr,
			.datamatch = datamatch,
			.fd = fd,
			.size = size,
			.flags = flags,
		};
out:
	pthread_rwlock_unlock(&list->lock);
	return err;
}

int holm_ioeventfds_remove(struct holm_ioeventfds *list, uint32_t flags, uint64_t addr,
			   uint32_t size, uint64_t datamatch, int fd)
{
	size_t i;
	int err;

	pthread_rwlock_wrlock(&list->lock);
	err = holm_vm_set_ioeventfd(list->vm, flags | HOLM_IOEVENTFD_DEASSIGN, addr, size,
				    datamatch, fd);
	for (i = 0; !err && i < list->count; i++) {
		const struct holm_ioeventfd *e = &list->entry[i];

		if (e->flags == flags && e->addr == addr && e->size == size &&
		    e->datamatch == datamatch && e->fd == fd) {
			list->entry[i] = list->entry[--list->count];
			break;
		}
	}
	pthread_rwlock_unlock(&list->lock);
	return err;
}

static bool matches(const struct holm_ioeventfd *e, bool port, uint64_t addr, unsigned int size,
		    uint64_t value)
{
	if (!(e->flags & HOLM_IOEVENTFD_PORT) == port || e->addr != addr)
		return false;
	if (e->size && e->size != size)
		return false;
	return !(e->flags & HOLM_IOEVENTFD_DATAMATCH) || e->datamatch == value;
}

bool holm_ioeventfds_write(struct holm_ioeventfds *list, bool port, uint64_t addr,
			   unsigned int size, uint64_t value)
{
	const uint64_t one = 1;
	bool found = false;
	ssize_t ret;
	size_t i;

	if (size < 8)
		value &= (1ULL << 8 * size) - 1;
	pthread_rwlock_rdlock(&list->lock);
	for (i = 0; i < list->count && !found; i++) {
		if (!matches(&list->entry[i], port, addr, size, value))
			continue;
		found = true;
		/* EAGAIN: it is full of signals that nobody has taken. */
		do
			ret = write(list->entry[i].fd, &one, sizeof(one));
		while (ret < 0 && errno == EINTR);
	}
	pthread_rwlock_unlock(&list->lock);
	return found;
}
