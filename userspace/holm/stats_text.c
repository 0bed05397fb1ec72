// SPDX-License-Identifier: GPL-2.0-or-later
/* Statistics of virtual machines as lines of text. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "control.h"
#include "stats.h"

#define TOP_REASONS	4	/* that a row names */

static const char *scaled(double value, double step, const char *const *units, size_t n, char *buf,
			  size_t size)
{
	size_t unit = 0;

	/* Not "1000.0k" for what is rounded. */
	while (unit + 1 < n && value >= (unit ? step - 0.05 : step - 0.5)) {
		value /= step;
		unit++;
	}
	snprintf(buf, size, unit ? "%.1f%s" : "%.0f%s", value, units[unit]);
	return buf;
}

const char *stats_rate_text(double rate, char *buf, size_t size)
{
	static const char *const units[] = { "", "k", "M", "G" };

	return scaled(rate, 1000, units, 4, buf, size);
}

const char *stats_time_text(uint64_t ns, char *buf, size_t size)
{
	static const char *const units[] = { "ns", "us", "ms", "s" };

	return scaled((double)ns, 1000, units, 4, buf, size);
}

static const char *percent_text(bool there, double share, char *buf, size_t size)
{
	if (there)
		snprintf(buf, size, "%.1f%%", share * 100);
	else
		snprintf(buf, size, "-");
	return buf;
}

static const char *rate_or_dash(bool there, double rate, char *buf, size_t size)
{
	if (there)
		return stats_rate_text(rate, buf, size);
	snprintf(buf, size, "-");
	return buf;
}

/* "io 1.2k, hlt 300" */
static void top_reasons(const struct stats_row *row, char *buf, size_t size)
{
	bool taken[HOLM_EXIT_REASONS] = { false };
	size_t len = 0;

	snprintf(buf, size, "-");
	for (int k = 0; row->has_reasons && k < TOP_REASONS; k++) {
		char rate[16];
		int top = -1;

		for (int i = 0; i < HOLM_EXIT_REASONS; i++)
			if (!taken[i] && row->reason_rate[i] > 0 &&
			    (top < 0 || row->reason_rate[i] > row->reason_rate[top]))
				top = i;
		if (top < 0)
			break;
		taken[top] = true;
		len += (size_t)snprintf(buf + len, size - len, "%s%s %s", len ? ", " : "",
					holm_exit_reason_name((uint32_t)top),
					stats_rate_text(row->reason_rate[top], rate,
							sizeof(rate)));
		if (len >= size)
			break;
	}
}

#define ROW	"%8s %6s %6s %8s %8s %5s  %-9s %-16s %s"

void stats_header_line(char line[STATS_LINE])
{
	snprintf(line, STATS_LINE, ROW, "EXITS/S", "GUEST", "HALTED", "HALTS/S", "RESIDENT",
		 "VCPUS", "STATE", "NAME", "REASONS (/S)");
}

void stats_row_line(const struct stats_row *row, char line[STATS_LINE])
{
	char exits[16], guest[16], halted[16], halts[16], resident[16], vcpus[16], reasons[128];

	snprintf(vcpus, sizeof(vcpus), "%" PRIu32, row->vcpus);
	top_reasons(row, reasons, sizeof(reasons));
	snprintf(line, STATS_LINE, ROW,
		 rate_or_dash(row->has_rates, row->exits_rate, exits, sizeof(exits)),
		 percent_text(row->has_shares, row->guest, guest, sizeof(guest)),
		 percent_text(row->has_shares, row->halted, halted, sizeof(halted)),
		 rate_or_dash(row->has_rates, row->halts_rate, halts, sizeof(halts)),
		 control_size(row->resident, resident, sizeof(resident)), vcpus,
		 holm_vm_state_name(row->state), row->name[0] ? row->name : "-", reasons);
}

#define REASON	"%-18s %12s %8s %9s %9s %9s %9s"

void stats_reason_header_line(char line[STATS_LINE])
{
	snprintf(line, STATS_LINE, REASON, "REASON", "COUNT", "/S", "TIME", "MEAN", "P50", "P99");
}

void stats_reason_line(const struct stats_reason *reason, char line[STATS_LINE])
{
	char count[24], rate[16], time[16], mean[16], p50[16], p99[16];

	snprintf(count, sizeof(count), "%" PRIu64, reason->count);
	snprintf(line, STATS_LINE, REASON, holm_exit_reason_name(reason->reason), count,
		 rate_or_dash(reason->has_rate, reason->rate, rate, sizeof(rate)),
		 stats_time_text(reason->time_ns, time, sizeof(time)),
		 stats_time_text(stats_mean(reason->time_ns, reason->count), mean, sizeof(mean)),
		 stats_time_text(stats_percentile(reason->histogram, 50), p50, sizeof(p50)),
		 stats_time_text(stats_percentile(reason->histogram, 99), p99, sizeof(p99)));
}

size_t stats_histogram_lines(const uint64_t histogram[HOLM_HISTOGRAM_LEN], unsigned int width,
			     char lines[HOLM_HISTOGRAM_LEN][STATS_LINE])
{
	size_t first = HOLM_HISTOGRAM_LEN, last = 0, n = 0;
	uint64_t most = 1;
	unsigned int bar;

	width = width < STATS_HISTOGRAM_WIDTH ? STATS_HISTOGRAM_WIDTH : width;
	width = width >= STATS_LINE ? STATS_LINE - 1 : width;
	bar = width - 38;	/* what the rest of a line may need */
	for (size_t i = 0; i < HOLM_HISTOGRAM_LEN; i++) {
		if (!histogram[i])
			continue;
		first = first < i ? first : i;
		last = i;
		most = histogram[i] > most ? histogram[i] : most;
	}
	for (size_t i = first; i < HOLM_HISTOGRAM_LEN && i <= last; i++) {
		unsigned int len = (unsigned int)((double)histogram[i] / (double)most * bar);
		char from[16], to[16];
		size_t at;

		/* What is there is to be seen. */
		len = histogram[i] && !len ? 1 : len;
		stats_time_text(i ? 1ULL << i : 0, from, sizeof(from));
		if (i < HOLM_HISTOGRAM_LEN - 1)
			stats_time_text(2ULL << i, to, sizeof(to));
		else
			snprintf(to, sizeof(to), "longer");
		snprintf(lines[n], STATS_LINE, "%7s-%-7s %12" PRIu64 " |", from, to,
			 histogram[i]);
		at = strlen(lines[n]);
		memset(lines[n] + at, '#', len);
		lines[n++][at + len] = '\0';
	}
	return n;
}
