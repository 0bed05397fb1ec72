// SPDX-License-Identifier: GPL-2.0-only
/*
 * State blocks: HOLM_GET_STATE and HOLM_SET_STATE. Each type is a row of a
 * table; a set checks its block whole before anything changes.
 */
#include <linux/kernel.h>
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/tsc.h>

#include "../backend.h"
#include "../holm.h"
#include "cr.h"
#include "insn.h"
#include "msr.h"
#include "state.h"
#include "x86.h"

/**
 * struct block_type - one HOLM_STATE_*
 * @size: bytes, exactly; 0 where @get and @set look at the size themselves
 * @max_size: bytes at most
 * @get: @buf and @size were checked against the above
 * @set: as @get
 */
struct block_type {
	u32 size;
	u32 (*max_size)(void);
	int (*get)(struct holm_vcpu *vcpu, void *buf, u32 *size);
	int (*set)(struct holm_vcpu *vcpu, const void *buf, u32 size);
};

/* ---- registers ------------------------------------------------------------ */

static int get_regs(struct holm_vcpu *vcpu, void *buf, u32 *size)
{
	holm_state_get(vcpu, HOLM_ST_RIP);
	memcpy(buf, &vcpu->regs, sizeof(vcpu->regs));
	return 0;
}

static int set_regs(struct holm_vcpu *vcpu, const void *buf, u32 size)
{
	const struct holm_regs *regs = buf;

	if (regs->rflags & ~(HOLM_RFLAGS_BITS | HOLM_RFLAGS_FIXED) ||
	    !holm_is_canonical(regs->rip))
		return -EINVAL;
	vcpu->regs = *regs;
	vcpu->regs.rflags |= HOLM_RFLAGS_FIXED;
	holm_state_dirty(vcpu, HOLM_ST_RIP);
	return 0;
}

static int get_sregs(struct holm_vcpu *vcpu, void *buf, u32 *size)
{
	holm_state_get(vcpu, HOLM_ST_SEG | HOLM_ST_DT | HOLM_ST_CR);
	vcpu->sregs.cr8 = holm_lapic_get_cr8(vcpu);
	memcpy(buf, &vcpu->sregs, sizeof(vcpu->sregs));
	return 0;
}

static int set_sregs(struct holm_vcpu *vcpu, const void *buf, u32 size)
{
	return holm_sregs_apply(vcpu, buf);
}

static int get_debugregs(struct holm_vcpu *vcpu, void *buf, u32 *size)
{
	holm_state_get(vcpu, HOLM_ST_DR);
	memcpy(buf, &vcpu->dregs, sizeof(vcpu->dregs));
	return 0;
}

static int set_debugregs(struct holm_vcpu *vcpu, const void *buf, u32 size)
{
	const struct holm_debugregs *d = buf;

	if (d->dr6 & ~(HOLM_DR6_WRITABLE | HOLM_DR6_FIXED) ||
	    d->dr7 & ~(HOLM_DR7_WRITABLE | HOLM_DR7_FIXED))
		return -EINVAL;
	vcpu->dregs = *d;
	vcpu->dregs.dr6 |= HOLM_DR6_FIXED;
	vcpu->dregs.dr7 |= HOLM_DR7_FIXED;
	holm_state_dirty(vcpu, HOLM_ST_DR);
	return 0;
}

/* ---- MSRs ----------------------------------------------------------------- */

static u32 max_msrs(void)
{
	return HOLM_STATE_MAX_MSRS * sizeof(struct holm_msr);
}

static bool msrs_malformed(const struct holm_msr *msrs, u32 size)
{
	u32 i, any = 0;

	if (size % sizeof(*msrs))
		return true;
	for (i = 0; i < size / sizeof(*msrs); i++)
		any |= msrs[i].reserved;
	return any;
}

