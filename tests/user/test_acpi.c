// SPDX-License-Identifier: GPL-2.0-or-later
/* ACPI tables: found by the rules of the specification, not by our structs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "acpi.h"
#include "acpi_aml.h"

#define BASE	0xe0000u

static uint8_t memory[1 << 20];

static uint32_t get32(const uint8_t *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t get64(const uint8_t *p)
{
	return get32(p) | (uint64_t)get32(p + 4) << 32;
}

static uint16_t get16(const uint8_t *p)
{
	return p[0] | p[1] << 8;
}

static uint8_t sum(const uint8_t *p, size_t len)
{
	uint8_t s = 0;

	while (len--)
		s += *p++;
	return s;
}

static int build(const struct acpi_config *cfg, size_t size, size_t *used,
		 struct err *e)
{
	struct acpi_window win = { memory, BASE, size };

	memset(memory, 0xa5, sizeof(memory));
	return acpi_build(cfg, &win, used, e);
}

static const uint8_t *at(uint64_t gpa)
{
	assert_in_range(gpa, BASE, BASE + sizeof(memory) - 64);
	return memory + (gpa - BASE);
}

/* A table with a header, its checksum checked. */
static const uint8_t *table(uint64_t gpa, const char *signature)
{
	const uint8_t *t = at(gpa);

	if (memcmp(t, signature, 4))
		fail_msg("expected %s, found %.4s", signature, (const char *)t);
	assert_in_range(get32(t + 4), 36, 1 << 20);
	if (sum(t, get32(t + 4)))
		fail_msg("%s has a bad checksum", signature);
	return t;
}

/* By way of the XSDT. */
static const uint8_t *find(const char *signature)
{
	const uint8_t *xsdt = table(get64(memory + 24), "XSDT");
	uint32_t i;

	for (i = 36; i < get32(xsdt + 4); i += 8)
		if (!memcmp(at(get64(xsdt + i)), signature, 4))
			return table(get64(xsdt + i), signature);
	fail_msg("no %s", signature);
	return NULL;
}

static void test_roots(void **state)
{
	struct acpi_config cfg;
	const uint8_t *rsdt, *xsdt, *facs, *fadt;
	uint32_t i;
	size_t used;

	(void)state;
	acpi_config_default(&cfg, 1);
	assert_int_equal(build(&cfg, ACPI_WINDOW_SIZE, &used, NULL), 0);
	assert_memory_equal(memory, "RSD PTR ", 8);
	assert_int_equal(sum(memory, 20), 0);
	assert_int_equal(sum(memory, 36), 0);
	assert_int_equal(memory[15], 2);
	assert_int_equal(get32(memory + 20), 36);

	rsdt = table(get32(memory + 16), "RSDT");
	xsdt = table(get64(memory + 24), "XSDT");
	assert_int_equal((get32(rsdt + 4) - 36) / 4, (get32(xsdt + 4) - 36) / 8);
	for (i = 0; i < (get32(rsdt + 4) - 36) / 4; i++)
		assert_int_equal(get32(rsdt + 36 + 4 * i), get64(xsdt + 36 + 8 * i));

	fadt = find("FACP");
	assert_int_equal(find("APIC")[8], 5);
	assert_int_equal(get32(fadt + 40), get64(fadt + 140));
	/* Revision 2: 64-bit integers. */
	assert_int_equal(table(get32(fadt + 40), "DSDT")[8], 2);
	assert_memory_equal(fadt + 10, "HOLM  HOLMPC  \1\0\0\0HOLM\1\0\0\0", 26);
	facs = at(get32(fadt + 36));
	assert_memory_equal(facs, "FACS", 4);
	assert_int_equal(get32(facs + 4), 64);
	assert_int_equal(get32(fadt + 36) % 64, 0);

	/* Zeros between the tables, nothing past the end. */
	for (i = 36; i < get32(memory + 16) - BASE; i++)
		assert_int_equal(memory[i], 0);
	assert_int_equal(memory[used], 0xa5);
	assert_true(used < ACPI_WINDOW_SIZE);
}

