/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The protocol of sd_notify(3): a service manager is told that the guest runs. */
#ifndef HOLM_NOTIFY_H
#define HOLM_NOTIFY_H

/**
 * notify_ready() - tell the service manager, if one has asked
 *
 * Takes NOTIFY_SOCKET out of the environment.
 *
 * Return: 1 when it was told, 0 when nobody has asked, or a negative errno.
 */
int notify_ready(void);

#endif /* HOLM_NOTIFY_H */
