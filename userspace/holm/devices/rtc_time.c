// SPDX-License-Identifier: GPL-2.0-or-later
/* Calendar arithmetic of the RTC. */
#include "rtc_time.h"

#define SECONDS_PER_DAY	86400
#define DAYS_PER_ERA	146097	/* 400 years */
#define DAYS_TO_1970	719468	/* from 0000-03-01 */

/* Years start in March here, so that the leap day is a year's last. */

void rtc_fields_from_seconds(struct rtc_fields *f, int64_t seconds)
{
	int64_t days = seconds / SECONDS_PER_DAY;
	int64_t rest = seconds % SECONDS_PER_DAY;
	int64_t era, year;
	int64_t doe, yoe, doy, month;

	if (rest < 0) {
		rest += SECONDS_PER_DAY;
		days--;
	}
	f->second = (unsigned int)(rest % 60);
	f->minute = (unsigned int)(rest / 60 % 60);
	f->hour = (unsigned int)(rest / 3600);
	/* 1970-01-01 was a Thursday. */
	f->weekday = (unsigned int)(((days + 4) % 7 + 7) % 7) + 1;

	days += DAYS_TO_1970;
	era = (days >= 0 ? days : days - (DAYS_PER_ERA - 1)) / DAYS_PER_ERA;
	doe = days - era * DAYS_PER_ERA;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	month = (5 * doy + 2) / 153;
	f->day = (unsigned int)(doy - (153 * month + 2) / 5 + 1);
	f->month = (unsigned int)(month < 10 ? month + 3 : month - 9);
	year = yoe + era * 400 + (f->month <= 2);
	f->year = (unsigned int)((year % 10000 + 10000) % 10000);
}

static int64_t clamp(unsigned int value, unsigned int low, unsigned int high)
{
	if (value < low)
		return low;
	return value > high ? high : value;
}

int64_t rtc_fields_to_seconds(const struct rtc_fields *f)
{
	int64_t month = clamp(f->month, 1, 12), day = clamp(f->day, 1, 31);
	int64_t year = clamp(f->year, 0, 9999) - (month <= 2);
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t yoe = year - era * 400;
	int64_t doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 +
		      day - 1;
	int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	int64_t days = era * DAYS_PER_ERA + doe - DAYS_TO_1970;

	return days * SECONDS_PER_DAY + clamp(f->hour, 0, 23) * 3600 +
	       clamp(f->minute, 0, 59) * 60 + clamp(f->second, 0, 59);
}

static int matches(uint32_t alarm, unsigned int value)
{
	return alarm == RTC_ALARM_ANY || alarm == value;
}

int64_t rtc_next_alarm(int64_t after, uint32_t hour, uint32_t minute,
		       uint32_t second)
{
	int64_t t = after + 1, start = after - after % SECONDS_PER_DAY;
	unsigned int h, m, s, first;
	int day;

	if (after % SECONDS_PER_DAY < 0)
		start -= SECONDS_PER_DAY;
	/* Today from now on, or else the first match of tomorrow. */
	for (day = 0; day < 2; day++, start += SECONDS_PER_DAY) {
		first = t > start ? (unsigned int)(t - start) : 0;
		for (h = first / 3600; h < 24; h++) {
			if (!matches(hour, h))
				continue;
			for (m = 0; m < 60; m++) {
				if (!matches(minute, m) ||
				    h * 3600 + m * 60 + 59 < first)
					continue;
				for (s = 0; s < 60; s++)
					if (matches(second, s) &&
					    h * 3600 + m * 60 + s >= first)
						return start + h * 3600 +
						       m * 60 + s;
			}
		}
	}
	return INT64_MAX;
}
