// SPDX-License-Identifier: GPL-2.0-only
/*
 * Plain stores, decoded (SDM Vol. 2, "Instruction Format"; "MOV").
 *
 * The driver decodes no instructions: that is the launcher's, where an error
 * costs a process and not the host. This is the exception. A doorbell in device
 * memory is worth little when each ring of it goes through the launcher, and no
 * CPU tells what a store to device memory stores. It is kept to what drivers'
 * writel() and its like compile to, is asked only for pages where an eventfd
 * waits for writes, reads nothing but the bytes and registers it is given, and
 * leaves everything that it does not know to the launcher.
 */
#include <linux/bitops.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "store.h"

#define PREFIX_OPERAND	0x66
#define PREFIX_ADDRESS	0x67

#define REX_W	BIT(3)
#define REX_R	BIT(2)
#define REX_X	BIT(1)
#define REX_B	BIT(0)

#define NO_REG	0xff

struct decoder {
	const struct holm_store_ctx *ctx;
	const u8 *insn;
	unsigned int n, at;
	unsigned int operand_size, address_size;
	int seg;		/* override, or -1 */
	u8 rex;
	bool has_rex;
	u8 mod, reg, rm;
};

/* Opcodes, all of them with ModRM. */
static const struct {
	u8 opcode;
	bool byte;
	bool immediate;
} stores[] = {
	{ 0x88, true, false },
	{ 0x89, false, false },
	{ 0xc6, true, true },
	{ 0xc7, false, true },
};

/* "16-Bit Addressing Forms with the ModR/M Byte": base and index. */
static const u8 forms16[8][2] = {
	{ HOLM_RBX, HOLM_RSI }, { HOLM_RBX, HOLM_RDI }, { HOLM_RBP, HOLM_RSI },
	{ HOLM_RBP, HOLM_RDI }, { HOLM_RSI, NO_REG }, { HOLM_RDI, NO_REG },
	{ HOLM_RBP, NO_REG }, { HOLM_RBX, NO_REG },
};

/* The next @size bytes, sign-extended. */
static bool take(struct decoder *d, unsigned int size, s64 *value)
{
	*value = 0;
	if (size > d->n - d->at)
		return false;
	memcpy(value, d->insn + d->at, size);
	d->at += size;
	if (size)
		*value = sign_extend64(*value, 8 * size - 1);
	return true;
}

static int segment_prefix(u8 byte)
{
	switch (byte) {
	case 0x26:
		return HOLM_SEG_ES;
	case 0x2e:
		return HOLM_SEG_CS;
	case 0x36:
		return HOLM_SEG_SS;
	case 0x3e:
		return HOLM_SEG_DS;
	case 0x64:
		return HOLM_SEG_FS;
	case 0x65:
		return HOLM_SEG_GS;
	default:
		return -1;
	}
}

static void take_prefixes(struct decoder *d)
{
	bool operand = false, address = false, wide = d->ctx->bits != 16;
	int seg;

	for (; d->at < d->n; d->at++) {
		u8 byte = d->insn[d->at];

		seg = segment_prefix(byte);
		if (seg >= 0)
			/* 64-bit mode ignores all but FS and GS. */
			d->seg = d->ctx->bits == 64 && seg < HOLM_SEG_FS ? d->seg : seg;
		else if (byte == PREFIX_OPERAND)
			operand = true;
		else if (byte == PREFIX_ADDRESS)
			address = true;
		else
			break;
	}
	if (d->ctx->bits == 64 && d->at < d->n && (d->insn[d->at] & 0xf0) == 0x40) {
		d->rex = d->insn[d->at++];
		d->has_rex = true;
	}
	d->operand_size = d->rex & REX_W ? 8 : wide != operand ? 4 : 2;
	if (d->ctx->bits == 64)
		d->address_size = address ? 4 : 8;
	else
		d->address_size = wide != address ? 4 : 2;
}

static u64 gpr(const struct decoder *d, u8 reg)
{
	return d->ctx->gpr[reg & 15];
}

