// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC while the CPU delivers its interrupts itself: what is in the
 * virtual-APIC page, and the ways in and out of it (SDM Vol. 3, chapter "APIC
 * Virtualization and Virtual Interrupts").
 *
 * The page has registers at the offsets of the xAPIC. While it is in use ISR,
 * PPR, and the requests that were taken over from lapic->irr are there and
 * nowhere else, and the other registers are copies for the guest to read. Out
 * of the guest the page belongs to the vCPU's thread.
 */
#include <linux/cpumask.h>
#include <linux/string.h>
#include <asm/apic.h>

#include "holm.h"
#include "lapic_regs.h"

#define MAP_REGS	(HOLM_LAPIC_VECTORS / 32)

static u32 *page_reg(void *page, u32 offset)
{
	return page + offset;
}

/* Register @n of eight, 32 vectors each, that begin at @base. */
static u32 *map_reg(void *page, u32 base, unsigned int n)
{
	return page_reg(page, base + 16 * n);
}

static int map_top(void *page, u32 base)
{
	int n;

	for (n = MAP_REGS - 1; n >= 0; n--)
		if (*map_reg(page, base, n))
			return 32 * n + __fls(*map_reg(page, base, n));
	return -1;
}

static u32 bitmap_get32(const unsigned long *map, unsigned int n)
{
	return READ_ONCE(map[n / 2]) >> (n & 1) * 32;
}

/* Two registers of 32 bits are one word of the bit map. */
static unsigned long map_word(void *page, u32 base, unsigned int n)
{
	return *map_reg(page, base, 2 * n) | (u64)*map_reg(page, base, 2 * n + 1) << 32;
}

/*
 * IRR may be shared with other CPUs: see @shared of struct holm_lapic_state. They
 * need not know which vectors there are.
 */
static u32 take_irr(void *page, unsigned int n)
{
	u32 *reg = map_reg(page, APIC_IRR, n);
	u32 bits = READ_ONCE(*reg) ? xchg(reg, 0) : 0;

	return n ? bits : bits & ~GENMASK(HOLM_LAPIC_FIRST_VECTOR - 1, 0);
}

static void give_irr(void *page, unsigned int n, u32 bits)
{
	if (bits)
		atomic_or(bits, (atomic_t *)map_reg(page, APIC_IRR, n));
}

/* ---- registers that are copies --------------------------------------------- */

static void copy_reg(struct holm_lapic_state *lapic, void *page, u32 offset)
{
	u32 value;

	if (holm_lapic_reg(lapic, offset, &value))
		*page_reg(page, offset) = value;
}

/* x2APIC mode has one register of 64 bits, xAPIC mode two. */
static void copy_icr(struct holm_lapic_state *lapic, void *page)
{
	if (holm_lapic_is_x2apic(lapic->base)) {
		*(u64 *)page_reg(page, APIC_ICR) = lapic->icr;
		return;
	}
	copy_reg(lapic, page, APIC_ICR);
	copy_reg(lapic, page, APIC_ICR2);
}

/* All but those that are the page's own, TMR (which senders change), and TMCCT. */
static void copy_all(struct holm_lapic_state *lapic, void *page)
{
	static const u16 single[] = {
		APIC_ID, APIC_LVR, APIC_LDR, APIC_DFR, APIC_SPIV, APIC_ESR, APIC_TMICT,
		APIC_TDCR,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(single); i++)
		copy_reg(lapic, page, single[i]);
	for (i = APIC_LVTT; i <= APIC_LVTERR; i += 16)
		copy_reg(lapic, page, i);
	copy_icr(lapic, page);
}

/**
 * holm_lapic_virt_copy() - a register was written: the guest reads the new value
 * @lapic: the LAPIC, its page in use
 * @offset: of the register
 */
void holm_lapic_virt_copy(struct holm_lapic_state *lapic, u32 offset)
{
	switch (offset) {
	case APIC_ICR:
		copy_icr(lapic, lapic->page);
		break;
	case APIC_TMICT:
		*page_reg(lapic->page, APIC_TMICT) = lapic->tmict;
		break;
	default:	/* SVR masks LVT entries, LVT timer stops the count */
		copy_all(lapic, lapic->page);
		break;
	}
}

/**
 * holm_lapic_virt_tmr() - trigger modes for a CPU that looks for them in the page
 * @lapic: the LAPIC, its page in use; behind holm_lapic_virt_merge()
 */
void holm_lapic_virt_tmr(struct holm_lapic_state *lapic)
{
	unsigned int n;

	for (n = 0; n < MAP_REGS; n++)
		*map_reg(lapic->page, APIC_TMR, n) = bitmap_get32(lapic->tmr, n);
}

/**
 * holm_lapic_virt_icr() - take ICR over from the page
 * @lapic: the LAPIC, in xAPIC mode, its page in use: where the CPU sends IPIs by
 *	itself the guest writes both halves without an exit
 */
void holm_lapic_virt_icr(struct holm_lapic_state *lapic)
{
	u32 low = *page_reg(lapic->page, APIC_ICR) & HOLM_LAPIC_ICR_WRITABLE & ~APIC_ICR_BUSY;
	u32 high = *page_reg(lapic->page, APIC_ICR2) & 0xff000000;

	lapic->icr = low | (u64)high << 32;
}

/* ---- in and out ------------------------------------------------------------ */

/**
 * holm_lapic_virt_start() - interrupts are delivered by the CPU from here on
 * @lapic: the LAPIC, its page not in use; vcpu->lock held
 * @page: the virtual-APIC page
 *
 * Requests stay in lapic->irr until holm_lapic_virt_merge(), those in a shared
 * page where they are.
 */
void holm_lapic_virt_start(struct holm_lapic_state *lapic, void *page)
{
	unsigned int n;

	/* IRR is empty but for what others put there. */
	memset(page, 0, APIC_IRR);
	memset(page + APIC_ESR, 0, PAGE_SIZE - APIC_ESR);
	copy_all(lapic, page);
	*page_reg(page, APIC_TASKPRI) = lapic->tpr;
	*page_reg(page, APIC_PROCPRI) = lapic->ppr;
	for (n = 0; n < MAP_REGS; n++)
		*map_reg(page, APIC_ISR, n) = bitmap_get32(lapic->isr, n);
	bitmap_zero(lapic->isr, HOLM_LAPIC_VECTORS);
	lapic->isr_top = -1;
	WRITE_ONCE(lapic->page, page);
	WRITE_ONCE(lapic->irr_hint, true);
}

/**
 * holm_lapic_virt_stop() - interrupts are delivered by software from here on
 * @lapic: the LAPIC; vcpu->lock held
 *
 * Takes back what the page has. Nothing to do when it is not in use. The
 * backend starts again before the next entry where that is possible.
 */
void holm_lapic_virt_stop(struct holm_lapic_state *lapic)
{
	void *page = lapic->page;
	unsigned int n, bit;
	unsigned long word;

	/* Also of a sender that saw the page a while ago. */
	WRITE_ONCE(lapic->posting, NULL);
	holm_lapic_fold_level(lapic);
	if (!page) {
		holm_lapic_fold_shared(lapic);
		return;
	}
	if (!holm_lapic_is_x2apic(lapic->base))
		holm_lapic_virt_icr(lapic);
	WRITE_ONCE(lapic->page, NULL);
	WRITE_ONCE(lapic->ring, NULL);
	smp_mb();	/* with holm_lapic_tell(): the request, then @ring */
	for (n = 0; n < BITS_TO_LONGS(HOLM_LAPIC_VECTORS); n++) {
		lapic->isr[n] = map_word(page, APIC_ISR, n);
		word = take_irr(page, 2 * n) | (u64)take_irr(page, 2 * n + 1) << 32;
		/* Senders set bits meanwhile. */
		for_each_set_bit(bit, &word, BITS_PER_LONG)
			set_bit(n * BITS_PER_LONG + bit, lapic->irr);
	}
	WRITE_ONCE(lapic->irr_hint, true);
	holm_lapic_update_ppr(lapic);
}

/* ---- between entry and exit ------------------------------------------------ */

/**
 * holm_lapic_virt_merge() - take new requests over into the page
 * @lapic: the LAPIC, its page in use; the vCPU is about to enter: whoever sends
 *	from here on makes it leave, and it comes here again
 *
 * Return: the highest vector that was taken over, or -1.
 */
int holm_lapic_virt_merge(struct holm_lapic_state *lapic)
{
	int n, top = -1;

	/*
	 * Before the scan: a sender sets the bit first and the hint second, and
	 * then asks for a notification, unless one is outstanding.
	 */
	WRITE_ONCE(lapic->irr_hint, false);
	if (lapic->posting)
		clear_bit(HOLM_LAPIC_POST_ON, lapic->posting);
	smp_mb();
	if (unlikely(READ_ONCE(lapic->level_waits)))
		holm_lapic_fold_level(lapic);
	for (n = BITS_TO_LONGS(HOLM_LAPIC_VECTORS) - 1; n >= 0; n--) {
		unsigned long word = READ_ONCE(lapic->irr[n]);

		if (!word)
			continue;
		word = xchg(&lapic->irr[n], 0);
		give_irr(lapic->page, 2 * n, word);
		give_irr(lapic->page, 2 * n + 1, word >> 32);
		if (top < 0)
			top = n * BITS_PER_LONG + __fls(word);
	}
	return top;
}

void holm_lapic_fold_level(struct holm_lapic_state *lapic)
{
	unsigned int n, bit, vector;
	unsigned long word;

	WRITE_ONCE(lapic->level_waits, false);
	smp_mb();	/* a sender sets the bit before */
	for (n = 0; n < BITS_TO_LONGS(HOLM_LAPIC_VECTORS); n++) {
		word = READ_ONCE(lapic->level_irr[n]);
		for_each_set_bit(bit, &word, BITS_PER_LONG) {
			/* In this order: one of them has it all the time. */
			vector = n * BITS_PER_LONG + bit;
			set_bit(vector, lapic->irr);
			clear_bit(vector, lapic->level_irr);
		}
	}
}

/*
 * Each entry clears the mark of an outstanding notification after it says that
 * the vCPU is in the guest, and then takes all requests over. Whoever finds the
 * mark set while the vCPU is in the guest thus came before that, or behind
 * somebody who found it there and has notified it. Without posting no entry does,
 * and a sender that was slow may have left the mark: notified, the CPU leaves the
 * guest then, and by the mark alone nobody can rely on that.
 */
bool holm_lapic_post(struct holm_lapic_state *lapic)
{
	struct holm_vcpu *vcpu = lapic->vcpu;
	unsigned long *control = READ_ONCE(lapic->posting);
	bool posted = false, outstanding;
	int cpu, me;

	if (!control)
		return false;
	outstanding = test_and_set_bit(HOLM_LAPIC_POST_ON, control);
	me = get_cpu();
	if (READ_ONCE(vcpu->mode) == HOLM_IN_GUEST) {
		cpu = READ_ONCE(vcpu->cpu);
		/* Here: an interrupt's handler behind an exit; it enters again. */
		posted = cpu != me;
		if (outstanding) {
			smp_rmb();	/* IN_GUEST is written behind @posting */
			posted = posted && READ_ONCE(lapic->posting);
		} else if (posted && cpu_online(cpu)) {
			holm_send_posted_intr(cpu);
		}
	}
	put_cpu();
	return posted;
}

/* ---- a page that is shared -------------------------------------------------- */

void holm_lapic_fold_shared(struct holm_lapic_state *lapic)
{
	bool taken = holm_lapic_enabled(lapic) && holm_lapic_sw_enabled(lapic);
	unsigned long bits;
	unsigned int n, bit;

	if (!lapic->shared || lapic->page)
		return;
	for (n = 0; n < MAP_REGS; n++) {
		bits = take_irr(lapic->shared, n);
		/* Nor whether this LAPIC accepts any. */
		if (!bits || !taken)
			continue;
		for_each_set_bit(bit, &bits, 32)
			set_bit(32 * n + bit, lapic->irr);
		/* Whoever set it there need not have told yet. */
		WRITE_ONCE(lapic->irr_hint, true);
	}
}

void holm_lapic_virt_drop(struct holm_lapic_state *lapic)
{
	unsigned int n;

	for (n = 0; lapic->shared && n < MAP_REGS; n++)
		take_irr(lapic->shared, n);
}

/*
 * The other side is holm_lapic_virt_stop(), which sees the request or whose @ring
 * is seen here. While @ring is there a vCPU that is in the guest takes requests
 * from the page: now, as it is told, or, if it was just about to enter, when it
 * does. One that leaves the guest to sleep looks at the page after its mode says
 * so.
 */
void holm_lapic_tell(struct holm_lapic_state *lapic)
{
	struct holm_vcpu *vcpu = lapic->vcpu;
	bool (*ring)(int cpu);
	bool told = false;
	int cpu, me;

	me = get_cpu();
	smp_mb();	/* with holm_lapic_virt_stop(): the request, then @ring */
	ring = READ_ONCE(lapic->ring);
	if (ring && READ_ONCE(vcpu->mode) == HOLM_IN_GUEST) {
		smp_rmb();	/* IN_GUEST is written behind the CPU */
		cpu = READ_ONCE(vcpu->cpu);
		/* Here: an interrupt's handler behind an exit; it enters again. */
		told = cpu != me && cpu_online(cpu) && ring(cpu);
	}
	put_cpu();
	if (told)
		return;
	WRITE_ONCE(lapic->irr_hint, true);
	holm_vcpu_request(vcpu, HOLM_REQ_EVENT);
}

bool holm_lapic_ring(struct holm_lapic_state *lapic, u8 vector)
{
	u32 *reg = map_reg(lapic->shared, APIC_IRR, vector / 32);

	/* Out of the guest the thread looks at lapic->irr anyway. */
	if (READ_ONCE(lapic->vcpu->mode) != HOLM_IN_GUEST)
		return false;
	/* Whoever set it before has told, or is about to. */
	if (!(atomic_fetch_or(BIT(vector % 32), (atomic_t *)reg) & BIT(vector % 32)))
		holm_lapic_tell(lapic);
	return true;
}

/* The highest vector that the page has in service, or -1. */
int holm_lapic_virt_isr_top(const struct holm_lapic_state *lapic)
{
	return map_top(lapic->page, APIC_ISR);
}

/**
 * holm_lapic_virt_irr_top() - highest request
 * @lapic: the LAPIC, its page in use
 * @arrived: the highest that was not taken over yet, or -1
 */
int holm_lapic_virt_irr_top(const struct holm_lapic_state *lapic, int arrived)
{
	return max(arrived, map_top(lapic->page, APIC_IRR));
}

/**
 * holm_lapic_virt_eoi() - the CPU leaves an EOI to software
 * @lapic: the LAPIC, its page in use
 * @vector: what it ends: it may be out of service already
 */
void holm_lapic_virt_eoi(struct holm_lapic_state *lapic, u8 vector)
{
	u8 ppr;

	*map_reg(lapic->page, APIC_ISR, vector / 32) &= ~BIT(vector % 32);
	ppr = holm_lapic_ppr(lapic->tpr, holm_lapic_virt_isr_top(lapic));
	*page_reg(lapic->page, APIC_PROCPRI) = ppr;
	WRITE_ONCE(lapic->ppr, ppr);
}

/* What was written is in the page; the register may hold something else. */
static int xapic_written(struct holm_vcpu *vcpu, u32 offset)
{
	struct holm_lapic_state *lapic = vcpu->lapic;
	u32 value = *page_reg(lapic->page, offset);
	int eoi = -1;

	holm_lapic_mmio_write(vcpu, offset, value, &eoi);
	if (lapic->page)
		*page_reg(lapic->page, offset) = holm_lapic_reg(lapic, offset, &value) ? value : 0;
	return eoi;
}

/**
 * holm_lapic_virt_written() - the CPU wrote a register into the page and leaves
 *	the rest to software ("APIC-Write VM Exits")
 * @vcpu: the vCPU
 * @offset: of the register
 *
 * In x2APIC mode, of the registers that a guest may write without an exit only
 * SELF IPI comes here, with a vector that there is none of. In xAPIC mode a write
 * of any register may.
 *
 * Return: the vector of a level interrupt whose EOI this is, otherwise -1.
 */
int holm_lapic_virt_written(struct holm_vcpu *vcpu, u32 offset)
{
	struct holm_lapic_state *lapic = vcpu->lapic;
	int eoi = -1;

	if (!lapic->page)
		return -1;
	if (!holm_lapic_is_x2apic(lapic->base))
		return xapic_written(vcpu, offset);
	if (offset == APIC_SELF_IPI)
		holm_lapic_msr_write(vcpu, APIC_BASE_MSR + (APIC_SELF_IPI >> 4),
				     *page_reg(lapic->page, offset) & 0xff, &eoi);
	return eoi;
}
