/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOLM_BENCH_BOOT_MARKER_H
#define HOLM_BENCH_BOOT_MARKER_H

/* What the guest's /init writes to its console. */
#define BOOT_MARKER	"bench: init runs"

#endif