static int get_msrs(struct holm_vcpu *vcpu, void *buf, u32 *size)
{
	u32 i, n = *size / sizeof(struct holm_msr);
	struct holm_msr *msrs = buf;
	int err;

	if (msrs_malformed(msrs, *size))
		return -EINVAL;
	err = holm_vcpu_load(vcpu);
	if (err)
		return err;
	for (i = 0; i < n && !err; i++)
		err = holm_msr_read(vcpu, msrs[i].index, &msrs[i].value, true);
	holm_vcpu_put(vcpu);
	return err ? -EINVAL : 0;
}

static int set_msrs(struct holm_vcpu *vcpu, const void *buf, u32 size)
{
	u32 i, n = size / sizeof(struct holm_msr);
	const struct holm_msr *msrs = buf;
	int eoi, err;

	if (msrs_malformed(msrs, size))
		return -EINVAL;
	err = holm_vcpu_load(vcpu);
	if (err)
		return err;
	for (i = 0; i < n && !err; i++)
		err = holm_msr_check(vcpu, msrs[i].index, msrs[i].value);
	for (i = 0; i < n && !err; i++)
		err = holm_msr_write(vcpu, msrs[i].index, msrs[i].value, true, &eoi);
	holm_vcpu_put(vcpu);
	return err ? -EINVAL : 0;
}

/* ---- xstate --------------------------------------------------------------- */

static int get_xstate(struct holm_vcpu *vcpu, void *buf, u32 *size)
{
	u32 have = *size;

	*size = holm_xstate_block_size();
	return holm_xstate_get(vcpu, buf, have);
}

static int set_xstate(struct holm_vcpu *vcpu, const void *buf, u32 size)
{
	return holm_xstate_set(vcpu, buf, size);
}

/* ---- events --------------------------------------------------------------- */

#define VEC_DB	1
#define VEC_NMI	2
#define VEC_PF	14
/* SDM Vol. 3, "Exceptions with an error code": DF TS NP SS GP PF AC CP. */
#define ERROR_CODE_VECTORS	(BIT(8) | GENMASK(14, 10) | BIT(17) | BIT(21))
#define INSN_LEN_MAX		15

#define EVENTS_FLAGS	(HOLM_EVENTS_NMI_PENDING | HOLM_EVENTS_NMI_MASKED | \
			 HOLM_EVENTS_SHADOW_STI | HOLM_EVENTS_SHADOW_MOVSS | \
			 HOLM_EVENTS_EXTINT | HOLM_EVENTS_SHUTDOWN | \
			 HOLM_EVENTS_NMI_PENDING_2 | HOLM_EVENTS_UNHALT)
#define EVENTS_NMIS	(HOLM_EVENTS_NMI_PENDING | HOLM_EVENTS_NMI_PENDING_2)
#define EVENTS_SHADOW	(HOLM_EVENTS_SHADOW_STI | HOLM_EVENTS_SHADOW_MOVSS)

static bool no_event(const struct holm_event *e)
{
	return e->type == HOLM_EVENT_NONE && !e->vector && !e->insn_len && !e->flags &&
	       !e->error_code && !e->payload;
}

/**
 * holm_exception_valid() - an exception that a CPU can raise
 * @e: the launcher's, copied
 *
 * SDM Vol. 3, "VM-Entry Controls for Event Injection". That an exception with
 * an error code comes without one is fine: real mode has none.
 */
bool holm_exception_valid(const struct holm_event *e)
{
	bool has_error = e->flags & HOLM_EVENT_HAS_ERROR_CODE;
	bool has_payload = e->flags & HOLM_EVENT_HAS_PAYLOAD;

	if (e->vector > 31 || e->vector == VEC_NMI ||
	    e->flags & ~(HOLM_EVENT_HAS_ERROR_CODE | HOLM_EVENT_HAS_PAYLOAD))
		return false;
	if (e->type == HOLM_EVENT_PRIV_SOFT_EXCEPTION) {	/* INT1 */
		if (e->vector != VEC_DB || !e->insn_len || e->insn_len > INSN_LEN_MAX)
			return false;
	} else if (e->type != HOLM_EVENT_EXCEPTION || e->insn_len) {
		return false;
	}
	if (has_error ? !(ERROR_CODE_VECTORS & BIT(e->vector)) || e->error_code >> 16
		      : e->error_code != 0)
		return false;
	return has_payload ? e->vector == VEC_DB || e->vector == VEC_PF : !e->payload;
}

