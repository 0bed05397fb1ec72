// SPDX-License-Identifier: GPL-2.0-only
/*
 * Routing: from a message, or an IPI, to the LAPICs it names. SDM Vol. 3,
 * "Message Signalled Interrupts" and "Determining IPI Destination".
 *
 * The VM's table of vCPUs only grows, so that routing takes no lock and works
 * in any context.
 */
#include <linux/nospec.h>

#include "holm.h"
#include "x86/lapic_regs.h"

/* "Message Address Register Format" */
#define MSI_ADDR_BASE		0xfee00000U
#define MSI_ADDR_BASE_MASK	0xfff00000U
#define MSI_ADDR_DEST_SHIFT	12
#define MSI_ADDR_RH		BIT(3)
#define MSI_ADDR_DM_LOGICAL	BIT(2)

/* "Message Data Register Format": as in ICR. */
#define MSI_DATA_MODE(data)	(((data) >> 8) & 7)
#define MSI_DATA_ASSERT		BIT(14)
#define MSI_DATA_LEVEL		BIT(15)

#define ICR_SHORTHAND(icr)	(((icr) >> 18) & 3)

#define SHORTHAND_NONE		0
#define SHORTHAND_SELF		1
#define SHORTHAND_ALL		2
#define SHORTHAND_OTHERS	3

#define XAPIC_BROADCAST		0xffU
#define X2APIC_BROADCAST	0xffffffffU

/* What is delivered to each destination. */
struct irq_event {
	u8 mode;
	u8 vector;
	bool level;
	bool lowest;
};

/* ---- destinations --------------------------------------------------------- */

static bool match_physical(const struct holm_lapic_view *view, u32 dest)
{
	return dest == view->apic_id;
}

static bool match_logical(const struct holm_lapic_view *view, u32 dest)
{
	u32 ldr = view->ldr;

	if (view->x2apic)	/* 16 clusters' members by bit, cluster in 31:16 */
		return ldr >> 16 == dest >> 16 && ldr & dest & 0xffff;

	if (dest > XAPIC_BROADCAST)
		return false;
	ldr >>= 24;
	if (view->dfr >> 28 == 0xf)	/* flat: one bit for each of 8 */
		return ldr & dest;
	/* Cluster: 4 members by bit, cluster in 7:4. Other models are reserved. */
	return view->dfr >> 28 == 0 && ldr >> 4 == dest >> 4 && ldr & dest & 0xf;
}

bool holm_lapic_view_match(const struct holm_lapic_view *view, u32 dest, bool logical,
			   bool x2apic_dest)
{
	if (!view->enabled)
		return false;
	if (!x2apic_dest)
		dest &= XAPIC_BROADCAST;
	/* An 8-bit broadcast reaches LAPICs in x2APIC mode as well. */
	if (dest == (x2apic_dest ? X2APIC_BROADCAST : XAPIC_BROADCAST))
		return true;
	return logical ? match_logical(view, dest) : match_physical(view, dest);
}

bool holm_lapic_match(struct holm_vcpu *vcpu, u32 dest, bool logical, bool x2apic_dest)
{
	const struct holm_lapic_state *lapic = vcpu->lapic;
	u64 base = READ_ONCE(lapic->base);
	struct holm_lapic_view view = {
		.apic_id = vcpu->apic_id,
		.ldr = READ_ONCE(lapic->ldr),
		.dfr = READ_ONCE(lapic->dfr),
		.enabled = base & HOLM_APIC_BASE_EN,
		.x2apic = holm_lapic_is_x2apic(base),
	};

	return holm_lapic_view_match(&view, dest, logical, x2apic_dest);
}

static bool is_target(struct holm_vcpu *vcpu, const struct holm_irq_dest *dest)
{
	switch (dest->shorthand) {
	case SHORTHAND_SELF:
		return vcpu == dest->source;
	case SHORTHAND_ALL:
		return true;
	case SHORTHAND_OTHERS:
		return vcpu != dest->source;
	default:
		return holm_lapic_match(vcpu, dest->dest, dest->logical, dest->x2apic);
	}
}

/**
 * holm_irq_targets() - all destinations of a message
 * @vm: the VM
 * @dest: the destination
 * @targets: HOLM_MAX_VCPUS bits, by vcpu->index
 */
