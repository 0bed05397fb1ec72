// SPDX-License-Identifier: LGPL-2.1-or-later
/* Memory accesses of emulated instructions: see emul.h. */
#include <string.h>

#include "emul.h"

#define PAGE_SIZE	0x1000ULL
#define ALIGN_CHECK_MAX	8	/* SSE operands have rules of their own */
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

/* #AC: SDM vol. 3, 6.15 "Alignment Check Exception". */
static enum emul_step check_alignment(struct emul *e, uint64_t linear, unsigned int size)
{
	if (e->cpl == 3 && e->sregs.cr0 & CR0_AM && e->regs.rflags & RFLAGS_AC &&
	    size <= ALIGN_CHECK_MAX && !(size & (size - 1)) && linear & (size - 1))
		return emul_raise_err(e, VEC_AC, 0);
	return EMUL_OK;
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
		if (!emul_canonical(*linear) || !emul_canonical(*linear + size - 1))
			return emul_raise_err(e, vector, 0);
		return check_alignment(e, *linear, size);
	}

	if (!emul_real_mode(e)) {
		if (s->attrib & HOLM_SEG_UNUSABLE || !(s->attrib & HOLM_SEG_P))
			return emul_raise_err(e, vector, 0);
		/* Writes: writable data. Reads: data, or readable code. */
		if (write ? code || !(s->attrib & 0x2) : code && !(s->attrib & 0x2))
			return emul_raise_err(e, vector, 0);
	}
	if (!in_limit(s, ea, size))
		return emul_raise_err(e, vector, 0);
	*linear = (uint32_t)(s->base + ea);
	return check_alignment(e, *linear, size);
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

enum emul_step emul_check(struct emul *e, uint64_t linear, unsigned int size, bool write)
{
	struct piece piece[2];

	if (!size || size > MAX_ACCESS)
		return EMUL_UNKNOWN;
	return translate(e, linear, size, write, piece);
}

enum emul_step emul_cmpxchg(struct emul *e, uint64_t linear, unsigned int size,
			    void *expected, const void *desired, bool *swapped)
{
	struct piece piece[2];
	enum emul_step step = translate(e, linear, size, true, piece);
	uint8_t before[16];

	if (step)
		return step;
	memcpy(before, expected, size);
	/* Aligned RAM: atomic. A device, or an access across a boundary: it is not. */
	if (!piece[1].len && !(piece[0].gpa & (size - 1))) {
		*swapped = e->ops->compare_exchange(e->opaque, piece[0].gpa, size, expected,
						    desired);
		if (*swapped)
			return EMUL_OK;
		if (memcmp(before, expected, size))
			return ++e->retries < EMUL_MAX_RETRIES ? EMUL_OK : EMUL_RETRY;
	}
	*swapped = true;
	write_piece(e, piece[0].gpa, desired, piece[0].len);
	if (piece[1].len)
		write_piece(e, piece[1].gpa, (const uint8_t *)desired + piece[0].len,
			    piece[1].len);
	return EMUL_OK;
}

/* ---- the CPU's own accesses: descriptor tables and TSSs --------------------- */

static enum emul_step system_access(struct emul *e, uint64_t linear, void *buf, unsigned int size,
				    bool write)
{
	uint32_t flags = write ? HOLM_TRANSLATE_WRITE : 0, error_code = 0;
	uint8_t *p = buf;

	while (size) {
		unsigned int len = PAGE_SIZE - (linear & (PAGE_SIZE - 1));
		uint64_t gpa;

		if (!(e->sregs.efer & EFER_LMA))
			linear = (uint32_t)linear;
		if (len > size)
			len = size;
		/* Implicit supervisor accesses: RFLAGS.AC does not lift SMAP (5.6.1). */
		if (holm_guest_translate(&e->sregs, 0, linear, flags, true, e->ops, e->opaque,
					 &gpa, &error_code))
			return emul_raise_pf(e, linear, error_code);
		if (write)
			write_piece(e, gpa, p, len);
		else
			read_piece(e, gpa, p, len);
		linear += len;
		p += len;
		size -= len;
	}
	return EMUL_OK;
}

enum emul_step emul_system_read(struct emul *e, uint64_t linear, void *buf, unsigned int size)
{
	return system_access(e, linear, buf, size, false);
}

enum emul_step emul_system_write(struct emul *e, uint64_t linear, const void *buf,
				 unsigned int size)
{
	return system_access(e, linear, (void *)(uintptr_t)buf, size, true);
}

enum emul_step emul_system_check(struct emul *e, uint64_t linear, unsigned int size, bool write)
{
	uint32_t flags = write ? HOLM_TRANSLATE_WRITE : 0, error_code = 0;
	uint64_t last = linear + size - 1, gpa;

	/* Two pages at most: what is checked is no larger than a TSS. */
	for (;;) {
		if (!(e->sregs.efer & EFER_LMA))
			linear = (uint32_t)linear;
		if (holm_guest_translate(&e->sregs, 0, linear, flags, true, e->ops, e->opaque,
					 &gpa, &error_code))
			return emul_raise_pf(e, linear, error_code);
		if (((linear ^ last) & 0xfffff000) == 0)
			return EMUL_OK;
		linear = last & ~(PAGE_SIZE - 1);
	}
}