static bool exception_valid(const struct holm_event *e)
{
	return no_event(e) || holm_exception_valid(e);
}

static bool interrupted_valid(const struct holm_event *e)
{
	if (no_event(e))
		return true;
	if (e->flags || e->error_code || e->payload)
		return false;
	switch (e->type) {
	case HOLM_EVENT_INTERRUPT:
		return !e->insn_len;
	case HOLM_EVENT_NMI:
		return !e->insn_len && e->vector == VEC_NMI;
	case HOLM_EVENT_SOFT_INTERRUPT:
		break;
	case HOLM_EVENT_PRIV_SOFT_EXCEPTION:
		if (e->vector != VEC_DB)
			return false;
		break;
	case HOLM_EVENT_SOFT_EXCEPTION:
		if (e->vector != 3 && e->vector != 4)
			return false;
		break;
	default:
		return false;
	}
	return e->insn_len >= 1 && e->insn_len <= INSN_LEN_MAX;
}

static struct holm_event event_out(const struct holm_event *e)
{
	static const struct holm_event none = { .type = HOLM_EVENT_NONE };

	return e->type == HOLM_EVENT_NONE ? none : *e;
}

/* NMIs latched: at most two, see inject_nmi(). */
static const u32 nmi_flags[] = { 0, HOLM_EVENTS_NMI_PENDING, EVENTS_NMIS };

static int get_events(struct holm_vcpu *vcpu, void *buf, u32 *size)
{
	unsigned int nmis = atomic_read(&vcpu->nmi_pending);
	struct holm_events *e = buf;

	holm_state_get(vcpu, HOLM_ST_SHADOW);
	*e = (struct holm_events) {
		.exception = event_out(&vcpu->exception),
		.interrupted = event_out(&vcpu->interrupted),
		.flags = (vcpu->intr_shadow & EVENTS_SHADOW) |
			 nmi_flags[min_t(unsigned int, nmis, ARRAY_SIZE(nmi_flags) - 1)],
	};
	if (vcpu->nmi_masked)
		e->flags |= HOLM_EVENTS_NMI_MASKED;
	if (READ_ONCE(vcpu->extint))
		e->flags |= HOLM_EVENTS_EXTINT;
	if (vcpu->shutdown)
		e->flags |= HOLM_EVENTS_SHUTDOWN;
	if (READ_ONCE(vcpu->pv.unhalted))
		e->flags |= HOLM_EVENTS_UNHALT;
	return 0;
}

static int set_events(struct holm_vcpu *vcpu, const void *buf, u32 size)
{
	const struct holm_events *e = buf;

	if (e->reserved || e->flags & ~EVENTS_FLAGS ||
	    (e->flags & EVENTS_SHADOW) == EVENTS_SHADOW ||
	    (e->flags & EVENTS_NMIS) == HOLM_EVENTS_NMI_PENDING_2 ||
	    !exception_valid(&e->exception) || !interrupted_valid(&e->interrupted))
		return -EINVAL;

	vcpu->exception = e->exception;
	vcpu->interrupted = e->interrupted;
	vcpu->intr_shadow = e->flags & EVENTS_SHADOW;
	vcpu->nmi_masked = e->flags & HOLM_EVENTS_NMI_MASKED;
	vcpu->shutdown = e->flags & HOLM_EVENTS_SHUTDOWN;
	atomic_set(&vcpu->nmi_pending, hweight32(e->flags & EVENTS_NMIS));
	WRITE_ONCE(vcpu->extint, !!(e->flags & HOLM_EVENTS_EXTINT));
	WRITE_ONCE(vcpu->pv.unhalted, !!(e->flags & HOLM_EVENTS_UNHALT));
	holm_state_dirty(vcpu, HOLM_ST_SHADOW);
	set_bit(HOLM_REQ_EVENT, &vcpu->requests);
	return 0;
}