/* ModRM with 16-bit addressing; *@seg: the segment without an override. */
static bool address16(struct decoder *d, u64 *address, int *seg)
{
	const u8 *form = forms16[d->rm];
	bool direct = d->mod == 0 && d->rm == 6;
	s64 disp;

	if (!take(d, direct ? 2 : d->mod, &disp))
		return false;
	*address = disp;
	if (direct)
		return true;
	*address += gpr(d, form[0]) + (form[1] == NO_REG ? 0 : gpr(d, form[1]));
	if (form[0] == HOLM_RBP)
		*seg = HOLM_SEG_SS;
	return true;
}

/* The same with 32- and 64-bit addressing; *@relative: to the next instruction. */
static bool address32(struct decoder *d, u64 *address, int *seg, bool *relative)
{
	unsigned int disp_size = d->mod == 1 ? 1 : d->mod == 2 ? 4 : 0;
	u8 base = d->rm | (d->rex & REX_B) << 3;
	s64 sib, disp;

	*address = 0;
	if (d->rm == 4) {
		u8 index;

		if (!take(d, 1, &sib))
			return false;
		index = (sib >> 3 & 7) | (d->rex & REX_X) << 2;
		if (index != 4)
			*address = gpr(d, index) << (sib >> 6 & 3);
		base = (sib & 7) | (d->rex & REX_B) << 3;
	}
	if (d->mod == 0 && (base & 7) == 5) {
		disp_size = 4;
		*relative = d->rm == 5 && d->ctx->bits == 64;
	} else {
		*address += gpr(d, base);
		if (base == HOLM_RSP || base == HOLM_RBP)
			*seg = HOLM_SEG_SS;
	}
	if (!take(d, disp_size, &disp))
		return false;
	*address += disp;
	return true;
}

static u64 truncate(u64 value, unsigned int size)
{
	return size == 8 ? value : value & (BIT_ULL(8 * size) - 1);
}

static u64 stored_register(const struct decoder *d, bool byte)
{
	u8 reg = d->reg | (d->rex & REX_R) << 1;

	if (byte && !d->has_rex && reg >= 4)	/* AH, CH, DH, BH */
		return gpr(d, reg - 4) >> 8;
	return gpr(d, reg);
}

static u64 segment_base(const struct decoder *d, int seg)
{
	return d->ctx->bits == 64 && seg < HOLM_SEG_FS ? 0 : d->ctx->seg[seg].base;
}

int holm_decode_store(const struct holm_store_ctx *ctx, const u8 *insn, unsigned int n,
		      struct holm_store *store)
{
	struct decoder d = { .ctx = ctx, .insn = insn, .n = n, .seg = -1 };
	bool relative = false, ok;
	int seg = HOLM_SEG_DS;
	unsigned int i, size;
	u64 address;
	s64 value;
	u8 modrm;

	take_prefixes(&d);
	if (n < d.at + 2)
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(stores) && stores[i].opcode != insn[d.at]; i++)
		;
	if (i == ARRAY_SIZE(stores))
		return -EINVAL;
	modrm = insn[d.at + 1];
	d.at += 2;
	d.mod = modrm >> 6;
	d.reg = modrm >> 3 & 7;
	d.rm = modrm & 7;
	if (d.mod == 3 || (stores[i].immediate && d.reg))
		return -EINVAL;

	ok = d.address_size == 2 ? address16(&d, &address, &seg) :
				   address32(&d, &address, &seg, &relative);
	size = stores[i].byte ? 1 : d.operand_size;
	if (!ok || (stores[i].immediate && !take(&d, min(size, 4U), &value)))
		return -EINVAL;
	if (!stores[i].immediate)
		value = stored_register(&d, stores[i].byte);
	if (relative)
		address += ctx->rip + d.at;

	address = truncate(address, d.address_size) +
		  segment_base(&d, d.seg >= 0 ? d.seg : seg);
	store->linear = ctx->bits == 64 ? address : (u32)address;
	store->value = truncate(value, size);
	store->size = size;
	store->len = d.at;
	return 0;
}
