/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOLM_DEVICES_RTC_H
#define HOLM_DEVICES_RTC_H

#include <stdbool.h>
#include <stdint.h>

#include "../err.h"

struct bus;
struct evloop;
struct irq_line;

#define RTC_CENTURY_REG	0x32	/* for the FADT */

/**
 * struct rtc_config - an MC146818 with 128 bytes of CMOS memory
 * @bus: ports 0x70-0x71
 * @loop: clock (UTC) and timer
 * @irq: line 8; NULL for none
 * @mem_below_4g: bytes of RAM from 0 up, without the hole
 * @mem_above_4g: bytes of RAM from 4 GiB up
 */
struct rtc_config {
	struct bus *bus;
	struct evloop *loop;
	struct irq_line *irq;
	uint64_t mem_below_4g;
	uint64_t mem_above_4g;
};

struct rtc;

/**
 * rtc_create() - make the clock, set to the host's time, and claim its ports
 * @cfg: copied
 * @e: reason of a failure
 *
 * Return: the RTC, freed by rtc_destroy(); NULL on failure.
 */
struct rtc *rtc_create(const struct rtc_config *cfg, struct err *e);

/**
 * rtc_destroy() - stop the timer, release the ports and free
 * @r: the RTC, or NULL
 */
void rtc_destroy(struct rtc *r);

/**
 * rtc_reset() - the RESET pin: interrupt enables and flags cleared
 * @r: the RTC. Machine lock held.
 *
 * Time and memory are battery-backed and stay.
 */
void rtc_reset(struct rtc *r);

/**
 * rtc_nmi_masked() - state of bit 7 of port 0x70
 * @r: the RTC. Machine lock held.
 */
bool rtc_nmi_masked(const struct rtc *r);

#endif