/* ---- LAPIC, MP, TSC ------------------------------------------------------- */

static int get_lapic(struct holm_vcpu *vcpu, void *buf, u32 *size)
{
	holm_lapic_get(vcpu, buf);
	return 0;
}

static int set_lapic(struct holm_vcpu *vcpu, const void *buf, u32 size)
{
	return holm_lapic_set(vcpu, buf);
}

static int get_mp(struct holm_vcpu *vcpu, void *buf, u32 *size)
{
	*(struct holm_mp_state *)buf = (struct holm_mp_state) { .state = vcpu->mp_state };
	return 0;
}

static int set_mp(struct holm_vcpu *vcpu, const void *buf, u32 size)
{
	const struct holm_mp_state *mp = buf;

	if (mp->reserved || mp->state > HOLM_MP_WAIT_FOR_SIPI)
		return -EINVAL;
	vcpu->mp_state = mp->state;
	return 0;
}

static int get_tsc(struct holm_vcpu *vcpu, void *buf, u32 *size)
{
	*(struct holm_tsc *)buf = (struct holm_tsc) {
		.offset = holm_tsc_offset(vcpu),
		.adjust = vcpu->msr.tsc_adjust,
		.khz = holm_tsc_khz(vcpu),
	};
	return 0;
}

static int set_tsc(struct holm_vcpu *vcpu, const void *buf, u32 size)
{
	const struct holm_tsc *tsc = buf;
	int err;

	if (tsc->reserved || holm_tsc_check_khz(tsc->khz))
		return -EINVAL;
	err = holm_vcpu_load(vcpu);
	if (err)
		return err;
	vcpu->msr.tsc_adjust = tsc->adjust;
	holm_tsc_set(vcpu, tsc->offset, tsc->khz);
	holm_vcpu_put(vcpu);
	return 0;
}

/* ---- the table ------------------------------------------------------------ */

static const struct block_type block_types[] = {
	[HOLM_STATE_REGS]	= { .size = sizeof(struct holm_regs),
				    .get = get_regs, .set = set_regs },
	[HOLM_STATE_SREGS]	= { .size = sizeof(struct holm_sregs),
				    .get = get_sregs, .set = set_sregs },
	[HOLM_STATE_DEBUGREGS]	= { .size = sizeof(struct holm_debugregs),
				    .get = get_debugregs, .set = set_debugregs },
	[HOLM_STATE_MSRS]	= { .max_size = max_msrs, .get = get_msrs, .set = set_msrs },
	[HOLM_STATE_XSTATE]	= { .max_size = holm_xstate_block_size,
				    .get = get_xstate, .set = set_xstate },
	[HOLM_STATE_EVENTS]	= { .size = sizeof(struct holm_events),
				    .get = get_events, .set = set_events },
	[HOLM_STATE_LAPIC]	= { .size = sizeof(struct holm_lapic),
				    .get = get_lapic, .set = set_lapic },
	[HOLM_STATE_MP]		= { .size = sizeof(struct holm_mp_state),
				    .get = get_mp, .set = set_mp },
	[HOLM_STATE_TSC]	= { .size = sizeof(struct holm_tsc),
				    .get = get_tsc, .set = set_tsc },
};

static const struct block_type *find_type(u32 type)
{
	if (type >= ARRAY_SIZE(block_types))
		return NULL;
	type = array_index_nospec(type, ARRAY_SIZE(block_types));
	return block_types[type].get ? &block_types[type] : NULL;
}

static u32 block_max(const struct block_type *t)
{
	return t->size ?: t->max_size();
}

int holm_state_block_get(struct holm_vcpu *vcpu, u32 type, void *buf, u32 *size)
{
	const struct block_type *t = find_type(type);

	if (!t)
		return -EINVAL;
	if (t->size) {
		u32 have = *size;

		*size = t->size;
		if (have < t->size)
			return -E2BIG;
	}
	return t->get(vcpu, buf, size);
}

int holm_state_block_set(struct holm_vcpu *vcpu, u32 type, const void *buf, u32 size)
{
	const struct block_type *t = find_type(type);

	if (!t || (t->size && size != t->size))
		return -EINVAL;
	return t->set(vcpu, buf, size);
}