void holm_irq_targets(struct holm_vm *vm, const struct holm_irq_dest *dest,
		      unsigned long *targets)
{
	/* Pairs with the release in holm_vcpu_create(): these vCPUs are complete. */
	unsigned int i, n = smp_load_acquire(&vm->nr_vcpus);

	bitmap_zero(targets, HOLM_MAX_VCPUS);
	for (i = 0; i < n; i++)
		if (is_target(vm->vcpus[i], dest))
			__set_bit(i, targets);
}

/**
 * holm_irq_lowest() - "Lowest Priority Delivery Mode"
 * @vm: the VM
 * @targets: candidates, by vcpu->index
 * @vector: the interrupt
 *
 * The LAPIC with the lowest processor priority wins; among equals @vector
 * decides, so that interrupts spread while each stays where it is.
 *
 * Return: an index, or -1 when no candidate accepts interrupts.
 */
int holm_irq_lowest(struct holm_vm *vm, const unsigned long *targets, u8 vector)
{
	DECLARE_BITMAP(best, HOLM_MAX_VCPUS);
	unsigned int i, nth, count = 0;
	u8 lowest = 0xff;

	bitmap_zero(best, HOLM_MAX_VCPUS);
	for_each_set_bit(i, targets, HOLM_MAX_VCPUS) {
		struct holm_lapic_state *lapic = vm->vcpus[i]->lapic;
		u8 ppr = READ_ONCE(lapic->ppr);

		if (!holm_lapic_enabled(lapic) || !holm_lapic_sw_enabled(lapic))
			continue;
		if (ppr < lowest) {
			bitmap_zero(best, HOLM_MAX_VCPUS);
			lowest = ppr;
			count = 0;
		}
		if (ppr == lowest) {
			__set_bit(i, best);
			count++;
		}
	}
	if (!count)
		return -1;
	nth = vector % count;
	for_each_set_bit(i, best, HOLM_MAX_VCPUS)
		if (!nth--)
			return i;
	return -1;
}

/* ---- delivery ------------------------------------------------------------- */

/* The one LAPIC with this physical ID, without looking at the others. */
static struct holm_vcpu *by_id(struct holm_vm *vm, const struct holm_irq_dest *dest)
{
	/* The guest chose it: no speculation beyond the table. */
	u32 id = array_index_nospec(dest->dest, HOLM_MAX_VCPUS);
	/* Pairs with the release in holm_vcpu_create(). */
	struct holm_vcpu *vcpu = smp_load_acquire(&vm->by_apic_id[id]);

	return vcpu && holm_lapic_match(vcpu, dest->dest, false, dest->x2apic) ? vcpu : NULL;
}

static bool deliver_one(struct holm_vcpu *vcpu, const struct irq_event *event,
			unsigned long *accepted)
{
	if (!holm_lapic_accept(vcpu, event->mode, event->vector, event->level))
		return false;
	if (accepted)
		__set_bit(vcpu->index, accepted);
	return true;
}

static noinline int deliver_several(struct holm_vm *vm, const struct holm_irq_dest *dest,
				    const struct irq_event *event, unsigned long *accepted)
{
	DECLARE_BITMAP(targets, HOLM_MAX_VCPUS);
	int i, count = 0;

	holm_irq_targets(vm, dest, targets);
	if (event->lowest) {
		i = holm_irq_lowest(vm, targets, event->vector);
		return i >= 0 && deliver_one(vm->vcpus[i], event, accepted);
	}
	for_each_set_bit(i, targets, HOLM_MAX_VCPUS)
		count += deliver_one(vm->vcpus[i], event, accepted);
	return count;
}

static int deliver(struct holm_vm *vm, const struct holm_irq_dest *dest,
		   const struct irq_event *event, unsigned long *accepted)
{
	struct holm_vcpu *vcpu;

	/* IDs end below the 8-bit broadcast. */
	BUILD_BUG_ON(HOLM_MAX_VCPUS > XAPIC_BROADCAST);
	if (dest->shorthand || dest->logical || dest->dest >= HOLM_MAX_VCPUS)
		return deliver_several(vm, dest, event, accepted);
	vcpu = by_id(vm, dest);
	return vcpu && deliver_one(vcpu, event, accepted);
}

/*
 * Delivery modes that a message or an IPI may have. There is no system
 * management mode, so that SMI goes nowhere; 3 is reserved.
 */
