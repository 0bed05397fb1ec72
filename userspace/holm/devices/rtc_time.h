/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOLM_DEVICES_RTC_TIME_H
#define HOLM_DEVICES_RTC_TIME_H

#include <stdint.h>

/* Calendar arithmetic of the RTC: proleptic Gregorian, UTC, no leap seconds. */

/**
 * struct rtc_fields - a broken-down time as the chip counts it
 * @year: with the century, 0..9999
 * @month: 1..12
 * @day: 1..31
 * @weekday: 1..7, 1 is Sunday
 * @hour: 0..23
 * @minute: 0..59
 * @second: 0..59
 */
struct rtc_fields {
	unsigned int year, month, day, weekday, hour, minute, second;
};

/**
 * rtc_fields_from_seconds() - seconds since 1970 to fields
 * @f: filled in
 * @seconds: any value; the year is taken modulo 10000
 */
void rtc_fields_from_seconds(struct rtc_fields *f, int64_t seconds);

/**
 * rtc_fields_to_seconds() - fields to seconds since 1970
 * @f: any values; those out of range are brought to the nearest legal one,
 *	a day past the end of its month goes into the next. The weekday does
 *	not count
 *
 * Return: seconds.
 */
int64_t rtc_fields_to_seconds(const struct rtc_fields *f);

#define RTC_ALARM_ANY	UINT32_MAX	/* "don't care" */

/**
 * rtc_next_alarm() - when an alarm matches next
 * @after: seconds since 1970
 * @hour: to match, or RTC_ALARM_ANY; a value that no clock shows never matches
 * @minute: likewise
 * @second: likewise
 *
 * Return: the first matching second after @after, INT64_MAX for none.
 */
int64_t rtc_next_alarm(int64_t after, uint32_t hour, uint32_t minute,
		       uint32_t second);

#endif
