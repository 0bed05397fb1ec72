/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counters of virtual machines in the text format of OpenMetrics 1.0. */
#ifndef HOLM_OPENMETRICS_H
#define HOLM_OPENMETRICS_H

#include <stdio.h>

#include "stats.h"

#define OPENMETRICS_TYPE	"application/openmetrics-text; version=1.0.0; charset=utf-8"

/**
 * openmetrics_write() - write all that is known
 * @host: the driver
 * @s: its virtual machines, in order
 * @out: where to; the caller checks it for errors
 *
 * Names of virtual machines need not be unique, their numbers are: both are labels
 * of all samples. Histograms are sums over vCPUs.
 */
void openmetrics_write(const struct holm_host_info *host, const struct stats_sample *s, FILE *out);

#endif /* HOLM_OPENMETRICS_H */