/* ---- the ioctls ----------------------------------------------------------- */

/*
 * More than a block can have is not an error when it is got: the buffer is
 * just larger. MSRs are asked for by the launcher's own list.
 */
static int block_get_user(struct holm_vcpu *vcpu, struct holm_state_block __user *user)
{
	struct holm_state_block block;
	const struct block_type *t;
	void __user *data;
	void *buf;
	u32 size;
	int err;

	if (copy_from_user(&block, user, sizeof(block)))
		return -EFAULT;
	t = find_type(block.type);
	if (!t)
		return -EINVAL;
	size = block.size;
	if (block.type == HOLM_STATE_MSRS && size > block_max(t))
		return -E2BIG;
	size = min(size, block_max(t));

	data = u64_to_user_ptr(block.data);
	buf = kvzalloc(block_max(t), GFP_KERNEL_ACCOUNT);
	if (!buf)
		return -ENOMEM;
	err = -EFAULT;
	if (block.type == HOLM_STATE_MSRS && copy_from_user(buf, data, size))
		goto out;
	err = holm_state_block_get(vcpu, block.type, buf, &size);
	if (err && err != -E2BIG)
		goto out;
	if (put_user(size, &user->size) || (!err && copy_to_user(data, buf, size)))
		err = -EFAULT;
out:
	kvfree(buf);
	return err;
}

static int block_set_user(struct holm_vcpu *vcpu, struct holm_state_block __user *user)
{
	struct holm_state_block block;
	const struct block_type *t;
	void *buf;
	int err;

	if (copy_from_user(&block, user, sizeof(block)))
		return -EFAULT;
	t = find_type(block.type);
	if (!t)
		return -EINVAL;
	if (block.size > block_max(t))
		return block.type == HOLM_STATE_MSRS ? -E2BIG : -EINVAL;
	if (!block.size)
		return block.type == HOLM_STATE_MSRS ? 0 : -EINVAL;

	buf = vmemdup_user(u64_to_user_ptr(block.data), block.size);
	if (IS_ERR(buf))
		return PTR_ERR(buf);
	err = holm_state_block_set(vcpu, block.type, buf, block.size);
	kvfree(buf);
	return err;
}

static int each_block(struct holm_vcpu *vcpu, struct holm_state *state,
		      int (*move)(struct holm_vcpu *, struct holm_state_block __user *))
{
	struct holm_state_block __user *blocks = u64_to_user_ptr(state->blocks);
	int err = 0;

	state->done = 0;
	if (state->flags || state->reserved || state->nblocks > HOLM_MAX_STATE_BLOCKS)
		return -EINVAL;
	while (state->done < state->nblocks) {
		err = move(vcpu, &blocks[state->done]);
		if (err)
			break;
		state->done++;
	}
	return err;
}

/**
 * holm_state_blocks_get() - HOLM_GET_STATE
 * @vcpu: the vCPU, its lock held, not loaded
 * @state: the caller's copy of the argument; @state->done is the number of
 *	blocks moved
 *
 * May sleep. Return: 0, -EINVAL (unknown type, malformed block), -E2BIG (a
 * buffer is too small, its size is then what is needed; too many MSRs),
 * -EFAULT, -ENOMEM.
 */
int holm_state_blocks_get(struct holm_vcpu *vcpu, struct holm_state *state)
{
	return each_block(vcpu, state, block_get_user);
}

/**
 * holm_state_blocks_set() - HOLM_SET_STATE
 * @vcpu: the vCPU, its lock held, not loaded
 * @state: as for holm_state_blocks_get()
 *
 * May sleep. Return: 0, -EINVAL (unknown type, wrong size, a value that the
 * CPU would not take), -E2BIG (too many MSRs), -EFAULT, -ENOMEM.
 */
int holm_state_blocks_set(struct holm_vcpu *vcpu, struct holm_state *state)
{
	return each_block(vcpu, state, block_set_user);
}
