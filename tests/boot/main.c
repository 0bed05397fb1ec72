// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Prints what the loader told, and ends as the last word of the command line
 * says: poweroff, reset, keyboard, triple, bad-mmio, exit.
 */
#include "boot.h"

#define COM1		0x3f8
#define UART_LSR	5
#define LSR_THRE	0x20
#define DEBUG_EXIT	0xf4
#define EXIT_VALUE	21

#define ACPI_S5		5
#define SLP_EN		(1u << 13)
#define NOWHERE		0xd0000000u	/* no RAM, no device */

static inline void outb(uint16_t port, uint8_t val)
{
	asm volatile("outb %0, %1" : : "a"(val), "Nd"(port));
}

static inline void outw(uint16_t port, uint16_t val)
{
	asm volatile("outw %0, %1" : : "a"(val), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t val;

	asm volatile("inb %1, %0" : "=a"(val) : "Nd"(port));
	return val;
}

/* ---- output --------------------------------------------------------------- */

void put(const char *s)
{
	for (; *s; s++) {
		while (!(inb(COM1 + UART_LSR) & LSR_THRE))
			;
		outb(COM1, *s);
	}
}

static void put_hex(uint64_t val)
{
	char text[17], *p = text + 16;

	*p = 0;
	do {
		*--p = "0123456789abcdef"[val & 15];
		val >>= 4;
	} while (val);
	put(p);
}

static void __attribute__((noreturn)) stop(void)
{
	for (;;)
		asm volatile("cli; hlt");
}

void die(const char *why)
{
	put("error: ");
	put(why);
	put("\n");
	outb(DEBUG_EXIT, 1);
	stop();
}

/* ---- ACPI ----------------------------------------------------------------- */

struct rsdp {
	char signature[8];
	uint8_t checksum;
	char oem_id[6];
	uint8_t revision;
	uint32_t rsdt;
	uint32_t length;
	uint64_t xsdt;
	uint8_t extended_checksum;
} __attribute__((packed));

struct acpi_table {
	char signature[4];
	uint32_t length;
	uint8_t revision, checksum;
	char ids[26];
	uint8_t data[];
} __attribute__((packed));

#define FADT_DSDT	40
#define FADT_PM1A_CNT	64
#define FADT_RESET_REG	116
#define FADT_RESET_VAL	128
#define FADT_X_DSDT	140

static int same(const void *a, const char *b, unsigned int len)
{
	const char *p = a;

	while (len--)
		if (*p++ != *b++)
			return 0;
	return 1;
}

static void check_sum(const void *p, uint32_t len, const char *why)
{
	const uint8_t *b = p;
	uint8_t sum = 0;

	while (len--)
		sum += *b++;
	if (sum)
		die(why);
}

static const struct rsdp *find_rsdp(const struct boot_info *bi)
{
	const char *p;

	if (bi->rsdp)
		return at(bi->rsdp);
	/* ACPI 6.5, 5.2.5.1: on 16 bytes in the BIOS area */
	for (p = at(0xe0000); p < (const char *)at(0x100000); p += 16)
		if (same(p, "RSD PTR ", 8))
			return (const void *)p;
	die("no RSDP");
}

static const struct acpi_table *find_table(const struct boot_info *bi, const char *signature)
{
	const struct rsdp *rsdp = find_rsdp(bi);
	const struct acpi_table *xsdt, *t;
	const uint64_t *entry;
	unsigned int i, n;

	check_sum(rsdp, rsdp->length, "the RSDP's checksum is wrong");
	xsdt = at(rsdp->xsdt);
	check_sum(xsdt, xsdt->length, "the XSDT's checksum is wrong");
	entry = (const void *)xsdt->data;
	n = (xsdt->length - sizeof(*xsdt)) / 8;
	for (i = 0; i < n; i++) {
		t = at(entry[i]);
		check_sum(t, t->length, "a table's checksum is wrong");
		if (same(t->signature, signature, 4))
			return t;
	}
	die("a table is missing");
}

static uint32_t fadt_u32(const struct acpi_table *fadt, unsigned int offset)
{
	return *(const uint32_t *)((const uint8_t *)fadt + offset);
}

/* SLP_TYPa: the first element of the package \_S5, ACPI 6.5, 7.4.2. */
static uint8_t s5_type(const struct acpi_table *dsdt)
{
	const uint8_t *p = dsdt->data, *end = (const uint8_t *)dsdt + dsdt->length - 8;

	for (; p < end; p++) {
		if (!same(p, "_S5_", 4) || p[4] != 0x12)
			continue;
		p += 5;
		p += (*p >> 6) + 2;	/* PkgLength, NumElements */
		switch (*p) {
		case 0x0a:
			return p[1];
		case 0x00:
		case 0x01:
			return *p;
		default:
			die("\\_S5 is no package of bytes");
		}
	}
	die("no \\_S5 in the DSDT");
}

static void acpi_poweroff(const struct boot_info *bi)
{
	const struct acpi_table *fadt = find_table(bi, "FACP");
	const struct acpi_table *dsdt = at(fadt_u32(fadt, FADT_X_DSDT));

	if (!dsdt)
		dsdt = at(fadt_u32(fadt, FADT_DSDT));
	outw(fadt_u32(fadt, FADT_PM1A_CNT), s5_type(dsdt) << 10 | SLP_EN);
}

/* RESET_REG is a generic address structure: its address follows 4 bytes. */
static void acpi_reset(const struct boot_info *bi)
{
	const struct acpi_table *fadt = find_table(bi, "FACP");
	const uint8_t *p = (const uint8_t *)fadt;

	if (p[FADT_RESET_REG] != 1)
		die("the reset register is no port");
	outb(fadt_u32(fadt, FADT_RESET_REG + 4), p[FADT_RESET_VAL]);
}

/* ---- what the loader told ------------------------------------------------- */

static uint32_t sum(const struct boot_module *m)
{
	const uint8_t *p = at(m->start);
	uint32_t s = 0;
	uint64_t i;

	for (i = 0; i < m->size; i++)
		s += p[i];
	return s;
}

static void check_in_ram(const struct boot_info *bi, const struct boot_module *m)
{
	const struct boot_range *r;

	for (r = bi->ranges; r < bi->ranges + bi->nr_ranges; r++)
		if (r->type == 1 && m->start >= r->start &&
		    m->start + m->size <= r->start + r->size)
			return;
	die("a module is not in RAM");
}

static const char *last_word(const char *s)
{
	const char *word = s;

	for (; *s; s++)
		if (*s == ' ')
			word = s + 1;
	return word;
}

static int is(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

static void end(const struct boot_info *bi, const char *how)
{
	static const struct {
		uint16_t limit;
		uint32_t base;
	} __attribute__((packed)) no_idt;

	if (is(how, "poweroff"))
		acpi_poweroff(bi);
	else if (is(how, "reset"))
		acpi_reset(bi);
	else if (is(how, "keyboard"))
		outb(0x64, 0xfe);
	else if (is(how, "triple"))
		asm volatile("lidt %0; int3" : : "m"(no_idt));
	else if (is(how, "bad-mmio"))
		asm volatile("fldl %0" : : "m"(*(const double *)at(NOWHERE)));
	else if (is(how, "exit"))
		outb(DEBUG_EXIT, EXIT_VALUE);
	else
		die("the command line ends with no known word");
}

void run(const struct boot_info *bi)
{
	uint64_t ram = 0;
	unsigned int i;

	put("protocol ");
	put(bi->protocol);
	put("\ncmdline ");
	put(bi->cmdline);
	put("\n");
	for (i = 0; i < bi->nr_ranges; i++)
		if (bi->ranges[i].type == 1)
			ram += bi->ranges[i].size;
	put("ram ");
	put_hex(ram >> 20);
	put("\n");
	for (i = 0; i < bi->nr_modules; i++) {
		check_in_ram(bi, &bi->modules[i]);
		put("module ");
		put_hex(bi->modules[i].size);
		put(" ");
		put_hex(sum(&bi->modules[i]));
		put(" ");
		put(bi->modules[i].string);
		put("\n");
	}
	end(bi, last_word(bi->cmdline));
	stop();
}
