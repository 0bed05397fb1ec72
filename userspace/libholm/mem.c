// SPDX-License-Identifier: LGPL-2.1-or-later
/* Memory accesses of emulated instructions: see emul.h. */
#include <string.h>

#include "emul.h"

#define PAGE_SIZE	0x1000ULL
#define MAX_ACCESS	64

enum emul_step emul_raise(struct emul *e, uint8_t vector)
{
	e->exception = (struct holm_event) { .type = HOLM_EVENT_EXCEPTION, .vector = vector };
	return EMUL_FAULT;
}

enum emul_step emul_raise_err(struct emul *e, uint8_t vector, uint32_t error_code)
{
	emul_raise(e, vector);
	e->exception.flags = HOLM_EVENT_HAS_ERROR_CODE;
	e->exception.error_code = error_code;
	return EMUL_FAULT;
}

enum emul_step emul_raise_pf(struct emul *e, uint64_t cr2, uint32_t error_code)
{
	emul_raise_err(e, VEC_PF, error_code);
	e->exception.flags |= HOLM_EVENT_HAS_PAYLOAD;
	e->exception.payload = cr2;
	return EMUL_FAULT;
}

static bool canonical(uint64_t addr)
{
	return (uint64_t)((int64_t)(addr << 16) >> 16) == addr;
}

static bool real_mode(const struct emul *e)
{
	return !(e->sregs.cr0 & CR0_PE) || e->regs.rflags & RFLAGS_VM;
}

static bool expand_down(const struct holm_segment *s)
{
	return (s->attrib & (HOLM_SEG_S | 0xc)) == (HOLM_SEG_S | 0x4);
}

/* Limit of an expand-down segment: SDM vol. 3, 5.3. */
static bool in_limit(const struct holm_segment *s, uint64_t ea, unsigned int size)
{
	uint64_t last = ea + size - 1;

	if (expand_down(s))
		return ea > s->limit && last <= (s->attrib & HOLM_SEG_DB ? 0xffffffffULL : 0xffff);
	return last <= s->limit;
}

enum emul_step emul_linear(struct emul *e, int seg, uint64_t ea, unsigned int size, bool write,
			   uint64_t *linear)
{
	const struct holm_segment *s = &e->sregs.seg[seg];
	uint8_t vector = seg == HOLM_SEG_SS ? VEC_SS : VEC_GP;
	bool code = s->attrib & 0x8;

	if (e->bits == 64) {
		*linear = ea;
		if (seg == HOLM_SEG_FS || seg == HOLM_SEG_GS)
			*linear += s->base;
		if (!canonical(*linear) || !canonical(*linear + size - 1))
			return emul_raise_err(e, vector, 0);
		return EMUL_OK;
	}

	if (!real_mode(e)) {
		if (s->attrib & HOLM_SEG_UNUSABLE || !(s->attrib & HOLM_SEG_P))
			return emul_raise_err(e, vector, 0);
		/* Writes: writable data. Reads: data, or readable code. */
		if (write ? code || !(s->attrib & 0x2) : code && !(s->attrib & 0x2))
			return emul_raise_err(e, vector, 0);
	}
	if (!in_limit(s, ea, size))
		return emul_raise_err(e, vector, 0);
	*linear = (uint32_t)(s->base + ea);
	return EMUL_OK;
}

/* ---- pieces of an access: one for each page it touches ---------------------- */

struct piece {
	uint64_t gpa;
	unsigned int len;
};

static enum emul_step translate(struct emul *e, uint64_t linear, unsigned int size, bool write,
				struct piece piece[2])
{
	uint32_t flags = (write ? HOLM_TRANSLATE_WRITE : 0) |
			 (e->cpl == 3 ? HOLM_TRANSLATE_USER : 0);
	unsigned int first = PAGE_SIZE - (linear & (PAGE_SIZE - 1)), i;
	uint32_t error_code = 0;

	piece[0].len = size < first ? size : first;
	piece[1].len = size - piece[0].len;
	for (i = 0; i < 2 && piece[i].len; i++) {
		uint64_t addr = i ? linear + first : linear;

		if (e->bits != 64)
			addr = (uint32_t)addr;
		if (holm_guest_translate(&e->sregs, e->regs.rflags, addr, flags, true, e->ops,
					 e->opaque, &piece[i].gpa, &error_code))
			return emul_raise_pf(e, addr, error_code);
	}
	return EMUL_OK;
}

/* The largest naturally aligned device access that starts at @gpa. */
static unsigned int device_size(uint64_t gpa, unsigned int len)
{
	unsigned int size = 8;

	while (size > len || gpa & (size - 1))
		size >>= 1;
	return size;
}

static void read_piece(struct emul *e, uint64_t gpa, uint8_t *buf, unsigned int len)
{
	if (e->ops->read_phys(e->opaque, gpa, buf, len))
		return;
	while (len) {
		unsigned int size = device_size(gpa, len);
		uint64_t value = e->ops->mmio_read(e->opaque, gpa, size);

		memcpy(buf, &value, size);
		gpa += size;
		buf += size;
		len -= size;
	}
}

static void write_piece(struct emul *e, uint64_t gpa, const uint8_t *buf, unsigned int len)
{
	if (e->ops->write_phys(e->opaque, gpa, buf, len))
		return;
	while (len) {
		unsigned int size = device_size(gpa, len);
		uint64_t value = 0;

		memcpy(&value, buf, size);
		e->ops->mmio_write(e->opaque, gpa, size, value);
		gpa += size;
		buf += size;
		len -= size;
	}
}

enum emul_step emul_read(struct emul *e, uint64_t linear, void *buf, unsigned int size)
{
	struct piece piece[2];
	enum emul_step step;

	if (!size || size > MAX_ACCESS)
		return EMUL_UNKNOWN;
	step = translate(e, linear, size, false, piece);
	if (step)
		return step;
	read_piece(e, piece[0].gpa, buf, piece[0].len);
	if (piece[1].len)
		read_piece(e, piece[1].gpa, (uint8_t *)buf + piece[0].len, piece[1].len);
	return EMUL_OK;
}

enum emul_step emul_write(struct emul *e, uint64_t linear, const void *buf, unsigned int size)
{
	struct piece piece[2];
	enum emul_step step;

	if (!size || size > MAX_ACCESS)
		return EMUL_UNKNOWN;
	step = translate(e, linear, size, true, piece);
	if (step)
		return step;
	write_piece(e, piece[0].gpa, buf, piece[0].len);
	if (piece[1].len)
		write_piece(e, piece[1].gpa, (const uint8_t *)buf + piece[0].len, piece[1].len);
	return EMUL_OK;
}

enum emul_step emul_check_write(struct emul *e, uint64_t linear, unsigned int size)
{
	struct piece piece[2];

	if (!size || size > MAX_ACCESS)
		return EMUL_UNKNOWN;
	return translate(e, linear, size, true, piece);
}

enum emul_step emul_cmpxchg(struct emul *e, uint64_t linear, unsigned int size,
			    void *expected, const void *desired, bool *swapped)
{
	struct piece piece[2];
	enum emul_step step = translate(e, linear, size, true, piece);
	uint8_t probe;

	if (step)
		return step;
	/* Aligned RAM: atomic. A device, or an access across a boundary: it is not. */
	if (!piece[1].len && !(piece[0].gpa & (size - 1)) &&
	    e->ops->read_phys(e->opaque, piece[0].gpa, &probe, 1)) {
		*swapped = e->ops->compare_exchange(e->opaque, piece[0].gpa, size, expected,
						    desired);
		return EMUL_OK;
	}
	*swapped = true;
	return emul_write(e, linear, desired, size);
}