static void test_fadt(void **state)
{
	struct acpi_config cfg;
	const uint8_t *f;

	(void)state;
	acpi_config_default(&cfg, 1);
	cfg.pm_port = 0x1230;
	cfg.sci_irq = 10;
	build(&cfg, ACPI_WINDOW_SIZE, NULL, NULL);
	f = find("FACP");
	assert_int_equal(f[8], 6);
	assert_int_equal(get32(f + 4), 276);
	assert_int_equal(get16(f + 46), 10);		/* SCI_INT */
	assert_int_equal(get32(f + 48), 0);		/* SMI_CMD */
	assert_int_equal(get32(f + 56), 0x1230);	/* PM1a_EVT */
	assert_int_equal(get32(f + 64), 0x1234);	/* PM1a_CNT */
	assert_int_equal(get32(f + 76), 0x1238);	/* PM_TMR */
	assert_int_equal(f[88], 4);
	assert_int_equal(f[89], 2);
	assert_int_equal(f[91], 4);
	assert_int_equal(f[108], 0x32);			/* century */
	assert_int_equal(get16(f + 109), 7);		/* legacy, 8042, no VGA */
	/*
	 * WBINVD, PROC_C1, SLP_BUTTON, FIX_RTC, TMR_VAL_EXT, RESET_REG_SUP;
	 * neither PWR_BUTTON (there is one, in fixed hardware) nor HW_REDUCED.
	 */
	assert_int_equal(get32(f + 112), 0x565);
	assert_int_equal(f[116], 1);			/* reset register: I/O */
	assert_int_equal(f[117], 8);
	assert_int_equal(get64(f + 120), 0xcf9);
	assert_int_equal(f[128], 6);
	assert_int_equal(f[148], 1);			/* X_PM1a_EVT_BLK */
	assert_int_equal(f[149], 32);
	assert_int_equal(get64(f + 152), 0x1230);
	assert_int_equal(get64(f + 176), 0x1234);
	assert_int_equal(get64(f + 212), 0x1238);

	cfg.i8042 = false;
	build(&cfg, ACPI_WINDOW_SIZE, NULL, NULL);
	assert_int_equal(get16(find("FACP") + 109), 5);
}

struct madt_count {
	unsigned int lapic, x2apic, ioapic, override, nmi, x2nmi;
};

static struct madt_count walk_madt(const uint8_t *m, const uint32_t *ids)
{
	struct madt_count n = { 0 };
	uint32_t i, id;

	assert_int_equal(get32(m + 36), 0xfee00000);
	assert_int_equal(get32(m + 40), 1);
	for (i = 44; i < get32(m + 4); i += m[i + 1]) {
		const uint8_t *r = m + i;

		switch (r[0]) {
		case 0:
			assert_int_equal(r[1], 8);
			id = ids ? ids[r[2]] : r[2];
			assert_int_equal(r[3], id);
			assert_true(id < 255);
			assert_int_equal(get32(r + 4), 1);
			n.lapic++;
			break;
		case 1:
			assert_int_equal(r[1], 12);
			assert_int_equal(get32(r + 4), 0xfec00000);
			assert_int_equal(get32(r + 8), 0);
			n.ioapic++;
			break;
		case 2:
			assert_int_equal(r[1], 10);
			if (r[3] == 0) {
				assert_int_equal(get32(r + 4), 2);
				assert_int_equal(get16(r + 8), 0);
			} else {
				assert_int_equal(r[3], 9);
				assert_int_equal(get32(r + 4), 9);
				assert_int_equal(get16(r + 8), 0xd);
			}
			n.override++;
			break;
		case 4:
			assert_int_equal(r[1], 6);
			assert_int_equal(r[2], 0xff);
			assert_int_equal(r[5], 1);
			n.nmi++;
			break;
		case 9:
			assert_int_equal(r[1], 16);
			id = ids ? ids[get32(r + 12)] : get32(r + 12);
			assert_int_equal(get32(r + 4), id);
			assert_int_equal(get32(r + 8), 1);
			n.x2apic++;
			break;
		case 10:
			assert_int_equal(r[1], 12);
			assert_int_equal(get32(r + 4), 0xffffffff);
			assert_int_equal(r[8], 1);
			n.x2nmi++;
			break;
		default:
			fail_msg("MADT entry of type %u", r[0]);
		}
		assert_int_not_equal(r[1], 0);
	}
	assert_int_equal(i, get32(m + 4));
	return n;
}

