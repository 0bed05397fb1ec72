/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "VM:KIND=VALUE": when "holm events" is to tell of a virtual machine. */
#ifndef HOLM_WATCH_H
#define HOLM_WATCH_H

#include <stdint.h>

#include "err.h"

/**
 * struct watch_spec - a watch, as asked for
 * @vm: which virtual machine, in the words that people have for it; to be freed
 * @kind: enum holm_watch_kind
 * @threshold: above it there is an event
 */
struct watch_spec {
	char *vm;
	uint32_t kind;
	uint64_t threshold;
};

/**
 * watch_parse() - understand one
 * @text: as typed; the virtual machine's name may have colons
 * @spec: result
 * @e: what is wrong with it
 *
 * Return: 0 or -1.
 */
int watch_parse(const char *text, struct watch_spec *spec, struct err *e);

#endif /* HOLM_WATCH_H */