static bool msi_mode_ok(u8 mode)
{
	return mode == HOLM_LAPIC_DM_FIXED || mode == HOLM_LAPIC_DM_LOWEST ||
	       mode == HOLM_LAPIC_DM_NMI || mode == HOLM_LAPIC_DM_INIT ||
	       mode == HOLM_LAPIC_DM_EXTINT;
}

static bool ipi_mode_ok(u8 mode)
{
	return mode == HOLM_LAPIC_DM_FIXED || mode == HOLM_LAPIC_DM_LOWEST ||
	       mode == HOLM_LAPIC_DM_NMI || mode == HOLM_LAPIC_DM_INIT ||
	       mode == HOLM_LAPIC_DM_SIPI;
}

int holm_msi_check(const struct holm_msi *msi)
{
	if (msi->address >> 32 || (msi->address & MSI_ADDR_BASE_MASK) != MSI_ADDR_BASE)
		return -EINVAL;
	return msi_mode_ok(MSI_DATA_MODE(msi->data)) ? 0 : -EINVAL;
}

bool holm_msi_is_level(const struct holm_msi *msi)
{
	return msi->data & MSI_DATA_LEVEL && msi->data & MSI_DATA_ASSERT &&
	       MSI_DATA_MODE(msi->data) <= HOLM_LAPIC_DM_LOWEST;
}

u8 holm_msi_vector(const struct holm_msi *msi)
{
	return msi->data & APIC_VECTOR_MASK;
}

int holm_msi_deliver_to(struct holm_vm *vm, const struct holm_msi *msi, unsigned long *accepted)
{
	u8 mode = MSI_DATA_MODE(msi->data);
	bool level = msi->data & MSI_DATA_LEVEL;
	/*
	 * Chipsets honour the destination mode also without the redirection
	 * hint; with it, the message goes to one LAPIC like lowest priority.
	 */
	struct holm_irq_dest dest = {
		.dest = (msi->address >> MSI_ADDR_DEST_SHIFT) & 0xff,
		.logical = msi->address & MSI_ADDR_DM_LOGICAL,
	};
	struct irq_event event = {
		.mode = mode,
		.vector = msi->data & APIC_VECTOR_MASK,
		.lowest = mode == HOLM_LAPIC_DM_LOWEST ||
			  (mode == HOLM_LAPIC_DM_FIXED && msi->address & MSI_ADDR_RH),
		.level = level && mode <= HOLM_LAPIC_DM_LOWEST,
	};

	if (holm_msi_check(msi))
		return -EINVAL;
	/* A level that is deasserted says that there is nothing to do. */
	if (level && !(msi->data & MSI_DATA_ASSERT))
		return 0;
	return deliver(vm, &dest, &event, accepted);
}

int holm_msi_deliver(struct holm_vm *vm, const struct holm_msi *msi)
{
	return holm_msi_deliver_to(vm, msi, NULL);
}

static struct holm_irq_dest ipi_dest(struct holm_vcpu *source, u64 icr, bool x2apic)
{
	return (struct holm_irq_dest) {
		.dest = icr >> 32,
		.shorthand = ICR_SHORTHAND(icr),
		.logical = icr & APIC_DEST_LOGICAL,
		.x2apic = x2apic,
		.source = source,
	};
}

void holm_ipi_deliver(struct holm_vcpu *source, u64 icr, bool x2apic)
{
	u8 mode = GET_APIC_DELIVERY_MODE(icr);
	struct holm_irq_dest dest = ipi_dest(source, icr, x2apic);
	struct irq_event event = {
		.mode = mode,
		.vector = icr & APIC_VECTOR_MASK,
		.lowest = mode == HOLM_LAPIC_DM_LOWEST,
	};

	if (!ipi_mode_ok(mode))
		return;
	/* "INIT Level De-assert" sets arbitration IDs, which nobody has any more. */
	if (mode == HOLM_LAPIC_DM_INIT && (icr & APIC_INT_LEVELTRIG) && !(icr & APIC_INT_ASSERT))
		return;
	deliver(source->vm, &dest, &event, NULL);
}

void holm_ipi_tell(struct holm_vcpu *source, u64 icr)
{
	struct holm_irq_dest dest = ipi_dest(source, icr, false);
	DECLARE_BITMAP(targets, HOLM_MAX_VCPUS);
	unsigned int i;

	holm_irq_targets(source->vm, &dest, targets);
	for_each_set_bit(i, targets, HOLM_MAX_VCPUS)
		holm_lapic_tell(source->vm->vcpus[i]->lapic);
}
