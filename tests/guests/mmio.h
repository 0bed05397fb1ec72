/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Addresses of the guests in mmio.S, for both languages; what mmio.c, which
 * runs them, and mmio_forms.c, which lists them, share.
 */
#ifndef GUEST_MMIO_H
#define GUEST_MMIO_H

/* RAM that an instruction uses once before it uses the device. */
#define TWIN_ADDR	0x180000
/* RAM that is the other operand. */
#define OTHER_ADDR	0x184000

/* Within 2 GiB of the code: mapped to the device, and to the first RAM. */
#define WINDOW_DEVICE	0x40000000
#define WINDOW_RAM	0x40200000

/* Page table entries that rows change. */
#define PAGE_A		0x1f0000
#define PAGE_B		0x1f1000

#ifndef __ASSEMBLER__
#include "guest.h"

#define FLAG_CF		BIT(0)
#define FLAG_PF		BIT(2)
#define FLAG_AF		BIT(4)
#define FLAG_ZF		BIT(6)
#define FLAG_SF		BIT(7)
#define FLAG_DF		BIT(10)
#define FLAG_OF		BIT(11)

/* Which registers are the device's address. */
#define B		BIT(HOLM_RBX)
#define SP		BIT(HOLM_RSP)
#define BP		BIT(HOLM_RBP)
#define S		BIT(HOLM_RSI)
#define D		BIT(HOLM_RDI)

#define XCR0_AVX512	(7ULL << 5)

/* What memory holds at first. */
#define P(o)		(((o) * 0x1bULL + 0x95) & 0xff)
#define M1(o)		P(o)
#define M2(o)		(P(o) | P((o) + 1) << 8)
#define M4(o)		(M2(o) | M2((o) + 2) << 16)
#define M8(o)		(M4(o) | M4((o) + 4) << 32)
/* The other memory. */
#define Q(o)		(((o) * 0x35ULL + 0x4b) & 0xff)
#define O1(o)		Q(o)
#define O2(o)		(Q(o) | Q((o) + 1) << 8)
#define O4(o)		(O2(o) | O2((o) + 2) << 16)
#define O8(o)		(O4(o) | O4((o) + 4) << 32)
/* Bytes of XMM and MMX registers. */
#define XMM_BYTE(n, i)	((n) << 4 | (i))
/* Bytes 32 up of ZMM0..15, all of ZMM16..31: no carry between the eight of a word. */
#define ZMM_BYTE(n, i)	(0x40 + 8 * (n) + (i))
#define HI16_BYTE(n, i)	(0x20 + 4 * ((n) & 15) + (i))
#define ST_BYTE(n, i)	(0xa0 + 8 * (n) + (i))
#define X8(n, i)	((n) * 0x1010101010101010ULL + (i) * 0x0101010101010101ULL + \
			 0x0706050403020100ULL)
#define MM8(n)		((n) * 0x0808080808080808ULL + 0xa7a6a5a4a3a2a1a0ULL)
#define X4(n, i)	(X8(n, i) & 0xffffffff)
/* What registers hold at first. */
#define RAX		0x1122334455667788ULL
#define RCX		3
#define RDX		0x99aabbccddeeff01ULL
#define MASK(size)	((size) == 8 ? ~0ULL : BIT(8 * (size)) - 1)

/* Which bits of a page table entry are set. */
#define PTE_P		BIT(0)
#define PTE_W		BIT(1)
#define PTE_U		BIT(2)
#define PTE_A		BIT(5)
#define PTE_D		BIT(6)

static inline void seg_base(struct guest *g, int seg, uint64_t base)
{
	g->sregs.seg[seg].base = base;
}

/* A page of the first 2 MiB of linear addresses. */
static inline void map(struct guest *g, uint64_t gva, uint64_t gpa, uint64_t bits)
{
	guest_pte(g, gva, gpa | bits, ~0ULL);
}

/**
 * struct form - an instruction
 * @name: below "mmio/"
 * @mode, @entry: as in struct guest_row
 * @twin: where the same with an address in RAM begins, 0 when it has none
 * @device: registers that point to the device
 * @moved: those that do so afterwards, when they are not the same
 * @undefined: flags that the manuals leave undefined
 * @rflags: at the beginning
 * @vector: vector registers are compared, too
 * @unknown: the emulator does not know it
 * @quiet: the accesses are not listed
 * @own_address: it stores the device's address
 * @skip, @check: as in struct guest_row, @check after the run on the device
 * @prepare: changes; base is the device, or RAM
 * @events: as in struct guest_row
 */
struct form {
	const char *name;
	enum guest_mode mode;
	uint64_t entry;
	uint64_t twin;
	uint32_t device, moved;
	uint64_t undefined;
	uint64_t rflags;
	bool vector;
	bool unknown;
	bool quiet;
	bool own_address;
	const char *(*skip)(void);
	void (*prepare)(struct guest *g, uint64_t base);
	void (*check)(struct guest *g);
	struct event events[20];
};

extern const struct form mmio_forms[];
extern const unsigned int mmio_nforms;

#endif /* __ASSEMBLER__ */
#endif