static void test_madt(void **state)
{
	static const uint32_t sparse[] = { 0, 2, 254, 255, 300, 100000 };
	static const struct {
		unsigned int cpus;
		const uint32_t *ids;
		unsigned int lapic, x2apic;
	} rows[] = {
		{ 1, NULL, 1, 0 },
		{ 255, NULL, 255, 0 },
		{ 256, NULL, 255, 1 },
		{ 300, NULL, 255, 45 },
		{ 3, sparse, 3, 0 },
		{ 4, sparse, 3, 1 },
		{ 6, sparse, 3, 3 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct acpi_config cfg;
		struct madt_count n;

		acpi_config_default(&cfg, rows[i].cpus);
		cfg.apic_ids = rows[i].ids;
		assert_int_equal(build(&cfg, ACPI_WINDOW_SIZE, NULL, NULL), 0);
		n = walk_madt(find("APIC"), rows[i].ids);
		if (n.lapic != rows[i].lapic || n.x2apic != rows[i].x2apic)
			fail_msg("%u cpus: %u LAPICs, %u x2APICs", rows[i].cpus,
				 n.lapic, n.x2apic);
		assert_int_equal(n.ioapic, 1);
		assert_int_equal(n.override, 2);
		assert_int_equal(n.nmi, 1);
		assert_int_equal(n.x2nmi, rows[i].x2apic ? 1 : 0);
	}
}

static void test_refuses(void **state)
{
	static const uint32_t twice[] = { 0, 1, 0 };
	static const uint32_t broadcast[] = { 0, UINT32_MAX };
	struct acpi_config cfg;
	struct acpi_window win = { memory, BASE, ACPI_WINDOW_SIZE };
	struct err e = { "" };
	size_t used, i;

	(void)state;
	acpi_config_default(&cfg, 0);
	assert_int_equal(build(&cfg, ACPI_WINDOW_SIZE, NULL, &e), -1);
	assert_non_null(strstr(e.msg, "processors"));
	acpi_config_default(&cfg, 5000);
	assert_int_equal(build(&cfg, sizeof(memory), NULL, NULL), -1);
	acpi_config_default(&cfg, 3);
	cfg.apic_ids = twice;
	assert_int_equal(build(&cfg, ACPI_WINDOW_SIZE, NULL, &e), -1);
	assert_non_null(strstr(e.msg, "same APIC ID"));
	cfg.cpus = 2;
	cfg.apic_ids = broadcast;
	assert_int_equal(build(&cfg, ACPI_WINDOW_SIZE, NULL, NULL), -1);
	acpi_config_default(&cfg, 1);
	cfg.sci_irq = 2;
	assert_int_equal(build(&cfg, ACPI_WINDOW_SIZE, NULL, NULL), -1);
	cfg.sci_irq = 16;
	assert_int_equal(build(&cfg, ACPI_WINDOW_SIZE, NULL, NULL), -1);
	acpi_config_default(&cfg, 1);
	cfg.slp_typ_s5 = 8;
	assert_int_equal(build(&cfg, ACPI_WINDOW_SIZE, NULL, NULL), -1);
	acpi_config_default(&cfg, 1);
	win.gpa = BASE + 8;
	assert_int_equal(acpi_build(&cfg, &win, NULL, NULL), -1);
	win.gpa = 0xfffff000;
	assert_int_equal(acpi_build(&cfg, &win, NULL, NULL), -1);

	/* One byte too small: refused, untouched; exact: taken. */
	assert_int_equal(build(&cfg, ACPI_WINDOW_SIZE, &used, NULL), 0);
	assert_int_equal(build(&cfg, used - 1, NULL, &e), -1);
	assert_non_null(strstr(e.msg, "need"));
	for (i = 0; i < used; i++)
		assert_int_equal(memory[i], 0xa5);
	assert_int_equal(build(&cfg, used, NULL, NULL), 0);
}

static void test_aml_encoding(void **state)
{
	static const struct {
		uint64_t value;
		size_t len;
		uint8_t bytes[9];
	} rows[] = {
		{ 0, 1, { 0x00 } },
		{ 1, 1, { 0x01 } },
		{ 2, 2, { 0x0a, 2 } },
		{ 0xff, 2, { 0x0a, 0xff } },
		{ 0x100, 3, { 0x0b, 0, 1 } },
		{ 0x10000, 5, { 0x0c, 0, 0, 1, 0 } },
		{ 0x100000000, 9, { 0x0e, 0, 0, 0, 0, 1, 0, 0, 0 } },
	};
	/* ACPI 6.5, 19.3.4: PNP0C0A is 0x0A0CD041. */
	static const uint8_t battery[] = { 0x0c, 0x41, 0xd0, 0x0c, 0x0a };
	struct aml a = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		aml_integer(&a, rows[i].value);
		assert_int_equal(a.len, rows[i].len);
		assert_memory_equal(a.buf, rows[i].bytes, a.len);
		aml_free(&a);
	}
	aml_eisaid(&a, "PNP0C0A");
	assert_int_equal(a.len, sizeof(battery));
	assert_memory_equal(a.buf, battery, a.len);
	aml_free(&a);

	/* A closed package knows its length; errors stick. */
	aml_package_begin(&a, 1);
	aml_string(&a, "x");
	aml_end(&a);
	assert_false(a.failed);
	assert_int_equal(a.len, 9);
	assert_int_equal(a.buf[1], 0xc8);	/* 8 bytes, in four bytes */
	aml_end(&a);
	assert_true(a.failed);
	aml_free(&a);
	aml_eisaid(&a, "PNP0C0");
	assert_true(a.failed);
	aml_free(&a);
	aml_device_begin(&a, "TOOLONG");
	assert_true(a.failed);
	aml_free(&a);
	for (i = 0; i <= AML_MAX_DEPTH; i++)
		aml_package_begin(&a, 0);
	assert_true(a.failed);
	aml_free(&a);
}

