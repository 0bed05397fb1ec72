/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Statistics of virtual machines: what two looks at the counters say. Nothing
 * here asks the driver or knows a terminal.
 */
#ifndef HOLM_STATS_H
#define HOLM_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libholm/control.h"

/**
 * struct stats_sample - one look
 * @time_ns: when, CLOCK_BOOTTIME
 * @vms: virtual machines
 * @n_vms: how many
 * @vcpus: of them, by machine and index after stats_order()
 * @n_vcpus: how many
 * @stats: of them, by machine, vCPU and reason after stats_order()
 * @n_stats: how many
 */
struct stats_sample {
	uint64_t time_ns;
	struct holm_vm_info *vms;
	size_t n_vms;
	struct holm_vcpu_info *vcpus;
	size_t n_vcpus;
	struct holm_stats_info *stats;
	size_t n_stats;
};

/* Sort what is searched later. */
void stats_order(struct stats_sample *s);

/* Free what is in it, which is empty then. */
void stats_clear(struct stats_sample *s);

/* A virtual machine by its number; NULL: it came or went between two requests. */
const struct holm_vm_info *stats_find_vm(const struct stats_sample *s, uint32_t id);

/**
 * struct stats_row - how a virtual machine fares
 * @vm: number
 * @name: of it
 * @uuid: of it
 * @state: enum holm_vm_state
 * @vcpus: how many
 * @resident: bytes in RAM
 * @exits: of all vCPUs, since it is there
 * @on: exits are counted and timed by reason
 * @has_rates: it was there at the look before: the rates are valid
 * @exits_rate: exits a second
 * @halts_rate: halts a second
 * @has_shares: the four shares are valid
 * @guest: of the time of its vCPUs the part in the guest, 0 to 1
 * @kernel: in the driver
 * @user: in the launcher
 * @halted: waiting for an interrupt
 * @has_reasons: @reason_rate is valid
 * @reason_rate: exits a second, by reason
 */
struct stats_row {
	uint32_t vm;
	char name[HOLM_NAME_MAX + 1];
	uint8_t uuid[HOLM_UUID_LEN];
	uint32_t state;
	uint32_t vcpus;
	uint64_t resident;
	uint64_t exits;
	bool on;
	bool has_rates;
	double exits_rate;
	double halts_rate;
	bool has_shares;
	double guest, kernel, user, halted;
	bool has_reasons;
	double reason_rate[HOLM_EXIT_REASONS];
};

/**
 * stats_rows() - how virtual machines fared between two looks
 * @before: the first look; empty when there was none
 * @now: the second one
 * @rows: one for each of @now->vms, in that order
 *
 * A counter that went back began anew.
 */
void stats_rows(const struct stats_sample *before, const struct stats_sample *now,
		struct stats_row *rows);

enum stats_key {
	STATS_BY_EXITS,
	STATS_BY_GUEST,
	STATS_BY_HALTED,
	STATS_BY_HALTS,
	STATS_BY_RESIDENT,
	STATS_BY_NAME,
	STATS_KEYS
};

/* "exits", "guest", ...; and the key that is called so, -1 when none is. */
const char *stats_key_name(enum stats_key key);
int stats_key_parse(const char *name);

/* Largest first, names in their order; of equals the older one. */
void stats_sort(struct stats_row *rows, size_t n, enum stats_key key);

/**
 * struct stats_reason - the exits of a virtual machine for one reason
 * @reason: enum holm_exit_reason
 * @count: how many, of all vCPUs
 * @time_ns: that they took
 * @has_rate: @rate is valid
 * @rate: how many a second
 * @histogram: of the times, as in struct holm_stats_info
 */
struct stats_reason {
	uint32_t reason;
	uint64_t count;
	uint64_t time_ns;
	bool has_rate;
	double rate;
	uint64_t histogram[HOLM_HISTOGRAM_LEN];
};

/**
 * stats_reasons() - why a virtual machine exited
 * @before: a look, or an empty one
 * @now: the one after it
 * @vm: its number
 * @reasons: the most frequent first
 *
 * Return: how many there are.
 */
size_t stats_reasons(const struct stats_sample *before, const struct stats_sample *now,
		     uint32_t vm, struct stats_reason reasons[HOLM_EXIT_REASONS]);

/**
 * stats_percentile() - how long the faster ones took at most
 * @histogram: of times
 * @percent: how many of the exits are the faster ones, 1 to 100
 *
 * Times lie evenly in their bucket, as far as anybody knows; of the last bucket the
 * beginning is told. Return: ns; 0 when there is no exit.
 */
uint64_t stats_percentile(const uint64_t histogram[HOLM_HISTOGRAM_LEN], unsigned int percent);

/* @time_ns of @count, 0 without any. */
uint64_t stats_mean(uint64_t time_ns, uint64_t count);

/* ---- as text (stats_text.c) ------------------------------------------------------ */

#define STATS_LINE	320	/* room for each of the lines below */

#define STATS_HISTOGRAM_WIDTH	48

/* "999", "1.2k", "34.5M", in @buf. */
const char *stats_rate_text(double rate, char *buf, size_t size);

/* "850ns", "1.2us", "34.5ms", "6.7s", in @buf. */
const char *stats_time_text(uint64_t ns, char *buf, size_t size);

/* The line above the rows, and a row. */
void stats_header_line(char line[STATS_LINE]);
void stats_row_line(const struct stats_row *row, char line[STATS_LINE]);

/* The same of the reasons of one virtual machine. */
void stats_reason_header_line(char line[STATS_LINE]);
void stats_reason_line(const struct stats_reason *reason, char line[STATS_LINE]);

/**
 * stats_histogram_lines() - a histogram as bars
 * @histogram: what to draw
 * @width: columns of a line; STATS_HISTOGRAM_WIDTH are taken at least
 * @lines: a bucket in each, from the first to the last that has something
 *
 * Return: how many lines there are.
 */
size_t stats_histogram_lines(const uint64_t histogram[HOLM_HISTOGRAM_LEN], unsigned int width,
			     char lines[HOLM_HISTOGRAM_LEN][STATS_LINE]);

#endif /* HOLM_STATS_H */
