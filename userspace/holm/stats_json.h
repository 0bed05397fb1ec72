/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Statistics of virtual machines in JSON. */
#ifndef HOLM_STATS_JSON_H
#define HOLM_STATS_JSON_H

#include <json-c/json.h>

#include "stats.h"

/**
 * stats_json() - what two looks say, as Documentation/json.rst has it
 * @before: the first look
 * @now: the second one
 * @rows: of them, in the order that they are to have
 *
 * Return: NULL without memory.
 */
struct json_object *stats_json(const struct stats_sample *before, const struct stats_sample *now,
			       const struct stats_row *rows);

#endif /* HOLM_STATS_JSON_H */
