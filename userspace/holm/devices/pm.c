// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ACPI fixed hardware: PM1a event and control blocks, PM timer (ACPI 6.5,
 * 4.8.3). There is no SMI: the machine is in ACPI mode from the start.
 */
#include <stdlib.h>

#include "../bus.h"
#include "../evloop.h"
#include "../irq.h"
#include "pm.h"

#define TMR_STS		(1U << 0)
#define PWRBTN_STS	(1U << 8)
#define WAK_STS		(1U << 15)

/*
 * Timer, global lock, power and sleep button, RTC. Some never happen here, but
 * ACPICA takes an enable bit that does not stick for broken hardware.
 */
#define EN_MASK		0x0721U

#define CNT_SCI_EN	(1U << 0)
#define CNT_SLP_TYP_SHIFT 10
#define CNT_SLP_EN	(1U << 13)
#define CNT_KEEP	0x1c02U		/* SLP_TYP, BM_RLD */

/* The timer event is a change of bit 31 (4.8.2.1, TMR_VAL_EXT). */
#define TMR_CARRY	(1ULL << 31)

/* All that a snapshot needs. */
struct pm_state {
	uint16_t sts;
	uint16_t en;
	uint16_t cnt;
	uint64_t epoch_ns;	/* when the PM timer was 0 */
	uint64_t carries;	/* carries of the timer seen so far */
};

struct pm {
	struct pm_config cfg;
	struct evtimer timer;
	struct pm_state s;
};

static uint64_t timer_ticks(const struct pm *p)
{
	uint64_t ns = evloop_now(p->cfg.loop) - p->s.epoch_ns;

	return (uint64_t)((unsigned __int128)ns * PM_TIMER_HZ / NSEC_PER_SEC);
}

/* First ns at which the timer shows @ticks. */
static uint64_t ticks_to_ns(const struct pm *p, uint64_t ticks)
{
	unsigned __int128 n = (unsigned __int128)ticks * NSEC_PER_SEC;

	return p->s.epoch_ns + (uint64_t)((n + PM_TIMER_HZ - 1) / PM_TIMER_HZ);
}

static void update(struct pm *p)
{
	uint64_t carries = timer_ticks(p) / TMR_CARRY;

	if (carries != p->s.carries)
		p->s.sts |= TMR_STS;
	p->s.carries = carries;

	irq_line_set(p->cfg.sci, p->s.sts & p->s.en);

	if ((p->s.en & TMR_STS) && !(p->s.sts & TMR_STS))
		evtimer_arm(&p->timer, ticks_to_ns(p, (carries + 1) * TMR_CARRY));
	else
		evtimer_cancel(&p->timer);
}

static void timer_expired(void *opaque, uint64_t now_ns)
{
	(void)now_ns;
	update(opaque);
}

static uint64_t pm_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct pm *p = opaque;
	unsigned __int128 regs;

	(void)size;
	update(p);
	regs = p->s.sts;
	regs |= (unsigned __int128)p->s.en << 16;
	regs |= (unsigned __int128)(p->s.cnt | CNT_SCI_EN) << (8 * PM1_CNT_OFFSET);
	regs |= (unsigned __int128)(uint32_t)timer_ticks(p) << (8 * PM_TMR_OFFSET);
	return (uint64_t)(regs >> (8 * offset));
}

static void write_cnt(struct pm *p, uint16_t value)
{
	p->s.cnt = value & CNT_KEEP;
	if (!(value & CNT_SLP_EN))
		return;
	if ((value >> CNT_SLP_TYP_SHIFT & 7) == PM_SLP_TYP_S5) {
		if (p->cfg.power_off)
			p->cfg.power_off(p->cfg.opaque);
		return;
	}
	/* No other state exists: wake at once rather than hang the guest. */
	p->s.sts |= WAK_STS;
}

static void pm_write(void *opaque, uint64_t offset, unsigned int size,
		     uint64_t value)
{
	struct pm *p = opaque;
	unsigned int i;

	update(p);
	/* Byte by byte: SLP_TYP and SLP_EN share a byte, so nothing tears. */
	for (i = 0; i < size; i++, offset++, value >>= 8) {
		uint16_t byte = value & 0xff;

		switch (offset) {
		case 0:
		case 1:
			p->s.sts &= ~(byte << (8 * offset));
			break;
		case 2:
			p->s.en = ((p->s.en & 0xff00) | byte) & EN_MASK;
			break;
		case 3:
			p->s.en = ((p->s.en & 0x00ff) | byte << 8) & EN_MASK;
			break;
		case PM1_CNT_OFFSET:
			p->s.cnt = ((p->s.cnt & 0xff00) | byte) & CNT_KEEP;
			break;
		case PM1_CNT_OFFSET + 1:
			write_cnt(p, (p->s.cnt & 0x00ff) | byte << 8);
			break;
		}
	}
	update(p);
}

static const struct bus_ops pm_ops = {
	.read = pm_read,
	.write = pm_write,
};

void pm_reset(struct pm *p)
{
	p->s.sts = 0;
	p->s.en = 0;
	p->s.cnt = 0;
	p->s.carries = timer_ticks(p) / TMR_CARRY;
	update(p);
}

bool pm_power_button(struct pm *p)
{
	p->s.sts |= PWRBTN_STS;
	update(p);
	return p->s.en & PWRBTN_STS;
}

struct pm *pm_create(const struct pm_config *cfg, struct err *e)
{
	struct pm *p = calloc(1, sizeof(*p));
	struct bus_range range = {
		.space = BUS_PIO,
		.base = cfg->port,
		.len = PM_PORTS,
		.max_access = 4,
		.ops = &pm_ops,
		.opaque = p,
		.name = "ACPI fixed hardware",
	};

	if (!p) {
		err_set(e, "ACPI fixed hardware: out of memory");
		return NULL;
	}
	p->cfg = *cfg;
	p->s.epoch_ns = evloop_now(cfg->loop);
	evtimer_init(&p->timer, cfg->loop, timer_expired, p);
	if (bus_register(cfg->bus, &range, e) < 0) {
		free(p);
		return NULL;
	}
	return p;
}

void pm_destroy(struct pm *p)
{
	if (!p)
		return;
	evtimer_cancel(&p->timer);
	bus_unregister(p->cfg.bus, BUS_PIO, p->cfg.port);
	irq_line_set(p->cfg.sci, false);
	free(p);
}