static bool have_iasl(void)
{
	return system("command -v iasl >/dev/null 2>&1") == 0;
}

static char dir[64];

static void disassemble(const uint8_t *t, const char *name)
{
	char path[128], cmd[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.aml", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(t, 1, get32(t + 4), f), get32(t + 4));
	fclose(f);
	snprintf(cmd, sizeof(cmd),
		 "cd %s && iasl -d %s.aml >%s.log 2>&1 && ! grep -iE '^(error|warning)|invalid|incorrect' %s.log %s.dsl",
		 dir, name, name, name, name);
	if (system(cmd))
		fail_msg("iasl -d refuses %s (see %s)", name, dir);
}

static void expect_in(const char *name, const char *text)
{
	char cmd[512];

	snprintf(cmd, sizeof(cmd), "tr -s ' \\n' ' ' <%s/%s.dsl | grep -qF -- '%s'",
		 dir, name, text);
	if (system(cmd))
		fail_msg("%s.dsl in %s has no %s", name, dir, text);
}

/* ACPICA's own tool reads the tables, and compiles the DSDT back. */
static void test_iasl(void **state)
{
	struct acpi_config cfg;
	const uint8_t *fadt;
	char cmd[256];

	(void)state;
	if (!have_iasl())
		skip();
	snprintf(dir, sizeof(dir), "/tmp/holm-test-acpi.XXXXXX");
	assert_non_null(mkdtemp(dir));
	acpi_config_default(&cfg, 2);
	assert_int_equal(build(&cfg, ACPI_WINDOW_SIZE, NULL, NULL), 0);
	fadt = find("FACP");
	disassemble(table(get32(fadt + 40), "DSDT"), "dsdt");
	disassemble(fadt, "facp");
	disassemble(find("APIC"), "apic");

	expect_in("dsdt", "Name (_S5, Package (0x04) // _S5_: S5 System State { 0x05, 0x05, Zero, Zero })");
	expect_in("dsdt", "Device (C001) { Name (_HID, \"ACPI0007\"");
	expect_in("dsdt", "EisaId (\"PNP0501\")");
	expect_in("dsdt", "Name (_STA, 0x0F)");
	expect_in("dsdt", "IO (Decode16, 0x03F8, // Range Minimum 0x03F8, // Range Maximum 0x01, // Alignment 0x08, // Length ) IRQNoFlags () {4}");
	expect_in("dsdt", "EisaId (\"PNP0B00\")");
	expect_in("dsdt", "_CRS: Current Resource Settings { IO (Decode16, 0x0070, // Range Minimum 0x0070, // Range Maximum 0x01, // Alignment 0x02, // Length ) IRQNoFlags () {8} })");
	expect_in("dsdt", "EisaId (\"PNP0303\")");
	expect_in("dsdt", "_CRS: Current Resource Settings { IO (Decode16, 0x0060, // Range Minimum 0x0060, // Range Maximum 0x01, // Alignment 0x01, // Length ) IO (Decode16, 0x0064, // Range Minimum 0x0064, // Range Maximum 0x01, // Alignment 0x01, // Length ) IRQNoFlags () {1} })");
	snprintf(cmd, sizeof(cmd), "cd %s && iasl -p again dsdt.dsl >again.log 2>&1 && grep -q ' 0 Errors, 0 Warnings' again.log",
		 dir);
	if (system(cmd))
		fail_msg("the disassembled DSDT does not compile cleanly (see %s)", dir);

	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	assert_int_equal(system(cmd), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roots),
		cmocka_unit_test(test_fadt),
		cmocka_unit_test(test_madt),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_aml_encoding),
		cmocka_unit_test(test_iasl),
	};

	return cmocka_run_group_tests_name("acpi", tests, NULL, NULL);
}
